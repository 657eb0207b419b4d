// SPDX-License-Identifier: GPL-2.0

//! Mappings.
//!
//! A mapping is made at its place with its access and then given its other attributes, by the
//! functions behind mmap(2), mprotect(2), madvise(2), mlock2(2) and mseal(2): what the caller of
//! restart(2) may not do is not done.

use kernel::{
    num::casts::{
        arch::u64_as_usize,
        usize_as_u64, //
    },
    page::PAGE_SIZE,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::{
    arch::Native,
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files,
    found::Capture,
    image::{
        mm::{
            vma as flag,
            Guard,
            Mm,
            Vma,
            GUARDS_MAX,
            VMA_AIO,
            VMA_ANON,
            VMA_ARCH,
            VMA_FILE,
            VMA_SHARED,
            VMA_VDSO, //
        },
        record::{
            ref_number,
            Raw, //
        },
        ObjRef, //
    },
    ipc,
    kapi::{
        arch::ArchMm,
        fs::{
            file::FileRef,
            open::oflag, //
        },
        mm::{
            hugetlb,
            shmem,
            space::MmRef,
            vma::{
                self,
                bit,
                MapArgs,
                Special,
                VmaInfo, //
            },
            walk::{
                self,
                Guards, //
            }, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    mm::{
        aio,
        fork,
        huge,
        policy,
        ring,
        userfault,
        Range, //
    }, //
};

/// Flags that stand in the image, and their numbers there.
const SAVED: &[(u64, u64)] = &[
    (bit::READ, flag::READ),
    (bit::WRITE, flag::WRITE),
    (bit::EXEC, flag::EXEC),
    (bit::GROWSDOWN, flag::GROWSDOWN),
    (bit::LOCKED, flag::LOCKED),
    (bit::LOCKONFAULT, flag::LOCKONFAULT),
    (bit::DONTCOPY, flag::DONTFORK),
    (bit::WIPEONFORK, flag::WIPEONFORK),
    (bit::DONTDUMP, flag::DONTDUMP),
    (bit::SEQUENTIAL, flag::SEQUENTIAL),
    (bit::RANDOM, flag::RANDOM),
    (bit::HUGEPAGE, flag::HUGEPAGE),
    (bit::NOHUGEPAGE, flag::NOHUGEPAGE),
    (bit::MERGEABLE, flag::MERGEABLE),
    (bit::NORESERVE, flag::NORESERVE),
    (bit::SEALED, flag::SEALED),
    (bit::DROPPABLE, flag::DROPPABLE),
];

/// Flags that follow from how a mapping is made, and the mark of soft-dirty tracking, which
/// nobody can tell from a new mapping's.
const IMPLIED: u64 = bit::SHARED
    | bit::MAYREAD
    | bit::MAYWRITE
    | bit::MAYEXEC
    | bit::MAYSHARE
    | bit::ACCOUNT
    | bit::SOFTDIRTY
    | bit::MAYBE_GUARD;

/// Flags of the vDSO and its data.
const OF_VDSO: u64 = bit::IO | bit::PFNMAP | bit::MIXEDMAP | bit::DONTEXPAND;

/// Flags of other pages of the kernel: nobody gives advice on them.
const OF_PAGE: u64 = IMPLIED | bit::READ | bit::WRITE | bit::EXEC | bit::SEALED | bit::DONTEXPAND;

/// Flags that can't be saved, and why.
const REFUSED: &[(u64, &str)] = &[
    (bit::IO, "device memory: have it unmap that"),
    (bit::PFNMAP, "device memory: have it unmap that"),
    (bit::MIXEDMAP, "memory of a driver: have it unmap that"),
    (bit::DONTEXPAND, "memory of a driver: have it unmap that"),
    (
        bit::SYNC,
        "synchronous mapping of persistent memory: have it map that without MAP_SYNC",
    ),
];

/// Advice, in the order in which it is given.
const ADVICE: &[(u64, u64)] = &[
    (flag::SEQUENTIAL, bit::SEQUENTIAL),
    (flag::RANDOM, bit::RANDOM),
    (flag::DONTFORK, bit::DONTCOPY),
    (flag::WIPEONFORK, bit::WIPEONFORK),
    (flag::DONTDUMP, bit::DONTDUMP),
    (flag::HUGEPAGE, bit::HUGEPAGE),
    (flag::NOHUGEPAGE, bit::NOHUGEPAGE),
    (flag::MERGEABLE, bit::MERGEABLE),
];

/// Flags of the ring of an AIO context.
const OF_AIO: u64 = bit::DONTEXPAND;

/// Flags of huge pages of hugetlbfs.
const OF_HUGE: u64 = bit::HUGETLB | bit::DONTEXPAND;

/// Flags of the memory of an io_uring.
const OF_URING: u64 = bit::DONTEXPAND | bit::MIXEDMAP;

/// What an image has more of a mapping.
pub(super) enum More<'a> {
    /// Nothing.
    Nothing,
    /// Its guard regions; empty: it had some.
    Guards(&'a [Guard]),
    /// The record of the AIO context whose ring it is.
    Aio(Raw<'a>),
    /// The record of its huge pages.
    Huge(Raw<'a>),
}

/// What comes with memory that may be taken away.
const WITH_DROPPABLE: u64 = flag::NORESERVE | flag::WIPEONFORK | flag::DONTDUMP;

/// Returns `VMA_*` of a mapping; `None`: of no kind that is known.
pub(super) fn kind(v: &VmaInfo) -> Option<u32> {
    match v.special {
        Special::Vdso | Special::Vvar => Some(VMA_VDSO),
        Special::Page => Some(VMA_ARCH),
        Special::Other => None,
        Special::No if v.anonymous => Some(VMA_ANON),
        Special::No if v.file.is_none() => None,
        Special::No if v.file.as_ref().is_some_and(FileRef::is_aio_ring) => Some(VMA_AIO),
        Special::No if v.flags & bit::MAYSHARE != 0 => Some(VMA_SHARED),
        Special::No => Some(VMA_FILE),
    }
}

/// Counts the file of a mapping of `t`, appends its guard regions to `guards`, and lists why the
/// mapping can't be saved.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    mm: &MmRef,
    v: &VmaInfo,
    guards: &mut Guards,
) -> Result {
    let kind = kind(v);
    if let Some(file) = &v.file {
        ipc::shm::collect_attach(cap, t, file)?;
    }
    let watched = userfault::collect(cap, t, v)?;
    let left = v.file.as_ref().is_some_and(|f| ipc::shm::is_left(cap, f));
    let of_ring = ring::collect(cap, mm, v)?;
    let mut refuse = |why: &str| {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("mapping {:x}-{:x}: {}", v.start, v.end, why),
        );
    };
    let Some(kind) = kind else {
        refuse("made by the kernel, of unknown purpose: this kernel can't save it");
        return Ok(());
    };
    let mut allowed = IMPLIED;
    for (bit, _) in SAVED {
        allowed |= bit;
    }
    for (bit, ..) in Native::VMA_FLAGS {
        allowed |= bit;
    }
    allowed |= Native::PKEY_BITS;
    if v.watcher != 0 {
        allowed |= userfault::FLAGS;
    }
    match kind {
        VMA_VDSO => allowed |= OF_VDSO,
        VMA_ARCH => allowed = OF_PAGE,
        VMA_AIO => allowed |= OF_AIO,
        VMA_FILE | VMA_SHARED if v.huge.is_some() => allowed |= OF_HUGE,
        VMA_SHARED if is_uring(v) => allowed |= OF_URING,
        VMA_SHARED if ring::is(v) => allowed |= ring::FLAGS,
        _ => (),
    }
    let mut unknown = v.flags & !allowed;
    let mut last = "";
    for &(bits, why) in Iterator::chain(REFUSED.iter(), Native::VMA_REFUSED) {
        if unknown & bits != 0 && why != last {
            refuse(why);
            last = why;
        }
        unknown &= !bits;
    }
    if unknown != 0 {
        refuse("has flags that are not known: this kernel can't save it");
    }
    if v.flags & !allowed != 0 {
        return Ok(());
    }
    if let Some(why) = v
        .file
        .as_ref()
        .filter(|_| is_uring(v))
        .and_then(|f| files::refuses_uring(t, f, v))
    {
        refuse(why);
    }
    if let Some(why) = of_ring {
        refuse(why);
    }
    if let Some(why) = watched {
        refuse(why);
    }
    if v.watcher != 0 && left {
        refuse(
            "System V shared memory that stays outside, and a userfaultfd watches it: have it \
             unregister that",
        );
    }
    if v.huge.is_some_and(|huge| huge.taken) {
        refuse(
            "huge pages of it were taken away for its parent, as there are too few \
             (vm.nr_hugepages): it is killed when it touches them",
        );
    }
    if v.policy && !policy::is_known(mm, v.start)? {
        refuse(policy::UNKNOWN);
    }
    if kind != VMA_ANON && arch_flags(v) & flag::MTE != 0 {
        refuse("memory tags on shared memory or a file: use private anonymous memory for them");
    }
    if kind == VMA_VDSO && v.touched {
        refuse("vDSO with changed pages: remove the breakpoints in it");
    }
    if kind == VMA_VDSO && !has_first_access(v) {
        refuse("vDSO with changed access: start it without mprotect(2) of that");
    }
    if kind == VMA_ARCH {
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
    if kind != VMA_ANON && v.flags & bit::GROWSDOWN != 0 {
        refuse("file mapping that grows down: have it unmap that");
    }
    if is_write_sealed(v) && !v.file.as_ref().is_some_and(files::is_memfd) {
        refuse("was mapped so that it can't be written to, by a file that can: have it unmap that");
    }
    if v.flags & bit::MAYBE_GUARD != 0 && !walk::guards(mm, v.start, v.end, GUARDS_MAX, guards)? {
        refuse("has more guard regions than can be saved: have it remove some");
    }
    // A private mapping of /dev/zero is anonymous memory that keeps the file open: it counts.
    if let (Some(file), VMA_FILE | VMA_SHARED | VMA_ANON) = (&v.file, kind) {
        files::collect_mapped(cap, t, file)?;
    }
    // What mbind(2) has given it the file has as well: it stays with that, wherever it stays.
    if let Some(file) = v.file.as_ref().filter(|_| v.policy && kind != VMA_ANON) {
        if shmem::is_shmem(file) && !files::is_in_image(cap, file) {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "mapping {:x}-{:x}: has a memory policy (mbind), which is the file's too, and \
                     that has a name: have its contents saved as well, or use a memfd",
                    v.start,
                    v.end
                ),
            );
        }
    }
    Ok(())
}

/// Returns whether it is memory of an io_uring.
fn is_uring(v: &VmaInfo) -> bool {
    v.file.as_ref().is_some_and(FileRef::is_io_uring)
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

/// Returns the record of a mapping, which does not say yet with whom it shares pages since fork().
/// Its file's records are written first.
pub(super) fn describe(cap: &mut Capture, v: &VmaInfo) -> Result<Vma> {
    let kind = kind(v).ok_or(EBUSY)?;
    let file = match (&v.file, kind) {
        (Some(file), VMA_FILE | VMA_SHARED) => Some(files::save_mapped(cap, file)?),
        _ => None,
    };
    let mut flags = 0;
    for &(from, to) in SAVED {
        if v.flags & from != 0 {
            flags |= to;
        }
    }
    flags |= arch_flags(v);
    if is_write_sealed(v) {
        flags |= flag::WRITE_SEALED;
    }
    let private = v.flags & bit::MAYSHARE == 0;
    if private && v.flags & (bit::ACCOUNT | bit::WRITE) == bit::ACCOUNT {
        flags |= flag::ACCOUNTED;
    }
    Ok(Vma {
        start: U64::new(usize_as_u64(v.start)),
        end: U64::new(usize_as_u64(v.end)),
        flags: U64::new(flags),
        offset: U64::new(if file.is_some() { v.offset } else { 0 }),
        kind: U32::new(kind),
        file: U32::new(ref_number(file)),
        pkey: U32::new(Native::pkey(v.flags)),
        reserved: U32::new(0),
        forked: U32::new(0),
        reserved2: U32::new(0),
    })
}

/// Returns whether a shared mapping can't be made writable though its file is open for writing:
/// that was sealed when it was mapped.
fn is_write_sealed(v: &VmaInfo) -> bool {
    v.flags & (bit::MAYSHARE | bit::MAYWRITE) == bit::MAYSHARE
        && v.file.as_ref().is_some_and(FileRef::is_writable)
}

/// Returns those flags in the image that only this architecture has.
fn arch_flags(v: &VmaInfo) -> u64 {
    let mut flags = 0;
    for &(from, to, _) in Native::VMA_FLAGS {
        if v.flags & from != 0 {
            flags |= to;
        }
    }
    flags
}

/// Returns the range of a mapping that may have private pages that are to be in the image.
pub(super) fn range(v: &VmaInfo) -> Option<Range> {
    let kind = kind(v)?;
    if !v.touched || v.flags & bit::DROPPABLE != 0 || !matches!(kind, VMA_ANON | VMA_FILE) {
        return None;
    }
    Some(Range {
        start: v.start,
        end: v.end,
        // Huge pages are made before anything is filled: the file of an anonymous mapping is zero then.
        // In the place of a memfd there may be another file, which the caller of restart(2) gives.
        anonymous: kind == VMA_ANON
            || (v.huge.is_some()
                && v.file
                    .as_ref()
                    .is_some_and(|f| f.is_internal() && !files::is_memfd(f))),
        forks: v.flags & (bit::DONTCOPY | bit::WIPEONFORK) == 0
            && v.huge.is_none()
            && v.watcher == 0,
        tagged: arch_flags(v) & flag::MTE != 0,
    })
}

/// Makes a mapping, other than of the vDSO, in the caller's new address space, with its name, the
/// memory policy of the record `policy`, and what the image has more of it.
pub(super) fn restore(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    v: &Vma,
    name: &[u8],
    policy: Option<&Raw<'_>>,
    more: More<'_>,
) -> Result {
    let (guards, context, huge) = match &more {
        More::Nothing => (None, None, None),
        More::Guards(guards) => (Some(*guards), None, None),
        More::Aio(raw) => (None, Some(raw), None),
        More::Huge(raw) => (None, None, Some(raw)),
    };
    let (start, end) = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
    let fail =
        |e: Error, what: &str| r.fail(e, plan, fmt!("mapping {:x}-{:x}: {}", start, end, what));
    let len = end.checked_sub(start).ok_or(EINVAL)?;
    let flags = v.flags.get();
    let huge_record = match huge {
        Some(raw) => Some(huge::of_mapping(r, raw)?),
        None => None,
    };
    let file = match ObjRef::new(v.file.get()) {
        Some(obj) => Some(files::restore_file(r, plan, obj)?),
        None => None,
    };
    // It gets its seals when its contents are there. What is open for reading is never made writable.
    let file = match file {
        Some(file) if flags & flag::WRITE_SEALED != 0 && !files::is_memfd(&file) => {
            return Err(fail(EINVAL, "was sealed against writing, but is no memfd"));
        }
        Some(file) if flags & flag::WRITE_SEALED != 0 => Some(
            file.reopen(oflag::READ)
                .map_err(|e| fail(e, "can't be mapped for reading only"))?,
        ),
        file => file,
    };

    let mut prot = 0;
    let mut known = flag::ALL & !flag::OF_ARCH;
    for &(_, stored, p) in Native::VMA_FLAGS {
        known |= stored;
        if flags & stored != 0 {
            prot |= p;
        }
    }
    if flags & !known != 0 {
        return Err(fail(EINVAL, "has flags of another architecture"));
    }
    let pkey = match v.pkey.get() {
        0 => 0,
        key if key < Native::pkeys() => key.cast_signed(),
        _ if Native::pkeys() == 1 => {
            return Err(fail(
                EOPNOTSUPP,
                "has a protection key, which this CPU lacks",
            ));
        }
        _ => return Err(fail(EINVAL, "impossible protection key")),
    };

    // The kernel accounts for memory that is, or once was, writable.
    let access = access(flags);
    let first = if flags & flag::ACCOUNTED != 0 || context.is_some() {
        bit::READ | bit::WRITE
    } else {
        access
    };
    match context {
        Some(context) => aio::make(r, v, context).map_err(|e| {
            fail(
                e,
                match e {
                    EAGAIN => {
                        "ring of an AIO context: there may be no more requests: raise \
                         fs.aio-max-nr"
                    }
                    EOPNOTSUPP => "ring of an AIO context: this kernel has no AIO",
                    _ => "ring of an AIO context: can't be made",
                },
            )
        }),
        None => ring::map(&MapArgs {
            start,
            len,
            access: first,
            prot,
            file: file.as_ref().map(|f| (f, v.offset.get())),
            shared: v.kind.get() == VMA_SHARED,
            droppable: flags & flag::DROPPABLE != 0,
            growsdown: flags & flag::GROWSDOWN != 0,
            noreserve: flags & flag::NORESERVE != 0
                || huge_record.as_ref().is_some_and(huge::is_forked),
            shadow_stack: flags & flag::SHADOW_STACK != 0,
        })
        .map_err(|e| {
            let shift = file.as_ref().and_then(hugetlb::shift);
            match shift.filter(|_| e == ENOMEM) {
                Some(shift) => huge::missing(
                    r,
                    plan,
                    e,
                    fmt!("mapping {:x}-{:x}", start, end),
                    shift,
                    usize_as_u64(len).checked_shr(shift).unwrap_or(0),
                    hugetlb::free(shift),
                ),
                None => fail(e, "can't be mapped"),
            }
        }),
    }?;
    // Before it has any page.
    if let Some(raw) = policy {
        policy::restore_mapping(r, plan, (start, end), raw)?;
    }
    if let Some(with) = ObjRef::new(v.forked.get()) {
        fork::link(r, plan, mm, (start, end), with)?;
    }
    if let Some(raw) = huge {
        huge::restore_mapping(r, plan, mm, (start, end), raw)?;
    }
    if first != access && context.is_none() {
        touch(start);
        // The page that it has now is a copy of what is not in the file yet, if its contents are in
        // the image.
        vma::forget(mm, start, PAGE_SIZE).map_err(|e| fail(e, "can't be emptied"))?;
    }
    if first != access || pkey != 0 || (context.is_some() && prot != 0) {
        vma::protect(start, len, access, prot, pkey).map_err(|e| fail(e, "can't be protected"))?;
    }

    let mut done = 0;
    if flags & flag::DROPPABLE != 0 {
        done = WITH_DROPPABLE;
    }
    if context.is_some() {
        done = flag::DONTFORK;
    }
    for &(stored, advice) in ADVICE {
        if flags & stored & !done != 0 {
            vma::advise(mm, start, len, advice)
                .map_err(|e| fail(e, "this kernel does not take the advice given on it"))?;
        }
    }
    if !name.is_empty() {
        vma::give_name(start, len, name).map_err(|e| fail(e, "can't be named"))?;
    }
    if let Some(guards) = guards {
        guard(mm, start, guards).map_err(|e| fail(e, "can't be given its guard regions"))?;
    }
    if flags & flag::LOCKED != 0 {
        lock(
            start,
            end,
            flags & flag::LOCKONFAULT != 0,
            guards.unwrap_or(&[]),
        )
        .map_err(|e| fail(e, "can't be locked in memory"))?;
    }
    if flags & flag::SEALED != 0 {
        vma::seal(start, end).map_err(|e| fail(e, "can't be sealed"))?;
    }
    Ok(())
}

/// Has the kernel map the page of its own that `v` is, of the address space `m`.
pub(super) fn restore_page(r: &Restore, plan: &TaskRecords<'_>, m: &Mm, v: &Vma) -> Result {
    let (start, end) = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
    let fail =
        |e: Error, what: &str| r.fail(e, plan, fmt!("mapping {:x}-{:x}: {}", start, end, what));
    Native::map_page(start, &m.context.map(|w| w.get()))
        .map_err(|e| fail(e, "this kernel can't map its page of that kind there"))?;
    if v.flags.get() & flag::SEALED != 0 {
        vma::seal(start, end).map_err(|e| fail(e, "can't be sealed"))?;
    }
    Ok(())
}

/// Returns the start and end of a guard region.
fn region(guard: &Guard) -> (usize, usize) {
    (
        u64_as_usize(guard.start.get()),
        u64_as_usize(guard.end.get()),
    )
}

/// Makes the guard regions of the mapping at `start`. One that has none any more keeps the mark of
/// having had them, as /proc/PID/smaps shows it.
fn guard(mm: &MmRef, start: usize, guards: &[Guard]) -> Result {
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
fn lock(start: usize, end: usize, onfault: bool, guards: &[Guard]) -> Result {
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

/// Writes what is there to the first byte of a writable mapping.
///
/// The kernel stops accounting for memory that is made read-only before it has had a page of its
/// own. One that has none, as it lies beyond the end of its file, is not accounted for.
fn touch(start: usize) {
    let (mut reader, mut writer) = UserSlice::new(UserPtr::from_addr(start), 1).reader_writer();
    if let Ok(byte) = reader.read::<u8>() {
        let _ = writer.write(&byte);
    }
}

/// Access as of [`bit`].
fn access(flags: u64) -> u64 {
    let mut access = 0;
    for (stored, bit) in [
        (flag::READ, bit::READ),
        (flag::WRITE, bit::WRITE),
        (flag::EXEC, bit::EXEC),
    ] {
        if flags & stored != 0 {
            access |= bit;
        }
    }
    access
}
