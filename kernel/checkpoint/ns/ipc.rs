// SPDX-License-Identifier: GPL-2.0

//! ipc namespaces, with all that is in them.
//!
//! Who is in the caller's stays there: what is in that belongs to all who are in it. Only shared
//! memory that the tasks have attached, and nobody else, is saved with them then.

use kernel::prelude::*;
use zerocopy::byteorder::little_endian::U32;

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
        ThreadOps, //
    },
    image::{
        ipc::{
            IpcNs as Record,
            MsgQueue,
            PosixQueue,
            Segment,
            SemSet, //
        },
        Kind,
        ObjRef, //
    },
    ipc::{
        self,
        msg::Queue, //
    },
    kapi::{
        ipc::namespace::{
            IpcNs,
            Settings, //
        },
        ns::proxy,
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    ns::other,
    task::labels, //
};

/// The ipc namespace.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "ipc namespace",
    collect,
    save,
    ..ThreadOps::NONE
};

/// An ipc namespace.
struct Space {
    ns: IpcNs,
    /// Its first task.
    who: TaskName,
    /// Its segments, by the address of their memory.
    segments: KVVec<usize>,
    /// Its sets of semaphores, by their address.
    sets: KVVec<usize>,
    /// Its message queues.
    queues: KVVec<Queue>,
}

/// Returns the task's own ipc namespace; `None` if it is that of the caller.
fn own(t: &FrozenTask) -> Result<Option<IpcNs>> {
    let ns = t.namespaces()?.ipc;
    Ok((ns != IpcNs::of_current()).then_some(ns))
}

/// Returns whether a namespace is in the image.
pub(crate) fn has(cap: &Capture, ns: &IpcNs) -> bool {
    cap.objects.users::<Space>(ns.addr()) > 0
}

/// Tells, once, what the namespace of the caller has that is not saved with the task `t`, which is
/// in it: whether that uses it, the kernel does not know.
fn tell_left(cap: &mut Capture, t: &FrozenTask) {
    if core::mem::replace(&mut cap.found.ipc.left_told, true) {
        return;
    }
    let [sets, queues, _] = IpcNs::of_current().settings().in_use;
    if sets == 0 && queues == 0 {
        return;
    }
    let who = t.display(&cap.pid_ns);
    cap.report.note(
        &who,
        fmt!(
            "is in the caller's ipc namespace: its {} sets of semaphores and {} message queues (ipcs) \
             are not saved, and must be there where it is restarted if it uses them; in an ipc \
             namespace of its own (unshare --ipc) they would be saved",
            sets,
            queues
        ),
    );
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let Some(ns) = own(t)? else {
        tell_left(cap, t);
        return Ok(());
    };
    if !cap.objects.count::<Space>(ns.addr())? {
        // Which of its tasks makes it again is not known.
        if !ns.is_all_labelled_by(t) {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "its ipc namespace has System V objects, and other tasks in it have another \
                     security label: give it an ipc namespace of its own (unshare --ipc)"
                ),
            );
        }
        return Ok(());
    }
    let segments = ipc::shm::collect(cap, t, &ns)?;
    let sets = ipc::sem::collect(cap, t, &ns)?;
    let queues = ipc::msg::collect(cap, t, &ns)?;
    ipc::mqueue::collect(cap, t, &ns)?;
    let empty = segments.is_empty() && sets.is_empty() && queues.is_empty();
    if !empty && !ns.may_read_all() {
        cap.refuse(
            EPERM,
            t,
            fmt!(
                "its ipc namespace has System V objects, all of which are saved, and the caller \
                 may not read those of others (CAP_IPC_OWNER)"
            ),
        );
        return Ok(());
    }
    let who = t.display(&cap.pid_ns);
    cap.objects.keep(Space {
        ns,
        who,
        segments,
        sets,
        queues,
    })
}

/// What starts a container is often in its ipc namespace, and waits: so that is only reported. What
/// it has of the objects in there is known by their own counts.
impl Shared<Found> for Space {
    fn addr(&self) -> usize {
        self.ns.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        let addr = self.ns.addr();
        // Each segment and each file of an attach has one.
        let attaches = cap.found.ipc.attaches.get(&addr).copied().unwrap_or(0);
        let known = attaches + self.segments.len() as u64;
        other::shared(cap, addr, self.ns.count(), known, |proxy| {
            proxy.ipc_addr() == addr
        })
    }

    fn tell(&self, cap: &mut Capture, _: u64, outside: Outside) -> Result {
        other::tell(cap, &self.who, "ipc namespace", outside)
    }
}

/// Returns the reference of the task's ipc namespace in the image; 0 if it is shared with the
/// caller.
pub(crate) fn reference(cap: &Capture, t: &FrozenTask) -> Result<u32> {
    match own(t)? {
        Some(ns) => Ok(cap.objects.reference::<Space>(ns.addr())?.get()),
        None => Ok(0),
    }
}

