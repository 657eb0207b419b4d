# SPDX-License-Identifier: GPL-2.0
# One has the lock, another waits for it.
flock lock sh -c 'touch locked; while ! test -e go; do sleep 0.05; done; echo first' &
first=$!
while ! test -e locked; do sleep 0.05; done
flock lock echo second &
while ! grep -q -e '-> FLOCK' /proc/locks; do sleep 0.05; done
flock -n lock true || echo taken
touch half
wait $first $!
flock -n lock echo free
