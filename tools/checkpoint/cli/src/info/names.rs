// SPDX-License-Identifier: GPL-2.0

//! Names for numbers.

use image::image::{
    files::*,
    layout::Values,
    mm::*,
    task::*, //
};

/// Returns the state of a task.
pub fn state(n: u32) -> &'static str {
    match n {
        TASK_LIVE => "live",
        TASK_ZOMBIE => "zombie",
        TASK_DEAD_LEADER => "exited leader",
        _ => "unknown",
    }
}

/// Returns a value of `list`, in words: without the word before its name that all of them share.
fn word(list: &Values, number: u64, prefix: &str) -> Option<String> {
    let value = list.list.iter().find(|v| v.number == number)?;
    let name = value.name.strip_prefix(prefix).unwrap_or(value.name);
    Some(name.to_lowercase().replace('_', " "))
}

/// Returns the kind of an open file.
pub fn file(n: u32) -> String {
    word(&FILE_KINDS, n.into(), "FILE_").unwrap_or("unknown".to_owned())
}

/// Returns the kind of a mapping.
pub fn mapping(n: u32) -> &'static str {
    match n {
        VMA_ANON => "anonymous",
        VMA_FILE => "private file",
        VMA_SHARED => "shared",
        VMA_VDSO => "vdso",
        VMA_AIO => "AIO ring",
        VMA_ARCH => "kernel page",
        _ => "unknown",
    }
}

/// Returns the protection of a mapping, as in /proc/PID/maps.
pub fn protection(flags: u64, kind: u32) -> String {
    let bit = |bit, c| if flags & bit != 0 { c } else { '-' };
    [
        bit(vma::READ, 'r'),
        bit(vma::WRITE, 'w'),
        bit(vma::EXEC, 'x'),
        if matches!(kind, VMA_SHARED | VMA_AIO) {
            's'
        } else {
            'p'
        },
    ]
    .iter()
    .collect()
}

/// Flags of open files that say nothing to people: what each file of its type has, and advice.
const SILENT: u32 = open::LARGEFILE
    | open::DIRECTORY
    | open::NOFOLLOW
    | open::RANDOM
    | open::SEQUENTIAL
    | open::NOREUSE
    | open::EXEC
    | open::CREATED;

/// Returns how a file is open.
pub fn access(flags: u32) -> String {
    let bits = open::LIST.list.iter().map(|v| v.number);
    let set: Vec<String> = bits
        .filter(|bit| u64::from(flags & !SILENT) & bit != 0)
        .filter_map(|bit| word(&open::LIST, bit, ""))
        .collect();
    set.join(",")
}
