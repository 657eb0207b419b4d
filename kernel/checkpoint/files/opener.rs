// SPDX-License-Identifier: GPL-2.0

//! With whose rights files are opened.
//!
//! With those that had opened them, if the caller of restart(2) may take them on, else with those
//! of the task: who restarts the programs of others hands them nothing that they could not open.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Plan,
        Restore, //
    },
    image::ObjRef,
    kapi::security::cred::CredRef,
    task, //
};

/// The credentials to open a file with whose record has `cred`.
pub(super) fn of_file(r: &Restore, plan: &Plan<'_>, cred: u32) -> Result<CredRef> {
    if let Some(obj) = ObjRef::new(cred) {
        if let Ok(cred) = task::rebuild_cred(r, obj)? {
            return Ok(cred);
        }
    }
    of_task(r, plan)
}

/// Those that the task of `plan` will have.
pub(super) fn of_task(r: &Restore, plan: &Plan<'_>) -> Result<CredRef> {
    let Some(obj) = ObjRef::new(plan.task.cred.get()) else {
        return CredRef::current();
    };
    task::rebuild_cred(r, obj)?.map_err(|d| r.fail(d.errno, plan, fmt!("credentials: {}", d.why)))
}
