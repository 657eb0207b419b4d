# SPDX-License-Identifier: GPL-2.0
"""python3 -m buildenv COMMAND: see scripts/run."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from .env import ARCH, CACHE, PAGES, ROOT, VARIANT, Failure, Progress, conf, say


def kernel(args):
    from .kernel import build
    built = build(args.flavour, args.target)
    if built:
        print(built.image)
    return 0


def guest(args):
    from .guest import Guest, Job, make_disk
    from .kernel import Kernel, build
    from .rootfs import rootfs
    from .tools import selftests, tools
    built = Kernel.at(args.kernel) if args.kernel else build(args.flavour)
    job = Job()
    if not args.no_tools:
        for path in tools():
            job.add(path, f"bin/{path.name}")
    if args.tests:
        for name, path in selftests().items():
            job.add(path, f"tests/{name}")
    for spec in args.file:
        source, _, target = spec.partition(":")
        job.add(source, target or Path(source).name)
    for setting in args.env:
        key, _, value = setting.partition("=")
        job.env[key] = value
    if args.data and not Path(args.data).exists():
        make_disk(args.data, args.data_size)
    g = Guest(built, rootfs(), cpus=args.cpus, memory=args.memory, data=args.data,
              accel=args.accel, timeout=args.timeout, append=args.append, icount=args.icount,
              qemu_args=args.qemu_arg)
    if not args.command_line:
        job.script("cd; exec bash -i\n")
        (job.dir / "motd").write_text("\ncheckpoint, restart and ckptinfo are in the path, the job's files "
                                      "in /job.\nexit or C-d ends the guest, C-a x kills it.\n\n")
        say(f"    {g.accel}: booting; C-a x kills the guest")
        return g.interactive(job)
    job.command(args.command_line)

    def show(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    if args.kmemleak:
        job.env["LCR_KMEMLEAK"] = 1
    console = Path(args.console) if args.console else CACHE / "log" / f"console-{VARIANT}"
    result = g.run(job, on_output=show, console_file=console)
    if result.status is None:
        for line in result.console.splitlines()[-60:]:
            say("  | " + line)
        raise Failure(f"guest: {result.ended}; console: {console}")
    if result.splats:
        from .harness import show_splat
        show_splat(result.console)
        say(f"error: the kernel complained: {result.splats[0].strip()}; console: {console}")
        return result.status or 99
    if args.verbose:
        say(f"    {g.accel}, {result.seconds:.1f} s, status {result.status}, console: {console}")
    return result.status


def test(args):
    name = args.name or os.environ.get("T") or None
    if ARCH == "all":
        from .archs import test_all
        return test_all(name)
    from .tests import test as run_tests
    return run_tests(name, args.no_host, args.kernel, args.report)


def check(args):
    from .check import check as run_checks
    return 1 if run_checks(args.names) else 0


def estimate(_args):
    from .archs import seconds
    print(int(seconds()))
    return 0


def driver(name):
    """make demo, make bench, make record: the program of tools/checkpoint that does it."""
    def start(args):
        program = ROOT / "tools/checkpoint" / name
        if not program.exists():
            raise Failure(f"tools/checkpoint/{name} is not there")
        return subprocess.call([str(program), *args.rest], cwd=ROOT)
    return start


def demo_live(args):
    from .live import demo as run_demo
    return run_demo(args.kernel)


def apply(args):
    from .patches import apply as lay_over
    return lay_over(Path(os.environ["KDIR"]) if os.environ.get("KDIR") else None)


def patches(_args):
    from .patches import take_back
    return take_back()


def series(args):
    from .series import series as write
    return write(Path(os.environ["KDIR"]) if os.environ.get("KDIR") else None, args.build)


def check_variables():
    if ARCH == "all":
        if sys.argv[1] != "test" or PAGES:
            raise Failure("ARCH=all is for make test, without PAGES")
    elif PAGES and PAGES not in conf()["pages"].split():
        raise Failure(f"PAGES={PAGES}: {ARCH} has pages of {' and '.join(conf()['pages'].split())}")


def prepare(_args):
    return 0


def arguments():
    p = argparse.ArgumentParser(prog="scripts/run")
    sub = p.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, function, text):
        s = sub.add_parser(name, help=text, description=text)
        s.set_defaults(function=function)
        return s

    s = command("kernel", kernel, "build a kernel and print where its image is")
    s.add_argument("--flavour", default="demo", choices=("demo", "debug"))
    s.add_argument("--target", help="build only this, e.g. kernel/checkpoint/checkpoint.o")

    s = command("guest", guest, "boot a guest; run a command in it, or have its prompt")
    s.add_argument("--flavour", default="demo", choices=("demo", "debug"))
    s.add_argument("--kernel", help="boot this image instead of building one")
    s.add_argument("--cpus", type=int, default=2)
    s.add_argument("--memory", type=int, default=2048, metavar="MIB")
    s.add_argument("--data", metavar="FILE", help="disk that keeps its content, at /data in the guest; "
                   "made if it is not there")
    s.add_argument("--data-size", type=int, default=4096, metavar="MIB")
    s.add_argument("--file", action="append", default=[], metavar="SOURCE[:TARGET]",
                   help="put a file or directory at /job/TARGET")
    s.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    s.add_argument("--tests", action="store_true", help="put the selftests at /job/tests")
    s.add_argument("--no-tools", action="store_true", help="leave the tools out")
    s.add_argument("--timeout", type=int, metavar="SECONDS")
    s.add_argument("--accel", choices=("tcg", "kvm"))
    s.add_argument("--icount", action="store_true", help="time is a count of instructions: "
                   "the same each time, one processor")
    s.add_argument("--append", default="", help="more for the kernel's command line")
    s.add_argument("--qemu-arg", action="append", default=[])
    s.add_argument("--console", metavar="FILE", help="where the console's text goes")
    s.add_argument("--kmemleak", action="store_true", help="look for leaks at the end")
    s.add_argument("-v", "--verbose", action="store_true")
    s.add_argument("command_line", nargs="*", metavar="COMMAND", help="after --")

    s = command("test", test, "run the tests")
    s.add_argument("name", nargs="?", help="one selftest's name, or host, check, kunit, selftests, "
                   "power_off, tools, tour, programs, live")
    s.add_argument("--no-host", action="store_true", help="leave the host tests out")
    s.add_argument("--kernel", help="boot this image instead of building one")
    s.add_argument("--report", type=Path, metavar="FILE", help="also write the results there, as JSON")

    s = command("check", check, "look at the sources: formatting, layers, spelling, checkers")
    s.add_argument("names", nargs="*", help="only these")

    for name, program, text in (("demo", "demo/run", "the demonstration"),
                                ("bench", "bench/run", "the benchmarks"),
                                ("record", "demo/record", "record README's first screen anew")):
        command(name, driver(program), text).add_argument("rest", nargs="*")
    s = command("demo-live", demo_live, "servers whose clients keep their connections")
    s.add_argument("--kernel", help="boot this image instead of building one")
    command("apply", apply, "lay this repository over the kernel tree KDIR")
    command("patches", patches, "take edits of the built tree back into patches/ and the overlay")
    s = command("series", series, "write what a mailing list would get to out/series")
    s.add_argument("--build", action="store_true", help="compile after each mail what the series changes")
    command("estimate", estimate, "how many seconds building the kernel and running the tests will take")
    command("prepare", prepare, "set the build environment up and do nothing else")
    return p.parse_args()


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))
    args = arguments()
    try:
        check_variables()
        return args.function(args)
    except Failure as e:
        Progress.clear()
        print(f"error: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


sys.exit(main())
