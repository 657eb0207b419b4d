// SPDX-License-Identifier: GPL-2.0

//! The views as text.

use super::{
    fields::name,
    model::Model,
    names,
    registers, //
};
use image::{
    image::{
        header::arch,
        task::{
            Task,
            TASK_LIVE, //
        }, //
    },
    File, //
};
use indicatif::{
    HumanBytes,
    HumanCount, //
};
use jiff::{
    tz::TimeZone,
    Timestamp, //
};
use std::{
    collections::HashMap,
    io::{
        self,
        Write, //
    }, //
};

/// Returns a count and what is counted: `what`, or `more` if it is not one.
fn count(n: u64, what: &str, more: &str) -> String {
    let word = if n == 1 { what } else { more };
    format!("{} {word}", HumanCount(n))
}

/// Writes a count of what has its plural in -s.
pub fn counts(n: impl Into<u64>, what: &str) -> String {
    count(n.into(), what, &format!("{what}s"))
}

/// Returns how long ago something was, `seconds` before now.
fn ago(seconds: i64) -> String {
    let Ok(s) = u64::try_from(seconds) else {
        return "in the future".to_owned();
    };
    let text = match s {
        0 => return "just now".to_owned(),
        1..60 => counts(s, "second"),
        60..3600 => counts(s / 60, "minute"),
        3600..86400 => counts(s / 3600, "hour"),
        _ => counts(s / 86400, "day"),
    };
    format!("{text} ago")
}

/// Returns when `ns` since 1970 was, as RFC 3339 and date(1) write it, on the clock of this
/// machine.
fn when(ns: u64) -> String {
    let Ok(then) = Timestamp::from_nanosecond(ns.into()) else {
        return "at an impossible time".to_owned();
    };
    let local = then.to_zoned(TimeZone::system());
    format!(
        "{} ({})",
        local.strftime("%Y-%m-%d %H:%M:%S%:z"),
        ago(Timestamp::now().duration_since(then).as_secs())
    )
}

/// Writes the summary.
pub fn summary<R>(
    out: &mut impl Write,
    file: &File<R>,
    model: &Model,
    len: Option<u64>,
) -> io::Result<()> {
    let header = &file.header;
    let s = &file.summary;
    let mut line = |name: &str, value: String| writeln!(out, "{name:<16}{value}");
    let root = model.tasks.first();
    line(
        "checkpoint",
        format!(
            "{} of {} {} ({})",
            header.id.get(),
            model.scope(),
            model.container.root.get(),
            root.map(|t| name(&t.comm)).unwrap_or_default()
        ),
    )?;
    line("taken", when(header.created_ns.get()))?;
    line(
        "kernel",
        format!(
            "{}, {}, pages of {} KiB",
            name(&header.release),
            arch::name(header.arch.get()),
            header.page_size.get() >> 10
        ),
    )?;
    let size = len.map_or("unknown".to_owned(), |n| HumanBytes(n).to_string());
    line(
        "size",
        format!("{size}, {} of metadata", HumanBytes(header.meta_len.get())),
    )?;
    line(
        "tasks",
        format!(
            "{} in {}{}",
            HumanCount(s.tasks.into()),
            count(s.processes.into(), "process", "processes"),
            match header.killed() {
                Some(true) => ", killed",
                Some(false) => ", which ran on",
                None => "",
            }
        ),
    )?;
    line(
        "memory",
        format!(
            "{}, {} of {}",
            counts(s.mms, "address space"),
            counts(s.vmas, "mapping"),
            HumanBytes(s.mapped)
        ),
    )?;
    line(
        "files",
        format!(
            "{} of {}, {} with {}",
            counts(s.fds, "descriptor"),
            counts(s.files, "open file"),
            counts(s.pipes, "pipe"),
            HumanBytes(s.pipe_bytes)
        ),
    )
}

/// Writes the tree of tasks. Parents come before their children in an image, so that no recursion
/// is needed to know a task's depth.
pub fn tree(out: &mut impl Write, model: &Model) -> io::Result<()> {
    let leader_of: HashMap<u32, u32> = model
        .tasks
        .iter()
        .map(|t| (t.tid.get(), t.tgid.get()))
        .collect();
    let mut children: HashMap<u32, Vec<&Task>> = HashMap::new();
    let mut threads: HashMap<u32, Vec<&Task>> = HashMap::new();
    for task in &model.tasks {
        if task.tid == task.tgid {
            let parent = leader_of.get(&task.parent.get()).copied().unwrap_or(0);
            children.entry(parent).or_default().push(task);
        } else {
            threads.entry(task.tgid.get()).or_default().push(task);
        }
    }
    let mut stack: Vec<(usize, &Task)> = children
        .remove(&0)
        .unwrap_or_default()
        .into_iter()
        .rev()
        .map(|t| (0, t))
        .collect();
    while let Some((depth, task)) = stack.pop() {
        // Deep trees stay readable and their output linear.
        let indent = "  ".repeat(depth.min(40));
        write!(out, "{indent}{} {}", task.tid, name(&task.comm))?;
        let state = task.state.get();
        if state != TASK_LIVE {
            write!(out, " [{}]", names::state(state))?;
        }
        if model.is_stopped(task.tgid.get()) {
            write!(out, " [stopped]")?;
        }
        if task.pgid == task.tid {
            write!(
                out,
                "{}",
                if task.sid == task.tid {
                    " session"
                } else {
                    " group"
                }
            )?;
        }
        writeln!(out)?;
        for thread in threads.get(&task.tid.get()).into_iter().flatten() {
            writeln!(out, "{indent}  {{{}}} {}", thread.tid, name(&thread.comm))?;
        }
        let below = children.remove(&task.tid.get()).unwrap_or_default();
        stack.extend(below.into_iter().rev().map(|t| (depth + 1, t)));
    }
    Ok(())
}

