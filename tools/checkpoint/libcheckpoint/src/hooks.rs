// SPDX-License-Identifier: GPL-2.0

//! Hooks: programs of who administers the machine that run before and after a checkpoint, and after
//! a restart, as those of a suspend do.
//!
//! All executable files in the directories run, one after the other, in the order of their names; one in
//! the second directory takes the place of one of the same name in the first. Each is called with
//! the event, and CHECKPOINT_PID and CHECKPOINT_IMAGE in its environment.

use crate::Error;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    os::unix::fs::PermissionsExt,
    path::{
        Path,
        PathBuf, //
    },
    process::{
        Command,
        Stdio, //
    }, //
};

/// Where hooks are: those of packages, and those of who administers the machine.
const DIRS: [&str; 2] = ["/usr/lib/checkpoint/hooks", "/etc/checkpoint/hooks"];

/// When a hook is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Nothing was done yet. A hook that fails ends the command.
    BeforeCheckpoint,
    /// There is an image, or it failed, which CHECKPOINT_STATUS tells: 0, or 1.
    AfterCheckpoint {
        /// There is an image.
        ok: bool,
    },
    /// The processes run, or are left frozen.
    AfterRestart,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::BeforeCheckpoint => "before-checkpoint",
            Self::AfterCheckpoint { .. } => "after-checkpoint",
            Self::AfterRestart => "after-restart",
        }
    }
}

/// The hooks of `dirs`, in the order in which they run.
fn hooks(dirs: &[impl AsRef<Path>]) -> Result<Vec<PathBuf>, Error> {
    let mut found: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for dir in dirs.iter().map(AsRef::as_ref) {
        let entries = match dir.read_dir() {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::new(format!("cannot read {}", dir.display()), e)),
        };
        for entry in entries {
            let failed = |e| Error::new(format!("cannot read {}", dir.display()), e);
            let path = entry.map_err(failed)?.path();
            let Ok(meta) = path.metadata() else {
                continue;
            };
            if let (true, Some(name)) = (meta.is_file(), path.file_name()) {
                let name = name.to_owned();
                // One that can't be executed switches off that of a package.
                match meta.permissions().mode() & 0o111 {
                    0 => found.remove(&name),
                    _ => found.insert(name, path),
                };
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Runs the hooks for an event of the process `pid` and an image.
///
/// Fails for the first one that fails; after a checkpoint and a restart all run.
pub fn run(event: Event, pid: i32, image: &Path) -> Result<(), Error> {
    run_of(&DIRS, event, pid, image)
}

fn run_of(dirs: &[impl AsRef<Path>], event: Event, pid: i32, image: &Path) -> Result<(), Error> {
    let mut verdict = Ok(());
    for hook in hooks(dirs)? {
        let failed = call(&hook, event, pid, image);
        if failed.is_err() && event == Event::BeforeCheckpoint {
            return failed
                .map_err(|e| e.hint("Nothing was checkpointed; --no-hooks does without."));
        }
        verdict = verdict.and(failed);
    }
    verdict
}

/// Runs one, whose output goes where messages go.
fn call(hook: &Path, event: Event, pid: i32, image: &Path) -> Result<(), Error> {
    let mut command = Command::new(hook);
    command
        .arg(event.name())
        .env("CHECKPOINT_PID", pid.to_string())
        .env("CHECKPOINT_IMAGE", image)
        .stdin(Stdio::null())
        .stdout(io::stderr());
    if let Event::AfterCheckpoint { ok } = event {
        command.env("CHECKPOINT_STATUS", if ok { "0" } else { "1" });
    }
    let shown = hook.display();
    let status = command
        .status()
        .map_err(|e| Error::new(format!("cannot run the hook {shown}"), e))?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::plain(format!(
            "the hook {shown} has failed ({status})"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn hook(dir: &Path, name: &str, mode: u32, text: &str) {
        let path = dir.join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn order_and_precedence() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let told = first.path().join("told");
        let tell = |word: &str| {
            format!(
                "echo {word} $1 $CHECKPOINT_PID $CHECKPOINT_IMAGE $CHECKPOINT_STATUS >>{}",
                told.display()
            )
        };
        hook(first.path(), "30-last", 0o755, &tell("last"));
        hook(first.path(), "10-first", 0o755, &tell("package"));
        hook(first.path(), "20-off", 0o755, &tell("off"));
        hook(first.path(), "README", 0o644, &tell("readme"));
        hook(second.path(), "10-first", 0o755, &tell("first"));
        hook(second.path(), "20-off", 0o644, "");
        let dirs = [first.path(), second.path()];
        let event = Event::AfterCheckpoint { ok: true };
        run_of(&dirs, event, 12, Path::new("/x")).unwrap();
        let expected = "first after-checkpoint 12 /x 0\nlast after-checkpoint 12 /x 0\n";
        assert_eq!(fs::read_to_string(&told).unwrap(), expected);
    }

    #[test]
    fn failures() {
        let dir = tempfile::tempdir().unwrap();
        let told = dir.path().join("told");
        hook(dir.path(), "1-fails", 0o755, "exit 3");
        hook(
            dir.path(),
            "2-runs",
            0o755,
            &format!("echo $1 >>{}", told.display()),
        );
        let run = |event| run_of(&[dir.path()], event, 1, Path::new("/x"));
        let error = run(Event::BeforeCheckpoint).unwrap_err().to_string();
        assert!(error.contains("1-fails") && error.contains('3'), "{error}");
        assert!(!told.exists());
        assert!(run(Event::AfterRestart).is_err());
        assert_eq!(fs::read_to_string(&told).unwrap(), "after-restart\n");
    }

    #[test]
    fn no_directory() {
        let none = Path::new("/nonexistent/hooks");
        assert!(run_of(&[none], Event::BeforeCheckpoint, 1, none).is_ok());
    }
}
