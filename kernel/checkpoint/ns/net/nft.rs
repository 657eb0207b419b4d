// SPDX-License-Identifier: GPL-2.0

//! Tables of nftables, with all that is in them.
//!
//! What netlink lists of them is what it takes to make them, but for handles and what only counts. All of it
//! is one batch: it is taken as a whole or not at all, and a set without a name has to come with the rule
//! that uses it. Numbers are those of the netlink ABI.

use kernel::prelude::*;

use super::{
    dump::{
        Item,
        Table, //
    },
    message::{
        attributes,
        find,
        u32_at,
        Message,
        ATTRIBUTE_HEADER, //
    },
    request::Request,
    tables::{
        NETFILTER,
        PLAIN, //
    }, //
};
use crate::{
    image::ns::{
        REQUEST_NEWCHAIN,
        REQUEST_NEWELEM,
        REQUEST_NEWOBJ,
        REQUEST_NEWRULE_NFT,
        REQUEST_NEWSET,
        REQUEST_NEWTABLE, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// Bytes of `struct nfgenmsg`: family, version, and a number of 16 bits.
const HEADER: usize = 4;

/// NFNL_SUBSYS_NFTABLES.
const SUBSYSTEM: u16 = 10 << 8;

/// NLM_F_ACK, NLM_F_CREATE and NLM_F_APPEND.
const ACK: u16 = 4;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

/// NFNL_MSG_BATCH_BEGIN and NFNL_MSG_BATCH_END, and what follows their headers: the subsystem, in the
/// order of the network.
const BEGIN: u16 = 16;
const END: u16 = 17;
const BATCH: [u8; HEADER] = [0, 0, 0, 10];

/// Most bytes of a batch.
const BATCH_MAX: usize = 16 << 20;

/// NFTA_SET_ID.
const SET_ID: u16 = 10;

/// NFTA_TABLE_FLAGS, and NFT_TABLE_F_OWNER in it: the table goes with a socket.
const TABLE_FLAGS: u16 = 2;
const OWNED: u32 = 2;

/// NFTA_SET_ELEM_LIST_ELEMENTS, and what is in one: NFTA_SET_ELEM_EXPIRATION, NFTA_SET_ELEM_EXPR and
/// NFTA_SET_ELEM_EXPRESSIONS.
const ELEMENTS: u16 = 3;
const EXPIRATION: u16 = 5;
const ELEMENT_EXPR: u16 = 7;
const ELEMENT_EXPRS: u16 = 11;

/// NFTA_RULE_EXPRESSIONS, NFTA_SET_EXPR and NFTA_SET_EXPRESSIONS.
const RULE_EXPRS: u16 = 4;
const SET_EXPR: u16 = 17;
const SET_EXPRS: u16 = 18;

/// NFTA_OBJ_TYPE, NFTA_OBJ_DATA, and NFT_OBJECT_COUNTER and NFT_OBJECT_QUOTA.
const OBJ_TYPE: u16 = 3;
const OBJ_DATA: u16 = 4;
const COUNTER: u32 = 1;
const QUOTA: u32 = 2;

/// NFTA_EXPR_NAME and NFTA_EXPR_DATA.
const NAME: u16 = 1;
const DATA: u16 = 2;

/// The same of security labels (NFT_OBJECT_SECMARK): they mean what the policy of a machine says.
const SECMARK: u32 = 8;

/// NFTA_DYNSET_EXPR and NFTA_DYNSET_EXPRESSIONS, and NFTA_INNER_EXPR.
const DYNSET_EXPR: u16 = 7;
const DYNSET_EXPRS: u16 = 10;
const INNER_EXPR: u16 = 5;

/// NFTA_QUOTA_CONSUMED.
const CONSUMED: u16 = 4;

/// What may be in another expression: in "dynset", what an element has, and in "inner", what looks at a
/// packet.
const IN_OTHERS: &[&[u8]] = &[
    b"connlimit",
    b"counter",
    b"last",
    b"limit",
    b"meta",
    b"payload",
    b"quota",
];

/// Expressions that mean the same elsewhere. Not those of iptables, which may be programs by their
/// descriptors, nor what goes by the numbers of cgroups ("socket").
const EXPRESSIONS: &[&[u8]] = &[
    b"bitwise",
    b"byteorder",
    b"cmp",
    b"connlimit",
    b"counter",
    b"ct",
    b"dup",
    b"dynset",
    b"exthdr",
    b"fib",
    b"fwd",
    b"hash",
    b"immediate",
    b"inner",
    b"last",
    b"limit",
    b"log",
    b"lookup",
    b"masq",
    b"meta",
    b"nat",
    b"notrack",
    b"numgen",
    b"objref",
    b"payload",
    b"queue",
    b"quota",
    b"range",
    b"redir",
    b"reject",
    b"rt",
    b"synproxy",
    b"tproxy",
];

/// A kind of message: what it makes.
struct Kind {
    request: u32,
    /// Attributes that are taken.
    taken: &'static [u16],
    flags: u16,
}

/// The kinds, in the order in which they are sent: each only needs those before it. Elements come before the
/// rules: a set without a name takes none any more when a rule uses it.
static KINDS: [Kind; 6] = [
    // NFTA_TABLE_NAME, _FLAGS, _USERDATA.
    Kind {
        request: REQUEST_NEWTABLE,
        taken: &[1, TABLE_FLAGS, 6],
        flags: CREATE,
    },
    // NFTA_OBJ_TABLE, _NAME, _TYPE, _DATA, _USERDATA.
    Kind {
        request: REQUEST_NEWOBJ,
        taken: &[1, 2, OBJ_TYPE, OBJ_DATA, 8],
        flags: CREATE,
    },
    // NFTA_SET_*: not its handle, type and count.
    Kind {
        request: REQUEST_NEWSET,
        taken: &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, SET_ID, 11, 12, 13, 15, SET_EXPR, SET_EXPRS,
        ],
        flags: CREATE,
    },
    // NFTA_CHAIN_TABLE, _NAME, _HOOK, _POLICY, _TYPE, _COUNTERS, _FLAGS, _USERDATA.
    Kind {
        request: REQUEST_NEWCHAIN,
        taken: &[1, 3, 4, 5, 7, 8, 10, 12],
        flags: CREATE,
    },
    // NFTA_SET_ELEM_LIST_TABLE, _SET, _ELEMENTS.
    Kind {
        request: REQUEST_NEWELEM,
        taken: &[1, 2, ELEMENTS],
        flags: CREATE,
    },
    // NFTA_RULE_TABLE, _CHAIN, _EXPRESSIONS, _USERDATA.
    Kind {
        request: REQUEST_NEWRULE_NFT,
        taken: &[1, 2, RULE_EXPRS, 7],
        flags: CREATE | APPEND,
    },
];

/// NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN, NFT_MSG_GETRULE, NFT_MSG_GETSET, NFT_MSG_GETOBJ and
/// NFT_MSG_GETFLOWTABLE, and how they are compared: handles don't count.
pub(super) static LISTS: [Table<'static>; 6] = {
    const fn list(
        message: u16,
        name: &'static str,
        own: super::dump::AddTo,
        sorted: bool,
    ) -> Table<'static> {
        Table {
            name,
            protocol: NETFILTER,
            request: SUBSYSTEM | message,
            body: &[0; HEADER],
            header: HEADER,
            own: Some(own),
            sorted,
            ..PLAIN
        }
    }
    [
        list(1, "tables of nftables", |b, out| key(b, &[4], 0, out), true),
        list(19, "objects of nftables", object_key, true),
        list(
            10,
            "sets of nftables",
            |b, out| key(b, &[16, 20], SET_EXPR, out),
            true,
        ),
        list(
            4,
            "chains of nftables",
            |b, out| key(b, &[2, 8], 0, out),
            true,
        ),
        // The order of rules is that in their chains.
        list(
            7,
            "rules of nftables",
            |b, out| key(b, &[3, 6], RULE_EXPRS, out),
            false,
        ),
        list(
            23,
            "flow tables of nftables",
            |b, out| key(b, &[5], 0, out),
            true,
        ),
    ]
};

