// SPDX-License-Identifier: GPL-2.0

//! The walk over all records of metadata.

use super::{
    record_at,
    Object,
    Pid,
    Summary, //
};
use crate::image::{
    files,
    kinds::Kind,
    mm,
    ns,
    record::{
        Fault,
        ObjRef,
        Raw,
        Records, //
    },
    task,
    Header, //
};
