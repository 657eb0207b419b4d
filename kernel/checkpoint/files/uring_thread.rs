// SPDX-License-Identifier: GPL-2.0

//! The thread that submits for an io_uring (IORING_SETUP_SQPOLL).
//!
//! It is a thread of the kernel in the process that has made the ring, and nothing is saved of it but how
//! long it waits, and how it is scheduled and where: a program may set that by its thread id. It has come to
//! rest with the tasks. A task that has the ring makes it again when it has all that both share; it goes on
//! when nothing can fail any more, or stops at once if its process is stopped.

use kernel::prelude::*;

use super::{
    ask,
    in_use,
    BuiltRing, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::name::Named,
    found::{
        Capture,
        ThreadOps, //
    },
    image::{
        files::uring::{
            setup,
            UringThread, //
        },
        record::Raw,
        task::PROCESS_STOPPED, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring, //
        },
        sched::attr::{
            self,
            policy,
            CpuMask,
            Scheduling, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// Threads that submit for io_urings.
pub(in crate::files) const KIND: ThreadOps = ThreadOps {
    name: "threads of io_urings",
    count,
    finish,
    ..ThreadOps::NONE
};

/// Such a thread.
pub(in crate::files) struct Submitter {
    /// Clamps of utilization of the task that makes it at a restart, which it has then.
    clamps: [Option<u32>; 2],
    /// How it is scheduled; `None`: it was not looked at yet.
    scheduled: Option<Scheduled>,
}

/// How such a thread is scheduled.
struct Scheduled {
    /// Policy and priorities.
    how: Scheduling,
    /// The CPUs that it may run on.
    cpus: CpuMask,
    /// Those that it was bound to, or who has made it before that; `None`: to none. A cpuset takes CPUs
    /// off, and gives them back.
    bound: Option<CpuMask>,
}

impl Scheduled {
    /// Returns the CPUs to which the thread of `uring` was bound since it was set up; `None`: to none.
    fn bound_since(&self, uring: &Uring) -> Result<Option<&CpuMask>> {
        if uring.setup & setup::SQ_AFF == 0 {
            return Ok(self.bound.as_ref());
        }
        let as_set_up = self.cpus == CpuMask::of(uring.thread_cpu)?;
        Ok((!as_set_up).then_some(self.bound.as_ref().unwrap_or(&self.cpus)))
    }
}

/// Returns the clamps of utilization of a thread.
fn clamps(t: &FrozenTask) -> [Option<u32>; 2] {
    let controls = t.controls();
    [controls.util_min, controls.util_max]
}

/// Returns those of a thread that `t` makes.
fn clamps_of_new(t: &FrozenTask) -> [Option<u32>; 2] {
    match t.scheduling().reset_on_fork {
        true => [None; 2],
        false => clamps(t),
    }
}

/// Refuses one that submits for an io_uring which none of the tasks has: it would be lost. Notes how others
/// are scheduled.
fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    if !worker.submits() {
        return Ok(());
    }
    let known = cap
        .found
        .files
        .uring_threads
        .get_mut(&worker.as_ptr().addr());
    let how = worker.scheduling();
    if let Some(known) = known {
        known.scheduled = Some(Scheduled {
            how,
            cpus: worker.cpus()?,
            bound: worker.affinity()?,
        });
        let other_clamps = known.clamps != clamps(worker);
        if how.policy == policy::DEADLINE {
            let number = how.policy;
            cap.refuse(
                EOPNOTSUPP,
                worker,
                fmt!("has scheduling policy {number}: give it another (chrt)"),
            );
        }
        if other_clamps {
            cap.refuse(
                EOPNOTSUPP,
                worker,
                fmt!(
                    "submits for an io_uring, and has other utilization clamps than its process: give it \
                     the same"
                ),
            );
        }
    } else {
        cap.refuse(
            EBUSY,
            worker,
            fmt!(
                "submits for an io_uring that no task of the tree has, or that is refused: checkpoint \
                 who has it as well, or have it closed there"
            ),
        );
    }
    Ok(())
}

/// Notes the thread of `ring`, which `t` is the first to have. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    ring: &FileRef,
    uring: &Uring,
) -> Result<bool> {
    if uring.thread == 0 {
        return Ok(true);
    }
    // It makes the thread at a restart, when it is scheduled as it was.
    let how = t.scheduling();
    if how.policy == policy::DEADLINE && !how.reset_on_fork {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: the io_uring has a thread (IORING_SETUP_SQPOLL), and the first task that has it can \
                 make none as it has scheduling policy {}: give it SCHED_FLAG_RESET_ON_FORK, or another \
                 policy (chrt)",
                named,
                how.policy
            ),
        );
        return Ok(false);
    }
    match ask(|| Uring::shares(ring, t)) {
        Ok(true) => {
            let all = &mut cap.found.files.uring_threads;
            let thread = Submitter {
                clamps: clamps_of_new(t),
                scheduled: None,
            };
            all.try_create_and_insert(uring.thread, thread, GFP_KERNEL_ACCOUNT)?;
            Ok(true)
        }
        Ok(false) => {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: the io_uring has a thread (IORING_SETUP_SQPOLL) of another process, or with other \
                     descriptors or directories, than the first task that has it: have it closed there",
                    named
                ),
            );
            Ok(false)
        }
        Err(EBUSY) => {
            in_use(cap, t, named);
            Ok(false)
        }
        Err(e) => Err(e),
    }
}

