// SPDX-License-Identifier: GPL-2.0

//! Memory policies of mappings, and of files of tmpfs, which memory that is shared has.
//!
//! mbind(2) on a mapping of such a file gives both one; the last call wins for the file. So each has its
//! own in the image, and is given that without the other. They are there before the memory has a page:
//! whoever fills it fills pages of the nodes that the policy wants.

use kernel::{
    num::casts::usize_as_u64,
    prelude::*, //
};

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    found::Capture,
    image::{
        policy::{
            MemoryPolicy,
            NODE_WORDS,
            POLICY_BALANCING,
            POLICY_BIND,
            POLICY_INTERLEAVE,
            POLICY_LOCAL,
            POLICY_PREFERRED,
            POLICY_PREFERRED_MANY,
            POLICY_RANGES_MAX,
            POLICY_RELATIVE,
            POLICY_STATIC,
            POLICY_WEIGHTED, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        mm::{
            policy::{
                self,
                mode,
                Policy,
                WORDS, //
            },
            shmem,
            space::MmRef, //
        },
        time::wait, //
    }, //
};

/// Why what has a policy that nobody knows can't be saved.
pub(crate) const UNKNOWN: &str = "has a memory policy that this version does not know: set another";

/// Policies of the kernel, and their numbers in the image.
const MODES: &[(u32, u32)] = &[
    (mode::PREFERRED, POLICY_PREFERRED),
    (mode::BIND, POLICY_BIND),
    (mode::INTERLEAVE, POLICY_INTERLEAVE),
    (mode::LOCAL, POLICY_LOCAL),
    (mode::PREFERRED_MANY, POLICY_PREFERRED_MANY),
    (mode::WEIGHTED, POLICY_WEIGHTED),
];

/// Flags of the kernel, and their numbers in the image.
const FLAGS: &[(u32, u32)] = &[
    (mode::STATIC, POLICY_STATIC),
    (mode::RELATIVE, POLICY_RELATIVE),
    (mode::BALANCING, POLICY_BALANCING),
];

const _: () = assert!(WORDS == NODE_WORDS);

/// Returns mode and flags of `policy` as the image has them. EOPNOTSUPP: they are not known.
pub(crate) fn to_image(policy: &Policy) -> Result<(u32, u32)> {
    let mode = MODES.iter().find(|(mode, _)| *mode == policy.mode);
    let mut flags = 0;
    for &(flag, stored) in FLAGS {
        if policy.flags & flag != 0 {
            flags |= stored;
        }
    }
    mode.map(|&(_, stored)| (stored, flags)).ok_or(EOPNOTSUPP)
}

/// Returns the policy with mode, flags and nodes of the image. EINVAL: impossible ones.
pub(crate) fn from_image(
    stored: u32,
    flags: u32,
    nodes: &[U64; WORDS],
    asked: &[U64; WORDS],
) -> Result<Policy> {
    let mode = MODES.iter().find(|(_, number)| *number == stored);
    let mut policy = Policy {
        mode: mode.ok_or(EINVAL)?.0,
        flags: 0,
        nodes: nodes.map(|word| word.get()),
        asked: asked.map(|word| word.get()),
        home: None,
        last: None,
        left: 0,
    };
    for &(flag, stored) in FLAGS {
        if flags & stored != 0 {
            policy.flags |= flag;
        }
    }
    Ok(policy)
}

/// Returns the number of a node, plus 1, as the image has it; 0: none.
pub(crate) fn node_to_image(node: Option<u32>) -> U32 {
    U32::new(node.map_or(0, |node| node.saturating_add(1)))
}

/// Returns why a policy can't be given, and what to do.
pub(crate) fn why(e: Error) -> &'static str {
    match e {
        ENODEV => {
            "not all of its nodes are here, or the cpuset does not allow them: restart it where they \
             are, or have it set another policy before"
        }
        EOPNOTSUPP => "this kernel has none (CONFIG_NUMA)",
        ENOMEM => "there is no memory for it",
        _ => "the kernel does not take it",
    }
}

/// Returns the record of a policy from `start` to `end`.
fn record(start: u64, end: u64, policy: &Policy) -> Result<MemoryPolicy> {
    let (mode, flags) = to_image(policy)?;
    Ok(MemoryPolicy {
        start: U64::new(start),
        end: U64::new(end),
        mode: U32::new(mode),
        flags: U32::new(flags),
        home: node_to_image(policy.home),
        reserved: U32::new(0),
        nodes: policy.nodes.map(U64::new),
        asked: policy.asked.map(U64::new),
    })
}

