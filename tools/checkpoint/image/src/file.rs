// SPDX-License-Identifier: GPL-2.0

//! Whole images, read from a stream and checked as restart(2) does.

use crate::{
    image::{
        check::{
            self,
            Descriptor,
            Next,
            Object,
            Pid,
            Run,
            Stream,
            Summary, //
        },
        contents::Extent,
        header::{
            Reader,
            HEADER_LEN, //
        },
        record::{
            always,
            Fault,
            RECORD_HEADER_LEN, //
        },
        Header, //
    },
    xxh64, //
};
use std::{
    fmt,
    io::{
        self,
        Read, //
    }, //
};

/// What is wrong with an image.
#[derive(Debug)]
pub enum Error {
    /// It cannot be read.
    Io(io::Error),
    /// It is not valid.
    Fault(Fault),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("it can't be read"),
            Self::Fault(fault) => write!(
                f,
                "at byte {}: {}: {}",
                fault.at,
                fault.kind_name(),
                fault.why
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(e) => Some(e),
            Self::Fault(_) => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// An image whose metadata is valid, and the rest of which is still to be read.
pub struct File<R> {
    reader: R,
    stream: Stream,
    /// Its header.
    pub header: Header,
    /// Its metadata.
    pub meta: Vec<u8>,
    /// Its objects by reference.
    pub objects: Vec<Object>,
    /// Its pids, sorted.
    pub pids: Vec<Pid>,
    /// What it holds.
    pub summary: Summary,
}

/// Offset of the metadata in an image.
pub const META_AT: u64 = HEADER_LEN as u64;

/// Fills `bytes`; an image that ends before is cut short.
fn fill(reader: &mut impl Read, bytes: &mut [u8], at: u64) -> Result<(), Error> {
    reader.read_exact(bytes).map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => Fault::framing(at, "the image is cut short").into(),
        _ => e.into(),
    })
}

impl<R: Read> File<R> {
    /// Reads and checks header and metadata of an image of any architecture.
    pub fn open(mut reader: R) -> Result<Self, Error> {
        let mut bytes = [0; HEADER_LEN];
        fill(&mut reader, &mut bytes, 0)?;
        let any = Reader {
            arch: None,
            page_size: None,
            parent: true,
        };
        let header = check::header(xxh64, &bytes, &any)?;
        let mut meta = Vec::new();
        let len = header.meta_len.get();
        // Grows with what is there, whatever the header says.
        if reader.by_ref().take(len).read_to_end(&mut meta)? as u64 != len {
            return Err(Fault::framing(META_AT, "the image is cut short").into());
        }
        // Not more than the metadata brought.
        let mut sums = vec![0; usize::try_from(header.sums_len()).unwrap_or(0)];
        fill(&mut reader, &mut sums, header.meta_end())?;
        check::meta_sums(xxh64, &sums, &meta, &header, &always)?;
        let counts = check::counts(&meta, META_AT, &always)?;
        let mut objects = vec![Object::default(); counts.objects];
        let mut pids = vec![Pid::default(); counts.pids];
        let summary = check::metadata(&meta, META_AT, &header, &mut objects, &mut pids, &always)?;
        Ok(Self {
            reader,
            stream: Stream::new(xxh64, &header),
            header,
            meta,
            objects,
            pids,
            summary,
        })
    }

    /// Returns the bytes read so far.
    pub fn position(&self) -> u64 {
        self.stream.at()
    }

    /// Returns the number of extents and of pages in them, as far as the image was read.
    pub fn contents(&self) -> (u64, u64) {
        (self.stream.extents(), self.stream.nr_pages())
    }

    /// Reads and checks the rest: extents, index, trailer, and that nothing follows.
    ///
    /// Calls `progress` with the extents of each batch, after its pages, and with the bytes read so
    /// far.
    pub fn verify(&mut self, progress: impl FnMut(&[Extent], u64)) -> Result<(), Error> {
        self.read(|_, _, _| Ok(()), progress)
    }

    /// Reads the next record, with its header.
    fn record(&mut self) -> Result<Vec<u8>, Error> {
        let mut header = [0; RECORD_HEADER_LEN];
        fill(&mut self.reader, &mut header, self.stream.at())?;
        let len = self.stream.header(&header)?;
        let mut record = header.to_vec();
        record.resize(RECORD_HEADER_LEN + len, 0);
        let rest = record.get_mut(RECORD_HEADER_LEN..).unwrap_or(&mut []);
        fill(&mut self.reader, rest, self.stream.at())?;
        Ok(record)
    }

    /// Does as [`verify`](Self::verify), and calls `pages` with all pages: their extent, the
    /// address of the first, and their contents, the checksum of which is right.
    pub fn read(
        &mut self,
        mut pages: impl FnMut(&Extent, u64, &[u8]) -> io::Result<()>,
        mut progress: impl FnMut(&[Extent], u64),
    ) -> Result<(), Error> {
        let mut chunk = Vec::new();
        let mut runs = Vec::new();
        loop {
            let record = self.record()?;
            // Grows with what was read.
            if self.stream.runs_wanted() > runs.len() {
                runs.resize(self.stream.runs_wanted().max(64) * 2, Run::default());
            }
            let (objects, runs) = (&mut self.objects, &mut runs);
            match self.stream.record(&record, &self.meta, objects, runs)? {
                Next::Batch(batch) => {
                    batch_pages(&mut self.reader, &batch, &mut chunk, &mut pages)?;
                    progress(batch.extents, self.stream.at());
                }
                Next::Index => (),
                Next::Trailer => break,
            }
        }
        if self.reader.read(&mut [0])? != 0 {
            return Err(Fault::framing(self.stream.at(), "bytes after the trailer").into());
        }
        Ok(())
    }
}

/// Reads and checks the pages of a batch, and gives them to `pages`.
fn batch_pages(
    reader: &mut impl Read,
    batch: &Descriptor<'_>,
    chunk: &mut Vec<u8>,
    pages: &mut impl FnMut(&Extent, u64, &[u8]) -> io::Result<()>,
) -> Result<(), Error> {
    let len = usize::try_from(batch.pages_len()).unwrap_or(0);
    chunk.resize(len, 0);
    fill(reader, chunk, batch.pages_at)?;
    let mut sums = batch.pages();
    for page in chunk.chunks(batch.page_size()) {
        sums.add(|seed| xxh64(seed, page))?;
    }
    let mut rest = chunk.as_slice();
    for extent in batch.extents.iter().filter(|e| e.has_pages()) {
        let len = extent.pages.get() as usize * batch.page_size();
        let (own, others) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        pages(extent, extent.addr.get(), own)?;
        rest = others;
    }
    Ok(())
}
