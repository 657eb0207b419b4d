// SPDX-License-Identifier: GPL-2.0

//! The thread that submits for an io_uring (IORING_SETUP_SQPOLL).
//!
//! It is a thread of the kernel in the process that has made the ring, and nothing is saved of it but how
//! long it waits and where. It has come to rest with the tasks. A task that has the ring makes it again
//! when it has all that both share; it goes on when nothing can fail any more, or stops at once if its
//! process is stopped.

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
        files::uring::setup,
        task::PROCESS_STOPPED, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring, //
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

/// Refuses one that submits for an io_uring which none of the tasks has: it would be lost.
fn count(cap: &mut Capture, worker: &FrozenTask) -> Result {
    let addr = worker.as_ptr().addr();
    if worker.submits() && cap.found.files.uring_threads.get(&addr).is_none() {
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
    // It makes the thread at a restart.
    match ask(|| Uring::shares(ring, t)) {
        Ok(true) => {
            let all = &mut cap.found.files.uring_threads;
            all.try_create_and_insert(uring.thread, (), GFP_KERNEL_ACCOUNT)?;
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
