// SPDX-License-Identifier: GPL-2.0

//! Network namespaces that have to do with each other: one has a device whose other end is in another one,
//! or a number for it.
//!
//! They are made together: what is in one may stand on a device that is made with one of another. A number
//! is what requests name a namespace by, so those come first.

use kernel::prelude::*;

use super::{
    device::Device,
    dump::Item,
    outside,
    rebuild::{
        copy,
        devices,
        Rebuild,
        ROUNDS, //
    },
    request::Request,
    tables::{
        link,
        LINKS, //
    }, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::Capture,
    image::{
        ns::NetPeer,
        record::ref_number,
        Kind,
        ObjRef, //
    },
    kapi::{
        net::namespace::NetNs,
        time::wait, //
    }, //
};

/// The number that a namespace has for the one at `to` of those that are made with it; behind these are
/// those that stay outside.
pub(super) struct Peer {
    pub(super) to: usize,
    pub(super) number: i32,
}

/// What the number of a namespace means.
pub(super) struct Meaning {
    pub(super) number: i32,
    /// Address of the namespace that it stands for.
    pub(super) addr: usize,
    /// That stays outside: the name of the first device that leads there.
    pub(super) device: Option<KVVec<u8>>,
}

/// A device of a namespace that leads to the one at `to` of those that are made with it, or stay outside.
pub(super) struct Lead {
    pub(super) index: u32,
    pub(super) to: usize,
    pub(super) name: KVVec<u8>,
}

/// What a namespace has of those that are made with it.
pub(super) struct Joins {
    pub(super) peers: KVVec<Peer>,
    /// By their numbers.
    pub(super) leads: KVVec<Lead>,
    /// Where devices lead that are left to the caller, as [`Lead::to`].
    pub(super) moved: KVVec<usize>,
}

impl Joins {
    /// Returns nothing.
    pub(super) fn none() -> Self {
        Self {
            peers: KVVec::new(),
            leads: KVVec::new(),
            moved: KVVec::new(),
        }
    }

    /// Returns whether a device leads to the namespace at `to` of those that are made with it, or stay
    /// outside.
    pub(super) fn leads_to(&self, to: usize) -> bool {
        self.moved.contains(&to) || self.leads.iter().any(|lead| lead.to == to)
    }

    /// Returns the namespace to which its device `index` leads, and the number that it has for
    /// that.
    fn lead(&self, index: u32) -> Result<Option<(usize, u32)>> {
        let at = self.leads.binary_search_by_key(&index, |lead| lead.index);
        let Some(lead) = at.ok().and_then(|at| self.leads.get(at)) else {
            return Ok(None);
        };
        let peer = self.peers.iter().find(|peer| peer.to == lead.to);
        let number = peer.ok_or(EAGAIN)?.number;
        Ok(Some((lead.to, u32::try_from(number)?)))
    }
}

/// A device that can't be made: the namespace that has it, its name and its kind.
pub(super) type Unmade = (usize, KVVec<u8>, KVVec<u8>);

