// SPDX-License-Identifier: GPL-2.0

//! The pages of an address space: finding those that are there, and getting at them.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::kapi::{
    fs::io,
    mm::{
        page::PageRef,
        space::MmRef, //
    },
    time::wait, //
};

/// Bytes of addresses that are looked at before it is asked whether to go on.
pub(super) const STRIDE: usize = 1 << 30;

/// Pages by ascending address.
///
/// # Invariants
///
/// There are as many addresses as pages: those of `pages`, in the same order.
pub(crate) struct Pages {
    addrs: KVVec<usize>,
    pages: KVVec<PageRef>,
}

/// Why the walk over page tables ended early, and where.
enum Stop {
    No,
    Full(usize),
    Absent(usize),
    /// The same where a userfaultfd watches.
    Watched(usize),
    Marker,
}

struct Walk<'a> {
    pages: &'a mut Pages,
    stop: Stop,
}

impl Pages {
    /// Makes an empty one, with room for `max`.
    pub(crate) fn new(max: usize) -> Result<Self> {
        Ok(Self {
            addrs: KVVec::with_capacity(max, GFP_KERNEL_ACCOUNT)?,
            pages: KVVec::with_capacity(max, GFP_KERNEL_ACCOUNT)?,
        })
    }

    /// Adds a page, and room for it, if there is none. May sleep.
    pub(crate) fn push(&mut self, addr: usize, page: PageRef) -> Result {
        self.addrs.reserve(1, GFP_KERNEL_ACCOUNT)?;
        self.pages.reserve(1, GFP_KERNEL_ACCOUNT)?;
        // INVARIANT: There is room in both: either both get one, or none.
        self.push_now(addr, page);
        Ok(())
    }

    /// Gives up all pages.
    pub(crate) fn clear(&mut self) {
        self.addrs.clear();
        self.pages.clear();
    }

    /// Returns the addresses and, in the same order, the pages.
    pub(crate) fn get(&self) -> (&[usize], &[PageRef]) {
        (&self.addrs, &self.pages)
    }

    /// Returns the pages that there is room for.
    fn room(&self) -> usize {
        core::cmp::min(
            self.addrs.capacity() - self.addrs.len(),
            self.pages.capacity() - self.pages.len(),
        )
    }

    /// Returns whether there is no room for another page.
    pub(crate) fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Adds a page; there is room, so that it neither fails nor sleeps.
    fn push_now(&mut self, addr: usize, page: PageRef) {
        // INVARIANT: There is room in both.
        if !self.is_full() && self.addrs.push_within_capacity(addr).is_ok() {
            drop(self.pages.push_within_capacity(page));
        }
    }

    /// Finds the private pages of `mm` from `start` to `end`, all within one mapping, in place of
    /// what was found before. No page is made that was not there.
    ///
    /// Returns where to go on: `end`, or less if there are more than there is room for. May
    /// sleep. EIO: a page is poisoned; EINTR: SIGKILL came.
    pub(crate) fn find(&mut self, mm: &MmRef, start: usize, end: usize) -> Result<usize> {
        self.clear();
        let mut at = start;
        while at < end {
            wait::go_on()?;
            let stride = at.saturating_add(STRIDE).min(end);
            let _lock = mm.read_lock()?;
            let mut walk = Walk {
                pages: self,
                stop: Stop::No,
            };
            // SAFETY: We own a reference and hold the lock. The callbacks get `walk`, and nobody
            // else uses that meanwhile.
            let ret = unsafe {
                bindings::walk_page_range(mm.as_ptr(), at, stride, &OPS, (&raw mut walk).cast())
            };
            at = match walk.stop {
                Stop::Full(addr) => return Ok(addr),
                Stop::Marker => return Err(EIO),
                Stop::No if ret < 0 => return Err(Error::from_errno(ret)),
                Stop::No => stride,
                Stop::Absent(addr) => {
                    // Still under the lock, so that the mapping is what it was.
                    if self.is_full() {
                        return Ok(addr);
                    }
                    if let Some(page) = bring_back(mm, addr)? {
                        self.push_now(addr, page);
                    }
                    addr + PAGE_SIZE
                }
                Stop::Watched(addr) => {
                    // SAFETY: We own a reference and hold the lock.
                    to_result(unsafe { bindings::checkpoint_uffd_bring_back(mm.as_ptr(), addr) })?;
                    addr
                }
            };
        }
        Ok(end)
    }
}

/// Room that the list of guard regions gets at a time, in regions.
const GUARDS: usize = 64;

