// SPDX-License-Identifier: GPL-2.0

//! Records of namespaces.

use zerocopy::byteorder::little_endian::U32;

use super::layout::{
    flags,
    record, //
};

pub(super) mod check;

/// Bytes of a name in a uts namespace, with its NUL.
pub const UTS_LEN: usize = 65;

record! {
    /// A uts namespace.
    #[record(Uts = 128, "uts namespace", min = 144, check = uts, object)]
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
}

record! {
    /// A pid namespace.
    #[record(PidNs = 129, "pid namespace", min = 24, check = pid_ns, object = pid_ns_object)]
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
}

flags! {
    "NetNs.flags": u32, NETNS_FLAG_LIST, NETNS_FLAGS;
    /// What is in it is not in the image: it takes one of the caller's.
    NETNS_OUTSIDE = 1 << 0,
    /// The loopback device is switched on.
    NETNS_LO_UP = 1 << 1,
    /// It is not, but was: it has the addresses that it got then.
    NETNS_LO_WAS_UP = 1 << 2,
}

/// Most settings of a network namespace.
pub const SETTINGS_MAX: u32 = 4096;

/// Most bytes of the path of a setting, its NUL included.
pub const SETTING_PATH_MAX: usize = 256;

/// Most bytes of the text of a setting, its NUL included.
pub const SETTING_TEXT_MAX: usize = 4096;

record! {
    /// A network namespace, which all tasks are in. Payload: the settings in which it differs from a
    /// new one. Of each its path below /proc/sys and its text, each with a NUL, in the order in which
    /// they are written.
    #[record(NetNs = 206, "network namespace", min = 16, check = net_ns, object)]
    pub struct NetNs {
        /// Reference of this object.
        pub obj: U32,
        /// `NETNS_*`.
        pub flags: U32,
        /// MTU of the loopback device.
        pub lo_mtu: U32,
        /// Number of settings.
        pub settings: U32,
    }
}
