// SPDX-License-Identifier: GPL-2.0

//! What a checkpoint has found of files.

use kernel::{
    prelude::*,
    rbtree::RBTree,
    sync::atomic::Atomic, //
};

use crate::{
    files::{
        kinds::uring::{
            thread::Submitter,
            users::Users, //
        },
        left_out::LeftOut,
        open::Open, //
    },
    kapi::fs::{
        events::Listener,
        file::FileRef,
        locks::Locks,
        path::PathRef, //
    }, //
};

/// How often tasks have an inode open, and this checkpoint itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Opens {
    /// Open files, those with O_PATH too.
    pub(super) files: u64,
    /// Open files for reading only.
    pub(super) readers: u64,
    /// Open files for writing.
    pub(super) writers: u64,
}

/// Files found by a checkpoint.
pub(crate) struct Collected {
    /// The caller's root.
    pub(super) root: PathRef,
    /// Who has locked what, by the address of the inode.
    pub(super) locks: RBTree<usize, Locks>,
    /// One of them is a POSIX lock.
    pub(super) posix_locks: bool,
    /// Address of the process group that was seen last to have members in the tree only; 0: none.
    pub(super) group_inside: Atomic<usize>,
    /// A pipe was locked for all the time for which one is waited for.
    pub(super) pipe_locked: bool,
    /// How often removed files and memfds are open, by the address of the inode.
    pub(super) removed: RBTree<usize, Opens>,
    /// What the tasks have written has reached its disks and servers, and they write no more.
    pub(super) synced: bool,
    /// Addresses of open files that stay outside. They are as good as references while the tasks
    /// stand still: that one has died, and so may have let go of a file, fails the checkpoint.
    external: RBTree<usize, ()>,
    /// Addresses of open files in whose place what then lies at their path is opened at the restart.
    reopened: RBTree<usize, ()>,
    /// Sockets that come back without their connection to the outside, by the address of the open file.
    disconnected: RBTree<usize, ()>,
    /// Those that connect to their other end again, in the same way.
    reconnected: RBTree<usize, ()>,
    /// Addresses of perf events whose descriptors are left out, or left outside.
    perf_events: RBTree<usize, ()>,
    /// Addresses of inodes whose contents are saved though they have names.
    contents: RBTree<usize, ()>,
    /// What the tasks have open is listed.
    pub(crate) lists: bool,
    /// Until when requests of io_urings that are being done may take to end, on CLOCK_MONOTONIC in
    /// nanoseconds.
    pub(crate) rest_by: u64,
    /// Descriptors that are left out.
    pub(super) left_out: LeftOut,
    /// How many requests of io_urings that wait were found of which thread.
    pub(super) uring_requests: RBTree<u32, u64>,
    /// Threads that submit for io_urings which are saved, by their address.
    pub(super) uring_threads: RBTree<usize, Submitter>,
    /// Who uses io_urings.
    pub(super) uring_users: Users,
    /// What image and log are written to.
    outputs: KVec<FileRef>,
    /// By what tasks are told that there is an image.
    pub(super) listeners: KVVec<Listener>,
}

impl Collected {
    /// Returns one with nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            root: PathRef::current_root(),
            locks: RBTree::new(),
            posix_locks: false,
            group_inside: Atomic::new(0),
            pipe_locked: false,
            removed: RBTree::new(),
            synced: false,
            external: RBTree::new(),
            reopened: RBTree::new(),
            disconnected: RBTree::new(),
            reconnected: RBTree::new(),
            perf_events: RBTree::new(),
            contents: RBTree::new(),
            lists: false,
            rest_by: 0,
            left_out: LeftOut::new(),
            uring_requests: RBTree::new(),
            uring_threads: RBTree::new(),
            uring_users: Users::new(),
            outputs: KVec::new(),
            listeners: KVVec::new(),
        }
    }

    /// Returns the caller's root.
    pub(crate) fn root(&self) -> &PathRef {
        &self.root
    }

    /// Notes an open file that stays outside.
    pub(super) fn leave_outside(&mut self, file: &FileRef) -> Result {
        self.external
            .try_create_and_insert(file.addr(), (), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Returns whether the open file stays outside.
    pub(super) fn is_left_outside(&self, file: &FileRef) -> bool {
        self.external.get(&file.addr()).is_some()
    }

    /// Notes an open file that is opened anew.
    pub(super) fn reopen(&mut self, file: &FileRef) -> Result {
        self.reopened
            .try_create_and_insert(file.addr(), (), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Returns whether the open file is opened anew.
    pub(super) fn is_reopened(&self, file: &FileRef) -> bool {
        self.reopened.get(&file.addr()).is_some()
    }

    /// Notes a socket that comes back without its connection to the outside.
    pub(super) fn disconnect(&mut self, file: &FileRef) -> Result {
        self.disconnected
            .try_create_and_insert(file.addr(), (), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Returns whether a socket comes back without its connection to `peer`, if that is outside.
    pub(super) fn is_disconnected(&self, file: &FileRef, peer: Option<&FileRef>) -> bool {
        self.disconnected.get(&file.addr()).is_some()
            && !peer.is_some_and(|peer| self.left_out.stays(peer.addr()))
    }

    /// Notes a socket that connects to its other end again.
    pub(super) fn reconnect(&mut self, file: &FileRef) -> Result {
        self.reconnected
            .try_create_and_insert(file.addr(), (), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Returns whether a socket connects to `peer` again, if that is outside.
    pub(super) fn is_reconnected(&self, file: &FileRef, peer: Option<&FileRef>) -> bool {
        self.reconnected.get(&file.addr()).is_some()
            && !peer.is_some_and(|peer| self.left_out.stays(peer.addr()))
    }

    /// Notes the perf event of a descriptor that is not saved, if it is one of such.
    pub(super) fn leave_perf_event(&mut self, file: &FileRef) -> Result {
        let event = file.perf_event();
        if event != 0 {
            self.perf_events
                .try_create_and_insert(event, (), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    /// Returns whether a descriptor of the perf event at `event` is not saved, by the caller's advice.
    pub(crate) fn leaves_perf_event(&self, event: usize) -> bool {
        self.perf_events.get(&event).is_some()
    }

    /// Notes a regular file whose contents are saved.
    pub(super) fn save_contents(&mut self, file: &FileRef) -> Result {
        self.contents
            .try_create_and_insert(file.inode_addr(), (), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Returns whether the contents of the file are saved.
    pub(super) fn has_contents(&self, file: &FileRef) -> bool {
        self.contents.get(&file.inode_addr()).is_some()
    }

    /// Notes what image or log are written to; keeps one reference on the file.
    pub(super) fn add_output(&mut self, file: &FileRef) -> Result {
        Ok(self.outputs.push(file.clone(), GFP_KERNEL_ACCOUNT)?)
    }

    /// Returns whether image or log are written to its inode.
    pub(super) fn is_output(&self, file: &FileRef) -> bool {
        self.outputs
            .iter()
            .any(|f| f.inode_addr() == file.inode_addr())
    }

    /// References on a collected file that this checkpoint holds, or that no user counts.
    pub(super) fn own_references(&self, open: &Open) -> u64 {
        // For an output its note here, and the system call's own.
        let outputs = self.outputs.iter().filter(|f| **f == open.file).count();
        open.ours + self.left_out.references(open.file.addr()) + 2 * outputs as u64
    }
}
