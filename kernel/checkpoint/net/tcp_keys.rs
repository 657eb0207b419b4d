// SPDX-License-Identifier: GPL-2.0

//! TCP sockets: the keys that sign their segments.
//!
//! They are set before a socket gets an address, with which the kernel chooses among them. A connection whose
//! two ends are in the image begins with new numbers, which is what TCP-AO signs with; one with the outside
//! goes on with those that it had.

use kernel::prelude::*;
use zerocopy::FromZeros;

use crate::{
    core::restore::Restore,
    found::Capture,
    image::{
        net::{
            tcp_key::*,
            FAMILY_INET,
            FAMILY_INET6, //
        },
        Raw, //
    },
    kapi::{
        net::{
            socket::SockRef,
            tcp::Tcp,
            tcp_keys::{
                Ao,
                AoKey,
                Key,
                Keys, //
            }, //
        },
        time::wait, //
    },
    net::address::Own, //
};

/// Bits of an address of IPv4, and of IPv6.
const BITS4: u8 = 32;
const BITS6: u8 = 128;

/// Writes all of the socket that was written last; `outside`: it is connected to one that is not saved.
///
/// E2BIG: it has more keys than a restart takes, for which somebody has raised net.core.optmem_max by far.
pub(super) fn put(cap: &mut Capture, all: &Keys, outside: bool) -> Result {
    if all.keys.len() > KEYS_MAX as usize {
        return Err(E2BIG);
    }
    if let Some(ao) = &all.ao {
        let [good, bad, not_found, missing, icmp] = ao.counts;
        let number = |n: u32| if outside { n } else { 0 };
        let mut flags = 0;
        for (is, flag) in [(ao.required, TCP_AO_REQUIRED), (ao.icmps, TCP_AO_ICMP)] {
            if is {
                flags |= flag;
            }
        }
        let record = TcpAo {
            flags: flags.into(),
            send_first: number(ao.send_first).into(),
            receive_first: number(ao.receive_first).into(),
            send_wraps: number(ao.send_wraps).into(),
            receive_wraps: number(ao.receive_wraps).into(),
            reserved: 0.into(),
            good: good.into(),
            bad: bad.into(),
            not_found: not_found.into(),
            missing: missing.into(),
            icmp: icmp.into(),
        };
        cap.meta.put(&record, &[])?;
    }
    for key in &all.keys {
        wait::go_on()?;
        put_key(cap, key)?;
    }
    Ok(())
}

fn put_key(cap: &mut Capture, key: &Key) -> Result {
    let mut flags = 0;
    if key.device.is_some() {
        flags |= TCP_KEY_DEVICE;
    }
    let mut record = TcpKey {
        kind: TCP_KEY_MD5.into(),
        family: if key.v6 { FAMILY_INET6 } else { FAMILY_INET }.into(),
        prefix: u32::from(key.prefix).into(),
        device: key.device.unwrap_or(0).into(),
        address: key.addr,
        ..TcpKey::new_zeroed()
    };
    if let Some(ao) = &key.ao {
        for (is, flag) in [
            (ao.no_options, TCP_KEY_NO_OPTIONS),
            (ao.current, TCP_KEY_CURRENT),
            (ao.next, TCP_KEY_NEXT),
        ] {
            if is {
                flags |= flag;
            }
        }
        record.kind.set(TCP_KEY_AO);
        record.send_id.set(ao.send_id.into());
        record.receive_id.set(ao.receive_id.into());
        record.mac.set(ao.mac.into());
        record.algorithm.set(ao.algorithm.into());
        record.good.set(ao.good);
        record.bad.set(ao.bad);
    }
    record.flags.set(flags);
    cap.meta.put(&record, key.secret())
}

