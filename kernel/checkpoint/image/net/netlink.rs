// SPDX-License-Identifier: GPL-2.0

//! Records of netlink sockets.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::{
    flags,
    record, //
};

/// `Socket.family`: AF_NETLINK.
pub const FAMILY_NETLINK: u32 = 16;

/// Most groups that one socket is in.
pub const GROUPS_MAX: usize = 1024;

/// Most bytes of one message.
pub const MESSAGE_MAX: usize = 15 << 20;

/// [`NetlinkSocket::error`]: ENOBUFS.
pub const ERROR_MISSED: u32 = 105;

/// NETLINK_GENERIC, of whose families [`GenericFamily`] tells.
pub const PROTOCOL_GENERIC: u32 = 16;

/// Protocols that have no state of their own in the kernel for each socket.
pub const PROTOCOLS: &[u32] = &[
    0,  // NETLINK_ROUTE
    2,  // NETLINK_USERSOCK
    4,  // NETLINK_SOCK_DIAG
    6,  // NETLINK_XFRM
    7,  // NETLINK_SELINUX
    10, // NETLINK_FIB_LOOKUP
    15, // NETLINK_KOBJECT_UEVENT
    PROTOCOL_GENERIC,
    21, // NETLINK_CRYPTO
];

record! {
    /// A link: what a netlink socket is to others; payload: the groups that it is in, by ascending
    /// number, each a 32-bit number.
    #[record(NetlinkSocket = 237, "netlink socket", min = 40, check = netlink_socket)]
    pub struct NetlinkSocket {
        /// The `Socket`.
        pub socket: U32,
        /// `NETLINK_*`: options of SOL_NETLINK that are on.
        pub flags: U32,
        /// Its port; 0: it has none yet.
        pub port: U32,
        /// Port to which it sends.
        pub to: U32,
        /// Group to which it sends; 0: none.
        pub to_group: U32,
        /// 1: it is connected to these.
        pub connected: U32,
        /// What SO_ERROR tells: 0, or 105 for ENOBUFS.
        pub error: U32,
        /// 1: a dump is under way.
        pub dump: U32,
        /// Sequence number of the request of that.
        pub dump_seq: U32,
        /// How many groups it is in.
        pub groups: U32,
    }
}

flags! {
    "NetlinkSocket.flags": u32, NETLINK_LIST, NETLINK_ALL;
    /// NETLINK_PKTINFO.
    NETLINK_PKTINFO = 1 << 1,
    /// NETLINK_BROADCAST_ERROR.
    NETLINK_BROADCAST_ERROR = 1 << 2,
    /// NETLINK_NO_ENOBUFS.
    NETLINK_NO_ENOBUFS = 1 << 3,
    /// NETLINK_LISTEN_ALL_NSID.
    NETLINK_LISTEN_ALL_NSID = 1 << 4,
    /// NETLINK_CAP_ACK.
    NETLINK_CAP_ACK = 1 << 5,
    /// NETLINK_EXT_ACK.
    NETLINK_EXT_ACK = 1 << 6,
    /// NETLINK_GET_STRICT_CHK.
    NETLINK_STRICT_CHK = 1 << 7,
}

record! {
    /// A link: a message in the queue of a netlink socket, oldest first; payload: its bytes.
    #[record(NetlinkMessage = 238, "netlink message", min = 32, check = netlink_message)]
    pub struct NetlinkMessage {
        /// The socket in whose queue it is.
        pub socket: U32,
        /// Port of who has sent it; 0: the kernel.
        pub port: U32,
        /// Group to which it was sent; 0: none.
        pub group: U32,
        /// The sender's process, by the number that it had for itself; 0 of the kernel.
        pub pid: U32,
        /// The user id of the sender, in the user namespace of the caller; 0 of the kernel.
        pub uid: U32,
        /// The group id.
        pub gid: U32,
        /// `NETLINK_MESSAGE_*`.
        pub flags: U32,
        /// Number of the network namespace that it came from; a signed number.
        pub nsid: U32,
    }
}

flags! {
    "NetlinkMessage.flags": u32, NETLINK_MESSAGE_LIST, NETLINK_MESSAGE_ALL;
    /// The message says which network namespace it came from.
    NETLINK_MESSAGE_NSID = 1 << 0,
}

record! {
    /// A link: a family of generic netlink that a socket uses, or a multicast group of one.
    #[record(GenericFamily = 250, "generic netlink family", min = 48, check = generic_family)]
    pub struct GenericFamily {
        /// The `Socket`.
        pub socket: U32,
        /// Number of the family.
        pub id: U32,
        /// Number of the group that the socket is in; 0: it tells of the family only.
        pub group_id: U32,
        /// 1: the socket has asked the family.
        pub asked: U32,
        /// Name of the family, with zeros after it.
        pub family: [u8; 16],
        /// Name of the group, likewise; zeros if there is none.
        pub group: [u8; 16],
    }
}
