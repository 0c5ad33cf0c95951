"""Styles: versioned prompts. The digest is part of a rephrasing's identity: a changed style makes new documents."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from manifests.receipts import digest_of


@dataclass(frozen=True)
class Style:
    """A prompt, what it is asked about, and the lengths an honest answer has.

    The instruction is the system's, the source text alone the user's: the form on which small instruction models are
    trained to rewrite (SmolTalk, arXiv 2502.02737), and one that larger ones follow as well.
    """

    name: str
    version: int
    system: str
    chunk: int  #: characters of source text given to the model at a time, at most
    shortest: float  #: of the answer, as a share of the source's words
    longest: float

    @property
    def digest(self) -> str:
        return digest_of(asdict(self))

    def messages(self, text: str) -> list[dict[str, str]]:
        return [{"role": "system", "content": self.system}, {"role": "user", "content": text}]


STYLES = {
    style.name: style
    for style in (
        Style(
            name="wikipedia",
            version=2,
            system=(
                "You're an AI assistant for text re-writing. Rewrite the input text in clear, formal English like an "
                "encyclopedia article while retaining its essential content. Keep names and numbers, and add no facts."
            ),
            chunk=800,
            shortest=0.3,
            longest=1.6,
        ),
        Style(
            name="distill",
            version=2,
            system=(
                "Provide a concise, objective summary of the input text in up to three sentences, focusing on key "
                "actions and intentions without using second or third person pronouns."
            ),
            chunk=1600,
            shortest=0.1,
            longest=1.0,
        ),
    )
}


def get(name: str) -> Style:
    """ValueError lists the styles there are."""
    if name not in STYLES:
        raise ValueError(f"unknown rephrasing style {name!r}; allowed: {', '.join(STYLES)}")
    return STYLES[name]
