// SPDX-License-Identifier: GPL-2.0

//! State of tasks that is neither saved nor common: is there any?

use kernel::bindings;

use crate::kapi::task::FrozenTask;

/// Bits of `atomic_flags` that prctl(PR_SET_SPECULATION_CTRL) sets.
const SPECULATION: usize = 0xf8;

impl FrozenTask {
    /// Calls `found` with the name of each thing that the thread itself has.
    pub(crate) fn thread_oddities(&self, mut found: impl FnMut(&'static str)) {
        let t = self.as_ptr();
        let mut test = |on: bool, what| {
            if on {
                found(what);
            }
        };
        // SAFETY: We own a reference on the task, which does not run: these fields are its own,
        // or pointers that are looked at only.
        unsafe {
            let flags = (*t).flags;
            test(
                flags & bindings::PF_KTHREAD != 0,
                "is a thread of the kernel",
            );
            test(
                flags & (bindings::PF_USER_WORKER | bindings::PF_IO_WORKER) != 0,
                "is a worker thread of the kernel in the process",
            );
            test(
                flags & (bindings::PF_DUMPCORE | bindings::PF_EXITING) != 0,
                "is exiting or dumping core",
            );
            test((*t).in_execve() != 0, "is executing a program");
            test((*t).ptrace != 0, "is traced (ptrace)");
            let tracees = &raw const (*t).ptraced;
            test(
                !core::ptr::eq((*tracees).next, tracees),
                "traces other tasks (ptrace)",
            );
            #[cfg(CONFIG_SECCOMP)]
            test((*t).seccomp.mode != 0, "is restricted by seccomp");
            test(
                bindings::task_user_dispatch(t),
                "has syscall user dispatch enabled",
            );
            test(bindings::task_has_perf_events(t), "has perf events");
            #[cfg(CONFIG_UPROBES)]
            test(!(*t).utask.is_null(), "has uprobes");
            test(bindings::task_has_io_uring(t), "uses io_uring");
            #[cfg(CONFIG_IO_URING)]
            test(
                !(*t).io_uring_restrict.is_null(),
                "is restricted in its use of io_uring",
            );
            test(bindings::task_has_landlock(t), "is restricted by Landlock");
            test(
                bindings::task_has_other_label(t),
                "has another security label than the caller",
            );
            test(
                bindings::task_has_sem_undo(t),
                "has System V semaphore adjustments (SEM_UNDO)",
            );
            #[cfg(CONFIG_FUTEX_PI)]
            {
                let held = &raw const (*t).futex.pi_state_list;
                test(
                    !core::ptr::eq((*held).next, held),
                    "holds a priority-inheritance futex that a task outside waits for",
                );
            }
            test(bindings::task_has_mempolicy(t), "has a memory policy");
            test(
                (*t).atomic_flags as usize & SPECULATION != 0,
                "has speculation controls set (PR_SET_SPECULATION_CTRL)",
            );
            test(
                flags & bindings::PF_MCE_PROCESS != 0,
                "has a machine check policy (PR_MCE_KILL)",
            );
            test(
                flags & bindings::PF_LOCAL_THROTTLE != 0,
                "is an I/O flusher (PR_SET_IO_FLUSHER)",
            );
            #[cfg(CONFIG_USER_EVENTS)]
            test(!(*t).user_event_mm.is_null(), "has user events");
            #[cfg(CONFIG_BPF_SYSCALL)]
            test(!(*t).bpf_ctx.is_null(), "runs a BPF program");
            test(
                (*t).personality & bindings::PER_MASK as u32 != bindings::PER_LINUX as u32
                    && (*t).personality & bindings::PER_MASK as u32 != bindings::PER_LINUX32 as u32,
                "has the personality of another system",
            );
        }
    }

    /// Calls `found` with the name of each thing that its thread group has.
    pub(crate) fn group_oddities(&self, mut found: impl FnMut(&'static str)) {
        let mut test = |on: bool, what| {
            if on {
                found(what);
            }
        };
        // SAFETY: We own a reference on the task, which keeps its signal_struct; the fields are
        // numbers, or pointers that are looked at only.
        unsafe {
            let s = (*self.as_ptr()).signal;
            test(!(*s).core_state.is_null(), "is dumping core");
            test((*s).flags & bindings::SIGNAL_GROUP_EXIT != 0, "is exiting");
            test(
                bindings::task_autogroup_nice(self.as_ptr()) != 0,
                "is in a session with a nice value of its own (autogroup)",
            );
            #[cfg(CONFIG_POSIX_TIMERS)]
            {
                test(
                    (*s).timer_create_restore_ids() != 0,
                    "chooses the ids of POSIX timers (PR_TIMER_CREATE_RESTORE_IDS)",
                );
                test(
                    !(*s).posix_timers.first.is_null(),
                    "has POSIX timers (timer_create)",
                );
                test(
                    (*s).real_timer.is_queued || (*s).it_real_incr != 0,
                    "has an interval timer (ITIMER_REAL) armed",
                );
                test(
                    (*s).it.iter().any(|it| it.expires != 0 || it.incr != 0),
                    "has an interval timer (ITIMER_VIRTUAL or ITIMER_PROF) armed",
                );
            }
        }
    }
}
