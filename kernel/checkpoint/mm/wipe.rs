// SPDX-License-Identifier: GPL-2.0

//! Memory that fork() wipes (MADV_WIPEONFORK), as the caller of restart(2) wants it wiped.
//!
//! It is what generators of random numbers keep their state in, or a mark by which they see that they are
//! in a child, so that not both give the same numbers. A restart is no fork: what is there comes back. But
//! several restarts of one image are like children that are alike.

use kernel::{
    num::casts::arch::u64_as_usize,
    prelude::*, //
};

use crate::{
    core::restore::Restore,
    image::{
        mm::{
            vma as flag,
            Mm,
            Vma, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        mm::{
            space::MmRef,
            vma, //
        },
        time::wait, //
    },
};

/// Wipes the mappings of the address space `obj`, which is `mm`: all are filled. May sleep.
pub(super) fn link(r: &Restore, obj: ObjRef, mm: &MmRef) -> Result {
    if !r.policy.wipes {
        return Ok(());
    }
    let (record, _) = r.object_body::<Mm>(obj)?;
    let mut left = record.vmas.get();
    for raw in r.records_after(obj)? {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::Vma => (),
            Kind::Watched
            | Kind::LeftOut
            | Kind::Guards
            | Kind::Aio
            | Kind::HugePages
            | Kind::MemoryPolicy => continue,
            _ => break,
        }
        wait::go_on()?;
        left = match left.checked_sub(1) {
            Some(left) => left,
            None => break,
        };
        let v: Vma = raw.body().map_err(|f| r.fault(f))?;
        if v.flags.get() & flag::WIPEONFORK == 0 {
            continue;
        }
        let (start, end) = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
        vma::wipe(mm, start, end).map_err(|e| match e {
            EINTR => e,
            _ => r.told(
                e,
                fmt!(
                    "memory {:x}-{:x}, which fork() wipes, can't be wiped",
                    start,
                    end
                ),
            ),
        })?;
    }
    Ok(())
}
