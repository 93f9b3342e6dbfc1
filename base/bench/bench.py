#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""bench.py [OPTION...] OUT [PATH...]: the tables of "make bench".

OUT/runs has a directory for each kernel that was measured, with what each boot has
printed in boot-*.out: "first", "second" (KERNEL2), "dma" and "dma-stock" for the
host's own mappings. Prints the tables and leaves them in OUT/table, with everything
else in OUT/bench.json and a chart in OUT/chart.svg.

Fails if a figure is missing in one of the boots or can't be used, with all others
printed all the same. A figure that is too large fails nothing.

--vms N,...	how many VMs were alive
--fragment FILE	options of the kernels that are compared; may be repeated
--save		makes the figures the stored ones, and those of the second kernel the
		reference, and writes --page
--stores DIR	where the stored figures are (beside this program)
--page FILE	the tables as part of a page
--page-only	writes that of the stored figures, nothing else
--choose GROUP	only prints the names of the chosen paths of a group
"""

import argparse
import glob
import json
import os
import subprocess
import sys

import figures
from figures import Failure, Goals, Key, Paths, Run, Stored, ratio

HERE = os.path.dirname(os.path.realpath(__file__))
REFERENCE = "7.2."
STORES = (("first", "figures.txt", "What the project's kernel takes, as of the last landed state."),
          ("second", "reference.txt", "What Linux 7.2 takes: built with the same fragments, run as a black box."),
          ("stock", "stock.txt", "What Debian's unmodified kernel takes for its own mappings."))
# What is read: a directory of runs, and the groups of paths that are in it; those that
# are of the kernel that is measured
GROUPS = {"first": ("queue", "control"), "second": ("queue", "control"),
          "dma": ("dma",), "dma-stock": ("dma",), "guest": ("guest",),
          "memory": ("memory",), "memory-second": ("memory",)}
ALWAYS = ("first", "dma", "memory", "guest")
UNITS = {"guest": ("count", "per-1000-unmaps"), "dma": ("instructions", "per-1000-unmaps")}
MARKS = {"w ": "+waiting", "s ": "-of-its-own"}
LEGEND = {"w ": "w: with time that it waits, in units of an instruction's; such figures have no ratio",
          "s ": "s: it sleeps meanwhile; what the thread itself has executed"}


class Table:
    """Columns of text; the first is left-aligned, the others right."""

    def __init__(self, *heads):
        self.rows = [heads]

    def add(self, *cells):
        self.rows.append(cells)

    def widths(self):
        return [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]

    def aligned(self, row, widths):
        return "  ".join(cell.ljust(width) if not number else cell.rjust(width)
                         for number, (cell, width) in enumerate(zip(row, widths))).rstrip()

    def text(self):
        widths = self.widths()
        lines = [self.aligned(row, widths) for row in self.rows]
        return "\n".join([lines[0], "-" * len(lines[0])] + lines[1:])

    @staticmethod
    def escaped(cell):
        return "\\" + cell if cell == "-" or cell.startswith("- [") else cell

    def rst(self):
        """As a simple table. Leading spaces are lost there, so parts are items of a list;
        a dash alone would be one, too, and a first cell may not be empty."""
        rows = [(self.escaped(row[0].replace("  ", "- ", 1) if row[0].startswith("  ") else row[0]) or "\\",
                 *map(self.escaped, row[1:])) for row in self.rows]
        table = Table(*rows[0])
        table.rows = rows
        widths = table.widths()
        rule = "  ".join("=" * width for width in widths)
        lines = [self.aligned(row, widths) for row in rows]
        return "\n".join([rule, lines[0], rule] + lines[1:] + [rule])


def number(value):
    return "-" if value is None else f"{value:,}"


def quotient(value):
    return "-" if value is None else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def verdict(reached):
    return "-" if reached is None else "reached" if reached else "not reached"


class Report:
    """The figures of one or more kernels, and what is said of them."""

    def __init__(self, paths, goals, vms):
        self.paths, self.goals, self.vms = paths, goals, vms
        self.names = {}		# column: what it is called
        self.columns = {}	# column: {Key: (unit, median, spread)}
        self.reasons = {}	# column: function of a key that says why there is no figure
        self.counts = {}
        self.locks = None
        self.notes = []

    def add(self, column, name, values, reason=lambda key: None, counts=None):
        self.names[column], self.columns[column], self.reasons[column] = name, values, reason
        if counts:
            self.counts = counts

    def median(self, column, key):
        value = self.columns.get(column, {}).get(key)
        return value[1] if value else None

    def waits(self, column, key):
        return self.mark(column, key) == "w "

    def mark(self, column, key):
        """What is in front of a figure that is no plain number of instructions."""
        value = self.columns.get(column, {}).get(key)
        return next((mark for mark, suffix in MARKS.items() if value and value[0].endswith(suffix)), "")

    def cell(self, column, key):
        """A figure as text, with a note if it is known why there is none."""
        value = self.median(column, key)
        if value is not None:
            return self.mark(column, key) + number(value)
        reason = self.reasons[column](key)
        if not reason:
            return "-"
        note = f"{self.names[column]}: {reason}"
        if note not in self.notes:
            self.notes.append(note)
        return f"- [{self.notes.index(note) + 1}]"

    def against(self, key, column, base):
        """The ratio of two figures; of what waits there is none."""
        if self.waits(column, key) or self.waits(base, key):
            return None
        return ratio(self.median(column, key), self.median(base, key))

    # ---- goals

    def goal(self, key):
        """(goal, reached) of a figure, the goal as text; None if it has none."""
        if key.part:
            return None
        limit = self.goals.limit(key.path, "count")
        if limit is not None:
            value = self.median("first", key)
            return f"{limit:,.0f}", None if value is None else value <= limit
        for kind, column in (("reference", "second"), ("stock", "stock")):
            limit = self.goals.limit(key.path, kind)
            if limit is not None:
                value = self.against(key, "first", column)
                return f"{limit:g}", None if value is None else value <= limit
        return None

    def vms_ratio(self, path):
        if len(self.vms) < 2:
            return None
        many, one = Key(path, self.vms[-1]), Key(path, self.vms[0])
        if self.waits("first", many) or self.waits("first", one):
            return None
        return ratio(self.median("first", many), self.median("first", one))

    # ---- tables

    def rows_of(self, path, vms):
        yield Key(path, vms), self.paths.texts[path]
        for part, text in self.paths.parts[path].items():
            yield Key(path, vms, part), "  " + text

    def main_table(self, chosen):
        """What each path takes with one VM, against stored figures and another kernel."""
        stored, second = "stored" in self.columns, "second" in self.columns
        table = Table("path", "instructions", "spread", *(["stored", "ratio"] if stored else []),
                      *([self.names["second"], "ratio"] if second else []), "goal", "")
        for path in chosen:
            if self.paths.group_of[path] not in ("queue", "control"):
                continue
            for key, text in self.rows_of(path, self.vms[0]):
                value = self.columns["first"].get(key)
                if value is None and key.part:
                    continue
                goal = self.goal(key)
                cells = [text, self.cell("first", key), number(value[2]) if value else ""]
                if stored:
                    cells += [self.cell("stored", key), quotient(self.against(key, "first", "stored"))]
                if second:
                    cells += [self.cell("second", key), quotient(self.against(key, "first", "second"))]
                table.add(*cells, goal[0] if goal else "", verdict(goal[1]) if goal else "")
        return table

    def vms_table(self, chosen):
        """Control paths with so many VMs alive."""
        table = Table("path", *[f"{count} VM{'s' if count > 1 else ''}" for count in self.vms],
                      f"{self.vms[-1]} to {self.vms[0]}", "goal", "")
        for path in chosen:
            if self.paths.group_of[path] != "control":
                continue
            limit = self.goals.limit(path, "vms")
            value = self.vms_ratio(path)
            table.add(self.paths.texts[path], *[self.cell("first", Key(path, count)) for count in self.vms],
                      quotient(value), f"{limit:g}" if limit is not None else "",
                      verdict(None if value is None else value <= limit) if limit is not None else "")
        return table

    def dma_table(self, chosen):
        """The host's own mappings against the stock kernel."""
        table = Table("path", "instructions", "spread", "stock", "ratio", "goal", "")
        for path in chosen:
            if self.paths.group_of[path] != "dma":
                continue
            key = Key(path)
            value, goal = self.columns["first"].get(key), self.goal(key)
            table.add(self.paths.texts[path], self.cell("first", key), number(value[2]) if value else "",
                      self.cell("stock", key) if "stock" in self.columns else "-",
                      quotient(self.against(key, "first", "stock")),
                      goal[0] if goal else "", verdict(goal[1]) if goal else "")
        return table

    def guest_table(self, when):
        """What a guest's boot, or its reading, takes with and without queues of its own."""
        table = Table("", "cmdqv=on", "cmdqv=off")
        for path, text in self.paths.texts.items():
            if path.startswith(f"guest_{when}_") and path.endswith("_on"):
                keys = [Key(path), Key(path[:-len("on")] + "off")]
                if any(key in self.columns["first"] for key in keys):
                    table.add(text, *[self.cell("first", key) for key in keys])
        return table

    def memory_table(self):
        """What is kept of a VM, by the size of its queues."""
        columns = [column for column in ("first", "second") if column in self.columns]
        sizes = sorted({int(path.rpartition("_")[2]) for path in self.paths
                        if self.paths.group_of[path] == "memory"})
        table = Table("object", *[f"{self.names[column]}: {size >> 10:,} KiB" if size == sizes[0]
                                  else f"{size >> 10:,} KiB" for column in columns for size in sizes])
        for thing in figures.MEMORY_OF + ("pages",):
            keys = [Key(f"memory_{thing}_{size}") for size in sizes]
            if any(key in self.columns["first"] for key in keys):
                table.add(self.paths.texts[keys[0].path],
                          *[self.cell(column, key) if key.path in self.paths.texts else ""
                            for column in columns for key in keys])
        return table

    def locks_table(self):
        """Classes of locks that are this project's, or that somebody waited for."""
        table = Table("class", "taken", "waited for", "for 1,000")
        for name, (taken, waited, _) in sorted(self.locks.classes.items(),
                                               key=lambda item: (-item[1][1], item[0])):
            table.add(name, number(taken), number(waited), quotient(ratio(waited * 1000, taken)))
        return table

    def silence(self):
        """What the kernel had to do for paths that are none of its business, a line each."""
        lines = []
        for key, counts in sorted(self.counts.items()):
            if self.goals.limit(key.path, "nothing") is None or key.vms != self.vms[0]:
                continue
            # "times" is how often it was done.
            worst = {name: max(values) for name, values in counts.items() if name != "times"}
            said = ", ".join(f"{name} {value}" for name, value in worst.items())
            lines.append(f"{self.paths.texts.get(key.path, key.path)}: {said}: {verdict(not any(worst.values()))}")
        return lines

    def sections(self, chosen):
        """[(title, Table), ...], those that have rows."""
        found = [("Paths, one VM alive", self.main_table(chosen))]
        if len(self.vms) > 1:
            found.append(("Control paths by VMs alive", self.vms_table(chosen)))
        found.append(("The host's own DMA mappings", self.dma_table(chosen)))
        if any(self.paths.group_of[path] == "memory" for path in chosen):
            found.append(("Memory of a VM by the size of its queues, bytes", self.memory_table()))
        if any(self.paths.group_of[path] == "guest" for path in chosen):
            found += [("A guest's boot", self.guest_table("boot")),
                      ("A guest that reads, for 1,000 unmaps", self.guest_table("read"))]
        if self.locks:
            found.append((f"Locks while {len(self.locks.vmms)} VMMs work", self.locks_table()))
        return [(title, table) for title, table in found if len(table.rows) > 1]

    def goals_json(self, path):
        goal = self.goal(Key(path, self.vms[0]))
        return {"limit": goal[0], "reached": goal[1]} if goal else None


