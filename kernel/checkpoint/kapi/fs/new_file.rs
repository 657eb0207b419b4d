// SPDX-License-Identifier: GPL-2.0

//! Regular files that are made beside the place that they get.

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr, //
};

use crate::kapi::fs::path::PathRef;

/// A regular file that was made, in its directory.
///
/// # Invariants
///
/// `path` is that of a file which [`NewFile::make`] has made in `dir`, by the same mount.
pub(crate) struct NewFile {
    dir: PathRef,
    path: PathRef,
}

impl NewFile {
    /// Makes one that has the name `name` in `dir`, for its owner only, with the rights that the
    /// caller has or acts with. May sleep, even for long.
    ///
    /// EEXIST: something has that name.
    pub(crate) fn make(dir: &PathRef, name: &CStr) -> Result<Self> {
        // SAFETY: We own references on the path; the name is NUL-terminated, and copied. A dentry
        // that is returned comes with a reference.
        let dentry = from_err_ptr(unsafe {
            bindings::checkpoint_new_file(dir.as_raw(), name.as_char_ptr())
        })?;
        let mnt = dir.as_raw().mnt;
        // SAFETY: The directory's path keeps its mount; so there may be another reference, which the
        // new path takes over with that on the dentry.
        let path = unsafe {
            bindings::mntget(mnt);
            PathRef::from_owned(bindings::path { mnt, dentry })
        };
        // INVARIANT: It was made there, and has the mount of the directory.
        Ok(Self {
            dir: dir.clone(),
            path,
        })
    }

    /// Returns the path to it.
    pub(crate) fn path(&self) -> &PathRef {
        &self.path
    }

    /// Gives it the name `name`, with the rights that the caller has or acts with; of `old`, which
    /// was found by that name, it takes the place. True: that has got its name, where the filesystem can
    /// do that. May sleep, even for long.
    ///
    /// EEXIST: there is something, and no `old`. EINVAL: `old` has not that name any more, the file
    /// was removed or moved, or the filesystem can't say whether there is something.
    pub(crate) fn give_name(&self, name: &CStr, old: Option<&PathRef>) -> Result<bool> {
        let old = old.map_or(core::ptr::null_mut(), |old| old.as_raw().dentry);
        // SAFETY: We own references on both paths, and the caller has one on `old`; the name is
        // NUL-terminated.
        let moved = unsafe {
            bindings::checkpoint_move_file(
                self.dir.as_raw(),
                self.path.as_raw().dentry,
                name.as_char_ptr(),
                old,
            )
        };
        to_result(moved)?;
        Ok(moved > 0)
    }

    /// Gives `old` its name back, which it had until [`give_name`](Self::give_name), and gets that which
    /// `old` has. May sleep, even for long. EINVAL: one of them was removed or moved.
    pub(crate) fn give_back(&self, old: &PathRef) -> Result {
        // SAFETY: We own references on both paths, and the caller has one on `old`.
        to_result(unsafe {
            bindings::checkpoint_swap_files(
                self.dir.as_raw(),
                self.path.as_raw().dentry,
                old.as_raw().dentry,
            )
        })
    }

    /// Removes `old`, whose name it has got. May sleep, even for long. EINVAL: that was removed or moved.
    pub(crate) fn remove_old(&self, old: &PathRef) -> Result {
        // SAFETY: We own a reference on the directory, and the caller has one on `old`.
        to_result(unsafe {
            bindings::checkpoint_remove_file(self.dir.as_raw(), old.as_raw().dentry)
        })
    }

    /// Removes it, by the name that it has. May sleep, even for long. EINVAL: it was removed or
    /// moved.
    pub(crate) fn remove(&self) -> Result {
        // SAFETY: We own references on both paths.
        to_result(unsafe {
            bindings::checkpoint_remove_file(self.dir.as_raw(), self.path.as_raw().dentry)
        })
    }
}
