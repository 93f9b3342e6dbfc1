#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""coverage.py OBJ OUT REASONS FILE...: what the tests executed of these kernel files.

OUT/share/gcov has what each board counted, RUN:OBJECT.gcda, OBJ what the compiler
noted. Prints a table, lines and branches by file, with what was executed in any run,
and leaves it in OUT/table; the sources with a count in front of each line are in
OUT/annotated, with the branches that were never taken; OUT/coverage.tap has the
verdict on each file, and the figures.

Each file of the project has to be executed to 95 % of its lines and 90 % of its
branches. For each line that is not, REASONS has to say why:

drivers/iommu/iommufd/FILE FUNCTION
	the line as it is in the file
	another one, for the same reason
		The reason.

A line that is there twice is named twice if neither is executed. A branch that has a
reason doesn't count; those of lines that have one need none of their own:

drivers/iommu/iommufd/FILE FUNCTION branch
	the line, all of whose branches that are not taken are meant
		The reason.

/REGULAR EXPRESSION/
		The reason for branches in any line of any file that has this in it: what
		macros and the compiler make.

Fails otherwise, and if REASONS names what is not there.

OUT/hooked, if it is there, has PATH:NUMBER of each line that hooks add to Linux's own
files. What is executed of these is told and not judged: Linux's tests cover the rest
of those files.
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
ENOUGH_LINES = 95.0
ENOUGH_BRANCHES = 90.0
# The first that matches; trace events are tables for macros, not code to judge.
GROUPS = (
    ("trace", r"trace\.h$", "trace events"),
    ("iommufd", r"^drivers/iommu/iommufd/", "the iommufd core"),
    ("cmdqv_vm", r"/tegra241-cmdqv-(vm|quarantine)", "the VM side of the CMDQV driver"),
    ("cmdqv", r"/tegra241-cmdqv", "the rest of the CMDQV driver"),
    ("smmu", r"/arm-smmu-v3-iommufd", "nested SMMUv3"),
    ("headers", r"", "headers"),
)


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


class File:
    """Counts of one source file, over all runs."""

    def __init__(self, path, root=PROJECT):
        self.path = path
        self.lines = {}      # number: count
        self.branches = {}   # (number, index): count
        self.functions = {}  # number: name of the function
        self.explained = set()  # branches that a reason was given for
        with open(os.path.join(root, path), encoding="utf-8") as source:
            self.text = source.read().split("\n")
        self.group = next(name for name, pattern, _ in GROUPS if re.search(pattern, path))

    def judged(self):
        return self.group != "trace"

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

    def function(self, number):
        """Of code that is always inline gcov doesn't know it."""
        if number in self.functions:
            return self.functions[number]
        for text in reversed(self.text[:number]):
            match = re.match(r"\w.*?(\w+)\(", text)
            if match:
                return match[1]
        return "?"

    def where(self, number):
        return (self.path, self.function(number), self.text[number - 1].strip())

    def missed(self):
        return sorted(number for number, count in self.lines.items() if not count)

    def executed(self):
        return len(self.lines) - len(self.missed())

    def untaken(self):
        return sorted(key for key, count in self.branches.items() if not count)

    def taken(self):
        return len(self.branches) - len(self.untaken())

    def wanted(self):
        """Branches that count."""
        return len(self.branches) - len(self.explained)

    def annotate(self, path):
        open_branches = {}
        for number, index in self.untaken():
            if (number, index) not in self.explained:
                open_branches.setdefault(number, []).append(str(index))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            for number, text in enumerate(self.text, 1):
                count = self.lines.get(number)
                mark = "-" if count is None else str(count) if count else "#####"
                out.write("%10s:%5d: %s\n" % (mark, number, text))
                if count and number in open_branches:
                    out.write("%10s       branch %s of %d never taken\n" % (
                        "?", ",".join(open_branches[number]),
                        sum(key[0] == number for key in self.branches)))


def gcov(objects, run, name, data):
    """What gcov makes of one object's counts."""
    notes = glob.glob(os.path.join(objects, "drivers/iommu/**", name + ".gcno"), recursive=True)
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


def read_hooked(out):
    """{path: numbers of the lines that hooks add}"""
    hooked = {}
    try:
        with open(os.path.join(out, "hooked"), encoding="utf-8") as lines:
            for line in lines:
                path, _, number = line.strip().rpartition(":")
                hooked.setdefault(path, set()).add(int(number))
    except FileNotFoundError:
        pass
    return hooked


