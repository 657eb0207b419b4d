// SPDX-License-Identifier: GPL-2.0

//! Who traces a thread (ptrace), and where it is stopped for that.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use crate::{
    core::{
        kind::Group,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        ProcessOps,
        ThreadOps, //
    },
    image::{
        task::{
            PROCESS_STOPPED,
            TASK_LIVE, //
        },
        trace::*,
        Kind, //
    },
    kapi::{
        fork::{
            parked::ParkedTask,
            slot::Slot, //
        },
        pid::namespace::PidNs,
        signal::sighand::Info,
        task::{
            frozen::{
                FrozenTask,
                State,
                TaskName, //
            },
            trace::{
                How,
                Permitted,
                Place,
                Rights,
                Stop,
                Trace, //
            }, //
        }, //
    },
    task::pending, //
};

/// Who traces a thread.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "traced thread",
    save,
    load,
    ..ThreadOps::NONE
};

/// What of that can't be saved.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "traced threads",
    leaks,
    ..ProcessOps::NONE
};

/// SIGCHLD: the same number on all architectures.
const SIGCHLD: i32 = 17;

/// Lists what can't be saved. All tasks are known by now.
fn leaks(cap: &mut Capture, group: &Group<'_>) -> Result {
    if let Some((leader, tracer)) = permitted(group) {
        let who = leader.display(&cap.pid_ns);
        let lost = "after a restart only its ancestors may";
        match tracer {
            _ if !leader.is_live() => cap.report.note(
                &who,
                fmt!("lets others trace it (PR_SET_PTRACER), but is dead: {lost}"),
            ),
            Permitted::Everybody => {}
            Permitted::Task(tracer) => {
                let name = TaskName::of(&tracer, &cap.pid_ns);
                if !cap.found.task.has(name.tid) {
                    cap.report.note(
                        &who,
                        fmt!("lets {name}, which is outside, trace it (PR_SET_PTRACER): {lost}"),
                    );
                }
            }
        }
    }
    for t in group.threads() {
        let inside = {
            let tids = &cap.found.task;
            t.all_tracees(&cap.pid_ns, |tid| tid != 0 && tids.has(tid))
        };
        if !inside {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("traces a task outside of the tree (ptrace): have it detach from that"),
            );
        }
        let Some(tracer) = t.tracer() else {
            continue;
        };
        let name = TaskName::of(&tracer, &cap.pid_ns);
        if !t.is_live() {
            // One that its own parent traces is waited for by that as any other child.
            let known = t.state() == State::Zombie && t.is_leader() && t.is_traced_by_parent();
            if !known || t.exit_signal() != SIGCHLD {
                cap.refuse(
                    EOPNOTSUPP,
                    t,
                    fmt!("is dead and traced (ptrace) by {name}: have that wait for it"),
                );
            }
            continue;
        }
        if !cap.found.task.has(name.tid) {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("is traced (ptrace) from outside of the tree"),
            );
            continue;
        }
        if let Some(trace) = t.trace() {
            // One that was killed meanwhile is in none; it is named at the end.
            let other_ns = PidNs::of(&tracer)
                .is_ok_and(|ns| t.pid_ns().is_ok_and(|own| own.as_ptr() != ns.as_ptr()));
            check(cap, t, &trace, &name, other_ns);
            if !t.may_be_traced_by(&tracer) {
                cap.refuse(
                    EOPNOTSUPP,
                    t,
                    fmt!(
                        "is traced (ptrace) by {name}, which could not attach to it any more: have it \
                         detach"
                    ),
                );
            }
        }
    }
    Ok(())
}

/// Returns whom a process lets trace it, and its leader, if it has named somebody and lives.
fn permitted<'a>(group: &Group<'a>) -> Option<(&'a FrozenTask, Permitted)> {
    group.living()?;
    let leader = group.leader()?;
    Some((leader, leader.permitted_tracer()?))
}

/// Writes whom a process lets trace it, if that is everybody or a task of the tree.
fn save_permitted(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() || !t.is_leader() {
        return Ok(());
    }
    let tracer = match t.permitted_tracer() {
        None => return Ok(()),
        Some(Permitted::Everybody) => 0,
        Some(Permitted::Task(tracer)) => match TaskName::of(&tracer, &cap.pid_ns).tid {
            tid if cap.found.task.has(tid) => tid,
            _ => return Ok(()),
        },
    };
    let body = Ptracer {
        tid: t.tid_in(&cap.pid_ns).into(),
        tracer: tracer.into(),
    };
    cap.meta.put(&body, &[])
}

