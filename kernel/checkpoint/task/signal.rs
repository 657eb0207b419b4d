// SPDX-License-Identifier: GPL-2.0

//! Signals: actions, masks, the alternate stack.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task, //
};
use zerocopy::IntoBytes;

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
        record::ObjRef,
        task::*, //
    },
    kapi::{
        signal::sighand::{
            self,
            RawAction,
            ACTION_FLAGS, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    }, //
};

/// Signal actions.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "signal actions",
    collect,
    count,
    save,
    restore,
    finish,
    ..ThreadOps::NONE
};

/// Signal actions, by their address. There is no reference on them: who counts their users are the
/// threads of a group that calls exec, and a task that is frozen has them until it is killed, which
/// is found at the end.
pub(super) struct Actions {
    addr: usize,
    /// The first task that has them.
    task: ARef<task::Task>,
    /// The same, for messages.
    who: TaskName,
}

impl Shared<Found> for Actions {
    fn addr(&self) -> usize {
        self.addr
    }

    /// Looks for users besides the tasks of the tree, those that have exited included.
    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        let users = sighand::users(&self.task, self.addr);
        let inside = cap.found.task.sighands.get(&self.addr).copied();
        if users > inside.unwrap_or(0) {
            Outside::Refused
        } else {
            Outside::Nothing
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "signal actions: a task outside shares them (CLONE_SIGHAND): checkpoint both \
                 together"
            ),
        );
        Ok(())
    }
}

/// Counts the task as one that has its signal actions.
fn count_user(cap: &mut Capture, addr: usize) -> Result {
    let all = &mut cap.found.task.sighands;
    if let Some(users) = all.get_mut(&addr) {
        *users += 1;
        return Ok(());
    }
    all.try_create_and_insert(addr, 1, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        // It has them until it is waited for.
        if let Ok(addr) = t.sighand_addr() {
            count_user(cap, addr)?;
        }
        return Ok(());
    }
    let addr = t.sighand_addr()?;
    count_user(cap, addr)?;
    if !cap.objects.count::<Actions>(addr)? {
        return Ok(());
    }
    cap.objects.keep(Actions {
        addr,
        task: t.task().clone(),
        who: t.display(&cap.pid_ns),
    })?;
    for (n, action) in t.actions()?.iter().enumerate() {
        if action.flags & !ACTION_FLAGS != 0 {
            let signal = n + 1;
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("action for signal {signal} has flags {:#x} that no program of this architecture sets", action.flags),
            );
        }
    }
    Ok(())
}

fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    count_user(cap, worker.sighand_addr()?)
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let (obj, Some(_)) = cap.objects.save::<Actions>(t.sighand_addr()?)? else {
        return Ok(());
    };
    let mut actions = KVec::with_capacity(NSIG, GFP_KERNEL_ACCOUNT)?;
    for action in &t.actions()? {
        actions.push(
            Action {
                handler: action.handler.into(),
                flags: action.flags.into(),
                restorer: action.restorer.into(),
                mask: (action.mask & !UNBLOCKABLE).into(),
            },
            GFP_KERNEL_ACCOUNT,
        )?;
    }
    let body = Sighand {
        obj: obj.get().into(),
        reserved: 0.into(),
    };
    cap.meta.put(&body, actions.as_bytes())
}

/// SIGKILL and SIGSTOP, which are in no mask.
const UNBLOCKABLE: u64 = 1 << (9 - 1) | 1 << (19 - 1);

/// Returns the reference of the signal actions at `addr`, if they are those of one of the tasks.
pub(crate) fn signals_at(cap: &Capture, addr: usize) -> Option<ObjRef> {
    cap.objects.get::<Actions>(addr)?;
    cap.objects.reference::<Actions>(addr).ok()
}

/// Returns a task that has the rebuilt signal actions with reference `obj`, if there is one.
pub(crate) fn with_signals(r: &Restore, obj: ObjRef) -> Option<ARef<task::Task>> {
    r.with_built(obj, |actions: &BuiltSighand| actions.0.clone())
}

/// Signal actions that have been rebuilt: their first thread holds them.
struct BuiltSighand(ARef<task::Task>);

impl Rebuilt for BuiltSighand {}

fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let restoring = plan.restoring()?;
    sighand::block(restoring);
    // One that was dead has those of nobody, whatever the image says: they would be gone with it.
    let obj = ObjRef::new(plan.task.sighand.get()).filter(|_| plan.task.state.get() == TASK_LIVE);
    let Some(obj) = obj else {
        return Ok(());
    };
    if r.is_built(obj) {
        return Ok(());
    }
    let (_, raw) = r.object_body::<Sighand>(obj)?;
    let actions: &[Action] = raw.array(NSIG).map_err(|f| r.fault(f))?;
    for (signal, action) in (1u32..).zip(actions) {
        if matches!(signal, 9 | 19) {
            continue;
        }
        let new = RawAction {
            handler: action.handler.get(),
            flags: action.flags.get(),
            restorer: action.restorer.get(),
            mask: action.mask.get(),
        };
        sighand::set_action(restoring, signal, &new)
            .map_err(|e| r.fail(e, plan, fmt!("action for signal {signal} can't be set")))?;
    }
    r.set_built(obj, BuiltSighand((&**current!()).into()))
}

/// Fills in the fields of the task record.
pub(super) fn fill(task: &mut Task, flags: &mut u64, t: &FrozenTask) -> Result {
    let masks = t.masks()?;
    task.blocked = masks.blocked.into();
    if let Some(saved) = masks.saved {
        *flags |= TASK_RESTORE_SIGMASK;
        task.saved_mask = saved.into();
    }
    task.altstack = masks.stack.into();
    task.altstack_len = masks.stack_len.into();
    task.altstack_flags = masks.stack_flags.into();
    task.stop_signal = t.stop_signal().into();
    Ok(())
}

/// Sets the alternate stack of the current task.
fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let task = &plan.task;
    if task.state.get() != TASK_LIVE {
        return Ok(());
    }
    sighand::set_stack(
        plan.restoring()?,
        task.altstack.get(),
        task.altstack_len.get(),
        task.altstack_flags.get(),
    )
    .map_err(|e| r.fail(e, plan, fmt!("impossible alternate signal stack")))
}
