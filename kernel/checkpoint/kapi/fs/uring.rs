// SPDX-License-Identifier: GPL-2.0

//! io_urings: `io_uring/`. Their registered buffers are in `uring_buffers.rs`, and their requests in
//! `uring_requests.rs`, `uring_io.rs` and `uring_links.rs`; buffers that are provided are in
//! `uring_groups.rs`, and the threads that submit in `uring_thread.rs`.

use kernel::prelude::*;

#[cfg(CONFIG_IO_URING)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

use crate::kapi::{
    fs::file::FileRef,
    security::cred::CredRef,
    task::links::PidRef, //
};

/// What an io_uring has that can't be read, or that its user has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was set up in another way.
    Flags,
    /// By a 32-bit program.
    Compat,
    /// Requests are in flight that do not just wait.
    InFlight,
    /// Completions have found no room.
    Overflow,
    /// Restrictions that it has of a task.
    Restricted,
    /// Settings of its workers.
    Workers,
    /// Who alone may submit has exited.
    Issuer,
    /// A memory region, or registered waits.
    Region,
    /// Queues of a network device.
    Queues,
    /// A BPF program.
    Bpf,
    /// Busy polling.
    Napi,
    /// A thread that has ended, or serves others too.
    Thread,
    /// A request that is tried again when its task is thawed.
    Turn,
    /// A clock that is not known.
    Other,
}

