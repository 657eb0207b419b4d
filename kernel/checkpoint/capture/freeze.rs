// SPDX-License-Identifier: GPL-2.0

//! Freezing the tasks of a checkpoint, and making sure that they are all that there is.

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::{
    core::report::Errno,
    found::Capture,
    kapi::{
        cgroup::{
            frozen::{
                Change,
                FrozenTasks, //
            },
            group::{
                Cgroup,
                HeldCgroup, //
            }, //
        },
        security::hooks::may_save,
        task::{
            frozen::{
                may_access,
                State,
                TaskName, //
            },
            root::Root,
            tree::{
                self,
                Member, //
            }, //
        },
        time::wait, //
    }, //
};

/// Most tasks that are named when they did not freeze in time.
const NAMED_MAX: usize = 32;

/// Longest time to wait for a task that a signal has woken to be frozen again, in milliseconds.
const AGAIN_MS: u64 = 10_000;

/// Sorted addresses of tasks, to tell quickly whether one is among them.
struct Known(KVVec<usize>);

impl Known {
    fn new(members: &[Member]) -> Result<Self> {
        let mut known = KVVec::with_capacity(members.len(), GFP_KERNEL_ACCOUNT)?;
        for m in members {
            known.push(m.task.as_ptr().addr(), GFP_KERNEL_ACCOUNT)?;
        }
        known.sort_unstable();
        Ok(Self(known))
    }

    fn has(&self, task: &Task) -> bool {
        self.0.binary_search(&task.as_ptr().addr()).is_ok()
    }
}

/// Begins to hold the cgroup of the tree below `root`, or the one that the caller names; `None` if
/// the caller is the only task of the tree: then nothing needs to be frozen.
///
/// What may not be checkpointed, or is not part of the tree, is refused in `cap`'s report, and the
/// cgroup is not held, or not any more. May sleep.
///
/// ESRCH: the root has exited. EINVAL: the cgroup is the root cgroup. EPERM, EACCES: the caller may
/// not access a task, or not freeze the cgroup. EBUSY: something else is in the cgroup, or it is
/// held already.
pub(crate) fn hold(
    cap: &mut Capture,
    root: &Root,
    cgroup: Option<Cgroup>,
) -> Result<Option<HeldCgroup>> {
    let members = tree::collect(root)?;
    permitted(cap, members.iter().map(|m| &m.task))?;
    // A leader that has exited stays in its cgroup when the others are moved.
    let Some(living) = members.first().and_then(|leader| {
        members
            .iter()
            .find(|m| m.state == State::Live && tree::same_group(&m.task, &leader.task))
    }) else {
        cap.report
            .line(fmt!("error: the root task has exited [ESRCH]"));
        return Err(ESRCH);
    };
    if cap.own && members.len() == 1 {
        let visiting = visitors(cap, &Known::new(&members)?)?;
        for t in visiting.iter().filter(|t| tree::is_there(t)) {
            let name = TaskName::of(t, &cap.pid_ns);
            cap.report.refuse(EBUSY, &name, fmt!("{}", VISITS));
        }
        cap.report.verdict()?;
        return Ok(None);
    }
    let cgroup = match cgroup {
        Some(c) => c,
        None => Cgroup::of(&living.task)?,
    };
    if cgroup.is_root() {
        cap.report.line(fmt!(
            "error: the root cgroup can't be frozen: move the tasks into a cgroup of their own \
             [EINVAL]"
        ));
        return Err(EINVAL);
    }
    check_membership(cap, &cgroup, root)?;
    cap.report.verdict()?;
    let hold = cgroup.hold().inspect_err(|&e| {
        let what = match e {
            EBUSY => "the cgroup, or one around or in it, is being checkpointed already",
            EPERM | EACCES => {
                "the caller may not freeze the cgroup: it must be able to write its cgroup.freeze"
            }
            ENODEV => "the cgroup was removed",
            ENOMEM => "there is no memory to freeze the cgroup",
            _ => "the cgroup can't be frozen",
        };
        cap.report.line(fmt!("error: {} [{}]", what, Errno(e)));
    })?;
    // Who came in while that was possible is not kept frozen.
    check_membership(cap, hold.cgroup(), root)?;
    cap.report.verdict()?;
    Ok(Some(hold))
}

