// SPDX-License-Identifier: GPL-2.0

//! What a kind of state is: its phases.
//!
//! There are three tables: of what each thread has ([`ThreadOps`]), of what the threads of a
//! process share ([`ProcessOps`]), and of what processes share ([`Shared`](super::objects::Shared)
//! and [`Rebuilt`](super::built::Rebuilt)). A phase is a column of them. A kind names the columns
//! that it needs, and has those of `NONE` for the rest. What objects are to each other in a circle
//! is in a fourth one ([`LinkOps`]).
//!
//! The functions of one kind are in one file. All may sleep but `commit`; none is called with a
//! lock held. `F` is what the kinds find of a checkpoint.

use kernel::prelude::*;

use crate::{
    core::{
        capture::Capture,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    image::task::Process,
    kapi::{
        fork::{
            parked::ParkedTask,
            slot::Slot, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// One kind of state that each thread has.
pub(crate) struct ThreadOps<F> {
    /// For messages and documentation.
    pub(crate) name: &'static str,
    /// Counts the uses of shared objects, and lists what can't be saved.
    pub(crate) collect: fn(&mut Capture<F>, &FrozenTask) -> Result,
    /// Counts the uses that a worker thread of the kernel makes of what it shares with its process, which
    /// was collected.
    pub(crate) count: fn(&mut Capture<F>, &FrozenTask) -> Result,
    /// Writes the thread's records; those of a shared object for its first user only.
    pub(crate) save: fn(&mut Capture<F>, &FrozenTask) -> Result,
    /// Takes from the root what it has of the caller of restart(2). All others are made of it.
    pub(crate) reset: fn(&Restore, &TaskRecords<'_>) -> Result,
    /// Gives the new task what those begin with that it is to make.
    pub(crate) begin: fn(&Restore, &TaskRecords<'_>) -> Result,
    /// Rebuilds it, in the context of the task, when all tasks exist.
    pub(crate) restore: fn(&Restore, &TaskRecords<'_>) -> Result,
    /// Gives the task what it may have by the rights of the caller of restart(2): the last step for
    /// which it has them.
    pub(crate) secure: fn(&Restore, &TaskRecords<'_>) -> Result,
    /// Takes the rights of the caller from the task, and sets what depends on its own.
    pub(crate) finish: fn(&Restore, &TaskRecords<'_>) -> Result,
    /// Checks what `load` is to give the task, which is held.
    pub(crate) check: fn(&Restore, &TaskRecords<'_>, &ParkedTask) -> Result,
    /// Gives the task, which is held, what only others can give it. Nobody sees it yet.
    pub(crate) load: fn(&Restore, &TaskRecords<'_>, &Slot, &ParkedTask) -> Result,
    /// The same of a task that was dead, which is held before it exits again.
    pub(crate) bury: fn(&Restore, &TaskRecords<'_>, &ParkedTask) -> Result,
}

impl<F> ThreadOps<F> {
    /// Columns of a kind that needs none of them.
    pub(crate) const NONE: Self = Self {
        name: "",
        collect: |_, _| Ok(()),
        count: |_, _| Ok(()),
        save: |_, _| Ok(()),
        reset: |_, _| Ok(()),
        begin: |_, _| Ok(()),
        restore: |_, _| Ok(()),
        secure: |_, _| Ok(()),
        finish: |_, _| Ok(()),
        check: |_, _, _| Ok(()),
        load: |_, _, _, _| Ok(()),
        bury: |_, _, _| Ok(()),
    };
}

/// One kind of state that the threads of a process share.
///
/// The columns are called after those of its threads; in a restart for the last of these.
pub(crate) struct ProcessOps<F> {
    /// For messages and documentation.
    pub(crate) name: &'static str,
    /// Lists what can't be saved.
    pub(crate) collect: fn(&mut Capture<F>, &Group<'_>) -> Result,
    /// After all tasks were collected: lists what processes outside have in common with it.
    pub(crate) leaks: fn(&mut Capture<F>, &Group<'_>) -> Result,
    /// Writes the records of the process.
    pub(crate) save: fn(&mut Capture<F>, &Group<'_>) -> Result,
    /// Gives the process what it may have by the rights of the caller of restart(2): all its
    /// threads have theirs.
    pub(crate) secure: fn(&Restore, &TaskRecords<'_>) -> Result,
    /// Gives its last living thread, which is held, what only others can give it.
    pub(crate) load: fn(&Restore, &TaskRecords<'_>, &ParkedTask) -> Result,
    /// The same of a process that was dead, which is held before it exits again.
    pub(crate) bury: fn(&Restore, &TaskRecords<'_>, &ParkedTask) -> Result,
    /// Beyond the point of no return, when all that were dead are so again. Must not sleep.
    pub(crate) commit: fn(&Restore, &Process, &ParkedTask),
}

impl<F> ProcessOps<F> {
    /// Columns of a kind that needs none of them.
    pub(crate) const NONE: Self = Self {
        name: "",
        collect: |_, _| Ok(()),
        leaks: |_, _| Ok(()),
        save: |_, _| Ok(()),
        secure: |_, _| Ok(()),
        load: |_, _, _| Ok(()),
        bury: |_, _, _| Ok(()),
        commit: |_, _, _| (),
    };
}

/// One kind of link: what is to be said of objects that may refer to each other in a circle.
pub(crate) struct LinkOps<F> {
    /// For messages and documentation.
    pub(crate) name: &'static str,
    /// Writes the links: all objects have their records.
    pub(crate) save: fn(&mut Capture<F>) -> Result,
    /// Makes them: all tasks are parked and have their objects.
    pub(crate) link: fn(&Restore) -> Result,
}

/// The frozen threads of a process, its leader first: there is at least one.
pub(crate) struct Group<'a>(&'a [FrozenTask]);

impl<'a> Group<'a> {
    /// Returns the processes of `tasks`, in which the threads of each follow each other.
    pub(crate) fn all(tasks: &'a [FrozenTask]) -> impl Iterator<Item = Self> {
        tasks
            .chunk_by(|a, b| a.group_addr() == b.group_addr())
            .map(Self)
    }

    /// Returns its threads.
    pub(crate) fn threads(&self) -> &'a [FrozenTask] {
        self.0
    }

    /// Returns its leader, if that is there.
    pub(crate) fn leader(&self) -> Option<&'a FrozenTask> {
        self.0.iter().find(|t| t.is_leader())
    }

    /// Returns its first living thread: the leader may have exited.
    pub(crate) fn living(&self) -> Option<&'a FrozenTask> {
        self.0.iter().find(|t| t.is_live())
    }

    /// Returns its last thread.
    pub(crate) fn last(&self) -> Result<&'a FrozenTask> {
        self.0.last().ok_or(ESRCH)
    }
}
