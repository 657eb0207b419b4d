// SPDX-License-Identifier: GPL-2.0

//! What ckptinfo shows.

pub mod fields;
pub mod model;
pub mod names;
pub mod records;
pub mod registers;
pub mod text;

use serde_json::{
    json,
    Value, //
};

/// Returns an error as JSON, with kind and offset of the record if it is a fault of the image.
pub fn fault_json(error: &anyhow::Error) -> Value {
    let mut value = json!({ "valid": false, "error": crate::tell::cause(error) });
    let fault = error.chain().find_map(|e| match e.downcast_ref() {
        Some(image::Error::Fault(fault)) => Some(*fault),
        _ => None,
    });
    if let (Some(fault), Some(map)) = (fault, value.as_object_mut()) {
        map.insert("kind".to_owned(), json!(fault.kind_name()));
        map.insert("offset".to_owned(), json!(fault.at));
        map.insert("why".to_owned(), json!(fault.why));
    }
    value
}
