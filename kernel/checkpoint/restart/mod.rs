// SPDX-License-Identifier: GPL-2.0

//! The restart pipeline: load, plan, create, restore, fill, commit.

use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    task::Task,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

pub(crate) mod commit;
pub(crate) mod context;
pub(crate) mod fill;
pub(crate) mod job;
pub(crate) mod load;
pub(crate) mod plan;
pub(crate) mod source;

pub(crate) use context::{
    Plan,
    Restore, //
};

use crate::{
    args::RestartArgs,
    cpu,
    files,
    image::task::{
        Container,
        CONTAINER_WHOLE,
        TASK_LIVE, //
    },
    kapi::{
        cgroup::Cgroup,
        links::PidRef,
        park::{
            self,
            clone_flags,
            Job, //
        },
        pid::PidNs,
        wait, //
    },
    report::Report, //
};

use job::Crew;
use source::Source;

/// Longest time to wait for killed tasks to be gone, in milliseconds.
const ABORT_MS: u64 = 60_000;

/// Longest time to wait for restarted tasks to stop, in milliseconds.
const STOP_MS: u64 = 10_000;

/// Longest time to wait for restarted tasks to be frozen, in milliseconds.
const FREEZE_MS: u64 = 10_000;

/// What restart(2) does after its arguments were checked; returns the root's pid.
pub(crate) fn run(args: &RestartArgs, report: &mut Report) -> Result<u64> {
    let cgroup = args.cgroup_fd.map(Cgroup::from_fd).transpose()?;
    if cgroup.as_ref().is_some_and(Cgroup::is_freezing) {
        report.line(fmt!(
            "error: the cgroup to restart into is frozen: thaw it, or ask for RESTART_FROZEN \
             [EBUSY]"
        ));
        return Err(EBUSY);
    }
    let mut source = Source::new(args.image.clone())?;
    let loaded = load::load(&mut source, report)?;
    cpu::check(&loaded.container, report)?;
    let members = plan::Members::new(&loaded.meta)?;
    let whole = loaded.container.flags.get() & CONTAINER_WHOLE != 0;
    let (monotonic, boottime) = offsets(&loaded.container);
    let mut index = KVVec::with_capacity(loaded.objects.len(), GFP_KERNEL_ACCOUNT)?;
    for o in &loaded.objects {
        index.push(u32::try_from(o.offset())?, GFP_KERNEL_ACCOUNT)?;
    }
    let restore = Restore::new(
        loaded.meta,
        index,
        core::mem::replace(report, Report::new()),
        loaded.container,
        monotonic,
        boottime,
    );
    let crew = Crew::new(restore, members, whole)?;
    let result = bring_back(
        args,
        &crew,
        &mut source,
        &loaded.header,
        loaded.objects,
        cgroup,
    );
    if let Err(e) = result {
        crew.abort(e);
        tear_down(&crew);
    } else {
        source.finish();
    }
    crew.restore.clear_built();
    crew.restore.with_report(|r| core::mem::swap(r, report));
    result
}

/// What the kernel's clocks must be given for the tasks' clocks to go on where they stopped:
/// offsets of CLOCK_MONOTONIC and CLOCK_BOOTTIME in nanoseconds.
fn offsets(container: &Container) -> (i64, i64) {
    let offset = |then: u64, now: u64| then.wrapping_sub(now).cast_signed();
    let (monotonic, boottime) = wait::clocks_ns();
    (
        offset(container.monotonic_ns.get(), monotonic),
        offset(container.boottime_ns.get(), boottime),
    )
}

/// Makes the tasks, fills their memory, and lets them go.
fn bring_back(
    args: &RestartArgs,
    crew: &Arc<Crew>,
    source: &mut Source,
    header: &crate::image::Header,
    objects: KVVec<crate::image::check::Object>,
    cgroup: Option<Cgroup>,
) -> Result<u64> {
    let (flags, signal) = if args.sibling {
        (clone_flags::PARENT, 0)
    } else {
        (0, clone_flags::SIGCHLD)
    };
    crew.make(0, flags, Some(signal), args.cgroup_fd)?;
    crew.wait_arrived()?;
    fill::fill(&crew.restore, source, header, objects)?;
    files::commit(&crew.restore)?;
    let root = crew.slot(0).and_then(|s| s.task()).ok_or(ESRCH)?;
    commit::commit(crew, &PidNs::of(&root)?)?;
    let pid = PidRef::of(&root)?;
    let number = pid.number_in(&PidNs::of_current()?);
    let pidfd = pid.prepare_pidfd()?;
    UserSlice::new(UserPtr::from_addr(args.pidfd_out), size_of::<i32>())
        .writer()
        .write(&pidfd.fd().cast_signed())?;
    let stopping = commit::stopping(crew)?;
    commit::adopt(crew)?;
    if let Some(cgroup) = cgroup.filter(|_| args.leave_frozen) {
        cgroup.freeze(true);
    }
    pidfd.install();
    release(crew, &stopping);
    if args.leave_frozen {
        wait_frozen(crew);
    }
    Ok(number.into())
}

/// Lets the tasks go. Those of `stopping` have stopped before any other runs, which could find them
/// running else.
///
/// That they stop is not waited for for ever, as somebody else may have sent them a signal.
fn release(crew: &Arc<Crew>, stopping: &[ARef<Task>]) {
    let end = wait::monotonic_ns().saturating_add(STOP_MS * 1_000_000);
    crew.gate().open_for_stopping();
    for task in stopping {
        while park::is_to_stop(task) && !park::is_gone(task) && wait::monotonic_ns() < end {
            wait::pause_ms_uninterruptible(1);
        }
    }
    crew.gate().open();
}

/// Waits until the tasks, which are on their way, are frozen: then a checkpoint finds them so.
///
/// Not for ever, as one of them may be killed, or wait in vfork() for one that is.
fn wait_frozen(crew: &Arc<Crew>) {
    let end = wait::monotonic_ns().saturating_add(FREEZE_MS * 1_000_000);
    let running = || {
        crew.members.iter().any(|(index, m)| {
            m.state == TASK_LIVE
                && crew
                    .slot(index)
                    .and_then(|s| s.task())
                    .is_some_and(|t| !park::is_gone(&t) && !park::is_frozen(&t))
        })
    };
    while running() && !wait::killed() && wait::monotonic_ns() < end {
        wait::pause_ms(1);
    }
}

/// Kills and forgets all tasks that were made, and waits until they are gone.
fn tear_down(crew: &Arc<Crew>) {
    let end = wait::monotonic_ns().saturating_add(ABORT_MS * 1_000_000);
    let mut pause = 1;
    loop {
        let mut left = 0;
        for (index, _) in crew.members.iter() {
            let Some(task) = crew.slot(index).and_then(|s| s.task()) else {
                continue;
            };
            if !park::is_gone(&task) {
                left += 1;
                park::kill(&task);
            }
        }
        if left == 0 {
            return;
        }
        if wait::monotonic_ns() > end {
            crew.restore
                .with_report(|r| r.line(fmt!("error: {} killed tasks are not gone yet", left)));
            return;
        }
        wait::pause_ms_uninterruptible(pause);
        pause = (pause * 2).min(50);
    }
}
