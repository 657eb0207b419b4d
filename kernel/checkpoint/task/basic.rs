// SPDX-License-Identifier: GPL-2.0

//! The task record: pids, references, and what is a thread's own.

use kernel::{
    prelude::*,
    rbtree::RBTreeNode, //
};
use zerocopy::byteorder::little_endian::U32;
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

use crate::{
    core::{
        objects::Shared,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files,
    found::{
        Capture,
        Found,
        ThreadOps, //
    },
    image::task::*,
    ipc,
    kapi::{
        fork::reset::reset_inherited,
        task::{
            frozen::{
                FrozenTask,
                State, //
            },
            limits,
            links,
            state::{
                self,
                NewState,
                Rseq, //
            }, //
        },
        time::wait, //
    },
    mm,
    ns,
    task::{
        cred::Creds,
        restart_block,
        signal::Actions, //
    }, //
};

/// The task record.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "task",
    collect,
    save,
    reset,
    begin,
    restore,
    secure,
    finish,
    ..ThreadOps::NONE
};

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    let tid = t.tid_in(&cap.pid_ns);
    if tid == 0 {
        cap.refuse(
            EBUSY,
            t,
            fmt!("it is outside of the pid namespace of the root task: start it inside"),
        );
        return Ok(());
    }
    let node = RBTreeNode::new(tid, (), GFP_KERNEL_ACCOUNT)?;
    cap.found.task.tids.insert(node);
    if cap.found.task.root.is_none() {
        cap.found.task.root = Some((t.pgid_in(&cap.pid_ns), t.sid_in(&cap.pid_ns)));
    }
    if t.is_in_vfork() && t.vfork_child_in(&cap.pid_ns) == 0 {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "waits in vfork() for a process that is not its child: try again when that has \
                 called exec"
            ),
        );
    }
    if t.is_live() && t.thread_state().rseq.is_some_and(|r| r.slice) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "has rseq time slice extension enabled: have it switch that off \
                 (PR_RSEQ_SLICE_EXTENSION)"
            ),
        );
    }
    restart_block::collect(cap, t);
    Ok(())
}

/// Returns the number of a process group or session in the image: 0 if it lies outside.
///
/// Every pid of a pid namespace that is in the image lies inside. A subtree may be in the group
/// and session of those who started it: the root then is in one that no task of the tree leads.
fn inside(cap: &Capture, number: u32, of_root: u32) -> u32 {
    let known = cap.found.task.tids.get(&number).is_some();
    if cap.whole || known || number != of_root {
        number
    } else {
        0
    }
}

/// Returns whether processes outside are in the process group, or the session, `number` of `t`. All of
/// one without a leader ask for the same: what was found last is known. 0 is any that is outside of the
/// pid namespace, so each is looked at.
fn has_others(cap: &mut Capture, t: &FrozenTask, number: u32, session: bool) -> bool {
    let found = &mut cap.found.task;
    let last = if session {
        &mut found.last_session
    } else {
        &mut found.last_group
    };
    match *last {
        _ if found.tids.get(&number).is_some() => false,
        Some((known, others)) if known == number && number != 0 => others,
        _ => {
            let known = |tid| found.tids.get(&tid).is_some();
            let others = t.group_has_others(session, &cap.pid_ns, known);
            *last = Some((number, others));
            others
        }
    }
}

/// Lists what of a subtree is in a process group or session of others, unless the root is: that is
/// the caller's of restart(2) then. To be called for each task when all were collected.
pub(super) fn groups_of_subtree(cap: &mut Capture, t: &FrozenTask) {
    let Some((root_pgid, root_sid)) = cap.found.task.root.filter(|_| t.is_leader()) else {
        return;
    };
    let (pgid, sid) = (t.pgid_in(&cap.pid_ns), t.sid_in(&cap.pid_ns));
    let group = pgid != root_pgid && has_others(cap, t, pgid, false);
    let session = sid != root_sid && has_others(cap, t, sid, true);
    if group {
        cap.refuse(
            EBUSY,
            t,
            fmt!("is in a process group of processes outside of the tree"),
        );
    }
    if session {
        cap.refuse(
            EBUSY,
            t,
            fmt!("is in a session of processes outside of the tree"),
        );
    }
}

