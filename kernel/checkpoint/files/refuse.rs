// SPDX-License-Identifier: GPL-2.0

//! Open files that can't be saved: what they are, by name.

use kernel::{
    fmt,
    str::BStr, //
};

use crate::kapi::fs::{
    file::{
        ftype,
        EntryName,
        FileRef, //
    },
    magic, //
};

/// How a task uses a file, for messages.
#[derive(Clone, Copy)]
pub(super) enum User {
    /// By a descriptor.
    Descriptor(u32),
    /// By a mapping, or it executes it.
    Mapping,
}

/// A file in messages: how it is used and its name.
pub(super) struct Named<'a> {
    /// How a task uses it.
    pub(super) user: User,
    /// Its path or the name of its directory entry.
    pub(super) name: &'a [u8],
}

/// Bytes of a name in messages.
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BStr::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.user {
            User::Descriptor(fd) => write!(f, "descriptor {fd} (")?,
            User::Mapping => f.write_str("mapped file (")?,
        }
        Text(self.name).fmt(f)?;
        f.write_str(")")
    }
}

/// Filesystems whose files are not files: their magic numbers and what is on them.
static FILESYSTEMS: &[(u32, &str)] = &[
    (magic::PROC_SUPER_MAGIC, "a file of procfs"),
    (magic::SYSFS_MAGIC, "a file of sysfs"),
    (magic::CGROUP_SUPER_MAGIC, "a file of cgroupfs"),
    (magic::CGROUP2_SUPER_MAGIC, "a file of cgroupfs"),
    (magic::RDTGROUP_SUPER_MAGIC, "a file of resctrl"),
    (magic::DEBUGFS_MAGIC, "a file of debugfs"),
    (magic::TRACEFS_MAGIC, "a file of tracefs"),
    (magic::SECURITYFS_MAGIC, "a file of securityfs"),
    (magic::SELINUX_MAGIC, "a file of selinuxfs"),
    (magic::SMACK_MAGIC, "a file of smackfs"),
    (magic::CONFIGFS_MAGIC, "a file of configfs"),
    (magic::BPF_FS_MAGIC, "a BPF object"),
    (magic::BINFMTFS_MAGIC, "a file of binfmt_misc"),
    (magic::EFIVARFS_MAGIC, "an EFI variable"),
    (magic::PSTOREFS_MAGIC, "a file of pstore"),
    (magic::AUTOFS_SUPER_MAGIC, "a file of autofs"),
    (magic::DEVPTS_SUPER_MAGIC, "a pseudoterminal"),
    (magic::NSFS_MAGIC, "a namespace"),
    (magic::PID_FS_MAGIC, "a pidfd"),
    (magic::SECRETMEM_MAGIC, "secret memory"),
    (magic::HUGETLBFS_MAGIC, "huge page memory"),
    (magic::DMA_BUF_MAGIC, "a DMA buffer"),
    (magic::BINDERFS_SUPER_MAGIC, "a file of binderfs"),
    (MQUEUE_MAGIC, "a POSIX message queue"),
];

/// Magic number of the filesystem of message queues, which stands in a C file only.
const MQUEUE_MAGIC: u32 = 0x1980_0202;

/// What lies on the filesystem with this magic number, if its files can't be saved.
pub(super) fn filesystem(magic: u64) -> Option<&'static str> {
    FILESYSTEMS
        .iter()
        .find(|(m, _)| u64::from(*m) == magic)
        .map(|(_, what)| *what)
}

