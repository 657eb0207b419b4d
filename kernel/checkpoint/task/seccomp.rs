// SPDX-License-Identifier: GPL-2.0

//! Which system calls a task may make: strict mode and filters.
//!
//! Filters are trees: tasks that were forked, or synchronized, share those that they had. They are
//! objects, and each is made once: by the first task below it, which adds it as seccomp(2) does, while
//! it still has the rights of the caller of restart(2). What is left of a restart makes no system
//! calls, and no tasks any more.
//!
//! A caller that has filters itself hands them on. If the tasks had the same ones, they have these and
//! no copies of them.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};
use zerocopy::IntoBytes;

use crate::{
    core::{
        built::Rebuilt,
        objects::Shared,
        report::Report,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        Found,
        ThreadOps, //
    },
    image::{
        header::HEADER_LEN,
        record::ObjRef,
        seccomp::*,
        task::{
            Task,
            TASK_LIVE,
            TASK_NO_NEW_PRIVS, //
        },
        Kind,
        Raw,
        Records, //
    },
    kapi::{
        security::seccomp::{
            self,
            Filter,
            Mode, //
        },
        task::{
            frozen::FrozenTask,
            state, //
        },
        time::wait, //
    },
    task::{
        cred,
        pending, //
    }, //
};

/// The filters, which come before credentials: to add them takes rights.
pub(super) const FILTERS: ThreadOps = ThreadOps {
    name: "seccomp filters",
    collect,
    save: save_filters,
    finish,
    ..ThreadOps::NONE
};

/// What a thread has of them.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "seccomp",
    save,
    ..ThreadOps::NONE
};

impl Shared<Found> for Filter {
    fn addr(&self) -> usize {
        Filter::addr(self)
    }
}

/// A filter that was made again.
struct BuiltFilter(Filter);

impl Rebuilt for BuiltFilter {}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    match t.seccomp_mode() {
        Mode::Any | Mode::Strict => Ok(()),
        Mode::Dead => {
            cap.refuse(EBUSY, t, fmt!("is being killed by seccomp: try again"));
            Ok(())
        }
        Mode::Filtered if !seccomp::may_read() => {
            cap.refuse(
                EPERM,
                t,
                fmt!(
                    "has seccomp filters, which only a caller with CAP_SYS_ADMIN in the initial \
                     user namespace and without such of its own may read"
                ),
            );
            Ok(())
        }
        Mode::Filtered => collect_filters(cap, t),
    }
}

/// Counts the filters of `t`: of those that were met before all before them were, too.
fn collect_filters(cap: &mut Capture, t: &FrozenTask) -> Result {
    let mut next = t.seccomp_filter();
    while let Some(filter) = next {
        wait::check_killed()?;
        if !cap.objects.count::<Filter>(filter.addr())? {
            break;
        }
        if filter.has_listener() {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "has a seccomp filter with a listener (SECCOMP_RET_USER_NOTIF): have that close \
                     its descriptor, or start it without"
                ),
            );
        }
        if filter.program().is_empty() {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("has a seccomp filter whose program the kernel does not tell"),
            );
        }
        next = filter.before();
        cap.objects.keep(filter)?;
    }
    Ok(())
}

