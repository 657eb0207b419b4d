// SPDX-License-Identifier: GPL-2.0

//! Regular files and directories by path, and what all files with a path have in common.

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    capture::Capture,
    files::{
        collected::Open,
        open::Source,
        refuse::{
            Named,
            Text, //
        }, //
    },
    image::files::{
        open,
        FILE_DIRECTORY,
        FILE_REGULAR, //
    },
    kapi::{
        file::{
            ftype,
            FileRef, //
        },
        path::PathRef,
        task::FrozenTask, //
    },
    report::Errno,
    restart::{
        Plan,
        Restore, //
    },
};

/// Size in a record of a file that was still growing.
const SIZE_UNKNOWN: u64 = i64::MAX as u64;

/// Notes the path of `open`, which must lead back to it from the caller's root. False: refused.
pub(super) fn collect_path(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    open: &mut Open,
) -> Result<bool> {
    let path = open.file.path();
    if open.file.is_unlinked() || open.file.links() == 0 {
        let why = if open.file.links() == 0 {
            "has been removed"
        } else {
            "was removed by this name, but has another"
        };
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    let Some(name) = path.name_from(&cap.files.root)? else {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: can't be reached from the caller's root directory",
                named
            ),
        );
        return Ok(false);
    };
    if path.is_hidden(&cap.files.root) {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!("{}: another mount hides its path", named),
        );
        return Ok(false);
    }
    open.path = name;
    Ok(true)
}

/// Opens what lies at the path of `source` with the caller's rights, if it is of the type that
/// was saved, with `extra` O_* flags.
pub(super) fn open_path(
    r: &Restore,
    plan: &Plan<'_>,
    source: &Source,
    flags: u32,
) -> Result<FileRef> {
    let fail = |errno, why: fmt::Arguments<'_>| {
        r.fail(
            errno,
            plan,
            fmt!("{}: {}", Text(source.path.as_bytes()), why),
        )
    };
    let expected = source.record.mode.get() & ftype::MASK;
    // Looks first: to open a pipe or device by mistake might wait or have effects.
    let found = PathRef::lookup(&r.root, source.path.as_c_str())
        .map_err(|e| fail(e, fmt!("can't be found: {}", Errno(e))))?;
    if found.mode() & ftype::MASK != expected {
        return Err(fail(
            ESTALE,
            fmt!("is of another type than when it was saved"),
        ));
    }
    drop(found);
    let file = FileRef::open(&r.root, source.path.as_c_str(), flags, 0)
        .map_err(|e| fail(e, fmt!("can't be opened: {}", Errno(e))))?;
    if file.file_type() != expected {
        return Err(fail(
            ESTALE,
            fmt!("is of another type than when it was saved"),
        ));
    }
    Ok(file)
}

/// Opens a regular file or a directory as it was.
pub(super) fn restore(r: &Restore, plan: &Plan<'_>, source: &Source) -> Result<FileRef> {
    let file = open_path(r, plan, source, source.flags)?;
    let record = &source.record;
    if record.flags.get() & open::PATH != 0 {
        return Ok(file);
    }
    let size = record.size.get();
    if record.kind.get() == FILE_REGULAR
        && size != SIZE_UNKNOWN
        && u64::try_from(file.size()) != Ok(size)
    {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: has {} bytes, but had {} when it was saved",
                Text(source.path.as_bytes()),
                file.size(),
                size
            ),
        ));
    }
    set_pos(r, plan, source, &file)?;
    advise(r, plan, source, &file)?;
    Ok(file)
}

/// Gives the advice that was given on `file`.
pub(super) fn advise(r: &Restore, plan: &Plan<'_>, source: &Source, file: &FileRef) -> Result {
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
pub(super) fn set_pos(r: &Restore, plan: &Plan<'_>, source: &Source, file: &FileRef) -> Result {
    let pos = i64::try_from(source.record.pos.get()).map_err(|_| EINVAL)?;
    if pos == 0 {
        return Ok(());
    }
    let begun = if source.record.kind.get() == FILE_DIRECTORY {
        file.begin_reading()
    } else {
        Ok(())
    };
    begun.and_then(|()| file.seek(pos)).map_err(|e| {
        r.fail(
            e,
            plan,
            fmt!(
                "{}: position {} can't be set: {}",
                Text(source.path.as_bytes()),
                pos,
                Errno(e)
            ),
        )
    })
}
