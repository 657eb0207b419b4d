// SPDX-License-Identifier: GPL-2.0

//! Sockets.
//!
//! What all families have is in `socket.rs`: type, protocol, owner; options are in `options.rs`. A family
//! is a line in [`FAMILIES`] and one in [`LINKS`], and a file of its own: what its sockets are to each
//! other, and what is in their queues. What has no line is refused by name in `files/kinds.rs`.
//!
//! A task makes its sockets, with their options, when it restores its files. All else comes with links:
//! sockets refer to each other, and what is in their queues to files, in circles.

mod address;
mod errqueue;
mod filter;
mod generic;
mod header;
mod inet;
mod inet_options;
mod inet_queue;
mod members;
mod mptcp;
mod netlink;
mod options;
mod packet;
mod packet_queue;
mod packet_ring;
mod socket;
mod socket_options;
mod tcp;
mod tcp_build;
mod tcp_end;
mod tcp_hints;
mod tcp_keys;
mod tcp_options;
mod tcp_outside;
mod tcp_save;
mod tcp_unseen;
mod udp_cork;
mod unix;
mod unix_build;
mod unix_queue;
mod unix_reconnect;

use kernel::prelude::*;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files,
    found::{
        Capture,
        LinkOps,
        ThreadOps, //
    },
    image::{
        net::{
            InFlight,
            IN_FLIGHT_MAX, //
        },
        record::Records,
        Kind,
        ObjRef, //
    },
    kapi::{
        fs::file::FileRef,
        net::socket::SockRef,
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};
use zerocopy::{
    byteorder::little_endian::U32,
    IntoBytes, //
};

/// Lets what is between the tasks, which are about to be killed, and whose image is complete, end
/// without that anything is left of it, and others are not told of it.
pub(crate) fn end_quietly(cap: &mut Capture) {
    tcp_save::end_quietly(cap);
}

/// Lets what is connected to the outside be held while it is saved: the tasks are to be killed.
pub(crate) fn want_holds(cap: &mut Capture) {
    cap.found.net.holds.wanted = true;
}

/// Returns whether they are.
pub(crate) fn wants_holds(cap: &Capture) -> bool {
    cap.found.net.holds.wanted
}

pub(crate) use self::tcp_outside::{
    check as check_held,
    check_left,
    end_left,
    hold,
    leave as leave_held,
    let_go, //
};

pub(crate) use self::unix::is_of_tasks as has_unix;
pub(crate) use self::unix_reconnect::end_name;

pub(crate) use self::socket::{
    collect,
    restore,
    save, //
};

