// SPDX-License-Identifier: GPL-2.0

//! The contents of memory as they were at the checkpoint.
//!
//! While the tasks are frozen, each address space is copied as fork() copies it: its private
//! pages are then shared, and copied only when a task that runs again writes to them. What that
//! does not cover is copied at once: mappings that fork() leaves out or empties, memory that is
//! shared or that a userfaultfd watches, and huge pages of hugetlbfs, of which there need not be any
//! for a task that writes.
//!
//! No device writes to a page by way of a reference that copy-on-write does not know of, as network
//! filesystems do with O_DIRECT: no frozen task is in a system call that reads. What reads for
//! tasks that are in none has come to its end, or the checkpoint was refused: requests of AIO
//! (`mm::aio::settle()`, before anything is collected), and those of io_urings, of which only such
//! are saved as wait for something, or for their turn, and have no page yet
//! (`files/uring_requests.rs`). Pages that are pinned for longer are copied by fork's code itself.

use kernel::{
    num::casts::usize_as_u64,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::{
        report::{
            Errno,
            Report, //
        },
        sink::Sink, //
    },
    files::Nameless,
    found::Capture,
    image::{
        contents::{
            EXTENT_INODE,
            EXTENT_MM,
            EXTENT_TAGGED, //
        },
        ObjRef, //
    },
    kapi::{
        mm::{
            copy::MmCopy,
            held::Held,
            page::PageRef,
            shmem,
            space::MmRef,
            walk::Pages, //
        },
        task::frozen::TaskName,
        time::wait, //
    },
    mm::{
        pages::{
            self,
            Gather,
            Seen,
            LOOK_PAGES, //
        },
        Range,
        Space, //
    }, //
};

/// How many pages are copied before it is asked whether to go on.
const CHECK_PAGES: usize = 256;

/// Contents of all memory, fixed.
pub(crate) struct Snapshot {
    spaces: KVVec<SpaceCopy>,
    inodes: KVVec<InodeCopy>,
    /// Page tables of the copies.
    tables: Held,
}

/// Contents of an address space.
struct SpaceCopy {
    obj: ObjRef,
    /// Its first task, for messages.
    task: TaskName,
    /// What fork() would copy; `None`: nothing.
    mm: Option<MmCopy>,
    parts: KVVec<Part>,
}

/// Contents of a part of an address space.
struct Part {
    range: Range,
    /// Its pages, if they are not in the copy of the address space.
    pages: Option<Copies>,
}

/// Contents of an inode.
struct InodeCopy {
    obj: ObjRef,
    pages: Copies,
}

/// Copies of pages, in groups that are freed one by one.
struct Copies(KVVec<Group>);

struct Group {
    pages: Pages,
    held: Held,
}

impl Copies {
    fn new() -> Self {
        Self(KVVec::new())
    }

    /// Adds a copy of a page. May sleep. ENOMEM: there is no memory for it.
    fn push(&mut self, addr: usize, page: &PageRef) -> Result {
        let is_full = |g: &Group| g.pages.get().0.len() >= LOOK_PAGES;
        if self.0.last().is_none_or(is_full) {
            // Room comes with the pages: there may be many ranges of few pages.
            let group = Group {
                pages: Pages::new(0)?,
                held: Held::new(),
            };
            self.0.push(group, GFP_KERNEL_ACCOUNT)?;
        }
        let group = self.0.last_mut().ok_or(EINVAL)?;
        let copy = PageRef::alloc()?;
        copy.copy_from(page);
        group.pages.push(addr, copy)?;
        group.held.add(PAGE_SIZE);
        Ok(())
    }

    /// Writes them as extents of `obj`, and gives up what was written.
    fn write(self, gather: &mut Gather<'_, '_>, obj: ObjRef, kind: u32) -> Result {
        for group in self.0 {
            gather.add(obj, kind, &group.pages, false, None)?;
        }
        Ok(())
    }
}

