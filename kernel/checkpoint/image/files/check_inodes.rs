// SPDX-License-Identifier: GPL-2.0

//! What open files show: inodes without a name, pipes, timers, directories.

use crate::image::{
    check::{
        fields::{
            absolute_path,
            boolean,
            ensure,
            flags,
            ids,
            no_payload,
            two_absolute_paths,
            zero,
            POS_MAX, //
        },
        walk::{
            Follow,
            Walk, //
        }, //
    },
    files::{
        check::{
            NSEC,
            TYPE,
            TYPE_BLOCK,
            TYPE_CHAR,
            TYPE_DIRECTORY,
            TYPE_FIFO,
            TYPE_LINK,
            TYPE_REGULAR,
            TYPE_SOCKET, //
        },
        *, //
    },
    huge::check::Room,
    policy::{
        check::Place,
        POLICY_RANGES_MAX, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Latest time of a timer, and its longest interval, in nanoseconds: never.
const TIME_MAX: u64 = i64::MAX as u64;

impl Walk<'_> {
    /// Checks an inode whose contents are in the image.
    pub(in crate::image) fn inode(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let inode: Inode = raw.body()?;
        let mode = inode.mode.get();
        ensure(
            raw,
            mode <= 0o177777 && matches!(mode & TYPE, 0 | TYPE_REGULAR),
            "impossible mode",
        )?;
        ensure(raw, inode.size.get() <= POS_MAX, "impossible size")?;
        ids(raw, inode.owner.iter().map(|id| id.get()))?;
        ensure(
            raw,
            inode.atime_nsec.get() < NSEC && inode.mtime_nsec.get() < NSEC,
            "impossible time",
        )?;
        let memfd = inode.flags.get() & INODE_MEMFD != 0;
        let named = inode.flags.get() & INODE_NAMED != 0;
        let known = if memfd {
            INODE_MEMFD
        } else if named {
            INODE_NAMED
        } else if raw.payload.is_empty() {
            INODE_NORESERVE
        } else {
            INODE_LINKABLE
        };
        flags(raw, u64::from(inode.flags.get()), u64::from(known))?;
        if memfd {
            flags(raw, u64::from(inode.seals.get()), u64::from(seal::ALL))?;
            ensure(
                raw,
                raw.payload.len() <= MEMFD_NAME_MAX && !raw.payload.contains(&0),
                "impossible name",
            )?;
        } else {
            zero(raw, inode.seals.get() == 0)?;
        }
        zero(raw, inode.reserved.get() == 0 && inode.reserved2.get() == 0)?;
        self.room = Some(Room::Inode(inode.size.get()));
        self.place = Some(Place::Inode(0, POLICY_RANGES_MAX));
        let left = inode.xattrs.get();
        if raw.payload.is_empty() && !memfd && !named {
            return zero(raw, left == 0 && inode.mount.get() == 0);
        }
        if memfd {
            zero(raw, inode.mount.get() == 0)?;
        } else {
            self.mount_of(raw, inode.mount.get())?;
            absolute_path(raw)?;
        }
        self.xattrs_follow(raw, left)
    }

    /// Notes that this many extended attributes of the inode `raw` are to follow.
    fn xattrs_follow(&mut self, raw: &Raw<'_>, left: u32) -> Result<(), Fault> {
        if left != 0 {
            ensure(
                raw,
                matches!(self.follow, Follow::Any),
                "stands in an ipc namespace, and has extended attributes",
            )?;
            self.follow = Follow::Xattrs { left };
        }
        Ok(())
    }

    /// Checks an extended attribute of the inode before it.
    pub(in crate::image) fn xattr(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let xattr: Xattr = raw.body()?;
        let Follow::Xattrs { left } = self.follow else {
            return Err(raw.fault("belongs to no inode, or that has fewer extended attributes"));
        };
        zero(raw, xattr.reserved.get() == 0)?;
        let (name, value) =
            name_and_value(raw.payload).ok_or(raw.fault("extended attribute without a name"))?;
        ensure(
            raw,
            !name.is_empty() && name.len() <= XATTR_NAME_MAX,
            "impossible name",
        )?;
        ensure(
            raw,
            value.len() <= XATTR_SIZE_MAX && usize::try_from(xattr.size.get()) == Ok(value.len()),
            "impossible size",
        )?;
        self.follow = match left.checked_sub(1) {
            None | Some(0) => Follow::Any,
            Some(left) => Follow::Xattrs { left },
        };
        Ok(())
    }

    /// Checks a pipe.
    pub(in crate::image) fn pipe(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let pipe: Pipe = raw.body()?;
        let size = pipe.size.get();
        boolean(raw, pipe.named.get())?;
        ensure(
            raw,
            size.is_power_of_two() && size <= PIPE_MAX && u64::from(size) >= self.page_size,
            "impossible size of a pipe",
        )?;
        ids(raw, pipe.owner.iter().map(|id| id.get()))?;
        zero(raw, pipe.reserved.get() == 0)?;
        if pipe.removed.get() != 0 {
            ensure(
                raw,
                pipe.named.get() != 0,
                "has no name that could be removed",
            )?;
            let why = "removed, but no named pipe";
            self.removed_of(raw, pipe.removed.get(), TYPE_FIFO, why)?;
        }
        let left = pipe.buffers.get();
        ensure(
            raw,
            u64::from(left).saturating_mul(self.page_size) <= u64::from(size),
            "more buffers than the pipe has room for",
        )?;
        no_payload(raw)?;
        if left != 0 {
            self.follow = Follow::Buffers {
                left,
                room: u64::from(size),
            };
        }
        self.summary.pipes = self.summary.pipes.saturating_add(1);
        Ok(())
    }

    /// Checks a timer behind a descriptor.
    pub(in crate::image) fn timerfd(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let timer: Timerfd = raw.body()?;
        let (clock, set) = (timer.clock.get(), timer.flags.get());
        flags(raw, u64::from(set), u64::from(timerfd::ALL))?;
        zero(raw, timer.reserved.get() == 0)?;
        let real = match clock {
            TIMERFD_CLOCK_REALTIME | TIMERFD_CLOCK_REALTIME_ALARM => true,
            TIMERFD_CLOCK_MONOTONIC | TIMERFD_CLOCK_BOOTTIME | TIMERFD_CLOCK_BOOTTIME_ALARM => {
                false
            }
            _ => return Err(raw.fault("unknown clock")),
        };
        ensure(
            raw,
            set & timerfd::RELATIVE == 0 || clock == TIMERFD_CLOCK_REALTIME,
            "relative time on a clock that has none",
        )?;
        ensure(
            raw,
            set & timerfd::CANCEL_ON_SET == 0 || real,
            "clock that is never set",
        )?;
        ensure(
            raw,
            set & timerfd::CANCELED == 0 || set & timerfd::CANCEL_ON_SET != 0,
            "cancelled though it can't be",
        )?;
        ensure(
            raw,
            timer.expires.get() <= TIME_MAX && timer.interval.get() <= TIME_MAX,
            "impossible time",
        )?;
        no_payload(raw)
    }

    /// Checks a buffer of a pipe.
    pub(in crate::image) fn pipe_buffer(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let buffer: PipeBuffer = raw.body()?;
        boolean(raw, buffer.packet.get())?;
        zero(raw, buffer.reserved.get() == 0)?;
        let Follow::Buffers { left, room } = self.follow else {
            return Err(raw.fault("belongs to no pipe, or that has fewer buffers"));
        };
        ensure(raw, !raw.payload.is_empty(), "empty buffer of a pipe")?;
        let len = raw.payload.len() as u64;
        let room = room
            .checked_sub(len)
            .ok_or(raw.fault("more bytes than the pipe has room for"))?;
        self.follow = match left.checked_sub(1) {
            None | Some(0) => Follow::Any,
            Some(left) => Follow::Buffers { left, room },
        };
        self.summary.pipe_bytes = self.summary.pipe_bytes.saturating_add(len);
        Ok(())
    }

    /// Checks the root, working directory and umask.
    pub(in crate::image) fn fs(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let fs: Fs = raw.body()?;
        flags(raw, u64::from(fs.umask.get()), 0o777)?;
        self.refer_or_none::<Path>(raw, fs.root.get())?;
        if fs.removed.get() == 0 {
            self.refer::<Path>(raw, fs.pwd.get())?;
        } else {
            zero(raw, fs.pwd.get() == 0)?;
            let why = "working directory that is none";
            self.removed_of(raw, fs.removed.get(), TYPE_DIRECTORY, why)?;
        }
        zero(raw, fs.reserved.get() == 0)?;
        no_payload(raw)
    }

    /// Checks what was removed and is no regular file.
    pub(in crate::image) fn removed(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let removed: Removed = raw.body()?;
        flags(raw, u64::from(removed.mode.get()), 0o7777)?;
        ids(raw, removed.owner.iter().map(|id| id.get()))?;
        ensure(
            raw,
            removed.atime_nsec.get() < NSEC && removed.mtime_nsec.get() < NSEC,
            "impossible time",
        )?;
        self.mount_of(raw, removed.mount.get())?;
        self.xattrs_follow(raw, removed.xattrs.get())?;
        let file_type = removed.real_type();
        match file_type {
            TYPE_CHAR | TYPE_BLOCK => (),
            TYPE_DIRECTORY | TYPE_FIFO | TYPE_LINK | TYPE_SOCKET => {
                zero(raw, removed.device.get() == 0)?;
            }
            _ => return Err(raw.fault("unknown type of what was removed")),
        }
        if file_type != TYPE_LINK {
            return two_absolute_paths(raw);
        }
        let (paths, target) =
            paths_and_target(raw.payload).ok_or(raw.fault("link that leads nowhere"))?;
        ensure(
            raw,
            (1..=LINK_MAX).contains(&target.len()) && !target.contains(&0),
            "link that leads nowhere",
        )?;
        two_absolute_paths(&Raw {
            payload: paths,
            ..*raw
        })
    }

    /// Checks a directory.
    pub(in crate::image) fn path(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let path: Path = raw.body()?;
        zero(raw, path.reserved.get() == 0)?;
        self.mount_of(raw, path.mount.get())?;
        absolute_path(raw)
    }
}
