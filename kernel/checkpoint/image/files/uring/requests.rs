// SPDX-License-Identifier: GPL-2.0

//! Records of requests of io_urings.

use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    FromBytes, //
};

use crate::image::{
    layout::{
        flags,
        record,
        structure,
        values, //
    },
    record::Raw, //
};

/// Most requests of an io_uring.
pub const REQUESTS_MAX: u32 = 1 << 20;

/// Most pieces of memory of a request.
pub const VECS_MAX: usize = 1 << 10;

/// Most bytes of the address of a peer.
pub const NAME_MAX: usize = 128;

/// Most futexes that a request waits for.
pub const FUTEXES_MAX: u32 = 128;

/// Most futexes of one record.
pub const FUTEXES_OF_RECORD_MAX: usize = 1 << 12;

/// Most requests of one record.
pub const REQUESTS_OF_RECORD_MAX: usize = 1 << 11;

record! {
    /// Requests of the io_uring before it that wait for something; payload: [`UringRequest`]s, timeouts
    /// in the order in which the kernel has them. There may be more than one for an io_uring.
    #[record(UringRequests = 202, "io_uring requests", min = 8, check = uring_requests)]
    pub struct UringRequests {
        /// How many.
        pub requests: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// A request of an io_uring that waits for a file, a time, a futex or a child. What is of another kind is
    /// zero.
    pub struct UringRequest {
        /// What its completion has.
        pub user_data: U64,
        /// When the timeout ends, on the clock of the tasks, in nanoseconds; or the address of the futex,
        /// or of where what is known of the child is to be written.
        pub expires: U64,
        /// Nanoseconds until it ends once more; 0: it does not.
        pub interval: U64,
        /// Who has submitted it.
        pub task: U32,
        /// `URING_REQUEST_*`.
        pub kind: U32,
        /// `request::*`.
        pub flags: U32,
        /// The open file that it waits for.
        pub file: U32,
        /// Where that is registered, if the request goes by that.
        pub index: U32,
        /// Events that it waits for, as of epoll_ctl(2).
        pub events: U32,
        /// The clock that the timeout ends by, `TIMERFD_CLOCK_*`.
        pub clock: U32,
        /// `timeout::*`.
        pub timeout: U32,
        /// Completions, or expiries, that the timeout was to wait for; or what the futex was to have; how
        /// many futexes there are, or which has woken it; or `URING_CHILD_*`.
        pub off: U32,
        /// Expiries that are left; or options of waitid(2).
        pub repeats: U32,
        /// The completion that ends it; or bits of a wakeup of the futex that wake it; or the number of the
        /// child or process group, as the task knows it.
        pub target: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// Futexes of the requests before it that wait for several; payload: [`UringFutex`]es, in the order of
    /// the requests and then as they were given. There may be more than one for an io_uring.
    #[record(UringFutexes = 259, "io_uring futexes", min = 8, check = uring_futexes)]
    pub struct UringFutexes {
        /// How many.
        pub futexes: U32,
        /// Zero.
        pub reserved: U32,
    }
}

structure! {
    /// A futex that a request waits for, FUTEX2_SIZE_U32.
    pub struct UringFutex {
        /// Its address.
        pub addr: U64,
        /// What it was to have.
        pub value: U32,
        /// 1: other address spaces may have it, too.
        pub shared: U32,
    }
}

record! {
    /// A request of the io_uring before it that has met a file that was not ready, and does what it is to
    /// do when that is; payload: [`UringVec`]s, and then the address of a peer. What an operation does
    /// not have is zero.
    #[record(UringIo = 205, "io_uring io", min = 112, check = uring_io)]
    pub struct UringIo {
        /// What its completion has.
        pub user_data: U64,
        /// Address of the memory, of the message, or where the address of a peer goes.
        pub addr: U64,
        /// Where the length of that goes, or the name of who has sent.
        pub addr2: U64,
        /// Address of control messages.
        pub control: U64,
        /// Bytes of them.
        pub control_len: U64,
        /// Position in the file; all bits set: the file's own.
        pub pos: U64,
        /// Who has submitted it.
        pub task: U32,
        /// `URING_IO_*`.
        pub op: U32,
        /// `request::*`.
        pub flags: U32,
        /// The open file that it waits for.
        pub file: U32,
        /// Where that is registered, if the request goes by that.
        pub index: U32,
        /// Length, or pieces of memory, as it was asked for.
        pub len: U32,
        /// Flags of accept4(2), recvmsg(2), sendmsg(2) or preadv2(2).
        pub op_flags: U32,
        /// IORING_ACCEPT_*, IORING_RECVSEND_*, an I/O priority, or how far connect(2) has come
        /// (`connect::*`).
        pub io_flags: U32,
        /// Where what is accepted is registered, and one more; or the write stream.
        pub slot: U32,
        /// Bytes that were sent or received.
        pub done: U32,
        /// What is accepted gets a descriptor below that.
        pub nofile: U32,
        /// Pieces of memory that are left.
        pub vecs: U32,
        /// Bytes of the address of a peer.
        pub name: U32,
        /// The group from which it gets a buffer.
        pub group: U32,
        /// Bytes that it receives at a time, if it does so many times; or bytes of a name.
        pub limit: U32,
        /// Bytes that it may receive altogether; 0: any number.
        pub total: U32,
    }
}

record! {
    /// A request of the io_uring before it that was not issued yet: it waits for the one before it in a
    /// chain, or is at the head of one; payload as of [`UringIo`], or [`UringFutex`]es. Those of a chain
    /// come in their order, and chains in that of the requests at their heads. What an operation does not
    /// have is zero.
    #[record(UringLink = 262, "io_uring link", min = 128, check = uring_link)]
    pub struct UringLink {
        /// What its completion has.
        pub user_data: U64,
        /// As of [`UringIo`], like the next four; or the address of a futex, or of what is to be told of a
        /// child.
        pub addr: U64,
        /// See there.
        pub addr2: U64,
        /// See there.
        pub control: U64,
        /// See there.
        pub control_len: U64,
        /// Position in the file; all bits set: the file's own.
        pub pos: U64,
        /// When its timer ends, on the clock of the tasks, or for how long it runs, in nanoseconds.
        pub time: U64,
        /// The head of its chain, counted from 0: requests that wait for a file or a time, then those that
        /// wait to do something with a file, then those that are at the head and were not issued yet,
        /// whose head is their own number.
        pub head: U32,
        /// `URING_IO_*`, or `URING_LINK_*`.
        pub op: U32,
        /// `request::*`.
        pub flags: U32,
        /// The descriptor that it is for; or the place of a registered file; or the number of a child, of a
        /// process group, or of a pidfd.
        pub fd: U32,
        /// Length, or pieces of memory, as it was asked for; the result of IORING_OP_NOP; what a futex is to
        /// have; how many futexes there are; or P_* of waitid(2).
        pub len: U32,
        /// Flags of accept4(2), recvmsg(2), sendmsg(2) or preadv2(2), or IORING_NOP_*; or bits of a wakeup
        /// of the futex that wake it; or options of waitid(2).
        pub op_flags: U32,
        /// IORING_ACCEPT_*, IORING_RECVSEND_*, or an I/O priority.
        pub io_flags: U32,
        /// Where what is accepted is registered, and one more; or the write stream.
        pub slot: U32,
        /// What is accepted gets a descriptor below that.
        pub nofile: U32,
        /// Pieces of memory.
        pub vecs: U32,
        /// Bytes of the address of a peer.
        pub name: U32,
        /// The group from which it gets a buffer.
        pub group: U32,
        /// Bytes that it receives at a time, if it does so many times; or bytes of a name.
        pub limit: U32,
        /// Bytes that it may receive altogether; 0: any number.
        pub total: U32,
        /// Events that it waits for, as of epoll_ctl(2).
        pub events: U32,
        /// The clock of its timer, `TIMERFD_CLOCK_*`.
        pub clock: U32,
        /// `timeout::*`.
        pub timeout: U32,
        /// Completions, or expiries, that the timeout is to wait for.
        pub off: U32,
        /// Who has submitted it, if it is at the head of its chain; 0: it waits for the one before it.
        pub task: U32,
        /// Zero.
        pub reserved: U32,
    }
}

impl UringLink {
    /// Returns what it has in common with a request that was issued, which has a task and a file, too.
    pub fn io(&self) -> UringIo {
        UringIo {
            user_data: self.user_data,
            addr: self.addr,
            addr2: self.addr2,
            control: self.control,
            control_len: self.control_len,
            pos: self.pos,
            task: 0.into(),
            op: self.op,
            flags: self.flags,
            file: 0.into(),
            index: 0.into(),
            len: self.len,
            op_flags: self.op_flags,
            io_flags: self.io_flags,
            slot: self.slot,
            done: 0.into(),
            nofile: self.nofile,
            vecs: self.vecs,
            name: self.name,
            group: self.group,
            limit: self.limit,
            total: self.total,
        }
    }

