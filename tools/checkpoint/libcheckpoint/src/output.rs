// SPDX-License-Identifier: GPL-2.0

//! Files that appear whole or not at all.

use crate::Error;
use std::{
    fs::{
        self,
        File,
        OpenOptions, //
    },
    io,
    os::unix::fs::OpenOptionsExt,
    path::{
        Path,
        PathBuf, //
    }, //
};

/// A file that has its name only after [`commit`](Self::commit); dropped before, it vanishes.
pub struct Output {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    done: bool,
}

/// The directory that `path` is in.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

impl Output {
    /// Opens a temporary file, mode 0600, in the directory of `path`.
    pub fn create(path: &Path) -> Result<Self, Error> {
        if path.file_name().is_none() || path.is_dir() {
            return Err(Error::new(
                format!("cannot write to {}", path.display()),
                io::Error::from(io::ErrorKind::IsADirectory),
            ));
        }
        for _ in 0..100 {
            let mut random = [0; 4];
            rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
                .map_err(|e| Error::new("cannot make a temporary name", e))?;
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".tmp.{:08x}", u32::from_ne_bytes(random)));
            let temporary = PathBuf::from(name);
            match OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)
            {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        temporary,
                        path: path.to_owned(),
                        done: false,
                    })
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => (),
                Err(e) => {
                    return Err(Error::new(
                        format!("cannot create {}", temporary.display()),
                        e,
                    ))
                }
            }
        }
        Err(Error::new(
            format!("cannot create a temporary file for {}", path.display()),
            io::Error::from(io::ErrorKind::AlreadyExists),
        ))
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, once it is on the disk. Returns its size in bytes.
    pub fn commit(mut self) -> Result<u64, Error> {
        let failed =
            |what: &str, e| Error::new(format!("cannot {what} {}", self.path.display()), e);
        self.file.sync_all().map_err(|e| failed("sync", e))?;
        let size = self.file.metadata().map_err(|e| failed("read", e))?.len();
        fs::rename(&self.temporary, &self.path).map_err(|e| failed("rename to", e))?;
        self.done = true;
        File::open(directory(&self.path))
            .and_then(|dir| dir.sync_all())
            .map_err(|e| failed("sync the directory of", e))?;
        Ok(size)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.done {
            // Nothing better can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn appears_or_not() {
        let dir = std::env::temp_dir().join(format!("output-test-{}", std::process::id()));
        fs::create_dir(&dir).unwrap();
        let path = dir.join("image");
        drop(Output::create(&path).unwrap());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);

        let output = Output::create(&path).unwrap();
        output.file().write_all(b"12345").unwrap();
        assert!(!path.exists());
        assert_eq!(output.commit().unwrap(), 5);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);

        assert!(Output::create(&dir).is_err());
        assert!(Output::create(&dir.join("missing/image")).is_err());
        fs::remove_dir_all(&dir).unwrap();
    }
}
