// SPDX-License-Identifier: GPL-2.0

//! Each check of requests that wait to do something with a file has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::uring::{
        connect,
        request,
        setup,
        Uring,
        UringGroup,
        UringIo,
        UringProvided,
        UringVec,
        GROUP_ENTRIES_MAX,
        GROUP_MAX,
        NAME_MAX,
        PROVIDED_MAX,
        REQUESTS_MAX,
        URING_IO_ACCEPT,
        URING_IO_CONNECT,
        URING_IO_READ,
        URING_IO_READ_MULTISHOT,
        URING_IO_RECV,
        URING_IO_RECVMSG,
        URING_IO_SEND,
        URING_IO_SENDMSG,
        URING_IO_WRITEV,
        VECS_MAX, //
    },
    kinds::Kind, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample,
    PAGE, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

/// Adds an io_uring of two pages that announces so many requests.
fn uring(s: &mut Sample, ios: u32, change: impl FnOnce(&mut Uring)) {
    s.add_object(|u: &mut Uring, obj| {
        u.obj.set(obj);
        u.setup.set(setup::NO_SQARRAY);
        u.sq_entries.set(4);
        u.cq_entries.set(8);
        u.rings.set(PAGE as u32);
        u.slots.set(8);
        u.ios.set(ios);
        change(u);
    });
    *s.payload(Kind::Uring, 0) = vec![3; 2 * PAGE as usize];
}

/// A piece of memory.
fn vec(addr: u64, len: u64) -> UringVec {
    let mut vec = UringVec::new_zeroed();
    vec.addr.set(addr);
    vec.len.set(len);
    vec
}

/// Adds an io_uring with a request of this operation, with these pieces of memory and the address of a
/// peer, and changes it.
fn with(
    s: &mut Sample,
    op: u32,
    vecs: &[UringVec],
    name: &[u8],
    change: impl FnOnce(&mut UringIo),
) {
    uring(s, 1, |_| ());
    let mut io = UringIo::new_zeroed();
    io.user_data.set(u64::MAX);
    io.task.set(1);
    io.op.set(op);
    io.file.set(obj::PIPE_READ);
    io.vecs.set(vecs.len() as u32);
    io.name.set(name.len() as u32);
    change(&mut io);
    s.add(io, &[vecs.as_bytes(), name].concat());
}

/// The same of one that reads four bytes.
fn reads(s: &mut Sample, change: impl FnOnce(&mut UringIo)) {
    with(s, URING_IO_READ, &[vec(4096, 4)], &[], change);
}

/// The same of one that has no memory.
fn plain(s: &mut Sample, op: u32, change: impl FnOnce(&mut UringIo)) {
    with(s, op, &[], &[], change);
}

/// The same of one that receives into a buffer that it gets.
fn selects(s: &mut Sample, change: impl FnOnce(&mut UringIo)) {
    plain(s, URING_IO_RECV, |r| {
        r.flags.set(request::SELECT);
        change(r);
    });
}

const UNUSED: &str = "reserved or unused field is not zero";

