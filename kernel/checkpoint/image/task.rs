// SPDX-License-Identifier: GPL-2.0

//! Records of tasks.
//!
//! Times are in nanoseconds, on the clocks that the tasks see: those of their time namespace.
//! Signal masks have signal n at bit n - 1. Pids are those of the container's pid namespace (for
//! a subtree: of the root task's); 0 stands for a task outside.

use zerocopy::byteorder::little_endian::{
    I32,
    U32,
    U64, //
};

use super::{
    header::arch,
    layout::{
        flags,
        record,
        structure,
        values, //
    }, //
};

pub(super) mod check;
pub(super) mod check_state;
pub(super) mod check_timers;

/// [`Task::undo`] of a task that has no list of semaphore adjustments.
pub const UNDO_NONE: u32 = u32::MAX;

/// Bytes of the version of a kernel, with its NUL.
pub const VERSION_LEN: usize = 68;

/// Bytes of the build id of a kernel.
pub const BUILD_ID_LEN: usize = 20;

/// Most threads in an image.
pub const TASKS_MAX: u32 = 65536;

/// Most CPU time of all tasks of an image together, in nanoseconds: what the kernel adds up from
/// it, and what is to come, fits into a signed number. It is that of 146 years of one CPU.
pub const CPU_TIME_MAX: u64 = 1 << 62;

/// Deepest nesting of pid namespaces, the container's own included.
pub const LEVELS_MAX: usize = 32;

flags! {
    "Container.flags": u64, CONTAINER_FLAG_LIST, CONTAINER_FLAGS;
    /// The root is a pid namespace's init, and that namespace is in the image.
    CONTAINER_WHOLE = 1 << 0,
    /// The root called checkpoint(2) itself.
    CONTAINER_SELF = 1 << 1,
}

record! {
    /// What was checkpointed.
    #[record(Container = 1, "container", min = 104, check = container)]
    pub struct Container {
        /// `CONTAINER_*`.
        pub flags: U64,
        /// CLOCK_MONOTONIC at the checkpoint.
        pub monotonic_ns: U64,
        /// CLOCK_BOOTTIME at the checkpoint.
        pub boottime_ns: U64,
        /// Pid of the root task.
        pub root: U32,
        /// Number of [`Task`] records.
        pub tasks: U32,
        /// Highest object reference.
        pub objects: U32,
        /// CPU features that the tasks may rely on: bits that the architecture defines.
        pub cpu_words: U32,
        /// See `cpu_words`; architecture's own numbers.
        pub cpu: [U64; 8],
        /// Version of the kernel that wrote the image, as of uname(2), padded with NUL; none: it is
        /// not known.
        pub version: [u8; VERSION_LEN],
        /// Its build id; zero: it had none.
        pub build_id: [u8; BUILD_ID_LEN],
    }
}

values! {
    "Task.state": u32, TASK_STATES;
    /// Runs, sleeps or is stopped.
    TASK_LIVE = 0,
    /// Has exited and is not waited for.
    TASK_ZOMBIE = 1,
    /// A thread-group leader that has exited while other threads live.
    TASK_DEAD_LEADER = 2,
}

flags! {
    "Task.flags": u64, TASK_FLAG_LIST, TASK_FLAGS;
    /// Has no_new_privs set.
    TASK_NO_NEW_PRIVS = 1 << 0,
    /// Has not executed a program since it was forked.
    TASK_FORKNOEXEC = 1 << 1,
    /// Has used superuser privileges.
    TASK_SUPERPRIV = 1 << 2,
    /// `saved_mask` is to be restored when the system call ends.
    TASK_RESTORE_SIGMASK = 1 << 3,
    /// Waits in vfork() for its child `vfork_child`, a live process.
    TASK_VFORK = 1 << 4,
    /// Scheduling is reset on fork.
    TASK_RESET_ON_FORK = 1 << 5,
    /// `rseq` is registered.
    TASK_RSEQ = 1 << 6,
    /// Was interrupted in a system call.
    TASK_IN_SYSCALL = 1 << 7,
    /// Its parent has executed a program since it made the process, and so gets SIGCHLD whatever
    /// `exit_signal` is.
    TASK_PARENT_EXECED = 1 << 8,
}

