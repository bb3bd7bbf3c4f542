#!/usr/bin/env python3
"""Taking over a real sshd in steps and giving it back: who gets in at each step, what is reported, what is repaired, what
is taken back, and that everything works with CA and agent stopped."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from sshd_node import ACCOUNT, Node, policy  # noqa: E402
from waiting import wait_until  # noqa: E402
from world import World, checked, expect  # noqa: E402

BEFORE = "# somebody else's words, which must come back as they were \t\n"
node = None
world = World(policy())
try:
    world.start()
    world.login()
    world.must("mayfly", "role", "grant", "ops", "human/alice", "--for", "1d", "--reason", "test")
    world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", "me")
    me = (world.dir / "me", world.dir / "me-cert.pub")

    def fact(true, words=""):
        assert true, f"{words}\n{node.log()[-1500:]}"
        checked.append(words)

    def settle(event="round"):
        done = node.once()
        assert done["event"] == event, done
        return done["text"]

    def events(kind):
        return [entry for entry in world.entries() if entry["type"] == kind]

    # ---- observe: nothing is written ----------------------------------------------------------------------------------
    node = Node(world, None, before=BEFORE)
    node.start()
    settle()
    fact(node.by_old_key() and not node.opens(*me), "observe leaves the ways in alone")
    settle()
    fact(node.drop_in.read_text() == BEFORE and not (node.dir / "trust").exists(), "observe writes nothing to sshd")
    said = node.status()["sshd"]
    fact(said["mode"] == "observe" and len(said["would_break_in_only"]) == 1, said)
    fact(f"{node.at('authorized_keys')} line 1, old laptop" in said["would_break_in_only"][0], said)
    told = events("node.old_way")
    fact(told and told[0]["data"]["account"] == ACCOUNT and told[0]["data"]["how"] == "publickey" and "old laptop" in told[0]["data"]["seems"] and told[0]["owner"] == "alice", told)
    count = len(told)
    settle()
    fact(len(events("node.old_way")) == count, "the same login is told once")
    expect(node.mode("only"), 1, "E-MODE-BREAKS", ACCOUNT, "old laptop")
    expect(node.mode("enforce"), 2, "E-MODE")

    # ---- both: certificates beside keys -----------------------------------------------------------------------------------
    expect(node.mode("both"), 0)
    fact("new set" in settle(), "both is taken")
    fact(node.by_old_key() and node.opens(*me), "both lets in keys and certificates")
    said = node.status()
    fact(said["health"] == "ok" and "would let the canary certificate in" in said["sshd"]["asked"], said)
    fact(os.stat(node.at("trust")).st_mode & 0o777 == 0o755, "users of the node can read their principals")
    fact(os.readlink(node.at("trust/proven")) == os.readlink(node.at("trust/current")), "the set is proven")

    # The canary opens nothing, and says so in its every field.
    shown = world.must("ssh-keygen", "-L", "-f", node.at("agent/canary-cert.pub")).stdout
    fact("mayfly.canary@db-7" in shown and "force-command /bin/false" in shown and "permit-" not in shown, shown)
    expect(world.run("mayfly", "audit", "search", "--identity", "node/db-7", "--type", "certificate.issued"), 0)

    # Somebody's edit stays in both, and is told.
    ours = node.drop_in.read_text()
    node.drop_in.write_text(ours + "PermitTunnel no\n")
    settle()
    fact(node.drop_in.read_text().endswith("PermitTunnel no\n"), "both repairs nothing of sshd's configuration")
    fact(node.run("status").returncode == 1 and "somebody changed sshd's drop-in" in str(node.status()["sshd"]["differs"]), node.status())
    fact(events("node.drift")[-1]["data"]["done"] == "reported", events("node.drift"))
    node.drop_in.write_text(ours)
    settle()
    fact(node.run("status").returncode == 0, node.status())

    # ---- only ------------------------------------------------------------------------------------------------------------
    settle()
    expect(node.mode("only"), 0, "certificates open it too")
    settle()
    fact(node.opens(*me) and not node.by_old_key(), "only lets in certificates")
    fact(node.status()["health"] == "ok", node.status())

    # A Match block further on changes nothing.
    config = pathlib.Path(node.at("sshd_config"))
    config.write_text(config.read_text() + f"Match User {ACCOUNT}\n  AuthorizedKeysFile {node.at('authorized_keys')}\n  PasswordAuthentication yes\n")
    world.must("kill", "-HUP", str(node.process.pid))
    wait_until("sshd starts anew", node.listens)
    fact(not node.by_old_key() and node.opens(*me), "a Match block opens nothing")

    # Drift is repaired, told as such, with and without the CA.
    good = node.drop_in.read_text()
    for change in ("edited", "removed", "opened"):
        if change == "removed":
            node.drop_in.unlink()
        else:
            node.drop_in.write_text(good + "# more\n" if change == "edited" else f"AuthorizedKeysFile {node.at('authorized_keys')}\n")
        settle()
        fact("Match all" in node.drop_in.read_text(), f"{change} is repaired")
        fact(events("node.drift")[-1]["data"]["done"] == "repaired", events("node.drift")[-1])
    ca_file = pathlib.Path(node.at("trust/current/user_ca.pub"))
    ca_file.write_text(ca_file.read_text() + pathlib.Path(node.at("old.pub")).read_text())
    settle()
    fact("old laptop" not in pathlib.Path(node.at("trust/current/user_ca.pub")).read_text(), "an added CA is taken out")
    fact("files of gen-" in events("node.drift")[-1]["data"]["what"], events("node.drift")[-1])

    # The Include line is gone: that is sshd_config, which is other people's; it is told.
    text = config.read_text()
    config.write_text(text.replace("Include", "# Include"))
    settle()
    differs = str(node.status()["sshd"]["differs"])
    fact("trustedusercakeys is" in differs and node.run("status").returncode == 1, differs)
    config.write_text(text)
    settle()
    fact(node.run("status").returncode == 0, node.status())

    # ---- what sshd refuses is taken back -------------------------------------------------------------------------------------
    # Somebody denies the account: no set of ours is better than another, so the newest stays.
    config.write_text(f"DenyUsers {ACCOUNT}\n" + text)
    proven = os.readlink(node.at("trust/proven"))
    settle()
    fact(os.readlink(node.at("trust/current")) != proven == os.readlink(node.at("trust/proven")), "newer, and not proven")
    fact("would not let the canary certificate in" in node.status()["trouble"], node.status())
    config.write_text(text)
    settle()
    fact(node.status()["health"] == "ok" and node.opens(*me), node.status())

    # The new set alone is broken, in a way that sshd -t does not see: nobody may read the principals.
    proven = os.readlink(node.at("trust/proven"))
    breaker = pathlib.Path(node.at("breaker"))
    breaker.write_text(f"#!/bin/sh\n[ \"$(readlink {node.at('trust/current')})\" = {proven} ] || : >{node.at('trust/current/principals/' + ACCOUNT)}\nkill -HUP {node.process.pid}\n")
    breaker.chmod(0o755)
    agent = node.config.read_text()
    node.config.write_text("\n".join(f'reload = ["{breaker}"]' if line.startswith("reload =") else line for line in agent.replace(f'reload_pid_file = "{node.at("pid")}"', "").split("\n")))
    text_before, link_before = node.drop_in.read_text(), os.readlink(node.at("trust/current"))
    done = node.once()
    fact(done["event"] == "trouble" and "would not let the canary certificate in" in done["text"], done)
    fact(os.readlink(node.at("trust/current")) == link_before == proven, "the proven set is in place")
    fact(node.drop_in.read_text() == text_before, "and its drop-in")
    fact("E-PROBE" in events("node.alarm")[-1]["data"]["what"], events("node.alarm"))
    fact(node.opens(*me), "certificates still work")
    node.config.write_text(agent)
    settle()
    fact(node.status()["health"] == "ok", node.status())

    # ---- without CA and agent --------------------------------------------------------------------------------------------------
    world.must("mayfly", "ssh", "cert", "--role", "ops", "--out", "gone")
    serial = next(line.split()[-1] for line in world.must("ssh-keygen", "-L", "-f", "gone-cert.pub").stdout.splitlines() if "Serial:" in line)
    world.must("mayfly", "revoke", serial, "--issuer", "ssh-user", "--reason", "test")
    world.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "stranger_ca")
    world.must("ssh-keygen", "-q", "-s", "stranger_ca", "-I", "x", "-n", "ops,ops@db-7", "-V", "+1h", "-z", "9", "gone.pub")
    (world.dir / "gone-cert.pub").rename(world.dir / "stranger-cert.pub")
    settle()
    port = world.url.rsplit(":", 1)[1]
    world.stop()
    fact(node.opens(*me) and not node.by_old_key(), "logins without CA and agent")
    fact(not node.opens(world.dir / "gone", world.dir / "stranger-cert.pub"), "another CA's certificate opens nothing")
    node.drop_in.unlink()
    done = node.once()
    fact(done["event"] == "trouble" and "Match all" in node.drop_in.read_text(), "drift is repaired without the CA")
    fact(node.opens(*me) and not node.by_old_key(), "as before")

    # ---- leave, without the CA, twice -------------------------------------------------------------------------------------------
    expect(node.run("leave", "--dry-run"), 0, "would put back")
    fact("Match all" in node.drop_in.read_text(), "a dry run does nothing")
    expect(node.run("leave", "--keep-identity"), 0, "sshd is as it was before")
    fact(node.drop_in.read_text() == BEFORE and node.drop_in.stat().st_mode & 0o777 == 0o640 and not (node.dir / "trust").exists(), "byte for byte")
    fact(node.by_old_key() and not node.opens(*me), "the old way in")
    world.start(port)
    settle()
    fact(node.drop_in.read_text() == BEFORE, "the service does not take it over again")
    expect(node.run("leave"), 0, "told the CA", "identity is gone")
    fact([entry["data"]["mode"] for entry in events("node.mode")] == ["observe", "both", "only", "observe", "left"], events("node.mode"))
    expect(node.run("leave"), 0, "nothing of ours is left")
    fact(sorted(path.name for path in (node.dir / "agent").iterdir()) == ["agent.lock", "agent.toml"], "nothing is kept")
    node.stop()

    # ---- the first take-over that sshd refuses is taken back whole; and a place that both cannot carry ------------------------------
    node = Node(world, "only", name="db-8")
    config = pathlib.Path(node.at("sshd_config"))
    config.write_text("PubkeyAcceptedAlgorithms ssh-ed25519\n" + config.read_text())  # no certificates at all
    node.start()
    done = node.once()
    fact(done["event"] == "trouble" and "E-PROBE" in str(events("node.alarm")[-1]["data"]), done)
    fact(not node.drop_in.exists() and not os.path.lexists(node.at("trust/current")) and node.by_old_key(), "nobody is locked out")
    node.stop()
    node = Node(world, "both", name="db-9", extra=[f"RevokedKeys {world.dir}/me.pub"])
    node.start()
    done = node.once()
    fact(done["event"] == "trouble" and "revokedkeys" in done["text"] and not node.drop_in.exists(), done)
finally:
    if node:
        node.stop()
    world.close()
print(f"{len(checked)} facts")
