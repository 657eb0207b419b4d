// SPDX-License-Identifier: GPL-2.0

//! The table of the kinds of open file, those that can't be saved included.
//!
//! A kind that nobody but the table knows has its module here, though its file lies beside this
//! one: it is added in one place.
//!
//! A file is of the first kind that matches. Kinds that are saved are recognized by what the kernel does
//! with a file: its operations, a predicate of its subsystem, its type and filesystem; never by its
//! path. Two are recognized by name: the memory behind a shared anonymous mapping, and that of a memfd,
//! have nothing else of their own, and no program can give memory of the kernel such a name
//! otherwise. Of kernel objects that are refused
//! (`is_object_named()`) the operations are static in their subsystems; whatever is not known is
//! refused as well, so that the name of the object decides about the words of a message and no
//! more.

#[path = "anon.rs"]
mod anon;
#[path = "cgroup.rs"]
mod cgroup;
#[path = "contents.rs"]
pub(super) mod contents;
#[path = "directory.rs"]
mod directory;
#[path = "eventfd.rs"]
pub(super) mod eventfd;
#[path = "events.rs"]
pub(super) mod events;
#[path = "fifo.rs"]
mod fifo;
#[path = "mqueue.rs"]
mod mqueue;
#[path = "signalfd.rs"]
mod signalfd;
#[path = "timerfd.rs"]
mod timerfd;
#[path = "tun.rs"]
mod tun;
#[path = "uring.rs"]
pub(super) mod uring;
#[path = "userfaultfd.rs"]
pub(super) mod userfaultfd;

use crate::{
    files::{
        alias,
        device,
        epoll,
        external,
        fanotify,
        inotify,
        memfd,
        namespace,
        opath,
        ops::{
            Facts,
            FileOps, //
        },
        pidfd,
        pipe,
        proc,
        regular,
        reopened,
        socket,
        sysv,
        unlinked, //
    },
    kapi::fs::{
        file::{
            ftype,
            FileRef, //
        },
        magic::*, //
    },
};

/// Magic number of the filesystem of message queues, which only a C file has.
const MQUEUE_MAGIC: u32 = 0x1980_0202;

/// Returns a kind that can't be saved.
const fn refused(name: &'static str, matches: fn(&Facts<'_>) -> bool) -> FileOps {
    FileOps {
        name,
        matches,
        ..FileOps::NONE
    }
}

/// Returns a kind that can't be saved: all that lies on a filesystem, given by its magic number.
const fn all_on(filesystem: u32, name: &'static str) -> FileOps {
    FileOps {
        name,
        filesystem,
        ..FileOps::NONE
    }
}

