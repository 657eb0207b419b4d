// SPDX-License-Identifier: GPL-2.0

//! Each check of io_urings has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::{
        uring::{
            setup,
            Uring,
            CQ_ENTRIES_MAX,
            SQ_ENTRIES_MAX,
            URING_DRAIN_DISABLED, //
        },
        *,
    },
    kinds::Kind,
    mm::Vma,
    task::Container, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample,
    PAGE, //
};
use zerocopy::FromZeros;

/// Adds an io_uring of two pages, and changes it.
fn uring(s: &mut Sample, change: impl FnOnce(&mut Uring)) {
    s.add_object(|u: &mut Uring, obj| {
        u.obj.set(obj);
        u.setup.set(setup::NO_SQARRAY);
        u.sq_entries.set(4);
        u.cq_entries.set(8);
        u.sq_head.set(u32::MAX);
        u.cq_tail.set(7);
        u.rings.set(PAGE as u32);
        change(u);
    });
    *s.payload(Kind::Uring, 0) = vec![3; 2 * PAGE as usize];
}

/// Adds an open file for one, and changes it.
fn file(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    uring(s, |_| ());
    let mut file = OpenFile::new_zeroed();
    file.obj.set(obj::LAST + 2);
    file.kind.set(FILE_IO_URING);
    file.flags.set(open::READ | open::WRITE);
    file.inode.set(obj::LAST + 1);
    file.mode.set(0o600);
    change(&mut file);
    s.edit(0, |c: &mut Container| c.objects.set(obj::LAST + 2));
    s.add(file, &[]);
}

/// Has it mapped at an offset.
fn mapped(s: &mut Sample, offset: u64) {
    file(s, |_| ());
    s.edit(3, |v: &mut Vma| {
        v.file.set(obj::LAST + 2);
        v.offset.set(offset);
    });
}

#[test]
fn rings() {
    const SQ: &str = "impossible number of submission queue entries";
    const CQ: &str = "impossible number of completion queue entries";
    const MEMORY: &str = "memory of the io_uring is not as announced";
    refused(&[
        // IORING_SETUP_SQPOLL, and one that there is not.
        ("unknown flag", |s| uring(s, |u| u.setup.set(1 << 1))),
        ("unknown flag", |s| uring(s, |u| u.setup.set(1 << 31))),
        ("unknown flag", |s| {
            uring(s, |u| u.flags.set(URING_DRAIN_DISABLED << 1))
        }),
        ("io_uring that was set up in an impossible way", |s| {
            uring(s, |u| u.setup.set(setup::TASKRUN_FLAG))
        }),
        (SQ, |s| uring(s, |u| u.sq_entries.set(0))),
        (SQ, |s| uring(s, |u| u.sq_entries.set(3))),
        (SQ, |s| uring(s, |u| u.sq_entries.set(2 * SQ_ENTRIES_MAX))),
        (CQ, |s| uring(s, |u| u.cq_entries.set(0))),
        (CQ, |s| uring(s, |u| u.cq_entries.set(16))),
        (CQ, |s| {
            uring(s, |u| {
                u.setup.set(setup::CQSIZE);
                u.cq_entries.set(2);
            })
        }),
        (CQ, |s| {
            uring(s, |u| {
                u.setup.set(setup::CQSIZE);
                u.cq_entries.set(2 * CQ_ENTRIES_MAX);
            })
        }),
        (MEMORY, |s| uring(s, |u| u.rings.set(0))),
        (MEMORY, |s| uring(s, |u| u.rings.set(2 * PAGE as u32))),
        (MEMORY, |s| uring(s, |u| u.rings.set(PAGE as u32 + 64))),
        (MEMORY, |s| {
            uring(s, |_| ());
            s.payload(Kind::Uring, 0).push(0);
        }),
    ]);
    accepted(&[
        |s| uring(s, |_| ()),
        |s| {
            uring(s, |u| {
                u.setup.set(setup::ALL);
                u.flags.set(URING_DRAIN_DISABLED);
                u.sq_entries.set(SQ_ENTRIES_MAX);
                u.cq_entries.set(CQ_ENTRIES_MAX);
            })
        },
    ]);
}

#[test]
fn files() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const PART: &str = "maps a part of an io_uring";
    refused(&[
        (UNUSED, |s| file(s, |f| f.pos.set(1))),
        (UNUSED, |s| file(s, |f| f.size.set(1))),
        ("refers to an object of the wrong kind", |s| {
            file(s, |f| f.inode.set(obj::PIPE))
        }),
        ("two open files are the same kernel object", |s| {
            let mut second = OpenFile::new_zeroed();
            file(s, |f| {
                second = *f;
            });
            second.obj.set(obj::LAST + 3);
            s.edit(0, |c: &mut Container| c.objects.set(obj::LAST + 3));
            s.add(second, &[]);
        }),
        ("mode does not fit the kind of file", |s| {
            file(s, |f| f.mode.set(0o100600))
        }),
        ("unknown flag", |s| {
            file(s, |f| f.flags.set(open::READ | open::WRITE | open::DIRECT))
        }),
        (PART, |s| mapped(s, PAGE)),
        (PART, |s| mapped(s, 0x1000_0000 + PAGE)),
        ("maps a file that cannot be mapped so", |s| {
            mapped(s, 0);
            s.edit(3, |v: &mut Vma| {
                v.kind.set(checkpoint_image::image::mm::VMA_FILE)
            });
        }),
    ]);
    accepted(&[
        |s| {
            file(s, |f| {
                f.flags.set(open::READ | open::WRITE | open::NONBLOCK)
            })
        },
        |s| mapped(s, 0),
        |s| mapped(s, 0x800_0000),
        |s| mapped(s, 0x1000_0000),
    ]);
}
