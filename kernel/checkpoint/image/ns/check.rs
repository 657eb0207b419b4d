// SPDX-License-Identifier: GPL-2.0

//! Namespaces.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            no_payload,
            padded_name,
            zero, //
        },
        walk::{
            refer,
            Walk, //
        },
        Object,
        PID_MAX, //
    },
    ns::{
        NetFallback,
        NetMoved,
        NetNs,
        NetPeer,
        NetRequest,
        PidNs,
        Uts,
        DEVICE_NAME_MAX,
        MOVED_FLAGS,
        NETNS_FLAGS,
        NETNS_LO_UP,
        NETNS_LO_WAS_UP,
        NETNS_OUTSIDE,
        NET_REQUEST_LATE,
        NET_REQUEST_MAKE,
        REQUEST_BORN,
        REQUEST_BUCKETS,
        REQUEST_CONNECTION,
        REQUEST_DELADDR,
        REQUEST_DELNEIGH,
        REQUEST_DELROUTE,
        REQUEST_DELRULE,
        REQUEST_EXPECTATION,
        REQUEST_FLAGS,
        REQUEST_MAX,
        REQUEST_NEWADDR,
        REQUEST_NEWCHAIN,
        REQUEST_NEWELEM,
        REQUEST_NEWLINK,
        REQUEST_NEWLINKPROP,
        REQUEST_NEWNEIGH,
        REQUEST_NEWNEXTHOP,
        REQUEST_NEWOBJ,
        REQUEST_NEWQDISC,
        REQUEST_NEWROUTE,
        REQUEST_NEWRULE,
        REQUEST_NEWRULE_NFT,
        REQUEST_NEWSET,
        REQUEST_NEWTABLE,
        REQUEST_NEWTCLASS,
        REQUEST_NEWTFILTER,
        REQUEST_NUMBERS,
        REQUEST_SETLINK,
        REQUEST_TIMEOUTS,
        SETTINGS_MAX,
        SETTING_PATH_MAX,
        SETTING_TEXT_MAX, //
    },
    record::{
        Fault,
        Raw, //
    },
    task::{
        CONTAINER_WHOLE,
        LEVELS_MAX, //
    }, //
};

/// Highest value of /proc/sys/vm/memfd_noexec.
const MEMFD_NOEXEC_MAX: u32 = 2;

/// Reads a pid namespace. Its detail is its depth; that of one outermost in the image is 1. Its
/// parent comes before it, so that no namespace lies in itself.
pub(super) fn pid_ns_object(objects: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let ns: PidNs = raw.body()?;
    let depth = match ns.parent.get() {
        0 => 1,
        parent => refer::<PidNs>(objects, raw, parent)
            .map_err(|_| raw.fault("lies in no pid namespace that comes before it"))?
            .detail
            .saturating_add(1),
    };
    Ok((ns.obj.get(), depth))
}

/// Reads a network namespace. Its detail is 1 if what is in it is not in the image.
pub(super) fn net_ns_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let ns: NetNs = raw.body()?;
    Ok((ns.obj.get(), u32::from(ns.flags.get() & NETNS_OUTSIDE != 0)))
}

