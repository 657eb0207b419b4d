# SPDX-License-Identifier: GPL-2.0
# An encoder with many threads and large buffers, which another program feeds: half of the pictures, a
# wait, the other half. The wait is longer than what the encoder looks ahead.
cat >pictures.py <<'P'
import os, sys, time

WIDTH, HEIGHT, COUNT = 640, 352, 40
out = sys.stdout.buffer
out.write(b"YUV4MPEG2 W%d H%d F25:1 Ip A1:1 C420\n" % (WIDTH, HEIGHT))
for n in range(COUNT):
    if n == COUNT // 2:
        out.flush()
        open("half", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    row = bytes((x * 3 + n * 5) & 255 for x in range(WIDTH))
    out.write(b"FRAME\n")
    for y in range(HEIGHT):
        shift = (y + 2 * n) % WIDTH
        out.write(row[shift:] + row[:shift])
    out.write(bytes((n * 7) & 255 for _ in range(1)) * (WIDTH * HEIGHT // 2))
P
python3 pictures.py | x265 --log-level error --no-progress --y4m --preset superfast --pools 6 \
	--frame-threads 4 --no-info --input - --output film.hevc
test $(stat -c %s film.hevc) -gt 1000 && cksum film.hevc
