// SPDX-License-Identifier: GPL-2.0

//! Network devices: how one is made as another one is, and what of one does not count.
//!
//! A device is made with what it can only be made with. All else that netlink tells of it, and that it
//! takes, is set if the new one has it otherwise. Numbers are those of the netlink ABI.

mod allowed;
mod kinds;
mod moved;
mod tunnels;

use kernel::prelude::*;

use super::{
    message::{
        attributes,
        find,
        u32_at,
        Message,
        ATTRIBUTE_HEADER, //
    },
    request::Request, //
};
use crate::{
    image::ns::{
        NET_REQUEST_MAKE,
        REQUEST_BORN,
        REQUEST_NEWLINK,
        REQUEST_NEWLINKPROP,
        REQUEST_SETLINK, //
    },
    kapi::net::namespace::NetNs, //
};

use kinds::{
    kind_named,
    vlan_flags,
    DUMMY,
    PLAIN,
    TUN,
    VETH,
    VLAN,
    VLAN_FLAGS, //
};

pub(super) use allowed::is_allowed;
pub(super) use moved::{
    is_told_to_moved,
    moved_key, //
};

/// Bytes of `struct ifinfomsg`.
pub(super) const HEADER: usize = 16;

/// IFLA_ADDRESS.
const ADDRESS: u16 = 1;
/// IFLA_IFNAME.
const NAME: u16 = 3;
/// IFLA_MTU.
const MTU: u16 = 4;
/// IFLA_LINK.
const LINK: u16 = 5;
/// IFLA_QDISC.
const QDISC: u16 = 6;
/// IFLA_MASTER.
const MASTER: u16 = 10;
/// IFLA_OPERSTATE.
const OPERSTATE: u16 = 16;
/// IFLA_LINKMODE.
const LINKMODE: u16 = 17;
/// IFLA_LINKINFO.
const LINKINFO: u16 = 18;
/// IFLA_AF_SPEC.
const AF_SPEC: u16 = 26;
/// IFLA_TARGET_NETNSID: the number of the namespace that a device is made in.
const TARGET: u16 = 46;
/// IFLA_NUM_TX_QUEUES and IFLA_NUM_RX_QUEUES.
const QUEUES: [u16; 2] = [31, 32];
/// IFLA_CARRIER.
const CARRIER: u16 = 33;
/// IFLA_BROADCAST.
const BROADCAST: u16 = 2;
/// IFLA_PERM_ADDRESS.
const BORN: u16 = 54;
/// IFLA_MIN_MTU and IFLA_MAX_MTU.
const BOUNDS: [u16; 2] = [50, 51];
/// IFLA_PROP_LIST.
const PROP_LIST: u16 = 52;
/// IFLA_ALT_IFNAME.
const ALT_NAME: u16 = 53;

/// IFLA_INFO_KIND and the others in IFLA_LINKINFO.
const KIND: u16 = 1;
const DATA: u16 = 2;
const STATISTICS: u16 = 3;
const PORT_KIND: u16 = 4;
const PORT_DATA: u16 = 5;

/// IFLA_BR_STP_STATE, and BR_KERNEL_STP: the kernel's spanning tree.
const STP_STATE: u16 = 5;
const KERNEL_STP: u32 = 1;

/// IFLA_BR_STP_MODE: whose spanning tree there will be.
const STP_MODE: u16 = 50;

/// IFLA_BRPORT_STATE.
const PORT_STATE: u16 = 1;

/// VETH_INFO_PEER.
const PEER: u16 = 1;

/// Attributes that are set where they differ: IFLA_ADDRESS, IFLA_BROADCAST, IFLA_MTU, IFLA_MASTER,
/// IFLA_TXQLEN, IFLA_LINKMODE, IFLA_IFALIAS, IFLA_GROUP, IFLA_PROTO_DOWN, IFLA_GSO_MAX_SEGS,
/// IFLA_GSO_MAX_SIZE, IFLA_GRO_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE, IFLA_GRO_IPV4_MAX_SIZE.
const SET: &[u16] = &[
    ADDRESS, BROADCAST, MTU, MASTER, 13, LINKMODE, 20, 27, 39, 40, 41, 58, 63, 64,
];

