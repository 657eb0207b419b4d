# SPDX-License-Identifier: GPL-2.0
# tail -f waits for more by inotify.
count() {
	while test "$(wc -l <seen)" -lt "$1"; do sleep 0.05; done
}
: >log
: >seen
tail -n +1 -f log >seen &
for n in 1 2 3 4 5; do echo "line $n" >>log; done
count 5
touch half
while ! test -e go; do sleep 0.05; done
for n in 6 7 8 9 10; do echo "line $n" >>log; done
count 10
kill $!
wait $! || echo "status $?"
cat seen
