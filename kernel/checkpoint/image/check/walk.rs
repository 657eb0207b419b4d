// SPDX-License-Identifier: GPL-2.0

//! The walk over all records of metadata, in two passes: the first one notes all objects and pids,
//! so that the second one can follow references in either direction.

use super::{
    container,
    fields::{
        ensure,
        flags,
        no_payload,
        padded_name,
        zero, //
    },
    Object,
    Pid,
    Summary,
    PID_MAX, //
};
use crate::image::{
    contents,
    files::{
        self,
        uring::left::UringLeft, //
    },
    huge::check::Room,
    ipc::check::Inside,
    kinds::Kind,
    mm::FUTEX_SLOTS_MAX,
    net::{
        check::{
            KeysLeft,
            TcpLeft, //
        },
        packet::RingsLeft, //
    },
    policy::check::Place,
    record::{
        Body,
        Fault,
        GoOn,
        Raw,
        Records,
        PAYLOAD_MAX, //
    },
    task::{
        self,
        check::Group, //
    },
    userfault::check::Watchable,
    Header, //
};

/// Highest clock that a time namespace can be given: half of what a signed number holds.
const CLOCK_MAX: u64 = i64::MAX as u64 / 2;

/// Records that must come next.
pub(in crate::image) enum Follow {
    /// None in particular.
    Any,
    /// Mappings of an address space, ascending from `from`.
    Vmas {
        /// How many.
        left: u32,
        /// Lowest address that the next one may start at.
        from: u64,
        /// Does the address space have a vDSO?
        vdso: bool,
        /// Offset of its record in the metadata.
        space: u64,
    },
    /// Buffers of a pipe.
    Buffers {
        /// How many.
        left: u32,
        /// Bytes that still fit.
        room: u64,
    },
    /// Watches of an inotify instance, ascending from `from`, and then its events.
    Watches {
        /// How many.
        left: u32,
        /// How many events.
        events: u32,
        /// Lowest watch descriptor that the next one may have.
        from: u32,
    },
    /// Events of an inotify instance.
    Events {
        /// How many.
        left: u32,
        /// One of those before tells that the queue was full.
        overflow: bool,
    },
    /// Marks of a fanotify group, and then its events.
    Marks {
        /// How many.
        left: u32,
        /// How many events.
        events: u32,
        /// `Fanotify::how`.
        how: u32,
        /// One of the events before tells that the queue was full.
        overflow: bool,
    },
    /// What belongs to an io_uring.
    Uring(UringLeft),
    /// Extended attributes of an inode.
    Xattrs {
        /// How many.
        left: u32,
    },
    /// What is in an ipc namespace.
    Ipc(Inside),
    /// Security labels.
    Labels {
        /// How many.
        left: u32,
        /// Lowest number that the module of the next one may have.
        from: u32,
    },
}

/// A descriptor table, open file or socket, and the last record that belongs to it.
#[derive(Clone, Copy)]
pub(in crate::image) struct Holder {
    /// Its reference.
    obj: u32,
    /// Number of the kind of that record.
    last: u16,
}

/// What checks a record of the metadata.
pub(in crate::image) type Check = for<'a, 'b> fn(&mut Walk<'a>, &Raw<'b>) -> Result<(), Fault>;