/// Fixes the contents of all memory that was collected. The tasks are frozen. May sleep.
///
/// ENOMEM: there is no memory for what must be copied at once; EINTR: SIGKILL came. A line of the
/// report tells which.
pub(crate) fn take(cap: &mut Capture) -> Result<Snapshot> {
    let mut snapshot = Snapshot {
        spaces: KVVec::new(),
        inodes: KVVec::new(),
        tables: Held::new(),
    };
    let mut ranges = core::mem::replace(&mut cap.found.mm.ranges, RBTree::new());
    for (obj, space) in cap.objects.all::<Space>() {
        wait::go_on()?;
        let ranges = ranges.remove(&obj.get()).ok_or(ENOENT)?;
        let copy = copy_space(obj, space, ranges).inspect_err(|&e| {
            cap.report.refuse(
                e,
                &space.task,
                fmt!("its address space can't be copied: {}", why(e)),
            );
        })?;
        let tables = copy.mm.as_ref().map_or(0, MmCopy::table_bytes);
        snapshot.tables.add(tables);
        snapshot.spaces.push(copy, GFP_KERNEL_ACCOUNT)?;
    }
    for (obj, inode) in cap.objects.all::<Nameless>() {
        let file = &inode.file;
        let keeps_zeros = cap.found.mm.keeps_zeros(file);
        let pages = copy_inode(inode, keeps_zeros).inspect_err(|&e| {
            cap.report.line(fmt!(
                "error: contents of object {} ({} pages of a file or of shared memory) \
                 can't be copied: {} [{}]",
                obj.get(),
                shmem::pages(file),
                why(e),
                Errno(e)
            ));
        })?;
        snapshot
            .inodes
            .push(InodeCopy { obj, pages }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(snapshot)
}

/// Returns what an error of copying memory comes from, and what to do.
fn why(e: Error) -> &'static str {
    match e {
        ENOMEM => {
            "there is no memory for it: free some, or raise the limit of the caller's memory cgroup"
        }
        EINTR => "the caller was killed",
        EIO => "a page is broken, see the kernel's log",
        _ => "see the kernel's log",
    }
}

fn copy_space(obj: ObjRef, space: &Space, ranges: KVVec<Range>) -> Result<SpaceCopy> {
    let mm = if ranges.iter().any(|r| r.forks) {
        Some(MmCopy::new(&space.mm)?)
    } else {
        None
    };
    let mut parts = KVVec::with_capacity(ranges.len(), GFP_KERNEL_ACCOUNT)?;
    for range in ranges {
        let pages = match mm.as_ref().filter(|_| range.forks) {
            Some(mm) => {
                mm.keep(range.start, range.end)?;
                None
            }
            None => Some(copy_pages(&space.mm, &range)?),
        };
        parts.push(Part { range, pages }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(SpaceCopy {
        obj,
        task: space.task,
        mm,
        parts,
    })
}

/// Copies the private pages of a range.
fn copy_pages(mm: &MmRef, range: &Range) -> Result<Copies> {
    let mut copies = Copies::new();
    let mut found = Pages::new(LOOK_PAGES)?;
    let mut at = range.start;
    while at < range.end {
        at = found.find(mm, at, range.end)?;
        let (addrs, pages) = found.get();
        for (&addr, page) in addrs.iter().zip(pages) {
            if !range.anonymous || range.tagged || !page.is_zero() {
                copies.push(addr, page)?;
            }
        }
    }
    Ok(copies)
}

/// Returns the index of the next page of a file that is not a hole, from page `index` on and below
/// `end`.
fn next(inode: &Nameless, index: u64, end: u64) -> Result<Option<u64>> {
    if inode.is_named() && !shmem::is_memory(&inode.file) {
        return shmem::next_data(&inode.file, index, end);
    }
    shmem::next_page(&inode.file, index, end)
}

/// Copies the pages of a file that are not zero, or all that are there.
fn copy_inode(inode: &Nameless, keeps_zeros: bool) -> Result<Copies> {
    let file = &inode.file;
    let mut copies = Copies::new();
    // What was added meanwhile has no room in the image.
    let end = shmem::pages(file).min(inode.size().div_ceil(usize_as_u64(PAGE_SIZE)));
    let mut index = 0;
    let mut seen: usize = 0;
    while let Some(next) = next(inode, index, end)? {
        if seen % CHECK_PAGES == 0 {
            wait::go_on()?;
        }
        seen += 1;
        if let Some(page) = shmem::page(file, next)?.filter(|p| keeps_zeros || !p.is_zero()) {
            copies.push(usize::try_from(next << PAGE_SHIFT)?, &page)?;
        }
        index = next + 1;
    }
    Ok(copies)
}

impl Snapshot {
    /// Writes all contents to the image, and gives up what was written. The tasks may run again.
    ///
    /// ENOMEM: memory ran out, and what was to be written was given up for it; EIO: a page is
    /// broken: of both a line of `report` tells. Else as of writing.
    pub(crate) fn drain(self, sink: &mut Sink, report: &mut Report) -> Result {
        let mut found = Pages::new(LOOK_PAGES)?;
        let mut seen = (self.spaces.len() > 1).then(Seen::new);
        pages::gather(sink, |gather| {
            for space in self.spaces {
                drain_space(space, gather, report, &mut found, seen.as_mut())?;
                // From here on what a task writes to need not be copied for us, but for what other
                // address spaces have too, and for batches that are not written yet: the reference
                // of these keeps a page from being written to in place.
                found.clear();
            }
            drop(seen);
            for inode in self.inodes {
                inode.pages.write(gather, inode.obj, EXTENT_INODE)?;
            }
            Ok(())
        })
    }
}

/// Writes the contents of an address space.
fn drain_space(
    space: SpaceCopy,
    gather: &mut Gather<'_, '_>,
    report: &mut Report,
    found: &mut Pages,
    mut seen: Option<&mut Seen>,
) -> Result {
    let obj = space.obj;
    for part in space.parts {
        let Range {
            start,
            end,
            anonymous,
            tagged,
            ..
        } = part.range;
        let kind = if tagged { EXTENT_TAGGED } else { EXTENT_MM };
        if let Some(copies) = part.pages {
            copies.write(gather, obj, kind)?;
            continue;
        }
        let Some(copy) = space.mm.as_ref() else {
            continue;
        };
        let mut at = start;
        while at < end {
            let next = found.find(copy.mm(), at, end);
            // Now, as what was found before it was given up is right.
            if copy.is_given_up() {
                report.line(fmt!(
                    "error: {}: memory ran out while its memory was being written, and the copy of \
                     it was given up: there must be room for what the tasks write to meanwhile, or \
                     they must not run (CHECKPOINT_FROZEN) [ENOMEM]",
                    space.task
                ));
                return Err(ENOMEM);
            }
            at = next.inspect_err(|&e| {
                if e != EINTR {
                    report.line(fmt!(
                        "error: {}: memory at {:x} can't be written: {} [{}]",
                        space.task,
                        at,
                        why(e),
                        Errno(e)
                    ));
                }
            })?;
            // Pages with tags are written whole, again and again.
            let seen = seen.as_deref_mut().filter(|_| !tagged);
            gather.add(obj, kind, found, anonymous, seen)?;
        }
    }
    Ok(())
}
