// SPDX-License-Identifier: GPL-2.0

//! Each check of memory policies has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    mm::Vma,
    policy::*, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};
use zerocopy::FromZeros;

/// Gives the first thread a policy on its first node.
fn of_task(s: &mut Sample, mode: u32, fill: impl FnOnce(&mut TaskPolicy)) {
    let mut body = TaskPolicy::new_zeroed();
    body.tid.set(1);
    body.mode.set(mode);
    body.nodes[0].set(1);
    fill(&mut body);
    s.add(body, &[]);
    put_behind(s, Kind::Affinity, 0);
}

/// Moves the record that was added last behind number `nth` of kind `kind`.
fn put_behind(s: &mut Sample, kind: Kind, nth: usize) {
    let record = s.records.pop().expect("one was added");
    let at = s.position(kind, nth) + 1;
    s.records.insert(at, record);
}

/// Puts a policy on the first node behind number `nth` of kind `kind`.
fn of_memory(s: &mut Sample, kind: Kind, nth: usize, fill: impl FnOnce(&mut MemoryPolicy)) {
    let mut body = MemoryPolicy::new_zeroed();
    body.mode.set(POLICY_BIND);
    body.nodes[0].set(1);
    fill(&mut body);
    s.add(body, &[]);
    put_behind(s, kind, nth);
}

/// Gives the first mapping one, from `start` to `end`.
fn of_mapping(s: &mut Sample, start: u64, end: u64) {
    s.extents.clear();
    s.edit(0, |v: &mut Vma| {
        v.start.set(0x8000);
        v.end.set(0x10000);
    });
    of_memory(s, Kind::Vma, 0, |p| {
        p.start.set(start);
        p.end.set(end);
    });
}

/// Gives the second inode one, from page `start` to page `end`.
fn of_inode(s: &mut Sample, start: u64, end: u64) {
    of_memory(s, Kind::Inode, 1, |p| {
        p.start.set(start);
        p.end.set(end);
    });
}

#[test]
fn possible() {
    accepted(&[
        |s| of_task(s, POLICY_PREFERRED, |_| ()),
        |s| of_task(s, POLICY_BIND, |p| p.nodes[15].set(1 << 63)),
        |s| of_task(s, POLICY_LOCAL, |p| p.nodes[0].set(0)),
        |s| of_task(s, POLICY_PREFERRED_MANY, |p| p.flags.set(POLICY_BALANCING)),
        |s| {
            of_task(s, POLICY_INTERLEAVE, |p| {
                p.flags.set(POLICY_STATIC);
                p.asked[1].set(1);
                p.last.set(NODES_MAX);
            })
        },
        |s| {
            of_task(s, POLICY_WEIGHTED, |p| {
                p.flags.set(POLICY_RELATIVE);
                p.asked[0].set(3);
                p.last.set(1);
                p.left.set(255);
            })
        },
        |s| of_mapping(s, 0x8000, 0x10000),
        |s| {
            of_mapping(s, 0x8000, 0x10000);
            s.edit(0, |p: &mut MemoryPolicy| p.home.set(NODES_MAX));
        },
        // The second is put before the first.
        |s| {
            of_inode(s, 7, 1 << 40);
            of_inode(s, 0, 7);
        },
    ]);
}

#[test]
fn policies() {
    let unknown = "unknown memory policy";
    let together = "flags that do not go together";
    let count = "impossible number of nodes";
    let asked = "nodes are asked for, or not, against the flags";
    refused(&[
        (unknown, |s| of_task(s, 0, |_| ())),
        (unknown, |s| of_task(s, POLICY_WEIGHTED + 1, |_| ())),
        ("unknown flag", |s| {
            of_task(s, POLICY_BIND, |p| p.flags.set(POLICY_FLAGS + 1))
        }),
        (together, |s| {
            of_task(s, POLICY_BIND, |p| {
                p.flags.set(POLICY_STATIC | POLICY_RELATIVE);
                p.asked[0].set(1);
            })
        }),
        (together, |s| {
            of_task(s, POLICY_INTERLEAVE, |p| p.flags.set(POLICY_BALANCING))
        }),
        (together, |s| {
            of_task(s, POLICY_LOCAL, |p| {
                p.nodes[0].set(0);
                p.flags.set(POLICY_STATIC);
                p.asked[0].set(1);
            })
        }),
        (count, |s| of_task(s, POLICY_LOCAL, |_| ())),
        (count, |s| {
            of_task(s, POLICY_PREFERRED, |p| p.nodes[3].set(1))
        }),
        (count, |s| of_task(s, POLICY_BIND, |p| p.nodes[0].set(0))),
        (asked, |s| {
            of_task(s, POLICY_BIND, |p| p.flags.set(POLICY_STATIC))
        }),
        (asked, |s| of_task(s, POLICY_BIND, |p| p.asked[0].set(1))),
    ]);
}

#[test]
fn tasks() {
    let place = "impossible place among the nodes";
    refused(&[
        (place, |s| of_task(s, POLICY_BIND, |p| p.last.set(1))),
        (place, |s| {
            of_task(s, POLICY_INTERLEAVE, |p| p.last.set(NODES_MAX + 1))
        }),
        (place, |s| {
            of_task(s, POLICY_INTERLEAVE, |p| {
                p.last.set(1);
                p.left.set(1);
            })
        }),
        (place, |s| of_task(s, POLICY_WEIGHTED, |p| p.left.set(1))),
        (place, |s| {
            of_task(s, POLICY_WEIGHTED, |p| {
                p.last.set(1);
                p.left.set(256);
            })
        }),
        ("reserved or unused field is not zero", |s| {
            of_task(s, POLICY_BIND, |p| p.reserved.set(1))
        }),
        ("second record of this kind for one task", |s| {
            of_task(s, POLICY_BIND, |_| ());
            of_task(s, POLICY_BIND, |_| ());
        }),
        ("belongs to no task that comes before it", |s| {
            of_task(s, POLICY_BIND, |p| p.tid.set(2))
        }),
    ]);
}

#[test]
fn memory() {
    let nothing = "memory policy of neither a mapping nor an inode";
    let other = "memory policy of another range than that of the mapping";
    let ranges = "ranges with a memory policy overlap, or lie beyond all files";
    refused(&[
        (nothing, |s| of_memory(s, Kind::Process, 0, |_| ())),
        (nothing, |s| {
            of_mapping(s, 0x8000, 0x10000);
            of_memory(s, Kind::MemoryPolicy, 0, |p| {
                p.start.set(0x8000);
                p.end.set(0x10000);
            });
        }),
        (other, |s| of_mapping(s, 0x9000, 0x10000)),
        (other, |s| of_mapping(s, 0x8000, 0xf000)),
        (ranges, |s| of_inode(s, 1, 1)),
        (ranges, |s| of_inode(s, 0, u64::MAX)),
        (ranges, |s| {
            of_inode(s, 6, 8);
            of_inode(s, 0, 7);
        }),
        ("impossible home node", |s| {
            of_mapping(s, 0x8000, 0x10000);
            s.edit(0, |p: &mut MemoryPolicy| p.home.set(NODES_MAX + 1));
        }),
        ("impossible home node", |s| {
            of_mapping(s, 0x8000, 0x10000);
            s.edit(0, |p: &mut MemoryPolicy| {
                p.mode.set(POLICY_INTERLEAVE);
                p.home.set(1);
            });
        }),
        ("reserved or unused field is not zero", |s| {
            of_mapping(s, 0x8000, 0x10000);
            s.edit(0, |p: &mut MemoryPolicy| p.reserved.set(1));
        }),
    ]);
}
