// SPDX-License-Identifier: GPL-2.0

//! System V semaphores, and the adjustments of them that are made when a process exits.

use core::{
    ffi::c_void,
    ptr::NonNull, //
};

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    task::Task, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    ipc::namespace::{
        Common,
        IpcNs, //
    },
    pid::namespace::PidNs,
    task::frozen::FrozenTask, //
};

/// What a set of semaphores has.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// What all objects have.
    pub(crate) common: Common,
    /// How many semaphores it has.
    pub(crate) nsems: u32,
    /// Times of the last operation and change, in seconds since 1970.
    pub(crate) times: [i64; 2],
}

impl Settings {
    fn of(c: &bindings::checkpoint_sem) -> Self {
        Self {
            common: Common::of(&c.ipc),
            nsems: c.nsems,
            times: [c.otime, c.ctime],
        }
    }

    fn to_c(self) -> bindings::checkpoint_sem {
        let [otime, ctime] = self.times;
        bindings::checkpoint_sem {
            ipc: self.common.to_c(),
            nsems: self.nsems,
            otime,
            ctime,
            ..Default::default()
        }
    }
}

/// A semaphore: its value, and the pid of who has changed it last; 0: nobody.
pub(crate) use bindings::checkpoint_sem_value as Value;

/// A set that was found.
pub(crate) struct Found {
    /// What it has.
    pub(crate) settings: Settings,
    /// Its address, to compare.
    pub(crate) addr: usize,
    /// How many lists have adjustments of it.
    undos: usize,
    /// What the kernel returned, as words: values, then adjustments.
    words: KVVec<u64>,
}

impl Found {
    /// Returns value and pid of each semaphore.
    pub(crate) fn values(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.words
            .iter()
            .take(self.settings.nsems as usize)
            .map(|word| {
                // The first half of the word in memory is the value.
                let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
                (
                    u32::from_ne_bytes([a, b, c, d]),
                    u32::from_ne_bytes([e, f, g, h]),
                )
            })
    }

    /// Returns the adjustments of each list: its address, and one for each semaphore.
    pub(crate) fn undos(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = i16> + '_)> {
        let nsems = self.settings.nsems as usize;
        let words = (nsems * size_of::<i16>()).div_ceil(size_of::<u64>());
        let rest = self.words.get(nsems..).unwrap_or_default();
        rest.chunks_exact(1 + words)
            .take(self.undos)
            .filter_map(move |chunk| {
                let (list, adjustments) = chunk.split_first()?;
                let each = adjustments
                    .iter()
                    .flat_map(|word| {
                        let [a, b, c, d, e, f, g, h] = word.to_ne_bytes();
                        [[a, b], [c, d], [e, f], [g, h]].map(i16::from_ne_bytes)
                    })
                    .take(nsems);
                Some((usize::try_from(*list).ok()?, each))
            })
    }
}

/// Calls `f` with each set of `ns`, with pids of `pid_ns`, and no lock held. May sleep.
pub(crate) fn each(ns: &IpcNs, pid_ns: &PidNs, mut f: impl FnMut(Found) -> Result) -> Result {
    let mut from = 0;
    let mut words: KVVec<u64> = KVVec::new();
    loop {
        let mut found = bindings::checkpoint_sem::default();
        // SAFETY: We own references on both namespaces; the function fills in the structure, and
        // no more bytes of the buffer than it is given.
        let at = unsafe {
            bindings::checkpoint_sem_next(
                ns.as_ptr(),
                pid_ns.as_ptr(),
                from,
                &mut found,
                words.as_mut_ptr().cast::<c_void>(),
                words.len() * size_of::<u64>(),
            )
        };
        if at == ENOENT.to_errno() {
            return Ok(());
        }
        if found.size > words.len() * size_of::<u64>() {
            words = KVVec::from_elem(0u64, found.size.div_ceil(8), GFP_KERNEL_ACCOUNT)?;
            from = at;
            continue;
        }
        f(Found {
            settings: Settings::of(&found),
            addr: found.addr,
            undos: found.undos as usize,
            words: core::mem::replace(&mut words, KVVec::new()),
        })?;
        from = at + 1;
    }
}

