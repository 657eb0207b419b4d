// SPDX-License-Identifier: GPL-2.0

//! The last step of a restart: what the coordinator does to the parked tasks.

use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    },
    task::Task, //
};

use crate::{
    image::{
        task::{
            Regs,
            TASK_LIVE,
            TASK_VFORK,
            TASK_ZOMBIE, //
        },
        Kind,
        Records, //
    },
    kapi::{
        links::{
            self,
            LonePid, //
        },
        park::{
            is_to_stop,
            is_zombie,
            Job,
            ParkedTask, //
        },
        pid::PidNs,
        wait, //
    },
    ns::pid,
    restart::{
        job::Crew,
        plan::Numbers,
        Plan, //
    },
    task, //
};

/// Ties the tasks together and gives them registers and signals. `ns` is the pid namespace of
/// the root.
pub(crate) fn commit(crew: &Arc<Crew>, ns: &PidNs) -> Result {
    wait_for_the_dead(crew)?;
    groups(crew, ns)?;
    // Of all tasks, so that all that is wrong is told at once.
    let mut verdict: Result = Ok(());
    each_live(crew, |_, plan, parked| {
        let notes = registers(crew, plan)?;
        let checked = task::regs::check(&crew.restore, plan, parked, notes);
        verdict = verdict.and(checked);
        Ok(())
    })?;
    verdict?;
    namespaces(crew)?;
    for (index, member) in crew.members.iter() {
        if member.state == TASK_ZOMBIE {
            let plan = crew.members.plan(crew.restore.meta(), index)?;
            let slot = crew.slot(index).ok_or(EINVAL)?;
            links::set_exit_signal(slot, plan.task.exit_signal.get());
        }
    }
    each_live(crew, |index, plan, parked| {
        if plan.task.flags.get() & TASK_VFORK != 0 {
            vfork(crew, plan, index, parked)?;
        }
        task::commit(&crew.restore, parked, plan)?;
        let notes = registers(crew, plan)?;
        task::regs::load(&crew.restore, plan, parked, notes)
    })
}

/// Calls `f` with the index, the plan and the task of each that lives.
fn each_live(crew: &Crew, mut f: impl FnMut(usize, &Plan<'_>, &ParkedTask) -> Result) -> Result {
    for (index, member) in crew.members.iter() {
        if member.state != TASK_LIVE {
            continue;
        }
        wait::check_killed()?;
        let plan = crew.members.plan(crew.restore.meta(), index)?;
        let slot = crew.slot(index).ok_or(EINVAL)?;
        let parked = ParkedTask::get(slot).map_err(|e| {
            crew.restore
                .fail(e, &plan, fmt!("was killed while it waited"))
        })?;
        f(index, &plan, &parked)?;
    }
    Ok(())
}

/// Makes the parked processes ones that their parents wait for. To be called when nothing can
/// fail any more.
pub(crate) fn adopt(crew: &Arc<Crew>) -> Result {
    for (index, member) in crew.members.iter() {
        if member.state == TASK_LIVE && member.tid == member.tgid {
            ParkedTask::get(crew.slot(index).ok_or(EINVAL)?)?.needs_parent();
        }
    }
    Ok(())
}

/// The tasks that will stop before they do anything else.
pub(crate) fn stopping(crew: &Arc<Crew>) -> Result<KVVec<ARef<Task>>> {
    let mut stopping = KVVec::new();
    for (index, member) in crew.members.iter() {
        let slot = crew.slot(index).ok_or(EINVAL)?;
        // Those that waited in vfork() do so again.
        if member.state == TASK_LIVE && !slot.is_in_vfork() {
            if let Some(task) = slot.task().filter(|t| is_to_stop(t)) {
                stopping.push(task, GFP_KERNEL_ACCOUNT)?;
            }
        }
    }
    Ok(stopping)
}

/// Waits until the tasks that were dead are so again.
fn wait_for_the_dead(crew: &Crew) -> Result {
    for (index, member) in crew.members.iter() {
        if member.state == TASK_LIVE {
            continue;
        }
        let task = crew.slot(index).and_then(|s| s.task()).ok_or(ESRCH)?;
        let mut pause = 1;
        while !is_zombie(&task) {
            wait::check_killed()?;
            wait::pause_ms(pause);
            pause = (pause * 2).min(50);
        }
    }
    Ok(())
}

/// Restores sessions and process groups, those without a living leader too.
fn groups(crew: &Crew, ns: &PidNs) -> Result {
    let meta = crew.restore.meta();
    let mut lone: KVVec<LonePid> = KVVec::new();
    crew.members.for_each_dead_pid(meta, |dead, numbers| {
        let pid = LonePid::new(ns, numbers.as_mut_slice()).inspect_err(|_| {
            crew.restore.with_report(|r| {
                r.line(fmt!(
                    "error: pid {} of a group without leader can't be taken",
                    dead.pid.get()
                ))
            })
        })?;
        Ok(lone.push(pid, GFP_KERNEL_ACCOUNT)?)
    })?;
    for (index, member) in crew.members.iter() {
        if member.tid != member.tgid {
            continue;
        }
        let plan = crew.members.plan(meta, index)?;
        let leader = crew.slot(index).and_then(|s| s.task()).ok_or(ESRCH)?;
        links::set_session_and_group(&leader, ns, plan.task.sid.get(), plan.task.pgid.get())
            .map_err(|e| {
                crew.restore
                    .fail(e, &plan, fmt!("its session or process group is missing"))
            })?;
    }
    Ok(())
}

/// Settings of the pid namespaces that were made: each with its first task.
fn namespaces(crew: &Crew) -> Result {
    let meta = crew.restore.meta();
    for (index, member) in crew.members.iter() {
        let mut numbers = Numbers::new();
        crew.members.pids(meta, index, &mut numbers)?;
        if member.tid != member.tgid || numbers.as_mut_slice().first() != Some(&1) {
            continue;
        }
        let plan = crew.members.plan(meta, index)?;
        let task = crew.slot(index).and_then(|s| s.task()).ok_or(ESRCH)?;
        pid::commit(&crew.restore, &plan, &PidNs::of(&task)?)?;
    }
    Ok(())
}

/// Puts a parent back into its wait in vfork().
fn vfork(crew: &Crew, plan: &Plan<'_>, index: usize, parked: &ParkedTask) -> Result {
    let slot = crew.slot(index).ok_or(EINVAL)?;
    let child = crew
        .members
        .index_of(plan.task.vfork_child.get())
        .and_then(|i| crew.slot(i))
        .ok_or(EINVAL)?;
    let child = ParkedTask::get(child)?;
    parked.wait_for_vfork(slot, &child);
    Ok(())
}

/// The register notes of a task.
fn registers<'a>(crew: &Crew, plan: &Plan<'a>) -> Result<&'a [u8]> {
    for raw in Records::new(plan.records, plan.at) {
        let raw = raw.map_err(|f| crew.restore.fault(f))?;
        if raw.kind == Kind::Regs {
            raw.body::<Regs>().map_err(|f| crew.restore.fault(f))?;
            return Ok(raw.payload);
        }
    }
    Err(crew
        .restore
        .fail(EINVAL, plan, fmt!("the image has no registers of it")))
}
