// SPDX-License-Identifier: GPL-2.0

//! Finds the fields of the format's structures in its sources, for `src/mutate/fields.rs`: so the
//! list of what can be mutated is never out of step. Offsets and types are left to the compiler.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::Path, //
};

/// A structure of the format.
struct Structure {
    name: String,
    /// Names and types of its fields.
    fields: Vec<(String, String)>,
}

/// The `#[repr(C)]` structures in a source file.
fn structures(text: &str) -> Vec<Structure> {
    let mut found: Vec<Structure> = Vec::new();
    let mut expected = false;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line == "#[repr(C)]" {
            expected = true;
        } else if let Some(rest) = line.strip_prefix("pub struct ") {
            inside = expected && line.ends_with('{');
            expected = false;
            if inside {
                found.push(Structure {
                    name: rest.trim_end_matches('{').trim().to_owned(),
                    fields: Vec::new(),
                });
            }
        } else if line == "}" {
            inside = false;
        } else if inside {
            let field = line.strip_prefix("pub ").and_then(|f| f.split_once(": "));
            if let (Some((name, kind)), Some(last)) = (field, found.last_mut()) {
                let kind = kind.trim_end_matches(',');
                last.fields.push((name.to_owned(), kind.to_owned()));
            }
        }
    }
    found
}

fn main() -> Result<(), Box<dyn Error>> {
    let format =
        Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../../kernel/checkpoint/image");
    println!("cargo:rerun-if-changed={}", format.display());
    let mut modules: Vec<_> = fs::read_dir(&format)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, Box<dyn Error>>>()?;
    modules.retain(|path| path.extension().is_some_and(|e| e == "rs"));
    modules.sort();
    let mut structs = String::new();
    let mut bodies = String::new();
    for path in modules {
        let module = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = fs::read_to_string(&path)?;
        for Structure { name, fields } in structures(&text) {
            // Types may be made with constants of their module.
            writeln!(
                structs,
                "(\"{name}\", {{ use crate::image::{module}::*; const FIELDS: &[Field] = &["
            )?;
            for (field, kind) in fields {
                writeln!(
                    structs,
                    "Field::of::<{kind}>(\"{field}\", offset_of!({name}, {field})),"
                )?;
            }
            writeln!(structs, "]; FIELDS }}),")?;
            if text.contains(&format!("impl Body for {name} ")) {
                writeln!(
                    bodies,
                    "(crate::image::{module}::{name}::KIND, \"{name}\"),"
                )?;
            }
        }
    }
    let out = Path::new(&env::var("OUT_DIR")?).join("fields.rs");
    let structs = format!("const STRUCTS: &[(&str, &[Field])] = &[{structs}];");
    let bodies = format!("const BODIES: &[(Kind, &str)] = &[{bodies}];");
    Ok(fs::write(out, [structs, bodies].join("\n"))?)
}
