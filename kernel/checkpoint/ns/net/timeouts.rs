// SPDX-License-Identifier: GPL-2.0

//! Timeouts with a name (``nfct timeout``), which rules may give to tracked connections. Numbers are those of
//! the netlink ABI.

use kernel::prelude::*;

use super::{
    allowed::has_only,
    dump::Table,
    message::{
        attributes,
        Message, //
    },
    tables::{
        NETFILTER,
        PLAIN, //
    }, //
};
use crate::kapi::net::namespace::NetNs;

/// Bytes of `struct nfgenmsg`.
const HEADER: usize = 4;

/// NLM_F_ACK, NLM_F_EXCL and NLM_F_CREATE.
const FLAGS: u16 = 4 | 0x200 | 0x400;

/// NFNL_SUBSYS_CTNETLINK_TIMEOUT: IPCTNL_MSG_TIMEOUT_NEW is 0, and what lists them 1.
const NEW: u16 = 8 << 8;

/// CTA_TIMEOUT_NAME, CTA_TIMEOUT_L3PROTO, CTA_TIMEOUT_L4PROTO and CTA_TIMEOUT_DATA.
const TAKEN: &[u16] = &[1, 2, 3, 4];

/// CTA_TIMEOUT_USE.
const USE: u16 = 5;

/// Which there are.
pub(super) const TIMEOUTS: Table<'static> = Table {
    name: "timeouts of tracked connections",
    protocol: NETFILTER,
    request: NEW | 1,
    body: &[0; HEADER],
    header: HEADER,
    volatile: &[USE],
    none_new: true,
    ..PLAIN
};

/// Returns the request for one.
pub(super) fn request(body: &[u8]) -> Result<Option<Message>> {
    let (header, rest) = body.split_at_checked(HEADER).ok_or(EIO)?;
    let mut message = Message::new(header)?;
    attributes(rest, |kind, attribute| {
        if TAKEN.contains(&kind) {
            message.header(attribute)?;
            message.pad()?;
        }
        Ok(())
    })?;
    Ok(Some(message))
}

/// Returns whether a request has only what one of ours may have.
pub(super) fn is_allowed(body: &[u8]) -> Result<bool> {
    has_only(body, HEADER, TAKEN)
}

/// Sends a request to `ns`.
pub(super) fn send(ns: &NetNs, body: &[u8]) -> Result {
    let mut message = Message::whole(NEW, FLAGS, body)?;
    ns.tell_batch(&mut message.0)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_timeouts)]
mod tests {
    use super::*;

    /// How many use it is not asked for.
    #[test]
    fn counts() -> Result {
        let mut told = Message::new(&[0; HEADER])?;
        told.add(1, b"slow\0")?;
        told.nest(4, |data| data.add(1, &[0, 0, 0, 9]))?;
        let asked = request(&told.0)?.ok_or(EINVAL)?;
        assert!(*asked.0 == *told.0 && is_allowed(&asked.0)?);
        told.add(USE, &[0, 0, 0, 1])?;
        let asked = request(&told.0)?.ok_or(EINVAL)?;
        assert!(asked.0.len() < told.0.len() && !is_allowed(&told.0)?);
        Ok(())
    }
}
