#!/usr/bin/env python3
"""The network front against strangers: every limit, on the wire, and an honest client beside a thousand slow ones."""
import pathlib
import re
import socket
import subprocess
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from world import POLICY, World  # noqa: E402

passed = 0
world = World(POLICY)


def fact(true, what):
    global passed
    assert true, what
    passed += 1


def connect(source="127.0.1.1", context=None):
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(world.dir / "ca/root.pem")
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=15, source_address=(source, 0)))


def talk(request, source="127.0.1.1", context=None):
    """Sends bytes; returns the status of each answer until the server closes or is silent after an answer."""
    with connect(source, context) as s:
        try:
            s.sendall(request)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass
        got = b""
        try:
            while chunk := s.recv(65536):
                got += chunk
                if got.count(b"HTTP/1.1 ") >= request.count(b" HTTP/1.1\r\n") and b"connection: close" not in got.lower():
                    s.settimeout(0.3)
        except (TimeoutError, ConnectionResetError, ssl.SSLError):
            pass
        return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", got)], got


try:
    # Rates so low that a slow machine cannot refill what it takes.
    config = world.dir / "ca/ca.toml"
    text = config.read_text()
    for key, number in (("address", 1), ("address_burst", 100), ("caller", 1), ("caller_burst", 100)):
        text, changed = re.subn(rf"^{key} = \d+$", f"{key} = {number}", text, flags=re.M)
        fact(changed == 1, f"init does not write {key}")
    config.write_text(text)
    url = world.start()
    port = int(url.rsplit(":", 1)[1])
    host = b"Host: ca\r\n"
    json_post = b"POST /v1/login HTTP/1.1\r\n" + host + b"Content-Type: application/json\r\n"
    table = [
        ("an ordinary request", b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n", [200]),
        ("two requests in one segment", (b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n") * 2, [200, 200]),
        ("no Host", b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
        ("two Hosts", b"GET /healthz HTTP/1.1\r\n" + host + host + b"\r\n", [400]),
        ("a GET with a body that is a request", b"GET /healthz HTTP/1.1\r\n" + host + b"Content-Length: 40\r\n\r\nGET /readyz HTTP/1.1\r\nHost: ca\r\n\r\n", [400]),
        ("both ways to frame a body", json_post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400]),
        ("Content-Length twice", json_post + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", [400]),
        ("a large body announced", json_post + b"Content-Length: 70000\r\n\r\n", [413]),
        ("a chunked body without end", json_post + b"Transfer-Encoding: chunked\r\n\r\n" + b"2000\r\n" + b"x" * 0x2000 + (b"\r\n2000\r\n" + b"x" * 0x2000) * 20, [413]),
        ("headers without end", b"GET /healthz HTTP/1.1\r\n" + host + b"X: " + b"y" * 40000, [431]),
        ("too many headers", b"GET /healthz HTTP/1.1\r\n" + host + b"".join(b"X-%d: y\r\n" % i for i in range(150)) + b"\r\n", [400]),
        ("a compressed body", json_post + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", [415]),
        ("a form", b"POST /v1/login HTTP/1.1\r\n" + host + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 2\r\n\r\n{}", [415]),
        ("Expect", json_post + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", [400]),
        ("another method", b"DELETE /healthz HTTP/1.1\r\n" + host + b"\r\n", [400]),
        ("a path with escapes", b"GET /%2e%2e/healthz HTTP/1.1\r\n" + host + b"\r\n", [400]),
        ("an absolute target", b"GET https://evil/healthz HTTP/1.1\r\n" + host + b"\r\n", [400]),
        ("a long target", b"GET /" + b"a" * 8000 + b" HTTP/1.1\r\n" + host + b"\r\n", [400]),
        ("no such path", b"GET /nothing HTTP/1.1\r\n" + host + b"\r\n", [404]),
        ("another method's path", b"GET /v1/login HTTP/1.1\r\n" + host + b"\r\n", [404]),
        ("a body that is not JSON", json_post + b"Content-Length: 2\r\n\r\n{x", [401]),
        ("no certificate", b"GET /v1/whoami HTTP/1.1\r\n" + host + b"\r\n", [401]),
        ("an address in a header", b"GET /nothing HTTP/1.1\r\n" + host + b"REMOTE_ADDR: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n", [404]),
    ]
    for name, request, expected in table:
        statuses, raw = talk(request)
        fact(statuses == expected, f"{name}: {statuses}, not {expected}\n{raw[:500]!r}")
    _, raw = talk(b"GET /nothing HTTP/1.1\r\n" + host + b"\r\n")
    for header in (b"X-Content-Type-Options: nosniff", b"Cache-Control: no-store", b"Replay-Nonce: ", b"application/problem+json"):
        fact(header in raw, f"{header} is missing")
    fact(b"6.6.6.6" not in (world.dir / "ca.log").read_bytes(), "a header changed the remote address")

    # The last answer of a connection says that it is the last.
    statuses, raw = talk((b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n") * 1001)
    fact(statuses == [200] * 1000, f"{len(statuses)} answers on one connection, not 1000")
    fact(raw.lower().count(b"connection: close") == 1, "the last answer of a connection does not say so")

    # The second connection of a client that offers its session is a new one.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(world.dir / "ca/root.pem")
    first = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    first.sendall(b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n")
    first.recv(4096)
    session = first.session
    again = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), session=session)
    fact(not again.session_reused, "a TLS session was resumed")
    first.close()
    again.close()

    # A thousand idle and dripping connections from 32 addresses.
    slow = []
    for number in range(1000):
        s = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(f"127.0.0.{2 + number % 32}", 0))
        s.setblocking(False)
        slow.append(s)
    worst = 0.0
    for _ in range(10):
        for s in slow[::2]:
            try:
                s.send(b"\x16")
            except OSError:
                pass
        began = time.monotonic()
        statuses, _ = talk(b"GET /readyz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")
        worst = max(worst, time.monotonic() - began)
        fact(statuses == [200], f"honest request: {statuses}")
    fact(worst < 10.0, f"an honest request took {worst:.2f} s: it waited for the slow ones' deadline")
    rss = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{world.ca.pid}/status").read_text()).group(1)) // 1024
    sanitized = re.search(r"lib[at]san", subprocess.run(["ldd", str(world.bin / "mayfly-ca")], capture_output=True, text=True).stdout)
    fact(rss < 256 or sanitized, f"{rss} MiB")
    # One address cannot have more than its share.
    crowd = [socket.create_connection(("127.0.0.1", port), timeout=5, source_address=("127.0.2.1", 0)) for _ in range(40)]
    crowd[-1].settimeout(5)
    fact(crowd[-1].recv(1) == b"", "the 40th connection of one address was kept")
    for s in slow + crowd:
        s.close()
    print(f"with 1,000 slow connections: {worst * 1000:.0f} ms at worst, {rss} MiB")

    # An address that asks too often is told so; the next one is not, and neither is whoever asks whether we live.
    nonce = b"GET /v1/nonce HTTP/1.1\r\n" + host + b"\r\n"
    statuses, raw = talk(nonce * 300, "127.0.3.1")
    fact(len(statuses) == 300 and statuses[:100] == [200] * 100, f"the burst did not pass: {statuses}")
    fact(150 < statuses.count(429) <= 200, f"{statuses.count(429)} of 300 were refused")
    fact(raw.count(b"Retry-After: 1") == statuses.count(429) and b"E-RATE" in raw, "a refusal without Retry-After")
    statuses, _ = talk(b"GET /healthz HTTP/1.1\r\n" + host + b"\r\n", "127.0.3.1")
    fact(statuses == [200], f"/healthz was refused: {statuses}")
    statuses, _ = talk((b"GET /none-such HTTP/1.1\r\n" + host + b"\r\n") * 30, "127.0.3.1")
    fact(len(statuses) == 30 and statuses.count(429) > 10, f"what is not there costs nothing: {statuses}")
    statuses, _ = talk(nonce, "127.0.3.2")
    fact(statuses == [200], f"one address paid for another: {statuses}")

    # Thirty refused logins of one address are two entries in the log: the first, and how many there were.
    login = json_post + b"Content-Length: 2\r\n\r\n{}"
    statuses, raw = talk(login * 30, "127.0.4.1")
    fact(statuses == [401] * 30, f"{statuses}")
    fact(world.stop() == 0, "the CA did not stop gracefully")
    world.start(port)
    world.login()
    closed = [event for event in world.entries() if event["type"] == "door.refused" and event["data"]["address"] == "127.0.4.1"]
    fact([(event["subject"], event["data"]["count"]) for event in closed] == [("door/enrolled-key", 1), ("door/enrolled-key", 29)], closed)

    # Somebody known who asks too often, too.
    session = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    session.check_hostname = False
    session.load_verify_locations(world.dir / "ca/root.pem")
    session.load_cert_chain(world.dir / "state/mayfly/default/session.pem", world.dir / "state/mayfly/default/session.key")
    statuses, raw = talk(b"GET /v1/whoami HTTP/1.1\r\n" + host + b"\r\n", context=session)
    fact(statuses == [200] and b"human/alice" in raw, f"{statuses} {raw[-300:]!r}")
    statuses, raw = talk((b"GET /v1/whoami HTTP/1.1\r\n" + host + b"\r\n") * 300, context=session)
    fact(len(statuses) == 300 and statuses.count(200) >= 80 and statuses.count(429) > 100, f"{statuses.count(200)} passed, {statuses.count(429)} did not")
    fact(world.stop() == 0, "the CA did not stop gracefully")
    print(f"{passed} passed, 0 failed")
finally:
    world.close()
