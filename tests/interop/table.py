"""What other people's implementations said, as a table: for the terminal, and for docs/interop.md.

A hand is an implementation that is not ours. Each cell is one real run. There are four outcomes and no silent one:
"yes" (it took it), "refused" (it had to, and did), "cannot" (known and listed with its reason), and a failure.
"""
import os
import pathlib
import subprocess
import sys


def run(*argv, **options):
    """Runs one program; its words come back with its exit code."""
    options.setdefault("timeout", 120)
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, errors="replace", **options)


def package_version(package):
    """The version of an installed Debian package, or None."""
    done = run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package)
    status, _, version = done.stdout.partition(" ")
    return version if done.returncode == 0 and status == "installed" else None


class Table:
    def __init__(self, title):
        self.title, self.hands, self.rows, self.cells, self.notes = title, [], [], {}, []
        self.failures, self.skipped = [], []
        self.must_all = os.environ.get("MAYFLY_INTEROP") == "all"

    def hand(self, hand):
        """Takes a hand in when its package is installed; says clearly when it is not."""
        version = package_version(hand.package)
        if version is None:
            self.skipped.append(hand.name)
            print(f"skipped: {hand.name}: {hand.package} is not installed (tests/interop/run --all installs everything)", flush=True)
            if self.must_all:
                self.failures.append(f"{hand.name} is not installed")
            return False
        hand.version = version
        self.hands.append(hand)
        return True

    def cell(self, row, hand, cell):
        if row not in self.rows:
            self.rows.append(row)
        self.cells[row, hand.name] = cell

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
        return self.notes.index(text) + 1

    def accept(self, row, hand, verdict):
        """The hand has to accept, unless it says itself that it cannot deal with such a thing."""
        ok, words, cannot = verdict
        if ok:
            return self.cell(row, hand, "yes")
        if cannot:
            return self.cell(row, hand, f"– [{self.note(f'{hand.name}: {cannot}')}]")
        self.cell(row, hand, "**NO**")
        self.failures.append(f"{hand.name} does not accept {row}: {words.strip()[-600:]}")

    def refuse(self, row, hand, verdict, of):
        """The hand has to refuse, unless judging this is none of its business. A refusal says something only of a hand
        that took the same certificate when nothing was wrong (row `of`)."""
        if self.cells.get((of, hand.name)) != "yes":
            return self.cell(row, hand, self.cells.get((of, hand.name), ""))
        ok, words, cannot = verdict() if callable(verdict) else verdict
        if cannot:
            return self.cell(row, hand, f"– [{self.note(f'{hand.name}: {cannot}')}]")
        if not ok:
            return self.cell(row, hand, "refused")
        self.cell(row, hand, "**TAKEN**")
        self.failures.append(f"{hand.name} accepts {row}: {words.strip()[-600:]}")

    def markdown(self):
        lines = ["| | " + " | ".join(hand.name for hand in self.hands) + " |", "|---" * (len(self.hands) + 1) + "|",
                 "| version | " + " | ".join(hand.version for hand in self.hands) + " |"]
        for row in self.rows:
            lines.append(f"| {row} | " + " | ".join(self.cells.get((row, hand.name), "") for hand in self.hands) + " |")
        lines.append("")
        lines += [f"{number}. {note}" for number, note in enumerate(self.notes, 1)]
        return "\n".join(lines) + "\n"

    def finish(self):
        """Prints what was found, writes it where MAYFLY_INTEROP_TABLE says, and ends the program."""
        print(self.markdown())
        folder = os.environ.get("MAYFLY_INTEROP_TABLE")
        if folder:
            (pathlib.Path(folder) / f"{self.title}.md").write_text(self.markdown())
        for failure in self.failures:
            print(f"FAILED: {failure}")
        count = len(self.cells)
        print(f"{count} cells, {len(self.hands)} implementations, {len(self.skipped)} skipped: {', '.join(self.skipped) or 'none'}; {len(self.failures)} failed")
        if count == 0:
            print("FAILED: nothing was compared")
        sys.exit(1 if self.failures or count == 0 else 0)


def yes(words=""):
    return True, words, None


def no(words):
    return False, words, None


def cannot(why):
    return False, "", why


def said(done):
    """The verdict of a program that ends with 0 when it accepts."""
    return done.returncode == 0, done.stdout + done.stderr, None
