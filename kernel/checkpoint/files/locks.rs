// SPDX-License-Identifier: GPL-2.0

//! Locks of files: POSIX locks, those of open files (OFD), and those of flock(2).
//!
//! Who owns a lock has it in the image: a descriptor table its POSIX locks, an open file all others.
//! They are taken when all tasks are parked, so that each owner is there. A task that waits for one
//! does so in a system call, which it makes again. Locks of others on the same files stay what they
//! are: they are the tasks' concern only if they conflict when these come back.

use kernel::{
    fmt,
    prelude::*, //
};
use zerocopy::IntoBytes;

use crate::{
    core::{
        objects::Shared,
        report::Errno,
        restore::Restore, //
    },
    files::{
        name::{
            name_from,
            Named,
            Text, //
        },
        table::Table, //
    },
    found::Capture,
    image::{
        self,
        files::{
            LOCKS_MAX,
            LOCK_FLOCK,
            LOCK_OFD,
            LOCK_POSIX, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            fdtable::FilesRef,
            file::FileRef,
            locks::{
                Break,
                Lock,
                LockKind,
                Locks,
                TO_THE_END, //
            }, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// Looks at the locks of the inode of `file`, once for each inode.
fn look(cap: &mut Capture, file: &FileRef) -> Result {
    // Nobody locks what is below an overlay: its own file is what was opened.
    let inode = file.inode_addr();
    if file.is_backing() || cap.found.files.locks.get(&inode).is_some() {
        return Ok(());
    }
    let locks = Locks::of(file)?;
    cap.found.files.posix_locks |= locks.any(LockKind::Posix);
    cap.found
        .files
        .locks
        .try_create_and_insert(inode, locks, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Returns the locks of `file` that were seen.
pub(super) fn seen<'a>(cap: &'a Capture, file: &FileRef) -> &'a [Lock] {
    match cap.found.files.locks.get(&file.inode_addr()) {
        Some(locks) if !file.is_backing() => locks.of_file(file),
        _ => &[],
    }
}

/// Looks at the locks that were taken by way of `file`. False: one was refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    file: &FileRef,
) -> Result<bool> {
    look(cap, file)?;
    if file.may_have_other_locks() {
        if cap.strict {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: may have locks that only its server (fuse) knows of: do without \
                     CHECKPOINT_STRICT (--strict)",
                    named
                ),
            );
            return Ok(false);
        }
        let who = t.display(&cap.pid_ns);
        cap.report.note(
            &who,
            fmt!(
                "{}: what its server (fuse) keeps of locks is not known: after a restart it has none",
                named
            ),
        );
    }
    let has = |kind| seen(cap, file).iter().any(|lock| lock.kind == kind);
    let elsewhere = |kind| has(kind) && file.keeps_locks_itself(kind);
    if [LockKind::Posix, LockKind::Ofd, LockKind::Flock]
        .into_iter()
        .any(elsewhere)
    {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: is locked, and its filesystem ({}) keeps locks by itself: have it unlocked",
                named,
                Text(file.fs_name().to_bytes())
            ),
        );
        return Ok(false);
    }
    Ok(true)
}

/// Returns whether the open file `file` owns locks or a lease, whatever becomes of them.
pub(super) fn owns_any(cap: &mut Capture, file: &FileRef) -> Result<bool> {
    look(cap, file)?;
    Ok(seen(cap, file)
        .iter()
        .any(|lock| lock.kind != LockKind::Posix))
}

/// Returns the pid of the process that has taken `lock`; 0: it is not in the tree.
pub(super) fn pid_of(cap: &Capture, lock: &Lock) -> u32 {
    Some(cap.pid_ns.process(lock.pid))
        .filter(|&pid| cap.found.task.has(pid))
        .unwrap_or(0)
}

/// Returns what the kernel notes of the process that has taken a lock, from its pid in the image.
pub(super) fn taken_by(r: &Restore, pid: u32) -> Result<i32> {
    Ok(match pid {
        0 => 0,
        pid => r.pid_ns()?.outermost(pid),
    })
}

/// Returns the record of a lock; `fd`: descriptor of the file in the table that owns it.
fn to_image(cap: &Capture, lock: &Lock, fd: u32) -> image::files::Lock {
    image::files::Lock {
        start: lock.start.cast_unsigned().into(),
        end: lock.end.cast_unsigned().into(),
        kind: match lock.kind {
            LockKind::Posix => LOCK_POSIX,
            LockKind::Ofd => LOCK_OFD,
            _ => LOCK_FLOCK,
        }
        .into(),
        exclusive: u32::from(lock.exclusive).into(),
        pid: pid_of(cap, lock).into(),
        fd: fd.into(),
    }
}

/// Writes the records of the locks of `owner`, after its own record.
fn put(cap: &mut Capture, owner: ObjRef, locks: &[image::files::Lock]) -> Result {
    for locks in locks.chunks(LOCKS_MAX) {
        let record = image::files::Locks {
            owner: owner.get().into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, locks.as_bytes())?;
    }
    Ok(())
}

/// Writes the locks that the open file `file` owns, right after its record.
pub(super) fn save_of_file(cap: &mut Capture, obj: ObjRef, file: &FileRef) -> Result {
    let mut locks = KVVec::new();
    for lock in seen(cap, file) {
        if matches!(lock.kind, LockKind::Ofd | LockKind::Flock) {
            locks.push(to_image(cap, lock, 0), GFP_KERNEL_ACCOUNT)?;
        }
    }
    put(cap, obj, &locks)
}

