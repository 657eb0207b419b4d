// SPDX-License-Identifier: GPL-2.0

//! Where the image comes from.

use kernel::prelude::*;

use crate::kapi::{
    fs::{
        file::{
            ftype,
            FileRef, //
        },
        io, //
    },
    time::wait, //
};

/// The image file while it is read.
pub(crate) struct Source {
    file: FileRef,
    /// Where the image starts in it.
    start: i64,
    pos: i64,
}

impl Source {
    /// Reads from `file` from its position on.
    ///
    /// EBADF: it is not open for reading.
    pub(crate) fn new(file: FileRef) -> Result<Self> {
        if !file.is_readable() {
            return Err(EBADF);
        }
        let pos = io::position(&file);
        Ok(Self {
            file,
            start: pos,
            pos,
        })
    }

    /// Returns the bytes from the image's start to the end of the file, if it can be read anywhere.
    pub(crate) fn len(&self) -> Option<u64> {
        // What a filesystem of user space gives as a stream has no positions, although it is a file.
        if self.file.file_type() != ftype::REGULAR || self.file.is_stream() {
            return None;
        }
        u64::try_from(self.file.size().checked_sub(self.start)?).ok()
    }

    /// Returns another reader of the image, from its byte `at` on. It must have a [`Self::len`].
    pub(crate) fn at(&self, at: u64) -> Result<Self> {
        let pos = i64::try_from(at)
            .ok()
            .and_then(|at| at.checked_add(self.start))
            .ok_or(EINVAL)?;
        Ok(Self {
            file: self.file.clone(),
            start: self.start,
            pos,
        })
    }

    /// Reads over `len` bytes. It must have a [`Self::len`].
    pub(crate) fn skip(&mut self, len: u64) -> Result {
        let pos = i64::try_from(len)
            .ok()
            .and_then(|len| len.checked_add(self.pos));
        self.pos = pos.ok_or(EINVAL)?;
        Ok(())
    }

    /// Fills `buf`; false if the file ends before. EINTR: the caller was killed.
    pub(crate) fn read_exact(&mut self, buf: &mut [u8]) -> Result<bool> {
        wait::check_killed()?;
        let n = io::read_full(&self.file, buf, &mut self.pos)?;
        Ok(n == buf.len())
    }

    /// Gives the file and its position to `f`, which reads: for pages, which need no buffer.
    pub(crate) fn read_with<R>(
        &mut self,
        f: impl FnOnce(&FileRef, &mut i64) -> Result<R>,
    ) -> Result<R> {
        wait::check_killed()?;
        f(&self.file, &mut self.pos)
    }

    /// Leaves the file's position after what was read.
    pub(crate) fn finish(self) {
        io::set_position(&self.file, self.pos);
    }
}

/// Returns why a file can't be read, and what to do about it.
pub(crate) fn why(e: Error) -> &'static str {
    match e {
        EINTR => "a signal came: try again, with signals blocked",
        EAGAIN => {
            "nothing is there at the moment, and the descriptor does not wait: clear O_NONBLOCK"
        }
        EIO | ESTALE => "the device or the server of the file failed: see the kernel's log",
        ENOMEM => "there is no memory for it: free some",
        _ => "see read(2)",
    }
}
