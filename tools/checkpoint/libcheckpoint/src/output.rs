// SPDX-License-Identifier: GPL-2.0

//! Where an image goes: files that appear whole or not at all, and pipes, devices and what else can
//! only be written to.

use crate::Error;
use std::{
    cell::Cell,
    ffi::{
        OsStr,
        OsString, //
    },
    fs::{
        self,
        File,
        OpenOptions, //
    },
    io::{
        self,
        IsTerminal, //
    },
    os::{
        fd::{
            AsFd,
            BorrowedFd, //
        },
        unix::fs::{
            FileTypeExt,
            MetadataExt,
            OpenOptionsExt, //
        }, //
    },
    path::{
        Path,
        PathBuf, //
    },
    thread,
    time::Duration, //
};
use tempfile::NamedTempFile;

/// Longest name of a file on any filesystem, less what a temporary name has more.
const NAME_MAX: usize = 255 - 16;

/// Most symbolic links that are followed, as the kernel does.
const LINKS_MAX: usize = 40;

/// How often to look whether a pipe has been read to its end, which is no event.
const LOOK: Duration = Duration::from_millis(10);

/// A place for an image.
pub struct Output {
    shown: String,
    sink: Sink,
}

enum Sink {
    /// A file that gets its name at the end.
    Named { file: NamedTempFile, path: PathBuf },
    /// What is there already, and stays what it is.
    Direct(File),
}

/// Returns the directory that `path` is in.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Returns the file that `path` names, which need not be there, without symbolic links at its end.
fn without_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = directory(&path).join(target),
            // What is no link, or not there.
            Err(e) if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {
                return Ok(path)
            }
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

/// Returns what a temporary file for `name` is called, up to its random part.
fn prefix(name: &OsStr) -> OsString {
    let mut prefix = if name.len() <= NAME_MAX {
        name.to_owned()
    } else {
        OsString::from("checkpoint")
    };
    prefix.push(".tmp.");
    prefix
}

impl Output {
    /// Opens the file `path`: one that does not exist or is a regular file appears only with
    /// [`commit`](Self::commit), under a temporary name before, with mode 0600. All others are
    /// written to. May wait for the reader of a FIFO.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let shown = path.display().to_string();
        let failed = |e: io::Error| Error::new(format!("cannot write to {shown}"), e);
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                Err(Error::plain(format!("{shown} is a directory")).hint("Name a file in it."))
            }
            Ok(meta) if meta.file_type().is_socket() => {
                Err(Error::plain(format!("{shown} is a socket"))
                    .hint("Pipe the image to a program that sends it."))
            }
            Ok(meta) if !meta.is_file() => {
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Self::direct(file, &shown)
            }
            Ok(meta) => {
                let path = without_links(path).map_err(failed)?;
                let same = fs::metadata(&path)
                    .is_ok_and(|m| (m.dev(), m.ino()) == (meta.dev(), meta.ino()));
                if !same {
                    return Err(Error::plain(format!(
                        "{shown} is a file without a name: an image can't take its place"
                    ))
                    .hint("Name another file."));
                }
                Self::named(&path, shown)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let path = without_links(path).map_err(failed)?;
                Self::named(&path, shown)
            }
            Err(e) => Err(failed(e)),
        }
    }

    /// Takes an open file, as standard output.
    pub fn direct(file: File, shown: &str) -> Result<Self, Error> {
        if file.is_terminal() {
            return Err(
                Error::plain(format!("the image would go to a terminal ({shown})"))
                    .hint("Name a file (-o FILE), or use a pipe."),
            );
        }
        Ok(Self {
            shown: shown.to_owned(),
            sink: Sink::Direct(file),
        })
    }

    fn named(path: &Path, shown: String) -> Result<Self, Error> {
        let Some(name) = path.file_name() else {
            return Err(Error::plain(format!("{shown} is not the name of a file")));
        };
        let dir = directory(path);
        // The crate wraps errors so that their numbers are lost.
        let number = Cell::new(None);
        let create = |path: &Path| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .inspect_err(|e| number.set(e.raw_os_error()))
        };
        let file = tempfile::Builder::new()
            .prefix(&prefix(name))
            .rand_bytes(8)
            .make_in(dir, create)
            .map_err(|e| {
                let e = number.get().map_or(e, io::Error::from_raw_os_error);
                Error::new(format!("cannot create a file in {}", dir.display()), e)
            })?;
        Ok(Self {
            shown,
            sink: Sink::Named {
                file,
                path: path.to_owned(),
            },
        })
    }

    /// Returns the file.
    pub fn file(&self) -> &File {
        match &self.sink {
            Sink::Named { file, .. } => file.as_file(),
            Sink::Direct(file) => file,
        }
    }

    /// Tells whether it is a file that appears with [`commit`](Self::commit).
    pub fn is_named(&self) -> bool {
        matches!(self.sink, Sink::Named { .. })
    }

    /// Waits, if it is a pipe, until all has been read; `interrupted` ends that.
    pub fn wait_read(&self, mut interrupted: impl FnMut() -> bool) -> Result<(), Error> {
        let Sink::Direct(file) = &self.sink else {
            return Ok(());
        };
        let shown = &self.shown;
        let failed = |e: io::Error| {
            Error::new(
                format!("cannot see how much of the image is left in the pipe {shown}"),
                e,
            )
        };
        if !file.metadata().map_err(failed)?.file_type().is_fifo() {
            return Ok(());
        }
        loop {
            // Without events it tells only whether a reader is left. Asked first: one that ends has
            // read all that is not there any more.
            let no_reader = crate::process::ended(file, rustix::event::PollFlags::empty());
            if rustix::io::ioctl_fionread(file).map_err(|e| failed(e.into()))? == 0 {
                return Ok(());
            }
            if no_reader {
                return Err(Error::plain(format!(
                    "the reader of the image ({shown}) has ended before it had all of it"
                )));
            }
            if interrupted() {
                return Err(Error::plain(format!(
                    "interrupted before the reader of the image ({shown}) had all of it"
                )));
            }
            thread::sleep(LOOK);
        }
    }

    /// Gives a complete image its name, once it is on the disk, and makes sure that the name is,
    /// too. Returns its size in bytes if it is a file of that kind.
    ///
    /// After an error a complete image that is on the disk is still there: the hint tells where.
    pub fn commit(self) -> Result<Option<u64>, Error> {
        let shown = &self.shown;
        match self.sink {
            Sink::Named { file, path } => commit_named(file, &path, shown).map(Some),
            Sink::Direct(file) => {
                let failed = |e| Error::new(format!("cannot write {shown} to the disk"), e);
                let meta = file.metadata().map_err(failed)?;
                if meta.is_file() || meta.file_type().is_block_device() {
                    file.sync_all().map_err(failed)?;
                }
                Ok(None)
            }
        }
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file().as_fd()
    }
}