fn state_number(t: &FrozenTask) -> u32 {
    match t.state() {
        State::Live => TASK_LIVE,
        State::Zombie => TASK_ZOMBIE,
        State::DeadLeader => TASK_DEAD_LEADER,
    }
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    let state = t.thread_state();
    let (root_pgid, root_sid) = cap.found.task.root.ok_or(ESRCH)?;
    let is_root = !core::mem::replace(&mut cap.found.task.root_saved, true);
    let tid = t.tid_in(&cap.pid_ns);
    let mut task = Task::new_zeroed();

    let mut flags = 0;
    for (on, flag) in [
        (state.no_new_privs, TASK_NO_NEW_PRIVS),
        (state.fork_no_exec, TASK_FORKNOEXEC),
        (state.super_priv, TASK_SUPERPRIV),
        (state.in_syscall, TASK_IN_SYSCALL),
        (
            state.parent_execed && t.is_leader() && !is_root,
            TASK_PARENT_EXECED,
        ),
    ] {
        if on {
            flags |= flag;
        }
    }
    task.tid = tid.into();
    task.tgid = t.tgid_in(&cap.pid_ns).into();
    task.parent = if is_root { 0 } else { t.parent_in(&cap.pid_ns) }.into();
    task.pgid = inside(cap, t.pgid_in(&cap.pid_ns), root_pgid).into();
    task.sid = inside(cap, t.sid_in(&cap.pid_ns), root_sid).into();
    task.state = state_number(t).into();
    task.exit_signal = state.exit_signal.into();
    task.pid_ns = ns::pid::reference(cap, t)?.into();
    task.comm = t.comm();
    task.personality = state.personality.into();
    task.pdeath_signal = state.pdeath_signal.into();
    task.cred = reference::<Creds>(cap, super::cred::addr(t)?)?;
    super::sched::fill(&mut task, &mut flags, t);
    if t.is_live() {
        let (mm, files, fs) = t.object_addrs()?;
        task.mm = reference::<mm::Space>(cap, mm)?;
        task.files = reference::<files::Table>(cap, files)?;
        task.fs = reference::<files::Dirs>(cap, fs)?;
        task.sighand = reference::<Actions>(cap, t.sighand_addr()?)?;
        task.uts = ns::uts::reference(cap, t)?.into();
        task.ipc = ns::ipc::reference(cap, t)?.into();
        task.net = ns::net::reference(cap, t)?.into();
        task.undo = ipc::undo::reference(cap, t)?.into();
        super::signal::fill(&mut task, &mut flags, t)?;
        restart_block::fill(cap, &mut task, t);
        let child = t.vfork_waits_for(&cap.pid_ns);
        if child != 0 {
            flags |= TASK_VFORK;
            task.vfork_child = child.into();
        }
    } else {
        task.exit_code = (t.exit_code() & 0xffff).into();
    }
    if let Some(rseq) = state.rseq.filter(|_| t.is_live()) {
        flags |= TASK_RSEQ;
        task.rseq = rseq.addr.into();
        task.rseq_len = rseq.len.into();
        task.rseq_sig = rseq.sig.into();
    }
    task.flags = flags.into();
    task.set_child_tid = state.set_child_tid.into();
    task.clear_child_tid = state.clear_child_tid.into();
    task.robust_list = state.robust_list.into();
    task.compat_robust_list = state.compat_robust_list.into();
    task.timer_slack = state.timer_slack.into();
    task.timer_slack_default = state.timer_slack_default.into();
    super::times::fill(cap, &mut task, t);
    // Wraps for a task that was restored on a machine that runs for a shorter time than the task.
    task.start_monotonic = state
        .start_monotonic
        .wrapping_add_signed(cap.monotonic_offset)
        .into();
    task.start_boottime = state
        .start_boottime
        .wrapping_add_signed(cap.boottime_offset)
        .into();

    orphan_pid(cap, t, task.pgid.get(), false)?;
    orphan_pid(cap, t, task.sid.get(), true)?;
    let pids = pids(cap, t)?;
    cap.meta.put(&task, pids.as_bytes())
}

fn reference<T: Shared<Found>>(cap: &Capture, addr: usize) -> Result<U32> {
    Ok(cap.objects.reference::<T>(addr)?.get().into())
}

/// Writes the record of the pid `number`, the process group or session of `t`, if no task has it.
fn orphan_pid(cap: &mut Capture, t: &FrozenTask, number: u32, session: bool) -> Result {
    if number == 0 || cap.found.task.tids.get(&number).is_some() {
        return Ok(());
    }
    let (ns, numbers) = t.group_pid(session, &cap.pid_ns)?;
    let mut payload: KVec<U32> = KVec::new();
    for &n in numbers.iter().rev() {
        payload.push(n.into(), GFP_KERNEL_ACCOUNT)?;
    }
    let body = DeadPid {
        pid: number.into(),
        pid_ns: ns::pid::reference_of(cap, &ns)?.into(),
    };
    cap.meta.put(&body, payload.as_bytes())?;
    let node = RBTreeNode::new(number, (), GFP_KERNEL_ACCOUNT)?;
    cap.found.task.tids.insert(node);
    Ok(())
}

