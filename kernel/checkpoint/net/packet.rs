// SPDX-License-Identifier: GPL-2.0

//! Packet sockets.
//!
//! What was in its queue comes first (`packet_queue.rs`); what of that can't be saved is counted as what is
//! lost to who does not look in time. A socket gets its memberships, and is bound, when all else is done.

use kernel::{
    prelude::*,
    sync::{
        Arc,
        SetOnce, //
    }, //
};
use zerocopy::IntoBytes;

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
        net::{
            packet::{
                PacketMember,
                PacketSocket,
                COUNT_MAX,
                ERROR_DOWN,
                FAMILY_PACKET,
                FANOUT_TYPES,
                MEMBERS_MAX,
                QUEUED_MAX, //
            },
            SOCKET_DGRAM,
            SOCKET_RAW, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        mm::memcg::Memcg,
        net::{
            packet::{
                Fanout,
                Member,
                Packet, //
            },
            packet_queue::Frame,
            packet_ring::{
                settled,
                Position, //
            },
            socket::SockRef, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        errqueue,
        packet_queue,
        packet_ring,
        socket,
        Family, //
    }, //
};

/// What packet sockets are.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "packet sockets",
    save: save_links,
    link,
};

/// Packet sockets.
pub(super) const FAMILY: Family = Family {
    is,
    options: &[],
    collect,
    object: socket::plain_object,
    sk: |r, obj| r.built::<BuiltPacket>(obj).map(|built| built.sk.clone()),
    note,
};

/// Returns whether it is one of ours. Those of type SOCK_PACKET are of the time before there was an
/// address for them.
fn is([family, kind, _]: [i32; 3]) -> bool {
    family == FAMILY_PACKET.cast_signed()
        && matches!(kind.cast_unsigned(), SOCKET_DGRAM | SOCKET_RAW)
}

/// A rebuilt packet socket.
struct BuiltPacket {
    sk: SockRef,
    /// With whose rights it is bound.
    opener: CredRef,
    /// What is in its error queue is charged to it.
    memcg: Arc<Memcg>,
    /// What it is, its memberships, and where it goes on.
    place: SetOnce<(Packet, KVVec<Member>, Position)>,
}

impl Rebuilt for BuiltPacket {
    fn stays(&self) -> bool {
        self.place.as_ref().is_some()
    }

    /// Lets it receive. That it is closed takes it back.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        let Some((state, members, position)) = self.place.as_ref() else {
            return Ok(());
        };
        self.opener
            .act(|| self.sk.open_packet(state, members, position))
            .map_err(|e| {
                let why = match e {
                    ENODEV => "there is no device with its number",
                    EPERM | EACCES => "who has made it may not (CAP_NET_RAW)",
                    ENOSPC => "its group has no room for it (PACKET_FANOUT)",
                    _ => "the kernel does not take its device, memberships, group or rings",
                };
                r.told(
                    e,
                    fmt!("a packet socket of device {}: {}", state.device, why),
                )
            })
    }
}

/// Notes a new socket, which the current task has just made.
fn note(r: &Restore, obj: ObjRef, made: socket::Made) -> Result {
    packet_ring::make(r, obj, &made)?;
    let built = BuiltPacket {
        sk: made.sk,
        opener: made.opener,
        memcg: Arc::new(made.memcg, GFP_KERNEL_ACCOUNT)?,
        place: SetOnce::new(),
    };
    r.set_built(obj, built)
}

/// Returns whom the error queue of the rebuilt packet socket `obj` is charged to; `None`: it is no
/// such socket.
pub(super) fn memcg(r: &Restore, obj: ObjRef) -> Option<Arc<Memcg>> {
    r.with_built(obj, |built: &BuiltPacket| built.memcg.clone())
}

/// Looks at a socket that a task has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, file: &FileRef) -> Result<bool> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let state = sk.packet()?;
    let often = |m: &Member| m.count > COUNT_MAX;
    let members = state.members as usize;
    let why = if state.device < 0 {
        Some("the device that it was bound to is gone: have it closed")
    } else if state.fanout.is_some_and(|f| f.kind & 0xff >= FANOUT_TYPES) {
        Some("a program decides which socket of its group gets a packet (PACKET_FANOUT)")
    } else if state.err != 0 && state.err.cast_unsigned() != ERROR_DOWN {
        Some("has an error to tell that can't be saved: have it read (SO_ERROR)")
    } else if members > MEMBERS_MAX || sk.packet_members(state.members)?.iter().any(often) {
        Some("has too many memberships")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if state.ring && !packet_ring::collect(cap, t, named, &sk)? {
        return Ok(false);
    }
    if !errqueue::collect(cap, t, named, &sk)? {
        return Ok(false);
    }
    let lost = packet_queue::lost(&sk)?;
    if lost != 0 {
        let who = t.display(&cap.pid_ns);
        cap.report.note(
            &who,
            fmt!(
                "{}: not all that it has not received can be saved: {} packets count as dropped",
                named,
                lost
            ),
        );
    }
    socket::collect_plain(cap, t, named, &sk)?;
    Ok(true)
}

/// Writes what all packet sockets are. Each is saved as it is when it is asked where it is: what comes
/// later is not in the image.
fn save_links(cap: &mut Capture) -> Result {
    let mut found = KVVec::new();
    let mut any_ring = false;
    for (obj, plain) in socket::all_plain(cap)? {
        wait::go_on()?;
        if is(socket::numbers(&plain.sk)) {
            let state = plain.sk.packet()?;
            any_ring |= state.ring;
            let position = plain.sk.rest();
            found.push((obj, plain, state, position), GFP_KERNEL_ACCOUNT)?;
        }
    }
    if any_ring {
        settled();
    }
    for (obj, plain, state, position) in &found {
        wait::go_on()?;
        save(cap, *obj, &plain.sk, state, position)?;
    }
    Ok(())
}

