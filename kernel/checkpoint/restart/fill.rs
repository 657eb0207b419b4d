// SPDX-License-Identifier: GPL-2.0

//! Filling memory: the contents go from the image straight into the pages of the parked tasks.
//!
//! From a file, several address spaces are filled at a time ([`rows`]).

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
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
        ObjRef, //
    },
    kapi::{
        file::FileRef,
        io,
        iov,
        mm::MmRef,
        page::{
            PageRef,
            NO_TAGS, //
        },
        wait,
        walk, //
    },
    restart::{
        context::Built,
        source::Source,
        Restore, //
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
    let mut stream = Stream::new(io::crc32c, header);
    let mut runs = KVVec::new();
    rows::fill(r, source, header, &mut stream, &mut objects, &mut runs)?;
    loop {
        match next(r, source, &mut stream, &mut objects, &mut runs)? {
            Next::Extent(extent) => fill_extent(r, source, &mut stream, &extent)?,
            Next::Shared(shared) => fill_shared(r, &shared)?,
            Next::Row(_) => (),
            Next::Trailer(_) => return Ok(()),
        }
    }
}

/// Reads the next record, but not the pages of an extent.
fn next(
    r: &Restore,
    source: &mut Source,
    stream: &mut Stream,
    objects: &mut [Object],
    runs: &mut KVVec<Run>,
) -> Result<Next> {
    let mut head = [0; RECORD_HEADER_LEN];
    read(r, source, stream, &mut head)?;
    let len = stream.header(&head).map_err(|f| r.fault(f))?;
    let mut body = [0; BODY_MAX];
    let body = body.get_mut(..len).ok_or(EINVAL)?;
    read(r, source, stream, body)?;
    // Grows with what was read.
    if stream.runs() == runs.len() {
        let more = core::cmp::max(runs.len(), RUNS);
        runs.resize(runs.len() + more, Run::default(), GFP_KERNEL_ACCOUNT)?;
    }
    stream
        .body(body, r.meta(), objects, runs)
        .map_err(|f| r.fault(f))
}

fn read(r: &Restore, source: &mut Source, stream: &Stream, to: &mut [u8]) -> Result {
    if source.read_exact(to)? {
        Ok(())
    } else {
        Err(cut_short(r, stream))
    }
}

fn cut_short(r: &Restore, stream: &Stream) -> Error {
    r.fault(Fault::framing(stream.at(), "the image is cut short"))
}

fn fill_extent(r: &Restore, source: &mut Source, stream: &mut Stream, extent: &Extent) -> Result {
    let obj = ObjRef::new(extent.obj.get()).ok_or(EINVAL)?;
    let addr = extent.addr.get();
    let pages = extent.pages.get() as usize;
    enum Target {
        Mm(MmRef),
        Inode(FileRef),
    }
    let target = r.with_built(obj, |built| match built {
        Built::Mm(mm) => Some(Target::Mm(mm.0.clone())),
        Built::Inode(file) => Some(Target::Inode(file.0.clone())),
        _ => None,
    });
    match target.flatten() {
        Some(Target::Mm(mm)) if extent.space.get() == EXTENT_TAGGED => {
            fill_tagged(r, source, stream, Some(&mm), addr as usize, pages)
        }
        Some(Target::Mm(mm)) => fill_mm(r, source, stream, &mm, addr as usize, pages),
        Some(Target::Inode(file)) if extent.space.get() == EXTENT_INODE => {
            fill_inode(r, source, stream, &file, addr, pages)
        }
        // Nobody uses the object: its contents are checked and forgotten.
        _ if extent.space.get() == EXTENT_TAGGED => {
            fill_tagged(r, source, stream, None, addr as usize, pages)
        }
        _ => skip(r, source, stream, pages),
    }
}

/// The rebuilt address space `obj`; `None`: no task uses it.
fn space(r: &Restore, obj: u32) -> Result<Option<MmRef>> {
    let obj = ObjRef::new(obj).ok_or(EINVAL)?;
    let built = r.with_built(obj, |built| match built {
        Built::Mm(mm) => Some(mm.0.clone()),
        _ => None,
    });
    Ok(built.flatten())
}

/// Copies pages that another range of an address space has got already.
fn fill_shared(r: &Restore, shared: &Shared) -> Result {
    let Some(mm) = space(r, shared.obj.get())? else {
        return Ok(());
    };
    let source = space(r, shared.source.get())?.ok_or(EINVAL).map_err(|e| {
        r.with_report(|report| {
            report.line(fmt!(
                "error: contents are those of an address space that no task uses [EINVAL]"
            ));
        });
        e
    })?;
    let (addr, from) = (shared.addr.get() as usize, shared.from.get() as usize);
    let pages = shared.pages.get() as usize;
    let mut to_batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
    let mut from_batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
    let mut done = 0;
    while done < pages {
        wait::check_killed()?;
        let (to, from) = (addr + done * PAGE_SIZE, from + done * PAGE_SIZE);
        to_batch.clear();
        from_batch.clear();
        walk::readable(
            &source,
            from,
            core::cmp::min(pages - done, BOUNCE),
            &mut from_batch,
        )
        .and_then(|()| walk::writable(&mm, to, from_batch.len(), &mut to_batch))
        .inspect_err(|&e| {
            r.with_report(|report| {
                report.line(fmt!(
                    "error: memory at {:x} can't be copied to {:x} [{}]",
                    from,
                    to,
                    crate::report::Errno(e)
                ));
            });
        })?;
        for (to, from) in to_batch.iter().zip(&from_batch) {
            to.copy_from(from);
            to.written();
        }
        done += core::cmp::min(to_batch.len(), from_batch.len());
    }
    Ok(())
}

