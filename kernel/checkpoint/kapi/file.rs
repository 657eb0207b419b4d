// SPDX-License-Identifier: GPL-2.0

//! Open files.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    str::CStr, //
};

use crate::kapi::path::PathRef;

/// File types, as in `st_mode`.
pub(crate) mod ftype {
    /// Mask of the type.
    pub(crate) const MASK: u32 = 0o170000;
    /// Socket.
    pub(crate) const SOCKET: u32 = 0o140000;
    /// Symbolic link.
    pub(crate) const LINK: u32 = 0o120000;
    /// Regular file.
    pub(crate) const REGULAR: u32 = 0o100000;
    /// Block device.
    pub(crate) const BLOCK: u32 = 0o060000;
    /// Directory.
    pub(crate) const DIRECTORY: u32 = 0o040000;
    /// Character device.
    pub(crate) const CHAR: u32 = 0o020000;
    /// Pipe.
    pub(crate) const FIFO: u32 = 0o010000;
}

/// A counted reference on an open file.
///
/// # Invariants
///
/// The pointer is a valid `struct file` on which this owns a reference.
pub(crate) struct FileRef(NonNull<bindings::file>);

// SAFETY: A reference on a file may be used and dropped by any thread.
unsafe impl Send for FileRef {}

// SAFETY: What is read through a shared reference does not change, or is an integer that is read
// once.
unsafe impl Sync for FileRef {}

impl FileRef {
    /// Takes a reference. EBADF: there is no file.
    ///
    /// # Safety
    ///
    /// `file` is NULL, or somebody holds a reference on it for the duration of the call.
    pub(crate) unsafe fn get(file: *mut bindings::file) -> Result<Self> {
        let file = NonNull::new(file).ok_or(EBADF)?;
        // SAFETY: By the caller's promise the count is not zero.
        unsafe { bindings::get_file(file.as_ptr()) };
        Ok(Self(file))
    }

    /// Makes a reference of one that the caller owns, or of an error pointer.
    ///
    /// # Safety
    ///
    /// `file` is an error pointer, or valid with a reference that is handed over.
    pub(crate) unsafe fn from_owned(file: *mut bindings::file) -> Result<Self> {
        NonNull::new(from_err_ptr(file)?).ok_or(EBADF).map(Self)
    }

    /// The file, for this layer.
    pub(crate) fn as_ptr(&self) -> *mut bindings::file {
        self.0.as_ptr()
    }

    /// Its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr() as usize
    }

    fn inode(&self) -> *mut bindings::inode {
        // SAFETY: We own a reference; the field does not change.
        unsafe { (*self.as_ptr()).f_inode }
    }

    /// Address of its inode.
    pub(crate) fn inode_addr(&self) -> usize {
        self.inode() as usize
    }

    /// O_* flags, as of F_GETFL.
    pub(crate) fn flags(&self) -> u32 {
        // SAFETY: We own a reference; the flags are read once.
        unsafe { (&raw const (*self.as_ptr()).f_flags).read_volatile() }
    }

    fn fmode(&self) -> u32 {
        // SAFETY: We own a reference; the mode does not change after the file was opened, but for
        // bits that are not looked at here.
        unsafe { (*self.as_ptr()).f_mode }
    }

    /// Is open for reading.
    pub(crate) fn is_readable(&self) -> bool {
        self.fmode() & (1 << 0) != 0
    }

    /// Is open for writing.
    pub(crate) fn is_writable(&self) -> bool {
        self.fmode() & (1 << 1) != 0
    }

    /// Position in bytes.
    pub(crate) fn pos(&self) -> i64 {
        // SAFETY: We own a reference; the position is read once.
        unsafe { (&raw const (*self.as_ptr()).f_pos).read_volatile() }
    }

    /// Type and permissions of the inode, as of stat(2).
    pub(crate) fn mode(&self) -> u32 {
        // SAFETY: The file keeps its inode.
        u32::from(unsafe { (&raw const (*self.inode()).i_mode).read_volatile() })
    }

    /// Type of the inode, one of [`ftype`].
    pub(crate) fn file_type(&self) -> u32 {
        self.mode() & ftype::MASK
    }

    /// Size of the inode in bytes.
    pub(crate) fn size(&self) -> i64 {
        // SAFETY: The file keeps its inode.
        unsafe { bindings::i_size_read(self.inode()) }
    }

    /// Time of the last modification, in nanoseconds since 1970.
    pub(crate) fn mtime_ns(&self) -> u64 {
        let inode = self.inode();
        // SAFETY: The file keeps its inode; the two integers are read once each.
        let (sec, nsec) = unsafe {
            (
                (&raw const (*inode).i_mtime_sec).read_volatile(),
                (&raw const (*inode).i_mtime_nsec).read_volatile(),
            )
        };
        u64::try_from(sec)
            .unwrap_or(0)
            .saturating_mul(1_000_000_000)
            .saturating_add(u64::from(nsec))
    }

    /// Number of names of the inode.
    pub(crate) fn links(&self) -> u32 {
        // SAFETY: The file keeps its inode; the count is read once.
        unsafe { (&raw const (*self.inode()).__bindgen_anon_1.i_nlink).read_volatile() }
    }

    /// Major and minor number of a device.
    pub(crate) fn device(&self) -> (u32, u32) {
        // SAFETY: The file keeps its inode; the field does not change.
        let dev = unsafe { (*self.inode()).i_rdev };
        (dev >> 20, dev & 0xf_ffff)
    }

    /// Number of references on it, ours included.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference.
        unsafe { bindings::file_count(self.as_ptr()) as u64 }
    }

    /// The name by which the file was opened has been removed.
    pub(crate) fn is_unlinked(&self) -> bool {
        // SAFETY: The file keeps its dentry.
        unsafe { bindings::d_unlinked(self.path_raw().dentry) }
    }

    fn path_raw(&self) -> bindings::path {
        // SAFETY: We own a reference; the path does not change. Both arms of the union are it.
        unsafe { (*self.as_ptr()).__bindgen_anon_1.f_path }
    }

    /// Where it was opened.
    pub(crate) fn path(&self) -> PathRef {
        // SAFETY: The file keeps its path.
        unsafe { PathRef::get(&self.path_raw()) }
    }

    /// Magic number of its filesystem.
    pub(crate) fn fs_magic(&self) -> u64 {
        // SAFETY: The file keeps its inode and that its superblock.
        unsafe { (*(*self.inode()).i_sb).s_magic as u64 }
    }

    /// Name of the type of its filesystem.
    pub(crate) fn fs_name(&self) -> &CStr {
        // SAFETY: The file keeps its inode, superblock and filesystem type; the name is constant.
        unsafe { CStr::from_char_ptr((*(*(*self.inode()).i_sb).s_type).name) }
    }

    /// Writes its data and what is needed to find it to the disk. May sleep.
    pub(crate) fn sync(&self) -> Result {
        // SAFETY: We own a reference.
        to_result(unsafe { bindings::vfs_fsync(self.as_ptr(), 0) })
    }
}

impl Clone for FileRef {
    fn clone(&self) -> Self {
        // SAFETY: We own a reference.
        unsafe { bindings::get_file(self.as_ptr()) };
        Self(self.0)
    }
}

impl Drop for FileRef {
    fn drop(&mut self) {
        // SAFETY: We own a reference.
        unsafe { bindings::fput(self.as_ptr()) };
    }
}

impl PartialEq for FileRef {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
