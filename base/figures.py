#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""figures.py [--page FILE] [FILE|DIRECTORY...]: the figures of the page on isolation.

Tests say how hard they have tried in lines "# figure: NAME VALUE TEXT" of their KTAP; TEXT
may begin with a unit. What the given files, and all *.tap in the directories (build), have
goes into the page's tables, a group a table. Groups of which nothing is there keep what the
page has of them: nobody repeats a run of hours because another one has changed. Of a figure
that is in several files the newest counts, or the last of the files given. One that a file
has more than once, with other texts, has that many rows.

Prints what has changed. A group that the page has nothing of, either, is a failure, and the
page says that it was not run.
"""

import os
import re
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PAGE = os.path.join(PROJECT, "Documentation/virt/tegra241-cmdqv/isolation-figures.txt")

# The title of each table. What a figure's name begins with is a group, or one of ALSO.
GROUPS = {
    "soak": "Guests that attack, among guests that work: soak",
    "fuzz": "VMMs that attack: fuzz",
    "broken": "Hardware that is broken: iommufd_cmdqv_broken",
    "life": "Ends at every point: iommufd_cmdqv_life, restart",
    "account": "Who pays: iommufd_cmdqv_account",
    "spin": "Every order: spin",
    "coverage": "What the tests have executed: coverage",
}
ALSO = {"restart": "life"}
FIGURE = re.compile(r"^(?:# )+figure: ([a-z][a-z0-9_.]*) (-?\d+(?:\.\d+)?) +(\S.*?)\s*$")
BAD = re.compile(r"^(?:# )+figure:")
ROW = re.compile(r"^   +(-?[\d,]+(?:\.\d+)?)  +(\S.*?)  +``([a-z0-9_.]+)``$")
HEAD = (".. SPDX-License-Identifier: GPL-2.0-only\n"
        ".. Written by \"make figures\" of what the tests have printed; not by hand.\n")


class Failure(Exception):
    """What can't go into a page, in one line."""


def group_of(name):
    """The group of a figure."""
    group = re.split(r"[_.]", name)[0]
    group = ALSO.get(group, group)
    if group not in GROUPS:
        raise Failure("the figure %s belongs to no group: %s" % (name, ", ".join(GROUPS)))
    return group


def plain(text):
    """TEXT, which stands in a table of reStructuredText, and is to mean itself."""
    text = re.sub(r"  +", " ", text)
    return re.sub(r"([\\*`|]|_(?!\w))", r"\\\1", text)


def read(lines, where, figures):
    """Figures in lines of KTAP go into FIGURES: {name: {text: value}}, in their order."""
    seen = set()
    for number, line in enumerate(lines, 1):
        match = FIGURE.match(line)
        if match:
            group_of(match[1])
            value = match[2]
            if "." not in value:
                value = format(int(value), ",")
            # This file's count, and where they stand
            if match[1] not in seen:
                figures.pop(match[1], None)
                seen.add(match[1])
            figures.setdefault(match[1], {})[plain(match[3])] = value
        elif BAD.match(line):
            raise Failure("%s:%d: no figure: %s" % (where, number, line.strip()))


def files_of(places):
    """All files of KTAP there, the newest last."""
    found = []
    for place in places:
        if not os.path.isdir(place):
            found.append(place)
            continue
        inside = []
        for top, directories, names in os.walk(place):
            # Sources, objects and what a board has on its file system
            directories[:] = [d for d in directories
                              if d not in ("linux", "obj", "rootfs", "stock", "selftests")]
            inside += [os.path.join(top, n) for n in names if n.endswith(".tap")]
        found += sorted(inside, key=os.path.getmtime)
    return found


def parse(page):
    """Figures of a page, as read() has them."""
    figures = {}
    for line in page.split("\n"):
        match = ROW.match(line)
        if match:
            texts = figures.setdefault(match[3], {})
            if match[2] in texts:
                raise Failure("the page has %s, %s twice" % (match[3], match[2]))
            texts[match[2]] = match[1]
    return figures


def table(title, rows):
    """A table; ROWS are (value, text, name)."""
    head = ("figure", "what", "printed as")
    rows = [(value, text, "``%s``" % name) for value, text, name in rows]
    width = [max(len(row[i]) for row in rows + [head]) for i in range(3)]
    line = "   " + "  ".join("=" * w for w in width)
    out = [".. table:: " + title, "", line]
    for value, text, name in [head] + rows:
        value = value.rjust(width[0]) if name != head[2] else value.ljust(width[0])
        out.append(("   %s  %s  %s" % (value, text.ljust(width[1]), name)).rstrip())
        if name == head[2]:
            out.append(line)
    return "\n".join(out + [line, ""])


def page_of(figures):
    """The page with these figures."""
    parts = [HEAD]
    for group, title in GROUPS.items():
        rows = [(value, text, name) for name, texts in figures.items()
                if group_of(name) == group for text, value in texts.items()]
        parts.append(table(title, rows) if rows else title + ": not run yet.\n")
    return "\n".join(parts)


def merge(old, new):
    """What the page has, with whole groups replaced by what is new."""
    groups = {group_of(name) for name in new}
    kept = {name: row for name, row in old.items() if group_of(name) not in groups}
    return {**kept, **new}


def main():
    """All of it."""
    args, page = sys.argv[1:], PAGE
    if args[:1] == ["--page"]:
        page, args = args[1], args[2:]
    old, new = {}, {}
    if os.path.exists(page):
        with open(page, encoding="utf-8") as text:
            old = parse(text.read())
    for file in files_of(args or [os.path.join(PROJECT, "build")]):
        with open(file, encoding="utf-8", errors="replace") as lines:
            read(lines, file, new)
    figures = merge(old, new)
    for name, texts in new.items():
        for text, value in texts.items():
            before = old.get(name, {}).get(text, "-")
            if before != value:
                print("%-28s %12s -> %12s  %s" % (name, before, value, text))
    for name in old:
        if name not in figures:
            print("%-28s is not printed any more" % name)
    for group in GROUPS:
        if not any(group_of(name) == group for name in new):
            print("%s: not run, %s" % (group, "kept as it was" if any(
                group_of(name) == group for name in old) else "and the page has nothing"))
    if figures:
        with open(page + ".new", "w", encoding="utf-8") as text:
            text.write(page_of(figures))
        os.replace(page + ".new", page)
    missing = [g for g in GROUPS if not any(group_of(name) == g for name in figures)]
    if missing:
        raise Failure("no figures of " + ", ".join(missing))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit("figures.py: %s" % failure)
