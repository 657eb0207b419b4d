// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers of C that the Rust side has copies of: where bindings have none, and
 * where the code that has them knows nothing of the kernel.
 *
 * Nothing is compiled of this but the comparison.
 */
#include <linux/build_bug.h>
#include <linux/buildid.h>
#include <linux/checkpoint_conntrack.h>
#include <linux/errqueue.h>
#include <linux/eventpoll.h>
#include <linux/fib_rules.h>
#include <linux/futex.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_addrlabel.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_tunnel.h>
#include <linux/if_vlan.h>
#include <linux/in.h>
#include <linux/io_uring.h>
#include <linux/ipc.h>
#include <linux/kdev_t.h>
#include <linux/major.h>
#include <linux/miscdevice.h>
#include <linux/neighbour.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/nexthop.h>
#include <linux/ptrace.h>
#include <linux/resource.h>
#include <linux/rtnetlink.h>
#include <linux/signal.h>
#include <linux/socket.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include <linux/utsname.h>
#include <linux/veth.h>
#include <net/netlink.h>
#include <uapi/linux/fou.h>
#include <uapi/linux/if_bridge.h>
#include <uapi/linux/ioam6_genl.h>
#include <uapi/linux/l2tp.h>
#include <uapi/linux/mptcp_pm.h>
#include <uapi/linux/netfilter/ipset/ip_set.h>
#include <uapi/linux/netfilter/nf_conntrack_common.h>
#include <uapi/linux/netfilter/nf_conntrack_tcp.h>
#include <uapi/linux/netfilter/nf_tables.h>
#include <uapi/linux/netfilter/nfnetlink.h>
#include <uapi/linux/netfilter/nfnetlink_conntrack.h>
#include <uapi/linux/netfilter/nfnetlink_cttimeout.h>
#include <uapi/linux/seg6_genl.h>

#include "../futex/futex.h"

/* image/task.rs: bytes of a build id, and of the version of a kernel. */
static_assert(BUILD_ID_SIZE_MAX == 20);
static_assert(sizeof(init_uts_ns.name.version) <= 68);

/* files/device.rs, kapi/fs/timerfd.rs: numbers of the system calls. */
static_assert(MEM_MAJOR == 1);
static_assert(MINORBITS == 20);
static_assert(TFD_TIMER_ABSTIME == 1 << 0);
static_assert(TFD_TIMER_CANCEL_ON_SET == 1 << 1);

/* task/: signals, events of ptrace(2), clocks, limits. */
static_assert(SIGKILL == 9);
static_assert(SIGCHLD == 17);
static_assert(SIGSTOP == 19);
static_assert(PTRACE_EVENT_VFORK == 2);
static_assert(PTRACE_EVENT_EXIT == 6);
static_assert(CLOCK_MONOTONIC == 1);
static_assert(CLOCK_BOOTTIME == 7);
static_assert(CLOCK_REALTIME_ALARM == 8);
static_assert(CLOCK_BOOTTIME_ALARM == 9);
static_assert(RLIMIT_CPU == 0);

/* files/uring_requests.rs and image/files/uring/check_links.rs: flags of requests. */
static_assert(IOSQE_IO_LINK == 1U << 2);
static_assert(IOSQE_IO_HARDLINK == 1U << 3);
static_assert(IORING_NOP_INJECT_RESULT == 1U << 0);

/* kapi/signal/eintr.rs: what tells how a call waits. */
static_assert(IORING_ENTER_GETEVENTS == 1U << 0);
static_assert(IORING_ENTER_EXT_ARG == 1U << 3);
static_assert(IORING_ENTER_ABS_TIMER == 1U << 5);
static_assert(IORING_ENTER_EXT_ARG_REG == 1U << 6);
static_assert(SEMOP == 1);
static_assert(SEMTIMEDOP == 4);