/// What tells of the object that a record defines: its reference, and what is to be remembered of
/// it. The objects are those of the records before.
pub(in crate::image) type Define = fn(&[Object], &Raw<'_>) -> Result<(u32, u32), Fault>;

/// A record that may be checked by the walk.
pub(in crate::image) trait Checked {
    /// What checks it; `None`: it does not belong into the metadata.
    const CHECK: Option<Check> = None;

    /// What tells of its object; `None`: it defines none.
    const OBJECT: Option<Define> = None;
}

/// The state of the walk.
pub(in crate::image) struct Walk<'a> {
    /// Offset of the metadata in the image.
    pub(in crate::image) at: u64,
    /// Architecture of the image.
    pub(in crate::image) machine: u32,
    /// Bytes of a page.
    pub(in crate::image) page_size: u64,
    /// The tasks were killed, or left frozen to be killed; `None`: the header does not tell.
    pub(in crate::image) killed: Option<bool>,
    /// What was checkpointed.
    pub(in crate::image) container: task::Container,
    /// The root's pid namespace; 0: it is not in the image.
    pub(in crate::image) root_ns: u32,
    /// Objects by reference.
    pub(in crate::image) objects: &'a mut [Object],
    /// Pids by number.
    pub(in crate::image) pids: &'a mut [Pid],
    /// Links have come: nothing else does.
    pub(in crate::image) links: bool,
    /// The thread group whose records these are.
    pub(in crate::image) group: Option<Group>,
    /// The thread whose records these are, and its thread group; 0: none yet.
    pub(in crate::image) thread: (u32, u32),
    /// CPU time that is left for the tasks that are still to come, in nanoseconds.
    pub(in crate::image) cpu_time: u64,
    /// Slots of hashes for futexes that address spaces that are still to come may have.
    pub(in crate::image) futex_slots: u32,
    /// What must come next.
    pub(in crate::image) follow: Follow,
    /// Start and end of the mapping right before, which may have guard regions.
    pub(in crate::image) mapping: Option<(u64, u64)>,
    /// The same mapping, as long as it was not told what a userfaultfd watches of it.
    pub(in crate::image) watchable: Option<Watchable>,
    /// Bytes of the ring right before, whose AIO context must follow.
    pub(in crate::image) ring: Option<u64>,
    /// What was right before, if it may have huge pages.
    pub(in crate::image) room: Option<Room>,
    /// What is still to come of TCP sockets.
    pub(in crate::image) tcp_left: TcpLeft,
    /// What may still come of keys of the last one.
    pub(in crate::image) tcp_keys_left: KeysLeft,
    /// The socket that must be told next of those without connections: it has begun a datagram; 0: any.
    pub(in crate::image) corked: u32,
    /// Rings of packet sockets that are still to come.
    pub(in crate::image) rings: RingsLeft,
    /// What was right before, if it may have memory policies.
    pub(in crate::image) place: Option<Place>,
    /// Records of memory that was left out of it.
    pub(in crate::image) gaps: u32,
    /// The credentials right before, of which labels may follow, with module and attribute of the
    /// last one.
    pub(in crate::image) labelled: Option<(u32, (u32, u32))>,
    /// The thread that has had a label last, with module and attribute of that.
    pub(in crate::image) task_labelled: Option<(u32, (u32, u32))>,
    /// The descriptor table, open file, queue or socket right before, of which records like locks may follow.
    holder: Option<Holder>,
    /// What was found.
    pub(in crate::image) summary: Summary,
}

/// Checks all metadata of an image: the bytes `meta`, which lie `at` bytes into it.
///
/// `objects` and `pids` have the lengths that [`counts()`](super::counts) returned. On success
/// `objects[n - 1]` is the object with reference n, and `pids` are sorted. Nothing is allocated;
/// the time taken is that of a walk over `meta` and of sorting `pids`. Where `go_on` says no, there is a
/// fault.
pub fn metadata(
    meta: &[u8],
    at: u64,
    header: &Header,
    objects: &mut [Object],
    pids: &mut [Pid],
    go_on: GoOn<'_>,
) -> Result<Summary, Fault> {
    let container = container(meta, at)?;
    if u32::try_from(objects.len()).ok() != Some(container.objects.get()) {
        return Err(Fault::framing(at, "room for another number of objects"));
    }
    objects.fill(Object::default());
    let root_ns = collect(meta, at, objects, pids, go_on)?;
    let mut walk = Walk {
        at,
        machine: header.arch.get(),
        page_size: u64::from(header.page_size.get()),
        killed: header.killed(),
        container,
        root_ns,
        objects,
        pids,
        links: false,
        group: None,
        thread: (0, 0),
        cpu_time: task::CPU_TIME_MAX,
        futex_slots: FUTEX_SLOTS_MAX,
        follow: Follow::Any,
        mapping: None,
        watchable: None,
        ring: None,
        room: None,
        tcp_left: TcpLeft::default(),
        tcp_keys_left: KeysLeft::default(),
        corked: 0,
        rings: RingsLeft::default(),
        place: None,
        gaps: 0,
        labelled: None,
        task_labelled: None,
        holder: None,
        summary: Summary::default(),
    };
    for raw in Records::asking(meta, at, go_on) {
        walk.record(&raw?)?;
    }
    walk.finish(meta)
}

