// SPDX-License-Identifier: GPL-2.0

//! The frozen tasks of a checkpoint, and what they were when they were seen frozen.

use core::ops::Deref;

use kernel::{
    bindings,
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::kapi::{
    cgroup::group::HeldCgroup,
    fork::park::is_traced,
    task::{
        frozen::{
            FrozenTask,
            State, //
        },
        tree::{
            is_worker,
            Member, //
        }, //
    }, //
};

/// What was seen of a frozen task. If it is not so any more, what was read of it is of no use.
struct Seen {
    /// Of [`HeldCgroup::frozen_since`]; 0 for one that is dead, or is the caller.
    since: usize,
    /// It was stopped by a signal or for its tracer, or waited in vfork(): bits of its state.
    state: u32,
    /// Its thread group was stopped: bits of the flags of its `signal_struct`.
    group: u32,
    /// It was traced before it was seen frozen.
    traced: bool,
}

/// What has happened to a frozen task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was killed.
    Killed,
    /// It was continued (SIGCONT).
    Continued,
    /// It waited in vfork() and does so no more.
    LeftVfork,
    /// It was woken by a signal and is not frozen again yet.
    Woken,
}

/// The frozen tasks of a checkpoint: parents before children, leaders before their threads.
///
/// # Invariants
///
/// The hold is pinned. It is that on the cgroup of each live task, and worker, which was seen frozen and
/// off its CPU since then; there is none if the caller is the only task.
pub(crate) struct FrozenTasks<'h> {
    hold: Option<&'h HeldCgroup>,
    tasks: KVVec<FrozenTask>,
    seen: KVVec<Seen>,
    /// Threads of the kernel that work for io_urings: see [`Self::workers`].
    workers: KVVec<FrozenTask>,
}

impl<'h> FrozenTasks<'h> {
    /// Returns the caller, which is the only task.
    pub(crate) fn caller_only() -> Result<Self> {
        // SAFETY: The current task is valid.
        let task = unsafe { &*Task::current_raw().cast::<Task>() }.into();
        let mut tasks = Self::empty(None, 1)?;
        // SAFETY: It is `current`.
        let task = unsafe { FrozenTask::into_frozen(task, State::Live) }?;
        tasks.push(task, 0, false)?;
        Ok(tasks)
    }

    /// Vouches for all of `members`. `None`: one of them runs still, or was killed after it was found.
    /// May sleep.
    ///
    /// That each of them is in the cgroup of `hold`, which it does not leave then, and that no
    /// debugger outside is attached to one ([`FrozenTask::tracer`]), is to be asked next, before
    /// anything is read.
    pub(crate) fn new(hold: &'h HeldCgroup, members: &[Member]) -> Result<Option<Self>> {
        let mut tasks = Self::empty(Some(hold), members.len())?;
        for m in members {
            let runs = m.state == State::Live && m.task.as_ptr() != Task::current_raw();
            let traced = is_traced(&m.task);
            let since = match hold.frozen_since(&m.task) {
                _ if !runs => 0,
                Some(since) => since,
                None => return Ok(None),
            };
            // SAFETY: It has exited, or is `current`, or was just seen frozen: by the hold, as the
            // caller makes sure next, which is pinned for as long as there are `FrozenTasks` of it.
            let Ok(task) = (unsafe { FrozenTask::into_frozen(m.task.clone(), m.state) }) else {
                return Ok(None);
            };
            if runs && is_worker(&m.task) {
                tasks.workers.push(task, GFP_KERNEL_ACCOUNT)?;
            } else {
                tasks.push(task, since, traced)?;
            }
        }
        // Who was seen before its tracer was may have been let go on by that. If all were frozen at the
        // same moment, there is nobody who could, and none attaches to a task that is held.
        let settled = tasks.iter().zip(&tasks.seen).all(|(t, seen)| {
            !seen.traced || seen.since == 0 || hold.frozen_since(t.task()) == Some(seen.since)
        });
        Ok(settled.then_some(tasks))
    }

    fn empty(hold: Option<&'h HeldCgroup>, len: usize) -> Result<Self> {
        // INVARIANT: There is no task yet. A hold is pinned from the start; that it was unpinned
        // ends with `SetAside`.
        Ok(Self {
            hold,
            tasks: KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?,
            seen: KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?,
            workers: KVVec::new(),
        })
    }