def read_counts(objects, out, paths, hooked):
    files = {path: File(path) for path in paths}
    runs = set()
    for data in sorted(glob.glob(os.path.join(out, "share/gcov/*.gcda"))):
        run, _, name = os.path.basename(data).rpartition(":")
        runs.add(run)
        for source in gcov(objects, run, name[:-len(".gcda")], data):
            # Wherever the tree was when this was compiled.
            match = re.search(r"(?:^|/)((?:drivers|include)/.*)$", source["file"])
            path = match[1] if match else ""
            if path in hooked and path not in files:
                files[path] = File(path, os.path.join(out, "hooked-sources"))
            elif path and path not in files and os.path.isfile(os.path.join(PROJECT, path)):
                files[path] = File(path)
            if path in files:
                files[path].add(source["lines"])
    return files, runs


class Reasons:
    """lines, branches: {(file, function, line's text): its reasons, one for each such
    line}; patterns: [expression, reason, whether it was needed]"""

    def __init__(self, path):
        self.path = path
        self.lines = {}
        self.branches = {}
        self.patterns = []
        where = None    # (file, function), or a pattern
        table = None
        waiting = []
        ended = False
        with open(path, encoding="utf-8") as source:
            for self.number, line in enumerate(source, 1):
                line = line.rstrip()
                if not line or line.startswith("#"):
                    continue
                if line.startswith("\t\t"):
                    if isinstance(where, list):
                        where[1] = (where[1] + " " + line.strip()).strip()
                    for key in waiting:
                        if not ended:
                            table.setdefault(key, []).append("")
                        table[key][-1] = (table[key][-1] + " " + line.strip()).strip()
                    ended = True
                elif line.startswith("\t"):
                    if not isinstance(where, tuple):
                        self.wrong("for which function?")
                    waiting = ([] if ended else waiting) + [where + (line.strip(),)]
                    ended = False
                else:
                    if where and not ended:
                        self.wrong("no reason for what is before")
                    where, table = self.head(line)
                    waiting = []
                    ended = False
        if where and not ended:
            self.wrong("no reason for what is last")

    def wrong(self, what):
        sys.exit("%s:%d: %s" % (self.path, self.number, what))

    def head(self, line):
        if len(line) > 2 and line[0] == line[-1] == "/":
            self.patterns.append([re.compile(line[1:-1]), "", False])
            return self.patterns[-1], None
        words = line.split()
        if len(words) == 3 and words[2] == "branch":
            return tuple(words[:2]), self.branches
        if len(words) != 2:
            self.wrong("FILE FUNCTION [branch] or /EXPRESSION/ expected")
        return tuple(words), self.lines


def explain_branches(file, reasons, lines_with_reason):
    """Which of a file's branches have a reason. Returns the reasons of single lines that
    were needed."""
    used = set()
    for key in file.untaken():
        where = file.where(key[0])
        if key[0] in lines_with_reason:
            file.explained.add(key)
        elif where in reasons.branches:
            used.add(where)
            file.explained.add(key)
        else:
            for pattern in reasons.patterns:
                if pattern[0].search(where[2]):
                    pattern[2] = True
                    file.explained.add(key)
                    break
    return used


def judge(files, reasons, hooked):
    """Problems by file, and what there is to note."""
    problems = {path: [] for path, file in files.items() if file.judged() and path not in hooked}
    notes = []
    unused = {key: list(texts) for key, texts in reasons.lines.items()}
    used = set()
    for path, problem in sorted(problems.items()):
        file = files[path]
        if not file.lines:
            # One that has no function of its own, but includes some, has nothing to count.
            if path.endswith(".c") and any("{" in line for line in file.text):
                problem.append("%s: nothing was counted" % path)
            continue
        if percent(file.executed(), len(file.lines)) < ENOUGH_LINES:
            problem.append("%s: %.1f %% of the lines, less than %g" % (
                path, percent(file.executed(), len(file.lines)), ENOUGH_LINES))
        with_reason = set()
        for number in file.missed():
            key = file.where(number)
            if unused.get(key):
                with_reason.add(number)
                notes.append("%s:%d: %s: %s" % (path, number, key[2], unused[key].pop(0)))
            else:
                problem.append("%s:%d (%s): not executed, and no reason: %s" % (path, number, key[1], key[2]))
        used |= explain_branches(file, reasons, with_reason)
        if percent(file.taken(), file.wanted()) < ENOUGH_BRANCHES:
            problem.append("%s: %.1f %% of the branches, less than %g" % (
                path, percent(file.taken(), file.wanted()), ENOUGH_BRANCHES))

    def is_there(key):
        file = files.get(key[0])
        return file and any(file.where(number) == key for number in file.lines)

    general = []
    for key in sorted(key for key in unused if unused[key]):
        if is_there(key):
            notes.append("%s (%s): was executed this time: %s" % key)
        else:
            general.append("a reason is given for what is not there: %s (%s): %s" % key)
    for key in sorted(reasons.branches):
        if not is_there(key):
            general.append("a reason is given for what is not there: %s (%s): %s" % key)
        elif key not in used:
            notes.append("%s (%s): all branches were taken this time: %s" % key)
        else:
            notes.append("%s (%s): branch: %s: %s" % (key + (" ".join(reasons.branches[key]),)))
    for pattern in reasons.patterns:
        count = sum(bool(pattern[0].search(file.where(number)[2])) for file in files.values()
                    for number in {key[0] for key in file.branches})
        if not count:
            general.append("no branch is in a line with /%s/" % pattern[0].pattern)
    problems["the reasons"] = general
    return problems, notes


