// SPDX-License-Identifier: GPL-2.0

//! Each check of System V IPC and of its namespaces has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    ipc::*,
    kinds::Kind,
    mm::*,
    task::*, //
};
use sample::{
    accepted_all,
    obj,
    refused_all,
    zeroed,
    Sample, //
};
use zerocopy::{
    FromZeros,
    IntoBytes, //
};

const NS: u32 = obj::LAST + 1;
const MEMORY: u32 = obj::LAST + 2;
const SEGMENT: u32 = obj::LAST + 3;
const SET: u32 = obj::LAST + 4;
const QUEUE: u32 = obj::LAST + 5;
const LIST: u32 = obj::LAST + 6;
const ATTACH: u32 = obj::LAST + 7;

/// The sample, with an ipc namespace that has one object of each kind.
fn with_ipc() -> Sample {
    let mut s = Sample::small();
    s.edit(0, |c: &mut Container| c.objects.set(ATTACH));
    s.edit(0, |t: &mut Task| {
        t.ipc.set(NS);
        t.undo.set(LIST);
    });
    s.add(
        zeroed(|n: &mut IpcNs| {
            n.obj.set(NS);
            n.inside.set(3);
            for (mq, least) in n.mq.iter_mut().zip([0, 1, 128, 1, 128]) {
                mq.set(least);
            }
            n.shift.set(15);
        }),
        &[],
    );
    s.add(
        zeroed(|i: &mut Inode| {
            i.obj.set(MEMORY);
            i.size.set(1);
        }),
        &[],
    );
    s.add(
        zeroed(|g: &mut Segment| {
            g.obj.set(SEGMENT);
            g.ns.set(NS);
            g.inode.set(MEMORY);
            g.id.set(5);
        }),
        &[],
    );
    s.add(
        zeroed(|set: &mut SemSet| {
            set.obj.set(SET);
            set.ns.set(NS);
            set.nsems.set(2);
            set.undos.set(1);
        }),
        [Semaphore::new_zeroed(); 2].as_bytes(),
    );
    s.add(
        zeroed(|undo: &mut SemUndo| undo.list.set(LIST)),
        &[0, 0, 255, 255],
    );
    s.add(
        zeroed(|q: &mut MsgQueue| {
            q.obj.set(QUEUE);
            q.ns.set(NS);
            q.messages.set(1);
        }),
        &[],
    );
    s.add(zeroed(|m: &mut Message| m.mtype.set(1)), b"hello");
    s.add(
        zeroed(|list: &mut UndoList| {
            list.obj.set(LIST);
            list.ns.set(NS);
            list.tid.set(1);
        }),
        &[],
    );
    s.add(
        zeroed(|f: &mut OpenFile| {
            f.obj.set(ATTACH);
            f.kind.set(FILE_SYSV_SHM);
            f.flags.set(open::READ);
            f.mode.set(0o100777);
            f.inode.set(SEGMENT);
        }),
        &[],
    );
    s
}

fn accepted(cases: &[fn(&mut Sample)]) {
    accepted_all(with_ipc, cases);
}

fn refused(cases: &[sample::Case]) {
    refused_all(with_ipc, cases);
}

fn remove(s: &mut Sample, kind: Kind) {
    let at = s.position(kind, 0);
    s.records.remove(at);
}

