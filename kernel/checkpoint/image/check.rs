// SPDX-License-Identifier: GPL-2.0

//! What makes an image valid: all that can be said about it without creating anything.
//!
//! A reader proceeds so:
//!
//! 1. [`header()`] over the first [`HEADER_LEN`] bytes;
//! 2. `meta_len` bytes of metadata into memory, and [`meta_sums()`] over them with the record of their
//!    checksums that follows;
//! 3. [`counts()`], which tells how much memory step 4 needs: never more than the metadata's own
//!    length times a small constant;
//! 4. [`metadata()`] over all records, with slices of that size;
//! 5. [`Stream`] over the rest of the image, record by record.
//!
//! After step 4 every record, array, reference, path, number and flag is known to be well-formed,
//! and the tasks to form one tree. Whether the machine and the caller's privileges suffice is not
//! checked here.
//!
//! Order of records in the metadata: the [`Container`] first, what confined the tasks second; the
//! mappings of an address space right after it, the buffers of a pipe right after it; the threads
//! of a thread group with what belongs to them, the leader first, then the group's
//! [`Process`](super::task::Process); parents before children; links between objects last.

use zerocopy::{
    byteorder::little_endian::U64,
    FromBytes,
    IntoBytes, //
};

use super::{
    contents::{
        MetaSums,
        SEGMENT_LEN, //
    },
    header::{
        Reader,
        HEADER_LEN,
        META_MAX,
        OBJECTS_MAX, //
    },
    kinds::Kind,
    record::{
        Fault,
        GoOn,
        ObjRef,
        Raw,
        Records, //
    },
    task::{
        Container,
        TASKS_MAX, //
    },
    Header, //
};

mod batch;
mod extents;
pub(super) mod fields;
mod stream;
mod sum;
pub(super) mod walk;

pub use super::{
    confinement::check::split_ranges,
    task::check_state::split_note, //
};
pub use batch::{
    Descriptor,
    PageSums, //
};
pub use stream::{
    Next,
    Stream, //
};
pub use sum::{
    sealed,
    Hash, //
};
pub use walk::metadata;

/// First address that no task can have mapped: on s390, all but the last page can be.
pub const ADDRESS_MAX: u64 = u64::MAX - 4095;

/// Numbers that no pid reaches.
pub const PID_MAX: u32 = 1 << 22;

/// Most notes of one thread.
pub const NOTES_MAX: u32 = 32;

/// Most bytes of a CPU mask.
pub const AFFINITY_MAX: usize = 1024;

/// An object of the image, as [`metadata()`] found it; the one with reference `n` is at `n - 1`.
#[derive(Clone, Copy, Default)]
pub struct Object {
    /// Offset of its record in the metadata.
    offset: u64,
    /// Number of its kind; 0: no object has this reference.
    kind: u16,
    /// What [`metadata()`] must remember: `FILE_*` of a file, depth of a pid namespace, 1 for a
    /// named pipe, 1 for an inode with a directory, 1 for a network namespace that stays outside.
    pub(super) detail: u32,
    /// Something that wants it for itself refers to it.
    taken: bool,
    /// A link tells what it is to others.
    linked: bool,
    /// Such a link must come.
    owes_link: bool,
    /// First address that the next extent may have.
    next: u64,
    /// Offset in the metadata of the mapping that the last extent ended in; 0: none yet.
    cursor: u64,
    /// Its [`Run`]s: number of the first one, and of that after the last.
    runs: (usize, usize),
    /// Some of its extents have come.
    has_extents: bool,
}

/// A range of addresses of an address space whose contents have come, for [`Stream`].
#[derive(Clone, Copy, Default)]
pub struct Run {
    start: u64,
    end: u64,
}

impl Object {
    /// Returns its kind; `None` if no object has this reference.
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.kind)
    }

    /// Returns the offset of its record in the metadata.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns its record; `at` as given to [`metadata()`].
    pub fn record<'a>(&self, meta: &'a [u8], at: u64) -> Result<Raw<'a>, Fault> {
        record_at(meta, at, self.offset)
    }
}

/// Returns the object with reference `r`.
pub fn object(objects: &[Object], r: ObjRef) -> Option<&Object> {
    let n = usize::try_from(r.get()).ok()?.checked_sub(1)?;
    objects.get(n).filter(|o| o.kind != 0)
}

/// A pid of the image: of a task, or of none. [`metadata()`] sorts them by number.
#[derive(Clone, Copy, Default)]
pub struct Pid {
    /// Offset of its record in the metadata.
    offset: u64,
    /// The number.
    pub(super) tid: u32,
    /// The thread group; 0: no task.
    pub(super) tgid: u32,
    /// `TASK_*` state.
    pub(super) state: u32,
    /// Session of the task; of a pid without task that is a process group: session of those in it.
    pub(super) sid: u32,
    /// Parent of the task.
    pub(super) parent: u32,
    /// Records that belong to it and were seen.
    pub(super) seen: u32,
}

impl Pid {
    /// Returns the number.
    pub fn tid(&self) -> u32 {
        self.tid
    }

    /// Returns whether there is a task with it.
    pub fn is_task(&self) -> bool {
        self.tgid != 0
    }

    /// Returns whether the task leads a thread group.
    pub fn is_leader(&self) -> bool {
        self.tgid != 0 && self.tgid == self.tid
    }

