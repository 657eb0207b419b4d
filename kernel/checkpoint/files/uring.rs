// SPDX-License-Identifier: GPL-2.0

//! io_urings: their memory, which is mapped, where the kernel reads and writes there, and what is
//! registered with them.
//!
//! A file that is registered need not be in a descriptor table. Which task alone may submit is set when
//! all tasks are there. Then buffers are registered (`uring_buffers.rs`), and at the end requests that wait
//! go on (`uring_requests.rs`, `uring_io.rs`), with those that wait for them (`uring_links.rs`).

#[path = "uring_buffers.rs"]
mod buffers;
#[path = "uring_groups.rs"]
mod groups;
#[path = "uring_io.rs"]
mod io;
#[path = "uring_later.rs"]
mod later;
#[path = "uring_links.rs"]
mod links;
#[path = "uring_look.rs"]
pub(in crate::files) mod look;
#[path = "uring_mapping.rs"]
mod mapping;
#[path = "uring_refused.rs"]
mod refused;
#[path = "uring_registered.rs"]
mod registered;
#[path = "uring_requests.rs"]
mod requests;
#[path = "uring_thread.rs"]
pub(in crate::files) mod thread;
#[path = "uring_users.rs"]
pub(in crate::files) mod users;

use kernel::{
    num::casts::u32_as_usize,
    prelude::*, //
};

pub(crate) use self::mapping::refuses_mapping;
use self::{
    later::Later,
    look::ask, //
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
        kinds::eventfd,
        name::{
            name_of,
            Named,
            User, //
        },
        open::{
            self,
            Open, //
        },
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::{
        Capture,
        Found,
        ProcessOps, //
    },
    image::{
        self,
        files::{
            uring::{
                URING_BOOTTIME,
                URING_DRAIN_ACTIVE,
                URING_DRAIN_DISABLED,
                URING_DRAIN_NEXT,
                URING_EVENTFD_ASYNC,
                URING_LIMITED,
                URING_NAPI,
                URING_NAPI_PREFERRED,
                URING_OPS_RESTRICTED,
                URING_REGISTERS_RESTRICTED,
                URING_THREAD,
                URING_TOLD, //
            },
            FILE_IO_URING, //
        },
        record::ref_number,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::{
                Ops,
                Registered,
                Uring,
                Why, //
            },
            uring_napi::Napi, //
        },
        task::{
            frozen::{
                FrozenTask,
                TaskName, //
            },
            links::PidRef, //
        },
        time::wait, //
    }, //
};

