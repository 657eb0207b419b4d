// SPDX-License-Identifier: GPL-2.0

//! What takes long asks whether to go on, and ends where it is not to.

mod sample;

use checkpoint_image::{
    image::{
        check::{
            self,
            Object,
            Pid, //
        },
        record::{
            always,
            Records, //
        },
        task::Affinity, //
    },
    mutate::put_sums,
    xxh64, //
};
use sample::{
    header_for,
    Sample, //
};
use std::cell::Cell;
use zerocopy::FromZeros;

/// Where the metadata of an image begins.
const AT: u64 = 192;

/// Records that are read before it is asked: more than those of the sample.
const RECORDS: usize = 5000;

/// Metadata of many records, which is not all right.
fn long() -> Vec<u8> {
    let mut sample = Sample::small();
    for _ in 0..RECORDS {
        sample.add(Affinity::new_zeroed(), &[0; 8]);
    }
    sample.meta()
}

/// Runs `f` with a function that says no the `n`th time that it is asked; how often it was asked.
fn asked(n: u32, f: impl FnOnce(&dyn Fn() -> bool)) -> u32 {
    let count = Cell::new(0);
    f(&|| {
        count.set(count.get() + 1);
        count.get() != n
    });
    count.get()
}

#[test]
fn walks_over_records() {
    let meta = long();
    let all = Records::new(&meta, AT).count();
    assert!(all > RECORDS);
    let often = asked(0, |go_on| {
        assert_eq!(Records::asking(&meta, AT, go_on).count(), all);
    });
    assert!(often as usize >= RECORDS / 2000);
    for n in [1, 2, often] {
        let times = asked(n, |go_on| {
            let last = Records::asking(&meta, AT, go_on).last().unwrap();
            assert_eq!(last.err().map(|f| f.why), Some("reading was interrupted"));
        });
        assert_eq!(times, n);
    }
}

#[test]
fn checks_of_metadata() {
    let meta = long();
    let header = header_for(&meta);
    for n in [1, 3] {
        assert_eq!(
            asked(n, |go_on| {
                let fault = check::counts(&meta, AT, go_on).unwrap_err();
                assert_eq!(fault.why, "reading was interrupted");
            }),
            n
        );
        assert_eq!(
            asked(n, |go_on| {
                let counts = check::counts(&meta, AT, &always).unwrap();
                let mut objects = vec![Object::default(); counts.objects];
                let mut pids = vec![Pid::default(); counts.pids];
                let fault = check::metadata(&meta, AT, &header, &mut objects, &mut pids, go_on)
                    .unwrap_err();
                assert_eq!(fault.why, "reading was interrupted");
            }),
            n
        );
    }
    let mut sums = Vec::new();
    put_sums(&mut sums, &header, &meta);
    assert!(check::meta_sums(xxh64, &sums, &meta, &header, &always).is_ok());
    let times = asked(1, |go_on| {
        let fault = check::meta_sums(xxh64, &sums, &meta, &header, go_on).unwrap_err();
        assert_eq!(fault.why, "reading was interrupted");
    });
    assert_eq!(times, 1);
}
