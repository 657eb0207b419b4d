// SPDX-License-Identifier: GPL-2.0

//! Network namespaces.
//!
//! One that is the caller's stays so. Others are made anew, with what is in them (`net/contents.rs`);
//! but what is in that of the root may be left outside by the caller: then its addresses, routes and
//! devices are to be made by who restarts the tasks, and only their sockets are saved.

mod contents;
mod device;
mod dump;
mod message;
mod rebuild;
mod request;
mod tables;

use kernel::prelude::*;

use crate::{
    core::{
        built::Rebuilt,
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
        net::namespace::NetNs,
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    ns::other, //
};
use contents::Contents;

/// The network namespace.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "network namespace",
    collect,
    save,
    ..ThreadOps::NONE
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
    /// What is in it; `None`: that stays outside.
    contents: Option<Contents>,
}

/// The task's own network namespace; `None` if it is that of the caller.
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
        return Ok(());
    };
    if !cap.objects.count::<Space>(addr)? {
        return Ok(());
    }
    let contents = if cap.found.ns.net_outside && of_root {
        None
    } else {
        let Some(contents) = contents::read(cap, t, &ns)? else {
            return Ok(());
        };
        Some(contents)
    };
    let who = t.display(&cap.pid_ns);
    cap.objects.keep(Space { ns, who, contents })
}

/// Who sets up the network of a container is often in its namespace, or keeps it mounted: so that is
/// only reported.
impl Shared<Found> for Space {
    fn addr(&self) -> usize {
        self.ns.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        // It is there at a restart, or another one is.
        if !cap.whole || self.contents.is_none() {
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

/// Reference of the task's network namespace in the image; 0 if it is shared with the caller.
pub(crate) fn reference(cap: &Capture, t: &FrozenTask) -> Result<u32> {
    match own(t)? {
        Some(ns) => Ok(cap.objects.reference::<Space>(ns.addr())?.get()),
        None => Ok(0),
    }
}

/// Returns the network namespace of a whole container, if it is its own, and not the caller's.
pub(crate) fn own_of_container(cap: &Capture) -> Option<NetNs> {
    let addr = cap.found.ns.net.filter(|_| cap.whole)?;
    Some(cap.objects.get::<Space>(addr)?.ns.clone())
}

/// Reference of the network namespace at `addr`; `None`: it is not in the image.
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
    let Some(contents) = &space.contents else {
        return cap.meta.put(&body, &[]);
    };
    contents.fill(&mut body);
    cap.meta.put(&body, &contents.settings)
}

/// Writes the requests of all namespaces.
fn save_requests(cap: &mut Capture) -> Result {
    let mut spaces: KVVec<usize> = KVVec::new();
    for (_, space) in cap.objects.all::<Space>() {
        spaces.push(space.addr(), GFP_KERNEL_ACCOUNT)?;
    }
    for addr in spaces {
        let obj = cap.objects.reference::<Space>(addr)?;
        let space = cap.objects.get::<Space>(addr).ok_or(ENOENT)?;
        for request in space.contents.iter().flat_map(|of| of.requests.iter()) {
            wait::go_on()?;
            cap.meta.put(&request.record(obj), request.body())?;
        }
    }
    Ok(())
}

/// A rebuilt network namespace, or the one that takes its place.
struct BuiltSpace(NetNs);

impl Rebuilt for BuiltSpace {}

/// Returns the network namespace with reference `obj`, which is made when it is first wanted.
///
/// EINVAL: what is in it is not in the image, and the caller has not given another one.
pub(crate) fn rebuilt(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<NetNs> {
    if let Some(ns) = r.with_built(obj, |space: &BuiltSpace| space.0.clone()) {
        return Ok(ns);
    }
    let (record, raw) = r.object_body::<Record>(obj)?;
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
    let ns = contents::make(r, plan, &record, raw.payload)?;
    r.set_built(obj, BuiltSpace(ns.clone()))?;
    Ok(ns)
}

/// Returns the network namespace with reference `obj`, if a task is in it.
pub(crate) fn built(r: &Restore, obj: ObjRef) -> Option<NetNs> {
    r.with_built(obj, |space: &BuiltSpace| space.0.clone())
}

/// Puts the caller's network namespace in place of that of the root, which has the plan `plan`.
pub(crate) fn give(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    match ObjRef::new(plan.task.net.get()) {
        Some(obj) => r.set_built(obj, BuiltSpace(r.caller_net.clone())),
        // It is in the caller's in any case.
        None => Ok(()),
    }
}
