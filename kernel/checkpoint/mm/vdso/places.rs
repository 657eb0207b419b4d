// SPDX-License-Identifier: GPL-2.0

//! Where tasks are in a vDSO: who goes on where the code of another kernel was written over.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

use crate::{
    arch::Native,
    core::restore::{
        Restore,
        TaskRecords, //
    },
    image::{
        mm::Mm,
        vdso::{
            elf::Elf,
            VDSO_MAX, //
        },
        ObjRef, //
    },
    kapi::{
        arch::ArchMm,
        mm::{
            page::PageRef,
            space::MmRef,
            vdso,
            walk, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    mm::BuiltMm, //
};

use super::{
    context,
    crc,
    other::OldCode, //
};

/// Most bytes of a stack that are searched for frames of signal handlers: more than those need.
const FRAMES_MAX: usize = 1 << 20;

/// What numbers in such a frame are aligned to, on any architecture, in bytes.
const FRAME_ALIGN: usize = 4;

/// Returns whether `t` was interrupted where another kernel's vDSO can't let it go on: within what a jump
/// takes at the beginning of an entry point, or where the kernel knows who is there.
pub(crate) fn is_at_entry(t: &FrozenTask) -> bool {
    let Some(mm) = MmRef::of(t).filter(|_| t.is_live()) else {
        return false;
    };
    let at = vdso::place(t, &mm);
    if at >= VDSO_MAX {
        return false;
    }
    let Some(vdso) = Native::vdso(&Native::save_context(&mm)).filter(|v| at < v.code.len()) else {
        return false;
    };
    Elf::new(vdso.code).is_some_and(|elf| {
        elf.entries().any(|e| {
            let len = match Native::VDSO_KNOWS.contains(&e.name) {
                true => e.len,
                false => Native::VDSO_JUMP,
            };
            !Native::VDSO_KEEPS.contains(&e.name) && e.at < at && at - e.at < len
        })
    })
}

/// Returns the address space of the task of `plan`, and the code of another kernel that it has; `None`: it
/// has this kernel's.
fn old_of(r: &Restore, plan: &TaskRecords<'_>) -> Result<Option<(Mm, Arc<OldCode>)>> {
    let Some(obj) = ObjRef::new(plan.task.mm.get()) else {
        return Ok(None);
    };
    let (m, _) = r.object_body::<Mm>(obj)?;
    let code = ObjRef::new(m.vdso_code.get()).and_then(|code| r.built::<OldCode>(code));
    Ok(code
        .filter(|_| m.vdso_crc.get() != crc(&context(&m)))
        .map(|code| (m, code)))
}

/// Refuses a task that goes on at the address `at`, if what was there of the vDSO of another kernel is
/// there no more.
pub(crate) fn check_place(r: &Restore, plan: &TaskRecords<'_>, at: u64) -> Result {
    let Some((m, code)) = old_of(r, plan)? else {
        return Ok(());
    };
    if code.is_lost(&m, at) {
        return Err(r.fail(
            EOPNOTSUPP,
            plan,
            fmt!(
                "was interrupted at {:x}, at the beginning of a function of the vDSO, and that is \
                 another one here: save it once more",
                at
            ),
        ));
    }
    Ok(())
}

/// Refuses a task that has a signal handler which returns to such an address: one whose frame is among the
/// first [`FRAMES_MAX`] bytes above `stack`. All memory is filled.
///
/// The frame of a handler that was interrupted by another one on another stack is not found.
pub(crate) fn check_frames(r: &Restore, plan: &TaskRecords<'_>, stack: u64) -> Result {
    let Some((m, code)) = old_of(r, plan)? else {
        return Ok(());
    };
    let space = ObjRef::new(plan.task.mm.get()).and_then(|obj| r.built::<BuiltMm>(obj));
    let (Some(space), Ok(stack)) = (space, usize::try_from(stack)) else {
        return Ok(());
    };
    let (first, skip) = (stack / PAGE_SIZE * PAGE_SIZE, stack % PAGE_SIZE);
    let mut bytes: KVVec<u8> = KVVec::from_elem(0, FRAMES_MAX, GFP_KERNEL_ACCOUNT)?;
    for (n, to) in bytes.chunks_mut(PAGE_SIZE).enumerate() {
        wait::go_on()?;
        let Some(at) = first.checked_add(n.saturating_mul(PAGE_SIZE)) else {
            break;
        };
        let mut pages: KVec<PageRef> = KVec::new();
        match walk::readable(&space.mm, at, 1, &mut pages) {
            Ok(()) => (),
            Err(e) if e == EINTR || e == ENOMEM => return Err(e),
            // Nothing is mapped, or there; or it is poisoned: no stack goes on behind that.
            Err(_) => break,
        }
        if let Some(page) = pages.first() {
            page.read(to);
        }
    }
    let context = context(&m);
    for at in (skip.next_multiple_of(FRAME_ALIGN)..bytes.len()).step_by(FRAME_ALIGN) {
        let place = bytes
            .get(at..)
            .and_then(|bytes| Native::frame_place(&context, bytes));
        if let Some(place) = place.filter(|&place| code.is_lost(&m, place)) {
            return Err(r.fail(
                EOPNOTSUPP,
                plan,
                fmt!(
                    "has a signal handler that returns to {:x}, at the beginning of a function of the \
                     vDSO, and that is another one here: save it once more",
                    place
                ),
            ));
        }
    }
    Ok(())
}

/// Refuses a task to which system calls are dispatched, if that goes by a vDSO that is another one.
pub(crate) fn check_dispatch(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    match old_of(r, plan)? {
        Some((m, _)) if Native::vdso_is_dispatched(&context(&m)) => Err(r.fail(
            EOPNOTSUPP,
            plan,
            fmt!(
                "has syscall user dispatch, which goes by the vDSO of 32-bit programs, and that is \
                 another one here"
            ),
        )),
        _ => Ok(()),
    }
}
