// SPDX-License-Identifier: GPL-2.0

//! What a thread group shares besides memory and files: limits, OOM adjustment.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    task::Task, //
};

use crate::{
    image::task::NR_RLIMITS,
    kapi::{
        fork::{
            parked::ParkedTask,
            restoring::Restoring, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// A resource limit: soft, hard.
pub(crate) type Limit = (u64, u64);

/// The OOM killer's view of a thread group.
#[derive(Clone, Copy)]
pub(crate) struct OomScore {
    /// Adjustment.
    pub(crate) adj: i32,
    /// Lowest value that an unprivileged process may set it to.
    pub(crate) min: i32,
}

const _: () = assert!(NR_RLIMITS == bindings::RLIM_NLIMITS as usize);

impl FrozenTask {
    /// Returns the resource limits of its thread group.
    pub(crate) fn limits(&self) -> [Limit; NR_RLIMITS] {
        let mut limits = [(0, 0); NR_RLIMITS];
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task, which keeps its signal_struct and group leader;
        // limits change under the leader's task_lock.
        unsafe {
            let leader = (*t).group_leader;
            bindings::task_lock(leader);
            for (to, from) in limits.iter_mut().zip(&(*(*t).signal).rlim) {
                *to = (from.rlim_cur as u64, from.rlim_max as u64);
            }
            bindings::task_unlock(leader);
        }
        limits
    }

    /// Returns the OOM adjustment of its thread group.
    pub(crate) fn oom_score(&self) -> OomScore {
        // SAFETY: We own a reference on the task, which keeps its signal_struct.
        unsafe {
            let s = (*self.as_ptr()).signal;
            OomScore {
                adj: (&raw const (*s).oom_score_adj).read_volatile().into(),
                min: (&raw const (*s).oom_score_adj_min).read_volatile().into(),
            }
        }
    }

    /// Returns the dumpability, as of prctl(PR_GET_DUMPABLE).
    pub(crate) fn dumpable(&self) -> u32 {
        // SAFETY: We own a reference on the task; what it points to is read under RCU.
        unsafe { bindings::task_exec_state_dumpable(self.as_ptr()) }
    }

    /// Returns whether its thread group is a child sub-reaper.
    pub(crate) fn is_subreaper(&self) -> bool {
        // SAFETY: We own a reference on the task, which keeps its signal_struct.
        unsafe { (*(*self.as_ptr()).signal).is_child_subreaper }
    }

    /// Returns whether its thread group leads its session.
    pub(crate) fn is_session_leader(&self) -> bool {
        // SAFETY: We own a reference on the task, which keeps its signal_struct.
        unsafe { (*(*self.as_ptr()).signal).leader != 0 }
    }

    /// Returns whether its thread group is reaped by the kernel when it exits.
    pub(crate) fn is_autoreaped(&self) -> bool {
        // SAFETY: We own a reference on the task, which keeps its signal_struct.
        unsafe { (*(*self.as_ptr()).signal).autoreap() != 0 }
    }

    /// Returns whether its thread group has a controlling terminal.
    pub(crate) fn has_tty(&self) -> bool {
        // SAFETY: We own a reference on the task, which keeps its signal_struct. The pointer is
        // only looked at.
        unsafe {
            !(&raw const (*(*self.as_ptr()).signal).tty)
                .read_volatile()
                .is_null()
        }
    }
}

/// Returns resource limit `n` of the current thread group.
pub(crate) fn limit(n: usize) -> Result<Limit> {
    let mut old: bindings::rlimit = pin_init::zeroed();
    // SAFETY: Reads a limit of the running task; an unknown number gives EINVAL.
    to_result(unsafe {
        bindings::do_prlimit(
            bindings::get_current(),
            u32::try_from(n)?,
            core::ptr::null_mut(),
            &mut old,
        )
    })?;
    Ok((old.rlim_cur as u64, old.rlim_max as u64))
}

/// Sets resource limit `n` of the thread group of `t`, with the checks of setrlimit(2) by the
/// rights of the caller.
///
/// # Safety
///
/// `t` is valid for the duration of the call.
unsafe fn set(t: *mut bindings::task_struct, n: usize, limit: Limit) -> Result {
    let mut new = bindings::rlimit {
        rlim_cur: usize::try_from(limit.0)?,
        rlim_max: usize::try_from(limit.1)?,
    };
    // SAFETY: By the caller's promise. A task keeps its group leader and its signal_struct; the
    // permission is checked there.
    to_result(unsafe {
        bindings::do_prlimit(t, u32::try_from(n)?, &mut new, core::ptr::null_mut())
    })
}

/// Sets resource limit `n` of the current thread group, as setrlimit(2).
///
/// EPERM: it would be raised above the hard limit without CAP_SYS_RESOURCE.
pub(crate) fn set_limit(_: &Restoring, n: usize, limit: Limit) -> Result {
    // SAFETY: It is the running task.
    unsafe { set(bindings::get_current(), n, limit) }
}

impl ParkedTask {
    /// Sets resource limit `n` of its thread group, as prlimit(2). The errors are those of
    /// [`set_limit`].
    ///
    /// That the caller may touch the task is not asked: it has made it.
    pub(crate) fn set_limit(&self, n: usize, limit: Limit) -> Result {
        // SAFETY: By the type's invariants the task is valid.
        unsafe { set(self.as_ptr(), n, limit) }
    }

    /// Sets the dumpability of its program, for which [`may_be_dumpable`] was asked. It is nothing
    /// else than hidden if there is no such one.
    pub(crate) fn set_dumpable(&self, dumpable: u32) {
        if dumpable > bindings::task_dumpable_TASK_DUMPABLE_ROOT {
            return;
        }
        // SAFETY: By the type's invariants the task is valid; its exec_state, which it does not
        // replace while it is held, belongs to tasks that were made only. For
        // task_exec_state_set_dumpable(), which is for the running task: the value is one of the
        // enumeration. prctl(PR_SET_DUMPABLE) denies TASK_DUMPABLE_ROOT: of that one the caller has
        // taken care.
        unsafe { bindings::task_exec_state_be_dumpable(self.as_ptr(), dumpable) };
    }

    /// Has RLIMIT_CPU not end its thread group, which does nothing more but exit.
    pub(crate) fn ignore_cpu_limit(&self) {
        // SAFETY: By the type's invariants the task is valid.
        unsafe { bindings::checkpoint_ignore_cpu_limit(self.as_ptr()) };
    }
}

/// Sets the OOM adjustment of the current thread group, as writing to /proc/self/oom_score_adj.
///
/// EACCES: it would fall below what is allowed without CAP_SYS_RESOURCE.
pub(crate) fn set_oom_score(_: &Restoring, new: &OomScore) -> Result {
    let (adj, min) = (i16::try_from(new.adj)?, i16::try_from(new.min)?);
    // SAFETY: The signal_struct of the running task is valid; both fields change under the mutex.
    // The range was checked with the image, and what __set_oom_adj() checks is checked here: below
    // the lowest value that was ever set by one with CAP_SYS_RESOURCE it takes that capability.
    // Nobody shares the task's address space that has to have the same value.
    unsafe {
        let lock = &raw mut bindings::oom_adj_mutex;
        bindings::mutex_lock(lock);
        let s = (*bindings::get_current()).signal;
        let lower = adj < (*s).oom_score_adj_min || min < (*s).oom_score_adj_min;
        let allowed = !lower || bindings::capable(bindings::CAP_SYS_RESOURCE.cast_signed());
        if allowed {
            (*s).oom_score_adj = adj;
            (*s).oom_score_adj_min = min;
        }
        bindings::mutex_unlock(lock);
        if allowed {
            Ok(())
        } else {
            Err(EACCES)
        }
    }
}

/// Makes the current thread group a child sub-reaper, as prctl(PR_SET_CHILD_SUBREAPER).
pub(crate) fn set_subreaper(_: &Restoring, on: bool) {
    // SAFETY: The signal_struct of the running task is valid; its own task writes the field.
    // prctl(PR_SET_CHILD_SUBREAPER) has no checks. It tells all descendants: those learn it from
    // checkpoint_adopt().
    unsafe { (*(*bindings::get_current()).signal).is_child_subreaper = on };
}

/// Returns whether the current task may be made `dumpable`, as of prctl(PR_GET_DUMPABLE), by its
/// present credentials.
///
/// That only root may read its core files (2) is what nobody can choose: exec of a set-user-id
/// program does so where the machine is set up for it. The files are made as root, wherever
/// core_pattern says. So it is left to who may read all tasks anyway.
pub(crate) fn may_be_dumpable(dumpable: u32) -> bool {
    // SAFETY: It looks at the credentials of the running task.
    dumpable != bindings::task_dumpable_TASK_DUMPABLE_ROOT
        || unsafe { bindings::capable(bindings::CAP_SYS_PTRACE.cast_signed()) }
}

/// Runs `f`, and keeps all but the privileged out of the current task after that, as
/// prctl(PR_SET_DUMPABLE, 0), which allows that to everybody. Nobody gets at its memory and files
/// between the two.
///
/// EINTR: SIGKILL came.
pub(crate) fn hide_after(_: &Restoring, f: impl FnOnce()) -> Result {
    // SAFETY: The running task is valid. Who looks at its memory or files holds the lock for reading
    // until that is done; execve() holds it likewise. The value is one of the enumeration, and the
    // exec_state belongs to tasks that were made only.
    unsafe {
        let lock = &raw mut (*(*bindings::get_current()).signal).exec_update_lock;
        if bindings::down_write_killable(lock) != 0 {
            return Err(EINTR);
        }
        f();
        bindings::task_exec_state_set_dumpable(bindings::task_dumpable_TASK_DUMPABLE_OFF);
        bindings::up_write(lock);
    }
    Ok(())
}

/// Lets the owner of `task`, which has exited and was made with [`own_exec_state`], see what procfs
/// has of it, as prctl(PR_SET_DUMPABLE, 1), which allows that to everybody.
pub(crate) fn show_dead(task: &Task) {
    // SAFETY: We own a reference on the task; its exec_state is its own. It has no address space any
    // more: until it exited it had that of another one.
    unsafe {
        bindings::task_exec_state_be_dumpable(
            task.as_ptr(),
            bindings::task_dumpable_TASK_DUMPABLE_OWNER,
        )
    };
}

/// Returns whether its owner may see what procfs has of a process of which prctl(PR_GET_DUMPABLE)
/// told `dumpable`.
pub(crate) fn is_shown(dumpable: u32) -> bool {
    dumpable == bindings::task_dumpable_TASK_DUMPABLE_OWNER
}

/// Gives the current task, which gets no address space of its own, its own exec_state.
///
/// It was created with that of its parent, whose dumpability it must not change.
pub(crate) fn own_exec_state(_: &Restoring) -> Result {
    // SAFETY: The running task is valid. The replacement is made as execve() makes it, under the
    // locks that it wants; the old one is dropped after.
    unsafe {
        let t = bindings::get_current();
        let new = bindings::alloc_task_exec_state(bindings::current_user_ns());
        if new.is_null() {
            return Err(ENOMEM);
        }
        let lock = &raw mut (*(*t).signal).exec_update_lock;
        if bindings::down_write_killable(lock) != 0 {
            bindings::put_task_exec_state(new);
            return Err(EINTR);
        }
        bindings::task_lock(t);
        let old = bindings::task_exec_state_replace(t, new);
        bindings::task_unlock(t);
        bindings::up_write(lock);
        bindings::put_task_exec_state(old);
    }
    Ok(())
}
