// SPDX-License-Identifier: GPL-2.0

//! Records of memory.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::{
    layout::{
        flags,
        record,
        structure,
        values, //
    },
    record::PAYLOAD_MAX, //
};

pub(super) mod check;

/// Most mappings of one address space.
pub const VMAS_MAX: u32 = 1 << 20;

/// Most slots of hashes for futexes that all address spaces have together.
pub const FUTEX_SLOTS_MAX: u32 = 1 << 20;

/// Most bytes of an auxiliary vector.
pub const AUXV_MAX: usize = 1024;

record! {
    /// An address space; payload: auxiliary vector as pairs of U64.
    #[record(Mm = 64, "address space", min = 168, check = mm, object)]
    pub struct Mm {
        /// Reference of this object.
        pub obj: U32,
        /// The executable, an open file; 0: none.
        pub exe: U32,
        /// Number of [`Vma`] records that follow.
        pub vmas: U32,
        /// `MM_*`.
        pub flags: U32,
        /// Start and end of the program's code.
        pub code: [U64; 2],
        /// Start and end of its data.
        pub data: [U64; 2],
        /// Start and current end of the heap.
        pub brk: [U64; 2],
        /// Start of the stack.
        pub stack: U64,
        /// Start and end of the arguments.
        pub args: [U64; 2],
        /// Start and end of the environment.
        pub env: [U64; 2],
        /// Top of the area for mappings; its bottom with [`MM_BOTTOM_UP`].
        pub mmap_base: U64,
        /// Address of the vDSO's data pages, which its code follows; 0: none.
        pub vdso: U64,
        /// Bytes of both.
        pub vdso_len: U64,
        /// crc32c of the vDSO's code.
        pub vdso_crc: U32,
        /// Mappings that coredumps hold: bits as of /proc/PID/coredump_filter.
        pub dump_filter: U32,
        /// What only the architecture knows: see Documentation/checkpoint/arch/.
        pub context: [U64; 4],
        /// The vDSO with that code; 0: another one can't take its place.
        pub vdso_code: U32,
        /// Slots of its hash for private futexes, a power of two, if it was told so (PR_FUTEX_HASH);
        /// 1: it has none of its own, and never gets one; 0: that is up to the kernel.
        pub futex_slots: U32,
    }
}

flags! {
    "Mm.flags": u32, MM_FLAG_LIST, MM_FLAGS;
    /// Transparent huge pages are disabled.
    MM_THP_DISABLE = 1 << 0,
    /// Memory-deny-write-execute.
    MM_MDWE = 1 << 1,
    /// Memory-deny-write-execute is not inherited.
    MM_MDWE_NO_INHERIT = 1 << 2,
    /// Future mappings are locked.
    MM_LOCK_FUTURE = 1 << 3,
    /// Future mappings are locked as they are touched: with the one above.
    MM_LOCK_ONFAULT = 1 << 4,
    /// Mappings are placed above `mmap_base`, not below.
    MM_BOTTOM_UP = 1 << 5,
    /// Transparent huge pages are disabled but where advised.
    MM_THP_ADVISED = 1 << 6,
    /// Registered with membarrier(2) for private expedited commands.
    MM_BARRIER_PRIVATE = 1 << 8,
    /// Registered with membarrier(2) for global expedited commands.
    MM_BARRIER_GLOBAL = 1 << 9,
    /// Registered with membarrier(2) for private expedited, core-serializing commands.
    MM_BARRIER_SYNC_CORE = 1 << 10,
    /// Registered with membarrier(2) for private expedited rseq commands.
    MM_BARRIER_RSEQ = 1 << 11,
    /// All pages that can be are merged with like ones (PR_SET_MEMORY_MERGE), but for mappings of which
    /// that is not wanted any more.
    MM_MERGE_ANY = 1 << 12,
}

values! {
    "Vma.kind": u32, VMA_KINDS;
    /// Private, anonymous.
    VMA_ANON = 1,
    /// Private mapping of `file`.
    VMA_FILE = 2,
    /// Shared mapping of `file`, which may be an unlinked one.
    VMA_SHARED = 3,
    /// The vDSO or its data.
    VMA_VDSO = 4,
    /// The ring of an AIO context, whose [`Aio`] record comes next.
    VMA_AIO = 5,
    /// A page with code of the kernel that only its architecture has: Documentation/checkpoint/arch/.
    VMA_ARCH = 6,
}

/// Bits of [`Vma::flags`].
pub mod vma {
    use super::flags;

