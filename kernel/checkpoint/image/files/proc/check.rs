// SPDX-License-Identifier: GPL-2.0

//! Files of procfs and sysfs.

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            no_payload,
            zero, //
        },
        pid,
        walk::Walk,
        Object, //
    },
    files::{
        open,
        proc::{
            EntryPath,
            ProcEntry, //
        },
        OpenFile, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Bytes that a path has less than.
const PATH_MAX: u32 = 4096;

/// [`Object::detail`]: the path leads through the directory of a thread. The bits below are
/// [`ProcEntry::root`].
const IN_TASK: u32 = 1 << 16;

/// Returns an entry of procfs. Its detail tells of what form its path is.
pub(super) fn proc_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let entry: ProcEntry = raw.body()?;
    let form = match entry.in_task.get() {
        0 => 0,
        _ => IN_TASK,
    };
    Ok((entry.obj.get(), form | (entry.root.get() & (IN_TASK - 1))))
}

/// Checks what is special about an open file of procfs or sysfs.
pub(in crate::image) fn open_file(
    walk: &Walk<'_>,
    raw: &Raw<'_>,
    file: &OpenFile,
) -> Result<(), Fault> {
    ensure(
        raw,
        file.flags.get() & (open::EXEC | open::DIRECT) == 0,
        "flags that no file of procfs has",
    )?;
    zero(raw, file.size.get() == 0 && file.mtime.get() == 0)?;
    let entry = file.inode.get();
    if entry == 0 {
        return Ok(());
    }
    let form = walk.refer::<ProcEntry>(raw, entry)?.detail;
    let root = usize::try_from(form & (IN_TASK - 1)).ok();
    let entry = root.and_then(|root| EntryPath::parse(raw.payload, root, form & IN_TASK != 0));
    ensure(
        raw,
        entry.is_some(),
        "path is not that of an entry of procfs",
    )
}

impl Walk<'_> {
    /// Checks an entry of procfs that is of a task.
    pub(in crate::image) fn proc_entry(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let entry: ProcEntry = raw.body()?;
        for tid in [entry.process.get(), entry.thread.get()] {
            ensure(
                raw,
                tid == 0 || pid(self.pids, tid).is_some_and(|p| p.is_task()),
                "is of no task of the image",
            )?;
        }
        boolean(raw, entry.in_task.get())?;
        boolean(raw, entry.dead.get())?;
        let (in_task, dead) = (entry.in_task.get() != 0, entry.dead.get() != 0);
        let [process, thread] = [entry.process.get() != 0, entry.thread.get() != 0];
        // Of one that lives all is there; of one that does not, the last is not.
        let fits = if dead {
            !thread && (in_task || !process)
        } else {
            process && thread == in_task
        };
        ensure(raw, fits, "task and path do not fit together")?;
        ensure(
            raw,
            entry.root.get() < PATH_MAX,
            "impossible length of a path",
        )?;
        no_payload(raw)
    }
}
