// SPDX-License-Identifier: GPL-2.0

//! The command `checkpoint`.

#![deny(clippy::print_stdout, clippy::print_stderr)]

mod options;
mod save;
mod supervise;
mod tell;

use anyhow::{
    anyhow,
    Context, //
};
use clap::Parser;
use libcheckpoint::{
    cpu::{
        Base,
        Cpu, //
    },
    hooks::{
        Event,
        Hooks, //
    },
    policy::Policy,
    signals::{
        Signals,
        ENDING, //
    }, //
};
use options::{
    descriptor,
    pattern,
    Descriptor, //
};
use save::{
    After,
    Done,
    Order, //
};
use serde::Serialize;
use std::{
    ffi::CString,
    ops::Range,
    path::{
        Path,
        PathBuf, //
    },
    process::ExitCode,
    time::Duration, //
};

const EXAMPLES: &str = "\
Examples:
  checkpoint -o job.ckpt 1234              save process 1234 and its descendants; they run on
  checkpoint --kill -o job.ckpt 1234       save them and end them
  checkpoint --dry-run 1234                would that work? lists all that stands against it
  checkpoint --external 1,2 -o f 1234      the output goes to a pipe or a terminal: leave that outside
  checkpoint --contents '/srv/job/*' -o f 1234
                                           what it works on goes into the image
  checkpoint --snapshot-command 'cp --reflink=always db db.ckpt' -o f 1234
                                           copy what it works on while it stands still
  checkpoint 1234 | ssh host restart       move them to another machine
  checkpoint --print-cpu >oldest.cpu       on the oldest machine: what does its CPU have?
  checkpoint --cpu oldest.cpu -o f 1234    only an image that restarts there

With --kill no process dies before the image is on the disk, under its name. Whatever fails, and
however the command is interrupted, the processes run on, or the image is complete; which is said.
The image holds the memory of the processes: keep it as safe as their secrets.
Exit status: 0 if all was done that was asked for, 2 if the command line is wrong, 1 otherwise.";

