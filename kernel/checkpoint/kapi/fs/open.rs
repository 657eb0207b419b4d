// SPDX-License-Identifier: GPL-2.0

//! Opening files, and the flags that they are opened with.
//!
//! A path is looked up once ([`PathRef::lookup`]), looked at, and opened as what was found: what
//! is at its name by then makes no difference.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::{
    image::files::open,
    kapi::fs::{
        file::{
            ftype,
            FileRef, //
        },
        path::PathRef, //
    }, //
};

/// What permission to read is asked for by, as in access(2).
const MAY_READ: c_int = bindings::MAY_READ.cast_signed();

impl FileRef {
    /// Opens what `path` leads to as open(2) would, with the rights that the caller has or
    /// [acts](crate::kapi::security::cred::CredRef::act) with.
    ///
    /// `flags` are O_*, `mode` the permissions of a file that is made (O_TMPFILE). May sleep, even
    /// for long.
    pub(crate) fn open(path: &PathRef, flags: u32, mode: u16) -> Result<Self> {
        // SAFETY: The path is referenced; an empty name is the path itself, as in
        // open_by_handle_at(2). A file that is returned comes with a reference.
        unsafe {
            Self::from_owned(bindings::file_open_root(
                path.as_raw(),
                c"".as_char_ptr(),
                flags.cast_signed(),
                mode,
            ))
        }
    }

    /// Opens what `path` leads to as exec(2) would: a program that may be executed, but maybe not
    /// read. EACCES also: it is on a filesystem that is mounted noexec.
    pub(crate) fn open_program(path: &PathRef) -> Result<Self> {
        // SAFETY: The path is referenced; a file that is returned comes with a reference.
        unsafe { Self::from_owned(bindings::checkpoint_open_program(path.as_raw())) }
    }

    /// Opens what `path` leads to without a look at its permissions: for the engine itself, or what
    /// a task may open of itself in any case.
    pub(crate) fn open_unchecked(path: &PathRef, flags: u32) -> Result<Self> {
        // SAFETY: The path is referenced; a running task has credentials; a file that is returned
        // comes with a reference.
        unsafe {
            Self::from_owned(bindings::dentry_open(
                path.as_raw(),
                flags.cast_signed(),
                bindings::current_cred(),
            ))
        }
    }

    /// Opens the same inode again, without a look at its permissions.
    pub(crate) fn reopen(&self, flags: u32) -> Result<Self> {
        Self::open_unchecked(&self.path(), flags)
    }

    /// Checks that the caller may read the inode, whatever it is open for; EACCES if not.
    pub(crate) fn may_read(&self) -> Result {
        self.path().may(MAY_READ)
    }

    /// Checks that the caller may make it the program of its address space, as
    /// prctl(PR_SET_MM_EXE_FILE) would; EACCES if not.
    pub(crate) fn may_be_program(&self) -> Result {
        if self.is_path_only() {
            return Err(EBADF);
        }
        // SAFETY: We own a reference on the file, which keeps it valid.
        to_result(unsafe { bindings::may_be_mm_exe_file(self.as_ptr()) })
    }

    /// Sets those of the O_* flags in `mask` that are in `flags`, and clears the others, as
    /// fcntl(F_SETFL) does.
    pub(crate) fn set_flags(&self, mask: u32, flags: u32) -> Result {
        let all = (self.flags() & !mask) | (flags & mask);
        // SAFETY: We own a reference. O_ASYNC, for which a descriptor is wanted, is neither set nor
        // cleared.
        to_result(unsafe { bindings::checkpoint_set_status_flags(self.as_ptr(), 0, all) })
    }
}

