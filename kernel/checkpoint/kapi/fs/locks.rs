// SPDX-License-Identifier: GPL-2.0

//! File locks and leases.

use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

use crate::kapi::{
    fs::{
        fdtable::FilesRef,
        file::FileRef, //
    },
    pid::namespace::PidNs,
    time::wait, //
};

/// Last byte of a lock that reaches to the end of the file, wherever that is.
pub(crate) const TO_THE_END: i64 = i64::MAX;

/// What a lock is, and so who owns it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockKind {
    /// F_SETLK: a descriptor table owns it.
    Posix,
    /// F_OFD_SETLK: the open file.
    Ofd,
    /// flock(2): the open file.
    Flock,
    /// F_SETLEASE: the open file.
    Lease,
    /// F_SETDELEG: the open file.
    Delegation,
}

/// A break of a lease that is under way: what its holder is to make of it, and how long it is, in
/// nanoseconds, until the kernel does that; `u64::MAX`: it does not.
#[derive(Clone, Copy, Default)]
pub(crate) struct Break {
    /// One for reading.
    pub(crate) downgrade: Option<u64>,
    /// None.
    pub(crate) unlock: Option<u64>,
}

impl Break {
    /// Returns whether there is one.
    pub(crate) fn is_any(&self) -> bool {
        self.downgrade.is_some() || self.unlock.is_some()
    }
}

/// A lock, as it was at one moment.
///
/// The addresses are for comparison only.
#[derive(Clone, Copy)]
pub(crate) struct Lock {
    /// What it is.
    pub(crate) kind: LockKind,
    /// It keeps all others out, and not writers only.
    pub(crate) exclusive: bool,
    /// Address of the open file through which it was taken.
    pub(crate) file: usize,
    /// Address of its owner.
    pub(crate) owner: usize,
    /// First byte.
    pub(crate) start: i64,
    /// Last byte; [`TO_THE_END`].
    pub(crate) end: i64,
    /// The thread group that has taken it, in the initial pid namespace; it may be gone. Not above
    /// 0: that of another machine.
    pub(crate) pid: i32,
    /// Descriptor in the signal by which a lease is to be given up; 0 of others.
    pub(crate) fd: u32,
    /// What was to become of a lease, as somebody wants to open the file.
    pub(crate) broken: Break,
}

impl Lock {
    /// Reads an element of the lists of an inode.
    ///
    /// # Safety
    ///
    /// `core` is valid and does not change during the call. On the list of leases it is part of a
    /// `file_lease` (`lease`), else of a `file_lock`.
    unsafe fn read(core: *const bindings::file_lock_core, lease: bool) -> Self {
        // SAFETY: By the caller's promise it is valid, and does not change meanwhile.
        let (flags, core_type, file, owner, pid) = unsafe {
            (
                (*core).flc_flags,
                (*core).flc_type,
                (*core).flc_file.addr(),
                (*core).flc_owner.addr(),
                (*core).flc_pid,
            )
        };
        let mut lock = Self {
            kind: LockKind::Lease,
            exclusive: u32::from(core_type) == bindings::F_WRLCK,
            file,
            owner,
            start: 0,
            end: TO_THE_END,
            pid,
            fd: 0,
            broken: Break::default(),
        };
        if lease {
            if flags & bindings::FL_LEASE == 0 {
                lock.kind = LockKind::Delegation;
            }
            let lease = kernel::container_of!(core, bindings::file_lease, c);
            // SAFETY: By the caller's promise; what it has of signals stays as long as it does.
            lock.fd = unsafe { (*lease).fl_fasync.as_ref() }
                .and_then(|f| u32::try_from(f.fa_fd).ok())
                .unwrap_or(0);
            let mut broken = bindings::checkpoint_lease_break::default();
            // SAFETY: By the caller's promise; `broken` is ours.
            unsafe { bindings::checkpoint_get_lease_break(lease, &raw mut broken) };
            lock.broken = Break {
                downgrade: broken.downgrade.then_some(broken.downgrade_left),
                unlock: broken.unlock.then_some(broken.unlock_left),
            };
            return lock;
        }
        lock.kind = if flags & bindings::FL_FLOCK != 0 {
            LockKind::Flock
        } else if flags & bindings::FL_OFDLCK != 0 {
            LockKind::Ofd
        } else {
            LockKind::Posix
        };
        let range = kernel::container_of!(core, bindings::file_lock, c);
        // SAFETY: It is no lease, so by the caller's promise it is part of a `file_lock`, which
        // does not change meanwhile.
        let (start, end) = unsafe { ((*range).fl_start, (*range).fl_end) };
        lock.start = start;
        lock.end = end;
        lock
    }

