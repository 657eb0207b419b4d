// SPDX-License-Identifier: GPL-2.0

//! Sockets.

use zerocopy::byteorder::little_endian::U32;

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            flags,
            ids,
            no_payload,
            zero,
            POS_MAX, //
        },
        walk::Walk,
        Object, //
    },
    files::{
        check::TYPE_SOCKET,
        open,
        pidfd::PidfdTarget,
        OpenFile, //
    },
    net::{
        netlink::{
            FAMILY_NETLINK,
            PROTOCOLS, //
        },
        packet::FAMILY_PACKET,
        unix::*,
        *, //
    },
    ns::NetNs,
    record::{
        Fault,
        Raw, //
    },
    task::Cred, //
};

mod errqueue;
mod filter;
mod header;
mod inet;
mod member;
mod mptcp;
mod netlink;
mod packet;
mod tcp;
mod tcp_hints;
mod tcp_key;
pub(super) mod tun;
mod udp;

pub(in crate::image) use {
    tcp::TcpLeft,
    tcp_key::KeysLeft, //
};

/// Flags that the open file of a socket can have.
const FILE_FLAGS: u32 =
    open::READ | open::WRITE | open::APPEND | open::NONBLOCK | open::NOATIME | open::LARGEFILE;

/// What is remembered of a socket: its type, its form and its family.
const DETAIL_FORM: u32 = 8;
const DETAIL_FAMILY: u32 = 16;

/// Reads a socket. Its detail is its type, form and family.
pub(in crate::image) fn socket_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let socket: Socket = raw.body()?;
    let detail = (socket.kind.get() & 0xff)
        | (socket.form.get() & 0xff) << DETAIL_FORM
        | (socket.family.get() & 0xffff) << DETAIL_FAMILY;
    Ok((socket.obj.get(), detail))
}

/// Returns the type of the socket that `object` is.
fn kind(object: &Object) -> u32 {
    object.detail & 0xff
}

/// Returns its form.
fn form(object: &Object) -> u32 {
    object.detail >> DETAIL_FORM & 0xff
}

/// Returns its address family.
fn family(object: &Object) -> u32 {
    object.detail >> DETAIL_FAMILY
}

/// Returns whether there are sockets of these numbers, as of socket(2), that are saved.
fn is_possible(family: u32, kind: u32, protocol: u32) -> bool {
    match (family, kind) {
        (FAMILY_UNIX, SOCKET_STREAM | SOCKET_DGRAM | SOCKET_SEQPACKET) => {
            matches!(protocol, 0 | FAMILY_UNIX)
        }
        (FAMILY_INET, SOCKET_DGRAM) => matches!(protocol, PROTOCOL_UDP | PROTOCOL_ICMP),
        (FAMILY_INET6, SOCKET_DGRAM) => matches!(protocol, PROTOCOL_UDP | PROTOCOL_ICMPV6),
        (FAMILY_INET | FAMILY_INET6, SOCKET_STREAM) => {
            matches!(protocol, PROTOCOL_TCP | PROTOCOL_MPTCP)
        }
        (FAMILY_INET | FAMILY_INET6, SOCKET_RAW) => (1..=PROTOCOL_RAW_MAX).contains(&protocol),
        (FAMILY_NETLINK, SOCKET_DGRAM | SOCKET_RAW) => PROTOCOLS.contains(&protocol),
        (FAMILY_PACKET, SOCKET_DGRAM | SOCKET_RAW) => protocol == 0,
        _ => false,
    }
}

/// Sockets of this family have an option with this number.
fn has_option(family: u32, number: u32) -> bool {
    (1..=OPTION_LAST).contains(&number)
        || options::RANGES
            .iter()
            .any(|(families, range)| families.contains(&family) && range.contains(&number))
}

/// Checks what is special about an open file that is a socket.
pub(in crate::image) fn open_file(
    walk: &mut Walk<'_>,
    raw: &Raw<'_>,
    file: &OpenFile,
) -> Result<(), Fault> {
    let socket = walk.refer::<Socket>(raw, file.inode.get())?;
    ensure(
        raw,
        form(socket) == SOCKET_OPEN,
        "is of a socket that no file shows",
    )?;
    walk.refer_once::<Socket>(raw, file.inode.get(), "a socket is opened twice")?;
    zero(raw, file.pos.get() == 0 && file.size.get() == 0)?;
    let both = open::READ | open::WRITE;
    ensure(
        raw,
        file.flags.get() & !FILE_FLAGS == 0 && file.flags.get() & both == both,
        "flags that no socket has",
    )
}

