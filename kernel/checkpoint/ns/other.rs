// SPDX-License-Identifier: GPL-2.0

//! Namespaces that are not saved, which tasks must share with the caller; and what those that are have
//! in common.

use kernel::prelude::*;

use crate::{
    core::objects::{
        Outside,
        Shared, //
    },
    files,
    found::{
        Capture,
        Found,
        ThreadOps, //
    },
    kapi::{
        ns::proxy::Proxy,
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    }, //
};

/// A set of namespaces. It has no record: only how many have it counts.
impl Shared<Found> for Proxy {
    fn addr(&self) -> usize {
        Proxy::addr(self)
    }
}

/// Returns how many sets of the tasks' namespaces are `such`, and whether a task outside has one of
/// them.
fn sets(cap: &Capture, such: impl Fn(&Proxy) -> bool) -> (u64, bool) {
    let (mut sets, mut outside) = (0, false);
    for (users, proxy) in cap.objects.uses::<Proxy>() {
        if such(proxy) {
            sets += 1;
            // The reference that the registry has is one more.
            outside |= proxy.count() > users + 1;
        }
    }
    (sets, outside)
}

/// Returns what becomes of the namespace at `addr`, which is in the image, if tasks outside are in it, too,
/// or have it open. Of its `count` references so many are `known` besides those of sets, which are
/// `such`, of files that stand for it, and ours.
pub(super) fn shared(
    cap: &Capture,
    addr: usize,
    count: u64,
    known: u64,
    such: impl Fn(&Proxy) -> bool,
) -> Outside {
    let (sets, tasks) = sets(cap, such);
    // All files that stand for it have one in common.
    let shown = u64::from(files::namespace::is_shown(cap, addr));
    if count <= sets + shown + known + 1 && !tasks {
        Outside::Nothing
    } else if cap.strict {
        Outside::Refused
    } else {
        Outside::Noted
    }
}

/// Adds the line for that: `what` it is, with `who` as its first task.
pub(super) fn tell(cap: &mut Capture, who: &TaskName, what: &str, outside: Outside) -> Result {
    let what = fmt!("{what}: a task outside is in it, too, or has it open");
    if outside == Outside::Refused {
        cap.report.refuse(
            EBUSY,
            who,
            fmt!("{what}: end that, or do without CHECKPOINT_STRICT (--strict)"),
        );
    } else {
        cap.report
            .note(who, fmt!("{what}; after a restart it is the tasks' own"));
    }
    Ok(())
}

/// Mount and cgroup namespaces. The user namespace is that of the credentials.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "other namespaces",
    collect,
    count,
    ..ThreadOps::NONE
};

fn collect(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !t.is_live() {
        return Ok(());
    }
    let proxy = Proxy::of(t)?;
    if cap.objects.count_only::<Proxy>(proxy.addr())? {
        cap.objects.keep(proxy)?;
    }
    let ns = t.namespaces()?;
    if let Some(name) = ns.foreign {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "is in another {name} namespace than the caller: call checkpoint(2) in that \
                 namespace"
            ),
        );
    }
    if ns.pid_for_children != t.pid_ns()? {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "its children would be in another pid namespace (CLONE_NEWPID): start it with \
                 unshare --fork"
            ),
        );
    }
    Ok(())
}

fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    let proxy = Proxy::of(worker)?;
    cap.objects.count_again::<Proxy>(proxy.addr());
    Ok(())
}
