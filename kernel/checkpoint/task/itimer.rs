// SPDX-License-Identifier: GPL-2.0

//! Interval timers: setitimer(2), alarm(2).

use kernel::prelude::*;

use crate::{
    core::{
        clock::shift,
        kind::Group,
        restore::Restore, //
    },
    found::{
        Capture,
        ProcessOps, //
    },
    image::task::*,
    kapi::{
        fork::parked::ParkedTask,
        time::itimer::{
            Itimer,
            Itimers, //
        }, //
    },
};

/// Interval timers of a process.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "interval timers",
    save,
    commit,
    ..ProcessOps::NONE
};

/// Reads them, before the pending signals: otherwise one that expires between the two would be
/// lost.
fn save(cap: &mut Capture, group: &Group<'_>) -> Result {
    cap.found.task.itimers = match group.living() {
        Some(t) => t.itimers()?,
        None => Itimers::default(),
    };
    Ok(())
}

/// Fills in the fields of the process record.
pub(super) fn fill(cap: &Capture, process: &mut Process, flags: &mut u64) {
    let timers = &cap.found.task.itimers;
    let mut arm = |timer: &Itimer, flag: u64| {
        if timer.armed {
            *flags |= flag;
        }
        (timer.expires, timer.interval)
    };
    let (expires, interval) = arm(&timers.real, PROCESS_ITIMER_REAL);
    // The expiry of one that is not to be armed again means nothing.
    if timers.real.armed || interval != 0 {
        process.itimer_real = shift(expires, cap.monotonic_offset).cast_unsigned().into();
    }
    process.itimer_real_interval = interval.into();
    let (left, interval) = arm(&timers.virt, PROCESS_ITIMER_VIRTUAL);
    process.itimer_virtual = left.cast_unsigned().into();
    process.itimer_virtual_interval = interval.into();
    let (left, interval) = arm(&timers.prof, PROCESS_ITIMER_PROF);
    process.itimer_prof = left.cast_unsigned().into();
    process.itimer_prof_interval = interval.into();
}

/// Starts them. If the process was killed, it has none.
fn commit(r: &Restore, process: &Process, task: &ParkedTask) {
    let armed = |flag| process.flags.get() & flag != 0;
    task.start_itimers(&Itimers {
        real: Itimer {
            expires: shift(
                process.itimer_real.get().cast_signed(),
                r.monotonic_offset.saturating_neg(),
            ),
            interval: process.itimer_real_interval.get(),
            armed: armed(PROCESS_ITIMER_REAL),
        },
        virt: Itimer {
            expires: process.itimer_virtual.get().cast_signed(),
            interval: process.itimer_virtual_interval.get(),
            armed: armed(PROCESS_ITIMER_VIRTUAL),
        },
        prof: Itimer {
            expires: process.itimer_prof.get().cast_signed(),
            interval: process.itimer_prof_interval.get(),
            armed: armed(PROCESS_ITIMER_PROF),
        },
    });
}
