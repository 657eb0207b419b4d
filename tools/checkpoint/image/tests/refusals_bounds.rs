// SPDX-License-Identifier: GPL-2.0

//! Numbers that the kernel makes itself and therefore never checks: each check has a case.

mod sample;

use checkpoint_image::image::{
    confinement::*,
    kinds::Kind,
    mm::*,
    task::*, //
};
use sample::{
    accepted,
    refused, //
};

#[test]
fn times() {
    refused(&[
        ("impossible CPU times", |s| {
            s.edit(0, |t: &mut Task| t.utime.set(u64::MAX))
        }),
        ("impossible CPU times", |s| {
            s.edit(0, |t: &mut Task| t.stime.set(CPU_TIME_MAX + 1))
        }),
        // All of them together.
        ("impossible CPU times", |s| {
            s.edit(0, |t: &mut Task| t.utime.set(CPU_TIME_MAX));
            s.edit(3, |t: &mut Task| t.stime.set(1));
        }),
        ("impossible CPU times", |s| {
            s.edit(1, |t: &mut Task| t.stime.set(CPU_TIME_MAX / 2));
            s.edit(1, |p: &mut Process| p.utime.set(CPU_TIME_MAX / 2 + 1));
        }),
        ("impossible CPU times", |s| {
            s.edit(0, |p: &mut Process| p.cutime.set(1 << 63))
        }),
        ("impossible CPU times", |s| {
            s.edit(0, |p: &mut Process| p.cstime.set(1 << 63))
        }),
        ("impossible CPU times", |s| {
            s.edit(0, |p: &mut Process| p.stime.set(1 << 63))
        }),
        ("impossible clocks", |s| {
            s.edit(0, |c: &mut Container| c.monotonic_ns.set(u64::MAX))
        }),
        ("impossible clocks", |s| {
            s.edit(0, |c: &mut Container| c.boottime_ns.set(1 << 62))
        }),
    ]);
    accepted(&[|s| s.edit(0, |t: &mut Task| t.utime.set(CPU_TIME_MAX))]);
}

#[test]
fn states() {
    refused(&[
        ("stopped by a signal that stops nobody", |s| {
            s.edit(0, |p: &mut Process| p.flags.set(PROCESS_STOPPED))
        }),
        ("stopped by a signal that stops nobody", |s| {
            s.edit(0, |p: &mut Process| {
                p.flags.set(PROCESS_STOPPED);
                p.stop_signal.set(9);
            })
        }),
        ("stopped by a signal that stops nobody", |s| {
            s.edit(0, |p: &mut Process| p.stop_signal.set(18))
        }),
        ("impossible group stop", |s| {
            s.edit(0, |p: &mut Process| p.flags.set(PROCESS_STOP_UNREPORTED))
        }),
        ("impossible group stop", |s| {
            s.edit(0, |p: &mut Process| {
                p.flags.set(PROCESS_STOPPED | PROCESS_CONTINUED);
                p.stop_signal.set(20);
            })
        }),
        ("personality of another system", |s| {
            s.edit(0, |t: &mut Task| t.personality.set(4))
        }),
        ("impossible rseq area", |s| {
            s.edit(0, |t: &mut Task| {
                t.flags.set(TASK_RSEQ);
                t.rseq.set(0x1000);
                t.rseq_len.set(31);
            })
        }),
        ("impossible rseq area", |s| {
            s.edit(0, |t: &mut Task| {
                t.flags.set(TASK_RSEQ);
                t.rseq.set(0x1010);
                t.rseq_len.set(32);
            })
        }),
    ]);
    accepted(&[
        |s| {
            s.edit(0, |p: &mut Process| {
                p.flags
                    .set(PROCESS_STOPPED | PROCESS_STOP_UNREPORTED | PROCESS_SESSION_LEADER);
                p.stop_signal.set(22);
            })
        },
        |s| s.edit(0, |t: &mut Task| t.personality.set(0x0040_0008)),
    ]);
}

#[test]
fn layout() {
    refused(&[
        ("flags that do not go together", |s| {
            s.edit(0, |m: &mut Mm| m.flags.set(MM_MDWE_NO_INHERIT))
        }),
        ("flags that do not go together", |s| {
            s.edit(0, |m: &mut Mm| m.flags.set(MM_LOCK_ONFAULT))
        }),
        ("flags that do not go together", |s| {
            s.edit(0, |m: &mut Mm| m.flags.set(MM_THP_DISABLE | MM_THP_ADVISED))
        }),
        ("impossible address", |s| {
            s.edit(0, |m: &mut Mm| m.mmap_base.set(0x80001))
        }),
        ("impossible address", |s| {
            s.edit(0, |m: &mut Mm| m.mmap_base.set(0))
        }),
        ("program without code", |s| {
            s.edit(0, |m: &mut Mm| m.code[1] = m.code[0])
        }),
    ]);
    accepted(&[|s| s.edit(0, |m: &mut Mm| m.flags.set(MM_MDWE | MM_MDWE_NO_INHERIT))]);
}

