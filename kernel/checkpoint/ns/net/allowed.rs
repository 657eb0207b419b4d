// SPDX-License-Identifier: GPL-2.0

//! What a request to a network namespace may have, as an image can be forged: only what one of ours has,
//! and nothing that leads out of the namespaces of the image (others, descriptors, programs).

use kernel::prelude::*;

use super::{
    buckets,
    classifiers,
    device,
    forwarding,
    message::{
        attributes,
        u16_at,
        ATTRIBUTE_HEADER, //
    },
    nexthop,
    nft,
    queues,
    timeouts,
    track, //
};
use crate::image::ns::{
    NET_REQUEST_MAKE,
    REQUEST_BORN,
    REQUEST_BUCKETS,
    REQUEST_CONNECTION,
    REQUEST_DELADDR,
    REQUEST_DELNEIGH,
    REQUEST_DELROUTE,
    REQUEST_DELRULE,
    REQUEST_EXPECTATION,
    REQUEST_NEWADDR,
    REQUEST_NEWLINK,
    REQUEST_NEWLINKPROP,
    REQUEST_NEWNEIGH,
    REQUEST_NEWNEXTHOP,
    REQUEST_NEWQDISC,
    REQUEST_NEWROUTE,
    REQUEST_NEWRULE,
    REQUEST_NEWTCLASS,
    REQUEST_NEWTFILTER,
    REQUEST_NUMBERS,
    REQUEST_SETLINK,
    REQUEST_TIMEOUTS, //
};

/// Attributes of addresses: IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO,
/// IFA_FLAGS, IFA_RT_PRIORITY, IFA_PROTO.
pub(super) const OF_ADDRESS: &[u16] = &[1, 2, 3, 4, 6, 8, 9, 11];

/// RTA_MULTIPATH.
const MULTIPATH: u16 = 9;

/// Attributes of routes: RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC,
/// RTA_METRICS, RTA_MULTIPATH, RTA_FLOW, RTA_TABLE, RTA_VIA, RTA_PREF. No encapsulation, which may be a
/// program.
pub(super) const OF_ROUTE: &[u16] = &[1, 2, 4, 5, 6, 7, 8, MULTIPATH, 11, 15, 18, 20];

/// Attributes of one of several ways: RTA_GATEWAY, RTA_FLOW, RTA_VIA.
const OF_HOP: &[u16] = &[5, 11, 18];

/// Bytes of `struct rtnexthop`.
const HOP: usize = 8;

/// Attributes of routing rules: all FRA_* that tell something.
pub(super) const OF_RULE: &[u16] = &[
    1, 2, 3, 4, 6, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
];

/// Attributes of neighbours: NDA_DST, NDA_LLADDR, NDA_VLAN, NDA_PROTOCOL, NDA_FLAGS_EXT.
pub(super) const OF_NEIGHBOUR: &[u16] = &[1, 2, 5, 12, 15];

/// AF_INET, AF_BRIDGE and AF_INET6.
const IPV4: u8 = 2;
const BRIDGE: u8 = 7;
const IPV6: u8 = 10;

/// Returns whether all attributes after the first `header` bytes of `body` are of `kinds`.
pub(super) fn has_only(body: &[u8], header: usize, kinds: &[u16]) -> Result<bool> {
    let mut is = true;
    attributes(body.get(header..).ok_or(EINVAL)?, |kind, _| {
        is &= kinds.contains(&kind);
        Ok(())
    })?;
    Ok(is)
}

/// Returns the same of a route, with its ways.
fn is_route(body: &[u8]) -> Result<bool> {
    let by_nexthop = nexthop::is_of_route(body)?;
    let kinds = nexthop::of_route(body).filter(|_| by_nexthop);
    let mut is = has_only(body, 12, kinds.unwrap_or(OF_ROUTE))?;
    attributes(body.get(12..).ok_or(EINVAL)?, |kind, attribute| {
        if kind == MULTIPATH {
            is &= are_hops(attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]))?;
        }
        Ok(())
    })?;
    Ok(is)
}

