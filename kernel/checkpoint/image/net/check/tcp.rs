// SPDX-License-Identifier: GPL-2.0

//! TCP sockets.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            zero, //
        },
        walk::Walk, //
    },
    net::{
        check::{
            family,
            form,
            kind,
            tcp_key::KeysLeft, //
        },
        tcp::*,
        *, //
    },
    ns::NetNs,
    record::{
        Fault,
        Raw, //
    }, //
};

/// What is still to come of TCP sockets that were told.
#[derive(Clone, Copy, Default)]
pub(in crate::image) struct TcpLeft {
    /// Bytes of the queues of the last one: that were received, that are to be sent.
    received: u32,
    sent: u32,
    /// The other end of one that is connected.
    other_end: bool,
    /// What the one right before knows of the way to the other end may follow.
    hints: bool,
}

impl TcpLeft {
    /// Tells whether hints may come now, and notes that they have come: they come once.
    pub(super) fn take_hints(&mut self) -> bool {
        core::mem::take(&mut self.hints)
    }

    /// Returns what is missing at the end.
    pub(in crate::image) fn lacks(&self) -> Option<&'static str> {
        if self.received != 0 || self.sent != 0 {
            return Some("bytes in the queues of a TCP socket are missing");
        }
        self.other_end
            .then_some("a TCP connection has one end only")
    }
}

/// Bytes of an address of IPv4.
const ADDR4_LEN: usize = 4;

/// Checks an address and a port that a connection can have: neither any, nor a group's, nor
/// everybody's.
fn endpoint(raw: &Raw<'_>, is_v6: bool, addr: &[u8; 16], port: u32) -> Result<(), Fault> {
    let [a, b, c, d, ..] = *addr;
    let mapped = is_v6 && addr.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    let first = match (is_v6, mapped) {
        (true, true) => addr.get(12).copied().unwrap_or(0),
        _ => a,
    };
    let everybody = match (is_v6, mapped) {
        (true, true) => addr.iter().skip(12).all(|&b| b == 0xff),
        (true, false) => false,
        _ => [a, b, c, d] == [0xff; 4],
    };
    let group = match (is_v6, mapped) {
        (true, false) => a == 0xff,
        _ => (224..240).contains(&first),
    };
    let any = match (is_v6, mapped) {
        (true, true) => addr.iter().skip(12).all(|&b| b == 0),
        (true, false) => addr.iter().all(|&b| b == 0),
        _ => [a, b, c, d] == [0; 4],
    };
    ensure(
        raw,
        port != 0 && !group && !everybody && !any,
        "an address that no connection has",
    )
}

/// Checks what only one whose other end is outside has.
fn not_agreed(raw: &Raw<'_>, tcp: &TcpSocket) -> Result<(), Fault> {
    let numbers = [
        &tcp.outside,
        &tcp.send_first,
        &tcp.receive_next,
        &tcp.in_flight,
        &tcp.send_window,
        &tcp.send_window_max,
        &tcp.receive_window,
        &tcp.receive_window_max,
        &tcp.stamp,
        &tcp.stamp_recent,
        &tcp.segment,
        &tcp.send_scale,
        &tcp.receive_scale,
    ];
    ensure(
        raw,
        numbers.iter().all(|n| n.get() == 0),
        "has agreed upon something with nobody",
    )
}

/// Checks what one has agreed upon with the other end, which is outside.
fn agreed(raw: &Raw<'_>, tcp: &TcpSocket) -> Result<(), Fault> {
    let has = |flag| tcp.outside.get() & flag != 0;
    flags(raw, tcp.outside.get().into(), OUTSIDE_FLAGS_ALL.into())?;
    ensure(
        raw,
        tcp.in_flight.get() <= tcp.sent.get(),
        "has sent more than it was to send",
    )?;
    ends(raw, tcp)?;
    let scales = [tcp.send_scale.get(), tcp.receive_scale.get()];
    let most = if has(OUTSIDE_SCALES) { SCALE_MAX } else { 0 };
    ensure(
        raw,
        scales.iter().all(|&scale| scale <= most),
        "impossible scale of a window",
    )?;
    let [send, receive] = scales.map(|scale| WINDOW_MAX << scale.min(SCALE_MAX));
    ensure(
        raw,
        tcp.send_window.get() <= tcp.send_window_max.get()
            && tcp.send_window_max.get() <= send
            && tcp.receive_window.get() <= tcp.receive_window_max.get()
            && tcp.receive_window_max.get() <= receive,
        "impossible window",
    )?;
    ensure(
        raw,
        (1..=u32::from(u16::MAX)).contains(&tcp.segment.get()),
        "impossible length of a segment",
    )?;
    let stamps = tcp.stamp.get() != 0 || tcp.stamp_recent.get() != 0 || has(OUTSIDE_STAMPS_US);
    ensure(
        raw,
        has(OUTSIDE_STAMPS) || !stamps,
        "has time stamps that were not agreed upon",
    )
}

