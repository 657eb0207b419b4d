// SPDX-License-Identifier: GPL-2.0

//! Fanotify groups: `fs/notify/fanotify/`.

use kernel::prelude::*;

#[cfg(CONFIG_FANOTIFY)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

use crate::kapi::fs::{
    fanotify_events::Event,
    file::FileRef,
    inode::InodeRef,
    path::PathRef, //
};
#[cfg(CONFIG_FANOTIFY)]
use crate::{
    image::notify::{
        fanotify as bits,
        FANOTIFY_EVENTS_MAX,
        WATCHES_MAX, //
    },
    kapi::{
        fs::fanotify_events,
        time::wait, //
    },
};

#[cfg(CONFIG_FANOTIFY)]
const _: () = {
    assert!(bits::FILESYSTEM == bindings::FAN_MARK_FILESYSTEM);
    assert!(bits::MOUNT == bindings::FAN_MARK_MOUNT);
    assert!(bits::EVICTABLE == bindings::FAN_MARK_EVICTABLE);
    assert!(bits::IGNORE == bindings::FAN_MARK_IGNORE);
    assert!(bits::SURVIVES == bindings::FAN_MARK_IGNORED_SURV_MODIFY);
    assert!(bits::PERMISSIONS & bindings::FAN_OPEN_PERM != 0);
    assert!(bits::PERMISSIONS & bindings::FAN_PRE_ACCESS != 0);
};

/// How often, a millisecond apart, a group is read while something that it marks goes away.
#[cfg(CONFIG_FANOTIFY)]
const TRIES: usize = 1000;

/// Most bytes of all events, which are copied under a lock.
#[cfg(CONFIG_FANOTIFY)]
const BYTES_MAX: usize = 64 << 20;

/// What a group has that can't be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Events that ask for permission, and were not read, or not answered.
    Events,
    /// Marks that ask for permission.
    Permissions,
    /// Marks on mount namespaces.
    Namespaces,
    /// Events about mounts.
    Mounts,
    /// More events than an image may have.
    Many,
}

/// What a group has, as of one moment.
pub(crate) struct State {
    /// How it was made.
    pub(crate) group: Group,
    /// Its marks.
    pub(crate) marks: KVVec<Mark>,
    /// The events of its queue, oldest first.
    pub(crate) events: KVVec<Event>,
}

/// What is marked.
pub(crate) enum Marked {
    /// An inode, or the filesystem of which it is the root.
    Inode(InodeRef),
    /// The mount that has its root there.
    Mount(PathRef),
}

/// A mark.
pub(crate) struct Mark {
    /// What is marked.
    pub(crate) on: Marked,
    /// How, and for which events.
    pub(crate) how: How,
}

/// How something is marked.
#[derive(Clone, Copy)]
pub(crate) struct How {
    /// FAN_*: events.
    pub(crate) mask: u32,
    /// FAN_*: events that are ignored.
    pub(crate) ignored: u32,
    /// FAN_MARK_*.
    pub(crate) flags: u32,
}

/// How a group was made.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    /// FAN_*, as of fanotify_init(2).
    pub(crate) flags: u32,
    /// O_*, of files that it opens for events.
    pub(crate) event_flags: u32,
    /// Who has made it had no CAP_SYS_ADMIN.
    pub(crate) unprivileged: bool,
}

impl FileRef {
    /// Returns whether it is a fanotify group.
    pub(crate) fn is_fanotify(&self) -> bool {
        #[cfg(CONFIG_FANOTIFY)]
        // SAFETY: We own a reference; only its operations are looked at.
        return unsafe { bindings::checkpoint_is_fanotify(self.as_ptr()) };
        #[cfg(not(CONFIG_FANOTIFY))]
        false
    }
}

