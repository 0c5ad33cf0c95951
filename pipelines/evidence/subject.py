"""What a licence statement speaks of: the page's text, a picture in it, something else, or nothing at all.

Decided from where it stands (elements and their item types) and from the words of its own clause, in twelve languages.
What is not certain to speak of the text does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pipelines.evidence.dom import Page

Subject = Literal["page", "media", "other", "mention"]

#: schema.org types whose licence is the page's text; others (images, videos, data sets, software) speak for themselves
TEXT_TYPES = frozenset(
    ("article", "blogposting", "newsarticle", "scholarlyarticle", "medicalscholarlyarticle", "techarticle", "report")
    + ("webpage", "website", "creativework", "book", "chapter", "blog", "faqpage", "qapage", "itempage", "aboutpage")
    + ("socialmediaposting", "discussionforumposting", "document", "text", "post", "question", "answer", "howto")
    + ("learningresource", "course", "recipe", "opinionnewsarticle", "analysisnewsarticle", "reportagenewsarticle")
    + (
        "advertisercontentarticle",
        "satiricalarticle",
        "backgroundnewsarticle",
        "liveblogposting",
        "thesis",
        "legislation",
    )
    + ("webpageelement", "medicalwebpage", "profilepage", "contactpage", "checkoutpage", "realestatelisting")
    + ("encyclopediaarticle", "definedterm", "poem", "shortstory", "apireference", "manuscript", "publicationissue")
)
_MEDIA_TAGS = frozenset(
    {"figure", "figcaption", "picture", "video", "audio", "object", "svg", "map", "gallery", "amp-img"}
)
#: quoted, shown as code, to be chosen, struck out
_OTHER_TAGS = frozenset(
    ("blockquote q cite pre code samp kbd template select option datalist del s strike").split()
)  # fmt: skip
_MEDIA_NAMES = frozenset(
    ("caption captions credit credits photo photos photograph image images img thumb thumbnail thumbnails gallery "
     "picture figure lightbox attachment slideshow carousel wp-caption mediacredit imagecredit photocredit").split()
)  # fmt: skip
_OTHER_NAMES = frozenset(
    ("comment comments commentlist comment-content reply replies signature quote quotation related recommended embed "
     "advert advertisement ads widget-twitter tweet testimonial testimonials reference references bibliography "
     "citation citations bibitem searchresults search-results filter filters facet facets").split()
)  # fmt: skip
_FOOTER_NAMES = re.compile(r"footer|licen[cs]e|licensing|copyright|colophon|legal|imprint|impressum", re.IGNORECASE)
#: an element this large is a layout, whatever its class is called
_LAYOUT_BYTES = 8000

_MEDIA_WORDS = re.compile(
    r"\b(?:photo\w*|images?|pictures?|pics?|icons?|illustrations?|fonts?|typefaces?|music|songs?|sounds?|soundtrack|videos?|"
    r"audio|maps?|artwork|logos?|thumbnails?|banners?|figures?|screenshots?|clip ?art|emojis?|drawings?|paintings?|"
    r"fotos?|bild(?:er|ern)?|abbildung\w*|titelbild|imagen(?:es)?|immagin[ei]|imagem|imagens|afbeelding\w*|obraz\w*|"
    r"zdjęci\w*|фото\w*|изображени\w*|画像|写真|图片|照片|wallpaper|tiles?|recordings?|podcasts?|animations?|"
    r"3d models?)\b",
    re.IGNORECASE,
)
_OTHER_WORDS = re.compile(
    r"\b(?:themes?|templates?|layouts?|stylesheets?|css|design(?:ed)?|plug-?ins?|software|source ?code|code|scripts?|"
    r"program|library|libraries|framework|package|data ?(?:set|base)?s?|api|comments?|powered by|skin|"
    r"wikipedia|wiktionary|openstreetmap|stack ?overflow|flickr|unsplash|geonames|vorlage|modèle|plantilla|"
    r"reviews?|quotes?|quotations?|excerpts?|extracts?|translations? of|based on|adapted from|derived from|"
    r"the (?:original|book|film|novel|report|study|paper) )\b",
    re.IGNORECASE,
)
_TEXT_WORDS = re.compile(
    r"\b(?:texts?|contents?|articles?|site|website|web site|page|pages|works?|posts?|blog|wiki|documentation|"
    r"documents?|"
    r"entries|entry|essay|material|materials|book|tutorial|publication|except (?:where|as)|unless otherwise|everything|"
    r"inhalte?|texte?|artikel|seite|beitrag|beiträge|contenus?|articles|sauf (?:mention|indication)|contenidos?|"
    r"excepto|salvo|contenut[oi]|sito|conteúdos?|inhoud|tenzij|treść|treści|контент|материал\w*|тексты?|本文|内容|コンテンツ)\b",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"(?:texts?|contents?|articles?|posts?|pages?|work|site|documentation|materials?|inhalte?|texte?|contenus?|contenidos?)"
    r"(?:\s+on this (?:site|page|website|blog))?\s*,?\s*"
    r"(?:and|&|/|und|et|y|e|including|\(including|incl\.)\s*(?:all\s+|its\s+|the\s+)?\w*\s*$",
    re.IGNORECASE,
)
_THIS = re.compile(
    r"\b(?:this|these|our|my|all|any|except (?:where|as)|unless otherwise|content|text|article|site|website|page|post|"
    r"sauf mention|cet article|ce contenu|les contenus|dieser|dieses|diese|inhalte?|sofern nicht anders|este|esta|"
    r"estos|"
    r"los contenidos|salvo|questo|quest'opera|este trabalho|dit werk|tenzij|ten utwór|treść|данн\w+|если не указано|"
    r"本サイト|この|本网站|除非)\b|^\W*(?:licen[cs]e|copyright|©|\(c\))?\W*$",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:not|no longer|never|unlike|don't|doesn't|isn't|aren't|wasn't|cannot|nicht|kein\w*|instead of|"
    r"n(?:e |['’]).{0,30}?(?:pas|plus)|"
    r"no (?:está|están|es|son|se|ha|han)|non (?:è|sono|si|viene|vengono)|não|niet|geen|nie|ikke|inte|не|"
    r"until (?:\w+ ){0,2}(?:19|20)\d\d|if you (?:want|wish|would|publish|choose|submit|upload)|what does|"
    r"rather than|formerly|previously|used to be|was once|such as|e\.g\.|for example|for instance|like the|compare|"
    r"versus|vs\.?|what is|what are|about the|difference between|types? of|choose|guide to|read more about|learn "
    r"(?:more )?about|explains?|see also)\W+(?:\S+\s+){0,6}\S*\s*$",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"^\W*(?:\w+\W+){0,5}?(?:which we do not|that we do not|we do not use|is not used|does not apply|do not apply|"
    r"no longer appl|is not (?:used|the licen)|are not (?:used|licen|covered)|"
    r"was (?:rejected|abandoned|dropped|replaced)|"
    r"not applicable|(?:does|do) not (?:cover|extend))",
    re.IGNORECASE,
)
#: "if not otherwise stated" is no negation
_UNLESS = re.compile(
    r"\b(?:if|where|when|unless|soweit|sofern|wenn|falls|si|se|als|indien|tenzij|hvis|om|jeśli|o ile|если)\s+"
    r"(?:not|nicht|non|no|não|niet|nie|ikke|inte|не)\b",
    re.IGNORECASE,
)
#: what the chooser of Creative Commons says the licensed work is (DCMI Type Vocabulary)
_DCMI_TYPE = re.compile(rb"purl\.org/dc/dcmitype/(\w+)", re.IGNORECASE)
_DCMI_MEDIA = frozenset({b"stillimage", b"image", b"movingimage", b"sound"})
_CLAUSE = re.compile(r"[.;·•|!?。;\n](?:\s|$)|[·•|。]| [–—] ")
_SHORT = 220


def by_place(page: Page, i: int, url: str = "") -> Subject | Literal[""]:
    """From the element and those around it; empty when they say nothing."""
    for here in [i, *page.ancestors(i)]:
        name = page.name(here)
        if name in ("body", "html"):
            break
        attributes = page.attributes(here)
        if (about := attributes.get("about")) is not None and not _is_page(about, url):
            return "media" if _is_media_file(about) else "other"
        if here != i and (resource := attributes.get("resource")) and _is_media_file(resource):
            return "media"
        if "itemscope" in attributes or "typeof" in attributes:
            kinds = [k.rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower() for k in _types(attributes)]
            if kinds:
                return "page" if any(k in TEXT_TYPES for k in kinds) else _typed(kinds)
        if name in _MEDIA_TAGS:
            return "media"
        if name in _OTHER_TAGS:
            return "other"
        size = int(page.elements.end[here]) - int(page.elements.start[here])
        if size <= _LAYOUT_BYTES and here != i:
            names = _names(attributes)
            if names & _OTHER_NAMES:
                return "other"
            if names & _MEDIA_NAMES:
                return "media"
    return ""


def by_dcmi_type(page: Page, block: int, position: int) -> Literal["media", "other", ""]:
    """From the type of the work that a block states before a byte; empty for a text, and for silence."""
    start = int(page.elements.stop[block]) if block >= 0 else 0
    stated = _DCMI_TYPE.findall(page.html[max(start, position - _LAYOUT_BYTES) : position].lower())
    if not stated or stated[-1] in (b"text", b"collection"):
        return ""
    return "media" if stated[-1] in _DCMI_MEDIA else "other"


def by_words(before: str, own: str, after: str) -> Subject | Literal["this", ""]:
    """From the clause of a link: ``this`` when it says in so many words that the page is meant; empty for silence."""
    cuts = [m.end() for m in _CLAUSE.finditer(before)]
    before = before[cuts[-1] if cuts else 0 :][-_SHORT:]
    asked = False
    if cut := _CLAUSE.search(after):
        asked, after = cut[0].startswith("?"), after[: cut.start()]
    after = after[:_SHORT]
    if asked or _NEGATED.search(_UNLESS.sub("except where", before)) or _REFUSED.match(after):
        return "mention"
    found = [
        (m.start(), kind)
        for pattern, kind in ((_TEXT_WORDS, "page"), (_MEDIA_WORDS, "media"), (_OTHER_WORDS, "other"))
        for m in pattern.finditer(before)
    ]
    if found:
        at, kind = max(found)
        if kind == "page":
            return "this"
        if _BOTH.search(before[:at]) and kind == "media":
            return "this"
        return "media" if kind == "media" else "other"
    if _THIS.search(before):
        return "this" if before.strip() else _after(after, own)
    return _after(after, own)


def _after(after: str, own: str) -> Subject | Literal["this", ""]:
    for words in (own, after[:60]):
        if _MEDIA_WORDS.search(words) and not _TEXT_WORDS.search(words):
            return "media"
    return ""


def in_footer(page: Page, i: int) -> bool:
    """Whether it stands where sites state their terms."""
    for here in page.ancestors(i):
        name = page.name(here)
        if name in ("body", "html"):
            return False
        attributes = page.attributes(here)
        label = f"{attributes.get('class', '')} {attributes.get('id', '')} {attributes.get('role', '')}"
        if name == "footer" or _FOOTER_NAMES.search(label) or "contentinfo" in label:
            return True
    return False


def _types(attributes: Mapping[str, str]) -> list[str]:
    return f"{attributes.get('itemtype', '')} {attributes.get('typeof', '')}".split()


def _typed(kinds: list[str]) -> Subject:
    return "media" if any(re.search(r"image|video|audio|media|photo|music|map", k) for k in kinds) else "other"


def _names(attributes: Mapping[str, str]) -> set[str]:
    label = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower()[:400]
    whole = label.split()
    return {*whole, *(piece for word in whole for piece in re.split(r"[-_]+", word))}


def _is_media_file(address: str) -> bool:
    return bool(
        re.search(r"\.(?:jpe?g|png|gif|webp|svg|avif|tiff?|mp4|webm|mp3|ogg|wav|flac)(?:$|[?#])", address, re.I)
    )


def _is_page(about: str, url: str) -> bool:
    """Whether RDFa's ``about`` names the page itself."""
    if about in ("", "#", "./") or about.startswith("#"):
        return True
    plain = re.sub(r"^https?://(?:www\.)?", "", url.split("#")[0]).rstrip("/")
    return bool(plain) and re.sub(r"^https?://(?:www\.)?", "", about.split("#")[0]).rstrip("/") == plain