/// An io_uring.
#[derive(Clone, Copy)]
pub(crate) struct Uring {
    /// IORING_SETUP_*.
    pub(crate) setup: u32,
    /// Number of submission queue entries.
    pub(crate) sq_entries: u32,
    /// Number of completion queue entries.
    pub(crate) cq_entries: u32,
    /// Where the kernel reads the next submission.
    pub(crate) sq_head: u32,
    /// Where it writes the next completion.
    pub(crate) cq_tail: u32,
    /// Requests can't be drained any more.
    pub(crate) drain_disabled: bool,
    /// Those that are submitted wait until all before them have ended, if some do.
    pub(crate) drain_active: bool,
    /// The next one is drained.
    pub(crate) drain_next: bool,
    /// Waits for completions go by CLOCK_BOOTTIME.
    pub(crate) boottime: bool,
    /// Its eventfd was told of work that its task has still to do.
    pub(crate) told: bool,
    /// When that was seen, for [`Self::settle()`].
    pub(crate) told_at: usize,
    /// Bytes of its rings.
    pub(crate) rings: usize,
    /// Bytes of its submission queue entries.
    pub(crate) sqes: usize,
    /// What is registered.
    pub(crate) registered: Registered,
    /// Number of the requests that wait for a file, a time, a futex or a child.
    pub(crate) requests: u32,
    /// How many futexes those have that wait for several, all together. Not used to make one.
    pub(crate) futexes: u32,
    /// Number of those that wait to do something with a file.
    pub(crate) ios: u32,
    /// How many pieces of memory these have, all together. Not used to make one.
    pub(crate) vecs: u32,
    /// Number of those that were not issued yet.
    pub(crate) links: u32,
    /// How many pieces of memory these have, all together. Not used to make one.
    pub(crate) link_vecs: u32,
    /// How many futexes those are to wait for which wait for several, all together. Not used to make one.
    pub(crate) link_futexes: u32,
    /// Address of the thread that submits; 0: there is none. Not used to make one.
    pub(crate) thread: usize,
    /// Milliseconds for which that waits before it sleeps.
    pub(crate) thread_idle: u32,
    /// Its CPU, if that was chosen.
    pub(crate) thread_cpu: u32,
    /// How many timeouts have ended, and up to which completion was looked for those that wait for some.
    pub(crate) timeouts: [u32; 2],
    /// Some are being done, as by a disk, and end by themselves. Not used to make one.
    pub(crate) under_way: bool,
    /// The operation and user_data of a request that does not just wait. Not used to make one.
    pub(crate) busy: Option<(&'static CStr, u64)>,
}

/// What is registered with an io_uring.
#[derive(Clone, Copy)]
pub(crate) struct Registered {
    /// Which requests may be submitted; `None`: all.
    pub(crate) ops: Option<Ops>,
    /// IORING_REGISTER_* that may be registered, a bit for each; `None`: all.
    pub(crate) registers: Option<u64>,
    /// Places for files.
    pub(crate) slots: u32,
    /// How many of them are taken.
    pub(crate) files: u32,
    /// The first place that the kernel chooses by itself, and the one after the last.
    pub(crate) alloc: [u32; 2],
    /// Where it begins to look.
    pub(crate) alloc_hint: u32,
    /// Number of personalities.
    pub(crate) personalities: u32,
    /// The number from which on the next one is looked for.
    pub(crate) next_personality: u32,
    /// Address of what is signalled of an eventfd; 0: of none. Not used to make one.
    pub(crate) eventfd: usize,
    /// That is told of what workers complete only.
    pub(crate) eventfd_async: bool,
    /// Places for buffers. Not used to make one.
    pub(crate) buffer_slots: u32,
    /// How many of them are taken. Not used to make one.
    pub(crate) buffers: u32,
    /// Groups of buffers that are provided. Not used to make one.
    pub(crate) groups: u32,
    /// How many of these are rings. Not used to make one.
    pub(crate) group_rings: u32,
    /// Buffers of the others, all together. Not used to make one.
    pub(crate) provided: u32,
    /// Address of the address space of who has made it. Not used to make one.
    pub(crate) mm: usize,
}

/// Requests that may be submitted.
#[derive(Clone, Copy)]
pub(crate) struct Ops {
    /// IORING_OP_*, a bit for each.
    pub(crate) ops: [u64; 2],
    /// IOSQE_* bits that they may have.
    pub(crate) allowed: u8,
    /// IOSQE_* bits that they must have.
    pub(crate) required: u8,
}

/// A registered file.
pub(crate) struct Slot {
    /// The file.
    pub(crate) file: FileRef,
    /// What is posted when it is unregistered; 0: nothing.
    pub(crate) tag: u64,
    /// Its place.
    pub(crate) index: u32,
    /// By what requests refer to it; not used to register one.
    pub(crate) node: usize,
}

/// How long a list may be that is read at once.
#[cfg(CONFIG_IO_URING)]
pub(super) const LIST_MAX: usize = 1 << 20;

/// Reads a list of `nr` elements of an io_uring, with `nr_parts` parts that these have all together, which
/// `fill` writes to where it is told.
///
/// EINVAL: there are too many. Else as of `fill`.
///
/// # Safety
///
/// If `fill` returns no errno it must have written all parts.
#[cfg(CONFIG_IO_URING)]
pub(super) unsafe fn read_list<T: Default, P>(
    nr: u32,
    nr_parts: u32,
    fill: impl FnOnce(*mut T, *mut P) -> c_int,
) -> Result<(KVVec<T>, KVVec<P>)> {
    let (nr, nr_parts) = (u32_as_usize(nr), u32_as_usize(nr_parts));
    if nr > LIST_MAX || nr_parts > LIST_MAX {
        return Err(EINVAL);
    }
    let mut all: KVVec<T> = KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
    for _ in 0..nr {
        all.push(T::default(), GFP_KERNEL_ACCOUNT)?;
    }
    let mut parts: KVVec<P> = KVVec::with_capacity(nr_parts, GFP_KERNEL_ACCOUNT)?;
    to_result(fill(all.as_mut_ptr(), parts.as_mut_ptr()))?;
    // SAFETY: All of them were written, as the caller has promised, and there is room for them.
    unsafe { parts.inc_len(nr_parts) };
    Ok((all, parts))
}

/// IORING_SETUP_CQSIZE: the number of completion queue entries was chosen.
#[cfg(CONFIG_IO_URING)]
const CQSIZE: u32 = bindings::IORING_SETUP_CQSIZE;

#[cfg(CONFIG_IO_URING)]
impl Uring {
    fn from_raw(state: &bindings::checkpoint_uring) -> Self {
        // One that was resized (IORING_REGISTER_RESIZE_RINGS) has its size, and no flag for that.
        let resized = state.cq_entries != state.sq_entries.saturating_mul(2);
        Self {
            setup: state.setup | if resized { CQSIZE } else { 0 },
            sq_entries: state.sq_entries,
            cq_entries: state.cq_entries,
            sq_head: state.sq_head,
            cq_tail: state.cq_tail,
            drain_disabled: state.drain_disabled,
            drain_active: state.drain_active,
            drain_next: state.drain_next,
            boottime: state.boottime,
            told: state.told,
            told_at: state.told_at,
            rings: state.rings_size,
            sqes: state.sqes_size,
            registered: Registered {
                ops: state.ops_restricted.then_some(Ops {
                    ops: state.ops,
                    allowed: state.sqe_flags_allowed,
                    required: state.sqe_flags_required,
                }),
                registers: state.registers_restricted.then_some(state.registers),
                slots: state.slots,
                files: state.files,
                alloc: [state.alloc_start, state.alloc_end],
                alloc_hint: state.alloc_hint,
                personalities: state.personalities,
                next_personality: state.next_personality,
                eventfd: state.eventfd.addr(),
                eventfd_async: state.eventfd_async,
                buffer_slots: state.buffer_slots,
                buffers: state.buffers,
                groups: state.groups,
                group_rings: state.group_rings,
                provided: state.provided,
                mm: state.mm.addr(),
            },
            requests: state.requests,
            futexes: state.futexes,
            ios: state.ios,
            vecs: state.vecs,
            links: state.links,
            link_vecs: state.link_vecs,
            link_futexes: state.link_futexes,
            thread: state.thread.addr(),
            thread_idle: state.thread_idle,
            thread_cpu: state.thread_cpu,
            timeouts: [state.timeouts, state.timeouts_flushed],
            under_way: state.under_way,
            // SAFETY: NULL, or a string constant of the kernel.
            busy: (!state.busy_name.is_null())
                .then(|| unsafe { (CStr::from_char_ptr(state.busy_name), state.busy_data) }),
        }
    }

