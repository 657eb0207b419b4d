// SPDX-License-Identifier: GPL-2.0

//! Records of IPv4 and IPv6 sockets.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::image::layout::{
    flags,
    record,
    values, //
};

/// Bytes of an address of IPv4 in the fields that have one of either kind; the others are zero.
pub const ADDR4_LEN: usize = 4;

/// Bytes of the filter of ICMPv6 (`ICMP6_FILTER`).
pub const ICMP6_FILTER_LEN: usize = 32;

/// [`InetSocket::error`]: the largest number. Larger ones are the kernel's own, as ERESTARTSYS.
pub const ERROR_MAX: u32 = 511;

/// [`InetSocket::flow`]: all bits that there are.
pub const FLOW_ALL: u32 = 0x0fff_ffff;

/// Most bytes of one datagram.
pub const DATAGRAM_MAX: usize = 65535;

record! {
    /// A link: the addresses of an IPv4 or IPv6 socket, and what else all of these have; payload: of a
    /// raw socket of ICMPv6 its filter.
    #[record(InetSocket = 227, "IPv4 or IPv6 socket", min = 80, check = inet_socket)]
    pub struct InetSocket {
        /// The `Socket`.
        pub socket: U32,
        /// `INET_*`.
        pub state: U32,
        /// Its port; of a raw socket its protocol.
        pub port: U32,
        /// The port that it is connected to.
        pub peer_port: U32,
        /// Number of the device of its addresses, if they are link-local; 0: none.
        pub device: U32,
        /// Traffic class and flow label that it was connected with.
        pub flow: U32,
        /// `INET_LOCK_*`: who has chosen its address.
        pub locks: U32,
        /// `INET_SHUT_*`.
        pub shutdown: U32,
        /// What SO_ERROR tells: a number as of errno(3), or 0.
        pub error: U32,
        /// How many time stamps it has numbered (SOF_TIMESTAMPING_OPT_ID).
        pub stamp_key: U32,
        /// How many transmissions without a copy it has numbered (MSG_ZEROCOPY).
        pub zerocopy_key: U32,
        /// 1: IPV6_V6ONLY, or its address is of IPv6 only.
        pub v6only: U32,
        /// The address at which it receives, in network order, with zeros after one of IPv4.
        pub addr: [u8; 16],
        /// The address that it is connected to.
        pub peer: [u8; 16],
    }
}

values! {
    "InetSocket.state": u32, INET_STATES;
    /// Neither bound nor connected.
    INET_NEW = 0,
    /// Bound.
    INET_BOUND = 1,
    /// Bound, and connected.
    INET_CONNECTED = 2,
}

flags! {
    "InetSocket.locks": u32, INET_LOCK_LIST, INET_LOCK_ALL;
    /// Its address was asked for, and stays when it is connected to nothing again.
    INET_LOCK_ADDR = 1 << 2,
    /// Its port was.
    INET_LOCK_PORT = 1 << 3,
    /// Its port was chosen when it was connected.
    INET_LOCK_CONNECT = 1 << 4,
}

flags! {
    "InetSocket.shutdown": u32, INET_SHUT_LIST, INET_SHUT_ALL;
    /// Receives no more.
    INET_SHUT_READ = 1 << 0,
    /// Sends no more.
    INET_SHUT_WRITE = 1 << 1,
}

record! {
    /// A link: a datagram in the queue of a UDP, ICMP or raw socket, oldest first; payload: its contents,
    /// of a raw socket of IPv4 with its header.
    #[record(InetMessage = 228, "datagram", min = 88, check = inet_message)]
    pub struct InetMessage {
        /// The socket in whose queue it is.
        pub socket: U32,
        /// 1: it is one of IPv6.
        pub v6: U32,
        /// The address of who has sent it, in network order, with zeros after one of IPv4.
        pub from: [u8; 16],
        /// The address that it was sent to.
        pub to: [u8; 16],
        /// Of one of IPv4, the address of its receiver, as IP_PKTINFO tells it.
        pub spec_dst: [u8; 4],
        /// The port of who has sent it, of UDP.
        pub from_port: U32,
        /// The port that it was sent to.
        pub to_port: U32,
        /// Number of the device that it came from; 0: unknown.
        pub device: U32,
        /// Traffic class and flow label; of IPv4 its type of service.
        pub flow: U32,
        /// How many hops it had left.
        pub ttl: U32,
        /// Size of its largest fragment; 0: it came in one.
        pub frag_size: U32,
        /// Of several of UDP that were put together (UDP_GRO), how long each is; 0: it is one.
        pub gso_size: U32,
        /// As of SO_RCVMARK.
        pub mark: U32,
        /// As of SO_RCVPRIORITY.
        pub priority: U32,
        /// When it was received, in nanoseconds since 1970, if that was noted; else 0.
        pub time: U64,
    }
}
