// SPDX-License-Identifier: GPL-2.0

//! What /proc says about processes.

use std::{
    collections::HashMap,
    fs,
    io, //
};

/// A process, as /proc shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its pid.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// Has it exited?
    pub is_zombie: bool,
}

/// Parses /proc/PID/stat.
fn parse_stat(stat: &str) -> Option<Process> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    // The name may hold anything, also parentheses and newlines.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    Some(Process {
        pid,
        parent,
        is_zombie: matches!(state, "Z" | "X"),
    })
}

/// The process `pid` and all that descend from it, parents first.
pub fn subtree(pid: i32) -> io::Result<Vec<Process>> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    let mut tree = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name();
        if !name
            .to_str()
            .is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
        {
            continue;
        }
        // One that exits meanwhile is not missed.
        let Ok(stat) = fs::read(entry.path().join("stat")) else {
            continue;
        };
        let Some(process) = parse_stat(&String::from_utf8_lossy(&stat)) else {
            continue;
        };
        if process.pid == pid {
            tree.push(process);
        } else {
            children.entry(process.parent).or_default().push(process);
        }
    }
    let mut next = 0;
    while let Some(process) = tree.get(next).copied() {
        tree.append(&mut children.remove(&process.pid).unwrap_or_default());
        next += 1;
    }
    Ok(tree)
}

/// The pids of `pid` in all pid namespaces from this one inwards.
pub fn pids_by_namespace(pid: i32) -> io::Result<Vec<i32>> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("NSpid:"))
        .ok_or_else(|| io::Error::other("/proc/PID/status has no NSpid"))?;
    line.split_whitespace()
        .map(|n| n.parse().map_err(io::Error::other))
        .collect()
}

/// Is `pid` the init process of a pid namespace other than ours?
pub fn is_container_init(pid: i32) -> io::Result<bool> {
    let pids = pids_by_namespace(pid)?;
    Ok(pids.len() > 1 && pids.last() == Some(&1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_with_odd_name() {
        let process = parse_stat("42 (a) S 7 (\n) Z 17 1 1 0").unwrap();
        assert_eq!(
            process,
            Process {
                pid: 42,
                parent: 17,
                is_zombie: true,
            }
        );
        assert_eq!(parse_stat(""), None);
        assert_eq!(parse_stat("1 (x"), None);
    }

    #[test]
    fn own_subtree() {
        let me = i32::try_from(std::process::id()).unwrap();
        let tree = subtree(me).unwrap();
        assert_eq!(tree.first().unwrap().pid, me);
        assert!(!is_container_init(me).unwrap() || pids_by_namespace(me).unwrap().len() > 1);
    }
}
