"""A takedown from its plan to its receipt. A crash leaves a plan that is carried on; no step undoes another."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from manifests import lineage, receipts, report, storage
from manifests.receipts import Output, digest_of
from manifests.takedown import Denied, DenyList, Plan, Request, state
from manifests.takedown import plan as make_plan
from manifests.takedown.deny import PATH as DENY
from manifests.takedown.plan import token_files
from pipelines.errors import CuveeError
from pipelines.run_folder import RunFolder
from pipelines.takedown import refill, shards, text

MODES = ("erase", "tombstone", "index", "rewrite")
#: what is left, and why
_REMAINS = (
    (
        "documents/",
        "the row, with id, address and the place of the crawl record: so that it is recognised; its text is blank",
    ),
    ("annotations/evidence/", "licence statements of at most 200 characters: the evidence of what was decided"),
    ("annotations/", "scores and counts, from which no text can be read"),
    ("exchange/", "hashes of content and of shingles, from which no text can be read, so that copies are recognised"),
    ("models/", "what was trained before: the tokenizer's merges and the classifier's weights hold no document"),
    ("mix/runs/", "measurements of proxies that were trained before"),
    (
        "inputs and sources",
        "the files that were read are yours: delete the records there, by file and offset in the plan",
    ),
)


def apply(
    run: str, requests: Sequence[Request], *, mode: str, why: str, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Takes down what the requests mean; returns the receipt. CuveeError when one is unfinished, or nothing is meant.

    RunFailed when a run or another takedown holds the folder.
    """
    if mode not in MODES:
        raise CuveeError(f"takedown --mode {mode}: it can be {', '.join(MODES)}")
    with RunFolder(run):
        if left := state.unfinished(run):
            raise CuveeError(f"takedown {left[0]} was interrupted: finish it with `cuvee takedown resume {run}`")
        try:
            plan = make_plan(run, requests)
        except ValueError as error:
            raise CuveeError(str(error)) from None
        started = datetime.now(UTC).isoformat(timespec="seconds")
        done = storage.list_folders(storage.join(run, state.FOLDER))
        name = f"{len(done) + 1:04d}-{digest_of(plan.as_dict()['requests'], started)[:8]}"
        recipe = _record(run).get("recipe") or {}
        journal = {
            "takedown": name,
            "mode": mode,
            "why": why,
            "started": started,
            "plan": plan.as_dict(),
            "cache": text.rephrasings(run, plan, recipe),
            "before": _digests(run, plan, mode),
        }
        if mode == "rewrite" and plan.places:
            _new_plan(run, plan, journal)
        storage.write_bytes(state.path(run, name, "plan.json"), _json(journal))
        return _carry_out(run, journal, progress)


