#!/usr/bin/env python3
"""One name, one type. Two types of the same full name in one program are no error to compiler or linker: each part uses
its own, and both use whichever destructor came first."""
import collections
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((?:.|\n)*?\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\])*\'|[A-Za-z_][A-Za-z_0-9]*|::|#[^\n]*|.', re.DOTALL)
KINDS = ("struct", "class", "union", "enum")


def types(text):
    """Full names of the types that this text defines at namespace scope, outside unnamed namespaces."""
    scopes, head = [], []  # of each open brace: a namespace's name, "" for an unnamed one, None for anything else
    for token in TOKEN.findall(text):
        if token.isspace() or token.startswith(("//", "/*", "#")):
            continue
        if token == "{":
            if head[:1] == ["namespace"] or head[:2] == ["inline", "namespace"]:
                scopes.append("".join(head[head.index("namespace") + 1:]))
                head = []
                continue
            if all(scopes) and (name := named(head)):
                yield "::".join(scopes + [name])
            scopes.append(None)
            head = []
        elif token == "}":
            if scopes:
                scopes.pop()
            head = []
        elif token == ";":
            head = []
        else:
            head.append(token)


def named(head):
    """struct NAME …, class NAME final : …, enum class NAME : …; templates too, but no specialization of one."""
    while head[:2] == ["template", "<"]:
        depth, at = 0, 1
        while at < len(head):
            depth += {"<": 1, ">": -1}.get(head[at], 0)
            at += 1
            if depth == 0:
                break
        head = head[at:]
    if not head or head[0] not in KINDS:
        return None
    head = [word for word in re.sub(r"\[ \[.*?\] \]", "", " ".join(head[1:])).split() if word not in ("class", "struct")]
    if not head or not re.match(r"[A-Za-z_]", head[0]) or head[1:2] == ["<"] or "=" in head or "(" in head:
        return None
    return head[0] if len(head) == 1 or head[1] in (":", "final") else None


where = collections.defaultdict(set)
for folder in ("include", "lib", "ca", "agent", "cli", "tests"):
    for file in sorted((root / folder).rglob("*")):
        if file.suffix in (".h", ".cpp"):
            for name in types(file.read_text()):
                where[name].add(file.relative_to(root).as_posix())
bad = {name: files for name, files in where.items() if len(files) > 1}
for name, files in sorted(bad.items()):
    print(f"{name} is defined in {' and in '.join(sorted(files))}")
print(f"{len(where)} types checked")
sys.exit(1 if bad or not where else 0)
