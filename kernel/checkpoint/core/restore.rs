// SPDX-License-Identifier: GPL-2.0

//! What one call of restart(2) knows, shared by the coordinator and all tasks that it makes.

use core::any::Any;

use kernel::{
    fmt,
    new_mutex,
    num::casts::usize_as_u64,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    },
    str::BStr,
    sync::{
        Arc,
        Mutex,
        SetOnce, //
    },
    task, //
};

use crate::{
    core::{
        accept::Policy,
        built::{
            Built,
            Rebuilt, //
        },
        report::{
            Errno,
            Report, //
        },
        rules::Place, //
    },
    image::{
        header::HEADER_LEN,
        record,
        task::{
            Container,
            Process,
            Task, //
        },
        Body,
        Fault,
        ObjRef,
        Raw, //
    },
    kapi::{
        fork::restoring::Restoring,
        fs::{
            events::Environment,
            path::PathRef, //
        },
        ipc::namespace::IpcNs,
        mm::{
            oom,
            space::denies_write_exec, //
        },
        net::{
            namespace::NetNs,
            socket::{
                Closing,
                SockRef, //
            },
            tcp_outside::HeldTcp,
            tcp_unseen::Starting, //
        },
        ns::proxy::Uts,
        pid::namespace::PidNs,
        task::{
            frozen::TaskName,
            links::PidRef, //
        },
        time::wait, //
    },
};

/// Offset of the metadata in the image: offsets in messages count from the image's start.
pub(crate) const META_AT: u64 = usize_as_u64(HEADER_LEN);

/// A restart in progress.
#[pin_data]
pub(crate) struct Restore {
    /// The metadata, checked.
    meta: KVVec<u8>,
    /// Offset of each object's record in `meta`, by reference number less one.
    index: KVVec<u32>,
    /// Rebuilt objects.
    #[pin]
    built: Built,
    /// Messages.
    #[pin]
    report: Mutex<Report>,
    /// Root directory of the caller of restart(2): what the paths of the image start from.
    pub(crate) root: PathRef,
    /// The pid namespace of the root task: what the pids of the image are numbers in.
    pid_ns: SetOnce<PidNs>,
    /// uts namespace of the caller.
    pub(crate) uts_ns: Uts,
    /// ipc namespace of the caller.
    pub(crate) ipc_ns: IpcNs,
    /// Network namespace of the caller.
    pub(crate) caller_net: NetNs,
    /// That of the root.
    net_ns: SetOnce<NetNs>,
    /// Ends of TCP connections that were made: they end quietly if the restart fails.
    connections: SetOnce<KVVec<SockRef>>,
    /// Ends of TCP connections with somebody outside: held until all is done.
    #[pin]
    held: Mutex<KVVec<HeldEnd>>,
    /// TCP sockets that connect when all is done.
    #[pin]
    starting: Mutex<KVVec<Starting>>,
    /// Objects that the current task has made, and that it has to see to once it has all else.
    #[pin]
    unfinished: Mutex<KVVec<ObjRef>>,
    /// Objects that need their task once more, each with the address of that.
    #[pin]
    calls: Mutex<KVVec<(usize, ObjRef)>>,
    /// Those of them that the task which is called has to see to.
    #[pin]
    called: Mutex<KVVec<ObjRef>>,
    /// What to take from CLOCK_MONOTONIC as the tasks see it to get the kernel's.
    pub(crate) monotonic_offset: i64,
    /// The same for CLOCK_BOOTTIME.
    pub(crate) boottime_offset: i64,
    /// What was checkpointed.
    pub(crate) container: Container,
    /// Address of the task that calls restart(2).
    caller: usize,
    /// OOM score adjustment of the caller.
    oom_adj: i16,
    /// The caller's address space, and so those of its children, denies memory that is writable
    /// and executable.
    pub(crate) denies_write_exec: bool,
    /// What becomes of files that differ from those that were saved.
    pub(crate) policy: Policy,
    /// The notice for tasks that have asked for it.
    pub(crate) notice: Notice,
    /// Pids of the tasks that were made, by their number in the image.
    #[pin]
    pids: Mutex<RBTree<u32, PidRef>>,
}

