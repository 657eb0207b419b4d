// SPDX-License-Identifier: GPL-2.0

//! Files that read and write memory of user space only: tapes, memory of processes, and others whose
//! drivers know no iterators.
//!
//! For the time of a transfer they get memory that the kernel maps into the caller's address space.
//! Another thread of the caller might change it: it would spoil its own image.

use kernel::{
    bindings,
    num::casts::u32_as_usize,
    page::PAGE_SIZE,
    prelude::*, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        io,
        iov::Way, //
    },
    time::wait, //
};

/// Bytes that are transferred at a time.
const LEN: usize = 16 * PAGE_SIZE;

/// Memory of user space that belongs to us, as far as the caller's threads let it.
///
/// # Invariants
///
/// `addr` is in user space, and so are the [`LEN`] bytes from it on.
pub(in crate::kapi) struct UserBuffer {
    addr: usize,
}

impl UserBuffer {
    /// Maps it into the caller's address space. May sleep.
    ///
    /// ENOMEM: there is no room, or too many mappings; EINTR: SIGKILL came.
    fn new() -> Result<Self> {
        // SAFETY: The caller of a system call has an address space, whose lock is not held. What is
        // mapped is new memory.
        let addr = unsafe {
            bindings::vm_mmap(
                core::ptr::null_mut(),
                0,
                LEN,
                u32_as_usize(bindings::PROT_READ | bindings::PROT_WRITE),
                u32_as_usize(bindings::MAP_PRIVATE | bindings::MAP_ANONYMOUS),
                0,
            )
        };
        if addr % PAGE_SIZE != 0 {
            // An errno, as addresses are aligned.
            return Err(io::counted(addr.cast_signed()).err().unwrap_or(ENOMEM));
        }
        // INVARIANT: vm_mmap() places mappings in user space.
        Ok(Self { addr })
    }

    /// Copies `len` bytes between `at` and the buffer from its byte `offset` on, as `way` goes.
    ///
    /// EFAULT: a thread of the caller has unmapped it.
    ///
    /// # Safety
    ///
    /// `at` is valid for reading, or with [`Way::Read`] writing, of `len` bytes.
    pub(in crate::kapi) unsafe fn copy(
        &self,
        offset: usize,
        at: *mut u8,
        len: usize,
        way: Way,
    ) -> Result {
        if offset.checked_add(len).is_none_or(|end| end > LEN) {
            return Err(EFAULT);
        }
        let user = core::ptr::without_provenance_mut(self.addr + offset);
        // SAFETY: By the caller's promise; what user space has there is looked at by the functions.
        let left = unsafe {
            match way {
                Way::Write => bindings::copy_to_user(user, at.cast(), len),
                Way::Read => bindings::copy_from_user(at.cast(), user, len),
            }
        };
        if left == 0 {
            Ok(())
        } else {
            Err(EFAULT)
        }
    }

    /// Makes one read(2) or write(2) of `len` bytes from the buffer's byte `offset` on.
    fn once(
        &self,
        file: &FileRef,
        pos: &mut i64,
        offset: usize,
        len: usize,
        way: Way,
    ) -> Result<usize> {
        wait::check_killed()?;
        let user = core::ptr::without_provenance_mut(self.addr + offset);
        let pos = if file.is_stream() {
            core::ptr::null_mut()
        } else {
            pos
        };
        // SAFETY: We own a reference on the file, whose mode the functions look at; so do they at
        // the addresses.
        let n = unsafe {
            match way {
                Way::Write => bindings::vfs_write(file.as_ptr(), user, len, pos),
                Way::Read => bindings::vfs_read(file.as_ptr(), user, len, pos),
            }
        };
        io::checked(n)
    }
}

impl Drop for UserBuffer {
    fn drop(&mut self) {
        // SAFETY: We mapped it; all numbers are checked there. It fails only if the caller was killed, and all goes then.
        unsafe { bindings::vm_munmap(self.addr, LEN) };
    }
}

/// Reads or writes `len` bytes of `file` at `pos`, which is advanced; returns how many there were:
/// less if the file ends. May sleep.
///
/// `copy(buffer, at, n)` copies bytes `at` to `at + n` of those into the buffer, or out of it, at
/// its start. Errors as of read(2) and write(2); EINTR: a signal came.
pub(super) fn transfer(
    file: &FileRef,
    pos: &mut i64,
    way: Way,
    len: usize,
    mut copy: impl FnMut(&UserBuffer, usize, usize) -> Result,
) -> Result<usize> {
    let buffer = UserBuffer::new()?;
    let mut done = 0;
    while done < len {
        let part = core::cmp::min(len - done, LEN);
        match way {
            Way::Write => {
                copy(&buffer, done, part)?;
                let mut written = 0;
                while written < part {
                    match buffer.once(file, pos, written, part - written, way)? {
                        0 => return Ok(done + written),
                        n => written += n,
                    }
                }
                done += part;
            }
            Way::Read => {
                let n = buffer.once(file, pos, 0, part, way)?;
                if n == 0 {
                    break;
                }
                copy(&buffer, done, n)?;
                done += n;
            }
        }
    }
    Ok(done)
}
