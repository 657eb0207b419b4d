// SPDX-License-Identifier: GPL-2.0

//! The checkpoint pipeline: freeze, collect, save, snapshot, thaw, drain.

use kernel::{
    num::casts::usize_as_u64,
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    }, //
};
use zerocopy::byteorder::little_endian::{
    U32,
    U64, //
};

pub(crate) mod args;
mod doomed;
pub(crate) mod freeze;
pub(crate) mod snapshot;

use crate::{
    arch::Native,
    capture::args::CheckpointArgs,
    confinement,
    core::{
        kind::Group,
        meta::Meta,
        objects::{
            self,
            Objects, //
        },
        report::{
            self,
            Count,
            Errno,
            Report, //
        },
        sink::Sink, //
    },
    cpu,
    files,
    found::{
        Capture,
        Found, //
    },
    image::{
        check::sealed,
        contents::MetaSums,
        header::{
            Header,
            COMPAT_KILLED,
            COMPAT_RAN_ON,
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
        arch::Arch,
        cgroup::{
            frozen::FrozenTasks,
            group::HeldCgroup, //
        },
        fs::{
            file::FileRef,
            io, //
        },
        task::{
            frozen::{
                FrozenTask,
                State, //
            },
            root::Root, //
        },
        time::wait, //
    },
    kinds,
    mm,
    net,
    ns, //
};

use doomed::Doomed;

/// Ids of checkpoints: unique since boot.
static LAST_ID: Atomic<u64> = Atomic::new(0);

/// Tasks that are in the way run for 1, 2, 4, ... milliseconds, less than these.
const PAUSES_END_MS: u32 = 32;

/// What tells a checkpoint from all others: its image has it, and so has who is told of it.
#[derive(Clone, Copy)]
struct Stamp {
    /// Its id.
    id: u64,
    /// The wall-clock time, in nanoseconds since 1970.
    created_ns: u64,
}

/// Does what checkpoint(2) does after its arguments were checked; returns the checkpoint's id.
///
/// Messages go to `report`, refusals as well: then the error is the first one's.
pub(crate) fn run(args: &CheckpointArgs<'_>, root: &Root, report: &mut Report) -> Result<u64> {
    let mut cap = Capture {
        objects: Objects::new(),
        meta: Meta::new(),
        report: core::mem::replace(report, Report::new()),
        whole: !args.subtree,
        strict: args.strict,
        drop_keys: args.drop_keys,
        own: root.is_own(),
        pid_ns: root.pid_ns()?,
        monotonic_offset: 0,
        boottime_offset: 0,
        found: Found::new(),
    };
    let result = take(args, root, &mut cap);
    core::mem::swap(report, &mut cap.report);
    result
}

/// Takes the checkpoint itself.
fn take(args: &CheckpointArgs<'_>, root: &Root, cap: &mut Capture) -> Result<u64> {
    if cap.whole && !root.is_ns_init() {
        cap.report.line(fmt!(
            "error: the root task is not the init of a pid namespace: \
             ask for a subtree (CHECKPOINT_SUBTREE) [EINVAL]"
        ));
        return Err(EINVAL);
    }
    // Nobody is frozen for nothing; but a dry run tells what else is refused.
    if let Some(there) = args.cpu.as_ref().filter(|_| !args.dry_run) {
        cpu::refuse_more(there, &mut cap.report);
        cap.report.verdict()?;
    }
    let mut hold = freeze::hold(cap, root, args.cgroup.clone())?;
    if let Some(id) = args.kill_only {
        let result = end(args, root, cap, hold.as_ref(), id);
        let doomed = unbroken(cap, hold.as_ref(), result)?;
        drop(hold);
        doomed.wait(&mut cap.report, args.log);
        return Ok(id);
    }
    let mut pause = 1;
    let result = loop {
        match read(args, root, cap, hold.as_ref(), pause < PAUSES_END_MS).transpose() {
            Some(result) => break result,
            // A task is in the way. Nothing was looked at yet: all run for a moment.
            None => {
                // But for good if somebody has thawed them meanwhile.
                let checked = hold.as_ref().map_or(Ok(()), HeldCgroup::check);
                unbroken(cap, hold.as_ref(), checked)?;
                let cgroup = hold.as_ref().map(|hold| hold.cgroup().clone());
                drop(hold.take());
                if cgroup.is_some_and(|cgroup| cgroup.is_freezing()) {
                    // Its owner keeps it frozen: nobody gets out of the way.
                    pause = PAUSES_END_MS;
                } else {
                    wait::pause_ms(pause);
                    pause *= 2;
                }
            }
        }
        wait::check_killed()?;
        hold = freeze::hold(cap, root, args.cgroup.clone())?;
    };
    // Whether it succeeded or not: before the tasks run again.
    cap.objects.release();
    if result.is_err() {
        net::let_go(cap);
    }
    let (tasks, snapshot) = unbroken(cap, hold.as_ref(), result)?;
    let count = tasks.len();
    let stamp = Stamp {
        id: LAST_ID.fetch_add(1, Relaxed) + 1,
        created_ns: wait::realtime_ns(),
    };
    let (Some(snapshot), Some(image)) = (snapshot, args.image.as_ref()) else {
        return Ok(stamp.id);
    };
    let (bytes, doomed) = if args.kill || args.leave_frozen {
        let doomed = args.kill.then(|| Doomed::new(&tasks, &cap.pid_ns));
        let doomed = doomed.transpose()?;
        let older = hold.as_ref().map_or(0, HeldCgroup::left_by);
        let result = tasks.set_aside().and_then(|aside| {
            let sink = write(cap, stamp, snapshot, image, args.kill, &|_| aside.check())?;
            if args.kill {
                // Tasks that were thawed since that check run on, and so there must be no image; nor if
                // it does not tell of all that others were told of.
                let tasks = aside
                    .take_up()
                    .and_then(|tasks| net::check_held(cap).map(|()| tasks))
                    .inspect_err(|_| sink.take_back())?;
                net::end_quietly(cap);
                kill(&tasks, hold.as_ref());
            } else if let Some(hold) = &hold {
                net::check_held(cap).inspect_err(|_| sink.take_back())?;
                net::leave_held(cap, stamp.id);
                hold.leave_frozen(stamp.id);
                files::tell_saved(cap, stamp.id, stamp.created_ns);
            }
            // What an older image has held is not of that any more.
            if older != 0 {
                net::end_left(older, false);
            }
            Ok(sink.written())
        });
        if result.is_err() {
            net::let_go(cap);
        }
        let bytes = unbroken(cap, hold.as_ref(), result)?;
        drop(hold);
        (bytes, doomed)
    } else {
        drop(tasks);
        drop(hold);
        let sync = |cap: &mut Capture| files::sync(cap, false);
        let sink = write(cap, stamp, snapshot, image, false, &sync)?;
        files::tell_saved(cap, stamp.id, stamp.created_ns);
        (sink.written(), None)
    };
    cap.report.line(fmt!(
        "checkpoint {}: {}, {} bytes",
        stamp.id,
        Count(count, "task"),
        bytes
    ));
    if let Some(doomed) = doomed {
        doomed.wait(&mut cap.report, args.log);
    }
    Ok(stamp.id)
}

/// Lets what failed because the hold was broken fail for that reason: ECANCELED, and a line says
/// so.
fn unbroken<T>(cap: &mut Capture, hold: Option<&HeldCgroup>, result: Result<T>) -> Result<T> {
    let Some(Err(e)) = hold.map(HeldCgroup::check).filter(|_| result.is_err()) else {
        return result;
    };
    cap.report.line(fmt!(
        "error: the cgroup was thawed by a write to its cgroup.freeze [ECANCELED]"
    ));
    Err(e)
}

/// Freezes the tasks and reads all that goes into the image; in a dry run, only what can be refused.
///
/// With `choosy`, `None`: a task was interrupted where another kernel could not let it go on, or has asked for
/// something that does not end while it stands still.
fn read<'h>(
    args: &CheckpointArgs<'_>,
    root: &Root,
    cap: &mut Capture,
    hold: Option<&'h HeldCgroup>,
    choosy: bool,
) -> Result<Option<(FrozenTasks<'h>, Option<snapshot::Snapshot>)>> {
    let tasks = freeze::freeze(cap, root, hold, args.timeout_ms)?;
    if hold.is_some() && !args.dry_run {
        match tasks.iter().find(|t| mm::vdso::is_at_entry(t)) {
            Some(_) if choosy => return Ok(None),
            Some(t) => cap.report.note(
                &t.display(&cap.pid_ns),
                fmt!(
                    "is at the beginning of a function of the vDSO: the image restarts under a \
                     kernel with the same vDSO only"
                ),
            ),
            None => (),
        }
    }
    if hold.is_some() && !cap.own && tasks.iter().any(FrozenTask::is_current) {
        cap.report.line(fmt!(
            "error: the caller is among the frozen tasks [EDEADLK]"
        ));
        return Err(EDEADLK);
    }
    if choosy && hold.is_some() && !files::rings_are_settled(&tasks)? {
        return Ok(None);
    }
    if let Some(t) = tasks.iter().find(|t| t.is_live()) {
        (cap.monotonic_offset, cap.boottime_offset) = ns::time::offsets(t)?;
    }
    for file in [args.image.as_ref(), args.log].into_iter().flatten() {
        files::add_output(cap, file)?;
    }
    if !args.external.is_empty() {
        files::leave(cap, &tasks, &args.external)?;
    }
    // What is in flight writes to memory and files, and signals eventfds.
    mm::aio::settle(cap, &tasks, args.timeout_ms)?;
    cap.found.files.rest_by = wait::monotonic_ns()
        .saturating_add(u64::from(args.timeout_ms.min(files::REST_MS_MAX)) * 1_000_000);
    cap.found.files.lists = args.dry_run;
    if args.kill || (args.to_be_killed && hold.is_some()) {
        net::want_holds(cap);
    }
    cap.found.ns.leave_net(args.net_outside);
    if !args.rules.is_empty() {
        cap.found.ns.note_rules(&args.rules)?;
        files::apply_rules(cap, &tasks, &args.rules)?;
    }
    if !args.left_out.is_empty() {
        mm::leave_out(cap, &tasks, &args.left_out)?;
    }
    collect(cap, &tasks)?;
    for (file, what) in [(args.image.as_ref(), "image"), (args.log, "log")] {
        if file.is_some_and(|f| files::image_would_deadlock(cap, f)) {
            cap.report.line(fmt!(
                "error: the {} goes to a file that the frozen tasks use [EDEADLK]",
                what
            ));
            return Err(EDEADLK);
        }
    }
    if let Some(there) = args.cpu.as_ref().filter(|_| args.dry_run) {
        cpu::refuse_more(there, &mut cap.report);
    }
    let verdict = cap.report.verdict();
    if args.dry_run || verdict.is_err() {
        freeze::unchanged(cap, &tasks)?;
        return verdict.map(|()| Some((tasks, None)));
    }
    // The files are brought to the disk first if the tasks do not run on: nothing else changes them
    // after that. Nobody has to wait for it who may thaw the cgroup.
    let tasks = if args.kill || args.leave_frozen {
        let aside = tasks.set_aside()?;
        files::sync(cap, true)?;
        aside.take_up()?
    } else {
        tasks
    };
    // From here on nothing is acknowledged to others that the image may not have.
    net::hold(cap, hold)?;
    save(cap, &tasks)?;
    cap.report.verdict()?;
    freeze::unchanged(cap, &tasks)?;
    let result = snapshot::take(cap);
    freeze::unchanged(cap, &tasks)?;
    Ok(Some((tasks, Some(result?))))
}

