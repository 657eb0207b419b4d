// SPDX-License-Identifier: GPL-2.0

//! CPU times, which the CPU clocks show.
//!
//! A task gets them while it is held: what its restart has cost is not counted, and so neither counts
//! for a limit or a timer.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::{
        Capture,
        ProcessOps,
        ThreadOps, //
    },
    image::task::*,
    kapi::{
        fork::{
            parked::ParkedTask,
            slot::Slot, //
        },
        task::{
            frozen::FrozenTask,
            times::{
                GroupTimes,
                Times, //
            }, //
        }, //
    }, //
};

/// CPU times of a thread.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "CPU times",
    load,
    bury,
    ..ThreadOps::NONE
};

/// CPU times of a process.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "CPU times of a process",
    load: load_process,
    bury: load_process,
    ..ProcessOps::NONE
};

/// Fills in the fields of the task record.
pub(super) fn fill(cap: &mut Capture, task: &mut Task, t: &FrozenTask) {
    let times = t.times();
    let left = &mut cap.found.task;
    task.utime = left.cpu_time(times.shown_utime);
    task.stime = left.cpu_time(times.shown_stime);
    task.runtime = left.cpu_time(times.runtime);
    task.counted_utime = left.cpu_time(times.utime);
    task.counted_stime = left.cpu_time(times.stime);
}

/// Fills in the fields of the process record.
pub(super) fn fill_process(cap: &mut Capture, process: &mut Process, t: &FrozenTask) {
    let times = t.group_times();
    let own = &times.own;
    let left = &mut cap.found.task;
    process.cutime = left.cpu_time(times.cutime);
    process.cstime = left.cpu_time(times.cstime);
    // What is counted in ticks may be more than the time that it is of.
    let stime = own.stime.min(own.runtime);
    process.utime = left.cpu_time(own.runtime - stime);
    process.stime = left.cpu_time(stime);
    process.runtime = left.cpu_time(own.runtime);
    process.counted_utime = left.cpu_time(own.utime);
    process.counted_stime = left.cpu_time(own.stime);
    process.shown_utime = left.cpu_time(own.shown_utime);
    process.shown_stime = left.cpu_time(own.shown_stime);
}

/// Returns the times of a task record. Those of an older image are of one kind only.
fn parse(task: &Task) -> Times {
    let (utime, stime) = (task.utime.get(), task.stime.get());
    if task.runtime.get() == 0 {
        return Times {
            utime,
            stime,
            runtime: utime.saturating_add(stime),
            shown_utime: utime,
            shown_stime: stime,
        };
    }
    Times {
        utime: task.counted_utime.get(),
        stime: task.counted_stime.get(),
        runtime: task.runtime.get(),
        shown_utime: utime,
        shown_stime: stime,
    }
}

/// Returns the times of a process record.
fn parse_process(process: &Process) -> GroupTimes {
    let (utime, stime) = (process.utime.get(), process.stime.get());
    let shown_utime = process.shown_utime.get();
    let shown_stime = process.shown_stime.get();
    let own = if process.runtime.get() == 0 {
        Times {
            utime,
            stime,
            runtime: utime.saturating_add(stime),
            shown_utime,
            shown_stime,
        }
    } else {
        Times {
            utime: process.counted_utime.get(),
            stime: process.counted_stime.get(),
            runtime: process.runtime.get(),
            shown_utime,
            shown_stime,
        }
    };
    GroupTimes {
        own,
        cutime: process.cutime.get(),
        cstime: process.cstime.get(),
    }
}

fn load(_: &Restore, plan: &TaskRecords<'_>, _: &Slot, task: &ParkedTask) -> Result {
    task.set_times(&parse(&plan.task));
    if plan.last {
        // Before its timers start, and those of others that go by its clock.
        task.start_clocks();
    }
    Ok(())
}

fn bury(_: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask) -> Result {
    task.set_times(&parse(&plan.task));
    Ok(())
}

fn load_process(r: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask) -> Result {
    let process = plan.process().map_err(|f| r.fault(f))?;
    task.set_group_times(&parse_process(&process));
    Ok(())
}
