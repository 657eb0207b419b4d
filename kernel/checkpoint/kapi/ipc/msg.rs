// SPDX-License-Identifier: GPL-2.0

//! System V message queues, and messages as the kernel hands them over.

use core::ffi::c_void;

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    ipc::namespace::{
        Common,
        IpcNs, //
    },
    pid::namespace::PidNs, //
};

/// What a queue has. Pids are 0 for none.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// What all objects have.
    pub(crate) common: Common,
    /// Who has sent a message last, and who has received one.
    pub(crate) pids: [u32; 2],
    /// Times of the last msgsnd(2), msgrcv(2) and change, in seconds since 1970.
    pub(crate) times: [i64; 3],
    /// How many bytes it takes.
    pub(crate) limit: u64,
    /// How many messages are in it.
    pub(crate) messages: u64,
    /// Bytes of these.
    pub(crate) bytes: u64,
}

/// Calls `f` with each queue of `ns`, with pids of `pid_ns`, and no lock held. May sleep.
pub(crate) fn each(ns: &IpcNs, pid_ns: &PidNs, mut f: impl FnMut(Settings) -> Result) -> Result {
    let mut from = 0;
    loop {
        let mut c = bindings::checkpoint_msg::default();
        // SAFETY: We own references on both namespaces; the function fills in the structure.
        let at =
            unsafe { bindings::checkpoint_msg_next(ns.as_ptr(), pid_ns.as_ptr(), from, &mut c) };
        if at == ENOENT.to_errno() {
            return Ok(());
        }
        f(Settings {
            common: Common::of(&c.ipc),
            pids: [c.lspid, c.lrpid].map(i32::cast_unsigned),
            times: [c.stime, c.rtime, c.ctime],
            limit: c.qbytes,
            messages: c.messages,
            bytes: c.bytes,
        })?;
        from = at + 1;
    }
}

/// Bytes that the kernel writes before each message: type and length.
const HEAD: usize = 2 * size_of::<u64>();

/// A place in a queue, up to which its messages were read.
///
/// # Invariants
///
/// It is the beginning, which is all zero, or as `checkpoint_msg_read()` has left it.
pub(crate) struct Position(bindings::checkpoint_msg_from);

impl Position {
    /// Returns the beginning.
    pub(crate) fn beginning() -> Self {
        // INVARIANT: It is all zero.
        Self(pin_init::zeroed())
    }
}

/// Messages that were read.
pub(crate) struct Messages {
    words: KVVec<u64>,
    count: usize,
}

impl Messages {
    /// Returns room for messages that take `bytes` bytes, with what the kernel writes before each.
    pub(crate) fn new(bytes: usize) -> Result<Self> {
        Ok(Self {
            words: KVVec::from_elem(0u64, bytes.div_ceil(size_of::<u64>()), GFP_KERNEL_ACCOUNT)?,
            count: 0,
        })
    }

    /// Returns how many bytes `messages` messages take that have `bytes` bytes in all, at most.
    pub(crate) fn room_for(messages: u64, bytes: u64) -> u64 {
        messages
            .saturating_mul((HEAD + size_of::<u64>()) as u64)
            .saturating_add(bytes)
    }

    /// Reads as many as fit of the queue `id` of `ns`, from `from` on, which is moved; returns
    /// their number. 0: there are no more, or the next one does not fit.
    ///
    /// EIDRM, EINVAL: the queue was removed. EAGAIN: somebody has taken a message since `from` was
    /// moved.
    pub(crate) fn read(&mut self, ns: &IpcNs, id: i32, from: &mut Position) -> Result<usize> {
        // SAFETY: We own a reference; by its invariants `from` is the beginning, or as the function has
        // left it; it writes no more than as many bytes of the buffer as it is given.
        unsafe {
            self.fill(|buf, size| {
                bindings::checkpoint_msg_read(ns.as_ptr(), id, &mut from.0, buf, size)
            })
        }
    }

    /// Has `read` fill the buffer, whose address and size in bytes it is given, with messages;
    /// returns how many these are, or its error.
    ///
    /// # Safety
    ///
    /// `read` writes no more than that many bytes.
    pub(super) unsafe fn fill(
        &mut self,
        read: impl FnOnce(*mut c_void, usize) -> c_int,
    ) -> Result<usize> {
        self.count = 0;
        let n = read(
            self.words.as_mut_ptr().cast::<c_void>(),
            self.words.len() * size_of::<u64>(),
        );
        to_result(n)?;
        self.count = usize::try_from(n)?;
        Ok(self.count)
    }

    /// Calls `f` with type and bytes of each message that was read.
    pub(crate) fn each(&self, mut f: impl FnMut(u64, &[u8]) -> Result) -> Result {
        let mut rest = self.words.as_slice();
        for _ in 0..self.count {
            let [kind, len, after @ ..] = rest else {
                return Err(EINVAL);
            };
            let len = usize::try_from(*len)?;
            let words = len.div_ceil(size_of::<u64>());
            let (data, next) = after.split_at_checked(words).ok_or(EINVAL)?;
            // SAFETY: The bytes of words that are borrowed are initialized, and may be read as such.
            let bytes = unsafe {
                core::slice::from_raw_parts(data.as_ptr().cast::<u8>(), size_of_val(data))
            };
            f(*kind, bytes.get(..len).ok_or(EINVAL)?)?;
            rest = next;
        }
        Ok(())
    }
}

/// Makes a queue with id and key of `common`, as msgget(2) does. May sleep.
///
/// EEXIST: id or key are in use; EPERM: the caller may not choose ids; ENOSPC: more than the
/// namespace takes.
pub(crate) fn make(ns: &IpcNs, common: &Common) -> Result {
    let queue = bindings::checkpoint_msg {
        ipc: common.to_c(),
        ..Default::default()
    };
    // SAFETY: We own a reference; the structure is read only.
    to_result(unsafe { bindings::checkpoint_msg_make(ns.as_ptr(), &queue) })
}

/// Puts a message into a queue that was made, as msgsnd(2) does. May sleep.
///
/// ENOSPC: more than the namespace takes. EINVAL: an impossible type.
pub(crate) fn add(ns: &IpcNs, id: i32, kind: u64, bytes: &[u8]) -> Result {
    let kind = isize::try_from(kind)?;
    // SAFETY: We own a reference; the slice has that many bytes.
    to_result(unsafe {
        bindings::checkpoint_msg_add(
            ns.as_ptr(),
            id,
            kind,
            bytes.as_ptr().cast::<c_void>(),
            bytes.len(),
        )
    })
}

/// Gives a queue that was made owners, times, pids and limit. May sleep.
///
/// EPERM: the caller may not give it to others, or not give it that limit.
pub(crate) fn set(ns: &IpcNs, pid_ns: &PidNs, settings: &Settings) -> Result {
    let [stime, rtime, ctime] = settings.times;
    let [lspid, lrpid] = settings.pids.map(u32::cast_signed);
    let queue = bindings::checkpoint_msg {
        ipc: settings.common.to_c(),
        lspid,
        lrpid,
        stime,
        rtime,
        ctime,
        qbytes: settings.limit,
        ..Default::default()
    };
    // SAFETY: We own references on both; the structure is read only.
    to_result(unsafe { bindings::checkpoint_msg_set(ns.as_ptr(), pid_ns.as_ptr(), &queue) })
}
