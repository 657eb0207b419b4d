// SPDX-License-Identifier: GPL-2.0

//! Records of UDP sockets.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::{
    flags,
    record, //
};

/// Most bytes of a datagram that is not complete.
pub const CORK_MAX: usize = 0xffff;

/// [`UdpCork::class`]: that of the socket.
pub const CLASS_OF_SOCKET: u32 = u32::MAX;

record! {
    /// A link: a datagram that a UDP socket has begun (UDP_CORK, MSG_MORE); payload: its bytes. The
    /// `InetSocket` of the same socket follows.
    #[record(UdpCork = 247, "begun datagram", min = 72, check = udp_cork)]
    pub struct UdpCork {
        /// The `Socket`.
        pub socket: U32,
        /// `UDP_CORK_*`.
        pub flags: U32,
        /// The port that it goes to.
        pub port: U32,
        /// Number of the device by which it is sent; 0: that is not fixed.
        pub device: U32,
        /// Its flow label, of IPv6.
        pub flow: U32,
        /// SO_MARK of it.
        pub mark: U32,
        /// SO_PRIORITY of it.
        pub priority: U32,
        /// Its hops; of IPv4 0: as the route has it.
        pub hops: U32,
        /// Its traffic class; of IPv4 `u32::MAX`: as the socket has it.
        pub class: U32,
        /// Bytes of each part in which it is sent (UDP_SEGMENT); 0: in one.
        pub segment: U32,
        /// Where it goes to, of which IPv4 has the first four bytes.
        pub to: [u8; 16],
        /// The address that it comes from.
        pub from: [u8; 16],
    }
}

flags! {
    "UdpCork.flags": u32, UDP_CORK_FLAG_LIST, UDP_CORK_ALL;
    /// It is one of IPv6.
    UDP_CORK_V6 = 1 << 0,
    /// It is not to be cut into fragments, of IPv6.
    UDP_CORK_WHOLE = 1 << 1,
}
