// SPDX-License-Identifier: GPL-2.0

//! Tasks that do not run: those that are being saved.

use kernel::{
    bindings,
    error::from_err_ptr,
    fmt,
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::kapi::{
    pid::PidNs,
    tree::Member, //
};

/// Why a task does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is frozen and off its CPU, or it is the caller itself.
    Live,
    /// It has exited and is not waited for.
    Zombie,
    /// It has exited, as leader of a thread group with living threads.
    DeadLeader,
}

/// A task whose state may be read: it does not run, and will not until the checkpoint is done.
///
/// # Invariants
///
/// The cgroup of the task is held frozen for as long as this exists, and the task was seen
/// frozen and inactive; or it has exited; or it is `current`. SIGKILL may still end it: what can
/// go away then (mm, files, sighand, nsproxy) is read under its lock or with a reference.
pub(crate) struct FrozenTask {
    task: ARef<Task>,
    state: State,
}

impl FrozenTask {
    /// Vouches for a member of a tree. To be called by `capture/freeze.rs` only, which has seen
    /// that the type's invariants hold.
    pub(crate) fn vouch(member: Member) -> Self {
        // INVARIANT: By what is said above.
        Self {
            task: member.task,
            state: member.state,
        }
    }

    /// The task, for this layer and the architectures.
    pub(crate) fn as_ptr(&self) -> *mut bindings::task_struct {
        self.task.as_ptr()
    }

    /// The reference on the task.
    pub(crate) fn task(&self) -> &ARef<Task> {
        &self.task
    }

    /// Why it does not run.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Is frozen, not dead.
    pub(crate) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// It is the caller.
    pub(crate) fn is_current(&self) -> bool {
        self.as_ptr() == Task::current_raw()
    }

    /// It leads its thread group.
    pub(crate) fn is_leader(&self) -> bool {
        // SAFETY: We own a reference; both fields do not change for a task that does not exec.
        unsafe { (*self.as_ptr()).pid == (*self.as_ptr()).tgid }
    }

    /// Pid of the thread in `ns`; 0 if it is not in there.
    pub(crate) fn tid_in(&self, ns: &PidNs) -> u32 {
        // SAFETY: Both are valid.
        let nr = unsafe {
            bindings::__task_pid_nr_ns(self.as_ptr(), bindings::pid_type_PIDTYPE_PID, ns.as_ptr())
        };
        nr.unsigned_abs()
    }

    /// Pid of its thread group in `ns`; 0 if it is not in there.
    pub(crate) fn tgid_in(&self, ns: &PidNs) -> u32 {
        // SAFETY: Both are valid.
        let nr = unsafe {
            bindings::__task_pid_nr_ns(self.as_ptr(), bindings::pid_type_PIDTYPE_TGID, ns.as_ptr())
        };
        nr.unsigned_abs()
    }

    /// Its name, padded with NUL.
    pub(crate) fn comm(&self) -> [u8; 16] {
        comm_of(&self.task)
    }

    /// Makes the task forget what its death would write to memory that others may share: the
    /// list of its robust futexes and the address that is cleared for a joining thread.
    pub(crate) fn die_quietly(&self) {
        // SAFETY: The task does not run; these are read by itself only, when it exits.
        unsafe {
            let t = self.as_ptr();
            (*t).clear_child_tid = core::ptr::null_mut();
            bindings::checkpoint_forget_robust(t);
        }
    }

    /// For messages: pid in `ns` and name.
    pub(crate) fn display(&self, ns: &PidNs) -> TaskName {
        TaskName {
            tid: self.tid_in(ns),
            comm: self.comm(),
        }
    }
}

/// `task` is in the thread group of the caller.
pub(crate) fn is_own_group(task: &Task) -> bool {
    // SAFETY: Both are valid; the field does not change but by the task's own exec.
    unsafe { (*task.as_ptr()).tgid == (*bindings::get_current()).tgid }
}

/// `task` is the init process of its pid namespace, which is not the initial one.
pub(crate) fn is_ns_init(task: &Task) -> bool {
    PidNs::of(task).is_ok_and(|ns| {
        // SAFETY: Both are valid.
        let nr = unsafe {
            bindings::__task_pid_nr_ns(task.as_ptr(), bindings::pid_type_PIDTYPE_TGID, ns.as_ptr())
        };
        nr == 1 && ns.level() > 0
    })
}

/// The process that `pidfd` stands for. EBADF: it is no pidfd. ESRCH: the process is gone.
pub(crate) fn from_pidfd(pidfd: i32) -> Result<ARef<Task>> {
    let fd = u32::try_from(pidfd).map_err(|_| EBADF)?;
    let mut flags = 0;
    // SAFETY: Any number is fine; a reference on the pid is handed over and dropped, one on the
    // task is taken.
    unsafe {
        let pid = from_err_ptr(bindings::pidfd_get_pid(fd, &mut flags))?;
        let t = bindings::get_pid_task(pid, bindings::pid_type_PIDTYPE_TGID);
        bindings::put_pid(pid);
        let t = core::ptr::NonNull::new(t).ok_or(ESRCH)?;
        Ok(ARef::from_raw(t.cast()))
    }
}

/// The leader of the caller's thread group.
pub(crate) fn current_leader() -> ARef<Task> {
    // SAFETY: The leader's task_struct lives as long as its threads.
    unsafe { &*(*bindings::get_current()).group_leader.cast::<Task>() }.into()
}

/// Name of a task, padded with NUL.
fn comm_of(task: &Task) -> [u8; 16] {
    let mut comm = [0u8; 16];
    // SAFETY: We own a reference. The array has the same size; torn reads show a wrong name only.
    let src = unsafe { (*task.as_ptr()).comm };
    for (to, from) in comm.iter_mut().take(15).zip(src.iter()) {
        if *from == 0 {
            break;
        }
        *to = *from;
    }
    comm
}

/// The caller may do to `task` what ptrace could: read and change all of it.
pub(crate) fn may_access(task: &Task) -> bool {
    // SAFETY: We own a reference on the task. May be called in process context only.
    unsafe { bindings::ptrace_may_access(task.as_ptr(), bindings::PTRACE_MODE_ATTACH_REALCREDS) }
}

/// A task in messages: "pid 12 (bash)".
#[derive(Clone, Copy)]
pub(crate) struct TaskName {
    /// Its pid.
    pub(crate) tid: u32,
    /// Its name, padded with NUL.
    pub(crate) comm: [u8; 16],
}

impl TaskName {
    /// Name of any task, with its pid in `ns`.
    pub(crate) fn of(task: &Task, ns: &PidNs) -> Self {
        // SAFETY: Both are valid.
        let tid = unsafe {
            bindings::__task_pid_nr_ns(task.as_ptr(), bindings::pid_type_PIDTYPE_PID, ns.as_ptr())
        };
        Self {
            tid: tid.unsigned_abs(),
            comm: comm_of(task),
        }
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} (", self.tid)?;
        for &b in self.comm.iter().take_while(|&&b| b != 0) {
            let c = if b.is_ascii_graphic() || b == b' ' {
                b
            } else {
                b'?'
            };
            write!(f, "{}", c as char)?;
        }
        f.write_str(")")
    }
}