#[test]
fn slots_for_futexes() {
    refused(&[
        ("impossible number of slots for futexes", |s| {
            s.edit(0, |m: &mut Mm| m.futex_slots.set(3))
        }),
        ("address spaces have too many slots for futexes", |s| {
            s.edit(0, |m: &mut Mm| m.futex_slots.set(FUTEX_SLOTS_MAX * 2))
        }),
        ("address spaces have too many slots for futexes", |s| {
            s.edit(0, |m: &mut Mm| m.futex_slots.set(1 << 31))
        }),
        // All of them together.
        ("address spaces have too many slots for futexes", |s| {
            s.edit(0, |m: &mut Mm| m.futex_slots.set(FUTEX_SLOTS_MAX));
            s.edit(1, |m: &mut Mm| m.futex_slots.set(1));
        }),
    ]);
    accepted(&[
        |s| s.edit(0, |m: &mut Mm| m.futex_slots.set(1)),
        |s| s.edit(0, |m: &mut Mm| m.futex_slots.set(FUTEX_SLOTS_MAX)),
    ]);
}

#[test]
fn confinement() {
    refused(&[
        ("only the second record tells of confinement", |s| {
            s.records.remove(1);
        }),
        ("only the second record tells of confinement", |s| {
            let again = s.records[1].clone();
            s.records.push(again);
        }),
        ("unknown flag", |s| {
            s.edit(0, |c: &mut Confinement| c.flags.set(CONFINEMENT_FLAGS + 1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |c: &mut Confinement| c.reserved.set(1))
        }),
        ("number of id ranges is not as announced", |s| {
            s.edit(0, |c: &mut Confinement| c.uid_ranges.set(4))
        }),
        ("number of id ranges is not as announced", |s| {
            s.edit(0, |c: &mut Confinement| c.gid_ranges.set(2))
        }),
        ("too many id ranges", |s| {
            let n = ID_RANGES_MAX + 1;
            s.edit(0, |c: &mut Confinement| {
                c.uid_ranges.set(n as u32);
                c.gid_ranges.set(0);
            });
            s.payload(Kind::Confinement, 0).resize(12 * n, 0);
        }),
        ("too many elements", |s| {
            s.payload(Kind::Confinement, 0)
                .resize(24 * ID_RANGES_MAX + 12, 0)
        }),
        ("id ranges are empty, overlap or are out of order", |s| {
            s.elements(Kind::Confinement, |r: &mut Vec<IdRange>| r[0].count.set(0))
        }),
        ("id ranges are empty, overlap or are out of order", |s| {
            s.elements(Kind::Confinement, |r: &mut Vec<IdRange>| {
                r[0].count.set(1001)
            })
        }),
        ("id ranges are empty, overlap or are out of order", |s| {
            s.elements(Kind::Confinement, |r: &mut Vec<IdRange>| {
                r[2].first.set(u32::MAX)
            })
        }),
        ("impossible range of ids", |s| {
            s.elements(Kind::Confinement, |r: &mut Vec<IdRange>| {
                r[1].host.set(u32::MAX)
            })
        }),
        ("too many security labels", |s| {
            s.edit(0, |c: &mut Confinement| c.labels.set(LABELS_MAX + 1))
        }),
        ("security labels are missing", |s| {
            s.edit(0, |c: &mut Confinement| c.labels.set(3))
        }),
        ("more security labels than announced", |s| {
            s.edit(0, |c: &mut Confinement| c.labels.set(1))
        }),
        ("security modules are out of order", |s| {
            s.edit(1, |l: &mut Label| l.module.set(102))
        }),
        ("security modules are out of order", |s| {
            s.edit(0, |l: &mut Label| l.module.set(0))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |l: &mut Label| l.reserved.set(1))
        }),
        ("impossible security label", |s| {
            s.payload(Kind::Label, 0).clear()
        }),
        ("impossible security label", |s| {
            s.payload(Kind::Label, 0)[1] = 0
        }),
        ("impossible security label", |s| {
            s.payload(Kind::Label, 0).resize(LABEL_MAX + 1, b'x')
        }),
    ]);
    accepted(&[|s| {
        s.edit(0, |c: &mut Confinement| {
            c.flags.set(CONFINEMENT_FLAGS);
            c.uid_ranges.set(0);
            c.gid_ranges.set(0);
            c.labels.set(0);
        });
        s.payload(Kind::Confinement, 0).clear();
        s.records.drain(2..4);
    }]);
}
