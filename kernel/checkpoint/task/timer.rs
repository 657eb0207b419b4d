// SPDX-License-Identifier: GPL-2.0

//! POSIX timers: timer_create(2).
//!
//! A timer goes on while its process is frozen, and may send its signal. The queues are read first:
//! one that has sent its signal after that is saved as one that is about to.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use crate::{
    core::{
        clock::shift,
        kind::Group,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        ProcessOps,
        ThreadOps, //
    },
    image::{
        task::{
            self as wire,
            Process,
            Timers,
            TIMERS_CHOSEN_IDS,
            TIMERS_MAX,
            TIMER_ARMED,
            TIMER_DISARMED,
            TIMER_IGNORED,
            TIMER_MODIFIED,
            TIMER_PERIODIC,
            TIMER_RELATIVE,
            TIMER_THREAD_ID,
            TIMER_WAITS, //
        },
        Kind, //
    },
    kapi::{
        fork::parked::ParkedTask,
        task::frozen::FrozenTask,
        time::{
            timer::{
                self,
                Timer, //
            },
            wait, //
        }, //
    },
    task::{
        pending::for_each_record,
        restart_block::{
            ALARMS,
            BOOTTIME,
            BOOTTIME_ALARM,
            MONOTONIC, //
        }, //
    }, //
};

/// POSIX timers, as the last thread of a process makes them.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "POSIX timers",
    finish,
    ..ThreadOps::NONE
};

/// POSIX timers of a process.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "POSIX timers of a process",
    collect,
    leaks,
    save,
    commit,
    ..ProcessOps::NONE
};

/// Timers between two looks at whether the caller was killed.
const TIMERS_AT_ONCE: usize = 256;

/// Returns what is wrong with a timer, so that it can't be saved, but for what is outside of the
/// tree.
fn fault(t: &FrozenTask, timer: &Timer) -> Option<&'static str> {
    if timer.notify == TIMER_THREAD_ID && timer.target == 0 {
        Some("is for a thread that has exited")
    } else if timer.clock < 0 && timer.clock_pid == 0 {
        Some("counts the CPU time of a task that has exited")
    } else if ALARMS.contains(&timer.clock) && !t.may_wake_machine() {
        Some("is on an alarm clock, for which it has no capability any more (CAP_WAKE_ALARM)")
    } else {
        None
    }
}

fn collect(cap: &mut Capture, group: &Group<'_>) -> Result {
    let Some(t) = group.living() else {
        return Ok(());
    };
    let timers = t.timers(&cap.pid_ns)?;
    if timers.len() > TIMERS_MAX {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "has {} POSIX timers, of which only {TIMERS_MAX} can be saved: have it delete some",
                timers.len()
            ),
        );
    }
    // One line, as there may be thousands.
    let bad = timers
        .iter()
        .find_map(|timer| Some((timer.id, fault(t, timer)?)));
    if let Some((id, what)) = bad {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("its POSIX timer {id} {what}: have it delete that"),
        );
    }
    Ok(())
}

/// Refuses timers that count the CPU time of tasks outside of the tree.
fn leaks(cap: &mut Capture, group: &Group<'_>) -> Result {
    let Some(t) = group.living() else {
        return Ok(());
    };
    let timers = t.timers(&cap.pid_ns)?;
    let outside =
        |timer: &&Timer| timer.clock_pid != 0 && !cap.found.task.has(timer.clock_outer_pid);
    if let Some(timer) = timers.iter().find(outside) {
        cap.refuse(
            EBUSY,
            t,
            fmt!(
                "its POSIX timer {} counts the CPU time of a process outside of the tree: have it \
                 delete that",
                timer.id
            ),
        );
    }
    Ok(())
}

/// Returns by how much what the tasks see of the timer's clock is ahead of the kernel's.
fn offset(clock: i32, relative: bool, monotonic: i64, boottime: i64) -> i64 {
    match clock {
        MONOTONIC => monotonic,
        _ if relative => monotonic,
        BOOTTIME | BOOTTIME_ALARM => boottime,
        _ => 0,
    }
}