/// Adds what counts of a message: all but the attributes `volatile`, and what expressions count, in attributes
/// `exprs` (and the next one of a set).
fn key(body: &[u8], volatile: &[u16], exprs: u16, out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(HEADER).ok_or(EIO)?;
    // Not the number of the generation.
    out.extend_from_slice(header.get(..2).ok_or(EIO)?, GFP_KERNEL_ACCOUNT)?;
    attributes(rest, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        match kind {
            _ if volatile.contains(&kind) => Ok(()),
            SET_EXPR if exprs == SET_EXPR => expression_key(content, out),
            SET_EXPRS if exprs == SET_EXPR => expressions_key(content, out),
            RULE_EXPRS if exprs == RULE_EXPRS => expressions_key(content, out),
            _ => Ok(out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?),
        }
    })
}

/// Does the same of a list of expressions.
fn expressions_key(list: &[u8], out: &mut KVVec<u8>) -> Result {
    attributes(list, |_, one| {
        expression_key(one.get(ATTRIBUTE_HEADER..).unwrap_or(&[]), out)
    })
}

/// Does the same of an expression.
fn expression_key(expression: &[u8], out: &mut KVVec<u8>) -> Result {
    let name = name_of(expression)?;
    out.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
    out.push(0, GFP_KERNEL_ACCOUNT)?;
    let data = find(expression, DATA)?.unwrap_or(&[]);
    match name {
        b"counter" | b"last" => Ok(()),
        b"quota" => quota_key(data, out),
        _ => Ok(out.extend_from_slice(data, GFP_KERNEL_ACCOUNT)?),
    }
}

