// SPDX-License-Identifier: GPL-2.0

//! Reading and writing files from the kernel: image and log.

use kernel::{
    bindings,
    prelude::*, //
};

use crate::kapi::file::FileRef;

/// The file has no position (FMODE_STREAM in include/linux/fs.h, which bindgen cannot evaluate).
const FMODE_STREAM: u32 = 1 << 21;

/// crc32c without inversion at either end.
pub(crate) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    // SAFETY: The slice is valid.
    unsafe { bindings::crc32c_update(seed, bytes.as_ptr().cast(), bytes.len()) }
}

/// The file behind descriptor `fd` of the caller. EBADF: there is none, or it is an O_PATH one.
pub(crate) fn fget(fd: i32) -> Result<FileRef> {
    let fd = u32::try_from(fd).map_err(|_| EBADF)?;
    // SAFETY: Any number is fine; the reference is handed over.
    unsafe { FileRef::from_owned(bindings::fget(fd)) }
}

/// Where `file` reads and writes next; 0 for a stream.
pub(crate) fn position(file: &FileRef) -> i64 {
    file.pos()
}

/// Sets where `file` reads and writes next, as read(2) and write(2) do at their end.
pub(crate) fn set_position(file: &FileRef, pos: i64) {
    // SAFETY: We own a reference. Races with other users of the file as lseek(2) would.
    unsafe {
        if (*file.as_ptr()).f_mode & FMODE_STREAM == 0 {
            (&raw mut (*file.as_ptr()).f_pos).write_volatile(pos);
        }
    }
}

/// Writes all of `bytes` at `pos`, which moves on. May sleep.
///
/// EPIPE, ENOSPC, EIO, ... as of write(2); EINTR: a signal came.
pub(crate) fn write_all(file: &FileRef, mut bytes: &[u8], pos: &mut i64) -> Result {
    while !bytes.is_empty() {
        // SAFETY: The slice is valid; the file is open for writing or the call fails.
        let n = unsafe {
            bindings::kernel_write(file.as_ptr(), bytes.as_ptr().cast(), bytes.len(), pos)
        };
        let n = checked(n)?;
        if n == 0 {
            return Err(EIO);
        }
        bytes = bytes.get(n..).ok_or(EIO)?;
    }
    Ok(())
}

/// Reads from `pos`, which moves on, until `buf` is full or the file ends; returns the bytes read.
/// May sleep. Errors as of read(2); EINTR: a signal came.
pub(crate) fn read_full(file: &FileRef, buf: &mut [u8], pos: &mut i64) -> Result<usize> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|r| !r.is_empty()) {
        // SAFETY: The slice is valid; the file is open for reading or the call fails.
        let n = unsafe {
            bindings::kernel_read(file.as_ptr(), rest.as_mut_ptr().cast(), rest.len(), pos)
        };
        let n = checked(n)?;
        if n == 0 {
            break;
        }
        done += n;
    }
    Ok(done)
}

/// Bytes transferred, or the error; one that asks for a restart of the system call is EINTR.
pub(crate) fn checked(n: isize) -> Result<usize> {
    if n >= 0 {
        return Ok(n.unsigned_abs());
    }
    let e = i32::try_from(n).map(Error::from_errno).unwrap_or(EIO);
    Err(if (-516..=-512).contains(&n) { EINTR } else { e })
}

/// Release of the running kernel, padded with NUL.
pub(crate) fn kernel_release() -> [u8; 64] {
    let mut release = [0u8; 64];
    for (to, from) in release.iter_mut().take(63).zip(bindings::UTS_RELEASE) {
        *to = *from;
    }
    release
}
