// SPDX-License-Identifier: GPL-2.0

//! The last step of a restart: what the coordinator does to the parked tasks.
//!
//! [`prepare`] does all that can fail, while the tasks are held: none of them runs or dies, and
//! nobody but the coordinator sees what it does to them. [`Ready::release`] is the point of no
//! return: nothing in it can fail.

use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    task::Task, //
};

use crate::{
    core::{
        report::Errno,
        restore::TaskRecords, //
    },
    files,
    image::{
        task::{
            Process,
            TASK_LIVE,
            TASK_PARENT_EXECED,
            TASK_VFORK,
            TASK_ZOMBIE, //
        },
        ObjRef, //
    },
    kapi::{
        fork::{
            park::{
                self,
                RestoreOps, //
            },
            parked::{
                Held,
                ParkedTask, //
            }, //
        },
        pid::namespace::PidNs,
        task::{
            limits,
            links::{
                self,
                OrphanPid, //
            }, //
        },
        time::wait::{
            self,
            Patience, //
        }, //
    },
    kinds,
    ns::pid::BuiltPidNs,
    restart::job::Coordinator,
    task, //
};

/// Longest time to wait for restarted tasks to have exited or stopped, in milliseconds.
const SETTLE_MS: u64 = 10_000;

/// The same of those that stop and of a caller that was killed: user space may come between.
const STOP_KILLED_MS: u64 = 1_000;

/// Tasks that have all that they need, held.
pub(crate) struct Ready<'a> {
    coordinator: &'a Coordinator,
    held: Held<'a>,
    /// Processes, each by its last living thread.
    processes: KVVec<(usize, Process)>,
    /// Those that stop before they do anything else.
    stopping: KVVec<(usize, ARef<Task>)>,
    /// Those that were dead.
    dead: KVVec<Dead>,
}

/// A task that was dead at the checkpoint.
struct Dead {
    index: usize,
    task: ARef<Task>,
    /// What its parent knows; `None`: others of its thread group live.
    end: Option<End>,
}

/// What the parent of one that was dead knows of its end.
struct End {
    /// Signal for the parent.
    signal: i32,
    /// The parent has executed a program since it made it.
    execed: bool,
    /// Exit code.
    code: u32,
    /// Its owner may see what procfs has of it.
    is_shown: bool,
}

