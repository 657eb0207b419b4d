// SPDX-License-Identifier: GPL-2.0

//! Userfaultfds, and the memory that they watch: `mm/userfaultfd.c`, and `uffd.c` here.

use kernel::prelude::*;

#[cfg(CONFIG_USERFAULTFD)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

use crate::kapi::{
    fs::file::FileRef,
    mm::space::MmRef, //
};
#[cfg(CONFIG_USERFAULTFD)]
use crate::kapi::{
    mm::walk::STRIDE,
    time::wait, //
};

/// A userfaultfd, as it was when it was looked at.
pub(crate) struct Userfaultfd {
    /// What memory that it watches refers to.
    pub(crate) context: usize,
    /// Address of the address space that it is of.
    pub(crate) mm: usize,
    /// No task has that any more.
    pub(crate) gone: bool,
    /// Somebody waits until an event was read.
    pub(crate) events: bool,
    /// How it was made.
    pub(crate) how: How,
}

/// How a userfaultfd was made.
#[derive(Clone, Copy)]
pub(crate) struct How {
    /// Faults of system calls are none for it (UFFD_USER_MODE_ONLY).
    pub(crate) user_only: bool,
    /// Those that come of fork() have O_NONBLOCK.
    pub(crate) nonblock: bool,
    /// Those that come of fork() are closed by execve.
    pub(crate) cloexec: bool,
    /// UFFDIO_API was done.
    pub(crate) initialized: bool,
    /// Reads may be asked not to wait.
    pub(crate) nowait: bool,
    /// UFFD_FEATURE_*.
    pub(crate) features: u32,
}

/// Marks of pages that are watched.
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    /// As UFFDIO_WRITEPROTECT makes them.
    Protected,
    /// As UFFDIO_RWPROTECT makes them.
    NoAccess,
    /// As UFFDIO_POISON makes them, where there are no pages.
    Poisoned,
}

/// Pages that follow each other and are in the same state.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    /// Address of the first.
    pub(crate) start: usize,
    /// Address after the last.
    pub(crate) end: usize,
    /// They are there.
    pub(crate) present: bool,
    /// They are protected, in the way in which the mapping is watched.
    pub(crate) protected: bool,
    /// They are poisoned.
    pub(crate) poisoned: bool,
}

/// Room that the list of runs gets at a time, in runs.
#[cfg(CONFIG_USERFAULTFD)]
const ROOM: usize = 512;

/// Major number of /dev/userfaultfd (MISC_MAJOR).
const MISC: u32 = 10;

/// Returns whether the device with this major and minor number is /dev/userfaultfd.
pub(crate) fn is_device((major, minor): (u32, u32)) -> bool {
    #[cfg(CONFIG_USERFAULTFD)]
    // SAFETY: A number is read that does not change after boot.
    return major == MISC && minor == unsafe { bindings::checkpoint_userfaultfd_minor() };
    #[cfg(not(CONFIG_USERFAULTFD))]
    {
        let _ = (major, minor, MISC);
        false
    }
}

impl FileRef {
    /// Returns whether it is a userfaultfd.
    pub(crate) fn is_userfaultfd(&self) -> bool {
        #[cfg(CONFIG_USERFAULTFD)]
        // SAFETY: We own a reference; only its operations are looked at.
        return unsafe { bindings::checkpoint_is_userfaultfd(self.as_ptr()) };
        #[cfg(not(CONFIG_USERFAULTFD))]
        false
    }
}

#[cfg(CONFIG_USERFAULTFD)]
impl Userfaultfd {
    /// Returns the state of `file`, if it is a userfaultfd.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        if !file.is_userfaultfd() {
            return None;
        }
        let mut state = bindings::checkpoint_userfaultfd::default();
        // SAFETY: It is a userfaultfd, on which we own a reference; the state is our own memory.
        unsafe { bindings::checkpoint_userfaultfd_get(file.as_ptr(), &mut state) };
        Some(Self {
            context: state.ctx.addr(),
            mm: state.mm.addr(),
            gone: state.gone,
            events: state.events,
            how: How {
                user_only: state.flags & bindings::UFFD_USER_MODE_ONLY != 0,
                nonblock: state.flags & bindings::O_NONBLOCK != 0,
                cloexec: state.flags & bindings::O_CLOEXEC != 0,
                initialized: state.initialized,
                nowait: state.nowait,
                features: state.features,
            },
        })
    }
}

