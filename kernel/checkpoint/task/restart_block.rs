// SPDX-License-Identifier: GPL-2.0

//! Interrupted system calls that go on with what is in the restart block.

use kernel::prelude::*;

use crate::{
    core::{
        clock::shift,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::Capture,
    image::task::*,
    kapi::{
        signal::restart_block::{
            self,
            Call, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Clock ids that stand in the image: CLOCK_MONOTONIC and CLOCK_BOOTTIME.
pub(super) const MONOTONIC: i32 = 1;
pub(super) const BOOTTIME: i32 = 7;
/// CLOCK_REALTIME_ALARM and CLOCK_BOOTTIME_ALARM, which wake the machine.
pub(super) const REALTIME_ALARM: i32 = 8;
pub(super) const BOOTTIME_ALARM: i32 = 9;
pub(super) const ALARMS: [i32; 2] = [REALTIME_ALARM, BOOTTIME_ALARM];

/// Futex flags in the image: shared between address spaces; expiry on CLOCK_REALTIME.
const FUTEX_SHARED: u64 = 1 << 0;
const FUTEX_REALTIME: u64 = 1 << 1;

/// Moves the expiry of `call` by the offset of its clock.
fn shifted(call: Call, monotonic: i64, boottime: i64) -> Call {
    match call {
        Call::Nanosleep {
            clock,
            remaining,
            narrow,
            expires,
        } => Call::Nanosleep {
            clock,
            remaining,
            narrow,
            expires: match clock {
                MONOTONIC => shift(expires, monotonic),
                BOOTTIME | BOOTTIME_ALARM => shift(expires, boottime),
                _ => expires,
            },
        },
        Call::Poll { fds, nr, end } => Call::Poll {
            fds,
            nr,
            end: end.map(|end| shift(end, monotonic)),
        },
        Call::Socket { nr, first, end } => Call::Socket {
            nr,
            first,
            end: shift(end, monotonic),
        },
        Call::Futex {
            addr,
            value,
            shared,
            realtime: false,
            bitset,
            expires,
        } => Call::Futex {
            addr,
            value,
            shared,
            realtime: false,
            bitset,
            expires: shift(expires, monotonic),
        },
        other => other,
    }
}

/// Refuses calls that can't be restored.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask) {
    if !t.is_live() {
        return;
    }
    if let (Call::Other(name), _) = t.restart_block() {
        cap.refuse(EOPNOTSUPP, t, fmt!("was interrupted in {name}"));
    }
}

/// Returns the pid that a CPU clock is of, as the task sees it; 0: its own process. `None`: it is
/// no CPU clock.
fn pid_of_clock(clock: i32) -> Option<u32> {
    (clock < 0).then_some((!(clock >> 3)).cast_unsigned())
}

/// Refuses a sleep on the CPU clock of a task outside of the tree. To be called when all were
/// collected.
pub(super) fn leaks(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let (Call::Nanosleep { clock, .. }, _) = t.restart_block() else {
        return Ok(());
    };
    let Some(pid) = pid_of_clock(clock).filter(|&pid| pid != 0) else {
        return Ok(());
    };
    let number = t.pid_ns()?.number_in(pid, &cap.pid_ns);
    if !cap.found.task.has(number) && t.is_in_restart_block() {
        cap.refuse(
            EBUSY,
            t,
            fmt!("sleeps on the CPU clock of a process outside of the tree: checkpoint both together"),
        );
    }
    Ok(())
}

/// Fills in the fields of the task record.
pub(super) fn fill(cap: &Capture, task: &mut Task, t: &FrozenTask) {
    let (call, arch) = t.restart_block();
    task.restart_arch = arch.into();
    let (kind, args) = match shifted(call, cap.monotonic_offset, cap.boottime_offset) {
        Call::None | Call::Other(_) => return,
        Call::Nanosleep {
            clock,
            remaining,
            narrow,
            expires,
        } => (
            RESTART_NANOSLEEP,
            [
                u64::from(clock.cast_unsigned()),
                remaining,
                expires.cast_unsigned(),
                narrow.into(),
                0,
                0,
            ],
        ),
        Call::Poll { fds, nr, end } => (
            RESTART_POLL,
            [
                fds,
                nr.into(),
                end.is_some().into(),
                end.unwrap_or(0).cast_unsigned(),
                0,
                0,
            ],
        ),
        Call::Socket { nr, first, end } => (
            RESTART_SOCKET,
            [nr.into(), first, end.cast_unsigned(), 0, 0, 0],
        ),
        Call::Futex {
            addr,
            value,
            shared,
            realtime,
            bitset,
            expires,
        } => {
            let bit = |on: bool, flag: u64| if on { flag } else { 0 };
            let flags = bit(shared, FUTEX_SHARED) | bit(realtime, FUTEX_REALTIME);
            (
                RESTART_FUTEX,
                [
                    addr,
                    value.into(),
                    flags,
                    bitset.into(),
                    expires.cast_unsigned(),
                    0,
                ],
            )
        }
    };
    task.restart_kind = kind.into();
    task.restart = args.map(Into::into);
}

/// Returns the call in a task record. `None`: its arguments are impossible.
fn parse(task: &Task) -> Option<Call> {
    let [a, b, c, d, e, f] = task.restart.map(|arg| arg.get());
    let call = match task.restart_kind.get() {
        RESTART_NANOSLEEP if d <= 1 && (d == 0 || b != 0) => Call::Nanosleep {
            clock: u32::try_from(a).ok()?.cast_signed(),
            remaining: b,
            narrow: d == 1,
            expires: c.cast_signed(),
        },
        RESTART_POLL => Call::Poll {
            fds: a,
            nr: u32::try_from(b).ok()?,
            end: match c {
                0 => None,
                1 => Some(d.cast_signed()),
                _ => return None,
            },
        },
        RESTART_FUTEX if f == 0 && c & !(FUTEX_SHARED | FUTEX_REALTIME) == 0 => Call::Futex {
            addr: a,
            value: u32::try_from(b).ok()?,
            shared: c & FUTEX_SHARED != 0,
            realtime: c & FUTEX_REALTIME != 0,
            bitset: u32::try_from(d).ok()?,
            expires: e.cast_signed(),
        },
        RESTART_SOCKET => Call::Socket {
            nr: u32::try_from(a).ok()?,
            first: b,
            end: c.cast_signed(),
        },
        RESTART_NONE => Call::None,
        _ => return None,
    };
    Some(call)
}

/// Sets the restart block of the current task.
pub(super) fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let bad = |e| r.fail(e, plan, fmt!("system call that can't be restarted"));
    let call = parse(&plan.task).ok_or(EINVAL).map_err(bad)?;
    let back = |offset: i64| offset.saturating_neg();
    let call = shifted(call, back(r.monotonic_offset), back(r.boottime_offset));
    restart_block::set_restart_block(plan.restoring()?, &call, plan.task.restart_arch.get())
        .map_err(bad)
}