/* kapi/signal/restart_block.rs: flags in the restart block of a futex wait. */
static_assert(FLAGS_SIZE_32 == 0x02);
static_assert(FLAGS_SHARED == 0x10);
static_assert(FLAGS_CLOCKRT == 0x20);
static_assert(FLAGS_HAS_TIMEOUT == 0x40);

/* image/files.rs, epoll: bits of what is registered. */
static_assert((__force u32)EPOLLIN == 1u << 0);
static_assert((__force u32)EPOLLOUT == 1u << 2);
static_assert((__force u32)EPOLLERR == 1u << 3);
static_assert((__force u32)EPOLLHUP == 1u << 4);
static_assert((__force u32)EPOLLEXCLUSIVE == 1u << 28);
static_assert((__force u32)EPOLLWAKEUP == 1u << 29);
static_assert((__force u32)EPOLLONESHOT == 1u << 30);
static_assert((__force u32)EPOLLET == 1u << 31);

/* files/kinds.rs: devices that are refused by name, and /dev/userfaultfd. */
static_assert(MISC_MAJOR == 10);
static_assert(TUN_MINOR == 200);
static_assert(FUSE_MINOR == 229);
static_assert(KVM_MINOR == 232);
static_assert(PTY_MASTER_MAJOR == 2);
static_assert(PTY_SLAVE_MAJOR == 3);
static_assert(TTY_MAJOR == 4);
static_assert(TTYAUX_MAJOR == 5);
static_assert(INPUT_MAJOR == 13);
static_assert(FB_MAJOR == 29);
static_assert(UNIX98_PTY_SLAVE_MAJOR == 136);
static_assert(UNIX98_PTY_MAJOR_COUNT == 8);

/* files/kinds.rs, image/net/: families and protocols of sockets. */
static_assert(AF_UNIX == 1);
static_assert(AF_INET == 2);
static_assert(AF_INET6 == 10);
static_assert(AF_KEY == 15);
static_assert(AF_NETLINK == 16);
static_assert(AF_PACKET == 17);
static_assert(AF_RDS == 21);
static_assert(AF_PPPOX == 24);
static_assert(AF_LLC == 26);
static_assert(AF_CAN == 29);
static_assert(AF_TIPC == 30);
static_assert(AF_BLUETOOTH == 31);
static_assert(AF_RXRPC == 33);
static_assert(AF_PHONET == 35);
static_assert(AF_IEEE802154 == 36);
static_assert(AF_ALG == 38);
static_assert(AF_NFC == 39);
static_assert(AF_VSOCK == 40);
static_assert(AF_KCM == 41);
static_assert(AF_QIPCRTR == 42);
static_assert(AF_SMC == 43);
static_assert(AF_XDP == 44);
static_assert(AF_MCTP == 45);
static_assert(SOCK_STREAM == 1);
static_assert(SOCK_DGRAM == 2);
static_assert(SOCK_RAW == 3);
static_assert(SOCK_SEQPACKET == 5);
static_assert(TPACKET_V3 == 2);
static_assert(TPACKET_ALIGNMENT == 16);
static_assert(IPPROTO_ICMP == 1);
static_assert(IPPROTO_TCP == 6);
static_assert(IPPROTO_UDP == 17);
static_assert(NEXTHDR_ICMP == 58);
static_assert(IPPROTO_SCTP == 132);
static_assert(IPPROTO_SMC == 256);
static_assert(IPPROTO_MPTCP == 262);
static_assert(IPPROTO_RAW == 255);
static_assert(NETLINK_ROUTE == 0);
static_assert(NETLINK_AUDIT == 9);
static_assert(NETLINK_CONNECTOR == 11);
static_assert(NETLINK_NETFILTER == 12);
static_assert(NETLINK_GENERIC == 16);

/* net/options.rs, net/tcp_options.rs. */
static_assert(SOF_TIMESTAMPING_OPT_ID == 1 << 7);
static_assert(SOF_TIMESTAMPING_OPT_ID_TCP == 1 << 16);

/* kapi/net/errqueue.rs. */
static_assert(SO_EE_ORIGIN_ZEROCOPY == 5 && SO_EE_CODE_ZEROCOPY_COPIED == 1);