impl Walk<'_> {
    /// Checks a socket.
    pub(in crate::image) fn socket(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let socket: Socket = raw.body()?;
        let family = socket.family.get();
        ensure(
            raw,
            is_possible(family, socket.kind.get(), socket.protocol.get()),
            "unknown address family, type or protocol",
        )?;
        let form = socket.form.get();
        ensure(raw, form <= SOCKET_CLOSED, "unknown form of a socket")?;
        let is_tcp = matches!(family, FAMILY_INET | FAMILY_INET6)
            && socket.kind.get() == SOCKET_STREAM
            && socket.protocol.get() == PROTOCOL_TCP;
        ensure(
            raw,
            form == SOCKET_OPEN || family == FAMILY_UNIX || is_tcp,
            "a socket of a family that has none without a file",
        )?;
        if socket.net.get() != 0 {
            ensure(
                raw,
                form == SOCKET_CLOSED && family == FAMILY_UNIX,
                "is of the network namespace of who makes it",
            )?;
            self.refer::<NetNs>(raw, socket.net.get())?;
        }
        ids(raw, socket.owner.iter().map(|id| id.get()))?;
        let mut last = 0;
        for option in raw.array::<SocketOption>(OPTIONS_MAX)? {
            let number = option.option.get();
            ensure(
                raw,
                number > last && has_option(family, number),
                "options that are unknown, or not by ascending number",
            )?;
            last = number;
            zero(raw, option.reserved.get() == 0)?;
        }
        if family == FAMILY_PACKET {
            self.hold(socket.obj.get());
        }
        ensure(
            raw,
            form == SOCKET_OPEN || is_tcp || raw.payload.is_empty(),
            "options of a socket that no file shows",
        )
    }

    /// Checks open files in messages.
    pub(in crate::image) fn in_flight(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let record: InFlight = raw.body()?;
        zero(raw, record.reserved.get() == 0)?;
        ensure(raw, self.thread.0 != 0, "comes before all tasks")?;
        let files: &[U32] = raw.array(IN_FLIGHT_MAX)?;
        ensure(
            raw,
            u32::try_from(files.len()).is_ok_and(|n| n == record.files.get()),
            "another number of files than announced",
        )?;
        for file in files {
            self.refer::<OpenFile>(raw, file.get())?;
        }
        Ok(())
    }

    /// Returns a socket of this family with reference `obj`.
    fn unix(&self, raw: &Raw<'_>, obj: u32) -> Result<&Object, Fault> {
        let socket = self.refer::<Socket>(raw, obj)?;
        ensure(
            raw,
            family(socket) == FAMILY_UNIX,
            "refers to a socket of another family",
        )?;
        Ok(socket)
    }

    /// Checks what a Unix socket is to others.
    pub(in crate::image) fn unix_socket(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let unix: UnixSocket = raw.body()?;
        let socket = self.unix(raw, unix.socket.get())?;
        let (kind, form) = (kind(socket), form(socket));
        self.link_once::<Socket>(raw, unix.socket.get(), "tells of the same socket twice")?;
        let state = unix.state.get();
        ensure(raw, state <= UNIX_LISTENING, "unknown state of a socket")?;
        flags(raw, unix.shutdown.get().into(), UNIX_SHUT_ALL.into())?;
        flags(raw, unix.scm.get().into(), SCM_ALL.into())?;
        boolean(raw, unix.bound.get())?;
        ensure(
            raw,
            matches!(unix.error.get(), 0 | ERROR_RESET),
            "impossible error of a socket",
        )?;
        self.refer_or_none::<PidfdTarget>(raw, unix.peer_pid.get())?;
        self.refer_or_none::<Cred>(raw, unix.peer_cred.get())?;
        ensure(
            raw,
            unix.backlog.get() <= i32::MAX as u32,
            "impossible length of a queue",
        )?;
        if unix.peer.get() != 0 {
            let peer = self.unix(raw, unix.peer.get())?;
            ensure(
                raw,
                peer.detail & 0xff == kind && state == UNIX_CONNECTED,
                "is connected to a socket of another type, or not connected at all",
            )?;
        }
        ensure(
            raw,
            state != UNIX_CONNECTED || unix.peer.get() != 0 || kind == SOCKET_DGRAM,
            "is connected to nothing",
        )?;
        ensure(
            raw,
            state != UNIX_LISTENING || (kind != SOCKET_DGRAM && unix.name.get() != 0),
            "can't listen",
        )?;
        ensure(
            raw,
            form == SOCKET_OPEN || (state != UNIX_LISTENING && unix.bound.get() == 0),
            "is found, and no file shows it",
        )?;
        ensure(
            raw,
            form != SOCKET_CLOSED || (state == UNIX_CLOSED && unix.error.get() == 0),
            "was closed, and is connected",
        )?;
        if form == SOCKET_WAITING {
            let listener = self.unix(raw, unix.listener.get())?;
            ensure(
                raw,
                listener.detail & 0xff == kind
                    && listener.detail >> DETAIL_FORM & 0xff == SOCKET_OPEN
                    && unix.name.get() == 0,
                "can't wait there to be accepted",
            )?;
        } else {
            zero(raw, unix.listener.get() == 0 && unix.scm.get() == 0)?;
        }
        zero(raw, unix.reserved.get() == 0)?;
        if unix.removed.get() != 0 {
            let why = "removed, but no file of a socket";
            self.removed_of(raw, unix.removed.get(), TYPE_SOCKET, why)?;
            ensure(
                raw,
                form == SOCKET_OPEN && unix.name.get() != 0 && unix.bound.get() == 0,
                "is bound to what was removed, and has no address, or another one",
            )?;
        }
        unix_name(raw, &unix)
    }

    /// Checks where a Unix socket connects again.
    pub(in crate::image) fn unix_reconnect(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let record: UnixReconnect = raw.body()?;
        let socket = self.unix(raw, record.socket.get())?;
        ensure(
            raw,
            form(socket) == SOCKET_OPEN,
            "is of a socket that no file shows",
        )?;
        ensure(raw, record.name.get() != 0, "an address is missing")?;
        address(raw, record.name.get(), true)
    }

    /// Checks a message of a Unix socket.
    pub(in crate::image) fn unix_message(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let message: UnixMessage = raw.body()?;
        let to = self.unix(raw, message.to.get())?;
        let from = self.unix(raw, message.from.get())?;
        ensure(
            raw,
            kind(to) == kind(from),
            "is from another type of socket",
        )?;
        ensure(
            raw,
            form(to) != SOCKET_CLOSED,
            "is in the queue of a socket that was closed",
        )?;
        flags(raw, message.flags.get().into(), MESSAGE_ALL.into())?;
        zero(raw, message.reserved.get() == 0)?;
        self.refer_or_none::<PidfdTarget>(raw, message.pid.get())?;
        if message.flags.get() & MESSAGE_IDS != 0 {
            ids(raw, [message.uid.get(), message.gid.get()].into_iter())?;
        } else {
            zero(raw, message.uid.get() == 0 && message.gid.get() == 0)?;
        }
        ensure(
            raw,
            message.time.get() <= POS_MAX,
            "impossible time of a message",
        )?;
        ensure(
            raw,
            message.files.get() <= MESSAGE_FILES_MAX,
            "a message with too many files",
        )?;
        let (files, data) =
            split(raw.payload, message.files.get()).ok_or(raw.fault("files are missing"))?;
        for file in files {
            self.refer::<OpenFile>(raw, file.get())?;
        }
        ensure(raw, data.len() <= MESSAGE_MAX, "a message that is too long")?;
        ensure(
            raw,
            message.flags.get() & MESSAGE_OOB == 0
                || (kind(to) == SOCKET_STREAM && data.len() == 1),
            "can't be out-of-band",
        )
    }
}

