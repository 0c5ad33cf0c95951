"""``cuvee-worker``: settings first, and then the libraries that read them when they are imported."""

from __future__ import annotations

import os

from pipelines.environment import WORKERS


def main() -> None:
    """Entry point. Arguments are those that a Beam runner gives; see ``pipelines.engines.boot``."""
    for name, value in WORKERS.items():
        os.environ.setdefault(name, value)
    from pipelines.engines import boot

    boot.main()


if __name__ == "__main__":
    main()
