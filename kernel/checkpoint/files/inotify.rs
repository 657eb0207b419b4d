// SPDX-License-Identifier: GPL-2.0

//! inotify instances: watches, and events that were not read yet.
//!
//! What is watched is an inode, and the kernel keeps no path of it: one that leads to it is looked
//! for in the cache of names. A removed file is watched as long as somebody has it open: then it is
//! in the image. Events are put into the queue when the instance is made, watches are added last,
//! when the restart opens and closes no more files.

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
        built_inode::BuiltInode,
        inode::Nameless,
        kinds,
        mount,
        name::{
            name_of,
            Named,
            Text,
            User, //
        },
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        },
        same, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::FILE_INOTIFY,
        notify::{
            Inotify,
            InotifyEvent,
            InotifyWatch, //
        },
        record::ref_number,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            inode::{
                InodeRef,
                Place, //
            },
            inotify::{
                Event,
                State,
                Watch, //
            },
            magic::PROC_SUPER_MAGIC,
            open::oflag,
            path::PathRef,
            stat::{
                Ask,
                Stat, //
            }, //
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

/// inotify instances.
pub(super) const OPS: FileOps = FileOps {
    name: "an inotify instance",
    number: FILE_INOTIFY,
    matches: |f| f.file.is_inotify(),
    async_fd: FileRef::inotify_async_fd,
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Why a watch of what was removed is refused.
pub(super) const GONE: &str =
    "what it watches has been removed: make it again, or remove the watch";

/// Where the inode of a watch is found again.
pub(super) enum Target {
    /// By its path, with what tells it from others.
    Path(KVec<u8>, Stat),
    /// It is that of a removed file, which is in the image if a task has it open.
    Removed,
}

/// An inotify instance.
struct OpenInotify {
    /// Its file.
    file: FileRef,
    /// What it has.
    state: State,
    /// Where what it watches is found again: one for each watch.
    targets: KVVec<Target>,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
    _held: Held,
}

/// Finds out where the inode of a watch will be found again; or why it won't be.
pub(super) fn target(
    cap: &Capture,
    inode: &InodeRef,
    near: &mut PathRef,
) -> Result<core::result::Result<Target, &'static str>> {
    let file_type = inode.mode() & ftype::MASK;
    if inode.is_internal() {
        return Ok(Err(
            "what it watches has no path (a pipe, a socket, memory): remove the watch",
        ));
    }
    if inode.links() == 0 {
        return Ok(if file_type == ftype::REGULAR {
            Ok(Target::Removed)
        } else {
            Err(GONE)
        });
    }
    let why = match inode.place(&cap.found.files.root, near)? {
        Place::At(path, name) if is_kept(&path) => {
            let stat = path.stat(Ask::Never)?;
            *near = path;
            return Ok(Ok(Target::Path(name, stat)));
        }
        Place::At(..) => {
            "it watches what is no file on a disk or in memory (procfs, cgroupfs and the like): \
             remove the watch"
        }
        Place::NotCached => {
            "the kernel has no name of what it watches in its cache: look at it by its path \
             (stat), and try again"
        }
        Place::Removed => GONE,
        Place::Unreachable => {
            "what it watches can't be reached from the caller's root directory: call from where \
             it can"
        }
        Place::Hidden => "another mount hides the path of what it watches: unmount that first",
    };
    Ok(Err(why))
}

/// Finds out where the mount with the root `root` will be found again; or why it won't be.
pub(super) fn target_mount(
    cap: &Capture,
    root: &PathRef,
) -> Result<core::result::Result<Target, &'static str>> {
    let Some(name) = root.name_from(&cap.found.files.root)? else {
        return Ok(Err(
            "the mount that it watches can't be reached from the caller's root directory, or was \
             unmounted: call from where it can, or remove the mark",
        ));
    };
    if root.is_hidden(&cap.found.files.root) {
        return Ok(Err(
            "another mount hides the one that it watches: unmount that first",
        ));
    }
    if !is_kept(root) {
        return Ok(Err(
            "the mount that it watches is none of files on a disk or in memory (procfs, cgroupfs \
             and the like): remove the mark",
        ));
    }
    Ok(Ok(Target::Path(name, root.stat(Ask::Never)?)))
}

