#!/usr/bin/env python3
"""Workload certificates on real servers: nginx, HAProxy over its runtime API, PostgreSQL with client certificates, and curl.
What is placed where, what a node may not ask for, what happens when a service does not take its certificate. A server that is
not installed is left out, and said so."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from nodes import Node  # noqa: E402
from waiting import free_port, wait_until  # noqa: E402
from world import World, checked, expect  # noqa: E402

POLICY = """
version = 1
[[role]]
name = "web-tls"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server"]
names = ["dns:*.web.test.internal", "ip:127.0.0.1"]
[[role]]
name = "db-tls"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["server"]
names = ["dns:db.test.internal", "ip:127.0.0.1"]
[[role]]
name = "db-reader"
owner = "alice"
max_lifetime = "1h"
risk = "low"
separation = "reviewed"
[role.x509]
usage = ["client"]
names = ["dns:none.test.internal"]
subject = "role"
"""

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin:" + ":".join(str(folder) for folder in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))
have = lambda program: shutil.which(program, path=PATH)  # noqa: E731
left_out = []
processes = []


def served(port, *options):
    """The serial that a server shows, by openssl's own client."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options], input="", capture_output=True, text=True, timeout=20).stdout
    if "BEGIN CERTIFICATE" not in shown:
        return "none"
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, text=True).stdout.strip().split("=")[1].lower()


def same(a, b):
    return a.lstrip("0") == b.lstrip("0")


def expire(node, name, folder):
    """Has the next round renew: what the certificate was asked for with is no longer what stands beside it."""
    (folder / "request.json").unlink()
    file = node.workloads / f"{name}.toml"
    os.utime(file)  # the agent reads a folder again when a file of it changed


