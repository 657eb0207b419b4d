// SPDX-License-Identifier: GPL-2.0

//! Netlink and packet sockets, for those who ask for them: links come last.

use super::{
    l,
    obj,
    u,
    zeroed,
    Sample,
    PAGE, //
};
use checkpoint_image::image::{
    files::{
        open,
        OpenFile,
        FILE_SOCKET, //
    },
    net::{
        netlink::*,
        packet::*,
        Socket,
        SOCKET_RAW, //
    },
    task::Container, //
};
use zerocopy::IntoBytes;

/// The socket.
pub const SOCKET: u32 = obj::LAST + 1;

impl Sample {
    /// Appends a netlink socket with two groups, a message of the kernel and one of a process: the
    /// records that come last.
    pub fn netlink(&mut self) {
        self.edit(0, |c: &mut Container| c.objects.set(SOCKET + 1));
        let socket = zeroed(|s: &mut Socket| {
            s.obj = u(SOCKET);
            s.family = u(FAMILY_NETLINK);
            s.kind = u(SOCKET_RAW);
        });
        self.add(socket, b"");
        let file = zeroed(|f: &mut OpenFile| {
            f.obj = u(SOCKET + 1);
            f.kind = u(FILE_SOCKET);
            f.flags = u(open::READ | open::WRITE);
            f.inode = u(SOCKET);
            f.mode = u(0o140777);
            f.cred = u(obj::CRED);
        });
        self.add(file, b"");
        let groups = [u(1), u(33)];
        let link = zeroed(|s: &mut NetlinkSocket| {
            s.socket = u(SOCKET);
            s.flags = u(NETLINK_PKTINFO | NETLINK_EXT_ACK);
            s.port = u(0xffff_f000);
            s.to_group = u(1);
            s.connected = u(1);
            s.error = u(ERROR_MISSED);
            s.dump = u(1);
            s.dump_seq = u(7);
            s.groups = u(2);
        });
        self.add(link, groups.as_bytes());
        let kernel = zeroed(|m: &mut NetlinkMessage| {
            m.socket = u(SOCKET);
            m.group = u(1);
            m.flags = u(NETLINK_MESSAGE_NSID);
            m.nsid = u(u32::MAX);
        });
        self.add(kernel, b"event");
        let process = zeroed(|m: &mut NetlinkMessage| {
            m.socket = u(SOCKET);
            m.port = u(12);
            m.pid = u(12);
            m.uid = u(1000);
            m.gid = u(1000);
        });
        self.add(process, b"message");
    }

    /// Appends what the socket is to others once more.
    pub fn netlink_again(&mut self) {
        self.add(zeroed(|s: &mut NetlinkSocket| s.socket = u(SOCKET)), b"");
    }

    /// Appends these, and a group of a family of generic netlink.
    pub fn generic(&mut self) {
        self.netlink();
        let family = zeroed(|f: &mut GenericFamily| {
            f.socket = u(SOCKET);
            f.id = u(20);
            f.group_id = u(7);
            f.family[0] = b'f';
            f.group[0] = b'g';
        });
        self.add(family, b"");
    }

    /// Appends a packet socket with a membership.
    pub fn packet(&mut self) {
        self.packet_with(None);
    }

    /// Appends one with rings of two pages each, blocks and frames, and memory of one of them.
    pub fn packet_rings(&mut self) {
        let page = PAGE as u32;
        self.packet_with(Some(zeroed(|r: &mut PacketRings| {
            r.socket = u(SOCKET);
            r.flags = u(PACKET_LOSS);
            r.version = u(2);
            r.vnet_hdr = u(12);
            r.retire = u(60);
            r.private = u(16);
            r.features = u(1);
            r.rx_block_size = u(page);
            r.rx_blocks = u(2);
            r.rx_frame_size = u(page);
            r.rx_frames = u(2);
            r.tx_block_size = u(page);
            r.tx_blocks = u(2);
            r.tx_frame_size = u(page / 2);
            r.tx_frames = u(4);
        })));
        let memory = zeroed(|m: &mut PacketMemory| {
            m.socket = u(SOCKET);
            m.ring = u(1);
        });
        self.add(memory, b"memory");
    }

    fn packet_with(&mut self, rings: Option<PacketRings>) {
        let with_blocks = rings.is_some();
        self.edit(0, |c: &mut Container| c.objects.set(SOCKET + 1));
        let socket = zeroed(|s: &mut Socket| {
            s.obj = u(SOCKET);
            s.family = u(FAMILY_PACKET);
            s.kind = u(SOCKET_RAW);
        });
        self.add(socket, b"");
        if let Some(rings) = rings {
            self.add(rings, b"");
        }
        let file = zeroed(|f: &mut OpenFile| {
            f.obj = u(SOCKET + 1);
            f.kind = u(FILE_SOCKET);
            f.flags = u(open::READ | open::WRITE);
            f.inode = u(SOCKET);
            f.mode = u(0o140777);
            f.cred = u(obj::CRED);
        });
        self.add(file, b"");
        let link = zeroed(|s: &mut PacketSocket| {
            s.socket = u(SOCKET);
            s.flags = u(PACKET_AUXDATA);
            s.num = u(3);
            s.device = u(1);
            s.version = u(2);
            s.vnet_hdr = u(12);
            s.fanout_max = u(256);
            s.fanout_id = u(9);
            s.fanout_type = u(0x4001);
            s.error = u(ERROR_DOWN);
            s.queued = u(3);
            s.members = u(1);
            s.packets = u(5);
            s.sequence = l(with_blocks.into());
        });
        let member = zeroed(|m: &mut PacketMember| {
            m.device = u(1);
            m.count = u(1);
            m.len = u(6);
            m.addr[5] = 1;
        });
        self.add(link, member.as_bytes());
    }

    /// Appends these, and a packet in the queue of the socket.
    pub fn packet_frame(&mut self) {
        self.packet();
        let frame = zeroed(|f: &mut PacketFrame| {
            f.socket = u(SOCKET);
            f.flags = u(FRAME_VLAN | FRAME_VALID);
            f.device = u(1);
            f.hardware = u(772);
            f.protocol = u(0x88b5);
            f.network = u(6);
            f.vlan_protocol = u(0x8100);
            f.vlan_tag = u(7);
            f.addr_len = u(32);
            f.addr = [1; 32];
        });
        self.add(frame, b"packet");
    }

    /// Appends what the packet socket is once more.
    pub fn packet_again(&mut self) {
        self.add(zeroed(|s: &mut PacketSocket| s.socket = u(SOCKET)), b"");
    }
}
