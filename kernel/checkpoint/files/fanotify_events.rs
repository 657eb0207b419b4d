// SPDX-License-Identifier: GPL-2.0

//! Events that were not read yet from a fanotify group.
//!
//! A file is told by a path, by which it is found again, or by file handles: these are saved as they
//! are, as a program that has got some keeps them, too. Who has caused an event is told by a pid,
//! which may be that of somebody who has ended: then by one that no task has any more. They are
//! queued before the group marks anything, and by the kernel's own code, which knows with which later
//! ones they are merged.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        inotify,
        mount,
        name::Named,
        pidfd, //
    },
    found::Capture,
    image::{
        notify::{
            fanotify as bits,
            FanotifyEvent,
            FanotifyFid, //
        },
        record::{
            ref_number,
            Raw, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            fanotify::Group,
            fanotify_events::{
                self as queued,
                Event,
                Fid,
                What, //
            },
            file::FileRef,
            path::PathRef,
            stat::{
                Ask,
                Stat, //
            }, //
        },
        security::cred::CredRef,
        task::{
            frozen::FrozenTask,
            links::{
                OrphanPid,
                PidRef, //
            }, //
        },
        time::wait, //
    }, //
};

/// Where the file of an event is found again.
struct Place {
    name: KVec<u8>,
    stat: Stat,
}

/// An event that was noted.
pub(super) struct Told {
    mask: u32,
    /// Who has caused it, if that can be told.
    pid: Option<PidRef>,
    /// A pidfd of him is to be had.
    has_pidfd: bool,
    /// Nobody but him is told who he is: the group was made without CAP_SYS_ADMIN.
    is_hidden: bool,
    what: What<Place, KVec<u8>>,
}

