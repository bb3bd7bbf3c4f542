#!/usr/bin/env python3
"""The disk under the real CA fails or is full.

First the disk says EIO or ENOSPC at a write or flush of the database's WAL (strace -e inject; not of the signer's journal, for
strace gives a call that fails another number, and the signer's sandbox ends whoever makes that call: failing_disk_test.cpp has
it). Then the state folder stands on a file system of a few MiB that is filled to the last page (needs root, or says that it was
left out). After each: nothing was released that the verified log does not have, no serial came twice, the words say what failed, and
the next start works; a disk that was merely full needs no start."""
import base64
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "e2e"))
from world import POLICY, World, checked, expect  # noqa: E402

WAL = "mayfly.db-wal"


class Disk:
    def __init__(self):
        self.world, self.received, self.count = World(POLICY), [], 0
        self.world.start()
        self.world.login()
        self.port = self.world.url.rsplit(":", 1)[1]

    def mint(self):
        """One certificate, or what the client was told instead."""
        self.count += 1
        name = f"k{self.count}"
        done = self.world.run("mayfly", "ssh", "cert", "--role", "ops", "--out", name)
        if done.returncode == 0:
            blob = base64.b64decode((self.world.dir / f"{name}-cert.pub").read_text().split()[1])
            self.received.append(hashlib.sha256(blob).hexdigest())
            return None
        return done.stdout + done.stderr

    def ca_said(self):
        return (self.world.dir / "ca.log").read_text()

    def start(self, *inject):
        """Starts the CA, on a sound disk or on one that fails as strace is told."""
        (self.world.dir / "ca.log").write_text("")
        path = self.world.env["PATH"]
        if inject:
            wrapper = self.world.dir / "failing"
            wrapper.mkdir(exist_ok=True)
            file, call, fault = inject
            # -D: the CA stays our child. Its flushes and writes on one file are counted by thread, and only one writes it.
            (wrapper / "mayfly-ca").write_text('#!/bin/sh\nexport ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"\n'
                                               f'exec strace -D -f -qq -o {self.world.dir}/trace -P {self.world.dir}/ca/{file} -e trace={call} -e inject={call}:{fault} {self.world.bin}/mayfly-ca "$@"\n')
            (wrapper / "mayfly-ca").chmod(0o755)
            self.world.env["PATH"] = f"{wrapper}:{path}"
        try:
            self.world.start(self.port)
        finally:
            self.world.env["PATH"] = path

    def check(self, what):
        """From the log alone, verified by the client: everything that was received is in it, and no serial twice."""
        issued, serials = set(), set()
        for event in self.world.entries():
            if event["type"] == "certificate.issued":
                issued.add(event["data"]["certificate_sha256"])
            if event["type"] == "certificate.intent":
                key = (event["data"]["issuer"], event["data"]["serial"])
                assert key not in serials, f"{what}: serial twice: {key}"
                serials.add(key)
        missing = [sha for sha in self.received if sha not in issued]
        assert not missing, f"{what}: {len(missing)} certificates were released without a durable entry"
        checked.append(what)


def failing(disk, file, call, error, first, times):
    what = f"{error} at {call} {first}{times} of {file}"
    told, came_up = None, True
    try:
        disk.start(file, call, f"error={error}:when={first}{times}")
    except AssertionError:  # it did not even come up
        told, came_up = disk.ca_said(), False
        assert "error:" in told or "fatal:" in told, f"{what}: it ended without a word"
    for _ in range(40):
        told = told or disk.mint()
        if told is not None:
            break
    assert told is not None, f"{what}: forty certificates later nothing has failed"
    ended = disk.world.ca.poll() is not None
    disk.world.stop(9)
    said = disk.ca_said() + told
    if error == "EIO":
        # After a failed flush nobody knows what is on the disk: the CA ends, and says why.
        assert "the store's file cannot be trusted" in disk.ca_said(), f"{what}: {said}"
    else:
        assert "E-STORE-FULL" in said, f"{what}: {said}"
        assert not (came_up and ended), f"{what}: a full disk is no reason to end\n{said}"
    disk.start()
    assert disk.mint() is None, f"{what}: nothing is minted after the next start"
    disk.check(what)
    disk.world.stop()