#[test]
fn what_all_have() {
    const MANY: &str =
        "too many requests, or of an io_uring that is not enabled, polls or has a thread";
    const WHO: &str = "who has submitted a request is no living task, or may not";
    const NONE: &str = "belongs to no io_uring, or that has fewer requests";
    const PLACE: &str = "a request waits for a file where there is no place";
    const MEMORY: &str = "memory of a request is not as announced";
    refused(&[
        (MANY, |s| uring(s, REQUESTS_MAX + 1, |_| ())),
        (MANY, |s| uring(s, 1, |u| u.setup.set(setup::R_DISABLED))),
        (
            "files, personalities, buffers or requests of an io_uring are missing",
            |s| uring(s, 1, |_| ()),
        ),
        (NONE, |s| {
            uring(s, 0, |_| ());
            s.add(UringIo::new_zeroed(), &[]);
        }),
        (NONE, |s| {
            uring(s, 1, |u| u.requests.set(1));
            s.add(UringIo::new_zeroed(), &[]);
        }),
        (UNUSED, |s| reads(s, |r| r.group.set(1))),
        (UNUSED, |s| reads(s, |r| r.limit.set(1))),
        (UNUSED, |s| reads(s, |r| r.total.set(1))),
        (WHO, |s| reads(s, |r| r.task.set(0))),
        (WHO, |s| reads(s, |r| r.task.set(4000))),
        ("unknown flag", |s| {
            reads(s, |r| r.flags.set(request::PENDING))
        }),
        ("a request waits for a file that can't be waited for", |s| {
            reads(s, |r| r.file.set(obj::EXE))
        }),
        (PLACE, |s| reads(s, |r| r.index.set(1))),
        (PLACE, |s| {
            reads(s, |r| {
                r.flags.set(request::FIXED);
                r.index.set(8);
            })
        }),
        (MEMORY, |s| reads(s, |r| r.vecs.set(2))),
        (MEMORY, |s| reads(s, |r| r.vecs.set(0))),
        (MEMORY, |s| reads(s, |r| r.vecs.set(u32::MAX))),
        (MEMORY, |s| {
            let vecs: Vec<_> = (0..=VECS_MAX).map(|_| vec(4096, 1)).collect();
            with(s, URING_IO_WRITEV, &vecs, &[], |_| ());
        }),
        (MEMORY, |s| {
            with(s, URING_IO_CONNECT, &[], &[0; NAME_MAX + 1], |_| ())
        }),
        (MEMORY, |s| {
            with(s, URING_IO_CONNECT, &[], &[0; 16], |r| r.name.set(15))
        }),
        (MEMORY, |s| {
            with(s, URING_IO_READ, &[vec(u64::MAX, 2)], &[], |_| ())
        }),
        (MEMORY, |s| {
            with(s, URING_IO_READ, &[vec(4096, 1 << 31)], &[], |_| ())
        }),
        ("unknown operation of a request", |s| plain(s, 0, |_| ())),
    ]);
    accepted(&[
        |s| reads(s, |_| ()),
        |s| {
            reads(s, |r| {
                r.flags.set(request::FIXED | request::ASYNC | request::SKIP);
                r.index.set(7);
                r.pos.set(u64::MAX);
                r.io_flags.set(0x4000);
                r.slot.set(255);
            })
        },
        |s| {
            let vecs: Vec<_> = (0..VECS_MAX).map(|_| vec(4096, 1)).collect();
            with(s, URING_IO_WRITEV, &vecs, &[], |_| ());
        },
    ]);
}

