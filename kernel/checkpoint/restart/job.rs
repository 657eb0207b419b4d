// SPDX-License-Identifier: GPL-2.0

//! What each restored task does, in its own context.
//!
//! First all tasks are made. Each is an empty *shell*: it has an address space, or that of who it
//! shares one with, and all else of the caller of restart(2), whose rights it takes to make the
//! others. When all are there they restore themselves, one after the other, in the order of the
//! image: so nobody waits for an object of one that does not exist, and each time the same task
//! makes an object.

use core::pin::Pin;

use kernel::{
    num::casts::u32_as_usize,
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
};

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    image::task::{
        TASK_LIVE,
        TASK_ZOMBIE, //
    },
    kapi::{
        cgroup::group::CgroupDir,
        fork::{
            park::{
                self,
                clone_flags,
                Arrival,
                Barrier,
                NewTask,
                Next,
                RestoreOps, //
            },
            parked::Lost,
            restoring::Restoring,
            slot::Slot, //
        },
        pid::namespace::PidNs,
        time::wait, //
    },
    kinds,
    restart::plan::{
        Numbers,
        Plan, //
    }, //
};

/// A restart in progress: what the coordinator and all tasks share.
#[pin_data]
pub(crate) struct Coordinator {
    /// The image's metadata and what was rebuilt from it.
    #[pin]
    pub(crate) restore: Restore,
    /// Who makes whom.
    pub(crate) members: Plan,
    #[pin]
    gate: Barrier,
    slots: KVVec<Pin<KBox<Slot>>>,
    /// How many have made those that they make.
    shells: Atomic<i32>,
    /// How many are in their places.
    arrived: Atomic<i32>,
    error: Atomic<i32>,
}

