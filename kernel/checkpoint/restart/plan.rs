// SPDX-License-Identifier: GPL-2.0

//! The plan of a restart: who makes whom.
//!
//! A thread group's leader makes its threads, and each thread its children, as it was before.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Plan,
        META_AT, //
    },
    image::{
        record::{
            Raw,
            Records, //
        },
        task::{
            DeadPid,
            Task,
            LEVELS_MAX,
            TASK_DEAD_LEADER, //
        },
        Fault,
        Kind, //
    },
    kapi::time::wait, //
};

/// End of a list of children; no offset.
const NONE: u32 = u32::MAX;

/// A thread of the image.
pub(crate) struct Member {
    /// Offset of its record in the metadata.
    offset: u32,
    /// Offset at which its own records end: that of the next thread's.
    end: u32,
    /// Offset of the process record of its thread group.
    process: u32,
    /// Its pid.
    pub(crate) tid: u32,
    /// Its thread group.
    pub(crate) tgid: u32,
    /// `TASK_LIVE`, ...
    pub(crate) state: u32,
    /// Number of threads that follow it, if it is a leader.
    pub(crate) threads: u32,
    /// Its first child, an index.
    first_child: u32,
    /// The next child of its parent, an index.
    next_sibling: u32,
}

/// All threads of an image, in its order.
pub(crate) struct Members {
    list: KVVec<Member>,
    /// Pids and indices, sorted by pid.
    by_tid: KVVec<(u32, u32)>,
    /// Offsets of the records of pids without a task.
    dead_pids: KVVec<u32>,
}

impl Members {
    /// Plans the metadata `meta`, which was checked.
    ///
    /// A fault is of no use but for a bug in the check: then the restart fails. EINTR: the caller was
    /// killed.
    pub(crate) fn new(meta: &[u8]) -> Result<Self> {
        let bad = |_: Fault| wait::check_killed().err().unwrap_or(EINVAL);
        let mut this = Self {
            list: KVVec::new(),
            by_tid: KVVec::new(),
            dead_pids: KVVec::new(),
        };
        let mut parents: KVVec<u32> = KVVec::new();
        let mut leader = None;
        for raw in Records::asking(meta, 0, &wait::goes_on) {
            let raw = raw.map_err(bad)?;
            let offset = u32::try_from(raw.at)?;
            match raw.kind {
                Kind::DeadPid => this.dead_pids.push(offset, GFP_KERNEL_ACCOUNT)?,
                Kind::Process => {
                    // The group of the last leader, which is complete.
                    for m in this.list.iter_mut().skip(leader.unwrap_or(0)) {
                        m.process = offset;
                    }
                }
                Kind::Task => {
                    end_of_records(&mut this.list, offset);
                    let task: Task = raw.body().map_err(bad)?;
                    let index = this.list.len();
                    let is_leader = task.tid.get() == task.tgid.get();
                    if is_leader {
                        leader = Some(index);
                    } else if let Some(l) = leader.and_then(|l| this.list.get_mut(l)) {
                        l.threads += 1;
                    }
                    this.list.push(
                        Member {
                            offset,
                            end: offset,
                            process: NONE,
                            tid: task.tid.get(),
                            tgid: task.tgid.get(),
                            state: task.state.get(),
                            threads: 0,
                            first_child: NONE,
                            next_sibling: NONE,
                        },
                        GFP_KERNEL_ACCOUNT,
                    )?;
                    let parent = if is_leader { task.parent.get() } else { 0 };
                    parents.push(parent, GFP_KERNEL_ACCOUNT)?;
                    this.by_tid
                        .push((task.tid.get(), u32::try_from(index)?), GFP_KERNEL_ACCOUNT)?;
                }
                _ => (),
            }
        }
        end_of_records(&mut this.list, u32::try_from(meta.len())?);
        this.by_tid.sort_unstable();
        this.link(&parents)?;
        Ok(this)
    }

    /// Makes the lists of children; in reverse, so that they come out in the image's order.
    fn link(&mut self, parents: &[u32]) -> Result {
        for (index, &parent) in parents.iter().enumerate().rev() {
            if parent == 0 {
                continue;
            }
            let parent = self.index_of(parent).ok_or(EINVAL)?;
            let index32 = u32::try_from(index)?;
            if parent >= index {
                return Err(EINVAL);
            }
            let p = self.list.get_mut(parent).ok_or(EINVAL)?;
            let next = core::mem::replace(&mut p.first_child, index32);
            self.list.get_mut(index).ok_or(EINVAL)?.next_sibling = next;
        }
        Ok(())
    }

    /// Number of threads.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The `index`th thread.
    pub(crate) fn get(&self, index: usize) -> Result<&Member> {
        self.list.get(index).ok_or(EINVAL)
    }

