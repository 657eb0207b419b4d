// SPDX-License-Identifier: GPL-2.0

//! Lists of all structures and of all values, for those who print them.

use super::{
    confinement::{
        self,
        IdRange, //
    },
    contents::{
        self,
        Extent,
        IndexEntry, //
    },
    controls,
    epoll::{
        self,
        EpollItem, //
    },
    files::{
        self,
        uring::{
            UringBuffer,
            UringFile,
            UringFutex,
            UringPersonality,
            UringProvided,
            UringRequest,
            UringVec, //
        },
        Fd,
        Lock, //
    },
    header::{
        self,
        Header, //
    },
    huge::{
        self,
        HugeRange, //
    },
    ipc::{
        self,
        Semaphore, //
    },
    kinds::Kind,
    labels,
    layout::{
        Defined,
        Structure,
        Values, //
    },
    mm::{
        self,
        AioEvent,
        Guard, //
    },
    mount,
    net::{
        self,
        filter::FilterStep,
        packet::PacketMember,
        tun::TunSlot,
        SocketOption, //
    },
    notify,
    ns,
    policy,
    record::RecordHeader,
    seccomp::{
        self,
        Instruction, //
    },
    task::{
        self,
        Action,
        Note,
        Timer, //
    },
    trace,
    userfault::{
        self,
        WatchedRun, //
    }, //
};

/// The structures that are not the body of a record: those of the framing, and elements of
/// payloads.
pub const OTHERS: &[&Structure] = &[
    &Header::STRUCTURE,
    &RecordHeader::STRUCTURE,
    &Note::STRUCTURE,
    &Action::STRUCTURE,
    &Timer::STRUCTURE,
    &Instruction::STRUCTURE,
    &Guard::STRUCTURE,
    &HugeRange::STRUCTURE,
    &WatchedRun::STRUCTURE,
    &AioEvent::STRUCTURE,
    &Extent::STRUCTURE,
    &IndexEntry::STRUCTURE,
    &Fd::STRUCTURE,
    &Lock::STRUCTURE,
    &EpollItem::STRUCTURE,
    &UringFile::STRUCTURE,
    &UringPersonality::STRUCTURE,
    &UringBuffer::STRUCTURE,
    &UringFutex::STRUCTURE,
    &UringRequest::STRUCTURE,
    &UringVec::STRUCTURE,
    &UringProvided::STRUCTURE,
    &IdRange::STRUCTURE,
    &Semaphore::STRUCTURE,
    &SocketOption::STRUCTURE,
    &PacketMember::STRUCTURE,
    &TunSlot::STRUCTURE,
    &FilterStep::STRUCTURE,
];

/// Returns all structures.
pub fn structures() -> impl Iterator<Item = &'static Structure> {
    let bodies = Kind::ALL.iter().map(|kind| kind.structure());
    OTHERS.iter().copied().chain(bodies)
}

/// Returns the structure with that name.
pub fn structure(name: &str) -> Option<&'static Structure> {
    structures().find(|s| s.name == name)
}

