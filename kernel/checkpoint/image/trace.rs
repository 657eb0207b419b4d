// SPDX-License-Identifier: GPL-2.0

//! Records of ptrace: who traces a thread, and where it is stopped for that.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    flags,
    record,
    values, //
};

pub(super) mod check;

/// PTRACE_O_*: all but PTRACE_O_SUSPEND_SECCOMP. The same numbers on all architectures.
pub const TRACE_OPTIONS: u32 = 0xff | 1 << 20;

/// PTRACE_O_SUSPEND_SECCOMP.
pub const TRACE_SUSPEND_SECCOMP: u32 = 1 << 21;

/// SIGTRAP, by which a thread stops at a system call.
pub const TRAP: u32 = 5;

/// What PTRACE_O_TRACESYSGOOD adds to that.
pub const TRAP_SYSCALL: u32 = 0x80;

/// The event by which a thread that was seized tells of a group stop, or of PTRACE_INTERRUPT.
pub const EVENT_STOP: u32 = 128;

/// Event message at the entry of a system call.
pub const MESSAGE_ENTRY: u64 = 1;

/// Event message at the exit of a system call.
pub const MESSAGE_EXIT: u64 = 2;

/// PTRACE_EVENT_FORK, PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC and PTRACE_EVENT_VFORK_DONE.
pub const TRACED_EVENTS: [u32; 4] = [1, 3, EVENT_EXEC, 5];

/// PTRACE_EVENT_VFORK.
pub const EVENT_VFORK: u32 = 2;

/// PTRACE_EVENT_EXIT.
pub const EVENT_EXIT: u32 = 6;

/// Highest exit code, as wait(2) tells it.
pub const EXIT_CODE_MAX: u64 = 0xffff;

/// PTRACE_EVENT_EXEC.
pub const EVENT_EXEC: u32 = 4;

/// PTRACE_EVENT_SECCOMP.
pub const EVENT_SECCOMP: u32 = 7;

/// What a filter of seccomp can give its tracer: SECCOMP_RET_DATA.
pub const SECCOMP_DATA_MAX: u64 = 0xffff;

flags! {
    "Traced.flags": u32, TRACED_FLAG_LIST, TRACED_FLAGS;
    /// By PTRACE_SEIZE.
    TRACED_SEIZED = 1 << 0,
    /// It stops at its system calls (PTRACE_SYSCALL).
    TRACED_SYSCALLS = 1 << 1,
    /// It tells of the end of a group stop (PTRACE_LISTEN).
    TRACED_LISTENING = 1 << 2,
    /// It stops once more when it goes on (PTRACE_INTERRUPT).
    TRACED_INTERRUPTED = 1 << 3,
    /// A group stop has begun or ended since it stopped.
    TRACED_NOTIFY = 1 << 4,
    /// There was no SIGCONT since it took the signal that it has stopped for.
    TRACED_DEQUEUED = 1 << 5,
    /// Its own rights decide about set-user-id programs that it executes, not its tracer's
    /// (PTRACE_TRACEME).
    TRACED_OWN_RIGHTS = 1 << 6,
    /// Its system calls are not made (PTRACE_SYSEMU), nor that at whose entry it is stopped.
    TRACED_EMULATED = 1 << 7,
    /// Its process exits, as it does itself.
    TRACED_GROUP_EXITS = 1 << 8,
}

values! {
    "Traced.stop": u32, TRACED_STOPS;
    /// It is not stopped.
    TRACED_RUNS = 0,
    /// At the delivery of a signal.
    TRACED_AT_SIGNAL = 1,
    /// Because of a group stop or PTRACE_INTERRUPT.
    TRACED_AT_TRAP = 2,
    /// At the exit of a system call.
    TRACED_AT_EXIT = 3,
    /// At an event of fork(2), clone(2), execve(2), or the end of vfork(2).
    TRACED_AT_EVENT = 4,
    /// At the entry of a system call, which it makes when it goes on.
    TRACED_AT_ENTRY = 5,
    /// There, by a filter of seccomp.
    TRACED_AT_SECCOMP = 6,
    /// At the event of vfork(2), where it waits for its child when it goes on.
    TRACED_AT_VFORK = 7,
    /// As it exits (PTRACE_EVENT_EXIT): the event message is its exit code.
    TRACED_EXITING = 8,
}

record! {
    /// Whom a process lets trace it though it is none of its ancestors, as of prctl(PR_SET_PTRACER). Only
    /// of one that has named somebody.
    #[record(Ptracer = 213, "permitted tracer", min = 8, check = ptracer)]
    pub struct Ptracer {
        /// Leader of its thread group.
        pub tid: U32,
        /// The task that may; 0: everybody.
        pub tracer: U32,
    }
}

record! {
    /// That a thread is traced, and how; payload: the siginfo_t that its tracer can read, in the form
    /// of those of pending signals, if there is one.
    #[record(Traced = 214, "traced thread", min = 40, check = traced)]
    pub struct Traced {
        /// The thread.
        pub tid: U32,
        /// The thread that traces it.
        pub tracer: U32,
        /// PTRACE_O_*.
        pub options: U32,
        /// `TRACED_*`.
        pub flags: U32,
        /// `TRACED_RUNS`, ...
        pub stop: U32,
        /// What wait(2) tells its tracer of the stop; 0: it has told that.
        pub exit_code: U32,
        /// Event message.
        pub message: U64,
        /// What the system call returns, with `TRACED_AT_EVENT` and `TRACED_AT_VFORK`: a pid; 0: of
        /// execve(2). Exit code of its process, with `TRACED_GROUP_EXITS`.
        pub result: U32,
        /// Zero.
        pub reserved: U32,
    }
}
