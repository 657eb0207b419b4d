// SPDX-License-Identifier: GPL-2.0

//! Regular files whose contents are in the image, as the caller of checkpoint(2) has asked for it.
//!
//! What is at the path and is what was saved is opened as any other. Where nothing is, the file is
//! made anew; what differs is replaced if the caller of restart(2) accepts that. A new file is made
//! beside its place, with the rights of who had it open, and gets its name when its contents are there:
//! who looks for it finds it whole, and a restart that fails leaves nothing.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};

use crate::{
    core::{
        built::Rebuilt,
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        built_inode::{
            self,
            BuiltInode, //
        },
        former,
        inode::{
            self,
            Nameless, //
        },
        kinds,
        mount,
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
        path,
        regular,
        same, //
    },
    found::Capture,
    image::{
        files::{
            open,
            Inode,
            FILE_CONTENTS, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            new_file::NewFile,
            open::{
                flags_to_image,
                oflag, //
            },
            path::{
                PathName,
                PathRef, //
            }, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    },
    mm::{
        self,
        huge,
        policy, //
    }, //
};

/// Regular files whose contents are saved.
pub(in crate::files) const OPS: FileOps = FileOps {
    name: "a file with its contents",
    number: FILE_CONTENTS,
    // Which they are is said by the caller.
    matches: |_| false,
    by_path: true,
    collect,
    lossless: |_| true,
    on_disk: true,
    save,
    compare: Compare::Contents,
    restore,
    ..FileOps::NONE
};

/// Returns whether the contents of `file`, which is of a regular file with a name, are saved. Those of a
/// program are not: it may be executed, and not written to.
pub(in crate::files) fn is_for(cap: &Capture, file: &FileRef) -> bool {
    cap.found.files.has_contents(file) && flags_to_image(file) & open::EXEC == 0
}

/// Notes path and inode of `open`. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if !path::collect(cap, t, named, open)? {
        return Ok(false);
    }
    let file = &open.file;
    let known = cap.objects.get::<Nameless>(file.inode_addr());
    let refused = if known.as_ref().is_some_and(|inode| !inode.is_at(&open.path)) {
        Some((
            EOPNOTSUPP,
            "is open by another of its names as well, and its contents can have one only",
        ))
    } else if cap.found.files.is_output(file) {
        Some((EDEADLK, "the image or the log is written to it"))
    } else if !file.is_cached() {
        Some((
            EOPNOTSUPP,
            "its filesystem does not let the kernel read its pages",
        ))
    } else if let Some(why) = policy::refuses_file(file)? {
        Some((EOPNOTSUPP, why))
    } else if let Some(why) = huge::refuses_file(file) {
        Some((EOPNOTSUPP, why))
    } else if file.hides_xattrs()? {
        Some((EPERM, inode::HIDDEN))
    } else if file.owner().is_none() {
        Some((
            EOPNOTSUPP,
            "its owner is not known in this user namespace: call from outside",
        ))
    } else if file.is_watched() {
        Some((
            EOPNOTSUPP,
            "is watched (inotify, fanotify), and a file that is made anew would not be",
        ))
    } else if file.has_exclusive_lease() {
        Some((
            EOPNOTSUPP,
            "has a lease that keeps others from opening it, a checkpoint too: have that given up",
        ))
    } else if known.is_none() && !file.is_readable() && file.may_read().is_err() {
        Some((
            EACCES,
            "is not open for reading, and the caller may not read it: call as who may",
        ))
    } else {
        None
    };
    if let Some((errno, why)) = refused {
        cap.refuse(
            errno,
            t,
            fmt!("{}: its contents can't be saved: {}", named, why),
        );
        return Ok(false);
    }
    let mut copy = KVec::new();
    copy.extend_from_slice(&open.path, GFP_KERNEL_ACCOUNT)?;
    inode::add(cap, open, inode::Home::Named(copy))?;
    Ok(true)
}

/// Writes the inode of an open file.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let saved = regular::save(cap, open)?;
    let inode = inode::save(cap, open)?.get();
    cap.report.note(
        &open.who,
        fmt!(
            "{}: its contents are in the image ({} bytes)",
            Text(&open.path),
            open.file.size()
        ),
    );
    Ok(Saved { inode, ..saved })
}

/// The file that is at its path is what was saved: the contents in the image are not needed.
struct Kept;

impl Rebuilt for Kept {}