    /// Returns one that has only that.
    pub fn of(io: &UringIo) -> Self {
        Self {
            user_data: io.user_data,
            addr: io.addr,
            addr2: io.addr2,
            control: io.control,
            control_len: io.control_len,
            pos: io.pos,
            time: 0.into(),
            head: 0.into(),
            op: io.op,
            flags: io.flags,
            fd: 0.into(),
            len: io.len,
            op_flags: io.op_flags,
            io_flags: io.io_flags,
            slot: io.slot,
            nofile: io.nofile,
            vecs: io.vecs,
            name: io.name,
            group: io.group,
            limit: io.limit,
            total: io.total,
            events: 0.into(),
            clock: 0.into(),
            timeout: 0.into(),
            off: 0.into(),
            task: 0.into(),
            reserved: 0.into(),
        }
    }
}

structure! {
    /// A piece of memory of a request.
    pub struct UringVec {
        /// Its address.
        pub addr: U64,
        /// Its bytes.
        pub len: U64,
    }
}

values! {
    "UringIo.op": u32, URING_IO_OPS;
    /// IORING_OP_READV.
    URING_IO_READV = 1,
    /// IORING_OP_WRITEV.
    URING_IO_WRITEV = 2,
    /// IORING_OP_SENDMSG.
    URING_IO_SENDMSG = 9,
    /// IORING_OP_RECVMSG.
    URING_IO_RECVMSG = 10,
    /// IORING_OP_ACCEPT.
    URING_IO_ACCEPT = 13,
    /// IORING_OP_CONNECT.
    URING_IO_CONNECT = 16,
    /// IORING_OP_READ.
    URING_IO_READ = 22,
    /// IORING_OP_WRITE.
    URING_IO_WRITE = 23,
    /// IORING_OP_SEND.
    URING_IO_SEND = 26,
    /// IORING_OP_RECV.
    URING_IO_RECV = 27,
    /// IORING_OP_READ_MULTISHOT.
    URING_IO_READ_MULTISHOT = 49,
}

values! {
    "UringLink.op": u32, URING_LINK_OPS;
    /// IORING_OP_NOP.
    URING_LINK_NOP = 0,
    /// IORING_OP_POLL_ADD.
    URING_LINK_POLL = 6,
    /// IORING_OP_TIMEOUT.
    URING_LINK_TIMEOUT = 11,
    /// IORING_OP_LINK_TIMEOUT: the timeout of the request before it.
    URING_LINK_LINK_TIMEOUT = 15,
    /// IORING_OP_WAITID.
    URING_LINK_CHILD = 50,
    /// IORING_OP_FUTEX_WAIT, FUTEX2_SIZE_U32.
    URING_LINK_FUTEX = 51,
    /// IORING_OP_FUTEX_WAITV, of such futexes.
    URING_LINK_FUTEXES = 53,
}

/// Returns the pieces of memory of a request, whose record is `raw`, of which there are `vecs`, and the
/// address of a peer; `None`: they are not there.
pub fn io_parts<'a>(raw: &Raw<'a>, vecs: u32) -> Option<(&'a [UringVec], &'a [u8])> {
    let vecs = (vecs as usize).checked_mul(size_of::<UringVec>())?;
    let (vecs, name) = raw.payload.split_at_checked(vecs)?;
    Some((<[UringVec]>::ref_from_bytes(vecs).ok()?, name))
}

/// Bits of [`UringIo::io_flags`] of connect(2).
pub mod connect {
    use super::flags;