    pub(super) fn to_raw(self) -> bindings::checkpoint_uring {
        let Registered {
            ops,
            registers,
            slots,
            files,
            alloc: [alloc_start, alloc_end],
            alloc_hint,
            personalities,
            next_personality,
            eventfd: _,
            eventfd_async,
            buffer_slots: _,
            buffers: _,
            groups,
            group_rings,
            provided,
            mm: _,
        } = self.registered;
        let [timeouts, timeouts_flushed] = self.timeouts;
        bindings::checkpoint_uring {
            setup: self.setup,
            sq_entries: self.sq_entries,
            cq_entries: self.cq_entries,
            sq_head: self.sq_head,
            cq_tail: self.cq_tail,
            drain_disabled: self.drain_disabled,
            drain_active: self.drain_active,
            drain_next: self.drain_next,
            boottime: self.boottime,
            rings_size: self.rings,
            sqes_size: self.sqes,
            ops_restricted: ops.is_some(),
            ops: ops.map_or([0; 2], |o| o.ops),
            sqe_flags_allowed: ops.map_or(0, |o| o.allowed),
            sqe_flags_required: ops.map_or(0, |o| o.required),
            registers_restricted: registers.is_some(),
            registers: registers.unwrap_or(0),
            slots,
            files,
            alloc_start,
            alloc_end,
            alloc_hint,
            personalities,
            next_personality,
            eventfd: core::ptr::null(),
            eventfd_async,
            buffer_slots: 0,
            buffers: 0,
            mm: core::ptr::null(),
            requests: self.requests,
            timeouts,
            timeouts_flushed,
            futexes: self.futexes,
            ios: self.ios,
            vecs: self.vecs,
            links: self.links,
            link_vecs: self.link_vecs,
            link_futexes: self.link_futexes,
            groups,
            group_rings,
            provided,
            thread: core::ptr::null(),
            thread_idle: self.thread_idle,
            thread_cpu: self.thread_cpu,
            other_work: false,
            told: false,
            told_at: 0,
            under_way: false,
            busy_name: core::ptr::null(),
            busy_data: 0,
        }
    }

