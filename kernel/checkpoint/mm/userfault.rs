// SPDX-License-Identifier: GPL-2.0

//! Memory that userfaultfds watch: in which modes, and in which state its pages are.
//!
//! At a checkpoint page tables are looked at, so that nothing waits in a page fault that a frozen task
//! would have to answer. A restart fills memory as all other memory. Then the coordinator makes the pages
//! that were there, and are zero or in a file; has the userfaultfd watch the memory; takes out what
//! has come there besides, of large pages and of locking; and marks pages. From then on nothing but
//! the tasks touches that memory.

use kernel::{
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
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
    core::{
        objects::{
            Outside,
            Shared, //
        },
        report::Errno,
        restore::Restore, //
    },
    files,
    found::{
        Capture,
        Found,
        LinkOps, //
    },
    image::{
        files::{
            OpenFile,
            FILE_REGULAR, //
        },
        mm::{
            Mm,
            Vma,
            VMA_FILE, //
        },
        userfault::{
            Watched,
            WatchedRun,
            PAGES_POISONED,
            PAGES_PRESENT,
            PAGES_PROTECTED,
            WATCHED_RUNS_MAX,
            WATCH_MINOR,
            WATCH_MISSING,
            WATCH_RWP,
            WATCH_WP, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        mm::{
            memcg::Memcg,
            space::MmRef,
            userfault::{
                self,
                Mark, //
            },
            vma::{
                bit,
                VmaInfo, //
            },
            walk, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    mm::{
        vma as mapping,
        BuiltMm, //
    }, //
};

/// Memory that userfaultfds watch. It is saved with its mappings.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "watched memory",
    save: |_| Ok(()),
    link,
};

/// Flags of mappings, and modes in the image.
const MODES: &[(u64, u32)] = &[
    (bit::UFFD_MISSING, WATCH_MISSING),
    (bit::UFFD_WP, WATCH_WP),
    (bit::UFFD_MINOR, WATCH_MINOR),
    (bit::UFFD_RWP, WATCH_RWP),
];

/// Flags of a mapping that a userfaultfd watches.
pub(super) const FLAGS: u64 = bit::UFFD_MISSING | bit::UFFD_WP | bit::UFFD_MINOR | bit::UFFD_RWP;

/// Modes in which it matters which pages are there.
const BY_PRESENCE: u32 = WATCH_MISSING | WATCH_MINOR;

/// Why shared memory can't be saved of which one mapping is locked, and another one watched.
const LOCKED_ELSEWHERE: &str =
    "shared memory that is mapped twice: once locked, so that all of it would be brought in, and once \
     so that a userfaultfd tells of its missing pages: have it unlock that, or lock it on fault \
     (MLOCK_ONFAULT)";

/// Pages that are looked at before it is asked whether to go on.
const LOOK: usize = 64;

/// Memory that a userfaultfd watches, known by what it refers to. Only counted: somebody must have
/// that open.
struct Watcher {
    context: usize,
    who: TaskName,
    /// The first mapping that it watches.
    first: (usize, usize),
}

impl Shared<Found> for Watcher {
    fn addr(&self) -> usize {
        self.context
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        if files::has_userfaultfd(cap, self.context) {
            Outside::Nothing
        } else {
            Outside::Refused
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let (start, end) = self.first;
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!(
                "mapping {:x}-{:x}: a userfaultfd watches it that none of these tasks has open: \
                 checkpoint who answers its page faults as well, or have that unregister it",
                start,
                end
            ),
        );
        Ok(())
    }
}

/// Modes in which the mapping `v` is watched.
fn modes(v: &VmaInfo) -> u32 {
    let mut modes = 0;
    for &(flag, mode) in MODES {
        if v.flags & flag != 0 {
            modes |= mode;
        }
    }
    modes
}

/// Counts the userfaultfd that watches the mapping `v` of `t`, if one does; returns why what is
/// watched can't be saved.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    v: &VmaInfo,
) -> Result<Option<&'static str>> {
    let shared = v.file.as_ref().filter(|_| v.flags & bit::MAYSHARE != 0);
    let is_locked = v.flags & (bit::LOCKED | bit::LOCKONFAULT) == bit::LOCKED;
    if v.watcher == 0 {
        let Some(file) = shared.filter(|_| is_locked) else {
            return Ok(None);
        };
        let inode = file.inode_addr();
        if cap.found.mm.missing.get(&inode).is_some() {
            return Ok(Some(LOCKED_ELSEWHERE));
        }
        let locked = &mut cap.found.mm.locked;
        locked.try_create_and_insert(inode, (), GFP_KERNEL_ACCOUNT)?;
        return Ok(None);
    }
    if cap.objects.count_only::<Watcher>(v.watcher)? {
        cap.objects.keep(Watcher {
            context: v.watcher,
            who: t.display(&cap.pid_ns),
            first: (v.start, v.end),
        })?;
    }
    if v.huge.is_some() {
        return Ok(Some(
            "huge pages of hugetlbfs that a userfaultfd watches can't be saved yet: have it \
             unregister that",
        ));
    }
    if modes(v) & WATCH_RWP != 0 && v.flags & (bit::READ | bit::WRITE | bit::EXEC) == 0 {
        return Ok(Some(
            "a userfaultfd tells of any access to it (UFFDIO_REGISTER_MODE_RWP), but there is none \
             any more (PROT_NONE), so that it can't be registered again: have it unregister that",
        ));
    }
    if modes(v) & BY_PRESENCE == 0 {
        return Ok(None);
    }
    if mapping::kind(v) == Some(VMA_FILE) {
        return Ok(Some(
            "a private mapping of a file whose missing pages a userfaultfd tells of can't be saved \
             yet: have it unregister that",
        ));
    }
    let Some(file) = shared else {
        return Ok(None);
    };
    if is_locked {
        return Ok(Some(
            "shared memory that is locked, so that all of it would be brought in, though a \
             userfaultfd tells of its missing pages: have it unlock that, or lock it on fault \
             (MLOCK_ONFAULT)",
        ));
    }
    let inode = file.inode_addr();
    let found = &mut cap.found.mm;
    found
        .watched
        .try_create_and_insert(inode, (), GFP_KERNEL_ACCOUNT)?;
    if modes(v) & WATCH_MISSING != 0 {
        found
            .missing
            .try_create_and_insert(inode, (), GFP_KERNEL_ACCOUNT)?;
        if found.locked.get(&inode).is_some() {
            return Ok(Some(LOCKED_ELSEWHERE));
        }
    }
    Ok(None)
}

