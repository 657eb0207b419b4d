// SPDX-License-Identifier: GPL-2.0

//! Address spaces as a whole.

use core::ptr::NonNull;

use kernel::{
    bindings,
    current,
    error::to_result,
    mm::MmWithUser,
    num::casts::{
        arch::u64_as_usize,
        u32_as_usize,
        usize_as_u64, //
    },
    prelude::*,
    sync::aref::ARef,
    types::NotThreadSafe, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    fs::file::FileRef,
    task::frozen::FrozenTask, //
};

/// The fields of `struct mm_struct` that a bindgen union and a cache line wrap.
macro_rules! field {
    ($mm:expr, $name:ident) => {
        (*$mm.as_ptr()).__bindgen_anon_1.$name
    };
}

/// A counted reference on an address space.
///
/// # Invariants
///
/// It owns one of its `mm_users`, by which mappings and page tables stay.
#[derive(Clone)]
pub(crate) struct MmRef(ARef<MmWithUser>);

/// Addresses that an address space remembers, and its settings.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// Start and end of the program's code.
    pub(crate) code: [usize; 2],
    /// Start and end of its data.
    pub(crate) data: [usize; 2],
    /// Start and current end of the heap.
    pub(crate) brk: [usize; 2],
    /// Start of the stack.
    pub(crate) stack: usize,
    /// Start and end of the arguments.
    pub(crate) args: [usize; 2],
    /// Start and end of the environment.
    pub(crate) env: [usize; 2],
    /// Top, or bottom, of the area for mappings.
    pub(crate) mmap_base: usize,
}

impl Layout {
    /// Returns whether it is one that [`set_layout`] takes for an address space that ends at `end`,
    /// limits of data apart.
    pub(crate) fn is_settable(&self, end: usize) -> bool {
        // SAFETY: Reads a number that root may change.
        let first = unsafe { (&raw const bindings::mmap_min_addr).read_volatile() };
        let pairs = [self.code, self.data, self.brk, self.args, self.env];
        let ordered = pairs.iter().all(|[a, b]| a <= b) && self.code[0] < self.code[1];
        let inside = |addr: &usize| (first..end).contains(addr);
        ordered && pairs.iter().flatten().all(inside) && inside(&self.stack)
    }
}

/// Bits of the flag word of an address space, by number.
pub(crate) mod flag {
    use kernel::bindings;

    pub(crate) const THP_OFF: u32 = bindings::MMF_DISABLE_THP_COMPLETELY;
    pub(crate) const THP_ADVISED: u32 = bindings::MMF_DISABLE_THP_EXCEPT_ADVISED;
    pub(crate) const MDWE: u32 = bindings::MMF_HAS_MDWE;
    pub(crate) const MDWE_NO_INHERIT: u32 = bindings::MMF_HAS_MDWE_NO_INHERIT;
    pub(crate) const TOPDOWN: u32 = bindings::MMF_TOPDOWN;
    pub(crate) const UPROBES: u32 = bindings::MMF_HAS_UPROBES;
    pub(crate) const MERGE_ANY: u32 = bindings::MMF_VM_MERGE_ANY;
    pub(crate) const UNSTABLE: u32 = bindings::MMF_UNSTABLE;
    pub(crate) const DUMP_SHIFT: u32 = bindings::MMF_DUMP_FILTER_SHIFT;
    pub(crate) const DUMP_BITS: u32 = bindings::MMF_DUMP_FILTER_BITS;

    /// Notes of the kernel to itself, which follow from what is restored.
    pub(crate) const OWN: &[u32] = &[
        bindings::MMF_VM_MERGEABLE,
        bindings::MMF_VM_HUGEPAGE,
        bindings::MMF_HUGE_ZERO_FOLIO,
        bindings::MMF_RECALC_UPROBES,
        bindings::MMF_OOM_SKIP,
        bindings::MMF_OOM_REAP_QUEUED,
        bindings::MMF_MULTIPROCESS,
        bindings::MMF_HAS_PINNED,
        // Dumpability was here once; now it belongs to the task.
        0,
        1,
    ];

    const _: () = assert!(bindings::MMF_DUMPABLE_BITS == 2);
}

impl MmRef {
    /// Returns the address space of `t`; `None` if it has none, as one that has been killed.
    pub(crate) fn of(t: &FrozenTask) -> Option<Self> {
        // SAFETY: `t` is valid, and its task_lock() is not held. The reference that is returned is
        // ours.
        unsafe { Self::from_owned(bindings::get_task_mm(t.as_ptr())) }
    }