/* net/generic.rs. */
static_assert(GENL_MIN_ID == 16);
static_assert(GENL_ID_CTRL == 16);

/* ns/net/message.rs, ns/net/request.rs, ns/net/dump.rs: messages of netlink. */
static_assert(sizeof(struct nlmsghdr) == 16);
static_assert(sizeof(struct nlattr) == 4);
static_assert(sizeof(struct genlmsghdr) == 4);
static_assert(NLM_F_REQUEST == 1);
static_assert(NLM_F_ACK == 4);
static_assert(NLM_F_DUMP_INTR == 0x10);
static_assert(NLM_F_DUMP == 0x300);
static_assert(NLM_F_REPLACE == 0x100);
static_assert(NLM_F_EXCL == 0x200);
static_assert(NLM_F_CREATE == 0x400);
static_assert(NLM_F_APPEND == 0x800);
static_assert(NLMSG_ERROR == 2);
static_assert(NLMSG_DONE == 3);
static_assert((u16)NLA_TYPE_MASK == 0x3fff);
static_assert(NLA_F_NESTED == 0x8000);
static_assert(CTRL_ATTR_FAMILY_ID == 1);
static_assert(CTRL_ATTR_FAMILY_NAME == 2);

/* ns/net/tables.rs: lists, and what is asked for with them. */
static_assert(RTM_GETLINK == 18);
static_assert(RTM_GETADDR == 22);
static_assert(RTM_GETROUTE == 26);
static_assert(RTM_GETNEIGH == 30);
static_assert(RTM_GETRULE == 34);
static_assert(RTM_GETQDISC == 38);
static_assert(RTM_GETADDRLABEL == 74);
static_assert(RTM_GETMDB == 86);
static_assert(RTM_GETNEXTHOP == 106);
static_assert(RTM_GETVLAN == 114);
static_assert(sizeof(struct ifinfomsg) == 16);
static_assert(sizeof(struct ifaddrmsg) == 8);
static_assert(offsetof(struct ifaddrmsg, ifa_flags) == 2);
static_assert(sizeof(struct rtmsg) == 12);
static_assert(offsetof(struct rtmsg, rtm_flags) == 8);
static_assert(sizeof(struct rtnexthop) == 8);
static_assert(offsetof(struct rtnexthop, rtnh_flags) == 2);
static_assert(sizeof(struct fib_rule_hdr) == 12);
static_assert(sizeof(struct ndmsg) == 12);
static_assert(offsetof(struct ndmsg, ndm_state) == 8);
static_assert(offsetof(struct ndmsg, ndm_flags) == 10);
static_assert(sizeof(struct tcmsg) == 20);
static_assert(offsetof(struct tcmsg, tcm_info) == 16);
static_assert(sizeof(struct br_port_msg) == 8);
static_assert(sizeof(struct br_vlan_msg) == 8);
static_assert(offsetof(struct br_mdb_entry, state) == 4);
static_assert(sizeof(struct nhmsg) == 8);
static_assert(sizeof(struct ifaddrlblmsg) == 12);
static_assert(offsetof(struct ifaddrlblmsg, ifal_seq) == 8);
static_assert(sizeof(struct nfgenmsg) == 4);
static_assert(IFLA_EXT_MASK == 29);
static_assert(RTEXT_FILTER_SKIP_STATS == 8);
static_assert(BRIDGE_VLANDB_DUMP_FLAGS == 1);
static_assert(BRIDGE_VLANDB_DUMPF_GLOBAL == 1 << 1);
static_assert(NUD_REACHABLE == 2);
static_assert(NUD_STALE == 4);
static_assert(NUD_NOARP == 0x40);
static_assert(NUD_PERMANENT == 0x80);
static_assert(NTF_SELF == 2);
static_assert(NTF_MASTER == 4);
static_assert(NTF_PROXY == 8);
static_assert(NTF_EXT_LEARNED == 0x10);
static_assert(NTF_EXT_MANAGED == 1);
static_assert(NTF_EXT_EXT_VALIDATED == 4);
static_assert(IFA_F_TENTATIVE == 0x40);
static_assert(RTM_F_CLONED == 0x200);
static_assert(RTNH_F_DEAD == 1);
static_assert(RTNH_F_PERVASIVE == 2);
static_assert(RTNH_F_ONLINK == 4);
static_assert(RTNH_F_LINKDOWN == 16);
static_assert(FIB_RULE_INVERT == 2);
static_assert(MDBA_MDB == 1);
static_assert(MDB_PERMANENT == 1);
static_assert(TCA_STATS == 3);
static_assert(TCA_XSTATS == 4);
static_assert(TCA_STATS2 == 7);
static_assert(NFNL_SUBSYS_NFTABLES == 10);
static_assert(NFT_MSG_GETTABLE == 1);
static_assert(NFNL_SUBSYS_IPSET == 6);
static_assert(IPSET_CMD_LIST == 7);
static_assert(CTRL_CMD_GETFAMILY == 3);
static_assert(MPTCP_PM_CMD_GET_ADDR == 3);
static_assert(FOU_CMD_GET == 3);
static_assert(L2TP_CMD_TUNNEL_GET == 4);
static_assert(SEG6_CMD_DUMPHMAC == 2);
static_assert(IOAM6_CMD_DUMP_NAMESPACES == 3);
static_assert(IOAM6_CMD_DUMP_SCHEMAS == 6);

