// SPDX-License-Identifier: GPL-2.0
/*
 * What sockets do not get at a restart, as those who have made them could not have it, or nobody can:
 * ports below 1024, ports that others have, options that take a capability, and connections that are
 * made as with TCP_REPAIR. Each is refused by name, and comes back when it may be.
 */
#include "advice.h"
#include "sockets_tcp.h"

#include <stdlib.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>

#define USER	4711
#define PORT	80

/* ---- what is saved ---------------------------------------------------- */

/* A socket at the port, made and bound by a user: its type is told. */
CKPT_SCENARIO(has_port)
{
	int type = atoi(getenv("CKPT_KIND"));
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, PORT);

	CHECK_SYS(seteuid(USER));
	CHECK_EQ(FD, dup2(CHECK_SYS(socket(AF_INET, type, 0)), FD));
	CHECK_SYS(bind(FD, (struct sockaddr *)&addr, len));
	if (type == SOCK_STREAM)
		CHECK_SYS(listen(FD, 1));
	CHECK_SYS(seteuid(0));
	ckpt_ready_wait();
	CHECK_EQ(PORT, port_of(FD, false));
}

/* A user has made it, and root has set an option. */
CKPT_SCENARIO(has_option)
{
	int name = atoi(getenv("CKPT_OPTION")), value = atoi(getenv("CKPT_VALUE"));

	CHECK_SYS(seteuid(USER));
	CHECK_EQ(FD, dup2(CHECK_SYS(socket(AF_INET, SOCK_DGRAM, 0)), FD));
	CHECK_SYS(seteuid(0));
	set_option(FD, name, value);
	ckpt_ready_wait();
	CHECK_EQ(value, option(FD, name));
}

/* Takes a capability away; 0, or the errno. */
static int lose_capability(int cap, bool for_good)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(__NR_capget, &head, data))
		return errno;
	data[cap / 32].effective &= ~(1u << cap % 32);
	if (for_good) {
		data[cap / 32].permitted &= ~(1u << cap % 32);
		data[cap / 32].inheritable &= ~(1u << cap % 32);
	}
	return syscall(__NR_capset, &head, data) ? errno : 0;
}

/* The same, back from what is permitted. */
static int regain_capability(int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(__NR_capget, &head, data))
		return errno;
	data[cap / 32].effective |= 1u << cap % 32;
	return syscall(__NR_capset, &head, data) ? errno : 0;
}

/* Both ends of a connection, of who has no CAP_NET_ADMIN. */
CKPT_SCENARIO(has_connection)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, 0);
	int at = tcp_socket(), end;

	CHECK_EQ(0, lose_capability(CAP_NET_ADMIN, true));
	CHECK_SYS(bind(at, (struct sockaddr *)&addr, len));
	CHECK_SYS(listen(at, 1));
	len = address(&addr, port_of(at, false));
	CHECK_EQ(FD, dup2(tcp_socket(), FD));
	CHECK_SYS(connect(FD, (struct sockaddr *)&addr, len));
	end = CHECK_SYS(accept(at, NULL, NULL));
	send_text(FD, "through");
	ckpt_ready_wait();
	expect_text(end, "through");
}

/* ---- the tests -------------------------------------------------------- */

FIXTURE(denied) { int unused; };
FIXTURE_VARIANT(denied) { bool container; };
FIXTURE_VARIANT_ADD(denied, container) { .container = true };
FIXTURE_VARIANT_ADD(denied, subtree) { .container = false };

/* The test has a network namespace of its own. */
FIXTURE_SETUP(denied)
{
	CKPT_BEGIN();
	image = ckpt_image_new();
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	lo_up();
}

FIXTURE_TEARDOWN(denied)
{
	finish();
}

static const struct checkpoint_args saved;
static const struct restart_args brought;

/* Below which port nobody may bind without a capability. */
static int first_for_all(const char *port)
{
	int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
	ssize_t n = write(fd, port, strlen(port));

	close(fd);
	return n == (ssize_t)strlen(port) ? 0 : -1;
}