/// Saves a running process and all that descend from it to a file.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// The root of the tree of processes to save
    #[arg(required_unless_present = "print_cpu", value_parser = clap::value_parser!(i32).range(1..))]
    pid: Option<i32>,

    /// Write the image to FILE, which appears when it is complete, or to a pipe or device that is
    /// there; "-" is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// Insist on a whole container: PID must be the init process of a pid namespace
    #[arg(long)]
    container: bool,

    /// Kill the processes after success; returns when they are gone
    #[arg(long, conflicts_with = "leave_frozen")]
    kill: bool,

    /// Leave the processes frozen after success
    #[arg(long)]
    leave_frozen: bool,

    /// Write no image, but list what would be refused; with --verbose also what the processes have
    /// open, by the names that rules know it by
    #[arg(long)]
    dry_run: bool,

    /// Refuse files that processes outside have open, too, and what else would only be told
    #[arg(long)]
    strict: bool,

    /// Leave out keyrings that threads and processes have of their own, which are refused otherwise:
    /// keys never go into an image
    #[arg(long)]
    drop_keys: bool,

    /// Leave outside what is in the network namespace of the processes (devices, addresses, routes,
    /// rules): they are restarted in one that has it (restart --netns)
    #[arg(long)]
    net_outside: bool,

    /// The cgroup that holds the processes and no others; without it they are moved into one
    /// for the duration if need be
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,

    /// Leave the files behind these descriptors outside, whatever they are: pipes to other processes,
    /// terminals, sockets. FD is one of the root process, PID:FD of another; restart wants others
    /// in their place (--fd, --stdio)
    #[arg(long, value_name = "FD,...", value_delimiter = ',', value_parser = descriptor)]
    external: Vec<Descriptor>,

    /// Leave these descriptors out: a restarted process does not have them
    #[arg(long, value_name = "FD,...", value_delimiter = ',', value_parser = descriptor)]
    close: Vec<Descriptor>,

    /// In the place of the files or devices behind these descriptors, restart opens what lies at
    /// their paths then, whatever it is
    #[arg(long, value_name = "FD,...", value_delimiter = ',', value_parser = descriptor)]
    reopen: Vec<Descriptor>,

    /// Cut the connections of the sockets behind these descriptors to others outside: restarted, it is
    /// as if the other end had been closed
    #[arg(long, value_name = "FD,...", value_delimiter = ',', value_parser = descriptor)]
    disconnect: Vec<Descriptor>,

    /// Let the Unix sockets behind these descriptors, or all that are connected to an address outside that
    /// matches PATTERN (a path, or @ and an abstract name; "*" matches "/", too), connect to that address
    /// again when they are restarted: to a new connection, of whose past the other end knows nothing
    #[arg(long, value_name = "FD|PATTERN,...", value_delimiter = ',', value_parser = reconnected)]
    reconnect: Vec<Reconnected>,

    /// Leave to who restarts the processes the network devices whose names match PATTERN, as those of the
    /// machine: what was set of them, with addresses and routes, is saved, and set again of the device that
    /// is given then (restart --device)
    #[arg(long, value_name = "PATTERN,...", value_delimiter = ',', value_parser = device)]
    device: Vec<CString>,

    /// Save the contents of regular files, too, that are open by a path that matches PATTERN ("*" matches
    /// "/", too); restart makes those anew that are not there. May be given several times
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    contents: Vec<CString>,

    /// Leave out the contents of private anonymous memory (hexadecimal, as in /proc/PID/maps), of the
    /// root process or of process PID: it comes back as zeros
    #[arg(long, value_name = "[PID:]START-END,...", value_delimiter = ',', value_parser = memory)]
    leave_out: Vec<(i32, Range<u64>)>,

    /// Refuse processes that can have seen more of this CPU than BASE has: a file that --print-cpu has
    /// written, or a level (x86-64-v1 to v4, armv8-a to armv8.8-a, armv9-a, power8 to power10, z13 to
    /// z16), which has no more than its name promises: x86-64-v3+aes+rdrand has these, too. May be given
    /// several times: what all of them have
    #[arg(long, value_name = "BASE", value_parser = Base::read)]
    cpu: Vec<Base>,

    /// Print what this machine's CPU has, in the form that --cpu takes, and save nothing
    #[arg(long, conflicts_with_all = ["pid", "cpu"])]
    print_cpu: bool,

    /// Take rules for descriptors by their names, and memory to leave out, from FILE (TOML, see
    /// Documentation/checkpoint/policy.toml); the options above count before them
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Run CMD with sh when the image is written and the processes, which are frozen, have brought
    /// their files to the disk: to copy these. If it fails there is no image. CHECKPOINT_PID,
    /// CHECKPOINT_ID and CHECKPOINT_IMAGE are in its environment
    #[arg(long, value_name = "CMD", conflicts_with = "dry_run")]
    snapshot_command: Option<String>,

    /// Give up if the processes have not frozen after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// Write the kernel's messages to FILE, too
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// Do not run the hooks in /usr/lib/checkpoint/hooks and /etc/checkpoint/hooks
    #[arg(long)]
    no_hooks: bool,

    /// Tell the result as JSON: on standard output, or on standard error if the image goes there
    #[arg(long)]
    json: bool,

    /// Show the kernel's messages also after success
    #[arg(short, long)]
    verbose: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Summary<'a> {
    pid: i32,
    ok: bool,
    container: bool,
    dry_run: bool,
    id: Option<u64>,
    file: Option<&'a Path>,
    bytes: Option<u64>,
    seconds: f64,
    cgroup: Option<PathBuf>,
    error: Option<String>,
    messages: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let n: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if !(0.001..=600.0).contains(&n) {
        return Err("not between 0.001 and 600".to_owned());
    }
    Ok(Duration::from_secs_f64(n))
}

/// Reads [PID:]START-END.
fn memory(text: &str) -> Result<(i32, Range<u64>), String> {
    let (pid, range) = match text.split_once(':') {
        Some((pid, range)) => (pid.parse().ok().filter(|&pid: &i32| pid > 0), range),
        None => (Some(0), text),
    };
    let address =
        |text: &str| u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok();
    let both = range.split_once('-');
    let range = both.and_then(|(start, end)| Some(address(start)?..address(end)?));
    pid.zip(range.filter(|range| !range.is_empty()))
        .ok_or_else(|| "neither START-END nor PID:START-END".to_owned())
}

/// What is to be connected again.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reconnected {
    /// The socket behind a descriptor.
    One(Descriptor),
    /// All whose other end has a name that matches.
    Named(CString),
}

