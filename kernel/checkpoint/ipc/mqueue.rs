// SPDX-License-Identifier: GPL-2.0

//! POSIX message queues.
//!
//! Those of a namespace that is in the image are saved and restored with it: all that have a name,
//! and what the tasks have open. One of the caller's namespace is, if the tasks have it open and
//! nobody else has.
//!
//! Who waits in mq_timedsend(2) or mq_timedreceive(2) leaves the queue when it is frozen, and makes
//! the call again.

use kernel::{
    prelude::*,
    rbtree::RBTree,
    str::BStr, //
};

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        ipc::{
            PosixMessage,
            PosixQueue as Record,
            QUEUE_EXECED,
            QUEUE_NOTIFY_NONE,
            QUEUE_NOTIFY_SIGNAL,
            QUEUE_REMOVED, //
        },
        Kind,
        ObjRef, //
    },
    ipc::{
        as_maker,
        OWNER, //
    },
    kapi::{
        fs::{
            file::FileRef,
            path::PathName, //
        },
        ipc::{
            mqueue::{
                Notify,
                Queue,
                Settings, //
            },
            msg::Messages,
            namespace::IpcNs, //
        },
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    ns,
    task::labels, //
};

/// Bytes of messages that are read at a time, if none is larger.
const BATCH: u64 = 1 << 20;

/// What the tasks have open of queues.
#[derive(Default)]
struct Files {
    /// How many open files.
    count: u64,
    /// One of them is open for reading.
    readable: bool,
}

/// The queues that were found.
pub(crate) struct Opened {
    /// What the tasks have open, by the address of the queue.
    files: RBTree<usize, Files>,
    /// The addresses of the queues of a namespace, by the address of that.
    of: RBTree<usize, KVVec<usize>>,
}

impl Opened {
    /// Makes an empty one.
    pub(super) fn new() -> Self {
        Self {
            files: RBTree::new(),
            of: RBTree::new(),
        }
    }

    /// Notes an open file of the queue at `addr`.
    fn add_file(&mut self, addr: usize, readable: bool) -> Result {
        if self.files.get(&addr).is_none() {
            self.files
                .try_create_and_insert(addr, Files::default(), GFP_KERNEL_ACCOUNT)?;
        }
        if let Some(files) = self.files.get_mut(&addr) {
            files.count += 1;
            files.readable |= readable;
        }
        Ok(())
    }