values! {
    "Task.restart_kind": u32, RESTART_KINDS;
    /// No restart block.
    RESTART_NONE = 0,
    /// nanosleep(2) and clock_nanosleep(2).
    /// `restart`: clock id, address of the remaining time, expiry on that clock, whether the
    /// remaining time is of two 32-bit numbers.
    RESTART_NANOSLEEP = 1,
    /// poll(2).
    /// `restart`: address of the pollfds, their number, has a timeout, its end (monotonic).
    RESTART_POLL = 2,
    /// futex(2), waiting.
    /// `restart`: address, value, flags (1 shared between address spaces, 2 expiry on
    /// CLOCK_REALTIME), bitset, expiry, 0.
    RESTART_FUTEX = 3,
    /// A call of a socket that waits with a limit; its arguments are in the registers.
    /// `restart`: number of the call, first argument, end (monotonic).
    RESTART_SOCKET = 4,
}

record! {
    /// A thread. Those of a thread group follow each other, the leader first; parents come before
    /// their children. Payload: its pid in each namespace as U32, container first.
    #[record(Task = 16, "task", min = 304, check = task)]
    pub struct Task {
        /// `TASK_*`.
        pub flags: U64,
        /// Pid of the thread.
        pub tid: U32,
        /// Pid of its thread group.
        pub tgid: U32,
        /// Thread that is its parent; 0: outside (the root's). Counts for leaders only.
        pub parent: U32,
        /// Process group; 0: outside.
        pub pgid: U32,
        /// Session; 0: outside.
        pub sid: U32,
        /// `TASK_LIVE`, ...
        pub state: U32,
        /// Signal for the parent at exit.
        pub exit_signal: I32,
        /// Exit code as of wait(2), for one that has exited.
        pub exit_code: U32,
        /// Address space; 0 for one that has exited.
        pub mm: U32,
        /// Descriptor table.
        pub files: U32,
        /// Root and working directory.
        pub fs: U32,
        /// Signal actions.
        pub sighand: U32,
        /// Credentials.
        pub cred: U32,
        /// uts namespace; 0: shared with the caller of restart(2).
        pub uts: U32,
        /// Pid namespace that it is in.
        pub pid_ns: U32,
        /// Pid of the vfork child.
        pub vfork_child: U32,
        /// Name of the thread, padded with NUL.
        pub comm: [u8; 16],
        /// personality(2).
        pub personality: U32,
        /// Signal at the parent's death, 0 for none.
        pub pdeath_signal: U32,
        /// Nice value.
        pub nice: I32,
        /// SCHED_* policy.
        pub policy: U32,
        /// Real-time priority.
        pub rt_priority: U32,
        /// `RESTART_*`.
        pub restart_kind: U32,
        /// Meaning depends on `restart_kind`.
        pub restart: [U64; 6],
        /// Architecture's part of the restart block.
        pub restart_arch: U64,
        /// Blocked signals.
        pub blocked: U64,
        /// Mask to restore at the end of the system call.
        pub saved_mask: U64,
        /// Alternate signal stack: address.
        pub altstack: U64,
        /// Alternate signal stack: bytes.
        pub altstack_len: U64,
        /// Alternate signal stack: SS_* flags.
        pub altstack_flags: U32,
        /// Signature of the rseq area.
        pub rseq_sig: U32,
        /// Address of the rseq area.
        pub rseq: U64,
        /// Bytes of the rseq area.
        pub rseq_len: U32,
        /// Which signal stopped it, if the group is stopped and it takes part.
        pub stop_signal: U32,
        /// set_child_tid address.
        pub set_child_tid: U64,
        /// set_tid_address address.
        pub clear_child_tid: U64,
        /// Robust futex list.
        pub robust_list: U64,
        /// Timer slack in nanoseconds.
        pub timer_slack: U64,
        /// Default timer slack in nanoseconds.
        pub timer_slack_default: U64,
        /// User CPU time in nanoseconds.
        pub utime: U64,
        /// System CPU time in nanoseconds.
        pub stime: U64,
        /// When it was started, on CLOCK_MONOTONIC.
        pub start_monotonic: U64,
        /// When it was started, on CLOCK_BOOTTIME.
        pub start_boottime: U64,
        /// Time slice that it has chosen with sched_setattr(2), nanoseconds; 0: the default.
        pub slice: U64,
        /// Robust futex list of 32-bit calls.
        pub compat_robust_list: U64,
        /// CPU time as the scheduler counts it, and CPU clocks show it, in nanoseconds; 0: `utime`
        /// and `stime` are all that is known.
        pub runtime: U64,
        /// User CPU time as it was counted, in ticks as a rule: what `utime` was made of.
        pub counted_utime: U64,
        /// System CPU time as it was counted.
        pub counted_stime: U64,
        /// ipc namespace; 0: shared with the caller of restart(2).
        pub ipc: U32,
        /// List of semaphore adjustments; 0: the one that it gets from who makes it; 2^32 - 1:
        /// none.
        pub undo: U32,
        /// Network namespace; 0: shared with the caller of restart(2).
        pub net: U32,
        /// Zero.
        pub reserved: U32,
    }
}

