// SPDX-License-Identifier: GPL-2.0

//! What processes share that only a task which has it can give to another: address space and signal
//! actions.
//!
//! At a restart the first process that has it makes the others of its pid namespace. See
//! `restart::plan`, which goes by the same rule.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::kind::Group,
    found::{
        Capture,
        ProcessOps, //
    },
    kapi::mm::space::MmRef, //
};

/// Who makes a process.
pub(super) const PROCESS: ProcessOps = ProcessOps {
    name: "maker of a process",
    collect,
    ..ProcessOps::NONE
};

/// What some process has, by its address, and in which pid namespaces some have it.
pub(super) struct Makers {
    known: RBTree<usize, ()>,
    places: RBTree<(usize, usize), ()>,
}

impl Makers {
    /// Makes an empty one.
    pub(super) fn new() -> Self {
        Self {
            known: RBTree::new(),
            places: RBTree::new(),
        }
    }

    /// Notes that a process in the pid namespace `ns` has what is at `addr`. Returns whether it can
    /// be made: by one that was met before in the namespace `around`, or because it is the first
    /// one.
    fn meet(&mut self, addr: usize, around: Option<usize>, ns: usize) -> Result<bool> {
        let first = self.known.get(&addr).is_none();
        let made = around.is_some_and(|around| self.places.get(&(addr, around)).is_some());
        if first {
            self.known
                .try_create_and_insert(addr, (), GFP_KERNEL_ACCOUNT)?;
        }
        if self.places.get(&(addr, ns)).is_none() {
            self.places
                .try_create_and_insert((addr, ns), (), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(first || made)
    }
}

fn collect(cap: &mut Capture, group: &Group<'_>) -> Result {
    let Some(t) = group.living() else {
        return Ok(());
    };
    let Some(mm) = MmRef::of(t) else {
        return Ok(());
    };
    let ns = t.pid_ns()?;
    let at = ns.as_ptr().addr();
    // An init is made by somebody in the namespace around its own.
    let around = match t.tgid_in(&ns) {
        1 => ns.parent().map(|ns| ns.as_ptr().addr()),
        _ => Some(at),
    };
    let actions = t.sighand_addr()?;
    let makers = &mut cap.found.task.makers;
    // Both are asked, so that both are noted.
    let memory = makers.meet(mm.addr(), around, at)?;
    if !makers.meet(actions, around, at)? || !memory {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "shares its address space (CLONE_VM) only with processes of other pid namespaces \
                 (setns): try again when one has called exec"
            ),
        );
    }
    Ok(())
}