def fill(folder, leave):
    """Takes every page of a file system but `leave` bytes, to be given back by removing one file."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as out:
        for size in (1 << 16, 4096):
            try:
                while True:
                    out.write(bytes(size))
            except OSError:
                pass
        out.truncate(max(0, out.tell() - leave))
    return filler


def full(disk):
    world, folder = disk.world, disk.world.dir / "ca"
    world.stop()
    world.must("cp", "-a", "ca", "ca.kept")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0755", "tmpfs", folder], capture_output=True).returncode != 0:
        print("left out: a full file system (only root can mount one)")
        return False
    try:
        world.must("cp", "-a", "ca.kept/.", "ca")
        disk.start()
        refused = set()
        for leave in range(0, 40 * 4096, 3 * 4096):
            filler = fill(folder, leave)
            for _ in range(12):
                if (told := disk.mint()) is not None:
                    refused.update(re.findall(r"E-[A-Z-]+", told))
                    break
            else:
                assert leave > 0, "a full disk took twelve certificates"
            filler.unlink()
            assert world.ca.poll() is None, f"a full disk ended the CA, with {leave} bytes left\n{disk.ca_said()[-2000:]}"
            assert (told := disk.mint()) is None, f"there is space again, and still: {told}"
        assert refused and refused <= {"E-STORE-FULL", "E-JOURNAL-FULL"}, refused
        world.stop()
        disk.start()
        disk.check(f"full, refused with {', '.join(sorted(refused))}")
        world.stop()
        world.must("cp", "-a", "ca", "ca.new")
    finally:
        world.stop(9)
        subprocess.run(["umount", folder], check=True)
    shutil.rmtree(folder)
    (world.dir / "ca.new").rename(folder)
    return True


def full_journal(disk):
    """Only the journal's file system is full: a line is cut in its middle, and must not spoil the next one."""
    world = disk.world
    small, journal = world.dir / "small", world.dir / "ca/signer.journal"
    world.stop()
    small.mkdir()
    world.must("mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs", str(small))
    try:
        shutil.copy(journal, small / "journal")
        world.must("mount", "--bind", str(small / "journal"), str(journal))
        try:
            for _ in range(3):
                disk.start()
                filler = fill(small, 0)
                told = next((told for told in (disk.mint() for _ in range(60)) if told is not None), None)
                assert told is not None and "E-JOURNAL-FULL" in told, f"sixty lines fit into nothing: {told}"
                assert disk.mint() is not None, "the journal is full, and something was signed"
                filler.unlink()
                assert (told := disk.mint()) is None, f"there is space again, and still: {told}"
                world.stop()
            disk.start()
            disk.check("the journal's disk is full")
            world.stop()
        finally:
            world.stop(9)
            subprocess.run(["umount", journal], check=True)
            shutil.copy(small / "journal", journal)
    finally:
        subprocess.run(["umount", small], check=True)


if shutil.which("strace") is None:
    sys.exit("error: strace is not installed\n  fix: scripts/setup test")
disk = Disk()
try:
    disk.world.stop()
    # Calls are counted by thread, and one thread writes the WAL, each commit in one call. Some of these fall into the start.
    for call, error, times, firsts in (("pwrite64", "EIO", "", (3, 31)), ("pwrite64", "ENOSPC", "+", (3, 12, 31)), ("fdatasync", "EIO", "", (3, 8, 15))):
        for first in firsts:
            failing(disk, WAL, call, error, first, times)
    if full(disk):
        full_journal(disk)
    print(f"{', '.join(map(str, checked))}")
    print(f"{len(checked)} failing disks, {len(disk.received)} certificates received, each durable")
finally:
    disk.world.close()
