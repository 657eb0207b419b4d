// SPDX-License-Identifier: GPL-2.0

//! Mutates images, with and without making their checksums right again, for `FUZZ_SECONDS`.
//!
//! A mutation that brings a message which was not seen before is kept and mutated further, as is
//! one that is accepted: so the search gets past the outer checks. Nothing may panic, and what is
//! accepted must stand being read record by record.

mod reading;
mod sample;

use checkpoint_image::{
    image::{
        kinds::Kind,
        mm::Mm,
        record::{
            parse,
            RECORD_HEADER_LEN, //
        },
        task::{
            Cred,
            Process,
            Task, //
        }, //
    },
    mutate::{
        mutate,
        set,
        Mutator,
        Parts,
        Random, //
    }, //
};
use reading::read;
use sample::Sample;
use std::{
    collections::HashSet,
    env,
    time::{
        Duration,
        Instant, //
    }, //
};

/// Most images that are kept.
const KEPT: usize = 4096;

/// A sample image in parts, and what they are put together to.
fn parts() -> Parts {
    let mut sample = Sample::small();
    sample.epoll();
    let image = sample.bytes();
    let parts = Parts::split(&image).expect("the sample is valid");
    assert_eq!(parts.bytes(), image, "the parts make another image");
    parts
}

/// Changes some bytes, wherever they are.
fn damage(random: &mut Random, bytes: &mut [u8]) {
    for _ in 0..1 + random.below(4) {
        let n = random.below(bytes.len());
        bytes[n] = match random.below(3) {
            0 => bytes[n] ^ 1 << random.below(8),
            1 => 0xff,
            _ => random.next() as u8,
        };
    }
}

#[test]
fn mutations() {
    let seconds = env::var("FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2);
    let seed = env::var("FUZZ_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random::new(seed);
    let mut kept = vec![parts()];
    let mut seen = HashSet::new();
    let (mut runs, mut accepted) = (0_u64, 0_u64);
    while Instant::now() < end {
        let mut parts = kept[random.below(kept.len())].clone();
        mutate(&mut random, &mut parts);
        let mut image = parts.bytes();
        if random.once_in(16) {
            // Framing, header and checksums.
            let at = random.below(image.len() - RECORD_HEADER_LEN);
            let to = (at + 64).min(image.len());
            damage(&mut random, &mut image[at..to]);
            let _ = read(&image);
            let _ = parse(&image[at..], at as u64);
        } else {
            let result = read(&image);
            accepted += u64::from(result.is_ok());
            let fresh = result.map_or_else(|what| seen.insert(what), |()| random.once_in(8));
            if fresh {
                if kept.len() == KEPT {
                    let n = 1 + random.below(KEPT - 1);
                    kept.swap_remove(n);
                }
                kept.push(parts);
            }
        }
        runs += 1;
    }
    println!(
        "{runs} images, {accepted} of them valid, {} different faults",
        seen.len()
    );
    assert!(
        seen.len() > 40,
        "the search does not get past the outer checks"
    );
}

/// Every field to each of its extremes.
#[test]
fn fields() {
    let mutator = Mutator::new(parts());
    let mut seen = HashSet::new();
    let mut names = HashSet::new();
    let mut accepted = 0;
    for n in (0..mutator.whole_turn()).step_by(2) {
        let (image, what) = mutator.nth(1, n);
        names.insert(what.split(" = ").next().unwrap_or("").to_owned());
        match read(&image) {
            Ok(()) => accepted += 1,
            Err(fault) => {
                seen.insert(fault);
            }
        }
    }
    println!(
        "{} fields, {accepted} valid, {} different faults",
        names.len(),
        seen.len()
    );
    assert!(names.len() > 150, "not every field was changed");
    assert!(seen.len() > 60, "most faults were not found");
}

/// Changes by name.
#[test]
fn by_name() {
    let mut parts = parts();
    for change in [
        "process.dumpable=2",
        "task[1].nice=-5",
        "credentials.uid[3]=0x10",
        "credentials.bounding&=~0x3",
        "credentials.securebits|=0x10",
        "credentials.numbers=1,2",
        "address space.exe=@/tmp",
        "open file[@/bin/job].path=/bin/other",
    ] {
        set(&mut parts, change).expect(change);
    }
    for change in [
        "process.none=1",
        "none.x=1",
        "task[77].nice=1",
        "task.nice=x",
        "task",
        "task.nice",
    ] {
        assert!(set(&mut parts, change).is_err(), "{change}");
    }
    let image = parts.bytes();
    let mut sample = Sample::small();
    sample.epoll();
    sample.edit::<Process>(0, |p| p.dumpable.set(2));
    sample.edit::<Task>(1, |t| t.nice.set(-5));
    sample.edit::<Cred>(0, |c| {
        c.uid[3].set(16);
        c.bounding.set((1 << 41) - 4);
        c.securebits.set(16);
    });
    *sample.payload(Kind::Cred, 0) = vec![1, 0, 0, 0, 2, 0, 0, 0];
    sample.edit::<Mm>(0, |m| m.exe.set(sample::obj::DIRECTORY));
    *sample.payload(Kind::File, 0) = b"/bin/other".to_vec();
    assert_eq!(image, sample.bytes());
}