/// Checks the address of a Unix socket, and its path.
fn unix_name(raw: &Raw<'_>, unix: &UnixSocket) -> Result<(), Fault> {
    if unix.name.get() == 0 {
        zero(raw, unix.bound.get() == 0)?;
        return no_payload(raw);
    }
    address(raw, unix.name.get(), unix.bound.get() != 0)
}

/// Checks an address of `len` bytes in the payload; `found`: somebody is found by it, and if it is
/// a path, that follows.
fn address(raw: &Raw<'_>, len: u32, found: bool) -> Result<(), Fault> {
    let len = len as usize;
    let (name, path) = raw
        .payload
        .split_at_checked(len)
        .ok_or(raw.fault("its address is missing"))?;
    ensure(
        raw,
        len > NAME_AT && len <= NAME_MAX && name.starts_with(&[1, 0]),
        "impossible address",
    )?;
    let name = name.get(NAME_AT..).unwrap_or(&[]);
    let abstracted = name.first() == Some(&0);
    ensure(
        raw,
        if abstracted {
            len < NAME_MAX
        } else {
            name.iter().position(|&b| b == 0).map(|at| at + 1) == Some(name.len())
        },
        "impossible address",
    )?;
    if !found || abstracted {
        return ensure(raw, path.is_empty(), "a path that nothing is bound to");
    }
    crate::image::check::fields::absolute_path(&Raw {
        payload: path,
        ..*raw
    })
}
