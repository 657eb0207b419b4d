// SPDX-License-Identifier: GPL-2.0

//! IPC and its namespaces.

use zerocopy::byteorder::little_endian::{
    U16,
    U32, //
};

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            flags,
            ids,
            no_payload,
            signal,
            zero, //
        },
        pid,
        walk::{
            Follow,
            Walk, //
        },
        Object,
        Pid,
        PID_MAX, //
    },
    files::Inode,
    ipc::*,
    kinds::Kind,
    record::{
        Fault,
        Raw,
        PAYLOAD_MAX, //
    },
    task::TASK_LIVE, //
};

/// Bits of an id that are an index, without and with ipcmni_extend.
const SHIFT: [u32; 2] = [15, 24];

/// Most semaphores of a set.
const SEMS_MAX: usize = PAYLOAD_MAX / size_of::<Semaphore>();

/// Most ids of a namespace.
const MNI_MAX: u32 = 1 << 24;

/// Nanoseconds of a second.
const NSEC: u32 = 1_000_000_000;

/// Lowest and highest values in /proc/sys/fs/mqueue, which the kernel calls `MIN_*` and `HARD_*`.
const MQ_RANGES: [(u32, u32); 5] = [
    (0, i32::MAX as u32),
    (1, 65536),
    (128, 16 << 20),
    (1, 65536),
    (128, 16 << 20),
];

/// Refuses what is none of the pids in the container; 0 is none.
fn pids(raw: &Raw<'_>, mut pids: impl Iterator<Item = u32>) -> Result<(), Fault> {
    ensure(raw, pids.all(|pid| pid < PID_MAX), "impossible pid")
}

/// Refuses an impossible id, mode or owner of an object.
fn permissions(raw: &Raw<'_>, id: u32, mode: u32, owners: [[U32; 2]; 2]) -> Result<(), Fault> {
    ensure(raw, id <= i32::MAX as u32, "impossible id")?;
    flags(raw, u64::from(mode), 0o777)?;
    ids(raw, owners.as_flattened().iter().map(|id| id.get()))
}

/// What must come next of an ipc namespace.
#[derive(Clone, Copy, Default)]
pub(in crate::image) struct Inside {
    /// The namespace.
    ns: u32,
    /// How many objects.
    objects: u32,
    /// How many adjustments of the semaphores before.
    undos: u32,
    /// How many of these there are.
    nsems: u32,
    /// The list of the adjustments before.
    list: u32,
    /// How many messages of the queue before.
    messages: u32,
    /// How many of the POSIX message queue before.
    queued: u32,
    /// How many bytes each of these may have.
    bytes: u32,
    /// The highest priority that the next one may have.
    priority: u32,
}

impl Inside {
    /// Returns whether a record of this kind may come next.
    pub(in crate::image) fn takes(&self, kind: Kind) -> bool {
        match kind {
            Kind::SemUndo => self.undos != 0,
            Kind::Message => self.messages != 0,
            Kind::PosixMessage => self.queued != 0,
            Kind::Inode | Kind::Segment | Kind::SemSet | Kind::MsgQueue | Kind::PosixQueue => {
                self.objects != 0 && self.is_between()
            }
            _ => false,
        }
    }

    /// Returns whether all that belongs to the object before has come.
    fn is_between(&self) -> bool {
        self.undos == 0 && self.messages == 0 && self.queued == 0
    }
}

/// Returns a list of adjustments. Its detail is its namespace.
pub(super) fn undo_list_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let list: UndoList = raw.body()?;
    Ok((list.obj.get(), list.ns.get()))
}

