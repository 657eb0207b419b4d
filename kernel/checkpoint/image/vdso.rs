// SPDX-License-Identifier: GPL-2.0

//! The vDSO that programs of an image have called.
//!
//! A kernel with the same one maps its own. Another one maps this one's code as memory of the program, and
//! has its entry points lead into its own.

use zerocopy::byteorder::little_endian::U32;

use super::layout::record;

pub(super) mod check;
pub mod elf;

/// Most bytes of data and code together.
pub const VDSO_MAX: usize = 2 << 20;

record! {
    /// What a kernel maps into programs of a kind: address spaces refer to it. Payload: its data, then
    /// its code.
    ///
    /// The data is as of a clock that programs can't read by themselves: code that is in the middle of
    /// reading it begins anew, and makes a system call.
    #[record(Vdso = 266, "vDSO", min = 24, check = vdso, object = vdso_object)]
    pub struct Vdso {
        /// Reference of this object.
        pub obj: U32,
        /// Bytes of the data, of which more may be mapped: that is zero.
        pub data_len: U32,
        /// Bytes of the code, an ELF file as it is in memory.
        pub code_len: U32,
        /// x86: offset in the code to which system calls of 32-bit programs return, behind an
        /// instruction of two bytes that repeats them; 0: there is none.
        pub landing: U32,
        /// Zero.
        pub reserved: U32,
        /// Zero.
        pub reserved2: U32,
    }
}