    flags! {
        "UringIo.io_flags": u32, LIST, ALL;
        /// It was begun.
        BEGUN = 1 << 0,
        /// It was aborted once.
        ABORTED = 1 << 1,
    }
}

values! {
    "UringRequest.kind": u32, URING_REQUEST_KINDS;
    /// IORING_OP_POLL_ADD: it waits for a file.
    URING_REQUEST_POLL = 1,
    /// IORING_OP_TIMEOUT: it waits for a time.
    URING_REQUEST_TIMEOUT = 2,
    /// IORING_OP_FUTEX_WAIT: it waits for a futex, FUTEX2_SIZE_U32.
    URING_REQUEST_FUTEX = 3,
    /// IORING_OP_FUTEX_WAITV: it waits for one of several such futexes ([`UringFutexes`]).
    URING_REQUEST_FUTEXES = 4,
    /// IORING_OP_WAITID: it waits for a child.
    URING_REQUEST_CHILD = 5,
    /// IORING_OP_FUTEX_WAIT that was woken: its task is still to be told.
    URING_REQUEST_WOKEN = 6,
    /// IORING_OP_FUTEX_WAITV that was woken by the futex at the place `off`.
    URING_REQUEST_WOKEN_BY = 7,
}

values! {
    "UringRequest.off": u32, URING_CHILDREN;
    /// P_ALL: any child.
    URING_CHILD_ANY = 0,
    /// P_PID, or P_PIDFD.
    URING_CHILD_PID = 1,
    /// P_PGID.
    URING_CHILD_GROUP = 2,
}

/// Bits of [`UringRequest::flags`].
pub mod request {
    use super::flags;

