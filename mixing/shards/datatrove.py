"""Shards as datatrove's data sets read them."""

from __future__ import annotations

from manifests import storage
from mixing.planner import Ints
from mixing.pools import PoolSet
from mixing.shards.shard import Shard, finish, gather

#: as the metadata name it: its place in the run folder
_TOKENIZER = "models/tokenizer.json"
_UNITS = "kMGTPEZY"


def write_datatrove(folder: str, index: int, pools: PoolSet, file: Ints, span: Ints) -> Shard:
    """One shard as datatrove's tokenizer writes it (huggingface/datatrove, ``pipeline/tokens/tokenizer.py``).

    ``part-00000.ds`` holds little-endian uint16 or uint32 tokens without a header, ``.ds.index`` a uint64 per document,
    its end in tokens, and ``.ds.metadata`` three lines: tokenizer and bytes a token, tokens, and tokens for people.
    """
    tokens, spans = gather(pools, file, span)
    name = f"part-{index:05d}.ds"
    storage.write_bytes(storage.join(folder, name), tokens.tobytes())
    storage.write_bytes(storage.join(folder, f"{name}.index"), spans.end.astype("<u8").tobytes())
    said = f"{_TOKENIZER}|{tokens.dtype.itemsize}\n{len(tokens)}\n{_for_people(len(tokens))}"
    storage.write_bytes(storage.join(folder, f"{name}.metadata"), said.encode())
    return finish("datatrove", folder, index, (name, f"{name}.index", f"{name}.metadata"), spans)


def _for_people(tokens: int) -> str:
    """Three digits and a unit: ``1.23 MT``."""
    mantissa, power = f"{tokens:.2e}".split("e")
    exponent = int(power)
    unit = _UNITS[exponent // 3 - 1] if exponent >= 3 else ""
    return f"{float(mantissa) * 10 ** (exponent % 3):.{2 - exponent % 3}f} {unit}T"