/* ns/net/device.rs: attributes of devices, and those of each kind. */
static_assert(IFLA_ADDRESS == 1);
static_assert(IFLA_BROADCAST == 2);
static_assert(IFLA_IFNAME == 3);
static_assert(IFLA_MTU == 4);
static_assert(IFLA_LINK == 5);
static_assert(IFLA_QDISC == 6);
static_assert(IFLA_STATS == 7);
static_assert(IFLA_MASTER == 10);
static_assert(IFLA_TXQLEN == 13);
static_assert(IFLA_MAP == 14);
static_assert(IFLA_OPERSTATE == 16);
static_assert(IFLA_LINKMODE == 17);
static_assert(IFLA_LINKINFO == 18);
static_assert(IFLA_IFALIAS == 20);
static_assert(IFLA_STATS64 == 23);
static_assert(IFLA_AF_SPEC == 26);
static_assert(IFLA_GROUP == 27);
static_assert(IFLA_PROMISCUITY == 30);
static_assert(IFLA_NUM_TX_QUEUES == 31);
static_assert(IFLA_NUM_RX_QUEUES == 32);
static_assert(IFLA_CARRIER == 33);
static_assert(IFLA_CARRIER_CHANGES == 35);
static_assert(IFLA_PROTO_DOWN == 39);
static_assert(IFLA_GSO_MAX_SEGS == 40);
static_assert(IFLA_GSO_MAX_SIZE == 41);
static_assert(IFLA_XDP == 43);
static_assert(IFLA_CARRIER_UP_COUNT == 47);
static_assert(IFLA_CARRIER_DOWN_COUNT == 48);
static_assert(IFLA_MIN_MTU == 50);
static_assert(IFLA_MAX_MTU == 51);
static_assert(IFLA_PROP_LIST == 52);
static_assert(IFLA_ALT_IFNAME == 53);
static_assert(IFLA_PERM_ADDRESS == 54);
static_assert(IFLA_PROTO_DOWN_REASON == 55);
static_assert(IFLA_GRO_MAX_SIZE == 58);
static_assert(IFLA_ALLMULTI == 61);
static_assert(IFLA_GSO_IPV4_MAX_SIZE == 63);
static_assert(IFLA_GRO_IPV4_MAX_SIZE == 64);
static_assert(IFLA_NETNS_IMMUTABLE == 67);
static_assert(IFLA_HEADROOM == 68);
static_assert(IFLA_INFO_KIND == 1);
static_assert(IFLA_INFO_DATA == 2);
static_assert(IFLA_INFO_XSTATS == 3);
static_assert(IFLA_INFO_SLAVE_KIND == 4);
static_assert(IFLA_INFO_SLAVE_DATA == 5);
static_assert(IFLA_INET6_TOKEN == 7);
static_assert(VETH_INFO_PEER == 1);
static_assert(IFLA_BR_STP_STATE == 5);
static_assert(IFLA_BR_STP_MODE == 50);
static_assert(IFLA_BRPORT_STATE == 1);
static_assert(IFLA_VLAN_ID == 1);
static_assert(IFLA_VLAN_FLAGS == 2);
static_assert(IFLA_VLAN_EGRESS_QOS == 3);
static_assert(IFLA_VLAN_INGRESS_QOS == 4);
static_assert(IFLA_VLAN_PROTOCOL == 5);
static_assert(IFLA_MACVLAN_MODE == 1);
static_assert(IFLA_MACVLAN_FLAGS == 2);
static_assert(IFLA_MACVLAN_BC_QUEUE_LEN == 7);
static_assert(IFLA_MACVLAN_BC_CUTOFF == 9);
static_assert(IFLA_IPVLAN_MODE == 1);
static_assert(IFLA_IPVLAN_FLAGS == 2);
static_assert((VLAN_FLAG_REORDER_HDR | VLAN_FLAG_GVRP | VLAN_FLAG_LOOSE_BINDING |
	       VLAN_FLAG_MVRP | VLAN_FLAG_BRIDGE_BINDING) == 0x1f);