#[test]
fn namespace() {
    accepted(&[
        |_| (),
        |s| s.edit(0, |n: &mut IpcNs| n.sem[0].set(-1)),
        |s| s.edit(0, |n: &mut IpcNs| n.next_id[2].set(-1)),
        |s| s.edit(0, |n: &mut IpcNs| n.last_idx[0].set(-1)),
    ]);
    const SETTING: &str = "impossible setting of an ipc namespace";
    const NEXT: &str = "impossible next id";
    const LACKS: &str = "the ipc namespace before it lacks what is in it";
    refused(&[
        ("neither 0 nor 1", |s| {
            s.edit(0, |n: &mut IpcNs| n.shm_rmid_forced.set(2))
        }),
        (SETTING, |s| {
            s.edit(0, |n: &mut IpcNs| n.msg_max.set(1 << 31))
        }),
        (SETTING, |s| {
            s.edit(0, |n: &mut IpcNs| n.msg_mnb.set(1 << 31))
        }),
        (SETTING, |s| {
            s.edit(0, |n: &mut IpcNs| n.shm_mni.set((1 << 24) + 1))
        }),
        (SETTING, |s| {
            s.edit(0, |n: &mut IpcNs| n.msg_mni.set((1 << 24) + 1))
        }),
        (SETTING, |s| s.edit(0, |n: &mut IpcNs| n.sem[3].set(-1))),
        (SETTING, |s| s.edit(0, |n: &mut IpcNs| n.mq[0].set(1 << 31))),
        (SETTING, |s| s.edit(0, |n: &mut IpcNs| n.mq[1].set(0))),
        (SETTING, |s| s.edit(0, |n: &mut IpcNs| n.mq[4].set(127))),
        ("impossible composition of ids", |s| {
            s.edit(0, |n: &mut IpcNs| n.shift.set(16))
        }),
        (NEXT, |s| s.edit(0, |n: &mut IpcNs| n.seq[1].set(1 << 31))),
        (NEXT, |s| {
            s.edit(0, |n: &mut IpcNs| n.cursor[1].set((1 << 24) + 1))
        }),
        (NEXT, |s| s.edit(0, |n: &mut IpcNs| n.last_idx[1].set(-2))),
        (NEXT, |s| s.edit(0, |n: &mut IpcNs| n.next_id[1].set(-2))),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |n: &mut IpcNs| n.reserved.set(1))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::IpcNs, 0).push(1)
        }),
        (LACKS, |s| s.edit(0, |n: &mut IpcNs| n.inside.set(4))),
        (LACKS, |s| remove(s, Kind::Message)),
        (LACKS, |s| remove(s, Kind::SemUndo)),
        ("what is in an ipc namespace is missing", |s| {
            let at = s.position(Kind::MsgQueue, 0);
            s.records.truncate(at);
            s.edit(0, |t: &mut Task| t.undo.set(UNDO_NONE));
            remove(s, Kind::SemUndo);
            s.edit(0, |set: &mut SemSet| set.undos.set(0));
        }),
        ("does not stand with the namespace that it is in", |s| {
            s.edit(0, |n: &mut IpcNs| n.inside.set(0))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |t: &mut Task| t.ipc.set(SEGMENT))
        }),
        (
            "stands in an ipc namespace, and has extended attributes",
            |s| {
                let inodes = s.records.iter().filter(|r| r.kind == Kind::Inode.number());
                let memory = inodes.count() - 1;
                s.edit(memory, |i: &mut Inode| i.xattrs.set(1));
                *s.payload(Kind::Inode, memory) = b"/tmp/f".to_vec();
            },
        ),
    ]);
}

#[test]
fn shared_memory() {
    accepted(&[
        |s| {
            s.edit(0, |g: &mut Segment| {
                g.flags.set(SEGMENT_REMOVED);
                g.named.set(9);
            })
        },
        |s| {
            s.edit(0, |g: &mut Segment| {
                g.key.set(9);
                g.named.set(9);
            })
        },
        // Of the caller's namespace.
        |s| {
            let at = s.position(Kind::Segment, 0);
            let segment = s.records.remove(at);
            s.records.push(segment);
            s.edit(0, |g: &mut Segment| g.ns.set(0));
            s.edit(0, |n: &mut IpcNs| n.inside.set(2));
        },
        // One that stays outside.
        |s| {
            let at = s.position(Kind::Segment, 0);
            let segment = s.records.remove(at);
            s.records.push(segment);
            s.edit(0, |g: &mut Segment| {
                g.ns.set(0);
                g.inode.set(0);
                g.flags.set(SEGMENT_OUTSIDE);
                g.size.set(1);
            });
            s.edit(0, |n: &mut IpcNs| n.inside.set(2));
        },
    ]);
    const LEFT: &str = "stays outside, and has memory or a namespace";
    const KEY: &str = "has not the key that it was made with";
    refused(&[
        ("does not stand with the namespace that it is in", |s| {
            s.edit(0, |g: &mut Segment| g.ns.set(0))
        }),
        ("its memory has a name", |s| {
            s.edit(0, |g: &mut Segment| g.inode.set(obj::INODE))
        }),
        ("two segments are the same memory", |s| {
            s.edit(0, |c: &mut Container| c.objects.set(ATTACH + 1));
            s.add(
                zeroed(|g: &mut Segment| {
                    g.obj.set(ATTACH + 1);
                    g.inode.set(MEMORY);
                }),
                &[],
            );
        }),
        ("unknown flag", |s| {
            s.edit(0, |g: &mut Segment| g.flags.set(1 << 3))
        }),
        ("unknown flag", |s| {
            s.edit(0, |g: &mut Segment| g.mode.set(0o1000))
        }),
        ("impossible id", |s| {
            s.edit(0, |g: &mut Segment| g.id.set(1 << 31))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |g: &mut Segment| g.owner[1].set(u32::MAX))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |g: &mut Segment| g.creator[0].set(u32::MAX))
        }),
        (KEY, |s| s.edit(0, |g: &mut Segment| g.named.set(1))),
        (KEY, |s| {
            s.edit(0, |g: &mut Segment| {
                g.flags.set(SEGMENT_REMOVED);
                g.key.set(1);
            })
        }),
        ("impossible pid", |s| {
            s.edit(0, |g: &mut Segment| g.cpid.set(1 << 22))
        }),
        ("impossible pid", |s| {
            s.edit(0, |g: &mut Segment| g.maker.set(u32::MAX))
        }),
        ("was made by no task of the image", |s| {
            s.edit(0, |g: &mut Segment| g.maker.set(77))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |g: &mut Segment| g.reserved.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |g: &mut Segment| g.size.set(1))
        }),
        (LEFT, |s| {
            s.edit(0, |g: &mut Segment| g.flags.set(SEGMENT_OUTSIDE))
        }),
        (LEFT, |s| {
            s.edit(0, |g: &mut Segment| {
                g.flags.set(SEGMENT_OUTSIDE);
                g.inode.set(0);
                g.size.set(1);
            })
        }),
        ("reserved or unused field is not zero", |s| {
            let at = s.position(Kind::Segment, 0);
            let segment = s.records.remove(at);
            s.records.push(segment);
            s.edit(0, |g: &mut Segment| {
                g.ns.set(0);
                g.inode.set(0);
                g.flags.set(SEGMENT_OUTSIDE);
                g.size.set(1);
                g.mode.set(0o600);
            });
            s.edit(0, |n: &mut IpcNs| n.inside.set(2));
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::Segment, 0).push(1)
        }),
        ("descriptor of anonymous memory", |s| {
            let fds: &mut Vec<u8> = s.payload(Kind::Files, 0);
            fds[4..8].copy_from_slice(&ATTACH.to_le_bytes());
        }),
        ("maps a file that cannot be mapped so", |s| {
            s.edit(0, |v: &mut Vma| v.file.set(ATTACH))
        }),
    ]);
}