/// Returns whether what is at a path on its filesystem is the same after a restart. That of procfs
/// is of another process.
pub(super) fn is_kept(path: &PathRef) -> bool {
    let magic = path.fs_magic();
    magic != u64::from(PROC_SUPER_MAGIC) && kinds::on_filesystem(magic).is_none()
}

/// Notes watches and events, as of now. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let file = &open.file;
    if !cap.objects.count::<OpenInotify>(file.addr())? {
        return Ok(false);
    }
    let state = match file.inotify_state() {
        Err(E2BIG) => {
            cap.refuse(
                E2BIG,
                t,
                fmt!(
                    "{}: has too many watches or events: have the events read",
                    named
                ),
            );
            return Ok(false);
        }
        Err(EBUSY) => {
            cap.refuse(
                EBUSY,
                t,
                fmt!("{}: its watches change all the time: try again", named),
            );
            return Ok(false);
        }
        state => state?,
    };
    let mut near = cap.found.files.root.clone();
    let mut targets = KVVec::with_capacity(state.watches.len(), GFP_KERNEL_ACCOUNT)?;
    let mut bytes = state.bytes();
    let mut refused = false;
    for watch in &state.watches {
        wait::go_on()?;
        match target(cap, &watch.inode, &mut near)? {
            Ok(target) => {
                if let Target::Path(name, _) = &target {
                    bytes += name.len();
                }
                bytes += size_of::<Target>();
                targets.push(target, GFP_KERNEL_ACCOUNT)?;
            }
            Err(why) => {
                refused = true;
                cap.refuse(
                    EOPNOTSUPP,
                    t,
                    fmt!("{}: watch {}: {}", named, watch.wd, why),
                );
            }
        }
    }
    if refused {
        return Ok(false);
    }
    let mut held = Held::new();
    held.set(bytes);
    cap.objects.keep(OpenInotify {
        file: file.clone(),
        state,
        targets,
        who: t.display(&cap.pid_ns),
        user: named.user,
        _held: held,
    })?;
    open.ours += 1;
    Ok(true)
}

impl OpenInotify {
    /// Returns watches, each with where its inode is found again.
    fn watches(&self) -> impl Iterator<Item = (&Watch, &Target)> {
        self.state.watches.iter().zip(self.targets.iter())
    }

    /// Watches of removed files that no task has open.
    fn lost<'a>(&'a self, cap: &'a Capture) -> impl Iterator<Item = &'a Watch> {
        self.watches().filter_map(|(watch, target)| {
            let known = cap.objects.get::<Nameless>(watch.inode.addr());
            let lost = matches!(target, Target::Removed) && !known.is_some_and(|n| n.had_name());
            lost.then_some(watch)
        })
    }
}

impl Shared<Found> for OpenInotify {
    fn addr(&self) -> usize {
        self.file.addr()
    }

    /// Tells that a removed file that is watched is one that only others have open.
    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        if self.lost(cap).next().is_some() {
            Outside::Refused
        } else {
            Outside::Nothing
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let mut wds = KVVec::new();
        for watch in self.lost(cap) {
            wds.push(watch.wd, GFP_KERNEL_ACCOUNT)?;
        }
        let name = name_of(cap, &self.file)?;
        let named = Named {
            user: self.user,
            name: &name,
        };
        for wd in wds {
            cap.report.refuse(
                EOPNOTSUPP,
                &self.who,
                fmt!(
                    "{}: watch {}: the file that it watches has been removed, and no task has it \
                     open: remove the watch",
                    named,
                    wd
                ),
            );
        }
        Ok(())
    }
}

