// SPDX-License-Identifier: GPL-2.0

//! Records of what is in error queues of sockets.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::image::layout::{
    flags,
    record,
    values, //
};

/// Most bytes of one message of an error queue.
pub const ERROR_DATA_MAX: usize = 128 << 10;

/// Most bytes of [`ERROR_OPT_STATS`].
pub const ERROR_STATS_MAX: usize = 1024;

/// Highest [`SocketError::transport`].
pub const ERROR_TRANSPORT_MAX: u32 = 0xff00;

record! {
    /// A link: what is in the error queue of an IPv4, IPv6 or packet socket, oldest first: an error, a
    /// time stamp of what it has sent, or a notification of MSG_ZEROCOPY; payload: its contents.
    #[record(SocketError = 249, "message in an error queue", min = 136, check = socket_error)]
    pub struct SocketError {
        /// The `Socket`.
        pub socket: U32,
        /// The error, as of errno(3), or 0; so are those that follow as of struct sock_extended_err.
        pub error: U32,
        /// `ERROR_*`: where it comes from.
        pub origin: U32,
        /// Type of ICMP.
        pub kind: U32,
        /// Code of ICMP.
        pub code: U32,
        /// What depends on the origin.
        pub info: U32,
        /// Likewise.
        pub data: U32,
        /// `ERROR_*`.
        pub flags: U32,
        /// Port of the address that it is about.
        pub port: U32,
        /// Number of the device that it came from; 0: unknown.
        pub device: U32,
        /// Traffic class and flow label of what reported it; of IPv4 its type of service.
        pub flow: U32,
        /// Traffic class and flow label of what it is about, of IPv6.
        pub about_flow: U32,
        /// How many hops were left.
        pub ttl: U32,
        /// Size of its largest fragment; 0: it came in one.
        pub frag_size: U32,
        /// Where in the contents the header with the ports is.
        pub transport: U32,
        /// Of IPv4, the address that IP_PKTINFO tells with it.
        pub spec_dst: [u8; 4],
        /// The address of who has reported it, in network order, with zeros after one of IPv4.
        pub from: [u8; 16],
        /// The address that it came to.
        pub to: [u8; 16],
        /// The address that it is about.
        pub about: [u8; 16],
        /// When it came or what it is about was sent, in nanoseconds since 1970, if that was noted; else 0.
        pub time: U64,
        /// The same by the clock of the device.
        pub device_time: U64,
        /// Zero.
        pub reserved: U64,
    }
}

values! {
    "SocketError.origin": u32, ERROR_ORIGINS;
    /// This machine.
    ERROR_LOCAL = 1,
    /// ICMP.
    ERROR_ICMP = 2,
    /// ICMPv6.
    ERROR_ICMP6 = 3,
    /// It is a time stamp.
    ERROR_STAMP = 4,
    /// It is a notification of MSG_ZEROCOPY.
    ERROR_ZEROCOPY = 5,
    /// It could not be sent at its time (SO_TXTIME).
    ERROR_TXTIME = 6,
}

flags! {
    "SocketError.flags": u32, ERROR_FLAG_LIST, ERROR_FLAGS_ALL;
    /// It is about IPv6.
    ERROR_V6 = 1 << 0,
    /// It is a time stamp of TCP, and its contents are those of SCM_TIMESTAMPING_OPT_STATS.
    ERROR_OPT_STATS = 1 << 1,
}
