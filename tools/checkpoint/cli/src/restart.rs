// SPDX-License-Identifier: GPL-2.0

//! The command `restart`.

mod namespace;

use anyhow::{
    bail,
    Context, //
};
use clap::Parser;
use libcheckpoint::{
    cgroup,
    signals::{
        self,
        Child,
        Ended,
        Signals,
        FORWARDED, //
    },
    Restart,
    Root, //
};
use serde::Serialize;
use std::{
    fs::File,
    io::{
        self,
        IsTerminal,
        Read,
        Write, //
    },
    os::fd::{
        AsFd,
        OwnedFd, //
    },
    path::PathBuf,
    process::ExitCode,
    time::Instant, //
};

const EXAMPLES: &str = "\
Examples:
  restart job.ckpt                         bring the processes back, wait for the first of them
  restart --pidns --mount-proc job.ckpt    in a pid namespace of their own, where no pid is in use
  restart --detach job.ckpt                bring them back, print the first one's pid, return
  ssh host cat job.ckpt | restart          from standard input

Signals INT, TERM, HUP, QUIT, USR1, USR2 and CONT are passed on to the root process.
Exit status: that of the root process, 128 + N if signal N killed it; 125 if the restart failed.";

/// Exit status if nothing was restarted.
const FAILED: u8 = 125;

/// Brings back the processes in an image that checkpoint has written.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// The image; "-" is standard input
    #[arg(default_value = "-")]
    file: PathBuf,

    /// Restart in a new pid namespace, below an init process of its own
    #[arg(long)]
    pidns: bool,

    /// Restart in a new mount namespace where /proc shows the processes' pid namespace
    #[arg(long)]
    mount_proc: bool,

    /// Restart into this cgroup, which is made if need be
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,

    /// Leave the processes frozen
    #[arg(long)]
    leave_frozen: bool,

    /// Print the pid of the root process and return
    #[arg(short, long)]
    detach: bool,

    /// Write the kernel's messages to FILE
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// Tell the result as JSON: after the restart with --detach, otherwise at the end
    #[arg(long)]
    json: bool,

    /// Show the kernel's messages also after success
    #[arg(short, long)]
    verbose: bool,
}

/// What `--json` prints.
#[derive(Default, Serialize)]
struct Summary {
    ok: bool,
    pid: Option<i32>,
    seconds: f64,
    status: Option<i32>,
    signal: Option<i32>,
    error: Option<String>,
}

impl Args {
    fn image(&self) -> anyhow::Result<File> {
        if self.file.as_os_str() != "-" {
            return File::open(&self.file)
                .with_context(|| format!("cannot open {}", self.file.display()));
        }
        let stdin = io::stdin();
        if stdin.is_terminal() {
            bail!("no image: name a file, or send one to standard input");
        }
        let fd: OwnedFd = stdin.as_fd().try_clone_to_owned()?;
        Ok(fd.into())
    }

    /// Restarts. The root becomes a child of the calling process.
    fn restart(&self, image: &File) -> anyhow::Result<Root> {
        if self.mount_proc {
            namespace::new_mounts()?;
            if self.pidns {
                namespace::mount_proc()?;
            }
        }
        let open_log = |path: &PathBuf| {
            File::create(path).with_context(|| format!("cannot create {}", path.display()))
        };
        let log = self.log.as_ref().map(open_log).transpose()?;
        let dir = self
            .cgroup
            .as_ref()
            .map(|path| cgroup::open(path, true))
            .transpose()?;
        let mut request = Restart::new().leave_frozen(self.leave_frozen);
        if let Some(log) = &log {
            request = request.log(log.as_fd());
        }
        if let Some(dir) = &dir {
            request = request.cgroup(dir.as_fd());
        }
        let root = request.read(image)?;
        if self.mount_proc && !self.pidns {
            if let Err(e) = namespace::mount_proc_of(root.pidfd.as_fd()) {
                // Not as it was asked for: rather nothing. The image is still there.
                signals::send(&root.pidfd, libc::SIGKILL);
                signals::reap(root.pid, true)?;
                return Err(e);
            }
        }
        if self.verbose {
            for line in &root.messages {
                eprintln!("{line}");
            }
        }
        Ok(root)
    }
}

