# SPDX-License-Identifier: GPL-2.0
"""CRIU for guests, which make bench measures beside this project: Debian's package with all that
it needs, the C library included, unpacked into a directory of its own."""

import shutil
import tempfile
from pathlib import Path

from .env import ARCH, CACHE, SUITE, Failure, conf, lock, run, sha, step
from .rootfs import archive, unpack_package

# The newest one, with the libraries that it asks for; all else is of the usual suite.
PACKAGES = ("criu/experimental", "libcompel1/experimental", "libnl-3-200/sid", "libnet9/sid")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Where it is in a guest.
PLACE = "/job/criu"


def root():
    """Returns the directory, which is made if need be; fails with the reason if it can't be."""
    path = CACHE / "criu" / f"{ARCH}-{sha(SUITE, *PACKAGES)}"
    with lock(f"criu-{ARCH}"):
        if not path.exists():
            step(f"unpacking CRIU (Debian, {conf()['debian_arch']})")
            path.parent.mkdir(parents=True, exist_ok=True)
            tmp = Path(tempfile.mkdtemp(dir=path.parent, prefix=".new-"))
            try:
                (tmp / "root").mkdir()
                for package in packages(tmp):
                    unpack_package(package, tmp / "root")
                (tmp / "root").rename(path)
            finally:
                shutil.rmtree(tmp, ignore_errors=True)
    return path


def packages(tmp):
    """Downloads the packages as apt does for an empty system; returns their files."""
    suites = sorted({SUITE, *(p.partition("/")[2] for p in PACKAGES)})
    (tmp / "sources").write_text("".join(f"deb [signed-by={KEYRING}] {archive()} {s} main\n" for s in suites))
    (tmp / "status").touch()
    for name in ("lists/partial", "cache/archives/partial"):
        (tmp / name).mkdir(parents=True)
    options = {"APT::Architecture": conf()["debian_arch"], "APT::Architectures": conf()["debian_arch"],
               "APT::Sandbox::User": "root", "Acquire::Languages": "none",
               "Dir::Etc::sourcelist": tmp / "sources", "Dir::Etc::sourceparts": "/dev/null",
               "Dir::Etc::preferencesparts": "/dev/null", "Dir::State": tmp, "Dir::State::lists": tmp / "lists",
               "Dir::State::status": tmp / "status", "Dir::Cache": tmp / "cache"}
    apt = ["apt-get", "-q", *(f"-o{key}={value}" for key, value in options.items())]
    log = CACHE / "log" / f"criu-{ARCH}"
    run([*apt, "update", "--error-on=any"], log=log)
    run([*apt, "install", "-y", "--download-only", "--no-install-recommends", "-t", SUITE, *PACKAGES], log=log)
    return sorted((tmp / "cache/archives").glob("*.deb"))


def add(job):
    """Gives a guest's job CRIU as the command criu. It runs with its own C library, and what it
    runs with that of the guest."""
    path = root()
    job.add(path, Path(PLACE).name)
    try:
        loader = next(path.glob("usr/lib*/ld*.so.*")).relative_to(path)
        program = next(path.glob("usr/*bin/criu")).relative_to(path)
    except StopIteration:
        raise Failure(f"the packages of CRIU have no program or no loader ({path})") from None
    libraries = ":".join(f"{PLACE}/{d.relative_to(path)}" for d in sorted(path.glob("usr/lib/*-linux-gnu*")))
    command = job.dir / "bin/criu"
    command.write_text(f'#!/bin/sh\nexec {PLACE}/{loader} --library-path {libraries} {PLACE}/{program} "$@"\n')
    command.chmod(0o755)
