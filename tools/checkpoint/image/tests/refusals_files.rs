// SPDX-License-Identifier: GPL-2.0

//! Each check of files without a name, and of names that were removed, has a case that fails
//! without it.

mod sample;

use checkpoint_image::image::{
    files::*,
    kinds::Kind,
    mm::*,
    task::Container, //
};
use sample::{
    accepted,
    obj,
    refused,
    zeroed,
    Sample, //
};

/// Makes the removed file of the sample a memfd.
fn memfd(s: &mut Sample) {
    s.edit(0, |i: &mut Inode| {
        i.flags.set(INODE_MEMFD);
        i.seals.set(seal::ALL);
    });
    s.edit(2, |f: &mut OpenFile| f.kind.set(FILE_MEMFD));
    s.payload(Kind::Inode, 0).clear();
}

/// Flags of what memfd_create(2) returns.
const FIRST: u32 = open::READ | open::WRITE | open::FIRST;

/// Adds a second open file of the memfd, and gives both their flags.
fn two_memfds(s: &mut Sample, flags: u32, others: u32) {
    memfd(s);
    s.edit(2, |f: &mut OpenFile| f.flags.set(flags));
    s.add_object(|f: &mut OpenFile, obj| {
        f.obj.set(obj);
        f.kind.set(FILE_MEMFD);
        f.flags.set(others);
        f.inode.set(obj::INODE);
        f.mode.set(0o100600);
    });
}

#[test]
fn memfds() {
    refused(&[
        ("unknown flag", |s| {
            memfd(s);
            s.edit(0, |i: &mut Inode| i.flags.set(INODE_MEMFD | INODE_LINKABLE))
        }),
        ("unknown flag", |s| {
            memfd(s);
            s.edit(0, |i: &mut Inode| i.seals.set(1 << 6))
        }),
        ("impossible name", |s| {
            memfd(s);
            s.payload(Kind::Inode, 0).push(0)
        }),
        ("impossible name", |s| {
            memfd(s);
            s.payload(Kind::Inode, 0).resize(MEMFD_NAME_MAX + 1, b'x')
        }),
        ("made with a memfd, but not an open file of one", |s| {
            memfd(s);
            s.edit(2, |f: &mut OpenFile| f.flags.set(open::READ | open::FIRST))
        }),
        ("second that was made with a memfd", |s| {
            two_memfds(s, FIRST, FIRST)
        }),
    ]);
    accepted(&[
        memfd,
        |s| two_memfds(s, FIRST, FIRST & !open::FIRST),
        |s| {
            memfd(s);
            s.payload(Kind::Inode, 0).resize(MEMFD_NAME_MAX, b'/')
        },
        |s| {
            memfd(s);
            s.edit(2, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::WRITE | open::FIRST)
            })
        },
        // A program may be a memfd.
        |s| {
            memfd(s);
            s.edit(0, |m: &mut Mm| m.exe.set(obj::UNLINKED))
        },
    ]);
}

/// Makes the removed file of the sample one that has a name, and its contents in the image.
fn contents(s: &mut Sample) {
    s.edit(0, |i: &mut Inode| i.flags.set(INODE_NAMED));
    *s.payload(Kind::Inode, 0) = b"/srv/data".to_vec();
    s.edit(2, |f: &mut OpenFile| f.kind.set(FILE_CONTENTS));
    *s.payload(Kind::File, 2) = b"/srv/data".to_vec();
}

#[test]
fn files_with_contents() {
    accepted(&[contents]);
    refused(&[
        ("file and inode do not fit together", |s| {
            contents(s);
            s.edit(0, |i: &mut Inode| i.flags.set(0))
        }),
        ("file and inode do not fit together", |s| {
            contents(s);
            s.edit(2, |f: &mut OpenFile| f.kind.set(FILE_UNLINKED))
        }),
        ("unknown flag", |s| {
            contents(s);
            s.edit(0, |i: &mut Inode| i.flags.set(INODE_NAMED | INODE_LINKABLE))
        }),
        ("path empty or too long", |s| {
            contents(s);
            s.payload(Kind::Inode, 0).clear()
        }),
        ("path is not absolute", |s| {
            contents(s);
            s.payload(Kind::File, 2).remove(0);
        }),
    ]);
}

/// Makes the program of the sample a file that was opened by another name.
fn alias(s: &mut Sample, payload: &[u8]) {
    s.edit(0, |f: &mut OpenFile| f.kind.set(FILE_ALIAS));
    *s.payload(Kind::File, 0) = payload.to_vec();
}

