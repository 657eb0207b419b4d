// SPDX-License-Identifier: GPL-2.0

//! Records of keys that sign the segments of TCP.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::image::layout::{
    flags,
    record,
    values, //
};

/// Most bytes of a key.
pub const KEY_MAX: usize = 80;

/// Most keys of a socket.
pub const KEYS_MAX: u32 = 1 << 16;

record! {
    /// A link: what the last TCP socket before it has of TCP-AO besides keys.
    #[record(TcpAo = 245, "TCP-AO", min = 64, check = tcp_ao)]
    pub struct TcpAo {
        /// `TCP_AO_*`.
        pub flags: U32,
        /// Of a connection with the outside, as the three that follow: number of the SYN that was sent.
        pub send_first: U32,
        /// Number of the SYN that was received.
        pub receive_first: U32,
        /// How often the numbers of what is sent have wrapped.
        pub send_wraps: U32,
        /// How often those of what is received have.
        pub receive_wraps: U32,
        /// Zero.
        pub reserved: U32,
        /// Segments that were signed well.
        pub good: U64,
        /// Segments that were not.
        pub bad: U64,
        /// Segments with the number of no key.
        pub not_found: U64,
        /// Segments that were to be signed, and were not.
        pub missing: U64,
        /// Messages of ICMP that were dropped.
        pub icmp: U64,
    }
}

flags! {
    "TcpAo.flags": u32, TCP_AO_FLAG_LIST, TCP_AO_ALL;
    /// What is not signed is dropped, if there is no key for it, too.
    TCP_AO_REQUIRED = 1 << 0,
    /// Messages of ICMP are not dropped.
    TCP_AO_ICMP = 1 << 1,
}

record! {
    /// A link: a key of the last TCP socket before it, the last one added first; payload: the key.
    #[record(TcpKey = 246, "TCP key", min = 72, check = tcp_key)]
    pub struct TcpKey {
        /// `TCP_KEY_*`: its kind.
        pub kind: U32,
        /// `TCP_KEY_*`: flags.
        pub flags: U32,
        /// Address family of the peers that it is for.
        pub family: U32,
        /// Bits of their address that count.
        pub prefix: U32,
        /// Number of the master device (VRF) of the peers, with `TCP_KEY_DEVICE`; 0: they have none.
        pub device: U32,
        /// Of TCP-AO, as all that follow but the address: its number in what is sent.
        pub send_id: U32,
        /// Its number in what is received.
        pub receive_id: U32,
        /// Bytes of a signature.
        pub mac: U32,
        /// `TCP_KEY_*`: its algorithm.
        pub algorithm: U32,
        /// Zero.
        pub reserved: U32,
        /// Segments that were signed well with it.
        pub good: U64,
        /// Segments that were not.
        pub bad: U64,
        /// The address of the peers, of which IPv4 has the first four bytes.
        pub address: [u8; 16],
    }
}

values! {
    "TcpKey.kind": u32, TCP_KEY_KINDS;
    /// Of TCP_MD5SIG.
    TCP_KEY_MD5 = 0,
    /// Of TCP-AO.
    TCP_KEY_AO = 1,
}

flags! {
    "TcpKey.flags": u32, TCP_KEY_FLAG_LIST, TCP_KEY_ALL;
    /// It is for peers of a device, or of none.
    TCP_KEY_DEVICE = 1 << 0,
    /// The options of TCP are not signed.
    TCP_KEY_NO_OPTIONS = 1 << 1,
    /// What is sent is signed with it.
    TCP_KEY_CURRENT = 1 << 2,
    /// The other end is asked to sign with it.
    TCP_KEY_NEXT = 1 << 3,
}

values! {
    "TcpKey.algorithm": u32, TCP_KEY_ALGORITHMS;
    /// HMAC-SHA-1.
    TCP_KEY_HMAC_SHA1 = 1,
    /// HMAC-SHA-256.
    TCP_KEY_HMAC_SHA256 = 2,
    /// AES-128-CMAC.
    TCP_KEY_AES_128_CMAC = 3,
}
