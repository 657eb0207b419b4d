// SPDX-License-Identifier: GPL-2.0

//! Records of what prctl(2), ioprio_set(2) and sched_setattr(2) set of a thread.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    flags,
    record, //
};

pub(super) mod check;

/// Highest clamp of utilization.
pub const CLAMP_MAX: u32 = 1024;

flags! {
    "Controls.flags": u32, CONTROL_FLAG_LIST, CONTROL_FLAGS;
    /// It has a machine check policy of its own (PR_MCE_KILL): late, unless early.
    CONTROL_MCE = 1 << 0,
    /// That is early.
    CONTROL_MCE_EARLY = 1 << 1,
    /// It is an I/O flusher (PR_SET_IO_FLUSHER).
    CONTROL_IO_FLUSHER = 1 << 2,
    /// Speculative store bypass is disabled.
    CONTROL_SSB_DISABLE = 1 << 3,
    /// It is for good.
    CONTROL_SSB_FORCE_DISABLE = 1 << 4,
    /// It is until the next execve(2).
    CONTROL_SSB_NOEXEC = 1 << 5,
    /// Indirect branch speculation is disabled.
    CONTROL_IB_DISABLE = 1 << 6,
    /// It is for good.
    CONTROL_IB_FORCE_DISABLE = 1 << 7,
    /// `util_min` is set.
    CONTROL_UTIL_MIN = 1 << 8,
    /// `util_max` is set.
    CONTROL_UTIL_MAX = 1 << 9,
    /// System calls are dispatched to it (PR_SET_SYSCALL_USER_DISPATCH).
    CONTROL_DISPATCH = 1 << 10,
    /// It gets SIGSEGV where it reads the CPU's counter (PR_SET_TSC).
    CONTROL_NO_COUNTER = 1 << 11,
}

record! {
    /// What a thread has set of itself. Only of one with something that is not the default.
    #[record(Controls = 27, "thread controls", min = 48, check = controls)]
    pub struct Controls {
        /// The thread.
        pub tid: U32,
        /// `CONTROL_*`.
        pub flags: U32,
        /// I/O priority as of ioprio_set(2); 0: none.
        pub io_priority: U32,
        /// Lower clamp of utilization, 1024 at most.
        pub util_min: U32,
        /// Upper clamp of utilization, 1024 at most.
        pub util_max: U32,
        /// Zero.
        pub reserved: U32,
        /// Start of the code whose system calls are not dispatched.
        pub dispatch: U64,
        /// Its length; it may wrap around.
        pub dispatch_len: U64,
        /// Address of the byte that switches the dispatch on; 0: it is on.
        pub dispatch_selector: U64,
    }
}

flags! {
    "Deadline.flags": u32, DEADLINE_FLAG_LIST, DEADLINE_FLAGS;
    /// It takes what others leave (SCHED_FLAG_RECLAIM).
    DEADLINE_RECLAIM = 1 << 0,
    /// It gets SIGXCPU when it takes too long (SCHED_FLAG_DL_OVERRUN).
    DEADLINE_OVERRUN = 1 << 1,
}

record! {
    /// That a thread has the policy SCHED_DEADLINE, whatever that in its `Task` is.
    #[record(Deadline = 28, "deadline scheduling", min = 32, check = deadline)]
    pub struct Deadline {
        /// The thread.
        pub tid: U32,
        /// `DEADLINE_*`.
        pub flags: U32,
        /// Its runtime in a period, in nanoseconds.
        pub runtime: U64,
        /// When that must be over, from the start of the period, in nanoseconds.
        pub deadline: U64,
        /// The period, in nanoseconds.
        pub period: U64,
    }
}
