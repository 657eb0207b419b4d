// SPDX-License-Identifier: GPL-2.0

//! The vDSO.
//!
//! Programs jump to addresses in it, and a task may have been interrupted there. A kernel that has the same
//! one maps it where it was. Another kernel maps the code of the image there, as memory of the program, and
//! before it the data that the code has read: who was interrupted in it goes on with that. Its entry
//! points lead into the kernel's own vDSO, which is mapped as near as there is room.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    str::BStr,
    sync::Arc, //
};

use zerocopy::byteorder::little_endian::U32;

use crate::{
    arch::Native,
    core::{
        built::Rebuilt,
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
            Vdso as Record,
            VDSO_MAX, //
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
            vdso::{
                self,
                Vdso, //
            },
            vma::{
                self,
                bit,
                MapArgs,
                Special,
                VmaInfo, //
            },
            walk, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    mm::{
        layout::for_vmas,
        BuiltMm, //
    }, //
};

/// What mappings of another kernel's vDSO are called in /proc/PID/maps.
const NAME: &[u8] = b"vdso of another kernel";

/// Room that is left to what grows: below a stack, and above the heap.
const GROWTH: usize = 64 << 20;

/// Most bytes that a jump takes.
const JUMP_MAX: usize = 6;

/// Most bytes of a stack that are searched for frames of signal handlers: more than those need.
const FRAMES_MAX: usize = 1 << 20;

/// What numbers in such a frame are aligned to, on any architecture, in bytes.
const FRAME_ALIGN: usize = 4;

/// Bytes of an ELF file that tell for which machine it is, and of how many bits.
const ELF_KIND: usize = 20;

/// Below this nothing is mapped (vm.mmap_min_addr is less).
const LOWEST: usize = 1 << 20;

/// A vDSO with the data of a time namespace. The kernel's own never goes away.
struct Code(usize);

impl Shared<Found> for Code {
    fn addr(&self) -> usize {
        self.0
    }
}

/// The code of another kernel, as programs have it that are restored.
struct OldCode {
    /// Where nobody may be, first byte apart: where it was written to, and where the kernel knows those
    /// who are in its own. Number of bytes of each.
    taken: KVec<(usize, usize)>,
    /// Bytes of it.
    len: usize,
}

impl OldCode {
    /// Returns whether nobody can go on at the address `at` of the address space `m`.
    fn is_lost(&self, m: &Mm, at: u64) -> bool {
        let end = m.vdso.get().saturating_add(m.vdso_len.get());
        let inside = end
            .checked_sub(self.len as u64)
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

/// The context of an address space in an image.
fn context(m: &Mm) -> MmContext {
    m.context.map(|w| w.get())
}

/// Start and bytes of the vDSO with its data among `all`.
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
    let context = Native::save_context(&mm);
    if !Native::vdso_is_replaced(&context) {
        return false;
    }
    let Some(vdso) = Native::vdso(&context).filter(|v| at < v.code.len()) else {
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
    if !Native::vdso_is_replaced(&Native::save_context(mm)) {
        return Ok(());
    }
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
    // Another kernel could do nothing with it.
    if !Native::vdso_is_replaced(&Native::save_context(mm)) {
        return Ok(None);
    }
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
    let start = m.vdso.get() as usize;
    if start == 0 {
        return Ok(());
    }
    let context = context(m);
    if m.vdso_crc.get() != crc(&context) {
        return replace(r, plan, mm, m, obj);
    }
    map(r, plan, start, &context)?;
    let made = vma::list(mm)?;
    let mut left = made.iter();
    let mut same = true;
    for_vmas(r, m, obj, |v, _, _, _| {
        if v.kind.get() == VMA_VDSO {
            same &= left.next().is_some_and(|made| {
                made.start as u64 == v.start.get() && made.end as u64 == v.end.get()
            });
        }
        Ok(())
    })?;
    if same && left.next().is_none() && range(&made) == Some((start, m.vdso_len.get() as usize)) {
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
fn replace(r: &Restore, plan: &TaskRecords<'_>, mm: &MmRef, m: &Mm, obj: ObjRef) -> Result {
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
    let here = old.at as u64;
    if !Native::vdso_is_replaced(&context)
        || Native::vdso_jump(&mut [0; JUMP_MAX], here, here).is_none()
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
    let taken = redirect(r, plan, &old, &mut bytes, &new, to)?;
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
    let heap = (m.brk[1].get() as usize).next_multiple_of(PAGE_SIZE);
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
        let start = v.start.get() as usize;
        let grows = v.flags.get() & stored::GROWSDOWN != 0;
        let to = start.saturating_sub(if grows { GROWTH } else { 0 });
        consider(from, to);
        from = from.max(v.end.get() as usize);
        Ok(())
    })?;
    consider(from, MmRef::of_current()?.task_size());
    // From any place in the one to any place in the other.
    Ok(best.filter(|&place| {
        let ends = [old.at, old.at.saturating_add(old.code.len())];
        ends.iter().all(|&at| {
            [place, place.saturating_add(len)]
                .iter()
                .all(|&to| Native::vdso_jump(&mut [0; JUMP_MAX], at as u64, to as u64).is_some())
        })
    }))
}

/// Has the entry points of the old code, whose bytes are in `bytes`, lead to those of the same name in
/// `new`, whose code is at `to`; returns [`OldCode::taken`].
fn redirect(
    r: &Restore,
    plan: &TaskRecords<'_>,
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
        let (from, target) = (
            old.at.saturating_add(entry.at),
            to.saturating_add(target.at),
        );
        let len = bytes
            .get_mut(entry.at..)
            .and_then(|code| Native::vdso_jump(code, from as u64, target as u64))
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
    let (start, end) = (v.start.get() as usize, v.end.get() as usize);
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
