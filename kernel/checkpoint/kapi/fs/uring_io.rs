// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait to do something with a file: `io_uring/net.c`, `io_uring/rw.c`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::{
        u32_as_usize,
        usize_as_u64, //
    }, //
};

#[cfg(CONFIG_IO_URING)]
use crate::kapi::fs::uring::LIST_MAX;
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring, //
    },
    task::links::PidRef, //
};

/// A request that has met a file that was not ready, and does what it is to do when that is.
pub(crate) struct Io {
    /// IORING_OP_*.
    pub(crate) op: u8,
    /// What its completion has.
    pub(crate) user_data: u64,
    /// IOSQE_ASYNC.
    pub(crate) asynchronous: bool,
    /// IOSQE_CQE_SKIP_SUCCESS.
    pub(crate) skip: bool,
    /// The file.
    pub(crate) file: FileRef,
    /// By what it refers to the file, if that is registered; 0: it is not. Not used to make one.
    pub(crate) node: usize,
    /// Where the file is registered, to make one.
    pub(crate) index: Option<u32>,
    /// Address of the memory, of the message, or where the address of a peer goes.
    pub(crate) addr: u64,
    /// Where the length of that goes, or the name of who has sent.
    pub(crate) addr2: u64,
    /// Address of control messages.
    pub(crate) control: u64,
    /// Bytes of them.
    pub(crate) control_len: u64,
    /// Position; -1: the file's own.
    pub(crate) pos: i64,
    /// Length, as it was asked for.
    pub(crate) len: u32,
    /// ACCEPT_*, MSG_* or RWF_*.
    pub(crate) op_flags: u32,
    /// IORING_ACCEPT_*, IORING_RECVSEND_*, a priority, or how far connect(2) has come.
    pub(crate) io_flags: u32,
    /// Where what is accepted is registered, as of the SQE; the write stream.
    pub(crate) slot: u32,
    /// Bytes that were sent or received.
    pub(crate) done: u32,
    /// What is accepted gets a descriptor below that.
    pub(crate) nofile: u32,
    /// The group from which it gets a buffer, if it does.
    pub(crate) group: Option<u32>,
    /// Bytes that it receives at a time, if it does so many times; or bytes of a name.
    pub(crate) limit: u32,
    /// Bytes that it may receive altogether; 0: any number.
    pub(crate) total: u32,
    /// Address of a peer.
    pub(crate) name: KVVec<u8>,
    /// Addresses and lengths of the memory that is left to be read or written.
    pub(crate) vecs: KVVec<[u64; 2]>,
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns the requests of `file`, of which this was read, that wait to do something with a file,
    /// each with who has submitted it.
    ///
    /// EBUSY: somebody uses it, or a request has ended since. EINVAL: it is no io_uring, or has too many.
    pub(crate) fn ios(&self, file: &FileRef) -> Result<KVVec<(PidRef, Io)>> {
        let (nr, pieces) = (u32_as_usize(self.ios), u32_as_usize(self.vecs));
        if !file.is_io_uring() || nr > LIST_MAX || pieces > LIST_MAX {
            return Err(EINVAL);
        }
        let mut all = KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        let mut raw: KVVec<bindings::checkpoint_uring_io> =
            KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..nr {
            raw.push(Default::default(), GFP_KERNEL_ACCOUNT)?;
        }
        let mut vecs: KVVec<bindings::iovec> = KVVec::with_capacity(pieces, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for as many
        // requests, all of it zeroed, and pieces of memory as the state tells.
        to_result(unsafe {
            bindings::checkpoint_uring_ios(
                file.as_ptr(),
                &self.to_raw(),
                raw.as_mut_ptr(),
                vecs.as_mut_ptr(),
            )
        })?;
        // SAFETY: All of them were written, and there is room for them.
        unsafe { vecs.inc_len(pieces) };
        // References first: none is left if there is no memory for the rest.
        for io in &raw {
            // SAFETY: checkpoint_uring_ios() has taken both references for us.
            let refs = unsafe { (PidRef::from_owned(io.pid), FileRef::from_owned(io.file)) };
            // One of a task that was reaped is about to end.
            let (Ok(pid), Ok(file)) = refs else {
                continue;
            };
            let io = Io {
                op: io.opcode,
                user_data: io.user_data,
                asynchronous: io.asynchronous,
                skip: io.skip,
                file,
                node: io.node.addr(),
                index: None,
                addr: io.addr,
                addr2: io.addr2,
                control: io.control,
                control_len: io.control_len,
                pos: io.pos,
                len: io.len,
                op_flags: io.op_flags,
                io_flags: io.io_flags,
                slot: io.slot,
                done: io.done,
                nofile: io.nofile,
                group: io.select.then_some(io.group),
                limit: io.limit,
                total: io.total,
                name: KVVec::new(),
                vecs: KVVec::new(),
            };
            // There is room: this can't fail, so that no reference is left.
            all.push((pid, io), GFP_KERNEL_ACCOUNT)?;
        }
        if all.len() != nr {
            return Err(EBUSY);
        }
        let mut left = &vecs[..];
        for (from, (_, to)) in raw.iter().zip(all.iter_mut()) {
            let name = from.name.get(..u32_as_usize(from.name_len)).ok_or(EINVAL)?;
            to.name.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
            let (own, rest) = left
                .split_at_checked(u32_as_usize(from.nr_vecs))
                .ok_or(EINVAL)?;
            to.vecs.reserve(own.len(), GFP_KERNEL_ACCOUNT)?;
            for v in own {
                let piece = [v.iov_base.addr(), v.iov_len].map(usize_as_u64);
                to.vecs.push(piece, GFP_KERNEL_ACCOUNT)?;
            }
            left = rest;
        }
        Ok(all)
    }

    /// Lets a request of `ring` wait, which nobody uses yet, as if the task with the pid `task` had
    /// submitted it, which does not run.
    ///
    /// ESRCH: there is no such task. EACCES: the ring may have none such. EPERM: the caller may not give
    /// that priority. EEXIST: another task alone may submit. EBADF: the file is not registered there.
    /// EFAULT: its memory is none of programs. EINVAL: there is no such request.
    pub(crate) fn add_io(ring: &FileRef, task: &PidRef, io: &Io) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let task = task.task().ok_or(ESRCH)?;
        let mut vecs: KVVec<bindings::iovec> =
            KVVec::with_capacity(io.vecs.len(), GFP_KERNEL_ACCOUNT)?;
        for &[addr, len] in &io.vecs {
            let v = bindings::iovec {
                iov_base: core::ptr::without_provenance_mut(usize::try_from(addr)?),
                iov_len: usize::try_from(len)?,
            };
            vecs.push(v, GFP_KERNEL_ACCOUNT)?;
        }
        let mut raw = bindings::checkpoint_uring_io {
            user_data: io.user_data,
            file: io.file.as_ptr(),
            vecs: vecs.as_mut_ptr(),
            addr: io.addr,
            addr2: io.addr2,
            control: io.control,
            control_len: io.control_len,
            pos: io.pos,
            nr_vecs: u32::try_from(vecs.len())?,
            len: io.len,
            op_flags: io.op_flags,
            io_flags: io.io_flags,
            slot: io.slot,
            done: io.done,
            nofile: io.nofile,
            name_len: u32::try_from(io.name.len())?,
            group: io.group.unwrap_or(0),
            limit: io.limit,
            total: io.total,
            index: io.index.unwrap_or(0),
            opcode: io.op,
            fixed: io.index.is_some(),
            asynchronous: io.asynchronous,
            skip: io.skip,
            select: io.group.is_some(),
            ..Default::default()
        };
        let name = raw.name.get_mut(..io.name.len()).ok_or(EINVAL)?;
        name.copy_from_slice(&io.name);
        // SAFETY: We own references on the file, which is an io_uring, on the task, which does not
        // run, and on the file that is waited for. There are as many pieces of memory, and bytes of the
        // name, as the request says, during the call: they are copied.
        to_result(unsafe { bindings::checkpoint_uring_add_io(ring.as_ptr(), task.as_ptr(), &raw) })
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Returns the requests of an io_uring that wait to do something: there is none.
    pub(crate) fn ios(&self, _: &FileRef) -> Result<KVVec<(PidRef, Io)>> {
        Err(EINVAL)
    }

    /// Lets a request wait: this kernel can't.
    pub(crate) fn add_io(_: &FileRef, _: &PidRef, _: &Io) -> Result {
        Err(EOPNOTSUPP)
    }
}
