// SPDX-License-Identifier: GPL-2.0

//! Policy files: what becomes of descriptors, memory, files and paths, for both calls.
//!
//! A policy file is TOML. Each command takes those of its tables that are for it, in their order;
//! see `Documentation/checkpoint/policy.toml` for one that has all of them.

use crate::{
    moved::Moved,
    request::{
        Action,
        Change,
        Checkpoint,
        Restart, //
    },
    Error, //
};
use serde::Deserialize;
use std::{
    ffi::CString,
    fs::File,
    io::Read,
    path::Path, //
};

/// Most bytes of a policy file.
const BYTES_MAX: u64 = 1 << 20;

/// What a policy file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What becomes of descriptors at a checkpoint.
    #[serde(default)]
    descriptor: Vec<Descriptor>,
    /// Memory whose contents a checkpoint leaves out.
    #[serde(default)]
    memory: Vec<Memory>,
    /// What becomes of files that differ at a restart.
    #[serde(default)]
    changed: Vec<Changed>,
    /// Paths that are others at a restart.
    #[serde(default)]
    map: Vec<Map>,
    /// Addresses of sockets that are others at a restart.
    #[serde(default)]
    address: Vec<Address>,
}

/// A table `[[descriptor]]`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawDescriptor")]
struct Descriptor {
    which: Which,
    action: Action,
}

#[derive(Debug, PartialEq)]
enum Which {
    One(i32, i32),
    Named(CString),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDescriptor {
    pid: Option<i32>,
    fd: Option<i32>,
    name: Option<String>,
    action: Action,
}

impl TryFrom<RawDescriptor> for Descriptor {
    type Error = &'static str;

    fn try_from(raw: RawDescriptor) -> Result<Self, Self::Error> {
        let which = match (raw.fd, raw.pid, raw.name) {
            (Some(fd), pid, None) if fd >= 0 && pid.is_none_or(|pid| pid > 0) => {
                Which::One(pid.unwrap_or(0), fd)
            }
            (Some(_), _, None) => return Err("impossible pid or descriptor"),
            (None, None, Some(name)) => Which::Named(text(name)?),
            (None, Some(_), Some(_)) => return Err("a pid is for an fd, and not for a name"),
            (Some(_), _, Some(_)) => return Err("both fd and name"),
            (None, _, None) => return Err("neither fd nor name"),
        };
        Ok(Self {
            which,
            action: raw.action,
        })
    }
}

/// A table `[[memory]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    #[serde(default)]
    pid: i32,
    start: u64,
    end: u64,
}

/// A table `[[changed]]`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawChanged")]
struct Changed {
    path: CString,
    action: Change,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChanged {
    path: String,
    action: Change,
}

impl TryFrom<RawChanged> for Changed {
    type Error = &'static str;

    fn try_from(raw: RawChanged) -> Result<Self, Self::Error> {
        Ok(Self {
            path: text(raw.path)?,
            action: raw.action,
        })
    }
}

/// A table `[[map]]`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawMap")]
struct Map {
    from: CString,
    to: CString,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMap {
    from: String,
    to: String,
}

impl TryFrom<RawMap> for Map {
    type Error = &'static str;

    fn try_from(raw: RawMap) -> Result<Self, Self::Error> {
        if !raw.from.starts_with('/') || !raw.to.starts_with('/') {
            return Err("a path does not begin with a slash");
        }
        Ok(Self {
            from: text(raw.from)?,
            to: text(raw.to)?,
        })
    }
}

/// A table `[[address]]`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "RawAddress")]
struct Address(Moved);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAddress {
    from: String,
    to: String,
    #[serde(default)]
    peers: bool,
}

impl TryFrom<RawAddress> for Address {
    type Error = String;

