// SPDX-License-Identifier: GPL-2.0

//! What a request about a network device may have that an image tells.

use kernel::prelude::*;

use super::{
    kinds::kind_named,
    text,
    Device,
    ADDRESS,
    ALT_NAME,
    BRIDGE,
    CARRIER,
    DATA,
    HEADER,
    KIND,
    LINK,
    LINKINFO,
    MTU,
    NAME,
    PEER,
    PORT_DATA,
    PORT_KIND,
    PORT_SET,
    PORT_STATE,
    PROP_LIST,
    QUEUES,
    SET,
    TARGET,
    UP,
    VETH, //
};
use crate::ns::net::message::{
    attributes,
    find,
    ATTRIBUTE_HEADER, //
};

/// Attributes with which one is made in the namespace that a number stands for.
const ACROSS: &[u16] = &[NAME, ADDRESS, MTU, QUEUES[0], QUEUES[1], TARGET, LINKINFO];

/// Returns whether the request `body` about a device, with which one is made or not, has nothing that leads
/// out of the namespaces of the image, and nothing that none of ours has.
pub(in crate::ns::net) fn is_allowed(body: &[u8], is_made: bool) -> Result<bool> {
    let device = Device::of(body)?;
    let mut allowed = true;
    // Its namespace has numbers for those of the image only, and for those that the caller gives.
    let across = is_made && device.kind()? == VETH;
    attributes(device.attributes, |kind, attribute| {
        let content = attribute.get(ATTRIBUTE_HEADER..).unwrap_or(&[]);
        allowed &= match kind {
            NAME | LINK | CARRIER => true,
            TARGET => across,
            _ if SET.contains(&kind) || QUEUES.contains(&kind) => true,
            LINKINFO => info_is_allowed(content)?,
            PROP_LIST => only(content, &[ALT_NAME])?,
            _ => false,
        };
        Ok(())
    })?;
    // What is made elsewhere is nothing but that: it does not become a port of what is there, and is
    // switched on, or not.
    let elsewhere = device.get(TARGET)?.is_some();
    let whole = !elsewhere
        || (only(device.attributes, ACROSS)? && (device.flags() | device.change()) & !UP == 0);
    Ok(allowed && whole)
}

/// Returns the same of what is in IFLA_LINKINFO.
fn info_is_allowed(info: &[u8]) -> Result<bool> {
    let name = find(info, KIND)?.map(text);
    let port = find(info, PORT_KIND)?.map(text);
    let (data, port_data) = (find(info, DATA)?, find(info, PORT_DATA)?);
    let whole = only(info, &[KIND, DATA, PORT_KIND, PORT_DATA])?;
    let of_kind = match (name, data) {
        (None, data) => data.is_none(),
        (Some(name), data) => match (kind_named(name), data) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(kind), Some(data)) if kind.name == VETH => {
                only(data, &[PEER])?
                    && match find(data, PEER)? {
                        Some(end) => only(
                            end.get(HEADER..).ok_or(EINVAL)?,
                            &[NAME, ADDRESS, QUEUES[0], QUEUES[1]],
                        )?,
                        None => true,
                    }
            }
            (Some(kind), Some(data)) => only(data, kind.made_with)? || only(data, kind.set)?,
        },
    };
    let of_port = match port {
        None => port_data.is_none(),
        Some(BRIDGE) => match port_data {
            Some(data) => only(data, PORT_SET)? || only(data, &[PORT_STATE])?,
            None => true,
        },
        Some(_) => false,
    };
    Ok(whole && of_kind && of_port)
}

/// Returns whether `rest` has attributes of `kinds` only, each once or not at all, but for lists.
pub(super) fn only(rest: &[u8], kinds: &[u16]) -> Result<bool> {
    let mut is = true;
    attributes(rest, |kind, _| {
        is &= kinds.contains(&kind);
        Ok(())
    })?;
    Ok(is)
}