    /// All threads.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.list.iter().enumerate()
    }

    /// Index of the thread with pid `tid`.
    pub(crate) fn index_of(&self, tid: u32) -> Option<usize> {
        let i = self.by_tid.binary_search_by_key(&tid, |e| e.0).ok()?;
        self.by_tid.get(i).map(|e| e.1 as usize)
    }

    /// Calls `f` for each child of the `index`th thread.
    pub(crate) fn for_each_child(
        &self,
        index: usize,
        mut f: impl FnMut(usize) -> Result,
    ) -> Result {
        let mut next = self.get(index)?.first_child;
        while next != NONE {
            f(next as usize)?;
            next = self.get(next as usize)?.next_sibling;
        }
        Ok(())
    }

    /// The record of the `index`th thread.
    pub(crate) fn record<'a>(&self, meta: &'a [u8], index: usize) -> Result<Raw<'a>> {
        let offset = self.get(index)?.offset as usize;
        let bytes = meta.get(offset..).ok_or(EINVAL)?;
        crate::image::record::parse(bytes, offset as u64)
            .map(|(raw, _)| raw)
            .map_err(|_| EINVAL)
    }

    /// What the `index`th thread needs to restore itself.
    ///
    /// A leader that was dead builds what its living threads share: it gets their references.
    pub(crate) fn plan<'a>(&self, meta: &'a [u8], index: usize) -> Result<Plan<'a>> {
        let member = self.get(index)?;
        let mut task: Task = self.record(meta, index)?.body().map_err(|_| EINVAL)?;
        if member.state == TASK_DEAD_LEADER {
            let heir: Task = self
                .record(meta, index.checked_add(1).ok_or(EINVAL)?)?
                .body()
                .map_err(|_| EINVAL)?;
            task.mm = heir.mm;
            task.files = heir.files;
            task.fs = heir.fs;
        }
        Ok(Plan {
            task,
            records: meta
                .get(member.offset as usize..member.end as usize)
                .ok_or(EINVAL)?,
            at: META_AT.saturating_add(u64::from(member.offset)),
            process: meta.get(member.process as usize..).unwrap_or(&[]),
            leader: member.tid == member.tgid,
            last: member.process < member.end,
        })
    }

    /// The pid numbers of the `index`th thread, innermost namespace first.
    pub(crate) fn pids(&self, meta: &[u8], index: usize, pids: &mut Numbers) -> Result {
        pids.read(&self.record(meta, index)?)
    }

    /// Calls `f` with each pid without a task, and its numbers, innermost namespace first.
    pub(crate) fn for_each_dead_pid(
        &self,
        meta: &[u8],
        mut f: impl FnMut(&DeadPid, &mut Numbers) -> Result,
    ) -> Result {
        for &offset in &self.dead_pids {
            let bytes = meta.get(offset as usize..).ok_or(EINVAL)?;
            let (raw, _) =
                crate::image::record::parse(bytes, u64::from(offset)).map_err(|_| EINVAL)?;
            let dead: DeadPid = raw.body().map_err(|_| EINVAL)?;
            let mut numbers = Numbers::new();
            numbers.read(&raw)?;
            f(&dead, &mut numbers)?;
        }
        Ok(())
    }
}

/// The records of the last thread of `list` end at `offset`.
fn end_of_records(list: &mut KVVec<Member>, offset: u32) {
    if let Some(m) = list.last_mut() {
        m.end = offset;
    }
}

/// The numbers of a pid in each namespace, innermost first.
pub(crate) struct Numbers {
    numbers: [i32; LEVELS_MAX],
    len: usize,
}

impl Numbers {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            numbers: [0; LEVELS_MAX],
            len: 0,
        }
    }

    /// Takes them from the payload of a record, which has the container's first.
    fn read(&mut self, raw: &Raw<'_>) -> Result {
        let list = raw
            .array::<zerocopy::byteorder::little_endian::U32>(LEVELS_MAX)
            .map_err(|_| EINVAL)?;
        for (to, from) in self.numbers.iter_mut().zip(list.iter().rev()) {
            *to = i32::try_from(from.get())?;
        }
        self.len = list.len();
        Ok(())
    }

    /// The numbers.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [i32] {
        self.numbers.get_mut(..self.len).unwrap_or(&mut [])
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_plan)]
mod tests {
    use super::*;
    use crate::{
        core::meta::Meta,
        image::{
            files::Path,
            task::{
                Affinity,
                Process,
                TASK_LIVE, //
            }, //
        }, //
    };
    use zerocopy::FromZeros;

    fn task(meta: &mut Meta, tid: u32, tgid: u32) -> Result {
        let mut task = Task::new_zeroed();
        task.tid = tid.into();
        task.tgid = tgid.into();
        task.state = TASK_LIVE.into();
        meta.put(&task, &[])?;
        let mut affinity = Affinity::new_zeroed();
        affinity.tid = tid.into();
        meta.put(&affinity, &[])
    }

    fn process(meta: &mut Meta, tgid: u32) -> Result {
        let mut process = Process::new_zeroed();
        process.tgid = tgid.into();
        meta.put(&process, &[])
    }

    /// Each thread has its own records, and the process record of its group.
    #[test]
    fn records_of_threads() -> Result {
        let mut meta = Meta::new();
        for tid in 1..4 {
            task(&mut meta, tid, 1)?;
        }
        process(&mut meta, 1)?;
        task(&mut meta, 4, 4)?;
        process(&mut meta, 4)?;
        let meta = meta.as_bytes();
        let members = Members::new(meta)?;
        assert_eq!(members.len(), 4);
        for (index, (tgid, last)) in [(1, false), (1, false), (1, true), (4, true)]
            .into_iter()
            .enumerate()
        {
            let plan = members.plan(meta, index)?;
            let mut kinds = [0; 2];
            for raw in Records::new(plan.records, plan.at) {
                match raw.map_err(|_| EINVAL)?.kind {
                    Kind::Task => kinds[0] += 1,
                    Kind::Affinity => kinds[1] += 1,
                    _ => (),
                }
            }
            assert_eq!(kinds, [1, 1]);
            assert_eq!(plan.last, last);
            let process = plan.process().map_err(|_| EINVAL)?;
            assert_eq!(process.tgid.get(), tgid);
        }
        Ok(())
    }

    /// What messages tell counts from the start of the image, whose header has 192 bytes.
    #[test]
    fn offsets_of_tasks() -> Result {
        let mut meta = Meta::new();
        meta.put(
            &Path {
                obj: 1.into(),
                ..Path::new_zeroed()
            },
            b"/home",
        )?;
        task(&mut meta, 1, 1)?;
        let members = Members::new(meta.as_bytes())?;
        assert_eq!(members.plan(meta.as_bytes(), 0)?.at, 240);
        Ok(())
    }
}
