# SPDX-License-Identifier: GPL-2.0
# Its output goes to a program outside.
n=0
while test $n -lt 100; do
	n=$((n + 1))
	echo "$n"
	test $n -ne 50 || touch half
	while test $n -eq 50 && ! test -e go; do sleep 0.05; done
done
