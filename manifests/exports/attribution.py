"""Attribution: title, source and licence of every work whose licence asks for credit, as a table and as a page."""

from __future__ import annotations

from html import escape
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests import storage
from manifests.exports.facts import Facts
from manifests.exports.licensing import address
from manifests.exports.rows import open_run
from manifests.policy import obligations_of
from manifests.report.frame import path_of
from manifests.report.shown import plain, safe_link
from manifests.reservations import host_of

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("url", pa.string()),
        ("host", pa.string()),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("licence_address", pa.string()),
        ("licence_class", pa.string()),
        ("evidence", pa.string()),  # the kind that decided, and of that the first claim: who, where, in what words
        ("asserter", pa.string()),
        ("locator", pa.string()),
        ("statement", pa.string()),
        ("obligations", pa.list_(pa.string())),
        ("fetched_at", pa.timestamp("s", tz="UTC")),
        ("tokens", pa.int64()),
    ]
)
#: works that the page names; all are in the table
_SHOWN = 20_000
_STYLE = """body{font:16px/1.5 system-ui,sans-serif;
max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
h2{font-size:1.1rem;margin:2rem 0 .3rem;overflow-wrap:anywhere}li{overflow-wrap:anywhere}small{opacity:.75}"""


def write(facts: Facts, to: str) -> list[str]:
    """``attribution.parquet``, every work, and ``attribution.html``, by host, in the folder ``to``."""
    table, page = storage.join(to, "attribution.parquet"), storage.join(to, "attribution.html")
    with storage.open_output(table) as out, pq.ParquetWriter(out, _SCHEMA, compression="zstd") as writer:
        for _, rows in open_run(facts.run):
            if (works := _works(rows.filter("counted"))).num_rows:
                writer.write_table(works)
    storage.write_bytes(page, _page(facts, table).encode())
    return [table, page]


def _works(rows: pl.DataFrame) -> pa.Table:
    """The rows of a part that are owed credit."""
    known = rows.select("licence", "licence_class", "licence_kind").drop_nulls("licence").unique()
    owed = [
        {"licence": x, "licence_class": c, "licence_kind": k, "licence_address": address(x), "obligations": list(found)}
        for x, c, k in known.iter_rows()
        if "attribution" in (found := obligations_of(x, c or "unknown", k or ""))
    ]
    schema = dict.fromkeys(("licence", "licence_class", "licence_kind", "licence_address"), pl.String)
    table = pl.DataFrame(owed, schema={**schema, "obligations": pl.List(pl.String)})
    works = rows.join(table, on=["licence", "licence_class", "licence_kind"], nulls_equal=True, maintain_order="left")
    claims = works.select("row", "licence_kind", "claims").explode("claims").drop_nulls("claims").unnest("claims")
    said = claims.filter(pl.col("kind") == pl.col("licence_kind")).unique("row", keep="first", maintain_order=True)
    works = works.join(
        said.select("row", "asserter", "locator", statement="raw"), on="row", how="left", maintain_order="left"
    )
    hosts = {u: host_of(u) for u in works["url"].fill_null("").unique().to_list()}
    works = works.with_columns(
        host=pl.col("url").fill_null("").replace_strict(hosts, return_dtype=pl.String),
        evidence=pl.col("licence_kind"),
    )
    return works.select(_SCHEMA.names).to_arrow().cast(_SCHEMA)


def _page(facts: Facts, table: str) -> str:
    scan = pl.scan_parquet(path_of(table), glob=False)
    total, hosts = scan.select(pl.len(), pl.col("host").n_unique()).collect().row(0)
    columns = ["host", "title", "url", "licence", "licence_address", "obligations", "source"]
    shown = scan.select(*columns, "id").sort("host", "title", "id").head(_SHOWN).collect()
    name = escape(facts.name)
    lines = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Attribution: {name}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<style>{_STYLE}</style><h1>Attribution: {name}</h1>",
        f"<p>{total:,} works of {hosts:,} hosts, of {escape(facts.statement)}, are under licences that ask for credit. "
        "Their texts were extracted from the originals, and may have been edited, cut and repeated. Authors are not in "
        "the records: credit is by title and address. Of a work without a known licence nothing is said here.</p>",
    ]
    if total > shown.height:
        lines.append(f"<p>{shown.height:,} are listed; all are in attribution.parquet.</p>")
    for (host,), works in shown.group_by("host", maintain_order=True):
        lines.append(f"<h2>{escape(plain(str(host), 200)) or 'without an address'}</h2><ul>")
        lines += [_item(w) for w in works.iter_rows(named=True)]
        lines.append("</ul>")
    return "\n".join(lines) + "\n"


def _item(work: dict[str, Any]) -> str:
    title = escape(plain(work["title"], 200) or plain(work["url"], 200) or work["id"])
    terms = escape(", ".join(o for o in work["obligations"] if o != "attribution"))
    linked = _link(safe_link(plain(work["url"], 2000)), title)
    licence = _link(safe_link(work["licence_address"]), escape(work["licence"]))
    return f"<li>{linked} <small>{licence}{'; ' + terms if terms else ''}</small></li>"


def _link(url: str, text: str) -> str:
    return f'<a rel="noreferrer nofollow" href="{escape(url)}">{text}</a>' if url else text
