// SPDX-License-Identifier: GPL-2.0

//! Each check of threads that are traced has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    task::{
        Task,
        TASK_VFORK, //
    },
    trace::*, //
};
use sample::{
    accepted,
    refused,
    Sample, //
};
use zerocopy::FromZeros;

/// A siginfo_t.
const INFO: [u8; 128] = [0; 128];

/// A live thread of another process than the first, a dead one, and one of the same process.
const OTHER: u32 = 3;
const DEAD: u32 = 4;
const SAME: u32 = 2;

/// Has the first thread traced by that of another process, if `fill` does not say otherwise; with a
/// siginfo if `info`.
fn traced(s: &mut Sample, info: bool, fill: impl FnOnce(&mut Traced)) {
    let mut body = Traced::new_zeroed();
    body.tid.set(1);
    body.tracer.set(OTHER);
    fill(&mut body);
    s.add(body, if info { &INFO } else { &[] });
    let record = s.records.pop().expect("one was added");
    let at = s.position(Kind::Affinity, 0) + 1;
    s.records.insert(at, record);
}

/// The same of one that is stopped.
fn stopped(s: &mut Sample, stop: u32, flags: u32, code: u32, message: u64, info: bool) {
    traced(s, info, |t| {
        t.stop.set(stop);
        t.flags.set(flags);
        t.exit_code.set(code);
        t.message.set(message);
    });
}

#[test]
fn possible() {
    accepted(&[
        |s| traced(s, false, |_| ()),
        |s| {
            traced(s, false, |t| {
                t.flags.set(TRACED_SEIZED | TRACED_SYSCALLS);
                t.options.set(TRACE_OPTIONS);
            })
        },
        |s| stopped(s, TRACED_AT_SIGNAL, TRACED_DEQUEUED, 0, 0, true),
        |s| stopped(s, TRACED_AT_SIGNAL, 0, 64, 0, true),
        |s| {
            let flags = TRACED_SEIZED | TRACED_INTERRUPTED | TRACED_NOTIFY;
            stopped(s, TRACED_AT_SIGNAL, flags, 1, 0, true)
        },
        |s| stopped(s, TRACED_AT_TRAP, 0, 19, 0, false),
        |s| {
            let flags = TRACED_SEIZED | TRACED_LISTENING;
            stopped(s, TRACED_AT_TRAP, flags, EVENT_STOP << 8 | TRAP, 0, true)
        },
        |s| stopped(s, TRACED_AT_EXIT, TRACED_SYSCALLS, TRAP, MESSAGE_EXIT, true),
        |s| {
            stopped(
                s,
                TRACED_AT_EXIT,
                0,
                TRAP | TRAP_SYSCALL,
                MESSAGE_EXIT,
                true,
            )
        },
    ]);
}

/// Stops the first thread at an event, with `code`.
fn at_event(s: &mut Sample, code: u32, result: u32, info: bool) {
    traced(s, info, |t| {
        t.stop.set(TRACED_AT_EVENT);
        t.exit_code.set(code);
        t.message.set(u64::from(result));
        t.result.set(result);
    });
}

