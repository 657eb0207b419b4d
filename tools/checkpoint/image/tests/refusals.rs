// SPDX-License-Identifier: GPL-2.0

//! Each check has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    header::*,
    kinds::Kind,
    mm::*,
    ns::*,
    record::*,
    task::*, //
};
use sample::{
    header_for,
    note,
    obj,
    put,
    seal_header,
    verify,
    Sample,
    PAGE, //
};
use zerocopy::IntoBytes;

type Case = (&'static str, fn(&mut Sample));

/// Spoils the sample in each way, and expects the message.
fn refused(cases: &[Case]) {
    for (n, (why, spoil)) in cases.iter().enumerate() {
        let mut sample = Sample::small();
        spoil(&mut sample);
        match verify(&sample.bytes()) {
            Err(fault) => assert_eq!(fault.why, *why, "case {n}"),
            Ok(()) => panic!("case {n} accepted: {why}"),
        }
    }
}

/// Changes the sample in each way, and expects it to stay valid.
fn accepted(cases: &[fn(&mut Sample)]) {
    for (n, change) in cases.iter().enumerate() {
        let mut sample = Sample::small();
        change(&mut sample);
        assert_eq!(verify(&sample.bytes()), Ok(()), "case {n}");
    }
}

#[test]
fn container() {
    refused(&[
        ("the first record is not a container", |s| {
            s.records.swap(0, 1)
        }),
        ("only the first record is a container", |s| {
            s.records.push(s.records[0].clone())
        }),
        ("unknown flag", |s| {
            s.edit(0, |c: &mut Container| c.flags.set(1 << 2))
        }),
        ("more object references than records", |s| {
            s.edit(0, |c: &mut Container| c.objects.set(10_000))
        }),
        ("object reference is zero or larger than announced", |s| {
            s.edit(0, |c: &mut Container| c.objects.set(17))
        }),
        (
            "number of tasks is zero, too large or not as announced",
            |s| s.edit(0, |c: &mut Container| c.tasks.set(5)),
        ),
        ("too many words of CPU features", |s| {
            s.edit(0, |c: &mut Container| c.cpu_words.set(9))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |c: &mut Container| c.cpu[0].set(1))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::Container, 0).push(1)
        }),
    ]);
    accepted(&[
        |s| s.edit(0, |c: &mut Container| c.objects.set(20)),
        |s| {
            s.edit(0, |c: &mut Container| {
                c.cpu_words.set(8);
                c.cpu[7].set(1);
            })
        },
    ]);
}

#[test]
fn framing() {
    refused(&[
        ("body too short", |s| {
            s.records[3].body.truncate(64);
        }),
        ("body has fields that this version does not know", |s| {
            s.records[3].body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        }),
        ("unknown kind of record", |s| s.records[3].kind = 2),
        ("body of impossible length", |s| {
            s.records[3].body.resize(2048, 0)
        }),
        ("record that does not belong into the metadata", |s| {
            s.add(s.extents[0].0, &[])
        }),
    ]);
    // A longer body from a newer kernel whose new fields are all zero.
    accepted(&[|s| s.records[3].body.extend([0; 16])]);
}

