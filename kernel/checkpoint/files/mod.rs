// SPDX-License-Identifier: GPL-2.0

//! Files: descriptor tables, open files, pipes, root and working directory.

mod alias;
mod built_inode;
mod collected;
mod cut;
mod device;
mod epoll;
mod external;
mod fanotify;
mod fanotify_events;
mod former;
mod fs;
mod inode;
mod inotify;
mod kinds;
mod label;
mod leaks;
mod lease;
mod left_out;
mod locks;
mod memfd;
pub(crate) mod mount;
mod name;
pub(crate) mod namespace;
mod opath;
mod open;
mod opener;
mod ops;
mod owner;
mod path;
mod pidfd;
mod pipe;
mod proc;
mod regular;
mod removed;
mod reopened;
mod rules;
mod same;
mod socket;
mod sysv;
mod table;
mod unlinked;

use kernel::{
    prelude::*,
    sync::Arc, //
};

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    found::{
        Capture,
        LinkOps,
        ProcessOps,
        ThreadOps, //
    },
    image::{
        files::{
            FILE_MEMFD,
            FILE_SOCKET, //
        },
        ObjRef, //
    },
    kapi::{
        cgroup::frozen::FrozenTasks,
        fs::file::FileRef,
        mm::{
            space::MmRef,
            vma::VmaInfo, //
        },
        task::frozen::FrozenTask,
        time::wait::check_killed, //
    }, //
};

pub(crate) use self::rules::apply as apply_rules;
pub(crate) use self::{
    built_inode::BuiltInode,
    collected::Collected,
    external::{
        check_given,
        give,
        give_by_name,
        leave,
        no_such_process, //
    },
    fs::Dirs,
    inode::{
        add_memory,
        is_in_image,
        save_memory,
        Nameless, //
    },
    kinds::events::tell_saved,
    name::{
        Named,
        Text,
        User, //
    },
    open::built,
    pidfd::{
        collect_pid,
        restore_pid,
        save_pid, //
    },
    proc::traced::check as check_traced,
    removed::{
        built as built_removed,
        save_known as save_removed, //
    },
    same::{
        boot,
        verdict, //
    },
    table::Table, //
};

/// The kinds of file state, in the order in which a task's are saved and restored.
pub(crate) static THREADS: &[ThreadOps] = &[
    table::OPS,
    fs::OPS,
    kinds::uring::thread::KIND,
    kinds::uring::users::KIND,
];

/// The kinds of file state that the threads of a process share.
pub(crate) static PROCESSES: &[ProcessOps] = &[kinds::uring::PROCESS];

/// The kinds of links between files.
pub(crate) static LINKS: &[LinkOps] = &[epoll::LINKS, kinds::uring::users::LINKS];

/// Returns why the mapping `v` of `file`, an io_uring, in the memory of `t` can't be made again; `None`: it
/// can, or the io_uring is refused anyway.
pub(crate) fn refuses_uring(t: &FrozenTask, file: &FileRef, v: &VmaInfo) -> Option<&'static str> {
    kinds::uring::refuses_mapping(t, file, v)
}

/// Lets the threads go that submit for io_urings. Nothing can fail any more.
pub(crate) fn start_submitters(r: &Restore) {
    kinds::uring::thread::start(r);
}

/// Returns whether no io_uring of the tasks has requests under way that do not end while they stand still.
/// May sleep, but not for long.
pub(crate) fn rings_are_settled(tasks: &FrozenTasks<'_>) -> Result<bool> {
    kinds::uring::look::is_settled(tasks)
}

/// The longest that requests of io_urings which are being done may take to end, in milliseconds: it is not
/// known of each whether it waits for a disk, or for a thread that stands still.
pub(crate) const REST_MS_MAX: u32 = 1000;

/// Asks whether what files have more than they had may be cut off, before anything is replaced or cut off.
/// May sleep.
pub(crate) fn ask_cuts(r: &Restore) -> Result {
    open::ask_cuts(r)
}

/// Returns the files that have replaced others, which are still there. Nothing of it can fail.
pub(crate) fn replaced(r: &Restore) -> KVVec<Arc<kinds::contents::Arrival>> {
    built_inode::replaced(r)
}

/// Lets the breaks of leases go on. Nothing can fail any more.
pub(crate) fn break_leases(r: &Restore) {
    open::break_leases(r);
}

/// Returns whether the tasks have the userfaultfd open that memory refers to as `context`.
pub(crate) fn has_userfaultfd(cap: &Capture, context: usize) -> bool {
    kinds::userfaultfd::is_open(cap, context)
}

/// Returns the reference of the userfaultfd that memory refers to as `context`.
pub(crate) fn userfaultfd_reference(cap: &Capture, context: usize) -> Result<ObjRef> {
    kinds::userfaultfd::reference(cap, context)
}

/// Returns the rebuilt userfaultfd `obj`; `None`: no task has it.
pub(crate) fn userfaultfd(r: &Restore, obj: ObjRef) -> Option<FileRef> {
    kinds::userfaultfd::built(r, obj)
}

