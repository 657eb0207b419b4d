// SPDX-License-Identifier: GPL-2.0

//! Fanotify groups: how they were made, and what they mark; their events are in [`fanotify_events`].
//!
//! An inode or a filesystem is marked, of which the kernel keeps no path: one that leads to it is looked
//! for as for watches of inotify. A mount that is marked is the one at the same path. Marks are set last, when the restart opens and closes no more files. A
//! group that asks for permission could not answer while it is frozen, nor to who restarts it.

use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        fanotify_events::{
            self,
            Told, //
        },
        inotify::{
            self,
            Target, //
        },
        mount,
        name::{
            name_of,
            Named,
            User, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::FILE_FANOTIFY,
        notify::{
            fanotify as bits,
            Fanotify,
            FanotifyMark,
            FANOTIFY_UNPRIVILEGED, //
        },
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            fanotify::{
                Group,
                How,
                Mark,
                Marked,
                State,
                Why, //
            },
            file::FileRef,
            open::oflag,
            path::PathRef,
            stat::Stat, //
        },
        mm::held::Held,
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    }, //
};

/// Fanotify groups.
pub(super) const OPS: FileOps = FileOps {
    name: "a fanotify group",
    number: FILE_FANOTIFY,
    matches: |f| f.file.is_fanotify(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// A fanotify group.
struct OpenFanotify {
    file: FileRef,
    group: Group,
    marks: KVVec<Mark>,
    /// Where what is marked is found again: one for each mark.
    places: KVVec<(KVec<u8>, Stat)>,
    /// The events of its queue.
    events: KVVec<Told>,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
    _held: Held,
}

impl Shared<Found> for OpenFanotify {
    fn addr(&self) -> usize {
        self.file.addr()
    }

    /// Tells of events whose process can't be told any more.
    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        if self.events.iter().any(|e| e.is_lost(cap)) {
            Outside::Refused
        } else {
            Outside::Nothing
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let name = name_of(cap, &self.file)?;
        let named = Named {
            user: self.user,
            name: &name,
        };
        cap.report.refuse(
            EOPNOTSUPP,
            &self.who,
            fmt!(
                "{}: has events of a process whose pid can't be told any more, as it has ended, or is \
                 outside, in an inner pid namespace, or a task has its number by now: have them read",
                named
            ),
        );
        Ok(())
    }
}

/// Notes its marks and events, as of now. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let mut refuse = |errno, why: &str| {
        cap.refuse(errno, t, fmt!("{}: {}", named, why));
        Ok(false)
    };
    let state = match Group::of(&open.file) {
        Err(E2BIG) => return refuse(E2BIG, "has too many marks: have some removed"),
        Err(EBUSY) => return refuse(EBUSY, "what it marks changes all the time: try again"),
        Ok(Err(Why::Events)) => {
            return refuse(
                EOPNOTSUPP,
                "has events that ask it for permission, and were not answered: have that done",
            )
        }
        Ok(Err(Why::Mounts)) => {
            return refuse(
                EOPNOTSUPP,
                "has events of mounts (FAN_MNT_ATTACH and the like), whose ids are others after a \
                 restart: have them read",
            )
        }
        Ok(Err(Why::Many)) => return refuse(E2BIG, "has too many events: have them read"),
        Ok(Err(Why::Permissions)) => return refuse(
            EOPNOTSUPP,
            "has marks that ask it for permission (FAN_OPEN_PERM and the like), which it can't \
                 give while it is frozen: have them removed",
        ),
        Ok(Err(Why::Namespaces)) => {
            return refuse(
                EOPNOTSUPP,
                "has marks on mount namespaces, which can't be saved yet: have them removed",
            )
        }
        Ok(Ok(seen)) => seen,
        Err(e) => return Err(e),
    };
    let State {
        group,
        marks,
        events,
    } = state;
    let mut near = cap.found.files.root.clone();
    let mut places = KVVec::with_capacity(marks.len(), GFP_KERNEL_ACCOUNT)?;
    let mut bytes = marks.len() * (size_of::<Mark>() + size_of::<Stat>());
    let mut refused = false;
    for (n, mark) in marks.iter().enumerate() {
        wait::go_on()?;
        let found = match &mark.on {
            Marked::Inode(inode) => inotify::target(cap, inode, &mut near)?,
            Marked::Mount(root) => inotify::target_mount(cap, root)?,
        };
        let why = match found {
            Ok(Target::Path(name, stat)) => {
                bytes += name.len();
                places.push((name, stat), GFP_KERNEL_ACCOUNT)?;
                continue;
            }
            Ok(Target::Removed) => inotify::GONE,
            Err(why) => why,
        };
        refused = true;
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: mark {}: {}", named, n + 1, why));
    }
    let events = fanotify_events::collect(cap, t, named, &group, events)?;
    let (false, Some(events)) = (refused, events) else {
        return Ok(false);
    };
    bytes += events.iter().map(Told::bytes).sum::<usize>();
    let mut held = Held::new();
    held.set(bytes);
    cap.objects.count::<OpenFanotify>(open.file.addr())?;
    cap.objects.keep(OpenFanotify {
        file: open.file.clone(),
        group,
        marks,
        places,
        events,
        who: t.display(&cap.pid_ns),
        user: named.user,
        _held: held,
    })?;
    open.ours += 1;
    Ok(true)
}