#[cfg(CONFIG_FANOTIFY)]
impl Group {
    /// Returns what the group `file` has; or why it can't be read. May sleep.
    ///
    /// EINVAL: it is none. E2BIG: it has too many marks for an image. EBUSY: what it marks goes away
    /// all the time. EINTR: the caller was killed.
    pub(crate) fn of(file: &FileRef) -> Result<core::result::Result<State, Why>> {
        if !file.is_fanotify() {
            return Err(EINVAL);
        }
        let mut raw: KVVec<bindings::checkpoint_fanotify_mark> = KVVec::new();
        let mut events: KVVec<u8> = KVVec::new();
        for _ in 0..TRIES {
            let mut state = bindings::checkpoint_fanotify {
                marks: raw.as_mut_ptr(),
                max_marks: u32::try_from(raw.capacity()).unwrap_or(u32::MAX),
                events: events.as_mut_ptr().cast(),
                max_bytes: events.capacity(),
                max_events: FANOTIFY_EVENTS_MAX,
                ..bindings::checkpoint_fanotify::default()
            };
            // SAFETY: It is a fanotify group, on which we own a reference. There is as much room as is
            // told.
            let ret = unsafe { bindings::checkpoint_fanotify_get(file.as_ptr(), &mut state) };
            let why = match ret.cast_unsigned() {
                bindings::CHECKPOINT_FANOTIFY_EVENTS => Some(Why::Events),
                bindings::CHECKPOINT_FANOTIFY_PERMISSIONS => Some(Why::Permissions),
                bindings::CHECKPOINT_FANOTIFY_NAMESPACES => Some(Why::Namespaces),
                bindings::CHECKPOINT_FANOTIFY_MOUNTS => Some(Why::Mounts),
                _ => None,
            };
            if let Some(why) = why {
                return Ok(Err(why));
            }
            match to_result(ret) {
                Err(ENOSPC) => {
                    if state.nr_marks > WATCHES_MAX {
                        return Err(E2BIG);
                    }
                    if state.bytes > BYTES_MAX {
                        return Ok(Err(Why::Many));
                    }
                    raw.reserve(u32_as_usize(state.nr_marks), GFP_KERNEL_ACCOUNT)?;
                    events.reserve(state.bytes, GFP_KERNEL_ACCOUNT)?;
                }
                Err(E2BIG) => return Ok(Err(Why::Many)),
                Err(EAGAIN) => {
                    wait::check_killed()?;
                    wait::pause_ms(1);
                }
                Err(e) => return Err(e),
                Ok(()) => {
                    // SAFETY: So many were written, and there was room for them.
                    unsafe {
                        raw.inc_len(u32_as_usize(state.nr_marks));
                        events.inc_len(state.bytes);
                    }
                    let group = Self {
                        flags: state.flags,
                        event_flags: state.event_flags,
                        unprivileged: state.unprivileged,
                    };
                    // Both, before either can fail: the references are ours.
                    let (marks, events) = (with_owned(raw), fanotify_events::with_owned(events));
                    return Ok(Ok(State {
                        group,
                        marks: marks?,
                        events: events?,
                    }));
                }
            }
        }
        Err(EBUSY)
    }

    /// Makes one, as fanotify_init(2) does, with the current task's rights.
    ///
    /// EPERM: the task may have none like this. EMFILE: the user has as many as he may have. EINVAL:
    /// impossible flags.
    pub(crate) fn make(&self) -> Result<FileRef> {
        let state = bindings::checkpoint_fanotify {
            flags: self.flags,
            event_flags: self.event_flags,
            unprivileged: self.unprivileged,
            ..bindings::checkpoint_fanotify::default()
        };
        // SAFETY: The state is valid during the call; a file that is returned comes with a reference.
        unsafe { FileRef::from_owned(bindings::checkpoint_fanotify_make(&state)) }
    }

    /// Marks what `path` leads to for the group `file`, which nobody uses yet, with the current task's
    /// rights.
    ///
    /// EEXIST: it is marked already. ENOSPC: the user has as many marks as he may have. ETXTBSY: it is
    /// open for writing, so that nothing can be ignored. ENXIO: no mount has its root there. Else as of
    /// fanotify_mark(2).
    pub(crate) fn mark(file: &FileRef, path: &PathRef, how: &How) -> Result {
        if !file.is_fanotify() {
            return Err(EINVAL);
        }
        path.inode().ok_or(ENOENT)?;
        let to = bindings::checkpoint_fanotify_mark {
            mask: how.mask,
            ignore_mask: how.ignored,
            flags: how.flags,
            ..bindings::checkpoint_fanotify_mark::default()
        };
        // SAFETY: It is a fanotify group, on which we own a reference, as on the path, which has an
        // inode.
        to_result(unsafe { bindings::checkpoint_fanotify_add(file.as_ptr(), path.as_raw(), &to) })
    }
}

/// Takes over the references on what is marked.
#[cfg(CONFIG_FANOTIFY)]
fn with_owned(from: KVVec<bindings::checkpoint_fanotify_mark>) -> Result<KVVec<Mark>> {
    let mut marks = KVVec::new();
    let mut result = marks.reserve(from.len(), GFP_KERNEL_ACCOUNT);
    // All, whatever happens: each reference is ours.
    for mark in from {
        // SAFETY: checkpoint_fanotify_get() has taken the references for us: on an inode, or on a mount
        // and its root.
        let on = unsafe {
            if let Ok(inode) = InodeRef::from_owned(mark.inode) {
                Marked::Inode(inode)
            } else {
                Marked::Mount(PathRef::from_owned(bindings::path {
                    mnt: mark.mnt,
                    dentry: mark.root,
                }))
            }
        };
        let mark = Mark {
            on,
            how: How {
                mask: mark.mask,
                ignored: mark.ignore_mask,
                flags: mark.flags,
            },
        };
        if result.is_ok() {
            result = marks.push(mark, GFP_KERNEL_ACCOUNT);
        }
    }
    result?;
    Ok(marks)
}

#[cfg(not(CONFIG_FANOTIFY))]
impl Group {
    /// Reads a group: there is none.
    pub(crate) fn of(_: &FileRef) -> Result<core::result::Result<State, Why>> {
        Err(EINVAL)
    }

    /// Makes one: this kernel can't.
    pub(crate) fn make(&self) -> Result<FileRef> {
        Err(EOPNOTSUPP)
    }

    /// Marks something: this kernel can't.
    pub(crate) fn mark(_: &FileRef, _: &PathRef, _: &How) -> Result {
        Err(EOPNOTSUPP)
    }
}
