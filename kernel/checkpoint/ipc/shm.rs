// SPDX-License-Identifier: GPL-2.0

//! Segments of System V shared memory.
//!
//! Those of a namespace that is in the image are saved and restored with it, attached or not. One
//! of the caller's namespace is, if the tasks have it attached and nobody else has. What a segment
//! holds are extents of its inode.
//!
//! A rule of the caller's, for its name (`sysvshm:` and its id), may say that one of the caller's namespace
//! stays outside: then a restart attaches what has its id.

use kernel::{
    prelude::*,
    str::{
        BStr,
        CString, //
    }, //
};
use zerocopy::FromZeros;

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        self,
        BuiltInode, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        files::{
            Inode,
            INODE_NORESERVE, //
        },
        huge::HUGE_RESERVED,
        ipc::{
            Segment as Record,
            SEGMENT_LOCKED,
            SEGMENT_OUTSIDE,
            SEGMENT_REMOVED, //
        },
        ObjRef, //
    },
    ipc::{
        as_maker,
        label,
        take_pids,
        why_not_given,
        why_not_made,
        LABEL,
        OWNER, //
    },
    kapi::{
        fs::{
            file::FileRef,
            path::PathName, //
        },
        ipc::{
            namespace::{
                Common,
                Ids,
                IpcNs, //
            },
            shm::{
                self,
                Settings, //
            }, //
        },
        mm::hugetlb,
        pid::namespace::PidNs,
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    mm::{
        self,
        huge,
        policy, //
    },
    ns,
    task::labels, //
};

/// A segment.
pub(crate) struct Segment {
    ns: IpcNs,
    settings: Settings,
    memory: FileRef,
    /// It stays outside, as the caller says.
    left: bool,
    /// The first task that was found to have to do with it.
    who: TaskName,
}

impl Shared<Found> for Segment {
    fn addr(&self) -> usize {
        self.memory.inode_addr()
    }

    /// Compares the uses with the kernel's count, which is of mappings. Its namespace, if that is
    /// in the image, was counted as one user.
    fn outside(&self, cap: &Capture, users: u64) -> Outside {
        if self.left {
            return Outside::Nothing;
        }
        let listed = self.is_listed(cap);
        let attached = users.saturating_sub(u64::from(listed));
        let id = self.settings.common.id;
        if (listed || self.ns == IpcNs::of_current()) && shm::attaches(&self.ns, id) <= attached {
            Outside::Nothing
        } else {
            Outside::Refused
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let why = if self.is_listed(cap) || self.ns == IpcNs::of_current() {
            "a task outside has it attached, too: end that, checkpoint it as well, or leave the segment \
             outside (a rule for sysvshm:ID)"
        } else {
            "is of an ipc namespace that no task is in: have it detach that (shmdt)"
        };
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "System V shared memory {}: {}",
                self.settings.common.id,
                why
            ),
        );
        Ok(())
    }
}

impl Segment {
    /// Returns whether it is saved with its namespace.
    fn is_listed(&self, cap: &Capture) -> bool {
        ns::ipc::has(cap, &self.ns)
    }
}

/// Refuses a segment that another task has given its label than `t`, which has it too: which of
/// them makes it again is not known.
fn check_label(cap: &mut Capture, t: &FrozenTask, ns: &IpcNs, id: i32) {
    if !ns.is_labelled_by(Ids::Segments, id, t) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("System V shared memory {}: {}", id, LABEL),
        );
    }
}

/// Counts a user of a segment; notes it with the first one, or lists why it can't be saved. Returns
/// whether it was noted, or had been.
fn add(cap: &mut Capture, t: &FrozenTask, ns: &IpcNs, found: shm::Found) -> Result<bool> {
    let addr = found.memory.inode_addr();
    let common = &found.settings.common;
    if !cap.objects.count::<Segment>(addr)? {
        let known = cap.objects.get::<Segment>(addr).is_some();
        if known {
            check_label(cap, t, ns, common.id);
        }
        return Ok(known);
    }
    let policy = policy::refuses_file(&found.memory)?;
    let why = if !common.has_ids() {
        OWNER
    } else if !ns.is_labelled_by(Ids::Segments, common.id, t) {
        LABEL
    } else if let Some(why) = policy {
        why
    } else {
        files::add_memory(cap, &found.memory)?;
        cap.objects.keep(Segment {
            ns: ns.clone(),
            settings: found.settings,
            memory: found.memory,
            left: false,
            who: t.display(&cap.pid_ns),
        })?;
        return Ok(true);
    };
    cap.refuse(
        EOPNOTSUPP,
        t,
        fmt!("System V shared memory {}: {}", common.id, why),
    );
    Ok(false)
}

