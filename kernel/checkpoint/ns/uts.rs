// SPDX-License-Identifier: GPL-2.0

//! uts namespaces: host name and domain name.

use kernel::prelude::*;

use crate::{
    core::{
        objects::Class,
        restore::{
            Plan,
            Restore, //
        }, //
    },
    found::{
        Capture,
        KindOps, //
    },
    image::{
        ns::Uts as UtsRecord,
        record::ObjRef,
        task::TASK_LIVE, //
    },
    kapi::{
        ns::proxy::{
            self,
            Proxy,
            Uts, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// The uts namespace.
pub(super) const KIND: KindOps = KindOps {
    name: "uts namespace",
    collect,
    leaks,
    save,
    restore: |_, _| Ok(()),
};

/// A rebuilt uts namespace.
struct BuiltUts(Uts);

/// The task's own uts namespace; `None` if it is that of the caller.
fn own(t: &FrozenTask) -> Result<Option<Uts>> {
    let uts = t.namespaces()?.uts;
    let shared = uts.addr() == Uts::of_current()?.addr();
    Ok((!shared).then_some(uts))
}

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    if let Some(uts) = own(t)? {
        let (_, first) = cap.objects.collect(Class::Uts, uts.addr())?;
        if first {
            let name = t.display(&cap.pid_ns);
            cap.found.ns.uts.push((uts, name), GFP_KERNEL_ACCOUNT)?;
        }
        let proxy = Proxy::of(t)?;
        let addr = proxy.addr();
        if let Some((_, users)) = cap.found.ns.proxies.get_mut(&addr) {
            *users += 1;
        } else {
            cap.found
                .ns
                .proxies
                .try_create_and_insert(addr, (proxy, 1), GFP_KERNEL_ACCOUNT)?;
        }
    }
    Ok(())
}

/// Lists uts namespaces that tasks outside are in, too.
///
/// What starts a container is often in its uts namespace, and waits: so that is only told. The
/// names that the tasks see are saved, and those outside do without theirs.
fn leaks(cap: &mut Capture) -> Result {
    for (uts, who) in &cap.found.ns.uts {
        let proxies = || {
            cap.found
                .ns
                .proxies
                .values()
                .filter(|(proxy, _)| proxy.uts_addr() == uts.addr())
        };
        // Ours is one more of each.
        let known = u64::try_from(proxies().count())?.saturating_add(1);
        let tasks = proxies().any(|(proxy, users)| proxy.count() > users.saturating_add(1));
        if uts.count() <= known && !tasks {
            continue;
        }
        let what = "uts namespace: a task outside is in it, too, or has it open";
        if cap.strict {
            cap.report.refuse(
                EBUSY,
                who,
                fmt!(
                    "{}: end that, or do without CHECKPOINT_STRICT (--strict)",
                    what
                ),
            );
        } else {
            cap.report
                .note(who, fmt!("{}; after a restart it is the tasks' own", what));
        }
    }
    Ok(())
}

/// Reference of the task's uts namespace in the image; 0 if it is shared with the caller.
pub(crate) fn reference(cap: &Capture, t: &FrozenTask) -> Result<u32> {
    match own(t)? {
        Some(uts) => Ok(cap.objects.reference(Class::Uts, uts.addr())?.get()),
        None => Ok(0),
    }
}

fn save(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let Some(uts) = own(t)? else {
        return Ok(());
    };
    let (obj, first) = cap.objects.save(Class::Uts, uts.addr())?;
    if !first {
        return Ok(());
    }
    let (nodename, domainname) = uts.names();
    let body = UtsRecord {
        obj: obj.get().into(),
        reserved: 0.into(),
        nodename,
        domainname,
        reserved2: [0; 6],
    };
    cap.meta.put(&body, &[])
}

/// Puts the current task into its uts namespace.
///
/// Its children were made before: one that stayed behind when its parent left the namespace of
/// the caller is there again.
pub(super) fn finish(r: &Restore, plan: &Plan<'_>) -> Result {
    if plan.task.state.get() != TASK_LIVE {
        return Ok(());
    }
    let Some(obj) = ObjRef::new(plan.task.uts.get()) else {
        return Ok(());
    };
    if let Some(uts) = r.with_built(obj, |uts: &BuiltUts| uts.0.clone()) {
        if uts.addr() == Uts::of_current()?.addr() {
            return Ok(());
        }
        return proxy::enter_uts(&uts)
            .map_err(|e| r.fail(e, plan, fmt!("can't enter its uts namespace")));
    }
    let (body, _) = r.object_body::<UtsRecord>(obj)?;
    let uts = proxy::new_uts(&body.nodename, &body.domainname).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("can't make its uts namespace (CAP_SYS_ADMIN is needed)"),
        )
    })?;
    r.set_built(obj, BuiltUts(uts))
}