def resume(run: str, *, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Carries interrupted takedowns on to their end; returns their receipts."""
    with RunFolder(run):
        found = []
        for name in state.unfinished(run):
            journal = json.loads(storage.read_bytes(state.path(run, name, "plan.json")))
            found.append(_carry_out(run, journal, progress))
        return found


def _new_plan(run: str, plan: Plan, journal: dict[str, Any]) -> None:
    """Decided once and kept with the journal: after a crash the same documents fill the same places."""
    new = refill.replan(run, plan)
    storage.write_table(state.path(run, journal["takedown"], "order.parquet"), new.pop("plan").to_arrow())
    journal["refill"] = new


def _carry_out(run: str, journal: dict[str, Any], progress: Callable[[str], None]) -> dict[str, Any]:
    plan, name, mode = Plan.of(journal["plan"]), journal["takedown"], journal["mode"]
    eos = _eos(run)
    changed: list[str] = []
    progress("deny list")
    _deny(run, plan, journal)
    progress("remembered rephrasings")
    for path in journal["cache"]:
        storage.remove(storage.join(run, path))
    if plan.places and eos is not None:
        progress(f"shards: {mode}")
        changed += _shards(run, plan, journal, eos)
    if eos is not None:
        progress("pools")
        changed += text.pools(run, plan, eos)
    progress("verdicts and documents")
    changed += text.verdicts(run, plan)
    changed += text.documents(run, plan)
    text.moved(run)
    progress("receipts of the run")
    changed = sorted(set(changed))
    _patch(run, changed)
    progress("lineage index and report")
    if storage.is_file(storage.join(run, lineage.tables.FILES[0])):
        changed += lineage.build(run, token_files(run))
        _patch(run, list(lineage.tables.FILES))
    if storage.is_file(storage.join(run, "report/index.html")):
        report.write(run, storage.join(run, "report/index.html"))
    receipt = _receipt(run, journal, plan, changed)
    storage.write_bytes(state.path(run, name, "receipt.json"), _json(receipt))
    return receipt


def _shards(run: str, plan: Plan, journal: dict[str, Any], eos: int) -> list[str]:
    if journal["mode"] == "erase":
        return shards.erase(run, plan, eos)
    if journal["mode"] == "tombstone":
        return shards.tombstone(run, plan, journal["takedown"])
    if journal["mode"] == "index":
        return shards.index(run, plan)
    import polars as pl

    table = storage.read_table(state.path(run, journal["takedown"], "order.parquet"))
    return refill.rewrite(run, plan, {**journal["refill"], "plan": pl.DataFrame(pl.from_arrow(table))})


def _deny(run: str, plan: Plan, journal: dict[str, Any]) -> None:
    """The requests as rules, and ids and hashes of what they met."""
    uri = storage.join(run, DENY)
    entries = [Denied(r.kind, r.value, journal["takedown"], journal["why"]) for r in plan.requests]
    for target in plan.targets:
        entries.append(Denied("id", target.id, journal["takedown"], journal["why"]))
        entries.append(Denied("hash", target.content_hash, journal["takedown"], journal["why"]))
    DenyList([*DenyList.read(uri).entries, *entries]).write(uri)


def _eos(run: str) -> int | None:
    from mixing.tokenizer import Tokenizer

    uri = storage.join(run, "models/tokenizer.json")
    return Tokenizer.load(uri).eos if storage.is_file(uri) else None


def _record(run: str) -> dict[str, Any]:
    return dict(json.loads(storage.read_bytes(storage.join(run, "run.json"))))


def _digests(run: str, plan: Plan, mode: str) -> dict[str, str]:
    """Of the files about to change, before they do."""
    paths = [f"{folder}/{part}.parquet" for part in plan.rows() for folder in ("documents", "verdicts")]
    for shard in plan.places:
        stem = shard.rsplit(".", 1)[0]
        paths += [shard, f"{stem}.spans.parquet", f"{stem}.idx", f"{stem}.csv.gz", f"{shard}.json"]
    return {p: storage.digest(u) for p in sorted(paths) if storage.is_file(u := storage.join(run, p))}


def _patch(run: str, changed: Sequence[str]) -> None:
    """The run's receipts tell the new sizes, so that nothing is made again; digests stay those of what was made."""
    wanted = {p: storage.size(storage.join(run, p)) for p in changed if storage.is_file(storage.join(run, p))}
    for stage in receipts.stages(run):
        for task in receipts.tasks(run, stage):
            found = receipts.read(run, stage, task)
            if found is None or not any(wanted.get(o.path, o.bytes) != o.bytes for o in found.outputs):
                continue
            outputs = tuple(Output(o.path, o.digest, wanted.get(o.path, o.bytes), o.rows) for o in found.outputs)
            receipts.write(run, replace(found, outputs=outputs))


def _receipt(run: str, journal: dict[str, Any], plan: Plan, changed: Sequence[str]) -> dict[str, Any]:
    remains = [{"where": where, "what": what} for where, what in _REMAINS]
    if journal["mode"] in ("tombstone", "index") and plan.places:
        remains.append(
            {"where": "shards/", "what": f"{plan.tokens:,} tokens in the data files: mode {journal['mode']}"}
        )
    if journal["mode"] == "index":
        for form in sorted({s.split("/")[1] for s in plan.places} - {"megatron"}):
            what = "trainers read this data without an index that could leave it out: use erase or rewrite"
            remains.append({"where": f"shards/{form}", "what": what})
    new = journal.get("refill")
    return {
        "takedown": journal["takedown"],
        "requests": journal["plan"]["requests"],
        "why": journal["why"],
        "mode": journal["mode"],
        "started": journal["started"],
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "documents": [{"id": t.id, "url": t.url, "why": t.why, "tokens": t.tokens} for t in plan.targets],
        "shards": {shard: [list(s) for s in found] for shard, found in plan.places.items()},
        "tokens": plan.tokens,
        "refill": None if new is None else {k: new[k] for k in ("removed", "refilled", "shortfall", "excess", "drift")},
        "rephrasings": len(journal["cache"]),
        "files": {
            p: {"before": journal["before"].get(p, ""), "after": storage.digest(storage.join(run, p))}
            for p in sorted(set(changed))
            if storage.is_file(storage.join(run, p))
        },
        "remains": remains,
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()
