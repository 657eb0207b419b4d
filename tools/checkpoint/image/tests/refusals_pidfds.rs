// SPDX-License-Identifier: GPL-2.0

//! Each check of pidfds has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::{
        pidfd::*,
        *, //
    },
    kinds::Kind, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};

/// Makes the second open file of the sample a pidfd of the task `pid`, to be changed by the two.
fn pidfd(
    s: &mut Sample,
    pid: u32,
    file: impl FnOnce(&mut OpenFile),
    target: impl FnOnce(&mut PidfdTarget),
) {
    s.add_object(|t: &mut PidfdTarget, obj| {
        t.obj.set(obj);
        t.pid.set(pid);
        target(t);
    });
    s.payload(Kind::File, 1).clear();
    s.edit(1, |f: &mut OpenFile| {
        f.kind.set(FILE_PIDFD);
        f.mode.set(0o100700);
        f.flags.set(open::READ | open::WRITE);
        f.inode.set(obj::LAST + 1);
        file(f);
    });
}

fn nothing<T>(_: &mut T) {}

fn reaped(t: &mut PidfdTarget) {
    t.pid.set(0);
    t.exit_code.set(0x700);
}

#[test]
fn possible() {
    accepted(&[
        |s| pidfd(s, 1, nothing, nothing),
        |s| pidfd(s, 1, |f| f.pos.set(PIDFD_THREAD), nothing),
        |s| pidfd(s, 2, |f| f.pos.set(PIDFD_THREAD), nothing),
        |s| pidfd(s, 0, |f| f.pos.set(PIDFD_AUTOKILL), reaped),
        |s| {
            pidfd(s, 0, nothing, |t| {
                reaped(t);
                t.init.set(1);
                t.coredump.set(3);
                t.signal.set(11);
                t.code.set(1);
            })
        },
        |s| pidfd(s, 1, |f| f.flags.set(open::PATH), nothing),
    ]);
}

#[test]
fn open_files() {
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            pidfd(s, 1, |f| f.inode.set(obj::PIPE), nothing)
        }),
        ("flags that no pidfd has", |s| {
            pidfd(s, 1, |f| f.flags.set(open::READ), nothing)
        }),
        ("flags that no pidfd has", |s| {
            let flags = open::READ | open::WRITE | open::SYNC;
            pidfd(s, 1, |f| f.flags.set(flags), nothing)
        }),
        ("flags that no pidfd has", |s| {
            pidfd(s, 1, |f| f.flags.set(open::PATH | open::READ), nothing)
        }),
        ("unknown flag", |s| pidfd(s, 1, |f| f.pos.set(4), nothing)),
        ("unknown flag", |s| {
            pidfd(
                s,
                1,
                |f| {
                    f.flags.set(open::PATH);
                    f.pos.set(PIDFD_THREAD)
                },
                nothing,
            )
        }),
        ("a pidfd that would kill its process", |s| {
            pidfd(s, 1, |f| f.pos.set(PIDFD_AUTOKILL), nothing)
        }),
        ("a pidfd of a process for a thread", |s| {
            pidfd(s, 2, nothing, nothing)
        }),
        ("mode does not fit the kind of file", |s| {
            pidfd(s, 1, |f| f.mode.set(0o040700), nothing)
        }),
        ("payload where none belongs", |s| {
            pidfd(s, 1, nothing, nothing);
            s.payload(Kind::File, 1).extend(b"/tmp")
        }),
        ("reserved or unused field is not zero", |s| {
            pidfd(s, 1, |f| f.size.set(1), nothing)
        }),
    ]);
}

#[test]
fn targets() {
    refused(&[
        ("is of no task of the image", |s| {
            pidfd(s, 99, nothing, nothing)
        }),
        ("is of no task of the image", |s| {
            pidfd(s, 0, nothing, |t| t.init.set(99))
        }),
        ("reserved or unused field is not zero", |s| {
            pidfd(s, 1, nothing, |t| t.init.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            pidfd(s, 1, nothing, |t| t.exit_code.set(1))
        }),
        ("impossible exit code", |s| {
            pidfd(s, 0, nothing, |t| t.exit_code.set(0x1_0000))
        }),
        ("impossible core dump", |s| {
            pidfd(s, 1, nothing, |t| t.coredump.set(0x11))
        }),
        ("impossible core dump", |s| {
            pidfd(s, 1, nothing, |t| t.coredump.set(2))
        }),
        ("impossible signal number", |s| {
            pidfd(s, 1, nothing, |t| {
                t.coredump.set(1);
                t.signal.set(65)
            })
        }),
        ("reserved or unused field is not zero", |s| {
            pidfd(s, 1, nothing, |t| t.signal.set(11))
        }),
        ("reserved or unused field is not zero", |s| {
            pidfd(s, 1, nothing, |t| t.number.set(1))
        }),
        ("payload where none belongs", |s| {
            pidfd(s, 1, nothing, nothing);
            s.payload(Kind::PidfdTarget, 0).push(1)
        }),
    ]);
}
