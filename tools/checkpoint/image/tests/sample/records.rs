// SPDX-License-Identifier: GPL-2.0

//! The records that the sample has.

use super::{
    l,
    obj,
    padded,
    u,
    zeroed,
    Sample,
    PAGE,
    TO_THE_END, //
};
use checkpoint_image::{
    image::{
        check::PID_MAX,
        confinement::*,
        contents::*,
        files::*,
        header::*,
        mm::*,
        ns::*,
        task::*, //
    },
    mutate::Contents, //
};
use zerocopy::{
    byteorder::little_endian::I32,
    FromZeros,
    IntoBytes, //
};

/// A shared lock that process 3 has taken.
fn lock(kind: u32, start: u64, end: u64, fd: u32) -> Lock {
    zeroed(|lock: &mut Lock| {
        lock.kind = u(kind);
        lock.start = l(start);
        lock.end = l(end);
        lock.pid = u(3);
        lock.fd = u(fd);
    })
}

/// A register note.
pub fn note(name: &[u8; 8], note_type: u32, bytes: &[u8]) -> Vec<u8> {
    let mut note = Note {
        name: *name,
        note_type: u(note_type),
        len: u(bytes.len() as u32),
    }
    .as_bytes()
    .to_vec();
    note.extend_from_slice(bytes);
    note.resize(note.len().next_multiple_of(8), 0);
    note
}

fn vma(start: u64, pages: u64, kind: u32, file: u32) -> Vma {
    zeroed(|v: &mut Vma| {
        v.start = l(start);
        v.end = l(start + pages * PAGE);
        v.flags = l(vma::READ | vma::WRITE);
        v.kind = u(kind);
        v.file = u(file);
    })
}

/// The ring of an AIO context, of one page.
fn aio_ring(start: u64) -> Vma {
    let mut ring = vma(start, 1, VMA_AIO, 0);
    ring.flags = l(vma::READ | vma::WRITE | vma::DONTFORK);
    ring
}

fn fd(number: u32, file: u32) -> Fd {
    zeroed(|f: &mut Fd| {
        f.fd = u(number);
        f.file = u(file);
    })
}

/// A page of `obj` that is that at `from` of `source`.
pub fn shared(obj: u32, addr: u64, source: u32, from: u64) -> Contents {
    let extent = zeroed(|e: &mut Extent| {
        e.obj = u(obj);
        e.kind = u(EXTENT_SHARED);
        e.pages = u(1);
        e.addr = l(addr);
        e.source = u(source);
        e.from = l(from);
    });
    Contents {
        extent,
        pages: Vec::new(),
        tags: Vec::new(),
    }
}

/// The general registers of s390x: each byte has its own value in the order of the machine.
fn s390_registers() -> Vec<u8> {
    let mut bytes = 0x0705_0001_8000_0000u64.to_be_bytes().to_vec();
    bytes.extend((8..27 * 8).map(|n| n as u8));
    bytes
}

/// A live thread of the sample.
pub fn task(tid: u32, tgid: u32, parent: u32) -> Task {
    zeroed(|t: &mut Task| {
        t.tid = u(tid);
        t.tgid = u(tgid);
        t.parent = u(parent);
        t.pgid = u(1);
        t.sid = u(1);
        t.exit_signal = I32::new(if tid == tgid { 17 } else { -1 });
        t.mm = u(obj::MM);
        t.files = u(obj::TABLE);
        t.fs = u(obj::FS);
        t.sighand = u(obj::SIGHAND);
        t.cred = u(obj::CRED);
        t.uts = u(obj::UTS);
        t.pid_ns = u(obj::PID_NS);
        t.comm = padded("job");
    })
}

impl Sample {
    pub(super) fn extent(&mut self, obj: u32, kind: u32, addr: u64, pages: u32) {
        let extent = zeroed(|e: &mut Extent| {
            e.obj = u(obj);
            e.kind = u(kind);
            e.addr = l(addr);
            e.pages = u(pages);
        });
        let pages = (0..u64::from(pages) * PAGE)
            .map(|n| (n / 7 + addr / 3 + u64::from(obj)) as u8)
            .collect();
        self.extents.push(Contents {
            extent,
            pages,
            tags: Vec::new(),
        });
    }

    pub(super) fn confinement(&mut self) {
        let range = |first, host, count| IdRange {
            first: u(first),
            host: u(host),
            count: u(count),
        };
        let ranges = [
            range(0, 100_000, 1000),
            range(1000, 1000, 1),
            range(0, 100_000, 65536),
        ];
        self.add(
            zeroed(|c: &mut Confinement| {
                c.uid_ranges = u(2);
                c.gid_ranges = u(1);
                c.labels = u(2);
            }),
            ranges.as_bytes(),
        );
        for (module, label) in [(102, "job"), (104, "job//&unconfined")] {
            self.add(
                zeroed(|l: &mut Label| l.module = u(module)),
                label.as_bytes(),
            );
        }
    }

