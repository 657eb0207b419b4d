// SPDX-License-Identifier: GPL-2.0

//! Addresses of sockets that are others at a restart.

use crate::sys;
use std::{
    net::IpAddr,
    str::FromStr, //
};

/// AF_INET and AF_INET6.
const FAMILY4: u32 = 2;
const FAMILY6: u32 = 10;

/// An address, or those of a prefix, and what that is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    from: IpAddr,
    to: IpAddr,
    prefix: u32,
    peers: bool,
}

/// Returns how many bits an address like `addr` has.
fn bits(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// Returns the bytes of `addr` as the kernel takes them.
fn bytes(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(addr) => {
            let [a, b, c, d] = addr.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(addr) => addr.octets(),
    }
}

/// Returns the bits of `addr` after the first `prefix` ones.
fn rest(addr: IpAddr, prefix: u32) -> u128 {
    let (value, unused) = match addr {
        IpAddr::V4(addr) => (u128::from(addr.to_bits()), prefix + 96),
        IpAddr::V6(addr) => (addr.to_bits(), prefix),
    };
    value & u128::MAX.checked_shr(unused).unwrap_or(0)
}

/// Reads ADDRESS or ADDRESS/BITS.
fn part(text: &str) -> Result<(IpAddr, u32), String> {
    let (addr, prefix) = match text.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix)),
        None => (text, None),
    };
    let addr = IpAddr::from_str(addr).map_err(|_| format!("{addr:?} is no address"))?;
    let prefix = match prefix {
        None => bits(addr),
        Some(text) => text
            .parse()
            .ok()
            .filter(|&n| n <= bits(addr))
            .ok_or(format!("/{text} is no length of a prefix of {addr}"))?,
    };
    if rest(addr, prefix) != 0 {
        return Err(format!("{addr} has bits beyond its first {prefix}"));
    }
    Ok((addr, prefix))
}

impl Moved {
    /// Takes `from` and `to`, which are addresses, or each one and the same length of a prefix:
    /// `10.0.0.0/16`. `peers`: addresses of other ends are others, too.
    pub fn new(from: &str, to: &str, peers: bool) -> Result<Self, String> {
        let ((from, prefix), (to, other)) = (part(from)?, part(to)?);
        if bits(from) != bits(to) {
            return Err("one address is of IPv4, and the other of IPv6".to_owned());
        }
        if prefix != other {
            return Err("the two prefixes have different lengths".to_owned());
        }
        Ok(Self {
            from,
            to,
            prefix,
            peers,
        })
    }

    /// Reads OLD=NEW.
    pub fn parse(text: &str, peers: bool) -> Result<Self, String> {
        let (from, to) = text.split_once('=').ok_or("not OLD=NEW")?;
        Self::new(from, to, peers)
    }

    /// Returns it as the kernel takes it.
    pub(crate) fn row(&self) -> sys::RestartAddress {
        sys::RestartAddress {
            from: bytes(self.from),
            to: bytes(self.to),
            family: if self.from.is_ipv4() {
                FAMILY4
            } else {
                FAMILY6
            },
            prefix: self.prefix,
            flags: if self.peers {
                sys::RESTART_ADDRESS_PEERS
            } else {
                0
            },
            reserved: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        let row = Moved::parse("10.1.0.0/16=10.2.0.0/16", true).unwrap().row();
        assert_eq!((row.family, row.prefix, row.flags), (2, 16, 1));
        assert_eq!(row.from[..5], [10, 1, 0, 0, 0]);
        assert_eq!(row.to[..5], [10, 2, 0, 0, 0]);
        let row = Moved::parse("fd00::1=fd01::2", false).unwrap().row();
        assert_eq!((row.family, row.prefix, row.flags), (10, 128, 0));
        assert_eq!((row.to[1], row.to[15]), (1, 2));
        assert!(Moved::parse("0.0.0.0/0=0.0.0.0/0", false).is_ok());
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, says) in [
            ("10.0.0.1", "not OLD=NEW"),
            ("10.0.0.1=x", "no address"),
            ("10.0.0.1/33=10.0.0.2/33", "no length"),
            ("10.0.0.1/16=10.1.0.0/16", "beyond"),
            ("10.0.0.0/16=10.1.0.0/24", "different lengths"),
            ("10.0.0.1=fd00::1", "IPv6"),
        ] {
            let error = Moved::parse(text, false).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
