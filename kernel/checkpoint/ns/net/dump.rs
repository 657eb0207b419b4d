// SPDX-License-Identifier: GPL-2.0

//! What netlink shows of a network namespace, to compare two.
//!
//! No message is looked into for what it says: all that two namespaces are asked for must be answered
//! alike, but for what counts time and uses, and what the kernel finds by itself.

use core::slice::from_ref;

use kernel::prelude::*;

use super::{
    device,
    message::{
        attributes,
        find,
        messages,
        u16_at,
        u32_at,
        Message,
        ATTRIBUTE_HEADER, //
    }, //
};
use crate::kapi::{
    net::namespace::NetNs,
    time::wait, //
};

/// NLM_F_DUMP.
const DUMP: u16 = 0x300;

/// How often a list is asked for that changes meanwhile.
const TRIES: usize = 5;

/// NETLINK_ROUTE.
const ROUTE: i32 = 0;

/// NETLINK_NETFILTER.
const NETFILTER: i32 = 12;

/// NETLINK_GENERIC.
const GENERIC: i32 = 16;

/// Bytes of `struct genlmsghdr`, which begins with the number of the command.
const GENERIC_HEADER: usize = 4;

/// CTRL_ATTR_FAMILY_ID and CTRL_ATTR_FAMILY_NAME.
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;

/// What an item of a list tells: what counts of it, and the whole message.
pub(super) struct Item {
    /// What must be alike.
    pub(super) key: KVVec<u8>,
    /// What comes after the header of the message.
    pub(super) body: KVVec<u8>,
}

/// A kind of object.
pub(super) struct Table<'a> {
    /// What they are, for messages.
    name: &'static str,
    /// NETLINK_*.
    protocol: i32,
    /// Type of the request.
    request: u16,
    /// The message that comes with it, the header of its family first. Zeros: all there are.
    body: &'a [u8],
    /// Bytes of the header of the answers.
    header: usize,
    /// Of these: where what only counts begins, and how many bytes that has.
    counts: (usize, usize),
    /// Attributes that only count.
    volatile: &'static [u16],
    /// Which of them are not of the kernel alone, by their headers.
    such: fn(&[u8]) -> bool,
    /// Takes what does not count out of an attribute, with its type; 0: out of the header.
    edit: fn(u16, &mut [u8]),
    /// Adds what counts of a message, in place of all that.
    own: Option<fn(&[u8], &mut KVVec<u8>) -> Result>,
    /// Their order is not their own.
    sorted: bool,
    /// A new namespace has none.
    none_new: bool,
}

/// All that are there.
const ALL: fn(&[u8]) -> bool = |_| true;

/// What of a kind has no such parts.
const PLAIN: Table<'static> = Table {
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
};

/// Neighbours that do not expire: NUD_PERMANENT in ndm_state. All others are found again.
fn permanent(header: &[u8]) -> bool {
    u16_at(header, 8).is_some_and(|state| state & 0x80 != 0)
}

/// Entries of bridges that were not learnt: NUD_PERMANENT or NUD_NOARP.
fn not_learnt(header: &[u8]) -> bool {
    u16_at(header, 8).is_some_and(|state| state & 0xc0 != 0)
}

