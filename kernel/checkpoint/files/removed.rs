// SPDX-License-Identifier: GPL-2.0

//! What was removed and is no regular file. Nothing is in a directory, and nothing can be made there. A
//! device is nothing but its number, a symbolic link where it leads, and a FIFO or the file of a socket
//! what finds it: the pipe and the socket are kinds of their own, and refer to it.

use kernel::prelude::*;

use crate::{
    core::{
        built::Rebuilt,
        objects::Shared,
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        device,
        former,
        inode,
        kinds,
        label::{
            self,
            Had, //
        },
        mount,
        name::{
            Named,
            Text, //
        },
        open::Open,
        opener, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            name_and_value,
            paths_and_target,
            Removed, //
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
            path::{
                PathName,
                PathRef, //
            }, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// What was removed.
struct Gone {
    /// An open file of it.
    file: FileRef,
    /// Path of the next directory above that still is there.
    dir: KVec<u8>,
    /// Its own path.
    former: KVec<u8>,
    /// Where a symbolic link leads; empty: it is none.
    target: KVec<u8>,
    /// Names of its labels, each with its NUL.
    labels: KVVec<u8>,
}

impl Shared<Found> for Gone {
    fn addr(&self) -> usize {
        self.file.inode_addr()
    }
}

/// Notes what was removed and is open as `open`. False: refused.
pub(super) fn collect_open(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &Open,
) -> Result<bool> {
    let why = collect(cap, &open.file.path())?;
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
    }
    Ok(why.is_none())
}

/// Notes what was removed from `path`; returns why it can't be saved, if there is a reason.
pub(super) fn collect(cap: &mut Capture, path: &PathRef) -> Result<Option<&'static str>> {
    if let Some(kind) = kinds::on_filesystem(path.fs_magic()) {
        return Ok(Some(kind));
    }
    if path.is_of_server() {
        return Ok(Some(
            "was removed, and is kept by the server of its filesystem: have it left",
        ));
    }
    let file = FileRef::open_unchecked(path, oflag::PLACE)?;
    let dir = former::above(path);
    let root = &cap.found.files.root;
    let (Some(name), Some(former)) = (dir.name_from(root)?, path.name_from(root)?) else {
        return Ok(Some(
            "was removed, and what it was in can't be reached: have it left",
        ));
    };
    if dir.is_hidden(root) {
        return Ok(Some(
            "was removed, and another mount hides what it was in: unmount that first",
        ));
    }
    if file.owner().is_none() {
        return Ok(Some(
            "was removed, and its owner is not known in this user namespace: call from outside",
        ));
    }
    if file.hides_xattrs()? {
        return Ok(Some(inode::HIDDEN));
    }
    if !file.xattrs()?.is_empty() {
        return Ok(Some(
            "was removed, and has extended attributes: have them removed",
        ));
    }
    let known = cap.objects.get::<Gone>(file.inode_addr());
    if known.is_some_and(|gone| gone.former != former) {
        return Ok(Some(
            "was removed by two of its names, and can get one only: have it closed by one of them",
        ));
    }
    let target = match file.file_type() {
        ftype::LINK => match path.link_target() {
            Ok(target) => target,
            Err(ENOMEM) => return Err(ENOMEM),
            Err(_) => {
                return Ok(Some(
                    "was removed, and where it leads can't be read: have it closed",
                ))
            }
        },
        _ => KVec::new(),
    };
    if cap.objects.count::<Gone>(file.inode_addr())? {
        let labels = label::names(cap, &file)?;
        cap.objects.keep(Gone {
            file,
            dir: name,
            former,
            target,
            labels,
        })?;
    }
    Ok(None)
}

/// Returns the reference of what was removed from `path`, if that was collected; writes its record the first
/// time.
pub(crate) fn save_known(cap: &mut Capture, path: &PathRef) -> Result<Option<ObjRef>> {
    if cap.objects.users::<Gone>(path.inode_addr()) == 0 {
        return Ok(None);
    }
    save(cap, path).map(Some)
}

/// Returns the reference of what was removed from `path`, which was collected; writes its record the first
/// time.
pub(super) fn save(cap: &mut Capture, path: &PathRef) -> Result<ObjRef> {
    let (obj, Some(gone)) = cap.objects.save::<Gone>(path.inode_addr())? else {
        return cap.objects.reference::<Gone>(path.inode_addr());
    };
    let file = &gone.file;
    let [uid, gid] = file.owner().unwrap_or([0, 0]);
    let [atime, mtime] = file.times();
    let record = Removed {
        obj: obj.get().into(),
        mode: (file.mode() & PERMISSIONS).into(),
        owner: [uid.into(), gid.into()],
        atime: atime.0.cast_unsigned().into(),
        mtime: mtime.0.cast_unsigned().into(),
        atime_nsec: atime.1.into(),
        mtime_nsec: mtime.1.into(),
        mount: mount::reference(cap)?.into(),
        device: device::encoded(file.device()).into(),
        file_type: file.file_type().into(),
        xattrs: u32::try_from(inode::names(&gone.labels).count())?.into(),
    };
    let mut paths = KVec::new();
    for part in [gone.dir.as_slice(), &[0], &gone.former] {
        paths.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
    }
    if !gone.target.is_empty() {
        paths.push(0, GFP_KERNEL_ACCOUNT)?;
        paths.extend_from_slice(&gone.target, GFP_KERNEL_ACCOUNT)?;
    }
    cap.meta.put(&record, &paths)?;
    inode::save_xattrs(cap, obj, file, &gone.labels)?;
    Ok(obj)
}

