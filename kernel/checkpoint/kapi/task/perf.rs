// SPDX-License-Identifier: GPL-2.0

//! Perf events: `kernel/events/`.

use core::ffi::c_void;

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::file::FileRef,
    task::frozen::FrozenTask, //
};

/// How often they are asked for: others may add some.
const TRIES: usize = 16;

impl FrozenTask {
    /// Returns the addresses of the perf events that it has made, and of those that count it; of
    /// inherited ones that of the first. May sleep.
    ///
    /// EAGAIN: there are more each time. EINTR: the caller was killed.
    pub(crate) fn perf_events(&self) -> Result<KVVec<usize>> {
        let mut room = 0;
        for _ in 0..TRIES {
            let mut raw: KVVec<*const c_void> = KVVec::new();
            raw.resize(room, core::ptr::null(), GFP_KERNEL_ACCOUNT)?;
            let max = u32::try_from(room)?;
            // SAFETY: We own a reference on the task, which does not run; there is room for so many
            // pointers, which are compared only.
            let found =
                unsafe { bindings::checkpoint_perf_events(self.as_ptr(), raw.as_mut_ptr(), max) };
            to_result(found)?;
            let found = usize::try_from(found)?;
            if found <= room {
                let mut events = KVVec::with_capacity(found, GFP_KERNEL_ACCOUNT)?;
                for event in raw.iter().take(found) {
                    events.push(event.addr(), GFP_KERNEL_ACCOUNT)?;
                }
                return Ok(events);
            }
            room = found;
        }
        Err(EAGAIN)
    }
}

impl FileRef {
    /// Returns the address of its perf event; 0: it is of none.
    pub(crate) fn perf_event(&self) -> usize {
        // SAFETY: We own a reference; only its operations and a pointer are looked at.
        unsafe { bindings::checkpoint_perf_event_of(self.as_ptr()) }.addr()
    }
}
