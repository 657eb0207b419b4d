// SPDX-License-Identifier: GPL-2.0

//! /dev/net/tun, opened: a queue of a tun or tap device, or attached to none yet.
//!
//! The device is made with its network namespace (`ns/net/tun.rs`). What was opened becomes one of its
//! queues, then gets the packets that wait to be read.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::{
            Named,
            Text, //
        },
        open::Open,
        opener,
        ops::{
            Compare,
            FileOps,
            Saved,
            Source, //
        },
        path, //
    },
    found::Capture,
    image::{
        files::FILE_TUN,
        net::{
            filter::{
                FilterStep,
                FILTER_MAX, //
            },
            tun::{
                TunPacket,
                TunQueue,
                TUN_PACKET_MAX,
                TUN_QUEUE_SHUT, //
            }, //
        },
        record::ref_number,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::file::{
            ftype,
            FileRef, //
        },
        net::{
            socket::SockRef,
            tun::{
                State,
                TunFile, //
            }, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    ns, //
};

/// Opened /dev/net/tun.
pub(super) const OPS: FileOps = FileOps {
    name: "a queue of a network tunnel",
    number: FILE_TUN,
    matches: |f| f.is(ftype::CHAR) && TunFile::of(f.file).is_some(),
    by_path: true,
    collect,
    advice: "close it there, or checkpoint what has it as well",
    // A node is nothing but its device number.
    compare: Compare::Type,
    async_fd: |file| TunFile::of(file)?.async_fd(),
    save,
    restore,
    ..FileOps::NONE
};

/// Major and minor number of /dev/net/tun.
const DEVICE: (u32, u32) = (10, 200);

/// How often, a millisecond apart, packets are waited for that the kernel is about to take.
const TRIES: usize = 100;

/// Returns the state of a file, when the kernel has taken what was written to it.
fn settled(tun: &TunFile) -> Result<State> {
    let mut state = tun.state()?;
    for _ in 0..TRIES {
        if !state.busy {
            break;
        }
        wait::go_on()?;
        wait::pause_ms(1);
        state = tun.state()?;
    }
    Ok(state)
}

/// Returns room for a packet.
fn room() -> Result<KVVec<u8>> {
    Ok(KVVec::from_elem(0u8, TUN_PACKET_MAX, GFP_KERNEL_ACCOUNT)?)
}

/// Returns whether all packets that wait can be made again.
fn are_plain(tun: &TunFile) -> Result<bool> {
    let mut buf = room()?;
    let mut n = 0;
    loop {
        wait::go_on()?;
        match tun.packet(n, &mut buf) {
            Ok(None) => return Ok(true),
            Ok(Some(_)) => n += 1,
            Err(EOPNOTSUPP | E2BIG) => return Ok(false),
            Err(e) => return Err(e),
        }
    }
}

/// Decides whether it can be saved, and notes whose queue it is. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, open: &mut Open) -> Result<bool> {
    let tun = TunFile::of(&open.file).ok_or(EIO)?;
    let state = settled(&tun)?;
    // Also of one that is refused: it is no task outside that has it open.
    if state.dev_net != 0 {
        ns::net::note_queue(cap, state.queue)?;
    }
    if !path::collect(cap, t, named, open)? {
        return Ok(false);
    }
    let net = t.namespaces()?.net;
    // It comes back in that of the task that opens it: its first user.
    let why = if state.net != net.addr() {
        Some("was opened in another network namespace than the task is in: have it closed")
    } else if state.dev_net == 0 {
        None
    } else if state.dev_net != state.net {
        Some("its device was moved to another network namespace: move that back, or close it")
    } else if !ns::net::is_saved(cap, &net) {
        Some(
            "its device is in a network namespace that stays outside: have the tasks in one of their \
             own, or close it",
        )
    } else {
        None
    };
    let why = match why {
        None if state.busy => {
            Some("has packets that were written, and that the device has not taken: wait a moment")
        }
        None if tun.sk().is_some_and(|sk| sk.basics().program) => {
            Some("a program of BPF is attached to it: have it detached")
        }
        None if !are_plain(&tun)? => Some(
            "has packets to be read that can't be made again (of XDP, of a tunnel and not yet cut to \
             segments, or cut off by a filter): have them read",
        ),
        why => why,
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    Ok(true)
}

/// Writes what it is, with its filter, and the packets that wait to be read.
fn save(cap: &mut Capture, open: &Open) -> Result<Saved> {
    let tun = TunFile::of(&open.file).ok_or(EIO)?;
    let state = tun.state()?;
    // Others can delete or move a device, and attach to it, if they are in its namespace.
    if !ns::net::is_in_place(cap, &state) {
        cap.report.line(fmt!(
            "error: a tun or tap device was deleted, moved or given queues meanwhile: try again"
        ));
        return Err(EAGAIN);
    }
    let mut steps: KVVec<FilterStep> = KVVec::new();
    for (code, jt, jf, k) in tun.sk().ok_or(EIO)?.filter()? {
        let (code, k) = (code.into(), k.into());
        steps.push(FilterStep { code, jt, jf, k }, GFP_KERNEL_ACCOUNT)?;
    }
    let net = match state.dev_net {
        0 => None,
        addr => Some(ns::net::reference_at(cap, addr).ok_or(ENOENT)?),
    };
    let obj = cap.objects.number()?;
    let record = TunQueue {
        obj: obj.get().into(),
        net: ref_number(net).into(),
        device: state.device.into(),
        number: state.number.into(),
        ifindex: state.ifindex.into(),
        sndbuf: state.sndbuf.into(),
        flags: if net.is_none() && state.shut {
            TUN_QUEUE_SHUT
        } else {
            0
        }
        .into(),
        filter: u32::try_from(steps.len())?.into(),
    };
    cap.meta.put(&record, steps.as_bytes())?;
    save_packets(cap, obj, &tun)?;
    Ok(Saved {
        inode: obj.get(),
        // It is not looked at, and can't be set.
        pos: 0,
        ..Saved::of(&open.file)
    })
}

/// Writes the packets that wait to be read.
fn save_packets(cap: &mut Capture, queue: ObjRef, tun: &TunFile) -> Result {
    let mut buf = room()?;
    let mut n = 0;
    loop {
        wait::go_on()?;
        // One that has come since it was collected may be another.
        let found = tun.packet(n, &mut buf).inspect_err(|_| {
            cap.report.line(fmt!(
                "error: a packet that has come to a tun or tap device can't be saved: try again"
            ));
        })?;
        let Some((mut record, len)) = found else {
            return Ok(());
        };
        record.queue = queue.get().into();
        cap.meta.put(&record, buf.get(..len).ok_or(EIO)?)?;
        n += 1;
    }
}

/// Opens the device that is at the path, and makes of what was opened the queue that it was.
fn restore(r: &Restore, plan: &TaskRecords<'_>, source: &Source) -> Result<FileRef> {
    let obj = ObjRef::new(source.record.inode.get()).ok_or(EINVAL)?;
    let (record, raw) = r.object_body::<TunQueue>(obj)?;
    let steps: &[FilterStep] = raw.array(FILTER_MAX).map_err(|f| r.fault(f))?;
    let opener = opener::of_file(r, plan, source.record.cred.get())?;
    let name = Text(source.path.as_bytes());
    let found = path::find(r, plan, source, &opener)?;
    // Before it is opened: to open another one may do something already.
    if found.device() != DEVICE {
        return Err(r.fail(
            ESTALE,
            plan,
            fmt!(
                "{}: is not the device of network tunnels, as when it was saved: bring that back",
                name
            ),
        ));
    }
    let made = made(r, plan, &record)?;
    let file = path::open_found(r, plan, source, &opener, &found, source.flags)?;
    let tun = TunFile::of(&file).ok_or_else(|| {
        r.fail(
            EOPNOTSUPP,
            plan,
            fmt!(
                "{}: the kernel has no such devices built in (CONFIG_TUN=y)",
                name
            ),
        )
    })?;
    let done = opener
        .act(|| tun.become_of(made.as_ref(), &record))
        .and_then(|()| filter(&tun, steps))
        .and_then(|()| put_packets(r, obj, &tun))
        .and_then(|()| tun.start());
    done.map_err(|e| {
        let why = match e {
            EACCES | EPERM => "a security module does not let who had opened it do that",
            ENOSPC => "there is no room for the packets that were to be read",
            EINVAL => "two are the same queue, or a filter, or a packet, is none",
            ENOMEM => "no memory, or a filter is too long (net.core.optmem_max)",
            _ => "the kernel does not take it",
        };
        r.fail(
            e,
            plan,
            fmt!("{}: can't become the queue that it was: {}", name, why),
        )
    })?;
    Ok(file)
}

/// Returns what the file becomes: a queue that was made with its device; `None`: it is attached to
/// none.
fn made(r: &Restore, plan: &TaskRecords<'_>, record: &TunQueue) -> Result<Option<TunFile>> {
    let Some(net) = ObjRef::new(record.net.get()) else {
        return Ok(None);
    };
    // Made by now, unless no task is in it.
    ns::net::rebuilt(r, plan, net)?;
    let queue = ns::net::tun_queue(r, net, record.device.get(), record.number.get());
    queue.map(Some).ok_or_else(|| {
        r.fail(
            EINVAL,
            plan,
            fmt!(
                "a queue of a tun or tap device that is not there: what is in its network namespace is that \
                 of the caller (restart it without --netns, RESTART_CALLER_NET)"
            ),
        )
    })
}

/// Attaches a filter, if there is one.
fn filter(tun: &TunFile, saved: &[FilterStep]) -> Result {
    if saved.is_empty() {
        return Ok(());
    }
    let mut steps = KVVec::new();
    for step in saved {
        let step = (step.code.get(), step.jt, step.jf, step.k.get());
        steps.push(step, GFP_KERNEL_ACCOUNT)?;
    }
    let sk: SockRef = tun.sk().ok_or(EINVAL)?;
    sk.attach_filter(&steps, false)
}

/// Puts the packets that follow the record `queue` into the queue.
fn put_packets(r: &Restore, queue: ObjRef, tun: &TunFile) -> Result {
    for raw in r.records_after(queue)? {
        wait::go_on()?;
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::TunPacket {
            break;
        }
        let packet: TunPacket = raw.body().map_err(|f| r.fault(f))?;
        tun.put(&packet, raw.payload)?;
    }
    Ok(())
}
