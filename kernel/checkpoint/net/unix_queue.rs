// SPDX-License-Identifier: GPL-2.0

//! What is in the queues of Unix sockets.

use kernel::prelude::*;
use zerocopy::{
    byteorder::little_endian::U32,
    IntoBytes, //
};

use crate::{
    core::restore::Restore,
    files::{
        self,
        Named, //
    },
    found::Capture,
    image::{
        net::unix::{
            split,
            UnixMessage,
            MESSAGE_IDS,
            MESSAGE_MAX,
            MESSAGE_OOB, //
        },
        record::ref_number,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        net::{
            socket::SockRef,
            unix::{
                New,
                Queued, //
            }, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        unix,
        unix_build::BuiltSock,
        unix_reconnect::Given, //
    }, //
};

/// Looks at a message in the queue of `sk`.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
    queued: &Queued,
) -> Result {
    let message = match sk.message(queued) {
        Err(EBUSY) => {
            cap.refuse(
                EBUSY,
                t,
                fmt!(
                    "{}: somebody outside receives from it, and does not end",
                    named
                ),
            );
            return Ok(());
        }
        Err(EOPNOTSUPP) => {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: a message in it has another security label than its sender: have it read",
                    named
                ),
            );
            return Ok(());
        }
        message => message?,
    };
    let why = if message.len as usize > MESSAGE_MAX {
        Some("a message in it is too long: have it read")
    } else if message.pid.is_some() && message.ids.is_none() {
        Some("who has sent a message in it is not known in this user namespace: call from outside")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(());
    }
    unix::collect_sender(cap, t, named, sk, &message)?;
    if let Some(pid) = message.pid {
        files::collect_pid(cap, t, named, "has a message of", pid)?;
    }
    let who = t.display(&cap.pid_ns).tid;
    for file in &message.files {
        cap.found
            .net
            .in_flight
            .push((who, file.addr()), GFP_KERNEL_ACCOUNT)?;
        files::collect_in_flight(cap, t, file)?;
    }
    Ok(())
}

/// Writes who has sent what is in the queue of `sk`.
pub(super) fn save_senders(cap: &mut Capture, sk: &SockRef, queue: &[Queued]) -> Result {
    for queued in queue {
        wait::go_on()?;
        if let Some(pid) = sk.message(queued)?.pid {
            files::save_pid(cap, &pid)?;
        }
    }
    Ok(())
}

/// Writes what is in the queue of `sk`.
pub(super) fn save(cap: &mut Capture, sk: &SockRef, queue: &[Queued]) -> Result {
    let to = unix::object(cap, sk.addr())?;
    for queued in queue {
        wait::go_on()?;
        let message = sk.message(queued)?;
        let from = unix::object(cap, message.sender)?;
        let mut payload: KVVec<u8> = KVVec::new();
        for file in &message.files {
            let obj: U32 = files::save_in_flight(cap, file.addr())?.get().into();
            payload.extend_from_slice(obj.as_bytes(), GFP_KERNEL_ACCOUNT)?;
        }
        queued.read(message.consumed, message.len, &mut payload)?;
        let pid = match &message.pid {
            Some(pid) => Some(files::save_pid(cap, pid)?),
            None => None,
        };
        let ids = message.ids.filter(|_| pid.is_some());
        let mut flags = 0;
        if message.oob {
            flags |= MESSAGE_OOB;
        }
        if ids.is_some() {
            flags |= MESSAGE_IDS;
        }
        let [uid, gid] = ids.unwrap_or([0, 0]);
        let record = UnixMessage {
            to: to.get().into(),
            from: from.get().into(),
            flags: flags.into(),
            pid: ref_number(pid).into(),
            uid: uid.into(),
            gid: gid.into(),
            files: u32::try_from(message.files.len())?.into(),
            reserved: 0.into(),
            time: u64::try_from(message.time).unwrap_or(0).into(),
        };
        cap.meta.put(&record, &payload)?;
    }
    Ok(())
}

/// Puts a message into the queue that it was in, unless that is one of `given`: what the caller has
/// given in place of a socket has its own.
pub(super) fn send(r: &Restore, raw: &Raw<'_>, given: &Given) -> Result {
    let fault = |why| r.fault(raw.fault(why));
    let record: UnixMessage = raw.body().map_err(|f| r.fault(f))?;
    if given.has(record.to.get()) {
        return Ok(());
    }
    if given.has(record.from.get()) {
        return Err(r.told(
            EOPNOTSUPP,
            fmt!(
                "a message in the queue of a socket was sent by one in whose place another is given: \
                 let that connect again, or cut it off (--disconnect)"
            ),
        ));
    }
    let built = |obj: U32| {
        ObjRef::new(obj.get())
            .and_then(|obj| r.built::<BuiltSock>(obj))
            .ok_or_else(|| fault("no task has the socket"))
    };
    let (to, from) = (built(record.to)?, built(record.from)?);
    let (refs, data) =
        split(raw.payload, record.files.get()).ok_or_else(|| fault("files are missing"))?;
    let mut files: KVec<FileRef> = KVec::new();
    for obj in refs {
        let file = ObjRef::new(obj.get())
            .and_then(|obj| files::built(r, obj))
            .ok_or_else(|| fault("no task has a file that was in flight"))?;
        // sendmsg(2) takes none: who has given it in place of another may not either.
        if file.is_io_uring() {
            return Err(r.told(EINVAL, fmt!("an io_uring can't be in a message")));
        }
        files.push(file, GFP_KERNEL_ACCOUNT)?;
    }
    let pid = match ObjRef::new(record.pid.get()) {
        Some(obj) => Some(files::restore_pid(r, obj)?),
        None => None,
    };
    let has = |flag| record.flags.get() & flag != 0;
    let new = New {
        from: &from.sk,
        pid: pid.as_ref(),
        ids: has(MESSAGE_IDS).then_some([record.uid.get(), record.gid.get()]),
        time: i64::try_from(record.time.get())?,
        oob: has(MESSAGE_OOB),
        files: &files,
        data,
    };
    to.memcg.charge(|| to.sk.send_unix(&new)).map_err(|e| {
        let why = match e {
            EPERM => "the caller may not send the ids of who has sent it (CAP_SETUID, CAP_SETGID)",
            ENOBUFS => {
                "its sender has sent more than fits into its buffer: net.core.wmem_max is larger \
                 where it was saved"
            }
            ETOOMANYREFS => "too many files are in flight (RLIMIT_NOFILE)",
            ENOMEM => "there is no memory",
            _ => "the kernel does not take it",
        };
        r.told(e, fmt!("a message of a socket can't be sent: {}", why))
    })
}
