// SPDX-License-Identifier: GPL-2.0

//! Filling memory: the contents go from the image straight into the pages of the parked tasks.
//!
//! From a file, several address spaces are filled at a time ([`rows`]).

use kernel::{
    fmt,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    core::{
        report::Errno,
        restore::Restore, //
    },
    files::BuiltInode,
    image::{
        check::{
            Next,
            Object,
            Run,
            Stream, //
        },
        mm::{
            Extent,
            Shared,
            EXTENT_INODE,
            EXTENT_TAGGED, //
        },
        record::{
            BODY_MAX,
            RECORD_HEADER_LEN, //
        },
        Fault,
        Header,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            io,
            iov, //
        },
        mm::{
            memcg::Memcg,
            page::{
                PageRef,
                NO_TAGS, //
            },
            space::MmRef,
            walk, //
        },
        time::wait, //
    },
    mm::BuiltMm,
    restart::source::{
        self,
        Source, //
    }, //
};

mod rows;

/// Most pages of an inode that are in our hands at once.
const BOUNCE: usize = 256;

/// Room for ranges of contents that have come, to begin with.
const RUNS: usize = 64;

/// Reads all that comes after the metadata: extents into their places, and the trailer, without
/// which it is not an image. Checksums are verified as the bytes go by.
///
/// All tasks are parked. EINVAL: the image is faulty; EINTR: the caller was killed.
pub(crate) fn fill(
    r: &Restore,
    source: &mut Source,
    header: &Header,
    mut objects: KVVec<Object>,
) -> Result {
    let f = Filler {
        r,
        memcg: memcg_of_tasks(r, &objects),
    };
    let mut stream = Stream::new(io::crc32c, header);
    let mut runs = KVVec::new();
    rows::fill(&f, source, header, &mut stream, &mut objects, &mut runs)?;
    loop {
        match f.next(source, &mut stream, &mut objects, &mut runs)? {
            Next::Extent(extent) => f.extent(source, &mut stream, &extent)?,
            Next::Shared(shared) => f.shared(&shared)?,
            Next::Row(_) => (),
            Next::Trailer(_) => return Ok(()),
        }
    }
}

/// The memory cgroup of the tasks: that of any address space of theirs, as all are in one cgroup.
fn memcg_of_tasks(r: &Restore, objects: &[Object]) -> Memcg {
    (1u32..)
        .zip(objects)
        .filter(|(_, o)| o.kind() == Some(Kind::Mm))
        .find_map(|(n, _)| space(r, n).ok().flatten())
        .map_or_else(Memcg::none, |mm| Memcg::of(&mm))
}

/// What fills memory.
struct Filler<'a> {
    r: &'a Restore,
    /// What the contents are charged to: they are not the caller's.
    memcg: Memcg,
}

