// SPDX-License-Identifier: GPL-2.0

//! Tasks, their tree, and pids.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            mask,
            no_payload,
            padded_name,
            signal,
            zero, //
        },
        pid,
        walk::Walk,
        Pid,
        PID_MAX, //
    },
    files,
    ipc::{
        IpcNs,
        UndoList, //
    },
    mm::Mm,
    ns,
    record::{
        Fault,
        Raw, //
    },
    task::*,
    Kind, //
};

/// [`Pid::seen`]: the task itself.
const SEEN_TASK: u32 = 1 << 0;
/// [`Pid::seen`]: its registers.
pub(in crate::image) const SEEN_REGS: u32 = 1 << 1;
/// [`Pid::seen`]: its pending signals.
pub(in crate::image) const SEEN_PENDING: u32 = 1 << 2;
/// [`Pid::seen`]: the pending signals of its thread group.
pub(in crate::image) const SEEN_SHARED_PENDING: u32 = 1 << 3;
/// [`Pid::seen`]: its affinity.
pub(in crate::image) const SEEN_AFFINITY: u32 = 1 << 4;
/// [`Pid::seen`]: the POSIX timers of its thread group.
pub(in crate::image) const SEEN_TIMERS: u32 = 1 << 7;
/// [`Pid::seen`]: that its system calls are restricted.
pub(in crate::image) const SEEN_SECCOMP: u32 = 1 << 8;
/// [`Pid::seen`]: what it has set of itself.
pub(in crate::image) const SEEN_CONTROLS: u32 = 1 << 9;
/// [`Pid::seen`]: its deadline.
pub(in crate::image) const SEEN_DEADLINE: u32 = 1 << 10;
/// [`Pid::seen`]: that it is traced.
pub(in crate::image) const SEEN_TRACED: u32 = 1 << 11;
/// [`Pid::seen`]: its memory policy.
pub(in crate::image) const SEEN_POLICY: u32 = 1 << 12;
/// [`Pid::seen`]: whom its thread group lets trace it.
pub(in crate::image) const SEEN_PTRACER: u32 = 1 << 13;
/// [`Pid::seen`]: its core scheduling cookie.
pub(in crate::image) const SEEN_COOKIE: u32 = 1 << 14;
/// [`Pid::seen`]: the autogroup of its process.
pub(in crate::image) const SEEN_AUTOGROUP: u32 = 1 << 15;
/// [`Pid::seen`]: that it waits in vfork(), or will.
pub(in crate::image) const SEEN_VFORK: u32 = 1 << 16;
/// [`Pid::seen`]: the pid has no task, and some task has it as its process group.
const SEEN_GROUP: u32 = 1 << 5;
/// [`Pid::seen`]: the pid has no task, and some task has it as its session.
const SEEN_SESSION: u32 = 1 << 6;

/// SS_ONSTACK, SS_DISABLE and SS_AUTODISARM.
const ALTSTACK_FLAGS: u64 = 1 << 0 | 1 << 1 | 1 << 31;

/// SCHED_NORMAL, FIFO, RR, BATCH, IDLE and EXT. SCHED_DEADLINE has a record of its own.
const POLICIES: &[u32] = &[0, 1, 2, 3, 5, 7];

/// SCHED_FIFO and SCHED_RR.
const REALTIME: &[u32] = &[1, 2];

/// SIGSTOP, SIGTSTP, SIGTTIN and SIGTTOU: the same numbers on all architectures.
const STOP_SIGNALS: &[u32] = &[19, 20, 21, 22];

/// Smallest rseq area, and what its address is a multiple of at least.
const RSEQ_MIN: u32 = 32;

/// Bits of a personality that name a system, and the systems that are supported:
/// Linux, and Linux of 32 bits.
const PERSONALITY_MASK: u32 = 0xff;
const PERSONALITIES: &[u32] = &[0, 8];

/// The thread group whose records these are.
#[derive(Clone, Copy)]
pub(in crate::image) struct Group {
    leader: Task,
    mm: u32,
    sighand: u32,
    live: u32,
}

impl Pid {
    /// Returns what is missing of it at the end: the kind of its record, and what.
    pub(in crate::image) fn lacks(&self) -> Option<(Kind, &'static str)> {
        if !self.is_task() {
            return (self.seen & (SEEN_GROUP | SEEN_SESSION) == 0).then_some((
                Kind::DeadPid,
                "is neither process group nor session of a task",
            ));
        }
        (self.state == TASK_LIVE && self.seen & SEEN_REGS == 0)
            .then_some((Kind::Task, "task without registers"))
    }
}

