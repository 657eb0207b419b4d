# SPDX-License-Identifier: GPL-2.0
# A daemon that sleeps until the next minute, with its lock on a file that says its pid.
cron -f &
while ! test -s /run/crond.pid; do
	kill -0 $! || exit
	sleep 0.05
done
touch half
while ! test -e go; do sleep 0.05; done
rm -f tick
while ! test -e tick; do sleep 0.1; done
kill $!
wait $! || echo "status $?"
echo ticked
