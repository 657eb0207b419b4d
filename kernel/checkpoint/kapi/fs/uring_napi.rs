// SPDX-License-Identifier: GPL-2.0

//! Network devices that io_urings poll: `io_uring/napi.c`, `kernel/checkpoint/uring.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result, //
};

use crate::kapi::fs::{
    file::FileRef,
    uring::Uring, //
};

/// How an io_uring polls the network devices of its sockets.
#[derive(Clone, Copy, Default)]
pub(crate) struct Napi {
    /// For how many microseconds.
    pub(crate) usecs: u32,
    /// Interrupts are put off for that.
    pub(crate) prefer: bool,
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns how `ring` polls the network devices of its sockets; `None`: it does not.
    ///
    /// EINVAL: it is no io_uring.
    pub(crate) fn napi(ring: &FileRef) -> Result<Option<Napi>> {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let mut napi = Napi::default();
        // SAFETY: We own a reference on the file, which is an io_uring; both are our own memory.
        let polls = unsafe {
            bindings::checkpoint_uring_napi(ring.as_ptr(), &mut napi.usecs, &mut napi.prefer)
        };
        Ok(polls.then_some(napi))
    }

    /// Has `ring` do so, which nobody uses yet.
    ///
    /// EACCES: the current task may not register that. EINVAL: it is no io_uring, or one that polls other
    /// devices. EOPNOTSUPP: the kernel can't.
    pub(crate) fn set_napi(ring: &FileRef, napi: Napi) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring.
        to_result(unsafe {
            bindings::checkpoint_uring_set_napi(ring.as_ptr(), napi.usecs, napi.prefer)
        })
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns how an io_uring polls network devices: there is none.
    pub(crate) fn napi(_: &FileRef) -> Result<Option<Napi>> {
        Err(EINVAL)
    }

    /// Has one poll network devices: this kernel can't.
    pub(crate) fn set_napi(_: &FileRef, _: Napi) -> Result {
        Err(EOPNOTSUPP)
    }
}
