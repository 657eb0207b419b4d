// SPDX-License-Identifier: GPL-2.0

//! Huge pages of hugetlbfs: what files have of them, and making them (`hugetlb.c`).

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    fs::file::FileRef,
    mm::{
        page::PageRef,
        shmem, //
    },
    signal::parked,
    time::wait, //
};

/// Returns the size of the pages of a file, as a power of two; `None`: it is not one of hugetlbfs.
pub(crate) fn shift(file: &FileRef) -> Option<u32> {
    // SAFETY: We own a reference on the file, which keeps it valid.
    match unsafe { bindings::checkpoint_hugetlb_shift(file.as_ptr()) } {
        0 => None,
        shift => Some(shift),
    }
}

/// Returns the bytes of a page of the size `shift`. EINVAL: more than there can be.
pub(crate) fn size(shift: u32) -> Result<usize> {
    1usize.checked_shl(shift).ok_or(EINVAL)
}

/// Makes the file of an anonymous mapping of `size` bytes, for which nothing is set aside. May
/// sleep.
///
/// ENODEV, ENOENT: the machine has no pages of that size.
pub(crate) fn new_file(size: i64, shift: u32) -> Result<FileRef> {
    let size = usize::try_from(size)?;
    // SAFETY: A file that is returned comes with a reference.
    unsafe { FileRef::from_owned(bindings::checkpoint_hugetlb_file(size, shift)) }
}

/// Returns whether pages are set aside for all of `file`, which is of hugetlbfs, or there.
pub(crate) fn is_reserved(file: &FileRef) -> bool {
    // SAFETY: We own a reference on the file, which keeps it valid.
    unsafe { bindings::checkpoint_hugetlb_reserved(file.as_ptr()) }
}

/// Sets pages aside for all of `file`, which is of hugetlbfs, as shmget(2) does. May sleep.
///
/// ENOMEM: there are too few.
pub(crate) fn reserve(file: &FileRef) -> Result {
    // SAFETY: We own a reference on the file, which keeps it valid.
    to_result(unsafe { bindings::checkpoint_hugetlb_reserve(file.as_ptr()) })
}

/// Returns whether `file`, which is of hugetlbfs, has no pages, and no shared mapping that could
/// make some.
pub(crate) fn is_unused(file: &FileRef) -> bool {
    // SAFETY: We own a reference, and the file keeps its mapping.
    unsafe { bindings::checkpoint_hugetlb_unused(file.as_ptr()) }
}

/// Returns how many pages of the size `shift` the machine has that are neither in use nor set
/// aside; `None`: it has none of that size.
pub(crate) fn free(shift: u32) -> Option<u64> {
    // SAFETY: It takes a number that it checks, and only reads counters.
    u64::try_from(unsafe { bindings::checkpoint_hugetlb_free(shift) }).ok()
}

/// Returns page `index` of `file`, which is of hugetlbfs, counted in pages of the usual size;
/// `None`: a hole.
///
/// EIO: it is poisoned.
pub(crate) fn page(file: &FileRef, index: u64) -> Result<Option<PageRef>> {
    let index = usize::try_from(index).map_err(|_| EFBIG)?;
    // SAFETY: We own a reference on the file; a page that is returned comes with one.
    unsafe {
        let page = from_err_ptr(bindings::checkpoint_hugetlb_page(file.as_ptr(), index))?;
        Ok(NonNull::new(page).map(|p| PageRef::from_owned(p)))
    }
}

/// Returns the start and end, in bytes, of the pages of `file`, which is of hugetlbfs, that follow
/// each other from byte `from` on, below `size`; `None`: there are none.
pub(crate) fn next_range(file: &FileRef, from: u64, size: u64) -> Result<Option<(u64, u64)>> {
    if from >= size {
        return Ok(None);
    }
    let seek = |at: u64, what: u32| {
        let (at, end) = (i64::try_from(at)?, i64::try_from(size)?);
        // SAFETY: The file keeps its mapping. The position of the file is not involved.
        Ok::<i64, Error>(unsafe {
            bindings::mapping_seek_hole_data(shmem::mapping(file), at, end, what.cast_signed())
        })
    };
    let Ok(start) = u64::try_from(seek(from, bindings::SEEK_DATA)?) else {
        return Ok(None);
    };
    let end = u64::try_from(seek(start, bindings::SEEK_HOLE)?).map_err(|_| EIO)?;
    Ok(Some((start, end.min(size))).filter(|(start, end)| start < end))
}

/// Makes the pages of `file`, which is of hugetlbfs and open for writing, from byte `start` to
/// `end`: where there are none they are zero. Both are multiples of their size, `page`. For a task
/// that is being restored: a stop, or a frozen cgroup, is waited out, and its signals are dropped.
/// May sleep.
///
/// ENOSPC, ENOMEM: there are too few; EINTR: SIGKILL came.
pub(crate) fn allocate(_: &Restoring, file: &FileRef, start: u64, end: u64, page: usize) -> Result {
    let let_pass = |trap: &mut wait::LaterTrap| wait::let_pass_without(trap, parked::drop_own);
    let mut at = i64::try_from(start)?;
    let end = i64::try_from(end)?;
    while at < end {
        allocate_at(file, at, page, let_pass)?;
        at = at.checked_add(i64::try_from(page)?).ok_or(EINVAL)?;
    }
    Ok(())
}

/// Makes the page of `file` that has the `len` bytes at `at`, as fallocate(2) does. What interrupts
/// that is let pass by `let_pass`.
fn allocate_at(
    file: &FileRef,
    at: i64,
    len: usize,
    let_pass: impl Fn(&mut wait::LaterTrap) -> Result,
) -> Result {
    let mut trap = wait::LaterTrap::new();
    let len = i64::try_from(len)?;
    loop {
        wait::go_on()?;
        // SAFETY: We own a reference; all numbers are checked there.
        match to_result(unsafe { bindings::vfs_fallocate(file.as_ptr(), 0, at, len) }) {
            Err(EINTR) => let_pass(&mut trap)?,
            result => return result,
        }
    }
}

/// Writes `pages`, one after the other, into the pages of `file`, which is of hugetlbfs, from byte
/// `pos` on, which is advanced. One that is not there is made: of a file that has a name others may
/// have made it after it was looked where there are some.
///
/// ENOSPC, ENOMEM: there are too few; EINTR: a signal came.
pub(crate) fn write(file: &FileRef, pos: &mut i64, pages: &[PageRef]) -> Result {
    for from in pages {
        let index = u64::try_from(*pos)? >> PAGE_SHIFT;
        let to = match page(file, index)? {
            Some(to) => to,
            None => {
                allocate_at(file, *pos, PAGE_SIZE, wait::let_pass)?;
                page(file, index)?.ok_or(EIO)?
            }
        };
        to.copy_from(from);
        to.written();
        *pos = pos.checked_add(PAGE_SIZE as i64).ok_or(EINVAL)?;
    }
    Ok(())
}

/// Makes the private mapping at `start` of the caller, which was made with MAP_NORESERVE, one as
/// fork() leaves it to a child: without that flag, and with nothing set aside. May sleep.
///
/// EINTR: SIGKILL came; EINVAL: it is no such mapping.
pub(crate) fn set_forked(start: usize) -> Result {
    // SAFETY: All is checked there.
    to_result(unsafe { bindings::checkpoint_hugetlb_forked(start) })
}
