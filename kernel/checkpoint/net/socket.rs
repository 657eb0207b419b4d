// SPDX-License-Identifier: GPL-2.0

//! What sockets of all families have: type, protocol, owner and options.

use kernel::prelude::*;
use zerocopy::IntoBytes;

use crate::{
    core::restore::{
        Restore,
        TaskRecords, //
    },
    files::Named,
    found::Capture,
    image::{
        net::{
            Socket,
            SocketOption,
            OPTIONS_MAX,
            *, //
        },
        ObjRef, //
    },
    kapi::{
        fs::file::FileRef,
        net::socket::{
            so,
            SockRef, //
        },
        security::cred::CredRef,
        task::frozen::FrozenTask, //
    },
    net::{
        family,
        unix,
        unix_build, //
    },
    ns, //
};

/// What the value of an option is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// An int.
    Int,
    /// Two ints.
    Pair,
    /// Seconds and microseconds, each of 64 bits.
    Time,
    /// An unsigned long.
    Long,
    /// SO_INQ, which getsockopt(2) does not tell.
    Inq,
    /// SO_RIGHTS_NOTRUNC, likewise.
    NoTrunc,
}

/// An option, all of which are of SOL_SOCKET.
struct Row {
    /// Its number in the image.
    number: u32,
    /// SO_*.
    option: u32,
    form: Form,
    /// What it is on a new socket, on each machine: it has no record then. `None`: that depends.
    usual: Option<i64>,
    /// Its name, for messages.
    name: &'static str,
    /// What setting it may take; empty: nothing.
    needs: &'static str,
}

const fn row(
    number: u32,
    option: u32,
    form: Form,
    usual: Option<i64>,
    name: &'static str,
    needs: &'static str,
) -> Row {
    Row {
        number,
        option,
        form,
        usual,
        name,
        needs,
    }
}

