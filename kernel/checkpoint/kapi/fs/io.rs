// SPDX-License-Identifier: GPL-2.0

//! Reading and writing files from the kernel: image and log.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::{
    image::task::{
        BUILD_ID_LEN,
        VERSION_LEN, //
    },
    kapi::{
        fs::{
            file::{
                ftype,
                FileRef, //
            },
            iov::{
                self,
                Way, //
            },
            user_buffer, //
        },
        task::limits,
        time::wait, //
    },
};

/// Returns the checksum of an image.
pub(crate) fn xxh64(seed: u64, bytes: &[u8]) -> u64 {
    // SAFETY: The slice is valid.
    unsafe { bindings::xxh64(bytes.as_ptr().cast(), bytes.len(), seed) }
}

/// Returns the file behind descriptor `fd` of the caller. EBADF: there is none, or it is an O_PATH
/// one.
pub(crate) fn fget(fd: i32) -> Result<FileRef> {
    let fd = u32::try_from(fd).map_err(|_| EBADF)?;
    // SAFETY: Any number is fine; the reference is handed over.
    unsafe { FileRef::from_owned(bindings::fget(fd)) }
}

/// Returns where `file` reads and writes next; 0 for a stream.
pub(crate) fn position(file: &FileRef) -> i64 {
    file.pos()
}

/// Sets where `file` reads and writes next, as read(2) and write(2) do at their end.
pub(crate) fn set_position(file: &FileRef, pos: i64) {
    // SAFETY: We own a reference. This is the store of ksys_read() and ksys_write(), of a position
    // that the filesystem has moved on. They do it under `f_pos_lock` where others share the file;
    // here it is not taken, as who holds it may wait for ever, and so it races with other users of
    // the file as two of them would without that lock.
    unsafe {
        if !file.is_stream() {
            (&raw mut (*file.as_ptr()).f_pos).write_volatile(pos);
        }
    }
}

/// Writes all of `bytes` at `pos`, which moves on. May sleep.
///
/// EPIPE, ENOSPC, EIO, ... as of write(2); EINTR: a signal came.
pub(crate) fn write_all(file: &FileRef, bytes: &[u8], pos: &mut i64) -> Result {
    let from = bytes.as_ptr().cast_mut();
    // SAFETY: The slice is valid, and only read.
    let n = unsafe { transfer(file, pos, from, bytes.len(), Way::Write) }?;
    if n == bytes.len() {
        Ok(())
    } else {
        Err(EIO)
    }
}

/// Reads from `pos`, which moves on, until `buf` is full or the file ends; returns the bytes read.
/// May sleep. Errors as of read(2); EINTR: a signal came. A stop, or a frozen cgroup, is waited
/// out.
pub(crate) fn read_full(file: &FileRef, buf: &mut [u8], pos: &mut i64) -> Result<usize> {
    // SAFETY: The slice is valid, and ours alone.
    unsafe { transfer(file, pos, buf.as_mut_ptr(), buf.len(), Way::Read) }
}

/// Reads or writes `len` bytes at `at`; returns how many there were.
///
/// # Safety
///
/// `at` is valid for reading, or with [`Way::Read`] writing, of `len` bytes.
unsafe fn transfer(
    file: &FileRef,
    pos: &mut i64,
    at: *mut u8,
    len: usize,
    way: Way,
) -> Result<usize> {
    if !iov::takes_iterators(file, way) {
        return user_buffer::transfer(file, pos, way, len, |buffer, done, n| {
            // SAFETY: By the caller's promise; `done + n` is at most `len`.
            unsafe { buffer.copy(0, at.add(done), n, way) }
        });
    }
    let mut done = 0;
    while done < len {
        // SAFETY: By the caller's promise `len` bytes at `at` are valid, of which these are the
        // last ones.
        match unsafe { iov::once_bytes(file, pos, at.add(done), len - done, way) }? {
            0 => break,
            n => done += n,
        }
    }
    Ok(done)
}

