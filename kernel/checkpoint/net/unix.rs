// SPDX-License-Identifier: GPL-2.0

//! Unix sockets: what they lead to is found, and saved.
//!
//! A socket leads to the one that it is connected to, one that listens to connections that wait, and
//! what is in its queue to files and to who has sent it. Of a sender nobody asks for more than its
//! address: to whoever receives, it makes no difference whether that was closed.

use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};
use zerocopy::FromZeros;

use crate::{
    core::objects::{
        Outside,
        Shared, //
    },
    files::{
        self,
        Named,
        Text,
        User, //
    },
    found::{
        Capture,
        Found,
        LinkOps, //
    },
    image::{
        net::{
            unix::{
                UnixSocket,
                ERROR_RESET,
                NAME_AT,
                NAME_MAX,
                SCM_ALL,
                UNIX_CLOSED,
                UNIX_CONNECTED,
                UNIX_LISTENING,
                UNIX_SHUT_READ,
                UNIX_SHUT_WRITE, //
            },
            FAMILY_UNIX,
            SOCKET_CLOSED,
            SOCKET_DGRAM,
            SOCKET_OPEN,
            SOCKET_WAITING, //
        },
        record::ref_number,
        ObjRef, //
    },
    kapi::{
        fs::file::FileRef,
        net::{
            socket::SockRef,
            unix::{
                Message,
                Queued,
                State,
                Unix, //
            }, //
        },
        task::frozen::{
            FrozenTask,
            TaskName, //
        },
        time::wait, //
    },
    net::{
        socket,
        unix_build,
        unix_queue,
        unix_reconnect,
        Family, //
    },
    ns,
    task, //
};

/// What Unix sockets are to each other, and what is in their queues.
pub(super) const LINKS: LinkOps = LinkOps {
    name: "Unix sockets",
    save: save_links,
    link: unix_build::link,
};

/// Unix sockets.
pub(super) const FAMILY: Family = Family {
    is: |[family, ..]| family == FAMILY_UNIX.cast_signed(),
    options: &[],
    collect,
    object,
    sk: |r, obj| r.with_built(obj, |built: &unix_build::BuiltSock| built.sk.clone()),
    note: |r, obj, made| unix_build::note(r, obj, made.sk, &made.opener),
};

/// Another one is connected to it.
const PEER: u32 = 1 << 0;
/// It waits to be accepted at a socket of the tasks.
const WAITS: u32 = 1 << 1;
/// What it leads to is looked at: a file of the tasks shows it, or it waits.
const FOLLOWED: u32 = 1 << 2;
/// Its connection to the outside is cut.
const CUT: u32 = 1 << 3;
/// It connects to the outside again.
const AGAIN: u32 = 1 << 4;

/// What is left of a socket.
enum Rest {
    /// All of it.
    Sock(SockRef),
    /// Messages that it has sent: its type, and its address.
    Messages(i32, KVec<u8>),
}

/// A Unix socket.
pub(super) struct Sock {
    addr: usize,
    rest: Rest,
    /// Who has led to it.
    who: TaskName,
    /// How that one has what leads to it.
    user: User,
    /// Name of that, for messages.
    name: KVec<u8>,
    /// How it was found.
    marks: Atomic<u32>,
    /// How much was in its queue: what others put there since comes after the checkpoint.
    queued: Atomic<u32>,
}

/// A socket that is still to be looked at.
pub(super) struct Todo {
    pub(super) sk: SockRef,
    /// How its first user has what leads to it, and the name of that.
    pub(super) user: User,
    pub(super) name: KVec<u8>,
}

/// Returns whether the connection of `unix` is cut, as the caller has asked for it: the other end,
/// which is outside, is then one that was closed, and nothing is told of who has made that.
fn is_cut(cap: &Capture, unix: &Unix) -> Result<bool> {
    let (Some(file), Some(peer)) = (&unix.file, &unix.peer) else {
        return Ok(false);
    };
    let peer = peer.unix()?;
    Ok(!peer.dead && !peer.waits && files::is_disconnected(cap, file, peer.file.as_ref()))
}

