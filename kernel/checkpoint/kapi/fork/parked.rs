// SPDX-License-Identifier: GPL-2.0

//! Restored tasks that are held: off their CPUs, in the hands of the coordinator.

use kernel::{
    bindings,
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

use crate::kapi::{
    fork::{
        park::set_autoreap,
        slot::Slot,
        vfork::VforkWait, //
    },
    signal::sighand::locked, //
};

/// The tasks of a restart, all of them held. Dropping it lets those go that were not released.
///
/// # Invariants
///
/// Each of the slots is held, and its task was seen to be off its CPU after that, until
/// [`Self::release`] was called for it.
pub(crate) struct Held<'a> {
    slots: &'a [Pin<KBox<Slot>>],
}

/// The task that could not be held.
pub(crate) struct Lost {
    /// Its index; `None`: it is not about one of them.
    pub(crate) index: Option<usize>,
    /// ESRCH: it was killed; EINTR: the caller was.
    pub(crate) errno: Error,
}

impl Lost {
    /// Makes the error of the `index`th task, which was killed.
    pub(crate) fn of(index: usize) -> Self {
        Self {
            index: Some(index),
            errno: ESRCH,
        }
    }
}

impl<'a> Held<'a> {
    /// Holds the tasks of all slots. May sleep; the caller holds no lock.
    pub(crate) fn all(slots: &'a [Pin<KBox<Slot>>]) -> Result<Self, Lost> {
        // Whatever happens, those that are held are let go.
        let this = Self { slots };
        // They go to sleep at the same time.
        for (index, slot) in slots.iter().enumerate() {
            slot.hold().map_err(|_| Lost::of(index))?;
        }
        // INVARIANT: What is established here.
        for slot in slots {
            slot.wait_seated()
                .map_err(|errno| Lost { index: None, errno })?;
        }
        Ok(this)
    }

    /// Lends the task of the `index`th slot to `f`.
    ///
    /// ESRCH: there is none, or it was released.
    pub(crate) fn with<R>(&self, index: usize, f: impl FnOnce(&ParkedTask) -> R) -> Result<R> {
        let slot = self.slots.get(index).ok_or(ESRCH)?;
        let task = slot.task().filter(|_| slot.is_held()).ok_or(ESRCH)?;
        // INVARIANT: It is held; who could release or let go all has us borrowed.
        Ok(f(&ParkedTask { task }))
    }

    /// Makes the `parent`th task, once released, wait for the `child`th as vfork() does.
    pub(crate) fn set_vfork(&self, parent: usize, child: usize) -> Result {
        let wait = self.with(child, VforkWait::new)??;
        self.slots.get(parent).ok_or(ESRCH)?.set_vfork(wait);
        Ok(())
    }

    /// Releases the `index`th task: it goes on, and is nobody's any more.
    pub(crate) fn release(&mut self, index: usize) {
        if let Some(slot) = self.slots.get(index) {
            slot.release();
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        for slot in self.slots {
            slot.let_go();
        }
    }
}

/// A restored task that is parked: its registers and signals may be written.
///
/// # Invariants
///
/// The task is held for as long as this can be borrowed: it sleeps in `checkpoint_sit()` on its own
/// kernel stack, does not run, and does not die, whatever signal it gets.
pub(crate) struct ParkedTask {
    task: ARef<Task>,
}

impl ParkedTask {
    /// Returns the task, for this layer and the architectures.
    pub(crate) fn as_ptr(&self) -> *mut bindings::task_struct {
        self.task.as_ptr()
    }

    /// Returns the reference on the task.
    pub(in crate::kapi) fn task(&self) -> &ARef<Task> {
        &self.task
    }

    /// Fails with ESRCH if it was killed, and will die of that once it is let go.
    pub(crate) fn check_alive(&self) -> Result {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the flags change under the lock.
        let dying = unsafe {
            locked(t, || {
                (*(*t).signal).flags & bindings::SIGNAL_GROUP_EXIT != 0
                    || bindings::fatal_signal_pending(t)
            })?
        };
        if dying {
            Err(ESRCH)
        } else {
            Ok(())
        }
    }

    /// Has a later execve(2) of it fail if its user has more processes than RLIMIT_NPROC allows by
    /// now, as setresuid(2) does. To be called when it has its limits and all tasks are made.
    pub(crate) fn flag_nproc_exceeded(&self) {
        let t = self.as_ptr();
        // SAFETY: By the type's invariants the task is valid, and changes neither its flags nor its
        // credentials, which keep what they point to. As flag_nproc_exceeded(), which knows the
        // running task only: not for one that remained with the user of the caller, nor for root;
        // that the flag is off otherwise was seen to before (`reset_inherited()`).
        unsafe {
            let (cred, own) = ((*t).cred, (*bindings::get_current()).cred);
            let limit = &raw const (*(*t).signal).rlim[bindings::RLIMIT_NPROC as usize].rlim_cur;
            if (*cred).ucounts != (*own).ucounts
                && (*cred).user != &raw mut bindings::root_user
                && bindings::is_rlimit_overlimit(
                    (*cred).ucounts,
                    bindings::rlimit_type_UCOUNT_RLIMIT_NPROC,
                    limit.read_volatile(),
                )
            {
                (*t).flags |= bindings::PF_NPROC_EXCEEDED;
            }
        }
    }

    /// Has its parent wait for it when it dies, from now on.
    pub(crate) fn needs_parent(&self) {
        // SAFETY: By the type's invariants the task is valid.
        unsafe { set_autoreap(self.as_ptr(), false) };
    }
}
