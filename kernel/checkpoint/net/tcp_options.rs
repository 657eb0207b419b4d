// SPDX-License-Identifier: GPL-2.0

//! Options of TCP sockets.
//!
//! Not here are TCP_MAXSEG and TCP_CONGESTION, which stand with the socket; what TCP_SAVED_SYN tells, which
//! is lost; and what is refused. The kernel adapts TCP_WINDOW_CLAMP and TCP_QUICKACK by itself, and keeps
//! nothing of who has set them: they go on from what they were.

use crate::{
    image::net::options::*,
    kapi::net::{
        socket::{
            so,
            SockRef, //
        },
        tcp::opt, //
    },
    net::options::{
        int,
        Form,
        Row, //
    }, //
};

/// Returns a row of TCP.
const fn tcp(number: u32, option: u32, name: &'static str) -> Row {
    int(number, opt::LEVEL, option, name)
}

/// Those of IPPROTO_TCP.
#[rustfmt::skip]
pub(super) static TCP: &[Row] = &[
    tcp(OPTION_TCP_NODELAY, opt::NODELAY, "TCP_NODELAY"),
    // What is in the queues goes first.
    tcp(OPTION_TCP_CORK, opt::CORK, "TCP_CORK").late(),
    tcp(OPTION_TCP_KEEPIDLE, opt::KEEPIDLE, "TCP_KEEPIDLE").usual(None),
    tcp(OPTION_TCP_KEEPINTVL, opt::KEEPINTVL, "TCP_KEEPINTVL").usual(None),
    tcp(OPTION_TCP_KEEPCNT, opt::KEEPCNT, "TCP_KEEPCNT").usual(None),
    tcp(OPTION_TCP_SYNCNT, opt::SYNCNT, "TCP_SYNCNT").usual(None),
    tcp(OPTION_TCP_LINGER2, opt::LINGER2, "TCP_LINGER2").usual(None),
    tcp(OPTION_TCP_DEFER_ACCEPT, opt::DEFER_ACCEPT, "TCP_DEFER_ACCEPT"),
    tcp(OPTION_TCP_THIN_LINEAR, opt::THIN_LINEAR, "TCP_THIN_LINEAR_TIMEOUTS"),
    tcp(OPTION_TCP_USER_TIMEOUT, opt::USER_TIMEOUT, "TCP_USER_TIMEOUT"),
    tcp(OPTION_TCP_FASTOPEN, opt::FASTOPEN, "TCP_FASTOPEN"),
    tcp(OPTION_TCP_NOTSENT_LOWAT, opt::NOTSENT_LOWAT, "TCP_NOTSENT_LOWAT"),
    tcp(OPTION_TCP_SAVE_SYN, opt::SAVE_SYN, "TCP_SAVE_SYN"),
    tcp(OPTION_TCP_FASTOPEN_NO_COOKIE, opt::FASTOPEN_NO_COOKIE, "TCP_FASTOPEN_NO_COOKIE"),
    tcp(OPTION_TCP_INQ, opt::INQ, "TCP_INQ"),
    tcp(OPTION_TCP_TX_DELAY, opt::TX_DELAY, "TCP_TX_DELAY"),
    tcp(OPTION_TCP_RTO_MAX_MS, opt::RTO_MAX_MS, "TCP_RTO_MAX_MS").usual(None),
    tcp(OPTION_TCP_RTO_MIN_US, opt::RTO_MIN_US, "TCP_RTO_MIN_US").usual(None),
    tcp(OPTION_TCP_DELACK_MAX_US, opt::DELACK_MAX_US, "TCP_DELACK_MAX_US").usual(None),
    tcp(OPTION_TCP_WINDOW_CLAMP, opt::WINDOW_CLAMP, "TCP_WINDOW_CLAMP").usual(None).late(),
    tcp(OPTION_TCP_QUICKACK, opt::QUICKACK, "TCP_QUICKACK").usual(None).late(),
    tcp(OPTION_TCP_ZEROCOPY, so::SEEN, "MSG_ZEROCOPY").form(Form::Time).late(),
];

/// SOF_TIMESTAMPING_OPT_ID.
const STAMPS_NUMBERED: u32 = 1 << 7;

/// Returns why a socket can't be saved whose time stamps number what was sent, if that is so: a new
/// connection begins at another number.
pub(super) fn numbered(sk: &SockRef) -> Option<&'static str> {
    let mut stamping = [0; 8];
    let [a, b, c, d, ..] = match sk.option(so::SOCKET, so::TIMESTAMPING_OLD, &mut stamping) {
        Ok(()) => stamping,
        Err(_) => return Some("its time stamps (SO_TIMESTAMPING) can't be read"),
    };
    (u32::from_ne_bytes([a, b, c, d]) & STAMPS_NUMBERED != 0).then_some(
        "numbers its time stamps (SOF_TIMESTAMPING_OPT_ID), which can't be saved yet: have it take \
         that off",
    )
}
