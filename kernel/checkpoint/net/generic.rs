// SPDX-License-Identifier: GPL-2.0

//! Families of generic netlink.
//!
//! A program has their numbers, and those of their groups: they are what the machine has chosen, so they
//! are compared at a restart. A family may keep something for the port of who has asked it. Of those in
//! [`KEEP_NOTHING`] it is known that they do not, or that it can be seen.

use core::str;

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    core::restore::Restore,
    files::Named,
    found::Capture,
    image::{
        net::netlink::GenericFamily,
        ObjRef,
        Raw, //
    },
    kapi::{
        net::{
            generic::Name,
            socket::SockRef,
            unix::Queued, //
        },
        task::frozen::FrozenTask,
        time::wait, //
    }, //
};

/// Families that keep nothing for the port of who has asked them, by what their functions do with
/// it; what devlink, ethtool and netdev keep hangs on the socket, and can be seen.
const KEEP_NOTHING: &[&str] = &[
    "IOAM6",
    "SEG6",
    "devlink",
    "ethtool",
    "fou",
    "l2tp",
    "macsec",
    "mptcp_pm",
    "netdev",
    "tcp_metrics",
    "team",
    "wireguard",
];

/// Number of the first family that has one of its own; those below are messages of netlink.
const ID_MIN: u16 = 16;

/// GENL_ID_CTRL: the family that tells of others, the number of which is always the same.
const ID_CTRL: u16 = 16;

/// Returns the text of a name.
fn text(name: &[u8]) -> &str {
    let len = name.iter().position(|&b| b == 0).unwrap_or(name.len());
    name.get(..len)
        .and_then(|name| str::from_utf8(name).ok())
        .unwrap_or("?")
}

/// Why what a family may keep for a socket can't be saved.
enum Unsaved {
    /// It is known that one does.
    Kept,
    /// This one may.
    MayKeep(Name),
    /// It can't be told which were asked.
    TooMany,
}

impl fmt::Display for Unsaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => write!(
                f,
                "a family of generic netlink keeps something for it: have it closed"
            ),
            Self::MayKeep(name) => write!(
                f,
                "has asked {}, a family of generic netlink that may keep something for it: have it closed",
                text(&name.family)
            ),
            Self::TooMany => write!(
                f,
                "has asked too many families of generic netlink: have it closed"
            ),
        }
    }
}

/// Returns the families that `sk` has asked, or why it can't be saved.
fn asked(sk: &SockRef) -> Result<Result<KVec<u32>, Unsaved>> {
    let asked = sk.asked()?;
    if asked.keeps {
        return Ok(Err(Unsaved::Kept));
    }
    let Some(ids) = asked.ids else {
        return Ok(Err(Unsaved::TooMany));
    };
    for &id in &ids {
        // What a family has kept that is gone has gone with it.
        let name = match Name::of_family(id) {
            Err(ENOENT) => continue,
            name => name?,
        };
        if !KEEP_NOTHING.contains(&text(&name.family)) {
            return Ok(Err(Unsaved::MayKeep(name)));
        }
    }
    Ok(Ok(ids))
}

/// Looks at a socket of generic netlink. False: it was refused.
pub(super) fn collect(
    cap: &mut Capture,
    t: &FrozenTask,
    named: &Named<'_>,
    sk: &SockRef,
) -> Result<bool> {
    let Err(why) = asked(sk)? else {
        return Ok(true);
    };
    cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
    Ok(false)
}

/// Returns the number of the family that the message `queued` is of, if it is of one.
fn family_of(queued: &Queued, len: u32) -> Result<Option<u32>> {
    let mut head: KVVec<u8> = KVVec::new();
    queued.read(0, len.min(6), &mut head)?;
    Ok(match head.as_slice() {
        &[_, _, _, _, a, b] => Some(u16::from_ne_bytes([a, b]))
            .filter(|&id| id >= ID_MIN && id != ID_CTRL)
            .map(u32::from),
        _ => None,
    })
}

/// Writes which families and groups the socket `sk` has to do with: those that it has asked, those
/// whose groups it is in, and those of messages in its queue.
pub(super) fn save(cap: &mut Capture, obj: ObjRef, sk: &SockRef) -> Result {
    let asked = match asked(sk)? {
        Ok(ids) => ids,
        // Somebody outside who has the socket, too, has asked since.
        Err(why) => {
            cap.report
                .line(fmt!("error: a socket of generic netlink: {} [EBUSY]", why));
            return Err(EBUSY);
        }
    };
    for &id in &asked {
        put(cap, obj, Name::of_family(id), true)?;
    }
    for group in sk.netlink_groups()? {
        put(cap, obj, Name::of_group(group), false)?;
    }
    let mut last = 0;
    for queued in &sk.netlink_queue()? {
        wait::go_on()?;
        let Ok(message) = queued.netlink() else {
            break;
        };
        // Of the others who has sent them chose what is in them.
        if message.port != 0 {
            continue;
        }
        if let Some(id) = family_of(queued, message.len)? {
            if id != last && !asked.contains(&id) {
                put(cap, obj, Name::of_family(id), false)?;
            }
            last = id;
        }
    }
    Ok(())
}

/// Writes one of them, unless it is gone.
fn put(cap: &mut Capture, obj: ObjRef, name: Result<Name>, asked: bool) -> Result {
    let name = match name {
        Err(ENOENT) => return Ok(()),
        name => name?,
    };
    let record = GenericFamily {
        socket: obj.get().into(),
        id: name.id.into(),
        group_id: name.group_id.into(),
        asked: u32::from(asked).into(),
        family: name.family,
        group: name.group,
    };
    cap.meta.put(&record, &[])
}

/// Looks whether a family has the number that it had, and notes that the socket `sk` has asked it.
pub(super) fn compare(r: &Restore, raw: &Raw<'_>, sk: &SockRef) -> Result {
    let record: GenericFamily = raw.body().map_err(|f| r.fault(f))?;
    let name = Name {
        family: record.family,
        group: record.group,
        id: record.id.get(),
        group_id: record.group_id.get(),
    };
    name.find().map_err(|e| {
        let why = match e {
            ENOENT => "is not there: load its module first",
            ESTALE => {
                "or its group has another number here, which the program can't know: load modules in the \
                 order in which they were"
            }
            _ => "can't be looked for",
        };
        r.told(
            e,
            fmt!(
                "a generic netlink socket: the family {} {}",
                text(&name.family),
                why
            ),
        )
    })?;
    if record.asked.get() != 0 {
        sk.note_asked(name.id)?;
    }
    Ok(())
}
