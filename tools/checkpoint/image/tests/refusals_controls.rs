// SPDX-License-Identifier: GPL-2.0

//! Each check of seccomp, and of what threads set of themselves, has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    controls::*,
    kinds::Kind,
    seccomp::*,
    task::Container,
    Body, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};
use zerocopy::FromZeros;

/// Puts a record behind the affinity of the first thread.
fn of_thread<T: Body + FromZeros>(s: &mut Sample, fill: impl FnOnce(&mut T)) {
    let mut body = T::new_zeroed();
    fill(&mut body);
    s.add(body, &[]);
    let record = s.records.pop().expect("one was added");
    let at = s.position(Kind::Affinity, 0) + 1;
    s.records.insert(at, record);
}

/// Adds a filter of `len` instructions to `parent`, the `n`th from 1 on.
fn filter(s: &mut Sample, n: u32, parent: u32, len: usize) {
    let mut body = SeccompFilter::new_zeroed();
    body.obj.set(obj::LAST + n);
    body.parent.set(parent);
    s.edit(0, |c: &mut Container| c.objects.set(obj::LAST + n));
    s.add(body, &vec![1; 8 * len]);
}

/// Has the first thread restricted.
fn seccomp(s: &mut Sample, mode: u32, filter: u32) {
    of_thread(s, |b: &mut Seccomp| {
        b.tid.set(1);
        b.mode.set(mode);
        b.filter.set(filter);
    });
}

/// Has the first thread controls.
fn controls(s: &mut Sample, fill: impl FnOnce(&mut Controls)) {
    of_thread(s, |b: &mut Controls| {
        b.tid.set(1);
        fill(b);
    });
}

/// Gives the first thread a deadline.
fn deadline(s: &mut Sample, times: [u64; 3]) {
    of_thread(s, |b: &mut Deadline| {
        b.tid.set(1);
        b.runtime.set(times[0]);
        b.deadline.set(times[1]);
        b.period.set(times[2]);
    });
}

#[test]
fn possible() {
    accepted(&[
        |s| filter(s, 1, 0, 1),
        |s| {
            filter(s, 1, 0, 4096);
            filter(s, 2, obj::LAST + 1, 4096);
            filter(s, 3, obj::LAST + 1, 1);
            seccomp(s, SECCOMP_FILTERED, obj::LAST + 3);
        },
        |s| seccomp(s, SECCOMP_STRICT, 0),
        |s| {
            controls(s, |c| {
                c.flags.set(CONTROL_FLAGS);
                c.io_priority.set(0x4006);
                c.util_min.set(1);
                c.util_max.set(1024);
                c.dispatch.set(u64::MAX);
                c.dispatch_len.set(u64::MAX);
                c.dispatch_selector.set(u64::MAX);
            })
        },
        |s| deadline(s, [1, 1, 1]),
        |s| deadline(s, [10, 20, (1 << 63) - 1]),
    ]);
}

#[test]
fn filters() {
    let too_many = "filters with more instructions than a task may have";
    refused(&[
        ("filter without a program", |s| filter(s, 1, 0, 0)),
        ("too many elements", |s| filter(s, 1, 0, 4097)),
        ("payload of wrong length", |s| {
            filter(s, 1, 0, 1);
            s.payload(Kind::SeccompFilter, 0).push(0);
        }),
        ("was added to no filter that comes before it", |s| {
            filter(s, 1, obj::LAST + 1, 1)
        }),
        ("was added to no filter that comes before it", |s| {
            filter(s, 1, obj::PID_NS, 1)
        }),
        (too_many, |s| {
            for n in 1..=8 {
                let parent = if n == 1 { 0 } else { obj::LAST + n - 1 };
                filter(s, n, parent, 4096);
            }
        }),
        ("unknown flag", |s| {
            filter(s, 1, 0, 1);
            s.edit(0, |f: &mut SeccompFilter| f.flags.set(2));
        }),
        ("reserved or unused field is not zero", |s| {
            filter(s, 1, 0, 1);
            s.edit(0, |f: &mut SeccompFilter| f.reserved.set(1));
        }),
    ]);
}

