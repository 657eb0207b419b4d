// SPDX-License-Identifier: GPL-2.0

//! Waiting, and time.

use kernel::{
    bindings,
    prelude::*,
    task::Task, //
};

/// The caller was sent SIGKILL.
pub(crate) fn killed() -> bool {
    // SAFETY: `current` is valid.
    unsafe { bindings::fatal_signal_pending(bindings::get_current()) }
}

/// EINTR if the caller was killed.
pub(crate) fn check_killed() -> Result {
    if killed() {
        Err(EINTR)
    } else {
        Ok(())
    }
}

/// Sleeps for `ms` milliseconds, or until the caller is killed.
pub(crate) fn pause_ms(ms: u32) {
    // SAFETY: Process context, no lock held.
    unsafe {
        let jiffies = bindings::checkpoint_msecs_to_jiffies(ms).max(1);
        bindings::schedule_timeout_killable(jiffies.cast_signed());
    }
}

/// Sleeps for `ms` milliseconds, even if the caller is killed: for clean-up.
pub(crate) fn pause_ms_uninterruptible(ms: u32) {
    // SAFETY: Process context, no lock held.
    unsafe { bindings::msleep(ms) };
}

/// The kernel's CLOCK_MONOTONIC in nanoseconds.
pub(crate) fn monotonic_ns() -> u64 {
    // SAFETY: May be called anywhere.
    unsafe { bindings::checkpoint_ktime_get_ns() }
}

/// The kernel's CLOCK_BOOTTIME in nanoseconds.
pub(crate) fn boottime_ns() -> u64 {
    // SAFETY: May be called anywhere.
    unsafe { bindings::ktime_get_boottime_ns() }
}

/// The kernel's CLOCK_MONOTONIC and CLOCK_BOOTTIME of the same moment, in nanoseconds: they differ
/// by the time that the machine was suspended.
pub(crate) fn clocks_ns() -> (u64, u64) {
    let monotonic = monotonic_ns();
    // SAFETY: May be called anywhere.
    let boottime = unsafe {
        bindings::ktime_mono_to_any(monotonic.cast_signed(), bindings::tk_offsets_TK_OFFS_BOOT)
    };
    (monotonic, boottime.cast_unsigned())
}

/// CLOCK_REALTIME in nanoseconds.
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
