// SPDX-License-Identifier: GPL-2.0

//! What belongs to a task: registers, signals, credentials, affinity.

use zerocopy::{
    byteorder::little_endian::U32,
    FromBytes, //
};

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            flags,
            ids,
            mask,
            zero, //
        },
        walk::Walk,
        AFFINITY_MAX,
        NOTES_MAX, //
    },
    notes,
    record::{
        align_up,
        Fault,
        Raw, //
    },
    task::{
        check::{
            SEEN_AFFINITY,
            SEEN_PENDING,
            SEEN_REGS,
            SEEN_SHARED_PENDING, //
        },
        signal_number,
        timer_of,
        Action,
        Affinity,
        Cred,
        Note,
        Pending,
        Regs,
        Sighand,
        ACTION_IA32,
        GROUPS_MAX,
        NSIG,
        PENDING_MAX,
        SIGINFO_LEN,
        TASK_LIVE,
        TIMER_ID_MAX, //
    }, //
};

/// SA_NOCLDSTOP, NOCLDWAIT, SIGINFO, EXPOSE_TAGBITS, RESTORER, ONSTACK, RESTART, NODEFER and
/// RESETHAND: the same numbers on all architectures; and what is ours.
const ACTION_FLAGS: u64 = 0xdc00_0807 | ACTION_IA32;

/// SIGKILL in a mask. One that gets it does not live to see it pending.
const KILL: u64 = 1 << (9 - 1);

/// SIGRTMIN as the kernel has it.
const RTMIN: u32 = 32;

/// SIGKILL and SIGSTOP, as indices.
const NO_ACTION: [usize; 2] = [9 - 1, 19 - 1];

/// All SECBIT_*.
const SECUREBITS: u64 = (1 << 12) - 1;

/// All capabilities, CAP_CHECKPOINT_RESTORE being the last.
const CAPABILITIES: u64 = (1 << 41) - 1;

/// Splits a payload of register notes at the end of its first note.
///
/// Returns the note, its bytes and the rest.
pub fn split_note<'a>(raw: &Raw<'_>, bytes: &'a [u8]) -> Result<(Note, &'a [u8], &'a [u8]), Fault> {
    let (note, rest) =
        Note::read_from_prefix(bytes).map_err(|_| raw.fault("register note cut short"))?;
    let cut = raw.fault("register note cut short");
    let len = usize::try_from(note.len.get()).map_err(|_| cut)?;
    let padded = align_up(len).ok_or(cut)?;
    let (stored, rest) = rest.split_at_checked(padded).ok_or(cut)?;
    let (bytes, padding) = stored.split_at_checked(len).ok_or(cut)?;
    zero(raw, padding.iter().all(|&b| b == 0))?;
    Ok((note, bytes, rest))
}