/// io_urings.
pub(super) const OPS: FileOps = FileOps {
    name: "an io_uring",
    number: FILE_IO_URING,
    matches: |f| f.file.is_io_uring(),
    collect,
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// What threads have in flight of them.
pub(in crate::files) const PROCESS: ProcessOps = ProcessOps {
    name: "requests of io_urings",
    leaks: requests::leaks,
    ..ProcessOps::NONE
};

/// An io_uring with what it has registered.
struct Ring {
    file: FileRef,
    /// Address of what is signalled of an eventfd; 0: of none.
    eventfd: usize,
    /// When that was seen to have been told of work that its task had still to do.
    told: Option<usize>,
    /// Where the kernel was to write the next completion.
    cq_tail: u32,
    /// A task whose memory its buffers are; 0: it has none.
    buffers_of: u32,
    /// Its first user.
    first: u32,
    /// Address of the thread that submits; 0: it has none.
    thread: usize,
    /// Address of the address space of its first user, if buffers are provided to it.
    groups_mm: usize,
    /// How many requests waited for a file or a time, to do something with a file, and to be issued.
    requests: [usize; 3],
    /// Who has submitted them, in ascending order.
    submitters: KVVec<u32>,
    /// Who alone may submit.
    issuer: Option<PidRef>,
    /// Addresses of its personalities, in the order of their numbers.
    personalities: KVVec<usize>,
    /// Its first user.
    who: TaskName,
    /// How its first user has it.
    user: User,
}

impl Ring {
    /// Returns why it can't be saved, which is known when all tasks were collected.
    fn lost(&self, cap: &Capture) -> Option<(Error, &'static str)> {
        if let Some(issuer) = &self.issuer {
            let number = issuer.number_in(&cap.pid_ns);
            if number == 0 || !cap.found.task.has(number) {
                return Some((
                    EBUSY,
                    "only a task outside may submit to it: checkpoint that as well",
                ));
            }
        }
        let outside = |&tid: &u32| tid == 0 || !cap.found.task.has(tid);
        if self.submitters.iter().any(outside) {
            return Some((
                EBUSY,
                "has requests in flight of a task outside: checkpoint that as well",
            ));
        }
        // Before eventfds are saved: who adds work tells of it after that, and nobody does once more.
        if let Some(told_at) = self.told {
            Uring::settle(told_at);
        }
        if !self.waits_for_all() {
            return Some((
                EBUSY,
                "had requests in flight that have just ended: try again",
            ));
        }
        if self.eventfd != 0 && cap.objects.users::<Open>(self.eventfd_file(cap)) == 0 {
            return Some((
                EOPNOTSUPP,
                "has registered an eventfd that no task has open: have it unregister that",
            ));
        }
        None
    }

    /// Returns whether all requests that were found still wait. The threads were asked in between how
    /// many they have: one that has ended could stand for one that was not found.
    fn waits_for_all(&self) -> bool {
        self.requests == [0; 3]
            || ask(|| Uring::of(&self.file)).is_ok_and(|(uring, _)| {
                [uring.requests, uring.ios, uring.links].map(u32_as_usize) == self.requests
            })
    }

    /// Address of the open file of its eventfd; 0: no task has it.
    fn eventfd_file(&self, cap: &Capture) -> usize {
        eventfd::Context::file(cap, self.eventfd).unwrap_or(0)
    }
}

impl Shared<Found> for Ring {
    fn addr(&self) -> usize {
        self.file.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        match self.lost(cap) {
            Some(_) => Outside::Refused,
            None => Outside::Nothing,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let Some((errno, why)) = self.lost(cap) else {
            return Ok(());
        };
        let name = name_of(cap, &self.file)?;
        let named = Named {
            user: self.user,
            name: &name,
        };
        cap.report
            .refuse(errno, &self.who, fmt!("{}: the io_uring {}", named, why));
        Ok(())
    }
}

/// Refuses one that somebody uses all the time.
fn in_use(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>) {
    let why = "is in use: try again";
    cap.refuse(EBUSY, t, fmt!("{}: the io_uring {}", named, why));
}

/// Looks what it has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let seen = look::at(cap, &open.file)?;
    let mut refuse = |why: &str| {
        // What it is to do may be done when its task has run.
        let errno = match seen {
            Ok((_, Some(Why::Turn))) => EBUSY,
            _ => EOPNOTSUPP,
        };
        cap.refuse(errno, t, fmt!("{}: the io_uring {}", named, why));
    };
    match seen {
        Ok((uring, None)) => return collect_registered(cap, t, named, open, &uring),
        Err(EBUSY) => in_use(cap, t, named),
        Err(e) => return Err(e),
        Ok((uring, Some(Why::Flags))) => {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: the io_uring was set up with {} (flags {:#x}), which can't be saved yet: start \
                     it without that",
                    named,
                    refused::setup_name(uring.setup),
                    uring.setup
                ),
            );
        }
        Ok((
            Uring {
                busy: Some((operation, user_data)),
                ..
            },
            Some(Why::InFlight),
        )) => {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: the io_uring has a request in flight that can't be saved, IORING_OP_{}, \
                     user_data {:#x}: have it wait for that, or cancel it",
                    named,
                    operation,
                    user_data
                ),
            );
        }
        Ok((_, Some(why))) => refuse(refused::words(why)),
    }
    Ok(false)
}

