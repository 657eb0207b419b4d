// SPDX-License-Identifier: GPL-2.0

//! The process record: what the threads of a group share.

use kernel::prelude::*;
use zerocopy::FromZeros;

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
        ProcessOps, //
    },
    image::task::*,
    kapi::{
        fork::parked::ParkedTask,
        task::limits::{
            self,
            OomScore, //
        }, //
    },
    task::{
        basic,
        itimer,
        restart_block,
        times, //
    }, //
};

/// What the threads of a group share.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "process",
    collect,
    leaks,
    save,
    secure,
    load: load_cpu_limit,
    bury,
    ..ProcessOps::NONE
};

/// What stops a process: the same number on all architectures.
const SIGSTOP: u32 = 19;

/// RLIMIT_CPU: the same number on all architectures.
const CPU: usize = 0;

/// Names of resource limits, for messages.
const LIMITS: [&str; NR_RLIMITS] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];

fn collect(cap: &mut Capture, group: &Group<'_>) -> Result {
    let Some(t) = group.leader() else {
        return Ok(());
    };
    if t.is_autoreaped() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "is reaped by the kernel when it exits (CLONE_AUTOREAP): start it without that \
                 flag"
            ),
        );
    }
    let sid = t.sid_in(&cap.pid_ns);
    let session_inside = sid != 0 && cap.found.task.tids.get(&sid).is_some();
    if t.is_live() && t.has_tty() && session_inside {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("its session has a controlling terminal"),
        );
    }
    Ok(())
}

/// Lists what of a subtree is in a process group or session of others, and who waits by the clock
/// of such.
fn leaks(cap: &mut Capture, group: &Group<'_>) -> Result {
    for t in group.threads() {
        restart_block::leaks(cap, t)?;
    }
    if let Some(t) = group.leader().filter(|_| !cap.whole) {
        basic::groups_of_subtree(cap, t);
    }
    Ok(())
}

fn save(cap: &mut Capture, group: &Group<'_>) -> Result {
    let t = group.last()?;
    let mut process = Process::new_zeroed();
    let stop = t.group_stop();
    let mut flags = 0;
    for (on, flag) in [
        (t.is_subreaper(), PROCESS_SUBREAPER),
        (stop.stopped, PROCESS_STOPPED),
        (stop.unreported, PROCESS_STOP_UNREPORTED),
        (stop.continued, PROCESS_CONTINUED),
    ] {
        if on {
            flags |= flag;
        }
    }
    let tgid = t.tgid_in(&cap.pid_ns);
    if t.is_session_leader() && t.sid_in(&cap.pid_ns) == tgid {
        flags |= PROCESS_SESSION_LEADER;
    }
    let oom = t.oom_score();
    process.tgid = tgid.into();
    process.oom_score_adj = oom.adj.into();
    process.oom_score_adj_min = oom.min.into();
    process.dumpable = t.dumpable().into();
    process.stop_signal = match t.stop_signal() {
        _ if !stop.stopped => 0,
        // This thread does not take part.
        0 => SIGSTOP,
        signal => signal,
    }
    .into();
    process.rlimits = t.limits().map(|(soft, hard)| [soft.into(), hard.into()]);
    times::fill_process(cap, &mut process, t);
    itimer::fill(cap, &mut process, &mut flags);
    process.flags = flags.into();
    cap.meta.put(&process, &[])
}

/// Restores what the current thread group shares, with the credentials of the caller of restart(2).
///
/// Its last thread does: all of them have memory, files and scheduling by now, which these limits
/// may forbid to acquire again.
fn secure(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let process = plan.process().map_err(|f| r.fault(f))?;
    let restoring = plan.restoring()?;
    limits::set_subreaper(restoring, process.flags.get() & PROCESS_SUBREAPER != 0);
    let score = OomScore {
        adj: process.oom_score_adj.get(),
        min: process.oom_score_adj_min.get(),
    };
    limits::set_oom_score(restoring, &score).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!(
                "the caller may not lower the OOM score adjustment so far: it needs \
                 CAP_SYS_RESOURCE"
            ),
        )
    })?;
    for (n, (name, [soft, hard])) in LIMITS.iter().zip(&process.rlimits).enumerate() {
        let new = (soft.get(), hard.get());
        if n == CPU || limits::limit(n)? == new {
            continue;
        }
        limits::set_limit(restoring, n, new).map_err(|e| no_limit(r, plan, e, name, new))?;
    }
    Ok(())
}

/// Reports that a limit can't be set; returns the error for that.
fn no_limit(r: &Restore, plan: &TaskRecords<'_>, e: Error, name: &str, new: (u64, u64)) -> Error {
    r.fail(
        e,
        plan,
        fmt!(
            "the caller may not set RLIMIT_{name} to {} {}: it needs CAP_SYS_RESOURCE",
            new.0,
            new.1
        ),
    )
}

/// Limits the CPU time of the process, which has that of the image by now: what its restart has
/// cost would count before.
fn load_cpu_limit(r: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask) -> Result {
    let process = plan.process().map_err(|f| r.fault(f))?;
    let Some([soft, hard]) = process.rlimits.get(CPU) else {
        return Ok(());
    };
    let new = (soft.get(), hard.get());
    task.set_limit(CPU, new)
        .map_err(|e| no_limit(r, plan, e, "CPU", new))
}

/// Does the same for one that was dead: maybe because of that limit, which does not kill it again.
fn bury(r: &Restore, plan: &TaskRecords<'_>, task: &ParkedTask) -> Result {
    load_cpu_limit(r, plan, task)?;
    task.ignore_cpu_limit();
    Ok(())
}
