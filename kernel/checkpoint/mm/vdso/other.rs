// SPDX-License-Identifier: GPL-2.0

//! The vDSO of another kernel: its code is mapped where it was, and leads into this kernel's.

use kernel::{
    num::casts::{
        arch::u64_as_usize,
        usize_as_u64, //
    },
    page::PAGE_SIZE,
    prelude::*,
    str::BStr, //
};

use crate::{
    arch::Native,
    core::{
        built::Rebuilt,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    image::{
        mm::{
            vma as stored,
            Mm,
            Vma,
            MM_LOCK_FUTURE,
            VMA_VDSO, //
        },
        record::Raw,
        vdso::{
            elf::{
                Elf,
                Entry, //
            },
            Vdso as Record, //
        },
        ObjRef, //
    },
    kapi::{
        arch::{
            ArchMm,
            MmContext, //
        },
        mm::{
            page::PageRef,
            space::MmRef,
            vdso::Vdso,
            vma::{
                self,
                bit,
                MapArgs, //
            },
            walk, //
        },
        time::wait, //
    },
    mm::layout::for_vmas, //
};

use super::{
    context,
    map,
    range, //
};

/// What mappings of another kernel's vDSO are called in /proc/PID/maps.
const NAME: &[u8] = b"vdso of another kernel";

/// Room that is left to what grows: below a stack, and above the heap.
const GROWTH: usize = 64 << 20;

/// Most bytes that a jump takes.
const JUMP_MAX: usize = 6;

/// Bytes of an ELF file that tell for which machine it is, and of how many bits.
const ELF_KIND: usize = 20;

/// Below this nothing is mapped (vm.mmap_min_addr is less).
const LOWEST: usize = 1 << 20;

/// The code of another kernel, as programs have it that are restored.
pub(super) struct OldCode {
    /// Where nobody may be, first byte apart: where it was written to, and where the kernel knows those
    /// who are in its own. Number of bytes of each.
    taken: KVec<(usize, usize)>,
    /// Bytes of it.
    len: usize,
}

impl OldCode {
    /// Returns whether nobody can go on at the address `at` of the address space `m`.
    pub(super) fn is_lost(&self, m: &Mm, at: u64) -> bool {
        let end = m.vdso.get().saturating_add(m.vdso_len.get());
        let inside = end
            .checked_sub(usize_as_u64(self.len))
            .and_then(|start| usize::try_from(at.checked_sub(start)?).ok())
            .filter(|&at| at < self.len);
        inside.is_some_and(|at| {
            let mut taken = self.taken.iter();
            taken.any(|&(from, len)| from < at && at - from < len)
        })
    }
}

impl Rebuilt for OldCode {
    /// Registers come after all else.
    fn stays(&self) -> bool {
        true
    }
}

/// Another kernel's vDSO, as an image has it of an address space.
struct Old<'a> {
    /// First address of its data.
    start: usize,
    /// First address of its code.
    at: usize,
    /// Contents of the data, as far as it is not zero.
    data: &'a [u8],
    /// Its code.
    code: &'a [u8],
    /// As [`Record::landing`].
    landing: usize,
}

impl<'a> Old<'a> {
    /// Takes it from the record `raw`. `None`: it is not what `m` has mapped.
    fn new(m: &Mm, body: &Record, raw: &Raw<'a>) -> Option<Self> {
        let start = usize::try_from(m.vdso.get()).ok()?;
        let mapped = usize::try_from(m.vdso_len.get()).ok()?;
        let (data, code) = raw
            .payload
            .split_at_checked(usize::try_from(body.data_len.get()).ok()?)?;
        let at = start.checked_add(mapped)?.checked_sub(code.len())?;
        (at.checked_sub(start)? >= data.len()).then_some(Self {
            start,
            at,
            data,
            code,
            landing: usize::try_from(body.landing.get()).ok()?,
        })
    }
}

