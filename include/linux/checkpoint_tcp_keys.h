/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checkpoint/restart: keys that sign the segments of TCP.
 */
#ifndef _LINUX_CHECKPOINT_TCP_KEYS_H
#define _LINUX_CHECKPOINT_TCP_KEYS_H

#include <linux/types.h>

struct sock;

/* Most bytes of a key. */
#define CHECKPOINT_TCP_KEY_LEN	80

/* checkpoint_tcp_key::algorithm, of a key of TCP-AO. */
#define CHECKPOINT_TCP_HMAC_SHA1	1
#define CHECKPOINT_TCP_HMAC_SHA256	2
#define CHECKPOINT_TCP_AES_128_CMAC	3

/**
 * struct checkpoint_tcp_key - a key that signs segments
 * @good: segments that were signed well with it, of TCP-AO as all up to @next_key but @device
 * @bad: segments that were not
 * @device: number of the master device (VRF) of the peers, with @of_device
 * @send_id: its number in what is sent
 * @receive_id: its number in what is received
 * @mac_len: bytes of a signature
 * @algorithm: CHECKPOINT_TCP_HMAC_SHA1 and the others
 * @no_options: the options of TCP are not signed
 * @current_key: what is sent is signed with it
 * @next_key: the other end is asked to sign with it
 * @ao: it is one of TCP-AO; else of TCP_MD5SIG
 * @v6: its address is one of IPv6
 * @of_device: it is for peers of a device, or of none
 * @used: it signs the segments of the connection that its socket has, of TCP_MD5SIG
 * @prefix: bits of the address that count
 * @len: bytes of the key
 * @addr: the address of the peers
 * @key: the key
 */
struct checkpoint_tcp_key {
	u64 good;
	u64 bad;
	s32 device;
	u8 send_id;
	u8 receive_id;
	u8 mac_len;
	u8 algorithm;
	bool no_options;
	bool current_key;
	bool next_key;
	bool ao;
	bool v6;
	bool of_device;
	bool used;
	u8 prefix;
	u8 len;
	u8 addr[16];
	u8 key[CHECKPOINT_TCP_KEY_LEN];
};

/**
 * struct checkpoint_tcp_ao - what a socket has of TCP-AO besides keys
 * @good: segments that were signed well
 * @bad: segments that were not
 * @not_found: segments with a number of no key
 * @missing: segments that were to be signed, and were not
 * @icmp: messages of ICMP that were dropped
 * @send_isn: number of the SYN that was sent
 * @receive_isn: number of the SYN that was received
 * @send_sne: how often the numbers of what is sent have wrapped
 * @receive_sne: how often those of what is received have
 * @there: it has it
 * @required: what is not signed is dropped, if there is no key, too
 * @icmps: messages of ICMP are not dropped
 */
struct checkpoint_tcp_ao {
	u64 good;
	u64 bad;
	u64 not_found;
	u64 missing;
	u64 icmp;
	u32 send_isn;
	u32 receive_isn;
	u32 send_sne;
	u32 receive_sne;
	bool there;
	bool required;
	bool icmps;
};

/* Of kernel/checkpoint/tcp_keys.c. */
int checkpoint_tcp_keys_refusal(struct sock *sk);
int checkpoint_tcp_keys(struct sock *sk, struct checkpoint_tcp_ao *ao,
			struct checkpoint_tcp_key *keys, unsigned int room);
int checkpoint_tcp_key_add(struct sock *sk, const struct checkpoint_tcp_key *key);
int checkpoint_tcp_ao_set(struct sock *sk, const struct checkpoint_tcp_ao *ao);
int checkpoint_tcp_ao_agree(struct sock *sk, const struct checkpoint_tcp_ao *ao);
int checkpoint_tcp_ao_begin(struct sock *sk, u32 seq, u32 peer_seq);

#endif /* _LINUX_CHECKPOINT_TCP_KEYS_H */
