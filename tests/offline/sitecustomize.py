"""Refuse every connection beyond this machine, in every Python process that the tests start.

Python imports a module of this name at start-up, so a process with this folder on PYTHONPATH is
covered from its first line: pytest, the notebooks' kernels, and whatever these start in turn.

An audit hook sees a call before it is made, so nothing has been sent when it raises. It sees
Python's `socket` module, and so requests, httpx, urllib and pip, but not sockets that a C library
opens by itself. One gap is CPython's own: `socket.connect((name, port))` with a host name resolves
the name first; everything that goes through `socket.getaddrinfo` or `create_connection` does not.
"""

import _socket  # the C part alone: every process pays for what is imported here
import os
import re
import sys

LOCAL_NAMES = {"", "localhost", "localhost.", "ip6-localhost", "ip6-loopback"}
LOCAL_ADDRESS = re.compile(
    r"127(\.\d{1,3}){1,3}"
    r"|0\.0\.0\.0|::"  # "any interface": to listen; a connection to it stays on this machine
    r"|(0*:)*:0*1|(0+:){7}0*1"  # ::1 in its spellings
    r"|::ffff:127(\.\d{1,3}){3}",
    re.IGNORECASE,
)
# AF_UNIX and AF_NETLINK do not exist on every system
LOCAL_FAMILIES = {getattr(_socket, name, None) for name in ("AF_UNIX", "AF_NETLINK")} - {None}

# event -> which of its arguments is the address or the host
WATCHED = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}


class NetworkRefusedError(OSError):
    """Raised instead of reaching another machine.

    An OSError, because that is what code that can do without a network expects without one.
    """


def is_local(host):
    """Whether a host, as a name or a number, is this machine (None means any interface)."""
    if host is None:
        return True
    if isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str):
        return False
    name = host.split("%")[0].lower()  # ::1%lo
    return name in LOCAL_NAMES or LOCAL_ADDRESS.fullmatch(name) is not None


def refuse_beyond_loopback(event, arguments):
    if event not in WATCHED:
        return
    address = arguments[WATCHED[event]]
    first = arguments[0]
    if getattr(first, "family", None) in LOCAL_FAMILIES:
        return
    if event == "socket.sendmsg" and address is None:  # already connected, so already checked
        return
    host = address[0] if isinstance(address, tuple) and address else address
    if not is_local(host):
        raise NetworkRefusedError(
            f"{event} to {address!r} was refused: the course's tests and builds run offline, "
            "only this machine (127.0.0.1, ::1, localhost) can be reached"
        )


def run_shadowed_sitecustomize():
    """Run the sitecustomize that would have been imported if this one were not in front of it."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    here = os.path.realpath(os.path.dirname(__file__))
    rest = [folder for folder in sys.path if os.path.realpath(folder) != here]
    spec = PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


def install():
    """Put the hook in place, once; Python has no way to take it out again."""
    if not getattr(sys, "_course_offline", False):
        sys._course_offline = True
        sys.addaudithook(refuse_beyond_loopback)


if __name__ == "sitecustomize":  # not when pytest collects this file, say
    install()
    run_shadowed_sitecustomize()
