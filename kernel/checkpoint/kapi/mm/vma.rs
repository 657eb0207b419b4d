// SPDX-License-Identifier: GPL-2.0

//! Mappings: what they are, and making them.

use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
    page::PAGE_SHIFT,
    prelude::*, //
};

use crate::{
    arch::Native,
    kapi::{
        arch::ArchMm,
        fs::{
            file::FileRef,
            uring::Placed, //
        },
        mm::space::MmRef, //
    }, //
};

/// Bits of the flags of a mapping.
pub(crate) mod bit {
    use kernel::bindings as b;

    macro_rules! bits {
        ($($name:ident = $from:ident;)*) => {
            $(pub(crate) const $name: u64 = 1 << b::$from;)*
        };
    }

    bits! {
        READ = VMA_READ_BIT;
        WRITE = VMA_WRITE_BIT;
        EXEC = VMA_EXEC_BIT;
        SHARED = VMA_SHARED_BIT;
        MAYREAD = VMA_MAYREAD_BIT;
        MAYWRITE = VMA_MAYWRITE_BIT;
        MAYEXEC = VMA_MAYEXEC_BIT;
        MAYSHARE = VMA_MAYSHARE_BIT;
        GROWSDOWN = VMA_GROWSDOWN_BIT;
        PFNMAP = VMA_PFNMAP_BIT;
        MAYBE_GUARD = VMA_MAYBE_GUARD_BIT;
        UFFD_MISSING = VMA_UFFD_MISSING_BIT;
        UFFD_WP = VMA_UFFD_WP_BIT;
        UFFD_MINOR = VMA_UFFD_MINOR_BIT;
        UFFD_RWP = VMA_UFFD_RWP_BIT;
        LOCKED = VMA_LOCKED_BIT;
        IO = VMA_IO_BIT;
        SEQUENTIAL = VMA_SEQ_READ_BIT;
        RANDOM = VMA_RAND_READ_BIT;
        DONTCOPY = VMA_DONTCOPY_BIT;
        DONTEXPAND = VMA_DONTEXPAND_BIT;
        LOCKONFAULT = VMA_LOCKONFAULT_BIT;
        ACCOUNT = VMA_ACCOUNT_BIT;
        NORESERVE = VMA_NORESERVE_BIT;
        HUGETLB = VMA_HUGETLB_BIT;
        SYNC = VMA_SYNC_BIT;
        WIPEONFORK = VMA_WIPEONFORK_BIT;
        DONTDUMP = VMA_DONTDUMP_BIT;
        SOFTDIRTY = VMA_SOFTDIRTY_BIT;
        MIXEDMAP = VMA_MIXEDMAP_BIT;
        HUGEPAGE = VMA_HUGEPAGE_BIT;
        NOHUGEPAGE = VMA_NOHUGEPAGE_BIT;
        MERGEABLE = VMA_MERGEABLE_BIT;
        DROPPABLE = VMA_DROPPABLE_BIT;
        SEALED = VMA_SEALED_BIT;
    }
}

/// A mapping that the kernel made by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    /// None.
    No,
    /// The vDSO's code.
    Vdso,
    /// Data of the vDSO.
    Vvar,
    /// A page of [`ArchMm::PAGES`].
    Page,
    /// Another one.
    Other,
}

/// A mapping, as it was when it was looked at.
pub(crate) struct VmaInfo {
    /// First address.
    pub(crate) start: usize,
    /// Address after the last.
    pub(crate) end: usize,
    /// Flags, of [`bit`].
    pub(crate) flags: u64,
    /// Offset in the file, in bytes.
    pub(crate) offset: u64,
    /// What is mapped; `None` for anonymous memory.
    pub(crate) file: Option<FileRef>,
    /// Its pages are private to it, or zero.
    pub(crate) anonymous: bool,
    /// Made by the kernel.
    pub(crate) special: Special,
    /// May have private pages.
    pub(crate) touched: bool,
    /// By what it is known whether others can have the same private pages: fork() copied them from one,
    /// which has the same number; 0: it has none.
    pub(crate) family: usize,
    /// What the userfaultfd that watches it is known by; 0: none does.
    pub(crate) watcher: usize,
    /// Has a memory policy.
    pub(crate) policy: bool,
    /// Was given a name.
    pub(crate) named: bool,
    /// Has huge pages of hugetlbfs.
    pub(crate) huge: Option<Huge>,
}

