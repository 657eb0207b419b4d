// SPDX-License-Identifier: GPL-2.0

//! vDSOs. Their code is as hostile as any memory of a program: only what the kernel reads of it is
//! checked.

use crate::image::{
    check::{
        fields::{
            ensure,
            zero, //
        },
        walk::Walk,
        Object, //
    },
    record::{
        Fault,
        Raw, //
    },
    vdso::{
        elf::Elf,
        Vdso,
        VDSO_MAX, //
    },
};

/// Reads a vDSO. Its detail is the number of bytes of data and code.
pub(super) fn vdso_object(_: &[Object], raw: &Raw<'_>) -> Result<(u32, u32), Fault> {
    let body: Vdso = raw.body()?;
    let len = body.data_len.get().saturating_add(body.code_len.get());
    Ok((body.obj.get(), len))
}

impl Walk<'_> {
    /// Checks a vDSO.
    pub(in crate::image) fn vdso(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Vdso = raw.body()?;
        zero(raw, body.reserved.get() == 0 && body.reserved2.get() == 0)?;
        let (data, code) = (body.data_len.get(), body.code_len.get());
        ensure(
            raw,
            code != 0 && self.is_aligned(data.into()) && self.is_aligned(code.into()),
            "impossible size of data or code",
        )?;
        let len = u64::from(data).saturating_add(code.into());
        ensure(
            raw,
            raw.payload.len() <= VDSO_MAX && u64::try_from(raw.payload.len()) == Ok(len),
            "data and code are not as long as announced",
        )?;
        ensure(
            raw,
            matches!(body.landing.get(), 0 | 2..) && body.landing.get() < code,
            "system calls return to no place in the code",
        )?;
        let known = usize::try_from(data)
            .ok()
            .and_then(|data| raw.payload.get(data..))
            .and_then(Elf::new)
            .is_some();
        ensure(raw, known, "code without entry points")
    }
}