    /// Returns whether it keeps `other` from being taken.
    fn conflicts(&self, other: &Self) -> bool {
        let comparable = match (self.kind, other.kind) {
            (LockKind::Flock, LockKind::Flock) => true,
            (LockKind::Posix | LockKind::Ofd, LockKind::Posix | LockKind::Ofd) => {
                self.start <= other.end && other.start <= self.end
            }
            _ => false,
        };
        comparable && self.owner != other.owner && (self.exclusive || other.exclusive)
    }
}

/// Calls `f` with each lock and lease of the inode of `file`, with leases only if that is asked
/// for, until it returns false. It is called under a spinlock, and neither sleeps nor allocates.
fn visit(file: &FileRef, leases_only: bool, mut f: impl FnMut(Lock) -> bool) {
    // SAFETY: The file keeps its inode; once set, the context stays until the inode goes.
    let context = unsafe { (&raw const (*file.inode()).i_flctx).read_volatile() };
    if context.is_null() {
        return;
    }
    // SAFETY: The context is valid. Under its lock the lists are stable and their elements are
    // `file_lock_core`s, linked by `flc_list`, of a lease on the last one and of a lock on the others.
    unsafe {
        bindings::spin_lock(&raw mut (*context).flc_lock);
        'lists: for (head, lease) in [
            (&raw mut (*context).flc_flock, false),
            (&raw mut (*context).flc_posix, false),
            (&raw mut (*context).flc_lease, true),
        ] {
            if leases_only && !lease {
                continue;
            }
            let mut at = (*head).next;
            while at != head {
                let core = kernel::container_of!(at, bindings::file_lock_core, flc_list);
                if !f(Lock::read(core, lease)) {
                    break 'lists;
                }
                at = (*at).next;
            }
        }
        bindings::spin_unlock(&raw mut (*context).flc_lock);
    }
}

/// The locks and leases of an inode.
///
/// Those of frozen tasks do not change. Of others it is what was there at one moment: who reads an
/// inode once need not know yet by which files the tasks have locked it.
///
/// # Invariants
///
/// They are sorted by the address of the open file.
pub(crate) struct Locks(KVVec<Lock>);

impl Locks {
    /// Returns those of the inode of `file`. May sleep.
    ///
    /// EINTR: the caller was killed.
    pub(crate) fn of(file: &FileRef) -> Result<Self> {
        let mut locks: KVVec<Lock> = KVVec::new();
        loop {
            // Others may lock it ever more often.
            wait::go_on()?;
            let room = locks.capacity();
            let mut found: usize = 0;
            visit(file, false, |lock| {
                found += 1;
                if found <= room {
                    // There is room: nothing is allocated.
                    drop(locks.push_within_capacity(lock));
                }
                true
            });
            if found <= room {
                locks.sort_unstable_by_key(|lock| (lock.file, lock.owner, lock.start));
                // INVARIANT: They have just been sorted.
                return Ok(Self(locks));
            }
            locks.clear();
            locks.reserve(found.saturating_add(found / 8), GFP_KERNEL_ACCOUNT)?;
        }
    }

    /// Returns those that were taken by way of `file`.
    pub(crate) fn of_file(&self, file: &FileRef) -> &[Lock] {
        let addr = file.addr();
        let from = self.0.partition_point(|lock| lock.file < addr);
        let to = self.0.partition_point(|lock| lock.file <= addr);
        self.0.get(from..to).unwrap_or(&[])
    }

    /// Returns whether there is one of this kind.
    pub(crate) fn any(&self, kind: LockKind) -> bool {
        self.0.iter().any(|lock| lock.kind == kind)
    }
}

impl FileRef {
    /// Returns whether its filesystem keeps locks of `kind` by itself, elsewhere than the kernel.
    pub(crate) fn keeps_locks_itself(&self, kind: LockKind) -> bool {
        // SAFETY: We own a reference; its operations do not change.
        unsafe { bindings::checkpoint_has_lock_ops(self.as_ptr(), kind == LockKind::Flock) }
    }

