// SPDX-License-Identifier: GPL-2.0

//! Core files made of images.

// The name that the sample knows it by.
extern crate image as checkpoint_image;

#[path = "../../image/tests/sample/mod.rs"]
mod sample;

mod command;

use checkpoint_image::image::{
    contents::{
        EXTENT_INODE,
        EXTENT_TAGGED,
        TAGGED_BYTES, //
    },
    header::arch,
    kinds::Kind,
    mm::{
        vma,
        Mm,
        Vma, //
    },
    task::Regs, //
};
use command::{
    ckptinfo,
    Image, //
};
use object::{
    elf::{
        FileHeader64,
        Machine,
        NoteType,
        EM_AARCH64,
        EM_PPC64,
        EM_S390,
        EM_X86_64,
        ET_CORE,
        NT_AUXV,
        NT_FILE,
        NT_FPREGSET,
        NT_PRPSINFO,
        NT_PRSTATUS,
        NT_X86_XSTATE,
        PT_LOAD,
        PT_NOTE, //
    },
    read::elf::{
        FileHeader,
        ProgramHeader, //
    },
    Endian,
    Endianness, //
};
use sample::{
    note,
    obj,
    Sample,
    PAGE, //
};
use std::fs;

/// A core file, as others read it.
struct Core {
    bytes: Vec<u8>,
    order: Endianness,
}

/// A segment of memory: its address, bytes in memory, and contents in the file.
struct Segment {
    addr: u64,
    len: u64,
    contents: Vec<u8>,
}

impl Core {
    fn header(&self) -> &FileHeader64<Endianness> {
        FileHeader64::parse(self.bytes.as_slice()).expect("no ELF file")
    }

    fn machine(&self) -> Machine {
        self.header().e_machine(self.order)
    }

    /// The numbers of 8 bytes each in `bytes`.
    fn words(&self, bytes: &[u8]) -> Vec<u64> {
        let words = bytes
            .chunks_exact(8)
            .map(|w| w.try_into().expect("8 bytes"));
        words.map(|w| self.order.read_u64(w)).collect()
    }

    fn number(&self, bytes: &[u8]) -> u32 {
        self.order.read_u32(bytes.try_into().expect("4 bytes"))
    }

    /// The segments of memory; the notes stand before them.
    fn segments(&self) -> Vec<Segment> {
        let (order, all) = (self.order, self.bytes.as_slice());
        let segments = self.header().program_headers(order, all);
        let (notes, segments) = segments.expect("no segments").split_first().expect("none");
        assert_eq!(notes.p_type(order), PT_NOTE);
        segments
            .iter()
            .map(|s| {
                assert_eq!(s.p_type(order), PT_LOAD);
                let align = s.p_align(order);
                assert_eq!(s.p_offset(order) % align, s.p_vaddr(order) % align);
                Segment {
                    addr: s.p_vaddr(order),
                    len: s.p_memsz(order),
                    contents: s.data(order, all).expect("no contents").to_vec(),
                }
            })
            .collect()
    }

    /// Owner, type and contents of each note.
    fn notes(&self) -> Vec<(String, NoteType, Vec<u8>)> {
        let (order, all) = (self.order, self.bytes.as_slice());
        let segments = self
            .header()
            .program_headers(order, all)
            .expect("no segments");
        let mut notes = segments[0]
            .notes(order, all)
            .expect("no notes")
            .expect("no notes");
        let mut found = Vec::new();
        while let Some(note) = notes.next().expect("a note is wrong") {
            let owner = String::from_utf8_lossy(note.name()).into_owned();
            found.push((owner, note.n_type(order), note.desc().to_vec()));
        }
        found
    }

    fn note(&self, note_type: NoteType) -> Vec<u8> {
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
    let header = FileHeader64::<Endianness>::parse(bytes.as_slice()).expect("no ELF file");
    let order = header.endian().expect("no byte order");
    Ok((Core { bytes, order }, out))
}

/// A sample with arguments, floating-point registers and a shared page.
fn full() -> Sample {
    let mut sample = Sample::small();
    sample.edit(0, |m: &mut Mm| {
        m.args[0].set(0x13010);
        m.args[1].set(0x13017);
    });
    sample.extents[1].pages[0x10..0x17].copy_from_slice(b"job\0-x\0");
    let mut page = sample.extents[3].clone();
    page.extent.obj.set(obj::ANON);
    page.extent.kind.set(EXTENT_INODE);
    page.pages.fill(0x5a);
    sample.extents.push(page);
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
        said.starts_with("core file: 2 threads, 6 mappings, "),
        "{said}"
    );
    assert_eq!(core.header().e_type(core.order), ET_CORE);
    assert_eq!(core.machine(), EM_X86_64);

