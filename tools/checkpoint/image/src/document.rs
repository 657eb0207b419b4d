// SPDX-License-Identifier: GPL-2.0

//! What is written down of the format elsewhere: the tables of
//! `Documentation/checkpoint/image-format.rst` and the header of the selftests, made from the
//! definitions.

use crate::image::{
    kinds::Kind,
    layout::{
        Field,
        Number,
        Structure,
        Values, //
    },
    lists, //
};
use std::fmt::Write;

/// Columns of a table.
const WIDTH: usize = 100;

/// Begins the line before a table of all kinds, of the fields of a structure, or of the values of a
/// field: comments of reStructuredText.
const KINDS: &str = ".. kinds of records";
const FIELDS: &str = ".. fields of ";
const VALUES: &str = ".. values of ";

/// Returns the lines of a documentation comment as reStructuredText in one line.
fn prose(doc: &[&str]) -> String {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    let mut out = String::new();
    let mut rest = lines.join(" ").trim().replace("[`", "`").replace("`]", "`");
    while let Some((before, after)) = rest.split_once('`') {
        let (literal, after) = after.split_once('`').unwrap_or((after, ""));
        let joined = after.starts_with(|c: char| c.is_alphanumeric());
        out += before;
        out += &format!("``{literal}``{}", if joined { "\\ " } else { "" });
        rest = after.to_owned();
    }
    out + &rest
}

/// Returns a simple table; the text in the last column goes over as many lines as it needs.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let taken: usize = widths.iter().rev().skip(1).map(|width| width + 1).sum();
    if let Some(last) = widths.last_mut() {
        *last = WIDTH.saturating_sub(taken);
    }
    let line = |cells: &[&str], last: &str| {
        let mut line = String::new();
        for (cell, &width) in cells.iter().zip(&widths) {
            line += &format!("{cell:width$} ");
        }
        line + last + "\n"
    };
    let rule: Vec<String> = widths.iter().map(|width| "=".repeat(*width)).collect();
    let rule = rule.join(" ") + "\n";
    let mut out = rule.clone();
    if let Some((last, cells)) = head.split_last() {
        out += &line(cells, last);
    }
    out += &rule;
    for row in rows {
        let mut cells: Vec<&str> = row.iter().map(String::as_str).collect();
        let text = cells.pop().unwrap_or("");
        let mut piece = String::new();
        for word in text.split_whitespace() {
            if !piece.is_empty() && piece.len() + 1 + word.len() > WIDTH - taken {
                out += &line(&cells, &piece);
                cells.fill("");
                piece.clear();
            }
            if !piece.is_empty() {
                piece.push(' ');
            }
            piece += word;
        }
        out += &line(&cells, &piece);
    }
    out + &rule
}

/// Returns the type of a field, such as `u64[2][16]`.
fn type_of(field: &Field) -> String {
    let mut name = match field.number {
        Number::U8 => "u8",
        Number::U16 => "u16",
        Number::U32 => "u32",
        Number::I32 => "s32",
        Number::U64 => "u64",
    }
    .to_owned();
    for n in field.dimensions.iter().filter(|&&n| n != 0) {
        name += &format!("[{n}]");
    }
    name
}

fn kinds() -> String {
    let row = |kind: &Kind| {
        let body = kind.structure();
        vec![
            kind.number().to_string(),
            kind.name().to_owned(),
            format!("``{}``", body.name),
            prose(body.doc),
        ]
    };
    let rows: Vec<Vec<String>> = Kind::ALL.iter().map(row).collect();
    table(&["number", "name", "structure", "what it is"], &rows)
}

fn fields(structure: &Structure) -> String {
    let row = |field: &Field| {
        vec![
            field.at.to_string(),
            type_of(field),
            format!("``{}``", field.name),
            prose(field.doc),
        ]
    };
    let rows: Vec<Vec<String>> = structure.fields.iter().map(row).collect();
    table(&["offset", "type", "field", "meaning"], &rows)
}

fn values(values: &Values) -> String {
    let rows: Vec<Vec<String>> = values
        .list
        .iter()
        .map(|value| {
            let number = if values.are_bits {
                format!("bit {}", value.number.trailing_zeros())
            } else {
                value.number.to_string()
            };
            vec![number, format!("``{}``", value.name), prose(value.doc)]
        })
        .collect();
    table(&["value", "name", "meaning"], &rows)
}

/// Returns the table that belongs after the line `marker`, if any does.
fn table_after(marker: &str) -> Option<Result<String, String>> {
    let unknown = || format!("{marker}: there is no such thing");
    if marker == KINDS {
        return Some(Ok(kinds()));
    }
    if let Some(name) = marker.strip_prefix(FIELDS) {
        return Some(lists::structure(name).map(fields).ok_or_else(unknown));
    }
    let name = marker.strip_prefix(VALUES)?;
    Some(lists::values(name).map(values).ok_or_else(unknown))
}

