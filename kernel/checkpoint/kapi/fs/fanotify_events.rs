// SPDX-License-Identifier: GPL-2.0

//! Events in the queue of a fanotify group: `fs/notify/fanotify/`.

use kernel::prelude::*;

#[cfg(CONFIG_FANOTIFY)]
use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize, //
};

#[cfg(CONFIG_FANOTIFY)]
use crate::image::notify::{
    fanotify as bits,
    FANOTIFY_BY_ERROR,
    FANOTIFY_BY_NAME,
    FANOTIFY_BY_OBJECT,
    NAME_MAX, //
};
use crate::kapi::{
    fs::{
        file::FileRef,
        path::PathRef, //
    },
    task::links::PidRef, //
};

#[cfg(CONFIG_FANOTIFY)]
const _: () = {
    assert!(bits::OVERFLOW == bindings::FAN_Q_OVERFLOW);
    assert!(bits::ERROR == bindings::FAN_FS_ERROR);
    assert!(bits::RENAME == bindings::FAN_RENAME);
    assert!(bits::ONLY_FLAGS == bindings::FAN_ONDIR | bindings::FAN_EVENT_ON_CHILD);
    assert!(bits::REPORT_PIDFD == bindings::FAN_REPORT_PIDFD);
    assert!(NAME_MAX == bindings::PATH_MAX as usize - 1);
};

/// Bytes of the head of an event, and what the heads are aligned to.
#[cfg(CONFIG_FANOTIFY)]
const HEAD: usize = size_of::<bindings::checkpoint_fanotify_event>();
#[cfg(CONFIG_FANOTIFY)]
const ALIGN: usize = 8;

/// Events that name a file by handles, but for these.
#[derive(Clone, Copy)]
pub(crate) struct Fid {
    /// `FANOTIFY_BY_*` of an image.
    pub(crate) kind: u32,
    /// The filesystem, as of statfs(2).
    pub(crate) fsid: u64,
    /// What that has reported.
    pub(crate) error: i32,
    /// How often.
    pub(crate) errors: u32,
    /// Type of the file handles of the directory, the new directory and the object, and 256 times their
    /// bytes.
    pub(crate) handles: [u32; 3],
    /// Bytes of the names in both directories.
    pub(crate) names: [u32; 2],
}

/// What an event is about.
pub(crate) enum What<P, D> {
    /// It opens what lies at a path.
    Path(P),
    /// The queue was full.
    Overflow,
    /// A file, by these file handles and names.
    Fid(Fid, D),
}

/// An event.
pub(crate) struct Event {
    /// FAN_*.
    pub(crate) mask: u32,
    /// Who has caused it.
    pub(crate) pid: Option<PidRef>,
    /// What it is about.
    pub(crate) what: What<PathRef, KVec<u8>>,
}

/// Takes over the references of the events in `raw`, all of which checkpoint_fanotify_get() has just
/// written there.
#[cfg(CONFIG_FANOTIFY)]
pub(super) fn with_owned(raw: KVVec<u8>) -> Result<KVVec<Event>> {
    let mut events = KVVec::new();
    let mut result = Ok(());
    let mut rest: &[u8] = &raw;
    // All, whatever happens: each reference is ours.
    while let Some((bytes, after)) = rest.split_at_checked(HEAD) {
        // SAFETY: As many bytes are there as the structure has, which was written to them.
        let head = unsafe {
            bytes
                .as_ptr()
                .cast::<bindings::checkpoint_fanotify_event>()
                .read_unaligned()
        };
        let len = u32_as_usize(head.len);
        let data = after.get(..len).unwrap_or_default();
        rest = after
            .get((HEAD + len).next_multiple_of(ALIGN) - HEAD..)
            .unwrap_or_default();
        // SAFETY: checkpoint_fanotify_get() has taken the references for us: on the pid, if there is
        // one, and on both parts of the path of an event that has one.
        let (pid, path) = unsafe {
            let path = (!head.dentry.is_null()).then(|| {
                PathRef::from_owned(bindings::path {
                    mnt: head.mnt,
                    dentry: head.dentry,
                })
            });
            (PidRef::from_owned(head.pid).ok(), path)
        };
        if result.is_ok() {
            result = event(&head, pid, path, data)
                .and_then(|event| Ok(events.push(event, GFP_KERNEL_ACCOUNT)?));
        }
    }
    result?;
    Ok(events)
}

