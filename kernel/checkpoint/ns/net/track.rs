// SPDX-License-Identifier: GPL-2.0

//! Connections that a network namespace tracks, and those that it expects.
//!
//! What netlink lists of them is what it takes to make them, but that an address that was changed has to be
//! changed again: the reply is what it would be without that, and beside it stands what it becomes. What
//! netlink does not take is in one more attribute. All are made before there is a filter that would track a
//! packet, so that none makes another one in their place. Numbers are those of the netlink ABI.

use kernel::{
    error::to_result,
    prelude::*, //
};

use super::{
    dump::{
        Item,
        Table, //
    },
    message::{
        attributes,
        find,
        messages,
        u16_at,
        u32_at,
        Message,
        ATTRIBUTE_HEADER, //
    },
    request::Request,
    tables::{
        NETFILTER,
        PLAIN, //
    },
    tuple::{
        self,
        changed,
        content,
        unchanged,
        NAT_DST,
        NAT_SRC,
        ORIGINAL,
        REPLY, //
    }, //
};
use crate::{
    image::ns::{
        REQUEST_CONNECTION,
        REQUEST_EXPECTATION, //
    },
    kapi::{
        net::namespace::{
            self,
            NetNs, //
        },
        time::wait, //
    }, //
};

/// Bytes of `struct nfgenmsg`: family, version, and a number of 16 bits.
const HEADER: usize = 4;

/// AF_INET and AF_INET6.
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// NLM_F_ACK, NLM_F_EXCL and NLM_F_CREATE.
const ACK: u16 = 4;
const EXCLUSIVE: u16 = 0x200;
const CREATE: u16 = 0x400;

/// NFNL_SUBSYS_CTNETLINK and NFNL_SUBSYS_CTNETLINK_EXP: IPCTNL_MSG_CT_NEW and IPCTNL_MSG_EXP_NEW are 0, and
/// those that list them 1.
const CONNECTIONS_NEW: u16 = 1 << 8;
const EXPECTATIONS_NEW: u16 = 2 << 8;

/// IPCTNL_MSG_CT_GET_STATS, which tells CTA_STATS_GLOBAL_ENTRIES and CTA_STATS_GLOBAL_MAX_ENTRIES.
const CONNECTIONS_STATS: u16 = CONNECTIONS_NEW | 5;
const STATS_ENTRIES: u16 = 1;
const STATS_MAX: u16 = 2;

/// CTA_*.
const STATUS: u16 = 3;
const PROTOINFO: u16 = 4;
const HELP: u16 = 5;
const TIMEOUT: u16 = 7;
const USE: u16 = 11;
const ID: u16 = 12;
const ZONE: u16 = 18;
const SECCTX: u16 = 19;

/// CHECKPOINT_CTA_MORE.
const MORE: u16 = 0x3ff0;

/// CTA_HELP, CTA_MARK, CTA_TUPLE_MASTER, CTA_SEQ_ADJ_ORIG, CTA_SEQ_ADJ_REPLY, CTA_ZONE, CTA_LABELS and
/// CTA_SYNPROXY: they are taken as they are told.
const AS_TOLD: &[u16] = &[HELP, 8, 14, 15, 16, ZONE, 22, 24, MORE];

/// What is taken beside these.
const ALSO: &[u16] = &[
    ORIGINAL, REPLY, STATUS, PROTOINFO, NAT_SRC, TIMEOUT, NAT_DST,
];

/// CTA_EXPECT_MASTER, CTA_EXPECT_TUPLE, CTA_EXPECT_MASK, CTA_EXPECT_TIMEOUT, CTA_EXPECT_FLAGS,
/// CTA_EXPECT_CLASS, CTA_EXPECT_NAT and CTA_EXPECT_FN. Who made it is the helper of its master.
const OF_EXPECTATION: &[u16] = &[1, 2, 3, EXPECT_TIMEOUT, 8, 9, 10, 11];
const EXPECT_TIMEOUT: u16 = 4;
const EXPECT_ID: u16 = 5;

/// CTA_PROTOINFO_TCP, and CTA_PROTOINFO_TCP_FLAGS_ORIGINAL and CTA_PROTOINFO_TCP_FLAGS_REPLY in it.
const TCP: u16 = 1;
const TCP_FLAGS: &[u16] = &[4, 5];

/// IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED and IP_CT_TCP_FLAG_MAXACK_SET: they are about numbers, which the next
/// segment tells. With the second one, and no number, an end of the connection might be taken for invalid.
const OF_NUMBERS: u8 = 0x10 | 0x20;

/// IPS_*: bits of CTA_STATUS.
const CONFIRMED: u32 = 1 << 3;
const IS_SRC_NAT: u32 = 1 << 4;
const IS_NAT: u32 = IS_SRC_NAT | 1 << 5;
const NAT_DONE: u32 = 1 << 7 | 1 << 8;
const DYING: u32 = 1 << 9;
const CLASH: u32 = 1 << 12;
const OFFLOAD: u32 = 1 << 14 | 1 << 15;

/// IPS_SEEN_REPLY, IPS_ASSURED, IPS_FIXED_TIMEOUT and IPS_HELPER: those that are asked for. Others come of
/// what else is.
const STATUS_TAKEN: u32 = 1 << 1 | 1 << 2 | CONFIRMED | 1 << 10 | 1 << 13;

/// How many seconds one is kept at least in the namespace that is compared: longer than that takes.
const COMPARED: u32 = 3600;

/// How many seconds one with a helper is kept at least: what comes of it can't be made once it is gone.
const HELPED: u32 = 60;

/// How often one is sent whose place is full: the kernel draws anew how many there may be.
const TRIES: usize = 8;

/// Why a connection can't be made again.
pub(super) type Why = &'static str;

/// `struct checkpoint_ct`.
mod more {
    /// Bytes of it.
    pub(super) const SIZE: usize = 72;
    /// Where `has`, `masq_index`, `scale`, `reserved` and `stream` are.
    pub(super) const HAS: usize = 40;
    pub(super) const MASQ_INDEX: usize = 44;
    pub(super) const SCALE: usize = 60;
    pub(super) const RESERVED: usize = 62;
    pub(super) const STREAM: usize = 68;
    /// CHECKPOINT_CT_*: what it can have.
    pub(super) const KNOWN: u32 = 0x7f;
    /// Most bits that a window is shifted by.
    pub(super) const SCALE_MAX: u8 = 14;
    /// Most milliseconds until it is a stream.
    pub(super) const STREAM_MAX: u32 = 2000;
    /// CHECKPOINT_CT_TIMEOUT, CHECKPOINT_CT_HELPER, CHECKPOINT_CT_SECMARK and CHECKPOINT_CT_TC.
    pub(super) const WHY: [(u32, super::Why); 4] = [
        (
            0x100,
            "a tracked connection with timeouts of its own (ct timeout)",
        ),
        (
            0x200,
            "a tracked connection with a helper that has read some of it, or is gone",
        ),
        (
            0x400,
            "a tracked connection with a mark of a security module",
        ),
        (0x800, "a tracked connection that an action of tc has seen"),
    ];
}

/// IPCTNL_MSG_CT_GET and IPCTNL_MSG_EXP_GET.
pub(super) static CONNECTIONS: Table<'static> = list(CONNECTIONS_NEW, connection_key);
pub(super) static EXPECTATIONS: Table<'static> = list(EXPECTATIONS_NEW, expectation_key);

const fn list(new: u16, own: super::dump::AddTo) -> Table<'static> {
    Table {
        name: "tracked connections",
        protocol: NETFILTER,
        request: new | 1,
        body: &[0; HEADER],
        header: HEADER,
        own: Some(own),
        sorted: true,
        ..PLAIN
    }
}

/// Returns a number of 32 bits, as the network has it.
fn big_at(bytes: &[u8]) -> Option<u32> {
    u32_at(bytes, 0).map(u32::from_be)
}

/// Returns CTA_STATUS of a connection.
fn status_of(rest: &[u8]) -> Result<u32> {
    find(rest, STATUS)?.and_then(big_at).ok_or(EIO)
}

