// SPDX-License-Identifier: GPL-2.0

//! Userfaultfds: how they were made, and of which address space. What they watch are records of its
//! mappings (`mm/userfault.rs`).
//!
//! A message that tells of a page fault is nowhere but on the stack of the thread that waits for it to be
//! answered. A freeze ends that wait, and the thread faults again when it runs: so it is after a
//! restart, and who had read the message gets another one. A thread that waits until an event was read
//! can't be frozen.

use kernel::prelude::*;

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        name::{
            name_of,
            Named,
            Text,
            User, //
        },
        open::Open,
        opener,
        ops::{
            Compare,
            FileOps,
            Saved,
            Source, //
        },
        path, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            FILE_USERFAULTFD,
            FILE_USERFAULTFD_DEVICE, //
        },
        record::ref_number,
        userfault::{
            Userfaultfd as Record,
            USERFAULT_CLOEXEC,
            USERFAULT_FORKED,
            USERFAULT_INITIALIZED,
            USERFAULT_NONBLOCK,
            USERFAULT_USER_ONLY, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            open::oflag,
            path::PathRef, //
        },
        mm::userfault::{
            self,
            How,
            Userfaultfd, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    mm::{
        BuiltMm,
        Space, //
    }, //
};

/// Userfaultfds.
pub(super) const OPS: FileOps = FileOps {
    name: "a userfaultfd",
    number: FILE_USERFAULTFD,
    matches: |f| f.file.is_userfaultfd(),
    collect,
    advice: "checkpoint who answers the page faults as well, or have that close it",
    save,
    restore,
    ..FileOps::NONE
};

/// What makes them, opened. It has no state but what every open file has.
pub(super) const DEVICE_OPS: FileOps = FileOps {
    name: "the device of userfaultfds",
    number: FILE_USERFAULTFD_DEVICE,
    matches: |f| f.is(ftype::CHAR) && userfault::is_device(f.file.device()),
    by_path: true,
    collect: path::collect,
    lossless: |_| true,
    // Its number may be another one after each boot.
    compare: Compare::Type,
    restore: restore_device,
    ..FileOps::NONE
};

/// Where who has not CAP_SYS_PTRACE may get one that tells of faults of system calls.
const DEVICE: &CStr = c"dev/userfaultfd";

/// A userfaultfd, known by what memory that it watches refers to.
struct OpenUserfaultfd {
    file: FileRef,
    context: usize,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
}

impl Shared<Found> for OpenUserfaultfd {
    fn addr(&self) -> usize {
        self.context
    }

    /// Tells whether it tells of page faults of somebody else than the tasks.
    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        match Userfaultfd::of(&self.file) {
            Some(u) if !u.gone && cap.objects.users::<Space>(u.mm) == 0 => Outside::Refused,
            _ => Outside::Nothing,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let name = name_of(cap, &self.file)?;
        let named = Named {
            user: self.user,
            name: &name,
        };
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "{}: a userfaultfd of a process that is not among these: checkpoint that as well, \
                 or close it",
                named
            ),
        );
        Ok(())
    }
}

/// Returns whether the tasks have the userfaultfd open that memory refers to as `context`. One that
/// was refused has its own line.
pub(in crate::files) fn is_open(cap: &Capture, context: usize) -> bool {
    cap.objects.users::<OpenUserfaultfd>(context) > 0
}

/// Returns the reference of the userfaultfd that memory refers to as `context`.
pub(in crate::files) fn reference(cap: &Capture, context: usize) -> Result<ObjRef> {
    cap.objects.reference::<OpenUserfaultfd>(context)
}

/// Notes what memory refers to.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let uffd = Userfaultfd::of(&open.file).ok_or(EIO)?;
    cap.objects.count::<OpenUserfaultfd>(uffd.context)?;
    if uffd.events {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: has events that were not read, for which who has caused them waits: have \
                 them read",
                named
            ),
        );
        return Ok(false);
    }
    cap.objects.keep(OpenUserfaultfd {
        file: open.file.clone(),
        context: uffd.context,
        who: t.display(&cap.pid_ns),
        user: named.user,
    })?;
    open.ours += 1;
    Ok(true)
}