/// Waits until all tasks of the tree below `root` are frozen, at most `timeout_ms`.
///
/// What may not be checkpointed, or is not part of the tree, is refused in `cap`'s report.
/// ETIMEDOUT: some task did not freeze, and is named. EINTR: the caller was killed. ECANCELED: the
/// hold was broken. EOPNOTSUPP: a task is traced from outside. EBUSY: a task is not in the cgroup,
/// or not in the tree. May sleep.
pub(crate) fn freeze<'h>(
    cap: &mut Capture,
    root: &Root,
    hold: Option<&'h HeldCgroup>,
    timeout_ms: u32,
) -> Result<FrozenTasks<'h>> {
    let Some(hold) = hold else {
        return FrozenTasks::caller_only();
    };
    let (tasks, members) = wait_frozen(cap, root, hold, timeout_ms)?;
    permitted(cap, members.iter().map(|m| &m.task))?;
    // What is not in the cgroup may be frozen too, but not by us: nothing of it is read, and nothing
    // of it is killed.
    check_membership(cap, hold.cgroup(), root)?;
    cap.report.verdict()?;
    let known = Known::new(&members)?;
    let mut traced = false;
    for t in tasks.iter().filter(|t| t.is_live()) {
        // Frozen tasks do nothing to those that they trace.
        if t.tracer().is_some_and(|tracer| !known.has(&tracer)) {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("is traced (ptrace) from outside of the tree"),
            );
            traced = true;
        }
    }
    if traced {
        cap.report.verdict()?;
    }
    Ok(tasks)
}

/// Checks that the caller may look at all tasks; names those that it may not.
///
/// EPERM: there are some. Another error: a security module denies it.
fn permitted<'a>(cap: &mut Capture, tasks: impl Iterator<Item = &'a ARef<Task>>) -> Result {
    let mut verdict = Ok(());
    for task in tasks {
        let (errno, what) = if !may_access(task) {
            (
                EPERM,
                "the caller may not access this task (as ptrace would)",
            )
        } else if let Err(e) = may_save(task) {
            (e, "a security module does not let the caller save it")
        } else {
            continue;
        };
        verdict = verdict.and(Err(errno));
        let name = TaskName::of(task, &cap.pid_ns);
        cap.report.refuse(errno, &name, fmt!("{}", what));
    }
    verdict
}

/// Why a container that has visitors is refused.
const VISITS: &str = "is in the pid namespace but not in the tree of its init";

/// Returns the tasks that are in a container's pid namespace and not in its tree, `known`.
fn visitors(cap: &Capture, known: &Known) -> Result<KVVec<ARef<Task>>> {
    let mut visiting = KVVec::new();
    if cap.whole {
        let mut pushed = Ok(());
        tree::for_each_in_ns(&cap.pid_ns, |t| {
            if !known.has(t) && pushed.is_ok() {
                pushed = visiting.push(t.clone(), GFP_KERNEL_ACCOUNT);
            }
        });
        pushed?;
    }
    Ok(visiting)
}