/// A file on its way to its place.
pub(crate) struct Arrival {
    file: NewFile,
    name: PathName,
    /// What has the place, and loses it.
    old: Option<PathRef>,
    /// With whose rights it is made.
    opener: CredRef,
    /// Where it is.
    at: Atomic<u32>,
}

/// It is beside its place.
const BESIDE: u32 = 0;
/// It has come to its place, where nothing was.
const PLACED: u32 = 1;
/// It has replaced what was there, which is gone.
const REPLACED: u32 = 2;
/// It has replaced what was there, which has its name now.
const SWAPPED: u32 = 3;

impl Arrival {
    /// Returns the name that it gets, without its directory.
    pub(in crate::files) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// Returns whose rights it is made with.
    pub(in crate::files) fn opener(&self) -> &CredRef {
        &self.opener
    }

    /// Puts it where nothing is, before files are watched again.
    pub(in crate::files) fn link(&self, r: &Restore) -> Result {
        match self.old {
            Some(_) => Ok(()),
            None => self.place(r),
        }
    }

    /// Puts it in the place of another, which not all filesystems can take back: it is one of the last
    /// things.
    pub(in crate::files) fn replace(&self, r: &Restore) -> Result {
        match self.old {
            Some(_) => self.place(r),
            None => Ok(()),
        }
    }

    fn place(&self, r: &Restore) -> Result {
        let old = self.old.as_ref();
        let give = || self.file.give_name(self.name.as_c_str(), old);
        let swapped = self.opener.act(give).map_err(|e| {
            let why = match (e, old) {
                (EEXIST, _) => "something has been put there meanwhile",
                (EINVAL, Some(_)) => "another file has that name by now, or is mounted there",
                (EINVAL, None) => "its filesystem can't keep what would be there",
                (EACCES | EPERM, _) => "who had it open may not put it there",
                (EAGAIN, _) => "somebody has a delegation of what is there",
                (EBUSY, _) => "something is mounted there",
                _ => "it can't be put there",
            };
            r.told(
                e,
                fmt!(
                    "{}, which was made anew: {}: {}",
                    Text(self.name.as_bytes()),
                    why,
                    Errno(e)
                ),
            )
        })?;
        let at = match (old, swapped) {
            (None, _) => PLACED,
            (Some(_), false) => REPLACED,
            (Some(_), true) => SWAPPED,
        };
        self.at.store(at, Relaxed);
        Ok(())
    }

    /// Takes it away again, and gives its place back, but not if what was there is gone.
    pub(in crate::files) fn undo(&self, r: &Restore) {
        let old = match (self.at.load(Relaxed), &self.old) {
            (SWAPPED, Some(old)) => old,
            (PLACED, _) => return self.at.store(BESIDE, Relaxed),
            _ => return,
        };
        match self.opener.act(|| self.file.give_back(old)) {
            Ok(()) => self.at.store(BESIDE, Relaxed),
            Err(e) => self.stays(r, old, "can't be given its name back", e),
        }
    }

    /// Returns whether what it has replaced is there still.
    pub(in crate::files) fn has_old(&self) -> bool {
        self.at.load(Relaxed) == SWAPPED
    }

    /// Removes what it has replaced, when the restart has succeeded. May sleep, even for long.
    pub(crate) fn remove_old(&self, r: &Restore) {
        let Some(old) = self.old.as_ref().filter(|_| self.has_old()) else {
            return;
        };
        match self.opener.act(|| self.file.remove_old(old)) {
            Ok(()) => self.at.store(REPLACED, Relaxed),
            Err(e) => self.stays(r, old, "can't be removed", e),
        }
    }

    /// Leaves what it has replaced where it is, which the log tells.
    fn stays(&self, r: &Restore, old: &PathRef, what: &str, e: Error) {
        self.at.store(REPLACED, Relaxed);
        // What others have moved or removed is theirs.
        let name = old.name_from(&r.root).ok().flatten().unwrap_or_default();
        r.with_report(|report| {
            report.line(fmt!(
                "note: {}: what was replaced by {} {}: {}",
                Text(&name),
                Text(self.name.as_bytes()),
                what,
                Errno(e)
            ))
        });
    }
}

