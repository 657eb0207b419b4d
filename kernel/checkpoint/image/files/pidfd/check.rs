// SPDX-License-Identifier: GPL-2.0

//! Pidfds.

use crate::image::{
    check::{
        fields::{
            ensure,
            no_payload,
            signal,
            zero, //
        },
        pid,
        walk::Walk,
        Object,
        PID_MAX, //
    },
    files::{
        open,
        pidfd::{
            PidfdTarget,
            PIDFD_AUTOKILL,
            PIDFD_THREAD, //
        },
        OpenFile, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Highest exit code, as of wait(2).
const EXIT_CODE_MAX: u32 = 0xffff;

/// All bits of [`PidfdTarget::coredump`].
const COREDUMP_ALL: u32 = 0xf;

/// The one of them that each has which dumped core.
const COREDUMPED: u32 = 1 << 0;

/// Returns the target of a pidfd. Its detail is its pid.
pub(super) fn pidfd_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let target: PidfdTarget = raw.body()?;
    Ok((target.obj.get(), target.pid.get()))
}

/// Checks what is special about an open file that is a pidfd.
pub(in crate::image) fn open_file(
    walk: &Walk<'_>,
    raw: &Raw<'_>,
    file: &OpenFile,
) -> Result<(), Fault> {
    let tid = walk.refer::<PidfdTarget>(raw, file.inode.get())?.detail;
    let flags = file.flags.get();
    let access = open::READ | open::WRITE;
    let (known, wanted) = if flags & open::PATH != 0 {
        (open::PATH | open::NOFOLLOW | open::LARGEFILE, 0)
    } else {
        let set = open::APPEND | open::NONBLOCK | open::NOATIME;
        (access | set, access)
    };
    ensure(
        raw,
        flags & !known == 0 && flags & access == wanted,
        "flags that no pidfd has",
    )?;
    let of_pidfd = if wanted == 0 {
        0
    } else {
        PIDFD_THREAD | PIDFD_AUTOKILL
    };
    ensure(raw, file.pos.get() & !of_pidfd == 0, "unknown flag")?;
    // Who makes a process can have that, and nobody else: it may have other rights by now.
    ensure(
        raw,
        tid == 0 || file.pos.get() & PIDFD_AUTOKILL == 0,
        "a pidfd that would kill its process",
    )?;
    let leads = pid(walk.pids, tid).is_none_or(|p| p.tid == p.tgid);
    ensure(
        raw,
        leads || wanted == 0 || file.pos.get() & PIDFD_THREAD != 0,
        "a pidfd of a process for a thread",
    )?;
    zero(raw, file.size.get() == 0 && file.mtime.get() == 0)
}

impl Walk<'_> {
    /// Checks the target of pidfds.
    pub(in crate::image) fn pidfd_target(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let target: PidfdTarget = raw.body()?;
        for tid in [target.pid.get(), target.init.get()] {
            ensure(
                raw,
                tid == 0 || pid(self.pids, tid).is_some_and(|p| p.is_task()),
                "is of no task of the image",
            )?;
        }
        if target.pid.get() != 0 {
            zero(
                raw,
                target.init.get() == 0 && target.exit_code.get() == 0 && target.number.get() == 0,
            )?;
        }
        ensure(raw, target.number.get() < PID_MAX, "impossible pid")?;
        ensure(
            raw,
            target.exit_code.get() <= EXIT_CODE_MAX,
            "impossible exit code",
        )?;
        let dumped = target.coredump.get();
        ensure(
            raw,
            dumped & !COREDUMP_ALL == 0 && (dumped == 0 || dumped & COREDUMPED != 0),
            "impossible core dump",
        )?;
        signal(raw, target.signal.get())?;
        zero(
            raw,
            dumped != 0 || (target.signal.get() == 0 && target.code.get() == 0),
        )?;
        no_payload(raw)
    }
}
