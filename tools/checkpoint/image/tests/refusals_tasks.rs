// SPDX-License-Identifier: GPL-2.0

//! Each check of tasks and of what belongs to them has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    kinds::Kind,
    task::*, //
};
use sample::{
    accepted,
    note,
    obj,
    refused,
    Sample, //
};
use std::mem::size_of;
use zerocopy::FromBytes;

const NO_VFORK_CHILD: &str = "waits in vfork() for no live process that is its child";

/// It waits in vfork() for `child`.
fn vfork(t: &mut Task, child: u32) {
    t.flags.set(TASK_VFORK);
    t.vfork_child.set(child);
}

#[test]
fn tasks() {
    refused(&[
        ("pid is in the image twice", |s| {
            s.edit(1, |t: &mut Task| t.tid.set(3))
        }),
        ("pid is in the image twice", |s| {
            s.edit(0, |d: &mut DeadPid| d.pid.set(3))
        }),
        ("impossible pid", |s| s.edit(1, |t: &mut Task| t.tid.set(0))),
        ("impossible pid", |s| {
            s.edit(1, |t: &mut Task| t.tid.set(1 << 22))
        }),
        ("no thread group", |s| {
            s.edit(1, |t: &mut Task| t.tgid.set(0))
        }),
        ("the first task is not the root", |s| {
            s.edit(0, |c: &mut Container| c.root.set(3))
        }),
        ("the root task has a parent", |s| {
            s.edit(0, |t: &mut Task| t.parent.set(3))
        }),
        ("the root task has a parent", |s| {
            s.edit(0, |t: &mut Task| t.flags.set(TASK_PARENT_EXECED))
        }),
        ("its parent is no live task that comes before it", |s| {
            s.edit(2, |t: &mut Task| t.parent.set(0))
        }),
        ("its parent is no live task that comes before it", |s| {
            s.edit(2, |t: &mut Task| t.parent.set(4))
        }),
        ("its parent is no live task that comes before it", |s| {
            s.edit(2, |t: &mut Task| t.parent.set(3))
        }),
        ("its process group or session is not in the image", |s| {
            s.edit(2, |t: &mut Task| t.pgid.set(2))
        }),
        ("its process group or session is not in the image", |s| {
            s.edit(2, |t: &mut Task| t.sid.set(55))
        }),
        ("its session's leader is in another session", |s| {
            s.edit(2, |t: &mut Task| t.sid.set(4))
        }),
        ("its process group is in another session", |s| {
            s.edit(2, |t: &mut Task| {
                t.pgid.set(1);
                t.sid.set(7);
            })
        }),
        ("unknown state of a task", |s| {
            s.edit(2, |t: &mut Task| t.state.set(3))
        }),
        ("has exited, but has memory or files", |s| {
            s.edit(3, |t: &mut Task| t.files.set(obj::TABLE))
        }),
        ("refers to an object that is not in the image", |s| {
            s.edit(2, |t: &mut Task| t.mm.set(0))
        }),
        ("the root task has exited", |s| {
            s.edit(0, |t: &mut Task| {
                t.state.set(TASK_ZOMBIE);
                for field in [&mut t.mm, &mut t.files, &mut t.fs] {
                    field.set(0);
                }
            })
        }),
        (NO_VFORK_CHILD, |s| s.edit(0, |t: &mut Task| vfork(t, 7))),
        // A thread; a process that has exited; the child of another thread; itself.
        (NO_VFORK_CHILD, |s| s.edit(0, |t: &mut Task| vfork(t, 2))),
        (NO_VFORK_CHILD, |s| s.edit(0, |t: &mut Task| vfork(t, 4))),
        (NO_VFORK_CHILD, |s| s.edit(0, |t: &mut Task| vfork(t, 3))),
        (NO_VFORK_CHILD, |s| s.edit(0, |t: &mut Task| vfork(t, 1))),
        ("is neither process group nor session of a task", |s| {
            s.edit(2, |t: &mut Task| t.pgid.set(0))
        }),
        ("its process group is in another session", |s| {
            s.edit(3, |t: &mut Task| (t.sid.set(0), t.pgid.set(7)).0)
        }),
        ("its process group is a session of others", |s| {
            s.edit(2, |t: &mut Task| (t.sid.set(7), t.pgid.set(0)).0);
            s.edit(3, |t: &mut Task| t.pgid.set(7));
        }),
        ("its session is a process group of another session", |s| {
            s.edit(3, |t: &mut Task| (t.sid.set(7), t.pgid.set(0)).0)
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |t: &mut Task| t.vfork_child.set(3))
        }),
        ("has not one pid for each pid namespace", |s| {
            s.payload(Kind::Task, 0).extend([1, 0, 0, 0])
        }),
        ("has not one pid for each pid namespace", |s| {
            s.payload(Kind::DeadPid, 0).clear()
        }),
        ("first pid is not that of the container", |s| {
            s.payload(Kind::Task, 1)[0] = 5
        }),
        ("too many elements", |s| {
            s.payload(Kind::Task, 1).resize(33 * 4, 1)
        }),
        ("no pid namespace", |s| {
            s.edit(2, |t: &mut Task| t.pid_ns.set(0))
        }),
    ]);
    accepted(&[
        |s| s.edit(2, |t: &mut Task| t.sid.set(0)),
        |s| s.edit(2, |t: &mut Task| (t.sid.set(7), t.pgid.set(0)).0),
        |s| s.edit(2, |t: &mut Task| (t.sid.set(7), t.pgid.set(7)).0),
        |s| s.edit(1, |t: &mut Task| vfork(t, 3)),
        |s| {
            s.edit(0, |t: &mut Task| {
                t.state.set(TASK_DEAD_LEADER);
                for field in [&mut t.mm, &mut t.files, &mut t.fs] {
                    field.set(0);
                }
            });
            s.edit(3, |t: &mut Task| t.parent.set(2));
            s.records.remove(s.position(Kind::Regs, 0));
        },
    ]);
}

