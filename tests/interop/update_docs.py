#!/usr/bin/env python3
"""Puts the tables of a run into a document, between "<!-- NAME: begin -->" and "<!-- NAME: end -->".

    update_docs.py FOLDER-OF-TABLES DOCUMENT
"""
import pathlib
import sys

tables, document = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
text = document.read_text()
for table in sorted(tables.glob("*.md")):
    begin, end = (f"<!-- {table.stem}: {word} -->" for word in ("begin", "end"))
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f"error: {document} has no place for the table {table.stem}\n  fix: put {begin} and {end} into it")
    before, rest = text.split(begin)
    _, after = rest.split(end)
    text = f"{before}{begin}\n{table.read_text()}{end}{after}"
document.write_text(text)