    let kinds: Vec<(String, NoteType)> = core.notes().into_iter().map(|n| (n.0, n.1)).collect();
    let wanted = [
        ("CORE", NT_PRSTATUS),
        ("CORE", NT_PRPSINFO),
        ("CORE", NT_AUXV),
        ("CORE", NT_FILE),
        ("CORE", NT_FPREGSET),
        ("LINUX", NT_X86_XSTATE),
        ("CORE", NT_PRSTATUS),
        ("LINUX", NT_X86_XSTATE),
    ];
    assert_eq!(kinds, wanted.map(|(owner, n)| (owner.to_owned(), n)));

    let status = core.note(NT_PRSTATUS);
    assert_eq!(status.len(), 336);
    assert_eq!(core.number(&status[32..36]), 1);
    assert_eq!(status[112..112 + 216], [7; 216]);
    assert_eq!(core.note(NT_FPREGSET), [8; 512]);
    assert_eq!(core.note(NT_X86_XSTATE), [8; 600]);

    let info = core.note(NT_PRPSINFO);
    assert_eq!(info.len(), 136);
    assert_eq!(core.number(&info[16..20]), 1000);
    assert_eq!(info[40..44], *b"job\0");
    assert_eq!(info[56..64], *b"job -x \0");

    let files = core.note(NT_FILE);
    assert_eq!(core.words(&files[..40]), [1, PAGE, 0x10000, 0x11000, 0]);
    assert_eq!(files[40..], *b"/bin/job\0");

    let page = PAGE as usize;
    let pages = &sample.extents;
    let wanted: [(u64, &[u8]); 8] = [
        (0x10000, &pages[0].pages[..page]),
        (0x11000, &pages[0].pages[page..]),
        (0x13000, &pages[1].pages),
        // Shared with that at 0x11000; a guard region.
        (0x14000, &pages[0].pages[page..]),
        (0x15000, &[]),
        (0x16000, &pages[4].pages),
        // The ring of an AIO context.
        (0x18000, &[]),
        (0x20000, &[]),
    ];
    let segments = core.segments();
    assert_eq!(segments.len(), wanted.len());
    for (segment, (addr, contents)) in segments.iter().zip(wanted) {
        assert_eq!((segment.addr, segment.len), (addr, PAGE));
        assert!(segment.contents == contents, "{addr:#x}");
    }
}

#[test]
fn of_each_architecture() {
    for (machine, number, general) in [
        (arch::X86_64, EM_X86_64, 216),
        (arch::ARM64, EM_AARCH64, 272),
        (arch::PPC64LE, EM_PPC64, 384),
        (arch::S390X, EM_S390, 216),
    ] {
        let mut sample = Sample::of(machine);
        for nth in 0..2 {
            *sample.payload(Kind::Regs, nth) = note(b"CORE\0\0\0\0", 1, &vec![7; general]);
            sample.edit(nth, |r: &mut Regs| r.notes.set(1));
        }
        let name = format!("machine-{}", number.0);
        let (core, _) = core(&name, &sample, &["--pid", "1"]).expect("no core file");
        assert_eq!(core.order.is_big_endian(), machine == arch::S390X);
        assert_eq!(core.machine(), number);
        assert_eq!(core.note(NT_PRSTATUS).len(), 112 + general + 8);
        assert_eq!(core.words(&core.note(NT_AUXV)), [6, 4096, 0, 0]);
        assert_eq!(core.note(NT_FILE).len(), 49);
        assert_eq!(core.segments()[2].addr, 0x13000);
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
    sample.extents.remove(2);
    let page = PAGE as usize;
    let tagged = &mut sample.extents[1];
    tagged.extent.kind.set(EXTENT_TAGGED);
    tagged.extent.pages.set(2);
    tagged.pages = [vec![1; page], vec![2; page]].concat();
    tagged.tags = [0xaa, 0xbb]
        .map(|tag| vec![tag; page / TAGGED_BYTES])
        .concat();
    let (core, _) = core("tagged", &sample, &[]).expect("no core file");
    let segments = core.segments();
    assert_eq!(segments[2].addr, 0x13000);
    assert_eq!(
        segments[2].contents,
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