#[cfg(CONFIG_USERFAULTFD)]
impl How {
    /// Makes one of the address space `mm`, or of one that is gone, with the rights that the caller
    /// has or acts with; or by `device`, which the caller has opened. May sleep.
    ///
    /// EPERM: the caller may have none like this, or `device` is another one. EINVAL: this kernel
    /// has none like this. ENFILE, ENOMEM: as of userfaultfd(2).
    pub(crate) fn make(&self, mm: Option<&MmRef>, device: Option<&FileRef>) -> Result<FileRef> {
        let bit = |on: bool, flag: u32| if on { flag } else { 0 };
        let state = bindings::checkpoint_userfaultfd {
            flags: bit(self.user_only, bindings::UFFD_USER_MODE_ONLY)
                | bit(self.nonblock, bindings::O_NONBLOCK)
                | bit(self.cloexec, bindings::O_CLOEXEC),
            features: self.features,
            initialized: self.initialized,
            nowait: self.nowait,
            ..bindings::checkpoint_userfaultfd::default()
        };
        let mm = mm.map_or(core::ptr::null_mut(), MmRef::as_ptr);
        let device = device.map_or(core::ptr::null_mut(), FileRef::as_ptr);
        // SAFETY: The state is valid during the call; we own references on the address space and the
        // device, if there are any. A file that is returned comes with a reference.
        unsafe { FileRef::from_owned(bindings::checkpoint_userfaultfd_make(&state, mm, device)) }
    }
}

/// Has the userfaultfd `file` watch `start..end` of its address space; `modes` are
/// UFFDIO_REGISTER_MODE_*. Nobody is in a page fault there. May sleep.
///
/// As of UFFDIO_REGISTER: EINVAL: that can't be watched so. EBUSY: another one watches it. EPERM:
/// it could never be written to.
#[cfg(CONFIG_USERFAULTFD)]
pub(crate) fn register(file: &FileRef, start: usize, end: usize, modes: u32) -> Result {
    if !file.is_userfaultfd() || start >= end {
        return Err(EINVAL);
    }
    // SAFETY: It is a userfaultfd, on which we own a reference; all numbers are checked there.
    to_result(unsafe {
        bindings::checkpoint_userfaultfd_register(file.as_ptr(), start, end, modes.into())
    })
}

/// Marks the pages of `start..end`, which the userfaultfd `file` watches. May sleep.
///
/// EEXIST: there is a page, where one was to be poisoned. ENOENT, EINVAL: it is not watched so.
/// EINTR: SIGKILL came.
#[cfg(CONFIG_USERFAULTFD)]
pub(crate) fn mark(file: &FileRef, start: usize, end: usize, how: Mark) -> Result {
    if !file.is_userfaultfd() || start >= end {
        return Err(EINVAL);
    }
    let how = match how {
        Mark::Protected => bindings::CHECKPOINT_UFFD_PROTECTED,
        Mark::NoAccess => bindings::CHECKPOINT_UFFD_NO_ACCESS,
        Mark::Poisoned => bindings::CHECKPOINT_UFFD_POISONED,
    };
    // SAFETY: It is a userfaultfd, on which we own a reference; all numbers are checked there.
    to_result(unsafe { bindings::checkpoint_userfaultfd_set(file.as_ptr(), start, end, how) })
}

