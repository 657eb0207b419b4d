# SPDX-License-Identifier: GPL-2.0
"""make check: does the engine know of each option of sockets that the kernel has?"""

import re

from .env import ROOT

HEADERS = ("asm-generic/socket.h", "linux/in.h", "linux/in6.h", "linux/tcp.h", "linux/udp.h",
           "linux/netlink.h", "linux/if_packet.h", "linux/icmp.h", "linux/icmpv6.h")
# Of SOL_RAW there are the two filters.
OPTION = re.compile(r"^#define\s+((?:SO|IP|IPV6|TCP|UDP|MCAST|NETLINK|PACKET)_[A-Z0-9_]+|ICMP(?:V6)?_FILTER)"
                    r"\s+\d+\b", re.M)
# What of these headers is no option: values, flags, and bits of other structures.
VALUES = re.compile(r"(IP|IPV6)_PMTUDISC_|IPV6_(FL_|FLOWINFO_(FLOWLABEL|PRIORITY)|PRIORITY_|TLV_|PREFER_)"
                    r"|IP_DEFAULT_|MCAST_(EXCLUDE|INCLUDE)|(UDP|TCP)_ENCAP_"
                    r"|TCP_REPAIR_O(N|FF)$|TCP_(AO|MD5SIG)_MAXKEYLEN"
                    # Protocols of netlink; kinds of packets, memberships and groups.
                    r"|NETLINK_(ROUTE|UNUSED|USERSOCK|FIREWALL|SOCK_DIAG|NFLOG|XFRM|SELINUX|ISCSI|AUDIT"
                    r"|FIB_LOOKUP|CONNECTOR|NETFILTER|IP6_FW|DNRTMSG|KOBJECT_UEVENT|GENERIC|SCSITRANSPORT"
                    r"|ECRYPTFS|RDMA|CRYPTO|SMC)$"
                    r"|PACKET_(HOST|BROADCAST|MULTICAST|OTHERHOST|OUTGOING|LOOPBACK|USER|KERNEL|FASTROUTE)$"
                    r"|PACKET_MR_|PACKET_FANOUT_(HASH|LB|CPU|ROLLOVER|RND|QM|CBPF|EBPF|FLAG_\w+)$")