/// The kinds.
static KINDS: &[FileOps] = &[
    external::OPS,
    reopened::OPS,
    contents::OPS,
    // Sockets.
    socket::OPS,
    refused("an SCTP socket", |f| {
        f.is_socket(2, 132) || f.is_socket(10, 132)
    }),
    refused("an SMC socket", |f| {
        f.is_socket_of(43) || f.is_socket(2, 256) || f.is_socket(10, 256)
    }),
    refused("an IPv4 socket", |f| f.is_socket_of(2)),
    refused("an IPv6 socket", |f| f.is_socket_of(10)),
    refused("a netlink socket of netfilter", |f| f.is_socket(16, 12)),
    refused("a netlink socket of the audit system", |f| {
        f.is_socket(16, 9)
    }),
    refused("a netlink socket of the connector", |f| f.is_socket(16, 11)),
    refused("a netlink socket of another protocol", |f| {
        f.is_socket_of(16)
    }),
    refused("a packet socket of type SOCK_PACKET", |f| {
        f.is_socket_of(17)
    }),
    refused("a key management socket", |f| f.is_socket_of(15)),
    refused("an RDS socket", |f| f.is_socket_of(21)),
    refused("a PPP socket", |f| f.is_socket_of(24)),
    refused("an LLC socket", |f| f.is_socket_of(26)),
    refused("a CAN socket", |f| f.is_socket_of(29)),
    refused("a TIPC socket", |f| f.is_socket_of(30)),
    refused("a Bluetooth socket", |f| f.is_socket_of(31)),
    refused("an RxRPC socket", |f| f.is_socket_of(33)),
    refused("a Phonet socket", |f| f.is_socket_of(35)),
    refused("an IEEE 802.15.4 socket", |f| f.is_socket_of(36)),
    refused("a crypto socket", |f| f.is_socket_of(38)),
    refused("an NFC socket", |f| f.is_socket_of(39)),
    refused("a vsock socket", |f| f.is_socket_of(40)),
    refused("a KCM socket", |f| f.is_socket_of(41)),
    refused("a QRTR socket", |f| f.is_socket_of(42)),
    refused("an XDP socket", |f| f.is_socket_of(44)),
    refused("an MCTP socket", |f| f.is_socket_of(45)),
    refused("a socket of another family", |f| {
        f.is(ftype::SOCKET) && f.file.socket_family().is_some()
    }),
    // Kernel objects without an inode of their own.
    epoll::OPS,
    uring::OPS,
    eventfd::OPS,
    events::OPS,
    signalfd::OPS,
    timerfd::OPS,
    inotify::OPS,
    fanotify::OPS,
    userfaultfd::OPS,
    refused("an AIO context", |f| f.is_object_named(b"[aio]")),
    pidfd::OPS,
    refused("a performance counter", |f| {
        f.is_object_named(b"[perf_event]")
    }),
    refused("a BPF map", |f| f.is_object_named(b"bpf-map")),
    refused("a BPF program", |f| f.is_object_named(b"bpf-prog")),
    refused("a BPF link", |f| {
        f.is_object_named(b"bpf_link") || f.is_object_named(b"bpf-link")
    }),
    refused("a BPF iterator", |f| f.is_object_named(b"bpf_iter")),
    refused("a BPF object", |f| f.is_object_named(b"bpf")),
    refused("a BPF type description", |f| f.is_object_named(b"btf")),
    refused("a KVM virtual machine", |f| f.is_object_named(b"kvm")),
    refused("a filesystem context", |f| {
        f.is_object_named(b"[fscontext]")
    }),
    refused("a Landlock ruleset", |f| {
        f.is_object_named(b"[landlock-ruleset]")
    }),
    refused("a seccomp listener", |f| {
        f.is_object_named(b"[seccomp notify]") || f.is_object_named(b"seccomp notify")
    }),
    refused("a sync file", |f| f.is_object_named(b"sync_file")),
    refused("a VFIO device", |f| f.is_object_named(b"[vfio-device]")),
    refused("a DMA buffer", |f| f.is_object_named(b"dmabuf")),
    refused("a graphics object", |f| {
        f.is_object_named(b"drm") || f.is_object_named(b"syncobj_file")
    }),
    refused("an anonymous kernel object", |f| f.is_object()),
    // Filesystems whose files are views of the kernel's state.
    proc::OPS,
    all_on(CGROUP_SUPER_MAGIC, "a file of cgroupfs"),
    cgroup::OPS,
    all_on(CGROUP2_SUPER_MAGIC, "a file of cgroupfs"),
    all_on(RDTGROUP_SUPER_MAGIC, "a file of resctrl"),
    all_on(DEBUGFS_MAGIC, "a file of debugfs"),
    all_on(TRACEFS_MAGIC, "a file of tracefs"),
    all_on(SECURITYFS_MAGIC, "a file of securityfs"),
    all_on(SELINUX_MAGIC, "a file of selinuxfs"),
    all_on(SMACK_MAGIC, "a file of smackfs"),
    all_on(CONFIGFS_MAGIC, "a file of configfs"),
    all_on(BPF_FS_MAGIC, "a BPF object"),
    all_on(BINFMTFS_MAGIC, "a file of binfmt_misc"),
    all_on(EFIVARFS_MAGIC, "an EFI variable"),
    all_on(PSTOREFS_MAGIC, "a file of pstore"),
    all_on(AUTOFS_SUPER_MAGIC, "a file of autofs"),
    all_on(DEVPTS_SUPER_MAGIC, "a pseudoterminal"),
    namespace::OPS,
    all_on(SECRETMEM_MAGIC, "secret memory"),
    all_on(DMA_BUF_MAGIC, "a DMA buffer"),
    all_on(BINDERFS_SUPER_MAGIC, "a file of binderfs"),
    mqueue::OPS,
    all_on(MQUEUE_MAGIC, "a file of a mount of mqueue"),
    // Files and memory.
    memfd::OPS,
    sysv::OPS,
    // Opened in /proc/PID/map_files.
    refused("memory of System V shared memory", |f| {
        f.is_memory_named(b"SYSV")
    }),
    anon::OPS,
    refused("memory of the kernel", |f| f.is_memory()),
    unlinked::OPS,
    alias::OPS,
    regular::OPS,
    refused("a directory of the kernel", |f| {
        f.is(ftype::DIRECTORY) && f.internal
    }),
    directory::OPS,
    // Other types.
    opath::OPS,
    refused("neither file nor directory, opened with O_PATH", |f| {
        f.file.is_path_only()
    }),
    pipe::OPS,
    fifo::OPS,
    device::OPS,
    userfaultfd::DEVICE_OPS,
    tun::OPS,
    refused("memory or I/O ports of the machine", |f| {
        f.is_device(1, 1..=2) || f.is_device(1, 4..=4)
    }),
    refused("the kernel log", |f| f.is_device(1, 11..=11)),
    refused("a virtual console", |f| f.is_device(4, 0..=63)),
    refused("a serial line", |f| f.is_device(4, 64..=u32::MAX)),
    refused("the controlling terminal", |f| f.is_device(5, 0..=0)),
    refused("the console", |f| f.is_device(5, 1..=1)),
    refused("the master of a pseudoterminal", |f| f.is_device(5, 2..=2)),
    refused("a FUSE connection", |f| f.is_device(10, 229..=229)),
    refused("a network tunnel", |f| f.is_device(10, 200..=200)),
    refused("KVM", |f| f.is_device(10, 232..=232)),
    refused("a pseudoterminal", |f| {
        let (major, _) = f.file.device();
        f.is(ftype::CHAR) && matches!(major, 2 | 3 | 136..=143)
    }),
    refused("an input device", |f| f.is_device(13, 0..=u32::MAX)),
    refused("a frame buffer", |f| f.is_device(29, 0..=u32::MAX)),
    refused("a sound device", |f| f.is_device(116, 0..=u32::MAX)),
    refused("a graphics device", |f| f.is_device(226, 0..=u32::MAX)),
    refused("a character device", |f| f.is(ftype::CHAR)),
    refused("a block device", |f| f.is(ftype::BLOCK)),
];