/// Returns the object of type `T` with reference `obj`, which `raw` refers to.
pub(in crate::image) fn refer<'a, T: Body>(
    objects: &'a [Object],
    raw: &Raw<'_>,
    obj: u32,
) -> Result<&'a Object, Fault> {
    let object = usize::try_from(obj)
        .ok()
        .and_then(|n| n.checked_sub(1))
        .and_then(|n| objects.get(n))
        .filter(|o| o.kind != 0)
        .ok_or(raw.fault("refers to an object that is not in the image"))?;
    if object.kind != T::NUMBER {
        return Err(raw.fault("refers to an object of the wrong kind"));
    }
    Ok(object)
}

/// Notes the object that `raw` defines, if it does.
fn define(objects: &mut [Object], raw: &Raw<'_>, at: u64) -> Result<(), Fault> {
    let Some(object) = raw.kind.object() else {
        return Ok(());
    };
    let (obj, detail) = object(objects, raw)?;
    let slot = usize::try_from(obj)
        .ok()
        .and_then(|n| n.checked_sub(1))
        .and_then(|n| objects.get_mut(n))
        .ok_or(raw.fault("object reference is zero or larger than announced"))?;
    if slot.kind != 0 {
        return Err(raw.fault("object reference is in the image twice"));
    }
    *slot = Object {
        offset: raw.at.saturating_sub(at),
        kind: raw.kind.number(),
        detail,
        ..Object::default()
    };
    Ok(())
}

/// Makes the first pass: fills `objects` and `pids` with all that the image has, the pids sorted;
/// returns the root task's pid namespace.
fn collect(
    meta: &[u8],
    at: u64,
    objects: &mut [Object],
    pids: &mut [Pid],
    go_on: GoOn<'_>,
) -> Result<u32, Fault> {
    let room = Fault::framing(at, "room for another number of pids");
    let mut root_ns = None;
    let mut slots = pids.iter_mut();
    for raw in Records::asking(meta, at, go_on) {
        let raw = raw?;
        define(objects, &raw, at)?;
        let mut found = Pid {
            offset: raw.at.saturating_sub(at),
            ..Pid::default()
        };
        match raw.kind {
            Kind::Task => {
                let task: task::Task = raw.body()?;
                found.tid = task.tid.get();
                found.tgid = task.tgid.get();
                found.sid = task.sid.get();
                found.parent = task.parent.get();
                found.state = task.state.get();
                if found.tgid == 0 {
                    return Err(raw.fault("no thread group"));
                }
                root_ns = root_ns.or(Some(task.pid_ns.get()));
            }
            Kind::DeadPid => {
                let dead: task::DeadPid = raw.body()?;
                found.tid = dead.pid.get();
            }
            _ => continue,
        }
        if found.tid == 0 || found.tid >= PID_MAX {
            return Err(raw.fault("impossible pid"));
        }
        *slots.next().ok_or(room)? = found;
    }
    if slots.next().is_some() {
        return Err(room);
    }
    pids.sort_unstable_by_key(|p| (p.tid, p.offset));
    for pair in pids.windows(2) {
        if let [a, b] = pair {
            if a.tid == b.tid {
                return Err(Fault {
                    at: at.saturating_add(b.offset),
                    kind: if b.is_task() {
                        Kind::Task.number()
                    } else {
                        Kind::DeadPid.number()
                    },
                    why: "pid is in the image twice",
                });
            }
        }
    }
    root_ns.ok_or(Fault::framing(at, "no task"))
}

