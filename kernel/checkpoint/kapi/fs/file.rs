// SPDX-License-Identifier: GPL-2.0

//! Open files.

use core::ptr::NonNull;

use kernel::{
    bindings,
    cred::Credential,
    error::{
        from_err_ptr,
        to_result, //
    },
    fs::File,
    num::casts::usize_as_u64,
    prelude::*,
    str::CStr,
    sync::aref::ARef, //
};

use crate::{
    image::files::open,
    kapi::{
        fs::{
            io,
            path::{
                self,
                PathRef, //
            },
            stat, //
        },
        mm::shmem, //
    }, //
};

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// File types, as in `st_mode`.
pub(crate) mod ftype {
    use kernel::bindings;

    /// Mask of the type.
    pub(crate) const MASK: u32 = bindings::S_IFMT;
    /// Socket.
    pub(crate) const SOCKET: u32 = bindings::S_IFSOCK;
    /// Symbolic link.
    pub(crate) const LINK: u32 = bindings::S_IFLNK;
    /// Regular file.
    pub(crate) const REGULAR: u32 = bindings::S_IFREG;
    /// Block device.
    pub(crate) const BLOCK: u32 = bindings::S_IFBLK;
    /// Directory.
    pub(crate) const DIRECTORY: u32 = bindings::S_IFDIR;
    /// Character device.
    pub(crate) const CHAR: u32 = bindings::S_IFCHR;
    /// Pipe.
    pub(crate) const FIFO: u32 = bindings::S_IFIFO;
}

/// Name of a directory entry, cut to the part by which kinds of kernel objects are known.
#[derive(Clone, Copy)]
pub(crate) struct EntryName([u8; 48]);

impl Default for EntryName {
    fn default() -> Self {
        Self([0; 48])
    }
}

impl EntryName {
    /// Returns the bytes, without a NUL.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.split(|&b| b == 0).next().unwrap_or(&[])
    }
}

/// How names begin under which filesystems keep what was removed while it was open; NFS and AFS
/// mark the directory entry instead.
const KEPT_NAMES: &[(u32, &[u8])] = &[
    (bindings::FUSE_SUPER_MAGIC, b".fuse_hidden"),
    (bindings::CIFS_SUPER_MAGIC, b".__smbfile_silly"),
    (bindings::SMB2_SUPER_MAGIC, b".__smbfile_silly"),
];

/// A counted reference on an open file.
///
/// # Invariants
///
/// It owns a reference, by which file, path, inode and operations stay. That nobody moves its
/// position without `f_pos_lock`, as [`File`] requires, is so for all that can be referred to here.
/// fdget_pos() leaves the lock out for the only user of a file, in a system call of its own: that
/// is neither a task that is frozen nor the caller of ours.
#[derive(Clone)]
pub(crate) struct FileRef(ARef<File>);

impl FileRef {
    /// Takes a reference. EBADF: there is no file.
    ///
    /// # Safety
    ///
    /// `file` is NULL, or somebody holds a reference on it for the duration of the call: a frozen
    /// task, the caller, or the kernel.
    pub(crate) unsafe fn get(file: *mut bindings::file) -> Result<Self> {
        let file = NonNull::new(file).ok_or(EBADF)?;
        // SAFETY: By the caller's promise the count is not zero for as long as the `&File` is used,
        // and nobody is between fdget_pos() and fdput_pos() without the lock.
        Ok(Self(unsafe { File::from_raw_file(file.as_ptr()) }.into()))
    }

    /// Takes over a reference that the caller owns, or an error pointer.
    ///
    /// # Safety
    ///
    /// `file` is an error pointer, or as for [`FileRef::get`], with a reference that is handed
    /// over.
    pub(crate) unsafe fn from_owned(file: *mut bindings::file) -> Result<Self> {
        let file = NonNull::new(from_err_ptr(file)?).ok_or(EBADF)?;
        // SAFETY: By the caller's promise there is a reference, which we take over. `File` is a
        // transparent wrapper of `struct file`.
        Ok(Self(unsafe { ARef::from_raw(file.cast()) }))
    }

    /// Returns the file, for this layer.
    pub(crate) fn as_ptr(&self) -> *mut bindings::file {
        self.0.as_ptr()
    }

    /// Returns its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Returns the credentials that it was opened with.
    pub(in crate::kapi) fn cred(&self) -> ARef<Credential> {
        self.0.cred().into()
    }

