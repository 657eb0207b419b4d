// SPDX-License-Identifier: GPL-2.0

//! What a thread has set of itself. Addresses, priorities and times are checked by who sets them.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero, //
        },
        walk::Walk, //
    },
    controls::{
        Controls,
        Deadline,
        CLAMP_MAX,
        CONTROL_DISPATCH,
        CONTROL_FLAGS,
        CONTROL_IB_DISABLE,
        CONTROL_IB_FORCE_DISABLE,
        CONTROL_MCE,
        CONTROL_MCE_EARLY,
        CONTROL_SSB_DISABLE,
        CONTROL_SSB_FORCE_DISABLE,
        CONTROL_SSB_NOEXEC,
        CONTROL_UTIL_MAX,
        CONTROL_UTIL_MIN,
        DEADLINE_FLAGS, //
    },
    record::{
        Fault,
        Raw, //
    },
    task::{
        check::{
            SEEN_CONTROLS,
            SEEN_DEADLINE, //
        },
        TASK_LIVE, //
    }, //
};

/// Highest I/O priority: a number of 16 bits.
const IO_PRIORITY_MAX: u32 = 0xffff;

/// Bits that there are only with another one.
const NEEDS: &[(u32, u32)] = &[
    (CONTROL_MCE_EARLY, CONTROL_MCE),
    (CONTROL_SSB_FORCE_DISABLE, CONTROL_SSB_DISABLE),
    (CONTROL_SSB_NOEXEC, CONTROL_SSB_DISABLE),
    (CONTROL_IB_FORCE_DISABLE, CONTROL_IB_DISABLE),
];

impl Walk<'_> {
    /// Checks what a thread has set of itself.
    pub(in crate::image) fn controls(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Controls = raw.body()?;
        let set = body.flags.get();
        flags(raw, set.into(), CONTROL_FLAGS.into())?;
        zero(raw, body.reserved.get() == 0)?;
        no_payload(raw)?;
        for &(bit, other) in NEEDS {
            ensure(
                raw,
                set & bit == 0 || set & other != 0,
                "more of a control than of what it controls",
            )?;
        }
        ensure(
            raw,
            body.io_priority.get() <= IO_PRIORITY_MAX,
            "impossible I/O priority",
        )?;
        for (clamp, bit) in [
            (body.util_min, CONTROL_UTIL_MIN),
            (body.util_max, CONTROL_UTIL_MAX),
        ] {
            zero(raw, set & bit != 0 || clamp.get() == 0)?;
            ensure(
                raw,
                clamp.get() <= CLAMP_MAX,
                "impossible clamp of utilization",
            )?;
        }
        let both = CONTROL_UTIL_MIN | CONTROL_UTIL_MAX;
        ensure(
            raw,
            set & both != both || body.util_min.get() <= body.util_max.get(),
            "impossible clamp of utilization",
        )?;
        zero(
            raw,
            set & CONTROL_DISPATCH != 0
                || [body.dispatch, body.dispatch_len, body.dispatch_selector]
                    .iter()
                    .all(|n| n.get() == 0),
        )?;
        let pid = self.see(raw, body.tid.get(), SEEN_CONTROLS)?;
        ensure(raw, pid.state == TASK_LIVE, "controls of an exited task")?;
        self.in_place(raw, body.tid.get(), false)
    }

    /// Checks that a thread has a deadline.
    pub(in crate::image) fn deadline(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Deadline = raw.body()?;
        flags(raw, body.flags.get().into(), DEADLINE_FLAGS.into())?;
        no_payload(raw)?;
        ensure(
            raw,
            body.runtime.get() != 0
                && body.runtime <= body.deadline
                && body.deadline <= body.period
                && body.period.get() >> 63 == 0,
            "impossible deadline",
        )?;
        let pid = self.see(raw, body.tid.get(), SEEN_DEADLINE)?;
        ensure(raw, pid.state == TASK_LIVE, "deadline of an exited task")?;
        self.in_place(raw, body.tid.get(), false)
    }
}