/// Writes watches and events.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let (obj, Some(inotify)) = cap.objects.save::<OpenInotify>(open.file.addr())? else {
        return Err(EINVAL);
    };
    let record = Inotify {
        obj: obj.get().into(),
        watches: u32::try_from(inotify.targets.len())
            .map_err(|_| E2BIG)?
            .into(),
        events: u32::try_from(inotify.state.events().count())
            .map_err(|_| E2BIG)?
            .into(),
        next: inotify.state.next.into(),
    };
    cap.meta.put(&record, &[])?;
    for (watch, target) in inotify.watches() {
        wait::go_on()?;
        let removed = match target {
            Target::Removed => Some(cap.objects.reference::<Nameless>(watch.inode.addr())?),
            Target::Path(..) => None,
        };
        let (name, stat): (&[u8], _) = match target {
            Target::Path(name, stat) => (name, *stat),
            Target::Removed => (&[], Stat::default()),
        };
        let record = InotifyWatch {
            wd: watch.wd.into(),
            mask: watch.mask.into(),
            inode: ref_number(removed).into(),
            mode: stat.mode.into(),
            generation: stat.generation.into(),
            mount: match target {
                Target::Path(..) => mount::reference(cap)?,
                Target::Removed => 0,
            }
            .into(),
            dev: stat.dev.into(),
            ino: stat.ino.into(),
        };
        cap.meta.put(&record, name)?;
    }
    for event in inotify.state.events() {
        let record = InotifyEvent {
            wd: event.wd.into(),
            mask: event.mask.into(),
            cookie: event.cookie.into(),
            flags: event.flags.into(),
        };
        cap.meta.put(&record, event.name)?;
    }
    Ok(Saved {
        inode: obj.get(),
        pos: 0,
        ..Saved::of(&open.file)
    })
}

/// What a watch that is to be added watches.
enum On {
    /// This.
    Path(PathRef),
    /// The removed file with this inode.
    Removed(ObjRef),
}

/// A watch that is to be added.
struct NewWatch {
    wd: u32,
    mask: u32,
    on: On,
}

/// A rebuilt inotify instance, whose watches are still to be added.
struct BuiltInotify {
    file: FileRef,
    next: u32,
    watches: Pin<KBox<Mutex<KVVec<NewWatch>>>>,
    who: TaskName,
}

impl BuiltInotify {
    /// Takes out the watches that are still to be added.
    fn take(&self) -> KVVec<NewWatch> {
        core::mem::replace(&mut *self.watches.lock(), KVVec::new())
    }
}

impl Rebuilt for BuiltInotify {
    /// Finds the removed files: those who have them open have opened them by now, and what else has
    /// them open is closed after this.
    fn link(&self, r: &Restore, _: ObjRef) -> Result {
        let mut watches = self.take();
        for watch in watches.iter_mut() {
            if let On::Removed(obj) = watch.on {
                let path = r
                    .with_built(obj, |inode: &BuiltInode| inode.file().path())
                    .ok_or_else(|| {
                        r.fail_of(
                            EINVAL,
                            &self.who,
                            fmt!("watch {} is of a file that no task has open", watch.wd),
                        )
                    })?;
                watch.on = On::Path(path);
            }
        }
        *self.watches.lock() = watches;
        Ok(())
    }

    fn stays(&self) -> bool {
        true
    }

    /// Adds the watches. Not before: what a restart opens and closes is no event for the tasks.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        for watch in self.take().iter() {
            wait::go_on()?;
            let On::Path(path) = &watch.on else {
                return Err(EINVAL);
            };
            self.file
                .add_inotify_watch(path, watch.wd, watch.mask)
                .map_err(|e| {
                    let why = match e {
                        EEXIST => "another watch of the instance is on the same file by now",
                        ENOSPC => {
                            "the user has as many watches as he may have \
                             (fs.inotify.max_user_watches)"
                        }
                        ENOMEM => "no memory",
                        _ => "it can't be watched",
                    };
                    r.fail_of(
                        e,
                        &self.who,
                        fmt!("watch {} can't be added: {}", watch.wd, why),
                    )
                })?;
        }
        self.file.set_next_inotify_watch(self.next)
    }
}

/// Finds what a watch is on, with the rights of `opener`.
fn find(
    r: &Restore,
    plan: &TaskRecords<'_>,
    watch: &InotifyWatch,
    name: &[u8],
    opener: &CredRef,
) -> Result<On> {
    if let Some(obj) = ObjRef::new(watch.inode.get()) {
        // What is in it is in the image: nobody has to ask for the right to see it.
        return Ok(On::Removed(obj));
    }
    let at = Watched {
        by: "inotify",
        mask: watch.mask.get(),
        mode: watch.mode.get(),
        mount: watch.mount.get(),
        was: (watch.dev.get(), watch.ino.get(), watch.generation.get()),
    };
    find_path(r, plan, &at, name, opener).map(On::Path)
}

