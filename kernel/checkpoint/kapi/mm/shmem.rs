// SPDX-License-Identifier: GPL-2.0

//! Contents of files, page by page: of tmpfs, as which anonymous shared memory counts too, of
//! hugetlbfs, and of any other file that goes through the page cache.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    num::casts::usize_as_u64,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    mm::{
        hugetlb,
        page::PageRef, //
    }, //
};

const SEEK_DATA: c_int = bindings::SEEK_DATA.cast_signed();

/// Returns what has the contents of a file: of one of an overlay the file below.
pub(in crate::kapi) fn mapping(file: &FileRef) -> *mut bindings::address_space {
    // SAFETY: We own a reference. What is below the file of an overlay stays with it, and is copied
    // up only before it is written to: no task that could do that runs.
    unsafe { bindings::checkpoint_contents(file.as_ptr()) }
}

/// Returns whether it is a file of tmpfs, or anonymous shared memory.
pub(crate) fn is_shmem(file: &FileRef) -> bool {
    // SAFETY: The file keeps its mapping.
    unsafe { bindings::shmem_mapping(mapping(file)) }
}

/// Returns whether nothing is set aside in advance for the contents of a file of tmpfs
/// (MAP_NORESERVE).
pub(crate) fn is_noreserve(file: &FileRef) -> bool {
    // SAFETY: The file keeps its inode, which is one of tmpfs.
    is_shmem(file) && unsafe { bindings::checkpoint_shmem_noreserve((*mapping(file)).host) }
}

/// Returns whether a file of tmpfs says on which NUMA nodes its memory is to be, whoever maps it
/// (mbind), and not only the filesystem (its option mpol).
pub(crate) fn has_policy(file: &FileRef) -> bool {
    // SAFETY: The file keeps its inode, which is one of tmpfs.
    is_shmem(file) && unsafe { bindings::checkpoint_shmem_has_policy((*mapping(file)).host) }
}

/// Returns a new file of anonymous shared memory, of `size` bytes; may sleep. `noreserve` counts
/// where the machine may overcommit memory, as MAP_NORESERVE does.
///
/// ENOMEM: there is not as much memory as is to be set aside for it, or none for the file.
pub(crate) fn new_file(size: i64, noreserve: bool) -> Result<FileRef> {
    // SAFETY: A file that is returned comes with a reference.
    unsafe { FileRef::from_owned(bindings::checkpoint_shmem_file(size, noreserve)) }
}

/// Returns whether it is memory and nothing else: a file of tmpfs or hugetlbfs. What it has no page
/// of is a hole.
pub(crate) fn is_memory(file: &FileRef) -> bool {
    is_shmem(file) || file.is_hugetlb()
}

/// Returns the index of the first page from page `index` on, below `end`, that is not a hole;
/// `None`: there is none. Files that are not of tmpfs or hugetlbfs have no holes.
pub(crate) fn next_page(file: &FileRef, index: u64, end: u64) -> Result<Option<u64>> {
    if index >= end {
        return Ok(None);
    }
    if !is_memory(file) {
        return Ok(Some(index));
    }
    let at = |index: u64| i64::try_from(index << PAGE_SHIFT).map_err(|_| EFBIG);
    // SAFETY: The file keeps its mapping. The position of the file is not involved.
    let found =
        unsafe { bindings::mapping_seek_hole_data(mapping(file), at(index)?, at(end)?, SEEK_DATA) };
    if found == -i64::from(bindings::ENXIO) {
        return Ok(None);
    }
    let found = u64::try_from(found).map_err(|_| EIO)? >> PAGE_SHIFT;
    Ok(Some(found).filter(|&i| i < end))
}

/// Finds the same of any file that can be read by its position, which is the caller's alone: as the
/// filesystem knows (SEEK_DATA). May sleep and read from the disk.
pub(crate) fn next_data(file: &FileRef, index: u64, end: u64) -> Result<Option<u64>> {
    if index >= end {
        return Ok(None);
    }
    let at = i64::try_from(index << PAGE_SHIFT).map_err(|_| EFBIG)?;
    // SAFETY: We own a reference on the file, which keeps it valid.
    let found = unsafe { bindings::vfs_llseek(file.as_ptr(), at, SEEK_DATA) };
    if found == -i64::from(bindings::ENXIO) {
        return Ok(None);
    }
    // Where it does not know, all is data.
    let found = u64::try_from(found).map_or(index, |at| at >> PAGE_SHIFT);
    Ok(Some(found.max(index)).filter(|&i| i < end))
}

/// Returns page `index` of a file; `None`: a hole. May sleep and read from the disk.
///
/// EOPNOTSUPP: the file does not go through the page cache.
pub(crate) fn page(file: &FileRef, index: u64) -> Result<Option<PageRef>> {
    if file.is_hugetlb() {
        return hugetlb::page(file, index);
    }
    let mapping = mapping(file);
    let index = usize::try_from(index).map_err(|_| EFBIG)?;
    if is_shmem(file) {
        let mut folio: *mut bindings::folio = core::ptr::null_mut();
        // SAFETY: It is an inode of tmpfs. On success we own a reference on the folio, if there
        // is one, and its lock.
        unsafe {
            to_result(bindings::shmem_get_folio(
                (*mapping).host,
                index,
                0,
                &mut folio,
                bindings::sgp_type_SGP_READ,
            ))?;
            if folio.is_null() {
                return Ok(None);
            }
            let page = bindings::folio_page_at(folio, index);
            bindings::folio_unlock(folio);
            // A reference on a folio is one on any of its pages.
            return Ok(NonNull::new(page).map(|p| PageRef::from_owned(p)));
        }
    }
    // SAFETY: The file keeps its mapping, whose operations are constant. With a function to read
    // pages, this one returns an error or a reference on a page.
    unsafe {
        if (*(*mapping).a_ops).read_folio.is_none() {
            return Err(EOPNOTSUPP);
        }
        // Filesystems take what they need from the file; that of an overlay is none of theirs.
        let by = if (*file.as_ptr()).f_mapping == mapping {
            file.as_ptr()
        } else {
            core::ptr::null_mut()
        };
        let page = from_err_ptr(bindings::read_cache_page(mapping, index, None, by))?;
        Ok(NonNull::new(page).map(|p| PageRef::from_owned(p)))
    }
}

/// Returns the number of pages of a file.
pub(crate) fn pages(file: &FileRef) -> u64 {
    u64::try_from(file.size())
        .unwrap_or(0)
        .div_ceil(usize_as_u64(PAGE_SIZE))
}