/// Does the same of a quota: not what of it was used.
fn quota_key(data: &[u8], out: &mut KVVec<u8>) -> Result {
    attributes(data, |kind, attribute| {
        if kind != CONSUMED {
            out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })
}

/// Does the same of an object: not its handle, nor what it counts.
fn object_key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let rest = body.get(HEADER..).ok_or(EIO)?;
    let what = find(rest, OBJ_TYPE)?.and_then(big_at);
    if !matches!(what, Some(COUNTER | QUOTA)) {
        return key(body, &[6], 0, out);
    }
    key(body, &[6, OBJ_DATA], 0, out)?;
    match what {
        Some(QUOTA) => quota_key(find(rest, OBJ_DATA)?.unwrap_or(&[]), out),
        _ => Ok(()),
    }
}

/// Returns a number of 32 bits, as the network has it.
fn big_at(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 0).map(u32::from_be)
}

/// Returns the name of an expression.
fn name_of(expression: &[u8]) -> Result<&[u8]> {
    let name = find(expression, NAME)?.unwrap_or(&[]);
    Ok(name.split(|&b| b == 0).next().unwrap_or(&[]))
}

/// Returns whether an expression is known to mean the same elsewhere, with those that are in it.
fn is_known(expression: &[u8]) -> Result<bool> {
    let name = name_of(expression)?;
    let mut known = EXPRESSIONS.contains(&name);
    if !matches!(name, b"dynset" | b"inner") {
        return Ok(known);
    }
    attributes(find(expression, DATA)?.unwrap_or(&[]), |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        let mut add = |inner: &[u8]| -> Result {
            known &= IN_OTHERS.contains(&name_of(inner)?);
            Ok(())
        };
        match (name, kind) {
            (b"dynset", DYNSET_EXPR) | (b"inner", INNER_EXPR) => add(content),
            (b"dynset", DYNSET_EXPRS) => attributes(content, |_, one| {
                add(one.get(ATTRIBUTE_HEADER..).unwrap_or(&[]))
            }),
            _ => Ok(()),
        }
    })?;
    Ok(known)
}

/// Returns whether all expressions of a list are.
fn are_known(list: &[u8]) -> Result<bool> {
    let mut known = true;
    attributes(list, |_, one| {
        known &= is_known(one.get(ATTRIBUTE_HEADER..).unwrap_or(&[]))?;
        Ok(())
    })?;
    Ok(known)
}

