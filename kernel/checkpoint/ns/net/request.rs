// SPDX-License-Identifier: GPL-2.0

//! Requests of rtnetlink(7) that a network namespace gets when it is made.
//!
//! They go through the kernel's own handlers, with the rights of the caller. What they may have is in
//! `allowed.rs`.

use kernel::prelude::*;

use super::{
    allowed::is_allowed,
    buckets,
    classifiers,
    device,
    ends::{
        Ends,
        Names, //
    },
    forwarding,
    message::{
        find,
        u32_at,
        Message, //
    },
    moved,
    nft::{
        self,
        Batch, //
    },
    outside,
    steps::Steps,
    tables::TENTATIVE,
    timeouts,
    track, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    image::{
        ns::{
            NetRequest,
            NET_REQUEST_LATE,
            NET_REQUEST_MAKE,
            REQUEST_BORN,
            REQUEST_BUCKETS,
            REQUEST_CONNECTION,
            REQUEST_DELADDR,
            REQUEST_DELNEIGH,
            REQUEST_DELROUTE,
            REQUEST_DELRULE,
            REQUEST_EXPECTATION,
            REQUEST_MAX,
            REQUEST_NEWADDR,
            REQUEST_NEWLINK,
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
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// NLM_F_ACK.
pub(super) const ACK: u16 = 4;
/// NLM_F_REPLACE.
const REPLACE: u16 = 0x100;
/// NLM_F_EXCL.
const EXCLUSIVE: u16 = 0x200;
/// NLM_F_CREATE.
const CREATE: u16 = 0x400;
/// NLM_F_APPEND.
const APPEND: u16 = 0x800;

/// A request: type, `NET_REQUEST_*`, and what comes after the header of its message.
pub(super) struct Request {
    kind: u32,
    flags: u32,
    body: KVVec<u8>,
    /// How many were sent before it.
    pub(super) order: u64,
    /// What a restart sends in its place.
    again: Option<KVVec<u8>>,
}

impl Request {
    /// Makes one of a message.
    pub(super) fn new(kind: u32, flags: u32, message: Message) -> Result<Self> {
        Ok(Self {
            kind,
            flags,
            body: message.0,
            order: 0,
            again: None,
        })
    }

    /// Returns it as one in whose place a restart sends `message`.
    pub(super) fn again(mut self, message: Message) -> Self {
        self.again = Some(message.0);
        self
    }

    /// Returns it, noted for a restart: `order` others were sent before it.
    pub(super) fn noted(mut self, order: u64) -> Self {
        if let Some(body) = self.again.take() {
            self.body = body;
        }
        self.order = order;
        self
    }

    /// Returns it as one that comes when the settings are written.
    pub(super) fn late(mut self) -> Self {
        self.flags |= NET_REQUEST_LATE;
        self
    }

    /// Returns what comes after the header of its message.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns whether a restart will take it from an image.
    pub(super) fn is_allowed(&self) -> bool {
        self.body.len() <= REQUEST_MAX
            && is_allowed(self.kind, self.flags, &self.body).unwrap_or(false)
    }

    /// Adds it to a batch: it is of nftables.
    pub(super) fn add_to(&self, batch: &mut Batch) -> Result {
        batch.add(self.kind, &self.body)
    }

    /// Sends it to `ns`.
    pub(super) fn send(&self, ns: &NetNs) -> Result {
        send(ns, self.kind, self.flags, &self.body)
    }

    /// Returns the record of it, for the namespace with reference `net`.
    pub(super) fn record(&self, net: ObjRef) -> NetRequest {
        NetRequest {
            net: net.get().into(),
            kind: self.kind.into(),
            flags: self.flags.into(),
            reserved: 0.into(),
        }
    }
}

/// Returns whether an address, as of a message, is IFA_F_TENTATIVE.
pub(super) fn is_tentative(body: &[u8]) -> Result<bool> {
    let flags = find(body.get(8..).ok_or(EIO)?, 8)?;
    let flags = flags.and_then(|flags| u32_at(flags, 0));
    Ok(flags.is_some_and(|flags| flags & u32::from(TENTATIVE) != 0))
}

/// RTM_NEWTCLASS and RTM_NEWTFILTER.
const NEWTCLASS: u16 = 40;
const NEWTFILTER: u16 = 44;

/// Returns the type of the message that a request is sent as: that of most is what they are in an image.
fn message_type(kind: u32) -> Result<u16> {
    Ok(match kind {
        REQUEST_NEWTCLASS => NEWTCLASS,
        REQUEST_NEWTFILTER => NEWTFILTER,
        _ => kind.try_into()?,
    })
}

/// Sends a request to `ns`. Else what is answered.
fn send(ns: &NetNs, kind: u32, flags: u32, body: &[u8]) -> Result {
    wait::go_on()?;
    if track::is_of(kind) {
        return track::send(ns, kind, body);
    }
    if kind == REQUEST_NEWTFILTER && classifiers::is_cut(body)? {
        return Err(EOPNOTSUPP);
    }
    if kind == REQUEST_BORN {
        let device = device::Device::of(body)?;
        return ns.set_born(device.index(), device.born()?);
    }
    if kind == REQUEST_TIMEOUTS {
        return timeouts::send(ns, body);
    }
    if kind == REQUEST_BUCKETS {
        return buckets::send(ns, body);
    }
    if kind == REQUEST_NUMBERS {
        let (index, numbers) = forwarding::numbers(body).ok_or(EINVAL)?;
        return ns.set_packet_numbers(index, numbers);
    }
    let flags = match kind {
        REQUEST_NEWLINK if flags & NET_REQUEST_MAKE != 0 => CREATE | EXCLUSIVE,
        REQUEST_NEWADDR | REQUEST_NEWQDISC | REQUEST_NEWNEXTHOP | REQUEST_NEWTCLASS
        | REQUEST_NEWTFILTER => CREATE | EXCLUSIVE,
        REQUEST_NEWROUTE => CREATE | APPEND,
        REQUEST_NEWRULE => CREATE,
        // There may be several for one address.
        REQUEST_NEWNEIGH if forwarding::is_entry(body)? => CREATE | APPEND,
        REQUEST_NEWNEIGH => CREATE | REPLACE,
        _ => 0,
    };
    let mut message = Message::whole(message_type(kind)?, ACK | flags, body)?;
    ns.tell(&mut message.0)
}

/// Calls `f` for each request of the image that is for one of the namespaces with the references `nets`,
/// which are sorted: with which of them, its record and its body.
fn each(
    r: &Restore,
    nets: &[ObjRef],
    mut f: impl FnMut(usize, &NetRequest, &Raw<'_>) -> Result,
) -> Result {
    for raw in r.links() {
        // Each namespace goes through the links of all.
        wait::go_on()?;
        let raw = raw.map_err(|fault| r.fault(fault))?;
        if raw.kind != Kind::NetRequest {
            continue;
        }
        let request: NetRequest = raw.body().map_err(|fault| r.fault(fault))?;
        let at = nets.binary_search_by_key(&request.net.get(), |net| net.get());
        if let Ok(at) = at {
            f(at, &request, &raw)?;
        }
    }
    Ok(())
}

/// Checks all requests for namespaces before these are made; returns whether there is one that comes after
/// their settings.
pub(super) fn check(r: &Restore, nets: &[ObjRef]) -> Result<bool> {
    let mut late = false;
    let moved = moved::numbers(r)?;
    each(r, nets, |_, request, raw| {
        let (kind, flags) = (request.kind.get(), request.flags.get());
        let of = (request.net.get(), &*moved);
        if moved::is_too_much(of, (kind, flags), raw.payload).unwrap_or(true) {
            return Err(r.fault(
                raw.fault("a request to a device of the caller's that none of ours makes"),
            ));
        }
        if !is_allowed(kind, flags, raw.payload).unwrap_or(false) {
            return Err(r.fault(
                raw.fault("a request that leads out of the network namespace, or that is none"),
            ));
        }
        late |= request.flags.get() & NET_REQUEST_LATE != 0;
        Ok(())
    })?;
    Ok(late)
}

/// Returns what a request is about, for messages.
fn about(kind: u32, body: &[u8]) -> &'static str {
    match kind {
        REQUEST_NEWADDR | REQUEST_DELADDR => "an address",
        REQUEST_NEWROUTE | REQUEST_DELROUTE => "a route",
        REQUEST_NEWRULE | REQUEST_DELRULE => "a routing rule",
        REQUEST_NEWNEIGH | REQUEST_DELNEIGH => "a neighbour",
        REQUEST_NEWNEXTHOP => "a nexthop",
        REQUEST_BUCKETS => "the buckets of a group of nexthops",
        REQUEST_NEWQDISC => "a queueing discipline",
        REQUEST_NEWTCLASS => "a class of a queueing discipline",
        REQUEST_NEWTFILTER => "a filter of tc",
        REQUEST_CONNECTION => "a tracked connection",
        REQUEST_TIMEOUTS => "timeouts of tracked connections",
        REQUEST_EXPECTATION => "an expected connection",
        // That is made elsewhere, and may be what is in the way.
        REQUEST_NEWLINK if device::is_across(body) => "a pair with the other end",
        _ => "a device",
    }
}

/// Sends to `all` the requests of the image for the namespaces with the references `nets`: those that come
/// before their settings are written, or, with `steps` of each, those after that. They were checked. Pairs
/// with an end outside are added to `ends`, also if a later one is not taken.
pub(super) fn replay(
    r: &Restore,
    plan: &TaskRecords<'_>,
    all: &[NetNs],
    nets: &[ObjRef],
    mut steps: Option<KVVec<Steps<'_>>>,
    ends: &mut Ends,
) -> Result {
    let mut batches: KVVec<Batch> = KVVec::new();
    for _ in nets {
        batches.push(Batch::new(), GFP_KERNEL_ACCOUNT)?;
    }
    if steps.is_none() {
        check_room(r, plan, all, nets)?;
    }
    let names = Names::of(r)?;
    each(r, nets, |at, request, raw| {
        let ns = all.get(at).ok_or(EINVAL)?;
        let (kind, flags) = (request.kind.get(), request.flags.get());
        if (flags & NET_REQUEST_LATE != 0) != steps.is_some() {
            return Ok(());
        }
        if nft::is_of(kind) {
            return batches.get_mut(at).ok_or(EINVAL)?.add(kind, raw.payload);
        }
        if let Some(steps) = steps.as_mut().and_then(|steps| steps.get_mut(at)) {
            let tentative = kind == REQUEST_NEWADDR && is_tentative(raw.payload)?;
            steps.next(kind, tentative)?;
        }
        let renamed = match kind {
            REQUEST_NEWLINK if flags & NET_REQUEST_MAKE != 0 => {
                names.give(request.net.get(), raw.payload)?
            }
            _ => None,
        };
        let body = renamed.as_deref().unwrap_or(raw.payload);
        let any_number = kind == REQUEST_NEWLINK && device::Device::of(body)?.is_of_any_number()?;
        let make = || {
            if any_number {
                outside::send_with_number(body, |body| send(ns, kind, flags, body))
            } else {
                send(ns, kind, flags, body)
            }
        };
        let sent = if kind == REQUEST_NEWLINK && flags & NET_REQUEST_MAKE != 0 {
            ends.note(&names, (ns, request.net.get()), body, make)
        } else {
            make()
        };
        let sent = match (kind, sent) {
            // The kernel has done it, or had not what it would undo.
            (REQUEST_NEWADDR | REQUEST_NEWROUTE, Err(EEXIST)) => Ok(()),
            (REQUEST_DELADDR, Err(EADDRNOTAVAIL)) => Ok(()),
            (REQUEST_DELNEIGH, Err(ENOENT)) => Ok(()),
            (REQUEST_DELROUTE, Err(ESRCH)) => Ok(()),
            (REQUEST_DELRULE, Err(ENOENT)) => Ok(()),
            (_, sent) => sent,
        };
        sent.map_err(|e| {
            let why = match e {
                EPERM => ": CAP_NET_ADMIN is needed",
                EOPNOTSUPP if flags & NET_REQUEST_MAKE != 0 => ": the kernel has no such devices",
                EEXIST if flags & NET_REQUEST_MAKE != 0 && device::is_across(body) => {
                    ": there is one with this name; it can have another (RESTART_RULE_RENAME, restart \
                     --fd netdev:DEVICE=N:NAME)"
                }
                EEXIST if flags & NET_REQUEST_MAKE != 0 => ": there is one with this name",
                ENOENT if matches!(kind, REQUEST_NEWQDISC | REQUEST_NEWTFILTER) => {
                    ": the kernel has no such one"
                }
                EOPNOTSUPP if kind == REQUEST_NEWTFILTER => {
                    ": the kernel lacks a part of it, or takes it only from the initial user namespace"
                }
                EOPNOTSUPP | EINVAL if track::is_of(kind) || kind == REQUEST_TIMEOUTS => {
                    ": the kernel lacks a part of what tracks connections"
                }
                ENOMEM if kind == REQUEST_CONNECTION => {
                    ": there may be no more (net.netfilter.nf_conntrack_max), or there is no memory"
                }
                ENETDOWN if matches!(kind, REQUEST_NEWNEXTHOP | REQUEST_BUCKETS) => {
                    ": its device is down or has no carrier: have that set up and connected"
                }
                EMFILE if kind == REQUEST_EXPECTATION => {
                    ": there may be no more (net.netfilter.nf_conntrack_expect_max)"
                }
                _ => "",
            };
            let name = device_name(kind, body);
            let space = if name.is_empty() { "" } else { " " };
            let name = kernel::str::BStr::from_bytes(name);
            r.fail(
                e,
                plan,
                fmt!(
                    "its network namespace does not take {}{}{} that was in it{}",
                    about(kind, body),
                    space,
                    name,
                    why
                ),
            )
        })
    })?;
    steps
        .iter_mut()
        .flatten()
        .try_for_each(|steps| steps.end_quiet())?;
    for (ns, batch) in all.iter().zip(&mut batches) {
        batch.send(ns).map_err(|e| {
            let why = match e {
                EPERM => ": CAP_NET_ADMIN is needed",
                EOPNOTSUPP | ENOENT => ": the kernel lacks a part of nftables",
                _ => "",
            };
            r.fail(
                e,
                plan,
                fmt!(
                    "its network namespace does not take the rules of nftables that were in it{}",
                    why
                ),
            )
        })?;
    }
    Ok(())
}

/// Refuses more tracked connections than one of `all` takes: it would give up those that came first.
fn check_room(r: &Restore, plan: &TaskRecords<'_>, all: &[NetNs], nets: &[ObjRef]) -> Result {
    let mut connections: KVVec<usize> = KVVec::from_elem(0, nets.len(), GFP_KERNEL_ACCOUNT)?;
    each(r, nets, |at, request, _| {
        if request.kind.get() == REQUEST_CONNECTION {
            *connections.get_mut(at).ok_or(EINVAL)? += 1;
        }
        Ok(())
    })?;
    for (ns, connections) in all.iter().zip(connections) {
        if connections != 0 && !track::has_room(ns, connections)? {
            return Err(r.fail(
                ENOSPC,
                plan,
                fmt!(
                    "its network namespace had {} tracked connections, and may have no more than \
                     net.netfilter.nf_conntrack_max: raise that",
                    connections
                ),
            ));
        }
    }
    Ok(())
}

/// Returns the name of the device that a request has; empty: it has none.
fn device_name(kind: u32, body: &[u8]) -> &[u8] {
    match kind {
        REQUEST_NEWLINK | REQUEST_SETLINK => device::Device::of(body)
            .and_then(|device| device.name())
            .unwrap_or(&[]),
        _ => &[],
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_request)]
mod tests {
    use super::*;

    /// AF_INET.
    const IPV4: u8 = 2;

    /// Rules of other families (RTNL_FAMILY_IPMR), and what is longer than an image may have, is not sent
    /// by a checkpoint, as no restart would.
    #[test]
    fn as_a_restart() -> Result {
        for (family, more, is) in [(IPV4, 0, true), (128, 0, false), (IPV4, 2, false)] {
            let mut header = [0; 12];
            if let Some(first) = header.first_mut() {
                *first = family;
            }
            let mut rule = Message::new(&header)?;
            for _ in 0..more {
                rule.add(1, &[0; 40000])?;
            }
            assert!(Request::new(REQUEST_NEWRULE, 0, rule)?.is_allowed() == is);
        }
        Ok(())
    }
}
