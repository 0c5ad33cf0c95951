"""Personal data and secrets in texts: where they are, and what may stand in their place.

A compiled scan finds the few places worth a look (an ``@``, runs of digits, of hexadecimal colons, long tokens); there
an expression decides, and a checksum where the kind has one: Luhn for payment cards (ISO/IEC 7812-1), modulo 97 for
IBANs (ISO 13616). Only public IP addresses count. Phone numbers count with a country's code or in a form of their own.
"""

from __future__ import annotations

import ipaddress
import math
import re
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from manifests import schemas, text

Kind = Literal["email", "ip", "phone", "iban", "card", "secret"]
KINDS: tuple[Kind, ...] = ("secret", "email", "iban", "card", "ip", "phone")  #: of two that overlap, the earlier stays

#: what the scan found: an ``@``, digits, hexadecimal colons, two capitals before two digits, a long token, a key block
_AT, _DIGITS, _COLONS, _ACCOUNT, _TOKEN, _BLOCK = range(6)
_LOCAL, _DOMAIN = 64, 255  #: RFC 5321, 4.5.3.1
_LONGEST_BLOCK = 16_384
_NUMBERS = 96  #: bytes from the first digit in which numbers in a row are looked at
#: of the characters that a local part may hold (RFC 5322, 3.2.3) without those that part it from a URL, a header or a
#: query before it; ``icon@2x.png`` is a picture
_EMAIL = re.compile(
    rb"([A-Za-z0-9!$%*+^_~-]+(?:['.][A-Za-z0-9!$%*+^_~-]+)*)@(?!\dx\.(?:png|jpe?g|gif|webp|svg|avif)\b)"
    rb"((?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,63})(?![A-Za-z0-9-])"
)
_UNICAST = ipaddress.ip_network("2000::/3")  #: RFC 4291, 2.4; IANA's registry of it
_IPV4 = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\d)")
_PHONE = re.compile(
    rb"(?<![\w+.])(?:\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}|\(?[2-9]\d{2}\)?[ .-]\d{3}[.-]\d{4}"
    rb"|\([2-9]\d{2}\) ?\d{3}[ .-]\d{4}"
    # neither a date, nor a journal's number (ISO 3297), nor a part of either
    rb"|(?<!\d[ /-])(?!\d\d([ /-])\d\d\1(?:19|20)\d\d(?!\d)|\d{4}-\d{4}(?![ -]?\d))"
    rb"0(?!00)\d{1,4}[ /-]\d{2,4}(?:[ -]?\d{2,4}){1,3})(?![\w-]|\.\d)"
)
_CARD = re.compile(rb"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])")
_CARD_PREFIX = re.compile(
    rb"4|5[1-5]|2(?:2[2-9]|[3-6]|7[01]|720)|3[47]|3(?:0[0-5]|[68])|35(?:2[89]|[3-8])|6(?:011|5|4[4-9])|62"
)
_IBAN = re.compile(rb"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}")
#: characters of a country's IBAN (SWIFT's registry)
_IBAN_LENGTH = {
    code: int(size)
    for size, codes in {
        "15": "NO", "16": "BE", "18": "DK FI FK FO GL NL SD", "19": "MK SI", "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH CR HR LI LV", "22": "BG BH DE GB GE IE ME RS VA", "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG", "25": "LY PT ST", "26": "IS TR", "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV", "29": "BR EG PS QA UA", "30": "JO KW MU YE", "31": "MT SC",
        "32": "LC", "33": "RU",
    }.items()
    for code in codes.split()
}  # fmt: skip
_SECRET = re.compile(
    rb"(?<![A-Za-z0-9_])(?:A(?:KIA|SIA)[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,}|glpat-[\w-]{20,}"
    rb"|xox[abeoprs]-[A-Za-z0-9-]{16,}|AIza[\w-]{35}|sk-[A-Za-z0-9_-]{20,}|sk_live_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{36}|pypi-AgEI[\w-]{50,}"
    rb"|hf_[A-Za-z0-9]{30,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,})(?![A-Za-z0-9_])"
)
_NAMED = re.compile(
    rb"(?i)(?:api|secret|access|auth|private)[\w-]{0,20}(?:key|token|secret)|passw(?:or)?d|client_secret|token"
)
_ASSIGNED = re.compile(rb"[\"']?[ \t]{0,4}(?:[:=]|=>)[ \t]{0,4}[\"']?$")
_RANDOM_BITS = 3.5  #: of entropy a character, from which an assigned value is taken for random
_KEY_BLOCK = re.compile(
    rb"-----BEGIN [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]{16,16384}?"
    rb"-----END [A-Z ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
)


@dataclass(frozen=True)
class Found:
    """Stretches ``[start, end)`` of texts, in bytes of each, in order and not overlapping."""

    row: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    kind: list[Kind]
    value: list[bytes]

    def counts(self, texts: int) -> pa.RecordBatch:
        """How many of each kind, columns of ``schemas.PII``."""
        kinds = np.array(self.kind, object)
        columns = [
            np.bincount(self.row[kinds == name.removeprefix("pii_")], minlength=texts) for name in schemas.PII.names
        ]
        return pa.record_batch([pa.array(c, pa.int32()) for c in columns], schema=schemas.PII)


