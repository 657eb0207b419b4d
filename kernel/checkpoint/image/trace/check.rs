// SPDX-License-Identifier: GPL-2.0

//! That threads are traced. Whether a tracer may trace is asked when both are there.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero, //
        },
        pid,
        walk::Walk,
        PID_MAX, //
    },
    record::{
        Fault,
        Raw, //
    },
    task::{
        check::{
            SEEN_PTRACER,
            SEEN_TRACED,
            SEEN_VFORK, //
        },
        NSIG,
        SIGINFO_LEN,
        TASK_LIVE, //
    },
    trace::*, //
};

/// SIGKILL, which stops nobody.
const KILL: u32 = 9;

/// What is only of a thread that is stopped.
const OF_STOPPED: u32 = TRACED_LISTENING | TRACED_INTERRUPTED | TRACED_NOTIFY | TRACED_DEQUEUED;

/// What is only of a thread that was seized.
const OF_SEIZED: u32 = TRACED_LISTENING | TRACED_INTERRUPTED | TRACED_NOTIFY;

impl Walk<'_> {
    /// Checks whom a process lets trace it.
    pub(in crate::image) fn ptracer(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Ptracer = raw.body()?;
        no_payload(raw)?;
        let (tid, tracer) = (body.tid.get(), body.tracer.get());
        let seen = self.see(raw, tid, SEEN_PTRACER)?;
        ensure(raw, seen.tgid == tid, "is of no leader of a thread group")?;
        ensure(
            raw,
            tracer == 0 || pid(self.pids, tracer).is_some_and(|tracer| tracer.is_task()),
            "lets no task of the image trace it",
        )?;
        self.in_place(raw, tid, false)
    }

    /// Checks how a thread is traced.
    pub(in crate::image) fn traced(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Traced = raw.body()?;
        let set = body.flags.get();
        flags(raw, set.into(), TRACED_FLAGS.into())?;
        flags(raw, body.options.get().into(), TRACE_OPTIONS.into())?;
        let infos: &[[u8; SIGINFO_LEN]] = raw.array(1)?;
        let stop = body.stop.get();
        let seized = set & TRACED_SEIZED != 0;
        let at_event = stop == TRACED_AT_EVENT;
        let at_vfork = stop == TRACED_AT_VFORK;
        let group_exits = set & TRACED_GROUP_EXITS != 0;
        zero(
            raw,
            body.reserved.get() == 0
                && (at_event || at_vfork || group_exits || body.result.get() == 0),
        )?;
        zero(
            raw,
            stop != TRACED_RUNS
                || set & OF_STOPPED == 0 && body.exit_code.get() == 0 && body.message.get() == 0,
        )?;
        ensure(
            raw,
            (seized || set & OF_SEIZED == 0)
                && (stop == TRACED_AT_TRAP || set & TRACED_LISTENING == 0),
            "trap of a thread that was not seized, or is not stopped by one",
        )?;
        ensure(
            raw,
            !group_exits || stop == TRACED_EXITING && u64::from(body.result.get()) <= EXIT_CODE_MAX,
            "process that exits, of a thread that does not, or with an impossible code",
        )?;
        ensure(
            raw,
            !at_vfork || (1..=PID_MAX).contains(&body.result.get()),
            "impossible pid",
        )?;
        let (code, message, info) = match stop {
            TRACED_RUNS => (true, 0, false),
            TRACED_AT_SIGNAL => (is_signal(body.exit_code.get()), 0, true),
            TRACED_AT_TRAP => (is_trap(body.exit_code.get(), seized), 0, seized),
            TRACED_AT_EXIT => (
                matches!(body.exit_code.get() & !TRAP_SYSCALL, TRAP),
                MESSAGE_EXIT,
                true,
            ),
            TRACED_AT_EVENT => (is_event(body.exit_code.get()), body.message.get(), true),
            TRACED_AT_ENTRY => (
                matches!(body.exit_code.get() & !TRAP_SYSCALL, TRAP),
                MESSAGE_ENTRY,
                true,
            ),
            TRACED_AT_SECCOMP => (
                body.exit_code.get() == EVENT_SECCOMP << 8 | TRAP,
                body.message.get().min(SECCOMP_DATA_MAX),
                true,
            ),
            TRACED_AT_VFORK => (
                body.exit_code.get() == EVENT_VFORK << 8 | TRAP,
                body.message.get(),
                true,
            ),
            TRACED_EXITING => (
                body.exit_code.get() == EVENT_EXIT << 8 | TRAP,
                body.message.get().min(EXIT_CODE_MAX),
                true,
            ),
            _ => return Err(raw.fault("unknown place where a thread is stopped")),
        };
        ensure(
            raw,
            (code || body.exit_code.get() == 0) && body.message.get() == message,
            "status or message of another stop",
        )?;
        ensure(
            raw,
            !at_event
                || body.result.get() <= PID_MAX
                    && (body.exit_code.get() == 0
                        || (body.result.get() == 0) == (body.exit_code.get() >> 8 == EVENT_EXEC)),
            "impossible pid",
        )?;
        ensure(
            raw,
            infos.is_empty() != info,
            "not one siginfo for a stop that has one",
        )?;
        let seen = self.see(raw, body.tid.get(), SEEN_TRACED)?;
        ensure(raw, seen.state == TASK_LIVE, "exited task is traced")?;
        // The wait ends with an event: a thread that has yet to stop elsewhere can't tell of it.
        ensure(
            raw,
            seen.seen & SEEN_VFORK == 0 || at_vfork || stop == TRACED_RUNS,
            "waits in vfork(), and is stopped elsewhere",
        )?;
        ensure(
            raw,
            pid(self.pids, body.tracer.get()).is_some_and(|tracer| {
                tracer.is_task() && tracer.state == TASK_LIVE && tracer.tgid != seen.tgid
            }),
            "traced by no live task of another process",
        )?;
        self.in_place(raw, body.tid.get(), false)
    }
}

/// Returns whether `code` is the number of a signal that can stop a thread before it is delivered.
fn is_signal(code: u32) -> bool {
    code != KILL && usize::try_from(code).is_ok_and(|n| (1..=NSIG).contains(&n))
}

/// Returns whether `code` tells of an event after which a system call returns.
fn is_event(code: u32) -> bool {
    code & 0xff == TRAP && TRACED_EVENTS.contains(&(code >> 8))
}

/// Returns whether `code` tells of a group stop or of PTRACE_INTERRUPT.
fn is_trap(code: u32, seized: bool) -> bool {
    let event = if seized { EVENT_STOP } else { 0 };
    code >> 8 == event && is_signal(code & 0xff)
}
