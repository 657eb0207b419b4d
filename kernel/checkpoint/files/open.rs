// SPDX-License-Identifier: GPL-2.0

//! Open files: what is common to all kinds.

use kernel::prelude::*;

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
            Open,
            Sort, //
        },
        device,
        leaks,
        pipe,
        refuse::{
            self,
            Named,
            Text,
            User, //
        },
        regular,
        unlinked, //
    },
    found::Capture,
    image::{
        files::{
            open,
            OpenFile,
            FILE_DEVICE,
            FILE_DIRECTORY,
            FILE_FIFO,
            FILE_PIPE,
            FILE_REGULAR,
            FILE_SHARED_ANON,
            FILE_UNLINKED,
            NSEC_UNKNOWN,
            SIZE_UNKNOWN, //
        },
        record::ref_number,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            locks::LockHolders,
            open::{
                flags_from_image,
                flags_to_image, //
            },
            path::PathName,
            stat::{
                Ask,
                Stat, //
            }, //
        },
        task::frozen::FrozenTask, //
    },
    task, //
};

/// A rebuilt open file.
struct BuiltFile(FileRef);

/// Name of a file for messages: its path, or what its directory entry says.
pub(super) fn name_of(cap: &Capture, file: &FileRef) -> Result<KVec<u8>> {
    if !file.is_internal() {
        if let Ok(Some(path)) = file.path().name_from(&cap.found.files.root) {
            return Ok(path);
        }
    }
    let mut name = KVec::new();
    for part in [
        file.fs_name().to_bytes(),
        b":",
        file.entry_name().as_bytes(),
    ] {
        name.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(name)
}

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

/// Counts a user of `file`; decides at the first one how it is saved, or refuses it.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, user: User, file: &FileRef) -> Result {
    let (_, first) = cap.objects.collect(Class::File, file.addr())?;
    if !first {
        return Ok(());
    }
    leaks::count_open(cap, file)?;
    let name = name_of(cap, file)?;
    let named = Named { user, name: &name };
    if let Some(what) = refuse::kind(file) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: {} can't be saved yet", named, what),
        );
        return Ok(());
    }
    if file.has_owner() || file.is_async() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: signals of files (O_ASYNC, F_SETOWN, leases) can't be saved yet",
                named
            ),
        );
        pipe::count_refused(cap, file)?;
        return Ok(());
    }
    if file.is_ioctl_only() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: is open for neither reading nor writing (mode 3)",
                named
            ),
        );
        pipe::count_refused(cap, file)?;
        return Ok(());
    }
    if has_locks(cap, file)? {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: file locks are not supported yet", named),
        );
        pipe::count_refused(cap, file)?;
        return Ok(());
    }
    let sort = match file.file_type() {
        ftype::FIFO if file.is_internal() => Sort::Pipe,
        ftype::FIFO => Sort::Fifo,
        ftype::CHAR => Sort::Device,
        ftype::DIRECTORY => Sort::Directory,
        _ if file.is_internal() => Sort::SharedAnon,
        _ if file.links() == 0 => Sort::Unlinked,
        _ => Sort::Regular,
    };
    if matches!(sort, Sort::SharedAnon) && matches!(user, User::Descriptor(_)) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: a descriptor of anonymous memory can't be saved", named),
        );
        return Ok(());
    }
    let mut open = Open {
        file: file.clone(),
        sort,
        path: KVec::new(),
        who: t.display(&cap.pid_ns),
        user,
        ours: 1,
        opener: None,
    };
    let saved = match sort {
        Sort::Regular | Sort::Directory | Sort::Fifo | Sort::Device => {
            regular::collect_path(cap, t, &named, &mut open)?
                && (sort != Sort::Fifo || pipe::collect(cap, t, &named, &mut open)?)
        }
        Sort::Pipe => pipe::collect(cap, t, &named, &mut open)?,
        Sort::Unlinked | Sort::SharedAnon => unlinked::collect(cap, t, &named, &mut open)?,
    };
    if saved {
        open.opener = task::collect_opener(cap, file)?;
        cap.found
            .files
            .open
            .try_create_and_insert(file.addr(), open, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// What tells a collected file from others, as it is now.
///
/// What its server keeps is asked for only if all tasks have to stand still in any case: the server
/// may be one of them.
fn identity(cap: &Capture, file: &FileRef, sort: Sort) -> Result<Stat> {
    match sort {
        Sort::Regular | Sort::Directory | Sort::Fifo => {
            let ask = if cap.found.files.synced {
                Ask::AsStat
            } else {
                Ask::Never
            };
            file.path().stat(ask)
        }
        Sort::Device | Sort::Pipe | Sort::Unlinked | Sort::SharedAnon => Ok(Stat::default()),
    }
}

/// Reference of the collected file at `addr`; writes its records the first time.
pub(super) fn save(cap: &mut Capture, addr: usize) -> Result<ObjRef> {
    let (obj, first) = cap.objects.save(Class::File, addr)?;
    if !first {
        return Ok(obj);
    }
    let open = cap.found.files.open.get(&addr).ok_or(ENOENT)?;
    let (file, sort, opener) = (open.file.clone(), open.sort, open.opener);
    let cred = match opener {
        Some(addr) => Some(task::save_opener(cap, addr)?),
        None => None,
    };
    let (kind, inode) = match sort {
        Sort::Regular => (FILE_REGULAR, 0),
        Sort::Directory => (FILE_DIRECTORY, 0),
        Sort::Device => (FILE_DEVICE, device::number(&file)),
        Sort::Pipe => (FILE_PIPE, pipe::save(cap, &file, false)?.get()),
        Sort::Fifo => (FILE_FIFO, pipe::save(cap, &file, true)?.get()),
        Sort::Unlinked => (FILE_UNLINKED, unlinked::save(cap, &file, true)?.get()),
        Sort::SharedAnon => (FILE_SHARED_ANON, unlinked::save(cap, &file, false)?.get()),
    };
    let stat = match identity(cap, &file, sort) {
        Ok(stat) => stat,
        Err(e) => {
            if let Some(open) = cap.found.files.open.get(&addr) {
                cap.report.line(fmt!(
                    "error: {}: what tells it from others can't be read [{}]",
                    Text(&open.path),
                    Errno(e)
                ));
            }
            return Err(e);
        }
    };
    let (size, mtime) = match sort {
        // It grows: what it will hold is not known.
        Sort::Regular if cap.found.files.is_output(&file) => (SIZE_UNKNOWN, (0, NSEC_UNKNOWN)),
        Sort::Regular
            if file.is_writable() && !cap.found.files.synced && file.path().is_of_server() =>
        {
            (stat.size, (0, NSEC_UNKNOWN))
        }
        Sort::Regular => (stat.size, stat.mtime),
        Sort::Unlinked | Sort::SharedAnon => (u64::try_from(file.size()).unwrap_or(0), (0, 0)),
        _ => (0, (0, 0)),
    };
    let pos = match sort {
        Sort::Pipe => 0,
        Sort::Fifo => pipe::pos(&file)?,
        _ => file.pos(),
    };
    let mut flags = flags_to_image(&file) | file.advice();
    if sort == Sort::Unlinked {
        // An interpreter or loader that was replaced since. What is in it is in the image: nobody
        // has to ask for the right to execute it.
        flags &= !open::EXEC;
    }
    let record = OpenFile {
        obj: obj.get().into(),
        kind: kind.into(),
        flags: flags.into(),
        inode: inode.into(),
        pos: u64::try_from(pos).unwrap_or(0).into(),
        size: size.into(),
        cred: ref_number(cred).into(),
        mode: file.mode().into(),
        mtime: mtime.0.cast_unsigned().into(),
        mtime_nsec: mtime.1.into(),
        generation: stat.generation.into(),
        dev: stat.dev.into(),
        ino: stat.ino.into(),
    };
    let path = match cap.found.files.open.get(&addr) {
        // Theirs is that of a directory, and belongs to the inode.
        Some(open) if !matches!(sort, Sort::Unlinked | Sort::SharedAnon) => open.path.as_slice(),
        _ => &[],
    };
    cap.meta.put(&record, path)?;
    Ok(obj)
}

/// The open file with reference `obj`: rebuilt by its first user, shared by the others.
pub(super) fn restore(r: &Restore, plan: &Plan<'_>, obj: ObjRef) -> Result<FileRef> {
    if let Some(file) = r.with_built(obj, |f: &BuiltFile| f.0.clone()) {
        return Ok(file);
    }
    let (record, raw) = r.object_body::<OpenFile>(obj)?;
    let source = Source {
        flags: flags_from_image(record.flags.get()),
        record,
        path: PathName::new(raw.payload)?,
    };
    let file = match source.record.kind.get() {
        FILE_REGULAR | FILE_DIRECTORY => regular::restore(r, plan, &source)?,
        FILE_DEVICE => device::restore(r, plan, &source)?,
        FILE_UNLINKED | FILE_SHARED_ANON => unlinked::restore_open(r, plan, &source)?,
        FILE_PIPE | FILE_FIFO => pipe::restore(r, plan, &source)?,
        _ => return Err(EINVAL),
    };
    r.set_built(obj, BuiltFile(file.clone()))?;
    Ok(file)
}

/// The open file with reference `obj`, for the program of an address space.
pub(super) fn restore_program(r: &Restore, plan: &Plan<'_>, obj: ObjRef) -> Result<FileRef> {
    let file = restore(r, plan, obj)?;
    let (record, raw) = r.object_body::<OpenFile>(obj)?;
    regular::check_program(r, plan, &record, raw.payload, &file)?;
    Ok(file)
}

/// An open file to be rebuilt.
pub(super) struct Source {
    /// Its record.
    pub(super) record: OpenFile,
    /// O_* flags to open it with.
    pub(super) flags: u32,
    /// Its path from the caller's root; empty for those that have none.
    pub(super) path: PathName,
}
