// SPDX-License-Identifier: GPL-2.0

//! Open files that stay outside, as the caller of checkpoint(2) has asked for, and files of the
//! caller of restart(2) in place of those of the image.

use kernel::prelude::*;

use crate::{
    core::{
        advice::{
            Descriptor,
            Given, //
        },
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        locks,
        name::{
            Named,
            Text, //
        },
        open::{
            self,
            Open, //
        },
        ops::{
            FileOps,
            Saved,
            Source, //
        }, //
    },
    found::Capture,
    image::{
        files::{
            self,
            Fd,
            OpenFile,
            FDS_MAX,
            FILE_EPOLL,
            FILE_EXTERNAL, //
        },
        mm::{
            Mm,
            Vma, //
        },
        record::Records,
        Kind,
        ObjRef, //
    },
    kapi::{
        cgroup::frozen::FrozenTasks,
        fs::{
            fdtable::FilesRef,
            file::{
                ftype,
                FileRef, //
            },
            open::flags_to_image,
            path::PathName, //
        },
        pid::namespace::PidNs,
        task::frozen::FrozenTask,
        time::wait, //
    },
    ns, //
};

/// Open files that stay outside: whatever they are, only how they are open is saved.
pub(super) const OPS: FileOps = FileOps {
    name: "left outside",
    number: FILE_EXTERNAL,
    // Which they are is said by the caller, see [`leave`].
    matches: |_| false,
    by_path: true,
    collect,
    save,
    restore,
    ..FileOps::NONE
};

/// Notes the open files behind the descriptors of `list`, which is sorted: they stay outside.
///
/// EBADF: a process has no such descriptor. ESRCH: there is no such process.
pub(crate) fn leave(cap: &mut Capture, tasks: &FrozenTasks<'_>, list: &[Descriptor]) -> Result {
    let here = PidNs::of_current()?;
    let root = tasks.first().map_or(0, |t| t.tgid_in(&here));
    let mut left: KVVec<Descriptor> = KVVec::new();
    for d in list {
        let pid = if d.pid == 0 { root } else { d.pid };
        left.push(Descriptor { pid, fd: d.fd }, GFP_KERNEL_ACCOUNT)?;
    }
    left.sort_unstable();
    for t in tasks.iter() {
        wait::check_killed()?;
        let pid = t.tgid_in(&here);
        let first = left.partition_point(|d| d.pid < pid);
        let of_it = left.get(first..).unwrap_or(&[]);
        if of_it.first().is_none_or(|d| d.pid != pid) {
            continue;
        }
        // The first of its threads may be dead.
        let Some(files) = FilesRef::of(t) else {
            continue;
        };
        for d in of_it.iter().take_while(|d| d.pid == pid) {
            let Some(found) = files.next(d.fd).filter(|found| found.fd == d.fd) else {
                cap.refuse(
                    EBADF,
                    t,
                    fmt!("has no descriptor {} that could stay outside", d.fd),
                );
                continue;
            };
            cap.found.files.leave_outside(&found.file)?;
        }
        left.retain(|d| d.pid != pid);
    }
    for d in left.iter() {
        cap.report.line(fmt!(
            "error: descriptor {} of process {} can't stay outside: it is no process of the tree \
             [ESRCH]",
            d.fd,
            d.pid
        ));
    }
    if left.is_empty() {
        cap.report.verdict()
    } else {
        Err(ESRCH)
    }
}

/// Refuses a mapping of an open file that stays outside or is opened anew: what is in memory is
/// that of the file.
pub(super) fn refuse_mapping(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>) {
    cap.refuse(
        EBUSY,
        t,
        fmt!(
            "{}: is mapped, so that its descriptor can't stay outside or be opened anew: leave it \
             away from those that are (--external, --reopen)",
            named
        ),
    );
}