/// Checks what became of the end of what it sends, if the other end is outside.
fn ends(raw: &Raw<'_>, tcp: &TcpSocket) -> Result<(), Fault> {
    let has = |flag| tcp.outside.get() & flag != 0;
    let (sent, acked) = (has(OUTSIDE_FIN_SENT), has(OUTSIDE_FIN_ACKED));
    let shut = tcp.flags.get() & TCP_SHUT_WRITE != 0;
    let done = tcp.flags.get() & TCP_DONE != 0;
    ensure(
        raw,
        shut || !(sent || acked || has(OUTSIDE_CLOSING)),
        "has told of an end, and is not shut down",
    )?;
    ensure(
        raw,
        !sent || tcp.in_flight.get() == tcp.sent.get(),
        "has told of its end before all was sent",
    )?;
    ensure(
        raw,
        !acked || (tcp.sent.get() == 0 && !sent && !done),
        "has something to send after its end, or is over",
    )?;
    ensure(
        raw,
        !has(OUTSIDE_CLOSING) || done,
        "is closing, and the other end has not closed",
    )
}

/// Checks one that no file shows, and whose other end is outside: it waits to be accepted, or was
/// closed.
fn unseen(raw: &Raw<'_>, tcp: &TcpSocket, waits: bool) -> Result<(), Fault> {
    let has = |flag| tcp.flags.get() & flag != 0;
    let killed = tcp.outside.get() & OUTSIDE_KILLED != 0;
    ensure(
        raw,
        tcp.state.get() == TCP_OUTSIDE && killed,
        "was not held, and no file shows it",
    )?;
    // Who has a port that is fixed may listen there. What was closed keeps nothing.
    ensure(
        raw,
        !has(TCP_LOCK_PORT | TCP_CONNECTING),
        "was bound or connected by somebody who does not have it",
    )?;
    if waits {
        ensure(
            raw,
            tcp.sent.get() == 0 && !has(TCP_SHUT_WRITE) && (has(TCP_DONE) || !has(TCP_SHUT_READ)),
            "was used, and waits to be accepted",
        )
    } else {
        ensure(
            raw,
            tcp.received.get() == 0 && has(TCP_SHUT_WRITE),
            "was closed, and is used",
        )
    }
}

