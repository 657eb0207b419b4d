// SPDX-License-Identifier: GPL-2.0

//! One definition of each structure, from which all that is known of it is made.
//!
//! [`structure!`] and [`record!`] make of one text the type, the list of its fields and what a
//! reader has to check of its length; a record also gets its number, its name and the function
//! that checks it. [`values!`] does the same for the numbers and bits that stand in a field. The
//! tables of `Documentation/checkpoint/image-format.rst`, the header of the selftests and what
//! `ckptinfo` prints are made from these lists; in the kernel, nothing uses them and nothing of
//! them is left.

use zerocopy::byteorder::little_endian::{
    I32,
    U16,
    U32,
    U64, //
};

/// A number, as it lies in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// A byte.
    U8,
    /// 16 bits.
    U16,
    /// 32 bits.
    U32,
    /// 32 bits, signed.
    I32,
    /// 64 bits.
    U64,
}

impl Number {
    /// Returns the bytes of it.
    pub const fn width(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::U32 | Self::I32 => 4,
            Self::U64 => 8,
        }
    }
}

/// A type that is one number.
pub trait Numeric {
    /// Which one.
    const NUMBER: Number;
}

/// What a field can hold: a number, an array of them, or an array of such arrays.
pub trait Shape {
    /// The innermost number.
    const NUMBER: Number;
    /// Elements of each array, the innermost first; 0: there is no such array.
    const DIMENSIONS: [usize; 2];
}

macro_rules! numbers {
    ($($type:ty = $number:ident,)*) => {
        $(
            impl Numeric for $type {
                const NUMBER: Number = Number::$number;
            }

            impl Shape for $type {
                const NUMBER: Number = Number::$number;
                const DIMENSIONS: [usize; 2] = [0, 0];
            }
        )*
    };
}

numbers! {
    u8 = U8,
    U16 = U16,
    U32 = U32,
    I32 = I32,
    U64 = U64,
}

impl<T: Numeric, const N: usize> Shape for [T; N] {
    const NUMBER: Number = T::NUMBER;
    const DIMENSIONS: [usize; 2] = [N, 0];
}

impl<T: Numeric, const N: usize, const M: usize> Shape for [[T; N]; M] {
    const NUMBER: Number = T::NUMBER;
    const DIMENSIONS: [usize; 2] = [N, M];
}

/// A field of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its offset in the structure, in bytes.
    pub at: usize,
    /// The number that it is made of.
    pub number: Number,
    /// As [`Shape::DIMENSIONS`].
    pub dimensions: [usize; 2],
    /// The lines of its documentation.
    pub doc: &'static [&'static str],
}

impl Field {
    /// Returns the field `name` of type `T` at `at`.
    pub const fn of<T: Shape>(name: &'static str, at: usize, doc: &'static [&'static str]) -> Self {
        Self {
            name,
            at,
            number: T::NUMBER,
            dimensions: T::DIMENSIONS,
            doc,
        }
    }

    /// Returns the bytes of a number in it.
    pub const fn width(&self) -> usize {
        self.number.width()
    }

    /// Returns the numbers in it.
    pub const fn count(&self) -> usize {
        match self.dimensions {
            [0, _] => 1,
            [n, 0] => n,
            [n, m] => n * m,
        }
    }

    /// Tells whether it holds nothing yet.
    pub fn is_reserved(&self) -> bool {
        self.name.starts_with("reserved")
    }
}

/// What is known of a structure of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Its name.
    pub name: &'static str,
    /// The lines of its documentation.
    pub doc: &'static [&'static str],
    /// Bytes of it.
    pub len: usize,
    /// Its fields, in their order; together they are all of it.
    pub fields: &'static [Field],
}

/// A structure that was defined by [`structure!`] or [`record!`].
pub trait Defined {
    /// What is known of it.
    const STRUCTURE: Structure;
}

/// Defines a structure of the image: fields of fixed layout, without padding, little-endian.
macro_rules! structure {
    (
        $(#[doc = $doc:literal])*
        $(#[derive($($derive:ident),*)])?
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(
            Clone,
            Copy,
            zerocopy_derive::FromBytes,
            zerocopy_derive::Immutable,
            zerocopy_derive::IntoBytes,
            zerocopy_derive::KnownLayout,
            zerocopy_derive::Unaligned,
            $($($derive,)*)?
        )]
        #[repr(C)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $type,)*
        }

        impl $crate::image::layout::Defined for $name {
            const STRUCTURE: $crate::image::layout::Structure =
                $crate::image::layout::Structure {
                    name: stringify!($name),
                    doc: &[$($doc,)*],
                    len: size_of::<$name>(),
                    fields: &[$($crate::image::layout::Field::of::<$type>(
                        stringify!($field),
                        core::mem::offset_of!($name, $field),
                        &[$($field_doc,)*],
                    ),)*],
                };
        }
    };
}
pub(crate) use structure;

