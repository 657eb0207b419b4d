// SPDX-License-Identifier: GPL-2.0

//! The kinds of record: the list of all, each with the structure of its body, which has its
//! number and its name.
//!
//! A number is never reused. Those of a kind that is not supported yet are left free in its
//! group: 1 image, 16 tasks, 64 memory, 96 files, 128 namespaces, 176 IPC, 192 security, 196
//! sockets, 208 memory policies, 210 contents, 213 tracing, 216 mounts, 224 links between objects that stand
//! before; but 233 to 236 security labels, 243 and 244 open files, 260 scheduling, 262 requests of io_urings,
//! 266 vDSOs and 278 rings of packet sockets, which stand with what has them.

use super::{
    check::walk::{
        Check,
        Checked,
        Define, //
    },
    confinement,
    contents,
    controls,
    epoll,
    files,
    header,
    huge,
    ipc,
    labels,
    layout::{
        Defined,
        Structure, //
    },
    mm,
    mount,
    net,
    notify,
    ns,
    policy,
    record::Body,
    seccomp,
    sharing,
    task,
    trace,
    userfault,
    vdso, //
};

macro_rules! kinds {
    ($($name:ident: $body:path,)*) => {
        /// Kind of a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Kind {
            $(
                #[doc = concat!("[`", stringify!($body), "`]")]
                $name = <$body as Body>::NUMBER,
            )*
        }

        impl Kind {
            /// All kinds, in the order of their numbers.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// Returns the kind with number `n`.
            pub fn from_number(n: u16) -> Option<Self> {
                match n {
                    $(n if n == <$body as Body>::NUMBER => Some(Kind::$name),)*
                    _ => None,
                }
            }

            /// Returns the name for messages.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$name => <$body as Body>::TEXT,)*
                }
            }

            /// Returns the structure of its body.
            pub fn structure(self) -> &'static Structure {
                match self {
                    $(Kind::$name => &<$body as Defined>::STRUCTURE,)*
                }
            }

            /// Returns the bytes of the shortest body of it.
            pub fn len_min(self) -> usize {
                match self {
                    $(Kind::$name => <$body as Body>::LEN_MIN,)*
                }
            }

            /// Returns what checks it in the metadata; `None`: it comes after the metadata.
            pub(in crate::image) fn check(self) -> Option<Check> {
                match self {
                    $(Kind::$name => <$body as Checked>::CHECK,)*
                }
            }

            /// Returns what tells of the object that it defines; `None`: it defines none.
            pub(in crate::image) fn object(self) -> Option<Define> {
                match self {
                    $(Kind::$name => <$body as Checked>::OBJECT,)*
                }
            }
        }

        const _: () = {
            $(assert!(<$body as Body>::KIND as u16 == Kind::$name as u16);)*
            let mut before = 0;
            $(assert!(<$body as Body>::NUMBER > before); before = <$body as Body>::NUMBER;)*
            assert!(before != 0);
        };
    };
}

