// SPDX-License-Identifier: GPL-2.0

//! What the caller says by patterns of names, and about memory.

use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::{
    core::advice::Descriptor,
    kapi::{
        fs::{
            file::FileRef,
            io,
            path::PathName, //
        },
        time::wait,
        uapi::args::{
            change,
            each_change,
            each_map,
            each_range,
            rule,
            RuleRow, //
        }, //
    }, //
};

/// Most rules, ranges or maps of a call: each file is compared with each of them.
const ROWS_MAX: usize = 256;

/// Longest path with its NUL, in bytes.
const PATH_MAX: usize = 4096;

/// What becomes of a descriptor at a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is saved as it is without a rule.
    Keep,
    /// The checkpoint is refused.
    Refuse,
    /// It is left out.
    Close,
    /// The open file behind it stays outside.
    External,
    /// What is at its path at the restart is opened, whatever it is.
    Reopen,
    /// Of a socket that is connected to one outside: it comes back as if that had been closed.
    Disconnect,
    /// The contents of the file are saved.
    Contents,
    /// Of a socket that is connected to one outside: it connects again to the address of that.
    Reconnect,
    /// Of a network device: it is left to who restarts it.
    Move,
}

impl Action {
    /// Checks one of the caller's. EINVAL: the number is not known.
    fn new(number: u32) -> Result<Self> {
        match number {
            rule::KEEP => Ok(Self::Keep),
            rule::REFUSE => Ok(Self::Refuse),
            rule::CLOSE => Ok(Self::Close),
            rule::EXTERNAL => Ok(Self::External),
            rule::REOPEN => Ok(Self::Reopen),
            rule::DISCONNECT => Ok(Self::Disconnect),
            rule::CONTENTS => Ok(Self::Contents),
            rule::RECONNECT => Ok(Self::Reconnect),
            rule::MOVE => Ok(Self::Move),
            _ => Err(EINVAL),
        }
    }
}

/// What a rule is for.
pub(crate) enum Which {
    /// One descriptor.
    One(Descriptor),
    /// All whose open files have a name that matches.
    Named(PathName),
}

/// What becomes of descriptors at a checkpoint.
pub(crate) struct Rule {
    /// Which they are.
    pub(crate) which: Which,
    /// What becomes of them.
    pub(crate) action: Action,
}

impl Rule {
    /// Reads those of the caller at `at`, in their order.
    ///
    /// E2BIG: there are too many, or a pattern is too long. EINVAL: a number is negative or not
    /// known, or a pattern empty. EFAULT: they are not readable.
    pub(crate) fn read(at: (usize, usize)) -> Result<KVVec<Self>> {
        let mut list = KVVec::new();
        RuleRow::each(at, ROWS_MAX, |row| {
            let rule = Self {
                which: match row.pattern {
                    Some(pattern) => Which::Named(pattern),
                    None => Which::One(Descriptor::new(row.pid, row.fd)?),
                },
                action: Action::new(row.action)?,
            };
            Ok(list.push(rule, GFP_KERNEL_ACCOUNT)?)
        })?;
        Ok(list)
    }
}

/// Memory whose contents are left out.
pub(crate) struct LeftOut {
    /// The process; 0: that of the root task.
    pub(crate) pid: u32,
    /// First address.
    pub(crate) start: usize,
    /// Address after the last.
    pub(crate) end: usize,
}

impl LeftOut {
    /// Reads those of the caller at `at`.
    ///
    /// E2BIG: there are too many. EINVAL: a pid is negative, or a range is empty or not of whole
    /// pages. EFAULT: they are not readable.
    pub(crate) fn read(at: (usize, usize)) -> Result<KVVec<Self>> {
        let mut list = KVVec::new();
        each_range(at, ROWS_MAX, |pid, start, end| {
            let range = Self {
                pid: u32::try_from(pid)?,
                start: usize::try_from(start)?,
                end: usize::try_from(end)?,
            };
            if range.start >= range.end || (range.start | range.end) % PAGE_SIZE != 0 {
                return Err(EINVAL);
            }
            Ok(list.push(range, GFP_KERNEL_ACCOUNT)?)
        })?;
        Ok(list)
    }
}

/// What becomes of a file at a restart that differs from what was saved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The restart is refused.
    Refuse,
    /// It is taken as it is.
    Accept,
    /// What was added at its end is cut off.
    Truncate,
}

