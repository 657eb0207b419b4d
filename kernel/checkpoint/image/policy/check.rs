// SPDX-License-Identifier: GPL-2.0

//! Memory policies. Whether the nodes are there is a question of the machine.

use zerocopy::byteorder::little_endian::U64;

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero,
            POS_MAX, //
        },
        walk::Walk, //
    },
    policy::*,
    record::{
        Fault,
        Raw, //
    },
    task::{
        check::SEEN_POLICY,
        TASK_LIVE, //
    }, //
};

/// Most pages that a weight can be.
const WEIGHT_MAX: u32 = 255;

/// What the record before may have memory policies of.
#[derive(Clone, Copy)]
pub(in crate::image) enum Place {
    /// A mapping: its first address, and that after the last. It has one.
    Mapping(u64, u64),
    /// An inode: the first page that may have one, and how many ranges there may be.
    Inode(u64, u32),
}

/// Checks what both kinds of policy have.
fn policy(
    raw: &Raw<'_>,
    mode: u32,
    set: u32,
    nodes: &[U64; NODE_WORDS],
    asked: &[U64; NODE_WORDS],
) -> Result<(), Fault> {
    ensure(
        raw,
        (POLICY_PREFERRED..=POLICY_WEIGHTED).contains(&mode),
        "unknown memory policy",
    )?;
    flags(raw, set.into(), POLICY_FLAGS.into())?;
    no_payload(raw)?;
    let by_user = set & (POLICY_STATIC | POLICY_RELATIVE);
    ensure(
        raw,
        by_user != POLICY_STATIC | POLICY_RELATIVE
            && (set & POLICY_BALANCING == 0 || has_home(mode))
            && (mode != POLICY_LOCAL || by_user == 0),
        "flags that do not go together",
    )?;
    let count = |words: &[U64; NODE_WORDS]| -> u32 {
        words.iter().map(|word| word.get().count_ones()).sum()
    };
    let (here, asked) = (count(nodes), count(asked));
    ensure(
        raw,
        match mode {
            POLICY_LOCAL => here == 0,
            POLICY_PREFERRED => here == 1,
            _ => here != 0,
        },
        "impossible number of nodes",
    )?;
    ensure(
        raw,
        (asked != 0) == (by_user != 0),
        "nodes are asked for, or not, against the flags",
    )
}

/// Returns whether of a policy with this mode one node may be tried first, and pages may move to
/// who uses them.
fn has_home(mode: u32) -> bool {
    matches!(mode, POLICY_BIND | POLICY_PREFERRED_MANY)
}

impl Walk<'_> {
    /// Checks the memory policy of a thread.
    pub(in crate::image) fn task_policy(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: TaskPolicy = raw.body()?;
        let mode = body.mode.get();
        policy(raw, mode, body.flags.get(), &body.nodes, &body.asked)?;
        zero(raw, body.reserved.get() == 0)?;
        let (last, left) = (body.last.get(), body.left.get());
        ensure(
            raw,
            (last == 0 || matches!(mode, POLICY_INTERLEAVE | POLICY_WEIGHTED))
                && last <= NODES_MAX
                && (left == 0 || (mode == POLICY_WEIGHTED && last != 0))
                && left <= WEIGHT_MAX,
            "impossible place among the nodes",
        )?;
        let pid = self.see(raw, body.tid.get(), SEEN_POLICY)?;
        ensure(
            raw,
            pid.state == TASK_LIVE,
            "memory policy of an exited task",
        )?;
        self.in_place(raw, body.tid.get(), false)
    }

    /// Checks the memory policy of the mapping before it, or of a range of the inode before it.
    pub(in crate::image) fn memory_policy(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: MemoryPolicy = raw.body()?;
        let mode = body.mode.get();
        policy(raw, mode, body.flags.get(), &body.nodes, &body.asked)?;
        zero(raw, body.reserved.get() == 0)?;
        let home = body.home.get();
        ensure(
            raw,
            home <= NODES_MAX && (home == 0 || has_home(mode)),
            "impossible home node",
        )?;
        let (start, end) = (body.start.get(), body.end.get());
        self.place = match self.place {
            None => return Err(raw.fault("memory policy of neither a mapping nor an inode")),
            Some(Place::Mapping(first, last)) => {
                ensure(
                    raw,
                    (start, end) == (first, last),
                    "memory policy of another range than that of the mapping",
                )?;
                None
            }
            Some(Place::Inode(from, left)) => {
                // The last page of a file, which may be as long as can be.
                let most = POS_MAX.checked_div(self.page_size).unwrap_or(0);
                ensure(
                    raw,
                    from <= start && start < end && end <= most.saturating_add(1),
                    "ranges with a memory policy overlap, or lie beyond all files",
                )?;
                let left = left.checked_sub(1);
                Some(Place::Inode(
                    end,
                    left.ok_or(raw.fault("too many ranges with a memory policy"))?,
                ))
            }
        };
        Ok(())
    }
}
