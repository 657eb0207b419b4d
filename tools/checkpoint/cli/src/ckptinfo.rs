// SPDX-License-Identifier: GPL-2.0

//! The command `ckptinfo`.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod core;
mod info;
mod tell;

use anyhow::{
    anyhow,
    bail,
    Context, //
};
use clap::Parser;
use core::Core;
use image::{
    image::contents::{
        Extent,
        EXTENT_SHARED, //
    },
    File, //
};
use indicatif::{
    ProgressBar,
    ProgressStyle, //
};
use info::{
    model::Model,
    records,
    registers,
    text, //
};
use libcheckpoint::cpu::{
    Base,
    Cpu, //
};
use serde_json::json;
use std::{
    fs,
    io::{
        self,
        BufReader,
        Write, //
    },
    os::unix::fs::MetadataExt,
    path::{
        Path,
        PathBuf, //
    },
    process::ExitCode, //
};

const EXAMPLES: &str = "\
Examples:
  ckptinfo job.ckpt                   what is in the image?
  ckptinfo --tree --fds job.ckpt      its processes and their files
  ckptinfo --verify job.ckpt          would restart(2) find fault with it?
  ckptinfo --regs job.ckpt            the registers of its tasks
  ckptinfo --records -v job.ckpt      every record with its fields
  ckptinfo --core job.core job.ckpt   a core file of its first process, for a debugger
  ckptinfo --json job.ckpt | jq .tasks
  ckptinfo --cpu oldest.cpu job.ckpt  does it restart on a machine with that CPU?

Exit status: 0 if no fault was found, 2 if the command line is wrong, 1 otherwise.";

/// Shows and checks an image that checkpoint has written.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// The image; "-" is standard input
    file: PathBuf,

    /// Show the tree of tasks
    #[arg(long)]
    tree: bool,

    /// Show the mappings of each address space
    #[arg(long)]
    maps: bool,

    /// Show the descriptors of each table
    #[arg(long)]
    fds: bool,

    /// Show the registers of each task, by name
    #[arg(long)]
    regs: bool,

    /// Show the records of metadata
    #[arg(long)]
    records: bool,

    /// Write a core file of one process, for a debugger; checks all as --verify does
    #[arg(long, value_name = "OUT")]
    core: Option<PathBuf>,

    /// With --core: the process; otherwise it is the first one
    #[arg(long, requires = "core", value_parser = clap::value_parser!(u32).range(1..))]
    pid: Option<u32>,

    /// Read the whole image, and check all that can be checked without restarting it
    #[arg(long)]
    verify: bool,

    /// Find fault with an image that can't restart on the CPU BASE: a file that checkpoint --print-cpu
    /// has written there, or a level (see checkpoint --help). May be given several times
    #[arg(long, value_name = "BASE", value_parser = Base::read)]
    cpu: Vec<Base>,

    /// Show the CPU features that the tasks can have seen, in the form that --cpu takes
    #[arg(long)]
    print_cpu: bool,

    /// Show all as JSON; registers and records if they are asked for
    #[arg(long)]
    json: bool,

    /// With --records: show the fields, and the registers by name
    #[arg(short, long)]
    verbose: bool,
}

/// Returns a bar for an image of `len` bytes, if that is known and worth it; hidden off a
/// terminal.
fn bar(len: Option<u64>) -> ProgressBar {
    match len {
        Some(n) if n > 64 << 20 => {
            let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta} left");
            let bar = ProgressBar::new(n);
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        }
        _ => ProgressBar::hidden(),
    }
}

/// Gives `core` the pages that it shares with other ranges: the image is read again for them.
fn copy_shared(args: &Args, core: &mut Core, shared: Vec<Extent>) -> anyhow::Result<()> {
    if !core.shares(shared) {
        return Ok(());
    }
    let name = args.file.display();
    if args.file.as_os_str() == "-" {
        bail!("the process shares memory with others: the image must be a file, to be read twice");
    }
    let again = fs::File::open(&args.file).with_context(|| format!("cannot open {name}"))?;
    let mut file = File::open(BufReader::with_capacity(1 << 20, again))
        .with_context(|| format!("{name}: not a valid image"))?;
    file.read(
        |extent, addr, bytes| core.source(extent, addr, bytes),
        |_, _| (),
    )
    .context("pages that the process shares can't be copied")
}

fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let name = args.file.display();
    if let Some(path) = &args.core {
        let id = |path: &Path| fs::metadata(path).ok().map(|m| (m.dev(), m.ino()));
        if id(path).is_some() && id(path) == id(&args.file) {
            bail!("the core file would replace the image: give it another name");
        }
    }
    let (reader, len): (Box<dyn io::Read>, _) = if args.file.as_os_str() == "-" {
        (Box::new(io::stdin()), None)
    } else {
        let file = fs::File::open(&args.file).with_context(|| format!("cannot open {name}"))?;
        let meta = file.metadata()?;
        let len = meta.is_file().then_some(meta.len());
        (Box::new(file), len)
    };
    let mut file = File::open(BufReader::with_capacity(1 << 20, reader))
        .with_context(|| format!("{name}: not a valid image"))?;
    let mut model = Model::of(&file)?;
    let machine = file.header.arch.get();
    let cpu = Cpu {
        machine,
        words: model.container.cpu.map(|word| word.get()),
    };
    for base in &args.cpu {
        cpu.against(base)
            .map_err(|e| anyhow!("{name}: can't restart on every CPU: {e}"))?;
    }
    let mut core = match &args.core {
        Some(path) => Some(Core::new(&file, &model, args.pid, path)?),
        None => None,
    };
    if args.verify || core.is_some() {
        let bar = bar(len);
        let mut failed = None;
        let mut shared = Vec::new();
        let read = file.read(
            |extent, addr, bytes| {
                let Some(core) = &mut core else {
                    return Ok(());
                };
                core.pages(extent, addr, bytes).map_err(|e| {
                    let kind = e.kind();
                    failed = Some(e);
                    kind.into()
                })
            },
            |extents, at| {
                for extent in extents {
                    model.count(extent);
                    if extent.kind.get() == EXTENT_SHARED {
                        shared.push(*extent);
                    }
                }
                bar.set_position(at);
            },
        );
        if let (Some(e), Some(path)) = (failed, &args.core) {
            return Err(e).with_context(|| format!("cannot write {}", path.display()));
        }
        read.with_context(|| format!("{name}: not a valid image"))?;
        if let Some(core) = &mut core {
            copy_shared(args, core, shared)?;
        }
        bar.finish_and_clear();
    }
    let written = match core {
        Some(core) => Some(
            core.finish(&file, &model)
                .context("no core file is written")?,
        ),
        None => None,
    };
    if args.json {
        let mut all = model.to_json(&file, len);
        if args.regs {
            all.insert(
                "registers".to_owned(),
                registers::to_json(&file.meta, machine)?.into(),
            );
        }
        if args.records {
            all.insert(
                "records".to_owned(),
                records::to_json(&file.meta, machine)?.into(),
            );
        }
        if args.print_cpu {
            let known = Cpu::new(machine, &cpu.words);
            all.insert("cpu".to_owned(), known.to_string().into());
        }
        if args.verify || args.core.is_some() {
            all.insert("valid".to_owned(), json!(true));
        }
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        return Ok(());
    }
    if let Some(written) = &written {
        writeln!(out, "core file: {written}")?;
    }
    if args.print_cpu {
        write!(out, "{}", Cpu::new(machine, &cpu.words))?;
    }
    if !(written.is_some()
        || args.print_cpu
        || args.tree
        || args.maps
        || args.fds
        || args.regs
        || args.records)
    {
        text::summary(out, &file, &model, len)?;
    }
    if args.tree {
        text::tree(out, &model)?;
    }
    if args.maps {
        text::maps(out, &model)?;
    }
    if args.fds {
        text::fds(out, &model)?;
    }
    if args.regs {
        text::registers(out, &file.meta, machine, &model)?;
    }
    if args.records {
        records::to_text(out, &file.meta, machine, args.verbose)?;
    }
    if args.verify {
        let (extents, pages) = file.contents();
        let (extents, pages) = (text::counts(extents, "extent"), text::counts(pages, "page"));
        writeln!(out, "valid: {extents} with {pages}")?;
    }
    Ok(())
}

/// Returns whether the reader of the output ended before it: then there is nothing to tell.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = match error.downcast_ref::<image::Error>() {
        Some(image::Error::Io(e)) => Some(e),
        _ => error.downcast_ref::<io::Error>(),
    };
    io.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = run(&args, &mut out).and_then(|()| Ok(out.flush()?));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            if is_broken_pipe(&e) {
                return ExitCode::SUCCESS;
            }
            if args.json {
                tell::out(&info::fault_json(&e));
            }
            tell::err(&format!("ckptinfo: {}", tell::cause(&e)));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments() {
        Args::command().debug_assert();
    }
}