def figures(files, hooked):
    """# figure: lines, by group of files."""
    result = []
    whole = {}
    for path, file in files.items():
        if path in hooked:
            continue
        for group in (file.group,) + (("project",) if file.judged() else ()):
            whole.setdefault(group, [0] * 5)
            for index, value in enumerate((file.executed(), len(file.lines), file.taken(),
                                           len(file.branches), file.wanted())):
                whole[group][index] += value
    for group, text in [("project", "all kernel files of the project")] + [
            (name, text) for name, _, text in GROUPS]:
        if group not in whole:
            continue
        done, lines, taken, branches, wanted = whole[group]
        result.append("# figure: coverage_%s_lines %.1f %% of %d lines of %s" % (
            group, percent(done, lines), lines, text))
        result.append("# figure: coverage_%s_branches %.1f %% of %d branches of %s, %.1f without the %d "
                      "that can't be taken for a reason given" % (
                          group, percent(taken, branches), branches, text,
                          percent(taken, wanted), branches - wanted))
    counted = [(files[path].lines[number] > 0) for path in hooked if path in files
               for number in hooked[path] if number in files[path].lines]
    if counted:
        result.append("# figure: coverage_hooks_lines %.1f %% of %d lines that hooks add to Linux's own files" % (
            percent(sum(counted), len(counted)), len(counted)))
    return result


def table_of(files, runs, hooked):
    table = ["executed in: " + ", ".join(sorted(runs)),
             "%-62s %14s %6s %14s %6s %s" % ("", "lines", "%", "branches", "%", "  without those with a reason")]
    for path in sorted(path for path in files if path not in hooked):
        file = files[path]
        if not file.lines:
            table.append("%-62s nothing counted" % path)
            continue
        table.append("%-62s %6d of %4d %6.1f %6d of %4d %6.1f   %6.1f%s" % (
            path, file.executed(), len(file.lines), percent(file.executed(), len(file.lines)),
            file.taken(), len(file.branches), percent(file.taken(), len(file.branches)),
            percent(file.taken(), file.wanted()), "" if file.judged() else "   (not judged)"))
    if hooked:
        table += ["", "lines that hooks add to Linux's own files (not judged)"]
    for path in sorted(hooked):
        numbers = {number for number in hooked[path] if path in files and number in files[path].lines}
        if numbers:
            done = sum(files[path].lines[number] > 0 for number in numbers)
            table.append("%-62s %6d of %4d %6.1f" % (path, done, len(numbers), percent(done, len(numbers))))
            table += ["    %d: %s" % (number, files[path].text[number - 1].strip())
                      for number in sorted(numbers) if not files[path].lines[number]]
    return table


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    objects, out, reasons = sys.argv[1:4]
    hooked = read_hooked(out)
    files, runs = read_counts(objects, out, sys.argv[4:], hooked)
    if not runs:
        sys.exit("coverage: no board has left any counts in %s/share/gcov" % out)
    problems, notes = judge(files, Reasons(reasons), hooked)
    table = table_of(files, runs, hooked)
    for path, file in files.items():
        if file.lines:
            file.annotate(os.path.join(out, "annotated", path))
    with open(os.path.join(out, "table"), "w", encoding="utf-8") as text:
        text.write("\n".join(table) + "\n")
    print("\n" + "\n".join(table) + "\n")
    for note in notes:
        print("not covered: " + note)
    tap = ["KTAP version 1", "1..%d" % len(problems)]
    for number, (path, found) in enumerate(sorted(problems.items()), 1):
        for problem in found:
            print("problem: " + problem)
            tap.append("# " + problem)
        tap.append("%s %d %s" % ("not ok" if found else "ok", number, path))
    tap += figures(files, hooked)
    with open(os.path.join(out, "coverage.tap"), "w", encoding="utf-8") as text:
        text.write("\n".join(tap) + "\n")
    print("\n".join(figures(files, hooked)))
    count = sum(len(found) for found in problems.values())
    print("%d reason(s) noted, %d problem(s); sources with counts: %s/annotated" % (
        len(notes), count, out))
    sys.exit(bool(count))


if __name__ == "__main__":
    main()
