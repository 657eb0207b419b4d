// SPDX-License-Identifier: GPL-2.0

//! Filters of system calls. Their programs are checked by the kernel, as those of seccomp(2).

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero, //
        },
        walk::{
            refer,
            Walk, //
        },
        Object, //
    },
    record::{
        Fault,
        Raw, //
    },
    seccomp::{
        Instruction,
        Seccomp,
        SeccompFilter,
        FILTER_COST,
        INSTRUCTIONS_MAX,
        PATH_MAX,
        SECCOMP_FILTERED,
        SECCOMP_FILTER_FLAGS,
        SECCOMP_STRICT, //
    },
    task::{
        check::SEEN_SECCOMP,
        TASK_LIVE, //
    }, //
};

/// Returns a filter. Its detail is what it and those before it count: its parent comes before it,
/// so that no filter is one of those before itself.
pub(super) fn filter(objects: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let filter: SeccompFilter = raw.body()?;
    let before = match filter.parent.get() {
        0 => 0,
        parent => refer::<SeccompFilter>(objects, raw, parent)
            .map_err(|_| raw.fault("was added to no filter that comes before it"))?
            .detail
            .saturating_add(FILTER_COST),
    };
    let program: &[Instruction] = raw.array(INSTRUCTIONS_MAX)?;
    let len = u32::try_from(program.len()).unwrap_or(u32::MAX);
    Ok((filter.obj.get(), before.saturating_add(len)))
}

impl Walk<'_> {
    /// Checks a filter of system calls.
    pub(in crate::image) fn seccomp_filter(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let filter: SeccompFilter = raw.body()?;
        flags(raw, filter.flags.get().into(), SECCOMP_FILTER_FLAGS.into())?;
        zero(raw, filter.reserved.get() == 0)?;
        ensure(raw, !raw.payload.is_empty(), "filter without a program")?;
        let path = self.refer::<SeccompFilter>(raw, filter.obj.get())?.detail;
        ensure(
            raw,
            path <= PATH_MAX,
            "filters with more instructions than a task may have",
        )
    }

    /// Checks that the system calls of a thread are restricted.
    pub(in crate::image) fn seccomp(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let seccomp: Seccomp = raw.body()?;
        zero(raw, seccomp.reserved.get() == 0)?;
        no_payload(raw)?;
        let pid = self.see(raw, seccomp.tid.get(), SEEN_SECCOMP)?;
        ensure(raw, pid.state == TASK_LIVE, "seccomp of an exited task")?;
        match seccomp.mode.get() {
            SECCOMP_STRICT => zero(raw, seccomp.filter.get() == 0)?,
            SECCOMP_FILTERED => {
                self.refer::<SeccompFilter>(raw, seccomp.filter.get())?;
            }
            _ => return Err(raw.fault("unknown mode of seccomp")),
        }
        self.in_place(raw, seccomp.tid.get(), false)
    }
}