impl Walk<'_> {
    /// Returns whether `n` is a multiple of the page size, which is a power of two.
    pub(in crate::image) fn is_aligned(&self, n: u64) -> bool {
        n & self.page_size.wrapping_sub(1) == 0
    }

    /// Returns whether `n` is as many whole pages as it takes for `len`.
    pub(in crate::image) fn is_rounded(&self, n: u64, len: u64) -> bool {
        self.is_aligned(n) && n.checked_sub(len).is_some_and(|rest| rest < self.page_size)
    }

    /// Checks one record.
    fn record(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let first = self.summary.records == 0;
        self.summary.records = self.summary.records.saturating_add(1);
        if first != (raw.kind == Kind::Container) {
            return Err(raw.fault("only the first record is a container"));
        }
        let second = self.summary.records == 2;
        if second != (raw.kind == Kind::Confinement) {
            return Err(raw.fault("only the second record tells of confinement"));
        }
        if self.links && !raw.kind.is_link() {
            return Err(raw.fault("comes after the links"));
        }
        self.links = raw.kind.is_link();
        match (&self.follow, raw.kind) {
            (Follow::Ipc(inside), kind) if inside.takes(kind) => (),
            (Follow::Any, _)
            | (Follow::Vmas { .. }, Kind::Vma | Kind::Guards | Kind::Aio | Kind::LeftOut)
            | (Follow::Vmas { .. }, Kind::Watched)
            // They check what they follow.
            | (
                Follow::Vmas { .. } | Follow::Xattrs { .. } | Follow::Ipc(_),
                Kind::HugePages | Kind::MemoryPolicy,
            )
            | (Follow::Buffers { .. }, Kind::PipeBuffer)
            | (Follow::Watches { .. }, Kind::InotifyWatch)
            | (Follow::Events { .. }, Kind::InotifyEvent)
            | (
                Follow::Marks { .. },
                Kind::FanotifyMark | Kind::FanotifyEvent | Kind::FanotifyFid,
            )
            | (
                Follow::Uring(_),
                Kind::UringThread
                | Kind::UringFiles
                | Kind::UringPersonalities
                | Kind::UringBuffers
                | Kind::UringRequests
                | Kind::UringFutexes
                | Kind::UringIo
                | Kind::UringLink
                | Kind::UringGroup,
            )
            | (Follow::Xattrs { .. }, Kind::Xattr)
            | (Follow::Labels { .. }, Kind::Label) => (),
            (Follow::Vmas { .. }, _) => {
                return Err(raw.fault("the address space before it lacks mappings"))
            }
            (Follow::Buffers { .. }, _) => {
                return Err(raw.fault("the pipe before it lacks buffers"))
            }
            (Follow::Marks { .. }, _) => {
                return Err(raw.fault("the fanotify group before it lacks marks or events"))
            }
            (Follow::Uring(_), _) => {
                return Err(raw.fault(
                    "the io_uring before it lacks files, personalities, buffers or requests",
                ))
            }
            (Follow::Watches { .. } | Follow::Events { .. }, _) => {
                return Err(raw.fault("the inotify instance before it lacks watches or events"))
            }
            (Follow::Xattrs { .. }, _) => {
                return Err(raw.fault("the inode before it lacks extended attributes"))
            }
            (Follow::Ipc(_), _) => {
                return Err(raw.fault("the ipc namespace before it lacks what is in it"))
            }
            (Follow::Labels { .. }, _) => return Err(raw.fault("security labels are missing")),
        }
        if self.ring.is_some() && !matches!(raw.kind, Kind::Aio | Kind::MemoryPolicy) {
            return Err(raw.fault("the ring before it lacks its AIO context"));
        }
        // A policy comes right after a mapping, but after the huge pages of an inode.
        let is_policy = raw.kind == Kind::MemoryPolicy;
        if !is_policy && !matches!(raw.kind, Kind::Guards | Kind::LeftOut | Kind::Watched) {
            self.mapping = None;
        }
        if !is_policy && !matches!(raw.kind, Kind::LeftOut | Kind::Watched) {
            self.watchable = None;
        }
        if raw.kind != Kind::HugePages
            && !(is_policy && matches!(self.place, Some(Place::Mapping(..))))
        {
            self.room = None;
        }
        if !is_policy
            && !(raw.kind == Kind::HugePages && matches!(self.place, Some(Place::Inode(..))))
        {
            self.place = None;
        }
        if !matches!(
            raw.kind,
            Kind::Locks
                | Kind::FileOwner
                | Kind::Lease
                | Kind::FileLabel
                | Kind::TunPacket
                | Kind::PacketRings
        ) {
            self.holder = None;
        }
        if raw.kind != Kind::CredLabel {
            self.labelled = None;
        }
        match raw.kind.check() {
            Some(check) => check(self, raw),
            None => Err(raw.fault("record that does not belong into the metadata")),
        }
    }

    /// Checks what was checkpointed.
    pub(in crate::image) fn container(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let container: task::Container = raw.body()?;
        flags(raw, container.flags.get(), task::CONTAINER_FLAGS)?;
        no_payload(raw)?;
        padded_name(raw, &container.version)?;
        ensure(
            raw,
            container.monotonic_ns.get() <= CLOCK_MAX && container.boottime_ns.get() <= CLOCK_MAX,
            "impossible clocks",
        )?;
        let words = usize::try_from(container.cpu_words.get())
            .ok()
            .and_then(|n| container.cpu.get(n..));
        match words {
            Some(unused) => zero(raw, unused.iter().all(|w| w.get() == 0)),
            None => Err(raw.fault("too many words of CPU features")),
        }
    }

    /// Returns the object of type `T` with reference `obj`, which `raw` refers to. It may come
    /// later.
    pub(in crate::image) fn refer<T: Body>(
        &self,
        raw: &Raw<'_>,
        obj: u32,
    ) -> Result<&Object, Fault> {
        refer::<T>(self.objects, raw, obj)
    }

    /// Checks a reference as [`Self::refer`] does; 0 stands for none.
    pub(in crate::image) fn refer_or_none<T: Body>(
        &self,
        raw: &Raw<'_>,
        obj: u32,
    ) -> Result<(), Fault> {
        if obj != 0 {
            self.refer::<T>(raw, obj)?;
        }
        Ok(())
    }

    /// Checks a reference as [`Self::refer`] does, of an object that nothing else of the image may
    /// be: `why` not.
    pub(in crate::image) fn refer_once<T: Body>(
        &mut self,
        raw: &Raw<'_>,
        obj: u32,
        why: &'static str,
    ) -> Result<(), Fault> {
        self.once::<T>(raw, obj, why, |object| &mut object.taken)
    }

    /// Notes that the link `raw` tells what the object of type `T` with reference `obj` is to others,
    /// which only one may: `why` not.
    pub(in crate::image) fn link_once<T: Body>(
        &mut self,
        raw: &Raw<'_>,
        obj: u32,
        why: &'static str,
    ) -> Result<(), Fault> {
        self.once::<T>(raw, obj, why, |object| &mut object.linked)
    }

    /// Notes that the object of type `T` with reference `obj`, which `raw` refers to, is nothing without a
    /// link that tells what it is to others, of those that [`Self::link_once`] notes.
    pub(in crate::image) fn owe_link<T: Body>(
        &mut self,
        raw: &Raw<'_>,
        obj: u32,
        why: &'static str,
    ) -> Result<(), Fault> {
        self.once::<T>(raw, obj, why, |object| &mut object.owes_link)
    }

    /// Sets the mark `mark` of the object of type `T` with reference `obj`; `why`: it was set before.
    fn once<T: Body>(
        &mut self,
        raw: &Raw<'_>,
        obj: u32,
        why: &'static str,
        mark: fn(&mut Object) -> &mut bool,
    ) -> Result<(), Fault> {
        self.refer::<T>(raw, obj)?;
        let object = usize::try_from(obj)
            .ok()
            .and_then(|n| n.checked_sub(1))
            .and_then(|n| self.objects.get_mut(n))
            .ok_or(raw.fault(why))?;
        if core::mem::replace(mark(object), true) {
            return Err(raw.fault(why));
        }
        Ok(())
    }

    /// Notes that records of the object `obj`, a descriptor table, open file, queue or socket, may follow.
    pub(in crate::image) fn hold(&mut self, obj: u32) {
        self.holder = Some(Holder { obj, last: 0 });
    }

    /// Refuses a record that does not follow that of the object `obj`: it comes once, and after those
    /// of lower kinds. There may be more than one of locks, of labels, and of packets.
    pub(in crate::image) fn follows(
        &mut self,
        raw: &Raw<'_>,
        obj: u32,
        why: &'static str,
    ) -> Result<(), Fault> {
        let number = raw.kind.number();
        let holder = self
            .holder
            .as_mut()
            .filter(|holder| holder.obj == obj)
            .ok_or(raw.fault(why))?;
        ensure(
            raw,
            holder.last < number
                || (holder.last == number
                    && matches!(raw.kind, Kind::Locks | Kind::FileLabel | Kind::TunPacket)),
            "is there twice, or out of order",
        )?;
        holder.last = number;
        Ok(())
    }

    /// Checks what can be said at the end only.
    fn finish(self, meta: &[u8]) -> Result<Summary, Fault> {
        let end = self.at.saturating_add(meta.len() as u64);
        match self.follow {
            Follow::Any => (),
            Follow::Vmas { .. } => return Err(Fault::framing(end, "mappings are missing")),
            Follow::Buffers { .. } => {
                return Err(Fault::framing(end, "buffers of a pipe are missing"))
            }
            Follow::Watches { .. } | Follow::Events { .. } => {
                return Err(Fault::framing(
                    end,
                    "watches or events of an inotify instance are missing",
                ))
            }
            Follow::Marks { .. } => {
                return Err(Fault::framing(
                    end,
                    "marks or events of a fanotify group are missing",
                ))
            }
            Follow::Uring(_) => {
                return Err(Fault::framing(
                    end,
                    "files, personalities, buffers or requests of an io_uring are missing",
                ))
            }
            Follow::Xattrs { .. } => {
                return Err(Fault::framing(end, "extended attributes are missing"))
            }
            Follow::Ipc(_) => {
                return Err(Fault::framing(
                    end,
                    "what is in an ipc namespace is missing",
                ))
            }
            // Tasks come after them.
            Follow::Labels { .. } => (),
        }
        if self.ring.is_some() {
            return Err(Fault::framing(end, "an AIO context is missing"));
        }
        if let Some(why) = self.tcp_left.lacks() {
            return Err(Fault::framing(end, why));
        }
        if self.corked != 0 {
            return Err(Fault::framing(
                end,
                "the socket of a begun datagram is missing",
            ));
        }
        if self.group.is_some() {
            return Err(Fault::framing(end, "process record is missing"));
        }
        for object in self.objects.iter() {
            if object.owes_link && !object.linked {
                return Err(Fault {
                    at: self.at.saturating_add(object.offset),
                    kind: object.kind,
                    why: "no link tells where its rings go on",
                });
            }
        }
        for pid in self.pids.iter() {
            if let Some((kind, why)) = pid.lacks() {
                return Err(Fault {
                    at: self.at.saturating_add(pid.offset),
                    kind: kind.number(),
                    why,
                });
            }
        }
        Ok(self.summary)
    }
}

const _: () = {
    assert!(contents::BATCH_PAYLOAD_MAX <= PAYLOAD_MAX);
    assert!(files::FDS_MAX * size_of::<files::Fd>() <= PAYLOAD_MAX);
    assert!(files::LOCKS_MAX * size_of::<files::Lock>() <= PAYLOAD_MAX);
};