/// Returns the same of what is in RTA_MULTIPATH.
fn are_hops(mut hops: &[u8]) -> Result<bool> {
    while !hops.is_empty() {
        let len = usize::from(u16_at(hops, 0).ok_or(EINVAL)?);
        let hop = hops.get(..len).filter(|_| len >= HOP).ok_or(EINVAL)?;
        if !has_only(hop, HOP, OF_HOP)? {
            return Ok(false);
        }
        hops = hops.get(len.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(true)
}

/// Returns whether a request has only what one of ours may have.
pub(super) fn is_allowed(kind: u32, flags: u32, body: &[u8]) -> Result<bool> {
    let of_ip = matches!(body.first(), Some(&(IPV4 | IPV6)));
    match kind {
        REQUEST_NEWLINK | REQUEST_SETLINK | REQUEST_NEWLINKPROP => {
            device::is_allowed(body, flags & NET_REQUEST_MAKE != 0)
        }
        REQUEST_BORN => device::is_birth(body),
        REQUEST_NUMBERS => Ok(forwarding::numbers(body).is_some()),
        REQUEST_BUCKETS => Ok(buckets::is_allowed(body)),
        REQUEST_TIMEOUTS => timeouts::is_allowed(body),
        REQUEST_NEWADDR | REQUEST_DELADDR => Ok(of_ip && has_only(body, 8, OF_ADDRESS)?),
        REQUEST_NEWROUTE | REQUEST_DELROUTE => Ok(of_ip && is_route(body)?),
        REQUEST_NEWRULE | REQUEST_DELRULE => Ok(of_ip && has_only(body, 12, OF_RULE)?),
        REQUEST_NEWNEXTHOP => nexthop::is_allowed(body),
        REQUEST_DELNEIGH => {
            Ok(forwarding::is_entry(body)? && has_only(body, 12, forwarding::OF_ENTRY)?)
        }
        REQUEST_NEWNEIGH if forwarding::is_entry(body)? => has_only(body, 12, forwarding::OF_ENTRY),
        REQUEST_NEWNEIGH => {
            let known = of_ip || body.first() == Some(&BRIDGE);
            Ok(known && has_only(body, 12, OF_NEIGHBOUR)?)
        }
        REQUEST_NEWQDISC => queues::is_queue(body),
        REQUEST_NEWTCLASS => queues::is_class(body),
        REQUEST_NEWTFILTER => Ok(classifiers::is_filter(body)),
        REQUEST_CONNECTION | REQUEST_EXPECTATION => track::is_allowed(kind, body),
        _ => nft::is_allowed(kind, body),
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_allowed)]
mod tests {
    use super::{
        super::message::Message,
        *, //
    };

    /// Returns a device with what `fill` adds.
    fn link(fill: impl FnOnce(&mut Message) -> Result) -> Result<bool> {
        let mut message = Message::new(&[0; 16])?;
        fill(&mut message)?;
        is_allowed(REQUEST_NEWLINK, NET_REQUEST_MAKE, &message.0)
    }

    /// Returns the other end of a veth, with an attribute.
    fn pair(kind: u16) -> Result<bool> {
        link(|message| {
            message.nest(18, |info| {
                info.add(1, b"veth\0")?;
                info.nest(2, |data| {
                    data.nest(1, |end| {
                        end.header(&[0; 16])?;
                        end.add(kind, &[0; 4])
                    })
                })
            })
        })
    }

    /// Checks that nothing leads to another namespace: IFLA_NET_NS_PID, IFLA_NET_NS_FD,
    /// IFLA_LINK_NETNSID, IFLA_IF_NETNSID, IFLA_NEW_IFINDEX; nor to a program: IFLA_XDP.
    #[test]
    fn leads_nowhere() -> Result {
        for kind in [19, 28, 37, 43, 46, 49] {
            assert!(!link(|message| message.add(kind, &[0; 4]))?);
            assert!(!pair(kind)?);
        }
        assert!(link(|message| message.add(4, &[0; 4]))?);
        assert!(pair(1)? && !pair(18)?);
        Ok(())
    }

    /// Checks that only who makes a veth says where the other end is, by a number: IFLA_TARGET_NETNSID.
    #[test]
    fn pairs() -> Result {
        for (name, flags, is) in [
            (&b"veth\0"[..], NET_REQUEST_MAKE, true),
            (&b"veth\0"[..], 0, false),
            (&b"vlan\0"[..], NET_REQUEST_MAKE, false),
        ] {
            let mut message = Message::new(&[0; 16])?;
            message.nest(18, |info| info.add(1, name))?;
            message.add(46, &[0; 4])?;
            assert!(is_allowed(REQUEST_NEWLINK, flags, &message.0)? == is);
        }
        // IFLA_MTU; IFLA_MASTER, IFLA_LINK.
        for (kind, is) in [(4, true), (10, false), (5, false)] {
            let across = link(|message| {
                message.nest(18, |info| info.add(1, b"veth\0"))?;
                message.add(46, &[0; 4])?;
                message.add(kind, &[0; 4])
            })?;
            assert!(across == is);
        }
        // It is switched on: IFF_UP. IFF_PROMISC.
        for (flag, is) in [(1, true), (0x100, false)] {
            for at in [8, 12] {
                let mut header = [0; 16];
                if let Some(flags) = header.get_mut(at..at + 4) {
                    flags.copy_from_slice(&u32::to_ne_bytes(flag));
                }
                let mut message = Message::new(&header)?;
                message.nest(18, |info| info.add(1, b"veth\0"))?;
                message.add(46, &[0; 4])?;
                assert!(is_allowed(REQUEST_NEWLINK, NET_REQUEST_MAKE, &message.0)? == is);
            }
        }
        Ok(())
    }

    /// Kinds of devices that are not ours, and what ours have not.
    #[test]
    fn kinds_of_devices() -> Result {
        let of = |name: &[u8], kind: u16| {
            link(|message| {
                message.nest(18, |info| {
                    info.add(1, name)?;
                    info.nest(2, |data| data.add(kind, &[0; 4]))
                })
            })
        };
        assert!(of(b"vlan\0", 1)? && !of(b"vlan\0", 6)?);
        assert!(!of(b"wireguard\0", 1)? && !of(b"tun\0", 1)? && !of(b"dummy\0", 1)?);
        // An address that a tunnel was born with is told alone: IFLA_PERM_ADDRESS, IFLA_MTU.
        let mut born = Message::new(&[0; 16])?;
        born.add(54, &[2; 16])?;
        assert!(is_allowed(REQUEST_BORN, 0, &born.0)?);
        assert!(!is_allowed(REQUEST_SETLINK, 0, &born.0)?);
        born.add(4, &[0; 4])?;
        assert!(!is_allowed(REQUEST_BORN, 0, &born.0)?);
        // IFLA_VXLAN_ID, IFLA_VXLAN_VNIFILTER.
        assert!(of(b"vxlan\0", 1)? && !of(b"vxlan\0", 30)?);
        Ok(())
    }

    /// Checks that the state of a port is told alone; the number that it has is not told.
    #[test]
    fn ports() -> Result {
        let of = |kinds: &[u16]| {
            link(|message| {
                message.nest(18, |info| {
                    info.add(4, b"bridge")?;
                    info.nest(5, |data| {
                        kinds.iter().try_for_each(|&kind| data.add(kind, &[4]))
                    })
                })
            })
        };
        assert!(of(&[1])? && of(&[33])?);
        assert!(!of(&[1, 33])? && !of(&[18])?);
        Ok(())
    }

    /// Checks that encapsulation may be a program, in a route and in one of its ways.
    #[test]
    fn ways() -> Result {
        let mut header = [0; 12];
        if let Some(family) = header.first_mut() {
            *family = IPV4;
        }
        for (kind, is) in [(5, true), (22, false)] {
            let mut plain = Message::new(&header)?;
            plain.add(kind, &[0; 4])?;
            assert!(is_allowed(REQUEST_NEWROUTE, 0, &plain.0)? == is);

            let mut several = Message::new(&header)?;
            several.nest(MULTIPATH, |hops| {
                let [len, len2] = 16u16.to_ne_bytes();
                hops.header(&[len, len2, 0, 0, 1, 0, 0, 0])?;
                hops.add(kind, &[0; 4])
            })?;
            assert!(is_allowed(REQUEST_NEWROUTE, 0, &several.0)? == is);
        }
        assert!(is_allowed(REQUEST_NEWROUTE, 0, &header)?);
        assert!(
            is_allowed(REQUEST_NEWROUTE, 0, &[]).is_err() || !is_allowed(REQUEST_NEWROUTE, 0, &[])?
        );
        Ok(())
    }
}