flags! {
    "Process.flags": u64, PROCESS_FLAG_LIST, PROCESS_FLAGS;
    /// Is a sub-reaper.
    PROCESS_SUBREAPER = 1 << 0,
    /// The group is stopped by `stop_signal`.
    PROCESS_STOPPED = 1 << 1,
    /// The stop was not yet reported to a waiting parent.
    PROCESS_STOP_UNREPORTED = 1 << 2,
    /// A continue was not yet reported to a waiting parent.
    PROCESS_CONTINUED = 1 << 3,
    /// Is a session leader.
    PROCESS_SESSION_LEADER = 1 << 4,
    /// ITIMER_REAL is armed.
    PROCESS_ITIMER_REAL = 1 << 5,
    /// ITIMER_VIRTUAL is armed.
    PROCESS_ITIMER_VIRTUAL = 1 << 6,
    /// ITIMER_PROF is armed.
    PROCESS_ITIMER_PROF = 1 << 7,
}

/// Resource limits, soft and hard.
pub const NR_RLIMITS: usize = 16;

record! {
    /// What the threads of a group share; follows the group's last thread's records.
    #[record(Process = 17, "process", min = 320, check = process)]
    pub struct Process {
        /// `PROCESS_*`.
        pub flags: U64,
        /// The thread group.
        pub tgid: U32,
        /// Adjustment of the OOM killer's badness.
        pub oom_score_adj: I32,
        /// Lowest value that an unprivileged process may set it to.
        pub oom_score_adj_min: I32,
        /// Dumpable, as of prctl(PR_GET_DUMPABLE).
        pub dumpable: U32,
        /// Signal that stopped the group.
        pub stop_signal: U32,
        /// Zero.
        pub reserved: U32,
        /// Soft and hard limits, RLIMIT_* order; all ones: unlimited.
        pub rlimits: [[U64; 2]; NR_RLIMITS],
        /// User CPU time of waited-for children, nanoseconds.
        pub cutime: U64,
        /// System CPU time of waited-for children, nanoseconds.
        pub cstime: U64,
        /// User CPU time of threads that have exited, nanoseconds.
        pub utime: U64,
        /// System CPU time of threads that have exited, nanoseconds.
        pub stime: U64,
        /// CPU time of threads that have exited, as the scheduler counts it; 0: `utime` and `stime`
        /// are all that is known.
        pub runtime: U64,
        /// User CPU time of threads that have exited, as it was counted.
        pub counted_utime: U64,
        /// System CPU time of threads that have exited, as it was counted.
        pub counted_stime: U64,
        /// User CPU time of all threads as it was shown last: it does not go back.
        pub shown_utime: U64,
        /// System CPU time of all threads as it was shown last.
        pub shown_stime: U64,
        /// ITIMER_REAL: when it expires, or has, on CLOCK_MONOTONIC; a signed number.
        pub itimer_real: U64,
        /// Interval of ITIMER_REAL, nanoseconds.
        pub itimer_real_interval: U64,
        /// ITIMER_VIRTUAL: CPU time that is left, nanoseconds; a signed number.
        pub itimer_virtual: U64,
        /// Interval of ITIMER_VIRTUAL, nanoseconds.
        pub itimer_virtual_interval: U64,
        /// ITIMER_PROF: CPU time that is left, nanoseconds; a signed number.
        pub itimer_prof: U64,
        /// Interval of ITIMER_PROF, nanoseconds.
        pub itimer_prof_interval: U64,
    }
}

