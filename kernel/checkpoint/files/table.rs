// SPDX-License-Identifier: GPL-2.0

//! Descriptor tables.

use kernel::{
    prelude::*,
    time::{
        delay::fsleep,
        Delta, //
    }, //
};

use zerocopy::IntoBytes;

use crate::{
    core::{
        objects::Class,
        report::Errno,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
        collected::{
            Slot,
            Table, //
        },
        leaks,
        name::User,
        open,
        pipe, //
    },
    found::{
        Capture,
        KindOps, //
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
        task::frozen::FrozenTask,
        time::wait::check_killed, //
    }, //
};

/// Descriptor tables and all open files in them.
pub(super) const OPS: KindOps = KindOps {
    name: "descriptor tables",
    collect,
    leaks: self::leaks,
    save,
    restore,
};

/// A rebuilt descriptor table.
struct BuiltFiles(FilesRef);

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(files) = FilesRef::of(t) else {
        return Ok(());
    };
    let (_, first) = cap.objects.collect(Class::Files, files.addr())?;
    if !first {
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
    let table = Table {
        slots,
        who: t.display(&cap.pid_ns),
        files,
    };
    let addr = table.files.addr();
    cap.found
        .files
        .tables
        .try_create_and_insert(addr, table, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

pub(super) fn leaks(cap: &mut Capture) -> Result {
    pipe::leaks(cap)?;
    leaks::check(cap)?;
    // Ours is one more.
    let is_shared = |cap: &Capture, addr: usize, table: &Table| {
        let users = cap.objects.get(Class::Files, addr).map_or(0, |e| e.users);
        table.files.count() > users + 1
    };
    let mut shared: KVVec<usize> = KVVec::new();
    for (&addr, table) in cap.found.files.tables.iter() {
        if is_shared(cap, addr, table) {
            shared.push(addr, GFP_KERNEL_ACCOUNT)?;
        }
    }
    // Who looks at /proc/PID/fd may be another for a moment. All are counted at once: the tasks
    // stand still meanwhile.
    for _ in 0..leaks::RECOUNTS {
        if shared.is_empty() {
            break;
        }
        check_killed()?;
        fsleep(Delta::from_millis(1));
        shared.retain(|&mut addr| {
            let table = cap.found.files.tables.get(&addr);
            table.is_some_and(|table| is_shared(cap, addr, table))
        });
    }
    for addr in &shared {
        let Some(table) = cap.found.files.tables.get(addr) else {
            continue;
        };
        cap.report.refuse(
            EBUSY,
            &table.who,
            fmt!(
                "descriptor table: a task outside has it too (CLONE_FILES): checkpoint that as \
                 well, or end it"
            ),
        );
    }
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(files) = FilesRef::of(t) else {
        return Ok(());
    };
    let addr = files.addr();
    drop(files);
    let (obj, first) = cap.objects.save(Class::Files, addr)?;
    if !first {
        return Ok(());
    }
    // The table is taken out, as saving its files changes what was collected next to it.
    let table = cap.found.files.tables.remove(&addr).ok_or(ENOENT)?;
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