/// Makes the pipe of the sample a named one.
fn fifo(s: &mut Sample, payload: &[u8]) {
    s.edit(0, |p: &mut Pipe| p.named.set(1));
    s.edit(3, |f: &mut OpenFile| f.kind.set(FILE_FIFO));
    *s.payload(Kind::File, 3) = payload.to_vec();
}

#[test]
fn former_names() {
    refused(&[
        ("path is not absolute", |s| fifo(s, b"/tmp\0fifo")),
        ("path empty or too long", |s| fifo(s, b"/tmp\0")),
        ("one path where two belong", |s| alias(s, b"/bin/job")),
        ("path empty or too long", |s| alias(s, b"/bin/job\0")),
        ("path empty or too long", |s| alias(s, b"\0/bin/job")),
        ("path is not absolute", |s| alias(s, b"/bin/job\0job")),
        ("path is not canonical", |s| {
            alias(s, b"/bin/job\0/bin/../job")
        }),
        ("path with a NUL byte", |s| {
            alias(s, b"/bin/job\0/bin/job\0")
        }),
        ("path is not absolute", |s| {
            *s.payload(Kind::File, 2) = b"gone".to_vec()
        }),
    ]);
    accepted(&[
        |s| fifo(s, b"/tmp\0/tmp/fifo"),
        |s| fifo(s, b"/tmp/fifo"),
        |s| alias(s, b"/bin/job\0/bin/old"),
        |s| *s.payload(Kind::File, 2) = b"/tmp/gone".to_vec(),
    ]);
}

/// Makes the directory of the sample a symbolic link that is open for its path.
fn link(s: &mut Sample) {
    s.edit(1, |f: &mut OpenFile| {
        f.kind.set(FILE_PATH);
        f.flags.set(open::PATH);
        f.mode.set(0o120777);
    });
}

#[test]
fn paths() {
    refused(&[
        ("opened for its path, but of another kind", |s| {
            link(s);
            s.edit(1, |f: &mut OpenFile| f.mode.set(0o100600))
        }),
        ("opened for its path, but of another kind", |s| {
            link(s);
            s.edit(1, |f: &mut OpenFile| f.flags.set(open::READ))
        }),
        ("reserved or unused field is not zero", |s| {
            link(s);
            s.edit(1, |f: &mut OpenFile| f.inode.set(1))
        }),
        ("refers to an object that is not in the image", |s| {
            link(s);
            s.payload(Kind::File, 1).clear()
        }),
        ("access modes that do not go together", |s| {
            s.edit(1, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::NO_ACCESS)
            })
        }),
        ("made by being opened, or quiet, but of another kind", |s| {
            s.edit(1, |f: &mut OpenFile| {
                f.flags.set(open::PATH | open::CREATED)
            })
        }),
        ("made by being opened, or quiet, but of another kind", |s| {
            memfd(s);
            s.edit(2, |f: &mut OpenFile| f.flags.set(open::READ | open::QUIET))
        }),
    ]);
    accepted(&[
        |s| {
            s.edit(1, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::CREATED | open::QUIET)
            })
        },
        link,
        |s| {
            link(s);
            s.edit(1, |f: &mut OpenFile| {
                f.mode.set(0o060600);
                f.inode.set(0x800001);
            })
        },
        |s| s.edit(1, |f: &mut OpenFile| f.flags.set(open::NO_ACCESS)),
    ]);
}

/// Gives the removed file of the sample an extended attribute.
fn attribute(s: &mut Sample, payload: &[u8], size: u32) {
    s.edit(0, |i: &mut Inode| i.xattrs.set(1));
    let at = s
        .records
        .iter()
        .position(|r| r.kind == Kind::Inode.number())
        .expect("there is an inode");
    s.add(
        Xattr {
            size: size.into(),
            reserved: 0.into(),
        },
        payload,
    );
    let last = s.records.pop().expect("it was added");
    s.records.insert(at + 1, last);
}

