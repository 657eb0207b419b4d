// SPDX-License-Identifier: GPL-2.0

//! Core files made of images.

// The name that the sample knows it by.
extern crate image as checkpoint_image;

#[path = "../../image/tests/sample/mod.rs"]
mod sample;

mod command;

use checkpoint_image::image::{
    header::arch,
    kinds::Kind,
    mm::{
        vma,
        Extent,
        Mm,
        Vma,
        EXTENT_INODE,
        EXTENT_TAGGED,
        TAGGED_BYTES, //
    },
    task::Regs, //
};
use command::{
    ckptinfo,
    Image, //
};
use sample::{
    note,
    obj,
    Sample,
    PAGE, //
};
use std::fs;

const NT_FILE: u32 = 0x4649_4c45;

/// A core file, as one finds it.
struct Core {
    bytes: Vec<u8>,
    big: bool,
}

/// A program header: type, address, bytes in memory, bytes in the file.
struct Segment {
    kind: u32,
    addr: u64,
    len: u64,
    contents: Vec<u8>,
}

impl Core {
    fn number(&self, bytes: &[u8]) -> u64 {
        let next = |n, &b: &u8| n << 8 | u64::from(b);
        if self.big {
            bytes.iter().fold(0, next)
        } else {
            bytes.iter().rev().fold(0, next)
        }
    }

    fn at(&self, offset: usize, len: usize) -> u64 {
        self.number(&self.bytes[offset..offset + len])
    }

    fn segments(&self) -> Vec<Segment> {
        let table = self.at(32, 8) as usize;
        assert_eq!(self.at(54, 2), 56);
        (0..self.at(56, 2) as usize)
            .map(|n| {
                let at = table + n * 56;
                let offset = self.at(at + 8, 8) as usize;
                let segment = Segment {
                    kind: self.at(at, 4) as u32,
                    addr: self.at(at + 16, 8),
                    len: self.at(at + 40, 8),
                    contents: self.bytes[offset..][..self.at(at + 32, 8) as usize].to_vec(),
                };
                let align = self.at(at + 48, 8);
                assert_eq!(offset as u64 % align, segment.addr % align);
                segment
            })
            .collect()
    }

    /// Owner, type and contents of each note.
    fn notes(&self) -> Vec<(String, u32, Vec<u8>)> {
        let segments = self.segments();
        let notes = &segments[0];
        assert_eq!(notes.kind, 4);
        assert!(segments[1..].iter().all(|s| s.kind == 1));
        let mut all = Vec::new();
        let mut rest = notes.contents.as_slice();
        while !rest.is_empty() {
            let name_len = self.number(&rest[..4]) as usize;
            let len = self.number(&rest[4..8]) as usize;
            let note_type = self.number(&rest[8..12]) as u32;
            let name = String::from_utf8_lossy(&rest[12..12 + name_len - 1]).into_owned();
            assert_eq!(rest[12 + name_len - 1], 0);
            let at = (12 + name_len).next_multiple_of(4);
            all.push((name, note_type, rest[at..at + len].to_vec()));
            rest = &rest[(at + len).next_multiple_of(4)..];
        }
        all
    }

    fn note(&self, note_type: u32) -> Vec<u8> {
        let notes = self.notes();
        let found = notes.iter().find(|n| n.1 == note_type);
        found.expect("no such note").2.clone()
    }
}

/// The core file that comes of an image, and what the command says; or its message.
fn core(name: &str, sample: &Sample, options: &[&str]) -> Result<(Core, String), String> {
    let image = Image::new(&sample.bytes());
    let path = image.dir().join("core");
    let to = path.to_str().expect("a path in ASCII");
    let (status, out, err) = ckptinfo(&image, &[&["--core", to], options].concat());
    if status != Some(0) {
        assert!(!path.exists(), "{name}: a file is left behind");
        return Err(err);
    }
    let bytes = fs::read(&path).expect("no core file");
    let big = bytes[5] == 2;
    Ok((Core { bytes, big }, out))
}

/// A sample with arguments, floating-point registers and a shared page.
fn full() -> Sample {
    let mut sample = Sample::small();
    sample.edit(0, |m: &mut Mm| {
        m.args[0].set(0x13010);
        m.args[1].set(0x13017);
    });
    sample.extents[1].1[0x10..0x17].copy_from_slice(b"job\0-x\0");
    let mut extent: Extent = sample.extents[2].0;
    extent.obj.set(obj::ANON);
    extent.space.set(EXTENT_INODE);
    sample.extents.push((extent, vec![0x5a; PAGE as usize]));
    let notes = [
        note(b"CORE\0\0\0\0", 1, &[7; 216]),
        note(b"LINUX\0\0\0", 0x202, &[8; 600]),
    ];
    *sample.payload(Kind::Regs, 0) = notes.concat();
    sample
}