/// Makes the devices of all namespaces, and sets what they are; returns one that can't be made.
///
/// What devices there are was asked for: see [`NetNs::lead`].
pub(super) fn make_devices(
    all: &mut [Rebuild<'_>],
    joins: &[Joins],
    outside: &[NetNs],
) -> Result<Option<Unmade>> {
    let mut lists: KVVec<KVVec<Item>> = KVVec::new();
    for one in all.iter() {
        lists.push(LINKS.of(one.ns)?, GFP_KERNEL_ACCOUNT)?;
    }
    let mut found: KVVec<KVVec<Device<'_>>> = KVVec::new();
    for list in &lists {
        found.push(devices(list)?, GFP_KERNEL_ACCOUNT)?;
    }
    let mut left: KVVec<(usize, Request)> = KVVec::new();
    for at in 0..all.len() {
        for request in requests(all, joins, outside, &found, at)? {
            left.push((at, request), GFP_KERNEL_ACCOUNT)?;
        }
    }
    // Some stand on others, which may be made with those of another namespace.
    for _ in 0..ROUNDS {
        let before = left.len();
        let mut again = KVVec::new();
        for (at, request) in left {
            if let Some(request) = all.get_mut(at).ok_or(EINVAL)?.send(request)? {
                again.push((at, request), GFP_KERNEL_ACCOUNT)?;
            }
        }
        left = again;
        if left.is_empty() || left.len() == before {
            break;
        }
    }
    for (at, (one, own)) in all.iter().zip(&found).enumerate() {
        let fresh = LINKS.of(one.fresh)?;
        let new = devices(&fresh)?;
        for device in own {
            wait::go_on()?;
            if new.iter().all(|new| new.index() != device.index()) {
                return Ok(Some((at, copy(device.name()?)?, copy(device.kind()?)?)));
            }
        }
    }
    all.iter_mut().try_for_each(|one| one.change())?;
    Ok(None)
}

/// Returns the request that makes `device` of `ns`, with its other end in `outside`, for which `ns`
/// has `number`. `None`: that is gone, or another device has its number.
fn half(ns: &NetNs, device: &Device<'_>, outside: &NetNs, number: u32) -> Result<Option<Request>> {
    let told = link(outside, device.link()?)?;
    let ends = devices(&told)?;
    let Some(end) = ends.first() else {
        return Ok(None);
    };
    // Others run there, and may have moved it.
    if end.kind()? != device.kind()? || end.link()? != device.index() {
        return Ok(None);
    }
    device.make_outside(ns, end, outside, number).map(Some)
}

/// Returns the requests for the namespace at `at` that make its devices. `found` are those of all
/// namespaces.
fn requests(
    all: &[Rebuild<'_>],
    joins: &[Joins],
    outside: &[NetNs],
    found: &[KVVec<Device<'_>>],
    at: usize,
) -> Result<KVVec<Request>> {
    let one = all.get(at).ok_or(EINVAL)?;
    let joins = joins.get(at).ok_or(EINVAL)?;
    let own = found.get(at).ok_or(EINVAL)?;
    let fresh = LINKS.of(one.fresh)?;
    let new = devices(&fresh)?;
    let mut masters: KVVec<u32> = KVVec::new();
    for device in own {
        masters.push(device.master()?, GFP_KERNEL_ACCOUNT)?;
    }
    masters.sort_unstable();
    let mut requests = KVVec::new();
    for device in own {
        wait::go_on()?;
        if new.iter().any(|new| new.index() == device.index()) {
            continue;
        }
        let request = match joins.lead(device.index())? {
            None => device.make(one.ns, own, &masters)?,
            Some((to, number)) if to >= all.len() => {
                let other = outside.get(to - all.len()).ok_or(EINVAL)?;
                half(one.ns, device, other, number)?
            }
            // The first of both makes it.
            Some((to, _)) if to < at => None,
            Some((to, number)) => {
                let other = all.get(to).ok_or(EINVAL)?;
                let link = device.link()?;
                let mut ends = found.get(to).ok_or(EINVAL)?.iter();
                match ends.find(|end| end.index() == link) {
                    Some(end) => Some(device.make_across(one.ns, end, other.ns, number)?),
                    None => None,
                }
            }
        };
        if let Some(request) = request {
            requests.push(request, GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(requests)
}

/// Gives new namespaces their numbers for each other.
pub(super) fn number(fresh: &[NetNs], joins: &[Joins]) -> Result {
    for (one, joins) in fresh.iter().zip(joins) {
        for peer in &joins.peers {
            wait::go_on()?;
            one.set_number(fresh.get(peer.to).ok_or(EINVAL)?, peer.number)?;
        }
    }
    Ok(())
}

/// Writes the numbers that the namespace with reference `net` has.
pub(super) fn save(cap: &mut Capture, net: ObjRef, peers: &[Meaning]) -> Result {
    for meaning in peers {
        wait::go_on()?;
        let peer = match meaning.device {
            Some(_) => None,
            None => Some(super::reference_at(cap, meaning.addr).ok_or(ENOENT)?),
        };
        let record = NetPeer {
            net: net.get().into(),
            peer: ref_number(peer).into(),
            number: u32::try_from(meaning.number)?.into(),
            reserved: 0.into(),
        };
        cap.meta
            .put(&record, meaning.device.as_deref().unwrap_or(&[]))?;
    }
    Ok(())
}

/// Calls `f` for each number in the image, with the name of the device if what it means stays outside.
fn each(r: &Restore, mut f: impl FnMut(&NetPeer, &[u8]) -> Result) -> Result {
    for raw in r.links() {
        // Each namespace goes through the links of all.
        wait::go_on()?;
        let raw = raw.map_err(|fault| r.fault(fault))?;
        if raw.kind == Kind::NetPeer {
            f(&raw.body().map_err(|fault| r.fault(fault))?, raw.payload)?;
        }
    }
    Ok(())
}

/// Returns the numbers that mean namespaces that stay outside, each after the reference of the namespace
/// that has it, sorted.
pub(super) fn outside(r: &Restore) -> Result<KVVec<(u32, u32)>> {
    let mut all = KVVec::new();
    each(r, |peer, _| {
        if peer.peer.get() == 0 {
            all.push((peer.net.get(), peer.number.get()), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    all.sort_unstable();
    Ok(all)
}

/// Returns the namespaces of the image that have to do with the one with reference `net`, that one
/// included, sorted.
pub(super) fn joined(r: &Restore, net: ObjRef) -> Result<KVVec<ObjRef>> {
    let mut pairs: KVVec<(u32, u32)> = KVVec::new();
    each(r, |peer, _| {
        let (one, other) = (peer.net.get(), peer.peer.get());
        // That one is there already.
        if other == 0 {
            return Ok(());
        }
        for pair in [(one, other), (other, one)] {
            pairs.push(pair, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    pairs.sort_unstable();
    let mut nodes: KVVec<u32> = KVVec::new();
    nodes.push(net.get(), GFP_KERNEL_ACCOUNT)?;
    for &(from, _) in &pairs {
        nodes.push(from, GFP_KERNEL_ACCOUNT)?;
    }
    nodes.sort_unstable();
    let mut seen: KVVec<bool> = KVVec::new();
    seen.resize(nodes.len(), false, GFP_KERNEL_ACCOUNT)?;
    // What is still to be looked at.
    let mut left: KVVec<u32> = KVVec::new();
    left.push(net.get(), GFP_KERNEL_ACCOUNT)?;
    while let Some(one) = left.pop() {
        wait::go_on()?;
        // A namespace stands there as often as it has pairs: the first counts.
        let at = nodes.partition_point(|&node| node < one);
        match seen.get_mut(at) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let first = pairs.partition_point(|&(from, _)| from < one);
        let rest = pairs.get(first..).unwrap_or(&[]);
        for &(_, to) in rest.iter().take_while(|&&(from, _)| from == one) {
            left.push(to, GFP_KERNEL_ACCOUNT)?;
        }
    }
    let mut all = KVVec::new();
    for (&node, _) in nodes.iter().zip(&seen).filter(|(_, &seen)| seen) {
        all.push(ObjRef::new(node).ok_or(EINVAL)?, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(all)
}

/// Gives `all`, new namespaces with the references `nets`, which are sorted, the numbers that they have for
/// each other in the image.
pub(super) fn restore(
    r: &Restore,
    plan: &TaskRecords<'_>,
    all: &[NetNs],
    nets: &[ObjRef],
) -> Result {
    each(r, |peer, device| {
        let at = |obj: u32| {
            let at = nets.binary_search_by_key(&obj, |net| net.get()).ok()?;
            all.get(at)
        };
        let Some(one) = at(peer.net.get()) else {
            return Ok(());
        };
        let outside = match peer.peer.get() {
            0 => Some(outside::given(r, plan, device)?),
            _ => None,
        };
        let Some(other) = outside.as_ref().or_else(|| at(peer.peer.get())) else {
            return Ok(());
        };
        let number = i32::try_from(peer.number.get())?;
        one.set_number(other, number).map_err(|e| {
            let why = match e {
                EPERM => ": CAP_NET_ADMIN is needed",
                EEXIST => ": there is another one",
                _ => "",
            };
            r.fail(
                e,
                plan,
                fmt!(
                    "its network namespace does not take {} as a number for another one{}",
                    number,
                    why
                ),
            )
        })
    })
}