    /// Reads `file`, an io_uring, and what it has that can't be read.
    ///
    /// EBUSY: somebody uses it. EINVAL: it is none.
    pub(crate) fn of(file: &FileRef) -> Result<(Self, Option<Why>)> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let mut state = bindings::checkpoint_uring::default();
        // SAFETY: We own a reference on the file, which is an io_uring; the state is written to our
        // own memory.
        let ret = unsafe { bindings::checkpoint_uring_get(file.as_ptr(), &mut state) };
        if ret < 0 {
            return Err(Error::from_errno(ret));
        }
        let why = match ret.cast_unsigned() {
            0 => None,
            bindings::CHECKPOINT_URING_FLAGS => Some(Why::Flags),
            bindings::CHECKPOINT_URING_COMPAT => Some(Why::Compat),
            bindings::CHECKPOINT_URING_IN_FLIGHT => Some(Why::InFlight),
            bindings::CHECKPOINT_URING_OVERFLOW => Some(Why::Overflow),
            bindings::CHECKPOINT_URING_RESTRICTED => Some(Why::Restricted),
            bindings::CHECKPOINT_URING_WORKERS => Some(Why::Workers),
            bindings::CHECKPOINT_URING_ISSUER => Some(Why::Issuer),
            bindings::CHECKPOINT_URING_REGION => Some(Why::Region),
            bindings::CHECKPOINT_URING_QUEUES => Some(Why::Queues),
            bindings::CHECKPOINT_URING_BPF => Some(Why::Bpf),
            bindings::CHECKPOINT_URING_NAPI => Some(Why::Napi),
            bindings::CHECKPOINT_URING_THREAD => Some(Why::Thread),
            bindings::CHECKPOINT_URING_TURN => Some(Why::Turn),
            _ => Some(Why::Other),
        };
        Ok((Self::from_raw(&state), why))
    }

