// SPDX-License-Identifier: GPL-2.0

//! Paths: a mount and a directory entry on it.

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    num::casts::{
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    str::CStr, //
};

/// Longest path with its NUL, in bytes.
const PATH_MAX: usize = u32_as_usize(bindings::PATH_MAX);

/// Paths of an image are those of what was open, and not how it was found: there is no link of
/// any kind on the way.
const LOOKUP_NO_LINKS: u32 = bindings::LOOKUP_NO_SYMLINKS | bindings::LOOKUP_NO_MAGICLINKS;

const MAY_EXEC: c_int = bindings::MAY_EXEC.cast_signed();
const MAY_READ: c_int = bindings::MAY_READ.cast_signed();
const MAY_WRITE: c_int = bindings::MAY_WRITE.cast_signed();
const MAY_CHDIR: c_int = bindings::MAY_CHDIR.cast_signed();

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
        // SAFETY: By the caller's promise there are references, so there may be others.
        unsafe { bindings::path_get(path) };
        // INVARIANT: Both references were just taken.
        Self(*path)
    }

    /// Makes a path of one whose references the caller owns.
    ///
    /// # Safety
    ///
    /// `path` is valid and a reference on each part of it is handed over.
    pub(crate) unsafe fn from_owned(path: bindings::path) -> Self {
        // INVARIANT: By the caller's promise it is valid, and the references are ours now.
        Self(path)
    }

    /// Returns the root directory of the caller.
    pub(crate) fn current_root() -> Self {
        let mut path = bindings::path::default();
        // SAFETY: A running task has a root; the function takes references for us.
        unsafe { bindings::get_fs_root((*bindings::get_current()).fs, &mut path) };
        // INVARIANT: Both references were just taken.
        Self(path)
    }

    /// Returns the path, for this layer.
    pub(crate) fn as_raw(&self) -> &bindings::path {
        &self.0
    }

    /// Returns whether its name has been removed.
    pub(crate) fn is_unlinked(&self) -> bool {
        // SAFETY: We own a reference on the dentry, which keeps it valid.
        unsafe { bindings::d_unlinked(self.0.dentry) }
    }

    /// Returns another path to the same inode, on the same mount, by a name that was looked up and
    /// not removed since. It may be out of reach.
    pub(crate) fn other_name(&self) -> Option<Self> {
        // SAFETY: The path keeps its inode; a dentry that is returned comes with a reference.
        let dentry = unsafe { bindings::d_find_alias(self.inode()?) };
        if dentry.is_null() {
            return None;
        }
        // SAFETY: We own a reference on the mount, so there may be others.
        unsafe { bindings::mntget(self.0.mnt) };
        // INVARIANT: Both references were just taken.
        Some(Self(bindings::path {
            mnt: self.0.mnt,
            dentry,
        }))
    }

    /// Returns another path to the same inode, which is no directory, by a name that the directory
    /// `dir` had and that was removed: nobody can look it up.
    ///
    /// EXDEV: the inode is on another mount. EINVAL: the name is too long. EOPNOTSUPP: the
    /// filesystem looks after its names itself. EACCES, EPERM: a security module would not let the
    /// caller link it there.
    pub(crate) fn removed_name(&self, dir: &PathRef, name: &CStr) -> Result<Self> {
        self.inode().ok_or(ENOENT)?;
        // SAFETY: We own references on both; an inode that a path leads to stays. The name is
        // NUL-terminated, and copied. A dentry that is returned comes with a reference.
        let dentry = from_err_ptr(unsafe {
            bindings::checkpoint_removed_name(&dir.0, name.as_char_ptr(), &self.0)
        })?;
        // SAFETY: We own a reference on the mount, so there may be others.
        unsafe { bindings::mntget(dir.0.mnt) };
        // INVARIANT: Both references were just taken.
        Ok(Self(bindings::path {
            mnt: dir.0.mnt,
            dentry,
        }))
    }

    /// Makes something that is no regular file as `name` in this directory, with the rights that the
    /// caller has or acts with, and removes it: returns its path. Nobody finds it in between. May sleep,
    /// even for long.
    ///
    /// `file_type` is one of [`ftype`](super::file::ftype); `device`: the kernel's number of a device, else
    /// 0; `target`: where a symbolic link leads, else empty. EEXIST: something has that name.
    pub(crate) fn removed_node(
        &self,
        name: &CStr,
        file_type: u32,
        device: u32,
        target: &CStr,
    ) -> Result<Self> {
        let file_type = u16::try_from(file_type)?;
        // SAFETY: We own references on the path; name and target are NUL-terminated, and copied. A
        // dentry that is returned comes with a reference.
        let dentry = from_err_ptr(unsafe {
            bindings::checkpoint_removed_node(
                &self.0,
                name.as_char_ptr(),
                file_type,
                device,
                target.as_char_ptr(),
            )
        })?;
        // SAFETY: We own a reference on the mount, so there may be others.
        unsafe { bindings::mntget(self.0.mnt) };
        // INVARIANT: Both references were just taken.
        Ok(Self(bindings::path {
            mnt: self.0.mnt,
            dentry,
        }))
    }

    /// Returns the directory that its name is or was in.
    pub(crate) fn parent(&self) -> Self {
        // SAFETY: We own references; `dget_parent` returns one on the parent.
        // INVARIANT: That, and the one on the mount, are ours.
        unsafe {
            bindings::mntget(self.0.mnt);
            Self(bindings::path {
                mnt: self.0.mnt,
                dentry: bindings::dget_parent(self.0.dentry),
            })
        }
    }

    /// Returns whether files without a name can be made in this directory.
    pub(crate) fn can_tmpfile(&self) -> bool {
        // SAFETY: We own a reference on a dentry that an open file has or had as parent: it has
        // an inode, whose operations do not change.
        unsafe {
            let inode = (*self.0.dentry).d_inode;
            !inode.is_null() && (*(*inode).i_op).tmpfile.is_some()
        }
    }

    /// Returns the inode that it leads to, which the path keeps.
    pub(in crate::kapi) fn inode(&self) -> Option<*mut bindings::inode> {
        // SAFETY: We own a reference on the dentry, which keeps an inode that it has.
        let inode = unsafe { (&raw const (*self.0.dentry).d_inode).read_volatile() };
        (!inode.is_null()).then_some(inode)
    }

    /// Address of its mount.
    pub(crate) fn mount_addr(&self) -> usize {
        self.0.mnt.addr()
    }

    /// Address of the inode; 0: there is none.
    pub(crate) fn inode_addr(&self) -> usize {
        self.inode().map_or(0, |inode| inode.addr())
    }

    /// Returns the number of names of the inode; 0 also: there is no inode.
    pub(crate) fn links(&self) -> u32 {
        self.inode().map_or(0, |inode| {
            // SAFETY: We own a reference on the dentry, which keeps the inode; the count is read once.
            unsafe { (&raw const (*inode).__bindgen_anon_1.i_nlink).read_volatile() }
        })
    }

    /// Returns the type of the inode, as in `st_mode`, with its permissions; 0: there is none.
    pub(crate) fn mode(&self) -> u32 {
        let Some(inode) = self.inode() else {
            return 0;
        };
        // SAFETY: The path keeps its inode; the mode is read once.
        u32::from(unsafe { (&raw const (*inode).i_mode).read_volatile() })
    }

    /// Returns the major and minor number of the device that it leads to; both 0: it is none.
    pub(crate) fn device(&self) -> (u32, u32) {
        let Some(inode) = self.inode() else {
            return (0, 0);
        };
        // SAFETY: The path keeps its inode; the field does not change.
        let dev = unsafe { (*inode).i_rdev };
        numbers_of(dev)
    }

    /// Returns whether it leads to a named pipe that somebody has open, or is opening.
    pub(crate) fn is_open_pipe(&self) -> bool {
        let Some(inode) = self.inode() else {
            return false;
        };
        // SAFETY: The path keeps its inode, which is locked there.
        unsafe { bindings::inode_has_pipe(inode) }
    }

    /// Returns the address of the pipe that somebody has open there, to compare; 0: nobody has.
    pub(crate) fn pipe_addr(&self) -> usize {
        if self.inode().is_none() {
            return 0;
        }
        // SAFETY: We own a reference on a dentry with an inode. What is returned is not followed.
        unsafe { bindings::checkpoint_pipe_at(&self.0) }.addr()
    }

    /// Returns where a symbolic link leads, as of readlink(2). May sleep.
    ///
    /// EINVAL: it is none, or one of procfs.
    pub(crate) fn link_target(&self) -> Result<KVec<u8>> {
        self.inode().ok_or(ENOENT)?;
        let mut target = KVec::from_elem(0u8, PATH_MAX - 1, GFP_KERNEL_ACCOUNT)?;
        let size = c_int::try_from(target.len())?;
        // SAFETY: We own a reference on a dentry with an inode; there is room for as many bytes as the
        // function is given.
        let n =
            unsafe { bindings::checkpoint_link_target(&self.0, target.as_mut_ptr().cast(), size) };
        if n < 0 {
            return Err(Error::from_errno(n));
        }
        target.truncate(usize::try_from(n)?);
        Ok(target)
    }

    /// Returns the magic number of its filesystem.
    pub(crate) fn fs_magic(&self) -> u64 {
        // SAFETY: We own a reference; a dentry keeps its superblock.
        usize_as_u64(unsafe { (*(*self.0.dentry).d_sb).s_magic })
    }

    /// Returns whether another mount is over it or over a directory on the way from `root`, so
    /// that a lookup of its name would find something else.
    pub(crate) fn is_hidden(&self, root: &PathRef) -> bool {
        let mut at = self.clone();
        let mut mountpoint = false;
        while at != *root {
            // SAFETY: We own references on the path.
            if !mountpoint && unsafe { bindings::checkpoint_is_mounted_over(&at.0) } {
                return true;
            }
            // SAFETY: We own references; a mount keeps its root.
            if unsafe { (*at.0.mnt).mnt_root } == at.0.dentry {
                // SAFETY: We own references, which the function trades for those on the result.
                // INVARIANT: They are ours then.
                if unsafe { bindings::follow_up(&mut at.0) } == 0 {
                    return false;
                }
                mountpoint = true;
            } else {
                let parent = at.parent();
                if parent == at {
                    return false;
                }
                at = parent;
                mountpoint = false;
            }
        }
        false
    }

    /// Checks that the caller has the access in `mask` (MAY_*); EACCES if not.
    pub(in crate::kapi) fn may(&self, mask: c_int) -> Result {
        self.inode().ok_or(ENOENT)?;
        // SAFETY: We own a reference on a dentry with an inode.
        to_result(unsafe { bindings::path_permission(&self.0, mask) })
    }

    /// Checks that the caller may enter this directory; EACCES if not.
    pub(crate) fn may_enter(&self) -> Result {
        self.may(MAY_EXEC | MAY_CHDIR)
    }

    /// Checks that the caller may read what it leads to; EACCES if not.
    pub(crate) fn may_read(&self) -> Result {
        self.may(MAY_READ)
    }

    /// Checks that the caller may write to what it leads to; EACCES if not.
    pub(crate) fn may_write(&self) -> Result {
        self.may(MAY_WRITE)
    }

    /// Checks that the caller may make this directory its root; EPERM if not.
    pub(crate) fn may_chroot(&self) -> Result {
        self.may_enter()?;
        // SAFETY: A running task has a user namespace.
        let capable = unsafe {
            bindings::ns_capable(
                bindings::current_user_ns(),
                bindings::CAP_SYS_CHROOT.cast_signed(),
            )
        };
        if !capable {
            return Err(EPERM);
        }
        // SAFETY: We own references.
        to_result(unsafe { bindings::security_path_chroot(&self.0) })
    }

    /// Returns its name as seen from `root`, without a NUL; `None`: it can't be reached from there,
    /// or its name is too long for a system call.
    ///
    /// Does not sleep on anything but memory.
    pub(crate) fn name_from(&self, root: &PathRef) -> Result<Option<KVec<u8>>> {
        let mut buf: KVec<u8> = KVec::from_elem(0, PATH_MAX, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: Both paths are referenced; the buffer has the length that is passed.
        let name = unsafe {
            let len = bindings::PATH_MAX.cast_signed();
            bindings::__d_path(&self.0, &root.0, buf.as_mut_ptr().cast(), len)
        };
        if name.is_null() {
            return Ok(None);
        }
        // There is one error: that the buffer is too short.
        let Ok(name) = from_err_ptr(name) else {
            return Ok(None);
        };
        let mut copy = KVec::new();
        // SAFETY: On success the name is NUL-terminated and is in the buffer.
        let bytes = unsafe { CStr::from_char_ptr(name) }.to_bytes();
        copy.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
        Ok(Some(copy))
    }

    /// Looks `name` up from `root`, with the rights that the caller has or acts with. `..` does not
    /// leave `root`.
    ///
    /// ELOOP: there is a symbolic link on the way. One at the end is what is returned.
    pub(crate) fn lookup(root: &PathRef, name: &CStr) -> Result<Self> {
        Self::walk(root, name, LOOKUP_NO_LINKS)
    }

    /// Looks up a directory in the same way. ENOTDIR: it is none, or a link to one.
    pub(crate) fn lookup_dir(root: &PathRef, name: &CStr) -> Result<Self> {
        Self::walk(root, name, LOOKUP_NO_LINKS | bindings::LOOKUP_DIRECTORY)
    }

    fn walk(root: &PathRef, name: &CStr, flags: u32) -> Result<Self> {
        let mut path = bindings::path::default();
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
        // INVARIANT: The references are ours.
        Ok(Self(path))
    }
}

