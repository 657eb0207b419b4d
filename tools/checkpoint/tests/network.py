# SPDX-License-Identifier: GPL-2.0
"""The commands in a guest: what becomes of sockets whose other end, address or network namespace is
somebody else's, as options say."""

import ctypes
import os
import socket

from asking import ask, program
from harness import check, test, until

# Switches the loopback device on.
LO_UP = """
import fcntl, struct
_s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(_s, 0x8914, struct.pack("16sH14x", b"lo", 0x49))
_s.close()
"""
CLONE_NEWNET = 0x40000000


def lo_up(ns=None):
    """Does that here, or in the namespace of a process, which a child enters."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            if ns:
                with open(ns, "rb") as file:
                    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
            exec(LO_UP, {"socket": socket})    # pylint: disable=exec-used
            status = 0
        finally:
            os._exit(status)
    check(os.waitpid(pid, 0)[1] == 0, "the loopback device can't be switched on")


def connected(place):
    """A job with a connection to this process; returns it and this end of the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        job = program(place, f"s = socket.create_connection(('127.0.0.1', {port}))")
        end = server.accept()[0]
    return job, end


@test
def tcp(place):
    """What becomes of a connection to somebody else is what is asked for."""
    lo_up()
    for option, read in (("reset", "ConnectionResetError"), ("close", "b''"), ("keep", "b'hello'")):
        job, end = connected(place)
        with end:
            image = place.image(option, job=job)
            pid = place.restart(image, "--tcp", option)
            if option == "keep":
                end.sendall(b"hello")
            said = ask(place, "s.recv(5)")
            check(said == read, f"--tcp {option}: it has read {said}")
            if option == "keep":
                check(ask(place, "s.send(b'back')") == "4", "it can't send")
                check(end.recv(4) == b"back", "something else has arrived")
        place.kill(pid)


@test
def address(place):
    """A socket has another address than before, which gets what is sent there."""
    lo_up()
    job = program(place, "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.5', 0))")
    port = ask(place, "s.getsockname()[1]")
    image = place.image(job=job)
    for option, now in (("127.0.0.5=127.0.0.6", "127.0.0.6"), ("127.0.0.0/16=127.1.0.0/16", "127.1.0.5")):
        pid = place.restart(image, "--address", option)
        said = ask(place, "s.getsockname()")
        check(said == f"('{now}', {port})", f"--address {option}: it has the address {said}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello", (now, int(port)))
        check(ask(place, "s.recv(5)") == "b'hello'", "nothing has arrived")
        place.kill(pid)
    pid = place.restart(image)
    check(ask(place, "s.getsockname()[0]") == "'127.0.0.5'", "it has another address without being asked")


def in_a_namespace(place):
    """A job in a network namespace of its own, with a socket there."""
    job = program(place, LO_UP + "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                                 "s.bind(('127.0.0.1', 4711))\n", before=("unshare", "--net"))
    check(ns_of(job.pid) != ns_of("self"), "it is in this namespace")
    return job


def ns_of(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


def namespace(place):
    """Somebody who has a network namespace with an address; returns the path of that."""
    holder = place.start("unshare", "--net", "sleep", "100000")
    until(lambda: ns_of(holder.pid) != ns_of("self"), "its namespace")
    path = f"/proc/{holder.pid}/ns/net"
    lo_up(path)
    return path


@test
def netns(place):
    """Into a namespace that is there, in the place of the one that was saved."""
    path = namespace(place)
    image = place.image(job=in_a_namespace(place))
    for options, same in ((("--netns", path), True), ((), False)):
        pid = place.restart(image, *options)
        check((ns_of(pid) == os.readlink(path)) == same, f"it is in {ns_of(pid)}")
        check(ns_of(pid) != ns_of("self"), "it is in this namespace")
        check(ask(place, "s.getsockname()") == "('127.0.0.1', 4711)", "it has another address")
        place.kill(pid)


@test
def netns_by_descriptor(place):
    path = namespace(place)
    image = place.image(job=in_a_namespace(place))
    with open(path, "rb") as file:
        pid = place.restart(image, "--netns", file.fileno(), pass_fds=(file.fileno(),))
    check(ns_of(pid) == os.readlink(path), f"it is in {ns_of(pid)}")


@test
def net_outside(place):
    """What is in its namespace stays outside: it is restarted in one that somebody has made."""
    path = namespace(place)
    image = place.image("image", "--net-outside", job=in_a_namespace(place))
    place.fails("restart", image, says="what is in its network namespace was left outside")
    pid = place.restart(image, "--netns", path)
    check(ns_of(pid) == os.readlink(path), f"it is in {ns_of(pid)}")
    check(ask(place, "s.getsockname()") == "('127.0.0.1', 4711)", "it has another address")


def served(place):
    """A server at a path, and a job that is connected to it; returns both, and the connection."""
    path = place.dir / "server"
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(5)
    job = program(place, f"s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r})")
    return job, server, server.accept()[0]


@test
def reconnect(place):
    """A socket connects to its server again, which is found by a pattern or by the descriptor."""
    for by_name in (True, False):
        job, server, end = served(place)
        with server, end:
            place.fails("checkpoint", "--dry-run", job.pid, says="outside")
            what = f"{place.dir}/serv*" if by_name else ask(place, "s.fileno()")
            image = place.image("image", "--reconnect", what, job=job)
            check(end.recv(1) == b"", "the connection is still there")
            pid = place.restart(image)
            with server.accept()[0] as again:
                again.sendall(b"hello")
                check(ask(place, "s.recv(5)") == "b'hello'", "something else has arrived")
                check(ask(place, "s.send(b'back')") == "4", "it can't send")
                check(again.recv(4) == b"back", "something else has arrived")
        place.kill(pid)


@test
def disconnect(place):
    """Whose server is gone comes back as if that had closed the connection, if that is asked for."""
    job, server, end = served(place)
    with server, end:
        image = place.image("image", "--reconnect", f"{place.dir}/server", job=job)
    (place.dir / "server").unlink()
    place.fails("restart", image, says="nobody listens there")
    pid = place.restart(image, "--disconnect", "*/server")
    check(ask(place, "s.recv(5)") == "b''", "it is connected")
    place.kill(pid)


@test
def disconnect_at_a_checkpoint(place):
    job, server, end = served(place)
    with server, end:
        image = place.image("image", "--disconnect", ask(place, "s.fileno()"), job=job)
        place.restart(image)
        check(ask(place, "s.recv(5)") == "b''", "it is connected")
        server.setblocking(False)
        try:
            server.accept()
        except BlockingIOError:
            return
        check(False, "it has connected again")
