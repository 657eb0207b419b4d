// SPDX-License-Identifier: GPL-2.0

//! Files and directories of procfs and sysfs, and links that are open for their path only.
//!
//! They lie at their path, as those on a disk do, but in procfs the numbers of tasks are names: the
//! same task may have another number when it is restored. So the image has the tasks, and the path is
//! put together again. What a task has reaped is open as an entry that finds no task.
//!
//! Some entries give a right or hold something by being open. The process's own are opened again by
//! itself, and the memory of a tracee by its tracer; those of others are refused.

mod entries;
pub(super) mod traced;

use kernel::{
    prelude::*,
    str::CStr, //
};

use crate::{
    core::{
        objects::{
            Outside,
            Shared, //
        },
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::Place, //
    },
    files::{
        name::{
            Named,
            Text,
            User, //
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
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            open,
            proc::{
                EntryPath,
                ProcEntry, //
            },
            FILE_PROC, //
        },
        task::CONTAINER_WHOLE,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            magic::{
                PROC_SUPER_MAGIC,
                SYSFS_MAGIC, //
            },
            path::{
                PathName,
                PathRef, //
            }, //
            proc::ProcPids,
        },
        pid::namespace::PidNs,
        task::{
            frozen::{
                FrozenTask,
                TaskName, //
            },
            links::{
                OrphanPid,
                PidRef, //
            },
            tree::same_group, //
        }, //
    }, //
};

use entries::{
    is_of_thing,
    is_one_of,
    refusal,
    Whose,
    HOLDING,
    MAPS,
    MEMORY,
    MOUNTS, //
};

/// Files and directories of procfs and sysfs.
pub(super) const OPS: FileOps = FileOps {
    name: "a file of procfs or sysfs",
    number: FILE_PROC,
    matches: |f| {
        (f.is_on(PROC_SUPER_MAGIC) || f.is_on(SYSFS_MAGIC))
            && (f.is(ftype::REGULAR) || f.is(ftype::DIRECTORY) || f.is(ftype::LINK))
    },
    by_path: true,
    collect,
    lossless: |_| true,
    save,
    // Its contents are generated when it is read.
    compare: Compare::Type,
    restore,
    ..FileOps::NONE
};

/// A process or thread with an open entry. It has no record.
struct Shown {
    pid: PidRef,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
    /// Name of the file, for messages.
    name: KVec<u8>,
}

impl Shared<Found> for Shown {
    fn addr(&self) -> usize {
        self.pid.addr()
    }

    /// Tells who has it. All tasks of the tree are known when this is asked.
    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        let live = self.pid.task().is_some();
        if !live || cap.found.task.has(self.pid.number_in(&cap.pid_ns)) {
            Outside::Nothing
        } else {
            Outside::Refused
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let Some(task) = self.pid.task() else {
            return Ok(());
        };
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        let shown = TaskName::of(&task, &PidNs::of_current()?);
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "{}: shows {}, which is outside of the tree: have it closed, or checkpoint that as \
                 well",
                named,
                shown
            ),
        );
        Ok(())
    }
}

/// Returns why an instance of procfs is not there at a restart, if that is so.
fn instance_is_lost(cap: &Capture, path: &PathRef) -> Result<Option<&'static str>> {
    let ns = path.proc_ns()?;
    Ok(if cap.whole && ns == cap.pid_ns {
        Some("is of a procfs of the container's own pid namespace, which no restart can mount yet")
    } else if ns != PidNs::of_current()? {
        Some("is of a procfs of another pid namespace than the caller's: have it closed")
    } else {
        None
    })
}

/// Why an entry can't be saved that its task would not find again.
const OF_OTHERS: &str =
    "is of another net, ipc, pid or user namespace than those of its task: have it closed, or left";

/// Returns whether `path` is on procfs.
pub(super) fn is_on(path: &PathRef) -> bool {
    path.fs_magic() == u64::from(PROC_SUPER_MAGIC)
}

/// Returns why a directory of procfs can't be a root or working directory, if that is so.
pub(super) fn directory_is_lost(
    cap: &Capture,
    t: &FrozenTask,
    dir: &PathRef,
) -> Result<Option<&'static str>> {
    if !is_on(dir) {
        return Ok(None);
    }
    if !dir.is_of_namespaces(t) {
        return Ok(Some(OF_OTHERS));
    }
    if dir.proc_pids().process.is_some() {
        return Ok(Some(
            "is the directory of a process in procfs: have it left",
        ));
    }
    instance_is_lost(cap, dir)
}