/// The options, in the order in which they are set.
///
/// Not here are those that tell what others are (SO_TYPE, SO_PEERCRED, ...), what is attached to a
/// socket (SO_ATTACH_FILTER, SO_TXTIME), which are refused, and SO_ERROR.
static OPTIONS: &[Row] = &[
    row(
        OPTION_SNDBUF,
        so::SNDBUF,
        Form::Int,
        None,
        "SO_SNDBUF",
        "CAP_NET_ADMIN, or a larger net.core.wmem_max",
    ),
    row(
        OPTION_RCVBUF,
        so::RCVBUF,
        Form::Int,
        None,
        "SO_RCVBUF",
        "CAP_NET_ADMIN, or a larger net.core.rmem_max",
    ),
    row(
        OPTION_BUF_LOCK,
        so::BUF_LOCK,
        Form::Int,
        Some(0),
        "SO_BUF_LOCK",
        "",
    ),
    row(
        OPTION_DEBUG,
        so::DEBUG,
        Form::Int,
        Some(0),
        "SO_DEBUG",
        "CAP_NET_ADMIN",
    ),
    row(
        OPTION_REUSEADDR,
        so::REUSEADDR,
        Form::Int,
        Some(0),
        "SO_REUSEADDR",
        "",
    ),
    row(
        OPTION_DONTROUTE,
        so::DONTROUTE,
        Form::Int,
        Some(0),
        "SO_DONTROUTE",
        "",
    ),
    row(
        OPTION_BROADCAST,
        so::BROADCAST,
        Form::Int,
        Some(0),
        "SO_BROADCAST",
        "",
    ),
    row(
        OPTION_KEEPALIVE,
        so::KEEPALIVE,
        Form::Int,
        Some(0),
        "SO_KEEPALIVE",
        "",
    ),
    row(
        OPTION_OOBINLINE,
        so::OOBINLINE,
        Form::Int,
        Some(0),
        "SO_OOBINLINE",
        "",
    ),
    row(
        OPTION_NO_CHECK,
        so::NO_CHECK,
        Form::Int,
        Some(0),
        "SO_NO_CHECK",
        "",
    ),
    row(
        OPTION_PRIORITY,
        so::PRIORITY,
        Form::Int,
        Some(0),
        "SO_PRIORITY",
        "CAP_NET_ADMIN or CAP_NET_RAW",
    ),
    row(
        OPTION_LINGER,
        so::LINGER,
        Form::Pair,
        Some(0),
        "SO_LINGER",
        "",
    ),
    row(
        OPTION_PASSCRED,
        so::PASSCRED,
        Form::Int,
        Some(0),
        "SO_PASSCRED",
        "",
    ),
    row(
        OPTION_PASSPIDFD,
        so::PASSPIDFD,
        Form::Int,
        Some(0),
        "SO_PASSPIDFD",
        "",
    ),
    row(
        OPTION_PASSSEC,
        so::PASSSEC,
        Form::Int,
        Some(0),
        "SO_PASSSEC",
        "",
    ),
    row(
        OPTION_PASSRIGHTS,
        so::PASSRIGHTS,
        Form::Int,
        Some(1),
        "SO_PASSRIGHTS",
        "",
    ),
    row(
        OPTION_TIMESTAMP_OLD,
        so::TIMESTAMP_OLD,
        Form::Int,
        Some(0),
        "SO_TIMESTAMP_OLD",
        "",
    ),
    row(
        OPTION_TIMESTAMPNS_OLD,
        so::TIMESTAMPNS_OLD,
        Form::Int,
        Some(0),
        "SO_TIMESTAMPNS_OLD",
        "",
    ),
    row(
        OPTION_TIMESTAMP,
        so::TIMESTAMP_NEW,
        Form::Int,
        Some(0),
        "SO_TIMESTAMP_NEW",
        "",
    ),
    row(
        OPTION_TIMESTAMPNS,
        so::TIMESTAMPNS_NEW,
        Form::Int,
        Some(0),
        "SO_TIMESTAMPNS_NEW",
        "",
    ),
    row(
        OPTION_TIMESTAMPING_OLD,
        so::TIMESTAMPING_OLD,
        Form::Pair,
        Some(0),
        "SO_TIMESTAMPING_OLD",
        "",
    ),
    row(
        OPTION_TIMESTAMPING,
        so::TIMESTAMPING_NEW,
        Form::Pair,
        Some(0),
        "SO_TIMESTAMPING_NEW",
        "",
    ),
    row(
        OPTION_RCVTIMEO,
        so::RCVTIMEO_NEW,
        Form::Time,
        Some(0),
        "SO_RCVTIMEO_NEW",
        "",
    ),
    row(
        OPTION_SNDTIMEO,
        so::SNDTIMEO_NEW,
        Form::Time,
        Some(0),
        "SO_SNDTIMEO_NEW",
        "",
    ),
    row(
        OPTION_RCVLOWAT,
        so::RCVLOWAT,
        Form::Int,
        Some(1),
        "SO_RCVLOWAT",
        "",
    ),
    row(
        OPTION_MARK,
        so::MARK,
        Form::Int,
        Some(0),
        "SO_MARK",
        "CAP_NET_ADMIN or CAP_NET_RAW",
    ),
    row(
        OPTION_RCVMARK,
        so::RCVMARK,
        Form::Int,
        Some(0),
        "SO_RCVMARK",
        "",
    ),
    row(
        OPTION_RCVPRIORITY,
        so::RCVPRIORITY,
        Form::Int,
        Some(0),
        "SO_RCVPRIORITY",
        "",
    ),
    row(
        OPTION_RXQ_OVFL,
        so::RXQ_OVFL,
        Form::Int,
        Some(0),
        "SO_RXQ_OVFL",
        "",
    ),
    row(
        OPTION_WIFI_STATUS,
        so::WIFI_STATUS,
        Form::Int,
        Some(0),
        "SO_WIFI_STATUS",
        "",
    ),
    row(
        OPTION_PEEK_OFF,
        so::PEEK_OFF,
        Form::Int,
        Some(-1),
        "SO_PEEK_OFF",
        "",
    ),
    row(OPTION_NOFCS, so::NOFCS, Form::Int, Some(0), "SO_NOFCS", ""),
    row(
        OPTION_SELECT_ERR_QUEUE,
        so::SELECT_ERR_QUEUE,
        Form::Int,
        Some(0),
        "SO_SELECT_ERR_QUEUE",
        "",
    ),
    row(
        OPTION_BUSY_POLL,
        so::BUSY_POLL,
        Form::Int,
        None,
        "SO_BUSY_POLL",
        "",
    ),
    row(
        OPTION_PREFER_BUSY_POLL,
        so::PREFER_BUSY_POLL,
        Form::Int,
        Some(0),
        "SO_PREFER_BUSY_POLL",
        "CAP_NET_ADMIN",
    ),
    row(
        OPTION_MAX_PACING_RATE,
        so::MAX_PACING_RATE,
        Form::Long,
        Some(-1),
        "SO_MAX_PACING_RATE",
        "",
    ),
    row(
        OPTION_BINDTOIFINDEX,
        so::BINDTOIFINDEX,
        Form::Int,
        Some(0),
        "SO_BINDTOIFINDEX",
        "a device with that number",
    ),
    row(
        OPTION_RESERVE_MEM,
        so::RESERVE_MEM,
        Form::Int,
        Some(0),
        "SO_RESERVE_MEM",
        "a memory cgroup",
    ),
    row(
        OPTION_INCOMING_CPU,
        so::INCOMING_CPU,
        Form::Int,
        Some(-1),
        "SO_INCOMING_CPU",
        "",
    ),
    row(
        OPTION_LOCK_FILTER,
        so::LOCK_FILTER,
        Form::Int,
        Some(0),
        "SO_LOCK_FILTER",
        "",
    ),
    row(OPTION_INQ, so::INQ, Form::Inq, Some(0), "SO_INQ", ""),
    row(
        OPTION_RIGHTS_NOTRUNC,
        so::RIGHTS_NOTRUNC,
        Form::NoTrunc,
        Some(0),
        "SO_RIGHTS_NOTRUNC",
        "",
    ),
];