/// Returns whether an element, or a list of them, has only such.
fn elements_are_known(list: &[u8]) -> Result<bool> {
    let mut known = true;
    attributes(list, |_, element| {
        attributes(
            element.get(ATTRIBUTE_HEADER..).unwrap_or(&[]),
            |kind, attribute| {
                let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
                known &= match kind {
                    ELEMENT_EXPR => is_known(content)?,
                    ELEMENT_EXPRS => are_known(content)?,
                    _ => true,
                };
                Ok(())
            },
        )
    })?;
    Ok(known)
}

/// Returns whether a request is one of ours, with only what such a one may have.
pub(super) fn is_allowed(request: u32, body: &[u8]) -> Result<bool> {
    let Some(kind) = KINDS.iter().find(|kind| kind.request == request) else {
        return Ok(false);
    };
    let mut allowed = true;
    attributes(body.get(HEADER..).ok_or(EINVAL)?, |number, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        allowed &= kind.taken.contains(&number)
            && match (request, number) {
                (REQUEST_NEWTABLE, TABLE_FLAGS) => {
                    big_at(content).is_some_and(|flags| flags & OWNED == 0)
                }
                (REQUEST_NEWRULE_NFT, RULE_EXPRS) | (REQUEST_NEWSET, SET_EXPRS) => {
                    are_known(content)?
                }
                (REQUEST_NEWSET, SET_EXPR) => is_known(content)?,
                (REQUEST_NEWOBJ, OBJ_TYPE) => big_at(content).is_some_and(|what| what != SECMARK),
                (REQUEST_NEWELEM, ELEMENTS) => elements_are_known(content)?,
                _ => true,
            };
        Ok(())
    })?;
    Ok(allowed)
}

/// Returns whether this is the type of such a request.
pub(super) fn is_of(request: u32) -> bool {
    KINDS.iter().any(|kind| kind.request == request)
}

/// Returns what makes all of `ns`, in its order. What is not allowed is left out: then something
/// differs in the end.
pub(super) fn requests(ns: &NetNs) -> Result<KVVec<Request>> {
    let mut all = KVVec::new();
    for kind in &KINDS {
        if kind.request == REQUEST_NEWELEM {
            for set in &sets(ns)? {
                for item in &of_set(ns, set)? {
                    add(kind, &item.body, None, &mut all)?;
                }
            }
            continue;
        }
        // Each NEW is followed by the GET of its kind.
        let get = u16::try_from(kind.request)?.saturating_add(1);
        let list = LISTS
            .iter()
            .find(|list| list.request == get)
            .ok_or(EINVAL)?;
        let mut id = 0u32;
        for item in &list.of(ns)? {
            wait::go_on()?;
            let of_set = kind.request == REQUEST_NEWSET;
            id = id.checked_add(1).ok_or(EOVERFLOW)?;
            add(kind, &item.body, of_set.then_some(id), &mut all)?;
        }
        if all.is_empty() {
            break;
        }
    }
    Ok(all)
}

