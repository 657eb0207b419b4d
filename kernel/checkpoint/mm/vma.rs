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
        task::frozen::FrozenTask, //
    },
    mm::{
        aio,
        fork,
        guard,
        huge,
        policy,
        ring,
        userfault,
        vdso,
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

/// Returns the flags with which a mapping of this kind can be saved.
fn allowed(v: &VmaInfo, kind: u32) -> u64 {
    let saved = SAVED.iter().map(|&(bit, _)| bit);
    let of_arch = Native::VMA_FLAGS.iter().map(|&(bit, ..)| bit);
    let mut allowed =
        Iterator::chain(saved, of_arch).fold(IMPLIED | Native::PKEY_BITS, |all, bit| all | bit);
    if v.watcher != 0 {
        allowed |= userfault::FLAGS;
    }
    match kind {
        VMA_VDSO => allowed | OF_VDSO,
        VMA_ARCH => OF_PAGE,
        VMA_AIO => allowed | OF_AIO,
        VMA_FILE | VMA_SHARED if v.huge.is_some() => allowed | OF_HUGE,
        VMA_SHARED if is_uring(v) => allowed | OF_URING,
        VMA_SHARED if ring::is(v) => allowed | ring::FLAGS,
        _ => allowed,
    }
}

/// Calls `refuse` for the flags of a mapping that can't be saved, and tells whether there are any.
fn refuse_flags(v: &VmaInfo, kind: u32, mut refuse: impl FnMut(&str)) -> bool {
    let not_allowed = v.flags & !allowed(v, kind);
    let mut unknown = not_allowed;
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
    not_allowed != 0
}

/// Calls `refuse` for whatever else keeps a mapping of `t` from being saved.
fn refuse_contents(
    t: &FrozenTask,
    mm: &MmRef,
    v: &VmaInfo,
    kind: u32,
    mut refuse: impl FnMut(&str),
) -> Result {
    if let Some(why) = v
        .file
        .as_ref()
        .filter(|_| is_uring(v))
        .and_then(|f| files::refuses_uring(t, f, v))
    {
        refuse(why);
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
    if matches!(kind, VMA_VDSO | VMA_ARCH) {
        vdso::refuse_changed(mm, v, &mut refuse);
    }
    if kind != VMA_ANON && v.flags & bit::GROWSDOWN != 0 {
        refuse("file mapping that grows down: have it unmap that");
    }
    if is_write_sealed(v) && !v.file.as_ref().is_some_and(files::is_memfd) {
        refuse("was mapped so that it can't be written to, by a file that can: have it unmap that");
    }
    Ok(())
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
    if refuse_flags(v, kind, &mut refuse) {
        return Ok(());
    }
    refuse_contents(t, mm, v, kind, &mut refuse)?;
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

/// A mapping that is being made in the new address space of the caller.
struct Making<'a> {
    r: &'a Restore,
    plan: &'a TaskRecords<'a>,
    mm: &'a MmRef,
    v: &'a Vma,
    start: usize,
    end: usize,
    len: usize,
}

impl Making<'_> {
    /// Reports that it can't be made; returns `e`.
    fn fail(&self, e: Error, what: &str) -> Error {
        let (r, plan) = (self.r, self.plan);
        r.fail(
            e,
            plan,
            fmt!("mapping {:x}-{:x}: {}", self.start, self.end, what),
        )
    }

    /// Tells whether it has one of the flags `bits` of the image.
    fn has(&self, bits: u64) -> bool {
        self.v.flags.get() & bits != 0
    }

    /// Returns the file to map; `None`: it has none.
    fn file(&self) -> Result<Option<FileRef>> {
        let Some(obj) = ObjRef::new(self.v.file.get()) else {
            return Ok(None);
        };
        let file = files::restore_file(self.r, self.plan, obj)?;
        if !self.has(flag::WRITE_SEALED) {
            return Ok(Some(file));
        }
        // It gets its seals when its contents are there. What is open for reading is never made writable.
        if !files::is_memfd(&file) {
            return Err(self.fail(EINVAL, "was sealed against writing, but is no memfd"));
        }
        let file = file
            .reopen(oflag::READ)
            .map_err(|e| self.fail(e, "can't be mapped for reading only"))?;
        Ok(Some(file))
    }

    /// Returns what the architecture adds to its access, `PROT_*`, and its protection key.
    fn of_arch(&self) -> Result<(usize, i32)> {
        let mut prot = 0;
        let mut known = flag::ALL & !flag::OF_ARCH;
        for &(_, stored, p) in Native::VMA_FLAGS {
            known |= stored;
            if self.has(stored) {
                prot |= p;
            }
        }
        if self.has(!known) {
            return Err(self.fail(EINVAL, "has flags of another architecture"));
        }
        match self.v.pkey.get() {
            0 => Ok((prot, 0)),
            key if key < Native::pkeys() => Ok((prot, key.cast_signed())),
            _ if Native::pkeys() == 1 => {
                Err(self.fail(EOPNOTSUPP, "has a protection key, which this CPU lacks"))
            }
            _ => Err(self.fail(EINVAL, "impossible protection key")),
        }
    }

    /// Makes the ring of the AIO context with the record `context`.
    fn make_ring(&self, context: &Raw<'_>) -> Result {
        aio::make(self.r, self.v, context).map_err(|e| {
            self.fail(
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
        })
    }

    /// Maps it with the access `access`, and `prot` of the architecture; `forked`: its huge pages are
    /// those of a task that was forked.
    fn map(&self, access: u64, prot: usize, forked: bool) -> Result {
        let file = self.file()?;
        ring::map(&MapArgs {
            start: self.start,
            len: self.len,
            access,
            prot,
            file: file.as_ref().map(|f| (f, self.v.offset.get())),
            shared: self.v.kind.get() == VMA_SHARED,
            droppable: self.has(flag::DROPPABLE),
            growsdown: self.has(flag::GROWSDOWN),
            noreserve: self.has(flag::NORESERVE) || forked,
            shadow_stack: self.has(flag::SHADOW_STACK),
        })
        .map_err(|e| {
            let shift = file.as_ref().and_then(hugetlb::shift);
            match shift.filter(|_| e == ENOMEM) {
                Some(shift) => huge::missing(
                    self.r,
                    self.plan,
                    e,
                    fmt!("mapping {:x}-{:x}", self.start, self.end),
                    shift,
                    usize_as_u64(self.len).checked_shr(shift).unwrap_or(0),
                    hugetlb::free(shift),
                ),
                None => self.fail(e, "can't be mapped"),
            }
        })
    }

    /// Gives the advice that was given on it; `done` are flags that it has already.
    fn advise(&self, done: u64) -> Result {
        for &(stored, advice) in ADVICE {
            if self.has(stored & !done) {
                vma::advise(self.mm, self.start, self.len, advice).map_err(|e| {
                    self.fail(e, "this kernel does not take the advice given on it")
                })?;
            }
        }
        Ok(())
    }

    /// Makes its guard regions, locks and seals it.
    fn finish(&self, guards: Option<&[Guard]>) -> Result {
        if let Some(guards) = guards {
            guard::make(self.mm, self.start, guards)
                .map_err(|e| self.fail(e, "can't be given its guard regions"))?;
        }
        if self.has(flag::LOCKED) {
            guard::lock(
                self.start,
                self.end,
                self.has(flag::LOCKONFAULT),
                guards.unwrap_or(&[]),
            )
            .map_err(|e| self.fail(e, "can't be locked in memory"))?;
        }
        if self.has(flag::SEALED) {
            vma::seal(self.start, self.end).map_err(|e| self.fail(e, "can't be sealed"))?;
        }
        Ok(())
    }
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
    let len = end.checked_sub(start).ok_or(EINVAL)?;
    let new = Making {
        r,
        plan,
        mm,
        v,
        start,
        end,
        len,
    };
    let forked = match huge {
        Some(raw) => huge::is_forked(&huge::of_mapping(r, raw)?),
        None => false,
    };
    let (prot, pkey) = new.of_arch()?;

    // The kernel accounts for memory that is, or once was, writable.
    let access = access(v.flags.get());
    let first = if new.has(flag::ACCOUNTED) || context.is_some() {
        bit::READ | bit::WRITE
    } else {
        access
    };
    match context {
        Some(context) => new.make_ring(context)?,
        None => new.map(first, prot, forked)?,
    }
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
        vma::forget(mm, start, PAGE_SIZE).map_err(|e| new.fail(e, "can't be emptied"))?;
    }
    if first != access || pkey != 0 || (context.is_some() && prot != 0) {
        vma::protect(start, len, access, prot, pkey)
            .map_err(|e| new.fail(e, "can't be protected"))?;
    }
    new.advise(match context {
        Some(_) => flag::DONTFORK,
        None if new.has(flag::DROPPABLE) => WITH_DROPPABLE,
        None => 0,
    })?;
    if !name.is_empty() {
        vma::give_name(start, len, name).map_err(|e| new.fail(e, "can't be named"))?;
    }
    new.finish(guards)
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
