// SPDX-License-Identifier: GPL-2.0

//! Reading and writing a file straight from pages, and what all I/O of the kernel goes through.

use core::mem::MaybeUninit;

use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        io,
        user_buffer, //
    },
    mm::page::PageRef,
    time::wait, //
};

/// Most pages given to the file at once.
const BATCH: usize = 256;

/// Which way the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::kapi) enum Way {
    /// From us to the file.
    Write,
    /// From the file to us.
    Read,
}

impl Way {
    /// Returns what an iterator over our memory is for.
    fn direction(self) -> c_uint {
        match self {
            Self::Write => bindings::ITER_SOURCE,
            Self::Read => bindings::ITER_DEST,
        }
    }
}

/// Writes `pages`, one after the other, to `file` at `pos`, which is advanced.
///
/// The file's own rules for `pos` apply, as in write(2): a stream ignores it, O_APPEND changes
/// it. May sleep; no lock may be held. EINTR: a signal came; EIO: the file takes no more.
pub(crate) fn write_pages(file: &FileRef, pos: &mut i64, pages: &[PageRef]) -> Result {
    let len = pages.len().checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
    transfer(file, pos, pages, len, Way::Write)
}

/// Writes the first `len` bytes of `pages`; else as [`write_pages`].
pub(crate) fn write_bytes_of_pages(
    file: &FileRef,
    pos: &mut i64,
    pages: &[PageRef],
    len: usize,
) -> Result {
    transfer(file, pos, pages, len, Way::Write)
}

/// Fills `pages`, one after the other, with bytes of `file` from `pos`, which is advanced.
///
/// EINTR: a signal came; ENODATA: the file ends too early. A stop, or a frozen cgroup, is waited
/// out.
pub(crate) fn read_pages(file: &FileRef, pos: &mut i64, pages: &[PageRef]) -> Result {
    let len = pages.len().checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
    transfer(file, pos, pages, len, Way::Read)
}

fn transfer(file: &FileRef, pos: &mut i64, pages: &[PageRef], len: usize, way: Way) -> Result {
    let missing = match way {
        Way::Write => EIO,
        Way::Read => ENODATA,
    };
    if !takes_iterators(file, way) {
        let done = user_buffer::transfer(file, pos, way, len, |buffer, mut at, n| {
            // Both lie in one page of each, or the next round goes on.
            let mut to = 0;
            while to < n {
                let page = pages.get(at / PAGE_SIZE).ok_or(EINVAL)?;
                let part = core::cmp::min(n - to, PAGE_SIZE - at % PAGE_SIZE);
                page.copy_user(buffer, to, at % PAGE_SIZE, part, way)?;
                to += part;
                at += part;
            }
            Ok(())
        })?;
        return if done == len { Ok(()) } else { Err(missing) };
    }
    let mut vecs: KVec<bindings::bio_vec> =
        KVec::with_capacity(core::cmp::min(pages.len(), BATCH), GFP_KERNEL)?;
    let mut done = 0;
    while done < len {
        vecs.clear();
        let mut offset = done % PAGE_SIZE;
        let mut count = 0;
        for page in pages.iter().skip(done / PAGE_SIZE).take(BATCH) {
            let n = core::cmp::min(PAGE_SIZE - offset, len - done - count);
            if n == 0 {
                break;
            }
            let mut vec: bindings::bio_vec = pin_init::zeroed();
            // SAFETY: The page is valid, and offset and length lie in it, so both fit.
            unsafe {
                bindings::bvec_of_page(&mut vec, page.as_ptr(), n as c_uint, offset as c_uint)
            };
            vecs.push_within_capacity(vec).map_err(|_| EINVAL)?;
            count += n;
            offset = 0;
        }
        if count == 0 {
            return Err(EINVAL);
        }
        let mut iter = MaybeUninit::<bindings::iov_iter>::uninit();
        // SAFETY: The function initialises `iter`. `vecs` outlives it, and describes `count` bytes
        // of pages that we hold.
        let iter = unsafe {
            bindings::iov_iter_bvec(
                iter.as_mut_ptr(),
                way.direction(),
                vecs.as_ptr(),
                vecs.len(),
                count,
            );
            iter.assume_init_mut()
        };
        // SAFETY: The iterator describes memory that is ours.
        match unsafe { once(file, pos, iter, way) }? {
            0 => return Err(missing),
            n => done += n,
        }
    }
    Ok(())
}

/// Transfers up to `len` bytes from or to `at`: one call of the file's function; returns the bytes
/// that it took or gave.
///
/// # Safety
///
/// `at` is valid for reading, or with [`Way::Read`] writing, of `len` bytes.
pub(super) unsafe fn once_bytes(
    file: &FileRef,
    pos: &mut i64,
    at: *mut u8,
    len: usize,
    way: Way,
) -> Result<usize> {
    let vec = bindings::kvec {
        iov_base: at.cast(),
        iov_len: len,
    };
    let mut iter = MaybeUninit::<bindings::iov_iter>::uninit();
    // SAFETY: The function initialises `iter`. `vec` outlives it, and describes valid memory by the
    // caller's promise.
    unsafe {
        bindings::iov_iter_kvec(iter.as_mut_ptr(), way.direction(), &vec, 1, len);
        once(file, pos, iter.assume_init_mut(), way)
    }
}

/// Returns whether its driver reads from, or writes to, more than memory of user space.
///
/// Where it does, that is what read(2) and write(2) use too, unless there is a function of its own
/// for them, which does the same.
pub(super) fn takes_iterators(file: &FileRef, way: Way) -> bool {
    // SAFETY: We own a reference; an open file has operations, which do not change.
    unsafe {
        let ops = (*file.as_ptr()).f_op;
        match way {
            Way::Write => (*ops).write_iter.is_some(),
            Way::Read => (*ops).read_iter.is_some(),
        }
    }
}

/// Calls the file's function once; returns the bytes that it took or gave. EINTR: a signal came. A
/// stop, or a frozen cgroup, is waited out when reading.
///
/// # Safety
///
/// `iter` describes memory that is valid, and that nobody else relies on meanwhile.
unsafe fn once(
    file: &FileRef,
    pos: &mut i64,
    iter: &mut bindings::iov_iter,
    way: Way,
) -> Result<usize> {
    // SAFETY: It is plain data; a copy is kept to begin again.
    let start = unsafe { core::ptr::read(iter) };
    let mut trap = wait::LaterTrap::new();
    loop {
        wait::check_killed()?;
        // SAFETY: We own a reference on the file; both check its mode and operations themselves. The
        // iterator is valid by the caller's promise.
        let n = unsafe {
            match way {
                Way::Write => bindings::vfs_iter_write(file.as_ptr(), iter, pos, 0),
                Way::Read => bindings::vfs_iter_read(file.as_ptr(), iter, pos, 0),
            }
        };
        if way == Way::Read && wait::asks_for_restart(n) {
            wait::let_pass(&mut trap)?;
            // SAFETY: Both are valid iterators over memory that is still there: nothing was
            // transferred.
            unsafe { core::ptr::copy_nonoverlapping(&start, iter, 1) };
            continue;
        }
        return io::checked(n);
    }
}
