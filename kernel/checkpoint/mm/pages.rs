// SPDX-License-Identifier: GPL-2.0

//! Extents: contents of memory and of inodes in the image.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    IntoBytes, //
};

use crate::{
    capture::sink::Sink,
    image::{
        check::sum,
        mm::{
            Extent,
            EXTENT_MAX,
            EXTENT_TAGGED,
            TAGGED_BYTES, //
        },
        record::header_of,
        ObjRef, //
    },
    kapi::{
        io,
        iov,
        page::{
            PageRef,
            NO_TAGS, //
        },
        walk::Pages, //
    }, //
};

/// Most pages of one extent.
pub(crate) const EXTENT_PAGES: usize = EXTENT_MAX / PAGE_SIZE;

/// Writes `pages`, which belong to the object `obj`, as extents of `EXTENT_*` kind `space`.
///
/// With `skip_zero`, pages of zeros, whose tags are zero too, are left out: reading there gives
/// zeros anyway. May sleep, no lock may be held.
pub(crate) fn write(
    sink: &mut Sink,
    obj: ObjRef,
    space: u32,
    pages: &Pages,
    skip_zero: bool,
) -> Result {
    let (addrs, pages) = pages.get();
    let mut start = 0;
    let mut next = 0;
    for (n, (&addr, page)) in addrs.iter().zip(pages).enumerate() {
        let skip = skip_zero && page.is_zero() && (space != EXTENT_TAGGED || !has_tags(page));
        if skip || (n > start && addr != next) || n - start == EXTENT_PAGES {
            run(sink, obj, space, addrs, pages, start, n)?;
            start = n;
        }
        if skip {
            start = n + 1;
        }
        next = addr + PAGE_SIZE;
    }
    run(sink, obj, space, addrs, pages, start, pages.len())
}

/// Has the page memory tags that are not zero?
fn has_tags(page: &PageRef) -> bool {
    let mut tags = NO_TAGS;
    page.tags(&mut tags);
    tags != NO_TAGS
}

/// Writes one extent: the pages number `start` to `end`, which follow each other. None: nothing.
fn run(
    sink: &mut Sink,
    obj: ObjRef,
    space: u32,
    addrs: &[usize],
    pages: &[PageRef],
    start: usize,
    end: usize,
) -> Result {
    let (Some(&addr), Some(pages)) = (addrs.get(start), pages.get(start..end)) else {
        return Ok(());
    };
    if pages.is_empty() {
        return Ok(());
    }
    let tagged = space == EXTENT_TAGGED;
    let mut len = pages.len() * PAGE_SIZE;
    if tagged {
        len += len / TAGGED_BYTES;
    }
    let mut tags = NO_TAGS;
    let crc = !pages.iter().fold(!0, |crc, page| {
        let crc = page.crc(crc);
        if !tagged {
            return crc;
        }
        page.tags(&mut tags);
        io::crc32c(crc, &tags)
    });
    let mut extent = Extent {
        obj: U32::new(obj.get()),
        space: U32::new(space),
        addr: U64::new(addr as u64),
        pages: U32::new(u32::try_from(pages.len())?),
        crc: U32::new(crc),
        reserved: U32::new(0),
        body_crc: U32::new(0),
    };
    let bytes = extent.as_bytes();
    let covered = bytes.get(..bytes.len() - size_of::<u32>()).unwrap_or(&[]);
    extent.body_crc = U32::new(sum(io::crc32c, covered));

    let header = header_of::<Extent>(len);
    let mut record = [0; size_of::<Extent>() + crate::image::record::RECORD_HEADER_LEN];
    let (head, body) = record.split_at_mut(crate::image::record::RECORD_HEADER_LEN);
    head.copy_from_slice(header.as_bytes());
    body.copy_from_slice(extent.as_bytes());
    sink.write(&record)?;
    if tagged {
        for page in pages {
            page.tags(&mut tags);
            sink.write_with(|file, pos| {
                iov::write_pages(file, pos, core::slice::from_ref(page))?;
                Ok(PAGE_SIZE as u64)
            })?;
            sink.write(&tags)?;
        }
    } else {
        sink.write_with(|file, pos| {
            iov::write_pages(file, pos, pages)?;
            Ok(len as u64)
        })?;
    }
    sink.count_extent(pages.len() as u64, crc);
    Ok(())
}