/// Returns the major and minor number of a device.
pub(in crate::kapi) fn numbers_of(dev: bindings::dev_t) -> (u32, u32) {
    (
        dev >> bindings::MINORBITS,
        dev & ((1 << bindings::MINORBITS) - 1),
    )
}

/// The name of a path as the kernel takes it.
///
/// # Invariants
///
/// The bytes end with a NUL, and have no other one.
pub(crate) struct PathName(KVec<u8>);

impl PathName {
    /// Copies `name`. EINVAL: there is a NUL in it.
    pub(crate) fn new(name: &[u8]) -> Result<Self> {
        if name.contains(&0) {
            return Err(EINVAL);
        }
        let mut bytes = KVec::new();
        bytes.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
        bytes.push(0, GFP_KERNEL_ACCOUNT)?;
        // INVARIANT: The name has none, and one was put after it.
        Ok(Self(bytes))
    }

    /// Returns the name.
    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.0).unwrap_or(c"")
    }

    /// Returns the name without its NUL.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.as_c_str().to_bytes()
    }

    /// Returns whether it matches `pattern`, where `*` and `?` match slashes as well.
    pub(crate) fn fits(&self, pattern: &CStr) -> bool {
        // SAFETY: Both are NUL-terminated.
        unsafe { bindings::glob_match(pattern.as_char_ptr(), self.as_c_str().as_char_ptr()) }
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
        // SAFETY: By the type's invariants the references are ours, and go with us.
        unsafe { bindings::path_put(&self.0) };
    }
}

impl PartialEq for PathRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.mnt == other.0.mnt && self.0.dentry == other.0.dentry
    }
}
