// SPDX-License-Identifier: GPL-2.0

//! How a new network namespace becomes what another one is.
//!
//! A checkpoint does it, with a namespace that nobody is in, and notes the requests that this took: a
//! restart sends the same ones. What could not be had so differs in the end, and is refused.

use core::cell::Cell;

use kernel::prelude::*;

use super::{
    allowed::{
        OF_ADDRESS,
        OF_NEIGHBOUR,
        OF_ROUTE,
        OF_RULE, //
    },
    buckets,
    device::Device,
    dump::{
        alike,
        Item,
        Table, //
    },
    filters,
    forwarding,
    message::{
        attributes,
        Message,
        ATTRIBUTE_HEADER, //
    },
    nexthop::{
        self,
        NEXTHOPS, //
    },
    nft::{
        self,
        Batch, //
    },
    request::{
        self,
        Request, //
    },
    steps::{
        settle,
        Steps,
        LOOKING,
        RESTING, //
    },
    tables::{
        clear_hops,
        is_static,
        ADDRESSES,
        LINKS,
        LOW_BYTE,
        NEIGHBOURS,
        ROUTES,
        RULES, //
    },
    tc,
    timeouts::{
        self,
        TIMEOUTS, //
    },
    track::{
        self,
        Why, //
    }, //
};
use crate::{
    image::ns::{
        REQUEST_CONNECTION,
        REQUEST_DELADDR,
        REQUEST_DELNEIGH,
        REQUEST_DELROUTE,
        REQUEST_DELRULE,
        REQUEST_EXPECTATION,
        REQUEST_NEWADDR,
        REQUEST_NEWNEIGH,
        REQUEST_NEWNEXTHOP,
        REQUEST_NEWROUTE,
        REQUEST_NEWRULE,
        REQUEST_NUMBERS,
        REQUEST_TIMEOUTS, //
    },
    kapi::{
        net::namespace::{
            self,
            NetNs, //
        },
        time::wait, //
    }, //
};

/// How often requests are gone through: some need others before.
pub(super) const ROUNDS: usize = 8;

/// RTNH_F_PERVASIVE and RTNH_F_ONLINK: flags of routes that are asked for.
const ROUTE_FLAGS: u8 = 2 | 4;

/// FIB_RULE_INVERT: the flag of rules that is asked for.
const RULE_FLAGS: u8 = 2;

/// NTF_MASTER: an entry is of the bridge, and not of the device.
const OF_BRIDGE: u8 = 4;

/// NTF_PROXY.
const PROXY: u8 = 8;

/// NUD_REACHABLE and NUD_STALE.
const REACHABLE: u16 = 2;
const STALE: u16 = 4;

/// NDA_MASTER.
const MASTER: u16 = 9;

/// AF_BRIDGE.
const BRIDGE: u8 = 7;

/// What a namespace could not be given.
pub(super) enum Lacks {
    /// Its state in a bridge: a port, by its name.
    Port(KVVec<u8>),
    /// A connection.
    Connection(Why),
    /// Which flow goes where: a group of nexthops.
    Buckets(Why),
}

/// A namespace in the making.
pub(super) struct Rebuild<'a> {
    /// What it is to become.
    pub(super) ns: &'a NetNs,
    /// It.
    pub(super) fresh: &'a NetNs,
    /// How many requests were sent to it, and to those that are made with it.
    sent: &'a Cell<u64>,
    /// The numbers of its devices for which others stand in there.
    moved: &'a [u32],
    /// It has its settings.
    late: bool,
    /// What was done so far.
    pub(super) requests: KVVec<Request>,
}

impl<'a> Rebuild<'a> {
    /// Begins with a new namespace.
    pub(super) fn new(
        ns: &'a NetNs,
        fresh: &'a NetNs,
        moved: &'a [u32],
        sent: &'a Cell<u64>,
    ) -> Self {
        Self {
            ns,
            fresh,
            sent,
            moved,
            late: false,
            requests: KVVec::new(),
        }
    }