    /// Notes a queue of the namespace at `ns`.
    fn add(&mut self, ns: usize, addr: usize) -> Result {
        if self.of.get(&ns).is_none() {
            self.of
                .try_create_and_insert(ns, KVVec::new(), GFP_KERNEL_ACCOUNT)?;
        }
        if let Some(queues) = self.of.get_mut(&ns) {
            queues.push(addr, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    /// Returns the addresses of the queues of the namespace at `ns`, and forgets them.
    pub(crate) fn take_of(&mut self, ns: usize) -> KVVec<usize> {
        self.of.remove(&ns).unwrap_or_default()
    }
}

/// A queue that was found.
struct FoundQueue {
    queue: Queue,
    /// The address of its namespace.
    ns: usize,
    name: KVec<u8>,
    settings: Settings,
    /// The first task that was found to have to do with it.
    who: TaskName,
}

impl FoundQueue {
    /// Returns why it can't be saved, if it can't, now that all tasks were collected.
    fn why_not(&self, cap: &Capture) -> Option<(Error, &'static str)> {
        let (count, readable) = match cap.found.ipc.queues.files.get(&self.queue.addr()) {
            Some(files) => (files.count, files.readable),
            None => (0, false),
        };
        // Our own path is one more, and its name, if it has that.
        let known = count + 1 + u64::from(!self.queue.is_removed());
        let s = &self.settings;
        if ns::ipc::reference_at(cap, self.ns).is_none() && self.ns != IpcNs::of_current().addr() {
            Some((
                EBUSY,
                "is of an ipc namespace that no task is in: have it closed",
            ))
        } else if self.queue.users() > known {
            Some((
                EBUSY,
                "a task outside has it open, too: end that, or checkpoint it as well",
            ))
        } else if s.notify != Notify::Nobody && !cap.found.task.has(s.process) {
            Some((
                EBUSY,
                "whom it is to notify of a message (mq_notify) is outside, or has exited: have that \
                 taken back, or send a message to the empty queue",
            ))
        } else if s.messages != 0 && !readable && self.queue.may_read().is_err() {
            Some((
                EPERM,
                "has messages, the caller may not read them, and no task has it open for that",
            ))
        } else {
            None
        }
    }
}

impl Shared<Found> for FoundQueue {
    fn addr(&self) -> usize {
        self.queue.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        match self.why_not(cap) {
            Some(_) => Outside::Refused,
            None => Outside::Nothing,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        if let Some((errno, why)) = self.why_not(cap) {
            let name = BStr::from_bytes(&self.name);
            cap.report.refuse(
                errno,
                &self.who,
                fmt!("POSIX message queue {}: {}", name, why),
            );
        }
        Ok(())
    }
}

/// Counts a use of a queue of the task `t`; notes it with the first one, or lists why it can't be
/// saved.
fn add(cap: &mut Capture, t: &FrozenTask, queue: Queue) -> Result {
    let addr = queue.addr();
    if !cap.objects.count::<FoundQueue>(addr)? {
        return Ok(());
    }
    let (name, settings) = queue.settings(&cap.pid_ns)?;
    let why = if !settings.has_ids() {
        OWNER
    } else if settings.notify == Notify::Socket {
        "it notifies of a message by a thread (mq_notify with SIGEV_THREAD), which can't be saved \
         yet: have that taken back"
    } else {
        let ns = queue.ns_addr();
        cap.found.ipc.queues.add(ns, addr)?;
        return cap.objects.keep(FoundQueue {
            queue,
            ns,
            name,
            settings,
            who: t.display(&cap.pid_ns),
        });
    };
    let name = BStr::from_bytes(&name);
    cap.refuse(EOPNOTSUPP, t, fmt!("POSIX message queue {}: {}", name, why));
    Ok(())
}

/// Counts all queues of a namespace of the task `t` that have a name.
pub(crate) fn collect(cap: &mut Capture, t: &FrozenTask, ns: &IpcNs) -> Result {
    if ns.has_other_queue_dir() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "the directory of the POSIX message queues of its ipc namespace has got other \
                 permissions: give it 1777 again (chmod)"
            ),
        );
    }
    // The oldest one last: what is made last comes first then, as it does now.
    let mut all: KVVec<Queue> = KVVec::new();
    while let Some(queue) = Queue::next(ns, all.last()) {
        wait::go_on()?;
        all.push(queue, GFP_KERNEL_ACCOUNT)?;
    }
    while let Some(queue) = all.pop() {
        wait::go_on()?;
        add(cap, t, queue)?;
    }
    Ok(())
}

/// Notes that the tasks have `file`, which is a queue.
pub(crate) fn count_file(cap: &mut Capture, file: &FileRef) -> Result {
    match Queue::of(file) {
        Some(queue) => cap
            .found
            .ipc
            .queues
            .add_file(queue.addr(), file.is_readable()),
        None => Ok(()),
    }
}

/// Counts the queue that `file` of the task `t` is. False: it was refused.
pub(crate) fn collect_file(cap: &mut Capture, t: &FrozenTask, file: &FileRef) -> Result<bool> {
    let queue = Queue::of(file).ok_or(EINVAL)?;
    let addr = queue.addr();
    add(cap, t, queue)?;
    Ok(cap.objects.get::<FoundQueue>(addr).is_some())
}

/// Returns the reference of the queue that `file` is; writes its records the first time, if it is
/// of the caller's namespace.
pub(crate) fn save_file(cap: &mut Capture, file: &FileRef) -> Result<ObjRef> {
    let addr = Queue::of(file).ok_or(EIO)?.addr();
    let found = cap.objects.get::<FoundQueue>(addr).ok_or(ENOENT)?;
    if ns::ipc::reference_at(cap, found.ns).is_none() {
        save(cap, addr, 0)?;
    }
    cap.objects.reference::<FoundQueue>(addr)
}

/// Writes the records of the queue at `addr`, of the namespace whose reference is `ns`, the first
/// time.
///
/// EAGAIN: tasks outside change the queue.
pub(crate) fn save(cap: &mut Capture, addr: usize, ns: u32) -> Result {
    let (obj, Some(found)) = cap.objects.save::<FoundQueue>(addr)? else {
        return Ok(());
    };
    let s = &found.settings;
    let [atime, mtime] = s.times;
    let mut flags = 0;
    if found.queue.is_removed() {
        flags |= QUEUE_REMOVED;
    }
    if s.execed {
        flags |= QUEUE_EXECED;
    }
    let record = Record {
        obj: obj.get().into(),
        ns: ns.into(),
        flags: flags.into(),
        mode: s.mode.into(),
        owner: s.owner.map(Into::into),
        user: s.user.into(),
        messages: s.messages.into(),
        max_messages: s.max_messages.into(),
        max_bytes: s.max_bytes.into(),
        process: s.process.into(),
        notify: match s.notify {
            Notify::Signal => QUEUE_NOTIFY_SIGNAL,
            _ => QUEUE_NOTIFY_NONE,
        }
        .into(),
        signal: s.signal.into(),
        reserved: 0.into(),
        value: s.value.into(),
        atime: atime.0.cast_unsigned().into(),
        mtime: mtime.0.cast_unsigned().into(),
        atime_nsec: atime.1.into(),
        mtime_nsec: mtime.1.into(),
    };
    cap.meta.put(&record, &found.name)?;
    save_messages(cap, &found)
}

/// Writes the records of the messages of a queue.
fn save_messages(cap: &mut Capture, found: &FoundQueue) -> Result {
    let s = &found.settings;
    let total = usize::try_from(s.messages)?;
    let least = Messages::room_for(1, s.max_bytes.into());
    let room = Messages::room_for(s.messages.into(), s.bytes).min(BATCH.max(least));
    let mut batch = Messages::new(usize::try_from(room)?)?;
    let mut done = 0;
    while done < total {
        wait::go_on()?;
        if found.queue.read(&mut batch, done)? == 0 {
            cap.report.line(fmt!(
                "error: POSIX message queue {}: a task outside has taken a message meanwhile \
                 [EAGAIN]",
                BStr::from_bytes(&found.name)
            ));
            return Err(EAGAIN);
        }
        batch.each(|priority, bytes| {
            done += 1;
            if done > total {
                return Ok(());
            }
            let body = PosixMessage {
                priority: u32::try_from(priority)?.into(),
                reserved: 0.into(),
            };
            cap.meta.put(&body, bytes)
        })?;
    }
    Ok(())
}

/// A rebuilt queue.
struct BuiltQueue {
    queue: Queue,
    /// Who has made it, as of [`label`](super::label).
    maker: Option<CredRef>,
    /// The task that has made it, for messages.
    who: TaskName,
    /// It has a name in the namespace of the caller.
    outside: bool,
}

/// Returns what a record says of a queue, but for whom it notifies.
fn settings_of(record: &Record) -> Settings {
    let time = |sec: u64, nsec| (sec.cast_signed(), nsec);
    Settings {
        owner: record.owner.map(|id| id.get()),
        user: record.user.get(),
        mode: record.mode.get(),
        max_messages: record.max_messages.get(),
        max_bytes: record.max_bytes.get(),
        messages: 0,
        bytes: 0,
        times: [
            time(record.atime.get(), record.atime_nsec.get()),
            time(record.mtime.get(), record.mtime_nsec.get()),
        ],
        notify: match (record.process.get(), record.notify.get()) {
            (0, _) => Notify::Nobody,
            (_, QUEUE_NOTIFY_SIGNAL) => Notify::Signal,
            _ => Notify::Nothing,
        },
        signal: record.signal.get(),
        value: record.value.get(),
        process: 0,
        execed: record.flags.get() & QUEUE_EXECED != 0,
    }
}

impl Rebuilt for BuiltQueue {
    fn stays(&self) -> bool {
        true
    }