/// Fills pages of an address space.
fn fill_mm(
    r: &Restore,
    source: &mut Source,
    stream: &mut Stream,
    mm: &MmRef,
    addr: usize,
    pages: usize,
) -> Result {
    let mut batch = KVec::with_capacity(BOUNCE, GFP_KERNEL)?;
    let mut done = 0;
    while done < pages {
        wait::check_killed()?;
        batch.clear();
        while batch.len() < BOUNCE && done < pages {
            let at = addr + done * PAGE_SIZE;
            let room = core::cmp::min(pages - done, BOUNCE - batch.len());
            let had = batch.len();
            writable(r, mm, at, room, &mut batch)?;
            done += batch.len() - had;
        }
        read_checked(r, source, stream, &batch)?;
        for page in &batch {
            page.written();
        }
    }
    Ok(())
}

/// Gets up to `max` pages of an address space, ready to be written to.
fn writable(r: &Restore, mm: &MmRef, addr: usize, max: usize, to: &mut KVec<PageRef>) -> Result {
    walk::writable(mm, addr, max, to).inspect_err(|&e| {
        r.with_report(|report| {
            report.line(fmt!(
                "error: memory at {:x} can't be filled [{}]",
                addr,
                crate::report::Errno(e)
            ));
        });
    })
}

/// Fills pages of an address space, each of which is followed by its memory tags. Without address
/// space they are checked only.
fn fill_tagged(
    r: &Restore,
    source: &mut Source,
    stream: &mut Stream,
    mm: Option<&MmRef>,
    addr: usize,
    pages: usize,
) -> Result {
    let mut tags = NO_TAGS;
    let mut batch = KVec::with_capacity(1, GFP_KERNEL)?;
    for n in 0..pages {
        wait::check_killed()?;
        batch.clear();
        match mm {
            Some(mm) => writable(r, mm, addr + n * PAGE_SIZE, 1, &mut batch)?,
            None => batch.push(PageRef::alloc()?, GFP_KERNEL)?,
        }
        read_checked(r, source, stream, &batch)?;
        read(r, source, stream, &mut tags)?;
        stream.pages(&tags).map_err(|f| r.fault(f))?;
        for page in batch.iter().filter(|_| mm.is_some()) {
            page.set_tags(&tags);
            page.written();
        }
    }
    Ok(())
}

/// Writes pages of an inode, but not beyond its size.
fn fill_inode(
    r: &Restore,
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
        wait::check_killed()?;
        let batch = batch
            .get(..core::cmp::min(left, batch.len()))
            .ok_or(EINVAL)?;
        read_checked(r, source, stream, batch)?;
        let inside = usize::try_from(file.size().saturating_sub(pos)).unwrap_or(0);
        let len = core::cmp::min(batch.len() * PAGE_SIZE, inside);
        iov::write_bytes_of_pages(file, &mut pos, batch, len).inspect_err(|&e| {
            r.with_report(|report| {
                report.line(fmt!(
                    "error: contents of an inode can't be written [{}]",
                    crate::report::Errno(e)
                ));
            });
        })?;
        left -= batch.len();
    }
    Ok(())
}

/// Reads over pages, checking them.
fn skip(r: &Restore, source: &mut Source, stream: &mut Stream, pages: usize) -> Result {
    let batch = bounce(pages)?;
    let mut left = pages;
    while left > 0 {
        let batch = batch
            .get(..core::cmp::min(left, batch.len()))
            .ok_or(EINVAL)?;
        read_checked(r, source, stream, batch)?;
        left -= batch.len();
    }
    Ok(())
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

/// Reads the next pages of the image into `batch` and adds them to the extent's checksum, which
/// must be right after the last ones.
fn read_checked(
    r: &Restore,
    source: &mut Source,
    stream: &mut Stream,
    batch: &[PageRef],
) -> Result {
    source
        .read_with(|file, pos| iov::read_pages(file, pos, batch))
        .map_err(|e| {
            if e == ENODATA {
                cut_short(r, stream)
            } else {
                e
            }
        })?;
    for page in batch {
        page.with_bytes(|bytes| stream.pages(bytes))
            .map_err(|f| r.fault(f))?;
    }
    Ok(())
}
