// SPDX-License-Identifier: GPL-2.0

//! The fields of a record's body, by name.

use image::image::{
    confinement,
    files,
    header::Trailer,
    kinds::Kind,
    mm,
    ns,
    record::{
        Fault,
        Raw, //
    },
    task, //
};
use serde_json::{
    Map,
    Value, //
};
use zerocopy::byteorder::little_endian::{
    I32,
    U32,
    U64, //
};

/// What can be shown.
trait Show {
    /// As JSON.
    fn value(&self) -> Value;
}

impl Show for U32 {
    fn value(&self) -> Value {
        self.get().into()
    }
}

impl Show for U64 {
    fn value(&self) -> Value {
        self.get().into()
    }
}

impl Show for I32 {
    fn value(&self) -> Value {
        self.get().into()
    }
}

impl Show for u8 {
    fn value(&self) -> Value {
        (*self).into()
    }
}

impl<const N: usize> Show for [U32; N] {
    fn value(&self) -> Value {
        self.iter().map(Show::value).collect()
    }
}

impl<const N: usize> Show for [U64; N] {
    fn value(&self) -> Value {
        self.iter().map(Show::value).collect()
    }
}

impl<const N: usize> Show for [[U64; 2]; N] {
    fn value(&self) -> Value {
        self.iter().map(Show::value).collect()
    }
}

impl<const N: usize> Show for [u8; N] {
    fn value(&self) -> Value {
        name(self).into()
    }
}

/// A name that is padded with NUL.
pub fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    printable(bytes.get(..end).unwrap_or(bytes))
}

/// Bytes as text, control characters escaped.
pub fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .flat_map(|c| {
            let escaped: Box<dyn Iterator<Item = char>> = if c.is_control() {
                Box::new(c.escape_default())
            } else {
                Box::new(std::iter::once(c))
            };
            escaped
        })
        .collect()
}

macro_rules! body {
    ($raw:expr, $type:ty, $($field:ident)*) => {{
        let body: $type = $raw.body()?;
        let mut map = Map::new();
        $(map.insert(stringify!($field).to_owned(), body.$field.value());)*
        map
    }};
}

/// The fields of the body of `raw`.
pub fn fields(raw: &Raw<'_>) -> Result<Map<String, Value>, Fault> {
    Ok(match raw.kind {
        Kind::Container => body!(raw, task::Container,
            flags monotonic_ns boottime_ns root tasks objects cpu_words cpu),
        Kind::Confinement => body!(raw, confinement::Confinement,
            flags uid_ranges gid_ranges labels),
        Kind::Label => body!(raw, confinement::Label, module),
        Kind::Task => body!(raw, task::Task,
            tid tgid parent pgid sid comm state flags exit_signal exit_code mm files fs sighand
            cred uts pid_ns vfork_child personality pdeath_signal nice policy rt_priority
            restart_kind restart restart_arch blocked saved_mask altstack altstack_len
            altstack_flags rseq rseq_len rseq_sig stop_signal set_child_tid clear_child_tid
            robust_list timer_slack timer_slack_default utime stime start_monotonic
            start_boottime slice compat_robust_list),
        Kind::Process => body!(raw, task::Process,
            tgid flags oom_score_adj oom_score_adj_min dumpable stop_signal rlimits cutime cstime
            utime stime),
        Kind::DeadPid => body!(raw, task::DeadPid, pid pid_ns),
        Kind::Regs => body!(raw, task::Regs, tid notes),
        Kind::Sighand => body!(raw, task::Sighand, obj),
        Kind::Pending => body!(raw, task::Pending, tid shared bare),
        Kind::Cred => body!(raw, task::Cred,
            obj uid gid securebits inheritable permitted effective bounding ambient),
        Kind::Affinity => body!(raw, task::Affinity, tid),
        Kind::Mm => body!(raw, mm::Mm,
            obj exe vmas flags code data brk stack args env mmap_base vdso vdso_len vdso_crc
            dump_filter context),
        Kind::Vma => body!(raw, mm::Vma, start end flags offset kind file pkey),
        Kind::Guards => body!(raw, mm::Guards, regions),
        Kind::Extent => body!(raw, mm::Extent, obj space addr pages crc body_crc),
        Kind::Shared => body!(raw, mm::Shared, obj pages addr source from crc),
        Kind::Row => body!(raw, mm::Row, obj number at extents crc),
        Kind::Files => body!(raw, files::Table, obj),
        Kind::File => body!(raw, files::OpenFile,
            obj kind flags inode pos size cred mode mtime mtime_nsec generation dev ino),
        Kind::Inode => body!(raw, files::Inode,
            obj mode size owner atime atime_nsec mtime mtime_nsec flags),
        Kind::Pipe => body!(raw, files::Pipe, obj buffers size named owner),
        Kind::PipeBuffer => body!(raw, files::PipeBuffer, packet),
        Kind::Fs => body!(raw, files::Fs, obj umask root pwd),
        Kind::Path => body!(raw, files::Path, obj generation dev ino),
        Kind::Uts => body!(raw, ns::Uts, obj nodename domainname),
        Kind::PidNs => body!(raw, ns::PidNs,
            obj parent last_pid pid_max memfd_noexec),
        Kind::Trailer => body!(raw, Trailer, total_len extents pages chain crc),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(name(b"ab\0c"), "ab");
        assert_eq!(name(b"ab"), "ab");
        assert_eq!(printable(b"a\n\x1b[0m\xff"), "a\\n\\u{1b}[0m\u{fffd}");
    }
}