/// Returns the length of the path of the root of the filesystem of `path`, without a slash at its
/// end; `None`: there is none.
fn root_len(cap: &Capture, path: &PathRef) -> Result<Option<usize>> {
    let Some(root) = path.filesystem_root() else {
        return Ok(None);
    };
    let name = root.name_from(&cap.found.files.root)?;
    Ok(name.map(|name| if name.len() == 1 { 0 } else { name.len() }))
}

/// Decides whether an entry of procfs can be saved; returns why not.
fn entry_refusal(
    cap: &Capture,
    t: &FrozenTask,
    open: &Open,
    path: &PathRef,
    pids: &ProcPids,
) -> Result<Option<&'static str>> {
    let Some(len) = root_len(cap, path)? else {
        return Ok(Some(
            "is below a mount of a part of procfs: have it opened by way of its root",
        ));
    };
    let file = &open.file;
    if pids.process.is_none() {
        let name = open.path.get(len..).unwrap_or(&[]);
        let below = |n: &[u8]| {
            name.strip_prefix(n)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        };
        return Ok(if file.is_path_only() {
            None
        } else if HOLDING.iter().any(|n| below(n)) {
            Some("holds something by being open, which can't be saved yet: have it closed")
        } else if file.is_writable() && !name.starts_with(b"/sys/") {
            Some("is open for writing: what that has set up can't be saved yet")
        } else {
            None
        });
    }
    let Some(entry) = EntryPath::parse(&open.path, len, pids.thread.is_some()) else {
        return Ok(Some("is an entry of a task in an unknown place"));
    };
    if file.is_path_only() && !pids.is_dead() {
        // Files are opened again before the task has all its descriptors.
        return Ok(is_of_thing(entry.rest).then_some(
            "stands for a descriptor or mapping of a task, which can't be saved yet: have it closed",
        ));
    }
    let task = pids.process.as_ref().and_then(|pid| pid.task());
    let tracee = traced::tracee(pids, t.task());
    let whose = match task {
        _ if pids.is_dead() => Whose::Dead,
        Some(task) if same_group(&task, t.task()) => Whose::Own,
        _ if tracee.is_some() => Whose::Traced,
        _ => Whose::Other,
    };
    let why = refusal(entry.rest, whose, file.is_writable());
    if why.is_some() || file.is_path_only() {
        return Ok(why);
    }
    let (memory, maps) = (is_one_of(entry.rest, MEMORY), is_one_of(entry.rest, MAPS));
    let shown = tracee.as_deref().unwrap_or(t.task());
    Ok(if file.pos() < 0 {
        Some("has a position that can't be saved: have it closed")
    } else if (memory || maps) && !file.shows_memory_of(shown, maps) {
        Some("shows the memory that its process had before it executed a program: have it closed")
    } else if is_one_of(entry.rest, MOUNTS) && !file.shows_mounts_from(&cap.found.files.root) {
        Some("shows mounts as they are seen from another root directory than the caller's")
    } else {
        None
    })
}

/// Notes the path of `open`, and whose entry it is. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    if matches!(named.user, User::Mapping) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: a mapping of procfs or sysfs can't be saved", named),
        );
        return Ok(false);
    }
    let path = open.file.path();
    if !is_on(&path) {
        return path::collect(cap, t, named, open);
    }
    let pids = path.proc_pids();
    let mut why = instance_is_lost(cap, &path)?;
    if !path.is_of_namespaces(t) {
        why = why.or(Some(OF_OTHERS));
    }
    if why.is_none() {
        if !pids.is_dead() {
            if !path::collect(cap, t, named, open)? {
                return Ok(false);
            }
        } else if let Some(name) = path.name_from(&cap.found.files.root)? {
            open.path = name;
        }
        why = entry_refusal(cap, t, open, &path, &pids)?;
    }
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    for pid in pids.pids() {
        if cap.objects.count_only::<Shown>(pid.addr())? {
            let mut name = KVec::new();
            name.extend_from_slice(named.name, GFP_KERNEL_ACCOUNT)?;
            cap.objects.keep(Shown {
                pid: pid.clone(),
                who: t.display(&cap.pid_ns),
                user: named.user,
                name,
            })?;
        }
    }
    Ok(true)
}

