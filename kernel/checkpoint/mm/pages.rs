// SPDX-License-Identifier: GPL-2.0

//! Extents: contents of memory and of inodes in the image.

use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    }, //
};

use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    IntoBytes, //
};

use crate::{
    core::sink::Sink,
    image::{
        check::sum,
        mm::{
            Extent,
            Shared,
            EXTENT_MAX,
            EXTENT_TAGGED,
            TAGGED_BYTES, //
        },
        record::{
            header_of,
            RECORD_HEADER_LEN, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            io,
            iov, //
        },
        mm::{
            held::Held,
            page::{
                PageRef,
                NO_TAGS, //
            },
            walk::Pages, //
        }, //
    }, //
};

/// Most pages of one extent.
pub(crate) const EXTENT_PAGES: usize = EXTENT_MAX / PAGE_SIZE;

/// Most pages that are remembered for other address spaces: 4 GiB. They can't be swapped out
/// meanwhile, and count as the caller's.
const SEEN_MAX: usize = (4 << 30) / PAGE_SIZE;

/// Mappings of a page that only one address space has: its own, and that of its snapshot.
const OWN_MAPPINGS: u32 = 2;

/// Pages that were written and that other address spaces may have too, by their identity.
///
/// A page that is found in here has the contents that were written: it is mapped copy-on-write by
/// a snapshot when it comes in and when it is found, and our reference keeps it from becoming
/// another page, or from being written to in place, in between.
pub(crate) struct Seen {
    pages: RBTree<usize, Origin>,
    left: usize,
    held: Held,
}

/// Where a page is in the image.
struct Origin {
    _page: PageRef,
    obj: ObjRef,
    addr: usize,
}

impl Seen {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            pages: RBTree::new(),
            left: SEEN_MAX,
            held: Held::new(),
        }
    }

    /// Notes a page that is written as that at `addr` of `obj`, if others have it.
    fn note(&mut self, page: &PageRef, obj: ObjRef, addr: usize) {
        if self.left == 0 || page.mappings() <= OWN_MAPPINGS {
            return;
        }
        let origin = Origin {
            _page: page.clone(),
            obj,
            addr,
        };
        // Without memory for it the page is written again.
        if let Ok(node) = RBTreeNode::new(page.id(), origin, GFP_KERNEL_ACCOUNT) {
            self.pages.insert(node);
            self.left -= 1;
            self.held.add(PAGE_SIZE);
        }
    }

    fn find(&self, page: &PageRef) -> Option<Fate> {
        self.pages
            .get(&page.id())
            .map(|o| Fate::Same(o.obj, o.addr))
    }
}

/// What becomes of a page.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It is left out.
    Skip,
    /// It is written.
    Write,
    /// It was written as that at this address of this object.
    Same(ObjRef, usize),
}

impl Fate {
    /// May a page with the fate `other` be in one record with `pages` pages, the first of which has
    /// this fate?
    fn goes_on(self, pages: usize, other: Self) -> bool {
        match (self, other) {
            (Self::Write, Self::Write) => true,
            (Self::Same(a, first), Self::Same(b, addr)) => {
                a == b && first + pages * PAGE_SIZE == addr
            }
            _ => false,
        }
    }
}

/// Writes `pages`, which belong to the object `obj`, as extents of `EXTENT_*` kind `space`.
///
/// With `skip_zero`, pages of zeros, whose tags are zero too, are left out: reading there gives
/// zeros anyway. Those that are in `seen` are not written again. May sleep, no lock may be held.
pub(crate) fn write(
    sink: &mut Sink,
    obj: ObjRef,
    space: u32,
    pages: &Pages,
    skip_zero: bool,
    mut seen: Option<&mut Seen>,
) -> Result {
    let (addrs, pages) = pages.get();
    let mut first: Option<(usize, Fate)> = None;
    let mut next = 0;
    let mut flush = |start: usize, end: usize, fate| match (addrs.get(start), fate) {
        (Some(&addr), Fate::Same(source, from)) => same(sink, obj, addr, end - start, source, from),
        _ => run(sink, obj, space, addrs, pages, start, end),
    };
    for (n, (&addr, page)) in addrs.iter().zip(pages).enumerate() {
        let known = seen.as_deref().and_then(|s| s.find(page));
        let fate = known.unwrap_or_else(|| {
            if skip_zero && page.is_zero() && (space != EXTENT_TAGGED || !has_tags(page)) {
                return Fate::Skip;
            }
            if let Some(seen) = seen.as_deref_mut() {
                seen.note(page, obj, addr);
            }
            Fate::Write
        });
        let goes_on = first.is_some_and(|(start, run)| {
            addr == next && n - start < EXTENT_PAGES && run.goes_on(n - start, fate)
        });
        if !goes_on {
            if let Some((start, run)) = first {
                flush(start, n, run)?;
            }
            first = (fate != Fate::Skip).then_some((n, fate));
        }
        next = addr + PAGE_SIZE;
    }
    match first {
        Some((start, run)) => flush(start, pages.len(), run),
        None => Ok(()),
    }
}

/// Writes a record of `pages` pages from `addr` on that are the same as those from `from` on in
/// `source`.
fn same(
    sink: &mut Sink,
    obj: ObjRef,
    addr: usize,
    pages: usize,
    source: ObjRef,
    from: usize,
) -> Result {
    let mut shared = Shared {
        obj: U32::new(obj.get()),
        pages: U32::new(u32::try_from(pages)?),
        addr: U64::new(addr as u64),
        source: U32::new(source.get()),
        reserved: U32::new(0),
        from: U64::new(from as u64),
        reserved2: U32::new(0),
        crc: U32::new(0),
    };
    let bytes = shared.as_bytes();
    let covered = bytes.get(..bytes.len() - size_of::<u32>()).unwrap_or(&[]);
    let crc = sum(io::crc32c, covered);
    shared.crc = U32::new(crc);
    let mut record = [0; size_of::<Shared>() + RECORD_HEADER_LEN];
    let (head, body) = record.split_at_mut(RECORD_HEADER_LEN);
    head.copy_from_slice(header_of::<Shared>(0).as_bytes());
    body.copy_from_slice(shared.as_bytes());
    sink.begin_extent(obj)?;
    sink.write(&record)?;
    sink.count_shared(crc);
    Ok(())
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
    let mut record = [0; size_of::<Extent>() + RECORD_HEADER_LEN];
    let (head, body) = record.split_at_mut(RECORD_HEADER_LEN);
    head.copy_from_slice(header.as_bytes());
    body.copy_from_slice(extent.as_bytes());
    sink.begin_extent(obj)?;
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
