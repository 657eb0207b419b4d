// SPDX-License-Identifier: GPL-2.0

//! What is a thread's own: flags, addresses that it registered with the kernel, times.

use kernel::{
    bindings,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    sync::rcu, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    pid::namespace::PidNs,
    task::frozen::FrozenTask, //
};

/// Kinds of use that a pid may have.
pub(super) const PID_TYPES: usize = u32_as_usize(bindings::pid_type_PIDTYPE_MAX);

/// A registered rseq area.
#[derive(Clone, Copy)]
pub(crate) struct Rseq {
    /// Its address.
    pub(crate) addr: u64,
    /// Its bytes.
    pub(crate) len: u32,
    /// Signature before abort handlers.
    pub(crate) sig: u32,
    /// The time slice extension is enabled.
    pub(crate) slice: bool,
}

/// What is read without a lock: it is changed by the thread itself only.
pub(crate) struct ThreadState {
    /// prctl(PR_SET_NO_NEW_PRIVS).
    pub(crate) no_new_privs: bool,
    /// Has not executed a program since it was forked.
    pub(crate) fork_no_exec: bool,
    /// Has used superuser privileges.
    pub(crate) super_priv: bool,
    /// Signal for the parent at exit.
    pub(crate) exit_signal: i32,
    /// Its parent has executed a program since it made it.
    pub(crate) parent_execed: bool,
    /// personality(2).
    pub(crate) personality: u32,
    /// Signal at the parent's death.
    pub(crate) pdeath_signal: u32,
    /// Address of set_child_tid.
    pub(crate) set_child_tid: u64,
    /// Address of clear_child_tid.
    pub(crate) clear_child_tid: u64,
    /// Robust futex list.
    pub(crate) robust_list: u64,
    /// Robust futex list of 32-bit calls.
    pub(crate) compat_robust_list: u64,
    /// rseq area, if there is one.
    pub(crate) rseq: Option<Rseq>,
    /// Timer slack in nanoseconds.
    pub(crate) timer_slack: u64,
    /// Default timer slack in nanoseconds.
    pub(crate) timer_slack_default: u64,
    /// Start on the kernel's CLOCK_MONOTONIC.
    pub(crate) start_monotonic: u64,
    /// Start on the kernel's CLOCK_BOOTTIME.
    pub(crate) start_boottime: u64,
    /// Is in a system call.
    pub(crate) in_syscall: bool,
}

/// Returns whether the parent of `t` has executed a program since it made it.
///
/// # Safety
///
/// The caller owns a reference on `t`.
unsafe fn parent_execed(t: *const bindings::task_struct) -> bool {
    let _rcu = rcu::read_lock();
    // SAFETY: By the caller's promise; RCU keeps the parent. Both numbers are read once.
    unsafe {
        let parent = (&raw const (*t).real_parent).read_volatile();
        let now = (&raw const (*parent).self_exec_id).read_volatile();
        (&raw const (*t).parent_exec_id).read_volatile() != now
    }
}

impl FrozenTask {
    /// Reads what is the thread's own.
    pub(crate) fn thread_state(&self) -> ThreadState {
        let t = self.as_ptr();
        let (mut addr, mut len, mut sig, mut slice) = (0, 0, 0, false);
        // SAFETY: We own a reference, and the task does not run: nobody else writes these fields.
        unsafe {
            let has_rseq = bindings::task_rseq(t, &mut addr, &mut len, &mut sig, &mut slice);
            ThreadState {
                no_new_privs: bindings::task_no_new_privs(t),
                fork_no_exec: (*t).flags & bindings::PF_FORKNOEXEC != 0,
                super_priv: (*t).flags & bindings::PF_SUPERPRIV != 0,
                exit_signal: (*t).exit_signal,
                parent_execed: parent_execed(t),
                personality: (*t).personality,
                pdeath_signal: (*t).pdeath_signal.unsigned_abs(),
                set_child_tid: usize_as_u64((*t).set_child_tid.addr()),
                clear_child_tid: usize_as_u64((*t).clear_child_tid.addr()),
                robust_list: usize_as_u64((*t).futex.robust_list.addr()),
                compat_robust_list: bindings::checkpoint_compat_robust(t),
                rseq: has_rseq.then_some(Rseq {
                    addr,
                    len,
                    sig,
                    slice,
                }),
                timer_slack: (*t).timer_slack_ns,
                timer_slack_default: (*t).default_timer_slack_ns,
                start_monotonic: (*t).start_time,
                start_boottime: (*t).start_boottime,
                in_syscall: self.is_live() && bindings::task_syscall_nr(t) != -1,
            }
        }
    }

