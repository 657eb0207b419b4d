// SPDX-License-Identifier: GPL-2.0

//! Netlink sockets, of protocols of which the kernel keeps nothing else for each socket.
//!
//! What is in the queue comes back first, while nobody knows the port. A socket is bound, connected and
//! put into its groups when all else is done. What has happened since the checkpoint it has not heard
//! of: it is told so, as if its buffer had been too small.

use kernel::{
    prelude::*,
    sync::SetOnce, //
};
use zerocopy::{
    byteorder::little_endian::U32,
    IntoBytes, //
};

use crate::{
    core::{
        built::Rebuilt,
        restore::Restore, //
    },
    files::Named,
    found::{
        Capture,
        LinkOps, //
    },
    image::{
        net::netlink::{
            GenericFamily,
            NetlinkMessage,
            NetlinkSocket,
            ERROR_MISSED,
            FAMILY_NETLINK,
            GROUPS_MAX,
            MESSAGE_MAX,
            NETLINK_MESSAGE_NSID,
            PROTOCOLS, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        mm::memcg::Memcg,
        net::{
            netlink::{
                self,
                Netlink, //
            },
            socket::SockRef,
            unix::Queued, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        generic,
        socket,
        Family, //
    }, //
};

/// What netlink sockets are to others, and what is in their queues.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "netlink sockets",
    save: save_links,
    link,
};

/// Netlink sockets.
pub(super) const FAMILY: Family = Family {
    is,
    options: &[],
    collect,
    object: socket::plain_object,
    sk: |r, obj| r.built::<BuiltNetlink>(obj).map(|built| built.sk.clone()),
    note,
};

fn is([family, _, protocol]: [i32; 3]) -> bool {
    family == FAMILY_NETLINK.cast_signed() && PROTOCOLS.contains(&protocol.cast_unsigned())
}

/// A rebuilt netlink socket.
struct BuiltNetlink {
    sk: SockRef,
    /// What is in its queue is charged to it.
    memcg: Memcg,
    /// With whose rights it is bound, and joins groups.
    opener: CredRef,
    /// How others find it, and its groups.
    place: SetOnce<(Netlink, KVVec<u32>)>,
    /// Events that it had not received are dropped.
    dropped: SetOnce<()>,
}

impl Rebuilt for BuiltNetlink {
    fn stays(&self) -> bool {
        self.place.as_ref().is_some()
    }

    /// Lets others find it. That it is closed takes it back.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        let Some((state, groups)) = self.place.as_ref() else {
            return Ok(());
        };
        self.opener
            .act(|| self.sk.open_netlink(state, groups))
            .map_err(|e| {
                let why = match e {
                    EADDRINUSE => {
                        "another socket has its port: end what has that, or restart in another \
                         network namespace"
                    }
                    EPERM | EACCES => {
                        "who has made it may not join its groups or send there (CAP_NET_ADMIN; \
                         CAP_NET_BROADCAST for NETLINK_LISTEN_ALL_NSID)"
                    }
                    EINVAL | ENOENT => "this kernel has not all of its groups",
                    _ => "the kernel does not take it",
                };
                r.told(
                    e,
                    fmt!("a netlink socket can't get port {}: {}", state.port, why),
                )
            })
    }
}

/// Notes a new socket, which the current task has just made.
fn note(r: &Restore, obj: ObjRef, made: socket::Made) -> Result {
    let built = BuiltNetlink {
        sk: made.sk,
        memcg: made.memcg,
        opener: made.opener,
        place: SetOnce::new(),
        dropped: SetOnce::new(),
    };
    r.set_built(obj, built)
}

/// Returns why a message in a queue can't be saved, or what it is.
fn message(queued: &Queued) -> Result<netlink::NetlinkMessage, &'static str> {
    let message = queued
        .netlink()
        .map_err(|_| "a message in it has another form for 32-bit programs: have it read")?;
    if message.len as usize > MESSAGE_MAX || message.len == 0 {
        Err("a message in it is too long: have it read")
    } else if message.port != 0 && message.ids.is_none() {
        Err("who has sent a message in it is not known in this user namespace: call from outside")
    } else {
        Ok(message)
    }
}

