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
use crate::kapi::fs::{
    uring::{
        read_list,
        LIST_MAX, //
    },
    uring_links::RawLinks, //
};
use crate::kapi::{
    fs::{
        file::FileRef,
        uring::Uring,
        uring_links::Link,
        uring_requests::Drained, //
    },
    task::links::PidRef, //
};

/// A request that has met a file that was not ready, and does what it is to do when that is.
pub(crate) struct Io {
    /// What that is.
    pub(crate) op: Op,
    /// What it is; not used to make one.
    pub(crate) id: usize,
    /// The file.
    pub(crate) file: FileRef,
    /// By what it refers to the file, if that is registered; 0: it is not. Not used to make one.
    pub(crate) node: usize,
    /// Where the file is registered, to make one.
    pub(crate) index: Option<u32>,
    /// What waits for it, to make one.
    pub(crate) links: KVVec<Link>,
}

/// What a request is to do.
pub(crate) struct Op {
    /// IORING_OP_*.
    pub(crate) code: u8,
    /// What its completion has.
    pub(crate) user_data: u64,
    /// IOSQE_ASYNC.
    pub(crate) asynchronous: bool,
    /// IOSQE_CQE_SKIP_SUCCESS.
    pub(crate) skip: bool,
    /// IOSQE_IO_LINK, IOSQE_IO_HARDLINK.
    pub(crate) chain: u8,
    /// How it was drained.
    pub(crate) drained: Drained,
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
impl Op {
    /// Returns what `from` tells, but for names and memory.
    pub(super) fn from_raw(from: &bindings::checkpoint_uring_io) -> Self {
        Self {
            code: from.opcode,
            user_data: from.user_data,
            asynchronous: from.asynchronous,
            skip: from.skip,
            chain: from.chain,
            drained: Drained {
                drain: from.drain,
                alone: from.alone,
                creds: from.creds,
            },
            addr: from.addr,
            addr2: from.addr2,
            control: from.control,
            control_len: from.control_len,
            pos: from.pos,
            len: from.len,
            op_flags: from.op_flags,
            io_flags: from.io_flags,
            slot: from.slot,
            done: from.done,
            nofile: from.nofile,
            group: from.select.then_some(from.group),
            limit: from.limit,
            total: from.total,
            name: KVVec::new(),
            vecs: KVVec::new(),
        }
    }

    /// Adds the name that `from` tells, and as many pieces of memory; these are taken from the front of
    /// `left`. EINVAL: there are fewer.
    pub(super) fn add_memory(
        &mut self,
        from: &bindings::checkpoint_uring_io,
        left: &mut &[bindings::iovec],
    ) -> Result {
        let name = from.name.get(..u32_as_usize(from.name_len)).ok_or(EINVAL)?;
        self.name.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
        let (own, rest) = left
            .split_at_checked(u32_as_usize(from.nr_vecs))
            .ok_or(EINVAL)?;
        self.vecs.reserve(own.len(), GFP_KERNEL_ACCOUNT)?;
        for v in own {
            let piece = [v.iov_base.addr(), v.iov_len].map(usize_as_u64);
            self.vecs.push(piece, GFP_KERNEL_ACCOUNT)?;
        }
        *left = rest;
        Ok(())
    }

