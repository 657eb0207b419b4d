// SPDX-License-Identifier: GPL-2.0

//! Pidfds, and what they are of: a task of the tree, or one that was reaped.
//!
//! One that was reaped has left its exit code, which PIDFD_GET_INFO tells. It gets a pid that never
//! has a task, and whose numbers are free again at once, as they are of any that was reaped.

use kernel::prelude::*;

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        name::{
            Named,
            User, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            open,
            pidfd::{
                PidfdTarget,
                PIDFD_AUTOKILL,
                PIDFD_THREAD, //
            },
            FILE_PIDFD, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            open::oflag, //
        },
        pid::pidfd::{
            Coredump,
            Past, //
        },
        task::{
            frozen::{
                FrozenTask,
                TaskName, //
            },
            links::{
                OrphanPid,
                PidRef, //
            }, //
        }, //
    }, //
};

/// Pidfds.
pub(super) const OPS: FileOps = FileOps {
    name: "a pidfd",
    number: FILE_PIDFD,
    matches: |f| PidRef::of_pidfd(f.file).is_some(),
    collect,
    // Who has closed the last one kills the process, or what was it.
    lossless: |open| !open.file.kills_process(),
    save,
    restore,
    ..FileOps::NONE
};

/// What pidfds are of, or sockets and messages came from.
struct Target {
    pid: PidRef,
    /// What the file is to it, for messages.
    what: &'static str,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
    /// Name of the file, for messages.
    name: KVec<u8>,
}

/// A rebuilt pid.
struct BuiltTarget(PidRef);

impl Rebuilt for BuiltTarget {}

/// Notes what a pidfd is of. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let pid = PidRef::of_pidfd(&open.file).ok_or(EBADF)?;
    let why = if open.file.is_reopened_pidfd() {
        Some("was opened by way of /proc/PID/fd: have it opened by pidfd_open(2)")
    } else if open.file.kills_process() && pid.task().is_some() {
        Some("kills its process when it is closed (CLONE_PIDFD_AUTOKILL), which can't be saved yet")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    collect_pid(cap, t, named, "is a pidfd of", pid)
}

/// Notes the pid of a task, or of one that was reaped; `what` is what the file `named` is to it,
/// for messages. False: refused.
pub(crate) fn collect_pid(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    what: &'static str,
    pid: PidRef,
) -> Result<bool> {
    // Those of a task are refused with it.
    let why = if pid.task().is_none() && pid.past().is_err() {
        Some("has extended attributes: have them removed")
    } else if pid.task().is_none() && pid.is_group() {
        Some(
            "its process was reaped, but its process group or session is there: end that, or have it \
             closed",
        )
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if cap.objects.count::<Target>(pid.addr())? {
        let mut name = KVec::new();
        name.extend_from_slice(named.name, GFP_KERNEL_ACCOUNT)?;
        cap.objects.keep(Target {
            pid,
            what,
            who: t.display(&cap.pid_ns),
            user: named.user,
            name,
        })?;
    }
    Ok(true)
}

impl Shared<Found> for Target {
    fn addr(&self) -> usize {
        self.pid.addr()
    }

    /// Tells who has it. All tasks of the tree are known when this is asked.
    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        let number = self.pid.number_in(&cap.pid_ns);
        let ours = number != 0 && (self.pid.task().is_none() || cap.found.task.has(number));
        if ours {
            Outside::Nothing
        } else {
            Outside::Refused
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        let number = self.pid.number_in(&cap.pid_ns);
        let advice = "have it closed, or checkpoint that as well";
        match self.pid.task() {
            Some(task) if number != 0 => cap.report.refuse(
                EBUSY,
                &self.who,
                fmt!(
                    "{}: {} {}, which is outside of the tree: {}",
                    named,
                    self.what,
                    TaskName::of(&task, &cap.pid_ns),
                    advice
                ),
            ),
            _ => cap.report.refuse(
                EBUSY,
                &self.who,
                fmt!(
                    "{}: {} a process outside of the pid namespace: have it closed",
                    named,
                    self.what
                ),
            ),
        }
        Ok(())
    }
}

/// Returns the pid of the init of the namespace that `pid`, whose task was reaped, gets its numbers
/// in: its own, or the one around that still has tasks. 0: the root's.
fn init_of(cap: &Capture, pid: &PidRef) -> Result<u32> {
    let mut ns = pid.namespace()?;
    while ns != cap.pid_ns {
        let init = ns.init_in(&cap.pid_ns);
        if init != 0 && cap.found.task.has(init) {
            return Ok(init);
        }
        ns = ns.parent().ok_or(ESRCH)?;
    }
    Ok(0)
}

/// Returns the reference of a pid that was noted; writes its record the first time.
pub(crate) fn save_pid(cap: &mut Capture, pid: &PidRef) -> Result<ObjRef> {
    let addr = pid.addr();
    let (obj, Some(target)) = cap.objects.save::<Target>(addr)? else {
        return cap.objects.reference::<Target>(addr);
    };
    let past = target.pid.past()?;
    let mut record = PidfdTarget {
        obj: obj.get().into(),
        pid: 0.into(),
        init: 0.into(),
        exit_code: 0.into(),
        coredump: past.coredump.mask.into(),
        signal: past.coredump.signal.into(),
        code: past.coredump.code.into(),
        number: 0.into(),
    };
    if target.pid.task().is_some() {
        record.pid = target.pid.number_in(&cap.pid_ns).into();
    } else {
        record.init = init_of(cap, &target.pid)?.into();
        record.number = target.pid.number_in(&cap.pid_ns).into();
        // It is there before the task is gone.
        record.exit_code = past.exit_code.ok_or(ESRCH)?.into();
    }
    cap.meta.put(&record, &[])?;
    Ok(obj)
}

/// Writes what a pidfd is of, and returns its own flags where others have a position.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let mut flags = 0;
    if open.file.is_of_thread() {
        flags |= PIDFD_THREAD;
    }
    if open.file.kills_process() {
        flags |= PIDFD_AUTOKILL;
    }
    Ok(Saved {
        inode: save_pid(cap, &PidRef::of_pidfd(&open.file).ok_or(EBADF)?)?.get(),
        pos: i64::try_from(flags)?,
        ..Saved::of(&open.file)
    })
}

