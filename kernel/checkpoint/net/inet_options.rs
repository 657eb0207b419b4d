// SPDX-License-Identifier: GPL-2.0

//! Options of IPv4 and IPv6 sockets.
//!
//! Not here are those that are memberships of groups (`members.rs`), what is attached to all that is sent
//! (`header.rs`), flow labels and policies, which are refused, and IPV6_V6ONLY, which goes with the
//! address.

use crate::{
    image::net::options::*,
    kapi::net::{
        inet::{
            ip,
            ipv6,
            level,
            raw,
            udp, //
        },
        socket::so, //
    },
    net::options::{
        int,
        Form,
        Row, //
    }, //
};

/// Those of IPPROTO_IP, which IPv6 sockets have, too.
pub(super) static IP: &[Row] = &[
    int(OPTION_IP_TOS, level::IP, ip::TOS, "IP_TOS"),
    int(OPTION_IP_TTL, level::IP, ip::TTL, "IP_TTL").usual(Some(-1)),
    int(OPTION_IP_HDRINCL, level::IP, ip::HDRINCL, "IP_HDRINCL"),
    int(
        OPTION_IP_ROUTER_ALERT,
        level::IP,
        ip::ROUTER_ALERT,
        "IP_ROUTER_ALERT",
    ),
    int(OPTION_IP_RECVOPTS, level::IP, ip::RECVOPTS, "IP_RECVOPTS"),
    int(OPTION_IP_RETOPTS, level::IP, ip::RETOPTS, "IP_RETOPTS"),
    int(OPTION_IP_PKTINFO, level::IP, ip::PKTINFO, "IP_PKTINFO"),
    int(
        OPTION_IP_MTU_DISCOVER,
        level::IP,
        ip::MTU_DISCOVER,
        "IP_MTU_DISCOVER",
    )
    .usual(None),
    int(OPTION_IP_RECVERR, level::IP, ip::RECVERR, "IP_RECVERR"),
    int(OPTION_IP_RECVTTL, level::IP, ip::RECVTTL, "IP_RECVTTL"),
    int(OPTION_IP_RECVTOS, level::IP, ip::RECVTOS, "IP_RECVTOS"),
    int(OPTION_IP_FREEBIND, level::IP, ip::FREEBIND, "IP_FREEBIND"),
    int(OPTION_IP_PASSSEC, level::IP, ip::PASSSEC, "IP_PASSSEC"),
    int(
        OPTION_IP_TRANSPARENT,
        level::IP,
        ip::TRANSPARENT,
        "IP_TRANSPARENT",
    )
    .needs("CAP_NET_ADMIN or CAP_NET_RAW"),
    int(
        OPTION_IP_RECVORIGDSTADDR,
        level::IP,
        ip::RECVORIGDSTADDR,
        "IP_RECVORIGDSTADDR",
    ),
    int(OPTION_IP_MINTTL, level::IP, ip::MINTTL, "IP_MINTTL"),
    int(OPTION_IP_NODEFRAG, level::IP, ip::NODEFRAG, "IP_NODEFRAG"),
    int(OPTION_IP_CHECKSUM, level::IP, ip::CHECKSUM, "IP_CHECKSUM"),
    int(
        OPTION_IP_BIND_ADDRESS_NO_PORT,
        level::IP,
        ip::BIND_ADDRESS_NO_PORT,
        "IP_BIND_ADDRESS_NO_PORT",
    ),
    int(
        OPTION_IP_RECVFRAGSIZE,
        level::IP,
        ip::RECVFRAGSIZE,
        "IP_RECVFRAGSIZE",
    ),
    int(
        OPTION_IP_RECVERR_RFC4884,
        level::IP,
        ip::RECVERR_RFC4884,
        "IP_RECVERR_RFC4884",
    ),
    int(
        OPTION_IP_MULTICAST_TTL,
        level::IP,
        ip::MULTICAST_TTL,
        "IP_MULTICAST_TTL",
    )
    .usual(Some(1)),
    int(
        OPTION_IP_MULTICAST_LOOP,
        level::IP,
        ip::MULTICAST_LOOP,
        "IP_MULTICAST_LOOP",
    )
    .usual(Some(1)),
    int(
        OPTION_IP_MULTICAST_ALL,
        level::IP,
        ip::MULTICAST_ALL,
        "IP_MULTICAST_ALL",
    )
    .usual(Some(1)),
    int(
        OPTION_IP_UNICAST_IF,
        level::IP,
        ip::UNICAST_IF,
        "IP_UNICAST_IF",
    )
    .form(Form::Network)
    .needs("a device with that number"),
    int(
        OPTION_IP_MULTICAST_IF,
        level::IP,
        ip::MULTICAST_IF,
        "IP_MULTICAST_IF",
    )
    .form(Form::Interface)
    .needs("a device with that number"),
    int(
        OPTION_IP_LOCAL_PORT_RANGE,
        level::IP,
        ip::LOCAL_PORT_RANGE,
        "IP_LOCAL_PORT_RANGE",
    ),
    int(OPTION_IP_PKTOPTIONS, level::IP, so::SEEN, "IP_PKTOPTIONS")
        .form(Form::Time)
        .usual(None)
        .late(),
];

