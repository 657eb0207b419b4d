// SPDX-License-Identifier: GPL-2.0

//! System V IPC: what is in ipc namespaces.
//!
//! A namespace itself, with all in it, is a kind of namespace ([`crate::ns::ipc`]).

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

pub(crate) mod shm;

/// What a checkpoint has found of System V IPC.
pub(crate) struct Collected {
    /// How many files of attaches the tasks have, by the address of the namespace.
    pub(crate) attaches: RBTree<usize, u64>,
}

impl Collected {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            attaches: RBTree::new(),
        }
    }

    /// Notes the file of an attach.
    pub(crate) fn add_attach(&mut self, ns: usize) -> Result {
        if let Some(n) = self.attaches.get_mut(&ns) {
            *n += 1;
            return Ok(());
        }
        self.attaches
            .try_create_and_insert(ns, 1, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }
}
