# SPDX-License-Identifier: GPL-2.0
# A program whose calls and signals are shown, and those of its children.
cat >program.py <<'P'
import os, signal, subprocess, time

def say(text):
    os.write(1, text.encode() + b"\n")

signal.signal(signal.SIGUSR1, lambda number, frame: say("caught"))
say("one")
os.kill(os.getpid(), signal.SIGUSR1)
subprocess.run(["sh", "-c", "echo two"], check=True)
open("half", "w").close()
while not os.path.exists("go"):
    time.sleep(0.01)
subprocess.run(["sh", "-c", "echo three"], check=True)
os.kill(os.getpid(), signal.SIGUSR1)
say("four")
os._exit(7)
P
strace -f -qq -a 0 -o trace -e trace=write,kill -e signal=usr1 python3 program.py
echo "status $?"
# Numbers of processes differ.
sed -e 's/^[0-9]* *//' -e 's/[0-9]\{3,\}/N/g' trace
