// SPDX-License-Identifier: GPL-2.0

//! Memory policies: on which NUMA nodes memory is to be (`mempolicy.c`). A kernel without NUMA has
//! none.

use kernel::prelude::*;

#[cfg(CONFIG_NUMA)]
use core::ptr::NonNull;

#[cfg(CONFIG_NUMA)]
use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    num::casts::{
        arch::u64_as_usize,
        usize_as_u64, //
    },
    types::NotThreadSafe, //
};

use crate::kapi::{
    fork::{
        parked::ParkedTask,
        restoring::Restoring, //
    },
    fs::file::FileRef,
    mm::space::MmRef,
    task::frozen::FrozenTask, //
};

#[cfg(CONFIG_NUMA)]
use crate::kapi::mm::{
    shmem,
    vma, //
};

/// Words that have a bit for each node.
pub(crate) const WORDS: usize = 16;

/// Policies as the kernel numbers them.
pub(crate) mod mode {
    use kernel::bindings::*;

    pub(crate) const PREFERRED: u32 = mempolicy_mode_MPOL_PREFERRED;
    pub(crate) const BIND: u32 = mempolicy_mode_MPOL_BIND;
    pub(crate) const INTERLEAVE: u32 = mempolicy_mode_MPOL_INTERLEAVE;
    pub(crate) const LOCAL: u32 = mempolicy_mode_MPOL_LOCAL;
    pub(crate) const PREFERRED_MANY: u32 = mempolicy_mode_MPOL_PREFERRED_MANY;
    pub(crate) const WEIGHTED: u32 = mempolicy_mode_MPOL_WEIGHTED_INTERLEAVE;
    pub(crate) const STATIC: u32 = MPOL_F_STATIC_NODES;
    pub(crate) const RELATIVE: u32 = MPOL_F_RELATIVE_NODES;
    pub(crate) const BALANCING: u32 = MPOL_F_NUMA_BALANCING;
}

/// A memory policy. Nodes are numbers from 0 on.
#[derive(Clone, Copy)]
pub(crate) struct Policy {
    /// What it is, of [`mode`].
    pub(crate) mode: u32,
    /// Flags of that, of [`mode`].
    pub(crate) flags: u32,
    /// Its nodes, a bit for each.
    pub(crate) nodes: [u64; WORDS],
    /// The nodes that were asked for, if they are kept.
    pub(crate) asked: [u64; WORDS],
    /// The node that is tried first.
    pub(crate) home: Option<u32>,
    /// Of a task, with one node after the other: the node of the page before.
    pub(crate) last: Option<u32>,
    /// Of a task, by weights: how many pages that node still gets.
    pub(crate) left: u32,
}

/// Returns the policy of the frozen task `t`; `None`: it has none.
///
/// EOPNOTSUPP: it is of no kind that is known.
#[cfg(CONFIG_NUMA)]
pub(crate) fn of_task(t: &FrozenTask) -> Result<Option<Policy>> {
    let mut found = pin_init::zeroed();
    // SAFETY: We own a reference on the task, whose policy is read under its lock.
    let ret = unsafe { bindings::checkpoint_mpol_of_task(t.as_ptr(), &mut found) };
    told(ret, &found)
}

/// Returns the policy of the frozen task `t`: the kernel has none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn of_task(_: &FrozenTask) -> Result<Option<Policy>> {
    Ok(None)
}

/// Returns the policy of the mapping of `mm` at `start`; `None`: it has none. May sleep.
///
/// EOPNOTSUPP: it is of no kind that is known; EINTR: SIGKILL came.
#[cfg(CONFIG_NUMA)]
pub(crate) fn of_mapping(mm: &MmRef, start: usize) -> Result<Option<Policy>> {
    let mut found = pin_init::zeroed();
    let mut ret = 0;
    vma::at(mm, start, |vma| {
        // SAFETY: The mapping is valid, and the mmap lock is held.
        ret = unsafe { bindings::checkpoint_mpol_of_vma(vma, &mut found) };
    })?;
    told(ret, &found)
}

/// Returns the policy of a mapping: the kernel has none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn of_mapping(_: &MmRef, _: usize) -> Result<Option<Policy>> {
    Ok(None)
}

