"""The pages by their addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from manifests import reviews
from manifests.reviews import ACTIONS, Review
from pipelines.errors import CuveeError
from pipelines.reviewing import decide
from pipelines.serving import downloads, forms, lookup, report
from pipelines.serving import tables as named_tables
from pipelines.serving.guard import Guard
from pipelines.serving.pages import Pages
from pipelines.serving.site import Site

_ROWS = 200  #: of a table on a page; the CSV file has all
_TEXT = 4000  #: characters of a document's text


def application(site: Site, *, exposed: bool = False) -> Starlette:
    """Everything that is served. ``exposed``: also to those who reach this machine by its addresses and its name."""
    handlers = _Handlers(site)
    ways: list[tuple[str, Callable[[Request], Any], list[str]]] = [
        ("/", handlers.first, ["GET"]),
        ("/style.css", handlers.style, ["GET"]),
        ("/report/{name:path}", handlers.report, ["GET"]),
        ("/lookup", handlers.lookup, ["GET"]),
        ("/document/{id}", handlers.document, ["GET"]),
        ("/review", handlers.review, ["GET"]),
        ("/review", handlers.decide, ["POST"]),
        ("/tables", handlers.tables, ["GET"]),
        ("/tables/{name}.csv", handlers.csv, ["GET"]),
        ("/tables/{name}", handlers.table, ["GET"]),
        ("/exports", handlers.exports, ["GET"]),
        ("/exports/{form}", handlers.export, ["GET"]),
    ]
    return Starlette(
        routes=[Route(path, endpoint, methods=methods) for path, endpoint, methods in ways],
        middleware=[Middleware(Guard, exposed=exposed)],
        exception_handlers={
            HTTPException: handlers.refused,
            ValueError: handlers.wrong,
            CuveeError: handlers.wrong,
            OSError: handlers.broken,
        },
    )


class _Handlers:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.pages = Pages(site)

    def first(self, request: Request) -> Response:
        return RedirectResponse("/report/", 307)

    def style(self, request: Request) -> Response:
        return self.pages.style()

    def report(self, request: Request) -> Response:
        return _found(report.page(self.site, request.path_params["name"]))

    def lookup(self, request: Request) -> Response:
        question, way = request.query_params.get("q", ""), request.query_params.get("by") or "anything"
        page = _number(request.query_params.get("page", ""))
        answer = lookup.answer(self.site, question, way, page) if question.strip() else None
        return self.pages.page(
            "lookup",
            answer=answer,
            question=question,
            way=way,
            ways=lookup.WAYS,
            page=page,
            size=lookup.PAGE,
            most=_TEXT,
            actions=ACTIONS,
        )

    def document(self, request: Request) -> Response:
        chain = lookup.document(self.site, request.path_params["id"])
        if chain is None:
            raise HTTPException(404, f"no document {request.path_params['id'][:40]} in this run")
        return self.pages.page("document", chain=chain, token=None, most=_TEXT, actions=ACTIONS)

    def review(self, request: Request) -> Response:
        query = dict(request.query_params)
        waits = named_tables.waiting(self.site, query)
        chosen = {"policy": self.site.policy(query.get("policy", "")).name, "action": query.get("action") or "review"}
        return self.pages.page(
            "review",
            by_signature=reviews.by_signature(waits),
            by_host=reviews.by_host(waits),
            rows=_ROWS,
            chosen=chosen,
            actions=ACTIONS,
        )

    async def decide(self, request: Request) -> Response:
        fields = await forms.read(request, self.site.token)
        known = ("action", "scope", "value", "licence", "reviewer", "reason")
        if unknown := sorted(set(fields) - set(known)):
            raise HTTPException(400, f"unknown field {unknown[0][:40]!r}")
        given = {name: fields.get(name, "").strip() for name in known}
        if given["action"] != "licence":
            given["licence"] = ""
        review = Review(**given, time=reviews.now())
        made = await run_in_threadpool(decide, self.site.run, review)
        return self.pages.page("decided", 201, made=made)

    def tables(self, request: Request) -> Response:
        return self.pages.page("tables", tables=named_tables.TABLES)

    def table(self, request: Request) -> Response:
        name, named = self._named(request)
        query = dict(request.query_params)
        return self.pages.page(
            "table", name=name, named=named, query=query, frame=named.of(self.site, query), rows=_ROWS
        )

    def csv(self, request: Request) -> Response:
        name, named = self._named(request)
        data = named_tables.csv(named.of(self.site, dict(request.query_params)))
        told = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(data, media_type="text/csv; charset=utf-8", headers=told)

    def _named(self, request: Request) -> tuple[str, named_tables.Named]:
        name = request.path_params["name"]
        if name not in named_tables.TABLES:
            raise HTTPException(404, f"no table {name[:40]!r}; there are {', '.join(named_tables.TABLES)}")
        return name, named_tables.TABLES[name]

    def exports(self, request: Request) -> Response:
        return self.pages.page("exports", formats=downloads.FORMATS)

    def export(self, request: Request) -> Response:
        return _found(downloads.download(self.site, request.path_params["form"]))

    def refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self.pages.page("error", error.status_code, told=error.detail)

    def wrong(self, request: Request, error: Exception) -> Response:
        return self.pages.page("error", 400, told=str(error))

    def broken(self, request: Request, error: Exception) -> Response:
        return self.pages.page("error", 503, told="the run folder cannot be read: is it still there?")


def _found(response: Response | None) -> Response:
    if response is None:
        raise HTTPException(404, "nothing is here")
    return response


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0
