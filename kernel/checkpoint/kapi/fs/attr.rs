// SPDX-License-Identifier: GPL-2.0

//! Open files: times, extended attributes, advice, and what the kernel may do with them.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::{
    image::files::open,
    kapi::fs::file::{
        ftype,
        FileRef, //
    }, //
};

impl FileRef {
    /// write(2) can write to it.
    pub(crate) fn can_write(&self) -> bool {
        self.fmode() & bindings::FMODE_CAN_WRITE != 0
    }

    /// read(2) can read from it.
    pub(crate) fn can_read(&self) -> bool {
        self.fmode() & bindings::FMODE_CAN_READ != 0
    }

    /// It has no position.
    pub(crate) fn is_stream(&self) -> bool {
        self.fmode() & bindings::FMODE_STREAM != 0
    }

    /// It is a file or block device that is read and written past the page cache, in whole blocks.
    pub(crate) fn is_direct(&self) -> bool {
        self.flags() & bindings::O_DIRECT != 0
            && matches!(self.file_type(), ftype::REGULAR | ftype::BLOCK)
    }

    /// Times of last access and modification: seconds since 1970, and nanoseconds.
    pub(crate) fn times(&self) -> [(i64, u32); 2] {
        let inode = self.inode();
        // SAFETY: The file keeps its inode; the integers are read once each.
        unsafe {
            [
                (
                    (&raw const (*inode).i_atime_sec).read_volatile(),
                    (&raw const (*inode).i_atime_nsec).read_volatile(),
                ),
                (
                    (&raw const (*inode).i_mtime_sec).read_volatile(),
                    (&raw const (*inode).i_mtime_nsec).read_volatile(),
                ),
            ]
        }
    }

    /// Sets times of last access and modification, as utimensat(2) does.
    pub(crate) fn set_times(&self, times: [(i64, u32); 2]) -> Result {
        let mut times = times.map(|(sec, nsec)| bindings::timespec64 {
            tv_sec: sec,
            tv_nsec: u32_as_usize(nsec).cast_signed(),
        });
        // SAFETY: The file keeps its path; there are two times.
        to_result(unsafe { bindings::vfs_utimes(&self.path_raw(), times.as_mut_ptr()) })
    }

    /// Its inode has no name but may be given one.
    pub(crate) fn is_linkable(&self) -> bool {
        // SAFETY: The file keeps its inode.
        unsafe { bindings::inode_is_linkable(self.inode()) }
    }

    /// It has extended attributes; those of security modules don't count.
    ///
    /// E2BIG: they have too many names.
    pub(crate) fn has_xattrs(&self) -> Result<bool> {
        let dentry = self.path_raw().dentry;
        // SAFETY: The file keeps its dentry; without a buffer only the size is told.
        let n = unsafe { bindings::vfs_listxattr(dentry, core::ptr::null_mut(), 0) };
        let Ok(n) = usize::try_from(n) else {
            // The filesystem has none.
            return Ok(false);
        };
        if n > u32_as_usize(bindings::XATTR_LIST_MAX) {
            return Err(E2BIG);
        }
        let mut names = KVVec::from_elem(0u8, n, GFP_KERNEL)?;
        // SAFETY: As above; the vector is as long as the function is told.
        let n = unsafe { bindings::vfs_listxattr(dentry, names.as_mut_ptr().cast(), names.len()) };
        let names = usize::try_from(n)
            .ok()
            .and_then(|n| names.get(..n))
            .ok_or(E2BIG)?;
        Ok(names
            .split(|&c| c == 0)
            .any(|name| !name.is_empty() && !name.starts_with(b"security.")))
    }

    /// Advice of posix_fadvise(2) that is in effect, as flags of the image.
    pub(crate) fn advice(&self) -> u32 {
        let file = self.as_ptr();
        if self.is_path_only() || self.file_type() != ftype::REGULAR {
            return 0;
        }
        // SAFETY: We own a reference, so that the union holds the state of read-ahead.
        let (pages, usual) = unsafe {
            (
                (&raw const (*file).__bindgen_anon_3.f_ra.ra_pages).read_volatile(),
                bindings::file_default_readahead(file),
            )
        };
        let mut advice = 0;
        if usual != 0 && Some(pages) == usual.checked_mul(2) {
            advice |= open::SEQUENTIAL;
        }
        for (mode, flag) in [
            (bindings::FMODE_RANDOM, open::RANDOM),
            (bindings::FMODE_NOREUSE, open::NOREUSE),
        ] {
            if self.fmode() & mode != 0 {
                advice |= flag;
            }
        }
        advice
    }

    /// Gives the advice that is in flags of the image, as posix_fadvise(2) does.
    pub(crate) fn advise(&self, flags: u32) -> Result {
        for (flag, advice) in [
            (open::SEQUENTIAL, bindings::POSIX_FADV_SEQUENTIAL),
            (open::RANDOM, bindings::POSIX_FADV_RANDOM),
            (open::NOREUSE, bindings::POSIX_FADV_NOREUSE),
        ] {
            if flags & flag != 0 {
                let advice = advice.cast_signed();
                // SAFETY: We own a reference; all numbers are checked there.
                to_result(unsafe { bindings::vfs_fadvise(self.as_ptr(), 0, 0, advice) })?;
            }
        }
        Ok(())
    }
}