    /// Returns the memory of `file`, of which this was read: rings, then submission queue entries.
    ///
    /// EBUSY: somebody uses it, or has since. EINVAL: it is no io_uring.
    pub(crate) fn memory(&self, file: &FileRef) -> Result<KVVec<u8>> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        let len = self.rings.checked_add(self.sqes).ok_or(EINVAL)?;
        let mut memory: KVVec<u8> = KVVec::with_capacity(len, GFP_KERNEL_ACCOUNT)?;
        let rings = memory.as_mut_ptr();
        // SAFETY: We own a reference on the file, which is an io_uring. There is room for so many
        // bytes, of which the first are the rings: no more are written than this says.
        to_result(unsafe {
            bindings::checkpoint_uring_read(
                file.as_ptr(),
                &self.to_raw(),
                rings.cast(),
                rings.add(self.rings).cast(),
            )
        })?;
        // SAFETY: All of them were written, and there is room for them.
        unsafe { memory.inc_len(len) };
        Ok(memory)
    }

    /// Returns the pid of the only task that may submit to `file`, an io_uring; `None`: all may, or
    /// none yet, or it is gone.
    pub(crate) fn issuer(file: &FileRef) -> Result<Option<PidRef>> {
        if !file.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring. A pid that is returned comes
        // with a reference.
        Ok(unsafe { PidRef::from_owned(bindings::checkpoint_uring_issuer(file.as_ptr())) }.ok())
    }

    /// Returns the registered files of `file`, of which this was read, by ascending place.
    ///
    /// EBUSY: somebody uses it, or has since. EINVAL: it is no io_uring.
    pub(crate) fn files(&self, file: &FileRef) -> Result<KVVec<Slot>> {
        let nr = u32_as_usize(self.registered.files);
        if !file.is_io_uring() || nr > LIST_MAX {
            return Err(EINVAL);
        }
        let mut slots: KVVec<Slot> = KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        let mut raw: KVVec<bindings::checkpoint_uring_slot> =
            KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for so many.
        to_result(unsafe {
            bindings::checkpoint_uring_files(file.as_ptr(), raw.as_mut_ptr(), self.registered.files)
        })?;
        // SAFETY: All of them were written, and there is room for them.
        unsafe { raw.inc_len(nr) };
        for slot in raw {
            // SAFETY: checkpoint_uring_files() has taken the reference for us.
            let file = unsafe { FileRef::from_owned(slot.file) }?;
            // There is room: this can't fail, so that no reference is left.
            slots.push(
                Slot {
                    file,
                    tag: slot.tag,
                    index: slot.index,
                    node: slot.node.addr(),
                },
                GFP_KERNEL_ACCOUNT,
            )?;
        }
        Ok(slots)
    }

    /// Returns the personalities of `file`, of which this was read, by ascending number.
    ///
    /// EBUSY: somebody uses it, or has since. EINVAL: it is no io_uring.
    pub(crate) fn personalities(&self, file: &FileRef) -> Result<KVVec<(u32, CredRef)>> {
        let nr = u32_as_usize(self.registered.personalities);
        if !file.is_io_uring() || nr > LIST_MAX {
            return Err(EINVAL);
        }
        let mut all: KVVec<(u32, CredRef)> = KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        let mut raw: KVVec<bindings::checkpoint_uring_personality> =
            KVVec::with_capacity(nr, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: We own a reference on the file, which is an io_uring; there is room for so many.
        to_result(unsafe {
            bindings::checkpoint_uring_personalities(
                file.as_ptr(),
                raw.as_mut_ptr(),
                self.registered.personalities,
            )
        })?;
        // SAFETY: All of them were written, and there is room for them.
        unsafe { raw.inc_len(nr) };
        for personality in raw {
            // SAFETY: checkpoint_uring_personalities() has taken the reference for us; credentials
            // that are registered do not change.
            let cred = unsafe { CredRef::from_owned(personality.cred) }?;
            // There is room: this can't fail, so that no reference is left.
            all.push((personality.id, cred), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(all)
    }

    /// Makes one with these contents of its memory, with the current task's rights. What is registered
    /// with it comes after, but for restrictions.
    ///
    /// EPERM: the task may have none. EINVAL: the kernel would give it another size or can't restrict
    /// it so, or the memory is of another one. EMFILE: it has more places for files than the task may
    /// open. EBUSY: the task is restricted itself. Else as of io_uring_setup(2).
    pub(crate) fn make(&self, memory: &[u8]) -> Result<FileRef> {
        let (rings, sqes) = memory.split_at_checked(self.rings).ok_or(EINVAL)?;
        if sqes.len() != self.sqes {
            return Err(EINVAL);
        }
        // SAFETY: So many bytes are there of both as this says. The current task is one that may
        // make one; what is returned is an error pointer, or comes with a reference, which is ours.
        unsafe {
            FileRef::from_owned(bindings::checkpoint_uring_make(
                &self.to_raw(),
                rings.as_ptr().cast(),
                sqes.as_ptr().cast(),
            ))
        }
    }

    /// Registers `file` with `ring`, one that was made of this and that nobody uses yet.
    ///
    /// EBADF: it is an io_uring, or was opened with O_PATH. EEXIST: there is one already. EINVAL:
    /// there is no such place.
    pub(crate) fn add_file(&self, ring: &FileRef, slot: &Slot) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own references on both files, the first of which is an io_uring.
        to_result(unsafe {
            bindings::checkpoint_uring_add_file(
                ring.as_ptr(),
                slot.index,
                slot.file.as_ptr(),
                slot.tag,
            )
        })
    }

    /// Gives `ring`, which nobody uses yet, a personality. EBUSY: it has one with that number.
    pub(crate) fn add_personality(&self, ring: &FileRef, id: u32, cred: &CredRef) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring, and on the credentials, which
        // do not change any more.
        to_result(unsafe {
            bindings::checkpoint_uring_add_personality(ring.as_ptr(), id, cred.as_ptr())
        })
    }

    /// Gives `ring`, which nobody uses yet, what depends on all that is registered, and the eventfd.
    ///
    /// EINVAL: it is no eventfd.
    pub(crate) fn finish(&self, ring: &FileRef, eventfd: Option<&FileRef>) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let eventfd = eventfd.map_or(core::ptr::null_mut(), FileRef::as_ptr);
        // SAFETY: We own a reference on the file, which is an io_uring, and on the eventfd, if there
        // is one.
        to_result(unsafe {
            bindings::checkpoint_uring_finish(ring.as_ptr(), &self.to_raw(), eventfd)
        })
    }

    /// Makes the task with the pid `issuer` the only one that may submit to `ring`, which nobody uses
    /// yet.
    ///
    /// ESRCH: there is no such task. EINVAL: all may, or none yet.
    pub(crate) fn set_issuer(ring: &FileRef, issuer: &PidRef) -> Result {
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        let task = issuer.task().ok_or(ESRCH)?;
        // SAFETY: We own references on the file, which is an io_uring, and on the task.
        to_result(unsafe { bindings::checkpoint_uring_set_issuer(ring.as_ptr(), task.as_ptr()) })
    }

    /// Waits until who has added the work that was seen at `told_at` has told the eventfd of it, or has left
    /// that to RCU: until that is done [`Self::of()`] has EBUSY. May sleep.
    pub(crate) fn settle(told_at: usize) {
        // SAFETY: Process context, no lock held; any number may be waited for.
        unsafe { bindings::checkpoint_uring_settle(told_at) };
    }

    /// Gives `ring`, which nobody uses yet, work to do, of which its eventfd is not told if it was before.
    ///
    /// EINVAL: it is no io_uring. EINTR: the caller was killed.
    pub(crate) fn hushed<T>(ring: &FileRef, told: bool, give: impl FnOnce() -> T) -> Result<T> {
        if !told {
            return Ok(give());
        }
        if !ring.is_io_uring() {
            return Err(EINVAL);
        }
        // SAFETY: We own a reference on the file, which is an io_uring.
        to_result(unsafe { bindings::checkpoint_uring_hush(ring.as_ptr(), true) })?;
        let given = give();
        // SAFETY: As before.
        to_result(unsafe { bindings::checkpoint_uring_hush(ring.as_ptr(), false) })?;
        Ok(given)
    }
}

