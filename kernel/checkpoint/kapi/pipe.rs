// SPDX-License-Identifier: GPL-2.0

//! Pipes.

use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::kapi::file::{
    EntryName,
    FileRef, //
};

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
    /// Pages that its contents take when they are written anew.
    pub(crate) needed: u64,
    /// Pieces in it.
    pub(crate) used: u32,
    /// Some of it can't be read without waiting.
    pub(crate) unready: bool,
    /// The kernel writes notifications into it.
    pub(crate) watch_queue: bool,
}

impl Pipe {
    /// The pipe of which `file` is an end, if it is one.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        // SAFETY: We own a reference.
        let pipe = unsafe { bindings::get_pipe_info(file.as_ptr(), false) };
        (!pipe.is_null()).then(|| Self {
            file: file.clone(),
            pipe,
        })
    }

    /// A new anonymous pipe: its end for reading and its end for writing.
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

    /// Its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.pipe as usize
    }

    /// Name of its directory entry.
    pub(crate) fn name(&self) -> EntryName {
        self.file.entry_name()
    }

    /// Runs `f` with the pipe locked.
    fn locked<R>(&self, f: impl FnOnce(*mut bindings::pipe_inode_info) -> R) -> R {
        // SAFETY: The file keeps the pipe.
        unsafe { bindings::pipe_lock_it(self.pipe) };
        let r = f(self.pipe);
        // SAFETY: We hold the lock.
        unsafe { bindings::pipe_unlock_it(self.pipe) };
        r
    }

    /// How it stands.
    pub(crate) fn status(&self) -> Status {
        self.locked(|pipe| {
            // SAFETY: The pipe is locked; there are as many buffers as it says.
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
                    status.needed += ((*buffer).len as usize).div_ceil(PAGE_SIZE) as u64;
                }
                status
            }
        })
    }

    /// Copies the contents: the pieces, oldest first, and their bytes.
    pub(crate) fn contents(&self) -> Result<(KVVec<Piece>, KVVec<u8>)> {
        let mut pieces: KVVec<Piece> = KVVec::new();
        let mut bytes: KVVec<u8> = KVVec::new();
        loop {
            // The lock is the application's: nothing is allocated under it.
            let (nr, len) = self.locked(|pipe| total(pipe));
            pieces.reserve(nr, GFP_KERNEL_ACCOUNT)?;
            bytes.reserve(len, GFP_KERNEL_ACCOUNT)?;
            let copied = self.locked(|pipe| copy(pipe, &mut pieces, &mut bytes));
            if copied.is_ok() {
                return Ok((pieces, bytes));
            }
            pieces.clear();
            bytes.clear();
        }
    }

    /// Nobody had the pipe open for writing since this end was opened: to poll(2), an empty one
    /// was not hung up then.
    pub(crate) fn is_unwritten(&self) -> bool {
        let file = self.file.as_ptr();
        // SAFETY: The file is that of a pipe: of the union, it uses the counter.
        self.locked(|pipe| unsafe {
            (*file).__bindgen_anon_2.f_pipe == u64::from((*pipe).w_counter)
        })
    }

    /// As if nobody had opened it for writing since this end was opened.
    pub(crate) fn set_unwritten(&self) {
        let file = self.file.as_ptr();
        // SAFETY: The file is that of a pipe: of the union, it uses the counter.
        self.locked(|pipe| unsafe {
            (*file).__bindgen_anon_2.f_pipe = u64::from((*pipe).w_counter);
        });
    }

    /// Sets the size to `bytes`, as F_SETPIPE_SZ does.
    pub(crate) fn resize(&self, bytes: u32) -> Result {
        // SAFETY: We own a reference on the file.
        let r = unsafe { bindings::pipe_fcntl(self.file.as_ptr(), bindings::F_SETPIPE_SZ, bytes) };
        if r < 0 {
            return Err(Error::from_errno(r as i32));
        }
        Ok(())
    }
}

/// Number of pieces and of bytes in a pipe, which is locked.
fn total(pipe: *mut bindings::pipe_inode_info) -> (usize, usize) {
    // SAFETY: The pipe is locked by the caller; there are as many buffers as it says.
    unsafe {
        let used = bindings::pipe_buffers_used(pipe);
        let len = (0..used)
            .map(|n| (*bindings::pipe_buffer_at(pipe, n)).len as usize)
            .sum();
        (used as usize, len)
    }
}

/// Appends the contents of a pipe, which is locked. ENOSPC: there is no room without allocating.
fn copy(
    pipe: *mut bindings::pipe_inode_info,
    pieces: &mut KVVec<Piece>,
    bytes: &mut KVVec<u8>,
) -> Result {
    let (nr, len) = total(pipe);
    if pieces.capacity() < nr || bytes.capacity() < len {
        return Err(ENOSPC);
    }
    for n in 0..nr {
        // SAFETY: The pipe is locked by the caller; there are as many buffers as it says.
        let (mut page, mut offset, len, flags) = unsafe {
            let b = bindings::pipe_buffer_at(pipe, n as u32);
            (
                (*b).page,
                (*b).offset as usize,
                (*b).len as usize,
                (*b).flags,
            )
        };
        let mut left = len;
        while left > 0 {
            // A buffer may lie in a page of higher order, whose parts are mapped one by one.
            let part = core::cmp::min(left, PAGE_SIZE - offset % PAGE_SIZE);
            // SAFETY: The buffer keeps its page, and `offset` and `len` lie within it; the
            // mapping is dropped before anything else is mapped.
            unsafe {
                page = page.add(offset / PAGE_SIZE);
                offset %= PAGE_SIZE;
                let from = bindings::kmap_page(page);
                let slice = core::slice::from_raw_parts(from.cast::<u8>().add(offset), part);
                let r = bytes.extend_from_slice(slice, GFP_NOWAIT);
                bindings::kunmap_page(from);
                r?;
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