static_assert(IFF_UP == 1 << 0);
static_assert(IFF_DEBUG == 1 << 2);
static_assert(IFF_RUNNING == 1 << 6);
static_assert(IFF_NOARP == 1 << 7);
static_assert(IFF_PROMISC == 1 << 8);
static_assert(IFF_ALLMULTI == 1 << 9);
static_assert(IFF_MULTICAST == 1 << 12);
static_assert(IFF_DYNAMIC == 1 << 15);
static_assert(IFF_LOWER_UP == 1 << 16);
static_assert(IFF_DORMANT == 1 << 17);

/*
 * ns/net/device/tunnels.rs: attributes of tunnels, with the last one that there is: it may be
 * told, or not, and so may later ones.
 */
static_assert(IFLA_VXLAN_PROXY == 11);
static_assert(IFLA_VXLAN_L3MISS == 14);
static_assert(IFLA_VXLAN_UDP_ZERO_CSUM6_TX == 19);
static_assert(IFLA_VXLAN_REMCSUM_RX == 22);
static_assert(IFLA_VXLAN_COLLECT_METADATA == 25);
static_assert(IFLA_VXLAN_TTL_INHERIT == 28);
static_assert(IFLA_VXLAN_VNIFILTER == 30);
static_assert(IFLA_VXLAN_RESERVED_BITS == 33);
static_assert(IFLA_VXLAN_MC_ROUTE == 34 && IFLA_VXLAN_MAX == 34);
static_assert(IFLA_GENEVE_TTL_INHERIT == 12);
static_assert(IFLA_GENEVE_LOCAL6 == 18 && IFLA_GENEVE_MAX == 18);
static_assert(IFLA_GRE_PMTUDISC == 10);
static_assert(IFLA_GRE_FLAGS == 13);
static_assert(IFLA_GRE_COLLECT_METADATA == 18);
static_assert(IFLA_GRE_FWMARK == 20);
static_assert(IFLA_GRE_ERSPAN_HWID == 24 && IFLA_GRE_MAX == 24);
static_assert(IFLA_IPTUN_TOS == 5);
static_assert(IFLA_IPTUN_FLAGS == 8);
static_assert(IFLA_IPTUN_PMTUDISC == 10);
static_assert(IFLA_IPTUN_6RD_RELAY_PREFIXLEN == 14);
static_assert(IFLA_IPTUN_COLLECT_METADATA == 19);
static_assert(IFLA_IPTUN_FWMARK == 20 && IFLA_IPTUN_MAX == 20);
static_assert(IFLA_VTI_FWMARK == 6 && IFLA_VTI_MAX == 6);

