// SPDX-License-Identifier: GPL-2.0

//! TCP sockets: how they come back.
//!
//! First those listen that did, so that others which share their port find it taken. Then connections are
//! made: both ends at once, without a segment, as the caller of restart(2) could with TCP_REPAIR. What was in
//! their queues is sent from one to the other; what an end had received is sent first, and so is there
//! again when the tasks run. Then they are shut down as they were, which makes their states. Connections
//! that nobody has accepted are made by connecting anew, in their order.

use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};

use crate::{
    core::restore::Restore,
    image::{
        net::{
            tcp::{
                TcpData,
                TcpSocket,
                TCP_BOUND,
                TCP_CONNECTED,
                TCP_CONNECTING,
                TCP_DONE,
                TCP_LISTENING,
                TCP_LOCK_ADDRESS,
                TCP_LOCK_PORT,
                TCP_NEW,
                TCP_OF_CALLER,
                TCP_OUTSIDE,
                TCP_OVER,
                TCP_SHUT_READ,
                TCP_SHUT_WRITE,
                TCP_STARTED,
                TCP_TOLD,
                TCP_URGENT_READ,
                TCP_V6ONLY, //
            },
            Socket,
            PROTOCOL_TCP,
            SOCKET_STREAM, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        mm::held::Held,
        net::{
            inet::{
                ipv6,
                level, //
            },
            namespace::NetNs,
            socket::{
                so,
                Closing,
                SockRef, //
            },
            tcp::{
                State,
                Tcp, //
            },
            tcp_hints::Hints,
            tcp_keys::Keys,
            tcp_unseen::Starting, //
        },
        security::cred::CredRef,
        time::wait, //
    },
    net::{
        address::{
            Address,
            Own, //
        },
        inet_options,
        options,
        socket::{
            self,
            Made, //
        },
        tcp_hints,
        tcp_keys,
        tcp_options,
        tcp_outside,
        tcp_unseen, //
    },
    ns, //
};

/// The options of TCP sockets.
pub(super) const TABLES: &[options::Table] =
    &[inet_options::IP, inet_options::IPV6, tcp_options::TCP];

/// Longest time for bytes to get from one end to the other, in nanoseconds: nothing depends on it but
/// what the tasks find at once.
const ARRIVE_NS: u64 = 1_000_000_000;

/// The same for all that do not arrive, as the buffer of who receives them is full.
const ARRIVE_ALL_NS: u64 = 3 * ARRIVE_NS;

/// Bytes that a queue takes besides those that it has.
const OVERHEAD: u32 = 1 << 16;

/// What a socket of Multipath TCP takes beyond its buffers: a fragment of 32 KiB, or a part of one, each
/// in its own queue and in that of its subflow.
pub(super) const BEYOND: u64 = 4 << 15;

/// A socket as it stands in the image.
pub(super) struct Part<'a> {
    pub(super) record: TcpSocket,
    /// Name of its congestion control.
    congestion: &'a [u8],
    /// What it knows of the way to the other end, which is outside.
    pub(super) hints: Option<Hints>,
    /// What signs its segments.
    pub(super) keys: Keys,
    /// What it has received, and what it is to send.
    pub(super) received: KVVec<&'a [u8]>,
    pub(super) sent: KVVec<&'a [u8]>,
}

impl<'a> Part<'a> {
    fn of(r: &Restore, raw: &Raw<'a>, own: &Own) -> Result<Self> {
        let mut record: TcpSocket = raw.body().map_err(|f| r.fault(f))?;
        if let Some(obj) = ObjRef::new(record.socket.get()) {
            let (socket, _) = r.object_body::<Socket>(obj)?;
            if socket.protocol.get() != PROTOCOL_TCP {
                return Err(r.told(EINVAL, fmt!("a TCP socket is of another protocol")));
            }
        }
        let was_told = record.socket.get() == 0 || record.flags.get() & TCP_TOLD != 0;
        let inside = match record.state.get() {
            TCP_CONNECTED => true,
            TCP_STARTED => was_told || record.sent.get() != 0,
            _ => false,
        };
        own.rewrite_tcp(r, &mut record, inside)?;
        Ok(Self {
            record,
            congestion: raw.payload,
            hints: None,
            keys: Keys::new(),
            received: KVVec::new(),
            sent: KVVec::new(),
        })
    }

