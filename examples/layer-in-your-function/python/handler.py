"""Reaches a service in the tailnet from a Lambda function, with nothing but Python's standard library."""

import http.client
import json
import os
import socket
import time
import urllib.error
import urllib.parse
import urllib.request

# A service in the tailnet, such as http://builder.example.ts.net:8080.
TARGET = urllib.parse.urlsplit(os.environ["TARGET_URL"])
SOCKS_PORT = int(os.environ.get("POSTERN_SOCKS_PORT") or 1055)
READY_URL = f"http://127.0.0.1:{SOCKS_PORT + 1}/ready"

# After a longer pause the sandbox may have been frozen, and the tunnel may need a cure, which its owner makes when it is asked.
PAUSE_SECONDS = 4
# A dial may be repeated: nothing was sent. A dial whose first packet was lost would hang for 5 s.
DIAL_SECONDS = (0.4, 1, 2)

last_used = 0.0


def handler(event, context):
    remaining_ms = context.get_remaining_time_in_millis() if context else 10_000
    try:
        wait_until_ready(min(8_000, remaining_ms // 2))
        status, text = post("/builds", event.get("body") or "{}")
        return reply(200, {"status": status, "answer": text})
    except (TunnelError, OSError) as error:
        print(error)
        return reply(502, {"error": str(error)})


class TunnelError(Exception):
    """The tunnel is not ready, or a connection through it was refused."""


def wait_until_ready(within_ms):
    """Asks the tunnel's owner unless it was used a moment ago; waits while there is hope."""
    global last_used
    now = time.time()
    if not 0 <= now - last_used <= PAUSE_SECONDS:
        # Never through a proxy of the environment: this is the function's own machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{READY_URL}?within={within_ms}", timeout=within_ms / 1000 + 1).close()
        except urllib.error.HTTPError as answer:
            problem = json.loads(answer.read())
            raise TunnelError(f"{problem.get('code')}: {problem.get('detail')}") from None
    last_used = now


def post(path, body):
    connection = TailnetConnection(TARGET.hostname, TARGET.port or 80)
    try:
        connection.request("POST", path, body.encode(), {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


class TailnetConnection(http.client.HTTPConnection):
    """An HTTP connection through tailscaled's SOCKS5 port."""

    def connect(self):
        for seconds in DIAL_SECONDS:
            try:
                self.sock = dial(self.host, self.port, seconds)
                self.sock.settimeout(10)
                return
            except TimeoutError:
                continue
        raise TunnelError(f"{self.host}:{self.port} does not answer through the tunnel")


def dial(host, port, seconds):
    """SOCKS5 without authentication (RFC 1928); tailscaled resolves the name."""
    sock = socket.create_connection(("127.0.0.1", SOCKS_PORT), timeout=seconds)
    try:
        name = host.encode("idna")
        sock.sendall(b"\x05\x01\x00")
        if read(sock, 2) != b"\x05\x00":
            raise TunnelError(f"port {SOCKS_PORT} is not a SOCKS5 server without authentication")
        sock.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        _, code, _, kind = read(sock, 4)
        if code != 0:
            raise TunnelError(f"{host}:{port} cannot be reached through the tunnel (SOCKS5 reply {code})")
        length = {1: 4, 4: 16}.get(kind) or read(sock, 1)[0]
        read(sock, length + 2)
        return sock
    except BaseException:
        sock.close()
        raise


def read(sock, length):
    data = b""
    while len(data) < length:
        chunk = sock.recv(length - len(data))
        if not chunk:
            raise TunnelError("tailscaled closed the connection")
        data += chunk
    return data


def reply(status, body):
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