#[test]
fn objects() {
    refused(&[
        ("object reference is zero or larger than announced", |s| {
            s.edit(0, |c: &mut Cred| c.obj.set(0))
        }),
        ("object reference is in the image twice", |s| {
            s.edit(0, |c: &mut Cred| c.obj.set(obj::UTS))
        }),
        (
            "refers to an object that does not come before it",
            |s| s.edit(0, |m: &mut Mm| m.exe.set(20)),
        ),
        (
            "refers to an object that does not come before it",
            |s| {
                let exe = s.records.remove(s.position(Kind::File, 0));
                s.records.push(exe);
            },
        ),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |m: &mut Mm| m.exe.set(obj::CRED))
        }),
    ]);
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
        ("its parent is no live task that comes before it", |s| {
            s.edit(2, |t: &mut Task| t.parent.set(0))
        }),
        ("its parent is no live task that comes before it", |s| {
            s.edit(2, |t: &mut Task| t.parent.set(4))
        }),
        ("its parent is no live task that comes before it", |s| {
            s.edit(2, |t: &mut Task| t.parent.set(3))
        }),
        (
            "its process group or session is not in the image",
            |s| s.edit(2, |t: &mut Task| t.pgid.set(2)),
        ),
        (
            "its process group or session is not in the image",
            |s| s.edit(2, |t: &mut Task| t.sid.set(55)),
        ),
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
        (
            "refers to an object that does not come before it",
            |s| s.edit(2, |t: &mut Task| t.mm.set(0)),
        ),
        ("the root task has exited", |s| {
            s.edit(0, |t: &mut Task| {
                t.state.set(TASK_ZOMBIE);
                for field in [&mut t.mm, &mut t.files, &mut t.fs] {
                    field.set(0);
                }
            })
        }),
        ("waits in vfork() for no task of the image", |s| {
            s.edit(0, |t: &mut Task| {
                t.flags.set(TASK_VFORK);
                t.vfork_child.set(7);
            })
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
        |s| s.edit(2, |t: &mut Task| t.pgid.set(0)),
        |s| s.edit(2, |t: &mut Task| (t.sid.set(0), t.pgid.set(0)).0),
        |s| {
            s.edit(0, |t: &mut Task| {
                t.flags.set(TASK_VFORK);
                t.vfork_child.set(3);
            })
        },
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
            s.edit(0, |t: &mut Task| t.flags.set(1 << 8))
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
        ("impossible signal number", |s| {
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
            s.edit(0, |t: &mut Task| t.restart_kind.set(4))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |t: &mut Task| {
                t.restart_kind.set(RESTART_NANOSLEEP);
                t.restart[3].set(1);
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
        (
            "thread with another parent, process group or session than its leader",
            |s| s.edit(1, |t: &mut Task| t.parent.set(1)),
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
        (
            "the thread group before it has no process record",
            |s| {
                s.records.remove(s.position(Kind::Process, 0));
            },
        ),
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
            s.edit(0, |p: &mut Process| p.flags.set(1 << 5))
        }),
        ("impossible OOM adjustment", |s| {
            s.edit(0, |p: &mut Process| p.oom_score_adj.set(-1001))
        }),
        ("impossible dumpability", |s| {
            s.edit(0, |p: &mut Process| p.dumpable.set(3))
        }),
        ("impossible signal number", |s| {
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
        ("two register notes of one type", |s| {
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
            s.edit(0, |p: &mut Pending| p.shared.set(1))
        }),
        ("signals of a thread group that is none", |s| {
            let mut shared = s.records[s.position(Kind::Pending, 1)].clone();
            shared.body[0] = 2;
            s.records.push(shared);
        }),
        ("impossible signal number", |s| {
            s.payload(Kind::Pending, 0)[0] = 0
        }),
        ("impossible signal number", |s| {
            s.payload(Kind::Pending, 0)[0] = 65
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
            "effective or ambient capabilities that are not permitted",
            |s| s.edit(0, |c: &mut Cred| c.effective.set(1)),
        ),
        (
            "effective or ambient capabilities that are not permitted",
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

#[test]
fn memory() {
    refused(&[
        ("unknown flag", |s| {
            s.edit(0, |m: &mut Mm| m.flags.set(1 << 31))
        }),
        ("unknown flag", |s| {
            s.edit(0, |m: &mut Mm| m.dump_filter.set(1 << 9))
        }),
        ("impossible range of addresses", |s| {
            s.edit(0, |m: &mut Mm| m.brk[0].set(1))
        }),
        ("impossible range of addresses", |s| {
            s.edit(0, |m: &mut Mm| m.env[1].set(1 << 57))
        }),
        ("impossible address", |s| {
            s.edit(0, |m: &mut Mm| m.stack.set(1 << 57))
        }),
        ("impossible vDSO", |s| {
            s.edit(0, |m: &mut Mm| m.vdso_len.set(0))
        }),
        ("impossible vDSO", |s| {
            s.edit(0, |m: &mut Mm| m.vdso.set(0x20001))
        }),
        ("auxiliary vector of wrong length", |s| {
            s.payload(Kind::Mm, 0).truncate(8)
        }),
        ("too many mappings", |s| {
            s.edit(0, |m: &mut Mm| m.vmas.set(VMAS_MAX + 1))
        }),
        ("the address space before it lacks mappings", |s| {
            s.edit(0, |m: &mut Mm| m.vmas.set(6))
        }),
        (
            "belongs to no address space, or that has fewer mappings",
            |s| s.edit(0, |m: &mut Mm| m.vmas.set(4)),
        ),
        ("mappings overlap or are out of order", |s| {
            s.edit(1, |v: &mut Vma| v.start.set(0x10000))
        }),
        ("impossible range of addresses", |s| {
            s.edit(1, |v: &mut Vma| v.end.set(0x11000))
        }),
        ("impossible range of addresses", |s| {
            s.edit(4, |v: &mut Vma| v.end.set((1 << 56) + PAGE))
        }),
        ("address or offset is not page-aligned", |s| {
            s.edit(0, |v: &mut Vma| v.start.set(0x10001))
        }),
        ("address or offset is not page-aligned", |s| {
            s.edit(0, |v: &mut Vma| v.offset.set(1))
        }),
        ("impossible offset", |s| {
            s.edit(0, |v: &mut Vma| v.offset.set((1 << 63) - PAGE))
        }),
        ("unknown flag", |s| {
            s.edit(0, |v: &mut Vma| v.flags.set(1 << 40))
        }),
        ("unknown kind of mapping", |s| {
            s.edit(0, |v: &mut Vma| v.kind.set(0))
        }),
        ("file where none belongs", |s| {
            s.edit(1, |v: &mut Vma| v.file.set(obj::EXE))
        }),
        (
            "refers to an object that does not come before it",
            |s| s.edit(0, |v: &mut Vma| v.file.set(0)),
        ),
        ("maps a file that cannot be mapped so", |s| {
            s.edit(0, |v: &mut Vma| v.file.set(obj::PIPE_READ))
        }),
        ("vDSO in an address space without one", |s| {
            s.edit(0, |m: &mut Mm| (m.vdso.set(0), m.vdso_len.set(0)).0)
        }),
        ("grows down, but is not anonymous", |s| {
            s.edit(0, |v: &mut Vma| v.flags.set(vma::GROWSDOWN))
        }),
        ("name on a mapping that can have none", |s| {
            s.payload(Kind::Vma, 0).push(b'x')
        }),
        ("impossible name", |s| s.payload(Kind::Vma, 1).push(0)),
        ("impossible name", |s| {
            s.payload(Kind::Vma, 1).resize(80, b'x')
        }),
        ("mappings are missing", |s| {
            s.edit(1, |m: &mut Mm| m.vmas.set(1));
            let mm = s.records.remove(s.position(Kind::Mm, 1));
            s.edit(2, |t: &mut Task| t.mm.set(obj::MM));
            s.records.push(mm);
        }),
    ]);
}

#[test]
fn files() {
    refused(&[
        ("descriptors are out of order or twice there", |s| {
            s.elements(Kind::Files, |f: &mut Vec<Fd>| f[1].fd.set(0))
        }),
        ("descriptor too large", |s| {
            s.elements(Kind::Files, |f: &mut Vec<Fd>| f[3].fd.set(1 << 20))
        }),
        ("neither 0 nor 1", |s| {
            s.elements(Kind::Files, |f: &mut Vec<Fd>| f[0].cloexec.set(2))
        }),
        ("descriptor of anonymous memory", |s| {
            s.elements(Kind::Files, |f: &mut Vec<Fd>| f[0].file.set(obj::SHARED))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.elements(Kind::Files, |f: &mut Vec<Fd>| f[0].file.set(obj::PIPE))
        }),
        ("unknown kind of file", |s| {
            s.edit(0, |f: &mut OpenFile| f.kind.set(0))
        }),
        ("unknown flag", |s| {
            s.edit(0, |f: &mut OpenFile| f.flags.set(1 << 12))
        }),
        ("impossible position or size", |s| {
            s.edit(0, |f: &mut OpenFile| f.pos.set(1 << 63))
        }),
        ("mode does not fit the kind of file", |s| {
            s.edit(0, |f: &mut OpenFile| f.mode.set(0o040755))
        }),
        ("path is not absolute", |s| s.payload(Kind::File, 0)[0] = b'x'),
        ("path with a NUL byte", |s| s.payload(Kind::File, 0)[1] = 0),
        ("path empty or too long", |s| {
            s.payload(Kind::File, 0).clear()
        }),
        ("path empty or too long", |s| {
            s.payload(Kind::File, 0).resize(4096, b'x')
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::File, 2).push(b'/')
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |f: &mut OpenFile| f.inode.set(1))
        }),
        ("file and inode do not fit together", |s| {
            s.payload(Kind::Inode, 0).clear()
        }),
        ("file and pipe do not fit together", |s| {
            s.edit(0, |p: &mut Pipe| p.named.set(1))
        }),
        ("no device number", |s| {
            s.edit(5, |f: &mut OpenFile| f.inode.set(0))
        }),
        ("impossible mode", |s| {
            s.edit(0, |i: &mut Inode| i.mode.set(0o040755))
        }),
        ("impossible size", |s| {
            s.edit(0, |i: &mut Inode| i.size.set(1 << 63))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |i: &mut Inode| i.owner[1].set(u32::MAX))
        }),
        ("unknown flag", |s| {
            s.edit(0, |f: &mut Fs| f.umask.set(0o1000))
        }),
        (
            "refers to an object that does not come before it",
            |s| s.edit(0, |f: &mut Fs| f.pwd.set(0)),
        ),
        ("path is not absolute", |s| s.payload(Kind::Path, 0)[0] = b'.'),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |p: &mut Path| p.reserved.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |t: &mut Table| t.reserved.set(1))
        }),
    ]);
}

#[test]
fn pipes() {
    refused(&[
        ("impossible size of a pipe", |s| {
            s.edit(0, |p: &mut Pipe| p.size.set(65535))
        }),
        ("impossible size of a pipe", |s| {
            s.edit(0, |p: &mut Pipe| p.size.set(1 << 31))
        }),
        ("impossible size of a pipe", |s| {
            s.edit(0, |p: &mut Pipe| p.size.set(2048))
        }),
        ("neither 0 nor 1", |s| {
            s.edit(0, |p: &mut Pipe| p.named.set(2))
        }),
        ("more buffers than the pipe has room for", |s| {
            s.edit(0, |p: &mut Pipe| p.size.set(4096))
        }),
        ("the pipe before it lacks buffers", |s| {
            s.edit(0, |p: &mut Pipe| p.buffers.set(3))
        }),
        ("belongs to no pipe, or that has fewer buffers", |s| {
            s.edit(0, |p: &mut Pipe| p.buffers.set(1))
        }),
        ("empty buffer of a pipe", |s| {
            s.payload(Kind::PipeBuffer, 0).clear()
        }),
        ("more bytes than the pipe has room for", |s| {
            s.payload(Kind::PipeBuffer, 0).resize(65530, 1)
        }),
        ("neither 0 nor 1", |s| {
            s.edit(0, |b: &mut PipeBuffer| b.packet.set(2))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |b: &mut PipeBuffer| b.reserved.set(1))
        }),
    ]);
}

#[test]
fn namespaces() {
    refused(&[
        ("name is not padded with NUL", |s| {
            s.edit(0, |n: &mut Uts| n.nodename.fill(b'x'))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |n: &mut Uts| n.reserved2[5] = 1)
        }),
        ("impossible last pid", |s| {
            s.edit(0, |n: &mut PidNs| n.last_pid.set(1 << 22))
        }),
        (
            "refers to an object that does not come before it",
            |s| s.edit(0, |n: &mut PidNs| n.parent.set(obj::PID_NS)),
        ),
        ("pid namespace outside of the container", |s| {
            s.edit(0, |n: &mut PidNs| n.obj.set(obj::UTS));
            s.edit(0, |n: &mut Uts| n.obj.set(obj::PID_NS));
        }),
        ("the root task is not init of its pid namespace", |s| {
            s.edit(0, |c: &mut Container| c.root.set(5));
            s.edit(0, |t: &mut Task| (t.tid.set(5), t.tgid.set(5)).0);
            s.payload(Kind::Task, 0)[0] = 5;
            s.edit(0, |t: &mut Task| (t.pgid.set(0), t.sid.set(0)).0);
        }),
    ]);
    // A subtree need not tell its root's pid namespace.
    accepted(&[|s| {
        s.edit(0, |c: &mut Container| c.flags.set(0));
        for n in 0..4 {
            s.edit(n, |t: &mut Task| t.pid_ns.set(0));
        }
        s.edit(0, |d: &mut DeadPid| d.pid_ns.set(0));
    }]);
}

