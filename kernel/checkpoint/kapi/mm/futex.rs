// SPDX-License-Identifier: GPL-2.0

//! The hash in which an address space has its waits for private futexes.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    mm::space::MmRef, //
};

/// Returns how many slots the hash of `mm`, of which no task runs, has been told to have by
/// prctl(PR_FUTEX_HASH), a power of two; 0: to have none of its own; `None`: nothing was told.
pub(crate) fn slots(mm: &MmRef) -> Option<u32> {
    // SAFETY: We own a reference on the address space, which keeps it valid. What the hash is, is
    // read under RCU.
    u32::try_from(unsafe { bindings::checkpoint_futex_slots(mm.as_ptr()) }).ok()
}

/// Has the address space of the calling task, which is new and which no other task has yet, have a
/// hash of so many slots, as prctl(PR_FUTEX_HASH) does; 0: none of its own. May sleep.
///
/// EOPNOTSUPP: this kernel has no such hashes; EINVAL: no power of two from 2 on; ENOMEM.
pub(crate) fn set_slots(_: &Restoring, slots: u32) -> Result {
    if !cfg!(CONFIG_FUTEX_PRIVATE_HASH) {
        return Err(EOPNOTSUPP);
    }
    // SAFETY: It allocates, and changes nothing but the address space of `current`, which has
    // one. That has no hash so far: so there is none whose users it would wait for.
    to_result(unsafe {
        bindings::futex_hash_prctl(
            u32_as_usize(bindings::PR_FUTEX_HASH_SET_SLOTS),
            u32_as_usize(slots),
            0,
        )
    })
}
