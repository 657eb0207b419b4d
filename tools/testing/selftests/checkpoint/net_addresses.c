// SPDX-License-Identifier: GPL-2.0
/*
 * IPv6 addresses that the kernel makes for devices, of a secret: after a restart they are the same
 * ones, with the same flags, and there are no others.
 */
#include "tun.h"

#include <linux/veth.h>

#define BEGIN() do {							\
	CKPT_BEGIN();							\
	if (access("/dev/net/tun", R_OK | W_OK))			\
		SKIP(return, "no /dev/net/tun");			\
	if (access("/proc/sys/net/ipv6", F_OK))				\
		SKIP(return, "no IPv6");				\
} while (0)

CKPT_FIXTURE_IF(BEGIN)

#define OWN	.flags = SC_CONTAINER, .clone_flags = CLONE_NEWNET

/* IN6_ADDR_GEN_MODE_*, as text. */
#define NONE	"1"
#define STABLE	"2"
#define RANDOM	"3"

/* Not in older headers. */
#define PROTO	11

/* An address that netlink tells of. */
struct address {
	int index;
	uint32_t flags;
	unsigned char family, prefix, scope, proto, bytes[16];
};

struct addresses {
	int count;
	struct address all[32];
};

static int in_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address));
}

/* An address of a message, but for what comes of looking for it. */
static void read_address(const struct nlmsghdr *nlh, struct address *address)
{
	const struct ifaddrmsg *header = NLMSG_DATA(nlh);
	const struct rtattr *attr = IFA_RTA(header);
	int len = IFA_PAYLOAD(nlh);

	memset(address, 0, sizeof(*address));
	address->index = header->ifa_index;
	address->family = header->ifa_family;
	address->prefix = header->ifa_prefixlen;
	address->scope = header->ifa_scope;
	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		if (attr->rta_type == IFA_ADDRESS)
			memcpy(address->bytes, RTA_DATA(attr), RTA_PAYLOAD(attr));
		else if (attr->rta_type == IFA_FLAGS)
			memcpy(&address->flags, RTA_DATA(attr), 4);
		else if (attr->rta_type == PROTO)
			memcpy(&address->proto, RTA_DATA(attr), 1);
	}
	address->flags &= ~IFA_F_TENTATIVE;
}

/* All addresses of all devices. */
static void read_addresses(struct addresses *list)
{
	struct ifaddrmsg header = { .ifa_family = AF_UNSPEC };
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	static char answer[32768];
	struct rt rt;
	bool done = false;

	memset(list, 0, sizeof(*list));
	rt_begin(&rt, RTM_GETADDR, NLM_F_DUMP, &header, sizeof(header));
	CHECK_EQ((ssize_t)rt.nlh.nlmsg_len, send(fd, &rt, rt.nlh.nlmsg_len, 0));
	while (!done) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)answer;
		int len = CHECK_SYS(recv(fd, answer, sizeof(answer), 0));

		for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			CHECK(nlh->nlmsg_type != NLMSG_ERROR, "no addresses are told");
			done = nlh->nlmsg_type == NLMSG_DONE;
			if (done)
				break;
			CHECK(list->count < 32, "more addresses than there is room for");
			read_address(nlh, &list->all[list->count++]);
		}
	}
	CHECK_SYS(close(fd));
	qsort(list->all, list->count, sizeof(list->all[0]), in_order);
}

static void tell_addresses(const char *when, const struct addresses *list)
{
	char text[INET6_ADDRSTRLEN];
	int i;

	for (i = 0; i < list->count; i++) {
		const struct address *one = &list->all[i];

		inet_ntop(one->family, one->bytes, text, sizeof(text));
		ckpt_diag("%s: device %d has %s/%d, scope %d, flags %#x, proto %d", when, one->index,
			  text, one->prefix, one->scope, one->flags, one->proto);
	}
}

/* How many that are made of a secret a device has. */
static int of_secrets(const struct addresses *list, const char *name)
{
	int index = if_nametoindex(name), n = 0, i;

	for (i = 0; i < list->count; i++)
		n += list->all[i].index == index && list->all[i].flags & IFA_F_STABLE_PRIVACY;
	return n;
}

static void path_of(const char *name, const char *setting, char path[128])
{
	snprintf(path, 128, "/proc/sys/net/ipv6/conf/%s/%s", name, setting);
}

static void set(const char *name, const char *setting, const char *text)
{
	char path[128];
	int fd;

	path_of(name, setting, path);
	fd = CHECK_SYS(open(path, O_WRONLY | O_CLOEXEC));
	CHECK_EQ((ssize_t)strlen(text), write(fd, text, strlen(text)));
	CHECK_SYS(close(fd));
}

/* What a setting is; empty: it is not set. */
static void get(const char *name, const char *setting, char text[64])
{
	char path[128];
	ssize_t n;
	int fd;

	path_of(name, setting, path);
	fd = CHECK_SYS(open(path, O_RDONLY | O_CLOEXEC));
	n = read(fd, text, 63);
	CHECK(n >= 0 || errno == EIO, "%s: %s", path, strerror(errno));
	text[n < 0 ? 0 : n] = 0;
	CHECK_SYS(close(fd));
}

/* What is compared: addresses, and how those of some devices are made. */
struct state {
	struct addresses addresses;
	char modes[8][64], secrets[8][64];
};

static void read_state(const char *const *names, struct state *state)
{
	int i;

	memset(state, 0, sizeof(*state));
	read_addresses(&state->addresses);
	for (i = 0; names[i]; i++) {
		get(names[i], "addr_gen_mode", state->modes[i]);
		get(names[i], "stable_secret", state->secrets[i]);
	}
}

