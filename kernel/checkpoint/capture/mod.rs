// SPDX-License-Identifier: GPL-2.0

//! The checkpoint pipeline: freeze, collect, save, snapshot, thaw, drain.

use core::sync::atomic::{
    AtomicU64,
    Ordering, //
};

use kernel::{
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};
use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

pub(crate) mod context;
pub(crate) mod freeze;
pub(crate) mod meta;
pub(crate) mod sink;
pub(crate) mod snapshot;

pub(crate) use context::Capture;

use crate::{
    arch,
    args::CheckpointArgs,
    cpu,
    files,
    image::{
        check::sum,
        header::{
            Header,
            HEADER_LEN,
            MAGIC,
            VERSION, //
        },
        record::RECORD_HEADER_LEN,
        task::{
            Container,
            CONTAINER_SELF,
            CONTAINER_WHOLE, //
        }, //
    },
    kapi::{
        io,
        pid::PidNs,
        task::{
            is_ns_init,
            is_own_group,
            FrozenTask,
            State, //
        },
        wait, //
    },
    kinds,
    mm,
    ns,
    objects::Objects,
    report::Report,
    task, //
};

use freeze::Frozen;
use sink::Sink;

/// Ids of checkpoints: unique since boot.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// What checkpoint(2) does after its arguments were checked; returns the checkpoint's id.
///
/// Messages go to `report`, refusals as well: then the error is the first one's.
pub(crate) fn run(args: &CheckpointArgs<'_>, root: ARef<Task>, report: &mut Report) -> Result<u64> {
    let own = is_own_group(&root);
    let mut cap = Capture {
        objects: Objects::new(),
        meta: meta::Meta::new(),
        report: core::mem::replace(report, Report::new()),
        whole: !args.subtree,
        own,
        pid_ns: PidNs::of(&root)?,
        monotonic_offset: 0,
        boottime_offset: 0,
        mm: mm::Collected::new(),
        files: files::Collected::new(),
        ns: ns::Collected::new(),
        task: task::Collected::new(),
    };
    let result = take(args, &root, &mut cap);
    core::mem::swap(report, &mut cap.report);
    result
}

/// The checkpoint itself.
fn take(args: &CheckpointArgs<'_>, root: &ARef<Task>, cap: &mut Capture) -> Result<u64> {
    if cap.whole && !is_ns_init(root) {
        cap.report.line(fmt!(
            "error: the root task is not the init of a pid namespace: \
             ask for a subtree (CHECKPOINT_SUBTREE) [EINVAL]"
        ));
        return Err(EINVAL);
    }
    let cgroup = args.cgroup()?;
    let mut frozen = freeze::freeze(cap, root, cgroup, args.deadline_ms)?;
    if frozen.hold.is_some() && !cap.own && frozen.tasks.iter().any(FrozenTask::is_current) {
        cap.report.line(fmt!(
            "error: the caller is among the frozen tasks [EDEADLK]"
        ));
        return Err(EDEADLK);
    }
    if let Some(t) = frozen.tasks.first() {
        (cap.monotonic_offset, cap.boottime_offset) = ns::time::offsets(t)?;
    }
    for file in [args.image.as_ref(), args.log].into_iter().flatten() {
        files::add_output(cap, file)?;
    }
    collect(cap, &frozen)?;
    for (file, what) in [(args.image.as_ref(), "image"), (args.log, "log")] {
        if file.is_some_and(|f| files::reaches(cap, f)) {
            cap.report.line(fmt!(
                "error: the {} goes to a file that the frozen tasks use [EDEADLK]",
                what
            ));
            return Err(EDEADLK);
        }
    }
    cap.report.verdict()?;
    let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
    let Some(image) = args.image.as_ref().filter(|_| !args.dry_run) else {
        return Ok(id);
    };
    save(cap, &frozen)?;
    cap.report.verdict()?;
    let mut snapshot = snapshot::take(cap)?;
    if !args.kill && !args.leave_frozen {
        frozen.hold = None;
    }
    let mut sink = Sink::new(image.clone())?;
    drain(cap, id, &mut snapshot, &mut sink)?;
    drop(snapshot);
    files::sync(cap)?;
    let bytes = sink.finish()?;
    if args.kill {
        kill(&frozen);
    } else if let Some(hold) = frozen.hold.as_mut() {
        hold.leave_frozen();
    }
    cap.report.line(fmt!(
        "checkpoint {}: {} tasks, {} bytes",
        id,
        frozen.tasks.len(),
        bytes
    ));
    Ok(id)
}