/// Returns whom the process of `plan`, of its leader, lets trace it: the pid of a task, or 0 for
/// everybody.
pub(crate) fn permitted_tracer(r: &Restore, plan: &TaskRecords<'_>) -> Result<Option<u32>> {
    let mut found = None;
    pending::for_each_record(r, plan, |raw| {
        if raw.kind == Kind::Ptracer {
            let body = raw.body::<Ptracer>().map_err(|f| r.fault(f))?;
            found = Some(body.tracer.get());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Lets the process of `plan`, of which `task` is the leader, be traced by `tracer`; `None`: by
/// everybody.
pub(crate) fn permit(
    r: &Restore,
    plan: &TaskRecords<'_>,
    task: &ParkedTask,
    tracer: Option<&ParkedTask>,
) -> Result {
    task.permit_tracer(tracer).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("there is no memory for whom it lets trace it"),
        )
    })
}

/// Refuses what can't be saved of how `t` is traced.
///
/// `other_ns`: its tracer is in another pid namespace.
fn check(cap: &mut Capture, t: &FrozenTask, trace: &Trace, tracer: &TaskName, other_ns: bool) {
    let child = t.vfork_waits_for(&cap.pid_ns);
    let mut refuse = |what: kernel::fmt::Arguments<'_>| cap.refuse(EOPNOTSUPP, t, what);
    if trace.options & TRACE_SUSPEND_SECCOMP != 0 {
        refuse(fmt!(
            "is not restricted by seccomp while {tracer} traces it (PTRACE_O_SUSPEND_SECCOMP): have \
             that end this"
        ));
    }
    if t.tracer_rights().is_none() {
        refuse(fmt!(
            "is traced (ptrace) by {tracer}, which had other capabilities when it attached: have it \
             detach and attach again"
        ));
    }
    let Some(stop) = &trace.stop else {
        if trace.stepping {
            refuse(fmt!(
                "is on a single step that {tracer} lets it make (ptrace): try again when it has stopped"
            ));
        }
        return;
    };
    match place_of(trace, stop) {
        Ok(Place::Vfork(_)) if t.vforks_elsewhere() => refuse(fmt!(
            "is stopped in vfork() for {tracer} (ptrace), and will wait for a process that is not its \
             child: try again when that has called exec"
        )),
        // Its tracer has made the event look like another one.
        Ok(place) if child != 0 && !matches!(place, Place::Vfork(_)) => refuse(fmt!(
            "is stopped at an unknown place for {tracer} (ptrace): have that let it go on"
        )),
        Ok(_) if stop.to_stop => refuse(fmt!(
            "is stopped for {tracer} (ptrace) and is to take part in a group stop: have that let it \
             go on"
        )),
        Ok(_) if stop.vsyscall => refuse(fmt!(
            "is stopped at the entry of a vsyscall for {tracer} (ptrace), which can't be made again: have \
             that let it go on"
        )),
        Ok(Place::Event(1..) | Place::Vfork(_)) if other_ns => refuse(fmt!(
            "is stopped at an event of fork() for {tracer} (ptrace), which is in another pid \
             namespace: have that let it go on"
        )),
        Ok(_) => {}
        Err(what) => refuse(fmt!(
            "is stopped {what} for {tracer} (ptrace): have that let it go on"
        )),
    }
}

/// Returns where a thread is stopped; an error says where, if it can't be made to stop there again.
///
/// The kernel knows that by where it sleeps. Only a tracer that has changed the siginfo of a stop to
/// that of another kind can make it look like such. The status can't be changed, only waited for: one
/// that does not fit would be refused by restart(2).
fn place_of(trace: &Trace, stop: &Stop) -> Result<Place, &'static str> {
    let Some(info) = &stop.info else {
        let trap = !trace.seized && stop.message == 0;
        return trap.then_some(Place::Trap).ok_or("at an unknown place");
    };
    let code = code_of(info);
    let status = |event: u32| stop.code == 0 || stop.code >> 8 == event;
    match stop.message {
        MESSAGE_EXIT if code & !TRAP_SYSCALL == TRAP && status(0) => return Ok(Place::Exit),
        MESSAGE_ENTRY if code & !TRAP_SYSCALL == TRAP && status(0) => {
            return Ok(Place::Entry {
                emulated: trace.emulated,
            });
        }
        _ => {}
    }
    // Codes of signals are below 256, or negative.
    let event = code >> 8;
    if event == EVENT_STOP && trace.seized && stop.message == 0 && status(EVENT_STOP) {
        return Ok(Place::Trap);
    }
    if code == EVENT_SECCOMP << 8 | TRAP
        && status(EVENT_SECCOMP)
        && stop.message <= SECCOMP_DATA_MAX
    {
        return Ok(Place::Seccomp);
    }
    if code == EVENT_EXIT << 8 | TRAP && status(EVENT_EXIT) && stop.message <= EXIT_CODE_MAX {
        return match stop.exits {
            true => Ok(Place::Exiting(stop.group_exits)),
            false => Err("at an unknown place"),
        };
    }
    if stop.exits {
        return Err("at an unknown place");
    }
    if code == EVENT_EXEC << 8 | TRAP && status(EVENT_EXEC) {
        // It has its new program, and the call returns 0.
        return Ok(Place::Event(0));
    }
    let forks = TRACED_EVENTS.contains(&event) || event == EVENT_VFORK;
    if code & 0xff == TRAP && forks && status(event) {
        return match u32::try_from(stop.message) {
            // The tracer's number of the new process or thread: what the call returns, if both are
            // in one pid namespace. That is never 1, which is the message at the entry of a call.
            Ok(pid) if pid > 1 && event == EVENT_VFORK => Ok(Place::Vfork(pid)),
            Ok(pid) if pid > 1 => Ok(Place::Event(pid)),
            _ => Err("at an unknown place"),
        };
    }
    match stop.message {
        0 if stop.code < TRAP_SYSCALL => Ok(Place::Signal),
        _ => Err("at an unknown place"),
    }
}

