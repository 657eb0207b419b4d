// SPDX-License-Identifier: GPL-2.0

//! Mounts, and the references of paths on them.

use crate::image::{
    check::{
        fields::{
            ensure,
            no_payload,
            zero, //
        },
        walk::Walk, //
    },
    mount::{
        Mount,
        MOUNT_CALLER_ROOT, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

impl Walk<'_> {
    /// Checks a mount.
    pub(in crate::image) fn mount(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let mount: Mount = raw.body()?;
        ensure(
            raw,
            mount.kind.get() == MOUNT_CALLER_ROOT,
            "unknown kind of mount",
        )?;
        zero(raw, mount.reserved.get() == 0)?;
        no_payload(raw)
    }

    /// Refuses a `mount` of the path of `raw` that is none.
    pub(in crate::image) fn mount_of(&self, raw: &Raw<'_>, mount: u32) -> Result<(), Fault> {
        self.refer_or_none::<Mount>(raw, mount)
    }
}
