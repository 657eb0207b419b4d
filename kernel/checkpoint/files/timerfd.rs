// SPDX-License-Identifier: GPL-2.0

//! Timerfds: the timer, and how often it has expired.
//!
//! Monotonic and boot clock of the tasks go on where they were, so that a timer expires after the
//! time that was left. CLOCK_REALTIME has gone on meanwhile, as over a suspend: timers on it expire
//! late, and those that are to be cancelled when it is set are.

use kernel::prelude::*;

use crate::{
    core::{
        clock::shift,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        open::Open,
        opener,
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::Capture,
    image::{
        self,
        files::{
            timerfd,
            FILE_TIMERFD,
            TIMERFD_CLOCK_BOOTTIME,
            TIMERFD_CLOCK_BOOTTIME_ALARM,
            TIMERFD_CLOCK_MONOTONIC, //
        },
        ObjRef, //
    },
    kapi::fs::{
        file::FileRef,
        timerfd::Timerfd, //
    }, //
};

/// Timerfds.
pub(super) const OPS: FileOps = FileOps {
    name: "a timerfd",
    number: FILE_TIMERFD,
    matches: |f| Timerfd::of(f.file).is_some(),
    advice: "close it there, or checkpoint what has it as well",
    save,
    restore,
    ..FileOps::NONE
};

/// Moves the time `expires` of a timer by the offset of the clock that it is on.
pub(super) fn moved(
    expires: i64,
    clock: u32,
    relative: bool,
    (monotonic, boottime): (i64, i64),
) -> i64 {
    let offset = match clock {
        TIMERFD_CLOCK_MONOTONIC => monotonic,
        TIMERFD_CLOCK_BOOTTIME | TIMERFD_CLOCK_BOOTTIME_ALARM => boottime,
        _ if relative => monotonic,
        _ => 0,
    };
    // One before the clock began is over like any other that has passed.
    shift(expires, offset).max(0)
}

/// Writes the timer of `open`.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let timer = Timerfd::of(&open.file).ok_or(EIO)?;
    let clock = u32::try_from(timer.clock)?;
    let offsets = (cap.monotonic_offset, cap.boottime_offset);
    let bit = |on: bool, flag: u32| if on { flag } else { 0 };
    let obj = cap.objects.number()?;
    let record = image::files::Timerfd {
        obj: obj.get().into(),
        clock: clock.into(),
        flags: (bit(timer.armed, timerfd::ARMED)
            | bit(timer.relative, timerfd::RELATIVE)
            | bit(timer.cancel_on_set, timerfd::CANCEL_ON_SET)
            | bit(timer.canceled, timerfd::CANCELED)
            | bit(timer.set_abstime, timerfd::SET_ABSTIME)
            | bit(timer.set_cancel_on_set, timerfd::SET_CANCEL_ON_SET))
        .into(),
        reserved: 0.into(),
        expires: moved(timer.expires, clock, timer.relative, offsets)
            .cast_unsigned()
            .into(),
        interval: timer.interval.cast_unsigned().into(),
        ticks: timer.ticks.into(),
    };
    cap.meta.put(&record, &[])?;
    Ok(Saved {
        inode: obj.get(),
        ..Saved::of(&open.file)
    })
}

/// Makes one with that timer.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let (record, _) = r.object_body::<image::files::Timerfd>(obj)?;
    let (clock, flags) = (record.clock.get(), record.flags.get());
    let has = |flag: u32| flags & flag != 0;
    let relative = has(timerfd::RELATIVE);
    let back = |offset: i64| offset.saturating_neg();
    let offsets = (back(r.monotonic_offset), back(r.boottime_offset));
    // A suspend cancels them as well: the clock has leapt.
    let canceled_now = has(timerfd::CANCEL_ON_SET) && !has(timerfd::CANCELED);
    let timer = Timerfd {
        clock: i32::try_from(clock)?,
        expires: moved(record.expires.get().cast_signed(), clock, relative, offsets),
        armed: has(timerfd::ARMED),
        interval: record.interval.get().cast_signed(),
        ticks: record.ticks.get().saturating_add(canceled_now.into()),
        relative,
        cancel_on_set: has(timerfd::CANCEL_ON_SET),
        canceled: has(timerfd::CANCEL_ON_SET),
        set_abstime: has(timerfd::SET_ABSTIME),
        set_cancel_on_set: has(timerfd::SET_CANCEL_ON_SET),
    };
    let denied = "an alarm clock needs CAP_WAKE_ALARM";
    opener::make_object(r, plan, source, denied, || timer.make())
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_files_timerfd)]
mod tests {
    use super::*;
    use crate::{
        core::clock::NEVER,
        image::files::{
            TIMERFD_CLOCK_REALTIME,
            TIMERFD_CLOCK_REALTIME_ALARM, //
        }, //
    };

    /// Checks that each time is moved by the offset of the clock that it is on.
    #[test]
    fn clocks() {
        let by = |clock, relative| moved(1000, clock, relative, (10, 200));
        assert_eq!(by(TIMERFD_CLOCK_MONOTONIC, false), 1010);
        assert_eq!(by(TIMERFD_CLOCK_BOOTTIME, false), 1200);
        assert_eq!(by(TIMERFD_CLOCK_BOOTTIME_ALARM, false), 1200);
        assert_eq!(by(TIMERFD_CLOCK_REALTIME, false), 1000);
        assert_eq!(by(TIMERFD_CLOCK_REALTIME, true), 1010);
        assert_eq!(by(TIMERFD_CLOCK_REALTIME_ALARM, false), 1000);
    }

    /// Checks that no time leaves the clock, and never stays never.
    #[test]
    fn ends() {
        let by = |time, offset| moved(time, TIMERFD_CLOCK_MONOTONIC, false, (offset, 0));
        assert_eq!(by(NEVER, -1), NEVER);
        assert_eq!(by(NEVER - 1, 5), NEVER);
        assert_eq!(by(5, -6), 0);
        assert_eq!(by(0, i64::MIN), 0);
    }
}