    /// Gives it its owner, mode and times, and whom it notifies: all who close it would take that
    /// back.
    fn publish(&self, r: &Restore, obj: ObjRef) -> Result {
        let (record, raw) = r.object_body::<Record>(obj)?;
        let settings = settings_of(&record);
        let notify = || {
            if settings.notify == Notify::Nobody {
                return Ok(());
            }
            let process = r.pid(record.process.get())?;
            self.queue.set_notify(&process, &settings)
        };
        as_maker(self.maker.as_ref(), || self.queue.set(&settings))
            .and_then(|()| notify())
            .map_err(|e| {
                let why = match e {
                    EPERM => "the caller may not give it to its owner (CAP_CHOWN, CAP_FOWNER)",
                    EACCES => "the policy does not let it be changed (setattr)",
                    EBUSY => "a task outside is to be notified of a message (mq_notify)",
                    _ => "can't be what it was",
                };
                let name = BStr::from_bytes(raw.payload);
                r.fail_of(
                    e,
                    &self.who,
                    fmt!("POSIX message queue {}: {} [{}]", name, why, Errno(e)),
                )
            })
    }

    /// Removes it. One in a namespace of the restart goes with that, and one without a name with
    /// its last file.
    fn undo(&self, _: &Restore) {
        if self.outside {
            self.queue.remove();
        }
    }
}

/// Returns why a queue can't be made, in words.
fn why_not_made(e: Error) -> &'static str {
    match e {
        EEXIST => "its name is in use: remove what has it (mq_unlink, rm in /dev/mqueue)",
        EPERM => "the caller may not have it accounted to its user (CAP_SETUID)",
        EMFILE => "its user may not have so much in queues (RLIMIT_MSGQUEUE)",
        ENOSPC => "there are too many queues (fs.mqueue.queues_max)",
        EINVAL => "the caller may not make one that takes so much (fs.mqueue.msg_max, msgsize_max)",
        EBUSY => "a task outside waits for its messages",
        ENOMEM => "there is no memory for it",
        EACCES => "the caller may not make one",
        _ => "can't be made",
    }
}