/// Attributes that don't count: IFLA_STATS, IFLA_MAP, IFLA_OPERSTATE, IFLA_STATS64,
/// IFLA_PROMISCUITY, IFLA_CARRIER, IFLA_CARRIER_CHANGES, IFLA_CARRIER_UP_COUNT,
/// IFLA_CARRIER_DOWN_COUNT, IFLA_ALLMULTI, IFLA_HEADROOM. Who has had a device be promiscuous is
/// told by IFF_PROMISC, or is a socket or another device. IFLA_OPERSTATE is the kernel's unless
/// IFLA_LINKMODE says that a program sets it.
const VOLATILE: &[u16] = &[7, 14, OPERSTATE, 23, 30, CARRIER, 35, 47, 48, 61, 68];

/// IFF_RUNNING, IFF_LOWER_UP and IFF_DORMANT: what the kernel finds out of a link.
const FLAGS_OF_KERNEL: u32 = 1 << 6 | 1 << 16 | 1 << 17;

/// IFF_UP.
const UP: u32 = 1;

/// IFF_UP, IFF_DEBUG, IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_MULTICAST, IFF_DYNAMIC.
const FLAGS_OF_USER: u32 = UP | 1 << 2 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 15;

/// The kind of device whose ports have settings.
const BRIDGE: &[u8] = b"bridge";

/// IFLA_BRPORT_* that are set where they differ.
const PORT_SET: &[u16] = &[
    2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27, 28, 29, 30, 31, 32, 33, 34, 37, 39, 40, 42, 43, 44,
    45,
];

/// Those that don't count: what the bridge finds out, and the number that the port got. Its state is
/// looked at by itself: see [`Device::state`].
const PORT_VOLATILE: &[u16] = &[
    PORT_STATE, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 35, 36, 38, 41,
];

/// AF_INET and AF_INET6 in IFLA_AF_SPEC: settings, which are in /proc/sys, and statistics. Of IPv6 a
/// token (IFLA_INET6_TOKEN) is something else.
const INET: u16 = 2;
const INET6: u16 = 10;
const TOKEN: u16 = 7;

/// Returns a name, without its NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or(&[])
}

/// Returns whether the request `body` has the address that a device was born with, and nothing else.
pub(super) fn is_birth(body: &[u8]) -> Result<bool> {
    let device = Device::of(body)?;
    Ok(device.get(BORN)?.is_some() && allowed::only(device.attributes, &[BORN])?)
}

/// Returns whether the request `body` is about a device in the namespace that a number stands for.
pub(super) fn is_across(body: &[u8]) -> bool {
    let target = Device::of(body).and_then(|device| device.get(TARGET));
    target.is_ok_and(|target| target.is_some())
}