/// An entry of a bridge, or an address that a device listens to (NTF_SELF), but for times (NDA_CACHEINFO)
/// and groups (NDA_LLADDR): these are of sockets, or of the kernel.
fn bridge_entry(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(12).ok_or(EIO)?;
    let of_device = header.get(10).is_some_and(|flags| flags & 2 != 0);
    let is_group =
        find(rest, 2)?.is_some_and(|address| address.first().is_some_and(|b| b & 1 != 0));
    if of_device && is_group {
        return Ok(());
    }
    out.extend_from_slice(header, GFP_KERNEL_ACCOUNT)?;
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

/// An address, but for what comes of looking for it: ifa_flags and IFA_FLAGS.
fn edit_address(kind: u16, bytes: &mut [u8]) {
    match kind {
        0 => clear(bytes, 2, TENTATIVE),
        8 => clear(bytes, ATTRIBUTE_HEADER + LOW_BYTE, TENTATIVE),
        _ => (),
    }
}

/// RTNH_F_DEAD and RTNH_F_LINKDOWN: what the link makes of a route.
const LINK_FLAGS: u8 = 1 | 16;

/// A route, but for what its link makes of it. That it expires counts, not when.
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

/// RTM_F_CLONED: a route that the kernel has found by others.
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

/// struct ifinfomsg, and an attribute of 32 bits.
const LINK_REQUEST: [u8; 24] = {
    let mut request = [0; 24];
    let [len, len2] = 8u16.to_ne_bytes();
    let [kind, kind2] = 29u16.to_ne_bytes();
    request[16] = len;
    request[17] = len2;
    request[18] = kind;
    request[19] = kind2;
    request[20 + LOW_BYTE] = 8;
    request
};

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

/// Neighbours: RTM_GETNEIGH, struct ndmsg, NDA_CACHEINFO and NDA_PROBES; those with NTF_PROXY; and
/// entries of bridges, of AF_BRIDGE.
pub(super) static NEIGHBOURS: [Table<'static>; 3] = [
    Table {
        name: "permanent neighbours",
        request: 30,
        body: &[0; 12],
        header: 12,
        volatile: &[3, 4],
        such: permanent,
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
        such: not_learnt,
        own: Some(bridge_entry),
        sorted: true,
        ..PLAIN
    },
];

/// The other kinds. Numbers are those of the netlink ABI.
static TABLES: &[Table<'static>] = &[
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
    // RTM_GETQDISC, struct tcmsg, which ends with how many use it; TCA_STATS, TCA_XSTATS, TCA_STATS2.
    Table {
        name: "queueing disciplines",
        request: 38,
        body: &[0; 20],
        header: 20,
        counts: (16, 4),
        volatile: &[3, 4, 7],
        ..PLAIN
    },
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
    // RTM_GETNEXTHOP, struct nhmsg.
    Table {
        name: "nexthop objects",
        request: 106,
        body: &[0; 8],
        header: 8,
        ..PLAIN
    },
    // RTM_GETADDRLABEL of AF_INET6, struct ifaddrlblmsg, which ends with how often they changed.
    Table {
        name: "labels of IPv6 addresses",
        request: 74,
        body: &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        header: 12,
        counts: (8, 4),
        ..PLAIN
    },
    // NFT_MSG_GETTABLE of NFNL_SUBSYS_NFTABLES, struct nfgenmsg.
    Table {
        name: "tables of nftables",
        protocol: NETFILTER,
        request: 10 << 8 | 1,
        body: &[0; 4],
        header: 4,
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

/// All families of generic netlink: CTRL_CMD_GETFAMILY of GENL_ID_CTRL.
static FAMILIES: Table<'static> = Table {
    protocol: GENERIC,
    request: 0x10,
    body: &[3, 1, 0, 0],
    header: GENERIC_HEADER,
    ..PLAIN
};

/// Kinds that families of generic netlink tell of: a name for messages, the family, and the command that
/// lists them.
static GENERIC_KINDS: &[(&str, &[u8], u8)] = &[
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
];

/// Kinds of actions of tc: they are listed one by one.
static ACTIONS: &[&[u8]] = &[
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

/// Returns the number of the family of generic netlink with this name, of `answers` to [`FAMILIES`].
/// `None`: the kernel has none, or this namespace has not.
fn family(answers: &[u8], name: &[u8]) -> Result<Option<u16>> {
    let mut found = None;
    messages(answers, |body| {
        let (_, rest) = body.split_at_checked(GENERIC_HEADER).ok_or(EIO)?;
        let mut id = None;
        let mut is_it = false;
        attributes(rest, |kind, attribute| {
            let value = attribute.get(4..).unwrap_or(&[]);
            if kind == FAMILY_ID {
                id = u16_at(value, 0);
            } else if kind == FAMILY_NAME {
                is_it = value.strip_suffix(&[0]) == Some(name);
            }
            Ok(())
        })?;
        if is_it {
            found = id;
        }
        Ok(())
    })?;
    Ok(found)
}

/// The message that asks for actions of tc of a kind: struct tcamsg, and TCA_ACT_KIND in the first
/// action of TCA_ACT_TAB.
fn action_request(kind: &[u8]) -> Result<KVec<u8>> {
    let mut body = KVec::new();
    let mut add = |bytes: &[u8]| body.extend_from_slice(bytes, GFP_KERNEL);
    let len = 4 + kind.len() + 1;
    let whole = len.next_multiple_of(4);
    add(&[0; 4])?;
    for len in [8 + whole, 4 + whole, len] {
        add(&u16::try_from(len)?.to_ne_bytes())?;
        add(&1u16.to_ne_bytes())?;
    }
    add(kind)?;
    for _ in len - 1..whole {
        add(&[0])?;
    }
    Ok(body)
}

impl Table<'_> {
    /// Adds what counts of the message `body` to `out`.
    fn add(&self, body: &[u8], out: &mut KVVec<u8>) -> Result {
        if let Some(own) = self.own {
            return own(body, out);
        }
        let (header, rest) = body.split_at_checked(self.header).ok_or(EIO)?;
        let (from, len) = self.counts;
        for (at, &byte) in header.iter().enumerate() {
            let counts = at >= from && at - from < len;
            out.push(if counts { 0 } else { byte }, GFP_KERNEL_ACCOUNT)?;
        }
        (self.edit)(0, out);
        attributes(rest, |kind, attribute| {
            if !self.volatile.contains(&kind) {
                let at = out.len();
                out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
                (self.edit)(kind, out.get_mut(at..).unwrap_or(&mut []));
            }
            Ok(())
        })
    }

    /// What counts of `answers`. EAGAIN: the list has changed meanwhile.
    fn normal(&self, answers: &[u8]) -> Result<KVVec<Item>> {
        let mut items = KVVec::new();
        let errno = messages(answers, |body| {
            if !(self.such)(body.get(..self.header).ok_or(EIO)?) {
                return Ok(());
            }
            let mut item = Item {
                key: KVVec::new(),
                body: KVVec::new(),
            };
            self.add(body, &mut item.key)?;
            item.body.extend_from_slice(body, GFP_KERNEL_ACCOUNT)?;
            if !item.key.is_empty() {
                items.push(item, GFP_KERNEL_ACCOUNT)?;
            }
            Ok(())
        })?;
        if let Some(errno) = errno {
            let mut item = Item {
                key: KVVec::new(),
                body: KVVec::new(),
            };
            item.key
                .extend_from_slice(&errno.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
            items.push(item, GFP_KERNEL_ACCOUNT)?;
        }
        if self.sorted {
            items.sort_unstable_by(|a, b| a.key.as_slice().cmp(b.key.as_slice()));
        }
        Ok(items)
    }

    /// Asks `ns` for them. E2BIG: there are too many. EAGAIN: they keep changing.
    pub(super) fn of(&self, ns: &NetNs) -> Result<KVVec<Item>> {
        let mut message = Message::whole(self.request, DUMP, self.body)?;
        for _ in 0..TRIES {
            wait::go_on()?;
            match self.normal(&ns.ask(self.protocol, &mut message.0)?) {
                Err(EAGAIN) => (),
                done => return done,
            }
        }
        Err(EAGAIN)
    }

    /// Returns whether `ns` has other ones than `fresh`, or too many to tell.
    fn differs(&self, ns: &NetNs, fresh: &NetNs) -> Result<bool> {
        match self.of(ns) {
            Err(E2BIG | EAGAIN) => Ok(true),
            Ok(items) if self.none_new && items.is_empty() => Ok(false),
            items => Ok(!alike(&items?, &self.of(fresh)?)),
        }
    }
}

/// Returns whether two lists tell the same.
fn alike(a: &[Item], b: &[Item]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| *a.key == *b.key)
}

/// Returns of what kind `ns` has something that `fresh`, a new namespace, has not, or the other way
/// round.
pub(super) fn differs(ns: &NetNs, fresh: &NetNs) -> Result<Option<&'static str>> {
    let lists: [&[Table<'static>]; 6] = [
        from_ref(&LINKS),
        from_ref(&ADDRESSES),
        from_ref(&RULES),
        &ROUTES,
        &NEIGHBOURS,
        TABLES,
    ];
    for table in lists.into_iter().flatten() {
        if table.differs(ns, fresh)? {
            return Ok(Some(table.name));
        }
    }
    for kind in ACTIONS {
        let body = action_request(kind)?;
        // RTM_GETACTION.
        let table = Table {
            name: "actions of tc",
            request: 50,
            body: &body,
            header: 4,
            none_new: true,
            ..PLAIN
        };
        if table.differs(ns, fresh)? {
            return Ok(Some(table.name));
        }
    }
    let mut message = Message::whole(FAMILIES.request, DUMP, FAMILIES.body)?;
    let families = ns.ask(GENERIC, &mut message.0)?;
    for &(name, of, command) in GENERIC_KINDS {
        let Some(request) = family(&families, of)? else {
            continue;
        };
        let body = [command, 1, 0, 0];
        let table = Table {
            name,
            protocol: GENERIC,
            request,
            body: &body,
            header: GENERIC_HEADER,
            none_new: true,
            ..PLAIN
        };
        if table.differs(ns, fresh)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_dump)]
mod tests {
    use super::*;
    use crate::ns::net::message::{
        DONE,
        INTERRUPTED, //
    };

    /// A message of kind 20 with the header of an address and two attributes.
    fn message(flags: u16, prefix: u8, cacheinfo: u8) -> Result<KVec<u8>> {
        let mut m = KVec::new();
        let mut add = |bytes: &[u8]| m.extend_from_slice(bytes, GFP_KERNEL);
        add(&40u32.to_ne_bytes())?;
        add(&20u16.to_ne_bytes())?;
        add(&flags.to_ne_bytes())?;
        add(&[1, 0, 0, 0, 9, 9, 9, 9])?;
        add(&[2, prefix, 0, 0, 1, 0, 0, 0])?;
        for (kind, value) in [(1u16, 127), (6u16, cacheinfo)] {
            add(&8u16.to_ne_bytes())?;
            add(&kind.to_ne_bytes())?;
            add(&[value, 0, 0, 1])?;
        }
        Ok(m)
    }

    /// Times don't count, all else does.
    #[test]
    fn what_counts() -> Result {
        let table = &ADDRESSES;
        let one = table.normal(&message(2, 8, 1)?)?;
        assert!(alike(&one, &table.normal(&message(2, 8, 2)?)?));
        assert!(!alike(&one, &table.normal(&message(2, 9, 1)?)?));
        assert!(!alike(&one, &table.normal(&[])?));
        assert!(matches!(
            table.normal(&message(INTERRUPTED, 8, 1)?),
            Err(EAGAIN)
        ));
        Ok(())
    }

    /// The state of a neighbour has 16 bits.
    #[test]
    fn states() {
        for (state, is) in [(0x80u16, true), (0x02, false), (0x8000, false)] {
            let [a, b] = state.to_ne_bytes();
            assert!(permanent(&[10, 0, 0, 0, 1, 0, 0, 0, a, b, 0, 0]) == is);
        }
    }

    /// A list that was cut short is not the same as one that was not.
    #[test]
    fn cut_short() -> Result {
        let table = &ADDRESSES;
        let one = message(2, 8, 1)?;
        for (errno, same) in [(0i32, true), (-90, false)] {
            let mut list = KVec::new();
            list.extend_from_slice(&one, GFP_KERNEL)?;
            list.extend_from_slice(&20u32.to_ne_bytes(), GFP_KERNEL)?;
            list.extend_from_slice(&DONE.to_ne_bytes(), GFP_KERNEL)?;
            list.extend_from_slice(&[0; 10], GFP_KERNEL)?;
            list.extend_from_slice(&errno.to_ne_bytes(), GFP_KERNEL)?;
            assert!(alike(&table.normal(&list)?, &table.normal(&one)?) == same);
        }
        Ok(())
    }

    /// A family is found by its whole name.
    #[test]
    fn families() -> Result {
        let mut m = KVec::new();
        let mut add = |bytes: &[u8]| m.extend_from_slice(bytes, GFP_KERNEL);
        add(&36u32.to_ne_bytes())?;
        add(&0x10u16.to_ne_bytes())?;
        add(&[0; 10])?;
        add(&[1, 2, 0, 0])?;
        add(&8u16.to_ne_bytes())?;
        add(&FAMILY_NAME.to_ne_bytes())?;
        add(b"fou\0")?;
        add(&6u16.to_ne_bytes())?;
        add(&FAMILY_ID.to_ne_bytes())?;
        add(&31u16.to_ne_bytes())?;
        add(&[0; 2])?;
        assert!(family(&m, b"fou")? == Some(31));
        assert!(family(&m, b"f")?.is_none() && family(&m, b"l2tp")?.is_none());
        Ok(())
    }

    /// Each attribute has its length, with what is in it.
    #[test]
    fn actions() -> Result {
        let request = action_request(b"gact")?;
        assert!(request.len() == 24);
        let mut whole = false;
        attributes(request.get(4..).ok_or(EINVAL)?, |kind, tab| {
            attributes(tab.get(4..).ok_or(EINVAL)?, |_, action| {
                attributes(action.get(4..).ok_or(EINVAL)?, |_, name| {
                    whole = kind == 1 && name.get(4..) == Some(&b"gact\0"[..]);
                    Ok(())
                })
            })
        })?;
        assert!(whole);
        Ok(())
    }

    /// A message that is cut off is none.
    #[test]
    fn cut_off() -> Result {
        let table = &ADDRESSES;
        let whole = message(2, 8, 1)?;
        for len in 1..whole.len() {
            assert!(table.normal(whole.get(..len).ok_or(EINVAL)?).is_err());
        }
        Ok(())
    }
}
