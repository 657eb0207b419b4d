// SPDX-License-Identifier: GPL-2.0

//! Extents: contents of memory and of inodes in the image.

use kernel::{
    num::casts::usize_as_u64,
    page::PAGE_SIZE,
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNode, //
    }, //
};

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use crate::{
    core::sink::Sink,
    image::{
        contents::{
            Extent,
            BATCH_MAX,
            EXTENTS_MAX,
            EXTENT_SHARED,
            EXTENT_TAGGED, //
        },
        record::ref_number,
        ObjRef, //
    },
    kapi::mm::{
        held::Held,
        page::{
            PageRef,
            NO_TAGS, //
        },
        walk::Pages, //
    },
    mm::batch::{
        self,
        Batches,
        Gathered,
        BATCH_ROOM, //
    }, //
};

/// Pages that are looked for at a time.
pub(crate) const LOOK_PAGES: usize = (4 << 20) / PAGE_SIZE;

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
    /// Makes an empty one.
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

    /// Returns where a page was written, if it was.
    fn find(&self, page: &PageRef) -> Option<(ObjRef, usize)> {
        self.pages.get(&page.id()).map(|o| (o.obj, o.addr))
    }
}

/// Pages that are on their way into the image: they are gathered to batches.
pub(crate) struct Gather<'a, 'b> {
    batches: &'a mut Batches<'b>,
    gathered: Gathered,
}

/// Has `own` find pages, and writes those that it adds to what it gets. May sleep.
pub(crate) fn gather(sink: &mut Sink, own: impl FnOnce(&mut Gather<'_, '_>) -> Result) -> Result {
    let gathered = Gathered::new()?;
    batch::write(sink, |batches| {
        let mut gather = Gather { batches, gathered };
        own(&mut gather)?;
        gather.flush()
    })
}

impl Gather<'_, '_> {
    /// Adds `pages`, which belong to the object `obj`, as extents of `kind`.
    ///
    /// With `skip_zero`, pages of zeros, whose tags are zero too, are left out: reading there gives
    /// zeros anyway. Those that are in `seen` are not written again. May sleep, no lock may be
    /// held.
    pub(crate) fn add(
        &mut self,
        obj: ObjRef,
        kind: u32,
        pages: &Pages,
        skip_zero: bool,
        mut seen: Option<&mut Seen>,
    ) -> Result {
        let (addrs, pages) = pages.get();
        for (&addr, page) in addrs.iter().zip(pages) {
            if let Some((source, from)) = seen.as_deref().and_then(|s| s.find(page)) {
                self.append(&extent(obj, EXTENT_SHARED, addr, Some(source), from))?;
                continue;
            }
            if skip_zero && page.is_zero() && (kind != EXTENT_TAGGED || !has_tags(page)) {
                continue;
            }
            if let Some(seen) = seen.as_deref_mut() {
                seen.note(page, obj, addr);
            }
            if self.gathered.pages.len() == BATCH_ROOM {
                self.flush()?;
            }
            self.append(&extent(obj, kind, addr, None, 0))?;
            self.gathered.pages.push(page.clone(), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    /// Adds an extent of one page.
    fn append(&mut self, next: &Extent) -> Result {
        let last = self.gathered.extents.last_mut();
        if let Some(last) = last.filter(|last| goes_on(last, next)) {
            last.pages += 1;
            return Ok(());
        }
        if self.gathered.extents.len() == EXTENTS_MAX {
            self.flush()?;
        }
        self.gathered.extents.push(*next, GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Makes a batch of what was added, and gives it up.
    fn flush(&mut self) -> Result {
        if self.gathered.extents.is_empty() {
            return Ok(());
        }
        self.batches.add(&mut self.gathered)
    }
}

/// Returns an extent of one page.
fn extent(obj: ObjRef, kind: u32, addr: usize, source: Option<ObjRef>, from: usize) -> Extent {
    Extent {
        obj: U32::new(obj.get()),
        kind: U32::new(kind),
        addr: U64::new(usize_as_u64(addr)),
        pages: U32::new(1),
        source: U32::new(ref_number(source)),
        from: U64::new(usize_as_u64(from)),
    }
}

/// Returns whether `next`, of one page, is the page after those of `last`.
fn goes_on(last: &Extent, next: &Extent) -> bool {
    let len = u64::from(last.pages.get()) * usize_as_u64(PAGE_SIZE);
    let elsewhere = if last.has_pages() { 0 } else { len };
    // Huge pages that are shared are not to be cut.
    let fits = if last.has_pages() {
        len < usize_as_u64(BATCH_MAX)
    } else {
        next.addr.get() % usize_as_u64(BATCH_MAX) != 0
    };
    fits && (last.obj, last.kind, last.source) == (next.obj, next.kind, next.source)
        && last.addr.get() + len == next.addr.get()
        && last.from.get() + elsewhere == next.from.get()
}

/// Returns whether the page has memory tags that are not zero.
fn has_tags(page: &PageRef) -> bool {
    let mut tags = NO_TAGS;
    page.tags(&mut tags);
    tags != NO_TAGS
}