#[test]
fn what_some_have() {
    const LENGTH: &str = "impossible length of a request";
    const ACCEPT: &str = "impossible accept(2)";
    const CONNECT: &str = "impossible connect(2)";
    const MESSAGE: &str = "impossible message";
    const SELECT: &str = "a request can't get a buffer, or must";
    const PRIORITY: &str = "impossible priority or write stream";
    refused(&[
        (LENGTH, |s| plain(s, URING_IO_RECV, |r| r.len.set(1 << 31))),
        (LENGTH, |s| plain(s, URING_IO_RECV, |r| r.done.set(1 << 31))),
        (LENGTH, |s| {
            plain(s, URING_IO_RECVMSG, |r| r.control_len.set(1 << 31))
        }),
        (ACCEPT, |s| plain(s, URING_IO_ACCEPT, |r| r.op_flags.set(1))),
        (ACCEPT, |s| plain(s, URING_IO_ACCEPT, |r| r.io_flags.set(2))),
        (ACCEPT, |s| plain(s, URING_IO_ACCEPT, |r| r.slot.set(9))),
        (CONNECT, |s| {
            plain(s, URING_IO_CONNECT, |r| r.io_flags.set(connect::ALL + 1))
        }),
        (MESSAGE, |s| {
            plain(s, URING_IO_RECV, |r| r.op_flags.set(0x40))
        }),
        (MESSAGE, |s| {
            plain(s, URING_IO_SEND, |r| r.op_flags.set(1 << 31))
        }),
        (MESSAGE, |s| {
            plain(s, URING_IO_RECV, |r| r.io_flags.set(0x20))
        }),
        (MESSAGE, |s| plain(s, URING_IO_SEND, |r| r.io_flags.set(4))),
        (SELECT, |s| plain(s, URING_IO_READ_MULTISHOT, |_| ())),
        (SELECT, |s| {
            plain(s, URING_IO_SEND, |r| r.flags.set(request::SELECT))
        }),
        (SELECT, |s| selects(s, |r| r.group.set(GROUP_MAX + 1))),
        (SELECT, |s| selects(s, |r| r.done.set(1))),
        (SELECT, |s| reads(s, |r| r.flags.set(request::SELECT))),
        (MESSAGE, |s| selects(s, |r| r.io_flags.set(4))),
        (PRIORITY, |s| reads(s, |r| r.io_flags.set(1 << 16))),
        (PRIORITY, |s| reads(s, |r| r.slot.set(256))),
        (UNUSED, |s| plain(s, URING_IO_RECV, |r| r.pos.set(1))),
        (UNUSED, |s| plain(s, URING_IO_RECV, |r| r.control.set(1))),
        (UNUSED, |s| {
            plain(s, URING_IO_RECV, |r| r.control_len.set(1))
        }),
        (UNUSED, |s| plain(s, URING_IO_SENDMSG, |r| r.addr2.set(1))),
        (UNUSED, |s| with(s, URING_IO_RECV, &[], &[0; 16], |_| ())),
        (UNUSED, |s| plain(s, URING_IO_ACCEPT, |r| r.len.set(1))),
        (UNUSED, |s| {
            with(s, URING_IO_ACCEPT, &[vec(4096, 4)], &[], |_| ())
        }),
        (UNUSED, |s| plain(s, URING_IO_RECV, |r| r.slot.set(1))),
        (UNUSED, |s| reads(s, |r| r.done.set(1))),
        (UNUSED, |s| reads(s, |r| r.nofile.set(1))),
        (UNUSED, |s| {
            plain(s, URING_IO_CONNECT, |r| r.op_flags.set(1))
        }),
    ]);
    accepted(&[
        |s| {
            selects(s, |r| {
                r.group.set(GROUP_MAX);
                r.io_flags.set(0x1013);
                r.limit.set(5);
                r.total.set(6);
            })
        },
        |s| plain(s, URING_IO_READ_MULTISHOT, |r| r.flags.set(request::SELECT)),
        |s| {
            plain(s, URING_IO_ACCEPT, |r| {
                r.addr2.set(1);
                r.op_flags.set(0x8_0800);
                r.io_flags.set(5);
                r.slot.set(u32::MAX);
                r.nofile.set(1024);
            })
        },
        |s| {
            with(s, URING_IO_CONNECT, &[], &[0; NAME_MAX], |r| {
                r.io_flags.set(connect::ALL)
            })
        },
        |s| {
            with(s, URING_IO_SENDMSG, &[vec(4096, 4)], &[0; 16], |r| {
                r.control.set(1);
                r.control_len.set(16);
                r.op_flags.set(0x4000);
                r.io_flags.set(0x21);
                r.done.set(5);
            })
        },
    ]);
}

/// Adds an io_uring with a group of buffers, and changes it.
fn group(s: &mut Sample, buffers: &[UringProvided], change: impl FnOnce(&mut UringGroup)) {
    uring(s, 0, |u| {
        u.groups.set(1);
        u.groups_of.set(1);
    });
    let mut group = UringGroup::new_zeroed();
    group.group.set(7);
    group.buffers.set(buffers.len() as u32);
    change(&mut group);
    s.add(group, buffers.as_bytes());
}

/// The same of one that is a ring.
fn ring(s: &mut Sample, change: impl FnOnce(&mut UringGroup)) {
    group(s, &[], |g| {
        g.addr.set(16 * PAGE);
        g.entries.set(8);
        change(g);
    });
}

/// Adds a ring of a page in memory of the kernel, with so many bytes.
fn kernel_ring(s: &mut Sample, len: usize) {
    uring(s, 0, |u| u.groups.set(1));
    let mut group = UringGroup::new_zeroed();
    group.entries.set(PAGE as u32 / 16);
    s.add(group, &vec![1; len]);
}

