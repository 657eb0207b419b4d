// SPDX-License-Identifier: GPL-2.0

//! Records of sockets of Multipath TCP.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::{
    record,
    values, //
};

record! {
    /// A link: what a socket of Multipath TCP is that has no connection; payload: name of its congestion
    /// control.
    #[record(MptcpSocket = 256, "MPTCP socket", min = 48, check = mptcp_socket)]
    pub struct MptcpSocket {
        /// The `Socket`.
        pub socket: U32,
        /// `MPTCP_*`.
        pub state: U32,
        /// How many connections may wait, if it listens.
        pub backlog: U32,
        /// TCP_MAXSEG; 0: not set.
        pub mss: U32,
        /// Its port.
        pub port: U32,
        /// Number of the device of its address, if that is link-local; 0: none.
        pub device: U32,
        /// `INET_LOCK_*`: who has chosen its address.
        pub locks: U32,
        /// 1: IPV6_V6ONLY.
        pub v6only: U32,
        /// Its address, in network order, with zeros after one of IPv4.
        pub address: [u8; 16],
    }
}

values! {
    "MptcpSocket.state": u32, MPTCP_STATES;
    /// It has no address.
    MPTCP_NEW = 0,
    /// It is bound.
    MPTCP_BOUND = 1,
    /// It listens.
    MPTCP_LISTENING = 2,
}
