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
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        left_out,
        locks,
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
        fs::{
            fdtable::{
                allow_descriptors,
                close_all,
                set_descriptor,
                FilesRef, //
            },
            file::FileRef, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait::{
            self,
            check_killed, //
        }, //
    }, //
};

/// Descriptor tables and all open files in them.
pub(super) const OPS: ThreadOps = ThreadOps {
    name: "descriptor tables",
    collect,
    count,
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
    /// What the directory is watched for by it, `NOTIFY_*`.
    notify: u32,
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
struct BuiltFiles {
    /// The table.
    files: FilesRef,
    /// Directories that are to be watched: descriptor, file, and what for.
    watches: KVVec<(u32, FileRef, u32)>,
    /// Its first user.
    who: TaskName,
}

impl Rebuilt for BuiltFiles {
    /// Takes the locks that it owns: all files are open, and the tasks have their pids.
    fn link(&self, r: &Restore, obj: ObjRef) -> Result {
        locks::restore_of_table(r, obj, &self.files)
    }

    fn stays(&self) -> bool {
        !self.watches.is_empty()
    }

    /// Watches directories. Not before: what a restart does in them is nothing to tell.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        for (fd, file, what) in &self.watches {
            // Of a directory with many watches it goes through them all.
            wait::go_on()?;
            self.files.watch_directory(*fd, file, *what).map_err(|e| {
                let reason = match e {
                    EINVAL => "watches of directories are switched off (fs.dir-notify-enable)",
                    ENOMEM => "no memory",
                    _ => "the directory can't be watched",
                };
                r.fail_of(
                    e,
                    &self.who,
                    fmt!("descriptor {} (F_NOTIFY): {}", fd, reason),
                )
            })?;
        }
        Ok(())
    }
}

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
        let out = cap.found.files.left_out.has(files.addr(), d.fd);
        if out && left_out::tell(cap, t, d.fd, &d.file)? {
            continue;
        }
        open::collect(cap, t, User::Descriptor(d.fd), &d.file)?;
        if out {
            continue;
        }
        let slot = Slot {
            fd: d.fd,
            cloexec: d.cloexec,
            file: d.file.addr(),
            notify: match files.directory_watch(&d.file) {
                Some((fd, what)) if fd == d.fd => what,
                _ => 0,
            },
        };
        slots.push(slot, GFP_KERNEL_ACCOUNT)?;
    }
    cap.objects.keep(Table {
        slots,
        who: t.display(&cap.pid_ns),
        files,
    })
}

fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    if let Some(files) = FilesRef::of(worker) {
        cap.objects.count_again::<Table>(files.addr());
    }
    Ok(())
}

impl Table {
    /// Calls `f` for each file in it that was not refused, once, with the lowest descriptor of it.
    pub(super) fn for_each_file(
        &self,
        cap: &Capture,
        mut f: impl FnMut(&Capture, u32, &FileRef) -> Result,
    ) -> Result {
        let mut files: KVVec<(usize, u32)> = KVVec::new();
        for slot in self.slots.iter() {
            files.push((slot.file, slot.fd), GFP_KERNEL_ACCOUNT)?;
        }
        files.sort_unstable();
        let mut last = None;
        for &(addr, fd) in files.iter() {
            check_killed()?;
            if last.replace(addr) == Some(addr) {
                continue;
            }
            if let Some(open) = cap.objects.get::<open::Open>(addr) {
                f(cap, fd, &open.file)?;
            }
        }
        Ok(())
    }
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
            notify: slot.notify.into(),
        };
        fds.extend_from_slice(fd.as_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    let record = image::files::Table {
        obj: obj.get().into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &fds)?;
    locks::save_of_table(cap, obj, &table)
}

fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.files.get()) else {
        return Ok(());
    };
    if let Some(files) = r.with_built(obj, |f: &BuiltFiles| f.files.clone()) {
        if !files.is_current() {
            files.install(plan.restoring()?);
        }
        return Ok(());
    }
    let (_, raw) = r.object_body::<image::files::Table>(obj)?;
    let fds: &[Fd] = raw.array(FDS_MAX).map_err(|f| r.fault(f))?;
    let files = FilesRef::new()?;
    let restoring = plan.restoring()?;
    files.clone().install(restoring);
    close_all(restoring, &files);
    if let Some(last) = fds.last() {
        let n = (last.fd.get() as usize).saturating_add(1);
        allow_descriptors(restoring, n).map_err(|e| {
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
    let mut watches = KVVec::new();
    // From the highest to the lowest: the table grows only once.
    for fd in fds.iter().rev() {
        check_killed()?;
        let file = open::restore(r, plan, ObjRef::new(fd.file.get()).ok_or(EINVAL)?)?;
        set_descriptor(restoring, fd.fd.get(), fd.cloexec.get() != 0, &file)
            .map_err(|e| r.fail(e, plan, fmt!("descriptor {}: {}", fd.fd.get(), Errno(e))))?;
        if fd.notify.get() != 0 {
            let watch = (fd.fd.get(), file, fd.notify.get());
            watches.push(watch, GFP_KERNEL_ACCOUNT)?;
        }
    }
    let built = BuiltFiles {
        files,
        watches,
        who: plan.name(),
    };
    r.set_built(obj, built)
}
