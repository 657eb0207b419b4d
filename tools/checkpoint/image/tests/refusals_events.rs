// SPDX-License-Identifier: GPL-2.0

//! Each check of kernel objects behind descriptors has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
    task::Container, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};
use zerocopy::FromZeros;

/// Adds an eventfd, and changes it.
fn eventfd(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    s.add_object(|f: &mut OpenFile, obj| {
        f.obj.set(obj);
        f.kind.set(FILE_EVENTFD);
        f.flags.set(open::READ | open::WRITE | open::SEMAPHORE);
        f.size.set(u64::MAX);
        f.mode.set(0o600);
        change(f);
    });
}

#[test]
fn eventfds() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        ("unknown flag", |s| {
            eventfd(s, |f| f.flags.set(open::READ | open::WRITE | open::DIRECT))
        }),
        ("impossible position or size", |s| {
            eventfd(s, |f| f.pos.set(1 << 63))
        }),
        ("impossible position or size", |s| {
            s.edit(0, |f: &mut OpenFile| f.size.set(u64::MAX))
        }),
        ("semaphore that is no eventfd", |s| {
            s.edit(0, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::SEMAPHORE)
            })
        }),
        ("mode does not fit the kind of file", |s| {
            eventfd(s, |f| f.mode.set(0o100600))
        }),
        (UNUSED, |s| eventfd(s, |f| f.inode.set(1))),
        (UNUSED, |s| eventfd(s, |f| f.pos.set(1))),
        (UNUSED, |s| eventfd(s, |f| f.ino.set(1))),
    ]);
    accepted(&[
        |s| eventfd(s, |_| ()),
        |s| {
            eventfd(s, |f| {
                f.flags
                    .set(open::READ | open::WRITE | open::APPEND | open::NONBLOCK | open::NOATIME)
            })
        },
    ]);
}

/// Adds a file of checkpoint events, and changes it.
fn events(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    s.add_object(|f: &mut OpenFile, obj| {
        f.obj.set(obj);
        f.kind.set(FILE_EVENTS);
        f.flags.set(open::READ);
        f.size.set(u64::MAX);
        f.mode.set(0o600);
        change(f);
    });
}

#[test]
fn checkpoint_events() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        ("file of events that is open for writing", |s| {
            events(s, |f| f.flags.set(open::READ | open::WRITE))
        }),
        (UNUSED, |s| events(s, |f| f.pos.set(1))),
        (UNUSED, |s| events(s, |f| f.inode.set(1))),
        ("unknown flag", |s| {
            events(s, |f| f.flags.set(open::READ | open::DSYNC))
        }),
    ]);
    accepted(&[
        |s| events(s, |_| ()),
        |s| events(s, |f| f.flags.set(open::READ | open::NONBLOCK)),
    ]);
}

/// Adds a signalfd, and changes it.
fn signalfd(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    s.add_object(|f: &mut OpenFile, obj| {
        f.obj.set(obj);
        f.kind.set(FILE_SIGNALFD);
        f.flags.set(open::READ | open::WRITE);
        f.size.set(1 << 63);
        f.mode.set(0o600);
        change(f);
    });
}

#[test]
fn signalfds() {
    const UNUSED: &str = "reserved or unused field is not zero";
    refused(&[
        ("signal mask with SIGKILL or SIGSTOP", |s| {
            signalfd(s, |f| f.size.set(1 << 8))
        }),
        ("signal mask with SIGKILL or SIGSTOP", |s| {
            signalfd(s, |f| f.size.set(1 << 18))
        }),
        ("semaphore that is no eventfd", |s| {
            signalfd(s, |f| {
                f.flags.set(open::READ | open::WRITE | open::SEMAPHORE)
            })
        }),
        ("unknown flag", |s| {
            signalfd(s, |f| f.flags.set(open::DSYNC))
        }),
        ("mode does not fit the kind of file", |s| {
            signalfd(s, |f| f.mode.set(0o020600))
        }),
        (UNUSED, |s| signalfd(s, |f| f.inode.set(1))),
        (UNUSED, |s| signalfd(s, |f| f.pos.set(1))),
    ]);
    accepted(&[|s| signalfd(s, |_| ())]);
}

