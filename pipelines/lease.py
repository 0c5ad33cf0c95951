"""One driver at a time in a run folder: a file lock on this machine, a lease on an object store.

The lease is one small object, written only on the condition that nobody else wrote it meanwhile (compare and swap), and
renewed by its holder while it works. Nobody's clock is trusted: a newcomer watches the object; when it changes, the
holder is alive; when it has not changed for ``EXPIRY`` seconds of the newcomer's own time, the holder is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from manifests import storage
from pipelines.errors import RunFailed

NAME = ".lock"
BEAT = 4.0  #: seconds between renewals
EXPIRY = 60.0  #: longer than the store may be away


class Hold(Protocol):
    """A held run folder. ``lost`` says why it is held no more; empty while it is."""

    lost: str

    def release(self) -> None: ...


def acquire(uri: str) -> Hold:
    """Holds a run folder. RunFailed, naming the holder, when somebody else does."""
    return _LocalLock(uri) if storage.is_local(uri) else _Lease(uri)


class _LocalLock:
    lost = ""

    def __init__(self, uri: str) -> None:
        folder = storage.local_path(uri)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = open(folder / NAME, "a+")  # noqa: SIM115  held for the whole run
        except OSError as error:
            raise RunFailed(f"{uri}: cannot be used as a run folder: {error.strerror}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise RunFailed(_in_use(uri, holder)) from None
        with suppress(OSError):  # only a help for people
            self._file.truncate(0)
            self._file.write(f"{_name()}\n")
            self._file.flush()

    def release(self) -> None:
        self._file.close()


class _Lease:
    def __init__(self, uri: str) -> None:
        if not storage.is_store(uri):
            raise RunFailed(f"{uri}: a run folder is a path, or lies on s3:// or gs://")
        self.lost = ""
        self._uri = storage.join(uri, NAME)
        self._store = storage.leasing(uri)
        self._token = uuid.uuid4().hex
        self._beats = 0
        try:
            storage.check(uri)
            self._version = self._take(uri)
        except storage.StorageError as error:
            raise RunFailed(str(error)) from None
        self._stop = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)
        self._renewing.start()

    def release(self) -> None:
        self._stop.set()
        self._renewing.join()
        if not self.lost:
            with suppress(OSError):
                self._store.remove(self._uri)

    def _content(self) -> bytes:
        self._beats += 1
        said = {"holder": _name(), "machine": _machine(), "pid": os.getpid(), "token": self._token, "beat": self._beats}
        return json.dumps(said, sort_keys=True).encode()

    def _take(self, uri: str) -> str:
        while True:
            version = self._abandoned(uri)
            with suppress(storage.Contested):
                return self._store.put_if(self._uri, self._content(), version)

    def _abandoned(self, uri: str) -> str:
        """The version to replace, empty when there is none. RunFailed when the holder shows a sign of life."""
        found = storage.stat(self._uri)
        if found is None:
            return ""
        holder = self._holder()
        if _is_gone(holder) or holder.get("token") == self._token:  # ours: written, but the answer got lost
            return found.version
        since = time.monotonic()
        while time.monotonic() - since < EXPIRY:
            time.sleep(BEAT / 2)
            now = storage.stat(self._uri)
            if now is None:
                return ""
            if now.version != found.version:
                raise RunFailed(_in_use(uri, str(holder.get("holder", "another process"))))
        return found.version

    def _holder(self) -> dict[str, Any]:
        try:
            return dict(json.loads(storage.read_bytes(self._uri)))
        except (ValueError, TypeError, OSError):
            return {}

    def _renew(self) -> None:
        renewed = time.monotonic()
        while not self._stop.wait(BEAT):
            try:
                self._version = self._store.put_if(self._uri, self._content(), self._version)
                renewed = time.monotonic()
            except storage.Contested:
                if self._holder().get("token") != self._token:
                    self.lost = f"the run folder was taken over by {self._holder().get('holder', 'another process')}"
                    return
                found = storage.stat(self._uri)  # our own write, whose answer got lost
                self._version = found.version if found else ""
            except OSError as error:
                if time.monotonic() - renewed > EXPIRY:
                    self.lost = f"the run folder could not be held: {error}"
                    return


def _in_use(uri: str, holder: str) -> str:
    return f"{uri} is in use by {holder}: wait for it or stop it"


def _name() -> str:
    return f"process {os.getpid()} on {platform.node()}"


def _machine() -> str:
    """Names this boot of this machine and this container, so that process numbers can be compared; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""


def _is_gone(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is no more."""
    if not _machine() or holder.get("machine") != _machine():
        return False
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, KeyError, TypeError, ValueError):
        return False
    return False
