// SPDX-License-Identifier: GPL-2.0

//! What confines a task from outside: security labels, user namespace, filters of system calls.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::{
    image::confinement::ID_RANGES_MAX,
    kapi::{
        security::label,
        task::frozen::FrozenTask, //
    }, //
};

/// The label that a security module gives a task.
#[derive(PartialEq, Eq)]
pub(crate) struct Label {
    /// Number of the module: LSM_ID_*.
    pub(crate) module: u32,
    /// The label.
    pub(crate) text: KVec<u8>,
}

/// A range of ids that a user namespace maps: first one, first one of the host, how many.
pub(crate) type IdRange = [u32; 3];

/// What can be on or off.
#[derive(Clone, Copy)]
pub(crate) struct Restrictions {
    /// System calls are filtered (seccomp).
    pub(crate) seccomp: bool,
    /// Restricted by Landlock.
    pub(crate) landlock: bool,
    /// Restricted in its use of io_uring.
    pub(crate) io_uring: bool,
    /// Shares a core of the CPU with some tasks only (core scheduling).
    pub(crate) core: bool,
    /// Restricted by access rules of its own (Smack).
    pub(crate) smack_rules: bool,
}

/// What confines a task.
pub(crate) struct Confinement {
    /// Labels, in the order of the modules' numbers.
    pub(crate) labels: KVec<Label>,
    /// It is in the initial user namespace.
    pub(crate) initial_user_ns: bool,
    /// User ids that its user namespace maps, by ascending id.
    pub(crate) uids: KVec<IdRange>,
    /// Group ids that it maps.
    pub(crate) gids: KVec<IdRange>,
    /// What else there is.
    pub(crate) restrictions: Restrictions,
}

impl Confinement {
    /// Returns that of the calling task.
    pub(crate) fn current() -> Result<Self> {
        // SAFETY: `current` is valid.
        unsafe { Self::of_task(bindings::get_current(), label::of_current) }
    }

    /// Returns that of `t`, which is in the user namespace of the caller.
    pub(crate) fn of(t: &FrozenTask) -> Result<Self> {
        // SAFETY: We own a reference on the task, which does not run, or is the caller.
        unsafe { Self::of_task(t.as_ptr(), |module| t.label(module)) }
    }

    /// Returns the label that `module` gives; empty: none.
    pub(crate) fn label(&self, module: u32) -> &[u8] {
        let label = self.labels.iter().find(|l| l.module == module);
        label.map_or(&[], |l| &l.text)
    }

    /// Reads what confines `t`, and its labels by `label`.
    ///
    /// # Safety
    ///
    /// `t` is valid, and does not run or is the caller.
    unsafe fn of_task(
        t: *mut bindings::task_struct,
        label: impl Fn(u32) -> Result<KVec<u8>>,
    ) -> Result<Self> {
        let mut labels = KVec::new();
        for module in label::MODULES {
            let text = label(module)?;
            if !text.is_empty() {
                labels.push(Label { module, text }, GFP_KERNEL_ACCOUNT)?;
            }
        }
        // SAFETY: The user namespace of the running task is valid; the other one never goes.
        let initial_user_ns = unsafe {
            core::ptr::eq(
                bindings::current_user_ns(),
                &raw const bindings::init_user_ns,
            )
        };
        // SAFETY: By the caller's promise: nobody else changes these, and pointers are looked at
        // only.
        let restrictions = unsafe {
            Restrictions {
                #[cfg(CONFIG_SECCOMP)]
                seccomp: (*t).seccomp.mode != 0,
                #[cfg(not(CONFIG_SECCOMP))]
                seccomp: false,
                landlock: bindings::checkpoint_landlocked(t),
                #[cfg(CONFIG_IO_URING)]
                io_uring: !(*t).io_uring_restrict.is_null(),
                #[cfg(not(CONFIG_IO_URING))]
                io_uring: false,
                #[cfg(CONFIG_SCHED_CORE)]
                core: (*t).core_cookie != 0,
                #[cfg(not(CONFIG_SCHED_CORE))]
                core: false,
                smack_rules: bindings::checkpoint_smack_rules(t),
            }
        };
        Ok(Self {
            labels,
            initial_user_ns,
            uids: ranges(false)?,
            gids: ranges(true)?,
            restrictions,
        })
    }
}

/// Returns the ids that the user namespace of the caller maps.
fn ranges(groups: bool) -> Result<KVec<IdRange>> {
    let mut all = KVec::new();
    let mut range = [0; 3];
    for n in 0..u32::try_from(ID_RANGES_MAX)? {
        // SAFETY: The user namespace of the running task is valid; three numbers are written.
        let found = unsafe {
            bindings::checkpoint_id_range(
                bindings::current_user_ns(),
                groups,
                n,
                range.as_mut_ptr(),
            )
        };
        if !found {
            break;
        }
        all.push(range, GFP_KERNEL_ACCOUNT)?;
    }
    all.sort_unstable();
    Ok(all)
}
