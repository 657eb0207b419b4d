// SPDX-License-Identifier: GPL-2.0

//! Each check of what tasks share of scheduling has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    sharing::*,
    Body, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};
use zerocopy::FromZeros;

/// Adds a record of the `n`th task.
fn of<T: Body + FromZeros>(s: &mut Sample, n: usize, fill: impl FnOnce(&mut T)) {
    let mut body = T::new_zeroed();
    fill(&mut body);
    s.add(body, &[]);
    let record = s.records.pop().expect("one was added");
    let at = s.position(Kind::Task, n) + 1;
    s.records.insert(at, record);
}

/// Thread `tid`, the `n`th, has the cookie of `first`.
fn cookie(s: &mut Sample, n: usize, tid: u32, first: u32) {
    of(s, n, |b: &mut CoreCookie| {
        b.tid.set(tid);
        b.first.set(first);
    });
}

/// The same of an autogroup with `nice`.
fn autogroup(s: &mut Sample, n: usize, tid: u32, first: u32, nice: i32) {
    of(s, n, |b: &mut Autogroup| {
        b.tid.set(tid);
        b.first.set(first);
        b.nice.set(nice);
    });
}

#[test]
fn possible() {
    accepted(&[
        |s| cookie(s, 0, 1, 1),
        |s| {
            cookie(s, 0, 1, 1);
            cookie(s, 1, 2, 1);
            cookie(s, 2, 3, 3);
        },
        |s| autogroup(s, 0, 1, 1, -20),
        |s| {
            autogroup(s, 0, 1, 1, 19);
            autogroup(s, 2, 3, 1, 0);
        },
    ]);
}

#[test]
fn impossible() {
    let before = "shares with a task that has none before it";
    let zero = "reserved or unused field is not zero";
    refused(&[
        (before, |s| cookie(s, 0, 1, 3)),
        (before, |s| cookie(s, 2, 3, 1)),
        (before, |s| autogroup(s, 2, 3, 1, 0)),
        (before, |s| {
            cookie(s, 0, 1, 1);
            autogroup(s, 2, 3, 1, 0);
        }),
        ("of an exited task", |s| cookie(s, 3, 4, 4)),
        ("second record of this kind for one task", |s| {
            cookie(s, 0, 1, 1);
            cookie(s, 0, 1, 1);
        }),
        ("belongs to no task that comes before it", |s| {
            cookie(s, 0, 3, 3)
        }),
        ("does not stand with the records of its task", |s| {
            cookie(s, 1, 1, 1)
        }),
        ("impossible nice value", |s| autogroup(s, 0, 1, 1, 20)),
        ("impossible nice value", |s| autogroup(s, 0, 1, 1, -21)),
        (zero, |s| {
            autogroup(s, 0, 1, 1, 0);
            autogroup(s, 2, 3, 1, 1);
        }),
        (zero, |s| {
            of(s, 0, |b: &mut Autogroup| {
                b.tid.set(1);
                b.first.set(1);
                b.reserved.set(1);
            })
        }),
    ]);
}
