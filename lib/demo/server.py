#!/usr/bin/env python3
"""The private web server of the demo: one HTML page, and an answer to every webhook.

It listens on one address of the tailnet and on nothing else. Python 3.9 or newer, standard library alone.

    GET  /         the page: what arrived lately
    GET  /healthz  200 "ok"
    POST anything  200 {"accepted": PATH, "bytes": N}, and a line on the page; 411 without a length, 413 above 1 MiB
"""

import argparse
import collections
import html
import http.server
import json
import socket
import threading
import time
import urllib.parse

MAX_BODY_BYTES = 1024 * 1024
MAX_LINES = 20
IDLE_SECONDS = 10
METHODS_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Postern demo</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 3rem auto; padding: 0 1rem; }}
  table {{ border-collapse: collapse; width: 100%; }}
  th, td {{ text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #ccc; overflow-wrap: anywhere; }}
</style>
<h1>You are through the postern</h1>
<p>This page comes from <b>{host}</b>, a machine that no inbound rule leads to. It answers on its tailnet address alone.</p>
<p>{count} accepted since it started.</p>
<table>
<tr><th>When (UTC)<th>Method<th>Path<th>Event<th>Bytes
{rows}
</table>
</html>
"""


class Journal:
    """What arrived, the newest first, and how much in all. Safe for many threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._lines = collections.deque(maxlen=MAX_LINES)
        self._count = 0

    def add(self, method, path, event, size):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        with self._lock:
            self._count += 1
            self._lines.appendleft((when, method, path[:200], event[:60], size))

    def page(self, host):
        with self._lock:
            count, lines = self._count, list(self._lines)
        rows = "\n".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}" for cell in line) for line in lines)
        return PAGE.format(host=html.escape(host), count=count, rows=rows)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "postern-demo"
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        if path == "/healthz":
            self.answer(200, "text/plain; charset=utf-8", "ok\n")
        elif path == "/":
            self.answer(200, "text/html; charset=utf-8", self.server.journal.page(socket.gethostname()))
        else:
            self.answer(404, "text/plain; charset=utf-8", "There is nothing here; the page is at /\n")

    do_HEAD = do_GET

    def accept(self):
        size = self.read_body()
        if size is None:
            return
        event = next((value for name, value in self.headers.items() if name.lower().endswith("-event")), "")
        self.server.journal.add(self.command, self.path, event, size)
        self.answer(200, "application/json", json.dumps({"accepted": self.path, "bytes": size}) + "\n")

    def read_body(self):
        """Returns the number of bytes read, or None after an error was answered."""
        lengths = self.headers.get_all("content-length", [])
        text = lengths[0] if len(lengths) == 1 else ""
        if not (text.isascii() and text.isdigit()) or "transfer-encoding" in self.headers:
            return self.refuse(411, "Send the body with a content-length\n")
        if len(text) > 9 or int(text) > MAX_BODY_BYTES:
            return self.refuse(413, f"A body may have {MAX_BODY_BYTES} bytes\n")
        return len(self.rfile.read(int(text)))

    def refuse(self, status, text):
        # The body is still on its way, so nothing after it on this connection can be told from it.
        self.close_connection = True
        self.answer(status, "text/plain; charset=utf-8", text)

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("cache-control", "no-store")
        self.send_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("x-content-type-options", "nosniff")
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


for method in METHODS_WITH_BODY:
    setattr(Handler, f"do_{method}", Handler.accept)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # The default of 5 lets a client that opens a few connections at once wait for a second.
    request_queue_size = 128

    def __init__(self, address, port):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.journal = Journal()
        super().__init__((address, port), Handler)


def main():
    parser = argparse.ArgumentParser()
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--address")
    where.add_argument("--address-file", help="a file whose first line is the address")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    options = parser.parse_args()
    address = options.address
    if address is None:
        with open(options.address_file, encoding="ascii") as file:
            address = file.readline().strip()
    if address in ("", "0.0.0.0", "::"):
        parser.error(f"the address is {address!r}; give one address, not all of them")
    server = Server(address, options.port)
    print(f"listening on {address} port {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
