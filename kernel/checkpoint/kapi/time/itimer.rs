// SPDX-License-Identifier: GPL-2.0

//! Interval timers: setitimer(2), alarm(2).

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fork::parked::ParkedTask,
    task::frozen::FrozenTask, //
};

/// How many there are: real, virtual, profiling.
const COUNT: usize = 3;

/// An interval timer.
#[derive(Clone, Copy, Default)]
pub(crate) struct Itimer {
    /// Expiry on the kernel's CLOCK_MONOTONIC; of the two that count CPU time: what is left.
    /// Nanoseconds.
    pub(crate) expires: i64,
    /// Interval in nanoseconds.
    pub(crate) interval: u64,
    /// It runs.
    pub(crate) armed: bool,
}

/// The interval timers of a process.
#[derive(Clone, Copy, Default)]
pub(crate) struct Itimers {
    /// ITIMER_REAL. If it is not armed and has an interval, it has sent its signal: it is armed
    /// again when that is taken.
    pub(crate) real: Itimer,
    /// ITIMER_VIRTUAL.
    pub(crate) virt: Itimer,
    /// ITIMER_PROF.
    pub(crate) prof: Itimer,
}

impl From<bindings::checkpoint_itimer> for Itimer {
    fn from(t: bindings::checkpoint_itimer) -> Self {
        Self {
            expires: t.expires,
            interval: t.interval,
            armed: t.armed,
        }
    }
}

impl From<Itimer> for bindings::checkpoint_itimer {
    fn from(t: Itimer) -> Self {
        Self {
            expires: t.expires,
            interval: t.interval,
            armed: t.armed,
        }
    }
}

impl FrozenTask {
    /// Returns the interval timers of its thread group. To be called before its pending signals are
    /// read: a signal that a timer sends after this is among them. ESRCH: it is dead.
    pub(crate) fn itimers(&self) -> Result<Itimers> {
        let mut timers = [bindings::checkpoint_itimer::default(); COUNT];
        // SAFETY: We own a reference on the task, and there is room for all.
        to_result(unsafe { bindings::checkpoint_get_itimers(self.as_ptr(), timers.as_mut_ptr()) })?;
        let [real, virt, prof] = timers;
        Ok(Itimers {
            real: real.into(),
            virt: virt.into(),
            prof: prof.into(),
        })
    }
}

impl ParkedTask {
    /// Starts the interval timers of its thread group, which has none yet. Does not sleep.
    pub(crate) fn start_itimers(&self, timers: &Itimers) {
        let timers: [bindings::checkpoint_itimer; COUNT] =
            [timers.real.into(), timers.virt.into(), timers.prof.into()];
        // SAFETY: By the type's invariants the task is valid and keeps its signal state; the timers
        // change under the lock of that. All intervals and times that setitimer(2) makes of what it
        // takes are possible, and those of an image are checked to be such.
        unsafe { bindings::checkpoint_start_itimers(self.as_ptr(), timers.as_ptr()) };
    }
}