    /// Returns the offset of its record in the metadata.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// Finds the pid with number `tid`.
pub fn pid(pids: &[Pid], tid: u32) -> Option<&Pid> {
    let n = pids.binary_search_by_key(&tid, |p| p.tid).ok()?;
    pids.get(n)
}

/// How many there are of what needs memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records of metadata.
    pub records: usize,
    /// [`Object`]s that [`metadata()`] needs.
    pub objects: usize,
    /// [`Pid`]s that [`metadata()`] needs.
    pub pids: usize,
}

/// What an image holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records of metadata.
    pub records: u64,
    /// Threads, the exited ones included.
    pub tasks: u32,
    /// Thread groups.
    pub processes: u32,
    /// Address spaces.
    pub mms: u32,
    /// Mappings.
    pub vmas: u64,
    /// Open files.
    pub files: u32,
    /// Descriptors.
    pub fds: u64,
    /// Pipes.
    pub pipes: u32,
    /// Bytes in pipes.
    pub pipe_bytes: u64,
    /// Bytes that are mapped.
    pub mapped: u64,
}

/// Reads and checks the header of an image.
pub fn header(hash: Hash, bytes: &[u8], reader: &Reader) -> Result<Header, Fault> {
    let short = Fault::framing(0, "not a checkpoint image (shorter than a header)");
    let bytes = bytes.get(..HEADER_LEN).ok_or(short)?;
    let header = Header::read_from_bytes(bytes).map_err(|_| short)?;
    header.check(sealed(hash, bytes, &[]), reader)?;
    Ok(header)
}

/// Checks the metadata `meta` by the record with its checksums, which is `bytes`. Where `go_on`
/// says no, there is a fault.
pub fn meta_sums(
    hash: Hash,
    bytes: &[u8],
    meta: &[u8],
    header: &Header,
    go_on: GoOn<'_>,
) -> Result<(), Fault> {
    let (raw, _) = super::record::parse(bytes, header.meta_end())?;
    let sums: MetaSums = raw.body()?;
    if sealed(hash, sums.as_bytes(), &[raw.payload]) != sums.sum.get() {
        return Err(raw.fault("checksum of the checksums is wrong"));
    }
    if sums.header != header.sum {
        return Err(raw.fault("belongs to another image"));
    }
    let wanted: &[U64] = raw.array(META_MAX as usize / SEGMENT_LEN)?;
    if meta.len() as u64 != header.meta_len.get() || wanted.len() as u64 != header.segments() {
        return Err(raw.fault("number of checksums is not as announced"));
    }
    let mut at = HEADER_LEN as u64;
    for (segment, sum) in meta.chunks(SEGMENT_LEN).zip(wanted) {
        if !go_on() {
            return Err(Fault::framing(at, "reading was interrupted"));
        }
        if hash(0, segment) != sum.get() {
            return Err(Fault::framing(at, "checksum of the metadata is wrong"));
        }
        at = at.saturating_add(SEGMENT_LEN as u64);
    }
    Ok(())
}

/// Returns the record at `offset` of the metadata, which lies `at` bytes into the image.
pub fn record_at(meta: &[u8], at: u64, offset: u64) -> Result<Raw<'_>, Fault> {
    let at = at.saturating_add(offset);
    let outside = Fault::framing(at, "offset outside of the metadata");
    let offset = usize::try_from(offset).map_err(|_| outside)?;
    let bytes = meta.get(offset..).ok_or(outside)?;
    Ok(super::record::parse(bytes, at)?.0)
}

/// Returns the container of the metadata: its first record.
pub fn container(meta: &[u8], at: u64) -> Result<Container, Fault> {
    let raw = Records::new(meta, at)
        .next()
        .ok_or(Fault::framing(at, "no metadata"))??;
    if raw.kind != Kind::Container {
        return Err(raw.fault("the first record is not a container"));
    }
    raw.body()
}

/// Counts what [`metadata()`] needs memory for, in the metadata `meta` that lies `at` bytes into
/// the image. The framing of all records is checked. Where `go_on` says no, there is a fault.
pub fn counts(meta: &[u8], at: u64, go_on: GoOn<'_>) -> Result<Counts, Fault> {
    let container = container(meta, at)?;
    let mut counts = Counts::default();
    let mut tasks: u32 = 0;
    for raw in Records::asking(meta, at, go_on) {
        let raw = raw?;
        counts.records = counts.records.saturating_add(1);
        match raw.kind {
            Kind::Task => {
                tasks = tasks.saturating_add(1);
                counts.pids = counts.pids.saturating_add(1);
            }
            Kind::DeadPid => counts.pids = counts.pids.saturating_add(1),
            _ => (),
        }
    }
    let bad = |why| Fault {
        at,
        kind: Kind::Container.number(),
        why,
    };
    if tasks == 0 || tasks > TASKS_MAX || tasks != container.tasks.get() {
        return Err(bad(
            "number of tasks is zero, too large or not as announced",
        ));
    }
    if container.objects.get() > OBJECTS_MAX {
        return Err(bad("too many objects"));
    }
    counts.objects = usize::try_from(container.objects.get())
        .ok()
        .filter(|&n| n <= counts.records)
        .ok_or(bad("more object references than records"))?;
    if counts.pids > 3 * TASKS_MAX as usize {
        return Err(bad("too many pids without task"));
    }
    Ok(counts)
}