/// Returns the document `text` with its tables made anew.
pub fn with_tables(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        let Some(table) = table_after(line) else {
            continue;
        };
        out.push('\n');
        out += &table?;
        while lines.next_if(|line| line.is_empty()).is_some() {}
        // What is there of the table: three rules, with lines between them.
        let mut rules = 0;
        while rules < 3 {
            match lines.next_if(|line| rules > 0 || line.starts_with("==")) {
                Some(line) => rules += usize::from(line.starts_with("==")),
                None => break,
            }
        }
        if rules == 0 {
            out.push('\n');
        }
    }
    Ok(out)
}

/// Returns what the document `text` lacks: sections on kinds, tables of structures and of values.
pub fn missing(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let has = |wanted: &str| lines.iter().any(|line| line.eq_ignore_ascii_case(wanted));
    let sections = Kind::ALL
        .iter()
        .map(|kind| format!("{} ({})", kind.name(), kind.number()));
    let structures = lists::structures().map(|s| format!("{FIELDS}{}", s.name));
    let values = lists::VALUES.iter().map(|v| format!("{VALUES}{}", v.of));
    std::iter::once(KINDS.to_owned())
        .chain(sections)
        .chain(structures)
        .chain(values)
        .filter(|wanted| !has(wanted))
        .collect()
}

/// Returns a name of Rust as one of C: `OpenFile` as `open_file`.
fn c_name(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn c_structure(out: &mut String, name: &str, structure: &Structure) {
    let name = c_name(name);
    let _ = writeln!(out, "\nstruct image_{name} {{");
    for field in structure.fields {
        let kind = match field.number {
            Number::U8 => "uint8_t",
            Number::U16 => "uint16_t",
            Number::U32 => "uint32_t",
            Number::I32 => "int32_t",
            Number::U64 => "uint64_t",
        };
        let _ = write!(out, "\t{kind} {}", field.name);
        // C has the outermost array first.
        for n in field.dimensions.iter().rev().filter(|&&n| n != 0) {
            let _ = write!(out, "[{n}]");
        }
        out.push_str(";\n");
    }
    let _ = writeln!(out, "}};");
    let _ = writeln!(
        out,
        "\nstatic_assert(sizeof(struct image_{name}) == {}, \"image_{name}\");",
        structure.len
    );
}

/// Returns the prefix of the names of values that have a module of their own: its name.
fn c_prefix(values: &Values) -> String {
    let mut modules = values.module.split("::").skip_while(|&m| m != "image");
    let own = modules.nth(2);
    own.map_or(String::new(), |m| m.to_uppercase() + "_")
}

/// Returns the header of the selftests.
pub fn c_header() -> String {
    let mut out = String::from(
        "/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The image format: kinds of records, structures, and values of their fields.
 * Numbers are little-endian. Written by tools/checkpoint/image/src/bin/ckptformat.rs
 * from the definitions in kernel/checkpoint/image/.
 */
#ifndef CKPT_TEST_FORMAT_H
#define CKPT_TEST_FORMAT_H

#include <assert.h>
#include <stdint.h>

",
    );
    for kind in Kind::ALL {
        let name = c_name(&format!("{kind:?}")).to_uppercase();
        let _ = writeln!(out, "#define IMAGE_KIND_{name} {}", kind.number());
    }
    for values in lists::VALUES {
        let _ = writeln!(out, "\n/* {} */", values.of);
        let prefix = c_prefix(values);
        for value in values.list {
            let number = if values.are_bits {
                format!("(1ull << {})", value.number.trailing_zeros())
            } else {
                value.number.to_string()
            };
            let _ = writeln!(out, "#define IMAGE_{prefix}{} {number}", value.name);
        }
    }
    for structure in lists::OTHERS {
        c_structure(&mut out, structure.name, structure);
    }
    for kind in Kind::ALL {
        c_structure(&mut out, &format!("{kind:?}"), kind.structure());
    }
    out + "\n#endif /* CKPT_TEST_FORMAT_H */\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_prose() {
        assert_eq!(
            prose(&[" One [`Pipe`]", " of `a`."]),
            "One ``Pipe`` of ``a``."
        );
        assert_eq!(prose(&["[`Fd`]s, `x"]), "``Fd``\\ s, ``x``");
    }

    #[test]
    fn names() {
        assert_eq!(c_name("PipeBuffer"), "pipe_buffer");
        assert_eq!(c_name("Mm"), "mm");
    }

    #[test]
    fn tables_are_replaced() {
        let old = "a\n\n.. fields of Fs\n\n=== ===\nold x\n=== ===\n1   2\n=== ===\n\nb\n";
        let new = with_tables(old);
        let once = new.clone().unwrap_or_default();
        assert!(
            once.contains("``umask``") && !once.contains("old x"),
            "{once}"
        );
        assert!(
            once.starts_with("a\n") && once.ends_with("=\n\nb\n"),
            "{once}"
        );
        assert_eq!(with_tables(&once), new);
        assert!(with_tables(".. fields of Nothing\n").is_err());
        assert!(once.lines().all(|line| line.len() <= WIDTH), "{once}");
    }
}
