// SPDX-License-Identifier: GPL-2.0

//! Inodes without a name: what removed files and anonymous shared memory have in common.
//!
//! Their contents go into the image as extents, which are captured with the memory of the tasks.

use kernel::prelude::*;

use crate::{
    core::{
        built::Rebuilt,
        objects::Shared,
        report::Errno,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
        name::{
            Named,
            Text, //
        },
        open::Open,
        ops::Source, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            Inode,
            INODE_LINKABLE,
            INODE_NORESERVE, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            open::oflag,
            path::{
                PathName,
                PathRef, //
            }, //
        },
        mm::shmem,
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    }, //
};

/// Bits of a mode that chmod(2) sets.
const PERMISSIONS: u32 = 0o7777;

/// Refuses an inode whose contents can't be saved. False: it was refused.
pub(super) fn check(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &Open,
) -> Result<bool> {
    if open.file.is_path_only() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: was removed and is open for its path only: have it closed",
                named
            ),
        );
        return Ok(false);
    }
    if open.file.is_backing() || !open.file.is_cached() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: was removed, and its filesystem ({}) does not let the kernel read its pages: \
                 have it closed",
                named,
                Text(open.file.fs_name().to_bytes())
            ),
        );
        return Ok(false);
    }
    if open.file.is_executed_by(t) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: the program's file has been removed: start it again from the new one",
                named
            ),
        );
        return Ok(false);
    }
    Ok(true)
}

/// Notes the inode of `open`, whose contents go into the image, and the path of the directory that
/// it was in; empty if it never had a name.
pub(super) fn add(cap: &mut Capture, open: &mut Open, dir: KVec<u8>) -> Result {
    if cap.objects.count::<Nameless>(open.file.inode_addr())? {
        cap.objects.keep(Nameless {
            file: open.file.clone(),
            dir,
        })?;
        open.ours += 1;
    }
    Ok(())
}

/// Notes memory that is no open file of the tasks: a segment of System V shared memory.
pub(crate) fn add_memory(cap: &mut Capture, file: &FileRef) -> Result {
    if cap.objects.count::<Nameless>(file.inode_addr())? {
        cap.objects.keep(Nameless {
            file: file.clone(),
            dir: KVec::new(),
        })?;
    }
    Ok(())
}

/// An inode without a name, whose contents go into the image.
pub(crate) struct Nameless {
    /// A file that shows it.
    pub(crate) file: FileRef,
    /// Path of the directory that it was in; empty if it never had a name.
    dir: KVec<u8>,
}

impl Shared<Found> for Nameless {
    fn addr(&self) -> usize {
        self.file.inode_addr()
    }
}

/// Returns the reference of the inode of `open`; writes its record the first time.
pub(super) fn save(cap: &mut Capture, open: &Open) -> Result<ObjRef> {
    save_memory(cap, &open.file)
}

/// Returns the same of the inode that `file` shows.
pub(crate) fn save_memory(cap: &mut Capture, file: &FileRef) -> Result<ObjRef> {
    let (obj, Some(inode)) = cap.objects.save::<Nameless>(file.inode_addr())? else {
        return cap.objects.reference::<Nameless>(file.inode_addr());
    };
    let named = !inode.dir.is_empty();
    let [uid, gid] = file.owner().unwrap_or([0, 0]);
    let [atime, mtime] = if named { file.times() } else { [(0, 0); 2] };
    let mut flags = 0;
    if named && file.is_linkable() {
        flags |= INODE_LINKABLE;
    }
    if !named && shmem::is_noreserve(file) {
        flags |= INODE_NORESERVE;
    }
    let record = Inode {
        obj: obj.get().into(),
        mode: (file.mode() & PERMISSIONS).into(),
        size: u64::try_from(file.size()).unwrap_or(0).into(),
        owner: [uid.into(), gid.into()],
        atime: atime.0.cast_unsigned().into(),
        mtime: mtime.0.cast_unsigned().into(),
        atime_nsec: atime.1.into(),
        mtime_nsec: mtime.1.into(),
        flags: flags.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, &inode.dir)?;
    Ok(obj)
}

/// Makes the inode with reference `obj`, with its size but without its contents, with the rights of
/// `opener`.
fn make(r: &Restore, plan: &Plan<'_>, obj: ObjRef, opener: &CredRef) -> Result<FileRef> {
    let (record, raw) = r.object_body::<Inode>(obj)?;
    let size = i64::try_from(record.size.get()).map_err(|_| EINVAL)?;
    if raw.payload.is_empty() {
        let noreserve = record.flags.get() & INODE_NORESERVE != 0;
        return shmem::new_file(size, noreserve).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("{} bytes of anonymous shared memory: {}", size, Errno(e)),
            )
        });
    }
    let dir = PathName::new(raw.payload)?;
    let fill = |file: FileRef| {
        file.truncate(size)?;
        let owner = record.owner.map(|id| id.get());
        if file.owner() != Some(owner) {
            file.chown(owner)?;
        }
        Ok(file)
    };
    let linkable = record.flags.get() & INODE_LINKABLE != 0;
    let flags = oflag::TMPFILE | if linkable { 0 } else { oflag::NAMELESS };
    let open = || {
        let dir = PathRef::lookup_dir(&r.root, dir.as_c_str())?;
        FileRef::open(&dir, flags, 0o600)
    };
    let mut made = opener.act(open);
    // Who had it open need not be who had made it. What can't be given a name gives no right to
    // anything in the directory.
    if !linkable && matches!(made, Err(EACCES)) {
        made = open();
    }
    made.and_then(fill).map_err(|e| {
        let why = match e {
            ENOENT | ELOOP | ENOTDIR => "the directory is missing: bring it back",
            EACCES | EPERM => "can't be made with the rights of who had it open",
            ENOSPC => "there is no room for it",
            _ => "can't be made",
        };
        r.fail(
            e,
            plan,
            fmt!(
                "a file without a name of {} bytes in {}: {}",
                size,
                Text(raw.payload),
                why
            ),
        )
    })
}

/// A rebuilt inode: an open file of it.
pub(crate) struct BuiltInode(pub(crate) FileRef);

impl Rebuilt for BuiltInode {
    /// Gives an inode that had a name what filling it changes: times, and permissions, of which
    /// bits that give rights are taken away by who writes.
    fn link(&self, r: &Restore, obj: ObjRef) -> Result {
        let (record, raw) = r.object_body::<Inode>(obj)?;
        if raw.payload.is_empty() {
            return Ok(());
        }
        let time = |sec: u64, nsec| (sec.cast_signed(), nsec);
        let file = &self.0;
        file.chmod((record.mode.get() & PERMISSIONS) as u16)
            .and_then(|()| {
                file.set_times([
                    time(record.atime.get(), record.atime_nsec.get()),
                    time(record.mtime.get(), record.mtime_nsec.get()),
                ])
            })
            .inspect_err(|&e| {
                r.with_report(|report| {
                    report.line(fmt!(
                        "error: a file without a name in {} can't have its mode and times [{}]",
                        Text(raw.payload),
                        Errno(e)
                    ));
                });
            })
    }
}

/// Returns an open file of the inode that `source` shows, for reading and writing.
pub(super) fn restore(
    r: &Restore,
    plan: &Plan<'_>,
    source: &Source,
    opener: &CredRef,
) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    if let Some(file) = r.with_built(obj, |f: &BuiltInode| f.0.clone()) {
        return Ok(file);
    }
    let file = make(r, plan, obj, opener)?;
    r.set_built(obj, BuiltInode(file.clone()))?;
    Ok(file)
}
