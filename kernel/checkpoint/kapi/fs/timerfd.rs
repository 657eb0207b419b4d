// SPDX-License-Identifier: GPL-2.0

//! Timerfds: `fs/timerfd.c`.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::fs::file::FileRef;

/// The state of a timerfd. Times are in nanoseconds, on the kernel's clocks.
pub(crate) struct Timerfd {
    /// Its clock, as of timerfd_create(2).
    pub(crate) clock: i32,
    /// When it expires next. If it is not armed: what timerfd_gettime(2) takes for that.
    pub(crate) expires: i64,
    /// It will expire.
    pub(crate) armed: bool,
    /// Time between two expiries; 0: there is one only.
    pub(crate) interval: i64,
    /// How often it has expired since that was read.
    pub(crate) ticks: u64,
    /// Of CLOCK_REALTIME: it was armed by a relative time, and expires by CLOCK_MONOTONIC.
    pub(crate) relative: bool,
    /// It is cancelled when its clock is set.
    pub(crate) cancel_on_set: bool,
    /// Its clock was set, and no read has reported it yet.
    pub(crate) canceled: bool,
    /// It was set with TFD_TIMER_ABSTIME.
    pub(crate) set_abstime: bool,
    /// It was set with TFD_TIMER_CANCEL_ON_SET.
    pub(crate) set_cancel_on_set: bool,
}

/// TFD_TIMER_ABSTIME.
const ABSTIME: u32 = 1 << 0;
/// TFD_TIMER_CANCEL_ON_SET.
const CANCEL_ON_SET: u32 = 1 << 1;

impl Timerfd {
    /// Returns the state of `file`, if it is a timerfd: as timerfd_gettime(2) would leave it,
    /// armed again if it has expired and is periodic. The timer itself stays as it is.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        let mut state = bindings::checkpoint_timerfd::default();
        // SAFETY: We own a reference on the file; the state is written to our own memory.
        let error = unsafe { bindings::checkpoint_timerfd_get(file.as_ptr(), &mut state) };
        (error == 0).then_some(Self {
            clock: state.clockid,
            expires: state.expires,
            armed: state.armed,
            interval: state.interval,
            ticks: state.ticks,
            relative: state.relative,
            cancel_on_set: state.cancel_on_set,
            canceled: state.canceled,
            set_abstime: state.settime_flags & ABSTIME != 0,
            set_cancel_on_set: state.settime_flags & CANCEL_ON_SET != 0,
        })
    }

    /// Makes a new one, as timerfd_create(2) and timerfd_settime(2) do. Times are not negative.
    ///
    /// EINVAL: there is no such clock. EPERM: it needs CAP_WAKE_ALARM. ENFILE, ENOMEM: as of
    /// timerfd_create(2).
    pub(crate) fn make(&self) -> Result<FileRef> {
        let bit = |on: bool, flag: u32| if on { flag } else { 0 };
        let state = bindings::checkpoint_timerfd {
            expires: self.expires,
            interval: self.interval,
            ticks: self.ticks,
            clockid: self.clock,
            settime_flags: bit(self.set_abstime, ABSTIME)
                | bit(self.set_cancel_on_set, CANCEL_ON_SET),
            armed: self.armed,
            relative: self.relative,
            cancel_on_set: self.cancel_on_set,
            canceled: self.canceled,
        };
        // SAFETY: The state is valid during the call; what is returned is an error pointer, or
        // comes with a reference, which is ours.
        unsafe { FileRef::from_owned(bindings::checkpoint_timerfd_make(&state)) }
    }
}