/// Makes an event of what was read of it.
#[cfg(CONFIG_FANOTIFY)]
fn event(
    head: &bindings::checkpoint_fanotify_event,
    pid: Option<PidRef>,
    path: Option<PathRef>,
    bytes: &[u8],
) -> Result<Event> {
    let kind = match head.type_ {
        bindings::CHECKPOINT_FANOTIFY_FID => FANOTIFY_BY_OBJECT,
        bindings::CHECKPOINT_FANOTIFY_NAME => FANOTIFY_BY_NAME,
        bindings::CHECKPOINT_FANOTIFY_ERROR => FANOTIFY_BY_ERROR,
        _ => 0,
    };
    let what = match (path, kind) {
        (Some(path), _) => What::Path(path),
        (None, 0) => What::Overflow,
        (None, kind) => {
            let mut data = KVec::new();
            data.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT)?;
            let [low, high] = head.fsid;
            let fid = Fid {
                kind,
                fsid: u64::from(high) << 32 | u64::from(low),
                error: head.error,
                errors: head.err_count,
                handles: head
                    .fh
                    .map(|fh| u32::from(fh.len) << 8 | u32::from(fh.type_)),
                names: [head.name_len.into(), head.name2_len.into()],
            };
            What::Fid(fid, data)
        }
    };
    Ok(Event {
        mask: head.mask,
        pid,
        what,
    })
}

/// Appends an event to the queue of the group `file`, which nobody uses yet.
///
/// EINVAL: the group could have none like this. ENOSPC: more are queued than may be. ENOMEM.
#[cfg(CONFIG_FANOTIFY)]
pub(crate) fn queue(
    file: &FileRef,
    mask: u32,
    pid: Option<&PidRef>,
    what: &What<&PathRef, &[u8]>,
) -> Result {
    if !file.is_fanotify() {
        return Err(EINVAL);
    }
    let mut head = bindings::checkpoint_fanotify_event {
        pid: pid.map_or(core::ptr::null_mut(), PidRef::as_ptr),
        mask,
        ..bindings::checkpoint_fanotify_event::default()
    };
    let mut bytes: &[u8] = &[];
    match what {
        What::Path(path) => {
            path.inode().ok_or(ENOENT)?;
            head.type_ = bindings::CHECKPOINT_FANOTIFY_PATH;
            head.mnt = path.as_raw().mnt;
            head.dentry = path.as_raw().dentry;
        }
        What::Overflow => head.type_ = bindings::CHECKPOINT_FANOTIFY_OVERFLOW,
        What::Fid(fid, data) => {
            bytes = data;
            head.type_ = match fid.kind {
                FANOTIFY_BY_OBJECT => bindings::CHECKPOINT_FANOTIFY_FID,
                FANOTIFY_BY_NAME => bindings::CHECKPOINT_FANOTIFY_NAME,
                FANOTIFY_BY_ERROR => bindings::CHECKPOINT_FANOTIFY_ERROR,
                _ => return Err(EINVAL),
            };
            head.fsid = [
                u32::try_from(fid.fsid & u64::from(u32::MAX))?,
                u32::try_from(fid.fsid >> 32)?,
            ];
            head.error = fid.error;
            head.err_count = fid.errors;
            for (to, from) in head.fh.iter_mut().zip(fid.handles) {
                to.type_ = u8::try_from(from & bits::HANDLE_TYPE)?;
                to.len = u8::try_from(from >> 8)?;
            }
            let [name, name2] = fid.names;
            head.name_len = u16::try_from(name)?;
            head.name2_len = u16::try_from(name2)?;
        }
    }
    head.len = u32::try_from(bytes.len())?;
    // SAFETY: It is a fanotify group, on which we own a reference, and the caller references on pid and
    // path, which has an inode. There are as many bytes as the head tells; that they are as many as its
    // parts have is checked there.
    to_result(unsafe {
        bindings::checkpoint_fanotify_queue(file.as_ptr(), &head, bytes.as_ptr().cast())
    })
}

/// Appends an event: this kernel has no groups.
#[cfg(not(CONFIG_FANOTIFY))]
pub(crate) fn queue(_: &FileRef, _: u32, _: Option<&PidRef>, _: &What<&PathRef, &[u8]>) -> Result {
    Err(EOPNOTSUPP)
}
