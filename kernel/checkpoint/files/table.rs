// SPDX-License-Identifier: GPL-2.0

//! Descriptor tables.

use kernel::prelude::*;

use zerocopy::IntoBytes;

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        report::Errno,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
        name::User,
        open, //
    },
    found::{
        Capture,
        Found,
        ThreadOps, //
    },
    image::{
        self,
        files::{
            Fd,
            FDS_MAX, //
        },
        ObjRef, //
    },
    kapi::{
        fs::fdtable::{
            allow_descriptors,
            close_all,
            set_descriptor,
            FilesRef, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait::check_killed, //
    }, //
};

/// Descriptor tables and all open files in them.
pub(super) const OPS: ThreadOps = ThreadOps {
    name: "descriptor tables",
    collect,
    save,
    restore,
    ..ThreadOps::NONE
};

/// A descriptor.
struct Slot {
    /// Its number.
    fd: u32,
    /// It is closed by exec.
    cloexec: bool,
    /// Address of the file.
    file: usize,
}

/// A descriptor table.
pub(crate) struct Table {
    /// The table.
    files: FilesRef,
    /// Its descriptors by ascending number.
    slots: KVVec<Slot>,
    /// Its first user.
    who: TaskName,
}

/// A rebuilt descriptor table.
struct BuiltFiles(FilesRef);

impl Rebuilt for BuiltFiles {}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(files) = FilesRef::of(t) else {
        return Ok(());
    };
    if !cap.objects.count::<Table>(files.addr())? {
        return Ok(());
    }
    let mut slots: KVVec<Slot> = KVVec::new();
    let mut from = 0;
    while let Some(d) = files.next(from) {
        check_killed()?;
        if d.fd as usize >= FDS_MAX {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "descriptor {}: only those below {} can be saved: have it closed",
                    d.fd,
                    FDS_MAX
                ),
            );
            break;
        }
        from = d.fd.saturating_add(1);
        open::collect(cap, t, User::Descriptor(d.fd), &d.file)?;
        let slot = Slot {
            fd: d.fd,
            cloexec: d.cloexec,
            file: d.file.addr(),
        };
        slots.push(slot, GFP_KERNEL_ACCOUNT)?;
    }
    cap.objects.keep(Table {
        slots,
        who: t.display(&cap.pid_ns),
        files,
    })
}

impl Shared<Found> for Table {
    fn addr(&self) -> usize {
        self.files.addr()
    }

    fn outside(&self, _: &Capture, users: u64) -> Outside {
        // Ours is one more.
        if self.files.count() > users + 1 {
            Outside::Refused
        } else {
            Outside::Nothing
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "descriptor table: a task outside has it too (CLONE_FILES): checkpoint that as \
                 well, or end it"
            ),
        );
        Ok(())
    }
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(files) = FilesRef::of(t) else {
        return Ok(());
    };
    let (obj, Some(table)) = cap.objects.save::<Table>(files.addr())? else {
        return Ok(());
    };
    let mut fds: KVVec<u8> = KVVec::new();
    for slot in table.slots.iter() {
        check_killed()?;
        let fd = Fd {
            fd: slot.fd.into(),
            file: open::save(cap, slot.file)?.get().into(),
            cloexec: u32::from(slot.cloexec).into(),
            reserved: 0.into(),
        };
        fds.extend_from_slice(fd.as_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    let record = image::files::Table {
        obj: obj.get().into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &fds)
}

fn restore(r: &Restore, plan: &Plan<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.files.get()) else {
        return Ok(());
    };
    if let Some(files) = r.with_built(obj, |f: &BuiltFiles| f.0.clone()) {
        if !files.is_current() {
            files.install();
        }
        return Ok(());
    }
    let (_, raw) = r.object_body::<image::files::Table>(obj)?;
    let fds: &[Fd] = raw.array(FDS_MAX).map_err(|f| r.fault(f))?;
    let files = FilesRef::new()?;
    files.clone().install();
    close_all(&files);
    if let Some(last) = fds.last() {
        let n = (last.fd.get() as usize).saturating_add(1);
        allow_descriptors(n).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!(
                    "{} descriptors are not allowed: raise the hard limit (RLIMIT_NOFILE, \
                     fs.nr_open): {}",
                    n,
                    Errno(e)
                ),
            )
        })?;
    }
    // From the highest to the lowest: the table grows only once.
    for fd in fds.iter().rev() {
        check_killed()?;
        let file = open::restore(r, plan, ObjRef::new(fd.file.get()).ok_or(EINVAL)?)?;
        set_descriptor(fd.fd.get(), fd.cloexec.get() != 0, &file)
            .map_err(|e| r.fail(e, plan, fmt!("descriptor {}: {}", fd.fd.get(), Errno(e))))?;
    }
    r.set_built(obj, BuiltFiles(files))
}
