// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a file to standard output, the last tenth of it only when there is a
 * file "go": a job that reads it is not over before it was checkpointed, however
 * long that takes.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy(int fd, off_t len)
{
	char buffer[65536];

	while (len > 0) {
		size_t want = len < (off_t)sizeof(buffer) ? (size_t)len : sizeof(buffer);
		ssize_t have = read(fd, buffer, want);
		ssize_t at = 0;

		if (have <= 0)
			err(1, "read");
		while (at < have) {
			ssize_t n = write(STDOUT_FILENO, buffer + at, have - at);

			if (n < 0)
				err(1, "write");
			at += n;
		}
		len -= have;
	}
}

int main(int argc, char **argv)
{
	struct stat st;
	off_t most;
	int fd;

	if (argc != 2)
		errx(1, "usage: feed FILE");
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", argv[1]);
	most = st.st_size / 10 * 9;
	copy(fd, most);
	while (access("go", F_OK))
		usleep(50000);
	copy(fd, st.st_size - most);
	return 0;
}