/// Adds the request of `kind` for what the message `body` tells, with NFTA_SET_ID if there is one.
fn add(kind: &Kind, body: &[u8], id: Option<u32>, all: &mut KVVec<Request>) -> Result {
    let Some((&[family, version, ..], rest)) = body.split_at_checked(HEADER) else {
        return Ok(());
    };
    let mut message = Message::new(&[family, version, 0, 0])?;
    attributes(rest, |number, attribute| {
        if kind.taken.contains(&number) {
            message.header(attribute)?;
            message.pad()?;
        }
        Ok(())
    })?;
    if let Some(id) = id {
        message.add(SET_ID, &id.to_be_bytes())?;
    }
    let request = Request::new(kind.request, 0, message)?.late();
    if request.is_allowed() {
        all.push(request, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Returns the sets of `ns`: of each the family, and attributes that name table and set.
fn sets(ns: &NetNs) -> Result<KVVec<KVVec<u8>>> {
    let list = LISTS.get(2).ok_or(EINVAL)?;
    let mut sets = KVVec::new();
    for item in &list.of(ns)? {
        let Some((&[family, version, ..], rest)) = item.body.split_at_checked(HEADER) else {
            continue;
        };
        let mut message = Message::new(&[family, version, 0, 0])?;
        for number in [1, 2] {
            message.add(number, find(rest, number)?.ok_or(EIO)?)?;
        }
        sets.push(message.0, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(sets)
}

/// Returns what is in a set, in messages with several elements each: NFT_MSG_GETSETELEM.
fn of_set(ns: &NetNs, set: &[u8]) -> Result<KVVec<Item>> {
    wait::go_on()?;
    let table = Table {
        name: "elements of sets of nftables",
        protocol: NETFILTER,
        request: SUBSYSTEM | 13,
        body: set,
        header: HEADER,
        own: Some(|_, out| Ok(out.push(0, GFP_KERNEL_ACCOUNT)?)),
        ..PLAIN
    };
    table.of(ns)
}

/// Returns what counts of the elements of a set, sorted.
fn elements(ns: &NetNs, set: &[u8]) -> Result<KVVec<KVVec<u8>>> {
    let mut all: KVVec<KVVec<u8>> = KVVec::new();
    for item in &of_set(ns, set)? {
        // What ends with an errno is not all.
        let rest = item.body.get(HEADER..).ok_or(EIO)?;
        let Some(list) = find(rest, ELEMENTS)? else {
            continue;
        };
        attributes(list, |_, element| {
            let mut out = KVVec::new();
            attributes(
                element.get(ATTRIBUTE_HEADER..).unwrap_or(&[]),
                |kind, attribute| {
                    let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
                    match kind {
                        EXPIRATION => Ok(()),
                        ELEMENT_EXPR => expression_key(content, &mut out),
                        ELEMENT_EXPRS => expressions_key(content, &mut out),
                        _ => Ok(out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?),
                    }
                },
            )?;
            Ok(all.push(out, GFP_KERNEL_ACCOUNT)?)
        })?;
    }
    all.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
    Ok(all)
}

/// Returns whether a set of `ns`, which `fresh` has, too, has other elements there.
pub(super) fn elements_differ(ns: &NetNs, fresh: &NetNs) -> Result<bool> {
    for set in &sets(ns)? {
        let (a, b) = (elements(ns, set)?, elements(fresh, set)?);
        if a.len() != b.len() || a.iter().zip(&b).any(|(a, b)| **a != **b) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A batch in the making.
pub(super) struct Batch(Option<Message>);

impl Batch {
    /// Returns one with nothing yet.
    pub(super) fn new() -> Self {
        Self(None)
    }

    /// Adds a request. E2BIG: there are too many.
    pub(super) fn add(&mut self, request: u32, body: &[u8]) -> Result {
        let kind = KINDS.iter().find(|kind| kind.request == request);
        let flags = kind.ok_or(EINVAL)?.flags;
        if self.0.is_none() {
            self.0 = Some(Message::whole(BEGIN, 0, &BATCH)?);
        }
        let batch = self.0.as_mut().ok_or(EINVAL)?;
        let one = Message::whole(u16::try_from(request)?, flags, body)?;
        batch.header(&one.0)?;
        batch.pad()?;
        if batch.0.len() > BATCH_MAX {
            return Err(E2BIG);
        }
        Ok(())
    }

    /// Sends it to `ns`, if there is something in it.
    pub(super) fn send(&mut self, ns: &NetNs) -> Result {
        let Some(mut batch) = self.0.take() else {
            return Ok(());
        };
        wait::go_on()?;
        // Only that it is answered tells that all was taken.
        batch.header(&Message::whole(END, ACK, &BATCH)?.0)?;
        ns.tell_batch(&mut batch.0)
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_nft)]
mod tests {
    use super::*;

    /// Returns a rule with an expression.
    fn rule(name: &[u8], fill: impl FnOnce(&mut Message) -> Result) -> Result<Message> {
        let mut message = Message::new(&[2, 0, 0, 0])?;
        message.nest(RULE_EXPRS, |list| {
            list.nest(1, |one| {
                one.add(NAME, name)?;
                one.nest(DATA, fill)
            })
        })?;
        Ok(message)
    }

    /// Checks that what may be a program by its descriptor, or goes by the number of a cgroup, is not
    /// taken.
    #[test]
    fn expressions() -> Result {
        for (name, is) in [
            (&b"counter\0"[..], true),
            (&b"match\0"[..], false),
            (&b"socket\0"[..], false),
        ] {
            let message = rule(name, |_| Ok(()))?;
            assert!(is_allowed(REQUEST_NEWRULE_NFT, &message.0)? == is);
            assert!(!is_allowed(REQUEST_NEWTABLE, &message.0)?);
        }
        Ok(())
    }

    /// Checks the same of one in another expression, which has none in itself that has others.
    #[test]
    fn in_others() -> Result {
        let of = |name: &[u8], is_list: bool, kind: u16, inner: &[u8]| -> Result<bool> {
            let message = rule(name, |data| {
                data.nest(kind, |nest| {
                    if is_list {
                        nest.nest(1, |one| one.add(NAME, inner))
                    } else {
                        nest.add(NAME, inner)
                    }
                })
            })?;
            is_allowed(REQUEST_NEWRULE_NFT, &message.0)
        };
        for (inner, is) in [
            (&b"counter\0"[..], true),
            (&b"match\0"[..], false),
            (&b"dynset\0"[..], false),
        ] {
            assert!(of(b"dynset\0", false, DYNSET_EXPR, inner)? == is);
            assert!(of(b"dynset\0", true, DYNSET_EXPRS, inner)? == is);
            assert!(of(b"inner\0", false, INNER_EXPR, inner)? == is);
        }
        Ok(())
    }

    /// Labels of a security module.
    #[test]
    fn labels() -> Result {
        for (what, is) in [(COUNTER, true), (SECMARK, false)] {
            let mut message = Message::new(&[2, 0, 0, 0])?;
            message.add(OBJ_TYPE, &what.to_be_bytes())?;
            assert!(is_allowed(REQUEST_NEWOBJ, &message.0)? == is);
        }
        Ok(())
    }

    /// Checks requests: a table of a socket, a rule at a place, and what is none of ours
    /// (NFT_MSG_DELTABLE).
    #[test]
    fn requests() -> Result {
        for (flags, is) in [(1u32, true), (2, false)] {
            let mut message = Message::new(&[2, 0, 0, 0])?;
            message.add(TABLE_FLAGS, &flags.to_be_bytes())?;
            assert!(is_allowed(REQUEST_NEWTABLE, &message.0)? == is);
            assert!(!is_allowed(REQUEST_NEWTABLE + 2, &message.0)?);
        }
        let mut message = Message::new(&[2, 0, 0, 0])?;
        message.add(6, &[0; 8])?;
        assert!(!is_allowed(REQUEST_NEWRULE_NFT, &message.0)?);
        assert!(is_allowed(REQUEST_NEWRULE_NFT, &[]).is_err());
        Ok(())
    }

    /// Counts and handles are left out, all else is not.
    #[test]
    fn keys() -> Result {
        let key_of = |name: &[u8], count: u8, handle: u8| -> Result<KVVec<u8>> {
            let mut message = rule(name, |data| data.add(1, &[count]))?;
            message.add(3, &[handle])?;
            let mut out = KVVec::new();
            key(&message.0, &[3, 6], RULE_EXPRS, &mut out)?;
            Ok(out)
        };
        assert!(*key_of(b"counter\0", 1, 1)? == *key_of(b"counter\0", 2, 2)?);
        assert!(*key_of(b"cmp\0", 1, 1)? == *key_of(b"cmp\0", 1, 2)?);
        assert!(*key_of(b"cmp\0", 1, 1)? != *key_of(b"cmp\0", 2, 1)?);
        assert!(*key_of(b"cmp\0", 1, 1)? != *key_of(b"limit\0", 1, 1)?);
        Ok(())
    }
}
