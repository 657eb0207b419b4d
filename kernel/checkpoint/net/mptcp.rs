// SPDX-License-Identifier: GPL-2.0

//! Sockets of Multipath TCP: those that listen, and those that were never connected.
//!
//! Servers listen with them by default (Go), and have connections of plain TCP if that is what comes: those
//! are TCP sockets. Who connects to a server that speaks TCP only has one, too, in its only subflow: it is
//! saved as that, and comes back as a TCP socket, as accept(2) would have given it. A connection with
//! subflows has its two ends' keys and a mapping between two spaces of numbers, for which the kernel has no
//! TCP_REPAIR: it is refused.

use kernel::prelude::*;

use crate::{
    core::{
        objects::Shared,
        report::Errno,
        restore::Restore, //
    },
    files::Named,
    found::{
        Capture,
        Found,
        LinkOps, //
    },
    image::{
        net::{
            inet::INET_LOCK_ALL,
            mptcp::*,
            options::*,
            tcp::CONGESTION_MAX,
            Socket,
            SocketOption,
            FAMILY_INET,
            FAMILY_INET6,
            OPTION_BUF_LOCK,
            OPTION_RCVBUF,
            OPTION_SNDBUF,
            PROTOCOL_MPTCP,
            SOCKET_STREAM, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::file::FileRef,
        net::{
            inet::{
                ipv6,
                level,
                Inet, //
            },
            mptcp::State,
            socket::SockRef,
            tcp::opt, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    net::{
        address::Own,
        errqueue,
        inet,
        inet_options,
        options::{
            self,
            int,
            Row, //
        },
        socket,
        tcp,
        tcp_build,
        Family, //
    }, //
};

/// Multipath TCP over IPv4 and IPv6.
pub(super) const FAMILY: Family = Family {
    is: is_mptcp,
    options: TABLES,
    collect,
    object,
    sk: socket::plain_sk,
    note: socket::note_plain,
};

/// What these are.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "MPTCP sockets",
    save: save_links,
    link,
};

/// Their options.
const TABLES: &[options::Table] = &[inet_options::IP, inet_options::IPV6, TCP];

/// Those of IPPROTO_TCP that one takes.
#[rustfmt::skip]
static TCP: &[Row] = &[
    int(OPTION_TCP_NODELAY, opt::LEVEL, opt::NODELAY, "TCP_NODELAY"),
    int(OPTION_TCP_CORK, opt::LEVEL, opt::CORK, "TCP_CORK"),
    int(OPTION_TCP_KEEPIDLE, opt::LEVEL, opt::KEEPIDLE, "TCP_KEEPIDLE").usual(None),
    int(OPTION_TCP_KEEPINTVL, opt::LEVEL, opt::KEEPINTVL, "TCP_KEEPINTVL").usual(None),
    int(OPTION_TCP_KEEPCNT, opt::LEVEL, opt::KEEPCNT, "TCP_KEEPCNT").usual(None),
    int(OPTION_TCP_DEFER_ACCEPT, opt::LEVEL, opt::DEFER_ACCEPT, "TCP_DEFER_ACCEPT"),
    int(OPTION_TCP_FASTOPEN, opt::LEVEL, opt::FASTOPEN, "TCP_FASTOPEN"),
    int(OPTION_TCP_NOTSENT_LOWAT, opt::LEVEL, opt::NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"),
    int(OPTION_TCP_FASTOPEN_NO_COOKIE, opt::LEVEL, opt::FASTOPEN_NO_COOKIE, "TCP_FASTOPEN_NO_COOKIE"),
    int(OPTION_TCP_INQ, opt::LEVEL, opt::INQ, "TCP_INQ"),
];

/// Returns whether sockets with these numbers are of Multipath TCP.
fn is_mptcp([family, kind, protocol]: [i32; 3]) -> bool {
    matches!(family.cast_unsigned(), FAMILY_INET | FAMILY_INET6)
        && kind.cast_unsigned() == SOCKET_STREAM
        && protocol.cast_unsigned() == PROTOCOL_MPTCP
}

/// One that has a connection of TCP.
struct FellBack {
    sk: SockRef,
    /// The TCP socket.
    first: SockRef,
}

impl Shared<Found> for FellBack {
    fn addr(&self) -> usize {
        self.sk.addr()
    }
}

/// Returns the reference of the socket at `addr`: that of the TCP socket as which it is saved, if so.
fn object(cap: &Capture, addr: usize) -> Result<ObjRef> {
    match cap.objects.get::<FellBack>(addr) {
        Some(fell_back) => tcp::object(cap, fell_back.first.addr()),
        None => socket::plain_object(cap, addr),
    }
}

/// Returns the TCP socket as which `sk` is saved, if so.
pub(super) fn fell_back(cap: &Capture, sk: &SockRef) -> Option<SockRef> {
    Some(cap.objects.get::<FellBack>(sk.addr())?.first.clone())
}

/// Returns the TCP sockets of those that listen. EBUSY: somebody else uses one, which the log has told.
pub(super) fn listening(cap: &mut Capture) -> Result<KVVec<SockRef>> {
    let mut listening = KVVec::new();
    for (_, plain) in socket::all_plain(cap)? {
        wait::go_on()?;
        if !is_mptcp(socket::numbers(&plain.sk)) {
            continue;
        }
        let first = match plain.sk.mptcp() {
            Ok(mptcp) if mptcp.state == State::Listening => plain.sk.mptcp_first(),
            Ok(_) => continue,
            Err(e) => Err(e),
        };
        let first = first.inspect_err(|_| refuse_busy(cap, &plain.who, &plain.named()))?;
        listening.push(first, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(listening)
}

/// Looks at one that has a connection of TCP. False: refused.
fn collect_fell_back(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result<bool> {
    if cap.strict {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: its MPTCP connection has fallen back to TCP: it would come back as a TCP socket",
                named
            ),
        );
        return Ok(false);
    }
    let first = match sk.mptcp_first() {
        Err(EBUSY) => {
            refuse_busy(cap, &t.display(&cap.pid_ns), named);
            return Ok(false);
        }
        first => first?,
    };
    if !tcp::collect_sk(cap, t, named, first.clone())? {
        return Ok(false);
    }
    if cap.objects.count_only::<FellBack>(sk.addr())? {
        cap.objects.keep(FellBack {
            sk: sk.clone(),
            first,
        })?;
        let who = t.display(&cap.pid_ns);
        cap.report.note(
            &who,
            fmt!(
                "{}: its MPTCP connection has fallen back to TCP: it comes back as a TCP socket",
                named
            ),
        );
    }
    Ok(true)
}

/// Refuses one that somebody else has locked.
pub(super) fn refuse_busy(cap: &mut Capture, who: &TaskName, named: &Named<'_>) {
    cap.report.refuse(
        EBUSY,
        who,
        fmt!("{}: somebody outside uses it (MPTCP): try again", named),
    );
}

/// Takes the sizes of buffers out of `options` that nobody has chosen: such a socket does not take
/// SO_BUF_LOCK, by which they would be left to the machine again.
pub(super) fn retain_chosen(options: &mut KVec<SocketOption>) {
    let mut locks = 0;
    for option in options.iter() {
        if option.option.get() == OPTION_BUF_LOCK {
            locks = option.value.get();
        }
    }
    options.retain(|option| match option.option.get() {
        OPTION_SNDBUF => locks & 1 != 0,
        OPTION_RCVBUF => locks & 2 != 0,
        _ => true,
    });
}

/// Looks at a socket that a task has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, file: &FileRef) -> Result<bool> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let mptcp = match sk.mptcp() {
        Err(EBUSY) => {
            refuse_busy(cap, &t.display(&cap.pid_ns), named);
            return Ok(false);
        }
        mptcp => mptcp?,
    };
    let why = match mptcp.state {
        State::Connected => {
            Some("has an MPTCP connection, which can't be saved yet: have it closed")
        }
        State::FellBack => inet::refused(&sk.inet()?),
        State::Over => {
            Some("its MPTCP connection is over, which can't be saved yet: have it closed")
        }
        State::New | State::Listening if mptcp.fast_open => {
            Some("has a key or a state of TCP Fast Open (MPTCP), which can't be saved yet")
        }
        State::New | State::Listening if mptcp.shared => {
            Some("shares its port (SO_REUSEPORT of MPTCP), which can't be saved yet")
        }
        State::New | State::Listening => inet::refused(&sk.inet()?),
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if !errqueue::collect(cap, t, named, &sk)? {
        return Ok(false);
    }
    if mptcp.state == State::FellBack {
        return collect_fell_back(cap, t, named, &sk);
    }
    if mptcp.waiting != 0 {
        let what = fmt!(
            "{}: connections that nobody has accepted (MPTCP): {}; they are not in the image",
            named,
            mptcp.waiting
        );
        if cap.strict {
            cap.refuse(EBUSY, t, what);
            return Ok(false);
        }
        let who = t.display(&cap.pid_ns);
        cap.report.note(&who, what);
        cap.found.net.unaccepted += u64::from(mptcp.waiting);
    }
    socket::collect_plain(cap, t, named, &sk)?;
    Ok(true)
}

/// Writes what all of them are.
fn save_links(cap: &mut Capture) -> Result {
    let mut unaccepted = 0;
    for (obj, plain) in socket::all_plain(cap)? {
        wait::go_on()?;
        if !is_mptcp(socket::numbers(&plain.sk)) {
            continue;
        }
        let mptcp = plain.sk.mptcp()?;
        let bound = mptcp.addr != [0; 16] || mptcp.port != 0;
        let state = match (mptcp.state, bound) {
            (State::Listening, _) => MPTCP_LISTENING,
            (State::New, true) => MPTCP_BOUND,
            (State::New, false) => MPTCP_NEW,
            // A task outside that has it, too, has connected it.
            _ => return Err(EAGAIN),
        };
        unaccepted += u64::from(mptcp.waiting);
        let record = MptcpSocket {
            socket: obj.get().into(),
            state: state.into(),
            backlog: match state {
                MPTCP_LISTENING => mptcp.backlog.min(i32::MAX as u32),
                _ => 0,
            }
            .into(),
            mss: mptcp.mss.into(),
            port: u32::from(mptcp.port).into(),
            device: plain.sk.inet()?.device.into(),
            locks: (mptcp.locks & INET_LOCK_ALL).into(),
            v6only: u32::from(mptcp.v6only).into(),
            address: mptcp.addr,
        };
        cap.meta.put(&record, name(&mptcp.congestion))?;
    }
    if unaccepted > cap.found.net.unaccepted {
        cap.report.line(fmt!(
            "note: connections that nobody has accepted (MPTCP) have come since: {}; they are not in the \
             image either",
            unaccepted - cap.found.net.unaccepted
        ));
        if cap.strict {
            cap.report.line(fmt!(
                "error: connections that nobody has accepted can't be saved (MPTCP): try again [{}]",
                Errno(EAGAIN)
            ));
            return Err(EAGAIN);
        }
    }
    Ok(())
}

/// Returns the bytes before the first NUL. None, if they are no name: one that has no subflow takes
/// any.
fn name(padded: &[u8; 16]) -> &[u8] {
    let end = padded.iter().position(|&c| c == 0).unwrap_or(0);
    let name = padded.get(..end.min(CONGESTION_MAX)).unwrap_or(&[]);
    match name.iter().all(u8::is_ascii_graphic) {
        true => name,
        false => &[],
    }
}

/// Makes a socket what it was.
fn restore_link(r: &Restore, raw: &Raw<'_>, own: &Own) -> Result {
    let mut record: MptcpSocket = raw.body().map_err(|f| r.fault(f))?;
    let obj = ObjRef::new(record.socket.get()).ok_or(EINVAL)?;
    let (socket, _) = r.object_body::<Socket>(obj)?;
    let family = socket.family.get();
    let made = socket::made(r, obj.get())?;
    if !is_mptcp(socket::numbers(&made.sk)) {
        return Err(r.told(EINVAL, fmt!("an MPTCP socket is of another protocol")));
    }
    let set = |level: u32, name: u32, value: &[u8], what: &'static str| {
        let set = || made.file.set_socket_option(level, name, value);
        made.opener
            .act(set)
            .map_err(|e| r.told(e, fmt!("an MPTCP socket: {} can't be set", what)))
    };
    let mss = record.mss.get();
    if mss != 0 {
        let mss = i32::try_from(mss)?.to_ne_bytes();
        set(opt::LEVEL, opt::MAXSEG, &mss, "TCP_MAXSEG")?;
    }
    if raw.payload != name(&made.sk.mptcp()?.congestion) && !raw.payload.is_empty() {
        set(opt::LEVEL, opt::CONGESTION, raw.payload, "TCP_CONGESTION")?;
    }
    let only = record.v6only.get() != 0;
    if made.sk.inet()?.v6only != only {
        let only = i32::from(only).to_ne_bytes();
        set(level::IPV6, ipv6::V6ONLY, &only, "IPV6_V6ONLY")?;
    }
    if record.state.get() == MPTCP_NEW {
        return Ok(());
    }
    let port = record.port.get();
    own.rewrite_own(r, family, &mut record.address, port)?;
    let at = Inet {
        addr: record.address,
        port: u16::try_from(port)?,
        device: record.device.get(),
        ..Inet::NONE
    };
    let failed = |e, what: &'static str| {
        r.told(
            e,
            fmt!(
                "an MPTCP socket can't {} port {}: {}",
                what,
                port,
                tcp_build::address_error(e)
            ),
        )
    };
    made.opener
        .act(|| made.file.bind_inet(&at))
        .map_err(|e| failed(e, "get"))?;
    made.sk.settle_mptcp(record.locks.get())?;
    if record.state.get() == MPTCP_LISTENING {
        made.opener
            .act(|| made.sk.listen_mptcp(record.backlog.get()))
            .map_err(|e| failed(e, "listen at"))?;
    }
    Ok(())
}

/// Puts all of them together.
fn link(r: &Restore) -> Result {
    let own = Own::of(r)?;
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::MptcpSocket {
            continue;
        }
        wait::go_on()?;
        restore_link(r, &raw, &own)
            .map_err(|e| r.unless_told(e, "an MPTCP socket can't be put together"))?;
    }
    Ok(())
}
