// SPDX-License-Identifier: GPL-2.0

//! POSIX timers.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            zero, //
        },
        walk::Walk,
        PID_MAX, //
    },
    record::{
        Fault,
        Raw, //
    },
    task::{
        check::SEEN_TIMERS,
        Timer,
        Timers,
        NSIG,
        TASK_ZOMBIE,
        TIMERS_FLAGS,
        TIMERS_MAX,
        TIMER_ARMED,
        TIMER_DISARMED,
        TIMER_FLAGS,
        TIMER_ID_MAX,
        TIMER_IGNORED,
        TIMER_NONE,
        TIMER_RELATIVE,
        TIMER_SIGNAL,
        TIMER_THREAD,
        TIMER_THREAD_ID,
        TIMER_WAITS, //
    }, //
};

/// CLOCK_REALTIME, which a timer set by a relative time does not follow.
const REALTIME: i32 = 0;

/// CLOCK_REALTIME, MONOTONIC, BOOTTIME, REALTIME_ALARM, BOOTTIME_ALARM and TAI.
const CLOCKS: &[i32] = &[REALTIME, 1, 7, 8, 9, 11];

/// Bits of a negative clock id that say what it is, and what they are for a file.
const CLOCK_KIND: i32 = 3;
const CLOCK_OF_FILE: i32 = 3;

/// Most overruns: the kernel counts them further up.
const OVERRUN_MAX: i64 = 1 << 62;

impl Walk<'_> {
    /// Checks POSIX timers of a process.
    pub(in crate::image) fn timers(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let timers: Timers = raw.body()?;
        zero(raw, timers.reserved.get() == 0)?;
        flags(raw, timers.flags.get().into(), TIMERS_FLAGS.into())?;
        let pid = self.see(raw, timers.tgid.get(), SEEN_TIMERS)?;
        ensure(
            raw,
            pid.is_leader() && pid.state != TASK_ZOMBIE,
            "timers of a process that has exited, or is none",
        )?;
        let list: &[Timer] = raw.array(TIMERS_MAX)?;
        let mut next = 0;
        for t in list {
            ensure(
                raw,
                (next..=TIMER_ID_MAX).contains(&t.id.get()),
                "timers are not in the order of their ids",
            )?;
            next = t.id.get().saturating_add(1);
            timer(raw, t)?;
        }
        self.in_place(raw, timers.tgid.get(), true)
    }
}

/// Checks what can be said about a timer by itself.
fn timer(raw: &Raw<'_>, t: &Timer) -> Result<(), Fault> {
    flags(raw, t.flags.get().into(), TIMER_FLAGS.into())?;
    let has = |flag| t.flags.get() & flag != 0;
    let clock = t.clock.get();
    let cpu = clock < 0;
    ensure(
        raw,
        if cpu {
            clock & CLOCK_KIND != CLOCK_OF_FILE
        } else {
            CLOCKS.contains(&clock)
        },
        "timer on an impossible clock",
    )?;
    ensure(
        raw,
        (t.clock_pid.get() != 0) == cpu && t.clock_pid.get() < PID_MAX,
        "timer with a task that its clock is not of, or without one",
    )?;
    let notify = t.notify.get();
    ensure(
        raw,
        [TIMER_SIGNAL, TIMER_NONE, TIMER_THREAD, TIMER_THREAD_ID].contains(&notify),
        "timer that tells in an unknown way",
    )?;
    ensure(
        raw,
        (t.target.get() != 0) == (notify == TIMER_THREAD_ID) && t.target.get() < PID_MAX,
        "timer with a thread that it does not tell, or without one",
    )?;
    let signal = usize::try_from(t.signal.get());
    ensure(
        raw,
        notify == TIMER_NONE || signal.is_ok_and(|n| (1..=NSIG).contains(&n)),
        "timer with an impossible signal",
    )?;
    let (expires, interval) = (t.expires.get(), t.interval.get());
    ensure(
        raw,
        i64::try_from(expires).is_ok() && i64::try_from(interval).is_ok(),
        "timer with an impossible time",
    )?;
    let possible = match t.state.get() {
        // One that tells nobody is not armed by a CPU clock.
        TIMER_DISARMED => cpu || expires == 0 && interval == 0,
        TIMER_ARMED => !cpu || notify != TIMER_NONE,
        TIMER_WAITS => interval != 0 && notify != TIMER_NONE,
        _ => false,
    };
    ensure(
        raw,
        possible
            && (!has(TIMER_RELATIVE) || clock == REALTIME)
            && (!has(TIMER_IGNORED) || t.state.get() == TIMER_WAITS),
        "timer in an impossible state",
    )?;
    let counts = [t.overrun, t.overrun_last].map(|n| n.get().cast_signed());
    ensure(
        raw,
        counts.iter().all(|n| (-1..=OVERRUN_MAX).contains(n)),
        "impossible overruns of a timer",
    )
}
