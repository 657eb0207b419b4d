// SPDX-License-Identifier: GPL-2.0

//! Each check of io_urings has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    epoll::EpollItems,
    files::{
        uring::{
            request,
            setup,
            timeout,
            Uring,
            UringBuffer,
            UringBuffers,
            UringFile,
            UringFiles,
            UringPersonalities,
            UringPersonality,
            UringRequest,
            UringRequests,
            BUFFER_SLOTS_MAX,
            CQ_ENTRIES_MAX,
            PERSONALITY_MAX,
            REQUESTS_MAX,
            SLOTS_MAX,
            SQ_ENTRIES_MAX,
            URING_DRAIN_ACTIVE,
            URING_DRAIN_DISABLED,
            URING_EVENTFD_ASYNC,
            URING_FLAGS,
            URING_OPS_RESTRICTED,
            URING_REGISTERS_RESTRICTED,
            URING_REQUEST_FUTEX,
            URING_REQUEST_POLL,
            URING_REQUEST_TIMEOUT, //
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
    uring::{
        file,
        uring, //
    },
    Sample,
    PAGE, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

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
    const IMPOSSIBLE: &str = "io_uring that was set up in an impossible way";
    const SQ: &str = "impossible number of submission queue entries";
    const CQ: &str = "impossible number of completion queue entries";
    const MEMORY: &str = "memory of the io_uring is not as announced";
    refused(&[
        // IORING_SETUP_NO_MMAP, and one that there is not.
        ("unknown flag", |s| uring(s, |u| u.setup.set(1 << 14))),
        ("unknown flag", |s| uring(s, |u| u.setup.set(1 << 31))),
        ("unknown flag", |s| {
            uring(s, |u| u.flags.set(URING_FLAGS + 1))
        }),
        ("io_uring that was set up in an impossible way", |s| {
            uring(s, |u| u.setup.set(setup::TASKRUN_FLAG))
        }),
        ("io_uring that was set up in an impossible way", |s| {
            uring(s, |u| u.setup.set(setup::DEFER_TASKRUN))
        }),
        (IMPOSSIBLE, |s| uring(s, |u| u.setup.set(setup::SQ_AFF))),
        (IMPOSSIBLE, |s| {
            uring(s, |u| u.setup.set(setup::HYBRID_IOPOLL))
        }),
        (IMPOSSIBLE, |s| uring(s, |u| u.setup.set(setup::SQ_REWIND))),
        (IMPOSSIBLE, |s| {
            uring(s, |u| u.setup.set(setup::CQE32 | setup::CQE_MIXED))
        }),
        (IMPOSSIBLE, |s| {
            uring(s, |u| u.setup.set(setup::SQE128 | setup::SQE_MIXED))
        }),
        (IMPOSSIBLE, |s| {
            uring(s, |u| u.setup.set(setup::SQPOLL | setup::COOP_TASKRUN))
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
                u.setup.set(
                    setup::IOPOLL
                        | setup::HYBRID_IOPOLL
                        | setup::ATTACH_WQ
                        | setup::CQE_MIXED
                        | setup::SQE_MIXED
                        | setup::NO_SQARRAY
                        | setup::SQ_REWIND,
                );
            })
        },
        |s| {
            uring(s, |u| {
                u.setup.set(
                    setup::CQSIZE
                        | setup::CLAMP
                        | setup::R_DISABLED
                        | setup::SUBMIT_ALL
                        | setup::COOP_TASKRUN
                        | setup::TASKRUN_FLAG
                        | setup::SQE128
                        | setup::CQE32
                        | setup::NO_SQARRAY,
                );
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
        (PART, |s| mapped(s, 0x8000_0000 + PAGE)),
        (PART, |s| mapped(s, 0x8800_0000)),
        ("maps a file that cannot be mapped so", |s| {
            mapped(s, 0);
            s.edit(3, |v: &mut Vma| {
                v.kind.set(checkpoint_image::image::mm::VMA_FILE)
            });
        }),
    ]);
    accepted(&[
        |s| mapped(s, 0x8000_0000 + (5 << 16)),
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

/// Adds an eventfd, and an io_uring that tells it.
fn told(s: &mut Sample, change: impl FnOnce(&mut Uring)) {
    uring(s, |u| {
        u.eventfd.set(obj::LAST + 2);
        change(u);
    });
    let mut file = OpenFile::new_zeroed();
    file.obj.set(obj::LAST + 2);
    file.kind.set(FILE_EVENTFD);
    file.flags.set(open::READ | open::WRITE);
    file.mode.set(0o600);
    s.edit(0, |c: &mut Container| c.objects.set(obj::LAST + 2));
    s.add(file, &[]);
}

/// Adds an io_uring with eight places, and these files there.
fn with_files(s: &mut Sample, announced: u32, files: &[(u32, u32)]) {
    uring(s, |u| {
        u.slots.set(8);
        u.files.set(announced);
        u.alloc_end.set(8);
    });
    let mut all = Vec::new();
    for &(index, obj) in files {
        let mut file = UringFile::new_zeroed();
        file.tag.set(u64::MAX);
        file.index.set(index);
        file.file.set(obj);
        all.extend_from_slice(file.as_bytes());
    }
    let mut record = UringFiles::new_zeroed();
    record.files.set(files.len() as u32);
    s.add(record, &all);
}

/// Adds an io_uring with these personalities.
fn with_personalities(s: &mut Sample, announced: u32, all: &[(u32, u32)]) {
    uring(s, |u| {
        u.personalities.set(announced);
        u.next_personality.set(PERSONALITY_MAX + 1);
    });
    let mut bytes = Vec::new();
    for &(id, cred) in all {
        let mut personality = UringPersonality::new_zeroed();
        personality.id.set(id);
        personality.cred.set(cred);
        bytes.extend_from_slice(personality.as_bytes());
    }
    let mut record = UringPersonalities::new_zeroed();
    record.personalities.set(all.len() as u32);
    s.add(record, &bytes);
}

#[test]
fn issuers() {
    const ONE: &str =
        "io_uring to which one task may submit, and none does, or the other way round";
    const LIVES: &str = "who may submit to the io_uring is no living task";
    refused(&[
        (ONE, |s| uring(s, |u| u.issuer.set(1))),
        (ONE, |s| uring(s, |u| u.setup.set(setup::SINGLE_ISSUER))),
        (ONE, |s| {
            uring(s, |u| {
                u.setup.set(setup::SINGLE_ISSUER | setup::R_DISABLED);
                u.issuer.set(1);
            })
        }),
        (LIVES, |s| {
            uring(s, |u| {
                u.setup.set(setup::SINGLE_ISSUER);
                u.issuer.set(4000);
            })
        }),
    ]);
    accepted(&[
        |s| {
            uring(s, |u| {
                u.setup.set(setup::SINGLE_ISSUER | setup::DEFER_TASKRUN);
                u.issuer.set(1);
            })
        },
        |s| uring(s, |u| u.setup.set(setup::SINGLE_ISSUER | setup::R_DISABLED)),
    ]);
}

#[test]
fn registered() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const PLACES: &str = "places that the kernel may choose are none";
    const FLAGS: &str = "impossible flags of requests";
    const ORDER: &str = "registered files are out of order, or where there is no place";
    const NUMBER: &str = "another number than announced";
    const LACKS: &str = "the io_uring before it lacks files, personalities, buffers or requests";
    const IDS: &str = "impossible personalities, or out of order";
    refused(&[
        ("too many registered files", |s| {
            uring(s, |u| u.slots.set(SLOTS_MAX + 1))
        }),
        ("too many registered files", |s| {
            uring(s, |u| u.files.set(1))
        }),
        (PLACES, |s| uring(s, |u| u.alloc_end.set(1))),
        (PLACES, |s| {
            uring(s, |u| {
                u.slots.set(2);
                u.alloc_start.set(2);
                u.alloc_end.set(1);
            })
        }),
        (PLACES, |s| uring(s, |u| u.alloc_hint.set(1))),
        ("too many personalities", |s| {
            uring(s, |u| u.personalities.set(PERSONALITY_MAX + 1))
        }),
        ("too many personalities", |s| {
            uring(s, |u| u.next_personality.set(PERSONALITY_MAX + 2))
        }),
        ("tells what is no eventfd", |s| {
            told(s, |u| u.eventfd.set(obj::PIPE_READ))
        }),
        (UNUSED, |s| uring(s, |u| u.flags.set(URING_EVENTFD_ASYNC))),
        (UNUSED, |s| uring(s, |u| u.reserved.set(1))),
        (UNUSED, |s| uring(s, |u| u.ops_low.set(1))),
        (UNUSED, |s| uring(s, |u| u.ops_high.set(1))),
        (UNUSED, |s| uring(s, |u| u.sqe_flags_allowed.set(1))),
        (UNUSED, |s| uring(s, |u| u.registers.set(1))),
        (FLAGS, |s| {
            uring(s, |u| {
                u.flags.set(URING_OPS_RESTRICTED);
                u.sqe_flags_required.set(256);
            })
        }),
        (ORDER, |s| with_files(s, 1, &[(8, obj::EXE)])),
        (ORDER, |s| with_files(s, 2, &[(1, obj::EXE), (1, obj::EXE)])),
        (NUMBER, |s| {
            with_files(s, 1, &[(0, obj::EXE), (1, obj::EXE)])
        }),
        (NUMBER, |s| with_files(s, 1, &[])),
        ("refers to an object of the wrong kind", |s| {
            with_files(s, 1, &[(0, obj::PIPE)])
        }),
        (
            "files, personalities, buffers or requests of an io_uring are missing",
            |s| with_files(s, 2, &[(0, obj::EXE)]),
        ),
        (LACKS, |s| {
            uring(s, |u| u.personalities.set(1));
            s.add(EpollItems::new_zeroed(), &[]);
        }),
        ("belongs to no io_uring, or that has fewer files", |s| {
            with_files(s, 0, &[(0, obj::EXE)])
        }),
        (
            "belongs to no io_uring, or that has fewer personalities",
            |s| with_personalities(s, 0, &[(1, obj::CRED)]),
        ),
        (IDS, |s| with_personalities(s, 1, &[(0, obj::CRED)])),
        (IDS, |s| {
            with_personalities(s, 1, &[(PERSONALITY_MAX + 1, obj::CRED)])
        }),
        (IDS, |s| {
            with_personalities(s, 2, &[(2, obj::CRED), (1, obj::CRED)])
        }),
        ("refers to an object of the wrong kind", |s| {
            with_personalities(s, 1, &[(1, obj::PIPE)])
        }),
    ]);
    accepted(&[
        |s| told(s, |u| u.flags.set(URING_EVENTFD_ASYNC)),
        |s| {
            uring(s, |u| {
                u.flags
                    .set(URING_OPS_RESTRICTED | URING_REGISTERS_RESTRICTED);
                u.ops_low.set(u64::MAX);
                u.ops_high.set(u64::MAX);
                u.sqe_flags_allowed.set(255);
                u.registers.set(u64::MAX);
            })
        },
        |s| with_files(s, 2, &[(0, obj::EXE), (7, obj::EXE)]),
        |s| with_personalities(s, 2, &[(1, obj::CRED), (PERSONALITY_MAX, obj::CRED)]),
    ]);
}

/// Adds an io_uring with eight places for buffers, and these there.
fn with_buffers(s: &mut Sample, announced: u32, buffers: &[(u32, u64, u64)]) {
    uring(s, |u| {
        u.buffer_slots.set(8);
        u.buffers.set(announced);
        u.buffers_of.set(u32::from(announced != 0));
    });
    let mut all = Vec::new();
    for &(index, addr, len) in buffers {
        let mut buffer = UringBuffer::new_zeroed();
        buffer.index.set(index);
        buffer.addr.set(addr);
        buffer.len.set(len);
        all.extend_from_slice(buffer.as_bytes());
    }
    let mut record = UringBuffers::new_zeroed();
    record.buffers.set(buffers.len() as u32);
    s.add(record, &all);
}

#[test]
fn buffers() {
    const MANY: &str = "too many registered buffers";
    const NOBODY: &str = "registered buffers are the memory of no living task";
    const ORDER: &str = "registered buffers are out of order, or where there is no place";
    const NONE: &str = "belongs to no io_uring, or that has fewer buffers";
    refused(&[
        (MANY, |s| {
            uring(s, |u| u.buffer_slots.set(BUFFER_SLOTS_MAX + 1))
        }),
        (MANY, |s| uring(s, |u| u.buffers.set(1))),
        (NOBODY, |s| uring(s, |u| u.buffers_of.set(1))),
        (NOBODY, |s| {
            uring(s, |u| {
                u.buffer_slots.set(1);
                u.buffers.set(1);
            })
        }),
        (NOBODY, |s| {
            uring(s, |u| {
                u.buffer_slots.set(1);
                u.buffers.set(1);
                u.buffers_of.set(4000);
            })
        }),
        (ORDER, |s| with_buffers(s, 1, &[(8, PAGE, 1)])),
        (ORDER, |s| with_buffers(s, 2, &[(1, PAGE, 1), (1, PAGE, 1)])),
        ("impossible buffer", |s| with_buffers(s, 1, &[(0, 0, 1)])),
        ("impossible buffer", |s| with_buffers(s, 1, &[(0, PAGE, 0)])),
        ("impossible buffer", |s| {
            with_buffers(s, 1, &[(0, PAGE, (1 << 40) + 1)])
        }),
        ("impossible buffer", |s| {
            with_buffers(s, 1, &[(0, u64::MAX, 1)])
        }),
        (NONE, |s| with_buffers(s, 0, &[(0, PAGE, 1)])),
        ("another number than announced", |s| with_buffers(s, 1, &[])),
        (
            "files, personalities, buffers or requests of an io_uring are missing",
            |s| with_buffers(s, 2, &[(0, PAGE, 1)]),
        ),
    ]);
    accepted(&[
        |s| uring(s, |u| u.buffer_slots.set(BUFFER_SLOTS_MAX)),
        |s| with_buffers(s, 2, &[(0, PAGE + 1, 1), (7, PAGE, 1 << 40)]),
    ]);
}

/// EPOLLERR, EPOLLHUP, EPOLLNVAL, EPOLLRDHUP, and EPOLLET.
const ALWAYS: u32 = 0x8000_2038;

/// Adds an io_uring with eight places for files and a request, which is changed, and may be drained.
fn with_request(s: &mut Sample, change: impl FnOnce(&mut UringRequest)) {
    uring(s, |u| {
        u.flags.set(URING_DRAIN_ACTIVE);
        u.slots.set(8);
        u.requests.set(1);
        u.timeouts.set(u32::MAX);
        u.timeouts_flushed.set(9);
    });
    let mut request = UringRequest::new_zeroed();
    request.user_data.set(u64::MAX);
    request.task.set(1);
    change(&mut request);
    let mut record = UringRequests::new_zeroed();
    record.requests.set(1);
    s.add(record, request.as_bytes());
}

/// The same of one that waits for a pipe.
fn with_poll(s: &mut Sample, change: impl FnOnce(&mut UringRequest)) {
    with_request(s, |r| {
        r.kind.set(URING_REQUEST_POLL);
        r.file.set(obj::PIPE_READ);
        r.events.set(ALWAYS | 1);
        change(r);
    });
}

/// The same of one that waits for a time.
fn with_timeout(s: &mut Sample, change: impl FnOnce(&mut UringRequest)) {
    with_request(s, |r| {
        r.kind.set(URING_REQUEST_TIMEOUT);
        r.clock.set(TIMERFD_CLOCK_MONOTONIC);
        r.expires.set(5);
        change(r);
    });
}

/// The same of one that waits for a futex.
fn with_futex(s: &mut Sample, change: impl FnOnce(&mut UringRequest)) {
    with_request(s, |r| {
        r.kind.set(URING_REQUEST_FUTEX);
        r.expires.set(4096 + 4);
        r.target.set(u32::MAX);
        change(r);
    });
}

#[test]
fn futexes() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const FUTEX: &str = "impossible futex";
    refused(&[
        (FUTEX, |s| with_futex(s, |r| r.expires.set(4096 + 2))),
        (FUTEX, |s| with_futex(s, |r| r.target.set(0))),
        (UNUSED, |s| with_futex(s, |r| r.file.set(1))),
        (UNUSED, |s| with_futex(s, |r| r.repeats.set(1))),
        (UNUSED, |s| with_futex(s, |r| r.interval.set(1))),
        (UNUSED, |s| with_futex(s, |r| r.flags.set(request::PENDING))),
    ]);
    accepted(&[|s| {
        with_futex(s, |r| {
            r.flags.set(request::LINK);
            r.off.set(u32::MAX);
        })
    }]);
}

#[test]
fn requests() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const MANY: &str =
        "too many requests, or of an io_uring that is not enabled, polls or has a thread";
    const WHO: &str = "who has submitted a request is no living task, or may not";
    const FILE: &str = "a request waits for a file that can't be waited for";
    const PLACE: &str = "a request waits for a file where there is no place";
    const EVENTS: &str = "events that no request waits for";
    const TIMEOUT: &str = "impossible timeout";
    refused(&[
        (MANY, |s| uring(s, |u| u.requests.set(REQUESTS_MAX + 1))),
        (MANY, |s| {
            uring(s, |u| {
                u.setup.set(setup::R_DISABLED);
                u.requests.set(1);
            })
        }),
        (UNUSED, |s| uring(s, |u| u.timeouts.set(1))),
        (UNUSED, |s| uring(s, |u| u.timeouts_flushed.set(1))),
        (
            "files, personalities, buffers or requests of an io_uring are missing",
            |s| uring(s, |u| u.requests.set(1)),
        ),
        ("belongs to no io_uring, or that has fewer requests", |s| {
            uring(s, |_| ());
            s.add(UringRequests::new_zeroed(), &[]);
        }),
        ("unknown kind of request", |s| with_request(s, |_| ())),
        (WHO, |s| with_poll(s, |r| r.task.set(0))),
        (WHO, |s| with_poll(s, |r| r.task.set(4000))),
        ("unknown flag", |s| {
            with_poll(s, |r| r.flags.set(request::ALL + 1))
        }),
        ("unknown flag", |s| {
            with_poll(s, |r| r.flags.set(request::DEFERRED))
        }),
        (
            "others wait for the end of a request that was not drained",
            |s| with_poll(s, |r| r.flags.set(request::ALONE)),
        ),
        (UNUSED, |s| with_poll(s, |r| r.reserved.set(1))),
        (FILE, |s| with_poll(s, |r| r.file.set(obj::EXE))),
        ("refers to an object of the wrong kind", |s| {
            with_poll(s, |r| r.file.set(obj::PIPE))
        }),
        (PLACE, |s| with_poll(s, |r| r.index.set(1))),
        (PLACE, |s| {
            with_poll(s, |r| {
                r.flags.set(request::FIXED);
                r.index.set(8);
            })
        }),
        (EVENTS, |s| with_poll(s, |r| r.events.set(1))),
        (EVENTS, |s| with_poll(s, |r| r.events.set(ALWAYS | 1 << 29))),
        // One that is told often is told always.
        (EVENTS, |s| with_poll(s, |r| r.flags.set(request::SKIP))),
        (UNUSED, |s| with_poll(s, |r| r.expires.set(1))),
        (UNUSED, |s| with_poll(s, |r| r.interval.set(1))),
        (UNUSED, |s| with_poll(s, |r| r.clock.set(1))),
        (UNUSED, |s| with_poll(s, |r| r.timeout.set(1))),
        (UNUSED, |s| with_poll(s, |r| r.off.set(1))),
        (UNUSED, |s| with_poll(s, |r| r.repeats.set(1))),
        (UNUSED, |s| with_poll(s, |r| r.target.set(1))),
        (UNUSED, |s| with_poll(s, |r| r.flags.set(request::SHARED))),
        ("unknown flag", |s| with_timeout(s, |r| r.timeout.set(2))),
        (TIMEOUT, |s| {
            with_timeout(s, |r| r.timeout.set(timeout::BOOTTIME | timeout::REALTIME))
        }),
        (TIMEOUT, |s| {
            with_timeout(s, |r| r.timeout.set(timeout::MULTISHOT | timeout::ABS))
        }),
        ("unknown clock", |s| with_timeout(s, |r| r.clock.set(8))),
        ("impossible time", |s| {
            with_timeout(s, |r| r.expires.set(1 << 63))
        }),
        ("impossible time", |s| {
            with_timeout(s, |r| {
                r.timeout.set(timeout::MULTISHOT);
                r.interval.set(1 << 63);
            })
        }),
        (UNUSED, |s| with_timeout(s, |r| r.interval.set(1))),
        (UNUSED, |s| with_timeout(s, |r| r.repeats.set(1))),
        (UNUSED, |s| with_timeout(s, |r| r.flags.set(request::FIXED))),
        (UNUSED, |s| {
            with_timeout(s, |r| r.flags.set(request::PENDING))
        }),
        (UNUSED, |s| with_timeout(s, |r| r.file.set(obj::PIPE_READ))),
        (UNUSED, |s| with_timeout(s, |r| r.index.set(1))),
        (UNUSED, |s| with_timeout(s, |r| r.events.set(1))),
    ]);
    accepted(&[
        |s| with_poll(s, |_| ()),
        |s| {
            with_poll(s, |r| {
                r.flags.set(
                    request::ALL
                        & !(request::SELECT | request::ARMED | request::SHARED | request::DEFERRED),
                );
                r.index.set(7);
                r.events.set(!(0x2fff << 16));
            })
        },
        |s| with_timeout(s, |_| ()),
        |s| {
            with_timeout(s, |r| {
                r.flags.set(request::ASYNC | request::SKIP);
                r.timeout
                    .set(timeout::MULTISHOT | timeout::BOOTTIME | timeout::ETIME_SUCCESS);
                r.interval.set(i64::MAX as u64);
                r.expires.set(i64::MAX as u64);
                r.off.set(u32::MAX);
                r.repeats.set(u32::MAX);
                r.target.set(u32::MAX);
            })
        },
    ]);
}
