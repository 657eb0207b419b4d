// SPDX-License-Identifier: GPL-2.0

//! Each check of who works for io_urings, and with them, has a case that fails without it.

mod sample;

use checkpoint_image::image::files::uring::{
    setup,
    Uring,
    UringUser,
    NAPI_USECS_MAX,
    URING_LIMITED,
    URING_NAPI,
    URING_NAPI_PREFERRED, //
};
use sample::{
    accepted,
    obj,
    refused,
    uring::{
        file,
        uring, //
    },
    Sample, //
};
use zerocopy::FromZeros;

/// One with a thread of the root task that submits.
fn submits(u: &mut Uring) {
    u.setup.set(setup::SQPOLL);
    u.thread_of.set(1);
    u.thread_idle.set(1000);
}

#[test]
fn threads() {
    const WHOSE: &str = "io_uring whose thread is one of no living task, or that needs none";
    refused(&[
        (WHOSE, |s| uring(s, |u| u.setup.set(setup::SQPOLL))),
        (WHOSE, |s| uring(s, |u| u.thread_of.set(1))),
        (WHOSE, |s| {
            uring(s, |u| {
                submits(u);
                u.thread_of.set(99);
            })
        }),
        ("reserved or unused field is not zero", |s| {
            uring(s, |u| u.thread_idle.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            uring(s, |u| {
                submits(u);
                u.thread_cpu.set(1);
            })
        }),
        ("reserved or unused field is not zero", |s| {
            uring(s, |u| u.napi_usecs.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            uring(s, |u| u.flags.set(URING_NAPI_PREFERRED))
        }),
        ("impossible way to poll network devices", |s| {
            uring(s, |u| {
                u.flags.set(URING_NAPI);
                u.napi_usecs.set(NAPI_USECS_MAX + 1);
            })
        }),
        ("impossible way to poll network devices", |s| {
            uring(s, |u| {
                u.setup.set(setup::IOPOLL);
                u.flags.set(URING_NAPI);
            })
        }),
        ("impossible time for which a thread waits", |s| {
            uring(s, |u| {
                submits(u);
                u.thread_idle.set(u32::MAX);
            })
        }),
    ]);
    accepted(&[
        |s| uring(s, submits),
        |s| {
            uring(s, |u| {
                u.flags.set(URING_NAPI | URING_NAPI_PREFERRED);
                u.napi_usecs.set(NAPI_USECS_MAX);
            })
        },
        |s| {
            uring(s, |u| {
                submits(u);
                u.setup.set(setup::SQPOLL | setup::SQ_AFF);
                u.thread_cpu.set(3);
            })
        },
    ]);
}

/// Adds a task that uses an io_uring, and changes that; `cpus` are those of its workers.
fn user(s: &mut Sample, cpus: &[u8], change: impl FnOnce(&mut UringUser)) {
    file(s, |_| ());
    let mut user = UringUser::new_zeroed();
    user.ring.set(obj::LAST + 2);
    user.task.set(1);
    user.places.set(0x8001);
    user.bounded.set(2);
    change(&mut user);
    s.add(user, cpus);
}

#[test]
fn users() {
    const MANY: &str = "impossible number of workers";
    const LIMITS: &str = "impossible number of workers, or workers of a thread that are limited";
    const UNUSED: &str = "reserved or unused field is not zero";
    const CPUS: &str = "set of CPUs that is too long";
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            user(s, &[], |u| u.ring.set(obj::LAST + 1))
        }),
        ("uses what is no io_uring", |s| {
            user(s, &[], |u| u.ring.set(obj::NULL))
        }),
        ("who uses an io_uring is no living task", |s| {
            user(s, &[], |u| u.task.set(4000))
        }),
        ("unknown flag", |s| user(s, &[], |u| u.places.set(0x1_0000))),
        (UNUSED, |s| user(s, &[], |u| u.reserved.set(1))),
        (MANY, |s| user(s, &[], |u| u.bounded.set(1 << 31))),
        (MANY, |s| user(s, &[], |u| u.unbounded.set(u32::MAX))),
        (CPUS, |s| user(s, &[1, 0], |_| ())),
        (CPUS, |s| user(s, &[1; 1025], |_| ())),
        (UNUSED, |s| uring(s, |u| u.workers_bounded.set(1))),
        (UNUSED, |s| uring(s, |u| u.workers_unbounded.set(1))),
        (LIMITS, |s| {
            uring(s, |u| {
                u.flags.set(URING_LIMITED);
                u.workers_unbounded.set(1 << 31);
            })
        }),
        (LIMITS, |s| {
            uring(s, |u| {
                submits(u);
                u.flags.set(URING_LIMITED);
            })
        }),
    ]);
    accepted(&[
        |s| user(s, &[], |_| ()),
        |s| user(s, &[5], |_| ()),
        |s| {
            uring(s, |u| {
                u.flags.set(URING_LIMITED);
                u.workers_bounded.set(3);
            })
        },
    ]);
}