#[test]
fn task_fields() {
    refused(&[
        ("unknown flag", |s| {
            s.edit(0, |t: &mut Task| t.flags.set(1 << 9))
        }),
        ("impossible exit signal", |s| {
            s.edit(0, |t: &mut Task| t.exit_signal.set(-1))
        }),
        ("impossible exit signal", |s| {
            s.edit(0, |t: &mut Task| t.exit_signal.set(65))
        }),
        ("impossible exit code", |s| {
            s.edit(0, |t: &mut Task| t.exit_code.set(1))
        }),
        ("impossible exit code", |s| {
            s.edit(3, |t: &mut Task| t.exit_code.set(0x10000))
        }),
        ("name is not padded with NUL", |s| {
            s.edit(0, |t: &mut Task| t.comm = [b'x'; 16])
        }),
        ("name is not padded with NUL", |s| {
            s.edit(0, |t: &mut Task| t.comm[15] = b'x')
        }),
        ("impossible signal number", |s| {
            s.edit(0, |t: &mut Task| t.pdeath_signal.set(65))
        }),
        ("stopped by a signal that stops nobody", |s| {
            s.edit(0, |t: &mut Task| t.stop_signal.set(65))
        }),
        ("signal mask with SIGKILL or SIGSTOP", |s| {
            s.edit(0, |t: &mut Task| t.blocked.set(1 << 8))
        }),
        ("signal mask with SIGKILL or SIGSTOP", |s| {
            s.edit(0, |t: &mut Task| t.saved_mask.set(1 << 18))
        }),
        ("impossible nice value", |s| {
            s.edit(0, |t: &mut Task| t.nice.set(20))
        }),
        ("unknown scheduling policy", |s| {
            s.edit(0, |t: &mut Task| t.policy.set(6))
        }),
        ("impossible real-time priority", |s| {
            s.edit(0, |t: &mut Task| t.rt_priority.set(1))
        }),
        ("impossible real-time priority", |s| {
            s.edit(0, |t: &mut Task| t.policy.set(1))
        }),
        ("unknown flag", |s| {
            s.edit(0, |t: &mut Task| t.altstack_flags.set(4))
        }),
        ("impossible signal stack", |s| {
            s.edit(0, |t: &mut Task| {
                t.altstack.set(u64::MAX);
                t.altstack_len.set(2);
            })
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |t: &mut Task| t.rseq.set(32))
        }),
        ("impossible rseq area", |s| {
            s.edit(0, |t: &mut Task| t.flags.set(TASK_RSEQ))
        }),
        ("unknown kind of system call to restart", |s| {
            s.edit(0, |t: &mut Task| t.restart_kind.set(RESTART_SOCKET + 1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |t: &mut Task| {
                t.restart_kind.set(RESTART_SOCKET);
                t.restart[3].set(1);
            })
        }),
        ("impossible number of a system call", |s| {
            s.edit(0, |t: &mut Task| {
                t.restart_kind.set(RESTART_SOCKET);
                t.restart[0].set(1 << 32);
            })
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |t: &mut Task| {
                t.restart_kind.set(RESTART_NANOSLEEP);
                t.restart[4].set(1);
            })
        }),
        ("unknown flag", |s| {
            s.edit(0, |t: &mut Task| {
                t.restart_kind.set(RESTART_NANOSLEEP);
                t.restart[3].set(2);
            })
        }),
    ]);
}

