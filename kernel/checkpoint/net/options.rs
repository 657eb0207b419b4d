// SPDX-License-Identifier: GPL-2.0

//! Options of sockets: how those of all tables are read and set.

use kernel::{
    fmt,
    prelude::*, //
};

use crate::{
    core::restore::Restore,
    image::{
        net::{
            options::{
                OPTION_TCP_INQ,
                OPTION_TCP_NOTSENT_LOWAT,
                OPTION_TCP_QUICKACK,
                OPTION_TCP_WINDOW_CLAMP, //
            },
            SocketOption,
            OPTIONS_MAX,
            *, //
        },
        Raw, //
    },
    kapi::{
        net::socket::{
            so,
            SetOption,
            SockRef, //
        },
        security::cred::CredRef, //
    },
    net::{
        socket,
        socket_options::SOCKET, //
    },
};

/// What the value of an option is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An int.
    Int,
    /// Two ints.
    Pair,
    /// Seconds and microseconds, each of 64 bits.
    Time,
    /// An unsigned long.
    Long,
    /// An int in network order: the number of a device.
    Network,
    /// A device, and its address of IPv4 in network order, as of IP_MULTICAST_IF.
    Interface,
    /// SO_INQ, which getsockopt(2) does not tell.
    Inq,
    /// SO_RIGHTS_NOTRUNC, likewise.
    NoTrunc,
}

/// An option.
pub(super) struct Row {
    /// Its number in the image.
    number: u32,
    /// SOL_*.
    level: u32,
    /// Its number, as of setsockopt(2).
    option: u32,
    form: Form,
    /// What it is on a new socket, on each machine: it has no record then. `None`: that depends.
    usual: Option<i64>,
    /// Its name, for messages.
    name: &'static str,
    /// What setting it may take; empty: nothing.
    needs: &'static str,
    /// It is set by [`restore_late`], when the socket has its addresses and its queues.
    late: bool,
}

/// Returns a row of a family: an int that is 0 on a new socket, and that anybody may set.
pub(super) const fn int(number: u32, level: u32, option: u32, name: &'static str) -> Row {
    Row {
        number,
        level,
        option,
        form: Form::Int,
        usual: Some(0),
        name,
        needs: "",
        late: false,
    }
}

impl Row {
    /// Makes the same, of which a new socket has `usual`, or what depends on the machine.
    pub(super) const fn usual(self, usual: Option<i64>) -> Self {
        Self { usual, ..self }
    }

    /// Makes the same, the value of which is of another form.
    pub(super) const fn form(self, form: Form) -> Self {
        Self { form, ..self }
    }

    /// Makes the same, but that setting it takes something.
    pub(super) const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    /// Makes the same, but that it is set when the socket has its addresses and its queues.
    pub(super) const fn late(self) -> Self {
        Self { late: true, ..self }
    }
}

/// What of SO_TIMESTAMPING a TCP socket can have only while it has a connection: its numbers are
/// those of bytes (SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_OPT_ID_TCP).
const NUMBERED: i64 = 1 << 7 | 1 << 16;

/// Returns whether `sk` is a TCP socket.
fn is_tcp(sk: &SockRef) -> bool {
    let [_, kind, protocol] = socket::numbers(sk).map(i32::cast_unsigned);
    kind == SOCKET_STREAM && protocol == PROTOCOL_TCP
}

impl Row {
    /// Returns whether it is set when `sk` has its addresses and its queues.
    fn is_late(&self, sk: &SockRef) -> bool {
        let stamps = matches!(self.number, OPTION_TIMESTAMPING_OLD | OPTION_TIMESTAMPING);
        self.late || stamps && is_tcp(sk)
    }

    /// Returns whether it is the size of a buffer that the kernel has chosen, and will choose
    /// again: `options` do not lock it (SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK).
    fn is_chosen(&self, options: &[SocketOption]) -> bool {
        let lock = match self.number {
            OPTION_SNDBUF => 1,
            OPTION_RCVBUF => 2,
            _ => return false,
        };
        !options
            .iter()
            .any(|o| o.option.get() == OPTION_BUF_LOCK && o.value.get() & lock != 0)
    }

