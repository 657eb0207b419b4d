// SPDX-License-Identifier: GPL-2.0

//! Tasks that use io_urings: where they have registered them for themselves, and how many workers they
//! may have and on which CPUs.
//!
//! A task becomes a user of a ring when it submits something, and may set something of its workers from
//! then on. So all are users again before they run. This is a link: a task may have registered a ring
//! that another one makes.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use super::ask;
use crate::{
    core::restore::Restore,
    files::{
        name,
        open::{
            self,
            Open, //
        }, //
    },
    found::{
        Capture,
        LinkOps,
        ThreadOps, //
    },
    image::{
        files::uring::UringUser,
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring,
            uring_users::{
                User,
                PLACES, //
            }, //
        },
        sched::attr::CpuMask,
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// io_urings that threads have registered for themselves (IORING_REGISTER_RING_FDS).
pub(in crate::files) const KIND: ThreadOps = ThreadOps {
    name: "registered io_urings",
    collect: collect_registered,
    save: save_registered,
    ..ThreadOps::NONE
};

/// Who uses which.
pub(in crate::files) const LINKS: LinkOps = LinkOps {
    name: "users of io_urings",
    save,
    link,
};

/// What is known of a task that uses an io_uring.
#[derive(Default)]
struct Use {
    /// A bit for each place at which it has registered that.
    places: u32,
    /// How many workers it may have; 0: as many as others.
    limits: [u32; 2],
    /// The CPUs that these are bound to; empty: those of the task.
    cpus: KVec<u8>,
}

/// Users of io_urings, by the address of the open file and their number.
pub(in crate::files) struct Users(RBTree<(usize, u32), Use>);

impl Users {
    /// Returns none yet.
    pub(in crate::files) fn new() -> Self {
        Self(RBTree::new())
    }

    /// Returns what is known of the task `tid` as a user of the io_uring at `ring`.
    fn of(&mut self, ring: usize, tid: u32) -> Result<&mut Use> {
        let key = (ring, tid);
        if self.0.get(&key).is_none() {
            let new = Use::default();
            self.0.try_create_and_insert(key, new, GFP_KERNEL_ACCOUNT)?;
        }
        self.0.get_mut(&key).ok_or(ENOENT)
    }
}

/// Notes the users of `ring`, in the tree or not.
pub(super) fn collect(cap: &mut Capture, ring: &FileRef) -> Result {
    for user in ask(|| Uring::users(ring))? {
        wait::go_on()?;
        let tid = user.pid.number_in(&cap.pid_ns);
        let known = cap.found.files.uring_users.of(ring.addr(), tid)?;
        // One that is not limited may have as many as a number can tell.
        known.limits = user
            .limits
            .map(|n| if i32::try_from(n).is_ok() { n } else { 0 });
        known.cpus = user.cpus.map_or(Ok(KVec::new()), |cpus| cpus.to_bytes())?;
    }
    Ok(())
}

fn collect_registered(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let tid = t.tid_in(&cap.pid_ns);
    for place in 0..PLACES {
        if let Some(ring) = t.registered_ring(place) {
            open::collect(cap, t, name::User::Registered, &ring)?;
            cap.found.files.uring_users.of(ring.addr(), tid)?.places |= 1 << place;
        }
    }
    Ok(())
}

/// Writes those that may have no descriptor.
fn save_registered(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    for ring in (0..PLACES).filter_map(|place| t.registered_ring(place)) {
        open::save(cap, ring.addr())?;
    }
    Ok(())
}

fn save(cap: &mut Capture) -> Result {
    let users = core::mem::replace(&mut cap.found.files.uring_users, Users::new());
    for (&(ring, tid), user) in users.0.iter() {
        wait::go_on()?;
        if tid == 0 || !cap.found.task.has(tid) {
            continue;
        }
        let [bounded, unbounded] = user.limits;
        let record = UringUser {
            ring: cap.objects.reference::<Open>(ring)?.get().into(),
            task: tid.into(),
            places: user.places.into(),
            bounded: bounded.into(),
            unbounded: unbounded.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, &user.cpus)?;
    }
    Ok(())
}

/// Makes all tasks users again, which do not run.
fn link(r: &Restore) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::UringUser {
            wait::go_on()?;
            link_user(r, &raw)?;
        }
    }
    Ok(())
}

fn link_user(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: UringUser = raw.body().map_err(|f| r.fault(f))?;
    let ring = ObjRef::new(record.ring.get())
        .and_then(|obj| open::built(r, obj))
        .ok_or_else(|| r.fault(raw.fault("no task has an io_uring that is used")))?;
    let cpus = match raw.payload {
        [] => None,
        bytes => {
            let mut cpus = CpuMask::from_bytes(bytes)?;
            cpus.intersect(&CpuMask::possible()?);
            Some(cpus)
        }
    };
    let task = record.task.get();
    let user = User {
        pid: r.pid(task)?,
        limits: [record.bounded.get(), record.unbounded.get()],
        cpus,
    };
    Uring::add_user(&ring, &user, record.places.get()).map_err(|e| {
        let why = match e {
            EINVAL => "its workers may run on none of the CPUs that they were bound to",
            EACCES => "the caller is restricted to others",
            EBUSY => "it has registered another at the same place",
            ENOMEM => "no memory",
            _ => "the kernel does not take it",
        };
        r.told(
            e,
            fmt!("task {} can't become a user of an io_uring: {}", task, why),
        )
    })
}
