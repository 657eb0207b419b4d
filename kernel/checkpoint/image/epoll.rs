// SPDX-License-Identifier: GPL-2.0

//! Records of epoll instances.

use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

use super::layout::{
    flags,
    record,
    structure,
    values, //
};

pub(super) mod check;

/// Most items of one record.
pub const ITEMS_MAX: usize = 1 << 13;

record! {
    /// An epoll instance. What is registered with it is in links ([`EpollItems`]).
    #[record(Epoll = 107, "epoll instance", min = 16, check = epoll, object)]
    pub struct Epoll {
        /// Reference of this object.
        pub obj: U32,
        /// For how many microseconds network devices are polled, as of EPIOCSPARAMS.
        pub busy_poll_usecs: U32,
        /// How many packets that takes at a time; 0: as many as the kernel likes.
        pub busy_poll_budget: U32,
        /// 1: it is preferred to interrupts.
        pub prefer_busy_poll: U32,
    }
}

record! {
    /// A link: what is registered with an epoll instance; payload: [`EpollItem`]s, those on its ready
    /// list in the order of that. There may be more than one for an instance.
    #[record(EpollItems = 224, "epoll items", min = 8, check = epoll_items)]
    pub struct EpollItems {
        /// The [`Epoll`].
        pub epoll: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// A file that is registered with an epoll instance.
    pub struct EpollItem {
        /// What is reported with its events.
        pub data: U64,
        /// `epoll::*`, and other events as of epoll_ctl(2).
        pub events: U32,
        /// The open file.
        pub file: U32,
        /// The descriptor by which it was registered. It may be closed since, or be another file's.
        pub fd: U32,
        /// `EPOLL_*`.
        pub state: U32,
        /// Of a signalfd: the signal handlers of the process that has registered it, for whose
        /// signals it waits. Of other files 0.
        pub signals: U32,
        /// Zero.
        pub reserved: U32,
    }
}

values! {
    "EpollItem.state": u32, EPOLL_STATES;
    /// Is not on the ready list, and its file had nothing to report.
    EPOLL_IDLE = 0,
    /// Is on the ready list.
    EPOLL_READY = 1,
    /// Is not on the ready list, though its file has something to report: it was reported.
    EPOLL_REPORTED = 2,
}

/// Bits of [`EpollItem::events`] that have a meaning here. Any other bit may be set: the kernel
/// keeps what it is given.
// As the flags of other records: by what they are of.
#[allow(clippy::module_inception)]
pub mod epoll {
    use super::flags;

    flags! {
        "EpollItem.events": u32, LIST, ALL;
        /// EPOLLIN.
        IN = 1 << 0,
        /// EPOLLOUT.
        OUT = 1 << 2,
        /// EPOLLERR.
        ERR = 1 << 3,
        /// EPOLLHUP.
        HUP = 1 << 4,
        /// EPOLLEXCLUSIVE.
        EXCLUSIVE = 1 << 28,
        /// EPOLLWAKEUP.
        WAKEUP = 1 << 29,
        /// EPOLLONESHOT.
        ONESHOT = 1 << 30,
        /// EPOLLET.
        ET = 1 << 31,
    }

    /// All that may be asked for together with [`EXCLUSIVE`].
    pub const WITH_EXCLUSIVE: u32 = ALL & !ONESHOT;

    /// What says how events are reported, and not which. Nothing else is left of an item that was
    /// reported with [`ONESHOT`].
    pub const HOW: u32 = EXCLUSIVE | WAKEUP | ONESHOT | ET;
}
