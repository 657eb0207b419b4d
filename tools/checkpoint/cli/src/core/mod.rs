// SPDX-License-Identifier: GPL-2.0

//! Core files from images: one process, as a debugger opens it.

mod elf;
mod memory;
mod notes;

use crate::info::{
    model::Model,
    text::counts, //
};
use anyhow::{
    bail,
    Context, //
};
use image::{
    image::{
        contents::{
            Extent,
            BATCH_MAX,
            EXTENT_INODE, //
        },
        files::FILE_SHARED_ANON,
        header::{
            arch,
            INCOMPAT_PARENT, //
        },
        mm::Mm,
        task::{
            Task,
            TASK_LIVE, //
        }, //
    },
    File, //
};
use libcheckpoint::output::Output;
use memory::Memory;
use notes::Source;
use object::{
    elf::{
        PF_R,
        PT_NOTE, //
    },
    write::elf::ProgramHeader, //
};
use std::{
    io,
    os::unix::fs::FileExt,
    path::Path, //
};

/// A core file that is being written.
pub struct Core {
    output: Output,
    memory: Memory,
    /// Its threads, the leader first if that lives.
    tasks: Vec<Task>,
    mm: Mm,
    /// Its pages that came with others, by address space and address of these.
    shared: Vec<Extent>,
    page_size: u64,
}

/// Most bytes that a shared extent can have.
const SHARED_MAX: u64 = BATCH_MAX as u64;

/// Returns whether it is an address space of a 32-bit program: Documentation/checkpoint/arch/.
fn is_narrow(machine: u32, mm: &Mm) -> bool {
    let [first, _, third, _] = mm.context.map(|word| word.get());
    match machine {
        arch::X86_64 => third & 1 != 0,
        arch::ARM64 => first & 1 != 0,
        _ => false,
    }
}

impl Core {
    /// Begins the core file `path` of the process `pid`, or of the root of what is in the image.
    pub fn new<R>(
        file: &File<R>,
        model: &Model,
        pid: Option<u32>,
        path: &Path,
    ) -> anyhow::Result<Self> {
        let pid = pid.unwrap_or(model.container.root.get());
        let of_process = || model.tasks.iter().filter(|t| t.tgid.get() == pid);
        let tasks: Vec<Task> = of_process()
            .filter(|t| t.state.get() == TASK_LIVE)
            .copied()
            .collect();
        let Some(first) = tasks.first() else {
            match of_process().next() {
                Some(_) => bail!(
                    "process {pid} has exited, and has no memory that a core file could be made of"
                ),
                None => bail!(
                    "there is no process {pid} in the image: ckptinfo --tree shows which there are"
                ),
            }
        };
        let mm = first.mm.get();
        let (body, mappings) = model.mms.get(&mm).with_context(|| {
            format!("process {pid} has no memory that a core file could be made of")
        })?;
        if file.header.incompat.get() & INCOMPAT_PARENT != 0 {
            bail!(
                "the image holds only what has changed since its parent image: no core file can be \
                 made of it"
            );
        }
        if is_narrow(file.header.arch.get(), body) {
            bail!("process {pid} runs a 32-bit program: no core file can be made of it");
        }
        let inode_of = |n| {
            let file = &model.files.get(&n)?.file;
            let inode = file.inode.get();
            match model.segments.get(&inode) {
                Some(memory) => Some((FILE_SHARED_ANON, *memory)),
                None => Some((file.kind.get(), inode)),
            }
        };
        let vmas = mappings.iter().map(|m| &m.vma);
        let output = Output::open(path)?;
        if !output.is_named() {
            bail!(
                "a core file is not written in order, and {} is no regular file: name one that is, or a \
                 new one",
                path.display()
            );
        }
        Ok(Self {
            output,
            memory: Memory::new(mm, vmas, inode_of, file.header.page_size.get().into()),
            mm: *body,
            tasks,
            shared: Vec::new(),
            page_size: file.header.page_size.get().into(),
        })
    }