static void low_port(struct __test_metadata *_metadata, bool container, int type)
{
	char kind[16];

	snprintf(kind, sizeof(kind), "%d", type);
	setenv("CKPT_KIND", kind, 1);
	ASSERT_EQ(0, first_for_all("80"));
	ASSERT_EQ(0, start(&has_port, container));
	ASSERT_EQ(0, checkpoint_and_kill(&saved));
	/* The caller may, but who has made it may not. */
	ASSERT_EQ(0, first_for_all("1024"));
	ASSERT_EQ(EACCES, restart(0, &brought));
	ASSERT_TRUE(ckpt_run_log_has(&run, "CAP_NET_BIND_SERVICE"));
	ASSERT_EQ(0, first_for_all("80"));
	ASSERT_EQ(0, restart(0, &brought));
	ASSERT_EQ(0, go());
}

TEST_F_TIMEOUT(denied, low_port_tcp, CKPT_TIMEOUT)
{
	low_port(_metadata, variant->container, SOCK_STREAM);
}

TEST_F_TIMEOUT(denied, low_port_udp, CKPT_TIMEOUT)
{
	low_port(_metadata, variant->container, SOCK_DGRAM);
}

static void taken_port(struct __test_metadata *_metadata, bool container, int type)
{
	struct sockaddr_storage addr;
	socklen_t len = address(&addr, PORT);
	char kind[16];
	int other;

	snprintf(kind, sizeof(kind), "%d", type);
	setenv("CKPT_KIND", kind, 1);
	ASSERT_EQ(0, first_for_all("80"));
	ASSERT_EQ(0, start(&has_port, container));
	ASSERT_EQ(0, checkpoint_and_kill(&saved));
	other = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, bind(other, (struct sockaddr *)&addr, len));
	ASSERT_EQ(0, type == SOCK_STREAM ? listen(other, 1) : 0);
	ASSERT_EQ(EADDRINUSE, restart(0, &brought));
	ASSERT_TRUE(ckpt_run_log_has(&run, "another socket has it"));
	ASSERT_EQ(0, close(other));
	ASSERT_EQ(0, restart(0, &brought));
	ASSERT_EQ(0, go());
}

TEST_F_TIMEOUT(denied, taken_port_tcp, CKPT_TIMEOUT)
{
	taken_port(_metadata, variant->container, SOCK_STREAM);
}

TEST_F_TIMEOUT(denied, taken_port_udp, CKPT_TIMEOUT)
{
	taken_port(_metadata, variant->container, SOCK_DGRAM);
}

/* An option that takes a capability, which who has made the socket has not. */
static void privileged(struct __test_metadata *_metadata, bool container, int name, int value,
		       const char *line)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", name);
	setenv("CKPT_OPTION", text, 1);
	snprintf(text, sizeof(text), "%d", value);
	setenv("CKPT_VALUE", text, 1);
	ASSERT_EQ(0, start(&has_option, container));
	ASSERT_EQ(0, checkpoint_and_kill(&saved));
	ASSERT_EQ(name == SO_DEBUG ? EACCES : EPERM, restart(0, &brought));
	ASSERT_TRUE(ckpt_run_log_has(&run, line));
}

TEST_F_TIMEOUT(denied, mark, CKPT_TIMEOUT)
{
	privileged(_metadata, variant->container, SO_MARK, 5,
		   "a socket: SO_MARK can't be set: it takes CAP_NET_ADMIN or CAP_NET_RAW");
}

TEST_F_TIMEOUT(denied, priority, CKPT_TIMEOUT)
{
	privileged(_metadata, variant->container, SO_PRIORITY, 7,
		   "a socket: SO_PRIORITY can't be set: it takes CAP_NET_ADMIN or CAP_NET_RAW");
}

TEST_F_TIMEOUT(denied, debug, CKPT_TIMEOUT)
{
	privileged(_metadata, variant->container, SO_DEBUG, 1, "a socket: SO_DEBUG can't be set");
}

/* A connection is made as with TCP_REPAIR. */
TEST_F_TIMEOUT(denied, connection, CKPT_TIMEOUT)
{
	ASSERT_EQ(0, start(&has_connection, variant->container));
	ASSERT_EQ(0, checkpoint_and_kill(&saved));
	ASSERT_EQ(0, lose_capability(CAP_NET_ADMIN, false));
	ASSERT_EQ(EPERM, restart(0, &brought));
	ASSERT_TRUE(ckpt_run_log_has(&run, "CAP_NET_ADMIN over the network namespace"));
	ASSERT_EQ(0, regain_capability(CAP_NET_ADMIN));
	ASSERT_EQ(0, restart(0, &brought));
	ASSERT_EQ(0, go());
}

TEST_HARNESS_MAIN
