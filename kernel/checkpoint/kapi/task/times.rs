// SPDX-License-Identifier: GPL-2.0

//! CPU times of threads and processes.

use kernel::bindings;

use crate::kapi::{
    fork::parked::ParkedTask,
    task::frozen::FrozenTask, //
};

/// CPU times in nanoseconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Times {
    /// User time, as the tick counts it.
    pub(crate) utime: u64,
    /// System time, as the tick counts it.
    pub(crate) stime: u64,
    /// What the scheduler counts, and CPU clocks show.
    pub(crate) runtime: u64,
    /// User time as it is shown.
    pub(crate) shown_utime: u64,
    /// System time as it is shown.
    pub(crate) shown_stime: u64,
}

/// CPU times of a thread group.
#[derive(Clone, Copy, Default)]
pub(crate) struct GroupTimes {
    /// Of threads that have exited; what is shown is that of all threads.
    pub(crate) own: Times,
    /// User time of waited-for children.
    pub(crate) cutime: u64,
    /// System time of waited-for children.
    pub(crate) cstime: u64,
}

impl From<bindings::checkpoint_times> for Times {
    fn from(t: bindings::checkpoint_times) -> Self {
        Self {
            utime: t.utime,
            stime: t.stime,
            runtime: t.runtime,
            shown_utime: t.shown_utime,
            shown_stime: t.shown_stime,
        }
    }
}

impl From<Times> for bindings::checkpoint_times {
    fn from(t: Times) -> Self {
        Self {
            utime: t.utime,
            stime: t.stime,
            runtime: t.runtime,
            shown_utime: t.shown_utime,
            shown_stime: t.shown_stime,
        }
    }
}

impl FrozenTask {
    /// Returns the CPU times of the thread.
    pub(crate) fn times(&self) -> Times {
        let mut times = bindings::checkpoint_times::default();
        // SAFETY: We own a reference on the task.
        unsafe { bindings::checkpoint_get_times(self.as_ptr(), &mut times) };
        times.into()
    }

    /// Returns the CPU times of its thread group.
    pub(crate) fn group_times(&self) -> GroupTimes {
        let mut own = bindings::checkpoint_times::default();
        let mut children = bindings::checkpoint_times::default();
        // SAFETY: We own a reference on the task, which keeps its signal_struct.
        unsafe { bindings::checkpoint_get_group_times(self.as_ptr(), &mut own, &mut children) };
        GroupTimes {
            own: own.into(),
            cutime: children.utime,
            cstime: children.stime,
        }
    }
}

impl ParkedTask {
    /// Sets the CPU times of the thread, all times of an image together being at most
    /// `CPU_TIME_MAX`. It has not used any of its own by then.
    pub(crate) fn set_times(&self, times: &Times) {
        let times = (*times).into();
        // SAFETY: By the type's invariants the task is valid and does not run, so nobody else changes
        // them. Only account_user_time() and the like do, by small steps, and rely on that: sums over
        // a group are not checked for overflow, by which cputime_adjust() divides. Here they are
        // bounded for the whole image, so no sum overflows however the kernel makes it.
        unsafe { bindings::checkpoint_set_times(self.as_ptr(), &times) };
    }

    /// Sets the CPU times of its thread group, as [`Self::set_times`]; all threads are held.
    pub(crate) fn set_group_times(&self, times: &GroupTimes) {
        let own = times.own.into();
        let children = bindings::checkpoint_times {
            utime: times.cutime,
            stime: times.cstime,
            ..Default::default()
        };
        // SAFETY: By the type's invariants the task is valid, and keeps its signal_struct; the times
        // change under its lock. The kernel adds what threads and children had to them when those
        // exit: as for the times of a thread, no sum overflows.
        unsafe { bindings::checkpoint_set_group_times(self.as_ptr(), &own, &children) };
    }

    /// Has the CPU clocks of its thread group show what its threads have, which are all held and
    /// have their times.
    pub(crate) fn start_clocks(&self) {
        // SAFETY: By the type's invariants the task is valid. Nobody adds to the clocks: no thread
        // runs.
        unsafe { bindings::checkpoint_start_clocks(self.as_ptr()) };
    }
}
