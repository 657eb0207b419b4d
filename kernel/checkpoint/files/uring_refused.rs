// SPDX-License-Identifier: GPL-2.0

//! Why io_urings can't be saved, in words.

use crate::kapi::fs::uring::Why;

/// How io_urings may be set up that can't be saved.
const SETUP: &[(u32, &str)] = &[
    (1 << 14, "IORING_SETUP_NO_MMAP"),
    (1 << 15, "IORING_SETUP_REGISTERED_FD_ONLY"),
];

/// Returns the name of a way to set up an io_uring that is among the flags `setup` and can't be saved.
pub(super) fn setup_name(setup: u32) -> &'static str {
    SETUP
        .iter()
        .find(|(bit, _)| setup & bit != 0)
        .map_or("something unknown", |&(_, name)| name)
}

/// Returns what an io_uring has, and what to do about it.
pub(super) fn words(why: Why) -> &'static str {
    match why {
        Why::Compat => "was set up by a 32-bit program: start it without io_uring",
        Why::Turn => {
            "has a request that is tried again when its task is thawed: try again"
        }
        Why::InFlight => "has requests in flight: have it wait for them, or cancel them",
        Why::Overflow => "has completions for which there was no room: have it read some",
        Why::Restricted => "has restrictions of the task that made it: start that without them",
        Why::Workers => {
            "has settings for the workers of its thread (IORING_SETUP_SQPOLL): start it without them"
        }
        Why::Issuer => "may be used by a task only that has exited: have it closed",
        Why::Region => "has a memory region or registered waits: start it without that",
        Why::Queues => "has queues of a network device (zero-copy receive): start it without that",
        Why::Bpf => "has a BPF program: start it without that",
        Why::Thread => {
            "has a thread (IORING_SETUP_SQPOLL) that has ended, or that it has in common with others \
             (IORING_SETUP_ATTACH_WQ): start it without that"
        }
        Why::Napi => {
            "polls network devices that it has named (IORING_REGISTER_NAPI): have it unregister that"
        }
        _ => "goes by a clock that this version does not know: start it without that",
    }
}