impl Walk<'_> {
    /// Checks an ipc namespace.
    pub(in crate::image) fn ipc_ns(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let ns: IpcNs = raw.body()?;
        boolean(raw, ns.shm_rmid_forced.get())?;
        let limits = [ns.msg_max, ns.msg_mnb]
            .iter()
            .all(|n| n.get() <= i32::MAX as u32)
            && [ns.shm_mni, ns.msg_mni].iter().all(|n| n.get() <= MNI_MAX)
            && matches!(ns.sem, [_, _, _, mni] if (0..=MNI_MAX as i32).contains(&mni.get()));
        let queues = Iterator::zip(ns.mq.iter(), MQ_RANGES)
            .all(|(n, (low, high))| (low..=high).contains(&n.get()));
        ensure(
            raw,
            limits && queues,
            "impossible setting of an ipc namespace",
        )?;
        ensure(
            raw,
            SHIFT.contains(&ns.shift.get()),
            "impossible composition of ids",
        )?;
        let possible = ns.seq.iter().all(|n| n.get() <= i32::MAX as u32)
            && ns.cursor.iter().all(|n| n.get() <= MNI_MAX)
            && ns
                .last_idx
                .iter()
                .all(|n| (-1..MNI_MAX as i32).contains(&n.get()))
            && ns.next_id.iter().all(|n| n.get() >= -1);
        ensure(raw, possible, "impossible next id")?;
        zero(raw, ns.reserved.get() == 0)?;
        no_payload(raw)?;
        self.set_rest(Inside {
            ns: ns.obj.get(),
            objects: ns.inside.get(),
            ..Inside::default()
        });
        Ok(())
    }

    /// Sets what must come next of a namespace.
    fn set_rest(&mut self, inside: Inside) {
        self.follow = if inside.objects == 0 && inside.is_between() {
            Follow::Any
        } else {
            Follow::Ipc(inside)
        };
    }

    /// Returns what is left of a namespace with one object less: one of `ns`, or one that stands
    /// alone, as it is in the caller's.
    fn next_of(&self, raw: &Raw<'_>, ns: u32) -> Result<Inside, Fault> {
        let mut inside = match &self.follow {
            Follow::Ipc(inside) => *inside,
            _ => Inside::default(),
        };
        ensure(
            raw,
            ns == inside.ns,
            "does not stand with the namespace that it is in",
        )?;
        inside.objects = inside.objects.saturating_sub(1);
        Ok(inside)
    }

    /// Returns what is left of a namespace; there must be one.
    fn inside(&self, raw: &Raw<'_>) -> Result<Inside, Fault> {
        match &self.follow {
            Follow::Ipc(inside) => Ok(*inside),
            _ => Err(raw.fault("stands outside of the namespace that it is in")),
        }
    }

    /// Checks a segment of shared memory.
    pub(in crate::image) fn segment(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let s: Segment = raw.body()?;
        let rest = self.next_of(raw, s.ns.get())?;
        self.set_rest(rest);
        flags(raw, u64::from(s.flags.get()), u64::from(SEGMENT_FLAGS))?;
        if s.flags.get() & SEGMENT_OUTSIDE != 0 {
            ensure(
                raw,
                s.ns.get() == 0 && s.inode.get() == 0 && s.size.get() != 0,
                "stays outside, and has memory or a namespace",
            )?;
            let unused = [s.mode, s.cpid, s.lpid, s.maker];
            zero(
                raw,
                s.flags.get() & SEGMENT_LOCKED == 0
                    && unused.iter().all(|n| n.get() == 0)
                    && [s.owner, s.creator]
                        .iter()
                        .flatten()
                        .all(|id| id.get() == 0)
                    && [s.atime, s.dtime, s.ctime].iter().all(|t| t.get() == 0),
            )?;
        } else {
            let named = self.refer::<Inode>(raw, s.inode.get())?.detail;
            ensure(raw, named == 0, "its memory has a name")?;
            self.refer_once::<Inode>(raw, s.inode.get(), "two segments are the same memory")?;
            zero(raw, s.size.get() == 0)?;
        }
        permissions(raw, s.id.get(), s.mode.get(), [s.owner, s.creator])?;
        let removed = s.flags.get() & SEGMENT_REMOVED != 0;
        ensure(
            raw,
            if removed {
                s.key.get() == 0
            } else {
                s.key == s.named
            },
            "has not the key that it was made with",
        )?;
        pids(raw, [s.cpid, s.lpid, s.maker].iter().map(|pid| pid.get()))?;
        let maker = s.maker.get();
        ensure(
            raw,
            maker == 0 || pid(self.pids, maker).is_some_and(Pid::is_task),
            "was made by no task of the image",
        )?;
        zero(raw, s.reserved.get() == 0)?;
        no_payload(raw)
    }

    /// Checks a set of semaphores.
    pub(in crate::image) fn sem_set(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let set: SemSet = raw.body()?;
        self.inside(raw)?;
        let mut rest = self.next_of(raw, set.ns.get())?;
        permissions(raw, set.id.get(), set.mode.get(), [set.owner, set.creator])?;
        let sems: &[Semaphore] = raw.array(SEMS_MAX)?;
        ensure(
            raw,
            !sems.is_empty() && u32::try_from(sems.len()).is_ok_and(|n| n == set.nsems.get()),
            "has another number of semaphores",
        )?;
        ensure(
            raw,
            sems.iter().all(|sem| sem.value.get() <= SEM_VALUE_MAX),
            "impossible value of a semaphore",
        )?;
        pids(raw, sems.iter().map(|sem| sem.pid.get()))?;
        zero(raw, set.reserved.get() == 0)?;
        rest.undos = set.undos.get();
        rest.nsems = set.nsems.get();
        rest.list = 0;
        self.set_rest(rest);
        Ok(())
    }

    /// Adjustments of a set of semaphores.
    pub(in crate::image) fn sem_undo(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let undo: SemUndo = raw.body()?;
        let mut rest = self.inside(raw)?;
        let list = undo.list.get();
        ensure(
            raw,
            list > rest.list,
            "lists of adjustments are out of order or twice there",
        )?;
        let ns = self.refer::<UndoList>(raw, list)?.detail;
        ensure(
            raw,
            ns == rest.ns,
            "adjusts semaphores of another namespace",
        )?;
        let adjustments: &[U16] = raw.array(SEMS_MAX)?;
        ensure(
            raw,
            u32::try_from(adjustments.len()).is_ok_and(|n| n == rest.nsems),
            "adjusts another number of semaphores",
        )?;
        zero(raw, undo.reserved.get() == 0)?;
        rest.undos = rest.undos.saturating_sub(1);
        rest.list = list;
        self.set_rest(rest);
        Ok(())
    }

    /// Checks a list of adjustments.
    pub(in crate::image) fn undo_list(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let list: UndoList = raw.body()?;
        self.refer_or_none::<IpcNs>(raw, list.ns.get())?;
        let lives = |p: &Pid| p.is_task() && p.state == TASK_LIVE;
        ensure(
            raw,
            pid(self.pids, list.tid.get()).is_some_and(lives),
            "list of semaphore adjustments of no live task",
        )?;
        zero(raw, list.reserved.get() == 0)?;
        no_payload(raw)
    }

    /// Checks a message queue.
    pub(in crate::image) fn msg_queue(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let q: MsgQueue = raw.body()?;
        self.inside(raw)?;
        let mut rest = self.next_of(raw, q.ns.get())?;
        permissions(raw, q.id.get(), q.mode.get(), [q.owner, q.creator])?;
        pids(raw, [q.lspid, q.lrpid].iter().map(|pid| pid.get()))?;
        no_payload(raw)?;
        rest.messages = q.messages.get();
        self.set_rest(rest);
        Ok(())
    }

    /// Checks a message of a queue.
    pub(in crate::image) fn message(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let message: Message = raw.body()?;
        let mut rest = self.inside(raw)?;
        ensure(
            raw,
            (1..=i64::MAX as u64).contains(&message.mtype.get()),
            "impossible type of a message",
        )?;
        rest.messages = rest.messages.saturating_sub(1);
        self.set_rest(rest);
        Ok(())
    }

    /// Checks a POSIX message queue.
    pub(in crate::image) fn posix_queue(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let q: PosixQueue = raw.body()?;
        let mut rest = self.next_of(raw, q.ns.get())?;
        let (set, name) = (q.flags.get(), raw.payload);
        flags(raw, u64::from(set), u64::from(QUEUE_FLAGS))?;
        flags(raw, u64::from(q.mode.get()), 0o7777)?;
        ids(raw, q.owner.iter().chain([&q.user]).map(|id| id.get()))?;
        ensure(
            raw,
            (1..=QUEUE_NAME_MAX).contains(&name.len())
                && !name.iter().any(|&b| b == 0 || b == b'/')
                && name != b"."
                && name != b"..",
            "impossible name",
        )?;
        let [_, (_, messages_max), (_, bytes_max), ..] = MQ_RANGES;
        ensure(
            raw,
            (1..=messages_max).contains(&q.max_messages.get())
                && (1..=bytes_max).contains(&q.max_bytes.get()),
            "impossible size of a queue",
        )?;
        ensure(
            raw,
            q.messages.get() <= q.max_messages.get(),
            "more messages than the queue has room for",
        )?;
        self.notification(raw, &q)?;
        ensure(
            raw,
            q.atime_nsec.get() < NSEC && q.mtime_nsec.get() < NSEC,
            "impossible time",
        )?;
        zero(raw, q.reserved.get() == 0)?;
        rest.queued = q.messages.get();
        rest.bytes = q.max_bytes.get();
        rest.priority = PRIORITY_MAX;
        self.set_rest(rest);
        Ok(())
    }

    /// Checks whom a POSIX message queue notifies, and how.
    fn notification(&self, raw: &Raw<'_>, q: &PosixQueue) -> Result<(), Fault> {
        let process = q.process.get();
        ensure(
            raw,
            process == 0 || pid(self.pids, process).is_some_and(Pid::is_leader),
            "notifies no process of the image",
        )?;
        match q.notify.get() {
            QUEUE_NOTIFY_SIGNAL => {
                ensure(
                    raw,
                    process != 0 && q.signal.get() != 0,
                    "sends no signal, or to nobody",
                )?;
                signal(raw, q.signal.get())
            }
            QUEUE_NOTIFY_NONE => zero(
                raw,
                q.signal.get() == 0 && q.value.get() == 0 && q.flags.get() & QUEUE_EXECED == 0,
            ),
            _ => Err(raw.fault("unknown kind of notification")),
        }
    }

    /// Checks a message of a POSIX message queue.
    pub(in crate::image) fn posix_message(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let message: PosixMessage = raw.body()?;
        let mut rest = self.inside(raw)?;
        ensure(
            raw,
            rest.queued != 0,
            "belongs to no queue, or that has fewer messages",
        )?;
        ensure(
            raw,
            raw.payload.len() <= rest.bytes as usize,
            "larger than the queue takes",
        )?;
        let priority = message.priority.get();
        ensure(
            raw,
            priority <= rest.priority,
            "impossible priority, or out of order",
        )?;
        zero(raw, message.reserved.get() == 0)?;
        rest.queued = rest.queued.saturating_sub(1);
        rest.priority = priority;
        self.set_rest(rest);
        Ok(())
    }
}
