// SPDX-License-Identifier: GPL-2.0

//! Hooks: programs of who administers the machine that run before and after a checkpoint, and after
//! a restart, as those of a suspend do.
//!
//! All executable files in the directories run, one after the other, in the order of their names; one in
//! the second directory takes the place of one of the same name in the first. Each is called with
//! the event, and CHECKPOINT_PID and CHECKPOINT_IMAGE in its environment. None runs that others could
//! have written.

use crate::Error;
use nix::sys::signal::SigSet;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::Metadata,
    io,
    os::unix::{
        fs::MetadataExt,
        process::CommandExt, //
    },
    path::{
        self,
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

/// The hooks of this machine.
pub struct Hooks {
    /// In the order in which they run.
    files: Vec<PathBuf>,
}

impl Hooks {
    /// Finds them. Fails if a directory can't be read, or if others than root and the caller may
    /// write to one of them.
    pub fn find() -> Result<Self, Error> {
        Self::of(&DIRS)
    }

    fn of(dirs: &[impl AsRef<Path>]) -> Result<Self, Error> {
        let mut found: BTreeMap<OsString, PathBuf> = BTreeMap::new();
        for dir in dirs.iter().map(AsRef::as_ref) {
            let failed = |e| Error::new(format!("cannot read {}", dir.display()), e);
            let entries = match dir.read_dir() {
                Ok(entries) => entries,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(failed(e)),
            };
            trusted(dir, &dir.metadata().map_err(failed)?)?;
            for entry in entries {
                let path = entry.map_err(failed)?.path();
                let Ok(meta) = path.metadata() else {
                    continue;
                };
                if let (true, Some(name)) = (meta.is_file(), path.file_name()) {
                    let name = name.to_owned();
                    // One that can't be executed switches off that of a package.
                    if meta.mode() & 0o111 == 0 {
                        found.remove(&name);
                    } else {
                        trusted(&path, &meta)?;
                        found.insert(name, path);
                    }
                }
            }
        }
        Ok(Self {
            files: found.into_values().collect(),
        })
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Runs them for an event of the process `pid` and an image; `-` is standard input or output.
    ///
    /// Fails for the first one that fails; after a checkpoint and a restart all run.
    pub fn run(&self, event: Event, pid: i32, image: &Path) -> Result<(), Error> {
        let mut verdict = Ok(());
        for hook in &self.files {
            let failed = call(hook, event, pid, image);
            if failed.is_err() && event == Event::BeforeCheckpoint {
                return failed
                    .map_err(|e| e.hint("Nothing was checkpointed; --no-hooks does without."));
            }
            verdict = verdict.and(failed);
        }
        verdict
    }
}

/// Fails if others than root and the caller may write to it.
fn trusted(path: &Path, meta: &Metadata) -> Result<(), Error> {
    // In a user namespace that root is not part of, the root directory belongs to what root is there.
    let root = Path::new("/").metadata().map_or(0, |root| root.uid());
    let own = rustix::process::geteuid().as_raw();
    if meta.mode() & 0o022 == 0 && [0, root, own].contains(&meta.uid()) {
        return Ok(());
    }
    let shown = path.display();
    Err(Error::plain(format!(
        "others than root may write to {shown}: no hook runs"
    ))
    .hint(format!("chown root {shown}; chmod go-w {shown}"))
    .hint("--no-hooks does without."))
}

/// Runs one, whose output goes where messages go.
fn call(hook: &Path, event: Event, pid: i32, image: &Path) -> Result<(), Error> {
    let image = match image.as_os_str() == "-" {
        true => image.to_owned(),
        false => path::absolute(image).unwrap_or_else(|_| image.to_owned()),
    };
    let mut command = Command::new(hook);
    command
        .arg(event.name())
        .env("CHECKPOINT_PID", pid.to_string())
        .env("CHECKPOINT_IMAGE", image)
        .env_remove("CHECKPOINT_STATUS")
        .stdin(Stdio::null())
        .stdout(io::stderr());
    if let Event::AfterCheckpoint { ok } = event {
        command.env("CHECKPOINT_STATUS", if ok { "0" } else { "1" });
    }
    // SAFETY: in the child, which has one thread, it does nothing but a system call.
    unsafe {
        // The command may have blocked signals, and waits for it.
        command.pre_exec(|| Ok(SigSet::empty().thread_set_mask()?));
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
    use std::{
        fs,
        os::unix::fs::PermissionsExt, //
    };

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
        let hooks = Hooks::of(&dirs).unwrap();
        hooks.run(event, 12, Path::new("/x")).unwrap();
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
        let hooks = Hooks::of(&[dir.path()]).unwrap();
        let run = |event| hooks.run(event, 1, Path::new("/x"));
        let error = run(Event::BeforeCheckpoint).unwrap_err().to_string();
        assert!(error.contains("1-fails") && error.contains('3'), "{error}");
        assert!(!told.exists());
        assert!(run(Event::AfterRestart).is_err());
        assert_eq!(fs::read_to_string(&told).unwrap(), "after-restart\n");
    }

    #[test]
    fn no_directory() {
        let none = Hooks::of(&["/nonexistent/hooks"]).unwrap();
        assert!(none.is_empty());
        assert!(none
            .run(Event::BeforeCheckpoint, 1, Path::new("/x"))
            .is_ok());
    }

    #[test]
    fn written_by_others() {
        let dir = tempfile::tempdir().unwrap();
        let refused = || {
            let error = Hooks::of(&[dir.path()]).err().map(|e| e.to_string());
            error.is_some_and(|e| e.contains("others than root may write to"))
        };
        hook(dir.path(), "hook", 0o755, "");
        assert!(!refused());
        hook(dir.path(), "hook", 0o775, "");
        assert!(refused());
        hook(dir.path(), "hook", 0o757, "");
        assert!(refused());
        hook(dir.path(), "hook", 0o755, "");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(refused());
    }

    #[test]
    fn what_a_hook_finds() {
        let dir = tempfile::tempdir().unwrap();
        let told = dir.path().join("told");
        let text = format!(
            "grep SigBlk /proc/self/status >>{0}; echo $CHECKPOINT_IMAGE >>{0}",
            told.display()
        );
        hook(dir.path(), "hook", 0o755, &text);
        let signals = crate::signals::Signals::block(crate::signals::ENDING).unwrap();
        let hooks = Hooks::of(&[dir.path()]).unwrap();
        hooks.run(Event::AfterRestart, 1, Path::new("x")).unwrap();
        hooks.run(Event::AfterRestart, 1, Path::new("-")).unwrap();
        drop(signals);
        let found = fs::read_to_string(&told).unwrap();
        let lines: Vec<&str> = found.lines().collect();
        let here = std::env::current_dir().unwrap().join("x");
        let none = "SigBlk:\t0000000000000000";
        assert_eq!(lines, [none, here.to_str().unwrap(), none, "-"]);
    }
}
