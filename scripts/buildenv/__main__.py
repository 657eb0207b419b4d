# SPDX-License-Identifier: GPL-2.0
"""python3 -m buildenv COMMAND: see scripts/run."""

import argparse
import signal
import sys

from .env import Failure, Progress, say


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    p = argparse.ArgumentParser(prog="scripts/run")
    sub = p.add_subparsers(dest="command", required=True)
    k = sub.add_parser("kernel", help="build the kernel")
    k.add_argument("--flavour", default="demo", choices=("demo", "debug"))
    args = p.parse_args()
    try:
        if args.command == "kernel":
            from .kernel import build
            print(build(args.flavour).image)
            return 0
    except Failure as e:
        Progress.clear()
        print(f"error: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


sys.exit(main())
