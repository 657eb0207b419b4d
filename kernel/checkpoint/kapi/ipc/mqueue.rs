// SPDX-License-Identifier: GPL-2.0

//! POSIX message queues.

use kernel::{
    bindings,
    error::to_result,
    prelude::*,
    str::CStr, //
};

use crate::kapi::{
    fs::{
        file::FileRef,
        path::PathRef, //
    },
    ipc::{
        msg::Messages,
        namespace::IpcNs, //
    },
    pid::namespace::PidNs,
    task::links::PidRef, //
};

/// Longest name of a queue, in bytes.
const NAME_MAX: usize = bindings::NAME_MAX as usize;

/// Whom a queue notifies of the next message, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notify {
    /// Nobody.
    Nobody,
    /// Somebody, who gets nothing (SIGEV_NONE), but keeps others from being notified.
    Nothing,
    /// By a signal (SIGEV_SIGNAL).
    Signal,
    /// By a socket (SIGEV_THREAD).
    Socket,
}

/// What a queue has, but for its messages. User and group ids are those of the caller's user
/// namespace, all ones: none there.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// Owner and its group.
    pub(crate) owner: [u32; 2],
    /// The user that it is accounted to (RLIMIT_MSGQUEUE).
    pub(crate) user: u32,
    /// Permissions.
    pub(crate) mode: u32,
    /// How many messages it takes.
    pub(crate) max_messages: u32,
    /// How many bytes a message may have.
    pub(crate) max_bytes: u32,
    /// How many messages are in it.
    pub(crate) messages: u32,
    /// Bytes of these.
    pub(crate) bytes: u64,
    /// Times of last access and modification: seconds since 1970, and nanoseconds.
    pub(crate) times: [(i64, u32); 2],
    /// How it notifies.
    pub(crate) notify: Notify,
    /// By what signal.
    pub(crate) signal: u32,
    /// With what value.
    pub(crate) value: u64,
    /// Whom: the pid of a process; 0: none in the namespace, or one that is gone.
    pub(crate) process: u32,
    /// That process has executed another program since, and is not notified.
    pub(crate) execed: bool,
}

impl Settings {
    /// Returns whether owner and user are known in the caller's user namespace.
    pub(crate) fn has_ids(&self) -> bool {
        !self.owner.contains(&u32::MAX) && self.user != u32::MAX
    }

    fn to_c(self) -> bindings::checkpoint_mq {
        let ([uid, gid], [atime, mtime]) = (self.owner, self.times);
        bindings::checkpoint_mq {
            uid,
            gid,
            user: self.user,
            mode: self.mode,
            maxmsg: self.max_messages,
            msgsize: self.max_bytes,
            notify: match self.notify {
                Notify::Nobody => bindings::CHECKPOINT_MQ_NOBODY,
                Notify::Nothing => bindings::CHECKPOINT_MQ_NOTHING,
                Notify::Signal => bindings::CHECKPOINT_MQ_SIGNAL,
                Notify::Socket => bindings::CHECKPOINT_MQ_SOCKET,
            },
            signo: self.signal,
            execed: self.execed.into(),
            atime: atime.0,
            atime_nsec: atime.1,
            mtime: mtime.0,
            mtime_nsec: mtime.1,
            value: self.value,
            ..Default::default()
        }
    }
}

/// A queue.
///
/// # Invariants
///
/// The path leads to a queue: on the kernel's filesystem of these, and to none of its directories.
#[derive(Clone)]
pub(crate) struct Queue(PathRef);

impl Queue {
    /// Returns that which `file` is; `None`: it is none.
    pub(crate) fn of(file: &FileRef) -> Option<Self> {
        // SAFETY: We own a reference on the file, which keeps it valid.
        let is = unsafe { bindings::checkpoint_is_mq(file.as_ptr()) };
        // INVARIANT: By what was just checked.
        is.then(|| Self(file.path()))
    }

    /// Returns the newest one of `ns` that has a name; with `prev` the next older one.
    pub(crate) fn next(ns: &IpcNs, prev: Option<&Self>) -> Option<Self> {
        let prev = prev.map_or(core::ptr::null(), |prev| prev.0.as_raw());
        let mut path = bindings::path::default();
        // SAFETY: We own references on namespace and path, which is of a queue of it. The function
        // fills in the path.
        let found = unsafe { bindings::checkpoint_mq_next(ns.as_ptr(), prev, &mut path) };
        // SAFETY: It has succeeded, and so handed over references.
        // INVARIANT: The directory has nothing else in it.
        (found == 0).then(|| Self(unsafe { PathRef::from_owned(path) }))
    }

    /// Returns the address of its inode, to compare.
    pub(crate) fn addr(&self) -> usize {
        self.0.inode_addr()
    }

    /// Returns the address of its namespace, to compare; 0: that is gone.
    pub(crate) fn ns_addr(&self) -> usize {
        // SAFETY: By the type's invariants the path is of a queue; it is referenced.
        unsafe { bindings::checkpoint_mq_ns(self.0.as_raw()) }
    }

    /// Returns the number of references on its directory entry: of open files, of paths such as this
    /// one, and of its name, if it has that.
    pub(crate) fn users(&self) -> u64 {
        // SAFETY: We own a reference on the dentry of the queue, which keeps it valid.
        u64::from(unsafe { bindings::d_count(self.0.as_raw().dentry) })
    }

    /// Returns whether its name has been removed.
    pub(crate) fn is_removed(&self) -> bool {
        self.0.is_unlinked()
    }

    /// Returns whether the caller may open it for reading; EACCES if not.
    pub(crate) fn may_read(&self) -> Result {
        self.0.may_read()
    }