#[cfg(not(CONFIG_IO_URING))]
impl Uring {
    /// Reads an io_uring: there is none.
    pub(crate) fn of(_: &FileRef) -> Result<(Self, Option<Why>)> {
        Err(EINVAL)
    }

    /// Returns the memory of an io_uring: there is none.
    pub(crate) fn memory(&self, _: &FileRef) -> Result<KVVec<u8>> {
        Err(EINVAL)
    }

    /// Returns who alone may submit to an io_uring: there is none.
    pub(crate) fn issuer(_: &FileRef) -> Result<Option<PidRef>> {
        Err(EINVAL)
    }

    /// Returns the registered files of an io_uring: there is none.
    pub(crate) fn files(&self, _: &FileRef) -> Result<KVVec<Slot>> {
        Err(EINVAL)
    }

    /// Returns the personalities of an io_uring: there is none.
    pub(crate) fn personalities(&self, _: &FileRef) -> Result<KVVec<(u32, CredRef)>> {
        Err(EINVAL)
    }

    /// Makes one: this kernel can't.
    pub(crate) fn make(&self, _: &[u8]) -> Result<FileRef> {
        Err(EOPNOTSUPP)
    }

    /// Registers a file: this kernel can't.
    pub(crate) fn add_file(&self, _: &FileRef, _: &Slot) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Adds a personality: this kernel can't.
    pub(crate) fn add_personality(&self, _: &FileRef, _: u32, _: &CredRef) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Registers the rest: this kernel can't.
    pub(crate) fn finish(&self, _: &FileRef, _: Option<&FileRef>) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Sets who alone may submit: this kernel can't.
    pub(crate) fn set_issuer(_: &FileRef, _: &PidRef) -> Result {
        Err(EOPNOTSUPP)
    }

    /// Waits until an eventfd was told: this kernel tells none.
    pub(crate) fn settle(_: usize) {}

    /// Gives one work to do: this kernel can't.
    pub(crate) fn hushed<T>(_: &FileRef, _: bool, _: impl FnOnce() -> T) -> Result<T> {
        Err(EOPNOTSUPP)
    }
}

/// A right for a moment: an io_uring may be mapped at an address.
///
/// # Invariants
///
/// The file is an io_uring, and nobody else has it.
pub(crate) struct Placed<'a>(#[cfg_attr(not(CONFIG_IO_URING), allow(dead_code))] &'a FileRef);

impl<'a> Placed<'a> {
    /// Lets `file`, which only this restart has, be mapped so, if it is an io_uring.
    pub(crate) fn new(file: &'a FileRef) -> Option<Self> {
        if !file.is_io_uring() {
            return None;
        }
        #[cfg(CONFIG_IO_URING)]
        // SAFETY: We own a reference on the file, which is an io_uring.
        unsafe {
            bindings::checkpoint_uring_place(file.as_ptr(), true)
        };
        // INVARIANT: That was checked, and is what the caller promises.
        Some(Self(file))
    }
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        #[cfg(CONFIG_IO_URING)]
        // SAFETY: We have a reference on the file, which by the invariants is an io_uring.
        unsafe {
            bindings::checkpoint_uring_place(self.0.as_ptr(), false)
        };
    }
}