/// Guard regions by ascending address: start and end of each.
pub(crate) type Guards = KVVec<(usize, usize)>;

struct GuardWalk<'a> {
    found: &'a mut Guards,
    /// Start of the mapping: regions of two do not become one.
    start: usize,
    /// Where room ran out.
    full: Option<usize>,
}

/// Appends the guard regions of `mm` from `start` to `end`, all within one mapping, to `found`.
///
/// False: there are more than `max`. May sleep; EINTR: SIGKILL came.
pub(crate) fn guards(
    mm: &MmRef,
    start: usize,
    end: usize,
    max: usize,
    found: &mut Guards,
) -> Result<bool> {
    let first = found.len();
    let mut at = start;
    while at < end {
        wait::go_on()?;
        let stride = at.saturating_add(STRIDE).min(end);
        found.reserve(GUARDS, GFP_KERNEL_ACCOUNT)?;
        let lock = mm.read_lock()?;
        let mut walk = GuardWalk {
            found,
            start,
            full: None,
        };
        // SAFETY: We own a reference and hold the lock. The callback gets `walk`, and nobody else
        // uses that meanwhile.
        let ret = unsafe {
            bindings::walk_page_range(mm.as_ptr(), at, stride, &GUARD_OPS, (&raw mut walk).cast())
        };
        drop(lock);
        at = match walk.full {
            Some(addr) => addr,
            None if ret < 0 => return Err(Error::from_errno(ret)),
            None => stride,
        };
        if found.len() - first > max {
            return Ok(false);
        }
    }
    Ok(true)
}

struct RangeWalk<'a> {
    found: &'a mut KVVec<(usize, usize)>,
    stop: Stop,
}

/// Tells where `mm` has private pages of hugetlbfs from `start` to `end`, all within one mapping
/// that has such: start and end of each row of them, by ascending address. May sleep.
///
/// EIO: a page is poisoned; EINTR: SIGKILL came.
pub(crate) fn huge_ranges(mm: &MmRef, start: usize, end: usize) -> Result<KVVec<(usize, usize)>> {
    let mut found = KVVec::new();
    let mut at = start;
    while at < end {
        wait::go_on()?;
        let stride = at.saturating_add(STRIDE).min(end);
        found.reserve(GUARDS, GFP_KERNEL_ACCOUNT)?;
        let _lock = mm.read_lock()?;
        let mut walk = RangeWalk {
            found: &mut found,
            stop: Stop::No,
        };
        // SAFETY: We own a reference and hold the lock. The callback gets `walk`, and nobody else
        // uses that meanwhile.
        let ret = unsafe {
            bindings::walk_page_range(mm.as_ptr(), at, stride, &RANGE_OPS, (&raw mut walk).cast())
        };
        at = match walk.stop {
            Stop::Full(addr) => addr,
            Stop::Marker => return Err(EIO),
            Stop::No if ret < 0 => return Err(Error::from_errno(ret)),
            Stop::No => stride,
            Stop::Absent(addr) | Stop::Watched(addr) => {
                // Then it is looked at again. Still under the lock, so that the mapping is what it
                // was.
                bring_back(mm, addr)?;
                addr
            }
        };
    }
    Ok(found)
}

/// Looks at one entry of a page table on some level.
type Entry<T> = unsafe extern "C" fn(*mut T, c_ulong, c_ulong, *mut bindings::mm_walk) -> c_int;

/// A walk over page tables that looks at nothing.
const NO_OPS: bindings::mm_walk_ops = bindings::mm_walk_ops {
    pgd_entry: None,
    p4d_entry: None,
    pud_entry: None,
    pmd_entry: None,
    pte_entry: None,
    pte_hole: None,
    hugetlb_entry: None,
    test_walk: None,
    pre_vma: None,
    post_vma: None,
    install_pte: None,
    walk_lock: bindings::page_walk_lock_PGWALK_RDLOCK,
};

/// Returns a walk over page tables that looks at each entry for a page with `page`, and before at
/// each one above with `huge`: without that, huge pages would be split on the way.
const fn ops(huge: Entry<bindings::pmd_t>, page: Entry<bindings::pte_t>) -> bindings::mm_walk_ops {
    bindings::mm_walk_ops {
        pmd_entry: Some(huge),
        pte_entry: Some(page),
        ..NO_OPS
    }
}

static OPS: bindings::mm_walk_ops = bindings::mm_walk_ops {
    hugetlb_entry: Some(hugetlb_entry),
    ..ops(huge_entry, pte_entry)
};

