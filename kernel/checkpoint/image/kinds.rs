// SPDX-License-Identifier: GPL-2.0

//! The kinds of record: one table of numbers and names.
//!
//! A number is never reused. Those of a kind that is not supported yet are left free in its
//! group: 1 image, 16 tasks, 64 memory, 96 files, 128 namespaces, 144 sockets, 176 IPC, 192
//! security.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// Kind of a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// All kinds, in the order of their numbers.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// The kind with number `n`.
            pub fn from_number(n: u16) -> Option<Self> {
                match n {
                    $($number => Some(Kind::$name),)*
                    _ => None,
                }
            }

            /// Name for messages.
            pub fn name(self) -> &'static str {
                match self {
                    $(Kind::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// First record: what was checkpointed. [`super::task::Container`]
    Container = 1, "container";
    /// Last record of the image. [`super::header::Trailer`]
    Trailer = 3, "trailer";

    /// A thread. [`super::task::Task`]; payload: its pid in each namespace, container first.
    Task = 16, "task";
    /// What the threads of a thread group share. [`super::task::Process`]
    Process = 17, "process";
    /// A pid that is in use as group or session only. [`super::task::DeadPid`]
    DeadPid = 18, "pid without task";
    /// Register sets of a thread. [`super::task::Regs`]; payload: notes.
    Regs = 19, "registers";
    /// Signal actions. [`super::task::Sighand`]; payload: [`super::task::Action`]s.
    Sighand = 20, "signal actions";
    /// Pending signals. [`super::task::Pending`]; payload: siginfos.
    Pending = 21, "pending signals";
    /// Credentials. [`super::task::Cred`]; payload: supplementary group ids.
    Cred = 22, "credentials";
    /// CPU affinity of a thread. [`super::task::Affinity`]; payload: mask.
    Affinity = 23, "CPU affinity";

    /// An address space. [`super::mm::Mm`]; payload: auxiliary vector.
    Mm = 64, "address space";
    /// A mapping. [`super::mm::Vma`]; payload: its name, if it has one.
    Vma = 65, "mapping";
    /// Contents of a range of an address space. [`super::mm::Extent`]; payload: pages.
    Extent = 66, "extent";
    /// Guard regions of a mapping. [`super::mm::Guards`]; payload: [`super::mm::Guard`]s.
    Guards = 67, "guard regions";
    /// Contents that another range of an address space has too. [`super::mm::Shared`]
    Shared = 68, "shared extent";
    /// Where the extents of an object are. [`super::mm::Row`]
    Row = 69, "row of extents";

    /// A descriptor table. [`super::files::Table`]; payload: [`super::files::Fd`]s.
    Files = 96, "descriptor table";
    /// An open file. [`super::files::OpenFile`]; payload: path.
    File = 97, "open file";
    /// An inode whose contents are in the image. [`super::files::Inode`]; payload: path.
    Inode = 98, "inode";
    /// A pipe. [`super::files::Pipe`]; payload: none.
    Pipe = 100, "pipe";
    /// A buffer of a pipe. [`super::files::PipeBuffer`]; payload: bytes.
    PipeBuffer = 101, "pipe buffer";
    /// Root, working directory and umask. [`super::files::Fs`]
    Fs = 102, "filesystem context";
    /// A path. [`super::files::Path`]; payload: path.
    Path = 103, "path";

    /// A uts namespace. [`super::ns::Uts`]
    Uts = 128, "uts namespace";
    /// A pid namespace. [`super::ns::PidNs`]
    PidNs = 129, "pid namespace";

    /// What confined the tasks. [`super::confinement::Confinement`]; payload:
    /// [`super::confinement::IdRange`]s.
    Confinement = 192, "confinement";
    /// A security label. [`super::confinement::Label`]; payload: label.
    Label = 193, "security label";
}

impl Kind {
    /// The number that stands in the image.
    pub fn number(self) -> u16 {
        self as u16
    }
}
