// SPDX-License-Identifier: GPL-2.0

//! The notes of a core file: what is known of the process and its threads.

use super::elf::{
    order,
    Bytes, //
};
use crate::info::model::Model;
use anyhow::{
    bail,
    Context, //
};
use image::{
    file::META_AT,
    image::{
        check::split_note,
        files::OpenFile,
        header::arch,
        kinds::Kind,
        mm::Mm,
        record::{
            Raw,
            Records, //
        },
        task::{
            Cred,
            Process,
            Regs,
            Task, //
        }, //
    },
    Error, //
};
use object::elf::{
    NoteType,
    NT_AUXV,
    NT_FILE,
    NT_PRFPREG,
    NT_PRPSINFO,
    NT_PRSTATUS,
    NT_X86_XSTATE, //
};
use std::collections::{
    HashMap,
    HashSet, //
};
use zerocopy::byteorder::little_endian::U64;

/// Bytes of the xstate that are the floating-point registers of older core files.
const FXSAVE_LEN: usize = 512;

/// Bytes of arguments in NT_PRPSINFO.
pub const ARGS_LEN: usize = 80;

/// The register notes of a thread: owner, type, bytes.
type Notes<'a> = Vec<([u8; 8], NoteType, &'a [u8])>;

/// What the notes are made from.
pub struct Source<'a> {
    machine: u32,
    process: Process,
    cred: Option<Cred>,
    auxv: Vec<u64>,
    /// Of the threads, by tid.
    registers: HashMap<u32, Notes<'a>>,
    /// Paths of open files, by reference.
    paths: HashMap<u32, &'a [u8]>,
}

/// Returns the bytes of the general registers of a 64-bit task.
fn general_len(machine: u32) -> usize {
    match machine {
        arch::X86_64 | arch::S390X => 27 * 8,
        arch::ARM64 => 34 * 8,
        arch::PPC64LE => 48 * 8,
        _ => 0,
    }
}

fn split<'a>(raw: &Raw<'a>) -> Result<Notes<'a>, Error> {
    let mut notes = Vec::new();
    let mut rest = raw.payload;
    while !rest.is_empty() {
        let (note, bytes, after) = split_note(raw, rest)?;
        notes.push((note.name, NoteType(note.note_type.get()), bytes));
        rest = after;
    }
    Ok(notes)
}

impl<'a> Source<'a> {
    /// Gathers what metadata have of the process with the threads `tasks`, leader first.
    pub fn gather(meta: &'a [u8], machine: u32, tasks: &[Task]) -> anyhow::Result<Self> {
        let leader = tasks.first().context("a process without threads")?;
        let tids: HashSet<u32> = tasks.iter().map(|t| t.tid.get()).collect();
        let mut process = None;
        let mut cred = None;
        let mut auxv = Vec::new();
        let mut registers = HashMap::new();
        let mut paths = HashMap::new();
        for raw in Records::new(meta, META_AT) {
            let raw = raw.map_err(Error::from)?;
            let fault = Error::from;
            match raw.kind {
                Kind::Process => {
                    let found: Process = raw.body().map_err(fault)?;
                    if found.tgid == leader.tgid {
                        process = Some(found);
                    }
                }
                Kind::Cred => {
                    let found: Cred = raw.body().map_err(fault)?;
                    if found.obj == leader.cred {
                        cred = Some(found);
                    }
                }
                Kind::Mm => {
                    let found: Mm = raw.body().map_err(fault)?;
                    if found.obj == leader.mm {
                        let words: &[U64] = raw.array(usize::MAX).map_err(fault)?;
                        auxv = words.iter().map(|n| n.get()).collect();
                    }
                }
                Kind::Regs => {
                    let found: Regs = raw.body().map_err(fault)?;
                    if tids.contains(&found.tid.get()) {
                        registers.insert(found.tid.get(), split(&raw)?);
                    }
                }
                Kind::File => {
                    let found: OpenFile = raw.body().map_err(fault)?;
                    if !raw.payload.is_empty() {
                        paths.insert(found.obj.get(), raw.payload);
                    }
                }
                _ => (),
            }
        }
        Ok(Self {
            machine,
            process: process.context("a process without a record of its own")?,
            cred,
            auxv,
            registers,
            paths,
        })
    }

