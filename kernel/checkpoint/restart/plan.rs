// SPDX-License-Identifier: GPL-2.0

//! The plan of a restart: who makes whom, and whose child each process is to be.
//!
//! A task is made by the one that it must have something of, which only copy_process() can give:
//!
//! - a thread by the leader of its thread group;
//! - a process by the first one with the same signal actions, or else the same address space, if there
//!   is one before it in its pid namespace, and
//! - by the init of its pid namespace otherwise, an init by that of the namespace around its own.
//!
//! So the root makes nearly all of them. Parents have no part in that: see `restart::commit`.

use kernel::{
    num::casts::{
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::restore::{
        TaskRecords,
        META_AT, //
    },
    image::{
        ns::PidNs,
        record::{
            Raw,
            Records, //
        },
        task::{
            DeadPid,
            Task,
            LEVELS_MAX,
            TASK_DEAD_LEADER,
            TASK_ZOMBIE, //
        },
        Fault,
        Kind, //
    },
    kapi::time::wait, //
};

/// No offset, and no index.
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
    /// It is the first one of a pid namespace, which is made with it.
    pub(crate) init: bool,
    /// It is the first one of an address space, which it makes.
    pub(crate) owns_mm: bool,
    /// It is made with the signal actions of who makes it.
    pub(crate) shares_actions: bool,
    /// Number of threads that follow it, if it is a leader.
    pub(crate) threads: u32,
    /// Its address space; 0: none.
    mm: u32,
    /// Its signal actions; 0: none.
    sighand: u32,
    /// Its pid namespace; 0: outside.
    pid_ns: u32,
    /// Its parent, an index; `NONE`: it is a thread, or the root.
    parent: u32,
    /// The first process that it makes, an index.
    first_made: u32,
    /// The next process that its maker makes, an index.
    next_made: u32,
}

impl Member {
    /// Returns whether it leads its thread group.
    pub(crate) fn leads(&self) -> bool {
        self.tid == self.tgid
    }

    /// Returns the index of the thread that is its parent; `None`: it is a thread, or the root.
    pub(crate) fn parent(&self) -> Option<usize> {
        (self.parent != NONE).then_some(u32_as_usize(self.parent))
    }
}

/// All threads of an image, in its order.
pub(crate) struct Plan {
    list: KVVec<Member>,
    /// Pids and indices, sorted by pid.
    by_tid: KVVec<(u32, u32)>,
    /// Offsets of the records of pids without a task.
    dead_pids: KVVec<u32>,
}