# ---- reading

def read_run(directory, name):
    run = Run(name)
    units = UNITS.get(name.partition("-")[0], ("instructions",))
    for file in sorted(glob.glob(os.path.join(directory, "*.out"))):
        with open(file, encoding="utf-8", errors="replace") as out:
            figures.read_boot(run, out, f"{name}, {os.path.basename(file)}",
                              os.path.basename(file).rpartition("-")[0], units)
    if run.boots and run.version is None:
        raise Failure(f"{name}: no boot said which kernel it was")
    return run


def values_of(run):
    return {key: figure.value for key, figure in run.figures.items()}


def reason_in(*runs):
    """Why there is no such figure, by the first of these runs that knows."""
    def reason(key):
        return next(filter(None, (figures.skipped(run, key) for run in runs)), None) if not key.part else None
    return reason


def read_locks(directory, asked):
    """What the kernel that counts locks has said, None if it was not asked."""
    files = sorted(glob.glob(os.path.join(directory, "*.out")))
    if not files:
        return None
    run, locks = read_run(directory, "locks"), figures.Locks()
    for file in files:
        with open(file, encoding="utf-8", errors="replace") as out:
            locks.read(out, f"locks, {os.path.basename(file)}")
    locks.head = Stored.of(run, asked).head
    return locks


