// SPDX-License-Identifier: GPL-2.0

//! POSIX timers: timer_create(2).

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fork::{
        parked::ParkedTask,
        restoring::Restoring, //
    },
    pid::namespace::PidNs,
    signal::sighand::Info,
    task::frozen::FrozenTask, //
};

/// A POSIX timer.
#[derive(Clone, Copy)]
pub(crate) struct Timer {
    /// Its id.
    pub(crate) id: u32,
    /// The clock.
    pub(crate) clock: i32,
    /// SIGEV_*.
    pub(crate) notify: u32,
    /// Signal.
    pub(crate) signal: u32,
    /// Value that goes with the signal.
    pub(crate) value: u64,
    /// Thread that gets the signal, in the pid namespace of the process; 0: none, or it has exited.
    pub(crate) target: u32,
    /// Task whose CPU time it counts, in the pid namespace of the process; 0: none, or it has
    /// exited.
    pub(crate) clock_pid: u32,
    /// The same in the namespace of who asks. Not needed to make one.
    pub(crate) clock_outer_pid: u32,
    /// Disarmed (0), armed (1), or waits for its signal to be taken (2).
    pub(crate) status: u32,
    /// It was set by a relative time, and does not follow the clock when that is set.
    pub(crate) relative: bool,
    /// It had an interval when its signal was sent.
    pub(crate) periodic: bool,
    /// Its signal was sent, and is ignored.
    pub(crate) ignored: bool,
    /// Its signal is in a queue. Not needed to make one.
    pub(crate) queued: bool,
    /// It was set after its signal was sent, which is not delivered so.
    pub(crate) modified: bool,
    /// Expiry on the kernel's clock, nanoseconds.
    pub(crate) expires: i64,
    /// Interval in nanoseconds.
    pub(crate) interval: i64,
    /// Overruns of the signal that is pending.
    pub(crate) overrun: i64,
    /// Overruns of the signal that was delivered last.
    pub(crate) overrun_last: i64,
}

impl From<&bindings::checkpoint_timer> for Timer {
    fn from(t: &bindings::checkpoint_timer) -> Self {
        let has = |flag| t.flags & flag != 0;
        Self {
            id: t.id.cast_unsigned(),
            clock: t.clock,
            notify: t.notify.cast_unsigned(),
            signal: t.signo.cast_unsigned(),
            value: t.value,
            target: t.target.unsigned_abs(),
            clock_pid: t.clock_pid.unsigned_abs(),
            clock_outer_pid: t.clock_outer_pid.unsigned_abs(),
            status: t.status.cast_unsigned(),
            relative: has(bindings::CHECKPOINT_TIMER_RELATIVE),
            periodic: has(bindings::CHECKPOINT_TIMER_PERIODIC),
            ignored: has(bindings::CHECKPOINT_TIMER_IGNORED),
            queued: has(bindings::CHECKPOINT_TIMER_QUEUED),
            modified: has(bindings::CHECKPOINT_TIMER_MODIFIED),
            expires: t.expires,
            interval: t.interval,
            overrun: t.overrun,
            overrun_last: t.overrun_last,
        }
    }
}

impl From<&Timer> for bindings::checkpoint_timer {
    fn from(t: &Timer) -> Self {
        let mut flags = 0;
        for (on, flag) in [
            (t.relative, bindings::CHECKPOINT_TIMER_RELATIVE),
            (t.periodic, bindings::CHECKPOINT_TIMER_PERIODIC),
            (t.ignored, bindings::CHECKPOINT_TIMER_IGNORED),
            (t.modified, bindings::CHECKPOINT_TIMER_MODIFIED),
        ] {
            if on {
                flags |= flag;
            }
        }
        Self {
            id: t.id.cast_signed(),
            clock: t.clock,
            notify: t.notify.cast_signed(),
            signo: t.signal.cast_signed(),
            value: t.value,
            target: t.target.cast_signed(),
            clock_pid: t.clock_pid.cast_signed(),
            clock_outer_pid: 0,
            status: t.status.cast_signed(),
            flags,
            reserved: 0,
            expires: t.expires,
            interval: t.interval,
            overrun: t.overrun,
            overrun_last: t.overrun_last,
        }
    }
}

