// SPDX-License-Identifier: GPL-2.0

//! Metadata that a fuzzer guides by what of the checks it runs through.
//!
//! `cargo test` reads what is in the corpus, and some bytes at random. `cargo bolero test -p
//! checkpoint-image metadata` has libFuzzer look for more, and keeps it there: see
//! Documentation/checkpoint/testing.rst. Nothing may panic, and what is accepted must stand being read
//! record by record.

mod reading;
mod rows;
mod sample;

use checkpoint_image::{
    crc32c,
    image::{
        check::Sum,
        header::{
            arch,
            Trailer, //
        },
        kinds::Kind,
        record::RECORD_HEADER_LEN, //
    }, //
};
use reading::read;
use sample::{
    header_for,
    put,
    seal_header,
    Sample, //
};
use std::{
    fs,
    path::Path, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

const MACHINES: [u32; 4] = [arch::X86_64, arch::ARM64, arch::PPC64LE, arch::S390X];

/// An image without extents, of metadata that the input is but for its first byte, the architecture.
/// Header, checksums and trailer are right: no fuzzer finds those.
fn image(input: &[u8]) -> Vec<u8> {
    let (machine, meta) = input.split_first().unwrap_or((&0, &[]));
    let meta = &meta[..meta.len() / 8 * 8];
    let mut header = header_for(meta);
    header.arch.set((*machine).into());
    seal_header(&mut header);
    let mut image = header.as_bytes().to_vec();
    image.extend(meta);
    let mut chain = Sum::new(crc32c);
    chain.add(header.crc.as_bytes());
    let mut trailer = Trailer::new_zeroed();
    let len = image.len() + RECORD_HEADER_LEN + size_of::<Trailer>();
    trailer.total_len.set(len as u64);
    trailer.chain.set(chain.value());
    let covered = size_of::<Trailer>() - size_of::<u32>();
    let mut sum = Sum::new(crc32c);
    sum.add(&trailer.as_bytes()[..covered]);
    trailer.crc.set(sum.value());
    put(&mut image, Kind::Trailer.number(), trailer.as_bytes(), &[]);
    image
}

/// The input that makes the metadata of `sample`.
fn input(sample: &Sample) -> Vec<u8> {
    let mut input = vec![sample.machine as u8];
    input.extend(sample.meta());
    input
}

#[test]
fn metadata() {
    bolero::check!(name = "metadata")
        .with_iterations(256)
        .for_each(|input: &[u8]| {
            let _ = read(&image(input));
        });
}

/// What the search begins with gets past all checks.
#[test]
fn corpus() {
    for machine in MACHINES {
        let name = arch::name(machine);
        let kept = fs::read(place(name)).expect("it is in the corpus");
        assert_eq!(read(&image(&kept)), Ok(()), "{name}");
        assert_eq!(read(&image(&input(&Sample::of(machine)))), Ok(()), "{name}");
    }
}

/// The file of the corpus with this name.
fn place(name: &str) -> std::path::PathBuf {
    // Asked at run time: checkouts share what is built.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let corpus = Path::new(&here).join("tests/__fuzz__/metadata/corpus");
    corpus.join(name)
}

#[test]
#[ignore = "writes what is missing of the corpus that the search begins with"]
fn is_written() {
    for machine in MACHINES {
        let path = place(arch::name(machine));
        if path.exists() {
            continue;
        }
        let mut sample = Sample::of(machine);
        sample.epoll();
        fs::create_dir_all(path.parent().unwrap()).expect("there is a directory");
        fs::write(path, input(&sample)).expect("it can be written");
    }
}
