// SPDX-License-Identifier: GPL-2.0

//! The contents of memory as they were at the checkpoint.
//!
//! While the tasks are frozen, each address space is copied as fork() copies it: its private
//! pages are then shared, and copied only when a task that runs again writes to them. What that
//! does not cover is copied at once: mappings that fork() leaves out or empties, and memory that
//! is shared.

use kernel::{
    page::PAGE_SHIFT,
    prelude::*, //
};

use crate::{
    capture::{
        sink::Sink,
        Capture, //
    },
    image::{
        mm::{
            EXTENT_INODE,
            EXTENT_MM,
            EXTENT_TAGGED, //
        },
        ObjRef, //
    },
    kapi::{
        file::FileRef,
        mm::MmRef,
        page::PageRef,
        shmem,
        wait,
        walk::Pages, //
    },
    mm::{
        pages::{
            self,
            Seen,
            EXTENT_PAGES, //
        },
        Range,
        Space, //
    },
};

/// How often, in pages, a long copy looks whether it is to end.
const CHECK_PAGES: u64 = 4096;

/// Contents of all memory, fixed.
pub(crate) struct Snapshot {
    spaces: KVVec<SpaceCopy>,
    inodes: KVVec<InodeCopy>,
}

/// Contents of an address space.
struct SpaceCopy {
    obj: ObjRef,
    /// What fork() would copy; `None`: nothing.
    mm: Option<MmRef>,
    parts: KVVec<Part>,
}

/// Contents of a part of an address space.
struct Part {
    range: Range,
    /// Its pages, if they are not in the copy of the address space.
    pages: Option<Pages>,
}

/// Contents of an inode.
struct InodeCopy {
    obj: ObjRef,
    pages: Pages,
}

/// Fixes the contents of all memory that was collected. The tasks are frozen. May sleep.
///
/// ENOMEM: there is no memory for what must be copied at once; EINTR: SIGKILL came.
pub(crate) fn take(cap: &mut Capture) -> Result<Snapshot> {
    let mut snapshot = Snapshot {
        spaces: KVVec::new(),
        inodes: KVVec::new(),
    };
    let mut spaces = cap.mm.take_spaces();
    for space in spaces.values_mut() {
        wait::check_killed()?;
        let copy = copy_space(space).inspect_err(|&e| {
            cap.report
                .refuse(e, &space.task, fmt!("address space can't be copied"));
        })?;
        snapshot.spaces.push(copy, GFP_KERNEL_ACCOUNT)?;
    }
    for (obj, file) in cap.files.inodes() {
        let pages = copy_inode(file).inspect_err(|&e| {
            cap.report.line(fmt!(
                "error: contents of object {} can't be copied: {} pages [{}]",
                obj.get(),
                shmem::pages(file),
                crate::report::Errno(e)
            ));
        })?;
        snapshot
            .inodes
            .push(InodeCopy { obj: *obj, pages }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(snapshot)
}

fn copy_space(space: &mut Space) -> Result<SpaceCopy> {
    let ranges = core::mem::replace(&mut space.ranges, KVVec::new());
    let mm = if ranges.iter().any(|r| r.forks) {
        Some(space.mm.copy()?)
    } else {
        None
    };
    let mut parts = KVVec::with_capacity(ranges.len(), GFP_KERNEL_ACCOUNT)?;
    for range in ranges {
        let pages = if range.forks {
            None
        } else {
            Some(copy_pages(&space.mm, &range)?)
        };
        parts.push(Part { range, pages }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(SpaceCopy {
        obj: space.obj,
        mm,
        parts,
    })
}

/// Copies the private pages of a range.
fn copy_pages(mm: &MmRef, range: &Range) -> Result<Pages> {
    let mut copies = Pages::new(0)?;
    let mut found = Pages::new(EXTENT_PAGES)?;
    let mut at = range.start;
    while at < range.end {
        wait::check_killed()?;
        at = found.find(mm, at, range.end)?;
        let (addrs, pages) = found.get();
        for (&addr, page) in addrs.iter().zip(pages) {
            if !range.anonymous || range.tagged || !page.is_zero() {
                copies.push(addr, copy_page(page)?)?;
            }
        }
    }
    Ok(copies)
}

/// Copies the pages of a file that are not zero.
fn copy_inode(file: &FileRef) -> Result<Pages> {
    let mut copies = Pages::new(0)?;
    let end = shmem::pages(file);
    let mut index = 0;
    while let Some(next) = shmem::next_page(file, index, end)? {
        if next % CHECK_PAGES == 0 || next - index >= CHECK_PAGES {
            wait::check_killed()?;
        }
        if let Some(page) = shmem::page(file, next)?.filter(|p| !p.is_zero()) {
            let addr = usize::try_from(next << PAGE_SHIFT)?;
            copies.push(addr, copy_page(&page)?)?;
        }
        index = next + 1;
    }
    Ok(copies)
}

fn copy_page(page: &PageRef) -> Result<PageRef> {
    let copy = PageRef::alloc()?;
    copy.copy_from(page);
    Ok(copy)
}

impl Snapshot {
    /// Writes all contents to the image, and gives up what was written. The tasks may run again.
    ///
    /// EIO: a page is poisoned; else as of writing.
    pub(crate) fn drain(&mut self, sink: &mut Sink) -> Result {
        let mut found = Pages::new(EXTENT_PAGES)?;
        let mut seen = (self.spaces.len() > 1).then(Seen::new);
        for space in self.spaces.iter_mut() {
            let obj = space.obj;
            for part in space.parts.iter_mut() {
                let Range {
                    start,
                    end,
                    anonymous,
                    tagged,
                    ..
                } = part.range;
                let kind = if tagged { EXTENT_TAGGED } else { EXTENT_MM };
                if let Some(copies) = part.pages.take() {
                    pages::write(sink, obj, kind, &copies, false, None)?;
                    continue;
                }
                let Some(mm) = space.mm.as_ref() else {
                    continue;
                };
                let mut at = start;
                while at < end {
                    wait::check_killed()?;
                    at = found.find(mm, at, end)?;
                    // Pages with tags are written whole, again and again.
                    let seen = seen.as_mut().filter(|_| !tagged);
                    pages::write(sink, obj, kind, &found, anonymous, seen)?;
                }
            }
            // From here on what a task writes to need not be copied for us, but for what other
            // address spaces have too.
            found.clear();
            space.mm = None;
        }
        for inode in self.inodes.iter() {
            pages::write(sink, inode.obj, EXTENT_INODE, &inode.pages, false, None)?;
        }
        self.inodes.clear();
        Ok(())
    }
}