/// What a mapping has of huge pages.
#[derive(Clone, Copy)]
pub(crate) struct Huge {
    /// Their size, as a power of two.
    pub(crate) shift: u32,
    /// It is private, and pages are set aside for it.
    pub(crate) owner: bool,
    /// Pages were taken from it, as there were too few: who touches them is killed.
    pub(crate) taken: bool,
}

/// Longest name of a mapping, NUL included.
pub(crate) const NAME_MAX: usize = 80;

impl VmaInfo {
    /// Reads what there is of `vma`.
    ///
    /// Returns the huge pages of a mapping; `None`: it has none.
    ///
    /// # Safety
    ///
    /// `vma` is valid and the mmap lock of its address space is held.
    unsafe fn of(vma: *mut bindings::vm_area_struct) -> Self {
        // SAFETY: By the caller's promise; the lock keeps what is read from changing, and the
        // mapping holds a reference on its file.
        unsafe {
            let range = (*vma).__bindgen_anon_1.__bindgen_anon_1;
            let anonymous = bindings::vma_is_anonymous(vma);
            let file = FileRef::get((*vma).vm_file).ok();
            Self {
                start: range.vm_start,
                end: range.vm_end,
                flags: usize_as_u64((*vma).__bindgen_anon_2.vm_flags),
                offset: usize_as_u64((*vma).vm_pgoff) << PAGE_SHIFT,
                file,
                anonymous,
                special: special(vma),
                touched: !(*vma).anon_vma.is_null(),
                family: bindings::vma_family(vma),
                watcher: bindings::vma_uffd_of(vma).addr(),
                policy: bindings::vma_has_policy(vma),
                named: !bindings::vma_given_name(vma).is_null(),
                huge: Huge::of(vma),
            }
        }
    }
}

impl Huge {
    /// # Safety
    ///
    /// `vma` is valid and the mmap lock of its address space is held.
    unsafe fn of(vma: *mut bindings::vm_area_struct) -> Option<Self> {
        let (mut owner, mut taken) = (false, false);
        // SAFETY: By the caller's promise the mapping is valid, and the mmap lock keeps it as it
        // is; there is room for both answers.
        match unsafe { bindings::checkpoint_hugetlb_vma(vma, &mut owner, &mut taken) } {
            0 => None,
            shift => Some(Self {
                shift,
                owner,
                taken,
            }),
        }
    }
}

/// Tells whether the kernel has made a mapping for itself, and for what.
///
/// # Safety
///
/// `vma` is valid and the mmap lock of its address space is held.
unsafe fn special(vma: *mut bindings::vm_area_struct) -> Special {
    // SAFETY: By the caller's promise the mapping is valid, and the mmap lock keeps it as it is.
    let name = unsafe { bindings::vma_special_name(vma) };
    if name.is_null() {
        return Special::No;
    }
    // SAFETY: The names of mappings are constant strings.
    match unsafe { CStr::from_char_ptr(name) }.to_bytes() {
        b"[vdso]" => Special::Vdso,
        b"[vvar]" | b"[vvar_vclock]" => Special::Vvar,
        name if Native::PAGES.contains(&name) => Special::Page,
        _ => Special::Other,
    }
}

/// Returns what the mapping of `mm` at `addr` has of huge pages; `None`: none, or there is no
/// mapping. May sleep; EINTR: SIGKILL came.
pub(crate) fn huge(mm: &MmRef, addr: usize) -> Result<Option<Huge>> {
    let _lock = mm.read_lock()?;
    let mut found = None;
    for_each_from(mm, addr, |vma| {
        // SAFETY: Valid, and the lock is held.
        let info = unsafe { VmaInfo::of(vma) };
        if info.start <= addr {
            found = info.huge;
        }
        false
    });
    Ok(found)
}

/// Calls `f` with the mapping of `mm` at `addr`, if there is one, with the mmap lock held. May
/// sleep.
///
/// EINTR: SIGKILL came.
#[cfg(CONFIG_NUMA)]
pub(in crate::kapi) fn at(
    mm: &MmRef,
    addr: usize,
    f: impl FnOnce(*mut bindings::vm_area_struct),
) -> Result {
    let _lock = mm.read_lock()?;
    let mut found = core::ptr::null_mut();
    for_each_from(mm, addr, |vma| {
        found = vma;
        false
    });
    // SAFETY: Valid, and the lock is held.
    if !found.is_null() && unsafe { VmaInfo::of(found) }.start <= addr {
        f(found);
    }
    Ok(())
}