/// Counts all users of all objects; lists what can't be saved and what leaks out of a container.
fn collect(cap: &mut Capture, frozen: &Frozen) -> Result {
    for t in &frozen.tasks {
        wait::check_killed()?;
        for kind in kinds::saved() {
            (kind.collect)(cap, t)?;
        }
        task::regs::collect(cap, t);
    }
    if cap.whole {
        for kind in kinds::saved() {
            (kind.leaks)(cap)?;
        }
    } else {
        files::leaks_of_subtree(cap)?;
    }
    Ok(())
}

/// Writes all metadata to memory.
fn save(cap: &mut Capture, frozen: &Frozen) -> Result {
    let (monotonic, boottime) = wait::clocks_ns();
    let mut container = Container {
        flags: U64::new(
            if cap.whole { CONTAINER_WHOLE } else { 0 } | if cap.own { CONTAINER_SELF } else { 0 },
        ),
        monotonic_ns: U64::new(monotonic.wrapping_add_signed(cap.monotonic_offset)),
        boottime_ns: U64::new(boottime.wrapping_add_signed(cap.boottime_offset)),
        root: U32::new(frozen.tasks.first().map_or(0, |t| t.tgid_in(&cap.pid_ns))),
        tasks: U32::new(u32::try_from(frozen.tasks.len())?),
        objects: U32::new(0),
        cpu_words: U32::new(u32::try_from(cpu::count())?),
        cpu: cpu::features().map(U64::new),
    };
    cap.meta.put(&container, &[])?;
    for t in &frozen.tasks {
        wait::check_killed()?;
        for kind in kinds::saved() {
            (kind.save)(cap, t).inspect_err(|&e| {
                let name = t.display(&cap.pid_ns);
                cap.report
                    .refuse(e, &name, fmt!("{} could not be saved", kind.name));
            })?;
        }
        task::regs::save(cap, t)?;
    }
    container.objects = U32::new(cap.objects.last());
    let body = cap
        .meta
        .as_mut_bytes()
        .get_mut(RECORD_HEADER_LEN..RECORD_HEADER_LEN + size_of::<Container>())
        .ok_or(EINVAL)?;
    body.copy_from_slice(container.as_bytes());
    Ok(())
}

/// Writes header, metadata and memory.
fn drain(cap: &Capture, id: u64, snapshot: &mut snapshot::Snapshot, sink: &mut Sink) -> Result {
    let meta = cap.meta.as_bytes();
    let mut header = Header {
        magic: MAGIC,
        version: U32::new(VERSION),
        header_len: U32::new(HEADER_LEN as u32),
        arch: U32::new(arch::ARCH),
        page_size: U32::new(kernel::page::PAGE_SIZE as u32),
        compat: U64::new(0),
        incompat: U64::new(0),
        meta_len: U64::new(meta.len() as u64),
        created_ns: U64::new(wait::realtime_ns()),
        id: U64::new(id),
        meta_crc: U32::new(sum(io::crc32c, meta)),
        reserved: U32::new(0),
        release: io::kernel_release(),
        reserved2: [0; 52],
        crc: U32::new(0),
    };
    let bytes = header.as_bytes();
    header.crc = U32::new(sum(
        io::crc32c,
        bytes.get(..HEADER_LEN - 4).unwrap_or(bytes),
    ));
    sink.write(header.as_bytes())?;
    sink.chain(header.crc.get());
    sink.write(meta)?;
    sink.end_metadata();
    snapshot.drain(sink)
}

/// Kills the tasks so that nobody sees it but their parent: no memory of theirs that others may
/// share is written.
fn kill(frozen: &Frozen) {
    for t in &frozen.tasks {
        if t.state() == State::Live {
            t.die_quietly();
        }
    }
    for t in &frozen.tasks {
        if t.is_leader() && t.state() != State::Zombie {
            wait::kill_group(t.task());
        }
    }
}
