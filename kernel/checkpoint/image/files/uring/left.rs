// SPDX-License-Identifier: GPL-2.0

//! What is still to come of an io_uring while its records are checked.

/// What is still to come of an io_uring, in this order.
#[derive(Clone, Copy)]
pub(in crate::image) struct UringLeft {
    /// How its thread is scheduled.
    pub(in crate::image) thread: bool,
    /// Places for files.
    pub(in crate::image) slots: u32,
    /// How many files, and the lowest place of the next one.
    pub(in crate::image) files: (u32, u32),
    /// How many personalities, and the lowest number of the next one.
    pub(in crate::image) personalities: (u32, u32),
    /// Places for buffers.
    pub(in crate::image) buffer_slots: u32,
    /// How many buffers, and the lowest place of the next one.
    pub(in crate::image) buffers: (u32, u32),
    /// How many requests that wait for a file or a time.
    pub(in crate::image) requests: u32,
    /// How many futexes of those that wait for several.
    pub(in crate::image) futexes: u32,
    /// How many that wait to do something with a file.
    pub(in crate::image) ios: u32,
    /// Those that were not issued yet.
    pub(in crate::image) links: UringLinksLeft,
    /// How many groups of buffers, and the lowest number of the next one.
    pub(in crate::image) groups: (u32, u32),
    /// A task whose memory rings of buffers are; 0: there are none.
    pub(in crate::image) groups_of: u32,
    /// The task that alone may submit; 0: all may.
    pub(in crate::image) issuer: u32,
}

/// What comes after an io_uring, in this order.
#[derive(Clone, Copy)]
pub(in crate::image) enum UringPart {
    /// How its thread is scheduled.
    Thread,
    /// Registered files.
    Files,
    /// Personalities.
    Personalities,
    /// Registered buffers.
    Buffers,
    /// Requests that wait for a file, a time, a futex or a child.
    Requests,
    /// Futexes of those that wait for several.
    Futexes,
    /// Those that wait to do something with a file.
    Ios,
    /// Those that were not issued yet.
    Links,
    /// Groups of buffers.
    Groups,
}

impl UringLeft {
    /// Returns how much is left of each part.
    fn left(&self) -> [u32; 9] {
        [
            self.thread.into(),
            self.files.0,
            self.personalities.0,
            self.buffers.0,
            self.requests,
            self.futexes,
            self.ios,
            self.links.left,
            self.groups.0,
        ]
    }

    /// Returns whether `part` is what comes next: some of it is left, and nothing of what comes before.
    pub(in crate::image) fn is_next(&self, part: UringPart) -> bool {
        self.left().iter().position(|&n| n != 0) == Some(part as usize)
    }

    /// Returns whether nothing is left.
    pub(in crate::image) fn is_complete(&self) -> bool {
        self.left().iter().all(|&n| n == 0)
    }
}

/// What is still to come of the chains of an io_uring.
#[derive(Clone, Copy)]
pub(in crate::image) struct UringLinksLeft {
    /// How many requests.
    pub(in crate::image) left: u32,
    /// How many heads of chains there were.
    pub(in crate::image) heads: u32,
    /// There may be some that wait until all before them have ended.
    pub(in crate::image) drains: bool,
    /// There was one.
    pub(in crate::image) deferred: bool,
    /// There was one that was drained and has not ended, for whose end others wait.
    pub(in crate::image) alone: bool,
    /// How many futexes those are to wait for which wait for several.
    pub(in crate::image) futexes: u32,
    /// The head of the chain of the last one.
    pub(in crate::image) head: Option<u32>,
    /// How many of that chain were there.
    pub(in crate::image) length: u32,
    /// Something may wait for that.
    pub(in crate::image) goes_on: bool,
    /// That is the timeout of the one before it.
    pub(in crate::image) is_timeout: bool,
}