    /// Takes over a reference that the caller owns; `None`: it is NULL.
    ///
    /// # Safety
    ///
    /// `mm` is NULL, or valid with one of its `mm_users`, which is handed over.
    unsafe fn from_owned(mm: *mut bindings::mm_struct) -> Option<Self> {
        // SAFETY: By the caller's promise there is a reference, which we take over. `MmWithUser` is
        // a transparent wrapper of `struct mm_struct`.
        NonNull::new(mm).map(|mm| Self(unsafe { ARef::from_raw(mm.cast()) }))
    }

    /// Returns the caller's own address space.
    pub(crate) fn of_current() -> Result<Self> {
        current!().mm().map(|mm| Self(mm.into())).ok_or(ESRCH)
    }

    /// Returns the address space, for this layer and the architectures.
    pub(crate) fn as_ptr(&self) -> *mut bindings::mm_struct {
        self.0.as_raw()
    }

    /// The fields that are the architecture's own.
    // s390 has nothing to save there.
    #[cfg_attr(CONFIG_S390, expect(dead_code))]
    pub(crate) fn context(&self) -> *mut bindings::mm_context_t {
        // SAFETY: We own a reference; only the address of a field is computed.
        unsafe { &raw mut field!(self, context) }
    }

    /// Returns its address: what identifies it in the object table.
    pub(crate) fn addr(&self) -> usize {
        self.as_ptr().addr()
    }

    /// Returns the number of its users: tasks, us, and who looks at it at the moment.
    pub(crate) fn users(&self) -> u64 {
        // SAFETY: We own a reference; the counter is read once.
        let n = unsafe { (&raw const field!(self, mm_users).counter).read_volatile() };
        u64::from(n.unsigned_abs())
    }

    /// Returns a copy-on-write copy, as fork() makes it, without attaches of System V shared
    /// memory. May sleep.
    ///
    /// ENOMEM; EINTR: SIGKILL came.
    pub(crate) fn copy(&self) -> Result<Self> {
        // SAFETY: We own a reference on the original, whose lock is not
        // held. A new address space has one user: us.
        unsafe { Self::from_owned(bindings::checkpoint_copy_mm(self.as_ptr())) }
            .ok_or_else(killed_or_no_memory)
    }

    /// Returns what it remembers of its layout.
    pub(crate) fn layout(&self) -> Layout {
        // SAFETY: We own a reference. Only its tasks change these, and they are frozen.
        unsafe {
            Layout {
                code: [field!(self, start_code), field!(self, end_code)],
                data: [field!(self, start_data), field!(self, end_data)],
                brk: [field!(self, start_brk), field!(self, brk)],
                stack: field!(self, start_stack),
                args: [field!(self, arg_start), field!(self, arg_end)],
                env: [field!(self, env_start), field!(self, env_end)],
                mmap_base: field!(self, mmap_base),
            }
        }
    }

    /// Appends its auxiliary vector, up to the end mark, to `to`.
    pub(crate) fn auxv(&self, to: &mut KVec<u64>) -> Result {
        // SAFETY: We own a reference. Only its tasks change this, and they are frozen.
        let all = unsafe { field!(self, saved_auxv) };
        for pair in all.chunks_exact(2) {
            for &word in pair {
                to.push(usize_as_u64(word), GFP_KERNEL)?;
            }
            if pair.first() == Some(&0) {
                break;
            }
        }
        Ok(())
    }

    /// Returns its flag word; bits as of [`flag`].
    pub(crate) fn flags(&self) -> usize {
        // SAFETY: We own a reference on the address space, which keeps it valid.
        unsafe { bindings::mm_flags_word(self.as_ptr()) }
    }

    /// Returns the flags of its future mappings, as of `vma::bit`.
    pub(crate) fn def_flags(&self) -> u64 {
        // SAFETY: We own a reference; both arms of the union are one integer.
        usize_as_u64(unsafe { field!(self, __bindgen_anon_2).def_flags })
    }

    /// Returns its registrations of membarrier(2).
    pub(crate) fn membarrier(&self) -> u32 {
        #[cfg(CONFIG_MEMBARRIER)]
        // SAFETY: We own a reference; the integer is read once.
        return unsafe { (&raw const field!(self, membarrier_state).counter).read_volatile() }
            .unsigned_abs();
        #[cfg(not(CONFIG_MEMBARRIER))]
        0
    }

