// SPDX-License-Identifier: GPL-2.0

//! Registers by name.
//!
//! A register note has the layout of the note of that name in ELF core files, in the byte order
//! of the architecture that the image is of. A file for each architecture tells the layouts;
//! what they are made of is here. Images are shown whatever is in their notes: what lies outside
//! of a layout is shown as bytes.

mod arm64;
mod powerpc;
mod s390;
mod x86;

#[cfg(test)]
mod tests;

use image::{
    file::META_AT,
    image::{
        check::split_note,
        header::arch,
        kinds::Kind,
        record::{
            Fault,
            Raw,
            Records, //
        },
        task::Regs, //
    }, //
};
use serde_json::{
    json,
    Map,
    Value, //
};
use std::{
    io::{
        self,
        Write, //
    },
    ops::Range, //
};

/// Owner of the notes that all systems have.
const CORE: [u8; 8] = *b"CORE\0\0\0\0";
/// Owner of Linux' own notes.
const LINUX: [u8; 8] = *b"LINUX\0\0\0";
/// Owner of the notes that only images have.
const CKPT: [u8; 8] = *b"CKPT\0\0\0\0";

/// Number of the first note that only images have.
const CKPT_NOTES: u32 = 0x434b_0000;

/// The general registers (include/uapi/linux/elf.h, as all numbers of notes).
const NT_PRSTATUS: u32 = 1;
/// The floating-point registers.
const NT_PRFPREG: u32 = 2;

/// Byte order of registers in memory.
#[derive(Clone, Copy)]
pub enum Order {
    /// The first byte counts least.
    Little,
    /// The first byte counts most.
    Big,
}

impl Order {
    /// Returns that of the architecture `machine`.
    pub fn of(machine: u32) -> Self {
        if arch::is_big_endian(machine) {
            Self::Big
        } else {
            Self::Little
        }
    }
}

/// A part of a note.
enum Part {
    /// A register of so many bytes.
    One(&'static str, usize),
    /// Registers of so many bytes each.
    Each(&'static [&'static str], usize),
    /// Registers of so many bytes each, whose numbers stand for the `#` in their name.
    Row(&'static str, Range<usize>, usize),
    /// So many bytes without a meaning.
    Gap(usize),
}

/// What a note is made of.
enum Layout {
    /// These parts, one after the other.
    Parts(&'static [Part]),
    /// What a function finds; it returns `None` if the note is cut short.
    Own(fn(&mut Decoder<'_>) -> Option<()>),
}

/// A kind of note.
struct Set {
    owner: [u8; 8],
    note_type: u32,
    name: &'static str,
    layout: Layout,
}

impl Set {
    /// Makes the set of a note of all systems.
    const fn core(note_type: u32, name: &'static str, parts: &'static [Part]) -> Self {
        Self {
            owner: CORE,
            note_type,
            name,
            layout: Layout::Parts(parts),
        }
    }

    /// Makes the set of a note of Linux.
    const fn linux(note_type: u32, name: &'static str, parts: &'static [Part]) -> Self {
        Self {
            owner: LINUX,
            note_type,
            name,
            layout: Layout::Parts(parts),
        }
    }

    /// Makes the set of the `n`th note that only images have.
    const fn image(n: u32, name: &'static str, parts: &'static [Part]) -> Self {
        Self {
            owner: CKPT,
            note_type: CKPT_NOTES + n,
            name,
            layout: Layout::Parts(parts),
        }
    }

    /// Makes the set of a note of Linux whose contents tell its layout.
    const fn own(
        note_type: u32,
        name: &'static str,
        decode: fn(&mut Decoder<'_>) -> Option<()>,
    ) -> Self {
        Self {
            owner: LINUX,
            note_type,
            name,
            layout: Layout::Own(decode),
        }
    }

    /// Bytes of the note, if they are always as many.
    fn len(&self) -> Option<usize> {
        let Layout::Parts(parts) = self.layout else {
            return None;
        };
        let bytes = parts.iter().map(|part| match part {
            Part::One(_, width) | Part::Gap(width) => *width,
            Part::Each(names, width) => names.len() * width,
            Part::Row(_, numbers, width) => numbers.len() * width,
        });
        Some(bytes.sum())
    }
}

/// Registers of a note as they are found.
struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    order: Order,
    found: Map<String, Value>,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], order: Order) -> Self {
        Self {
            bytes,
            at: 0,
            order,
            found: Map::new(),
        }
    }

    /// Takes the next bytes; `None`: there are not as many.
    fn take(&mut self, width: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(width)?;
        let bytes = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    /// Tells whether all bytes are taken.
    fn at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Takes a register of `width` bytes.
    fn one(&mut self, name: &str, width: usize) -> Option<()> {
        let order = self.order;
        let bytes = self.take(width)?;
        self.found.insert(name.to_owned(), hex(bytes, order).into());
        Some(())
    }

    /// Registers with numbers, `width` bytes each.
    fn row(&mut self, name: &str, numbers: Range<usize>, width: usize) -> Option<()> {
        for n in numbers {
            self.one(&name.replace('#', &n.to_string()), width)?;
        }
        Some(())
    }

    /// Takes a count of at most 8 bytes, which is shown as a decimal number.
    fn count(&mut self, name: &str, width: usize) -> Option<u64> {
        let order = self.order;
        let bytes = self.take(width)?;
        let n = match order {
            Order::Little => bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)),
            Order::Big => bytes.iter().fold(0, |n, &b| n << 8 | u64::from(b)),
        };
        self.found.insert(name.to_owned(), n.into());
        Some(n)
    }

