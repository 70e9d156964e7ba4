"""Does the built site fetch anything from another host?

    python .ci/check_site.py site

Looks at everything in pages and style sheets that a browser would fetch, and at missing files; where Chromium is found,
opens each page in it too, and takes each request to another host and each error of a script for a failure.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import threading
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
FETCHED = {
    "script": ("src",), "img": ("src", "srcset"), "iframe": ("src",), "source": ("src", "srcset"), "video": ("src",),
    "audio": ("src",), "embed": ("src",), "object": ("data",), "link": ("href",), "use": ("href", "xlink:href"),
}  # fmt: skip
"""Attributes that make a browser fetch; an `a` does so only when it is pressed."""


class Fetches(HTMLParser):
    """What a page makes a browser fetch: `found` holds the addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of a tag."""
        given = dict(attrs)
        for name in FETCHED.get(tag, ()):
            value = given.get(name)
            if value:
                parts = value.split(",") if name == "srcset" else [value]
                self.found += [part.split()[0] for part in parts if part.split()]
        self.found += in_style(given.get("style") or "")


def in_style(text: str) -> list[str]:
    """Return the addresses in CSS."""
    return re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)


def fetched_by(file: Path) -> list[str]:
    """Return what a page or style sheet makes a browser fetch."""
    text = file.read_text("utf-8")
    if file.suffix == ".css":
        return in_style(text)
    page = Fetches()
    page.feed(text)
    return page.found + in_style("\n".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.S)))


def faults_in(site: Path, file: Path) -> list[str]:
    """Return what is wrong with one file: addresses of other hosts, files that are not there."""
    faults = []
    for address in fetched_by(file):
        parts = urlsplit(address)
        if parts.scheme == "data" or (not parts.path and not parts.netloc):
            continue
        if parts.scheme or parts.netloc:
            faults.append(f"{file.relative_to(site)} fetches {address}")
            continue
        base = site if parts.path.startswith("/") else file.parent
        if not (base / unquote(parts.path).lstrip("/")).exists():
            faults.append(f"{file.relative_to(site)} fetches {address}, which does not exist")
    return faults


class Quiet(SimpleHTTPRequestHandler):
    """A file server that writes no log."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


def seen_in_browser(site: Path) -> list[str] | None:
    """Return what went wrong when each page was opened; None where Chromium or playwright is missing."""
    sys.path.insert(0, str(ROOT))
    from tests.browser.lab import CHROMIUM_OPTIONS, browser_path

    path = browser_path()
    if path is None or importlib.util.find_spec("playwright") is None:
        return None
    from playwright.sync_api import sync_playwright

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{server.server_address[1]}/"
    faults: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_OPTIONS)
        page = chromium.new_page()
        page.on("request", lambda r: r.url.startswith((here, "data:", "blob:")) or faults.append(f"asks for {r.url}"))
        page.on("pageerror", lambda error: faults.append(f"a script failed: {error}"))
        page.on("response", lambda r: r.status < 400 or faults.append(f"{r.status} for {r.url}"))
        for file in sorted(site.rglob("*.html")):
            if file.name != "404.html":
                page.goto(here + str(file.relative_to(site)).removesuffix("index.html"))
        page.goto(here)
        page.fill("input[name=query]", "holdout")
        page.wait_for_selector(".md-search-result__link")
        chromium.close()
    server.shutdown()
    return faults


def main() -> None:
    """Look at all files; exit 1 with what is wrong."""
    site = Path(sys.argv[1]).resolve()
    pages = sorted(site.rglob("*.html"))
    if len(pages) < 10:
        raise SystemExit(f"{site} holds {len(pages)} pages: it is not the site")
    faults = [fault for file in [*pages, *site.rglob("*.css")] for fault in faults_in(site, file)]
    in_browser = seen_in_browser(site)
    faults += in_browser or []
    if faults:
        raise SystemExit("\n".join(sorted(set(faults))))
    where = "" if in_browser is not None else "; Chromium or playwright was not found, so they were only read"
    print(f"{len(pages)} pages fetch nothing from elsewhere{where}")


if __name__ == "__main__":
    main()
