// SPDX-License-Identifier: GPL-2.0

//! Scheduling: policy, priorities, affinity.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::kapi::{
    fork::restoring::Restoring,
    task::frozen::FrozenTask, //
};

/// Policy and priorities of a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scheduling {
    /// SCHED_* policy.
    pub(crate) policy: u32,
    /// Nice value.
    pub(crate) nice: i32,
    /// Real-time priority.
    pub(crate) rt_priority: u32,
    /// It is reset on fork.
    pub(crate) reset_on_fork: bool,
    /// Time slice that it has chosen, in nanoseconds; 0: the default.
    pub(crate) slice: u64,
}

/// What a thread with the policy SCHED_DEADLINE has asked for, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// Runtime in a period.
    pub(crate) runtime: u64,
    /// When that must be over.
    pub(crate) deadline: u64,
    /// The period.
    pub(crate) period: u64,
    /// It takes what others leave.
    pub(crate) reclaim: bool,
    /// It gets a signal when it takes too long.
    pub(crate) overrun: bool,
}

impl Scheduling {
    /// Returns what is set one after the other to get there from `old`; `None`: that is not known. One who
    /// does not use a nice value and a slice, but keeps them, gets them by another policy first.
    pub(crate) fn steps(&self, old: Option<&Self>) -> impl Iterator<Item = Self> {
        let keeps = [policy::FIFO, policy::RR, policy::IDLE].contains(&self.policy);
        let has = old.is_some_and(|old| (old.nice, old.slice) == (self.nice, self.slice));
        let fair = Self {
            policy: policy::NORMAL,
            rt_priority: 0,
            ..*self
        };
        Iterator::chain(
            (keeps && !has).then_some(fair).into_iter(),
            (old != Some(self)).then_some(*self),
        )
    }

    /// Returns it as sched_setattr(2) takes it.
    pub(in crate::kapi) fn to_raw(self) -> bindings::sched_attr {
        let mut attr: bindings::sched_attr = pin_init::zeroed();
        attr.size = ATTR_SIZE;
        attr.sched_policy = self.policy;
        attr.sched_nice = self.nice;
        attr.sched_priority = self.rt_priority;
        // What a deadline task calls its runtime is the slice of others.
        attr.sched_runtime = self.slice;
        if self.reset_on_fork {
            attr.sched_flags = u64::from(bindings::SCHED_FLAG_RESET_ON_FORK);
        }
        attr
    }
}

/// Policies, as sched_setscheduler(2) and images number them.
pub(crate) mod policy {
    use kernel::bindings;

    pub(crate) const NORMAL: u32 = bindings::SCHED_NORMAL;
    pub(crate) const FIFO: u32 = bindings::SCHED_FIFO;
    pub(crate) const RR: u32 = bindings::SCHED_RR;
    pub(crate) const BATCH: u32 = bindings::SCHED_BATCH;
    pub(crate) const IDLE: u32 = bindings::SCHED_IDLE;
    pub(crate) const DEADLINE: u32 = bindings::SCHED_DEADLINE;
    pub(crate) const EXT: u32 = bindings::SCHED_EXT;
}

/// Static priority of nice 0.
const PRIO_NICE_0: i32 = bindings::DEFAULT_PRIO.cast_signed();

/// Words of a CPU mask.
const MASK_WORDS: usize = size_of::<bindings::cpumask>() / size_of::<c_ulong>();

/// Bits of a word of a CPU mask.
const WORD: usize = u32_as_usize(c_ulong::BITS);

/// A set of CPUs.
///
/// # Invariants
///
/// There are [`MASK_WORDS`] words: it is as long as a `struct cpumask`.
pub(crate) struct CpuMask(KVec<c_ulong>);

impl CpuMask {
    pub(in crate::kapi) fn empty() -> Result<Self> {
        // INVARIANT: As many words as that.
        Ok(Self(KVec::from_elem(0, MASK_WORDS, GFP_KERNEL_ACCOUNT)?))
    }

    /// Returns it as what the kernel's functions take: it is as long as that.
    #[cfg(CONFIG_IO_URING)]
    pub(in crate::kapi) fn as_ptr(&self) -> *const bindings::cpumask {
        self.0.as_ptr().cast()
    }

