// SPDX-License-Identifier: GPL-2.0

//! Cgroups that are made for the duration of a checkpoint or of a restart.
//!
//! Such a cgroup is called checkpoint-PID-PID, after what is in it and who made it. Who made it holds a
//! lock on its directory, and an attribute of the directory tells where the processes in it came
//! from: so what a killed command has left behind is found, and put in order by the next one.

use crate::{
    cgroup::{
        self,
        is_frozen,
        members,
        mount_point,
        of,
        procs,
        Freezer, //
    },
    process::{
        self,
        open_pidfd,
        Handle,
        Process, //
    },
    tree,
    Error, //
};
use rustix::{
    event::PollFlags,
    fs::{
        fgetxattr,
        flock,
        fremovexattr,
        fsetxattr,
        FlockOperation,
        XattrFlags, //
    },
    io::Errno,
    process::geteuid, //
};
use std::{
    collections::{
        BTreeMap,
        HashSet, //
    },
    ffi::OsStr,
    fs::{
        self,
        File,
        OpenOptions, //
    },
    io::{
        self,
        Write, //
    },
    os::unix::{
        ffi::OsStrExt,
        fs::MetadataExt, //
    },
    path::{
        Path,
        PathBuf, //
    },
    time::Duration, //
};

/// How often to look again for tasks that were forked meanwhile.
const ROUNDS: usize = 200;

/// How long to wait for killed tasks to be gone from a cgroup.
const GONE: Duration = Duration::from_secs(10);

/// The attribute of a directory that tells where the processes in it came from.
const ATTRIBUTE: &str = "user.checkpoint";

/// Longest value of an attribute.
const VALUE_MAX: usize = 65536;

/// Where processes came from: pid by pid, and for all others under 0.
type Homes = BTreeMap<i32, PathBuf>;

