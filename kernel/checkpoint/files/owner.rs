// SPDX-License-Identifier: GPL-2.0

//! Who gets the signals of an open file, with what signal, and by whose choice: F_SETOWN, F_SETSIG,
//! O_ASYNC.
//!
//! It is set when all tasks have their pids and what is pending for them, right before they run: what
//! a file has to tell before that would be lost.

use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};
use zerocopy::FromZeros;

use crate::{
    core::{
        report::Errno,
        restore::Restore, //
    },
    files::{
        kinds,
        name::{
            name_from,
            Named,
            Text, //
        },
        ops::FileOps,
        pipe, //
    },
    found::Capture,
    image::{
        files::{
            FileOwner,
            FILE_INOTIFY,
            FILE_SOCKET,
            FILE_TUN,
            OWNER_GROUP,
            OWNER_PROCESS,
            OWNER_THREAD, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            owner::{
                Owner,
                OwnerKind, //
            },
            pipe::Pipe, //
        },
        pid::namespace::PidNs,
        security::cred,
        task::{
            frozen::FrozenTask,
            links::{
                OrphanPid,
                PidRef, //
            }, //
        }, //
    }, //
};

/// Who the owner is.
enum Who {
    /// Nobody: none was chosen, or it is gone.
    Nobody,
    /// A thread, process or group of the tree, by its number in the namespace of the root.
    Inside(u32),
    /// One of others.
    Outside,
}

/// Finds out who `owner` is. To be called when all tasks were collected.
fn who(cap: &Capture, owner: &Owner) -> Who {
    let Some(pid) = &owner.pid else {
        return Who::Nobody;
    };
    let number = pid.number_in(&cap.pid_ns);
    if owner.kind != OwnerKind::Group {
        return match pid.is_of_thread() {
            false => Who::Nobody,
            true if cap.found.task.has(number) => Who::Inside(number),
            true => Who::Outside,
        };
    }
    // Many files may have one group of many.
    let known = &cap.found.files.group_inside;
    if known.load(Relaxed) == pid.addr() {
        return Who::Inside(number);
    }
    let (mut members, mut others) = (false, !cap.found.task.has_group(cap.whole, number));
    pid.for_each_member(&cap.pid_ns, |tid| {
        members = true;
        others |= !cap.found.task.has(tid);
    });
    match (members, others) {
        (false, _) => Who::Nobody,
        (true, false) => {
            known.store(pid.addr(), Relaxed);
            Who::Inside(number)
        }
        (true, true) => Who::Outside,
    }
}

/// Looks at who gets the signals of `file`. False: it was refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    kind: &FileOps,
    file: &FileRef,
) -> Result<bool> {
    let signals = file.is_async() && file.sends_signals();
    if signals && (kind.async_fd)(file).is_none() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: signals of {} (O_ASYNC) can't be saved yet",
                named,
                kind.name
            ),
        );
        return Ok(false);
    }
    let Some(owner) = file.signal_owner() else {
        return Ok(true);
    };
    if owner.user.is_none() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: who has set its owner (F_SETOWN) is not known in this user namespace: call \
                 from outside",
                named
            ),
        );
        return Ok(false);
    }
    note_gone(cap, t, named, &owner);
    Ok(true)
}

/// Notes that an owner is gone, if it is: afterwards that looks like having none.
fn note_gone(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, owner: &Owner) {
    let gone = |pid: &PidRef| match owner.kind {
        OwnerKind::Group => !pid.has_members(),
        _ => !pid.is_of_thread(),
    };
    if owner.pid.as_ref().is_some_and(gone) {
        cap.report.note(
            &t.display(&cap.pid_ns),
            fmt!(
                "{}: who was to get its signals (F_SETOWN) is gone; after a restart it is nobody",
                named
            ),
        );
    }
}

/// Returns whether who gets the signals of `file` is outside of the tree.
pub(super) fn is_outside(cap: &Capture, file: &FileRef) -> bool {
    file.signal_owner()
        .is_some_and(|owner| matches!(who(cap, &owner), Who::Outside))
}

