// SPDX-License-Identifier: GPL-2.0

//! Where devices that are tunnels to several ends send to: entries of vxlan; and numbers of packets of GRE.
//!
//! They are listed with those of bridges (AF_BRIDGE), and have a destination or a nexthop. A device that was
//! told of one end gets an entry for that by itself. Numbers are those of the netlink ABI.

use kernel::prelude::*;

use super::{
    device::{
        self,
        Device, //
    },
    message::{
        find,
        u16_at,
        u32_at,
        Message, //
    },
    rebuild::request_of, //
};
use crate::kapi::net::namespace::NetNs;

/// Bytes of `struct ndmsg`.
const HEADER: usize = 12;

/// NDA_DST, NDA_LLADDR, NDA_NH_ID.
const DESTINATION: u16 = 1;
const ADDRESS: u16 = 2;
const NEXTHOP: u16 = 13;

/// Attributes of these entries: NDA_DST, NDA_LLADDR, NDA_PORT, NDA_VNI, NDA_IFINDEX, NDA_SRC_VNI, NDA_NH_ID.
pub(super) const OF_ENTRY: &[u16] = &[DESTINATION, ADDRESS, 6, 7, 8, 11, NEXTHOP];

/// AF_BRIDGE.
const BRIDGE: u8 = 7;

/// NTF_SELF: it is of the device, and not of its bridge.
const OF_DEVICE: u8 = 2;

/// NUD_PERMANENT, NUD_NOARP and NUD_REACHABLE: one of these an entry needs that is made.
const STATES: u16 = 0x80 | 0x40 | REACHABLE;
const REACHABLE: u16 = 2;

/// Returns whether a message about a neighbour is one about such an entry.
pub(super) fn is_entry(body: &[u8]) -> Result<bool> {
    let (header, rest) = body.split_at_checked(HEADER).ok_or(EIO)?;
    let of_device = header.get(10).is_some_and(|flags| flags & OF_DEVICE != 0);
    if header.first() != Some(&BRIDGE) || !of_device {
        return Ok(false);
    }
    Ok(find(rest, DESTINATION)?.is_some() || find(rest, NEXTHOP)?.is_some())
}

/// Returns the request for one. One whose state changes was learnt by a program: it begins as one that
/// is known. A static one that nobody looks for (NUD_NOARP) needs to be known, too.
pub(super) fn entry(body: &[u8]) -> Result<Message> {
    request_of::<HEADER>(body, OF_ENTRY, |header| {
        let told = u16_at(header, 8).unwrap_or(0) & STATES;
        let state = if told == 0 { REACHABLE } else { told };
        if let Some(at) = header.get_mut(8..10) {
            at.copy_from_slice(&state.to_ne_bytes());
        }
    })
}

/// Returns the request that takes away one that a device has got by itself; `None`: it is none.
pub(super) fn removal(body: &[u8]) -> Result<Option<Message>> {
    Ok(if is_entry(body)? {
        Some(entry(body)?)
    } else {
        None
    })
}

/// Returns the request that has the device `index` of a new namespace number packets from where that of
/// `ns` is; `None`: it numbers none, or has not begun.
pub(super) fn numbering(ns: &NetNs, index: u32) -> Result<Option<Message>> {
    let Some([seen, sent]) = ns.packet_numbers(index)? else {
        return Ok(None);
    };
    if seen == 0 && sent == 0 {
        return Ok(None);
    }
    let mut header = [0; device::HEADER];
    Device::set_index(&mut header, index)?;
    let mut message = Message::new(&header)?;
    message.header(&seen.to_ne_bytes())?;
    message.header(&sent.to_ne_bytes())?;
    Ok(Some(message))
}

/// Returns what such a request has: the number of the device, and the numbers. `None`: it is none.
pub(super) fn numbers(body: &[u8]) -> Option<(u32, [u32; 2])> {
    let seen = u32_at(body, device::HEADER)?;
    let sent = u32_at(body, device::HEADER + 4)?;
    let index = u32_at(body, 4)?;
    (body.len() == device::HEADER + 8).then_some((index, [seen, sent]))
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_forwarding)]
mod tests {
    use super::*;

    /// Numbers of packets come whole, and with nothing else.
    #[test]
    fn packets() -> Result {
        let mut body = [0; device::HEADER + 12];
        Device::set_index(&mut body, 7)?;
        for len in 0..body.len() {
            let found = numbers(body.get(..len).ok_or(EINVAL)?);
            assert!(found.is_some() == (len == device::HEADER + 8));
            assert!(found.is_none_or(|(index, _)| index == 7));
        }
        Ok(())
    }

    /// Entries of a device have an end; others are addresses that it listens to. One that was learnt begins as
    /// one that is known.
    #[test]
    fn entries() -> Result {
        for (family, flags, kind, is) in [
            (BRIDGE, OF_DEVICE, DESTINATION, true),
            (BRIDGE, OF_DEVICE, NEXTHOP, true),
            (BRIDGE, OF_DEVICE, ADDRESS, false),
            (BRIDGE, 4, DESTINATION, false),
            (2, OF_DEVICE, DESTINATION, false),
        ] {
            for (state, asked) in [(0x80u16, 0x80), (0x42, 0x42), (4, REACHABLE)] {
                let [a, b] = state.to_ne_bytes();
                let mut message = Message::new(&[family, 0, 0, 0, 1, 0, 0, 0, a, b, flags, 0])?;
                message.add(kind, &[10, 0, 0, 1])?;
                assert!(is_entry(&message.0)? == is && removal(&message.0)?.is_some() == is);
                assert!(u16_at(&entry(&message.0)?.0, 8) == Some(asked));
            }
        }
        Ok(())
    }
}