    /// Bytes without a meaning: shown if they are not zero.
    fn gap(&mut self, width: usize) -> Option<()> {
        let at = self.at;
        let bytes = self.take(width)?;
        if bytes.iter().any(|&b| b != 0) {
            self.found
                .insert(format!("unused@{at}"), dump(bytes).into());
        }
        Some(())
    }

    /// Goes on at the offset `at`, which lies before or after; `None`: not in this note.
    fn gap_to(&mut self, at: usize) -> Option<()> {
        self.gap(at.checked_sub(self.at)?)
    }

    /// Takes several parts.
    fn parts(&mut self, parts: &[Part]) -> Option<()> {
        for part in parts {
            match part {
                Part::One(name, width) => self.one(name, *width)?,
                Part::Each(names, width) => {
                    for name in *names {
                        self.one(name, *width)?;
                    }
                }
                Part::Row(name, numbers, width) => self.row(name, numbers.clone(), *width)?,
                Part::Gap(width) => self.gap(*width)?,
            }
        }
        Some(())
    }

    /// Returns what a note of the kind `set` holds.
    fn decode(mut self, set: &Set) -> Map<String, Value> {
        let whole = match set.layout {
            Layout::Parts(parts) => self.parts(parts),
            Layout::Own(decode) => decode(&mut self),
        };
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        if rest.iter().any(|&b| b != 0) || (whole.is_none() && !rest.is_empty()) {
            self.found.insert("rest".to_owned(), dump(rest).into());
        }
        if whole.is_none() {
            self.found.insert("cut_short".to_owned(), true.into());
        }
        self.found
    }
}

/// Returns the notes of an architecture.
fn sets(machine: u32) -> &'static [Set] {
    match machine {
        arch::X86_64 => x86::SETS,
        arch::ARM64 => arm64::SETS,
        arch::PPC64LE => powerpc::SETS,
        arch::S390X => s390::SETS,
        _ => &[],
    }
}

/// Returns the set of a note; among those of one type, that of its length.
fn find<'a>(sets: &'a [Set], owner: &[u8; 8], note_type: u32, len: usize) -> Option<&'a Set> {
    let of_type = || {
        sets.iter()
            .filter(|s| s.owner == *owner && s.note_type == note_type)
    };
    of_type()
        .find(|s| s.len() == Some(len))
        .or_else(|| of_type().next())
}

/// Returns a note of the architecture `machine`: its name, its length, its registers; bytes if they are
/// not known.
fn note(machine: u32, owner: &[u8; 8], note_type: u32, bytes: &[u8]) -> Value {
    match find(sets(machine), owner, note_type, bytes.len()) {
        Some(set) => json!({
            "note": set.name,
            "bytes": bytes.len(),
            "registers": Decoder::new(bytes, Order::of(machine)).decode(set),
        }),
        None => json!({
            "note": format!("note 0x{note_type:x}"),
            "bytes": bytes.len(),
            "registers": { "rest": dump(bytes) },
        }),
    }
}

/// Returns the notes of a registers record of the architecture `machine`.
pub fn notes(raw: &Raw<'_>, machine: u32) -> Result<Vec<Value>, Fault> {
    let mut notes = Vec::new();
    let mut rest = raw.payload;
    while !rest.is_empty() {
        let (found, bytes, after) = split_note(raw, rest)?;
        let note_type = found.note_type.get();
        notes.push(note(machine, &found.name, note_type, bytes));
        rest = after;
    }
    Ok(notes)
}

/// Returns the notes of all live tasks, by tid.
pub fn all(
    meta: &[u8],
    machine: u32,
) -> impl Iterator<Item = Result<(u32, Vec<Value>), Fault>> + '_ {
    Records::new(meta, META_AT).filter_map(move |raw| match raw {
        Ok(raw) if raw.kind == Kind::Regs => Some(raw.body::<Regs>().and_then(|regs| {
            let notes = notes(&raw, machine)?;
            Ok((regs.tid.get(), notes))
        })),
        Ok(_) => None,
        Err(fault) => Some(Err(fault)),
    })
}

/// Returns the notes of all live tasks as JSON.
pub fn to_json(meta: &[u8], machine: u32) -> Result<Vec<Value>, image::Error> {
    all(meta, machine)
        .map(|task| {
            let (tid, notes) = task?;
            Ok(json!({ "tid": tid, "notes": notes }))
        })
        .collect()
}

/// Notes as text, each line after `indent`.
pub fn to_text(out: &mut impl Write, notes: &[Value], indent: &str) -> io::Result<()> {
    for note in notes {
        let name = note["note"].as_str().unwrap_or("?");
        writeln!(out, "{indent}{name}: {} bytes", note["bytes"])?;
        let Some(registers) = note["registers"].as_object() else {
            continue;
        };
        let width = registers.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in registers {
            match value {
                Value::String(value) => writeln!(out, "{indent}  {name:<width$} {value}")?,
                value => writeln!(out, "{indent}  {name:<width$} {value}")?,
            }
        }
    }
    Ok(())
}

/// Returns a register as a number; those wider than a word only as `0x0` if they are.
fn hex(bytes: &[u8], order: Order) -> String {
    if bytes.len() > 8 && bytes.iter().all(|&b| b == 0) {
        return "0x0".to_owned();
    }
    let digit = |b: &u8| format!("{b:02x}");
    let digits: String = match order {
        Order::Little => bytes.iter().rev().map(digit).collect(),
        Order::Big => bytes.iter().map(digit).collect(),
    };
    format!("0x{digits}")
}

/// Bytes in the order of memory.
fn dump(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
