// SPDX-License-Identifier: GPL-2.0

//! Records of namespaces.

use zerocopy::byteorder::little_endian::U32;
use zerocopy_derive::{
    FromBytes,
    Immutable,
    IntoBytes, //
};

use super::{
    kinds::Kind,
    record::Body, //
};

pub(super) mod check;

/// Bytes of a name in a uts namespace, with its NUL.
pub const UTS_LEN: usize = 65;

/// A uts namespace.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct Uts {
    /// Reference of this object.
    pub obj: U32,
    /// Zero.
    pub reserved: U32,
    /// Host name, padded with NUL.
    pub nodename: [u8; UTS_LEN],
    /// NIS domain name, padded with NUL.
    pub domainname: [u8; UTS_LEN],
    /// Zero.
    pub reserved2: [u8; 6],
}

impl Body for Uts {
    const KIND: Kind = Kind::Uts;
    const LEN_MIN: usize = 144;
}

/// A pid namespace.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub struct PidNs {
    /// Reference of this object.
    pub obj: U32,
    /// The namespace that it lies in; 0: outside.
    pub parent: U32,
    /// The last pid that was given out in it.
    pub last_pid: U32,
    /// Its pids are below this, as of /proc/sys/kernel/pid_max.
    pub pid_max: U32,
    /// As of /proc/sys/vm/memfd_noexec.
    pub memfd_noexec: U32,
    /// Zero.
    pub reserved: U32,
}

impl Body for PidNs {
    const KIND: Kind = Kind::PidNs;
    const LEN_MIN: usize = 24;
}