/// Returns the policy that a record tells of.
fn policy_of(record: &MemoryPolicy) -> Result<Policy> {
    Ok(Policy {
        home: record.home.get().checked_sub(1),
        ..from_image(
            record.mode.get(),
            record.flags.get(),
            &record.nodes,
            &record.asked,
        )?
    })
}

/// Returns whether the policy of the mapping of `mm` at `start`, which has one, can be saved.
pub(super) fn is_known(mm: &MmRef, start: usize) -> Result<bool> {
    match policy::of_mapping(mm, start) {
        Err(EOPNOTSUPP) => Ok(false),
        found => Ok(found?.is_none_or(|policy| to_image(&policy).is_ok())),
    }
}

/// Writes the policy of the mapping of `mm` from `start` to `end`, which has one.
pub(super) fn save_mapping(cap: &mut Capture, mm: &MmRef, start: usize, end: usize) -> Result {
    let policy = policy::of_mapping(mm, start)?.ok_or(EBUSY)?;
    cap.meta.put(
        &record(usize_as_u64(start), usize_as_u64(end), &policy)?,
        &[],
    )
}

/// Gives the mapping from `start` to `end`, which was just made, the policy of the record `raw`.
pub(super) fn restore_mapping(
    r: &Restore,
    plan: &TaskRecords<'_>,
    (start, end): (usize, usize),
    raw: &Raw<'_>,
) -> Result {
    let record: MemoryPolicy = raw.body().map_err(|f| r.fault(f))?;
    policy_of(&record)
        .and_then(|policy| policy::set_memory(start, end, &policy))
        .map_err(|e| match e {
            EINTR => e,
            _ => r.fail(
                e,
                plan,
                fmt!(
                    "mapping {:x}-{:x}: can't have its memory policy: {}",
                    start,
                    end,
                    why(e)
                ),
            ),
        })
}

/// Returns why the policies of `file` can't be saved.
pub(crate) fn refuses_file(file: &FileRef) -> Result<Option<&'static str>> {
    if !shmem::has_policy(file) {
        return Ok(None);
    }
    let mut left = POLICY_RANGES_MAX;
    let mut from = 0;
    loop {
        wait::go_on()?;
        match policy::next_of_file(file, from) {
            Ok(None) => return Ok(None),
            Ok(Some((_, end, policy))) if to_image(&policy).is_ok() && left != 0 => from = end,
            Ok(Some(_)) if left == 0 => {
                return Ok(Some(
                    "has more ranges with a memory policy (mbind) than can be saved: have it set one \
                     for all of it",
                ));
            }
            Ok(Some(_)) | Err(EOPNOTSUPP) => return Ok(Some(UNKNOWN)),
            Err(e) => return Err(e),
        }
        left -= 1;
    }
}

/// Writes the policies of `file`, if it has others than that with which its filesystem is mounted.
pub(crate) fn save_file(cap: &mut Capture, file: &FileRef) -> Result {
    if !shmem::has_policy(file) {
        return Ok(());
    }
    let mut left = POLICY_RANGES_MAX;
    let mut from = 0;
    // Tasks outside may have it mapped, and change them.
    while let Some((start, end, policy)) = policy::next_of_file(file, from)? {
        wait::go_on()?;
        left = left.checked_sub(1).ok_or(EBUSY)?;
        cap.meta
            .put(&record(core::cmp::max(start, from), end, &policy)?, &[])?;
        from = end;
    }
    Ok(())
}

/// Gives `file`, which was made for the inode `obj`, its policies. It has no page yet.
pub(super) fn restore_file(
    r: &Restore,
    plan: &TaskRecords<'_>,
    obj: ObjRef,
    file: &FileRef,
) -> Result {
    let mut is_first = true;
    for raw in r.records_after(obj)? {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::HugePages => continue,
            Kind::MemoryPolicy => (),
            _ => break,
        }
        wait::go_on()?;
        if is_first {
            policy::clear_file(file);
            is_first = false;
        }
        let record: MemoryPolicy = raw.body().map_err(|f| r.fault(f))?;
        policy_of(&record)
            .and_then(|policy| {
                policy::set_file(file, record.start.get(), record.end.get(), &policy)
            })
            .map_err(|e| {
                r.fail(
                    e,
                    plan,
                    fmt!(
                        "shared memory, or a file of tmpfs: can't have its memory policy: {}",
                        match e {
                            EINVAL => "its filesystem is no tmpfs any more",
                            e => why(e),
                        }
                    ),
                )
            })?;
    }
    Ok(())
}
