// SPDX-License-Identifier: GPL-2.0

//! Lists of semaphore adjustments (SEM_UNDO): who shares them.
//!
//! Threads share one, as CLONE_SYSVSEM says; the adjustments are made when the last with it exits.
//! What is in a list is saved with the semaphores.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

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
        ipc::UndoList as Record,
        task::{
            TASK_LIVE,
            UNDO_NONE, //
        },
        ObjRef, //
    },
    kapi::{
        ipc::sem::{
            self,
            UndoList, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    ns, //
};

/// The list of adjustments.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "semaphore adjustments",
    collect,
    save,
    restore,
    ..ThreadOps::NONE
};

/// A list.
pub(super) struct List {
    addr: usize,
    /// Its first task.
    task: ARef<Task>,
    /// The same, for messages.
    who: TaskName,
    /// There are adjustments in it.
    used: bool,
}

/// Its adjustments are made when the last of all that have it exits.
impl Shared<Found> for List {
    fn addr(&self) -> usize {
        self.addr
    }

    fn outside(&self, cap: &Capture, users: u64) -> Outside {
        let (addr, known) = sem::undo_list_of(&self.task);
        if addr != self.addr || known <= users {
            Outside::Nothing
        } else if self.used || cap.strict {
            Outside::Refused
        } else {
            Outside::Noted
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, outside: Outside) -> Result {
        let what = "list of semaphore adjustments: a task outside shares it (CLONE_SYSVSEM)";
        if outside == Outside::Refused {
            let advice = "checkpoint both together";
            cap.report
                .refuse(EBUSY, &self.who, fmt!("{}: {}", what, advice));
        } else {
            cap.report.note(
                &self.who,
                fmt!("{}; after a restart it has one of its own", what),
            );
        }
        Ok(())
    }
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let (addr, _) = sem::undo_list_of(t.task());
    if addr == 0 || !cap.objects.count::<List>(addr)? {
        return Ok(());
    }
    let used = t.has_undo();
    if used && !ns::ipc::has(cap, &t.namespaces()?.ipc) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "has adjustments (SEM_UNDO) of System V semaphores in the caller's ipc namespace: \
                 have it give the semaphores back, or start it in an ipc namespace of its own \
                 (unshare --ipc)"
            ),
        );
    }
    cap.objects.keep(List {
        addr,
        task: t.task().clone(),
        who: t.display(&cap.pid_ns),
        used,
    })
}

/// Returns the reference of the task's list in the image; [`UNDO_NONE`]: it has none.
pub(crate) fn reference(cap: &Capture, t: &FrozenTask) -> Result<u32> {
    match sem::undo_list_of(t.task()) {
        (0, _) => Ok(UNDO_NONE),
        (addr, _) => Ok(cap.objects.reference::<List>(addr)?.get()),
    }
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let (addr, _) = sem::undo_list_of(t.task());
    if addr == 0 || !t.is_live() {
        return Ok(());
    }
    let (obj, Some(_)) = cap.objects.save::<List>(addr)? else {
        return Ok(());
    };
    let record = Record {
        obj: obj.get().into(),
        ns: ns::ipc::reference(cap, t)?.into(),
        tid: t.tid_in(&cap.pid_ns).into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &[])
}

/// A rebuilt list.
struct BuiltList(UndoList);

impl Rebuilt for BuiltList {}

/// Gives the current task its list: that which it has was handed on by who has made it, and is empty.
/// Where the image knows nothing of lists that is the one that threads share.
fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let undo = plan.task.undo.get();
    let Some(obj) = ObjRef::new(undo).filter(|_| plan.task.state.get() == TASK_LIVE) else {
        return Ok(());
    };
    if undo == UNDO_NONE {
        UndoList::leave(plan.restoring()?);
        return Ok(());
    }
    let restoring = plan.restoring()?;
    if r.with_built(obj, |list: &BuiltList| list.0.join(restoring))
        .is_some()
    {
        return Ok(());
    }
    let list = UndoList::new(restoring)
        .map_err(|e| r.fail(e, plan, fmt!("can't have a list of semaphore adjustments")))?;
    r.set_built(obj, BuiltList(list))
}
