// SPDX-License-Identifier: GPL-2.0

//! What a checkpoint is asked for.

use kernel::prelude::*;

use crate::{
    core::{
        advice::Descriptor,
        rules::{
            LeftOut,
            Rule, //
        }, //
    },
    image::cpu::WORDS,
    kapi::{
        cgroup::group::Cgroup,
        fs::file::FileRef, //
    }, //
};

/// The arguments of checkpoint(2), checked.
pub(crate) struct CheckpointArgs<'a> {
    /// The root need not be a pid namespace's init.
    pub(crate) subtree: bool,
    /// Kill the tasks afterwards.
    pub(crate) kill: bool,
    /// They are killed, by this call or by another one when their image is safe.
    pub(crate) to_be_killed: bool,
    /// Leave them frozen afterwards.
    pub(crate) leave_frozen: bool,
    /// Write nothing.
    pub(crate) dry_run: bool,
    /// Kill the tasks, which the checkpoint with this id has left frozen, and write nothing.
    pub(crate) kill_only: Option<u64>,
    /// Refuse what would otherwise only be reported.
    pub(crate) strict: bool,
    /// Leave out keyrings that tasks have of their own.
    pub(crate) drop_keys: bool,
    /// Leave outside what is in the tasks' network namespace.
    pub(crate) net_outside: bool,
    /// Milliseconds within which all tasks must freeze.
    pub(crate) timeout_ms: u32,
    /// Where the image goes; `None` for a dry run and for killing only.
    pub(crate) image: Option<FileRef>,
    /// Where messages go.
    pub(crate) log: Option<&'a FileRef>,
    /// The cgroup that the caller names; `None`: that of the root task.
    pub(crate) cgroup: Option<Cgroup>,
    /// Descriptors whose open files stay outside, sorted.
    pub(crate) external: KVVec<Descriptor>,
    /// What becomes of descriptors, in the order in which the rules are asked.
    pub(crate) rules: KVVec<Rule>,
    /// Memory whose contents are left out.
    pub(crate) left_out: KVVec<LeftOut>,
    /// The features of the CPU on which the image must restart; `None`: it need not be another one.
    pub(crate) cpu: Option<[u64; WORDS]>,
}