impl Row {
    /// Bytes of its value.
    fn len(&self) -> usize {
        match self.form {
            Form::Int | Form::Inq | Form::NoTrunc => 4,
            Form::Pair | Form::Long => 8,
            Form::Time => 16,
        }
    }

    /// Reads it. `None`: sockets like this one have none.
    fn read(&self, sk: &SockRef) -> Result<Option<[i64; 2]>> {
        match self.form {
            Form::Inq => return Ok(Some([sk.basics().inq.into(), 0])),
            Form::NoTrunc => return Ok(Some([sk.basics().notrunc.into(), 0])),
            _ => (),
        }
        let mut bytes = [0; 16];
        let value = bytes.get_mut(..self.len()).ok_or(EINVAL)?;
        match sk.option(self.option, value) {
            Err(EOPNOTSUPP | ENOPROTOOPT) => return Ok(None),
            done => done?,
        }
        let int = |at: usize| -> Result<i64> {
            let word = bytes.get(at..at + 4).ok_or(EINVAL)?;
            Ok(i32::from_ne_bytes(word.try_into().map_err(|_| EINVAL)?).into())
        };
        let wide = |at: usize| -> Result<i64> {
            let word = bytes.get(at..at + 8).ok_or(EINVAL)?;
            Ok(i64::from_ne_bytes(word.try_into().map_err(|_| EINVAL)?))
        };
        Ok(Some(match self.form {
            Form::Pair => [int(0)?, int(4)?],
            Form::Time => [wide(0)?, wide(8)?],
            Form::Long => [wide(0)?, 0],
            _ => [int(0)?, 0],
        }))
    }

    /// Sets it.
    fn write(&self, file: &FileRef, option: u32, value: [i64; 2]) -> Result {
        let mut bytes: KVec<u8> = KVec::new();
        let mut add = |b: &[u8]| bytes.extend_from_slice(b, GFP_KERNEL);
        let [a, b] = value;
        match self.form {
            Form::Pair => {
                add(&i32::try_from(a)?.to_ne_bytes())?;
                add(&i32::try_from(b)?.to_ne_bytes())?;
            }
            Form::Time => {
                add(&a.to_ne_bytes())?;
                add(&b.to_ne_bytes())?;
            }
            Form::Long => add(&a.to_ne_bytes())?,
            _ => add(&i32::try_from(a)?.to_ne_bytes())?,
        }
        file.set_socket_option(option, &bytes)
    }

