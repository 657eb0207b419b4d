// SPDX-License-Identifier: GPL-2.0

//! Records of Unix sockets.

use zerocopy::{
    byteorder::little_endian::{
        U32,
        U64, //
    },
    FromBytes, //
};

use crate::image::layout::{
    flags,
    record,
    values, //
};

/// Most bytes of an address: the longest path of a `sockaddr_un`, and a NUL.
pub const NAME_MAX: usize = 111;

/// Bytes before the name in it: AF_UNIX.
pub const NAME_AT: usize = 2;

/// Most files of one message, as of SCM_RIGHTS.
pub const MESSAGE_FILES_MAX: u32 = 253;

/// Most bytes of one message.
pub const MESSAGE_MAX: usize = 15 << 20;

/// [`UnixSocket::error`]: ECONNRESET.
pub const ERROR_RESET: u32 = 104;

record! {
    /// A link: what a Unix socket is to others; payload: its address as of getsockname(2), and then
    /// the path from the caller's root directory at which it is found. Connections that wait at one
    /// socket have their links in the order in which they wait.
    #[record(UnixSocket = 225, "Unix socket", min = 48, check = unix_socket)]
    pub struct UnixSocket {
        /// The `Socket`.
        pub socket: U32,
        /// `UNIX_*`.
        pub state: U32,
        /// The socket that it is connected to; 0: none.
        pub peer: U32,
        /// Of a connection that waits to be accepted: where.
        pub listener: U32,
        /// How many connections may wait, as of listen(2); of others the length of the queue.
        pub backlog: U32,
        /// `UNIX_SHUT_*`.
        pub shutdown: U32,
        /// What SO_ERROR tells: 0, or 104 for ECONNRESET.
        pub error: U32,
        /// `SCM_*`: what a connection that waits has of the socket that listens.
        pub scm: U32,
        /// What SO_PEERCRED tells of the process: a `PidfdTarget`; 0: nothing.
        pub peer_pid: U32,
        /// What SO_PEERCRED tells of its credentials; 0: nothing.
        pub peer_cred: U32,
        /// Bytes of its address; 0: it has none.
        pub name: U32,
        /// 1: others find it by its address.
        pub bound: U32,
        /// The socket file that it is bound to, if that was removed, and somebody has it by its path
        /// (O_PATH): a `Removed`; 0: none.
        pub removed: U32,
        /// Zero.
        pub reserved: U32,
    }
}

record! {
    /// A link: a Unix socket that was connected to one outside, and that connects to its address
    /// again at the restart; payload: that address as of getsockname(2), and of one that is a path the
    /// path from the caller's root directory at which it is found. What the socket is to others its
    /// `UnixSocket` tells: it is connected to nothing.
    #[record(UnixReconnect = 270, "reconnection of a Unix socket", min = 8, check = unix_reconnect)]
    pub struct UnixReconnect {
        /// The `Socket`.
        pub socket: U32,
        /// Bytes of the address.
        pub name: U32,
    }
}

values! {
    "UnixSocket.state": u32, UNIX_STATES;
    /// Not connected.
    UNIX_CLOSED = 0,
    /// Connected, or a datagram socket that others are connected to.
    UNIX_CONNECTED = 1,
    /// Listens.
    UNIX_LISTENING = 2,
}

flags! {
    "UnixSocket.shutdown": u32, UNIX_SHUT_LIST, UNIX_SHUT_ALL;
    /// Receives no more.
    UNIX_SHUT_READ = 1 << 0,
    /// Sends no more.
    UNIX_SHUT_WRITE = 1 << 1,
}

flags! {
    "UnixSocket.scm": u32, SCM_LIST, SCM_ALL;
    /// SO_PASSCRED.
    SCM_CREDENTIALS = 1 << 0,
    /// SO_PASSSEC.
    SCM_SECURITY = 1 << 1,
    /// SO_PASSPIDFD.
    SCM_PIDFD = 1 << 2,
    /// SO_PASSRIGHTS.
    SCM_RIGHTS = 1 << 3,
    /// SO_RIGHTS_NOTRUNC.
    SCM_NOTRUNC = 1 << 4,
}

record! {
    /// A link: a message in the queue of a Unix socket, oldest first, or a piece of a stream;
    /// payload: references of the open files that it carries, each a 32-bit number, and its bytes.
    /// What was received of a stream is left out.
    #[record(UnixMessage = 226, "Unix message", min = 40, check = unix_message)]
    pub struct UnixMessage {
        /// The socket in whose queue it is.
        pub to: U32,
        /// The socket that has sent it.
        pub from: U32,
        /// `MESSAGE_*`.
        pub flags: U32,
        /// The process that has sent it, a `PidfdTarget`; 0: it names none.
        pub pid: U32,
        /// The user id of the sender, if MESSAGE_IDS is set, in the user namespace of the
        /// caller.
        pub uid: U32,
        /// The group id.
        pub gid: U32,
        /// How many files it carries.
        pub files: U32,
        /// Zero.
        pub reserved: U32,
        /// When it was sent, in nanoseconds since 1970, if that was to be noted; else 0.
        pub time: U64,
    }
}

flags! {
    "UnixMessage.flags": u32, MESSAGE_LIST, MESSAGE_ALL;
    /// Out-of-band (MSG_OOB), and not received.
    MESSAGE_OOB = 1 << 0,
    /// It has a user and a group id.
    MESSAGE_IDS = 1 << 1,
}

/// Returns the references of the files in the payload of a message, and its bytes.
pub fn split(payload: &[u8], files: u32) -> Option<(&[U32], &[u8])> {
    let len = usize::try_from(files).ok()?.checked_mul(size_of::<U32>())?;
    let (files, data) = payload.split_at_checked(len)?;
    Some((<[U32]>::ref_from_bytes(files).ok()?, data))
}
