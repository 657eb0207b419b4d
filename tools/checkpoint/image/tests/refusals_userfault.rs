// SPDX-License-Identifier: GPL-2.0

//! Each check of userfaultfds, and of what they watch, has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
    mm::{
        Guard,
        Guards,
        Vma, //
    },
    task::Container,
    userfault::*, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

const UFFD: u32 = obj::LAST + 1;
const FILE: u32 = obj::LAST + 2;

/// Bytes of a page of the sample.
const PAGE: u64 = 0x1000;

/// The third mapping of the sample, with three pages, of which the last is guarded.
const START: u64 = 0x13000;

/// Adds a userfaultfd of the first address space, and changes it.
fn uffd(s: &mut Sample, change: impl FnOnce(&mut Userfaultfd)) {
    s.add_object(|u: &mut Userfaultfd, obj| {
        u.obj.set(obj);
        u.mm.set(obj::MM);
        u.flags.set(USERFAULT_FLAGS);
        u.features.set(u32::MAX);
        change(u);
    });
}

/// Adds an open file for one, and changes it.
fn file(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    uffd(s, |_| ());
    let mut file = OpenFile::new_zeroed();
    file.obj.set(FILE);
    file.kind.set(FILE_USERFAULTFD);
    file.flags.set(open::READ | open::NONBLOCK);
    file.inode.set(UFFD);
    file.mode.set(0o600);
    change(&mut file);
    s.edit(0, |c: &mut Container| c.objects.set(FILE));
    s.add(file, &[]);
}

/// Puts what one watches behind the mapping number `nth`, and changes that.
fn watched(
    s: &mut Sample,
    nth: usize,
    runs: &[(u64, u32, u32)],
    change: impl FnOnce(&mut Watched),
) {
    uffd(s, |_| ());
    let runs: Vec<WatchedRun> = runs
        .iter()
        .map(|&(start, pages, state)| WatchedRun {
            start: start.into(),
            pages: pages.into(),
            state: state.into(),
        })
        .collect();
    let mut body = Watched::new_zeroed();
    body.uffd.set(UFFD);
    body.modes.set(WATCH_MISSING | WATCH_WP);
    body.runs.set(runs.len() as u32);
    change(&mut body);
    s.add(body, runs.as_slice().as_bytes());
    let record = s.records.pop().expect("one was added");
    let at = s.position(Kind::Vma, nth) + 1;
    s.records.insert(at, record);
}

/// The same behind the third one.
fn runs(s: &mut Sample, runs: &[(u64, u32, u32)]) {
    watched(s, 2, runs, |_| ());
}

#[test]
fn userfaultfds() {
    refused(&[
        ("unknown flag", |s| {
            uffd(s, |u| u.flags.set(USERFAULT_FLAGS + 1))
        }),
        ("reserved or unused field is not zero", |s| {
            uffd(s, |u| u.flags.set(USERFAULT_FLAGS & !USERFAULT_INITIALIZED))
        }),
        ("refers to an object of the wrong kind", |s| {
            uffd(s, |u| u.mm.set(obj::PIPE))
        }),
        ("payload where none belongs", |s| {
            uffd(s, |_| ());
            s.payload(Kind::Userfaultfd, 0).push(1);
        }),
    ]);
    accepted(&[
        |s| uffd(s, |_| ()),
        // Its address space is gone.
        |s| uffd(s, |u| u.mm.set(0)),
        |s| {
            uffd(s, |u| {
                u.flags.set(0);
                u.features.set(0);
            })
        },
    ]);
}

#[test]
fn files() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        (UNUSED, |s| file(s, |f| f.pos.set(1))),
        (UNUSED, |s| file(s, |f| f.size.set(1))),
        ("refers to an object of the wrong kind", |s| {
            file(s, |f| f.inode.set(obj::PIPE))
        }),
        ("unknown flag", |s| file(s, |f| f.flags.set(open::DIRECT))),
        ("mode does not fit the kind of file", |s| {
            file(s, |f| f.mode.set(0o100600))
        }),
    ]);
    accepted(&[|s| file(s, |_| ())]);
}

/// Adds /dev/userfaultfd, opened, and changes it.
fn device(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    s.add_object(|f: &mut OpenFile, obj| {
        f.obj.set(obj);
        f.kind.set(FILE_USERFAULTFD_DEVICE);
        f.flags.set(open::READ);
        f.mode.set(0o020600);
        change(f);
    });
    let last = s.records.last_mut().expect("one was added");
    last.payload = b"/dev/userfaultfd".to_vec();
}

#[test]
fn devices() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        (UNUSED, |s| device(s, |f| f.inode.set(1))),
        (UNUSED, |s| device(s, |f| f.size.set(1))),
        ("mode does not fit the kind of file", |s| {
            device(s, |f| f.mode.set(0o100600))
        }),
        ("path empty or too long", |s| {
            device(s, |_| ());
            s.records.last_mut().expect("it was added").payload.clear();
        }),
    ]);
    accepted(&[|s| device(s, |_| ())]);
}

