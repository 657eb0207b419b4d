// SPDX-License-Identifier: GPL-2.0

//! The entries of procfs: which can be opened again, and by whom.

use super::traced::MEM;

/// Entries of a task that tell the same whoever has them open: what one may see is asked for when
/// they are read, or it is nobody's secret. They hold nothing.
const PUBLIC: &[&[u8]] = &[
    b"",
    b"/arch_status",
    b"/autogroup",
    b"/cgroup",
    b"/children",
    b"/cmdline",
    b"/comm",
    b"/coredump_filter",
    b"/cpu_resctrl_groups",
    b"/cpuset",
    b"/latency",
    b"/limits",
    b"/loginuid",
    b"/net",
    b"/oom_adj",
    b"/oom_score",
    b"/oom_score_adj",
    b"/sched",
    b"/schedstat",
    b"/sessionid",
    b"/stack_depth",
    b"/stat",
    b"/statm",
    b"/status",
    b"/task",
    b"/timerslack_ns",
    b"/wchan",
];

/// Entries that a process opens of itself without a right that it does not have in any case.
const OWN: &[&[u8]] = &[
    b"/clear_refs",
    b"/fd",
    b"/fdinfo",
    b"/io",
    b"/ksm_merging_pages",
    b"/ksm_stat",
    b"/ns",
    b"/personality",
    b"/seccomp_cache",
    b"/stack",
    b"/syscall",
];

/// Those of them that hold the address space that the process had when they were opened.
pub(super) const MEMORY: &[&[u8]] = &[b"/auxv", b"/environ", MEM, b"/pagemap"];

/// The same of those that are made line by line.
pub(super) const MAPS: &[&[u8]] = &[b"/maps", b"/numa_maps", b"/smaps", b"/smaps_rollup"];

/// Those that hold the mount namespace and the root that it had.
pub(super) const MOUNTS: &[&[u8]] = &[b"/mountinfo", b"/mounts", b"/mountstats"];

/// Directories of a task whose entries are what the task has: a descriptor, a mapping.
const OF_THINGS: &[&[u8]] = &[b"/fd/", b"/fdinfo/", b"/map_files/"];

/// Entries of no task that hold something by being open.
pub(super) const HOLDING: &[&[u8]] = &[b"/kcore", b"/kmsg", b"/mtrr", b"/pressure", b"/vmcore"];

/// Returns whether `name` is in `list`.
pub(super) fn is_one_of(name: &[u8], list: &[&[u8]]) -> bool {
    list.contains(&name)
}

/// Returns whether the entry of a task called `rest` is there only as long as the task has a certain
/// descriptor or mapping.
pub(super) fn is_of_thing(rest: &[u8]) -> bool {
    OF_THINGS.iter().any(|dir| rest.starts_with(dir))
}

/// Whose an entry is, seen from the task that opens it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// Of its own process.
    Own,
    /// Of a thread of another one that a thread of its process traces.
    Traced,
    /// Of another one.
    Other,
    /// Of one that was reaped.
    Dead,
}

/// Returns why the entry of a task called `rest` can't be opened again, if that is so.
pub(super) fn refusal(rest: &[u8], whose: Whose, writable: bool) -> Option<&'static str> {
    let public = is_one_of(rest, PUBLIC) || (rest.starts_with(b"/net/") && whose != Whose::Dead);
    let own = [OWN, MEMORY, MAPS, MOUNTS]
        .iter()
        .any(|list| is_one_of(rest, list));
    match whose {
        // Channels of network services among them, which hold what waits for an answer.
        _ if rest.starts_with(b"/net/") && writable => {
            Some("is open for writing: what that has set up can't be saved yet")
        }
        _ if !public && !own => Some("gives a right or shows something that can't be saved yet"),
        Whose::Own => None,
        Whose::Traced if rest == MEM => None,
        Whose::Dead if !public => Some("is of a process that has ended: have it closed"),
        Whose::Traced | Whose::Other if !public || writable => {
            Some("gives a right over another process, which can't be saved yet: have it closed")
        }
        Whose::Traced | Whose::Other | Whose::Dead => None,
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_files_proc)]
mod tests {
    use super::*;

    /// Checks that what gives a right is for the process itself only, and no list has what another has.
    #[test]
    fn rights() {
        let may = |rest: &[u8], whose, writable| refusal(rest, whose, writable).is_none();
        for whose in [Whose::Own, Whose::Traced, Whose::Other, Whose::Dead] {
            assert!(may(b"/status", whose, false));
            assert!(may(b"", whose, false));
            assert!(!may(b"/attr/current", whose, false));
            assert!(!may(b"/fdinfo/3", whose, false));
        }
        assert!(may(b"/mem", Whose::Own, true));
        assert!(may(b"/mem", Whose::Traced, true));
        assert!(!may(b"/maps", Whose::Traced, false));
        assert!(!may(b"/mem", Whose::Other, false));
        assert!(!may(b"/mem", Whose::Dead, false));
        assert!(!may(b"/maps", Whose::Dead, false));
        assert!(may(b"/comm", Whose::Own, true));
        assert!(!may(b"/comm", Whose::Other, true));
        assert!(may(b"/net/dev", Whose::Other, false));
        assert!(!may(b"/net/dev", Whose::Dead, false));
        assert!(!may(b"/net/rpc/auth.unix.gid/channel", Whose::Own, true));
        assert!(is_of_thing(b"/fd/3") && is_of_thing(b"/map_files/1000-2000"));
        assert!(!is_of_thing(b"/fd") && !is_of_thing(b"/cwd"));
        let lists = [PUBLIC, OWN, MEMORY, MAPS, MOUNTS];
        for (n, list) in lists.iter().enumerate() {
            for name in *list {
                assert!(!lists.iter().skip(n + 1).any(|l| is_one_of(name, l)));
            }
        }
    }
}