impl FrozenTask {
    /// Returns the timers of its thread group, in no order. They go on, and may send their signals.
    /// May sleep.
    pub(crate) fn timers(&self, ns: &PidNs) -> Result<KVVec<Timer>> {
        let mut room: KVVec<bindings::checkpoint_timer> = KVVec::new();
        loop {
            let max = u32::try_from(room.len())?;
            // SAFETY: We own references on the task and the namespace, and there is room for so many.
            let nr = unsafe {
                bindings::checkpoint_get_timers(self.as_ptr(), ns.as_ptr(), room.as_mut_ptr(), max)
            };
            if nr <= max {
                let mut timers = KVVec::with_capacity(nr as usize, GFP_KERNEL_ACCOUNT)?;
                for timer in room.iter().take(nr as usize) {
                    timers.push(timer.into(), GFP_KERNEL_ACCOUNT)?;
                }
                return Ok(timers);
            }
            room.resize(nr as usize, Default::default(), GFP_KERNEL_ACCOUNT)?;
        }
    }

    /// Returns the id that its thread group's next timer gets, if that is free.
    pub(crate) fn next_timer_id(&self) -> u32 {
        // SAFETY: We own a reference on the task, which keeps its signal_struct.
        unsafe { bindings::checkpoint_next_timer_id(self.as_ptr()) }
    }

    /// Returns whether its thread group chooses the ids of timers itself.
    pub(crate) fn chooses_timer_ids(&self) -> bool {
        // SAFETY: We own a reference on the task, which keeps its signal_struct.
        unsafe { bindings::checkpoint_chooses_timer_ids(self.as_ptr()) }
    }

    /// Returns whether it may have timers and sleeps on alarm clocks.
    pub(crate) fn may_wake_machine(&self) -> bool {
        // SAFETY: We own a reference on the task, whose credentials are read under RCU.
        unsafe {
            bindings::has_capability_noaudit(self.as_ptr(), bindings::CAP_WAKE_ALARM.cast_signed())
        }
    }
}

/// Makes a timer of the current thread group with this id and state, as timer_create(2). It does
/// not run yet. Its fields are within what the check of an image allows.
///
/// EAGAIN: the user has too many (RLIMIT_SIGPENDING). EINVAL: there is no such clock, or no such
/// thread. EPERM: it takes CAP_WAKE_ALARM. EOPNOTSUPP: the machine has no such clock. EBUSY: the id
/// is taken.
pub(crate) fn create_timer(_: &Restoring, timer: &Timer) -> Result {
    let raw = timer.into();
    // SAFETY: It adds to the running task, with the checks of the system call. What the check of an
    // image ensures what the function requires: states that go together.
    to_result(unsafe { bindings::checkpoint_create_timer(&raw) })
}

/// Sets the id that the current thread group's next timer gets.
pub(crate) fn set_next_timer_id(_: &Restoring, id: u32) {
    // SAFETY: It belongs to the running task. It is counted up by timer_create(2), which takes what
    // is a number, and looks whether it is free.
    unsafe { bindings::checkpoint_set_next_timer_id(id) };
}

/// Has the current thread group choose the ids of its timers, as
/// prctl(PR_TIMER_CREATE_RESTORE_IDS).
pub(crate) fn choose_timer_ids(_: &Restoring) {
    // SAFETY: It sets a flag of the running task.
    unsafe { bindings::checkpoint_choose_timer_ids() };
}

impl ParkedTask {
    /// Queues the signal of the timer `id` of its thread group, which has this siginfo: for the
    /// thread, or for `shared` the group.
    ///
    /// EINVAL: it can't be there. ESRCH: the task was killed.
    pub(crate) fn queue_timer(&self, id: u32, info: &Info, shared: bool) -> Result {
        let signal = u32::from_ne_bytes([info[0], info[1], info[2], info[3]]);
        // SAFETY: By the type's invariants the task is valid, and none of its group runs or exits.
        to_result(unsafe {
            bindings::checkpoint_queue_timer(
                self.as_ptr(),
                i32::try_from(id)?,
                signal.cast_signed(),
                shared,
            )
        })
    }

    /// Starts the timers of its thread group that are armed. May sleep.
    pub(crate) fn start_timers(&self) {
        // SAFETY: By the type's invariants the task is valid, and none of its group runs or exits, so
        // that none of its timers is deleted. Nobody has started them, as this is called once.
        unsafe { bindings::checkpoint_start_timers(self.as_ptr()) };
    }
}