    /// Addresses of its address space, descriptor table and filesystem context, to look them up.
    ///
    /// ESRCH: it is exiting.
    pub(crate) fn object_addrs(&self) -> Result<(usize, usize, usize)> {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the pointers are read under its task_lock.
        let (mm, files, fs) = unsafe {
            bindings::task_lock(t);
            let addrs = ((*t).mm.addr(), (*t).files.addr(), (*t).fs.addr());
            bindings::task_unlock(t);
            addrs
        };
        if mm == 0 || files == 0 || fs == 0 {
            return Err(ESRCH);
        }
        Ok((mm, files, fs))
    }

    /// Address of its signal_struct, by which thread groups are known from each other.
    pub(crate) fn group_addr(&self) -> usize {
        // SAFETY: We own a reference on the task; the pointer does not change.
        unsafe { (*self.as_ptr()).signal }.addr()
    }

    /// Returns the exit code as of wait(2), of a task that has exited.
    pub(crate) fn exit_code(&self) -> u32 {
        let t = self.as_ptr();
        // SAFETY: We own a reference, which keeps the signal_struct too; both are final.
        unsafe {
            let code = if (*(*t).signal).flags & bindings::SIGNAL_GROUP_EXIT != 0 {
                (*(*t).signal).group_exit_code
            } else {
                (*t).exit_code
            };
            code.cast_unsigned()
        }
    }

    /// Returns the pid of the thread that is its parent, in `ns`; 0 if that is not in there.
    pub(crate) fn parent_in(&self, ns: &PidNs) -> u32 {
        let _rcu = rcu::read_lock();
        // SAFETY: We own references on the task and the namespace; RCU, whose lock is held, keeps
        // the parent from being freed.
        let nr = unsafe {
            let parent = (&raw const (*self.as_ptr()).real_parent).read_volatile();
            bindings::__task_pid_nr_ns(parent, bindings::pid_type_PIDTYPE_PID, ns.as_ptr())
        };
        nr.unsigned_abs()
    }

    /// Returns its process group in `ns`; 0 if it is not in there.
    pub(crate) fn pgid_in(&self, ns: &PidNs) -> u32 {
        // SAFETY: We own references on the task and the namespace; the function finds the pid under
        // RCU.
        let nr = unsafe {
            bindings::__task_pid_nr_ns(self.as_ptr(), bindings::pid_type_PIDTYPE_PGID, ns.as_ptr())
        };
        nr.unsigned_abs()
    }

    /// Returns its session in `ns`; 0 if it is not in there.
    pub(crate) fn sid_in(&self, ns: &PidNs) -> u32 {
        // SAFETY: We own references on the task and the namespace; the function finds the pid under
        // RCU.
        let nr = unsafe {
            bindings::__task_pid_nr_ns(self.as_ptr(), bindings::pid_type_PIDTYPE_SID, ns.as_ptr())
        };
        nr.unsigned_abs()
    }

    /// Returns the pid of its process group, or of its session, which no task may have any more:
    /// the pid namespace that it is of, and its number in each namespace from there to `outermost`.
    ///
    /// ESRCH: it is not in `outermost`.
    pub(crate) fn group_pid(&self, session: bool, outermost: &PidNs) -> Result<(PidNs, KVec<u32>)> {
        let kind = if session {
            bindings::pid_type_PIDTYPE_SID
        } else {
            bindings::pid_type_PIDTYPE_PGID
        };
        let rcu = rcu::read_lock();
        // SAFETY: We own a reference on the task; RCU, whose lock is held, keeps the pid until there
        // is a reference.
        let pid = unsafe { bindings::get_pid(bindings::task_pid_type(self.as_ptr(), kind)) };
        drop(rcu);
        if pid.is_null() {
            return Err(ESRCH);
        }
        let numbers = || {
            // SAFETY: We have a reference on the pid, which has one on its namespace.
            let innermost = unsafe { PidNs::get(bindings::ns_of_pid(pid)) }?;
            let mut numbers = KVec::new();
            let mut ns = innermost.clone();
            loop {
                // SAFETY: We have references on the pid and the namespace.
                let nr = unsafe { bindings::pid_nr_ns(pid, ns.as_ptr()) };
                numbers.push(nr.unsigned_abs(), GFP_KERNEL_ACCOUNT)?;
                if ns == *outermost {
                    return Ok((innermost, numbers));
                }
                ns = ns.parent().ok_or(ESRCH)?;
            }
        };
        let result = numbers();
        // SAFETY: It gives up the reference that was taken above; the pid is not used any more.
        unsafe { bindings::put_pid(pid) };
        result
    }