/// Returns the next range of `file`, from page `from` on, that has a policy: its first page, the
/// one after its last, and the policy. `None`: there are no more, or the file is not one of tmpfs.
///
/// EOPNOTSUPP: it is of no kind that is known.
#[cfg(CONFIG_NUMA)]
pub(crate) fn next_of_file(file: &FileRef, from: u64) -> Result<Option<(u64, u64, Policy)>> {
    if !shmem::is_shmem(file) {
        return Ok(None);
    }
    let (mut start, mut end) = (u64_as_usize(from), 0);
    let mut found = pin_init::zeroed();
    // SAFETY: The file keeps its inode, which is one of tmpfs; its policies are read under their lock.
    let ret = unsafe {
        let inode = (*shmem::mapping(file)).host;
        bindings::checkpoint_mpol_of_inode(inode, &mut start, &mut end, &mut found)
    };
    Ok(told(ret, &found)?.map(|policy| (usize_as_u64(start), usize_as_u64(end), policy)))
}

/// Returns the policies of a file: the kernel has none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn next_of_file(_: &FileRef, _: u64) -> Result<Option<(u64, u64, Policy)>> {
    Ok(None)
}

/// Returns what `mempolicy.c` has returned, and what it has found.
#[cfg(CONFIG_NUMA)]
fn told(ret: c_int, found: &bindings::checkpoint_mpol) -> Result<Option<Policy>> {
    to_result(ret)?;
    if ret == 0 {
        return Ok(None);
    }
    Ok(Some(Policy {
        mode: found.mode,
        flags: found.flags,
        nodes: found.nodes,
        asked: found.asked,
        home: u32::try_from(found.home).ok(),
        last: u32::try_from(found.last).ok(),
        left: found.left,
    }))
}

/// Returns the policy as `mempolicy.c` takes it.
#[cfg(CONFIG_NUMA)]
fn asked_for(policy: &Policy) -> bindings::checkpoint_mpol {
    let node = |node: Option<u32>| node.map_or(bindings::NUMA_NO_NODE, u32::cast_signed);
    bindings::checkpoint_mpol {
        nodes: policy.nodes,
        asked: policy.asked,
        mode: policy.mode,
        flags: policy.flags,
        home: node(policy.home),
        last: node(policy.last),
        left: policy.left,
    }
}

/// Gives the current task a policy, as set_mempolicy(2) does; the node of the page before is not
/// set. May sleep.
///
/// ENODEV: nodes are not there, or not allowed by its cpuset; EOPNOTSUPP: this kernel has none.
#[cfg(CONFIG_NUMA)]
pub(crate) fn set_task(_: &Restoring, policy: &Policy) -> Result {
    // SAFETY: A valid structure, whose contents are checked there.
    to_result(unsafe { bindings::checkpoint_mpol_set_task(&asked_for(policy)) })
}

/// Gives the current task a policy: the kernel has none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn set_task(_: &Restoring, _: &Policy) -> Result {
    Err(EOPNOTSUPP)
}

/// Tells `task`, which is held, which node had its page before, and how many pages it still gets.
#[cfg(CONFIG_NUMA)]
pub(crate) fn set_place(task: &ParkedTask, last: Option<u32>, left: u32) {
    let last = last.map_or(bindings::NUMA_NO_NODE, u32::cast_signed);
    // SAFETY: The task is held, so it does not allocate. The numbers that interleave_nodes() keeps are
    // bounded there; what they mean no check depends on.
    unsafe { bindings::checkpoint_mpol_set_place(task.as_ptr(), last, left) };
}

/// Tells a task which node had its page before: it has no policy.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn set_place(_: &ParkedTask, _: Option<u32>, _: u32) {}

/// Gives the memory from `start` to `end` of the current address space, all of which is mapped, a
/// policy, as mbind(2) does; the file that is mapped keeps its own. May sleep.
///
/// ENODEV: nodes are not there, or not allowed by the cpuset of the current task; EOPNOTSUPP: this
/// kernel has none; EINTR: SIGKILL came.
#[cfg(CONFIG_NUMA)]
pub(crate) fn set_memory(start: usize, end: usize, policy: &Policy) -> Result {
    // SAFETY: A valid structure, whose contents are checked there, as are the addresses.
    to_result(unsafe { bindings::checkpoint_mpol_set_memory(start, end, &asked_for(policy)) })
}

/// Gives memory a policy: the kernel has none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn set_memory(_: usize, _: usize, _: &Policy) -> Result {
    Err(EOPNOTSUPP)
}

/// Takes all policies off `file`, which is one of tmpfs and was just made, those of its mount too.
#[cfg(CONFIG_NUMA)]
pub(crate) fn clear_file(file: &FileRef) {
    if shmem::is_shmem(file) {
        // SAFETY: The file keeps its inode, which is one of tmpfs.
        unsafe { bindings::checkpoint_mpol_clear_inode((*shmem::mapping(file)).host) };
    }
}

