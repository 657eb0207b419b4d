// SPDX-License-Identifier: GPL-2.0

//! Namespaces.

use kernel::prelude::*;

use crate::{
    core::rules::Action,
    found::{
        LinkOps,
        ProcessOps,
        ThreadOps, //
    },
    kapi::fs::path::PathName, //
};

pub(crate) mod ipc;
pub(crate) mod net;
mod other;
pub(crate) mod pid;
mod set;
pub(crate) mod time;
pub(crate) mod uts;

/// The kinds of namespace, in the order in which a task's are saved and restored.
pub(crate) static THREADS: &[ThreadOps] = &[
    other::KIND,
    time::KIND,
    uts::KIND,
    ipc::KIND,
    net::KIND,
    pid::KIND,
    set::KIND,
];

/// What the threads of a process share of them.
pub(crate) static PROCESSES: &[ProcessOps] = &[pid::PROCESS, net::PROCESS];

/// What is in them.
pub(crate) static LINKS: &[LinkOps] = &[net::REQUESTS];

/// Namespaces found by a checkpoint.
pub(crate) struct Collected {
    /// Address of the time namespace of the root.
    time: Option<usize>,
    /// Address of the network namespace of the root.
    net: Option<usize>,
    /// A task is in that of the caller.
    in_callers_net: bool,
    /// What is in that of the root stays outside.
    net_outside: bool,
    /// What network namespaces have to do with each other was read.
    net_joined: bool,
    /// What the queues of tun and tap devices are known by that tasks have open; when all were found, those
    /// that have a device, sorted.
    tun_queues: KVVec<usize>,
    /// What the caller's rules say by names.
    net_rules: KVVec<(PathName, Action)>,
}

impl Collected {
    /// Returns one with nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            time: None,
            net: None,
            in_callers_net: false,
            net_outside: false,
            net_joined: false,
            tun_queues: KVVec::new(),
            net_rules: KVVec::new(),
        }
    }

    /// Notes whether what is in the network namespace of the tasks stays outside.
    pub(crate) fn leave_net(&mut self, outside: bool) {
        self.net_outside = outside;
    }
}
