// SPDX-License-Identifier: GPL-2.0

//! The system calls that are made again when only the freezer has interrupted them.
//!
//! What is to be shown of each is at [`Wait`]; why this is done, and which calls are the same on all
//! architectures, is in `kapi/signal/eintr.rs`.

use kernel::bindings;

use super::aarch32;
#[cfg(CONFIG_COMPAT)]
use crate::kapi::signal::eintr::Time;
use crate::kapi::signal::eintr::{
    Call,
    Wait,
    EVERYWHERE, //
};

/// Other native calls.
const CALLS: &[Call] = &[
    (bindings::__NR_semop, Wait::Semop),
    (bindings::__NR_accept, Wait::Socket),
];

/// Calls of 32 bits.
#[cfg(CONFIG_COMPAT)]
const AARCH32: &[Call] = &[
    (bindings::__NR_compat32_epoll_wait, Wait::Epoll),
    (bindings::__NR_compat32_epoll_pwait, Wait::Epoll),
    (
        bindings::__NR_compat32_epoll_pwait2,
        Wait::timed(3, Time::Wide),
    ),
    (
        bindings::__NR_compat32_rt_sigtimedwait,
        Wait::timed(2, Time::Narrow),
    ),
    (
        bindings::__NR_compat32_rt_sigtimedwait_time64,
        Wait::timed(2, Time::Wide),
    ),
    (
        bindings::__NR_compat32_io_getevents,
        Wait::timed(4, Time::Narrow),
    ),
    (bindings::__NR_compat32_semop, Wait::Semop),
    (
        bindings::__NR_compat32_semtimedop,
        Wait::timed(3, Time::Narrow),
    ),
    (
        bindings::__NR_compat32_semtimedop_time64,
        Wait::timed(3, Time::Wide),
    ),
    (bindings::__NR_compat32_io_uring_enter, Wait::Ring),
    (bindings::__NR_compat32_fallocate, Wait::Allocate),
    (bindings::__NR_compat32_read, Wait::Socket),
    (bindings::__NR_compat32_write, Wait::Socket),
    (bindings::__NR_compat32_readv, Wait::Socket),
    (bindings::__NR_compat32_writev, Wait::Socket),
    (bindings::__NR_compat32_connect, Wait::Socket),
    (bindings::__NR_compat32_accept, Wait::Socket),
    (bindings::__NR_compat32_accept4, Wait::Socket),
    (bindings::__NR_compat32_recv, Wait::Socket),
    (bindings::__NR_compat32_recvfrom, Wait::Socket),
    (bindings::__NR_compat32_recvmsg, Wait::Socket),
    (bindings::__NR_compat32_recvmmsg, Wait::Socket),
    (bindings::__NR_compat32_recvmmsg_time64, Wait::Socket),
    (bindings::__NR_compat32_send, Wait::Socket),
    (bindings::__NR_compat32_sendto, Wait::Socket),
    (bindings::__NR_compat32_sendmsg, Wait::Socket),
    (bindings::__NR_compat32_sendmmsg, Wait::Socket),
];

/// There are none of 32 bits.
#[cfg(not(CONFIG_COMPAT))]
const AARCH32: &[Call] = &[];

/// Returns whether the running task is of 32 bits.
fn is_narrow() -> bool {
    // SAFETY: It is the running task.
    unsafe { aarch32::is_task(bindings::get_current()) }
}

/// Returns the system calls of the kind that the running task makes.
pub(crate) fn tables() -> [&'static [Call]; 2] {
    if is_narrow() {
        return [AARCH32, &[]];
    }
    [EVERYWHERE, CALLS]
}

/// Has the system call that the running task returns from return `error`.
pub(crate) fn fail_with(error: u32) {
    // SAFETY: The registers are those of the running task. All members of the union are plain words.
    unsafe {
        let regs = bindings::task_pt_regs(bindings::get_current());
        let result = u64::from(error).wrapping_neg();
        (*regs).__bindgen_anon_1.user_regs.regs[0] = match is_narrow() {
            // As syscall_set_return_value().
            true => aarch32::lower(result),
            false => result,
        };
    }
}
