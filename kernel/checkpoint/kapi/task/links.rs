// SPDX-License-Identifier: GPL-2.0

//! What ties restored tasks together: process groups, sessions, their parent's knowledge of them.

use core::ptr::NonNull;

use kernel::{
    bindings,
    current,
    error::{
        from_err_ptr,
        to_result, //
    },
    num::casts::u32_as_usize,
    prelude::*,
    sync::{
        aref::ARef,
        rcu, //
    },
    task::Task, //
};

use crate::kapi::{
    fork::{
        parked::ParkedTask,
        restoring::Restoring, //
    },
    pid::namespace::PidNs,
    task::state::PID_TYPES, //
};

/// A pid, with a reference.
///
/// # Invariants
///
/// The pointer is a valid `struct pid` on which this owns a reference.
pub(crate) struct PidRef(NonNull<bindings::pid>);

// SAFETY: References on a pid may be used and dropped by any thread.
unsafe impl Send for PidRef {}

// SAFETY: What is read of a pid through a shared reference does not change, or is read as the kernel
// reads it.
unsafe impl Sync for PidRef {}

impl PidRef {
    /// Takes a reference. ESRCH: there is no pid.
    ///
    /// # Safety
    ///
    /// `pid` is NULL, or somebody holds a reference on it for the duration of the call.
    pub(in crate::kapi) unsafe fn get(pid: *mut bindings::pid) -> Result<Self> {
        let pid = NonNull::new(pid).ok_or(ESRCH)?;
        // SAFETY: By the caller's promise there is a reference, so there may be another.
        unsafe { bindings::get_pid(pid.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Ok(Self(pid))
    }

    /// Takes over a reference that the caller owns. ESRCH: it is NULL.
    ///
    /// # Safety
    ///
    /// `pid` is NULL, or valid and with a reference that is handed over.
    pub(in crate::kapi) unsafe fn from_owned(pid: *mut bindings::pid) -> Result<Self> {
        // INVARIANT: By the caller's promise it is valid, and the reference is ours now.
        NonNull::new(pid).map(Self).ok_or(ESRCH)
    }

    /// Returns the pid that is `number` in `ns`, if there is one.
    pub(crate) fn find(ns: &PidNs, number: u32) -> Option<Self> {
        let number = i32::try_from(number).ok()?;
        let _rcu = rcu::read_lock();
        // SAFETY: The namespace is valid. RCU keeps the pid that is found until it has a reference.
        unsafe {
            Self::from_owned(bindings::get_pid(bindings::find_pid_ns(
                number,
                ns.as_ptr(),
            )))
            .ok()
        }
    }

    /// Returns the pid, for this layer.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::pid {
        self.0.as_ptr()
    }

    /// Returns its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Returns the pid of the current task.
    pub(crate) fn of_current() -> Result<Self> {
        Self::of(current!())
    }

    /// Returns the innermost namespace in which it has a number.
    pub(crate) fn namespace(&self) -> Result<PidNs> {
        // SAFETY: We own a reference, and the pid one on its namespace.
        unsafe { PidNs::get(bindings::ns_of_pid(self.as_ptr())) }
    }

    /// Returns the task that has it; `None`: it was reaped.
    pub(crate) fn task(&self) -> Option<ARef<Task>> {
        // SAFETY: We own a reference; a task that is returned comes with one, which is handed over.
        // A `Task` is a task_struct.
        unsafe {
            let t = bindings::get_pid_task(self.as_ptr(), bindings::pid_type_PIDTYPE_PID);
            NonNull::new(t.cast::<Task>()).map(|t| ARef::from_raw(t))
        }
    }

    /// Returns whether a thread has it, which may be a zombie.
    pub(crate) fn is_of_thread(&self) -> bool {
        self.is_used_as(bindings::pid_type_PIDTYPE_PID)
    }

    /// Returns whether it is the process group of some process, which may be a zombie.
    pub(crate) fn has_members(&self) -> bool {
        self.is_used_as(bindings::pid_type_PIDTYPE_PGID)
    }

    /// Returns whether a task has it as its pid of this kind.
    fn is_used_as(&self, kind: bindings::pid_type) -> bool {
        let kind = u32_as_usize(kind);
        // SAFETY: We own a reference; the head of the list is read once, and not followed.
        !unsafe {
            (&raw const (*self.0.as_ptr()).tasks[kind].first)
                .read_volatile()
                .is_null()
        }
    }

    /// Calls `f` with the pid in `ns` of each process whose group it is; 0: it has none there. `f`
    /// does not sleep.
    pub(crate) fn for_each_member(&self, ns: &PidNs, mut f: impl FnMut(u32)) {
        let kind = u32_as_usize(bindings::pid_type_PIDTYPE_PGID);
        // SAFETY: We own a reference. tasklist_lock keeps the list of the tasks that use it as their
        // group; its nodes are elements of `pid_links`.
        unsafe {
            bindings::tasklist_read_lock();
            let mut node = (*self.0.as_ptr()).tasks[kind].first;
            while !node.is_null() {
                let links = node.sub(kind).cast::<[bindings::hlist_node; PID_TYPES]>();
                let t = kernel::container_of!(links, bindings::task_struct, pid_links);
                let pid = bindings::pid_type_PIDTYPE_PID;
                f(bindings::__task_pid_nr_ns(t, pid, ns.as_ptr()).unsigned_abs());
                node = (*node).next;
            }
            bindings::tasklist_read_unlock();
        }
    }

    /// Returns the pid of a task that was made.
    pub(crate) fn of(task: &Task) -> Result<Self> {
        // SAFETY: We own a reference on the task.
        let pid = unsafe { bindings::get_task_pid(task.as_ptr(), bindings::pid_type_PIDTYPE_PID) };
        NonNull::new(pid).map(Self).ok_or(ESRCH)
    }

    /// Returns whether it is the process group or session of some task.
    pub(crate) fn is_group(&self) -> bool {
        self.is_used_as(bindings::pid_type_PIDTYPE_PGID)
            || self.is_used_as(bindings::pid_type_PIDTYPE_SID)
    }

    /// Returns the number of the pid in `ns`; 0 if it has none there.
    pub(crate) fn number_in(&self, ns: &PidNs) -> u32 {
        // SAFETY: We own references on the pid and on the namespace.
        unsafe { bindings::pid_nr_ns(self.0.as_ptr(), ns.as_ptr()) }.unsigned_abs()
    }

    /// Returns whether it is [leaving](is_leaving).
    pub(crate) fn is_leaving(&self) -> bool {
        // SAFETY: We own a reference on the pid, which keeps it valid.
        unsafe { is_leaving(self.0) }
    }

    /// Returns a new pidfd for it, close-on-exec, and the file to install there.
    pub(crate) fn prepare_pidfd(&self) -> Result<PreparedPidfd> {
        let mut file = core::ptr::null_mut();
        // SAFETY: We own a reference on the pid.
        let fd = unsafe { bindings::pidfd_prepare(self.0.as_ptr(), 0, &mut file) };
        let fd = u32::try_from(fd).map_err(|_| Error::from_errno(fd))?;
        Ok(PreparedPidfd { fd, file })
    }
}

impl Clone for PidRef {
    fn clone(&self) -> Self {
        // SAFETY: We own a reference, so there may be another.
        unsafe { bindings::get_pid(self.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for PidRef {
    fn drop(&mut self) {
        // SAFETY: We own a reference on the pid, which is given up here.
        unsafe { bindings::put_pid(self.0.as_ptr()) };
    }
}

/// Returns whether no task has `pid` any more, and its numbers are not free yet: who has reaped the
/// last one is about to give them back (`release_task()`).
///
/// # Safety
///
/// The caller owns a reference on `pid`.
pub(in crate::kapi) unsafe fn is_leaving(pid: NonNull<bindings::pid>) -> bool {
    let pid = pid.as_ptr();
    let unused = (0..bindings::pid_type_PIDTYPE_MAX as usize).all(|kind| {
        // SAFETY: By the caller's promise; the head of the list is read once, and not followed.
        unsafe { (&raw const (*pid).tasks[kind].first).read_volatile() }.is_null()
    });
    if !unused {
        return false;
    }
    // The number in the innermost namespace is the last that free_pid() gives back.
    // SAFETY: By the caller's promise; the pid has a reference on its namespace. What is found there
    // is compared only.
    unsafe {
        bindings::rcu_read_lock();
        let ns = bindings::ns_of_pid(pid);
        let found = bindings::find_ge_pid(bindings::pid_nr_ns(pid, ns), ns);
        bindings::rcu_read_unlock();
        found == pid
    }
}

/// A pidfd that only needs to be installed.
///
/// # Invariants
///
/// `fd` is reserved in the table of the caller, and the reference on `file` is ours.
pub(crate) struct PreparedPidfd {
    fd: u32,
    file: *mut bindings::file,
}

impl PreparedPidfd {
    /// Returns the descriptor's number.
    pub(crate) fn fd(&self) -> u32 {
        self.fd
    }

    /// Installs it in the caller's table.
    pub(crate) fn install(self) {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: The descriptor is reserved; the reference on the file is handed over.
        unsafe { bindings::fd_install(this.fd, this.file) };
    }
}

impl Drop for PreparedPidfd {
    fn drop(&mut self) {
        // SAFETY: It was not installed: descriptor and reference are ours.
        unsafe {
            bindings::put_unused_fd(self.fd);
            bindings::fput(self.file);
        }
    }
}

/// A pid that no task has, held for a group or session whose leader is gone.
///
/// # Invariants
///
/// alloc_pid() made it, and it was not attached to a task. Others may have it as their group or session:
/// it is given to them by [`set_session_and_group`], and the last of them that detaches frees it. So that
/// gives it only to tasks that are held for as long as this lives.
pub(crate) struct OrphanPid(NonNull<bindings::pid>);

impl OrphanPid {
    /// Takes any pid in `ns`, which is nobody's.
    pub(crate) fn any(ns: &PidNs) -> Result<Self> {
        // SAFETY: We own a reference on the namespace; no numbers are asked for.
        let pid =
            from_err_ptr(unsafe { bindings::alloc_pid(ns.as_ptr(), core::ptr::null_mut(), 0) })?;
        NonNull::new(pid).map(Self).ok_or(ENOMEM)
    }

    /// Takes the pid `numbers` (innermost namespace first) in `ns`; those that are left out are
    /// free ones.
    ///
    /// EEXIST: it is in use. EPERM: the caller may not choose pids.
    pub(crate) fn new(ns: &PidNs, numbers: &mut [i32]) -> Result<Self> {
        // SAFETY: We own a reference on the namespace; the slice is valid.
        let pid = from_err_ptr(unsafe {
            bindings::alloc_pid(ns.as_ptr(), numbers.as_mut_ptr(), numbers.len())
        })?;
        NonNull::new(pid).map(Self).ok_or(ENOMEM)
    }

    /// Returns a reference on the pid, which may outlive its numbers.
    pub(crate) fn pid(&self) -> PidRef {
        // SAFETY: The pid is ours, and so is a reference on it.
        unsafe { bindings::get_pid(self.0.as_ptr()) };
        // INVARIANT: The reference was just taken.
        PidRef(self.0)
    }
}

impl Drop for OrphanPid {
    fn drop(&mut self) {
        // SAFETY: Under tasklist_lock nobody attaches a task to it. With tasks it is theirs, and
        // freed when the last one detaches; without, it is still ours to free: by the invariants none
        // of those that it was given to has detached.
        unsafe {
            bindings::tasklist_write_lock();
            let tasks = &raw const (*self.0.as_ptr()).tasks;
            let used = (*tasks).iter().any(|head| !head.first.is_null());
            bindings::tasklist_write_unlock();
            if !used {
                bindings::free_pid(self.0.as_ptr());
            }
        }
    }
}

/// Makes the process that `child` leads the last child of `parent`, which was made before it.
///
/// `exit_signal`: for the parent when it exits; `execed`: the parent has executed a program since
/// it made the child, and so gets SIGCHLD whatever that is.
///
/// EINVAL: the child has no pid in the parent's pid namespace, or is the init of that.
pub(crate) fn adopt(
    child: &ParkedTask,
    parent: &ParkedTask,
    exit_signal: i32,
    execed: bool,
) -> Result {
    // SAFETY: tasklist_lock is held for writing. Both are held parked, so they do not exit.
    unsafe {
        bindings::tasklist_write_lock();
        let ret = bindings::checkpoint_adopt(child.as_ptr(), parent.as_ptr(), exit_signal, execed);
        bindings::tasklist_write_unlock();
        to_result(ret)
    }
}

/// Drops the controlling terminal of the current thread group, the root's: that of the caller of
/// restart(2), which fork gives to each new process.
///
/// A session of the image that kept it would hang it up at its end. It is no terminal of the image
/// in any case.
pub(crate) fn leave_terminal(_: &Restoring) {
    #[cfg(CONFIG_TTY)]
    // SAFETY: The running task is valid. As in setsid(2), which does it under tasklist_lock only
    // because it holds that for the session's sake.
    unsafe {
        bindings::proc_clear_tty(bindings::get_current());
    }
}

/// Moves the thread group of `leader`, which is parked, into the session and process group with
/// these numbers in `ns`; 0 leaves what it inherited.
///
/// As setsid(2) and setpgid(2), whose rules (a leader is no member of another's session, a group
/// has one session) the check of the image has applied to it as a whole; [`leave_terminal`] came
/// before. The session stays in the scheduling group (autogroup) of the caller.
///
/// ESRCH: there is no such pid.
pub(crate) fn set_session_and_group(leader: &Task, ns: &PidNs, sid: u32, pgid: u32) -> Result {
    let mut unused = [core::ptr::null_mut(); bindings::pid_type_PIDTYPE_MAX as usize];
    let mut result = Ok(());
    // SAFETY: tasklist_lock is held for writing, as change_pid() requires; the pids are found under
    // it and have users or will have; `unused` gets those without, which are freed after.
    unsafe {
        bindings::tasklist_write_lock();
        for (kind, number) in [
            (bindings::pid_type_PIDTYPE_SID, sid),
            (bindings::pid_type_PIDTYPE_PGID, pgid),
        ] {
            if number == 0 {
                continue;
            }
            let pid = bindings::find_pid_ns(number.cast_signed(), ns.as_ptr());
            if pid.is_null() || (*leader.as_ptr()).thread_pid.is_null() {
                result = Err(ESRCH);
                break;
            }
            if bindings::task_pid_type(leader.as_ptr(), kind) != pid {
                bindings::change_pid(unused.as_mut_ptr(), leader.as_ptr(), kind, pid);
            }
            if kind == bindings::pid_type_PIDTYPE_SID && (*leader.as_ptr()).thread_pid == pid {
                (*(*leader.as_ptr()).signal).leader = 1;
            }
        }
        bindings::tasklist_write_unlock();
        for pid in unused {
            if !pid.is_null() {
                bindings::free_pid(pid);
            }
        }
    }
    result
}

/// Makes `task`, which was dead at the checkpoint and has just exited again, one that `exit_signal`
/// told of and that exited with `code`; `execed`: as of [`adopt`].
///
/// The signal was left out when it exited, as the parent, which is held, had it already. Its code
/// is another one if somebody killed it on its way.
pub(crate) fn settle_dead(task: &Task, exit_signal: i32, execed: bool, code: u32) {
    let t = task.as_ptr();
    // SAFETY: We own a reference on the task, which keeps its signal_struct; all of it is read
    // under tasklist_lock when somebody waits for the task. Under that its parent is valid, or else
    // as it is held.
    unsafe {
        bindings::tasklist_write_lock();
        (*t).exit_signal = exit_signal;
        let parent_id = (*(*t).real_parent).self_exec_id;
        (*t).parent_exec_id = parent_id.wrapping_sub(execed.into());
        if (*t).exit_state.cast_unsigned() == bindings::EXIT_ZOMBIE {
            (*t).exit_code = code.cast_signed();
            (*(*t).signal).group_exit_code = code.cast_signed();
        }
        bindings::tasklist_write_unlock();
    }
}
