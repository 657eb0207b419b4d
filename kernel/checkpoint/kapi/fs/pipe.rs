// SPDX-License-Identifier: GPL-2.0

//! Pipes.

use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        u32_as_usize,
        usize_as_u64, //
    },
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::kapi::{
    fs::{
        file::{
            EntryName,
            FileRef, //
        },
        io, //
    },
    time::wait, //
};

/// Longest time to wait for a pipe that somebody has locked, in milliseconds.
///
/// A pipe is locked while a writer's memory is read, and that may be memory that user space
/// provides (userfaultfd, FUSE): the lock is held for as long as it wants.
const LOCK_MS: u64 = 10_000;

/// The same while the tasks of a restart are held, which SIGKILL does not end then.
const HELD_LOCK_MS: u64 = 100;

/// A pipe, by one of its open ends.
///
/// # Invariants
///
/// The pointer is the pipe of `file`, which keeps it.
pub(crate) struct Pipe {
    file: FileRef,
    pipe: *mut bindings::pipe_inode_info,
}

// SAFETY: A reference on a file may be used and dropped by any thread; the pipe belongs to it.
unsafe impl Send for Pipe {}

// SAFETY: The pipe is looked at under its lock, or integers of it are read once.
unsafe impl Sync for Pipe {}

/// A piece of the contents.
pub(crate) struct Piece {
    /// Bytes of it.
    pub(crate) len: usize,
    /// It is a packet.
    pub(crate) packet: bool,
}

/// State of a pipe.
#[derive(Clone, Copy)]
pub(crate) struct Status {
    /// Open files of it.
    pub(crate) files: u32,
    /// Size in pages.
    pub(crate) pages: u32,
    /// Pages that its contents take when they are written again.
    pub(crate) needed: u64,
    /// Pieces in it.
    pub(crate) used: u32,
    /// Some of it can't be read without waiting.
    pub(crate) unready: bool,
    /// The kernel writes notifications into it.
    pub(crate) watch_queue: bool,
}

