// SPDX-License-Identifier: GPL-2.0

//! Inodes that are known without a path.

use core::ptr::NonNull;

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::fs::path::PathRef;

/// Most mounts on which a name of an inode is looked for.
const MOUNTS_MAX: c_uint = 64;

/// A counted reference on an inode, which keeps its filesystem as well.
///
/// That is what a mount does for those that have a path: without, the superblock would be gone with
/// the last mount, and leave the inode behind.
///
/// # Invariants
///
/// The pointer is an inode on which this owns a reference, and on its superblock an active one.
pub(crate) struct InodeRef(NonNull<bindings::inode>);

// SAFETY: References on an inode may be used and dropped by any thread.
unsafe impl Send for InodeRef {}

// SAFETY: Nothing changes through a shared reference.
unsafe impl Sync for InodeRef {}

/// Where an inode is, as seen from a root.
pub(crate) enum Place {
    /// A path that leads to it, and its name.
    At(PathRef, KVec<u8>),
    /// None of its names is in the cache of names.
    NotCached,
    /// Its name was removed.
    Removed,
    /// No name of it can be reached from there.
    Unreachable,
    /// Another mount hides its name.
    Hidden,
}

impl InodeRef {
    /// Takes over a reference that the caller owns. ENOENT: it is NULL.
    ///
    /// # Safety
    ///
    /// `inode` is NULL, or an inode with a reference, and an active one on its superblock, that are
    /// handed over.
    pub(in crate::kapi) unsafe fn from_owned(inode: *mut bindings::inode) -> Result<Self> {
        // INVARIANT: By the caller's promise both references are ours now.
        NonNull::new(inode).map(Self).ok_or(ENOENT)
    }

    /// Returns its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Returns the type and permissions, as of stat(2).
    pub(crate) fn mode(&self) -> u32 {
        // SAFETY: We own a reference; the mode is read once.
        u32::from(unsafe { (&raw const (*self.0.as_ptr()).i_mode).read_volatile() })
    }

    /// Returns the number of its names.
    pub(crate) fn links(&self) -> u32 {
        // SAFETY: We own a reference; the count is read once.
        unsafe { (&raw const (*self.0.as_ptr()).__bindgen_anon_1.i_nlink).read_volatile() }
    }

    /// Returns whether it is on a filesystem of the kernel's own, which is mounted nowhere.
    pub(crate) fn is_internal(&self) -> bool {
        // SAFETY: We own a reference, and an inode keeps its superblock.
        unsafe { bindings::inode_is_internal(self.0.as_ptr()) }
    }

    /// Returns where it is, as seen from `root`: on the mount of `near` if it is there, else on
    /// another one of the same mount namespace.
    ///
    /// Does not sleep on anything but memory: a name that is not in the cache of names is not
    /// looked for on a disk.
    pub(crate) fn place(&self, root: &PathRef, near: &PathRef) -> Result<Place> {
        // SAFETY: We own a reference on the inode; one on the entry that is returned is ours.
        let Some(entry) = NonNull::new(unsafe { bindings::d_find_alias(self.0.as_ptr()) }) else {
            return Ok(Place::NotCached);
        };
        let mut place = Ok(Place::Unreachable);
        for nth in 0..MOUNTS_MAX {
            // SAFETY: We own references on the entry and on `near`; one on the mount that is
            // returned is ours.
            let mount =
                unsafe { bindings::checkpoint_mount_of(entry.as_ptr(), near.as_raw().mnt, nth) };
            if mount.is_null() {
                break;
            }
            // SAFETY: We own references on both, so that there may be others; ours on the mount is
            // used no more.
            let path = unsafe {
                let path = PathRef::get(&bindings::path {
                    mnt: mount,
                    dentry: entry.as_ptr(),
                });
                bindings::mntput(mount);
                path
            };
            if path.is_unlinked() {
                place = Ok(Place::Removed);
                break;
            }
            match path.name_from(root) {
                Ok(Some(name)) if !path.is_hidden(root) => {
                    place = Ok(Place::At(path, name));
                    break;
                }
                Ok(Some(_)) => place = Ok(Place::Hidden),
                Ok(None) => (),
                Err(e) => {
                    place = Err(e);
                    break;
                }
            }
        }
        // SAFETY: The reference is ours, and is used no more.
        unsafe { bindings::dput(entry.as_ptr()) };
        place
    }
}

impl Drop for InodeRef {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the references are ours, and go with us.
        unsafe { bindings::checkpoint_iput_active(self.0.as_ptr()) };
    }
}