/// Appends to `locks` the POSIX locks that the table at the address `table` owns of the file at
/// its descriptor `fd`.
fn of_descriptor(
    cap: &Capture,
    table: usize,
    fd: u32,
    file: &FileRef,
    locks: &mut KVVec<image::files::Lock>,
) -> Result {
    for lock in seen(cap, file) {
        if lock.kind == LockKind::Posix && lock.owner == table {
            locks.push(to_image(cap, lock, fd), GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(())
}

/// Writes the POSIX locks that the descriptor table `table` owns, right after its record.
pub(super) fn save_of_table(cap: &mut Capture, obj: ObjRef, table: &Table) -> Result {
    let mut locks = KVVec::new();
    if !cap.found.files.posix_locks {
        return Ok(());
    }
    table.for_each_file(cap, |cap, fd, file| {
        of_descriptor(cap, table.addr(), fd, file, &mut locks)
    })?;
    put(cap, obj, &locks)
}

/// Takes the locks whose records follow that of the object `obj`: of `file`, or of the table
/// `table`.
fn restore(
    r: &Restore,
    obj: ObjRef,
    mut of: impl FnMut(&image::files::Lock, &Lock) -> Result,
) -> Result {
    for raw in r.records_after(obj)? {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::Locks {
            break;
        }
        let locks: &[image::files::Lock] = raw.array(LOCKS_MAX).map_err(|f| r.fault(f))?;
        for saved in locks {
            // The kernel looks at all locks of an inode for each new one.
            wait::go_on()?;
            let lock = Lock {
                kind: match saved.kind.get() {
                    LOCK_POSIX => LockKind::Posix,
                    LOCK_OFD => LockKind::Ofd,
                    _ => LockKind::Flock,
                },
                exclusive: saved.exclusive.get() != 0,
                file: 0,
                owner: 0,
                start: saved.start.get().cast_signed(),
                end: saved.end.get().cast_signed(),
                pid: taken_by(r, saved.pid.get())?,
                fd: 0,
                broken: Break::default(),
            };
            of(saved, &lock)?;
        }
    }
    Ok(())
}

/// Takes the locks that the open file `file` with reference `obj` owns.
pub(super) fn restore_of_file(r: &Restore, obj: ObjRef, file: &FileRef) -> Result {
    restore(r, obj, |_, lock| {
        file.lock(lock, None)
            .map_err(|e| failed(r, e, lock, file, None))
    })
}

/// Takes the POSIX locks that the descriptor table `table` with reference `obj` owns.
pub(super) fn restore_of_table(r: &Restore, obj: ObjRef, table: &FilesRef) -> Result {
    restore(r, obj, |saved, lock| {
        let fd = saved.fd.get();
        let file = table.file(fd).ok_or_else(|| {
            r.told(
                EINVAL,
                fmt!(
                    "the image is faulty: a lock is of descriptor {}, which is not open",
                    fd
                ),
            )
        })?;
        file.lock(lock, Some((table, fd)))
            .map_err(|e| failed(r, e, lock, &file, Some(table)))
    })
}

/// A lock in messages.
struct What<'a>(&'a Lock);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(lock) = self;
        f.write_str(if lock.exclusive {
            "exclusive"
        } else {
            "shared"
        })?;
        match lock.kind {
            LockKind::Flock => f.write_str(" lock (flock)"),
            LockKind::Lease | LockKind::Delegation => f.write_str(" lease"),
            _ if lock.end == TO_THE_END => write!(f, " lock of bytes {} to the end", lock.start),
            _ => write!(f, " lock of bytes {} to {}", lock.start, lock.end),
        }
    }
}

/// Reports that `lock` can't be taken; returns the error for that.
fn failed(r: &Restore, e: Error, lock: &Lock, file: &FileRef, table: Option<&FilesRef>) -> Error {
    let Ok(name) = name_from(&r.root, file) else {
        return e;
    };
    let (name, what) = (Text(&name), What(lock));
    let other = match e {
        EAGAIN => file.lock_conflict(lock, table).ok().flatten(),
        _ => None,
    };
    match (e, other) {
        (_, Some((other, pid))) if pid != 0 => r.told(
            e,
            fmt!(
                "{}: the {} can't be taken: process {} holds the {} meanwhile: have it give that up",
                name,
                what,
                pid,
                What(&other)
            ),
        ),
        (_, Some((other, _))) => r.told(
            e,
            fmt!(
                "{}: the {} can't be taken: somebody holds the {} meanwhile, taken by a process \
                 that is gone, or not in this pid namespace: have it given up",
                name,
                what,
                What(&other)
            ),
        ),
        (EAGAIN, None) => r.told(
            e,
            fmt!(
                "{}: the {} can't be taken: somebody has locked it for a moment: try again",
                name,
                what
            ),
        ),
        (EOPNOTSUPP, None) => r.told(
            e,
            fmt!(
                "{}: the {} can't be taken: the filesystem ({}) keeps locks by itself: put the \
                 file where it was",
                name,
                what,
                Text(file.fs_name().to_bytes())
            ),
        ),
        (EBADF, None) => r.told(
            e,
            fmt!(
                "the image is faulty: {}: the descriptor of the {} is not open for that",
                name,
                what
            ),
        ),
        _ => r.told(
            e,
            fmt!("{}: the {} can't be taken: {}", name, what, Errno(e)),
        ),
    }
}
