"""Articles in plain words: `articles.yaml` of each pack, citation → one or two Chinese sentences.

Paraphrase, never quotation; shown in 为什么 beside the citation. An article without words shows none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gongshu.law import schema
from gongshu.law.errors import Problem
from gongshu.law.packs import Library

FILE = "articles.yaml"

# the library is kept beside its table so that its id cannot be given to another one
_READ: dict[int, tuple[Library, dict[str, str]]] = {}
_MOST = 20


def plain_words(library: Library, citation: str) -> str:
    """What an article says; `25(一)3` falls back to `25(一)`, then `25`; empty when nobody wrote it down."""
    key, _, article = citation.partition(":")
    words = _words(library)
    return next((words[f"{key}:{part}"] for part in _wider(article) if f"{key}:{part}" in words), "")


def _wider(article: str) -> Iterator[str]:
    yield article
    while article and (article[-1].isdigit() or article.endswith(")")):
        cut = article[: article.rindex("(")] if article.endswith(")") else article.rstrip("0123456789")
        if not cut or cut == article:
            return
        article = cut
        yield article


def _words(library: Library) -> dict[str, str]:
    if id(library) not in _READ:
        if len(_READ) >= _MOST:
            _READ.clear()
        found: dict[str, str] = {}
        for pack in library.packs.values():
            found.update(_table(pack.files.get(FILE, b"")))
        _READ[id(library)] = (library, found)
    return _READ[id(library)][1]


def _table(content: bytes) -> dict[str, str]:
    documents: list[Any] = schema.read_yaml(content.decode("utf-8")) if content else []
    return {
        f"{source}:{article}": str(words)
        for document in documents
        for source, articles in document.items()
        for article, words in articles.items()
    }


def problems(library: Library) -> list[Problem]:
    """Words for an article that its source does not have."""
    found = []
    for pack in library.packs.values():
        for citation in _table(pack.files.get(FILE, b"")):
            source, _, article = citation.partition(":")
            known = library.sources.get(source)
            if known is None or article not in known.articles:
                found.append(Problem(pack.id, f"{pack.id}/{FILE}", citation, "没有这一条。"))
    return found