    /// Returns the inode as the tasks see it: of a file below an overlay that is mapped, the
    /// overlay's.
    pub(in crate::kapi) fn inode(&self) -> *mut bindings::inode {
        if self.fmode() & bindings::FMODE_BACKING != 0 {
            // SAFETY: The file keeps its path, and that the dentry and its inode.
            return unsafe { (*self.path_raw().dentry).d_inode };
        }
        // SAFETY: We own a reference; the field does not change.
        unsafe { (*self.as_ptr()).f_inode }
    }

    /// Returns whether it is what an overlay uses below a file of its own, of which mappings keep
    /// references.
    pub(crate) fn is_backing(&self) -> bool {
        self.fmode() & bindings::FMODE_BACKING != 0
    }

    /// Returns whether it was opened with O_PATH.
    pub(crate) fn is_path_only(&self) -> bool {
        self.fmode() & bindings::FMODE_PATH != 0
    }

    /// Address of its inode.
    pub(crate) fn inode_addr(&self) -> usize {
        self.inode().addr()
    }

    /// Returns the O_* flags, as of F_GETFL.
    pub(crate) fn flags(&self) -> u32 {
        self.0.flags()
    }

    pub(super) fn fmode(&self) -> u32 {
        // SAFETY: We own a reference; the mode does not change after the file was opened, but for
        // bits that are not looked at here.
        unsafe { (*self.as_ptr()).f_mode }
    }

    /// Returns whether it is open for reading.
    pub(crate) fn is_readable(&self) -> bool {
        self.fmode() & bindings::FMODE_READ != 0
    }

    /// Returns whether it is open for writing.
    pub(crate) fn is_writable(&self) -> bool {
        self.fmode() & bindings::FMODE_WRITE != 0
    }

    /// Returns the position in bytes.
    pub(crate) fn pos(&self) -> i64 {
        // SAFETY: We own a reference; the position is read once.
        unsafe { (&raw const (*self.as_ptr()).f_pos).read_volatile() }
    }

    /// Returns the type and permissions of the inode, as of stat(2).
    pub(crate) fn mode(&self) -> u32 {
        // SAFETY: The file keeps its inode.
        u32::from(unsafe { (&raw const (*self.inode()).i_mode).read_volatile() })
    }

    /// Returns the type of the inode, one of [`ftype`].
    pub(crate) fn file_type(&self) -> u32 {
        self.mode() & ftype::MASK
    }

    /// Returns the size of the inode in bytes.
    pub(crate) fn size(&self) -> i64 {
        // SAFETY: The file keeps its inode.
        unsafe { bindings::i_size_read(self.inode()) }
    }

    /// Returns the number of names of the inode.
    pub(crate) fn links(&self) -> u32 {
        // SAFETY: The file keeps its inode; the count is read once.
        unsafe { (&raw const (*self.inode()).__bindgen_anon_1.i_nlink).read_volatile() }
    }

    /// Returns the major and minor number of a device.
    pub(crate) fn device(&self) -> (u32, u32) {
        // SAFETY: The file keeps its inode; the field does not change.
        let dev = unsafe { (*self.inode()).i_rdev };
        path::numbers_of(dev)
    }