    /// Sends a request; returns it if it was not taken. One that a restart would not take from an image
    /// is not sent: what it would make differs in the end.
    pub(super) fn send(&mut self, request: Request) -> Result<Option<Request>> {
        if !request.is_allowed() {
            return Ok(Some(request));
        }
        match request.send(self.fresh) {
            Ok(()) => {
                self.note(request)?;
                Ok(None)
            }
            Err(e) if e == EINTR || e == ENOMEM => Err(e),
            Err(_) => Ok(Some(request)),
        }
    }

    /// Notes a request that was taken.
    fn note(&mut self, request: Request) -> Result {
        let done = if self.late { request.late() } else { request };
        let order = self.sent.get();
        self.sent.set(order.saturating_add(1));
        Ok(self.requests.push(done.noted(order), GFP_KERNEL_ACCOUNT)?)
    }

    /// Sends requests until all were taken, or none is any more; returns those that were not.
    fn send_all(&mut self, requests: KVVec<Request>) -> Result<KVVec<Request>> {
        let mut left = requests;
        for _ in 0..ROUNDS {
            let before = left.len();
            let mut again = KVVec::new();
            for request in left {
                if let Some(request) = self.send(request)? {
                    again.push(request, GFP_KERNEL_ACCOUNT)?;
                }
            }
            left = again;
            if left.is_empty() || left.len() == before {
                break;
            }
        }
        Ok(left)
    }

    /// Tells to what stands in for its devices what these are told in any case, before others are made: some
    /// take their address and MTU from them.
    pub(super) fn begin(&mut self) -> Result {
        self.tell_moved(|device| device.told())
    }