/// What is of none of the kinds.
static UNKNOWN: FileOps = refused("an unknown kind of file", |_| true);

/// Returns what `file` is: the first kind that it is of.
pub(super) fn of(file: &FileRef) -> &'static FileOps {
    let facts = Facts::of(file);
    let is = |kind: &&FileOps| match kind.filesystem {
        0 => (kind.matches)(&facts),
        magic => facts.is_on(magic),
    };
    KINDS.iter().find(is).unwrap_or(&UNKNOWN)
}

/// Returns the kind with this number in the image, which is not 0.
pub(super) fn by_number(number: u32) -> Option<&'static FileOps> {
    KINDS
        .iter()
        .find(|kind| kind.number == number && number != 0)
}

/// Returns what all is that lies on the filesystem with this magic number, if none of it can be
/// saved.
pub(super) fn on_filesystem(magic: u64) -> Option<&'static str> {
    KINDS
        .iter()
        .find(|kind| kind.filesystem != 0 && u64::from(kind.filesystem) == magic)
        .map(|kind| kind.name)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_files_kinds)]
mod tests {
    use super::*;
    use crate::image::files::*;

    /// Checks that each kind has a name, and those that are saved a number of their own.
    #[test]
    fn numbers() {
        for (n, kind) in KINDS.iter().enumerate() {
            assert!(!kind.name.is_empty());
            let same = |k: &FileOps| k.number == kind.number;
            assert!(kind.number == 0 || !KINDS.iter().skip(n + 1).any(same));
        }
        for number in [
            FILE_REGULAR,
            FILE_DIRECTORY,
            FILE_DEVICE,
            FILE_PIPE,
            FILE_FIFO,
            FILE_UNLINKED,
            FILE_SHARED_ANON,
            FILE_EVENTFD,
            FILE_EVENTS,
            FILE_TIMERFD,
            FILE_SIGNALFD,
            FILE_PIDFD,
            FILE_NAMESPACE,
            FILE_PROC,
            FILE_INOTIFY,
            FILE_MEMFD,
            FILE_ALIAS,
            FILE_PATH,
            FILE_EPOLL,
            FILE_SYSV_SHM,
            FILE_MQUEUE,
            FILE_CGROUP,
            FILE_EXTERNAL,
            FILE_REOPENED,
            FILE_CONTENTS,
            FILE_SOCKET,
            FILE_FANOTIFY,
            FILE_USERFAULTFD,
            FILE_USERFAULTFD_DEVICE,
            FILE_TUN,
        ] {
            assert!(by_number(number).is_some_and(|kind| kind.number == number));
        }
        assert!(by_number(0).is_none());
        assert!(by_number(u32::MAX).is_none());
    }
}
