// SPDX-License-Identifier: GPL-2.0

//! What tasks share of scheduling: with whom they may be on a core at a time (PR_SCHED_CORE), and
//! with whom they get CPU time as one (autogroup).
//!
//! Both are counted in who has them. What somebody outside has too is refused, or left out:
//! setsid(2) alone makes autogroups, so a tree without a session of its own is in one of others.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::{
        kind::Group,
        report::Report,
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
        header::HEADER_LEN,
        sharing::{
            Autogroup,
            CoreCookie, //
        },
        task::{
            Task,
            TASK_LIVE, //
        },
        Kind,
        Records, //
    },
    kapi::{
        fork::parked::ParkedTask,
        task::frozen::FrozenTask,
        time::wait::{
            self,
            Patience, //
        }, //
    },
    task::pending, //
};

/// What a thread shares, and that its process does.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "shared scheduling",
    collect,
    count,
    save,
    ..ThreadOps::NONE
};

/// What processes share.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "autogroups",
    collect: collect_process,
    leaks,
    ..ProcessOps::NONE
};

/// For so long the nice value of an autogroup is tried to be set, in milliseconds: a caller without
/// CAP_SYS_ADMIN may do so ten times in a second, with all others together.
const NICE_MS: u64 = 10_000;

/// Who has the same.
#[derive(Clone, Copy)]
struct Users {
    /// The first that lives.
    first: Option<u32>,
    /// How many are in the tree, dead ones too.
    count: u32,
    /// Whether others have it; `None`: it was not asked.
    outside: Option<bool>,
}

/// What was found of that.
pub(super) struct Found {
    cookies: RBTree<usize, Users>,
    autogroups: RBTree<usize, Users>,
    /// The process whose autogroup was written last.
    written: usize,
}

impl Found {
    pub(super) fn new() -> Self {
        Self {
            cookies: RBTree::new(),
            autogroups: RBTree::new(),
            written: 0,
        }
    }
}

/// Adds to `users` one that has what `key` is; `tid`: it lives.
fn add(users: &mut RBTree<usize, Users>, key: usize, tid: Option<u32>) -> Result {
    if let Some(known) = users.get_mut(&key) {
        known.count = known.count.saturating_add(1);
        known.first = known.first.or(tid);
        return Ok(());
    }
    let new = Users {
        first: tid,
        count: 1,
        outside: None,
    };
    users.try_create_and_insert(key, new, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Returns whether others have what `key` is, which `ask` finds out from how many of the tree have it.
fn outside(users: &mut RBTree<usize, Users>, key: usize, ask: impl FnOnce(u32) -> bool) -> bool {
    let Some(known) = users.get_mut(&key) else {
        // It has changed since, and that was somebody else.
        return true;
    };
    *known.outside.get_or_insert_with(|| ask(known.count))
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    let cookie = t.core_cookie();
    if cookie == 0 {
        return Ok(());
    }
    let tid = t.is_live().then(|| t.tid_in(&cap.pid_ns));
    add(&mut cap.found.task.sharing.cookies, cookie, tid)
}

/// Counts the cookie that a worker has of the thread that has made it.
fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    match worker.core_cookie() {
        0 => Ok(()),
        cookie => add(&mut cap.found.task.sharing.cookies, cookie, None),
    }
}

fn collect_process(cap: &mut Capture, group: &Group<'_>) -> Result {
    let any = group.last()?;
    let autogroup = any.autogroup();
    if autogroup == 0 {
        return Ok(());
    }
    let tid = group.living().map(|t| t.tid_in(&cap.pid_ns));
    add(&mut cap.found.task.sharing.autogroups, autogroup, tid)
}

/// Refuses what others have, too. All tasks are known by now.
fn leaks(cap: &mut Capture, group: &Group<'_>) -> Result {
    for t in group.threads().iter().filter(|t| t.is_live()) {
        let cookie = t.core_cookie();
        let cookies = &mut cap.found.task.sharing.cookies;
        if cookie != 0 && outside(cookies, cookie, |inside| t.shares_cookie_outside(inside)) {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "has a core scheduling cookie that a task outside has, too: checkpoint both together, \
                     or give it one of its own (coresched)"
                ),
            );
        }
    }
    let Some(t) = group.living() else {
        return Ok(());
    };
    let autogroup = t.autogroup();
    let autogroups = &mut cap.found.task.sharing.autogroups;
    if autogroup != 0
        && outside(autogroups, autogroup, |inside| {
            t.shares_autogroup_outside(inside)
        })
        && t.autogroup_nice() != 0
    {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "is in an autogroup with a nice value, which processes outside are in, too: set that to \
                 0 (/proc/PID/autogroup), or start it in a session of its own (setsid)"
            ),
        );
    }
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let tid = t.tid_in(&cap.pid_ns);
    let cookie = t.core_cookie();
    if cookie != 0 {
        // Somebody else may have given it another one since.
        let known = cap.found.task.sharing.cookies.get(&cookie).copied();
        let first = known.and_then(|k| k.first).ok_or(EAGAIN)?;
        cap.meta.put(
            &CoreCookie {
                tid: tid.into(),
                first: first.into(),
            },
            &[],
        )?;
    }
    // The threads of a process follow each other.
    let (process, autogroup) = (t.group_addr(), t.autogroup());
    if autogroup == 0 || cap.found.task.sharing.written == process {
        return Ok(());
    }
    cap.found.task.sharing.written = process;
    let known = cap.found.task.sharing.autogroups.get(&autogroup).copied();
    let known = known.ok_or(EAGAIN)?;
    if known.outside != Some(false) {
        // After a restart it is in that of the caller.
        return Ok(());
    }
    let first = known.first.ok_or(EAGAIN)?;
    let nice = match first == tid {
        true => t.autogroup_nice(),
        false => 0,
    };
    cap.meta.put(
        &Autogroup {
            tid: tid.into(),
            first: first.into(),
            nice: nice.into(),
            reserved: 0.into(),
        },
        &[],
    )
}