/// Returns si_code of a siginfo, after si_signo and si_errno.
fn code_of(info: &Info) -> u32 {
    let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *info;
    u32::from_ne_bytes([a, b, c, d])
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    save_permitted(cap, t)?;
    if !t.is_live() {
        return Ok(());
    }
    let (Some(tracer), Some(trace)) = (t.tracer(), t.trace()) else {
        return Ok(());
    };
    let mut body = Traced {
        tid: t.tid_in(&cap.pid_ns).into(),
        tracer: TaskName::of(&tracer, &cap.pid_ns).tid.into(),
        options: trace.options.into(),
        flags: 0.into(),
        stop: TRACED_RUNS.into(),
        exit_code: 0.into(),
        message: 0.into(),
        result: 0.into(),
        reserved: 0.into(),
    };
    let mut flags = 0;
    for (on, flag) in [
        (trace.seized, TRACED_SEIZED),
        (trace.syscalls, TRACED_SYSCALLS),
        (trace.emulated, TRACED_EMULATED),
        (t.tracer_rights() == Some(Rights::Own), TRACED_OWN_RIGHTS),
    ] {
        if on {
            flags |= flag;
        }
    }
    let Some(stop) = &trace.stop else {
        body.flags = flags.into();
        return cap.meta.put(&body, &[]);
    };
    for (on, flag) in [
        (stop.listening, TRACED_LISTENING),
        (stop.interrupted, TRACED_INTERRUPTED),
        (stop.notify, TRACED_NOTIFY),
        (stop.dequeued, TRACED_DEQUEUED),
    ] {
        if on {
            flags |= flag;
        }
    }
    body.flags = flags.into();
    // It was asked before. The task may have been killed since, which is found at the end.
    let (place, result) = match place_of(&trace, stop).map_err(|_| EAGAIN)? {
        Place::Signal => (TRACED_AT_SIGNAL, 0),
        Place::Trap => (TRACED_AT_TRAP, 0),
        Place::Exit => (TRACED_AT_EXIT, 0),
        Place::Event(pid) => (TRACED_AT_EVENT, pid),
        Place::Vfork(pid) => (TRACED_AT_VFORK, pid),
        Place::Exiting(code) => {
            if code.is_some() {
                body.flags = (flags | TRACED_GROUP_EXITS).into();
            }
            (TRACED_EXITING, code.unwrap_or(0))
        }
        Place::Entry { .. } => (TRACED_AT_ENTRY, 0),
        Place::Seccomp => (TRACED_AT_SECCOMP, 0),
    };
    body.stop = place.into();
    body.result = result.into();
    body.exit_code = stop.code.into();
    body.message = stop.message.into();
    cap.meta.put(&body, stop.info.as_slice().as_bytes())
}

