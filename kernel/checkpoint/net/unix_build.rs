// SPDX-License-Identifier: GPL-2.0

//! Unix sockets: how they come back.
//!
//! The sockets that files show are there. First all get their addresses, by which nobody finds them yet,
//! and those that listen do so; then connections that wait are made, all are connected, and get what
//! was in their queues. After that they are shut down as they were, and those connect that do so again.
//! They are found by their addresses when all else is done: from then on others may connect and send.

use kernel::{
    prelude::*,
    sync::{
        Arc,
        SetOnce, //
    },
    task::Task, //
};

use crate::{
    core::{
        built::Rebuilt,
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files,
    image::{
        net::{
            unix::{
                UnixSocket,
                UNIX_CONNECTED,
                UNIX_LISTENING,
                UNIX_SHUT_READ,
                UNIX_SHUT_WRITE, //
            },
            Socket,
            SOCKET_CLOSED,
            SOCKET_DGRAM,
            SOCKET_WAITING, //
        },
        Kind,
        ObjRef,
        Raw, //
    },
    kapi::{
        fs::path::{
            PathName,
            PathRef, //
        },
        mm::{
            memcg::Memcg,
            space::MmRef, //
        },
        net::socket::{
            Closing,
            SockRef, //
        },
        security::cred::CredRef,
        task::links::PidRef,
        time::wait, //
    },
    net::{
        unix::shown,
        unix_queue,
        unix_reconnect::{
            self,
            Given,
            Reach, //
        }, //
    },
    ns,
    task, //
};

/// A rebuilt socket.
pub(super) struct BuiltSock {
    pub(super) sk: SockRef,
    /// That of its first user: what is in its queue is charged to it.
    pub(super) memcg: Arc<Memcg>,
    /// With whose rights it is bound and connected; `None`: no file shows it.
    pub(super) opener: Option<CredRef>,
    /// Address of the task that has made it, to compare.
    pub(super) maker: usize,
    /// What closes it when all has been sent from it, of one that was closed.
    _closing: Option<Closing>,
    /// Its address, if it is to be found by that.
    address: SetOnce<Address>,
    /// Where it connects again, if it does.
    pub(super) reach: SetOnce<Reach>,
}

/// The address by which a socket is found.
struct Address {
    name: KVec<u8>,
    at: At,
}

/// Where a socket is found.
enum At {
    /// By its name, which is abstract.
    Name,
    /// At a path.
    Path(PathName),
    /// At what was removed, by who has that.
    Removed(PathRef),
}

impl Rebuilt for BuiltSock {
    fn reach(&self, r: &Restore, plan: &TaskRecords<'_>, _: ObjRef) -> Result {
        unix_reconnect::reach(r, plan, self)
    }

    fn stays(&self) -> bool {
        self.address.as_ref().is_some()
    }

    /// Lets others find it by its address. That it is closed takes it back.
    fn publish(&self, r: &Restore, _: ObjRef) -> Result {
        let (Some(opener), Some(address)) = (&self.opener, self.address.as_ref()) else {
            return Ok(());
        };
        let bind = || match &address.at {
            At::Path(path) => {
                let path = PathRef::lookup(&r.root, path.as_c_str())?;
                self.sk.bind_unix(Some(&path))
            }
            At::Removed(path) => self.sk.bind_unix_removed(path),
            At::Name => self.sk.bind_unix(None),
        };
        opener.act(bind).map_err(|e| {
            let why = match e {
                EADDRINUSE => "another socket has it: end what has that, or restart elsewhere",
                ENOENT => "nothing is there: make a socket there, with the owner that it had",
                ENOTSOCK => "something else is there: put it away",
                EBUSY => "something is mounted there: restart where that is not",
                EACCES | EPERM | EROFS => {
                    "who has made it could not bind it there: change the directory, or remove what \
                     is there"
                }
                _ => "the kernel does not take it",
            };
            let (at, name) = shown(&address.name);
            r.told(
                e,
                fmt!("a socket can't get its address {}{}: {}", at, name, why),
            )
        })
    }
}

/// Notes the socket with reference `obj`, which the current task has just made.
pub(super) fn note(r: &Restore, obj: ObjRef, sk: SockRef, opener: &CredRef) -> Result {
    let memcg = Memcg::of(&MmRef::of_current()?);
    let built = BuiltSock {
        sk,
        memcg: Arc::new(memcg, GFP_KERNEL_ACCOUNT)?,
        opener: Some(opener.clone()),
        maker: Task::current_raw() as usize,
        _closing: None,
        address: SetOnce::new(),
        reach: SetOnce::new(),
    };
    r.set_built(obj, built)
}

/// Notes a socket that no file shows.
fn note_fileless(
    r: &Restore,
    obj: ObjRef,
    sk: SockRef,
    memcg: Arc<Memcg>,
    closing: Option<Closing>,
) -> Result {
    let built = BuiltSock {
        sk,
        memcg,
        opener: None,
        maker: 0,
        _closing: closing,
        address: SetOnce::new(),
        reach: SetOnce::new(),
    };
    r.set_built(obj, built)
}

/// Returns the socket with reference `obj`.
pub(super) fn built(r: &Restore, obj: u32) -> Result<Arc<BuiltSock>> {
    ObjRef::new(obj)
        .and_then(|obj| r.built::<BuiltSock>(obj))
        .ok_or_else(|| r.told(EINVAL, fmt!("no task has a socket that others refer to")))
}

/// A socket that is being put together.
struct Part {
    record: UnixSocket,
    kind: u32,
    form: u32,
}

impl Part {
    fn of(r: &Restore, raw: &Raw<'_>) -> Result<Self> {
        let record: UnixSocket = raw.body().map_err(|f| r.fault(f))?;
        let obj = ObjRef::new(record.socket.get()).ok_or(EINVAL)?;
        let (socket, _) = r.object_body::<Socket>(obj)?;
        Ok(Self {
            record,
            kind: socket.kind.get(),
            form: socket.form.get(),
        })
    }

    fn obj(&self) -> Result<ObjRef> {
        ObjRef::new(self.record.socket.get()).ok_or(EINVAL)
    }

    /// Returns what SO_PEERCRED tells.
    fn peer(&self, r: &Restore) -> Result<(Option<PidRef>, Option<CredRef>)> {
        let pid = match ObjRef::new(self.record.peer_pid.get()) {
            Some(obj) => Some(files::restore_pid(r, obj)?),
            None => None,
        };
        let cred = match ObjRef::new(self.record.peer_cred.get()) {
            Some(obj) => Some(task::rebuild_cred(r, obj)?.map_err(|d| {
                r.told(
                    d.errno,
                    fmt!("a socket: credentials of who it is connected to: {}", d.why),
                )
            })?),
            None => None,
        };
        Ok((pid, cred))
    }

    /// Gives it its address, and lets it listen.
    fn name(&self, r: &Restore, raw: &Raw<'_>) -> Result {
        let obj = self.obj()?;
        if self.form == SOCKET_CLOSED {
            if r.is_built(obj) {
                return Err(r.told(EINVAL, fmt!("a socket that was closed is there twice")));
            }
            let (socket, _) = r.object_body::<Socket>(obj)?;
            let family = i32::try_from(socket.family.get())?;
            let kind = i32::try_from(socket.kind.get())?;
            let net = match ObjRef::new(socket.net.get()) {
                Some(net) => ns::net::built(r, net)?,
                None => r.net_ns().clone(),
            };
            let (closing, sk) = Closing::make(&net, family, kind)?;
            let memcg = Arc::new(Memcg::none(), GFP_KERNEL_ACCOUNT)?;
            note_fileless(r, obj, sk, memcg, Some(closing))?;
        }
        let built = built(r, obj.get())?;
        let len = self.record.name.get() as usize;
        let (name, path) = raw.payload.split_at_checked(len).ok_or(EINVAL)?;
        if !name.is_empty() {
            let own = own_name(name)?;
            built.sk.set_unix_name(&own)?;
            let removed = ObjRef::new(self.record.removed.get());
            if self.record.bound.get() != 0 || removed.is_some() {
                let nobody = || r.told(EINVAL, fmt!("no task has what a socket is bound to"));
                let at = match (removed, path) {
                    (Some(obj), _) => At::Removed(files::built_removed(r, obj).ok_or_else(nobody)?),
                    (None, []) => At::Name,
                    (None, path) => At::Path(PathName::new(path)?),
                };
                built.address.populate(Address { name: own, at });
            }
        }
        if self.record.state.get() == UNIX_LISTENING {
            let (pid, cred) = self.peer(r)?;
            let backlog = self.record.backlog.get();
            let listen = || built.sk.listen_unix(backlog, pid.as_ref(), cred.as_ref());
            match &built.opener {
                Some(opener) => opener.act(listen)?,
                None => listen()?,
            }
        }
        Ok(())
    }

    /// Makes it wait to be accepted.
    fn wait(&self, r: &Restore) -> Result {
        let listener = built(r, self.record.listener.get())?;
        let scm = self.record.scm.get();
        let sk = listener
            .memcg
            .charge(|| listener.sk.make_waiting(scm))
            .map_err(|e| {
                let why = match e {
                    ENOBUFS => "so many may not wait (net.core.somaxconn)",
                    ENFILE => "there are too many sockets (fs.file-max)",
                    ENOMEM => "there is no memory",
                    _ => "the socket does not listen",
                };
                r.told(e, fmt!("a connection can't wait to be accepted: {}", why))
            })?;
        note_fileless(r, self.obj()?, sk, listener.memcg.clone(), None)
    }

    /// Connects it.
    fn connect(&self, r: &Restore) -> Result {
        let state = self.record.state.get();
        if self.form == SOCKET_CLOSED || state == UNIX_LISTENING {
            return Ok(());
        }
        let this = built(r, self.record.socket.get())?;
        let peer = match self.record.peer.get() {
            0 => None,
            obj => Some(built(r, obj)?),
        };
        let (pid, cred) = self.peer(r)?;
        this.sk
            .connect_unix(
                peer.as_ref().map(|p| &p.sk),
                pid.as_ref(),
                cred.as_ref(),
                state == UNIX_CONNECTED,
            )
            .map_err(|e| r.told(e, fmt!("a socket can't be connected")))
    }

    /// Shuts it down as it was.
    fn settle(&self, r: &Restore) -> Result {
        let has = |bit| self.record.shutdown.get() & bit != 0;
        if self.form != SOCKET_CLOSED {
            built(r, self.record.socket.get())?.sk.settle_unix(
                has(UNIX_SHUT_READ),
                has(UNIX_SHUT_WRITE),
                self.record.error.get() != 0,
            );
        }
        Ok(())
    }
}

/// AF_UNIX, as `sa_family_t`.
const AF_UNIX: u16 = 1;

/// Returns an address of the image as this machine has it.
pub(super) fn own_name(name: &[u8]) -> Result<KVec<u8>> {
    let mut own: KVec<u8> = KVec::new();
    own.extend_from_slice(name, GFP_KERNEL_ACCOUNT)?;
    for (to, from) in own.iter_mut().zip(AF_UNIX.to_ne_bytes()) {
        *to = from;
    }
    Ok(own)
}

/// Checks that each socket is there once, and that connections have two ends, of which one may be
/// closed.
///
/// A socket that is connected never listens, so that nothing but connections gets into the queue of
/// one that does: accept(2) takes what is there for one.
fn check_peers(r: &Restore, parts: &[Part]) -> Result {
    let mut peers: KVVec<(u32, u32)> = KVVec::new();
    for part in parts {
        let record = &part.record;
        peers.push((record.socket.get(), record.peer.get()), GFP_KERNEL_ACCOUNT)?;
    }
    peers.sort_unstable();
    if peers.windows(2).any(|w| matches!(w, [a, b] if a.0 == b.0)) {
        return Err(r.told(EINVAL, fmt!("a socket is connected twice")));
    }
    for part in parts.iter().filter(|part| part.kind != SOCKET_DGRAM) {
        wait::go_on()?;
        let Some(peer) = ObjRef::new(part.record.peer.get()) else {
            continue;
        };
        let (socket, _) = r.object_body::<Socket>(peer)?;
        let this = part.record.socket.get();
        let back = peers
            .binary_search_by_key(&peer.get(), |of| of.0)
            .ok()
            .and_then(|at| peers.get(at))
            .is_some_and(|of| of.1 == this && of.0 != this);
        if !back && socket.form.get() != SOCKET_CLOSED {
            return Err(r.told(
                EINVAL,
                fmt!("a socket is connected to one that is not connected to it"),
            ));
        }
    }
    Ok(())
}

/// Puts all sockets together: all files are there.
pub(super) fn link(r: &Restore) -> Result {
    let given = Given::find(r)?;
    let mut parts: KVVec<Part> = KVVec::new();
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind == Kind::UnixSocket {
            let part = Part::of(r, &raw)?;
            if !given.has(part.record.socket.get()) {
                parts.push(part, GFP_KERNEL_ACCOUNT)?;
            }
        }
    }
    check_peers(r, &parts)?;
    for raw in r.links() {
        let raw = raw.map_err(|f| r.fault(f))?;
        if raw.kind != Kind::UnixSocket {
            continue;
        }
        let part = Part::of(r, &raw)?;
        if part.form != SOCKET_WAITING && !given.has(part.record.socket.get()) {
            part.name(r, &raw)
                .map_err(|e| r.unless_told(e, "a socket can't be named or made to listen"))?;
        }
    }
    for part in parts.iter().filter(|p| p.form == SOCKET_WAITING) {
        wait::go_on()?;
        part.wait(r)?;
    }
    for part in &parts {
        wait::go_on()?;
        part.connect(r)?;
    }
    unix_reconnect::prepare(r, &given)?;
    if !parts.is_empty() {
        for raw in r.links() {
            let raw = raw.map_err(|f| r.fault(f))?;
            if raw.kind == Kind::UnixMessage {
                wait::go_on()?;
                unix_queue::send(r, &raw, &given)?;
            }
        }
    }
    for part in &parts {
        part.settle(r)?;
    }
    Ok(())
}