/// Returns what `sk` is to the image. That its connection is cut, or made again, was found when it was
/// looked at: the other end may be closed since.
fn look(cap: &Capture, sk: &SockRef) -> Result<Unix> {
    let mut unix = sk.unix()?;
    let marks = cap
        .objects
        .get::<Sock>(sk.addr())
        .map_or(0, |sock| sock.marks.load(Relaxed));
    if marks & AGAIN != 0 {
        unix_reconnect::leave_end(cap, sk.addr(), &mut unix);
    }
    if marks & CUT != 0 {
        unix.peer_pid = None;
        unix.peer_cred = None;
        // As unix_release_sock() does it to what the other end was connected to.
        let ends = sk.basics().kind != SOCKET_DGRAM.cast_signed();
        unix.shut_read |= ends;
        unix.shut_write |= ends;
    }
    Ok(unix)
}

/// Returns whether a file of the tasks shows `unix`.
fn is_open(cap: &Capture, unix: &Unix) -> bool {
    unix.file
        .as_ref()
        .is_some_and(|f| files::has_socket(cap, f))
}

/// Returns whether a file of the tasks shows the Unix socket `sk`.
pub(crate) fn is_of_tasks(cap: &Capture, sk: &SockRef) -> bool {
    sk.unix().is_ok_and(|unix| is_open(cap, &unix))
}

impl Sock {
    /// Returns whether the tasks have its other end after all, though no descriptor of theirs shows
    /// that, and its connection was to be cut or made again.
    fn is_torn(&self, cap: &Capture, unix: &Unix) -> bool {
        self.marks.load(Relaxed) & (CUT | AGAIN) != 0
            && unix
                .peer
                .as_ref()
                .is_some_and(|peer| peer.unix().is_ok_and(|end| is_open(cap, &end)))
    }
}

impl Shared<Found> for Sock {
    fn addr(&self) -> usize {
        self.addr
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        let marks = self.marks.load(Relaxed);
        let Rest::Sock(sk) = &self.rest else {
            return Outside::Nothing;
        };
        match sk.unix() {
            Ok(unix) if self.is_torn(cap, &unix) => Outside::Refused,
            Ok(unix) if marks & PEER == 0 || marks & WAITS != 0 || unix.dead => Outside::Nothing,
            Ok(unix) if is_open(cap, &unix) => Outside::Nothing,
            _ => Outside::Refused,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        let named = Named {
            user: self.user,
            name: &self.name,
        };
        let unix = match &self.rest {
            Rest::Sock(sk) => Some(sk.unix()?),
            Rest::Messages(..) => None,
        };
        let is_torn = unix.as_ref().is_some_and(|unix| self.is_torn(cap, unix));
        let file = unix.and_then(|unix| unix.file);
        let why = if is_torn {
            "is in a message or an io_uring of the tree: have it received, or let the connection be as it \
             is, without a rule"
        } else if file.is_some_and(|file| files::is_left_out(cap, &file)) {
            "is left out: leave this one out, too (--close)"
        } else {
            "is outside: leave this one outside, too (--external), let it connect to the same address \
             again (--reconnect), cut the connection (--disconnect), or checkpoint what has that as well"
        };
        cap.report.refuse(
            EBUSY,
            &self.who,
            fmt!("{}: the socket that it is connected to {}", named, why),
        );
        Ok(())
    }
}

/// Counts the socket at `addr`, to which what `named` is has led; returns whether it has the mark
/// for the first time.
fn find(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    addr: usize,
    mark: u32,
    rest: impl FnOnce() -> Result<Rest>,
) -> Result<bool> {
    if cap.objects.count::<Sock>(addr)? {
        let mut name = KVec::new();
        name.extend_from_slice(named.name, GFP_KERNEL_ACCOUNT)?;
        cap.objects.keep(Sock {
            addr,
            rest: rest()?,
            who: t.display(&cap.pid_ns),
            user: named.user,
            name,
            marks: Atomic::new(0),
            queued: Atomic::new(0),
        })?;
    }
    let sock = cap.objects.get::<Sock>(addr).ok_or(ENOENT)?;
    let marks = sock.marks.load(Relaxed);
    sock.marks.store(marks | mark, Relaxed);
    Ok(marks & mark != mark)
}

/// Tells the same of one that there is.
fn find_sock(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
    mark: u32,
) -> Result<bool> {
    find(cap, t, named, sk.addr(), mark, || {
        Ok(Rest::Sock(sk.clone()))
    })
}

/// Notes that `sk` is to be looked at.
fn add_todo(cap: &mut Capture, named: &Named<'_>, sk: SockRef) -> Result {
    let mut name = KVec::new();
    name.extend_from_slice(named.name, GFP_KERNEL_ACCOUNT)?;
    let user = named.user;
    cap.found
        .net
        .todo
        .push(Todo { sk, user, name }, GFP_KERNEL_ACCOUNT)?;
    Ok(())
}

/// Looks at a socket that a task has. False: refused.
fn collect(cap: &mut Capture, t: &FrozenTask, named: &Named<'_>, file: &FileRef) -> Result<bool> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let unix = sk.unix()?;
    let why = if unix.foreign {
        Some("BPF has taken it over (sockmap): have it taken out")
    } else if !matches!(unix.err, 0) && unix.err.cast_unsigned() != ERROR_RESET {
        Some("has an error to tell that can't be saved: have it read (SO_ERROR)")
    } else if unix.name.len() > NAME_MAX {
        Some("has an impossible address")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if let Some(path) = unix.path.as_ref().filter(|path| !path.is_unlinked()) {
        let root = cap.found.files.root();
        if path.is_hidden(root) || path.name_from(root)?.is_none() {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: what it is bound to can't be reached by its path: call from where it can",
                    named
                ),
            );
            return Ok(false);
        }
    }
    // Others find it by that one, which is not known.
    if let Some(path) = unix.path.as_ref().filter(|path| path.is_unlinked()) {
        if path.links() != 0 {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: what it is bound to was removed by this name, and another one (a hard link) is \
                     left: remove that, too",
                    named
                ),
            );
            return Ok(false);
        }
    }
    if find_sock(cap, t, named, &sk, FOLLOWED)? {
        add_todo(cap, named, sk)?;
    }
    Ok(true)
}