#[test]
fn groups() {
    refused(&[
        ("thread does not follow its thread group's leader", |s| {
            s.edit(1, |t: &mut Task| t.tgid.set(3))
        }),
        ("thread with an exit signal", |s| {
            s.edit(1, |t: &mut Task| t.exit_signal.set(17))
        }),
        ("thread with an exit signal", |s| {
            s.edit(1, |t: &mut Task| t.flags.set(TASK_PARENT_EXECED))
        }),
        (
            "thread with another process group or session than its leader",
            |s| s.edit(1, |t: &mut Task| t.pgid.set(0)),
        ),
        (
            "threads of a group do not share memory and signal actions",
            |s| s.edit(1, |t: &mut Task| t.mm.set(obj::MM2)),
        ),
        ("thread, or all of its thread group, has exited", |s| {
            s.edit(1, |t: &mut Task| {
                t.state.set(TASK_ZOMBIE);
                for field in [&mut t.mm, &mut t.files, &mut t.fs] {
                    field.set(0);
                }
            })
        }),
        ("the thread group before it has no process record", |s| {
            s.records.remove(s.position(Kind::Process, 0));
        }),
        ("process record is missing", |s| {
            s.records.remove(s.position(Kind::Process, 2));
        }),
        ("does not follow the tasks of its thread group", |s| {
            s.edit(0, |p: &mut Process| p.tgid.set(3))
        }),
        ("does not follow the tasks of its thread group", |s| {
            let again = s.records[s.position(Kind::Process, 2)].clone();
            s.records.push(again);
        }),
        ("exited leader without a living thread", |s| {
            s.edit(3, |t: &mut Task| t.state.set(TASK_DEAD_LEADER))
        }),
        ("session leader of another session", |s| {
            s.edit(1, |p: &mut Process| p.flags.set(PROCESS_SESSION_LEADER))
        }),
        ("unknown flag", |s| {
            s.edit(0, |p: &mut Process| p.flags.set(1 << 8))
        }),
        ("impossible interval of a timer", |s| {
            s.edit(0, |p: &mut Process| p.itimer_real_interval.set(1 << 63))
        }),
        ("impossible interval of a timer", |s| {
            s.edit(0, |p: &mut Process| p.itimer_virtual_interval.set(1 << 63))
        }),
        ("impossible interval of a timer", |s| {
            s.edit(0, |p: &mut Process| p.itimer_prof_interval.set(u64::MAX))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |p: &mut Process| p.itimer_real.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |p: &mut Process| {
                p.itimer_prof.set(1);
                p.itimer_prof_interval.set(1)
            })
        }),
        ("impossible CPU times", |s| {
            s.edit(0, |p: &mut Process| p.shown_stime.set(CPU_TIME_MAX + 1))
        }),
        ("impossible CPU times", |s| {
            s.edit(0, |t: &mut Task| t.runtime.set(CPU_TIME_MAX + 1))
        }),
        ("impossible OOM adjustment", |s| {
            s.edit(0, |p: &mut Process| p.oom_score_adj.set(-1001))
        }),
        ("impossible dumpability", |s| {
            s.edit(0, |p: &mut Process| p.dumpable.set(3))
        }),
        ("stopped by a signal that stops nobody", |s| {
            s.edit(0, |p: &mut Process| p.stop_signal.set(65))
        }),
        ("soft limit above the hard one", |s| {
            s.edit(0, |p: &mut Process| p.rlimits[3][1].set(0))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |p: &mut Process| p.reserved.set(1))
        }),
    ]);
}