/// Ties the tasks together and gives them registers and signals.
///
/// Nothing in it waits for user space: until it is over SIGKILL does not end them.
pub(crate) fn prepare<'a>(
    coordinator: &'a Arc<Coordinator>,
    leaders: KVVec<OrphanPid>,
) -> Result<Ready<'a>> {
    // Not when they are held: it may wait for who has one of the sockets as well.
    coordinator.restore.end_connections_as_always()?;
    let held = Held::all(coordinator.slots()).map_err(|lost| coordinator.lost(lost))?;
    coordinator.verdict()?;
    let root = coordinator.slot(0).and_then(|s| s.task()).ok_or(ESRCH)?;
    groups(coordinator, &PidNs::of(&root)?, leaders)?;
    parents(coordinator, &held)?;
    tracers(coordinator, &held)?;
    scheduling(coordinator, &held)?;
    // Of all tasks, so that all that is wrong is reported together.
    let mut verdict: Result = Ok(());
    each_live(coordinator, &held, |_, plan, parked| {
        verdict = verdict.and(kinds::check(&coordinator.restore, plan, parked));
        Ok(())
    })?;
    verdict?;
    // Their CPU times count for the clocks of those of their group that live.
    for (index, member) in coordinator.members.iter() {
        if member.state != TASK_LIVE {
            wait::check_killed()?;
            let plan = coordinator
                .members
                .plan(coordinator.restore.meta(), index)?;
            held.with(index, |parked| {
                kinds::bury(&coordinator.restore, &plan, parked)
            })??;
        }
    }
    let mut processes = KVVec::new();
    each_live(coordinator, &held, |index, plan, parked| {
        let slot = coordinator.slot(index).ok_or(EINVAL)?;
        if plan.last {
            let process = plan.process().map_err(|f| coordinator.restore.fault(f))?;
            processes.push((index, process), GFP_KERNEL_ACCOUNT)?;
        }
        kinds::load(&coordinator.restore, plan, slot, parked)
    })?;
    let dead = dead(coordinator, &held)?;
    let mut stopping = KVVec::new();
    each_live(coordinator, &held, |index, plan, _| {
        let made = coordinator
            .slot(index)
            .and_then(|s| s.task())
            .ok_or(ESRCH)?;
        if plan.task.flags.get() & TASK_VFORK != 0 {
            // Those that waited in vfork() do so again.
            let child = coordinator.members.index_of(plan.task.vfork_child.get());
            held.set_vfork(index, child.ok_or(EINVAL)?)?;
            if !task::stops_in_vfork(&coordinator.restore, plan)? {
                return Ok(());
            }
        }
        if park::is_to_stop(&made) {
            stopping.push((index, made), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    Ok(Ready {
        coordinator,
        held,
        processes,
        stopping,
        dead,
    })
}

impl Ready<'_> {
    /// Lets the tasks go. Nothing can fail any more.
    ///
    /// They go in an order in which none finds another in a state that it would not have had:
    /// first those exit that were dead, as the death of one of a process group would wake those of
    /// it that are stopped; then those stop that were stopped; then all others run.
    pub(crate) fn release(mut self) {
        for (index, member) in self.coordinator.members.iter() {
            if member.leads() {
                let _ = self.held.with(index, ParkedTask::needs_parent);
            }
        }
        for dead in &self.dead {
            self.held.release(dead.index);
        }
        // It takes nothing but a CPU for a moment, but they may be many: who is not waited for tells
        // its parent once more. A debugger may have one stop as it exits.
        let mut patience = Patience::new(SETTLE_MS, SETTLE_MS);
        for dead in &self.dead {
            let kept = || wait::killed() && park::is_traced(&dead.task);
            while !park::has_exited(&dead.task) && !kept() && patience.pause(1) {}
            if let Some(end) = &dead.end {
                links::settle_dead(&dead.task, end.signal, end.execed, end.code);
                if end.is_shown && park::has_exited(&dead.task) {
                    limits::show_dead(&dead.task);
                }
            }
        }
        for (index, process) in &self.processes {
            // Not before: who gets at its files could keep one locked that something waits for.
            let commit = |parked: &ParkedTask| {
                kinds::commit(&self.coordinator.restore, process, parked);
                task::show(process, parked);
            };
            let _ = self.held.with(*index, commit);
        }
        for &(index, _) in &self.stopping {
            self.held.release(index);
        }
        // Not for ever, as somebody else may have sent them a signal, or they may meet a page that
        // comes from user space.
        let mut patience = Patience::new(SETTLE_MS, STOP_KILLED_MS);
        for (_, task) in &self.stopping {
            while park::is_to_stop(task) && !park::is_gone(task) && patience.pause(1) {}
        }
        for (index, _) in self.coordinator.members.iter() {
            self.held.release(index);
        }
    }
}

/// Calls `f` with the index, the plan and the task of each that lives.
fn each_live(
    coordinator: &Coordinator,
    held: &Held<'_>,
    mut f: impl FnMut(usize, &TaskRecords<'_>, &ParkedTask) -> Result,
) -> Result {
    for (index, member) in coordinator.members.iter() {
        if member.state != TASK_LIVE {
            continue;
        }
        wait::check_killed()?;
        let plan = coordinator
            .members
            .plan(coordinator.restore.meta(), index)?;
        held.with(index, |parked| f(index, &plan, parked))??;
    }
    Ok(())
}

/// Lets those trace others that did: all have the credentials by which that is decided.
fn tracers(coordinator: &Coordinator, held: &Held<'_>) -> Result {
    let restore = &coordinator.restore;
    // Whom a process has named counts when its tracer is asked for.
    each_live(coordinator, held, |_, plan, task| {
        let tracer = match task::permitted_tracer(restore, plan)? {
            None => return Ok(()),
            Some(0) => return task::permit(restore, plan, task, None),
            Some(tracer) => coordinator.members.index_of(tracer).ok_or(EINVAL)?,
        };
        held.with(tracer, |tracer| {
            task::permit(restore, plan, task, Some(tracer))
        })?
    })?;
    each_live(coordinator, held, |_, plan, task| {
        let Some(tracer) = task::tracer(restore, plan)? else {
            return Ok(());
        };
        let tracer = coordinator.members.index_of(tracer).ok_or(EINVAL)?;
        held.with(tracer, |tracer| task::attach(restore, plan, task, tracer))?
    })?;
    files::check_traced(restore, |tracee, process| {
        wait::check_killed()?;
        traces(coordinator, tracee, process)
    })
}

/// Refuses memory of the thread `tracee` that the process `process` has open, if it does not trace that.
fn traces(coordinator: &Coordinator, tracee: u32, process: u32) -> Result {
    let restore = &coordinator.restore;
    let plan = |tid| {
        let index = coordinator.members.index_of(tid).ok_or(EINVAL)?;
        coordinator.members.plan(restore.meta(), index)
    };
    let tracee = plan(tracee)?;
    let tracer = task::tracer(restore, &tracee)?.map(plan).transpose()?;
    if tracer.is_some_and(|tracer| tracer.task.tgid.get() == process) {
        return Ok(());
    }
    Err(restore.fail(
        EACCES,
        &tracee,
        fmt!("pid {process} has its memory open (/proc/PID/mem), and does not trace it"),
    ))
}

/// Gives tasks again what they shared of scheduling: who is the first to have it comes before the others.
fn scheduling(coordinator: &Coordinator, held: &Held<'_>) -> Result {
    let restore = &coordinator.restore;
    each_live(coordinator, held, |_, plan, task| {
        let shares = task::shares(restore, plan)?;
        let own = plan.task.tid.get();
        let index = |tid| coordinator.members.index_of(tid).ok_or(EINVAL);
        match shares.cookie {
            None => {}
            Some(first) if first == own => task::share_core(restore, plan, task, None)?,
            Some(first) => held.with(index(first)?, |first| {
                task::share_core(restore, plan, task, Some(first))
            })??,
        }
        match shares.autogroup {
            None => Ok(()),
            Some((first, nice)) if first == own => {
                task::share_time(restore, plan, task, None, nice)
            }
            Some((first, _)) => held.with(index(first)?, |first| {
                task::share_time(restore, plan, task, Some(first), 0)
            })?,
        }
    })
}

/// Returns the tasks that were dead at the checkpoint. ESRCH: one was killed meanwhile.
fn dead(coordinator: &Coordinator, held: &Held<'_>) -> Result<KVVec<Dead>> {
    let mut list = KVVec::new();
    for (index, member) in coordinator.members.iter() {
        if member.state == TASK_LIVE {
            continue;
        }
        let plan = coordinator
            .members
            .plan(coordinator.restore.meta(), index)?;
        held.with(index, ParkedTask::check_alive)?.map_err(|e| {
            coordinator
                .restore
                .fail(e, &plan, fmt!("was killed while it waited for its restart"))
        })?;
        let end = match member.state {
            TASK_ZOMBIE => {
                let process = plan.process().map_err(|f| coordinator.restore.fault(f))?;
                Some(End {
                    signal: plan.task.exit_signal.get(),
                    execed: parent_execed(&plan),
                    code: plan.task.exit_code.get(),
                    is_shown: limits::is_shown(process.dumpable.get()),
                })
            }
            _ => None,
        };
        let dead = Dead {
            index,
            task: coordinator
                .slot(index)
                .and_then(|s| s.task())
                .ok_or(ESRCH)?,
            end,
        };
        list.push(dead, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(list)
}

/// Returns the pid namespace with reference `obj`; 0: the root's, which is not in the image.
fn pid_ns(coordinator: &Coordinator, root: &PidNs, obj: u32) -> Result<PidNs> {
    let Some(obj) = ObjRef::new(obj) else {
        return Ok(root.clone());
    };
    let built = coordinator.restore.built::<BuiltPidNs>(obj).ok_or(EINVAL)?;
    Ok(built.ns.clone())
}

/// Takes the pids of sessions and process groups whose leader is gone. To be called when all tasks exist,
/// and before they have threads of the kernel, such as those of io_urings, which get any pid that is
/// free.
pub(crate) fn leaders(coordinator: &Coordinator) -> Result<KVVec<OrphanPid>> {
    let task = coordinator.slot(0).and_then(|s| s.task()).ok_or(ESRCH)?;
    let root = &PidNs::of(&task)?;
    let meta = coordinator.restore.meta();
    let mut orphans: KVVec<OrphanPid> = KVVec::new();
    coordinator
        .members
        .for_each_dead_pid(meta, |dead, numbers| {
            wait::check_killed()?;
            let pid = pid_ns(coordinator, root, dead.pid_ns.get())
                .and_then(|ns| OrphanPid::new(&ns, numbers.as_mut_slice()))
                .inspect_err(|&e| {
                    // Who was killed has said so: an init that is gone is why there is none.
                    if coordinator.verdict().is_err() {
                        return;
                    }
                    coordinator.restore.with_report(|r| {
                        r.line(fmt!(
                            "error: pid {} of a group without leader can't be taken: {} [{}]",
                            dead.pid.get(),
                            match e {
                                EEXIST => "it is in use",
                                EPERM => "the caller may not choose pids (CAP_CHECKPOINT_RESTORE)",
                                EINVAL => "it is not possible here",
                                _ => "the kernel has none to give",
                            },
                            Errno(e)
                        ))
                    })
                })?;
            Ok(orphans.push(pid, GFP_KERNEL_ACCOUNT)?)
        })?;
    Ok(orphans)
}

/// Restores sessions and process groups, those without a living leader too: these have the pids of
/// [`leaders`], which are theirs from then on.
///
/// `_leaders` ends with this, as all tasks are held: none of them that has such a pid can exit, and so
/// free it, before it is known here that it is theirs.
fn groups(coordinator: &Coordinator, root: &PidNs, _leaders: KVVec<OrphanPid>) -> Result {
    let meta = coordinator.restore.meta();
    for (index, member) in coordinator.members.iter() {
        if !member.leads() {
            continue;
        }
        let plan = coordinator.members.plan(meta, index)?;
        let leader = coordinator
            .slot(index)
            .and_then(|s| s.task())
            .ok_or(ESRCH)?;
        let (sid, pgid) = (plan.task.sid.get(), plan.task.pgid.get());
        links::set_session_and_group(&leader, root, sid, pgid).map_err(|e| {
            coordinator
                .restore
                .fail(e, &plan, fmt!("its session or process group is missing"))
        })?;
    }
    Ok(())
}

/// Returns whether the parent of the process of `plan` has executed a program since it made it.
fn parent_execed(plan: &TaskRecords<'_>) -> bool {
    plan.task.flags.get() & TASK_PARENT_EXECED != 0
}

/// Gives each process the parent that it had: until here it is a child of the task that made it.
///
/// In the order of the image, which has the children of each parent in the order that wait(2) finds
/// them in, and each parent before them: what is below a sub-reaper learns it from its parent.
fn parents(coordinator: &Coordinator, held: &Held<'_>) -> Result {
    for (index, member) in coordinator.members.iter() {
        let Some(parent) = member.parent() else {
            continue;
        };
        wait::check_killed()?;
        let plan = coordinator
            .members
            .plan(coordinator.restore.meta(), index)?;
        // The parent of a dead child has had its signal already. From one that it has made before
        // it executed a program it would get SIGCHLD.
        let (exit_signal, execed) = match member.state {
            TASK_ZOMBIE => (0, false),
            _ => (plan.task.exit_signal.get(), parent_execed(&plan)),
        };
        held.with(index, |child| {
            held.with(parent, |parent| {
                links::adopt(child, parent, exit_signal, execed)
            })
        })??
        .map_err(|e| {
            coordinator.restore.fail(
                e,
                &plan,
                fmt!("its parent is in a pid namespace that it is not in, or is the init of"),
            )
        })?;
    }
    Ok(())
}
