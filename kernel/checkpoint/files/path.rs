// SPDX-License-Identifier: GPL-2.0

//! What all files with a path have in common.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        mount,
        name::{
            Named,
            Text, //
        },
        open::Open,
        opener,
        ops::Source,
        same, //
    },
    found::Capture,
    image::files::open,
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            path::PathRef,
            stat::{
                Ask,
                Stat, //
            }, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    }, //
};

/// Notes the path of `open`, which must lead back to it from the caller's root. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &mut Open,
) -> Result<bool> {
    if open.file.is_unlinked() || open.file.links() == 0 {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: has been removed: make it again, or close it", named),
        );
        return Ok(false);
    }
    if open.file.is_kept_until_closed() {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: has been removed, and its filesystem keeps it only until it is closed: make \
                 it again, or close it",
                named
            ),
        );
        return Ok(false);
    }
    let path = open.file.path();
    lead(cap, t, named, open, &path)
}

/// Notes that `path` leads to `open` from the caller's root directory. False: it does not.
pub(super) fn lead(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &mut Open,
    path: &PathRef,
) -> Result<bool> {
    let Some(name) = path.name_from(&cap.found.files.root)? else {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: can't be reached from the caller's root directory: call from where it can",
                named
            ),
        );
        return Ok(false);
    };
    if path.is_hidden(&cap.found.files.root) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: another mount hides its path: unmount that first",
                named
            ),
        );
        return Ok(false);
    }
    open.path = name;
    Ok(true)
}

/// Returns what tells a collected file from others, as it is now.
///
/// What its server keeps is asked for only if all tasks have to stand still in any case: the server
/// may be one of them.
pub(super) fn identity(cap: &mut Capture, open: &Open) -> Result<Stat> {
    let ask = if cap.found.files.synced {
        Ask::AsStat
    } else {
        Ask::Never
    };
    open.file.path().stat(ask).inspect_err(|&e| {
        cap.report.line(fmt!(
            "error: {}: what tells it from others can't be read [{}]",
            Text(&open.path),
            Errno(e)
        ));
    })
}

/// Finds what is at the path of `source`, with the rights of `opener`: the file that was saved,
/// as far as is known.
pub(super) fn find(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: &CredRef,
) -> Result<PathRef> {
    let name = Text(source.path.as_bytes());
    let start = mount::start(r, source.record.mount.get())?;
    let found = opener
        .act(|| PathRef::lookup(&start, source.path.as_c_str()))
        .map_err(|e| {
            let why = match e {
                ENOENT => "is missing: bring it back",
                EACCES => "can't be reached with the rights of who had opened it",
                ELOOP => "there is a symbolic link on its path, where none was",
                _ => "can't be found",
            };
            r.fail(e, plan, fmt!("{}: {}", name, why))
        })?;
    if found.mode() & ftype::MASK != source.record.mode.get() & ftype::MASK {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: is of another type than when it was saved: bring the old one back",
                name
            ),
        ));
    }
    same::check(r, plan, source, &found)?;
    Ok(found)
}

/// Opens what [`find`] found with `flags` (O_*), and the rights of `opener`.
pub(super) fn open_found(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    opener: &CredRef,
    found: &PathRef,
    flags: u32,
) -> Result<FileRef> {
    let program = source.record.flags.get() & open::EXEC != 0;
    let opened = if program {
        // Who may execute a program gets to see it, but not by reading its file. Who restarts it
        // decides whether this one may.
        opener
            .act(|| FileRef::open_program(found))
            .and_then(|file| {
                opener
                    .act(|| file.may_read())
                    .or_else(|_| file.may_read())
                    .map(|()| file)
            })
    } else {
        opener.act(|| FileRef::open(found, flags, 0))
    };
    opened.map_err(|e| {
        let name = Text(source.path.as_bytes());
        let why = match (e, program) {
            (EACCES, true) => "can't be executed with the rights of who had executed it",
            (EACCES | EPERM, false) => "can't be opened with the rights of who had opened it",
            (ETXTBSY, _) => "can't be opened for writing: it is being executed",
            _ => "can't be opened",
        };
        r.fail(e, plan, fmt!("{}: {}", name, why))
    })
}

/// Opens what is at the path of `source` as it was open, but with `flags`.
pub(super) fn open(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    flags: u32,
) -> Result<FileRef> {
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let found = find(r, plan, source, &opener)?;
    open_found(r, plan, source, &opener, &found, flags)
}

/// Checks that `file`, which was found at `path`, may be the program of an address space, with the
/// rights of `opener`, who had opened it.
pub(super) fn check_program(
    r: &Restore,
    plan: &TaskRecords<'_>,
    opener: &CredRef,
    path: &[u8],
    file: &FileRef,
) -> Result {
    opener.act(|| file.may_be_program()).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!(
                "{}: can't be its program: it may not be executed, or its filesystem is mounted \
                 noexec",
                Text(path)
            ),
        )
    })
}

/// Gives the advice that was given on `file`.
pub(super) fn advise(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    file: &FileRef,
) -> Result {
    file.advise(source.record.flags.get()).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!(
                "{}: does not take the advice given on it",
                Text(source.path.as_bytes())
            ),
        )
    })
}

/// Moves the position of `file` to where it was.
pub(super) fn set_pos(
    r: &Restore,
    plan: &TaskRecords<'_>,
    source: &Source,
    file: &FileRef,
) -> Result {
    let pos = i64::try_from(source.record.pos.get()).map_err(|_| EINVAL)?;
    if pos == 0 {
        return Ok(());
    }
    file.seek(pos).map_err(|e| no_pos(r, plan, source, e))
}

/// Reports that the position can't be set; returns `errno`.
pub(super) fn no_pos(r: &Restore, plan: &TaskRecords<'_>, source: &Source, errno: Error) -> Error {
    r.fail(
        errno,
        plan,
        fmt!(
            "{}: position {} can't be set: {}",
            Text(source.path.as_bytes()),
            source.record.pos.get(),
            Errno(errno)
        ),
    )
}