/// Defines a kind of record by the structure of its body.
///
/// `#[record(Kind = number, "name", min = bytes, check = function, object = function)]`: the kind,
/// which stands in the list of `kinds.rs`; its number, which is never used again; its name for
/// messages; bytes of the first published layout, which stay the same when fields are added; the
/// function of `Walk` that checks it; `object`, where it defines an object, and the function of the
/// module's `check` that tells what is to be remembered of it. Without `check` it is a record that
/// comes after the metadata.
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        #[record(
            $kind:ident = $number:literal, $text:literal, min = $min:literal
            $(, check = $check:ident $(, object $(= $object:ident)?)?)?
        )]
        pub struct $name:ident $fields:tt
    ) => {
        $crate::image::layout::structure! {
            $(#[doc = $doc])*
            pub struct $name $fields
        }

        impl $crate::image::record::Body for $name {
            const KIND: $crate::image::kinds::Kind = $crate::image::kinds::Kind::$kind;
            const NUMBER: u16 = $number;
            const TEXT: &'static str = $text;
            const LEN_MIN: usize = $min;
        }

        impl $crate::image::check::walk::Checked for $name {
            $($crate::image::layout::record! { @check $check $(, object $(= $object)?)? })?
        }

        const _: () = $crate::image::record::assert_layout::<$name>();
    };
    (@check $check:ident) => {
        const CHECK: Option<$crate::image::check::walk::Check> =
            Some(|walk, raw| walk.$check(raw));
    };
    (@check $check:ident, object) => {
        $crate::image::layout::record! { @check $check }

        const OBJECT: Option<$crate::image::check::walk::Define> =
            Some(|_, raw| Ok((raw.body::<Self>()?.obj.get(), 0)));
    };
    (@check $check:ident, object = $object:ident) => {
        $crate::image::layout::record! { @check $check }

        const OBJECT: Option<$crate::image::check::walk::Define> = Some(check::$object);
    };
}
pub(crate) use record;

/// A value that a field can have, or a bit of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its name.
    pub name: &'static str,
    /// The number.
    pub number: u64,
    /// The lines of its documentation.
    pub doc: &'static [&'static str],
}

/// The values that a field can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values {
    /// Structure and field, such as `Task.state`.
    pub of: &'static str,
    /// The module in which they are defined.
    pub module: &'static str,
    /// Any of the bits may be set.
    pub are_bits: bool,
    /// The values, in their order.
    pub list: &'static [Value],
}

/// Defines the values that a field can have: a constant for each, and the list of them.
macro_rules! values {
    (
        $of:literal: $type:ty, $list:ident;
        $($(#[doc = $doc:literal])* $name:ident = $number:expr,)*
    ) => {
        $crate::image::layout::values! {
            @list $of: $type, $list, false;
            $($(#[doc = $doc])* $name = $number,)*
        }
    };
    (
        @list $of:literal: $type:ty, $list:ident, $are_bits:literal;
        $($(#[doc = $doc:literal])* $name:ident = $number:expr,)*
    ) => {
        $(
            $(#[doc = $doc])*
            pub const $name: $type = $number;
        )*

        #[doc = concat!("The values of `", $of, "`.")]
        // Some are of that type.
        #[allow(clippy::unnecessary_cast)]
        pub const $list: $crate::image::layout::Values = $crate::image::layout::Values {
            of: $of,
            module: module_path!(),
            are_bits: $are_bits,
            list: &[$($crate::image::layout::Value {
                name: stringify!($name),
                number: $name as u64,
                doc: &[$($doc,)*],
            },)*],
        };
    };
}
pub(crate) use values;

/// Defines the bits of a field: a constant for each, the list of them, and all of them together.
macro_rules! flags {
    (
        $of:literal: $type:ty, $list:ident, $all:ident;
        $($(#[doc = $doc:literal])* $name:ident = $number:expr,)*
    ) => {
        $crate::image::layout::values! {
            @list $of: $type, $list, true;
            $($(#[doc = $doc])* $name = $number,)*
        }

        #[doc = concat!("All bits of `", $of, "`.")]
        pub const $all: $type = 0 $(| $name)*;
    };
}
pub(crate) use flags;