/// Returns all mappings of `mm`, by ascending address. May sleep; EINTR: SIGKILL came.
pub(crate) fn list(mm: &MmRef) -> Result<KVVec<VmaInfo>> {
    loop {
        let mut all = KVVec::with_capacity(mm.map_count() + 1, GFP_KERNEL_ACCOUNT)?;
        let lock = mm.read_lock()?;
        let full = for_each_from(mm, 0, |vma| {
            // SAFETY: Valid, and the lock is held.
            let info = unsafe { VmaInfo::of(vma) };
            all.push_within_capacity(info).is_ok()
        });
        drop(lock);
        if !full {
            return Ok(all);
        }
    }
}

/// Runs `f` for the mappings of `mm` that end after `addr`, until it returns false: then true is
/// returned. The mmap lock is held.
fn for_each_from(
    mm: &MmRef,
    addr: usize,
    mut f: impl FnMut(*mut bindings::vm_area_struct) -> bool,
) -> bool {
    let mut iter = core::mem::MaybeUninit::<bindings::vma_iterator>::uninit();
    // SAFETY: We own a reference on `mm`.
    unsafe { bindings::vma_iter_set_up(iter.as_mut_ptr(), mm.as_ptr(), addr) };
    loop {
        // SAFETY: Set up above; the caller holds the lock.
        let vma = unsafe { bindings::vma_next(iter.as_mut_ptr()) };
        if vma.is_null() {
            return false;
        }
        if !f(vma) {
            return true;
        }
    }
}

/// Returns the name that the mapping at `start` of `mm` was given, padded with NUL.
pub(crate) fn given_name(mm: &MmRef, start: usize) -> Result<[u8; NAME_MAX]> {
    let mut name = [0; NAME_MAX];
    let _lock = mm.read_lock()?;
    for_each_from(mm, start, |vma| {
        // SAFETY: Valid, and the lock is held: so the name, NUL-terminated, does not change.
        unsafe {
            let given = bindings::vma_given_name(vma);
            if !given.is_null() {
                let bytes = CStr::from_char_ptr(given).to_bytes();
                for (to, from) in name.iter_mut().take(NAME_MAX - 1).zip(bytes) {
                    *to = *from;
                }
            }
        }
        false
    });
    Ok(name)
}

/// What to map, and how.
pub(crate) struct MapArgs<'a> {
    /// First address.
    pub(crate) start: usize,
    /// Bytes.
    pub(crate) len: usize,
    /// Access: of [`bit`], READ, WRITE and EXEC.
    pub(crate) access: u64,
    /// What the architecture adds to that: `PROT_*`.
    pub(crate) prot: usize,
    /// File, and offset in it in bytes; `None`: anonymous memory.
    pub(crate) file: Option<(&'a FileRef, u64)>,
    /// Changes are shared with who else maps the file.
    pub(crate) shared: bool,
    /// The kernel may take its pages away.
    pub(crate) droppable: bool,
    /// Grows down.
    pub(crate) growsdown: bool,
    /// No accounting against the overcommit limit.
    pub(crate) noreserve: bool,
    /// Holds return addresses, and is written to by calls only: readable, writable, anonymous.
    pub(crate) shadow_stack: bool,
}

fn prot(access: u64) -> usize {
    let mut prot = 0;
    for (bit, p) in [
        (bit::READ, bindings::PROT_READ),
        (bit::WRITE, bindings::PROT_WRITE),
        (bit::EXEC, bindings::PROT_EXEC),
    ] {
        if access & bit != 0 {
            prot |= u32_as_usize(p);
        }
    }
    prot
}

/// Maps into the caller's address space, as mmap(2) does, at that very address.
///
/// EEXIST: something is there already; else as of mmap(2).
pub(crate) fn map(args: &MapArgs<'_>) -> Result {
    let mut flags = bindings::MAP_FIXED_NOREPLACE;
    flags |= if args.droppable {
        bindings::MAP_DROPPABLE
    } else if args.shared {
        bindings::MAP_SHARED
    } else {
        bindings::MAP_PRIVATE
    };
    if args.file.is_none() {
        flags |= bindings::MAP_ANONYMOUS;
    }
    if args.growsdown {
        flags |= bindings::MAP_GROWSDOWN;
    }
    if args.noreserve && !args.droppable {
        flags |= bindings::MAP_NORESERVE;
    }
    let (file, offset) = match args.file {
        Some((file, offset)) => (file.as_ptr(), offset),
        None => (core::ptr::null_mut(), 0),
    };
    let _placed = args.file.and_then(|(file, _)| Placed::new(file));
    let addr = if args.shadow_stack {
        map_shadow_stack(args)?
    } else {
        // SAFETY: We own a reference on the file, if there is one; all numbers are checked there.
        unsafe {
            bindings::checkpoint_mmap(
                file,
                args.start,
                args.len,
                prot(args.access) | args.prot,
                u32_as_usize(flags),
                u64_as_usize(offset >> PAGE_SHIFT),
            )
        }
    };
    if addr == args.start {
        return Ok(());
    }
    Err(errno(addr).unwrap_or(EEXIST))
}