/// The notice of a restart, for tasks that have asked for it (PR_CHECKPOINT_EVENTS).
pub(crate) struct Notice {
    /// The checkpoint, as the header of its image names it.
    pub(crate) id: u64,
    /// Its time by the wall clock, in nanoseconds since 1970.
    pub(crate) created_ns: u64,
    /// What the caller of restart(2) has to say.
    pub(crate) environment: Option<Environment>,
}

/// One end of a TCP connection with somebody outside.
pub(crate) struct HeldEnd {
    /// The hold on it.
    pub(crate) hold: HeldTcp,
    /// What becomes of it when it is let go.
    pub(crate) then: Then,
}

/// What becomes of an end that is let go.
pub(crate) enum Then {
    /// The tasks have it.
    Stays,
    /// It was closed: it only has something to send, or to hear of.
    Closes(Closing),
    /// It only lets the other end know that the connection is over.
    Resets(Closing),
}

/// The records of one thread.
pub(crate) struct TaskRecords<'a> {
    /// Its record.
    pub(crate) task: Task,
    /// Its own records: the metadata from its Task record (included) to the next one.
    pub(crate) records: &'a [u8],
    /// Offset of `records` in the image, for messages.
    pub(crate) at: u64,
    /// The metadata from the Process record of its thread group on.
    pub(crate) process: &'a [u8],
    /// It is the first task of its pid namespace, which was made with it.
    pub(crate) init: bool,
    /// It makes its address space: no task before it in the image has that.
    pub(crate) owns_mm: bool,
    /// It is the last one of its thread group.
    pub(crate) last: bool,
    /// It is the current task, which restores itself.
    pub(crate) restoring: Option<&'a Restoring>,
}

impl TaskRecords<'_> {
    /// Returns what is wanted of who replaces state of the current task. EINVAL: that is not the
    /// one of these records.
    pub(crate) fn restoring(&self) -> Result<&Restoring> {
        self.restoring.ok_or(EINVAL)
    }

    /// Returns what the threads of its group share.
    pub(crate) fn process(&self) -> Result<Process, Fault> {
        record::parse(self.process, self.at)?.0.body()
    }

    /// Returns the name of the task, for messages.
    pub(crate) fn name(&self) -> TaskName {
        TaskName {
            tid: self.task.tid.get(),
            comm: self.task.comm,
        }
    }
}