/// With whom a thread shares: the first that has the same, which may be itself.
#[derive(Default)]
pub(crate) struct Shares {
    /// Its core scheduling cookie.
    pub(crate) cookie: Option<u32>,
    /// The autogroup of its process, and the nice value of that.
    pub(crate) autogroup: Option<(u32, i32)>,
}

/// Returns what the thread of `plan` shares.
pub(crate) fn shares(r: &Restore, plan: &TaskRecords<'_>) -> Result<Shares> {
    let mut found = Shares::default();
    pending::for_each_record(r, plan, |raw| {
        match raw.kind {
            Kind::CoreCookie => {
                let body: CoreCookie = raw.body().map_err(|f| r.fault(f))?;
                found.cookie = Some(body.first.get());
            }
            Kind::Autogroup => {
                let body: Autogroup = raw.body().map_err(|f| r.fault(f))?;
                found.autogroup = Some((body.first.get(), body.nice.get()));
            }
            _ => (),
        }
        Ok(())
    })?;
    Ok(found)
}

/// Returns whether each live task of the checked metadata `meta` has a core scheduling cookie.
pub(crate) fn all_have_cookies(meta: &[u8], report: &mut Report) -> Result<bool> {
    let (mut tasks, mut cookies) = (0u64, 0u64);
    for raw in Records::asking(meta, HEADER_LEN as u64, &wait::goes_on) {
        let raw = raw.map_err(|f| report.fault(f))?;
        match raw.kind {
            Kind::Task => {
                let body: Task = raw.body().map_err(|f| report.fault(f))?;
                tasks += u64::from(body.state.get() == TASK_LIVE);
            }
            Kind::CoreCookie => cookies += 1,
            _ => (),
        }
    }
    Ok(tasks == cookies)
}

/// Gives `task` the cookie of `from`; `None`: a new one.
pub(crate) fn share_core(
    r: &Restore,
    plan: &TaskRecords<'_>,
    task: &ParkedTask,
    from: Option<&ParkedTask>,
) -> Result {
    task.set_core_cookie(from).map_err(|e| {
        let why = match e {
            ENODEV => "no core of this machine has several threads",
            ENOMEM => "there is no memory for it",
            _ => "this kernel has none",
        };
        r.fail(
            e,
            plan,
            fmt!("can't be given its core scheduling cookie: {why}"),
        )
    })
}

/// Moves the process of `task` to the autogroup of that of `with`; `None`: to a new one, with `nice`.
pub(crate) fn share_time(
    r: &Restore,
    plan: &TaskRecords<'_>,
    task: &ParkedTask,
    with: Option<&ParkedTask>,
    nice: i32,
) -> Result {
    task.set_autogroup(with)
        .map_err(|e| r.fail(e, plan, fmt!("there is no memory for its autogroup")))?;
    if nice == 0 {
        return Ok(());
    }
    let mut patience = Patience::new(NICE_MS, 0);
    loop {
        wait::check_killed()?;
        let e = match task.set_autogroup_nice(nice) {
            Ok(()) => return Ok(()),
            Err(e) => e,
        };
        if e == EAGAIN && patience.pause(20) {
            continue;
        }
        let why = match e {
            EPERM | EACCES => "the caller needs CAP_SYS_NICE",
            EAGAIN => "others set such all the time",
            _ => "this kernel has none",
        };
        return Err(r.fail(
            e,
            plan,
            fmt!("can't set the nice value {nice} of its autogroup: {why}"),
        ));
    }
}
