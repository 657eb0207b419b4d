# SPDX-License-Identifier: GPL-2.0
"""Boots a guest that runs one job, and brings back its output and status."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .env import ARCH, CACHE, Failure, conf, lock, run, say, sha

STATUS = re.compile(rb"\x01lcr-status (\d+)\n")

# What the kernel prints when it has found something wrong with itself.
SPLAT = re.compile(
    r"BUG: |WARNING: |\bOops\b|KASAN: |UBSAN: |kernel BUG at|Kernel panic|"
    r"\bpossible (circular|recursive|irq|deadlock|unsafe)|inconsistent lock state|"
    r"\bpossible .* detected|INFO: rcu|rcu: INFO|detected stalls|self-detected stall|"
    r"blocked for more than|soft lockup|suspicious RCU|bad unlock balance|"
    r"sleeping function called|scheduling while atomic|kmemleak: unreferenced object|"
    r"general protection fault|unable to handle|pagealloc: |refcount_t: |list_(add|del) corruption|"
    r"rust_kernel: panicked|Slab .*corrupt|held lock freed|lock held when returning|"
    r"cannot allocate lock|Bad page state|Bad rss-counter|non-zero pgtables_bytes")
# Lines that look like one and are not; CHECKPOINT_DEBUG repeats what images and tasks contain, and
# programs may fault.
HARMLESS = re.compile(r"WARNING: The |^(\[[^]]*\] ?)*checkpoint: |"
                      r"traps: \S+\[\d+\] general protection fault ip:")


RUNNING = set()     # QEMUs, so that an interrupt can end those that threads wait for


def stop_all():
    for qemu in list(RUNNING):
        qemu.kill()


class Job:
    """The second disk: a script to run and the files that it needs."""

    def __init__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="lcr-job-", dir=tmp_dir()))
        (self.dir / "bin").mkdir()
        self.env = {}
        self.script("exit 0\n")

    def script(self, text):
        (self.dir / "run").write_text(text)

    def command(self, argv):
        self.script("exec " + shlex.join(argv) + "\n")

    def add(self, source, target):
        """A file or directory of the host at /job/TARGET."""
        to = self.dir / target.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        if Path(source).is_dir():
            shutil.copytree(source, to, symlinks=True, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("target", "*.o", "__pycache__"))
        else:
            shutil.copy2(source, to)

    def image(self):
        (self.dir / "env").write_text(
            "".join(f"export {k}={shlex.quote(str(v))}\n" for k, v in self.env.items()))
        used = sum(f.lstat().st_size + 4096 for f in self.dir.rglob("*")) >> 20
        path = self.dir.with_suffix(".ext4")
        run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-E",
             "root_owner=0:0", "-d", self.dir, path, f"{used + used // 4 + 8}M"])
        return path

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.with_suffix(".ext4").unlink(missing_ok=True)


class Result:
    def __init__(self):
        self.status = None      # exit status of the job, None if it did not come to its end
        self.ended = ""         # why, in that case
        self.output = b""
        self.console = ""
        self.seconds = 0.0

    @property
    def splats(self):
        return splats(self.console)


def splats(console):
    """Complaints of the kernel, without those that ARCH.conf knows as the kernel's own at boot."""
    known = re.compile(conf().get("harmless", r"(?!)"))
    return [l for l in console.splitlines()
            if SPLAT.search(l) and not HARMLESS.search(l) and not known.search(l)]


