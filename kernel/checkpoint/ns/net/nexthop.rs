// SPDX-License-Identifier: GPL-2.0

//! Nexthops that are objects of their own, their groups, and routes by them. Numbers are those of the netlink
//! ABI.
//!
//! Which flow goes where in a resilient group is in `buckets.rs`. Refused are an encapsulation, which may
//! be a program, and a route by a nexthop that drops all: the kernel tells of that as of a route that does
//! so itself, and would go on as the latter when the nexthop changes.

use kernel::prelude::*;

use super::{
    allowed::has_only,
    dump::Table,
    message::{
        attributes,
        find,
        u16_at,
        u32_at,
        Message,
        ATTRIBUTE_HEADER, //
    },
    rebuild::request_of,
    tables::{
        request_with,
        LOW_BYTE,
        PLAIN, //
    }, //
};

/// Bytes of `struct nhmsg`.
pub(super) const HEADER: usize = 8;

/// NHA_ID, NHA_GROUP, NHA_GROUP_TYPE.
const ID: u16 = 1;
const GROUP: u16 = 2;
const GROUP_TYPE: u16 = 3;

/// NHA_RES_GROUP, and of that NHA_RES_GROUP_BUCKETS, NHA_RES_GROUP_IDLE_TIMER and
/// NHA_RES_GROUP_UNBALANCED_TIMER: what a resilient group was told.
const RESILIENT: u16 = 12;
const OF_RESILIENT: &[u16] = &[1, 2, 3];

/// NHA_GROUP_STATS.
const STATISTICS: u16 = 15;

/// NEXTHOP_GRP_TYPE_MPATH and NEXTHOP_GRP_TYPE_RES.
const TYPES: [Option<u16>; 2] = [Some(0), Some(1)];

/// Attributes of these: NHA_ID, NHA_GROUP, NHA_GROUP_TYPE, NHA_BLACKHOLE, NHA_OIF, NHA_GATEWAY, NHA_FDB,
/// NHA_HW_STATS_ENABLE, NHA_DST_PORT.
const OF_NEXTHOP: &[u16] = &[ID, GROUP, GROUP_TYPE, 4, 5, 6, 11, 16, 18];

/// RTNH_F_ONLINK in nh_flags: what is asked for.
const FLAGS: u8 = 4;

/// RTNH_F_DEAD and RTNH_F_LINKDOWN: what the link makes of one.
const LINK_FLAGS: u8 = 1 | 16;

/// RTN_BLACKHOLE in rtm_type.
const BLACKHOLE: u8 = 6;

/// RTA_NH_ID.
pub(super) const ROUTE_NEXTHOP: u16 = 30;

/// What a route has that names its nexthop: attributes of routes but RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH,
/// RTA_FLOW and RTA_VIA, which are told as what the nexthop has.
const OF_ROUTE: &[u16] = &[1, 2, 6, 7, 8, 15, 20, ROUTE_NEXTHOP];

/// struct nhmsg, and NHA_OP_FLAGS with NHA_OP_FLAG_DUMP_STATS: else nothing says whether hardware counts.
const REQUEST: [u8; 16] = request_with(0, 14, 1);

/// Nexthops, but for what their links make of them: RTM_GETNEXTHOP.
pub(super) const NEXTHOPS: Table<'static> = Table {
    name: "nexthops with an encapsulation",
    request: 106,
    body: &REQUEST,
    header: HEADER,
    own: Some(key),
    ..PLAIN
};

/// Adds what counts of one.
fn key(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let (header, rest) = body.split_at_checked(HEADER).ok_or(EIO)?;
    let mut form = Message::new(header)?;
    if let Some(flags) = form.0.get_mut(4 + LOW_BYTE) {
        *flags &= !LINK_FLAGS;
    }
    attributes(rest, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        match kind {
            STATISTICS => Ok(()),
            RESILIENT => add_resilient(content, &mut form),
            _ => form.add(kind, content),
        }
    })?;
    Ok(out.extend_from_slice(&form.0, GFP_KERNEL_ACCOUNT)?)
}

/// Adds what a resilient group was told: not for how long it is not balanced.
fn add_resilient(told: &[u8], out: &mut Message) -> Result {
    out.nest(RESILIENT, |group| {
        attributes(told, |kind, attribute| {
            if !OF_RESILIENT.contains(&kind) {
                return Ok(());
            }
            group.add(kind, attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]))
        })
    })
}

/// Returns the number of a resilient group; `None`: it is none.
pub(super) fn resilient_group(body: &[u8]) -> Result<Option<u32>> {
    let rest = body.get(HEADER..).unwrap_or(&[]);
    if find(rest, RESILIENT)?.is_none() {
        return Ok(None);
    }
    Ok(find(rest, ID)?.and_then(|id| u32_at(id, 0)))
}

/// Returns the request for one; `None`: it is a group of a type that is not known.
pub(super) fn nexthop(body: &[u8]) -> Result<Option<Message>> {
    if !is_known(body)? {
        return Ok(None);
    }
    let mut message = request_of::<HEADER>(body, OF_NEXTHOP, |header| {
        // nh_scope: the kernel finds it.
        if let Some(scope) = header.get_mut(1) {
            *scope = 0;
        }
        for (at, byte) in header.iter_mut().enumerate().skip(4) {
            *byte &= if at == 4 + LOW_BYTE { FLAGS } else { 0 };
        }
    })?;
    if let Some(told) = find(body.get(HEADER..).ok_or(EIO)?, RESILIENT)? {
        add_resilient(told, &mut message)?;
    }
    Ok(Some(message))
}