/// Ends a checkpoint in which `what` of the `index`th task failed for `e`: adds a line that says
/// why. What fails as the task is being killed fails for that reason.
fn explain(
    cap: &mut Capture,
    tasks: &FrozenTasks<'_>,
    index: usize,
    what: &str,
    e: Error,
) -> Error {
    if let Err(changed) = freeze::unchanged_one(cap, tasks, index) {
        return changed;
    }
    if let Some(t) = tasks.get(index) {
        cap.refuse(e, t, fmt!("{}: {}", what, report::reason(e)));
    }
    e
}

/// Kills tasks that checkpoint `id` has left frozen, and whose image its caller has made safe.
///
/// EBUSY: it has not, or a task may have run since, so that the image is older than the task.
fn end(
    args: &CheckpointArgs<'_>,
    root: &Root,
    cap: &mut Capture,
    hold: Option<&HeldCgroup>,
    id: u64,
) -> Result<Doomed> {
    let left_by = hold.map_or(0, HeldCgroup::left_by);
    if left_by == 0 {
        cap.report.line(fmt!(
            "error: the tasks may have run since checkpoint {}: it has not left the cgroup frozen, \
             or the cgroup was thawed or a task moved out of it since: save them again [EBUSY]",
            id
        ));
        return Err(EBUSY);
    }
    if left_by != id {
        cap.report.line(fmt!(
            "error: it is checkpoint {} that has left the cgroup frozen, and not {}: the image of \
             that one is the latest [EBUSY]",
            left_by,
            id
        ));
        return Err(EBUSY);
    }
    let tasks = freeze::freeze(cap, root, hold, args.timeout_ms)?;
    let doomed = Doomed::new(&tasks, &cap.pid_ns)?;
    net::check_left(cap, id)?;
    net::end_left(id, true);
    kill(&tasks, hold);
    cap.report
        .line(fmt!("{} killed", Count(tasks.len(), "task")));
    Ok(doomed)
}

