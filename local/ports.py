"""Free ports for local servers.

A port handed out by the kernel (`bind` to 0) lies in the ephemeral range. While the server behind
it is down, a client that keeps retrying on the loopback can be given that very port as its *own*
source port, connect to itself, and keep the server from ever binding again. We therefore choose
below the ephemeral ranges of Linux (32768 and up) and macOS (49152 and up).
"""

import errno
import random
import socket

_RANGE = range(20_000, 32_000)
_TRIES = 200


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port on which nothing listens at this moment.

    Raises:
        OSError: `EADDRINUSE` when no free port was found.
    """
    for port in random.sample(_RANGE, _TRIES):
        if _is_free(host, port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port found on {host} in {_RANGE}")


def preferred_port(port: int, host: str = "127.0.0.1") -> int:
    """Return this port when nothing listens on it, another free one otherwise."""
    return port if _is_free(host, port) else free_port(host)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        # As servers do: connections of one that has just stopped linger for a minute, and are no
        # reason for its successor to move to another port.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((host, port))
            candidate.listen(1)  # with that option, Linux binds beside one that does not listen yet
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True