#[test]
fn registers() {
    refused(&[
        ("task without registers", |s| {
            s.records.remove(s.position(Kind::Regs, 1));
        }),
        ("belongs to no task that comes before it", |s| {
            s.edit(1, |r: &mut Regs| r.tid.set(9))
        }),
        ("belongs to no task that comes before it", |s| {
            s.edit(0, |r: &mut Regs| r.tid.set(3))
        }),
        ("second record of this kind for one task", |s| {
            s.edit(1, |r: &mut Regs| r.tid.set(1))
        }),
        ("registers of an exited task", |s| {
            let mut regs = s.records[s.position(Kind::Regs, 0)].clone();
            regs.body[0] = 4;
            s.records.push(regs);
        }),
        ("no register notes or too many", |s| {
            s.edit(0, |r: &mut Regs| r.notes.set(0))
        }),
        ("register note cut short", |s| {
            s.edit(0, |r: &mut Regs| r.notes.set(3))
        }),
        ("more register notes than announced", |s| {
            s.edit(0, |r: &mut Regs| r.notes.set(1))
        }),
        ("register note cut short", |s| {
            let len = s.payload(Kind::Regs, 0).len();
            s.payload(Kind::Regs, 0).truncate(len - 8)
        }),
        ("register note of an unknown owner", |s| {
            s.payload(Kind::Regs, 0)[0] = b'X'
        }),
        ("empty register note", |s| {
            *s.payload(Kind::Regs, 0) = note(b"CORE\0\0\0\0", 1, &[]);
            s.edit(0, |r: &mut Regs| r.notes.set(1));
        }),
        ("two register notes NT_PRSTATUS", |s| {
            *s.payload(Kind::Regs, 0) = note(b"CORE\0\0\0\0", 1, &[0; 8]).repeat(2)
        }),
        ("reserved or unused field is not zero", |s| {
            let len = s.payload(Kind::Regs, 0).len();
            s.payload(Kind::Regs, 0)[len - 1] = 1
        }),
    ]);
}