/// Writes how it was made, and of which address space.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let uffd = Userfaultfd::of(&open.file).ok_or(EIO)?;
    let (obj, Some(_)) = cap.objects.save::<OpenUserfaultfd>(uffd.context)? else {
        return Err(EINVAL);
    };
    let mm = if uffd.gone {
        None
    } else {
        Some(cap.objects.reference::<Space>(uffd.mm)?)
    };
    let bit = |on: bool, flag: u32| if on { flag } else { 0 };
    let record = Record {
        obj: obj.get().into(),
        mm: ref_number(mm).into(),
        flags: (bit(uffd.how.user_only, USERFAULT_USER_ONLY)
            | bit(uffd.how.nonblock, USERFAULT_NONBLOCK)
            | bit(uffd.how.cloexec, USERFAULT_CLOEXEC)
            | bit(uffd.how.initialized, USERFAULT_INITIALIZED)
            | bit(!uffd.how.nowait, USERFAULT_FORKED))
        .into(),
        features: uffd.how.features.into(),
    };
    cap.meta.put(&record, &[])?;
    Ok(Saved {
        inode: obj.get(),
        ..Saved::of(&open.file)
    })
}

/// A rebuilt userfaultfd, which watches nothing yet.
struct BuiltUserfaultfd(FileRef);

impl Rebuilt for BuiltUserfaultfd {}

/// Returns the rebuilt userfaultfd `obj`; `None`: no task has it.
pub(in crate::files) fn built(r: &Restore, obj: ObjRef) -> Option<FileRef> {
    r.with_built(obj, |uffd: &BuiltUserfaultfd| uffd.0.clone())
}

/// Makes one, as userfaultfd(2) and UFFDIO_API do, or as /dev/userfaultfd does: which of both it
/// was is not known.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let (record, _) = r.object_body::<Record>(obj)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let has = |flag: u32| record.flags.get() & flag != 0;
    let how = How {
        user_only: has(USERFAULT_USER_ONLY),
        nonblock: has(USERFAULT_NONBLOCK),
        cloexec: has(USERFAULT_CLOEXEC),
        initialized: has(USERFAULT_INITIALIZED),
        nowait: !has(USERFAULT_FORKED),
        features: record.features.get(),
    };
    let mm = match ObjRef::new(record.mm.get()) {
        None => None,
        Some(of) => {
            let mm = r.with_built(of, |mm: &BuiltMm| mm.mm.clone());
            Some(mm.ok_or_else(|| {
                r.fail(
                    EINVAL,
                    plan,
                    fmt!("a userfaultfd of an address space that no task has"),
                )
            })?)
        }
    };
    let device = || {
        let path = PathRef::lookup(&r.root, DEVICE)?;
        // Before it is opened: that waits for ever for a named pipe, and does something to others.
        if path.mode() & ftype::MASK != ftype::CHAR || !userfault::is_device(path.device()) {
            return Err(EPERM);
        }
        FileRef::open(&path, oflag::READ, 0)
    };
    let make = || {
        let file = match how.make(mm.as_ref(), None) {
            Err(EPERM) => {
                let device = device().map_err(|_| EPERM)?;
                how.make(mm.as_ref(), Some(&device))?
            }
            made => made?,
        };
        file.set_flags(oflag::SETFL, source.flags)?;
        Ok(file)
    };
    let file = opener.act(make).map_err(|e| {
        let why = match e {
            EPERM => {
                "who had made it may not have one like this here (CAP_SYS_PTRACE, \
                 vm.unprivileged_userfaultfd, /dev/userfaultfd)"
            }
            EINVAL => "this kernel has none like this",
            ENFILE => "too many files are open (fs.file-max)",
            ENOMEM => "no memory",
            _ => "it can't be made",
        };
        r.fail(e, plan, fmt!("a userfaultfd can't be rebuilt: {}", why))
    })?;
    r.set_built(obj, BuiltUserfaultfd(file.clone()))?;
    Ok(file)
}

/// Opens the device that is at the path, if it is still the one of userfaultfds.
fn restore_device(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = path::find(r, plan, source, &opener)?;
    // Before it is opened: to open another one may do something already.
    if !userfault::is_device(found.device()) {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: is not the device of userfaultfds, as when it was saved: bring that back",
                Text(source.path.as_bytes())
            ),
        ));
    }
    let file = path::open_found(r, plan, source, &opener, &found, source.flags)?;
    path::set_pos(r, plan, source, &file)?;
    Ok(file)
}