#[test]
fn semaphores() {
    accepted(&[
        // No list, which is another thing than one that threads share by themselves.
        |s| s.edit(0, |t: &mut Task| t.undo.set(UNDO_NONE)),
        // Adjustments of none; a list of the caller's namespace, with none.
        |s| {
            remove(s, Kind::SemUndo);
            s.edit(0, |set: &mut SemSet| set.undos.set(0));
            s.edit(0, |list: &mut UndoList| list.ns.set(0));
            s.edit(0, |t: &mut Task| t.ipc.set(0));
        },
    ]);
    const NUMBER: &str = "has another number of semaphores";
    const ADJUSTS: &str = "adjusts another number of semaphores";
    const ANOTHER: &str = "has semaphore adjustments of another ipc namespace";
    const NO_TASK: &str = "list of semaphore adjustments of no live task";
    refused(&[
        (NUMBER, |s| s.edit(0, |set: &mut SemSet| set.nsems.set(3))),
        (NUMBER, |s| {
            s.edit(0, |set: &mut SemSet| set.nsems.set(0));
            s.payload(Kind::SemSet, 0).clear();
        }),
        ("impossible value of a semaphore", |s| {
            s.payload(Kind::SemSet, 0)[1] = 0x80
        }),
        ("impossible pid", |s| s.payload(Kind::SemSet, 0)[7] = 1),
        ("impossible id", |s| {
            s.edit(0, |set: &mut SemSet| set.id.set(1 << 31))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |set: &mut SemSet| set.reserved.set(1))
        }),
        (
            "lists of adjustments are out of order or twice there",
            |s| {
                s.edit(0, |set: &mut SemSet| set.undos.set(2));
                let at = s.position(Kind::SemUndo, 0);
                s.records.insert(at, s.records[at].clone());
            },
        ),
        ("adjusts semaphores of another namespace", |s| {
            s.edit(0, |list: &mut UndoList| list.ns.set(0));
            s.edit(0, |t: &mut Task| t.ipc.set(0));
        }),
        (ADJUSTS, |s| s.payload(Kind::SemUndo, 0).truncate(2)),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |undo: &mut SemUndo| undo.reserved.set(1))
        }),
        ("stands outside of the namespace that it is in", |s| {
            let at = s.position(Kind::SemUndo, 0);
            let undo = s.records.remove(at);
            s.records.push(undo);
            s.edit(0, |set: &mut SemSet| set.undos.set(0));
        }),
        (ANOTHER, |s| s.edit(0, |t: &mut Task| t.ipc.set(0))),
        ("shares semaphore adjustments across ipc namespaces", |s| {
            s.edit(0, |t: &mut Task| t.undo.set(0))
        }),
        (NO_TASK, |s| {
            s.edit(0, |list: &mut UndoList| list.tid.set(77))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |list: &mut UndoList| list.reserved.set(1))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::UndoList, 0).push(1)
        }),
    ]);
}

#[test]
fn messages() {
    refused(&[
        ("impossible id", |s| {
            s.edit(0, |q: &mut MsgQueue| q.id.set(1 << 31))
        }),
        ("impossible pid", |s| {
            s.edit(0, |q: &mut MsgQueue| q.lspid.set(1 << 22))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |q: &mut MsgQueue| q.creator[1].set(u32::MAX))
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::MsgQueue, 0).push(1)
        }),
        ("impossible type of a message", |s| {
            s.edit(0, |m: &mut Message| m.mtype.set(0))
        }),
        ("impossible type of a message", |s| {
            s.edit(0, |m: &mut Message| m.mtype.set(1 << 63))
        }),
        ("stands outside of the namespace that it is in", |s| {
            let at = s.position(Kind::Message, 0);
            let message = s.records.remove(at);
            s.records.push(message);
            s.edit(0, |q: &mut MsgQueue| q.messages.set(0));
        }),
    ]);
}