#[test]
fn of_the_root() {
    let sample = full();
    let (core, said) = core("root", &sample, &[]).expect("no core file");
    assert!(
        said.starts_with("core file: 2 threads, 5 mappings, "),
        "{said}"
    );
    assert_eq!(core.bytes[..7], *b"\x7fELF\x02\x01\x01");
    assert_eq!(core.at(16, 2), 4);
    assert_eq!(core.at(18, 2), 62);

    let kinds: Vec<(String, u32)> = core.notes().into_iter().map(|n| (n.0, n.1)).collect();
    let wanted = [
        ("CORE", 1),
        ("CORE", 3),
        ("CORE", 6),
        ("CORE", NT_FILE),
        ("CORE", 2),
        ("LINUX", 0x202),
        ("CORE", 1),
        ("LINUX", 0x202),
    ];
    assert_eq!(kinds, wanted.map(|(owner, n)| (owner.to_owned(), n)));

    let status = core.note(1);
    assert_eq!(status.len(), 336);
    assert_eq!(core.number(&status[32..36]), 1);
    assert_eq!(status[112..112 + 216], [7; 216]);
    assert_eq!(core.note(2), [8; 512]);
    assert_eq!(core.note(0x202), [8; 600]);

    let info = core.note(3);
    assert_eq!(info.len(), 136);
    assert_eq!(core.number(&info[16..20]), 1000);
    assert_eq!(info[40..44], *b"job\0");
    assert_eq!(info[56..64], *b"job -x \0");

    let files = core.note(NT_FILE);
    let words: Vec<u64> = files[..40].chunks(8).map(|w| core.number(w)).collect();
    assert_eq!(words, [1, PAGE, 0x10000, 0x11000, 0]);
    assert_eq!(files[40..], *b"/bin/job\0");

    let page = PAGE as usize;
    let pages = &sample.extents;
    let wanted: [(u64, &[u8]); 7] = [
        (0x10000, &pages[0].1[..page]),
        (0x11000, &pages[0].1[page..]),
        (0x13000, &pages[1].1),
        // Shared with that at 0x11000; a guard region.
        (0x14000, &pages[0].1[page..]),
        (0x15000, &[]),
        (0x16000, &pages[3].1),
        (0x20000, &[]),
    ];
    let segments = core.segments();
    assert_eq!(segments.len(), 1 + wanted.len());
    for (segment, (addr, contents)) in segments[1..].iter().zip(wanted) {
        assert_eq!((segment.addr, segment.len), (addr, PAGE));
        assert!(segment.contents == contents, "{addr:#x}");
    }
}

#[test]
fn of_each_architecture() {
    for (machine, number, general) in [
        (arch::X86_64, 62, 216),
        (arch::ARM64, 183, 272),
        (arch::PPC64LE, 21, 384),
        (arch::S390X, 22, 216),
    ] {
        let mut sample = Sample::of(machine);
        for nth in 0..2 {
            *sample.payload(Kind::Regs, nth) = note(b"CORE\0\0\0\0", 1, &vec![7; general]);
            sample.edit(nth, |r: &mut Regs| r.notes.set(1));
        }
        let name = format!("machine-{number}");
        let (core, _) = core(&name, &sample, &["--pid", "1"]).expect("no core file");
        assert_eq!(core.big, machine == arch::S390X);
        assert_eq!(core.at(18, 2), number);
        assert_eq!(core.note(1).len(), 112 + general + 8);
        let auxv: Vec<u64> = core.note(6).chunks(8).map(|w| core.number(w)).collect();
        assert_eq!(auxv, [6, 4096, 0, 0]);
        assert_eq!(core.note(NT_FILE).len(), 49);
        assert_eq!(core.segments()[3].addr, 0x13000);
    }
}

/// The tags of memory have no place in a core file.
#[test]
fn of_tagged_memory() {
    let mut sample = Sample::of(arch::ARM64);
    for nth in 0..2 {
        *sample.payload(Kind::Regs, nth) = note(b"CORE\0\0\0\0", 1, &[7; 272]);
        sample.edit(nth, |r: &mut Regs| r.notes.set(1));
    }
    sample.edit(2, |v: &mut Vma| {
        let flags = v.flags.get();
        v.flags.set(flags | vma::MTE);
    });
    sample.shared.clear();
    let page = PAGE as usize;
    let (extent, bytes) = &mut sample.extents[1];
    extent.space.set(EXTENT_TAGGED);
    extent.pages.set(2);
    *bytes = [
        vec![1; page],
        vec![0xaa; page / TAGGED_BYTES],
        vec![2; page],
        vec![0xbb; page / TAGGED_BYTES],
    ]
    .concat();
    let (core, _) = core("tagged", &sample, &[]).expect("no core file");
    let segments = core.segments();
    assert_eq!(segments[3].addr, 0x13000);
    assert_eq!(
        segments[3].contents,
        [vec![1; page], vec![2; page]].concat()
    );
}

#[test]
fn impossible_ones() {
    let sample = Sample::small();
    let cases = [("4", "process 4 has exited"), ("99", "no process 99")];
    for (pid, message) in cases {
        let error = core("impossible", &sample, &["--pid", pid]).err();
        assert!(
            error.as_ref().is_some_and(|e| e.contains(message)),
            "{error:?}"
        );
    }
    let mut narrow = sample.clone();
    *narrow.payload(Kind::Regs, 1) = note(b"CORE\0\0\0\0", 1, &[7; 68]);
    narrow.edit(1, |r: &mut Regs| r.notes.set(1));
    let error = core("narrow", &narrow, &[]).err();
    assert!(
        error
            .as_ref()
            .is_some_and(|e| e.contains("task 2 is not a 64-bit one")),
        "{error:?}"
    );
    // What is wrong with a page is known after it was written.
    let mut bytes = full().bytes();
    let page = bytes.len() - 1000;
    bytes[page] ^= 1;
    let image = Image::new(&bytes);
    let path = image.dir().join("core");
    let to = path.to_str().expect("a path in ASCII");
    let (status, _, err) = ckptinfo(&image, &["--core", to]);
    assert_eq!(status, Some(1));
    assert!(err.contains("checksum of the pages is wrong"), "{err}");
    assert!(!path.exists());
}

/// What is no regular file is not replaced by one.
#[test]
fn not_over_a_device() {
    let image = Image::new(&full().bytes());
    let link = image.dir().join("null");
    std::os::unix::fs::symlink("/dev/null", &link).expect("cannot make a link");
    let to = link.to_str().expect("a path in ASCII");
    let (status, _, err) = ckptinfo(&image, &["--core", to]);
    assert_eq!(status, Some(1));
    assert!(err.contains("no regular file"), "{err}");
    assert!(link.is_symlink());
}