/// Tids as a list that stays short.
fn list(tids: &[u32]) -> String {
    let shown: Vec<String> = tids.iter().take(8).map(u32::to_string).collect();
    let more = tids.len().saturating_sub(shown.len());
    match more {
        0 => shown.join(" "),
        n => format!("{} and {n} more", shown.join(" ")),
    }
}

/// Writes the mappings.
pub fn maps(out: &mut impl Write, model: &Model) -> io::Result<()> {
    for (n, (mm, mappings)) in &model.mms {
        let exe = model
            .files
            .get(&mm.exe.get())
            .map_or("", |f| f.path.as_str());
        let users = model.users(*n, |t| t.mm.get());
        write!(out, "address space {n} {exe} (tasks {})", list(&users))?;
        if let Some(pages) = model.pages.get(n) {
            write!(out, ", {} in the image", counts(*pages, "page"))?;
        }
        if let Some(pages) = model.shared.get(n) {
            write!(out, ", {pages} as others have them")?;
        }
        writeln!(out)?;
        for mapping in mappings {
            let vma = &mapping.vma;
            let kind = vma.kind.get();
            let file = model.files.get(&vma.file.get()).map(|f| f.path.as_str());
            let what = match file {
                Some(path) => path,
                None if !mapping.name.is_empty() => mapping.name.as_str(),
                None => "",
            };
            write!(
                out,
                "  {:012x}-{:012x} {} {:08x} {:<12} {what}",
                vma.start.get(),
                vma.end.get(),
                names::protection(vma.flags.get(), kind),
                vma.offset.get(),
                names::mapping(kind)
            )?;
            if mapping.guarded != 0 {
                write!(out, " ({} guarded)", HumanBytes(mapping.guarded))?;
            }
            if mapping.left_out != 0 {
                write!(out, " ({} left out)", HumanBytes(mapping.left_out))?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}

/// Writes the descriptors.
pub fn fds(out: &mut impl Write, model: &Model) -> io::Result<()> {
    for (n, fds) in &model.tables {
        let users = model.users(*n, |t| t.files.get());
        writeln!(out, "descriptor table {n} (tasks {})", list(&users))?;
        for fd in fds {
            let Some(opened) = model.files.get(&fd.file.get()) else {
                continue;
            };
            let file = &opened.file;
            writeln!(
                out,
                "  {:>4}{} {:<10} {:<18} pos {:<10} {}",
                fd.fd.get(),
                if fd.cloexec.get() != 0 { "*" } else { " " },
                names::file(file.kind.get()),
                names::access(file.flags.get()),
                file.pos.get(),
                opened.path
            )?;
        }
    }
    Ok(())
}

/// Writes the registers.
pub fn registers(
    out: &mut impl Write,
    meta: &[u8],
    machine: u32,
    model: &Model,
) -> Result<(), image::Error> {
    let comms: HashMap<u32, &[u8; 16]> =
        model.tasks.iter().map(|t| (t.tid.get(), &t.comm)).collect();
    for task in registers::all(meta, machine) {
        let (tid, notes) = task?;
        let comm = comms.get(&tid).map(|c| name(*c)).unwrap_or_default();
        writeln!(out, "{tid} {comm}")?;
        registers::to_text(out, &notes, "  ")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_it() {
        assert_eq!(counts(1u32, "pipe"), "1 pipe");
        assert_eq!(counts(0u32, "pipe"), "0 pipes");
        assert_eq!(count(1, "process", "processes"), "1 process");
        assert_eq!(count(1234, "process", "processes"), "1,234 processes");
        let cases = [
            (-1, "in the future"),
            (0, "just now"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (3600, "1 hour ago"),
            (86399, "23 hours ago"),
            (86400, "1 day ago"),
        ];
        for (seconds, text) in cases {
            assert_eq!(ago(seconds), text);
        }
        assert!(when(0).starts_with("19"), "{}", when(0));
        assert!(when(u64::MAX).contains("in the future"));
    }
}