fn commit_named(file: NamedTempFile, path: &Path, shown: &str) -> Result<u64, Error> {
    let unsafe_yet = |e| Error::new(format!("cannot write {shown} to the disk"), e);
    let size = file.as_file().metadata().map_err(unsafe_yet)?.len();
    let dir = File::open(directory(path)).map_err(unsafe_yet)?;
    // Once it is on the disk nothing removes it.
    file.as_file().sync_all().map_err(unsafe_yet)?;
    // What has come there meanwhile stays, unless it is a file.
    let error = match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => Err("it is no regular file any more".into()),
        _ => Ok(()),
    };
    let renamed = match error {
        Ok(()) => file
            .persist(path)
            .map(drop)
            .map_err(|e| (e.file, crate::describe(&e.error).into_owned())),
        Err(why) => Err((file, why)),
    };
    if let Err((file, why)) = renamed {
        let error = Error::plain(format!("cannot give the image its name, {shown}: {why}"));
        return Err(match file.keep() {
            Ok((_, kept)) => error.hint(format!("The image is complete: {}", kept.display())),
            Err(_) => error,
        });
    }
    match dir.sync_all() {
        // A filesystem whose directories can't be brought to the disk has nothing to wait for.
        Err(e) if e.raw_os_error() != Some(libc::EINVAL) => Err(Error::new(
            format!("cannot write the directory of {shown} to the disk"),
            e,
        )
        .hint("The image is complete and has its name, but may lose it if the power fails.")),
        _ => Ok(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::Mode;
    use std::{
        io::{
            Read,
            Write, //
        },
        os::unix::fs::{
            symlink,
            PermissionsExt, //
        }, //
    };

    fn write(output: &Output) {
        let mut file = File::from(output.as_fd().try_clone_to_owned().unwrap());
        file.write_all(b"12345").unwrap();
    }

    fn count(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn appears_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        drop(Output::open(&path).unwrap());
        assert_eq!(count(dir.path()), 0);

        let output = Output::open(&path).unwrap();
        write(&output);
        assert!(!path.exists());
        assert_eq!(output.commit().unwrap(), Some(5));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(count(dir.path()), 1);

        assert!(Output::open(dir.path()).is_err());
        let missing = Output::open(&dir.path().join("missing/image"));
        let text = missing.err().unwrap().to_string();
        assert!(
            text.ends_with("missing: No such file or directory"),
            "{text}"
        );
    }

    /// Checks that a complete image is never deleted.
    #[test]
    fn name_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        let output = Output::open(&path).unwrap();
        write(&output);
        fs::create_dir(&path).unwrap();
        let text = output.commit().unwrap_err().to_string();
        let kept = text.rsplit_once("is complete: ").unwrap().1;
        assert_eq!(fs::read(kept).unwrap(), b"12345");
        assert!(path.is_dir());
    }

    #[test]
    fn links_stay() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name| dir.path().join(name);
        for (link, target) in [
            ("a", "b"),
            ("b", "image"),
            ("old", "there"),
            ("null", "/dev/null"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        fs::write(at("there"), "").unwrap();
        for (link, target) in [("a", "image"), ("old", "there")] {
            let output = Output::open(&at(link)).unwrap();
            write(&output);
            output.commit().unwrap();
            assert!(fs::symlink_metadata(at(link)).unwrap().is_symlink());
            assert_eq!(fs::read(at(target)).unwrap(), b"12345");
        }
        let output = Output::open(&at("null")).unwrap();
        assert!(!output.is_named());
        output.commit().unwrap();
        symlink("round", at("round")).unwrap();
        assert!(Output::open(&at("round")).is_err());
    }

    #[test]
    fn pipes_are_written_to() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
        let open = || {
            OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&path)
                .unwrap()
        };
        let mut reader = open();
        let output = Output::open(&path).unwrap();
        write(&output);
        let mut bytes = [0; 5];
        reader.read_exact(&mut bytes).unwrap();
        output.wait_read(|| false).unwrap();
        assert_eq!((&bytes, output.commit().unwrap()), (b"12345", None));

        let output = Output::open(&path).unwrap();
        write(&output);
        drop(reader);
        let text = output.wait_read(|| false).unwrap_err().to_string();
        assert!(text.contains("ended before it had all"), "{text}");
        let reader = open();
        let output = Output::open(&path).unwrap();
        write(&output);
        let text = output.wait_read(|| true).unwrap_err().to_string();
        assert!(text.contains("interrupted"), "{text}");
        drop(reader);
        assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
    }
}