    flags! {
        "UringRequest.flags": u32, LIST, ALL;
        /// IOSQE_FIXED_FILE.
        FIXED = 1 << 0,
        /// IOSQE_ASYNC.
        ASYNC = 1 << 1,
        /// IOSQE_CQE_SKIP_SUCCESS.
        SKIP = 1 << 2,
        /// Its file has, or may have, something to report that nobody has looked at.
        PENDING = 1 << 3,
        /// IOSQE_BUFFER_SELECT: it gets a buffer when there is something for it.
        SELECT = 1 << 4,
        /// IOSQE_IO_LINK: what comes after it waits for it.
        LINK = 1 << 5,
        /// IOSQE_IO_HARDLINK: the same, whatever becomes of it.
        HARDLINK = 1 << 6,
        /// The timer of an IORING_OP_LINK_TIMEOUT runs.
        ARMED = 1 << 7,
        /// Other address spaces may have the futex, too: not FUTEX2_PRIVATE.
        SHARED = 1 << 8,
        /// IOSQE_IO_DRAIN, of it or of one that comes after it in its chain.
        DRAIN = 1 << 9,
        /// It was drained, and what comes after it is issued when it has ended.
        ALONE = 1 << 10,
        /// It keeps the credentials that its task has, whatever that gets.
        CREDS = 1 << 11,
        /// It is at the head of a chain that is issued when all before it have ended.
        DEFERRED = 1 << 12,
    }
}

/// Bits of [`UringRequest::timeout`].
pub mod timeout {
    use super::flags;

    flags! {
        "UringRequest.timeout": u32, LIST, ALL;
        /// IORING_TIMEOUT_ABS.
        ABS = 1 << 0,
        /// IORING_TIMEOUT_BOOTTIME.
        BOOTTIME = 1 << 2,
        /// IORING_TIMEOUT_REALTIME.
        REALTIME = 1 << 3,
        /// IORING_TIMEOUT_ETIME_SUCCESS.
        ETIME_SUCCESS = 1 << 5,
        /// IORING_TIMEOUT_MULTISHOT.
        MULTISHOT = 1 << 6,
    }
}