/// What netlink tells of a device.
#[derive(Clone, Copy)]
pub(super) struct Device<'a> {
    header: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> Device<'a> {
    /// Takes what comes after the header of a message.
    pub(super) fn of(body: &'a [u8]) -> Result<Self> {
        let (header, attributes) = body.split_at_checked(HEADER).ok_or(EIO)?;
        Ok(Self { header, attributes })
    }

    /// Returns its number.
    pub(super) fn index(&self) -> u32 {
        u32_at(self.header, 4).unwrap_or(0)
    }

    /// Returns whether it is a tunnel.
    pub(super) fn is_tunnel(&self) -> Result<bool> {
        Ok(kind_named(self.kind()?).is_some_and(|kind| kind.tunnel.is_some()))
    }

    /// Returns the address that it was born with.
    pub(super) fn born(&self) -> Result<&'a [u8]> {
        self.get(BORN)?.ok_or(EINVAL)
    }

    /// Writes its number.
    pub(super) fn set_index(body: &mut [u8], index: u32) -> Result {
        let at = body.get_mut(4..8).ok_or(EIO)?;
        at.copy_from_slice(&index.to_ne_bytes());
        Ok(())
    }

    /// Returns whether it is to be made elsewhere, with any number.
    pub(super) fn is_of_any_number(&self) -> Result<bool> {
        Ok(self.index() == 0 && self.get(TARGET)?.is_some())
    }

    /// Returns the number of the namespace that a request makes it in, if that is another one.
    pub(super) fn target(&self) -> Result<Option<u32>> {
        Ok(self.get(TARGET)?.and_then(|number| u32_at(number, 0)))
    }

    /// Returns the name of the other end of a veth that a request makes.
    pub(super) fn peer_name(&self) -> Result<&'a [u8]> {
        let Some(peer) = find(self.info(DATA)?, PEER)? else {
            return Ok(&[]);
        };
        Self::of(peer)?.name()
    }

    /// Returns its number.
    pub(super) fn peer_index(&self) -> Result<u32> {
        let peer = find(self.info(DATA)?, PEER)?.ok_or(EIO)?;
        Ok(Self::of(peer)?.index())
    }

    /// Returns a request that makes it, for one with the name `name`.
    pub(super) fn renamed(&self, name: &CStr) -> Result<KVVec<u8>> {
        let mut message = Message::new(self.header)?;
        attributes(self.attributes, |kind, attribute| {
            if kind == NAME {
                message.add(NAME, name.to_bytes_with_nul())
            } else {
                message.header(attribute)?;
                message.pad()
            }
        })?;
        Ok(message.0)
    }

    /// Returns IFF_*.
    fn flags(&self) -> u32 {
        u32_at(self.header, 8).unwrap_or(0)
    }

    /// Returns which of them a request changes.
    fn change(&self) -> u32 {
        u32_at(self.header, 12).unwrap_or(0)
    }

    /// Returns what is in an attribute.
    fn get(&self, kind: u16) -> Result<Option<&'a [u8]>> {
        find(self.attributes, kind)
    }

    /// Returns what is in an attribute of IFLA_LINKINFO; nothing if there is none.
    fn info(&self, kind: u16) -> Result<&'a [u8]> {
        Ok(match self.get(LINKINFO)? {
            Some(info) => find(info, kind)?.unwrap_or(&[]),
            None => &[],
        })
    }

    /// Returns its name.
    pub(super) fn name(&self) -> Result<&'a [u8]> {
        Ok(text(self.get(NAME)?.unwrap_or(&[])))
    }

    /// Returns the name of its kind; empty: it is a device of the machine.
    pub(super) fn kind(&self) -> Result<&'a [u8]> {
        Ok(text(self.info(KIND)?))
    }

    /// Returns the device that it leads to, or 0.
    pub(super) fn link(&self) -> Result<u32> {
        Ok(self
            .get(LINK)?
            .and_then(|link| u32_at(link, 0))
            .unwrap_or(0))
    }

    /// Returns the bridge that it is a port of, or 0.
    pub(super) fn master(&self) -> Result<u32> {
        Ok(self
            .get(MASTER)?
            .and_then(|master| u32_at(master, 0))
            .unwrap_or(0))
    }

    /// Returns whether it is a bridge whose ports have the states that they are told to have: it has no
    /// spanning tree, or a program has.
    pub(super) fn is_told(&self) -> Result<bool> {
        let tree = find(self.info(DATA)?, STP_STATE)?;
        let tree = tree.and_then(|tree| u32_at(tree, 0));
        Ok(self.kind()? == BRIDGE && tree.is_some_and(|tree| tree != KERNEL_STP))
    }

    /// Returns the request that gives `new`, a port of a bridge that [`Device::is_told`], the state
    /// of this port. `None`: it has that.
    pub(super) fn state(&self, new: &Device<'_>) -> Result<Option<Request>> {
        let Some(state) = find(self.info(PORT_DATA)?, PORT_STATE)? else {
            return Ok(None);
        };
        if find(new.info(PORT_DATA)?, PORT_STATE)? == Some(state) {
            return Ok(None);
        }
        let mut change = Message::new(&self.request_header(0, 0))?;
        change.nest(LINKINFO, |info| {
            info.add(PORT_KIND, BRIDGE)?;
            info.nest(PORT_DATA, |inner| inner.add(PORT_STATE, state))
        })?;
        Request::new(REQUEST_NEWLINK, 0, change).map(Some)
    }

    /// Returns the header of a request for it, with these IFF_* to be set to `flags`.
    fn request_header(&self, flags: u32, change: u32) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        if let Some(index) = header.get_mut(4..8) {
            index.copy_from_slice(&self.index().to_ne_bytes());
        }
        if let Some(to) = header.get_mut(8..12) {
            to.copy_from_slice(&flags.to_ne_bytes());
        }
        if let Some(to) = header.get_mut(12..16) {
            to.copy_from_slice(&change.to_ne_bytes());
        }
        header
    }

    /// Adds those of its attributes that `kinds` names.
    fn copy(&self, kinds: &[u16], message: &mut Message) -> Result {
        for &kind in kinds {
            if let Some(content) = self.get(kind)? {
                message.add(kind, content)?;
            }
        }
        Ok(())
    }

    /// Adds what one that is made in place of one of `ns` has, whatever it is. How many queues a device
    /// has is not asked for if it does not use them: then nobody has.
    fn copy_plain(&self, ns: &NetNs, borrows: bool, message: &mut Message) -> Result {
        self.copy(&[NAME], message)?;
        for (kind, is_used) in QUEUES.into_iter().zip(ns.queues(self.index())?) {
            if is_used {
                self.copy(&[kind], message)?;
            }
        }
        if !borrows {
            self.copy(&[ADDRESS], message)?;
        }
        Ok(())
    }

    /// Returns the request that makes one as it is. `all` are in its namespace, `ns`; `masters` are
    /// the bridges of these, sorted. `None`: it is made with another one, or can't be made.
    pub(super) fn make(
        &self,
        ns: &NetNs,
        all: &[Device<'_>],
        masters: &[u32],
    ) -> Result<Option<Request>> {
        let Some(kind) = kind_named(self.kind()?) else {
            return Ok(None);
        };
        let link = self.link()?;
        let mut message = Message::new(&self.request_header(0, 0))?;
        // A bridge without ports has only the address that it was given.
        let has_ports = masters.binary_search(&self.index()).is_ok();
        let borrows = kind.borrows && (kind.name != BRIDGE || has_ports);
        let has_ends = kind.tunnel.is_some_and(|tunnel| tunnel.has_ends);
        self.copy_plain(ns, borrows || has_ends, &mut message)?;
        let mut peer = None;
        if kind.name == VETH {
            let Some(end) = all.iter().find(|to| to.index() == link) else {
                return Ok(None);
            };
            if end.index() < self.index() && end.link()? == self.index() {
                return Ok(None);
            }
            peer = Some(end);
        } else if kind.tunnel.is_none() {
            self.copy(&[LINK], &mut message)?;
        }
        let data = self.info(DATA)?;
        if kind.tunnel.is_some() && !allowed::only(data, kind.made_with)? {
            return Ok(None);
        }
        message.nest(LINKINFO, |info| {
            info.add(KIND, kind.name)?;
            if let Some(peer) = peer {
                return info.nest(DATA, |data| {
                    data.nest(PEER, |end| {
                        end.header(&peer.request_header(0, 0))?;
                        peer.copy_plain(ns, false, end)
                    })
                });
            }
            if kind.made_with.is_empty() {
                return Ok(());
            }
            info.nest(DATA, |made| {
                attributes(data, |number, attribute| {
                    let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
                    match number {
                        VLAN_FLAGS if kind.name == VLAN => made.add(number, &vlan_flags(content)?),
                        _ if kind.made_with.contains(&number) => {
                            let asked = match kind.tunnel {
                                Some(tunnel) => tunnel.asked(number, content),
                                None => Some(content),
                            };
                            asked.map_or(Ok(()), |asked| made.add(number, asked))
                        }
                        _ => Ok(()),
                    }
                })
            })
        })?;
        Request::new(REQUEST_NEWLINK, NET_REQUEST_MAKE, message).map(Some)
    }

    /// Returns the message that makes it, one end of a veth in `ns`, with the other one, `end`, in
    /// `end_ns`: for `ns`, which has `number` for that. `header` is that of the other end, which
    /// gets `more`.
    fn across(
        &self,
        ns: &NetNs,
        (end, end_ns): (&Device<'_>, &NetNs),
        number: u32,
        header: &[u8; HEADER],
        more: &[u16],
    ) -> Result<Message> {
        let mut message = Message::new(header)?;
        end.copy_plain(end_ns, false, &mut message)?;
        end.copy(more, &mut message)?;
        message.add(TARGET, &number.to_ne_bytes())?;
        message.nest(LINKINFO, |info| {
            info.add(KIND, VETH)?;
            info.nest(DATA, |data| {
                // Nothing says where that is: it is made where the request comes from.
                data.nest(PEER, |peer| {
                    peer.header(&self.request_header(0, 0))?;
                    self.copy_plain(ns, false, peer)
                })
            })
        })?;
        Ok(message)
    }

    /// Returns the request that makes it, one end of a veth in `ns`, with the other one, `end`, in
    /// `end_ns`: for `ns`, which has `number` for that.
    pub(super) fn make_across(
        &self,
        ns: &NetNs,
        end: &Device<'_>,
        end_ns: &NetNs,
        number: u32,
    ) -> Result<Request> {
        let header = end.request_header(0, 0);
        let message = self.across(ns, (end, end_ns), number, &header, &[])?;
        Request::new(REQUEST_NEWLINK, NET_REQUEST_MAKE, message)
    }

    /// Returns the same where the other one stays outside: it is on if it was. A restart makes it
    /// with whatever number it gets there.
    pub(super) fn make_outside(
        &self,
        ns: &NetNs,
        end: &Device<'_>,
        end_ns: &NetNs,
        number: u32,
    ) -> Result<Request> {
        let up = end.flags() & UP;
        let mut header = end.request_header(up, up);
        let made = self.across(ns, (end, end_ns), number, &header, &[MTU])?;
        Self::set_index(&mut header, 0)?;
        let again = self.across(ns, (end, end_ns), number, &header, &[MTU])?;
        Ok(Request::new(REQUEST_NEWLINK, NET_REQUEST_MAKE, made)?.again(again))
    }

    /// Returns the requests that make `new` what this device is, but for its flags. Each sets one
    /// thing: one that is not taken has changed nothing. Unless this is the `last` time, what it
    /// can take from others is left to it: what is set does not follow these any more.
    pub(super) fn changes(&self, new: &Device<'_>, last: bool) -> Result<KVVec<Request>> {
        let mut requests = KVVec::new();
        let header = self.request_header(0, 0);
        let mut add = |kind: u32, message: Message| -> Result {
            Ok(requests.push(Request::new(kind, 0, message)?, GFP_KERNEL_ACCOUNT)?)
        };
        let named = kind_named(self.kind()?);
        let borrows = named.is_some_and(|kind| kind.borrows);
        let tunnel = named.and_then(|kind| kind.tunnel);
        let has_ends = tunnel.is_some_and(|tunnel| tunnel.has_ends);
        let carrier: &[u16] = if self.kind()? == DUMMY {
            &[CARRIER]
        } else {
            &[]
        };
        if tunnel.is_some_and(|tunnel| tunnel.is_born) {
            differing(self.attributes, new.attributes, &[BORN], |kind, content| {
                let mut set = Message::new(&header)?;
                set.add(kind, content)?;
                add(REQUEST_BORN, set)
            })?;
        }
        for kinds in [SET, carrier] {
            differing(self.attributes, new.attributes, kinds, |kind, content| {
                if borrows && !last && matches!(kind, ADDRESS | MTU) {
                    return Ok(());
                }
                if has_ends && matches!(kind, ADDRESS | BROADCAST) {
                    return Ok(());
                }
                let mut set = Message::new(&header)?;
                set.add(kind, content)?;
                add(REQUEST_SETLINK, set)
            })?;
        }

        if let Some(kind) = named {
            let (data, other) = (self.info(DATA)?, new.info(DATA)?);
            // That is not taken any more when there is a spanning tree.
            for before in [true, false] {
                differing(data, other, kind.set, |what, content| {
                    if (kind.name == BRIDGE && what == STP_MODE) != before {
                        return Ok(());
                    }
                    let mut change = Message::new(&header)?;
                    change.nest(LINKINFO, |info| {
                        info.add(KIND, kind.name)?;
                        info.nest(DATA, |inner| inner.add(what, content))
                    })?;
                    add(REQUEST_NEWLINK, change)
                })?;
            }
        }

        self.port_changes(new, &mut add)?;

        if let (Some(names), None) = (self.get(PROP_LIST)?, new.get(PROP_LIST)?) {
            let mut change = Message::new(&header)?;
            change.nest(PROP_LIST, |list| list.header(names))?;
            add(REQUEST_NEWLINKPROP, change)?;
        }
        Ok(requests)
    }

    /// Calls `add` with the requests that make `new` the port of a bridge that this device is.
    fn port_changes(
        &self,
        new: &Device<'_>,
        add: &mut impl FnMut(u32, Message) -> Result,
    ) -> Result {
        if text(self.info(PORT_KIND)?) != BRIDGE || text(new.info(PORT_KIND)?) != BRIDGE {
            return Ok(());
        }
        let (data, other) = (self.info(PORT_DATA)?, new.info(PORT_DATA)?);
        differing(data, other, PORT_SET, |what, content| {
            let mut change = Message::new(&self.request_header(0, 0))?;
            change.nest(LINKINFO, |info| {
                info.add(PORT_KIND, BRIDGE)?;
                info.nest(PORT_DATA, |inner| inner.add(what, content))
            })?;
            add(REQUEST_NEWLINK, change)
        })
    }

    /// Returns the requests that give `new` the flags of this device, which switch it on. One that
    /// is off, but was on, has got its queue: it is switched on and off.
    pub(super) fn switch(&self, new: &Device<'_>) -> Result<KVVec<Request>> {
        let change = (self.flags() ^ new.flags()) & FLAGS_OF_USER;
        let mut requests = KVVec::new();
        let mut add = |flags: u32, change: u32| -> Result {
            let header = self.request_header(flags & change, change);
            let request = Request::new(REQUEST_SETLINK, 0, Message::new(&header)?)?;
            Ok(requests.push(request, GFP_KERNEL_ACCOUNT)?)
        };
        let was_on =
            (self.flags() | new.flags()) & UP == 0 && self.get(QDISC)? != new.get(QDISC)?;
        if was_on {
            add(UP, UP)?;
            add(0, UP)?;
        }
        for change in [change & !UP, change & UP] {
            if change != 0 {
                add(self.flags(), change)?;
            }
        }
        Ok(requests)
    }
}

/// Calls `f` for those attributes of `rest` that `kinds` names, and that `other` has not, or with another
/// content: with the type and what is in it.
fn differing(
    rest: &[u8],
    other: &[u8],
    kinds: &[u16],
    mut f: impl FnMut(u16, &[u8]) -> Result,
) -> Result {
    attributes(rest, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        if kinds.contains(&kind) && find(other, kind)? != Some(content) {
            f(kind, content)?;
        }
        Ok(())
    })
}

