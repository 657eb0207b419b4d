// SPDX-License-Identifier: GPL-2.0

//! Memory protection keys: those that an address space has allocated, and its execute-only key.
//!
//! The key of a mapping is in its flags, the rights of a thread (PKRU) in its xstate. A key
//! may have been freed while mappings have it still, so any mapping may have any key.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::mm::space::MmRef;

/// Where the key is among the flags of a mapping.
const SHIFT: u32 = bindings::VMA_PKEY_BIT0_BIT;

/// Flags of mappings that make up the key.
pub(super) const BITS: u64 = 0xf << SHIFT;

/// Allocation map of an address space in which nothing was done about keys: key 0 is taken.
const FRESH: u64 = 1;

/// Returns the key among the flags of a mapping.
pub(super) fn of(flags: u64) -> u32 {
    // CAST: It has 4 bits.
    ((flags & BITS) >> SHIFT) as u32
}

/// Returns how many keys this machine has; 1: none but the default one.
pub(super) fn count() -> u32 {
    // SAFETY: It looks at a feature of the CPU.
    unsafe { bindings::checkpoint_pkeys() }.unsigned_abs()
}

/// Returns what the image has of the keys of `mm`: which are allocated, as the difference to a
/// fresh address space, and the number of its execute-only key plus 1. Its tasks are frozen.
pub(super) fn save(mm: &MmRef) -> [u64; 2] {
    if count() == 1 {
        return [0; 2];
    }
    #[cfg(CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS)]
    // SAFETY: We own a reference. Only tasks of the address space change these.
    return unsafe {
        let context = mm.context();
        let (map, only) = ((*context).pkey_allocation_map, (*context).execute_only_pkey);
        [
            u64::from(map) ^ FRESH,
            u64::from(only.wrapping_add(1).unsigned_abs()),
        ]
    };
    #[cfg(not(CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS))]
    [0; 2]
}

/// Checks what [`save`] saved. The error says what is not possible on this machine.
pub(super) fn check([map, only]: [u64; 2]) -> Result<(), &'static str> {
    if count() == 1 && (map, only) != (0, 0) {
        return Err("has memory protection keys, which this CPU lacks");
    }
    let map = map ^ FRESH;
    if map >> count() != 0 {
        return Err("impossible memory protection keys");
    }
    match only.checked_sub(1) {
        None => Ok(()),
        Some(key) if key < count().into() && map >> key & 1 != 0 => Ok(()),
        Some(_) => Err("execute-only key that is not allocated"),
    }
}

/// Lets the caller use all keys for the mappings of its new address space, and reach memory
/// whatever its key is: PKRU so far is that of the caller of restart(2).
///
/// As none is free, the kernel takes none for mappings that are executable only: each mapping
/// gets the key of the image.
pub(super) fn open(mm: &MmRef) {
    if count() == 1 {
        return;
    }
    // SAFETY: It changes a register of the running task, which gets its own before it runs.
    unsafe { bindings::checkpoint_reach_all_keys() };
    set(mm, u16::MAX, -1);
}

/// Gives `mm`, the caller's, what [`save`] saved and [`check`] accepted.
pub(super) fn load(mm: &MmRef, [map, only]: [u64; 2]) {
    if count() > 1 {
        // CAST: There are no more than 16 keys, as was checked.
        set(mm, (map ^ FRESH) as u16, (only as i16).wrapping_sub(1));
    }
}

#[cfg(CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS)]
fn set(mm: &MmRef, map: u16, only: i16) {
    // SAFETY: We own a reference, and the address space belongs to the caller alone.
    unsafe {
        let context = mm.context();
        (*context).pkey_allocation_map = map;
        (*context).execute_only_pkey = only;
    }
}

#[cfg(not(CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS))]
fn set(_: &MmRef, _: u16, _: i16) {}
