// SPDX-License-Identifier: GPL-2.0

//! Devices that a restart moves and does not make: what is told to one, and what of it counts. What its
//! driver can, and what its kind has, are its own. A dummy stands in for it where a checkpoint tries that.

use kernel::prelude::*;

use super::{
    allowed::only,
    differing,
    Device,
    ADDRESS,
    AF_SPEC,
    BROADCAST,
    CARRIER,
    DUMMY,
    FLAGS_OF_KERNEL,
    FLAGS_OF_USER,
    INET6,
    KIND,
    LINKINFO,
    LINKMODE,
    MASTER,
    MTU,
    NAME,
    OPERSTATE,
    PORT_DATA,
    PORT_KIND,
    PORT_VOLATILE,
    QDISC,
    QUEUES,
    TOKEN,
    UP, //
};
use crate::{
    image::ns::{
        NET_REQUEST_MAKE,
        REQUEST_NEWLINK,
        REQUEST_SETLINK, //
    },
    ns::net::{
        message::{
            attributes,
            find,
            u16_at,
            Message,
            ATTRIBUTE_HEADER, //
        },
        request::Request, //
    },
};

/// IFF_LOOPBACK.
const LOOPBACK: u32 = 1 << 3;

/// ARPHRD_ETHER.
const ETHERNET: u16 = 1;

/// IFLA_NETNS_IMMUTABLE.
const IMMUTABLE: u16 = 67;

/// IFLA_TXQLEN, IFLA_IFALIAS, IFLA_GROUP.
const QUEUE_LENGTH: u16 = 13;
const ALIAS: u16 = 20;
const GROUP: u16 = 27;

/// IFLA_PROTO_DOWN, IFLA_XDP, IFLA_PROTO_DOWN_REASON.
const PROTO_DOWN: u16 = 39;
const XDP: u16 = 43;
const DOWN_REASON: u16 = 55;

/// What is told to one in any case: what it is where it comes from may be something else.
const TOLD: &[u16] = &[ADDRESS, MTU, QUEUE_LENGTH, GROUP];

/// What is told to it where it differs from what any new one has.
const TOLD_IF: &[u16] = &[BROADCAST, MASTER, LINKMODE, ALIAS];

/// What of it counts.
const COUNTS: &[u16] = &[
    ADDRESS,
    BROADCAST,
    NAME,
    MTU,
    QDISC,
    MASTER,
    QUEUE_LENGTH,
    LINKMODE,
    ALIAS,
    GROUP,
    PROTO_DOWN,
    XDP,
    DOWN_REASON,
];

impl Device<'_> {
    /// Returns whether it is the loopback device.
    pub(in crate::ns::net) fn is_loopback(&self) -> bool {
        self.flags() & LOOPBACK != 0
    }

    /// Returns whether it is of Ethernet.
    pub(in crate::ns::net) fn is_of_ethernet(&self) -> bool {
        u16_at(self.header, 2) == Some(ETHERNET)
    }

    /// Returns whether it can't be moved to another namespace.
    pub(in crate::ns::net) fn is_immutable(&self) -> Result<bool> {
        let told = self.get(IMMUTABLE)?;
        Ok(told.is_some_and(|told| told.first().is_some_and(|&b| b != 0)))
    }

    /// Returns whether it is on, and has its carrier.
    pub(in crate::ns::net) fn has_carrier(&self) -> Result<bool> {
        let told = self.get(CARRIER)?;
        let has = told.is_some_and(|told| told.first().is_some_and(|&b| b != 0));
        Ok(has && self.flags() & UP != 0)
    }

    /// Returns the request that makes what stands in for it.
    pub(in crate::ns::net) fn stand_in(&self) -> Result<Request> {
        let mut message = Message::new(&self.request_header(0, 0))?;
        self.copy(&[NAME, ADDRESS, QUEUES[0], QUEUES[1]], &mut message)?;
        message.nest(LINKINFO, |info| info.add(KIND, DUMMY))?;
        Request::new(REQUEST_NEWLINK, NET_REQUEST_MAKE, message)
    }

    /// Returns the request that gives what stands in for it a carrier, or takes that away.
    pub(in crate::ns::net) fn give_carrier(&self) -> Result<Request> {
        let mut message = Message::new(&self.request_header(0, 0))?;
        self.copy(&[CARRIER], &mut message)?;
        Request::new(REQUEST_SETLINK, 0, message)
    }

    /// Returns what is told to it in any case when it was moved. Each has its name, for messages: it has
    /// that by then.
    pub(in crate::ns::net) fn told(&self) -> Result<KVVec<Request>> {
        let mut requests = KVVec::new();
        for &kind in TOLD {
            let mut set = Message::new(&self.request_header(0, 0))?;
            self.copy(&[NAME, kind], &mut set)?;
            requests.push(Request::new(REQUEST_SETLINK, 0, set)?, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(requests)
    }

    /// Returns the requests that make `new`, which stands in for it and was told that, what it is, but for
    /// its flags.
    pub(in crate::ns::net) fn changes_of_moved(&self, new: &Device<'_>) -> Result<KVVec<Request>> {
        let mut requests = KVVec::new();
        let header = self.request_header(0, 0);
        let mut add = |kind: u32, message: Message| -> Result {
            Ok(requests.push(Request::new(kind, 0, message)?, GFP_KERNEL_ACCOUNT)?)
        };
        differing(self.attributes, new.attributes, TOLD_IF, |kind, content| {
            let mut set = Message::new(&header)?;
            set.add(kind, content)?;
            add(REQUEST_SETLINK, set)
        })?;
        self.port_changes(new, &mut add)?;
        Ok(requests)
    }

    /// Returns the request that gives it all flags that it has, but for whether it is on.
    pub(in crate::ns::net) fn all_flags(&self) -> Result<Request> {
        let change = FLAGS_OF_USER & !UP;
        let mut set = Message::new(&self.request_header(self.flags() & change, change))?;
        self.copy(&[NAME], &mut set)?;
        Request::new(REQUEST_SETLINK, 0, set)
    }
}

/// Returns whether the request `body` has only what is told to a device that is moved, and what it is in a
/// bridge.
pub(in crate::ns::net) fn is_told_to_moved(body: &[u8]) -> Result<bool> {
    let mut is = true;
    attributes(Device::of(body)?.attributes, |kind, attribute| {
        is &= match kind {
            NAME => true,
            LINKINFO => only(
                attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]),
                &[PORT_KIND, PORT_DATA],
            )?,
            _ => TOLD.contains(&kind) || TOLD_IF.contains(&kind),
        };
        Ok(())
    })?;
    Ok(is)
}

