// SPDX-License-Identifier: GPL-2.0

//! Names of open files in messages.

use kernel::{
    fmt,
    prelude::*,
    str::BStr, //
};

use crate::{
    found::Capture,
    kapi::fs::{
        file::FileRef,
        path::PathRef, //
    }, //
};

/// How a task uses a file, for messages.
#[derive(Clone, Copy)]
pub(crate) enum User {
    /// By a descriptor.
    Descriptor(u32),
    /// By a mapping, or it executes it.
    Mapping,
    /// It is in a message that nobody has received.
    InFlight,
    /// It is registered with an io_uring.
    Registered,
}

/// A file in messages: how it is used and its name.
pub(crate) struct Named<'a> {
    /// How a task uses it.
    pub(crate) user: User,
    /// Its path or the name of its directory entry.
    pub(crate) name: &'a [u8],
}

/// Bytes of a name in messages.
pub(crate) struct Text<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BStr::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.user {
            User::Descriptor(fd) => write!(f, "descriptor {fd} (")?,
            User::Mapping => f.write_str("mapped file (")?,
            User::InFlight => f.write_str("file in a message (")?,
            User::Registered => f.write_str("file of an io_uring (")?,
        }
        Text(self.name).fmt(f)?;
        f.write_str(")")
    }
}

/// Returns the name of a file for messages: its path, or what its directory entry says.
pub(super) fn name_of(cap: &Capture, file: &FileRef) -> Result<KVec<u8>> {
    name_from(&cap.found.files.root, file)
}

/// Returns the same; paths are those from `root`.
pub(super) fn name_from(root: &PathRef, file: &FileRef) -> Result<KVec<u8>> {
    if !file.is_internal() {
        if let Ok(Some(path)) = file.path().name_from(root) {
            return Ok(path);
        }
    }
    let mut name = KVec::new();
    for part in [
        file.fs_name().to_bytes(),
        b":",
        file.entry_name().as_bytes(),
    ] {
        name.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(name)
}