/// Writes whose entry it is.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let path = open.file.path();
    let mut saved = Saved::of(&open.file);
    if !is_on(&path) {
        return Ok(saved);
    }
    let pids = path.proc_pids();
    if pids.process.is_none() {
        return Ok(saved);
    }
    let number = |pid: &Option<PidRef>| match pid {
        Some(pid) if pid.task().is_some() => pid.number_in(&cap.pid_ns),
        _ => 0,
    };
    let record = ProcEntry {
        obj: cap.objects.number()?.get().into(),
        process: number(&pids.process).into(),
        thread: number(&pids.thread).into(),
        root: u32::try_from(root_len(cap, &path)?.ok_or(ENOENT)?)?.into(),
        in_task: u32::from(pids.thread.is_some()).into(),
        dead: u32::from(pids.is_dead()).into(),
    };
    cap.meta.put(&record, &[])?;
    saved.inode = record.obj.get();
    Ok(saved)
}

/// Returns the pid namespace of the caller of restart(2): the numbers in its procfs are of that.
fn caller_ns(r: &Restore) -> Result<PidNs> {
    let root = r.pid(r.container.root.get())?.namespace()?;
    if r.container.flags.get() & CONTAINER_WHOLE == 0 {
        return Ok(root);
    }
    root.parent().ok_or(ESRCH)
}

/// A path of procfs in the making.
struct Writer(KVec<u8>);

impl Writer {
    fn add(&mut self, text: &[u8]) -> Result {
        Ok(self.0.extend_from_slice(text, GFP_KERNEL_ACCOUNT)?)
    }

    fn add_number(&mut self, n: u32) -> Result {
        let mut digits = [0; 10];
        let mut at = digits.len();
        let mut left = n;
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + u8::try_from(left % 10)?;
            (left, at) = (left / 10, place);
            if left == 0 {
                break;
            }
        }
        self.add(digits.get(at..).unwrap_or(&[]))
    }
}

/// Returns the path of an entry, as `entry` has it, of the task with these numbers; 0: no thread.
fn path_of(entry: &EntryPath<'_>, process: u32, thread: u32) -> Result<PathName> {
    let mut path = Writer(KVec::new());
    path.add(entry.root)?;
    path.add(b"/")?;
    path.add_number(process)?;
    if thread != 0 {
        path.add(b"/task/")?;
        path.add_number(thread)?;
    }
    path.add(entry.rest)?;
    PathName::new(&path.0)
}

/// Reports that the entry can't be opened; returns `errno`.
fn failed(r: &Restore, plan: &TaskRecords<'_>, source: &Source, errno: Error, why: &str) -> Error {
    let name = Text(source.path.as_bytes());
    r.fail(errno, plan, fmt!("{}: {}: {}", name, why, Errno(errno)))
}

/// Finds what is at `path`, which is of procfs or sysfs as that of `source` was.
fn find(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    path: PathName,
    in_proc: bool,
) -> Result<PathRef> {
    let source = Source {
        kind: source.kind,
        record: source.record,
        flags: source.flags,
        path: Place::same(path.as_bytes())?,
        former: PathName::new(&[])?,
    };
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = path::find(r, plan, &source, &opener)?;
    let proc = is_on(&found);
    if !proc && (in_proc || found.fs_magic() != u64::from(SYSFS_MAGIC)) {
        return Err(failed(
            r,
            plan,
            &source,
            ESTALE,
            "is not on procfs or sysfs",
        ));
    }
    // Below a mount of a part the names are not those of the entries: what is allowed for one would be
    // done to another.
    if in_proc && found.filesystem_root().is_none() {
        let why = "another mount lies over it: unmount that first";
        return Err(failed(r, plan, &source, ESTALE, why));
    }
    if proc && found.proc_ns()? != caller_ns(r)? {
        let why = "is of a procfs of another pid namespace than the caller's";
        return Err(failed(r, plan, &source, ESTALE, why));
    }
    Ok(found)
}