    fn has(&self, flag: u32) -> bool {
        self.record.flags.get() & flag != 0
    }

    /// Returns whether a file of the image shows it.
    pub(super) fn is_seen(&self, r: &Restore) -> Result<bool> {
        match ObjRef::new(self.record.socket.get()) {
            Some(obj) => tcp_unseen::is_seen(r, obj),
            None => Ok(false),
        }
    }

    /// Returns the network namespace that it is of: of one that a file shows, that of the task that
    /// has made it.
    pub(super) fn net(&self, r: &Restore) -> Result<NetNs> {
        if let Some(obj) = ObjRef::new(self.record.socket.get()) {
            if tcp_unseen::is_seen(r, obj)? {
                return socket::made(r, obj.get())?.sk.net();
            }
        }
        match ObjRef::new(self.record.net.get()) {
            Some(obj) => ns::net::built(r, obj),
            None if self.has(TCP_OF_CALLER) => Ok(r.caller_net.clone()),
            None => Ok(r.net_ns().clone()),
        }
    }

    fn state(&self) -> u32 {
        self.record.state.get()
    }

    /// Returns what was received and not read, in one piece.
    pub(super) fn received_bytes(&self) -> Result<KVVec<u8>> {
        let mut bytes = KVVec::new();
        for part in &self.received {
            bytes.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(bytes)
    }

    /// Returns what the kernel is told.
    pub(super) fn tcp(&self) -> Result<Tcp> {
        let record = &self.record;
        Ok(Tcp {
            state: State::New,
            error: record.error.get(),
            shut_read: self.has(TCP_SHUT_READ),
            shut_write: self.has(TCP_SHUT_WRITE),
            backlog: record.backlog.get(),
            user_mss: record.mss.get(),
            received: record.received.get(),
            sent: record.sent.get(),
            urgent: record.urgent.get(),
            urgent_sent: record.urgent_sent.get(),
            port: u16::try_from(record.port.get())?,
            peer_port: u16::try_from(record.peer_port.get())?,
            done: self.has(TCP_DONE),
            bound_addr: self.has(TCP_LOCK_ADDRESS),
            bound_port: self.has(TCP_LOCK_PORT),
            has_port: self.has(TCP_BOUND),
            urgent_read: self.has(TCP_URGENT_READ),
            connecting: self.has(TCP_CONNECTING),
            was_connected: self.has(TCP_TOLD),
            v6only: self.has(TCP_V6ONLY),
            addr: record.address,
            peer_addr: record.peer_address,
            congestion: [0; 16],
        })
    }

    /// Returns the socket, with TCP_MAXSEG and its congestion control; a new one if no file shows
    /// it.
    pub(super) fn end(&self, r: &Restore) -> Result<End> {
        let Some(obj) = ObjRef::new(self.record.socket.get()) else {
            let family = i32::try_from(self.record.family.get())?;
            let (closing, sk) = Closing::make(&self.net(r)?, family, SOCKET_STREAM.cast_signed())
                .map_err(|e| r.told(e, fmt!("a socket can't be made")))?;
            tcp_keys::set(r, &sk, &self.keys)?;
            return Ok(End {
                sk,
                made: None,
                closing: Some(closing),
                unseen: None,
            });
        };
        if !tcp_unseen::is_seen(r, obj)? {
            let made = tcp_unseen::make(r, self, obj)?;
            self.set_own(r, &made.sk, &made.opener)?;
            return Ok(End {
                sk: made.sk.clone(),
                made: None,
                closing: None,
                unseen: Some((obj, made)),
            });
        }
        let made = socket::made(r, obj.get())?;
        self.set_own(r, &made.sk, &made.opener)?;
        Ok(End {
            sk: made.sk.clone(),
            made: Some((obj, made)),
            closing: None,
            unseen: None,
        })
    }

    /// Sets what stands in the record of the socket `sk`, which `opener` has made.
    fn set_own(&self, r: &Restore, sk: &SockRef, opener: &CredRef) -> Result {
        tcp_keys::set(r, sk, &self.keys)?;
        let mss = self.record.mss.get();
        if mss != 0 {
            sk.set_tcp_mss(mss)
                .map_err(|e| r.told(e, fmt!("a socket: TCP_MAXSEG can't be set")))?;
        }
        if self.congestion.is_empty() {
            return Ok(());
        }
        let name =
            CString::try_from_fmt(fmt!("{}", kernel::str::BStr::from_bytes(self.congestion)))?;
        opener.act(|| sk.set_tcp_congestion(&name)).map_err(|e| {
            let why = match e {
                ENOENT => "the kernel has none of that name: load its module",
                EPERM => "who has made it may not: net.ipv4.tcp_allowed_congestion_control",
                _ => "the kernel does not take it",
            };
            let name = kernel::str::BStr::from_bytes(self.congestion);
            r.told(e, fmt!("a socket: congestion control {}: {}", name, why))
        })
    }
}

/// A socket that comes back.
pub(super) struct End {
    pub(super) sk: SockRef,
    /// Its file, and its reference; `None`: it is closed at the end.
    made: Option<(ObjRef, Arc<Made>)>,
    closing: Option<Closing>,
    /// The same of one that waits to be accepted, or was closed, whose other end is outside.
    unseen: Option<(ObjRef, tcp_unseen::Made)>,
}

impl End {
    /// Returns its address family.
    fn family(&self) -> i32 {
        self.sk.basics().family
    }

