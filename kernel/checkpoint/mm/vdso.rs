// SPDX-License-Identifier: GPL-2.0

//! The vDSO.
//!
//! Programs jump to addresses in it, and a task may have been interrupted there. A kernel that has the same
//! one maps it where it was. Another kernel maps the code of the image there, as memory of the program, and
//! before it the data that the code has read: who was interrupted in it goes on with that. Its entry
//! points lead into the kernel's own vDSO, which is mapped as near as there is room.

mod other;
mod places;

use kernel::{
    num::casts::{
        arch::u64_as_usize,
        usize_as_u64, //
    },
    prelude::*, //
};

use zerocopy::byteorder::little_endian::U32;

use crate::{
    arch::Native,
    core::{
        objects::Shared,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        mm::{
            Mm,
            VMA_VDSO, //
        },
        vdso::Vdso as Record,
        ObjRef, //
    },
    kapi::{
        arch::{
            ArchMm,
            MmContext, //
        },
        mm::{
            space::MmRef,
            vdso::{
                self,
                Vdso, //
            },
            vma::{
                self,
                bit,
                Special,
                VmaInfo, //
            }, //
        },
        task::frozen::FrozenTask, //
    },
    mm::layout::for_vmas, //
};

pub(crate) use self::places::{
    check_dispatch,
    check_frames,
    check_place,
    is_at_entry, //
};

/// A vDSO with the data of a time namespace. The kernel's own never goes away.
struct Code(usize);

impl Shared<Found> for Code {
    fn addr(&self) -> usize {
        self.0
    }
}

/// Returns the context of an address space in an image.
fn context(m: &Mm) -> MmContext {
    m.context.map(|w| w.get())
}

/// Returns the start and bytes of the vDSO with its data among `all`.
pub(super) fn range(all: &[VmaInfo]) -> Option<(usize, usize)> {
    let mut special = all
        .iter()
        .filter(|v| matches!(v.special, Special::Vdso | Special::Vvar));
    let first = special.next()?;
    let end = special.next_back().map_or(first.end, |v| v.end);
    Some((first.start, end.checked_sub(first.start)?))
}

/// Returns the crc32c of this kernel's vDSO of the kind that goes with `context`; 0: there is none.
pub(super) fn crc(context: &MmContext) -> u32 {
    Native::vdso(context).map_or(0, |v| v.crc())
}

/// Returns the vDSO that `mm` has all of, with its data right before its code; `None`: it has no vDSO, or
/// has moved or unmapped a part of it.
fn whole(mm: &MmRef, all: &[VmaInfo]) -> Option<Vdso> {
    let (start, len) = range(all)?;
    let vdso = Native::vdso(&Native::save_context(mm))?;
    let code = start.checked_add(len)?.checked_sub(vdso.code.len())?;
    let mut mapped: usize = 0;
    for v in all {
        let is_code = match v.special {
            Special::Vdso => true,
            Special::Vvar => false,
            _ => continue,
        };
        // Whoever moves both may have them the other way round.
        if is_code != (v.start >= code) || (!is_code && v.end > code) {
            return None;
        }
        mapped = mapped.checked_add(v.end.checked_sub(v.start)?)?;
    }
    (mapped == len && len == vdso.mapped()).then_some(vdso)
}

/// Returns whether the access to a part of the vDSO, or to a page of the kernel, is that with which the
/// kernel maps it.
fn has_first_access(v: &VmaInfo) -> bool {
    let first = match v.special {
        Special::Vdso | Special::Page => bit::READ | bit::EXEC,
        _ => bit::READ,
    };
    v.flags & (bit::READ | bit::WRITE | bit::EXEC) == first && Native::pkey(v.flags) == 0
}

/// Calls `refuse` if a mapping of the kernel's, a part of the vDSO or another page, is not as the kernel
/// has made it.
pub(super) fn refuse_changed(mm: &MmRef, v: &VmaInfo, mut refuse: impl FnMut(&str)) {
    if !matches!(v.special, Special::Page) {
        if v.touched {
            refuse("vDSO with changed pages: remove the breakpoints in it");
        }
        if !has_first_access(v) {
            refuse("vDSO with changed access: start it without mprotect(2) of that");
        }
        return;
    }
    if v.touched {
        refuse("page of the kernel that was changed: remove the breakpoints in it");
    }
    if !has_first_access(v) {
        refuse("page of the kernel with changed access: start it without mprotect(2) of that");
    }
    if let Some(why) = Native::page_refusal(mm, v.start) {
        refuse(why);
    }
}

/// Counts the vDSO of the address space `mm` of `t`, whose mappings are `all`; refuses it if it is not as
/// the kernel maps it, as it would not be again.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, mm: &MmRef, all: &[VmaInfo]) -> Result {
    let Some(vdso) = whole(mm, all) else {
        if range(all).is_some() && Native::refusal(mm).is_none() {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "address space: a part of its vDSO was unmapped or moved: start it without that, \
                     or have it unmap or move all of it"
                ),
            );
        }
        return Ok(());
    };
    let id = vdso.id(t);
    if cap.objects.count::<Code>(id)? {
        cap.objects.keep(Code(id))?;
    }
    Ok(())
}

/// Writes the record of the same vDSO, if it has none yet, and returns its reference; `None`: the
/// address space has none.
pub(super) fn save(
    cap: &mut Capture,
    t: &FrozenTask,
    mm: &MmRef,
    all: &[VmaInfo],
) -> Result<Option<ObjRef>> {
    let Some(vdso) = whole(mm, all) else {
        return Ok(None);
    };
    let (obj, first) = cap.objects.save::<Code>(vdso.id(t))?;
    if first.is_none() {
        return Ok(Some(obj));
    }
    let mut payload = KVVec::new();
    vdso::data(t, &mut payload)?;
    let data_len = u32::try_from(payload.len())?;
    payload.extend_from_slice(vdso.code, GFP_KERNEL_ACCOUNT)?;
    let record = Record {
        obj: U32::new(obj.get()),
        data_len: U32::new(data_len),
        code_len: U32::new(u32::try_from(vdso.code.len())?),
        landing: U32::new(vdso.landing),
        reserved: U32::new(0),
        reserved2: U32::new(0),
    };
    cap.meta.put(&record, &payload)?;
    Ok(Some(obj))
}

/// Maps the vDSO where it was, or lets another one take its place.
pub(super) fn restore(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    m: &Mm,
    obj: ObjRef,
) -> Result {
    let start = u64_as_usize(m.vdso.get());
    if start == 0 {
        return Ok(());
    }
    let context = context(m);
    if m.vdso_crc.get() != crc(&context) {
        return other::replace(r, plan, mm, m, obj);
    }
    map(r, plan, start, &context)?;
    let made = vma::list(mm)?;
    let mut left = made.iter();
    let mut same = true;
    for_vmas(r, m, obj, |v, _, _, _| {
        if v.kind.get() == VMA_VDSO {
            same &= left.next().is_some_and(|made| {
                usize_as_u64(made.start) == v.start.get() && usize_as_u64(made.end) == v.end.get()
            });
        }
        Ok(())
    })?;
    if same
        && left.next().is_none()
        && range(&made) == Some((start, u64_as_usize(m.vdso_len.get())))
    {
        return Ok(());
    }
    Err(r.fail(
        EOPNOTSUPP,
        plan,
        fmt!("the vDSO can't be mapped at {:x} as it was", start),
    ))
}

fn map(r: &Restore, plan: &TaskRecords<'_>, start: usize, context: &MmContext) -> Result {
    Native::map_vdso(start, context).map_err(|e| r.fail(e, plan, fmt!("the vDSO can't be mapped")))
}