/// Adds what counts of a connection. Nothing of one that is gone, or that another one has in its place: that
/// lives for a second.
fn connection_key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(HEADER).ok_or(EIO)?;
    if status_of(rest)? & (DYING | CLASH) != 0 {
        return Ok(());
    }
    out.extend_from_slice(header, GFP_KERNEL_ACCOUNT)?;
    attributes(rest, |kind, attribute| {
        let mut info = Message::new(&[])?;
        let counts = match kind {
            TIMEOUT | USE | ID | SECCTX => return Ok(()),
            PROTOINFO => {
                protoinfo(content(attribute), &mut info)?;
                &info.0
            }
            // Not how much is left.
            MORE => attribute
                .get(..ATTRIBUTE_HEADER.saturating_add(more::STREAM))
                .ok_or(EIO)?,
            _ => attribute,
        };
        Ok(out.extend_from_slice(counts, GFP_KERNEL_ACCOUNT)?)
    })
}

/// Does the same for one that is expected.
fn expectation_key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(HEADER).ok_or(EIO)?;
    out.extend_from_slice(header, GFP_KERNEL_ACCOUNT)?;
    attributes(rest, |kind, attribute| match kind {
        EXPECT_TIMEOUT | EXPECT_ID => Ok(()),
        _ => Ok(out.extend_from_slice(attribute, GFP_KERNEL_ACCOUNT)?),
    })
}

/// Adds CTA_PROTOINFO. Flags of TCP come with a mask of those that are meant: all. Those of numbers are not
/// set.
fn protoinfo(info: &[u8], to: &mut Message) -> Result {
    to.nest(PROTOINFO, |to| {
        attributes(info, |kind, attribute| {
            if kind != TCP {
                return to.add(kind, content(attribute));
            }
            to.nest(TCP, |to| {
                attributes(content(attribute), |kind, attribute| {
                    let content = content(attribute);
                    match content.first() {
                        Some(&flags) if TCP_FLAGS.contains(&kind) => {
                            to.add(kind, &[flags & !OF_NUMBERS, 0xff])
                        }
                        _ => to.add(kind, content),
                    }
                })
            })
        })
    })
}

/// Returns the message that makes the connection which `body` tells of, kept for at least `least`
/// seconds.
fn connection(body: &[u8], least: u32) -> Result<Message> {
    let (&[family, version, ..], rest) = body.split_at_checked(HEADER).ok_or(EIO)? else {
        return Err(EIO);
    };
    let status = status_of(rest)?;
    let reply = find(rest, REPLY)?.ok_or(EIO)?;
    let original = find(rest, ORIGINAL)?.ok_or(EIO)?;
    let mut message = Message::new(&[family, version, 0, 0])?;
    message.add(ORIGINAL, original)?;
    if status & NAT_DONE != 0 {
        unchanged(original, reply, &mut message)?;
        changed(reply, status & IS_SRC_NAT != 0, &mut message)?;
    } else {
        message.add(REPLY, reply)?;
    }
    let status = (status & STATUS_TAKEN) | CONFIRMED;
    message.add(STATUS, &status.to_be_bytes())?;
    // What is left is told in whole seconds: one that has less is not over.
    let left = find(rest, TIMEOUT)?.and_then(big_at).unwrap_or(0);
    let left = left.saturating_add(1).max(least);
    let left = match find(rest, HELP)? {
        Some(_) => left.max(HELPED),
        None => left,
    };
    message.add(TIMEOUT, &left.to_be_bytes())?;
    if let Some(info) = find(rest, PROTOINFO)? {
        protoinfo(info, &mut message)?;
    }
    attributes(rest, |kind, attribute| {
        if AS_TOLD.contains(&kind) {
            message.add(kind, content(attribute))?;
        }
        Ok(())
    })?;
    Ok(message)
}

/// Returns the message that makes the expected connection which `body` tells of, kept for at least
/// `least` seconds.
fn expectation(body: &[u8], least: u32) -> Result<Message> {
    let (&[family, version, ..], rest) = body.split_at_checked(HEADER).ok_or(EIO)? else {
        return Err(EIO);
    };
    let mut message = Message::new(&[family, version, 0, 0])?;
    attributes(rest, |kind, attribute| {
        let content = content(attribute);
        match kind {
            EXPECT_TIMEOUT => {
                let left = big_at(content).unwrap_or(0).saturating_add(1);
                message.add(kind, &left.max(least).to_be_bytes())
            }
            _ if OF_EXPECTATION.contains(&kind) => message.add(kind, content),
            _ => Ok(()),
        }
    })?;
    Ok(message)
}

