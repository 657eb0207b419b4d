// SPDX-License-Identifier: GPL-2.0

//! Sets of System V semaphores, with the adjustments of them (SEM_UNDO).
//!
//! All of a namespace that is in the image are saved and restored with it. Those of the caller's
//! stay there: the kernel does not know who uses them.

use kernel::{
    num::casts::u32_as_usize,
    prelude::*, //
};
use zerocopy::{
    byteorder::little_endian::U16,
    IntoBytes, //
};

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
    found::{
        Capture,
        Found, //
    },
    image::{
        ipc::{
            SemSet as Record,
            SemUndo,
            Semaphore,
            UndoList, //
        },
        record::PAYLOAD_MAX,
        Kind,
        ObjRef, //
    },
    ipc::{
        as_maker,
        label,
        take_pids,
        undo::List,
        why_not_given,
        why_not_made,
        LABEL,
        OWNER, //
    },
    kapi::{
        ipc::{
            namespace::{
                Common,
                Ids,
                IpcNs, //
            },
            sem::{
                self,
                Settings,
                Value, //
            }, //
        },
        pid::namespace::PidNs,
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    ns, //
};

/// Most pids without a task that are taken at a time: each is one of the namespaces around, too,
/// and no limit of the caller's counts them.
const PIDS_MAX: usize = 256;

/// A set of semaphores.
struct Set {
    found: sem::Found,
    /// The first task of its namespace.
    who: TaskName,
}

/// What tasks outside do with a set is up to them, as with all in a namespace that they are in. If
/// they have adjustments of it, though, these would be lost.
impl Shared<Found> for Set {
    fn addr(&self) -> usize {
        self.found.addr
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        let known = |list| cap.objects.users::<List>(list) > 0;
        let mut undos = self.found.undos();
        if undos.all(|(list, mut each)| known(list) || each.all(|n| n == 0)) {
            Outside::Nothing
        } else {
            Outside::Refused
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "System V semaphores {}: a task outside has adjustments of them (SEM_UNDO): end \
                 that, or checkpoint it as well",
                self.found.settings.common.id
            ),
        );
        Ok(())
    }
}

/// Notes all sets of a namespace of the task `t`, or lists why they can't be saved; returns by
/// which addresses they are known.
pub(crate) fn collect(cap: &mut Capture, t: &FrozenTask, ns: &IpcNs) -> Result<KVVec<usize>> {
    let mut all = KVVec::new();
    let pid_ns = cap.pid_ns.clone();
    sem::each(ns, &pid_ns, |found| {
        wait::go_on()?;
        let common = &found.settings.common;
        let why = if !common.has_ids() {
            Some(OWNER)
        } else if !ns.is_labelled_by(Ids::Semaphores, common.id, t) {
            Some(LABEL)
        } else if u32_as_usize(found.settings.nsems) > PAYLOAD_MAX / size_of::<Semaphore>() {
            Some("has more semaphores than an image can hold")
        } else if !cap.objects.count::<Set>(found.addr)? {
            Some("is being made while its namespace is read: try again")
        } else {
            None
        };
        if let Some(why) = why {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("System V semaphores {}: {}", common.id, why),
            );
            return Ok(());
        }
        let who = t.display(&cap.pid_ns);
        all.push(found.addr, GFP_KERNEL_ACCOUNT)?;
        cap.objects.keep(Set { found, who })
    })?;
    Ok(all)
}

/// Writes the records of the set with that address, of the namespace `ns`.
pub(crate) fn save(cap: &mut Capture, addr: usize, ns: u32) -> Result {
    let (obj, Some(set)) = cap.objects.save::<Set>(addr)? else {
        return Ok(());
    };
    let s = &set.found.settings;
    let mut undos: KVVec<(u32, KVVec<U16>)> = KVVec::new();
    for (list, adjustments) in set.found.undos() {
        let mut all = KVVec::with_capacity(u32_as_usize(s.nsems), GFP_KERNEL_ACCOUNT)?;
        for n in adjustments {
            all.push(U16::new(n.cast_unsigned()), GFP_KERNEL_ACCOUNT)?;
        }
        if all.iter().any(|n| n.get() != 0) {
            let list = cap.objects.reference::<List>(list)?.get();
            undos.push((list, all), GFP_KERNEL_ACCOUNT)?;
        }
    }
    undos.sort_unstable_by_key(|(list, _)| *list);
    let [otime, ctime] = s.times.map(i64::cast_unsigned);
    let record = Record {
        obj: obj.get().into(),
        ns: ns.into(),
        id: s.common.id.cast_unsigned().into(),
        key: s.common.key.into(),
        mode: s.common.mode.into(),
        nsems: s.nsems.into(),
        owner: s.common.owner.map(Into::into),
        creator: s.common.creator.map(Into::into),
        undos: u32::try_from(undos.len())?.into(),
        reserved: 0.into(),
        otime: otime.into(),
        ctime: ctime.into(),
    };
    let mut sems = KVVec::with_capacity(u32_as_usize(s.nsems), GFP_KERNEL_ACCOUNT)?;
    for (value, pid) in set.found.values() {
        let sem = Semaphore {
            value: value.into(),
            pid: pid.into(),
        };
        sems.push(sem, GFP_KERNEL_ACCOUNT)?;
    }
    cap.meta.put(&record, sems.as_bytes())?;
    for (list, adjustments) in &undos {
        let record = SemUndo {
            list: (*list).into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, adjustments.as_bytes())?;
    }
    Ok(())
}