/// Notes what is registered with it. False: refused.
fn collect_registered(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &mut Open,
    uring: &Uring,
) -> Result<bool> {
    let file = open.file.clone();
    let (files, creds) = match (
        ask(|| uring.files(&file)),
        ask(|| uring.personalities(&file)),
    ) {
        (Err(EBUSY), _) | (_, Err(EBUSY)) => {
            in_use(cap, t, named);
            return Ok(false);
        }
        (files, creds) => (files?, creds?),
    };
    if !thread::collect(cap, t, named, &file, uring)? {
        return Ok(false);
    }
    let Some(personalities) = registered::collect_personalities(cap, t, named, creds)? else {
        return Ok(false);
    };
    if !buffers::collect(cap, t, named, &file, uring)? {
        return Ok(false);
    }
    let Some(groups_mm) = groups::collect(cap, t, named, &file, uring)? else {
        return Ok(false);
    };
    let places = requests::Places::new(&files)?;
    let Some((requests, mut submitters)) = requests::collect(cap, t, named, &file, &places)? else {
        return Ok(false);
    };
    let Some(ios) = io::collect(cap, t, named, &file, &places, &mut submitters)? else {
        return Ok(false);
    };
    let Some(links) = links::collect(cap, t, named, &file, &mut submitters)? else {
        return Ok(false);
    };
    for slot in files {
        wait::go_on()?;
        open::collect(cap, t, User::Registered, &slot.file)?;
    }
    if uring.registered.eventfd != 0 {
        eventfd::Context::count(cap, uring.registered.eventfd)?;
    }
    match users::collect(cap, &file) {
        Err(EBUSY) => {
            in_use(cap, t, named);
            return Ok(false);
        }
        noted => noted?,
    }
    cap.objects.count::<Ring>(file.addr())?;
    cap.objects.keep(Ring {
        eventfd: uring.registered.eventfd,
        told: uring.told.then_some(uring.told_at),
        cq_tail: uring.cq_tail,
        buffers_of: match uring.registered.buffers {
            0 => 0,
            _ => t.tid_in(&cap.pid_ns),
        },
        first: t.tid_in(&cap.pid_ns),
        thread: uring.thread,
        groups_mm,
        requests: [requests, ios, links],
        submitters,
        issuer: Uring::issuer(&file)?,
        personalities,
        who: t.display(&cap.pid_ns),
        user: named.user,
        file,
    })?;
    open.ours += 1;
    Ok(true)
}

/// Writes what it has. EAGAIN: it is used, or its requests end, all the time.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    match save_ring(cap, open) {
        Err(EBUSY) => Err(EAGAIN),
        saved => saved,
    }
}

