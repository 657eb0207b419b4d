// SPDX-License-Identifier: GPL-2.0

//! Reading and writing a file straight from pages.

use core::mem::MaybeUninit;

use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::kapi::{
    file::FileRef,
    page::PageRef, //
};

/// Most pages given to the file at once.
const BATCH: usize = 256;

/// Which way the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Write,
    Read,
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
/// Nobody else may look at the pages meanwhile. EINTR: a signal came; ENODATA: the file ends too
/// early.
pub(crate) fn read_pages(file: &FileRef, pos: &mut i64, pages: &[PageRef]) -> Result {
    let len = pages.len().checked_mul(PAGE_SIZE).ok_or(EINVAL)?;
    transfer(file, pos, pages, len, Way::Read)
}

fn transfer(file: &FileRef, pos: &mut i64, pages: &[PageRef], len: usize, way: Way) -> Result {
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
        done += once(file, pos, &vecs, count, way)?;
    }
    Ok(())
}

/// One call of the file's function; returns the bytes that it took or gave.
fn once(
    file: &FileRef,
    pos: &mut i64,
    vecs: &[bindings::bio_vec],
    count: usize,
    way: Way,
) -> Result<usize> {
    // SAFETY: `current` is valid.
    if unsafe { bindings::fatal_signal_pending(bindings::get_current()) } {
        return Err(EINTR);
    }
    let mut iter = MaybeUninit::<bindings::iov_iter>::uninit();
    let direction = match way {
        Way::Write => bindings::ITER_SOURCE,
        Way::Read => bindings::ITER_DEST,
    };
    // SAFETY: `vecs` outlives `iter`, and describes `count` bytes of pages that we hold.
    unsafe {
        bindings::iov_iter_bvec(
            iter.as_mut_ptr(),
            direction,
            vecs.as_ptr(),
            vecs.len(),
            count,
        );
    }
    // SAFETY: We own a reference on the file; both check its mode themselves. `iter` was
    // initialised above.
    let n = unsafe {
        match way {
            Way::Write => bindings::vfs_iter_write(file.as_ptr(), iter.as_mut_ptr(), pos, 0),
            Way::Read => bindings::vfs_iter_read(file.as_ptr(), iter.as_mut_ptr(), pos, 0),
        }
    };
    match usize::try_from(n) {
        Ok(0) if way == Way::Write => Err(EIO),
        Ok(0) => Err(ENODATA),
        Ok(n) => Ok(n),
        Err(_) => Err(interrupted(n)),
    }
}

/// The error for a negative result; a call that would be restarted has been interrupted.
fn interrupted(n: isize) -> Error {
    let errno = i32::try_from(n).unwrap_or(-(bindings::EIO as i32));
    let restart = -(bindings::ERESTARTSYS as i32);
    if errno == restart {
        EINTR
    } else {
        Error::from_errno(errno)
    }
}
