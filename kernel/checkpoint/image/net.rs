// SPDX-License-Identifier: GPL-2.0

//! Records of sockets.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    record,
    structure,
    values, //
};

pub(super) mod check;
pub mod errqueue;
pub mod filter;
pub mod header;
pub mod inet;
pub mod member;
pub mod mptcp;
pub mod netlink;
pub mod options;
pub mod packet;
pub mod tcp;
pub mod tcp_hints;
pub mod tcp_key;
pub mod tun;
pub mod udp;
pub mod unix;

/// [`Socket::family`]: AF_UNIX.
pub const FAMILY_UNIX: u32 = 1;
/// [`Socket::family`]: AF_INET.
pub const FAMILY_INET: u32 = 2;
/// [`Socket::family`]: AF_INET6.
pub const FAMILY_INET6: u32 = 10;

/// [`Socket::protocol`]: IPPROTO_ICMP.
pub const PROTOCOL_ICMP: u32 = 1;
/// [`Socket::protocol`]: IPPROTO_TCP.
pub const PROTOCOL_TCP: u32 = 6;
/// [`Socket::protocol`]: IPPROTO_UDP.
pub const PROTOCOL_UDP: u32 = 17;
/// [`Socket::protocol`]: IPPROTO_ICMPV6.
pub const PROTOCOL_ICMPV6: u32 = 58;
/// [`Socket::protocol`]: IPPROTO_MPTCP.
pub const PROTOCOL_MPTCP: u32 = 262;
/// [`Socket::protocol`]: the largest one of a raw socket.
pub const PROTOCOL_RAW_MAX: u32 = 255;

/// Most options of one socket.
pub const OPTIONS_MAX: usize = 256;

/// Most files of all messages that one task finds: as many as there may be objects.
pub const IN_FLIGHT_MAX: usize = 1 << 20;

record! {
    /// A socket: what all families have; payload: [`SocketOption`]s by ascending number. What only its
    /// family has is in links.
    #[record(Socket = 196, "socket", min = 32, check = socket, object = socket_object)]
    pub struct Socket {
        /// Reference of this object.
        pub obj: U32,
        /// Address family, as of socket(2).
        pub family: U32,
        /// `SOCKET_*`: its type.
        pub kind: U32,
        /// Protocol, as of socket(2).
        pub protocol: U32,
        /// `SOCKET_*`: who has it.
        pub form: U32,
        /// Of a Unix socket that was closed its `NetNs`; 0: that of the root.
        pub net: U32,
        /// Owner and group, in the user namespace of the caller.
        pub owner: [U32; 2],
    }
}

values! {
    "Socket.kind": u32, SOCKET_KINDS;
    /// SOCK_STREAM.
    SOCKET_STREAM = 1,
    /// SOCK_DGRAM.
    SOCKET_DGRAM = 2,
    /// SOCK_RAW.
    SOCKET_RAW = 3,
    /// SOCK_SEQPACKET.
    SOCKET_SEQPACKET = 5,
}

values! {
    "Socket.form": u32, SOCKET_FORMS;
    /// An open file shows it.
    SOCKET_OPEN = 0,
    /// A connection that waits to be accepted.
    SOCKET_WAITING = 1,
    /// It was closed, and others still refer to it.
    SOCKET_CLOSED = 2,
}

structure! {
    /// An option of a socket, as of getsockopt(2). One that has no record is as in a new socket.
    pub struct SocketOption {
        /// `OPTION_*`.
        pub option: U32,
        /// Zero.
        pub reserved: U32,
        /// The value, signed; of two numbers the first one.
        pub value: U64,
        /// The second one: microseconds of a time, the device of SO_TIMESTAMPING, the time of
        /// SO_LINGER.
        pub second: U64,
    }
}

