// SPDX-License-Identifier: GPL-2.0

//! Namespaces.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::restore::{
        Plan,
        Restore, //
    },
    found::KindOps,
    kapi::{
        ns::proxy::{
            Proxy,
            Uts, //
        },
        pid::namespace::PidNs,
        task::frozen::TaskName, //
    }, //
};

mod other;
pub(crate) mod pid;
pub(crate) mod time;
pub(crate) mod uts;

/// The kinds of namespace, in the order in which a task's are saved and restored.
pub(crate) static KINDS: &[KindOps] = &[other::KIND, time::KIND, uts::KIND, pid::KIND];

/// Last step of the restart of the current task in its own context, while it has the credentials
/// of the caller.
pub(crate) fn finish(r: &Restore, plan: &Plan<'_>) -> Result {
    uts::finish(r, plan)
}

/// Namespaces found by a checkpoint.
pub(crate) struct Collected {
    /// uts namespaces, each with its first task: the object table knows their addresses only.
    uts: KVec<(Uts, TaskName)>,
    /// Sets of namespaces with such an uts namespace, by address, and how many tasks have each.
    proxies: RBTree<usize, (Proxy, u64)>,
    /// Pid namespaces, likewise.
    pid: KVec<PidNs>,
    /// Address of the time namespace of the root.
    time: Option<usize>,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            uts: KVec::new(),
            proxies: RBTree::new(),
            pid: KVec::new(),
            time: None,
        }
    }
}