/// Returns what counts of the message `body` about a device that is moved, or of what stands in for it.
pub(in crate::ns::net) fn moved_key(body: &[u8]) -> Result<KVVec<u8>> {
    let device = Device::of(body)?;
    let mut out = KVVec::new();
    let mut put = |bytes: &[u8]| out.extend_from_slice(bytes, GFP_KERNEL_ACCOUNT);
    put(device.header.get(..8).ok_or(EIO)?)?;
    put(&(device.flags() & !FLAGS_OF_KERNEL).to_ne_bytes())?;
    // Who has set IFLA_LINKMODE sets that, too.
    let is_set = device
        .get(LINKMODE)?
        .is_some_and(|mode| mode.first().is_some_and(|&mode| mode != 0));
    attributes(device.attributes, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        match kind {
            _ if COUNTS.contains(&kind) => Ok(put(attribute)?),
            OPERSTATE if is_set => Ok(put(attribute)?),
            AF_SPEC => {
                let of_ipv6 = find(content, INET6)?.unwrap_or(&[]);
                Ok(put(find(of_ipv6, TOKEN)?.unwrap_or(&[]))?)
            }
            LINKINFO => {
                put(find(content, PORT_KIND)?.unwrap_or(&[]))?;
                attributes(
                    find(content, PORT_DATA)?.unwrap_or(&[]),
                    |part, attribute| {
                        if !PORT_VOLATILE.contains(&part) {
                            put(attribute)?;
                        }
                        Ok(())
                    },
                )
            }
            _ => Ok(()),
        }
    })?;
    Ok(out)
}

#[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
#[kernel::macros::kunit_tests(checkpoint_ns_net_device_moved)]
mod tests {
    use super::{
        super::{
            DATA,
            HEADER, //
        },
        *, //
    };

    /// Returns the key of a device with a number, with what `fill` adds.
    fn key(index: u8, fill: impl FnOnce(&mut Message) -> Result) -> Result<KVVec<u8>> {
        let mut header = [0; HEADER];
        if let Some(byte) = header.get_mut(4) {
            *byte = index;
        }
        let mut message = Message::new(&header)?;
        fill(&mut message)?;
        moved_key(&message.0)
    }

    /// What netlink sets counts; what the driver can, and the kind, does not.
    #[test]
    fn what_counts() -> Result {
        let plain = key(2, |_| Ok(()))?;
        // IFLA_MAX_MTU, IFLA_PERM_ADDRESS, IFLA_GSO_MAX_SIZE, IFLA_PARENT_DEV_NAME.
        for kind in [51, 54, 41, 56] {
            assert!(*key(2, |message| message.add(kind, &[1; 4]))? == *plain);
        }
        for kind in [MTU, MASTER, XDP, QUEUE_LENGTH] {
            assert!(*key(2, |message| message.add(kind, &[1; 4]))? != *plain);
        }
        assert!(*key(3, |_| Ok(()))? != *plain);
        let of = |kind: &'static [u8], part: u16| {
            key(2, move |message| {
                message.nest(LINKINFO, |info| {
                    info.add(KIND, kind)?;
                    info.nest(part, |data| data.add(2, &[1]))
                })
            })
        };
        assert!(*of(b"macvlan\0", DATA)? == *of(b"dummy\0", DATA)?);
        assert!(*of(b"macvlan\0", PORT_DATA)? != *of(b"macvlan\0", DATA)?);
        Ok(())
    }

    /// What would not be set back is not told.
    #[test]
    fn what_is_told() -> Result {
        let told = |fill: &dyn Fn(&mut Message) -> Result| -> Result<bool> {
            let mut message = Message::new(&[0; HEADER])?;
            fill(&mut message)?;
            is_told_to_moved(&message.0)
        };
        for kind in [NAME, ADDRESS, MTU, GROUP, MASTER, ALIAS] {
            assert!(told(&|message| message.add(kind, &[1; 4]))?);
        }
        // IFLA_GSO_MAX_SEGS, IFLA_GRO_MAX_SIZE, IFLA_PROP_LIST.
        for kind in [PROTO_DOWN, XDP, CARRIER, 40, 58, 52] {
            assert!(!told(&|message| message.add(kind, &[1; 4]))?);
        }
        let of = |part: u16| {
            told(&move |message: &mut Message| {
                message.nest(LINKINFO, |info| info.add(part, b"bridge\0"))
            })
        };
        assert!(of(PORT_KIND)?);
        assert!(!of(KIND)?);
        Ok(())
    }
}
