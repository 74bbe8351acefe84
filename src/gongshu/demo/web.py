"""A person at a browser without JavaScript: pages, forms, uploads. The demo uses nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pyotp
from selectolax.lexbor import LexborHTMLParser, LexborNode

Value = str | Sequence[str] | Path | Sequence[Path]


class Unexpected(Exception):
    """A page did not show what the next step needs. The sentence says which page and what it showed."""


@dataclass(frozen=True)
class FormOnPage:
    """One form: where it posts to and what it holds already."""

    id: str
    action: str
    method: str
    values: dict[str, list[str]]
    files: tuple[str, ...]
    choices: dict[str, list[str]]


@dataclass(frozen=True)
class Page:
    """One page as it came. `url` is absolute."""

    url: str
    status: int
    text: str
    content: bytes
    media: str

    @property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.text)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def forms(self) -> dict[str, FormOnPage]:
        """The page's forms by id (or by their place: `#0`)."""
        found = {}
        for place, node in enumerate(self.tree.css("form")):
            form = _form(node, self.url)
            found[form.id or f"#{place}"] = form
        return found

    def links(self) -> dict[str, str]:
        """Text of a link → its address (the first of each text)."""
        found: dict[str, str] = {}
        for node in self.tree.css("a[href]"):
            found.setdefault(node.text(strip=True), urljoin(self.url, node.attributes["href"] or ""))
        return found

    def words(self) -> str:
        """What a person reads: the text of the main part."""
        tree = self.tree
        main = tree.css_first("main") or tree.body
        return " ".join(main.text(separator=" ").split()) if main is not None else self.text

    def errors(self) -> list[str]:
        """Sentences the page shows as errors or refusals."""
        chosen = self.tree.css(".alert-danger, .invalid-feedback, .refusal, .messages .error, .error-page")
        return [" ".join(node.text(separator=" ").split()) for node in chosen]


def _form(node: LexborNode, url: str) -> FormOnPage:
    values: dict[str, list[str]] = {}
    files: list[str] = []
    choices: dict[str, list[str]] = {}
    for field in node.css("input, select, textarea"):
        name = field.attributes.get("name")
        if not name or "disabled" in field.attributes:
            continue
        kind = (field.attributes.get("type") or "").lower()
        if kind == "file":
            files.append(name)
        elif field.tag == "select":
            options = field.css("option")
            choices[name] = [option.attributes.get("value") or "" for option in options]
            chosen = [o.attributes.get("value") or "" for o in options if "selected" in o.attributes]
            values[name] = chosen or choices[name][:1]
        elif kind in ("checkbox", "radio"):
            value = field.attributes.get("value") or "on"
            choices.setdefault(name, []).append(value)
            if "checked" in field.attributes:
                values.setdefault(name, []).append(value)
        elif field.tag == "textarea":
            values.setdefault(name, []).append(field.text() or "")
        elif kind not in ("submit", "button", "image", "reset"):
            values.setdefault(name, []).append(field.attributes.get("value") or "")
    return FormOnPage(
        node.attributes.get("id") or "",
        urljoin(url, node.attributes.get("action") or url),
        (node.attributes.get("method") or "get").lower(),
        values,
        tuple(files),
        choices,
    )


class Browser:
    """One person's session at one site."""

    def __init__(self, site: str, name: str = "") -> None:
        self.site = site.rstrip("/")
        self.name = name
        self.client = httpx.Client(
            base_url=self.site, follow_redirects=True, timeout=httpx.Timeout(300.0), trust_env=False
        )

    def get(self, path: str, **query: str) -> Page:
        """Open a page, whatever its status."""
        return _page(self.client.get(path, params=query or None))

    def open(self, path: str, **query: str) -> Page:
        """Open a page that must be there."""
        page = self.get(path, **query)
        if page.status != httpx.codes.OK:
            said = "；".join(page.errors()) or page.words()[:200]
            raise Unexpected(f"打开 {path} 得到 {page.status}：{said}")
        return page

    def send(self, page: Page, form_id: str, button: Any = None, **values: Value) -> Page:
        """Fill in a form of the page and send it; the answer, whatever its status."""
        forms = page.forms()
        if form_id not in forms:
            raise Unexpected(f"页面 {page.path} 上没有表单“{form_id}”，只有：{'、'.join(forms) or '没有'}。")
        form = forms[form_id]
        data = {**form.values, **{name: [text] for name, text in (button or {}).items()}}
        uploads: list[tuple[str, tuple[str, Any]]] = []
        for name, value in values.items():
            items = [value] if isinstance(value, str | Path) else list(value)
            paths = [item for item in items if isinstance(item, Path)]
            if paths:
                uploads += [(name, (path.name, path.open("rb"))) for path in paths]
                data.pop(name, None)
            else:
                data[name] = [str(item) for item in items]
        if form.method == "get":
            return _page(self.client.get(form.action, params=data))
        try:
            answer = self.client.post(
                form.action, data=data, files=uploads or None, headers={"referer": page.url}
            )
        finally:
            for _, (_, handle) in uploads:
                handle.close()
        return _page(answer)

    def do(self, page: Page, form_id: str, button: Any = None, **values: Value) -> Page:
        """Send a form that must be accepted."""
        answer = self.send(page, form_id, button, **values)
        errors = answer.errors()
        if answer.status >= httpx.codes.BAD_REQUEST or errors:
            raise Unexpected(
                f"{self.name}在 {page.path} 提交“{form_id}”没有成功（{answer.status}）："
                f"{'；'.join(errors) or answer.words()[:300]}"
            )
        return answer

    def log_in(self, username: str, password: str, secret: str) -> Page:
        """Password and TOTP, as typed at the login page. A code just used is waited out by the caller."""
        page = self.open("/login/")
        code = pyotp.TOTP(secret).now()
        answer = self.send(page, "login-form", username=username, password=password, code=code)
        if answer.path == "/login/":
            raise Unexpected(f"{self.name}没有登录成功：{'；'.join(answer.errors()) or answer.words()[:200]}")
        return answer


def _page(answer: httpx.Response) -> Page:
    media = answer.headers.get("content-type", "")
    text = answer.text if media.startswith(("text/", "application/json")) else ""
    return Page(str(answer.url), answer.status_code, text, answer.content, media)
