// SPDX-License-Identifier: GPL-2.0

//! What each restored task does, in its own context.

use core::pin::Pin;

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc, //
    },
};

use crate::{
    core::restore::{
        Plan,
        Restore, //
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
                Gate,
                Job,
                NewTask,
                Next, //
            },
            parked::Lost,
            slot::Slot, //
        },
        task::links, //
    },
    kinds,
    restart::plan::{
        Members,
        Numbers, //
    }, //
};

/// A restart in progress: what the coordinator and all tasks share.
#[pin_data]
pub(crate) struct Crew {
    /// The image's metadata and what was rebuilt from it.
    #[pin]
    pub(crate) restore: Restore,
    /// Who makes whom.
    pub(crate) members: Members,
    #[pin]
    gate: Gate,
    slots: KVVec<Pin<KBox<Slot>>>,
    /// For each thread group, at the index of its leader: its threads that have not finished yet.
    unfinished: KVVec<Atomic<u32>>,
    arrived: Atomic<i32>,
    error: Atomic<i32>,
}

impl Crew {
    /// A crew of nobody yet.
    pub(crate) fn new(restore: impl PinInit<Restore>, members: Members) -> Result<Arc<Self>> {
        let mut slots = KVVec::with_capacity(members.len(), GFP_KERNEL_ACCOUNT)?;
        for _ in 0..members.len() {
            slots.push(
                KBox::pin_init(Slot::new(), GFP_KERNEL_ACCOUNT)?,
                GFP_KERNEL_ACCOUNT,
            )?;
        }
        let mut unfinished = KVVec::with_capacity(members.len(), GFP_KERNEL_ACCOUNT)?;
        for (_, member) in members.iter() {
            let threads = member.threads.checked_add(1).ok_or(EINVAL)?;
            unfinished.push(Atomic::new(threads), GFP_KERNEL_ACCOUNT)?;
        }
        let crew = Arc::pin_init(
            pin_init!(Self {
                restore <- restore,
                members,
                gate <- Gate::new(),
                slots,
                unfinished,
                arrived: Atomic::new(0),
                error: Atomic::new(0),
            }),
            GFP_KERNEL_ACCOUNT,
        )?;
        crew.gate.free_turn();
        Ok(crew)
    }

    /// The error that some task met; `Ok` so far.
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

    /// The slots of all tasks.
    pub(crate) fn slots(&self) -> &[Pin<KBox<Slot>>] {
        &self.slots
    }

    /// Waits until all tasks are in their places.
    pub(crate) fn wait_arrived(&self) -> Result {
        while usize::try_from(self.arrived.load(Relaxed))? < self.members.len() {
            self.verdict()?;
            self.gate.wait_news()?;
        }
        self.verdict()
    }

    /// Makes the `index`th task as a child or thread of the current one.
    pub(crate) fn make(
        self: &Arc<Self>,
        index: usize,
        flags: u64,
        exit_signal: Option<i32>,
        cgroup: Option<&CgroupDir>,
    ) -> Result {
        self.verdict()?;
        let meta = self.restore.meta();
        let plan = self.members.plan(meta, index)?;
        let mut numbers = Numbers::new();
        self.members.pids(meta, index, &mut numbers)?;
        let mut flags = flags;
        let pids = numbers.as_mut_slice();
        if pids.first() == Some(&1) && plan.leader {
            flags |= clone_flags::NEWPID;
        }
        // The parent of a dead child has had its signal already.
        let exit_signal = match exit_signal {
            Some(signal) => signal,
            None if plan.task.state.get() == TASK_ZOMBIE => 0,
            None => plan.task.exit_signal.get(),
        };
        let new = NewTask {
            flags,
            exit_signal,
            pids,
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

    /// Restores the state of the current task, which is the one of `plan`.
    fn restore_self(&self, plan: &Plan<'_>) -> Result {
        self.verdict()?;
        kinds::reset(&self.restore, plan)?;
        kinds::begin(&self.restore, plan)?;
        kinds::restore(&self.restore, plan)
    }

    /// Secures the current task, which is the one of `plan`, and with the last thread of a process
    /// what all share. To be called in turn.
    fn secure_self(&self, plan: &Plan<'_>) -> Result {
        let leader = self.members.index_of(plan.task.tgid.get());
        let unfinished = leader.and_then(|leader| self.unfinished.get(leader));
        let last = unfinished.ok_or(EINVAL)?.fetch_sub(1, Relaxed) == 1;
        kinds::secure(&self.restore, plan, last)
    }
}

impl Job for Crew {
    fn run(self: &Arc<Self>, index: usize) -> Result<Next> {
        let plan = self.members.plan(self.restore.meta(), index)?;
        let member = self.members.get(index)?;
        if plan.leader {
            links::leave_terminal();
        }
        // What is its own comes before threads and children, as they begin with copies of it;
        // what takes away rights that making them needs comes after.
        self.gate.with_turn(|| self.restore_self(&plan))?;
        for i in 0..member.threads as usize {
            let thread = index
                .checked_add(1)
                .and_then(|n| n.checked_add(i))
                .ok_or(EINVAL)?;
            self.make(thread, clone_flags::THREAD_ALL, None, None)?;
        }
        self.members
            .for_each_child(index, |child| self.make(child, 0, None, None))?;
        self.gate.with_turn(|| self.secure_self(&plan))?;
        if member.state == TASK_LIVE {
            return Ok(Next::Park);
        }
        Ok(Next::Exit {
            code: plan.task.exit_code.get(),
            borrows: member.state == TASK_ZOMBIE,
        })
    }

    fn slot(&self, index: usize) -> Option<&Slot> {
        self.slots.get(index).map(|s| &**s)
    }

    fn arrived(&self, index: usize, how: Arrival) {
        match how {
            Arrival::Parked => {
                self.arrived.fetch_add(1, Relaxed);
                self.gate.notify();
            }
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
