// SPDX-License-Identifier: GPL-2.0

//! The lists that netlink has of a network namespace: how they are asked for, and what of them counts.
//! Numbers are those of the netlink ABI.

use kernel::prelude::*;

use super::{
    device,
    dump::{
        Item,
        Table, //
    },
    forwarding,
    message::{
        attributes,
        find,
        u16_at,
        u32_at,
        ATTRIBUTE_HEADER, //
    },
    nexthop::NEXTHOPS,
    queues,
    timeouts::TIMEOUTS, //
};
use crate::kapi::net::namespace::NetNs;

/// NETLINK_ROUTE.
const ROUTE: i32 = 0;

/// NETLINK_NETFILTER.
pub(super) const NETFILTER: i32 = 12;

/// NETLINK_GENERIC.
pub(super) const GENERIC: i32 = 16;

/// Bytes of `struct genlmsghdr`, which begins with the number of the command.
pub(super) const GENERIC_HEADER: usize = 4;

/// All that are there.
const ALL: fn(&[u8]) -> bool = |_| true;

/// What of a kind has no such parts.
pub(super) const PLAIN: Table<'static> = Table {
    name: "",
    protocol: ROUTE,
    request: 0,
    body: &[],
    header: 0,
    counts: (0, 0),
    volatile: &[],
    such: ALL,
    edit: |_, _| (),
    own: None,
    sorted: false,
    none_new: false,
    once: false,
};

/// Neighbours whose state stays: NUD_PERMANENT in ndm_state.
pub(super) fn permanent(header: &[u8]) -> bool {
    u16_at(header, 8).is_some_and(|state| state & 0x80 != 0)
}

/// Entries of bridges whose state stays: NUD_PERMANENT or NUD_NOARP.
pub(super) fn is_static(header: &[u8]) -> bool {
    u16_at(header, 8).is_some_and(|state| state & 0xc0 != 0)
}

/// Returns whether it has NTF_EXT_LEARNED in ndm_flags: a program has learnt it, which is to take
/// it away.
fn of_program(header: &[u8]) -> bool {
    header.get(10).is_some_and(|flags| flags & 0x10 != 0)
}