    fn push(&mut self, task: FrozenTask, since: usize, traced: bool) -> Result {
        let (state, group) = task.stops();
        let seen = Seen {
            since,
            state,
            group,
            traced,
        };
        self.tasks.push(task, GFP_KERNEL_ACCOUNT)?;
        Ok(self.seen.push(seen, GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns whether they are all of `members`, with the workers, in that order, and as dead or
    /// alive.
    pub(crate) fn are(&self, members: &[Member]) -> bool {
        let (mut tasks, mut workers) = (self.tasks.iter(), self.workers.iter());
        self.tasks.len() + self.workers.len() == members.len()
            && members.iter().all(|m| {
                let known = match m.state {
                    State::Live if is_worker(&m.task) => workers.next(),
                    _ => tasks.next(),
                };
                known.is_some_and(|t| t.as_ptr() == m.task.as_ptr() && t.state() == m.state)
            })
    }

    /// Returns the threads of the kernel that work for io_urings of the tasks, which are frozen too.
    ///
    /// They are none of the tasks: nothing is saved of them, and requests on which they work are
    /// refused with their io_uring. But they share what the threads of their process do.
    pub(crate) fn workers(&self) -> &[FrozenTask] {
        &self.workers
    }

    /// Fails once the hold is broken: ECANCELED. What is read goes on to be safe.
    pub(crate) fn check_hold(&self) -> Result {
        self.hold.map_or(Ok(()), HeldCgroup::check)
    }

    /// Looks whether anything has happened to the `index`th task since it was seen frozen. If not,
    /// all that was read of it belongs together. May sleep.
    ///
    /// That a signal wakes it is nothing: it finds that it is to be frozen, and is so again. But it
    /// must not be on that way now.
    pub(crate) fn check(&self, index: usize) -> Result<(), Change> {
        let (Some(t), Some(seen), Some(hold)) =
            (self.tasks.get(index), self.seen.get(index), self.hold)
        else {
            return Ok(());
        };
        if !t.is_live() || t.is_current() {
            return Ok(());
        }
        let since = hold.frozen_since(t.task());
        if t.is_dying() {
            return Err(Change::Killed);
        }
        let (state, group) = t.stops();
        if group != seen.group {
            return Err(Change::Continued);
        }
        match since {
            Some(since) if since == seen.since => Ok(()),
            None => Err(Change::Woken),
            Some(_) if (seen.state | state) & bindings::TASK_UNINTERRUPTIBLE != 0 => {
                Err(Change::LeftVfork)
            }
            Some(_) if state != seen.state => Err(Change::Continued),
            // It has stopped for its tracer once more: for SIGCONT, after PTRACE_LISTEN.
            Some(_) if state & bindings::__TASK_TRACED != 0 => Err(Change::Continued),
            Some(_) => Ok(()),
        }
    }

    /// Puts them aside for as long as nothing is read of them: the hold may be broken meanwhile by
    /// who has the right to, at once. ECANCELED: it was.
    pub(crate) fn set_aside(self) -> Result<SetAside<'h>> {
        if let Some(hold) = self.hold {
            hold.unpin()?;
        }
        // INVARIANT: It was pinned, and is not any more.
        Ok(SetAside(self))
    }
}

impl Deref for FrozenTasks<'_> {
    type Target = [FrozenTask];

    fn deref(&self) -> &[FrozenTask] {
        &self.tasks
    }
}

/// Tasks that were frozen, and are as long as nobody breaks the hold.
///
/// # Invariants
///
/// The hold is not pinned, and all else is as of [`FrozenTasks`] unless it was broken.
pub(crate) struct SetAside<'h>(FrozenTasks<'h>);

impl<'h> SetAside<'h> {
    /// Fails once the hold is broken, and they run: ECANCELED.
    pub(crate) fn check(&self) -> Result {
        self.0.check_hold()
    }

    /// Takes them up again. ECANCELED: the hold was broken, and they run.
    pub(crate) fn take_up(self) -> Result<FrozenTasks<'h>> {
        if let Some(hold) = self.0.hold {
            hold.pin()?;
        }
        // INVARIANT: The hold is pinned, and nobody has broken it.
        Ok(self.0)
    }
}

impl FrozenTask {
    /// Returns whether it is on its way to death, or dead. One that is stopped for its tracer as it
    /// exits is not before that lets it go on.
    fn is_dying(&self) -> bool {
        let t = self.as_ptr();
        // SAFETY: We own a reference, which keeps the signal_struct too; the fields are numbers.
        unsafe {
            bindings::fatal_signal_pending(t)
                || (&raw const (*t).flags).read_volatile() & bindings::PF_EXITING != 0
                || ((&raw const (*(*t).signal).flags).read_volatile() & bindings::SIGNAL_GROUP_EXIT
                    != 0
                    && !bindings::checkpoint_is_at_exit(t))
        }
    }

    /// Returns whether it was stopped, by a signal or for its tracer, or waits in vfork(), as bits
    /// of its state, and whether its thread group was stopped, as bits of its flags.
    fn stops(&self) -> (u32, u32) {
        let t = self.as_ptr();
        // SAFETY: We own a reference, which keeps the signal_struct too; the fields are numbers.
        let (state, group) = unsafe {
            (
                (&raw const (*t).__state).read_volatile(),
                (&raw const (*(*t).signal).flags).read_volatile(),
            )
        };
        (
            state
                & (bindings::__TASK_STOPPED
                    | bindings::__TASK_TRACED
                    | bindings::TASK_UNINTERRUPTIBLE),
            group & bindings::SIGNAL_STOP_STOPPED,
        )
    }

    /// Returns the debugger that is attached to it; `None`: there is none.
    pub(crate) fn tracer(&self) -> Option<ARef<Task>> {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; its list of parents is stable under
        // tasklist_lock, and a parent is valid as long as it is one.
        unsafe {
            bindings::tasklist_read_lock();
            let tracer = (*t)
                .ptrace
                .ne(&0)
                .then(|| (&*(*t).parent.cast::<Task>()).into());
            bindings::tasklist_read_unlock();
            tracer
        }
    }
}
