// SPDX-License-Identifier: GPL-2.0

//! Leases and delegations of files: the holder is notified when somebody else opens the file.
//!
//! They are taken last of all: whoever opens a file breaks them, and so do the tasks of a restart.
//! A break that is under way goes on from where it was when all of them are taken: its holder was told
//! before. Who waits for it does so in a system call.

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
            Text, //
        }, //
    },
    found::Capture,
    image::{
        files::{
            Lease,
            LEASE_DOWNGRADE,
            LEASE_ENDLESS,
            LEASE_LIMIT,
            LEASE_UNLOCK, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            locks::{
                Break,
                Lock,
                LockKind,
                TO_THE_END, //
            }, //
        },
        security::cred::CredRef,
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

/// Writes the lease of the open file `file`, after its record.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, file: &FileRef) -> Result {
    let Some(lease) = of(cap, file) else {
        return Ok(());
    };
    let Break { downgrade, unlock } = lease.broken;
    let flag = |left: Option<u64>, flag| left.map_or(0, |_| flag);
    let record = Lease {
        file: obj.get().into(),
        delegation: u32::from(lease.kind == LockKind::Delegation).into(),
        exclusive: u32::from(lease.exclusive).into(),
        pid: locks::pid_of(cap, &lease).into(),
        fd: lease.fd.into(),
        reserved: 0.into(),
        broken: (flag(downgrade, LEASE_DOWNGRADE) | flag(unlock, LEASE_UNLOCK)).into(),
        unused: 0.into(),
        downgrade: left(downgrade).into(),
        unlock: left(unlock).into(),
    };
    cap.meta.put(&record, &[])
}

/// Returns a time that is left, as it is in the image.
fn left(time: Option<u64>) -> u64 {
    match time {
        None => 0,
        Some(LEASE_ENDLESS) => LEASE_ENDLESS,
        Some(time) => time.min(LEASE_LIMIT),
    }
}

/// Returns the break of a lease that is to go on, if there is one.
pub(super) fn broken(saved: &Lease) -> Option<Break> {
    let has = |flag, left| (saved.broken.get() & flag != 0).then_some(left);
    let broken = Break {
        downgrade: has(LEASE_DOWNGRADE, saved.downgrade.get()),
        unlock: has(LEASE_UNLOCK, saved.unlock.get()),
    };
    broken.is_any().then_some(broken)
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
        broken: Break::default(),
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
