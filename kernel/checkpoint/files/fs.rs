// SPDX-License-Identifier: GPL-2.0

//! Root directory, working directory and umask.

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
        kinds,
        mount,
        name::Text,
        opener,
        proc,
        removed,
        same, //
    },
    found::{
        Capture,
        Found,
        ThreadOps, //
    },
    image::{
        files::{
            Fs,
            Path, //
        },
        record::ref_number,
        ObjRef, //
    },
    kapi::{
        fs::{
            fs_struct::{
                is_overridden,
                FsRef, //
            },
            path::PathRef,
            stat::{
                Ask,
                Stat, //
            }, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    }, //
};

/// Root, working directory and umask.
pub(super) const OPS: ThreadOps = ThreadOps {
    name: "root and working directory",
    collect,
    count,
    save,
    restore,
    ..ThreadOps::NONE
};

/// Root and working directory.
pub(crate) struct Dirs {
    /// The structure.
    fs: FsRef,
    /// Reference and path of the root, if it is not the caller's.
    root: Option<(ObjRef, KVec<u8>)>,
    /// Reference and path of the working directory; `None`: it was removed. The records of both are
    /// used once only.
    pwd: Option<(ObjRef, KVec<u8>)>,
    /// Its first user.
    who: TaskName,
}

/// A rebuilt root and working directory.
struct BuiltFs(FsRef);

impl Rebuilt for BuiltFs {}

/// Returns the path of a directory from the caller's root; `None`: refused.
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
    if let Some(why) = proc::directory_is_lost(cap, t, dir)? {
        cap.refuse(EOPNOTSUPP, t, fmt!("{} {}: {}", what, Text(&name), why));
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
    if !cap.objects.count::<Dirs>(fs.addr())? {
        return Ok(());
    }
    let root = fs.root();
    let root = if root == cap.found.files.root {
        None
    } else {
        match collect_dir(cap, t, "root directory", &root)? {
            Some(name) => Some((cap.objects.number()?, name)),
            None => return Ok(()),
        }
    };
    let pwd = fs.pwd();
    let pwd = if pwd.is_unlinked() {
        if let Some(why) = removed::collect(cap, &pwd)? {
            cap.refuse(EOPNOTSUPP, t, fmt!("working directory: {}", why));
            return Ok(());
        }
        None
    } else {
        match collect_dir(cap, t, "working directory", &pwd)? {
            Some(name) => Some((cap.objects.number()?, name)),
            None => return Ok(()),
        }
    };
    cap.objects.keep(Dirs {
        fs,
        root,
        pwd,
        who: t.display(&cap.pid_ns),
    })
}

fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    if let Some(fs) = FsRef::of(worker) {
        cap.objects.count_again::<Dirs>(fs.addr());
    }
    Ok(())
}

impl Shared<Found> for Dirs {
    fn addr(&self) -> usize {
        self.fs.addr()
    }

    /// Tells whether tasks outside change them as well. For a container that is a leak; what is left of a
    /// subtree's is the same directory, but no more one in common.
    fn outside(&self, cap: &Capture, users: u64) -> Outside {
        // We are one more.
        if self.fs.users() <= users + 1 {
            Outside::Nothing
        } else if cap.whole || cap.strict {
            Outside::Refused
        } else {
            Outside::Noted
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, outside: Outside) -> Result {
        if outside == Outside::Refused {
            cap.report.refuse(
                EBUSY,
                &self.who,
                fmt!(
                    "root and working directory: a task outside shares them (CLONE_FS): checkpoint \
                     that as well, or end it"
                ),
            );
        } else {
            cap.report.note(
                &self.who,
                fmt!(
                    "root and working directory: a task outside shares them (CLONE_FS); after a \
                     restart it has its own"
                ),
            );
        }
        Ok(())
    }
}

fn save_dir(cap: &mut Capture, obj: ObjRef, dir: &PathRef, name: &[u8]) -> Result {
    let stat = if proc::is_on(dir) {
        // Its inodes are made when they are looked for.
        Stat::default()
    } else {
        dir.stat(Ask::Never)?
    };
    let record = Path {
        obj: obj.get().into(),
        generation: stat.generation.into(),
        dev: stat.dev.into(),
        ino: stat.ino.into(),
        mount: mount::reference(cap)?.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, name)
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let Some(fs) = FsRef::of(t) else {
        return Ok(());
    };
    let (obj, Some(dirs)) = cap.objects.save::<Dirs>(fs.addr())? else {
        return Ok(());
    };
    if let Some((obj, name)) = &dirs.root {
        save_dir(cap, *obj, &fs.root(), name)?;
    }
    let mut removed = None;
    match &dirs.pwd {
        Some((pwd, name)) => save_dir(cap, *pwd, &fs.pwd(), name)?,
        None => removed = Some(removed::save(cap, &fs.pwd())?),
    }
    let record = Fs {
        obj: obj.get().into(),
        umask: fs.umask().into(),
        root: ref_number(dirs.root.as_ref().map(|(obj, _)| *obj)).into(),
        pwd: ref_number(dirs.pwd.as_ref().map(|(obj, _)| *obj)).into(),
        removed: ref_number(removed).into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &[])
}

/// Returns the directory with reference `obj`, which the task may enter.
///
/// A working directory is inherited: it may be one that the task could not enter by itself. It gets
/// that from the caller of restart(2) if it is known to be the same directory.
fn restore_dir(
    r: &Restore,
    plan: &TaskRecords<'_>,
    what: &str,
    obj: ObjRef,
    may: fn(&PathRef) -> Result,
) -> Result<PathRef> {
    let (record, raw) = r.object_body::<Path>(obj)?;
    let name = r.place(raw.payload)?;
    let start = mount::start(r, record.mount.get())?;
    let enter = || {
        let dir = PathRef::lookup_dir(&start, name.as_c_str())?;
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
        r.fail(e, plan, fmt!("{} {}: {}", what, Text(name.as_bytes()), why))
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

fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let Some(obj) = ObjRef::new(plan.task.fs.get()) else {
        return Ok(());
    };
    if let Some(fs) = r.with_built(obj, |f: &BuiltFs| f.0.clone()) {
        if !fs.is_current() {
            fs.install(plan.restoring()?);
        }
        return Ok(());
    }
    let (record, _) = r.object_body::<Fs>(obj)?;
    let root = match ObjRef::new(record.root.get()) {
        Some(obj) => restore_dir(r, plan, "root directory", obj, PathRef::may_chroot)?,
        None => r.root.clone(),
    };
    let pwd = match ObjRef::new(record.removed.get()) {
        Some(obj) => removed::restore(r, plan, obj)?,
        None => {
            let pwd = ObjRef::new(record.pwd.get()).ok_or(EINVAL)?;
            restore_dir(r, plan, "working directory", pwd, |_| Ok(()))?
        }
    };
    // A copy: nothing changes for those that the caller shares its own with.
    let fs = FsRef::copy_of_current()?;
    fs.set(&root, &pwd, record.umask.get());
    fs.clone().install(plan.restoring()?);
    r.set_built(obj, BuiltFs(fs))
}
