// SPDX-License-Identifier: GPL-2.0

//! Running the commands on images.

#![allow(dead_code)]

use assert_cmd::Command;
use std::{
    fs,
    path::Path, //
};
use tempfile::TempDir;

/// A file that vanishes with the test.
pub struct Image(TempDir);

impl Image {
    /// An image of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let dir = tempfile::tempdir().expect("cannot make a directory");
        fs::write(dir.path().join("image"), bytes).expect("cannot write the image");
        Self(dir)
    }

    /// Its path.
    pub fn path(&self) -> std::path::PathBuf {
        self.0.path().join("image")
    }

    /// The directory that it is in.
    pub fn dir(&self) -> &Path {
        self.0.path()
    }
}

/// One of the commands, with clocks that are the same everywhere.
pub fn command(name: &str) -> Command {
    let path = match name {
        "checkpoint" => env!("CARGO_BIN_EXE_checkpoint"),
        "restart" => env!("CARGO_BIN_EXE_restart"),
        _ => env!("CARGO_BIN_EXE_ckptinfo"),
    };
    let mut command = Command::new(path);
    command.env("TZ", "UTC");
    command
}

/// Runs ckptinfo: status, output, errors.
pub fn ckptinfo(image: &Image, options: &[&str]) -> (Option<i32>, String, String) {
    let output = command("ckptinfo")
        .args(options)
        .arg(image.path())
        .output()
        .expect("cannot run the command");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}