    /// Returns its name, and what it has, with pids of `pid_ns`.
    pub(crate) fn settings(&self, pid_ns: &PidNs) -> Result<(KVec<u8>, Settings)> {
        let mut c = bindings::checkpoint_mq::default();
        let mut name = KVec::from_elem(0u8, NAME_MAX + 1, GFP_KERNEL_ACCOUNT)?;
        // SAFETY: By the type's invariants the path is of a queue; it is referenced, as the namespace is.
        // The function fills in the structure, and the name, which has the room that it wants.
        unsafe {
            bindings::checkpoint_mq_get(
                self.0.as_raw(),
                pid_ns.as_ptr(),
                &mut c,
                name.as_mut_ptr().cast(),
            );
        }
        let len = name.iter().position(|&b| b == 0).ok_or(EINVAL)?;
        name.truncate(len);
        let settings = Settings {
            owner: [c.uid, c.gid],
            user: c.user,
            mode: c.mode,
            max_messages: c.maxmsg,
            max_bytes: c.msgsize,
            messages: c.messages,
            bytes: c.bytes,
            times: [(c.atime, c.atime_nsec), (c.mtime, c.mtime_nsec)],
            notify: match c.notify {
                bindings::CHECKPOINT_MQ_NOBODY => Notify::Nobody,
                bindings::CHECKPOINT_MQ_NOTHING => Notify::Nothing,
                bindings::CHECKPOINT_MQ_SIGNAL => Notify::Signal,
                _ => Notify::Socket,
            },
            signal: c.signo,
            value: c.value,
            process: c.owner.cast_unsigned(),
            execed: c.execed != 0,
        };
        Ok((name, settings))
    }

    /// Reads as many messages as fit into `into`, without the first `skip`, in the order in which they
    /// would be received; returns their number. 0: there are no more, or the next one does not fit.
    pub(crate) fn read(&self, into: &mut Messages, skip: usize) -> Result<usize> {
        // SAFETY: By the type's invariants the path is of a queue; it is referenced; the function writes no
        // more bytes of the buffer than it is given.
        unsafe {
            into.fill(|buf, size| bindings::checkpoint_mq_read(self.0.as_raw(), skip, buf, size))
        }
    }

    /// Makes one in `ns` that takes what `settings` say, and is accounted to their user; with
    /// `removed` as if its name had been removed. May sleep.
    ///
    /// EEXIST: something has that name. ENOSPC: there may be no more queues in the namespace. EINVAL:
    /// it may not take so much. EMFILE: its user may not have so much (RLIMIT_MSGQUEUE). EPERM: the
    /// caller may not have it accounted to that user.
    pub(crate) fn make(
        ns: &IpcNs,
        name: &CStr,
        settings: &Settings,
        removed: bool,
    ) -> Result<Self> {
        let mut path = bindings::path::default();
        let want = settings.to_c();
        // SAFETY: We own a reference on the namespace; the name is NUL-terminated, and copied; the
        // structure is read only.
        to_result(unsafe {
            bindings::checkpoint_mq_make(ns.as_ptr(), name.as_char_ptr(), &want, removed, &mut path)
        })?;
        // SAFETY: It has succeeded, and so handed over references.
        // INVARIANT: It was made as a queue.
        Ok(Self(unsafe { PathRef::from_owned(path) }))
    }

    /// Puts a message behind those in it that have its priority or a higher one. Notifies nobody. May
    /// sleep.
    ///
    /// EMSGSIZE: it is too large. ENOSPC: the queue is full. EBUSY: somebody waits for a message.
    pub(crate) fn add(&self, priority: u32, bytes: &[u8]) -> Result {
        // SAFETY: By the type's invariants the path is of a queue; it is referenced; the slice has that
        // many bytes.
        to_result(unsafe {
            bindings::checkpoint_mq_add(
                self.0.as_raw(),
                priority,
                bytes.as_ptr().cast(),
                bytes.len(),
            )
        })
    }

    /// Opens it with `flags` (O_*), without a look at its permissions: for who had it open.
    pub(crate) fn open(&self, flags: u32) -> Result<FileRef> {
        FileRef::open_unchecked(&self.0, flags)
    }

    /// Gives it owners, mode and times. May sleep.
    ///
    /// EPERM: the caller may not give it to others.
    pub(crate) fn set(&self, settings: &Settings) -> Result {
        let want = settings.to_c();
        // SAFETY: We own a reference on the path of a queue; the structure is read only.
        to_result(unsafe { bindings::checkpoint_mq_set(self.0.as_raw(), &want) })
    }

    /// Has it notify `process` as `settings` say.
    ///
    /// EBUSY: it notifies somebody already. ESRCH: there is no such process.
    pub(crate) fn set_notify(&self, process: &PidRef, settings: &Settings) -> Result {
        let want = settings.to_c();
        // SAFETY: We own references on the path of a queue and on the pid; the structure is read
        // only.
        to_result(unsafe {
            bindings::checkpoint_mq_notify(self.0.as_raw(), process.as_ptr(), &want)
        })
    }

    /// Removes its name, if it has that still.
    pub(crate) fn remove(&self) {
        // SAFETY: We own a reference on the path of a queue.
        unsafe { bindings::checkpoint_mq_remove(self.0.as_raw()) };
    }
}

impl IpcNs {
    /// Returns whether the directory of its POSIX message queues has got other permissions than it was
    /// made with.
    pub(crate) fn has_other_queue_dir(&self) -> bool {
        // SAFETY: We own a reference on the namespace, which keeps it valid.
        unsafe { bindings::checkpoint_mq_dir_changed(self.as_ptr()) }
    }
}