/* ns/net/nexthop.rs: attributes of nexthops. */
static_assert(NHA_ID == 1);
static_assert(NHA_GROUP == 2);
static_assert(NHA_GROUP_TYPE == 3);
static_assert(NHA_BLACKHOLE == 4);
static_assert(NHA_OIF == 5);
static_assert(NHA_GATEWAY == 6);
static_assert(NHA_FDB == 11);
static_assert(NHA_RES_GROUP == 12);
static_assert(NHA_RES_GROUP_BUCKETS == 1 && NHA_RES_GROUP_IDLE_TIMER == 2);
static_assert(NHA_RES_GROUP_UNBALANCED_TIMER == 3);
static_assert(NHA_OP_FLAGS == 14);
static_assert(NHA_GROUP_STATS == 15);
static_assert(NHA_HW_STATS_ENABLE == 16);
static_assert(NHA_DST_PORT == 18 && NHA_MAX == 18);
static_assert(NHA_OP_FLAG_DUMP_STATS == 1);
static_assert(NEXTHOP_GRP_TYPE_MPATH == 0);
static_assert(NEXTHOP_GRP_TYPE_RES == 1);
static_assert(offsetof(struct nhmsg, nh_scope) == 1);
static_assert(offsetof(struct nhmsg, nh_flags) == 4);
static_assert(offsetof(struct rtmsg, rtm_type) == 7);
static_assert(RTN_BLACKHOLE == 6);
static_assert(RTA_NH_ID == 30);

/* ns/net/request.rs: attributes of addresses, routes and neighbours. */
static_assert(IFA_ADDRESS == 1);
static_assert(IFA_LOCAL == 2);
static_assert(IFA_LABEL == 3);
static_assert(IFA_BROADCAST == 4);
static_assert(IFA_CACHEINFO == 6);
static_assert(IFA_FLAGS == 8);
static_assert(IFA_RT_PRIORITY == 9);
static_assert(IFA_PROTO == 11);
static_assert(RTA_DST == 1);
static_assert(RTA_SRC == 2);
static_assert(RTA_OIF == 4);
static_assert(RTA_GATEWAY == 5);
static_assert(RTA_PRIORITY == 6);
static_assert(RTA_PREFSRC == 7);
static_assert(RTA_METRICS == 8);
static_assert(RTA_MULTIPATH == 9);
static_assert(RTA_FLOW == 11);
static_assert(RTA_CACHEINFO == 12);
static_assert(RTA_TABLE == 15);
static_assert(RTA_VIA == 18);
static_assert(RTA_PREF == 20);
static_assert(NDA_DST == 1);
static_assert(NDA_LLADDR == 2);
static_assert(NDA_CACHEINFO == 3);
static_assert(NDA_PROBES == 4);
static_assert(NDA_VLAN == 5);
static_assert(NDA_PORT == 6);
static_assert(NDA_VNI == 7);
static_assert(NDA_IFINDEX == 8);
static_assert(NDA_MASTER == 9);
static_assert(NDA_SRC_VNI == 11);
static_assert(NDA_PROTOCOL == 12);
static_assert(NDA_NH_ID == 13);
static_assert(NDA_FLAGS_EXT == 15);

/* image/ns.rs: requests. */
static_assert(RTM_NEWLINK == 16);
static_assert(RTM_SETLINK == 19);
static_assert(RTM_NEWADDR == 20);
static_assert(RTM_DELADDR == 21);
static_assert(RTM_NEWROUTE == 24);
static_assert(RTM_DELROUTE == 25);
static_assert(RTM_NEWNEIGH == 28);
static_assert(RTM_DELNEIGH == 29);
static_assert(RTM_NEWRULE == 32);
static_assert(RTM_DELRULE == 33);
static_assert(RTM_NEWNEXTHOP == 104);
static_assert(RTM_NEWLINKPROP == 108);
static_assert((NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) == 2560);
static_assert((NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) == 2563);
static_assert((NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) == 2566);
static_assert((NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSET) == 2569);
static_assert((NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM) == 2572);
static_assert((NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWOBJ) == 2578);