/// Returns the error that an address is, as the kernel gives it.
fn errno(addr: usize) -> Option<Error> {
    i32::try_from(addr.cast_signed())
        .ok()
        .filter(|&e| (-4095..0).contains(&e))
        .map(Error::from_errno)
}

/// Maps a part of a file, shared, that can only be mapped as a whole, of `whole` bytes: that is made
/// elsewhere, and what is wanted is moved, as mremap(2) does.
///
/// EEXIST: something is there already; EINVAL: the part is none of it; else as of mmap(2) and mremap(2).
pub(crate) fn map_part(args: &MapArgs<'_>, whole: usize) -> Result {
    let (file, offset) = args.file.ok_or(EINVAL)?;
    let offset = u64_as_usize(offset);
    if !args.shared || offset.checked_add(args.len).is_none_or(|end| end > whole) {
        return Err(EINVAL);
    }
    // So the whole is not made where the part is to be.
    map(&MapArgs {
        access: 0,
        prot: 0,
        file: None,
        shared: false,
        noreserve: true,
        ..*args
    })?;
    // SAFETY: We own a reference on the file; all numbers are checked there.
    let all = unsafe {
        bindings::checkpoint_mmap(
            file.as_ptr(),
            0,
            whole,
            prot(args.access) | args.prot,
            u32_as_usize(bindings::MAP_SHARED),
            0,
        )
    };
    if let Some(e) = errno(all) {
        return Err(e);
    }
    // SAFETY: All numbers are checked there. Both ranges are of the new address space of the current
    // task, which has not run in it.
    let (moved, unmapped) = unsafe {
        (
            bindings::checkpoint_mremap(all.wrapping_add(offset), args.len, args.start),
            bindings::vm_munmap(all, whole),
        )
    };
    to_result(unmapped)?;
    if moved == args.start {
        return Ok(());
    }
    Err(errno(moved).unwrap_or(EINVAL))
}

/// Maps a shadow stack, and returns its address or an error as the kernel gives it.
///
/// EINVAL: not a possible one. EOPNOTSUPP: this kernel has none.
#[cfg(CONFIG_ARCH_HAS_USER_SHADOW_STACK)]
fn map_shadow_stack(args: &MapArgs<'_>) -> Result<usize> {
    let odd = args.file.is_some() || args.shared || args.droppable || args.growsdown;
    if odd || args.access != bit::READ | bit::WRITE || args.start == 0 {
        return Err(EINVAL);
    }
    // SAFETY: All numbers are checked there.
    Ok(unsafe { bindings::vm_mmap_shadow_stack(args.start, args.len, 0) })
}

/// Maps a shadow stack: this kernel has none.
#[cfg(not(CONFIG_ARCH_HAS_USER_SHADOW_STACK))]
fn map_shadow_stack(_: &MapArgs<'_>) -> Result<usize> {
    Err(EOPNOTSUPP)
}

/// Sets the access to a range of the caller's address space, as pkey_mprotect(2) does. `extra` is
/// what the architecture adds: `PROT_*`. Key 0 is that of mprotect(2): the default one, or the one
/// that memory gets which may be executed only.
pub(crate) fn protect(start: usize, len: usize, access: u64, extra: usize, pkey: i32) -> Result {
    let pkey = if pkey == 0 { -1 } else { pkey };
    // SAFETY: All numbers are checked there.
    to_result(unsafe { bindings::checkpoint_mprotect(start, len, prot(access) | extra, pkey) })
}

