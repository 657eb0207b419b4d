// SPDX-License-Identifier: GPL-2.0

//! Records of memberships of IPv4 and IPv6 sockets.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::{
    record,
    values, //
};

/// Most memberships of one socket.
pub const MEMBERS_MAX: usize = 4096;

/// Most sources that all memberships of one socket name.
pub const SOURCES_MAX: usize = 1 << 16;

record! {
    /// A link: a membership of an IPv4 or IPv6 socket in a multicast group, or an anycast address of it,
    /// in the order in which it has joined them; payload: the addresses of the sources that it names, 16
    /// bytes each, with zeros after one of IPv4.
    #[record(InetMember = 248, "membership", min = 40, check = inet_member)]
    pub struct InetMember {
        /// The `Socket`.
        pub socket: U32,
        /// `MEMBER_*`.
        pub kind: U32,
        /// 1: it is one of IPv6.
        pub v6: U32,
        /// Number of the device.
        pub device: U32,
        /// How many sources it names.
        pub sources: U32,
        /// The address of the group, in network order, with zeros after one of IPv4.
        pub group: [u8; 16],
        /// Of one of IPv4 the address of the device by which the group was joined, or zeros.
        pub local: [u8; 4],
    }
}

values! {
    "InetMember.kind": u32, MEMBER_KINDS;
    /// It hears all sources but those that it names.
    MEMBER_EXCLUDE = 0,
    /// The same, and it has named some before; of IPv4.
    MEMBER_EMPTIED = 1,
    /// It hears only those that it names.
    MEMBER_INCLUDE = 2,
    /// It is an anycast address, of IPv6.
    MEMBER_ANYCAST = 3,
}