/* ns/net/nft.rs: lists, batches, and attributes of nftables. */
static_assert(NFT_MSG_GETCHAIN == 4);
static_assert(NFT_MSG_GETRULE == 7);
static_assert(NFT_MSG_GETSET == 10);
static_assert(NFT_MSG_GETOBJ == 19);
static_assert(NFT_MSG_GETFLOWTABLE == 23);
static_assert(NFNL_MSG_BATCH_BEGIN == 16);
static_assert(NFNL_MSG_BATCH_END == 17);
static_assert(NFTA_TABLE_HANDLE == 4);
static_assert(NFTA_TABLE_FLAGS == 2);
static_assert(NFT_TABLE_F_OWNER == 2);
static_assert(NFTA_CHAIN_HANDLE == 2);
static_assert(NFTA_CHAIN_COUNTERS == 8);
static_assert(NFTA_RULE_HANDLE == 3);
static_assert(NFTA_RULE_EXPRESSIONS == 4);
static_assert(NFTA_RULE_POSITION == 6);
static_assert(NFTA_SET_ID == 10);
static_assert(NFTA_SET_HANDLE == 16);
static_assert(NFTA_SET_EXPR == 17);
static_assert(NFTA_SET_EXPRESSIONS == 18);
static_assert(NFTA_SET_COUNT == 20);
static_assert(NFTA_SET_ELEM_LIST_ELEMENTS == 3);
static_assert(NFTA_SET_ELEM_EXPIRATION == 5);
static_assert(NFTA_SET_ELEM_EXPR == 7);
static_assert(NFTA_SET_ELEM_EXPRESSIONS == 11);
static_assert(NFTA_OBJ_TYPE == 3);
static_assert(NFTA_OBJ_DATA == 4);
static_assert(NFT_OBJECT_COUNTER == 1);
static_assert(NFT_OBJECT_QUOTA == 2);
static_assert(NFT_OBJECT_SECMARK == 8);
static_assert(NFTA_EXPR_NAME == 1);
static_assert(NFTA_EXPR_DATA == 2);
static_assert(NFTA_DYNSET_EXPR == 7);
static_assert(NFTA_DYNSET_EXPRESSIONS == 10);
static_assert(NFTA_INNER_EXPR == 5);
static_assert(NFTA_QUOTA_CONSUMED == 4);

/* ns/net/timeouts.rs: timeouts with a name. */
static_assert(NFNL_SUBSYS_CTNETLINK_TIMEOUT == 8);
static_assert(IPCTNL_MSG_TIMEOUT_NEW == 0 && IPCTNL_MSG_TIMEOUT_GET == 1);
static_assert(CTA_TIMEOUT_NAME == 1 && CTA_TIMEOUT_L3PROTO == 2 && CTA_TIMEOUT_L4PROTO == 3);
static_assert(CTA_TIMEOUT_DATA == 4 && CTA_TIMEOUT_USE == 5);

