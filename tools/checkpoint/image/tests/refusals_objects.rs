// SPDX-License-Identifier: GPL-2.0

//! Each check of the container and of objects has a case that fails without it.

mod sample;

use checkpoint_image::image::{
    contents::Batch,
    files::*,
    kinds::Kind,
    mm::*,
    ns::*,
    task::*, //
};
use sample::{
    accepted,
    obj,
    refused,
    verify,
    Sample,
    PAGE, //
};
use zerocopy::FromZeros;

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
        ("too many objects", |s| {
            s.edit(0, |c: &mut Container| c.objects.set((1 << 24) + 1))
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
        ("name is not padded with NUL", |s| {
            s.edit(0, |c: &mut Container| c.version = [b'1'; VERSION_LEN])
        }),
        ("name is not padded with NUL", |s| {
            s.edit(0, |c: &mut Container| c.version[1] = b'1')
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
            s.records[6].body.truncate(64);
        }),
        ("body has fields that this version does not know", |s| {
            s.records[6].body.extend([1, 0, 0, 0, 0, 0, 0, 0]);
        }),
        ("unknown kind of record", |s| s.records[6].kind = 2),
        ("body of impossible length", |s| {
            s.records[6].body.resize(2048, 0)
        }),
        ("record that does not belong into the metadata", |s| {
            s.add(Batch::new_zeroed(), &[])
        }),
    ]);
    // A longer body from a newer kernel whose new fields are all zero.
    accepted(&[|s| s.records[6].body.extend([0; 16])]);
    // A shorter one from an older kernel: tasks without what came last.
    accepted(&[|s| {
        for record in &mut s.records {
            if record.kind == 16 {
                record.body.truncate(304);
            }
        }
    }]);
}

/// What a pid namespace lies in comes before it.
const NO_PARENT: &str = "lies in no pid namespace that comes before it";
const FORKED: &str =
    "shares pages with an address space that does not come before, or is not private";

/// All but the nesting of pid namespaces may refer to what comes later.
#[test]
fn references_point_in_both_directions() {
    const OBJECTS: [Kind; 9] = [
        Kind::Uts,
        Kind::Cred,
        Kind::Sighand,
        Kind::File,
        Kind::Inode,
        Kind::Path,
        Kind::Fs,
        Kind::Files,
        Kind::PidNs,
    ];
    // What belongs to the record right before it goes with that.
    let small = || {
        let mut sample = Sample::small();
        let followers = [Kind::Locks, Kind::FileOwner, Kind::Lease].map(Kind::number);
        sample.records.retain(|r| !followers.contains(&r.kind));
        sample
    };
    for kind in OBJECTS {
        let mut sample = small();
        let record = sample.records.remove(sample.position(kind, 0));
        sample.records.push(record);
        assert_eq!(verify(&sample.bytes()), Ok(()), "{}", kind.name());
    }
    // All of them, in reverse.
    let mut sample = small();
    let (mut objects, others): (Vec<_>, Vec<_>) = sample
        .records
        .into_iter()
        .partition(|r| OBJECTS.iter().any(|kind| kind.number() == r.kind));
    objects.reverse();
    sample.records = others;
    sample.records.append(&mut objects);
    assert_eq!(verify(&sample.bytes()), Ok(()));
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
        ("refers to an object that is not in the image", |s| {
            s.edit(0, |m: &mut Mm| m.exe.set(20))
        }),
        ("refers to an object of the wrong kind", |s| {
            s.edit(0, |m: &mut Mm| m.exe.set(obj::CRED))
        }),
    ]);
}