def stored_locks(directory):
    file = os.path.join(directory, "locks.txt")
    if not os.path.exists(file):
        return None
    with open(file, encoding="utf-8") as text:
        return figures.Locks().read(text, "locks.txt")


def stored_or_none(directory, name):
    file = os.path.join(directory, name)
    return Stored.read(file) if os.path.exists(file) else None


def short(version):
    """A kernel's version without what this project appends."""
    return version.replace("-grace-cmdqv", "")


# ---- writing

def write_json(file, report, runs, chosen, wrong):
    rows = []
    for column, run in runs.items():
        for key, figure in run.figures.items():
            rows.append({"kernel": column, "path": key.path, "vms": key.vms, "part": key.part or None,
                         "unit": figure.unit, "median": figure.median, "spread": figure.spread,
                         "boots": figure.boots})
    data = {
        "kernels": {column: {"version": run.version, "compiler": run.compiler, "boots": run.boots}
                    for column, run in runs.items()},
        "figures": rows,
        "stored": [{"path": key.path, "vms": key.vms, "part": key.part or None, "median": value[1]}
                   for key, value in report.columns.get("stored", {}).items()],
        "skipped": [{"kernel": column, "path": path, "vms": vms, "reason": reason}
                    for column, run in runs.items() for (path, vms), reason in run.skips.items()],
        "counts": [{"path": key.path, "vms": key.vms, "counts": counts}
                   for key, counts in report.counts.items()],
        "goals": {path: report.goals_json(path) for path in chosen if report.goals_json(path)},
        "locks": [{"class": name, "acquisitions": taken, "contentions": waited, "at": at}
                  for name, (taken, waited, at) in report.locks.classes.items()] if report.locks else None,
        "failures": wrong,
    }
    with open(file, "w", encoding="utf-8") as out:
        json.dump(data, out, indent=1)
        out.write("\n")


