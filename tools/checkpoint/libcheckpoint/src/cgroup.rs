// SPDX-License-Identifier: GPL-2.0

//! cgroups (v2): the freezer works on whole ones, so that a subtree must have its own.

use crate::{
    process::Handle,
    small,
    tree,
    Error, //
};
use rustix::{
    event::{
        poll,
        PollFd,
        PollFlags,
        Timespec, //
    },
    fs::statfs,
    io::Errno, //
};
use std::{
    collections::HashSet,
    fs::{
        self,
        File,
        Metadata,
        OpenOptions, //
    },
    io::{
        self,
        BufRead,
        BufReader,
        Seek,
        Write, //
    },
    os::{
        fd::{
            AsFd,
            BorrowedFd, //
        },
        unix::fs::MetadataExt, //
    },
    path::{
        Component,
        Path,
        PathBuf, //
    },
    sync::{
        Mutex,
        PoisonError, //
    },
    time::{
        Duration,
        Instant, //
    }, //
};

/// The type of the cgroup file system (CGROUP2_SUPER_MAGIC).
const FILE_SYSTEM: u64 = 0x6367_7270;

/// Where it was mounted when that was last looked up.
static MOUNT_POINT: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Returns where the cgroup file system is mounted.
pub fn mount_point() -> Result<PathBuf, Error> {
    // It is whole, whatever has become of who held it.
    let mut known = MOUNT_POINT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = &*known {
        // A program that lives long may see it go; it costs one call to know.
        if statfs(path).is_ok_and(|found| found.f_type as u64 == FILE_SYSTEM) {
            return Ok(path.clone());
        }
    }
    let path = find_mount().map_err(|e| Error::new("cannot read /proc/self/mountinfo", e))?;
    let path = path.ok_or_else(|| {
        Error::plain("no cgroup file system (version 2) is mounted")
            .hint("Mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    })?;
    *known = Some(path.clone());
    Ok(path)
}

/// Looks up where it is mounted.
fn find_mount() -> io::Result<Option<PathBuf>> {
    // What comes after it is not read.
    for line in BufReader::new(File::open("/proc/self/mountinfo")?).split(b'\n') {
        let found = parse_mount(&String::from_utf8_lossy(&line?));
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Returns the mount point in a line of mountinfo, if it is one of cgroup2.
fn parse_mount(line: &str) -> Option<PathBuf> {
    let (mount, file_system) = line.split_once(" - ")?;
    if file_system.split(' ').next() != Some("cgroup2") {
        return None;
    }
    mount.split(' ').nth(4).map(PathBuf::from)
}

/// Returns the cgroup of a process, as a directory.
pub fn of(pid: i32) -> Result<PathBuf, Error> {
    let text = small::text(format!("/proc/{pid}/cgroup"))
        .map_err(|e| Error::new(format!("cannot find the cgroup of process {pid}"), e))?;
    let path = text
        .lines()
        .find_map(|l| l.strip_prefix("0::/"))
        .ok_or_else(|| Error::plain(format!("process {pid} is in no cgroup (version 2)")))?;
    if has_dots(Path::new(path)) {
        return Err(Error::plain(format!(
            "the cgroup of process {pid} is outside of the cgroup namespace of this command"
        ))
        .hint("Run this command where the process was started, outside of the container."));
    }
    Ok(mount_point()?.join(path))
}

fn has_dots(path: &Path) -> bool {
    path.components().any(|c| c == Component::ParentDir)
}

/// The directory of a cgroup. Dropped, it is removed if it was made: see [`keep`](Self::keep).
pub struct Dir {
    path: PathBuf,
    fd: File,
    made: Vec<PathBuf>,
}

/// Directories that were made for one that is not there yet, to be removed if that fails.
fn make_all(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|d| !d.exists()).collect();
    let mut made = Vec::new();
    for dir in missing.into_iter().rev() {
        match fs::create_dir(dir) {
            Ok(()) => made.push(dir.to_owned()),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => (),
            Err(e) => {
                remove_all(&made);
                return Err(e);
            }
        }
    }
    Ok(made)
}

fn remove_all(made: &[PathBuf]) {
    for dir in made.iter().rev() {
        // One that somebody else has begun to use stays.
        let _ = fs::remove_dir(dir);
    }
}

impl Dir {
    /// Opens a cgroup that was named by its directory or by its path from the mount point.
    pub fn open(path: &Path, create: bool) -> Result<Self, Error> {
        if has_dots(path) {
            return Err(Error::plain(format!(
                "the cgroup {} is not named by a path without \"..\"",
                path.display()
            )));
        }
        let top = mount_point()?;
        let dir = if path.starts_with(&top) {
            path.to_owned()
        } else {
            top.join(path.strip_prefix("/").unwrap_or(path))
        };
        let shown = dir.display();
        let mut made = Vec::new();
        if create {
            made =
                make_all(&dir).map_err(|e| Error::new(format!("cannot make cgroup {shown}"), e))?;
        }
        let fd = File::open(&dir).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::plain(format!("there is no cgroup {shown}")).hint(
                format!("Make it, and put the processes into it: mkdir {shown}"),
            ),
            _ => Error::new(format!("cannot open cgroup {shown}"), e),
        });
        match fd.and_then(|fd| is_dir(&fd, &dir).map(|()| fd)) {
            Ok(fd) => Ok(Self {
                path: dir,
                fd,
                made,
            }),
            Err(e) => {
                remove_all(&made);
                Err(e)
            }
        }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether it is the root cgroup, which can't be frozen.
    pub fn is_root(&self) -> Result<bool, Error> {
        let id = |m: &Metadata| (m.dev(), m.ino());
        let own = self.fd.metadata().ok();
        let top = fs::metadata(mount_point()?).ok();
        Ok(own.as_ref().map(id) == top.as_ref().map(id))
    }

    /// Keeps the directories that were made for it.
    pub fn keep(&mut self) {
        self.made.clear();
    }
}

fn is_dir(fd: &File, path: &Path) -> Result<(), Error> {
    let what = || format!("cannot open cgroup {}", path.display());
    let meta = fd.metadata().map_err(|e| Error::new(what(), e))?;
    if meta.is_dir() {
        return Ok(());
    }
    Err(Error::plain(format!(
        "{} is a file and not the directory of a cgroup",
        path.display()
    )))
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        remove_all(&self.made);
    }
}

/// The file by which a cgroup is frozen and thawed, open before that is needed.
pub struct Freezer {
    file: File,
    dir: PathBuf,
    was_frozen: bool,
}

impl Freezer {
    /// Opens that of the cgroup `dir`.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("cgroup.freeze");
        let failed = |e| {
            Error::new(format!("cannot open {}", path.display()), e)
                .hint("To leave processes frozen takes the right to thaw them.")
        };
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(failed)?;
        let text = small::rest_of_text(&file).map_err(failed)?;
        Ok(Self {
            file,
            dir: dir.to_owned(),
            was_frozen: text.trim() == "1",
        })
    }

    /// Makes it what it was when it was opened: thawed, or frozen by its owner.
    pub fn restore(&mut self) -> Result<(), Error> {
        if self.was_frozen {
            return Ok(());
        }
        self.write("0")
    }

    /// Thaws it, whatever it was.
    pub fn thaw(&mut self) -> Result<(), Error> {
        self.write("0")
    }

    /// Freezes it.
    pub fn freeze(&mut self) -> Result<(), Error> {
        self.write("1")
    }

    fn write(&mut self, text: &str) -> Result<(), Error> {
        let done = self
            .file
            .rewind()
            .and_then(|()| self.file.write_all(text.as_bytes()));
        let word = if text == "0" { "thaw" } else { "freeze" };
        done.map_err(|e| {
            Error::new(format!("cannot {word} cgroup {}", self.dir.display()), e).hint(format!(
                "Do it by hand: echo {text} >{}/cgroup.freeze",
                self.dir.display()
            ))
        })
    }
}

/// Tells whether a cgroup or one around it was frozen by its owner.
pub fn is_frozen(dir: &Path) -> bool {
    let top = mount_point().unwrap_or_default();
    let frozen =
        |dir: &Path| small::text(dir.join("cgroup.freeze")).is_ok_and(|text| text.trim() == "1");
    // The one at the top can be, as the root of a cgroup namespace; what is above it is no cgroup.
    let above = top.parent();
    dir.ancestors()
        .take_while(|dir| Some(*dir) != above)
        .any(frozen)
}

/// Returns the processes in `dir`, without those in the cgroups below it.
pub(crate) fn procs(dir: &Path) -> io::Result<HashSet<i32>> {
    let procs = small::text(dir.join("cgroup.procs"))?;
    Ok(procs
        .lines()
        .filter_map(|l| l.parse::<i32>().ok())
        .collect())
}

/// Adds the processes in `dir` and in the cgroups below it to `found`.
pub(crate) fn members(dir: &Path, found: &mut HashSet<i32>) -> io::Result<()> {
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        found.extend(procs(&dir)?);
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Tells whether a process with its descendants has the cgroup `dir` to itself, and none of them is
/// in a cgroup below it, which can't be saved.
pub fn owned_by(target: &Handle, dir: &Path) -> Result<bool, Error> {
    if dir == mount_point()? {
        return Ok(false);
    }
    target.sure(|pid| {
        let mut found = HashSet::new();
        members(dir, &mut found)?;
        let tree = tree::subtree(pid)?;
        let all: HashSet<i32> = tree.iter().map(|p| p.pid).collect();
        let mut live = tree.iter().filter(|p| !p.is_zombie);
        let here = procs(dir)?;
        Ok(live.all(|p| here.contains(&p.pid)) && found.is_subset(&all))
    })
}

/// Waits until no process that lives is in the cgroup `dir`, but for `longest` at most. Tells
/// whether that is so. A cgroup that has been removed is empty.
pub fn wait_empty(dir: &Path, longest: Duration) -> io::Result<bool> {
    let end = Instant::now() + longest;
    let gone = |e: &io::Error| matches!(e.raw_os_error(), Some(libc::ENOENT | libc::ENODEV));
    let mut events = match File::open(dir.join("cgroup.events")) {
        Err(e) if gone(&e) => return Ok(true),
        other => other?,
    };
    loop {
        events.rewind()?;
        let text = match small::rest_of_text(&events) {
            Err(e) if gone(&e) => return Ok(true),
            other => other?,
        };
        if text.lines().any(|l| l == "populated 0") {
            return Ok(true);
        }
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        // The file tells of its changes so.
        let mut fds = [PollFd::new(&events, PollFlags::PRI)];
        match poll(&mut fds, Some(&left)) {
            Ok(0) => return Ok(false),
            Ok(_) | Err(Errno::INTR) => (),
            Err(e) => return Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts() {
        let line = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw";
        assert_eq!(parse_mount(line), Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(parse_mount("25 30 0:23 / /proc rw - proc proc rw"), None);
        assert_eq!(parse_mount(""), None);
    }

    #[test]
    fn directories_that_were_made() {
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("a/b");
        let made = make_all(&dir).unwrap();
        assert_eq!(made, [top.path().join("a"), dir.clone()]);
        assert!(make_all(&dir).unwrap().is_empty());
        fs::write(top.path().join("a/used"), "").unwrap();
        remove_all(&made);
        assert!(!dir.exists() && top.path().join("a").exists());
    }

    #[test]
    fn no_way_up() {
        let error = Dir::open(Path::new("job/../.."), false).map(|_| ());
        assert!(error.unwrap_err().to_string().contains("\"..\""));
    }
}
