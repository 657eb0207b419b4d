// SPDX-License-Identifier: GPL-2.0

//! The memory of a process, as it goes from the image to a core file.
//!
//! Pages are appended to the core file in the order of the image. What is in no page of the
//! image has no bytes in the core file either: a debugger takes it from the mapped file, or as
//! zeros.

use image::image::{
    contents::{
        Extent,
        EXTENT_MM,
        EXTENT_TAGGED, //
    },
    files::{
        FILE_CONTENTS,
        FILE_MEMFD,
        FILE_SHARED_ANON,
        FILE_UNLINKED, //
    },
    mm::{
        vma,
        Vma,
        VMA_ANON,
        VMA_SHARED, //
    }, //
};
use object::{
    elf::{
        ProgramFlags,
        PF_R,
        PF_W,
        PF_X,
        PT_LOAD, //
    },
    write::elf::ProgramHeader, //
};
use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::FileExt, //
};

/// Zeros between pages of anonymous memory that are not worth a segment of their own: holes in
/// the file.
const BRIDGE: u64 = 1 << 20;

/// Pages of a mapping that lie one after the other in the core file.
#[derive(Clone, Copy)]
struct Run {
    addr: u64,
    len: u64,
    offset: u64,
}

impl Run {
    fn end(&self) -> u64 {
        self.addr.saturating_add(self.len)
    }

    /// Returns the part of it in `from..to`, if there is one.
    fn part(&self, from: u64, to: u64) -> Option<Self> {
        let addr = self.addr.max(from);
        let len = self.end().min(to).checked_sub(addr).filter(|&n| n > 0)?;
        Some(Self {
            addr,
            len,
            offset: self.offset.saturating_add(addr - self.addr),
        })
    }
}

/// A mapping.
struct Area {
    start: u64,
    end: u64,
    flags: ProgramFlags,
    /// Offset of its start in the inode.
    offset: u64,
    /// What lies between its pages is zero.
    zero: bool,
    /// Pages of its own.
    own: Vec<Run>,
    /// Pages of the inode, which show where it has none of its own.
    below: Vec<Run>,
}

impl Area {
    fn new(vma: &Vma) -> Self {
        let flags = vma.flags.get();
        let bit = |bit, p: ProgramFlags| if flags & bit != 0 { p.0 } else { 0 };
        Self {
            start: vma.start.get(),
            end: vma.end.get(),
            flags: ProgramFlags(
                bit(vma::READ, PF_R) | bit(vma::WRITE, PF_W) | bit(vma::EXEC, PF_X),
            ),
            offset: vma.offset.get(),
            zero: vma.kind.get() == VMA_ANON,
            own: Vec::new(),
            below: Vec::new(),
        }
    }

    /// Returns all pages of the image that it has, by ascending address.
    fn pages(&self) -> Vec<Run> {
        let mut all = Vec::with_capacity(self.own.len());
        let mut below = self.below.iter().peekable();
        let mut at = self.start;
        let gaps = self.own.iter().map(|&run| (run.addr, Some(run)));
        for (end, run) in gaps.chain([(self.end, None)]) {
            while let Some(&&shown) = below.peek() {
                all.extend(shown.part(at, end));
                if shown.end() > end {
                    break;
                }
                below.next();
            }
            if let Some(run) = run {
                all.push(run);
                at = run.end();
            }
        }
        all
    }
}

/// The memory of an address space.
pub struct Memory {
    mm: u32,
    areas: Vec<Area>,
    /// Areas that show an inode, by its reference.
    inodes: HashMap<u32, Vec<usize>>,
    page_size: u64,
    /// Where the core file ends so far.
    end: u64,
}

