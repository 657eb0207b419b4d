// SPDX-License-Identifier: GPL-2.0

//! Register sets: the notes of ptrace(2) and core files (linux/regset.h), by which registers
//! are read and written on all architectures.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::kapi::{
    fork::parked::ParkedTask,
    task::frozen::FrozenTask, //
};

/// Largest register set, in bytes: that of arm64's ZA with the longest vectors, and some.
pub(crate) const SET_MAX: usize = 128 << 10;

/// Note types from here on are the image's own, for state of a task that has no register set. The
/// same number means something else on each architecture.
#[allow(dead_code)]
pub(crate) const OWN_NOTES: u32 = 0x434b_0000;

/// Why a register note is refused.
pub(crate) struct BadNote {
    /// `NT_*` number of the note; 0: unknown.
    pub(crate) note_type: u32,
    /// What is wrong with it.
    pub(crate) why: &'static str,
}

impl BadNote {
    /// Refuses the note `note_type`.
    pub(crate) const fn new(note_type: u32, why: &'static str) -> Self {
        Self { note_type, why }
    }
}

/// A register set that this kernel has.
///
/// # Invariants
///
/// It is one of a `struct user_regset_view`, and so is constant, and its functions are those that
/// ptrace(2) calls for it.
#[derive(Clone, Copy)]
pub(crate) struct RegSet(&'static bindings::user_regset);

impl RegSet {
    /// Returns the set whose notes have number `note_type`.
    pub(crate) fn find(note_type: u32) -> Option<Self> {
        // SAFETY: The view of native tasks is static and constant.
        Self::find_in(unsafe { &*bindings::native_regset_view() }, note_type)
    }

    /// Finds as [`Self::find`] does, in the view of other tasks.
    pub(crate) fn find_in(
        view: &'static bindings::user_regset_view,
        note_type: u32,
    ) -> Option<Self> {
        let n = u32_as_usize(view.n);
        // SAFETY: A view is constant, and has `n` register sets.
        let sets = unsafe { core::slice::from_raw_parts(view.regsets, n) };
        // INVARIANT: It is one of the view's.
        sets.iter()
            .find(|s| s.core_note_type == note_type)
            .map(Self)
    }

    /// Returns the most bytes that it may have.
    pub(crate) fn len(self) -> usize {
        u32_as_usize(self.0.n).saturating_mul(u32_as_usize(self.0.size))
    }

    /// Returns the registers of a task that does not run; `None`: it has none of this kind, or has
    /// not used them yet. May sleep.
    pub(crate) fn get(self, t: &FrozenTask) -> Result<Option<KVVec<u8>>> {
        if let Some(active) = self.0.active {
            // SAFETY: By the type's invariants it gets what it requires: a task that does not run, or the
            // caller, as `t` is.
            if unsafe { active(t.as_ptr(), self.0) } <= 0 {
                return Ok(None);
            }
        }
        self.get_unused(t)
    }

    /// Reads as [`RegSet::get`] does, also of registers that the task has not used.
    pub(crate) fn get_unused(self, t: &FrozenTask) -> Result<Option<KVVec<u8>>> {
        let len = self.len();
        if len > SET_MAX {
            return Err(E2BIG);
        }
        let mut bytes = KVVec::from_elem(0u8, len, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: The buffer has `len` bytes. The function needs a task that does not run, or the
        // caller, as `t` is.
        let n = unsafe {
            bindings::regset_get(
                t.as_ptr(),
                self.0,
                u32::try_from(len)?,
                bytes.as_mut_ptr().cast(),
            )
        };
        if n == ENODEV.to_errno() {
            return Ok(None);
        }
        to_result(n.min(0))?;
        bytes.truncate(usize::try_from(n)?);
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    /// Writes registers of a parked task. May sleep.
    ///
    /// Errors as of the register set's own function; ENODEV: it can't be written. EINVAL also:
    /// there are more bytes than it has.
    pub(crate) fn set(self, t: &ParkedTask, bytes: &[u8]) -> Result {
        let write = self.0.set.ok_or(ENODEV)?;
        if bytes.len() > self.len() {
            return Err(EINVAL);
        }
        let len = u32::try_from(bytes.len())?;
        // SAFETY: The task is parked, off its CPU; `bytes` has `len` bytes, and the function
        // looks at no more. Some of them rely on ptrace_regset(), which hands over no more than the
        // set has: so was it done here.
        to_result(unsafe {
            write(
                t.as_ptr(),
                self.0,
                0,
                len,
                bytes.as_ptr().cast(),
                core::ptr::null(),
            )
        })
    }
}

/// Returns the owner of the notes of a register set, padded with NUL, as in core files.
pub(crate) fn owner(note_type: u32) -> [u8; 8] {
    match note_type {
        bindings::NT_PRSTATUS | bindings::NT_PRFPREG => *b"CORE\0\0\0\0",
        OWN_NOTES.. => *b"CKPT\0\0\0\0",
        _ => *b"LINUX\0\0\0",
    }
}

/// Writes the note `note_type` to the registers of a parked task, by the register set's own
/// function.
pub(crate) fn write(t: &ParkedTask, note_type: u32, bytes: &[u8]) -> Result<(), BadNote> {
    RegSet::find(note_type)
        .ok_or(ENODEV)
        .and_then(|set| set.set(t, bytes))
        .map_err(|e| {
            let why = match e {
                ENOMEM => "there is no memory for them: free some",
                _ => "register contents are not possible",
            };
            BadNote::new(note_type, why)
        })
}

/// Returns what the system call is to return that a live task comes from, if its registers say
/// something else: the caller of checkpoint(2) is in a call no more, and who waits in vfork() goes
/// on to wait, and then gets the pid of the child.
pub(crate) fn other_result(t: &FrozenTask) -> Result<Option<u32>> {
    if t.is_current() {
        Ok(Some(0))
    } else if t.is_in_vfork() {
        Ok(Some(t.vfork_child_in(&t.pid_ns()?)))
    } else {
        Ok(None)
    }
}

/// Replaces the bytes of a note from `at` on. EINVAL: it has not that many.
pub(crate) fn put(note: &mut [u8], at: usize, value: &[u8]) -> Result {
    let end = at.checked_add(value.len()).ok_or(EINVAL)?;
    note.get_mut(at..end).ok_or(EINVAL)?.copy_from_slice(value);
    Ok(())
}

/// Returns the 8 bytes at `at` of a note, in this machine's byte order.
pub(crate) fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..at.checked_add(8)?)?;
    <[u8; 8]>::try_from(word).ok().map(u64::from_ne_bytes)
}
