// SPDX-License-Identifier: GPL-2.0

//! Tuples of tracked connections: addresses and ports of one direction, and what they become.

use kernel::prelude::*;

use super::message::{
    attributes,
    find,
    Message,
    ATTRIBUTE_HEADER, //
};

/// CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_NAT_SRC and CTA_NAT_DST.
pub(super) const ORIGINAL: u16 = 1;
pub(super) const REPLY: u16 = 2;
pub(super) const NAT_SRC: u16 = 6;
pub(super) const NAT_DST: u16 = 13;

/// CTA_TUPLE_IP and CTA_TUPLE_PROTO.
const TUPLE_IP: u16 = 1;
const TUPLE_PROTO: u16 = 2;

/// CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC and CTA_IP_V6_DST, and of CTA_NAT_* CTA_NAT_V4_MINIP and
/// CTA_NAT_V6_MINIP: without the highest one it is the lowest one.
pub(super) const V4: Addresses = Addresses {
    src: 1,
    dst: 2,
    lowest: 1,
};
const V6: Addresses = Addresses {
    src: 3,
    dst: 4,
    lowest: 4,
};

/// CTA_PROTO_NUM, and IPPROTO_TCP.
const PROTO_NUM: u16 = 1;
const PROTO_TCP: u8 = 6;

/// CTA_PROTO_SRC_PORT and CTA_PROTO_DST_PORT; CTA_PROTO_ICMP_ID and CTA_PROTO_ICMPV6_ID.
const SRC_PORT: u16 = 2;
const DST_PORT: u16 = 3;
const ICMP_ID: u16 = 4;
const ICMPV6_ID: u16 = 7;

/// CTA_NAT_PROTO, and CTA_PROTONAT_PORT_MIN in it.
pub(super) const NAT_PROTO: u16 = 3;
pub(super) const PORT_MIN: u16 = 1;

/// Attributes that have addresses.
pub(super) struct Addresses {
    src: u16,
    dst: u16,
    pub(super) lowest: u16,
}

/// Returns what is in an attribute, without its header.
pub(super) fn content(attribute: &[u8]) -> &[u8] {
    attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[])
}

/// Adds a tuple of TCP as the attribute `kind`: from the first end to the second one, each with its address, of
/// 4 or 16 bytes, and its port.
pub(super) fn of_tcp(kind: u16, ends: [(&[u8], u16); 2], to: &mut Message) -> Result {
    let [(src, src_port), (dst, dst_port)] = ends;
    let of = if src.len() == 4 { &V4 } else { &V6 };
    to.nest(kind, |to| {
        to.nest(TUPLE_IP, |to| {
            to.add(of.src, src)?;
            to.add(of.dst, dst)
        })?;
        to.nest(TUPLE_PROTO, |to| {
            to.add(PROTO_NUM, &[PROTO_TCP])?;
            to.add(SRC_PORT, &src_port.to_be_bytes())?;
            to.add(DST_PORT, &dst_port.to_be_bytes())
        })
    })
}

/// Adds to `to` each attribute of `rest`, as what `edit` makes of its number and content.
fn copied<'a>(
    rest: &'a [u8],
    to: &mut Message,
    mut edit: impl FnMut(u16, &'a [u8]) -> Result<(u16, &'a [u8])>,
) -> Result {
    attributes(rest, |kind, attribute| {
        let (kind, content) = edit(kind, content(attribute))?;
        to.add(kind, content)
    })
}

/// Returns the part of a tuple that is in the attribute `kind`.
fn part(tuple: &[u8], kind: u16) -> Result<&[u8]> {
    find(tuple, kind)?.ok_or(EIO)
}

/// Returns the reply that a connection with the tuple `original` has without a change of addresses.
/// `reply` is that which it has: what answers a message of ICMP is told there.
pub(super) fn unchanged(original: &[u8], reply: &[u8], to: &mut Message) -> Result {
    let (addresses, proto) = (part(original, TUPLE_IP)?, part(original, TUPLE_PROTO)?);
    let turned = |a: u16, b: u16, kind| match kind {
        kind if kind == a => b,
        kind if kind == b => a,
        kind => kind,
    };
    to.nest(REPLY, |to| {
        to.nest(TUPLE_IP, |to| {
            copied(addresses, to, |kind, content| {
                let kind = turned(V4.src, V4.dst, kind);
                Ok((turned(V6.src, V6.dst, kind), content))
            })
        })?;
        to.nest(TUPLE_PROTO, |to| {
            if find(proto, SRC_PORT)?.is_some() {
                return copied(proto, to, |kind, content| {
                    Ok((turned(SRC_PORT, DST_PORT, kind), content))
                });
            }
            copied(part(reply, TUPLE_PROTO)?, to, |kind, content| {
                let content = match kind {
                    ICMP_ID | ICMPV6_ID => part(proto, kind)?,
                    _ => content,
                };
                Ok((kind, content))
            })
        })?;
        // Its zone.
        attributes(reply, |kind, attribute| match kind {
            TUPLE_IP | TUPLE_PROTO => Ok(()),
            _ => to.add(kind, content(attribute)),
        })
    })
}

/// Adds what addresses become: those that `reply` has. `src`: that where it comes from is another one. Where
/// the same is asked for as there is, the kernel only notes that it was looked at.
pub(super) fn changed(reply: &[u8], src: bool, to: &mut Message) -> Result {
    let (addresses, proto) = (part(reply, TUPLE_IP)?, part(reply, TUPLE_PROTO)?);
    let of = match find(addresses, V4.src)? {
        Some(_) => &V4,
        None => &V6,
    };
    // Who replies is whom it goes to, and the other way round. A message of ICMP has one number for both.
    for (nat, address, port) in [(NAT_DST, of.src, SRC_PORT), (NAT_SRC, of.dst, DST_PORT)] {
        let mut port = find(proto, port)?;
        for id in [ICMP_ID, ICMPV6_ID] {
            if nat == NAT_SRC || !src {
                port = port.or(find(proto, id)?);
            }
        }
        let address = find(addresses, address)?.ok_or(EIO)?;
        to.nest(nat, |to| {
            to.add(of.lowest, address)?;
            match port {
                Some(port) => to.nest(NAT_PROTO, |to| to.add(PORT_MIN, port)),
                None => Ok(()),
            }
        })?;
    }
    Ok(())
}
