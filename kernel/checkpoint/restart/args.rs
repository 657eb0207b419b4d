// SPDX-License-Identifier: GPL-2.0

//! What a restart is asked for.

use kernel::prelude::*;

use crate::{
    core::{
        accept::{
            Connections,
            Labels,
            Patterns, //
        },
        addresses::Addresses,
        advice::Given,
        rules::{
            Changes,
            Maps, //
        }, //
    },
    kapi::{
        cgroup::group::CgroupDir,
        fs::file::FileRef, //
    }, //
};

/// The arguments of restart(2), checked.
pub(crate) struct RestartArgs {
    /// Leave the tasks frozen.
    pub(crate) leave_frozen: bool,
    /// All flags, for those who are only told of them.
    pub(crate) flags: u64,
    /// The root becomes a sibling of the caller.
    pub(crate) sibling: bool,
    /// What confined the tasks need not be what confines the caller.
    pub(crate) caller_confinement: bool,
    /// What becomes of labels of security modules.
    pub(crate) labels: Labels,
    /// Memory that fork() wipes is wiped.
    pub(crate) wipes: bool,
    /// Compare all that the image tells of files.
    pub(crate) strict: bool,
    /// Paths whose differences are accepted.
    pub(crate) accept: Patterns,
    /// What becomes of files that differ.
    pub(crate) changes: Changes,
    /// Paths that are others now.
    pub(crate) maps: Maps,
    /// The uts namespace of the root task is the caller's.
    pub(crate) caller_uts: bool,
    /// The same of its ipc namespace.
    pub(crate) caller_ipc: bool,
    /// The network namespace of the tasks is the caller's.
    pub(crate) caller_net: bool,
    /// What becomes of TCP connections with others.
    pub(crate) connections: Connections,
    /// Addresses of sockets that are others now.
    pub(crate) addresses: Addresses,
    /// Files of the caller's in place of those of the image.
    pub(crate) given: KVVec<Given>,
    /// What tasks are told that ask: strings with a NUL each.
    pub(crate) environment: KVVec<u8>,
    /// The image.
    pub(crate) image: FileRef,
    /// The cgroup to restart into.
    pub(crate) cgroup: Option<CgroupDir>,
    /// Address where the root's pidfd is stored.
    pub(crate) pidfd_out: usize,
}
