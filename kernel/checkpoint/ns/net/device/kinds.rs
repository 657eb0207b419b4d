// SPDX-License-Identifier: GPL-2.0

//! Kinds of network devices that are made: what of one of a kind it is made with, what is set, and what
//! does not count. Numbers are those of the netlink ABI.

use kernel::prelude::*;

use super::{
    tunnels::TUNNELS,
    u32_at,
    BRIDGE, //
};

/// A kind of device that is made.
pub(super) struct DeviceKind {
    /// Its name, as of IFLA_INFO_KIND.
    pub(super) name: &'static [u8],
    /// Attributes of IFLA_INFO_DATA with which it is made.
    pub(super) made_with: &'static [u16],
    /// Those that are set where they differ.
    pub(super) set: &'static [u16],
    /// Those that don't count.
    pub(super) volatile: &'static [u16],
    /// It takes its address and MTU from others, unless it was given them.
    pub(super) borrows: bool,
    /// What is special about it as a tunnel.
    pub(super) tunnel: Option<&'static Tunnel>,
}

/// A kind of tunnel. It is made with all that is told of it, and names the device that it is over by an
/// attribute of its own, in place of IFLA_LINK.
pub(super) struct Tunnel {
    /// Attributes that are told as a byte, and that are not asked for if that is 0: this is what comes
    /// without them, and some mean more than that when they are there.
    pub(super) unless_zero: &'static [u16],
    /// Those of them that are asked for without a content.
    pub(super) as_flag: &'static [u16],
    /// Its addresses are the ends of the tunnel: it can't be given others.
    pub(super) has_ends: bool,
    /// IFLA_MIN_MTU and IFLA_MAX_MTU don't count: how it was made makes a difference to them, by netlink or
    /// by ioctl(2), but not to the MTU that it can have.
    pub(super) any_bounds: bool,
    /// It is born with an address that nobody can choose (IFLA_PERM_ADDRESS), of which the kernel makes
    /// addresses of IPv6.
    pub(super) is_born: bool,
}

/// A kind with nothing of its own.
pub(super) const PLAIN: DeviceKind = DeviceKind {
    name: b"",
    made_with: &[],
    set: &[],
    volatile: &[],
    borrows: false,
    tunnel: None,
};

/// The kind of device whose carrier can be switched.
pub(super) const DUMMY: &[u8] = b"dummy";

/// The kind of device that files make: see `tun.rs`.
pub(super) const TUN: &[u8] = b"tun";

/// The kind of device that has another end.
pub(super) const VETH: &[u8] = b"veth";

/// The kind of device whose flags are told otherwise than they are asked for.
pub(super) const VLAN: &[u8] = b"vlan";

/// IFLA_VLAN_FLAGS: a `struct ifla_vlan_flags`.
pub(super) const VLAN_FLAGS: u16 = 2;

/// All VLAN_FLAG_*.
const VLAN_FLAGS_ALL: u32 = 0x1f;

/// The kinds, but for tunnels.
static KINDS: &[DeviceKind] = &[
    DeviceKind {
        name: DUMMY,
        ..PLAIN
    },
    // Its other end is made with it.
    DeviceKind {
        name: VETH,
        ..PLAIN
    },
    // IFLA_BR_*: not what the bridge finds out (root, topology, timers, querier, learnt entries).
    DeviceKind {
        name: BRIDGE,
        set: &[
            1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 22, 23, 24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
            37, 38, 39, 41, 42, 43, 44, 45, 46, 49, 50,
        ],
        volatile: &[10, 12, 13, 14, 15, 16, 17, 18, 19, 47, 48],
        borrows: true,
        ..PLAIN
    },
    // IFLA_VLAN_ID, _FLAGS (see `vlan_flags`), _EGRESS_QOS, _INGRESS_QOS, _PROTOCOL.
    DeviceKind {
        name: VLAN,
        made_with: &[1, VLAN_FLAGS, 3, 4, 5],
        borrows: true,
        ..PLAIN
    },
    // IFLA_MACVLAN_MODE, _FLAGS, _BC_QUEUE_LEN, _BC_CUTOFF.
    DeviceKind {
        name: b"macvlan",
        made_with: &[1, 2, 7, 9],
        ..PLAIN
    },
    // IFLA_IPVLAN_MODE, _FLAGS.
    DeviceKind {
        name: b"ipvlan",
        made_with: &[1, 2],
        borrows: true,
        ..PLAIN
    },
];

/// Returns IFLA_VLAN_FLAGS as a request takes them: what is told says of all bits that they are set, or
/// not, and none may be asked for that the kernel does not know.
pub(super) fn vlan_flags(told: &[u8]) -> Result<[u8; 8]> {
    let flags = u32_at(told, 0).ok_or(EIO)?;
    let mut asked = [0; 8];
    let (to, mask) = asked.split_at_mut(4);
    to.copy_from_slice(&flags.to_ne_bytes());
    mask.copy_from_slice(&VLAN_FLAGS_ALL.to_ne_bytes());
    Ok(asked)
}

/// Returns the kind with this name.
pub(super) fn kind_named(name: &[u8]) -> Option<&'static DeviceKind> {
    Iterator::chain(KINDS.iter(), TUNNELS.iter()).find(|kind| kind.name == name)
}