def chart(out, report, chosen):
    """Bars on a logarithmic scale, by gnuplot. Returns whether there was anything to draw."""
    columns = [column for column in ("first", "stored", "second") if column in report.columns]
    keys = [Key(path, report.vms[0]) for path in chosen
            if report.paths.group_of[path] in ("queue", "control")
            and report.median("first", Key(path, report.vms[0]))]
    if not keys:
        return False
    data, script = os.path.join(out, "chart.data"), os.path.join(out, "chart.gp")
    with open(data, "w", encoding="utf-8") as file:
        for key in keys:
            cells = [str(report.median(column, key) or "NaN") for column in columns]
            file.write(" ".join([key.path] + cells) + "\n")
    plots = ", \\\n\t".join(f"'{data}' using {number + 2}:xtic(1) title \"{report.names[column]}\""
                            for number, column in enumerate(columns))
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"""set terminal svg size 1100,560 dynamic font "sans,12"
set output '{os.path.join(out, "chart.svg")}'
set title "Instructions by path, one VM alive" noenhanced
set style data histograms
set style histogram clustered gap 1
set style fill solid border -1
set logscale y
set yrange [1:*]
set grid ytics
set ylabel "instructions"
set xtics rotate by -40 noenhanced
set key noenhanced outside top horizontal
plot {plots}
""")
    try:
        subprocess.run(["gnuplot", script], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"no chart: {error}") from None
    return True