    /// Brings it to `value`, from what a new socket has.
    fn bring_to(&self, file: &FileRef, sk: &SockRef, value: [i64; 2]) -> Result {
        if self.read(sk)? == Some(value) {
            return Ok(());
        }
        let [a, b] = value;
        match self.number {
            // The kernel doubles it, and cuts without a word what is too much.
            OPTION_SNDBUF | OPTION_RCVBUF => {
                let half = a.checked_add(1).ok_or(EINVAL)? / 2;
                self.write(file, self.option, [half, 0])?;
                if self.read(sk)?.is_some_and(|[now, _]| now < a) {
                    let force = match self.number {
                        OPTION_SNDBUF => so::SNDBUFFORCE,
                        _ => so::RCVBUFFORCE,
                    };
                    self.write(file, force, [half, 0])?;
                }
                // An odd number can come of a setting of the machine only.
                return match self.read(sk)? {
                    Some([now, _]) if now == a || now == half * 2 => Ok(()),
                    _ => Err(EINVAL),
                };
            }
            // What stands there while it is off is kept from when it was on.
            OPTION_LINGER if a == 0 => self.write(file, self.option, [1, b])?,
            _ => (),
        }
        self.write(file, self.option, value)?;
        // The kernel counts times in ticks.
        if self.form == Form::Time || self.read(sk)? == Some(value) {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }
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
    let why = if !ns::net::is_of_root(cap, sk.net_addr()) {
        Some("is of another network namespace than the root task: have it closed")
    } else if basics.filter {
        Some("a filter is attached to it (SO_ATTACH_FILTER), or a BPF program: have it detached")
    } else if basics.txtime {
        Some("has SO_TXTIME, which can't be saved yet: have it make a new socket")
    } else {
        None
    };
    if let Some(why) = why {
        cap.refuse(EOPNOTSUPP, t, fmt!("{}: {}", named, why));
        return Ok(false);
    }
    (family.collect)(cap, t, named, file)
}

/// Writes the socket that `file` shows; returns its reference.
pub(crate) fn save(cap: &mut Capture, file: &FileRef) -> Result<ObjRef> {
    let sk = SockRef::of(file).ok_or(ENOENT)?;
    let mut options: KVec<SocketOption> = KVec::new();
    for row in OPTIONS {
        let Some([value, second]) = row.read(&sk)? else {
            continue;
        };
        if row.usual == Some(value) && second == 0 {
            continue;
        }
        let option = SocketOption {
            option: row.number.into(),
            reserved: 0.into(),
            value: value.cast_unsigned().into(),
            second: second.cast_unsigned().into(),
        };
        options.push(option, GFP_KERNEL_ACCOUNT)?;
    }
    let obj = unix::object(cap, sk.addr())?;
    let owner = file.owner().ok_or(EOVERFLOW)?;
    put(cap, obj, numbers(&sk), SOCKET_OPEN, owner, &options)?;
    Ok(obj)
}

/// Writes the record of a socket.
pub(super) fn put(
    cap: &mut Capture,
    obj: ObjRef,
    numbers: [i32; 3],
    form: u32,
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
        reserved: 0.into(),
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
    let (family, kind) = (number(record.family.get())?, number(record.kind.get())?);
    let protocol = number(record.protocol.get())?;
    let file = opener
        .act(|| FileRef::make_socket(family, kind, protocol))
        .map_err(|e| {
            let why = match e {
                ENFILE => "too many files are open (fs.file-max)",
                ENOMEM => "no memory",
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
    let options: &[SocketOption] = raw.array(OPTIONS_MAX).map_err(|f| r.fault(f))?;
    for row in OPTIONS {
        let found = options
            .binary_search_by_key(&row.number, |o| o.option.get())
            .ok()
            .and_then(|at| options.get(at));
        let value = match (found, row.usual) {
            (Some(o), _) => [o.value.get().cast_signed(), o.second.get().cast_signed()],
            (None, Some(usual)) if row.read(&sk)?.is_some() => [usual, 0],
            _ => continue,
        };
        opener
            .act(|| row.bring_to(&file, &sk, value))
            .map_err(|e| {
                if row.needs.is_empty() {
                    r.fail(e, plan, fmt!("a socket: {} can't be set", row.name))
                } else {
                    r.fail(
                        e,
                        plan,
                        fmt!(
                            "a socket: {} can't be set: it takes {}",
                            row.name,
                            row.needs
                        ),
                    )
                }
            })?;
    }
    unix_build::note(r, obj, sk, opener)?;
    Ok(file)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_net_socket)]
mod tests {
    use super::*;

    /// The options are known, and have the order of their numbers.
    #[test]
    fn options() {
        let mut last = 0;
        for row in OPTIONS {
            assert!(row.number > last && !row.name.is_empty());
            last = row.number;
        }
        assert_eq!(last, OPTION_RIGHTS_NOTRUNC);
    }
}
