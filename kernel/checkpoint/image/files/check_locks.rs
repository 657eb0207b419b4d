// SPDX-License-Identifier: GPL-2.0

//! What a descriptor table or an open file owns: locks, who gets its signals, a lease.

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            flags,
            ids,
            no_payload,
            signal,
            zero,
            POS_MAX, //
        },
        pid,
        walk::{
            refer,
            Walk, //
        },
        Object,
        Pid, //
    },
    files::{
        check::{
            kind_of,
            DETAIL_FLAGS, //
        },
        *, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

impl Walk<'_> {
    /// Locks of files.
    pub(in crate::image) fn locks(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let locks: Locks = raw.body()?;
        zero(raw, locks.reserved.get() == 0)?;
        self.follows(
            raw,
            locks.owner.get(),
            "does not follow the descriptor table or open file that owns it",
        )?;
        let file = refer::<OpenFile>(self.objects, raw, locks.owner.get()).ok();
        let list: &[Lock] = raw.array(LOCKS_MAX)?;
        ensure(raw, !list.is_empty(), "no locks")?;
        for lock in list {
            self.lock(raw, lock, file)?;
        }
        Ok(())
    }

    /// Checks a lock of an open file, or of a descriptor table.
    fn lock(&self, raw: &Raw<'_>, lock: &Lock, file: Option<&Object>) -> Result<(), Fault> {
        let (kind, exclusive) = (lock.kind.get(), lock.exclusive.get());
        let (start, end) = (lock.start.get(), lock.end.get());
        boolean(raw, exclusive)?;
        ensure(
            raw,
            start <= end && end <= POS_MAX,
            "impossible range of a lock",
        )?;
        self.taken_by(raw, lock.pid.get())?;
        let Some(file) = file else {
            return ensure(
                raw,
                kind == LOCK_POSIX && usize::try_from(lock.fd.get()).is_ok_and(|n| n < FDS_MAX),
                "not a lock that a descriptor table can own",
            );
        };
        zero(raw, lock.fd.get() == 0)?;
        let flags = file.detail >> DETAIL_FLAGS;
        let access = match (kind, exclusive) {
            (LOCK_FLOCK, _) => {
                ensure(raw, start == 0 && end == POS_MAX, "flock(2) of a range")?;
                open::READ | open::WRITE
            }
            (LOCK_OFD, 0) => open::READ,
            (LOCK_OFD, _) => open::WRITE,
            _ => return Err(raw.fault("not a lock that an open file can own")),
        };
        ensure(
            raw,
            flags & access != 0 && flags & open::PATH == 0,
            "the open file is not open for what the lock wants",
        )
    }

    /// Returns the open file right before, if that is `file`.
    fn file_before(&mut self, raw: &Raw<'_>, file: u32) -> Result<&Object, Fault> {
        self.follows(
            raw,
            file,
            "does not follow the open file that it belongs to",
        )?;
        let file = self.refer::<OpenFile>(raw, file)?;
        ensure(
            raw,
            file.detail >> DETAIL_FLAGS & open::PATH == 0,
            "belongs to a file that is open for its path only",
        )?;
        Ok(file)
    }

    /// Checks who gets the signals of an open file.
    pub(in crate::image) fn file_owner(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let owner: FileOwner = raw.body()?;
        self.file_before(raw, owner.file.get())?;
        let (kind, number) = (owner.kind.get(), owner.pid.get());
        ensure(
            raw,
            matches!(kind, OWNER_THREAD | OWNER_PROCESS | OWNER_GROUP),
            "unknown kind of owner",
        )?;
        if number != 0 {
            let pid = pid(self.pids, number);
            ensure(
                raw,
                pid.is_some_and(|pid| kind == OWNER_GROUP || pid.is_task()),
                "signals go to nobody in the image",
            )?;
        }
        signal(raw, owner.signal.get())?;
        ids(raw, owner.user.iter().map(|id| id.get()))?;
        boolean(raw, owner.signals.get())?;
        ensure(
            raw,
            i32::try_from(owner.fd.get()).is_ok(),
            "descriptor too large",
        )?;
        zero(raw, owner.signals.get() != 0 || owner.fd.get() == 0)?;
        no_payload(raw)
    }

    /// Checks a lease or delegation of an open file.
    pub(in crate::image) fn lease(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let lease: Lease = raw.body()?;
        let file = kind_of(self.file_before(raw, lease.file.get())?);
        boolean(raw, lease.delegation.get())?;
        boolean(raw, lease.exclusive.get())?;
        ensure(
            raw,
            match file {
                FILE_REGULAR | FILE_CONTENTS | FILE_UNLINKED | FILE_MEMFD | FILE_ALIAS => true,
                FILE_DIRECTORY => lease.delegation.get() == 1 && lease.exclusive.get() == 0,
                _ => false,
            },
            "a lease that the file can't have",
        )?;
        self.taken_by(raw, lease.pid.get())?;
        ensure(
            raw,
            i32::try_from(lease.fd.get()).is_ok(),
            "descriptor too large",
        )?;
        zero(raw, lease.reserved.get() == 0 && lease.unused.get() == 0)?;
        broken(raw, &lease)?;
        no_payload(raw)
    }

    /// Refuses who has taken a lock, if it is no process of the image; 0: none is known.
    fn taken_by(&self, raw: &Raw<'_>, process: u32) -> Result<(), Fault> {
        ensure(
            raw,
            process == 0 || pid(self.pids, process).is_some_and(Pid::is_leader),
            "was taken by no process of the image",
        )
    }
}

/// Checks the break of a lease that is under way.
fn broken(raw: &Raw<'_>, lease: &Lease) -> Result<(), Fault> {
    let broken = lease.broken.get();
    flags(raw, broken.into(), LEASE_ALL.into())?;
    ensure(
        raw,
        broken & LEASE_DOWNGRADE == 0 || lease.exclusive.get() == 1,
        "a lease for reading that is to become one",
    )?;
    for (flag, left) in [
        (LEASE_DOWNGRADE, lease.downgrade.get()),
        (LEASE_UNLOCK, lease.unlock.get()),
    ] {
        zero(raw, broken & flag != 0 || left == 0)?;
        ensure(
            raw,
            left <= LEASE_LIMIT || left == LEASE_ENDLESS,
            "a lease that is to be given up too late",
        )?;
    }
    Ok(())
}