/// Returns what the other end of the connection of `tcp`, which has `all`, had to sign with:
/// nothing is left of it.
pub(super) fn of_other_end(all: &Keys, tcp: &Tcp, family: u32) -> Result<Keys> {
    let ao = all.ao.map(|_| Ao::default());
    // What grew would leave keys where it was.
    let keys = KVVec::with_capacity(all.keys.len(), GFP_KERNEL_ACCOUNT)?;
    let mut others = Keys { ao, keys };
    let (addr, v6) = peer_addr(&tcp.addr, family);
    for key in &all.keys {
        // Of the others one can't know whether it had them.
        if key.ao.is_none() && !key.used {
            continue;
        }
        let other = Key {
            ao: key.ao.map(|ao| AoKey {
                send_id: ao.receive_id,
                receive_id: ao.send_id,
                current: ao.next,
                next: ao.current,
                good: 0,
                bad: 0,
                ..ao
            }),
            addr,
            v6,
            prefix: if v6 { BITS6 } else { BITS4 },
            device: None,
            ..*key
        };
        others.keys.push(other, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(others)
}

/// Returns the address of a peer as keys have it, and whether it is one of IPv6.
fn peer_addr(addr: &[u8; 16], family: u32) -> ([u8; 16], bool) {
    match (family, *addr) {
        (FAMILY_INET, _) => (*addr, false),
        (_, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]) => {
            ([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], false)
        }
        _ => (*addr, true),
    }
}

/// Reads what the record `raw` tells of TCP-AO.
pub(super) fn ao(r: &Restore, raw: &Raw<'_>) -> Result<Ao> {
    let record: TcpAo = raw.body().map_err(|f| r.fault(f))?;
    let has = |flag| record.flags.get() & flag != 0;
    Ok(Ao {
        required: has(TCP_AO_REQUIRED),
        icmps: has(TCP_AO_ICMP),
        send_first: record.send_first.get(),
        receive_first: record.receive_first.get(),
        send_wraps: record.send_wraps.get(),
        receive_wraps: record.receive_wraps.get(),
        counts: [
            record.good.get(),
            record.bad.get(),
            record.not_found.get(),
            record.missing.get(),
            record.icmp.get(),
        ],
    })
}

/// Reads the key that the record `raw` has, for the addresses that there are now.
pub(super) fn key(r: &Restore, raw: &Raw<'_>, own: &Own) -> Result<Key> {
    let record: TcpKey = raw.body().map_err(|f| r.fault(f))?;
    let has = |flag| record.flags.get() & flag != 0;
    let ao = match record.kind.get() {
        TCP_KEY_AO => Some(AoKey {
            send_id: u8::try_from(record.send_id.get())?,
            receive_id: u8::try_from(record.receive_id.get())?,
            mac: u8::try_from(record.mac.get())?,
            algorithm: u8::try_from(record.algorithm.get())?,
            no_options: has(TCP_KEY_NO_OPTIONS),
            current: has(TCP_KEY_CURRENT),
            next: has(TCP_KEY_NEXT),
            good: record.good.get(),
            bad: record.bad.get(),
        }),
        _ => None,
    };
    let v6 = record.family.get() == FAMILY_INET6;
    let prefix = u8::try_from(record.prefix.get())?;
    let mut addr = record.address;
    // A network is none that a socket has.
    if prefix == if v6 { BITS6 } else { BITS4 } {
        own.rewrite_peer(r, record.family.get(), &mut addr)?;
    }
    Ok(Key {
        ao,
        addr,
        v6,
        prefix,
        device: has(TCP_KEY_DEVICE).then_some(record.device.get()),
        ..Key::new(raw.payload)?
    })
}

/// Gives `sk`, which is new, all that it had to sign with.
pub(super) fn set(r: &Restore, sk: &SockRef, all: &Keys) -> Result {
    // A list has the one that was added last first; and connect(2) takes the first that fits.
    let (md5, ao) = (
        all.keys.iter().rev().filter(|key| key.ao.is_none()),
        all.keys.iter().rev().filter(|key| key.ao.is_some()),
    );
    for key in Iterator::chain(md5, ao) {
        wait::go_on()?;
        sk.add_tcp_key(key).map_err(|e| {
            let of_ao = key.ao.is_some();
            let why = match e {
                ENOPROTOOPT if of_ao => "the kernel has no TCP-AO (CONFIG_TCP_AO)",
                ENOPROTOOPT => "the kernel has none (CONFIG_TCP_MD5SIG)",
                EOPNOTSUPP => "the kernel has none with FIPS",
                ENOENT => "the kernel does not know the algorithm",
                ENOMEM => "there is no memory: raise net.core.optmem_max",
                EKEYREJECTED | EEXIST => {
                    "there is one of the other kind for that peer, or the same"
                }
                EINVAL if key.device.is_some() => "there is no such master device: make it first",
                _ => "the kernel does not take it",
            };
            let option = if of_ao {
                "TCP_AO_ADD_KEY"
            } else {
                "TCP_MD5SIG"
            };
            r.told(
                e,
                fmt!("a TCP socket can't get a key ({}): {}", option, why),
            )
        })?;
    }
    let Some(ao) = &all.ao else {
        return Ok(());
    };
    sk.set_tcp_ao(ao).map_err(|e| {
        let why = match e {
            ENOPROTOOPT => "the kernel has no TCP-AO (CONFIG_TCP_AO)",
            _ => "the kernel does not take it",
        };
        r.told(e, fmt!("a TCP socket: TCP_AO_INFO can't be set: {}", why))
    })
}