/// Looks at a socket that a task has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, file: &FileRef) -> Result<bool> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let state = sk.netlink()?;
    let mut found = None;
    if state.err != 0 && state.err.cast_unsigned() != ERROR_MISSED {
        found = Some("has an error to tell that can't be saved: have it read (SO_ERROR)");
    } else if sk.netlink_groups()?.len() > GROUPS_MAX {
        found = Some("is in too many groups");
    }
    for queued in &sk.netlink_queue()? {
        wait::go_on()?;
        found = found.or(message(queued).err());
    }
    let why = found;
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if sk.is_generic() && !generic::collect(cap, t, named, &sk)? {
        return Ok(false);
    }
    socket::collect_plain(cap, t, named, &sk)?;
    Ok(true)
}

/// Writes what all netlink sockets are to others, and what is in their queues.
fn save_links(cap: &mut Capture) -> Result {
    for (obj, plain) in socket::all_plain(cap)? {
        wait::go_on()?;
        if is(socket::numbers(&plain.sk)) {
            save(cap, obj, &plain.sk)?;
        }
    }
    Ok(())
}

/// Writes one of them.
fn save(cap: &mut Capture, obj: ObjRef, sk: &SockRef) -> Result {
    let state = sk.netlink()?;
    let mut groups: KVVec<U32> = KVVec::new();
    for group in sk.netlink_groups()? {
        groups.push(group.into(), GFP_KERNEL_ACCOUNT)?;
    }
    let [to, to_group] = state.to.unwrap_or([0, 0]);
    let record = NetlinkSocket {
        socket: obj.get().into(),
        flags: state.flags.into(),
        port: state.port.into(),
        to: to.into(),
        to_group: to_group.into(),
        connected: u32::from(state.to.is_some()).into(),
        // One of the kernel's that came later is as good as that: an event was missed.
        error: if state.err != 0 { ERROR_MISSED } else { 0 }.into(),
        dump: u32::from(state.dump.is_some()).into(),
        dump_seq: state.dump.unwrap_or(0).into(),
        groups: u32::try_from(groups.len())?.into(),
    };
    cap.meta.put(&record, groups.as_bytes())?;
    if sk.is_generic() {
        generic::save(cap, obj, sk)?;
    }
    for queued in &sk.netlink_queue()? {
        wait::go_on()?;
        // All that were there when it was looked at can be saved. What comes after one that can't has
        // come since.
        let Ok(message) = message(queued) else {
            break;
        };
        let mut data: KVVec<u8> = KVVec::new();
        queued.read(0, message.len, &mut data)?;
        let [uid, gid] = message.ids.filter(|_| message.port != 0).unwrap_or([0, 0]);
        let record = NetlinkMessage {
            socket: obj.get().into(),
            port: message.port.into(),
            group: message.group.into(),
            pid: if message.port != 0 { message.pid } else { 0 }.into(),
            uid: uid.into(),
            gid: gid.into(),
            flags: if message.nsid.is_some() {
                NETLINK_MESSAGE_NSID
            } else {
                0
            }
            .into(),
            nsid: message.nsid.unwrap_or(0).cast_unsigned().into(),
        };
        cap.meta.put(&record, &data)?;
    }
    Ok(())
}

/// Returns the socket with reference `obj`.
fn built(r: &Restore, obj: U32) -> Result<kernel::sync::Arc<BuiltNetlink>> {
    ObjRef::new(obj.get())
        .and_then(|obj| r.built::<BuiltNetlink>(obj))
        .ok_or_else(|| r.told(EINVAL, fmt!("no task has a socket that the image tells of")))
}