    /// Takes note of all shared extents of the image; true: the process has some, and wants to be
    /// given the pages of [`source`](Self::source).
    pub fn shares(&mut self, mut all: Vec<Extent>) -> bool {
        all.retain(|s| s.obj.get() == self.mm.obj.get());
        all.sort_unstable_by_key(|s| (s.source.get(), s.from.get()));
        self.shared = all;
        !self.shared.is_empty()
    }

    /// Takes over pages of the image, of which the first is at `addr`, where the process shares
    /// them.
    pub fn source(&mut self, extent: &Extent, addr: u64, bytes: &[u8]) -> io::Result<()> {
        if extent.kind.get() == EXTENT_INODE {
            return Ok(());
        }
        let obj = extent.obj.get();
        let end = addr.saturating_add(bytes.len() as u64);
        let first = self
            .shared
            .partition_point(|s| (s.source.get(), s.from.get() + SHARED_MAX) <= (obj, addr));
        for n in first..self.shared.len() {
            let Some(s) = self.shared.get(n).filter(|s| s.source.get() == obj) else {
                break;
            };
            let (from, len) = (s.from.get(), u64::from(s.pages.get()) * self.page_size);
            if from >= end {
                break;
            }
            let (first, last) = (from.max(addr), (from + len).min(end));
            if first >= last {
                continue;
            }
            let shown = bytes
                .get((first - addr) as usize..(last - addr) as usize)
                .unwrap_or(&[]);
            let to = s.addr.get() + (first - from);
            self.memory.put_shared(self.output.file(), to, shown)?;
        }
        Ok(())
    }

    /// Takes over pages of the image, of which the first is at `addr`.
    pub fn pages(&mut self, extent: &Extent, addr: u64, bytes: &[u8]) -> io::Result<()> {
        self.memory.put(self.output.file(), extent, addr, bytes)
    }

    /// Returns the program's arguments, as far as they are known and shown.
    fn args(&self) -> Vec<u8> {
        let [start, end] = self.mm.args.map(|n| n.get());
        let len = end.saturating_sub(start).min(notes::ARGS_LEN as u64);
        let mut args = vec![0; len as usize];
        if !self.memory.peek(self.output.file(), start, &mut args) {
            return Vec::new();
        }
        for byte in &mut args {
            if *byte == 0 {
                *byte = b' ';
            }
        }
        args
    }

    /// Ends the file when all pages were taken over. Returns what it holds, in words.
    pub fn finish<R>(self, file: &File<R>, model: &Model) -> anyhow::Result<String> {
        let machine = file.header.arch.get();
        let page_size = u64::from(file.header.page_size.get());
        let notes = Source::gather(&file.meta, machine, &self.tasks)?.bytes(
            model,
            &self.tasks,
            &self.args(),
            page_size,
        )?;
        let offset = self.memory.end();
        let mut segments = vec![ProgramHeader {
            p_type: PT_NOTE,
            p_flags: PF_R,
            p_offset: offset,
            p_vaddr: 0,
            p_paddr: 0,
            p_filesz: notes.len() as u64,
            p_memsz: 0,
            p_align: 4,
        }];
        segments.extend(self.memory.segments());
        let table_at = offset
            .saturating_add(notes.len() as u64)
            .next_multiple_of(8);
        let (header, table) = elf::headers(machine, &segments, table_at)?;
        let out = self.output.file();
        out.write_all_at(&notes, offset)?;
        out.write_all_at(&table, table_at)?;
        out.write_all_at(&header, 0)?;
        let (threads, mappings) = (self.tasks.len(), self.memory.len());
        let bytes = self.output.commit()?.unwrap_or(0);
        Ok(format!(
            "{}, {}, {}",
            counts(threads as u64, "thread"),
            counts(mappings as u64, "mapping"),
            indicatif::HumanBytes(bytes)
        ))
    }
}
