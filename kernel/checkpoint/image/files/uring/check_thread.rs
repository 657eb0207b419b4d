// SPDX-License-Identifier: GPL-2.0

//! Threads that submit for io_urings, and tasks that use them, with their workers.

use super::{
    check::follow,
    left::{
        UringLeft,
        UringPart, //
    }, //
};
use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            zero, //
        },
        walk::{
            Follow,
            Walk, //
        }, //
    },
    files::{
        check::kind_of,
        uring::*,
        OpenFile,
        FILE_IO_URING, //
    },
    record::{
        Fault,
        Raw, //
    },
    task::check::{
        nice,
        scheduling, //
    }, //
};

impl Walk<'_> {
    /// Checks the thread that submits for an io_uring.
    pub(super) fn uring_thread(&self, raw: &Raw<'_>, uring: &Uring) -> Result<(), Fault> {
        let (set_up, of) = (uring.setup.get(), uring.thread_of.get());
        ensure(
            raw,
            (set_up & setup::SQPOLL != 0) == (of != 0) && (of == 0 || self.is_alive(of)),
            "io_uring whose thread is one of no living task, or that needs none",
        )?;
        zero(
            raw,
            (of != 0 || uring.thread_idle.get() == 0 && uring.flags.get() & URING_THREAD == 0)
                && (set_up & setup::SQ_AFF != 0 || uring.thread_cpu.get() == 0),
        )?;
        ensure(
            raw,
            uring.thread_idle.get() <= i32::MAX as u32,
            "impossible time for which a thread waits",
        )?;
        let limits = [uring.workers_bounded.get(), uring.workers_unbounded.get()];
        let limited = uring.flags.get() & URING_LIMITED != 0;
        zero(raw, limited || limits == [0; 2])?;
        ensure(
            raw,
            !(limited && of != 0) && limits.iter().all(|&n| n <= WORKERS_MAX),
            "impossible number of workers, or workers of a thread that are limited",
        )
    }

    /// Checks how that thread is scheduled.
    pub(in crate::image) fn uring_thread_record(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        const NONE: &str = "belongs to no io_uring, or that has no thread";
        let thread: UringThread = raw.body()?;
        let Follow::Uring(missing) = self.follow else {
            return Err(raw.fault(NONE));
        };
        ensure(raw, missing.is_next(UringPart::Thread), NONE)?;
        nice(raw, thread.nice.get())?;
        scheduling(raw, thread.policy.get(), thread.rt_priority.get())?;
        flags(raw, u64::from(thread.reset_on_fork.get()), 1)?;
        uring_cpus(raw)?;
        self.follow = follow(UringLeft {
            thread: false,
            ..missing
        });
        Ok(())
    }

    /// Checks a task that uses an io_uring.
    pub(in crate::image) fn uring_user(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let user: UringUser = raw.body()?;
        let kind = kind_of(self.refer::<OpenFile>(raw, user.ring.get())?);
        ensure(raw, kind == FILE_IO_URING, "uses what is no io_uring")?;
        ensure(
            raw,
            self.is_alive(user.task.get()),
            "who uses an io_uring is no living task",
        )?;
        flags(raw, u64::from(user.places.get()), u64::from(USER_PLACES))?;
        zero(raw, user.reserved.get() == 0)?;
        ensure(
            raw,
            user.bounded.get() <= WORKERS_MAX && user.unbounded.get() <= WORKERS_MAX,
            "impossible number of workers",
        )?;
        uring_cpus(raw)
    }
}

/// Checks the payload of a record: a set of CPUs.
fn uring_cpus(raw: &Raw<'_>) -> Result<(), Fault> {
    ensure(
        raw,
        raw.payload.len() <= CPUS_MAX && raw.payload.last() != Some(&0),
        "set of CPUs that is too long",
    )
}