/// Writes who gets the signals of the open file `file`, after its record.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, kind: &FileOps, file: &FileRef) -> Result {
    let fd = if file.is_async() && file.sends_signals() {
        Some((kind.async_fd)(file).ok_or(ENOENT)?)
    } else {
        None
    };
    let owner = file.signal_owner();
    if owner.is_none() && fd.is_none() {
        return Ok(());
    }
    let owner = owner.unwrap_or(Owner {
        kind: OwnerKind::Thread,
        pid: None,
        signal: 0,
        user: Some([0, 0]),
    });
    let pid = match who(cap, &owner) {
        Who::Nobody => 0,
        Who::Inside(number) => number,
        // It was refused when the tasks were collected.
        Who::Outside => return Err(EBUSY),
    };
    let record = FileOwner {
        file: obj.get().into(),
        kind: match owner.kind {
            OwnerKind::Thread => OWNER_THREAD,
            OwnerKind::Process => OWNER_PROCESS,
            OwnerKind::Group => OWNER_GROUP,
        }
        .into(),
        pid: pid.into(),
        signal: owner.signal.into(),
        user: owner.user.ok_or(EOVERFLOW)?.map(Into::into),
        signals: u32::from(fd.is_some()).into(),
        fd: fd.unwrap_or(0).into(),
    };
    cap.meta.put(&record, &[])
}

/// Sets who gets the signals of `file`, and then, with `lease`, what they tell of. `None`: nobody was
/// ever chosen.
pub(super) fn restore(
    r: &Restore,
    saved: Option<&FileOwner>,
    file: &FileRef,
    lease: impl FnOnce() -> Result,
) -> Result {
    let saved = saved.copied().unwrap_or(FileOwner::new_zeroed());
    let kind = match saved.kind.get() {
        OWNER_PROCESS => OwnerKind::Process,
        OWNER_GROUP => OwnerKind::Group,
        _ => OwnerKind::Thread,
    };
    let [uid, euid] = saved.user.map(|id| id.get());
    let fail = |e: Error, why: &dyn kernel::fmt::Display| match name_from(&r.root, file) {
        Ok(name) => r.told(
            e,
            fmt!(
                "{}: its owner (F_SETOWN) can't be set: {}",
                Text(&name),
                why
            ),
        ),
        Err(e) => e,
    };
    let set = |pid: Option<&PidRef>| {
        file.set_signal_owner(pid, kind, saved.signal.get())
            .map_err(|e| fail(e, &"there is no memory, or no such signal"))
    };
    let signals = || match saved.signals.get() {
        0 => Ok(()),
        _ => set_async(file, saved.fd.get()).map_err(|e| {
            let Ok(name) = name_from(&r.root, file) else {
                return e;
            };
            let (name, what) = (Text(&name), "O_ASYNC can't be set");
            match e {
                EBUSY => r.told(e, fmt!("{}: {}: it {}", name, what, pipe::LOCKED)),
                EINVAL => r.told(
                    e,
                    fmt!("{}: {}: give a pipe in place of a pipe", name, what),
                ),
                e => r.told(e, fmt!("{}: {}: {}", name, what, Errno(e))),
            }
        }),
    };
    let cred = || cred::of_user(uid, euid).map_err(|denied| fail(denied.errno, &denied.why));
    if saved.pid.get() != 0 {
        let pid = PidRef::find(r.pid_ns()?, saved.pid.get()).ok_or(ESRCH)?;
        cred()?.act(|| set(Some(&pid)))?;
        lease()?;
        signals()
    } else {
        // A lease, and O_ASYNC of a tun device, take the current process where there is nobody, and
        // whoever was chosen before has left user ids.
        let nobody = OrphanPid::any(&PidNs::of_current()?)
            .map_err(|e| fail(e, &"there is no pid to stand for nobody"))?;
        let pid = nobody.pid();
        match [uid, euid] {
            [0, 0] => set(Some(&pid)),
            _ => cred()?.act(|| set(Some(&pid))),
        }?;
        lease()?;
        signals()?;
        set(None)
    }
}

/// Sets O_ASYNC of `file`, with the descriptor that its signals name. EINVAL: it is of another kind
/// than what an image can have with that; some of those wait for what user space holds.
fn set_async(file: &FileRef, fd: u32) -> Result {
    match Pipe::of(file) {
        Some(pipe) => pipe.set_async(fd),
        None => match kinds::of(file).number {
            FILE_INOTIFY | FILE_SOCKET | FILE_TUN => file.set_async(fd),
            _ => Err(EINVAL),
        },
    }
}