@njit(cache=True, nogil=True, boundscheck=False)
def _scan(data: Any, begin: Any, end: Any, n: Any, fill: Any, where: Any, what: Any) -> Any:
    """Places of a text worth a look, behind ``n`` others: counts them, and writes them where ``fill`` is set."""
    token = np.int64(0)  # characters of the token that is open
    digits = letters = np.int64(0)  # of them
    number = np.int64(0)  # digits of the number that is open, with up to two separators between
    gap = np.int64(9)
    colons = np.int64(0)
    hexes = np.int64(0)
    number_start = token_start = hex_start = np.int64(0)
    for i in range(begin, end + 1):
        x = np.int64(data[i]) if i < end else np.int64(0)
        digit = 48 <= x <= 57
        upper = 65 <= x <= 90
        letter = upper or 97 <= x <= 122
        found = np.int64(-1)
        at = np.int64(i)
        if x == 64:
            found = np.int64(_AT)
        elif x == 45 and i + 10 < end and data[i + 5] == 66 and data[i + 1] == 45 and data[i + 6] == 69:
            found = np.int64(_BLOCK)
        elif (
            digit and i >= begin + 3 and 48 <= data[i - 1] <= 57 and 65 <= data[i - 2] <= 90 and 65 <= data[i - 3] <= 90
        ):
            found, at = np.int64(_ACCOUNT), np.int64(i - 3)
        if found >= 0:
            if fill:
                where[n], what[n] = at, found
            n += 1
        if digit:
            if number == 0:
                number_start = np.int64(i)
            number += 1
            gap = np.int64(0)
        elif number > 0:
            gap += 1
            separator = x == 32 or x == 45 or x == 46 or x == 40 or x == 41 or x == 47
            if not separator or gap > 2:
                if number >= 4 and number_start + 6 < i:
                    if fill:
                        where[n], what[n] = number_start, np.int64(_DIGITS)
                    n += 1
                number = np.int64(0)
        if digit or letter or x == 95 or x == 45 or x == 43 or x == 47:
            if token == 0:
                token_start = np.int64(i)
                digits = letters = np.int64(0)
            token += 1
            digits += digit
            letters += letter
        elif token > 0:
            if token >= 16 and digits > 0 and letters > 0:
                if fill:
                    where[n], what[n] = token_start, np.int64(_TOKEN)
                n += 1
            token = np.int64(0)
        if digit or 97 <= (x | 32) <= 102 or x == 58:
            if hexes == 0:
                hex_start = np.int64(i)
                colons = np.int64(0)
            hexes += 1
            colons += x == 58
        elif hexes > 0:
            if colons > 2 and hexes > 6:
                if fill:
                    where[n], what[n] = hex_start, np.int64(_COLONS)
                n += 1
            hexes = np.int64(0)
    return n


@njit(cache=True, nogil=True, boundscheck=False)
def _scan_all(offsets: Any, data: Any, fill: Any, where: Any, what: Any, ends: Any) -> Any:
    n = np.int64(0)
    for d in range(offsets.size - 1):
        n = _scan(data, offsets[d], offsets[d + 1], n, fill, where, what)
        ends[d] = n
    return n


def find(texts: pa.Array | pa.ChunkedArray, kinds: Sequence[Kind] = KINDS) -> Found:
    """All personal data and secrets of the kinds. Time is linear in the bytes."""
    offsets, data = text.buffers(texts)
    ends, none = np.empty(len(offsets) - 1, np.int64), np.empty(0, np.int64)
    count = _scan_all(offsets, data, False, none, none, ends)
    where, what = np.empty(count, np.int64), np.empty(count, np.int64)
    _scan_all(offsets, data, True, where, what, ends)
    stretches: list[tuple[int, int, int, Kind, bytes]] = []
    for row in np.flatnonzero(np.diff(ends, prepend=0)).tolist():
        first, last = (int(ends[row - 1]) if row else 0), int(ends[row])
        value = data[offsets[row] : offsets[row + 1]].tobytes()
        found = set()
        for place, trigger in zip((where[first:last] - offsets[row]).tolist(), what[first:last].tolist(), strict=True):
            for kind in _LOOKS[trigger]:
                if kind in kinds:
                    found |= {(KINDS.index(kind), a, b) for a, b in _FINDERS[kind](value, place)}
        stretches += ((row, a, b, KINDS[kind], value[a:b]) for kind, a, b in _without_overlaps(found))
    row_, start, end = (np.array([s[k] for s in stretches], np.int64) for k in range(3))
    return Found(row_, start, end, [s[3] for s in stretches], [s[4] for s in stretches])


