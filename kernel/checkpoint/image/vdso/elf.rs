// SPDX-License-Identifier: GPL-2.0

//! The entry points of a vDSO, as the dynamic linker finds them.
//!
//! A vDSO is a shared object in one segment that starts with the file: what is an address in it is an
//! offset. Its bytes may be anything.

/// Most symbols that are looked at.
const SYMBOLS_MAX: usize = 256;

/// Longest name of an entry point.
const NAME_MAX: usize = 64;

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;

/// The machine whose functions have odd addresses if they are Thumb code.
const EM_ARM: u64 = 40;

/// Most headers of segments, and most entries of the dynamic section.
const HEADERS_MAX: u64 = 32;
const DYNAMIC_MAX: usize = 64;

const DT_NULL: u64 = 0;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;

/// Types and bindings of symbols, and the first section that is none.
const STT_NOTYPE: u64 = 0;
const STT_FUNC: u64 = 2;
const STB_GLOBAL: u64 = 1;
const STB_WEAK: u64 = 2;
const SHN_LORESERVE: u64 = 0xff00;

/// An entry point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name, without a version: a vDSO has each name once.
    pub name: &'a [u8],
    /// Its offset in bytes.
    pub at: usize,
    /// Bytes of its code, as far as that is told.
    pub len: usize,
    /// It is Thumb code, of 32-bit ARM.
    pub thumb: bool,
}

impl Entry<'_> {
    /// Returns what is added to the address of the vDSO to call it: pointers to Thumb code are odd.
    pub fn target(&self) -> usize {
        self.at | usize::from(self.thumb)
    }
}

/// A vDSO, of which the tables were found.
#[derive(Clone, Copy, Debug)]
pub struct Elf<'a> {
    bytes: &'a [u8],
    /// Of 64 bits.
    wide: bool,
    /// The highest byte of a number comes first.
    big: bool,
    /// Of 32-bit ARM.
    arm: bool,
    symbols: usize,
    strings: usize,
}

/// Reads `len` bytes, at most 8, as a number.
fn number(bytes: &[u8], big: bool, at: usize, len: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(len)?)?;
    let join = |sum: u64, &byte: &u8| sum.wrapping_shl(8) | u64::from(byte);
    Some(if big {
        field.iter().fold(0, join)
    } else {
        field.iter().rev().fold(0, join)
    })
}

impl<'a> Elf<'a> {
    /// Finds the tables of a vDSO. `None`: it is none, or has no symbols.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let (wide, big) = match bytes {
            [0x7f, b'E', b'L', b'F', class @ 1..=2, order @ 1..=2, ..] => {
                (*class == 2, *order == 2)
            }
            _ => return None,
        };
        let place = |at, len| usize::try_from(number(bytes, big, at, len)?).ok();
        let word = if wide { 8 } else { 4 };
        let (headers, size, count) = if wide {
            (
                place(0x20, 8)?,
                place(0x36, 2)?,
                number(bytes, big, 0x38, 2)?,
            )
        } else {
            (
                place(0x1c, 4)?,
                place(0x2a, 2)?,
                number(bytes, big, 0x2c, 2)?,
            )
        };
        let (mut loaded, mut dynamic, mut header) = (false, None, headers);
        for _ in 0..count.min(HEADERS_MAX) {
            let field = |n: usize| place(header.checked_add(n)?, word);
            let (offset, address) = if wide { (8, 16) } else { (4, 8) };
            match number(bytes, big, header, 4)? {
                PT_LOAD if loaded || field(offset)? != 0 || field(address)? != 0 => return None,
                PT_LOAD => loaded = true,
                PT_DYNAMIC => dynamic = Some(field(offset)?),
                _ => (),
            }
            header = header.checked_add(size)?;
        }
        let (mut symbols, mut strings) = (None, None);
        let mut at = dynamic.filter(|_| loaded)?;
        for _ in 0..DYNAMIC_MAX {
            let value = place(at.checked_add(word)?, word)?;
            match number(bytes, big, at, word)? {
                DT_NULL => break,
                DT_STRTAB => strings = Some(value),
                DT_SYMTAB => symbols = Some(value),
                _ => (),
            }
            at = at.checked_add(word)?.checked_add(word)?;
        }
        let (symbols, strings) = (symbols?, strings?);
        // How many there are is told by hash tables of several forms only. But all linkers have the
        // names right behind them.
        (symbols < strings && strings < bytes.len()).then_some(Self {
            bytes,
            wide,
            big,
            arm: number(bytes, big, 0x12, 2)? == EM_ARM,
            symbols,
            strings,
        })
    }

    /// Returns the bytes of a symbol.
    fn symbol_len(&self) -> usize {
        if self.wide {
            24
        } else {
            16
        }
    }

    /// Returns the symbol at `at`, if that is an entry point that lies in the vDSO.
    fn symbol(&self, at: usize) -> Option<Entry<'a>> {
        let field = |n: usize, len| number(self.bytes, self.big, at.checked_add(n)?, len);
        let (info, section, value, size, word) = if self.wide {
            (4, 6, 8, 16, 8)
        } else {
            (12, 14, 4, 8, 4)
        };
        let (info, section) = (field(info, 1)?, field(section, 2)?);
        let is_entry = matches!(info & 0xf, STT_NOTYPE | STT_FUNC)
            && matches!(info >> 4, STB_GLOBAL | STB_WEAK)
            && section != 0
            && section < SHN_LORESERVE;
        let value = usize::try_from(field(value, word)?).ok()?;
        let thumb = self.arm && info & 0xf == STT_FUNC && value % 2 != 0;
        let start = value.wrapping_sub(usize::from(thumb));
        let len = usize::try_from(field(size, word)?).ok()?;
        let end = start.checked_add(len)?;
        let name = usize::try_from(field(0, 4)?)
            .ok()?
            .checked_add(self.strings)?;
        let rest = self.bytes.get(name..)?;
        let length = rest.iter().take(NAME_MAX).position(|&c| c == 0)?;
        let inside = start != 0 && start < self.bytes.len() && end <= self.bytes.len();
        (is_entry && inside && length != 0).then_some(Entry {
            name: rest.get(..length)?,
            at: start,
            len,
            thumb,
        })
    }

    /// Runs over the entry points, in no particular order.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        let len = self.symbol_len();
        let room = self.strings.saturating_sub(self.symbols);
        let count = room.checked_div(len).unwrap_or(0).min(SYMBOLS_MAX);
        (0..count).filter_map(move |n| self.symbol(n.checked_mul(len)?.checked_add(self.symbols)?))
    }

    /// Finds the entry point `name`.
    pub fn entry(self, name: &[u8]) -> Option<Entry<'a>> {
        self.entries().find(|entry| entry.name == name)
    }
}
