// SPDX-License-Identifier: GPL-2.0

//! ipc namespaces.

use core::ptr::NonNull;

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::task::frozen::FrozenTask;

/// The kinds of objects in an ipc namespace, by their number in the kernel.
#[derive(Clone, Copy)]
pub(crate) enum Ids {
    /// Sets of semaphores.
    Semaphores = 0,
    /// Message queues.
    Queues = 1,
    /// Shared memory.
    Segments = 2,
}

/// Settings of an ipc namespace, what id comes next, and how much is in it.
pub(crate) use bindings::checkpoint_ipc_ns as Settings;

/// What all objects of System V IPC have. User and group ids are those of the caller's user
/// namespace, all ones: none there.
#[derive(Clone, Copy)]
pub(crate) struct Common {
    /// The id.
    pub(crate) id: i32,
    /// The key; 0: none.
    pub(crate) key: u32,
    /// Owner and its group.
    pub(crate) owner: [u32; 2],
    /// Creator and its group.
    pub(crate) creator: [u32; 2],
    /// Permissions.
    pub(crate) mode: u32,
}

impl Common {
    pub(super) fn of(c: &bindings::checkpoint_ipc) -> Self {
        Self {
            id: c.id,
            key: c.key.cast_unsigned(),
            owner: [c.uid, c.gid],
            creator: [c.cuid, c.cgid],
            mode: c.mode,
        }
    }

    pub(super) fn to_c(self) -> bindings::checkpoint_ipc {
        let ([uid, gid], [cuid, cgid]) = (self.owner, self.creator);
        bindings::checkpoint_ipc {
            id: self.id,
            key: self.key.cast_signed(),
            uid,
            gid,
            cuid,
            cgid,
            mode: self.mode,
        }
    }

    /// Returns whether owners and creator are known in the caller's user namespace.
    pub(crate) fn has_ids(&self) -> bool {
        !self.owner.contains(&u32::MAX) && !self.creator.contains(&u32::MAX)
    }
}

/// A reference on an ipc namespace.
///
/// # Invariants
///
/// The pointer is a valid `struct ipc_namespace` on which this owns a reference.
pub(crate) struct IpcNs(NonNull<bindings::ipc_namespace>);

// SAFETY: Any thread may use and drop a reference; what is in it has locks.
unsafe impl Send for IpcNs {}
// SAFETY: What is in it has locks, and a shared reference does not give ours up.
unsafe impl Sync for IpcNs {}

impl IpcNs {
    /// Takes a reference.
    ///
    /// # Safety
    ///
    /// `ns` is valid for the duration of the call.
    pub(in crate::kapi) unsafe fn get(ns: *mut bindings::ipc_namespace) -> Result<Self> {
        let ns = NonNull::new(ns).ok_or(ESRCH)?;
        // SAFETY: By the caller's promise it is valid, with a count that is not zero.
        unsafe { bindings::get_ipc_ns(ns.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Ok(Self(ns))
    }

    /// Returns that of the current task.
    pub(crate) fn of_current() -> Self {
        // SAFETY: The nsproxy of the running task is valid, and so is its namespace.
        unsafe {
            let ns = (*(*bindings::get_current()).nsproxy).ipc_ns;
            bindings::get_ipc_ns(ns);
            // INVARIANT: The reference was just taken.
            Self(NonNull::new_unchecked(ns))
        }
    }

    /// Returns its address.
    pub(in crate::kapi) fn as_ptr(&self) -> *mut bindings::ipc_namespace {
        self.0.as_ptr()
    }

    /// Returns whether the caller may read all objects in it, whatever their permissions
    /// (CAP_IPC_OWNER).
    pub(crate) fn may_read_all(&self) -> bool {
        // SAFETY: We own a reference; the namespace keeps its user namespace.
        unsafe {
            let user_ns = (*self.as_ptr()).user_ns;
            bindings::ns_capable(user_ns, bindings::CAP_IPC_OWNER.cast_signed())
        }
    }

    /// Returns whether the object `id` of it has the security label that `t` would give it, or none.
    pub(crate) fn is_labelled_by(&self, ids: Ids, id: i32, t: &FrozenTask) -> bool {
        // SAFETY: We own references on the namespace and on the task. There are as many lists of
        // ids as kinds.
        unsafe { bindings::checkpoint_ipc_labelled_by(self.as_ptr(), ids as c_int, id, t.as_ptr()) }
    }

    /// Returns whether what is in it of System V, which has all the same security label, has the one that
    /// `t` would give it.
    pub(crate) fn is_all_labelled_by(&self, t: &FrozenTask) -> bool {
        // SAFETY: We own references on the namespace and on the task.
        unsafe { bindings::checkpoint_ipc_ns_labelled_by(self.as_ptr(), t.as_ptr()) }
    }

    /// Gives the object `id` of it, which was just made, the security label of the caller, as if it was
    /// made by who acts so. EACCES: a module does not let it make such. May sleep.
    pub(crate) fn relabel(&self, ids: Ids, id: i32) -> Result {
        // SAFETY: We own a reference; there are as many lists of ids as kinds.
        to_result(unsafe { bindings::checkpoint_ipc_relabel(self.as_ptr(), ids as c_int, id) })
    }

    /// Returns its address, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Returns the number of references on it, ours included: of nsproxies, open files, mounts,
    /// attaches of shared memory.
    pub(crate) fn count(&self) -> u64 {
        // SAFETY: We own a reference on the namespace, which keeps it valid.
        u64::from(unsafe { bindings::ipc_ns_count(self.as_ptr()) }.unsigned_abs())
    }

    /// Returns its settings. May sleep.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        // SAFETY: We own a reference; the function fills in the structure.
        unsafe { bindings::checkpoint_ipc_ns_get(self.as_ptr(), &mut settings) };
        settings
    }

    /// Lets it, which was just made, take more than its limits allow, if the caller may raise these.
    pub(crate) fn open(&self) {
        // SAFETY: We own a reference; no task is in it.
        unsafe { bindings::checkpoint_ipc_ns_open(self.as_ptr()) };
    }

    /// Gives it, in which no task runs yet, its settings. May sleep.
    ///
    /// EINVAL: they are impossible. EPERM: the caller may not change them.
    pub(crate) fn set(&self, settings: &Settings) -> Result {
        // SAFETY: We own a reference; the structure is read only.
        to_result(unsafe { bindings::checkpoint_ipc_ns_set(self.as_ptr(), settings) })
    }
}

impl Clone for IpcNs {
    fn clone(&self) -> Self {
        // SAFETY: By the type's invariants we own a reference, so there may be another one.
        unsafe { bindings::get_ipc_ns(self.as_ptr()) };
        // INVARIANT: The reference was just taken.
        Self(self.0)
    }
}

impl Drop for IpcNs {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us.
        unsafe { bindings::put_ipc_ns(self.as_ptr()) };
    }
}

impl PartialEq for IpcNs {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