def tmp_dir():
    path = CACHE / "run"
    path.mkdir(parents=True, exist_ok=True)
    for old in path.glob("lcr-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > 86400:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    return path


def make_disk(path, megabytes):
    """A file system that outlives the guest."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-L", "data", path, f"{megabytes}M"])


def fetch(disk, name, to):
    """Copies a file out of a disk of make_disk()."""
    run(["debugfs", "-R", f"dump {name} {to}", disk])
    if not Path(to).exists():
        raise Failure(f"{name} is not on the disk {disk}")


class Guest:
    def __init__(self, kernel, rootfs, *, cpus=2, memory=2048, data=None, accel=None,
                 timeout=None, silence=None, append="", icount=False, qemu_args=(), cpu=None, card=False):
        self.kernel, self.rootfs = kernel, rootfs
        self.cpus, self.memory, self.data = cpus, memory, data
        # Seconds for all, and between two pieces of output.
        self.timeout, self.silence = timeout, silence
        self.append, self.icount = append, icount
        self.qemu_args = list(qemu_args)
        self.cpu = cpu      # a model of QEMU's, instead of the one in ARCH.conf
        self.card = card    # whether it has a network card, which leads nowhere
        self.accel = "tcg" if icount else (accel or accelerator(kernel, rootfs))

    def command(self, job_image, console, extra, loglevel="loglevel=7 ignore_loglevel"):
        c = conf()
        accel = {"kvm": "kvm", "tcg": "tcg,thread=multi"}[self.accel]
        if self.icount:
            accel = "tcg,thread=single"
        # Nothing of a guest outlives this program.
        cmd = ["setpriv", "--pdeathsig", "KILL", c["qemu"], "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
               "-machine", c["machine"], "-accel", accel,
               "-cpu", self.cpu or c[f"cpu_{self.accel}"], "-smp", "1" if self.icount else str(self.cpus),
               "-m", str(self.memory), "-kernel", str(self.kernel.boot)]
        if self.icount:
            cmd += ["-icount", "shift=0,sleep=off"]
        args = [f"console={c['console']}", "root=/dev/" + c.get("root", "vda"), "rw",
                "rootfstype=ext4", "init=/usr/sbin/guest-init", "panic=-1", "oops=panic",
                # Else each network namespace has nine tunnels, which take the numbers that tests give.
                "page_poison=1", "fb_tunnels=none", loglevel,
                f"lcr.end={c.get('end', 'poweroff')}", c.get("cmdline", ""),
                host_tsc() if self.accel == "tcg" and not self.icount else "", self.append]
        cmd += ["-append", " ".join(a for a in args if a)]
        disks = [("root", self.rootfs, "snapshot=on"), ("job", job_image, "readonly=on")]
        if self.data:
            disks.append(("data", self.data, "cache=unsafe"))
        for name, path, how in disks if c.get("disk_order") != "reversed" else reversed(disks):
            cmd += ["-drive", f"if=none,id={name},file={path},format=raw,{how}",
                    "-device", f"{c['block_device']},drive={name},serial={name}"]
        if "rng_device" in c:
            cmd += ["-device", c["rng_device"]]
        if self.card and "net_device" in c:
            cmd += ["-device", c["net_device"]]
        return cmd + console + extra + self.qemu_args

    def interactive(self, job):
        """The console is the terminal. Returns QEMU's status."""
        size = os.get_terminal_size() if sys.stdin.isatty() else None
        job.env.update(LCR_INTERACTIVE=1, LCR_CONSOLE="/dev/" + conf()["console"],
                       TERM=os.environ.get("TERM", "vt100"))
        if size:
            job.env.update(LCR_ROWS=size.lines, LCR_COLUMNS=size.columns)
        try:
            cmd = self.command(job.image(), ["-chardev", "stdio,mux=on,signal=off,id=con",
                                             "-serial", "chardev:con",
                                             "-object", "monitor-hmp,id=mon,chardev=con"], [], loglevel="quiet")
            return subprocess.call(cmd)
        finally:
            job.remove()

    def run(self, job, *, on_output=None, console_file=None):
        """Boots, runs the job, and returns what came of it. Removes the job's files."""
        result = Result()
        start = time.monotonic()
        tmp = tmp_dir()
        base = job.dir.name
        con, out = tmp / f"{base}.console", tmp / f"{base}.out"
        out.touch()
        extra = ["-device", conf()["serial_bus"], "-chardev", f"file,id=out,path={out}",
                 "-device", "virtserialport,chardev=out,name=out"]
        qemu = None
        try:
            cmd = self.command(job.image(), ["-serial", f"file:{con}"], extra)
            qemu = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, start_new_session=True)
            RUNNING.add(qemu)
            with open(out, "rb") as f:
                done_at, heard = None, start
                while True:
                    ended = qemu.poll() is not None
                    data = f.read()
                    if data:
                        heard = time.monotonic()
                        result.output += data
                        if on_output:
                            on_output(STATUS.sub(b"", data))
                        m = STATUS.search(result.output)
                        if m and result.status is None:
                            result.status = int(m[1])
                            done_at = time.monotonic()
                    elif ended:
                        break
                    else:
                        time.sleep(0.05)
                    now = time.monotonic()
                    if self.timeout and now - start > self.timeout and not ended:
                        result.ended = f"not finished after {self.timeout} s"
                        qemu.kill()
                    elif self.silence and now - heard > self.silence and not done_at and not ended:
                        result.ended = f"nothing was heard of it for {self.silence} s"
                        qemu.kill()
                    elif done_at and now - done_at > 60 and not ended:
                        result.ended = "the machine did not end"
                        qemu.kill()
            qemu_says = qemu.stdout.read().decode(errors="replace").strip()
            result.console = con.read_text(errors="replace") if con.exists() else ""
            result.output = STATUS.sub(b"", result.output)
            if result.status is None and not result.ended:
                panic = re.search(r"Kernel panic.*", result.console)
                result.ended = panic[0] if panic else "the machine ended early"
                if qemu_says:
                    result.ended += f" (QEMU: {qemu_says})"
        finally:
            RUNNING.discard(qemu)
            if qemu and qemu.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(qemu.pid, signal.SIGKILL)
                qemu.wait()
            if console_file and con.exists():
                Path(console_file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(con, console_file)
            con.unlink(missing_ok=True)
            out.unlink(missing_ok=True)
            job.remove()
        result.seconds = time.monotonic() - start
        return result


def host_tsc():
    """The word of the command line that tells the frequency of the time stamp counter, where the
    emulated one is the host's: too often a guest fails to measure it, and then has no clock but its
    ticks."""
    host = os.uname().machine
    if conf().get("tsc_host") != host:
        return ""
    source = Path(__file__).with_name("tsc_khz.c")
    answer = CACHE / "tsc" / sha(os.environ.get("LCR_BOOT_ID", ""), source.read_bytes())
    with lock("tsc"):
        if not answer.exists():
            answer.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=tmp_dir()) as tmp:
                run(["clang", "-O2", "-o", f"{tmp}/tsc_khz", source])
                answer.write_text(run([f"{tmp}/tsc_khz"]).strip())
    return f"tsc_early_khz={answer.read_text()}"


def accelerator(kernel, rootfs):
    """kvm if a guest runs to its end with it, else tcg. Asked once per boot of the host."""
    asked = os.environ.get("LCR_ACCEL")
    if asked in ("kvm", "tcg"):
        return asked
    if os.uname().machine != conf().get("kvm_host") or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    answer = CACHE / "kvm" / sha(os.environ.get("LCR_BOOT_ID", ""), ARCH)
    with lock("kvm"):
        if not answer.exists():
            answer.parent.mkdir(parents=True, exist_ok=True)
            job = Job()
            result = Guest(kernel, rootfs, accel="kvm", cpus=2, memory=1024, timeout=25).run(job)
            works = result.status == 0 and not result.splats
            answer.write_text("kvm" if works else "tcg")
            say("    guests: " + ("KVM works here" if works else
                "/dev/kvm is there and does not run a kernel; using QEMU's emulation"))
    return answer.read_text()