/// Looks at what a socket leads to.
pub(super) fn follow(cap: &mut Capture, t: &FrozenTask, todo: Todo) -> Result {
    let named = Named {
        user: todo.user,
        name: &todo.name,
    };
    let mut unix = todo.sk.unix()?;
    let cut = is_cut(cap, &unix)?;
    if !cut && unix_reconnect::collect(cap, t, &named, &todo.sk, &unix)? {
        find_sock(cap, t, &named, &todo.sk, AGAIN)?;
        unix.peer = None;
        unix.peer_pid = None;
        unix.peer_cred = None;
    }
    if let Some(peer) = &unix.peer {
        find_sock(cap, t, &named, peer, if cut { 0 } else { PEER })?;
    }
    if cut {
        find_sock(cap, t, &named, &todo.sk, CUT)?;
        unix.peer_pid = None;
        unix.peer_cred = None;
        let who = t.display(&cap.pid_ns);
        cap.report.note(
            &who,
            fmt!("{}: comes back as if its other end had been closed", named),
        );
    }
    if let Some(pid) = unix.peer_pid {
        files::collect_pid(cap, t, &named, "is connected to a socket of", pid)?;
    }
    if let Some(cred) = unix.peer_cred {
        if task::collect_cred(cap, cred)?.is_none() {
            cap.refuse(
                EOPNOTSUPP,
                t,
                fmt!(
                    "{}: who has made what it is connected to is not known in this user namespace: \
                     call from outside",
                    named
                ),
            );
        }
    }
    let queue = todo.sk.queue()?;
    let sock = cap.objects.get::<Sock>(todo.sk.addr()).ok_or(ENOENT)?;
    sock.queued.store(u32::try_from(queue.len())?, Relaxed);
    for queued in &queue {
        wait::go_on()?;
        if unix.state != State::Listening {
            unix_queue::collect(cap, t, &named, &todo.sk, queued)?;
            continue;
        }
        let Some(waiting) = queued.sock() else {
            continue;
        };
        if find_sock(cap, t, &named, &waiting, WAITS | FOLLOWED)? {
            add_todo(cap, &named, waiting)?;
        }
    }
    Ok(())
}

/// Counts who has sent a message to `to`.
pub(super) fn collect_sender(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    to: &SockRef,
    message: &Message,
) -> Result {
    find(cap, t, named, message.sender, 0, || match &message.from {
        Some(sk) => Ok(Rest::Sock(sk.clone())),
        None => {
            let mut name = KVec::new();
            name.extend_from_slice(&message.name, GFP_KERNEL_ACCOUNT)?;
            Ok(Rest::Messages(to.basics().kind, name))
        }
    })?;
    Ok(())
}

