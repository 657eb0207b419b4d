// SPDX-License-Identifier: GPL-2.0

//! What a kind of open file is: how it is recognized, found, saved and restored.

use kernel::prelude::*;

use crate::{
    core::{
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::Place, //
    },
    files::{
        name::Named,
        open::Open, //
    },
    found::Capture,
    image::files::OpenFile,
    kapi::{
        fs::{
            file::{
                ftype,
                EntryName,
                FileRef, //
            },
            magic,
            open::flags_to_image,
            path::PathName,
            stat::Stat, //
        },
        net::socket::SockRef,
        task::frozen::FrozenTask, //
    }, //
};

/// One kind of open file.
///
/// A column that a kind does not need is that of [`FileOps::NONE`]. All functions may sleep; none
/// is called with a lock held.
pub(super) struct FileOps {
    /// What a file of the kind is, for messages: "a memfd".
    pub(super) name: &'static str,
    /// The kind's number in the image (`FILE_*`); 0: files of it can't be saved.
    pub(super) number: u32,
    /// Magic number of the filesystem on which all is of this kind; 0: `matches` tells.
    pub(super) filesystem: u32,
    /// Returns whether a file is of this kind, if it is of none before it in the table.
    pub(super) matches: fn(&Facts<'_>) -> bool,
    /// Its record has the path that `collect` noted.
    pub(super) by_path: bool,
    /// Notes that a task has the file open, even if something else of it can't be saved: who has
    /// all else of it, is known by counting.
    pub(super) count: fn(&mut Capture, &FileRef) -> Result,
    /// Decides at the first user whether the file can be saved, and notes in `Open` what saving it
    /// takes. False: it was refused, and the report says why.
    pub(super) collect: fn(&mut Capture, &FrozenTask, &Named<'_>, &mut Open) -> Result<bool>,
    /// Returns whether tasks outside have what the file shows, by an open file of their own.
    pub(super) outside: fn(&Capture, &Open) -> bool,
    /// Returns whether nothing is lost if the tasks get an open file of their own: that tasks
    /// outside have this one, too, is only noted then.
    pub(super) lossless: fn(&Open) -> bool,
    /// What to do about a file that tasks outside have, too.
    pub(super) advice: &'static str,
    /// What was written to the file is brought to its disk, so that the image finds it there.
    pub(super) on_disk: bool,
    /// Returns the descriptor that signals of a file with O_ASYNC name (`si_fd`), if it can tell.
    pub(super) async_fd: fn(&FileRef) -> Option<u32>,
    /// Writes the records that the file's own refers to; returns what its own has of the kind.
    pub(super) save: fn(&mut Capture, &Open) -> Result<Saved>,
    /// What of what is at its path is compared with what was saved.
    pub(super) compare: Compare,
    /// Opens the file, with its position and flags, in the context of its first user.
    pub(super) restore: fn(&Restore, &TaskRecords<'_>, &Source) -> Result<FileRef>,
}

impl FileOps {
    /// Columns of a kind that needs none of them.
    pub(super) const NONE: Self = Self {
        name: "",
        number: 0,
        filesystem: 0,
        matches: |_| false,
        by_path: false,
        count: |_, _| Ok(()),
        collect: |_, _, _, _| Ok(true),
        outside: |_, _| false,
        lossless: |_| false,
        advice: "close it there, or do without CHECKPOINT_STRICT (--strict)",
        on_disk: false,
        async_fd: |_| None,
        save: |_, open| Ok(Saved::of(&open.file)),
        compare: Compare::Inode,
        restore: |_, _, _| Err(EINVAL),
    };
}

/// What is compared of what is at a path: each what those before it name, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Compare {
    /// Its type, and what its kind looks at.
    Type,
    /// Device, inode and permissions, as far as they mean the same.
    Inode,
    /// Size and time of modification.
    Contents,
}

/// What a file is, as the kernel tells it: each question is asked once.
pub(super) struct Facts<'a> {
    /// The file.
    pub(super) file: &'a FileRef,
    /// Its mount is the kernel's own.
    pub(super) internal: bool,
    magic: u64,
    file_type: u32,
    name: EntryName,
}

impl<'a> Facts<'a> {
    /// Asks what `file` is.
    pub(super) fn of(file: &'a FileRef) -> Self {
        let internal = file.is_internal();
        Self {
            file,
            internal,
            magic: file.fs_magic(),
            file_type: file.file_type(),
            name: if internal {
                file.entry_name()
            } else {
                EntryName::default()
            },
        }
    }

