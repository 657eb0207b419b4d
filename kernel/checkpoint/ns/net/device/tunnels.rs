// SPDX-License-Identifier: GPL-2.0

//! Kinds of tunnels.
//!
//! What a driver does not tell is compared (`netns_tunnel.c`). What of IFLA_INFO_DATA is not named here makes
//! that a device can't be made: filters of VNIs (IFLA_VXLAN_VNIFILTER).

use super::kinds::{
    DeviceKind,
    Tunnel,
    PLAIN, //
};

/// One with addresses of Ethernet, or none.
const OF_ETHERNET: Tunnel = Tunnel {
    unless_zero: &[],
    as_flag: &[],
    has_ends: false,
    any_bounds: false,
    is_born: false,
};

/// One whose addresses are its ends.
const OF_IP: Tunnel = Tunnel {
    has_ends: true,
    ..OF_ETHERNET
};

/// One that an ioctl(2) makes with other bounds.
const OF_IPV4: Tunnel = Tunnel {
    any_bounds: true,
    ..OF_IP
};

/// One over IPv6.
const OF_IPV6: Tunnel = Tunnel {
    is_born: true,
    ..OF_IP
};

/// IFLA_VXLAN_PROXY, _RSC, _L2MISS, _L3MISS, _UDP_ZERO_CSUM6_TX, _UDP_ZERO_CSUM6_RX, _REMCSUM_TX,
/// _REMCSUM_RX, _COLLECT_METADATA, _TTL_INHERIT. Remote check sums may not be together with some reserved
/// bits, whatever is said of them.
const VXLAN: Tunnel = Tunnel {
    unless_zero: &[11, 12, 13, 14, 19, 20, 21, 22, 25, 28],
    as_flag: &[28],
    ..OF_ETHERNET
};

/// IFLA_GENEVE_TTL_INHERIT: where it is, IFLA_GENEVE_TTL is not looked at.
const GENEVE: Tunnel = Tunnel {
    unless_zero: &[12],
    ..OF_ETHERNET
};

/// IFLA_GRE_LINK, _IFLAGS, _OFLAGS, _IKEY, _OKEY, _LOCAL, _REMOTE, _TTL, _TOS, _PMTUDISC, _ENCAP_TYPE,
/// _ENCAP_FLAGS, _ENCAP_SPORT, _ENCAP_DPORT, _COLLECT_METADATA, _IGNORE_DF, _FWMARK.
const GRE: &[u16] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 19, 20];

/// The same, and IFLA_GRE_ERSPAN_INDEX, _VER, _DIR, _HWID.
const ERSPAN: &[u16] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
];

/// The same over IPv6: without IFLA_GRE_TOS, _PMTUDISC, _IGNORE_DF, with _ENCAP_LIMIT, _FLOWINFO, _FLAGS.
const GRE6: &[u16] = &[
    1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24,
];

/// IFLA_VTI_LINK, _IKEY, _OKEY, _LOCAL, _REMOTE, _FWMARK.
const VTI: &[u16] = &[1, 2, 3, 4, 5, 6];

/// The kinds.
pub(super) static TUNNELS: &[DeviceKind] = &[
    // IFLA_VXLAN_*, but _VNIFILTER and _MC_ROUTE, which is not told.
    DeviceKind {
        name: b"vxlan",
        made_with: &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
            25, 26, 27, 28, 29, 31, 32, 33,
        ],
        tunnel: Some(&VXLAN),
        ..PLAIN
    },
    // IFLA_GENEVE_*.
    DeviceKind {
        name: b"geneve",
        made_with: &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
        ],
        tunnel: Some(&GENEVE),
        ..PLAIN
    },
    DeviceKind {
        name: b"gre",
        made_with: GRE,
        tunnel: Some(&OF_IPV4),
        ..PLAIN
    },
    DeviceKind {
        name: b"gretap",
        made_with: GRE,
        tunnel: Some(&OF_ETHERNET),
        ..PLAIN
    },
    DeviceKind {
        name: b"erspan",
        made_with: ERSPAN,
        tunnel: Some(&OF_ETHERNET),
        ..PLAIN
    },
    DeviceKind {
        name: b"ip6gre",
        made_with: GRE6,
        tunnel: Some(&OF_IPV6),
        ..PLAIN
    },
    DeviceKind {
        name: b"ip6gretap",
        made_with: GRE6,
        tunnel: Some(&OF_ETHERNET),
        ..PLAIN
    },
    DeviceKind {
        name: b"ip6erspan",
        made_with: GRE6,
        tunnel: Some(&OF_ETHERNET),
        ..PLAIN
    },
    // IFLA_IPTUN_LINK, _LOCAL, _REMOTE, _TTL, _TOS, _PROTO, _PMTUDISC, _ENCAP_TYPE, _ENCAP_FLAGS,
    // _ENCAP_SPORT, _ENCAP_DPORT, _COLLECT_METADATA, _FWMARK.
    DeviceKind {
        name: b"ipip",
        made_with: &[1, 2, 3, 4, 5, 9, 10, 15, 16, 17, 18, 19, 20],
        tunnel: Some(&OF_IPV4),
        ..PLAIN
    },
    // The same without _COLLECT_METADATA, with _FLAGS and _6RD_*.
    DeviceKind {
        name: b"sit",
        made_with: &[1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20],
        tunnel: Some(&OF_IP),
        ..PLAIN
    },
    // Without _TOS and _PMTUDISC, with _ENCAP_LIMIT, _FLOWINFO and _FLAGS.
    DeviceKind {
        name: b"ip6tnl",
        made_with: &[1, 2, 3, 4, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20],
        tunnel: Some(&OF_IPV6),
        ..PLAIN
    },
    DeviceKind {
        name: b"vti",
        made_with: VTI,
        tunnel: Some(&OF_IPV4),
        ..PLAIN
    },
    DeviceKind {
        name: b"vti6",
        made_with: VTI,
        tunnel: Some(&OF_IPV6),
        ..PLAIN
    },
];

impl Tunnel {
    /// Returns what is asked for in place of `told`, the content of the attribute `number`. `None`:
    /// nothing.
    pub(super) fn asked<'a>(&self, number: u16, told: &'a [u8]) -> Option<&'a [u8]> {
        if !self.unless_zero.contains(&number) {
            return Some(told);
        }
        if told.iter().all(|&byte| byte == 0) {
            return None;
        }
        Some(if self.as_flag.contains(&number) {
            &[]
        } else {
            told
        })
    }
}