/// Adds a timerfd, and changes its timer.
fn timerfd(s: &mut Sample, change: impl FnOnce(&mut Timerfd)) {
    s.add_object(|t: &mut Timerfd, obj| {
        t.obj.set(obj);
        t.clock.set(TIMERFD_CLOCK_REALTIME);
        t.flags.set(timerfd::ALL);
        t.expires.set(i64::MAX as u64);
        t.interval.set(i64::MAX as u64);
        t.ticks.set(u64::MAX);
        change(t);
    });
}

/// Adds an open file for a timer, and changes it.
fn timer_file(s: &mut Sample, change: impl FnOnce(&mut OpenFile)) {
    timerfd(s, |_| ());
    let mut file = OpenFile::new_zeroed();
    file.obj.set(obj::LAST + 2);
    file.kind.set(FILE_TIMERFD);
    file.flags.set(open::READ | open::WRITE | open::NONBLOCK);
    file.inode.set(obj::LAST + 1);
    file.mode.set(0o600);
    change(&mut file);
    s.edit(0, |c: &mut Container| c.objects.set(obj::LAST + 2));
    s.add(file, &[]);
}

#[test]
fn timerfds() {
    const UNUSED: &str = "reserved or unused field is not zero";
    const CANCEL: u32 = timerfd::CANCEL_ON_SET;
    refused(&[
        ("unknown clock", |s| timerfd(s, |t| t.clock.set(2))),
        ("unknown flag", |s| {
            timerfd(s, |t| t.flags.set(timerfd::ALL + 1))
        }),
        (UNUSED, |s| timerfd(s, |t| t.reserved.set(1))),
        ("relative time on a clock that has none", |s| {
            timerfd(s, |t| t.clock.set(TIMERFD_CLOCK_REALTIME_ALARM))
        }),
        ("clock that is never set", |s| {
            timerfd(s, |t| {
                t.clock.set(TIMERFD_CLOCK_BOOTTIME_ALARM);
                t.flags.set(CANCEL);
            })
        }),
        ("cancelled though it can't be", |s| {
            timerfd(s, |t| t.flags.set(timerfd::ALL & !CANCEL))
        }),
        ("impossible time", |s| {
            timerfd(s, |t| t.expires.set(1 << 63))
        }),
        ("impossible time", |s| {
            timerfd(s, |t| t.interval.set(1 << 63))
        }),
        ("payload where none belongs", |s| {
            timerfd(s, |_| ());
            s.payload(Kind::Timerfd, 0).push(1)
        }),
        ("refers to an object of the wrong kind", |s| {
            timer_file(s, |f| f.inode.set(obj::PIPE))
        }),
        ("refers to an object that is not in the image", |s| {
            timer_file(s, |f| f.inode.set(0))
        }),
        ("unknown flag", |s| {
            timer_file(s, |f| f.flags.set(open::PATH))
        }),
        ("mode does not fit the kind of file", |s| {
            timer_file(s, |f| f.mode.set(0o010600))
        }),
        ("two open files are the same kernel object", |s| {
            timer_file(s, |_| ());
            let mut second = s.records.last().cloned().expect("a file");
            second.body[..4].copy_from_slice(&(obj::LAST + 3).to_le_bytes());
            s.records.push(second);
            s.edit(0, |c: &mut Container| c.objects.set(obj::LAST + 3));
        }),
        (UNUSED, |s| timer_file(s, |f| f.size.set(1))),
        (UNUSED, |s| timer_file(s, |f| f.pos.set(1))),
    ]);
    accepted(&[
        |s| timer_file(s, |_| ()),
        |s| {
            timerfd(s, |t| {
                t.clock.set(TIMERFD_CLOCK_BOOTTIME_ALARM);
                t.flags.set(timerfd::ARMED);
            })
        },
    ]);
}