/// A file of the caller's in place of what was open by a name.
pub(crate) struct GivenByName {
    /// A pattern of names.
    pattern: PathName,
    /// The caller's descriptor, for messages.
    pub(crate) own_fd: u32,
    /// The file.
    pub(crate) file: FileRef,
}

/// Rules for files that differ, for what becomes the caller's, and for what is outside.
pub(crate) struct Changes {
    rules: KVVec<(PathName, Change)>,
    given: KVVec<GivenByName>,
    /// Addresses from which Unix sockets are cut off that can't be connected to them again.
    cut: KVVec<PathName>,
    renames: KVVec<Rename>,
    devices: KVVec<GivenDevice>,
}

/// A network device of the caller's in place of one that was left to it.
pub(crate) struct GivenDevice {
    /// Those that it is for, and its own name.
    names: Rename,
    /// The caller's descriptor, for messages.
    pub(crate) own_fd: i32,
    /// The network namespace where it is. `None`: the caller's.
    pub(crate) ns: Option<FileRef>,
}

impl GivenDevice {
    /// Takes the names, and the descriptor or -1. EBADF: that is not open.
    fn new(names: &PathName, own_fd: i32) -> Result<Self> {
        let ns = match own_fd {
            -1 => None,
            own_fd => Some(io::fget(own_fd)?),
        };
        Ok(Self {
            names: Rename::new(names)?,
            own_fd,
            ns,
        })
    }

    /// Returns whether it is for the device with this name.
    pub(crate) fn is_for(&self, name: &PathName) -> bool {
        self.names.is_for(name)
    }

    /// Returns the pattern of those that it is for, for messages.
    pub(crate) fn pattern(&self) -> &[u8] {
        self.names.pattern()
    }

    /// Returns its own name.
    pub(crate) fn name(&self) -> &CStr {
        self.names.name()
    }
}

/// The name that the other end of a network device gets where it is made again outside.
pub(crate) struct Rename {
    /// A pattern of names of devices.
    pattern: PathName,
    /// The name.
    name: PathName,
}

/// Bytes of the name of a network device with its NUL.
const DEVICE_NAME_MAX: usize = 16;

impl Rename {
    /// Takes a pattern, a colon and a name. EINVAL: there is no name, or an impossible one.
    fn new(both: &PathName) -> Result<Self> {
        let at = both.as_bytes().iter().rposition(|&b| b == b':');
        let (pattern, name) = at
            .and_then(|at| both.as_bytes().split_at_checked(at))
            .ok_or(EINVAL)?;
        let name = name.get(1..).unwrap_or_default();
        // The kernel would put a number for a %.
        let is_bad = |b: &u8| matches!(b, b'/' | b'%') || b.is_ascii_whitespace();
        if pattern.is_empty() || name.is_empty() || name.len() >= DEVICE_NAME_MAX {
            return Err(EINVAL);
        }
        if name.iter().any(is_bad) || matches!(name, b"." | b"..") {
            return Err(EINVAL);
        }
        Ok(Self {
            pattern: PathName::new(pattern)?,
            name: PathName::new(name)?,
        })
    }

    /// Returns whether it is for the device with this name.
    pub(crate) fn is_for(&self, name: &PathName) -> bool {
        name.fits(self.pattern.as_c_str())
    }

    /// Returns the pattern, for messages.
    pub(crate) fn pattern(&self) -> &[u8] {
        self.pattern.as_bytes()
    }

    /// Returns the name.
    pub(crate) fn name(&self) -> &CStr {
        self.name.as_c_str()
    }
}

impl Changes {
    /// Makes an empty list.
    #[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
    pub(crate) fn none() -> Self {
        Self::new()
    }

    fn new() -> Self {
        Self {
            rules: KVVec::new(),
            given: KVVec::new(),
            cut: KVVec::new(),
            renames: KVVec::new(),
            devices: KVVec::new(),
        }
    }

    /// Returns all of them; none are left.
    pub(crate) fn take(&mut self) -> Self {
        core::mem::replace(self, Self::new())
    }