/// Returns the pid of the thread in each namespace, that of the container first.
fn pids(cap: &Capture, t: &FrozenTask) -> Result<KVec<U32>> {
    let mut pids = KVec::new();
    let mut ns = t.pid_ns()?;
    loop {
        pids.push(U32::new(t.tid_in(&ns)), GFP_KERNEL_ACCOUNT)?;
        if ns == cap.pid_ns {
            break;
        }
        ns = ns.parent().ok_or(ESRCH)?;
    }
    pids.reverse();
    Ok(pids)
}

/// Takes from the root all that fork() hands on.
fn reset(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let restoring = plan.restoring()?;
    links::leave_terminal(restoring);
    reset_inherited(restoring).map_err(|(e, what)| {
        r.fail(
            e,
            plan,
            fmt!("the caller {what}, which the task can't be rid of: restart it from another"),
        )
    })
}

/// Sets the personality, on which it depends how memory is mapped.
fn begin(_: &Restore, plan: &TaskRecords<'_>) -> Result {
    state::set_personality(plan.restoring()?, plan.task.personality.get());
    Ok(())
}

fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    // Any other gets it with its address space.
    if plan.task.state.get() != TASK_ZOMBIE {
        return Ok(());
    }
    limits::own_exec_state(plan.restoring()?)
        .map_err(|e| r.fail(e, plan, fmt!("can't have dumpability of its own")))
}

/// Returns a start time as the kernel counts it; `now` if it lies in the future.
fn start(seen: u64, offset: i64, now: u64) -> u64 {
    let ago = now.wrapping_add_signed(offset).checked_sub(seen);
    now.wrapping_sub(ago.unwrap_or(0))
}

/// Sets the start times of the current task, which has the credentials of the caller of restart(2).
///
/// Others tell a process by its pid and its start time. Who could choose both for a process that
/// they see could make one that is taken for another, so it is done only where the caller
/// administers the machine, or made the pid namespace in which the pid was chosen.
fn secure(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let task = &plan.task;
    let whole = r.container.flags.get() & CONTAINER_WHOLE != 0;
    if !whole && !state::is_host_admin() {
        return Ok(());
    }
    state::set_start_times(
        plan.restoring()?,
        start(
            task.start_monotonic.get(),
            r.monotonic_offset,
            wait::monotonic_ns(),
        ),
        start(
            task.start_boottime.get(),
            r.boottime_offset,
            wait::boottime_ns(),
        ),
    );
    Ok(())
}

fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let task = &plan.task;
    let flag = |flag| task.flags.get() & flag != 0;
    let restoring = plan.restoring()?;
    let new = NewState {
        fork_no_exec: flag(TASK_FORKNOEXEC),
        super_priv: flag(TASK_SUPERPRIV),
        set_child_tid: task.set_child_tid.get(),
        timer_slack: task.timer_slack.get(),
        timer_slack_default: task.timer_slack_default.get(),
    };
    state::set_state(restoring, &new);
    // Once more: what makes all memory executable was off while memory was mapped.
    state::set_personality(restoring, task.personality.get());
    state::set_comm(restoring, &task.comm);
    state::set_pdeath_signal(restoring, task.pdeath_signal.get());
    if flag(TASK_NO_NEW_PRIVS) {
        state::set_no_new_privs(restoring);
    } else if state::no_new_privs() {
        return Err(r.fail(
            EPERM,
            plan,
            fmt!(
                "the caller's no_new_privs, which it would inherit, can't be taken off: restart it \
                 from another"
            ),
        ));
    }
    if task.state.get() != TASK_LIVE {
        return Ok(());
    }
    if flag(TASK_RSEQ) {
        let rseq = Rseq {
            addr: task.rseq.get(),
            len: task.rseq_len.get(),
            sig: task.rseq_sig.get(),
            slice: false,
        };
        state::set_rseq(restoring, &rseq)
            .map_err(|e| r.fail(e, plan, fmt!("rseq area can't be registered")))?;
    }
    restart_block::finish(r, plan)
}
