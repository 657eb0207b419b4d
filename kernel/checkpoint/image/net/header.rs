// SPDX-License-Identifier: GPL-2.0

//! Records of what is attached to all that a socket sends.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::{
    record,
    values, //
};

/// Most bytes of options of IPv4.
pub const OPTIONS4_MAX: usize = 40;

/// Most bytes of an extension header.
pub const EXTENSION_MAX: usize = 2040;

record! {
    /// A link: what is attached to all that a UDP, ICMP or raw socket sends; payload: of a header its
    /// bytes, of an address the address of IPv6.
    #[record(InetHeader = 251, "header of a socket", min = 16, check = inet_header)]
    pub struct InetHeader {
        /// The `Socket`.
        pub socket: U32,
        /// `HEADER_*`.
        pub kind: U32,
        /// Of an address the number of the device that it sends by; 0: that is not chosen.
        pub device: U32,
        /// Zero.
        pub reserved: U32,
    }
}

values! {
    "InetHeader.kind": u32, HEADER_KINDS;
    /// Options of IPv4 (IP_OPTIONS).
    HEADER_OPTIONS = 0,
    /// Options for each hop (IPV6_HOPOPTS).
    HEADER_HOP = 1,
    /// Options for each destination on the way (IPV6_RTHDRDSTOPTS).
    HEADER_ROUTE_DST = 2,
    /// The way (IPV6_RTHDR).
    HEADER_ROUTE = 3,
    /// Options for the last destination (IPV6_DSTOPTS).
    HEADER_DST = 4,
    /// Address and device that it sends from (IPV6_PKTINFO).
    HEADER_ADDRESS = 5,
}
