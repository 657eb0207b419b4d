// SPDX-License-Identifier: GPL-2.0

//! What a kind of state is.

use kernel::prelude::*;

use crate::{
    core::{
        capture::Capture,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    kapi::task::frozen::FrozenTask, //
};

/// One kind of state: how it is found, saved and restored.
///
/// `F` is what the kinds have found of a checkpoint. The functions of one kind stand in one file. All may sleep; none is called with a lock held.
pub(crate) struct KindOps<F> {
    /// For messages and documentation.
    pub(crate) name: &'static str,
    /// Counts the users of the task's shared objects, keeps references on them, and lists what
    /// can't be saved.
    pub(crate) collect: fn(&mut Capture<F>, &FrozenTask) -> Result,
    /// Writes the task's records; those of a shared object for its first user only.
    pub(crate) save: fn(&mut Capture<F>, &FrozenTask) -> Result,
    /// Rebuilds it in the context of the restored task.
    pub(crate) restore: fn(&Restore, &Plan<'_>) -> Result,
}

impl<F> KindOps<F> {
    /// A kind that tasks have no records of: there is only something to `collect`.
    pub(crate) const fn without_records(
        name: &'static str,
        collect: fn(&mut Capture<F>, &FrozenTask) -> Result,
    ) -> Self {
        Self {
            name,
            collect,
            save: |_, _| Ok(()),
            restore: |_, _| Ok(()),
        }
    }
}
