// SPDX-License-Identifier: GPL-2.0

//! State of tasks that is not saved: has a task some, and what becomes of it at restart?
//!
//! A task that has some is refused. fork() hands some of it on to what restart(2) makes: so each
//! says what is done about that. A restarted task has none that its original had not, or the
//! restart was refused: so it can be checkpointed again.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::task::frozen::FrozenTask;

#[cfg(any(CONFIG_UPROBES, CONFIG_USER_EVENTS))]
use crate::kapi::fork::reset;

/// What becomes in a restarted task of such state of the caller of restart(2).
pub(crate) enum Handed {
    /// fork() gives it to no new process.
    Not,
    /// fork() gives it to new processes: the root is rid of it by this function before it makes the
    /// others.
    #[cfg_attr(not(any(CONFIG_UPROBES, CONFIG_USER_EVENTS)), allow(dead_code))]
    Reset(fn() -> Result),
    /// Something that the image holds comes in its place.
    Replaced,
    /// It confines the caller, and so its tasks: see `crate::confinement`.
    Confines,
    /// It is of others, who look at the caller or look after it, and so at its tasks; or what they see of
    /// it.
    Outside,
}

/// State that is not saved.
pub(crate) struct UnsupportedState {
    /// What such a task does or has.
    pub(crate) what: &'static str,
    /// What to do so that it can be saved.
    pub(crate) advice: &'static str,
    /// Has a task that?
    ///
    /// # Safety
    ///
    /// The task is valid, and does not run or is the caller.
    test: unsafe fn(*mut bindings::task_struct) -> bool,
    /// What becomes of it.
    pub(crate) handed: Handed,
}

impl UnsupportedState {
    /// Returns whether it is that a task has perf events: the caller may leave these out.
    pub(crate) fn is_perf_events(&self) -> bool {
        self.what == "has perf events"
    }
}

/// A row of the tables. The expression looks at the task `t`.
macro_rules! unsupported {
    ($what:literal, $advice:literal, $handed:expr, |$t:ident| $test:expr) => {{
        /// Tells whether a task is in this state.
        ///
        /// # Safety
        ///
        /// As of `UnsupportedState::test`.
        unsafe fn test($t: *mut bindings::task_struct) -> bool {
            // SAFETY: By the caller's promise: nobody else changes what is the task's own, and
            // pointers are looked at only.
            unsafe { $test }
        }
        UnsupportedState {
            what: $what,
            advice: $advice,
            test,
            handed: $handed,
        }
    }};
}

/// Bits of `atomic_flags` that prctl(PR_SET_SPECULATION_CTRL) sets.
pub(in crate::kapi) const SPECULATION: usize = 1 << bindings::PFA_SPEC_SSB_DISABLE
    | 1 << bindings::PFA_SPEC_SSB_FORCE_DISABLE
    | 1 << bindings::PFA_SPEC_IB_DISABLE
    | 1 << bindings::PFA_SPEC_IB_FORCE_DISABLE
    | 1 << bindings::PFA_SPEC_SSB_NOEXEC;

/// Flags that prctl(PR_SET_IO_FLUSHER) sets.
pub(in crate::kapi) const IO_FLUSHER: u32 =
    bindings::PF_MEMALLOC_NOIO | bindings::PF_LOCAL_THROTTLE;