#[test]
fn attributes() {
    refused(&[
        ("extended attribute without a name", |s| {
            attribute(s, b"user.a", 0)
        }),
        ("impossible name", |s| attribute(s, b"\0value", 5)),
        ("impossible name", |s| {
            let payload = [vec![b'x'; XATTR_NAME_MAX + 1], vec![0]].concat();
            attribute(s, &payload, 0)
        }),
        ("impossible size", |s| attribute(s, b"user.a\0value", 4)),
        ("impossible size", |s| {
            let payload = [&b"user.a\0"[..], &vec![b'x'; XATTR_SIZE_MAX + 1]].concat();
            attribute(s, &payload, (XATTR_SIZE_MAX + 1) as u32)
        }),
        ("the inode before it lacks extended attributes", |s| {
            s.edit(0, |i: &mut Inode| i.xattrs.set(1))
        }),
        (
            "belongs to no inode, or that has fewer extended attributes",
            |s| {
                attribute(s, b"user.a\0value", 5);
                s.edit(0, |i: &mut Inode| i.xattrs.set(0))
            },
        ),
        ("reserved or unused field is not zero", |s| {
            attribute(s, b"user.a\0value", 5);
            s.edit(0, |x: &mut Xattr| x.reserved.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |i: &mut Inode| i.xattrs.set(1))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |i: &mut Inode| i.reserved.set(1))
        }),
    ]);
    accepted(&[
        |s| attribute(s, b"user.a\0va\0ue", 5),
        |s| attribute(s, b"user.a\0", 0),
    ]);
}

/// Makes the working directory of the sample one that was removed.
fn removed_dir(s: &mut Sample) {
    let at = s
        .records
        .iter()
        .position(|r| r.kind == Kind::Path.number())
        .expect("there is a path");
    s.records.remove(at);
    s.add(
        Removed {
            obj: obj::PATH.into(),
            mode: 0o700.into(),
            owner: [0.into(), 0.into()],
            atime: 0.into(),
            mtime: 0.into(),
            atime_nsec: 0.into(),
            mtime_nsec: 0.into(),
            mount: 0.into(),
            device: 0.into(),
            file_type: 0.into(),
            xattrs: 0.into(),
        },
        b"/home\0/home/gone",
    );
    let last = s.records.pop().expect("it was added");
    s.records.insert(at, last);
    s.edit(0, |f: &mut Fs| {
        f.pwd.set(0);
        f.removed.set(obj::PATH);
    });
}

/// Adds something that was removed to the sample; returns its reference.
fn removed(s: &mut Sample, edit: impl FnOnce(&mut Removed), payload: &[u8]) -> u32 {
    let mut obj = 0;
    s.edit(0, |c: &mut Container| {
        obj = c.objects.get() + 1;
        c.objects.set(obj);
    });
    s.add(
        zeroed(|d: &mut Removed| {
            d.obj.set(obj);
            edit(d);
        }),
        payload,
    );
    let record = s.records.pop().expect("it was added");
    let at = s.position(Kind::File, 0);
    s.records.insert(at, record);
    obj
}

/// Makes what is open at `path` in the sample something that was removed, with this number of a device.
fn removed_at(s: &mut Sample, path: &[u8], device: u32) {
    let obj = removed(s, |d| d.device.set(device), b"/dev\0/dev/gone");
    let nth = (0..)
        .find(|&nth| s.payload(Kind::File, nth) == path)
        .expect("it is open");
    s.payload(Kind::File, nth).clear();
    s.edit(nth, |f: &mut OpenFile| f.inode.set(obj));
}

#[test]
fn removed_devices() {
    accepted(&[
        |s| removed_at(s, b"/dev/null", 0x10_0003),
        |s| removed_at(s, b"/tmp", 0),
    ]);
    refused(&[
        ("removed device that is none", |s| {
            removed_at(s, b"/dev/null", 0)
        }),
        ("directory that is none", |s| {
            removed_at(s, b"/tmp", 0x10_0003)
        }),
    ]);
}

/// Makes the directory of the sample a path (O_PATH) to something of this type that was removed.
fn removed_path(s: &mut Sample, mode: u32, edit: impl FnOnce(&mut Removed), payload: &[u8]) {
    link(s);
    let obj = removed(s, edit, payload);
    s.payload(Kind::File, 1).clear();
    s.edit(1, |f: &mut OpenFile| {
        f.mode.set(mode);
        f.inode.set(obj);
    });
}

/// Makes it one to a symbolic link, with this payload.
fn removed_link(s: &mut Sample, payload: &[u8]) {
    removed_path(s, 0o120777, |d| d.file_type.set(0o120000), payload);
}