/// Returns whether several threads may write parts of `file` at a time, each at a position of its
/// own.
///
/// Not if the caller has a limit for the length of files: the signal for it (SIGXFSZ) is for who
/// writes, and is to be the caller.
pub(crate) fn takes_parts(file: &FileRef) -> Result<bool> {
    let regular = file.file_type() == ftype::REGULAR
        && !file.is_stream()
        && file.flags() & bindings::O_APPEND == 0
        && iov::takes_iterators(file, Way::Write);
    Ok(regular && limits::limit(bindings::RLIMIT_FSIZE as usize)?.0 == UNLIMITED)
}

/// Sends the caller the signal for its limit of the length of files, as write(2) does, if it has one. For
/// what a thread beside it has tried to write: the limit was none when that began ([`takes_parts()`]).
pub(crate) fn tell_limit() -> Result {
    if limits::limit(bindings::RLIMIT_FSIZE as usize)?.0 != UNLIMITED {
        // SAFETY: The running task is valid, and has its signal handlers until it has exited.
        unsafe {
            bindings::send_sig(bindings::SIGXFSZ.cast_signed(), bindings::get_current(), 0);
        }
    }
    Ok(())
}

/// A resource limit that is none: RLIM_INFINITY.
const UNLIMITED: u64 = u64::MAX;

/// Writes what was written to `file` so far to the disk, as fsync(2) does. May sleep for long.
///
/// EIO, ENOSPC, ...: some of what was written since it was opened is lost. EINTR: SIGKILL came.
pub(crate) fn sync(file: &FileRef) -> Result {
    // SAFETY: We own a reference on the file, which keeps it valid.
    match to_result(unsafe { bindings::vfs_fsync(file.as_ptr(), 0) }) {
        // It has no disk: a pipe, a device.
        Err(EINVAL) => Ok(()),
        // As NFS answers to a caller that was killed.
        r => r.map_err(wait::without_restart),
    }
}

/// Cuts a file at `len` bytes, as ftruncate(2) does.
pub(crate) fn truncate(file: &FileRef, len: i64) -> Result {
    // SAFETY: We own a reference; the function looks at mode and type.
    to_result(unsafe { bindings::checkpoint_truncate(file.as_ptr(), len) })
}

/// Returns a number that is an error if it is negative, as many functions of the kernel return it.
pub(in crate::kapi) fn counted(n: isize) -> Result<usize> {
    usize::try_from(n).map_err(|_| i32::try_from(n).map_or(EIO, Error::from_errno))
}

/// Returns the bytes transferred, or the error; one that asks for a restart of the system call is
/// EINTR.
pub(crate) fn checked(n: isize) -> Result<usize> {
    counted(n).map_err(wait::without_restart)
}

/// Returns the release of the running kernel, padded with NUL.
pub(crate) fn kernel_release() -> [u8; 64] {
    let mut release = [0u8; 64];
    for (to, from) in release.iter_mut().take(63).zip(bindings::UTS_RELEASE) {
        *to = *from;
    }
    release
}

/// Returns the version of the running kernel, as of uname(2), padded with NUL.
pub(crate) fn kernel_version() -> [u8; VERSION_LEN] {
    let mut version = [0u8; VERSION_LEN];
    // SAFETY: The version of the initial uts namespace is set when the kernel is linked, and does not
    // change: /proc/sys/kernel/version can't be written to.
    let all = unsafe { (&raw const bindings::init_uts_ns.name.version).read() };
    for (to, from) in version.iter_mut().take(VERSION_LEN - 1).zip(all) {
        *to = from;
    }
    version
}

/// Returns the build id of the running kernel; zero: it has none.
pub(crate) fn kernel_build_id() -> [u8; BUILD_ID_LEN] {
    let mut id = [0u8; BUILD_ID_LEN];
    // SAFETY: It writes as many bytes: numbers.c asserts that.
    unsafe { bindings::checkpoint_build_id(id.as_mut_ptr()) };
    id
}