/// What a thread itself has.
static THREAD: &[UnsupportedState] = &[
    unsupported!(
        "is a thread of the kernel",
        "name a program",
        Handed::Not,
        |t| (*t).flags & bindings::PF_KTHREAD != 0
    ),
    unsupported!(
        "is a worker thread of the kernel in the process",
        "stop what has it (vhost, or io_uring and a debugger)",
        Handed::Not,
        |t| (*t).flags & (bindings::PF_USER_WORKER | bindings::PF_IO_WORKER) != 0
    ),
    unsupported!(
        "is exiting or dumping core",
        "try again when it is gone",
        Handed::Not,
        |t| (*t).flags & (bindings::PF_DUMPCORE | bindings::PF_EXITING) != 0
    ),
    unsupported!(
        "is executing a program",
        "try again when it has",
        Handed::Not,
        |t| (*t).in_execve() != 0 && !bindings::checkpoint_is_at_exec(t)
    ),
    unsupported!(
        "has perf events",
        "end the measurement (perf), or leave its descriptors out (CHECKPOINT_RULE_CLOSE)",
        Handed::Outside,
        |t| bindings::task_has_perf_events(t)
    ),
    #[cfg(CONFIG_UPROBES)]
    unsupported!(
        "has uprobes",
        "remove the probes and start it again",
        Handed::Reset(reset::uprobes),
        |t| !(*t).utask.is_null()
    ),
    #[cfg(CONFIG_IO_URING)]
    unsupported!(
        "is restricted in its use of io_uring",
        "start it without that",
        Handed::Confines,
        |t| !(*t).io_uring_restrict.is_null()
    ),
    unsupported!(
        "is restricted by Landlock",
        "start it without Landlock",
        Handed::Confines,
        |t| bindings::checkpoint_landlocked(t)
    ),
    unsupported!(
        "has the log of Landlock switched off for domains below it \
         (LANDLOCK_RESTRICT_SELF_LOG_SUBDOMAINS_OFF)",
        "start it without that",
        Handed::Outside,
        |t| bindings::checkpoint_landlock_hides(t)
    ),
    unsupported!(
        "is restricted by access rules of its own (load-self of Smack)",
        "start it without",
        Handed::Confines,
        |t| bindings::checkpoint_smack_rules(t)
    ),
    unsupported!(
        "may give itself some other labels (relabel-self of Smack)",
        "have it take one, or write nothing there",
        Handed::Replaced,
        |t| bindings::checkpoint_smack_relabels(t)
    ),
    #[cfg(CONFIG_FUTEX_PI)]
    unsupported!(
        "holds a priority-inheritance futex that a task outside waits for",
        "checkpoint both together",
        Handed::Not,
        |t| {
            let held = &raw const (*t).futex.pi_state_list;
            !core::ptr::eq((*held).next, held)
        }
    ),
    #[cfg(CONFIG_USER_EVENTS)]
    unsupported!(
        "has user events",
        "have it unregister them",
        Handed::Reset(reset::user_events),
        |t| !(*t).user_event_mm.is_null()
    ),
    #[cfg(CONFIG_BPF_SYSCALL)]
    unsupported!(
        "runs a BPF program",
        "try again in a short while",
        Handed::Not,
        |t| !(*t).bpf_ctx.is_null()
    ),
    unsupported!(
        "has the personality of another system",
        "only programs of Linux are supported",
        Handed::Replaced,
        |t| {
            let kind = (*t).personality & bindings::PER_MASK;
            kind != bindings::PER_LINUX && kind != bindings::PER_LINUX32
        }
    ),
    unsupported!(
        "has an I/O context that it shares (CLONE_IO)",
        "start it without CLONE_IO",
        Handed::Not,
        |t| io_context(t).1 > 1
    ),
];

/// What the threads of a group share.
static GROUP: &[UnsupportedState] = &[
    unsupported!(
        "is dumping core",
        "try again when it is gone",
        Handed::Not,
        |t| !(*(*t).signal).core_state.is_null()
    ),
    unsupported!(
        "is exiting",
        "try again when it is gone",
        Handed::Not,
        |t| (*(*t).signal).flags & bindings::SIGNAL_GROUP_EXIT != 0
            && !bindings::checkpoint_exits_at_once(t)
    ),
];

/// Returns the I/O priority of a task, and how many share its I/O context.
///
/// # Safety
///
/// `t` is valid.
pub(in crate::kapi) unsafe fn io_context(t: *mut bindings::task_struct) -> (u16, i32) {
    // SAFETY: By the caller's promise; the context of a task stays under its task_lock.
    unsafe {
        bindings::task_lock(t);
        let io = bindings::task_io_context(t);
        let found = if io.is_null() {
            (0, 1)
        } else {
            let users = (&raw const (*io).active_ref.counter).read_volatile();
            // Workers of io_uring have it of their process, and are not saved.
            let workers = bindings::checkpoint_io_workers(t, io);
            ((*io).ioprio, users.saturating_sub(workers))
        };
        bindings::task_unlock(t);
        found
    }
}

impl FrozenTask {
    /// Calls `found` with each thing that the thread itself has.
    pub(crate) fn unsupported_of_thread(&self, found: impl FnMut(&'static UnsupportedState)) {
        self.unsupported(THREAD, found);
    }

    /// Calls `found` with each thing that its thread group has.
    pub(crate) fn unsupported_of_group(&self, found: impl FnMut(&'static UnsupportedState)) {
        self.unsupported(GROUP, found);
    }

    fn unsupported(
        &self,
        table: &'static [UnsupportedState],
        mut found: impl FnMut(&'static UnsupportedState),
    ) {
        for unsupported in table {
            // SAFETY: We own a reference on the task, which keeps its signal_struct too. It does
            // not run, or is the caller.
            if unsafe { (unsupported.test)(self.as_ptr()) } {
                found(unsupported);
            }
        }
    }
}

/// Returns all unsupported.
pub(in crate::kapi) fn all() -> impl Iterator<Item = &'static UnsupportedState> {
    [THREAD, GROUP].into_iter().flatten()
}
