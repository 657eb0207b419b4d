// SPDX-License-Identifier: GPL-2.0

//! Descriptors that are left out of the image, as the caller has asked for it.
//!
//! After a restart the tasks do not have them, as if they had closed them. An open file that has no
//! other descriptor in the tree is not looked at further: what is special about it is nothing that
//! would have to be saved. What tells of others that have the same thing, like the ends of a pipe, has
//! to know of it nevertheless.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    files::{
        kinds,
        name::{
            name_of,
            Named,
            User, //
        },
        open::Open, //
    },
    found::Capture,
    kapi::{
        fs::{
            file::FileRef,
            pipe::Pipe, //
        },
        task::frozen::FrozenTask, //
    }, //
};

/// What is known of an open file of which a descriptor is left out.
#[derive(Default)]
struct Of {
    /// Descriptors that are left out: each is a reference on the open file.
    left_out: u64,
    /// There are others in the tree.
    stays: bool,
    /// Whatever counts who has what it shows has counted it.
    counted: bool,
}

/// Descriptors that are left out. Addresses are as good as references while the tasks stand still.
pub(super) struct LeftOut {
    /// By the address of the table, and their number.
    descriptors: RBTree<(usize, u32), ()>,
    /// Their open files, by address.
    files: RBTree<usize, Of>,
    /// Open files of pipes that have no other descriptor, by the address of the pipe.
    ends: RBTree<usize, u64>,
}

impl LeftOut {
    /// Makes an empty list.
    pub(super) fn new() -> Self {
        Self {
            descriptors: RBTree::new(),
            files: RBTree::new(),
            ends: RBTree::new(),
        }
    }

    /// Notes a descriptor of a table; `out`: it is left out.
    pub(super) fn note(&mut self, table: usize, fd: u32, file: &FileRef, out: bool) -> Result {
        let addr = file.addr();
        if self.files.get(&addr).is_none() {
            self.files
                .try_create_and_insert(addr, Of::default(), GFP_KERNEL_ACCOUNT)?;
        }
        let of = self.files.get_mut(&addr).ok_or(ENOENT)?;
        if !out {
            of.stays = true;
            return Ok(());
        }
        of.left_out += 1;
        self.descriptors
            .try_create_and_insert((table, fd), (), GFP_KERNEL_ACCOUNT)?;
        Ok(())
    }

    /// Returns whether the descriptor `fd` of a table is left out.
    pub(super) fn has(&self, table: usize, fd: u32) -> bool {
        self.descriptors.get(&(table, fd)).is_some()
    }

    /// Returns whether the tree has a descriptor of the open file that is not left out.
    pub(super) fn stays(&self, addr: usize) -> bool {
        self.files.get(&addr).is_some_and(|of| of.stays)
    }

    /// Returns whether all descriptors of the open file are left out.
    pub(super) fn is_whole(&self, addr: usize) -> bool {
        self.files
            .get(&addr)
            .is_some_and(|of| of.left_out != 0 && !of.stays)
    }

    /// References on an open file that nobody else counts: of descriptors that are left out.
    pub(super) fn references(&self, addr: usize) -> u64 {
        let whole = self.files.get(&addr).filter(|of| !of.stays);
        whole.map_or(0, |of| of.left_out)
    }

    /// Ends of the pipe at `addr` that the tasks have, and that nobody else counts.
    pub(super) fn ends(&self, addr: usize) -> u64 {
        self.ends.get(&addr).copied().unwrap_or(0)
    }

    /// Notes that an open file is met of which all descriptors are left out: true the first time.
    fn is_first(&mut self, addr: usize) -> bool {
        self.files
            .get_mut(&addr)
            .is_some_and(|of| !core::mem::replace(&mut of.counted, true))
    }
}

/// Tells that the descriptor `fd` of `t`, which is that of `file`, is left out. True: so are all
/// others of the file, and it needs no record.
pub(super) fn tell(cap: &mut Capture, t: &FrozenTask, fd: u32, file: &FileRef) -> Result<bool> {
    let name = name_of(cap, file)?;
    let named = Named {
        user: User::Descriptor(fd),
        name: &name,
    };
    let who = t.display(&cap.pid_ns);
    cap.report.note(
        &who,
        fmt!(
            "{}: left out: a restarted task has neither it nor its locks",
            named
        ),
    );
    let addr = file.addr();
    if !cap.found.files.left_out.is_whole(addr) {
        return Ok(false);
    }
    // What is in a message may have been found before.
    if !cap.found.files.left_out.is_first(addr) || cap.objects.users::<Open>(addr) != 0 {
        return Ok(true);
    }
    match Pipe::of(file) {
        Some(pipe) => {
            let ends = &mut cap.found.files.left_out.ends;
            match ends.get_mut(&pipe.addr()) {
                Some(n) => *n += 1,
                None => drop(ends.try_create_and_insert(pipe.addr(), 1, GFP_KERNEL_ACCOUNT)?),
            }
        }
        None => (kinds::of(file).count)(cap, file)?,
    }
    Ok(true)
}

/// Notes that an open file is found that is no descriptor: a mapping has it, or a message. Returns
/// whether what counts who has what it shows has counted it, when its descriptors were left out.
pub(super) fn was_counted(cap: &mut Capture, file: &FileRef) -> bool {
    let left_out = &mut cap.found.files.left_out;
    let counted = left_out
        .files
        .get(&file.addr())
        .is_some_and(|of| of.counted);
    match Pipe::of(file).filter(|_| counted) {
        // It is one of the ends that are counted with the pipe.
        Some(pipe) => {
            if let Some(n) = left_out.ends.get_mut(&pipe.addr()) {
                *n = n.saturating_sub(1);
            }
            false
        }
        None => counted,
    }
}

/// Returns whether what is registered with an epoll instance as `file` goes with the last
/// descriptor of that.
pub(super) fn is_gone(cap: &Capture, file: &FileRef) -> bool {
    cap.found.files.left_out.is_whole(file.addr()) && cap.objects.users::<Open>(file.addr()) == 0
}
