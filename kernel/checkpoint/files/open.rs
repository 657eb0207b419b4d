// SPDX-License-Identifier: GPL-2.0

//! Open files: what is common to all kinds.

use kernel::prelude::*;

use crate::{
    core::{
        built::Rebuilt,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    files::{
        kinds,
        name::{
            name_of,
            Named,
            User, //
        },
        ops::{
            FileOps,
            Source, //
        },
        path, //
    },
    found::Capture,
    image::{
        files::OpenFile,
        record::ref_number,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            locks::LockHolders,
            open::flags_from_image,
            path::PathName, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    task, //
};

/// An open file.
pub(super) struct Open {
    /// The file.
    pub(super) file: FileRef,
    /// What it is.
    pub(super) kind: &'static FileOps,
    /// Its path from the caller's root; empty if its kind has none.
    pub(super) path: KVec<u8>,
    /// Its first user.
    pub(super) who: TaskName,
    /// How its first user has it.
    pub(super) user: User,
    /// References on it that this checkpoint holds, those of outputs not included.
    pub(super) ours: u64,
    /// Address of the credentials that it was opened with; `None`: an image can't have them.
    pub(super) opener: Option<usize>,
}

impl Open {
    /// Returns whether what was written to it is to be brought to its disk. With a checkpoint of
    /// which the tasks run on that is done then.
    pub(super) fn is_synced(&self) -> bool {
        self.kind.on_disk && self.file.is_writable()
    }
}

/// A rebuilt open file.
struct BuiltFile(FileRef);

impl Rebuilt for BuiltFile {}

/// A lock or lease was taken by way of `file`.
fn has_locks(cap: &mut Capture, file: &FileRef) -> Result<bool> {
    // Nobody locks what lies below an overlay: its own file is what was opened.
    if file.is_backing() {
        return Ok(false);
    }
    let inode = file.inode_addr();
    if let Some(holders) = cap.found.files.locks.get(&inode) {
        return Ok(holders.has(file));
    }
    let holders = LockHolders::of(file)?;
    let has = holders.has(file);
    cap.found
        .files
        .locks
        .try_create_and_insert(inode, holders, GFP_KERNEL_ACCOUNT)?;
    Ok(has)
}

/// Returns why a file of whatever kind can't be saved, if there is a reason.
fn unsupported(cap: &mut Capture, file: &FileRef) -> Result<Option<&'static str>> {
    Ok(if file.has_owner() || file.is_async() {
        Some("signals of files (O_ASYNC, F_SETOWN, leases) can't be saved yet")
    } else if file.is_ioctl_only() {
        Some("is open for neither reading nor writing (mode 3)")
    } else if has_locks(cap, file)? {
        Some("file locks are not supported yet")
    } else {
        None
    })
}

/// Counts a user of `file`; decides at the first one how it is saved, or refuses it.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, user: User, file: &FileRef) -> Result {
    if !cap.objects.count::<Open>(file.addr())? {
        return Ok(());
    }
    let name = name_of(cap, file)?;
    let named = Named { user, name: &name };
    let kind = kinds::of(file);
    if kind.number == 0 {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: {} can't be saved yet", named, kind.name),
        );
        return Ok(());
    }
    (kind.count)(cap, file)?;
    if let Some(why) = unsupported(cap, file)? {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(());
    }
    let mut open = Open {
        file: file.clone(),
        kind,
        path: KVec::new(),
        who: t.display(&cap.pid_ns),
        user,
        ours: 1,
        opener: None,
    };
    if (kind.collect)(cap, t, &named, &mut open)? {
        open.opener = task::collect_opener(cap, file)?;
        cap.objects.keep(open)?;
    }
    Ok(())
}

/// Returns the reference of the collected file at `addr`; writes its records the first time.
pub(super) fn save(cap: &mut Capture, addr: usize) -> Result<ObjRef> {
    let (obj, Some(open)) = cap.objects.save::<Open>(addr)? else {
        return cap.objects.reference::<Open>(addr);
    };
    let cred = match open.opener {
        Some(addr) => Some(task::save_opener(cap, addr)?),
        None => None,
    };
    let saved = (open.kind.save)(cap, &open)?;
    let record = OpenFile {
        obj: obj.get().into(),
        kind: open.kind.number.into(),
        flags: saved.flags.into(),
        inode: saved.inode.into(),
        pos: u64::try_from(saved.pos).unwrap_or(0).into(),
        size: saved.size.into(),
        cred: ref_number(cred).into(),
        mode: open.file.mode().into(),
        mtime: saved.mtime.0.cast_unsigned().into(),
        mtime_nsec: saved.mtime.1.into(),
        generation: saved.stat.generation.into(),
        dev: saved.stat.dev.into(),
        ino: saved.stat.ino.into(),
    };
    let path = if open.kind.by_path {
        open.path.as_slice()
    } else {
        &[]
    };
    cap.meta.put(&record, path)?;
    Ok(obj)
}

/// Returns the open file with reference `obj`: rebuilt by its first user, shared by the others.
pub(super) fn restore(r: &Restore, plan: &Plan<'_>, obj: ObjRef) -> Result<FileRef> {
    if let Some(file) = built(r, obj) {
        return Ok(file);
    }
    let (record, raw) = r.object_body::<OpenFile>(obj)?;
    let kind = kinds::by_number(record.kind.get()).ok_or(EINVAL)?;
    let source = Source {
        kind,
        flags: flags_from_image(record.flags.get()),
        record,
        path: PathName::new(raw.payload)?,
    };
    let file = (kind.restore)(r, plan, &source)?;
    r.set_built(obj, BuiltFile(file.clone()))?;
    Ok(file)
}

/// Returns the open file with reference `obj`, if a task has it: for links.
pub(super) fn built(r: &Restore, obj: ObjRef) -> Option<FileRef> {
    r.with_built(obj, |f: &BuiltFile| f.0.clone())
}

/// Returns the open file with reference `obj`, for the program of an address space.
pub(super) fn restore_program(r: &Restore, plan: &Plan<'_>, obj: ObjRef) -> Result<FileRef> {
    let file = restore(r, plan, obj)?;
    let (record, raw) = r.object_body::<OpenFile>(obj)?;
    path::check_program(r, plan, &record, raw.payload, &file)?;
    Ok(file)
}