    /// Returns the number of its mappings.
    pub(crate) fn map_count(&self) -> usize {
        // SAFETY: We own a reference; the integer is read once.
        let n = unsafe { (&raw const field!(self, map_count)).read_volatile() };
        usize::try_from(n).unwrap_or(0)
    }

    /// Returns the program that it executes.
    pub(crate) fn exe(&self) -> Option<FileRef> {
        // SAFETY: We own a reference; the function returns NULL or a reference.
        unsafe { FileRef::from_owned(bindings::get_mm_exe_file(self.as_ptr())) }.ok()
    }

    /// Returns its end: no mapping lies beyond.
    pub(crate) fn task_size(&self) -> usize {
        // SAFETY: We own a reference; the field does not change.
        unsafe { field!(self, task_size) }
    }

    /// Locks the mappings against changes. EINTR: SIGKILL came.
    pub(super) fn read_lock(&self) -> Result<ReadGuard<'_>> {
        // SAFETY: We own a reference. We may sleep.
        to_result(unsafe { bindings::mmap_read_lock_killable(self.as_ptr()) })?;
        // INVARIANT: The lock was just taken, by this thread.
        Ok(ReadGuard {
            mm: self,
            _not_send: NotThreadSafe,
        })
    }
}

/// The mmap lock of an address space, held for reading.
///
/// [`kernel::mm::MmapReadGuard`] can't be waited for but uninterruptibly.
///
/// # Invariants
///
/// The current thread, which this does not leave, holds the lock of `mm` for reading.
pub(super) struct ReadGuard<'a> {
    mm: &'a MmRef,
    _not_send: NotThreadSafe,
}

impl Drop for ReadGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type's invariants this thread holds the lock.
        unsafe { bindings::mmap_read_unlock(self.mm.as_ptr()) };
    }
}

fn killed_or_no_memory() -> Error {
    // SAFETY: `current` is valid.
    if unsafe { bindings::fatal_signal_pending(bindings::get_current()) } {
        EINTR
    } else {
        ENOMEM
    }
}

/// Returns whether the address space of the calling task denies memory that is writable and
/// executable, to itself and to the processes that it makes (prctl(PR_SET_MDWE)).
pub(crate) fn denies_write_exec() -> bool {
    MmRef::of_current().is_ok_and(|mm| {
        let has = |bit: u32| mm.flags() & 1 << bit != 0;
        has(flag::MDWE) && !has(flag::MDWE_NO_INHERIT)
    })
}

/// Gives the caller, whose only thread it is to have it, a new, empty address space.
///
/// It is the caller's alone until that has restored it: the threads and processes that it makes
/// with it wait for their turn meanwhile.
///
/// The old one is left as exec does it. Of its flags the new one has none but, with
/// `deny_write_exec`, [`flag::MDWE`]. May sleep.
pub(crate) fn renew(_: &Restoring, deny_write_exec: bool) -> Result<MmRef> {
    // SAFETY: `current` has an address space; mm_alloc() returns NULL or one with one user.
    let mm = NonNull::new(unsafe { bindings::mm_alloc() }).ok_or(ENOMEM)?;
    // SAFETY: Nobody else knows the address space. It has no mappings: so there is nothing for
    // ksm_disable_merge_any() to do, and none that the flags of prctl(2) are about.
    unsafe {
        for &bit in INHERITED {
            bindings::mm_flag_clear(bit.cast_signed(), mm.as_ptr());
        }
        if deny_write_exec {
            bindings::mm_flag_set(flag::MDWE.cast_signed(), mm.as_ptr());
        }
        field!(mm, __bindgen_anon_2).def_flags = 0;
    }
    let mut bprm: bindings::linux_binprm = pin_init::zeroed();
    bprm.mm = mm.as_ptr();
    // SAFETY: exec_mmap() uses of its argument these two fields only. On success `current` has
    // taken over the reference on `mm`; on failure it is still ours. It returns with
    // exec_update_lock held for writing, which is dropped at once: nobody outside knows the
    // task yet. The old address space is handed over to us. The task's concurrency id is one of
    // its address space: it is given back before and taken again after, as exec does.
    unsafe {
        let current = bindings::get_current();
        bprm.user_ns = bindings::current_user_ns();
        bindings::mm_cid_before_exec(current);
        let done = to_result(bindings::exec_mmap(&mut bprm));
        bindings::mm_cid_after_exec(current);
        if let Err(e) = done {
            bindings::mmput(mm.as_ptr());
            return Err(e);
        }
        bindings::up_write(&raw mut (*(*current).signal).exec_update_lock);
        if let Some(old) = NonNull::new(bprm.old_mm) {
            field!(mm, task_size) = field!(old, task_size);
            // Coredumps are made in the format of the caller's program.
            bindings::set_binfmt(field!(old, binfmt));
            bindings::exec_mm_put_old(old.as_ptr());
        }
        // The image says where memory is executable.
        (*current).personality &= !READ_IMPLIES_EXEC;
        // All bases; the one of this kind of program is set with the layout.
        bindings::arch_pick_mmap_layout(
            mm.as_ptr(),
            &raw const (*(*current).signal).rlim[u32_as_usize(bindings::RLIMIT_STACK)],
        );
        bindings::checkpoint_setup_new_exec();
    }
    MmRef::of_current()
}

