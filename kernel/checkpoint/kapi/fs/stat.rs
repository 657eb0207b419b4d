// SPDX-License-Identifier: GPL-2.0

//! How one file is known from another, and whether it was changed.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::fs::{
    file::{
        ftype,
        FileRef, //
    },
    path::{
        self,
        PathRef, //
    }, //
};

/// Filesystems whose times are given by somebody else, when what was written reaches him.
const OF_SERVERS: &[u32] = &[
    bindings::NFS_SUPER_MAGIC,
    bindings::SMB_SUPER_MAGIC,
    bindings::CIFS_SUPER_MAGIC,
    bindings::SMB2_SUPER_MAGIC,
    bindings::CEPH_SUPER_MAGIC,
    bindings::AFS_SUPER_MAGIC,
    bindings::AFS_FS_MAGIC,
    bindings::V9FS_MAGIC,
    bindings::CODA_SUPER_MAGIC,
    bindings::FUSE_SUPER_MAGIC,
];

/// Filesystems whose files get another inode number when they have been forgotten in between.
const UNNUMBERED: &[u32] = &[
    bindings::FUSE_SUPER_MAGIC,
    bindings::MSDOS_SUPER_MAGIC,
    bindings::EXFAT_SUPER_MAGIC,
];

/// Returns whether times of files on the filesystem with this magic number are those of a server.
pub(in crate::kapi) fn is_server(magic: u64) -> bool {
    OF_SERVERS.iter().any(|&m| u64::from(m) == magic)
}

/// Returns a number that nobody can guess.
pub(crate) fn random() -> u64 {
    let mut number = 0u64;
    // SAFETY: There is room for as many bytes.
    unsafe { bindings::get_random_bytes((&raw mut number).cast(), size_of::<u64>()) };
    number
}

/// Attributes of an inode.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stat {
    /// Type and permissions, as of stat(2).
    pub(crate) mode: u32,
    /// Bytes.
    pub(crate) size: u64,
    /// Time of the last modification: seconds since 1970, and nanoseconds.
    pub(crate) mtime: (i64, u32),
    /// Device: major number in the high half, minor number in the low one.
    pub(crate) dev: u64,
    /// Inode number; 0: it has none that stays.
    pub(crate) ino: u64,
    /// Which of the inodes that had this number one after the other.
    pub(crate) generation: u32,
}

/// When attributes that a server keeps are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Only if nothing is known: the server may be a task that does not run.
    Never,
    /// As stat(2) does.
    AsStat,
}

impl PathRef {
    /// Attributes of what it leads to.
    ///
    /// With [`Ask::AsStat`] may sleep for long, and the caller needs the rights of stat(2).
    pub(crate) fn stat(&self, ask: Ask) -> Result<Stat> {
        let magic = self.fs_magic();
        let is_one_of = |list: &[u32]| list.iter().any(|&m| u64::from(m) == magic);
        let inode = self.inode().ok_or(ENOENT)?;
        // SAFETY: We own references on a path with an inode; the field is read once.
        let generation = unsafe { (&raw const (*inode).i_generation).read_volatile() };
        let mut stat = bindings::kstat::default();
        // SAFETY: We own references on a path with an inode; the structure is ours, and has room
        // for the answer.
        to_result(unsafe {
            match ask {
                // Even a question that must not be asked reaches the server of FUSE.
                Ask::Never if magic == u64::from(bindings::FUSE_SUPER_MAGIC) => {
                    bindings::generic_fillattr(
                        bindings::mnt_idmap_of(self.as_raw().mnt),
                        bindings::STATX_BASIC_STATS,
                        inode,
                        &mut stat,
                    );
                    0
                }
                Ask::Never => bindings::vfs_getattr_nosec(
                    self.as_raw(),
                    &mut stat,
                    bindings::STATX_BASIC_STATS,
                    bindings::AT_STATX_DONT_SYNC,
                ),
                Ask::AsStat => bindings::vfs_getattr(
                    self.as_raw(),
                    &mut stat,
                    bindings::STATX_BASIC_STATS,
                    bindings::AT_STATX_SYNC_AS_STAT,
                ),
            }
        })?;
        let mode = u32::from(stat.mode);
        let (major, minor) = path::numbers_of(stat.dev);
        // Directories of an overlay are numbered as they are used, unless all is on one filesystem.
        let merged = magic == u64::from(bindings::OVERLAYFS_SUPER_MAGIC)
            && mode & ftype::MASK == ftype::DIRECTORY;
        Ok(Stat {
            mode,
            size: u64::try_from(stat.size).unwrap_or(0),
            mtime: (
                stat.mtime.tv_sec,
                u32::try_from(stat.mtime.tv_nsec).unwrap_or(0),
            ),
            dev: u64::from(major) << 32 | u64::from(minor),
            ino: if merged || is_one_of(UNNUMBERED) {
                0
            } else {
                stat.ino
            },
            generation,
        })
    }

    /// Returns whether times of files on its filesystem are those of a server, as of when data
    /// reach it.
    pub(crate) fn is_of_server(&self) -> bool {
        is_server(self.fs_magic())
    }
}

impl FileRef {
    /// Returns the open files of the inode for reading only, and open files for writing: of all
    /// tasks, and of the kernel. Those with O_PATH do not count.
    ///
    /// `None`: the kernel does not count readers.
    pub(crate) fn opens(&self) -> Option<(u64, u64)> {
        // SAFETY: The file keeps its inode.
        let (readers, writers) = unsafe {
            (
                bindings::inode_readers(self.inode()),
                bindings::inode_writers(self.inode()),
            )
        };
        // While it is executed, negative.
        let writers = u64::try_from(writers).unwrap_or(0);
        Some((u64::try_from(readers).ok()?, writers))
    }
}
