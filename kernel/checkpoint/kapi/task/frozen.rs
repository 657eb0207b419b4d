// SPDX-License-Identifier: GPL-2.0

//! Tasks that do not run: those that are being saved.

use kernel::{
    bindings,
    fmt,
    prelude::*,
    str::BStr,
    sync::aref::ARef,
    task::Task, //
};

use crate::kapi::{
    pid::namespace::PidNs,
    task::stack::StackRef, //
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
/// There is one only behind a reference that [`FrozenTasks`] gives out, which lives no longer than
/// the hold on the task's cgroup.
///
/// SIGKILL may still end the task. Its kernel stack stays; what else can go away then (mm, files,
/// sighand, nsproxy, semaphore adjustments) is read under its lock or with a reference. Whoever
/// reads it asks afterwards whether it has happened: [`FrozenTasks::check`].
///
/// # Invariants
///
/// - If `state` is [`State::Live`] then `stack` is the task's. The task is `current`; or its cgroup
///   is held frozen, pinned, for as long as a reference to this exists, no debugger that runs is
///   attached to it, and it was seen frozen and off its CPU. So it is in `get_signal()`, waits in
///   vfork(), or is stopped for a debugger, and does not get out of there but to die, at the end of
///   that wait, or when its debugger dies.
/// - Else the task has exited.
///
/// [`FrozenTasks`]: crate::kapi::cgroup::frozen::FrozenTasks
/// [`FrozenTasks::check`]: crate::kapi::cgroup::frozen::FrozenTasks::check
pub(crate) struct FrozenTask {
    task: ARef<Task>,
    state: State,
    /// What is on it is read through the task.
    _stack: Option<StackRef>,
}

impl FrozenTask {
    /// Vouches for `task`. ESRCH: it was killed, and has no stack any more.
    ///
    /// # Safety
    ///
    /// The type's invariants hold for it, but for what they say about its stack.
    pub(in crate::kapi) unsafe fn into_frozen(task: ARef<Task>, state: State) -> Result<Self> {
        let stack = match state {
            State::Live => Some(StackRef::new(&task)?),
            State::Zombie | State::DeadLeader => None,
        };
        // INVARIANT: By the caller's promise, and as the stack was just taken.
        Ok(Self {
            task,
            state,
            _stack: stack,
        })
    }

    /// Returns the task, for this layer and the architectures.
    pub(crate) fn as_ptr(&self) -> *mut bindings::task_struct {
        self.task.as_ptr()
    }

    /// Returns the reference on the task.
    pub(crate) fn task(&self) -> &ARef<Task> {
        &self.task
    }

    /// Returns why it does not run.
    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Returns whether it is frozen, not dead.
    pub(crate) fn is_live(&self) -> bool {
        self.state == State::Live
    }

    /// Returns whether it is the caller.
    pub(crate) fn is_current(&self) -> bool {
        self.as_ptr() == Task::current_raw()
    }

    /// Returns whether it has used an io_uring.
    pub(crate) fn uses_io_uring(&self) -> bool {
        // SAFETY: We own a reference; it does not run, and the pointer is looked at only.
        #[cfg(CONFIG_IO_URING)]
        let uses = unsafe { !(*self.as_ptr()).io_uring.is_null() };
        #[cfg(not(CONFIG_IO_URING))]
        let uses = false;
        uses
    }

    /// Returns whether it leads its thread group.
    pub(crate) fn is_leader(&self) -> bool {
        self.task.pid() == self.task.tgid()
    }

    /// Returns the pid of the thread in `ns`; 0 if it is not in there.
    pub(crate) fn tid_in(&self, ns: &PidNs) -> u32 {
        // SAFETY: We own references on the task and on the namespace.
        let nr = unsafe {
            bindings::__task_pid_nr_ns(self.as_ptr(), bindings::pid_type_PIDTYPE_PID, ns.as_ptr())
        };
        nr.unsigned_abs()
    }

    /// Returns the pid of its thread group in `ns`; 0 if it is not in there.
    pub(crate) fn tgid_in(&self, ns: &PidNs) -> u32 {
        self.task.tgid_nr_ns(Some(ns.namespace())).unsigned_abs()
    }

    /// Returns its name, padded with NUL.
    pub(crate) fn comm(&self) -> [u8; 16] {
        comm_of(&self.task)
    }

    /// Makes the task forget what its death would write to memory that others may share: the list
    /// of its robust futexes, the address that is cleared for a joining thread, and the frame of a
    /// signal that it has stopped for.
    pub(crate) fn die_quietly(&self) {
        self.forget_stop();
        // SAFETY: The task does not run; these are read by itself only, when it exits.
        unsafe {
            let t = self.as_ptr();
            (*t).clear_child_tid = core::ptr::null_mut();
            bindings::checkpoint_forget_robust(t);
        }
    }

    /// Returns its pid in `ns` and its name, for messages.
    pub(crate) fn display(&self, ns: &PidNs) -> TaskName {
        TaskName {
            tid: self.tid_in(ns),
            comm: self.comm(),
        }
    }
}

/// Returns the name of a task, padded with NUL.
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

/// Returns whether the caller may do to `task` what ptrace could: read and change all of it.
pub(crate) fn may_access(task: &Task) -> bool {
    // SAFETY: We own a reference on the task. May be called in process context only.
    unsafe { bindings::ptrace_may_access(task.as_ptr(), bindings::PTRACE_MODE_ATTACH_REALCREDS) }
}

/// A task in messages: "pid 12 (bash)", or "pid 12" if the caller may not know more of it.
#[derive(Clone, Copy)]
pub(crate) struct TaskName {
    /// Its pid.
    pub(crate) tid: u32,
    /// Its name, padded with NUL; empty: unknown.
    pub(crate) comm: [u8; 16],
}

impl TaskName {
    /// Returns the name of any task, with its pid in `ns`.
    pub(crate) fn of(task: &Task, ns: &PidNs) -> Self {
        // SAFETY: We own references on the task and on the namespace.
        let tid = unsafe {
            bindings::__task_pid_nr_ns(task.as_ptr(), bindings::pid_type_PIDTYPE_PID, ns.as_ptr())
        };
        Self {
            tid: tid.unsigned_abs(),
            comm: if may_access(task) {
                comm_of(task)
            } else {
                [0; 16]
            },
        }
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.tid)?;
        if self.comm.starts_with(&[0]) {
            return Ok(());
        }
        let name = self.comm.split(|&b| b == 0).next().unwrap_or_default();
        f.write_fmt(fmt!(" ({})", BStr::from_bytes(name)))
    }
}
