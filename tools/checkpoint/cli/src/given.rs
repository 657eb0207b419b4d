// SPDX-License-Identifier: GPL-2.0

//! What `restart --fd` gives a descriptor for.

use crate::options::{
    descriptor,
    pattern,
    Descriptor, //
};
use std::ffi::CString;

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
