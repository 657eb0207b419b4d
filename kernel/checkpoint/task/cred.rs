// SPDX-License-Identifier: GPL-2.0

//! Credentials.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        SetOnce, //
    },
};
use zerocopy::{
    byteorder::little_endian::U32,
    IntoBytes, //
};

use crate::{
    core::{
        accept::Labels,
        built::Rebuilt,
        objects::Shared,
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
        record::ObjRef,
        task::{
            Cred,
            Process,
            GROUPS_MAX,
            TASK_LIVE,
            TASK_NO_NEW_PRIVS, //
        }, //
    },
    kapi::{
        fork::{
            parked::ParkedTask,
            slot::Slot, //
        },
        fs::file::FileRef,
        security::{
            cred::{
                self,
                CredRef,
                Denied,
                Ids, //
            },
            label, //
        },
        task::{
            frozen::FrozenTask,
            limits, //
        }, //
    },
    task::labels::{
        self,
        Chosen, //
    }, //
};

/// Credentials.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "credentials",
    collect,
    save,
    finish,
    load,
    ..ThreadOps::NONE
};

/// Credentials of tasks, or that files were opened with.
pub(super) struct Creds {
    cred: CredRef,
    /// Not 0: the first thread that has them, which was looked at.
    checked: Atomic<u32>,
    /// Labels for what that makes next.
    chosen: SetOnce<KVec<Chosen>>,
}

impl Shared<Found> for Creds {
    fn addr(&self) -> usize {
        self.cred.addr()
    }
}

/// Rebuilt credentials.
struct BuiltCred(CredRef);

impl Rebuilt for BuiltCred {}

/// Address of a task's credentials, to look them up.
pub(super) fn addr(t: &FrozenTask) -> Result<usize> {
    Ok(CredRef::of(t)?.addr())
}

/// Counts the credentials that `file` was opened with; returns their address, or `None` if an image
/// can't have them: they are of another user namespace.
pub(crate) fn collect_opener(cap: &mut Capture, file: &FileRef) -> Result<Option<usize>> {
    collect_cred(cap, CredRef::of_file(file)?)
}

/// Counts credentials that no task need have, as [`collect_opener`].
pub(crate) fn collect_cred(cap: &mut Capture, cred: CredRef) -> Result<Option<usize>> {
    let addr = cred.addr();
    if cap.objects.get::<Creds>(addr).is_some() {
        cap.objects.count::<Creds>(addr)?;
        return Ok(Some(addr));
    }
    if !cred.is_in_current_user_ns() || cred.ids().is_err() || cred.groups().is_err() {
        return Ok(None);
    }
    add(cap, cred)?;
    Ok(Some(addr))
}

/// Counts credentials, and keeps them.
fn add(cap: &mut Capture, cred: CredRef) -> Result {
    if cap.objects.count::<Creds>(cred.addr())? {
        cap.objects.keep(Creds {
            cred,
            checked: Atomic::new(0),
            chosen: SetOnce::new(),
        })?;
    }
    Ok(())
}

/// Returns the reference of the credentials at `addr`, which [`collect_opener`] returned; writes
/// their record at first use.
pub(crate) fn save_opener(cap: &mut Capture, addr: usize) -> Result<ObjRef> {
    save_object(cap, addr)
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if t.has_overridden_cred() {
        cap.refuse(
            EBUSY,
            t,
            fmt!("acts with other credentials than its own for a moment: try again"),
        );
    }
    let cred = CredRef::of(t)?;
    add(cap, cred.clone())?;
    let known = cap.objects.get::<Creds>(cred.addr()).ok_or(ENOENT)?;
    if known.checked.load(Relaxed) != 0 {
        return Ok(());
    }
    known.checked.store(t.tid_in(&cap.pid_ns), Relaxed);
    known.chosen.populate(labels::chosen(cap, t)?);
    if !cred.is_in_current_user_ns() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "is in another user namespace than the caller: call checkpoint(2) in that \
                 namespace"
            ),
        );
    } else if cred.ids().is_err() || cred.groups().is_err() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "has ids that the caller's user namespace does not map: give it ids that are \
                 mapped"
            ),
        );
    } else if t.is_live() && t.has_foreign_exec_ns() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "runs a program of another user namespace than the caller's: call checkpoint(2) \
                 in that namespace"
            ),
        );
    }
    collect_keys(cap, t, &cred)
}

