// SPDX-License-Identifier: GPL-2.0

//! Waiting, and time.

use kernel::{
    bindings,
    prelude::*,
    task::Task, //
};

use crate::kapi::signal::sighand;

/// Returns whether the caller was sent SIGKILL.
pub(crate) fn killed() -> bool {
    // SAFETY: `current` is valid.
    unsafe { bindings::fatal_signal_pending(bindings::get_current()) }
}

/// Fails with EINTR if the caller was killed.
pub(crate) fn check_killed() -> Result {
    if killed() {
        Err(EINTR)
    } else {
        Ok(())
    }
}

/// Lets others have the CPU, in loops that may take long. EINTR if the caller was killed.
pub(crate) fn go_on() -> Result {
    // SAFETY: Process context, no lock held.
    unsafe { bindings::cond_resched() };
    check_killed()
}

/// Asks as [`go_on`] does, for what is asked in the `image` module.
pub(crate) fn goes_on() -> bool {
    go_on().is_ok()
}

/// Returns the error as the caller of a system call may get it: what asks the kernel to make the
/// call again (-ERESTARTSYS and its family) is EINTR. Neither of our calls can be made again from
/// the start.
pub(crate) fn without_restart(e: Error) -> Error {
    if RESTARTS.contains(&e.to_errno()) {
        EINTR
    } else {
        e
    }
}

/// Returns whether a result of the kernel's functions asks for the system call to be made again.
pub(crate) fn asks_for_restart(n: isize) -> bool {
    c_int::try_from(n).is_ok_and(|n| RESTARTS.contains(&n))
}

/// Results that ask for it: from -ERESTART_RESTARTBLOCK to -ERESTARTSYS.
const RESTARTS: core::ops::RangeInclusive<c_int> =
    -bindings::ERESTART_RESTARTBLOCK.cast_signed()..=-bindings::ERESTARTSYS.cast_signed();

/// That a debugger has asked the current task to stop (PTRACE_INTERRUPT), while it did what can't
/// be left half-way: it is asked again when this is dropped, and stops on its way to user mode.
///
/// # Invariants
///
/// The bits are those of `jobctl` that checkpoint_interrupted() took from the current task; 0:
/// none.
pub(crate) struct LaterTrap(c_ulong);

impl LaterTrap {
    /// Makes one of which nothing has been asked.
    pub(crate) fn new() -> Self {
        Self(0)
    }
}

impl Drop for LaterTrap {
    fn drop(&mut self) {
        if self.0 != 0 {
            // SAFETY: Process context, no lock held; what is asked was asked before.
            unsafe { bindings::checkpoint_trap_again(self.0) };
        }
    }
}

/// Waits until nothing interrupts the current task that is no signal for it: a stop, a frozen
/// cgroup, the machine being suspended. Then what was interrupted is done again; a debugger waits
/// until that is over. May sleep; the caller holds no lock.
///
/// EINTR: it was killed, or has a signal to handle.
pub(crate) fn let_pass(trap: &mut LaterTrap) -> Result {
    let_pass_without(trap, || Ok(()))
}

/// Waits as [`let_pass`] does, where `drop` takes away each time what need not be waited for. Its
/// error ends it.
pub(crate) fn let_pass_without(trap: &mut LaterTrap, drop: impl Fn() -> Result) -> Result {
    loop {
        check_killed()?;
        drop()?;
        // SAFETY: Process context, no lock held.
        // INVARIANT: It adds the bits that it takes.
        if !unsafe { bindings::checkpoint_interrupted(&mut trap.0) } {
            return Ok(());
        }
        if sighand::has_own() {
            return Err(EINTR);
        }
        pause_ms(LOOK_AGAIN_MS);
    }
}

/// How often [`let_pass`] looks, in milliseconds.
const LOOK_AGAIN_MS: u32 = 10;

/// Sleeps for `ms` milliseconds and up to a quarter more, or until the caller is killed.
pub(crate) fn pause_ms(ms: u32) {
    pause_us(ms.saturating_mul(1000));
}

