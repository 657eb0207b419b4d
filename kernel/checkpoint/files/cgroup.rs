// SPDX-License-Identifier: GPL-2.0

//! Files and directories of cgroupfs (v2).
//!
//! The tasks may be restored in a cgroup of another name: what they have open of their own one, and of
//! cgroups below it, is what the new one has. All else is at its path.
//!
//! What such a file shows is made when it is read, and after a restart is that of the new cgroup: so a
//! new open file, of which poll(2) tells that something has changed until it is read, is what a task
//! has to have that waits for changes.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        },
        rules, //
    },
    files::{
        name::{
            Named,
            Text, //
        },
        open::Open,
        opener,
        ops::{
            Compare,
            FileOps,
            Saved,
            Source, //
        },
        path, //
    },
    found::Capture,
    image::{
        files::{
            cgroup::{
                self,
                CgroupEntry, //
            },
            open,
            FILE_CGROUP, //
        },
        ObjRef, //
    },
    kapi::{
        cgroup::group::Cgroup,
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            magic::CGROUP2_SUPER_MAGIC,
            path::{
                PathName,
                PathRef, //
            }, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// Files and directories of cgroupfs.
pub(super) const OPS: FileOps = FileOps {
    name: "a file of a cgroup",
    number: FILE_CGROUP,
    matches: |f| f.is_on(CGROUP2_SUPER_MAGIC) && (f.is(ftype::REGULAR) || f.is(ftype::DIRECTORY)),
    by_path: true,
    collect,
    lossless: |_| true,
    save,
    // Its contents are generated when it is read.
    compare: Compare::Type,
    restore,
    ..FileOps::NONE
};

/// Ends of the names of files that have something set up for an open file by a write: what it is
/// woken for, since when it counts.
const SET_UP: &[&[u8]] = &[b".pressure", b".peak"];

/// Where a file is to the cgroup of the tasks.
enum Place {
    /// In another one, or above: it stays at its path.
    Elsewhere,
    /// In it or below it: bytes of its path up to the root of cgroupfs, and to the cgroup.
    Inside([usize; 2]),
    /// In it, but not to be told by its path.
    Hidden,
}

/// Returns where `open` is to the cgroup of `t`.
fn place_of(cap: &Capture, t: &FrozenTask, open: &Open) -> Result<Place> {
    let path = open.file.path();
    let Some(place) = Cgroup::of(t.task())?.place_of(&path)? else {
        return Ok(Place::Elsewhere);
    };
    let Some(root) = path.filesystem_root() else {
        return Ok(Place::Hidden);
    };
    let Some(root) = root.name_from(&cap.found.files.root)? else {
        return Ok(Place::Hidden);
    };
    let root = if root.len() == 1 { 0 } else { root.len() };
    Ok(open
        .path
        .strip_suffix(place.as_slice())
        .map(|dir| dir.len())
        .filter(|&cgroup| cgroup::split(&open.path, root, cgroup).is_some())
        .map_or(Place::Hidden, |cgroup| Place::Inside([root, cgroup])))
}

/// Returns whether something was set up by `name` that only an open file has.
fn is_set_up(name: &[u8]) -> bool {
    SET_UP.iter().any(|end| name.ends_with(end))
}

/// Notes the path of `open`. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !path::collect(cap, t, named, open)? {
        return Ok(false);
    }
    let why = match place_of(cap, t, open) {
        Err(ENODEV) => Some("its cgroup has been removed: have it closed"),
        Ok(Place::Hidden) | Err(E2BIG) => {
            Some("is below a mount of a part of cgroupfs: have it opened by way of its root")
        }
        Err(e) => return Err(e),
        Ok(_) if open.file.is_writable() && is_set_up(&open.path) => {
            Some("is open for writing: what that has set up can't be saved yet")
        }
        Ok(Place::Inside(lengths)) => {
            open.place = Some(lengths);
            None
        }
        Ok(Place::Elsewhere) => None,
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
    }
    Ok(why.is_none())
}

/// Writes where in its cgroup an entry is.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let mut saved = Saved::of(&open.file);
    if let Some([root, cgroup]) = open.place {
        let record = CgroupEntry {
            obj: cap.objects.number()?.get().into(),
            root: u32::try_from(root)?.into(),
            cgroup: u32::try_from(cgroup)?.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, &[])?;
        saved.inode = record.obj.get();
    }
    Ok(saved)
}

/// Reports that an entry can't be opened; returns `errno`.
fn failed(r: &Restore, plan: &TaskRecords<'_>, source: &Source, errno: Error, why: &str) -> Error {
    let name = Text(source.path.as_bytes());
    r.fail(errno, plan, fmt!("{}: {}: {}", name, why, Errno(errno)))
}

/// Returns the path, from the caller's root, of the entry `record` in the cgroup of the current task.
fn path_of(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    record: &CgroupEntry,
) -> Result<PathName> {
    let lengths = [record.root, record.cgroup].map(|n| n.get() as usize);
    let [root, cgroup] = lengths;
    let (root, rest) = cgroup::split(source.path.saved().as_bytes(), root, cgroup).ok_or(EINVAL)?;
    // The lengths are those of the path that was saved: cgroupfs may be mounted elsewhere now.
    let dir_path = r.place(if root.is_empty() { b"/" } else { root })?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let lost = |e| {
        failed(
            r,
            plan,
            source,
            e,
            "cgroups are not mounted where they were",
        )
    };
    let dir = opener
        .act(|| PathRef::lookup_dir(&r.root, dir_path.as_c_str()))
        .map_err(lost)?;
    if dir.fs_magic() != u64::from(CGROUP2_SUPER_MAGIC)
        || dir.filesystem_root().is_none_or(|top| top != dir)
    {
        return Err(lost(ESTALE));
    }
    let place = Cgroup::of(kernel::current!())?
        .place_below(&dir)?
        .ok_or(ESTALE)
        .map_err(lost)?;
    let root = dir_path.as_bytes();
    let root = if root == b"/" { &[][..] } else { root };
    let mut path = KVec::new();
    for part in [root, &place, rest] {
        path.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
    }
    PathName::new(&path)
}

/// Opens a file or directory as it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let inside;
    let source = match ObjRef::new(source.record.inode.get()) {
        None => source,
        Some(obj) => {
            let (record, _) = r.object_body::<CgroupEntry>(obj)?;
            let path = path_of(r, plan, source, &record)?;
            inside = Source {
                kind: source.kind,
                record: source.record,
                flags: source.flags,
                path: rules::Place::same(path.as_bytes())?,
                former: PathName::new(&[])?,
            };
            &inside
        }
    };
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = path::find(r, plan, source, &opener)?;
    if found.fs_magic() != u64::from(CGROUP2_SUPER_MAGIC) {
        return Err(failed(r, plan, source, ESTALE, "is not on cgroupfs"));
    }
    let writable = source.record.flags.get() & (open::WRITE | open::PATH) == open::WRITE;
    if writable
        && SET_UP
            .iter()
            .any(|end| source.path.as_bytes().ends_with(end))
    {
        return Err(failed(r, plan, source, EINVAL, "is open for writing"));
    }
    let file = path::open_found(r, plan, source, &opener, &found, source.flags)?;
    if source.record.flags.get() & open::PATH == 0 && source.record.pos.get() != 0 {
        let pos = i64::try_from(source.record.pos.get())?;
        file.set_pos(pos)
            .map_err(|e| path::no_pos(r, plan, source, e))?;
    }
    Ok(file)
}