/// The keyring of a session. Whoever starts a session makes one, and all that is started in it has
/// that: so it is no state of a program. It is counted so that the log names it once.
struct SessionKeyring;

impl Shared<Found> for SessionKeyring {
    fn addr(&self) -> usize {
        0
    }
}

/// Notes or refuses the session keyring of credentials that `t` has, or has registered.
pub(crate) fn collect_session(cap: &mut Capture, t: &FrozenTask, cred: &CredRef) -> Result {
    if let Some(session) = cred.other_session_keyring() {
        if cap.objects.count_only::<SessionKeyring>(session)? {
            if cap.strict {
                cap.refuse(
                    EOPNOTSUPP,
                    t,
                    fmt!(
                        "is in a session with another keyring than the caller's: start it in the \
                         caller's (keyctl), or do without CHECKPOINT_STRICT (--strict)"
                    ),
                );
            } else {
                cap.report.note(
                    &t.display(&cap.pid_ns),
                    fmt!(
                        "is in a session with another keyring than the caller's: a restart puts it \
                         into the session of who restarts it"
                    ),
                );
            }
        }
    }
    Ok(())
}

/// Notes or refuses keyrings. Keys are secrets of this machine's kernel: no image has them.
fn collect_keys(cap: &mut Capture, t: &FrozenTask, cred: &CredRef) -> Result {
    collect_session(cap, t, cred)?;
    for (has, what) in [
        (
            cred.has_own_keyrings(),
            "has a keyring of its thread or process",
        ),
        (
            cred.has_key_target(),
            "has chosen a keyring for the keys that it requests",
        ),
    ] {
        if has && cap.drop_keys {
            cap.report.note(
                &t.display(&cap.pid_ns),
                fmt!("{what}: a restarted task has none (CHECKPOINT_DROP_KEYS)"),
            );
        } else if has {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{what}: have it do without (keyctl), or have that left out \
                     (CHECKPOINT_DROP_KEYS, --drop-keys)"
                ),
            );
        }
    }
    Ok(())
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    save_object(cap, addr(t)?).map(|_| ())
}

/// Returns the reference of the collected credentials at `addr`; writes their record the first
/// time.
fn save_object(cap: &mut Capture, addr: usize) -> Result<ObjRef> {
    let (obj, Some(known)) = cap.objects.save::<Creds>(addr)? else {
        return cap.objects.reference::<Creds>(addr);
    };
    let cred = &known.cred;
    let ids = cred.ids()?;
    let mut groups: KVVec<U32> = KVVec::new();
    for &group in &cred.groups()? {
        groups.push(group.into(), GFP_KERNEL_ACCOUNT)?;
    }
    let body = Cred {
        obj: obj.get().into(),
        securebits: ids.securebits.into(),
        uid: ids.uid.map(Into::into),
        gid: ids.gid.map(Into::into),
        inheritable: ids.inheritable.into(),
        permitted: ids.permitted.into(),
        effective: ids.effective.into(),
        bounding: ids.bounding.into(),
        ambient: ids.ambient.into(),
    };
    cap.meta.put(&body, groups.as_bytes())?;
    let chosen = known.chosen.as_ref().map_or(&[][..], |all| all);
    labels::save_of_cred(cap, obj, cred, known.checked.load(Relaxed), chosen)?;
    Ok(obj)
}

/// Returns the credentials with reference `obj`, made by the first who asks; or why the caller of
/// restart(2) may not take them on.
///
/// To be called while the current task has the credentials of that caller, as all have until they
/// [finish]: what the first user of an object was allowed, all are.
pub(crate) fn rebuild(r: &Restore, obj: ObjRef) -> Result<Result<CredRef, Denied>> {
    if let Some(cred) = r.with_built(obj, |cred: &BuiltCred| cred.0.clone()) {
        return Ok(Ok(cred));
    }
    let made = match without_label(r, obj)? {
        Ok(cred) => labels::give(r, obj, cred)?,
        Err(denied) => Err(denied),
    };
    match &made {
        // What the caller makes is without the label: no task may find that and take it for its own.
        Ok(_) if r.policy.labels == Labels::Keep && r.is_caller() => (),
        Ok(cred) => r.set_built(obj, BuiltCred(cred.clone()))?,
        Err(_) => (),
    }
    Ok(made)
}