static GUARD_OPS: bindings::mm_walk_ops = ops(huge_without_guards, guard_entry);

static RANGE_OPS: bindings::mm_walk_ops = bindings::mm_walk_ops {
    hugetlb_entry: Some(range_entry),
    ..NO_OPS
};

/// Passes over huge pages: none of theirs is guarded.
///
/// # Safety
///
/// Called by walk_page_range() with the mmap lock held.
unsafe extern "C" fn huge_without_guards(
    pmd: *mut bindings::pmd_t,
    _addr: c_ulong,
    _next: c_ulong,
    mm_walk: *mut bindings::mm_walk,
) -> c_int {
    // SAFETY: By the caller's promise the walk is one of walk_page_range(), which passes a valid
    // entry and its own state, under the mmap lock.
    unsafe {
        if bindings::pmd_is_huge(pmd) {
            (*mm_walk).action = bindings::page_walk_action_ACTION_CONTINUE;
        }
    }
    0
}

/// Takes the pages of a huge page; anything but 0 ends the walk.
///
/// # Safety
///
/// Called by walk_page_range() with the mmap lock held and our `Walk` as its private data.
unsafe extern "C" fn huge_entry(
    pmd: *mut bindings::pmd_t,
    addr: c_ulong,
    next: c_ulong,
    mm_walk: *mut bindings::mm_walk,
) -> c_int {
    // SAFETY: By the caller's promise the private data is our `Walk`, which nobody else uses during
    // the walk, and walk_page_range() passes a valid entry.
    let (walk, is_huge) = unsafe {
        (
            &mut *(*mm_walk).private.cast::<Walk<'_>>(),
            bindings::pmd_is_huge(pmd),
        )
    };
    if !is_huge {
        return 0;
    }
    let all = (next - addr) / PAGE_SIZE;
    let n = all.min(walk.pages.room());
    if n == 0 {
        walk.stop = Stop::Full(addr);
        return 1;
    }
    let mut huge = false;
    // CAST: There are no more than 2^32 pages in a huge one.
    let count = n as c_uint;
    // SAFETY: By the caller's promise; `n` pages from `addr` on are below `next`, and so in the same
    // huge page.
    let first =
        unsafe { bindings::huge_pmd_get_pages((*mm_walk).vma, addr, pmd, count, &mut huge) };
    if !huge {
        return 0;
    }
    // SAFETY: By the caller's promise it is the state of walk_page_range(), which reads the action
    // when this returns.
    unsafe { (*mm_walk).action = bindings::page_walk_action_ACTION_CONTINUE };
    if first.is_null() {
        return 0;
    }
    // SAFETY: A reference on each of the `n` is handed over.
    unsafe { take(walk, addr, first, n, all) }
}

/// Takes `n` of the `all` pages that follow `first`, which is at `addr`; anything but 0 ends the
/// walk.
///
/// # Safety
///
/// They are of one huge page, and a reference on each of the `n` is handed over.
unsafe fn take(
    walk: &mut Walk<'_>,
    addr: usize,
    first: *mut bindings::page,
    n: usize,
    all: usize,
) -> c_int {
    for i in 0..n {
        // SAFETY: The pages of a huge page follow each other; a reference on each is handed over.
        let page = unsafe { NonNull::new(first.add(i)).map(|p| PageRef::from_owned(p)) };
        if let Some(page) = page {
            walk.pages.push_now(addr + i * PAGE_SIZE, page);
        }
    }
    if n < all {
        walk.stop = Stop::Full(addr + n * PAGE_SIZE);
        return 1;
    }
    0
}

