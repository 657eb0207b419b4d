/* SPDX-License-Identifier: GPL-2.0 */
/* Requests about nftables to the network namespace that the caller is in. */
#ifndef CKPT_TEST_NFTABLES_H
#define CKPT_TEST_NFTABLES_H

#include "rtnetlink.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <endian.h>

#define BATCH	8

/* Requests that are taken as a whole. */
struct batch {
	struct rt rt[BATCH];
	int count;
};

/* What requests are about. */
static uint8_t nf_family = NFPROTO_IPV4;

/* Begins a request about nf_family. */
__attribute__((unused)) static struct rt *nf_begin(struct batch *batch, int type, int flags)
{
	struct nfgenmsg header = { .nfgen_family = nf_family };
	struct rt *rt = &batch->rt[batch->count++];

	CHECK(batch->count <= BATCH, "too many requests");
	rt_begin(rt, NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_CREATE, &header,
		 sizeof(header));
	return rt;
}

__attribute__((unused)) static void nf_number(struct rt *rt, int type, uint32_t value)
{
	rt_add_u32(rt, type, htobe32(value));
}

__attribute__((unused)) static void nf_number_64(struct rt *rt, int type, uint64_t value)
{
	value = htobe64(value);
	rt_add(rt, type, &value, sizeof(value));
}

__attribute__((unused)) static size_t append(char *buf, size_t len, const struct rt *rt)
{
	memcpy(buf + len, rt, rt->nlh.nlmsg_len);
	return len + NLMSG_ALIGN(rt->nlh.nlmsg_len);
}

/* Sends them; 0, or -1 with the first errno. */
__attribute__((unused)) static int nf_send(struct batch *batch)
{
	struct nfgenmsg header = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	static char buf[sizeof(struct rt) * (BATCH + 2)];
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr err;
		char rest[4096];
	} answer;
	int fd = CHECK_SYS(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)), i;
	size_t len = 0;
	struct rt rt;
	int err = 0;

	memset(buf, 0, sizeof(buf));
	rt_begin(&rt, NFNL_MSG_BATCH_BEGIN, 0, &header, sizeof(header));
	rt.nlh.nlmsg_flags = NLM_F_REQUEST;
	len = append(buf, len, &rt);
	for (i = 0; i < batch->count; i++)
		len = append(buf, len, &batch->rt[i]);
	rt_begin(&rt, NFNL_MSG_BATCH_END, 0, &header, sizeof(header));
	rt.nlh.nlmsg_flags = NLM_F_REQUEST;
	len = append(buf, len, &rt);
	CHECK_EQ((ssize_t)len, send(fd, buf, len, 0));
	for (i = 0; i < batch->count && !err; i++) {
		CHECK_SYS(recv(fd, &answer, sizeof(answer), 0));
		CHECK_EQ(NLMSG_ERROR, answer.nlh.nlmsg_type);
		err = -answer.err.error;
	}
	CHECK_SYS(close(fd));
	batch->count = 0;
	errno = err;
	return err ? -1 : 0;
}

__attribute__((unused)) static void table(struct batch *batch, const char *name)
{
	struct rt *rt = nf_begin(batch, NFT_MSG_NEWTABLE, 0);

	rt_add_text(rt, NFTA_TABLE_NAME, name);
}

__attribute__((unused))
static struct rtattr *expression(struct rt *rt, const char *name, struct rtattr **data)
{
	struct rtattr *one = rt_nest(rt, NFTA_LIST_ELEM);

	rt_add_text(rt, NFTA_EXPR_NAME, name);
	*data = rt_nest(rt, NFTA_EXPR_DATA);
	return one;
}

/* The port that a datagram goes to is in the first register. */
__attribute__((unused)) static void load_port(struct rt *rt)
{
	struct rtattr *data, *one = expression(rt, "payload", &data);

	nf_number(rt, NFTA_PAYLOAD_DREG, NFT_REG_1);
	nf_number(rt, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	nf_number(rt, NFTA_PAYLOAD_OFFSET, 2);
	nf_number(rt, NFTA_PAYLOAD_LEN, 2);
	rt_end(rt, data);
	rt_end(rt, one);
}

/* What gets here is dropped. */
__attribute__((unused)) static void drop(struct rt *rt)
{
	struct rtattr *data, *value, *verdict, *one = expression(rt, "immediate", &data);

	nf_number(rt, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = rt_nest(rt, NFTA_IMMEDIATE_DATA);
	verdict = rt_nest(rt, NFTA_DATA_VERDICT);
	nf_number(rt, NFTA_VERDICT_CODE, NF_DROP);
	rt_end(rt, verdict);
	rt_end(rt, value);
	rt_end(rt, data);
	rt_end(rt, one);
}

/* The rule goes on where the first register has this value. */
__attribute__((unused)) static void is_value(struct rt *rt, const void *wanted, size_t len)
{
	struct rtattr *data, *value, *one = expression(rt, "cmp", &data);

	nf_number(rt, NFTA_CMP_SREG, NFT_REG_1);
	nf_number(rt, NFTA_CMP_OP, NFT_CMP_EQ);
	value = rt_nest(rt, NFTA_CMP_DATA);
	rt_add(rt, NFTA_DATA_VALUE, wanted, len);
	rt_end(rt, value);
	rt_end(rt, data);
	rt_end(rt, one);
}

/* Is it refused for @why, and goes on? 0, or -1. */
__attribute__((unused))
static int refuse(const struct ckpt_scenario *scenario, const char *why)
{
	int image = ckpt_image_new(), ret = -1;
	struct ckpt_run run;

	if (!ckpt_run_init(&run, scenario, true) && !ckpt_run_start(&run) &&
	    ckpt_run_call(&run, image, 0) == -1 && errno == EOPNOTSUPP &&
	    ckpt_run_log_has(&run, why) && !ckpt_run_go(&run))
		ret = ckpt_run_finish(&run);
	if (ret)
		ckpt_run_print_log(&run);
	ckpt_run_fini(&run);
	close(image);
	return ret;
}

#endif /* CKPT_TEST_NFTABLES_H */