/// Takes all policies off a file: the kernel has none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn clear_file(_: &FileRef) {}

/// Gives the pages from `start` to `end` of `file` a policy. May sleep.
///
/// EINVAL: it is not one of tmpfs; else as of [`set_memory`].
#[cfg(CONFIG_NUMA)]
pub(crate) fn set_file(file: &FileRef, start: u64, end: u64, policy: &Policy) -> Result {
    if !shmem::is_shmem(file) {
        return Err(EINVAL);
    }
    let (start, end) = (u64_as_usize(start), u64_as_usize(end));
    // SAFETY: The file keeps its inode, which is one of tmpfs; the policy is checked there.
    to_result(unsafe {
        let inode = (*shmem::mapping(file)).host;
        bindings::checkpoint_mpol_set_inode(inode, start, end, &asked_for(policy))
    })
}

/// Gives pages of a file a policy: the kernel has none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) fn set_file(_: &FileRef, _: u64, _: u64, _: &Policy) -> Result {
    Err(EOPNOTSUPP)
}

/// A copy of the policy of a task, by which others can allocate.
///
/// # Invariants
///
/// It is a policy, with a reference that is ours.
#[cfg(CONFIG_NUMA)]
pub(crate) struct Copied(NonNull<bindings::mempolicy>);

/// A copy of the policy of a task: there are none.
#[cfg(not(CONFIG_NUMA))]
pub(crate) enum Copied {}

// SAFETY: A policy that is no task's is not changed; references on it may be given up by anybody.
#[cfg(CONFIG_NUMA)]
unsafe impl Send for Copied {}
// SAFETY: It is read only: a policy that is no task's is not changed.
#[cfg(CONFIG_NUMA)]
unsafe impl Sync for Copied {}

#[cfg(CONFIG_NUMA)]
impl Copied {
    /// Copies the policy of the current task; `None`: it has none.
    pub(crate) fn of_current() -> Result<Option<Self>> {
        // SAFETY: A policy that is returned is ours.
        let policy = from_err_ptr(unsafe { bindings::checkpoint_mpol_copy() })?;
        // INVARIANT: So it is.
        Ok(NonNull::new(policy).map(Self))
    }

    /// Has the current task allocate by it, as if it were the one that it is of, until the guard
    /// goes.
    pub(crate) fn lend(&self) -> Result<Lent> {
        // SAFETY: By the invariants it is a policy, which nobody changes.
        let copy = from_err_ptr(unsafe { bindings::__mpol_dup(self.0.as_ptr()) })?;
        let mut seq = 0;
        // SAFETY: The copy is ours, and becomes the task's; there is room for the number.
        let old = unsafe { bindings::checkpoint_mpol_lend(copy, &mut seq) };
        // INVARIANT: That is what the current task had, which it does not leave.
        Ok(Lent {
            old,
            seq,
            _here: NotThreadSafe,
        })
    }
}

#[cfg(CONFIG_NUMA)]
impl Drop for Copied {
    fn drop(&mut self) {
        // SAFETY: The reference is ours.
        unsafe { bindings::__mpol_put(self.0.as_ptr()) };
    }
}

#[cfg(not(CONFIG_NUMA))]
impl Copied {
    /// Copies the policy of the current task, which has none.
    pub(crate) fn of_current() -> Result<Option<Self>> {
        Ok(None)
    }

    /// Has the current task allocate by it.
    pub(crate) fn lend(&self) -> Result<Lent> {
        match *self {}
    }
}

/// The current task has the policy of another one; its own comes back when this goes.
///
/// # Invariants
///
/// It is used by the task that has borrowed, which has a policy whose reference is its own until
/// this goes; `old` and `seq` are what it had before, `old` with its reference.
#[cfg(CONFIG_NUMA)]
pub(crate) struct Lent {
    old: *mut bindings::mempolicy,
    seq: u32,
    _here: NotThreadSafe,
}

/// The current task has the policy of another one.
#[cfg(not(CONFIG_NUMA))]
pub(crate) enum Lent {}

#[cfg(CONFIG_NUMA)]
impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: `old` is what this task had, which nobody else gives back: the guard does not leave
        // the task. What it has now is the copy of `Copied::lend()`, with the reference of that.
        unsafe { bindings::checkpoint_mpol_give_back(self.old, self.seq) };
    }
}