/// Notes events of the group `named`, which was made as `group`. `None`: one is refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    group: &Group,
    events: KVVec<Event>,
) -> Result<Option<KVVec<Told>>> {
    let mut all = KVVec::with_capacity(events.len(), GFP_KERNEL_ACCOUNT)?;
    let has_pidfd = group.flags & bits::REPORT_PIDFD != 0;
    for (n, event) in events.into_iter().enumerate() {
        wait::go_on()?;
        // One that has no number here has none for any task.
        let pid = event.pid.filter(|pid| pid.number_in(&cap.pid_ns) != 0);
        if let (true, Some(pid)) = (has_pidfd, &pid) {
            if !pidfd::collect_pid(cap, t, named, "has an event of", pid.clone())? {
                return Ok(None);
            }
        }
        let what = match event.what {
            What::Path(path) => match place(cap, &path)? {
                Ok(place) => What::Path(place),
                Err(why) => {
                    // The others are likely to be of the same kind.
                    cap.refuse(EOPNOTSUPP, t, fmt!("{}: event {}: {}", named, n + 1, why));
                    return Ok(None);
                }
            },
            What::Overflow => What::Overflow,
            What::Fid(fid, data) => What::Fid(fid, data),
        };
        let told = Told {
            mask: event.mask,
            pid: pid.filter(|pid| !group.unprivileged || pid.task().is_some()),
            has_pidfd,
            is_hidden: group.unprivileged,
            what,
        };
        all.push(told, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(Some(all))
}

/// Finds out where the file of an event will be found again; or why it won't be.
fn place(cap: &Capture, path: &PathRef) -> Result<core::result::Result<Place, &'static str>> {
    let root = &cap.found.files.root;
    if path.is_unlinked() {
        return Ok(Err(
            "its file has been removed, or the name by which it was opened: have it read",
        ));
    }
    let Some(name) = path.name_from(root)? else {
        return Ok(Err(
            "its file can't be reached from the caller's root directory: have it read, or call from \
             where it can",
        ));
    };
    if path.is_hidden(root) {
        return Ok(Err(
            "another mount hides the path of its file: have it read, or unmount that first",
        ));
    }
    if !inotify::is_kept(path) {
        return Ok(Err(
            "its file is none on a disk or in memory (procfs, cgroupfs and the like): have it read",
        ));
    }
    let stat = path.stat(Ask::Never)?;
    Ok(Ok(Place { name, stat }))
}

impl Told {
    /// Returns how many bytes of memory it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        let more = match &self.what {
            What::Path(place) => place.name.len(),
            What::Overflow => 0,
            What::Fid(_, data) => data.len(),
        };
        size_of::<Self>() + more
    }

    /// Returns whether its pid can't be told any more: it is of no task of the tree, but of an
    /// inner namespace, where others know it by another number; or a pidfd of it is to be had, and
    /// a task has its number by now. All tasks are known when this is asked.
    pub(super) fn is_lost(&self, cap: &Capture) -> bool {
        !self.is_hidden
            && self.pid.as_ref().is_some_and(|pid| {
                let is_inner = pid.namespace().is_ok_and(|ns| ns != cap.pid_ns);
                let is_used = cap.found.task.has(pid.number_in(&cap.pid_ns));
                match pid.task() {
                    Some(_) => is_inner && !is_used,
                    None => is_inner || (self.has_pidfd && is_used),
                }
            })
    }

    /// Returns the pid to be told; 0: none. One that only its process is told is of no use, and may be one
    /// that a restart can't have, unless that is in the tree.
    fn number(&self, cap: &Capture) -> u32 {
        let number = self.pid.as_ref().map_or(0, |p| p.number_in(&cap.pid_ns));
        if self.is_hidden && !cap.found.task.has(number) {
            return 0;
        }
        number
    }

    /// Returns the record of who has caused it, which a pidfd is to be had of.
    fn target(&self, cap: &mut Capture) -> Result<Option<ObjRef>> {
        match &self.pid {
            Some(pid) if self.has_pidfd => Ok(Some(pidfd::save_pid(cap, pid)?)),
            _ => Ok(None),
        }
    }

    /// Writes it; `target`: as of [`targets`].
    pub(super) fn save(&self, cap: &mut Capture, target: Option<ObjRef>) -> Result {
        let pid = self.number(cap);
        let target = ref_number(target);
        let (name, stat, mount): (&[u8], _, _) = match &self.what {
            What::Path(place) => (&place.name, place.stat, mount::reference(cap)?),
            What::Overflow => (&[], Stat::default(), 0),
            What::Fid(fid, data) => {
                let [dir, dir2, object] = fid.handles;
                let [name, name2] = fid.names;
                let record = FanotifyFid {
                    mask: self.mask.into(),
                    pid: pid.into(),
                    target: target.into(),
                    kind: fid.kind.into(),
                    fsid: fid.fsid.into(),
                    error: fid.error.into(),
                    errors: fid.errors.into(),
                    dir: dir.into(),
                    dir2: dir2.into(),
                    object: object.into(),
                    name: name.into(),
                    name2: name2.into(),
                    reserved: 0.into(),
                };
                return cap.meta.put(&record, data);
            }
        };
        let record = FanotifyEvent {
            mask: self.mask.into(),
            pid: pid.into(),
            target: target.into(),
            mode: stat.mode.into(),
            generation: stat.generation.into(),
            mount: mount.into(),
            dev: stat.dev.into(),
            ino: stat.ino.into(),
        };
        cap.meta.put(&record, name)
    }
}

