"""Shards written again: each target's place goes to an unused document of the same stratum, of about its length.

One for one, so that the order of everything else stays. Where a stratum has nothing left, the place is given up and the
shortfall is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from manifests import receipts, storage
from manifests.takedown import Plan
from mixing.pools import PoolSet
from mixing.shards import WRITERS
from pipelines.stages import permit
from pipelines.stages.shard import PLAN
from pipelines.takedown.shards import index_record, indexes


def replan(run: str, plan: Plan) -> dict[str, Any]:
    """The new order of documents, as columns and borders, with what it lacks. Changes nothing.

    ``shortfall`` is tokens by stratum that nothing could fill; ``drift`` the largest change of a domain's share.
    """
    pools = PoolSet.open(run, permit.files(run))
    table = pl.DataFrame(pl.from_arrow(storage.read_table(storage.join(run, PLAN))))
    wanted = {(f"documents/{part}.parquet", row) for part, rows in plan.rows().items() for row in rows}
    file, span = table["file"].to_numpy(), table["span"].to_numpy()
    gone = np.zeros(len(file), bool)
    for i in np.unique(file).tolist():
        spans, here = pools.spans(i), np.flatnonzero(file == i)
        keys = zip(spans.part[span[here]].tolist(), spans.row[span[here]].tolist(), strict=True)
        gone[here] = [(spans.parts[p], r) in wanted for p, r in keys]
    reserve = _reserve(pools, file, span, wanted)
    new_file, new_span, tokens = file.copy(), span.copy(), table["tokens"].to_numpy().copy()
    keep = np.ones(len(file), bool)
    owed: dict[str, int] = {}
    for at in np.flatnonzero(gone).tolist():
        stratum = pools.files[int(file[at])].stratum
        left = reserve.get(stratum, [])
        need = int(tokens[at]) + owed.get(stratum, 0)
        if left:
            best = min(range(len(left)), key=lambda k: (abs(left[k][0] - need), left[k][1:]))
            size, f, s = left.pop(best)
            new_file[at], new_span[at], tokens[at] = f, s, size
            owed[stratum] = need - size
        else:
            keep[at] = False
            owed[stratum] = need
    made = table.with_columns(
        file=pl.Series(new_file).cast(table.schema["file"]),
        span=pl.Series(new_span).cast(table.schema["span"]),
        tokens=pl.Series(tokens).cast(table.schema["tokens"]),
        epoch=pl.Series(np.where(gone, 0, table["epoch"].to_numpy())).cast(table.schema["epoch"]),
    ).filter(pl.Series(keep))
    before, after = (_shares(pools, t) for t in (table, made))
    drift = max((abs(before[d] - after.get(d, 0.0)) for d in before), default=0.0)
    counts = made.group_by("shard").len()
    rows = dict(zip(counts["shard"].to_list(), counts["len"].to_list(), strict=True))
    shards = int(table["shard"].max()) + 1 if table.height else 0  # type: ignore[arg-type]
    return {
        "plan": made,
        "bounds": np.cumsum([0, *(rows.get(i, 0) for i in range(shards))]).tolist(),
        "affected": sorted(set(table.filter(pl.Series(gone))["shard"].to_list())),
        "removed": int(table["tokens"].to_numpy()[gone].sum()),
        "refilled": int(tokens[gone & keep].sum()),
        "shortfall": {s: n for s, n in sorted(owed.items()) if n > 0},
        "excess": {s: -n for s, n in sorted(owed.items()) if n < 0},
        "drift": drift,
    }


def _reserve(
    pools: PoolSet, file: np.ndarray, span: np.ndarray, wanted: set[tuple[str, int]]
) -> dict[str, list[tuple[int, int, int]]]:
    """Unused training documents by stratum: length, file and span."""
    used = set(zip(file.tolist(), span.tolist(), strict=True))
    found: dict[str, list[tuple[int, int, int]]] = {}
    for i, pool in enumerate(pools.files):
        if pool.split != "train":
            continue
        spans = pools.spans(i)
        for s, (p, r, n) in enumerate(
            zip(spans.part.tolist(), spans.row.tolist(), spans.lengths.tolist(), strict=True)
        ):
            if (i, s) not in used and (spans.parts[p], r) not in wanted:
                found.setdefault(pool.stratum, []).append((n, i, s))
    return found


def _shares(pools: PoolSet, table: pl.DataFrame) -> dict[str, float]:
    domains = [pools.files[i].domain for i in table["file"].to_list()]
    frame = pl.DataFrame({"domain": domains, "tokens": table["tokens"].cast(pl.Int64)})
    sums = dict(frame.group_by("domain").agg(pl.col("tokens").sum()).iter_rows())
    total = max(sum(sums.values()), 1)
    return {d: n / total for d, n in sums.items()}


def rewrite(run: str, plan: Plan, new: dict[str, Any]) -> list[str]:
    """Writes the plan and the shards that it changed, in every format there is."""
    made: pl.DataFrame = new["plan"]
    pools = PoolSet.open(run, permit.files(run))
    changed = []
    record = index_record(run)
    for form, listed in record.get("formats", {}).items():
        for number in new["affected"]:
            rows = made.filter(pl.col("shard") == number)
            file, span = (rows[c].to_numpy().astype(np.int64) for c in ("file", "span"))
            shard = WRITERS[form](storage.join(run, "shards", form), number, pools, file, span)
            changed += [f"shards/{form}/{name}" for name in shard.files]
            listed[number] = shard.as_dict()
    changed += indexes(run, record.get("formats", {}))
    storage.write_table(storage.join(run, PLAN), made.to_arrow())
    _patch_bounds(run, new["bounds"])
    import json

    storage.write_bytes(storage.join(run, "shards/index.json"), json.dumps(record, indent=1, sort_keys=True).encode())
    return [*changed, PLAN, "shards/index.json"]


def _patch_bounds(run: str, bounds: list[int]) -> None:
    """Where places were given up, borders moved: shards made again later must be cut at the new ones."""
    receipt = receipts.read(run, "plan", "plan")
    if receipt is not None and list(receipt.data.get("bounds", [])) != bounds:
        receipts.write(run, replace(receipt, data={**receipt.data, "bounds": bounds}))
