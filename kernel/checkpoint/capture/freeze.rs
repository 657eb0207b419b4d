// SPDX-License-Identifier: GPL-2.0

//! Freezing the tasks of a checkpoint, and making sure that they are all that there is.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::{
    capture::Capture,
    kapi::{
        cgroup::{
            Cgroup,
            HeldCgroup, //
        },
        task::{
            may_access,
            FrozenTask,
            State,
            TaskName, //
        },
        tree::{
            self,
            Member, //
        },
        wait, //
    }, //
};

/// Longest pause between two looks at tasks that are not frozen yet, in milliseconds.
const PAUSE_MAX_MS: u32 = 50;

/// Most tasks that are named when they did not freeze in time.
const NAMED_MAX: usize = 32;

/// The frozen tasks of a checkpoint, and what keeps them so.
pub(crate) struct Frozen {
    /// All tasks, parents before children, leaders before their threads.
    pub(crate) tasks: KVVec<FrozenTask>,
    /// The hold on their cgroup; `None` if the caller is the only task.
    pub(crate) hold: Option<HeldCgroup>,
}

/// Sorted addresses of tasks, to tell quickly whether one is among them.
struct Known(KVVec<usize>);

impl Known {
    fn new(members: &[Member]) -> Result<Self> {
        let mut known = KVVec::with_capacity(members.len(), GFP_KERNEL_ACCOUNT)?;
        for m in members {
            known.push(m.task.as_ptr() as usize, GFP_KERNEL_ACCOUNT)?;
        }
        known.sort_unstable();
        Ok(Self(known))
    }

    fn has(&self, task: &Task) -> bool {
        self.0.binary_search(&(task.as_ptr() as usize)).is_ok()
    }
}

/// Freezes the tree below `root` within `deadline_ms`.
///
/// What may not be checkpointed, or is not part of the tree, is refused in `cap`'s report; then
/// the result is of no use. ETIMEDOUT: some task did not freeze, and is named. EINTR: the caller
/// was killed. May sleep.
pub(crate) fn freeze(
    cap: &mut Capture,
    root: &ARef<Task>,
    cgroup: Option<Cgroup>,
    deadline_ms: u32,
) -> Result<Frozen> {
    let members = tree::collect(root)?;
    if !permitted(cap, &members) {
        return cap.report.verdict().and(Err(EPERM));
    }
    if cap.own && members.len() == 1 {
        return vouch(members, None);
    }
    let cgroup = match cgroup {
        Some(c) => c,
        None => Cgroup::of(root)?,
    };
    if cgroup.is_root() {
        cap.report.line(fmt!(
            "error: the root cgroup can't be frozen: move the tasks into a cgroup of their own \
             [EINVAL]"
        ));
        return Err(EINVAL);
    }
    foreigners(cap, &cgroup, &members)?;
    cap.report.verdict()?;
    let hold = cgroup.hold().inspect_err(|&e| {
        let why = match e {
            EBUSY => "the cgroup is being checkpointed already",
            _ => "the cgroup can't be frozen",
        };
        cap.report.line(fmt!("error: {}", why));
    })?;
    let members = wait_frozen(cap, root, &hold, deadline_ms)?;
    if !permitted(cap, &members) {
        return cap.report.verdict().and(Err(EPERM));
    }
    foreigners(cap, hold.cgroup(), &members)?;
    vouch(members, Some(hold))
}

/// Checks that the caller may look at all tasks; names those that it may not.
fn permitted(cap: &mut Capture, members: &[Member]) -> bool {
    let mut all = true;
    for m in members {
        if m.state == State::Live && !may_access(&m.task) {
            all = false;
            let name = TaskName::of(&m.task, &cap.pid_ns);
            cap.report.refuse(
                EPERM,
                &name,
                fmt!("the caller may not access this task (as ptrace would)"),
            );
        }
    }
    all
}

/// Refuses tasks of the cgroup that are not in the tree, tasks of the tree that are not in the
/// cgroup, and tasks of a container's pid namespace that are not in the tree.
fn foreigners(cap: &mut Capture, cgroup: &Cgroup, members: &[Member]) -> Result {
    let known = Known::new(members)?;
    cgroup.for_each_task(|t| {
        if !known.has(t) {
            let name = TaskName::of(t, &cap.pid_ns);
            cap.report.refuse(
                EBUSY,
                &name,
                fmt!("is in the cgroup but not in the tree of the root task"),
            );
        }
        Ok(())
    })?;
    if cgroup.has_populated_children() {
        cap.report.line(fmt!(
            "refused: the cgroup has child cgroups with tasks in them [EOPNOTSUPP]"
        ));
        return Err(EOPNOTSUPP);
    }
    for m in members {
        if m.state == State::Live && !cgroup.contains(&m.task) {
            let name = TaskName::of(&m.task, &cap.pid_ns);
            cap.report
                .refuse(EBUSY, &name, fmt!("is not in the cgroup that is frozen"));
        }
    }
    if cap.whole {
        let ns = cap.pid_ns.clone();
        tree::for_each_in_ns(&ns, |t| {
            if !known.has(t) {
                let name = TaskName::of(t, &ns);
                cap.report.refuse(
                    EBUSY,
                    &name,
                    fmt!("is in the pid namespace but not in the tree of its init"),
                );
            }
        });
    }
    Ok(())
}

/// Waits until all live tasks of the tree are frozen and inactive; returns them.
fn wait_frozen(
    cap: &mut Capture,
    root: &ARef<Task>,
    hold: &HeldCgroup,
    deadline_ms: u32,
) -> Result<KVVec<Member>> {
    let end = wait::monotonic_ns().saturating_add(u64::from(deadline_ms) * 1_000_000);
    let mut pause = 1;
    loop {
        let members = tree::collect(root)?;
        let running = |m: &&Member| {
            m.state == State::Live
                && m.task.as_ptr() != Task::current_raw()
                && !hold.is_frozen(&m.task)
        };
        if !members.iter().any(|m| running(&m)) {
            return Ok(members);
        }
        if wait::killed() {
            return Err(EINTR);
        }
        if wait::monotonic_ns() >= end {
            for m in members.iter().filter(running).take(NAMED_MAX) {
                let name = TaskName::of(&m.task, &cap.pid_ns);
                cap.report
                    .refuse(ETIMEDOUT, &name, fmt!("did not freeze in time"));
            }
            return Err(ETIMEDOUT);
        }
        wait::pause_ms(pause);
        pause = (pause * 2).min(PAUSE_MAX_MS);
    }
}

/// Turns members that were seen frozen, dead or current into what may be read.
fn vouch(members: KVVec<Member>, hold: Option<HeldCgroup>) -> Result<Frozen> {
    let mut tasks = KVVec::with_capacity(members.len(), GFP_KERNEL_ACCOUNT)?;
    for m in members {
        tasks.push(FrozenTask::vouch(m), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Frozen { tasks, hold })
}
