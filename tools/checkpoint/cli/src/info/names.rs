// SPDX-License-Identifier: GPL-2.0

//! Names for numbers.

use image::image::{
    files::*,
    mm::*,
    task::*, //
};

/// The state of a task.
pub fn state(n: u32) -> &'static str {
    match n {
        TASK_LIVE => "live",
        TASK_ZOMBIE => "zombie",
        TASK_DEAD_LEADER => "exited leader",
        _ => "unknown",
    }
}

/// The kind of an open file.
pub fn file(n: u32) -> &'static str {
    match n {
        FILE_REGULAR => "regular",
        FILE_DIRECTORY => "directory",
        FILE_UNLINKED => "unlinked",
        FILE_PIPE => "pipe",
        FILE_FIFO => "fifo",
        FILE_DEVICE => "device",
        FILE_SHARED_ANON => "shared memory",
        FILE_SYSV_SHM => "System V shared memory",
        _ => "unknown",
    }
}

/// The kind of a mapping.
pub fn mapping(n: u32) -> &'static str {
    match n {
        VMA_ANON => "anonymous",
        VMA_FILE => "private file",
        VMA_SHARED => "shared",
        VMA_VDSO => "vdso",
        _ => "unknown",
    }
}

/// The protection of a mapping, as in /proc/PID/maps.
pub fn protection(flags: u64, kind: u32) -> String {
    let bit = |bit, c| if flags & bit != 0 { c } else { '-' };
    [
        bit(vma::READ, 'r'),
        bit(vma::WRITE, 'w'),
        bit(vma::EXEC, 'x'),
        if kind == VMA_SHARED { 's' } else { 'p' },
    ]
    .iter()
    .collect()
}

/// How a file is open.
pub fn access(flags: u32) -> String {
    let words = [
        (open::READ, "read"),
        (open::WRITE, "write"),
        (open::APPEND, "append"),
        (open::NONBLOCK, "nonblock"),
        (open::DSYNC, "dsync"),
        (open::SYNC, "sync"),
        (open::DIRECT, "direct"),
        (open::NOATIME, "noatime"),
        (open::PATH, "path"),
    ];
    let set: Vec<&str> = words
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|&(_, word)| word)
        .collect();
    set.join(",")
}