/// Makes a set with id, key and size of `settings`, as semget(2) does. May sleep.
///
/// EEXIST: id or key are in use; EPERM: the caller may not choose ids; ENOSPC, EINVAL: more than
/// the namespace takes.
pub(crate) fn make(ns: &IpcNs, settings: &Settings) -> Result {
    // SAFETY: We own a reference; the structure is read only.
    to_result(unsafe { bindings::checkpoint_sem_make(ns.as_ptr(), &settings.to_c()) })
}

/// Gives a set that was made owners and times, and its semaphores from the `first` on `values`. May
/// sleep.
///
/// EPERM: the caller may not give it to others; EINVAL: it has another number of semaphores.
pub(crate) fn set(
    ns: &IpcNs,
    pid_ns: &PidNs,
    settings: &Settings,
    first: u32,
    values: &[Value],
) -> Result {
    let count = u32::try_from(values.len())?;
    // SAFETY: We own references on both; there are as many values as is said.
    to_result(unsafe {
        bindings::checkpoint_sem_set(
            ns.as_ptr(),
            pid_ns.as_ptr(),
            &settings.to_c(),
            values.as_ptr(),
            first,
            count,
        )
    })
}

/// Gives the list of the task `pid`, which neither runs nor exits, adjustments of a set that was
/// made and of which it has none. May sleep.
///
/// EINVAL: the task has no list, or is in another namespace, or there is no such set.
pub(crate) fn add_undo(
    ns: &IpcNs,
    id: i32,
    pid_ns: &PidNs,
    pid: u32,
    adjustments: &[i16],
) -> Result {
    let nsems = i32::try_from(adjustments.len())?;
    // SAFETY: We own references on both; the slice has that many elements.
    to_result(unsafe {
        bindings::checkpoint_undo_add(
            ns.as_ptr(),
            id,
            pid_ns.as_ptr(),
            pid.cast_signed(),
            adjustments.as_ptr(),
            nsems,
        )
    })
}

/// Returns the address of the list of adjustments of a task, and how many have that; 0: it has none.
pub(crate) fn undo_list_of(task: &Task) -> (usize, u64) {
    let mut users = 0;
    // SAFETY: We own a reference on the task; there is room for the number.
    let list = unsafe { bindings::checkpoint_undo_list(task.as_ptr(), &mut users) };
    (list.addr(), u64::from(users))
}

impl FrozenTask {
    /// Returns whether there are adjustments in its list.
    pub(crate) fn has_undo(&self) -> bool {
        // SAFETY: We own a reference on the task.
        unsafe { bindings::task_has_sem_undo(self.as_ptr()) }
    }
}

/// A list of adjustments that was made, without any yet.
///
/// # Invariants
///
/// It owns a reference on the list.
pub(crate) struct UndoList(NonNull<c_void>);

// SAFETY: Any thread may drop a reference; it is counted atomically.
unsafe impl Send for UndoList {}
// SAFETY: Nothing is done through a shared reference.
unsafe impl Sync for UndoList {}

impl UndoList {
    /// Gives the current task, which has no adjustments, a new list. May sleep.
    pub(crate) fn new(_: &Restoring) -> Result<Self> {
        // SAFETY: For the running task. A list that is returned comes with a reference.
        let list = unsafe { bindings::checkpoint_undo_join(core::ptr::null_mut()) };
        // INVARIANT: The reference is ours.
        NonNull::new(list).map(Self).ok_or(ENOMEM)
    }

    /// Gives the current task, which has no adjustments, this one.
    pub(crate) fn join(&self, _: &Restoring) {
        // SAFETY: By the type's invariants the list is valid; the task takes a reference of its own.
        unsafe { bindings::checkpoint_undo_join(self.0.as_ptr()) };
    }

    /// Leaves the current task, which has no adjustments, without a list.
    pub(crate) fn leave(_: &Restoring) {
        // SAFETY: For the running task.
        unsafe { bindings::exit_sem(bindings::get_current()) };
    }
}

impl Drop for UndoList {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants the reference is ours, and goes with us. Adjustments
        // come when all references but those of tasks are gone.
        unsafe { bindings::checkpoint_undo_put(self.0.as_ptr()) };
    }
}