/// Returns the reference of the socket at `addr`. ENOENT: it was not there when all were collected.
pub(super) fn object(cap: &Capture, addr: usize) -> Result<ObjRef> {
    cap.objects.reference::<Sock>(addr)
}

/// Returns who has a socket: `SOCKET_*`.
fn form(cap: &Capture, sock: &Sock, unix: &Unix) -> u32 {
    if is_open(cap, unix) {
        SOCKET_OPEN
    } else if unix.waits && sock.marks.load(Relaxed) & WAITS != 0 {
        SOCKET_WAITING
    } else {
        SOCKET_CLOSED
    }
}

/// Returns the addresses of all sockets, in the order in which they were found.
fn all(cap: &Capture) -> Result<KVVec<usize>> {
    let mut all = KVVec::new();
    for (_, sock) in cap.objects.all::<Sock>() {
        all.push(sock.addr(), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(all)
}

/// Returns what was in the queue of a socket when it was looked at: nobody receives since.
fn queue(sock: &Sock, sk: &SockRef) -> Result<KVVec<Queued>> {
    let mut queue = sk.queue()?;
    queue.truncate(sock.queued.load(Relaxed) as usize);
    Ok(queue)
}

/// Writes the records of sockets that no file of the tasks shows, and those that links refer to:
/// who sockets and messages came from.
pub(super) fn save_objects(cap: &mut Capture) -> Result {
    for addr in all(cap)? {
        wait::go_on()?;
        let sock = cap.objects.get::<Sock>(addr).ok_or(ENOENT)?;
        let sk = match &sock.rest {
            Rest::Sock(sk) => sk,
            Rest::Messages(kind, _) => {
                let numbers = [FAMILY_UNIX.cast_signed(), *kind, 0];
                let obj = object(cap, addr)?;
                socket::put(cap, obj, numbers, (SOCKET_CLOSED, 0), [0, 0], &[])?;
                continue;
            }
        };
        let unix = look(cap, sk)?;
        let form = form(cap, &sock, &unix);
        if form != SOCKET_OPEN {
            let obj = object(cap, addr)?;
            // One that waits is of that of the socket that listens.
            let net = match form {
                SOCKET_CLOSED if !ns::net::is_of_root(cap, sk.net_addr()) => {
                    ref_number(ns::net::reference_at(cap, sk.net_addr()))
                }
                _ => 0,
            };
            socket::put(cap, obj, socket::numbers(sk), (form, net), [0, 0], &[])?;
        }
        if form == SOCKET_CLOSED {
            continue;
        }
        if let Some(pid) = &unix.peer_pid {
            files::save_pid(cap, pid)?;
        }
        if let Some(cred) = &unix.peer_cred {
            task::save_opener(cap, cred.addr())?;
        }
        if unix.state != State::Listening {
            unix_queue::save_senders(cap, sk, &queue(&sock, sk)?)?;
        }
    }
    Ok(())
}

/// Writes what all sockets are to each other, and what is in their queues.
fn save_links(cap: &mut Capture) -> Result {
    let all = all(cap)?;
    for &addr in &all {
        wait::go_on()?;
        let sock = cap.objects.get::<Sock>(addr).ok_or(ENOENT)?;
        let sk = match &sock.rest {
            Rest::Sock(sk) => sk,
            Rest::Messages(_, name) => {
                save_closed(cap, addr, name)?;
                continue;
            }
        };
        let unix = look(cap, sk)?;
        match form(cap, &sock, &unix) {
            // With the socket at which it waits.
            SOCKET_WAITING => (),
            SOCKET_OPEN => {
                save_link(cap, addr, &unix, None)?;
                unix_reconnect::save(cap, addr)?;
                if unix.state == State::Listening {
                    save_waiting(cap, sk, &queue(&sock, sk)?)?;
                }
            }
            _ => save_closed(cap, addr, &unix.name)?,
        }
    }
    for addr in all {
        wait::go_on()?;
        let sock = cap.objects.get::<Sock>(addr).ok_or(ENOENT)?;
        let Rest::Sock(sk) = &sock.rest else {
            continue;
        };
        let unix = sk.unix()?;
        if form(cap, &sock, &unix) != SOCKET_CLOSED && unix.state != State::Listening {
            unix_queue::save(cap, sk, &queue(&sock, sk)?)?;
        }
    }
    Ok(())
}

/// Writes the connections that wait at `listener`.
fn save_waiting(cap: &mut Capture, listener: &SockRef, queue: &[Queued]) -> Result {
    for queued in queue {
        wait::go_on()?;
        let waiting = queued.sock().ok_or(ENOENT)?;
        let unix = waiting.unix()?;
        save_link(cap, waiting.addr(), &unix, Some(listener))?;
    }
    Ok(())
}

/// Writes a socket that was closed: others have its address.
fn save_closed(cap: &mut Capture, addr: usize, name: &[u8]) -> Result {
    let record = UnixSocket {
        socket: object(cap, addr)?.get().into(),
        name: u32::try_from(name.len())?.into(),
        ..UnixSocket::new_zeroed()
    };
    cap.meta.put(&record, &in_image(name)?)
}

/// Returns an address as it stands in the image.
pub(super) fn in_image(name: &[u8]) -> Result<KVec<u8>> {
    let mut own: KVec<u8> = KVec::new();
    own.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
    // AF_UNIX stands as this machine has it.
    for (to, from) in own.iter_mut().zip([1, 0]) {
        *to = from;
    }
    Ok(own)
}

/// Returns the path at which others find a socket, if there is one.
fn path(cap: &Capture, unix: &Unix) -> Result<Option<KVec<u8>>> {
    match unix.path.as_ref().filter(|path| !path.is_unlinked()) {
        Some(path) => path.name_from(cap.found.files.root()),
        None => Ok(None),
    }
}

/// Writes what a socket is to others; `listener`: where it waits to be accepted.
fn save_link(cap: &mut Capture, addr: usize, unix: &Unix, listener: Option<&SockRef>) -> Result {
    let reference = |cap: &Capture, sk: Option<&SockRef>| match sk {
        Some(sk) => object(cap, sk.addr()).map(ObjRef::get),
        None => Ok(0),
    };
    let peer_pid = match &unix.peer_pid {
        Some(pid) => Some(files::save_pid(cap, pid)?),
        None => None,
    };
    let peer_cred = match &unix.peer_cred {
        Some(cred) => Some(task::save_opener(cap, cred.addr())?),
        None => None,
    };
    // One that waits has the address of where it does.
    let waits = listener.is_some();
    let name: &[u8] = if waits { &[] } else { &unix.name };
    let path = if waits { None } else { path(cap, unix)? };
    let bound = path.is_some() || !waits && unix.named;
    let removed = match &unix.path {
        Some(at) if path.is_none() && !waits => files::save_removed(cap, at)?,
        _ => None,
    };
    let mut shutdown = 0;
    if unix.shut_read {
        shutdown |= UNIX_SHUT_READ;
    }
    if unix.shut_write {
        shutdown |= UNIX_SHUT_WRITE;
    }
    let record = UnixSocket {
        socket: object(cap, addr)?.get().into(),
        state: match unix.state {
            State::Closed => UNIX_CLOSED,
            State::Connected => UNIX_CONNECTED,
            State::Listening => UNIX_LISTENING,
        }
        .into(),
        peer: reference(cap, unix.peer.as_ref())?.into(),
        listener: reference(cap, listener)?.into(),
        backlog: unix.backlog.min(i32::MAX as u32).into(),
        shutdown: shutdown.into(),
        error: unix.err.cast_unsigned().into(),
        scm: if waits { unix.scm & SCM_ALL } else { 0 }.into(),
        peer_pid: ref_number(peer_pid).into(),
        peer_cred: ref_number(peer_cred).into(),
        name: u32::try_from(name.len())?.into(),
        bound: u32::from(bound).into(),
        removed: ref_number(removed).into(),
        reserved: 0.into(),
    };
    let mut payload = in_image(name)?;
    if let Some(path) = &path {
        payload.extend_from_slice(path, GFP_KERNEL_ACCOUNT)?;
    }
    cap.meta.put(&record, &payload)
}

/// Returns an address in messages: a path, or an abstract name with an @ for its NUL.
pub(super) fn shown(name: &[u8]) -> (&'static str, Text<'_>) {
    match name.get(NAME_AT..).unwrap_or(&[]) {
        [0, rest @ ..] => ("@", Text(rest)),
        path => ("", Text(path.strip_suffix(&[0]).unwrap_or(path))),
    }
}
