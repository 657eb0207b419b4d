// SPDX-License-Identifier: GPL-2.0

//! Each check of threads that submit for io_urings, and of requests that wait for one of several futexes or
//! for a child, has a case that fails without it.

mod sample;

use checkpoint_image::image::files::uring::{
    request,
    setup,
    Uring,
    UringFutex,
    UringFutexes,
    UringRequest,
    UringRequests,
    UringThread,
    CPUS_MAX,
    FUTEXES_MAX,
    URING_CHILD_ANY,
    URING_CHILD_GROUP,
    URING_CHILD_PID,
    URING_REQUEST_CHILD,
    URING_REQUEST_FUTEX,
    URING_REQUEST_FUTEXES,
    URING_REQUEST_WOKEN,
    URING_REQUEST_WOKEN_BY,
    URING_THREAD,
    URING_TOLD, //
};
use sample::{
    accepted,
    refused,
    uring::uring,
    Sample, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

const UNUSED: &str = "reserved or unused field is not zero";
const MISSING: &str = "files, personalities, buffers or requests of an io_uring are missing";

/// Adds an io_uring with a thread, whose scheduling is told.
fn submits(s: &mut Sample) {
    uring(s, |u: &mut Uring| {
        u.setup.set(setup::SQPOLL);
        u.flags.set(URING_THREAD);
        u.thread_of.set(1);
    });
}

/// The same with how that is scheduled, changed, and its CPUs.
fn scheduled(s: &mut Sample, cpus: &[u8], change: impl FnOnce(&mut UringThread)) {
    submits(s);
    let mut thread = UringThread::new_zeroed();
    change(&mut thread);
    s.add(thread, cpus);
}

#[test]
fn threads() {
    const NONE: &str = "belongs to no io_uring, or that has no thread";
    refused(&[
        (UNUSED, |s| uring(s, |u| u.flags.set(URING_THREAD))),
        (MISSING, submits),
        (NONE, |s| {
            uring(s, |_| ());
            s.add(UringThread::new_zeroed(), &[]);
        }),
        (NONE, |s| {
            uring(s, |u| u.requests.set(1));
            s.add(UringThread::new_zeroed(), &[]);
        }),
        ("impossible nice value", |s| {
            scheduled(s, &[], |t| t.nice.set(20))
        }),
        ("unknown scheduling policy", |s| {
            scheduled(s, &[], |t| t.policy.set(6))
        }),
        ("impossible real-time priority", |s| {
            scheduled(s, &[], |t| t.policy.set(1))
        }),
        ("unknown flag", |s| {
            scheduled(s, &[], |t| t.reset_on_fork.set(2))
        }),
        ("set of CPUs that is too long", |s| {
            scheduled(s, &[1, 0], |_| ())
        }),
        ("set of CPUs that is too long", |s| {
            scheduled(s, &[1; CPUS_MAX + 1], |_| ())
        }),
    ]);
    accepted(&[|s| scheduled(s, &[0, 1], |t| t.nice.set(-20))]);
}

/// Adds an io_uring with a request, which is changed.
fn waits(s: &mut Sample, kind: u32, change: impl FnOnce(&mut UringRequest)) {
    uring(s, |u| u.requests.set(1));
    let mut request = UringRequest::new_zeroed();
    request.task.set(1);
    request.kind.set(kind);
    change(&mut request);
    let mut record = UringRequests::new_zeroed();
    record.requests.set(1);
    s.add(record, request.as_bytes());
}

/// Adds so many futexes, and says so.
fn futexes(s: &mut Sample, announced: u32, all: &[(u64, u32)]) {
    let mut record = UringFutexes::new_zeroed();
    record.futexes.set(announced);
    let mut payload = Vec::new();
    for &(addr, shared) in all {
        let mut futex = UringFutex::new_zeroed();
        futex.addr.set(addr);
        futex.value.set(u32::MAX);
        futex.shared.set(shared);
        payload.extend_from_slice(futex.as_bytes());
    }
    s.add(record, &payload);
}

#[test]
fn woken() {
    const OTHER: &str = "a request was woken by a futex that it has not waited for";
    refused(&[
        (OTHER, |s| waits(s, URING_REQUEST_WOKEN, |r| r.off.set(1))),
        (OTHER, |s| {
            waits(s, URING_REQUEST_WOKEN_BY, |r| r.off.set(FUTEXES_MAX))
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_WOKEN, |r| r.expires.set(4))
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_WOKEN, |r| r.repeats.set(1))
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_WOKEN_BY, |r| r.target.set(1))
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_WOKEN, |r| r.flags.set(request::SHARED))
        }),
        (
            "work that an io_uring can have told of to no eventfd",
            |s| uring(s, |u| u.flags.set(URING_TOLD)),
        ),
    ]);
    accepted(&[
        |s| waits(s, URING_REQUEST_WOKEN, |_| ()),
        |s| waits(s, URING_REQUEST_WOKEN_BY, |r| r.off.set(FUTEXES_MAX - 1)),
    ]);
}

