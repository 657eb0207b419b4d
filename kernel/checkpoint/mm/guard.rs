// SPDX-License-Identifier: GPL-2.0

//! Guard regions, and memory with guard regions that is locked.

use kernel::{
    num::casts::arch::u64_as_usize,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    image::mm::Guard,
    kapi::{
        mm::{
            space::MmRef,
            vma, //
        },
        time::wait, //
    }, //
};

/// Returns the start and end of a guard region.
fn region(guard: &Guard) -> (usize, usize) {
    (
        u64_as_usize(guard.start.get()),
        u64_as_usize(guard.end.get()),
    )
}

/// Makes the guard regions of the mapping at `start`. One that has none any more keeps the mark of
/// having had them, as /proc/PID/smaps shows it.
pub(super) fn make(mm: &MmRef, start: usize, guards: &[Guard]) -> Result {
    for (first, last) in guards.iter().map(region) {
        wait::go_on()?;
        vma::guard(mm, first, last.saturating_sub(first))?;
    }
    if guards.is_empty() {
        vma::guard(mm, start, PAGE_SIZE)?;
        vma::unguard(mm, start, PAGE_SIZE)?;
    }
    Ok(())
}

/// Locks `start..end`, which may have guard regions.
///
/// To lock memory is to bring it in, and that fails at a guard region, without access, and beyond
/// the end of a file, although the kernel then counts it as locked. Memory was locked before it
/// became so, or by mlockall(2), which does not care.
pub(super) fn lock(start: usize, end: usize, onfault: bool, guards: &[Guard]) -> Result {
    let len = end.saturating_sub(start);
    // So limits and rights are checked; nothing is brought in.
    vma::lock(start, len, true)?;
    if onfault {
        return Ok(());
    }
    let mut at = start;
    for (first, last) in guards.iter().map(region) {
        bring_in(at, first)?;
        at = last;
    }
    bring_in(at, end)?;
    // Only the guard regions are left, and each of them fails.
    if !guards.is_empty() {
        let _ = vma::lock(start, len, false);
    }
    Ok(())
}

/// Brings in what can be of `start..end`, which was found to be lockable. May be empty.
fn bring_in(start: usize, end: usize) -> Result {
    if start >= end {
        return Ok(());
    }
    match vma::lock(start, end.saturating_sub(start), false) {
        // A page can't be there; where memory is short it is EAGAIN.
        Err(ENOMEM) => Ok(()),
        result => result,
    }
}