/// Takes the pages of a page of hugetlbfs; anything but 0 ends the walk.
///
/// # Safety
///
/// Called by walk_page_range() with the mmap lock held and our `Walk` as its private data.
unsafe extern "C" fn hugetlb_entry(
    pte: *mut bindings::pte_t,
    _hmask: c_ulong,
    addr: c_ulong,
    next: c_ulong,
    mm_walk: *mut bindings::mm_walk,
) -> c_int {
    // SAFETY: By the caller's promise the private data is our `Walk`, which nobody else uses during
    // the walk.
    let walk = unsafe { &mut *(*mm_walk).private.cast::<Walk<'_>>() };
    let all = (next - addr) / PAGE_SIZE;
    let n = all.min(walk.pages.room());
    if n == 0 {
        walk.stop = Stop::Full(addr);
        return 1;
    }
    let mut first = core::ptr::null_mut();
    // CAST: There are no more than 2^32 pages in a huge one.
    let count = n as c_uint;
    // SAFETY: By the caller's promise; `n` pages from `addr` on are below `next`, and so in the same
    // huge page.
    match unsafe { bindings::hugetlb_get_pages((*mm_walk).vma, addr, pte, count, &mut first) } {
        0 => return 0,
        1 => (),
        2 => {
            walk.stop = Stop::Absent(addr);
            return 1;
        }
        _ => {
            walk.stop = Stop::Marker;
            return 1;
        }
    }
    // SAFETY: A reference on each of the `n` is handed over.
    unsafe { take(walk, addr, first, n, all) }
}

/// Notes where a private page of hugetlbfs is; anything but 0 ends the walk.
///
/// # Safety
///
/// Called by walk_page_range() with the mmap lock held and our `RangeWalk` as its private data.
unsafe extern "C" fn range_entry(
    pte: *mut bindings::pte_t,
    _hmask: c_ulong,
    addr: c_ulong,
    next: c_ulong,
    mm_walk: *mut bindings::mm_walk,
) -> c_int {
    // SAFETY: By the caller's promise the private data is our `RangeWalk`, which nobody else uses
    // during the walk.
    let walk = unsafe { &mut *(*mm_walk).private.cast::<RangeWalk<'_>>() };
    let mut page = core::ptr::null_mut();
    // SAFETY: By the caller's promise the mapping and the entry are valid under the mmap lock; no
    // reference is taken, so there need be room for one pointer only.
    match unsafe { bindings::hugetlb_get_pages((*mm_walk).vma, addr, pte, 0, &mut page) } {
        0 => return 0,
        1 => (),
        2 => {
            walk.stop = Stop::Absent(addr);
            return 1;
        }
        _ => {
            walk.stop = Stop::Marker;
            return 1;
        }
    }
    if let Some((_, end)) = walk.found.last_mut().filter(|(_, end)| *end == addr) {
        *end = next;
        return 0;
    }
    // There is room, or the walk ends: this neither fails nor sleeps.
    if walk.found.push_within_capacity((addr, next)).is_err() {
        walk.stop = Stop::Full(addr);
        return 1;
    }
    0
}

/// Notes a guarded page; anything but 0 ends the walk.
///
/// # Safety
///
/// Called by walk_page_range() with the page table locked and our `GuardWalk` as its private data.
unsafe extern "C" fn guard_entry(
    pte: *mut bindings::pte_t,
    addr: c_ulong,
    next: c_ulong,
    mm_walk: *mut bindings::mm_walk,
) -> c_int {
    // SAFETY: By the caller's promise the private data is our `GuardWalk`, which nobody else uses
    // during the walk, and the lock of the page table keeps the entry.
    let (walk, guard) = unsafe {
        let walk = &mut *(*mm_walk).private.cast::<GuardWalk<'_>>();
        (walk, bindings::pte_is_guard(pte))
    };
    if !guard {
        return 0;
    }
    if let Some((_, end)) = walk.found.last_mut() {
        if *end == addr && addr != walk.start {
            *end = next;
            return 0;
        }
    }
    // There is room, or the walk ends: this neither fails nor sleeps.
    if walk.found.push_within_capacity((addr, next)).is_err() {
        walk.full = Some(addr);
        return 1;
    }
    0
}

/// Looks at one page table entry; anything but 0 ends the walk.
///
/// # Safety
///
/// Called by walk_page_range() with the page table locked and our `Walk` as its private data.
unsafe extern "C" fn pte_entry(
    pte: *mut bindings::pte_t,
    addr: c_ulong,
    _next: c_ulong,
    mm_walk: *mut bindings::mm_walk,
) -> c_int {
    // SAFETY: By the caller's promise; the entry does not change under its lock. A page that is
    // mapped there can't go away before we have our own reference.
    unsafe {
        if bindings::pte_is_none(pte) {
            return 0;
        }
        let walk = &mut *(*mm_walk).private.cast::<Walk<'_>>();
        if bindings::pte_is_guard(pte) {
            return 0;
        }
        if bindings::pte_is_marker(pte) {
            // Those of a userfaultfd are told by a walk of their own.
            if !bindings::vma_uffd_of((*mm_walk).vma).is_null() {
                return 0;
            }
            walk.stop = Stop::Marker;
            return 1;
        }
        if !bindings::pte_is_present(pte) {
            walk.stop = if bindings::vma_uffd_of((*mm_walk).vma).is_null() {
                Stop::Absent(addr)
            } else {
                Stop::Watched(addr)
            };
            return 1;
        }
        let page = bindings::pte_normal_page((*mm_walk).vma, addr, pte);
        let Some(page) = NonNull::new(page).filter(|p| bindings::page_is_anon(p.as_ptr())) else {
            return 0;
        };
        if walk.pages.is_full() {
            walk.stop = Stop::Full(addr);
            return 1;
        }
        bindings::get_page(page.as_ptr());
        walk.pages.push_now(addr, PageRef::from_owned(page));
    }
    0
}

/// Gets the page at `addr` back from swap, or waits until it has been moved. `None`: it is not a
/// private one. The mmap lock is held.
fn bring_back(mm: &MmRef, addr: usize) -> Result<Option<PageRef>> {
    let mut page: *mut bindings::page = core::ptr::null_mut();
    // SAFETY: We own a reference, and hold the lock for reading, which the function keeps. Room
    // is for the one page asked for.
    let n = unsafe {
        bindings::get_user_pages_remote(
            mm.as_ptr(),
            addr,
            1,
            bindings::FOLL_FORCE,
            &mut page,
            core::ptr::null_mut(),
        )
    };
    io::counted(n)?;
    let Some(page) = NonNull::new(page) else {
        return Err(EFAULT);
    };
    // SAFETY: The function gave us a reference.
    let (page, anon) = unsafe {
        (
            PageRef::from_owned(page),
            bindings::page_is_anon(page.as_ptr()),
        )
    };
    Ok(anon.then_some(page))
}

/// Makes the pages of `mm` from `addr` on ready to be written to. Where the mapping does not allow
/// that, its private copies are made all the same, as for a debugger.
///
/// `to` gets as many pages as there were made, up to `max`. EFAULT: nothing is mapped there; EPERM:
/// it is code of a file, which must not be changed (proc_mem.force_override). May sleep; EINTR:
/// SIGKILL came.
pub(crate) fn writable(mm: &MmRef, addr: usize, max: usize, to: &mut KVec<PageRef>) -> Result {
    match get(mm, addr, max, bindings::FOLL_WRITE, to) {
        Err(EFAULT) => {
            let flags = bindings::FOLL_WRITE | bindings::FOLL_FORCE;
            get(mm, addr, max, flags, to)
        }
        r => r,
    }
}

/// Finds the pages of `mm` from `addr` on, to be read, whatever the access of the mapping is. Else
/// as [`writable`].
pub(crate) fn readable(mm: &MmRef, addr: usize, max: usize, to: &mut KVec<PageRef>) -> Result {
    get(mm, addr, max, bindings::FOLL_FORCE, to)
}

/// Appends at least one and at most `max` pages of `mm` from `addr` on to `to`.
fn get(mm: &MmRef, addr: usize, max: usize, flags: c_uint, to: &mut KVec<PageRef>) -> Result {
    const FORCED: c_uint = bindings::FOLL_WRITE | bindings::FOLL_FORCE;
    let mut pages: [*mut bindings::page; BATCH] = [core::ptr::null_mut(); BATCH];
    let mut max = core::cmp::min(max, BATCH);
    let lock = mm.read_lock()?;
    if flags & FORCED == FORCED {
        let mut end = 0;
        // SAFETY: We own a reference, and hold the lock.
        to_result(unsafe { bindings::may_force_write(mm.as_ptr(), addr, &mut end) })?;
        max = max.min(end.saturating_sub(addr) / PAGE_SIZE);
    }
    // SAFETY: We own a reference, and hold the lock for reading, which the function keeps; room
    // is for as many pages as are asked for.
    let n = unsafe {
        bindings::get_user_pages_remote(
            mm.as_ptr(),
            addr,
            max,
            flags,
            pages.as_mut_ptr(),
            core::ptr::null_mut(),
        )
    };
    drop(lock);
    let n = match io::counted(n)? {
        0 => return Err(EFAULT),
        n => n,
    };
    let mut result = Ok(());
    for page in pages.iter().take(n).filter_map(|&p| NonNull::new(p)) {
        // SAFETY: The function gave us a reference on each.
        let page = unsafe { PageRef::from_owned(page) };
        if result.is_ok() {
            result = to.push(page, GFP_KERNEL).map_err(Error::from);
        }
    }
    result
}

/// Most pages that [`writable`] and [`readable`] give at once.
const BATCH: usize = 64;