fn save_ring(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let (obj, Some(ring)) = cap.objects.save::<Ring>(open.file.addr())? else {
        return Err(EINVAL);
    };
    requests::save_files(cap, &open.file)?;
    io::save_files(cap, &open.file)?;
    // Requests may end at any time: what was read of them and of the memory must belong together.
    let (uring, memory, waiting, ios, links) = ask(|| {
        let (mut uring, None) = Uring::of(&open.file)? else {
            return Err(EBUSY);
        };
        let memory = uring.memory(&open.file)?;
        let waiting = uring.requests(&open.file)?;
        let ios = uring.ios(&open.file)?;
        let links = links::of(&uring, &open.file, &waiting, &ios)?;
        Ok((uring, memory, waiting, ios, links))
    })?;
    if ring.eventfd != 0 && uring.cq_tail != ring.cq_tail {
        // It may have been saved before that was told.
        let name = name_of(cap, &open.file)?;
        let named = Named {
            user: ring.user,
            name: &name,
        };
        cap.report.refuse(
            EBUSY,
            &ring.who,
            fmt!(
                "{}: the io_uring has told its eventfd of completions since: try again",
                named
            ),
        );
    }
    let (files, places) = registered::save_files(cap, open, &uring)?;
    let waiting = requests::describe(cap, &waiting, &places)?;
    let buffers = buffers::describe(cap, open, &uring)?;
    let groups = groups::describe(cap, open, &uring, ring.groups_mm)?;
    let personalities = registered::save_personalities(cap, open, &uring, &ring.personalities)?;
    let has = &uring.registered;
    let eventfd = match has.eventfd {
        0 => None,
        _ => Some(open::save(cap, ring.eventfd_file(cap))?),
    };
    let limits = Uring::limits(&open.file)?;
    let [workers_bounded, workers_unbounded] = limits.unwrap_or([0; 2]);
    let napi = Uring::napi(&open.file)?;
    let flags = [
        (napi.is_some(), URING_NAPI),
        (napi.is_some_and(|n| n.prefer), URING_NAPI_PREFERRED),
        (limits.is_some(), URING_LIMITED),
        (ring.thread != 0, URING_THREAD),
        (uring.drain_disabled, URING_DRAIN_DISABLED),
        (uring.drain_active, URING_DRAIN_ACTIVE),
        (uring.drain_next, URING_DRAIN_NEXT),
        (uring.boottime, URING_BOOTTIME),
        // Only what it was told of before it was saved.
        (ring.told.is_some() && uring.told, URING_TOLD),
        (has.eventfd_async, URING_EVENTFD_ASYNC),
        (has.ops.is_some(), URING_OPS_RESTRICTED),
        (has.registers.is_some(), URING_REGISTERS_RESTRICTED),
    ];
    let flags = flags.iter().filter(|(on, _)| *on);
    let [timeouts, timeouts_flushed] = match uring.requests {
        0 => [0; 2],
        _ => uring.timeouts,
    };
    let [ops_low, ops_high] = has.ops.map_or([0; 2], |o| o.ops);
    let issuer = ring.issuer.as_ref();
    let record = image::files::uring::Uring {
        obj: obj.get().into(),
        setup: uring.setup.into(),
        flags: flags.fold(0, |all, (_, flag)| all | flag).into(),
        sq_entries: uring.sq_entries.into(),
        cq_entries: uring.cq_entries.into(),
        sq_head: uring.sq_head.into(),
        cq_tail: uring.cq_tail.into(),
        rings: u32::try_from(uring.rings)?.into(),
        slots: has.slots.into(),
        files: has.files.into(),
        alloc_start: has.alloc[0].into(),
        alloc_end: has.alloc[1].into(),
        alloc_hint: has.alloc_hint.into(),
        personalities: has.personalities.into(),
        next_personality: has.next_personality.into(),
        eventfd: ref_number(eventfd).into(),
        issuer: issuer.map_or(0, |pid| pid.number_in(&cap.pid_ns)).into(),
        sqe_flags_allowed: has.ops.map_or(0, |o| o.allowed.into()).into(),
        sqe_flags_required: has.ops.map_or(0, |o| o.required.into()).into(),
        reserved: 0.into(),
        ops_low: ops_low.into(),
        ops_high: ops_high.into(),
        registers: has.registers.unwrap_or(0).into(),
        buffer_slots: has.buffer_slots.into(),
        buffers: has.buffers.into(),
        buffers_of: ring.buffers_of.into(),
        requests: uring.requests.into(),
        timeouts: timeouts.into(),
        timeouts_flushed: timeouts_flushed.into(),
        ios: uring.ios.into(),
        groups: has.groups.into(),
        groups_of: if has.group_rings == 0 { 0 } else { ring.first }.into(),
        links: uring.links.into(),
        thread_of: if ring.thread == 0 { 0 } else { ring.first }.into(),
        thread_idle: uring.thread_idle.into(),
        thread_cpu: uring.thread_cpu.into(),
        workers_bounded: workers_bounded.into(),
        workers_unbounded: workers_unbounded.into(),
        napi_usecs: napi.map_or(0, |n| n.usecs).into(),
    };
    cap.meta.put(&record, &memory)?;
    thread::put(cap, &uring)?;
    registered::put(cap, &files, &personalities)?;
    buffers::put(cap, &buffers)?;
    requests::put(cap, &waiting)?;
    io::put(cap, &ios, &places)?;
    links::put(cap, &links)?;
    groups::put(cap, &groups)?;
    Ok(Saved {
        inode: obj.get(),
        ..Saved::of(&open.file)
    })
}

/// A rebuilt io_uring.
struct BuiltRing {
    file: FileRef,
    uring: Uring,
    /// Who alone may submit; 0: all may, or none yet.
    issuer: u32,
    /// A task whose memory its buffers are.
    buffers_of: u32,
    /// A task whose memory rings of provided buffers are.
    groups_of: u32,
    /// The task in whose process its thread is; 0: it has none.
    thread_of: u32,
    /// What is still to come.
    later: Later,
}

impl Rebuilt for BuiltRing {
    fn link(&self, r: &Restore, _: ObjRef) -> Result {
        if self.issuer != 0 {
            r.pid(self.issuer)
                .and_then(|pid| Uring::set_issuer(&self.file, &pid))
                .map_err(|e| r.told(e, fmt!("an io_uring: who may submit to it can't be set")))?;
        }
        let slots = self.uring.registered.buffer_slots;
        buffers::register(r, &self.file, slots, self.buffers_of, &self.later.buffers)?;
        groups::provide(r, &self.file, self.groups_of, &self.later.groups)
    }

    fn stays(&self) -> bool {
        let later = &self.later;
        self.thread_of != 0
            || !later.requests.is_empty()
            || !later.ios.is_empty()
            || !later.chains.is_empty()
    }

    /// Issues its requests again. Not before: what files have to report is as it was.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        Uring::hushed(&self.file, self.uring.told, || {
            requests::resume(r, &self.file, &self.uring, &self.later.requests)?;
            io::resume(r, &self.file, &self.later.ios)?;
            links::resume(r, &self.file, &self.later.chains)
        })?
    }
}

