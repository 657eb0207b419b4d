# SPDX-License-Identifier: GPL-2.0
# A debugger and its program, at a breakpoint: half of the steps, a wait, the other half.
cat >program.c <<'C'
#include <stdio.h>

static int total;

static int sum(int n)
{
	int s = 0;

	for (int i = 0; i < n; i++)
		s += i * i;
	return s;
}

int main(void)
{
	for (int n = 1; n < 5; n++)
		total += sum(n * 10);
	printf("total %d\n", total);
	fflush(stdout);
	return total % 100;
}
C
cat >steps <<'G'
set pagination off
set confirm off
set debuginfod enabled off
set startup-with-shell off
set print inferior-events off
set can-use-hw-watchpoints 0
break sum
run
next
next
print n
continue
next
shell touch half
shell while ! test -e go; do sleep 0.05; done
backtrace
info breakpoints
next
print i
print s
tbreak program.c:10 if i == 12
continue
print i
set variable s = 1
finish
stepi
delete
watch total
continue
print total
delete
continue
print $_exitcode
G
gcc -g -O0 -o program program.c &&
gdb -nx -q -batch -x steps ./program | sed 's/(process [0-9]*)/(process N)/'
