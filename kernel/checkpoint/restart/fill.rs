// SPDX-License-Identifier: GPL-2.0

//! Filling memory: the contents go from the image straight into the pages of the parked tasks.
//!
//! From a file, several batches are filled at a time ([`batches`]).

use kernel::{
    fmt,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc, //
};

use crate::{
    core::{
        report::Errno,
        restore::Restore, //
    },
    files::BuiltInode,
    image::{
        check::{
            Descriptor,
            Next,
            Object,
            PageSums,
            Run,
            Stream, //
        },
        contents::{
            Extent,
            EXTENT_INODE,
            EXTENT_SHARED,
            EXTENT_TAGGED, //
        },
        record::RECORD_HEADER_LEN,
        Fault,
        Header,
        Kind,
        ObjRef, //
    },
    kapi::{
        fork::helpers,
        fs::{
            file::FileRef,
            io,
            iov, //
        },
        mm::{
            fill::{
                Fill,
                NewPages, //
            },
            held::Held,
            hugetlb,
            memcg::Memcg,
            page::{
                PageRef,
                Tags, //
            },
            policy::{
                Copied,
                Lent, //
            },
            share::{
                self,
                Share, //
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

mod batches;

/// Most pages of an inode that are held at once.
const BOUNCE: usize = 256;

/// Room for ranges of contents that have come, to begin with.
const RUNS: usize = 64;

/// Memory tags of pages, one after the other.
type TagsOfPages<'a> = core::slice::ChunksExact<'a, u8>;

/// Reads all that comes after the metadata: pages into their places, the index, and the trailer,
/// without which it is not an image. Checksums are verified as the bytes go by.
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
    let mut stream = Stream::new(io::xxh64, header);
    if source.len().is_some() && helpers::online_cpus() > 1 {
        return batches::fill(&f, source, &mut stream, &mut objects);
    }
    let mut runs = Runs::new();
    let mut bytes = KVVec::new();
    loop {
        match f.next(source, &mut stream, &mut objects, &mut runs, &mut bytes)? {
            Next::Batch(batch) => {
                f.contents(source, &batch)?;
                f.copies(&batch)?;
            }
            Next::Index => (),
            Next::Trailer => return Ok(()),
        }
    }
}

/// Ranges of contents that have come, for [`Stream`].
struct Runs {
    all: KVVec<Run>,
    /// Counts them as memory of the caller: of a stream there may be any number.
    held: Held,
}

impl Runs {
    /// Makes an empty one.
    fn new() -> Self {
        Self {
            all: KVVec::new(),
            held: Held::new(),
        }
    }

    /// Makes room for as many as `wanted`: it grows with what was read.
    fn make_room(&mut self, wanted: usize) -> Result {
        if wanted > self.all.len() {
            let more = core::cmp::max(self.all.len(), RUNS);
            self.all
                .resize(wanted + more, Run::default(), GFP_KERNEL_ACCOUNT)?;
            self.held.set(self.all.capacity() * size_of::<Run>());
        }
        Ok(())
    }
}

/// Returns the memory cgroup of the tasks: that of any address space of theirs, as all are in one
/// cgroup.
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
    /// Reads the next record into `bytes`, but not the pages of a batch.
    fn next<'a>(
        &self,
        source: &mut Source,
        stream: &mut Stream,
        objects: &mut [Object],
        runs: &mut Runs,
        bytes: &'a mut KVVec<u8>,
    ) -> Result<Next<'a>> {
        let mut head = [0; RECORD_HEADER_LEN];
        self.read(source, stream.at(), &mut head)?;
        let len = stream.header(&head).map_err(|f| self.r.fault(f))?;
        bytes.clear();
        bytes.extend_from_slice(&head, GFP_KERNEL_ACCOUNT)?;
        bytes.resize(RECORD_HEADER_LEN + len, 0, GFP_KERNEL_ACCOUNT)?;
        let rest = bytes.get_mut(RECORD_HEADER_LEN..).ok_or(EINVAL)?;
        self.read(source, stream.at(), rest)?;
        runs.make_room(stream.runs_wanted())?;
        stream
            .record(bytes, self.r.meta(), objects, &mut runs.all)
            .map_err(|f| self.r.fault(f))
    }

    /// Fills `to` with what is at byte `at` of the image.
    fn read(&self, source: &mut Source, at: u64, to: &mut [u8]) -> Result {
        match source.read_exact(to) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.unreadable(at, ENODATA)),
            Err(e) => Err(self.unreadable(at, e)),
        }
    }

    /// Reports that the image could not be read; the error to return. ENODATA: it ends too early.
    fn unreadable(&self, at: u64, e: Error) -> Error {
        if e == ENODATA {
            let fault = Fault::framing(at, "the image is cut short");
            return self.r.fault(fault);
        }
        self.fail(
            e,
            fmt!(
                "the image can't be read beyond byte {}: {}",
                at,
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

    /// Reads the pages of a batch, which are next in the image, into their places.
    fn contents(&self, source: &mut Source, batch: &Descriptor<'_>) -> Result {
        let mut sums = batch.pages();
        let mut tags = batch.tags.chunks_exact(size_of::<Tags>());
        for extent in batch.extents.iter().filter(|e| e.has_pages()) {
            self.extent(source, &mut sums, &mut tags, extent)?;
        }
        Ok(())
    }

    /// Shares the pages that extents of a batch have in common with others.
    fn copies(&self, batch: &Descriptor<'_>) -> Result {
        for extent in batch.extents {
            if extent.kind.get() == EXTENT_SHARED {
                self.shared(extent)?;
            }
        }
        Ok(())
    }

    fn extent(
        &self,
        source: &mut Source,
        sums: &mut PageSums<'_>,
        tags: &mut TagsOfPages<'_>,
        extent: &Extent,
    ) -> Result {
        let obj = ObjRef::new(extent.obj.get()).ok_or(EINVAL)?;
        let addr = extent.addr.get();
        let pages = u32_as_usize(extent.pages.get());
        enum Target {
            Mm(Arc<BuiltMm>),
            Inode(FileRef),
        }
        let target = self.r.built::<BuiltMm>(obj).map(Target::Mm).or_else(|| {
            self.r
                .with_built(obj, |file: &BuiltInode| Target::Inode(file.file()))
        });
        let is_tagged = extent.kind.get() == EXTENT_TAGGED;
        match target {
            Some(Target::Mm(built)) => {
                let tags = is_tagged.then_some(tags);
                let _lent = lend(&built)?;
                self.mm(source, sums, &built.mm, u64_as_usize(addr), pages, tags)
            }
            Some(Target::Inode(file)) if extent.kind.get() == EXTENT_INODE => {
                self.inode(source, sums, &file, addr, pages)
            }
            // Nobody uses the object: its contents are checked and forgotten.
            _ => {
                if is_tagged {
                    for _ in 0..pages {
                        tags.next();
                    }
                }
                self.skip(source, sums, pages)
            }
        }
    }

    /// Shares pages that another range of an address space has got already copy-on-write, as fork()
    /// leaves them. Where that can't be they are copied.
    fn shared(&self, shared: &Extent) -> Result {
        let obj = ObjRef::new(shared.obj.get()).ok_or(EINVAL)?;
        let Some(built) = self.r.built::<BuiltMm>(obj) else {
            return Ok(());
        };
        let mm = &built.mm;
        let _lent = lend(&built)?;
        let source = space(self.r, shared.source.get())?.ok_or_else(|| {
            self.fail(
                EINVAL,
                fmt!(
                    "the image is faulty: object {} has the contents of address space {}, which no \
                     task uses",
                    shared.obj.get(),
                    shared.source.get()
                ),
            )
        })?;
        let (addr, from) = (
            u64_as_usize(shared.addr.get()),
            u64_as_usize(shared.from.get()),
        );
        let pages = u32_as_usize(shared.pages.get());
        // What mremap() has moved since can't be found by the address of the other one.
        let share = |at: usize, max: usize| match addr == from {
            true => self
                .memcg
                .charge(|| share::pages(mm, at, max, &source))
                .map_err(|e| self.unfilled(e, at)),
            false => Ok(Share::Copy(max)),
        };
        let mut to_batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
        let mut from_batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
        let mut done = 0;
        // Up to here nothing can be shared: it need not be asked again.
        let mut alone = 0;
        while done < pages {
            wait::go_on()?;
            let (to, from) = (addr + done * PAGE_SIZE, from + done * PAGE_SIZE);
            let to_copy = match pages.min(alone).saturating_sub(done) {
                0 => match share(to, pages - done)? {
                    Share::Done(n) => {
                        done += n;
                        continue;
                    }
                    Share::Copy(n) => n,
                },
                left => left,
            };
            if to_copy > 1 {
                alone = done + to_copy;
            }
            to_batch.clear();
            from_batch.clear();
            walk::readable(
                &source,
                from,
                core::cmp::min(to_copy, BOUNCE),
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
            // A single one may have been swapped out, and is there again now.
            if done >= alone {
                if let Share::Done(n) = share(to, from_batch.len())? {
                    done += n;
                    continue;
                }
            }
            match self.new_pages(mm, to, from_batch.len())? {
                Fill::New(new) => {
                    for (to, from) in new.get().iter().zip(&from_batch) {
                        to.copy_from(from);
                    }
                    self.map(mm, to, &new)?;
                    done += new.get().len();
                }
                Fill::ByFault(n) => {
                    self.writable(mm, to, n, &mut to_batch)?;
                    for (to, from) in to_batch.iter().zip(&from_batch) {
                        to.copy_from(from);
                        to.written();
                    }
                    done += core::cmp::min(to_batch.len(), from_batch.len());
                }
            }
        }
        Ok(())
    }

    /// Fills pages of an address space, and with `tags` gives them these.
    fn mm(
        &self,
        source: &mut Source,
        sums: &mut PageSums<'_>,
        mm: &MmRef,
        addr: usize,
        pages: usize,
        mut tags: Option<&mut TagsOfPages<'_>>,
    ) -> Result {
        let mut batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
        let mut done = 0;
        while done < pages {
            wait::go_on()?;
            let at = addr + done * PAGE_SIZE;
            // Tags are set in pages that are mapped.
            let by_fault = match tags {
                Some(_) => pages - done,
                None => match self.new_pages(mm, at, pages - done)? {
                    Fill::New(new) => {
                        self.read_checked(source, sums, new.get())?;
                        self.map(mm, at, &new)?;
                        done += new.get().len();
                        continue;
                    }
                    Fill::ByFault(n) => n,
                },
            };
            let end = done + core::cmp::min(by_fault, BOUNCE);
            batch.clear();
            while done < end {
                let at = addr + done * PAGE_SIZE;
                let had = batch.len();
                self.writable(mm, at, end - done, &mut batch)?;
                done += batch.len() - had;
            }
            self.read_checked(source, sums, &batch)?;
            for page in &batch {
                if let Some(tags) = tags.as_mut().and_then(|tags| tags.next()) {
                    page.set_tags(tags.try_into().map_err(|_| EINVAL)?);
                }
                page.written();
            }
        }
        Ok(())
    }

    /// Gets pages for up to `max` of an address space, to be filled before they are mapped.
    fn new_pages(&self, mm: &MmRef, addr: usize, max: usize) -> Result<Fill> {
        self.memcg
            .charge(|| NewPages::alloc(mm, addr, max))
            .map_err(|e| self.unfilled(e, addr))
    }

    /// Maps pages that are filled, the first of them at `addr`. Where something has come there,
    /// their contents go into that.
    fn map(&self, mm: &MmRef, addr: usize, new: &NewPages) -> Result {
        let mapped = self
            .memcg
            .charge(|| new.map(mm))
            .map_err(|e| self.unfilled(e, addr))?;
        let mut at = addr + mapped * PAGE_SIZE;
        let mut left = new.get().get(mapped..).unwrap_or(&[]);
        let mut there = KVec::new();
        while !left.is_empty() {
            wait::go_on()?;
            there.clear();
            self.writable(mm, at, left.len(), &mut there)?;
            for (to, from) in there.iter().zip(left) {
                to.copy_from(from);
                to.written();
            }
            at += there.len() * PAGE_SIZE;
            left = left.get(there.len()..).unwrap_or(&[]);
        }
        Ok(())
    }

    /// Gets up to `max` pages of an address space, ready to be written to.
    fn writable(&self, mm: &MmRef, addr: usize, max: usize, to: &mut KVec<PageRef>) -> Result {
        self.memcg
            .charge(|| walk::writable(mm, addr, max, to))
            .map_err(|e| self.unfilled(e, addr))
    }

    /// Reports that memory at `addr` can't be filled; returns `e`.
    fn unfilled(&self, e: Error, addr: usize) -> Error {
        self.fail(e, fmt!("memory at {:x} can't be filled: {}", addr, why(e)))
    }

    /// Writes pages of an inode, but not beyond its size.
    fn inode(
        &self,
        source: &mut Source,
        sums: &mut PageSums<'_>,
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
            self.read_checked(source, sums, batch)?;
            let inside = usize::try_from(file.size().saturating_sub(pos)).unwrap_or(0);
            let len = core::cmp::min(batch.len() * PAGE_SIZE, inside);
            let write = || match batch.get(..len / PAGE_SIZE) {
                Some(whole) if file.is_hugetlb() => hugetlb::write(file, &mut pos, whole),
                _ => iov::write_bytes_of_pages(file, &mut pos, batch, len),
            };
            self.memcg.charge(write).map_err(|e| {
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
    fn skip(&self, source: &mut Source, sums: &mut PageSums<'_>, pages: usize) -> Result {
        let batch = bounce(pages)?;
        let mut left = pages;
        while left > 0 {
            let batch = batch
                .get(..core::cmp::min(left, batch.len()))
                .ok_or(EINVAL)?;
            self.read_checked(source, sums, batch)?;
            left -= batch.len();
        }
        Ok(())
    }

    /// Reads the next pages of the image into `batch`. Those of a chunk are accepted when its last
    /// one has come, only if their checksum is right.
    fn read_checked(
        &self,
        source: &mut Source,
        sums: &mut PageSums<'_>,
        batch: &[PageRef],
    ) -> Result {
        source
            .read_with(|file, pos| iov::read_pages(file, pos, batch))
            .map_err(|e| self.unreadable(sums.at(), e))?;
        for page in batch {
            sums.add(|seed| page.hash(seed))
                .map_err(|f| self.r.fault(f))?;
        }
        Ok(())
    }
}

/// Returns why memory or a file can't be filled, and what to do.
fn why(e: Error) -> &'static str {
    match e {
        ENOMEM => "there is no memory for it: free some, or raise the limit of the memory cgroup",
        ENOSPC | EDQUOT => "there is no room: make some",
        EFBIG => "it is longer than the limit of the caller (ulimit -f)",
        EINTR => "the caller was killed",
        EFAULT => {
            "nothing is mapped there: the image is faulty, or its task was killed as memory ran out"
        }
        EPERM => {
            "it is code that the program had changed, which proc_mem.force_override forbids here"
        }
        _ => "see the kernel's log",
    }
}

/// Has the current task allocate by the memory policy of the first task of an address space, as
/// that had touched most of its memory first, until what is returned goes.
fn lend(built: &BuiltMm) -> Result<Option<Lent>> {
    built.policy.as_ref().map(Copied::lend).transpose()
}

/// Returns the rebuilt address space `obj`; `None`: no task uses it.
fn space(r: &Restore, obj: u32) -> Result<Option<MmRef>> {
    let obj = ObjRef::new(obj).ok_or(EINVAL)?;
    Ok(r.with_built(obj, |built: &BuiltMm| built.mm.clone()))
}

/// Returns new pages for the transfer of as many as `pages`.
fn bounce(pages: usize) -> Result<KVec<PageRef>> {
    let n = core::cmp::min(pages, BOUNCE);
    let mut batch = KVec::with_capacity(n, GFP_KERNEL)?;
    for _ in 0..n {
        batch.push(PageRef::alloc()?, GFP_KERNEL)?;
    }
    Ok(batch)
}