def _without_overlaps(found: set[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Of stretches (kind, start, end) that overlap, the kind that comes first, then the first, then the longest."""
    taken: list[tuple[int, int, int]] = []
    for one in sorted(found, key=lambda f: (f[0], f[1], -f[2])):
        at = bisect(taken, one[1], key=lambda t: t[1])
        if (not at or taken[at - 1][2] <= one[1]) and (at == len(taken) or one[2] <= taken[at][1]):
            taken.insert(at, one)
    return taken


def _emails(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    start, end = max(0, place - _LOCAL), place + _DOMAIN
    for match in _EMAIL.finditer(view, start, end):
        if match.end(1) == place:
            yield match.span()


def _ips(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    for match in _IPV4.finditer(view, place, place + _NUMBERS):
        yield from _public(match[0], match.start())


def _ips6(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    match = re.compile(rb"[0-9A-Fa-f:]{7,39}").match(view, place, place + 64)
    if match and not view[max(0, place - 1) : place].isalnum() and not view[match.end() : match.end() + 1].isalnum():
        yield from _public(match[0], match.start())


def _public(address: bytes, start: int) -> Iterator[tuple[int, int]]:
    try:
        found = ipaddress.ip_address(address.decode())
    except ValueError:
        return
    # all that is given out of IPv6 begins so; other hexadecimal colons name disks, keys and ports
    if found.is_global and (found.version == 4 or found in _UNICAST):
        yield start, start + len(address)


def _phones(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(view, max(0, place - 2), place + _NUMBERS):
        if 8 <= sum(48 <= x <= 57 for x in match[0]) <= 15:
            yield match.span()


def _cards(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(view, place, place + _NUMBERS):
        groups = list(re.finditer(rb"\d+", match[0]))
        # other numbers may stand beside it: the longest stretch of whole groups that is one
        spans = [(a.start(), b.end()) for k, a in enumerate(groups) for b in groups[k:]]
        for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
            digits = re.sub(rb"\D", b"", match[0][start:end])
            plausible = 13 <= len(digits) <= 19 and len(set(digits)) > 1
            if plausible and _CARD_PREFIX.match(digits) and luhn(digits):
                yield match.start() + start, match.start() + end
                break


def luhn(digits: bytes) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    total = 0
    for k, x in enumerate(reversed(digits)):
        value = (x - 48) * (2 if k % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _ibans(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    if view[max(0, place - 1) : place].isalnum():
        return
    size = _IBAN_LENGTH.get(view[place : place + 2].decode("latin-1"), 0)
    match = _IBAN.match(view, place, place + 48)
    if not size or not match:
        return
    end, seen = place, 0
    while end < match.end() and seen < size:
        seen += view[end] != 32
        end += 1
    if seen == size and not view[end : end + 1].isalnum() and iban(view[place:end]):
        yield place, end


def iban(value: bytes) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616)."""
    plain = value.replace(b" ", b"").decode()
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _secrets(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    if match := _SECRET.match(view, place, place + 4096):
        yield match.span()
        return
    match = re.compile(rb"[\w+/-]{16,512}={0,2}").match(view, place, place + 520)
    before = view[max(0, place - 48) : place]
    assigned = _ASSIGNED.search(before)
    if match and assigned and _NAMED.search(before[: assigned.start()]) and _entropy(match[0]) >= _RANDOM_BITS:
        yield match.span()


def _entropy(value: bytes) -> float:
    """Bits a character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _blocks(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    if match := _KEY_BLOCK.match(view, place, place + _LONGEST_BLOCK):
        yield match.span()


_Finder = Callable[[bytes, int], Iterator[tuple[int, int]]]


def _secret_or_block(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    yield from (_blocks if view[place : place + 5] == b"-----" else _secrets)(view, place)


def _any_ip(view: bytes, place: int) -> Iterator[tuple[int, int]]:
    yield from _ips(view, place)
    yield from _ips6(view, place)


_FINDERS: dict[Kind, _Finder] = {
    "email": _emails,
    "ip": _any_ip,
    "phone": _phones,
    "card": _cards,
    "iban": _ibans,
    "secret": _secret_or_block,
}
_LOOKS: dict[int, tuple[Kind, ...]] = {
    _AT: ("email",),
    _DIGITS: ("card", "ip", "phone"),
    _COLONS: ("ip",),
    _ACCOUNT: ("iban",),
    _TOKEN: ("secret",),
    _BLOCK: ("secret",),
}


def redacted(kind: Kind) -> str:
    """What says that something of the kind was here."""
    return f"[{kind.upper()}]"


def stand_in(kind: Kind, value: bytes, key: str) -> str:
    """Something that looks like the kind and is nobody's: the same for the same value and key. Reserved names and
    numbers: RFC 2606 (example.org), RFC 5737 (203.0.113.0/24), 555-0100 to 555-0199."""
    digest = blake2b(value.lower(), digest_size=8, key=key.encode()[:64]).digest()
    number = int.from_bytes(digest[:4], "big")
    if kind == "email":
        return f"{digest.hex()[:10]}@example.org"
    if kind == "ip":
        return f"203.0.113.{number % 254 + 1}"
    if kind == "phone":
        return f"+1 202-555-{number % 100 + 100:04d}"
    return f"[{kind.upper()}-{digest.hex()[:8]}]"