    /// Returns whether it may have locks that only its filesystem knows of.
    pub(crate) fn may_have_other_locks(&self) -> bool {
        // SAFETY: We own a reference on the file, which is open, and not that below an overlay.
        !self.is_path_only() && unsafe { bindings::checkpoint_may_have_locks(self.as_ptr()) }
    }

    /// Takes `lock` by way of it, for `table` if that is the owner, by its descriptor `fd`, and in
    /// the name of the thread group that is `lock.pid`. `file` and `owner` of it are not looked at.
    ///
    /// EAGAIN: another one conflicts; EBADF: it is not open for what the lock wants, or not that
    /// descriptor; EOPNOTSUPP: its filesystem keeps locks by itself. A lease can't be taken so.
    pub(crate) fn lock(&self, lock: &Lock, table: Option<(&FilesRef, u32)>) -> Result {
        if matches!(lock.kind, LockKind::Lease | LockKind::Delegation) {
            return Err(EINVAL);
        }
        let (owner, fd) = match table {
            Some((table, fd)) => (table.as_ptr(), fd),
            None => (core::ptr::null_mut(), 0),
        };
        let how = if lock.exclusive {
            bindings::F_WRLCK
        } else {
            bindings::F_RDLCK
        };
        // SAFETY: We own references on the file and on the table. A lock ends with its owner: the
        // table has a descriptor of the file, which is checked, and when it closes that, or the
        // open file goes, those that they own are released.
        to_result(unsafe {
            bindings::checkpoint_lock_file(
                self.as_ptr(),
                owner,
                fd,
                how.cast_signed(),
                lock.kind == LockKind::Flock,
                lock.start,
                lock.end,
                lock.pid,
            )
        })
    }

    /// Returns whether it has a lease or delegation: who opens the same inode may break it.
    pub(crate) fn has_lease(&self) -> bool {
        let (own, mut has) = (self.addr(), false);
        visit(self, true, |lease| {
            has = lease.file == own;
            !has
        });
        has
    }

    /// Returns whether its inode has a lease or delegation, by whatever file, that to open it for
    /// reading would break: who opens it waits then.
    pub(crate) fn has_exclusive_lease(&self) -> bool {
        let mut has = false;
        visit(self, true, |lease| {
            has = lease.exclusive;
            !has
        });
        has
    }

    /// Takes the lease or delegation `lease` on it, in the name of the thread group `lease.pid`.
    /// Who gets its signals is known. May sleep.
    ///
    /// EAGAIN: somebody has it open; EACCES: the caller neither owns it nor has CAP_LEASE; EINVAL:
    /// it can have none.
    pub(crate) fn set_lease(&self, lease: &Lock) -> Result {
        let how = if lease.exclusive {
            bindings::F_WRLCK
        } else {
            bindings::F_RDLCK
        };
        // SAFETY: We own a reference on the file, which releases it when it goes.
        to_result(unsafe {
            bindings::checkpoint_set_lease(
                self.as_ptr(),
                lease.kind == LockKind::Delegation,
                lease.fd.cast_signed(),
                how.cast_signed(),
                lease.pid,
            )
        })
    }

    /// Lets the break of its lease go on, if it has one. Who holds it gets no second signal.
    pub(crate) fn break_lease(&self, broken: &Break) {
        let broken = bindings::checkpoint_lease_break {
            downgrade: broken.downgrade.is_some(),
            unlock: broken.unlock.is_some(),
            downgrade_left: broken.downgrade.unwrap_or(0),
            unlock_left: broken.unlock.unwrap_or(0),
        };
        // SAFETY: We own a reference on the file; `broken` is ours.
        unsafe { bindings::checkpoint_set_lease_break(self.as_ptr(), &raw const broken) };
    }

    /// Returns what another owner has that keeps `lock`, to be taken by way of this file, from
    /// that; and the pid of who has taken it, in the namespace of the caller, 0 if it has none
    /// there. `None`: it is gone.
    pub(crate) fn lock_conflict(
        &self,
        lock: &Lock,
        table: Option<&FilesRef>,
    ) -> Result<Option<(Lock, u32)>> {
        let wanted = Lock {
            owner: table.map_or(self.addr(), FilesRef::addr),
            ..*lock
        };
        let here = PidNs::of_current()?;
        let mut found = None;
        visit(self, false, |lock| {
            found = Some(lock).filter(|lock| lock.conflicts(&wanted));
            found.is_none()
        });
        Ok(found.map(|lock| (lock, here.process(lock.pid))))
    }
}
