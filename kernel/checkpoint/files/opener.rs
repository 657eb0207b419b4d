// SPDX-License-Identifier: GPL-2.0

//! With whose rights files are opened, and kernel objects made.
//!
//! With those that had opened them, if the caller of restart(2) may take them on, else with those
//! of the task: who restarts the programs of others hands them nothing that they could not open.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::ops::Source,
    image::ObjRef,
    kapi::{
        fs::file::FileRef,
        security::cred::CredRef, //
    },
    task, //
};

/// Returns the credentials to open a file with whose record has `cred`.
pub(super) fn of_file(r: &Restore, plan: &TaskRecords<'_>, cred: u32) -> Result<CredRef> {
    if let Some(obj) = ObjRef::new(cred) {
        if let Ok(cred) = task::rebuild_cred(r, obj)? {
            return Ok(cred);
        }
    }
    of_task(r, plan)
}

/// Why an object may be refused that anybody may make.
pub(super) const NOATIME: &str = "O_NOATIME is for the owner of what is open";

/// Makes a kernel object that has no path by `make`, with the rights that `source` was made with,
/// and gives its open file the status flags. `denied` tells why `make` may be refused.
pub(super) fn make_object(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    denied: &str,
    make: impl FnOnce() -> Result<FileRef>,
) -> Result<FileRef> {
    let opener = of_file(r, plan, source.record.cred.get())?;
    let made = opener.act(|| {
        let file = make()?;
        file.set_flags(u32::MAX, source.flags)?;
        Ok(file)
    });
    made.map_err(|e| {
        let why = match e {
            EPERM => denied,
            ENFILE => "too many files are open (fs.file-max)",
            EMFILE => "it has places for more files than the caller may open (RLIMIT_NOFILE)",
            ENOMEM => "no memory",
            _ => "it can't be made",
        };
        let what = source.kind.name;
        r.fail(e, plan, fmt!("{} can't be rebuilt: {}", what, why))
    })
}

/// Returns those that the task of `plan` will have.
pub(super) fn of_task(r: &Restore, plan: &TaskRecords<'_>) -> Result<CredRef> {
    let Some(obj) = ObjRef::new(plan.task.cred.get()) else {
        return CredRef::current();
    };
    task::rebuild_cred(r, obj)?.map_err(|d| r.fail(d.errno, plan, fmt!("credentials: {}", d.why)))
}
