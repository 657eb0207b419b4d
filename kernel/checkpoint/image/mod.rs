// SPDX-License-Identifier: GPL-2.0

//! The image format: framing, records, checksums, and what makes an image valid.
//!
//! No `unsafe`, no allocation and nothing of the kernel: the same files are compiled into the
//! kernel and, on the host, into the tools, the unit tests and the fuzzer. Numbers are
//! little-endian everywhere. See `Documentation/checkpoint/image-format.rst`.
//!
//! An image is a [`Header`], then `meta_len` bytes of metadata and their checksums, then
//! batches of pages, the index of them, and the [`Trailer`]. All after the header is a sequence of records; see [`record`].

pub mod check;
pub mod confinement;
pub mod contents;
pub mod controls;
pub mod cpu;
pub mod epoll;
pub mod files;
pub mod header;
pub mod huge;
pub mod ipc;
pub mod kinds;
pub mod labels;
pub mod layout;
pub mod lists;
pub mod mm;
pub mod mount;
pub mod net;
pub mod notes;
pub mod notify;
pub mod ns;
pub mod policy;
pub mod record;
pub mod seccomp;
pub mod sharing;
pub mod task;
pub mod trace;
pub mod userfault;
pub mod vdso;

pub use header::{
    Header,
    Trailer, //
};
pub use kinds::Kind;
pub use record::{
    Body,
    Fault,
    ObjRef,
    Raw,
    Records, //
};
