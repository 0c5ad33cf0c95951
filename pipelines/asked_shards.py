"""Shards that were asked for by ``cuvee shard``, beside those of the recipe: the folder remembers their formats.

So running the recipe again keeps them, and makes them again when the blend changes.
"""

from __future__ import annotations

from pydantic import ValidationError

from manifests import storage
from pipelines.errors import CuveeError
from pipelines.recipe import Shards

PATH = "mix/shards.json"


def section(folder: str, recipe: Shards | None = None) -> Shards | None:
    """What is to be written there: the recipe's shards, and those that were asked for. None where neither are any."""
    uri = storage.join(folder, PATH)
    if not storage.is_file(uri):
        return recipe
    asked = Shards.model_validate_json(storage.read_bytes(uri))
    if recipe is None:
        return asked
    more = [f for f in asked.formats if f not in recipe.formats]
    return recipe.model_copy(update={"formats": [*recipe.formats, *more]})


def ask(folder: str, recipe: Shards | None, form: str, tokens: int, *, default: int = Shards().tokens) -> Shards:
    """Adds a format; ``tokens`` per shard, 0: as the others there, else ``default``.

    CuveeError for what no shards can be.
    """
    before = section(folder, recipe)
    size = before.tokens if before else tokens or default
    if tokens and tokens != size:
        raise CuveeError(
            f"--tokens {tokens}: {folder} holds shards of at most {size:,} tokens: leave --tokens out, or write to "
            "another folder with --out"
        )
    try:
        asked = Shards.model_validate({"formats": [form], "tokens": size})
    except ValidationError as error:
        first = error.errors()[0]
        raise CuveeError(f"--{'tokens' if 'tokens' in first['loc'] else 'format'}: {first['msg']}") from None
    if before is not None:
        asked = before if form in before.formats else before.model_copy(update={"formats": [*before.formats, form]})
    if recipe is None or form not in recipe.formats:
        storage.write_bytes(storage.join(folder, PATH), asked.model_dump_json().encode())
    return asked
