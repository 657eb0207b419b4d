// SPDX-License-Identifier: GPL-2.0

//! Each check of POSIX message queues has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    ipc::*,
    kinds::Kind,
    task::*, //
};
use sample::{
    accepted_all,
    obj,
    refused_all,
    zeroed,
    Sample, //
};

const NS: u32 = obj::LAST + 1;
const QUEUE: u32 = obj::LAST + 2;
const ALONE: u32 = obj::LAST + 3;
const OPEN: u32 = obj::LAST + 4;

/// Adds a queue of the namespace `ns` with two messages.
fn add_queue(s: &mut Sample, obj: u32, ns: u32) {
    s.add(
        zeroed(|q: &mut PosixQueue| {
            q.obj.set(obj);
            q.ns.set(ns);
            q.max_messages.set(2);
            q.max_bytes.set(5);
            q.messages.set(2);
            q.process.set(1);
            q.notify.set(QUEUE_NOTIFY_SIGNAL);
            q.signal.set(64);
            q.value.set(u64::MAX);
        }),
        b"queue",
    );
    for (priority, bytes) in [(PRIORITY_MAX, b"hello".as_slice()), (0, b"")] {
        s.add(
            zeroed(|m: &mut PosixMessage| m.priority.set(priority)),
            bytes,
        );
    }
}

/// The sample, with a queue in an ipc namespace, and one of the caller's that is open.
fn with_queues() -> Sample {
    let mut s = Sample::small();
    s.edit(0, |c: &mut Container| c.objects.set(OPEN));
    s.edit(0, |t: &mut Task| {
        t.ipc.set(NS);
        t.undo.set(UNDO_NONE);
    });
    s.add(
        zeroed(|n: &mut IpcNs| {
            n.obj.set(NS);
            n.inside.set(1);
            for (mq, least) in n.mq.iter_mut().zip([0, 1, 128, 1, 128]) {
                mq.set(least);
            }
            n.shift.set(15);
        }),
        &[],
    );
    add_queue(&mut s, QUEUE, NS);
    add_queue(&mut s, ALONE, 0);
    s.add(
        zeroed(|f: &mut OpenFile| {
            f.obj.set(OPEN);
            f.kind.set(FILE_MQUEUE);
            f.flags.set(open::READ | open::NONBLOCK);
            f.mode.set(0o100600);
            f.inode.set(ALONE);
            f.pos.set(6);
        }),
        &[],
    );
    s
}

fn accepted(cases: &[fn(&mut Sample)]) {
    accepted_all(with_queues, cases);
}

fn refused(cases: &[sample::Case]) {
    refused_all(with_queues, cases);
}

fn remove(s: &mut Sample, kind: Kind, n: usize) {
    let at = s.position(kind, n);
    s.records.remove(at);
}

const UNUSED: &str = "reserved or unused field is not zero";
const LACKS: &str = "the ipc namespace before it lacks what is in it";

