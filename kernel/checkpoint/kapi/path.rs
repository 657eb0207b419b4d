// SPDX-License-Identifier: GPL-2.0

//! Paths: a mount and a directory entry on it.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    str::CStr, //
};

/// Longest path with its NUL, in bytes.
const PATH_MAX: usize = 4096;

// `BIT()` is beyond bindgen.
const LOOKUP_FOLLOW: u32 = 1 << 0;
const LOOKUP_DIRECTORY: u32 = 1 << 1;

/// A counted reference on a path.
///
/// # Invariants
///
/// Mount and dentry are valid and this owns a reference on each.
pub(crate) struct PathRef(bindings::path);

// SAFETY: References on a mount and a dentry may be used and dropped by any thread.
unsafe impl Send for PathRef {}

// SAFETY: Nothing changes through a shared reference.
unsafe impl Sync for PathRef {}

impl PathRef {
    /// Takes references.
    ///
    /// # Safety
    ///
    /// Somebody holds references on `path` for the duration of the call.
    pub(crate) unsafe fn get(path: &bindings::path) -> Self {
        // SAFETY: By the caller's promise.
        unsafe { bindings::path_get(path) };
        Self(*path)
    }

    /// Root directory of the caller.
    pub(crate) fn current_root() -> Self {
        let mut path = bindings::path::default();
        // SAFETY: A running task has a root; the function takes references for us.
        unsafe { bindings::get_fs_root((*bindings::get_current()).fs, &mut path) };
        Self(path)
    }

    /// The path, for this layer.
    pub(crate) fn as_raw(&self) -> &bindings::path {
        &self.0
    }

    /// Address of the dentry.
    pub(crate) fn addr(&self) -> usize {
        self.0.dentry as usize
    }

    /// Its name has been removed.
    pub(crate) fn is_unlinked(&self) -> bool {
        // SAFETY: We own a reference.
        unsafe { bindings::d_unlinked(self.0.dentry) }
    }

    /// Its name as seen from `root`, without a NUL; `None`: it can't be reached from there.
    ///
    /// Does not sleep on anything but memory.
    pub(crate) fn name_from(&self, root: &PathRef) -> Result<Option<KVec<u8>>> {
        let mut buf: KVec<u8> = KVec::from_elem(0, PATH_MAX, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: Both paths are referenced; the buffer has the length that is told.
        let name = unsafe {
            bindings::__d_path(&self.0, &root.0, buf.as_mut_ptr().cast(), PATH_MAX as i32)
        };
        if name.is_null() {
            return Ok(None);
        }
        let name = kernel::error::from_err_ptr(name)?;
        let mut copy = KVec::new();
        // SAFETY: On success the name is NUL-terminated and lies in the buffer.
        let bytes = unsafe { CStr::from_char_ptr(name) }.to_bytes();
        copy.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
        Ok(Some(copy))
    }

    /// Follows `name` from `root`, with the caller's rights. Symbolic links are followed; `..`
    /// does not leave `root`.
    pub(crate) fn lookup_dir(root: &PathRef, name: &CStr) -> Result<Self> {
        let mut path = bindings::path::default();
        let flags = LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
        // SAFETY: `root` is referenced, the name is NUL-terminated; on success the path comes with
        // references that we own.
        to_result(unsafe {
            bindings::vfs_path_lookup(
                root.0.dentry,
                root.0.mnt,
                name.as_char_ptr(),
                flags,
                &mut path,
            )
        })?;
        Ok(Self(path))
    }
}

impl Clone for PathRef {
    fn clone(&self) -> Self {
        // SAFETY: We own references.
        unsafe { Self::get(&self.0) }
    }
}

impl Drop for PathRef {
    fn drop(&mut self) {
        // SAFETY: We own references.
        unsafe { bindings::path_put(&self.0) };
    }
}

impl PartialEq for PathRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.mnt == other.0.mnt && self.0.dentry == other.0.dentry
    }
}
