// SPDX-License-Identifier: GPL-2.0

//! checkpoint(2) and restart(2), and what a program that uses them needs around them.
//!
//! ```no_run
//! use libcheckpoint::{Checkpoint, Restart};
//! use std::fs::File;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let image = File::create("job.ckpt")?;
//! Checkpoint::of(1234)?.subtree(true).write(&image)?;
//!
//! let image = File::open("job.ckpt")?;
//! let root = Restart::new().read(&image)?;
//! println!("restarted as {}", root.pid);
//! # Ok(())
//! # }
//! ```

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod cgroup;
pub mod cpu;
pub mod hooks;
pub mod output;
pub mod policy;
pub mod process;
pub mod signals;
pub mod temporary;
pub mod tree;

mod error;
mod hints;
mod log;
mod moved;
mod request;
mod small;
mod sys;

pub use error::{
    describe,
    Error, //
};
pub use moved::Moved;
pub use request::{
    Action,
    Change,
    Checkpoint,
    Connections,
    FromImage,
    Outcome,
    Request,
    Restart,
    Root,
    Target, //
};