#[test]
fn memory() {
    const NONE: &str = "userfaultfd that watches no mapping, or one twice";
    const OTHER: &str = "userfaultfd of another address space";
    const NOTHING: &str = "watched for nothing, or for what does not go together";
    refused(&[
        // The vDSO.
        (NONE, |s| watched(s, 5, &[], |_| ())),
        (NONE, |s| {
            runs(s, &[]);
            let at = s.position(Kind::Watched, 0);
            let record = s.records[at].clone();
            s.records.insert(at, record);
        }),
        // Guards come after it.
        (NONE, |s| {
            runs(s, &[]);
            let (at, guards) = (s.position(Kind::Watched, 0), s.position(Kind::Guards, 0));
            s.records.swap(at, guards);
        }),
        (OTHER, |s| {
            runs(s, &[]);
            s.edit(0, |u: &mut Userfaultfd| u.mm.set(obj::MM2));
        }),
        (OTHER, |s| {
            runs(s, &[]);
            s.edit(0, |u: &mut Userfaultfd| u.mm.set(0));
        }),
        ("refers to an object of the wrong kind", |s| {
            watched(s, 2, &[], |w| w.uffd.set(obj::MM))
        }),
        (NOTHING, |s| watched(s, 2, &[], |w| w.modes.set(0))),
        (NOTHING, |s| {
            watched(s, 2, &[], |w| w.modes.set(WATCH_WP | WATCH_RWP))
        }),
        ("unknown flag", |s| {
            watched(s, 2, &[], |w| w.modes.set(WATCH_ALL + 1))
        }),
        ("reserved or unused field is not zero", |s| {
            watched(s, 2, &[], |w| w.reserved.set(1))
        }),
        ("number of runs is not as announced", |s| {
            watched(s, 2, &[], |w| w.runs.set(1))
        }),
    ]);
    accepted(&[
        |s| runs(s, &[]),
        |s| watched(s, 3, &[], |_| ()),
        // With contents in it and behind it.
        |s| watched(s, 0, &[], |_| ()),
        |s| watched(s, 1, &[], |_| ()),
        |s| watched(s, 2, &[], |w| w.modes.set(WATCH_MINOR | WATCH_RWP)),
        // Guards need not follow.
        |s| {
            runs(s, &[]);
            let at = s.position(Kind::Guards, 0);
            s.records.remove(at);
        },
    ]);
}

#[test]
fn pages() {
    const PLACE: &str = "runs overlap, are out of order, or lie outside of the mapping";
    const STATE: &str = "pages in no state, or in an impossible one";
    refused(&[
        (PLACE, |s| runs(s, &[(START - PAGE, 1, PAGES_PRESENT)])),
        (PLACE, |s| runs(s, &[(START, 4, PAGES_PRESENT)])),
        (PLACE, |s| runs(s, &[(START, 0, PAGES_PRESENT)])),
        (PLACE, |s| runs(s, &[(START + 1, 1, PAGES_PRESENT)])),
        (PLACE, |s| {
            runs(
                s,
                &[(START, 2, PAGES_PRESENT), (START + PAGE, 1, PAGES_POISONED)],
            )
        }),
        ("impossible number of pages", |s| {
            runs(s, &[(u64::MAX - PAGE + 1, 1, PAGES_PRESENT)])
        }),
        (STATE, |s| runs(s, &[(START, 1, 0)])),
        (STATE, |s| {
            runs(s, &[(START, 1, PAGES_POISONED | PAGES_PRESENT)])
        }),
        ("unknown flag", |s| runs(s, &[(START, 1, PAGES_ALL + 1)])),
        ("pages that are protected, but not watched for that", |s| {
            watched(s, 2, &[(START, 1, PAGES_PROTECTED)], |w| {
                w.modes.set(WATCH_MISSING)
            })
        }),
    ]);
    accepted(&[|s| {
        runs(
            s,
            &[
                (START, 1, PAGES_PRESENT | PAGES_PROTECTED),
                (START + PAGE, 1, PAGES_POISONED),
                (START + 2 * PAGE, 1, PAGES_PROTECTED),
            ],
        )
    }]);
}

/// It does not hide what else is told of a mapping.
#[test]
fn guards() {
    refused(&[("outside of what can have contents", |s| {
        runs(s, &[]);
        s.elements(Kind::Guards, |guards: &mut Vec<Guard>| {
            guards[0].start.set(START);
        });
    })]);
}

/// The sample is as the numbers above say.
#[test]
fn numbers() {
    let mut s = Sample::small();
    s.edit(2, |v: &mut Vma| {
        assert_eq!((v.start.get(), v.end.get()), (START, START + 3 * PAGE));
    });
    s.edit(0, |g: &mut Guards| assert_eq!(g.regions.get(), 1));
}
