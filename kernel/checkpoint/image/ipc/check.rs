// SPDX-License-Identifier: GPL-2.0

//! System V IPC and its namespaces.

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            flags,
            ids,
            no_payload,
            zero, //
        },
        walk::{
            Follow,
            Walk, //
        },
        PID_MAX, //
    },
    files::Inode,
    ipc::*,
    record::{
        Fault,
        Raw, //
    }, //
};

/// Bits of an id that are an index, without and with ipcmni_extend.
const SHIFT: [u32; 2] = [15, 24];

/// Most ids of a namespace.
const MNI_MAX: u32 = 1 << 24;

/// Lowest and highest values in /proc/sys/fs/mqueue, which the kernel calls `MIN_*` and `HARD_*`.
const MQ_RANGES: [(u32, u32); 5] = [
    (0, i32::MAX as u32),
    (1, 65536),
    (128, 16 << 20),
    (1, 65536),
    (128, 16 << 20),
];

/// Refuses what is none of the pids in the container; 0 is none.
fn pids(raw: &Raw<'_>, mut pids: impl Iterator<Item = u32>) -> Result<(), Fault> {
    ensure(raw, pids.all(|pid| pid < PID_MAX), "impossible pid")
}

/// Refuses an impossible id, mode or owner of an object.
fn permissions(raw: &Raw<'_>, id: u32, mode: u32, owners: [[U32; 2]; 2]) -> Result<(), Fault> {
    ensure(raw, id <= i32::MAX as u32, "impossible id")?;
    flags(raw, u64::from(mode), 0o777)?;
    ids(raw, owners.as_flattened().iter().map(|id| id.get()))
}

impl Walk<'_> {
    /// An ipc namespace.
    pub(in crate::image) fn ipc_ns(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let ns: IpcNs = raw.body()?;
        boolean(raw, ns.shm_rmid_forced.get())?;
        let limits = [ns.msg_max, ns.msg_mnb]
            .iter()
            .all(|n| n.get() <= i32::MAX as u32)
            && [ns.shm_mni, ns.msg_mni].iter().all(|n| n.get() <= MNI_MAX)
            && matches!(ns.sem, [_, _, _, mni] if (0..=MNI_MAX as i32).contains(&mni.get()));
        let queues = Iterator::zip(ns.mq.iter(), MQ_RANGES)
            .all(|(n, (low, high))| (low..=high).contains(&n.get()));
        ensure(
            raw,
            limits && queues,
            "impossible setting of an ipc namespace",
        )?;
        ensure(
            raw,
            SHIFT.contains(&ns.shift.get()),
            "impossible composition of ids",
        )?;
        let possible = ns.seq.iter().all(|n| n.get() <= i32::MAX as u32)
            && ns.cursor.iter().all(|n| n.get() <= MNI_MAX)
            && ns
                .last_idx
                .iter()
                .all(|n| (-1..MNI_MAX as i32).contains(&n.get()))
            && ns.next_id.iter().all(|n| n.get() >= -1);
        ensure(raw, possible, "impossible next id")?;
        zero(raw, ns.reserved.get() == 0)?;
        no_payload(raw)?;
        let left = ns.inside.get();
        if left != 0 {
            let ns = ns.obj.get();
            self.follow = Follow::Ipc { left, ns };
        }
        Ok(())
    }

    /// Notes one of the objects that are in a namespace, or is alone in that of the caller.
    fn is_in(&mut self, raw: &Raw<'_>, ns: u32) -> Result<(), Fault> {
        let (left, of) = match self.follow {
            Follow::Ipc { left, ns } => (left, ns),
            _ => (0, 0),
        };
        ensure(
            raw,
            ns == of,
            "does not stand with the namespace that it is in",
        )?;
        if left == 1 {
            self.follow = Follow::Any;
        } else if left != 0 {
            let left = left.saturating_sub(1);
            self.follow = Follow::Ipc { left, ns };
        }
        Ok(())
    }

    /// A segment of shared memory.
    pub(in crate::image) fn segment(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let s: Segment = raw.body()?;
        self.is_in(raw, s.ns.get())?;
        let named = self.refer::<Inode>(raw, s.inode.get())?.detail;
        ensure(raw, named == 0, "its memory has a name")?;
        flags(raw, u64::from(s.flags.get()), u64::from(SEGMENT_FLAGS))?;
        permissions(raw, s.id.get(), s.mode.get(), [s.owner, s.creator])?;
        let removed = s.flags.get() & SEGMENT_REMOVED != 0;
        ensure(
            raw,
            if removed {
                s.key.get() == 0
            } else {
                s.key == s.named
            },
            "has not the key that it was made with",
        )?;
        pids(raw, [s.cpid, s.lpid, s.maker].iter().map(|pid| pid.get()))?;
        zero(raw, s.reserved.get() == 0)?;
        no_payload(raw)
    }
}
