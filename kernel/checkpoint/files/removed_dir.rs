// SPDX-License-Identifier: GPL-2.0

//! Directories that were removed: nothing is in them, and nothing can be made there. And memory devices
//! that were: a node is nothing but its number, and who owns it.

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
        mount,
        name::Text,
        opener, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::RemovedDir,
        ObjRef, //
    },
    kapi::fs::{
        file::{
            ftype,
            FileRef, //
        },
        open::oflag,
        path::{
            PathName,
            PathRef, //
        },
    },
};

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// A directory or device that was removed.
struct Gone {
    /// An open file of it.
    file: FileRef,
    /// Path of the next directory above that still is there.
    dir: KVec<u8>,
    /// Its own path.
    former: KVec<u8>,
}

impl Shared<Found> for Gone {
    fn addr(&self) -> usize {
        self.file.inode_addr()
    }
}

/// Notes the removed directory or device at `path`; returns why it can't be saved, if there is a reason.
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
    if cap.objects.count::<Gone>(file.inode_addr())? {
        cap.objects.keep(Gone {
            file,
            dir: name,
            former,
        })?;
    }
    Ok(None)
}

/// Returns the reference of the removed directory or device at `path`, which was collected; writes its record
/// the first time.
pub(super) fn save(cap: &mut Capture, path: &PathRef) -> Result<ObjRef> {
    let (obj, Some(gone)) = cap.objects.save::<Gone>(path.inode_addr())? else {
        return cap.objects.reference::<Gone>(path.inode_addr());
    };
    let file = &gone.file;
    let [uid, gid] = file.owner().unwrap_or([0, 0]);
    let [atime, mtime] = file.times();
    let record = RemovedDir {
        obj: obj.get().into(),
        mode: (file.mode() & PERMISSIONS).into(),
        owner: [uid.into(), gid.into()],
        atime: atime.0.cast_unsigned().into(),
        mtime: mtime.0.cast_unsigned().into(),
        atime_nsec: atime.1.into(),
        mtime_nsec: mtime.1.into(),
        mount: mount::reference(cap)?.into(),
        device: device::encoded(file.device()).into(),
    };
    let mut paths = KVec::new();
    for part in [gone.dir.as_slice(), &[0], &gone.former] {
        paths.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
    }
    cap.meta.put(&record, &paths)?;
    Ok(obj)
}

/// A directory or device that was made and removed again.
struct BuiltGone(PathRef);

impl Rebuilt for BuiltGone {}

/// Makes the directory or device of `record` in `dir`, and removes it.
fn make(record: &RemovedDir, dir: &PathRef, name: &PathName) -> Result<PathRef> {
    let device = record.device.get();
    let (file_type, flags) = match device {
        0 => (ftype::DIRECTORY, oflag::DIRECTORY),
        _ => (ftype::CHAR, oflag::PLACE),
    };
    let made = former::make(dir, name, file_type, device)?;
    let file = FileRef::open_unchecked(&made, flags)?;
    file.remove_xattrs()?;
    let owner = record.owner.map(|id| id.get());
    if file.owner() != Some(owner) {
        file.chown(owner)?;
    }
    file.chmod((record.mode.get() & PERMISSIONS) as u16)?;
    let time = |sec: u64, nsec| (sec.cast_signed(), nsec);
    file.set_times([
        time(record.atime.get(), record.atime_nsec.get()),
        time(record.mtime.get(), record.mtime_nsec.get()),
    ])?;
    Ok(made)
}

/// Returns the removed directory or device with reference `obj`, which is made by its first user.
pub(super) fn restore(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<PathRef> {
    if let Some(path) = r.with_built(obj, |gone: &BuiltGone| gone.0.clone()) {
        return Ok(path);
    }
    let (record, raw) = r.object_body::<RemovedDir>(obj)?;
    let mut paths = raw.payload.splitn(2, |&b| b == 0);
    let above = r.place(paths.next().unwrap_or(&[]))?;
    let former = paths.next().unwrap_or(&[]);
    let (_, name) = former::split(former)?.ok_or(EINVAL)?;
    let what = match record.device.get() {
        0 => "directory",
        number if device::is_known(number) => "device",
        _ => return Err(EINVAL),
    };
    let start = mount::start(r, record.mount.get())?;
    let find = || {
        let dir = PathRef::lookup_dir(&start, above.as_c_str())?;
        make(&record, &dir, &name)
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
            EACCES | EPERM => "the caller may not make a directory there",
            ENOSPC | EDQUOT => "there is no room for it",
            EOPNOTSUPP => "its filesystem takes no such directory",
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