/// Returns whether it is no group, or one with a type that is saved.
fn is_known(body: &[u8]) -> Result<bool> {
    let rest = body.get(HEADER..).ok_or(EIO)?;
    let kind = find(rest, GROUP_TYPE)?;
    Ok(kind.is_none_or(|kind| TYPES.contains(&u16_at(kind, 0))))
}

/// Returns whether a request has only what one of ours may have. It has a number: else the kernel would
/// choose one.
pub(super) fn is_allowed(body: &[u8]) -> Result<bool> {
    let rest = body.get(HEADER..).ok_or(EINVAL)?;
    let id = find(rest, ID)?.and_then(|id| u32_at(id, 0));
    let mut is = id.is_some_and(|id| id != 0) && is_known(body)?;
    attributes(rest, |kind, attribute| {
        is &= match kind {
            RESILIENT => has_only(attribute, ATTRIBUTE_HEADER, OF_RESILIENT)?,
            kind => OF_NEXTHOP.contains(&kind),
        };
        Ok(())
    })?;
    Ok(is)
}

/// Tells whether a route, as of a message, names its nexthop.
pub(super) fn is_of_route(body: &[u8]) -> Result<bool> {
    Ok(find(body.get(12..).ok_or(EIO)?, ROUTE_NEXTHOP)?.is_some())
}

/// Returns the attributes of the request for a route that names its nexthop; `None`: it can't be told
/// from another one.
pub(super) fn of_route(body: &[u8]) -> Option<&'static [u16]> {
    (body.get(7) != Some(&BLACKHOLE)).then_some(OF_ROUTE)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_nexthop)]
mod tests {
    use super::*;

    /// Makes a nexthop with attributes.
    fn with(kinds: &[(u16, &[u8])]) -> Result<Message> {
        let mut message = Message::new(&[2, 253, 99, 0, 0, 0, 0, 0])?;
        for (kind, content) in kinds {
            message.add(*kind, content)?;
        }
        Ok(message)
    }

    /// Checks that one has a number; a group is of a type that is known; NHA_ENCAP may be a program.
    #[test]
    fn allowed() -> Result {
        let id = 7u32.to_ne_bytes();
        let [resilient, other] = [1u16, 2].map(u16::to_ne_bytes);
        let (mut told, mut more) = (Message::new(&[])?, Message::new(&[])?);
        for kind in OF_RESILIENT {
            told.add(*kind, &[0; 4])?;
        }
        // NHA_RES_GROUP_UNBALANCED_TIME.
        more.add(4, &[0; 8])?;
        type Attributes<'a> = &'a [(u16, &'a [u8])];
        let cases: [(Attributes<'_>, bool); 9] = [
            (&[(ID, &id), (5, &[0; 4])], true),
            (&[(5, &[0; 4])], false),
            (&[(ID, &[0; 4])], false),
            (&[(ID, &id), (GROUP_TYPE, &[0, 0])], true),
            (&[(ID, &id), (GROUP_TYPE, &resilient)], true),
            (&[(ID, &id), (GROUP_TYPE, &other)], false),
            (&[(ID, &id), (RESILIENT, &told.0)], true),
            (&[(ID, &id), (RESILIENT, &more.0)], false),
            (&[(ID, &id), (8, &[0; 4])], false),
        ];
        for (kinds, is) in cases {
            let message = with(kinds)?;
            assert!(is_allowed(&message.0)? == is);
            if !is {
                continue;
            }
            // The scope is the kernel's.
            let asked = nexthop(&message.0)?.ok_or(EINVAL)?;
            assert!(asked.0.get(..4) == Some(&[2, 0, 99, 0][..]));
        }
        Ok(())
    }

    /// For how long a group is not balanced does not count, and is not asked for.
    #[test]
    fn balance() -> Result {
        let of = |time: u8| {
            let mut group = Message::new(&[])?;
            group.add(1, &[8, 0])?;
            group.add(4, &[time; 8])?;
            with(&[(ID, &[7, 0, 0, 0]), (RESILIENT, &group.0)])
        };
        let mut keys = [KVVec::new(), KVVec::new()];
        for (time, out) in [1, 2].into_iter().zip(&mut keys) {
            key(&of(time)?.0, out)?;
        }
        let [one, other] = keys;
        assert!(*one == *other);
        let asked = nexthop(&of(1)?.0)?.ok_or(EINVAL)?;
        assert!(is_allowed(&asked.0)? && !is_allowed(&of(1)?.0)?);
        assert!(resilient_group(&asked.0)?.is_some() && resilient_group(&[])?.is_none());
        Ok(())
    }

    /// A route by a nexthop that drops all can't be told from one that drops all itself.
    #[test]
    fn routes() -> Result {
        let mut header = [0; 12];
        for (kind, is) in [(1, true), (BLACKHOLE, false)] {
            if let Some(of) = header.get_mut(7) {
                *of = kind;
            }
            let mut message = Message::new(&header)?;
            assert!(!is_of_route(&message.0)?);
            message.add(ROUTE_NEXTHOP, &[7, 0, 0, 0])?;
            assert!(is_of_route(&message.0)? && of_route(&message.0).is_some() == is);
        }
        Ok(())
    }
}