/// Returns the records of those who have caused `events`, one for each; writes them the first time.
pub(super) fn targets(cap: &mut Capture, events: &[Told]) -> Result<KVVec<Option<ObjRef>>> {
    let mut targets = KVVec::with_capacity(events.len(), GFP_KERNEL_ACCOUNT)?;
    for event in events {
        wait::go_on()?;
        targets.push(event.target(cap)?, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(targets)
}

/// A queue that gets its events again.
pub(super) struct Queue<'a> {
    /// The group.
    file: &'a FileRef,
    /// With whose rights files are looked for.
    opener: &'a CredRef,
    /// Who has caused those before, by number: events of one process are merged.
    pids: RBTree<u32, PidRef>,
}

impl<'a> Queue<'a> {
    pub(super) fn new(file: &'a FileRef, opener: &'a CredRef) -> Self {
        Self {
            file,
            opener,
            pids: RBTree::new(),
        }
    }

    /// Appends the event of a record.
    pub(super) fn put(&mut self, r: &Restore, plan: &TaskRecords<'_>, raw: &Raw<'_>) -> Result {
        if raw.kind == Kind::FanotifyFid {
            let event: FanotifyFid = raw.body().map_err(|f| r.fault(f))?;
            let fid = Fid {
                kind: event.kind.get(),
                fsid: event.fsid.get(),
                error: event.error.get(),
                errors: event.errors.get(),
                handles: [event.dir.get(), event.dir2.get(), event.object.get()],
                names: [event.name.get(), event.name2.get()],
            };
            let by = (event.pid.get(), event.target.get());
            let what = What::Fid(fid, raw.payload);
            return self.append(r, plan, event.mask.get(), by, &what);
        }
        let event: FanotifyEvent = raw.body().map_err(|f| r.fault(f))?;
        let mask = event.mask.get();
        if mask == bits::OVERFLOW {
            return self.append(r, plan, mask, (0, 0), &What::Overflow);
        }
        let at = inotify::Watched {
            by: "an event of fanotify",
            mask: mask & bits::OF_FILES,
            mode: event.mode.get(),
            mount: event.mount.get(),
            was: (event.dev.get(), event.ino.get(), event.generation.get()),
        };
        let path = inotify::find_path(r, plan, &at, raw.payload, self.opener)?;
        let by = (event.pid.get(), event.target.get());
        self.append(r, plan, mask, by, &What::Path(&path))
    }

    /// Appends an event, by the process with this number and this record.
    fn append(
        &mut self,
        r: &Restore,
        plan: &TaskRecords<'_>,
        mask: u32,
        by: (u32, u32),
        what: &What<&PathRef, &[u8]>,
    ) -> Result {
        let (number, target) = by;
        let pid = self.pid(r, number, ObjRef::new(target)).map_err(|e| {
            let why = match e {
                EEXIST => "it is somebody else's by now",
                EPERM => "who restarts may not choose pids (CAP_CHECKPOINT_RESTORE)",
                EAGAIN => "there is no pid left (kernel.pid_max)",
                ENOMEM => "no memory",
                _ => "it can't be had",
            };
            r.fail(
                e,
                plan,
                fmt!(
                    "an event of fanotify: pid {}, of who has caused it: {} [{}]",
                    number,
                    why,
                    Errno(e)
                ),
            )
        })?;
        queued::queue(self.file, mask, pid.as_ref(), what).map_err(|e| {
            let why = match e {
                ENOSPC => "more than the kernel queues here (fs.fanotify.max_queued_events)",
                EINVAL => "the group can have none like these",
                ENOMEM => "no memory",
                _ => "the kernel does not take them",
            };
            r.fail(
                e,
                plan,
                fmt!("events of a fanotify group can't be queued: {}", why),
            )
        })
    }

    /// Returns the pid `number` of who has caused an event.
    ///
    /// EEXIST: another process has that number, and a pidfd would be of that one.
    fn pid(&mut self, r: &Restore, number: u32, target: Option<ObjRef>) -> Result<Option<PidRef>> {
        if number == 0 {
            return Ok(None);
        }
        let ns = r.pid_ns()?;
        if let Some(target) = target {
            let pid = pidfd::target(r, target)?;
            let is_same = pid.number_in(ns) == number;
            return is_same.then_some(Some(pid)).ok_or(EEXIST);
        }
        if let Some(pid) = self.pids.get(&number) {
            return Ok(Some(pid.clone()));
        }
        // It only tells a number: who has it now will do. The number of nobody is free again at once.
        let pid = match PidRef::find(ns, number) {
            Some(pid) => pid,
            None => match OrphanPid::new(ns, &mut [i32::try_from(number)?]) {
                // Somebody has just got it.
                Err(EEXIST) => PidRef::find(ns, number).ok_or(EEXIST)?,
                orphan => orphan?.pid(),
            },
        };
        self.pids
            .try_create_and_insert(number, pid.clone(), GFP_KERNEL_ACCOUNT)?;
        Ok(Some(pid))
    }
}
