// SPDX-License-Identifier: GPL-2.0

//! Tasks: what is their own and not memory, files or namespaces.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};
use zerocopy::byteorder::little_endian::U64;

use crate::{
    found::{
        ProcessOps,
        ThreadOps, //
    },
    image::task::CPU_TIME_MAX,
    kapi::{
        security::confinement::Label,
        time::itimer::Itimers, //
    }, //
};

mod basic;
mod controls;
mod cred;
mod itimer;
pub(crate) mod labels;
mod makers;
mod pending;
mod policy;
mod process;
mod refuse;
mod regs;
mod restart_block;
mod sched;
mod seccomp;
mod sharing;
mod signal;
mod timer;
mod times;
mod trace;

pub(crate) use cred::{
    collect_cred,
    collect_opener,
    collect_session,
    rebuild as rebuild_cred,
    save_opener,
    show, //
};
pub(crate) use regs::check_frames;
pub(crate) use seccomp::had_those_of_caller;
pub(crate) use sharing::{
    all_have_cookies,
    share_core,
    share_time,
    shares, //
};
pub(crate) use signal::{
    signals_at,
    with_signals, //
};
pub(crate) use trace::{
    attach,
    permit,
    permitted_tracer,
    stops_in_vfork,
    tracer, //
};

/// What each thread has, in the order in which it is saved and restored.
pub(crate) static THREADS: &[ThreadOps] = &[
    refuse::KIND,
    signal::KIND,
    seccomp::FILTERS,
    cred::KIND,
    basic::KIND,
    labels::KIND,
    seccomp::KIND,
    times::KIND,
    controls::KIND,
    policy::KIND,
    sched::KIND,
    sharing::KIND,
    pending::KIND,
    trace::KIND,
    regs::KIND,
    timer::KIND,
];

/// What the threads of a process share, in that order.
pub(crate) static PROCESSES: &[ProcessOps] = &[
    refuse::PROCESS,
    trace::PROCESS,
    sharing::PROCESS,
    makers::PROCESS,
    itimer::PROCESS,
    pending::PROCESS,
    timer::PROCESS,
    times::PROCESS,
    process::PROCESS,
];

/// Task state found by a checkpoint.
pub(crate) struct Collected {
    /// Pids of all threads, and of groups and sessions without a task that were written.
    tids: RBTree<u32, ()>,
    /// Process group and session of the root, if it has been seen.
    root: Option<(u32, u32)>,
    /// The process group without a leader that was looked at last, and whether it has members outside.
    last_group: Option<(u32, bool)>,
    /// The same of sessions.
    last_session: Option<(u32, bool)>,
    /// The root task's record has been written.
    root_saved: bool,
    /// How many threads of the tree have signal actions, by the address of these.
    sighands: RBTree<usize, u64>,
    /// Who can make others again.
    makers: makers::Makers,
    /// CPU time that may still be in the image.
    cpu_time: u64,
    /// POSIX timers of the process that is being saved whose signals are in its queues.
    queued_timers: KVVec<u32>,
    /// Interval timers of the process that is being saved.
    itimers: Itimers,
    /// Who shares scheduling.
    sharing: sharing::Found,
    /// Labels of the root.
    pub(crate) root_labels: KVec<Label>,
}

impl Collected {
    /// Returns one with nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            tids: RBTree::new(),
            root: None,
            last_group: None,
            last_session: None,
            root_saved: false,
            sighands: RBTree::new(),
            makers: makers::Makers::new(),
            cpu_time: CPU_TIME_MAX,
            queued_timers: KVVec::new(),
            itimers: Itimers::default(),
            sharing: sharing::Found::new(),
            root_labels: KVec::new(),
        }
    }

    /// Returns whether a thread with pid `tid` was collected.
    pub(crate) fn has(&self, tid: u32) -> bool {
        self.tids.get(&tid).is_some()
    }

    /// Returns whether the process group `number` is one of the image: it is not that of the
    /// caller, which restarted tasks get in the place of the root's. `whole`: of a container.
    pub(crate) fn has_group(&self, whole: bool, number: u32) -> bool {
        whole || self.has(number) || self.root.is_some_and(|(pgid, _)| pgid != number)
    }

    /// Returns a CPU time as the image has it: all of them together stay within what restart(2)
    /// takes.
    fn cpu_time(&mut self, time: u64) -> U64 {
        let time = time.min(self.cpu_time);
        self.cpu_time -= time;
        time.into()
    }
}