/// What is watched by its path.
pub(super) struct Watched {
    /// By what, for messages.
    pub(super) by: &'static str,
    /// For which events.
    pub(super) mask: u32,
    /// File type and permissions.
    pub(super) mode: u32,
    /// The mount that the path is on.
    pub(super) mount: u32,
    /// Device, inode number and generation.
    pub(super) was: (u64, u64, u32),
}

/// Finds what is at the path `name`, with the rights of `opener`.
pub(super) fn find_path(
    r: &Restore,
    plan: &TaskRecords<'_>,
    watched: &Watched,
    name: &[u8],
    opener: &CredRef,
) -> Result<PathRef> {
    let path = r.place(name)?;
    let name = path.as_bytes();
    let start = mount::start(r, watched.mount)?;
    let look = || {
        let found = PathRef::lookup(&start, path.as_c_str())?;
        found.may_watch(watched.mask)?;
        Ok(found)
    };
    let found = opener.act(look).map_err(|e| {
        let why = match e {
            ENOENT | ENOTDIR => "is missing: bring it back",
            EACCES | EPERM => "can't be watched with the rights of who had made the instance",
            ELOOP => "there is a symbolic link on its path, where none was",
            _ => "can't be watched",
        };
        r.fail(
            e,
            plan,
            fmt!("{} (watched by {}): {}", Text(name), watched.by, why),
        )
    })?;
    if found.mode() & ftype::MASK != watched.mode & ftype::MASK {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{} (watched by {}): is of another type than when it was saved: bring the old one \
                 back",
                Text(name),
                watched.by
            ),
        ));
    }
    same::check_inode(r, plan, &path, watched.was, &found)?;
    Ok(found)
}

/// Queues an event again.
fn queue(
    r: &Restore,
    plan: &TaskRecords<'_>,
    file: &FileRef,
    event: &InotifyEvent,
    name: &[u8],
) -> Result {
    let event = Event {
        wd: event.wd.get(),
        mask: event.mask.get(),
        flags: event.flags.get(),
        cookie: event.cookie.get(),
        name,
    };
    file.queue_inotify_event(&event).map_err(|e| {
        let why = match e {
            ENOSPC => "more than the kernel queues here (fs.inotify.max_queued_events)",
            _ => "no memory",
        };
        r.fail(
            e,
            plan,
            fmt!("events of an inotify instance can't be queued: {}", why),
        )
    })
}

/// Makes an instance with its events, and finds what it is to watch.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let make = || {
        let file = FileRef::new_inotify(source.flags & oflag::NONBLOCK)?;
        file.set_flags(oflag::SETFL, source.flags)?;
        Ok(file)
    };
    let file = opener.act(make).map_err(|e| {
        let why = match e {
            EMFILE => "its user has as many as he may have (fs.inotify.max_user_instances)",
            ENOMEM => "no memory",
            _ => "it can't be made",
        };
        r.fail(
            e,
            plan,
            fmt!("an inotify instance can't be rebuilt: {}", why),
        )
    })?;
    let (record, _) = r.object_body::<Inotify>(obj)?;
    let mut watches = KVVec::new();
    let count = record.watches.get().saturating_add(record.events.get());
    for raw in r.records_after(obj)?.take(count as usize) {
        wait::go_on()?;
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::InotifyWatch => {
                let watch: InotifyWatch = raw.body().map_err(|f| r.fault(f))?;
                let new = NewWatch {
                    wd: watch.wd.get(),
                    mask: watch.mask.get(),
                    on: find(r, plan, &watch, raw.payload, &opener)?,
                };
                watches.push(new, GFP_KERNEL_ACCOUNT)?;
            }
            Kind::InotifyEvent => {
                let event: InotifyEvent = raw.body().map_err(|f| r.fault(f))?;
                queue(r, plan, &file, &event, raw.payload)?;
            }
            _ => return Err(EINVAL),
        }
    }
    let built = BuiltInotify {
        file: file.clone(),
        next: record.next.get(),
        watches: KBox::pin_init(
            new_mutex!(watches, "checkpoint inotify watches"),
            GFP_KERNEL,
        )?,
        who: plan.name(),
    };
    r.set_built(obj, built)?;
    Ok(file)
}