/// Writes how the thread of `uring` is scheduled, if it has one.
pub(super) fn put(cap: &mut Capture, uring: &Uring) -> Result {
    if uring.thread == 0 {
        return Ok(());
    }
    let thread = cap.found.files.uring_threads.get(&uring.thread);
    let scheduled = thread.and_then(|thread| thread.scheduled.as_ref());
    let scheduled = scheduled.ok_or(EAGAIN)?;
    let how = &scheduled.how;
    let record = UringThread {
        policy: how.policy.into(),
        nice: how.nice.clamp(-20, 19).into(),
        rt_priority: how.rt_priority.into(),
        reset_on_fork: u32::from(how.reset_on_fork).into(),
        slice: how.slice.into(),
    };
    let cpus = match scheduled.bound_since(uring)? {
        None => KVec::new(),
        Some(cpus) => cpus.to_bytes()?,
    };
    cap.meta.put(&record, &cpus)
}

/// Reads how the thread is scheduled.
pub(super) fn read(r: &Restore, raw: &Raw<'_>) -> Result<(Scheduling, KVec<u8>)> {
    let record: UringThread = raw.body().map_err(|f| r.fault(f))?;
    let how = Scheduling {
        policy: record.policy.get(),
        nice: record.nice.get(),
        rt_priority: record.rt_priority.get(),
        reset_on_fork: record.reset_on_fork.get() != 0,
        slice: record.slice.get(),
    };
    let mut cpus = KVec::new();
    cpus.extend_from_slice(raw.payload, GFP_KERNEL_ACCOUNT)?;
    Ok((how, cpus))
}

/// Sets that of the thread of `ring`. It has the CPUs of the current task, unless it was set up with one.
fn schedule(ring: &BuiltRing) -> Result {
    let Some((how, cpus)) = &ring.later.thread else {
        return Ok(());
    };
    let possible = CpuMask::possible()?;
    let cpus = match &cpus[..] {
        [] => (attr::is_bound() && ring.uring.setup & setup::SQ_AFF == 0).then_some(possible),
        bytes => {
            let mut cpus = CpuMask::from_bytes(bytes)?;
            cpus.intersect(&possible);
            Some(cpus)
        }
    };
    // It begins as the current task, unless that does not hand on what it has.
    let old = attr::current();
    let old = (!old.reset_on_fork).then_some(&old);
    Uring::schedule(&ring.file, how.steps(old), cpus.as_ref())
}

/// Makes the threads of the io_urings that the current task has made.
fn finish(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    // A stopped process has its signal, and no other.
    let process = plan.process().map_err(|f| r.fault(f))?;
    let signal = match process.flags.get() & PROCESS_STOPPED {
        0 => 0,
        _ => process.stop_signal.get(),
    };
    for obj in r.take_unfinished() {
        let made = r.with_built(obj, |ring: &BuiltRing| {
            if ring.thread_of != plan.task.tid.get() {
                return Err((EINVAL, "it is one of another task"));
            }
            ring.uring.add_thread(&ring.file, signal).map_err(|e| {
                let why = match e {
                    EINVAL if ring.uring.setup & setup::SQ_AFF != 0 => {
                        "the task may not use its CPU"
                    }
                    EAGAIN => "too many tasks (RLIMIT_NPROC or pids.max)",
                    EPERM | EACCES => "a security module denies it",
                    ENOMEM => "no memory",
                    _ => "it can't be made",
                };
                (e, why)
            })?;
            schedule(ring).map_err(|e| {
                let why = match e {
                    EINVAL => {
                        "it may run on none of the CPUs that it was bound to, or this kernel has no such \
                         policy"
                    }
                    EPERM | EACCES => {
                        "neither who has made the io_uring nor the caller may schedule it so: that \
                         needs CAP_SYS_NICE"
                    }
                    _ => "it can't be scheduled so",
                };
                (e, why)
            })
        });
        if let Some(Err((e, why))) = made {
            let e = wait::without_restart(e);
            return Err(r.fail(e, plan, fmt!("the thread of an io_uring: {}", why)));
        }
    }
    Ok(())
}

/// Lets all such threads go. Nothing can fail any more.
pub(in crate::files) fn start(r: &Restore) {
    let _ = r.each_built(|_, ring: &BuiltRing| {
        if ring.thread_of != 0 {
            Uring::start(&ring.file, ring.uring.setup & setup::R_DISABLED == 0);
        }
        Ok(())
    });
}
