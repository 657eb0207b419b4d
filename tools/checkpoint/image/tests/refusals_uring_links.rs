// SPDX-License-Identifier: GPL-2.0

//! Each check of requests that wait for other requests has a case that fails without it.

mod sample;

use checkpoint_image::image::files::{
    uring::{
        request,
        timeout,
        Uring,
        UringFutex,
        UringLink,
        UringRequest,
        UringRequests,
        UringVec,
        FUTEXES_MAX,
        REQUESTS_MAX,
        SQ_ENTRIES_MAX,
        URING_DRAIN_ACTIVE,
        URING_IO_CONNECT,
        URING_IO_READ,
        URING_LINK_CHILD,
        URING_LINK_FUTEX,
        URING_LINK_FUTEXES,
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

/// An io_uring with nothing but so many that were not issued, of which some may be drained.
fn alone(s: &mut Sample, links: u32, add: impl FnOnce(&mut Sample)) {
    uring(s, |u: &mut Uring| {
        u.flags.set(URING_DRAIN_ACTIVE);
        u.links.set(links);
    });
    add(s);
}

/// Adds one that does nothing, at the head of its chain, which has that number, and changes it.
fn leads(s: &mut Sample, number: u32, change: impl FnOnce(&mut UringLink)) {
    link(s, URING_LINK_NOP, |l| {
        l.task.set(1);
        l.head.set(number);
        change(l);
    });
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
        (ORDER, |s| alone(s, 1, |s| link(s, URING_LINK_NOP, |_| ()))),
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
fn heads_that_were_not_issued() {
    const ORDER: &str = "heads of chains are out of order";
    const NOTHING: &str =
        "a request waits for all before it, and there is none, or it is not drained";
    const UNUSED: &str = "reserved or unused field is not zero";
    const WHO: &str = "who has submitted a request is no living task, or may not";
    fn waits(l: &mut UringLink) {
        l.flags.set(request::DEFERRED);
    }
    refused(&[
        (WHO, |s| alone(s, 1, |s| leads(s, 0, |l| l.task.set(4711)))),
        (ORDER, |s| alone(s, 1, |s| leads(s, 1, |_| ()))),
        (ORDER, |s| {
            heads(s, 1);
            leads(s, 1, |_| ());
        }),
        (ORDER, |s| {
            heads(s, 2);
            leads(s, 2, |_| ());
            leads(s, 2, |_| ());
        }),
        // That of an io_uring of which nothing was drained.
        (NOTHING, |s| {
            heads(s, 1);
            leads(s, 2, waits);
        }),
        (ORDER, |s| {
            alone(s, 3, |s| {
                leads(s, 0, |_| ());
                leads(s, 1, waits);
                leads(s, 2, |_| ());
            })
        }),
        (NOTHING, |s| alone(s, 1, |s| leads(s, 0, waits))),
        ("a timeout of no request", |s| {
            alone(s, 1, |s| {
                link(s, URING_LINK_LINK_TIMEOUT, |l| l.task.set(1))
            })
        }),
        ("a timeout runs before its request, or does not", |s| {
            alone(s, 2, |s| {
                leads(s, 0, |l| l.flags.set(request::LINK));
                link(s, URING_LINK_LINK_TIMEOUT, |l| l.flags.set(request::ARMED));
            })
        }),
        (
            "a request waits for none, or chains are out of order",
            |s| {
                alone(s, 2, |s| {
                    leads(s, 0, |_| ());
                    link(s, URING_LINK_NOP, |_| ());
                })
            },
        ),
        (
            "others wait for the end of a request that was not drained",
            |s| alone(s, 1, |s| leads(s, 0, |l| l.flags.set(request::ALONE))),
        ),
        // Of an io_uring of which nothing was drained.
        (
            "others wait for the end of a request that was not drained",
            |s| {
                heads(s, 1);
                leads(s, 2, |l| l.flags.set(request::DRAIN | request::ALONE));
            },
        ),
        (
            "others wait for the end of more than one drained request",
            |s| {
                alone(s, 2, |s| {
                    leads(s, 0, |l| l.flags.set(request::DRAIN | request::ALONE));
                    leads(s, 1, |l| l.flags.set(request::DRAIN | request::ALONE));
                })
            },
        ),
        (UNUSED, |s| {
            alone(s, 1, |s| leads(s, 0, |l| l.reserved.set(1)))
        }),
        (UNUSED, |s| {
            alone(s, 1, |s| leads(s, 0, |l| l.flags.set(request::ARMED)))
        }),
        (UNUSED, |s| {
            one(s, URING_LINK_NOP, |l| l.flags.set(request::DEFERRED))
        }),
    ]);
    accepted(&[
        |s| alone(s, 1, |s| leads(s, 0, |_| ())),
        |s| {
            alone(s, 6, |s| {
                leads(s, 0, |l| {
                    l.flags.set(request::LINK | request::DRAIN | request::ALONE)
                });
                link(s, URING_LINK_LINK_TIMEOUT, |_| ());
                leads(s, 1, |_| ());
                leads(s, 2, |l| {
                    l.flags
                        .set(request::DEFERRED | request::HARDLINK | request::CREDS)
                });
                link(s, URING_LINK_NOP, |l| {
                    l.head.set(2);
                    l.flags.set(request::CREDS);
                });
                leads(s, 3, waits);
            })
        },
        |s| {
            heads(s, 2);
            link(s, URING_LINK_NOP, |l| l.head.set(1));
            leads(s, 2, |_| ());
        },
    ]);
}

#[test]
fn waits_in_chains() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const FUTEXES: &str = "a request waits for no futexes, or for other ones than announced";
    fn add_several(s: &mut Sample, nr: u32, all: &[UringFutex]) {
        let mut several = UringLink::new_zeroed();
        several.op.set(URING_LINK_FUTEXES);
        several.len.set(nr);
        several.flags.set(request::LINK);
        s.add(several, all.as_bytes());
    }
    fn several(s: &mut Sample, nr: u32, all: &[UringFutex]) {
        heads(s, 1);
        add_several(s, nr, all);
    }
    fn many(s: &mut Sample, links: u32) {
        heads(s, links);
        for _ in 0..links {
            add_several(
                s,
                FUTEXES_MAX,
                &[UringFutex::new_zeroed(); FUTEXES_MAX as usize],
            );
        }
    }
    refused(&[
        (FUTEXES, |s| several(s, 0, &[])),
        (FUTEXES, |s| several(s, 1, &[])),
        (FUTEXES, |s| several(s, 1, &[UringFutex::new_zeroed(); 2])),
        ("too many elements", |s| {
            several(
                s,
                FUTEXES_MAX + 1,
                &[UringFutex::new_zeroed(); FUTEXES_MAX as usize + 1],
            )
        }),
        ("unknown flag", |s| {
            let mut futex = UringFutex::new_zeroed();
            futex.shared.set(2);
            several(s, 1, &[futex]);
        }),
        ("requests wait for too many futexes", |s| {
            many(s, REQUESTS_MAX / FUTEXES_MAX + 1)
        }),
        (UNUSED, |s| one(s, URING_LINK_FUTEX, |l| l.fd.set(1))),
        (UNUSED, |s| {
            one(s, URING_LINK_CHILD, |l| l.flags.set(request::SHARED))
        }),
        (UNUSED, |s| one(s, URING_LINK_CHILD, |l| l.addr2.set(1))),
        (UNUSED, |s| one(s, URING_LINK_POLL, |l| l.addr.set(1))),
    ]);
    accepted(&[
        |s| {
            several(
                s,
                FUTEXES_MAX,
                &[UringFutex::new_zeroed(); FUTEXES_MAX as usize],
            )
        },
        |s| {
            one(s, URING_LINK_FUTEX, |l| {
                l.addr.set(u64::MAX);
                l.len.set(u32::MAX);
                l.op_flags.set(u32::MAX);
                l.flags.set(request::SHARED);
            })
        },
        |s| {
            one(s, URING_LINK_CHILD, |l| {
                l.addr.set(u64::MAX);
                l.fd.set(u32::MAX);
                l.len.set(3);
                l.op_flags.set(u32::MAX);
            })
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
