// SPDX-License-Identifier: GPL-2.0

//! Mutates images, with and without making their checksums right again, for `FUZZ_SECONDS`.
//!
//! A mutation that brings a message which was not seen before is kept and mutated further, as is
//! one that is accepted: so the search gets past the outer checks. Nothing may panic, and what is
//! accepted must stand being read record by record.

mod rows;
mod sample;

use checkpoint_image::{
    image::{
        record::{
            parse,
            RECORD_HEADER_LEN, //
        },
        Kind, //
    },
    Error,
    File, //
};
use sample::{
    Rec,
    Sample, //
};
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

/// Numbers that matter to a parser.
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    7,
    64,
    65,
    4095,
    4096,
    65536,
    (1 << 20) + 1,
    1 << 22,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_f000,
    1 << 63,
    u64::MAX - 4095,
    u64::MAX,
];

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Changes some bytes.
fn bytes(random: &mut Random, bytes: &mut [u8]) {
    if bytes.is_empty() {
        return;
    }
    match random.below(4) {
        0 => {
            let n = random.below(bytes.len());
            bytes[n] ^= 1 << random.below(8);
        }
        1 => {
            let n = random.below(bytes.len());
            bytes[n] = random.next() as u8;
        }
        // A whole field, at its place.
        2 => {
            let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
            let size = if random.below(2) == 0 { 4 } else { 8 };
            let at = random.below(bytes.len()) / size * size;
            for (to, from) in bytes[at..].iter_mut().zip(&number[..size]) {
                *to = *from;
            }
        }
        // A field that another one resembles.
        _ => {
            let from = random.below(bytes.len()) / 4 * 4;
            let to = random.below(bytes.len()) / 4 * 4;
            for n in 0..4 {
                if from + n < bytes.len() && to + n < bytes.len() {
                    bytes[to + n] = bytes[from + n];
                }
            }
        }
    }
}

/// Changes one record.
fn record(random: &mut Random, record: &mut Rec) {
    match random.below(12) {
        0 => record.kind = Kind::ALL[random.below(Kind::ALL.len())].number(),
        1 => record
            .payload
            .truncate(random.below(record.payload.len() + 1)),
        2 => {
            let more = random.below(64);
            let len = record.payload.len() + more;
            record.payload.resize(len, random.next() as u8);
        }
        3 => {
            let len = record.body.len() / 8 + random.below(3);
            record.body.resize(len.saturating_sub(1) * 8, 0);
        }
        4..=6 => bytes(random, &mut record.payload),
        _ => bytes(random, &mut record.body),
    }
}

fn mutate(random: &mut Random, sample: &mut Sample) {
    for _ in 0..1 + random.below(3) {
        let len = sample.records.len();
        let (a, b) = (random.below(len), random.below(len));
        match random.below(21) {
            0 => sample.records.swap(a, b),
            1 if len > 2 => {
                sample.records.remove(a);
            }
            2 if len < 200 => {
                let copy = sample.records[a].clone();
                sample.records.insert(b, copy);
            }
            3 if !sample.extents.is_empty() => {
                let n = random.below(sample.extents.len());
                let (extent, pages) = &mut sample.extents[n];
                let mut raw = Rec {
                    kind: 0,
                    body: zerocopy::IntoBytes::as_bytes(extent).to_vec(),
                    payload: Vec::new(),
                };
                bytes(random, &mut raw.body);
                if let Ok(changed) = zerocopy::FromBytes::read_from_bytes(&raw.body[..]) {
                    *extent = changed;
                }
                if random.below(4) == 0 {
                    pages.truncate(random.below(3) * 4096);
                }
            }
            4 if sample.extents.len() < 8 && !sample.extents.is_empty() => {
                let n = random.below(sample.extents.len());
                let copy = sample.extents[n].clone();
                sample.extents.push(copy);
            }
            5 if !sample.shared.is_empty() => {
                let n = random.below(sample.shared.len());
                let mut raw = zerocopy::IntoBytes::as_bytes(&sample.shared[n].1).to_vec();
                bytes(random, &mut raw);
                if let Ok(changed) = zerocopy::FromBytes::read_from_bytes(&raw[..]) {
                    sample.shared[n].1 = changed;
                }
                if random.below(4) == 0 {
                    sample.shared[n].0 = random.below(sample.extents.len() + 1);
                }
            }
            6 if sample.shared.len() < 8 && !sample.shared.is_empty() => {
                let n = random.below(sample.shared.len());
                let copy = sample.shared[n];
                sample.shared.push(copy);
            }
            7 => {
                let mut rows = sample.rows.take().unwrap_or_else(|| sample.rows());
                let len = rows.len();
                if len != 0 {
                    let n = random.below(len);
                    let mut raw = zerocopy::IntoBytes::as_bytes(&rows[n]).to_vec();
                    bytes(random, &mut raw);
                    if let Ok(changed) = zerocopy::FromBytes::read_from_bytes(&raw[..]) {
                        rows[n] = changed;
                    }
                    match random.below(8) {
                        0 => rows.swap(n, 0),
                        1 => rows.truncate(n),
                        2 => rows.push(rows[n]),
                        _ => (),
                    }
                    sample.rows = Some(rows);
                }
            }
            _ => record(random, &mut sample.records[a]),
        }
    }
}

/// Reads an image as ckptinfo does; tells what was found.
fn read(image: &[u8]) -> Result<(), (u16, &'static str)> {
    let fault = |e| match e {
        Error::Fault(fault) => {
            assert!(
                fault.at <= image.len() as u64 + (1 << 29),
                "impossible offset"
            );
            assert!(!fault.kind_name().is_empty());
            (fault.kind, fault.why)
        }
        Error::Io(e) => panic!("reading from memory failed: {e}"),
    };
    let mut file = File::open(image).map_err(fault)?;
    let counted = file.pids.iter().filter(|p| p.is_task()).count();
    assert_eq!(counted, file.summary.tasks as usize);
    for object in file.objects.iter().filter(|o| o.kind().is_some()) {
        let raw = object
            .record(&file.meta, 192)
            .expect("object without record");
        assert_eq!(Some(raw.kind), object.kind());
    }
    let all = file.verify(|_, _| ()).map_err(fault);
    if let Some(rows) = rows::verify(image) {
        assert_eq!(rows.is_ok(), all.is_ok(), "row by row: {rows:?}, at once: {all:?}");
    }
    all
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
        .unwrap_or(0x9e37_79b9_7f4a_7c15);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut random = Random(seed);
    let mut kept = vec![Sample::small()];
    let mut seen = HashSet::new();
    let (mut runs, mut accepted) = (0_u64, 0_u64);
    while Instant::now() < end {
        let mut sample = kept[random.below(kept.len())].clone();
        mutate(&mut random, &mut sample);
        let mut image = sample.bytes();
        if random.below(16) == 0 {
            // Framing, header and checksums.
            let at = random.below(image.len() - RECORD_HEADER_LEN);
            let to = (at + 64).min(image.len());
            bytes(&mut random, &mut image[at..to]);
            let _ = read(&image);
            let _ = parse(&image[at..], at as u64);
        } else {
            let result = read(&image);
            accepted += u64::from(result.is_ok());
            let fresh = result.map_or_else(|what| seen.insert(what), |()| random.below(8) == 0);
            if fresh {
                if kept.len() == KEPT {
                    let n = 1 + random.below(KEPT - 1);
                    kept.swap_remove(n);
                }
                kept.push(sample);
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