#[test]
fn queues() {
    accepted(&[
        |_| (),
        |s| *s.payload(Kind::PosixQueue, 0) = vec![b'.'; QUEUE_NAME_MAX],
        |s| {
            s.edit(0, |q: &mut PosixQueue| {
                q.flags.set(QUEUE_REMOVED | QUEUE_EXECED);
                q.mode.set(0o7777);
                q.max_messages.set(65536);
                q.max_bytes.set(16 << 20);
            })
        },
        // Somebody is to be notified by nothing, nobody is.
        |s| {
            for (n, process) in [(0, 1), (1, 0)] {
                s.edit(n, |q: &mut PosixQueue| {
                    q.process.set(process);
                    q.notify.set(QUEUE_NOTIFY_NONE);
                    q.signal.set(0);
                    q.value.set(0);
                });
            }
        },
    ]);
    const NAME: &str = "impossible name";
    const SIZE: &str = "impossible size of a queue";
    refused(&[
        ("does not stand with the namespace that it is in", |s| {
            s.edit(0, |q: &mut PosixQueue| q.ns.set(0))
        }),
        ("does not stand with the namespace that it is in", |s| {
            s.edit(1, |q: &mut PosixQueue| q.ns.set(NS))
        }),
        ("unknown flag", |s| {
            s.edit(0, |q: &mut PosixQueue| q.flags.set(1 << 2))
        }),
        ("unknown flag", |s| {
            s.edit(0, |q: &mut PosixQueue| q.mode.set(0o10000))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |q: &mut PosixQueue| q.owner[1].set(u32::MAX))
        }),
        ("impossible user or group id", |s| {
            s.edit(0, |q: &mut PosixQueue| q.user.set(u32::MAX))
        }),
        (NAME, |s| s.payload(Kind::PosixQueue, 0).clear()),
        (NAME, |s| {
            *s.payload(Kind::PosixQueue, 0) = vec![b'x'; QUEUE_NAME_MAX + 1]
        }),
        (NAME, |s| s.payload(Kind::PosixQueue, 0).push(0)),
        (NAME, |s| s.payload(Kind::PosixQueue, 0).push(b'/')),
        (NAME, |s| *s.payload(Kind::PosixQueue, 0) = b".".to_vec()),
        (NAME, |s| *s.payload(Kind::PosixQueue, 0) = b"..".to_vec()),
        (SIZE, |s| {
            s.edit(0, |q: &mut PosixQueue| q.max_messages.set(0))
        }),
        (SIZE, |s| {
            s.edit(0, |q: &mut PosixQueue| q.max_messages.set(65537))
        }),
        (SIZE, |s| s.edit(0, |q: &mut PosixQueue| q.max_bytes.set(0))),
        (SIZE, |s| {
            s.edit(0, |q: &mut PosixQueue| q.max_bytes.set((16 << 20) + 1))
        }),
        ("more messages than the queue has room for", |s| {
            s.edit(0, |q: &mut PosixQueue| q.messages.set(3))
        }),
        ("notifies no process of the image", |s| {
            s.edit(0, |q: &mut PosixQueue| q.process.set(77))
        }),
        ("sends no signal, or to nobody", |s| {
            s.edit(0, |q: &mut PosixQueue| q.process.set(0))
        }),
        ("sends no signal, or to nobody", |s| {
            s.edit(0, |q: &mut PosixQueue| q.signal.set(0))
        }),
        ("impossible signal number", |s| {
            s.edit(0, |q: &mut PosixQueue| q.signal.set(65))
        }),
        ("unknown kind of notification", |s| {
            s.edit(0, |q: &mut PosixQueue| q.notify.set(2))
        }),
        (UNUSED, |s| {
            s.edit(0, |q: &mut PosixQueue| q.notify.set(QUEUE_NOTIFY_NONE))
        }),
        (UNUSED, |s| {
            s.edit(0, |q: &mut PosixQueue| q.reserved.set(1))
        }),
        ("impossible time", |s| {
            s.edit(0, |q: &mut PosixQueue| q.atime_nsec.set(1_000_000_000))
        }),
        ("impossible time", |s| {
            s.edit(0, |q: &mut PosixQueue| q.mtime_nsec.set(1_000_000_000))
        }),
    ]);
}

#[test]
fn messages() {
    refused(&[
        (LACKS, |s| remove(s, Kind::PosixMessage, 1)),
        ("does not stand with the namespace that it is in", |s| {
            s.edit(0, |n: &mut IpcNs| n.inside.set(2))
        }),
        (LACKS, |s| {
            s.edit(0, |n: &mut IpcNs| n.inside.set(2));
            remove(s, Kind::PosixQueue, 1);
        }),
        ("stands outside of the namespace that it is in", |s| {
            s.edit(1, |q: &mut PosixQueue| q.messages.set(1))
        }),
        ("larger than the queue takes", |s| {
            s.payload(Kind::PosixMessage, 0).push(1)
        }),
        ("impossible priority, or out of order", |s| {
            s.edit(0, |m: &mut PosixMessage| m.priority.set(PRIORITY_MAX + 1))
        }),
        ("impossible priority, or out of order", |s| {
            s.edit(0, |m: &mut PosixMessage| m.priority.set(1));
            s.edit(1, |m: &mut PosixMessage| m.priority.set(2));
        }),
        (UNUSED, |s| {
            s.edit(0, |m: &mut PosixMessage| m.reserved.set(1))
        }),
    ]);
}

#[test]
fn open_files() {
    fn open_queue(s: &mut Sample, f: fn(&mut OpenFile)) {
        let files = s.records.iter().filter(|r| r.kind == Kind::File.number());
        let last = files.count() - 1;
        s.edit(last, f);
    }
    accepted(&[
        |s| open_queue(s, |f| f.flags.set(open::NO_ACCESS)),
        |s| open_queue(s, |f| f.inode.set(QUEUE)),
    ]);
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            open_queue(s, |f| f.inode.set(NS))
        }),
        ("message queue that is open for its path only", |s| {
            open_queue(s, |f| f.flags.set(open::PATH))
        }),
        (UNUSED, |s| open_queue(s, |f| f.size.set(1))),
        (UNUSED, |s| open_queue(s, |f| f.ino.set(1))),
        ("mode does not fit the kind of file", |s| {
            open_queue(s, |f| f.mode.set(0o600))
        }),
        ("payload where none belongs", |s| {
            let files = s.records.iter().filter(|r| r.kind == Kind::File.number());
            let last = files.count() - 1;
            s.payload(Kind::File, last).push(b'/');
        }),
    ]);
}