/// Returns the timer's record. `was_queued`: its signal is among the pending ones.
fn to_wire(cap: &Capture, timer: &Timer, was_queued: bool) -> wire::Timer {
    // Sent after the queues were read.
    let state = if timer.queued && !was_queued {
        TIMER_ARMED
    } else {
        timer.status
    };
    // One that was set again stays on the list of what is ignored: that signal is never delivered.
    let ignored = timer.ignored && state == TIMER_WAITS;
    let sent = was_queued || ignored;
    let mut flags = 0;
    for (on, flag) in [
        (timer.relative, TIMER_RELATIVE),
        (timer.periodic && sent, TIMER_PERIODIC),
        (ignored, TIMER_IGNORED),
        (timer.modified && sent, TIMER_MODIFIED),
    ] {
        if on {
            flags |= flag;
        }
    }
    let (monotonic, boottime) = (cap.monotonic_offset, cap.boottime_offset);
    let expires = if timer.clock >= 0 && state == TIMER_DISARMED {
        0
    } else {
        let by = offset(timer.clock, timer.relative, monotonic, boottime);
        // One that was over before the clock began.
        shift(timer.expires, by).max(0)
    };
    wire::Timer {
        id: timer.id.into(),
        clock: timer.clock.into(),
        notify: timer.notify.into(),
        signal: timer.signal.into(),
        value: timer.value.into(),
        target: timer.target.into(),
        clock_pid: timer.clock_pid.into(),
        state: state.into(),
        flags: flags.into(),
        expires: expires.cast_unsigned().into(),
        interval: timer.interval.cast_unsigned().into(),
        overrun: timer.overrun.cast_unsigned().into(),
        overrun_last: timer.overrun_last.cast_unsigned().into(),
    }
}

/// Returns the timer that the record describes.
fn from_wire(r: &Restore, timer: &wire::Timer) -> Timer {
    let has = |flag| timer.flags.get() & flag != 0;
    let (clock, relative) = (timer.clock.get(), has(TIMER_RELATIVE));
    let by = offset(clock, relative, r.monotonic_offset, r.boottime_offset);
    Timer {
        id: timer.id.get(),
        clock,
        notify: timer.notify.get(),
        signal: timer.signal.get(),
        value: timer.value.get(),
        target: timer.target.get(),
        clock_pid: timer.clock_pid.get(),
        clock_outer_pid: 0,
        status: timer.state.get(),
        relative,
        periodic: has(TIMER_PERIODIC),
        ignored: has(TIMER_IGNORED),
        queued: false,
        modified: has(TIMER_MODIFIED),
        expires: shift(timer.expires.get().cast_signed(), by.saturating_neg()),
        interval: timer.interval.get().cast_signed(),
        overrun: timer.overrun.get().cast_signed(),
        overrun_last: timer.overrun_last.get().cast_signed(),
    }
}

fn save(cap: &mut Capture, group: &Group<'_>) -> Result {
    let mut queued = core::mem::replace(&mut cap.found.task.queued_timers, KVVec::new());
    let Some(t) = group.living() else {
        return Ok(());
    };
    queued.sort_unstable();
    let mut timers = t.timers(&cap.pid_ns)?;
    let chosen = t.chooses_timer_ids();
    let next_id = t.next_timer_id();
    if timers.is_empty() && !chosen && next_id == 0 {
        return Ok(());
    }
    timers.sort_unstable_by_key(|timer| timer.id);
    let mut list: KVVec<wire::Timer> = KVVec::with_capacity(timers.len(), GFP_KERNEL_ACCOUNT)?;
    for timer in &timers {
        let was_queued = queued.binary_search(&timer.id).is_ok();
        list.push(to_wire(cap, timer, was_queued), GFP_KERNEL_ACCOUNT)?;
    }
    let body = Timers {
        tgid: t.tgid_in(&cap.pid_ns).into(),
        next_id: next_id.into(),
        flags: if chosen { TIMERS_CHOSEN_IDS } else { 0 }.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&body, list.as_bytes())
}

/// Makes the timers of the current process, whose last thread this is, with its own credentials and
/// limits. They do not run yet.
fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    if !plan.last {
        return Ok(());
    }
    for_each_record(r, plan, |raw| {
        if raw.kind != Kind::Timers {
            return Ok(());
        }
        let timers: Timers = raw.body().map_err(|f| r.fault(f))?;
        let list: &[wire::Timer] = raw.array(TIMERS_MAX).map_err(|f| r.fault(f))?;
        for list in list.chunks(TIMERS_AT_ONCE) {
            wait::go_on()?;
            for timer in list {
                make(r, plan, timer)?;
            }
        }
        timer::set_next_timer_id(plan.restoring()?, timers.next_id.get());
        if timers.flags.get() & TIMERS_CHOSEN_IDS != 0 {
            timer::choose_timer_ids(plan.restoring()?);
        }
        Ok(())
    })
}

fn make(r: &Restore, plan: &TaskRecords<'_>, timer: &wire::Timer) -> Result {
    timer::create_timer(plan.restoring()?, &from_wire(r, timer)).map_err(|e| {
        let why = match e {
            EAGAIN => "its user has too many, and pending signals (RLIMIT_SIGPENDING)",
            EPERM => "the task may not have it wake the machine (CAP_WAKE_ALARM)",
            EOPNOTSUPP => "this machine has no alarm clock",
            _ => "its clock or its thread is not there",
        };
        let id = timer.id.get();
        r.fail(e, plan, fmt!("POSIX timer {id} can't be made: {why}"))
    })
}

/// Starts them.
fn commit(_: &Restore, _: &Process, task: &ParkedTask) {
    task.start_timers();
}