# Options without a row of a table, and why.
REASONS = {
    "tells what other state is": """
        SO_TYPE SO_PROTOCOL SO_DOMAIN SO_PEERCRED SO_PEERNAME SO_PEERSEC SO_PEERGROUPS SO_PEERPIDFD
        SO_ACCEPTCONN SO_BPF_EXTENSIONS SO_MEMINFO SO_INCOMING_NAPI_ID SO_COOKIE SO_NETNS_COOKIE
        IP_PROTOCOL IP_MTU IPV6_PATHMTU TCP_INFO TCP_CC_INFO
        TCP_IS_MPTCP NETLINK_LIST_MEMBERSHIPS PACKET_HDRLEN""",
    "is no state: it does something": """
        SO_CNX_ADVICE SO_DETACH_FILTER SO_DETACH_REUSEPORT_BPF SO_DEVMEM_DONTNEED IPV6_ADDRFORM
        TCP_ZEROCOPY_RECEIVE""",
    "another option has the same state": """
        SO_SNDBUFFORCE SO_RCVBUFFORCE SO_RCVTIMEO_OLD SO_SNDTIMEO_OLD SO_BINDTODEVICE""",
    "the kernel has nothing behind it": """
        SO_BSDCOMPAT SO_SNDLOWAT SO_SECURITY_AUTHENTICATION SO_SECURITY_ENCRYPTION_TRANSPORT
        SO_SECURITY_ENCRYPTION_NETWORK IPV6_NEXTHOP IPV6_AUTHHDR IPV6_USE_MIN_MTU
        TCP_THIN_DUPACK NETLINK_RX_RING NETLINK_TX_RING PACKET_RECV_OUTPUT""",
    "is told with a message, and is not set": """
        IP_ORIGDSTADDR IPV6_ORIGDSTADDR IPV6_HOPLIMIT SO_DEVMEM_LINEAR SO_DEVMEM_DMABUF""",
    "has a record or a field of its own": """
        SO_ERROR SO_ATTACH_FILTER IPV6_V6ONLY TCP_MAXSEG TCP_CONGESTION TCP_MD5SIG TCP_MD5SIG_EXT TCP_AO_ADD_KEY
        TCP_AO_DEL_KEY TCP_AO_INFO TCP_AO_GET_KEYS TCP_AO_REPAIR IP_OPTIONS IPV6_PKTINFO IPV6_HOPOPTS
        IPV6_RTHDRDSTOPTS IPV6_RTHDR IPV6_DSTOPTS IPV6_JOIN_ANYCAST IPV6_LEAVE_ANYCAST IP_ADD_MEMBERSHIP
        IP_DROP_MEMBERSHIP IP_UNBLOCK_SOURCE IP_BLOCK_SOURCE IP_ADD_SOURCE_MEMBERSHIP
        IP_DROP_SOURCE_MEMBERSHIP IP_MSFILTER MCAST_JOIN_GROUP MCAST_BLOCK_SOURCE MCAST_UNBLOCK_SOURCE
        MCAST_LEAVE_GROUP MCAST_JOIN_SOURCE_GROUP MCAST_LEAVE_SOURCE_GROUP MCAST_MSFILTER
        IPV6_ADD_MEMBERSHIP IPV6_DROP_MEMBERSHIP ICMPV6_FILTER NETLINK_ADD_MEMBERSHIP
        NETLINK_DROP_MEMBERSHIP NETLINK_PKTINFO NETLINK_BROADCAST_ERROR NETLINK_NO_ENOBUFS
        NETLINK_LISTEN_ALL_NSID NETLINK_CAP_ACK NETLINK_EXT_ACK NETLINK_GET_STRICT_CHK
        PACKET_ADD_MEMBERSHIP PACKET_DROP_MEMBERSHIP PACKET_RX_RING PACKET_STATISTICS PACKET_COPY_THRESH
        PACKET_AUXDATA PACKET_ORIGDEV PACKET_VERSION PACKET_RESERVE PACKET_TX_RING PACKET_LOSS
        PACKET_VNET_HDR PACKET_VNET_HDR_SZ PACKET_TX_TIMESTAMP PACKET_TIMESTAMP PACKET_FANOUT
        PACKET_FANOUT_DATA PACKET_TX_HAS_OFF PACKET_QDISC_BYPASS PACKET_IGNORE_OUTGOING""",
    "is refused, or what it makes is": """
        SO_ATTACH_BPF SO_ATTACH_REUSEPORT_CBPF SO_ATTACH_REUSEPORT_EBPF IP_IPSEC_POLICY IP_XFRM_POLICY
        IPV6_IPSEC_POLICY IPV6_XFRM_POLICY IPV6_FLOWLABEL_MGR IPV6_ROUTER_ALERT UDP_ENCAP TCP_ULP
        TCP_REPAIR TCP_REPAIR_QUEUE TCP_QUEUE_SEQ TCP_REPAIR_OPTIONS TCP_REPAIR_WINDOW TCP_TIMESTAMP
        TCP_FASTOPEN_CONNECT TCP_FASTOPEN_KEY""",
    "is lost, which network.rst tells": "TCP_SAVED_SYN PACKET_ROLLOVER_STATS",
}


def options(tree):
    """Each option of sockets has a row in a table of the engine, or a reason to have none."""
    wanted = set()
    for header in HEADERS:
        wanted |= set(OPTION.findall((tree.src / "include/uapi" / header).read_text()))
    wanted = {name for name in wanted if not VALUES.match(name)}
    rows = set()
    for path in sorted((ROOT / "kernel/checkpoint/net").glob("*options.rs")):
        rows |= set(re.findall(r'"((?:SO|IP|IPV6|TCP|UDP)_[A-Z0-9_]+|ICMP_FILTER)"', path.read_text()))
    reasons = {name for names in REASONS.values() for name in names.split()}
    found = [f"{name}: has neither a row in kernel/checkpoint/net/ nor a reason in scripts/buildenv/options.py"
             for name in sorted(wanted - rows - reasons)]
    found += [f"{name}: has a reason to have no row, and has one" for name in sorted(rows & reasons)]
    found += [f"{name}: has a reason, and the kernel has no such option" for name in sorted(reasons - wanted)]
    return "\n".join(found)
