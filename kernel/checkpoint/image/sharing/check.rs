// SPDX-License-Identifier: GPL-2.0

//! What tasks share of scheduling: with whom.

use crate::image::{
    check::{
        fields::{
            ensure,
            no_payload,
            zero, //
        },
        pid,
        walk::Walk, //
    },
    record::{
        Fault,
        Raw, //
    },
    sharing::{
        Autogroup,
        CoreCookie, //
    },
    task::{
        check::{
            SEEN_AUTOGROUP,
            SEEN_COOKIE, //
        },
        TASK_LIVE, //
    }, //
};

impl Walk<'_> {
    /// Checks the core scheduling cookie of a thread.
    pub(in crate::image) fn core_cookie(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: CoreCookie = raw.body()?;
        no_payload(raw)?;
        self.shared(raw, body.tid.get(), body.first.get(), SEEN_COOKIE)
    }

    /// Checks the autogroup of a process.
    pub(in crate::image) fn autogroup(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Autogroup = raw.body()?;
        no_payload(raw)?;
        zero(raw, body.reserved.get() == 0)?;
        ensure(
            raw,
            (-20..=19).contains(&body.nice.get()),
            "impossible nice value",
        )?;
        zero(raw, body.tid == body.first || body.nice.get() == 0)?;
        self.shared(raw, body.tid.get(), body.first.get(), SEEN_AUTOGROUP)
    }

    /// Checks that the live thread `tid` shares something with `first`, which was `what` before it.
    fn shared(&mut self, raw: &Raw<'_>, tid: u32, first: u32, what: u32) -> Result<(), Fault> {
        let before = pid(self.pids, first).is_some_and(|p| p.seen & what != 0);
        let seen = self.see(raw, tid, what)?;
        ensure(raw, seen.state == TASK_LIVE, "of an exited task")?;
        ensure(
            raw,
            first == tid || before,
            "shares with a task that has none before it",
        )?;
        self.in_place(raw, tid, false)
    }
}
