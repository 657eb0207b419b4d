// SPDX-License-Identifier: GPL-2.0

//! What `restart --fd` gives a descriptor for.

use crate::{
    options::{
        descriptor,
        pattern,
        Descriptor, //
    },
    own_descriptor, //
};
use std::{
    ffi::CString,
    os::fd::OwnedFd, //
};

/// What a descriptor is given for.
#[derive(Clone, Debug, PartialEq)]
pub enum Of {
    /// One of the image.
    One(Descriptor),
    /// What was open by a name that matches.
    Named(CString),
    /// Where the device leads that has this name, and the name of its other end there.
    Device(CString, CString),
}

/// What names of devices begin with.
const DEVICE: &str = "netdev:";

/// Reads [PID:]FD=N, NAME=N or netdev:NAME=N:OTHER.
pub fn given(text: &str) -> Result<(Of, i32), String> {
    let (of, own) = text.rsplit_once('=').ok_or("not FD=N")?;
    let (own, other) = match own.split_once(':') {
        Some((own, other)) => (own, Some(other)),
        None => (own, None),
    };
    let own = own.parse::<u32>().ok().and_then(|n| i32::try_from(n).ok());
    let own = own.ok_or("N is no descriptor of this command")?;
    let numbers = |c: char| c.is_ascii_digit() || matches!(c, ':' | '-');
    let of = if let Some(other) = other {
        if !of.starts_with(DEVICE) || other.is_empty() {
            return Err("only the other end of a device (netdev:NAME=N:OTHER) has a name".into());
        }
        Of::Device(pattern(of)?, pattern(&format!("{of}:{other}"))?)
    } else if of.chars().all(numbers) {
        Of::One(descriptor(of)?)
    } else {
        Of::Named(pattern(of)?)
    };
    Ok((of, own))
}

/// A network device of the caller's in place of one that was left to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// What it is for, and its own name.
    names: CString,
    /// Our descriptor of the namespace where it is; else it is in ours.
    netns: Option<i32>,
}

/// Reads NAME=DEVICE[@N].
pub fn device(text: &str) -> Result<Device, String> {
    let (of, own) = text.split_once('=').ok_or("not NAME=DEVICE")?;
    let (own, netns) = match own.rsplit_once('@') {
        Some((own, n)) => {
            let n = n.parse::<u32>().ok().and_then(|n| i32::try_from(n).ok());
            (own, Some(n.ok_or("N is no descriptor of this command")?))
        }
        None => (own, None),
    };
    if of.is_empty() || own.is_empty() {
        return Err("not NAME=DEVICE".to_owned());
    }
    let names = pattern(&format!("{DEVICE}{of}:{own}"))?;
    Ok(Device { names, netns })
}

/// Returns what the call is told of `devices`: the names of both, and the namespace.
pub fn devices(devices: &[Device]) -> anyhow::Result<Vec<(CString, Option<OwnedFd>)>> {
    let told = |device: &Device| {
        let netns = device.netns.map(own_descriptor).transpose()?;
        Ok((device.names.clone(), netns))
    };
    devices.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_devices() {
        let of = |names: &std::ffi::CStr, netns| {
            let names = names.to_owned();
            Ok(Device { names, netns })
        };
        assert_eq!(device("eth0=enp3s0"), of(c"netdev:eth0:enp3s0", None));
        assert_eq!(device("eth*=d0@7"), of(c"netdev:eth*:d0", Some(7)));
        for wrong in [
            "eth0",
            "=d0",
            "eth0=",
            "eth0=@7",
            "eth0=d0@",
            "eth0=d0@x",
            "eth0=d0@-1",
        ] {
            assert!(device(wrong).is_err(), "{wrong}");
        }
    }
}