#[test]
fn memory() {
    refused(&[
        ("unknown flag", |s| {
            s.edit(0, |m: &mut Mm| m.flags.set(1 << 31))
        }),
        (
            "its program is no regular file that is open for reading",
            |s| s.edit(0, |m: &mut Mm| m.exe.set(obj::DIRECTORY)),
        ),
        (
            "its program is no regular file that is open for reading",
            |s| s.edit(0, |f: &mut OpenFile| f.flags.set(open::READ | open::PATH)),
        ),
        (
            "its program is no regular file that is open for reading",
            |s| s.edit(0, |f: &mut OpenFile| f.flags.set(open::WRITE)),
        ),
        ("unknown flag", |s| {
            s.edit(0, |m: &mut Mm| m.dump_filter.set(1 << 9))
        }),
        ("impossible range of addresses", |s| {
            s.edit(0, |m: &mut Mm| m.brk[0].set(1))
        }),
        ("impossible range of addresses", |s| {
            s.edit(0, |m: &mut Mm| m.env[1].set(u64::MAX))
        }),
        ("impossible address", |s| {
            s.edit(0, |m: &mut Mm| m.stack.set(u64::MAX))
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
            s.edit(0, |m: &mut Mm| m.vmas.set(7))
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
            s.edit(4, |v: &mut Vma| v.end.set(0))
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
        ("refers to an object that is not in the image", |s| {
            s.edit(0, |v: &mut Vma| v.file.set(0))
        }),
        ("maps a file that cannot be mapped so", |s| {
            s.edit(0, |v: &mut Vma| v.file.set(obj::PIPE_READ))
        }),
        (
            "sealed against writing, but not a memfd that is read",
            |s| {
                s.edit(0, |v: &mut Vma| {
                    v.flags.set(v.flags.get() | vma::WRITE_SEALED)
                })
            },
        ),
        ("reserved or unused field is not zero", |s| {
            s.edit(1, |v: &mut Vma| v.reserved2.set(1))
        }),
        (FORKED, |s| s.edit(1, |v: &mut Vma| v.forked.set(obj::MM))),
        ("refers to an object of the wrong kind", |s| {
            s.edit(1, |v: &mut Vma| v.forked.set(obj::EXE))
        }),
        ("refers to an object that is not in the image", |s| {
            s.edit(1, |v: &mut Vma| v.forked.set(obj::LAST + 1))
        }),
        ("vDSO in an address space without one", |s| {
            s.edit(0, |m: &mut Mm| (m.vdso.set(0), m.vdso_len.set(0)).0)
        }),
        ("grows down, but is not anonymous", |s| {
            s.edit(0, |v: &mut Vma| v.flags.set(vma::GROWSDOWN))
        }),
        ("memory tags, but is not anonymous", |s| {
            s.edit(0, |v: &mut Vma| v.flags.set(vma::MTE))
        }),
        ("shadow stack, but is not anonymous", |s| {
            s.edit(0, |v: &mut Vma| v.flags.set(vma::SHADOW_STACK))
        }),
        ("name on a mapping that can have none", |s| {
            s.payload(Kind::Vma, 0).push(b'x')
        }),
        ("impossible name", |s| s.payload(Kind::Vma, 1).push(0)),
        ("impossible name", |s| {
            s.payload(Kind::Vma, 1).resize(80, b'x')
        }),
        ("number of guard regions is not as announced", |s| {
            s.edit(0, |g: &mut Guards| g.regions.set(2))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |g: &mut Guards| g.reserved.set(1))
        }),
        ("payload of wrong length", |s| {
            s.payload(Kind::Guards, 0).push(0)
        }),
        ("guard region is not page-aligned", |s| {
            s.elements(Kind::Guards, |g: &mut Vec<Guard>| g[0].end.set(0x15800))
        }),
        (
            "guard regions overlap, touch, or lie outside of the mapping",
            |s| s.elements(Kind::Guards, |g: &mut Vec<Guard>| g[0].start.set(0x12000)),
        ),
        (
            "guard regions overlap, touch, or lie outside of the mapping",
            |s| s.elements(Kind::Guards, |g: &mut Vec<Guard>| g[0].end.set(0x17000)),
        ),
        (
            "guard regions overlap, touch, or lie outside of the mapping",
            |s| s.elements(Kind::Guards, |g: &mut Vec<Guard>| g[0].end.set(0x15000)),
        ),
        (
            "guard regions overlap, touch, or lie outside of the mapping",
            |s| {
                s.edit(0, |g: &mut Guards| g.regions.set(2));
                s.elements(Kind::Guards, |g: &mut Vec<Guard>| {
                    g.insert(0, g[0]);
                    g[0].start.set(0x14000);
                    g[0].end.set(0x15000);
                });
            },
        ),
        ("guard regions of no mapping", |s| {
            let guards = s.records.remove(s.position(Kind::Guards, 0));
            s.records.insert(s.position(Kind::Vma, 0), guards);
        }),
        ("guard regions of no mapping", |s| {
            let guards = s.records.remove(s.position(Kind::Guards, 0));
            s.records.insert(s.position(Kind::Mm, 1), guards);
        }),
        ("impossible ring of an AIO context", |s| {
            s.edit(4, |v: &mut Vma| v.flags.set(vma::READ))
        }),
        ("impossible ring of an AIO context", |s| {
            s.edit(4, |v: &mut Vma| v.flags.set(vma::DONTFORK | vma::LOCKED))
        }),
        ("impossible ring of an AIO context", |s| {
            s.edit(4, |v: &mut Vma| v.offset.set(PAGE))
        }),
        ("impossible page of the kernel", |s| {
            s.edit(5, |v: &mut Vma| {
                v.kind.set(VMA_ARCH);
                v.flags.set(vma::READ | vma::WRITE | vma::EXEC);
            })
        }),
        ("impossible page of the kernel", |s| {
            s.edit(5, |v: &mut Vma| {
                v.kind.set(VMA_ARCH);
                v.flags.set(vma::READ | vma::EXEC);
                v.end.set(v.end.get() + PAGE);
            })
        }),
        ("file where none belongs", |s| {
            s.edit(4, |v: &mut Vma| v.file.set(obj::EXE))
        }),
        ("guard regions of no mapping", |s| {
            let guards = s.records.remove(s.position(Kind::Guards, 0));
            s.records.insert(s.position(Kind::Aio, 0) + 1, guards);
        }),
        ("the ring before it lacks its AIO context", |s| {
            s.records.remove(s.position(Kind::Aio, 0));
        }),
        ("AIO context without a ring", |s| {
            s.edit(4, |v: &mut Vma| v.kind.set(VMA_ANON))
        }),
        ("AIO context without a ring", |s| {
            let aio = s.records.remove(s.position(Kind::Aio, 0));
            s.records.push(aio);
            s.records.remove(s.position(Kind::Vma, 4));
            s.edit(0, |m: &mut Mm| m.vmas.set(5));
        }),
        (
            "AIO context for more requests than its ring has room for",
            |s| s.edit(0, |a: &mut Aio| a.max_reqs.set(0)),
        ),
        (
            "AIO context for more requests than its ring has room for",
            |s| s.edit(0, |a: &mut Aio| a.max_reqs.set(63)),
        ),
        (
            "AIO context for more requests than its ring has room for",
            |s| s.edit(0, |a: &mut Aio| a.max_reqs.set(u32::MAX)),
        ),
        ("AIO context whose ring ends before its tail", |s| {
            s.edit(0, |a: &mut Aio| a.tail.set(127))
        }),
        (
            "number of events is not as head and tail of the AIO context say",
            |s| s.edit(0, |a: &mut Aio| a.head.set(125)),
        ),
        (
            "number of events is not as head and tail of the AIO context say",
            |s| s.edit(0, |a: &mut Aio| a.head.set(u32::MAX)),
        ),
        (
            "number of events is not as head and tail of the AIO context say",
            |s| s.payload(Kind::Aio, 0).truncate(32),
        ),
        (
            "more events of an AIO context take a place than there are",
            |s| s.edit(0, |a: &mut Aio| a.completed.set(3)),
        ),
        ("payload of wrong length", |s| {
            s.payload(Kind::Aio, 0).push(0)
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
            s.edit(0, |f: &mut OpenFile| f.flags.set(open::ALL + 1))
        }),
        ("impossible position or size", |s| {
            s.edit(0, |f: &mut OpenFile| f.pos.set(1 << 63))
        }),
        ("mode does not fit the kind of file", |s| {
            s.edit(0, |f: &mut OpenFile| f.mode.set(0o040755))
        }),
        ("path is not absolute", |s| {
            s.payload(Kind::File, 0)[0] = b'x'
        }),
        ("path is not canonical", |s| {
            *s.payload(Kind::File, 0) = b"/bin/../job".to_vec()
        }),
        ("path is not canonical", |s| {
            *s.payload(Kind::File, 0) = b"/bin//job".to_vec()
        }),
        ("path is not canonical", |s| {
            *s.payload(Kind::File, 0) = b"/bin/".to_vec()
        }),
        ("path with a NUL byte", |s| s.payload(Kind::File, 0)[1] = 0),
        ("impossible time", |s| {
            s.edit(0, |f: &mut OpenFile| f.mtime_nsec.set(1_000_000_000))
        }),
        ("impossible time", |s| {
            s.edit(0, |f: &mut OpenFile| {
                f.mtime.set(1);
                f.mtime_nsec.set(NSEC_UNKNOWN);
            })
        }),
        ("opened by exec, but not a program", |s| {
            s.edit(1, |f: &mut OpenFile| f.flags.set(open::READ | open::EXEC))
        }),
        ("opened by exec, but not a program", |s| {
            s.edit(0, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::PATH | open::EXEC)
            })
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(2, |f: &mut OpenFile| f.ino.set(1))
        }),
        ("path empty or too long", |s| {
            s.payload(Kind::File, 0).clear()
        }),
        ("path empty or too long", |s| {
            s.payload(Kind::File, 0).resize(4096, b'x')
        }),
        ("payload where none belongs", |s| {
            s.payload(Kind::File, 3).push(b'/')
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
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |i: &mut Inode| i.seals.set(seal::WRITE))
        }),
        ("file and inode do not fit together", |s| {
            s.edit(0, |i: &mut Inode| i.flags.set(INODE_MEMFD))
        }),
        ("file and inode do not fit together", |s| {
            s.edit(2, |f: &mut OpenFile| f.kind.set(FILE_MEMFD))
        }),
        ("made with a memfd, but not an open file of one", |s| {
            s.edit(2, |f: &mut OpenFile| {
                f.flags.set(open::READ | open::WRITE | open::FIRST)
            })
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
        ("refers to an object that is not in the image", |s| {
            s.edit(0, |f: &mut Fs| f.pwd.set(0))
        }),
        ("path is not absolute", |s| {
            s.payload(Kind::Path, 0)[0] = b'.'
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
        ("impossible setting of a pid namespace", |s| {
            s.edit(0, |n: &mut PidNs| n.pid_max.set(0))
        }),
        ("impossible setting of a pid namespace", |s| {
            s.edit(0, |n: &mut PidNs| n.pid_max.set((1 << 22) + 1))
        }),
        ("impossible setting of a pid namespace", |s| {
            s.edit(0, |n: &mut PidNs| n.memfd_noexec.set(3))
        }),
        ("reserved or unused field is not zero", |s| {
            s.edit(0, |n: &mut PidNs| n.reserved.set(1))
        }),
        (NO_PARENT, |s| {
            s.edit(0, |n: &mut PidNs| n.parent.set(obj::PID_NS))
        }),
        (NO_PARENT, |s| {
            s.edit(0, |n: &mut PidNs| n.parent.set(obj::UTS))
        }),
        // In each other.
        (NO_PARENT, |s| {
            s.edit(0, |n: &mut PidNs| n.parent.set(obj::LAST + 1));
            s.add_object(|n: &mut PidNs, obj| {
                n.obj.set(obj);
                n.pid_max.set(4096);
                n.parent.set(obj::PID_NS);
            });
        }),
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
        // Of a subtree it lies outside.
        ("the root task is not init of its pid namespace", |s| {
            s.edit(0, |c: &mut Container| c.flags.set(0))
        }),
    ]);
    // The pid namespace of the root of a subtree lies outside.
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