record! {
    /// A pid that has no task but is a process group or session of one.
    /// Payload: its number in each namespace, container first.
    #[record(DeadPid = 18, "pid without task", min = 8, check = orphan_pid)]
    pub struct DeadPid {
        /// The number.
        pub pid: U32,
        /// The pid namespace that it was in.
        pub pid_ns: U32,
    }
}

record! {
    /// Register sets of the thread `tid`; payload: notes, each a [`Note`] and its bytes.
    #[record(Regs = 19, "registers", min = 8, check = regs)]
    pub struct Regs {
        /// The thread.
        pub tid: U32,
        /// Number of notes.
        pub notes: U32,
    }
}

structure! {
    /// Start of a register note, as in ELF core files; its bytes follow, padded to 8.
    pub struct Note {
        /// Owner: "CORE", "LINUX", or "CKPT" for a note that only images have, padded with NUL.
        pub name: [u8; 8],
        /// NT_* number.
        pub note_type: U32,
        /// Bytes that follow.
        pub len: U32,
    }
}

record! {
    /// Signal actions; payload: 64 [`Action`]s.
    #[record(Sighand = 20, "signal actions", min = 8, check = sighand, object)]
    pub struct Sighand {
        /// Reference of this object.
        pub obj: U32,
        /// Zero.
        pub reserved: U32,
    }
}

/// Number of signals.
pub const NSIG: usize = 64;

/// [`Action::flags`]: x86-64: was set by a 32-bit call, so the handler gets the frame of a 32-bit
/// program. The other flags are SA_*.
pub const ACTION_IA32: u64 = 1 << 25;

structure! {
    /// A signal action.
    pub struct Action {
        /// Address of the handler; 0 default, 1 ignore.
        pub handler: U64,
        /// SA_* flags and `ACTION_IA32`.
        pub flags: U64,
        /// Address of the restorer.
        pub restorer: U64,
        /// Signals blocked while it runs.
        pub mask: U64,
    }
}

/// Bytes of a siginfo_t.
pub const SIGINFO_LEN: usize = 128;

/// Returns the number of the signal of a siginfo_t on the architecture `machine`.
pub fn signal_number(info: &[u8; SIGINFO_LEN], machine: u32) -> u32 {
    let [a, b, c, d, ..] = *info;
    if arch::is_big_endian(machine) {
        u32::from_be_bytes([a, b, c, d])
    } else {
        u32::from_le_bytes([a, b, c, d])
    }
}

/// Most pending signals of a task or process in an image.
pub const PENDING_MAX: usize = 65536;

record! {
    /// Pending signals, oldest first; payload: siginfo_t's of [`SIGINFO_LEN`] bytes, each as the
    /// architecture of the image has it in memory, in its byte order. The last four bytes of one
    /// that is of a POSIX timer are the id of that plus 1, little-endian; those of others are zero.
    #[record(Pending = 21, "pending signals", min = 16, check = pending)]
    pub struct Pending {
        /// The thread; for `shared` the thread group.
        pub tid: U32,
        /// 1: pending for the whole thread group.
        pub shared: U32,
        /// Signals that are pending without a queue entry.
        pub bare: U64,
    }
}

/// Returns the id of the POSIX timer whose signal a siginfo_t of [`Pending`] is; `None`: it is of
/// none.
pub fn timer_of(info: &[u8; SIGINFO_LEN]) -> Option<u32> {
    let [.., a, b, c, d] = *info;
    u32::from_le_bytes([a, b, c, d]).checked_sub(1)
}

/// Notes in a siginfo_t of [`Pending`] that it is of the POSIX timer `id`.
pub fn set_timer_of(info: &mut [u8; SIGINFO_LEN], id: u32) {
    let [.., a, b, c, d] = info;
    [*a, *b, *c, *d] = id.saturating_add(1).to_le_bytes();
}

/// Highest id of a POSIX timer.
pub const TIMER_ID_MAX: u32 = i32::MAX.cast_unsigned();

/// Most POSIX timers of a process in an image.
pub const TIMERS_MAX: usize = 65536;

flags! {
    "Timers.flags": u32, TIMERS_FLAG_LIST, TIMERS_FLAGS;
    /// The process chooses the ids of its timers (PR_TIMER_CREATE_RESTORE_IDS).
    TIMERS_CHOSEN_IDS = 1 << 0,
}