    /// Returns the name that the kernel gave it; empty for a file that user space names.
    pub(super) fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// Returns whether it is of the type `file_type`, one of [`ftype`].
    pub(super) fn is(&self, file_type: u32) -> bool {
        self.file_type == file_type
    }

    /// Returns whether it is on the filesystem with this magic number.
    pub(super) fn is_on(&self, magic: u32) -> bool {
        self.magic == u64::from(magic)
    }

    /// Returns whether it is a socket of this address family.
    pub(super) fn is_socket_of(&self, family: i32) -> bool {
        self.is(ftype::SOCKET) && self.file.socket_family() == Some(family)
    }

    /// Returns whether it is one of this protocol of that.
    pub(super) fn is_socket(&self, family: i32, protocol: i32) -> bool {
        self.is_socket_of(family)
            && SockRef::of(self.file).is_some_and(|sk| sk.basics().protocol == protocol)
    }

    /// Returns whether it is a character device with this major number and one of these minor
    /// numbers.
    pub(super) fn is_device(&self, major: u32, minors: core::ops::RangeInclusive<u32>) -> bool {
        let device = self.file.device();
        self.is(ftype::CHAR) && device.0 == major && minors.contains(&device.1)
    }

    /// Returns whether it is a kernel object without an inode of its own.
    pub(super) fn is_object(&self) -> bool {
        self.is_on(magic::ANON_INODE_FS_MAGIC)
    }

    /// Returns whether it is a kernel object without an inode of its own whose name begins with
    /// `start`. For the words of a refusal only, see [`super::kinds`].
    pub(super) fn is_object_named(&self, start: &[u8]) -> bool {
        self.is_object() && self.name().starts_with(start)
    }

    /// Returns whether it is memory of the kernel, which has a name of its own.
    pub(super) fn is_memory(&self) -> bool {
        self.is(ftype::REGULAR) && self.internal
    }

    /// Returns whether it is memory of the kernel to which it gave a name that begins with `start`.
    pub(super) fn is_memory_named(&self, start: &[u8]) -> bool {
        self.is_memory() && self.name().starts_with(start)
    }
}

/// What the record of an open file has of its kind.
pub(super) struct Saved {
    /// Reference of what the file shows, or the number of a device.
    pub(super) inode: u32,
    /// Flags for the image.
    pub(super) flags: u32,
    /// Position.
    pub(super) pos: i64,
    /// Bytes.
    pub(super) size: u64,
    /// Time of the last modification.
    pub(super) mtime: (i64, u32),
    /// What tells it from others.
    pub(super) stat: Stat,
}

impl Saved {
    /// Returns what each open file has: position and flags.
    pub(super) fn of(file: &FileRef) -> Self {
        Self {
            inode: 0,
            flags: flags_to_image(file) | file.advice(),
            pos: file.pos(),
            size: 0,
            mtime: (0, 0),
            stat: Stat::default(),
        }
    }
}

/// An open file to be rebuilt.
pub(super) struct Source {
    /// What it is.
    pub(super) kind: &'static FileOps,
    /// Its record.
    pub(super) record: OpenFile,
    /// O_* flags to open it with.
    pub(super) flags: u32,
    /// Its path from the caller's root; empty for those that have none.
    pub(super) path: Place,
    /// The path by which it was opened, if that was removed; else empty.
    pub(super) former: PathName,
}
