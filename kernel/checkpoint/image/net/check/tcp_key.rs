// SPDX-License-Identifier: GPL-2.0

//! Keys that sign the segments of TCP.

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
        tcp_key::*,
        FAMILY_INET,
        FAMILY_INET6, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// What may still come of keys of the TCP socket that was told last.
#[derive(Clone, Copy, Default)]
pub(in crate::image) struct KeysLeft {
    /// Its address family; 0: nothing more.
    family: u32,
    /// Its other end is outside.
    outside: bool,
    /// It has something of TCP-AO.
    ao: bool,
    /// Keys that were told.
    keys: u32,
    /// `TCP_KEY_CURRENT`, `TCP_KEY_NEXT`: those that it has.
    chosen: u32,
}

impl KeysLeft {
    /// Returns all, of a socket of this family.
    pub(super) fn of(family: u32, outside: bool) -> Self {
        Self {
            family,
            outside,
            ..Self::default()
        }
    }
}

impl Walk<'_> {
    /// Checks what a TCP socket has of TCP-AO.
    pub(in crate::image) fn tcp_ao(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let ao: TcpAo = raw.body()?;
        no_payload(raw)?;
        self.tcp_left.take_hints();
        let left = &mut self.tcp_keys_left;
        ensure(
            raw,
            left.family != 0 && !left.ao && left.keys == 0,
            "does not come right after a TCP socket",
        )?;
        left.ao = true;
        flags(raw, ao.flags.get().into(), TCP_AO_ALL.into())?;
        let numbers = [
            &ao.send_first,
            &ao.receive_first,
            &ao.send_wraps,
            &ao.receive_wraps,
        ];
        zero(
            raw,
            ao.reserved.get() == 0 && (left.outside || numbers.iter().all(|n| n.get() == 0)),
        )
    }

    /// Checks a key of a TCP socket.
    pub(in crate::image) fn tcp_key(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let key: TcpKey = raw.body()?;
        self.tcp_left.take_hints();
        let left = &mut self.tcp_keys_left;
        ensure(
            raw,
            left.family != 0 && left.keys < KEYS_MAX,
            "is of no TCP socket, or one of too many",
        )?;
        left.keys += 1;
        let v6 = key.family.get() == FAMILY_INET6;
        ensure(
            raw,
            key.family.get() == FAMILY_INET || v6 && left.family == FAMILY_INET6,
            "is for peers of another family",
        )?;
        let rest = key.address.get(4..).unwrap_or(&[]);
        ensure(
            raw,
            key.prefix.get() <= if v6 { 128 } else { 32 } && (v6 || rest.iter().all(|&b| b == 0)),
            "impossible address",
        )?;
        flags(raw, key.flags.get().into(), TCP_KEY_ALL.into())?;
        let has = |flag| key.flags.get() & flag != 0;
        ensure(
            raw,
            key.device.get() <= i32::MAX as u32 && (has(TCP_KEY_DEVICE) || key.device.get() == 0),
            "impossible number of a device",
        )?;
        zero(raw, key.reserved.get() == 0)?;
        match key.kind.get() {
            TCP_KEY_MD5 => md5(raw, &key),
            TCP_KEY_AO => {
                let chosen = key.flags.get() & (TCP_KEY_CURRENT | TCP_KEY_NEXT);
                ensure(raw, left.ao, "is of a socket without TCP-AO")?;
                ensure(
                    raw,
                    left.chosen & chosen == 0,
                    "one key is to be used, and there are two",
                )?;
                left.chosen |= chosen;
                ao(raw, &key)
            }
            _ => Err(raw.fault("unknown kind of key")),
        }
    }
}

/// Checks a key of TCP_MD5SIG.
fn md5(raw: &Raw<'_>, key: &TcpKey) -> Result<(), Fault> {
    ensure(
        raw,
        (1..=KEY_MAX).contains(&raw.payload.len()),
        "impossible length of a key",
    )?;
    let numbers = [&key.send_id, &key.receive_id, &key.mac, &key.algorithm];
    zero(
        raw,
        key.flags.get() & !TCP_KEY_DEVICE == 0
            && numbers.iter().all(|n| n.get() == 0)
            && key.good.get() | key.bad.get() == 0,
    )
}

/// Checks a key of TCP-AO. How long a signature may be the kernel knows.
fn ao(raw: &Raw<'_>, key: &TcpKey) -> Result<(), Fault> {
    ensure(
        raw,
        raw.payload.len() <= KEY_MAX,
        "impossible length of a key",
    )?;
    ensure(
        raw,
        (TCP_KEY_HMAC_SHA1..=TCP_KEY_AES_128_CMAC).contains(&key.algorithm.get()),
        "unknown algorithm of a key",
    )?;
    let numbers = [&key.send_id, &key.receive_id, &key.mac];
    ensure(
        raw,
        numbers.iter().all(|n| n.get() <= u32::from(u8::MAX)) && key.mac.get() != 0,
        "impossible number of a key",
    )
}