/// Returns the pid of a task that was reaped: one that has none.
fn make_reaped(r: &Restore, record: &PidfdTarget) -> Result<PidRef> {
    let init = match record.init.get() {
        0 => r.container.root.get(),
        init => init,
    };
    let ns = r.pid(init)?.namespace()?;
    let number = i32::try_from(record.number.get())?;
    // Its numbers are free when this is dropped.
    let orphan = if number != 0 && record.init.get() == 0 {
        OrphanPid::new(&ns, &mut [number])
    } else {
        OrphanPid::new(&ns, &mut [])
    };
    // Who has the number now is not who had it.
    let orphan = match orphan {
        Err(EEXIST | EPERM) => OrphanPid::new(&ns, &mut [])?,
        orphan => orphan?,
    };
    let pid = orphan.pid();
    pid.set_past(&Past {
        exit_code: Some(record.exit_code.get()),
        coredump: coredump(record),
    })?;
    Ok(pid)
}

fn coredump(record: &PidfdTarget) -> Coredump {
    Coredump {
        mask: record.coredump.get(),
        signal: record.signal.get(),
        code: record.code.get(),
    }
}

/// Returns the pid with reference `obj`: that of a task, all of which exist, or a new one.
pub(crate) fn restore_pid(r: &Restore, obj: ObjRef) -> Result<PidRef> {
    target(r, obj).map_err(|e| r.told(e, fmt!("who a socket or message came from: {}", why(e))))
}

/// Returns the same, without a message.
pub(super) fn target(r: &Restore, obj: ObjRef) -> Result<PidRef> {
    if let Some(pid) = r.with_built(obj, |t: &BuiltTarget| t.0.clone()) {
        return Ok(pid);
    }
    let (record, _) = r.object_body::<PidfdTarget>(obj)?;
    let pid = match record.pid.get() {
        0 => make_reaped(r, &record)?,
        tid => {
            let pid = r.pid(tid)?;
            let past = Past {
                exit_code: None,
                coredump: coredump(&record),
            };
            pid.set_past(&past)?;
            pid
        }
    };
    r.set_built(obj, BuiltTarget(pid.clone()))?;
    Ok(pid)
}

/// Returns why a pid can't be had, in words.
fn why(e: Error) -> &'static str {
    match e {
        EAGAIN => "there is no pid left (kernel.pid_max)",
        ESRCH | ENOMEM => "its process was killed, or there is no memory for it",
        _ => "can't be made",
    }
}

/// Opens a pidfd as it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let pid =
        target(r, obj).map_err(|e| r.fail(e, plan, fmt!("a pidfd: {}: {}", why(e), Errno(e))))?;
    let has = |flag| source.record.pos.get() & flag != 0;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let opened = opener.act(|| {
        let file = pid.open_pidfd(has(PIDFD_THREAD), has(PIDFD_AUTOKILL))?;
        if source.record.flags.get() & open::PATH != 0 {
            return FileRef::open(&file.path(), source.flags, 0);
        }
        file.set_flags(oflag::SETFL, source.flags)?;
        Ok(file)
    });
    opened.map_err(|e| r.fail(e, plan, fmt!("a pidfd can't be opened: {}", Errno(e))))
}