#[test]
fn modes() {
    refused(&[
        ("unknown mode of seccomp", |s| seccomp(s, 0, 0)),
        ("unknown mode of seccomp", |s| seccomp(s, 3, 0)),
        ("reserved or unused field is not zero", |s| {
            seccomp(s, SECCOMP_STRICT, 1)
        }),
        ("reserved or unused field is not zero", |s| {
            seccomp(s, SECCOMP_STRICT, 0);
            s.edit(0, |b: &mut Seccomp| b.reserved.set(1));
        }),
        ("refers to an object that is not in the image", |s| {
            seccomp(s, SECCOMP_FILTERED, 0)
        }),
        ("refers to an object of the wrong kind", |s| {
            seccomp(s, SECCOMP_FILTERED, obj::PID_NS)
        }),
        ("second record of this kind for one task", |s| {
            seccomp(s, SECCOMP_STRICT, 0);
            seccomp(s, SECCOMP_STRICT, 0);
        }),
        ("belongs to no task that comes before it", |s| {
            seccomp(s, SECCOMP_STRICT, 0);
            s.edit(0, |b: &mut Seccomp| b.tid.set(9));
        }),
        ("does not stand with the records of its task", |s| {
            seccomp(s, SECCOMP_STRICT, 0);
            let own = s.records.remove(s.position(Kind::Seccomp, 0));
            let place = s.position(Kind::Process, 0);
            s.records.insert(place, own);
        }),
        ("seccomp of an exited task", |s| {
            seccomp(s, SECCOMP_STRICT, 0);
            s.edit(0, |b: &mut Seccomp| b.tid.set(4));
            let own = s.records.remove(s.position(Kind::Seccomp, 0));
            let place = s.position(Kind::Process, 2);
            s.records.insert(place, own);
        }),
        ("payload where none belongs", |s| {
            seccomp(s, SECCOMP_STRICT, 0);
            s.payload(Kind::Seccomp, 0).push(0);
        }),
    ]);
}

#[test]
fn thread_controls() {
    let more = "more of a control than of what it controls";
    let clamp = "impossible clamp of utilization";
    let zero = "reserved or unused field is not zero";
    refused(&[
        ("unknown flag", |s| {
            controls(s, |c| c.flags.set(CONTROL_FLAGS + 1))
        }),
        (zero, |s| controls(s, |c| c.reserved.set(1))),
        (more, |s| controls(s, |c| c.flags.set(CONTROL_MCE_EARLY))),
        (more, |s| controls(s, |c| c.flags.set(CONTROL_SSB_NOEXEC))),
        (more, |s| {
            controls(s, |c| c.flags.set(CONTROL_SSB_FORCE_DISABLE))
        }),
        (more, |s| {
            controls(s, |c| c.flags.set(CONTROL_IB_FORCE_DISABLE))
        }),
        ("impossible I/O priority", |s| {
            controls(s, |c| c.io_priority.set(0x10000))
        }),
        (zero, |s| controls(s, |c| c.util_min.set(1))),
        (zero, |s| controls(s, |c| c.util_max.set(1))),
        (clamp, |s| {
            controls(s, |c| {
                c.flags.set(CONTROL_UTIL_MAX);
                c.util_max.set(1025);
            })
        }),
        (clamp, |s| {
            controls(s, |c| {
                c.flags.set(CONTROL_UTIL_MIN | CONTROL_UTIL_MAX);
                c.util_min.set(6);
                c.util_max.set(5);
            })
        }),
        (zero, |s| controls(s, |c| c.dispatch.set(1))),
        (zero, |s| controls(s, |c| c.dispatch_len.set(1))),
        (zero, |s| controls(s, |c| c.dispatch_selector.set(1))),
        ("belongs to no task that comes before it", |s| {
            controls(s, |c| c.tid.set(9))
        }),
        ("second record of this kind for one task", |s| {
            controls(s, |_| ());
            controls(s, |_| ());
        }),
    ]);
}

#[test]
fn deadlines() {
    refused(&[
        ("impossible deadline", |s| deadline(s, [0, 1, 1])),
        ("impossible deadline", |s| deadline(s, [2, 1, 1])),
        ("impossible deadline", |s| deadline(s, [1, 2, 1])),
        ("impossible deadline", |s| deadline(s, [1, 1, 1 << 63])),
        ("unknown flag", |s| {
            deadline(s, [1, 1, 1]);
            s.edit(0, |d: &mut Deadline| d.flags.set(4));
        }),
        ("second record of this kind for one task", |s| {
            deadline(s, [1, 1, 1]);
            deadline(s, [1, 1, 1]);
        }),
    ]);
}