    /// Returns whether it has SO_REUSEADDR.
    pub(super) fn reuses(&self) -> Result<bool> {
        let mut value = [0; 4];
        self.sk.option(so::SOCKET, so::REUSEADDR, &mut value)?;
        Ok(value != [0; 4])
    }

    /// Sets the options that depend on all else.
    pub(super) fn finish(self, r: &Restore, part: &Part<'_>) -> Result {
        if let Some((obj, made)) = self.unseen {
            return tcp_unseen::finish(r, part, obj, made);
        }
        let Some((obj, made)) = &self.made else {
            return Ok(());
        };
        let raw = r.object(*obj)?;
        options::restore_late(r, &raw, &made.file, &made.sk, TABLES, &made.opener)
    }
}

/// Returns why an address can't be had by a socket that is not connected.
fn bind_error(e: Error) -> &'static str {
    match e {
        EADDRNOTAVAIL => {
            "it is none of this machine: set it up, or restart in another network namespace"
        }
        e => address_error(e),
    }
}

/// Returns why an address can't be had by a connection.
pub(super) fn address_error(e: Error) -> &'static str {
    match e {
        EADDRINUSE => "another socket has it: end what has that, or restart elsewhere",
        EADDRNOTAVAIL => {
            "it is none of this machine, or the connection is there already: set the address up, end \
             what has the connection (without timestamps it is there for a minute after its end), or \
             restart in another network namespace"
        }
        EACCES => "that takes CAP_NET_BIND_SERVICE",
        EPERM => "that takes CAP_NET_ADMIN over the network namespace, as TCP_REPAIR",
        ENETUNREACH | EHOSTUNREACH => "there is no route to the other end: set lo up",
        EKEYREJECTED => "none of its keys (TCP_AO_ADD_KEY) is for the other end",
        _ => "the kernel does not take it",
    }
}