impl Filler<'_> {
    /// Reads the next record, but not the pages of an extent.
    fn next(
        &self,
        source: &mut Source,
        stream: &mut Stream,
        objects: &mut [Object],
        runs: &mut KVVec<Run>,
    ) -> Result<Next> {
        let mut head = [0; RECORD_HEADER_LEN];
        self.read(source, stream, &mut head)?;
        let len = stream.header(&head).map_err(|f| self.r.fault(f))?;
        let mut body = [0; BODY_MAX];
        let body = body.get_mut(..len).ok_or(EINVAL)?;
        self.read(source, stream, body)?;
        // Grows with what was read.
        if stream.runs() == runs.len() {
            let more = core::cmp::max(runs.len(), RUNS);
            runs.resize(runs.len() + more, Run::default(), GFP_KERNEL_ACCOUNT)?;
        }
        stream
            .body(body, self.r.meta(), objects, runs)
            .map_err(|f| self.r.fault(f))
    }

    fn read(&self, source: &mut Source, stream: &Stream, to: &mut [u8]) -> Result {
        match source.read_exact(to) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.unreadable(stream, ENODATA)),
            Err(e) => Err(self.unreadable(stream, e)),
        }
    }

    /// Reports that the image could not be read; the error to return. ENODATA: it ends too early.
    fn unreadable(&self, stream: &Stream, e: Error) -> Error {
        if e == ENODATA {
            let fault = Fault::framing(stream.at(), "the image is cut short");
            return self.r.fault(fault);
        }
        self.fail(
            e,
            fmt!(
                "the image can't be read beyond byte {}: {}",
                stream.at(),
                source::why(e)
            ),
        )
    }

    /// Reports what could not be done; returns `e`.
    fn fail(&self, e: Error, what: fmt::Arguments<'_>) -> Error {
        self.r
            .with_report(|report| report.line(fmt!("error: {} [{}]", what, Errno(e))));
        e
    }

    fn extent(&self, source: &mut Source, stream: &mut Stream, extent: &Extent) -> Result {
        let obj = ObjRef::new(extent.obj.get()).ok_or(EINVAL)?;
        let addr = extent.addr.get();
        let pages = extent.pages.get() as usize;
        enum Target {
            Mm(MmRef),
            Inode(FileRef),
        }
        let target = self
            .r
            .with_built(obj, |mm: &BuiltMm| Target::Mm(mm.0.clone()))
            .or_else(|| {
                self.r
                    .with_built(obj, |file: &BuiltInode| Target::Inode(file.file()))
            });
        match target {
            Some(Target::Mm(mm)) if extent.space.get() == EXTENT_TAGGED => {
                self.tagged(source, stream, Some(&mm), addr as usize, pages)
            }
            Some(Target::Mm(mm)) => self.mm(source, stream, &mm, addr as usize, pages),
            Some(Target::Inode(file)) if extent.space.get() == EXTENT_INODE => {
                self.inode(source, stream, &file, addr, pages)
            }
            // Nobody uses the object: its contents are checked and forgotten.
            _ if extent.space.get() == EXTENT_TAGGED => {
                self.tagged(source, stream, None, addr as usize, pages)
            }
            _ => self.skip(source, stream, pages),
        }
    }

    /// Copies pages that another range of an address space has got already.
    fn shared(&self, shared: &Shared) -> Result {
        let Some(mm) = space(self.r, shared.obj.get())? else {
            return Ok(());
        };
        let source = space(self.r, shared.source.get())?.ok_or_else(|| {
            self.fail(
                EINVAL,
                fmt!(
                    "the image is faulty: contents of object {} are those of object {}, which no \
                     task uses",
                    shared.obj.get(),
                    shared.source.get()
                ),
            )
        })?;
        let (addr, from) = (shared.addr.get() as usize, shared.from.get() as usize);
        let pages = shared.pages.get() as usize;
        let mut to_batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
        let mut from_batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
        let mut done = 0;
        while done < pages {
            wait::go_on()?;
            let (to, from) = (addr + done * PAGE_SIZE, from + done * PAGE_SIZE);
            to_batch.clear();
            from_batch.clear();
            walk::readable(
                &source,
                from,
                core::cmp::min(pages - done, BOUNCE),
                &mut from_batch,
            )
            .map_err(|e| {
                self.fail(
                    e,
                    fmt!(
                        "memory at {:x} of object {} can't be copied to {:x} of object {}: {}",
                        from,
                        shared.source.get(),
                        to,
                        shared.obj.get(),
                        why(e)
                    ),
                )
            })?;
            self.writable(&mm, to, from_batch.len(), &mut to_batch)?;
            for (to, from) in to_batch.iter().zip(&from_batch) {
                to.copy_from(from);
                to.written();
            }
            done += core::cmp::min(to_batch.len(), from_batch.len());
        }
        Ok(())
    }

    /// Fills pages of an address space.
    fn mm(
        &self,
        source: &mut Source,
        stream: &mut Stream,
        mm: &MmRef,
        addr: usize,
        pages: usize,
    ) -> Result {
        let mut batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
        let mut done = 0;
        while done < pages {
            wait::go_on()?;
            batch.clear();
            while batch.len() < BOUNCE && done < pages {
                let at = addr + done * PAGE_SIZE;
                let room = core::cmp::min(pages - done, BOUNCE - batch.len());
                let had = batch.len();
                self.writable(mm, at, room, &mut batch)?;
                done += batch.len() - had;
            }
            self.read_checked(source, stream, &batch)?;
            for page in &batch {
                page.written();
            }
        }
        Ok(())
    }

    /// Gets up to `max` pages of an address space, ready to be written to.
    fn writable(&self, mm: &MmRef, addr: usize, max: usize, to: &mut KVec<PageRef>) -> Result {
        self.memcg
            .charge(|| walk::writable(mm, addr, max, to))
            .map_err(|e| self.fail(e, fmt!("memory at {:x} can't be filled: {}", addr, why(e))))
    }

    /// Fills pages of an address space, each of which is followed by its memory tags. Without address
    /// space they are checked only.
    fn tagged(
        &self,
        source: &mut Source,
        stream: &mut Stream,
        mm: Option<&MmRef>,
        addr: usize,
        pages: usize,
    ) -> Result {
        let mut tags = NO_TAGS;
        let mut batch = KVec::with_capacity(1, GFP_KERNEL)?;
        for n in 0..pages {
            wait::go_on()?;
            batch.clear();
            match mm {
                Some(mm) => self.writable(mm, addr + n * PAGE_SIZE, 1, &mut batch)?,
                None => batch.push(PageRef::alloc()?, GFP_KERNEL)?,
            }
            self.read_checked(source, stream, &batch)?;
            self.read(source, stream, &mut tags)?;
            stream.pages(&tags).map_err(|f| self.r.fault(f))?;
            for page in batch.iter().filter(|_| mm.is_some()) {
                page.set_tags(&tags);
                page.written();
            }
        }
        Ok(())
    }

    /// Writes pages of an inode, but not beyond its size.
    fn inode(
        &self,
        source: &mut Source,
        stream: &mut Stream,
        file: &FileRef,
        offset: u64,
        pages: usize,
    ) -> Result {
        let batch = bounce(pages)?;
        let mut pos = i64::try_from(offset)?;
        let mut left = pages;
        while left > 0 {
            wait::go_on()?;
            let batch = batch
                .get(..core::cmp::min(left, batch.len()))
                .ok_or(EINVAL)?;
            self.read_checked(source, stream, batch)?;
            let inside = usize::try_from(file.size().saturating_sub(pos)).unwrap_or(0);
            let len = core::cmp::min(batch.len() * PAGE_SIZE, inside);
            self.memcg
                .charge(|| iov::write_bytes_of_pages(file, &mut pos, batch, len))
                .map_err(|e| {
                    self.fail(
                        e,
                        fmt!(
                            "contents of a file without a name, or of shared memory, can't be \
                             written at {:x}: {}",
                            offset,
                            why(e)
                        ),
                    )
                })?;
            left -= batch.len();
        }
        Ok(())
    }

    /// Reads over pages, checking them.
    fn skip(&self, source: &mut Source, stream: &mut Stream, pages: usize) -> Result {
        let batch = bounce(pages)?;
        let mut left = pages;
        while left > 0 {
            let batch = batch
                .get(..core::cmp::min(left, batch.len()))
                .ok_or(EINVAL)?;
            self.read_checked(source, stream, batch)?;
            left -= batch.len();
        }
        Ok(())
    }

    /// Reads the next pages of the image into `batch` and adds them to the extent's checksum, which
    /// must be right after the last ones.
    fn read_checked(&self, source: &mut Source, stream: &mut Stream, batch: &[PageRef]) -> Result {
        source
            .read_with(|file, pos| iov::read_pages(file, pos, batch))
            .map_err(|e| self.unreadable(stream, e))?;
        for page in batch {
            stream
                .pages_by(PAGE_SIZE, |register| page.crc(register))
                .map_err(|f| self.r.fault(f))?;
        }
        Ok(())
    }
}