/// Makes the queue with reference `obj` in `ns`, with its messages, unless it is there.
///
/// `maker`: as of [`label`](super::label).
pub(crate) fn make(
    r: &Restore,
    plan: &TaskRecords<'_>,
    ns: &IpcNs,
    obj: ObjRef,
    maker: Option<&CredRef>,
) -> Result {
    if r.is_built(obj) {
        return Ok(());
    }
    let (record, raw) = r.object_body::<Record>(obj)?;
    let name = PathName::new(raw.payload)?;
    let fail = |e: Error| {
        let name = BStr::from_bytes(name.as_bytes());
        r.fail(
            e,
            plan,
            fmt!(
                "POSIX message queue {}: {} [{}]",
                name,
                why_not_made(e),
                Errno(e)
            ),
        )
    };
    let removed = record.flags.get() & QUEUE_REMOVED != 0;
    let make = || Queue::make(ns, name.as_c_str(), &settings_of(&record), removed);
    let queue = match maker {
        // Nobody can give it another label afterwards.
        Some(maker) => maker.act(make),
        None => make(),
    }
    .map_err(fail)?;
    let built = BuiltQueue {
        queue: queue.clone(),
        maker: maker.cloned(),
        who: plan.name(),
        outside: record.ns.get() == 0 && !removed,
    };
    let outside = built.outside;
    // From here on it is undone with the restart.
    r.set_built(obj, built).inspect_err(|_| {
        if outside {
            queue.remove();
        }
    })?;
    let count = usize::try_from(record.messages.get())?;
    for raw in r.records_after(obj)?.take(count) {
        wait::go_on()?;
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::PosixMessage {
            return Err(EINVAL);
        }
        let message: PosixMessage = raw.body().map_err(|f| r.fault(f))?;
        queue
            .add(message.priority.get(), raw.payload)
            .map_err(fail)?;
    }
    Ok(())
}

/// Opens the queue with reference `obj`, which is made at first use, with `flags` (O_*) and the
/// credentials `opener`.
pub(crate) fn open(
    r: &Restore,
    plan: &TaskRecords<'_>,
    obj: ObjRef,
    opener: &CredRef,
    flags: u32,
) -> Result<FileRef> {
    let (record, raw) = r.object_body::<Record>(obj)?;
    match ObjRef::new(record.ns.get()) {
        Some(ns) => drop(ns::ipc::rebuilt(r, plan, ns)?),
        None if r.is_built(obj) => (),
        None => {
            let maker = labels::maker(r, plan)?;
            make(r, plan, &r.ipc_ns, obj, maker.as_ref())?;
        }
    }
    let built = r.built::<BuiltQueue>(obj).ok_or(EINVAL)?;
    opener.act(|| built.queue.open(flags)).map_err(|e| {
        let name = BStr::from_bytes(raw.payload);
        r.fail(
            e,
            plan,
            fmt!(
                "POSIX message queue {} can't be opened [{}]",
                name,
                Errno(e)
            ),
        )
    })
}
