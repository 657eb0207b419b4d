// SPDX-License-Identifier: GPL-2.0

//! Records of files.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes,
    KnownLayout,
    Unaligned, //
};

use super::{
    kinds::Kind,
    record::Body, //
};

pub(super) mod check;

/// Most descriptors of one table.
pub const FDS_MAX: usize = 1 << 20;

/// A descriptor table; payload: [`Fd`]s by ascending number.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Table {
    /// Reference of this object.
    pub obj: U32,
    /// Zero.
    pub reserved: U32,
}

impl Body for Table {
    const KIND: Kind = Kind::Files;
    const LEN_MIN: usize = 8;
}

/// A descriptor.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Fd {
    /// Its number.
    pub fd: U32,
    /// The open file.
    pub file: U32,
    /// 1: close-on-exec.
    pub cloexec: U32,
    /// Zero.
    pub reserved: U32,
}

/// [`OpenFile::kind`]: regular file, by path.
pub const FILE_REGULAR: u32 = 1;
/// [`OpenFile::kind`]: directory, by path.
pub const FILE_DIRECTORY: u32 = 2;
/// [`OpenFile::kind`]: regular file without a name; `inode` holds it.
pub const FILE_UNLINKED: u32 = 3;
/// [`OpenFile::kind`]: end of an anonymous pipe; `inode` is the [`Pipe`].
pub const FILE_PIPE: u32 = 4;
/// [`OpenFile::kind`]: end of a named pipe, by path; `inode` is the [`Pipe`].
pub const FILE_FIFO: u32 = 5;
/// [`OpenFile::kind`]: one of the memory devices, by path; `inode` is the device number.
pub const FILE_DEVICE: u32 = 6;
/// [`OpenFile::kind`]: anonymous memory shared between tasks; `inode` holds it. Has no
/// descriptor, only mappings.
pub const FILE_SHARED_ANON: u32 = 7;

/// [`OpenFile::flags`]
pub mod open {
    /// Readable.
    pub const READ: u32 = 1 << 0;
    /// Writable.
    pub const WRITE: u32 = 1 << 1;
    /// O_APPEND.
    pub const APPEND: u32 = 1 << 2;
    /// O_NONBLOCK.
    pub const NONBLOCK: u32 = 1 << 3;
    /// O_DSYNC.
    pub const DSYNC: u32 = 1 << 4;
    /// O_SYNC.
    pub const SYNC: u32 = 1 << 5;
    /// O_DIRECT.
    pub const DIRECT: u32 = 1 << 6;
    /// O_NOATIME.
    pub const NOATIME: u32 = 1 << 7;
    /// O_PATH.
    pub const PATH: u32 = 1 << 8;
    /// O_LARGEFILE.
    pub const LARGEFILE: u32 = 1 << 9;
    /// O_DIRECTORY.
    pub const DIRECTORY: u32 = 1 << 10;
    /// O_NOFOLLOW.
    pub const NOFOLLOW: u32 = 1 << 11;
    /// POSIX_FADV_RANDOM.
    pub const RANDOM: u32 = 1 << 12;
    /// POSIX_FADV_SEQUENTIAL.
    pub const SEQUENTIAL: u32 = 1 << 13;
    /// POSIX_FADV_NOREUSE.
    pub const NOREUSE: u32 = 1 << 14;
    /// Opened by exec(2): may be executed, but maybe not read.
    pub const EXEC: u32 = 1 << 15;
    /// All flags.
    pub const ALL: u32 = (1 << 16) - 1;
}

/// [`OpenFile::size`] of a file that was still growing.
pub const SIZE_UNKNOWN: u64 = i64::MAX as u64;

/// [`OpenFile::mtime_nsec`] of a file whose time of modification was not known.
pub const NSEC_UNKNOWN: u32 = u32::MAX;