#[test]
fn nested_namespace() {
    let nested = |s: &mut Sample| {
        s.edit(0, |c: &mut Container| c.objects.set(19));
        let mut inner = s.records[s.position(Kind::PidNs, 0)].clone();
        inner.body[0] = 19;
        inner.body[4] = 1;
        let at = s.position(Kind::PidNs, 0) + 1;
        s.records.insert(at, inner);
        s.edit(2, |t: &mut Task| t.pid_ns.set(19));
    };
    let mut sample = Sample::small();
    nested(&mut sample);
    assert_eq!(
        verify(&sample.bytes()).unwrap_err().why,
        "has not one pid for each pid namespace"
    );
    sample.payload(Kind::Task, 2).extend([1, 0, 0, 0]);
    assert_eq!(verify(&sample.bytes()), Ok(()));
}

#[test]
fn extents() {
    refused(&[
        ("no pages or too many", |s| s.extents[0].0.pages.set(0)),
        ("no pages or too many", |s| s.extents[0].0.pages.set(1025)),
        ("payload of wrong length", |s| s.extents[0].0.pages.set(1)),
        ("address is not page-aligned", |s| {
            s.extents[0].0.addr.set(0x10001)
        }),
        ("address out of range", |s| {
            s.extents[0].0.addr.set(u64::MAX - PAGE + 1)
        }),
        ("unknown kind of space", |s| s.extents[0].0.space.set(2)),
        ("refers to no such address space or inode", |s| {
            s.extents[0].0.obj.set(0)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].0.obj.set(99)
        }),
        ("refers to no such address space or inode", |s| {
            s.extents[0].0.obj.set(obj::INODE)
        }),
        ("extents of an object overlap or are out of order", |s| {
            s.extents.swap(0, 1)
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].0.addr.set(0x11000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].0.addr.set(0x16000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[1].0.addr.set(0x20000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].0.addr.set(0xf000)
        }),
        ("outside of what can have contents", |s| {
            s.extents[2].0.addr.set(PAGE)
        }),
        ("outside of what can have contents", |s| {
            s.extents[0].0.obj.set(obj::MM2)
        }),
        ("reserved field is not zero", |s| {
            s.extents[0].0.reserved.set(1)
        }),
    ]);
    // An extent may reach over mappings that touch, and several may lie in one.
    accepted(&[
        |s| s.extents.clear(),
        |s| s.extents[1].0.addr.set(0x14000),
        |s| {
            let mut more = s.extents[1].clone();
            more.0.addr.set(0x14000);
            s.extents.push(more);
        },
    ]);
}

