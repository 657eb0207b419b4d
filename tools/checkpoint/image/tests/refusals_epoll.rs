// SPDX-License-Identifier: GPL-2.0

//! Each check of epoll instances, and of the links between them, has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    epoll::*,
    files::*,
    kinds::Kind, //
};
use sample::{
    accepted,
    obj,
    refused,
    Sample, //
};

/// Changes the item that is `nth`.
fn item(s: &mut Sample, nth: usize, f: impl FnOnce(&mut EpollItem)) {
    s.epoll();
    s.elements(
        Kind::EpollItems,
        |all: &mut Vec<EpollItem>| f(&mut all[nth]),
    );
}

/// Changes what is registered, by reference.
fn file(s: &mut Sample, f: impl FnOnce(&mut EpollItem)) {
    item(s, 0, f)
}

/// What is wrong with the signals of an item.
const NOBODY: &str =
    "a signalfd that waits for nobody's signals, or another file that waits for some";

/// Makes the last file a signalfd, which is registered and waits for `signals`.
fn signalfd(s: &mut Sample, signals: u32) {
    item(s, 2, |i| {
        i.file.set(obj::LAST + 4);
        i.signals.set(signals);
    });
    let nth = last_file(s);
    s.edit(nth, |f: &mut OpenFile| {
        f.kind.set(FILE_SIGNALFD);
        f.inode.set(0);
    });
}

#[test]
fn instances() {
    refused(&[
        ("impossible parameters", |s| {
            s.epoll();
            s.edit(0, |e: &mut Epoll| e.busy_poll_usecs.set(1 << 31))
        }),
        ("impossible parameters", |s| {
            s.epoll();
            s.edit(0, |e: &mut Epoll| e.busy_poll_budget.set(1 << 16))
        }),
        ("neither 0 nor 1", |s| {
            s.epoll();
            s.edit(1, |e: &mut Epoll| e.prefer_busy_poll.set(2))
        }),
        ("payload where none belongs", |s| {
            s.epoll();
            s.payload(Kind::Epoll, 0).push(0)
        }),
        ("refers to an object of the wrong kind", |s| {
            s.epoll();
            let nth = last_file(s);
            s.edit(nth, |f: &mut OpenFile| f.inode.set(obj::PIPE))
        }),
        ("two open files are the same kernel object", |s| {
            s.epoll();
            let nth = last_file(s);
            s.edit(nth, |f: &mut OpenFile| f.inode.set(obj::LAST + 1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.epoll();
            let nth = last_file(s);
            s.edit(nth, |f: &mut OpenFile| f.pos.set(1))
        }),
        ("unknown flag", |s| {
            s.epoll();
            let nth = last_file(s);
            s.edit(nth, |f: &mut OpenFile| f.flags.set(open::DIRECT))
        }),
        ("mode does not fit the kind of file", |s| {
            s.epoll();
            let nth = last_file(s);
            s.edit(nth, |f: &mut OpenFile| f.mode.set(0o100600))
        }),
    ]);
    accepted(&[
        |s| s.epoll(),
        |s| {
            s.epoll();
            s.edit(0, |e: &mut Epoll| {
                e.busy_poll_usecs.set(u32::MAX >> 1);
                e.busy_poll_budget.set(u32::from(u16::MAX));
                e.prefer_busy_poll.set(1);
            })
        },
    ]);
}

/// The open file of the last instance.
fn last_file(s: &Sample) -> usize {
    let files = s.records.iter().filter(|r| r.kind == Kind::File.number());
    files.count() - 1
}

#[test]
fn items() {
    refused(&[
        ("refers to an object of the wrong kind", |s| {
            s.epoll();
            s.edit(0, |e: &mut EpollItems| e.epoll.set(obj::PIPE))
        }),
        ("reserved or unused field is not zero", |s| {
            s.epoll();
            s.edit(0, |e: &mut EpollItems| e.reserved.set(1))
        }),
        ("payload of wrong length", |s| {
            s.epoll();
            s.payload(Kind::EpollItems, 0).push(0)
        }),
        ("too many elements", |s| {
            s.epoll();
            s.elements(Kind::EpollItems, |all: &mut Vec<EpollItem>| {
                all.resize(ITEMS_MAX + 1, all[0])
            })
        }),
        ("refers to an object that is not in the image", |s| {
            file(s, |i| i.file.set(0))
        }),
        ("refers to an object of the wrong kind", |s| {
            file(s, |i| i.file.set(obj::PIPE))
        }),
        ("a file that can't be waited for", |s| {
            file(s, |i| i.file.set(obj::EXE))
        }),
        ("a file that can't be waited for", |s| {
            file(s, |i| i.file.set(obj::DIRECTORY))
        }),
        ("a file that can't be waited for", |s| {
            file(s, |i| i.file.set(obj::UNLINKED))
        }),
        ("a file that can't be waited for", |s| {
            file(s, |i| i.file.set(obj::SHARED))
        }),
        ("events that can't be waited for exclusively", |s| {
            item(s, 1, |i| i.events.set(i.events.get() | epoll::ONESHOT))
        }),
        ("events that can't be waited for exclusively", |s| {
            item(s, 1, |i| i.events.set(i.events.get() | 1 << 1))
        }),
        ("events that can't be waited for exclusively", |s| {
            item(s, 1, |i| i.file.set(obj::LAST + 2))
        }),
        ("neither waits for errors nor is disabled", |s| {
            item(s, 0, |i| i.events.set(i.events.get() & !epoll::HUP))
        }),
        ("neither waits for errors nor is disabled", |s| {
            item(s, 3, |i| i.events.set(epoll::ET))
        }),
        ("neither waits for errors nor is disabled", |s| {
            item(s, 3, |i| i.events.set(epoll::ONESHOT | epoll::IN))
        }),
        ("descriptor too large", |s| {
            item(s, 0, |i| i.fd.set(1 << 31))
        }),
        ("unknown state of an item", |s| {
            item(s, 0, |i| i.state.set(3))
        }),
        ("refers to an object of the wrong kind", |s| {
            item(s, 2, |i| i.signals.set(obj::CRED))
        }),
        (NOBODY, |s| item(s, 2, |i| i.signals.set(obj::SIGHAND))),
        (NOBODY, |s| signalfd(s, 0)),
        ("reserved or unused field is not zero", |s| {
            item(s, 0, |i| i.reserved.set(1))
        }),
    ]);
    accepted(&[
        |s| {
            s.epoll();
            s.elements(Kind::EpollItems, |all: &mut Vec<EpollItem>| {
                all.resize(ITEMS_MAX, all[0])
            })
        },
        |s| {
            s.epoll();
            s.payload(Kind::EpollItems, 0).clear()
        },
        // Whether there is a circle the kernel says.
        |s| item(s, 2, |i| i.file.set(obj::LAST + 4)),
        |s| {
            item(s, 3, |i| {
                i.events.set(epoll::ONESHOT | epoll::ET | epoll::WAKEUP)
            })
        },
        |s| item(s, 0, |i| i.fd.set(u32::MAX >> 1)),
        |s| signalfd(s, obj::SIGHAND),
    ]);
}

#[test]
fn links_come_last() {
    refused(&[("comes after the links", |s| {
        s.epoll();
        let links = s.records.pop().expect("the sample has links");
        let place = s.records.len() - 1;
        s.records.insert(place, links);
    })]);
    accepted(&[|s| {
        s.epoll();
        s.records.push(s.records[s.records.len() - 1].clone());
    }]);
}