#[test]
fn removed_paths() {
    const PATHS: &[u8] = b"/dev\0/dev/gone";
    accepted(&[
        |s| removed_link(s, b"/dev\0/dev/gone\0nowhere"),
        |s| removed_path(s, 0o010600, |d| d.file_type.set(0o010000), PATHS),
        |s| removed_path(s, 0o140600, |d| d.file_type.set(0o140000), PATHS),
        |s| removed_path(s, 0o020600, |d| d.file_type.set(0o020000), PATHS),
        |s| removed_path(s, 0o020600, |d| d.device.set(0x10_0003), PATHS),
        |s| {
            let block = |d: &mut Removed| {
                d.file_type.set(0o060000);
                d.device.set(0x80_0001);
            };
            removed_path(s, 0o060600, block, PATHS)
        },
        |s| {
            fifo(s, b"/tmp\0/tmp/fifo");
            let node = removed(s, |d| d.file_type.set(0o010000), PATHS);
            s.edit(0, |p: &mut Pipe| p.removed.set(node))
        },
    ]);
    refused(&[
        ("link that leads nowhere", |s| removed_link(s, PATHS)),
        ("link that leads nowhere", |s| {
            removed_link(s, b"/dev\0/dev/gone\0")
        }),
        ("link that leads nowhere", |s| {
            removed_link(s, b"/dev\0/dev/gone\0a\0b")
        }),
        ("link that leads nowhere", |s| {
            removed_link(s, &[PATHS, &[0], &[b'a'; 4096]].concat())
        }),
        ("path is not absolute", |s| removed_link(s, b"/dev\0dev\0a")),
        ("removed, but of another type", |s| {
            removed_path(s, 0o120777, |d| d.file_type.set(0o010000), PATHS)
        }),
        ("unknown type of what was removed", |s| {
            removed_path(s, 0o120777, |d| d.file_type.set(0o100000), PATHS)
        }),
        ("reserved or unused field is not zero", |s| {
            let fifo = |d: &mut Removed| {
                d.file_type.set(0o010000);
                d.device.set(1);
            };
            removed_path(s, 0o010600, fifo, PATHS)
        }),
        ("reserved or unused field is not zero", |s| {
            removed_link(s, b"/dev\0/dev/gone\0nowhere");
            s.edit(1, |f: &mut OpenFile| f.ino.set(1))
        }),
        ("removed, but no named pipe", |s| {
            fifo(s, b"/tmp\0/tmp/fifo");
            let node = removed(s, |d| d.file_type.set(0o140000), PATHS);
            s.edit(0, |p: &mut Pipe| p.removed.set(node))
        }),
        ("has no name that could be removed", |s| {
            let node = removed(s, |d| d.file_type.set(0o010000), PATHS);
            s.edit(0, |p: &mut Pipe| p.removed.set(node))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |p: &mut Pipe| p.reserved.set(1))
        }),
    ]);
}

#[test]
fn removed_directories() {
    refused(&[
        ("unknown flag", |s| {
            removed_dir(s);
            s.edit(0, |d: &mut Removed| d.mode.set(0o40700))
        }),
        ("impossible user or group id", |s| {
            removed_dir(s);
            s.edit(0, |d: &mut Removed| d.owner[0].set(u32::MAX))
        }),
        ("impossible time", |s| {
            removed_dir(s);
            s.edit(0, |d: &mut Removed| d.mtime_nsec.set(1_000_000_000))
        }),
        ("working directory that is none", |s| {
            removed_dir(s);
            s.edit(0, |d: &mut Removed| d.device.set(0x10_0003))
        }),
        ("the inode before it lacks extended attributes", |s| {
            removed_dir(s);
            s.edit(0, |d: &mut Removed| d.xattrs.set(1))
        }),
        ("one path where two belong", |s| {
            removed_dir(s);
            *s.payload(Kind::Removed, 0) = b"/home".to_vec()
        }),
        ("reserved or unused field is not zero", |s| {
            removed_dir(s);
            s.edit(0, |f: &mut Fs| f.pwd.set(obj::PATH))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |f: &mut Fs| {
                f.pwd.set(0);
                f.removed.set(obj::PATH)
            })
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |f: &mut Fs| f.reserved.set(1))
        }),
        ("payload where none belongs", |s| {
            removed_dir(s);
            s.edit(1, |f: &mut OpenFile| f.inode.set(obj::PATH))
        }),
        ("directory that is open for writing", |s| {
            removed_dir(s);
            s.edit(1, |f: &mut OpenFile| {
                f.inode.set(obj::PATH);
                f.flags.set(open::READ | open::WRITE)
            });
            s.payload(Kind::File, 1).clear()
        }),
    ]);
    accepted(&[removed_dir, |s| {
        removed_dir(s);
        s.edit(1, |f: &mut OpenFile| f.inode.set(obj::PATH));
        s.payload(Kind::File, 1).clear()
    }]);
}
