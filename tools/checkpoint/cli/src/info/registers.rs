// SPDX-License-Identifier: GPL-2.0

//! Registers by name.

use image::image::{
    check::split_note,
    header::arch,
    record::{
        Fault,
        Raw, //
    }, //
};
use serde_json::{
    json,
    Map,
    Value, //
};

/// NT_PRSTATUS: the general registers.
const NT_PRSTATUS: u32 = 1;

/// struct user_regs_struct of x86-64.
const X86_64: &[&str] = &[
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi",
    "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs",
    "gs",
];

/// Name of a note.
fn note_name(name: &[u8; 8], note_type: u32) -> String {
    let known = match (name, note_type) {
        (b"CORE\0\0\0\0", NT_PRSTATUS) => "NT_PRSTATUS",
        (b"CORE\0\0\0\0", 2) => "NT_PRFPREG",
        (b"LINUX\0\0\0", 0x200) => "NT_386_TLS",
        (b"LINUX\0\0\0", 0x201) => "NT_386_IOPERM",
        (b"LINUX\0\0\0", 0x202) => "NT_X86_XSTATE",
        (b"LINUX\0\0\0", 0x204) => "NT_X86_SHSTK",
        _ => return format!("note 0x{note_type:x}"),
    };
    known.to_owned()
}

/// The notes of a registers record; the general registers by name where their names are known.
pub fn notes(raw: &Raw<'_>, machine: u32) -> Result<Vec<Value>, Fault> {
    let mut notes = Vec::new();
    let mut rest = raw.payload;
    while !rest.is_empty() {
        let (note, bytes, after) = split_note(raw, rest)?;
        let note_type = note.note_type.get();
        let mut value = json!({
            "note": note_name(&note.name, note_type),
            "bytes": bytes.len(),
        });
        let general = note.name == *b"CORE\0\0\0\0" && note_type == NT_PRSTATUS;
        if machine == arch::X86_64 && general && bytes.len() == X86_64.len() * 8 {
            let registers: Map<String, Value> = X86_64
                .iter()
                .zip(bytes.chunks_exact(8))
                .map(|(name, bytes)| ((*name).to_owned(), hex(bytes).into()))
                .collect();
            if let Some(map) = value.as_object_mut() {
                map.insert("registers".to_owned(), registers.into());
            }
        }
        notes.push(value);
        rest = after;
    }
    Ok(notes)
}

/// Little-endian bytes as a number.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().rev().map(|b| format!("{b:02x}")).collect();
    format!("0x{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(hex(&[0x34, 0x12]), "0x1234");
        assert_eq!(X86_64.len(), 27);
    }
}