/// Sends `queue` from `from`. There may be as much of it as fits into the buffers between `from` and
/// `to`.
pub(super) fn send(r: &Restore, from: &SockRef, to: Option<&SockRef>, queue: &[&[u8]]) -> Result {
    let len: u64 = queue.iter().map(|part| part.len() as u64).sum();
    if len > from.tcp_room(to).saturating_mul(2).saturating_add(BEYOND) {
        return Err(r.told(
            ENOBUFS,
            fmt!("more is in the queues of a connection than its buffers hold"),
        ));
    }
    let limit = u32::try_from(len)?
        .saturating_mul(2)
        .saturating_add(OVERHEAD);
    for part in queue {
        wait::go_on()?;
        from.send_tcp(part, limit).map_err(|e| {
            r.told(
                e,
                fmt!("what was in the queue of a connection can't be sent"),
            )
        })?;
    }
    Ok(())
}

/// Waits until `there` holds, for as long as bytes may take. If it does not then that is taken from the
/// time that is `left` for all.
fn arrive(left: &mut u64, mut there: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = wait::monotonic_ns();
    let most = ARRIVE_NS.min(*left);
    while !there()? {
        let waited = wait::monotonic_ns().saturating_sub(start);
        if waited >= most {
            *left = left.saturating_sub(waited);
            return Ok(false);
        }
        wait::check_killed()?;
        wait::pause_ms(1);
    }
    Ok(true)
}

/// Makes a connection, with what was in its queues.
fn connect(r: &Restore, first: &Part<'_>, second: &Part<'_>, left: &mut u64) -> Result {
    let (mut a, mut b) = (first.end(r)?, second.end(r)?);
    if a.sk.net_addr() != b.sk.net_addr() {
        return Err(r.told(
            EINVAL,
            fmt!("a TCP connection has its ends in two network namespaces"),
        ));
    }
    let (tcp_a, tcp_b) = (first.tcp()?, second.tcp()?);
    let reuse = [a.reuses()?, b.reuses()?];
    a.sk.connect_tcp(&tcp_a, &b.sk, &tcp_b, reuse)
        .map_err(|e| {
            r.told(
                e,
                fmt!(
                    "the TCP connection of {} with {} can't be made: its address: {}",
                    Address(tcp_a.addr, a.family(), tcp_a.port),
                    Address(tcp_b.addr, b.family(), tcp_b.port),
                    address_error(e)
                ),
            )
        })?;
    for (from, to, part) in [(&b, &a, first), (&a, &b, second)] {
        send(r, &from.sk, Some(&to.sk), &part.received)?;
    }
    for (end, tcp) in [(&a, &tcp_a), (&b, &tcp_b)] {
        let all = arrive(left, || Ok(end.sk.tcp_queued() >= tcp.received))?;
        if let (true, Some(mark)) = (all, tcp.urgent.checked_sub(1)) {
            end.sk.set_tcp_urgent(mark, tcp.urgent_read)?;
        }
    }
    for (from, to, part, tcp) in [(&a, &b, first, &tcp_a), (&b, &a, second, &tcp_b)] {
        if tcp.urgent_sent != 0 {
            from.sk.set_tcp_urgent_next(tcp.urgent_sent)?;
        }
        send(r, &from.sk, Some(&to.sk), &part.sent)?;
    }
    for (end, tcp) in [(&a, &tcp_a), (&b, &tcp_b)] {
        if end.closing.is_none() && tcp.shut_write {
            end.sk.shut_tcp(false, true);
        }
    }
    // They send the rest of it by themselves.
    a.closing = None;
    b.closing = None;
    for (end, part, tcp) in [(a, first, &tcp_a), (b, second, &tcp_b)] {
        if end.made.is_none() {
            continue;
        }
        if tcp.done {
            arrive(left, || Ok(end.sk.tcp_now()?.done))?;
        } else if tcp.shut_read {
            end.sk.shut_tcp(true, false);
        }
        end.sk.set_tcp_connecting(tcp.connecting)?;
        end.finish(r, part)?;
    }
    Ok(())
}