kinds! {
    Container: task::Container,
    Trailer: header::Trailer,

    Task: task::Task,
    Process: task::Process,
    DeadPid: task::DeadPid,
    Regs: task::Regs,
    Sighand: task::Sighand,
    Pending: task::Pending,
    Cred: task::Cred,
    Affinity: task::Affinity,
    Timers: task::Timers,
    SeccompFilter: seccomp::SeccompFilter,
    Seccomp: seccomp::Seccomp,
    Controls: controls::Controls,
    Deadline: controls::Deadline,

    Mm: mm::Mm,
    Vma: mm::Vma,
    Guards: mm::Guards,

    Files: files::Table,
    File: files::OpenFile,
    Inode: files::Inode,
    Pipe: files::Pipe,
    PipeBuffer: files::PipeBuffer,
    Fs: files::Fs,
    Path: files::Path,
    Timerfd: files::Timerfd,
    Epoll: epoll::Epoll,
    Locks: files::Locks,
    FileOwner: files::FileOwner,
    Lease: files::Lease,
    Xattr: files::Xattr,
    Removed: files::Removed,
    Inotify: notify::Inotify,
    InotifyWatch: notify::InotifyWatch,
    InotifyEvent: notify::InotifyEvent,
    PidfdTarget: files::pidfd::PidfdTarget,
    ProcEntry: files::proc::ProcEntry,
    LeftOut: mm::LeftOut,

    Uts: ns::Uts,
    PidNs: ns::PidNs,
    IpcNs: ipc::IpcNs,

    Segment: ipc::Segment,
    SemSet: ipc::SemSet,
    SemUndo: ipc::SemUndo,
    UndoList: ipc::UndoList,
    MsgQueue: ipc::MsgQueue,
    Message: ipc::Message,
    PosixQueue: ipc::PosixQueue,
    PosixMessage: ipc::PosixMessage,
    CgroupEntry: files::cgroup::CgroupEntry,
    UringFiles: files::uring::UringFiles,
    UringPersonalities: files::uring::UringPersonalities,
    Fanotify: notify::Fanotify,
    FanotifyMark: notify::FanotifyMark,
    Aio: mm::Aio,
    Uring: files::uring::Uring,

    Confinement: confinement::Confinement,
    Label: confinement::Label,
    Socket: net::Socket,
    InFlight: net::InFlight,
    Userfaultfd: userfault::Userfaultfd,
    Watched: userfault::Watched,
    UringBuffers: files::uring::UringBuffers,
    UringRequests: files::uring::UringRequests,
    HugePages: huge::HugePages,
    UringIo: files::uring::UringIo,
    NetNs: ns::NetNs,
    UringGroup: files::uring::UringGroup,
    TaskPolicy: policy::TaskPolicy,
    MemoryPolicy: policy::MemoryPolicy,
    MetaSums: contents::MetaSums,
    Batch: contents::Batch,
    Index: contents::Index,
    Ptracer: trace::Ptracer,
    Traced: trace::Traced,
    Mount: mount::Mount,

    EpollItems: epoll::EpollItems,
    UnixSocket: net::unix::UnixSocket,
    UnixMessage: net::unix::UnixMessage,
    InetSocket: net::inet::InetSocket,
    InetMessage: net::inet::InetMessage,
    SocketFilter: net::filter::SocketFilter,
    TcpSocket: net::tcp::TcpSocket,
    TcpData: net::tcp::TcpData,
    CredLabel: labels::CredLabel,
    TaskLabel: labels::TaskLabel,
    FileLabel: labels::FileLabel,
    NetlinkSocket: net::netlink::NetlinkSocket,
    NetlinkMessage: net::netlink::NetlinkMessage,
    PacketSocket: net::packet::PacketSocket,
    NetRequest: ns::NetRequest,
    NetPeer: ns::NetPeer,
    TunDevice: net::tun::TunDevice,
    TunQueue: net::tun::TunQueue,
    TunPacket: net::tun::TunPacket,
    TcpAo: net::tcp_key::TcpAo,
    TcpKey: net::tcp_key::TcpKey,
    UdpCork: net::udp::UdpCork,
    InetMember: net::member::InetMember,
    SocketError: net::errqueue::SocketError,
    GenericFamily: net::netlink::GenericFamily,
    InetHeader: net::header::InetHeader,
    UringUser: files::uring::UringUser,
    MptcpSocket: net::mptcp::MptcpSocket,
    PacketFrame: net::packet::PacketFrame,
    UringThread: files::uring::UringThread,
    UringFutexes: files::uring::UringFutexes,
    CoreCookie: sharing::CoreCookie,
    Autogroup: sharing::Autogroup,
    UringLink: files::uring::UringLink,
    FanotifyEvent: notify::FanotifyEvent,
    Vdso: vdso::Vdso,
    FanotifyFid: notify::FanotifyFid,
    UnixReconnect: net::unix::UnixReconnect,
    NetFallback: ns::NetFallback,
    NetMoved: ns::NetMoved,
    TcpHints: net::tcp_hints::TcpHints,
    PacketRings: net::packet::PacketRings,
    PacketMemory: net::packet::PacketMemory,
}

/// Number of the first kind of link.
const LINKS: u16 = 224;

impl Kind {
    /// Returns the number in the image.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// Returns whether it is a link: it defines no object, and comes after all records that are
    /// none.
    pub fn is_link(self) -> bool {
        self.number() >= LINKS
            && !matches!(
                self,
                Kind::CredLabel
                    | Kind::TaskLabel
                    | Kind::FileLabel
                    | Kind::TunQueue
                    | Kind::TunPacket
                    | Kind::CoreCookie
                    | Kind::Autogroup
                    | Kind::UringThread
                    | Kind::UringFutexes
                    | Kind::UringLink
                    | Kind::Vdso
                    | Kind::FanotifyEvent
                    | Kind::FanotifyFid
                    | Kind::PacketRings
            )
    }
}