/// Makes the same with the label of the caller of restart(2), made anew.
fn without_label(r: &Restore, obj: ObjRef) -> Result<Result<CredRef, Denied>> {
    let (body, raw) = r.object_body::<Cred>(obj)?;
    let numbers: &[U32] = raw.array(GROUPS_MAX).map_err(|f| r.fault(f))?;
    let mut groups = KVVec::new();
    for number in numbers {
        groups.push(number.get(), GFP_KERNEL_ACCOUNT)?;
    }
    let ids = Ids {
        uid: body.uid.map(|id| id.get()),
        gid: body.gid.map(|id| id.get()),
        securebits: body.securebits.get(),
        inheritable: body.inheritable.get(),
        permitted: body.permitted.get(),
        effective: body.effective.get(),
        bounding: body.bounding.get(),
        ambient: body.ambient.get(),
    };
    Ok(cred::prepare(&ids, &groups))
}

/// Returns whether the task gets its labels before its seccomp filters, for which it gets
/// no_new_privs: AppArmor lets such a task change to few profiles, and remembers the one that it
/// had then.
fn is_labelled_early(plan: &TaskRecords<'_>) -> bool {
    plan.task.flags.get() & TASK_NO_NEW_PRIVS != 0
}

/// Gives the current task its labels, if it is one that will have no_new_privs: before it has that.
///
/// It has the credentials of the caller of restart(2), and makes those that it will have.
pub(super) fn label_early(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let live = plan.task.state.get() == TASK_LIVE;
    if r.policy.labels != Labels::Keep || !live || !is_labelled_early(plan) {
        return Ok(());
    }
    let Some(obj) = ObjRef::new(plan.task.cred.get()) else {
        return Ok(());
    };
    rebuild(r, obj)?.map_err(|d| r.fail(d.errno, plan, fmt!("credentials: {}", d.why)))?;
    labels::take_on(r, plan, obj)
}

/// Switches the current task to its credentials; what depends on them comes after.
///
/// Every process comes here with the credentials of the caller of restart(2).
fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    may_be_dumpable(r, plan)?;
    let Some(obj) = ObjRef::new(plan.task.cred.get()) else {
        return Ok(());
    };
    let live = plan.task.state.get() == TASK_LIVE;
    let cred = match r.policy.labels {
        // What is dead does nothing that a label would decide about. It borrows the memory of who has
        // made it, and to SELinux looks like a thread of that.
        Labels::Keep if !live => without_label(r, obj),
        _ => rebuild(r, obj),
    }?
    .map_err(|d| r.fail(d.errno, plan, fmt!("credentials: {}", d.why)))?;
    if live && !is_labelled_early(plan) {
        labels::take_on(r, plan, obj)?;
    }
    if cred.addr() != CredRef::current()?.addr() {
        // A change of credentials may make it dumpable (fs.suid_dumpable). Until it is let go nobody
        // else gets at it: others of other users may have some of its memory in common, and one that was
        // dead has the memory of another one until it exits.
        let restoring = plan.restoring()?;
        limits::hide_after(restoring, || cred.take_on(restoring))?;
    }
    // The caller may have needed it for the label.
    label::no_relabels(plan.restoring()?)
}

/// Asks whether the task may have its dumpability, while it has the credentials of the caller.
fn may_be_dumpable(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    let process = plan.process().map_err(|f| r.fault(f))?;
    if plan.task.mm.get() == 0 || limits::may_be_dumpable(process.dumpable.get()) {
        return Ok(());
    }
    Err(r.fail(
        EPERM,
        plan,
        fmt!("core files that only root may read: the caller needs CAP_SYS_PTRACE"),
    ))
}

/// Lets those get at the process of `task`, which is held, who may: its memory is filled, and
/// nobody waits for its files any more.
pub(crate) fn show(process: &Process, task: &ParkedTask) {
    task.set_dumpable(process.dumpable.get());
}

/// Marks a task whose user has more processes than `RLIMIT_NPROC` allows: all of them are there.
fn load(_: &Restore, _: &TaskRecords<'_>, _: &Slot, task: &ParkedTask) -> Result {
    task.flag_nproc_exceeded();
    Ok(())
}
