// SPDX-License-Identifier: GPL-2.0

//! Where the image goes.

use kernel::{
    num::casts::usize_as_u64,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    core::report::{
        Errno,
        Report, //
    },
    image::{
        check::sealed,
        contents::{
            Extent,
            Index,
            IndexEntry,
            INDEX_ENTRIES, //
        },
        header::{
            Header,
            Trailer, //
        },
        record::{
            header_of,
            RECORD_HEADER_LEN, //
        },
        Body, //
    },
    kapi::{
        fork::helpers,
        fs::{
            file::FileRef,
            io, //
        },
        time::wait, //
    }, //
};
use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    IntoBytes, //
};

/// The image file while it is written.
pub(crate) struct Sink {
    file: FileRef,
    pos: i64,
    /// May another thread write parts of it?
    parted: bool,
    written: u64,
    /// Checksum of the header.
    header: U64,
    batches: u32,
    extents: u64,
    pages: u64,
    /// The index so far, in the order in which batches come.
    index: KVVec<IndexEntry>,
    /// Where the trailer is, or is to be, once it is written.
    trailer_at: Option<i64>,
    /// What could not be done with the file, and why, if that was so.
    failed: Option<(&'static str, Error)>,
}

impl Sink {
    /// Writes to `file` from its position on; with `helped`, the caller's process may have threads
    /// that help.
    ///
    /// EBADF: it is not open for writing.
    pub(crate) fn new(file: FileRef, helped: bool) -> Result<Self> {
        if !file.is_writable() {
            return Err(EBADF);
        }
        let pos = io::position(&file);
        let parted = helped && helpers::online_cpus() > 1 && io::takes_parts(&file)?;
        Ok(Self {
            file,
            pos,
            parted,
            written: 0,
            header: U64::new(0),
            batches: 0,
            extents: 0,
            pages: 0,
            index: KVVec::new(),
            trailer_at: None,
            failed: None,
        })
    }

