// SPDX-License-Identifier: GPL-2.0

//! Fanotify groups: their marks, and their events.

use crate::image::{
    check::{
        fields::{
            absolute_path,
            ensure,
            flags,
            no_payload,
            zero, //
        },
        walk::{
            Follow,
            Walk, //
        },
        PID_MAX, //
    },
    files::{
        check::is_file_mode,
        pidfd::PidfdTarget, //
    },
    notify::*,
    record::{
        Fault,
        Raw, //
    }, //
};

/// Highest error of Linux. Filesystems tell it with either sign.
const ERROR_MAX: u32 = 4095;

/// File types of which a group opens files.
const REGULAR: u32 = 0o100000;
const DIRECTORY: u32 = 0o040000;
const TYPE: u32 = 0o170000;

impl Walk<'_> {
    /// Checks a fanotify group.
    pub(in crate::image) fn fanotify(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let fanotify: Fanotify = raw.body()?;
        let (marks, events) = (fanotify.marks.get(), fanotify.events.get());
        ensure(
            raw,
            marks <= WATCHES_MAX && events <= FANOTIFY_EVENTS_MAX,
            "too many marks or events",
        )?;
        let how = fanotify.how.get();
        flags(raw, u64::from(how), u64::from(FANOTIFY_HOW))?;
        no_payload(raw)?;
        self.follow = follow(marks, events, how, false);
        Ok(())
    }

    /// Checks a mark. What else its masks may have is up to the kernel; without any it stays for
    /// later ones.
    pub(in crate::image) fn fanotify_mark(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let mark: FanotifyMark = raw.body()?;
        let Follow::Marks {
            left: left @ 1..,
            events,
            how,
            ..
        } = self.follow
        else {
            return Err(raw.fault("belongs to no fanotify group, or that has fewer marks"));
        };
        let all = mark.mask.get() | mark.ignored.get();
        ensure(
            raw,
            all & fanotify::PERMISSIONS == 0,
            "asks for permission, which no group can give yet",
        )?;
        flags(
            raw,
            u64::from(mark.flags.get()),
            u64::from(fanotify::OF_MARKS),
        )?;
        // Both together are a mount namespace.
        let both = fanotify::FILESYSTEM | fanotify::MOUNT;
        ensure(
            raw,
            mark.flags.get() & both != both,
            "marks a mount and a filesystem",
        )?;
        ensure(raw, is_file_mode(mark.mode.get()), "impossible mode")?;
        self.mount_of(raw, mark.mount.get())?;
        absolute_path(raw)?;
        self.follow = follow(left.saturating_sub(1), events, how, false);
        Ok(())
    }

    /// Checks an event that opens a file, or that the queue was full.
    pub(in crate::image) fn fanotify_event(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let event: FanotifyEvent = raw.body()?;
        let (left, how, overflow) = self.told(raw)?;
        let mask = event.mask.get();
        let overflows = mask == fanotify::OVERFLOW;
        if overflows {
            ensure(raw, !overflow, "the queue overflows twice")?;
            zero(
                raw,
                event.pid.get() == 0
                    && event.target.get() == 0
                    && event.mode.get() == 0
                    && event.generation.get() == 0
                    && event.mount.get() == 0
                    && event.dev.get() == 0
                    && event.ino.get() == 0,
            )?;
            no_payload(raw)?;
        } else {
            ensure(
                raw,
                how & FANOTIFY_UNPRIVILEGED == 0,
                "opens a file, which this group may not do",
            )?;
            self.caused(raw, mask, event.pid.get(), event.target.get())?;
            ensure(
                raw,
                matches!(event.mode.get() & TYPE, REGULAR | DIRECTORY)
                    && is_file_mode(event.mode.get()),
                "impossible mode",
            )?;
            self.mount_of(raw, event.mount.get())?;
            absolute_path(raw)?;
        }
        self.follow = follow(0, left.saturating_sub(1), how, overflow || overflows);
        Ok(())
    }

    /// Checks an event that tells of files by file handles.
    pub(in crate::image) fn fanotify_fid(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let event: FanotifyFid = raw.body()?;
        let (left, how, overflow) = self.told(raw)?;
        let (mask, kind) = (event.mask.get(), event.kind.get());
        ensure(
            raw,
            matches!(
                kind,
                FANOTIFY_BY_OBJECT | FANOTIFY_BY_NAME | FANOTIFY_BY_ERROR
            ),
            "unknown kind of event",
        )?;
        zero(raw, event.reserved.get() == 0)?;
        let by_error = kind == FANOTIFY_BY_ERROR;
        if by_error {
            ensure(raw, mask == fanotify::ERROR, "impossible event")?;
            ensure(
                raw,
                event.error.get().unsigned_abs() <= ERROR_MAX && event.errors.get() != 0,
                "impossible error",
            )?;
            self.by(raw, event.pid.get(), event.target.get())?;
        } else {
            self.caused(raw, mask, event.pid.get(), event.target.get())?;
            zero(raw, event.error.get() == 0 && event.errors.get() == 0)?;
        }
        // One object may have a type for that it has no file handle.
        let types = |handle: u32| handle == 0 || handle > fanotify::HANDLE_TYPE;
        ensure(
            raw,
            types(event.dir.get())
                && types(event.dir2.get())
                && (types(event.object.get()) || kind != FANOTIFY_BY_NAME),
            "a file handle without bytes",
        )?;
        let mut bytes = 0;
        for handle in [event.dir, event.dir2, event.object] {
            let len = (handle.get() >> 8) as usize;
            ensure(
                raw,
                len <= HANDLE_MAX && len % 4 == 0,
                "impossible file handle",
            )?;
            bytes += len;
        }
        let (name, name2) = (event.name.get() as usize, event.name2.get() as usize);
        let renames = mask & fanotify::RENAME != 0;
        if kind != FANOTIFY_BY_NAME {
            zero(
                raw,
                event.dir.get() == 0 && event.dir2.get() == 0 && name == 0 && name2 == 0,
            )?;
        }
        ensure(
            raw,
            (!renames || event.dir.get() == 0 || name != 0)
                && ((event.dir2.get() == 0 && name2 == 0) || (renames && name2 != 0)),
            "a rename without a name, or a new name of something else",
        )?;
        let names = raw.payload.get(bytes..).unwrap_or_default();
        ensure(
            raw,
            raw.payload.len() >= bytes && name.checked_add(name2) == Some(names.len()),
            "file handles and names are of another length",
        )?;
        ensure(
            raw,
            name <= NAME_MAX && name2 <= NAME_MAX && !names.contains(&0) && !names.contains(&b'/'),
            "impossible name of a file",
        )?;
        self.follow = follow(0, left.saturating_sub(1), how, overflow);
        Ok(())
    }

    /// Returns how many events there still are, how the group is, and whether one was that the queue
    /// was full.
    fn told(&self, raw: &Raw<'_>) -> Result<(u32, u32, bool), Fault> {
        match self.follow {
            Follow::Marks {
                left: 0,
                events,
                how,
                overflow,
            } => Ok((events, how, overflow)),
            _ => Err(raw.fault("belongs to no fanotify group, or that has fewer events")),
        }
    }

    /// Checks an event of files, and who has caused it.
    fn caused(&mut self, raw: &Raw<'_>, mask: u32, pid: u32, target: u32) -> Result<(), Fault> {
        flags(
            raw,
            u64::from(mask),
            u64::from(fanotify::OF_FILES | fanotify::ONLY_FLAGS),
        )?;
        ensure(raw, mask & fanotify::OF_FILES != 0, "impossible event")?;
        self.by(raw, pid, target)
    }

    /// Checks who has caused an event.
    fn by(&mut self, raw: &Raw<'_>, pid: u32, target: u32) -> Result<(), Fault> {
        ensure(raw, pid < PID_MAX, "impossible pid")?;
        zero(raw, target == 0 || pid != 0)?;
        self.refer_or_none::<PidfdTarget>(raw, target)?;
        Ok(())
    }
}

/// Returns what must come next if so many marks and events are missing.
fn follow(marks: u32, events: u32, how: u32, overflow: bool) -> Follow {
    match (marks, events) {
        (0, 0) => Follow::Any,
        (left, events) => Follow::Marks {
            left,
            events,
            how,
            overflow,
        },
    }
}