/// Tells in which state the pages of `mm` from `start` to `end` are, all within one mapping that a
/// userfaultfd watches and that has no huge pages of hugetlbfs; by ascending address, without those
/// of which there is nothing to tell. No page is made that was not there. May sleep.
///
/// `None`: there are more than `max` runs. EINTR: SIGKILL came.
#[cfg(CONFIG_USERFAULTFD)]
pub(crate) fn runs(mm: &MmRef, start: usize, end: usize, max: usize) -> Result<Option<KVVec<Run>>> {
    let mut found: KVVec<Run> = KVVec::new();
    let mut room: KVec<bindings::checkpoint_uffd_run> = KVec::with_capacity(ROOM, GFP_KERNEL)?;
    let mut at = start;
    while at < end {
        wait::go_on()?;
        let stride = at.saturating_add(STRIDE).min(end);
        let mut next = at;
        let lock = mm.read_lock()?;
        // SAFETY: We own a reference and hold the lock; there is as much room as is told.
        let n = unsafe {
            bindings::checkpoint_uffd_runs(
                mm.as_ptr(),
                at,
                stride,
                room.as_mut_ptr(),
                ROOM as c_uint,
                &mut next,
            )
        };
        drop(lock);
        to_result(n)?;
        // SAFETY: So many were written, and there was room for them.
        unsafe { room.inc_len(u32_as_usize(n.cast_unsigned())) };
        for raw in &room {
            let has = |bit: u32| raw.state & bit != 0;
            let run = Run {
                start: raw.start,
                end: raw.end,
                present: has(bindings::CHECKPOINT_UFFD_PRESENT),
                protected: has(bindings::CHECKPOINT_UFFD_PROTECTED),
                poisoned: has(bindings::CHECKPOINT_UFFD_POISONED),
            };
            if let Some(last) = found.last_mut().filter(|last| last.goes_on(&run)) {
                last.end = run.end;
                continue;
            }
            if found.len() == max {
                return Ok(None);
            }
            found.push(run, GFP_KERNEL_ACCOUNT)?;
        }
        room.clear();
        if next <= at {
            return Err(EIO);
        }
        at = next;
    }
    Ok(Some(found))
}

#[cfg(CONFIG_USERFAULTFD)]
impl Run {
    /// Returns whether `next` is in the same state, and right after it.
    fn goes_on(&self, next: &Self) -> bool {
        self.end == next.start
            && (self.present, self.protected, self.poisoned)
                == (next.present, next.protected, next.poisoned)
    }
}

/// Takes the pages of `start..end` out of `mm`, of a task that is parked: a userfaultfd watches
/// that. May sleep.
///
/// EINVAL: none does. EINTR: SIGKILL came.
#[cfg(CONFIG_USERFAULTFD)]
pub(crate) fn empty(mm: &MmRef, start: usize, end: usize) -> Result {
    // SAFETY: We own a reference; all numbers are checked there.
    to_result(unsafe { bindings::checkpoint_uffd_empty(mm.as_ptr(), start, end) })
}

/// Returns whether `start..end` of `mm`, all of one mapping, is shared memory that has large
/// folios: these may fill what was not written. May sleep.
///
/// EINTR: SIGKILL came.
#[cfg(CONFIG_USERFAULTFD)]
pub(crate) fn is_filled(mm: &MmRef, start: usize, end: usize) -> Result<bool> {
    if start >= end {
        return Err(EINVAL);
    }
    // SAFETY: We own a reference; all numbers are checked there.
    match unsafe { bindings::checkpoint_uffd_filled(mm.as_ptr(), start, end) } {
        e if e < 0 => Err(Error::from_errno(e)),
        found => Ok(found != 0),
    }
}

#[cfg(not(CONFIG_USERFAULTFD))]
impl Userfaultfd {
    /// Returns the state of a userfaultfd: there is none.
    pub(crate) fn of(_: &FileRef) -> Option<Self> {
        None
    }
}

#[cfg(not(CONFIG_USERFAULTFD))]
impl How {
    /// Makes one: this kernel can't.
    pub(crate) fn make(&self, _: Option<&MmRef>, _: Option<&FileRef>) -> Result<FileRef> {
        Err(EINVAL)
    }
}

/// Watches memory: this kernel can't.
#[cfg(not(CONFIG_USERFAULTFD))]
pub(crate) fn register(_: &FileRef, _: usize, _: usize, _: u32) -> Result {
    Err(EINVAL)
}

/// Marks pages: this kernel can't.
#[cfg(not(CONFIG_USERFAULTFD))]
pub(crate) fn mark(_: &FileRef, _: usize, _: usize, _: Mark) -> Result {
    Err(EINVAL)
}

/// Tells of watched memory: there is none.
#[cfg(not(CONFIG_USERFAULTFD))]
pub(crate) fn runs(_: &MmRef, _: usize, _: usize, _: usize) -> Result<Option<KVVec<Run>>> {
    Err(EINVAL)
}

/// Empties watched memory: there is none.
#[cfg(not(CONFIG_USERFAULTFD))]
pub(crate) fn empty(_: &MmRef, _: usize, _: usize) -> Result {
    Err(EINVAL)
}

/// Looks at shared memory: none is watched.
#[cfg(not(CONFIG_USERFAULTFD))]
pub(crate) fn is_filled(_: &MmRef, _: usize, _: usize) -> Result<bool> {
    Ok(false)
}