impl Coordinator {
    /// Returns a coordinator of nobody yet.
    pub(crate) fn new(restore: impl PinInit<Restore>, members: Plan) -> Result<Arc<Self>> {
        let mut slots = KVVec::with_capacity(members.len(), GFP_KERNEL_ACCOUNT)?;
        for _ in 0..members.len() {
            slots.push(
                KBox::pin_init(Slot::new(), GFP_KERNEL_ACCOUNT)?,
                GFP_KERNEL_ACCOUNT,
            )?;
        }
        Arc::pin_init(
            pin_init!(Self {
                restore <- restore,
                members,
                gate <- Barrier::new(),
                slots,
                shells: Atomic::new(0),
                arrived: Atomic::new(0),
                error: Atomic::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Returns the error that some task met; `Ok` so far.
    pub(crate) fn verdict(&self) -> Result {
        match self.error.load(Relaxed) {
            0 => Ok(()),
            e => Err(Error::from_errno(e)),
        }
    }

    /// Fails the restart: tasks that are still to be made are not. False: it had failed before.
    pub(crate) fn abort(&self, error: Error) -> bool {
        let first = self.error.cmpxchg(0, error.to_errno(), Relaxed).is_ok();
        self.gate.notify();
        first
    }

    /// Reports that the `index`th task was killed by somebody else; the error to return.
    fn was_killed(&self, index: usize, when: &str) -> Error {
        if let Ok(plan) = self.members.plan(self.restore.meta(), index) {
            return self
                .restore
                .fail(ESRCH, &plan, fmt!("was killed while it {}", when));
        }
        ESRCH
    }

    /// Reports that a task could not be held; the error to return.
    pub(crate) fn lost(&self, lost: Lost) -> Error {
        match lost.index {
            Some(index) => self.was_killed(index, "waited for its restart"),
            None => lost.errno,
        }
    }

    /// Returns the slots of all tasks.
    pub(crate) fn slots(&self) -> &[Pin<KBox<Slot>>] {
        &self.slots
    }

    /// Makes all tasks, beginning with the root as a child of the current one. Returns when all exist.
    ///
    /// `flags`, `exit_signal`: of the root, see [`NewTask`].
    pub(crate) fn make_all(
        self: &Arc<Self>,
        flags: u64,
        exit_signal: i32,
        cgroup: Option<&CgroupDir>,
    ) -> Result {
        self.make(0, flags, exit_signal, cgroup)?;
        self.wait_for(&self.shells)
    }

    /// Lets all tasks restore themselves, which exist. Returns when all are in their places.
    pub(crate) fn restore_all(&self) -> Result {
        self.give_turn(0);
        self.wait_for(&self.arrived)
    }

    /// Counts one more task in `count`.
    fn count_one(&self, count: &Atomic<i32>) {
        let others = usize::try_from(count.fetch_add(1, Full)).unwrap_or(0);
        if others.saturating_add(1) == self.members.len() {
            self.gate.notify();
        }
    }

    /// Waits until all tasks have come as far as `count` counts.
    fn wait_for(&self, count: &Atomic<i32>) -> Result {
        while usize::try_from(count.load(Acquire))? < self.members.len() {
            self.verdict()?;
            self.gate.wait()?;
        }
        self.verdict()
    }

    /// Gives the turn to the `index`th task, if there is one.
    fn give_turn(&self, index: usize) {
        if let Some(slot) = self.slots.get(index) {
            slot.give_turn();
        }
    }

    /// Calls the tasks that objects need once more, one after the other: all are parked.
    pub(crate) fn call_tasks(&self) -> Result {
        let calls = self.restore.take_calls();
        if calls.is_empty() {
            return Ok(());
        }
        let mut tasks: KVVec<(usize, usize)> =
            KVVec::with_capacity(self.slots.len(), GFP_KERNEL_ACCOUNT)?;
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(task) = slot.task() {
                tasks.push((task.as_ptr().addr(), index), GFP_KERNEL_ACCOUNT)?;
            }
        }
        tasks.sort_unstable();
        for called in calls.chunk_by(|(a, _), (b, _)| a == b) {
            wait::go_on()?;
            let Some(&(task, _)) = called.first() else {
                continue;
            };
            let at = tasks
                .binary_search_by_key(&task, |&(task, _)| task)
                .map_err(|_| ESRCH)?;
            let &(_, index) = tasks.get(at).ok_or(ESRCH)?;
            let mut objects = KVVec::with_capacity(called.len(), GFP_KERNEL_ACCOUNT)?;
            for &(_, obj) in called {
                objects.push(obj, GFP_KERNEL_ACCOUNT)?;
            }
            self.restore.hand_over(objects);
            let slot = self.slot(index).ok_or(ESRCH)?;
            slot.call().map_err(|e| match e {
                ESRCH => self.was_killed(index, "waited for its restart"),
                e => e,
            })?;
            self.verdict()?;
        }
        Ok(())
    }

    /// Makes the `index`th task as a child or thread of the current one.
    fn make(
        self: &Arc<Self>,
        index: usize,
        flags: u64,
        exit_signal: i32,
        cgroup: Option<&CgroupDir>,
    ) -> Result {
        self.verdict()?;
        let meta = self.restore.meta();
        let plan = self.members.plan(meta, index)?;
        let mut numbers = Numbers::new();
        self.members.pids(meta, index, &mut numbers)?;
        let mut flags = flags;
        let member = self.members.get(index)?;
        if member.init {
            flags |= clone_flags::NEWPID;
        }
        if member.shares_actions {
            flags |= clone_flags::SIGHAND;
        }
        let new = NewTask {
            flags,
            exit_signal,
            pids: numbers.as_mut_slice(),
            cgroup,
        };
        park::spawn(self, index, new).map_err(|e| {
            let why = match e {
                EEXIST => "its pid is in use",
                EPERM => "the caller may not choose pids (CAP_CHECKPOINT_RESTORE)",
                EAGAIN => "too many tasks (RLIMIT_NPROC or pids.max)",
                EINVAL => "its pid is not possible here",
                EACCES => "the caller may not put tasks into the cgroup (write its cgroup.procs)",
                EBUSY => {
                    "the cgroup is being checkpointed, has only child cgroups for tasks \
                     (cgroup.subtree_control), or cgroup_fd became another one"
                }
                ENODEV => "the cgroup was removed",
                EOPNOTSUPP => "the cgroup takes no processes (cgroup.type)",
                ENOSPC => "too many pid namespaces (user.max_pid_namespaces), or too deeply nested",
                ENOMEM => "there is no memory for it, or the init of its pid namespace was killed",
                EINTR => "who makes it was killed or interrupted",
                _ => "the task could not be made: see clone3(2)",
            };
            self.restore.fail(e, &plan, fmt!("{}", why))
        })?;
        Ok(())
    }

    /// Makes the current task, which is the one of `plan`, a shell, and those that it makes.
    fn become_shell(self: &Arc<Self>, index: usize, plan: &TaskRecords<'_>) -> Result {
        let member = self.members.get(index)?;
        if index == 0 {
            // All others are made of it.
            kinds::reset(&self.restore, plan)?;
        }
        kinds::begin(&self.restore, plan)?;
        for n in 1..=u32_as_usize(member.threads) {
            let thread = index.checked_add(n).ok_or(EINVAL)?;
            self.make(thread, clone_flags::THREAD_ALL, 0, None)?;
        }
        self.members
            .for_each_made(index, |other| self.make(other, 0, 0, None))
    }

    /// Restores the state of the current task, which is the one of `plan`. To be called in turn.
    fn restore_self(&self, plan: &TaskRecords<'_>) -> Result {
        self.verdict()?;
        kinds::restore(&self.restore, plan)?;
        // It comes out of this with rights of its own. It needs no others: all tasks exist.
        kinds::secure(&self.restore, plan)
    }
}

impl RestoreOps for Coordinator {
    fn run(self: &Arc<Self>, index: usize, restoring: &Restoring) -> Result<Next> {
        let plan = TaskRecords {
            restoring: Some(restoring),
            ..self.members.plan(self.restore.meta(), index)?
        };
        self.restore.set_pid(plan.task.tid.get())?;
        if index == 0 {
            self.restore.set_pid_ns(PidNs::of_current()?);
        }
        self.become_shell(index, &plan)?;
        self.count_one(&self.shells);
        // One that was made when the restart had failed: nobody may be left who kills it.
        self.verdict()?;
        self.slot(index).ok_or(EINVAL)?.wait_turn()?;
        self.restore_self(&plan)?;
        self.give_turn(index.checked_add(1).ok_or(EINVAL)?);
        let state = self.members.get(index)?.state;
        if state == TASK_LIVE {
            return Ok(Next::Park);
        }
        Ok(Next::Exit {
            code: plan.task.exit_code.get(),
            borrows: state == TASK_ZOMBIE,
        })
    }

    fn slot(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index).map(|s| &**s)
    }

    fn errand(&self, index: usize) {
        let done = self
            .members
            .plan(self.restore.meta(), index)
            .and_then(|plan| self.restore.reach(&plan));
        let Err(e) = done else {
            return;
        };
        if wait::killed() {
            if self.abort(ESRCH) {
                self.was_killed(index, "waited for its restart");
            }
            return;
        }
        self.abort(wait::without_restart(e));
    }

    fn arrived(&self, index: usize, how: Arrival) {
        match how {
            Arrival::Parked => self.count_one(&self.arrived),
            Arrival::Failed(e) => {
                self.abort(e);
            }
            Arrival::Killed => {
                if self.abort(ESRCH) {
                    self.was_killed(index, "was being restored");
                }
            }
        }
    }
}
