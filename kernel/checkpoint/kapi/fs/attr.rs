// SPDX-License-Identifier: GPL-2.0

//! Open files: times, extended attributes, advice, and what the kernel may do with them.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*,
    str::CStr, //
};

use crate::{
    image::files::open,
    kapi::fs::{
        file::{
            ftype,
            FileRef, //
        },
        io, //
    }, //
};

/// How names of extended attributes begin that security modules give a file.
const LABELS: &[u8] = b"security.";

/// The one of them that a user sets.
const CAPABILITIES: &[u8] = b"security.capability\0";

impl FileRef {
    /// Returns whether write(2) can write to it.
    pub(crate) fn can_write(&self) -> bool {
        self.fmode() & bindings::FMODE_CAN_WRITE != 0
    }

    /// Returns whether read(2) can read from it.
    pub(crate) fn can_read(&self) -> bool {
        self.fmode() & bindings::FMODE_CAN_READ != 0
    }

    /// Returns whether it has no position.
    pub(crate) fn is_stream(&self) -> bool {
        self.fmode() & bindings::FMODE_STREAM != 0
    }

    /// Returns whether it is a file or block device that is read and written past the page cache,
    /// in whole blocks.
    pub(crate) fn is_direct(&self) -> bool {
        self.flags() & bindings::O_DIRECT != 0
            && matches!(self.file_type(), ftype::REGULAR | ftype::BLOCK)
    }

    /// Returns the times of last access and modification: seconds since 1970, and nanoseconds.
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

    /// Returns whether its inode has no name but may be given one.
    pub(crate) fn is_linkable(&self) -> bool {
        // SAFETY: The file keeps its inode.
        unsafe { bindings::inode_is_linkable(self.inode()) }
    }

    /// Returns the names of its extended attributes, each with its NUL; those that security modules
    /// give it are left out. May sleep and read from the disk.
    ///
    /// E2BIG: they have too many names.
    pub(crate) fn xattrs(&self) -> Result<KVVec<u8>> {
        let dentry = self.path_raw().dentry;
        // SAFETY: The file keeps its dentry; without a buffer only the size is returned.
        let n = unsafe { bindings::vfs_listxattr(dentry, core::ptr::null_mut(), 0) };
        let n = match io::counted(n) {
            // The filesystem has none.
            Err(EOPNOTSUPP) => return Ok(KVVec::new()),
            n => n?,
        };
        if n > u32_as_usize(bindings::XATTR_LIST_MAX) {
            return Err(E2BIG);
        }
        let mut all = KVVec::from_elem(0u8, n, GFP_KERNEL)?;
        // SAFETY: The file keeps its dentry; the vector has the length that is passed.
        let n = unsafe { bindings::vfs_listxattr(dentry, all.as_mut_ptr().cast(), all.len()) };
        let all = usize::try_from(n)
            .ok()
            .and_then(|n| all.get(..n))
            .ok_or(E2BIG)?;
        let mut names = KVVec::new();
        for name in all.split_inclusive(|&c| c == 0) {
            let own = name.starts_with(LABELS) && name != CAPABILITIES;
            if name.len() > 1 && !own {
                names.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
            }
        }
        Ok(names)
    }

    /// Returns the value of the extended attribute `name`, as fgetxattr(2) returns it. May sleep and
    /// read from the disk.
    pub(crate) fn xattr(&self, name: &CStr) -> Result<KVVec<u8>> {
        let get = |value: *mut u8, size| {
            // SAFETY: We own a reference, the name is NUL-terminated, and the value is as long as
            // the function is given.
            let n = unsafe {
                bindings::checkpoint_getxattr(self.as_ptr(), name.as_char_ptr(), value.cast(), size)
            };
            io::counted(n)
        };
        let n = get(core::ptr::null_mut(), 0)?;
        if n > u32_as_usize(bindings::XATTR_SIZE_MAX) {
            return Err(E2BIG);
        }
        let mut value = KVVec::from_elem(0u8, n, GFP_KERNEL_ACCOUNT)?;
        if n != 0 {
            let n = get(value.as_mut_ptr(), n)?;
            value.truncate(n);
        }
        Ok(value)
    }

    /// Gives it the extended attribute `name`, as fsetxattr(2) does.
    pub(crate) fn set_xattr(&self, name: &CStr, value: &[u8]) -> Result {
        let mut copy = KVVec::new();
        copy.extend_from_slice(value, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference, the name is NUL-terminated, and the value is ours.
        to_result(unsafe {
            bindings::checkpoint_setxattr(
                self.as_ptr(),
                name.as_char_ptr(),
                copy.as_mut_ptr().cast(),
                copy.len(),
            )
        })
    }

    /// Takes the extended attribute `name` from it, as fremovexattr(2) does.
    pub(crate) fn remove_xattr(&self, name: &CStr) -> Result {
        // SAFETY: We own a reference, and the name is NUL-terminated.
        to_result(unsafe { bindings::checkpoint_removexattr(self.as_ptr(), name.as_char_ptr()) })
    }

    /// Takes all of them from it that [`Self::xattrs`] names: those that a new file has inherited.
    pub(crate) fn remove_xattrs(&self) -> Result {
        let names = self.xattrs()?;
        for name in names.split_inclusive(|&c| c == 0) {
            self.remove_xattr(CStr::from_bytes_with_nul(name).map_err(|_| EINVAL)?)?;
        }
        Ok(())
    }

    /// Returns whether it has extended attributes that the caller does not see (trusted.*). May
    /// sleep and read from the disk.
    pub(crate) fn hides_xattrs(&self) -> Result<bool> {
        // SAFETY: The file keeps its dentry.
        let hides = unsafe { bindings::checkpoint_hides_xattrs(self.path_raw().dentry) };
        to_result(hides)?;
        Ok(hides != 0)
    }

    /// Returns the advice of posix_fadvise(2) that is in effect, as flags of the image.
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