    /// Returns whether its process group, or its session, has a member, or a leader, whose pid in
    /// `ns` is none that `inside` knows. `inside` does not sleep.
    pub(crate) fn group_has_others(
        &self,
        session: bool,
        ns: &PidNs,
        inside: impl Fn(u32) -> bool,
    ) -> bool {
        let kind = if session {
            bindings::pid_type_PIDTYPE_SID
        } else {
            bindings::pid_type_PIDTYPE_PGID
        };
        let mut others = false;
        // SAFETY: tasklist_lock keeps the pid, as the task has it, and the lists of the tasks that
        // use it; their nodes are elements of `pid_links`.
        unsafe {
            bindings::tasklist_read_lock();
            let pid = bindings::task_pid_type(self.as_ptr(), kind);
            for kind in [kind, bindings::pid_type_PIDTYPE_TGID] {
                let mut node = if pid.is_null() {
                    core::ptr::null_mut()
                } else {
                    (*pid).tasks[u32_as_usize(kind)].first
                };
                while !node.is_null() {
                    let links = node.sub(u32_as_usize(kind));
                    let links = links.cast::<[bindings::hlist_node; PID_TYPES]>();
                    let t = kernel::container_of!(links, bindings::task_struct, pid_links);
                    let pid = bindings::pid_type_PIDTYPE_PID;
                    let nr = bindings::__task_pid_nr_ns(t, pid, ns.as_ptr());
                    others |= !inside(nr.unsigned_abs());
                    node = (*node).next;
                }
            }
            bindings::tasklist_read_unlock();
        }
        others
    }

    /// Returns the pid namespace that it is in. ESRCH: it was reaped.
    pub(crate) fn pid_ns(&self) -> Result<PidNs> {
        PidNs::of(self.task())
    }

    /// Waits in vfork().
    pub(crate) fn is_in_vfork(&self) -> bool {
        // SAFETY: We own a reference; the state of a task that does not run is stable.
        let state = unsafe { (&raw const (*self.as_ptr()).__state).read_volatile() };
        self.is_live() && !self.is_current() && state & bindings::TASK_UNINTERRUPTIBLE != 0
    }

    /// Returns the pid in `ns` of the child that it waits for in vfork(), or will wait for as soon
    /// as its tracer lets it go on; 0: none.
    pub(crate) fn vfork_waits_for(&self, ns: &PidNs) -> u32 {
        // SAFETY: We own a reference; the state of a task that does not run is stable.
        let state = unsafe { (&raw const (*self.as_ptr()).__state).read_volatile() };
        let stopped = self.is_live() && state & bindings::__TASK_TRACED != 0;
        match self.is_in_vfork() || stopped && !self.is_current() {
            true => self.vfork_child_in(ns),
            false => 0,
        }
    }

    /// Returns the pid in `ns` of the child that it waits for in vfork(); 0 if there is none.
    pub(crate) fn vfork_child_in(&self, ns: &PidNs) -> u32 {
        let t = self.as_ptr();
        let mut found = 0;
        // SAFETY: tasklist_lock keeps the list of children. `vfork_done` is compared only. It
        // points to the stack of the one that waits, unless that was restarted in its wait.
        unsafe {
            let stack = (*t).stack.addr();
            let size = bindings::checkpoint_thread_size();
            bindings::tasklist_read_lock();
            let head = &raw mut (*t).children;
            let mut p = (*head).next;
            while p != head {
                let child = kernel::container_of!(p, bindings::task_struct, sibling);
                let done = (&raw const (*child).vfork_done).read_volatile().addr();
                let certain = done.wrapping_sub(stack) < size;
                if certain || (done != 0 && found == 0) {
                    let pid = bindings::pid_type_PIDTYPE_PID;
                    found = bindings::__task_pid_nr_ns(child, pid, ns.as_ptr());
                }
                if certain {
                    break;
                }
                p = (*p).next;
            }
            bindings::tasklist_read_unlock();
        }
        found.unsigned_abs()
    }
}

/// Addresses, slack, flags and times for the current task.
pub(crate) struct NewState {
    /// Has not executed a program since it was forked.
    pub(crate) fork_no_exec: bool,
    /// Has used superuser privileges.
    pub(crate) super_priv: bool,
    /// Address of set_child_tid.
    pub(crate) set_child_tid: u64,
    /// Timer slack in nanoseconds.
    pub(crate) timer_slack: u64,
    /// Default timer slack in nanoseconds.
    pub(crate) timer_slack_default: u64,
}

