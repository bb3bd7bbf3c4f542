"""A client of the CA's API that is not ours: Python's own TLS and HTTP, and ssh-keygen -Y sign for the proofs. What an
attacker with a valid session would write."""
import base64
import hashlib
import http.client
import json
import ssl
import subprocess
import uuid


class Api:
    def __init__(self, world):
        self.world = world
        state = world.dir / "state/mayfly/default"
        self.context = ssl.create_default_context(cafile=str(world.dir / "ca/root.pem"))
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.load_cert_chain(str(state / "session.pem"), str(state / "session.key"))
        self.host, port = world.url.removeprefix("https://").rsplit(":", 1)
        self.port = int(port)

    def send(self, method, path, body=None, headers=None):
        """One request on a connection of its own: (status, parsed JSON or text)."""
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=30)
        try:
            connection.request(method, path, body=body, headers=dict(headers or {}, **({"Content-Type": "application/json"} if body is not None else {})))
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        try:
            return reply.status, json.loads(text)
        except ValueError:
            return reply.status, text

    def nonce(self):
        return self.send("GET", "/v1/nonce")[1]["nonce"]

    def proof(self, key, path, body, nonce=None, domain="test.internal", name_space="proof@mayfly", method="POST"):
        """Mayfly-Proof over exactly this request by the private key in the file `key`."""
        nonce = nonce or self.nonce()
        message = f"mayfly-proof-v1\n{method} {path}\n{domain}\n{nonce}\n{hashlib.sha256(body).hexdigest()}\n"
        signed = subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(self.world.dir / key), "-n", name_space], input=message.encode(), capture_output=True, check=True).stdout.decode()
        return nonce + " " + "".join(line for line in signed.splitlines() if not line.startswith("-----"))

    def post(self, path, document, key=None, **proof):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        if key:
            headers["Mayfly-Proof"] = self.proof(key, path, body, **proof)
        return self.send("POST", path, body, headers)


def ssh_string(data):
    return len(data).to_bytes(4, "big") + data


def key_line(kind, *fields):
    return f"{kind} {base64.b64encode(ssh_string(kind.encode()) + b''.join(fields)).decode()}"