/// Lets a socket connect anew.
fn start(r: &Restore, part: &Part<'_>) -> Result {
    let end = part.end(r)?;
    let tcp = part.tcp()?;
    let family = end.family();
    let failed = |e| {
        r.told(
            e,
            fmt!(
                "a TCP socket can't connect from {} to {}: its address: {}",
                Address(tcp.addr, family, tcp.port),
                Address(tcp.peer_addr, family, tcp.peer_port),
                address_error(e)
            ),
        )
    };
    let made = match &end.made {
        Some((_, made)) if part.sent.is_empty() && !tcp.was_connected => Some(made.clone()),
        _ => None,
    };
    if let Some(made) = made {
        // Others hear of it when the restart has succeeded.
        end.sk.start_tcp_at(&tcp).map_err(failed)?;
        end.finish(r, part)?;
        return r.start_later(Starting::new(&made.file, &tcp)?);
    }
    end.sk.start_tcp(&tcp).map_err(failed)?;
    let mut left = ARRIVE_NS;
    // One that does not get there ends the restart: there are no more of them.
    let done = arrive(&mut left, || end.sk.is_tcp_connected()).map_err(|e| {
        r.told(
            e,
            fmt!("a TCP connection that waits to be accepted can't be made: nobody listens there"),
        )
    })?;
    if !done {
        return Err(r.told(
            EAGAIN,
            fmt!(
                "a TCP connection that waits to be accepted can't be made: the socket that \
                 listens takes no more: restart again"
            ),
        ));
    }
    if tcp.urgent_sent != 0 {
        end.sk.set_tcp_urgent_next(tcp.urgent_sent)?;
    }
    send(r, &end.sk, None, &part.sent)?;
    if end.made.is_some() {
        end.sk.shut_tcp(tcp.shut_read, tcp.shut_write);
    }
    end.sk.set_tcp_connecting(tcp.connecting)?;
    end.finish(r, part)
}

/// Makes one whose connection is over.
fn end(r: &Restore, part: &Part<'_>) -> Result {
    end_as(r, part, &part.tcp()?)
}

/// Does the same, which is `tcp`.
pub(super) fn end_as(r: &Restore, part: &Part<'_>, tcp: &Tcp) -> Result {
    let end = part.end(r)?;
    if u64::from(tcp.received) > end.sk.tcp_room(Some(&end.sk)).saturating_mul(2) {
        return Err(r.told(
            ENOBUFS,
            fmt!("more is in the queue of a socket than its buffer holds"),
        ));
    }
    if let Some((_, made)) = &end.made {
        set_v6only(r, made, tcp)?;
    }
    let received = part.received_bytes()?;
    end.sk.end_tcp(tcp, &received).map_err(|e| {
        r.told(
            e,
            fmt!("a TCP socket whose connection is over can't be made"),
        )
    })?;
    if let Some(mark) = tcp.urgent.checked_sub(1) {
        end.sk.set_tcp_urgent(mark, tcp.urgent_read)?;
    }
    end.finish(r, part)
}

/// Sets IPV6_V6ONLY of a socket that gets no address, with which it would come.
fn set_v6only(r: &Restore, made: &Made, tcp: &Tcp) -> Result {
    if made.sk.inet()?.v6only == tcp.v6only {
        return Ok(());
    }
    let only = i32::from(tcp.v6only).to_ne_bytes();
    made.file
        .set_socket_option(level::IPV6, ipv6::V6ONLY, &only)
        .map_err(|e| r.told(e, fmt!("a socket: IPV6_V6ONLY can't be set")))
}

/// Gives a socket that is not connected its address, and lets it listen.
fn bind(r: &Restore, part: &Part<'_>) -> Result {
    let end = part.end(r)?;
    let tcp = part.tcp()?;
    let Some((_, made)) = &end.made else {
        return Err(r.told(
            EINVAL,
            fmt!("a TCP socket that no file shows is not connected"),
        ));
    };
    let addr = Address(tcp.addr, end.family(), tcp.port);
    let listens = part.state() == TCP_LISTENING;
    if listens || tcp.has_port || tcp.bound_addr {
        made.opener.act(|| end.sk.bind_tcp(&tcp)).map_err(|e| {
            r.told(
                e,
                fmt!(
                    "a TCP socket can't get its address {}: {}",
                    addr,
                    bind_error(e)
                ),
            )
        })?;
    } else {
        set_v6only(r, made, &tcp)?;
    }
    if listens {
        made.opener
            .act(|| end.sk.listen_tcp(tcp.backlog))
            .map_err(|e| {
                r.told(
                    e,
                    fmt!("a TCP socket can't listen at {}: {}", addr, bind_error(e)),
                )
            })?;
    }
    end.finish(r, part)
}

