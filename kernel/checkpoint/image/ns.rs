// SPDX-License-Identifier: GPL-2.0

//! Records of namespaces.

use zerocopy::byteorder::little_endian::U32;

use super::layout::{
    flags,
    record,
    values, //
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
        /// The namespace around it; 0: outside.
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
    /// A network namespace. Payload: the settings in which it differs from a new one. Of each its path
    /// below /proc/sys and its text, each with a NUL, in the order in which they are written.
    #[record(NetNs = 206, "network namespace", min = 16, check = net_ns, object = net_ns_object)]
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

values! {
    "NetRequest.kind": u32, REQUEST_KINDS;
    /// A device: RTM_NEWLINK. With `NET_REQUEST_MAKE` it is made.
    REQUEST_NEWLINK = 16,
    /// State of a device: RTM_SETLINK.
    REQUEST_SETLINK = 19,
    /// An address: RTM_NEWADDR.
    REQUEST_NEWADDR = 20,
    /// An address that is not there: RTM_DELADDR.
    REQUEST_DELADDR = 21,
    /// A route: RTM_NEWROUTE.
    REQUEST_NEWROUTE = 24,
    /// A route that is not there: RTM_DELROUTE.
    REQUEST_DELROUTE = 25,
    /// A neighbour, or an entry of a bridge: RTM_NEWNEIGH.
    REQUEST_NEWNEIGH = 28,
    /// An entry of a tunnel that is not there: RTM_DELNEIGH.
    REQUEST_DELNEIGH = 29,
    /// A routing rule: RTM_NEWRULE.
    REQUEST_NEWRULE = 32,
    /// A routing rule that is not there: RTM_DELRULE.
    REQUEST_DELRULE = 33,
    /// A queueing discipline: RTM_NEWQDISC.
    REQUEST_NEWQDISC = 36,
    /// A connection that is tracked: NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_NEW, with one more attribute,
    /// of type 0x3ff0: `struct checkpoint_ct` of include/linux/checkpoint_conntrack.h.
    REQUEST_CONNECTION = 40,
    /// A connection that is expected: NFNL_SUBSYS_CTNETLINK_EXP and IPCTNL_MSG_EXP_NEW.
    REQUEST_EXPECTATION = 41,
    /// The address that a tunnel over IPv6 was born with, which makes others: none of rtnetlink. It has
    /// `struct ifinfomsg` and IFLA_PERM_ADDRESS.
    REQUEST_BORN = 45,
    /// How far a tunnel of GRE has numbered packets: none of rtnetlink. It has `struct ifinfomsg`, and two
    /// numbers of 32 bits: that of the packet that it takes next, and that of the one that it sends.
    REQUEST_NUMBERS = 46,
    /// The buckets of a resilient group of nexthops: none of rtnetlink. It has two numbers of 32 bits, that
    /// of the group, and for how long it is not balanced, in milliseconds; and `struct
    /// checkpoint_nexthop_bucket` of include/linux/checkpoint_nexthop.h for each bucket.
    REQUEST_BUCKETS = 47,
    /// Timeouts that tracked connections may get, with a name: NFNL_SUBSYS_CTNETLINK_TIMEOUT and
    /// IPCTNL_MSG_TIMEOUT_NEW.
    REQUEST_TIMEOUTS = 48,
    /// A class of a queueing discipline: RTM_NEWTCLASS.
    REQUEST_NEWTCLASS = 50,
    /// A filter of a queueing discipline or class: RTM_NEWTFILTER.
    REQUEST_NEWTFILTER = 51,
    /// A nexthop, or a group of these: RTM_NEWNEXTHOP.
    REQUEST_NEWNEXTHOP = 104,
    /// More names of a device: RTM_NEWLINKPROP.
    REQUEST_NEWLINKPROP = 108,
    /// A table of nftables: NFNL_SUBSYS_NFTABLES and NFT_MSG_NEWTABLE. What is of nftables is sent as one
    /// batch, after all else.
    REQUEST_NEWTABLE = 2560,
    /// A chain of these: NFT_MSG_NEWCHAIN.
    REQUEST_NEWCHAIN = 2563,
    /// A rule: NFT_MSG_NEWRULE.
    REQUEST_NEWRULE_NFT = 2566,
    /// A set: NFT_MSG_NEWSET.
    REQUEST_NEWSET = 2569,
    /// Elements of a set: NFT_MSG_NEWSETELEM.
    REQUEST_NEWELEM = 2572,
    /// An object: NFT_MSG_NEWOBJ.
    REQUEST_NEWOBJ = 2578,
}

flags! {
    "NetRequest.flags": u32, REQUEST_FLAG_LIST, REQUEST_FLAGS;
    /// The device is made.
    NET_REQUEST_MAKE = 1 << 0,
    /// It comes when the settings of the namespace are written; all others before that.
    NET_REQUEST_LATE = 1 << 1,
}

/// Most bytes of the name of a device.
pub const DEVICE_NAME_MAX: usize = 15;

/// Most bytes of a request: an attribute of netlink can't have more.
pub const REQUEST_MAX: usize = 65536;

record! {
    /// A link: a request of NETLINK_ROUTE, or of NETLINK_NETFILTER, that a network namespace gets when it is
    /// made. Payload: what
    /// comes after `struct nlmsghdr`, the header of the family first, in the byte order of the machine.
    /// The requests of a namespace are in the order in which it gets them.
    #[record(NetRequest = 240, "network request", min = 16, check = net_request)]
    pub struct NetRequest {
        /// The [`NetNs`].
        pub net: U32,
        /// `REQUEST_*`.
        pub kind: U32,
        /// `NET_REQUEST_*`.
        pub flags: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// A link: the number that a network namespace has for another one, or for itself. Those that have
    /// numbers for each other are made together. Payload: of one that stays outside the name of the first
    /// device that leads there, for which the caller gives one.
    #[record(NetPeer = 241, "network peer", min = 16, check = net_peer)]
    pub struct NetPeer {
        /// The [`NetNs`] that has it.
        pub net: U32,
        /// The namespace that has the number; 0: one that stays outside.
        pub peer: U32,
        /// The number.
        pub number: U32,
        /// Zero.
        pub reserved: U32,
    }
}

flags! {
    "NetMoved.flags": u32, MOVED_FLAG_LIST, MOVED_FLAGS;
    /// It was on, and had its carrier.
    MOVED_CARRIER = 1 << 0,
}

record! {
    /// A link: a device of a network namespace that was left to the caller: a restart makes none, but moves
    /// one of the caller's there. Requests tell what becomes of it then. Payload: its name.
    #[record(NetMoved = 276, "moved device", min = 16, check = net_moved)]
    pub struct NetMoved {
        /// The [`NetNs`] that has it.
        pub net: U32,
        /// Its number.
        pub index: U32,
        /// `MOVED_*`.
        pub flags: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// A link: a device that each new network namespace has, as drivers of tunnels make one there (`tunl0`,
    /// `sit0`). A restart makes none: that of the new namespace must be the same one. Payload: its name.
    #[record(NetFallback = 275, "device of each network namespace", min = 8, check = net_fallback)]
    pub struct NetFallback {
        /// The [`NetNs`] that has it.
        pub net: U32,
        /// Its number.
        pub index: U32,
    }
}
