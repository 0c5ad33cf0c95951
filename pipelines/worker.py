"""``cuvee-worker``: settings first, and then the libraries that read them when they are imported."""

from __future__ import annotations

from pipelines.environment import WORKERS, settle


def main() -> None:
    """Entry point. Arguments are those that a Beam runner gives; see ``pipelines.engines.boot``."""
    settle(WORKERS)
    from pipelines.engines import boot

    boot.main()


if __name__ == "__main__":
    main()