/// Adds the header of a neighbour; ndm_state only if it `stays`.
fn neighbour_header(header: &[u8], stays: bool, out: &mut KVVec<u8>) -> Result {
    for (at, &byte) in header.iter().enumerate() {
        let counts = stays || !matches!(at, 8 | 9);
        out.push(if counts { byte } else { 0 }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Adds a neighbour that does not expire, but for times (NDA_CACHEINFO, NDA_PROBES): a permanent
/// one, one of a program, one with NTF_EXT_MANAGED or NTF_EXT_EXT_VALIDATED in NDA_FLAGS_EXT. All
/// others are found again.
fn lasting_neighbour(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(12).ok_or(EIO)?;
    let flags = find(rest, 15)?.and_then(|flags| u32_at(flags, 0));
    let kept = flags.is_some_and(|flags| flags & 5 != 0);
    if !permanent(header) && !of_program(header) && !kept {
        return Ok(());
    }
    neighbour_header(header, permanent(header), out)?;
    attributes(rest, |kind, attribute| {
        if !matches!(kind, 3 | 4) {
            out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })
}

/// Adds an entry of a bridge that was not learnt by it, or an address that a device listens to
/// (NTF_SELF), but for times (NDA_CACHEINFO) and groups (NDA_LLADDR): these are of sockets, or of
/// the kernel, unless they say where what is for them is sent.
fn bridge_entry(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(12).ok_or(EIO)?;
    let of_device = header.get(10).is_some_and(|flags| flags & 2 != 0);
    let is_group =
        find(rest, 2)?.is_some_and(|address| address.first().is_some_and(|b| b & 1 != 0));
    if of_device && is_group && !forwarding::is_entry(body)? {
        return Ok(());
    }
    if !is_static(header) && !of_program(header) {
        return Ok(());
    }
    neighbour_header(header, is_static(header), out)?;
    attributes(rest, |kind, attribute| {
        if kind != 3 {
            out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })
}

/// IFA_F_TENTATIVE: whether an IPv6 address is looked for elsewhere.
pub(super) const TENTATIVE: u8 = 0x40;

/// Clears bits of the byte at `at`.
fn clear(bytes: &mut [u8], at: usize, bits: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte &= !bits;
    }
}

/// Where the byte of a number of 32 bits is that has the lowest bits.
pub(super) const LOW_BYTE: usize = if cfg!(target_endian = "little") { 0 } else { 3 };

/// Returns a message whose header has only a family, and that has an attribute of 32 bits.
pub(super) const fn request_with<const N: usize>(family: u8, kind: u16, value: u8) -> [u8; N] {
    let mut request = [0; N];
    let at = N - 2 * ATTRIBUTE_HEADER;
    let [len, len2] = 8u16.to_ne_bytes();
    let [kind, kind2] = kind.to_ne_bytes();
    request[0] = family;
    request[at] = len;
    request[at + 1] = len2;
    request[at + 2] = kind;
    request[at + 3] = kind2;
    request[at + ATTRIBUTE_HEADER + LOW_BYTE] = value;
    request
}

/// Leaves out of an address what comes of looking for it: ifa_flags and IFA_FLAGS.
fn edit_address(kind: u16, bytes: &mut [u8]) {
    match kind {
        0 => clear(bytes, 2, TENTATIVE),
        8 => clear(bytes, ATTRIBUTE_HEADER + LOW_BYTE, TENTATIVE),
        _ => (),
    }
}

/// RTNH_F_DEAD and RTNH_F_LINKDOWN: what the link makes of a route.
const LINK_FLAGS: u8 = 1 | 16;

/// Leaves out of a route what its link makes of it. That it expires counts, not when.
fn edit_route(kind: u16, bytes: &mut [u8]) {
    match kind {
        0 => clear(bytes, 8 + LOW_BYTE, LINK_FLAGS),
        9 => clear_hops(
            bytes.get_mut(ATTRIBUTE_HEADER..).unwrap_or(&mut []),
            LINK_FLAGS,
        ),
        // RTA_CACHEINFO: rta_expires.
        12 => {
            let expires = u32_at(bytes, ATTRIBUTE_HEADER + 8).is_some_and(|n| n != 0);
            for (at, byte) in bytes.iter_mut().enumerate().skip(ATTRIBUTE_HEADER) {
                *byte = u8::from(at == ATTRIBUTE_HEADER && expires);
            }
        }
        _ => (),
    }
}

/// Clears flags of all `struct rtnexthop` of RTA_MULTIPATH.
pub(super) fn clear_hops(mut hops: &mut [u8], flags: u8) {
    loop {
        let len = u16_at(hops, 0).map_or(0, usize::from).next_multiple_of(4);
        if len < 8 || len > hops.len() {
            return;
        }
        clear(hops, 2, flags);
        hops = hops.get_mut(len..).unwrap_or(&mut []);
    }
}

/// Returns whether it lacks RTM_F_CLONED, as all but a route that the kernel has found by others.
fn not_cloned(header: &[u8]) -> bool {
    u32_at(header, 8).is_some_and(|flags| flags & 0x200 == 0)
}

/// Groups of bridges that do not expire: MDB_PERMANENT in the `struct br_mdb_entry` of
/// MDBA_MDB_ENTRY_INFO in MDBA_MDB_ENTRY in MDBA_MDB.
fn lasting_groups(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let rest = body.get(8..).ok_or(EIO)?;
    let inner = |attribute: &'_ [u8]| attribute.len() >= ATTRIBUTE_HEADER;
    attributes(rest, |kind, mdb| {
        if kind != 1 || !inner(mdb) {
            return Ok(());
        }
        attributes(mdb.get(ATTRIBUTE_HEADER..).unwrap_or(&[]), |_, entry| {
            attributes(entry.get(ATTRIBUTE_HEADER..).unwrap_or(&[]), |_, info| {
                if info.get(ATTRIBUTE_HEADER + 4) == Some(&1) {
                    out.extend_from_slice(info, GFP_KERNEL_ACCOUNT)?;
                }
                Ok(())
            })
        })
    })
}

/// Adds what bridges do by MRP and CFM: IFLA_BRIDGE_MRP and IFLA_BRIDGE_CFM in IFLA_AF_SPEC.
fn rings(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(device::HEADER).ok_or(EIO)?;
    let spec = find(rest, 26)?.unwrap_or(&[]);
    attributes(spec, |kind, attribute| {
        if matches!(kind, 4 | 5) {
            // Whose it is: the number of the device.
            out.extend_from_slice(header.get(4..8).ok_or(EIO)?, GFP_KERNEL_ACCOUNT)?;
            out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })
}

/// Devices.
pub(super) static LINKS: Table<'static> = Table {
    // RTM_GETLINK, struct ifinfomsg, and IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS.
    name: "devices",
    request: 18,
    body: &LINK_REQUEST,
    header: device::HEADER,
    own: Some(device::counts),
    ..PLAIN
};

/// Returns what netlink tells of the device of `ns` with the number `index`.
pub(super) fn link(ns: &NetNs, index: u32) -> Result<KVVec<Item>> {
    let mut body = LINK_REQUEST;
    if let Some(number) = body.get_mut(4..8) {
        number.copy_from_slice(&index.to_ne_bytes());
    }
    let table = Table {
        request: LINKS.request,
        body: &body,
        header: device::HEADER,
        own: Some(device::counts),
        once: true,
        ..PLAIN
    };
    table.of(ns)
}

/// struct ifinfomsg, and IFLA_EXT_MASK.
const LINK_REQUEST: [u8; 24] = request_with(0, 29, 8);
const RING_REQUEST: [u8; 24] = request_with(7, 29, 0x10 | 0x20);

/// struct br_vlan_msg, and BRIDGE_VLANDB_DUMP_FLAGS.
const VLAN_REQUEST: [u8; 16] = request_with(7, 1, 2);

/// Addresses: RTM_GETADDR, struct ifaddrmsg, IFA_CACHEINFO.
pub(super) static ADDRESSES: Table<'static> = Table {
    name: "addresses",
    request: 22,
    body: &[0; 8],
    header: 8,
    volatile: &[6],
    edit: edit_address,
    ..PLAIN
};

/// Routes: RTM_GETROUTE, struct rtmsg. Those of IPv4 have an order.
pub(super) static ROUTES: [Table<'static>; 2] = [
    Table {
        name: "routes",
        request: 26,
        body: &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        header: 12,
        such: not_cloned,
        edit: edit_route,
        ..PLAIN
    },
    Table {
        name: "routes",
        request: 26,
        body: &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        header: 12,
        such: not_cloned,
        edit: edit_route,
        sorted: true,
        ..PLAIN
    },
];

/// Routing rules: RTM_GETRULE, struct fib_rule_hdr.
pub(super) static RULES: Table<'static> = Table {
    name: "routing rules",
    request: 34,
    body: &[0; 12],
    header: 12,
    ..PLAIN
};

/// Neighbours: RTM_GETNEIGH, struct ndmsg; those with NTF_PROXY, NDA_CACHEINFO and NDA_PROBES; and
/// entries of bridges, of AF_BRIDGE.
pub(super) static NEIGHBOURS: [Table<'static>; 3] = [
    Table {
        name: "permanent neighbours",
        request: 30,
        body: &[0; 12],
        header: 12,
        own: Some(lasting_neighbour),
        sorted: true,
        ..PLAIN
    },
    Table {
        name: "proxy neighbours",
        request: 30,
        body: &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0],
        header: 12,
        volatile: &[3, 4],
        sorted: true,
        ..PLAIN
    },
    Table {
        name: "entries in bridges, or addresses that devices listen to,",
        request: 30,
        body: &[7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        header: 12,
        own: Some(bridge_entry),
        sorted: true,
        ..PLAIN
    },
];

/// Queueing disciplines: RTM_GETQDISC, also those that come with a class.
pub(super) const QUEUES: Table<'static> = Table {
    name: "queueing disciplines",
    request: 38,
    body: &QUEUE_REQUEST,
    header: queues::HEADER,
    own: Some(queues::queue_key),
    sorted: true,
    ..PLAIN
};

/// struct tcmsg, and an attribute without content: TCA_DUMP_INVISIBLE.
const QUEUE_REQUEST: [u8; 24] = {
    let mut request = [0; 24];
    let [len, len2] = 4u16.to_ne_bytes();
    let [kind, kind2] = 10u16.to_ne_bytes();
    request[20] = len;
    request[21] = len2;
    request[22] = kind;
    request[23] = kind2;
    request
};

/// The other kinds. Numbers are those of the netlink ABI.
pub(super) static TABLES: &[Table<'static>] = &[
    // Routes of other families: multicast, MPLS.
    Table {
        name: "routes",
        request: 26,
        body: &[0; 12],
        header: 12,
        such: |header| !matches!(header.first(), Some(2 | 10)),
        volatile: &[12, 17, 23],
        ..PLAIN
    },
    QUEUES,
    // RTM_GETMDB, struct br_port_msg.
    Table {
        name: "groups in bridges",
        request: 86,
        body: &[7, 0, 0, 0, 0, 0, 0, 0],
        header: 8,
        own: Some(lasting_groups),
        ..PLAIN
    },
    // RTM_GETVLAN, struct br_vlan_msg.
    Table {
        name: "VLANs in bridges",
        request: 114,
        body: &[7, 0, 0, 0, 0, 0, 0, 0],
        header: 8,
        sorted: true,
        ..PLAIN
    },
    // The same with BRIDGE_VLANDB_DUMP_FLAGS: BRIDGE_VLANDB_DUMPF_GLOBAL.
    Table {
        name: "options of VLANs in bridges",
        request: 114,
        body: &VLAN_REQUEST,
        header: 8,
        sorted: true,
        ..PLAIN
    },
    // RTM_GETLINK of AF_BRIDGE, struct ifinfomsg, and IFLA_EXT_MASK with RTEXT_FILTER_MRP and
    // RTEXT_FILTER_CFM_CONFIG.
    Table {
        name: "rings (MRP) or endpoints (CFM) of bridges",
        request: 18,
        body: &RING_REQUEST,
        header: device::HEADER,
        own: Some(rings),
        ..PLAIN
    },
    NEXTHOPS,
    // RTM_GETADDRLABEL of AF_INET6, struct ifaddrlblmsg, which ends with how often they changed.
    Table {
        name: "labels of IPv6 addresses",
        request: 74,
        body: &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        header: 12,
        counts: (8, 4),
        ..PLAIN
    },
    // IPSET_CMD_LIST of NFNL_SUBSYS_IPSET, with IPSET_ATTR_PROTOCOL.
    Table {
        name: "sets of ipset",
        protocol: NETFILTER,
        request: 6 << 8 | 7,
        body: &SET_REQUEST,
        header: 4,
        ..PLAIN
    },
];

/// What there is only where connections are tracked: what lists that of NFNL_SUBSYS_*, with struct nfgenmsg.
/// Not these themselves, which are compared when they are made.
pub(super) static TRACKING: [Table<'static>; 3] = {
    const fn get(subsystem: u16, name: &'static str) -> Table<'static> {
        Table {
            name,
            protocol: NETFILTER,
            request: subsystem << 8 | 1,
            body: &[0; 4],
            header: 4,
            none_new: true,
            ..PLAIN
        }
    }
    [
        get(7, "accounts of netfilter"),
        TIMEOUTS,
        get(9, "helpers of tracked connections"),
    ]
};

/// All families of generic netlink: CTRL_CMD_GETFAMILY of GENL_ID_CTRL.
pub(super) static FAMILIES: Table<'static> = Table {
    protocol: GENERIC,
    request: 0x10,
    body: &[3, 1, 0, 0],
    header: GENERIC_HEADER,
    ..PLAIN
};

/// Kinds that families of generic netlink tell of: a name for messages, the family, and the command that
/// lists them.
pub(super) static GENERIC_KINDS: &[(&str, &[u8], u8)] = &[
    // MPTCP_PM_CMD_GET_ADDR.
    ("endpoints of MPTCP", b"mptcp_pm", 3),
    // FOU_CMD_GET.
    ("ports of FOU", b"fou", 3),
    // L2TP_CMD_TUNNEL_GET.
    ("tunnels of L2TP", b"l2tp", 4),
    // SEG6_CMD_DUMPHMAC.
    ("keys of SRv6", b"SEG6", 2),
    // IOAM6_CMD_DUMP_NAMESPACES and IOAM6_CMD_DUMP_SCHEMAS.
    ("namespaces of IOAM", b"IOAM6", 3),
    ("schemas of IOAM", b"IOAM6", 6),
    // ILA_CMD_GET.
    ("mappings of ILA", b"ila", 3),
    // IPVS_CMD_GET_SERVICE and IPVS_CMD_GET_DAEMON.
    ("services of IPVS", b"IPVS", 4),
    ("daemons of IPVS", b"IPVS", 11),
    // SMC_PNETID_GET.
    ("networks of SMC", b"SMC_PNETID", 1),
    // TIPC_NL_BEARER_GET and TIPC_NL_NODE_GET.
    ("bearers of TIPC", b"TIPCv2", 4),
    ("nodes of TIPC", b"TIPCv2", 13),
    // NL80211_CMD_GET_WIPHY, NL802154_CMD_GET_WPAN_PHY and DEVLINK_CMD_GET.
    ("radios", b"nl80211", 1),
    ("radios", b"nl802154", 1),
    ("devices of the machine (devlink)", b"devlink", 1),
];

/// The same of what there is once: the command that asks for it.
pub(super) static GENERIC_VALUES: &[(&str, &[u8], u8)] = &[
    // MPTCP_PM_CMD_GET_LIMITS.
    ("limits of MPTCP", b"mptcp_pm", 6),
    // SEG6_CMD_GET_TUNSRC.
    ("a source of SRv6 tunnels", b"SEG6", 4),
    // IPVS_CMD_GET_CONFIG.
    ("timeouts of IPVS", b"IPVS", 13),
    // NFSD_CMD_THREADS_GET and NFSD_CMD_LISTENER_GET.
    ("threads of an NFS server", b"nfsd", 3),
    ("addresses of an NFS server", b"nfsd", 7),
];

/// Kinds of actions of tc: they are listed one by one.
pub(super) static ACTIONS: &[&[u8]] = &[
    b"bpf",
    b"connmark",
    b"csum",
    b"ct",
    b"ctinfo",
    b"gact",
    b"gate",
    b"ife",
    b"mirred",
    b"mpls",
    b"nat",
    b"pedit",
    b"police",
    b"sample",
    b"simple",
    b"skbedit",
    b"skbmod",
    b"tunnel_key",
    b"vlan",
];

/// struct nfgenmsg, and an attribute of a byte: IPSET_ATTR_PROTOCOL, 7.
const SET_REQUEST: [u8; 12] = {
    let [len, len2] = 5u16.to_ne_bytes();
    let [kind, kind2] = 1u16.to_ne_bytes();
    [0, 0, 0, 0, len, len2, kind, kind2, 7, 0, 0, 0]
};
