#!/usr/bin/env python3
"""A receiver of Mayfly's webhooks, to copy: it verifies, it acts once on each event, and it plays a service desk.

    receiver.py --listen 127.0.0.1:8600 --secret-file desk.secret --dir desk
                [--certificate fullchain.pem --key key.pem] [--address-file FILE]

Needs Python 3.9 and nothing else. What it shows, and what a receiver of your own should keep:

 1. verify() before anything is looked at: the signature over the exact bytes, in constant time; the time, within five
    minutes. The secret file holds one line, or two while the secret is being replaced.
 2. Events come at least once. once() remembers each webhook-id in a database and acts in the same transaction: a delivery
    that comes again, or that somebody replays, is answered 200 and changes nothing.
 3. Answer quickly, after the event is stored; anything slow belongs behind that.
 4. An event tells what happened and not what people wrote: to read a reason, ask the CA with an identity of your own.
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import socketserver
import sqlite3
import ssl
import sys
import time

TOLERANCE = 300          # seconds between their clock and ours
LARGEST = 256 * 1024     # an event is far smaller


class Refused(Exception):
    """Not from Mayfly, or not from now."""


def read_secrets(path):
    """The keys in a secret file: lines "whsec_" + base64."""
    lines = [line.strip() for line in pathlib.Path(path).read_text().splitlines() if line.strip()]
    if not lines or not all(line.startswith("whsec_") for line in lines):
        raise SystemExit(f"error: {path} holds no webhook secret\n  fix: (printf whsec_; openssl rand -base64 32) > {path}; chmod 600 {path}")
    return [base64.b64decode(line[len("whsec_"):], validate=True) for line in lines]


def verify(headers, body, secrets, now):
    """The id of a genuine, fresh message; Refused for anything else. `headers` maps lower-case names to values."""
    try:
        identifier, stamp, signatures = headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]
        sent = int(stamp)
    except (KeyError, ValueError):
        raise Refused("a header is missing or malformed") from None
    if abs(now - sent) > TOLERANCE:
        raise Refused("too old, or from the future")
    content = identifier.encode() + b"." + stamp.encode() + b"." + body
    good = [b"v1," + base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()) for secret in secrets]
    # Every pair is compared, each in constant time.
    matches = [hmac.compare_digest(given.encode(), ours) for given in signatures.split(" ") for ours in good]
    if not any(matches):
        raise Refused("the signature does not fit")
    return identifier


class Desk:
    """A service desk in a folder: one file a ticket, one line an event, and a database that remembers what was done."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "tickets").mkdir(parents=True, exist_ok=True)
        self.database = sqlite3.connect(self.folder / "seen.db", isolation_level=None, check_same_thread=False)
        self.database.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at INTEGER NOT NULL)")

    def once(self, identifier, message, now):
        """Acts on a message, unless it has done so before. Whether it acted."""
        self.database.execute("BEGIN IMMEDIATE")
        try:
            new = self.database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (identifier, int(now))).rowcount == 1
            if new:
                self.act(message)
            self.database.execute("COMMIT")
            return new
        except BaseException:
            self.database.execute("ROLLBACK")
            raise

    def act(self, message):
        data, event = message["data"], message["data"]["event"]
        with open(self.folder / "events.jsonl", "a") as journal:
            journal.write(json.dumps({"index": data["index"], "type": message["type"], "summary": data["summary"]}) + "\n")
        request = event["data"].get("request") or (event["subject"] if event["subject"].startswith("r-") else None)
        if message["type"].startswith("request.") and message["type"] != "request.refused" and request:
            self.note(request, data["summary"], data["commands"], message["timestamp"])

    def note(self, request, summary, commands, at):
        """Each access request has its file; each thing that happens to it is a line in there."""
        path = self.folder / "tickets" / f"{pathlib.PurePath(str(request)).name}.json"
        ticket = json.loads(path.read_text()) if path.exists() else {"request": request, "history": []}
        ticket["history"].append({"at": at, "what": summary})
        ticket["commands"] = commands
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(ticket, indent=2) + "\n")
        os.replace(temporary, path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "receiver", ""
    timeout = 10

    def do_POST(self):
        try:
            size = int(self.headers.get("Content-Length", ""))
        except ValueError:
            size = -1
        if not 0 <= size <= LARGEST:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(size)
        now = time.time()
        try:
            identifier = verify({name.lower(): value for name, value in self.headers.items()}, body, read_secrets(self.server.secret_file), now)
        except Refused as refused:
            print(f"refused: {refused}", file=sys.stderr, flush=True)
            return self.answer(401)
        acted = self.server.desk.once(identifier, json.loads(body), now)
        print(f"{'took' if acted else 'had'} {identifier}", file=sys.stderr, flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.HTTPServer):
    def server_bind(self):  # HTTPServer would ask the resolver for our own name
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", default="127.0.0.1:8600", help="HOST:PORT; port 0 for any")
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--dir", required=True, help="where it keeps tickets and what it has seen")
    parser.add_argument("--certificate", help="PEM chain; without it plain HTTP, for this machine only")
    parser.add_argument("--key", help="PEM key of the certificate")
    parser.add_argument("--address-file", help="written with HOST:PORT once it listens")
    arguments = parser.parse_args()
    read_secrets(arguments.secret_file)
    host, port = arguments.listen.rsplit(":", 1)
    server = Server((host, int(port)), Handler)
    server.secret_file, server.desk = arguments.secret_file, Desk(arguments.dir)
    if arguments.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(arguments.certificate, arguments.key)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    address = "%s:%d" % server.server_address[:2]
    if arguments.address_file:
        temporary = pathlib.Path(arguments.address_file + ".new")
        temporary.write_text(address + "\n")
        os.replace(temporary, arguments.address_file)
    print(f"listening on {address}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