/// Notes a segment of the caller's namespace as one that stays outside, if the caller says so: true. False:
/// it does not.
fn leave(cap: &mut Capture, t: &FrozenTask, ns: &IpcNs, found: &shm::Found) -> Result<bool> {
    let id = found.settings.common.id;
    if *ns != IpcNs::of_current() {
        return Ok(false);
    }
    let who = t.display(&cap.pid_ns);
    let name = CString::try_from_fmt(fmt!("sysvshm:{id}"))?;
    if cap.found.files.lists {
        let shown = BStr::from_bytes(name.to_bytes());
        cap.report
            .has(&who, fmt!("{shown}: a segment of System V shared memory"));
    }
    if !cap
        .found
        .ns
        .leaves_outside(&PathName::new(name.to_bytes())?)?
    {
        return Ok(false);
    }
    cap.objects.count::<Segment>(found.memory.inode_addr())?;
    if hugetlb::shift(&found.memory).is_some() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("System V shared memory {id}: has huge pages, and so can't stay outside"),
        );
        return Ok(true);
    }
    cap.report.note(
        &who,
        fmt!("System V shared memory {id}: stays outside; a restart attaches what has its id then"),
    );
    cap.objects.keep(Segment {
        ns: ns.clone(),
        settings: found.settings,
        memory: found.memory.clone(),
        left: true,
        who,
    })?;
    Ok(true)
}

/// Returns whether `file`, that of a mapping, is an attach of a segment that stays outside.
pub(crate) fn is_left(cap: &Capture, file: &FileRef) -> bool {
    let segment = cap.objects.get::<Segment>(file.inode_addr());
    segment.is_some_and(|segment| segment.left)
}