/// O_* flags and those of images.
static FLAGS: &[(u32, u32)] = &[
    (bindings::O_APPEND, open::APPEND),
    (bindings::O_NONBLOCK, open::NONBLOCK),
    (bindings::O_DSYNC, open::DSYNC),
    // O_SYNC is a bit of its own together with O_DSYNC.
    (bindings::O_SYNC & !bindings::O_DSYNC, open::SYNC),
    (bindings::O_DIRECT, open::DIRECT),
    (bindings::O_NOATIME, open::NOATIME),
    (bindings::O_PATH, open::PATH),
    (bindings::O_LARGEFILE, open::LARGEFILE),
    (bindings::O_DIRECTORY, open::DIRECTORY),
    (bindings::O_NOFOLLOW, open::NOFOLLOW),
    (bindings::FASYNC, open::ASYNC),
];

/// Returns the image's flags for an open file.
pub(crate) fn flags_to_image(file: &FileRef) -> u32 {
    let mut to = 0;
    for (flag, image) in FLAGS {
        if file.flags() & flag != 0 {
            to |= image;
        }
    }
    if file.is_readable() {
        to |= open::READ;
    }
    if file.is_writable() {
        to |= open::WRITE;
    }
    if file.is_ioctl_only() {
        to |= open::NO_ACCESS;
    }
    // What exec(2) opened: it needs the right to execute, and not to read.
    if file.flags() & bindings::FMODE_EXEC != 0 {
        to |= open::EXEC;
    }
    // Set again when it is known who gets the signals.
    if file.sends_signals() {
        to &= !open::ASYNC;
    }
    // A file that was made with O_TMPFILE has this, but could not be opened with it.
    if file.file_type() != ftype::DIRECTORY {
        to &= !open::DIRECTORY;
    }
    to
}

/// Returns the O_* flags to open a file with, for flags of an image.
pub(crate) fn flags_from_image(flags: u32) -> u32 {
    let mut to = match (flags & open::READ != 0, flags & open::WRITE != 0) {
        (true, true) => bindings::O_RDWR,
        (false, true) => bindings::O_WRONLY,
        (false, false) if flags & open::NO_ACCESS != 0 => bindings::O_ACCMODE,
        _ => bindings::O_RDONLY,
    };
    for (flag, image) in FLAGS {
        if flags & image != 0 {
            to |= flag;
        }
    }
    if flags & open::SYNC != 0 {
        to |= bindings::O_SYNC;
    }
    to
}

/// Flags to open files with that are not in the image.
pub(crate) mod oflag {
    use kernel::bindings;

    /// What fcntl(F_SETFL) sets, O_ASYNC not counted.
    pub(crate) const SETFL: u32 =
        bindings::O_APPEND | bindings::O_NONBLOCK | bindings::O_DIRECT | bindings::O_NOATIME;
    /// O_NONBLOCK.
    pub(crate) const NONBLOCK: u32 = bindings::O_NONBLOCK;
    /// O_DIRECT.
    pub(crate) const DIRECT: u32 = bindings::O_DIRECT;
    /// For reading.
    pub(crate) const READ: u32 = bindings::O_RDONLY | bindings::O_LARGEFILE;
    /// For reading a directory.
    pub(crate) const DIRECTORY: u32 =
        bindings::O_RDONLY | bindings::O_LARGEFILE | bindings::O_DIRECTORY;
    /// For its path only.
    pub(crate) const PLACE: u32 = bindings::O_PATH;
    /// For reading and writing.
    pub(crate) const READ_WRITE: u32 = bindings::O_RDWR | bindings::O_LARGEFILE;
    /// A terminal does not become the controlling one.
    pub(crate) const NOCTTY: u32 = bindings::O_NOCTTY;
    /// A pipe, for both ends.
    pub(crate) const BOTH_ENDS: u32 = bindings::O_RDWR | bindings::O_NONBLOCK;
    /// A new file without a name, for reading and writing.
    pub(crate) const TMPFILE: u32 = bindings::O_TMPFILE | bindings::O_RDWR | bindings::O_LARGEFILE;
    /// With [`TMPFILE`]: it can't be given a name.
    pub(crate) const NAMELESS: u32 = bindings::O_EXCL;
}