/// Kernel objects without an inode of their own: how their names begin and what they are.
static ANONYMOUS: &[(&[u8], &str)] = &[
    (b"[eventpoll]", "an epoll instance"),
    (b"[eventfd]", "an eventfd"),
    (b"[signalfd]", "a signalfd"),
    (b"[timerfd]", "a timerfd"),
    (b"inotify", "an inotify instance"),
    (b"[fanotify]", "a fanotify group"),
    (b"[userfaultfd]", "a userfaultfd"),
    (b"[io_uring]", "an io_uring"),
    (b"[aio]", "an AIO context"),
    (b"[pidfd]", "a pidfd"),
    (b"[perf_event]", "a performance counter"),
    (b"bpf-map", "a BPF map"),
    (b"bpf-prog", "a BPF program"),
    (b"bpf_link", "a BPF link"),
    (b"bpf", "a BPF object"),
    (b"btf", "a BPF type description"),
    (b"kvm", "a KVM virtual machine"),
    (b"[fscontext]", "a filesystem context"),
    (b"[landlock-ruleset]", "a Landlock ruleset"),
    (b"[seccomp notify]", "a seccomp listener"),
    (b"seccomp notify", "a seccomp listener"),
    (b"sync_file", "a sync file"),
    (b"[vfio-device]", "a VFIO device"),
    (b"dmabuf", "a DMA buffer"),
];

/// What the anonymous kernel object with this name is.
fn anonymous(name: &EntryName) -> &'static str {
    let name = name.as_bytes();
    ANONYMOUS
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map_or("an anonymous kernel object", |(_, what)| what)
}

/// The name of an address family.
fn family(family: i32) -> &'static str {
    match family {
        1 => "a Unix socket",
        2 => "an IPv4 socket",
        10 => "an IPv6 socket",
        16 => "a netlink socket",
        17 => "a packet socket",
        29 => "a CAN socket",
        30 => "a TIPC socket",
        31 => "a Bluetooth socket",
        38 => "a crypto socket",
        40 => "a vsock socket",
        44 => "an XDP socket",
        45 => "an MCTP socket",
        _ => "a socket of another family",
    }
}

/// What a character device is.
fn device(file: &FileRef) -> &'static str {
    match file.device() {
        (1, 1 | 2 | 4) => "memory or I/O ports of the machine",
        (1, 11) => "the kernel log",
        (4, 0..=63) => "a virtual console",
        (4, _) => "a serial line",
        (5, 0) => "the controlling terminal",
        (5, 1) => "the console",
        (5, 2) => "the master of a pseudoterminal",
        (10, 229) => "a FUSE connection",
        (10, 200) => "a network tunnel",
        (10, 232) => "KVM",
        (2 | 3 | 136..=143, _) => "a pseudoterminal",
        (13, _) => "an input device",
        (29, _) => "a frame buffer",
        (116, _) => "a sound device",
        (226, _) => "a graphics device",
        _ => "a character device",
    }
}

/// What `file` is, if it is of a kind that can't be saved.
///
/// Looks at what the kernel says of it, not at its path.
pub(super) fn kind(file: &FileRef) -> Option<&'static str> {
    let magic = file.fs_magic();
    if file.file_type() == ftype::SOCKET {
        return Some(match file.socket_family() {
            Some(n) => family(n),
            None => "a socket's name, opened with O_PATH",
        });
    }
    if magic == u64::from(magic::ANON_INODE_FS_MAGIC) {
        return Some(anonymous(&file.entry_name()));
    }
    if let Some(what) = filesystem(magic) {
        return Some(what);
    }
    if file.is_hugetlb() {
        return Some("huge page memory");
    }
    match file.file_type() {
        ftype::REGULAR if file.is_internal() => {
            let name = file.entry_name();
            let name = name.as_bytes();
            if name.starts_with(b"memfd:") {
                Some("a memfd")
            } else if name.starts_with(b"SYSV") {
                Some("System V shared memory")
            } else if name == b"dev/zero" {
                None
            } else {
                Some("memory of the kernel")
            }
        }
        ftype::REGULAR => None,
        ftype::DIRECTORY if file.is_internal() => Some("a directory of the kernel"),
        ftype::DIRECTORY => None,
        _ if file.is_path_only() => Some("neither file nor directory, opened with O_PATH"),
        ftype::FIFO => None,
        ftype::CHAR if super::device::is_saved(file) => None,
        ftype::CHAR => Some(device(file)),
        ftype::BLOCK => Some("a block device"),
        ftype::LINK => Some("a symbolic link"),
        _ => Some("an unknown kind of file"),
    }
}