/// Refuses tasks of the cgroup that are not in the tree, tasks of the tree that are not in the
/// cgroup, and tasks of a container's pid namespace that are not in the tree.
///
/// The tasks may run: one that was just made is in the tree when that is looked at again.
fn check_membership(cap: &mut Capture, cgroup: &Cgroup, root: &Root) -> Result {
    if cgroup.has_populated_children() {
        cap.report.line(fmt!(
            "refused: the cgroup has child cgroups with tasks in them [EOPNOTSUPP]"
        ));
        return Err(EOPNOTSUPP);
    }
    let members = tree::collect(root)?;
    let known = Known::new(&members)?;
    let mut strange: KVVec<ARef<Task>> = KVVec::new();
    cgroup.for_each_task(|t| {
        if !known.has(t) {
            strange.push(t.into(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    let visiting = visitors(cap, &known)?;
    if !strange.is_empty() || !visiting.is_empty() {
        let known = Known::new(&tree::collect(root)?)?;
        for (tasks, what) in [
            (
                strange,
                "is in the cgroup but not in the tree of the root task",
            ),
            (visiting, VISITS),
        ] {
            for t in tasks.iter().filter(|t| !known.has(t) && tree::is_there(t)) {
                let name = TaskName::of(t, &cap.pid_ns);
                cap.report.refuse(EBUSY, &name, fmt!("{}", what));
            }
        }
    }
    for m in members {
        let outside = m.state == State::Live && !tree::is_new(&m.task) && !cgroup.contains(&m.task);
        if outside && tree::is_there(&m.task) {
            let name = TaskName::of(&m.task, &cap.pid_ns);
            cap.report
                .refuse(EBUSY, &name, fmt!("is not in the cgroup that is frozen"));
        }
    }
    Ok(())
}

/// Waits until all live tasks of the tree are frozen and inactive; returns them.
fn wait_frozen<'h>(
    cap: &mut Capture,
    root: &Root,
    hold: &'h HeldCgroup,
    timeout_ms: u32,
) -> Result<(FrozenTasks<'h>, KVVec<Member>)> {
    let end = wait::monotonic_ns().saturating_add(u64::from(timeout_ms) * 1_000_000);
    let mut pauses = wait::Pauses::new();
    loop {
        let members = tree::collect(root)?;
        if let Some(tasks) = FrozenTasks::new(hold, &members)? {
            // A task may have made another one after it was found and before it froze.
            if tasks.are(&tree::collect(root)?) {
                return Ok((tasks, members));
            }
        }
        wait::check_killed()?;
        hold.check()?;
        if wait::monotonic_ns() >= end {
            let running = |m: &&Member| {
                m.state == State::Live
                    && m.task.as_ptr() != Task::current_raw()
                    && hold.frozen_since(&m.task).is_none()
            };
            let mut named = false;
            for m in members.iter().filter(running).take(NAMED_MAX) {
                let name = TaskName::of(&m.task, &cap.pid_ns);
                cap.report
                    .refuse(ETIMEDOUT, &name, fmt!("did not freeze in time"));
                named = true;
            }
            if !named {
                cap.report.line(fmt!(
                    "error: the tasks were not all frozen at the same moment, as they make others or \
                     let others go on that they trace; try again [ETIMEDOUT]"
                ));
            }
            return Err(ETIMEDOUT);
        }
        pauses.pause();
    }
}

/// Makes sure that nothing has happened to the tasks since they were seen frozen, so that what was
/// read of them belongs together, and that the caller still may look at them. Names each to which
/// something has.
///
/// ESRCH: a task was killed. EAGAIN: one was continued. EPERM: one may not be accessed any more.
/// EINTR: the caller was killed. ECANCELED: the hold was broken. May sleep.
pub(crate) fn unchanged(cap: &mut Capture, tasks: &FrozenTasks<'_>) -> Result {
    permitted(cap, tasks.iter().map(|t| t.task()))?;
    let mut verdict = Ok(());
    for index in 0..tasks.len() {
        verdict = verdict.and(unchanged_one(cap, tasks, index));
    }
    verdict?;
    tasks.check_hold()
}

/// Checks the same for one task, but for the question whether the caller may.
pub(crate) fn unchanged_one(cap: &mut Capture, tasks: &FrozenTasks<'_>, index: usize) -> Result {
    let end = wait::monotonic_ns().saturating_add(AGAIN_MS * 1_000_000);
    let change = loop {
        match tasks.check(index) {
            Ok(()) => return Ok(()),
            Err(Change::Woken) if wait::monotonic_ns() < end => {}
            Err(change) => break change,
        }
        wait::check_killed()?;
        tasks.check_hold()?;
        wait::pause_ms(1);
    };
    let (errno, what) = match change {
        Change::Killed => (ESRCH, "was killed during the checkpoint; try again"),
        Change::Continued => (
            EAGAIN,
            "was continued (SIGCONT) during the checkpoint; try again",
        ),
        Change::LeftVfork => (
            EAGAIN,
            "its wait in vfork() ended during the checkpoint; try again",
        ),
        Change::Woken => (ETIMEDOUT, "does not freeze again after a signal"),
    };
    if let Some(t) = tasks.get(index) {
        cap.refuse(errno, t, fmt!("{}", what));
    }
    Err(errno)
}
