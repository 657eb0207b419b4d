// SPDX-License-Identifier: GPL-2.0

//! Each check of a vDSO has a case that fails without it; and what is found of its entry points.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    mm::Mm,
    vdso::{
        elf::{
            Elf,
            Entry, //
        },
        Vdso,
        VDSO_MAX, //
    },
};
use sample::{
    accepted,
    obj,
    refused,
    Sample,
    PAGE, //
};
use zerocopy::FromZeros;

const LEN: usize = PAGE as usize;

/// Where the parts of the file are.
const SEGMENTS: usize = 0x40;
const DYNAMIC: usize = 0x100;
const SYMBOLS: usize = 0x200;

/// How numbers are in a file.
#[derive(Clone, Copy)]
struct Form {
    wide: bool,
    big: bool,
}

const FORMS: [Form; 3] = [
    Form {
        wide: true,
        big: false,
    },
    Form {
        wide: false,
        big: false,
    },
    Form {
        wide: true,
        big: true,
    },
];

impl Form {
    fn word(self) -> usize {
        if self.wide {
            8
        } else {
            4
        }
    }

    fn symbol(self) -> usize {
        if self.wide {
            24
        } else {
            16
        }
    }

    fn put(self, bytes: &mut [u8], at: usize, len: usize, value: u64) {
        let field = &mut bytes[at..at + len];
        if self.big {
            field.copy_from_slice(&value.to_be_bytes()[8 - len..]);
        } else {
            field.copy_from_slice(&value.to_le_bytes()[..len]);
        }
    }

    /// Puts a symbol, whose name is `name` bytes into the names.
    fn put_symbol(self, bytes: &mut [u8], n: usize, name: u64, info: u64, (at, len): (u64, u64)) {
        let start = SYMBOLS + n * self.symbol();
        let (of_info, section, value, size) = match self.wide {
            true => (4, 6, 8, 16),
            false => (12, 14, 4, 8),
        };
        self.put(bytes, start, 4, name);
        self.put(bytes, start + of_info, 1, info);
        self.put(bytes, start + section, 2, 12);
        self.put(bytes, start + value, self.word(), at);
        self.put(bytes, start + size, self.word(), len);
    }

    /// Returns a file with two entry points and a symbol that is none.
    fn file(self) -> Vec<u8> {
        let mut bytes = vec![0; LEN];
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[4] = if self.wide { 2 } else { 1 };
        bytes[5] = if self.big { 2 } else { 1 };
        let word = self.word();
        let (headers, size, count, header) = match self.wide {
            true => (0x20, 0x36, 0x38, 56),
            false => (0x1c, 0x2a, 0x2c, 32),
        };
        self.put(&mut bytes, headers, word, SEGMENTS as u64);
        self.put(&mut bytes, size, 2, header);
        self.put(&mut bytes, count, 2, 2);
        self.put(&mut bytes, SEGMENTS, 4, 1);
        let second = SEGMENTS + header as usize;
        self.put(&mut bytes, second, 4, 2);
        self.put(&mut bytes, second + word, word, DYNAMIC as u64);
        let names = SYMBOLS + 4 * self.symbol();
        for (n, (tag, value)) in [(6, SYMBOLS), (5, names), (0, 0)].into_iter().enumerate() {
            self.put(&mut bytes, DYNAMIC + 2 * n * word, word, tag);
            self.put(&mut bytes, DYNAMIC + (2 * n + 1) * word, word, value as u64);
        }
        bytes[names..names + 11].copy_from_slice(b"\0one\0other\0");
        self.put_symbol(&mut bytes, 1, 1, 0x12, (0x800, 16));
        self.put_symbol(&mut bytes, 2, 5, 0x22, (0x900, 32));
        // A variable.
        self.put_symbol(&mut bytes, 3, 1, 0x11, (0xa00, 8));
        bytes
    }
}

fn entries(bytes: &[u8]) -> Vec<Entry<'_>> {
    Elf::new(bytes).map_or(vec![], |elf| elf.entries().collect())
}

#[test]
fn entry_points() {
    for form in FORMS {
        let file = form.file();
        let found = entries(&file);
        let known = [(&b"one"[..], 0x800, 16), (b"other", 0x900, 32)];
        let entry = |(name, at, len)| Entry {
            name,
            at,
            len,
            thumb: false,
        };
        assert_eq!(known.map(entry), *found);
        let elf = Elf::new(&file).expect("it is one");
        assert_eq!(Some(0x900), elf.entry(b"other").map(|e| e.at));
        assert_eq!(None, elf.entry(b"another"));
    }
}