#[test]
fn signals() {
    refused(&[
        ("not one action for each signal", |s| {
            s.payload(Kind::Sighand, 0).truncate(63 * 32)
        }),
        ("payload of wrong length", |s| {
            s.payload(Kind::Sighand, 0).truncate(63 * 32 + 1)
        }),
        ("unknown flag", |s| {
            s.elements(Kind::Sighand, |a: &mut Vec<Action>| a[0].flags.set(8))
        }),
        ("signal mask with SIGKILL or SIGSTOP", |s| {
            s.elements(Kind::Sighand, |a: &mut Vec<Action>| a[0].mask.set(1 << 8))
        }),
        ("action for SIGKILL or SIGSTOP", |s| {
            s.elements(Kind::Sighand, |a: &mut Vec<Action>| a[18].handler.set(1))
        }),
        ("neither 0 nor 1", |s| {
            s.edit(0, |p: &mut Pending| p.shared.set(2))
        }),
        ("second record of this kind for one task", |s| {
            let place = s.position(Kind::Pending, 1);
            let shared = s.records[place].clone();
            s.records.insert(place, shared);
        }),
        ("signals of a thread group that is none", |s| {
            let mut shared = s.records[s.position(Kind::Pending, 1)].clone();
            shared.body[0] = 2;
            s.records.push(shared);
        }),
        (
            "thread after the pending signals or timers of its thread group",
            |s| {
                let shared = s.records.remove(s.position(Kind::Pending, 1));
                let place = s.position(Kind::Task, 1);
                s.records.insert(place, shared);
            },
        ),
        // With those of another thread, and of another group.
        ("does not stand with the records of its task", |s| {
            let own = s.records.remove(s.position(Kind::Pending, 0));
            let place = s.position(Kind::Process, 0);
            s.records.insert(place, own);
        }),
        ("does not stand with the records of its task", |s| {
            let own = s.records.remove(s.position(Kind::Affinity, 0));
            let place = s.position(Kind::Process, 0);
            s.records.insert(place, own);
        }),
        ("does not stand with the records of its task", |s| {
            let own = s.records.remove(s.position(Kind::Regs, 0));
            let place = s.position(Kind::Process, 0);
            s.records.insert(place, own);
        }),
        ("does not stand with the records of its task", |s| {
            let shared = s.records.remove(s.position(Kind::Pending, 1));
            let place = s.position(Kind::Process, 1);
            s.records.insert(place, shared);
        }),
        ("impossible signal number", |s| {
            s.payload(Kind::Pending, 0)[0] = 0
        }),
        ("impossible signal number", |s| {
            s.payload(Kind::Pending, 0)[0] = 65
        }),
        ("SIGKILL is pending", |s| s.payload(Kind::Pending, 0)[0] = 9),
        ("SIGKILL is pending", |s| {
            s.edit(1, |p: &mut Pending| p.bare.set(1 << 8))
        }),
        ("signal that does not queue is pending twice", |s| {
            twice(s.payload(Kind::Pending, 0))
        }),
        ("signal that does not queue is pending twice", |s| {
            s.edit(0, |p: &mut Pending| p.bare.set(1 << 9))
        }),
        ("signal that does not queue is pending twice", |s| {
            s.payload(Kind::Pending, 0)[0] = 31;
            twice(s.payload(Kind::Pending, 0))
        }),
        ("payload of wrong length", |s| {
            s.payload(Kind::Pending, 0).truncate(127)
        }),
        ("empty CPU mask, or too long", |s| {
            s.payload(Kind::Affinity, 0)[0] = 0
        }),
        ("empty CPU mask, or too long", |s| {
            s.payload(Kind::Affinity, 0).resize(1025, 1)
        }),
        ("belongs to no task that comes before it", |s| {
            s.edit(0, |a: &mut Affinity| a.tid.set(7))
        }),
    ]);
}

/// What is pending comes twice.
fn twice(payload: &mut Vec<u8>) {
    payload.extend_from_within(..);
}

#[test]
fn pending() {
    accepted(&[
        |s| s.payload(Kind::Pending, 0)[0] = 19,
        |s| {
            s.payload(Kind::Pending, 0)[0] = 32;
            twice(s.payload(Kind::Pending, 0))
        },
    ]);
}

fn timer(s: &mut Sample, nth: usize, f: impl FnOnce(&mut Timer)) {
    let payload = s.payload(Kind::Timers, 0);
    let size = size_of::<Timer>();
    f(Timer::mut_from_bytes(&mut payload[nth * size..(nth + 1) * size]).unwrap());
}

