# SPDX-License-Identifier: GPL-2.0
# One whose time does not come, and one whose time goes on.
timeout 20 sleep 36000 &
timeout 36000 sh -c 'touch half; while ! test -e go; do sleep 0.05; done; echo in time'
echo "status $?"
wait $!
echo "status $?"