def page(report, heads, chosen):
    """The tables as part of performance.rst."""
    lines = [".. SPDX-License-Identifier: GPL-2.0-only",
             '.. Written by "make bench SAVE=1" of what is stored in base/bench; not by hand.', ""]
    for name, head in heads:
        lines += [f":{name}: Linux {head['kernel']}, {head['compiler']}, configuration {head['config']}"]
    for title, table in report.sections(chosen):
        lines += ["", f".. table:: {title}", ""] + ["   " + line for line in table.rst().split("\n")]
    return "\n".join(lines) + "\n"


def page_of_stores(directory, paths, goals, vms):
    """The part of the page that follows from the stored figures, and from nothing else."""
    stores = {column: stored_or_none(directory, name) for column, name, _ in STORES}
    if stores["first"] is None:
        raise Failure("no figures are stored: make bench SAVE=1")
    report = Report(paths, goals, vms)
    heads = []
    for column, title in (("first", "measured"), ("second", "reference"), ("stock", "stock")):
        if stores[column] is not None:
            report.add(column, short(stores[column].head["kernel"]), stores[column].figures)
            heads.append((title, stores[column].head))
    report.locks = stored_locks(directory)
    if report.locks:
        heads.append(("locks", report.locks.head))
    known = set().union(*(store.figures for store in stores.values() if store is not None))
    return page(report, heads, [path for path in paths if any(key.path == path for key in known)])


# ---- the command

def compare_heads(stored, name, run, asked):
    """A line for each way in which the kernel of stored figures is another one."""
    said = stored.differs(Stored.of(run, asked))
    return [f"the stored figures of {name} are of an unlike kernel: {said}"] if said else []