/// Maps the code of the image where it was, and the kernel's own vDSO near to it, into which its entry
/// points lead.
pub(super) fn replace(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    m: &Mm,
    obj: ObjRef,
) -> Result {
    let context = context(m);
    let other = || {
        r.fail(
            EOPNOTSUPP,
            plan,
            fmt!("the image comes from another build of the kernel: its vDSO differs"),
        )
    };
    let (Some(new), Some(code)) = (Native::vdso(&context), ObjRef::new(m.vdso_code.get())) else {
        return Err(other());
    };
    let (body, raw) = r.object_body::<Record>(code)?;
    let old = Old::new(m, &body, &raw)
        .ok_or_else(|| r.fail(EINVAL, plan, fmt!("the vDSO is not as long as its code")))?;
    // Are there instructions to jump with, on this architecture? Is it one for such programs?
    let here = usize_as_u64(old.at);
    if Native::vdso_jump(&context, &mut [0; JUMP_MAX], here, here).is_none()
        || old.code.get(..ELF_KIND) != new.code.get(..ELF_KIND)
    {
        return Err(other());
    }
    let place = find_room(r, m, obj, &old, new.mapped())?.ok_or_else(|| {
        r.fail(
            EOPNOTSUPP,
            plan,
            fmt!("can't do with the vDSO of another kernel: this kernel's has no room near it"),
        )
    })?;
    map(r, plan, place, &context)?;
    let made = vma::list(mm)?;
    if range(&made) != Some((place, new.mapped())) {
        return Err(r.fail(
            EOPNOTSUPP,
            plan,
            fmt!(
                "can't do with the vDSO of another kernel: this kernel's can't be mapped at {:x}",
                place
            ),
        ));
    }
    let end = place.saturating_add(new.mapped());
    let mut bytes = KVVec::with_capacity(old.code.len(), GFP_KERNEL_ACCOUNT)?;
    bytes.extend_from_slice(old.code, GFP_KERNEL_ACCOUNT)?;
    let to = end.saturating_sub(new.code.len());
    let taken = redirect(r, plan, &context, &old, &mut bytes, &new, to)?;
    for_vmas(r, m, obj, |v, _, _, _| match v.kind.get() {
        VMA_VDSO => map_old(r, plan, mm, m, v, &old, &bytes),
        _ => Ok(()),
    })?;
    if !r.is_built(code) {
        r.with_report(|report| {
            report.note(
                &"kernel",
                fmt!(
                    "the vDSO is that of another kernel: its {} entry points lead into this \
                     kernel's",
                    taken.len()
                ),
            );
        });
        let len = old.code.len();
        r.set_built(code, OldCode { taken, len })?;
    }
    Ok(())
}

/// Finds the place for `len` bytes that is nearest to the old code, among the mappings of the address
/// space `obj`, of which none exists yet. `None`: there is none from which jumps would reach.
fn find_room(r: &Restore, m: &Mm, obj: ObjRef, old: &Old<'_>, len: usize) -> Result<Option<usize>> {
    let heap = u64_as_usize(m.brk[1].get()).next_multiple_of(PAGE_SIZE);
    let mut best: Option<usize> = None;
    let mut from = LOWEST;
    let mut consider = |from: usize, to: usize| {
        // The heap grows into it.
        let from = if (from..=to).contains(&heap) {
            heap.saturating_add(GROWTH)
        } else {
            from
        };
        let Some(last) = to.checked_sub(len).filter(|&last| last >= from) else {
            return;
        };
        let place = old.at.clamp(from, last);
        if best.is_none_or(|best| place.abs_diff(old.at) < best.abs_diff(old.at)) {
            best = Some(place);
        }
    };
    for_vmas(r, m, obj, |v, _, _, _| {
        let start = u64_as_usize(v.start.get());
        let grows = v.flags.get() & stored::GROWSDOWN != 0;
        let to = start.saturating_sub(if grows { GROWTH } else { 0 });
        consider(from, to);
        from = from.max(u64_as_usize(v.end.get()));
        Ok(())
    })?;
    consider(from, MmRef::of_current()?.task_size());
    let context = context(m);
    // From any place in the one to any place in the other.
    Ok(best.filter(|&place| {
        let ends = [old.at, old.at.saturating_add(old.code.len())];
        ends.iter().all(|&at| {
            [place, place.saturating_add(len)].iter().all(|&to| {
                let (at, to) = (usize_as_u64(at), usize_as_u64(to));
                Native::vdso_jump(&context, &mut [0; JUMP_MAX], at, to).is_some()
            })
        })
    }))
}