impl Pipe {
    /// Returns the pipe whose end `file` is, if it is one.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        // SAFETY: We own a reference on the file, which keeps it valid.
        let pipe = unsafe { bindings::get_pipe_info(file.as_ptr(), false) };
        // INVARIANT: It is that of the file, on which we own a reference.
        (!pipe.is_null()).then(|| Self {
            file: file.clone(),
            pipe,
        })
    }

    /// Returns a new anonymous pipe: its end for reading and its end for writing.
    pub(crate) fn create() -> Result<(FileRef, FileRef)> {
        let mut ends = [core::ptr::null_mut(); 2];
        // SAFETY: There is room for two pointers; on success both come with a reference.
        unsafe {
            to_result(bindings::create_pipe_files(ends.as_mut_ptr(), 0))?;
            let [read, write] = ends;
            let read = FileRef::from_owned(read);
            let write = FileRef::from_owned(write);
            Ok((read?, write?))
        }
    }

    /// Returns its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.pipe.addr()
    }

    /// Returns the open files of it, as of now.
    pub(crate) fn files(&self) -> u32 {
        // SAFETY: The file keeps the pipe. The count changes under the lock of the inode, not under
        // that of the pipe; it is read once.
        unsafe { (&raw const (*self.pipe).files).read_volatile() }
    }

    /// Returns the descriptor that signals of its end name, if that has O_ASYNC and is to send any.
    pub(crate) fn async_fd(&self) -> Option<u32> {
        // SAFETY: The file keeps the pipe, whose lists are read under RCU.
        let lists = unsafe {
            [
                &raw mut (*self.pipe).fasync_readers,
                &raw mut (*self.pipe).fasync_writers,
            ]
        };
        lists.into_iter().find_map(|list| {
            // SAFETY: We own a reference on the file, which is not written to.
            let fd = unsafe { bindings::checkpoint_async_fd(self.file.as_ptr(), list) };
            u32::try_from(fd).ok()
        })
    }

    /// Sets O_ASYNC of its end, as fcntl(F_SETFL) does by the descriptor `fd`, which signals name.
    /// That one waits for the lock as long as who has it likes, who may be anybody of a named pipe.
    /// Here the tasks are held, and so it is waited for only shortly.
    ///
    /// Errors also as of a lock: EBUSY, EINTR.
    pub(crate) fn set_async(&self, fd: u32) -> Result {
        let file = self.file.as_ptr();
        self.locked_within(HELD_LOCK_MS, |pipe| {
            // SAFETY: The file keeps the pipe, which is locked.
            let lists = unsafe {
                [
                    (self.file.is_readable(), &raw mut (*pipe).fasync_readers),
                    (self.file.is_writable(), &raw mut (*pipe).fasync_writers),
                ]
            };
            for (_, list) in lists.into_iter().filter(|(has, _)| *has) {
                // SAFETY: We own a reference; the list is one of its pipe, and leaves it out when
                // the file goes, which notes that it is on one.
                let n = unsafe { bindings::fasync_helper(fd.cast_signed(), file, 1, list) };
                to_result(n.min(0))?;
            }
            Ok(())
        })?
    }

    /// Returns the name of its directory entry.
    pub(crate) fn name(&self) -> EntryName {
        self.file.entry_name()
    }

    /// Runs `f` with the pipe locked. May sleep.
    ///
    /// EBUSY: somebody has it locked and does not let go. EINTR: the caller was killed.
    fn locked<R>(&self, f: impl FnOnce(*mut bindings::pipe_inode_info) -> R) -> Result<R> {
        self.locked_within(LOCK_MS, f)
    }

    /// Does the same, with another time in milliseconds that is waited for at most.
    fn locked_within<R>(
        &self,
        ms: u64,
        f: impl FnOnce(*mut bindings::pipe_inode_info) -> R,
    ) -> Result<R> {
        let end = wait::monotonic_ns().saturating_add(ms * 1_000_000);
        let mut pauses = wait::Pauses::new();
        // SAFETY: The file keeps the pipe.
        while !unsafe { bindings::pipe_trylock_it(self.pipe) } {
            wait::check_killed()?;
            if wait::monotonic_ns() >= end {
                return Err(EBUSY);
            }
            pauses.pause();
        }
        let r = f(self.pipe);
        // SAFETY: The pipe was locked above, by us.
        unsafe { bindings::pipe_unlock_it(self.pipe) };
        Ok(r)
    }

    /// Returns its state. Errors as of a lock: EBUSY, EINTR.
    pub(crate) fn status(&self) -> Result<Status> {
        self.locked(status)
    }

    /// Reads the same without waiting for the lock.
    pub(crate) fn status_now(&self) -> Result<Status> {
        self.try_locked(|pipe| Ok(status(pipe)))
    }

    /// Copies the contents: the pieces, oldest first, and their bytes.
    pub(crate) fn contents(&self) -> Result<(KVVec<Piece>, KVVec<u8>)> {
        let mut pieces: KVVec<Piece> = KVVec::new();
        let mut bytes: KVVec<u8> = KVVec::new();
        loop {
            // The lock is the application's: nothing is allocated under it.
            let (nr, len) = self.locked(total)?;
            pieces.reserve(u32_as_usize(nr), GFP_KERNEL_ACCOUNT)?;
            bytes.reserve(len, GFP_KERNEL_ACCOUNT)?;
            let copied = self.locked(|pipe| copy(pipe, &mut pieces, &mut bytes))?;
            if copied.is_ok() {
                return Ok((pieces, bytes));
            }
            pieces.clear();
            bytes.clear();
        }
    }

    /// Returns whether nobody had the pipe open for writing since this end was opened: to poll(2),
    /// an empty one was not hung up then. Errors as of [`Pipe::status`].
    pub(crate) fn is_unwritten(&self) -> Result<bool> {
        let file = self.file.as_ptr();
        // SAFETY: The file is that of a pipe: of the union, it uses the counter.
        self.locked(|pipe| unsafe {
            (*file).__bindgen_anon_2.f_pipe == u64::from((*pipe).w_counter)
        })
    }

    /// Makes it as if nobody had opened it for writing since this end was opened. EBUSY: somebody
    /// has locked the pipe. Does not wait.
    pub(crate) fn set_unwritten(&self) -> Result {
        let file = self.file.as_ptr();
        self.try_locked(|pipe| {
            // SAFETY: The file is that of a pipe: of the union, it uses the counter. This is the
            // store of fifo_open(), under the same lock; what that checks is that there is no
            // writer, as otherwise nobody asks for the counter.
            unsafe { (*file).__bindgen_anon_2.f_pipe = u64::from((*pipe).w_counter) };
            Ok(())
        })
    }

    /// Moves what is in `from`, of which the caller has the only two ends, into this empty pipe, if
    /// nobody has it open but by `files` files.
    ///
    /// EBUSY: somebody has, or it is not empty. ENOSPC: it has too few slots. Then nothing was
    /// moved. Does not wait.
    pub(crate) fn take_contents(&self, from: &Pipe, files: u32) -> Result {
        self.try_locked(|pipe| {
            // SAFETY: The pipe is locked. Nobody but the caller has `from`. What pipe_write() and
            // splice() look at is looked at here: whether there is room. Readers to wake there are
            // none, as the only files are those of tasks that do not run yet.
            unsafe {
                if (&raw const (*pipe).files).read_volatile() != files
                    || bindings::pipe_buffers_used(pipe) != 0
                {
                    return Err(EBUSY);
                }
                let nr = bindings::pipe_buffers_used(from.pipe);
                if nr > (*pipe).max_usage {
                    return Err(ENOSPC);
                }
                for _ in 0..nr {
                    bindings::pipe_move_buffer(from.pipe, pipe);
                }
                Ok(())
            }
        })
    }

    /// Throws away what is in the pipe, if nobody has it open but by `files` files; EBUSY if
    /// somebody has. Does not wait.
    pub(crate) fn drop_contents(&self, files: u32) -> Result {
        self.try_locked(|pipe| {
            // SAFETY: The file keeps the pipe, which is locked.
            unsafe {
                if (&raw const (*pipe).files).read_volatile() != files {
                    return Err(EBUSY);
                }
                for _ in 0..bindings::pipe_buffers_used(pipe) {
                    bindings::pipe_drop_buffer(pipe);
                }
                Ok(())
            }
        })
    }

    /// Runs `f` with the pipe locked; EBUSY: somebody has locked it.
    fn try_locked<R>(
        &self,
        f: impl FnOnce(*mut bindings::pipe_inode_info) -> Result<R>,
    ) -> Result<R> {
        // SAFETY: The file keeps the pipe.
        if unsafe { bindings::mutex_trylock(&raw mut (*self.pipe).mutex) } == 0 {
            return Err(EBUSY);
        }
        let r = f(self.pipe);
        // SAFETY: The pipe was locked above, by us.
        unsafe { bindings::pipe_unlock_it(self.pipe) };
        r
    }

    /// Sets the size to `bytes`, as F_SETPIPE_SZ does.
    pub(crate) fn resize(&self, bytes: u32) -> Result {
        // SAFETY: We own a reference on the file.
        let r = unsafe { bindings::pipe_fcntl(self.file.as_ptr(), bindings::F_SETPIPE_SZ, bytes) };
        io::counted(r).map(drop)
    }
}