/// A request that waits for two.
fn two(s: &mut Sample) {
    waits(s, URING_REQUEST_FUTEXES, |r| r.off.set(2));
}

#[test]
fn several() {
    const NUMBER: &str = "a request waits for no futexes, or for too many";
    const NONE: &str = "belongs to no io_uring, or that waits for fewer futexes";
    refused(&[
        (NUMBER, |s| waits(s, URING_REQUEST_FUTEXES, |_| ())),
        (NUMBER, |s| {
            waits(s, URING_REQUEST_FUTEXES, |r| r.off.set(FUTEXES_MAX + 1))
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_FUTEXES, |r| {
                r.off.set(1);
                r.expires.set(4);
            })
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_FUTEXES, |r| {
                r.off.set(1);
                r.repeats.set(1);
            })
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_FUTEXES, |r| {
                r.off.set(1);
                r.target.set(1);
            })
        }),
        (UNUSED, |s| {
            waits(s, URING_REQUEST_FUTEXES, |r| {
                r.off.set(1);
                r.flags.set(request::SHARED);
            })
        }),
        (MISSING, two),
        (MISSING, |s| {
            two(s);
            futexes(s, 1, &[(4, 0)]);
        }),
        (NONE, |s| {
            uring(s, |_| ());
            futexes(s, 1, &[(4, 0)]);
        }),
        (NONE, |s| {
            uring(s, |u| u.requests.set(1));
            futexes(s, 1, &[(4, 0)]);
        }),
        ("another number than announced", |s| {
            two(s);
            futexes(s, 1, &[(4, 0), (8, 0)]);
        }),
        ("another number than announced", |s| {
            two(s);
            futexes(s, 3, &[(4, 0), (8, 0), (12, 0)]);
        }),
        ("impossible futex", |s| {
            two(s);
            futexes(s, 2, &[(4, 0), (6, 0)]);
        }),
        ("unknown flag", |s| {
            two(s);
            futexes(s, 2, &[(4, 0), (8, 2)]);
        }),
        (UNUSED, |s| {
            two(s);
            let mut record = UringFutexes::new_zeroed();
            record.reserved.set(1);
            s.add(record, &[]);
        }),
    ]);
    accepted(&[
        |s| {
            two(s);
            futexes(s, 2, &[(4, 0), (8, 1)]);
        },
        |s| {
            two(s);
            futexes(s, 1, &[(4, 0)]);
            futexes(s, 1, &[(4, 1)]);
        },
        |s| {
            waits(s, URING_REQUEST_FUTEX, |r| {
                r.flags.set(request::SHARED);
                r.target.set(1);
            })
        },
    ]);
}

/// Adds a request that waits for a child to exit.
fn child(s: &mut Sample, change: impl FnOnce(&mut UringRequest)) {
    waits(s, URING_REQUEST_CHILD, |r| {
        r.off.set(URING_CHILD_PID);
        r.target.set(9);
        r.repeats.set(4);
        change(r);
    });
}

#[test]
fn children() {
    const CHILD: &str = "a request waits for an impossible child";
    const OPTIONS: &str = "unknown options of a wait for a child";
    refused(&[
        // P_PIDFD.
        (CHILD, |s| child(s, |r| r.off.set(3))),
        (CHILD, |s| child(s, |r| r.off.set(URING_CHILD_ANY))),
        (CHILD, |s| child(s, |r| r.target.set(0))),
        (CHILD, |s| child(s, |r| r.target.set(1 << 31))),
        // None, WNOHANG, and what waits for nothing.
        (OPTIONS, |s| child(s, |r| r.repeats.set(0))),
        (OPTIONS, |s| child(s, |r| r.repeats.set(5))),
        (OPTIONS, |s| child(s, |r| r.repeats.set(1 << 31))),
        (UNUSED, |s| child(s, |r| r.flags.set(request::SHARED))),
        (UNUSED, |s| child(s, |r| r.file.set(1))),
        (UNUSED, |s| child(s, |r| r.interval.set(1))),
    ]);
    accepted(&[
        |s| {
            child(s, |r| {
                r.off.set(URING_CHILD_ANY);
                r.target.set(0);
                r.repeats.set(0xe100_000e);
            })
        },
        |s| {
            child(s, |r| {
                r.off.set(URING_CHILD_GROUP);
                r.expires.set(u64::MAX);
            })
        },
    ]);
}
