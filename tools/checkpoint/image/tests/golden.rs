// SPDX-License-Identifier: GPL-2.0

//! Images that an earlier version wrote, one for each architecture: each later one reads them, and
//! finds in them what was written.
//!
//! An image is never written again; one that has what a new version has besides gets another name.
//! `cargo test -p checkpoint-image --test golden -- --ignored` writes those that are missing.

mod sample;

use checkpoint_image::{
    file::META_AT,
    image::{
        contents::EXTENT_SHARED,
        header::arch,
        layout::Field,
        record::Records, //
    },
    xxh64,
    File, //
};
use sample::Sample;
use std::{
    fs,
    path::{
        Path,
        PathBuf, //
    }, //
};

const MACHINES: [u32; 4] = [arch::X86_64, arch::ARM64, arch::PPC64LE, arch::S390X];

/// The file of the images of `machine` that ends so.
fn place(machine: u32, ending: &str) -> PathBuf {
    // Asked at run time: checkouts share what is built.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    Path::new(&here)
        .join("tests/golden")
        .join(format!("{}{ending}", arch::name(machine)))
}

/// A field of a body, its bytes as digits.
fn shown(field: &Field, body: &[u8]) -> String {
    let len = field.width() * field.count();
    let bytes = body.iter().copied().chain(std::iter::repeat(0));
    let bytes = bytes.skip(field.at).take(len);
    let digits: String = bytes.map(|b| format!("{b:02x}")).collect();
    format!("{}={digits}", field.name)
}

/// What is in an image, a line for each field and payload.
fn contents(image: &[u8]) -> Vec<String> {
    let mut file = File::open(image).expect("its metadata is valid");
    let mut lines = Vec::new();
    for (n, raw) in Records::new(&file.meta, META_AT).enumerate() {
        let raw = raw.expect("its records are valid");
        let name = format!("{n} {}", raw.kind.name());
        for field in raw.kind.structure().fields {
            lines.push(format!("{name}: {}", shown(field, raw.body)));
        }
        let (len, sum) = (raw.payload.len(), xxh64(0, raw.payload));
        lines.push(format!("{name}: {len} bytes of payload, xxh64 {sum:016x}"));
    }
    let mut places = Vec::new();
    let pages = |obj: u32, addr: u64, sum: u64| format!("pages: {obj} {addr:x} xxh64 {sum:016x}");
    let mut rest = Vec::new();
    file.read(
        |extent, addr, bytes| {
            places.push(pages(extent.obj.get(), addr, xxh64(0, bytes)));
            Ok(())
        },
        |extents, _| {
            for s in extents.iter().filter(|e| e.kind.get() == EXTENT_SHARED) {
                let (to, from) = (s.addr.get(), s.from.get());
                rest.push(format!("shared: {} {to:x} from {from:x}", s.obj.get()));
            }
        },
    )
    .expect("the image is valid");
    lines.append(&mut places);
    lines.append(&mut rest);
    lines
}

#[test]
fn are_read() {
    for machine in MACHINES {
        let image = fs::read(place(machine, ".ckpt")).expect("there is an image");
        let wanted = fs::read_to_string(place(machine, ".txt")).expect("it is described");
        let found = contents(&image);
        // There may be fields that nobody had heard of then.
        let lost: Vec<&str> = wanted
            .lines()
            .filter(|line| !found.iter().any(|f| f == line))
            .collect();
        assert_eq!(lost, Vec::<&str>::new(), "{}", arch::name(machine));
        assert!(wanted.lines().count() > 100);
    }
}

#[test]
#[ignore = "writes the images that are missing"]
fn are_written() {
    for machine in MACHINES {
        let path = place(machine, ".ckpt");
        if path.exists() {
            continue;
        }
        let image = Sample::of(machine).bytes();
        let text = contents(&image).join("\n") + "\n";
        fs::write(path, image).expect("it can be written");
        fs::write(place(machine, ".txt"), text).expect("it can be written");
    }
}