    /// Reads those of the caller at `at`, in their order. Errors as of [`Rule::read`]; EBADF also:
    /// a descriptor of the caller's is not open, or for its path only.
    pub(crate) fn read(at: (usize, usize)) -> Result<Self> {
        let mut all = Self::new();
        each_change(at, ROWS_MAX, |pattern, number, own_fd| {
            let change = match number {
                change::REFUSE => Change::Refuse,
                change::ACCEPT => Change::Accept,
                change::TRUNCATE => Change::Truncate,
                change::GIVE => {
                    let given = GivenByName {
                        pattern,
                        file: io::fget(own_fd)?,
                        own_fd: own_fd.cast_unsigned(),
                    };
                    return Ok(all.given.push(given, GFP_KERNEL_ACCOUNT)?);
                }
                change::RENAME => {
                    let rename = Rename::new(&pattern)?;
                    return Ok(all.renames.push(rename, GFP_KERNEL_ACCOUNT)?);
                }
                change::MOVE => {
                    let given = GivenDevice::new(&pattern, own_fd)?;
                    return Ok(all.devices.push(given, GFP_KERNEL_ACCOUNT)?);
                }
                change::DISCONNECT => return Ok(all.cut.push(pattern, GFP_KERNEL_ACCOUNT)?),
                _ => return Err(EINVAL),
            };
            Ok(all.rules.push((pattern, change), GFP_KERNEL_ACCOUNT)?)
        })?;
        Ok(all)
    }

    /// Returns what is given by names.
    pub(crate) fn given(&self) -> &[GivenByName] {
        &self.given
    }

    /// Returns the names that devices outside get.
    pub(crate) fn renames(&self) -> &[Rename] {
        &self.renames
    }

    /// Returns the devices that the caller gives.
    pub(crate) fn devices(&self) -> &[GivenDevice] {
        &self.devices
    }

