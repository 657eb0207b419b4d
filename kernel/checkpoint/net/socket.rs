// SPDX-License-Identifier: GPL-2.0

//! What sockets of all families have: type, protocol, owner and options.
//!
//! A family whose sockets lead to nothing but themselves has them as [`Plain`] ones: what is special
//! about them it writes as links, and sets when all are there.

use kernel::{
    prelude::*,
    sync::Arc, //
};
use zerocopy::IntoBytes;

use crate::{
    core::{
        built::Rebuilt,
        objects::{
            Outside,
            Shared, //
        },
        restore::{
            Restore,
            TaskRecords, //
        }, //
    },
    files::{
        Named,
        User, //
    },
    found::{
        Capture,
        Found, //
    },
    image::{
        net::{
            Socket,
            SocketOption,
            OPTION_LOCK_FILTER,
            SOCKET_OPEN, //
        },
        ObjRef, //
    },
    kapi::{
        fs::file::FileRef,
        mm::{
            memcg::Memcg,
            space::MmRef, //
        },
        net::socket::SockRef,
        security::cred::CredRef,
        task::frozen::{
            FrozenTask,
            TaskName, //
        }, //
    },
    net::{
        family,
        family_of,
        mptcp,
        options,
        packet,
        packet_ring,
        tcp_build, //
    }, //
};

/// A socket that leads to no other one.
pub(super) struct Plain {
    /// The socket.
    pub(super) sk: SockRef,
    /// Who has it.
    pub(super) who: TaskName,
    /// How that one has it.
    user: User,
    /// Name of that, for messages.
    name: KVec<u8>,
}

impl Plain {
    /// Returns how its task has it, for messages.
    pub(super) fn named(&self) -> Named<'_> {
        Named {
            user: self.user,
            name: &self.name,
        }
    }
}

/// Returns whether others than the tasks share a port with `sk` (SO_REUSEPORT): what comes there is
/// spread over all.
///
/// The first of a group looks at all of it, the others at the first. All of them are objects of the
/// type `T`.
pub(super) fn shares_outside<T: Shared<Found>>(cap: &Capture, sk: &SockRef) -> Result<bool> {
    let is_ours = |&addr: &usize| cap.objects.get::<T>(addr).is_some();
    let (first, mut room) = sk.group(1)?;
    if !first.iter().all(is_ours) {
        return Ok(true);
    }
    if room < 2 || !first.iter().any(|&addr| addr == sk.addr()) {
        return Ok(false);
    }
    loop {
        let (group, found) = sk.group(room)?;
        if found <= room {
            return Ok(!group.iter().all(is_ours));
        }
        room = found;
    }
}

impl Shared<Found> for Plain {
    fn addr(&self) -> usize {
        self.sk.addr()
    }

    fn outside(&self, cap: &Capture, _: u64) -> Outside {
        match shares_outside::<Self>(cap, &self.sk) {
            Ok(false) => Outside::Nothing,
            _ => Outside::Refused,
        }
    }

    fn tell(&self, cap: &mut Capture, _: u64, _: Outside) -> Result {
        refuse_port(cap, &self.who, &self.named());
        Ok(())
    }
}

/// Refuses a socket of the task `who` that shares a port with others than the tasks.
pub(super) fn refuse_port(cap: &mut Capture, who: &TaskName, named: &Named<'_>) {
    cap.report.refuse(
        EBUSY,
        who,
        fmt!(
            "{}: a socket outside shares its port (SO_REUSEPORT): checkpoint what has that as well, \
             or have it closed",
            named
        ),
    );
}

