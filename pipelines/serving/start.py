"""Opening the port: on this machine alone, unless the user insists."""

from __future__ import annotations

import importlib.util
import ipaddress
import socket
from collections.abc import Callable

from pipelines.errors import CuveeError

_CONCURRENT = 64
_KEEP_ALIVE = 5  #: seconds
_MOST_HEADER_BYTES = 16_384


def serve(
    run: str,
    *,
    host: str,
    port: int,
    expose: bool,
    redact: bool,
    told: Callable[[str], None],
    warn: Callable[[str], None],
) -> None:
    """Serves the run until it is interrupted; ``told`` is given the address once it answers.

    CuveeError without the extra, for an address that cannot be bound, or one beyond this machine without ``expose``.
    """
    for package in ("starlette", "uvicorn"):
        if importlib.util.find_spec(package) is None:
            raise CuveeError(f"report --serve needs {package}: pip install 'cuvee[web]'")
    if not is_loopback(host):
        if not expose:
            raise CuveeError(
                f"report --host {host}: whoever reaches this address could read the run and decide in its name; "
                "add --expose if that is meant, or leave --host out"
            )
        warn(
            f"everybody who reaches {host} can read this run and decide about it: there is no login, and no encryption"
        )
    import uvicorn

    from pipelines.serving.app import application
    from pipelines.serving.site import Site

    site = Site(run, redact=redact)
    bound = _bind(host, port)
    config = uvicorn.Config(
        application(site, exposed=expose),
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_CONCURRENT,
        timeout_keep_alive=_KEEP_ALIVE,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        http="h11",
        ws="none",
    )
    with bound:
        name, number = bound.getsockname()[:2]
        told(f"http://{f'[{name}]' if ':' in name else name}:{number}/")
        uvicorn.Server(config).run(sockets=[bound])


def is_loopback(host: str) -> bool:
    """Whether the address reaches this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _bind(host: str, port: int) -> socket.socket:
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server((name, port), family=family)
    except (OSError, OverflowError) as error:
        raise CuveeError(
            f"report: {host}:{port} cannot be bound: {getattr(error, 'strerror', None) or error}"
        ) from None
