// SPDX-License-Identifier: GPL-2.0

//! What confined the tasks.

use crate::image::{
    check::{
        fields::{
            ensure,
            flags,
            zero, //
        },
        walk::{
            Follow,
            Walk, //
        }, //
    },
    confinement::{
        Confinement,
        IdRange,
        Label,
        CONFINEMENT_FLAGS,
        ID_RANGES_MAX,
        LABELS_MAX,
        LABEL_MAX, //
    },
    record::{
        Fault,
        Raw, //
    }, //
};

/// Splits the payload of a [`Confinement`]: ranges of user ids, ranges of group ids.
pub fn split_ranges<'a>(
    raw: &Raw<'a>,
    body: &Confinement,
) -> Result<(&'a [IdRange], &'a [IdRange]), Fault> {
    let ranges: &[IdRange] = raw.array(2 * ID_RANGES_MAX)?;
    let wrong = raw.fault("number of id ranges is not as announced");
    let uids = usize::try_from(body.uid_ranges.get()).map_err(|_| wrong)?;
    let (uids, gids) = ranges.split_at_checked(uids).ok_or(wrong)?;
    if usize::try_from(body.gid_ranges.get()) != Ok(gids.len()) {
        return Err(wrong);
    }
    Ok((uids, gids))
}

impl Walk<'_> {
    /// Checks what confined the tasks, labels apart.
    pub(in crate::image) fn confinement(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Confinement = raw.body()?;
        flags(raw, body.flags.get(), CONFINEMENT_FLAGS)?;
        zero(raw, body.reserved.get() == 0)?;
        let (uids, gids) = split_ranges(raw, &body)?;
        for ranges in [uids, gids] {
            ensure(raw, ranges.len() <= ID_RANGES_MAX, "too many id ranges")?;
            let mut from = 0;
            for range in ranges {
                let count = range.count.get();
                let end = range.first.get().checked_add(count);
                ensure(
                    raw,
                    count != 0 && range.first.get() >= from && end.is_some(),
                    "id ranges are empty, overlap or are out of order",
                )?;
                ensure(
                    raw,
                    range.host.get().checked_add(count).is_some(),
                    "impossible range of ids",
                )?;
                from = end.unwrap_or(u32::MAX);
            }
        }
        let left = body.labels.get();
        ensure(raw, left <= LABELS_MAX, "too many security labels")?;
        if left != 0 {
            self.follow = Follow::Labels { left, from: 1 };
        }
        Ok(())
    }

    /// Checks a security label.
    pub(in crate::image) fn label(&mut self, raw: &Raw<'_>) -> Result<(), Fault> {
        let body: Label = raw.body()?;
        let Follow::Labels { left, from } = self.follow else {
            return Err(raw.fault("more security labels than announced"));
        };
        zero(raw, body.reserved.get() == 0)?;
        let module = body.module.get();
        ensure(
            raw,
            module >= from && module != u32::MAX,
            "security modules are out of order",
        )?;
        ensure(
            raw,
            (1..=LABEL_MAX).contains(&raw.payload.len())
                && raw.payload.iter().all(|c| !c.is_ascii_control()),
            "impossible security label",
        )?;
        self.follow = match left.checked_sub(1) {
            None | Some(0) => Follow::Any,
            Some(left) => Follow::Labels {
                left,
                from: module.saturating_add(1),
            },
        };
        Ok(())
    }
}
