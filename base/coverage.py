#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""coverage.py OBJ OUT REASONS FILE...: what the tests executed of these kernel files.

OUT/share/gcov has what each board counted, RUN:OBJECT.gcda, OBJ what the compiler
noted. Prints a table, lines and branches by file, with what was executed in any run,
and leaves it in OUT/table; the sources with a count in front of each line are in
OUT/annotated.

The new files of the iommufd core have to be executed to 95 % of their lines, and for
each line that is not REASONS has to say why:

drivers/iommu/iommufd/FILE FUNCTION
	the line as it is in the file
	another one, for the same reason
		The reason.

A line that is there twice is named twice if neither is executed. Fails otherwise, and if REASONS names a line that is not in that function.
"""

import glob
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile

PROJECT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
GCOV = os.environ.get("GCOV", "aarch64-linux-gnu-gcov")
JUDGED = re.compile(r"^drivers/iommu/iommufd/")
ENOUGH = 95.0


class File:
    """Counts of one source file, over all runs."""

    def __init__(self, path):
        self.path = path
        self.lines = {}      # number: count
        self.branches = {}   # (number, index): count
        self.functions = {}  # number: name of the function
        with open(os.path.join(PROJECT, path), encoding="utf-8") as source:
            self.text = source.read().split("\n")

    def add(self, lines):
        # Several entries for a line: copies of an inlined function.
        index = {}
        for line in lines:
            number = line["line_number"]
            self.lines[number] = self.lines.get(number, 0) + line["count"]
            if line.get("function_name"):
                self.functions[number] = line["function_name"]
            for branch in line["branches"]:
                key = (number, index.get(number, 0))
                index[number] = key[1] + 1
                self.branches[key] = self.branches.get(key, 0) + branch["count"]

    def missed(self):
        return sorted(number for number, count in self.lines.items() if not count)

    def percent(self):
        return 100.0 * (1 - len(self.missed()) / len(self.lines)) if self.lines else 100.0

    def row(self):
        taken = sum(count > 0 for count in self.branches.values())
        return (self.path, len(self.lines), len(self.lines) - len(self.missed()), self.percent(),
                len(self.branches), taken,
                100.0 * taken / len(self.branches) if self.branches else 100.0)

    def annotate(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            for number, text in enumerate(self.text, 1):
                count = self.lines.get(number)
                mark = "-" if count is None else str(count) if count else "#####"
                out.write("%10s:%5d: %s\n" % (mark, number, text))


def gcov(objects, run, name, data):
    """What gcov makes of one object's counts."""
    notes = glob.glob(os.path.join(objects, "drivers/**", name + ".gcno"), recursive=True)
    if len(notes) != 1:
        sys.exit("coverage: %d files %s.gcno below %s" % (len(notes), name, objects))
    with tempfile.TemporaryDirectory() as work:
        os.symlink(os.path.realpath(notes[0]), os.path.join(work, name + ".gcno"))
        os.symlink(os.path.realpath(data), os.path.join(work, name + ".gcda"))
        done = subprocess.run([GCOV, "-j", "-b", name + ".gcda"], cwd=work, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        results = glob.glob(os.path.join(work, "*.gcov.json.gz"))
        if done.returncode or len(results) != 1 or "mismatch" in done.stderr:
            sys.exit("coverage: %s of the run '%s': %s" % (name, run, done.stderr.strip() or "no result"))
        with gzip.open(results[0], "rt", encoding="utf-8") as result:
            return json.load(result)["files"]


def read_counts(objects, out, paths):
    files = {path: File(path) for path in paths}
    runs = set()
    for data in sorted(glob.glob(os.path.join(out, "share/gcov/*.gcda"))):
        run, _, name = os.path.basename(data).rpartition(":")
        runs.add(run)
        for source in gcov(objects, run, name[:-len(".gcda")], data):
            # Wherever the tree was when this was compiled.
            match = re.search(r"(?:^|/)((?:drivers|include)/.*)$", source["file"])
            path = match[1] if match else ""
            if path not in files and os.path.isfile(os.path.join(PROJECT, path)) and path:
                files[path] = File(path)
            if path in files:
                files[path].add(source["lines"])
    return files, runs


def read_reasons(path):
    """{(file, function, line's text): its reasons, one for each such line}"""
    reasons = {}
    where = None
    waiting = []
    ended = False
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            line = line.rstrip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("\t\t"):
                for key in waiting:
                    if not ended:
                        reasons.setdefault(key, []).append("")
                    reasons[key][-1] = (reasons[key][-1] + " " + line.strip()).strip()
                ended = True
            elif line.startswith("\t"):
                if where is None:
                    sys.exit("%s:%d: for which function?" % (path, number))
                waiting = ([] if ended else waiting) + [where + (line.strip(),)]
                ended = False
            else:
                if waiting and not ended:
                    sys.exit("%s:%d: no reason for the line before" % (path, number))
                where = tuple(line.split())
                if len(where) != 2:
                    sys.exit("%s:%d: FILE FUNCTION expected" % (path, number))
                waiting = []
                ended = False
    if waiting and not ended:
        sys.exit("%s: no reason for the last line" % path)
    return reasons


def judge(files, reasons):
    """Problems, and what there is to note."""
    problems = []
    notes = []
    unused = {key: list(texts) for key, texts in reasons.items()}
    for path, file in sorted(files.items()):
        if not JUDGED.match(path):
            continue
        if not file.lines and path.endswith(".c"):
            problems.append("%s: nothing was counted" % path)
            continue
        if file.percent() < ENOUGH:
            problems.append("%s: %.1f %% of the lines, less than %g" % (path, file.percent(), ENOUGH))
        for number in file.missed():
            key = (path, file.functions.get(number, "?"), file.text[number - 1].strip())
            if unused.get(key):
                notes.append("%s:%d: %s: %s" % (path, number, key[2], unused[key].pop(0)))
            else:
                problems.append("%s:%d (%s): not executed, and no reason: %s" % (path, number, key[1], key[2]))
    for key in sorted(key for key in unused if unused[key]):
        file = files.get(key[0])
        there = file and any(file.text[number - 1].strip() == key[2] and name == key[1]
                             for number, name in file.functions.items())
        if there:
            notes.append("%s (%s): was executed this time: %s" % key)
        else:
            problems.append("a reason is given for what is not there: %s (%s): %s" % key)
    return problems, notes


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    objects, out, reasons = sys.argv[1:4]
    files, runs = read_counts(objects, out, sys.argv[4:])
    if not runs:
        sys.exit("coverage: no board has left any counts in %s/share/gcov" % out)
    table = ["%-62s %14s %6s %14s %6s" % ("executed in: " + ", ".join(sorted(runs)), "lines", "%", "branches", "%")]
    for path in sorted(files):
        if files[path].lines:
            table.append("%-62s %6d of %4d %6.1f %6d of %4d %6.1f" % tuple(
                files[path].row()[index] for index in (0, 2, 1, 3, 5, 4, 6)))
            files[path].annotate(os.path.join(out, "annotated", path))
        else:
            table.append("%-62s nothing counted" % path)
    with open(os.path.join(out, "table"), "w", encoding="utf-8") as text:
        text.write("\n".join(table) + "\n")
    print("\n" + "\n".join(table) + "\n")
    problems, notes = judge(files, read_reasons(reasons))
    for note in notes:
        print("not executed: " + note)
    for problem in problems:
        print("problem: " + problem)
    print("%d line(s) with a reason, %d problem(s); sources with counts: %s/annotated" % (
        len(notes), len(problems), out))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
