// SPDX-License-Identifier: GPL-2.0

//! The kernel's messages.

use rustix::fs::{
    memfd_create,
    MemfdFlags, //
};
use std::{
    fs::File,
    io::{
        self,
        Read,
        Seek, //
    },
    os::fd::{
        AsRawFd,
        BorrowedFd, //
    }, //
};

/// Where the kernel's messages go.
pub(crate) enum Log<'a> {
    /// To the user's own file.
    Own(BorrowedFd<'a>),
    /// Into memory. A pipe could fill up, and nobody would be there to empty it.
    Memory(File),
}

impl<'a> Log<'a> {
    /// Makes a log in `own`, or else in memory.
    pub(crate) fn new(own: Option<BorrowedFd<'a>>) -> io::Result<Self> {
        Ok(match own {
            Some(fd) => Self::Own(fd),
            None => Self::Memory(memfd_create("checkpoint-log", MemfdFlags::CLOEXEC)?.into()),
        })
    }

    /// Returns the descriptor for the kernel.
    pub(crate) fn fd(&self) -> i32 {
        match self {
            Self::Own(fd) => fd.as_raw_fd(),
            Self::Memory(file) => file.as_raw_fd(),
        }
    }

    /// Returns the lines in memory.
    pub(crate) fn lines(self) -> Vec<String> {
        let Self::Memory(mut file) = self else {
            return Vec::new();
        };
        let mut bytes = Vec::new();
        if file
            .rewind()
            .and_then(|()| file.read_to_end(&mut bytes))
            .is_err()
        {
            return Vec::new();
        }
        String::from_utf8_lossy(&bytes)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}
