// SPDX-License-Identifier: GPL-2.0

//! The metadata of an image in the making: records in kernel memory.

use kernel::prelude::*;

use crate::image::{
    header::META_MAX,
    record::{
        align_up,
        header_of,
        PAYLOAD_MAX, //
    },
    Body, //
};

/// Records, one after the other.
pub(crate) struct Meta {
    bytes: KVVec<u8>,
}

impl Meta {
    /// No records yet.
    pub(crate) fn new() -> Self {
        Self {
            bytes: KVVec::new(),
        }
    }

    /// Appends a record. May sleep.
    ///
    /// E2BIG: the payload or all metadata together are larger than an image allows.
    pub(crate) fn put<T: Body>(&mut self, body: &T, payload: &[u8]) -> Result {
        if payload.len() > PAYLOAD_MAX || self.bytes.len() as u64 > META_MAX {
            return Err(E2BIG);
        }
        let padding = align_up(payload.len()).ok_or(E2BIG)? - payload.len();
        for part in [
            header_of::<T>(payload.len()).as_bytes(),
            body.as_bytes(),
            payload,
            [0u8; 8].get(..padding).unwrap_or(&[]),
        ] {
            self.bytes.extend_from_slice(part, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(())
    }

    /// The bytes of all records.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives up the records' bytes to be changed: the first record's counts are known last.
    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}
