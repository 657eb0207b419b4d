// SPDX-License-Identifier: GPL-2.0

//! The command `checkpoint`.

mod supervise;

use anyhow::{
    bail,
    Context, //
};
use clap::Parser;
use libcheckpoint::{
    cgroup,
    output::Output,
    process,
    Checkpoint,
    Outcome, //
};
use serde::Serialize;
use std::{
    fs::File,
    io::{
        self,
        IsTerminal, //
    },
    os::fd::AsFd,
    path::{
        Path,
        PathBuf, //
    },
    process::ExitCode,
    time::{
        Duration,
        Instant, //
    }, //
};
use supervise::Report;

const EXAMPLES: &str = "\
Examples:
  checkpoint -o job.ckpt 1234              save process 1234 and its descendants; they run on
  checkpoint --kill -o job.ckpt 1234       save them and end them
  checkpoint --dry-run 1234                would that work? lists all that stands against it
  checkpoint 1234 | ssh host restart       move them to another machine

The image holds the memory of the processes: keep it as safe as their secrets.
Exit status: 0 if the image is complete, 1 otherwise.";

/// Saves a running process and all that descend from it to a file.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Args {
    /// The root of the tree of processes to save
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pid: i32,

    /// Write the image to FILE, which appears when it is complete; "-" is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// Insist on a whole container: PID must be the init process of a pid namespace
    #[arg(long)]
    container: bool,

    /// Kill the processes after success
    #[arg(long, conflicts_with = "leave_frozen")]
    kill: bool,

    /// Leave the processes frozen after success
    #[arg(long)]
    leave_frozen: bool,

    /// Write no image, but list what would be refused
    #[arg(long)]
    dry_run: bool,

    /// The cgroup that holds the processes and no others; without it they are moved into one
    /// for the duration if need be
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,

    /// Give up if the processes have not frozen after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,

    /// Write the kernel's messages to FILE
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

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
    if !(0.001..=4_000_000.0).contains(&n) {
        return Err("not between 0.001 and 4000000".to_owned());
    }
    Ok(Duration::from_secs_f64(n))
}

/// Where the image goes.
enum Sink {
    Nowhere,
    Stdout,
    File(Output),
}

impl Sink {
    fn open(args: &Args) -> anyhow::Result<Self> {
        if args.dry_run {
            return Ok(Self::Nowhere);
        }
        if args.output.as_os_str() != "-" {
            return Ok(Self::File(Output::create(&args.output)?));
        }
        if io::stdout().is_terminal() {
            bail!("the image would go to a terminal: use -o FILE, or a pipe");
        }
        Ok(Self::Stdout)
    }
}

fn request(args: &Args, container: bool, sink: &Sink) -> Result<Outcome, libcheckpoint::Error> {
    let open_log = |path: &PathBuf| {
        File::create(path)
            .map_err(|e| libcheckpoint::Error::new(format!("cannot create {}", path.display()), e))
    };
    let log = args.log.as_ref().map(open_log).transpose()?;
    let dir = args
        .cgroup
        .as_ref()
        .map(|path| cgroup::open(path, false))
        .transpose()?;
    let mut request = Checkpoint::of(args.pid)?
        .subtree(!container)
        .kill(args.kill && !args.dry_run)
        .leave_frozen(args.leave_frozen && !args.dry_run)
        .deadline(args.timeout.unwrap_or_default());
    if let Some(log) = &log {
        request = request.log(log.as_fd());
    }
    if let Some(dir) = &dir {
        request = request.cgroup(dir.as_fd());
    }
    match sink {
        Sink::Nowhere => request.dry_run(),
        Sink::Stdout => request.write(io::stdout()),
        Sink::File(output) => request.write(output.file()),
    }
}

fn run(args: &Args) -> anyhow::Result<bool> {
    let container = process::is_container_init(args.pid)
        .with_context(|| format!("cannot find process {}", args.pid))?;
    if args.container && !container {
        bail!(
            "process {} is not the init process of a pid namespace: leave --container away to \
             save it as a subtree",
            args.pid
        );
    }
    let sink = Sink::open(args)?;
    let start = Instant::now();
    let own = if args.cgroup.is_none() && !cgroup::owns_its_cgroup(args.pid)? {
        Some(cgroup::Own::make(args.pid)?)
    } else {
        None
    };
    let report = supervise::run(|| Report::of(request(args, container, &sink)))?;
    let cgroup = match own {
        Some(own) if args.leave_frozen && !args.dry_run && report.ok() => {
            let path = own.path().to_owned();
            own.keep();
            Some(path)
        }
        _ => None,
    };
    let bytes = match sink {
        Sink::File(output) if report.ok() => Some(output.commit()?),
        _ => None,
    };
    tell(args, container, report, bytes, cgroup, start.elapsed())
}

fn tell(
    args: &Args,
    container: bool,
    report: Report,
    bytes: Option<u64>,
    cgroup: Option<PathBuf>,
    time: Duration,
) -> anyhow::Result<bool> {
    let ok = report.ok();
    if !args.json {
        if let Some(error) = &report.error {
            bail!("{error}");
        }
        if args.verbose || args.dry_run {
            for line in &report.messages {
                eprintln!("{line}");
            }
        }
        if args.dry_run {
            eprintln!("process {} can be checkpointed", args.pid);
        } else if args.verbose {
            let size = bytes.map(|n| format!(", {}", indicatif::HumanBytes(n)));
            eprintln!(
                "checkpoint {} of process {}{}, {:.3} s",
                report.id.unwrap_or(0),
                args.pid,
                size.unwrap_or_default(),
                time.as_secs_f64()
            );
        }
        if let Some(path) = cgroup {
            eprintln!("left frozen in {}", path.display());
        }
        return Ok(ok);
    }
    let summary = Summary {
        pid: args.pid,
        ok,
        container,
        dry_run: args.dry_run,
        id: report.id,
        file: bytes.map(|_| args.output.as_path()),
        bytes,
        seconds: time.as_secs_f64(),
        cgroup,
        error: report.error,
        messages: report.messages,
    };
    print_json(args, &summary)?;
    Ok(ok)
}

/// Prints JSON where the image does not go.
fn print_json(args: &Args, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    if args.output.as_os_str() == "-" && !args.dry_run {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
    Ok(())
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            let error = format!("{e:#}");
            let value = serde_json::json!({ "pid": args.pid, "ok": false, "error": error });
            if !args.json || print_json(&args, &value).is_err() {
                eprintln!("checkpoint: {error}");
            }
            ExitCode::FAILURE
        }
    }
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
        assert!(parse("checkpoint 0").is_err());
        assert!(parse("checkpoint --timeout 0 12").is_err());
        assert!(parse("checkpoint --timeout NaN 12").is_err());
    }
}