/// Flags that mm_init() copies from the creator's address space, coredump filter apart: that is
/// always in the image.
const INHERITED: &[u32] = &[
    flag::THP_OFF,
    flag::THP_ADVISED,
    flag::MDWE,
    flag::MDWE_NO_INHERIT,
    flag::MERGE_ANY,
    flag::TOPDOWN,
];

/// From personality(2).
const READ_IMPLIES_EXEC: u32 = bindings::READ_IMPLIES_EXEC;

/// Sets where an address space places its next mappings, before there are any.
///
/// `top_down`: below `base`, else above it.
pub(crate) fn set_mmap_base(mm: &MmRef, base: usize, top_down: bool) {
    // SAFETY: We own a reference, and it belongs to the caller alone. Only
    // arch_pick_mmap_layout() sets these, from RLIMIT_STACK and at random: to the end of a page,
    // below the end of the address space. The image's was checked to be both.
    unsafe {
        field!(mm, mmap_base) = base;
        if !top_down {
            field!(mm, mmap_legacy_base) = base;
        }
    }
    set_flag(mm, flag::TOPDOWN, top_down);
}

/// Sets what the caller's new address space `mm` remembers of its layout, with the checks of
/// prctl(PR_SET_MM_MAP).
///
/// EINVAL: an address lies outside, or there is an end before its start, or more data than
/// RLIMIT_DATA allows.
pub(crate) fn set_layout(mm: &MmRef, l: &Layout) -> Result {
    // A 32-bit program has that of 64-bit calls too.
    // SAFETY: It only computes a constant of the machine.
    if l.mmap_base > unsafe { bindings::checkpoint_task_size_max() } {
        return Err(EINVAL);
    }
    // That of the program may be less than the running task's.
    if !l.is_settable(mm.task_size()) {
        return Err(EINVAL);
    }
    let pair = |[start, end]: [usize; 2]| (usize_as_u64(start), usize_as_u64(end));
    let mut map: bindings::prctl_mm_map = pin_init::zeroed();
    (map.start_code, map.end_code) = pair(l.code);
    (map.start_data, map.end_data) = pair(l.data);
    (map.start_brk, map.brk) = pair(l.brk);
    map.start_stack = usize_as_u64(l.stack);
    (map.arg_start, map.arg_end) = pair(l.args);
    (map.env_start, map.env_end) = pair(l.env);
    // SAFETY: It only looks at these numbers, and at the limits of the running task.
    to_result(unsafe { bindings::validate_prctl_map_addr(&mut map) })?;
    // SAFETY: We own a reference, and it belongs to the caller alone: nobody holds its arg_lock.
    // What prctl(2) checks of these was checked.
    unsafe {
        [field!(mm, start_code), field!(mm, end_code)] = l.code;
        [field!(mm, start_data), field!(mm, end_data)] = l.data;
        [field!(mm, start_brk), field!(mm, brk)] = l.brk;
        field!(mm, start_stack) = l.stack;
        [field!(mm, arg_start), field!(mm, arg_end)] = l.args;
        [field!(mm, env_start), field!(mm, env_end)] = l.env;
    }
    Ok(())
}

/// Sets the auxiliary vector. EINVAL: it is too long. An end mark is added where none is.
pub(crate) fn set_auxv(mm: &MmRef, words: impl Iterator<Item = u64>) -> Result {
    let mut auxv: [usize; AUXV_WORDS] = [0; AUXV_WORDS];
    for (n, word) in words.enumerate() {
        *auxv.get_mut(n).ok_or(EINVAL)? = u64_as_usize(word);
    }
    // The last pair ends it, whatever was in there.
    if let Some(last) = auxv.last_chunk_mut::<2>() {
        *last = [0; 2];
    }
    // SAFETY: We own a reference, and it belongs to the caller alone. As prctl(PR_SET_MM_AUXV),
    // which takes any words with an end mark as the last pair.
    unsafe { field!(mm, saved_auxv) = auxv };
    Ok(())
}