/// An odd address is that of Thumb code on 32-bit ARM only, and only of a function.
#[test]
fn thumb_code() {
    let [_, form, _] = FORMS;
    for (machine, info, at, thumb) in [
        (40, 0x12, 0x800, true),
        (40, 0x10, 0x801, false),
        (3, 0x12, 0x801, false),
    ] {
        let mut file = form.file();
        form.put(&mut file, 0x12, 2, machine);
        form.put_symbol(&mut file, 1, 1, info, (0x801, 16));
        let found = entries(&file);
        assert_eq!((at, thumb), (found[0].at, found[0].thumb));
        assert_eq!(0x801, found[0].target());
        assert_eq!((0x900, false), (found[1].target(), found[1].thumb));
    }
    let mut file = form.file();
    form.put(&mut file, 0x12, 2, 40);
    form.put_symbol(&mut file, 1, 1, 0x12, (1, 16));
    assert_eq!(1, entries(&file).len());
}

/// Nothing that is in a file leads out of it.
#[test]
fn strange_files() {
    for form in FORMS {
        let file = form.file();
        for at in 0..SYMBOLS + 5 * form.symbol() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut file = file.clone();
                file[at] = value;
                for e in entries(&file) {
                    assert!(e.at + e.len <= file.len() && !e.name.is_empty());
                }
            }
        }
        for len in 0..file.len() {
            for e in entries(&file[..len]) {
                assert!(e.at + e.len <= len);
            }
        }
        // Prelinked, or not from its beginning on.
        let mut prelinked = file.clone();
        form.put(
            &mut prelinked,
            SEGMENTS + 2 * form.word(),
            form.word(),
            4096,
        );
        assert!(Elf::new(&prelinked).is_none());
    }
}

/// The first address space has a vDSO of a page of data and one of code.
fn add(s: &mut Sample, change: impl FnOnce(&mut Vdso, &mut Vec<u8>)) {
    let mut payload = vec![0; LEN];
    payload.extend(FORMS[0].file());
    s.edit(0, |m: &mut Mm| m.vdso_len.set(3 * PAGE));
    s.edit(5, |v: &mut checkpoint_image::image::mm::Vma| {
        v.end.set(v.start.get() + 3 * PAGE)
    });
    s.add_object(|v: &mut Vdso, obj| {
        v.obj.set(obj);
        v.data_len.set(LEN as u32);
        v.code_len.set(LEN as u32);
    });
    let record = s.records.pop().expect("one was added");
    let at = s.position(Kind::Mm, 0);
    s.records.insert(at, record);
    let mut body = Vdso::new_zeroed();
    s.edit(0, |v: &mut Vdso| {
        change(v, &mut payload);
        body = *v;
    });
    s.records[at].payload = payload;
    s.edit(0, |m: &mut Mm| m.vdso_code = body.obj);
}

fn some(s: &mut Sample) {
    add(s, |_, _| ());
}

#[test]
fn possible() {
    accepted(&[
        some,
        |s| add(s, |v, _| v.landing.set(0x900)),
        |s| {
            add(s, |v, payload| {
                v.data_len.set(0);
                payload.drain(..LEN);
            })
        },
    ]);
}

#[test]
fn impossible() {
    let size = "impossible size of data or code";
    let length = "data and code are not as long as announced";
    let landing = "system calls return to no place in the code";
    let zero = "reserved or unused field is not zero";
    let code = "code without entry points";
    refused(&[
        (size, |s| add(s, |v, _| v.code_len.set(0))),
        (size, |s| add(s, |v, _| v.code_len.set(1))),
        (size, |s| add(s, |v, _| v.data_len.set(8))),
        (length, |s| add(s, |v, _| v.data_len.set(0))),
        (length, |s| add(s, |v, _| v.data_len.set(u32::MAX - 4095))),
        (length, |s| {
            add(s, |v, payload| {
                payload.resize(VDSO_MAX + LEN, 0);
                v.code_len.set(VDSO_MAX as u32);
            })
        }),
        (landing, |s| add(s, |v, _| v.landing.set(1))),
        (landing, |s| add(s, |v, _| v.landing.set(LEN as u32))),
        (zero, |s| add(s, |v, _| v.reserved.set(1))),
        (zero, |s| add(s, |v, _| v.reserved2.set(1))),
        (code, |s| add(s, |_, payload| payload[LEN] = 0)),
        ("vDSO is mapped in part only", |s| {
            some(s);
            s.edit(0, |m: &mut Mm| m.vdso_len.set(PAGE));
        }),
        ("refers to an object of the wrong kind", |s| {
            some(s);
            s.edit(0, |m: &mut Mm| m.vdso_code.set(obj::EXE));
        }),
        ("refers to an object that is not in the image", |s| {
            some(s);
            s.edit(0, |m: &mut Mm| m.vdso_code.set(obj::LAST + 9));
        }),
    ]);
}