    pub(super) fn shared_objects(&mut self) {
        self.add(
            zeroed(|n: &mut PidNs| {
                n.obj = u(obj::PID_NS);
                n.last_pid = u(9);
                n.pid_max = u(PID_MAX);
            }),
            &[],
        );
        self.add(
            zeroed(|n: &mut Uts| {
                n.obj = u(obj::UTS);
                n.nodename = padded("host");
                n.domainname = padded("(none)");
            }),
            &[],
        );
        self.add(
            zeroed(|c: &mut Cred| {
                c.obj = u(obj::CRED);
                c.uid = [u(1000); 4];
                c.gid = [u(1000); 4];
                c.bounding = l((1 << 41) - 1);
            }),
            [u(4), u(24)].as_bytes(),
        );
        let mut actions = [Action::new_zeroed(); NSIG];
        actions[1].handler = l(0x10000);
        actions[1].flags = l(0x0400_0000);
        self.add(
            zeroed(|s: &mut Sighand| s.obj = u(obj::SIGHAND)),
            actions.as_bytes(),
        );
    }

    pub(super) fn open(&mut self, n: u32, kind: u32, mode: u32, inode: u32, path: &str) {
        self.add(
            zeroed(|f: &mut OpenFile| {
                f.obj = u(n);
                f.kind = u(kind);
                f.flags = u(open::READ);
                f.inode = u(inode);
                f.mode = u(mode);
                f.cred = u(obj::CRED);
            }),
            path.as_bytes(),
        );
    }

    pub(super) fn files(&mut self) {
        self.open(obj::EXE, FILE_REGULAR, 0o100755, 0, "/bin/job");
        self.open(obj::DIRECTORY, FILE_DIRECTORY, 0o040755, 0, "/tmp");
        self.add(
            zeroed(|i: &mut Inode| {
                i.obj = u(obj::INODE);
                i.mode = u(0o600);
                i.size = l(100);
            }),
            b"/tmp",
        );
        self.open(obj::UNLINKED, FILE_UNLINKED, 0o100600, obj::INODE, "");
        self.of_file(obj::UNLINKED);
        self.add(
            zeroed(|p: &mut Pipe| {
                p.obj = u(obj::PIPE);
                p.buffers = u(2);
                p.size = u(65536);
            }),
            &[],
        );
        self.add(PipeBuffer::new_zeroed(), b"in flight");
        self.add(zeroed(|b: &mut PipeBuffer| b.packet = u(1)), b"as well");
        self.open(obj::PIPE_READ, FILE_PIPE, 0o010600, obj::PIPE, "");
        self.add(
            zeroed(|i: &mut Inode| {
                i.obj = u(obj::ANON);
                i.size = l(PAGE);
            }),
            &[],
        );
        self.open(obj::SHARED, FILE_SHARED_ANON, 0o100777, obj::ANON, "");
        self.open(obj::NULL, FILE_DEVICE, 0o020666, 0x103, "/dev/null");
        self.add(zeroed(|p: &mut Path| p.obj = u(obj::PATH)), b"/home");
        self.add(
            zeroed(|f: &mut Fs| {
                f.obj = u(obj::FS);
                f.umask = u(0o22);
                f.pwd = u(obj::PATH);
            }),
            &[],
        );
        let fds = [
            fd(0, obj::NULL),
            fd(1, obj::UNLINKED),
            fd(2, obj::PIPE_READ),
            fd(9, obj::DIRECTORY),
        ];
        self.add(
            zeroed(|t: &mut Table| t.obj = u(obj::TABLE)),
            fds.as_bytes(),
        );
        let locks = [
            lock(LOCK_POSIX, 0, 9, 1),
            lock(LOCK_POSIX, 20, TO_THE_END, 9),
        ];
        self.add(
            zeroed(|l: &mut Locks| l.owner = u(obj::TABLE)),
            locks.as_bytes(),
        );
    }

    /// Locks, owner and lease of an open file.
    fn of_file(&mut self, file: u32) {
        let locks = [
            lock(LOCK_OFD, 100, 199, 0),
            lock(LOCK_FLOCK, 0, TO_THE_END, 0),
        ];
        self.add(zeroed(|l: &mut Locks| l.owner = u(file)), locks.as_bytes());
        self.add(
            zeroed(|o: &mut FileOwner| {
                o.file = u(file);
                o.kind = u(OWNER_GROUP);
                o.pid = u(7);
                o.signal = u(29);
                o.user = [u(1000), u(1001)];
                o.signals = u(1);
                o.fd = u(77);
            }),
            &[],
        );
        self.add(
            zeroed(|l: &mut Lease| {
                l.file = u(file);
                l.pid = u(3);
                l.fd = u(1);
            }),
            &[],
        );
    }

