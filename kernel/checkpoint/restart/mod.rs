// SPDX-License-Identifier: GPL-2.0

//! The restart pipeline: load, plan, create, restore, fill, commit.

use kernel::{
    prelude::*,
    sync::Arc,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

pub(crate) mod args;
pub(crate) mod commit;
pub(crate) mod fill;
pub(crate) mod job;
pub(crate) mod load;
pub(crate) mod plan;
pub(crate) mod source;

use crate::{
    build,
    confinement,
    core::{
        accept::Policy,
        report::{
            Errno,
            Report, //
        },
        restore::{
            Notice,
            Restore, //
        }, //
    },
    cpu,
    files,
    image::task::{
        Container,
        TASK_LIVE, //
    },
    kapi::{
        cgroup::group::{
            Cgroup,
            HeldCgroup, //
        },
        fork::{
            park::{
                self,
                clone_flags,
                RestoreOps, //
            },
            parked::Lost, //
        },
        fs::events::Environment,
        pid::namespace::PidNs,
        security::hooks,
        signal::sighand,
        task::{
            frozen::TaskName,
            links::PidRef,
            tree, //
        },
        time::wait::{
            self,
            Patience, //
        }, //
    },
    kinds,
    ns,
    restart::args::RestartArgs,
    task, //
};

use job::Coordinator;
use source::Source;

/// Longest time to wait for killed tasks to be gone, in milliseconds.
const ABORT_MS: u64 = 60_000;

/// The same of a caller that was killed, in milliseconds.
const ABORT_KILLED_MS: u64 = 30_000;

/// Longest time to wait for restarted tasks to be frozen, in milliseconds.
const FREEZE_MS: u64 = 10_000;

/// Does what restart(2) does after its arguments were checked; returns the root's pid.
///
/// Signals that would not end the caller wait until it is over.
pub(crate) fn run(args: &mut RestartArgs, report: &mut Report) -> Result<u64> {
    let _deferred = sighand::Deferred::new();
    if args
        .cgroup
        .as_ref()
        .is_some_and(|d| d.cgroup().is_freezing())
    {
        report.line(fmt!(
            "error: the cgroup to restart into is frozen: thaw it, RESTART_FROZEN freezes it \
             again [EBUSY]"
        ));
        return Err(EBUSY);
    }
    let mut source = Source::new(args.image.clone())?;
    let loaded = load::load(&mut source, report)
        .map_err(|e| report.unless_told(e, "header and metadata of the image can't be read"))?;
    report.subject.image = loaded.header.id.get();
    let tasks = loaded.container.tasks.get();
    hooks::may_restart(&args.image, args.flags, tasks).inspect_err(|&e| {
        report.line(fmt!(
            "error: a security module does not let the caller restart this image [{}]",
            Errno(e)
        ));
    })?;
    build::tell(&loaded.header, &loaded.container, report);
    cpu::check(&loaded.container, report)?;
    confinement::check(&loaded.meta, args.labels, args.caller_confinement, report)?;
    let members = plan::Plan::new(&loaded.meta)
        .map_err(|e| report.unless_told(e, "the restart can't be planned"))?;
    let no_memory = "there is no memory for the restart";
    let environment =
        Environment::of(&args.environment).map_err(|e| report.unless_told(e, no_memory))?;
    let mut index = KVVec::with_capacity(loaded.objects.len(), GFP_KERNEL_ACCOUNT)
        .map_err(|e| report.unless_told(e.into(), no_memory))?;
    for o in &loaded.objects {
        index.push(u32::try_from(o.offset())?, GFP_KERNEL_ACCOUNT)?;
    }
    let restore = Restore::new(
        loaded.meta,
        index,
        core::mem::replace(report, Report::new()),
        loaded.container,
        offsets(&loaded.container),
        Policy {
            changes: args.changes.take(),
            maps: args.maps.take(),
            strict: args.strict,
            accept: args.accept.take(),
            same_boot: loaded.header.boot.get() == files::boot(),
            connections: args.connections,
            addresses: args.addresses.take(),
            labels: args.labels,
            wipes: args.wipes,
        },
        Notice {
            id: loaded.header.id.get(),
            created_ns: loaded.header.created_ns.get(),
            environment,
        },
    );
    let coordinator =
        Coordinator::new(restore, members).map_err(|e| report.unless_told(e, no_memory))?;
    let result = give(args, &coordinator.restore, &coordinator.members).and_then(|()| {
        bring_back(
            args,
            &coordinator,
            &mut source,
            &loaded.header,
            loaded.objects,
        )
    });
    if let Err(e) = result {
        if e == EINTR && wait::killed() {
            coordinator.restore.told(e, fmt!("the caller was killed"));
        }
        coordinator
            .restore
            .unless_told(e, "the restart can't be finished");
        coordinator.restore.end_connections_quietly();
        coordinator.restore.bury_connections();
        coordinator.abort(e);
        coordinator.restore.undo();
        tear_down(&coordinator);
        // It has the number of a descriptor that was given back; it could be written to before.
        let _ = tell_pidfd(args, -1);
    } else {
        source.finish();
    }
    coordinator.restore.clear_built();
    coordinator
        .restore
        .with_report(|r| core::mem::swap(r, report));
    result
}

/// Puts namespaces and files of the caller's in place of those of the image.
fn give(args: &RestartArgs, restore: &Restore, members: &plan::Plan) -> Result {
    if args.caller_uts {
        ns::uts::give(restore, &members.plan(restore.meta(), 0)?)?;
    }
    if args.caller_ipc {
        ns::ipc::give(restore, &members.plan(restore.meta(), 0)?)?;
    }
    if args.caller_net {
        ns::net::give(restore, &members.plan(restore.meta(), 0)?)?;
    }
    ns::net::check_names(restore)?;
    if args.given.is_empty() && restore.policy.changes.given().is_empty() {
        return Ok(());
    }
    for given in args.given.iter() {
        let index = match given.descriptor.pid {
            0 => Some(0),
            pid => members.index_of(pid),
        };
        match index {
            Some(index) => files::give(restore, &members.plan(restore.meta(), index)?, given)?,
            None if given.optional => (),
            None => return Err(files::no_such_process(restore, given)),
        }
    }
    files::give_by_name(restore)?;
    files::check_given(restore)
}

/// Returns what the kernel's clocks must be given for the tasks' clocks to go on where they
/// stopped: offsets of CLOCK_MONOTONIC and CLOCK_BOOTTIME in nanoseconds.
fn offsets(container: &Container) -> (i64, i64) {
    let offset = |then: u64, now: u64| then.wrapping_sub(now).cast_signed();
    let (monotonic, boottime) = wait::clocks_ns();
    (
        offset(container.monotonic_ns.get(), monotonic),
        offset(container.boottime_ns.get(), boottime),
    )
}

/// Makes the tasks, fills their memory, and lets them go.
///
/// The order counts. What takes as long as user space likes comes first, then what can fail, then
/// the point of no return. See Documentation/checkpoint/internals.rst.
fn bring_back(
    args: &RestartArgs,
    coordinator: &Arc<Coordinator>,
    source: &mut Source,
    header: &crate::image::Header,
    objects: KVVec<crate::image::check::Object>,
) -> Result<u64> {
    let (flags, signal) = if args.sibling {
        (clone_flags::PARENT, 0)
    } else {
        (0, clone_flags::SIGCHLD)
    };
    coordinator.make_all(flags, signal, args.cgroup.as_ref())?;
    let leaders = commit::leaders(coordinator)?;
    coordinator.restore_all()?;
    let root = coordinator.slot(0).and_then(|s| s.task()).ok_or(ESRCH)?;
    coordinator
        .restore
        .with_report(|r| r.subject.pid = hooks::global_pid(&root));
    files::verdict(&coordinator.restore)?;
    fill::fill(&coordinator.restore, source, header, objects).map_err(|e| {
        coordinator
            .restore
            .unless_told(e, "the contents of memory can't be read")
    })?;
    frames(coordinator)?;
    coordinator.restore.link()?;
    kinds::link(&coordinator.restore)?;
    coordinator.call_tasks()?;
    // What others do with an object may depend on how many use it: no use of ours outlives this, but
    // those of objects that are to be published, which may have to be taken back.
    coordinator.restore.release_built();
    park::close_files();
    let pid = PidRef::of(&root).map_err(|_| coordinator.lost(Lost::of(0)))?;
    let number = pid.number_in(&PidNs::of_current()?);
    let pidfd = pid.prepare_pidfd().map_err(|e| {
        coordinator
            .restore
            .told(e, fmt!("there is no pidfd for the root task"))
    })?;
    tell_pidfd(args, pidfd.fd().cast_signed()).map_err(|e| {
        coordinator
            .restore
            .told(e, fmt!("the arguments can't be written to"))
    })?;
    let ready = commit::prepare(coordinator, leaders)?;
    let hold = args
        .cgroup
        .as_ref()
        .filter(|_| args.leave_frozen)
        .map(|dir| freeze(coordinator, dir.cgroup().clone()))
        .transpose()?;
    coordinator.restore.publish()?;
    files::ask_cuts(&coordinator.restore)?;
    coordinator.restore.overwrite()?;
    // From here on nothing can fail.
    let replaced = files::replaced(&coordinator.restore);
    coordinator.restore.release_connections();
    files::start_submitters(&coordinator.restore);
    files::break_leases(&coordinator.restore);
    coordinator.restore.clear_built();
    pidfd.install();
    ready.release();
    if let Some(hold) = hold {
        hold.leave_frozen(0);
        drop(hold);
        wait_frozen(coordinator);
    }
    // Named pipes. Not before: somebody who has opened one by now may hold its lock.
    park::close_files();
    // Nor may the filesystem keep the tasks.
    for replaced in &replaced {
        replaced.remove_old(&coordinator.restore);
    }
    Ok(number.into())
}

/// Looks where the signal handlers of all tasks return to, as far as that matters.
fn frames(coordinator: &Coordinator) -> Result {
    // Of all tasks, so that all that is wrong is reported together.
    let mut verdict = Ok(());
    for (index, member) in coordinator.members.iter() {
        if member.state == TASK_LIVE {
            let restore = &coordinator.restore;
            let plan = coordinator.members.plan(restore.meta(), index)?;
            verdict = verdict.and(task::check_frames(restore, &plan));
        }
    }
    verdict
}

/// Freezes the cgroup that the tasks were made in, in which there must be they and no others.
///
/// EBUSY: that is not so, or somebody else holds it frozen. Else as of [`Cgroup::hold`].
fn freeze(coordinator: &Arc<Coordinator>, cgroup: Cgroup) -> Result<HeldCgroup> {
    let mut ours = KVVec::with_capacity(coordinator.members.len(), GFP_KERNEL_ACCOUNT)?;
    for task in (0..coordinator.members.len()).filter_map(|index| coordinator.slot(index)?.task()) {
        ours.push(task.as_ptr().addr(), GFP_KERNEL_ACCOUNT)?;
    }
    ours.sort_unstable();
    let here = PidNs::of_current()?;
    // None comes or goes while it is held.
    let hold = cgroup.hold().inspect_err(|&e| {
        coordinator.restore.with_report(|r| {
            r.line(fmt!(
                "error: the cgroup can't be frozen: it is being checkpointed, or was removed [{}]",
                Errno(e)
            ))
        })
    })?;
    let mut verdict = Ok(());
    let works_for_us = |t: &kernel::task::Task| {
        let mut tasks = (0..coordinator.members.len()).filter_map(|i| coordinator.slot(i)?.task());
        tree::is_worker(t) && tasks.any(|ours| tree::same_group(&ours, t))
    };
    hold.cgroup().for_each_task(|t| {
        if works_for_us(t) {
            return Ok(());
        }
        if ours.binary_search(&t.as_ptr().addr()).is_err() {
            verdict = Err(EBUSY);
            let name = TaskName::of(t, &here);
            coordinator.restore.with_report(|r| {
                r.refuse(
                    EBUSY,
                    &name,
                    fmt!("is in the cgroup too, which can't be left frozen"),
                )
            });
        }
        Ok(())
    })?;
    for task in (0..coordinator.members.len()).filter_map(|index| coordinator.slot(index)?.task()) {
        if !hold.cgroup().contains(&task) {
            verdict = Err(EBUSY);
            let name = TaskName::of(&task, &here);
            coordinator.restore.with_report(|r| {
                r.refuse(
                    EBUSY,
                    &name,
                    fmt!("was moved out of the cgroup, and so can't be left frozen: try again"),
                )
            });
        }
    }
    if hold.cgroup().has_populated_children() {
        verdict = Err(EBUSY);
        coordinator.restore.with_report(|r| {
            r.line(fmt!(
                "error: the cgroup can't be left frozen: it has child cgroups with tasks in them \
                 [EBUSY]"
            ))
        });
    }
    verdict?;
    Ok(hold)
}

/// Tells the caller the descriptor of the root's pidfd; -1: there is none.
fn tell_pidfd(args: &RestartArgs, fd: i32) -> Result {
    UserSlice::new(UserPtr::from_addr(args.pidfd_out), size_of::<i32>())
        .writer()
        .write(&fd)
}

/// Waits until the tasks, which are on their way, are frozen: then a checkpoint finds them so.
///
/// Not for ever, as one of them may be killed, or wait in vfork() for one that is.
fn wait_frozen(coordinator: &Arc<Coordinator>) {
    let end = wait::monotonic_ns().saturating_add(FREEZE_MS * 1_000_000);
    let running = || {
        coordinator.members.iter().any(|(index, m)| {
            m.state == TASK_LIVE
                && coordinator
                    .slot(index)
                    .and_then(|s| s.task())
                    .is_some_and(|t| !park::is_gone(&t) && !park::is_frozen(&t))
        })
    };
    let mut pauses = wait::Pauses::new();
    while running() && !wait::killed() && wait::monotonic_ns() < end {
        pauses.pause();
    }
}

/// Kills all tasks that were made, and waits until they are gone: nobody has to reap them.
///
/// Not for ever, as a debugger may keep one, or who provides a file that one closes. A caller that was
/// killed does not wait for debuggers at all, but for tasks that trace each other: they are all killed.
fn tear_down(coordinator: &Arc<Coordinator>) {
    let mut patience = Patience::new(ABORT_MS, ABORT_KILLED_MS);
    let mut pause = 1;
    loop {
        let mut left = 0;
        for slot in coordinator.slots() {
            // One that is made only now is found the next time: who makes it is killed, but is
            // here until it has noted it.
            slot.kill();
            let kept = || slot.task().is_some_and(|task| park::is_kept(&task));
            if !slot.is_gone() && !(wait::killed() && kept()) {
                left += 1;
            }
        }
        if left == 0 {
            return;
        }
        if !patience.pause(pause) {
            coordinator
                .restore
                .with_report(|r| r.line(fmt!("error: {} killed tasks are not gone yet", left)));
            return;
        }
        pause = (pause * 2).min(50);
    }
}
