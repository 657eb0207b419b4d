// SPDX-License-Identifier: GPL-2.0

//! Pages that address spaces have copy-on-write, as fork() leaves them (`share.c`).

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::io,
    mm::space::MmRef, //
};

/// What has come of pages that were to be shared.
pub(crate) enum Share {
    /// So many, from the first on, are shared.
    Done(usize),
    /// So many can't be: they are to be copied.
    Copy(usize),
}

/// Lets the mapping of `mm` from `start` to `end`, which was just made, have pages of what is at the
/// same addresses of `with`. Where it can't be, nothing is done. May sleep.
///
/// ENOMEM; EINTR: SIGKILL came.
pub(crate) fn link(mm: &MmRef, start: usize, end: usize, with: &MmRef) -> Result {
    // SAFETY: We own references on both. `mm` is that of the caller, who is being restored, and
    // `with` that of a task that is parked.
    to_result(unsafe { bindings::checkpoint_share_link(mm.as_ptr(), start, end, with.as_ptr()) })
}

/// Gives `mm` up to `max` pages of `with` from `addr` on, which have the same addresses there, and
/// which are copied when one of the two writes to them. `max` is not 0. May sleep.
///
/// ENOMEM: there is no memory for page tables; EINTR: SIGKILL came.
pub(crate) fn pages(mm: &MmRef, addr: usize, max: usize, with: &MmRef) -> Result<Share> {
    let mut to_copy = 0;
    // SAFETY: We own references on both; they are of parked tasks.
    let n = unsafe {
        bindings::checkpoint_share_pages(mm.as_ptr(), addr, max, with.as_ptr(), &mut to_copy)
    };
    Ok(match io::counted(n)? {
        0 => Share::Copy(to_copy.clamp(1, max)),
        n => Share::Done(n.min(max)),
    })
}
