// SPDX-License-Identifier: GPL-2.0

//! Filters of sockets.

use zerocopy::byteorder::little_endian::{
    U16,
    U32, //
};

use crate::image::layout::{
    record,
    structure, //
};

/// Most instructions of a filter, as of SO_ATTACH_FILTER.
pub const FILTER_MAX: usize = 4096;

record! {
    /// A link: the classic filter that is attached to a socket (SO_ATTACH_FILTER); payload:
    /// [`FilterStep`]s.
    #[record(SocketFilter = 230, "filter of a socket", min = 16, check = socket_filter)]
    pub struct SocketFilter {
        /// The `Socket`.
        pub socket: U32,
        /// How many instructions it has.
        pub len: U32,
        /// 1: it can't be taken off (SO_LOCK_FILTER).
        pub locked: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// An instruction of a filter, as of `struct sock_filter`.
    pub struct FilterStep {
        /// What it does.
        pub code: U16,
        /// How far it jumps if a condition is met.
        pub jt: u8,
        /// How far it jumps if not.
        pub jf: u8,
        /// Its operand.
        pub k: U32,
    }
}