/// Has the entry points of the old code, whose bytes are in `bytes`, lead to those of the same name in
/// `new`, whose code is at `to`; returns [`OldCode::taken`].
fn redirect(
    r: &Restore,
    plan: &TaskRecords<'_>,
    context: &MmContext,
    old: &Old<'_>,
    bytes: &mut KVVec<u8>,
    new: &Vdso,
    to: usize,
) -> Result<KVec<(usize, usize)>> {
    let failed = |entry: &Entry<'_>, why: &str| {
        r.fail(
            EOPNOTSUPP,
            plan,
            fmt!(
                "can't do with the vDSO of another kernel: {} {}",
                BStr::from_bytes(entry.name),
                why
            ),
        )
    };
    let (Some(theirs), Some(ours)) = (Elf::new(old.code), Elf::new(new.code)) else {
        return Err(EINVAL);
    };
    let mut taken: KVec<(usize, usize)> = KVec::new();
    for entry in theirs.entries() {
        wait::go_on()?;
        let kept = |name: &[u8]| Native::VDSO_KEEPS.contains(&name);
        if kept(entry.name) || taken.iter().any(|&(at, _)| at == entry.at) {
            continue;
        }
        // It may have several names, of which one is enough.
        let target = theirs
            .entries()
            .filter(|e| e.at == entry.at)
            .find_map(|e| ours.entry(e.name))
            .ok_or_else(|| failed(&entry, "is not in this kernel's"))?;
        if entry.thumb != target.thumb {
            return Err(failed(
                &entry,
                "has other instructions than this kernel's (Thumb)",
            ));
        }
        let (from, target) = (
            usize_as_u64(old.at.saturating_add(entry.target())),
            usize_as_u64(to.saturating_add(target.target())),
        );
        let len = bytes
            .get_mut(entry.at..)
            .and_then(|code| Native::vdso_jump(context, code, from, target))
            .ok_or_else(|| failed(&entry, "is too far from this kernel's"))?;
        let end = entry.at.saturating_add(len);
        // Where calls return to is not to be written over, nor what repeats them.
        let landing = old.landing.saturating_sub(2);
        let cut = |at: usize| entry.at < at && at < end;
        if len > entry.len || theirs.entries().any(|e| cut(e.at)) || cut(landing) {
            return Err(failed(&entry, "has no room for a jump to this kernel's"));
        }
        let len = match Native::VDSO_KNOWS.contains(&entry.name) {
            true => entry.len,
            false => len,
        };
        taken.push((entry.at, len), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(taken)
}

/// Maps a part of the old vDSO, with the bytes `code` or with its data.
fn map_old(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    m: &Mm,
    v: &Vma,
    old: &Old<'_>,
    code: &[u8],
) -> Result {
    let (start, end) = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
    let fail = |e, what: &str| {
        r.fail(
            e,
            plan,
            fmt!("vDSO of another kernel at {:x}-{:x}: {}", start, end, what),
        )
    };
    let (from, contents) = if start >= old.at {
        (old.at, code)
    } else {
        (old.start, old.data)
    };
    if start < old.at && end > old.at {
        return Err(fail(EINVAL, "is code and data"));
    }
    let len = end.saturating_sub(start);
    let access = match start >= old.at {
        true => bit::READ | bit::EXEC,
        false => bit::READ,
    };
    // arm64's PROT_BTI would ask for another instruction before each jump.
    vma::map(&MapArgs {
        start,
        len,
        access,
        prot: 0,
        file: None,
        shared: false,
        droppable: false,
        growsdown: false,
        noreserve: false,
        shadow_stack: false,
    })
    .map_err(|e| match e {
        EACCES | EPERM => fail(
            e,
            "a security module, or memory-deny-write-execute, does not let it have code as memory",
        ),
        _ => fail(e, "can't be mapped"),
    })?;
    let contents = start
        .checked_sub(from)
        .and_then(|skip| contents.get(skip..))
        .unwrap_or(&[]);
    for (at, page) in (start..end)
        .step_by(PAGE_SIZE)
        .zip(contents.chunks(PAGE_SIZE))
    {
        wait::go_on()?;
        let mut pages: KVec<PageRef> = KVec::new();
        walk::writable(mm, at, 1, &mut pages).map_err(|e| fail(e, "can't be written to"))?;
        if let Some(to) = pages.first() {
            to.write(page);
            to.written();
        }
    }
    // Without names of mappings it has none.
    let _ = vma::give_name(start, len, NAME);
    if m.flags.get() & MM_LOCK_FUTURE != 0 {
        vma::lock(start, len, false).map_err(|e| fail(e, "can't be locked in memory"))?;
    }
    if v.flags.get() & stored::SEALED != 0 {
        vma::seal(start, end).map_err(|e| fail(e, "can't be sealed"))?;
    }
    Ok(())
}