/// Writes the record of what a userfaultfd watches of the mapping `v` of `mm`, if one does.
pub(super) fn save(cap: &mut Capture, mm: &MmRef, v: &VmaInfo) -> Result {
    if v.watcher == 0 {
        return Ok(());
    }
    let uffd = files::userfaultfd_reference(cap, v.watcher)?;
    let max = WATCHED_RUNS_MAX;
    let Some(found) = userfault::runs(mm, v.start, v.end, max)? else {
        return Err(too_many(cap, v));
    };
    let mut runs = KVVec::with_capacity(found.len(), GFP_KERNEL_ACCOUNT)?;
    for run in &found {
        let mut state = 0;
        for (is, bit) in [
            (run.present, PAGES_PRESENT),
            (run.protected, PAGES_PROTECTED),
            (run.poisoned, PAGES_POISONED),
        ] {
            if is {
                state |= bit;
            }
        }
        let mut at = run.start;
        while at < run.end {
            let pages = run.end.saturating_sub(at) / PAGE_SIZE;
            let pages = u32::try_from(pages).unwrap_or(u32::MAX);
            if runs.len() == max {
                return Err(too_many(cap, v));
            }
            runs.push(
                WatchedRun {
                    start: U64::new(usize_as_u64(at)),
                    pages: U32::new(pages),
                    state: U32::new(state),
                },
                GFP_KERNEL_ACCOUNT,
            )?;
            at = at.saturating_add(u32_as_usize(pages) * PAGE_SIZE);
        }
    }
    let record = Watched {
        uffd: U32::new(uffd.get()),
        modes: U32::new(modes(v)),
        runs: U32::new(u32::try_from(runs.len())?),
        reserved: U32::new(0),
    };
    cap.meta.put(&record, runs.as_bytes())
}

/// Reports that the pages of `v` are in too many places; returns the error.
fn too_many(cap: &mut Capture, v: &VmaInfo) -> Error {
    cap.report.line(fmt!(
        "error: mapping {:x}-{:x}: its pages are there, protected or poisoned in more than {} \
         places, which is all that can be saved: have the userfaultfd unregister a part of it [{}]",
        v.start,
        v.end,
        WATCHED_RUNS_MAX,
        Errno(E2BIG)
    ));
    E2BIG
}

/// Has userfaultfds watch all memory that they have watched. All tasks are parked, and have their
/// memory; buffers of io_urings, which are there, too, are registered.
fn link(r: &Restore) -> Result {
    r.each_built(|obj, mm: &BuiltMm| link_one(r, obj, &mm.mm))
}

