// SPDX-License-Identifier: GPL-2.0

//! Where the image comes from.

use kernel::prelude::*;

use crate::kapi::{
    file::FileRef,
    io,
    wait, //
};

/// The image file while it is read.
pub(crate) struct Source {
    file: FileRef,
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
        Ok(Self { file, pos })
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
