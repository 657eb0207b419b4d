// SPDX-License-Identifier: GPL-2.0

//! Files that tell programs of checkpoint and restart: `kernel/checkpoint/events.c`.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::fs::file::FileRef;

/// What there is to tell.
pub(crate) enum Event<'a> {
    /// An image is complete.
    Saved {
        /// The checkpoint.
        id: u64,
        /// Its time by the wall clock, in nanoseconds since 1970.
        created_ns: u64,
    },
    /// The tasks come from an image.
    Restored {
        /// The checkpoint.
        id: u64,
        /// Its time by the wall clock, in nanoseconds since 1970.
        created_ns: u64,
        /// How many events were not read before.
        missed: u32,
        /// What the caller of restart(2) has to say.
        environment: &'a [u8],
    },
}

/// Such a file, and what it knows.
pub(crate) struct Events<'a> {
    file: &'a FileRef,
    /// How many times it was restarted.
    pub(crate) generation: u32,
    /// How many events were not read yet.
    pub(crate) missed: u32,
}

impl<'a> Events<'a> {
    /// Returns what `file` knows, if it is such a file.
    pub(crate) fn of(file: &'a FileRef) -> Option<Self> {
        let (mut generation, mut missed) = (0, 0);
        // SAFETY: We own a reference on the file; the numbers are our own memory.
        let is_one =
            unsafe { bindings::checkpoint_events_get(file.as_ptr(), &mut generation, &mut missed) };
        is_one.then_some(Self {
            file,
            generation,
            missed,
        })
    }

    /// Tells an event that has no environment, in process context.
    pub(crate) fn tell(&self, event: Event<'_>) {
        // Only an environment takes memory.
        let _ = tell(self.file, event);
    }

    /// Makes one that was restarted so many times, by which `event` is told.
    ///
    /// ENFILE, ENOMEM: as of prctl(2).
    pub(crate) fn make(generation: u32, event: Event<'_>) -> Result<FileRef> {
        // SAFETY: Nothing is asked of the argument; what is returned is an error pointer, or comes
        // with a reference, which is ours.
        let file = unsafe { FileRef::from_owned(bindings::checkpoint_events_make(generation)) }?;
        tell(&file, event)?;
        Ok(file)
    }
}

/// Tells an event by `file`, which is such a file. ENOMEM: there is no memory for the environment.
fn tell(file: &FileRef, event: Event<'_>) -> Result {
    let (type_, id, created_ns, missed, environment) = match event {
        Event::Saved { id, created_ns } => {
            (bindings::CHECKPOINT_EVENT_SAVED, id, created_ns, 0, &[][..])
        }
        Event::Restored {
            id,
            created_ns,
            missed,
            environment,
        } => (
            bindings::CHECKPOINT_EVENT_RESTORED,
            id,
            created_ns,
            missed,
            environment,
        ),
    };
    let event = bindings::checkpoint_event {
        type_,
        missed,
        id,
        created_ns,
        ..pin_init::zeroed()
    };
    // SAFETY: Both callers have such a file, and a reference on it; event and environment are valid during
    // the call.
    to_result(unsafe {
        bindings::checkpoint_events_tell(
            file.as_ptr(),
            &event,
            environment.as_ptr().cast(),
            environment.len(),
        )
    })
}