impl Memory {
    /// Makes an address space with mappings by ascending address; `inode_of` tells the kind of an
    /// open file and its inode.
    pub fn new<'a>(
        mm: u32,
        vmas: impl Iterator<Item = &'a Vma>,
        inode_of: impl Fn(u32) -> Option<(u32, u32)>,
        page_size: u64,
    ) -> Self {
        let mut memory = Self {
            mm,
            areas: Vec::new(),
            inodes: HashMap::new(),
            page_size,
            end: page_size,
        };
        for vma in vmas {
            let mut area = Area::new(vma);
            if let Some((FILE_UNLINKED | FILE_SHARED_ANON | FILE_MEMFD | FILE_CONTENTS, inode)) =
                inode_of(vma.file.get())
            {
                let users = memory.inodes.entry(inode).or_default();
                users.push(memory.areas.len());
                area.zero = vma.kind.get() == VMA_SHARED;
            }
            memory.areas.push(area);
        }
        memory
    }

    /// Returns the number of its mappings.
    pub fn len(&self) -> usize {
        self.areas.len()
    }

    /// Writes those pages of an extent that it has, of which the first is at `addr`, to the core
    /// file.
    pub fn put(&mut self, out: &File, extent: &Extent, addr: u64, bytes: &[u8]) -> io::Result<()> {
        let obj = extent.obj.get();
        if matches!(extent.kind.get(), EXTENT_MM | EXTENT_TAGGED) {
            if obj != self.mm {
                return Ok(());
            }
            let end = addr.saturating_add(bytes.len() as u64);
            let first = self.areas.partition_point(|a| a.end <= addr);
            for n in first..self.areas.len() {
                if self.areas.get(n).is_none_or(|a| a.start >= end) {
                    break;
                }
                self.append(out, n, true, addr, bytes)?;
            }
            return Ok(());
        }
        for n in self.inodes.get(&obj).cloned().unwrap_or_default() {
            let Some(area) = self.areas.get(n) else {
                continue;
            };
            // What lies before the mapped part of the inode has no address.
            let before = area.offset.saturating_sub(addr);
            let shown = usize::try_from(before).ok().and_then(|n| bytes.get(n..));
            let at = (addr.max(area.offset) - area.offset).checked_add(area.start);
            if let (Some(shown), Some(at)) = (shown, at) {
                self.append(out, n, false, at, shown)?;
            }
        }
        Ok(())
    }

    /// Appends the pages at `addr`, as far as they are in the area `n`.
    fn append(
        &mut self,
        out: &File,
        n: usize,
        own: bool,
        addr: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let Some(area) = self.areas.get_mut(n) else {
            return Ok(());
        };
        let all = Run {
            addr,
            len: bytes.len() as u64,
            offset: 0,
        };
        // The offset is that in `bytes`.
        let Some(part) = all.part(area.start, area.end) else {
            return Ok(());
        };
        let shown = usize::try_from(part.offset)
            .ok()
            .and_then(|n| bytes.get(n..))
            .and_then(|b| b.get(..usize::try_from(part.len).ok()?))
            .unwrap_or(&[]);
        let runs = if own { &mut area.own } else { &mut area.below };
        let bridge = if area.zero { BRIDGE } else { 0 };
        let offset = match runs.last_mut() {
            Some(last)
                if last.offset.saturating_add(last.len) == self.end
                    && part
                        .addr
                        .checked_sub(last.end())
                        .is_some_and(|n| n <= bridge) =>
            {
                let gap = part.addr - last.end();
                last.len += gap + part.len;
                self.end + gap
            }
            _ => {
                runs.push(Run {
                    offset: self.end,
                    ..part
                });
                self.end
            }
        };
        out.write_all_at(shown, offset)?;
        self.end = offset + part.len;
        Ok(())
    }

    /// Writes pages that came with others, of which the first is at `addr`, to the core file: into
    /// what was taken for zeros, or behind all.
    pub fn put_shared(&mut self, out: &File, addr: u64, bytes: &[u8]) -> io::Result<()> {
        let end = addr.saturating_add(bytes.len() as u64);
        let mut n = self.areas.partition_point(|a| a.end <= addr);
        while let Some(area) = self.areas.get_mut(n).filter(|a| a.start < end) {
            let (from, to) = (addr.max(area.start), end.min(area.end));
            let shown = usize::try_from(from - addr)
                .ok()
                .and_then(|n| bytes.get(n..))
                .and_then(|b| b.get(..usize::try_from(to - from).ok()?))
                .unwrap_or(&[]);
            n += 1;
            let place = area.own.partition_point(|run| run.end() <= from);
            if let Some(part) = area.own.get(place).and_then(|run| run.part(from, to)) {
                out.write_all_at(shown, part.offset)?;
                continue;
            }
            let offset = self.end;
            let before = place.checked_sub(1).and_then(|n| area.own.get_mut(n));
            match before {
                Some(run) if run.end() == from && run.offset + run.len == offset => {
                    run.len += to - from;
                }
                _ => area.own.insert(
                    place,
                    Run {
                        addr: from,
                        len: to - from,
                        offset,
                    },
                ),
            }
            out.write_all_at(shown, offset)?;
            self.end = offset.saturating_add(to - from);
        }
        Ok(())
    }

    /// Returns where the core file goes on.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Reads `bytes` at `addr` from the core file; false: not all of them are in it.
    pub fn peek(&self, out: &File, addr: u64, bytes: &mut [u8]) -> bool {
        let n = self.areas.partition_point(|a| a.end <= addr);
        let Some(area) = self.areas.get(n) else {
            return false;
        };
        let end = addr.saturating_add(bytes.len() as u64);
        area.pages()
            .iter()
            .filter_map(|run| run.part(addr, end))
            .find(|part| part.len == bytes.len() as u64)
            .is_some_and(|part| out.read_exact_at(bytes, part.offset).is_ok())
    }

    /// Returns the segments, by ascending address: one for each run of pages, and for what is
    /// between.
    pub fn segments(&self) -> Vec<ProgramHeader> {
        let mut all = Vec::new();
        for area in &self.areas {
            let mut segment = |addr: u64, len: u64, offset: u64, file_len: u64| {
                if len > 0 {
                    all.push(ProgramHeader {
                        p_type: PT_LOAD,
                        p_flags: area.flags,
                        p_offset: offset,
                        p_vaddr: addr,
                        p_paddr: 0,
                        p_filesz: file_len,
                        p_memsz: len,
                        p_align: self.page_size,
                    });
                }
            };
            let mut at = area.start;
            for run in area.pages() {
                segment(at, run.addr.saturating_sub(at), self.end, 0);
                segment(run.addr, run.len, run.offset, run.len);
                at = run.end();
            }
            segment(at, area.end.saturating_sub(at), self.end, 0);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of the process hide those of the inode, in parts too.
    #[test]
    fn own_pages_over_the_inode() {
        let run = |addr, len, offset| Run { addr, len, offset };
        let mut area = Area {
            start: 100,
            end: 200,
            flags: ProgramFlags(0),
            offset: 0,
            zero: false,
            own: vec![run(110, 10, 1000), run(150, 10, 1010)],
            below: vec![run(100, 25, 2000), run(140, 60, 2025)],
        };
        let seen = |area: &Area| -> Vec<_> {
            let pages = area.pages();
            pages.iter().map(|r| (r.addr, r.len, r.offset)).collect()
        };
        assert_eq!(
            seen(&area),
            [
                (100, 10, 2000),
                (110, 10, 1000),
                (120, 5, 2020),
                (140, 10, 2025),
                (150, 10, 1010),
                (160, 40, 2045),
            ]
        );
        area.below.clear();
        assert_eq!(seen(&area), [(110, 10, 1000), (150, 10, 1010)]);
    }
}