#[test]
fn timers() {
    refused(&[
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |t: &mut Timers| t.reserved.set(1))
        }),
        ("unknown flag", |s| {
            s.edit(0, |t: &mut Timers| t.flags.set(2))
        }),
        ("belongs to no task that comes before it", |s| {
            s.edit(0, |t: &mut Timers| t.tgid.set(3))
        }),
        ("timers of a process that has exited, or is none", |s| {
            s.edit(0, |t: &mut Timers| t.tgid.set(2))
        }),
        ("timers of a process that has exited, or is none", |s| {
            let mut own = s.records.remove(s.position(Kind::Timers, 0));
            own.body[0] = 4;
            let place = s.position(Kind::Process, 2);
            s.records.insert(place, own);
        }),
        ("does not stand with the records of its task", |s| {
            let own = s.records.remove(s.position(Kind::Timers, 0));
            let place = s.position(Kind::Process, 1);
            s.records.insert(place, own);
        }),
        ("second record of this kind for one task", |s| {
            let place = s.position(Kind::Timers, 0);
            let again = s.records[place].clone();
            s.records.insert(place, again);
        }),
        (
            "thread after the pending signals or timers of its thread group",
            |s| {
                s.records.remove(s.position(Kind::Pending, 1));
                let own = s.records.remove(s.position(Kind::Timers, 0));
                let place = s.position(Kind::Task, 1);
                s.records.insert(place, own);
            },
        ),
        ("payload of wrong length", |s| {
            s.payload(Kind::Timers, 0).truncate(79)
        }),
        ("timers are not in the order of their ids", |s| {
            timer(s, 1, |t| t.id.set(3))
        }),
        ("timers are not in the order of their ids", |s| {
            timer(s, 1, |t| t.id.set(1 << 31))
        }),
        ("unknown flag", |s| timer(s, 0, |t| t.flags.set(1 << 4))),
        ("timer on an impossible clock", |s| {
            timer(s, 0, |t| t.clock.set(2))
        }),
        ("timer on an impossible clock", |s| {
            timer(s, 1, |t| t.clock.set(-5))
        }),
        (
            "timer with a task that its clock is not of, or without one",
            |s| timer(s, 0, |t| t.clock_pid.set(1)),
        ),
        (
            "timer with a task that its clock is not of, or without one",
            |s| timer(s, 1, |t| t.clock_pid.set(0)),
        ),
        ("timer that tells in an unknown way", |s| {
            timer(s, 0, |t| t.notify.set(3))
        }),
        (
            "timer with a thread that it does not tell, or without one",
            |s| timer(s, 0, |t| t.target.set(1)),
        ),
        (
            "timer with a thread that it does not tell, or without one",
            |s| timer(s, 1, |t| t.target.set(1 << 22)),
        ),
        ("timer with an impossible signal", |s| {
            timer(s, 0, |t| t.signal.set(0))
        }),
        ("timer with an impossible signal", |s| {
            timer(s, 0, |t| t.signal.set(65))
        }),
        ("timer with an impossible time", |s| {
            timer(s, 0, |t| t.expires.set(1 << 63))
        }),
        ("timer with an impossible time", |s| {
            timer(s, 0, |t| t.interval.set(u64::MAX))
        }),
        ("timer in an impossible state", |s| {
            timer(s, 0, |t| t.state.set(3))
        }),
        ("timer in an impossible state", |s| {
            timer(s, 0, |t| t.state.set(TIMER_DISARMED))
        }),
        ("timer in an impossible state", |s| {
            timer(s, 0, |t| t.interval.set(0))
        }),
        ("timer in an impossible state", |s| {
            timer(s, 0, |t| t.notify.set(TIMER_NONE))
        }),
        ("timer in an impossible state", |s| {
            timer(s, 1, |t| t.flags.set(TIMER_RELATIVE))
        }),
        ("timer in an impossible state", |s| {
            timer(s, 1, |t| t.flags.set(TIMER_IGNORED))
        }),
        ("impossible overruns of a timer", |s| {
            timer(s, 0, |t| t.overrun.set(u64::MAX - 1))
        }),
        ("impossible overruns of a timer", |s| {
            timer(s, 0, |t| t.overrun_last.set((1 << 62) + 1))
        }),
        ("impossible id of a timer", |s| {
            s.payload(Kind::Pending, 0)[SIGINFO_LEN - 1] = 0x81
        }),
    ]);
}

#[test]
fn credentials() {
    refused(&[
        ("unknown flag", |s| {
            s.edit(0, |c: &mut Cred| c.securebits.set(1 << 12))
        }),
        ("unknown flag", |s| {
            s.edit(0, |c: &mut Cred| c.bounding.set(1 << 41))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |c: &mut Cred| c.uid[3].set(u32::MAX))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |c: &mut Cred| c.gid[0].set(u32::MAX))
        }),
        ("impossible user or group id", |s| {
            s.payload(Kind::Cred, 0)[..4].fill(255)
        }),
        (
            "capabilities that are effective and not permitted, or ambient and not inheritable",
            |s| s.edit(0, |c: &mut Cred| c.effective.set(1)),
        ),
        (
            "capabilities that are effective and not permitted, or ambient and not inheritable",
            |s| {
                s.edit(0, |c: &mut Cred| {
                    c.permitted.set(1);
                    c.ambient.set(1);
                })
            },
        ),
        ("payload of wrong length", |s| {
            s.payload(Kind::Cred, 0).push(0)
        }),
    ]);
}