impl Walk<'_> {
    /// Checks a uts namespace.
    pub(in crate::image) fn uts(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let uts: Uts = raw.body()?;
        padded_name(raw, &uts.nodename)?;
        padded_name(raw, &uts.domainname)?;
        zero(
            raw,
            uts.reserved.get() == 0 && uts.reserved2.iter().all(|&b| b == 0),
        )?;
        no_payload(raw)
    }

    /// Checks a pid namespace.
    pub(in crate::image) fn pid_ns(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let ns: PidNs = raw.body()?;
        let whole = self.container.flags.get() & CONTAINER_WHOLE != 0;
        ensure(
            raw,
            ns.parent.get() != 0 || !whole || ns.obj.get() == self.root_ns,
            "pid namespace outside of the container",
        )?;
        let depth = self.refer::<PidNs>(raw, ns.obj.get())?.detail;
        ensure(
            raw,
            usize::try_from(depth).is_ok_and(|n| n <= LEVELS_MAX),
            "pid namespaces nested too deeply",
        )?;
        ensure(raw, ns.last_pid.get() < PID_MAX, "impossible last pid")?;
        ensure(
            raw,
            (1..=PID_MAX).contains(&ns.pid_max.get()) && ns.memfd_noexec.get() <= MEMFD_NOEXEC_MAX,
            "impossible setting of a pid namespace",
        )?;
        zero(raw, ns.reserved.get() == 0)?;
        no_payload(raw)
    }

    /// Checks a network namespace.
    pub(in crate::image) fn net_ns(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let ns: NetNs = raw.body()?;
        flags(raw, ns.flags.get().into(), NETNS_FLAGS.into())?;
        if ns.flags.get() & NETNS_OUTSIDE != 0 {
            zero(
                raw,
                ns.flags.get() == NETNS_OUTSIDE && ns.lo_mtu.get() == 0 && ns.settings.get() == 0,
            )?;
            return no_payload(raw);
        }
        let both = NETNS_LO_UP | NETNS_LO_WAS_UP;
        ensure(
            raw,
            ns.flags.get() & both != both && i32::try_from(ns.lo_mtu.get()).is_ok(),
            "impossible state of a loopback device",
        )?;
        settings(raw, ns.settings.get())
    }

    /// Checks a number for another network namespace.
    pub(in crate::image) fn net_peer(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let peer: NetPeer = raw.body()?;
        let leads_out = peer.peer.get() == 0;
        let of_image = if leads_out { 1 } else { 2 };
        for net in [&peer.net, &peer.peer].into_iter().take(of_image) {
            let outside = self.refer::<NetNs>(raw, net.get())?.detail;
            ensure(
                raw,
                outside == 0,
                "a number of a network namespace that is not in the image",
            )?;
        }
        ensure(
            raw,
            i32::try_from(peer.number.get()).is_ok(),
            "impossible number of a network namespace",
        )?;
        zero(raw, peer.reserved.get() == 0)?;
        if !leads_out {
            return no_payload(raw);
        }
        ensure(
            raw,
            (1..=DEVICE_NAME_MAX).contains(&raw.payload.len()) && !raw.payload.contains(&0),
            "impossible name of a device that leads outside",
        )
    }

    /// Checks of which network namespace a device is, and its number there.
    fn net_device(&mut self, raw: &Raw<'_>, net: u32, index: u32) -> Result<(), Fault> {
        let outside = self.refer::<NetNs>(raw, net)?.detail;
        ensure(
            raw,
            outside == 0,
            "a device of a network namespace that is not in the image",
        )?;
        ensure(
            raw,
            i32::try_from(index).is_ok_and(|index| index > 1),
            "impossible number of a device",
        )
    }

    /// Checks a device that each new network namespace has.
    pub(in crate::image) fn net_fallback(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let device: NetFallback = raw.body()?;
        self.net_device(raw, device.net.get(), device.index.get())?;
        ensure(
            raw,
            (1..=DEVICE_NAME_MAX).contains(&raw.payload.len()) && !raw.payload.contains(&0),
            "impossible name of a device",
        )
    }

    /// Checks a device that was left to the caller.
    pub(in crate::image) fn net_moved(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let device: NetMoved = raw.body()?;
        self.net_device(raw, device.net.get(), device.index.get())?;
        flags(raw, device.flags.get().into(), MOVED_FLAGS.into())?;
        zero(raw, device.reserved.get() == 0)?;
        // The kernel would put a number for a %.
        ensure(
            raw,
            (1..=DEVICE_NAME_MAX).contains(&raw.payload.len())
                && !raw.payload.iter().any(|b| matches!(b, 0 | b'%')),
            "impossible name of a device",
        )
    }

    /// Checks a request of a network namespace. What is in it is checked before the namespace is
    /// made: it is in the byte order of the machine.
    pub(in crate::image) fn net_request(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let request: NetRequest = raw.body()?;
        let outside = self.refer::<NetNs>(raw, request.net.get())?.detail;
        ensure(
            raw,
            outside == 0,
            "a request of a network namespace that is not in the image",
        )?;
        ensure(
            raw,
            matches!(
                request.kind.get(),
                REQUEST_NEWLINK
                    | REQUEST_SETLINK
                    | REQUEST_NEWADDR
                    | REQUEST_DELADDR
                    | REQUEST_NEWROUTE
                    | REQUEST_DELROUTE
                    | REQUEST_NEWNEIGH
                    | REQUEST_DELNEIGH
                    | REQUEST_NEWNEXTHOP
                    | REQUEST_NEWRULE
                    | REQUEST_DELRULE
                    | REQUEST_NEWQDISC
                    | REQUEST_CONNECTION
                    | REQUEST_EXPECTATION
                    | REQUEST_NEWTCLASS
                    | REQUEST_NEWTFILTER
                    | REQUEST_BORN
                    | REQUEST_NUMBERS
                    | REQUEST_BUCKETS
                    | REQUEST_TIMEOUTS
                    | REQUEST_NEWLINKPROP
                    | REQUEST_NEWTABLE
                    | REQUEST_NEWCHAIN
                    | REQUEST_NEWRULE_NFT
                    | REQUEST_NEWSET
                    | REQUEST_NEWELEM
                    | REQUEST_NEWOBJ
            ),
            "unknown kind of request",
        )?;
        flags(raw, request.flags.get().into(), REQUEST_FLAGS.into())?;
        let of_netfilter = request.kind.get() >= REQUEST_NEWTABLE
            || matches!(
                request.kind.get(),
                REQUEST_CONNECTION | REQUEST_EXPECTATION | REQUEST_TIMEOUTS
            );
        ensure(
            raw,
            !of_netfilter || request.flags.get() == NET_REQUEST_LATE,
            "filters before there is what is filtered",
        )?;
        ensure(
            raw,
            request.flags.get() & NET_REQUEST_MAKE == 0
                || (request.flags.get() == NET_REQUEST_MAKE
                    && request.kind.get() == REQUEST_NEWLINK),
            "makes what is no device, or too late",
        )?;
        ensure(raw, raw.payload.len() <= REQUEST_MAX, "request too long")?;
        zero(raw, request.reserved.get() == 0)
    }
}

/// Takes a string of at most `max` bytes off `bytes`, its NUL included.
fn string<'a>(bytes: &mut &'a [u8], max: usize) -> Option<&'a [u8]> {
    let len = bytes.iter().take(max).position(|&b| b == 0)?;
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest.get(1..)?;
    Some(text)
}

/// Checks that the payload is `count` settings of a network namespace.
fn settings(raw: &Raw<'_>, count: u32) -> Result<(), Fault> {
    ensure(raw, count <= SETTINGS_MAX, "too many settings")?;
    let mut rest = raw.payload;
    for _ in 0..count {
        let path = string(&mut rest, SETTING_PATH_MAX).ok_or(raw.fault("a setting is cut off"))?;
        string(&mut rest, SETTING_TEXT_MAX).ok_or(raw.fault("a setting is cut off"))?;
        let name = |part: &[u8]| !part.is_empty() && part != b"." && part != b"..";
        ensure(
            raw,
            path.starts_with(b"net/") && path.split(|&c| c == b'/').all(name),
            "a setting that is none of a network namespace",
        )?;
    }
    ensure(raw, rest.is_empty(), "more than the settings")
}