/// Writes the filters of `t` that were not written yet, the oldest first.
fn save_filters(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() || t.seccomp_mode() != Mode::Filtered {
        return Ok(());
    }
    let mut chain = KVVec::new();
    let mut next = t.seccomp_filter();
    while let Some(filter) = next {
        let (obj, Some(_)) = cap.objects.save::<Filter>(filter.addr())? else {
            break;
        };
        next = filter.before();
        chain.push((obj, filter), GFP_KERNEL_ACCOUNT)?;
    }
    for (obj, filter) in chain.iter().rev() {
        wait::check_killed()?;
        let mut program: KVVec<Instruction> = KVVec::new();
        for i in filter.program() {
            let i = Instruction {
                code: i.code.into(),
                jt: i.jt,
                jf: i.jf,
                k: i.k.into(),
            };
            program.push(i, GFP_KERNEL_ACCOUNT)?;
        }
        let parent = match filter.before() {
            Some(parent) => cap.objects.reference::<Filter>(parent.addr())?.get(),
            None => 0,
        };
        let flags = if filter.is_logged() {
            SECCOMP_FILTER_LOG
        } else {
            0
        };
        let body = SeccompFilter {
            obj: obj.get().into(),
            parent: parent.into(),
            flags: flags.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&body, program.as_bytes())?;
    }
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let (mode, filter) = match t.seccomp_mode() {
        Mode::Any => return Ok(()),
        Mode::Strict => (SECCOMP_STRICT, 0),
        Mode::Filtered => {
            let filter = t.seccomp_filter().ok_or(ESRCH)?;
            let obj = cap.objects.reference::<Filter>(filter.addr())?;
            (SECCOMP_FILTERED, obj.get())
        }
        Mode::Dead => return Err(ESRCH),
    };
    let body = Seccomp {
        tid: t.tid_in(&cap.pid_ns).into(),
        mode: mode.into(),
        filter: filter.into(),
        reserved: 0.into(),
    };
    cap.meta.put(&body, &[])
}

/// Restricts the current task, which has the credentials of the caller of restart(2).
fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    cred::label_early(r, plan)?;
    let mut found = None;
    pending::for_each_record(r, plan, |raw| {
        if raw.kind == Kind::Seccomp {
            found = Some(raw.body::<Seccomp>().map_err(|f| r.fault(f))?);
        }
        Ok(())
    })?;
    let Some(seccomp) = found else {
        return Ok(());
    };
    // It is what lets those add filters who have no rights.
    if plan.task.flags.get() & TASK_NO_NEW_PRIVS != 0 {
        state::set_no_new_privs(plan.restoring()?);
    }
    match ObjRef::new(seccomp.filter.get()) {
        None => seccomp::set_strict(plan.restoring()?)
            .map_err(|e| r.fail(e, plan, fmt!("can't have the strict mode of seccomp"))),
        Some(obj) => join(r, plan, obj),
    }
}

/// Returns the record of a filter, its program included.
fn filter_record(r: &Restore, obj: ObjRef) -> Result<(SeccompFilter, &[Instruction])> {
    let (body, raw) = r.object_body::<SeccompFilter>(obj)?;
    let program = raw.array(INSTRUCTIONS_MAX).map_err(|f| r.fault(f))?;
    Ok((body, program))
}

