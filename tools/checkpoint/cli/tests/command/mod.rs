// SPDX-License-Identifier: GPL-2.0

//! Running the commands on images.

#![allow(dead_code)]

use std::{
    fs,
    path::PathBuf,
    process::{
        Command,
        Output, //
    }, //
};

/// A file that vanishes with the test.
pub struct Image(PathBuf);

impl Image {
    /// An image named after `name`.
    pub fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::write(&path, bytes).expect("cannot write the image");
        Self(path)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .output()
        .expect("cannot run the command")
}

/// Runs ckptinfo: status, output, errors.
pub fn ckptinfo(image: &Image, options: &[&str]) -> (Option<i32>, String, String) {
    let path = image.0.to_str().expect("a path in ASCII");
    let arguments: Vec<&str> = options.iter().copied().chain([path]).collect();
    let output = run(env!("CARGO_BIN_EXE_ckptinfo"), &arguments);
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}
