// SPDX-License-Identifier: GPL-2.0

//! cgroups (v2): the freezer works on whole ones, so that a subtree must have its own.

use crate::{
    process,
    Error, //
};
use std::{
    collections::{
        HashMap,
        HashSet, //
    },
    fs::{
        self,
        File, //
    },
    io,
    path::{
        Path,
        PathBuf, //
    },
    thread,
    time::Duration, //
};

/// How often to look again for tasks that were forked meanwhile, and for a cgroup to be empty.
const ROUNDS: usize = 200;

/// Where the cgroup file system is mounted.
pub fn mount_point() -> Result<PathBuf, Error> {
    let failed = |e| Error::new("cannot read /proc/self/mountinfo", e);
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(failed)?;
    mounts.lines().find_map(parse_mount).ok_or_else(|| {
        Error::new(
            "no cgroup file system",
            io::Error::from(io::ErrorKind::NotFound),
        )
        .hint(Some("Mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup"))
    })
}

/// The mount point in a line of mountinfo, if it is one of cgroup2.
fn parse_mount(line: &str) -> Option<PathBuf> {
    let (mount, file_system) = line.split_once(" - ")?;
    if file_system.split(' ').next() != Some("cgroup2") {
        return None;
    }
    mount.split(' ').nth(4).map(PathBuf::from)
}

/// The cgroup of a process, as a directory.
pub fn of(pid: i32) -> Result<PathBuf, Error> {
    let failed = |e| Error::new(format!("cannot find the cgroup of {pid}"), e);
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).map_err(failed)?;
    let path = text
        .lines()
        .find_map(|l| l.strip_prefix("0::/"))
        .ok_or_else(|| failed(io::Error::from(io::ErrorKind::NotFound)))?;
    Ok(mount_point()?.join(path))
}

/// Opens a cgroup that was named by its directory or by its path from the mount point.
pub fn open(path: &Path, create: bool) -> Result<File, Error> {
    let dir = if path.starts_with(mount_point()?) {
        path.to_owned()
    } else {
        mount_point()?.join(path.strip_prefix("/").unwrap_or(path))
    };
    let failed = |e| Error::new(format!("cannot open the cgroup {}", dir.display()), e);
    if create {
        fs::create_dir_all(&dir).map_err(failed)?;
    }
    File::open(&dir).map_err(failed)
}

/// Adds the processes in `dir` and in the cgroups below it to `found`.
fn members(dir: &Path, found: &mut HashSet<i32>) -> io::Result<()> {
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        let procs = fs::read_to_string(dir.join("cgroup.procs"))?;
        found.extend(procs.lines().filter_map(|l| l.parse::<i32>().ok()));
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                dirs.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Does the process `pid` with its descendants have a cgroup to itself?
pub fn owns_its_cgroup(pid: i32) -> Result<bool, Error> {
    let failed = |e| Error::new(format!("cannot list the cgroup of {pid}"), e);
    let dir = of(pid)?;
    if dir == mount_point()? {
        return Ok(false);
    }
    let mut found = HashSet::new();
    members(&dir, &mut found).map_err(failed)?;
    let tree = process::subtree(pid).map_err(failed)?;
    let live: HashSet<i32> = tree
        .iter()
        .filter(|p| !p.is_zombie)
        .map(|p| p.pid)
        .collect();
    let all: HashSet<i32> = tree.iter().map(|p| p.pid).collect();
    Ok(live.is_subset(&found) && found.is_subset(&all))
}

/// A cgroup that was made for the duration of a checkpoint.
///
/// Dropped, its tasks go back to where they were, and it is removed.
pub struct Own {
    dir: PathBuf,
    root: PathBuf,
    home: HashMap<i32, PathBuf>,
    keep: bool,
}

impl Own {
    /// Moves `pid` and all that descend from it into a fresh cgroup, below the caller's if that
    /// can be, and otherwise at the top.
    pub fn make(pid: i32) -> Result<Self, Error> {
        let root = of(pid)?;
        let me = i32::try_from(std::process::id()).unwrap_or(0);
        let name = format!("checkpoint-{pid}-{me}");
        let mut last = None;
        for parent in [of(me), mount_point()] {
            let dir = parent?.join(&name);
            match fs::create_dir(&dir) {
                Ok(()) => {
                    let mut own = Self {
                        dir,
                        root: root.clone(),
                        home: HashMap::new(),
                        keep: false,
                    };
                    match own.take(pid) {
                        Ok(()) => return Ok(own),
                        Err(e) => last = Some(e),
                    }
                }
                Err(e) => last = Some(Error::new(format!("cannot make {}", dir.display()), e)),
            }
        }
        let error = last.unwrap_or_else(|| Error::new("no cgroup", io::ErrorKind::NotFound));
        Err(error.hint(Some(
            "The tasks need a cgroup to themselves: start them in one, or run as root.",
        )))
    }

    /// The cgroup's directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Leaves the cgroup, with its tasks in it.
    pub fn keep(mut self) {
        self.keep = true;
    }

    fn take(&mut self, pid: i32) -> Result<(), Error> {
        let failed = |pid: i32, e| Error::new(format!("cannot move {pid} to another cgroup"), e);
        let procs = self.dir.join("cgroup.procs");
        // A task that is forked during the move may be missed once, but not if its parent has
        // been moved before.
        for _ in 0..ROUNDS {
            let tree = process::subtree(pid).map_err(|e| failed(pid, e))?;
            let mut moved = false;
            for process in tree.iter().filter(|p| !p.is_zombie) {
                let Ok(home) = of(process.pid) else { continue };
                if home == self.dir {
                    continue;
                }
                moved = true;
                match fs::write(&procs, process.pid.to_string()) {
                    Ok(()) => {
                        self.home.insert(process.pid, home);
                    }
                    Err(e) if e.raw_os_error() == Some(libc::ESRCH) => (),
                    Err(e) => return Err(failed(process.pid, e)),
                }
            }
            if !moved {
                return Ok(());
            }
        }
        Err(failed(pid, io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        for round in 0..ROUNDS {
            let mut left = HashSet::new();
            if members(&self.dir, &mut left).is_err() {
                return;
            }
            for pid in left {
                let home = self.home.get(&pid).unwrap_or(&self.root);
                // It may have exited; if not, the next round tries again.
                let _ = fs::write(home.join("cgroup.procs"), pid.to_string());
            }
            if fs::remove_dir(&self.dir).is_ok() {
                return;
            }
            // Killed tasks take a moment to be gone.
            if round > 0 {
                thread::sleep(Duration::from_millis(10));
            }
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
}
