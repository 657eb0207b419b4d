// SPDX-License-Identifier: GPL-2.0

//! System V message queues.
//!
//! All of a namespace that is in the image are saved and restored with it. Those of the caller's
//! stay there: the kernel does not know who uses them.

use kernel::{
    num::casts::usize_as_u64,
    prelude::*, //
};

use crate::{
    core::{
        built::Rebuilt,
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::Capture,
    image::{
        ipc::{
            Message,
            MsgQueue as Record, //
        },
        record::PAYLOAD_MAX,
        Kind,
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
        ipc::{
            msg::{
                self,
                Messages,
                Position,
                Settings, //
            },
            namespace::{
                Common,
                Ids,
                IpcNs, //
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

/// Most bytes of messages that are read at a time, with what the kernel writes before each: the
/// largest message has room.
const BATCH: u64 = usize_as_u64(PAYLOAD_MAX) + 64;

/// A queue that was found.
pub(crate) struct Queue {
    obj: ObjRef,
    settings: Settings,
}

/// Notes all queues of a namespace of the task `t`, or lists why they can't be saved.
pub(crate) fn collect(cap: &mut Capture, t: &FrozenTask, ns: &IpcNs) -> Result<KVVec<Queue>> {
    let mut all = KVVec::new();
    let pid_ns = cap.pid_ns.clone();
    msg::each(ns, &pid_ns, |settings| {
        wait::go_on()?;
        let common = &settings.common;
        let why = if !common.has_ids() {
            Some(OWNER)
        } else if !ns.is_labelled_by(Ids::Queues, common.id, t) {
            Some(LABEL)
        } else {
            None
        };
        if let Some(why) = why {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!("System V message queue {}: {}", common.id, why),
            );
            return Ok(());
        }
        let obj = cap.objects.number()?;
        Ok(all.push(Queue { obj, settings }, GFP_KERNEL_ACCOUNT)?)
    })?;
    Ok(all)
}

/// Writes the records of a queue of the namespace `ns`, whose reference is `of`.
///
/// E2BIG: a message is larger than a record; EAGAIN: tasks outside change the queue.
pub(crate) fn save(cap: &mut Capture, queue: &Queue, ns: &IpcNs, of: u32) -> Result {
    let s = &queue.settings;
    let [stime, rtime, ctime] = s.times.map(i64::cast_unsigned);
    let [lspid, lrpid] = s.pids;
    let record = Record {
        obj: queue.obj.get().into(),
        ns: of.into(),
        id: s.common.id.cast_unsigned().into(),
        key: s.common.key.into(),
        mode: s.common.mode.into(),
        messages: u32::try_from(s.messages)?.into(),
        owner: s.common.owner.map(Into::into),
        creator: s.common.creator.map(Into::into),
        lspid: lspid.into(),
        lrpid: lrpid.into(),
        stime: stime.into(),
        rtime: rtime.into(),
        ctime: ctime.into(),
        qbytes: s.limit.into(),
    };
    cap.meta.put(&record, &[])?;
    let total = usize::try_from(s.messages)?;
    let room = Messages::room_for(s.messages, s.bytes).min(BATCH);
    let mut batch = Messages::new(usize::try_from(room)?)?;
    let mut from = Position::beginning();
    let mut done = 0;
    while done < total {
        wait::go_on()?;
        let n = match batch.read(ns, s.common.id, &mut from) {
            Err(EAGAIN) => {
                cap.report.line(fmt!(
                    "error: System V message queue {}: a task outside has taken a message meanwhile: \
                     try again [EAGAIN]",
                    s.common.id
                ));
                return Err(EAGAIN);
            }
            n => n?,
        };
        if n == 0 {
            cap.report.line(fmt!(
                "error: System V message queue {}: a message is larger than an image can hold, or \
                 a task outside has taken all meanwhile [E2BIG]",
                s.common.id
            ));
            return Err(E2BIG);
        }
        batch.each(|mtype, bytes| {
            done += 1;
            if done > total {
                return Ok(());
            }
            let body = Message {
                mtype: mtype.into(),
            };
            cap.meta.put(&body, bytes)
        })?;
    }
    Ok(())
}

/// A rebuilt queue.
struct BuiltQueue {
    ns: IpcNs,
    /// Who has made it, as of [`label`].
    maker: Option<CredRef>,
    /// The namespace whose pids stand in the image.
    pid_ns: PidNs,
    /// The task that has made it, for messages.
    who: TaskName,
}

/// Returns what a record says of a queue.
fn settings_of(record: &Record) -> Settings {
    Settings {
        common: Common {
            id: record.id.get().cast_signed(),
            key: record.key.get(),
            owner: record.owner.map(|id| id.get()),
            creator: record.creator.map(|id| id.get()),
            mode: record.mode.get(),
        },
        pids: [record.lspid.get(), record.lrpid.get()],
        times: [record.stime, record.rtime, record.ctime].map(|t| t.get().cast_signed()),
        limit: record.qbytes.get(),
        messages: 0,
        bytes: 0,
    }
}

impl Rebuilt for BuiltQueue {
    fn stays(&self) -> bool {
        true
    }

    /// Gives it its owners, times, pids and limit.
    fn publish(&self, r: &Restore, obj: ObjRef) -> Result {
        let (record, _) = r.object_body::<Record>(obj)?;
        let settings = settings_of(&record);
        let id = settings.common.id;
        take_pids(
            r,
            &self.who,
            fmt!("System V message queue {}", id),
            &self.pid_ns,
            settings.pids.into_iter(),
        )
        .and_then(|_taken| {
            as_maker(self.maker.as_ref(), || {
                msg::set(&self.ns, &self.pid_ns, &settings)
            })
        })
        .map_err(|e| {
            r.fail_of(
                e,
                &self.who,
                fmt!(
                    "System V message queue {}: {} [{}]",
                    settings.common.id,
                    why_not_given(e),
                    Errno(e)
                ),
            )
        })
    }
}

/// Makes the queue with reference `obj` in `ns`, with its messages.
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
    let common = settings_of(&record).common;
    let fail = |e: Error| {
        r.fail(
            e,
            plan,
            fmt!(
                "System V message queue {}: {} [{}]",
                common.id,
                why_not_made(e),
                Errno(e)
            ),
        )
    };
    msg::make(ns, &common).map_err(fail)?;
    label(r, plan, ns, (Ids::Queues, common.id), maker)?;
    let count = usize::try_from(record.messages.get())?;
    for raw in r.records_after(obj)?.take(count) {
        wait::go_on()?;
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::Message {
            return Err(EINVAL);
        }
        let message: Message = raw.body().map_err(|f| r.fault(f))?;
        as_maker(maker, || {
            msg::add(ns, common.id, message.mtype.get(), raw.payload)
        })
        .map_err(fail)?;
    }
    let built = BuiltQueue {
        ns: ns.clone(),
        maker: maker.cloned(),
        pid_ns: ns::pid::of_image(r, plan)?,
        who: plan.name(),
    };
    r.set_built(obj, built)
}
