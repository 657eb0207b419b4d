// SPDX-License-Identifier: GPL-2.0

//! Where the image goes.

use kernel::prelude::*;

use crate::{
    image::{
        check::Sum,
        header::Trailer,
        record::header_of,
        Body, //
    },
    kapi::{
        file::FileRef,
        io,
        wait, //
    }, //
};
use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

/// The image file while it is written.
pub(crate) struct Sink {
    file: FileRef,
    pos: i64,
    written: u64,
    chain: Sum,
    extents: u64,
    pages: u64,
}

impl Sink {
    /// Writes to `file` from its position on.
    ///
    /// EBADF: it is not open for writing.
    pub(crate) fn new(file: FileRef) -> Result<Self> {
        if !file.is_writable() {
            return Err(EBADF);
        }
        let pos = io::position(&file);
        Ok(Self {
            file,
            pos,
            written: 0,
            chain: Sum::new(io::crc32c),
            extents: 0,
            pages: 0,
        })
    }

    /// Writes bytes. EINTR: the caller was killed or interrupted.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result {
        for chunk in bytes.chunks(1 << 20) {
            wait::check_killed()?;
            io::write_all(&self.file, chunk, &mut self.pos)?;
            self.written += chunk.len() as u64;
        }
        Ok(())
    }

    /// Gives the file and its position to `f`, which writes and returns the bytes written: for
    /// pages, which go without a buffer.
    pub(crate) fn write_with(
        &mut self,
        f: impl FnOnce(&FileRef, &mut i64) -> Result<u64>,
    ) -> Result {
        wait::check_killed()?;
        self.written += f(&self.file, &mut self.pos)?;
        Ok(())
    }

    /// Adds the checksum field of the header or of an extent to the chain in the trailer.
    pub(crate) fn chain(&mut self, crc: u32) {
        self.chain.add(&crc.to_le_bytes());
    }

    /// Counts an extent of `pages` pages whose record has the checksum field `crc`.
    pub(crate) fn count_extent(&mut self, pages: u64, crc: u32) {
        self.chain(crc);
        self.extents += 1;
        self.pages += pages;
    }

    /// Counts an extent whose pages came with another one, and whose record has the checksum field
    /// `crc`.
    pub(crate) fn count_shared(&mut self, crc: u32) {
        self.chain(crc);
        self.extents += 1;
    }

    /// Writes the trailer, which makes it an image, and returns the bytes written in all.
    pub(crate) fn finish(mut self) -> Result<u64> {
        let header = header_of::<Trailer>(0);
        let total = self.written + (size_of_val(&header) + size_of::<Trailer>()) as u64;
        let mut trailer = Trailer {
            total_len: U64::new(total),
            extents: U64::new(self.extents),
            pages: U64::new(self.pages),
            chain: U32::new(self.chain.value()),
            crc: U32::new(0),
        };
        let body = trailer.as_bytes();
        let crc =
            crate::image::check::sum(io::crc32c, body.get(..Trailer::LEN_MIN - 4).unwrap_or(body));
        trailer.crc = U32::new(crc);
        let mut last = [0u8; 48];
        let (head, body) = last.split_at_mut(size_of_val(&header));
        head.copy_from_slice(header.as_bytes());
        body.copy_from_slice(trailer.as_bytes());
        self.write(&last)?;
        io::set_position(&self.file, self.pos);
        Ok(self.written)
    }
}
