// SPDX-License-Identifier: GPL-2.0

//! Timers of the sample.

use super::*;

impl Sample {
    /// Those of process 1: one that waits for its signal to be taken, one that counts CPU time.
    pub(super) fn timers(&mut self) {
        let waits = zeroed(|t: &mut Timer| {
            t.id = u(3);
            t.signal = u(10);
            t.state = u(TIMER_WAITS);
            t.interval = l(5);
        });
        let cpu = zeroed(|t: &mut Timer| {
            t.id = u(9);
            t.clock = (-6).into();
            t.clock_pid = u(1);
            t.notify = u(TIMER_THREAD_ID);
            t.target = u(2);
            t.signal = u(34);
            t.state = u(TIMER_ARMED);
            t.expires = l(7);
        });
        self.add(
            zeroed(|t: &mut Timers| {
                t.tgid = u(1);
                t.next_id = u(12);
            }),
            [waits, cpu].as_bytes(),
        );
    }
}
