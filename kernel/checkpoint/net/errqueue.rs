// SPDX-License-Identifier: GPL-2.0

//! What is in the error queues of sockets: errors (IP_RECVERR), time stamps of what was sent, and
//! notifications of MSG_ZEROCOPY.
//!
//! Of headers the image has only what recvmsg(2) tells, as of datagrams. What a packet is to be told of
//! that is still on its way is lost with that; it may be lost on any way.

use kernel::prelude::*;

use crate::{
    core::{
        report::Errno,
        restore::Restore, //
    },
    files::Named,
    found::{
        Capture,
        LinkOps, //
    },
    image::{
        net::{
            errqueue::{
                SocketError,
                ERROR_DATA_MAX,
                ERROR_LOCAL,
                ERROR_OPT_STATS,
                ERROR_STATS_MAX,
                ERROR_TRANSPORT_MAX,
                ERROR_TXTIME,
                ERROR_V6, //
            },
            inet::ERROR_MAX,
            Socket,
            PROTOCOL_TCP,
            SOCKET_STREAM, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        net::{
            errqueue::SockError,
            socket::SockRef,
            unix::Queued, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        family_of,
        packet,
        socket, //
    }, //
};

/// The error queues.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "error queues of sockets",
    save: save_links,
    link,
};

/// Returns whether `sk` is a TCP socket.
fn is_tcp(sk: &SockRef) -> bool {
    let [_, kind, protocol] = socket::numbers(sk).map(i32::cast_unsigned);
    kind == SOCKET_STREAM && protocol == PROTOCOL_TCP
}

/// Returns why it is not known what a TCP socket is to be told of what it has sent with MSG_ZEROCOPY.
fn not_known(e: Error) -> Option<&'static str> {
    Some(match e {
        EBUSY => "has sent with MSG_ZEROCOPY what was not taken yet: try again",
        EOPNOTSUPP => {
            "has sent with MSG_ZEROCOPY, and has keys, options of IP, flow labels or what programs of \
             BPF keep: whether all was told is not known: have it closed"
        }
        _ => return None,
    })
}

/// Puts those of `due` together whose numbers follow each other, as the kernel does when it tells of them:
/// one for each call might not fit into the queue that has all of them at once.
fn joined(due: &[[u32; 2]]) -> Result<KVVec<[u32; 2]>> {
    let mut all: KVVec<[u32; 2]> = KVVec::new();
    for &[first, last] in due {
        match all.last_mut() {
            Some([_, end]) if end.wrapping_add(1) == first => *end = last,
            _ => all.push([first, last], GFP_KERNEL_ACCOUNT)?,
        }
    }
    Ok(all)
}

/// Returns what is queued, or why it can't be saved.
fn error(sk: &SockRef, queued: &Queued) -> Result<Result<SockError, &'static str>> {
    Ok(match sk.error(queued) {
        Err(EOPNOTSUPP) => Err(
            "its error queue has headers that it is to be told of, a time that only a device knows, or \
             what became of a frame (SO_WIFI_STATUS): have it read (MSG_ERRQUEUE)",
        ),
        Ok(e) if e.len as usize > ERROR_DATA_MAX => {
            Err("a message in its error queue is too long: have it read (MSG_ERRQUEUE)")
        }
        Ok(e)
            if !(0..=ERROR_MAX.cast_signed()).contains(&e.err)
                || !(ERROR_LOCAL..=ERROR_TXTIME).contains(&e.origin.into())
                || e.transport > ERROR_TRANSPORT_MAX
                || e.opt_stats && e.len as usize > ERROR_STATS_MAX =>
        {
            Err("an unknown message is in its error queue: have it read (MSG_ERRQUEUE)")
        }
        e => Ok(e?),
    })
}