impl Plan {
    /// Plans the metadata `meta`, which was checked.
    ///
    /// EINVAL: a task can't be made, as it lacks the one that would have to make it, or two are the
    /// init of one pid namespace. No checkpoint writes that. EINTR: the caller was killed.
    pub(crate) fn new(meta: &[u8]) -> Result<Self> {
        let bad = |_: Fault| wait::check_killed().err().unwrap_or(EINVAL);
        let mut this = Self {
            list: KVVec::new(),
            by_tid: KVVec::new(),
            dead_pids: KVVec::new(),
        };
        let mut parents: KVVec<u32> = KVVec::new();
        let mut spaces = Spaces(RBTree::new());
        let mut leader = None;
        for raw in Records::asking(meta, 0, &wait::goes_on) {
            let raw = raw.map_err(bad)?;
            let offset = u32::try_from(raw.at)?;
            match raw.kind {
                Kind::DeadPid => this.dead_pids.push(offset, GFP_KERNEL_ACCOUNT)?,
                Kind::PidNs => spaces.add(&raw.body().map_err(bad)?)?,
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
                    let leads = task.tid.get() == task.tgid.get();
                    if leads {
                        leader = Some(index);
                    } else if let Some(l) = leader.and_then(|l| this.list.get_mut(l)) {
                        l.threads += 1;
                        if l.state == TASK_DEAD_LEADER && l.threads == 1 {
                            l.mm = task.mm.get();
                            l.sighand = task.sighand.get();
                        }
                    }
                    let mut numbers = Numbers::new();
                    numbers.read(&raw)?;
                    let first = leads && numbers.as_mut_slice().first() == Some(&1);
                    let pid_ns = task.pid_ns.get();
                    let index32 = u32::try_from(index)?;
                    if index == 0 {
                        spaces.set_root(pid_ns)?;
                    } else if first && pid_ns != 0 {
                        let dead = task.state.get() == TASK_ZOMBIE;
                        spaces.set_init(pid_ns, index32, dead)?;
                    }
                    this.list.push(
                        Member {
                            offset,
                            end: offset,
                            process: NONE,
                            tid: task.tid.get(),
                            tgid: task.tgid.get(),
                            state: task.state.get(),
                            init: first && (index == 0 || pid_ns != 0),
                            owns_mm: false,
                            shares_actions: false,
                            threads: 0,
                            mm: task.mm.get(),
                            sighand: task.sighand.get(),
                            pid_ns,
                            parent: NONE,
                            first_made: NONE,
                            next_made: NONE,
                        },
                        GFP_KERNEL_ACCOUNT,
                    )?;
                    let parent = if leads { task.parent.get() } else { 0 };
                    parents.push(parent, GFP_KERNEL_ACCOUNT)?;
                    this.by_tid
                        .push((task.tid.get(), index32), GFP_KERNEL_ACCOUNT)?;
                }
                _ => (),
            }
        }
        end_of_records(&mut this.list, u32::try_from(meta.len())?);
        this.by_tid.sort_unstable();
        this.find_parents(&parents)?;
        this.find_makers(&spaces)?;
        Ok(this)
    }

    fn find_parents(&mut self, parents: &[u32]) -> Result {
        for (index, &parent) in parents.iter().enumerate() {
            if parent == 0 {
                continue;
            }
            let parent = self.index_of(parent).filter(|&p| p < index).ok_or(EINVAL)?;
            self.list.get_mut(index).ok_or(EINVAL)?.parent = u32::try_from(parent)?;
        }
        Ok(())
    }

    /// Finds who makes each process, and lists what each makes in the order of the image.
    fn find_makers(&mut self, spaces: &Spaces) -> Result {
        let mut makers: KVVec<u32> = KVVec::with_capacity(self.list.len(), GFP_KERNEL_ACCOUNT)?;
        // The first process with an address space, and the first one of a pid namespace with it.
        let mut owners: RBTree<u32, ()> = RBTree::new();
        let mut sharers: RBTree<(u32, u32), u32> = RBTree::new();
        // The same of signal actions: with their address space, as one can't have them without.
        let mut actions: RBTree<u32, u32> = RBTree::new();
        let mut users: RBTree<(u32, u32), u32> = RBTree::new();
        for (index, m) in self.list.iter_mut().enumerate() {
            let mut maker = NONE;
            if m.leads() {
                let around = if m.init && index != 0 {
                    spaces.parent(m.pid_ns)?
                } else {
                    m.pid_ns
                };
                m.owns_mm = m.mm != 0 && owners.get(&m.mm).is_none();
                let of = actions.get(&m.sighand).copied().filter(|_| m.mm != 0);
                if index == 0 {
                    // The caller of restart(2) makes the root.
                } else if let Some(of) = of {
                    if of != m.mm {
                        return Err(EINVAL);
                    }
                    m.shares_actions = true;
                    maker = *users.get(&(m.sighand, around)).ok_or(EINVAL)?;
                } else if m.mm == 0 || m.owns_mm {
                    maker = spaces.init(around)?;
                } else {
                    maker = *sharers.get(&(m.mm, around)).ok_or(EINVAL)?;
                }
                if m.owns_mm {
                    owners.try_create_and_insert(m.mm, (), GFP_KERNEL_ACCOUNT)?;
                }
                let key = (m.mm, m.pid_ns);
                if m.mm != 0 && sharers.get(&key).is_none() {
                    sharers.try_create_and_insert(
                        key,
                        u32::try_from(index)?,
                        GFP_KERNEL_ACCOUNT,
                    )?;
                }
                let key = (m.sighand, m.pid_ns);
                if m.mm != 0 && m.sighand != 0 && users.get(&key).is_none() {
                    users.try_create_and_insert(key, u32::try_from(index)?, GFP_KERNEL_ACCOUNT)?;
                    if of.is_none() {
                        actions.try_create_and_insert(m.sighand, m.mm, GFP_KERNEL_ACCOUNT)?;
                    }
                }
            }
            makers.push(maker, GFP_KERNEL_ACCOUNT)?;
        }
        // In reverse, so that the lists come out in the image's order.
        for (index, &maker) in makers.iter().enumerate().rev() {
            if maker == NONE {
                continue;
            }
            let maker = self.list.get_mut(u32_as_usize(maker)).ok_or(EINVAL)?;
            let next = core::mem::replace(&mut maker.first_made, u32::try_from(index)?);
            self.list.get_mut(index).ok_or(EINVAL)?.next_made = next;
        }
        Ok(())
    }

    /// Returns the number of threads.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns the `index`th thread.
    pub(crate) fn get(&self, index: usize) -> Result<&Member> {
        self.list.get(index).ok_or(EINVAL)
    }

    /// Returns all threads.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.list.iter().enumerate()
    }

    /// Returns the index of the thread with pid `tid`.
    pub(crate) fn index_of(&self, tid: u32) -> Option<usize> {
        let i = self.by_tid.binary_search_by_key(&tid, |e| e.0).ok()?;
        self.by_tid.get(i).map(|e| u32_as_usize(e.1))
    }

    /// Calls `f` for each process that the `index`th one makes.
    pub(crate) fn for_each_made(&self, index: usize, mut f: impl FnMut(usize) -> Result) -> Result {
        let mut next = self.get(index)?.first_made;
        while next != NONE {
            f(u32_as_usize(next))?;
            next = self.get(u32_as_usize(next))?.next_made;
        }
        Ok(())
    }

    /// Returns the record of the `index`th thread.
    pub(crate) fn record<'a>(&self, meta: &'a [u8], index: usize) -> Result<Raw<'a>> {
        let offset = self.get(index)?.offset as usize;
        let bytes = meta.get(offset..).ok_or(EINVAL)?;
        crate::image::record::parse(bytes, usize_as_u64(offset))
            .map(|(raw, _)| raw)
            .map_err(|_| EINVAL)
    }

    /// Returns what the `index`th thread needs to restore itself.
    ///
    /// A leader that was dead builds what its living threads share: it gets their references.
    pub(crate) fn plan<'a>(&self, meta: &'a [u8], index: usize) -> Result<TaskRecords<'a>> {
        let member = self.get(index)?;
        let mut task: Task = self.record(meta, index)?.body().map_err(|_| EINVAL)?;
        if member.state == TASK_DEAD_LEADER {
            let thread: Task = self
                .record(meta, index.checked_add(1).ok_or(EINVAL)?)?
                .body()
                .map_err(|_| EINVAL)?;
            task.mm = thread.mm;
            task.files = thread.files;
            task.fs = thread.fs;
        }
        Ok(TaskRecords {
            task,
            records: meta
                .get(u32_as_usize(member.offset)..member.end as usize)
                .ok_or(EINVAL)?,
            at: META_AT.saturating_add(u64::from(member.offset)),
            process: meta.get(u32_as_usize(member.process)..).unwrap_or(&[]),
            init: member.init,
            owns_mm: member.owns_mm,
            last: member.process < member.end,
            restoring: None,
        })
    }

    /// Reads the pid numbers of the `index`th thread, innermost namespace first.
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
            let bytes = meta.get(u32_as_usize(offset)..).ok_or(EINVAL)?;
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