impl Walk<'_> {
    /// Notes that a record of the task `tid` was seen; there is at most one. The task's
    /// own must have come before.
    pub(in crate::image) fn see(
        &mut self,
        raw: &Raw<'_>,
        tid: u32,
        seen: u32,
    ) -> Result<Pid, Fault> {
        let pid = self
            .pids
            .binary_search_by_key(&tid, |p| p.tid)
            .ok()
            .and_then(|n| self.pids.get_mut(n))
            .filter(|p| p.is_task() && (p.seen & SEEN_TASK != 0 || seen == SEEN_TASK))
            .ok_or(raw.fault("belongs to no task that comes before it"))?;
        if pid.seen & seen != 0 {
            return Err(raw.fault("second record of this kind for one task"));
        }
        pid.seen |= seen;
        Ok(*pid)
    }

    /// Checks that a record of the task `tid` is among its records; `shared`: with those of the
    /// thread group that it leads.
    pub(in crate::image) fn in_place(
        &self,
        raw: &Raw<'_>,
        tid: u32,
        shared: bool,
    ) -> Result<(), Fault> {
        let here = if shared { self.thread.1 } else { self.thread.0 };
        ensure(
            raw,
            here == tid,
            "does not stand with the records of its task",
        )
    }

    /// Checks the numbers of a pid: one for each level of namespaces, the first `tid`.
    fn levels(&self, raw: &Raw<'_>, tid: u32, pid_ns: u32) -> Result<(), Fault> {
        let outside = u32::from(self.root_ns == 0);
        let depth = if pid_ns == 0 {
            ensure(raw, outside == 1, "no pid namespace")?;
            1
        } else {
            let inner = self.refer::<ns::PidNs>(raw, pid_ns)?.detail;
            inner.saturating_add(outside)
        };
        let numbers: &[U32] = raw.array(LEVELS_MAX)?;
        ensure(
            raw,
            u32::try_from(numbers.len()).ok() == Some(depth),
            "has not one pid for each pid namespace",
        )?;
        ensure(
            raw,
            numbers.first().map(|n| n.get()) == Some(tid),
            "first pid is not that of the container",
        )?;
        let possible = |n: &U32| n.get() != 0 && n.get() < PID_MAX;
        ensure(raw, numbers.iter().all(possible), "impossible pid")
    }

    /// Checks a thread.
    pub(in crate::image) fn task(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let task: Task = raw.body()?;
        self.see(raw, task.tid.get(), SEEN_TASK)?;
        self.thread = (task.tid.get(), task.tgid.get());
        self.levels(raw, task.tid.get(), task.pid_ns.get())?;
        thread_fields(raw, &task)?;
        let times = [
            task.utime,
            task.stime,
            task.runtime,
            task.counted_utime,
            task.counted_stime,
        ];
        self.cpu_time(raw, &times)?;
        self.task_references(raw, &task)?;
        if task.flags.get() & TASK_VFORK != 0 {
            self.see(raw, task.tid.get(), SEEN_VFORK)?;
        }
        if task.tid == task.tgid {
            self.leader(raw, &task)?;
        } else {
            self.thread(raw, &task)?;
        }
        self.summary.tasks = self.summary.tasks.saturating_add(1);
        Ok(())
    }

    fn task_references(&self, raw: &Raw<'_>, task: &Task) -> Result<(), Fault> {
        self.refer_or_none::<ns::Uts>(raw, task.uts.get())?;
        self.refer_or_none::<IpcNs>(raw, task.ipc.get())?;
        self.refer_or_none::<ns::NetNs>(raw, task.net.get())?;
        zero(raw, task.reserved.get() == 0)?;
        match task.undo.get() {
            UNDO_NONE => (),
            // The threads of a process share it: so all of them must be in one namespace, as the
            // last one that exits looks for the semaphores in its own.
            0 => ensure(
                raw,
                task.ipc.get() == 0,
                "shares semaphore adjustments across ipc namespaces",
            )?,
            list => {
                let list = self.refer::<UndoList>(raw, list)?;
                ensure(
                    raw,
                    list.detail == task.ipc.get() && task.state.get() == TASK_LIVE,
                    "has semaphore adjustments of another ipc namespace",
                )?;
            }
        }
        if task.state.get() == TASK_LIVE {
            self.refer::<Mm>(raw, task.mm.get())?;
            self.refer::<files::Table>(raw, task.files.get())?;
            self.refer::<files::Fs>(raw, task.fs.get())?;
            self.refer::<Sighand>(raw, task.sighand.get())?;
            self.refer::<Cred>(raw, task.cred.get())?;
        } else {
            ensure(
                raw,
                task.mm.get() == 0 && task.files.get() == 0 && task.fs.get() == 0,
                "has exited, but has memory or files",
            )?;
            self.refer_or_none::<Sighand>(raw, task.sighand.get())?;
            self.refer_or_none::<Cred>(raw, task.cred.get())?;
        }
        let child = task.vfork_child.get();
        if task.flags.get() & TASK_VFORK == 0 {
            zero(raw, child == 0)
        } else {
            // Each task names one and has one parent: so no two wait for the same.
            let waits = pid(self.pids, child).is_some_and(|p| {
                p.is_leader() && p.state == TASK_LIVE && p.parent == task.tid.get()
            });
            ensure(
                raw,
                waits && task.state.get() == TASK_LIVE,
                "waits in vfork() for no live process that is its child",
            )
        }
    }

    /// Takes CPU times off what is left for the whole image.
    fn cpu_time(&mut self, raw: &Raw<'_>, times: &[U64]) -> Result<(), Fault> {
        for time in times {
            self.cpu_time = self
                .cpu_time
                .checked_sub(time.get())
                .ok_or(raw.fault("impossible CPU times"))?;
        }
        Ok(())
    }

    fn leader(&mut self, raw: &Raw<'_>, task: &Task) -> Result<(), Fault> {
        ensure(
            raw,
            self.group.is_none(),
            "the thread group before it has no process record",
        )?;
        ensure(
            raw,
            (0..=64).contains(&task.exit_signal.get()),
            "impossible exit signal",
        )?;
        if self.summary.tasks == 0 {
            self.root(raw, task)?;
        } else {
            self.parent(raw, task)?;
        }
        self.group_and_session(raw, task)?;
        self.group = Some(Group {
            leader: *task,
            mm: task.mm.get(),
            sighand: task.sighand.get(),
            live: u32::from(task.state.get() == TASK_LIVE),
        });
        self.summary.processes = self.summary.processes.saturating_add(1);
        Ok(())
    }

    fn root(&self, raw: &Raw<'_>, task: &Task) -> Result<(), Fault> {
        ensure(
            raw,
            task.tid == self.container.root,
            "the first task is not the root",
        )?;
        let outside = task.flags.get() & TASK_PARENT_EXECED == 0;
        ensure(
            raw,
            task.parent.get() == 0 && outside,
            "the root task has a parent",
        )?;
        ensure(
            raw,
            task.state.get() != TASK_ZOMBIE,
            "the root task has exited",
        )?;
        if task.pid_ns.get() != 0 {
            let depth = self.refer::<ns::PidNs>(raw, task.pid_ns.get())?.detail;
            ensure(
                raw,
                depth == 1,
                "the root task is not in the outermost pid namespace",
            )?;
        }
        let whole = self.container.flags.get() & CONTAINER_WHOLE != 0;
        ensure(
            raw,
            whole == (task.pid_ns.get() != 0) && (!whole || task.tid.get() == 1),
            "the root task is not init of its pid namespace",
        )
    }

    fn parent(&self, raw: &Raw<'_>, task: &Task) -> Result<(), Fault> {
        // The task itself is among those seen.
        let known = task.parent != task.tid
            && pid(self.pids, task.parent.get())
                .is_some_and(|p| p.seen & SEEN_TASK != 0 && p.state == TASK_LIVE);
        ensure(
            raw,
            known,
            "its parent is no live task that comes before it",
        )
    }

    fn group_and_session(&mut self, raw: &Raw<'_>, task: &Task) -> Result<(), Fault> {
        let (sid, pgid) = (task.sid.get(), task.pgid.get());
        if let Some(session) = self.named(raw, sid)? {
            ensure(
                raw,
                !session.is_task() || session.sid == sid,
                "its session's leader is in another session",
            )?;
            if !session.is_task() {
                ensure(
                    raw,
                    session.seen & SEEN_GROUP == 0 || session.sid == sid,
                    "its session is a process group of another session",
                )?;
                session.seen |= SEEN_SESSION;
            }
        }
        if let Some(group) = self.named(raw, pgid)? {
            let known = group.is_task() || group.seen & SEEN_GROUP != 0;
            ensure(
                raw,
                !known || group.sid == sid,
                "its process group is in another session",
            )?;
            if !group.is_task() {
                ensure(
                    raw,
                    group.seen & SEEN_SESSION == 0 || sid == pgid,
                    "its process group is a session of others",
                )?;
                group.seen |= SEEN_GROUP;
                group.sid = sid;
            }
        }
        Ok(())
    }

    /// Returns the pid `number`, which is that of a process group or session; `None`: it lies
    /// outside.
    fn named(&mut self, raw: &Raw<'_>, number: u32) -> Result<Option<&mut Pid>, Fault> {
        if number == 0 {
            return Ok(None);
        }
        self.pids
            .binary_search_by_key(&number, |p| p.tid)
            .ok()
            .and_then(|n| self.pids.get_mut(n))
            .filter(|p| p.is_leader() || !p.is_task())
            .map(Some)
            .ok_or(raw.fault("its process group or session is not in the image"))
    }

    fn thread(&mut self, raw: &Raw<'_>, task: &Task) -> Result<(), Fault> {
        let group = self
            .group
            .as_mut()
            .filter(|g| g.leader.tid == task.tgid)
            .ok_or(raw.fault("thread does not follow its thread group's leader"))?;
        let leader = &group.leader;
        ensure(
            raw,
            pid(self.pids, leader.tid.get())
                .is_none_or(|p| p.seen & (SEEN_SHARED_PENDING | SEEN_TIMERS) == 0),
            "thread after the pending signals or timers of its thread group",
        )?;
        ensure(
            raw,
            task.state.get() == TASK_LIVE && leader.state.get() != TASK_ZOMBIE,
            "thread, or all of its thread group, has exited",
        )?;
        ensure(
            raw,
            task.exit_signal.get() == -1 && task.flags.get() & TASK_PARENT_EXECED == 0,
            "thread with an exit signal",
        )?;
        ensure(
            raw,
            (task.pgid, task.sid) == (leader.pgid, leader.sid),
            "thread with another process group or session than its leader",
        )?;
        ensure(
            raw,
            task.pid_ns == leader.pid_ns,
            "thread in another pid namespace than its leader",
        )?;
        if group.mm == 0 {
            group.mm = task.mm.get();
        }
        if group.sighand == 0 {
            group.sighand = task.sighand.get();
        }
        ensure(
            raw,
            (group.mm, group.sighand) == (task.mm.get(), task.sighand.get()),
            "threads of a group do not share memory and signal actions",
        )?;
        group.live = group.live.saturating_add(1);
        Ok(())
    }

    /// Checks what a thread group shares.
    pub(in crate::image) fn process(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let process: Process = raw.body()?;
        let group = self
            .group
            .take()
            .filter(|g| g.leader.tid == process.tgid)
            .ok_or(raw.fault("does not follow the tasks of its thread group"))?;
        let leader = &group.leader;
        ensure(
            raw,
            group.live != 0 || leader.state.get() == TASK_ZOMBIE,
            "exited leader without a living thread",
        )?;
        flags(raw, process.flags.get(), PROCESS_FLAGS)?;
        ensure(
            raw,
            process.flags.get() & PROCESS_SESSION_LEADER == 0 || leader.sid == leader.tid,
            "session leader of another session",
        )?;
        let range = -1000..=1000;
        ensure(
            raw,
            range.contains(&process.oom_score_adj.get())
                && range.contains(&process.oom_score_adj_min.get()),
            "impossible OOM adjustment",
        )?;
        ensure(raw, process.dumpable.get() <= 2, "impossible dumpability")?;
        let has = |flag| process.flags.get() & flag != 0;
        let stop = process.stop_signal.get();
        ensure(
            raw,
            STOP_SIGNALS.contains(&stop) || stop == 0 && !has(PROCESS_STOPPED),
            "stopped by a signal that stops nobody",
        )?;
        ensure(
            raw,
            if has(PROCESS_STOPPED) {
                !has(PROCESS_CONTINUED)
            } else {
                !has(PROCESS_STOP_UNREPORTED)
            },
            "impossible group stop",
        )?;
        ensure(
            raw,
            process
                .rlimits
                .iter()
                .all(|[soft, hard]| soft.get() <= hard.get()),
            "soft limit above the hard one",
        )?;
        zero(raw, process.reserved.get() == 0)?;
        let times = [
            process.cutime,
            process.cstime,
            process.utime,
            process.stime,
            process.runtime,
            process.counted_utime,
            process.counted_stime,
            process.shown_utime,
            process.shown_stime,
        ];
        self.cpu_time(raw, &times)?;
        itimers(raw, &process, group.live != 0)?;
        no_payload(raw)
    }

    /// Checks a pid without task.
    pub(in crate::image) fn orphan_pid(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let dead: DeadPid = raw.body()?;
        self.levels(raw, dead.pid.get(), dead.pid_ns.get())
    }
}