/// Makes one with that memory, and registers what was registered with it.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let (record, raw) = r.object_body::<image::files::uring::Uring>(obj)?;
    let rings = record.rings.get() as usize;
    let has = |flag| record.flags.get() & flag != 0;
    let ops = Ops {
        ops: [record.ops_low.get(), record.ops_high.get()],
        allowed: u8::try_from(record.sqe_flags_allowed.get())?,
        required: u8::try_from(record.sqe_flags_required.get())?,
    };
    let uring = Uring {
        setup: record.setup.get(),
        sq_entries: record.sq_entries.get(),
        cq_entries: record.cq_entries.get(),
        sq_head: record.sq_head.get(),
        cq_tail: record.cq_tail.get(),
        drain_disabled: has(URING_DRAIN_DISABLED),
        drain_active: has(URING_DRAIN_ACTIVE),
        drain_next: has(URING_DRAIN_NEXT),
        boottime: has(URING_BOOTTIME),
        told: has(URING_TOLD),
        told_at: 0,
        rings,
        sqes: raw.payload.len().checked_sub(rings).ok_or(EINVAL)?,
        registered: Registered {
            ops: has(URING_OPS_RESTRICTED).then_some(ops),
            registers: has(URING_REGISTERS_RESTRICTED).then(|| record.registers.get()),
            slots: record.slots.get(),
            files: record.files.get(),
            alloc: [record.alloc_start.get(), record.alloc_end.get()],
            alloc_hint: record.alloc_hint.get(),
            personalities: record.personalities.get(),
            next_personality: record.next_personality.get(),
            eventfd: 0,
            eventfd_async: has(URING_EVENTFD_ASYNC),
            buffer_slots: record.buffer_slots.get(),
            buffers: record.buffers.get(),
            groups: record.groups.get(),
            group_rings: 0,
            provided: 0,
            mm: 0,
        },
        requests: record.requests.get(),
        futexes: 0,
        ios: record.ios.get(),
        vecs: 0,
        links: record.links.get(),
        link_vecs: 0,
        link_futexes: 0,
        thread: 0,
        thread_idle: record.thread_idle.get(),
        thread_cpu: record.thread_cpu.get(),
        timeouts: [record.timeouts.get(), record.timeouts_flushed.get()],
        under_way: false,
        busy: None,
    };
    let denied = "this system lets nobody, or only some, use io_uring (kernel.io_uring_disabled)";
    let file = opener::make_object(r, plan, source, denied, || uring.make(raw.payload))?;
    if has(URING_LIMITED) {
        let limits = [record.workers_bounded.get(), record.workers_unbounded.get()];
        Uring::set_limits(&file, limits)
            .map_err(|e| cannot(r, plan, e, "limits of its workers"))?;
    }
    if has(URING_NAPI) {
        let napi = Napi {
            usecs: record.napi_usecs.get(),
            prefer: has(URING_NAPI_PREFERRED),
        };
        Uring::set_napi(&file, napi)
            .map_err(|e| cannot(r, plan, e, "how it polls network devices"))?;
    }
    let later = Later::read(r, plan, obj, &uring, &file)?;
    let eventfd = match ObjRef::new(record.eventfd.get()) {
        Some(obj) => Some(open::restore(r, plan, obj)?),
        None => None,
    };
    uring
        .finish(&file, eventfd.as_ref())
        .map_err(|e| cannot(r, plan, e, "the eventfd of its completions"))?;
    let built = BuiltRing {
        file: file.clone(),
        uring,
        issuer: record.issuer.get(),
        buffers_of: record.buffers_of.get(),
        groups_of: record.groups_of.get(),
        thread_of: record.thread_of.get(),
        later,
    };
    let has_thread = built.thread_of != 0;
    r.set_built(obj, built)?;
    if has_thread {
        r.finish_later(obj)?;
    }
    Ok(file)
}

/// Reports that `what` can't be registered with an io_uring; returns `errno`.
fn cannot(r: &Restore, plan: &TaskRecords<'_>, errno: Error, what: &str) -> Error {
    let why = match errno {
        EBADF => "an io_uring, or what was opened with O_PATH, is not taken",
        ENOMEM => "no memory",
        _ => "the kernel does not take it",
    };
    r.fail(
        errno,
        plan,
        fmt!("an io_uring: {} can't be registered: {}", what, why),
    )
}
