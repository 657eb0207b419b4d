// SPDX-License-Identifier: GPL-2.0

//! Changes images, for the selftests `mutate` and `privileges`, which give what comes out to
//! restart(2).
//!
//! `ckptmutate IMAGE SEED FIRST COUNT` writes COUNT mutations of the image to its standard output,
//! each as two 32-bit numbers in the byte order of the machine, the length of a text that tells
//! what was changed and that of the image, and then text and image. Mutation N of a SEED is always
//! the same.
//!
//! `ckptmutate set CHANGE...` reads an image from its standard input and writes it with these
//! changes, such as `process.dumpable=2`, to its standard output.

use checkpoint_image::mutate::{
    set,
    Mutator,
    Parts, //
};
use std::{
    env,
    error::Error,
    fs,
    io::{
        self,
        BufWriter,
        ErrorKind,
        Read,
        Write, //
    },
    process::ExitCode, //
};

const USAGE: &str = "usage: ckptmutate IMAGE SEED FIRST COUNT | ckptmutate set CHANGE...";

/// Takes an image apart, or says what is wrong with it.
fn split(image: &[u8]) -> Result<Parts, String> {
    Parts::split(image).map_err(|f| format!("at byte {}: {}: {}", f.at, f.kind_name(), f.why))
}

fn change(changes: &[String]) -> Result<(), Box<dyn Error>> {
    let mut image = Vec::new();
    io::stdin().read_to_end(&mut image)?;
    let mut parts = split(&image)?;
    for change in changes {
        set(&mut parts, change)?;
    }
    Ok(io::stdout().write_all(&parts.bytes())?)
}

fn mutations(image: &str, numbers: &[String]) -> Result<(), Box<dyn Error>> {
    let [seed, first, count] = numbers else {
        return Err(USAGE.into());
    };
    let (seed, first, count): (u64, u64, u64) = (seed.parse()?, first.parse()?, count.parse()?);
    let mutator = Mutator::new(split(&fs::read(image)?)?);
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    for n in first..first.saturating_add(count) {
        let (bytes, what) = mutator.nth(seed, n);
        out.write_all(&u32::try_from(what.len())?.to_ne_bytes())?;
        out.write_all(&u32::try_from(bytes.len())?.to_ne_bytes())?;
        out.write_all(what.as_bytes())?;
        out.write_all(&bytes)?;
    }
    Ok(out.flush()?)
}

fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.as_slice() {
        [] => Err(USAGE.into()),
        [command, changes @ ..] if command == "set" => change(changes),
        [image, numbers @ ..] => mutations(image, numbers),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has seen enough.
        Err(e)
            if e.downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}