/// Returns the state of a locked pipe.
fn status(pipe: *mut bindings::pipe_inode_info) -> Status {
    // SAFETY: The pipe is locked by the caller; there are as many buffers as it says.
    unsafe {
        let used = bindings::pipe_buffers_used(pipe);
        let mut status = Status {
            files: (&raw const (*pipe).files).read_volatile(),
            pages: (*pipe).max_usage,
            needed: 0,
            used,
            unready: false,
            watch_queue: bindings::pipe_is_watch_queue(pipe),
        };
        for n in 0..used {
            let buffer = bindings::pipe_buffer_at(pipe, n);
            status.unready |= !bindings::pipe_buffer_is_ready(buffer);
            status.needed += u64::from((*buffer).len).div_ceil(usize_as_u64(PAGE_SIZE));
        }
        status
    }
}

/// Returns the number of pieces and of bytes in a pipe, which is locked.
fn total(pipe: *mut bindings::pipe_inode_info) -> (u32, usize) {
    // SAFETY: The pipe is locked by the caller; there are as many buffers as it says.
    unsafe {
        let used = bindings::pipe_buffers_used(pipe);
        let len = (0..used)
            .map(|n| u32_as_usize((*bindings::pipe_buffer_at(pipe, n)).len))
            .sum();
        (used, len)
    }
}

/// Appends the contents of a pipe, which is locked. ENOSPC: there is no room without allocating.
fn copy(
    pipe: *mut bindings::pipe_inode_info,
    pieces: &mut KVVec<Piece>,
    bytes: &mut KVVec<u8>,
) -> Result {
    let (nr, len) = total(pipe);
    if pieces.capacity() < u32_as_usize(nr) || bytes.capacity() < len {
        return Err(ENOSPC);
    }
    for n in 0..nr {
        // SAFETY: The pipe is locked by the caller; there are as many buffers as it says.
        let (mut page, mut offset, len, flags) = unsafe {
            let b = bindings::pipe_buffer_at(pipe, n);
            (
                (*b).page,
                u32_as_usize((*b).offset),
                u32_as_usize((*b).len),
                (*b).flags,
            )
        };
        // Readers pass over a buffer that is empty.
        if len == 0 {
            continue;
        }
        let mut left = len;
        while left > 0 {
            // A buffer may lie in a page of higher order, whose parts are mapped one by one.
            let part = core::cmp::min(left, PAGE_SIZE - offset % PAGE_SIZE);
            let room = bytes.spare_capacity_mut();
            if room.len() < part {
                return Err(ENOSPC);
            }
            // SAFETY: The buffer keeps its page, and `offset` and `len` lie within it; the
            // mapping is dropped before anything else is mapped. There is room for `part` bytes.
            // Who has the page otherwise (a file, or memory given by vmsplice) may write to it
            // meanwhile, as under any reader of the pipe: no reference is made of it.
            unsafe {
                page = page.add(offset / PAGE_SIZE);
                offset %= PAGE_SIZE;
                let from = bindings::kmap_page(page);
                core::ptr::copy_nonoverlapping(
                    from.cast::<u8>().add(offset),
                    room.as_mut_ptr().cast::<u8>(),
                    part,
                );
                bindings::kunmap_page(from);
                bytes.inc_len(part);
            }
            offset += part;
            left -= part;
        }
        let piece = Piece {
            len,
            packet: flags & bindings::PIPE_BUF_FLAG_PACKET != 0,
        };
        pieces.push(piece, GFP_NOWAIT)?;
    }
    Ok(())
}