/* All is as it was, after the restart. */
static void stays(const char *const *names)
{
	static struct state before, after;
	int i;

	read_state(names, &before);
	ckpt_ready_wait();
	read_state(names, &after);
	for (i = 0; names[i]; i++) {
		CHECK_STREQ(before.modes[i], after.modes[i]);
		CHECK_STREQ(before.secrets[i], after.secrets[i]);
	}
	if (!memcmp(&before.addresses, &after.addresses, sizeof(before.addresses)))
		return;
	tell_addresses("before", &before.addresses);
	tell_addresses("after", &after.addresses);
	CHECK(false, "the addresses are others");
}

static int has(const char *name)
{
	struct addresses list;

	read_addresses(&list);
	return of_secrets(&list, name);
}

/* A link comes a moment after both of its ends are on, and the address with it. */
static void wait_for(const char *name)
{
	while (!has(name))
		sched_yield();
	CHECK_EQ(1, has(name));
}

/* Two devices of each of three kinds that have Ethernet addresses; both v are a pair. */
static void make(int fds[2])
{
	struct rtattr *info, *data, *peer;
	struct ifinfomsg none = { 0 };
	struct rt rt;
	int i;

	for (i = 0; i < 2; i++) {
		char name[] = "t0", dummy[] = "d0";

		name[1] += i;
		dummy[1] += i;
		fds[i] = tun_attach(name, IFF_TAP | IFF_NO_PI);
		rt_end(&rt, rt_device(&rt, dummy, 50 + i, "dummy"));
		CHECK_SYS(rt_ask(&rt));
	}
	info = rt_device(&rt, "v0", 60, "veth");
	data = rt_nest(&rt, IFLA_INFO_DATA);
	peer = rt_add(&rt, VETH_INFO_PEER | NLA_F_NESTED, &none, sizeof(none));
	rt_add_text(&rt, IFLA_IFNAME, "v1");
	rt_end(&rt, peer);
	rt_end(&rt, data);
	rt_end(&rt, info);
	CHECK_SYS(rt_ask(&rt));
}

static const char *const names[] = { "t0", "t1", "d0", "d1", "v0", "v1", NULL };

/* A tun device: the kernel chooses a secret when it is switched on. */
CKPT_CYCLE(tun, OWN)
{
	static const char *const one[] = { "t0", NULL };
	char mode[64];

	tun_attach("t0", IFF_TUN | IFF_NO_PI);
	rt_address("t0", "10.1.2.3", 24);
	rt_switch("t0", true);
	CHECK_EQ(1, has("t0"));
	get("t0", "addr_gen_mode", mode);
	CHECK_STREQ(RANDOM "\n", mode);
	stays(one);
}

/* Secrets of their own. */
CKPT_CYCLE(stable, OWN)
{
	char secret[] = "2001:db8::a:0";
	int fds[2], i;

	make(fds);
	for (i = 0; names[i]; i++) {
		secret[12] = '1' + i;
		set(names[i], "stable_secret", secret);
		rt_switch(names[i], true);
	}
	for (i = 0; names[i]; i++)
		wait_for(names[i]);
	stays(names);
}

/* Secrets that the kernel chooses, of devices that are off or on. */
CKPT_CYCLE(chosen, OWN)
{
	int fds[2], i;

	make(fds);
	for (i = 0; names[i]; i++) {
		set(names[i], "addr_gen_mode", NONE);
		if (i % 2)
			rt_switch(names[i], true);
		set(names[i], "addr_gen_mode", RANDOM);
		rt_switch(names[i], true);
		CHECK_EQ(1, has(names[i]));
	}
	stays(names);
}

/* They have such addresses while they are off. */
CKPT_CYCLE(off, OWN)
{
	int fds[2], i;

	make(fds);
	for (i = 0; names[i]; i++) {
		set(names[i], "addr_gen_mode", RANDOM);
		CHECK_EQ(1, has(names[i]));
	}
	stays(names);
	for (i = 0; names[i]; i++) {
		rt_switch(names[i], true);
		CHECK_EQ(1, has(names[i]));
	}
}

/* A setting that was there before devices: those that are off have chosen no secret yet. */
CKPT_CYCLE(by_default, OWN)
{
	int fds[2], i;

	set("all", "addr_gen_mode", RANDOM);
	make(fds);
	for (i = 0; i < 4; i += 2) {
		rt_switch(names[i], true);
		CHECK_EQ(1, has(names[i]));
		CHECK_EQ(0, has(names[i + 1]));
	}
	stays(names);
	for (i = 0; names[i]; i++)
		rt_switch(names[i], true);
	for (i = 0; names[i]; i++)
		wait_for(names[i]);
}

/* A secret for all devices. Both ends of a pair would have one address, as it is made of that only. */
CKPT_CYCLE(secret_by_default, OWN)
{
	int fds[2], i;

	set("default", "stable_secret", "2001:db8::b:1");
	make(fds);
	for (i = 0; i < 4; i++) {
		rt_switch(names[i], true);
		CHECK_EQ(1, has(names[i]));
	}
	stays(names);
}

/* Secrets are there, but addresses were taken away, or are not made any more. */
CKPT_CYCLE(none, OWN)
{
	int fds[2], i;

	make(fds);
	for (i = 0; names[i]; i++) {
		set(names[i], "addr_gen_mode", RANDOM);
		if (i) {
			set(names[i], "disable_ipv6", "1");
			CHECK_EQ(0, has(names[i]));
		}
		set(names[i], "addr_gen_mode", i < 2 ? STABLE : NONE);
		rt_switch(names[i], true);
	}
	stays(names);
}

TEST_HARNESS_MAIN