    /// Returns the number of references on it, ours included.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference on the file, which keeps it valid.
        usize_as_u64(unsafe { bindings::file_count(self.as_ptr()) })
    }

    /// Returns whether the name by which the file was opened has been removed.
    pub(crate) fn is_unlinked(&self) -> bool {
        // SAFETY: The file keeps its dentry.
        unsafe { bindings::d_unlinked(self.path_raw().dentry) }
    }

    /// Returns whether it was removed while it was open, and its filesystem keeps it, under a name
    /// of its own, only until it is closed.
    pub(crate) fn is_kept_until_closed(&self) -> bool {
        // SAFETY: The file keeps its dentry; the flags are read once.
        let flags = unsafe { (&raw const (*self.path_raw().dentry).d_flags).read_volatile() };
        if flags & bindings::dentry_flags_DCACHE_NFSFS_RENAMED != 0 {
            return true;
        }
        let (magic, name) = (self.fs_magic(), self.entry_name());
        KEPT_NAMES
            .iter()
            .any(|(m, start)| u64::from(*m) == magic && name.as_bytes().starts_with(start))
    }

    pub(super) fn path_raw(&self) -> bindings::path {
        if self.fmode() & bindings::FMODE_BACKING != 0 {
            // SAFETY: We own a reference on a file of this kind, which keeps its user's path.
            return unsafe { *bindings::backing_file_user_path(self.as_ptr()) };
        }
        // SAFETY: We own a reference; the path does not change. Both arms of the union are it.
        unsafe { (*self.as_ptr()).__bindgen_anon_1.f_path }
    }

    /// Returns where it was opened.
    pub(crate) fn path(&self) -> PathRef {
        // SAFETY: The file keeps its path.
        unsafe { PathRef::get(&self.path_raw()) }
    }

    /// Returns the magic number of its filesystem.
    pub(crate) fn fs_magic(&self) -> u64 {
        // SAFETY: The file keeps its inode and that its superblock.
        usize_as_u64(unsafe { (*(*self.inode()).i_sb).s_magic })
    }

    /// Returns the name of the type of its filesystem.
    pub(crate) fn fs_name(&self) -> &CStr {
        // SAFETY: The file keeps its inode, superblock and filesystem type; the name is constant.
        unsafe { CStr::from_char_ptr((*(*(*self.inode()).i_sb).s_type).name) }
    }

    /// Returns the owner and group, in the user namespace of the caller; `None`: one has no number
    /// there.
    pub(crate) fn owner(&self) -> Option<[u32; 2]> {
        let inode = self.inode();
        // SAFETY: The file keeps its inode; a running task has a user namespace.
        let owner = unsafe {
            let ns = bindings::current_user_ns();
            [
                bindings::from_kuid(ns, (*inode).i_uid),
                bindings::from_kgid(ns, (*inode).i_gid),
            ]
        };
        (!owner.contains(&u32::MAX)).then_some(owner)
    }

    /// Returns whether it was opened with access mode 3: for ioctl(2) only.
    pub(crate) fn is_ioctl_only(&self) -> bool {
        !self.is_path_only() && self.flags() & bindings::O_ACCMODE == bindings::O_ACCMODE
    }

    /// Returns whether O_ASYNC is set.
    pub(crate) fn is_async(&self) -> bool {
        self.flags() & bindings::FASYNC != 0
    }

    /// Returns whether its mount is the kernel's own: it has no path.
    pub(crate) fn is_internal(&self) -> bool {
        // SAFETY: The file keeps its mount; the flag does not change.
        unsafe { (*self.path_raw().mnt).mnt_flags & bindings::MNT_INTERNAL != 0 }
    }

    /// Returns the name of its directory entry, at most as long as fits; what tells kinds of kernel
    /// objects apart.
    pub(crate) fn entry_name(&self) -> EntryName {
        let mut name = EntryName::default();
        let mut snapshot = bindings::name_snapshot::default();
        // SAFETY: The file keeps its dentry. The snapshot's name is NUL-terminated, and stays until
        // it is released, whatever becomes of the dentry.
        unsafe {
            bindings::take_dentry_name_snapshot(&mut snapshot, self.path_raw().dentry);
            let from = CStr::from_char_ptr(snapshot.name.name.cast()).to_bytes();
            for (to, byte) in name.0.iter_mut().zip(from) {
                *to = *byte;
            }
            bindings::release_dentry_name_snapshot(&mut snapshot);
        }
        name
    }

    /// Returns the whole name of its directory entry, without a NUL.
    pub(crate) fn whole_name(&self) -> Result<KVec<u8>> {
        let mut snapshot = bindings::name_snapshot::default();
        let mut name = KVec::new();
        // SAFETY: The file keeps its dentry. The snapshot is valid, and NUL-terminated, until it is
        // released.
        let copied = unsafe {
            bindings::take_dentry_name_snapshot(&mut snapshot, self.path_raw().dentry);
            let from = CStr::from_char_ptr(snapshot.name.name.cast()).to_bytes();
            let copied = name.extend_from_slice(from, GFP_KERNEL_ACCOUNT);
            bindings::release_dentry_name_snapshot(&mut snapshot);
            copied
        };
        copied?;
        Ok(name)
    }

    /// Address family of a socket.
    pub(crate) fn socket_family(&self) -> Option<i32> {
        // SAFETY: We own a reference on the file, which keeps it valid.
        let socket = unsafe { bindings::sock_from_file(self.as_ptr()) };
        if socket.is_null() {
            return None;
        }
        // SAFETY: The file keeps its socket, and that its operations.
        unsafe { (*socket).ops.as_ref() }.map(|ops| ops.family)
    }

    /// Returns whether its pages can be read through the page cache without a process' help: not
    /// those of FUSE, of persistent memory, or of a server below an overlay.
    pub(crate) fn is_cached(&self) -> bool {
        let mapping = shmem::mapping(self);
        // SAFETY: The file keeps its mapping, its inode and that its superblock; the operations are
        // there and do not change.
        let (own, readable, magic, dax) = unsafe {
            let host = (*mapping).host;
            (
                mapping == (*self.as_ptr()).f_mapping,
                (*(*mapping).a_ops).read_folio.is_some() || shmem::is_memory(self),
                usize_as_u64((*(*host).i_sb).s_magic),
                // Without CONFIG_FS_DAX the flag is 0.
                #[allow(clippy::bad_bit_mask)]
                ((*host).i_flags & bindings::S_DAX != 0),
            )
        };
        readable
            && !dax
            && magic != u64::from(bindings::FUSE_SUPER_MAGIC)
            && (own || !stat::is_server(magic))
    }

    /// Returns whether it is a file of a FUSE server, which the kernel asks what it knows.
    pub(crate) fn is_served(&self) -> bool {
        self.fs_magic() == u64::from(bindings::FUSE_SUPER_MAGIC)
    }

    /// Returns whether it is an epoll instance.
    pub(crate) fn is_epoll(&self) -> bool {
        // SAFETY: We own a reference; only its operations are looked at.
        #[cfg(CONFIG_EPOLL)]
        let is = unsafe { bindings::is_file_epoll(self.as_ptr()) };
        #[cfg(not(CONFIG_EPOLL))]
        let is = false;
        is
    }

    /// Returns whether it is an io_uring.
    pub(crate) fn is_io_uring(&self) -> bool {
        // SAFETY: We own a reference; only its operations are looked at.
        #[cfg(CONFIG_IO_URING)]
        let is = unsafe { bindings::io_is_uring_fops(self.as_ptr()) };
        #[cfg(not(CONFIG_IO_URING))]
        let is = false;
        is
    }

    /// Returns whether it is on a huge page filesystem.
    pub(crate) fn is_hugetlb(&self) -> bool {
        // SAFETY: We own a reference on the file, which keeps it valid.
        unsafe { bindings::is_hugetlb_file(self.as_ptr()) }
    }

    /// Returns whether somebody watches its inode (inotify, fanotify).
    pub(crate) fn is_watched(&self) -> bool {
        // SAFETY: The file keeps its inode; the integer is read once.
        #[cfg(CONFIG_FSNOTIFY)]
        let mask = unsafe { (&raw const (*self.inode()).i_fsnotify_mask).read_volatile() };
        #[cfg(not(CONFIG_FSNOTIFY))]
        let mask = 0;
        mask != 0
    }

    /// Has what is done with it, but for having opened it, be no event for those who watch files:
    /// for what only the engine has.
    pub(crate) fn set_quiet(&self) {
        // SAFETY: We own a reference. The mode is read when something is done with the file, which
        // nobody but the caller has.
        unsafe { bindings::file_set_nonotify(self.as_ptr()) };
    }

    /// Returns what is noted of it besides its flags, as bits of the image: it was made by being
    /// opened; what is done with it is no event.
    pub(crate) fn marks(&self) -> u32 {
        // SAFETY: We own a reference; both look at its mode.
        let (created, quiet) = unsafe {
            (
                bindings::file_was_created(self.as_ptr()),
                bindings::file_is_nonotify(self.as_ptr()),
            )
        };
        // With O_PATH there are never events, and nothing is made.
        let bit = |on: bool, flag: u32| if on && !self.is_path_only() { flag } else { 0 };
        bit(created, open::CREATED) | bit(quiet, open::QUIET)
    }

    /// Notes of it what [`marks`](Self::marks) has returned. Nobody else has it yet.
    ///
    /// EPERM: it would be no event any more what is done with it, and the caller could not get such a
    /// file of fanotify.
    pub(crate) fn set_marks(&self, marks: u32) -> Result {
        // SAFETY: We own a reference. In place of open(2), which sets it after the right to make a file was
        // checked: it decides about nothing. The engine makes files that were there before.
        unsafe { bindings::file_set_created(self.as_ptr(), marks & open::CREATED != 0) };
        // SAFETY: We own a reference; it looks at its mode.
        let is_quiet = unsafe { bindings::file_is_nonotify(self.as_ptr()) };
        if marks & open::QUIET == 0 || is_quiet {
            return Ok(());
        }
        // SAFETY: It looks at the credentials of the running task, as fanotify_init() does for a group
        // whose events have files.
        if !unsafe { bindings::capable(bindings::CAP_SYS_ADMIN.cast_signed()) } {
            return Err(EPERM);
        }
        self.set_quiet();
        Ok(())
    }

    /// Moves its position to `pos`.
    pub(crate) fn seek(&self, pos: i64) -> Result {
        let whence = bindings::SEEK_SET.cast_signed();
        // SAFETY: We own a reference on the file, which keeps it valid.
        let at = unsafe { bindings::vfs_llseek(self.as_ptr(), pos, whence) };
        io::counted(isize::try_from(at)?)?;
        if at == pos {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Lets the filesystem begin to read the directory, without taking an entry.
    ///
    /// Some (ext4) take the position of the first read for one that was read up to.
    pub(crate) fn begin_reading(&self) -> Result {
        /// Takes no entry.
        ///
        /// # Safety
        ///
        /// None of the arguments is used.
        unsafe extern "C" fn none(
            _: *mut bindings::dir_context,
            _: *const c_char,
            _: c_int,
            _: bindings::loff_t,
            _: u64,
            _: c_uint,
        ) -> bool {
            false
        }
        let mut context = bindings::dir_context {
            actor: Some(none),
            ..bindings::dir_context::default()
        };
        // SAFETY: We own a reference; the context is valid during the call.
        to_result(unsafe { bindings::iterate_dir(self.as_ptr(), &mut context) })
    }

    /// Writes all of `bytes` at the position of a stream.
    ///
    /// EAGAIN: it would have to wait, and O_NONBLOCK is set.
    pub(crate) fn write_stream(&self, bytes: &[u8]) -> Result {
        let mut rest = bytes;
        while !rest.is_empty() {
            // SAFETY: We own a reference; the bytes are readable for the length given.
            let n = unsafe {
                bindings::kernel_write(
                    self.as_ptr(),
                    rest.as_ptr().cast(),
                    rest.len(),
                    core::ptr::null_mut(),
                )
            };
            rest = match io::counted(n)? {
                0 => return Err(EIO),
                n => rest.get(n..).ok_or(EIO)?,
            };
        }
        Ok(())
    }

    /// Sets the size of a file that was opened for writing.
    pub(crate) fn truncate(&self, size: i64) -> Result {
        // SAFETY: The file keeps its path.
        to_result(unsafe { bindings::vfs_truncate(&self.path_raw(), size) })
    }

    /// Asks whether `truncate` may be done. EACCES, EPERM, EROFS, ETXTBSY: it may not.
    pub(crate) fn may_truncate(&self) -> Result {
        // SAFETY: The file keeps its path.
        to_result(unsafe { bindings::checkpoint_may_truncate(&self.path_raw()) })
    }

    /// Sets the permissions.
    ///
    /// EPERM: the caller does not own it, or may not give it S_ISGID, which chmod(2) would leave
    /// out.
    pub(crate) fn chmod(&self, mode: u16) -> Result {
        // SAFETY: We own a reference on the file, which keeps it valid.
        to_result(unsafe { bindings::vfs_fchmod(self.as_ptr(), mode) })?;
        if self.mode() & PERMISSIONS != u32::from(mode) {
            return Err(EPERM);
        }
        Ok(())
    }

    /// Sets owner and group, as the caller's user namespace numbers them.
    pub(crate) fn chown(&self, owner: [u32; 2]) -> Result {
        // SAFETY: We own a reference on the file, which keeps it valid.
        to_result(unsafe { bindings::vfs_fchown(self.as_ptr(), owner[0], owner[1]) })
    }

    /// Writes the data of its inode, and what is needed to find it, to the disk. May sleep.
    ///
    /// By way of another file, so that an error of an earlier write is still there for the task
    /// that owns this one.
    pub(crate) fn sync(&self) -> Result {
        // Another one would break its lease.
        if self.has_lease() {
            // SAFETY: We own a reference on the file, which keeps it valid.
            return match to_result(unsafe { bindings::checkpoint_fsync_leased(self.as_ptr()) }) {
                Err(EINVAL) => Ok(()),
                r => r,
            };
        }
        let path = self.path();
        let flags = (bindings::O_RDONLY | bindings::O_LARGEFILE).cast_signed();
        // For the tasks that run again, and watch it, nothing happens.
        // SAFETY: The path is referenced; a running task has credentials; a file that is returned
        // comes with a reference.
        let file = unsafe {
            Self::from_owned(bindings::dentry_open_nonotify(
                path.as_raw(),
                flags,
                bindings::current_cred(),
            ))
        }?;
        // SAFETY: We own a reference on the file, which keeps it valid.
        match to_result(unsafe { bindings::vfs_fsync(file.as_ptr(), 0) }) {
            // The filesystem has no disk.
            Err(EINVAL) => Ok(()),
            r => r,
        }
    }
}

impl PartialEq for FileRef {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self.as_ptr(), other.as_ptr())
    }
}
