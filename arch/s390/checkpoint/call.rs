// SPDX-License-Identifier: GPL-2.0

//! The system calls that are made again when only the freezer has interrupted them.
//!
//! What is to be shown of each is at [`Wait`]; why this is done, and which calls are the same on all
//! architectures, is in `kapi/signal/eintr.rs`.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::signal::eintr::{
    Call,
    Time,
    Wait,
    EVERYWHERE, //
};

/// Other native calls.
const CALLS: &[Call] = &[
    (bindings::__NR_epoll_wait, Wait::Epoll),
    (bindings::__NR_ipc, Wait::ipc(3, Time::Wide)),
    (
        bindings::__NR_socketcall,
        Wait::Socketcall { narrow: false },
    ),
];

/// Returns the system calls of the kind that the running task makes.
pub(crate) fn tables() -> [&'static [Call]; 2] {
    [EVERYWHERE, CALLS]
}

/// Has the system call that the running task returns from return `error`.
pub(crate) fn fail_with(error: u32) {
    // SAFETY: It writes to the registers of the running task.
    unsafe { bindings::checkpoint_s390_result_set(-(error as c_long)) };
}
