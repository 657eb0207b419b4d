# SPDX-License-Identifier: GPL-2.0
# Runs a command that ends at once, and computes for long before it asks how
# that ended: until then the command's process is a zombie.  There must be a file
# "go" for the last tenth of it.
BEGIN {
	command = "exit 7"
	command | getline

	x = 1
	steps = 40
	for (step = 1; step <= steps; step++) {
		for (n = 0; n < 100000; n++)
			x = (x * 69069 + 12345) % 4294967296
		while (step == steps * 9 / 10 && (getline line <"go") < 0)
			close("go")
		print "step " step " of " steps ": " x
		fflush()
	}
	print "the command ended with status " close(command)
}
