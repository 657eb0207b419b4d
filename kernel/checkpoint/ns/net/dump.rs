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

/// A kind of object.
struct Table {
    /// What they are, for messages.
    name: &'static str,
    /// NETLINK_*.
    protocol: i32,
    /// Type of the request.
    request: u16,
    /// The message that comes with it, the header of its family first. Zeros: all there are.
    body: &'static [u8],
    /// Bytes of the header of the answers.
    header: usize,
    /// Of these: where what only counts begins, and how many bytes that has.
    counts: (usize, usize),
    /// Attributes that only count.
    volatile: &'static [u16],
    /// Which of them are not of the kernel alone.
    such: fn(&[u8]) -> bool,
}

/// All that are there.
const ALL: fn(&[u8]) -> bool = |_| true;

/// What of a kind has no such parts.
const PLAIN: Table = Table {
    name: "",
    protocol: ROUTE,
    request: 0,
    body: &[],
    header: 0,
    counts: (0, 0),
    volatile: &[],
    such: ALL,
};

/// Neighbours that do not expire: NUD_PERMANENT in ndm_state. All others are found again.
fn permanent(header: &[u8]) -> bool {
    u16_at(header, 8).is_some_and(|state| state & 0x80 != 0)
}

/// The kinds. Numbers are those of the netlink ABI.
static TABLES: &[Table] = &[
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

impl Table {
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
        let (header, mut rest) = body.split_at_checked(self.header).ok_or(EIO)?;
        if !(self.such)(header) {
            return Ok(());
        }
        let (from, len) = self.counts;
        for (at, &byte) in header.iter().enumerate() {
            let counts = at >= from && at - from < len;
            out.push(if counts { 0 } else { byte }, GFP_KERNEL_ACCOUNT)?;
        }
        while !rest.is_empty() {
            let len = u16_at(rest, 0).ok_or(EIO)?;
            let kind = u16_at(rest, 2).ok_or(EIO)? & ATTRIBUTE;
            let (attribute, next) = take(rest, len.into(), 4).ok_or(EIO)?;
            if !self.volatile.contains(&kind) {
                out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
            }
            rest = next;
        }
        Ok(())
    }

    /// What counts of `answers`. EAGAIN: the list has changed meanwhile.
    fn normal(&self, answers: &[u8]) -> Result<KVVec<u8>> {
        let mut out = KVVec::new();
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
                DONE => break,
                // What the kernel does not have, no namespace has.
                ERROR => {
                    out.extend_from_slice(body.get(..4).ok_or(EIO)?, GFP_KERNEL_ACCOUNT)?;
                    break;
                }
                _ => self.add(body, &mut out)?,
            }
            rest = next;
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
}

/// Returns of what kind `ns` has something that `fresh`, a new namespace, has not, or the other way
/// round.
pub(super) fn differs(ns: &NetNs, fresh: &NetNs) -> Result<Option<&'static str>> {
    for table in TABLES {
        match table.of(ns) {
            Err(E2BIG | EAGAIN) => return Ok(Some(table.name)),
            answer => {
                if *answer? != *table.of(fresh)? {
                    return Ok(Some(table.name));
                }
            }
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