/// Looks at the error queue of `sk`. False: refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result<bool> {
    let queue = sk.errors()?;
    for queued in &queue {
        wait::go_on()?;
        if let Err(why) = error(sk, queued)? {
            cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
            return Ok(false);
        }
    }
    if is_tcp(sk) {
        if let Err(e) = sk.zerocopy_due() {
            let why = not_known(e).ok_or(e)?;
            cap.refuse(e, t, fmt!("{}: {}", named, why));
            return Ok(false);
        }
    }
    // What it has sent without a copy may not be told yet though nothing is on its way any more.
    let awaits = sk.inet().is_ok_and(|inet| inet.zerocopy_key != 0);
    if awaits || !queue.is_empty() {
        cap.found.net.told.push(sk.clone(), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(true)
}

/// Writes what is in all error queues.
///
/// What has come in since they were looked at comes after the checkpoint if it can't be saved.
fn save_links(cap: &mut Capture) -> Result {
    let sockets = core::mem::replace(&mut cap.found.net.told, KVVec::new());
    for sk in sockets {
        let family = family_of(socket::numbers(&sk)).ok_or(EINVAL)?;
        let obj = (family.object)(cap, sk.addr())?;
        // What is acknowledged meanwhile is told of in the queue: so that is read after these.
        let mut due = match is_tcp(&sk) {
            true => sk.zerocopy_due().inspect_err(|&e| {
                if let Some(why) = not_known(e) {
                    cap.report
                        .line(fmt!("error: a TCP socket: {} [{}]", why, Errno(e)));
                }
            })?,
            false => KVVec::new(),
        };
        for queued in sk.errors()? {
            wait::go_on()?;
            let Ok(error) = error(&sk, &queued)? else {
                break;
            };
            due.retain(|&mut [_, last]| !error.tells_of(last));
            let mut data: KVVec<u8> = KVVec::new();
            queued.read(0, error.len, &mut data)?;
            save(cap, obj, &error, &data)?;
        }
        for calls in joined(&due)? {
            wait::go_on()?;
            save(cap, obj, &SockError::copied(calls), &[])?;
        }
    }
    Ok(())
}

/// Writes one of them.
fn save(cap: &mut Capture, obj: ObjRef, error: &SockError, data: &[u8]) -> Result {
    let mut flags = 0;
    if error.v6 {
        flags |= ERROR_V6;
    }
    if error.opt_stats {
        flags |= ERROR_OPT_STATS;
    }
    let record = SocketError {
        socket: obj.get().into(),
        error: error.err.cast_unsigned().into(),
        origin: u32::from(error.origin).into(),
        kind: u32::from(error.kind).into(),
        code: u32::from(error.code).into(),
        info: error.info.into(),
        data: error.data.into(),
        flags: flags.into(),
        port: u32::from(error.port).into(),
        device: u32::try_from(error.device).unwrap_or(0).into(),
        flow: error.flow.into(),
        about_flow: error.about_flow.into(),
        ttl: error.ttl.into(),
        frag_size: error.frag_size.into(),
        transport: error.transport.into(),
        spec_dst: error.spec_dst,
        from: error.from,
        to: error.to,
        about: error.about,
        time: u64::try_from(error.time).unwrap_or(0).into(),
        device_time: u64::try_from(error.device_time).unwrap_or(0).into(),
        reserved: 0.into(),
    };
    cap.meta.put(&record, data)
}

/// Puts something into the error queue that it was in.
fn put(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: SocketError = raw.body().map_err(|f| r.fault(f))?;
    let obj = ObjRef::new(record.socket.get()).ok_or(EINVAL)?;
    let (of, _) = r.object_body::<Socket>(obj)?;
    let number = |n: u32| i32::try_from(n);
    let numbers = [
        number(of.family.get())?,
        number(of.kind.get())?,
        number(of.protocol.get())?,
    ];
    let sk = family_of(numbers)
        .and_then(|family| (family.sk)(r, obj))
        .ok_or_else(|| r.told(EINVAL, fmt!("no task has a socket that the image tells of")))?;
    let error = SockError {
        from: record.from,
        to: record.to,
        about: record.about,
        spec_dst: record.spec_dst,
        port: u16::try_from(record.port.get())?,
        origin: u8::try_from(record.origin.get())?,
        kind: u8::try_from(record.kind.get())?,
        code: u8::try_from(record.code.get())?,
        err: i32::try_from(record.error.get())?,
        info: record.info.get(),
        data: record.data.get(),
        device: i32::try_from(record.device.get())?,
        flow: record.flow.get(),
        about_flow: record.about_flow.get(),
        ttl: record.ttl.get(),
        frag_size: record.frag_size.get(),
        transport: record.transport.get(),
        time: i64::try_from(record.time.get())?,
        device_time: i64::try_from(record.device_time.get())?,
        len: 0,
        v6: record.flags.get() & ERROR_V6 != 0,
        opt_stats: record.flags.get() & ERROR_OPT_STATS != 0,
    };
    let put = || sk.put_error(&error, raw.payload);
    let done = match packet::memcg(r, obj) {
        Some(memcg) => memcg.charge(put),
        None => socket::made(r, obj.get())?.memcg.charge(put),
    };
    done.map_err(|e| {
        let why = match e {
            ENOMEM => "there is no memory, or no room",
            _ => "it can't have been there",
        };
        r.told(
            e,
            fmt!(
                "a message can't get into the error queue of its socket: {}",
                why
            ),
        )
    })
}

/// Fills all error queues: all files are there.
fn link(r: &Restore) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::SocketError {
            wait::go_on()?;
            put(r, &raw).map_err(|e| r.unless_told(e, "a socket can't get its error queue"))?;
        }
    }
    Ok(())
}
