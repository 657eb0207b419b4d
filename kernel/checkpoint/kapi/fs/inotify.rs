// SPDX-License-Identifier: GPL-2.0

//! inotify instances: `fs/notify/inotify/`.

use kernel::{
    bindings,
    error::to_result,
    num::casts::u32_as_usize,
    prelude::*, //
};

use crate::{
    image::notify::{
        inotify as bits,
        EVENTS_MAX,
        INOTIFY_EXEC,
        INOTIFY_ON_CHILD,
        WATCHES_MAX, //
    },
    kapi::{
        fs::{
            file::FileRef,
            inode::InodeRef,
            path::PathRef, //
        },
        time::wait, //
    },
};

const _: () = {
    use bindings::*;
    assert!(bits::ALL_EVENTS & FS_ACCESS != 0 && bits::ALL_EVENTS & FS_MOVE_SELF != 0);
    assert!(bits::ALL_EVENTS & FS_OPEN_EXEC == 0);
    assert!(bits::UNMOUNT == FS_UNMOUNT);
    assert!(bits::OVERFLOW == FS_Q_OVERFLOW);
    assert!(bits::IGNORED == FS_IN_IGNORED);
    assert!(bits::ISDIR == FS_ISDIR);
};

/// Bits of an event that read(2) does not return, and those of an image.
static HIDDEN: &[(u32, u32)] = &[
    (bindings::FS_EVENT_ON_CHILD, INOTIFY_ON_CHILD),
    (bindings::FS_OPEN_EXEC, INOTIFY_EXEC),
];

/// How often, a millisecond apart, an instance is read while a watch of it is being removed.
const TRIES: usize = 1000;

/// Most bytes of all events.
const BYTES_MAX: usize = 1 << 30;

/// Bytes of the head of an event, and what the heads are aligned to.
const HEAD: usize = size_of::<bindings::checkpoint_inotify_event>();
const ALIGN: usize = 8;

/// A watch.
pub(crate) struct Watch {
    /// Its watch descriptor.
    pub(crate) wd: u32,
    /// IN_*.
    pub(crate) mask: u32,
    /// What is watched.
    pub(crate) inode: InodeRef,
}

/// An event.
#[derive(Clone, Copy)]
pub(crate) struct Event<'a> {
    /// Watch descriptor; -1: none.
    pub(crate) wd: i32,
    /// IN_*.
    pub(crate) mask: u32,
    /// `INOTIFY_*` of an image.
    pub(crate) flags: u32,
    /// What the two events of a rename have in common.
    pub(crate) cookie: u32,
    /// Name in the directory that is watched; empty: of what is watched itself.
    pub(crate) name: &'a [u8],
}

/// What an instance has, as of one moment.
pub(crate) struct State {
    /// Watches, by ascending watch descriptor.
    pub(crate) watches: KVVec<Watch>,
    /// The watch descriptor from which on the next free one is looked for.
    pub(crate) next: u32,
    events: KVVec<u8>,
}

impl State {
    /// Returns the events of the queue, oldest first.
    pub(crate) fn events(&self) -> Events<'_> {
        Events(&self.events)
    }

    /// Returns how many bytes of memory it takes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.events.len() + self.watches.len() * size_of::<Watch>()
    }
}

/// Goes through the events of a queue.
pub(crate) struct Events<'a>(&'a [u8]);

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        let (head, rest) = self.0.split_at_checked(HEAD)?;
        let word = |at: usize| {
            let bytes = head.get(at..at + 4).and_then(|b| b.try_into().ok());
            u32::from_ne_bytes(bytes.unwrap_or_default())
        };
        use bindings::checkpoint_inotify_event as Head;
        let mask = word(core::mem::offset_of!(Head, mask));
        let len = u32_as_usize(word(core::mem::offset_of!(Head, len)));
        let name = rest.get(..len)?;
        self.0 = rest.get((HEAD + len).next_multiple_of(ALIGN) - HEAD..)?;
        let flags = HIDDEN
            .iter()
            .filter(|(bit, _)| mask & bit != 0)
            .fold(0, |flags, (_, flag)| flags | flag);
        Some(Event {
            wd: word(core::mem::offset_of!(Head, wd)).cast_signed(),
            mask: mask & bits::OF_EVENTS,
            flags,
            cookie: word(core::mem::offset_of!(Head, cookie)),
            name,
        })
    }
}

impl FileRef {
    /// Returns whether it is an inotify instance.
    pub(crate) fn is_inotify(&self) -> bool {
        // SAFETY: We own a reference; only its operations are looked at.
        unsafe { bindings::checkpoint_is_inotify(self.as_ptr()) }
    }

