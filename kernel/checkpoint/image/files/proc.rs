// SPDX-License-Identifier: GPL-2.0

//! Records of files of procfs.

use zerocopy::byteorder::little_endian::U32;

use crate::image::layout::record;

pub(super) mod check;

record! {
    /// An entry of procfs that is of a task. The path of the file has numbers that others may have
    /// when it is restored.
    #[record(ProcEntry = 119, "entry of procfs", min = 24, check = proc_entry, object = proc_object)]
    pub struct ProcEntry {
        /// Reference of this object.
        pub obj: U32,
        /// The pid of the directory in the root of procfs; 0: that has been reaped.
        pub process: U32,
        /// That of a directory in its `task`; 0: there is none, or it has been reaped.
        pub thread: U32,
        /// Bytes of the path of the root of procfs: what comes then is a slash and a number.
        pub root: U32,
        /// 1: the path leads through `task` and another number.
        pub in_task: U32,
        /// 1: it is of a process or thread that has been reaped.
        pub dead: U32,
    }
}

/// The path of an entry of a task, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPath<'a> {
    /// The path of the root of procfs, without a slash at its end.
    pub root: &'a [u8],
    /// The number of the process.
    pub process: &'a [u8],
    /// The number of the thread; empty: it is not below the directory of one.
    pub thread: &'a [u8],
    /// What comes after that: empty, or a slash and names.
    pub rest: &'a [u8],
}

/// Longest number, in bytes.
const DIGITS_MAX: usize = 10;

/// Splits a number off the path, which has a slash before it.
fn number(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = path.strip_prefix(b"/")?;
    let digits = path.iter().take_while(|b| b.is_ascii_digit()).count();
    let (number, rest) = path.split_at_checked(digits)?;
    let ends = rest.is_empty() || rest.starts_with(b"/");
    (ends && (1..=DIGITS_MAX).contains(&digits)).then_some((number, rest))
}

impl<'a> EntryPath<'a> {
    /// Parses `path`, in which the path of the root of procfs has `root` bytes; `in_task`: it is that
    /// of a thread's entry. `None`: it is not of that form.
    pub fn parse(path: &'a [u8], root: usize, in_task: bool) -> Option<Self> {
        let (root, path) = path.split_at_checked(root)?;
        let (process, mut rest) = number(path)?;
        let mut thread: &[u8] = &[];
        if in_task {
            (thread, rest) = number(rest.strip_prefix(b"/task")?)?;
        }
        Some(Self {
            root,
            process,
            thread,
            rest,
        })
    }
}
