// SPDX-License-Identifier: GPL-2.0

//! Signalfds: `fs/signalfd.c`.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    signal::sighand::{
        mask_of,
        set_of, //
    }, //
};

/// Returns the mask of the signals that `file` takes, if it is a signalfd.
pub(crate) fn mask(file: &FileRef) -> Option<u64> {
    let mut signals = bindings::sigset_t::default();
    // SAFETY: We own a reference on the file; the set is our own memory.
    let error = unsafe { bindings::checkpoint_signalfd_get(file.as_ptr(), &mut signals) };
    (error == 0).then(|| mask_of(&signals))
}

/// Makes a new signalfd that takes the signals of `mask`, as signalfd(2) does.
///
/// ENFILE, ENOMEM: as of that.
pub(crate) fn make(mask: u64) -> Result<FileRef> {
    let signals = set_of(mask);
    // SAFETY: The set is valid during the call; what is returned is an error pointer, or comes with
    // a reference, which is ours.
    unsafe { FileRef::from_owned(bindings::checkpoint_signalfd_make(&signals)) }
}
