"""Styles: versioned prompts. The digest is part of a rephrasing's identity: a changed style makes new documents."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from manifests.receipts import digest_of


@dataclass(frozen=True)
class Style:
    """A prompt (``{text}`` is the source) and the lengths an honest answer has, as shares of the source's words."""

    name: str
    version: int
    system: str
    prompt: str
    shortest: float
    longest: float

    @property
    def digest(self) -> str:
        return digest_of(asdict(self))

    def messages(self, text: str) -> list[dict[str, str]]:
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": self.prompt.replace("{text}", text)},
        ]


STYLES = {
    style.name: style
    for style in (
        Style(
            name="wikipedia",
            version=1,
            system="You rewrite texts faithfully. You add nothing that the text does not say.",
            prompt=(
                "Rewrite the following text in clear, formal English like an encyclopedia article. Keep every name and "
                "number. Add no facts. Answer with the rewritten text only.\n\n{text}"
            ),
            shortest=0.3,
            longest=1.6,
        ),
        Style(
            name="distill",
            version=1,
            system="You summarise texts faithfully. You add nothing that the text does not say.",
            prompt=(
                "Write the key information of the following text in a few plain sentences. Keep names and numbers as "
                "they are. Answer with the sentences only.\n\n{text}"
            ),
            shortest=0.1,
            longest=0.9,
        ),
    )
}


def get(name: str) -> Style:
    """ValueError lists the styles there are."""
    if name not in STYLES:
        raise ValueError(f"unknown rephrasing style {name!r}; allowed: {', '.join(STYLES)}")
    return STYLES[name]
