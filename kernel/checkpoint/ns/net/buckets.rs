// SPDX-License-Identifier: GPL-2.0

//! Buckets of resilient groups of nexthops: which flows go by which nexthop, and since when none has come.
//!
//! A new group has others. They change by themselves as long as it is not balanced, so that they are not
//! compared: they are set, or it is refused.

use kernel::prelude::*;

use super::{
    message::{
        u32_at,
        Message, //
    },
    nexthop::{
        self,
        NEXTHOPS, //
    },
    rebuild::Rebuild,
    request::Request,
    track::Why, //
};
use crate::{
    image::ns::{
        REQUEST_BUCKETS,
        REQUEST_MAX, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// Bytes of the number of a group and of the time for which it is not balanced, and of each bucket.
const HEADER: usize = 8;
const BUCKET: usize = 8;

/// Most bytes of buckets.
const MOST: usize = REQUEST_MAX - HEADER;

/// Returns the group of a request, for how long that is not balanced, and the buckets.
fn parts(body: &[u8]) -> Option<(u32, u32, &[u8])> {
    Some((u32_at(body, 0)?, u32_at(body, 4)?, body.get(HEADER..)?))
}

/// Returns whether a request has whole buckets of a group.
pub(super) fn is_allowed(body: &[u8]) -> bool {
    parts(body).is_some_and(|(id, _, buckets)| {
        id != 0 && !buckets.is_empty() && buckets.len() % BUCKET == 0
    })
}

/// Does what a request asks for.
pub(super) fn send(ns: &NetNs, body: &[u8]) -> Result {
    let (id, unbalanced, buckets) = parts(body).ok_or(EINVAL)?;
    ns.set_buckets(id, unbalanced, buckets)
}

/// Gives the groups of a new namespace the buckets of the other one; returns why that can't be.
pub(super) fn give(rebuild: &mut Rebuild<'_>) -> Result<Option<Why>> {
    for item in NEXTHOPS.of(rebuild.ns)? {
        wait::go_on()?;
        let Some(id) = nexthop::resilient_group(&item.body)? else {
            continue;
        };
        let left = match rebuild.ns.buckets(id, MOST) {
            Err(e) if e == EINTR || e == ENOMEM => return Err(e),
            Err(E2BIG) => {
                return Ok(Some(
                    "resilient groups of nexthops with more than 8191 buckets",
                ))
            }
            Err(_) => true,
            Ok((unbalanced, buckets)) => {
                let mut message = Message::new(&id.to_ne_bytes())?;
                message.header(&unbalanced.to_ne_bytes())?;
                message.header(&buckets)?;
                let request = Request::new(REQUEST_BUCKETS, 0, message)?;
                rebuild.send(request)?.is_some()
            }
        };
        if left {
            return Ok(Some(
                "resilient groups of nexthops that can't be made again",
            ));
        }
    }
    Ok(None)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_buckets)]
mod tests {
    use super::*;

    /// Whole buckets of a group.
    #[test]
    fn allowed() {
        let mut body = [1; 25];
        for (len, is) in [(0, false), (8, false), (15, false), (24, true), (25, false)] {
            assert!(is_allowed(body.get(..len).unwrap_or(&[])) == is);
        }
        body.get_mut(..4).unwrap_or(&mut []).fill(0);
        assert!(!is_allowed(body.get(..24).unwrap_or(&[])));
        assert!(MOST / BUCKET == 8191);
    }
}
