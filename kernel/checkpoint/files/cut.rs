// SPDX-License-Identifier: GPL-2.0

//! Files that have grown and are cut off where they ended at the checkpoint.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::Change, //
    },
    files::{
        name::{
            name_from,
            Text, //
        },
        opener,
        ops::{
            Compare,
            Source, //
        }, //
    },
    image::files::SIZE_UNKNOWN,
    kapi::{
        fs::file::FileRef,
        security::cred::CredRef, //
    }, //
};

/// What is cut off a file.
pub(super) struct Cut {
    /// Bytes that it had.
    size: i64,
    /// With whose rights it is cut: of who had opened it.
    opener: CredRef,
}

impl Cut {
    /// Returns what is to be cut off `file`, which was opened for `source` and compared with it;
    /// `None`: nothing, or the caller has not asked for it.
    pub(super) fn of(
        r: &Restore,
        plan: &TaskRecords<'_>,
        source: &Source,
        file: &FileRef,
    ) -> Result<Option<Self>> {
        let (kind, size) = (source.kind.compare, source.record.size.get());
        if kind < Compare::Contents
            || size == SIZE_UNKNOWN
            || r.policy.changes.of(source.path.saved())? != Some(Change::Truncate)
        {
            return Ok(None);
        }
        let size = i64::try_from(size).map_err(|_| EINVAL)?;
        if file.size() <= size {
            return Ok(None);
        }
        let opener = opener::of_file(r, plan, source.record.cred.get())?;
        Ok(Some(Self { size, opener }))
    }

    /// Asks whether it may be cut off, before the first one is; leases are broken. May sleep.
    pub(super) fn ask(&self, r: &Restore, file: &FileRef) -> Result {
        if file.size() <= self.size {
            return Ok(());
        }
        self.act(r, file, FileRef::may_truncate)
    }

    /// Cuts it off, as truncate(2) does it. It can't be undone: it is one of the last things. May
    /// sleep.
    pub(super) fn overwrite(&self, r: &Restore, file: &FileRef) -> Result {
        // Another open file of it may have been the first.
        if file.size() <= self.size {
            return Ok(());
        }
        self.act(r, file, |file| file.truncate(self.size))
    }

    /// Does `what` to `file` with the rights that it is cut with.
    fn act(&self, r: &Restore, file: &FileRef, what: impl FnOnce(&FileRef) -> Result) -> Result {
        self.opener.act(|| what(file)).map_err(|e| {
            let why = match e {
                EACCES => "who had it open may not write to it",
                EPERM => "it can only be appended to, or is immutable",
                EROFS => "its filesystem is read-only",
                ETXTBSY => "it is being executed",
                _ => "its filesystem refuses it",
            };
            let name = name_from(&r.root, file).unwrap_or_default();
            r.told(
                e,
                fmt!(
                    "{}: can't be cut off at {} bytes: {}: {}",
                    Text(&name),
                    self.size,
                    why,
                    Errno(e)
                ),
            )
        })
    }
}