def measure(args, paths, goals):
    """Read the runs and print the tables; returns what was wrong."""
    chosen = paths.choose(args.paths)
    asked = figures.fragment_options(args.fragment)
    runs = {column: read_run(os.path.join(args.out, "runs", column), column)
            for column in GROUPS}
    runs = {column: run for column, run in runs.items() if run.boots}
    wrong, remarks = [], []
    for column, groups in GROUPS.items():
        mine = [path for path in chosen if paths.group_of[path] in groups]
        if column in runs:
            wrong += [f"{column}: {what}" for what in figures.complaints(runs[column], paths, mine, args.vms)]
        elif mine and column in ALWAYS:
            wrong.append(f"{column}: nothing was measured")

    report = Report(paths, goals, args.vms)
    ours = [runs[column] for column in ALWAYS if column in runs]
    if not ours:
        raise Failure("nothing was measured")
    first = ours[0]
    values = {key: value for run in ours for key, value in values_of(run).items()}
    report.add("first", short(first.version), values, reason_in(*ours),
               {key: counts for run in ours for key, counts in run.counts.items()})
    stores = {column: stored_or_none(args.stores, name) for column, name, _ in STORES}
    if stores["first"]:
        report.add("stored", "stored", stores["first"].figures)
        remarks += compare_heads(stores["first"], short(stores["first"].head["kernel"]), first, asked)
    if "second" in runs:
        theirs = [runs[column] for column in ("second", "memory-second") if column in runs]
        report.add("second", short(runs["second"].version),
                   {key: value for run in theirs for key, value in values_of(run).items()}, reason_in(*theirs))
        differing = [f"{name} {one}, {other}" for name, one, other in
                     figures.unlike(first, runs["second"], asked)]
        if differing:
            remarks.append("the two kernels differ in more than their version: " + "; ".join(differing))
    elif stores["second"]:
        report.add("second", short(stores["second"].head["kernel"]), stores["second"].figures)
        remarks += compare_heads(stores["second"], report.names["second"], first, asked)
    if "dma-stock" in runs:
        report.add("stock", "stock", values_of(runs["dma-stock"]), reason_in(runs["dma-stock"]))
    elif stores["stock"]:
        report.add("stock", "stock", stores["stock"].figures)

    report.locks = read_locks(os.path.join(args.out, "runs", "locks"), asked)
    wrong += report.locks.complaints() if report.locks else []

    boots = max(first.boots.values())
    lines = [f"Linux {first.version}, {first.compiler}",
             f"{boots} boot{'s' if boots > 1 else ''}, instructions under icount, median; spread: between boots"]
    sections = report.sections(chosen)
    for title, table in sections:
        lines += ["", title, "", table.text()]
    lines += [""] + report.silence() if report.silence() else []
    lines += [text for mark, text in LEGEND.items()
              if any(mark in cell for _, table in sections for row in table.rows[1:] for cell in row[1:])]
    lines += [f"[{count}] {note}" for count, note in enumerate(report.notes, 1)]
    lines += [f"note: {remark}" for remark in remarks]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    with open(os.path.join(args.out, "table"), "w", encoding="utf-8") as out:
        out.write(text)
    write_json(os.path.join(args.out, "bench.json"), report, runs, chosen, wrong)
    chart(args.out, report, chosen)
    if args.save and not wrong:
        save(args, paths, asked, runs)
        if report.locks:
            report.locks.write(os.path.join(args.stores, "locks.txt"))
    return wrong


def save(args, paths, asked, runs):
    """Make these figures the stored ones."""
    if args.paths:
        raise Failure("SAVE=1 stores figures of all paths, so it can't be had with PATHS")
    for column, name, what in STORES:
        source = {"first": "first", "second": "second", "stock": "dma-stock"}[column]
        if source not in runs:
            continue
        if column == "second" and not runs[source].version.startswith(REFERENCE):
            print(f"bench: {runs[source].version} is not stored: the reference is Linux {REFERENCE}", file=sys.stderr)
            continue
        stored = Stored.of(runs[source], asked)
        if column == "first":
            for more in ALWAYS:
                stored.figures.update(values_of(runs[more]) if more in runs else {})
        elif column == "second" and "memory-second" in runs:
            stored.figures.update(values_of(runs["memory-second"]))
        stored.write(os.path.join(args.stores, name), what, paths)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vms", default="1", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--fragment", action="append", default=[])
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--stores", default=HERE)
    parser.add_argument("--page")
    parser.add_argument("--page-only", action="store_true")
    parser.add_argument("--choose")
    parser.add_argument("out")
    parser.add_argument("paths", nargs="*")
    return parser.parse_intermixed_args()


def main():
    args = arguments()
    paths, goals = Paths(), Goals()
    if args.choose:
        for path in paths.choose(args.paths):
            if paths.group_of[path] == args.choose:
                print(path)
        return 0
    wrong = [] if args.page_only else measure(args, paths, goals)
    if args.page and (args.page_only or args.save and not wrong):
        with open(args.page, "w", encoding="utf-8") as out:
            out.write(page_of_stores(args.stores, paths, goals, args.vms))
    for what in wrong:
        print(f"bench: error: {what}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"bench: error: {failure}", file=sys.stderr)
        sys.exit(1)
