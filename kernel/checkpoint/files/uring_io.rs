// SPDX-License-Identifier: GPL-2.0

//! Requests of io_urings that wait to do something with a file: to accept, connect, receive, send, read or
//! write.
//!
//! They have met a file that was not ready, and have taken nothing yet but what `done` tells. A frozen
//! task issues none of them (`io_uring/tw.c`), so they are where they are until it is thawed. They are
//! made anew from what their preparation has left, not from memory of the program, which may use that
//! for something else by now; the task that has submitted them tries them when it runs.

use kernel::{
    num::casts::u32_as_usize,
    prelude::*, //
};
use zerocopy::IntoBytes;

use super::{
    ask,
    requests::{
        self,
        chain_flags,
        chain_of,
        drained_flags,
        drained_of,
        Places, //
    }, //
};
use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::{
        name::Named,
        open, //
    },
    found::Capture,
    image::{
        files::uring::{
            io_parts,
            request,
            UringIo,
            UringVec, //
        },
        record::{
            ref_number,
            Raw, //
        },
        ObjRef, //
    },
    kapi::{
        fs::{
            file::FileRef,
            uring::Uring,
            uring_io::{
                Io,
                Op, //
            }, //
        },
        task::{
            frozen::FrozenTask,
            links::PidRef, //
        },
        time::wait, //
    }, //
};

/// Reads those of `ring`. EBUSY: it has other requests as well, or some end at the moment.
fn waiting(ring: &FileRef) -> Result<KVVec<(PidRef, Io)>> {
    ask(|| match Uring::of(ring)? {
        (uring, None) => uring.ios(ring),
        _ => Err(EBUSY),
    })
}

/// Notes those of an io_uring that `t` is the first to have, and in `submitters` who has submitted
/// them; returns how many there are. `None`: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    ring: &FileRef,
    places: &Places,
    submitters: &mut KVVec<u32>,
) -> Result<Option<usize>> {
    let Some(all) = requests::listed(cap, t, named, waiting(ring))? else {
        return Ok(None);
    };
    for (pid, io) in &all {
        wait::go_on()?;
        requests::count(cap, pid, submitters)?;
        let file = (&io.file, io.node);
        if !requests::collect_file(cap, t, named, file, io.op.user_data, places)? {
            return Ok(None);
        }
    }
    submitters.sort_unstable();
    Ok(Some(all.len()))
}

/// Writes the files that those of `ring` wait for.
pub(super) fn save_files(cap: &mut Capture, ring: &FileRef) -> Result {
    for (_, io) in &waiting(ring)? {
        wait::go_on()?;
        open::save(cap, io.file.addr())?;
    }
    Ok(())
}

/// Writes them; the files that they wait for were written.
pub(super) fn put(cap: &mut Capture, all: &[(PidRef, Io)], places: &Places) -> Result {
    for (pid, io) in all {
        wait::go_on()?;
        let index = match io.node {
            0 => None,
            node => Some(places.find(node).ok_or(EBUSY)?),
        };
        let op = &io.op;
        let fixed = if index.is_some() { request::FIXED } else { 0 };
        let record = UringIo {
            task: pid.number_in(&cap.pid_ns).into(),
            file: ref_number(Some(open::save(cap, io.file.addr())?)).into(),
            index: index.unwrap_or(0).into(),
            ..to_record(op, fixed)?
        };
        cap.meta.put(&record, &memory_of(op)?)?;
    }
    Ok(())
}

/// Returns the record of what there is to do, with these flags besides its own; task and file are still to
/// come.
pub(super) fn to_record(op: &Op, flags: u32) -> Result<UringIo> {
    let bit = |on: bool, flag: u32| if on { flag } else { 0 };
    let flags = flags
        | bit(op.asynchronous, request::ASYNC)
        | bit(op.skip, request::SKIP)
        | bit(op.group.is_some(), request::SELECT)
        | chain_flags(op.chain)
        | drained_flags(op.drained);
    Ok(UringIo {
        user_data: op.user_data.into(),
        addr: op.addr.into(),
        addr2: op.addr2.into(),
        control: op.control.into(),
        control_len: op.control_len.into(),
        pos: op.pos.cast_unsigned().into(),
        task: 0.into(),
        op: u32::from(op.code).into(),
        flags: flags.into(),
        file: 0.into(),
        index: 0.into(),
        len: op.len.into(),
        op_flags: op.op_flags.into(),
        io_flags: op.io_flags.into(),
        slot: op.slot.into(),
        done: op.done.into(),
        nofile: op.nofile.into(),
        vecs: u32::try_from(op.vecs.len())?.into(),
        name: u32::try_from(op.name.len())?.into(),
        group: op.group.unwrap_or(0).into(),
        limit: op.limit.into(),
        total: op.total.into(),
    })
}