/// Puts the current task below the filter `obj`, which it makes, with those before it, if no task
/// has yet.
fn join(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result {
    let failed = |e| {
        let why = match e {
            EACCES => {
                "the caller may not add them: it needs CAP_SYS_ADMIN, or the task no_new_privs"
            }
            EINVAL => "a program is not valid, or the caller has others",
            ENOMEM => "they have too many instructions together, or there is no memory",
            _ => "the kernel does not take them",
        };
        r.fail(e, plan, fmt!("can't have its seccomp filters: {why}"))
    };
    let restoring = plan.restoring()?;
    // Those that are to be made, the newest first.
    let mut chain: KVVec<ObjRef> = KVVec::new();
    let mut next = Some(obj);
    let mut oldest = true;
    while let Some(obj) = next {
        wait::check_killed()?;
        if let Some(joined) = r.with_built(obj, |f: &BuiltFilter| f.0.join(restoring)) {
            joined.map_err(failed)?;
            oldest = false;
            break;
        }
        chain.push(obj, GFP_KERNEL_ACCOUNT)?;
        next = ObjRef::new(filter_record(r, obj)?.0.parent.get());
    }
    if oldest {
        let inherited = inherited(r, &chain)?;
        let left = chain.len() - inherited;
        if let Some(&last) = chain.get(left).filter(|_| inherited != 0) {
            let filter = Filter::of_current().ok_or(ESRCH)?;
            r.set_built(last, BuiltFilter(filter))?;
        }
        chain.truncate(left);
    }
    for &obj in chain.iter().rev() {
        wait::check_killed()?;
        let (body, program) = filter_record(r, obj)?;
        let mut copy = KVVec::new();
        for i in program {
            let i = seccomp::instruction(i.code.get(), i.jt, i.jf, i.k.get());
            copy.push(i, GFP_KERNEL_ACCOUNT)?;
        }
        let log = body.flags.get() & SECCOMP_FILTER_LOG != 0;
        let filter = seccomp::add(restoring, &mut copy, log).map_err(failed)?;
        r.set_built(obj, BuiltFilter(filter))?;
    }
    Ok(())
}

/// Returns the filters of the calling task, the oldest first.
fn of_caller() -> Result<KVVec<Filter>> {
    let mut all = KVVec::new();
    let mut next = Filter::of_current();
    while let Some(filter) = next {
        next = filter.before();
        all.push(filter, GFP_KERNEL_ACCOUNT)?;
    }
    all.reverse();
    Ok(all)
}

/// Returns whether `filter` is the one that the image has as `body` and `program`.
fn is_same(filter: &Filter, body: &SeccompFilter, program: &[Instruction]) -> bool {
    let logged = body.flags.get() & SECCOMP_FILTER_LOG != 0;
    let own = filter.program();
    filter.is_logged() == logged
        && own.len() == program.len()
        && own
            .iter()
            .zip(program)
            .all(|(a, b)| (a.code, a.jt, a.jf, a.k) == (b.code.get(), b.jt, b.jf, b.k.get()))
}

/// Returns how many of the filters `chain`, the newest first, the current task has from the caller:
/// all that this one has, or none.
fn inherited(r: &Restore, chain: &[ObjRef]) -> Result<usize> {
    let own = of_caller()?;
    if own.len() > chain.len() {
        return Ok(0);
    }
    for (filter, &obj) in own.iter().zip(chain.iter().rev()) {
        let (body, program) = filter_record(r, obj)?;
        if !is_same(filter, &body, program) {
            return Ok(0);
        }
    }
    Ok(own.len())
}

/// Returns whether all tasks of the checked metadata `meta` had all filters of the caller, and so
/// are not restricted any further by these.
pub(crate) fn had_those_of_caller(meta: &[u8], report: &mut Report) -> Result<bool> {
    let own = of_caller()?;
    // How many of the caller's the path to a filter begins with, if it has no others before them.
    let mut known: RBTree<u32, usize> = RBTree::new();
    let (mut live, mut below) = (0usize, 0usize);
    for raw in Records::new(meta, HEADER_LEN as u64) {
        wait::check_killed()?;
        let raw: Raw<'_> = raw.map_err(|f| report.fault(f))?;
        match raw.kind {
            Kind::SeccompFilter => {
                let body: SeccompFilter = raw.body().map_err(|f| report.fault(f))?;
                let program = raw.array(INSTRUCTIONS_MAX).map_err(|f| report.fault(f))?;
                let before = match body.parent.get() {
                    0 => Some(0),
                    parent => known.get(&parent).copied(),
                };
                let Some(before) = before else {
                    continue;
                };
                let now = match own.get(before) {
                    // All of them come before.
                    None => before,
                    Some(filter) if is_same(filter, &body, program) => before + 1,
                    Some(_) => continue,
                };
                known.try_create_and_insert(body.obj.get(), now, GFP_KERNEL_ACCOUNT)?;
            }
            Kind::Task => {
                let task: Task = raw.body().map_err(|f| report.fault(f))?;
                live += usize::from(task.state.get() == TASK_LIVE);
            }
            Kind::Seccomp => {
                let body: Seccomp = raw.body().map_err(|f| report.fault(f))?;
                let has = known.get(&body.filter.get()).copied();
                below += usize::from(has == Some(own.len()));
            }
            _ => (),
        }
    }
    Ok(live == below)
}