/// A rebuilt set.
struct BuiltSet {
    ns: IpcNs,
    /// Who has made it, as of [`label`].
    maker: Option<CredRef>,
    /// The namespace whose pids stand in the image.
    pid_ns: PidNs,
    /// The task that has made it, for messages.
    who: TaskName,
}

/// Returns what a record says of a set.
fn settings_of(record: &Record) -> Settings {
    Settings {
        common: Common {
            id: record.id.get().cast_signed(),
            key: record.key.get(),
            owner: record.owner.map(|id| id.get()),
            creator: record.creator.map(|id| id.get()),
            mode: record.mode.get(),
        },
        nsems: record.nsems.get(),
        times: [record.otime, record.ctime].map(|t| t.get().cast_signed()),
    }
}

impl Rebuilt for BuiltSet {
    fn stays(&self) -> bool {
        true
    }

    /// Gives it its owners, times and values, and the tasks their adjustments of it.
    fn publish(&self, r: &Restore, obj: ObjRef) -> Result {
        let (record, raw) = r.object_body::<Record>(obj)?;
        let settings = settings_of(&record);
        let fail = |e: Error| {
            r.fail_of(
                e,
                &self.who,
                fmt!(
                    "System V semaphores {}: {} [{}]",
                    settings.common.id,
                    why_not_given(e),
                    Errno(e)
                ),
            )
        };
        let sems: &[Semaphore] = raw
            .array(PAYLOAD_MAX / size_of::<Semaphore>())
            .map_err(|f| r.fault(f))?;
        let mut first = 0;
        for some in sems.chunks(PIDS_MAX) {
            wait::check_killed()?;
            let _taken = take_pids(
                r,
                &self.who,
                fmt!("System V semaphores {}", settings.common.id),
                &self.pid_ns,
                some.iter().map(|sem| sem.pid.get()),
            )
            .map_err(fail)?;
            let mut values = KVVec::with_capacity(some.len(), GFP_KERNEL_ACCOUNT)?;
            for sem in some {
                let value = Value {
                    value: sem.value.get(),
                    pid: sem.pid.get().cast_signed(),
                };
                values.push(value, GFP_KERNEL_ACCOUNT)?;
            }
            as_maker(self.maker.as_ref(), || {
                sem::set(&self.ns, &self.pid_ns, &settings, first, &values)
            })
            .map_err(fail)?;
            first += u32::try_from(some.len())?;
        }
        let undos = usize::try_from(record.undos.get())?;
        for raw in r.records_after(obj)?.take(undos) {
            wait::check_killed()?;
            let raw = raw.map_err(|f| r.fault(f))?;
            if raw.kind != Kind::SemUndo {
                return Err(EINVAL);
            }
            let undo: SemUndo = raw.body().map_err(|f| r.fault(f))?;
            let list = ObjRef::new(undo.list.get()).ok_or(EINVAL)?;
            let (list, _) = r.object_body::<UndoList>(list)?;
            let all: &[U16] = raw
                .array(PAYLOAD_MAX / size_of::<U16>())
                .map_err(|f| r.fault(f))?;
            let mut adjustments = KVVec::with_capacity(all.len(), GFP_KERNEL_ACCOUNT)?;
            for n in all {
                adjustments.push(n.get().cast_signed(), GFP_KERNEL_ACCOUNT)?;
            }
            sem::add_undo(
                &self.ns,
                settings.common.id,
                &self.pid_ns,
                list.tid.get(),
                &adjustments,
            )
            .map_err(fail)?;
        }
        Ok(())
    }
}

/// Makes the set with reference `obj` in `ns`.
///
/// `maker`: as of [`label`].
pub(crate) fn make(
    r: &Restore,
    plan: &TaskRecords<'_>,
    ns: &IpcNs,
    obj: ObjRef,
    maker: Option<&CredRef>,
) -> Result {
    let (record, _) = r.object_body::<Record>(obj)?;
    let settings = settings_of(&record);
    sem::make(ns, &settings).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!(
                "System V semaphores {}: {} [{}]",
                settings.common.id,
                why_not_made(e),
                Errno(e)
            ),
        )
    })?;
    label(r, plan, ns, (Ids::Semaphores, settings.common.id), maker)?;
    let built = BuiltSet {
        ns: ns.clone(),
        maker: maker.cloned(),
        pid_ns: ns::pid::of_image(r, plan)?,
        who: plan.name(),
    };
    r.set_built(obj, built)
}