    flags! {
        "Vma.flags": u64, LIST, ALL;
        /// Readable.
        READ = 1 << 0,
        /// Writable.
        WRITE = 1 << 1,
        /// Executable.
        EXEC = 1 << 2,
        /// Grows down.
        GROWSDOWN = 1 << 3,
        /// Locked.
        LOCKED = 1 << 4,
        /// Locked as it is touched.
        LOCKONFAULT = 1 << 5,
        /// Not copied by fork.
        DONTFORK = 1 << 6,
        /// Zeroed by fork.
        WIPEONFORK = 1 << 7,
        /// Not in coredumps.
        DONTDUMP = 1 << 8,
        /// Sequential access expected.
        SEQUENTIAL = 1 << 9,
        /// Random access expected.
        RANDOM = 1 << 10,
        /// Huge pages wanted.
        HUGEPAGE = 1 << 11,
        /// Huge pages not wanted.
        NOHUGEPAGE = 1 << 12,
        /// KSM wanted.
        MERGEABLE = 1 << 13,
        /// No accounting against the overcommit limit.
        NORESERVE = 1 << 14,
        /// Sealed.
        SEALED = 1 << 15,
        /// The kernel may take its pages away at any time: they are not in the image.
        DROPPABLE = 1 << 16,
        /// Is accounted against the overcommit limit though not writable: it was once.
        ACCOUNTED = 1 << 17,
        /// arm64: targets of indirect branches are guarded (`PROT_BTI`).
        BTI = 1 << 18,
        /// arm64: has memory tags (`PROT_MTE`).
        MTE = 1 << 19,
        /// powerpc: accesses are strongly ordered (`PROT_SAO`).
        SAO = 1 << 20,
        /// Holds return addresses, and is written to by calls only.
        SHADOW_STACK = 1 << 21,
        /// Can't be made writable, as its memfd was sealed when it was mapped.
        WRITE_SEALED = 1 << 24,
    }

    /// Those that the ring of an AIO context can have.
    pub const OF_AIO: u64 = READ
        | WRITE
        | EXEC
        | DONTFORK
        | DONTDUMP
        | SEQUENTIAL
        | RANDOM
        | HUGEPAGE
        | NOHUGEPAGE
        | SEALED
        | OF_ARCH;

    /// Those that only some architectures have.
    pub const OF_ARCH: u64 = BTI | MTE | SAO | SHADOW_STACK;
}

record! {
    /// A mapping; belongs to the [`Mm`] before it. Payload: its name, if it was given one.
    #[record(Vma = 65, "mapping", min = 48, check = vma)]
    pub struct Vma {
        /// First address.
        pub start: U64,
        /// Address after the last.
        pub end: U64,
        /// `vma::*`.
        pub flags: U64,
        /// Offset in the file, in bytes.
        pub offset: U64,
        /// `VMA_*`.
        pub kind: U32,
        /// The open file that is mapped; 0: none.
        pub file: U32,
        /// Memory protection key; 0: the default one.
        pub pkey: U32,
        /// Zero.
        pub reserved: U32,
        /// Address space before this one that may have the same pages at the same addresses: of a
        /// private mapping, which shares them copy-on-write since fork(); 0: none.
        pub forked: U32,
        /// Zero.
        pub reserved2: U32,
    }
}

record! {
    /// Memory of the [`Vma`] before it whose contents were left out, as the caller of checkpoint(2)
    /// wanted it: it comes back as zeros. Before the mapping's [`Guards`].
    #[record(LeftOut = 120, "left out memory", min = 16, check = left_out)]
    pub struct LeftOut {
        /// First address.
        pub start: U64,
        /// Address after the last.
        pub end: U64,
    }
}

/// Most records of memory that was left out of one mapping: each extent in it is compared with them.
pub const GAPS_MAX: u32 = 256;

/// Most guard regions of one mapping.
pub const GUARDS_MAX: usize = PAYLOAD_MAX / size_of::<Guard>();

record! {
    /// Guard regions of the [`Vma`] before it, as of MADV_GUARD_INSTALL: who touches one gets SIGSEGV.
    /// Payload: [`Guard`]s by ascending address; no two touch. None: there are no more.
    #[record(Guards = 67, "guard regions", min = 8, check = guards)]
    pub struct Guards {
        /// Number of regions.
        pub regions: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// A guard region.
    pub struct Guard {
        /// First address.
        pub start: U64,
        /// Address after the last.
        pub end: U64,
    }
}

/// Most events that were not read of one AIO context.
pub const AIO_EVENTS_MAX: usize = PAYLOAD_MAX / size_of::<AioEvent>();

/// Most bytes of the ring of an AIO context, but for the rest of its last page: io_setup(2) makes none
/// for more than 2^23 events.
pub const AIO_RING_MAX: u64 = 1 << 28;

/// Bytes of the header of the ring of an AIO context, and of an event.
pub const AIO_SLOT: u64 = size_of::<AioEvent>() as u64;

record! {
    /// An AIO context, whose ring is the [`Vma`] before it; nothing is in flight. Payload:
    /// [`AioEvent`]s that were not read, oldest first. What else is in the ring is not in the image.
    #[record(Aio = 190, "AIO context", min = 16, check = aio)]
    pub struct Aio {
        /// How many requests it counts for, as of io_setup(2).
        pub max_reqs: U32,
        /// Where the first event that was not read is, as the program has written it: modulo the
        /// number of events for which there is room.
        pub head: U32,
        /// Where the next event is written to.
        pub tail: U32,
        /// How many of the events take the place of a request.
        pub completed: U32,
    }
}

structure! {
    /// What has come of a request: `struct io_event`.
    pub struct AioEvent {
        /// aio_data of its iocb.
        pub data: U64,
        /// Address of its iocb.
        pub obj: U64,
        /// Result.
        pub res: U64,
        /// Second result.
        pub res2: U64,
    }
}
