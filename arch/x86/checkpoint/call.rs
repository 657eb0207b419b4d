// SPDX-License-Identifier: GPL-2.0

//! The system calls that are made again when only the freezer has interrupted them.
//!
//! What is to be shown of each is at [`Wait`], and why this is done in `kapi/signal/eintr.rs`.

use kernel::bindings;

use crate::kapi::signal::eintr::{
    Time,
    Wait, //
};

const fn timed(limit: usize, time: Time) -> Wait {
    Wait::Timed { limit, time }
}

#[cfg(CONFIG_IA32_EMULATION)]
const fn ipc(limit: usize, time: Time) -> Wait {
    Wait::Ipc { limit, time }
}

/// Calls of 64 bits.
const NATIVE: &[(u32, Wait)] = &[
    (bindings::__NR_epoll_wait, Wait::Epoll),
    (bindings::__NR_epoll_pwait, Wait::Epoll),
    (bindings::__NR_epoll_pwait2, timed(3, Time::Wide)),
    (bindings::__NR_rt_sigtimedwait, timed(2, Time::Wide)),
    (bindings::__NR_io_getevents, timed(4, Time::Wide)),
    (bindings::__NR_semtimedop, timed(3, Time::Wide)),
    (bindings::__NR_semop, Wait::Semop),
    (bindings::__NR_io_uring_enter, Wait::Ring),
    (bindings::__NR_fallocate, Wait::Allocate),
];

/// Calls of 32 bits.
#[cfg(CONFIG_IA32_EMULATION)]
const IA32: &[(u32, Wait)] = &[
    (bindings::__NR_ia32_epoll_wait, Wait::Epoll),
    (bindings::__NR_ia32_epoll_pwait, Wait::Epoll),
    (bindings::__NR_ia32_epoll_pwait2, timed(3, Time::Wide)),
    (bindings::__NR_ia32_rt_sigtimedwait, timed(2, Time::Narrow)),
    (
        bindings::__NR_ia32_rt_sigtimedwait_time64,
        timed(2, Time::Wide),
    ),
    (bindings::__NR_ia32_io_getevents, timed(4, Time::Narrow)),
    (bindings::__NR_ia32_semtimedop_time64, timed(3, Time::Wide)),
    (bindings::__NR_ia32_ipc, ipc(5, Time::Narrow)),
    (bindings::__NR_ia32_io_uring_enter, Wait::Ring),
    (bindings::__NR_ia32_fallocate, Wait::Allocate),
];

/// The system calls of the kind that the running task makes.
pub(crate) fn table() -> &'static [(u32, Wait)] {
    #[cfg(CONFIG_IA32_EMULATION)]
    // SAFETY: The field belongs to the running task.
    if unsafe { (*bindings::get_current()).thread_info.status } & bindings::TS_COMPAT != 0 {
        return IA32;
    }
    NATIVE
}

/// The system call that the running task returns from shall return `error`.
pub(crate) fn fail_with(error: u32) {
    // SAFETY: The registers are those of the running task.
    unsafe {
        (*bindings::task_pt_regs(bindings::get_current())).ax = (error as usize).wrapping_neg()
    };
}