    /// Returns all notes, those of the first thread first. `args` are the arguments of the
    /// program.
    pub fn bytes(
        &self,
        model: &Model,
        tasks: &[Task],
        args: &[u8],
        page_size: u64,
    ) -> anyhow::Result<Vec<u8>> {
        let mut out = Bytes::new(order(self.machine));
        for (n, task) in tasks.iter().enumerate() {
            let tid = task.tid.get();
            let notes = self.registers.get(&tid).map_or(&[][..], Vec::as_slice);
            let general = notes
                .iter()
                .find(|note| note.0 == *b"CORE\0\0\0\0" && note.1 == NT_PRSTATUS)
                .with_context(|| format!("no general registers of task {tid} in the image"))?
                .2;
            if general.len() != general_len(self.machine) {
                bail!("task {tid} is not a 64-bit one: no core file can be made of it");
            }
            let status = self.status(task, general, notes.len() > 1);
            out.note("CORE", NT_PRSTATUS, &status);
            if n == 0 {
                self.of_process(&mut out, model, task, args, page_size);
            }
            for &(owner, note_type, bytes) in notes {
                self.registers(&mut out, &owner, note_type, bytes);
            }
        }
        Ok(out.into_bytes())
    }

    /// Adds a register note but the first, if other programs know its owner.
    fn registers(&self, out: &mut Bytes, owner: &[u8; 8], note_type: NoteType, bytes: &[u8]) {
        match owner {
            b"CORE\0\0\0\0" if note_type != NT_PRSTATUS => {
                out.note("CORE", note_type, bytes);
            }
            b"LINUX\0\0\0" => {
                let x86 = self.machine == arch::X86_64 && note_type == NT_X86_XSTATE;
                if let (true, Some(legacy)) = (x86, bytes.get(..FXSAVE_LEN)) {
                    out.note("CORE", NT_PRFPREG, legacy);
                }
                out.note("LINUX", note_type, bytes);
            }
            _ => (),
        }
    }

    /// Returns a `struct elf_prstatus`, include/linux/elfcore.h.
    fn status(&self, task: &Task, general: &[u8], floating: bool) -> Vec<u8> {
        let mut out = Bytes::new(order(self.machine));
        // No signal was the reason.
        out.zeros(16)
            .u64(0)
            .u64(task.blocked.get())
            .u32(task.tid.get())
            .u32(task.parent.get())
            .u32(task.pgid.get())
            .u32(task.sid.get());
        let process = &self.process;
        for time in [task.utime, task.stime, process.cutime, process.cstime] {
            let ns = time.get();
            out.u64(ns / 1_000_000_000).u64(ns / 1000 % 1_000_000);
        }
        out.raw(general).u32(floating.into()).align(8);
        out.into_bytes()
    }

    /// Returns a `struct elf_prpsinfo`, include/linux/elfcore.h.
    fn info(&self, task: &Task, args: &[u8]) -> Vec<u8> {
        let mut out = Bytes::new(order(self.machine));
        let id = |of: fn(&Cred) -> u32| self.cred.as_ref().map_or(0, of);
        out.raw(&[0, b'R', 0, task.nice.get() as u8])
            .align(8)
            .u64(0)
            .u32(id(|c| c.uid[0].get()))
            .u32(id(|c| c.gid[0].get()))
            .u32(task.tgid.get())
            .u32(task.parent.get())
            .u32(task.pgid.get())
            .u32(task.sid.get())
            .raw(&task.comm)
            .text(args, ARGS_LEN);
        out.into_bytes()
    }

    /// Adds the notes that are there once.
    fn of_process(&self, out: &mut Bytes, model: &Model, task: &Task, args: &[u8], page_size: u64) {
        let order = order(self.machine);
        out.note("CORE", NT_PRPSINFO, &self.info(task, args));
        let mut auxv = Bytes::new(order);
        for &word in &self.auxv {
            auxv.u64(word);
        }
        out.note("CORE", NT_AUXV, &auxv.into_bytes());
        let mappings = model.mms.get(&task.mm.get()).map(|(_, m)| m.as_slice());
        let files: Vec<_> = mappings
            .unwrap_or_default()
            .iter()
            .filter_map(|m| Some((&m.vma, *self.paths.get(&m.vma.file.get())?)))
            .collect();
        let mut table = Bytes::new(order);
        table.u64(files.len() as u64).u64(page_size);
        for (vma, _) in &files {
            table
                .u64(vma.start.get())
                .u64(vma.end.get())
                .u64(vma.offset.get() / page_size.max(1));
        }
        for (_, path) in &files {
            table.raw(path).zeros(1);
        }
        out.note("CORE", NT_FILE, &table.into_bytes());
    }
}
