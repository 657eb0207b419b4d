// SPDX-License-Identifier: GPL-2.0

//! The fields of a record's body, by name.

use image::image::{
    layout::{
        Field,
        Number, //
    },
    record::Raw, //
};
use serde_json::{
    Map,
    Value, //
};

/// Returns a name that is padded with NUL.
pub fn name(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    printable(bytes.get(..end).unwrap_or(bytes))
}

/// Returns bytes as text, control characters escaped.
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

/// Returns the number of `field` that lies at `at` of a body. One that the body is too short for
/// counts as zero.
fn number(field: &Field, body: &[u8], at: usize) -> Value {
    let mut bytes = [0; 8];
    for (to, from) in bytes
        .iter_mut()
        .take(field.width())
        .zip(body.iter().skip(at))
    {
        *to = *from;
    }
    let n = u64::from_le_bytes(bytes);
    match field.number {
        Number::I32 => (n as u32 as i32).into(),
        Number::U8 | Number::U16 | Number::U32 | Number::U64 => n.into(),
    }
}

/// Returns what `field` holds in a body: a number, a name, an array, or an array of arrays.
fn value(field: &Field, body: &[u8]) -> Value {
    if field.number == Number::U8 {
        let end = (field.at + field.count()).min(body.len());
        return name(body.get(field.at..end).unwrap_or(&[])).into();
    }
    let array = |from: usize, count: usize| -> Value {
        let numbers = from..from + count;
        numbers
            .map(|n| number(field, body, field.at + n * field.width()))
            .collect()
    };
    match field.dimensions {
        [0, _] => number(field, body, field.at),
        [count, 0] => array(0, count),
        [inner, outer] => (0..outer).map(|n| array(n * inner, inner)).collect(),
    }
}

/// Returns the fields of the body of `raw`.
pub fn fields(raw: &Raw<'_>) -> Map<String, Value> {
    let fields = raw.kind.structure().fields.iter();
    fields
        .filter(|field| !field.is_reserved())
        .map(|field| (field.name.to_owned(), value(field, raw.body)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::image::layout::Shape;
    use zerocopy::byteorder::little_endian::{
        I32,
        U16,
        U32,
        U64, //
    };

    #[test]
    fn names() {
        assert_eq!(name(b"ab\0c"), "ab");
        assert_eq!(name(b"ab"), "ab");
        assert_eq!(printable(b"a\n\x1b[0m\xff"), "a\\n\\u{1b}[0m\u{fffd}");
    }

    /// Returns what `field` holds, as JSON.
    fn shown<T: Shape>(body: &[u8]) -> String {
        value(&Field::of::<T>("it", 4, &[]), body).to_string()
    }

    #[test]
    fn values() {
        let body: Vec<u8> = (0..20).chain([0xff; 4]).collect();
        assert_eq!(shown::<U32>(&body), "117835012");
        assert_eq!(shown::<[U16; 3]>(&body), "[1284,1798,2312]");
        assert_eq!(shown::<[[U16; 2]; 2]>(&body), "[[1284,1798],[2312,2826]]");
        assert!(shown::<[[I32; 1]; 5]>(&body).ends_with("],[-1]]"));
        assert_eq!(shown::<[u8; 4]>(b"....ab\0c"), "\"ab\"");
        assert_eq!(shown::<[u8; 4]>(b"..."), "\"\"");
        assert_eq!(shown::<U64>(&body[..5]), "4");
        assert_eq!(shown::<U64>(&[]), "0");
    }
}
