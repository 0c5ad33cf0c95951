"""Tokenizers: a lossless byte-level BPE trained on one's own text, or any Hugging Face ``tokenizer.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers, trainers

from manifests import storage
from manifests.text import buffers
from mixing.pretokens import pattern_of

if TYPE_CHECKING:
    from mixing.piece_cache import PieceCache

# Work is spread over processes, and the library's threads do not survive a fork.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

EOS = "<|endoftext|>"
#: names by which published tokenizers call their end-of-document token, most specific first
_EOS_NAMES = (EOS, "<|end_of_text|>", "<|endofdocument|>", "</s>", "<eos>", "[EOS]", "<|im_end|>", "[SEP]")
_BATCH = 256
#: characters from which on texts are encoded by their pieces, where the tokenizer allows it: the same tokens, sooner
_MANY = 4_000_000

Tokens = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]


def train_bpe(texts: Iterable[str], vocabulary: int, path: str) -> None:
    """Trains a byte-level BPE (Sennrich et al. 2016, over bytes as in GPT-2) of at most ``vocabulary`` tokens.

    The 256 bytes and the end-of-document token are always in it, and nothing normalises the text, so every string
    survives encoding and decoding. The same texts in the same order give the same file. ValueError when
    ``vocabulary`` is below 257.
    """
    if vocabulary < 257:
        raise ValueError(f"vocabulary is {vocabulary}; at least 257 are needed: 256 bytes and the end of document")
    backend: Any = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    storage.write_bytes(path, backend.to_str(pretty=False).encode())


class Tokenizer:
    """Turns documents into token arrays, each document closed by the end-of-document token."""

    def __init__(self, data: bytes, *, name: str = "tokenizer", eos: str | None = None) -> None:
        """``data`` is the content of a ``tokenizer.json``. ValueError when it is not one, or has no known end token."""
        try:
            backend: Any = Backend.from_buffer(data)
        except Exception as error:
            raise ValueError(f"{name} is not a Hugging Face tokenizer.json: {error}") from None
        # Published files may carry inference settings that would cut or pad documents, or read "</s>" in a text as one.
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True
        self._backend = backend
        self._pattern = pattern_of(json.loads(data))
        self._cache: PieceCache | None = None
        self.eos: int = _find_eos(backend, name, eos)  #: id of the end-of-document token
        self.vocabulary: int = max(backend.get_vocab(with_added_tokens=True).values()) + 1  #: ids are below this
        self.digest: str = storage.digest_bytes(data)  #: blake2b-128 of the file
        self.dtype: np.dtype[Any] = np.dtype("<u2" if self.vocabulary <= 1 << 16 else "<u4")

    @classmethod
    def load(cls, path: str, *, eos: str | None = None) -> Tokenizer:
        """Reads a ``tokenizer.json``; ``eos`` names the end-of-document token where it cannot be told."""
        return cls(storage.read_bytes(path), name=path, eos=eos)

    def encode(self, texts: Sequence[str]) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """Tokens of all texts in one array, and the length of each, its end token included.

        A text that spells a special token is encoded as the text it is.
        """
        if self._pattern is not None and sum(map(len, texts)) >= _MANY:
            return self.encode_by_pieces(texts)
        return self.encode_whole(texts)

    def encode_whole(self, texts: Sequence[str]) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """As ``encode``, text by text."""
        pieces: list[npt.NDArray[Any]] = []
        lengths = np.empty(len(texts), np.int64)
        for first in range(0, len(texts), _BATCH):
            batch = list(texts[first : first + _BATCH])
            for i, encoding in enumerate(self._backend.encode_batch_fast(batch, add_special_tokens=False), first):
                ids = encoding.ids
                ids.append(self.eos)
                lengths[i] = len(ids)
                pieces.append(np.asarray(ids, self.dtype))
        return np.concatenate(pieces) if pieces else np.empty(0, self.dtype), lengths

    def encode_by_pieces(self, texts: Sequence[str]) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """As ``encode``, remembering the tokens of every piece. For tokenizers that cut by a known pattern."""
        from mixing.piece_cache import PieceCache  # compiled code, which few texts are not worth

        if self._cache is None:
            self._cache = PieceCache(self._pattern or 0, self._ids)
        return self._cache.encode(*buffers(pa.array(texts, pa.large_string())), self.eos, self.dtype)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        return [e.ids for e in self._backend.encode_batch_fast(list(texts), add_special_tokens=False)]

    def bounds(self, text: str) -> tuple[Tokens, npt.NDArray[np.int64]]:
        """Tokens of one text without its end token, and ``[start, end)`` of each in characters, ``int64[n, 2]``.

        Tokens that share a character, as bytes of it, all have it.
        """
        encoding = self._backend.encode(text, add_special_tokens=False)
        return np.asarray(encoding.ids, self.dtype), np.array(encoding.offsets, np.int64).reshape(-1, 2)

    def decode(self, tokens: npt.NDArray[Any] | Sequence[int]) -> str:
        """The text of ``tokens`` without its special tokens; a character cut in two shows as U+FFFD."""
        return str(self._backend.decode([int(t) for t in tokens], skip_special_tokens=True))


def _find_eos(backend: Any, name: str, wanted: str | None) -> int:
    special = {t.content: i for i, t in backend.get_added_tokens_decoder().items() if t.special}
    if wanted is not None:
        found = backend.token_to_id(wanted)
        if found is None:
            raise ValueError(f"{name} has no token {wanted!r}; its special tokens: {', '.join(sorted(special))}")
        return int(found)
    for candidate in _EOS_NAMES:
        if candidate in special:
            return int(special[candidate])
    raise ValueError(
        f"{name}: cannot tell the end-of-document token; name one of its special tokens: "
        f"{', '.join(sorted(special)) or 'it has none'}"
    )
