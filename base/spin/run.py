#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""run.py [--long] [DIRECTORY]: model checking of cmdqv.pml by Spin; KTAP.

First the model as it is, in several sizes, each searched exhaustively: no state may break
a rule. One with everything in it would be too many states; what belongs together is in one
of them. Then the same with one thing wrong at a time (WRONG in the model): Spin has to find
a way there, and it has to break one of the rules that are named here. Last, each step of
the model must have been taken in one of the searches.

--long adds searches that take minutes. DIRECTORY (build/spin) keeps each verifier, what it
printed, and for what is wrong the steps that lead there (*.trail.txt). Needs spin and gcc.
"""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
MODEL = os.path.join(HERE, "cmdqv.pml")

# Name, what is in it, switches of the model
SIZES = [
    ("window", "a VINTF that changes hands, its window mapped and unmapped at any time",
     "WINDOW"),
    ("memory", "two queues, memory mapped and unmapped at any time", "RAM VMS=1 LQUEUES=2"),
    ("late", "ATC invalidations that end or time out late, a VINTF that changes hands",
     "ATC TIMEOUTS"),
    ("vmids", "VMIDs that end before their VINTF, or change hands with it", "DOMAINS"),
    ("two", "two VINTFs, and a quarantine for both", "VINTFS=2 SECOND"),
    ("devices", "a device that comes and goes, under queues that come and go",
     "ATC SIDS VMS=1"),
]
LONG = [
    ("devices2", "a device that moves between two VMs with the VINTF", "ATC SIDS CALM"),
    ("two-vmids", "two VINTFs and two VMIDs that change hands", "VINTFS=2 SECOND DOMAINS"),
    ("queues", "two queues with ATC invalidations", "ATC TIMEOUTS VMS=1 LQUEUES=2"),
]

# What is wrong, in which size it shows, the rules of which it breaks one, and what it is
WRONG = [
    ("MAP_BEFORE_BASE", "memory", "I5",
     "pitfall 72: a queue is mapped before it has its BASE"),
    ("STOP_BEFORE_UNMAP", "window", "I4 I5",
     "pitfall 72: a queue is disabled first, and unmapped when its memory is given back"),
    ("UNPINNED_ANYWAY", "memory", "I4 I5",
     "pitfall 73: a queue that would not stop is taken for stopped"),
    ("UNPINNED_BEFORE_STOPPED", "memory", "I5", "memory is unpinned before the queue is stopped"),
    ("PAGES_NOT_HELD", "memory", "I5", "the quarantine holds no pages"),
    ("NO_FENCE", "memory", "I4 I5 I7", "a VINTF with a stuck queue is not fenced"),
    ("UNMAPPED_UNDER_LOCK", "memory", "I9", "memory under a queue can be unmapped"),
    ("HYP_OWN_LATE", "two", "I1", "HYP_OWN is left as it was until the VINTF is enabled"),
    ("VMID_WITHOUT_REFERENCE", "vmids", "I2", "a VINTF does not hold its VMID"),
    ("VINTF_FREED_ANYWAY", "vmids", "I2 I7",
     "a VINTF that would not be disabled is taken for disabled"),
    ("VMID_WITHOUT_TLBI", "vmids", "I7", "a VMID is given back with its TLB entries"),
    ("NUMBER_BEFORE_SCRUB", "two", "I1 I2 I3 I7", "a VINTF's number is given back before it is scrubbed"),
    ("SLOT_KEPT", "devices", "I3", "a SID slot outlives its vDEVICE"),
    ("MATCH_BEFORE_REPLACE", "devices", "I3", "a SID slot matches before it has its replacement"),
    ("SLOT_WITHOUT_FLUSH", "devices", "I3", "a SID slot is free with an ATC_INV under way"),
    ("MAPPED_BEFORE_SEEN", "devices", "I3",
     "a queue is mapped before an end of a vDEVICE can see that there is one"),
    ("WINDOW_UNPUBLISHED", "window", "I6", "a window is found before its vIOMMU is published"),
    ("WINDOW_WITHOUT_REFERENCE", "window", "I6", "a mapping of the window does not hold its vIOMMU"),
    ("NO_SCRUB", "late", "I4 I5 I7", "a queue is not scrubbed"),
    ("NO_FLUSH", "late", "I7", "a queue is not flushed"),
    ("FLUSH_FORGOTTEN", "late", "I7", "a flush that could not be had is forgotten"),
    ("FLUSH_BEFORE_SCRUB", "late", "I7",
     "a queue is flushed before it is certain that it executes nothing any more"),
    # What is rested on, and no rule of the driver's
    ("BASE_COUNTS_BEFORE", "memory", "I5",
     "assumption A11 is needed: BASE counts when an enabling happens, not when it is asked for"),
    ("MADE_AGAIN_AT_ONCE", "window", "I5",
     "assumption A11 is needed: a queue made again within 10 ms may be enabled meanwhile"),
]

STATES = re.compile(r"^\s*(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", re.M)
DEPTH = re.compile(r"depth reached (\d+), errors: (\d+)")
MEMORY = re.compile(r"^\s*([\d.]+)\s+total actual memory usage", re.M)
UNREACHED = re.compile(r'^\t.*?:(\d+), state \d+, "(.*)"', re.M)
STEP = re.compile(r"^\tstate .*?\.pml:(\d+) => (.*)$", re.M)
LIMIT_MB = 2000
# Steps that nothing takes in one of the places where they stand, by the inline that they are in
EXPLAINED = {
    "tegra241_vcmdq_await_enabling":
        "in the quarantine: the queue is unmapped, so nobody has set EN since",
    "tegra241_vcmdq_disable":
        "in the quarantine: what is looked at there has stopped, and nothing is being enabled",
    "tegra241_vintf_unmatch_sid":
        "after a VIOMMU_ALLOC that fails: there is no vDEVICE yet",
    "arm_smmu_cmdq_issue_cmdlist":
        "after a VIOMMU_ALLOC that fails: the nest parent has its VMID still",
    "tegra241_vm_vintf_retire":
        "after a VIOMMU_ALLOC that fails: there was no queue that could have fenced the VINTF",
}
# Steps that are none: the end of a process that has none, a rule that holds
NEVER = re.compile(r"-end-|assert|printf|^\(?!?\(*[^a-z]*$")


class Verifier:
    """The model with these switches, as a program."""

    def __init__(self, directory, name, switches):
        self.directory = os.path.join(directory, name)
        self.options = ["-D" + s for s in switches.split()]
        self.output = ""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)

    def run(self, *command):
        """The output of a command there, and its status."""
        done = subprocess.run(command, cwd=self.directory, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              encoding="utf-8", errors="replace")
        with open(os.path.join(self.directory, "log"), "a", encoding="utf-8") as log:
            log.write("$ %s\n%s" % (" ".join(command), done.stdout))
        return done.stdout, done.returncode

    def build(self, optimize):
        """None, or why there is no program."""
        out, status = self.run("spin", *self.options, "-a", MODEL)
        if status or "error" in out.lower():
            return out
        gcc = ["ccache", "gcc"] if shutil.which("ccache") else ["gcc"]
        out, status = self.run(*gcc, optimize, "-w", "-DSAFETY", "-DCOLLAPSE",
                               "-DMEMLIM=%d" % LIMIT_MB, "-o", "pan", "pan.c")
        return out if status else None

    def search(self, depth, hash_bits):
        """Searches until there is nothing more or an error."""
        self.output, _ = self.run("./pan", "-m%d" % depth, "-w%d" % hash_bits)

    def figures(self):
        """States, depth, errors and megabytes of the search."""
        found = [p.search(self.output) for p in (STATES, DEPTH, MEMORY)]
        if None in found:
            return None
        return (int(float(found[0][1])), int(found[1][1]), int(found[1][2]), float(found[2][1]))

    def broken(self):
        """The rules that the way to the error has broken, and keeps that way."""
        trails = [f for f in os.listdir(self.directory) if f.endswith(".trail")]
        if not trails:
            return set()
        out, _ = self.run("spin", *self.options, "-p", "-k", trails[0], MODEL)
        with open(os.path.join(self.directory, "trail.txt"), "w", encoding="utf-8") as trail:
            trail.write(out)
        return set(re.findall(r"^ *(I\d)\s*$|printf\('(I\d)'\)", out, re.M)
                   and [a or b for a, b in
                        re.findall(r"^ *(I\d)\s*$|printf\('(I\d)'\)", out, re.M)])

    def steps(self):
        """All steps there are, and those that the search has not taken, by line and text."""
        listing, _ = self.run("./pan", "-d")
        every = {(int(n), text.strip()) for n, text in STEP.findall(listing)}
        left = {(int(n), text.strip()) for n, text in UNREACHED.findall(self.output)}
        return every, left


class Report:
    """KTAP on standard output."""

    def __init__(self, plan):
        self.number = self.failures = 0
        print("KTAP version 1\n1..%d" % plan, flush=True)

    def case(self, good, name, why=""):
        """One case; WHY explains a failure."""
        self.number += 1
        if not good:
            self.failures += 1
            for line in why.strip().split("\n")[-40:]:
                print("# " + line)
        print("%s %d %s" % ("ok" if good else "not ok", self.number, name), flush=True)


def exhaustive(report, directory, sizes, taken):
    """Each size of the model as it is; what was searched goes into TAKEN by line."""
    total = [0, 0, 0.0, 0.0]
    for name, what, switches in sizes:
        verifier = Verifier(directory, name, switches)
        why = verifier.build("-O2")
        start = time.monotonic()
        if why is None:
            verifier.search(3000000, 24)
            figures = verifier.figures()
            good = bool(figures and figures[2] == 0 and
                        "max search depth too small" not in verifier.output and
                        "Search not completed" not in verifier.output and
                        "out of memory" not in verifier.output)
            why = "\n".join(verifier.output.split("\n")[:25]) + "\nbroken: %s" % (
                ", ".join(sorted(verifier.broken())) or "see the log")
        else:
            figures, good = None, False
        report.case(good, "%s: nothing breaks I1 to I7 and I9: %s" % (name, what), why)
        if not figures:
            continue
        seconds = time.monotonic() - start
        print("# %s: %d states, depth %d, %.0f MB, %.1f s" %
              (name, figures[0], figures[1], figures[3], seconds))
        total = [total[0] + figures[0], max(total[1], figures[1]),
                 max(total[2], figures[3]), total[3] + seconds]
        every, left = verifier.steps()
        for step in every:
            taken[step] = taken.get(step, False) or step not in left
    print("# figure: spin_states %d states of the model, all searched" % total[0])
    print("# figure: spin_depth %d steps to the farthest of them" % total[1])
    print("# spin: %.0f MB at most, %.1f s" % (total[2], total[3]))


def wrong(report, directory):
    """Each thing that is wrong has to be found."""
    sizes = {name: switches for name, _, switches in SIZES}
    found = 0
    for name, size, rules, what in WRONG:
        verifier = Verifier(directory, "wrong-" + name.lower().replace("_", "-"),
                            "%s WRONG=%s" % (sizes[size], name))
        why = verifier.build("-O1")
        broken = set()
        if why is None:
            verifier.search(3000000, 22)
            broken = verifier.broken()
            why = "\n".join(verifier.output.split("\n")[:12]) + "\nbroken: %s, not one of %s" % (
                ", ".join(sorted(broken)) or "nothing", rules)
        good = bool(broken & set(rules.split()))
        found += good
        report.case(good, "found: " + what, why)
        if good:
            print("# breaks %s after %d steps" %
                  (", ".join(sorted(broken)), (verifier.figures() or [0, 0])[1]))
            os.remove(os.path.join(verifier.directory, "pan"))
    print("# figure: spin_wrong %d wrong orders and rules that the search has found, of %d" %
          (found, len(WRONG)))


def inline_of(line):
    """The inline of the model that a line is in."""
    name = None
    with open(MODEL, encoding="utf-8") as model:
        for number, text in enumerate(model, 1):
            name = (re.findall(r"^(?:inline|(?:active )?proctype) (\w+)", text) or [name])[0]
            if number == line:
                return name
    return None


def unexplained(taken):
    """What is wrong with the steps that were not taken, in lines."""
    left = sorted(step for step, done in taken.items() if not done and not NEVER.search(step[1]))
    places = {inline_of(line) for line, _ in left}
    return (["line %d, %s: %s" % (line, inline_of(line), text) for line, text in left
             if inline_of(line) not in EXPLAINED] +
            ["%s is explained, and taken everywhere" % name for name in EXPLAINED
             if name not in places])


def main():
    """All of it."""
    args = sys.argv[1:]
    sizes = SIZES + (LONG if "--long" in args else [])
    args = [a for a in args if a != "--long"]
    directory = os.path.abspath(args[0] if args else os.path.join(PROJECT, "build/spin"))
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            print("KTAP version 1\n1..0 # SKIP no %s" % tool)
            return 0
    report = Report(len(sizes) + len(WRONG) + 1)
    taken = {}
    exhaustive(report, directory, sizes, taken)
    wrong(report, directory)
    why = unexplained(taken)
    report.case(taken and not why, "each step of the model is taken, but for what is explained",
                "\n".join(why) or "nothing was searched")
    print("# figure: spin_steps %d steps of the model that the searches have taken, of %d" %
          (sum(taken.values()), len(taken)))
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