impl Walk<'_> {
    /// Registers of a thread.
    pub(in crate::image) fn regs(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let regs: Regs = raw.body()?;
        let pid = self.see(raw, regs.tid.get(), SEEN_REGS)?;
        ensure(raw, pid.state == TASK_LIVE, "registers of an exited task")?;
        ensure(
            raw,
            (1..=NOTES_MAX).contains(&regs.notes.get()),
            "no register notes or too many",
        )?;
        let mut rest = raw.payload;
        for n in 0..regs.notes.get() {
            let (note, bytes, after) = split_note(raw, rest)?;
            ensure(
                raw,
                matches!(
                    &note.name,
                    b"CORE\0\0\0\0" | b"LINUX\0\0\0" | b"CKPT\0\0\0\0"
                ),
                "register note of an unknown owner",
            )?;
            ensure(raw, !bytes.is_empty(), "empty register note")?;
            let mut before = raw.payload;
            for _ in 0..n {
                let (other, _, next) = split_note(raw, before)?;
                ensure(
                    raw,
                    other.note_type != note.note_type,
                    notes::twice(note.note_type.get()),
                )?;
                before = next;
            }
            rest = after;
        }
        ensure(raw, rest.is_empty(), "more register notes than announced")?;
        self.in_place(raw, regs.tid.get(), false)
    }

    /// Checks signal actions.
    pub(in crate::image) fn sighand(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let sighand: Sighand = raw.body()?;
        zero(raw, sighand.reserved.get() == 0)?;
        let actions: &[Action] = raw.array(NSIG)?;
        ensure(raw, actions.len() == NSIG, "not one action for each signal")?;
        for (n, action) in actions.iter().enumerate() {
            flags(raw, action.flags.get(), ACTION_FLAGS)?;
            mask(raw, action.mask.get())?;
            ensure(
                raw,
                !NO_ACTION.contains(&n) || action.handler.get() == 0,
                "action for SIGKILL or SIGSTOP",
            )?;
        }
        Ok(())
    }

    /// Checks pending signals.
    pub(in crate::image) fn pending(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let pending: Pending = raw.body()?;
        boolean(raw, pending.shared.get())?;
        let shared = pending.shared.get() == 1;
        let seen = if shared {
            SEEN_SHARED_PENDING
        } else {
            SEEN_PENDING
        };
        let pid = self.see(raw, pending.tid.get(), seen)?;
        ensure(
            raw,
            !shared || pid.is_leader(),
            "signals of a thread group that is none",
        )?;
        let mut queued = pending.bare.get();
        ensure(raw, queued & KILL == 0, "SIGKILL is pending")?;
        let infos: &[[u8; SIGINFO_LEN]] = raw.array(PENDING_MAX)?;
        for info in infos {
            let number = signal_number(info, self.machine);
            ensure(
                raw,
                usize::try_from(number).is_ok_and(|n| (1..=NSIG).contains(&n)),
                "impossible signal number",
            )?;
            let bit = 1u64.checked_shl(number.saturating_sub(1)).unwrap_or(0);
            ensure(raw, bit != KILL, "SIGKILL is pending")?;
            let timer = timer_of(info);
            ensure(
                raw,
                timer.is_none_or(|id| id <= TIMER_ID_MAX),
                "impossible id of a timer",
            )?;
            // Those below SIGRTMIN are in a queue once, but for those of timers.
            ensure(
                raw,
                number >= RTMIN || queued & bit == 0 || timer.is_some(),
                "signal that does not queue is pending twice",
            )?;
            queued |= bit;
        }
        self.in_place(raw, pending.tid.get(), shared)
    }

    /// Checks credentials.
    pub(in crate::image) fn cred(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let cred: Cred = raw.body()?;
        flags(raw, u64::from(cred.securebits.get()), SECUREBITS)?;
        ids(raw, cred.uid.iter().chain(&cred.gid).map(|id| id.get()))?;
        let groups: &[U32] = raw.array(GROUPS_MAX)?;
        ids(raw, groups.iter().map(|id| id.get()))?;
        for set in [
            cred.inheritable,
            cred.permitted,
            cred.effective,
            cred.bounding,
            cred.ambient,
        ] {
            flags(raw, set.get(), CAPABILITIES)?;
        }
        ensure(
            raw,
            cred.effective.get() & !cred.permitted.get() == 0
                && cred.ambient.get() & !(cred.permitted.get() & cred.inheritable.get()) == 0,
            "capabilities that are effective and not permitted, or ambient and not inheritable",
        )?;
        self.labelled = Some((cred.obj.get(), (0, 0)));
        Ok(())
    }

    /// Checks CPU affinity of a thread.
    pub(in crate::image) fn affinity(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let affinity: Affinity = raw.body()?;
        zero(raw, affinity.reserved.get() == 0)?;
        self.see(raw, affinity.tid.get(), SEEN_AFFINITY)?;
        ensure(
            raw,
            raw.payload.len() <= AFFINITY_MAX && raw.payload.iter().any(|&b| b != 0),
            "empty CPU mask, or too long",
        )?;
        self.in_place(raw, affinity.tid.get(), false)
    }
}
