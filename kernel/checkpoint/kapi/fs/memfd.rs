// SPDX-License-Identifier: GPL-2.0

//! Files of memory that memfd_create(2) makes, and their seals.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    str::CStr, //
};

use crate::{
    image::files::seal,
    kapi::fs::file::FileRef, //
};

/// What the kernel puts before their names.
pub(crate) const PREFIX: &[u8] = b"memfd:";

/// Seals and those of images.
static SEALS: &[(u32, u32)] = &[
    (bindings::F_SEAL_SEAL, seal::SEAL),
    (bindings::F_SEAL_SHRINK, seal::SHRINK),
    (bindings::F_SEAL_GROW, seal::GROW),
    (bindings::F_SEAL_WRITE, seal::WRITE),
    (bindings::F_SEAL_FUTURE_WRITE, seal::FUTURE_WRITE),
    (bindings::F_SEAL_EXEC, seal::EXEC),
];

/// Makes a memfd, with the rights that the caller acts with. May sleep.
///
/// `name` begins with [`PREFIX`]. With `noexec` it has neither the right to be executed nor can get
/// it, else it may be given seals. `huge`: the size of its huge pages, as a power of two, if it has
/// some. EACCES: a memfd must not be executable in the pid namespace of the caller
/// (vm.memfd_noexec); ENODEV, ENOENT: the machine has no pages of that size.
pub(crate) fn new_file(name: &CStr, noexec: bool, huge: Option<u32>) -> Result<FileRef> {
    let huge = huge.unwrap_or(0);
    // SAFETY: The name is NUL-terminated, and copied; a file that is returned comes with a
    // reference.
    unsafe { FileRef::from_owned(bindings::checkpoint_memfd(name.as_char_ptr(), noexec, huge)) }
}

impl FileRef {
    /// Seals of its inode, as flags of the image.
    ///
    /// EINVAL: it can have none. EOPNOTSUPP: it has unknown ones.
    pub(crate) fn seals(&self) -> Result<u32> {
        // SAFETY: We own a reference on the file, which keeps it valid.
        let seals = unsafe { bindings::checkpoint_memfd_seals(self.as_ptr()) };
        to_result(seals)?;
        let mut left = seals.cast_unsigned();
        let mut to = 0;
        for (seal, image) in SEALS {
            if left & seal != 0 {
                to |= image;
            }
            left &= !seal;
        }
        if left != 0 {
            return Err(EOPNOTSUPP);
        }
        Ok(to)
    }

    /// Adds `seals`, flags of the image, to its inode, as F_ADD_SEALS does. May sleep.
    ///
    /// EBUSY: it may be written to by a mapping, or somebody has pinned its pages.
    pub(crate) fn add_seals(&self, seals: u32) -> Result {
        let mut to = 0;
        for (seal, image) in SEALS {
            if seals & image != 0 {
                to |= seal;
            }
        }
        // SAFETY: We own a reference on the file, which keeps it valid.
        to_result(unsafe { bindings::checkpoint_memfd_seal(self.as_ptr(), to) })
    }

    /// Returns whether it is open for writing, but does not count as a writer of its inode: it was
    /// not opened by open(2), but made with the inode.
    pub(crate) fn is_made_with_inode(&self) -> bool {
        self.is_writable() && self.fmode() & bindings::FMODE_WRITER == 0
    }

    /// Returns the number of references on its directory entry: each open file has one, those with
    /// O_PATH too.
    pub(crate) fn entry_users(&self) -> u64 {
        // SAFETY: The file keeps its dentry.
        u64::from(unsafe { bindings::d_count(self.path_raw().dentry) })
    }
}
