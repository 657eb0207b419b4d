// SPDX-License-Identifier: GPL-2.0

//! The metadata of an image in the making: records in kernel memory.

use kernel::prelude::*;

use zerocopy::byteorder::little_endian::U64;

use crate::{
    image::{
        contents::SEGMENT_LEN,
        header::META_MAX,
        record::{
            align_up,
            header_of,
            PAYLOAD_MAX, //
        },
        Body, //
    },
    kapi::{
        fs::io,
        mm::held::Held,
        time::wait, //
    }, //
};

/// Bytes that are allocated at a time: what there is need not be copied when more comes.
const CHUNK: usize = SEGMENT_LEN;

/// Records, one after the other.
pub(crate) struct Meta {
    /// Their bytes. All chunks but the last one are full.
    chunks: KVVec<KVVec<u8>>,
    len: usize,
    held: Held,
}

impl Meta {
    /// Makes one without records.
    pub(crate) fn new() -> Self {
        Self {
            chunks: KVVec::new(),
            len: 0,
            held: Held::new(),
        }
    }

    /// Appends a record. May sleep.
    ///
    /// E2BIG: the payload or all metadata together are larger than an image allows.
    pub(crate) fn put<T: Body>(&mut self, body: &T, payload: &[u8]) -> Result {
        if payload.len() > PAYLOAD_MAX {
            return Err(E2BIG);
        }
        let padding = align_up(payload.len()).ok_or(E2BIG)? - payload.len();
        let header = header_of::<T>(payload.len());
        let parts = [
            header.as_bytes(),
            body.as_bytes(),
            payload,
            [0u8; 8].get(..padding).unwrap_or(&[]),
        ];
        let len: usize = parts.iter().map(|p| p.len()).sum();
        if (self.len + len) as u64 > META_MAX {
            return Err(E2BIG);
        }
        for part in parts {
            self.append(part)?;
        }
        Ok(())
    }

    fn append(&mut self, mut bytes: &[u8]) -> Result {
        while !bytes.is_empty() {
            if self.chunks.last().is_none_or(|c| c.len() == CHUNK) {
                self.chunks.push(KVVec::new(), GFP_KERNEL_ACCOUNT)?;
            }
            let before = self.chunks.len().saturating_sub(1) * CHUNK;
            let chunk = self.chunks.last_mut().ok_or(EINVAL)?;
            let n = core::cmp::min(bytes.len(), CHUNK - chunk.len());
            let (now, later) = bytes.split_at_checked(n).ok_or(EINVAL)?;
            chunk.extend_from_slice(now, GFP_KERNEL_ACCOUNT)?;
            self.held.set(before + chunk.capacity());
            self.len += n;
            bytes = later;
        }
        Ok(())
    }

    /// Returns the bytes of all records.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the checksum of each segment of the image. EINTR: SIGKILL came.
    pub(crate) fn sums(&self) -> Result<KVVec<U64>> {
        let mut sums = KVVec::with_capacity(self.chunks.len(), GFP_KERNEL_ACCOUNT)?;
        for chunk in &self.chunks {
            wait::go_on()?;
            sums.push(U64::new(io::xxh64(0, chunk)), GFP_KERNEL_ACCOUNT)?;
        }
        Ok(sums)
    }

    /// Gives up the bytes of all records, in pieces; each is freed when `write` has seen it.
    pub(crate) fn write_out(self, mut write: impl FnMut(&[u8]) -> Result) -> Result {
        for chunk in self.chunks {
            write(&chunk)?;
        }
        Ok(())
    }

    /// Lets the bytes of the first records be changed: what the container counts is known last.
    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8] {
        self.chunks.first_mut().map_or(&mut [], |c| c)
    }

    /// Returns the bytes of a few records.
    #[cfg(CONFIG_CHECKPOINT_KUNIT_TEST)]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.chunks.first().map_or(&[], |c| c)
    }
}
