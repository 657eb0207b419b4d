# SPDX-License-Identifier: GPL-2.0
"""The servers of make demo-live: how each is started, and where it listens.

What is written to a file lies on the disk of the first machine: such a server is not moved to another
one.
"""

import re
import shutil
from pathlib import Path

from common import command

HERE = Path(__file__).resolve().parent
DATA = Path("/data/live")
CONF = Path("/run/live")
NOBODY = 1000


class Server:
    """A program, its address and port."""

    def __init__(self, number, name, port, movable=True):
        self.name, self.port, self.movable = name, port, movable
        self.address = f"10.0.1.{number}"

    def argv(self):
        """The command, with what it needs in place. It is run with / as its directory."""
        return getattr(self, self.name.replace("-", "_"))()

    def conf(self, text):
        path = CONF / f"{self.name}.conf"
        path.write_text(text)
        return path

    def redis(self):
        return ["redis-server", "--bind", self.address, "--port", self.port, "--save", "", "--appendonly", "no",
                "--protected-mode", "no"]

    def memcached(self):
        return ["memcached", "-u", "root", "-l", self.address, "-p", self.port, "-m", "16", "-t", "2"]

    def nginx(self):
        conf = self.conf(f"""daemon off; user root; worker_processes 2; error_log /dev/null; pid {CONF}/nginx.pid;
events {{ worker_connections 64; }}
http {{
	access_log off; keepalive_timeout 3600; keepalive_requests 1000000;
	server {{ listen {self.address}:{self.port}; root /usr/bin; }}
}}
""")
        return ["nginx", "-e", "/dev/null", "-c", conf]

    def asyncio(self):
        return ["python3", HERE / "jobs/count.py", self.address, self.port]

    def postgres(self):
        lib = next(Path("/usr/lib/postgresql").iterdir()) / "bin"
        with open("/etc/passwd", "a") as f:
            f.write(f"postgres:x:{NOBODY}:{NOBODY}::/:/bin/sh\n")
        home = DATA / "postgres"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        shutil.chown(home, NOBODY, NOBODY)
        other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        command(*other, lib / "initdb", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C", home, cwd="/")
        (home / "pg_hba.conf").write_text("host all all 10.0.0.0/16 trust\n")
        settings = {"listen_addresses": self.address, "port": self.port, "unix_socket_directories": "",
                    "shared_buffers": "16MB", "dynamic_shared_memory_type": "mmap"}
        told = [a for k, v in settings.items() for a in ("-c", f"{k}={v}")]
        return [*other, lib / "postgres", "-D", home, *told]

    def mosquitto(self):
        return ["mosquitto", "-c", self.conf(f"listener {self.port} {self.address}\nallow_anonymous true\n"
                                             "persistence false\nuser root\nlog_dest none\n")]

    def haproxy(self):
        """Before a server of its own, to which it is connected within the tree."""
        conf = self.conf(f"""global
	nbthread 2
defaults
	mode tcp
	retries 1000
	timeout connect 1h
	timeout client 1h
	timeout server 1h
frontend all
	bind {self.address}:{self.port}
	default_backend count
backend count
	server one 127.0.0.1:7777
""")
        both = 'python3 "$1" 127.0.0.1 7777 & exec haproxy -db -f "$2"'
        return ["sh", "-c", both, "sh", HERE / "jobs/count.py", conf]

    def node_exporter(self):
        """Written in Go."""
        # A directory that each machine has: what was in memory is gone after a power-off.
        directory = HERE / "jobs"
        return ["prometheus-node-exporter", f"--web.listen-address={self.address}:{self.port}",
                "--collector.disable-defaults", "--collector.textfile",
                f"--collector.textfile.directory={directory}"]

    def sshd(self):
        """Without keys of users: the net that it is in has nobody else. What runs in a session has no terminal."""
        with open("/etc/passwd", "a") as f:
            f.write("sshd:x:105:65534::/run/sshd:/bin/false\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        passwd = Path("/etc/passwd")
        passwd.write_text(re.sub("^root:[^:]*:", "root::", passwd.read_text(), flags=re.M))
        key = CONF / "host_key"
        key.unlink(missing_ok=True)
        command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        return ["/usr/sbin/sshd", "-D", "-e", "-f", self.conf(f"""
ListenAddress {self.address}
Port {self.port}
HostKey {key}
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PermitEmptyPasswords yes
""")]

    def java(self):
        binary = next(Path("/usr/lib/jvm").glob("java-*/bin/java"))
        return [binary, "-Xmx48m", "-XX:-UsePerfData", HERE / "jobs/Count.java", self.address, self.port]

    def bulk(self):
        return ["python3", HERE / "jobs/bulk.py", "serve", self.address, self.port]


SERVERS = {s.name: s for s in (
    Server(1, "redis", 6379), Server(2, "nginx", 80), Server(3, "asyncio", 7100), Server(4, "memcached", 11211),
    Server(5, "postgres", 5432, movable=False), Server(6, "mosquitto", 1883), Server(7, "haproxy", 7200),
    Server(8, "node-exporter", 9100), Server(10, "sshd", 22), Server(11, "java", 7300))}
# A transfer over a net that loses and reorders what goes to and from this port.
BULK = Server(9, "bulk", 7800)