    /// Returns the watches and events of an inotify instance. May sleep.
    ///
    /// EINVAL: it is none. E2BIG: they are too many for an image. EBUSY: watches are removed all
    /// the time. EINTR: the caller was killed.
    pub(crate) fn inotify_state(&self) -> Result<State> {
        if !self.is_inotify() {
            return Err(EINVAL);
        }
        let mut watches: KVVec<bindings::checkpoint_inotify_watch> = KVVec::new();
        let mut events: KVVec<u8> = KVVec::new();
        for _ in 0..TRIES {
            let room = u32::try_from(watches.capacity()).unwrap_or(u32::MAX);
            let mut state = bindings::checkpoint_inotify {
                watches: watches.as_mut_ptr(),
                events: events.as_mut_ptr().cast(),
                max_bytes: events.capacity(),
                max_watches: room,
                ..bindings::checkpoint_inotify::default()
            };
            // SAFETY: It is an inotify instance, on which we own a reference. There is as much room
            // as is told, both aligned as an allocation is, or as a watch.
            match to_result(unsafe { bindings::checkpoint_inotify_get(self.as_ptr(), &mut state) })
            {
                Err(ENOSPC) => {
                    if state.nr_watches > WATCHES_MAX || state.bytes > BYTES_MAX {
                        return Err(E2BIG);
                    }
                    watches.reserve(u32_as_usize(state.nr_watches), GFP_KERNEL_ACCOUNT)?;
                    events.reserve(state.bytes, GFP_KERNEL_ACCOUNT)?;
                }
                // A watch is being removed: that of IN_ONESHOT is after its event was queued.
                Err(EAGAIN) => {
                    wait::check_killed()?;
                    wait::pause_ms(1);
                }
                Err(e) => return Err(e),
                Ok(()) => {
                    // SAFETY: So many were written, and there was room for them.
                    unsafe {
                        watches.inc_len(u32_as_usize(state.nr_watches));
                        events.inc_len(state.bytes);
                    }
                    let state = with_owned(watches, events, state.next)?;
                    let nr = state.events().count();
                    return if nr > u32_as_usize(EVENTS_MAX) {
                        Err(E2BIG)
                    } else {
                        Ok(state)
                    };
                }
            }
        }
        Err(EBUSY)
    }

    /// Returns the descriptor that signals of an inotify instance name, if O_ASYNC is set.
    pub(crate) fn inotify_async_fd(&self) -> Option<u32> {
        if !self.is_inotify() {
            return None;
        }
        // SAFETY: It is an inotify instance, on which we own a reference: its private data is the
        // group, which stays as long as the file does.
        let fd = unsafe {
            let group = (*self.as_ptr())
                .private_data
                .cast::<bindings::fsnotify_group>();
            bindings::checkpoint_async_fd(self.as_ptr(), &raw mut (*group).fsn_fa)
        };
        u32::try_from(fd).ok()
    }

    /// Makes an inotify instance, as inotify_init1(2) does; `flags`: O_NONBLOCK or 0.
    ///
    /// EMFILE: the user has as many as he may have.
    pub(crate) fn new_inotify(flags: u32) -> Result<Self> {
        // SAFETY: A file that is returned comes with a reference.
        unsafe { Self::from_owned(bindings::checkpoint_inotify_new(flags.cast_signed())) }
    }

    /// Adds a watch of what `path` leads to, which is not watched yet, to an inotify instance that
    /// nobody uses.
    ///
    /// EEXIST: it is watched already, or the watch descriptor is in use. ENOSPC: the user has as
    /// many watches as he may have.
    pub(crate) fn add_inotify_watch(&self, path: &PathRef, wd: u32, mask: u32) -> Result {
        if !self.is_inotify() {
            return Err(EINVAL);
        }
        let (inode, wd) = (path.inode().ok_or(ENOENT)?, i32::try_from(wd)?);
        // SAFETY: It is an inotify instance, on which we own a reference; the path keeps its inode.
        to_result(unsafe { bindings::checkpoint_inotify_add(self.as_ptr(), inode, wd, mask) })
    }

    /// Sets the watch descriptor from which on an inotify instance looks for the next free one.
    pub(crate) fn set_next_inotify_watch(&self, next: u32) -> Result {
        if !self.is_inotify() {
            return Err(EINVAL);
        }
        // SAFETY: It is an inotify instance, on which we own a reference.
        unsafe { bindings::checkpoint_inotify_set_next(self.as_ptr(), next) };
        Ok(())
    }

    /// Appends an event to the queue of an inotify instance that nobody uses.
    ///
    /// ENOSPC: more are queued than may be.
    pub(crate) fn queue_inotify_event(&self, event: &Event<'_>) -> Result {
        if !self.is_inotify() {
            return Err(EINVAL);
        }
        let hidden = HIDDEN
            .iter()
            .filter(|(_, flag)| event.flags & flag != 0)
            .fold(0, |mask, (bit, _)| mask | bit);
        let head = bindings::checkpoint_inotify_event {
            wd: event.wd,
            mask: event.mask | hidden,
            cookie: event.cookie,
            len: u32::try_from(event.name.len())?,
        };
        // SAFETY: It is an inotify instance, on which we own a reference; the name has as many bytes
        // as the head says.
        to_result(unsafe {
            bindings::checkpoint_inotify_queue(self.as_ptr(), &head, event.name.as_ptr().cast())
        })
    }
}

/// Takes over the references on what is watched.
fn with_owned(
    from: KVVec<bindings::checkpoint_inotify_watch>,
    events: KVVec<u8>,
    next: u32,
) -> Result<State> {
    let mut watches = KVVec::new();
    let mut result = watches.reserve(from.len(), GFP_KERNEL_ACCOUNT);
    // All, whatever happens: each reference is ours.
    for watch in from {
        // SAFETY: checkpoint_inotify_get() has taken the references for us.
        let Ok(inode) = (unsafe { InodeRef::from_owned(watch.inode) }) else {
            continue;
        };
        let watch = Watch {
            wd: u32::try_from(watch.wd).unwrap_or(0),
            mask: watch.mask,
            inode,
        };
        if result.is_ok() {
            result = watches.push(watch, GFP_KERNEL_ACCOUNT);
        }
    }
    result?;
    Ok(State {
        watches,
        next,
        events,
    })
}

impl PathRef {
    /// Checks that the caller may watch what it leads to for the events of `mask` (IN_*), as
    /// inotify_add_watch(2) checks it; EACCES if not.
    pub(crate) fn may_watch(&self, mask: u32) -> Result {
        self.inode().ok_or(ENOENT)?;
        // SAFETY: We own a reference on a path with an inode.
        to_result(unsafe { bindings::checkpoint_inotify_may_watch(self.as_raw(), mask) })
    }
}
