// SPDX-License-Identifier: GPL-2.0

//! Names that were removed while files were open by them: /proc shows them, as of a program whose
//! file an update has replaced.

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        kinds,
        mount,
        name::Text,
        ops::Source, //
    },
    found::Capture,
    kapi::fs::{
        file::FileRef,
        path::{
            PathName,
            PathRef, //
        },
        stat::random, //
    }, //
};

/// How often another name is tried where something has the one that it had.
const TRIES: usize = 10;

/// Returns the path by which `file` was opened, from the caller's root; empty if it has none.
pub(super) fn of(cap: &Capture, file: &FileRef) -> Result<KVec<u8>> {
    Ok(file
        .path()
        .name_from(&cap.found.files.root)?
        .unwrap_or_default())
}

/// Returns the directory and the name in it of a path; `None`: it has none.
pub(super) fn split(path: &[u8]) -> Result<Option<(PathName, PathName)>> {
    let Some(slash) = path.iter().rposition(|&b| b == b'/') else {
        return Ok(None);
    };
    let (dir, name) = path.split_at(slash);
    let dir = PathName::new(if dir.is_empty() { b"/" } else { dir })?;
    Ok(match name.get(1..) {
        None | Some(&[]) => None,
        Some(name) => Some((dir, PathName::new(name)?)),
    })
}

/// Returns the directory that `path` was in, or the next one above that still is there.
pub(super) fn above(path: &PathRef) -> PathRef {
    let mut dir = path.parent();
    while dir.is_unlinked() {
        let parent = dir.parent();
        if parent == dir {
            break;
        }
        dir = parent;
    }
    dir
}

/// Returns a name that nothing has: `name` with other digits at its end.
pub(super) fn random_name(mut name: [u8; 25]) -> Result<PathName> {
    let mut number = random();
    for digit in name.iter_mut().rev().take(16) {
        *digit = *b"0123456789abcdef"
            .get((number & 15) as usize)
            .unwrap_or(&b'0');
        number >>= 4;
    }
    PathName::new(&name)
}

/// Makes what was removed from `dir`, anything of the type `file_type` but a regular file, and removes it:
/// by the name that it had, or by another one if something else has that by now. `device`: the number of a
/// device, else 0; `target`: where a symbolic link leads, else empty.
///
/// EOPNOTSUPP: it is on a filesystem of which nothing can be saved. There is another one at the path
/// than there was: to make a directory may do what only the kernel knows (cgroup, configfs).
pub(super) fn make(
    dir: &PathRef,
    name: &PathName,
    file_type: u32,
    device: u32,
    target: &PathName,
) -> Result<PathRef> {
    if kinds::on_filesystem(dir.fs_magic()).is_some() {
        return Err(EOPNOTSUPP);
    }
    let target = target.as_c_str();
    let mut made = dir.removed_node(name.as_c_str(), file_type, device, target);
    for _ in 0..TRIES {
        if !matches!(made, Err(EEXIST)) {
            break;
        }
        let other = random_name(*b".removed-0123456789abcdef")?;
        made = dir.removed_node(other.as_c_str(), file_type, device, target);
    }
    made
}

/// Returns a path to the inode at `path` whose name is the removed one of `source`, or `path`: where
/// the caller might not have had such a name, or its directory is gone too, that is lost.
pub(super) fn give(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    path: PathRef,
) -> Result<PathRef> {
    let former = source.former.as_bytes();
    let Some((dir, name)) = split(former)? else {
        return Ok(path);
    };
    let dir = r.place(dir.as_bytes())?;
    let start = mount::start(r, source.record.mount.get())?;
    let give = || {
        let dir = PathRef::lookup_dir(&start, dir.as_c_str())?;
        // As who makes a file there, and removes it.
        dir.may_enter()?;
        dir.may_write()?;
        path.removed_name(&dir, name.as_c_str())
    };
    match give() {
        Err(ENOMEM) => Err(ENOMEM),
        Err(_) => {
            r.with_report(|report| {
                report.note(
                    &plan.name(),
                    fmt!("{}: the removed file gets another name", Text(former)),
                );
            });
            Ok(path)
        }
        given => given,
    }
}