/// Writes one of them.
fn save(
    cap: &mut Capture,
    obj: ObjRef,
    sk: &SockRef,
    state: &Packet,
    position: &Position,
) -> Result {
    let lost = packet_queue::save(cap, obj, sk, position.queued())?;
    if state.ring {
        packet_ring::save_memory(cap, obj, sk, position)?;
    }
    let [packets, drops, freezes] = position.statistics();
    let [rx, tx] = position.positions();
    let mut members: KVVec<PacketMember> = KVVec::new();
    for m in sk.packet_members(state.members)? {
        let member = PacketMember {
            device: m.device.cast_unsigned().into(),
            count: m.count.into(),
            kind: m.kind.into(),
            len: m.len.into(),
            addr: m.addr,
        };
        members.push(member, GFP_KERNEL_ACCOUNT)?;
    }
    let fanout = state.fanout.unwrap_or(Fanout {
        id: 0,
        kind: 0,
        max: 0,
    });
    let record = PacketSocket {
        socket: obj.get().into(),
        flags: state.flags.into(),
        num: state.num.into(),
        // One that has gone since it was looked at is none that a restart finds.
        device: u32::try_from(state.device)
            .unwrap_or(i32::MAX as u32)
            .into(),
        version: state.version.into(),
        reserve: state.reserve.into(),
        vnet_hdr: state.vnet_hdr.into(),
        copy_thresh: state.copy_thresh.cast_unsigned().into(),
        timestamp: state.timestamp.cast_unsigned().into(),
        fanout_max: fanout.max.into(),
        fanout_id: fanout.id.into(),
        fanout_type: fanout.kind.into(),
        error: if state.err != 0 { ERROR_DOWN } else { 0 }.into(),
        queued: lost.min(QUEUED_MAX).into(),
        members: u32::try_from(members.len())?.into(),
        reserved: 0.into(),
        packets: packets.into(),
        drops: drops.into(),
        freezes: freezes.into(),
        rx: rx.into(),
        tx: tx.into(),
        frozen: u32::from(position.frozen()).into(),
        sequence: position.sequence().into(),
    };
    cap.meta.put(&record, members.as_bytes())
}

/// Notes what a socket is.
fn place(r: &Restore, raw: &Raw<'_>) -> Result {
    let record: PacketSocket = raw.body().map_err(|f| r.fault(f))?;
    let mut members: KVVec<Member> = KVVec::new();
    let list: &[PacketMember] = raw.array(MEMBERS_MAX).map_err(|f| r.fault(f))?;
    for m in list {
        let member = Member {
            device: m.device.get().cast_signed(),
            count: m.count.get(),
            kind: m.kind.get(),
            len: m.len.get(),
            addr: m.addr,
        };
        members.push(member, GFP_KERNEL_ACCOUNT)?;
    }
    let state = Packet {
        num: record.num.get(),
        device: record.device.get().cast_signed(),
        version: record.version.get(),
        reserve: record.reserve.get(),
        vnet_hdr: record.vnet_hdr.get(),
        copy_thresh: record.copy_thresh.get().cast_signed(),
        timestamp: record.timestamp.get().cast_signed(),
        flags: record.flags.get(),
        fanout: (record.fanout_max.get() != 0).then_some(Fanout {
            id: record.fanout_id.get(),
            kind: record.fanout_type.get(),
            max: record.fanout_max.get(),
        }),
        err: record.error.get().cast_signed(),
        members: record.members.get(),
        lost: record.queued.get(),
        ring: false,
    };
    let position = Position::of(
        [
            record.packets.get(),
            record.drops.get(),
            record.freezes.get(),
        ],
        [record.rx.get(), record.tx.get()],
        record.frozen.get() != 0,
        record.sequence.get(),
    );
    built(r, record.socket.get())?
        .place
        .populate((state, members, position));
    Ok(())
}

/// Returns the rebuilt socket with reference `obj`.
fn built(r: &Restore, obj: u32) -> Result<Arc<BuiltPacket>> {
    ObjRef::new(obj)
        .and_then(|obj| r.built::<BuiltPacket>(obj))
        .ok_or_else(|| r.told(EINVAL, fmt!("no task has a socket that the image tells of")))
}

/// Returns the rebuilt packet socket with reference `obj`.
pub(super) fn sk(r: &Restore, obj: u32) -> Result<SockRef> {
    Ok(built(r, obj)?.sk.clone())
}

/// Puts a packet into the queue of the socket with reference `obj`.
pub(super) fn put_frame(r: &Restore, obj: u32, frame: &Frame, data: &[u8]) -> Result {
    let built = built(r, obj)?;
    built.memcg.charge(|| built.sk.put_frame(frame, data))
}

/// Notes what all packet sockets are.
fn link(r: &Restore) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        match raw.kind {
            Kind::PacketSocket => {
                wait::go_on()?;
                place(r, &raw)?;
            }
            Kind::PacketFrame => {
                wait::go_on()?;
                packet_queue::restore(r, &raw)?;
            }
            Kind::PacketMemory => {
                wait::go_on()?;
                packet_ring::restore(r, &raw)?;
            }
            _ => (),
        }
    }
    Ok(())
}