/// Counts all segments of a namespace of the task `t`; returns by which addresses they are known.
pub(crate) fn collect(cap: &mut Capture, t: &FrozenTask, ns: &IpcNs) -> Result<KVVec<usize>> {
    let mut all = KVVec::new();
    let pid_ns = cap.pid_ns.clone();
    shm::each(ns, &pid_ns, |found| {
        let addr = found.memory.inode_addr();
        if add(cap, t, ns, found)? {
            all.push(addr, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    })?;
    Ok(all)
}

/// Counts the segment that a mapping of the task `t` with this file is an attach of, if it is.
pub(crate) fn collect_attach(cap: &mut Capture, t: &FrozenTask, file: &FileRef) -> Result {
    let Some((ns, id)) = shm::attached(file) else {
        return Ok(());
    };
    let addr = file.inode_addr();
    if cap.objects.users::<Segment>(addr) > 0 {
        cap.objects.count::<Segment>(addr)?;
        // What was refused is not kept.
        if cap.objects.get::<Segment>(addr).is_some_and(|s| !s.left) {
            check_label(cap, t, &ns, id);
        }
        return Ok(());
    }
    // It is there as long as it is attached.
    let found = shm::find(&ns, &cap.pid_ns, id, file)?.ok_or(EBUSY)?;
    if leave(cap, t, &ns, &found)? {
        return Ok(());
    }
    add(cap, t, &ns, found)?;
    Ok(())
}

/// Returns the reference of the segment that `file` is an attach of; writes its record the first
/// time, if it is of the caller's namespace.
pub(crate) fn save_attached(cap: &mut Capture, file: &FileRef) -> Result<ObjRef> {
    let addr = file.inode_addr();
    let segment = cap.objects.get::<Segment>(addr).ok_or(ENOENT)?;
    if !segment.is_listed(cap) {
        save(cap, addr, 0)?;
    }
    cap.objects.reference::<Segment>(addr)
}

/// Writes the record of the segment with that address, of the namespace `ns`, and that of its
/// memory, the first time.
pub(crate) fn save(cap: &mut Capture, addr: usize, ns: u32) -> Result {
    let (obj, Some(segment)) = cap.objects.save::<Segment>(addr)? else {
        return Ok(());
    };
    let s = &segment.settings;
    if segment.left {
        let record = Record {
            obj: obj.get().into(),
            flags: (SEGMENT_OUTSIDE | if s.removed { SEGMENT_REMOVED } else { 0 }).into(),
            id: s.common.id.cast_unsigned().into(),
            key: s.common.key.into(),
            named: s.named.into(),
            size: s.size.into(),
            ..Record::new_zeroed()
        };
        return cap.meta.put(&record, &[]);
    }
    let inode = files::save_memory(cap, &segment.memory, s.size)?;
    let mut flags = 0;
    if s.removed {
        flags |= SEGMENT_REMOVED;
    }
    if s.locked {
        flags |= SEGMENT_LOCKED;
    }
    let [atime, dtime, ctime] = s.times.map(i64::cast_unsigned);
    let [cpid, lpid] = s.pids;
    let maker = if cap.found.task.has(s.maker) {
        s.maker
    } else {
        0
    };
    let record = Record {
        obj: obj.get().into(),
        ns: ns.into(),
        inode: inode.get().into(),
        flags: flags.into(),
        id: s.common.id.cast_unsigned().into(),
        key: s.common.key.into(),
        named: s.named.into(),
        mode: s.common.mode.into(),
        owner: s.common.owner.map(Into::into),
        creator: s.common.creator.map(Into::into),
        atime: atime.into(),
        dtime: dtime.into(),
        ctime: ctime.into(),
        cpid: cpid.into(),
        lpid: lpid.into(),
        maker: maker.into(),
        reserved: 0.into(),
        size: 0.into(),
    };
    cap.meta.put(&record, &[])
}

/// Returns what a record says of a segment of `size` bytes.
fn settings_of(record: &Record, size: u64) -> Settings {
    let flag = |flag| record.flags.get() & flag != 0;
    Settings {
        common: Common {
            id: record.id.get().cast_signed(),
            key: record.key.get(),
            owner: record.owner.map(|id| id.get()),
            creator: record.creator.map(|id| id.get()),
            mode: record.mode.get(),
        },
        named: record.named.get(),
        removed: flag(SEGMENT_REMOVED),
        locked: flag(SEGMENT_LOCKED),
        times: [record.atime, record.dtime, record.ctime].map(|t| t.get().cast_signed()),
        pids: [record.cpid.get(), record.lpid.get()],
        maker: record.maker.get(),
        size,
    }
}

/// A rebuilt segment.
struct BuiltSegment {
    ns: IpcNs,
    /// Who has made it, as of [`label`].
    maker: Option<CredRef>,
    memory: FileRef,
    settings: Settings,
    /// The namespace whose pids stand in the image.
    pid_ns: PidNs,
    /// The task that has made it, for messages.
    who: TaskName,
    /// It is in the namespace of the caller.
    outside: bool,
}

impl Rebuilt for BuiltSegment {
    fn stays(&self) -> bool {
        true
    }

    /// Gives it its owners, mode, times and pids, and removes it if it was: all have it attached.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        let id = self.settings.common.id;
        take_pids(
            r,
            &self.who,
            fmt!("System V shared memory {}", id),
            &self.pid_ns,
            self.settings.pids.into_iter(),
        )
        .and_then(|_taken| {
            as_maker(self.maker.as_ref(), || {
                shm::set(&self.ns, &self.pid_ns, &self.settings, &self.memory)
            })
        })
        .map_err(|e| {
            r.fail_of(
                e,
                &self.who,
                fmt!(
                    "System V shared memory {}: {} [{}]",
                    id,
                    why_not_given(e),
                    Errno(e)
                ),
            )
        })
    }

    /// Removes it. One in a namespace of the restart goes with that.
    fn undo(&self, _: &Restore) {
        if self.outside {
            shm::remove(&self.ns, self.settings.common.id, &self.memory);
        }
    }
}

/// Makes the segment with reference `obj` in `ns`, unless it is there.
///
/// `maker`: as of [`label`].
pub(crate) fn make(
    r: &Restore,
    plan: &TaskRecords<'_>,
    ns: &IpcNs,
    obj: ObjRef,
    maker: Option<&CredRef>,
) -> Result {
    if r.is_built(obj) {
        return Ok(());
    }
    let (record, _) = r.object_body::<Record>(obj)?;
    let inode = ObjRef::new(record.inode.get()).ok_or(EINVAL)?;
    let (memory, _) = r.object_body::<Inode>(inode)?;
    let huge = huge::of_inode(r, inode)?.map(|(huge, _)| huge);
    let size = match huge.as_ref().map_or(0, |huge| huge.asked.get()) {
        0 => memory.size.get(),
        asked => asked,
    };
    let settings = settings_of(&record, size);
    let noreserve = match &huge {
        Some(huge) => huge.flags.get() & HUGE_RESERVED == 0,
        None => memory.flags.get() & INODE_NORESERVE != 0,
    };
    let shift = huge.as_ref().map(|huge| huge.shift.get());
    // Before there is anything to remove.
    let pid_ns = ns::pid::of_image(r, plan)?;
    let memory = shm::make(ns, &settings, noreserve, shift).map_err(|e| {
        let why = match (e, shift) {
            // Of a size that the machine does not have it is EINVAL.
            (ENOMEM | EINVAL, Some(shift)) if e == ENOMEM || hugetlb::free(shift).is_none() => {
                return huge::missing(
                    r,
                    plan,
                    e,
                    fmt!("System V shared memory {}", settings.common.id),
                    shift,
                    memory.size.get().checked_shr(shift).unwrap_or(0),
                    hugetlb::free(shift),
                );
            }
            (EPERM, Some(_)) => {
                "the caller may not choose ids (CAP_CHECKPOINT_RESTORE), or not have huge pages \
                 (CAP_IPC_LOCK, vm.hugetlb_shm_group)"
            }
            _ => why_not_made(e),
        };
        r.fail(
            e,
            plan,
            fmt!(
                "System V shared memory {} of {} bytes: {} [{}]",
                settings.common.id,
                size,
                why,
                Errno(e)
            ),
        )
    })?;
    let outside = record.ns.get() == 0;
    let built = BuiltSegment {
        ns: ns.clone(),
        maker: maker.cloned(),
        memory: memory.clone(),
        settings,
        pid_ns,
        who: plan.name(),
        outside,
    };
    let id = (Ids::Segments, settings.common.id);
    label(r, plan, ns, id, maker)
        .and_then(|()| mm::prepare_file(r, plan, inode, &memory))
        .and_then(|()| BuiltInode::of_memory(memory.clone()))
        .and_then(|built| r.set_built(inode, built))
        .and_then(|()| r.set_built(obj, built))
        .inspect_err(|_| {
            if outside {
                shm::remove(ns, settings.common.id, &memory);
            }
        })
}

/// Returns the file of an attach of a segment that stays outside, which is attached with the rights of
/// `opener`.
fn attach_left(
    r: &Restore,
    plan: &TaskRecords<'_>,
    record: &Record,
    write: bool,
    opener: &CredRef,
) -> Result<FileRef> {
    let id = record.id.get().cast_signed();
    let fail = |e: Error, why: &str| {
        r.fail(
            e,
            plan,
            fmt!("System V shared memory {id}, which was left outside: {why}"),
        )
    };
    let found = shm::by_id(&r.ipc_ns, &PidNs::of_current()?, id)?
        .ok_or_else(|| fail(ENOENT, "is missing: bring it back"))?;
    let (named, size) = (found.settings.named, found.settings.size);
    if (named, size) != (record.named.get(), record.size.get())
        || hugetlb::shift(&found.memory).is_some()
    {
        return Err(fail(
            ESTALE,
            "is another one, by its key or size: bring the old one back",
        ));
    }
    opener
        .act(|| shm::open(&r.ipc_ns, id, &found.memory, write))
        .map_err(|e| {
            fail(
                e,
                "can't be attached with the rights of who had attached it",
            )
        })
}

/// Returns the file of an attach of the segment with reference `obj`, for mappings; `write`: they
/// may be written to. One that stays outside is attached with the rights of `opener`.
pub(crate) fn attach(
    r: &Restore,
    plan: &TaskRecords<'_>,
    obj: ObjRef,
    write: bool,
    opener: &CredRef,
) -> Result<FileRef> {
    let (record, _) = r.object_body::<Record>(obj)?;
    if record.flags.get() & SEGMENT_OUTSIDE != 0 {
        return attach_left(r, plan, &record, write, opener);
    }
    match ObjRef::new(record.ns.get()) {
        Some(ns) => drop(ns::ipc::rebuilt(r, plan, ns)?),
        None if r.is_built(obj) => (),
        None => {
            let maker = labels::maker(r, plan)?;
            make(r, plan, &r.ipc_ns, obj, maker.as_ref())?;
        }
    }
    let built = r.built::<BuiltSegment>(obj).ok_or(EINVAL)?;
    let id = built.settings.common.id;
    as_maker(built.maker.as_ref(), || {
        shm::open(&built.ns, id, &built.memory, write)
    })
    .map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!("System V shared memory {} can't be attached", id),
        )
    })
}