/// Notes its name, for messages. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let fifo = open.file.file_type() == ftype::FIFO;
    if fifo && cap.found.files.is_output(&open.file) {
        cap.refuse(
            EDEADLK,
            t,
            fmt!(
                "{}: the image or the log is written to that pipe: write it to another one",
                named
            ),
        );
        return Ok(false);
    }
    if locks::owns_any(cap, &open.file)? || open.file.signal_owner().is_some() {
        let who = t.display(&cap.pid_ns);
        cap.report.note(
            &who,
            fmt!(
                "{}: its locks, lease and owner (F_SETOWN) stay outside, too",
                named
            ),
        );
    }
    let len = named.name.len().min(files::EXTERNAL_NAME_MAX);
    let name = named.name.get(..len).unwrap_or(&[]);
    open.path.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
    Ok(true)
}

/// Writes no records of its own. Who opened it for what does not matter.
fn save(_: &mut Capture, open: &Open) -> Result<Saved> {
    let saved = Saved::of(&open.file);
    Ok(Saved {
        flags: saved.flags & !files::open::EXEC,
        ..saved
    })
}

/// Returns the descriptors of the task of `plan`, by ascending number. EBADF: it has none.
fn descriptors<'a>(r: &'a Restore, plan: &TaskRecords<'_>) -> Result<&'a [Fd]> {
    let table = ObjRef::new(plan.task.files.get()).ok_or(EBADF)?;
    let (_, raw) = r.object_body::<files::Table>(table)?;
    raw.array(FDS_MAX).map_err(|f| r.fault(f))
}

/// Reports that nothing was given in its place.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = source.record.obj.get();
    let fd = descriptors(r, plan)?.iter().find(|fd| fd.file.get() == obj);
    Err(r.fail(
        EBADF,
        plan,
        fmt!(
            "descriptor {} ({}) was left outside: give another one in its place (--fd, --stdio)",
            fd.map_or(0, |fd| fd.fd.get()),
            Text(source.path.as_bytes())
        ),
    ))
}

/// Puts a file of the caller's in place of that of the image that the task of `plan` has. No task
/// has restored itself yet. May sleep.
///
/// EBADF: there is no such descriptor in the image, or the file is not open for what the task does
/// with it. EINVAL: the same open file of the image has got another one already.
pub(crate) fn give(r: &Restore, plan: &TaskRecords<'_>, given: &Given) -> Result {
    let number = given.descriptor.fd;
    let fail = |e: Error, why: &str| {
        r.fail(
            e,
            plan,
            fmt!(
                "descriptor {}: {}: descriptor {} of the caller can't take its place",
                number,
                why,
                given.own_fd
            ),
        )
    };
    let fds = descriptors(r, plan).or_else(|e| if e == EBADF { Ok(&[][..]) } else { Err(e) })?;
    let Ok(at) = fds.binary_search_by_key(&number, |fd| fd.fd.get()) else {
        return match given.optional {
            true => Ok(()),
            false => Err(fail(EBADF, "the image has no such one")),
        };
    };
    let fd = fds.get(at).ok_or(EINVAL)?;
    let obj = ObjRef::new(fd.file.get()).ok_or(EINVAL)?;
    if let Some(other) = open::built(r, obj) {
        if given.optional || other == given.file {
            return Ok(());
        }
        return Err(fail(
            EINVAL,
            "it is the same open file as one that got another descriptor",
        ));
    }
    let note = |what: &str| {
        r.with_report(|report| {
            report.note(
                &plan.name(),
                fmt!(
                    "descriptor {}: {} of descriptor {} of the caller",
                    number,
                    what,
                    given.own_fd
                ),
            );
        });
    };
    put(r, obj, &given.file, fail, note)
}

/// Puts `file` in place of the open file with reference `obj`. What keeps it from that is told by
/// `fail`, what else there is to say by `note`.
fn put(
    r: &Restore,
    obj: ObjRef,
    file: &FileRef,
    fail: impl Fn(Error, &str) -> Error,
    note: impl Fn(&str),
) -> Result {
    let (record, _) = r.object_body::<OpenFile>(obj)?;
    if record.kind.get() == FILE_EPOLL {
        return Err(fail(
            EINVAL,
            "is an epoll instance, and what is registered with it has no other place",
        ));
    }
    let has = |flag| record.flags.get() & flag != 0;
    if has(files::open::READ) && !file.is_readable() {
        return Err(fail(EBADF, "is read from"));
    }
    if has(files::open::WRITE) && !file.is_writable() {
        return Err(fail(EBADF, "is written to"));
    }
    let own = flags_to_image(file);
    let differs = |flag| has(flag) != (own & flag != 0);
    if differs(files::open::APPEND) || differs(files::open::NONBLOCK) {
        note("O_APPEND or O_NONBLOCK is now that");
    }
    if open::give(r, obj, file.clone())? {
        note("locks, lease and owner (F_SETOWN) are now those");
    }
    Ok(())
}

