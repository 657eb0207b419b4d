// SPDX-License-Identifier: GPL-2.0

//! What netlink shows of a network namespace, to compare two.
//!
//! No message is looked into for what it says: all that two namespaces are asked for must be answered
//! alike, but for what counts time and uses.

use kernel::prelude::*;

use crate::kapi::{
    net::namespace::NetNs,
    time::wait, //
};

/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;

/// NLM_F_REQUEST and NLM_F_DUMP.
const REQUEST_FLAGS: u16 = 0x301;

/// NLM_F_DUMP_INTR: what was listed has changed meanwhile.
const INTERRUPTED: u16 = 0x10;

/// NLMSG_ERROR.
const ERROR: u16 = 2;

/// NLMSG_DONE.
const DONE: u16 = 3;

/// NLA_TYPE_MASK.
const ATTRIBUTE: u16 = 0x3fff;

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

/// A kind of object.
struct Table<'a> {
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
    /// Which of them are not of the kernel alone.
    such: fn(&[u8]) -> bool,
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
    none_new: false,
};

/// Neighbours that do not expire: NUD_PERMANENT in ndm_state. All others are found again.
fn permanent(header: &[u8]) -> bool {
    u16_at(header, 8).is_some_and(|state| state & 0x80 != 0)
}

/// The kinds. Numbers are those of the netlink ABI.
static TABLES: &[Table<'static>] = &[
    // RTM_GETADDR, struct ifaddrmsg, IFA_CACHEINFO.
    Table {
        name: "addresses",
        request: 22,
        body: &[0; 8],
        header: 8,
        volatile: &[6],
        ..PLAIN
    },
    // RTM_GETROUTE, struct rtmsg, RTA_CACHEINFO.
    Table {
        name: "routes",
        request: 26,
        body: &[0; 12],
        header: 12,
        volatile: &[12],
        ..PLAIN
    },
    // RTM_GETRULE, struct fib_rule_hdr.
    Table {
        name: "routing rules",
        request: 34,
        body: &[0; 12],
        header: 12,
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
    // RTM_GETNEIGH, struct ndmsg, NDA_CACHEINFO and NDA_PROBES.
    Table {
        name: "permanent neighbours",
        request: 30,
        body: &[0; 12],
        header: 12,
        volatile: &[3, 4],
        such: permanent,
        ..PLAIN
    },
    // The same with NTF_PROXY.
    Table {
        name: "proxy neighbours",
        request: 30,
        body: &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0],
        header: 12,
        volatile: &[3, 4],
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

/// Number of 16 bits at `at`.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_ne_bytes(bytes.try_into().ok()?))
}

/// Number of 32 bits at `at`.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

/// Takes what begins with its length, of which `header` bytes are the least, off `bytes`; returns it
/// and what comes after its padding. `None`: it is not whole.
fn take(bytes: &[u8], len: usize, header: usize) -> Option<(&[u8], &[u8])> {
    let whole = bytes.get(..len).filter(|_| len >= header)?;
    let next = len.checked_add(3)? & !3;
    Some((whole, bytes.get(next..).unwrap_or(&[])))
}

/// Calls `f` for each attribute of `rest`: its type, and all of it.
fn attributes(mut rest: &[u8], mut f: impl FnMut(u16, &[u8]) -> Result) -> Result {
    while !rest.is_empty() {
        let len = u16_at(rest, 0).ok_or(EIO)?;
        let kind = u16_at(rest, 2).ok_or(EIO)? & ATTRIBUTE;
        let (attribute, next) = take(rest, len.into(), 4).ok_or(EIO)?;
        f(kind, attribute)?;
        rest = next;
    }
    Ok(())
}

/// Calls `f` for what comes after the header of each message of `answers`; returns the errno with which
/// they end, if it is one, negative. EAGAIN: the list has changed meanwhile.
fn messages(answers: &[u8], mut f: impl FnMut(&[u8]) -> Result) -> Result<Option<u32>> {
    let mut rest = answers;
    while !rest.is_empty() {
        let len = u32_at(rest, 0).ok_or(EIO)?;
        let kind = u16_at(rest, 4).ok_or(EIO)?;
        let flags = u16_at(rest, 6).ok_or(EIO)?;
        let (message, next) = take(rest, usize::try_from(len)?, HEADER).ok_or(EIO)?;
        let body = message.get(HEADER..).ok_or(EIO)?;
        if flags & INTERRUPTED != 0 {
            return Err(EAGAIN);
        }
        match kind {
            // A list that was cut short ends with an errno, too.
            DONE => return Ok(u32_at(body, 0).filter(|&errno| errno != 0)),
            // What the kernel does not have, no namespace has.
            ERROR => return Ok(Some(u32_at(body, 0).ok_or(EIO)?)),
            _ => f(body)?,
        }
        rest = next;
    }
    Ok(None)
}

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
    /// The message that asks for them.
    fn message(&self) -> Result<KVec<u8>> {
        let mut message = KVec::new();
        let mut add = |bytes: &[u8]| message.extend_from_slice(bytes, GFP_KERNEL);
        let len = u32::try_from(HEADER + self.body.len())?;
        add(&len.to_ne_bytes())?;
        add(&self.request.to_ne_bytes())?;
        add(&REQUEST_FLAGS.to_ne_bytes())?;
        // Sequence number, and who sends it: the kernel knows.
        add(&1u32.to_ne_bytes())?;
        add(&0u32.to_ne_bytes())?;
        add(self.body)?;
        Ok(message)
    }

    /// Adds what counts of the message `body` to `out`.
    fn add(&self, body: &[u8], out: &mut KVVec<u8>) -> Result {
        let (header, rest) = body.split_at_checked(self.header).ok_or(EIO)?;
        if !(self.such)(header) {
            return Ok(());
        }
        let (from, len) = self.counts;
        for (at, &byte) in header.iter().enumerate() {
            let counts = at >= from && at - from < len;
            out.push(if counts { 0 } else { byte }, GFP_KERNEL_ACCOUNT)?;
        }
        attributes(rest, |kind, attribute| {
            if !self.volatile.contains(&kind) {
                out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
            }
            Ok(())
        })
    }

    /// What counts of `answers`. EAGAIN: the list has changed meanwhile.
    fn normal(&self, answers: &[u8]) -> Result<KVVec<u8>> {
        let mut out = KVVec::new();
        let errno = messages(answers, |body| self.add(body, &mut out))?;
        if let Some(errno) = errno {
            out.extend_from_slice(&errno.to_ne_bytes(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(out)
    }

    /// Asks `ns` for them. E2BIG: there are too many. EAGAIN: they keep changing.
    fn of(&self, ns: &NetNs) -> Result<KVVec<u8>> {
        let mut message = self.message()?;
        for _ in 0..TRIES {
            wait::go_on()?;
            match self.normal(&ns.ask(self.protocol, &mut message)?) {
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
            Ok(answer) if self.none_new && answer.is_empty() => Ok(false),
            answer => Ok(*answer? != *self.of(fresh)?),
        }
    }
}

/// Returns of what kind `ns` has something that `fresh`, a new namespace, has not, or the other way
/// round.
pub(super) fn differs(ns: &NetNs, fresh: &NetNs) -> Result<Option<&'static str>> {
    for table in TABLES {
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
    let families = ns.ask(GENERIC, &mut FAMILIES.message()?)?;
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
        let table = TABLES.first().ok_or(EINVAL)?;
        let one = table.normal(&message(2, 8, 1)?)?;
        assert!(*one == *table.normal(&message(2, 8, 2)?)?);
        assert!(*one != *table.normal(&message(2, 9, 1)?)?);
        assert!(*one != *table.normal(&[])?);
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
        let table = TABLES.first().ok_or(EINVAL)?;
        let one = message(2, 8, 1)?;
        for (errno, same) in [(0i32, true), (-90, false)] {
            let mut list = KVec::new();
            list.extend_from_slice(&one, GFP_KERNEL)?;
            list.extend_from_slice(&20u32.to_ne_bytes(), GFP_KERNEL)?;
            list.extend_from_slice(&DONE.to_ne_bytes(), GFP_KERNEL)?;
            list.extend_from_slice(&[0; 10], GFP_KERNEL)?;
            list.extend_from_slice(&errno.to_ne_bytes(), GFP_KERNEL)?;
            assert!((*table.normal(&list)? == *table.normal(&one)?) == same);
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
        let table = TABLES.first().ok_or(EINVAL)?;
        let whole = message(2, 8, 1)?;
        for len in 1..whole.len() {
            assert!(table.normal(whole.get(..len).ok_or(EINVAL)?).is_err());
        }
        Ok(())
    }
}