    /// Writes bytes. EINTR: the caller was killed or interrupted; else as of write(2).
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result {
        for chunk in bytes.chunks(1 << 20) {
            self.write_with(|file, pos| {
                io::write_all(file, chunk, pos)?;
                Ok(usize_as_u64(chunk.len()))
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

    /// Returns whether another thread may write parts of the image while the caller takes places for
    /// the next; else it is written from its beginning to its end.
    pub(crate) fn is_parted(&self) -> bool {
        self.parted
    }

    /// Returns the file, for parts of which the place was taken.
    pub(crate) fn file(&self) -> &FileRef {
        &self.file
    }

    /// Takes the next `len` bytes for a part that is written elsewhere; returns its position in the
    /// file. EFBIG: no file is so long.
    pub(crate) fn take_place(&mut self, len: u64) -> Result<i64> {
        let pos = self.pos;
        self.pos = i64::try_from(len)
            .ok()
            .and_then(|len| pos.checked_add(len))
            .ok_or(EFBIG)?;
        self.written += len;
        Ok(pos)
    }

    /// Notes that the part at byte `at` of the image could not be written.
    pub(crate) fn part_failed(&mut self, at: u64, e: Error) {
        self.written = at;
        self.failed = Some(("written", e));
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

    /// Returns the bytes that were written.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes the header, to which all else belongs.
    pub(crate) fn write_header(&mut self, header: &Header) -> Result {
        self.header = header.sum;
        self.write(header.as_bytes())
    }

    /// Returns the checksum of the header.
    pub(crate) fn header(&self) -> U64 {
        self.header
    }

    /// Returns the number of batches that were counted.
    pub(crate) fn batches(&self) -> u32 {
        self.batches
    }

    /// Counts a batch of `extents`, with as many `pages`, whose record is at byte `at` of the
    /// image.
    pub(crate) fn count_batch(&mut self, at: u64, extents: &[Extent], pages: usize) -> Result {
        let number = U32::new(self.batches);
        for extent in extents {
            let len = u64::from(extent.pages.get()) * usize_as_u64(PAGE_SIZE);
            let end = U64::new(extent.addr.get() + len);
            match self.index.last_mut() {
                Some(last) if last.obj == extent.obj && last.batch == number => last.end = end,
                _ => self.index.push(
                    IndexEntry {
                        obj: extent.obj,
                        batch: number,
                        start: extent.addr,
                        end,
                        at: U64::new(at),
                    },
                    GFP_KERNEL_ACCOUNT,
                )?,
            }
        }
        self.batches = self.batches.checked_add(1).ok_or(E2BIG)?;
        self.extents += usize_as_u64(extents.len());
        self.pages += usize_as_u64(pages);
        Ok(())
    }

    /// Writes the index; returns the number of its blocks.
    fn write_index(&mut self) -> Result<u32> {
        let mut entries = core::mem::replace(&mut self.index, KVVec::new());
        entries.sort_unstable_by_key(IndexEntry::key);
        let mut blocks = 0;
        for some in entries.chunks(INDEX_ENTRIES) {
            let mut index = Index {
                number: U32::new(blocks),
                reserved: U32::new(0),
                at: U64::new(self.written),
                header: self.header,
                reserved2: [U64::new(0); 2],
                sum: U64::new(0),
            };
            index.sum = U64::new(sealed(io::xxh64, index.as_bytes(), &[some.as_bytes()]));
            self.write_record(&index, some.as_bytes())?;
            blocks += 1;
        }
        Ok(blocks)
    }

    /// Writes a record whose payload is a multiple of 8 bytes long.
    pub(crate) fn write_record<T: Body>(&mut self, body: &T, payload: &[u8]) -> Result {
        self.write(header_of::<T>(payload.len()).as_bytes())?;
        self.write(body.as_bytes())?;
        self.write(payload)
    }

    /// Writes the index and the trailer, which makes it an image.
    ///
    /// With `durable` the image is on the disk then, if it is on one. What fails leaves no image,
    /// as far as that can be undone ([`Self::take_back`]).
    pub(crate) fn finish(&mut self, durable: bool) -> Result {
        let index_at = self.written;
        let blocks = self.write_index()?;
        let mut trailer = Trailer {
            total_len: U64::new(self.written + usize_as_u64(TRAILER_LEN)),
            extents: U64::new(self.extents),
            pages: U64::new(self.pages),
            index_at: U64::new(if blocks == 0 { 0 } else { index_at }),
            batches: U32::new(self.batches),
            blocks: U32::new(blocks),
            header: self.header,
            sum: U64::new(0),
        };
        trailer.sum = U64::new(sealed(io::xxh64, trailer.as_bytes(), &[]));
        let mut last = [0u8; TRAILER_LEN];
        let (head, body) = last.split_at_mut(RECORD_HEADER_LEN);
        head.copy_from_slice(header_of::<Trailer>(0).as_bytes());
        body.copy_from_slice(trailer.as_bytes());
        // First all the rest: without its trailer it is not an image.
        if durable {
            wait::go_on()?;
            self.sync()?;
        }
        self.trailer_at = Some(self.pos);
        // A file that is open with O_SYNC reports an error when it has taken all.
        self.write(&last).inspect_err(|_| self.take_back())?;
        if durable {
            // It is an image now, which a stream does not give back: the caller may be killed, but
            // what is to be done with the tasks is done.
            self.sync().inspect_err(|_| self.take_back())?;
        }
        io::set_position(&self.file, self.pos);
        Ok(())
    }

    fn sync(&mut self) -> Result {
        io::sync(&self.file).inspect_err(|&e| self.failed = Some(("brought to the disk", e)))
    }

    /// Takes back the trailer, if it was written: what fails after it is not to leave an image.
    /// Where that fails too, as on a broken disk, or where the file is a stream, there may be one.
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

/// Returns why a file takes no more, and what to do about it.
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