/// What was made and removed again.
struct BuiltGone(PathRef);

impl Rebuilt for BuiltGone {
    /// Gives it its labels: what is opened or bound by it was so before.
    fn link(&self, r: &Restore, obj: ObjRef) -> Result {
        let (record, _) = r.object_body::<Removed>(obj)?;
        if record.xattrs.get() == 0 {
            return Ok(());
        }
        let file = FileRef::open_unchecked(&self.0, oflag::PLACE)?;
        let what = what(record.real_type()).ok_or(EINVAL)?;
        let name = file.entry_name();
        let shown = fmt!("removed {} {}", what, Text(name.as_bytes()));
        let mut had = Had::default();
        for raw in r.records_after(obj)?.take(record.xattrs.get() as usize) {
            let raw = raw.map_err(|f| r.fault(f))?;
            let (attribute, value) = name_and_value(raw.payload).ok_or(EINVAL)?;
            label::set(r, &file, &shown, attribute, value)?;
            had.note(attribute);
        }
        had.take_off_others(r, &file, &shown)
    }
}

/// Returns what something of the type `file_type` that was removed is, for messages.
fn what(file_type: u32) -> Option<&'static str> {
    Some(match file_type {
        ftype::DIRECTORY => "directory",
        ftype::CHAR | ftype::BLOCK => "device",
        ftype::LINK => "symbolic link",
        ftype::FIFO => "named pipe",
        ftype::SOCKET => "file of a socket",
        _ => return None,
    })
}

/// Makes what `record` tells of in `dir`, and removes it.
fn make(record: &Removed, dir: &PathRef, name: &PathName, target: &PathName) -> Result<PathRef> {
    let file_type = record.real_type();
    let flags = match file_type {
        ftype::DIRECTORY => oflag::DIRECTORY,
        _ => oflag::PLACE,
    };
    let made = former::make(dir, name, file_type, record.device.get(), target)?;
    let file = FileRef::open_unchecked(&made, flags)?;
    file.remove_xattrs()?;
    let owner = record.owner.map(|id| id.get());
    if file.owner() != Some(owner) {
        file.chown(owner)?;
    }
    // A link has none of its own.
    if file_type != ftype::LINK {
        file.chmod((record.mode.get() & PERMISSIONS) as u16)?;
    }
    let time = |sec: u64, nsec| (sec.cast_signed(), nsec);
    file.set_times([
        time(record.atime.get(), record.atime_nsec.get()),
        time(record.mtime.get(), record.mtime_nsec.get()),
    ])?;
    Ok(made)
}

/// Returns what was removed with reference `obj`, if a task has it: for links.
pub(crate) fn built(r: &Restore, obj: ObjRef) -> Option<PathRef> {
    r.with_built(obj, |gone: &BuiltGone| gone.0.clone())
}

/// Returns what was removed with reference `obj`, which is made by its first user.
pub(super) fn restore(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<PathRef> {
    if let Some(path) = built(r, obj) {
        return Ok(path);
    }
    let (record, raw) = r.object_body::<Removed>(obj)?;
    let (paths, target) = match record.real_type() {
        ftype::LINK => paths_and_target(raw.payload).ok_or(EINVAL)?,
        _ => (raw.payload, &[] as &[u8]),
    };
    let target = PathName::new(target)?;
    let mut paths = paths.splitn(2, |&b| b == 0);
    let above = r.place(paths.next().unwrap_or(&[]))?;
    let former = paths.next().unwrap_or(&[]);
    let (_, name) = former::split(former)?.ok_or(EINVAL)?;
    let what = what(record.real_type()).ok_or(EINVAL)?;
    let start = mount::start(r, record.mount.get())?;
    let find = || {
        let dir = PathRef::lookup_dir(&start, above.as_c_str())?;
        make(&record, &dir, &name, &target)
    };
    // Who has it for a working directory need not have made it.
    let mut made = opener::of_task(r, plan)?.act(find);
    if matches!(made, Err(EACCES | EPERM)) {
        made = find();
    }
    let path = made.map_err(|e| {
        let why = match e {
            ENOENT | ELOOP | ENOTDIR => "what it was in is missing: bring that back",
            EACCES | EPERM if what == "device" => {
                "the caller may not make a device there (CAP_MKNOD, the cgroup)"
            }
            EACCES | EPERM => "the caller may not make it there",
            ENOSPC | EDQUOT => "there is no room for it",
            EOPNOTSUPP => "its filesystem takes no such thing",
            _ => "can't be made",
        };
        r.fail(
            e,
            plan,
            fmt!("removed {} {}: {}: {}", what, Text(former), why, Errno(e)),
        )
    })?;
    r.set_built(obj, BuiltGone(path.clone()))?;
    Ok(path)
}
