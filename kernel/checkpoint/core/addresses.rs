// SPDX-License-Identifier: GPL-2.0

//! What the caller of restart(2) says about addresses of IPv4 and IPv6 that are others now.

use kernel::prelude::*;

use crate::kapi::{
    time::wait,
    uapi::args::{
        address,
        each_address,
        AddressRow, //
    }, //
};

/// Most rules of a call: each address is compared with each of them.
const ROWS_MAX: usize = 256;

/// Bytes before an address of IPv4 that is mapped to one of IPv6.
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// Bits of these.
const MAPPED_BITS: u32 = 96;

/// Bits of an address of IPv4; of IPv6.
const BITS4: u32 = 32;
const BITS6: u32 = 128;

/// Addresses that are others now. Those of IPv4 are mapped ones here.
struct Rule {
    /// What addresses begin with, and have instead: all other bits are zero.
    from: u128,
    to: u128,
    /// The bits that count.
    mask: u128,
    /// For addresses of other ends, too.
    peers: bool,
}

/// Returns an address of IPv4, the first four bytes of `addr`, as one of IPv6.
fn map(addr: &[u8; 16]) -> u128 {
    let [a, b, c, d, ..] = *addr;
    let [m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11] = MAPPED;
    u128::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, a, b, c, d])
}

