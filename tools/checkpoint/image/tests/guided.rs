// SPDX-License-Identifier: GPL-2.0

//! Metadata that a fuzzer guides by what of the checks it runs through.
//!
//! `cargo test` reads what is in the corpus, and some bytes at random. `cargo bolero test -p
//! checkpoint-image metadata` has libFuzzer look for more, and keeps it there: see
//! Documentation/checkpoint/testing.rst. Nothing may panic, and what is accepted must stand being read
//! record by record.

mod reading;
mod sample;

use checkpoint_image::image::header::arch;
use reading::read;
use sample::Sample;
use std::{
    fs,
    path::Path, //
};

const MACHINES: [u32; 4] = [arch::X86_64, arch::ARM64, arch::PPC64LE, arch::S390X];

/// An image without extents, of metadata that the input is but for its first byte, the architecture.
/// Header, checksums and trailer are right: no fuzzer finds those.
fn image(input: &[u8]) -> Vec<u8> {
    let (machine, meta) = input.split_first().unwrap_or((&0, &[]));
    let meta = &meta[..meta.len() / 8 * 8];
    let mut sample = Sample::of(arch::X86_64);
    sample.machine = (*machine).into();
    sample.extents.clear();
    sample.around(meta, |_| ())
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