/// Waits for the child `pid`, passing signals on to it; reaps all others that end.
fn wait(pid: i32, pidfd: &OwnedFd, signals: &Signals) -> anyhow::Result<Ended> {
    loop {
        let exited = signals.wait(pidfd.as_fd())?;
        while let Some(number) = signals.next()? {
            if number != libc::SIGCHLD {
                signals::send(pidfd, number);
            }
        }
        if exited {
            let ended = signals::reap(pid, true)?.context("the root process is gone")?;
            return Ok(ended.1);
        }
        while let Some((other, ended)) = signals::reap(-1, false)? {
            if other == pid {
                return Ok(ended);
            }
        }
    }
}

/// The init process of a new pid namespace: restarts, and ends as the root does.
fn init(args: &Args, image: &File, ready: OwnedFd, signals: &Signals) -> i32 {
    let root = match args.restart(image) {
        Ok(root) => root,
        Err(e) => {
            // The parent shows it.
            let _ = write!(File::from(ready), "!{e:#}");
            return i32::from(FAILED);
        }
    };
    if write!(File::from(ready), "{}", root.pid).is_err() {
        return i32::from(FAILED);
    }
    wait(root.pid, &root.pidfd, signals).map_or(i32::from(FAILED), Ended::status)
}

/// Starts [`init`] and waits until it has restarted. Returns it, and the pid of the root process
/// as seen from here.
fn in_new_pidns(args: &Args, image: &File, signals: &Signals) -> anyhow::Result<(Child, i32)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    namespace::new_pids()?;
    let mut writer = Some(writer);
    let child = signals::fork(|| match writer.take() {
        Some(ready) => init(args, image, ready, signals),
        None => i32::from(FAILED),
    })
    .context("cannot start a process in the new pid namespace")?;
    drop(writer);
    let mut answer = String::new();
    File::from(reader).read_to_string(&mut answer)?;
    if let Ok(inner) = answer.parse::<i32>() {
        let pid = namespace::outer_pid(child.pid, inner).unwrap_or(child.pid);
        return Ok((child, pid));
    }
    signals::reap(child.pid, true)?;
    match answer.strip_prefix('!') {
        Some(error) => bail!("{error}"),
        None => bail!("the init process of the new pid namespace was killed"),
    }
}

fn run(args: &Args, summary: &mut Summary) -> anyhow::Result<u8> {
    let image = args.image()?;
    let start = Instant::now();
    let (child, pid, signals) = if args.pidns {
        // The init process needs them blocked from the start: what reaches it before it can read
        // them would be lost.
        let signals = block()?;
        let (child, pid) = in_new_pidns(args, &image, &signals)?;
        (child, pid, signals)
    } else {
        // Until the tasks are there, a signal may end this process, and the restart with it.
        let root = args.restart(&image)?;
        let child = Child {
            pid: root.pid,
            pidfd: root.pidfd,
        };
        (child, root.pid, block()?)
    };
    drop(image);
    summary.ok = true;
    summary.pid = Some(pid);
    summary.seconds = start.elapsed().as_secs_f64();
    if args.detach {
        if !args.json {
            println!("{pid}");
        }
        return Ok(0);
    }
    let ended = wait(child.pid, &child.pidfd, &signals)?;
    summary.status = Some(ended.status());
    if let Ended::Killed(n) = ended {
        summary.signal = Some(n);
    }
    Ok(u8::try_from(ended.status()).unwrap_or(u8::MAX))
}

fn block() -> anyhow::Result<Signals> {
    let numbers: Vec<i32> = FORWARDED.iter().copied().chain([libc::SIGCHLD]).collect();
    Signals::block(&numbers).context("cannot block signals")
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut summary = Summary::default();
    let status = match run(&args, &mut summary) {
        Ok(status) => status,
        Err(e) => {
            if !args.json {
                eprintln!("restart: {e:#}");
            }
            summary.ok = false;
            summary.error = Some(format!("{e:#}"));
            FAILED
        }
    };
    if args.json {
        match serde_json::to_string(&summary) {
            Ok(text) => println!("{text}"),
            Err(e) => eprintln!("restart: {e}"),
        }
    }
    ExitCode::from(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments() {
        Args::command().debug_assert();
        let parse = |text: &str| Args::try_parse_from(text.split(' '));
        assert!(parse("restart").is_ok());
        assert!(parse("restart --pidns --mount-proc --cgroup /c --detach --json f").is_ok());
        assert!(parse("restart f g").is_err());
    }
}
