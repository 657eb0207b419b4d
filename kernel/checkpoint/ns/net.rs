// SPDX-License-Identifier: GPL-2.0

//! Network namespaces.
//!
//! One that is the caller's stays so. Others are made anew, with what is in them (`net/contents.rs`);
//! but what is in that of the root may be left outside by the caller: then its addresses, routes and
//! devices are to be made by who restarts the tasks, and only their sockets are saved.

mod allowed;
mod buckets;
mod classifiers;
mod compare;
mod contents;
mod device;
mod dump;
mod ematches;
mod ends;
mod fallback;
mod filters;
mod forwarding;
mod message;
mod moved;
mod nexthop;
mod nft;
mod outside;
mod pairs;
mod queues;
mod rebuild;
mod request;
mod steps;
mod tables;
mod tc;
mod timeouts;
mod track;
mod tun;
mod tuple;

use kernel::{
    prelude::*,
    sync::{
        Arc,
        SetOnce, //
    }, //
};

use crate::{
    core::{
        built::Rebuilt,
        kind::Group,
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        Found,
        LinkOps,
        ProcessOps,
        ThreadOps, //
    },
    image::{
        ns::{
            NetNs as Record,
            NETNS_OUTSIDE, //
        },
        ObjRef, //
    },
    kapi::{
        net::{
            namespace::NetNs,
            tun::TunFile, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    ns::other, //
};
use compare::Member;
use contents::Contents;
use ends::Ends;
use moved::Devices;
use request::Request;
use tun::Tuns;

pub(crate) use outside::name_for_rules;
pub(crate) use tun::{
    is_in_place,
    note_queue, //
};

/// The network namespace.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "network namespace",
    collect,
    save,
    ..ThreadOps::NONE
};

/// What network namespaces have to do with each other.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "network namespaces",
    leaks,
    ..ProcessOps::NONE
};

/// What makes what is in network namespaces: done when they are made, before all that may depend on
/// it.
pub(super) const REQUESTS: LinkOps = LinkOps {
    name: "network requests",
    save: save_requests,
    link: |_| Ok(()),
};

/// A network namespace.
struct Space {
    ns: NetNs,
    /// Its first task.
    who: TaskName,
    of_root: bool,
    /// What is in it stays outside.
    outside: bool,
    /// It has to do with others: what is in it is read when all are found.
    joined: bool,
    /// What is in it.
    contents: SetOnce<Contents>,
}

/// Returns the task's own network namespace; `None` if it is that of the caller.
fn own(t: &FrozenTask) -> Result<Option<NetNs>> {
    let ns = t.namespaces()?.net;
    Ok((!ns.is_of_current()).then_some(ns))
}

/// Returns whether the network namespace at `addr` is that of the root.
pub(crate) fn is_of_root(cap: &Capture, addr: usize) -> bool {
    cap.found.ns.net == Some(addr)
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let addr = t.namespaces()?.net.addr();
    // The root is the first one, or a thread of it.
    let of_root = *cap.found.ns.net.get_or_insert(addr) == addr;
    let Some(ns) = own(t)? else {
        cap.found.ns.in_callers_net = true;
        return Ok(());
    };
    if !cap.objects.count::<Space>(addr)? {
        return Ok(());
    }
    let who = t.display(&cap.pid_ns);
    let outside = cap.found.ns.net_outside && of_root;
    let joined = !outside && compare::is_joined(&ns)?;
    let contents = SetOnce::new();
    if !outside && !joined {
        let one = Member {
            ns: &ns,
            who,
            of_root,
        };
        let found = compare::read(cap, &[one])?;
        let Some(found) = found.and_then(|found| found.into_iter().next()) else {
            return Ok(());
        };
        contents.populate(found);
    }
    cap.objects.keep(Space {
        ns,
        who,
        of_root,
        outside,
        joined,
        contents,
    })
}

/// Returns the namespaces that were found.
fn spaces(cap: &Capture) -> Result<KVVec<Arc<Space>>> {
    let mut addrs: KVVec<usize> = KVVec::new();
    for (_, space) in cap.objects.all::<Space>() {
        addrs.push(space.addr(), GFP_KERNEL_ACCOUNT)?;
    }
    let mut all = KVVec::new();
    for addr in addrs {
        all.push(
            cap.objects.get::<Space>(addr).ok_or(ENOENT)?,
            GFP_KERNEL_ACCOUNT,
        )?;
    }
    Ok(all)
}

/// Looks at what namespaces, and files, have to do with each other: all are found. Once.
fn leaks(cap: &mut Capture, _: &Group<'_>) -> Result {
    if core::mem::replace(&mut cap.found.ns.net_joined, true) {
        return Ok(());
    }
    join(cap)?;
    tun::check_open(cap)
}

