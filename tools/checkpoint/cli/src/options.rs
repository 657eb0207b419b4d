// SPDX-License-Identifier: GPL-2.0

//! What the commands have in common.

use libcheckpoint::Error;
use std::{
    fs::{
        File,
        OpenOptions, //
    },
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path, //
};

/// Opens the file that the kernel's messages go to: for nobody else to read, and not one that a
/// symbolic link stands for.
pub fn open_log(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(|e| {
            let shown = path.display();
            if path.is_symlink() {
                return Error::plain(format!("the log {shown} is a symbolic link"))
                    .hint("Name the file itself.");
            }
            Error::new(format!("cannot create the log {shown}"), e)
        })
}

/// Adds lines to the log. What it does not take is lost, as messages of the kernel are.
pub fn write_log(log: Option<&File>, lines: &[String]) {
    let Some(mut log) = log else { return };
    for line in lines {
        let _ = writeln!(log, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        os::unix::fs::PermissionsExt, //
    };

    #[test]
    fn logs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name| dir.path().join(name);
        write_log(Some(&open_log(&at("log")).unwrap()), &["a line".into()]);
        assert_eq!(fs::read(at("log")).unwrap(), b"a line\n");
        let mode = fs::metadata(at("log")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::os::unix::fs::symlink("log", at("link")).unwrap();
        let error = open_log(&at("link")).unwrap_err().to_string();
        assert!(error.contains("symbolic link"), "{error}");
        assert_eq!(fs::read(at("log")).unwrap(), b"a line\n");
    }
}
