"""A stand-in for 统一身份认证: OpenID Connect's code flow with PKCE and signed userinfo, over real HTTP.

It believes whoever fills in its form: that is all that is missing of a real one. Start it by hand with
`python tests/standins/identity.py PORT OFFICE_STATE_FOLDER`; it writes `identity.json` there, so that the
office finds it. In tests use `Standin`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from gongshu.crypto.sign import PrivateKey

LIFE = 60
FIELDS = ("subject_type", "name", "number", "capacity")
ALGS = {"ed25519": "EdDSA", "sm2": "SM2"}
PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>统一身份认证（替身）</title></head><body>
<main><h1>统一身份认证（替身）</h1><p>演示和测试用，填什么就认什么。</p><form method="post" id="identity-form">{hidden}
<p><label>种类 <select name="subject_type"><option value="person">个人</option><option value="firm">企业</option></select></label></p>
<p><label>姓名或企业名称 <input name="name" required></label></p>
<p><label>身份证号或统一社会信用代码 <input name="number" required></label></p>
<p><label>企业办理人 <select name="capacity"><option value="">不是企业</option><option value="legal_representative">法定代表人</option><option value="agent">授权经办人</option></select></label></p>
<button type="submit">确认是我</button></form></main></body></html>"""


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Standin:
    """One identity system on a port of its own. `with Standin() as it: it.settings()`.

    `spoil` lets a test change the claims just before they are signed; `forge` the signed text afterwards.
    """

    def __init__(self, port: int = 0, alg: str = "ed25519") -> None:
        self.key = PrivateKey.generate(alg)
        self.client, self.secret = "gongshu", secrets.token_urlsafe(16)
        self.codes: dict[str, dict[str, Any]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.spoil: dict[str, Any] = {}
        self.forge: Any = None
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> Standin:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def settings(self) -> dict[str, str]:
        """What the office must know: the content of `identity.json`."""
        return {
            "issuer": self.issuer, "client": self.client, "secret": self.secret, "key": self.key.public().encode()
        }  # fmt: skip

    def write(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / "identity.json"
        place.touch(mode=0o600)
        place.write_text(json.dumps(self.settings()))
        return place

    # ------------------------------------------------------------ the four steps

    def grant(self, query: dict[str, str], person: dict[str, str]) -> str:
        """Somebody said who they are: the address to send the browser back to."""
        code = secrets.token_urlsafe(24)
        self.codes[code] = {"query": query, "person": person, "until": time.time() + LIFE}
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query.get('state', '')})}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """A code becomes a token, once, for its client, its address and its verifier."""
        held = self.codes.pop(form.get("code", ""), None)
        if held is None or held["until"] < time.time():
            return None
        query = held["query"]
        challenge = _b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        good = (
            form.get("grant_type") == "authorization_code"
            and form.get("client_id") == self.client == query.get("client_id")
            and form.get("client_secret") == self.secret
            and form.get("redirect_uri") == query.get("redirect_uri")
            and challenge == query.get("code_challenge")
        )
        if not good:
            return None
        token = secrets.token_urlsafe(24)
        self.tokens[token] = held
        return {"access_token": token, "token_type": "Bearer", "expires_in": LIFE}

    def userinfo(self, authorization: str) -> str | None:
        """Who it is, as a signed compact JWS; a token is good once."""
        held = self.tokens.pop(authorization.removeprefix("Bearer "), None)
        if held is None:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": self.client, "nonce": held["query"].get("nonce", ""), "iat": now,
            "exp": now + LIFE, "sub": secrets.token_hex(8), **held["person"], **self.spoil,
        }  # fmt: skip
        head = _b64(json.dumps({"alg": ALGS[self.key.alg], "typ": "JWT"}).encode())
        body = _b64(json.dumps(claims, ensure_ascii=False).encode())
        signed = f"{head}.{body}.{_b64(self.key.sign(f'{head}.{body}'.encode()))}"
        return self.forge(signed) if self.forge else signed

    # ------------------------------------------------------------ HTTP

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        standin = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(place.query).items()}
                if place.path == "/authorize":
                    self.say(200, standin.page(query), "text/html; charset=utf-8")
                elif place.path == "/userinfo":
                    found = standin.userinfo(self.headers.get("authorization", ""))
                    self.say(200 if found else 401, found or "", "application/jwt")
                else:
                    self.say(404, "", "text/plain")

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                if self.path == "/token":
                    made = standin.exchange(form)
                    answer = made or {"error": "invalid_grant"}
                    self.say(200 if made else 400, json.dumps(answer), "application/json")
                    return
                person = {name: form[name] for name in FIELDS if name in form}
                self.send_response(302)
                self.send_header("location", standin.grant(form, person))
                self.end_headers()

            def say(self, status: int, text: str, kind: str) -> None:
                data = text.encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def page(self, query: dict[str, str]) -> str:
        hidden = "".join(
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
            for name, value in query.items()
        )
        return PAGE.replace("{hidden}", hidden)


def main(argv: list[str]) -> int:
    """Serve until interrupted. Arguments: port, the office's state folder."""
    port, folder = int(argv[0]), Path(argv[1])
    with Standin(port) as standin:
        sys.stdout.write(f"{standin.issuer} → {standin.write(folder)}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