/// Returns why the connection which `body` tells of can't be made.
fn why_not(body: &[u8]) -> Result<Option<Why>> {
    let rest = body.get(HEADER..).ok_or(EIO)?;
    if status_of(rest)? & OFFLOAD != 0 {
        return Ok(Some("a tracked connection in a flow table"));
    }
    let has = find(rest, MORE)?.and_then(|more| u32_at(more, more::HAS));
    let Some(has) = has else {
        return Ok(Some(
            "a tracked connection of which the kernel does not tell all",
        ));
    };
    let mut why = more::WHY.iter();
    Ok(why.find(|(bit, _)| has & bit != 0).map(|&(_, why)| why))
}

/// Returns whether two items of a list of `kind` tell of the same.
fn is_same(kind: u32, a: &Item, b: &Item) -> Result<bool> {
    if kind != REQUEST_CONNECTION {
        return Ok(*a.key == *b.key);
    }
    let [a, b] = [a, b].map(|item| item.body.get(HEADER..).unwrap_or(&[]));
    for attribute in [ORIGINAL, REPLY, ZONE] {
        if find(a, attribute)? != find(b, attribute)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Leaves out what a sorted list tells of twice. The kernel tells it in parts: if the last one of a part is
/// gone before the next part, it tells anew of those that have the same hash.
pub(super) fn once(kind: u32, items: KVVec<Item>) -> Result<KVVec<Item>> {
    let mut once: KVVec<Item> = KVVec::new();
    for item in items {
        let is_told = match once.last() {
            Some(last) => is_same(kind, last, &item)?,
            None => false,
        };
        if !is_told {
            once.push(item, GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(once)
}

/// Returns the requests for what is in a list of `kind`, or why one can't be made. A restart keeps each
/// for the seconds that it has left; the namespace that is compared keeps it until then.
pub(super) fn requests(
    kind: u32,
    items: &[Item],
) -> Result<core::result::Result<KVVec<Request>, Why>> {
    let mut requests = KVVec::new();
    for item in items {
        wait::go_on()?;
        let why = match kind {
            REQUEST_CONNECTION => why_not(&item.body)?,
            _ => find(item.body.get(HEADER..).ok_or(EIO)?, MORE)?
                .map(|_| "an expected connection with a helper, a zone or a function of its own"),
        };
        if let Some(why) = why {
            return Ok(Err(why));
        }
        let of = |least| match kind {
            REQUEST_CONNECTION => connection(&item.body, least),
            _ => expectation(&item.body, least),
        };
        let request = Request::new(kind, 0, of(COMPARED)?)?.again(of(0)?);
        requests.push(request, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Ok(requests))
}

/// Returns whether what a connection has beside what netlink takes is what one of ours may have.
fn is_more(more: &[u8]) -> bool {
    let byte = |at: usize| more.get(at).copied().unwrap_or(u8::MAX);
    let number = |at: usize| u32_at(more, at).unwrap_or(u32::MAX);
    more.len() == more::SIZE
        && number(more::HAS) & !more::KNOWN == 0
        && i32::try_from(number(more::MASQ_INDEX)).is_ok()
        && byte(more::SCALE).max(byte(more::SCALE + 1)) <= more::SCALE_MAX
        && u16_at(more, more::RESERVED) == Some(0)
        && number(more::RESERVED + 2) == 0
        && number(more::STREAM) <= more::STREAM_MAX
}

/// Returns whether CTA_STATUS has only what is asked for.
fn is_status(status: &[u8]) -> bool {
    big_at(status).is_some_and(|status| status & !STATUS_TAKEN == 0)
}

/// Returns whether this is the type of such a request.
pub(super) fn is_of(request: u32) -> bool {
    matches!(request, REQUEST_CONNECTION | REQUEST_EXPECTATION)
}

/// Returns whether a request has only what one of ours may have.
pub(super) fn is_allowed(request: u32, body: &[u8]) -> Result<bool> {
    let mut allowed = matches!(body.first(), Some(&(IPV4 | IPV6)));
    attributes(body.get(HEADER..).ok_or(EINVAL)?, |kind, attribute| {
        allowed &= match request {
            REQUEST_EXPECTATION => OF_EXPECTATION.contains(&kind),
            _ => match kind {
                MORE => is_more(content(attribute)),
                STATUS => is_status(content(attribute)),
                _ => AS_TOLD.contains(&kind) || ALSO.contains(&kind),
            },
        };
        Ok(())
    })?;
    Ok(allowed)
}

/// Sends a request to `ns`. EEXIST: there is one. Else what is answered.
pub(super) fn send(ns: &NetNs, request: u32, body: &[u8]) -> Result {
    let of = |kind, flags| -> Result {
        let mut message = Message::whole(kind, ACK | flags, body)?;
        ns.tell_batch(&mut message.0)
    };
    if request == REQUEST_CONNECTION {
        let mut sent = of(CONNECTIONS_NEW, CREATE | EXCLUSIVE);
        for _ in 1..TRIES {
            if !matches!(sent, Err(ENOSPC)) {
                break;
            }
            sent = of(CONNECTIONS_NEW, CREATE | EXCLUSIVE);
        }
        return sent;
    }
    of(EXPECTATIONS_NEW, CREATE | EXCLUSIVE)?;
    // Only one that is there is told how long it is kept.
    of(EXPECTATIONS_NEW, 0)
}

/// Returns how many connections more `ns` takes: beyond that the kernel gives up others for them. `None`: it
/// does not tell.
fn room(ns: &NetNs) -> Result<Option<u32>> {
    let mut message = Message::whole(CONNECTIONS_STATS, ACK, &[0; HEADER])?;
    let answers = match ns.ask(NETFILTER, &mut message.0) {
        Err(e) if e == EINTR || e == ENOMEM => return Err(e),
        Err(_) => return Ok(None),
        Ok(answers) => answers,
    };
    let mut room = None;
    messages(&answers, |body| {
        let rest = body.get(HEADER..).ok_or(EIO)?;
        let number = |kind| Ok::<_, Error>(find(rest, kind)?.and_then(big_at));
        room = match (number(STATS_ENTRIES)?, number(STATS_MAX)?) {
            (Some(entries), Some(max)) => Some(max.saturating_sub(entries)),
            _ => None,
        };
        Ok(())
    })?;
    Ok(room)
}

/// Returns whether `ns` takes so many connections without giving up others.
pub(super) fn has_room(ns: &NetNs, connections: usize) -> Result<bool> {
    let connections = u32::try_from(connections)?;
    Ok(room(ns)?.is_none_or(|room| connections <= room))
}

/// Returns whether a filter of `ns` changes an address of the TCP connection between two ends, each with
/// its address, of 4 or 16 bytes, and its port. Who may not ask is told that none does, and a kernel that
/// does not tell (`CONFIG_NF_CT_NETLINK`) that one may.
///
/// Else the errno with which the kernel answers.
pub(super) fn is_changed(ns: &NetNs, ends: [(&[u8], u16); 2]) -> Result<bool> {
    if !namespace::tracks() {
        return Ok(false);
    }
    let [(src, _), _] = ends;
    let family = if src.len() == 4 { IPV4 } else { IPV6 };
    let mut message = Message::new(&[family, 0, 0, 0])?;
    tuple::of_tcp(ORIGINAL, ends, &mut message)?;
    // It is found by both of its tuples.
    let mut whole = Message::whole(CONNECTIONS_NEW | 1, ACK, &message.0)?;
    let mut changed = false;
    let answers = match ns.ask(NETFILTER, &mut whole.0) {
        Err(EPERM) => return Ok(false),
        Err(ECONNREFUSED | EPROTONOSUPPORT) => return Ok(true),
        // Without NETLINK_NETFILTER nobody answers.
        Ok(answers) if answers.is_empty() => return Ok(true),
        answers => answers?,
    };
    let end = messages(&answers, |body| {
        changed |= status_of(body.get(HEADER..).ok_or(EIO)?)? & IS_NAT != 0;
        Ok(())
    })?;
    match end.map_or(Ok(()), |errno| to_result(errno.cast_signed())) {
        Ok(()) => Ok(changed),
        // It is not tracked, or the caller may not ask.
        Err(ENOENT | EPERM) => Ok(false),
        Err(EINVAL | EOPNOTSUPP) => Ok(true),
        Err(e) => Err(e),
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_track)]
mod tests {
    use super::*;
    use crate::ns::net::tuple::{
        NAT_PROTO,
        PORT_MIN,
        V4, //
    };

    /// Makes a tuple of TCP over IPv4.
    fn tuple(to: &mut Message, kind: u16, ends: [(u8, u16); 2]) -> Result {
        let [(src, src_port), (dst, dst_port)] = ends;
        let (src, dst) = ([10, 0, 0, src], [10, 0, 0, dst]);
        tuple::of_tcp(kind, [(&src, src_port), (&dst, dst_port)], to)
    }

    /// Makes a connection from 10.0.0.1:1 to 10.0.0.2:2, which comes from 10.0.0.3:3.
    fn told(status: u32, has: u32, left: u32) -> Result<Message> {
        let mut told = Message::new(&[IPV4, 0, 0, 0])?;
        tuple(&mut told, ORIGINAL, [(1, 1), (2, 2)])?;
        tuple(&mut told, REPLY, [(2, 2), (3, 3)])?;
        told.add(STATUS, &status.to_be_bytes())?;
        told.add(TIMEOUT, &left.to_be_bytes())?;
        let mut more = [0; more::SIZE];
        if let Some(at) = more.get_mut(more::HAS..more::HAS + 4) {
            at.copy_from_slice(&has.to_ne_bytes());
        }
        told.add(MORE, &more)?;
        Ok(told)
    }

    /// Checks that the reply is turned back, and what it becomes is told beside.
    #[test]
    fn addresses() -> Result {
        let changed = connection(&told(0x198, 1, 5)?.0, 0)?.0;
        assert!(is_allowed(REQUEST_CONNECTION, &changed)?);
        let rest = changed.get(HEADER..).ok_or(EIO)?;
        // CTA_TUPLE_IP, CTA_TUPLE_PROTO; of these CTA_IP_V4_SRC and so on.
        let reply = find(rest, REPLY)?.ok_or(EIO)?;
        let (ip, proto) = (find(reply, 1)?.ok_or(EIO)?, find(reply, 2)?.ok_or(EIO)?);
        assert!(find(ip, 1)? == Some(&[10, 0, 0, 2][..]));
        assert!(find(ip, 2)? == Some(&[10, 0, 0, 1][..]));
        assert!(find(proto, 2)? == Some(&2u16.to_be_bytes()[..]));
        assert!(find(proto, 3)? == Some(&1u16.to_be_bytes()[..]));
        let source = find(rest, NAT_SRC)?.ok_or(EIO)?;
        assert!(find(source, V4.lowest)? == Some(&[10, 0, 0, 3][..]));
        let port = find(find(source, NAT_PROTO)?.ok_or(EIO)?, PORT_MIN)?;
        assert!(port == Some(&3u16.to_be_bytes()[..]));
        assert!(find(rest, TIMEOUT)? == Some(&6u32.to_be_bytes()[..]));
        assert!(find(rest, STATUS)? == Some(&8u32.to_be_bytes()[..]));
        // What comes of one with a helper comes after it.
        let mut helped = told(8, 1, 5)?;
        helped.nest(HELP, |help| help.add(1, b"tftp\0"))?;
        let helped = connection(&helped.0, 0)?.0;
        let left = find(helped.get(HEADER..).ok_or(EIO)?, TIMEOUT)?;
        assert!(left == Some(&HELPED.to_be_bytes()[..]));
        // No filter has looked at this one.
        let plain = connection(&told(8, 1, 5)?.0, COMPARED)?.0;
        let rest = plain.get(HEADER..).ok_or(EIO)?;
        assert!(find(rest, NAT_SRC)?.is_none());
        assert!(find(rest, TIMEOUT)? == Some(&COMPARED.to_be_bytes()[..]));
        Ok(())
    }

    /// Checks that how much time is left does not count; what goes at once is none.
    #[test]
    fn keys() -> Result {
        let key = |status, has, left| -> Result<KVVec<u8>> {
            let mut out = KVVec::new();
            connection_key(&told(status, has, left)?.0, &mut out)?;
            Ok(out)
        };
        assert!(*key(8, 1, 5)? == *key(8, 1, 6)?);
        assert!(*key(8, 1, 5)? != *key(8, 3, 5)? && *key(8, 1, 5)? != *key(10, 1, 5)?);
        assert!(key(8 | DYING, 1, 5)?.is_empty() && key(8 | CLASH, 1, 5)?.is_empty());
        Ok(())
    }

    /// Checks that a connection that is listed twice, with other counters, is one; in another zone it
    /// is two.
    #[test]
    fn told_twice() -> Result {
        let mut items = KVVec::new();
        for (packets, zone) in [(1, 0u16), (2, 0), (2, 5)] {
            let mut body = told(8, 1, 5)?;
            body.add(9, &[packets])?;
            if zone != 0 {
                body.add(ZONE, &zone.to_be_bytes())?;
            }
            let mut key = KVVec::new();
            connection_key(&body.0, &mut key)?;
            items.push(Item { key, body: body.0 }, GFP_KERNEL)?;
        }
        assert!(once(REQUEST_CONNECTION, items)?.len() == 2);
        Ok(())
    }

    /// Checks that those flags of TCP that are about numbers are not set, and don't count.
    #[test]
    fn flags() -> Result {
        let info = |flags: u8, mask: u8| -> Result<Message> {
            let mut info = Message::new(&[])?;
            info.nest(TCP, |tcp| {
                tcp.add(1, &[3])?;
                tcp.add(4, &[flags, mask])
            })?;
            Ok(info)
        };
        let made = |flags| -> Result<Message> {
            let mut made = Message::new(&[])?;
            protoinfo(&info(flags, 0)?.0, &mut made)?;
            Ok(made)
        };
        let made_of_all = made(0x33)?;
        assert!(find(&made_of_all.0, PROTOINFO)? == Some(&*info(3, 0xff)?.0));
        assert!(*made(3)?.0 == *made_of_all.0 && *made(1)?.0 != *made_of_all.0);
        Ok(())
    }

    /// Checks that what can't be had again has a name, and is not taken.
    #[test]
    fn refused() -> Result {
        for (status, has, is) in [
            (8, 0x7f, false),
            (8, 0x100, true),
            (8, 0x200, true),
            (8, 0x400, true),
            (8, 0x800, true),
            (8 | OFFLOAD, 1, true),
        ] {
            assert!(why_not(&told(status, has, 5)?.0)?.is_some() == is);
        }
        assert!(!is_allowed(
            REQUEST_CONNECTION,
            &connection(&told(8, 0x100, 5)?.0, 0)?.0
        )?);
        Ok(())
    }

    /// Gives a device with a negative number, a window that is shifted too far, what is none of ours
    /// (CTA_ID), and bits of the status that nobody is to set.
    #[test]
    fn hostile() -> Result {
        for (at, bytes, is) in [
            (more::HAS, [0, 0, 0, 0], true),
            (more::MASQ_INDEX, [0xff; 4], false),
            (more::SCALE, [15, 0, 0, 0], false),
            (more::SCALE, [0, 15, 0, 0], false),
            (more::STREAM, [0xff; 4], false),
            (more::RESERVED + 2, [1; 4], false),
        ] {
            let mut more = [0; more::SIZE];
            if let Some(to) = more.get_mut(at..at + 4) {
                to.copy_from_slice(&bytes);
            }
            assert!(is_more(&more) == is);
        }
        let mut message = Message::new(&[IPV4, 0, 0, 0])?;
        message.add(ID, &[0; 4])?;
        assert!(!is_allowed(REQUEST_CONNECTION, &message.0)?);
        for (status, is) in [
            (CONFIRMED, true),
            (CLASH, false),
            (DYING, false),
            (1 << 16, false),
        ] {
            let mut message = Message::new(&[IPV4, 0, 0, 0])?;
            message.add(STATUS, &status.to_be_bytes())?;
            assert!(is_allowed(REQUEST_CONNECTION, &message.0)? == is);
        }
        assert!(!is_allowed(REQUEST_EXPECTATION, &[7, 0, 0, 0])?);
        Ok(())
    }
}