record! {
    /// POSIX timers of a process; payload: [`Timer`]s, in the order of their ids. They are made
    /// when all tasks are, and run when the tasks do.
    #[record(Timers = 24, "POSIX timers", min = 16, check = timers)]
    pub struct Timers {
        /// The thread group.
        pub tgid: U32,
        /// The id that the next timer gets, if it is free; the highest bit does not count.
        pub next_id: U32,
        /// `TIMERS_*`.
        pub flags: U32,
        /// Zero.
        pub reserved: U32,
    }
}

values! {
    "Timer.state": u32, TIMER_STATES;
    /// Does not run.
    TIMER_DISARMED = 0,
    /// Runs.
    TIMER_ARMED = 1,
    /// Has expired, and runs again when its signal is taken.
    TIMER_WAITS = 2,
}

values! {
    "Timer.notify": u32, TIMER_NOTIFIES;
    /// The process gets a signal.
    TIMER_SIGNAL = 0,
    /// Nobody is notified.
    TIMER_NONE = 1,
    /// As `TIMER_SIGNAL`; the C library begins a thread then.
    TIMER_THREAD = 2,
    /// The thread `target` gets a signal.
    TIMER_THREAD_ID = 4,
}

flags! {
    "Timer.flags": u32, TIMER_FLAG_LIST, TIMER_FLAGS;
    /// It was set by a relative time: `expires` is on CLOCK_MONOTONIC, though `clock` is
    /// CLOCK_REALTIME.
    TIMER_RELATIVE = 1 << 0,
    /// It had an interval when its signal was sent.
    TIMER_PERIODIC = 1 << 1,
    /// Its signal was sent, and is ignored: it is pending if that ends.
    TIMER_IGNORED = 1 << 2,
    /// It was set after its signal was sent: what is pending is not delivered.
    TIMER_MODIFIED = 1 << 3,
}

structure! {
    /// A POSIX timer. Its signal, if that is pending, is among those of its task or process.
    pub struct Timer {
        /// Its id.
        pub id: U32,
        /// CLOCK_*, or what clock_getcpuclockid(3) gives, for which pids are those of the pid
        /// namespace of the process.
        pub clock: I32,
        /// `TIMER_SIGNAL`, ...
        pub notify: U32,
        /// Signal; any number for `TIMER_NONE`.
        pub signal: U32,
        /// Value that goes with the signal, as a pointer.
        pub value: U64,
        /// Thread that gets the signal, in the pid namespace of the process; 0: the process does.
        pub target: U32,
        /// Task whose CPU time it counts, in the pid namespace of the process; 0: `clock` counts no
        /// CPU time.
        pub clock_pid: U32,
        /// `TIMER_DISARMED`, ...
        pub state: U32,
        /// `TIMER_*`.
        pub flags: U32,
        /// Expiry on the clock, nanoseconds.
        pub expires: U64,
        /// Interval, nanoseconds.
        pub interval: U64,
        /// Overruns so far of what is pending, less one; a signed number.
        pub overrun: U64,
        /// Overruns of what was delivered last; a signed number.
        pub overrun_last: U64,
    }
}

/// Most supplementary groups.
pub const GROUPS_MAX: usize = 65536;

record! {
    /// Credentials; payload: supplementary group ids as U32.
    ///
    /// Ids are those of the user namespace of the caller of checkpoint(2).
    #[record(Cred = 22, "credentials", min = 80, check = cred, object)]
    pub struct Cred {
        /// Reference of this object.
        pub obj: U32,
        /// SECBIT_*.
        pub securebits: U32,
        /// Real, effective, saved and filesystem user id.
        pub uid: [U32; 4],
        /// Real, effective, saved and filesystem group id.
        pub gid: [U32; 4],
        /// Inheritable capabilities.
        pub inheritable: U64,
        /// Permitted capabilities.
        pub permitted: U64,
        /// Effective capabilities.
        pub effective: U64,
        /// Bounding set.
        pub bounding: U64,
        /// Ambient set.
        pub ambient: U64,
    }
}

record! {
    /// CPUs that a thread was bound to; payload: mask, CPU n at bit n % 8 of byte n / 8.
    #[record(Affinity = 23, "CPU affinity", min = 8, check = affinity)]
    pub struct Affinity {
        /// The thread.
        pub tid: U32,
        /// Zero.
        pub reserved: U32,
    }
}
