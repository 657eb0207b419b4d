// SPDX-License-Identifier: GPL-2.0

//! Telling the user. Whether somebody reads it makes no difference to what is done.

use std::{
    fmt::Display,
    io::{
        self,
        Write, //
    }, //
};

/// Prints a line to standard output.
pub fn out(line: &impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints a line to standard error.
pub fn err(line: &impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Returns what an error and those that it has come from say, errors of the system in words.
pub fn cause(error: &anyhow::Error) -> String {
    let texts: Vec<String> = error
        .chain()
        .map(|e| match e.downcast_ref::<io::Error>() {
            Some(e) => libcheckpoint::describe(e).into_owned(),
            None => e.to_string(),
        })
        .collect();
    texts.join(": ")
}
