// SPDX-License-Identifier: GPL-2.0

//! Open files: what is common to all kinds.

use kernel::prelude::*;

use crate::{
    capture::Capture,
    files::{
        collected::{
            Open,
            Sort, //
        },
        device,
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
    image::{
        files::{
            OpenFile,
            FILE_DEVICE,
            FILE_DIRECTORY,
            FILE_FIFO,
            FILE_PIPE,
            FILE_REGULAR,
            FILE_SHARED_ANON,
            FILE_UNLINKED, //
        },
        ObjRef, //
    },
    kapi::{
        file::{
            flags_from_image,
            flags_to_image,
            ftype,
            FileRef, //
        },
        path::PathName,
        task::FrozenTask, //
    },
    objects::Class,
    restart::{
        context::Built,
        Plan,
        Restore, //
    },
};

/// A rebuilt open file.
pub(crate) struct BuiltFile(pub(crate) FileRef);

/// Name of a file for messages: its path, or what its directory entry says.
fn name_of(cap: &Capture, file: &FileRef) -> Result<KVec<u8>> {
    if !file.is_internal() {
        if let Ok(Some(path)) = file.path().name_from(&cap.files.root) {
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

/// Counts a user of `file`; decides at the first one how it is saved, or refuses it.
pub(super) fn collect(cap: &mut Capture, t: &FrozenTask, user: User, file: &FileRef) -> Result {
    let (_, first) = cap.objects.collect(Class::File, file.addr())?;
    if !first {
        return Ok(());
    }
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
    if file.has_locks() {
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
        ours: 1,
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
        cap.files
            .open
            .try_create_and_insert(file.addr(), open, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(())
}

/// Lists open files that tasks outside have too.
pub(super) fn leaks(cap: &mut Capture) -> Result {
    for open in cap.files.open.values() {
        let Some(entry) = cap.objects.get(Class::File, open.file.addr()) else {
            continue;
        };
        // An overlay's own file keeps a reference on the one below it.
        let is_pipe = matches!(open.sort, Sort::Pipe | Sort::Fifo);
        if open.file.is_backing() || !(cap.whole || is_pipe) {
            continue;
        }
        let known = entry.users + cap.files.own_references(open);
        if open.file.count() > known {
            let name = if open.path.is_empty() {
                b"a pipe or file without a name".as_slice()
            } else {
                &open.path
            };
            cap.report.refuse(
                EBUSY,
                &open.who,
                fmt!(
                    "{}: is open outside too ({} references, {} known)",
                    Text(name),
                    open.file.count(),
                    known
                ),
            );
        }
    }
    Ok(())
}

/// Reference of the collected file at `addr`; writes its records the first time.
pub(super) fn save(cap: &mut Capture, addr: usize) -> Result<ObjRef> {
    let (obj, first) = cap.objects.save(Class::File, addr)?;
    if !first {
        return Ok(obj);
    }
    let open = cap.files.open.get(&addr).ok_or(ENOENT)?;
    let (file, sort) = (open.file.clone(), open.sort);
    let (kind, inode) = match sort {
        Sort::Regular => (FILE_REGULAR, 0),
        Sort::Directory => (FILE_DIRECTORY, 0),
        Sort::Device => (FILE_DEVICE, device::number(&file)),
        Sort::Pipe => (FILE_PIPE, pipe::save(cap, &file, false)?.get()),
        Sort::Fifo => (FILE_FIFO, pipe::save(cap, &file, true)?.get()),
        Sort::Unlinked => (FILE_UNLINKED, unlinked::save(cap, &file, true)?.get()),
        Sort::SharedAnon => (FILE_SHARED_ANON, unlinked::save(cap, &file, false)?.get()),
    };
    let plain = matches!(sort, Sort::Regular | Sort::Unlinked | Sort::SharedAnon);
    let size = match sort {
        // It grows: what it will hold is not known.
        Sort::Regular if cap.files.is_output(&file) => i64::MAX,
        _ if plain => file.size(),
        _ => 0,
    };
    let pos = match sort {
        Sort::Pipe => 0,
        Sort::Fifo => pipe::pos(&file),
        _ => file.pos(),
    };
    let record = OpenFile {
        obj: obj.get().into(),
        kind: kind.into(),
        flags: (flags_to_image(&file) | file.advice()).into(),
        inode: inode.into(),
        pos: u64::try_from(pos).unwrap_or(0).into(),
        size: u64::try_from(size).unwrap_or(0).into(),
        cred: 0.into(),
        mode: file.mode().into(),
        mtime_ns: if plain { file.mtime_ns() } else { 0 }.into(),
    };
    let path = match cap.files.open.get(&addr) {
        // Theirs is that of a directory, and belongs to the inode.
        Some(open) if !matches!(sort, Sort::Unlinked | Sort::SharedAnon) => open.path.as_slice(),
        _ => &[],
    };
    cap.meta.put(&record, path)?;
    Ok(obj)
}

/// The open file with reference `obj`: rebuilt by its first user, shared by the others.
pub(super) fn restore(r: &Restore, plan: &Plan<'_>, obj: ObjRef) -> Result<FileRef> {
    let built = r.with_built(obj, |b| match b {
        Built::File(f) => Some(f.0.clone()),
        _ => None,
    });
    if let Some(Some(file)) = built {
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
    r.set_built(obj, Built::File(BuiltFile(file.clone())))?;
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
