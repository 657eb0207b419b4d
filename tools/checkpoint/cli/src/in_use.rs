// SPDX-License-Identifier: GPL-2.0

//! Who has the pids that an image wants.

use libcheckpoint::process;

/// Returns who has the pids that the lines of `error` say are in use.
pub fn who_has_pids(error: &str) -> Vec<String> {
    let pid_of = |line: &str| {
        let rest = line.trim_start().strip_prefix("refused: pid ")?;
        let in_use = rest.contains("its pid is in use");
        rest.split(' ').next().filter(|_| in_use)?.parse().ok()
    };
    error
        .lines()
        .filter_map(pid_of)
        .flat_map(who_has_pid)
        .collect()
}

/// Returns a line for the process that has `pid`, else for each that keeps it in use as the number of
/// its group or session.
fn who_has_pid(pid: i32) -> Vec<String> {
    let described = |p: &process::Process| {
        let name = process::name(p.pid).unwrap_or_default();
        let parent = process::name(p.parent).unwrap_or_default();
        match p.is_zombie {
            true => format!(
                "{name}, which has exited, but its parent {} ({parent}) has not waited for it",
                p.parent
            ),
            false => name,
        }
    };
    if let Ok(now) = process::look(pid) {
        return vec![format!("Pid {pid} is that of {} here.", described(&now))];
    }
    process::members(pid)
        .unwrap_or_default()
        .iter()
        .map(|p| {
            let of = if p.group == pid {
                "process group"
            } else {
                "session"
            };
            format!(
                "Pid {pid} is the number of the {of} of process {} here: {}.",
                p.pid,
                described(p)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_in_use() {
        let me = std::process::id();
        let error = format!(
            "cannot restart x: File exists\n  refused: pid {me} (sh): its pid is in use [EEXIST]\n  \
             refused: pid 1 (sh): too many tasks [EAGAIN]"
        );
        let lines = who_has_pids(&error);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].starts_with(&format!("Pid {me} is that of ")),
            "{lines:?}"
        );
    }

    #[test]
    fn number_of_a_group_in_use() {
        use std::os::unix::process::CommandExt;

        let mut leader = std::process::Command::new("sh")
            .args(["-c", "sleep 1000 & echo $!"])
            .process_group(0)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let number = i32::try_from(leader.id()).unwrap();
        let mut text = String::new();
        let mut out = std::io::BufReader::new(leader.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut text).unwrap();
        leader.wait().unwrap();
        let member = text.trim();
        let lines = who_has_pid(number);
        let ended = std::process::Command::new("sh")
            .args(["-c", &format!("kill {member}")])
            .status();
        assert!(ended.unwrap().success());
        let start =
            format!("Pid {number} is the number of the process group of process {member} here: ");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(&start), "{lines:?}");
    }
}