const AUXV_WORDS: usize = u32_as_usize(bindings::AT_VECTOR_SIZE);

/// Sets or clears a bit of the flag word.
pub(crate) fn set_flag(mm: &MmRef, bit: u32, on: bool) {
    // SAFETY: We own a reference; the change is atomic.
    unsafe {
        if on {
            bindings::mm_flag_set(bit.cast_signed(), mm.as_ptr());
        } else {
            bindings::mm_flag_clear(bit.cast_signed(), mm.as_ptr());
        }
    }
}

/// Has all pages of `mm`, the caller's address space, merged with like ones, those of future
/// mappings too, as prctl(PR_SET_MEMORY_MERGE) does. May sleep.
///
/// EOPNOTSUPP: this kernel does not merge pages; EINTR: SIGKILL came.
pub(crate) fn merge_all(mm: &MmRef) -> Result {
    // SAFETY: We own a reference on the address space, which keeps it valid.
    to_result(unsafe { bindings::checkpoint_merge_any(mm.as_ptr()) })
}

/// Sets the flags of future mappings: those of mlockall(MCL_FUTURE), or none.
///
/// EPERM: the caller may lock no memory.
pub(crate) fn set_def_flags(mm: &MmRef, flags: u64) -> Result {
    // SAFETY: It looks at the limits and the credentials of the running task.
    if flags != 0 && !unsafe { bindings::can_do_mlock() } {
        return Err(EPERM);
    }
    // SAFETY: We own a reference, and it belongs to the caller alone. apply_mlockall_flags() sets
    // the same bits; whether they may be set was asked as mlockall(2) asks it.
    unsafe { field!(mm, __bindgen_anon_2).def_flags = u64_as_usize(flags) };
    Ok(())
}

/// Repeats the registrations of membarrier(2) in the caller's new address space.
///
/// EOPNOTSUPP: this kernel does not have a registered command.
pub(crate) fn set_membarrier(mm: &MmRef, state: u32) -> Result {
    let told = |ready| state & ready != 0;
    if told(barrier::SYNC_CORE) && !cfg!(CONFIG_ARCH_HAS_MEMBARRIER_SYNC_CORE)
        || told(barrier::RSEQ) && !cfg!(CONFIG_RSEQ)
        || state != 0 && !cfg!(CONFIG_MEMBARRIER)
    {
        return Err(EOPNOTSUPP);
    }
    // SAFETY: We own a reference; no other thread runs in it, so there is no runqueue but this one
    // that sync_runqueues_membarrier_state() would have to tell. Whether the kernel has the
    // command was asked as membarrier(2) asks it.
    unsafe { bindings::membarrier_set_state(mm.as_ptr(), state.cast_signed()) };
    Ok(())
}

/// Bits of registrations of membarrier(2): those in effect, and all that come with it. A helper
/// compares them with MEMBARRIER_STATE_*.
pub(crate) mod barrier {
    pub(crate) const PRIVATE: u32 = 1 << 0;
    pub(crate) const PRIVATE_ALL: u32 = PRIVATE | 1 << 1;
    pub(crate) const GLOBAL: u32 = 1 << 2;
    pub(crate) const GLOBAL_ALL: u32 = GLOBAL | 1 << 3;
    pub(crate) const SYNC_CORE: u32 = 1 << 4;
    pub(crate) const SYNC_CORE_ALL: u32 = SYNC_CORE | 1 << 5 | 1 << 1;
    pub(crate) const RSEQ: u32 = 1 << 6;
    pub(crate) const RSEQ_ALL: u32 = RSEQ | 1 << 7 | 1 << 1;
    pub(crate) const ALL: u32 = (1 << 8) - 1;
}

/// Sets the program of a new address space. EACCES: it is open for writing.
pub(crate) fn set_exe(mm: &MmRef, file: &FileRef) -> Result {
    // SAFETY: We own both references. Tasks that have the address space are parked or not made
    // yet, so that nobody else sets it; others read it under RCU.
    to_result(unsafe { bindings::set_mm_exe_file(mm.as_ptr(), file.as_ptr()) })
}