/// Puts files of the caller's in place of those of the image that have the names that they are for:
/// the path, or the name of what stayed outside. Those that have got another one keep that. May
/// sleep.
///
/// EBADF: no open file has such a name, or a file is not open for what the tasks do with it.
pub(crate) fn give_by_name(r: &Restore) -> Result {
    let all = r.policy.changes.given();
    let mut used = KVVec::from_elem(false, all.len(), GFP_KERNEL_ACCOUNT)?;
    for raw in Records::asking(r.meta(), 0, &wait::goes_on) {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.payload.is_empty() || all.is_empty() {
            continue;
        }
        // A network namespace for where a device leads, which that takes when it is made.
        if raw.kind == Kind::NetPeer {
            let name = ns::net::name_for_rules(raw.payload)?;
            let mut rules = all.iter().zip(used.iter_mut());
            if let Some((_, used)) = rules.find(|(given, _)| given.is_for(&name)) {
                *used = true;
            }
            continue;
        }
        if raw.kind != Kind::File {
            continue;
        }
        let record: OpenFile = raw.body().map_err(|f| r.fault(f))?;
        let name = raw.payload.split(|&b| b == 0).next().unwrap_or(&[]);
        let path = PathName::new(name)?;
        let Some((given, used)) = all
            .iter()
            .zip(used.iter_mut())
            .find(|(given, _)| given.is_for(&path))
        else {
            continue;
        };
        *used = true;
        let obj = ObjRef::new(record.obj.get()).ok_or(EINVAL)?;
        if r.is_built(obj) {
            continue;
        }
        let fail = |e: Error, why: &str| {
            r.told(
                e,
                fmt!(
                    "{}: {}: descriptor {} of the caller can't take its place: {}",
                    Text(name),
                    why,
                    given.own_fd,
                    Errno(e)
                ),
            )
        };
        let note = |what: &str| {
            r.with_report(|report| {
                report.line(fmt!(
                    "note: {}: {} of descriptor {} of the caller",
                    Text(name),
                    what,
                    given.own_fd
                ));
            });
        };
        put(r, obj, &given.file, fail, note)?;
    }
    match all.iter().zip(used.iter()).find(|(_, used)| !**used) {
        None => Ok(()),
        Some((given, _)) => Err(r.told(
            EBADF,
            fmt!(
                "descriptor {} of the caller is given for {}: no open file of the image has such a path, \
                 and nothing that was left outside such a name",
                given.own_fd,
                Text(given.pattern())
            ),
        )),
    }
}

/// Checks that none of the files for which others were [given](give) is mapped or executed: its
/// contents stand in the memory of the tasks.
pub(crate) fn check_given(r: &Restore) -> Result {
    let check = |obj: u32| match ObjRef::new(obj).filter(|&obj| r.is_built(obj)) {
        Some(_) => Err(r.told(
            EINVAL,
            fmt!("a descriptor is given for a file that a task of the image has mapped"),
        )),
        None => Ok(()),
    };
    for raw in Records::asking(r.meta(), 0, &wait::goes_on) {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::Vma => check(raw.body::<Vma>().map_err(|f| r.fault(f))?.file.get())?,
            Kind::Mm => check(raw.body::<Mm>().map_err(|f| r.fault(f))?.exe.get())?,
            _ => (),
        }
    }
    Ok(())
}

/// Returns the words for a failure to give a file.
pub(crate) fn no_such_process(r: &Restore, given: &Given) -> Error {
    r.told(
        ESRCH,
        fmt!(
            "descriptor {} of the caller is given to process {}, which the image does not have: {}",
            given.own_fd,
            given.descriptor.pid,
            Errno(ESRCH)
        ),
    )
}
