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
    Wait,
    EVERYWHERE, //
};

/// Other native calls.
const CALLS: &[Call] = &[(bindings::__NR_semop, Wait::Semop)];

/// Returns the system calls of the kind that the running task makes.
pub(crate) fn tables() -> [&'static [Call]; 2] {
    // SAFETY: It looks at a flag of the running task.
    if unsafe { bindings::checkpoint_tif(bindings::get_current(), bindings::TIF_32BIT as c_int) } {
        return [&[], &[]];
    }
    [EVERYWHERE, CALLS]
}

/// Has the system call that the running task returns from return `error`.
pub(crate) fn fail_with(error: u32) {
    // SAFETY: The registers are those of the running task. All members of the union are plain words.
    unsafe {
        let regs = bindings::task_pt_regs(bindings::get_current());
        (*regs).__bindgen_anon_1.user_regs.regs[0] = u64::from(error).wrapping_neg();
    }
}
