// SPDX-License-Identifier: GPL-2.0

//! The system calls that are made again when only the freezer has interrupted them.
//!
//! What is to be shown of each is at [`Wait`]; why this is done, and which calls are the same on all
//! architectures, is in `kapi/signal/eintr.rs`.

use kernel::bindings;

use super::regs::TRAP_NORESTART;
use crate::kapi::signal::eintr::{
    Call,
    Time,
    Wait,
    EVERYWHERE, //
};

/// Other native calls.
const CALLS: &[Call] = &[
    (bindings::__NR_epoll_wait, Wait::Epoll),
    (bindings::__NR_ipc, Wait::ipc(5, Time::Wide)),
    (
        bindings::__NR_socketcall,
        Wait::Socketcall { narrow: false },
    ),
    (bindings::__NR_accept, Wait::Socket),
    (bindings::__NR_send, Wait::Socket),
    (bindings::__NR_recv, Wait::Socket),
];

/// Returns the system calls of the kind that the running task makes.
pub(crate) fn tables() -> [&'static [Call]; 2] {
    // SAFETY: It looks at the registers of the running task, and at a flag. All members of the
    // union are plain words.
    let (narrow, trap) = unsafe {
        let t = bindings::get_current();
        let regs = bindings::task_pt_regs(t);
        (
            bindings::checkpoint_ppc_is_32bit(t),
            (*regs).__bindgen_anon_1.__bindgen_anon_1.trap as u64,
        )
    };
    // After a handler has run the registers may be those of a call that was over before.
    if narrow || trap & TRAP_NORESTART != 0 {
        return [&[], &[]];
    }
    [EVERYWHERE, CALLS]
}

/// Has the system call that the running task returns from with an error return `error`.
pub(crate) fn fail_with(error: u32) {
    // SAFETY: The registers are those of the running task. All members of the union are plain words.
    unsafe {
        let regs = bindings::task_pt_regs(bindings::get_current());
        let result = &raw mut (*regs).__bindgen_anon_1.__bindgen_anon_1.gpr[3];
        let error = error as usize;
        // `scv` has it negative, `sc` has it positive and tells by the condition register.
        let negative = (*result).cast_signed() < 0;
        *result = if negative {
            error.wrapping_neg()
        } else {
            error
        };
    }
}