/* ns/net/track.rs, ns/net/tuple.rs: messages about connections that are tracked. */
static_assert(NFNL_SUBSYS_CTNETLINK == 1);
static_assert(NFNL_SUBSYS_CTNETLINK_EXP == 2);
static_assert(IPCTNL_MSG_CT_NEW == 0 && IPCTNL_MSG_CT_GET == 1);
static_assert(IPCTNL_MSG_EXP_NEW == 0 && IPCTNL_MSG_EXP_GET == 1);
static_assert(IPCTNL_MSG_CT_GET_STATS == 5);
static_assert(CTA_STATS_GLOBAL_ENTRIES == 1 && CTA_STATS_GLOBAL_MAX_ENTRIES == 2);
static_assert(CTA_TUPLE_ORIG == 1 && CTA_TUPLE_REPLY == 2 && CTA_STATUS == 3);
static_assert(CTA_PROTOINFO == 4 && CTA_HELP == 5 && CTA_NAT_SRC == 6 && CTA_TIMEOUT == 7);
static_assert(CTA_MARK == 8 && CTA_USE == 11 && CTA_ID == 12 && CTA_NAT_DST == 13);
static_assert(CTA_TUPLE_MASTER == 14 && CTA_SEQ_ADJ_ORIG == 15 && CTA_SEQ_ADJ_REPLY == 16);
static_assert(CTA_ZONE == 18 && CTA_SECCTX == 19 && CTA_LABELS == 22 && CTA_SYNPROXY == 24);
static_assert(CTA_EXPECT_MASTER == 1 && CTA_EXPECT_TUPLE == 2 && CTA_EXPECT_MASK == 3);
static_assert(CTA_EXPECT_TIMEOUT == 4 && CTA_EXPECT_ID == 5 && CTA_EXPECT_FLAGS == 8);
static_assert(CTA_EXPECT_CLASS == 9 && CTA_EXPECT_NAT == 10 && CTA_EXPECT_FN == 11);
static_assert(CTA_TUPLE_IP == 1 && CTA_TUPLE_PROTO == 2);
static_assert(CTA_IP_V4_SRC == 1 && CTA_IP_V4_DST == 2);
static_assert(CTA_IP_V6_SRC == 3 && CTA_IP_V6_DST == 4);
static_assert(CTA_PROTO_NUM == 1 && CTA_PROTO_SRC_PORT == 2 && CTA_PROTO_DST_PORT == 3);
static_assert(CTA_PROTO_ICMP_ID == 4 && CTA_PROTO_ICMPV6_ID == 7);
static_assert(CTA_NAT_V4_MINIP == 1 && CTA_NAT_V6_MINIP == 4 && CTA_NAT_PROTO == 3);
static_assert(CTA_PROTONAT_PORT_MIN == 1 && CTA_PROTOINFO_TCP == 1);
static_assert(CTA_PROTOINFO_TCP_FLAGS_ORIGINAL == 4 && CTA_PROTOINFO_TCP_FLAGS_REPLY == 5);
static_assert(IPS_SEEN_REPLY == 1 << 1 && IPS_ASSURED == 1 << 2 && IPS_CONFIRMED == 1 << 3);
static_assert(IPS_SRC_NAT == 1 << 4 && IPS_DST_NAT == 1 << 5);
static_assert(IPS_NAT_DONE_MASK == (1 << 7 | 1 << 8));
static_assert(IPS_DYING == 1 << 9 && IPS_FIXED_TIMEOUT == 1 << 10 && IPS_NAT_CLASH == 1 << 12);
static_assert(IPS_HELPER == 1 << 13 && (IPS_OFFLOAD | IPS_HW_OFFLOAD) == (1 << 14 | 1 << 15));
static_assert(__IPS_MAX_BIT == 16);
static_assert(IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED == 0x10 && IP_CT_TCP_FLAG_MAXACK_SET == 0x20);
static_assert(CHECKPOINT_CTA_MORE == 0x3ff0);
static_assert(sizeof(struct checkpoint_ct) == 72);
static_assert(offsetof(struct checkpoint_ct, has) == 40);
static_assert(offsetof(struct checkpoint_ct, masq_index) == 44);
static_assert(offsetof(struct checkpoint_ct, scale) == 60);
static_assert(offsetof(struct checkpoint_ct, reserved) == 62);
static_assert(offsetof(struct checkpoint_ct, stream) == 68);
static_assert(CHECKPOINT_CT_TIMEOUT == 0x100 && CHECKPOINT_CT_HELPER == 0x200);
static_assert(CHECKPOINT_CT_SECMARK == 0x400 && CHECKPOINT_CT_TC == 0x800);
