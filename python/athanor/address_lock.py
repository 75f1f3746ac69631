"""Two drivers never share an address: over “ipc” the second would silently take the first one's place."""

from __future__ import annotations

import os
import socket
import stat

from .errors import EnvironmentFailure

_LONGEST_PATH = 107  # bytes, of a local socket


def ipc_path(address: str) -> str | None:
    """The file of an “ipc://” address. Raises EnvironmentFailure if its path is too long."""
    if not address.startswith("ipc://") or address.startswith("ipc://@"):
        return None
    path = address.removeprefix("ipc://")
    length = len(os.fsencode(path))
    if length > _LONGEST_PATH:
        raise EnvironmentFailure(f"the path {path} is {length} bytes long; the path of a local socket may have {_LONGEST_PATH} at "
                                 "most. Choose a shorter folder")
    return path


class AddressLock:
    """Holds FILE.lock beside the socket file of an “ipc://” address; nothing for other addresses, which the system guards
    itself. Freed by the system when the process dies."""

    def __init__(self, address: str) -> None:
        """Raises EnvironmentFailure, naming the address: in use, the file is no socket, the lock file cannot be made."""
        self._fd = -1
        path = ipc_path(address)
        if path is None:
            return
        import fcntl  # not on every system; nor are “ipc” addresses

        folder = os.path.dirname(path)
        if folder and not os.path.isdir(folder):
            raise EnvironmentFailure(f"the folder {folder} of the address {address} is not there. Make it first")
        self._file = path + ".lock"
        # Whoever held it before may have removed the file after we opened it: then what we hold has no name, and we try
        # again.
        while self._fd < 0 or not self._still_named():
            self.release()
            try:
                self._fd = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as error:
                raise EnvironmentFailure(f"the lock file {self._file} cannot be made: {error.strerror}") from error
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                self.release()
                raise _in_use(address, "another driver or controller") from error
        try:
            _check_file(address, path)
        except EnvironmentFailure:
            self.release()
            raise

    def remove(self) -> None:
        """When the socket is gone."""
        if self._fd >= 0:
            os.unlink(self._file)
            self.release()

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _still_named(self) -> bool:
        try:
            held, named = os.fstat(self._fd), os.stat(self._file)
        except OSError:
            return False
        return (held.st_ino, held.st_dev) == (named.st_ino, named.st_dev)


def _in_use(address: str, by: str) -> EnvironmentFailure:
    return EnvironmentFailure(f"the address {address} is in use: {by} listens there. Stop it, or choose another address")


def _check_file(address: str, path: str) -> None:
    """A socket file that a killed process left behind may be replaced; one that somebody listens on, or another file, may
    not."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise EnvironmentFailure(f"the address {address} is that of a file that is no socket. Choose another address")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            pass  # its queue is full: somebody is there
        except OSError:
            return
        raise _in_use(address, "another program")