impl Restore {
    /// Starts with checked metadata and the offsets of the objects in it.
    pub(crate) fn new(
        meta: KVVec<u8>,
        index: KVVec<u32>,
        report: Report,
        container: Container,
        (monotonic_offset, boottime_offset): (i64, i64),
        policy: Policy,
        notice: Notice,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            meta,
            index,
            built <- Built::new(),
            report <- new_mutex!(report, "checkpoint report"),
            root: PathRef::current_root(),
            pid_ns: SetOnce::new(),
            uts_ns: Uts::of_current(),
            ipc_ns: IpcNs::of_current(),
            caller_net: NetNs::of_current(),
            net_ns: SetOnce::new(),
            connections: SetOnce::new(),
            held <- new_mutex!(KVVec::new(), "checkpoint held connections"),
            starting <- new_mutex!(KVVec::new(), "checkpoint starting connections"),
            unfinished <- new_mutex!(KVVec::new(), "checkpoint unfinished objects"),
            calls <- new_mutex!(KVVec::new(), "checkpoint calls"),
            called <- new_mutex!(KVVec::new(), "checkpoint called"),
            monotonic_offset,
            boottime_offset,
            container,
            caller: task::Task::current_raw().addr(),
            oom_adj: oom::current(),
            denies_write_exec: denies_write_exec(),
            policy,
            notice,
            pids <- new_mutex!(RBTree::new(), "checkpoint pids"),
        })
    }

    /// Returns where what had the path `saved` is now. ENAMETOOLONG: that would be too long a path.
    pub(crate) fn place(&self, saved: &[u8]) -> Result<Place> {
        self.policy.maps.place(saved).inspect_err(|&e| {
            if e == ENAMETOOLONG {
                let name = BStr::from_bytes(saved);
                self.told(e, fmt!("{}: the path that it has now is too long", name));
            }
        })
    }

    /// Notes the pid of the current task, which is `tid` in the image.
    pub(crate) fn set_pid(&self, tid: u32) -> Result {
        let node = RBTreeNode::new(tid, PidRef::of_current()?, GFP_KERNEL_ACCOUNT)?;
        let old = self.pids.lock().insert(node);
        drop(old);
        Ok(())
    }

    /// Returns the pid of the task that is `tid` in the image. To be asked for in `restore` and
    /// later, when all tasks exist. ESRCH: there is no such task.
    pub(crate) fn pid(&self, tid: u32) -> Result<PidRef> {
        self.pids.lock().get(&tid).cloned().ok_or(ESRCH)
    }

    /// Notes that the root exists, in the pid namespace `ns`. The others are made by it.
    pub(crate) fn set_pid_ns(&self, ns: PidNs) {
        self.pid_ns.populate(ns);
    }

    /// Returns the pid namespace of the root task. ESRCH: that does not exist yet.
    pub(crate) fn pid_ns(&self) -> Result<&PidNs> {
        self.pid_ns.as_ref().ok_or(ESRCH)
    }

    /// Notes that a task that lives is in the network namespace `ns`. The first one is the root, or
    /// a thread of it.
    pub(crate) fn set_net_ns(&self, ns: &NetNs) {
        if self.net_ns.as_ref().is_none() {
            self.net_ns.populate(ns.clone());
        }
    }

    /// Returns the network namespace of the root.
    pub(crate) fn net_ns(&self) -> &NetNs {
        self.net_ns.as_ref().unwrap_or(&self.caller_net)
    }

    /// Notes the ends of TCP connections that are about to be made. Once.
    pub(crate) fn set_connections(&self, ends: KVVec<SockRef>) {
        self.connections.populate(ends);
    }

    /// Lets connections end without a segment: nothing is left of them, and in TIME_WAIT they would keep
    /// their ports from the next restart. May sleep.
    pub(crate) fn end_connections_quietly(&self) {
        for sk in self.connections.as_ref().into_iter().flatten() {
            sk.end_tcp_quietly();
        }
    }

    /// Notes an end of a TCP connection with somebody outside.
    pub(crate) fn hold_connection(&self, end: HeldEnd) -> Result {
        Ok(self.held.lock().push(end, GFP_KERNEL_ACCOUNT)?)
    }

    /// Notes a TCP socket that connects when all is done.
    pub(crate) fn start_later(&self, starting: Starting) -> Result {
        Ok(self.starting.lock().push(starting, GFP_KERNEL_ACCOUNT)?)
    }

    /// Notes an object that the current task sees to when it finishes.
    pub(crate) fn finish_later(&self, obj: ObjRef) -> Result {
        Ok(self.unfinished.lock().push(obj, GFP_KERNEL_ACCOUNT)?)
    }

    /// Takes those that it has noted: it finishes in the turn in which it was restored.
    pub(crate) fn take_unfinished(&self) -> KVVec<ObjRef> {
        core::mem::replace(&mut *self.unfinished.lock(), KVVec::new())
    }

    /// Notes an object that needs the task at the address `task` once more, when all is linked: it
    /// is asked to [`Rebuilt::reach`].
    pub(crate) fn call_later(&self, task: usize, obj: ObjRef) -> Result {
        Ok(self.calls.lock().push((task, obj), GFP_KERNEL_ACCOUNT)?)
    }

    /// Takes those that were noted, by ascending address of their tasks.
    pub(crate) fn take_calls(&self) -> KVVec<(usize, ObjRef)> {
        let mut calls = core::mem::replace(&mut *self.calls.lock(), KVVec::new());
        calls.sort_unstable_by_key(|&(task, obj)| (task, obj.get()));
        calls
    }

    /// Hands `objects` to the task that is about to be called.
    pub(crate) fn hand_over(&self, objects: KVVec<ObjRef>) {
        let old = core::mem::replace(&mut *self.called.lock(), objects);
        drop(old);
    }

    /// Sees to what was handed to the current task, which is the one of `plan`.
    pub(crate) fn reach(&self, plan: &TaskRecords<'_>) -> Result {
        let called = core::mem::replace(&mut *self.called.lock(), KVVec::new());
        called.iter().try_for_each(|&obj| {
            wait::go_on()?;
            self.built.with(obj, |built| built.reach(self, plan, obj))
        })
    }

    /// Takes those, which are the caller's from now on.
    fn take_starting(&self) -> KVVec<Starting> {
        core::mem::replace(&mut *self.starting.lock(), KVVec::new())
    }

    /// Lets the socket that `closing` shows be closed when its end, the last that was noted, is let go.
    pub(crate) fn close_connection(&self, closing: Closing) -> Result {
        let mut held = self.held.lock();
        held.last_mut().ok_or(EINVAL)?.then = Then::Closes(closing);
        Ok(())
    }

    /// Takes the ends that are held, which are the caller's from now on.
    fn take_held(&self) -> KVVec<HeldEnd> {
        core::mem::replace(&mut *self.held.lock(), KVVec::new())
    }

    /// Ends connections with somebody outside without a segment, as the restart has failed: they
    /// may be tried again. May sleep.
    pub(crate) fn bury_connections(&self) {
        drop(self.take_starting());
        for end in self.take_held() {
            end.hold.bury();
        }
    }

    /// Connections that were made are like others from now on, unless [`Self::end_connections_quietly`]
    /// comes. EINTR: the caller was killed. May sleep.
    ///
    /// To be called before others get at the tasks, and with that at their sockets: they could keep
    /// those locked.
    pub(crate) fn end_connections_as_always(&self) -> Result {
        self.connections
            .as_ref()
            .into_iter()
            .flatten()
            .try_for_each(SockRef::end_tcp_as_always)
    }

    /// Lets connections with somebody outside go on: the tasks are about to run. May sleep.
    pub(crate) fn release_connections(&self) {
        for end in self.take_held() {
            match end.then {
                Then::Stays => drop(end.hold),
                Then::Closes(closing) => {
                    end.hold.resume();
                    drop(closing);
                }
                Then::Resets(closing) => {
                    end.hold.reset();
                    drop(closing);
                }
            }
        }
        for starting in self.take_starting() {
            starting.start();
        }
    }

    /// Returns whether the current task is the caller of restart(2), not one of the tasks that are made.
    pub(crate) fn is_caller(&self) -> bool {
        self.caller == task::Task::current_raw().addr()
    }

    /// Notes that the current task has an address space of its own from now on: the OOM killer may
    /// choose it as it may choose the caller.
    pub(crate) fn owns_memory(&self, restoring: &Restoring) {
        oom::set_current(restoring, self.oom_adj);
    }

    /// Returns the metadata.
    pub(crate) fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// Returns the offset of the record of object `obj` in the metadata.
    fn offset(&self, obj: ObjRef) -> Result<usize> {
        let place = usize::try_from(obj.get())?.checked_sub(1).ok_or(EINVAL)?;
        Ok(*self.index.get(place).ok_or(EINVAL)? as usize)
    }

    /// Returns the record that defines object `obj`.
    pub(crate) fn object(&self, obj: ObjRef) -> Result<Raw<'_>> {
        let offset = self.offset(obj)?;
        let bytes = self.meta.get(offset..).ok_or(EINVAL)?;
        record::parse(bytes, META_AT.saturating_add(usize_as_u64(offset)))
            .map(|(raw, _)| raw)
            .map_err(|f| self.fault(f))
    }

    /// Returns the body of the record that defines object `obj`, and the record.
    pub(crate) fn object_body<T: Body>(&self, obj: ObjRef) -> Result<(T, Raw<'_>)> {
        let raw = self.object(obj)?;
        let body = raw.body::<T>().map_err(|f| self.fault(f))?;
        Ok((body, raw))
    }

    /// Returns the links between objects.
    pub(crate) fn links(&self) -> impl Iterator<Item = Result<Raw<'_>, Fault>> {
        record::Records::asking(&self.meta, META_AT, &wait::goes_on)
            .filter(|raw| raw.as_ref().map_or(true, |raw| raw.kind.is_link()))
    }

    /// Returns the records that follow that of object `obj`, its own excluded.
    pub(crate) fn records_after(&self, obj: ObjRef) -> Result<record::Records<'_>> {
        let offset = self.offset(obj)?;
        let bytes = self.meta.get(offset..).ok_or(EINVAL)?;
        let place = META_AT.saturating_add(usize_as_u64(offset));
        let (_, len) = record::parse(bytes, place).map_err(|f| self.fault(f))?;
        let at = offset.checked_add(len).ok_or(EINVAL)?;
        Ok(record::Records::new(
            self.meta.get(at..).ok_or(EINVAL)?,
            META_AT.saturating_add(usize_as_u64(at)),
        ))
    }

    /// Returns whether something was rebuilt for `obj`.
    pub(crate) fn is_built(&self, obj: ObjRef) -> bool {
        self.built.has(obj)
    }

    /// Returns what was rebuilt for `obj`, if it was, as a `T`.
    pub(crate) fn built<T: Any + Send + Sync>(&self, obj: ObjRef) -> Option<Arc<T>> {
        self.built.get(obj)
    }

    /// Runs `f` with what was rebuilt for `obj`, if it was, as a `T`.
    pub(crate) fn with_built<T: Any + Send + Sync, R>(
        &self,
        obj: ObjRef,
        f: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        self.built(obj).map(|built| f(&built))
    }

    /// Runs `f` with all that was rebuilt as a `T`, by ascending number, until it fails.
    pub(crate) fn each_built<T: Any + Send + Sync>(
        &self,
        mut f: impl FnMut(ObjRef, &T) -> Result,
    ) -> Result {
        self.built.each(|obj, built| {
            let built = built.as_any().downcast_ref();
            built.map_or(Ok(()), |built| f(obj, built))
        })
    }

    /// Notes what was rebuilt for `obj`. Dropping it drops a reference.
    pub(crate) fn set_built<T: Rebuilt>(&self, obj: ObjRef, built: T) -> Result {
        let built = Arc::new(built, GFP_KERNEL_ACCOUNT)?;
        self.built.set(obj, built)
    }

    /// Sets what all that has changed of the objects, when all tasks are parked, with their memory.
    pub(crate) fn link(&self) -> Result {
        self.built.each(|obj, built| {
            wait::check_killed()?;
            built.link(self, obj)
        })
    }

    /// Does what others see of the objects from then on.
    pub(crate) fn publish(&self) -> Result {
        self.built.each(|obj, built| {
            wait::go_on()?;
            built.publish(self, obj)
        })
    }

    /// Replaces files, and then does what can't be taken back: the last that can fail, when all is
    /// published, and it was asked whether it may be done.
    pub(crate) fn overwrite(&self) -> Result {
        self.built.each(|obj, built| {
            wait::go_on()?;
            built.replace(self, obj)
        })?;
        self.built.each(|obj, built| built.overwrite(self, obj))
    }

    /// Takes back what was published, as the restart has failed.
    pub(crate) fn undo(&self) {
        let _ = self.built.each(|_, built| {
            built.undo(self);
            Ok(())
        });
    }

    /// Drops the references on what was rebuilt, but on what [`Self::publish`] needs.
    pub(crate) fn release_built(&self) {
        self.built.release();
    }

    /// Drops all references on what was rebuilt.
    pub(crate) fn clear_built(&self) {
        self.built.clear();
    }

    /// Reports a fault of the image; the error to return.
    pub(crate) fn fault(&self, fault: Fault) -> Error {
        self.report.lock().fault(fault)
    }

    /// Reports that `what` of the task `plan` could not be restored; returns `errno`.
    pub(crate) fn fail(
        &self,
        errno: Error,
        plan: &TaskRecords<'_>,
        what: fmt::Arguments<'_>,
    ) -> Error {
        self.fail_of(errno, &plan.name(), what)
    }

    /// Reports the same of the task with the name `who`; returns `errno`.
    pub(crate) fn fail_of(&self, errno: Error, who: &TaskName, what: fmt::Arguments<'_>) -> Error {
        self.report.lock().refuse(errno, who, what);
        errno
    }

    /// Reports why the call fails, if that is about no one task; returns `errno`.
    pub(crate) fn told(&self, errno: Error, why: fmt::Arguments<'_>) -> Error {
        self.report
            .lock()
            .line(fmt!("error: {} [{}]", why, Errno(errno)));
        errno
    }

    /// Reports the same, unless the log has a reason already.
    pub(crate) fn unless_told(&self, errno: Error, why: &str) -> Error {
        self.report.lock().unless_told(errno, why)
    }

    /// Runs `f` with the messages.
    pub(crate) fn with_report<R>(&self, f: impl FnOnce(&mut Report) -> R) -> R {
        f(&mut self.report.lock())
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_restore)]
mod tests {
    use super::*;
    use crate::{
        core::{
            accept::{
                Connections,
                Labels,
                Patterns, //
            },
            addresses::Addresses,
            meta::Meta,
            rules::{
                Changes,
                Maps, //
            }, //
        },
        image::files::Path, //
    };
    use zerocopy::FromZeros;

