// SPDX-License-Identifier: GPL-2.0

//! Files of cgroupfs.

use crate::image::{
    check::{
        fields::{
            ensure,
            no_payload,
            zero, //
        },
        walk::Walk,
        Object, //
    },
    files::{
        cgroup::{
            split,
            CgroupEntry, //
        },
        open,
        OpenFile, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Bytes that a path has less than.
const PATH_MAX: u32 = 4096;

/// [`Object::detail`]: from this bit on [`CgroupEntry::cgroup`], below it [`CgroupEntry::root`].
const CGROUP: u32 = 16;

/// Returns an entry of a cgroup. Its detail tells of what parts its path is.
pub(super) fn cgroup_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let entry: CgroupEntry = raw.body()?;
    let root = entry.root.get() & ((1 << CGROUP) - 1);
    Ok((entry.obj.get(), root | entry.cgroup.get() << CGROUP))
}

/// Checks what is special about an open file of cgroupfs.
pub(in crate::image) fn open_file(
    walk: &Walk<'_>,
    raw: &Raw<'_>,
    file: &OpenFile,
) -> Result<(), Fault> {
    ensure(
        raw,
        file.flags.get() & (open::EXEC | open::DIRECT) == 0,
        "flags that no file of cgroupfs has",
    )?;
    zero(raw, file.size.get() == 0 && file.mtime.get() == 0)?;
    let entry = file.inode.get();
    if entry == 0 {
        return Ok(());
    }
    let lengths = walk.refer::<CgroupEntry>(raw, entry)?.detail;
    let root = usize::try_from(lengths & ((1 << CGROUP) - 1)).ok();
    let cgroup = usize::try_from(lengths >> CGROUP).ok();
    let parts = root
        .zip(cgroup)
        .and_then(|(root, cgroup)| split(raw.payload, root, cgroup));
    ensure(
        raw,
        parts.is_some(),
        "path is not that of an entry of a cgroup",
    )
}

impl Walk<'_> {
    /// Checks an entry of the cgroup of the tasks.
    pub(in crate::image) fn cgroup_entry(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let entry: CgroupEntry = raw.body()?;
        let (root, cgroup) = (entry.root.get(), entry.cgroup.get());
        ensure(
            raw,
            root <= cgroup && cgroup < PATH_MAX,
            "impossible length of a path",
        )?;
        zero(raw, entry.reserved.get() == 0)?;
        no_payload(raw)
    }
}
