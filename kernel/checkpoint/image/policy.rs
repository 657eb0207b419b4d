// SPDX-License-Identifier: GPL-2.0

//! Records of memory policies: on which NUMA nodes memory is to be.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    flags,
    record,
    values, //
};

pub(super) mod check;

/// Most nodes that a machine can have.
pub const NODES_MAX: u32 = 1024;

/// Numbers of 64 bits that have a bit for each node.
pub const NODE_WORDS: usize = NODES_MAX as usize / 64;

/// Most ranges of one file that have a policy.
pub const POLICY_RANGES_MAX: u32 = 1 << 16;

values! {
    "MemoryPolicy.mode": u32, POLICY_MODES;
    /// On one node, or near it (MPOL_PREFERRED).
    POLICY_PREFERRED = 1,
    /// On these nodes only (MPOL_BIND).
    POLICY_BIND = 2,
    /// On one after the other (MPOL_INTERLEAVE).
    POLICY_INTERLEAVE = 3,
    /// On the node of who touches it first (MPOL_LOCAL).
    POLICY_LOCAL = 4,
    /// On these nodes, or near them (MPOL_PREFERRED_MANY).
    POLICY_PREFERRED_MANY = 5,
    /// On one after the other, by the weights of the system (MPOL_WEIGHTED_INTERLEAVE).
    POLICY_WEIGHTED = 6,
}

flags! {
    "MemoryPolicy.flags": u32, POLICY_FLAG_LIST, POLICY_FLAGS;
    /// Another cpuset does not change the nodes (MPOL_F_STATIC_NODES).
    POLICY_STATIC = 1 << 0,
    /// The nodes are counted among those of the cpuset (MPOL_F_RELATIVE_NODES).
    POLICY_RELATIVE = 1 << 1,
    /// Pages move to who uses them (MPOL_F_NUMA_BALANCING).
    POLICY_BALANCING = 1 << 2,
}

record! {
    /// On which nodes a thread wants the memory that it touches first, as of set_mempolicy(2). Only of
    /// one that has said so.
    #[record(TaskPolicy = 208, "memory policy of a task", min = 280, check = task_policy)]
    pub struct TaskPolicy {
        /// The thread.
        pub tid: U32,
        /// `POLICY_*`, as of a [`MemoryPolicy`].
        pub mode: U32,
        /// `POLICY_*`, as of that.
        pub flags: U32,
        /// Of one node after the other: the node of the page before, plus 1; 0: none.
        pub last: U32,
        /// By weights: how many pages that node still gets.
        pub left: U32,
        /// Zero.
        pub reserved: U32,
        /// The nodes, a bit for each.
        pub nodes: [U64; 16],
        /// With [`POLICY_STATIC`] and [`POLICY_RELATIVE`] the nodes that were asked for; else zero.
        pub asked: [U64; 16],
    }
}

record! {
    /// On which nodes memory is to be, as of mbind(2): of all of the [`Vma`](super::mm::Vma) before it,
    /// or of a range of the `Inode` before it, of which there may be several by ascending offset. What
    /// a mapping of such an inode has goes with the mapping; its memory has what the inode has.
    #[record(MemoryPolicy = 209, "memory policy", min = 288, check = memory_policy)]
    pub struct MemoryPolicy {
        /// First address of the mapping; of an inode first page of the range.
        pub start: U64,
        /// Address, or page, after the last.
        pub end: U64,
        /// `POLICY_*`.
        pub mode: U32,
        /// `POLICY_*`.
        pub flags: U32,
        /// Node that is tried first (set_mempolicy_home_node(2)), plus 1; 0: none.
        pub home: U32,
        /// Zero.
        pub reserved: U32,
        /// The nodes, a bit for each.
        pub nodes: [U64; 16],
        /// With [`POLICY_STATIC`] and [`POLICY_RELATIVE`] the nodes that were asked for; else zero.
        pub asked: [U64; 16],
    }
}
