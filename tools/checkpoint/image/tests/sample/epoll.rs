// SPDX-License-Identifier: GPL-2.0

//! Epoll instances, for those who ask for them: links come last.

use super::{
    l,
    obj,
    u,
    zeroed,
    Sample, //
};
use checkpoint_image::image::{
    epoll::*,
    files::FILE_EPOLL,
    task::Container, //
};
use zerocopy::IntoBytes;

impl Sample {
    /// Appends two epoll instances, of which one is registered with the other, and what is
    /// registered with that: the records that come last.
    pub fn epoll(&mut self) {
        let (inner, outer) = (obj::LAST + 1, obj::LAST + 3);
        self.edit(0, |c: &mut Container| c.objects.set(outer + 1));
        for n in [inner, outer] {
            self.add(zeroed(|e: &mut Epoll| e.obj = u(n)), &[]);
            self.open(n + 1, FILE_EPOLL, 0o600, n, "");
        }
        let item = |fd, file, events: u32, state, signals| EpollItem {
            data: l(1 << 63),
            events: u(events),
            file: u(file),
            fd: u(fd),
            state: u(state),
            signals: u(signals),
            reserved: u(0),
        };
        let both = epoll::ERR | epoll::HUP;
        let edge = both | epoll::IN | epoll::ET;
        let items = [
            item(2, obj::PIPE_READ, edge, EPOLL_READY, 0),
            item(
                3,
                obj::PIPE_READ,
                edge | epoll::EXCLUSIVE,
                EPOLL_REPORTED,
                0,
            ),
            item(3, inner + 1, both | 1 << 10, EPOLL_IDLE, 0),
            item(3, obj::NULL, epoll::ONESHOT, EPOLL_IDLE, 0),
        ];
        self.add(
            zeroed(|e: &mut EpollItems| e.epoll = u(outer)),
            items.as_bytes(),
        );
    }
}
