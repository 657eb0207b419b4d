// SPDX-License-Identifier: GPL-2.0

//! Unix sockets whose other end is outside, and that connect to its address again.
//!
//! What was in their queues is read first: so the connection is made last of all, when everything is
//! linked. Who answers is told by SO_PEERCRED who has connected: the task that has made the socket does
//! it, with the rights that it was made with.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};

use crate::{
    core::{
        report::Errno,
        restore::{
            Restore,
            TaskRecords, //
        },
        rules::Place, //
    },
    files::{
        self,
        Named, //
    },
    found::Capture,
    image::{
        net::{
            unix::{
                UnixReconnect,
                NAME_AT,
                NAME_MAX, //
            },
            FAMILY_UNIX,
            SOCKET_DGRAM, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::{
            file::FileRef,
            fs_struct::FsRef,
            path::{
                PathName,
                PathRef, //
            }, //
        },
        net::{
            socket::{
                Closing,
                SockRef, //
            },
            unix::{
                State,
                Unix, //
            }, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask,
        time::wait, //
    },
    net::{
        unix::{
            self,
            in_image,
            shown, //
        },
        unix_build::{
            self,
            BuiltSock, //
        }, //
    }, //
};

/// Where the other end of a socket was.
struct Target {
    /// Its address.
    name: KVec<u8>,
    /// The path from the caller's root, if the address is one.
    path: Option<KVec<u8>>,
    /// How the socket was shut down then: to receive, and to send.
    shut: [bool; 2],
    /// What SO_ERROR told.
    err: i32,
}

/// The sockets of a checkpoint that connect again, by their addresses.
pub(super) struct Targets(RBTree<usize, Target>);

impl Targets {
    /// Returns none yet.
    pub(super) fn new() -> Self {
        Self(RBTree::new())
    }
}

/// Returns the address as bytes for messages and patterns: a path, or an abstract name with an @ for
/// each NUL.
fn text(name: &[u8]) -> Result<KVec<u8>> {
    let name = name.get(NAME_AT..).unwrap_or(&[]);
    let is_path = name.first() != Some(&0);
    let name = name.strip_suffix(&[0]).filter(|_| is_path).unwrap_or(name);
    let mut text = KVec::with_capacity(name.len(), GFP_KERNEL_ACCOUNT)?;
    for &b in name {
        text.push(if b == 0 { b'@' } else { b }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(text)
}

/// Returns the name that rules know the other end of a Unix socket by, which `file` shows: "unix:" and
/// its address. `None`: it shows none, or one that is connected to nothing that has an address.
pub(crate) fn end_name(file: &FileRef) -> Result<Option<KVec<u8>>> {
    let is_unix = |sk: &SockRef| sk.basics().family == FAMILY_UNIX.cast_signed();
    let Some(sk) = SockRef::of(file).filter(is_unix) else {
        return Ok(None);
    };
    let Some(peer) = sk.unix()?.peer else {
        return Ok(None);
    };
    let address = text(&peer.unix()?.name)?;
    if address.is_empty() {
        return Ok(None);
    }
    let mut name = KVec::new();
    name.extend_from_slice(b"unix:", GFP_KERNEL_ACCOUNT)?;
    name.extend_from_slice(&address, GFP_KERNEL_ACCOUNT)?;
    Ok(Some(name))
}

/// Returns the path from the caller's root at which what has the address `name` is or was found, and
/// whether `peer`, which has it, is what lies there. `None`: the address is a path from somewhere else.
///
/// One that can't be seen from there is taken as it was bound only if `t` has the same root: then it
/// leads to nothing that `t` can't reach itself. Who is in a container could else bind a socket of its
/// own where a server outside of that has one, and be connected to the server at a restart.
fn place(
    cap: &Capture,
    t: &FrozenTask,
    peer: &SockRef,
    name: &[u8],
) -> Result<Option<(KVec<u8>, bool)>> {
    let root = cap.found.files.root();
    if let Some(at) = peer.unix_place().filter(|path| !path.is_hidden(root)) {
        if let Some(path) = at.name_from(root)? {
            return Ok(Some((path, !at.is_unlinked())));
        }
    }
    if !FsRef::of(t).is_some_and(|fs| fs.root() == *root) {
        return Ok(None);
    }
    let path = text(name)?;
    Ok((path.first() == Some(&b'/')).then_some((path, false)))
}

/// Returns whether `end`, to which who has `file` is connected, was told of the user whose rights the
/// file was opened with: it would be told of that one at the restart. Who has been given a socket by
/// another user, and has connected it, would have that one's rights there.
fn is_of_maker(file: &FileRef, end: &Unix) -> Result<bool> {
    let maker = CredRef::of_file(file)?;
    Ok(end
        .peer_cred
        .as_ref()
        .is_none_or(|told| told.is_same_user(&maker)))
}

/// Looks for where `sk`, of which `unix` tells, is to connect again, if the caller has asked for that
/// and its other end is outside. False: it is saved as it is; true: its other end is not looked at, or
/// it was refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
    unix: &Unix,
) -> Result<bool> {
    let (Some(file), Some(peer)) = (&unix.file, &unix.peer) else {
        return Ok(false);
    };
    let end = peer.unix()?;
    if end.dead || end.waits || !files::is_reconnected(cap, file, end.file.as_ref()) {
        return Ok(false);
    }
    let is_stream = sk.basics().kind != SOCKET_DGRAM.cast_signed();
    let why = if end.name.len() <= NAME_AT {
        Some("has no address")
    } else if end.name.len() > NAME_MAX {
        Some("has an impossible address")
    } else if is_stream && (end.named || end.path.is_some()) {
        // One that was accepted has the address, and is not found by it.
        Some("has made the connection")
    } else if !is_stream && end.peer.is_some() {
        // It takes datagrams of that one only: unix_may_send().
        Some("is connected itself")
    } else if is_stream && !is_of_maker(file, &end)? {
        Some("was told of another user than the one who has made this one")
    } else {
        None
    };
    let mut found = None;
    if why.is_none() && end.name.get(NAME_AT) != Some(&0) {
        found = place(cap, t, peer, &end.name)?;
    }
    let is_path = end.name.get(NAME_AT) != Some(&0);
    let why = why.or((is_path && found.is_none())
        .then_some("has a path that is not known from the caller's root directory"));
    if let Some(why) = why {
        cap.refuse(
            EOPNOTSUPP,
            t,
            fmt!(
                "{}: the socket that it is connected to {}, and so can't be connected to again: cut the \
                 connection (--disconnect), or leave this one outside (--external)",
                named,
                why
            ),
        );
        return Ok(true);
    }
    let (at, name) = shown(&end.name);
    let other = match &found {
        Some((_, false)) => {
            " (its path was removed or replaced, or is another one from here: what lies there then counts)"
        }
        _ => "",
    };
    let who = t.display(&cap.pid_ns);
    cap.report.note(
        &who,
        fmt!(
            "{}: connects to {}{} again when it is restarted{}: what the other end has not read of it \
             is not sent again",
            named,
            at,
            name,
            other
        ),
    );
    let target = Target {
        name: end.name,
        path: found.map(|(path, _)| path),
        shut: [unix.shut_read, unix.shut_write],
        err: unix.err,
    };
    cap.found
        .net
        .reconnects
        .0
        .try_create_and_insert(sk.addr(), target, GFP_KERNEL_ACCOUNT)?;
    Ok(true)
}

/// Makes of `unix`, which tells of the socket at `addr`, what it is without its other end, which may
/// have been closed since: then it would be shut down.
pub(super) fn leave_end(cap: &Capture, addr: usize, unix: &mut Unix) {
    unix.peer = None;
    unix.state = State::Closed;
    unix.peer_pid = None;
    unix.peer_cred = None;
    if let Some(target) = cap.found.net.reconnects.0.get(&addr) {
        [unix.shut_read, unix.shut_write] = target.shut;
        unix.err = target.err;
    }
}

/// Writes where the socket at `addr` connects again, if it does.
pub(super) fn save(cap: &mut Capture, addr: usize) -> Result {
    let obj = unix::object(cap, addr)?;
    let Some(target) = cap.found.net.reconnects.0.get(&addr) else {
        return Ok(());
    };
    let mut payload = in_image(&target.name)?;
    if let Some(path) = &target.path {
        payload.extend_from_slice(path, GFP_KERNEL_ACCOUNT)?;
    }
    let record = UnixReconnect {
        socket: obj.get().into(),
        name: u32::try_from(target.name.len())?.into(),
    };
    cap.meta.put(&record, &payload)
}

/// Where a rebuilt socket connects again.
pub(super) struct Reach {
    /// The address, with AF_UNIX as this machine has it.
    name: KVec<u8>,
    /// Where that is now; `None`: it is abstract.
    place: Option<Place>,
}

/// Runs `f` with each record of a socket that connects again, and the reference of the socket.
fn each(r: &Restore, mut f: impl FnMut(&Raw<'_>, &UnixReconnect, ObjRef) -> Result) -> Result {
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::UnixReconnect {
            wait::go_on()?;
            let record: UnixReconnect = raw.body().map_err(|f| r.fault(f))?;
            let obj = ObjRef::new(record.socket.get()).ok_or(EINVAL)?;
            f(&raw, &record, obj)?;
        }
    }
    Ok(())
}

/// The sockets that were to connect again, and in whose place the caller has given files of its own, in
/// ascending order.
pub(super) struct Given(KVVec<u32>);

impl Given {
    /// Finds them: no task has made them.
    pub(super) fn find(r: &Restore) -> Result<Self> {
        let mut given = KVVec::new();
        each(r, |_, _, obj| {
            if !r.is_built(obj) {
                given.push(obj.get(), GFP_KERNEL_ACCOUNT)?;
            }
            Ok(())
        })?;
        given.sort_unstable();
        Ok(Self(given))
    }

    /// Returns whether the socket with reference `obj` is one of them.
    pub(super) fn has(&self, obj: u32) -> bool {
        self.0.binary_search(&obj).is_ok()
    }
}

/// Prepares those that connect again: their queues can be filled, and who has made them is called when
/// that is done.
pub(super) fn prepare(r: &Restore, given: &Given) -> Result {
    each(r, |raw, record, obj| {
        if given.has(obj.get()) {
            return Ok(());
        }
        let built = unix_build::built(r, obj.get())?;
        let len = record.name.get() as usize;
        let (name, path) = raw.payload.split_at_checked(len).ok_or(EINVAL)?;
        let reach = Reach {
            name: unix_build::own_name(name)?,
            place: match path {
                [] => None,
                path => Some(r.place(path)?),
            },
        };
        if built.reach.as_ref().is_some() || !built.reach.populate(reach) {
            return Err(r.told(EINVAL, fmt!("a socket connects again twice")));
        }
        let unix = built.sk.unix()?;
        if unix.peer.is_some() || unix.state != State::Closed {
            return Err(r.told(
                EINVAL,
                fmt!("a socket that connects again is connected, or listens"),
            ));
        }
        // A message gets into the queue of a stream that is connected only.
        if built.sk.basics().kind != SOCKET_DGRAM.cast_signed() {
            built
                .sk
                .connect_unix(None, None, None, true)
                .map_err(|e| r.told(e, fmt!("a socket that connects again is connected")))?;
        }
        r.call_later(built.maker, obj)
    })
}

/// Connects `built` to the address that its other end had. In the context of who has made it.
pub(super) fn reach(r: &Restore, plan: &TaskRecords<'_>, built: &BuiltSock) -> Result {
    let (Some(reach), Some(opener)) = (built.reach.as_ref(), &built.opener) else {
        return Err(EINVAL);
    };
    // Its queue is full by now of what it is to receive first.
    built.sk.disconnect_unix();
    let connect = || match &reach.place {
        Some(place) => {
            let path = PathRef::lookup(&r.root, place.as_c_str())?;
            built.sk.reconnect_unix(&[], Some(&path))
        }
        None => built.sk.reconnect_unix(&reach.name, None),
    };
    let Err(e) = opener.act(connect).map_err(wait::without_restart) else {
        return Ok(());
    };
    // That is told as what it is.
    wait::go_on()?;
    let saved = text(&reach.name)?;
    let pattern = match &reach.place {
        Some(place) => place.saved(),
        None => &PathName::new(&saved)?,
    };
    // What has the name now is told, and not what had it.
    let shown = match &reach.place {
        Some(place) => files::Text(place.as_bytes()),
        None => files::Text(&saved),
    };
    let why = match e {
        ENOENT | ECONNREFUSED => "nobody listens there: start who does",
        EAGAIN => "as many wait there to be accepted as may: try again when they are",
        EACCES | EPERM => "who has made the socket may not connect to it",
        ELOOP => "there is a symbolic link on its path, where none was",
        EPROTOTYPE => "there is a socket of another type",
        ENAMETOOLONG => "its name is too long for an address",
        ESTALE => "something else was put there meanwhile: try again",
        _ => "the kernel does not connect it",
    };
    if !matches!(e, ENOMEM | EINTR | ESTALE) && r.policy.changes.cuts(pattern)? {
        r.with_report(|report| {
            report.note(
                &plan.name(),
                fmt!(
                    "a socket can't be connected to {} again: {} [{}]: it comes back as if its other end \
                     had been closed",
                    shown,
                    why,
                    Errno(e)
                ),
            );
        });
        return cut(built, reach);
    }
    Err(r.fail(
        e,
        plan,
        fmt!(
            "a socket can't be connected to {} again: {}; or give it another connection (--fd), cut off \
             what can't be connected (--disconnect), or checkpoint it so",
            shown,
            why
        ),
    ))
}

/// Lets it be as if its other end had been closed.
fn cut(built: &BuiltSock, reach: &Reach) -> Result {
    let basics = built.sk.basics();
    let (closing, peer) = Closing::make(&built.sk.net()?, basics.family, basics.kind)?;
    peer.set_unix_name(&reach.name)?;
    built.sk.connect_unix(Some(&peer), None, None, true)?;
    // As unix_release_sock() does it to what the other end was connected to.
    let ends = basics.kind != SOCKET_DGRAM.cast_signed();
    built.sk.settle_unix(ends, ends, false);
    drop(closing);
    Ok(())
}