/// Opens the entry of a task that lives.
fn open_live(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    record: &ProcEntry,
    entry: &EntryPath<'_>,
) -> Result<FileRef> {
    let ns = caller_ns(r)?;
    let process = r.pid(record.process.get())?;
    let thread = match record.thread.get() {
        0 => None,
        tid => Some(r.pid(tid)?),
    };
    let number = thread.as_ref().map_or(0, |pid| pid.number_in(&ns));
    let path = path_of(entry, process.number_in(&ns), number)?;
    let found = find(r, plan, source, path, true)?;
    let pids = found.proc_pids();
    let same = |found: &Option<PidRef>, wanted: Option<&PidRef>| {
        found.as_ref().map(PidRef::addr) == wanted.map(PidRef::addr)
    };
    if !same(&pids.process, Some(&process)) || !same(&pids.thread, thread.as_ref()) {
        return Err(failed(r, plan, source, ESRCH, "its process was killed"));
    }
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    if source.record.flags.get() & open::PATH != 0 {
        return path::open_found(r, plan, source, &opener, &found, source.flags);
    }
    let task = process.task().ok_or(ESRCH)?;
    let whose = if same_group(&task, kernel::current!()) {
        Whose::Own
    } else if entry.rest == traced::MEM {
        Whose::Traced
    } else {
        Whose::Other
    };
    let writable = source.record.flags.get() & open::WRITE != 0;
    if let Some(why) = refusal(entry.rest, whose, writable) {
        return Err(failed(r, plan, source, EACCES, why));
    }
    if whose == Whose::Traced {
        return traced::open(r, plan, record, &found, &opener, source.flags)
            .map_err(|e| failed(r, plan, source, e, "can't be opened"));
    }
    // Its owner is who the task is now, and not yet who it will be. Of itself a process has what
    // is not refused in any case.
    let opened = opener.act(|| {
        FileRef::open(&found, source.flags, 0).or_else(|e| match e {
            EACCES if whose == Whose::Own => FileRef::open_unchecked(&found, source.flags),
            _ => Err(e),
        })
    });
    let file = opened.map_err(|e| failed(r, plan, source, e, "can't be opened"))?;
    if is_one_of(entry.rest, MOUNTS) && !file.shows_mounts_from(&r.root) {
        let why = "shows mounts as they are seen from another root directory";
        return Err(failed(r, plan, source, ESTALE, why));
    }
    Ok(file)
}

/// Makes the entry of a task that was reaped: after one of the current task.
fn open_dead(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    record: &ProcEntry,
    entry: &EntryPath<'_>,
) -> Result<FileRef> {
    if let Some(why) = refusal(entry.rest, Whose::Dead, false) {
        return Err(failed(r, plan, source, EACCES, why));
    }
    let ns = caller_ns(r)?;
    let number = |tid: u32| r.pid(tid).map(|pid| pid.number_in(&ns));
    let in_task = record.in_task.get() != 0;
    let thread = if in_task {
        number(plan.task.tid.get())?
    } else {
        0
    };
    let like = path_of(entry, number(plan.task.tgid.get())?, thread)?;
    let like = find(r, plan, source, like, true)?;
    let mut process = Writer(KVec::new());
    match record.process.get() {
        0 => process.add(entry.process)?,
        tid => process.add_number(number(tid)?)?,
    }
    let process = PathName::new(&process.0)?;
    let text = PathName::new(entry.thread)?;
    let thread: Option<&CStr> = in_task.then_some(text.as_c_str());
    let orphan = OrphanPid::new(&PidNs::of_current()?, &mut [])
        .map_err(|e| failed(r, plan, source, e, "there is no pid for it"))?;
    let path = like
        .proc_dead(&orphan.pid(), process.as_c_str(), thread)
        .map_err(|e| failed(r, plan, source, e, "can't be made"))?;
    drop(orphan);
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    // There is nobody any more over whom it could give a right.
    opener
        .act(|| FileRef::open_unchecked(&path, source.flags))
        .map_err(|e| failed(r, plan, source, e, "can't be opened"))
}

/// Opens a file or directory as it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let file = match ObjRef::new(source.record.inode.get()) {
        None => {
            let path = PathName::new(source.path.as_bytes())?;
            let found = find(r, plan, source, path, false)?;
            let opener = opener::of_file(r, plan, source.record.cred.get())?;
            path::open_found(r, plan, source, &opener, &found, source.flags)?
        }
        Some(obj) => {
            let (record, _) = r.object_body::<ProcEntry>(obj)?;
            let root = usize::try_from(record.root.get())?;
            let in_task = record.in_task.get() != 0;
            let entry = EntryPath::parse(source.path.as_bytes(), root, in_task).ok_or(EINVAL)?;
            if record.dead.get() != 0 {
                open_dead(r, plan, source, &record, &entry)?
            } else {
                open_live(r, plan, source, &record, &entry)?
            }
        }
    };
    if source.record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    let pos = i64::try_from(source.record.pos.get()).map_err(|_| EINVAL)?;
    if pos != 0 {
        file.set_pos(pos)
            .map_err(|e| path::no_pos(r, plan, source, e))?;
    }
    Ok(file)
}
