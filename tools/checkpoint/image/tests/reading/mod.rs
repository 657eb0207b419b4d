// SPDX-License-Identifier: GPL-2.0

//! What the fuzzers do with an image.

use checkpoint_image::{
    Error,
    File, //
};

/// Reads an image as ckptinfo does; tells what was found.
pub fn read(image: &[u8]) -> Result<(), (u16, &'static str)> {
    let fault = |e| match e {
        Error::Fault(fault) => {
            assert!(
                fault.at <= image.len() as u64 + (1 << 29),
                "impossible offset"
            );
            assert!(!fault.kind_name().is_empty());
            (fault.kind, fault.why)
        }
        Error::Io(e) => panic!("reading from memory failed: {e}"),
    };
    let mut file = File::open(image).map_err(fault)?;
    let counted = file.pids.iter().filter(|p| p.is_task()).count();
    assert_eq!(counted, file.summary.tasks as usize);
    for object in file.objects.iter().filter(|o| o.kind().is_some()) {
        let raw = object
            .record(&file.meta, 192)
            .expect("object without record");
        assert_eq!(Some(raw.kind), object.kind());
    }
    file.verify(|_, _| ()).map_err(fault)
}