/// Reads a descriptor, or a pattern of an address: a path, or one that begins with an @ or with what stands
/// for any byte.
fn reconnected(text: &str) -> Result<Reconnected, String> {
    if text.starts_with(['/', '@', '*', '?', '[']) {
        let name = CString::new(format!("unix:{text}")).map_err(|_| "a NUL in a pattern")?;
        return Ok(Reconnected::Named(name));
    }
    descriptor(text)
        .map(Reconnected::One)
        .map_err(|e| format!("{e}; or a pattern of an address, which begins with a slash or an @"))
}

/// Reads a pattern of names of network devices.
fn device(text: &str) -> Result<CString, String> {
    if text.is_empty() {
        return Err("a device has a name".to_owned());
    }
    CString::new(format!("netdev:{text}")).map_err(|_| "a NUL in a pattern".to_owned())
}

impl Args {
    /// Returns what is to be connected again: descriptors, and patterns of other ends.
    fn reconnected(&self) -> (Vec<Descriptor>, Vec<CString>) {
        let (mut ones, mut named) = (Vec::new(), Vec::new());
        for what in &self.reconnect {
            match what {
                Reconnected::One(d) => ones.push(*d),
                Reconnected::Named(name) => named.push(name.clone()),
            }
        }
        (ones, named)
    }

    /// Returns the root of the tree.
    fn pid(&self) -> i32 {
        self.pid.unwrap_or_default()
    }

    fn order<'a>(
        &'a self,
        cpu: Option<&'a Cpu>,
        policy: &'a Policy,
        again: &'a (Vec<Descriptor>, Vec<CString>),
    ) -> Order<'a> {
        Order {
            pid: self.pid(),
            output: &self.output,
            container: self.container,
            after: match (self.dry_run, self.kill, self.leave_frozen) {
                (true, _, _) => After::DryRun,
                (_, true, _) => After::Kill,
                (_, _, true) => After::LeaveFrozen,
                _ => After::RunOn,
            },
            cgroup: self.cgroup.as_deref(),
            timeout: self.timeout.unwrap_or_default(),
            log: self.log.as_deref(),
            strict: self.strict,
            drop_keys: self.drop_keys,
            net_outside: self.net_outside,
            external: &self.external,
            close: &self.close,
            reopen: &self.reopen,
            disconnect: &self.disconnect,
            reconnect: &again.0,
            reconnect_to: &again.1,
            devices: &self.device,
            contents: &self.contents,
            left_out: &self.leave_out,
            cpu,
            policy,
            snapshot_command: self.snapshot_command.as_deref(),
        }
    }

    fn to_stdout(&self) -> bool {
        self.output.as_os_str() == "-" && !self.dry_run
    }

    /// Prints JSON where the image does not go.
    fn print(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        if self.to_stdout() {
            tell::err(&text);
        } else {
            tell::out(&text);
        }
        Ok(())
    }

    /// Tells that nothing was begun; returns the status of the command.
    fn failed(&self, e: &anyhow::Error) -> u8 {
        let error = tell::cause(e);
        let value = serde_json::json!({ "pid": self.pid(), "ok": false, "error": error });
        if !self.json || self.print(&value).is_err() {
            tell::err(&format!("checkpoint: {error}"));
        }
        1
    }

    fn tell(&self, done: Done) -> anyhow::Result<()> {
        if self.json {
            let ok = done.error.is_none();
            return self.print(&Summary {
                pid: self.pid(),
                ok,
                container: done.container,
                dry_run: self.dry_run,
                id: done.id,
                file: done
                    .complete
                    .then_some(self.output.as_path())
                    .filter(|_| !self.to_stdout()),
                bytes: done.bytes,
                seconds: done.time.as_secs_f64(),
                cgroup: done.cgroup,
                error: done.error,
                messages: done.messages,
            });
        }
        if let Some(error) = &done.error {
            tell::err(&format!("checkpoint: {error}"));
            return Ok(());
        }
        if self.verbose || self.dry_run {
            // Names are for who asks for them.
            let shown = |line: &&String| self.verbose || !line.starts_with("has: ");
            for line in done.messages.iter().filter(shown) {
                tell::err(line);
            }
        }
        if self.dry_run {
            tell::err(&format!("process {} can be checkpointed", self.pid()));
        } else if self.verbose {
            let size = done
                .bytes
                .map(|n| format!(", {}", indicatif::HumanBytes(n)));
            tell::err(&format!(
                "checkpoint {} of process {}{}, {:.3} s",
                done.id.unwrap_or(0),
                self.pid(),
                size.unwrap_or_default(),
                done.time.as_secs_f64()
            ));
        }
        if let Some(path) = done.cgroup {
            let path = path.display();
            tell::err(&format!(
                "left frozen in {path}; thaw them with: echo 0 >{path}/cgroup.freeze"
            ));
        }
        Ok(())
    }
}