    /// Returns whether a Unix socket that can't be connected to the address `name` again is cut off
    /// from it. EINTR: the caller was killed.
    pub(crate) fn cuts(&self, name: &PathName) -> Result<bool> {
        for pattern in &self.cut {
            wait::go_on()?;
            if name.fits(pattern.as_c_str()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns what the first rule says whose pattern `path` matches; `None`: there is none. EINTR:
    /// the caller was killed.
    pub(crate) fn of(&self, path: &PathName) -> Result<Option<Change>> {
        for (pattern, change) in &self.rules {
            wait::go_on()?;
            if path.fits(pattern.as_c_str()) {
                return Ok(Some(*change));
            }
        }
        Ok(None)
    }
}

impl GivenByName {
    /// Returns whether it is for what has this name.
    pub(crate) fn is_for(&self, name: &PathName) -> bool {
        name.fits(self.pattern.as_c_str())
    }

    /// Returns the pattern, for messages.
    pub(crate) fn pattern(&self) -> &[u8] {
        self.pattern.as_bytes()
    }
}

/// A path of the image, and where that is now.
pub(crate) struct Place {
    /// The path in the image, if it is another one.
    saved: Option<PathName>,
    now: PathName,
}

impl Place {
    /// Returns a path that is what it was. EINVAL: there is a NUL in it.
    pub(crate) fn same(path: &[u8]) -> Result<Self> {
        Ok(Self {
            saved: None,
            now: PathName::new(path)?,
        })
    }

    /// Returns whether it is another one than in the image.
    pub(crate) fn is_moved(&self) -> bool {
        self.saved.is_some()
    }

    /// Returns the path in the image: what the caller's patterns are compared with.
    pub(crate) fn saved(&self) -> &PathName {
        self.saved.as_ref().unwrap_or(&self.now)
    }

    /// Returns where it is now.
    pub(crate) fn as_c_str(&self) -> &CStr {
        self.now.as_c_str()
    }

    /// Returns the same without the NUL.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.now.as_bytes()
    }
}

/// Directories and files that have other paths now.
pub(crate) struct Maps(KVVec<(PathName, PathName)>);

/// Returns a path without slashes at its end, the root being empty. EINVAL: it begins with none.
fn trimmed(path: &[u8]) -> Result<PathName> {
    if path.first() != Some(&b'/') {
        return Err(EINVAL);
    }
    let len = path.iter().rposition(|&b| b != b'/').map_or(0, |n| n + 1);
    PathName::new(path.get(..len).unwrap_or(&[]))
}

impl Maps {
    /// Makes an empty list.
    #[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
    pub(crate) fn none() -> Self {
        Self(KVVec::new())
    }

    /// Returns all of them; none are left.
    pub(crate) fn take(&mut self) -> Self {
        Self(core::mem::replace(&mut self.0, KVVec::new()))
    }

    /// Reads those of the caller at `at`, in their order.
    ///
    /// E2BIG: there are too many, or a path is too long. EINVAL: a path does not begin with a
    /// slash. EFAULT: they are not readable.
    pub(crate) fn read(at: (usize, usize)) -> Result<Self> {
        let mut list = KVVec::new();
        each_map(at, ROWS_MAX, |from, to| {
            let map = (trimmed(from.as_bytes())?, trimmed(to.as_bytes())?);
            Ok(list.push(map, GFP_KERNEL_ACCOUNT)?)
        })?;
        Ok(Self(list))
    }

    /// Returns where what had the path `saved` is now. EINVAL: there is a NUL in it. ENAMETOOLONG:
    /// its path would be too long.
    pub(crate) fn place(&self, saved: &[u8]) -> Result<Place> {
        let below = |from: &PathName| {
            let rest = saved.strip_prefix(from.as_bytes())?;
            matches!(rest, [] | [b'/', ..]).then_some(rest)
        };
        let found = self
            .0
            .iter()
            .find_map(|(from, to)| Some((below(from)?, to)))
            .filter(|_| saved.first() == Some(&b'/'));
        let Some((rest, to)) = found else {
            return Place::same(saved);
        };
        // What is below the root has no second slash.
        let rest = if rest == b"/" { &[][..] } else { rest };
        let mut now = KVec::new();
        now.extend_from_slice(to.as_bytes(), GFP_KERNEL_ACCOUNT)?;
        now.extend_from_slice(rest, GFP_KERNEL_ACCOUNT)?;
        if now.is_empty() {
            now.push(b'/', GFP_KERNEL_ACCOUNT)?;
        }
        if now.len() >= PATH_MAX {
            return Err(ENAMETOOLONG);
        }
        Ok(Place {
            saved: Some(PathName::new(saved)?),
            now: PathName::new(&now)?,
        })
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_rules)]
mod tests {
    use super::*;

    fn maps(list: &[(&[u8], &[u8])]) -> Result<Maps> {
        let mut maps = KVVec::new();
        for (from, to) in list {
            maps.push((trimmed(from)?, trimmed(to)?), GFP_KERNEL)?;
        }
        Ok(Maps(maps))
    }

    #[test]
    fn places() -> Result {
        let m = maps(&[(b"/srv/a", b"/new/"), (b"/srv/", b"/"), (b"/x", b"/y/z")])?;
        for (saved, now) in [
            (&b"/srv/a"[..], &b"/new"[..]),
            (b"/srv/a/f", b"/new/f"),
            (b"/srv/ab", b"/ab"),
            (b"/srv", b"/"),
            (b"/srv/", b"/"),
            (b"/x/f", b"/y/z/f"),
            (b"/xf", b"/xf"),
            (b"/", b"/"),
            (b"pipe:", b"pipe:"),
        ] {
            let place = m.place(saved)?;
            assert!(place.as_bytes() == now);
            assert!(place.saved().as_bytes() == saved);
        }
        let all = maps(&[(b"/", b"/root")])?;
        assert!(all.place(b"/")?.as_bytes() == b"/root");
        assert!(all.place(b"/f")?.as_bytes() == b"/root/f");
        assert!(!all.place(b"pipe:")?.is_moved());
        assert!(trimmed(b"a").is_err());
        assert!(trimmed(b"").is_err());
        Ok(())
    }

    #[test]
    fn first_rule_counts() -> Result {
        let mut list = KVVec::new();
        for (pattern, change) in [
            (&b"/var/log/*.log"[..], Change::Truncate),
            (b"/var/*", Change::Accept),
            (b"/var/db", Change::Refuse),
        ] {
            list.push((PathName::new(pattern)?, change), GFP_KERNEL)?;
        }
        let rules = Changes {
            rules: list,
            ..Changes::new()
        };
        let of = |path: &[u8]| rules.of(&PathName::new(path)?);
        assert!(of(b"/var/log/a.log")? == Some(Change::Truncate));
        assert!(of(b"/var/db")? == Some(Change::Accept));
        assert!(of(b"/etc")?.is_none());
        Ok(())
    }
}
