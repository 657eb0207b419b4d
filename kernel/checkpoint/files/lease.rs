// SPDX-License-Identifier: GPL-2.0

//! Leases and delegations of files: the holder is notified when somebody else opens the file.
//!
//! They are taken last of all: whoever opens a file breaks them, and so do the tasks of a restart.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::Restore, //
    },
    files::{
        locks,
        name::{
            name_from,
            Named,
            Text, //
        }, //
    },
    found::Capture,
    image::{
        files::Lease,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            locks::{
                Lock,
                LockKind,
                TO_THE_END, //
            }, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// How often it is tried to take one while others have the inode locked for a moment, 1 millisecond
/// in between.
const TRIES: u32 = 100;

/// Returns the lease of `file`, if it has one; there is at most one.
fn of(cap: &Capture, file: &FileRef) -> Option<Lock> {
    locks::seen(cap, file)
        .iter()
        .find(|lock| matches!(lock.kind, LockKind::Lease | LockKind::Delegation))
        .copied()
}

/// Looks at the lease of `file`. False: it was refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    file: &FileRef,
) -> bool {
    let Some(lease) = of(cap, file) else {
        return true;
    };
    if !lease.breaking {
        return true;
    }
    cap.refuse(
        EBUSY,
        t,
        fmt!(
            "{}: its lease is being broken, as somebody wants to open it: try again when it is given up",
            named
        ),
    );
    false
}

/// Writes the lease of the open file `file`, after its record.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, file: &FileRef) -> Result {
    let Some(lease) = of(cap, file) else {
        return Ok(());
    };
    let record = Lease {
        file: obj.get().into(),
        delegation: u32::from(lease.kind == LockKind::Delegation).into(),
        exclusive: u32::from(lease.exclusive).into(),
        pid: locks::pid_of(cap, &lease).into(),
        fd: lease.fd.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &[])
}

/// Takes the lease of `file` with the first of the rights in `lessees` that suffice.
pub(super) fn restore(r: &Restore, saved: &Lease, file: &FileRef, lessees: &[CredRef]) -> Result {
    let lease = Lock {
        kind: match saved.delegation.get() {
            0 => LockKind::Lease,
            _ => LockKind::Delegation,
        },
        exclusive: saved.exclusive.get() != 0,
        file: 0,
        owner: 0,
        start: 0,
        end: TO_THE_END,
        pid: locks::taken_by(r, saved.pid.get())?,
        fd: saved.fd.get(),
        breaking: false,
    };
    let mut result = Err(EACCES);
    for cred in lessees {
        for _ in 0..TRIES {
            result = cred.act(|| file.set_lease(&lease));
            if result != Err(EAGAIN) {
                break;
            }
            wait::check_killed()?;
            wait::pause_ms(1);
        }
        if result != Err(EACCES) {
            break;
        }
    }
    let Err(e) = result else {
        return Ok(());
    };
    let Ok(name) = name_from(&r.root, file) else {
        return Err(e);
    };
    let why = match e {
        EAGAIN => "somebody has it open, or has a lease, meanwhile: have it closed",
        EACCES => "who opened it and the task neither own it nor have CAP_LEASE",
        EINVAL => "its filesystem, or this system (fs.leases-enable), has none",
        ENOMEM => "there is no memory",
        _ => return Err(r.told(e, fmt!("{}: its lease: {}", Text(&name), Errno(e)))),
    };
    Err(r.told(
        e,
        fmt!("{}: its lease can't be taken: {}", Text(&name), why),
    ))
}
