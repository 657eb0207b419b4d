// SPDX-License-Identifier: GPL-2.0

//! Times on clocks that go on in a restart where they stopped.

/// Never: a time that offsets do not move.
pub(crate) const NEVER: i64 = i64::MAX;

/// Moves a time in nanoseconds by an offset of its clock.
pub(crate) fn shift(time: i64, offset: i64) -> i64 {
    if time == NEVER {
        NEVER
    } else {
        time.saturating_add(offset)
    }
}
