// SPDX-License-Identifier: GPL-2.0

//! Files that the kernel makes while they are read: those of /proc and of cgroups.

use std::{
    fs::File,
    io::{
        self,
        Read, //
    },
    path::Path, //
};

/// How much is read at once: the kernel fills no more than a page in most of them.
const AT_ONCE: usize = 4096;

/// Returns what is in the file `path`.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    rest(File::open(path)?)
}

/// Returns what is left to read of `file`.
///
/// What std does takes a dozen of system calls: it asks for the size, which is 0, and begins with a few
/// bytes.
pub(crate) fn rest(mut file: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0; AT_ONCE];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok(bytes),
            Ok(n) => bytes.extend_from_slice(part.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
}

/// Returns the text that is left to read of `file`.
pub(crate) fn rest_of_text(file: impl Read) -> io::Result<String> {
    let invalid = |e| io::Error::new(io::ErrorKind::InvalidData, e);
    String::from_utf8(rest(file)?).map_err(invalid)
}

/// Returns the text in the file `path`.
pub(crate) fn text(path: impl AsRef<Path>) -> io::Result<String> {
    rest_of_text(File::open(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_any_length() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for len in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE] {
            std::fs::write(file.path(), "x".repeat(len)).unwrap();
            assert_eq!(text(file.path()).unwrap().len(), len);
        }
        std::fs::write(file.path(), b"\xff").unwrap();
        assert!(text(file.path()).is_err());
        assert_eq!(read(file.path()).unwrap(), b"\xff");
        assert!(read("/nonexistent").is_err());
    }
}
