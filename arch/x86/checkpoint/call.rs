// SPDX-License-Identifier: GPL-2.0

//! The system calls that are made again when only the freezer has interrupted them.
//!
//! What is to be shown of each is at [`Wait`]; why this is done, and which calls are the same on all
//! architectures, is in `kapi/signal/eintr.rs`.

use kernel::bindings;

#[cfg(CONFIG_IA32_EMULATION)]
use crate::kapi::signal::eintr::Time;
use crate::kapi::signal::eintr::{
    Call,
    Wait,
    EVERYWHERE, //
};

/// Other calls of 64 bits.
const NATIVE: &[Call] = &[
    (bindings::__NR_epoll_wait, Wait::Epoll),
    (bindings::__NR_semop, Wait::Semop),
    (bindings::__NR_accept, Wait::Socket),
];

/// Calls of 32 bits.
#[cfg(CONFIG_IA32_EMULATION)]
const IA32: &[Call] = &[
    (bindings::__NR_ia32_epoll_wait, Wait::Epoll),
    (bindings::__NR_ia32_epoll_pwait, Wait::Epoll),
    (bindings::__NR_ia32_epoll_pwait2, Wait::timed(3, Time::Wide)),
    (
        bindings::__NR_ia32_rt_sigtimedwait,
        Wait::timed(2, Time::Narrow),
    ),
    (
        bindings::__NR_ia32_rt_sigtimedwait_time64,
        Wait::timed(2, Time::Wide),
    ),
    (
        bindings::__NR_ia32_io_getevents,
        Wait::timed(4, Time::Narrow),
    ),
    (
        bindings::__NR_ia32_semtimedop_time64,
        Wait::timed(3, Time::Wide),
    ),
    (bindings::__NR_ia32_ipc, Wait::ipc(5, Time::Narrow)),
    (bindings::__NR_ia32_io_uring_enter, Wait::Ring),
    (bindings::__NR_ia32_fallocate, Wait::Allocate),
    (
        bindings::__NR_ia32_socketcall,
        Wait::Socketcall { narrow: true },
    ),
    (bindings::__NR_ia32_read, Wait::Socket),
    (bindings::__NR_ia32_write, Wait::Socket),
    (bindings::__NR_ia32_readv, Wait::Socket),
    (bindings::__NR_ia32_writev, Wait::Socket),
    (bindings::__NR_ia32_connect, Wait::Socket),
    (bindings::__NR_ia32_accept4, Wait::Socket),
    (bindings::__NR_ia32_recvfrom, Wait::Socket),
    (bindings::__NR_ia32_recvmsg, Wait::Socket),
    (bindings::__NR_ia32_recvmmsg, Wait::Socket),
    (bindings::__NR_ia32_recvmmsg_time64, Wait::Socket),
    (bindings::__NR_ia32_sendto, Wait::Socket),
    (bindings::__NR_ia32_sendmsg, Wait::Socket),
    (bindings::__NR_ia32_sendmmsg, Wait::Socket),
];

/// Returns the system calls of the kind that the running task makes.
pub(crate) fn tables() -> [&'static [Call]; 2] {
    #[cfg(CONFIG_IA32_EMULATION)]
    // SAFETY: The field belongs to the running task.
    if unsafe { (*bindings::get_current()).thread_info.status } & bindings::TS_COMPAT != 0 {
        return [IA32, &[]];
    }
    [EVERYWHERE, NATIVE]
}

/// Has the system call that the running task returns from return `error`.
pub(crate) fn fail_with(error: u32) {
    // SAFETY: The registers are those of the running task.
    unsafe {
        (*bindings::task_pt_regs(bindings::get_current())).ax = (error as usize).wrapping_neg()
    };
}
