// SPDX-License-Identifier: GPL-2.0

//! Root directory, working directory and umask.

use kernel::prelude::*;

use crate::{
    core::{
        objects::Class,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
        collected::Dirs,
        kinds,
        name::Text,
        opener,
        same, //
    },
    found::{
        Capture,
        KindOps, //
    },
    image::{
        files::{
            Fs,
            Path, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            fs_struct::{
                is_overridden,
                FsRef, //
            },
            path::{
                PathName,
                PathRef, //
            },
            stat::Ask, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Root, working directory and umask.
pub(super) const OPS: KindOps = KindOps {
    name: "root and working directory",
    collect,
    leaks,
    save,
    restore,
};

/// A rebuilt root and working directory.
struct BuiltFs(FsRef);

/// Path of a directory from the caller's root; `None`: refused.
fn collect_dir(
    cap: &mut Capture,
    t: &FrozenTask,
    what: &str,
    dir: &PathRef,
) -> Result<Option<KVec<u8>>> {
    let name = if dir.is_unlinked() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: has been removed: make it again, or have it left", what),
        );
        return Ok(None);
    } else {
        dir.name_from(&cap.found.files.root)?
    };
    let Some(name) = name else {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: can't be reached from the caller's root directory: call from where it can",
                what
            ),
        );
        return Ok(None);
    };
    if dir.is_hidden(&cap.found.files.root) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{} {}: another mount hides its path: unmount that first",
                what,
                Text(&name)
            ),
        );
        return Ok(None);
    }
    if let Some(kind) = kinds::on_filesystem(dir.fs_magic()) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{} {}: it is {}: have it left", what, Text(&name), kind),
        );
        return Ok(None);
    }
    Ok(Some(name))
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(fs) = FsRef::of(t) else {
        return Ok(());
    };
    if is_overridden(t) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("looks paths up from another root than its own"),
        );
    }
    let addr = fs.addr();
    let (_, first) = cap.objects.collect(Class::Fs, addr)?;
    if !first {
        return Ok(());
    }
    let root = fs.root();
    let root = if root == cap.found.files.root {
        None
    } else {
        match collect_dir(cap, t, "root directory", &root)? {
            Some(name) => {
                // Not shared with anything: each use has a record of its own, which is told by
                // the address of its user, a multiple of 2.
                cap.objects.collect(Class::Path, addr + 1)?;
                Some(name)
            }
            None => return Ok(()),
        }
    };
    let Some(pwd) = collect_dir(cap, t, "working directory", &fs.pwd())? else {
        return Ok(());
    };
    cap.objects.collect(Class::Path, addr)?;
    let dirs = Dirs {
        fs,
        root,
        pwd,
        who: t.display(&cap.pid_ns),
    };
    cap.found
        .files
        .dirs
        .try_create_and_insert(addr, dirs, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Lists roots and working directories that tasks outside change as well. For a container that is
/// a leak; what is left of a subtree's is the same directory, but no more one in common.
pub(super) fn leaks(cap: &mut Capture) -> Result {
    let refused = cap.whole || cap.strict;
    for (addr, dirs) in cap.found.files.dirs.iter() {
        let users = cap.objects.get(Class::Fs, *addr).map_or(0, |e| e.users);
        // We are one more.
        if dirs.fs.users() <= users + 1 {
            continue;
        }
        if refused {
            cap.report.refuse(
                EBUSY,
                &dirs.who,
                fmt!(
                    "root and working directory: a task outside shares them (CLONE_FS): checkpoint \
                     that as well, or end it"
                ),
            );
        } else {
            cap.report.note(
                &dirs.who,
                fmt!(
                    "root and working directory: a task outside shares them (CLONE_FS); after a \
                     restart it has its own"
                ),
            );
        }
    }
    Ok(())
}

fn save_dir(cap: &mut Capture, addr: usize, dir: &PathRef, name: &[u8]) -> Result<ObjRef> {
    let (obj, _) = cap.objects.save(Class::Path, addr)?;
    let stat = dir.stat(Ask::Never)?;
    let record = Path {
        obj: obj.get().into(),
        generation: stat.generation.into(),
        dev: stat.dev.into(),
        ino: stat.ino.into(),
    };
    cap.meta.put(&record, name)?;
    Ok(obj)
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(fs) = FsRef::of(t) else {
        return Ok(());
    };
    let addr = fs.addr();
    let (obj, first) = cap.objects.save(Class::Fs, addr)?;
    if !first {
        return Ok(());
    }
    let dirs = cap.found.files.dirs.remove(&addr).ok_or(ENOENT)?;
    let root = match &dirs.root {
        Some(name) => save_dir(cap, addr + 1, &dirs.fs.root(), name)?.get(),
        None => 0,
    };
    let pwd = save_dir(cap, addr, &dirs.fs.pwd(), &dirs.pwd)?.get();
    let record = Fs {
        obj: obj.get().into(),
        umask: dirs.fs.umask().into(),
        root: root.into(),
        pwd: pwd.into(),
    };
    cap.meta.put(&record, &[])
}

/// The directory with reference `obj`, which the task may enter.
///
/// A working directory is inherited: it may be one that the task could not enter by itself. It gets
/// that from the caller of restart(2) if it is known to be the same directory.
fn restore_dir(
    r: &Restore,
    plan: &Plan<'_>,
    what: &str,
    obj: ObjRef,
    may: fn(&PathRef) -> Result,
) -> Result<PathRef> {
    let (record, raw) = r.object_body::<Path>(obj)?;
    let name = PathName::new(raw.payload)?;
    let enter = || {
        let dir = PathRef::lookup_dir(&r.root, name.as_c_str())?;
        dir.may_enter()?;
        Ok(dir)
    };
    let fail = |e: Error| {
        let why = match e {
            ENOENT => "is missing: bring it back",
            ELOOP | ENOTDIR => "a link or file is on its path: bring the directory back",
            EACCES => "can't be entered with the rights of the task",
            EPERM => "the caller may not make it a root directory (CAP_SYS_CHROOT)",
            _ => "can't be entered",
        };
        r.fail(e, plan, fmt!("{} {}: {}", what, Text(raw.payload), why))
    };
    let mut entered = opener::of_task(r, plan)?.act(enter);
    let denied = matches!(entered, Err(EACCES));
    if denied {
        entered = enter();
    }
    let dir = entered.map_err(fail)?;
    let same = same::check_directory(r, plan, &name, &record, &dir)?;
    if denied && !same {
        return Err(fail(EACCES));
    }
    may(&dir).map_err(fail)?;
    Ok(dir)
}

fn restore(r: &Restore, plan: &Plan<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.fs.get()) else {
        return Ok(());
    };
    if let Some(fs) = r.with_built(obj, |f: &BuiltFs| f.0.clone()) {
        if !fs.is_current() {
            fs.install();
        }
        return Ok(());
    }
    let (record, _) = r.object_body::<Fs>(obj)?;
    let root = match ObjRef::new(record.root.get()) {
        Some(obj) => restore_dir(r, plan, "root directory", obj, PathRef::may_chroot)?,
        None => r.root.clone(),
    };
    let pwd = ObjRef::new(record.pwd.get()).ok_or(EINVAL)?;
    let pwd = restore_dir(r, plan, "working directory", pwd, |_| Ok(()))?;
    // A copy: nothing changes for those that the caller shares its own with.
    let fs = FsRef::copy_of_current()?;
    fs.set(&root, &pwd, record.umask.get());
    fs.clone().install();
    r.set_built(obj, BuiltFs(fs))
}