    /// Returns the same, to be written to.
    #[cfg(CONFIG_IO_URING)]
    pub(in crate::kapi) fn as_mut_ptr(&mut self) -> *mut bindings::cpumask {
        self.0.as_mut_ptr().cast()
    }

    /// Copies a mask of the kernel.
    ///
    /// # Safety
    ///
    /// `from` must be valid for the call. Who changes it meanwhile changes it word by word.
    unsafe fn copy(from: *const bindings::cpumask) -> Result<Self> {
        let mut mask = Self::empty()?;
        // SAFETY: By the type's invariants both masks have that size, and the caller has the other one.
        unsafe {
            core::ptr::copy_nonoverlapping(from.cast::<c_ulong>(), mask.0.as_mut_ptr(), MASK_WORDS);
        }
        Ok(mask)
    }

    /// Returns all CPUs that there can be.
    pub(crate) fn possible() -> Result<Self> {
        // SAFETY: That of possible CPUs does not change.
        unsafe { Self::copy(&raw const bindings::__cpu_possible_mask) }
    }

    /// Returns `cpu` alone.
    pub(crate) fn of(cpu: u32) -> Result<Self> {
        let (mut mask, cpu) = (Self::empty()?, u32_as_usize(cpu));
        if let Some(word) = mask.0.get_mut(cpu / WORD) {
            *word |= 1 << (cpu % WORD);
        }
        Ok(mask)
    }

    /// Returns the CPUs whose bit n % 8 of byte n / 8 is set.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut mask = Self::empty()?;
        for cpu in 0..bytes.len().saturating_mul(8) {
            if bytes.get(cpu / 8).is_some_and(|b| b >> (cpu % 8) & 1 != 0) {
                if let Some(word) = mask.0.get_mut(cpu / WORD) {
                    *word |= 1 << (cpu % WORD);
                }
            }
        }
        Ok(mask)
    }

    /// Returns them as bytes, with bit n % 8 of byte n / 8 for CPU n.
    pub(crate) fn to_bytes(&self) -> Result<KVec<u8>> {
        let mut bytes = KVec::new();
        for word in &self.0 {
            bytes.extend_from_slice(&word.to_le_bytes(), GFP_KERNEL_ACCOUNT)?;
        }
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(bytes)
    }

    /// Keeps the CPUs that are in `other` too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a &= b;
        }
    }

    /// Returns whether it has all CPUs of `other`.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| b & !a == 0)
    }

    /// Returns whether it has no CPU.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|&w| w == 0)
    }
}

impl PartialEq for CpuMask {
    fn eq(&self, other: &Self) -> bool {
        self.0[..] == other.0[..]
    }
}

impl FrozenTask {
    /// Returns the policy and priorities.
    pub(crate) fn scheduling(&self) -> Scheduling {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the fields are read once each.
        unsafe {
            Scheduling {
                policy: (&raw const (*t).policy).read_volatile(),
                nice: (&raw const (*t).static_prio).read_volatile() - PRIO_NICE_0,
                rt_priority: (&raw const (*t).rt_priority).read_volatile(),
                reset_on_fork: (*t).sched_reset_on_fork() != 0,
                slice: slice(&(*t).se),
            }
        }
    }

