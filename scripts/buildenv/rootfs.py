# SPDX-License-Identifier: GPL-2.0
"""The guest's root file system: Debian packages unpacked into an ext4 image.

Packages are unpacked and not configured, which is all that their programs need,
and works for every architecture alike.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .env import ARCH, CACHE, NATIVE, SCRIPTS, SUITE, Failure, conf, lock, run, say, sha, step

PACKAGES = ("bash coreutils dash diffutils findutils gawk grep gzip hostname iproute2 less "
            "libcap2-bin mount procps psmisc python3 sed strace tar util-linux xz-utils").split()
# What only tests of this architecture need.
PACKAGES += conf().get("guest_packages", "").split()
# Programs of another architecture are built against its root file system.
PACKAGES += [] if NATIVE else ["libc6-dev", "libgcc-14-dev"]
# What nobody reads in a guest.
REMOVE = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
          "usr/share/i18n", "usr/share/zoneinfo", "var/cache/apt", "var/lib/apt", "var/lib/dpkg",
          "usr/share/perl", "usr/lib/apt", "usr/share/bash-completion")
SIZE_MB = 512
# More for make test-programs, in an image of its own.
PROGRAMS = ("bubblewrap cron erlang-base gcc gdb git libc6-dev make nodejs openjdk-21-jdk-headless ruby "
            "sqlite3 x265").split()
PROGRAMS_MB = 3072
# And for make demo-live.
SERVERS = ("haproxy iproute2 memcached mosquitto nftables nginx openjdk-21-jdk-headless openssh-client "
           "openssh-server postgresql-17 prometheus-node-exporter redis-server").split()
SERVERS_MB = 2560
# The suite after the usual one, for guests only: what their programs need is in both.
NEXT_SUITE = "forky"
SCRIPT = "/usr/share/debootstrap/scripts/sid"


def archive():
    """The mirror that the build environment uses."""
    for line in Path("/etc/apt/sources.list.d/linux-cr.list").read_text().splitlines():
        m = re.match(r"deb (\S+)", line)
        if m:
            return m[1]
    raise Failure("no package source in the build environment")


def base_key(packages):
    return sha(SUITE, ARCH, " ".join(packages))


def base(more=()):
    """The directory that the image is made of; also where programs of another architecture
    find the headers and libraries that they are built with."""
    packages = [*PACKAGES, *more]
    path = CACHE / "rootfs" / f"{ARCH}-{base_key(packages)}"
    if path.exists():
        return path
    with lock(f"rootfs-{ARCH}"):
        if not path.exists():
            step(f"unpacking the guest's root file system (Debian {SUITE}, {conf()['debian_arch']})")
            path.parent.mkdir(parents=True, exist_ok=True)
            tmp = Path(tempfile.mkdtemp(dir=path.parent, prefix=".new-"))
            try:
                unpack(tmp, packages)
                tmp.chmod(0o755)
                tmp.rename(path)
            finally:
                shutil.rmtree(tmp, ignore_errors=True)
    return path


def rootfs(more=(), size=SIZE_MB):
    """Path of the image, which is only ever read; with more packages than usual, and of so many MiB."""
    init = SCRIPTS / "guest-init"
    fstab = SCRIPTS / "guest-fstab"
    me = Path(__file__).read_bytes()
    key = sha(base_key([*PACKAGES, *more]), init.read_bytes(), fstab.read_bytes(), me)
    out = CACHE / "rootfs" / f"{ARCH}-{key}.ext4"
    if out.exists():
        return out
    source = base(more)
    with lock(f"rootfs-{ARCH}"):
        if out.exists():
            return out
        tmp = Path(tempfile.mkdtemp(dir=out.parent, prefix=".image-"))
        try:
            shutil.copy(init, source / "usr/sbin/guest-init")
            shutil.copy(fstab, source / "etc/fstab")
            links = source / "usr/lib/guest-dev"
            shutil.rmtree(links, ignore_errors=True)
            links.mkdir()
            for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"),
                                 ("stderr", "fd/2")):
                (links / name).symlink_to(f"/proc/self/{target}")
            run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-L", "root",
                 "-d", source, tmp / "image", f"{size}M"], log=CACHE / "log" / f"mke2fs-{ARCH}")
            (tmp / "image").rename(out)
        finally:
            shutil.rmtree(tmp, ignore_errors=True)
        return out


def fetch(root, suite, packages):
    """The packages of one suite, and what debootstrap unpacks of them."""
    # A debootstrap older than the suite does not know it by name.
    known = Path("/usr/share/debootstrap/scripts", suite).exists()
    run(["debootstrap", "--foreign", "--variant=minbase", f"--arch={conf()['debian_arch']}",
         "--include=" + ",".join(packages), suite, root, archive(), *([] if known else [SCRIPT])],
        log=CACHE / "log" / f"rootfs-{ARCH}")


def unpack_package(deb, root):
    """Unpacks a package, without configuring it, and keeps the links from /bin to /usr/bin and so on."""
    unpacked = subprocess.run(f"dpkg-deb --fsys-tarfile '{deb}' | tar -x --keep-directory-symlink -C '{root}'",
                              shell=True, capture_output=True, text=True)
    if unpacked.returncode:
        raise Failure(f"cannot unpack {deb.name}: {unpacked.stderr.strip()}")


def unpack(root, packages):
    try:
        fetch(root, SUITE, packages)
    except Failure as e:
        if NATIVE:
            raise
        # After a point release mirrors may lack packages of the rarer architectures for a while.
        say(f"    {e}; taking Debian {NEXT_SUITE} instead")
        for old in root.iterdir():
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        fetch(root, NEXT_SUITE, packages)
    for deb in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        unpack_package(deb, root)
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / f"etc/{name}")
    for link, target in (("usr/bin/awk", "gawk"), ("usr/bin/sh", "dash"), ("usr/bin/python", "python3")):
        if not (root / link).exists():
            (root / link).symlink_to(target)
    for name in REMOVE:
        shutil.rmtree(root / name, ignore_errors=True)
    shutil.rmtree(root / "debootstrap", ignore_errors=True)
    for name in ("job", "data", "root", "tmp", "run", "proc", "sys", "dev"):
        (root / name).mkdir(exist_ok=True)
    (root / "etc/hosts").write_text("127.0.0.1 localhost guest\n")
    (root / "etc/mtab").unlink(missing_ok=True)
    (root / "etc/mtab").symlink_to("/proc/self/mounts")
    # -r: no network, so nothing to resolve; shells in guests are root's
    (root / "root/.bashrc").write_text("PS1='guest# '\n")