/// Checks the interval timers of a process.
fn itimers(raw: &Raw<'_>, process: &Process, live: bool) -> Result<(), Fault> {
    for (flag, expires, interval) in [
        (
            PROCESS_ITIMER_REAL,
            process.itimer_real,
            process.itimer_real_interval,
        ),
        (
            PROCESS_ITIMER_VIRTUAL,
            process.itimer_virtual,
            process.itimer_virtual_interval,
        ),
        (
            PROCESS_ITIMER_PROF,
            process.itimer_prof,
            process.itimer_prof_interval,
        ),
    ] {
        let armed = process.flags.get() & flag != 0;
        ensure(
            raw,
            i64::try_from(interval.get()).is_ok(),
            "impossible interval of a timer",
        )?;
        ensure(
            raw,
            live || !armed && interval.get() == 0,
            "interval timer of a process that has exited",
        )?;
        // ITIMER_REAL is armed again in step with its last expiry.
        let kept = flag == PROCESS_ITIMER_REAL && interval.get() != 0;
        zero(raw, armed || kept || expires.get() == 0)?;
    }
    Ok(())
}

/// Checks what can be said about a thread without looking at others.
fn thread_fields(raw: &Raw<'_>, task: &Task) -> Result<(), Fault> {
    flags(raw, task.flags.get(), TASK_FLAGS)?;
    let has_exited = match task.state.get() {
        TASK_LIVE => false,
        TASK_ZOMBIE | TASK_DEAD_LEADER => true,
        _ => return Err(raw.fault("unknown state of a task")),
    };
    ensure(
        raw,
        task.exit_code.get() <= if has_exited { 0xffff } else { 0 },
        "impossible exit code",
    )?;
    padded_name(raw, &task.comm)?;
    signal(raw, task.pdeath_signal.get())?;
    let stop = task.stop_signal.get();
    ensure(
        raw,
        stop == 0 || STOP_SIGNALS.contains(&stop),
        "stopped by a signal that stops nobody",
    )?;
    ensure(
        raw,
        has_exited || PERSONALITIES.contains(&(task.personality.get() & PERSONALITY_MASK)),
        "personality of another system",
    )?;
    mask(raw, task.blocked.get())?;
    mask(raw, task.saved_mask.get())?;
    nice(raw, task.nice.get())?;
    scheduling(raw, task.policy.get(), task.rt_priority.get())?;
    flags(raw, u64::from(task.altstack_flags.get()), ALTSTACK_FLAGS)?;
    ensure(
        raw,
        task.altstack
            .get()
            .checked_add(task.altstack_len.get())
            .is_some(),
        "impossible signal stack",
    )?;
    if task.flags.get() & TASK_RSEQ == 0 {
        zero(
            raw,
            task.rseq.get() == 0 && task.rseq_len.get() == 0 && task.rseq_sig.get() == 0,
        )?;
    } else {
        ensure(
            raw,
            task.rseq.get() != 0
                && task.rseq.get() % u64::from(RSEQ_MIN) == 0
                && task.rseq_len.get() >= RSEQ_MIN,
            "impossible rseq area",
        )?;
    }
    let used = match task.restart_kind.get() {
        RESTART_NONE => 0,
        RESTART_NANOSLEEP => {
            let [_, _, _, narrow, ..] = task.restart;
            flags(raw, narrow.get(), 1)?;
            4
        }
        RESTART_POLL => 4,
        RESTART_FUTEX => 6,
        RESTART_SOCKET => {
            let [nr, ..] = task.restart;
            let known = nr.get() <= u64::from(u32::MAX);
            ensure(raw, known, "impossible number of a system call")?;
            3
        }
        _ => return Err(raw.fault("unknown kind of system call to restart")),
    };
    let unused = |w: &U64| w.get() == 0;
    zero(raw, task.restart.iter().skip(used).all(unused))
}

/// Checks a nice value.
pub(in crate::image) fn nice(raw: &Raw<'_>, value: i32) -> Result<(), Fault> {
    ensure(raw, (-20..=19).contains(&value), "impossible nice value")
}

/// Checks a scheduling policy, with its real-time priority.
pub(in crate::image) fn scheduling(raw: &Raw<'_>, policy: u32, priority: u32) -> Result<(), Fault> {
    ensure(raw, POLICIES.contains(&policy), "unknown scheduling policy")?;
    let priorities = if REALTIME.contains(&policy) {
        1..=99
    } else {
        0..=0
    };
    ensure(
        raw,
        priorities.contains(&priority),
        "impossible real-time priority",
    )
}
