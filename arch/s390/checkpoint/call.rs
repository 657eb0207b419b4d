// SPDX-License-Identifier: GPL-2.0

//! The system calls that are made again when only the freezer has interrupted them.
//!
//! What is to be shown of each is at [`Wait`], and why this is done in `kapi/signal/eintr.rs`.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::signal::eintr::{
    Time,
    Wait, //
};

const fn timed(limit: usize, time: Time) -> Wait {
    Wait::Timed { limit, time }
}

const fn ipc(limit: usize, time: Time) -> Wait {
    Wait::Ipc { limit, time }
}

/// Native calls.
const CALLS: &[(u32, Wait)] = &[
    (bindings::__NR_epoll_wait, Wait::Epoll),
    (bindings::__NR_epoll_pwait, Wait::Epoll),
    (bindings::__NR_epoll_pwait2, timed(3, Time::Wide)),
    (bindings::__NR_rt_sigtimedwait, timed(2, Time::Wide)),
    (bindings::__NR_io_getevents, timed(4, Time::Wide)),
    (bindings::__NR_semtimedop, timed(3, Time::Wide)),
    (bindings::__NR_ipc, ipc(3, Time::Wide)),
    (bindings::__NR_io_uring_enter, Wait::Ring),
    (bindings::__NR_fallocate, Wait::Allocate),
];

/// The system calls of the kind that the running task makes.
pub(crate) fn table() -> &'static [(u32, Wait)] {
    CALLS
}

/// The system call that the running task returns from shall return `error`.
pub(crate) fn fail_with(error: u32) {
    // SAFETY: It writes to the registers of the running task.
    unsafe { bindings::checkpoint_s390_result_set(-(error as c_long)) };
}
