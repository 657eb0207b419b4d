// SPDX-License-Identifier: GPL-2.0

//! What the commands have in common.

use libcheckpoint::Error;
use std::{
    ffi::CString,
    fs::{
        self,
        File,
        Metadata,
        OpenOptions, //
    },
    io::Write,
    os::unix::fs::{
        MetadataExt,
        OpenOptionsExt, //
    },
    path::Path, //
};

/// A descriptor of a process; 0 is the pid of the root process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The process.
    pub pid: i32,
    /// The descriptor.
    pub fd: i32,
}

/// Reads FD or PID:FD.
pub fn descriptor(text: &str) -> Result<Descriptor, String> {
    let number = |text: &str| {
        let n: u32 = text.parse().ok()?;
        i32::try_from(n).ok()
    };
    let (pid, fd) = match text.split_once(':') {
        Some((pid, fd)) => (number(pid).filter(|&pid| pid > 0), number(fd)),
        None => (Some(0), number(text)),
    };
    pid.zip(fd)
        .map(|(pid, fd)| Descriptor { pid, fd })
        .ok_or_else(|| "neither FD nor PID:FD".to_owned())
}

/// Reads a pattern of names.
pub fn pattern(text: &str) -> Result<CString, String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    CString::new(text).map_err(|_| "has a NUL in it".to_owned())
}

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

/// Tells whether `path` names the regular file that `meta` is of.
pub fn is_same_file(meta: &Metadata, path: &Path) -> bool {
    let id = |m: &Metadata| (m.dev(), m.ino());
    meta.is_file() && fs::metadata(path).is_ok_and(|m| id(&m) == id(meta))
}

/// Refuses to write the log over the image.
pub fn log_is_image(log: &Path) -> Error {
    let shown = log.display();
    Error::plain(format!("the log and the image are the same file, {shown}"))
        .hint("Give --log the name of another one.")
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
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn descriptors() {
        assert_eq!(descriptor("1"), Ok(Descriptor { pid: 0, fd: 1 }));
        assert_eq!(descriptor("12:0"), Ok(Descriptor { pid: 12, fd: 0 }));
        for wrong in ["", "-1", "0:1", ":1", "1:", "a", "1:2:3", "4294967296"] {
            assert!(descriptor(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn logs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name| dir.path().join(name);
        write_log(Some(&open_log(&at("log")).unwrap()), &["a line".into()]);
        assert_eq!(fs::read(at("log")).unwrap(), b"a line\n");
        let mode = fs::metadata(at("log")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let meta = fs::metadata(at("log")).unwrap();
        assert!(is_same_file(&meta, &dir.path().join("./log")));
        assert!(!is_same_file(&meta, &at("other")));
        std::os::unix::fs::symlink("log", at("link")).unwrap();
        let error = open_log(&at("link")).unwrap_err().to_string();
        assert!(error.contains("symbolic link"), "{error}");
        assert_eq!(fs::read(at("log")).unwrap(), b"a line\n");
    }
}