/// Gives advice on a range of the caller's address space, as madvise(2) does.
///
/// `flag`: a single one of [`bit`] that advice sets. EINVAL: none does, or this kernel has it
/// not.
pub(crate) fn advise(mm: &MmRef, start: usize, len: usize, flag: u64) -> Result {
    let advice = match flag {
        bit::SEQUENTIAL => bindings::MADV_SEQUENTIAL,
        bit::RANDOM => bindings::MADV_RANDOM,
        bit::DONTCOPY => bindings::MADV_DONTFORK,
        bit::WIPEONFORK => bindings::MADV_WIPEONFORK,
        bit::DONTDUMP => bindings::MADV_DONTDUMP,
        bit::HUGEPAGE => bindings::MADV_HUGEPAGE,
        bit::NOHUGEPAGE => bindings::MADV_NOHUGEPAGE,
        bit::MERGEABLE => bindings::MADV_MERGEABLE,
        _ => return Err(EINVAL),
    };
    // SAFETY: We own a reference; all numbers are checked there.
    to_result(unsafe { bindings::do_madvise(mm.as_ptr(), start, len, advice.cast_signed()) })
}

/// Has pages of a range of the caller's address space not merged with like ones any more, as
/// madvise(MADV_UNMERGEABLE) does: nothing, if they are not.
pub(crate) fn unmerge(mm: &MmRef, start: usize, len: usize) -> Result {
    let advice = bindings::MADV_UNMERGEABLE.cast_signed();
    // SAFETY: We own a reference; all numbers are checked there.
    to_result(unsafe { bindings::do_madvise(mm.as_ptr(), start, len, advice) })
}

/// Gives up the pages of a range of the caller's address space, which is not locked in memory, as
/// madvise(MADV_DONTNEED) does: a private mapping of a file shows that again.
pub(crate) fn forget(mm: &MmRef, start: usize, len: usize) -> Result {
    let advice = bindings::MADV_DONTNEED.cast_signed();
    // SAFETY: We own a reference; all numbers are checked there.
    to_result(unsafe { bindings::do_madvise(mm.as_ptr(), start, len, advice) })
}

/// Gives up the pages of a range of `mm` that fork() wipes: it is zero again. EINVAL: it is other memory.
/// EINTR: the caller was killed. May sleep.
pub(crate) fn wipe(mm: &MmRef, start: usize, end: usize) -> Result {
    // SAFETY: We own a reference; all numbers are checked there.
    to_result(unsafe { bindings::checkpoint_wipe(mm.as_ptr(), start, end) })
}

/// Guards a range of the caller's address space, as madvise(MADV_GUARD_INSTALL) does. The range
/// is not locked in memory.
///
/// EAGAIN: pages appear there all the time.
pub(crate) fn guard(mm: &MmRef, start: usize, len: usize) -> Result {
    /// How often it is tried: the kernel gives up when pages appear while it works.
    const TRIES: usize = 16;
    for _ in 0..TRIES {
        let advice = bindings::MADV_GUARD_INSTALL.cast_signed();
        // SAFETY: We own a reference; all numbers are checked there.
        let ret = unsafe { bindings::do_madvise(mm.as_ptr(), start, len, advice) };
        if ret != -bindings::ERESTARTNOINTR.cast_signed() {
            return to_result(ret);
        }
    }
    Err(EAGAIN)
}

/// Takes the guards off a range of the caller's address space, as madvise(MADV_GUARD_REMOVE) does.
pub(crate) fn unguard(mm: &MmRef, start: usize, len: usize) -> Result {
    let advice = bindings::MADV_GUARD_REMOVE.cast_signed();
    // SAFETY: We own a reference; all numbers are checked there.
    to_result(unsafe { bindings::do_madvise(mm.as_ptr(), start, len, advice) })
}

/// Locks a range of the caller's address space in memory, as mlock2(2) does.
pub(crate) fn lock(start: usize, len: usize, onfault: bool) -> Result {
    let mut bits = bit::LOCKED;
    if onfault {
        bits |= bit::LOCKONFAULT;
    }
    // SAFETY: All numbers are checked there.
    to_result(unsafe { bindings::checkpoint_mlock(start, len, u64_as_usize(bits)) })
}

/// Seals a range of the caller's address space, as mseal(2) does.
pub(crate) fn seal(start: usize, end: usize) -> Result {
    // SAFETY: All numbers are checked there.
    to_result(unsafe { bindings::checkpoint_mseal(start, end) })
}

/// Names a range of the caller's address space, as prctl(PR_SET_VMA) does. The characters of
/// `name` were checked.
pub(crate) fn give_name(start: usize, len: usize, name: &[u8]) -> Result {
    let mut text = [0u8; NAME_MAX];
    text.get_mut(..name.len())
        .filter(|to| to.len() < NAME_MAX)
        .ok_or(EINVAL)?
        .copy_from_slice(name);
    // SAFETY: The text is NUL-terminated; the numbers are checked there.
    to_result(unsafe { bindings::vma_give_name(start, len, text.as_ptr().cast()) })
}