/// Returns the value of the attribute: a line for each pid. What does not fit is taken as that of
/// 0.
fn encode(homes: &Homes) -> Vec<u8> {
    let mut bytes = Vec::new();
    let usual = homes.get(&0);
    for (pid, home) in homes {
        if *pid != 0 && Some(home) == usual {
            continue;
        }
        let line = [
            pid.to_string().as_bytes(),
            b" ",
            home.as_os_str().as_bytes(),
            b"\n",
        ]
        .concat();
        if bytes.len() + line.len() <= VALUE_MAX {
            bytes.extend(line);
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Homes {
    let parse = |line: &[u8]| {
        let at = line.iter().position(|&b| b == b' ')?;
        let pid = std::str::from_utf8(line.get(..at)?).ok()?.parse().ok()?;
        let home = OsStr::from_bytes(line.get(at + 1..)?);
        Some((pid, PathBuf::from(home)))
    };
    bytes.split(|&b| b == b'\n').filter_map(parse).collect()
}

/// Makes a cgroup, and takes the lock on its directory.
fn make_locked(dir: &Path) -> io::Result<File> {
    for _ in 0..ROUNDS {
        fs::create_dir(dir)?;
        let lock = File::open(dir).and_then(|lock| {
            flock(&lock, FlockOperation::LockExclusive)?;
            Ok(lock)
        });
        match lock {
            // Another command may have taken it for one that was left behind.
            Ok(_) if !dir.exists() => continue,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Ok(lock) => return Ok(lock),
            Err(e) => {
                let _ = fs::remove_dir(dir);
                return Err(e);
            }
        }
    }
    Err(Errno::AGAIN.into())
}

/// The cgroups around a process, looked up once: below them a cgroup for some time is made, and may have been
/// left behind.
pub struct Around {
    /// That of the process.
    home: PathBuf,
    /// That of the calling process, unless that can't be told.
    own: Option<PathBuf>,
    /// The root cgroup.
    top: PathBuf,
}

impl Around {
    /// Looks up those around `target`.
    pub fn of(target: &Handle) -> Result<Self, Error> {
        Self::below(home_of(target)?)
    }

    /// Looks up those around `target`, if it is in another cgroup by now.
    pub fn moved(&self, target: &Handle) -> Result<Option<Self>, Error> {
        let home = home_of(target)?;
        (home != self.home).then(|| Self::below(home)).transpose()
    }

    /// Looks up those around a process that is to be in the cgroup `home`.
    fn below(home: PathBuf) -> Result<Self, Error> {
        let me = i32::try_from(std::process::id()).unwrap_or(0);
        Ok(Self {
            own: of(me).ok(),
            top: mount_point()?,
            home,
        })
    }

    /// Returns that of the process.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Returns those in which a cgroup may be made, the best first.
    fn places(&self) -> Vec<&Path> {
        let all = [Some(&self.home), self.own.as_ref(), Some(&self.top)];
        distinct(all.into_iter().flatten().map(PathBuf::as_path))
    }

    /// Puts in order what a command has left behind that was at work on the process, which may be in
    /// there: then this tells other cgroups than are around it now. Tells whether there was something.
    pub fn sweep(&self) -> bool {
        // What is above the top is no cgroup.
        let is_cgroup = |dir: &&Path| dir.starts_with(&self.top);
        let places = self.places().into_iter();
        let with_parents = places.flat_map(|dir| [Some(dir), dir.parent().filter(is_cgroup)]);
        let mut found = false;
        for place in distinct(with_parents.flatten()) {
            found |= sweep(place);
        }
        found
    }
}

/// Returns the cgroup of `target`.
fn home_of(target: &Handle) -> Result<PathBuf, Error> {
    target.sure(|pid| of(pid).map_err(|e| io::Error::other(e.to_string())))
}

/// Returns `dirs` without those that were there before.
fn distinct<'a>(dirs: impl Iterator<Item = &'a Path>) -> Vec<&'a Path> {
    let mut seen = Vec::new();
    for dir in dirs {
        if !seen.contains(&dir) {
            seen.push(dir);
        }
    }
    seen
}

/// A cgroup for some time, and the lock on it.
pub struct Temporary {
    dir: PathBuf,
    lock: File,
    homes: Homes,
    keep: bool,
}

impl Temporary {
    /// Makes an empty one, whose processes belong into `home`: below that if it can be, otherwise
    /// below the caller's, or at the top. `name` is what its name has besides the caller's pid.
    ///
    /// What an earlier command has left behind in those places is put in order first.
    pub fn make(name: &str, home: &Path) -> Result<Self, Error> {
        let around = Around::below(home.to_owned())?;
        for place in around.places() {
            sweep(place);
        }
        Self::new(name, &around)
    }

    fn new(name: &str, around: &Around) -> Result<Self, Error> {
        let me = std::process::id();
        let mut last = None;
        for place in around.places() {
            let dir = place.join(format!("checkpoint-{name}-{me}"));
            match Self::at(dir, &around.home) {
                Ok(own) => return Ok(own),
                Err(e) => last = Some(e),
            }
        }
        let error = last.unwrap_or_else(|| Error::plain("there is no place for a cgroup"));
        Err(error.hint(
            "The processes need a cgroup to themselves: start them in one, or run this as root.",
        ))
    }

    fn at(dir: PathBuf, home: &Path) -> Result<Self, Error> {
        let lock = make_locked(&dir)
            .map_err(|e| Error::new(format!("cannot make cgroup {}", dir.display()), e))?;
        let own = Self {
            dir,
            lock,
            homes: Homes::from([(0, home.to_owned())]),
            keep: false,
        };
        own.remember();
        if is_frozen(home) {
            // Who froze the processes wants them to stay so.
            Freezer::open(&own.dir)?.freeze()?;
        }
        Ok(own)
    }

    /// Makes one for `target` and all that descend from it, and moves them into it. `around` was looked up
    /// before, and [swept](Around::sweep).
    pub fn around(target: &Handle, around: &Around) -> Result<Self, Error> {
        let mut own = Self::new(&target.pid().to_string(), around)?;
        own.take(target)?;
        Ok(own)
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Leaves the cgroup, with its processes in it, until its owner removes it.
    pub fn keep(mut self) {
        let _ = fremovexattr(&self.lock, ATTRIBUTE);
        self.keep = true;
    }

    /// Moves the processes back and removes the cgroup.
    pub fn give_back(mut self) -> Result<(), Error> {
        self.keep = true;
        self.undo()
    }

    fn undo(&self) -> Result<(), Error> {
        undo(&self.dir, &self.homes)
    }

    /// Writes down where the processes came from. Without that they are put back all the same,
    /// unless this command is killed.
    fn remember(&self) {
        let _ = fsetxattr(
            &self.lock,
            ATTRIBUTE,
            &encode(&self.homes),
            XattrFlags::empty(),
        );
    }

    fn take(&mut self, target: &Handle) -> Result<(), Error> {
        let root = target.pid();
        let mut to = Mover::default();
        let mut is_new = true;
        // A task that is forked while the others are looked for and moved may be missed once, but not
        // if its parent has been moved before: until nothing is found outside. Who is not found for
        // another reason after all is named by the kernel, which saves nothing then.
        for _ in 0..ROUNDS {
            let tree = target.sure(tree::subtree)?;
            let here = match std::mem::take(&mut is_new) {
                true => HashSet::new(),
                // What it does not tell each process is asked.
                false => procs(&self.dir).unwrap_or_default(),
            };
            let mut moves = Vec::new();
            let outside = |p: &&Process| !p.is_zombie && !here.contains(&p.pid);
            for process in tree.iter().filter(outside) {
                let Ok(home) = of(process.pid) else { continue };
                if home != self.dir {
                    moves.push((*process, home));
                }
            }
            if moves.is_empty() {
                return Ok(());
            }
            for (process, home) in &moves {
                self.homes.insert(process.pid, home.clone());
                if process.pid == root {
                    self.homes.insert(0, home.clone());
                }
            }
            self.remember();
            for (process, _) in &moves {
                self.take_one(&mut to, process)?;
            }
        }
        Err(Error::plain(format!(
            "the processes below {root} fork faster than they can be moved to another cgroup"
        ))
        .hint("Start them in a cgroup of their own, and name it with --cgroup."))
    }

    /// Moves a process, or none if it has exited.
    fn take_one(&self, to: &mut Mover, process: &Process) -> Result<(), Error> {
        let pid = process.pid;
        let Ok(pidfd) = open_pidfd(pid) else {
            return Ok(());
        };
        // Only now its pid is known to be its own, until it has exited.
        if process::look(pid).ok() != Some(*process) {
            return Ok(());
        }
        match to.put(pid, &self.dir) {
            Ok(()) => (),
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => return Ok(()),
            Err(e) => {
                return Err(Error::new(
                    format!("cannot move process {pid} to cgroup {}", self.dir.display()),
                    e,
                ))
            }
        }
        if crate::process::ended(&pidfd, PollFlags::IN) {
            self.return_stranger(pid, process.parent);
        }
        Ok(())
    }

    /// Puts back a process that has got the pid of one that was to be moved.
    fn return_stranger(&self, pid: i32, parent: i32) {
        let here = |pid| of(pid).is_ok_and(|dir| dir == self.dir);
        match process::look(pid) {
            Ok(now) if here(pid) && now.parent != parent && !here(now.parent) => {
                if let Ok(home) = of(now.parent) {
                    let _ = fs::write(home.join("cgroup.procs"), pid.to_string());
                }
            }
            _ => (),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.keep {
            // Who wants to know calls give_back().
            let _ = self.undo();
        }
    }
}

/// Moves processes into cgroups, one after the other: often into the same.
#[derive(Default)]
struct Mover {
    /// The last one, and what is written to for that.
    last: Option<(PathBuf, File)>,
}

impl Mover {
    /// Moves the process `pid` into the cgroup `dir`. ESRCH: there is no such process.
    fn put(&mut self, pid: i32, dir: &Path) -> io::Result<()> {
        let last = self.last.take().filter(|(last, _)| last == dir);
        let (_, file) = match last {
            Some(same) => self.last.insert(same),
            None => {
                let file = OpenOptions::new()
                    .write(true)
                    .open(dir.join("cgroup.procs"))?;
                self.last.insert((dir.to_owned(), file))
            }
        };
        file.write_all(pid.to_string().as_bytes())
    }
}

/// Moves the processes in `dir` to where they came from, and removes it.
fn undo(dir: &Path, homes: &Homes) -> Result<(), Error> {
    let shown = dir.display();
    let failed = |e: io::Error| {
        Error::new(format!("cannot empty cgroup {shown}"), e).hint(format!(
            "The processes run in there: move them to where they belong, then rmdir {shown}"
        ))
    };
    let usual = homes.get(&0).cloned();
    let usual = usual.unwrap_or_else(|| dir.parent().unwrap_or(dir).to_owned());
    let mut last = None;
    let mut to = Mover::default();
    for round in 0..ROUNDS {
        let mut left = HashSet::new();
        // Cgroups below it, which processes have made, are seldom there: it can't be removed then.
        let found = match round {
            0 => procs(dir).map(|found| left.extend(found)),
            _ => members(dir, &mut left),
        };
        match found {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(failed)?,
        }
        for pid in &left {
            let home = homes.get(pid).unwrap_or(&usual);
            // It may have exited; if not, the next round tries again.
            last = to.put(*pid, home).err().or(last);
        }
        match fs::remove_dir(dir) {
            Ok(()) => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) if e.raw_os_error() != Some(libc::EBUSY) => return Err(failed(e)),
            Err(_) => (),
        }
        // What is left was forked just now, or has been killed and is not gone yet.
        if round > 0 && left.is_empty() && !cgroup::wait_empty(dir, GONE).map_err(failed)? {
            break;
        }
    }
    let last = last.unwrap_or_else(|| Errno::BUSY.into());
    Err(failed(last))
}

/// Returns whether it has the parts of the name of a temporary cgroup.
fn is_temporary(name: &OsStr) -> bool {
    let number = |part: Option<&str>| part.is_some_and(|p| p.parse::<i32>().is_ok());
    let name = name.to_str().and_then(|n| n.strip_prefix("checkpoint-"));
    let mut parts = name.unwrap_or_default().split('-');
    let what = parts.next();
    (number(what) || what == Some("restart")) && number(parts.next()) && parts.next().is_none()
}

/// Puts in order what commands that were killed have left behind below `place`: processes that are
/// in a temporary cgroup go on where they were. Tells whether there was such a cgroup.
pub fn sweep(place: &Path) -> bool {
    let Ok(entries) = fs::read_dir(place) else {
        return false;
    };
    let mut found = false;
    for entry in entries.flatten().filter(|e| is_temporary(&e.file_name())) {
        let dir = entry.path();
        let Ok(lock) = File::open(&dir) else { continue };
        // Another user's attributes are not to be trusted.
        let owner = lock.metadata().map(|m| m.uid());
        if owner.ok() != Some(geteuid().as_raw()) {
            continue;
        }
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue; // Its command is at work.
        }
        let mut value = vec![0; VALUE_MAX];
        match fgetxattr(&lock, ATTRIBUTE, &mut value) {
            Ok(len) => {
                value.truncate(len);
                let homes = decode(&value);
                let was_frozen = homes.get(&0).is_some_and(|home| is_frozen(home));
                if !was_frozen {
                    let _ = fs::write(dir.join("cgroup.freeze"), "0");
                }
                let _ = undo(&dir, &homes);
                found = true;
            }
            // It is somebody's who wanted it to stay, or was just made: as long as it is in use.
            Err(_) => {
                let _ = fs::remove_dir(&dir);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_they_came_from() {
        let homes = Homes::from([
            (0, PathBuf::from("/sys/fs/cgroup/a b")),
            (7, PathBuf::from("/sys/fs/cgroup/c")),
            (8, PathBuf::from("/sys/fs/cgroup/a b")),
        ]);
        let told = decode(&encode(&homes));
        assert_eq!(told.get(&7), homes.get(&7));
        assert_eq!(told.get(&0), homes.get(&0));
        assert_eq!(told.len(), 2);
        assert!(decode(b"").is_empty() && decode(b"x\n7\n\xff /a\n").is_empty());

        let many = (0..10_000).map(|n| (n, PathBuf::from(format!("/sys/fs/cgroup/{n}"))));
        let bytes = encode(&many.collect());
        assert!(bytes.len() <= VALUE_MAX);
        assert!(decode(&bytes).contains_key(&0));
    }

    #[test]
    fn places() {
        let around = |home: &str, own: Option<&str>| Around {
            home: home.into(),
            own: own.map(PathBuf::from),
            top: "/sys/fs/cgroup".into(),
        };
        let shown = |around: Around| -> Vec<String> {
            let places = around.places();
            places.iter().map(|p| p.display().to_string()).collect()
        };
        let three = around("/sys/fs/cgroup/a/b", Some("/sys/fs/cgroup/c"));
        let all = ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/c", "/sys/fs/cgroup"];
        assert_eq!(shown(three), all);
        // As the cgroup of a process comes out that is at the top.
        let one = around("/sys/fs/cgroup/", Some("/sys/fs/cgroup"));
        assert_eq!(shown(one).len(), 1);
        assert_eq!(shown(around("/sys/fs/cgroup", None)).len(), 1);
    }

    #[test]
    fn what_was_left_behind_is_found() {
        let top = tempfile::tempdir().unwrap();
        let home = top.path().join("job/checkpoint-1-2");
        fs::create_dir_all(&home).unwrap();
        let around = Around {
            home: home.clone(),
            own: None,
            top: top.path().to_owned(),
        };
        // It has no attribute that tells whose processes are in there: it is only removed.
        assert!(!around.sweep());
        assert!(!home.exists() && top.path().join("job").exists());
        // One whose command is at work stays.
        fs::create_dir_all(&home).unwrap();
        let lock = File::open(&home).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        assert!(!around.sweep());
        assert!(home.exists());
    }

    #[test]
    fn moves() {
        let top = tempfile::tempdir().unwrap();
        let dirs = [top.path().join("a"), top.path().join("b")];
        for dir in &dirs {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join("cgroup.procs"), "").unwrap();
        }
        let mut to = Mover::default();
        for (pid, dir) in [(12, &dirs[0]), (34, &dirs[0]), (5, &dirs[1])] {
            to.put(pid, dir).unwrap();
        }
        assert!(to.put(6, &top.path().join("c")).is_err());
        to.put(7, &dirs[1]).unwrap();
        let told = |dir: &Path| fs::read_to_string(dir.join("cgroup.procs")).unwrap();
        // The last one began at the beginning of the file, as it was opened again.
        assert_eq!(
            (told(&dirs[0]), told(&dirs[1])),
            ("1234".into(), "7".into())
        );
    }

    #[test]
    fn names() {
        for name in ["checkpoint-12-345", "checkpoint-restart-3"] {
            assert!(is_temporary(OsStr::new(name)), "{name}");
        }
        for name in [
            "checkpoint-12",
            "checkpoint-a-b",
            "job",
            "checkpoint-1-2-3",
            "checkpoint--1",
        ] {
            assert!(!is_temporary(OsStr::new(name)), "{name}");
        }
    }
}