/// Sleeps for `us` microseconds and up to a quarter more, or until the caller is killed.
fn pause_us(us: u32) {
    // SAFETY: Process context, no lock held.
    unsafe { bindings::checkpoint_pause(u64::from(us) * 1000) };
}

/// Pauses between two looks at what nobody tells us of: short at first, as most of it takes a fraction
/// of a millisecond, and longer each time.
pub(crate) struct Pauses {
    /// Length of the next one, in microseconds.
    next_us: u32,
}

impl Pauses {
    const FIRST_US: u32 = 50;
    const LONGEST_US: u32 = 50_000;

    /// Begins with the shortest one.
    pub(crate) const fn new() -> Self {
        Self {
            next_us: Self::FIRST_US,
        }
    }

    /// Sleeps, or until the caller is killed.
    pub(crate) fn pause(&mut self) {
        pause_us(self.next_us);
        self.next_us = (self.next_us * 2).min(Self::LONGEST_US);
    }
}

/// Sleeps for `ms` milliseconds, even if the caller is killed.
fn pause_ms_uninterruptible(ms: u32) {
    // SAFETY: Process context, no lock held.
    unsafe { bindings::msleep(ms) };
}

/// How long to wait for what should take a moment, but where user space may come between: a
/// debugger that stops who exits, a page or a lock of a file that somebody provides.
///
/// A caller that was killed still waits a little, as what it has begun is in order then.
pub(crate) struct Patience {
    /// On CLOCK_MONOTONIC, in nanoseconds.
    end: u64,
    /// For so long, from then on, if the caller is killed.
    killed_ns: u64,
}

impl Patience {
    /// Makes one that ends after `ms` milliseconds, or `killed_ms` after it was seen that the
    /// caller was killed.
    pub(crate) fn new(ms: u64, killed_ms: u64) -> Self {
        Self {
            end: monotonic_ns().saturating_add(ms * 1_000_000),
            killed_ns: killed_ms * 1_000_000,
        }
    }

    /// Sleeps for `ms` milliseconds, few of them, even if the caller is killed. False: it has not
    /// slept, as the patience is at its end.
    pub(crate) fn pause(&mut self, ms: u32) -> bool {
        let now = monotonic_ns();
        if killed() {
            self.end = self.end.min(now.saturating_add(self.killed_ns));
        }
        if now >= self.end {
            return false;
        }
        pause_ms_uninterruptible(ms);
        true
    }
}

/// Returns the kernel's CLOCK_MONOTONIC in nanoseconds.
pub(crate) fn monotonic_ns() -> u64 {
    // SAFETY: May be called anywhere.
    unsafe { bindings::checkpoint_ktime_get_ns() }
}

/// Returns the kernel's CLOCK_BOOTTIME in nanoseconds.
pub(crate) fn boottime_ns() -> u64 {
    // SAFETY: May be called anywhere.
    unsafe { bindings::ktime_get_boottime_ns() }
}

/// Returns the kernel's CLOCK_MONOTONIC and CLOCK_BOOTTIME of the same moment, in nanoseconds: they
/// differ by the time that the machine was suspended.
pub(crate) fn clocks_ns() -> (u64, u64) {
    let monotonic = monotonic_ns();
    // SAFETY: May be called anywhere.
    let boottime = unsafe {
        bindings::ktime_mono_to_any(monotonic.cast_signed(), bindings::tk_offsets_TK_OFFS_BOOT)
    };
    (monotonic, boottime.cast_unsigned())
}

/// Returns CLOCK_REALTIME in nanoseconds.
pub(crate) fn realtime_ns() -> u64 {
    // SAFETY: May be called anywhere.
    unsafe { bindings::ktime_get_real_ns() }
}

/// Sends SIGKILL to the thread group of `task`.
pub(crate) fn kill_group(task: &Task) {
    // SAFETY: We own a reference on the task; 1 is SEND_SIG_PRIV.
    unsafe {
        bindings::do_send_sig_info(
            bindings::SIGKILL.cast_signed(),
            core::ptr::without_provenance_mut(1),
            task.as_ptr(),
            bindings::pid_type_PIDTYPE_TGID,
        );
    }
}