/// Makes all sockets what they were: all files are there.
pub(super) fn link(r: &Restore) -> Result {
    let own = Own::of(r)?;
    let mut parts: KVVec<Part<'_>> = KVVec::new();
    let mut held = Held::new();
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        held.set(parts.capacity().saturating_mul(size_of::<Part<'_>>()));
        match raw.kind {
            Kind::TcpSocket => parts.push(Part::of(r, &raw, &own)?, GFP_KERNEL_ACCOUNT)?,
            Kind::TcpHints => {
                let part = parts.last_mut().ok_or(EINVAL)?;
                part.hints = Some(tcp_hints::of(r, &raw)?);
            }
            Kind::TcpAo => {
                let part = parts.last_mut().ok_or(EINVAL)?;
                part.keys.ao = Some(tcp_keys::ao(r, &raw)?);
            }
            Kind::TcpKey => {
                wait::go_on()?;
                let part = parts.last_mut().ok_or(EINVAL)?;
                let key = tcp_keys::key(r, &raw, &own)?;
                part.keys.keys.push(key, GFP_KERNEL_ACCOUNT)?;
            }
            Kind::TcpData => {
                let record: TcpData = raw.body().map_err(|f| r.fault(f))?;
                let part = parts.last_mut().ok_or(EINVAL)?;
                let queue = match record.sent.get() {
                    0 => &mut part.received,
                    _ => &mut part.sent,
                };
                queue.push(raw.payload, GFP_KERNEL_ACCOUNT)?;
            }
            _ => (),
        }
    }
    for part in &parts {
        wait::go_on()?;
        if matches!(part.state(), TCP_NEW | TCP_LISTENING) {
            bind(r, part)?;
        }
    }
    let mut ends: KVVec<SockRef> = KVVec::new();
    for part in parts
        .iter()
        .filter(|part| matches!(part.state(), TCP_CONNECTED | TCP_STARTED))
    {
        if let Some(obj) = ObjRef::new(part.record.socket.get()) {
            let made = socket::made(r, obj.get())?;
            ends.push(made.sk.clone(), GFP_KERNEL_ACCOUNT)?;
        }
    }
    r.set_connections(ends);
    let mut first = None;
    let mut left = ARRIVE_ALL_NS;
    for part in parts.iter().filter(|part| part.state() == TCP_CONNECTED) {
        wait::go_on()?;
        first = match first {
            None => Some(part),
            Some(one) => {
                connect(r, one, part, &mut left)?;
                None
            }
        };
    }
    let mut listens: KVVec<(usize, u32)> = KVVec::new();
    for part in parts.iter().filter(|part| part.state() == TCP_LISTENING) {
        let at = (part.net(r)?.addr(), part.record.port.get());
        listens.push(at, GFP_KERNEL_ACCOUNT)?;
    }
    listens.sort_unstable();
    for part in &parts {
        wait::go_on()?;
        match part.state() {
            TCP_STARTED => {
                // What it has sent is for a socket of the tree, and not for any that listens.
                let at = (part.net(r)?.addr(), part.record.peer_port.get());
                if part.record.socket.get() == 0 && listens.binary_search(&at).is_err() {
                    return Err(r.told(
                        EINVAL,
                        fmt!("a TCP connection that was closed waits at no socket of the image"),
                    ));
                }
                start(r, part)?
            }
            TCP_OVER => end(r, part)?,
            TCP_OUTSIDE => tcp_outside::link(r, part)?,
            _ => (),
        }
    }
    // Until the restart has succeeded.
    r.end_connections_quietly();
    Ok(())
}