/// Returns the reference of the ipc namespace at `addr`; `None`: it is not in the image.
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
    let s = space.ns.settings();
    let posix_queues = cap.found.ipc.queues.take_of(ns.addr());
    let inside = space.segments.len() + space.sets.len() + space.queues.len() + posix_queues.len();
    let body = Record {
        obj: obj.get().into(),
        inside: u32::try_from(inside)?.into(),
        shm_max: s.shm_max.into(),
        shm_all: s.shm_all.into(),
        shm_mni: s.shm_mni.into(),
        shm_rmid_forced: s.shm_rmid_forced.into(),
        sem: s.sem.map(Into::into),
        msg_max: s.msg_max.into(),
        msg_mnb: s.msg_mnb.into(),
        msg_mni: s.msg_mni.into(),
        mq: s.mq.map(Into::into),
        shift: s.shift.into(),
        seq: s.seq.map(Into::into),
        last_idx: s.last_idx.map(Into::into),
        cursor: s.cursor.map(Into::into),
        next_id: s.next_id.map(Into::into),
        reserved: 0.into(),
    };
    cap.meta.put(&body, &[])?;
    for &addr in &space.segments {
        wait::go_on()?;
        ipc::shm::save(cap, addr, obj.get())?;
    }
    for &addr in &space.sets {
        wait::go_on()?;
        ipc::sem::save(cap, addr, obj.get())?;
    }
    for queue in &space.queues {
        ipc::msg::save(cap, queue, &space.ns, obj.get())?;
    }
    for &addr in &posix_queues {
        ipc::mqueue::save(cap, addr, obj.get())?;
    }
    Ok(())
}

/// A rebuilt ipc namespace.
struct BuiltSpace {
    ns: IpcNs,
    /// It is the caller's, in place of that of the image.
    given: bool,
    /// The task that has made it, for messages.
    who: TaskName,
}

impl Rebuilt for BuiltSpace {
    fn stays(&self) -> bool {
        true
    }

    /// Sets its limits, which nothing needed until now.
    fn publish(&self, r: &Restore, obj: ObjRef) -> Result {
        if self.given {
            return Ok(());
        }
        let (s, _) = r.object_body::<Record>(obj)?;
        let settings = Settings {
            shm_max: s.shm_max.get(),
            shm_all: s.shm_all.get(),
            shm_mni: s.shm_mni.get(),
            shm_rmid_forced: s.shm_rmid_forced.get(),
            sem: s.sem.map(|n| n.get()),
            msg_max: s.msg_max.get(),
            msg_mnb: s.msg_mnb.get(),
            msg_mni: s.msg_mni.get(),
            mq: s.mq.map(|n| n.get()),
            shift: s.shift.get(),
            seq: s.seq.map(|n| n.get()),
            last_idx: s.last_idx.map(|n| n.get()),
            cursor: s.cursor.map(|n| n.get()),
            next_id: s.next_id.map(|n| n.get()),
            ..Settings::default()
        };
        self.ns.set(&settings).map_err(|e| {
            let why = match e {
                EPERM => {
                    "its ipc namespace has settings of its own, which only root of its user \
                     namespace may write to /proc/sys"
                }
                _ => "its ipc namespace has settings that this kernel does not take",
            };
            r.fail_of(e, &self.who, fmt!("{}", why))
        })
    }
}

/// Returns the ipc namespace with reference `obj`, which is made at first use with all in it.
pub(crate) fn rebuilt(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<IpcNs> {
    if let Some(ns) = r.with_built(obj, |space: &BuiltSpace| space.ns.clone()) {
        return Ok(ns);
    }
    let (record, _) = r.object_body::<Record>(obj)?;
    let ns = proxy::new_ipc().map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("can't make its ipc namespace (CAP_SYS_ADMIN is needed)"),
        )
    })?;
    ns.open();
    let built = BuiltSpace {
        ns: ns.clone(),
        given: false,
        who: plan.name(),
    };
    r.set_built(obj, built)?;
    // What is in it had the label of its tasks, or was refused.
    let maker = match record.inside.get() {
        0 => None,
        _ => labels::maker(r, plan)?,
    };
    let maker = maker.as_ref();
    let mut left = record.inside.get();
    for raw in r.records_after(obj)? {
        if left == 0 {
            break;
        }
        wait::go_on()?;
        let raw = raw.map_err(|f| r.fault(f))?;
        let object = |obj: U32| ObjRef::new(obj.get()).ok_or(EINVAL);
        match raw.kind {
            Kind::Segment => {
                let segment: Segment = raw.body().map_err(|f| r.fault(f))?;
                ipc::shm::make(r, plan, &ns, object(segment.obj)?, maker)?;
            }
            Kind::SemSet => {
                let set: SemSet = raw.body().map_err(|f| r.fault(f))?;
                ipc::sem::make(r, plan, &ns, object(set.obj)?, maker)?;
            }
            Kind::MsgQueue => {
                let queue: MsgQueue = raw.body().map_err(|f| r.fault(f))?;
                ipc::msg::make(r, plan, &ns, object(queue.obj)?, maker)?;
            }
            Kind::PosixQueue => {
                let queue: PosixQueue = raw.body().map_err(|f| r.fault(f))?;
                ipc::mqueue::make(r, plan, &ns, object(queue.obj)?, maker)?;
            }
            // What belongs to one of them.
            _ => continue,
        }
        left -= 1;
    }
    Ok(ns)
}

/// Puts the caller's ipc namespace in place of that of the root task, whose plan is `plan`: its
/// limits stay as they are.
///
/// EBUSY: something is in that of the image.
pub(crate) fn give(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.ipc.get()) else {
        // It is in the caller's in any case.
        return Ok(());
    };
    let (record, _) = r.object_body::<Record>(obj)?;
    if record.inside.get() != 0 {
        return Err(r.fail(
            EBUSY,
            plan,
            fmt!(
                "its ipc namespace has {} shared memory segments, semaphore sets and message queues, \
                 which can't get into another one: restart it in its own",
                record.inside.get()
            ),
        ));
    }
    let built = BuiltSpace {
        ns: r.ipc_ns.clone(),
        given: true,
        who: plan.name(),
    };
    r.set_built(obj, built)
}