    /// Sets what its devices are, which were made.
    pub(super) fn change(&mut self) -> Result {
        for last in [false, true] {
            for _ in 0..ROUNDS {
                if !self.change_devices(last)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Switches its devices on or off: it has its settings. Nothing else is told to it before that was done
    /// to all that are made with it.
    pub(super) fn switch(&mut self) -> Result<Steps<'a>> {
        self.late = true;
        // Those that are still looked for are found to be free, or not, meanwhile.
        settle(self.ns, LOOKING)?;
        let steps = Steps::begin(self.fresh)?;
        self.tell_moved(|device| {
            let mut requests = KVVec::new();
            requests.push(device.all_flags()?, GFP_KERNEL_ACCOUNT)?;
            Ok(requests)
        })?;
        for _ in 0..ROUNDS {
            if !self.switch_devices()? {
                break;
            }
        }
        Ok(steps)
    }

    /// Gives it all that is left; returns what of that it could not be given.
    pub(super) fn rest(&mut self, mut steps: Steps<'_>) -> Result<Option<Lacks>> {
        settle(self.fresh, RESTING)?;
        self.ports()?;
        settle(self.fresh, RESTING)?;
        self.list(&ADDRESSES, Some(REQUEST_DELADDR), REQUEST_NEWADDR, usable)?;
        steps.end_quiet()?;
        self.list(&ADDRESSES, None, REQUEST_NEWADDR, address)?;
        self.list(&RULES, Some(REQUEST_DELRULE), REQUEST_NEWRULE, rule)?;
        // A route goes by nexthops; the way to the gateway of one may be a route.
        let again = !NEXTHOPS.of(self.ns)?.is_empty();
        for _ in 0..=u8::from(again) {
            self.list(&NEXTHOPS, None, REQUEST_NEWNEXTHOP, nexthop::nexthop)?;
            for routes in &ROUTES {
                self.list(routes, Some(REQUEST_DELROUTE), REQUEST_NEWROUTE, route)?;
            }
        }
        let [.., entries] = &NEIGHBOURS;
        self.take_away(entries, REQUEST_DELNEIGH, forwarding::removal)?;
        for neighbours in &NEIGHBOURS {
            self.list(neighbours, None, REQUEST_NEWNEIGH, neighbour)?;
        }
        tc::give(self)?;
        filters::give(self)?;
        let port = self.ports()?;
        let buckets = buckets::give(self)?.map(Lacks::Buckets);
        let connection = self.connections()?;
        self.filter()?;
        self.number_packets()?;
        let port = port.map(Lacks::Port);
        Ok(port.or(buckets).or(connection.map(Lacks::Connection)))
    }

    /// Gives it the connections that are tracked, and those that are expected: while it has no filter, so
    /// that no packet is tracked yet. Returns why it could not be given one.
    fn connections(&mut self) -> Result<Option<Why>> {
        if !namespace::tracks() {
            return Ok(None);
        }
        self.list(&TIMEOUTS, None, REQUEST_TIMEOUTS, timeouts::request)?;
        for (kind, table) in [
            (REQUEST_CONNECTION, &track::CONNECTIONS),
            (REQUEST_EXPECTATION, &track::EXPECTATIONS),
        ] {
            let items = match table.of(self.ns) {
                Err(E2BIG | EAGAIN) => return Ok(Some("too many tracked connections")),
                items => items?,
            };
            if items.iter().any(|item| item.body.is_empty()) {
                // Without a filter that asks for it nothing is tracked.
                let filters = !nft::requests(self.ns)?.is_empty();
                return Ok(filters.then_some(
                    "rules of nftables, and may track connections, which the kernel does not tell of \
                     (CONFIG_NF_CT_NETLINK)",
                ));
            }
            let items = track::once(kind, items)?;
            if items.is_empty() {
                continue;
            }
            let requests = match track::requests(kind, &items)? {
                Ok(requests) => requests,
                Err(why) => return Ok(Some(why)),
            };
            if kind == REQUEST_CONNECTION && !track::has_room(self.fresh, items.len())? {
                return Ok(Some(
                    "more tracked connections than a new one takes (net.netfilter.nf_conntrack_max)",
                ));
            }
            // Those that come of others need these before.
            let left = self.send_all(requests)?;
            let is_alike = match table.of(self.fresh) {
                Err(E2BIG | EAGAIN) => false,
                made => alike(&items, &track::once(kind, made?)?),
            };
            if !left.is_empty() || !is_alike {
                return Ok(Some(match kind {
                    REQUEST_CONNECTION => "a tracked connection that can't be made again",
                    _ => "an expected connection that can't be made again",
                }));
            }
        }
        Ok(None)
    }

    /// Has tunnels number packets from where those of the other one are: they are on, and have sent some.
    fn number_packets(&mut self) -> Result {
        let list = LINKS.of(self.ns)?;
        for device in &devices(&list)? {
            wait::go_on()?;
            if !device.is_tunnel()? {
                continue;
            }
            if let Some(message) = forwarding::numbering(self.ns, device.index())? {
                self.send(Request::new(REQUEST_NUMBERS, 0, message)?)?;
            }
        }
        Ok(())
    }

    /// Gives it tables of nftables. What is not taken differs.
    fn filter(&mut self) -> Result {
        let requests = nft::requests(self.ns)?;
        let mut batch = Batch::new();
        for request in &requests {
            request.add_to(&mut batch)?;
        }
        match batch.send(self.fresh) {
            Ok(()) => (),
            Err(e) if e == EINTR || e == ENOMEM => return Err(e),
            Err(_) => return Ok(()),
        }
        for request in requests {
            self.note(request)?;
        }
        Ok(())
    }

    /// Sets what differs of devices, `last` of all what they take from others; returns whether something
    /// was set.
    fn change_devices(&mut self, last: bool) -> Result<bool> {
        let (of, fresh) = (LINKS.of(self.ns)?, LINKS.of(self.fresh)?);
        let (all, new) = (devices(&of)?, devices(&fresh)?);
        let mut changed = false;
        for device in &all {
            wait::go_on()?;
            let Some(new) = new.iter().find(|new| new.index() == device.index()) else {
                continue;
            };
            let requests = if self.moved.binary_search(&device.index()).is_ok() {
                device.changes_of_moved(new)?
            } else {
                device.changes(new, last)?
            };
            for request in requests {
                changed |= self.send(request)?.is_none();
            }
        }
        Ok(changed)
    }

    /// Tells to what stands in for devices what these are told in any case.
    fn tell_moved(&mut self, told: impl Fn(&Device<'_>) -> Result<KVVec<Request>>) -> Result {
        if self.moved.is_empty() {
            return Ok(());
        }
        let of = LINKS.of(self.ns)?;
        for device in &devices(&of)? {
            wait::go_on()?;
            if self.moved.binary_search(&device.index()).is_err() {
                continue;
            }
            for request in told(device)? {
                self.send(request)?;
            }
        }
        Ok(())
    }

    /// Gives devices their flags, and switches on and off again what was on; returns whether one was
    /// switched.
    fn switch_devices(&mut self) -> Result<bool> {
        let (of, fresh) = (LINKS.of(self.ns)?, LINKS.of(self.fresh)?);
        let (all, new) = (devices(&of)?, devices(&fresh)?);
        let mut switched = false;
        for device in &all {
            wait::go_on()?;
            let Some(new) = new.iter().find(|new| new.index() == device.index()) else {
                continue;
            };
            for request in device.switch(new)? {
                if self.send(request)?.is_some() {
                    break;
                }
                switched = true;
            }
        }
        Ok(switched)
    }

    /// Gives ports of bridges without a spanning tree of the kernel their states; returns the name of the
    /// last one that had another one.
    fn ports(&mut self) -> Result<Option<KVVec<u8>>> {
        let (of, fresh) = (LINKS.of(self.ns)?, LINKS.of(self.fresh)?);
        let (all, new) = (devices(&of)?, devices(&fresh)?);
        let mut told: KVVec<u32> = KVVec::new();
        for device in &all {
            if device.is_told()? {
                told.push(device.index(), GFP_KERNEL_ACCOUNT)?;
            }
        }
        told.sort_unstable();
        let mut differs = None;
        for device in &all {
            wait::go_on()?;
            if told.binary_search(&device.master()?).is_err() {
                continue;
            }
            let Some(new) = new.iter().find(|new| new.index() == device.index()) else {
                continue;
            };
            if let Some(request) = device.state(new)? {
                differs = Some(copy(device.name()?)?);
                self.send(request)?;
            }
        }
        Ok(differs)
    }

    /// Takes away what it has of a list and should not, as far as `body` has requests for that.
    fn take_away(
        &mut self,
        table: &Table<'_>,
        remove: u32,
        body: fn(&[u8]) -> Result<Option<Message>>,
    ) -> Result {
        let (of, fresh) = (table.of(self.ns)?, table.of(self.fresh)?);
        let requests = lacking(&fresh, &of, remove, body)?;
        self.send_all(requests)?;
        Ok(())
    }

    /// Takes away what it has of a list and should not, and adds what is missing.
    fn list(
        &mut self,
        table: &Table<'_>,
        remove: Option<u32>,
        add: u32,
        body: fn(&[u8]) -> Result<Option<Message>>,
    ) -> Result {
        if let Some(remove) = remove {
            self.take_away(table, remove, body)?;
        }
        // What was removed may have taken others with it.
        let (of, fresh) = (table.of(self.ns)?, table.of(self.fresh)?);
        let requests = lacking(&of, &fresh, add, body)?;
        self.send_all(requests)?;
        Ok(())
    }
}

/// Copies bytes.
pub(super) fn copy(bytes: &[u8]) -> Result<KVVec<u8>> {
    let mut copy = KVVec::new();
    copy.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
    Ok(copy)
}

/// Returns the devices of a list.
pub(super) fn devices(items: &[Item]) -> Result<KVVec<Device<'_>>> {
    let mut devices = KVVec::new();
    for item in items.iter().filter(|item| !item.body.is_empty()) {
        devices.push(Device::of(&item.body)?, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(devices)
}

/// Returns the requests of type `kind` for what is in `items` and not in `others`.
fn lacking(
    items: &[Item],
    others: &[Item],
    kind: u32,
    body: fn(&[u8]) -> Result<Option<Message>>,
) -> Result<KVVec<Request>> {
    let mut known: KVVec<&[u8]> = KVVec::new();
    for other in others {
        known.push(&other.key, GFP_KERNEL_ACCOUNT)?;
    }
    known.sort_unstable();
    let mut requests = KVVec::new();
    for item in items {
        wait::go_on()?;
        if item.body.is_empty() || known.binary_search(&&*item.key).is_ok() {
            continue;
        }
        if let Some(message) = body(&item.body)? {
            requests.push(Request::new(kind, 0, message)?, GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(requests)
}

/// Begins a request about what the message `body` tells, with a header of `N` bytes and those attributes
/// that `kinds` names.
pub(super) fn request_of<const N: usize>(
    body: &[u8],
    kinds: &[u16],
    edit: impl FnOnce(&mut [u8; N]),
) -> Result<Message> {
    let (header, rest) = body.split_at_checked(N).ok_or(EIO)?;
    let mut header: [u8; N] = header.try_into().map_err(|_| EIO)?;
    edit(&mut header);
    let mut message = Message::new(&header)?;
    attributes(rest, |kind, attribute| {
        if kinds.contains(&kind) {
            message.add(kind, attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]))?;
        }
        Ok(())
    })?;
    Ok(message)
}

/// Returns the request for an address that can be used; `None`: nobody knows yet whether it is
/// free.
fn usable(body: &[u8]) -> Result<Option<Message>> {
    if request::is_tentative(body)? {
        return Ok(None);
    }
    address(body)
}

/// Returns the request for an address.
fn address(body: &[u8]) -> Result<Option<Message>> {
    request_of::<8>(body, OF_ADDRESS, |_| ()).map(Some)
}

/// Returns the request for a route. Flags that the kernel sets are not asked for.
fn route(body: &[u8]) -> Result<Option<Message>> {
    let (mut kinds, mut flags) = (OF_ROUTE, ROUTE_FLAGS);
    if nexthop::is_of_route(body)? {
        let Some(of_nexthop) = nexthop::of_route(body) else {
            return Ok(None);
        };
        // These are those of the nexthop.
        (kinds, flags) = (of_nexthop, 0);
    }
    let mut message = request_of::<12>(body, kinds, |header| {
        for (at, byte) in header.iter_mut().enumerate().skip(8) {
            *byte &= if at == 8 + LOW_BYTE { flags } else { 0 };
        }
    })?;
    // Those of several ways are in RTA_MULTIPATH.
    let mut at = 12;
    while let Some((kind, len)) = head(&message.0, at) {
        let next = at + len.next_multiple_of(4);
        if kind == 9 {
            let hops = message.0.get_mut(at + ATTRIBUTE_HEADER..at + len);
            clear_hops(hops.unwrap_or(&mut []), !ROUTE_FLAGS);
        }
        at = next;
    }
    Ok(Some(message))
}

/// Returns type and length of the attribute at `at`, if there is one.
pub(super) fn head(bytes: &[u8], at: usize) -> Option<(u16, usize)> {
    let rest = bytes.get(at..)?;
    let len = usize::from(super::message::u16_at(rest, 0)?);
    let kind = super::message::u16_at(rest, 2)?;
    (len >= ATTRIBUTE_HEADER).then_some((kind & 0x3fff, len))
}

/// Returns the request for a routing rule.
fn rule(body: &[u8]) -> Result<Option<Message>> {
    request_of::<12>(body, OF_RULE, |header| {
        for (at, byte) in header.iter_mut().enumerate().skip(8) {
            *byte &= if at == 8 + LOW_BYTE { RULE_FLAGS } else { 0 };
        }
    })
    .map(Some)
}

/// Returns the request for a neighbour. One whose state changes begins with what it has when it is
/// known, but was not asked: NUD_STALE, or, in a bridge, NUD_REACHABLE.
fn neighbour(body: &[u8]) -> Result<Option<Message>> {
    if forwarding::is_entry(body)? {
        return forwarding::entry(body).map(Some);
    }
    let mut of_bridge = false;
    let is_bridge = body.first() == Some(&BRIDGE);
    if is_bridge {
        attributes(body.get(12..).ok_or(EIO)?, |kind, _| {
            of_bridge |= kind == MASTER;
            Ok(())
        })?;
    }
    request_of::<12>(body, OF_NEIGHBOUR, |header| {
        let is_proxy = header.get(10).is_some_and(|flags| flags & PROXY != 0);
        if !is_static(header) && !is_proxy {
            let begins: u16 = if is_bridge { REACHABLE } else { STALE };
            if let Some(state) = header.get_mut(8..10) {
                state.copy_from_slice(&begins.to_ne_bytes());
            }
        }
        if let Some(flags) = header.get_mut(10).filter(|_| of_bridge) {
            *flags |= OF_BRIDGE;
        }
    })
    .map(Some)
}
