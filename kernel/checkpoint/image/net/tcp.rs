// SPDX-License-Identifier: GPL-2.0

//! Records of TCP sockets.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::{
    flags,
    record,
    values, //
};

/// Most bytes of one [`TcpData`].
pub const DATA_MAX: usize = 1 << 20;

/// Most bytes in one queue.
pub const QUEUE_MAX: u32 = 1 << 30;

/// Most bytes of the name of a congestion control.
pub const CONGESTION_MAX: usize = 15;

/// Highest number of an error: those above are the kernel's own, which no system call returns.
pub const ERROR_MAX: u32 = 511;

/// Highest TCP_MAXSEG.
pub const MSS_MAX: u32 = 32767;

/// Lowest TCP_MAXSEG.
pub const MSS_MIN: u32 = 88;

/// Largest scale of a window.
pub const SCALE_MAX: u32 = 14;

/// Largest window that is not scaled.
pub const WINDOW_MAX: u32 = 65535;

record! {
    /// A link: what a TCP socket is, or the end of a connection that was closed; payload: name of its
    /// congestion control. Two that are connected follow each other. Those that connect anew have the
    /// order in which they wait to be accepted, with those of others that wait. What is in its queues
    /// follows.
    #[record(TcpSocket = 231, "TCP socket", min = 88, check = tcp_socket)]
    pub struct TcpSocket {
        /// The `Socket`; 0: no file shows it, and it is closed when the tasks run, or before.
        pub socket: U32,
        /// `TCP_*`.
        pub state: U32,
        /// `TCP_*` flags.
        pub flags: U32,
        /// Address family, as of socket(2).
        pub family: U32,
        /// How many connections may wait, if it listens.
        pub backlog: U32,
        /// What SO_ERROR tells.
        pub error: U32,
        /// TCP_MAXSEG; 0: not set.
        pub mss: U32,
        /// Its port.
        pub port: U32,
        /// The port that it is connected to.
        pub peer_port: U32,
        /// Bytes that were received and not read.
        pub received: U32,
        /// Bytes that the other end has not received.
        pub sent: U32,
        /// 1 more than what comes before the urgent byte of what was received; 0: there is none.
        pub urgent: U32,
        /// The same of what is to be sent.
        pub urgent_sent: U32,
        /// The `Socket` that listens and at which it waits to be accepted, if that is `SOCKET_WAITING`.
        pub listener: U32,
        /// Its address, of which IPv4 has the first four bytes.
        pub address: [u8; 16],
        /// The address that it is connected to.
        pub peer_address: [u8; 16],
        /// `TCP_OUTSIDE` only, as all that follow but the last: `OUTSIDE_*` flags.
        pub outside: U32,
        /// Number of the first byte that is to be sent.
        pub send_first: U32,
        /// Number of the next byte that is to arrive.
        pub receive_next: U32,
        /// How many of the bytes that are to be sent were sent already; the end of them does not count.
        pub in_flight: U32,
        /// Bytes that the other end takes.
        pub send_window: U32,
        /// The most that it has taken.
        pub send_window_max: U32,
        /// Bytes that were offered to the other end.
        pub receive_window: U32,
        /// The most that were.
        pub receive_window_max: U32,
        /// Its time stamp (RFC 7323).
        pub stamp: U32,
        /// The last one of the other end.
        pub stamp_recent: U32,
        /// Largest segment that the other end takes.
        pub segment: U32,
        /// Scale of the window of the other end.
        pub send_scale: U32,
        /// Scale of the window that is offered.
        pub receive_scale: U32,
        /// The `NetNs` that it is of, if no file shows it; 0: that of the root
        /// task.
        pub net: U32,
    }
}

values! {
    "TcpSocket.state": u32, TCP_STATES;
    /// It was never connected.
    TCP_NEW = 0,
    /// It listens.
    TCP_LISTENING = 1,
    /// It connects anew: nobody has accepted its connection.
    TCP_STARTED = 2,
    /// It is connected to the one whose record comes before or after its own.
    TCP_CONNECTED = 3,
    /// Its connection is over.
    TCP_OVER = 4,
    /// It is connected to one that is not saved.
    TCP_OUTSIDE = 5,
}

flags! {
    "TcpSocket.flags": u32, TCP_FLAG_LIST, TCP_FLAGS_ALL;
    /// It receives no more.
    TCP_SHUT_READ = 1 << 0,
    /// It sends no more.
    TCP_SHUT_WRITE = 1 << 1,
    /// The other end has closed, and that has come here.
    TCP_DONE = 1 << 2,
    /// bind(2) has set its address.
    TCP_LOCK_ADDRESS = 1 << 3,
    /// bind(2) has set its port.
    TCP_LOCK_PORT = 1 << 4,
    /// It is bound.
    TCP_BOUND = 1 << 5,
    /// The urgent byte was read.
    TCP_URGENT_READ = 1 << 6,
    /// connect(2) has not reported the outcome.
    TCP_CONNECTING = 1 << 7,
    /// It has.
    TCP_TOLD = 1 << 8,
    /// IPV6_V6ONLY.
    TCP_V6ONLY = 1 << 9,
    /// No file shows it, and it is of the network namespace of the caller, which the root task is not in.
    TCP_OF_CALLER = 1 << 10,
}

flags! {
    "TcpSocket.outside": u32, OUTSIDE_FLAG_LIST, OUTSIDE_FLAGS_ALL;
    /// The tasks were killed with the connection held: the other end has got nothing since.
    OUTSIDE_KILLED = 1 << 0,
    /// With selective acknowledgment.
    OUTSIDE_SACK = 1 << 1,
    /// With scaled windows.
    OUTSIDE_SCALES = 1 << 2,
    /// With time stamps.
    OUTSIDE_STAMPS = 1 << 3,
    /// These count microseconds.
    OUTSIDE_STAMPS_US = 1 << 4,
    /// With explicit congestion notification (RFC 3168).
    OUTSIDE_ECN = 1 << 5,
    /// The other end was told that no more is sent.
    OUTSIDE_FIN_SENT = 1 << 6,
    /// It has got that, and so all that was sent.
    OUTSIDE_FIN_ACKED = 1 << 7,
    /// It has closed before it had got that.
    OUTSIDE_CLOSING = 1 << 8,
}

record! {
    /// A link: what is in the queues of the last TCP socket before it; payload: bytes, first those that
    /// were received.
    #[record(TcpData = 232, "TCP data", min = 8, check = tcp_data)]
    pub struct TcpData {
        /// How many.
        pub len: U32,
        /// 0: they were received; 1: they are to be sent.
        pub sent: U32,
    }
}