    pub(super) fn memory(&mut self) {
        self.add(
            zeroed(|m: &mut Mm| {
                m.obj = u(obj::MM);
                m.exe = u(obj::EXE);
                m.vmas = u(6);
                m.code = [l(0x10000), l(0x10800)];
                m.mmap_base = l(0x80000);
                m.vdso = l(0x20000);
                m.vdso_len = l(PAGE);
            }),
            [l(6), l(4096), l(0), l(0)].as_bytes(),
        );
        self.add(vma(0x10000, 1, VMA_FILE, obj::EXE), &[]);
        self.add(vma(0x11000, 1, VMA_ANON, 0), b"heap");
        self.add(vma(0x13000, 3, VMA_ANON, 0), &[]);
        self.guards(&[(0x15000, 0x16000)]);
        self.add(vma(0x16000, 1, VMA_SHARED, obj::SHARED), &[]);
        self.add(aio_ring(0x18000), &[]);
        self.aio();
        self.add(vma(0x20000, 1, VMA_VDSO, 0), &[]);
        self.add(
            zeroed(|m: &mut Mm| {
                m.obj = u(obj::MM2);
                m.code = [l(0x10000), l(0x10800)];
                m.mmap_base = l(0x80000);
            }),
            &[],
        );
    }

    /// A context whose ring has room for 127 events, with two around its end.
    fn aio(&mut self) {
        let event = |n| AioEvent {
            data: l(n),
            obj: l(0x11000),
            res: l(1),
            res2: l(0),
        };
        self.add(
            zeroed(|a: &mut Aio| {
                a.max_reqs = u(4);
                a.head = u(126);
                a.tail = u(1);
                a.completed = u(2);
            }),
            [event(1), event(2)].as_slice().as_bytes(),
        );
    }

    fn guards(&mut self, regions: &[(u64, u64)]) {
        let all: Vec<Guard> = regions
            .iter()
            .map(|&(start, end)| Guard {
                start: l(start),
                end: l(end),
            })
            .collect();
        self.add(
            zeroed(|g: &mut Guards| g.regions = u(all.len() as u32)),
            all.as_slice().as_bytes(),
        );
    }

    fn process(&mut self, tgid: u32, leader: bool) {
        self.add(
            zeroed(|p: &mut Process| {
                p.tgid = u(tgid);
                p.flags = l(if leader { PROCESS_SESSION_LEADER } else { 0 });
                p.rlimits = [[l(1), l(u64::MAX)]; NR_RLIMITS];
            }),
            &[],
        );
    }

    fn regs(&mut self, tid: u32) {
        let mut notes = note(b"CORE\0\0\0\0", 1, &[7; 27 * 8]);
        if self.machine == arch::S390X {
            notes = note(b"CORE\0\0\0\0", 1, &s390_registers());
            notes.extend(note(b"LINUX\0\0\0", 0x307, &0x0002_00f0u32.to_be_bytes()));
        } else {
            notes.extend(note(b"LINUX\0\0\0", 0x202, &[1; 44]));
        }
        self.add(
            zeroed(|r: &mut Regs| {
                r.tid = u(tid);
                r.notes = u(2);
            }),
            &notes,
        );
    }

    pub(super) fn tasks(&mut self) {
        self.add(
            zeroed(|d: &mut DeadPid| {
                d.pid = u(7);
                d.pid_ns = u(obj::PID_NS);
            }),
            u(7).as_bytes(),
        );
        self.add(task(1, 1, 0), u(1).as_bytes());
        self.regs(1);
        let mut info = [0; SIGINFO_LEN];
        let signal = if arch::is_big_endian(self.machine) {
            10u32.to_be_bytes()
        } else {
            10u32.to_le_bytes()
        };
        info[..4].copy_from_slice(&signal);
        self.add(zeroed(|p: &mut Pending| p.tid = u(1)), &info);
        self.add(zeroed(|a: &mut Affinity| a.tid = u(1)), &[3]);
        self.add(task(2, 1, 0), u(2).as_bytes());
        self.regs(2);
        self.add(
            zeroed(|p: &mut Pending| {
                p.tid = u(1);
                p.shared = u(1);
                p.bare = l(1 << 14);
            }),
            &[],
        );
        self.timers();
        self.process(1, true);
        let mut child = task(3, 3, 2);
        child.mm = u(obj::MM2);
        child.pgid = u(7);
        self.add(child, u(3).as_bytes());
        self.regs(3);
        self.process(3, false);
        let mut zombie = task(4, 4, 1);
        zombie.state = u(TASK_ZOMBIE);
        zombie.exit_code = u(0x100);
        for field in [&mut zombie.mm, &mut zombie.files, &mut zombie.fs] {
            *field = u(0);
        }
        self.add(zombie, u(4).as_bytes());
        self.process(4, false);
    }
}