/// Counts all users of all objects; lists what can't be saved and what leaks out of a container.
fn collect(cap: &mut Capture, tasks: &FrozenTasks<'_>) -> Result {
    files::mount::collect(cap)?;
    let mut index = 0;
    for group in Group::all(tasks) {
        for t in group.threads() {
            for kind in kinds::threads() {
                proceed(tasks)?;
                (kind.collect)(cap, t).map_err(|e| explain(cap, tasks, index, kind.name, e))?;
            }
            index += 1;
        }
        for kind in kinds::processes() {
            proceed(tasks)?;
            (kind.collect)(cap, &group)
                .map_err(|e| explain(cap, tasks, index - 1, kind.name, e))?;
        }
    }
    for worker in tasks.workers() {
        proceed(tasks)?;
        let counted = kinds::threads().try_for_each(|kind| (kind.count)(cap, worker));
        if let Err(e) = counted {
            freeze::unchanged(cap, tasks)?;
            cap.refuse(e, worker, fmt!("{}", report::reason(e)));
            return Err(e);
        }
    }
    for group in Group::all(tasks) {
        for kind in kinds::processes() {
            (kind.leaks)(cap, &group)?;
        }
    }
    objects::leaks(cap)
}

/// Writes all metadata to memory.
fn save(cap: &mut Capture, tasks: &FrozenTasks<'_>) -> Result {
    let (monotonic, boottime) = wait::clocks_ns();
    let mut container = Container {
        flags: U64::new(
            if cap.whole { CONTAINER_WHOLE } else { 0 } | if cap.own { CONTAINER_SELF } else { 0 },
        ),
        monotonic_ns: U64::new(monotonic.wrapping_add_signed(cap.monotonic_offset)),
        boottime_ns: U64::new(boottime.wrapping_add_signed(cap.boottime_offset)),
        root: U32::new(tasks.first().map_or(0, |t| t.tgid_in(&cap.pid_ns))),
        tasks: U32::new(u32::try_from(tasks.len())?),
        objects: U32::new(0),
        cpu_words: U32::new(u32::try_from(cpu::count())?),
        cpu: cpu::features().map(U64::new),
        version: io::kernel_version(),
        build_id: io::kernel_build_id(),
    };
    cap.meta.put(&container, &[])?;
    let living = tasks.iter().find(|t| t.is_live()).ok_or(ESRCH)?;
    confinement::save(cap, living)?;
    files::mount::save(cap)?;
    let mut index = 0;
    for group in Group::all(tasks) {
        for t in group.threads() {
            for kind in kinds::threads() {
                proceed(tasks)?;
                (kind.save)(cap, t).map_err(|e| explain(cap, tasks, index, kind.name, e))?;
            }
            index += 1;
        }
        for kind in kinds::processes() {
            proceed(tasks)?;
            (kind.save)(cap, &group).map_err(|e| explain(cap, tasks, index - 1, kind.name, e))?;
        }
    }
    for kind in kinds::links() {
        proceed(tasks)?;
        (kind.save)(cap).inspect_err(|&e| {
            let why = report::reason(e);
            cap.report
                .line(fmt!("error: {}: {} [{}]", kind.name, why, Errno(e)));
        })?;
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

/// Goes on, unless the caller was killed (EINTR) or the hold is broken (ECANCELED).
fn proceed(tasks: &FrozenTasks<'_>) -> Result {
    wait::check_killed()?;
    tasks.check_hold()
}

/// Writes the image, and returns where it went.
///
/// What it refers to comes to the disk before it is one, by `last`: if that fails then it is not
/// completed. With `durable` so does the image itself: then the tasks may be killed.
fn write(
    cap: &mut Capture,
    stamp: Stamp,
    snapshot: snapshot::Snapshot,
    image: &FileRef,
    durable: bool,
    last: &dyn Fn(&mut Capture) -> Result,
) -> Result<Sink> {
    // In a self checkpoint its helpers would be tasks of what was saved.
    let mut sink = Sink::new(image.clone(), !cap.own)?;
    drain(cap, stamp, snapshot, &mut sink)
        .and_then(|()| last(cap))
        .and_then(|()| sink.finish(durable))
        .inspect_err(|_| sink.explain(&mut cap.report))?;
    Ok(sink)
}

/// Writes header, metadata and memory, and gives up what was written.
fn drain(cap: &mut Capture, stamp: Stamp, snapshot: snapshot::Snapshot, sink: &mut Sink) -> Result {
    let meta = core::mem::replace(&mut cap.meta, Meta::new());
    let sums = meta.sums()?;
    let mut header = Header {
        magic: MAGIC,
        version: U32::new(VERSION),
        header_len: U32::new(HEADER_LEN as u32),
        arch: U32::new(Native::ID),
        page_size: U32::new(kernel::page::PAGE_SIZE as u32),
        compat: U64::new(match net::wants_holds(cap) {
            true => COMPAT_KILLED,
            false => COMPAT_RAN_ON,
        }),
        incompat: U64::new(0),
        meta_len: U64::new(usize_as_u64(meta.len())),
        created_ns: U64::new(stamp.created_ns),
        id: U64::new(stamp.id),
        boot: U64::new(files::boot()),
        parent_id: U64::new(0),
        parent_boot: U64::new(0),
        generation: U32::new(0),
        reserved: U32::new(0),
        release: io::kernel_release(),
        reserved2: [0; 24],
        sum: U64::new(0),
    };
    header.sum = U64::new(sealed(io::xxh64, header.as_bytes(), &[]));
    sink.write_header(&header)?;
    meta.write_out(|bytes| sink.write(bytes))?;
    let mut body = MetaSums {
        header: header.sum,
        sum: U64::new(0),
    };
    body.sum = U64::new(sealed(io::xxh64, body.as_bytes(), &[sums.as_bytes()]));
    sink.write_record(&body, sums.as_bytes())?;
    snapshot.drain(sink, &mut cap.report)
}

/// Kills the tasks so that nobody sees it but their parent: no memory of theirs that others may
/// share is written. `hold` is that on their cgroup.
fn kill(tasks: &FrozenTasks<'_>, hold: Option<&HeldCgroup>) {
    for t in tasks.iter() {
        if t.state() == State::Live {
            t.die_quietly();
        }
    }
    for t in tasks.iter() {
        if t.is_leader() && t.state() != State::Zombie {
            wait::kill_group(t.task());
        }
    }
    if let Some(hold) = hold {
        hold.forget_checkpoint();
    }
}
