# SPDX-License-Identifier: GPL-2.0
# make -j with gcc: the fifth of twelve objects says that half is done; the program waits with its
# last step for the other half.
export TMPDIR=$PWD
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	echo "int f$n(int x) { int s = 0; for (int i = 0; i < x; i++) s += i * $n; return s; }" >f$n.c
done
cat >main.c <<'C'
#include <stdio.h>
int f1(int), f5(int), f12(int);
int main(void) { printf("%d %d %d\n", f1(10), f5(100), f12(1000)); }
C
cat >Makefile <<'M'
objects = $(patsubst %.c,%.o,$(wildcard *.c))
program: $(objects)
	while ! test -e go; do sleep 0.05; done
	gcc -o $@ $(objects)
f5.o: f5.c
	gcc -O2 -c -o $@ $< && touch half
%.o: %.c
	gcc -O2 -c -o $@ $<
M
make -s -j3 && ./program