/// Returns the record of the thread of `plan`, and its siginfo.
fn record(r: &Restore, plan: &TaskRecords<'_>) -> Result<Option<(Traced, Option<Info>)>> {
    if plan.task.state.get() != TASK_LIVE {
        return Ok(None);
    }
    let mut found = None;
    pending::for_each_record(r, plan, |raw| {
        if raw.kind == Kind::Traced {
            let body = raw.body::<Traced>().map_err(|f| r.fault(f))?;
            let infos: &[Info] = raw.array(1).map_err(|f| r.fault(f))?;
            found = Some((body, infos.first().copied()));
        }
        Ok(())
    })?;
    Ok(found)
}

/// Returns the pid of the thread that traces that of `plan`, if one does.
pub(crate) fn tracer(r: &Restore, plan: &TaskRecords<'_>) -> Result<Option<u32>> {
    Ok(record(r, plan)?.map(|(body, _)| body.tracer.get()))
}

/// Lets `tracer` trace the task of `plan`. Both are held, with the credentials and memory that they
/// had, and hidden.
pub(crate) fn attach(
    r: &Restore,
    plan: &TaskRecords<'_>,
    task: &ParkedTask,
    tracer: &ParkedTask,
) -> Result {
    let Some((body, _)) = record(r, plan)? else {
        return Ok(());
    };
    let flags = body.flags.get();
    let process = plan.process().map_err(|f| r.fault(f))?;
    task.set_tracer(
        tracer,
        body.options.get(),
        How {
            seized: flags & TRACED_SEIZED != 0,
            syscalls: flags & TRACED_SYSCALLS != 0,
            emulated: flags & TRACED_EMULATED != 0,
        },
        match flags & TRACED_OWN_RIGHTS {
            0 => Rights::Tracer,
            _ => Rights::Own,
        },
        process.dumpable.get(),
    )
    .map_err(|e| {
        let tracer = body.tracer.get();
        let why = match e {
            EPERM => "by its credentials, or a security module, it could not attach to it (ptrace)",
            EBUSY => "a debugger has attached to it",
            EINTR => "the caller was killed",
            _ => "the kernel does not let it",
        };
        r.fail(e, plan, fmt!("pid {tracer} may not trace it: {why}"))
    })
}

/// Returns whether the thread of `plan`, which waits in vfork(), stops for its tracer before that.
pub(crate) fn stops_in_vfork(r: &Restore, plan: &TaskRecords<'_>) -> Result<bool> {
    Ok(record(r, plan)?.is_some_and(|(body, _)| body.stop.get() == TRACED_AT_VFORK))
}

/// Has the task, which has its tracer, stop where it was stopped.
fn load(r: &Restore, plan: &TaskRecords<'_>, _: &Slot, task: &ParkedTask) -> Result {
    let Some((body, info)) = record(r, plan)? else {
        return Ok(());
    };
    let killed = |e| r.fail(e, plan, fmt!("was killed while it waited for its restart"));
    let process = plan.process().map_err(|f| r.fault(f))?;
    if process.flags.get() & PROCESS_STOPPED != 0 && plan.task.stop_signal.get() == 0 {
        // What it is stopped by in a group stop: it has none of its own.
        task.set_stopped(process.stop_signal.get())
            .map_err(killed)?;
    }
    let has = |flag| body.flags.get() & flag != 0;
    let place = match body.stop.get() {
        TRACED_RUNS => return Ok(()),
        TRACED_AT_SIGNAL => Place::Signal,
        TRACED_AT_TRAP => Place::Trap,
        TRACED_AT_EVENT => Place::Event(body.result.get()),
        TRACED_AT_ENTRY => Place::Entry {
            emulated: has(TRACED_EMULATED),
        },
        TRACED_AT_SECCOMP => Place::Seccomp,
        TRACED_AT_VFORK => Place::Vfork(body.result.get()),
        TRACED_EXITING => Place::Exiting(has(TRACED_GROUP_EXITS).then_some(body.result.get())),
        _ => Place::Exit,
    };
    let stop = Stop {
        info,
        code: body.exit_code.get(),
        message: body.message.get(),
        listening: has(TRACED_LISTENING),
        interrupted: has(TRACED_INTERRUPTED),
        notify: has(TRACED_NOTIFY),
        dequeued: has(TRACED_DEQUEUED),
        to_stop: false,
        vsyscall: false,
        exits: false,
        group_exits: None,
    };
    task.set_stop(place, &stop).map_err(|e| match e {
        ESRCH => killed(e),
        ENOMEM => r.fail(e, plan, fmt!("there is no memory for its stop")),
        _ => r.fail(e, plan, fmt!("no siginfo is like that of its stop")),
    })
}