    /// Returns a restart of metadata with these records; the last one's kind is unknown.
    fn restore(meta: &mut Meta, index: &[u32]) -> Result<Arc<Restore>> {
        let bad = meta.as_bytes().len();
        meta.put(
            &Path {
                obj: 2.into(),
                ..Path::new_zeroed()
            },
            b"/",
        )?;
        if let Some(kind) = meta.as_mut_bytes().get_mut(bad..bad + 2) {
            kind.fill(0xff);
        }
        let mut bytes = KVVec::new();
        bytes.extend_from_slice(meta.as_bytes(), GFP_KERNEL)?;
        let mut offsets = KVVec::new();
        offsets.extend_from_slice(index, GFP_KERNEL)?;
        let container = Container::new_zeroed();
        let policy = Policy {
            strict: false,
            changes: Changes::none(),
            maps: Maps::none(),
            accept: Patterns::none(),
            same_boot: false,
            connections: Connections::Reset,
            addresses: Addresses::none(),
            labels: Labels::Compare,
            wipes: false,
        };
        let notice = Notice {
            id: 0,
            created_ns: 0,
            environment: None,
        };
        Arc::pin_init(
            Restore::new(
                bytes,
                offsets,
                Report::new(),
                container,
                (0, 0),
                policy,
                notice,
            ),
            GFP_KERNEL,
        )
    }

    /// Checks that offsets in messages count from the start of the image, whose header has 192 bytes.
    #[test]
    fn offsets_in_messages() -> Result {
        let mut meta = Meta::new();
        meta.put(
            &Path {
                obj: 1.into(),
                ..Path::new_zeroed()
            },
            b"/home",
        )?;
        let r = restore(&mut meta, &[0, 56])?;
        let obj = |n| ObjRef::new(n).ok_or(EINVAL);

        let (_, raw) = r.object_body::<Path>(obj(1)?)?;
        assert_eq!(raw.at, 192);
        let next = r.records_after(obj(1)?)?.next();
        assert!(next.is_some_and(|n| n.is_err_and(|f| f.at == 248)));
        assert!(r.object(obj(2)?).is_err());
        let line = b"image: unknown record at offset 248: unknown kind of record [EINVAL]\n";
        assert!(r.with_report(|r| r.text() == line));
        Ok(())
    }
}