impl Walk<'_> {
    /// Checks a TCP socket.
    pub(in crate::image) fn tcp_socket(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let tcp: TcpSocket = raw.body()?;
        let state = tcp.state.get();
        ensure(raw, state <= TCP_OUTSIDE, "unknown state of a socket")?;
        ensure(
            raw,
            matches!(tcp.family.get(), FAMILY_INET | FAMILY_INET6),
            "unknown address family",
        )?;
        if tcp.socket.get() != 0 {
            let socket = self.refer::<Socket>(raw, tcp.socket.get())?;
            ensure(
                raw,
                family(socket) == tcp.family.get() && kind(socket) == SOCKET_STREAM,
                "refers to a socket of another family or type",
            )?;
            let (waits, closed) = (
                form(socket) == SOCKET_WAITING,
                form(socket) == SOCKET_CLOSED,
            );
            if waits || closed {
                unseen(raw, &tcp, waits)?;
            }
            if waits {
                let listener = self.refer::<Socket>(raw, tcp.listener.get())?;
                ensure(
                    raw,
                    family(listener) == tcp.family.get()
                        && kind(listener) == SOCKET_STREAM
                        && form(listener) == SOCKET_OPEN,
                    "can't wait there to be accepted",
                )?;
            } else {
                zero(raw, tcp.listener.get() == 0)?;
            }
            self.link_once::<Socket>(raw, tcp.socket.get(), "tells of the same socket twice")?;
        } else {
            zero(raw, tcp.listener.get() == 0)?;
            ensure(
                raw,
                matches!(state, TCP_STARTED | TCP_CONNECTED)
                    && tcp.received.get() == 0
                    && tcp.mss.get() == 0,
                "was closed, and is not connected",
            )?;
        }
        self.tcp_place(raw, &tcp)?;
        self.tcp_numbers(raw, &tcp)?;
        let left = &mut self.tcp_left;
        ensure(
            raw,
            left.received == 0 && left.sent == 0,
            "the TCP socket before it lacks bytes in its queues",
        )?;
        *left = TcpLeft {
            received: tcp.received.get(),
            sent: tcp.sent.get(),
            other_end: left.other_end != (state == TCP_CONNECTED),
            hints: state == TCP_OUTSIDE,
        };
        self.tcp_keys_left = KeysLeft::of(tcp.family.get(), state == TCP_OUTSIDE);
        match state {
            TCP_OUTSIDE => {
                let was_killed = tcp.outside.get() & OUTSIDE_KILLED != 0;
                ensure(
                    raw,
                    self.killed.is_none_or(|killed| killed == was_killed),
                    "the header tells otherwise of whether its tasks were killed",
                )?;
                agreed(raw, &tcp)?
            }
            _ => not_agreed(raw, &tcp)?,
        }
        ensure(
            raw,
            raw.payload.len() <= CONGESTION_MAX && raw.payload.iter().all(|c| c.is_ascii_graphic()),
            "impossible name of a congestion control",
        )
    }

    /// Checks the network namespace that it is of. What a file shows is of that of who has made it.
    fn tcp_place(&self, raw: &Raw<'_>, tcp: &TcpSocket) -> Result<(), Fault> {
        let (net, of_caller) = (tcp.net.get(), tcp.flags.get() & TCP_OF_CALLER != 0);
        if net == 0 && !of_caller {
            return Ok(());
        }
        self.refer_or_none::<NetNs>(raw, net)?;
        let is_seen = match tcp.socket.get() {
            0 => false,
            socket => form(self.refer::<Socket>(raw, socket)?) == SOCKET_OPEN,
        };
        ensure(
            raw,
            !is_seen && (net == 0 || !of_caller),
            "is of two network namespaces",
        )
    }

    /// Checks its numbers, and how they fit its state.
    fn tcp_numbers(&self, raw: &Raw<'_>, tcp: &TcpSocket) -> Result<(), Fault> {
        let state = tcp.state.get();
        let is_v6 = tcp.family.get() == FAMILY_INET6;
        flags(raw, tcp.flags.get().into(), TCP_FLAGS_ALL.into())?;
        let port_max = u32::from(u16::MAX);
        ensure(
            raw,
            tcp.port.get() <= port_max && tcp.peer_port.get() <= port_max,
            "impossible port",
        )?;
        for addr in [&tcp.address, &tcp.peer_address] {
            let rest = addr.get(ADDR4_LEN..).unwrap_or(&[]);
            ensure(
                raw,
                is_v6 || rest.iter().all(|&b| b == 0),
                "impossible address",
            )?;
        }
        ensure(
            raw,
            tcp.mss.get() == 0 || (MSS_MIN..=MSS_MAX).contains(&tcp.mss.get()),
            "impossible length of a segment",
        )?;
        ensure(
            raw,
            tcp.backlog.get() <= i32::MAX as u32
                && (state == TCP_LISTENING || tcp.backlog.get() == 0),
            "impossible length of a queue",
        )?;
        ensure(
            raw,
            tcp.error.get() <= ERROR_MAX && (state == TCP_OVER || tcp.error.get() == 0),
            "impossible error of a socket",
        )?;
        let (received, sent) = (tcp.received.get(), tcp.sent.get());
        ensure(
            raw,
            received <= QUEUE_MAX && sent <= QUEUE_MAX,
            "a queue that is too long",
        )?;
        ensure(
            raw,
            tcp.urgent.get() <= received && tcp.urgent_sent.get() <= sent,
            "an urgent byte that is not there",
        )?;
        match state {
            TCP_CONNECTED | TCP_OUTSIDE => {
                endpoint(raw, is_v6, &tcp.address, tcp.port.get())?;
                endpoint(raw, is_v6, &tcp.peer_address, tcp.peer_port.get())
            }
            TCP_STARTED => {
                ensure(raw, received == 0, "has received before it is connected")?;
                endpoint(raw, is_v6, &tcp.peer_address, tcp.peer_port.get())
            }
            TCP_OVER => {
                ensure(raw, sent == 0, "can't send any more")?;
                // It could be connected anew, which leaves what is in the queue.
                let was_connected = tcp.flags.get() & (TCP_CONNECTING | TCP_TOLD) != 0;
                ensure(
                    raw,
                    received == 0 || was_connected,
                    "has received before it is connected",
                )
            }
            _ => ensure(raw, received == 0 && sent == 0, "was never connected"),
        }
    }

    /// Checks what is in the queues of a TCP socket.
    pub(in crate::image) fn tcp_data(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let data: TcpData = raw.body()?;
        self.tcp_keys_left = KeysLeft::default();
        self.tcp_left.take_hints();
        if data.len.get() == 0 {
            return no_payload(raw);
        }
        ensure(raw, data.sent.get() <= 1, "neither 0 nor 1")?;
        ensure(
            raw,
            raw.payload.len() <= DATA_MAX
                && u32::try_from(raw.payload.len()).is_ok_and(|len| len == data.len.get()),
            "another number of bytes than announced",
        )?;
        let left = match data.sent.get() {
            0 => &mut self.tcp_left.received,
            _ => &mut self.tcp_left.sent,
        };
        *left = left
            .checked_sub(data.len.get())
            .ok_or(raw.fault("more bytes in a queue than its socket has"))?;
        Ok(())
    }
}
