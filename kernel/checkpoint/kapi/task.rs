// SPDX-License-Identifier: GPL-2.0

//! Tasks that do not run: those that are being saved.

use kernel::{
    bindings,
    fmt,
    sync::aref::ARef,
    task::Task, //
};

use crate::kapi::pid::PidNs;

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
    /// Vouches for a task.
    ///
    /// # Safety
    ///
    /// The type's invariants hold for `task`.
    pub(crate) unsafe fn new(task: ARef<Task>, state: State) -> Self {
        Self { task, state }
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
            bindings::__task_pid_nr_ns(
                self.as_ptr(),
                bindings::pid_type_PIDTYPE_PID,
                ns.as_ptr(),
            )
        };
        nr.unsigned_abs()
    }

    /// Pid of its thread group in `ns`; 0 if it is not in there.
    pub(crate) fn tgid_in(&self, ns: &PidNs) -> u32 {
        // SAFETY: Both are valid.
        let nr = unsafe {
            bindings::__task_pid_nr_ns(
                self.as_ptr(),
                bindings::pid_type_PIDTYPE_TGID,
                ns.as_ptr(),
            )
        };
        nr.unsigned_abs()
    }

    /// Its name, padded with NUL.
    pub(crate) fn comm(&self) -> [u8; 16] {
        let mut comm = [0u8; 16];
        // SAFETY: The array has the same size and is NUL-terminated at all times.
        let src = unsafe { (*self.as_ptr()).comm };
        for (to, from) in comm.iter_mut().take(15).zip(src.iter()) {
            if *from == 0 {
                break;
            }
            *to = *from;
        }
        comm
    }

    /// For messages: pid in `ns` and name.
    pub(crate) fn display(&self, ns: &PidNs) -> TaskName {
        TaskName {
            tid: self.tid_in(ns),
            comm: self.comm(),
        }
    }
}

/// A task in messages: "pid 12 (bash)".
#[derive(Clone, Copy)]
pub(crate) struct TaskName {
    /// Its pid.
    pub(crate) tid: u32,
    /// Its name, padded with NUL.
    pub(crate) comm: [u8; 16],
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {} (", self.tid)?;
        for &b in self.comm.iter().take_while(|&&b| b != 0) {
            let c = if b.is_ascii_graphic() || b == b' ' { b } else { b'?' };
            write!(f, "{}", c as char)?;
        }
        f.write_str(")")
    }
}