/// Returns whether `file` is a memfd.
pub(crate) fn is_memfd(file: &FileRef) -> bool {
    kinds::of(file).number == FILE_MEMFD
}

/// Counts a user of a file that a mapping of the task `t` has, or that `t` executes.
///
/// To be called once for each reference that the kernel holds: each mapping, each executable of
/// an address space. Lists what can't be saved. A reference on the file is kept; the caller
/// keeps none, or they count as those of an outsider.
pub(crate) fn collect_mapped(cap: &mut Capture, t: &FrozenTask, file: &FileRef) -> Result {
    open::collect(cap, t, User::Mapping, file)
}

/// Does the same of the program that `t` executes.
pub(crate) fn collect_program(cap: &mut Capture, t: &FrozenTask, file: &FileRef) -> Result {
    open::collect_program(cap, t, file)
}

/// Counts a file in a message that nobody has received: once for each time that it is there.
pub(crate) fn collect_in_flight(cap: &mut Capture, t: &FrozenTask, file: &FileRef) -> Result {
    open::collect(cap, t, User::InFlight, file)
}

/// Returns the reference of the file at `addr`, which [`collect_in_flight`] counted; writes its
/// records at first use.
pub(crate) fn save_in_flight(cap: &mut Capture, addr: usize) -> Result<ObjRef> {
    open::save(cap, addr)
}

/// Returns whether the tasks have the open file `file` of a socket, and it does not stay outside. One
/// that was refused has its own line.
pub(crate) fn has_socket(cap: &Capture, file: &FileRef) -> bool {
    cap.objects.users::<open::Open>(file.addr()) > 0
        && cap
            .objects
            .get::<open::Open>(file.addr())
            .is_none_or(|open| open.kind.number == FILE_SOCKET)
}

/// Returns whether the socket that `file` shows comes back without its connection: as the caller has asked
/// for it, and no descriptor of the tree shows `peer`, which is the open file of its other end.
pub(crate) fn is_disconnected(cap: &Capture, file: &FileRef, peer: Option<&FileRef>) -> bool {
    cap.found.files.is_disconnected(file, peer)
}

/// Returns whether the socket that `file` shows connects to its other end again, in the same way.
pub(crate) fn is_reconnected(cap: &Capture, file: &FileRef, peer: Option<&FileRef>) -> bool {
    cap.found.files.is_reconnected(file, peer)
}

/// Returns whether all descriptors of `file` are left out, and the tasks have it nowhere else.
pub(crate) fn is_left_out(cap: &Capture, file: &FileRef) -> bool {
    left_out::is_gone(cap, file)
}

/// Returns the reference of a file that [`collect_mapped`] counted; writes its records at first
/// use.
pub(crate) fn save_mapped(cap: &mut Capture, file: &FileRef) -> Result<ObjRef> {
    open::save(cap, file.addr())
}

/// Returns the open file with reference `obj`, which is rebuilt at first use.
pub(crate) fn restore_file(r: &Restore, plan: &TaskRecords<'_>, obj: ObjRef) -> Result<FileRef> {
    open::restore(r, plan, obj)
}

/// Makes the open file with reference `obj` the program of the address space `mm`, which no other
/// process has; what has no name not before its contents are there.
///
/// EACCES: it may not be executed.
pub(crate) fn restore_program(
    r: &Restore,
    plan: &TaskRecords<'_>,
    mm: &MmRef,
    obj: ObjRef,
) -> Result {
    open::restore_program(r, plan, mm, obj)
}

/// Notes that `file` is what the image or the log are written to.
///
/// If the tasks have it too, it grows while it is saved. To be called once for each reference
/// that the system call holds on it.
pub(crate) fn add_output(cap: &mut Capture, file: &FileRef) -> Result {
    cap.found.files.add_output(file)
}

/// Returns whether what is written to `file` is read by the tasks that are being saved, which do
/// not run.
pub(crate) fn image_would_deadlock(cap: &Capture, file: &FileRef) -> bool {
    pipe::image_would_deadlock(cap, file)
}

/// Writes the files that the tasks have open for writing to the disk, so that an image on the
/// disk finds what it refers to. May sleep for long: to be called after the thaw. If there is none,
/// `standing`, before the tasks are saved: then it is known which times servers give the files.
pub(crate) fn sync(cap: &mut Capture, standing: bool) -> Result {
    for (_, open) in cap.objects.all::<open::Open>() {
        if !open.is_synced() {
            continue;
        }
        let synced = check_killed().and_then(|()| open.file.sync());
        if let Err(e) = synced {
            if e != EINTR {
                cap.report.line(fmt!(
                    "error: {}: what was written to it can't be brought to its disk [{}]",
                    Text(&open.path),
                    Errno(e)
                ));
            }
            return Err(e);
        }
    }
    cap.found.files.synced = standing;
    Ok(())
}
