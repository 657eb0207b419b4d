// SPDX-License-Identifier: GPL-2.0

//! Pid namespaces: that of a whole container, and those nested in it.
//!
//! They are made with their first task, by the restart pipeline.

use kernel::prelude::*;
use zerocopy::byteorder::little_endian::U32;

use crate::{
    core::{
        built::Rebuilt,
        kind::Group,
        objects::Shared,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        Found,
        ProcessOps,
        ThreadOps, //
    },
    image::{
        ns::PidNs as PidNsRecord,
        record,
        task::LEVELS_MAX,
        ObjRef, //
    },
    kapi::{
        pid::namespace::PidNs,
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    }, //
};

/// The pid namespace.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "pid namespace",
    collect,
    save,
    begin,
    ..ThreadOps::NONE
};

/// The first process of the pid namespace of a process.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "init of a pid namespace",
    leaks,
    ..ProcessOps::NONE
};

fn addr(ns: &PidNs) -> usize {
    ns.as_ptr() as usize
}

impl Shared<Found> for PidNs {
    fn addr(&self) -> usize {
        addr(self)
    }
}

/// Returns the namespaces from that of the task to the container's, innermost first: those of them
/// that are in the image. `None`: the task is in none of them.
fn chain(cap: &Capture, t: &FrozenTask) -> Result<Option<KVec<PidNs>>> {
    let mut chain = KVec::new();
    let mut ns = t.pid_ns()?;
    while ns != cap.pid_ns {
        let parent = ns.parent();
        chain.push(ns, GFP_KERNEL_ACCOUNT)?;
        match parent {
            Some(parent) => ns = parent,
            None => return Ok(None),
        }
    }
    // That of a subtree stays outside: the subtree is restarted in the caller's.
    if cap.whole {
        chain.push(ns, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Some(chain))
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(chain) = chain(cap, t)? else {
        cap.refuse(
            EBUSY,
            t,
            fmt!("is in a pid namespace outside of the container"),
        );
        return Ok(());
    };
    if chain.len() > LEVELS_MAX {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("is in too deeply nested pid namespaces"),
        );
    }
    for ns in chain {
        if cap.objects.count::<PidNs>(addr(&ns))? {
            if ns.has_accounting() {
                cap.refuse(
                    EOPNOTSUPP,
                    t,
                    fmt!("is in a pid namespace with process accounting (acct)"),
                );
            }
            cap.objects.keep(ns)?;
        }
    }
    Ok(())
}

/// Lists processes in a pid namespace whose init is not in the tree: it is made with that.
fn leaks(cap: &mut Capture, group: &Group<'_>) -> Result {
    let t = group.last()?;
    let outside = |ns: &PidNs| *ns != cap.pid_ns && !cap.found.task.has(ns.init_in(&cap.pid_ns));
    if chain(cap, t)?.is_some_and(|chain| chain.iter().any(outside)) {
        cap.refuse(
            EBUSY,
            t,
            fmt!(
                "is in a pid namespace whose init is outside of the tree: checkpoint it with that, \
                 or end it"
            ),
        );
    }
    Ok(())
}

/// Returns the reference of the task's pid namespace in the image; 0 if it is outside.
pub(crate) fn reference(cap: &Capture, t: &FrozenTask) -> Result<u32> {
    reference_of(cap, &t.pid_ns()?)
}

/// Returns the reference of a pid namespace in the image; 0 if it is outside.
pub(crate) fn reference_of(cap: &Capture, ns: &PidNs) -> Result<u32> {
    if *ns == cap.pid_ns && !cap.whole {
        return Ok(0);
    }
    Ok(cap.objects.reference::<PidNs>(addr(ns))?.get())
}

/// Writes the task's pid namespace and those around it, the outermost first.
fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let chain = chain(cap, t)?.ok_or(ESRCH)?;
    let mut parent = 0u32;
    for ns in chain.iter().rev() {
        let (obj, first) = cap.objects.save::<PidNs>(addr(ns))?;
        if first.is_some() {
            let body = PidNsRecord {
                obj: obj.get().into(),
                parent: parent.into(),
                last_pid: ns.last_pid().into(),
                pid_max: ns.pid_max().into(),
                memfd_noexec: ns.memfd_noexec().into(),
                reserved: 0.into(),
            };
            cap.meta.put(&body, &[])?;
        }
        parent = obj.get();
    }
    Ok(())
}

/// A pid namespace that was made with its first task.
pub(crate) struct BuiltPidNs {
    /// The namespace.
    pub(crate) ns: PidNs,
    /// Its first task, for messages.
    who: TaskName,
}

impl Rebuilt for BuiltPidNs {
    fn stays(&self) -> bool {
        true
    }

    /// Gives it its settings: all pids of the image are taken. Nothing is granted, as the caller of
    /// restart(2) has made it.
    fn publish(&self, r: &Restore, obj: ObjRef) -> Result {
        let (record, _) = r.object_body::<PidNsRecord>(obj)?;
        self.ns.set_last_pid(record.last_pid.get());
        self.ns
            .set_pid_max(record.pid_max.get())
            .and_then(|()| self.ns.set_memfd_noexec(record.memfd_noexec.get()))
            .map_err(|e| {
                r.fail_of(
                    e,
                    &self.who,
                    fmt!("its pid namespace can't have pid_max or memfd_noexec"),
                )
            })
    }
}

/// Returns the namespace whose pids the image has; the current task, that of `plan`, is
/// in, or in one nested in it.
pub(crate) fn of_image(r: &Restore, plan: &TaskRecords<'_>) -> Result<PidNs> {
    let (raw, _) = record::parse(plan.records, plan.at).map_err(|f| r.fault(f))?;
    let mut ns = PidNs::of_current()?;
    // Its payload has a number for each level.
    for _ in 1..raw.payload.len() / size_of::<U32>() {
        ns = ns.parent().ok_or(EINVAL)?;
    }
    Ok(ns)
}

/// Notes the pid namespace that was made with the current task: no other, which would be one that
/// the caller has no right to change.
fn begin(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.pid_ns.get()).filter(|_| plan.init) else {
        return Ok(());
    };
    let built = BuiltPidNs {
        ns: PidNs::of_current()?,
        who: plan.name(),
    };
    r.set_built(obj, built)
}
