// SPDX-License-Identifier: GPL-2.0

//! Where the image goes.

use kernel::prelude::*;

use crate::{
    core::report::{
        Errno,
        Report, //
    },
    image::{
        check::Sum,
        header::Trailer,
        mm::Row,
        record::{
            header_of,
            RECORD_HEADER_LEN, //
        },
        Body,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            io, //
        },
        time::wait, //
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
    /// Bytes up to the end of the metadata.
    meta_end: u64,
    /// The rows of extents so far, one for each object.
    rows: KVVec<Row>,
    /// Where the trailer is, or is to be, once it is written.
    trailer_at: Option<i64>,
    /// What could not be done with the file, and why, if that was so.
    failed: Option<(&'static str, Error)>,
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
            meta_end: 0,
            rows: KVVec::new(),
            trailer_at: None,
            failed: None,
        })
    }

    /// Writes bytes. EINTR: the caller was killed or interrupted; else as of write(2).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result {
        for chunk in bytes.chunks(1 << 20) {
            self.write_with(|file, pos| {
                io::write_all(file, chunk, pos)?;
                Ok(chunk.len() as u64)
            })?;
        }
        Ok(())
    }

    /// Gives the file and its position to `f`, which writes and returns the bytes written: for
    /// pages, which go without a buffer.
    pub(crate) fn write_with(
        &mut self,
        f: impl FnOnce(&FileRef, &mut i64) -> Result<u64>,
    ) -> Result {
        let done = wait::go_on()
            .and_then(|()| f(&self.file, &mut self.pos))
            .inspect_err(|&e| self.failed = Some(("written", e)))?;
        self.written += done;
        Ok(())
    }

    /// Adds a line to `report` if the file took no more: why, and what to do.
    pub(crate) fn explain(&self, report: &mut Report) {
        let Some((what, e)) = self.failed else {
            return;
        };
        report.line(fmt!(
            "error: the image can't be {} beyond byte {}, and the tasks run on: {} [{}]",
            what,
            self.written,
            why(e),
            Errno(e)
        ));
    }

    /// Adds the checksum field of the header or of an extent to the chain in the trailer.
    pub(crate) fn chain(&mut self, crc: u32) {
        self.chain.add(&crc.to_le_bytes());
    }

    /// The metadata ends here.
    pub(crate) fn end_metadata(&mut self) {
        self.meta_end = self.written;
    }

    /// The record of an extent of `obj`, shared or not, comes next: all of one object follow each
    /// other.
    pub(crate) fn begin_extent(&mut self, obj: ObjRef) -> Result {
        if self.rows.last().is_none_or(|r| r.obj.get() != obj.get()) {
            let row = Row {
                obj: U32::new(obj.get()),
                number: U32::new(u32::try_from(self.rows.len())?),
                at: U64::new(self.written - self.meta_end),
                extents: U64::new(0),
                reserved: U32::new(0),
                crc: U32::new(0),
            };
            self.rows.push(row, GFP_KERNEL_ACCOUNT)?;
        }
        if let Some(row) = self.rows.last_mut() {
            row.extents += 1;
        }
        Ok(())
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

    /// Writes where the extents of each object are.
    fn write_rows(&mut self) -> Result {
        for mut row in core::mem::replace(&mut self.rows, KVVec::new()) {
            let bytes = row.as_bytes();
            let covered = bytes.get(..bytes.len() - size_of::<u32>()).unwrap_or(bytes);
            row.crc = U32::new(crate::image::check::sum(io::crc32c, covered));
            let mut record = [0u8; RECORD_HEADER_LEN + size_of::<Row>()];
            let (head, body) = record.split_at_mut(RECORD_HEADER_LEN);
            head.copy_from_slice(header_of::<Row>(0).as_bytes());
            body.copy_from_slice(row.as_bytes());
            self.write(&record)?;
        }
        Ok(())
    }

    /// Writes the rows of extents and the trailer, which makes it an image, and returns the bytes
    /// written in all.
    ///
    /// With `durable` the image is on the disk then, if it is on one. What fails leaves no image, as
    /// far as that can be undone ([`Self::take_back`]).
    pub(crate) fn finish(&mut self, durable: bool) -> Result<u64> {
        self.write_rows()?;
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
        let mut last = [0u8; TRAILER_LEN];
        let (head, body) = last.split_at_mut(size_of_val(&header));
        head.copy_from_slice(header.as_bytes());
        body.copy_from_slice(trailer.as_bytes());
        // First all the rest: without its trailer it is not an image.
        if durable {
            wait::go_on()?;
            self.sync()?;
        }
        self.trailer_at = Some(self.pos);
        // A file that is open with O_SYNC tells of an error when it has taken all.
        self.write(&last).inspect_err(|_| self.take_back())?;
        if durable {
            // It is an image now, which a stream does not give back: the caller may be killed, but
            // what is to be done with the tasks is done.
            self.sync().inspect_err(|_| self.take_back())?;
        }
        io::set_position(&self.file, self.pos);
        Ok(self.written)
    }

    fn sync(&mut self) -> Result {
        io::sync(&self.file).inspect_err(|&e| self.failed = Some(("brought to the disk", e)))
    }

    /// Takes back the trailer, if it was written: what fails after it is not to leave an image. Where
    /// that fails too, as on a broken disk, or where the file is a stream, there may be one.
    pub(crate) fn take_back(&self) {
        let Some(mut pos) = self.trailer_at.filter(|_| !self.file.is_stream()) else {
            return;
        };
        if io::truncate(&self.file, pos).is_err() {
            let _ = io::write_all(&self.file, &[0; TRAILER_LEN], &mut pos);
        }
    }
}

/// Bytes of the trailer with its header.
const TRAILER_LEN: usize = RECORD_HEADER_LEN + size_of::<Trailer>();

/// Why a file takes no more, and what to do about it.
fn why(e: Error) -> &'static str {
    match e {
        ENOSPC | EDQUOT => "there is no room: make some, or write it to another place",
        EFBIG => {
            "it is longer than a file may be there, or than the limit of the caller (ulimit -f)"
        }
        EPIPE | ECONNRESET => "who reads it has gone: see why it ended",
        EAGAIN => {
            "there is no room at the moment, and the descriptor does not wait: clear O_NONBLOCK"
        }
        EINTR => "a signal came: try again, with signals blocked",
        EIO => "the device or the server of the file failed: see the kernel's log",
        EROFS | EPERM | EACCES | EBADF | EINVAL => "the file does not take it: see write(2)",
        ENOMEM => "there is no memory for it: free some",
        _ => "see write(2)",
    }
}
