// SPDX-License-Identifier: GPL-2.0

//! The set of namespaces of a task: the one place where a task enters those that the image has.
//!
//! A namespace is an object, which is made when it is first wanted. A task installs its set as the first
//! thing that it restores, all of it at once, as what comes then may depend on it: attaches of shared
//! memory, files of procfs. Until then it is where the caller of restart(2) is, and so were those that
//! it has made.
//!
//! Two kinds are entered before: a pid namespace by who is made in it, a time namespace by the root,
//! while the address space whose clocks it changes has no other user.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::ThreadOps,
    image::{
        task::TASK_LIVE,
        ObjRef, //
    },
    kapi::ns::proxy,
    ns::{
        ipc,
        net,
        uts, //
    }, //
};

/// The set of a task.
pub(super) const KIND: ThreadOps = ThreadOps {
    name: "set of namespaces",
    restore,
    ..ThreadOps::NONE
};

/// Puts the current task into its namespaces.
fn restore(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    // One that is dead has left them.
    if plan.task.state.get() != TASK_LIVE {
        return Ok(());
    }
    let uts = match ObjRef::new(plan.task.uts.get()) {
        Some(obj) => Some(uts::rebuild(r, plan, obj)?),
        None => None,
    };
    let ipc = match ObjRef::new(plan.task.ipc.get()) {
        Some(obj) => Some(ipc::rebuilt(r, plan, obj)?),
        None => None,
    };
    let net = match ObjRef::new(plan.task.net.get()) {
        Some(obj) => net::rebuilt(r, plan, obj)?,
        None => r.caller_net.clone(),
    };
    r.set_net_ns(&net);
    // The caller may have given its own.
    let net = Some(net).filter(|net| !net.is_of_current());
    if uts.is_none() && ipc.is_none() && net.is_none() {
        return Ok(());
    }
    proxy::enter(plan.restoring()?, uts.as_ref(), ipc.as_ref(), net.as_ref()).map_err(|e| {
        let which = match (&uts, &ipc, &net) {
            (Some(_), None, None) => "uts namespace",
            (None, Some(_), None) => "ipc namespace",
            (None, None, Some(_)) => "network namespace",
            _ => "namespaces",
        };
        let why = match e {
            EPERM => ": that takes CAP_SYS_ADMIN",
            ENOSPC => ": there are too many of the caller's (user.max_uts_namespaces)",
            _ => "",
        };
        r.fail(e, plan, fmt!("can't enter its {}{}", which, why))
    })
}
