// SPDX-License-Identifier: GPL-2.0

//! Root directory, working directory and umask.

use kernel::prelude::*;

use crate::{
    capture::{
        context::KindOps,
        Capture, //
    },
    files::{
        collected::Dirs,
        refuse::{
            filesystem,
            Text, //
        }, //
    },
    image::{
        files::{
            Fs,
            Path, //
        },
        ObjRef, //
    },
    kapi::{
        fs_struct::{
            is_overridden,
            FsRef, //
        },
        path::{
            PathName,
            PathRef, //
        },
        task::FrozenTask, //
    },
    objects::Class,
    report::Errno,
    restart::{
        context::Built,
        Plan,
        Restore, //
    },
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
pub(crate) struct BuiltFs(FsRef);

/// Path of a directory from the caller's root; `None`: refused.
fn collect_dir(
    cap: &mut Capture,
    t: &FrozenTask,
    what: &str,
    dir: &PathRef,
) -> Result<Option<KVec<u8>>> {
    let name = if dir.is_unlinked() {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: has been removed", what));
        return Ok(None);
    } else {
        dir.name_from(&cap.files.root)?
    };
    let Some(name) = name else {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: can't be reached from the caller's root directory",
                what
            ),
        );
        return Ok(None);
    };
    if dir.is_hidden(&cap.files.root) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{} {}: another mount hides its path", what, Text(&name)),
        );
        return Ok(None);
    }
    if let Some(kind) = filesystem(dir.fs_magic()) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{} {}: it is {}", what, Text(&name), kind),
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
    let root = if root == cap.files.root {
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
    cap.files
        .dirs
        .try_create_and_insert(addr, dirs, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

fn leaks(cap: &mut Capture) -> Result {
    if !cap.whole {
        return Ok(());
    }
    for (addr, dirs) in cap.files.dirs.iter() {
        let users = cap.objects.get(Class::Fs, *addr).map_or(0, |e| e.users);
        // We are one more.
        if dirs.fs.users() > users + 1 {
            cap.report.refuse(
                EBUSY,
                &dirs.who,
                fmt!("root and working directory: a task outside shares them"),
            );
        }
    }
    Ok(())
}

fn save_dir(cap: &mut Capture, addr: usize, name: &[u8]) -> Result<ObjRef> {
    let (obj, _) = cap.objects.save(Class::Path, addr)?;
    let record = Path {
        obj: obj.get().into(),
        reserved: 0.into(),
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
    let dirs = cap.files.dirs.remove(&addr).ok_or(ENOENT)?;
    let root = match &dirs.root {
        Some(name) => save_dir(cap, addr + 1, name)?.get(),
        None => 0,
    };
    let pwd = save_dir(cap, addr, &dirs.pwd)?.get();
    let record = Fs {
        obj: obj.get().into(),
        umask: dirs.fs.umask().into(),
        root: root.into(),
        pwd: pwd.into(),
    };
    cap.meta.put(&record, &[])
}

/// The directory with reference `obj`.
fn restore_dir(
    r: &Restore,
    plan: &Plan<'_>,
    what: &str,
    obj: ObjRef,
    may: fn(&PathRef) -> Result,
) -> Result<PathRef> {
    let (_, raw) = r.object_body::<Path>(obj)?;
    let name = PathName::new(raw.payload)?;
    PathRef::lookup_dir(&r.root, name.as_c_str())
        .and_then(|dir| may(&dir).map(|()| dir))
        .map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("{} {}: {}", what, Text(raw.payload), Errno(e)),
            )
        })
}

fn restore(r: &Restore, plan: &Plan<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.fs.get()) else {
        return Ok(());
    };
    let built = r.with_built(obj, |b| match b {
        Built::Fs(f) => Some(f.0.clone()),
        _ => None,
    });
    if let Some(Some(fs)) = built {
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
    let pwd = restore_dir(r, plan, "working directory", pwd, PathRef::may_enter)?;
    // A copy: nothing changes for those that the caller shares its own with.
    let fs = FsRef::copy_of_current()?;
    fs.set(&root, &pwd, record.umask.get());
    fs.clone().install();
    r.set_built(obj, Built::Fs(BuiltFs(fs)))
}