    /// Returns the pieces of memory as the kernel has them.
    pub(super) fn raw_vecs(&self) -> Result<KVVec<bindings::iovec>> {
        let mut vecs = KVVec::with_capacity(self.vecs.len(), GFP_KERNEL_ACCOUNT)?;
        for &[addr, len] in &self.vecs {
            let v = bindings::iovec {
                iov_base: core::ptr::without_provenance_mut(usize::try_from(addr)?),
                iov_len: usize::try_from(len)?,
            };
            vecs.push(v, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(vecs)
    }

    /// Returns what there is to do, with these pieces of memory, for a file that is still to come.
    pub(super) fn to_raw(
        &self,
        vecs: &mut [bindings::iovec],
    ) -> Result<bindings::checkpoint_uring_io> {
        let mut raw = bindings::checkpoint_uring_io {
            user_data: self.user_data,
            vecs: vecs.as_mut_ptr(),
            addr: self.addr,
            addr2: self.addr2,
            control: self.control,
            control_len: self.control_len,
            pos: self.pos,
            nr_vecs: u32::try_from(vecs.len())?,
            len: self.len,
            op_flags: self.op_flags,
            io_flags: self.io_flags,
            slot: self.slot,
            done: self.done,
            nofile: self.nofile,
            name_len: u32::try_from(self.name.len())?,
            group: self.group.unwrap_or(0),
            limit: self.limit,
            total: self.total,
            opcode: self.code,
            chain: self.chain,
            asynchronous: self.asynchronous,
            skip: self.skip,
            drain: self.drained.drain,
            alone: self.drained.alone,
            creds: self.drained.creds,
            select: self.group.is_some(),
            ..Default::default()
        };
        let name = raw.name.get_mut(..self.name.len()).ok_or(EINVAL)?;
        name.copy_from_slice(&self.name);
        Ok(raw)
    }
}

#[cfg(CONFIG_IO_URING)]
impl Uring {
    /// Returns the requests of `file`, of which this was read, that wait to do something with a file,
    /// each with who has submitted it.
    ///
    /// EBUSY: somebody uses it, or a request has ended since. EINVAL: it is no io_uring, or has too many.
    pub(crate) fn ios(&self, file: &FileRef) -> Result<KVVec<(PidRef, Io)>> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let nr = u32_as_usize(self.ios);
        let mut all = KVVec::with_capacity(nr.min(LIST_MAX), GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for as many
        // requests, all of it zeroed, and pieces of memory as the state tells. All of these were written
        // if it returns 0.
        let (raw, vecs) = unsafe {
            read_list(self.ios, self.vecs, |to, vecs| {
                bindings::checkpoint_uring_ios(file.as_ptr(), &self.to_raw(), to, vecs)
            })
        }?;
        // References first: none is left if there is no memory for the rest.
        for io in &raw {
            // SAFETY: checkpoint_uring_ios() has taken both references for us.
            let refs = unsafe { (PidRef::from_owned(io.pid), FileRef::from_owned(io.file)) };
            // One of a task that was reaped is about to end.
            let (Ok(pid), Ok(file)) = refs else {
                continue;
            };
            let io = Io {
                op: Op::from_raw(io),
                id: io.id.addr(),
                file,
                node: io.node.addr(),
                index: None,
                links: KVVec::new(),
            };
            // There is room: this can't fail, so that no reference is left.
            all.push((pid, io), GFP_KERNEL_ACCOUNT)?;
        }
        if all.len() != nr {
            return Err(EBUSY);
        }
        let mut left = &vecs[..];
        for (from, (_, to)) in raw.iter().zip(all.iter_mut()) {
            to.op.add_memory(from, &mut left)?;
        }
        Ok(all)
    }

    /// Lets a request of `ring` wait, which nobody uses yet, as if the task with the pid `task` had
    /// submitted it, which does not run.
    ///
    /// ESRCH: there is no such task. EACCES: the ring may have none such. EPERM: the caller may not give
    /// that priority. EEXIST: another task alone may submit. EBADF: the file is not registered there.
    /// EFAULT: its memory is none of programs. EINVAL: there is no such request. EINTR: the caller was
    /// killed.
    pub(crate) fn add_io(ring: &FileRef, task: &PidRef, io: &Io) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let task = task.task().ok_or(ESRCH)?;
        let mut vecs = io.op.raw_vecs()?;
        let raw = bindings::checkpoint_uring_io {
            file: io.file.as_ptr(),
            index: io.index.unwrap_or(0),
            fixed: io.index.is_some(),
            ..io.op.to_raw(&mut vecs)?
        };
        let links = RawLinks::new(&io.links)?;
        // SAFETY: We own references on the file, which is an io_uring, on the task, which does not
        // run, and on the file that is waited for. There are as many pieces of memory, bytes of the
        // name, and links, as we say, during the call: they are copied.
        to_result(unsafe {
            bindings::checkpoint_uring_add_io(
                ring.as_ptr(),
                task.as_ptr(),
                &raw,
                links.as_ptr(),
                links.len()?,
            )
        })
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
