"""What an export's form asks for and a run does not record. It is said, never invented."""

from __future__ import annotations

from dataclasses import dataclass

from manifests.exports.facts import Facts


@dataclass(frozen=True)
class Absence:
    field: str
    why: str

    def __str__(self) -> str:
        return f"{self.field}: {self.why}"


_NEVER = (
    Absence("publisher and creators", "a run does not record who publishes its data set"),
    Absence("address of the data set", "a run does not record where its data set is published"),
    Absence("licence of the compilation", "only the licences of its documents are recorded"),
    Absence("authors of documents", "evidence records who asserts a licence, not who wrote the text"),
)


def of(facts: Facts) -> list[Absence]:
    """Of this run; what no run records first."""
    found = list(_NEVER)
    unknown = facts.by("licence_class").filter(licence_class="unknown")["documents"].sum()
    if unknown:
        found.append(Absence("licences", f"none was found for {unknown:,} of {facts.total('documents'):,} documents"))
    undated = [s for s, last in facts.by("source")["source", "last"].rows() if last is None]
    if undated:
        found.append(Absence("dates of collection", f"no record of {', '.join(sorted(undated))} has one"))
    silent = facts.by("source", "lawful_access").filter(lawful_access="unknown")["source"].unique().sort().to_list()
    if silent:
        found.append(Absence("lawful access", f"the recipe declares none for {', '.join(silent)}"))
    unrouted = facts.by("source", "route").filter(route="unknown")["source"].unique().sort().to_list()
    if unrouted:
        found.append(Absence("acquisition", f"the recipe does not say how {', '.join(unrouted)} came"))
    if not facts.pii:
        found.append(Absence("personal data", "the run did not count any: annotate.pii is not set"))
    if not facts.tokenized:
        found.append(Absence("tokens", "the run has made no pools: sizes are bytes of text"))
    if facts.basis != "shards":
        found.append(Absence("training shards", "the run has made none: what a model would see is not known"))
    if facts.mix is None:
        found.append(Absence("policy and blend", "the run has no mix/mix.yaml"))
    if not facts.date:
        found.append(Absence("date", "run.json has neither finished nor started"))
    return found