/// The pid namespaces of an image, by their references.
struct Spaces(RBTree<u32, Space>);

/// A pid namespace of an image.
struct Space {
    /// The one around it; 0: outside.
    parent: u32,
    /// Its first task, an index.
    init: u32,
    /// That has exited: so there is no other in it.
    dead: bool,
}

impl Spaces {
    fn add(&mut self, ns: &PidNs) -> Result {
        let space = Space {
            parent: ns.parent.get(),
            init: NONE,
            dead: false,
        };
        self.0
            .try_create_and_insert(ns.obj.get(), space, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Notes that the root is in `ns`, which may be outside: whoever is in it is made by the root.
    fn set_root(&mut self, ns: u32) -> Result {
        if ns != 0 {
            return self.set_init(ns, 0, false);
        }
        let space = Space {
            parent: 0,
            init: 0,
            dead: false,
        };
        self.0.try_create_and_insert(0, space, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Notes that `ns` has the `index`th task as its first; `dead`: which has exited. EINVAL: it
    /// has another.
    fn set_init(&mut self, ns: u32, index: u32, dead: bool) -> Result {
        let space = self.0.get_mut(&ns).filter(|s| s.init == NONE);
        let space = space.ok_or(EINVAL)?;
        space.init = index;
        space.dead = dead;
        Ok(())
    }

    /// Returns the first task of `ns`, which makes others in it. EINVAL: it has none, or a dead
    /// one.
    fn init(&self, ns: u32) -> Result<u32> {
        let space = self.0.get(&ns).filter(|s| s.init != NONE && !s.dead);
        Ok(space.ok_or(EINVAL)?.init)
    }

    /// Returns the namespace around `ns`; 0: it lies outside.
    fn parent(&self, ns: u32) -> Result<u32> {
        Ok(self.0.get(&ns).ok_or(EINVAL)?.parent)
    }
}

/// Notes that the records of the last thread of `list` end at `offset`.
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
    /// Makes an empty one.
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

    /// Returns the numbers.
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

    /// Checks that each thread has its own records, and the process record of its group.
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
        let members = Plan::new(meta)?;
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

    /// Checks the makers of some processes: a thread and what shares memory with its group, a nested pid
    /// namespace whose init comes after one that was sent into it.
    #[test]
    fn makers() -> Result {
        // tid, tgid, parent, address space, pid namespace, pids.
        type Row = (u32, u32, u32, u32, u32, &'static [u32]);
        const ROWS: &[Row] = &[
            (1, 1, 0, 10, 1, &[1]),
            (2, 1, 0, 10, 1, &[2]),
            (3, 3, 2, 11, 1, &[3]),
            (4, 4, 2, 12, 2, &[4, 2]),
            (5, 5, 3, 11, 1, &[5]),
            (6, 6, 1, 10, 2, &[6, 1]),
            (7, 7, 6, 10, 2, &[7, 3]),
            (8, 8, 5, 11, 1, &[8]),
        ];
        let mut meta = Meta::new();
        for (obj, parent) in [(1u32, 0u32), (2, 1)] {
            let mut ns = PidNs::new_zeroed();
            ns.obj = obj.into();
            ns.parent = parent.into();
            meta.put(&ns, &[])?;
        }
        for &(tid, tgid, parent, mm, ns, pids) in ROWS {
            let mut task = Task::new_zeroed();
            task.tid = tid.into();
            task.tgid = tgid.into();
            task.parent = parent.into();
            task.mm = mm.into();
            task.pid_ns = ns.into();
            let mut payload: KVec<u8> = KVec::new();
            for pid in pids {
                payload.extend_from_slice(&pid.to_le_bytes(), GFP_KERNEL)?;
            }
            meta.put(&task, &payload)?;
        }
        let members = Plan::new(meta.as_bytes())?;
        let made: &[(usize, &[usize])] = &[
            // All of the root's namespace, and the init of the other, with which it shares memory.
            (0, &[2, 5]),
            (2, &[4, 7]),
            // The init makes who was sent into its namespace before, and who shares its memory.
            (5, &[3, 6]),
        ];
        for index in 0..ROWS.len() {
            let wanted = made.iter().find(|m| m.0 == index).map_or(&[][..], |m| m.1);
            let mut wanted = wanted.iter();
            members.for_each_made(index, |other| {
                assert_eq!(Some(&other), wanted.next());
                Ok(())
            })?;
            assert!(wanted.next().is_none());
        }
        let parents = [
            None,
            None,
            Some(1),
            Some(1),
            Some(2),
            Some(0),
            Some(5),
            Some(4),
        ];
        for (index, parent) in parents.into_iter().enumerate() {
            assert_eq!(members.get(index)?.parent(), parent);
        }
        let owners = [0, 2, 3];
        for (index, member) in members.iter() {
            assert_eq!(member.owns_mm, owners.contains(&index));
            assert_eq!(member.init, [0, 5].contains(&index));
        }
        Ok(())
    }

    /// Checks that what messages tell counts from the start of the image, whose header has 192 bytes.
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
        let members = Plan::new(meta.as_bytes())?;
        assert_eq!(members.plan(meta.as_bytes(), 0)?.at, 248);
        Ok(())
    }
}