    /// Returns what it has asked for as one with the policy SCHED_DEADLINE; `None`: it has another.
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        let t = self.as_ptr();
        // SAFETY: We own a reference on the task; the fields are changed by sched_setattr(2) only, and
        // any mix of them is a number.
        unsafe {
            if (&raw const (*t).policy).read_volatile() != policy::DEADLINE {
                return None;
            }
            let dl = &raw const (*t).dl;
            let flags = (*dl).flags;
            Some(Deadline {
                runtime: (*dl).dl_runtime,
                deadline: (*dl).dl_deadline,
                period: (*dl).dl_period,
                reclaim: flags & bindings::SCHED_FLAG_RECLAIM != 0,
                overrun: flags & bindings::SCHED_FLAG_DL_OVERRUN != 0,
            })
        }
    }

    /// Returns the CPUs that it may run on, as sched_getaffinity(2) does.
    pub(crate) fn cpus(&self) -> Result<CpuMask> {
        // SAFETY: We own a reference on the task. Any mix of two masks is one.
        unsafe { CpuMask::copy(&raw const (*self.as_ptr()).cpus_mask) }
    }

    /// Returns the CPUs that it was bound to; `None` if it may run on all.
    pub(crate) fn affinity(&self) -> Result<Option<CpuMask>> {
        let mut mask = CpuMask::empty()?;
        // SAFETY: We own a reference on the task; by the type's invariants the vector is as long as
        // a mask.
        unsafe {
            bindings::task_cpus_user(
                self.as_ptr(),
                mask.0.as_mut_ptr().cast::<bindings::cpumask>(),
            );
        }
        let possible = CpuMask::possible()?;
        let all = mask.contains(&possible);
        mask.intersect(&possible);
        Ok((!all).then_some(mask))
    }
}

/// Returns the time slice that a task has chosen; 0: none.
fn slice(se: &bindings::sched_entity) -> u64 {
    if se.custom_slice == 0 {
        0
    } else {
        se.slice
    }
}

/// Returns the policy and priorities of the current task.
pub(crate) fn current() -> Scheduling {
    // SAFETY: The fields of the running task.
    unsafe {
        let t = bindings::get_current();
        Scheduling {
            policy: (*t).policy,
            nice: (*t).static_prio - PRIO_NICE_0,
            rt_priority: (*t).rt_priority,
            reset_on_fork: (*t).sched_reset_on_fork() != 0,
            slice: slice(&(*t).se),
        }
    }
}

/// Size of the structure of sched_setattr(2).
// CAST: Structures are shorter than 4 GiB.
const ATTR_SIZE: u32 = size_of::<bindings::sched_attr>() as u32;

/// Sets policy and priorities of the current task, with the checks of sched_setattr(2).
pub(crate) fn set(_: &Restoring, new: &Scheduling) -> Result {
    // SAFETY: The running task and a valid structure.
    to_result(unsafe { bindings::sched_setattr(bindings::get_current(), &new.to_raw()) })
}

/// Gives the current task the policy SCHED_DEADLINE, with the checks of sched_setattr(2). It forks
/// no more.
///
/// EPERM: it has no CAP_SYS_NICE, or is bound to CPUs. EBUSY: so much CPU time is not there.
/// EINVAL: the numbers are not possible here.
pub(crate) fn set_deadline(_: &Restoring, new: &Deadline, reset_on_fork: bool) -> Result {
    let mut attr: bindings::sched_attr = pin_init::zeroed();
    attr.size = ATTR_SIZE;
    attr.sched_policy = policy::DEADLINE;
    attr.sched_runtime = new.runtime;
    attr.sched_deadline = new.deadline;
    attr.sched_period = new.period;
    for (on, flag) in [
        (reset_on_fork, bindings::SCHED_FLAG_RESET_ON_FORK),
        (new.reclaim, bindings::SCHED_FLAG_RECLAIM),
        (new.overrun, bindings::SCHED_FLAG_DL_OVERRUN),
    ] {
        if on {
            attr.sched_flags |= u64::from(flag);
        }
    }
    // SAFETY: The running task and a valid structure.
    to_result(unsafe { bindings::sched_setattr(bindings::get_current(), &attr) })
}

/// Returns whether the current task was bound to CPUs.
pub(crate) fn is_bound() -> bool {
    // SAFETY: The field belongs to the running task; the pointer is only looked at.
    unsafe { !(*bindings::get_current()).user_cpus_ptr.is_null() }
}

/// Binds the current task to CPUs, with the checks of sched_setaffinity(2).
pub(crate) fn bind(_: &Restoring, mask: &CpuMask) -> Result {
    // SAFETY: By the type's invariants the vector is as long as a mask; 0 is the running task.
    let ret =
        unsafe { bindings::sched_setaffinity(0, mask.0.as_ptr().cast::<bindings::cpumask>()) };
    to_result(c_int::try_from(ret)?)
}