/// An open file; payload: path from the container's root directory, where `kind` wants one.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct OpenFile {
    /// Reference of this object.
    pub obj: U32,
    /// `FILE_*`.
    pub kind: U32,
    /// `open::*`.
    pub flags: U32,
    /// Meaning depends on `kind`; 0: none.
    pub inode: U32,
    /// File position in bytes. Of an end of a named pipe: 1 if nobody had the pipe open for
    /// writing since this end was opened.
    pub pos: U64,
    /// Size of a regular file in bytes; 2^63 - 1: not known, as it was still growing.
    pub size: U64,
    /// Credentials that the file was opened with; 0: those of the task that has it first.
    pub cred: U32,
    /// File type and permissions, as of stat(2).
    pub mode: U32,
    /// Time of last modification of a regular file: seconds since 1970, signed.
    pub mtime: U64,
    /// Nanoseconds of it; 2^32 - 1: not known, as its server has not got all data.
    pub mtime_nsec: U32,
    /// Generation of the inode of a file with a path.
    pub generation: U32,
    /// Device of a file with a path: major number in the high half, minor number in the low one.
    pub dev: U64,
    /// Inode number of a file with a path; 0: it has none that stays.
    pub ino: U64,
}

impl Body for OpenFile {
    const KIND: Kind = Kind::File;
    const LEN_MIN: usize = 72;
}

/// An inode that has no name; payload: the path of a directory on its filesystem, none for
/// anonymous memory. Its contents are in extents; what no extent holds is a hole.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Inode {
    /// Reference of this object.
    pub obj: U32,
    /// Permissions, as of stat(2).
    pub mode: U32,
    /// Size in bytes.
    pub size: U64,
    /// Owner and group, in the user namespace of the caller.
    pub owner: [U32; 2],
    /// Time of last access of a removed file: seconds since 1970, signed.
    pub atime: U64,
    /// Time of its last modification, likewise.
    pub mtime: U64,
    /// Nanoseconds of the former.
    pub atime_nsec: U32,
    /// Nanoseconds of the latter.
    pub mtime_nsec: U32,
    /// `INODE_*`.
    pub flags: U32,
    /// Zero.
    pub reserved: U32,
}

impl Body for Inode {
    const KIND: Kind = Kind::Inode;
    const LEN_MIN: usize = 56;
}

/// [`Inode::flags`]: was made without a name, and may be given one (linkat).
pub const INODE_LINKABLE: u32 = 1 << 0;
/// [`Inode::flags`]: anonymous memory for which nothing is set aside in advance (MAP_NORESERVE).
pub const INODE_NORESERVE: u32 = 1 << 1;

/// A pipe.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Pipe {
    /// Reference of this object.
    pub obj: U32,
    /// Number of [`PipeBuffer`] records that follow.
    pub buffers: U32,
    /// Size in bytes, as of F_GETPIPE_SZ.
    pub size: U32,
    /// 1: a named one.
    pub named: U32,
    /// Owner and group of one without a name, in the user namespace of the caller.
    pub owner: [U32; 2],
}

impl Body for Pipe {
    const KIND: Kind = Kind::Pipe;
    const LEN_MIN: usize = 24;
}

/// Largest size of a pipe, in bytes.
pub const PIPE_MAX: u32 = 1 << 30;

/// A buffer of the [`Pipe`] before it; payload: bytes, oldest buffer first.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PipeBuffer {
    /// 1: a packet, as written with O_DIRECT.
    pub packet: U32,
    /// Zero.
    pub reserved: U32,
}

impl Body for PipeBuffer {
    const KIND: Kind = Kind::PipeBuffer;
    const LEN_MIN: usize = 8;
}

/// Root, working directory and umask.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Fs {
    /// Reference of this object.
    pub obj: U32,
    /// The umask.
    pub umask: U32,
    /// Root directory, a [`Path`]; 0: the caller's.
    pub root: U32,
    /// Working directory, a [`Path`].
    pub pwd: U32,
}

impl Body for Fs {
    const KIND: Kind = Kind::Fs;
    const LEN_MIN: usize = 16;
}

/// A directory; payload: path from the caller's root directory.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Path {
    /// Reference of this object.
    pub obj: U32,
    /// Generation of its inode.
    pub generation: U32,
    /// Its device, as in [`OpenFile`].
    pub dev: U64,
    /// Its inode number; 0: it has none that stays.
    pub ino: U64,
}

impl Body for Path {
    const KIND: Kind = Kind::Path;
    const LEN_MIN: usize = 24;
}