/// Has userfaultfds watch the mappings of the address space `obj`, which is `mm`. May sleep.
fn link_one(r: &Restore, obj: ObjRef, mm: &MmRef) -> Result {
    let (record, _) = r.object_body::<Mm>(obj)?;
    let mut left = record.vmas.get();
    let mut range = (0, 0);
    let mut file = None;
    for raw in r.records_after(obj)? {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::Vma => {
                wait::go_on()?;
                left = match left.checked_sub(1) {
                    Some(left) => left,
                    None => return Ok(()),
                };
                let v: Vma = raw.body().map_err(|f| r.fault(f))?;
                range = (u64_as_usize(v.start.get()), u64_as_usize(v.end.get()));
                file = ObjRef::new(v.file.get());
            }
            Kind::Watched => watch(r, mm, range, file, &raw).map_err(|(e, what)| match e {
                EINTR => e,
                _ => r.told(
                    e,
                    fmt!(
                        "memory {:x}-{:x}, which a userfaultfd has watched: {}",
                        range.0,
                        range.1,
                        what
                    ),
                ),
            })?,
            Kind::LeftOut | Kind::Guards | Kind::Aio | Kind::HugePages | Kind::MemoryPolicy => (),
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// An error, and what could not be done.
type Failed = (Error, &'static str);

/// Has a userfaultfd watch `start..end` of `mm`, all of one mapping of `mapped`, as the record
/// `raw` says.
fn watch(
    r: &Restore,
    mm: &MmRef,
    (start, end): (usize, usize),
    mapped: Option<ObjRef>,
    raw: &Raw<'_>,
) -> Result<(), Failed> {
    let faulty = |f| (r.fault(f), "the image is faulty");
    let body: Watched = raw.body().map_err(faulty)?;
    let runs: &[WatchedRun] = raw.array(WATCHED_RUNS_MAX).map_err(faulty)?;
    let file = ObjRef::new(body.uffd.get())
        .and_then(|obj| files::userfaultfd(r, obj))
        .ok_or((EINVAL, "no task has that"))?;
    let modes = body.modes.get();
    if modes & BY_PRESENCE != 0
        && is_written(r, mapped).map_err(|e| (e, "the image is faulty"))?
        && userfault::is_filled(mm, start, end).map_err(|e| (e, "it can't be looked at"))?
    {
        return Err((
            EOPNOTSUPP,
            "it has come back in large pages of shared memory, which fill what was missing: have \
             none made (/sys/kernel/mm/transparent_hugepage/shmem_enabled, huge=never)",
        ));
    }
    for run in of_state(runs, PAGES_PRESENT) {
        bring_in(mm, run).map_err(|e| (e, "its pages can't be made"))?;
    }
    userfault::register(&file, start, end, modes).map_err(|e| {
        let why = match e {
            ENOMEM => "no memory, or too many mappings (vm.max_map_count)",
            EPERM => "it could never be written to",
            _ => "this kernel can't have it watched so",
        };
        (e, why)
    })?;
    if modes & BY_PRESENCE != 0 {
        let mut from = start;
        for (first, last) in Iterator::chain(of_state(runs, PAGES_PRESENT), [(end, end)]) {
            if from < first {
                userfault::empty(mm, from, first).map_err(|e| (e, "it can't be emptied"))?;
            }
            from = last;
        }
    }
    let protect = if modes & WATCH_RWP != 0 {
        Mark::NoAccess
    } else {
        Mark::Protected
    };
    // Where pages that are missing are not told, a large one may be in their place.
    for (first, last) in of_state(runs, PAGES_POISONED) {
        userfault::empty(mm, first, last).map_err(|e| (e, "it can't be emptied"))?;
    }
    for (state, how) in [(PAGES_PROTECTED, protect), (PAGES_POISONED, Mark::Poisoned)] {
        for run in of_state(runs, state) {
            mark(mm, &file, run, how).map_err(|e| (e, "its pages can't be marked"))?;
        }
    }
    Ok(())
}

/// Returns whether what `mapped` shows was written by this restart; else it is a file as it was
/// found, with the large pages that it had.
fn is_written(r: &Restore, mapped: Option<ObjRef>) -> Result<bool> {
    let Some(mapped) = mapped else {
        return Ok(false);
    };
    let (open, _) = r.object_body::<OpenFile>(mapped)?;
    Ok(open.kind.get() != FILE_REGULAR)
}

/// Returns the start and end of the runs that are in a state, maybe among others.
fn of_state(runs: &[WatchedRun], state: u32) -> impl Iterator<Item = (usize, usize)> + '_ {
    runs.iter()
        .filter(move |run| run.state.get() & state != 0)
        .map(|run| {
            let start = u64_as_usize(run.start.get());
            let len = u32_as_usize(run.pages.get()).saturating_mul(PAGE_SIZE);
            (start, start.saturating_add(len))
        })
}

/// Sees to it that there are pages from `start` to `end` of `mm`: where none is yet, it is one of
/// zeros, or of the file that is mapped.
fn bring_in(mm: &MmRef, (start, end): (usize, usize)) -> Result {
    let memcg = Memcg::of(mm);
    let mut pages = KVec::with_capacity(LOOK, GFP_KERNEL)?;
    let mut at = start;
    while at < end {
        wait::go_on()?;
        pages.clear();
        let max = core::cmp::min((end - at) / PAGE_SIZE, LOOK);
        memcg.charge(|| walk::readable(mm, at, max, &mut pages))?;
        at = at.saturating_add(pages.len() * PAGE_SIZE);
    }
    Ok(())
}

/// Marks the pages of `mm` from `start` to `end`, so many at a time that SIGKILL need not wait. Its
/// tasks pay for the page tables: where no page is, too, there is an entry for the mark.
fn mark(mm: &MmRef, file: &FileRef, (start, end): (usize, usize), how: Mark) -> Result {
    /// Bytes that are marked at a time.
    const STEP: usize = 1 << 30;
    let memcg = Memcg::of(mm);
    let mut at = start;
    while at < end {
        wait::go_on()?;
        let next = at.saturating_add(STEP).min(end);
        memcg.charge(|| userfault::mark(file, at, next, how))?;
        at = next;
    }
    Ok(())
}