/// Adds what counts of the message `body` about a device to `out`.
pub(super) fn counts(body: &[u8], out: &mut KVVec<u8>) -> Result {
    let device = Device::of(body)?;
    let kind = kind_named(device.kind()?).unwrap_or(&PLAIN);
    // That of a tun device is what it was made with.
    let has_carrier = matches!(device.kind()?, DUMMY | TUN);
    let any_bounds = kind.tunnel.is_some_and(|tunnel| tunnel.any_bounds);
    let is_set = device
        .get(LINKMODE)?
        .is_some_and(|mode| mode.first().is_some_and(|&mode| mode != 0));
    let mut put = |bytes: &[u8]| out.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT);
    put(device.header.get(..8).ok_or(EIO)?)?;
    put(&(device.flags() & !FLAGS_OF_KERNEL).to_ne_bytes())?;
    attributes(device.attributes, |attribute_kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        match attribute_kind {
            LINKINFO => attributes(content, |part, info| {
                let volatile: &[u16] = match part {
                    DATA => kind.volatile,
                    PORT_DATA => PORT_VOLATILE,
                    STATISTICS => return Ok(()),
                    _ => return Ok(put(info)?),
                };
                attributes(
                    info.get(ATTRIBUTE_HEADER..).unwrap_or(&[]),
                    |inner, attribute| {
                        if !volatile.contains(&inner) {
                            put(attribute)?;
                        }
                        Ok(())
                    },
                )
            }),
            AF_SPEC => attributes(content, |family, of_family| match family {
                INET => Ok(()),
                INET6 => {
                    let parts = of_family.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
                    Ok(put(find(parts, TOKEN)?.unwrap_or(&[]))?)
                }
                _ => Ok(put(of_family)?),
            }),
            CARRIER if has_carrier => Ok(put(attribute)?),
            OPERSTATE if is_set => Ok(put(attribute)?),
            _ if any_bounds && BOUNDS.contains(&attribute_kind) => Ok(()),
            _ if VOLATILE.contains(&attribute_kind) => Ok(()),
            _ => Ok(put(attribute)?),
        }
    })
}
