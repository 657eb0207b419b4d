// SPDX-License-Identifier: GPL-2.0

//! Each check of requests that wait for other requests has a case that fails without it.

mod sample;

use checkpoint_image::image::files::{
    uring::{
        request,
        timeout,
        Uring,
        UringLink,
        UringRequest,
        UringRequests,
        UringVec,
        REQUESTS_MAX,
        SQ_ENTRIES_MAX,
        URING_IO_CONNECT,
        URING_IO_READ,
        URING_LINK_LINK_TIMEOUT,
        URING_LINK_NOP,
        URING_LINK_POLL,
        URING_LINK_TIMEOUT,
        URING_REQUEST_POLL, //
    },
    TIMERFD_CLOCK_MONOTONIC, //
};
use sample::{
    accepted,
    obj,
    refused,
    uring::uring,
    Sample, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

/// EPOLLERR, EPOLLHUP, EPOLLNVAL, EPOLLRDHUP, EPOLLET, and EPOLLIN.
const EVENTS: u32 = 0x8000_2039;

/// Adds an io_uring with two requests that wait for a pipe, which announces so many that wait for others.
fn heads(s: &mut Sample, links: u32) {
    uring(s, |u: &mut Uring| {
        u.slots.set(8);
        u.requests.set(2);
        u.links.set(links);
    });
    let mut request = UringRequest::new_zeroed();
    request.task.set(1);
    request.kind.set(URING_REQUEST_POLL);
    request.flags.set(request::LINK);
    request.file.set(obj::PIPE_READ);
    request.events.set(EVENTS);
    let mut record = UringRequests::new_zeroed();
    record.requests.set(2);
    s.add(record, [request, request].as_bytes());
}

/// Adds a request that waits for another and has no memory, and changes it.
fn link(s: &mut Sample, op: u32, change: impl FnOnce(&mut UringLink)) {
    let mut link = UringLink::new_zeroed();
    link.user_data.set(u64::MAX);
    link.op.set(op);
    match op {
        URING_LINK_POLL => link.events.set(EVENTS),
        URING_LINK_TIMEOUT | URING_LINK_LINK_TIMEOUT => {
            link.clock.set(TIMERFD_CLOCK_MONOTONIC);
            link.time.set(5);
        }
        _ => (),
    }
    change(&mut link);
    s.add(link, &[]);
}

/// An io_uring with one of these.
fn one(s: &mut Sample, op: u32, change: impl FnOnce(&mut UringLink)) {
    heads(s, 1);
    link(s, op, change);
}

/// One with a chain of so many.
fn long(s: &mut Sample, length: u32) {
    heads(s, length);
    for _ in 0..length {
        link(s, URING_LINK_NOP, |l| l.flags.set(request::LINK));
    }
}

/// One whose timer runs.
fn runs(s: &mut Sample, change: impl FnOnce(&mut UringLink)) {
    one(s, URING_LINK_LINK_TIMEOUT, |l| {
        l.flags.set(request::ARMED);
        change(l);
    });
}

#[test]
fn chains() {
    const NONE: &str = "belongs to no io_uring, or that has fewer requests in chains";
    const ORDER: &str = "a request waits for none, or chains are out of order";
    const RUNS: &str = "a timeout runs before its request, or does not";
    refused(&[
        (NONE, |s| {
            heads(s, 0);
            link(s, URING_LINK_NOP, |_| ());
        }),
        (NONE, |s| {
            uring(s, |u| {
                u.requests.set(1);
                u.links.set(1);
            });
            link(s, URING_LINK_NOP, |_| ());
        }),
        (
            "too many requests, or of an io_uring that is not enabled, polls or has a thread",
            |s| uring(s, |u| u.links.set(REQUESTS_MAX + 1)),
        ),
        ("requests wait for others, and there are none", |s| {
            uring(s, |u| u.links.set(1))
        }),
        (
            "files, personalities, buffers or requests of an io_uring are missing",
            |s| heads(s, 1),
        ),
        (ORDER, |s| one(s, URING_LINK_NOP, |l| l.head.set(2))),
        (ORDER, |s| {
            heads(s, 2);
            link(s, URING_LINK_NOP, |l| l.head.set(1));
            link(s, URING_LINK_NOP, |_| ());
        }),
        (ORDER, |s| {
            heads(s, 2);
            link(s, URING_LINK_NOP, |_| ());
            link(s, URING_LINK_NOP, |_| ());
        }),
        ("a chain is longer than any queue", |s| {
            long(s, SQ_ENTRIES_MAX)
        }),
        ("a timeout of a timeout", |s| {
            heads(s, 2);
            link(s, URING_LINK_LINK_TIMEOUT, |l| {
                l.flags.set(request::ARMED | request::LINK)
            });
            link(s, URING_LINK_LINK_TIMEOUT, |_| ());
        }),
        (RUNS, |s| one(s, URING_LINK_LINK_TIMEOUT, |_| ())),
        (RUNS, |s| {
            one(s, URING_LINK_TIMEOUT, |l| l.flags.set(request::ARMED))
        }),
        (RUNS, |s| {
            heads(s, 2);
            link(s, URING_LINK_NOP, |l| l.flags.set(request::LINK));
            link(s, URING_LINK_LINK_TIMEOUT, |l| l.flags.set(request::ARMED));
        }),
    ]);
    accepted(&[
        |s| long(s, SQ_ENTRIES_MAX - 1),
        |s| runs(s, |_| ()),
        |s| {
            heads(s, 4);
            link(s, URING_LINK_LINK_TIMEOUT, |l| {
                l.flags.set(request::ARMED | request::LINK)
            });
            link(s, URING_LINK_NOP, |l| l.flags.set(request::HARDLINK));
            link(s, URING_LINK_LINK_TIMEOUT, |_| ());
            link(s, URING_LINK_TIMEOUT, |l| l.head.set(1));
        },
    ]);
}

#[test]
fn what_operations_have() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const MEMORY: &str = "memory of a request is not as announced";
    refused(&[
        ("unknown operation of a request", |s| one(s, 3, |_| ())),
        ("unknown flag", |s| {
            one(s, URING_LINK_NOP, |l| l.flags.set(request::PENDING))
        }),
        ("unknown flags of a request that does nothing", |s| {
            one(s, URING_LINK_NOP, |l| l.op_flags.set(2))
        }),
        (
            "a connection was begun by a request that was not issued",
            |s| one(s, URING_IO_CONNECT, |l| l.io_flags.set(1)),
        ),
        ("events that no request waits for", |s| {
            one(s, URING_LINK_POLL, |l| l.events.set(1))
        }),
        ("impossible timeout", |s| {
            runs(s, |l| l.timeout.set(timeout::BOOTTIME | timeout::REALTIME))
        }),
        ("unknown clock", |s| runs(s, |l| l.clock.set(2))),
        ("impossible time", |s| runs(s, |l| l.time.set(1 << 63))),
        (MEMORY, |s| one(s, URING_IO_READ, |l| l.vecs.set(1))),
        (MEMORY, |s| one(s, URING_LINK_NOP, |l| l.name.set(1))),
        (UNUSED, |s| one(s, URING_LINK_NOP, |l| l.addr.set(1))),
        (UNUSED, |s| one(s, URING_LINK_NOP, |l| l.slot.set(1))),
        (UNUSED, |s| one(s, URING_LINK_NOP, |l| l.fd.set(1))),
        (UNUSED, |s| {
            one(s, URING_LINK_NOP, |l| l.flags.set(request::SELECT))
        }),
        (UNUSED, |s| one(s, URING_LINK_POLL, |l| l.len.set(1))),
        (UNUSED, |s| one(s, URING_LINK_NOP, |l| l.events.set(EVENTS))),
        (UNUSED, |s| one(s, URING_LINK_POLL, |l| l.time.set(1))),
        (UNUSED, |s| runs(s, |l| l.off.set(1))),
    ]);
    accepted(&[
        |s| {
            one(s, URING_LINK_NOP, |l| {
                l.op_flags.set(1);
                l.len.set(u32::MAX);
            })
        },
        |s| one(s, URING_LINK_POLL, |l| l.fd.set(u32::MAX)),
        |s| one(s, URING_LINK_TIMEOUT, |l| l.off.set(7)),
        |s| {
            heads(s, 1);
            let mut read = UringLink::new_zeroed();
            read.op.set(URING_IO_READ);
            read.fd.set(3);
            read.pos.set(u64::MAX);
            read.vecs.set(1);
            let mut vec = UringVec::new_zeroed();
            vec.addr.set(4096);
            vec.len.set(4);
            s.add(read, vec.as_bytes());
        },
    ]);
}
