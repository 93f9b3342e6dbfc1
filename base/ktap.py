#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""ktap.py SUITE FILE [STATUS]: judge one suite's KTAP output.

Prints a summary line of the suite, then each failed and each skipped case with
its reason. Counts cases, not groups: a test that has subtests is only as good
as they are. STATUS is what the program that wrote FILE exited with.

A suite also fails if its output is no KTAP, if a plan is missing or not met, if
a number is out of order, if it bailed out, if a group says "ok" over a failed
subtest, or if the program failed though each case passed: whatever breaks off
half-way must not look like success.

The last line is for the caller: "counts PASSED FAILED SKIPPED".
"""

import re
import sys

RESULT = re.compile(r"^(?P<indent> *)(?P<verdict>not ok|ok) (?P<number>\d+)(?P<rest>.*)$")
PLAN = re.compile(r"^(?P<indent> *)1\.\.(?P<count>\d+)(?P<rest>.*)$")
HEADER = re.compile(r"^ *(?:K?TAP version \d+)$")
# What a kernel's console puts in front.
STAMP = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[[^\]]*\])? ?")


class Group:
    """Tests of one indentation: what was planned and what was seen."""

    def __init__(self, indent):
        self.indent = indent
        self.planned = None
        self.skip_all = None
        self.seen = 0
        self.failed = False


class Suite:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []
        self.stack = []

    def broken(self, what):
        self.failures.append("(the output) " + what)

    def close(self, indent):
        """End the groups further in than indent; the innermost one that ended
        directly under it is returned."""
        ended = None
        while self.stack and self.stack[-1].indent > indent:
            ended = self.stack.pop()
            # KUnit plans no parameters; should they break off, the verdict on
            # their group is missing.
            if ended.planned is None and ended.indent == 0:
                self.broken("%d case(s) without a plan" % ended.seen)
            elif ended.planned is not None and ended.planned != ended.seen:
                self.broken("%d case(s) planned, %d seen" % (ended.planned, ended.seen))
            # A group inside that said nothing of its own: its verdict counts here.
            if self.stack and self.stack[-1].indent > indent and ended.failed:
                self.stack[-1].failed = True
        return ended

    def group(self, indent):
        if not self.stack or self.stack[-1].indent < indent:
            self.stack.append(Group(indent))
        return self.stack[-1]

    def plan(self, indent, count, rest):
        self.close(indent)
        group = self.group(indent)
        if group.planned is not None:
            self.broken("two plans for one group")
        group.planned = count
        skip = re.match(r"\s*#\s*SKIP\b\s*(.*)", rest, re.I)
        if skip and count == 0:
            self.skips.append(("all of it", skip.group(1)))

    def result(self, indent, verdict, number, rest):
        under = self.close(indent)
        group = self.group(indent)
        group.seen += 1
        if number != group.seen:
            self.broken("case %d where %d was expected: %s" % (number, group.seen, rest.strip()))
            group.seen = number
        text = rest.strip()
        if text.startswith("- "):
            text = text[2:]
        name, _, directive = text.partition("#")
        name = name.strip() or "case %d" % number
        directive = directive.strip()
        word = directive.split(" ", 1)[0].upper()
        bad = verdict == "not ok"
        if word == "SKIP":
            self.skips.append((name, directive[4:].strip()))
            return
        if word in ("TODO", "XFAIL") and bad:
            self.skips.append((name, "expected to fail: " + directive))
            return
        if under is not None and (under.seen or under.planned == 0):
            # Subtests were counted one by one.
            if under.failed and not bad:
                self.broken("'%s' says ok over a failed subtest" % name)
            if bad and not under.failed:
                self.failures.append(name)
            group.failed |= bad or under.failed
            return
        if bad:
            self.failures.append(name + (" (" + directive + ")" if directive else ""))
            group.failed = True
        else:
            self.passed += 1


def judge(lines, status):
    suite = Suite()
    any_header = False
    for line in lines:
        line = STAMP.sub("", line.rstrip("\r\n")).replace("\t", "    ")
        if HEADER.match(line):
            any_header = True
            # One after the other, as from several programs.
            if not line.startswith(" "):
                suite.close(-1)
            continue
        if re.match(r"^\s*Bail out!", line):
            suite.broken(line.strip())
            continue
        match = PLAN.match(line)
        if match:
            suite.plan(len(match["indent"]), int(match["count"]), match["rest"])
            continue
        match = RESULT.match(line)
        if match:
            suite.result(len(match["indent"]), match["verdict"], int(match["number"]), match["rest"])
    suite.close(-1)
    if not any_header:
        suite.broken("no KTAP header: the suite did not start")
    elif not suite.passed and not suite.failures and not suite.skips:
        suite.broken("no result at all")
    if status and not suite.failures:
        suite.broken("each case passed, but the program exited with %d" % status)
    return suite


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: ktap.py SUITE FILE [STATUS]")
    name, path = sys.argv[1:3]
    status = int(sys.argv[3]) if len(sys.argv) == 4 else 0
    with open(path, encoding="utf-8", errors="replace") as source:
        suite = judge(source, status)
    print("%-12s %4d passed, %d failed, %d skipped   %s" % (
        name, suite.passed, len(suite.failures), len(suite.skips), path))
    for failure in suite.failures:
        print("    not ok: " + failure)
    for case, reason in suite.skips:
        print("    skipped: %s: %s" % (case, reason or "no reason given"))
    print("counts %d %d %d" % (suite.passed, len(suite.failures), len(suite.skips)))
    return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main())