values! {
    "SocketOption.option": u32, SOCKET_OPTIONS;
    /// SO_SNDBUF: twice what was asked for.
    OPTION_SNDBUF = 1,
    /// SO_RCVBUF, likewise.
    OPTION_RCVBUF = 2,
    /// SO_BUF_LOCK.
    OPTION_BUF_LOCK = 3,
    /// SO_DEBUG.
    OPTION_DEBUG = 4,
    /// SO_REUSEADDR.
    OPTION_REUSEADDR = 5,
    /// SO_DONTROUTE.
    OPTION_DONTROUTE = 6,
    /// SO_BROADCAST.
    OPTION_BROADCAST = 7,
    /// SO_KEEPALIVE.
    OPTION_KEEPALIVE = 8,
    /// SO_OOBINLINE.
    OPTION_OOBINLINE = 9,
    /// SO_NO_CHECK.
    OPTION_NO_CHECK = 10,
    /// SO_PRIORITY.
    OPTION_PRIORITY = 11,
    /// SO_LINGER.
    OPTION_LINGER = 12,
    /// SO_PASSCRED.
    OPTION_PASSCRED = 13,
    /// SO_PASSPIDFD.
    OPTION_PASSPIDFD = 14,
    /// SO_PASSSEC.
    OPTION_PASSSEC = 15,
    /// SO_PASSRIGHTS.
    OPTION_PASSRIGHTS = 16,
    /// SO_TIMESTAMP, with the old structure.
    OPTION_TIMESTAMP_OLD = 17,
    /// SO_TIMESTAMPNS, likewise.
    OPTION_TIMESTAMPNS_OLD = 18,
    /// SO_TIMESTAMP.
    OPTION_TIMESTAMP = 19,
    /// SO_TIMESTAMPNS.
    OPTION_TIMESTAMPNS = 20,
    /// SO_TIMESTAMPING, with the old structure.
    OPTION_TIMESTAMPING_OLD = 21,
    /// SO_TIMESTAMPING.
    OPTION_TIMESTAMPING = 22,
    /// SO_RCVTIMEO.
    OPTION_RCVTIMEO = 23,
    /// SO_SNDTIMEO.
    OPTION_SNDTIMEO = 24,
    /// SO_RCVLOWAT.
    OPTION_RCVLOWAT = 25,
    /// SO_MARK.
    OPTION_MARK = 26,
    /// SO_RCVMARK.
    OPTION_RCVMARK = 27,
    /// SO_RCVPRIORITY.
    OPTION_RCVPRIORITY = 28,
    /// SO_RXQ_OVFL.
    OPTION_RXQ_OVFL = 29,
    /// SO_WIFI_STATUS.
    OPTION_WIFI_STATUS = 30,
    /// SO_PEEK_OFF.
    OPTION_PEEK_OFF = 31,
    /// SO_NOFCS.
    OPTION_NOFCS = 32,
    /// SO_SELECT_ERR_QUEUE.
    OPTION_SELECT_ERR_QUEUE = 33,
    /// SO_BUSY_POLL.
    OPTION_BUSY_POLL = 34,
    /// SO_PREFER_BUSY_POLL.
    OPTION_PREFER_BUSY_POLL = 35,
    /// SO_MAX_PACING_RATE.
    OPTION_MAX_PACING_RATE = 36,
    /// SO_BINDTOIFINDEX.
    OPTION_BINDTOIFINDEX = 37,
    /// SO_RESERVE_MEM.
    OPTION_RESERVE_MEM = 38,
    /// SO_INCOMING_CPU.
    OPTION_INCOMING_CPU = 39,
    /// SO_LOCK_FILTER.
    OPTION_LOCK_FILTER = 40,
    /// SO_INQ.
    OPTION_INQ = 41,
    /// SO_RIGHTS_NOTRUNC.
    OPTION_RIGHTS_NOTRUNC = 42,
    /// SO_REUSEPORT.
    OPTION_REUSEPORT = 43,
    /// SO_ZEROCOPY.
    OPTION_ZEROCOPY = 44,
    /// SO_TXTIME: the clock, and flags.
    OPTION_TXTIME = 45,
    /// SO_TXREHASH.
    OPTION_TXREHASH = 46,
    /// SO_BUSY_POLL_BUDGET.
    OPTION_BUSY_POLL_BUDGET = 47,
    /// What SIOCGSTAMP tells: the time of the last packet in nanoseconds since 1970, 0 for none yet, -1:
    /// none came; and whether such times are taken.
    OPTION_STAMP = 48,
}

/// The last of SOL_SOCKET. Those of other levels follow: `options.rs`.
pub const OPTION_LAST: u32 = OPTION_STAMP;

record! {
    /// Open files in messages that nobody has received; payload: their references, each a 32-bit
    /// number. The thread rebuilds those that no thread before it has.
    #[record(InFlight = 197, "files in flight", min = 8, check = in_flight)]
    pub struct InFlight {
        /// How many.
        pub files: U32,
        /// Zero.
        pub reserved: U32,
    }
}
