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
        objects::Shared,
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
        task::frozen::FrozenTask, //
    }, //
};

/// Signal actions.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "signal actions",
    collect,
    save,
    restore,
    finish,
    ..ThreadOps::NONE
};

/// Signal actions, by their address. There is no reference on them: who counts their users are the
/// threads of a group that calls exec, and a task that is frozen has them until it is killed, which
/// is found at the end.
pub(super) struct Actions(usize);

impl Shared<Found> for Actions {
    fn addr(&self) -> usize {
        self.0
    }
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let actions = Actions(t.sighand_addr()?);
    if !cap.objects.count::<Actions>(actions.0)? {
        return Ok(());
    }
    cap.objects.keep(actions)?;
    if t.sighand_is_shared()? {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("shares signal actions with another process (CLONE_SIGHAND)"),
        );
    }
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
    sighand::block_all();
    let Some(obj) = ObjRef::new(plan.task.sighand.get()) else {
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
        sighand::set_action(signal, &new)
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
        task.altstack.get(),
        task.altstack_len.get(),
        task.altstack_flags.get(),
    )
    .map_err(|e| r.fail(e, plan, fmt!("impossible alternate signal stack")))
}