/// A buffer.
fn provided(addr: u64, len: u32, bid: u32) -> UringProvided {
    let mut buffer = UringProvided::new_zeroed();
    buffer.addr.set(addr);
    buffer.len.set(len);
    buffer.bid.set(bid);
    buffer
}

#[test]
fn groups() {
    const MANY: &str = "too many groups of buffers, or rings that are the memory of no living task";
    const NONE: &str = "belongs to no io_uring, or that has fewer groups of buffers";
    const ORDER: &str = "impossible groups of buffers, or out of order";
    const BUFFER: &str = "impossible buffer";
    const RING: &str = "impossible ring of buffers";
    const MEMORY: &str = "memory of a ring of buffers is not as announced";
    refused(&[
        (MANY, |s| uring(s, 0, |u| u.groups.set(GROUP_MAX + 2))),
        (MANY, |s| uring(s, 0, |u| u.groups_of.set(1))),
        (MANY, |s| {
            uring(s, 0, |u| {
                u.groups.set(1);
                u.groups_of.set(4000);
            })
        }),
        (
            "files, personalities, buffers or requests of an io_uring are missing",
            |s| uring(s, 0, |u| u.groups.set(1)),
        ),
        (NONE, |s| {
            uring(s, 0, |_| ());
            s.add(UringGroup::new_zeroed(), &[]);
        }),
        (NONE, |s| {
            uring(s, 1, |u| u.groups.set(1));
            s.add(UringGroup::new_zeroed(), &[]);
        }),
        (ORDER, |s| group(s, &[], |g| g.group.set(GROUP_MAX + 1))),
        (ORDER, |s| {
            uring(s, 0, |u| u.groups.set(2));
            s.add(UringGroup::new_zeroed(), &[]);
            s.add(UringGroup::new_zeroed(), &[]);
        }),
        ("another number than announced", |s| {
            group(s, &[], |g| g.buffers.set(1))
        }),
        ("too many elements", |s| {
            let all: Vec<_> = (0..=PROVIDED_MAX).map(|_| provided(1, 1, 1)).collect();
            group(s, &all, |_| ());
        }),
        (BUFFER, |s| group(s, &[provided(1, 0, 1)], |_| ())),
        (BUFFER, |s| group(s, &[provided(1, 1 << 31, 1)], |_| ())),
        (BUFFER, |s| group(s, &[provided(u64::MAX, 1, 1)], |_| ())),
        (BUFFER, |s| {
            group(s, &[provided(1, 1, GROUP_MAX + 1)], |_| ())
        }),
        (RING, |s| {
            ring(s, |_| ());
            s.edit(0, |u: &mut Uring| u.groups_of.set(0));
        }),
        (RING, |s| ring(s, |g| g.addr.set(PAGE + 8))),
        (RING, |s| ring(s, |g| g.entries.set(0))),
        (RING, |s| ring(s, |g| g.entries.set(2 * GROUP_ENTRIES_MAX))),
        (RING, |s| ring(s, |g| g.head.set(GROUP_MAX + 1))),
        (RING, |s| ring(s, |g| g.incremental.set(2))),
        (RING, |s| ring(s, |g| g.min_left.set(1))),
        (RING, |s| {
            group(s, &[provided(1, 1, 1)], |g| {
                g.addr.set(16 * PAGE);
                g.entries.set(8);
            })
        }),
        (MEMORY, |s| kernel_ring(s, 0)),
        (MEMORY, |s| kernel_ring(s, 2 * PAGE as usize)),
        (MEMORY, |s| kernel_ring(s, PAGE as usize - 16)),
        (UNUSED, |s| group(s, &[], |g| g.head.set(1))),
        (UNUSED, |s| group(s, &[], |g| g.min_left.set(1))),
        (UNUSED, |s| group(s, &[], |g| g.incremental.set(1))),
    ]);
    accepted(&[
        |s| group(s, &[provided(1, 1, GROUP_MAX)], |_| ()),
        |s| group(s, &[], |_| ()),
        |s| kernel_ring(s, PAGE as usize),
        |s| {
            ring(s, |g| {
                g.entries.set(GROUP_ENTRIES_MAX);
                g.head.set(GROUP_MAX);
                g.min_left.set(9);
                g.incremental.set(1);
            })
        },
    ]);
}