world = World(POLICY)
services = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-services."))
services.chmod(0o755)
try:
    run = lambda *argv: world.run("mayfly", *argv)  # noqa: E731
    world.start()
    world.login()
    for name in ("shop", "front", "db", "reader"):
        expect(run("identity", "create", f"workload/{name}", "--owner", "alice", "--purpose", "test"), 0)
    web, other = Node(world, "web-1"), Node(world, "web-2")
    place = lambda role, name, node="web-1": expect(run("role", "grant", role, f"workload/{name}", "--node", node, "--for", "1d", "--reason", "test"), 0)  # noqa: E731

    # A node gets nothing for a workload that is not placed on it; one that does not exist is refused in the same words.
    shop_toml = f"""
identity = "workload/shop"
role = "web-tls"
names = ["shop.web.test.internal", "ip:127.0.0.1"]
[files]
folder = "{services}/shop"
"""
    web.write("shop", shop_toml)
    web.write("ghost", shop_toml.replace("workload/shop", "workload/ghost").replace(f"{services}/shop", f"{services}/ghost"))
    web.start()
    wait_until(web.tail, lambda: "is not placed on node web-1" in web.of("shop")["trouble"] and "is not placed" in web.of("ghost")["trouble"])
    assert web.of("shop")["trouble"].replace("shop", "X") == web.of("ghost")["trouble"].replace("ghost", "X"), web.status()
    assert not (services / "shop").exists()
    # A grant that names no node, or another one, places nothing.
    expect(run("role", "grant", "web-tls", "workload/shop", "--for", "1d", "--reason", "for itself"), 0)
    place("web-tls", "shop", "web-2")
    expect(run("role", "grant", "web-tls", "workload/shop", "--node", "web-9", "--for", "1d", "--reason", "test"), 1, "E-NODE")
    web.write("ghost", "identity = \"workload/shop\"\nroll = \"web-tls\"\n")
    wait_until(web.tail, lambda: "did you mean \"role\"" in web.status()["broken"].get("ghost.toml", ""))
    assert "ghost.toml:2:" in web.status()["broken"]["ghost.toml"], web.status()
    os.utime(web.workloads / "shop.toml")
    expect(web.once(), 0)
    assert "is not placed on node web-1" in web.of("shop")["trouble"] and not (services / "shop").exists(), web.status()

    # Placed on it, it gets what the role allows, and nothing beyond; a broken file keeps nobody from it.
    place("web-tls", "shop")
    os.utime(web.workloads / "shop.toml")
    first = web.has("shop")
    folder = services / "shop"
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith("gen-") and p.name != "current") == ["ca.pem", "cert.pem", "fullchain.pem", "key.pem", "request.json"]
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    issued = [event for event in world.entries() if event["type"] == "certificate.intent" and event["data"]["role"] == "web-tls"]
    assert issued[-1]["actor"] == "node/web-1" and issued[-1]["subject"] == "workload/shop", issued[-1]
    web.write("shop", shop_toml.replace("shop.web.", "pay."))
    wait_until(web.tail, lambda: "outside role" in web.of("shop")["trouble"])
    web.write("shop", shop_toml)
    wait_until(web.tail, lambda: web.of("shop")["trouble"] == "" and web.of("shop")["serial"])
    expect(world.run("mayfly-agent", "workloads", "--config", str(web.config)), 1, "ghost.toml")
    (web.workloads / "ghost.toml").unlink()
    wait_until(web.tail, lambda: web.status()["health"] == "ok")
    expect(world.run("mayfly-agent", "workloads", "--config", str(web.config)), 0, "workload/shop")
    # What others could change is not read: it names programs that root runs.
    (web.workloads / "shop.toml").chmod(0o666)
    wait_until(web.tail, lambda: "can be changed by others" in web.status()["broken"].get("shop.toml", ""))
    (web.workloads / "shop.toml").chmod(0o644)
    first = web.has("shop")

    # The CA has certificates renewed sooner: within a minute, at a point each draws.
    expect(run("ca", "renew-early", "--within", "1s", "--reason", "x"), 2, "E-RENEWAL")
    expect(run("ca", "renew-early", "--role", "web-tls", "--within", "1m", "--reason", "the issuer changes"), 0)
    due = lambda: web.status()["workloads"]["shop"]["renews"]  # noqa: E731
    before = due()
    wait_until(web.tail, lambda: due() < before)
    # Revoked, it is replaced at once.
    serial = web.has("shop")
    expect(run("revoke", serial, "--issuer", "x509", "--reason", "test"), 0, "1 living")
    web.has("shop", not_serial=serial)

    # nginx, told by SIGHUP to its pid file.
    if have("nginx"):
        port = free_port()
        (services / "nginx.conf").write_text(f"""daemon off; pid {services}/nginx.pid; error_log {services}/nginx.log; worker_processes 1;
events {{}}
http {{ access_log off; client_body_temp_path {services}/t1; proxy_temp_path {services}/t2; fastcgi_temp_path {services}/t3; uwsgi_temp_path {services}/t4; scgi_temp_path {services}/t5;
 server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/fullchain.pem; ssl_certificate_key {folder}/key.pem; location / {{ return 200 "hello"; }} }} }}
""")
        processes.append(subprocess.Popen([have("nginx"), "-c", str(services / "nginx.conf")], stderr=subprocess.DEVNULL))
        wait_until("nginx", lambda: served(port) != "none")
        with_nginx = shop_toml + f"[reload]\npid_file = \"{services}/nginx.pid\"\n[verify]\naddress = \"127.0.0.1:{port}\"\nserver_name = \"shop.web.test.internal\"\n"
        serial = web.has("shop")
        web.write("shop", with_nginx)
        expire(web, "shop", folder)
        renewed = web.has("shop", not_serial=serial)
        assert same(served(port), renewed), (served(port), renewed)
        # curl trusts the bundle that stands beside the certificate, and nothing else.
        expect(world.run("curl", "-s", "--cacert", str(folder / "ca.pem"), "--resolve", f"shop.web.test.internal:{port}:127.0.0.1", f"https://shop.web.test.internal:{port}/"), 0, "hello")
        # A service that cannot be told keeps what it has: the files before come back, and the CA hears of it.
        web.write("shop", with_nginx.replace(f"pid_file = \"{services}/nginx.pid\"", "exec = [\"/bin/false\"]"))
        expire(web, "shop", folder)
        wait_until(web.tail, lambda: "/bin/false ended with 1" in web.of("shop")["trouble"])
        assert "the files before are in force again" in web.of("shop")["trouble"], web.tail()
        assert same(served(port), renewed)
        on_disk = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", str(folder / "cert.pem")], capture_output=True, text=True).stdout.strip().split("=")[1].lower()
        assert same(on_disk, renewed), (on_disk, renewed)
        # So does one that goes on showing the old certificate.
        web.write("shop", with_nginx.replace(f"pid_file = \"{services}/nginx.pid\"", "exec = [\"/bin/true\"]") + "within = \"1s\"\n")
        expire(web, "shop", folder)
        wait_until(web.tail, lambda: "shows certificate" in web.of("shop")["trouble"])
        wait_until("the alarm", lambda: [event for event in world.entries() if event["type"] == "workload.trouble" and event["data"]["what"] == "not-served"])
        web.write("shop", with_nginx)
        (folder / "request.json").unlink(missing_ok=True)
        os.utime(web.workloads / "shop.toml")
        wait_until(web.tail, lambda: web.of("shop")["trouble"] == "" and same(served(port), web.of("shop")["serial"]) and not same(served(port), renewed))
    else:
        left_out.append("nginx")

    # HAProxy: the certificate goes over the runtime API. Nothing is reloaded: the process stays, and so does a connection.
    if have("haproxy"):
        place("web-tls", "front")
        port, socket_file, folder = free_port(), services / "haproxy.sock", services / "front"
        front = f"""
identity = "workload/front"
role = "web-tls"
names = ["front.web.test.internal"]
[files]
folder = "{folder}"
combined = "combined.pem"
[reload]
haproxy = "{socket_file}"
[verify]
address = "127.0.0.1:{port}"
server_name = "front.web.test.internal"
within = "5s"
"""
        # HAProxy is not up yet: there is nobody to tell, and nobody to ask either.
        web.write("front", front.split("[verify]")[0])
        serial = web.has("front")
        (services / "haproxy.cfg").write_text(f"""global
  stats socket {socket_file} mode 600 level admin
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port} ssl crt {folder}/combined.pem
  http-request return status 200 content-type text/plain string "hello"
""")
        haproxy = subprocess.Popen([have("haproxy"), "-db", "-f", str(services / "haproxy.cfg")], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        processes.append(haproxy)
        wait_until("haproxy", lambda: same(served(port), serial))
        web.write("front", front)
        expire(web, "front", folder)
        renewed = web.has("front", not_serial=serial)
        assert same(served(port, "-servername", "front.web.test.internal"), renewed)
        assert haproxy.poll() is None
    else:
        left_out.append("haproxy")

    # PostgreSQL: a server certificate, and clients whose role is mapped to a database user.
    root = os.getuid() == 0
    if have("initdb") and have("psql") and (not root or shutil.which("runuser")):
        as_user = ["runuser", "-u", "postgres", "--"] if root else []
        data, folder, client = services / "data", services / "db", services / "reader"
        data.mkdir()
        if root:
            shutil.chown(data, "postgres", "postgres")
        subprocess.run([*as_user, have("initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-N"], check=True, capture_output=True, cwd="/")
        port = free_port()
        place("db-tls", "db")
        place("db-reader", "reader")
        owner = 'owner = "postgres:postgres"' if root else ""
        db = f"""
identity = "workload/db"
role = "db-tls"
names = ["db.test.internal", "ip:127.0.0.1"]
[files]
folder = "{folder}"
{owner}
[reload]
postgresql = "{data}"
"""
        web.write("db", db)
        web.write("reader", f"""
identity = "workload/reader"
role = "db-reader"
names = ["uri:spiffe://test.internal/workload/reader"]
[files]
folder = "{client}"
""")
        serial = web.has("db")
        web.has("reader")
        with open(data / "postgresql.conf", "a") as config:
            config.write(f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nfsync = off\nssl = on\nssl_cert_file = '{folder}/fullchain.pem'\n"
                         f"ssl_key_file = '{folder}/key.pem'\nssl_ca_file = '{folder}/ca.pem'\nssl_min_protocol_version = 'TLSv1.3'\n")
        (data / "pg_hba.conf").write_text("hostssl all postgres 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 cert map=mayfly\n")
        (data / "pg_ident.conf").write_text("# map     role        database user\nmayfly    db-reader   reporting\n")
        processes.append(subprocess.Popen([*as_user, have("postgres"), "-D", str(data)], stderr=open(services / "postgres.log", "ab"), cwd="/"))
        ask = lambda user, key=True: world.run(  # noqa: E731
            "psql", "-XAtq", f"host=db.test.internal hostaddr=127.0.0.1 port={port} dbname=postgres user={user} sslmode=verify-full sslrootcert={folder}/ca.pem " +
            (f"sslcert={client}/fullchain.pem sslkey={client}/key.pem" if key else "sslcert=none"), "-c", "SELECT current_user")
        wait_until(lambda: (services / "postgres.log").read_text(), lambda: ask("postgres", False).returncode == 0)
        expect(world.run("psql", "-XAtq", f"host=127.0.0.1 port={port} dbname=postgres user=postgres sslmode=require", "-c", "CREATE USER reporting; CREATE USER payroll"), 0)
        expect(ask("reporting"), 0, "reporting")
        expect(ask("payroll"), 2, "certificate authentication failed")
        expect(ask("reporting", False), 2, "certificate")
        web.write("db", db + f"[verify]\naddress = \"127.0.0.1:{port}\"\nstarttls = \"postgresql\"\n")
        expire(web, "db", folder)
        renewed = web.has("db", not_serial=serial)
        assert same(served(port, "-starttls", "postgres"), renewed)
        expect(ask("reporting"), 0, "reporting")
    else:
        left_out.append("postgresql")

    # Whoever has the node has the keys on it: what it asked for goes with it, and it gets nothing more.
    serial = web.has("shop")
    expect(run("verify", str(services / "shop/fullchain.pem")), 0)
    expect(run("revoke", "--identity", "node/web-1", "--reason", "stolen"), 0, "living certificate")
    expect(run("verify", str(services / "shop/fullchain.pem")), 9, "its serial is revoked")
    wait_until(web.tail, lambda: web.status()["ca_away"] != "")
    place("web-tls", "shop", "web-2")
    other.write("shop", shop_toml.replace(f"{services}/shop", f"{services}/elsewhere"))
    expect(other.once(), 0)
    assert not same(other.has("shop"), serial)
    print(f"{len(checked)} passed, 0 failed" + (f"; not installed: {', '.join(left_out)}" if left_out else ""))
except BaseException:
    for log in [world.dir / "ca.log", *world.dir.glob("node-*/agent.log"), services / "postgres.log", services / "nginx.log"]:
        if log.exists():
            print(f"--- {log}\n{log.read_text()[-3000:]}", file=sys.stderr)
    raise
finally:
    for node in ("web", "other"):
        if node in globals():
            globals()[node].stop()
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    world.close()
    shutil.rmtree(services, ignore_errors=True)
