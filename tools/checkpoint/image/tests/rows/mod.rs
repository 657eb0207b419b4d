// SPDX-License-Identifier: GPL-2.0

//! Reads an image row by row, as a reader that can seek does: last row first, each on its own.

use checkpoint_image::{
    crc32c,
    image::{
        check::{
            Next,
            Object,
            Part,
            RowRange,
            Rows,
            Run,
            Stream,
            ROW_LEN, //
        },
        record::{
            Fault,
            BODY_MAX,
            RECORD_HEADER_LEN, //
        }, //
    },
    File, //
};

/// What is at a place in an image that may be cut short.
fn part(image: &[u8], at: u64, len: usize) -> Result<&[u8], Fault> {
    let start = at as usize;
    image
        .get(start..start.saturating_add(len))
        .ok_or(Fault::framing(at, "the image is cut short"))
}

/// One record: its body is read, and its pages are left to the caller.
fn next(
    image: &[u8],
    stream: &mut Stream,
    meta: &[u8],
    objects: &mut [Object],
    runs: &mut Vec<Run>,
) -> Result<Next, Fault> {
    let head = part(image, stream.at(), RECORD_HEADER_LEN)?;
    let len = stream.header(head.try_into().expect("as many as asked for"))?;
    assert!(len <= BODY_MAX);
    let body = part(image, stream.at(), len)?;
    if stream.runs() == runs.len() {
        runs.push(Run::default());
    }
    stream.body(body, meta, objects, runs)
}

/// Bytes of the pages of the extent that has just come.
fn pages(image: &[u8], stream: &mut Stream) -> Result<(), Fault> {
    let at = stream.at();
    // What another stream would skip.
    let mut other = stream.clone();
    let len = other.skip()? as usize;
    stream.pages(part(image, at, len)?)
}

/// Finds the rows, without believing them.
fn find(image: &[u8], file: &File<&[u8]>) -> Option<Vec<RowRange>> {
    let end = image.len().checked_sub(ROW_LEN)?;
    let record = |at: usize| image.get(at..at + ROW_LEN)?.try_into().ok();
    let before = record(end.checked_sub(ROW_LEN)?)?;
    let mut rows = Rows::new(
        &file.header,
        file.objects.len(),
        image.len() as u64,
        before,
        record(end)?,
    )?;
    let mut ranges: Vec<RowRange> = Vec::new();
    for n in 0..rows.count() {
        let at = rows.first() as usize + n * ROW_LEN;
        let range = rows.take(record(at)?, ranges.last())?;
        if let Some(last) = ranges.last_mut() {
            last.end = range.at;
        }
        ranges.push(range);
    }
    Some(ranges)
}

fn read_row(image: &[u8], file: &File<&[u8]>, range: &RowRange) -> Result<(Part, Vec<Run>), Fault> {
    let mut stream = Stream::of_row(crc32c, &file.header, range);
    let mut object = [file
        .objects
        .get(range.obj as usize - 1)
        .copied()
        .unwrap_or_default()];
    let mut runs = Vec::new();
    while stream.at() < range.end {
        if let Next::Extent(_) = next(image, &mut stream, &file.meta, &mut object, &mut runs)? {
            pages(image, &mut stream)?;
        }
    }
    runs.truncate(stream.runs());
    Ok((stream.part(&object[0]), runs))
}

/// `None`: it has no rows to be read so.
pub fn verify(image: &[u8]) -> Option<Result<(), Fault>> {
    let mut file = File::open(image).ok()?;
    let ranges = find(image, &file)?;
    Some(all(image, &mut file, &ranges))
}

fn all(image: &[u8], file: &mut File<&[u8]>, ranges: &[RowRange]) -> Result<(), Fault> {
    let mut parts = Vec::new();
    for range in ranges.iter().rev() {
        if range.obj == 0 {
            return Err(Fault::framing(range.at, "no object"));
        }
        parts.push(read_row(image, file, range)?);
    }
    let mut stream = Stream::new(crc32c, &file.header);
    let mut runs = Vec::new();
    for (range, (part, its)) in ranges.iter().zip(parts.iter().rev()) {
        stream.join(part, range, its.len(), &mut file.objects)?;
        runs.extend(its.iter().copied());
    }
    // Once more, for the sources of what is shared.
    for range in ranges {
        let mut again = Stream::of_row(crc32c, &file.header, range);
        let fresh = File::open(image).expect("it was opened before").objects;
        let mut object = [fresh[range.obj as usize - 1]];
        let mut own = Vec::new();
        while again.at() < range.end {
            match next(image, &mut again, &file.meta, &mut object, &mut own)? {
                Next::Extent(_) => {
                    again.skip()?;
                }
                Next::Shared(shared) => again.has_come(&shared, &file.objects, &runs)?,
                _ => (),
            }
        }
    }
    // The rows themselves, and the trailer.
    loop {
        let meta = &file.meta;
        match next(image, &mut stream, meta, &mut file.objects, &mut runs)? {
            Next::Trailer(_) => return Ok(()),
            Next::Row(_) => (),
            _ => return Err(Fault::framing(stream.at(), "an extent after all rows")),
        }
    }
}
