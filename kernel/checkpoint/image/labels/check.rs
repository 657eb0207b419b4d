// SPDX-License-Identifier: GPL-2.0

//! Labels of credentials, threads and files. Whether the caller may give them is asked of the
//! modules.

use crate::image::{
    check::{
        fields::{
            ensure,
            zero, //
        },
        pid,
        walk::Walk, //
    },
    confinement::LABEL_MAX,
    files::{
        name_and_value,
        OpenFile,
        XATTR_NAME_MAX, //
    },
    labels::*,
    record::{
        Fault,
        Raw, //
    },
    task::{
        Cred,
        TASK_LIVE, //
    },
};

/// How names of extended attributes begin that security modules give a file.
pub const SECURITY_PREFIX: &[u8] = b"security.";

/// Refuses a label that is empty, too long, or not text.
fn text(raw: &Raw<'_>) -> Result<(), Fault> {
    ensure(
        raw,
        (1..=LABEL_MAX).contains(&raw.payload.len())
            && raw.payload.iter().all(|c| !c.is_ascii_control()),
        "impossible security label",
    )
}

/// Refuses a module and attribute that are not known, or do not come after `last`.
fn key(raw: &Raw<'_>, last: (u32, u32), next: (u32, u32), known: &[u32]) -> Result<(), Fault> {
    ensure(
        raw,
        next.0 <= MODULE_MAX && known.contains(&next.1),
        "unknown security module or attribute",
    )?;
    ensure(raw, next > last, "labels are out of order, or there twice")
}

impl Walk<'_> {
    /// Checks a label of credentials.
    pub(in crate::image) fn cred_label(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: CredLabel = raw.body()?;
        let cred = body.cred.get();
        self.refer::<Cred>(raw, cred)?;
        let (of, last) = self
            .labelled
            .filter(|&(of, _)| of == cred)
            .ok_or(raw.fault("does not follow the credentials that it is of"))?;
        let next = (body.module.get(), body.attr.get());
        let known = [
            LABEL_CURRENT,
            LABEL_EXEC,
            LABEL_FSCREATE,
            LABEL_KEYCREATE,
            LABEL_SOCKCREATE,
        ];
        key(raw, last, next, &known)?;
        text(raw)?;
        let tid = body.tid.get();
        ensure(
            raw,
            tid == 0 || pid(self.pids, tid).is_some_and(|pid| pid.is_task()),
            "credentials of no task",
        )?;
        self.labelled = Some((of, next));
        Ok(())
    }

    /// Checks a label of a thread.
    pub(in crate::image) fn task_label(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: TaskLabel = raw.body()?;
        let tid = body.tid.get();
        zero(raw, body.reserved.get() == 0)?;
        let live = pid(self.pids, tid).is_some_and(|pid| pid.is_task() && pid.state == TASK_LIVE);
        ensure(raw, live, "exited task has a label for later")?;
        self.in_place(raw, tid, false)?;
        let (_, last) = self
            .task_labelled
            .filter(|&(of, _)| of == tid)
            .unwrap_or_default();
        let next = (body.module.get(), body.attr.get());
        key(raw, last, next, &[LABEL_EXEC, LABEL_PREV])?;
        text(raw)?;
        self.task_labelled = Some((tid, next));
        Ok(())
    }

    /// Checks a label of a file.
    pub(in crate::image) fn file_label(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: FileLabel = raw.body()?;
        zero(raw, body.reserved.get() == 0)?;
        self.refer::<OpenFile>(raw, body.file.get())?;
        self.follows(
            raw,
            body.file.get(),
            "does not follow the file whose label it is",
        )?;
        let (name, value) = name_and_value(raw.payload).ok_or(raw.fault("label without a name"))?;
        ensure(
            raw,
            name.starts_with(SECURITY_PREFIX) && name.len() <= XATTR_NAME_MAX,
            "impossible name",
        )?;
        ensure(
            raw,
            (1..=LABEL_MAX).contains(&value.len()),
            "impossible security label",
        )
    }
}
