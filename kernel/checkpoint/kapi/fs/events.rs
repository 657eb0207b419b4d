// SPDX-License-Identifier: GPL-2.0

//! Files by which programs learn of checkpoints and restarts: `kernel/checkpoint/events.c`.

use core::ptr::NonNull;

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::fs::file::FileRef;

/// What such a file knows.
pub(crate) struct Events {
    /// How many times it was restarted.
    pub(crate) generation: u32,
    /// How many events were not read yet.
    pub(crate) missed: u32,
}

impl Events {
    /// Returns what `file` knows, if it is such a file.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        let (mut generation, mut missed) = (0, 0);
        // SAFETY: We own a reference on the file; the numbers are our own memory.
        let is_one =
            unsafe { bindings::checkpoint_events_get(file.as_ptr(), &mut generation, &mut missed) };
        is_one.then_some(Self { generation, missed })
    }
}

/// Who listens by such a file, which may be closed meanwhile: it is no reference on that.
///
/// # Invariants
///
/// It owns a reference.
pub(crate) struct Listener(NonNull<bindings::checkpoint_events>);

impl Listener {
    /// Returns who listens by `file`, if it is such a file.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        // SAFETY: We own a reference on the file.
        // INVARIANT: What is returned comes with a reference.
        NonNull::new(unsafe { bindings::checkpoint_events_pin(file.as_ptr()) }).map(Self)
    }

    /// Tells that checkpoint `id` of that time (by the wall clock, in nanoseconds since 1970) is
    /// complete. In process context.
    pub(crate) fn saved(&self, id: u64, created_ns: u64) {
        // SAFETY: By the type's invariants we own a reference.
        unsafe { bindings::checkpoint_events_saved(self.0.as_ptr(), id, created_ns) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants we own a reference, which is given up.
        unsafe { bindings::checkpoint_events_put(self.0.as_ptr()) }
    }
}

/// What the caller of restart(2) has to say to the tasks: one copy for all of them.
///
/// # Invariants
///
/// It owns a reference.
pub(crate) struct Environment(NonNull<bindings::checkpoint_environment>);

// SAFETY: It is counted atomically, and does not change.
unsafe impl Send for Environment {}
// SAFETY: It does not change, and a shared reference does not give ours up.
unsafe impl Sync for Environment {}

impl Environment {
    /// Keeps a copy of `bytes`; `None` if there are none. ENOMEM: there is no memory.
    pub(crate) fn of(bytes: &[u8]) -> Result<Option<Self>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let len = u32::try_from(bytes.len())?;
        // SAFETY: There are so many bytes.
        let made = unsafe { bindings::checkpoint_environment_make(bytes.as_ptr().cast(), len) };
        // INVARIANT: What is returned comes with a reference.
        Ok(Some(Self(NonNull::new(made).ok_or(ENOMEM)?)))
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants we own a reference, which is given up.
        unsafe { bindings::checkpoint_environment_put(self.0.as_ptr()) }
    }
}

/// What programs can learn of a restart.
pub(crate) struct Restored<'a> {
    /// How many times the file was restarted.
    pub(crate) generation: u32,
    /// How many events were not read before.
    pub(crate) missed: u32,
    /// The checkpoint.
    pub(crate) id: u64,
    /// Its time by the wall clock, in nanoseconds since 1970.
    pub(crate) created_ns: u64,
    /// What the caller of restart(2) has to say.
    pub(crate) environment: Option<&'a Environment>,
}

impl Restored<'_> {
    /// Makes a file that a program reads it from. ENFILE, ENOMEM: as of prctl(2).
    pub(crate) fn file(&self) -> Result<FileRef> {
        let environment = self
            .environment
            .map_or(core::ptr::null_mut(), |e| e.0.as_ptr());
        // SAFETY: The environment is none, or by its type's invariants there is a reference on it
        // during the call; what is returned is an error pointer, or comes with a reference, which
        // is ours.
        unsafe {
            FileRef::from_owned(bindings::checkpoint_events_restored(
                self.generation,
                self.missed,
                self.id,
                self.created_ns,
                environment,
            ))
        }
    }
}