/// Those of IPPROTO_IPV6.
pub(super) static IPV6: &[Row] = &[
    int(
        OPTION_IPV6_UNICAST_HOPS,
        level::IPV6,
        ipv6::UNICAST_HOPS,
        "IPV6_UNICAST_HOPS",
    )
    .usual(Some(-1)),
    int(
        OPTION_IPV6_MULTICAST_IF,
        level::IPV6,
        ipv6::MULTICAST_IF,
        "IPV6_MULTICAST_IF",
    )
    .needs("a device with that number"),
    int(
        OPTION_IPV6_MULTICAST_HOPS,
        level::IPV6,
        ipv6::MULTICAST_HOPS,
        "IPV6_MULTICAST_HOPS",
    )
    .usual(Some(1)),
    int(
        OPTION_IPV6_MULTICAST_LOOP,
        level::IPV6,
        ipv6::MULTICAST_LOOP,
        "IPV6_MULTICAST_LOOP",
    )
    .usual(Some(1)),
    int(
        OPTION_IPV6_MULTICAST_ALL,
        level::IPV6,
        ipv6::MULTICAST_ALL,
        "IPV6_MULTICAST_ALL",
    )
    .usual(Some(1)),
    int(
        OPTION_IPV6_MTU_DISCOVER,
        level::IPV6,
        ipv6::MTU_DISCOVER,
        "IPV6_MTU_DISCOVER",
    )
    .usual(Some(1)),
    int(OPTION_IPV6_MTU, level::IPV6, ipv6::MTU, "IPV6_MTU"),
    int(
        OPTION_IPV6_RECVERR,
        level::IPV6,
        ipv6::RECVERR,
        "IPV6_RECVERR",
    ),
    int(
        OPTION_IPV6_RECVERR_RFC4884,
        level::IPV6,
        ipv6::RECVERR_RFC4884,
        "IPV6_RECVERR_RFC4884",
    ),
    int(
        OPTION_IPV6_FLOWINFO_SEND,
        level::IPV6,
        ipv6::FLOWINFO_SEND,
        "IPV6_FLOWINFO_SEND",
    ),
    int(
        OPTION_IPV6_RECVPKTINFO,
        level::IPV6,
        ipv6::RECVPKTINFO,
        "IPV6_RECVPKTINFO",
    ),
    int(
        OPTION_IPV6_2292PKTINFO,
        level::IPV6,
        ipv6::OLD_PKTINFO,
        "IPV6_2292PKTINFO",
    ),
    int(
        OPTION_IPV6_RECVHOPLIMIT,
        level::IPV6,
        ipv6::RECVHOPLIMIT,
        "IPV6_RECVHOPLIMIT",
    ),
    int(
        OPTION_IPV6_2292HOPLIMIT,
        level::IPV6,
        ipv6::OLD_HOPLIMIT,
        "IPV6_2292HOPLIMIT",
    ),
    int(
        OPTION_IPV6_RECVRTHDR,
        level::IPV6,
        ipv6::RECVRTHDR,
        "IPV6_RECVRTHDR",
    ),
    int(
        OPTION_IPV6_2292RTHDR,
        level::IPV6,
        ipv6::OLD_RTHDR,
        "IPV6_2292RTHDR",
    ),
    int(
        OPTION_IPV6_RECVHOPOPTS,
        level::IPV6,
        ipv6::RECVHOPOPTS,
        "IPV6_RECVHOPOPTS",
    ),
    int(
        OPTION_IPV6_2292HOPOPTS,
        level::IPV6,
        ipv6::OLD_HOPOPTS,
        "IPV6_2292HOPOPTS",
    ),
    int(
        OPTION_IPV6_RECVDSTOPTS,
        level::IPV6,
        ipv6::RECVDSTOPTS,
        "IPV6_RECVDSTOPTS",
    ),
    int(
        OPTION_IPV6_2292DSTOPTS,
        level::IPV6,
        ipv6::OLD_DSTOPTS,
        "IPV6_2292DSTOPTS",
    ),
    int(OPTION_IPV6_TCLASS, level::IPV6, ipv6::TCLASS, "IPV6_TCLASS"),
    int(
        OPTION_IPV6_RECVTCLASS,
        level::IPV6,
        ipv6::RECVTCLASS,
        "IPV6_RECVTCLASS",
    ),
    int(
        OPTION_IPV6_FLOWINFO,
        level::IPV6,
        ipv6::FLOWINFO,
        "IPV6_FLOWINFO",
    ),
    int(
        OPTION_IPV6_RECVPATHMTU,
        level::IPV6,
        ipv6::RECVPATHMTU,
        "IPV6_RECVPATHMTU",
    ),
    int(
        OPTION_IPV6_DONTFRAG,
        level::IPV6,
        ipv6::DONTFRAG,
        "IPV6_DONTFRAG",
    ),
    int(
        OPTION_IPV6_FREEBIND,
        level::IPV6,
        ipv6::FREEBIND,
        "IPV6_FREEBIND",
    ),
    int(
        OPTION_IPV6_TRANSPARENT,
        level::IPV6,
        ipv6::TRANSPARENT,
        "IPV6_TRANSPARENT",
    )
    .needs("CAP_NET_ADMIN or CAP_NET_RAW"),
    int(
        OPTION_IPV6_RECVORIGDSTADDR,
        level::IPV6,
        ipv6::RECVORIGDSTADDR,
        "IPV6_RECVORIGDSTADDR",
    ),
    int(
        OPTION_IPV6_RECVFRAGSIZE,
        level::IPV6,
        ipv6::RECVFRAGSIZE,
        "IPV6_RECVFRAGSIZE",
    ),
    int(
        OPTION_IPV6_MINHOPCOUNT,
        level::IPV6,
        ipv6::MINHOPCOUNT,
        "IPV6_MINHOPCOUNT",
    ),
    int(
        OPTION_IPV6_AUTOFLOWLABEL,
        level::IPV6,
        ipv6::AUTOFLOWLABEL,
        "IPV6_AUTOFLOWLABEL",
    )
    .usual(Some(-1)),
    int(
        OPTION_IPV6_ADDR_PREFERENCES,
        level::IPV6,
        ipv6::ADDR_PREFERENCES,
        "IPV6_ADDR_PREFERENCES",
    )
    .usual(None),
    int(
        OPTION_IPV6_UNICAST_IF,
        level::IPV6,
        ipv6::UNICAST_IF,
        "IPV6_UNICAST_IF",
    )
    .form(Form::Network)
    .needs("a device with that number"),
    int(
        OPTION_IPV6_ROUTER_ALERT_ISOLATE,
        level::IPV6,
        ipv6::ROUTER_ALERT_ISOLATE,
        "IPV6_ROUTER_ALERT_ISOLATE",
    ),
    int(
        OPTION_IPV6_2292PKTOPTIONS,
        level::IPV6,
        so::SEEN,
        "IPV6_2292PKTOPTIONS",
    )
    .form(Form::Time)
    .usual(None)
    .late(),
];

