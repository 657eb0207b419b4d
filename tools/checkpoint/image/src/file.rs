// SPDX-License-Identifier: GPL-2.0

//! Whole images, read from a stream and checked as restart(2) does.

use crate::{
    crc32c,
    image::{
        check::{
            self,
            Next,
            Object,
            Pid,
            Run,
            Stream,
            Summary, //
        },
        header::{
            Reader,
            HEADER_LEN, //
        },
        mm::{
            Extent,
            EXTENT_TAGGED,
            TAGGED_BYTES, //
        },
        record::{
            always,
            Fault,
            BODY_MAX,
            RECORD_HEADER_LEN, //
        },
        Header, //
    }, //
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

/// Bytes that are read at once.
const CHUNK: usize = 256 << 10;

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
        };
        let header = check::header(crc32c, &bytes, &any)?;
        let mut meta = Vec::new();
        let len = header.meta_len.get();
        // Grows with what is there, whatever the header says.
        if reader.by_ref().take(len).read_to_end(&mut meta)? as u64 != len {
            return Err(Fault::framing(META_AT, "the image is cut short").into());
        }
        check::meta_sum(crc32c, &meta, &header, &always)?;
        let counts = check::counts(&meta, META_AT, &always)?;
        let mut objects = vec![Object::default(); counts.objects];
        let mut pids = vec![Pid::default(); counts.pids];
        let summary = check::metadata(&meta, META_AT, &header, &mut objects, &mut pids, &always)?;
        Ok(Self {
            reader,
            stream: Stream::new(crc32c, &header),
            header,
            meta,
            objects,
            pids,
            summary,
        })
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.stream.at()
    }

    /// Number of extents and of pages in them, as far as the image was read.
    pub fn contents(&self) -> (u64, u64) {
        (self.stream.extents(), self.stream.nr_pages())
    }

    /// Reads and checks the rest: extents, trailer, and that nothing follows.
    ///
    /// Calls `progress` with each extent, after its pages, and with the bytes read so far.
    pub fn verify(&mut self, progress: impl FnMut(&Next, u64)) -> Result<(), Error> {
        self.read(|_, _, _| Ok(()), progress)
    }

    /// Reads and checks the pages of an extent, and gives them to `pages`.
    fn pages(
        &mut self,
        extent: &Extent,
        chunk: &mut [u8],
        pages: &mut impl FnMut(&Extent, u64, &[u8]) -> io::Result<()>,
    ) -> Result<(), Error> {
        let page_size = self.header.page_size.get() as usize;
        let tags = match extent.space.get() {
            EXTENT_TAGGED => page_size / TAGGED_BYTES,
            _ => 0,
        };
        // Each page is followed by its tags.
        let unit = page_size + tags;
        let mut left = u64::from(extent.pages.get()) * unit as u64;
        let mut addr = extent.addr.get();
        while left > 0 {
            let most = CHUNK - CHUNK % unit;
            let n = usize::try_from(left).map_or(most, |n| n.min(most));
            let part = chunk.get_mut(..n).unwrap_or(&mut []);
            fill(&mut self.reader, part, self.stream.at())?;
            self.stream.pages(part)?;
            let run = if tags == 0 { n } else { unit };
            for run in part.chunks(run) {
                let shown = run.get(..run.len() - tags).unwrap_or(&[]);
                pages(extent, addr, shown)?;
                addr = addr.saturating_add(shown.len() as u64);
            }
            left -= n as u64;
        }
        Ok(())
    }

    /// As [`verify`](Self::verify), and calls `pages` with all pages: their extent, the address
    /// of the first, and their contents, the checksum of which comes after them.
    pub fn read(
        &mut self,
        mut pages: impl FnMut(&Extent, u64, &[u8]) -> io::Result<()>,
        mut progress: impl FnMut(&Next, u64),
    ) -> Result<(), Error> {
        let mut chunk = vec![0; CHUNK];
        let mut runs = Vec::new();
        loop {
            let mut header = [0; RECORD_HEADER_LEN];
            fill(&mut self.reader, &mut header, self.stream.at())?;
            let len = self.stream.header(&header)?;
            let mut body = [0; BODY_MAX];
            let body = body.get_mut(..len).ok_or(Fault::framing(
                self.stream.at(),
                "body of impossible length",
            ))?;
            fill(&mut self.reader, body, self.stream.at())?;
            // Grows with what was read.
            if self.stream.runs() == runs.len() {
                runs.resize(runs.len().max(64) * 2, Run::default());
            }
            let (objects, runs) = (&mut self.objects, &mut runs);
            let next = self.stream.body(body, &self.meta, objects, runs)?;
            match &next {
                Next::Extent(extent) => self.pages(extent, &mut chunk, &mut pages)?,
                Next::Shared(_) | Next::Row(_) => (),
                Next::Trailer(_) => break,
            }
            progress(&next, self.stream.at());
        }
        if self.reader.read(&mut [0])? != 0 {
            return Err(Fault::framing(self.stream.at(), "bytes after the trailer").into());
        }
        Ok(())
    }
}