/// Why memory or a file can't be filled, and what to do.
fn why(e: Error) -> &'static str {
    match e {
        ENOMEM => "there is no memory for it: free some, or raise the limit of the memory cgroup",
        ENOSPC | EDQUOT => "there is no room: make some",
        EFBIG => "it is longer than the limit of the caller (ulimit -f)",
        EINTR => "the caller was killed",
        EFAULT => "the image is faulty, nothing is mapped there",
        EPERM => {
            "it is code that the program had changed, which proc_mem.force_override forbids here"
        }
        _ => "see the kernel's log",
    }
}

/// The rebuilt address space `obj`; `None`: no task uses it.
fn space(r: &Restore, obj: u32) -> Result<Option<MmRef>> {
    let obj = ObjRef::new(obj).ok_or(EINVAL)?;
    Ok(r.with_built(obj, |mm: &BuiltMm| mm.0.clone()))
}

/// New pages for the transfer of as many as `pages`.
fn bounce(pages: usize) -> Result<KVec<PageRef>> {
    let n = core::cmp::min(pages, BOUNCE);
    let mut batch = KVec::with_capacity(n, GFP_KERNEL)?;
    for _ in 0..n {
        batch.push(PageRef::alloc()?, GFP_KERNEL)?;
    }
    Ok(batch)
}