/// Returns such an address of IPv4 with zeros after its four bytes.
fn unmap(addr: u128) -> [u8; 16] {
    let [.., a, b, c, d] = addr.to_be_bytes();
    [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Returns whether it is one of IPv4.
fn is_mapped(addr: u128) -> bool {
    addr.to_be_bytes().starts_with(&MAPPED)
}

/// Returns whether nothing can be bound to it that goes on: it is any, a group's, or everybody's.
/// What is bound to any is never rewritten.
fn is_special(addr: u128) -> bool {
    let [first, .., a, b, c, d] = addr.to_be_bytes();
    if is_mapped(addr) {
        let v4 = [a, b, c, d];
        v4 == [0; 4] || v4 == [0xff; 4] || (224..240).contains(&a)
    } else {
        addr == 0 || first == 0xff
    }
}

impl Rule {
    /// Checks one of the caller's. EINVAL: a family, a length or a flag is not known; there are
    /// bits beyond the length; or an address of IPv4 is written as one of IPv6.
    fn new(row: &AddressRow) -> Result<Self> {
        if row.flags & !address::PEERS != 0 {
            return Err(EINVAL);
        }
        let (bits, from, to) = match row.family {
            address::INET if row.prefix <= BITS4 => {
                let rest = |addr: &[u8; 16]| addr.iter().skip(4).any(|&b| b != 0);
                if rest(&row.from) || rest(&row.to) {
                    return Err(EINVAL);
                }
                (row.prefix + MAPPED_BITS, map(&row.from), map(&row.to))
            }
            address::INET6 if row.prefix <= BITS6 => {
                let both = (u128::from_be_bytes(row.from), u128::from_be_bytes(row.to));
                if is_mapped(both.0) || is_mapped(both.1) {
                    return Err(EINVAL);
                }
                (row.prefix, both.0, both.1)
            }
            _ => return Err(EINVAL),
        };
        // All bits of no address.
        let mask = u128::MAX.checked_shl(BITS6 - bits).unwrap_or(0);
        if (from | to) & !mask != 0 || (bits == BITS6 && (is_special(from) || is_special(to))) {
            return Err(EINVAL);
        }
        Ok(Self {
            from,
            to,
            mask,
            peers: row.flags & address::PEERS != 0,
        })
    }
}

/// Addresses that are others now.
pub(crate) struct Addresses(KVVec<Rule>);

impl Addresses {
    /// Makes an empty list.
    #[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
    pub(crate) fn none() -> Self {
        Self(KVVec::new())
    }

    /// Returns all of them; none are left.
    pub(crate) fn take(&mut self) -> Self {
        Self(core::mem::replace(&mut self.0, KVVec::new()))
    }

    /// Returns `addr` as one of IPv6, of which IPv4 (`is_v4`) has the first four bytes: to compare.
    pub(crate) fn mapped(is_v4: bool, addr: &[u8; 16]) -> [u8; 16] {
        if is_v4 {
            map(addr).to_be_bytes()
        } else {
            *addr
        }
    }

    /// Returns whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads those of the caller at `at`, in their order.
    ///
    /// E2BIG: there are too many. EINVAL: as of [`Rule::new`]. EFAULT: they are not readable.
    pub(crate) fn read(at: (usize, usize)) -> Result<Self> {
        let mut list = KVVec::new();
        each_address(at, ROWS_MAX, |row| {
            Ok(list.push(Rule::new(&row)?, GFP_KERNEL_ACCOUNT)?)
        })?;
        Ok(Self(list))
    }

    /// Returns what `addr` is now, of which IPv4 (`is_v4`) has the first four bytes; `peer`: it is
    /// that of another end. The first rule that fits counts.
    ///
    /// EADDRNOTAVAIL: no socket has such an address. EINTR: the caller was killed.
    pub(crate) fn now(&self, is_v4: bool, addr: &[u8; 16], peer: bool) -> Result<[u8; 16]> {
        let old = if is_v4 {
            map(addr)
        } else {
            u128::from_be_bytes(*addr)
        };
        if is_special(old) {
            return Ok(*addr);
        }
        for rule in &self.0 {
            wait::go_on()?;
            // A rule is for one family: a mapped address is one of IPv4.
            let fits = old & rule.mask == rule.from
                && is_mapped(old) == is_mapped(rule.from)
                && (rule.peers || !peer);
            if !fits {
                continue;
            }
            let new = rule.to | (old & !rule.mask);
            if is_special(new) || is_mapped(new) != is_mapped(old) {
                return Err(EADDRNOTAVAIL);
            }
            return Ok(if is_v4 { unmap(new) } else { new.to_be_bytes() });
        }
        Ok(*addr)
    }
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_addresses)]
mod tests {
    use super::*;

    fn v4(a: u8, b: u8, c: u8, d: u8) -> [u8; 16] {
        [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    }

    fn row(from: [u8; 16], to: [u8; 16], prefix: u32) -> AddressRow {
        AddressRow {
            from,
            to,
            family: address::INET,
            prefix,
            flags: 0,
        }
    }

    #[test]
    fn rewritten() -> Result {
        let mut list = KVVec::new();
        for row in [
            row(v4(10, 0, 0, 5), v4(10, 9, 9, 9), 32),
            row(v4(10, 0, 0, 0), v4(172, 16, 0, 0), 16),
            AddressRow {
                flags: address::PEERS,
                ..row(v4(192, 168, 0, 0), v4(192, 169, 0, 0), 16)
            },
        ] {
            list.push(Rule::new(&row)?, GFP_KERNEL)?;
        }
        let all = Addresses(list);
        let own = |addr: [u8; 16]| all.now(true, &addr, false);
        assert!(own(v4(10, 0, 0, 5))? == v4(10, 9, 9, 9));
        assert!(own(v4(10, 0, 7, 1))? == v4(172, 16, 7, 1));
        assert!(own(v4(10, 1, 7, 1))? == v4(10, 1, 7, 1));
        assert!(own(v4(0, 0, 0, 0))? == v4(0, 0, 0, 0));
        let peer = |addr: [u8; 16]| all.now(true, &addr, true);
        assert!(peer(v4(10, 0, 0, 5))? == v4(10, 0, 0, 5));
        assert!(peer(v4(192, 168, 1, 1))? == v4(192, 169, 1, 1));
        let mapped = map(&v4(10, 0, 0, 5)).to_be_bytes();
        assert!(all.now(false, &mapped, false)? == map(&v4(10, 9, 9, 9)).to_be_bytes());
        Ok(())
    }

    #[test]
    fn wrong() {
        for wrong in [
            row(v4(10, 0, 0, 5), v4(10, 9, 9, 9), 33),
            row(v4(10, 0, 0, 5), v4(10, 9, 0, 0), 16),
            row(v4(10, 0, 0, 5), v4(0, 0, 0, 0), 32),
            row(v4(10, 0, 0, 5), v4(224, 0, 0, 1), 32),
            row([1; 16], v4(10, 0, 0, 1), 32),
            AddressRow {
                family: address::INET6,
                ..row(map(&v4(10, 0, 0, 5)).to_be_bytes(), [1; 16], 128)
            },
            AddressRow {
                flags: 2,
                ..row(v4(10, 0, 0, 5), v4(10, 9, 9, 9), 32)
            },
        ] {
            assert!(Rule::new(&wrong).is_err());
        }
    }
}