/// The values of all fields that have named ones.
pub const VALUES: &[&Values] = &[
    &header::arch::LIST,
    &header::COMPAT_LIST,
    &header::INCOMPAT_LIST,
    &task::CONTAINER_FLAG_LIST,
    &task::TASK_STATES,
    &task::TASK_FLAG_LIST,
    &task::RESTART_KINDS,
    &task::PROCESS_FLAG_LIST,
    &task::TIMERS_FLAG_LIST,
    &task::TIMER_NOTIFIES,
    &task::TIMER_STATES,
    &task::TIMER_FLAG_LIST,
    &seccomp::SECCOMP_FILTER_FLAG_LIST,
    &seccomp::SECCOMP_MODES,
    &controls::CONTROL_FLAG_LIST,
    &controls::DEADLINE_FLAG_LIST,
    &trace::TRACED_FLAG_LIST,
    &trace::TRACED_STOPS,
    &mm::MM_FLAG_LIST,
    &mm::VMA_KINDS,
    &mm::vma::LIST,
    &huge::HUGE_FLAG_LIST,
    &policy::POLICY_MODES,
    &policy::POLICY_FLAG_LIST,
    &userfault::USERFAULT_FLAG_LIST,
    &userfault::WATCH_LIST,
    &userfault::PAGES_LIST,
    &contents::EXTENT_KINDS,
    &files::NOTIFY_LIST,
    &files::FILE_KINDS,
    &files::open::LIST,
    &files::INODE_FLAG_LIST,
    &files::TIMERFD_CLOCKS,
    &files::timerfd::LIST,
    &files::uring::URING_FLAG_LIST,
    &files::uring::URING_REQUEST_KINDS,
    &files::uring::URING_CHILDREN,
    &files::uring::request::LIST,
    &files::uring::timeout::LIST,
    &files::uring::URING_IO_OPS,
    &files::uring::connect::LIST,
    &notify::FANOTIFY_HOW_LIST,
    &notify::FANOTIFY_FID_KINDS,
    &notify::INOTIFY_EVENT_FLAG_LIST,
    &files::LOCK_KINDS,
    &files::OWNER_KINDS,
    &files::LEASE_LIST,
    &files::seal::LIST,
    &epoll::EPOLL_STATES,
    &epoll::epoll::LIST,
    &ns::NETNS_FLAG_LIST,
    &ns::REQUEST_KINDS,
    &ns::REQUEST_FLAG_LIST,
    &ns::MOVED_FLAG_LIST,
    &ipc::SEGMENT_FLAG_LIST,
    &ipc::QUEUE_FLAG_LIST,
    &ipc::QUEUE_NOTIFIES,
    &confinement::CONFINEMENT_FLAG_LIST,
    &labels::LABEL_ATTRS,
    &mount::MOUNT_KINDS,
    &net::SOCKET_KINDS,
    &net::SOCKET_FORMS,
    &net::SOCKET_OPTIONS,
    &net::netlink::NETLINK_LIST,
    &net::netlink::NETLINK_MESSAGE_LIST,
    &net::packet::PACKET_LIST,
    &net::tun::TUN_HAS_LIST,
    &net::tun::TUN_QUEUE_LIST,
    &net::tun::TUN_PACKET_LIST,
    &net::member::MEMBER_KINDS,
    &net::header::HEADER_KINDS,
    &net::errqueue::ERROR_ORIGINS,
    &net::errqueue::ERROR_FLAG_LIST,
    &net::options::SOCKET_OPTIONS_IP,
    &net::options::SOCKET_OPTIONS_IPV6,
    &net::options::SOCKET_OPTIONS_RAW,
    &net::options::SOCKET_OPTIONS_UDP,
    &net::inet::INET_STATES,
    &net::inet::INET_LOCK_LIST,
    &net::inet::INET_SHUT_LIST,
    &net::options::SOCKET_OPTIONS_TCP,
    &net::tcp::TCP_STATES,
    &net::tcp::TCP_FLAG_LIST,
    &net::tcp::OUTSIDE_FLAG_LIST,
    &net::mptcp::MPTCP_STATES,
    &net::packet::FRAME_LIST,
    &net::tcp_key::TCP_AO_FLAG_LIST,
    &net::tcp_key::TCP_KEY_KINDS,
    &net::tcp_key::TCP_KEY_FLAG_LIST,
    &net::tcp_key::TCP_KEY_ALGORITHMS,
    &net::udp::UDP_CORK_FLAG_LIST,
    &net::unix::UNIX_STATES,
    &net::unix::UNIX_SHUT_LIST,
    &net::unix::SCM_LIST,
    &net::unix::MESSAGE_LIST,
];

/// Returns the values of the field `of`, such as `Task.state`.
pub fn values(of: &str) -> Option<&'static Values> {
    VALUES.iter().copied().find(|v| v.of == of)
}
