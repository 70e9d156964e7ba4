"""A local server that answers as Europe PMC and arXiv do, with answers of the shapes that they send."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

EUROPE_PMC = """{"version":"6.9","hitCount":2,"request":{"queryString":"batch integration","resultType":"core",
"pageSize":6},"resultList":{"result":[
{"id":"29608177","source":"MED","pmid":"29608177","doi":"10.1038/nbt.4091",
 "title":"Batch effects in single-cell data are corrected by matching <i>mutual</i> nearest neighbors.",
 "authorString":"Haghverdi L, Lun ATL, Morgan MD, Marioni JC.",
 "journalInfo":{"issue":"5","volume":"36","journal":{"title":"Nature biotechnology",
 "medlineAbbreviation":"Nat Biotechnol"}},
 "pubYear":"2018",
 "abstractText":
 "<h4>Background</h4>Large-scale studies combine batches &amp; laboratories. <h4>Results</h4>We match neighbors."},
{"id":"PPR1","source":"PPR","title":"A preprint without much","authorString":"Solo S.","pubYear":"2021"}
]}}"""
ARXIV = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">
  <title type="html">ArXiv Query: search_query=all:batch AND all:integration</title>
  <opensearch:totalResults>2</opensearch:totalResults>
  <entry>
    <id>http://arxiv.org/abs/1709.02082v2</id>
    <published>2017-09-07T05:00:00Z</published>
    <title>A general and flexible method for
  signal extraction</title>
    <summary>  We propose a model of counts &lt; zero-inflated &gt;
that is fitted by variational inference.  </summary>
    <author><name>Davide Risso</name></author>
    <author><name>Fanny Perraudeau</name></author>
    <arxiv:doi xmlns:arxiv="http://arxiv.org/schemas/atom">10.1038/s41467-017-02554-5</arxiv:doi>
    <arxiv:journal_ref xmlns:arxiv="http://arxiv.org/schemas/atom">Nature Communications 9 (2018)</arxiv:journal_ref>
  </entry>
  <entry>
    <id>http://arxiv.org/abs/1801.00001v1</id>
    <published>2018-01-01T05:00:00Z</published>
    <title>Batch effects in single-cell data are corrected by matching mutual nearest neighbors</title>
    <summary>The same again.</summary>
    <author><name>Laleh Haghverdi</name></author>
  </entry>
</feed>"""
ANSWERS: Mapping[str, tuple[int, str, str]] = {
    "/europepmc": (200, "application/json", EUROPE_PMC),
    "/arxiv": (200, "application/atom+xml", ARXIV),
    "/page": (200, "text/html", "<!DOCTYPE html><html><body>Please sign in<br></body></html>"),
    "/busy": (503, "text/plain", "try later"),
    "/none": (200, "application/json", '{"hitCount":0,"resultList":{"result":[]}}'),
}


class LiteratureServer:
    """Serves ANSWERS by path on a free local port; `questions` lists the query of each call by path."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, dict[str, str]]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                """Write no log."""

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                owner.questions.append((parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()}))
                status, kind, text = ANSWERS[parts.path]
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def url(self, path: str) -> str:
        """Return the address of one of ANSWERS."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/{path}"

    def __enter__(self) -> LiteratureServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
