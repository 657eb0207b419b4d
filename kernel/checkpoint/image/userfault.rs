// SPDX-License-Identifier: GPL-2.0

//! Records of userfaultfds, and of the memory that they watch.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::{
    layout::{
        flags,
        record,
        structure, //
    },
    record::PAYLOAD_MAX, //
};

pub(super) mod check;

/// Most runs of pages of one mapping.
pub const WATCHED_RUNS_MAX: usize = PAYLOAD_MAX / size_of::<WatchedRun>();

record! {
    /// A userfaultfd, whose events were read. Messages of page faults are made again: who waits for one
    /// to be answered faults again.
    #[record(Userfaultfd = 199, "userfaultfd", min = 16, check = userfaultfd, object = userfaultfd_object)]
    pub struct Userfaultfd {
        /// Reference of this object.
        pub obj: U32,
        /// The address space that it is of; 0: no task has that any more.
        pub mm: U32,
        /// `USERFAULT_*`.
        pub flags: U32,
        /// UFFD_FEATURE_*, as of ioctl_userfaultfd(2).
        pub features: U32,
    }
}

flags! {
    "Userfaultfd.flags": u32, USERFAULT_FLAG_LIST, USERFAULT_FLAGS;
    /// UFFD_USER_MODE_ONLY: faults of system calls are none for it.
    USERFAULT_USER_ONLY = 1 << 0,
    /// Those that come of fork() are not waited for (O_NONBLOCK).
    USERFAULT_NONBLOCK = 1 << 1,
    /// Those that come of fork() are closed by execve (O_CLOEXEC).
    USERFAULT_CLOEXEC = 1 << 2,
    /// UFFDIO_API was done: it has its features.
    USERFAULT_INITIALIZED = 1 << 3,
    /// It came of fork(): a read can't be asked not to wait (RWF_NOWAIT).
    USERFAULT_FORKED = 1 << 4,
}

record! {
    /// What a userfaultfd watches of the [`Vma`](super::mm::Vma) before it: all of that. After its
    /// [`LeftOut`](super::mm::LeftOut), before its [`Guards`](super::mm::Guards). Payload:
    /// [`WatchedRun`]s by ascending address. With `WATCH_MISSING` or `WATCH_MINOR` pages that are in
    /// none of them are not there.
    #[record(Watched = 200, "watched memory", min = 16, check = watched)]
    pub struct Watched {
        /// The [`Userfaultfd`].
        pub uffd: U32,
        /// `WATCH_*`.
        pub modes: U32,
        /// Number of runs.
        pub runs: U32,
        /// Zero.
        pub reserved: U32,
    }
}

flags! {
    "Watched.modes": u32, WATCH_LIST, WATCH_ALL;
    /// UFFDIO_REGISTER_MODE_MISSING: pages that are not there.
    WATCH_MISSING = 1 << 0,
    /// UFFDIO_REGISTER_MODE_WP: writes to pages that are protected.
    WATCH_WP = 1 << 1,
    /// UFFDIO_REGISTER_MODE_MINOR: pages that are there, but not mapped.
    WATCH_MINOR = 1 << 2,
    /// UFFDIO_REGISTER_MODE_RWP: any access to pages that are protected.
    WATCH_RWP = 1 << 3,
}

structure! {
    /// Pages that follow each other and are in the same state.
    pub struct WatchedRun {
        /// Address of the first.
        pub start: U64,
        /// Number of pages.
        pub pages: U32,
        /// `PAGES_*`.
        pub state: U32,
    }
}

flags! {
    "WatchedRun.state": u32, PAGES_LIST, PAGES_ALL;
    /// They are there, with their contents or zeros.
    PAGES_PRESENT = 1 << 0,
    /// They are protected.
    PAGES_PROTECTED = 1 << 1,
    /// They are poisoned: who touches one gets SIGBUS. Alone.
    PAGES_POISONED = 1 << 2,
}
