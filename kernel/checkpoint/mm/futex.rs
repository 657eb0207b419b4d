// SPDX-License-Identifier: GPL-2.0

//! The hash in which an address space has its waits for private futexes, as prctl(PR_FUTEX_HASH) has
//! set it.
//!
//! What the kernel sets by itself, by the number of threads and of CPUs, it sets again.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::Capture,
    image::mm::{
        Mm,
        FUTEX_SLOTS_MAX, //
    },
    kapi::{
        mm::{
            futex,
            space::MmRef, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// In the image: it has no hash of its own. That number of slots no hash has.
const NONE: u32 = 1;

/// Returns what the record of the address space `mm` has.
pub(super) fn slots(mm: &MmRef) -> u32 {
    match futex::slots(mm) {
        None => 0,
        Some(0) => NONE,
        Some(slots) => slots,
    }
}

/// Counts the slots of `mm`, and refuses what is too much for an image.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, mm: &MmRef) {
    match cap.found.mm.futex_slots.checked_sub(slots(mm)) {
        Some(left) => cap.found.mm.futex_slots = left,
        None => cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "address space: its hash for futexes has {} slots, and all that are saved may have \
                 {}: have it set fewer (PR_FUTEX_HASH)",
                slots(mm),
                FUTEX_SLOTS_MAX
            ),
        ),
    }
}

/// Gives the new address space of the current task its hash, before there is a second thread, for
/// which the kernel would choose one, and before anything waits.
pub(super) fn begin(r: &Restore, plan: &TaskRecords<'_>, m: &Mm) -> Result {
    let slots = match m.futex_slots.get() {
        0 => return Ok(()),
        NONE => 0,
        slots => slots,
    };
    futex::set_slots(plan.restoring()?, slots).map_err(|e| {
        let why = match e {
            EOPNOTSUPP => "this kernel has none (CONFIG_FUTEX_PRIVATE_HASH)",
            _ => "there is no memory for it",
        };
        r.fail(
            e,
            plan,
            fmt!("address space: can't have its hash for futexes (PR_FUTEX_HASH): {why}"),
        )
    })
}
