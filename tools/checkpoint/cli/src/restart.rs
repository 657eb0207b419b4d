// SPDX-License-Identifier: GPL-2.0

//! The command `restart`.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod bring;
mod given;
mod in_use;
mod namespace;
mod options;
mod tell;

use anyhow::{
    bail,
    Context, //
};
use bring::{
    Given,
    Order, //
};
use clap::Parser;
use given::{
    device,
    devices,
    given,
    Device,
    Of, //
};
use libcheckpoint::{
    cgroup::Dir,
    hooks::{
        Event,
        Hooks, //
    },
    policy::Policy,
    signals::{
        Ended,
        Signals,
        FORWARDED, //
    },
    Connections,
    Error,
    Moved, //
};
use nix::sys::signal::Signal;
use options::{
    is_same_file,
    log_is_image,
    open_log,
    pattern,
    Descriptor, //
};
use serde::Serialize;
use std::{
    cell::Cell,
    ffi::CString,
    fs::File,
    io::{
        self,
        IsTerminal, //
    },
    os::{
        fd::{
            AsFd,
            BorrowedFd,
            OwnedFd, //
        },
        unix::{
            ffi::OsStringExt,
            fs::FileTypeExt, //
        }, //
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
  restart --stdio job.ckpt                 with the standard descriptors of this command
  restart --map /srv/old=/srv/new job.ckpt with its files where they are now
  restart --address 10.0.0.5=10.0.0.9 job.ckpt   with its sockets where they are now
  restart --tcp keep job.ckpt              its clients notice nothing but a pause
  ssh host cat job.ckpt | restart          from standard input

Signals INT, TERM, HUP, QUIT, USR1, USR2 and CONT are passed on to the root process; before it is
there, INT, TERM, HUP and QUIT end the restart, and nothing is left of it.
Exit status: that of the root process, 128 + N if signal N killed it; 0 with --detach if all is
well; 125 if the restart failed or the command line is wrong.";

/// Exit status if nothing was restarted.
const FAILED: u8 = 125;

/// Parses what becomes of TCP connections.
fn connections(text: &str) -> Result<Connections, String> {
    match text {
        "reset" => Ok(Connections::Reset),
        "close" => Ok(Connections::Close),
        "keep" => Ok(Connections::Keep),
        "force" => Ok(Connections::Force),
        _ => Err("neither reset nor close, keep or force".to_owned()),
    }
}

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
    #[arg(long, requires = "cgroup")]
    leave_frozen: bool,

    /// Restart the processes although the security label, user namespace or seccomp filter that
    /// they get from here is not what confined them before
    #[arg(long)]
    caller_confinement: bool,

    /// Give the processes, and what is made for them, the labels of security modules (SELinux, Smack,
    /// AppArmor) that they had; the policy has to let you
    #[arg(long)]
    keep_labels: bool,

    /// Give memory back as zeros that fork(2) wipes (MADV_WIPEONFORK): for an image that is
    /// restarted more than once, so that generators of random numbers start anew each time
    #[arg(long)]
    wipe_on_fork: bool,

    /// Take files as they are now whose paths match PATTERN ("*" matches "/", too), though they
    /// differ from those that were saved; may be given several times
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    accept: Vec<CString>,

    /// Cut files off where they ended whose paths match PATTERN, and that have only become longer
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    truncate: Vec<CString>,

    /// Let Unix sockets that were to connect again to an address that matches PATTERN (a path, or @ and an
    /// abstract name), and can't, come back as if their other end had been closed; may be given several
    /// times
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    disconnect: Vec<CString>,

    /// Look for what had the path OLD, or one below it, at or below NEW; may be given several times,
    /// and the first OLD that fits counts. Patterns are for the old paths
    #[arg(long, value_name = "OLD=NEW", value_parser = map)]
    map: Vec<(CString, PathBuf)>,

    /// Tell processes that have asked to be told of a restart (PR_CHECKPOINT_EVENTS); may be given
    /// several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<CString>,

    /// Do not run the hooks in /usr/lib/checkpoint/hooks and /etc/checkpoint/hooks
    #[arg(long)]
    no_hooks: bool,

    /// Resolve all paths of the image below DIR, which becomes the root directory of the processes
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Put the processes into a uts namespace that is there, in the place of their own: a file like
    /// /proc/PID/ns/uts, or a descriptor of this command
    #[arg(long, value_name = "FILE|FD")]
    uts: Option<PathBuf>,

    /// The same for their ipc namespace, in which there must have been nothing
    #[arg(long, value_name = "FILE|FD")]
    ipc: Option<PathBuf>,

    /// The same for their network namespace, which "ip netns add" has made, say, with the addresses
    /// that their sockets have
    #[arg(long, value_name = "FILE|FD")]
    netns: Option<PathBuf>,

    /// What becomes of TCP connections whose other end is not in the image: they come back as after a
    /// reset, or closed, or go on with the other end ("keep"), which takes an image whose processes were
    /// killed when it was made; "force" keeps them also next to what the original has sent since, which
    /// spoils what the other end receives
    #[arg(long, value_name = "reset|close|keep|force", value_parser = connections)]
    tcp: Option<Connections>,

    /// Give sockets that had the address OLD, bound or connected, the address NEW; may be given several
    /// times, and the first OLD that fits counts. With prefixes (10.0.0.0/16=10.1.0.0/16) the rest of an
    /// address stays
    #[arg(long, value_name = "OLD[/BITS]=NEW[/BITS]", value_parser = address)]
    address: Vec<Moved>,

    /// The same, also for the addresses of other ends that are not in the image; counts after all
    /// --address
    #[arg(long, value_name = "OLD[/BITS]=NEW[/BITS]", value_parser = peer_address)]
    peer_address: Vec<Moved>,

    /// Take rules for files that differ, and paths and addresses that are others now, from FILE (TOML,
    /// see Documentation/checkpoint/policy.toml); the options count before them
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Put descriptor N of this command in the place of the descriptor FD of the root process, or of
    /// FD of process PID of the image; whoever has the same open file gets it, too. Or in the place of
    /// all that was open by a name that matches NAME: a path, or a name of what was left outside, as
    /// "checkpoint --dry-run -v" lists them. With netdev:NAME=N:OTHER the end of a pair of devices that
    /// is made in the network namespace N is called OTHER
    #[arg(long, value_name = "[PID:]FD|NAME=N[:OTHER],...", value_delimiter = ',', value_parser = given)]
    fd: Vec<(Of, i32)>,

    /// Move DEVICE of this network namespace, or of the one that descriptor N of this command is, to where the
    /// device NAME was that "checkpoint --device" has left to the caller; may be given several times
    #[arg(long, value_name = "NAME=DEVICE[@N]", value_parser = device)]
    device: Vec<Device>,

    /// The descriptors 0, 1 and 2 of the root process become those of this command, as far as it has
    /// them
    #[arg(long)]
    stdio: bool,

    /// Compare also permissions, and device and inode when the machine is another or was booted
    /// again
    #[arg(long)]
    strict: bool,

    /// Print the pid of the root process and return
    #[arg(short, long)]
    detach: bool,

    /// Write the kernel's messages to FILE, too
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

/// Reads OLD=NEW.
fn map(text: &str) -> Result<(CString, PathBuf), String> {
    let (from, to) = text.split_once('=').ok_or("not OLD=NEW")?;
    if !from.starts_with('/') || to.is_empty() {
        return Err("OLD does not begin with a slash, or NEW is empty".to_owned());
    }
    let from = CString::new(from).map_err(|_| "has a NUL in it")?;
    Ok((from, PathBuf::from(to)))
}

/// Reads NAME=VALUE.
fn variable(text: &str) -> Result<CString, String> {
    match text.find('=') {
        None | Some(0) => Err("not NAME=VALUE".to_owned()),
        Some(_) => CString::new(text).map_err(|_| "has a NUL in it".to_owned()),
    }
}

/// Reads an address that is another one now.
fn address(text: &str) -> Result<Moved, String> {
    Moved::parse(text, false)
}

/// Parses the same for other ends, too.
fn peer_address(text: &str) -> Result<Moved, String> {
    Moved::parse(text, true)
}

/// Takes a share in descriptor `n` of this command.
fn own_descriptor(n: i32) -> anyhow::Result<OwnedFd> {
    // SAFETY: The number is only looked up: fcntl() refuses one that is not open.
    let fd = unsafe { BorrowedFd::borrow_raw(n) };
    rustix::io::fcntl_dupfd_cloexec(fd, 3)
        .map_err(io::Error::from)
        .with_context(|| format!("descriptor {n} is not open here: open it for this command"))
}

impl Args {
    /// Returns the files that are put in place of those of the image, each with whether the image
    /// must have the descriptor.
    fn given(&self) -> anyhow::Result<Vec<Given>> {
        let wants_stdin = self.stdio || self.fd.iter().any(|(_, own)| *own == 0);
        if wants_stdin && self.is_stdin() {
            let error = Error::plain("the image and the processes can't both have standard input");
            return Err(error
                .hint("Name a file as the image, or give --fd 1=1,2=2 in the place of --stdio.")
                .into());
        }
        let stdio = |n| (Descriptor { pid: 0, fd: n }, n, true);
        let listed = self.fd.iter().filter_map(|(of, own)| match of {
            Of::One(of) => Some((*of, *own, false)),
            Of::Named(_) | Of::Device(..) => None,
        });
        let mut all = Vec::new();
        for (of, own, optional) in listed.chain((0..3).filter(|_| self.stdio).map(stdio)) {
            match own_descriptor(own) {
                Ok(file) => all.push(Given { of, file, optional }),
                Err(_) if optional => (),
                Err(e) => return Err(e),
            }
        }
        Ok(all)
    }

    /// Returns the same for what has a name.
    fn named(&self) -> anyhow::Result<Vec<(CString, OwnedFd)>> {
        let mut all = Vec::new();
        for (of, own) in &self.fd {
            if let Of::Named(pattern) | Of::Device(pattern, _) = of {
                all.push((pattern.clone(), own_descriptor(*own)?));
            }
        }
        Ok(all)
    }

    /// Returns what the other ends of devices are called outside: the names of both.
    fn renames(&self) -> Vec<CString> {
        let names = self.fd.iter().filter_map(|(of, _)| match of {
            Of::Device(_, names) => Some(names.clone()),
            _ => None,
        });
        names.collect()
    }

    /// Returns what `--map` says, the new paths from the root directory and without links: the
    /// kernel follows none.
    fn maps(&self) -> anyhow::Result<Vec<(CString, CString)>> {
        let resolve = |(from, to): &(CString, PathBuf)| {
            let now = match &self.root {
                // It is a path below that.
                Some(_) => to.clone(),
                None => to.canonicalize().with_context(|| {
                    format!("{}, where --map looks, is not there", to.display())
                })?,
            };
            let now = CString::new(now.into_os_string().into_vec())?;
            Ok((from.clone(), now))
        };
        self.map.iter().map(resolve).collect()
    }

    /// Opens a namespace that `--uts`, `--ipc` or `--netns` names.
    fn namespace(path: Option<&PathBuf>) -> anyhow::Result<Option<OwnedFd>> {
        let open = |path: &PathBuf| {
            if let Some(n) = path.to_str().and_then(|text| text.parse().ok()) {
                return own_descriptor(n);
            }
            let file = File::open(path)
                .map_err(|e| Error::new(format!("cannot open {}", path.display()), e))?;
            Ok(file.into())
        };
        path.map(open).transpose()
    }

    fn is_stdin(&self) -> bool {
        self.file.as_os_str() == "-"
    }

    fn image(&self) -> anyhow::Result<File> {
        if self.is_stdin() {
            let fd: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
            let file = File::from(fd);
            // A terminal, or nothing at all.
            if file.is_terminal() || file.metadata()?.file_type().is_char_device() {
                bail!("there is no image: name a file, or send one to standard input");
            }
            return Ok(file);
        }
        let shown = self.file.display();
        let failed = |e| Error::new(format!("cannot open {shown}"), e);
        let file = File::open(&self.file).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Err(
                Error::plain(format!("{shown} is a directory and not an image"))
                    .hint("Name the file in it.")
                    .into(),
            );
        }
        Ok(file)
    }

    fn order(&self, image: &File) -> anyhow::Result<Order> {
        if let Some(log) = &self.log {
            if is_same_file(&image.metadata()?, log) {
                return Err(log_is_image(log).into());
            }
        }
        let log = self.log.as_deref().map(open_log).transpose()?;
        let cgroup = self.cgroup.as_deref();
        let cgroup = cgroup.map(|path| Dir::open(path, true)).transpose()?;
        if let (Some(dir), true) = (&cgroup, self.leave_frozen) {
            if dir.is_root()? {
                return Err(Error::plain("the root cgroup can't be frozen")
                    .hint("Name another one with --cgroup; it is made if need be.")
                    .into());
            }
        }
        Ok(Order {
            name: if self.is_stdin() {
                "the image".to_owned()
            } else {
                self.file.display().to_string()
            },
            pidns: self.pidns,
            mount_proc: self.mount_proc,
            cgroup,
            leave_frozen: self.leave_frozen,
            caller_confinement: self.caller_confinement,
            keep_labels: self.keep_labels,
            wipe_on_fork: self.wipe_on_fork,
            strict: self.strict,
            connections: self.tcp.unwrap_or_default(),
            accept: self.accept.clone(),
            truncate: self.truncate.clone(),
            disconnect: self.disconnect.clone(),
            maps: self.maps()?,
            environment: self.env.clone(),
            addresses: [&self.address[..], &self.peer_address].concat(),
            policy: self.policy.as_deref().map(Policy::open).transpose()?,
            root: self
                .root
                .as_deref()
                .map(namespace::Root::open)
                .transpose()?,
            uts: Self::namespace(self.uts.as_ref())?,
            ipc: Self::namespace(self.ipc.as_ref())?,
            net: Self::namespace(self.netns.as_ref())?,
            given: Cell::new(self.given()?),
            renames: self.renames(),
            named: Cell::new(self.named()?),
            devices: Cell::new(devices(&self.device)?),
            detach: self.detach,
            log,
        })
    }
}

/// Runs what runs after a restart: where the command is, and not in the new pid namespace, `own_pids`
/// being that of the command then.
fn run_hooks(
    args: &Args,
    root: i32,
    own_pids: Option<anyhow::Result<OwnedFd>>,
) -> anyhow::Result<()> {
    if args.no_hooks {
        return Ok(());
    }
    let hooks = Hooks::find()?;
    if hooks.is_empty() {
        return Ok(());
    }
    if let Some(own) = own_pids {
        own.and_then(|own| namespace::children_in(own.as_fd()))
            .context("no hook can be run outside of the new pid namespace")?;
    }
    Ok(hooks.run(Event::AfterRestart, root, &args.file)?)
}

fn run(args: &Args, summary: &mut Summary) -> anyhow::Result<u8> {
    let image = args.image()?;
    let mut order = args.order(&image)?;
    let start = Instant::now();
    let numbers: Vec<Signal> = FORWARDED.iter().copied().chain([Signal::SIGCHLD]).collect();
    let signals = Signals::block(&numbers).context("cannot block signals")?;
    let own_pids = args.pidns.then(namespace::own_pids);
    let root = bring::restart(&order, &image, &signals)?;
    // The processes have them: who reads from a pipe waits for its end.
    drop((order.given.take(), order.named.take()));
    if let Some(dir) = &mut order.cgroup {
        dir.keep();
    }
    drop(image);
    summary.ok = true;
    summary.pid = Some(root.pid);
    summary.seconds = start.elapsed().as_secs_f64();
    if args.verbose {
        for line in &root.messages {
            tell::err(line);
        }
    }
    if let Err(e) = run_hooks(args, root.pid, own_pids) {
        let e = tell::cause(&e);
        tell::err(&format!("restart: the processes are there, but {e}"));
    }
    if args.detach {
        if !args.json {
            tell::out(&root.pid);
        }
        return Ok(0);
    }
    let ended = bring::wait(root.child.pid, root.child.pidfd.as_fd(), &signals)?;
    summary.status = Some(ended.status());
    if let Ended::Killed(n) = ended {
        summary.signal = Some(n);
    }
    Ok(u8::try_from(ended.status()).unwrap_or(u8::MAX))
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(e) => {
            let _ = e.print();
            // Any other status may be that of a root process.
            return ExitCode::from(if e.use_stderr() { FAILED } else { 0 });
        }
    };
    let mut summary = Summary::default();
    let status = run(&args, &mut summary).unwrap_or_else(|e| {
        let mut error = tell::cause(&e);
        // In a new pid namespace the numbers are others.
        let holders = match args.pidns {
            true => Vec::new(),
            false => in_use::who_has_pids(&error),
        };
        for line in holders {
            error.push('\n');
            error.push_str(&line);
        }
        if !args.json {
            tell::err(&format!("restart: {error}"));
        }
        summary.ok = false;
        summary.error = Some(error);
        FAILED
    });
    if args.json {
        match serde_json::to_string(&summary) {
            Ok(text) => tell::out(&text),
            Err(e) => tell::err(&format!("restart: {e}")),
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
        assert!(parse("restart --stdio --fd 1=5,12:3=1 f").is_ok());
        assert!(parse("restart --fd /dev/pts/*=0,pipefs:=5 f").is_ok());
        assert_eq!(
            given("sockfs:TCP=5"),
            Ok((Of::Named(c"sockfs:TCP".into()), 5))
        );
        assert_eq!(given("a=b=5"), Ok((Of::Named(c"a=b".into()), 5)));
        assert_eq!(
            given("netdev:eth0=7:veth9"),
            Ok((
                Of::Device(c"netdev:eth0".into(), c"netdev:eth0:veth9".into()),
                7
            ))
        );
        assert!(parse("restart --fd netdev:eth0=7: f").is_err());
        assert!(parse("restart --fd 1=5:x f").is_err());
        assert!(parse("restart --device eth0=enp3s0 --device b=c@7 f").is_ok());
        assert!(parse("restart --fd -1=5 f").is_err());
        assert!(parse("restart --fd =5 f").is_err());
        assert!(parse("restart --fd 1 f").is_err());
        assert!(parse("restart --fd 1=a f").is_err());
        assert!(parse("restart --map /a=b --map /c=/d --root /r --truncate /l* f").is_ok());
        assert!(parse("restart --disconnect /run/* --disconnect @x f").is_ok());
        assert!(parse("restart --map a=b f").is_err());
        assert!(parse("restart --map /a f").is_err());
        assert!(parse("restart --address ::1=::2 --address 10.0.0.0/8=11.0.0.0/8 f").is_ok());
        assert!(parse("restart --peer-address 10.0.0.1=10.0.0.2 f").is_ok());
        assert!(parse("restart --address 10.0.0.1 f").is_err());
        assert!(parse("restart --uts 5 --ipc /proc/1/ns/ipc --netns 6 --policy p f").is_ok());
        assert_eq!(connections("keep"), Ok(Connections::Keep));
        assert!(parse("restart --tcp close f").is_ok());
        assert!(parse("restart --tcp drop f").is_err());
        assert!(parse("restart --env A=b --env C= --no-hooks f").is_ok());
        assert!(parse("restart --env =b f").is_err());
        assert!(parse("restart --env A f").is_err());
        assert!(parse("restart f g").is_err());
        assert!(parse("restart --leave-frozen f").is_err());
    }
}