#[test]
fn events() {
    accepted(&[
        |s| at_event(s, 1 << 8 | TRAP, 9, true),
        |s| at_event(s, 3 << 8 | TRAP, 9, true),
        |s| at_event(s, 0, 1, true),
        |s| at_event(s, EVENT_EXEC << 8 | TRAP, 0, true),
        |s| at_event(s, 0, 0, true),
    ]);
    let status = "status or message of another stop";
    refused(&[
        (status, |s| at_event(s, 2 << 8 | TRAP, 9, true)),
        (status, |s| at_event(s, 1 << 8 | 6, 9, true)),
        ("impossible pid", |s| at_event(s, 1 << 8 | TRAP, 0, true)),
        ("impossible pid", |s| {
            at_event(s, EVENT_EXEC << 8 | TRAP, 9, true)
        }),
        ("impossible pid", |s| at_event(s, 0, u32::MAX, true)),
        ("not one siginfo for a stop that has one", |s| {
            at_event(s, 0, 9, false)
        }),
        ("reserved or unused field is not zero", |s| {
            traced(s, false, |t| t.result.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            traced(s, false, |t| t.reserved.set(1))
        }),
    ]);
}

#[test]
fn before_calls() {
    accepted(&[
        |s| {
            stopped(
                s,
                TRACED_AT_ENTRY,
                TRACED_SYSCALLS,
                TRAP,
                MESSAGE_ENTRY,
                true,
            )
        },
        |s| stopped(s, TRACED_AT_ENTRY, TRACED_EMULATED, 0, MESSAGE_ENTRY, true),
        |s| {
            let code = EVENT_SECCOMP << 8 | TRAP;
            stopped(s, TRACED_AT_SECCOMP, 0, code, SECCOMP_DATA_MAX, true)
        },
        |s| stopped(s, TRACED_AT_SECCOMP, 0, 0, 0, true),
        |s| stopped(s, TRACED_RUNS, TRACED_EMULATED, 0, 0, false),
    ]);
    let status = "status or message of another stop";
    refused(&[
        (status, |s| {
            stopped(s, TRACED_AT_ENTRY, 0, TRAP, MESSAGE_EXIT, true)
        }),
        (status, |s| {
            stopped(s, TRACED_AT_ENTRY, 0, 1 << 8 | TRAP, MESSAGE_ENTRY, true)
        }),
        (status, |s| {
            stopped(s, TRACED_AT_SECCOMP, 0, 0, SECCOMP_DATA_MAX + 1, true)
        }),
        (status, |s| stopped(s, TRACED_AT_SECCOMP, 0, TRAP, 0, true)),
        ("not one siginfo for a stop that has one", |s| {
            stopped(s, TRACED_AT_ENTRY, 0, 0, MESSAGE_ENTRY, false)
        }),
        ("not one siginfo for a stop that has one", |s| {
            stopped(s, TRACED_AT_SECCOMP, 0, 0, 0, false)
        }),
    ]);
}

/// Stops the first thread at `stop`, with a result.
fn stopped_with(s: &mut Sample, stop: u32, flags: u32, code: u32, message: u64, result: u32) {
    traced(s, true, |t| {
        t.stop.set(stop);
        t.flags.set(flags);
        t.exit_code.set(code);
        t.message.set(message);
        t.result.set(result);
    });
}

#[test]
fn in_vfork_and_exit() {
    const VFORK: u32 = EVENT_VFORK << 8 | TRAP;
    const EXIT: u32 = EVENT_EXIT << 8 | TRAP;
    accepted(&[
        |s| stopped_with(s, TRACED_AT_VFORK, 0, VFORK, 9, 9),
        |s| stopped_with(s, TRACED_AT_VFORK, TRACED_SYSCALLS, 0, 9, 9),
        |s| stopped_with(s, TRACED_EXITING, 0, EXIT, EXIT_CODE_MAX, 0),
        |s| stopped_with(s, TRACED_EXITING, TRACED_GROUP_EXITS, 0, 0, 0xffff),
    ]);
    let status = "status or message of another stop";
    let group = "process that exits, of a thread that does not, or with an impossible code";
    refused(&[
        (status, |s| stopped_with(s, TRACED_AT_VFORK, 0, EXIT, 9, 9)),
        (status, |s| stopped_with(s, TRACED_EXITING, 0, VFORK, 9, 0)),
        (status, |s| {
            stopped_with(s, TRACED_EXITING, 0, EXIT, EXIT_CODE_MAX + 1, 0)
        }),
        ("impossible pid", |s| {
            stopped_with(s, TRACED_AT_VFORK, 0, VFORK, 9, 0)
        }),
        ("impossible pid", |s| {
            stopped_with(s, TRACED_AT_VFORK, 0, VFORK, 9, u32::MAX)
        }),
        ("reserved or unused field is not zero", |s| {
            stopped_with(s, TRACED_EXITING, 0, EXIT, 9, 1)
        }),
        (group, |s| {
            stopped_with(s, TRACED_EXITING, TRACED_GROUP_EXITS, EXIT, 9, 0x1_0000)
        }),
        (group, |s| {
            stopped_with(s, TRACED_AT_VFORK, TRACED_GROUP_EXITS, VFORK, 9, 9)
        }),
        ("not one siginfo for a stop that has one", |s| {
            stopped(s, TRACED_EXITING, 0, EXIT, 9, false)
        }),
    ]);
}

/// Has the second thread wait in vfork() for its child, which traces it, and stopped at `stop` with `code`
/// and with `pid` as message and result.
fn waits(s: &mut Sample, stop: u32, code: u32, pid: u32) {
    s.edit(1, |t: &mut Task| {
        t.flags.set(TASK_VFORK);
        t.vfork_child.set(OTHER);
    });
    let mut body = Traced::new_zeroed();
    body.tid.set(SAME);
    body.tracer.set(OTHER);
    body.stop.set(stop);
    body.exit_code.set(code);
    body.message.set(pid.into());
    body.result.set(pid);
    s.add(body, if stop == TRACED_RUNS { &[] } else { &INFO });
    let record = s.records.pop().expect("one was added");
    let at = s.position(Kind::Task, 1) + 1;
    s.records.insert(at, record);
}

#[test]
fn waits_in_vfork() {
    accepted(&[
        |s| waits(s, TRACED_RUNS, 0, 0),
        |s| waits(s, TRACED_AT_VFORK, EVENT_VFORK << 8 | TRAP, OTHER),
    ]);
    let elsewhere = "waits in vfork(), and is stopped elsewhere";
    refused(&[
        (elsewhere, |s| waits(s, TRACED_AT_SIGNAL, 19, 0)),
        (elsewhere, |s| {
            waits(s, TRACED_AT_EVENT, 1 << 8 | TRAP, OTHER)
        }),
        (elsewhere, |s| {
            waits(s, TRACED_EXITING, EVENT_EXIT << 8 | TRAP, 0)
        }),
    ]);
}

/// The process of the first thread lets `tracer` trace it.
fn permits(s: &mut Sample, tid: u32, tracer: u32) {
    let mut body = Ptracer::new_zeroed();
    body.tid.set(tid);
    body.tracer.set(tracer);
    s.add(body, &[]);
    let record = s.records.pop().expect("one was added");
    let at = s.position(Kind::Affinity, 0) + 1;
    s.records.insert(at, record);
}

#[test]
fn permitted() {
    accepted(&[
        |s| permits(s, 1, 0),
        |s| permits(s, 1, OTHER),
        |s| permits(s, 1, DEAD),
    ]);
    refused(&[
        ("lets no task of the image trace it", |s| permits(s, 1, 7)),
        ("belongs to no task that comes before it", |s| {
            permits(s, OTHER, 0)
        }),
        ("second record of this kind for one task", |s| {
            permits(s, 1, 0);
            permits(s, 1, OTHER);
        }),
    ]);
}

#[test]
fn relations() {
    let by = "traced by no live task of another process";
    refused(&[
        ("unknown flag", |s| {
            traced(s, false, |t| t.flags.set(TRACED_FLAGS + 1))
        }),
        ("unknown flag", |s| {
            traced(s, false, |t| t.options.set(TRACE_SUSPEND_SECCOMP))
        }),
        (by, |s| traced(s, false, |t| t.tracer.set(SAME))),
        (by, |s| traced(s, false, |t| t.tracer.set(DEAD))),
        (by, |s| traced(s, false, |t| t.tracer.set(7))),
        (by, |s| traced(s, false, |t| t.tracer.set(0))),
        ("belongs to no task that comes before it", |s| {
            traced(s, false, |t| t.tid.set(OTHER))
        }),
        ("second record of this kind for one task", |s| {
            traced(s, false, |_| ());
            traced(s, false, |_| ());
        }),
        ("exited task is traced", |s| {
            traced(s, false, |t| t.tid.set(DEAD));
            let at = s.position(Kind::Traced, 0);
            let record = s.records.remove(at);
            let at = s.position(Kind::Task, 3) + 1;
            s.records.insert(at, record);
        }),
        ("does not stand with the records of its task", |s| {
            traced(s, false, |_| ());
            let at = s.position(Kind::Traced, 0);
            let record = s.records.remove(at);
            let at = s.position(Kind::Task, 1) + 1;
            s.records.insert(at, record);
        }),
    ]);
}

#[test]
fn stops() {
    let zero = "reserved or unused field is not zero";
    let trap = "trap of a thread that was not seized, or is not stopped by one";
    let status = "status or message of another stop";
    let info = "not one siginfo for a stop that has one";
    refused(&[
        (zero, |s| stopped(s, TRACED_RUNS, 0, 1, 0, false)),
        (zero, |s| stopped(s, TRACED_RUNS, 0, 0, 1, false)),
        (zero, |s| {
            stopped(s, TRACED_RUNS, TRACED_DEQUEUED, 0, 0, false)
        }),
        (trap, |s| {
            stopped(s, TRACED_AT_SIGNAL, TRACED_INTERRUPTED, 0, 0, true)
        }),
        (trap, |s| {
            let flags = TRACED_SEIZED | TRACED_LISTENING;
            stopped(s, TRACED_AT_SIGNAL, flags, 0, 0, true)
        }),
        ("unknown place where a thread is stopped", |s| {
            stopped(s, TRACED_EXITING + 1, 0, 0, 0, false)
        }),
        (status, |s| stopped(s, TRACED_AT_SIGNAL, 0, 9, 0, true)),
        (status, |s| stopped(s, TRACED_AT_SIGNAL, 0, 65, 0, true)),
        (status, |s| stopped(s, TRACED_AT_SIGNAL, 0, 1, 1, true)),
        (status, |s| {
            stopped(s, TRACED_AT_TRAP, 0, EVENT_STOP << 8 | TRAP, 0, false)
        }),
        (status, |s| {
            stopped(s, TRACED_AT_TRAP, TRACED_SEIZED, TRAP, 0, true)
        }),
        (status, |s| {
            let code = 1 << 16 | EVENT_STOP << 8 | TRAP;
            stopped(s, TRACED_AT_TRAP, TRACED_SEIZED, code, 0, true)
        }),
        (status, |s| {
            stopped(s, TRACED_AT_EXIT, 0, 6, MESSAGE_EXIT, true)
        }),
        (status, |s| {
            stopped(s, TRACED_AT_EXIT, 0, TRAP, MESSAGE_ENTRY, true)
        }),
        (info, |s| stopped(s, TRACED_RUNS, 0, 0, 0, true)),
        (info, |s| stopped(s, TRACED_AT_SIGNAL, 0, 1, 0, false)),
        (info, |s| stopped(s, TRACED_AT_TRAP, 0, 19, 0, true)),
        (info, |s| {
            stopped(s, TRACED_AT_TRAP, TRACED_SEIZED, 0, 0, false)
        }),
        (info, |s| {
            stopped(s, TRACED_AT_EXIT, 0, TRAP, MESSAGE_EXIT, false)
        }),
    ]);
}