/// Returns what there is to do, of the record `from` with its payload in `raw`.
pub(super) fn from_record(from: &UringIo, raw: &Raw<'_>) -> Result<Op> {
    let (pieces, rest) = io_parts(raw, from.vecs.get()).ok_or(EINVAL)?;
    let peer = rest.get(..u32_as_usize(from.name.get())).ok_or(EINVAL)?;
    let (mut name, mut vecs) = (KVVec::new(), KVVec::new());
    name.extend_from_slice(peer, GFP_KERNEL_ACCOUNT)?;
    for piece in pieces {
        vecs.push([piece.addr.get(), piece.len.get()], GFP_KERNEL_ACCOUNT)?;
    }
    let has = |flag| from.flags.get() & flag != 0;
    Ok(Op {
        code: u8::try_from(from.op.get())?,
        user_data: from.user_data.get(),
        asynchronous: has(request::ASYNC),
        skip: has(request::SKIP),
        chain: chain_of(from.flags.get()),
        drained: drained_of(from.flags.get()),
        addr: from.addr.get(),
        addr2: from.addr2.get(),
        control: from.control.get(),
        control_len: from.control_len.get(),
        pos: from.pos.get().cast_signed(),
        len: from.len.get(),
        op_flags: from.op_flags.get(),
        io_flags: from.io_flags.get(),
        slot: from.slot.get(),
        done: from.done.get(),
        nofile: from.nofile.get(),
        group: has(request::SELECT).then_some(from.group.get()),
        limit: from.limit.get(),
        total: from.total.get(),
        name,
        vecs,
    })
}

/// Returns the payload of a request: its memory, and the address of a peer.
pub(super) fn memory_of(op: &Op) -> Result<KVVec<u8>> {
    let mut payload: KVVec<u8> = KVVec::new();
    for &[addr, len] in &op.vecs {
        let vec = UringVec {
            addr: addr.into(),
            len: len.into(),
        };
        payload.extend_from_slice(vec.as_bytes(), GFP_KERNEL_ACCOUNT)?;
    }
    payload.extend_from_slice(&op.name, GFP_KERNEL_ACCOUNT)?;
    Ok(payload)
}

/// Reads one with the number of who has submitted it; opens the file that it waits for.
pub(super) fn read(
    r: &Restore,
    plan: &TaskRecords<'_>,
    raw: &Raw<'_>,
    to: &mut KVVec<(u32, Io)>,
) -> Result {
    wait::go_on()?;
    let from: UringIo = raw.body().map_err(|f| r.fault(f))?;
    let obj = ObjRef::new(from.file.get()).ok_or(EINVAL)?;
    let fixed = from.flags.get() & request::FIXED != 0;
    let io = Io {
        op: from_record(&from, raw)?,
        id: 0,
        file: open::restore(r, plan, obj)?,
        node: 0,
        index: fixed.then_some(from.index.get()),
        links: KVVec::new(),
    };
    Ok(to.push((from.task.get(), io), GFP_KERNEL_ACCOUNT)?)
}

/// Lets the requests `all` wait, of `ring`.
pub(super) fn resume(r: &Restore, ring: &FileRef, all: &[(u32, Io)]) -> Result {
    // The one that was submitted last is found first by its name.
    for (task, io) in all.iter().rev() {
        wait::go_on()?;
        r.pid(*task)
            .and_then(|task| Uring::add_io(ring, &task, io))
            .map_err(|e| match e {
                EINTR => e,
                _ => r.told(
                    e,
                    fmt!(
                        "an io_uring: the request with user_data {:#x} can't be made: {}",
                        io.op.user_data,
                        why_not(e)
                    ),
                ),
            })?;
    }
    Ok(())
}

/// Returns why a request that is to do something can't be made, for messages.
pub(super) fn why_not(e: Error) -> &'static str {
    match e {
        ENOMEM => "no memory",
        EACCES => "the caller, or the io_uring, is restricted to others",
        EPERM => "the caller may not give that I/O priority",
        EBADF => {
            "it is for a file that is not registered there, for an io_uring, or for what was opened with \
             O_PATH"
        }
        EBUSY => "it waits for what was submitted before it, and there is nothing",
        EFAULT => "its memory is none that a program can have",
        EINVAL => "there is no such request",
        _ => "the kernel does not take it",
    }
}