    fn try_from(raw: RawAddress) -> Result<Self, Self::Error> {
        Moved::new(&raw.from, &raw.to, raw.peers).map(Self)
    }
}

/// Returns a pattern or path as the kernel takes it.
fn text(text: String) -> Result<CString, &'static str> {
    if text.is_empty() {
        return Err("an empty pattern");
    }
    CString::new(text).map_err(|_| "a NUL in a pattern or path")
}

impl Policy {
    /// Reads a policy file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text))
            .map_err(|e| Error::new(format!("cannot read the policy {shown}"), e))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(Error::plain(format!(
                "the policy {shown} is larger than {BYTES_MAX} bytes"
            )));
        }
        Self::parse(&text).map_err(|e| Error::plain(format!("the policy {shown}: {e}")))
    }

    /// Reads the text of a policy file. The error tells what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())
    }

    /// Adds to a request what the policy says, behind what that says already.
    pub fn checkpoint<'a>(&self, mut request: Checkpoint<'a>) -> Checkpoint<'a> {
        for rule in &self.descriptor {
            request = match &rule.which {
                Which::One(pid, fd) => request.rule_for(*pid, *fd, rule.action),
                Which::Named(pattern) => request.rule(pattern, rule.action),
            };
        }
        for memory in &self.memory {
            request = request.leave_out(memory.pid, memory.start..memory.end);
        }
        request
    }

    /// Does the same to a request to restart.
    pub fn restart<'a>(&self, mut request: Restart<'a>) -> Restart<'a> {
        for changed in &self.changed {
            request = request.change(&changed.path, changed.action);
        }
        for map in &self.map {
            request = request.map(&map.from, &map.to);
        }
        for address in &self.address {
            request = request.address(address.0);
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example() {
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
        let path = Path::new(&here).join("../../../Documentation/checkpoint/policy.toml");
        let policy = Policy::open(&path).unwrap();
        let actions: Vec<_> = policy.descriptor.iter().map(|d| d.action).collect();
        for action in [
            Action::Keep,
            Action::Refuse,
            Action::Close,
            Action::External,
            Action::Reopen,
            Action::Disconnect,
            Action::Contents,
            Action::Reconnect,
            Action::Move,
        ] {
            assert!(actions.contains(&action), "{action:?}");
        }
        let changes: Vec<_> = policy.changed.iter().map(|c| c.action).collect();
        for change in [
            Change::Refuse,
            Change::Accept,
            Change::Truncate,
            Change::Disconnect,
        ] {
            assert!(changes.contains(&change), "{change:?}");
        }
        assert!(!policy.memory.is_empty() && !policy.map.is_empty());
        assert!(!policy.address.is_empty());
    }

    #[test]
    fn descriptors() {
        let policy = Policy::parse(
            "[[descriptor]]\nfd = 3\naction = \"close\"\n\
             [[descriptor]]\npid = 12\nfd = 0\naction = \"take\"\n\
             [[descriptor]]\nname = \"/dev/pts/*\"\naction = \"reopen\"\n",
        )
        .unwrap();
        let got: Vec<_> = policy
            .descriptor
            .iter()
            .map(|d| (&d.which, d.action))
            .collect();
        assert_eq!(
            got,
            [
                (&Which::One(0, 3), Action::Close),
                (&Which::One(12, 0), Action::External),
                (&Which::Named(c"/dev/pts/*".to_owned()), Action::Reopen),
            ]
        );
    }

    /// Checks what the example says of well-known servers: the first rule that fits counts.
    #[test]
    fn servers_of_the_example() {
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
        let path = Path::new(&here).join("../../../Documentation/checkpoint/policy.toml");
        let policy = Policy::open(&path).unwrap();
        let all = |name: &CString| {
            policy
                .descriptor
                .iter()
                .position(|d| matches!(&d.which, Which::Named(n) if n == name))
        };
        let rest = all(&c"sockfs:UNIX*".to_owned()).unwrap();
        for (name, action) in [
            (c"unix:/run/systemd/journal/*", Action::Reconnect),
            (c"unix:/dev/log", Action::Reconnect),
            (c"unix:*/docker.sock", Action::Reconnect),
            (c"unix:*/dbus/system_bus_socket", Action::Disconnect),
            (c"unix:/run/user/*/bus", Action::Disconnect),
            (c"unix:*/.X11-unix/X*", Action::Disconnect),
            (c"unix:/run/user/*/wayland-*", Action::Disconnect),
        ] {
            let at = all(&name.to_owned()).unwrap_or_else(|| panic!("{name:?}"));
            assert_eq!(policy.descriptor[at].action, action, "{name:?}");
            assert!(at < rest, "{name:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, says) in [
            ("[[descriptor]]\naction = \"close\"", "neither fd nor name"),
            (
                "[[descriptor]]\nfd = 1\nname = \"x\"\naction = \"close\"",
                "both fd and name",
            ),
            (
                "[[descriptor]]\npid = 1\nname = \"x\"\naction = \"close\"",
                "not for a name",
            ),
            ("[[descriptor]]\nfd = -1\naction = \"close\"", "impossible"),
            ("[[descriptor]]\nfd = 1\naction = \"drop\"", "drop"),
            ("[[descriptor]]\nfd = 1\naction = \"close\"\nx = 1", "x"),
            ("[[descriptors]]\nfd = 1", "descriptors"),
            (
                "[[changed]]\npath = \"\"\naction = \"accept\"",
                "an empty pattern",
            ),
            ("[[changed]]\npath = \"/a\"\naction = \"close\"", "close"),
            ("[[map]]\nfrom = \"a\"\nto = \"/b\"", "slash"),
            ("[[address]]\nfrom = \"a\"\nto = \"::1\"", "no address"),
            (
                "[[address]]\nfrom = \"::1\"\nto = \"::2\"\npeer = true",
                "peer",
            ),
            ("[[memory]]\nstart = -1\nend = 2", "-1"),
            ("[[memory]]\nstart = 1", "end"),
            ("[[map]]\nfrom = \"/a\\u0000\"\nto = \"/b\"", "NUL"),
        ] {
            let error = Policy::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