#[test]
fn trailer() {
    let cases: &[(&str, fn(&mut Trailer))] = &[
        ("the image has another length than announced", |t| {
            t.total_len.set(8)
        }),
        ("number of extents or pages is not as announced", |t| {
            t.extents.set(2)
        }),
        ("number of extents or pages is not as announced", |t| {
            t.pages.set(2)
        }),
        ("extents were changed, left out or exchanged", |t| {
            t.chain.set(2)
        }),
    ];
    for (why, change) in cases {
        let image = Sample::small().bytes_with(change);
        assert_eq!(verify(&image).unwrap_err().why, *why);
    }
}

#[test]
fn header() {
    let cases: &[(&str, fn(&mut Header))] = &[
        ("not a checkpoint image (wrong magic)", |h| h.magic[0] = 0),
        ("image of another format version", |h| h.version.set(2)),
        ("header of wrong length", |h| h.header_len.set(200)),
        (
            "image with incompatible features that this version does not know",
            |h| h.incompat.set(1),
        ),
        ("reserved header field is not zero", |h| h.reserved.set(1)),
        ("reserved header field is not zero", |h| h.reserved2[51] = 1),
        ("image of an unknown architecture", |h| h.arch.set(9)),
        ("impossible page size", |h| h.page_size.set(5000)),
        ("impossible page size", |h| h.page_size.set(1 << 20)),
        ("impossible length of metadata", |h| h.meta_len.set(0)),
        ("impossible length of metadata", |h| h.meta_len.set(1 << 31)),
        ("impossible length of metadata", |h| h.meta_len.set(7)),
        ("the image is cut short", |h| h.meta_len.set(1 << 29)),
        ("checksum of the metadata is wrong", |h| h.meta_crc.set(1)),
    ];
    let good = Sample::small().bytes();
    for (why, change) in cases {
        let mut header = header_for(&Sample::small().meta());
        change(&mut header);
        seal_header(&mut header);
        let mut image = good.clone();
        image[..HEADER_LEN].copy_from_slice(header.as_bytes());
        assert_eq!(verify(&image).unwrap_err().why, *why);
    }
    let mut image = good;
    image[100] ^= 1;
    assert_eq!(verify(&image).unwrap_err().why, "header checksum is wrong");
}

#[test]
fn records_after_the_metadata() {
    let sample = Sample::small();
    let image = sample.bytes();
    let end = HEADER_LEN + sample.meta().len();
    let mut other = image[..end].to_vec();
    let cred = &sample.records[3];
    put(&mut other, cred.kind, &cred.body, &cred.payload);
    assert_eq!(
        verify(&other).unwrap_err().why,
        "record of metadata after the metadata"
    );
    let fault = verify(&image[..end]).unwrap_err();
    assert_eq!((fault.why, fault.at), ("the image is cut short", end as u64));
    assert_eq!(align_up(1), Some(8));
}