/// Gives the current task this state.
pub(crate) fn set_state(_: &Restoring, new: &NewState) {
    let set = |flags: u32, flag: u32, on: bool| if on { flags | flag } else { flags & !flag };
    // SAFETY: These fields belong to the running task. fork() and exec set the flags by what they
    // do, capable() sets PF_SUPERPRIV: all of it only tells, and allows nothing. fork() takes any
    // address for set_child_tid, and reads and writes there with the checks of user access.
    // prctl(PR_SET_TIMERSLACK) takes any slack, and copy_process() any of the parent's as the
    // default one.
    unsafe {
        let t = bindings::get_current();
        let flags = set((*t).flags, bindings::PF_FORKNOEXEC, new.fork_no_exec);
        (*t).flags = set(flags, bindings::PF_SUPERPRIV, new.super_priv);
        (*t).set_child_tid = core::ptr::without_provenance_mut(u64_as_usize(new.set_child_tid));
        (*t).timer_slack_ns = new.timer_slack;
        (*t).default_timer_slack_ns = new.timer_slack_default;
    }
}

/// Returns whether the caller may do with the whole machine what CAP_CHECKPOINT_RESTORE allows.
pub(crate) fn is_host_admin() -> bool {
    // SAFETY: It looks at the credentials of the running task.
    unsafe { bindings::checkpoint_is_host_admin() }
}

/// Sets the start times of the current task on the kernel's clocks. The caller may choose them.
pub(crate) fn set_start_times(_: &Restoring, monotonic: u64, boottime: u64) {
    // SAFETY: They belong to the running task. Only copy_process() sets them, to the present; that
    // they are not to be chosen by everybody is the caller's business. They are shown, and
    // subtracted from clocks without a check; nothing is divided by the difference.
    unsafe {
        let t = bindings::get_current();
        (*t).start_time = monotonic;
        (*t).start_boottime = boottime;
    }
}

/// Registers an rseq area for the current task without touching it.
///
/// EINVAL: the area is no user memory, or of a length or at an address that rseq(2) would refuse,
/// or the kernel has no rseq.
pub(crate) fn set_rseq(_: &Restoring, rseq: &Rseq) -> Result {
    // SAFETY: It checks two numbers, as rseq(2) does, and follows neither.
    if !unsafe { bindings::checkpoint_rseq_valid(rseq.addr, rseq.len) } {
        return Err(EINVAL);
    }
    // SAFETY: Sets fields of the running task as rseq_register() does, but for the area itself,
    // which has what was in it; length, address and place were checked as it checks them.
    if unsafe { bindings::current_rseq_set(rseq.addr, rseq.len, rseq.sig) } {
        Ok(())
    } else {
        Err(EOPNOTSUPP)
    }
}

/// Sets the personality of the current task.
pub(crate) fn set_personality(_: &Restoring, personality: u32) {
    // SAFETY: The field belongs to the running task. personality(2) takes any; of which systems it
    // may be here, the check of the image tells.
    unsafe { (*bindings::get_current()).personality = personality };
}

/// Names the current thread.
pub(crate) fn set_comm(_: &Restoring, comm: &[u8; 16]) {
    // SAFETY: The buffer is as long as a name, and copied with a NUL at its end.
    unsafe { bindings::__set_task_comm(bindings::get_current(), comm.as_ptr(), false) };
}

/// Sets the signal that the current task gets when its parent dies.
pub(crate) fn set_pdeath_signal(_: &Restoring, signal: u32) {
    // SAFETY: The field belongs to the running task, and the number was checked to be a signal,
    // or 0. prctl(PR_SET_PDEATHSIG) takes tasklist_lock so that who sets it learns of a parent
    // that is dying: the task's own program has done that.
    unsafe {
        bindings::tasklist_read_lock();
        (*bindings::get_current()).pdeath_signal = signal.cast_signed();
        bindings::tasklist_read_unlock();
    }
}

/// Sets no_new_privs of the current task. It can't be taken back.
pub(crate) fn set_no_new_privs(_: &Restoring) {
    // SAFETY: Sets an atomic flag of the running task.
    unsafe { bindings::task_set_no_new_privs(bindings::get_current()) };
}

/// Returns whether the current task has no_new_privs.
pub(crate) fn no_new_privs() -> bool {
    // SAFETY: Reads an atomic flag of the running task.
    unsafe { bindings::task_no_new_privs(bindings::get_current()) }
}
