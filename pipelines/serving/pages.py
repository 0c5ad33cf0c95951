"""Values to HTML: the templates escape everything, and no page holds a script."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from manifests.report.shown import plain, safe_link
from pipelines.serving.site import Site

_LONGEST = 400


class Pages:
    """The templates, with what all of them show."""

    def __init__(self, site: Site) -> None:
        self._environment = Environment(
            loader=PackageLoader("pipelines.serving", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"cell": cell, "plain": shown, "link": safe_link, "path": path, "query": query}
        self._environment.globals |= {"site": site}

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self._environment.get_template(f"{template}.html.j2").render(**values), status)

    def style(self) -> Response:
        text = resources.files("pipelines.serving").joinpath("style.css").read_text("utf-8")
        return Response(text, media_type="text/css; charset=utf-8")


def cell(value: Any) -> str:
    """A value of a table, on one line, without what is invisible."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}"
    return shown(value)


def shown(value: Any, most: int = _LONGEST) -> str:
    """A stranger's words on one line."""
    return plain(None if value is None else str(value), most)


def path(value: Any) -> str:
    """A part of a path."""
    return quote(str(value), safe="")


def query(fields: Mapping[str, Any]) -> str:
    """The end of an address; fields without a value are left out."""
    told = urlencode({k: v for k, v in fields.items() if v not in ("", None)})
    return f"?{told}" if told else ""
