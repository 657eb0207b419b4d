// SPDX-License-Identifier: GPL-2.0

//! File locks and leases.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::fs::file::FileRef;

/// The open files by way of which locks or leases of an inode were taken.
///
/// Locks of frozen tasks do not change. Of those of others it is what was there at one moment.
///
/// # Invariants
///
/// They are sorted by address.
pub(crate) struct LockHolders(KVVec<usize>);

impl LockHolders {
    /// Those of the inode of `file`. May sleep.
    pub(crate) fn of(file: &FileRef) -> Result<Self> {
        let mut holders: KVVec<usize> = KVVec::new();
        // SAFETY: The file keeps its inode; once set, the context stays until the inode goes.
        let context = unsafe { (&raw const (*(*file.as_ptr()).f_inode).i_flctx).read_volatile() };
        if context.is_null() {
            // INVARIANT: There are none.
            return Ok(Self(holders));
        }
        loop {
            let room = holders.capacity();
            let mut found = 0;
            // SAFETY: The context is valid. Under its lock the lists are stable and their elements
            // are `file_lock_core`s, linked by `flc_list`.
            unsafe {
                bindings::spin_lock(&raw mut (*context).flc_lock);
                for head in [
                    &raw mut (*context).flc_flock,
                    &raw mut (*context).flc_posix,
                    &raw mut (*context).flc_lease,
                ] {
                    let mut at = (*head).next;
                    while at != head {
                        let lock = kernel::container_of!(at, bindings::file_lock_core, flc_list);
                        found += 1;
                        if found <= room {
                            // There is room: nothing is allocated.
                            drop(holders.push_within_capacity((*lock).flc_file.addr()));
                        }
                        at = (*at).next;
                    }
                }
                bindings::spin_unlock(&raw mut (*context).flc_lock);
            }
            if found <= room {
                holders.sort_unstable();
                // INVARIANT: They have just been sorted.
                return Ok(Self(holders));
            }
            holders.clear();
            holders.reserve(found, GFP_KERNEL_ACCOUNT)?;
        }
    }

    /// A lock or lease was taken by way of `file`.
    pub(crate) fn has(&self, file: &FileRef) -> bool {
        self.0.binary_search(&file.addr()).is_ok()
    }
}