/// Checkpoints; returns the status of the command.
fn save(args: &Args) -> u8 {
    let finish = |done| {
        let done: Done = done;
        let status = u8::from(done.error.is_some());
        match args.tell(done) {
            Ok(()) => status,
            Err(_) => 1,
        }
    };
    let policy = args.policy.as_deref().map(Policy::open).transpose();
    let again = args.reconnected();
    let cpu = Base::common(&args.cpu).map_err(|e| anyhow!("--cpu: {e}"));
    cpu.and_then(|base| Ok((base, policy?.unwrap_or_default())))
        .and_then(|(base, policy)| {
            let cpu = base.as_ref().map(|base| &base.cpu);
            save::run(&args.order(cpu, &policy, &again), finish)
        })
        .unwrap_or_else(|e| args.failed(&e))
}

/// Does the same, with hooks before and after it: those after it run, however it has ended.
fn save_with_hooks(args: &Args) -> anyhow::Result<u8> {
    let hooks = Hooks::find()?;
    if hooks.is_empty() {
        return Ok(save(args));
    }
    // A terminal's signals reach the hooks, too; others wait for the end of what has begun.
    let signals = Signals::block(ENDING).context("cannot block signals")?;
    let status = hooks
        .run(Event::BeforeCheckpoint, args.pid(), &args.output)
        .map_err(Into::into)
        .and_then(|()| supervise::apart(&signals, || save(args)))
        .unwrap_or_else(|e| args.failed(&e));
    let event = Event::AfterCheckpoint { ok: status == 0 };
    if let Err(e) = hooks.run(event, args.pid(), &args.output) {
        tell::err(&format!("checkpoint: {e}"));
    }
    Ok(status)
}

/// Prints what this machine's CPU has.
fn print_cpu() -> ExitCode {
    match Cpu::here() {
        Ok(cpu) => {
            tell::out(&cpu.to_string().trim_end());
            ExitCode::SUCCESS
        }
        Err(e) => {
            tell::err(&format!("checkpoint: {e}"));
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.print_cpu {
        return print_cpu();
    }
    let status = match args.no_hooks || args.dry_run {
        true => save(&args),
        false => save_with_hooks(&args).unwrap_or_else(|e| args.failed(&e)),
    };
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
        assert!(parse("checkpoint -o f --kill --timeout 0.5 --json -v 12").is_ok());
        assert!(parse("checkpoint --kill --leave-frozen 12").is_err());
        assert!(parse("checkpoint --external 0,1,14:2 12").is_ok());
        assert!(parse("checkpoint --external x 12").is_err());
        assert!(
            parse("checkpoint --close 3 --reopen 14:4 --disconnect 5 --leave-out 1000-2000,14:0x0-1000 12")
                .is_ok()
        );
        assert!(parse("checkpoint --reconnect 5,14:6,/dev/log,@name,*/bus 12").is_ok());
        assert!(parse("checkpoint --reconnect name 12").is_err());
        assert_eq!(device("eth*"), Ok(c"netdev:eth*".into()));
        assert!(parse("checkpoint --device eth0,eth1 12").is_ok());
        assert!(parse("checkpoint --device= 12").is_err());
        assert_eq!(
            reconnected("/run/*"),
            Ok(Reconnected::Named(c"unix:/run/*".into()))
        );
        assert!(parse("checkpoint --contents /srv/* --contents /etc/job 12").is_ok());
        assert!(Args::try_parse_from(["checkpoint", "--contents", "", "12"]).is_err());
        assert!(parse("checkpoint --leave-out 2000-1000 12").is_err());
        assert!(parse("checkpoint --leave-out 0:1000-2000 12").is_err());
        assert!(parse("checkpoint --leave-out 1000 12").is_err());
        assert!(parse("checkpoint --snapshot-command true --dry-run 12").is_err());
        assert!(parse("checkpoint 0").is_err());
        assert!(parse("checkpoint --timeout 0 12").is_err());
        assert!(parse("checkpoint --timeout NaN 12").is_err());
        assert!(parse("checkpoint --timeout 601 12").is_err());
    }
}