/// Notes how others find a socket.
fn place(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: NetlinkSocket = raw.body().map_err(|f| r.fault(f))?;
    let mut groups: KVVec<u32> = KVVec::new();
    for group in raw.array::<U32>(GROUPS_MAX).map_err(|f| r.fault(f))? {
        groups.push(group.get(), GFP_KERNEL_ACCOUNT)?;
    }
    let state = Netlink {
        flags: record.flags.get(),
        port: record.port.get(),
        to: (record.connected.get() != 0).then_some([record.to.get(), record.to_group.get()]),
        err: record.error.get().cast_signed(),
        dump: None,
    };
    built(r, record.socket)?.place.populate((state, groups));
    Ok(())
}

/// Puts a message into the queue that it was in.
fn send(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: NetlinkMessage = raw.body().map_err(|f| r.fault(f))?;
    let message = netlink::NetlinkMessage {
        port: record.port.get(),
        group: record.group.get(),
        pid: record.pid.get(),
        ids: Some([record.uid.get(), record.gid.get()]),
        nsid: (record.flags.get() & NETLINK_MESSAGE_NSID != 0)
            .then_some(record.nsid.get().cast_signed()),
        len: u32::try_from(raw.payload.len())?,
    };
    let built = built(r, record.socket)?;
    let done = built
        .memcg
        .charge(|| built.sk.send_netlink(&message, raw.payload));
    // Who is sent to as a member of a group is told in any case that it has missed some.
    if matches!(done, Err(EPERM)) && message.port == 0 && message.group != 0 {
        if built.dropped.populate(()) {
            r.with_report(|report| {
                report.line(fmt!(
                    "note: events of the kernel that a netlink socket had not received are dropped: to \
                     keep them takes CAP_NET_ADMIN and CAP_SYS_ADMIN over the network namespace"
                ))
            });
        }
        return Ok(());
    }
    done.map_err(|e| {
        let why = match e {
            EPERM if message.port == 0 => {
                "it is an answer of the kernel: that takes CAP_NET_ADMIN and CAP_SYS_ADMIN over the \
                 network namespace"
            }
            EPERM => {
                "the caller may not send it, or the ids and the pid of who has (CAP_NET_ADMIN, \
                 CAP_SETUID, CAP_SETGID, CAP_SYS_ADMIN)"
            }
            ENOBUFS => "the buffer is full: net.core.rmem_max is larger where it was saved",
            ENOMEM => "there is no memory",
            _ => "the kernel does not take it",
        };
        r.told(
            e,
            fmt!(
                "a message of a netlink socket can't be put into its queue: {}",
                why
            ),
        )
    })
}

/// Puts all netlink sockets together, but that others find them.
fn link(r: &Restore) -> Result {
    let mut dumps: KVVec<(U32, U32, U32)> = KVVec::new();
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::NetlinkSocket => {
                wait::go_on()?;
                place(r, &raw)?;
                let record: NetlinkSocket = raw.body().map_err(|f| r.fault(f))?;
                if record.dump.get() != 0 {
                    dumps.push(
                        (record.socket, record.dump_seq, record.port),
                        GFP_KERNEL_ACCOUNT,
                    )?;
                }
            }
            Kind::GenericFamily => {
                wait::go_on()?;
                let record: GenericFamily = raw.body().map_err(|f| r.fault(f))?;
                generic::compare(r, &raw, &built(r, record.socket)?.sk)?;
            }
            Kind::NetlinkMessage => {
                wait::go_on()?;
                send(r, &raw)?;
            }
            _ => (),
        }
    }
    for (socket, seq, port) in dumps {
        wait::go_on()?;
        let built = built(r, socket)?;
        built
            .memcg
            .charge(|| built.sk.interrupt_dump(seq.get(), port.get()))
            .map_err(|e| {
                r.told(
                    e,
                    fmt!("a dump of a netlink socket can't be ended: its buffer is full"),
                )
            })?;
    }
    Ok(())
}