/// Writes the group, its marks and its events.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let (obj, Some(fanotify)) = cap.objects.save::<OpenFanotify>(open.file.addr())? else {
        return Err(EINVAL);
    };
    let group = &fanotify.group;
    // They are objects: their records come before that of the group.
    let targets = fanotify_events::targets(cap, &fanotify.events)?;
    let how = if group.unprivileged {
        FANOTIFY_UNPRIVILEGED
    } else {
        0
    };
    let record = Fanotify {
        obj: obj.get().into(),
        flags: group.flags.into(),
        event_flags: group.event_flags.into(),
        how: how.into(),
        marks: u32::try_from(fanotify.marks.len())
            .map_err(|_| E2BIG)?
            .into(),
        events: u32::try_from(fanotify.events.len())
            .map_err(|_| E2BIG)?
            .into(),
    };
    cap.meta.put(&record, &[])?;
    for (mark, (name, stat)) in fanotify.marks.iter().zip(fanotify.places.iter()) {
        wait::go_on()?;
        let record = FanotifyMark {
            mask: mark.how.mask.into(),
            ignored: mark.how.ignored.into(),
            flags: mark.how.flags.into(),
            mode: stat.mode.into(),
            generation: stat.generation.into(),
            mount: mount::reference(cap)?.into(),
            dev: stat.dev.into(),
            ino: stat.ino.into(),
        };
        cap.meta.put(&record, name)?;
    }
    for (event, target) in fanotify.events.iter().zip(targets.iter()) {
        wait::go_on()?;
        event.save(cap, *target)?;
    }
    Ok(Saved {
        inode: obj.get(),
        pos: 0,
        ..Saved::of(&open.file)
    })
}

/// Marks that are still to be set: what is marked, and how.
type Marks = KVVec<(PathRef, How)>;

/// A rebuilt group, whose marks are still to be set.
struct BuiltFanotify {
    file: FileRef,
    marks: Pin<KBox<Mutex<Marks>>>,
    /// With whose rights.
    opener: CredRef,
    who: TaskName,
}

impl Rebuilt for BuiltFanotify {
    fn stays(&self) -> bool {
        true
    }

    /// Sets the marks. Not before: what a restart opens and closes is no event for the tasks.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        let marks = core::mem::take(&mut *self.marks.lock());
        for (n, (path, how)) in marks.iter().enumerate() {
            wait::go_on()?;
            let set = || Group::mark(&self.file, path, how);
            self.opener.act(set).map_err(|e| {
                let why = match e {
                    EEXIST => "another mark of the group is on the same by now",
                    ENOSPC => {
                        "the user has as many marks as he may have \
                         (user.max_fanotify_marks)"
                    }
                    EPERM | EACCES => "who has made the group may not have it (CAP_SYS_ADMIN)",
                    ENXIO => "no mount has its root where the one was that was marked: mount it",
                    ETXTBSY => "it is open for writing, so that nothing of it can be ignored",
                    ENODEV | EXDEV | EOPNOTSUPP => {
                        "the filesystem can't tell what its files are (file handles)"
                    }
                    ENOMEM => "no memory",
                    _ => "the kernel does not take it",
                };
                r.fail_of(
                    e,
                    &self.who,
                    fmt!("mark {} of a fanotify group can't be set: {}", n + 1, why),
                )
            })?;
        }
        Ok(())
    }
}

/// Makes a group with its events, and finds what it is to mark.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let (record, _) = r.object_body::<Fanotify>(obj)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let group = Group {
        flags: record.flags.get(),
        event_flags: record.event_flags.get(),
        unprivileged: record.how.get() & FANOTIFY_UNPRIVILEGED != 0,
    };
    let make = || {
        let file = group.make()?;
        file.set_flags(oflag::SETFL, source.flags)?;
        Ok(file)
    };
    let file = opener.act(make).map_err(|e| {
        let why = match e {
            EPERM => "who had made it may not have one like this here (CAP_SYS_ADMIN)",
            EMFILE => "its user has as many as he may have (user.max_fanotify_groups)",
            EINVAL | EOPNOTSUPP => "this kernel has none like this",
            ENOMEM => "no memory",
            _ => "it can't be made",
        };
        r.fail(e, plan, fmt!("a fanotify group can't be rebuilt: {}", why))
    })?;
    let mut marks = KVVec::new();
    let mut queue = fanotify_events::Queue::new(&file, &opener);
    let count = record.marks.get().saturating_add(record.events.get());
    for raw in r.records_after(obj)?.take(count as usize) {
        wait::go_on()?;
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::FanotifyMark => (),
            Kind::FanotifyEvent | Kind::FanotifyFid => {
                queue.put(r, plan, &raw)?;
                continue;
            }
            _ => return Err(EINVAL),
        }
        let mark: FanotifyMark = raw.body().map_err(|f| r.fault(f))?;
        let at = inotify::Watched {
            by: "fanotify",
            mask: mark.mask.get() | mark.ignored.get(),
            mode: mark.mode.get(),
            mount: mark.mount.get(),
            was: (mark.dev.get(), mark.ino.get(), mark.generation.get()),
        };
        let how = How {
            mask: mark.mask.get(),
            ignored: mark.ignored.get(),
            flags: mark.flags.get() & bits::OF_MARKS,
        };
        let found = inotify::find_path(r, plan, &at, raw.payload, &opener)?;
        marks.push((found, how), GFP_KERNEL_ACCOUNT)?;
    }
    let built = BuiltFanotify {
        file: file.clone(),
        marks: KBox::pin_init(
            new_mutex!(marks, "checkpoint fanotify marks"),
            GFP_KERNEL_ACCOUNT,
        )?,
        opener,
        who: plan.name(),
    };
    r.set_built(obj, built)?;
    Ok(file)
}