/// Reads what is in those that have to do with each other.
fn join(cap: &mut Capture) -> Result {
    let all = spaces(cap)?;
    // Some may only be what others have a number for: they were read by themselves already.
    let mut meant: KVVec<usize> = KVVec::new();
    for space in all.iter().filter(|space| space.joined) {
        compare::add_meant(&space.ns, &mut meant)?;
    }
    meant.sort_unstable();
    let is_in = |space: &Space| {
        space.joined || (!space.outside && meant.binary_search(&space.addr()).is_ok())
    };
    let mut members = KVVec::new();
    for space in all.iter().filter(|space| is_in(space)) {
        let member = Member {
            ns: &space.ns,
            who: space.who,
            of_root: space.of_root,
        };
        members.push(member, GFP_KERNEL_ACCOUNT)?;
    }
    if members.is_empty() {
        return Ok(());
    }
    let Some(found) = compare::read(cap, &members)? else {
        return Ok(());
    };
    for (space, contents) in all.iter().filter(|space| is_in(space)).zip(found) {
        // One that was read by itself is as it was.
        if space.joined {
            space.contents.populate(contents);
        }
    }
    Ok(())
}

/// Who sets up the network of a container is often in its namespace, or keeps it mounted: so that is
/// only reported.
impl Shared<Found> for Space {
    fn addr(&self) -> usize {
        self.ns.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        // It is there at a restart, or another one is.
        if !cap.whole || self.outside {
            return Outside::Nothing;
        }
        let addr = self.ns.addr();
        other::shared(cap, addr, self.ns.count(), 0, |proxy| {
            proxy.net_addr() == addr
        })
    }

    fn tell(&self, cap: &mut Capture, _: u64, outside: Outside) -> Result {
        other::tell(cap, &self.who, "network namespace", outside)
    }
}

/// Returns the reference of the task's network namespace in the image; 0 if it is shared with the
/// caller.
pub(crate) fn reference(cap: &Capture, t: &FrozenTask) -> Result<u32> {
    match own(t)? {
        Some(ns) => Ok(cap.objects.reference::<Space>(ns.addr())?.get()),
        None => Ok(0),
    }
}

