// SPDX-License-Identifier: GPL-2.0

//! Filters of sockets.

use crate::image::{
    check::{
        fields::{
            boolean,
            ensure,
            zero, //
        },
        walk::Walk, //
    },
    net::{
        check::form,
        filter::*,
        Socket,
        SOCKET_OPEN, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

impl Walk<'_> {
    /// Checks the filter of a socket. That it is one is for the kernel to check.
    pub(in crate::image) fn socket_filter(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let filter: SocketFilter = raw.body()?;
        let socket = self.refer::<Socket>(raw, filter.socket.get())?;
        ensure(
            raw,
            form(socket) == SOCKET_OPEN,
            "is of a socket that no file shows",
        )?;
        boolean(raw, filter.locked.get())?;
        zero(raw, filter.reserved.get() == 0)?;
        let steps: &[FilterStep] = raw.array(FILTER_MAX)?;
        ensure(
            raw,
            !steps.is_empty() && u32::try_from(steps.len()).is_ok_and(|n| n == filter.len.get()),
            "another length than announced",
        )
    }
}
