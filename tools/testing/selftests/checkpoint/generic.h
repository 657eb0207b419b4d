/* SPDX-License-Identifier: GPL-2.0 */
/* Requests of generic netlink. */
#ifndef CKPT_TEST_GENERIC_H
#define CKPT_TEST_GENERIC_H

#include "common.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

/* A message, and room for the answers. */
struct generic {
	struct nlmsghdr head;
	struct genlmsghdr command;
	char attrs[8192];
};

__attribute__((unused)) static int generic_socket(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));

	CHECK_SYS(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return fd;
}

/* Asks a family, with an attribute of @len bytes, if @len is not 0. */
__attribute__((unused))
static void generic_ask(int fd, int family, int command, int flags, int attr, const void *value,
			size_t len)
{
	struct generic ask = {
		.head = {
			.nlmsg_type = family,
			.nlmsg_flags = NLM_F_REQUEST | flags,
			.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
		},
		.command = { .cmd = command, .version = 1 },
	};
	struct nlattr *nla = (struct nlattr *)ask.attrs;

	if (len) {
		nla->nla_type = attr;
		nla->nla_len = NLA_HDRLEN + len;
		memcpy((char *)nla + NLA_HDRLEN, value, len);
		ask.head.nlmsg_len += NLA_ALIGN(nla->nla_len);
	}
	CHECK_EQ((long)ask.head.nlmsg_len, send(fd, &ask, ask.head.nlmsg_len, 0));
}

/* Takes an answer; returns its type, and of an error that as a negative number. */
__attribute__((unused)) static int generic_answer(int fd, struct generic *answer)
{
	long n = CHECK_SYS(recv(fd, answer, sizeof(*answer), MSG_DONTWAIT));

	CHECK(n >= (long)sizeof(answer->head), "an answer of %ld bytes", n);
	if (answer->head.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(&answer->head))->error;
	return answer->head.nlmsg_type;
}

/* An attribute of what @attrs has; NULL: it has none. */
__attribute__((unused))
static struct nlattr *generic_attr(void *attrs, long len, int type)
{
	struct nlattr *nla = attrs;

	while (len >= NLA_HDRLEN && nla->nla_len >= NLA_HDRLEN && nla->nla_len <= len) {
		if ((nla->nla_type & NLA_TYPE_MASK) == type)
			return nla;
		len -= NLA_ALIGN(nla->nla_len);
		nla = (struct nlattr *)((char *)nla + NLA_ALIGN(nla->nla_len));
	}
	return NULL;
}

/* The number of a family, or of its group, by their names; 0: it is not there. */
__attribute__((unused)) static int generic_id(const char *family, const char *group)
{
	int fd = generic_socket(), type, id;
	struct nlattr *nla, *one, *name;
	struct generic answer;
	long len;

	generic_ask(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME, family,
		    strlen(family) + 1);
	type = generic_answer(fd, &answer);
	CHECK_SYS(close(fd));
	if (type <= 0)
		return 0;
	len = answer.head.nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
	nla = generic_attr(answer.attrs, len, group ? CTRL_ATTR_MCAST_GROUPS :
			   CTRL_ATTR_FAMILY_ID);
	if (!nla)
		return 0;
	if (!group)
		return *(uint16_t *)((char *)nla + NLA_HDRLEN);
	len = nla->nla_len - NLA_HDRLEN;
	one = (struct nlattr *)((char *)nla + NLA_HDRLEN);
	while (len >= NLA_HDRLEN && one->nla_len >= NLA_HDRLEN) {
		char *in = (char *)one + NLA_HDRLEN;

		name = generic_attr(in, one->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_NAME);
		nla = generic_attr(in, one->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_ID);
		if (name && nla && !strcmp((char *)name + NLA_HDRLEN, group)) {
			memcpy(&id, (char *)nla + NLA_HDRLEN, sizeof(id));
			return id;
		}
		len -= NLA_ALIGN(one->nla_len);
		one = (struct nlattr *)((char *)one + NLA_ALIGN(one->nla_len));
	}
	return 0;
}

#endif