/// Returns the network namespaces of the tasks; with each, whether a task outside is in it, too: what
/// belongs to none but the namespace may be its own.
pub(crate) fn with_others(cap: &Capture) -> Result<KVVec<(NetNs, bool)>> {
    let mut all = KVVec::new();
    for (uses, space) in cap.objects.uses::<Space>() {
        wait::go_on()?;
        let shared = match cap.whole {
            true => space.ns.has_others(&cap.pid_ns),
            // Tasks outside of a subtree are in its pid namespace. All of its own were counted.
            false => space.ns.tasks() != uses,
        };
        all.push((space.ns.clone(), shared), GFP_KERNEL_ACCOUNT)?;
    }
    let caller = NetNs::of_current();
    if cap.found.ns.in_callers_net {
        all.push((caller, true), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(all)
}

/// Returns whether a filter of `ns` changes an address of the TCP connection between two ends, each with its
/// address, of 4 or 16 bytes, and its port.
pub(crate) fn is_changed(ns: &NetNs, ends: [(&[u8], u16); 2]) -> Result<bool> {
    track::is_changed(ns, ends)
}

/// Returns whether what is in the network namespace `ns`, that of a task, is saved with it.
pub(crate) fn is_saved(cap: &Capture, ns: &NetNs) -> bool {
    !ns.is_of_current() && !(cap.found.ns.net_outside && is_of_root(cap, ns.addr()))
}

/// Returns the reference of the network namespace at `addr`; `None`: it is not in the image.
pub(crate) fn reference_at(cap: &Capture, addr: usize) -> Option<ObjRef> {
    cap.objects.reference::<Space>(addr).ok()
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let Some(ns) = own(t)? else {
        return Ok(());
    };
    let (obj, Some(space)) = cap.objects.save::<Space>(ns.addr())? else {
        return Ok(());
    };
    let mut body = Record {
        obj: obj.get().into(),
        flags: NETNS_OUTSIDE.into(),
        lo_mtu: 0.into(),
        settings: 0.into(),
    };
    if space.outside {
        return cap.meta.put(&body, &[]);
    }
    let contents = space.contents.as_ref().ok_or(ENOENT)?;
    contents.fill(&mut body);
    cap.meta.put(&body, &contents.settings)
}

/// Writes the numbers and the requests of all namespaces. Requests of those that are made together have one
/// order.
fn save_requests(cap: &mut Capture) -> Result {
    let all = spaces(cap)?;
    let mut requests: KVVec<(ObjRef, &Request)> = KVVec::new();
    for space in &all {
        let obj = cap.objects.reference::<Space>(space.addr())?;
        let Some(contents) = space.contents.as_ref() else {
            continue;
        };
        pairs::save(cap, obj, &contents.peers)?;
        tun::save(cap, obj, &contents.tuns)?;
        fallback::save(cap, obj, &contents.fallbacks)?;
        moved::save(cap, obj, &contents.left)?;
        for request in &contents.requests {
            requests.push((obj, request), GFP_KERNEL_ACCOUNT)?;
        }
    }
    requests.sort_unstable_by_key(|(obj, request)| (request.order, obj.get()));
    for (obj, request) in requests {
        wait::go_on()?;
        cap.meta.put(&request.record(obj), request.body())?;
    }
    Ok(())
}

/// A rebuilt network namespace, or the one that takes its place.
struct BuiltSpace {
    ns: NetNs,
    /// The queues of its tun and tap devices.
    tuns: Tuns,
    /// The pairs with an end outside that were made with it.
    ends: Ends,
    /// The devices of the caller's that were moved into it.
    devices: Devices,
}

impl Rebuilt for BuiltSpace {
    fn stays(&self) -> bool {
        !self.ends.is_empty() || !self.devices.is_empty()
    }

    fn overwrite(&self, _: &Restore, _: ObjRef) -> Result {
        self.devices.stay();
        Ok(())
    }

    fn undo(&self, _: &Restore) {
        self.ends.remove();
        self.devices.give_back();
    }
}

/// Returns the network namespace with reference `obj`, which is made when it is first wanted.
///
/// EINVAL: what is in it is not in the image, and the caller has not given another one.
pub(crate) fn rebuilt(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<NetNs> {
    if let Some(ns) = r.with_built(obj, |space: &BuiltSpace| space.ns.clone()) {
        return Ok(ns);
    }
    let (record, _) = r.object_body::<Record>(obj)?;
    if record.flags.get() & NETNS_OUTSIDE != 0 {
        return Err(r.fail(
            EINVAL,
            plan,
            fmt!(
                "what is in its network namespace was left outside: restart it in one that was made \
                 for it (RESTART_CALLER_NET, restart --netns)"
            ),
        ));
    }
    let nets = pairs::joined(r, obj)?;
    if nets.iter().any(|&net| r.is_built(net)) {
        return Err(r.fail(
            EINVAL,
            plan,
            fmt!(
                "its network namespace leads to that of the root, which can't be the caller's then: restart \
                 it without RESTART_CALLER_NET (restart --netns)"
            ),
        ));
    }
    let (all, ends, devices) = contents::make(r, plan, &nets)?;
    let mut ends = Some((ends, devices));
    let mut wanted = None;
    for (&net, (ns, tuns)) in nets.iter().zip(all) {
        if net == obj {
            wanted = Some(ns.clone());
        }
        // One has them all.
        let (ends, devices) = ends.take().unwrap_or((Ends::none(), Devices::none()));
        let space = BuiltSpace {
            ns,
            tuns,
            ends,
            devices,
        };
        r.set_built(net, space)?;
    }
    wanted.ok_or(EINVAL)
}

/// Returns the network namespace with reference `obj`, which a task has wanted.
pub(crate) fn built(r: &Restore, obj: ObjRef) -> Result<NetNs> {
    r.with_built(obj, |space: &BuiltSpace| space.ns.clone())
        .ok_or_else(|| {
            r.told(
                EINVAL,
                fmt!("no task is in a network namespace that a socket is of"),
            )
        })
}

/// Returns the queue `number` of the tun or tap device `device`, which was made with the network namespace
/// with reference `net`; `None`: there is none.
pub(crate) fn tun_queue(r: &Restore, net: ObjRef, device: u32, number: u32) -> Option<TunFile> {
    r.with_built(net, |space: &BuiltSpace| space.tuns.find(device, number))?
}

/// Checks that what the caller says of devices is for some of the image: names of ends outside, and devices
/// that take the place of one. The caller's namespace was given.
///
/// EBADF: something is not.
pub(crate) fn check_names(r: &Restore) -> Result {
    ends::check_names(r)?;
    moved::check_rules(r)
}

/// Puts the caller's network namespace in place of that of the root, which has the plan `plan`.
pub(crate) fn give(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    match ObjRef::new(plan.task.net.get()) {
        Some(obj) => {
            let ns = r.caller_net.clone();
            let tuns = Tuns::none();
            let (ends, devices) = (Ends::none(), Devices::none());
            let space = BuiltSpace {
                ns,
                tuns,
                ends,
                devices,
            };
            r.set_built(obj, space)
        }
        // It is in the caller's in any case.
        None => Ok(()),
    }
}