/// A family of sockets that are saved: of an address family, or of one protocol of that.
pub(crate) struct Family {
    /// Whether a socket is of it that has these numbers of socket(2): address family, type, protocol.
    is: fn([i32; 3]) -> bool,
    /// Its options, besides those of all sockets.
    options: &'static [options::Table],
    /// Looks at a socket of it that a task has. False: it was refused.
    collect: fn(&mut Capture, &FrozenTask, &files::Named<'_>, &FileRef) -> Result<bool>,
    /// Returns the reference of the socket at an address.
    object: fn(&Capture, usize) -> Result<ObjRef>,
    /// Returns the rebuilt socket of a reference.
    sk: fn(&Restore, ObjRef) -> Option<SockRef>,
    /// Notes a new socket, which has its options.
    note: fn(&Restore, ObjRef, socket::Made) -> Result,
}

/// The families: a socket is of the first that it fits.
static FAMILIES: &[Family] = &[
    tcp::FAMILY,
    mptcp::FAMILY,
    unix::FAMILY,
    inet::DATAGRAMS,
    netlink::FAMILY,
    packet::FAMILY,
];

/// What sockets are to each other, and what is in their queues.
pub(crate) static LINKS: &[LinkOps] = &[
    // They listen before connections have their ports, as those of TCP do.
    mptcp::LINKS,
    // What was in the queues of connections is sent, and a filter would see it again.
    tcp::LINKS,
    filter::LINKS,
    // What comes to a group is for those that are bound, which is done by that.
    members::LINKS,
    header::LINKS,
    inet::LINKS,
    unix::LINKS,
    netlink::LINKS,
    packet::LINKS,
    // Options that empty them are set by then.
    errqueue::LINKS,
];

/// What each thread has found: files in messages.
pub(crate) static THREADS: &[ThreadOps] = &[ThreadOps {
    name: "sockets",
    collect: follow,
    save: save_in_flight,
    restore: restore_in_flight,
    ..ThreadOps::NONE
}];

/// Sockets found by a checkpoint.
pub(crate) struct Collected {
    /// Sockets that are still to be looked at.
    todo: KVVec<unix::Todo>,
    /// Unix sockets that connect to the outside again.
    reconnects: unix_reconnect::Targets,
    /// Those with a classic filter.
    filtered: KVVec<SockRef>,
    /// Those with something in their error queue, or to come there.
    told: KVVec<SockRef>,
    /// Ends of TCP connections, the other ends of which are here, too.
    joined: KVVec<SockRef>,
    /// Connections to the outside that are held.
    holds: tcp_outside::Holds,
    /// Connections of MPTCP that nobody has accepted, and that were told of.
    unaccepted: u64,
    /// Bytes of all rings of packet sockets.
    rings: u64,
    /// Until when frames that they are sending are waited for, once there were some.
    sending_until: Option<u64>,
    /// Files in messages, by the thread that has found them first, and the address of each.
    in_flight: KVVec<(u32, usize)>,
    /// How many of these were written.
    written: usize,
    /// What links refer to was written.
    objects: bool,
}

impl Collected {
    /// Returns one with nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            todo: KVVec::new(),
            reconnects: unix_reconnect::Targets::new(),
            filtered: KVVec::new(),
            told: KVVec::new(),
            joined: KVVec::new(),
            holds: tcp_outside::Holds::new(),
            unaccepted: 0,
            rings: 0,
            sending_until: None,
            in_flight: KVVec::new(),
            written: 0,
            objects: false,
        }
    }
}

/// Returns the family of a socket with these numbers of socket(2), if that is one that is saved.
fn family_of(numbers: [i32; 3]) -> Option<&'static Family> {
    FAMILIES.iter().find(|f| (f.is)(numbers))
}

/// Returns the family of the socket that `file` shows, if it is one that is saved.
fn family(file: &FileRef) -> Option<&'static Family> {
    family_of(socket::numbers(&SockRef::of(file)?))
}

/// Returns whether `file` shows a socket of a family that is saved.
pub(crate) fn is_saved(file: &FileRef) -> bool {
    family(file).is_some()
}

/// Looks at all sockets that the files of the thread lead to, one after the other: what they lead to
/// may be any number.
fn follow(cap: &mut Capture, t: &FrozenTask) -> Result {
    while let Some(todo) = cap.found.net.todo.pop() {
        wait::go_on()?;
        unix::follow(cap, t, todo)?;
    }
    Ok(())
}

/// Writes the files in messages that the thread has found, and, the first time, what links refer to.
fn save_in_flight(cap: &mut Capture, t: &FrozenTask) -> Result {
    if !core::mem::replace(&mut cap.found.net.objects, true) {
        unix::save_objects(cap)?;
        tcp_unseen::save_objects(cap)?;
    }
    let first = cap.found.net.written;
    let mut files: KVVec<U32> = KVVec::new();
    let mut at = first;
    while let Some(&(who, addr)) = cap.found.net.in_flight.get(at) {
        if who != t.display(&cap.pid_ns).tid {
            break;
        }
        files.push(
            files::save_in_flight(cap, addr)?.get().into(),
            GFP_KERNEL_ACCOUNT,
        )?;
        at += 1;
    }
    cap.found.net.written = at;
    for some in files.chunks(IN_FLIGHT_MAX) {
        let record = InFlight {
            files: u32::try_from(some.len())?.into(),
            reserved: 0.into(),
        };
        cap.meta.put(&record, some.as_bytes())?;
    }
    Ok(())
}

/// Rebuilds files in messages that no thread has.
fn restore_in_flight(r: &Restore, plan: &TaskRecords<'_>) -> Result {
    for raw in Records::new(plan.records, plan.at) {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::InFlight {
            continue;
        }
        let files: &[U32] = raw.array(IN_FLIGHT_MAX).map_err(|f| r.fault(f))?;
        for file in files {
            wait::go_on()?;
            files::restore_file(r, plan, ObjRef::new(file.get()).ok_or(EINVAL)?)?;
        }
    }
    Ok(())
}