impl Drop for Arrival {
    /// Removes what has no place: the file, or what it has replaced.
    fn drop(&mut self) {
        // What others have moved or removed is theirs.
        let _ = match (self.at.load(Relaxed), &self.old) {
            (BESIDE, _) => self.opener.act(|| self.file.remove()),
            (SWAPPED, Some(old)) => self.opener.act(|| self.file.remove_old(old)),
            _ => Ok(()),
        };
    }
}

/// Returns what `source` finds at its path, if anything, and whether it is to be replaced.
fn look(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: &CredRef,
) -> Result<Option<(PathRef, bool)>> {
    let start = mount::start(r, source.record.mount.get())?;
    match opener.act(|| PathRef::lookup(&start, source.path.as_c_str())) {
        Ok(found) if found.mode() & ftype::MASK == ftype::REGULAR => {
            let replace = same::check_overwrite(r, plan, source, &found)?;
            Ok(Some((found, replace)))
        }
        // It says what is wrong.
        Ok(_) => path::find(r, plan, source, opener).map(|found| Some((found, false))),
        Err(ENOENT) => Ok(None),
        Err(_) => path::find(r, plan, source, opener).map(|found| Some((found, false))),
    }
}

/// Makes the file with reference `obj` beside its place, with its size but without its contents.
fn make(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: CredRef,
    obj: ObjRef,
    old: Option<PathRef>,
) -> Result<BuiltInode> {
    let (record, _) = r.object_body::<Inode>(obj)?;
    let start = mount::start(r, source.record.mount.get())?;
    let (dir, name) = former::split(source.path.as_bytes())?.ok_or(EINVAL)?;
    let create = || {
        let dir = PathRef::lookup_dir(&start, dir.as_c_str())?;
        if kinds::on_filesystem(dir.fs_magic()).is_some() {
            return Err(EOPNOTSUPP);
        }
        NewFile::make(
            &dir,
            former::random_name(*b".restart-0123456789abcdef")?.as_c_str(),
        )
    };
    let fail = |e: Error| {
        let why = match e {
            ENOENT | ELOOP | ENOTDIR => "its directory is missing: bring it back",
            EACCES | EPERM => {
                "who had it open may not make it, with its owner and its attributes: bring it back"
            }
            ENOSPC | EDQUOT => "there is no room for it",
            EROFS => "its filesystem is read-only",
            EOPNOTSUPP => "its filesystem is not one for files",
            _ => "it can't be made",
        };
        let path = Text(source.path.as_bytes());
        r.fail(
            e,
            plan,
            fmt!("{}: is to be made anew: {}: {}", path, why, Errno(e)),
        )
    };
    let file = opener.act(create).map_err(fail)?;
    // From here on it is removed if anything fails.
    let arrival = Arrival {
        file,
        name,
        old,
        opener,
        at: Atomic::new(BESIDE),
    };
    let prepare = || {
        let path = arrival.file.path();
        let file = match FileRef::open(path, oflag::READ_WRITE, 0) {
            // The umask may have left its owner no right: who makes a file may open it all the same.
            Err(EACCES) => FileRef::open_unchecked(path, oflag::READ_WRITE),
            opened => opened,
        }?;
        file.remove_xattrs()?;
        built_inode::prepare(file, &record)
    };
    let file = arrival.opener.act(prepare).map_err(fail)?;
    mm::prepare_file(r, plan, obj, &file)?;
    BuiltInode::of_named(file, arrival)
}

/// Opens the file as it was: what is there, or the new one.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let found = if r.is_built(obj) {
        None
    } else {
        match look(r, plan, source, &opener)? {
            Some((found, false)) => {
                r.set_built(obj, Kept)?;
                Some(found)
            }
            other => {
                let old = other.map(|(found, _)| found);
                let made = make(r, plan, source, opener.clone(), obj, old)?;
                r.set_built(obj, made)?;
                None
            }
        }
    };
    let made = r.with_built(obj, |made: &BuiltInode| made.file().path());
    let file = match (found, made) {
        (Some(found), _) => path::open_found(r, plan, source, &opener, &found, source.flags)?,
        (None, None) => path::open(r, plan, source, source.flags)?,
        (None, Some(path)) => opener
            .act(|| FileRef::open_unchecked(&path, source.flags))
            .map_err(|e| {
                let path = Text(source.path.as_bytes());
                r.fail(e, plan, fmt!("{}: can't be opened: {}", path, Errno(e)))
            })?,
    };
    if source.record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    path::set_pos(r, plan, source, &file)?;
    path::advise(r, plan, source, &file)?;
    Ok(file)
}
