// SPDX-License-Identifier: GPL-2.0

//! Threads that trace each other: `kernel/ptrace.c`, and the stops of `kernel/signal.c`.

use core::ptr::{
    self,
    NonNull, //
};

use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::{
    image::task::SIGINFO_LEN,
    kapi::{
        fork::parked::ParkedTask,
        pid::namespace::PidNs,
        signal::sighand::{
            locked,
            Info,
            INFO_USED, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Returns whether a thread of the process of `tracer` traces `task` now.
pub(crate) fn is_traced_by(task: &Task, tracer: &Task) -> bool {
    let (t, tracer) = (task.as_ptr(), tracer.as_ptr());
    // SAFETY: Both are valid; under tasklist_lock who traces a task stays, and is a task that has not
    // been released. Addresses are compared only.
    unsafe {
        bindings::tasklist_read_lock();
        let traced = (*t).ptrace != 0 && (*(*t).parent).signal == (*tracer).signal;
        bindings::tasklist_read_unlock();
        traced
    }
}

/// How a thread is traced.
pub(crate) struct Trace {
    /// PTRACE_O_*.
    pub(crate) options: u32,
    /// By PTRACE_SEIZE.
    pub(crate) seized: bool,
    /// It stops at its system calls.
    pub(crate) syscalls: bool,
    /// Its system calls are not made (PTRACE_SYSEMU).
    pub(crate) emulated: bool,
    /// It was last let run for one instruction, or up to a branch.
    pub(crate) stepping: bool,
    /// Where it is stopped; `None`: it is not.
    pub(crate) stop: Option<Stop>,
}

/// What there is of a thread that is stopped for its tracer.
pub(crate) struct Stop {
    /// Its siginfo; `None`: it has none.
    pub(crate) info: Option<Info>,
    /// What wait(2) is to return of it; 0: it has done so.
    pub(crate) code: u32,
    /// Event message.
    pub(crate) message: u64,
    /// It reports the end of a group stop (PTRACE_LISTEN).
    pub(crate) listening: bool,
    /// It stops once more when it goes on (PTRACE_INTERRUPT).
    pub(crate) interrupted: bool,
    /// A group stop has begun or ended since it stopped.
    pub(crate) notify: bool,
    /// There was no SIGCONT since it took the signal that it has stopped for.
    pub(crate) dequeued: bool,
    /// It is to take part in a group stop.
    pub(crate) to_stop: bool,
    /// It is before a call in the page of vsyscalls.
    pub(crate) vsyscall: bool,
    /// It is on its way to exit.
    pub(crate) exits: bool,
    /// Its process exits, with this code.
    pub(crate) group_exits: Option<u32>,
}

/// With whose rights a thread is traced: they decide about set-user-id programs that it executes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Those of its tracer.
    Tracer,
    /// Its own (PTRACE_TRACEME).
    Own,
}

/// How a thread is traced, besides options.
#[derive(Clone, Copy)]
pub(crate) struct How {
    /// By PTRACE_SEIZE.
    pub(crate) seized: bool,
    /// It stops at its system calls.
    pub(crate) syscalls: bool,
    /// Its system calls are not made (PTRACE_SYSEMU).
    pub(crate) emulated: bool,
}

/// Where a thread is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the delivery of a signal.
    Signal,
    /// Because of a group stop or PTRACE_INTERRUPT.
    Trap,
    /// At the exit of a system call.
    Exit,
    /// At an event of fork(2), clone(2), or the end of vfork(2), which returns that, or of execve(2): 0.
    Event(u32),
    /// At the event of vfork(2), which waits for the child then, and returns that.
    Vfork(u32),
    /// As it exits; its process exits with that code, if that does.
    Exiting(Option<u32>),
    /// At the entry of a system call; the call is not made then, if it is emulated (PTRACE_SYSEMU).
    Entry {
        /// It is.
        emulated: bool,
    },
    /// There, by a filter of seccomp.
    Seccomp,
}

/// Whom a process lets trace it (PR_SET_PTRACER).
pub(crate) enum Permitted {
    /// Everybody.
    Everybody,
    /// A task, and those that descend from it.
    Task(ARef<Task>),
}

impl FrozenTask {
    /// Returns how it is traced; `None`: it is not, or is dead.
    pub(crate) fn trace(&self) -> Option<Trace> {
        let mut raw: bindings::checkpoint_trace = pin_init::zeroed();
        // SAFETY: We own a reference on the task, which is frozen or dead; `raw` is our own.
        if !unsafe { bindings::checkpoint_get_trace(self.as_ptr(), &mut raw) } {
            return None;
        }
        let has = |bit: usize| raw.jobctl & bit != 0;
        let stop = raw.stopped.then(|| Stop {
            info: raw.has_info.then(|| info_of(&raw.info)),
            code: raw.exit_code.cast_unsigned(),
            message: usize_as_u64(raw.message),
            listening: has(LISTENING),
            interrupted: has(TRAP_STOP),
            notify: has(TRAP_NOTIFY),
            dequeued: has(STOP_DEQUEUED),
            to_stop: has(STOP_PENDING),
            vsyscall: raw.vsyscall,
            exits: raw.exits,
            group_exits: raw.group_exits.then_some(raw.group_code.cast_unsigned()),
        });
        Some(Trace {
            options: raw.options,
            seized: raw.seized,
            syscalls: raw.syscalls,
            emulated: raw.emulated,
            stepping: raw.stepping,
            stop,
        })
    }

    /// Returns whom its process, of which it is the leader, lets trace it; `None`: nobody but its
    /// ancestors.
    pub(crate) fn permitted_tracer(&self) -> Option<Permitted> {
        let mut tracer = ptr::null_mut();
        // SAFETY: We own a reference on the task; what is returned comes with one.
        unsafe {
            if !bindings::checkpoint_get_ptracer(self.as_ptr(), &mut tracer) {
                return None;
            }
            Some(match NonNull::new(tracer) {
                Some(tracer) => Permitted::Task(ARef::from_raw(tracer.cast())),
                None => Permitted::Everybody,
            })
        }
    }

    /// Returns with whose rights it is traced, as far as that makes a difference; `None`: neither
    /// with those that its tracer has now, nor with its own.
    pub(crate) fn tracer_rights(&self) -> Option<Rights> {
        // SAFETY: We own a reference on the task.
        let rights = unsafe { bindings::checkpoint_tracer_rights(self.as_ptr()) };
        match rights.cast_unsigned() {
            bindings::CHECKPOINT_RIGHTS_TRACER => Some(Rights::Tracer),
            bindings::CHECKPOINT_RIGHTS_TRACEE => Some(Rights::Own),
            _ => None,
        }
    }

    /// Returns whether `tracer`, a task of the tree, could attach to it now. May sleep.
    pub(crate) fn may_be_traced_by(&self, tracer: &Task) -> bool {
        // SAFETY: There are references on both tasks, which are frozen.
        unsafe { bindings::checkpoint_may_trace(tracer.as_ptr(), self.as_ptr()) }
    }

    /// Returns whether it is stopped at the event of vfork(2), and will wait for a task that is not
    /// its child.
    pub(crate) fn vforks_elsewhere(&self) -> bool {
        // SAFETY: We own a reference on the task.
        unsafe { bindings::checkpoint_vforks_elsewhere(self.as_ptr()) }
    }

    /// Returns whether the thread that traces it is one of the process that is its parent.
    pub(crate) fn is_traced_by_parent(&self) -> bool {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; under tasklist_lock its parents stay what they are.
        unsafe {
            bindings::tasklist_read_lock();
            let same = (*t).ptrace != 0 && (*(*t).parent).signal == (*(*t).real_parent).signal;
            bindings::tasklist_read_unlock();
            same
        }
    }

    /// Returns the signal that its parent gets when it exits.
    pub(crate) fn exit_signal(&self) -> i32 {
        // SAFETY: We own a reference; the field of a task that does not run is stable.
        unsafe { (&raw const (*self.as_ptr()).exit_signal).read_volatile() }
    }

    /// Returns whether `f` holds for the pid in `ns` of each thread that this one traces; 0: it has
    /// none there. `f` must not sleep.
    pub(crate) fn all_tracees(&self, ns: &PidNs, mut f: impl FnMut(u32) -> bool) -> bool {
        let mut all = true;
        // SAFETY: The list is stable under tasklist_lock, and its entries are tasks, which are valid
        // as long as they are on it.
        unsafe {
            bindings::tasklist_read_lock();
            let head = &raw mut (*self.as_ptr()).ptraced;
            let mut p = (*head).next;
            while p != head && all {
                let tracee = kernel::container_of!(p, bindings::task_struct, ptrace_entry);
                all = f(bindings::__task_pid_nr_ns(
                    tracee,
                    bindings::pid_type_PIDTYPE_PID,
                    ns.as_ptr(),
                )
                .unsigned_abs());
                p = (*p).next;
            }
            bindings::tasklist_read_unlock();
        }
        all
    }

    /// Has it, which is to be killed, take no signal that it has stopped for, make no call at whose entry
    /// it is stopped, and not stop as it exits: its tracer may be killed before it, and lets it go on by
    /// that.
    pub(in crate::kapi) fn forget_stop(&self) {
        let t = self.as_ptr();
        // SAFETY: We own a reference; nobody attaches to a task that is held, whose own tracer does not
        // run. What it goes on with is set under the lock while it is stopped: as wait(2) leaves it.
        unsafe {
            if (&raw const (*t).ptrace).read_volatile() == 0 {
                return;
            }
            forget_exit_stop(t);
            bindings::checkpoint_skip_call(t);
            let _ = locked(t, || {
                if (*t).jobctl & TRACED != 0 {
                    (*t).exit_code = 0;
                }
            });
        }
    }
}

/// PTRACE_O_TRACEEXIT among the flags of a task that is traced: PT_EVENT_FLAG() of that event.
const EXIT_STOP: u32 = 1 << (bindings::PT_OPT_FLAG_SHIFT + bindings::PTRACE_EVENT_EXIT);

/// Has `t`, which is to die, not stop for its tracer as it exits (PTRACE_O_TRACEEXIT): a tracer that
/// dies, too, may have stopped for `t`, and nothing would ever wake the two.
///
/// # Safety
///
/// `t` is valid. It is not stopped, or its tracer does not run.
unsafe fn forget_exit_stop(t: *mut bindings::task_struct) {
    // SAFETY: By the caller's promise. As PTRACE_SETOPTIONS, whose checks are for what is set. The
    // flags change under tasklist_lock, or by that: a tracer calls it for one that is stopped.
    unsafe {
        bindings::tasklist_write_lock();
        (*t).ptrace &= !EXIT_STOP;
        bindings::tasklist_write_unlock();
    }
}

/// Has the current task, which is to die as the restart has failed, not stop as it exits.
pub(in crate::kapi) fn die_at_once() {
    // SAFETY: The running task is valid, and not stopped.
    unsafe {
        let t = bindings::get_current();
        if (&raw const (*t).ptrace).read_volatile() & EXIT_STOP != 0 {
            forget_exit_stop(t);
        }
    }
}

/// Bits of `jobctl`, which has more of them than the constants on some architectures.
const LISTENING: usize = u32_as_usize(bindings::JOBCTL_LISTENING);
const TRAP_STOP: usize = u32_as_usize(bindings::JOBCTL_TRAP_STOP);
const TRAP_NOTIFY: usize = u32_as_usize(bindings::JOBCTL_TRAP_NOTIFY);
const STOP_DEQUEUED: usize = u32_as_usize(bindings::JOBCTL_STOP_DEQUEUED);
const STOP_PENDING: usize = u32_as_usize(bindings::JOBCTL_STOP_PENDING);
const TRACED: usize = u32_as_usize(bindings::JOBCTL_TRACED);

/// Returns a siginfo as the image has it.
fn info_of(raw: &bindings::kernel_siginfo) -> Info {
    let mut info: Info = [0; SIGINFO_LEN];
    // SAFETY: `info` is longer than `raw`, all of which was set: it was cleared or copied as a whole.
    unsafe {
        ptr::copy_nonoverlapping(
            ptr::from_ref(raw).cast::<u8>(),
            info.as_mut_ptr(),
            INFO_USED,
        );
    }
    info
}

impl ParkedTask {
    /// Lets its process, of which it is the leader, be traced by `tracer`, as prctl(PR_SET_PTRACER) does;
    /// `None`: by everybody. May sleep.
    ///
    /// ENOMEM: there is no memory for that.
    pub(crate) fn permit_tracer(&self, tracer: Option<&ParkedTask>) -> Result {
        let tracer = tracer.map_or(ptr::null_mut(), ParkedTask::as_ptr);
        // SAFETY: By the type's invariants both are valid. The relation is no reference: a hook takes it
        // away when either is freed.
        to_result(unsafe { bindings::checkpoint_set_ptracer(self.as_ptr(), tracer) })
    }

    /// Lets `tracer` trace it, as it did before; `dumpable`: what it gets when it is let go.
    ///
    /// EPERM: `tracer` could not attach to it. EBUSY: somebody else has. EINVAL: nobody could trace
    /// it so. EINTR: the caller was killed. May sleep.
    pub(crate) fn set_tracer(
        &self,
        tracer: &ParkedTask,
        options: u32,
        how: How,
        rights: Rights,
        dumpable: u32,
    ) -> Result {
        // SAFETY: By the type's invariants neither task runs or exits, which is what it asks for.
        to_result(unsafe {
            bindings::checkpoint_set_tracer(
                self.as_ptr(),
                tracer.as_ptr(),
                options,
                how.seized,
                how.syscalls,
                how.emulated,
                rights == Rights::Own,
                dumpable,
            )
        })
    }

    /// Has it stop at `place` when it goes to user mode, as `stop` says. Its tracer knows of it.
    ///
    /// ESRCH: it was killed, or is not traced. EINVAL: no siginfo is like that.
    pub(crate) fn set_stop(&self, place: Place, stop: &Stop) -> Result {
        let mut raw: bindings::checkpoint_stop = pin_init::zeroed();
        if let Some(info) = &stop.info {
            if info.iter().skip(INFO_USED).any(|&b| b != 0) {
                return Err(EINVAL);
            }
            // SAFETY: `info` is longer than `raw.info`, which any bytes are valid for.
            unsafe {
                ptr::copy_nonoverlapping(
                    info.as_ptr(),
                    (&raw mut raw.info).cast::<u8>(),
                    INFO_USED,
                );
            }
        }
        let place = match place {
            Place::Signal => bindings::CHECKPOINT_STOP_SIGNAL,
            Place::Trap => bindings::CHECKPOINT_STOP_TRAP,
            Place::Exit => bindings::CHECKPOINT_STOP_EXIT,
            Place::Event(pid) => {
                raw.result = isize::try_from(pid)?;
                bindings::CHECKPOINT_STOP_EVENT
            }
            Place::Vfork(pid) => {
                raw.result = isize::try_from(pid)?;
                bindings::CHECKPOINT_STOP_VFORK
            }
            Place::Exiting(code) => {
                raw.group_exits = code.is_some();
                raw.result = isize::try_from(code.unwrap_or(0))?;
                bindings::CHECKPOINT_STOP_EXITING
            }
            Place::Entry { emulated } => {
                raw.emulated = emulated;
                bindings::CHECKPOINT_STOP_ENTRY
            }
            Place::Seccomp => bindings::CHECKPOINT_STOP_SECCOMP,
        };
        raw.place = place.cast_signed();
        raw.has_info = stop.info.is_some();
        raw.exit_code = stop.code.cast_signed();
        raw.message = u64_as_usize(stop.message);
        for (on, bit) in [
            (stop.listening, LISTENING),
            (stop.interrupted, TRAP_STOP),
            (stop.notify, TRAP_NOTIFY),
            (stop.dequeued, STOP_DEQUEUED),
        ] {
            if on {
                raw.jobctl |= bit;
            }
        }
        // SAFETY: By the type's invariants the task does not run.
        to_result(unsafe { bindings::checkpoint_set_stop(self.as_ptr(), &raw) })
    }
}