/// Those of raw sockets.
pub(super) static RAW: &[Row] = &[
    int(
        OPTION_RAW_ICMP_FILTER,
        level::RAW,
        raw::ICMP_FILTER,
        "ICMP_FILTER",
    ),
    int(
        OPTION_RAW_V6_HDRINCL,
        level::RAW,
        raw::V6_HDRINCL,
        "IPV6_HDRINCL",
    ),
    int(
        OPTION_RAW_V6_CHECKSUM,
        level::RAW,
        raw::V6_CHECKSUM,
        "IPV6_CHECKSUM",
    )
    .usual(None),
];

/// Those of IPPROTO_UDP.
pub(super) static UDP: &[Row] = &[
    int(OPTION_UDP_CORK, level::UDP, udp::CORK, "UDP_CORK"),
    int(
        OPTION_UDP_NO_CHECK6_TX,
        level::UDP,
        udp::NO_CHECK6_TX,
        "UDP_NO_CHECK6_TX",
    ),
    int(
        OPTION_UDP_NO_CHECK6_RX,
        level::UDP,
        udp::NO_CHECK6_RX,
        "UDP_NO_CHECK6_RX",
    ),
    int(OPTION_UDP_SEGMENT, level::UDP, udp::SEGMENT, "UDP_SEGMENT"),
    int(OPTION_UDP_GRO, level::UDP, udp::GRO, "UDP_GRO"),
];