    /// Returns the bytes of its value.
    fn len(&self) -> usize {
        match self.form {
            Form::Int | Form::Inq | Form::NoTrunc | Form::Network => 4,
            Form::Interface => 12,
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
        match sk.option(self.level, self.option, value) {
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
            Form::Network => [i32::from_be(i32::try_from(int(0)?)?).into(), 0],
            Form::Interface => [int(8)?, i32::from_be(i32::try_from(int(4)?)?).into()],
            _ => [int(0)?, 0],
        }))
    }

    /// Sets it.
    fn write(&self, file: &impl SetOption, option: u32, value: [i64; 2]) -> Result {
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
            Form::Network => add(&i32::try_from(a)?.to_be_bytes())?,
            Form::Interface => {
                add(&[0; 4])?;
                add(&i32::try_from(b)?.to_be_bytes())?;
                add(&i32::try_from(a)?.to_ne_bytes())?;
            }
            _ => add(&i32::try_from(a)?.to_ne_bytes())?,
        }
        file.set_socket_option(self.level, option, &bytes)
    }

    /// Brings it to `value`, from what a new socket has.
    fn bring_to(&self, file: &impl SetOption, sk: &SockRef, value: [i64; 2]) -> Result {
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
            // What is there while it is off is kept from when it was on.
            OPTION_LINGER if a == 0 => self.write(file, self.option, [1, b])?,
            // A connection that is over has nothing to number any more.
            OPTION_TIMESTAMPING_OLD | OPTION_TIMESTAMPING if a & NUMBERED != 0 => {
                return match self.write(file, self.option, value) {
                    Err(EINVAL) if is_tcp(sk) => self.write(file, self.option, [a & !NUMBERED, b]),
                    done => done,
                };
            }
            // A connection has what the kernel makes of it: what can't be had is chosen anew.
            OPTION_TCP_WINDOW_CLAMP | OPTION_TCP_QUICKACK => {
                return match self.write(file, self.option, value) {
                    Err(EINVAL) => Ok(()),
                    done => done,
                };
            }
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

/// A table of options, by ascending number.
pub(super) type Table = &'static [Row];

/// Returns all options of a family with these tables, by ascending number.
fn rows(tables: &[Table]) -> impl Iterator<Item = &'static Row> + '_ {
    Iterator::chain([SOCKET].into_iter(), tables.iter().copied()).flatten()
}

/// Options that are set after all others: IP_TOS changes the priority; options of IP that name a
/// device must fit the one that the socket has by then; and a clock of time stamps is of that
/// device.
const LAST: [u32; 4] = [
    OPTION_PRIORITY,
    OPTION_BINDTOIFINDEX,
    OPTION_TIMESTAMPING_OLD,
    OPTION_TIMESTAMPING,
];

/// Returns all options of a family with these tables, in the order in which they are set.
fn in_turn(tables: &[Table]) -> impl Iterator<Item = &'static Row> + '_ {
    let first = rows(tables).filter(|row| !LAST.contains(&row.number));
    let last = LAST
        .into_iter()
        .filter_map(|number| SOCKET.iter().find(|row| row.number == number));
    Iterator::chain(first, last)
}

/// Returns the options of `sk` that are not as on a new socket, by ascending number; `tables` are
/// those of its family.
pub(super) fn save(sk: &SockRef, tables: &[Table]) -> Result<KVec<SocketOption>> {
    save_where(tables, |row| row.read(sk))
}

/// Does the same for one whose connection is `first`, a TCP socket: that has all options but those of
/// SOL_SOCKET, and those that only recvmsg(2) and sendmsg(2) of `sk` go by.
pub(super) fn save_of(
    sk: &SockRef,
    first: &SockRef,
    tables: &[Table],
) -> Result<KVec<SocketOption>> {
    save_where(tables, |row| match row.number {
        _ if row.level == so::SOCKET => row.read(sk),
        OPTION_TCP_INQ => Ok(match (row.read(sk)?, row.read(first)?) {
            (Some([0, _]), first) => first,
            (own, _) => own,
        }),
        // There it is none, as `sk` has one for both.
        OPTION_TCP_NOTSENT_LOWAT => Ok(match row.read(first)? {
            Some([-1, _]) => row.read(sk)?,
            first => first,
        }),
        _ => row.read(first),
    })
}

fn save_where(
    tables: &[Table],
    read: impl Fn(&Row) -> Result<Option<[i64; 2]>>,
) -> Result<KVec<SocketOption>> {
    let mut options: KVec<SocketOption> = KVec::new();
    for row in rows(tables) {
        let Some([value, second]) = read(row)? else {
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
    Ok(options)
}

/// An option that can't be set.
pub(super) struct Unset {
    /// Why.
    pub(super) errno: Error,
    /// Its name.
    pub(super) name: &'static str,
    /// What setting it may take.
    pub(super) needs: &'static str,
}

impl fmt::Display for Unset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a socket: {} can't be set", self.name)?;
        if self.needs.is_empty() {
            Ok(())
        } else {
            write!(f, ": it takes {}", self.needs)
        }
    }
}

/// Sets the options of the socket that `file` shows as its record `raw` has them, with the rights
/// of who has made it: all but those that come late.
pub(super) fn restore(
    r: &Restore,
    raw: &Raw<'_>,
    file: &impl SetOption,
    sk: &SockRef,
    tables: &[Table],
    opener: &CredRef,
) -> Result<Result<(), Unset>> {
    set(r, raw, file, sk, tables, opener, false)
}

/// Sets those that come late, when the socket has its addresses and its queues.
pub(super) fn restore_late(
    r: &Restore,
    raw: &Raw<'_>,
    file: &impl SetOption,
    sk: &SockRef,
    tables: &[Table],
    opener: &CredRef,
) -> Result {
    set(r, raw, file, sk, tables, opener, true)?
        .map_err(|unset| r.told(unset.errno, fmt!("{}", unset)))
}

fn set(
    r: &Restore,
    raw: &Raw<'_>,
    file: &impl SetOption,
    sk: &SockRef,
    tables: &[Table],
    opener: &CredRef,
    late: bool,
) -> Result<Result<(), Unset>> {
    let options: &[SocketOption] = raw.array(OPTIONS_MAX).map_err(|f| r.fault(f))?;
    for row in in_turn(tables) {
        if row.is_late(sk) != late {
            continue;
        }
        let found = options
            .binary_search_by_key(&row.number, |o| o.option.get())
            .ok()
            .and_then(|at| options.get(at));
        let value = match (found, row.usual) {
            (Some(o), _) => [o.value.get().cast_signed(), o.second.get().cast_signed()],
            (None, Some(usual)) if row.read(sk)?.is_some() => [usual, 0],
            _ => continue,
        };
        if let Err(errno) = opener.act(|| row.bring_to(file, sk, value)) {
            if errno == EPERM && row.is_chosen(options) {
                continue;
            }
            let (name, needs) = (row.name, row.needs);
            return Ok(Err(Unset { errno, name, needs }));
        }
    }
    Ok(Ok(()))
}

/// Returns the numbers of a table's rows, for tests.
#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
pub(super) fn numbers(table: Table) -> impl Iterator<Item = u32> {
    table.iter().map(|row| row.number)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_net_options)]
mod tests {
    use super::*;

    /// Checks that the options are known, and have the order of their numbers.
    #[test]
    fn options() {
        let mut last = 0;
        for row in SOCKET {
            assert!(row.number > last && !row.name.is_empty());
            last = row.number;
        }
        assert_eq!(last, OPTION_LAST);
        for family in crate::net::FAMILIES {
            let mut last = OPTION_LAST;
            for number in family.options.iter().copied().flat_map(numbers) {
                assert!(number > last);
                last = number;
            }
        }
    }
}