/// Counts a socket that leads to no other one, which the task `t` has as `named`. It has one file, of
/// which others are told.
pub(super) fn collect_plain(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result {
    if cap.objects.count::<Plain>(sk.addr())? {
        let mut name = KVec::new();
        name.extend_from_slice(named.name, GFP_KERNEL_ACCOUNT)?;
        cap.objects.keep(Plain {
            sk: sk.clone(),
            who: t.display(&cap.pid_ns),
            user: named.user,
            name,
        })?;
    }
    Ok(())
}

/// Returns the reference of such a socket.
pub(super) fn plain_object(cap: &Capture, addr: usize) -> Result<ObjRef> {
    cap.objects.reference::<Plain>(addr)
}

/// Returns all such sockets, in the order in which they were found.
pub(super) fn all_plain(cap: &Capture) -> Result<KVVec<(ObjRef, Arc<Plain>)>> {
    let mut all = KVVec::new();
    for (obj, plain) in cap.objects.all::<Plain>() {
        let plain = cap.objects.get::<Plain>(plain.addr()).ok_or(ENOENT)?;
        all.push((obj, plain), GFP_KERNEL_ACCOUNT)?;
    }
    Ok(all)
}

/// A rebuilt socket that leads to no other one.
pub(super) struct Made {
    /// The socket.
    pub(super) sk: SockRef,
    /// Its file.
    pub(super) file: FileRef,
    /// Who has made it: with the rights of that it is bound.
    pub(super) opener: CredRef,
    /// What is in its queues is charged to it.
    pub(super) memcg: Memcg,
}

impl Rebuilt for Made {}

/// Notes such a socket, which the current task has just made.
pub(super) fn note_plain(r: &Restore, obj: ObjRef, made: Made) -> Result {
    r.set_built(obj, made)
}

/// Returns the rebuilt socket with reference `obj`.
pub(super) fn made(r: &Restore, obj: u32) -> Result<Arc<Made>> {
    ObjRef::new(obj)
        .and_then(|obj| r.built::<Made>(obj))
        .ok_or_else(|| r.told(EINVAL, fmt!("no task has a socket that the image tells of")))
}

/// Returns the rebuilt socket with reference `obj`, if it is there.
pub(super) fn plain_sk(r: &Restore, obj: ObjRef) -> Option<SockRef> {
    r.with_built(obj, |made: &Made| made.sk.clone())
}

/// Looks at the socket that `file` shows when its first user is collected. False: it was refused.
pub(crate) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    file: &FileRef,
) -> Result<bool> {
    let family = family(file).ok_or(EINVAL)?;
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let basics = sk.basics();
    // It comes back in that of the task that makes it: its first user.
    let why = if sk.net_addr() != t.namespaces()?.net.addr() {
        Some("is of another network namespace than the task: have it closed")
    } else if basics.program {
        Some("a program of BPF is attached to it, or to those with its port: have it detached")
    } else if basics.classic {
        // It tells sockets by their places in the group, which a restart does not keep.
        Some(
            "a classic program decides which of those with its port gets what comes \
             (SO_ATTACH_REUSEPORT_CBPF): have it detached",
        )
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    if !(family.collect)(cap, t, named, file)? {
        return Ok(false);
    }
    if basics.filter != 0 {
        cap.found.net.filtered.push(sk, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(true)
}

/// Writes the socket that `file` shows; returns its reference.
pub(crate) fn save(cap: &mut Capture, file: &FileRef) -> Result<ObjRef> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let family = family_of(numbers(&sk)).ok_or(EINVAL)?;
    let fell_back = mptcp::fell_back(cap, &sk);
    let (mut options, numbers) = match &fell_back {
        Some(first) => (
            options::save_of(&sk, first, tcp_build::TABLES)?,
            numbers(first),
        ),
        None => (options::save(&sk, family.options)?, numbers(&sk)),
    };
    // The record of the filter has it, which could not be attached after that.
    if sk.basics().filter != 0 {
        options.retain(|option| option.option.get() != OPTION_LOCK_FILTER);
    }
    if (mptcp::FAMILY.is)(numbers) {
        mptcp::retain_chosen(&mut options);
    }
    let obj = (family.object)(cap, sk.addr())?;
    let owner = file.owner().ok_or(EOVERFLOW)?;
    put(cap, obj, numbers, (SOCKET_OPEN, 0), owner, &options)?;
    if (packet::FAMILY.is)(numbers) {
        packet_ring::save(cap, obj, &sk)?;
    }
    Ok(obj)
}

/// Writes the record of a socket: its form, and the reference of its network namespace, or 0.
pub(super) fn put(
    cap: &mut Capture,
    obj: ObjRef,
    numbers: [i32; 3],
    (form, net): (u32, u32),
    owner: [u32; 2],
    options: &[SocketOption],
) -> Result {
    let [family, kind, protocol] = numbers;
    let record = Socket {
        obj: obj.get().into(),
        family: u32::try_from(family)?.into(),
        kind: u32::try_from(kind)?.into(),
        protocol: u32::try_from(protocol)?.into(),
        form: form.into(),
        net: net.into(),
        owner: owner.map(Into::into),
    };
    cap.meta.put(&record, options.as_bytes())
}

/// Returns family, type and protocol of a socket.
pub(super) fn numbers(sk: &SockRef) -> [i32; 3] {
    let basics = sk.basics();
    [basics.family, basics.kind, basics.protocol]
}

/// Makes the socket with reference `obj`, with its options, and returns its open file.
pub(crate) fn restore(
    r: &Restore,
    plan: &TaskRecords<'_>,
    obj: ObjRef,
    opener: &CredRef,
) -> Result<FileRef> {
    if r.is_built(obj) {
        return Err(r.fail(EINVAL, plan, fmt!("a socket is opened twice")));
    }
    let (record, raw) = r.object_body::<Socket>(obj)?;
    let number = |n: u32| i32::try_from(n);
    let (kin, kind) = (number(record.family.get())?, number(record.kind.get())?);
    let protocol = number(record.protocol.get())?;
    let family = family_of([kin, kind, protocol]).ok_or_else(|| {
        r.fail(
            EOPNOTSUPP,
            plan,
            fmt!("a socket of a kind that this kernel does not restore"),
        )
    })?;
    let file = opener
        .act(|| FileRef::make_socket(kin, kind, protocol))
        .map_err(|e| {
            let why = match e {
                ENFILE => "too many files are open (fs.file-max)",
                ENOMEM => "no memory",
                EPERM | EACCES => {
                    "who has made it may not (CAP_NET_RAW, net.ipv4.ping_group_range)"
                }
                _ => "the kernel has none of this kind",
            };
            r.fail(e, plan, fmt!("a socket can't be made: {}", why))
        })?;
    let owner = record.owner.map(|id| id.get());
    if file.owner() != Some(owner) {
        file.chown(owner).map_err(|e| {
            r.fail(
                e,
                plan,
                fmt!("a socket can't be given to its owner: that takes CAP_CHOWN"),
            )
        })?;
    }
    let sk = SockRef::of(&file).ok_or(EINVAL)?;
    options::restore(r, &raw, &file, &sk, family.options, opener)?
        .map_err(|unset| r.fail(unset.errno, plan, fmt!("{}", unset)))?;
    let made = Made {
        sk,
        file: file.clone(),
        opener: opener.clone(),
        memcg: Memcg::of(&MmRef::of_current()?),
    };
    (family.note)(r, obj, made)?;
    Ok(file)
}
