# SPDX-License-Identifier: GPL-2.0-or-later
"""What "make bench" knows of figures: reading what the benchmark has printed, joining
boots, the stored figures, the goals. bench.py prints them.

A figure is the median of the boots' medians, its spread the distance between the
largest and the smallest of these. Time that goes by while the CPU sleeps counts like instructions, so
of what sleeps it is the instructions that the thread itself has executed, if the
benchmark knows; the unit says so, or that waiting is part of the figure. Everything that is not as the format says is a
Failure: a figure that was read wrong is worse than none.
"""

import fnmatch
import hashlib
import os
import re
import shlex
import statistics

HERE = os.path.dirname(os.path.realpath(__file__))

# Options that no fragment has to name and that make instructions dearer all the same.
# Kernels that differ in one are not alike.
COSTLY = re.compile(r"CONFIG_(KASAN|KCSAN|KFENCE|UBSAN|GCOV\w*|KCOV|LOCKDEP|PROVE_\w+|LOCK_STAT"
                    r"|DEBUG_(?!FS$|INFO|KERNEL$)\w+|SLUB_DEBUG\w*|PREEMPT\w*|KUNIT|IOMMUFD_TEST"
                    r"|FAULT_INJECTION|FTRACE|FUNCTION_TRACER|FUNCTION_GRAPH_TRACER|TRACING"
                    r"|HZ|NR_CPUS|CC_OPTIMIZE_\w+|LTO_\w+|CFI\w*|STACKPROTECTOR\w*"
                    r"|INIT_ON_\w+|INIT_STACK_\w+|HARDENED_USERCOPY|RANDOMIZE_KSTACK\w*)$")


# What a VM is made of, of which the benchmark tells the memory
MEMORY_OF = ("viommu", "veventq", "queues", "window", "all")


class Failure(Exception):
    """A measurement that can't be used, in one line."""


class Key(tuple):
    """(path, vms, part): what was measured; part is "" for all of it."""

    def __new__(cls, path, vms=1, part=""):
        return super().__new__(cls, (path, int(vms), part))

    path = property(lambda self: self[0])
    vms = property(lambda self: self[1])
    part = property(lambda self: self[2])

    def __str__(self):
        return self.path + (":" + self.part if self.part else "") + f", {self.vms} VMs"


class Figure:
    """One figure, over all boots."""

    def __init__(self, unit, kind):
        self.unit = unit
        self.kind = kind
        self.boots = []

    @property
    def median(self):
        # Of two in the middle the lower one, which was seen.
        return statistics.median_low(boot["median"] for boot in self.boots)

    @property
    def waits(self):
        """Did it sleep? Then time went by without instructions, and is part of the figure."""
        return any(boot["sleeps"] for boot in self.boots)

    @property
    def value(self):
        """As it is stored and printed: (unit, median, spread)."""
        if not self.waits:
            return self.unit, self.median, self.spread
        own = [boot["cpu"] for boot in self.boots]
        if None in own:
            return self.unit + "+waiting", self.median, self.spread
        return self.unit + "-of-its-own", statistics.median_low(own), max(own) - min(own)

    @property
    def spread(self):
        medians = [boot["median"] for boot in self.boots]
        return max(medians) - min(medians)


class Run:
    """What one kernel did, over all boots: figures, and why some are missing."""

    def __init__(self, name):
        self.name = name
        self.boots = {}		# kind of boot: how many
        self.version = self.compiler = None
        self.options = {}
        self.figures = {}
        self.skips = {}
        self.counts = {}

    def config(self, asked):
        """A hash of the options that fragments name or that cost."""
        return hash_of({name: self.options.get(name, "n")
                        for name in set(asked) | set(filter(COSTLY.match, self.options))})


def hash_of(options):
    """Of a configuration: what is "n" might as well not be there."""
    lines = sorted(f"{name}={value}\n" for name, value in options.items() if value != "n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def unlike(one, other, asked):
    """Options in which two runs differ, and that matter: [(name, value, value), ...]"""
    names = set(asked)
    for options in (one.options, other.options):
        names |= set(filter(COSTLY.match, options))
    return [(name, one.options.get(name, "n"), other.options.get(name, "n")) for name in sorted(names)
            if one.options.get(name, "n") != other.options.get(name, "n")]


def fragment_options(files):
    """Names of the options in fragments of configuration."""
    names = set()
    for file in files:
        with open(file, encoding="utf-8") as text:
            names |= set(re.findall(r"^(?:# )?(CONFIG_\w+)(?:=| is not set)", text.read(), re.M))
    return names


# ---- what the benchmark prints

def fields_of(words, where):
    fields = {}
    for word in words:
        name, equal, value = word.partition("=")
        if not equal or not name:
            raise Failure(f"{where}: '{word}' is no field")
        if name in fields:
            raise Failure(f"{where}: two fields '{name}'")
        fields[name] = value
    return fields


def natural(fields, name, where, pattern=r"\d+"):
    value = fields.get(name)
    if value is None:
        raise Failure(f"{where}: no field '{name}'")
    if not re.fullmatch(pattern, value):
        raise Failure(f"{where}: {name}={value} is no number")
    return int(value)


def key_of(fields, where):
    if not fields.get("path"):
        raise Failure(f"{where}: no path")
    vms = natural(fields, "vms", where) if "vms" in fields else 1
    return Key(fields["path"], vms, fields.get("part", ""))


def read_boot(run, lines, where, kind="boot", units=("instructions",)):
    """Add what one boot has printed to a run. Each figure comes from one kind of boot,
    and from all of that kind."""
    seen = set()
    counts = set()
    memory = {}		# path: {what: bytes}
    sleeps = {}		# of a path, for those of its parts that say nothing
    run.boots[kind] = run.boots.get(kind, 0) + 1
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        here = f"{where}, line {number}"
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        if word == "version":
            read_version(run, rest, here)
            continue
        if word == "config":
            name, _, value = rest.partition("=")
            run.options[name] = value
            continue
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise Failure(f"{here}: {error}") from None
        if word.startswith("path="):
            fields = fields_of(words, here)
            key = key_of(fields, here)
            if key in seen:
                raise Failure(f"{here}: {key} once more")
            seen.add(key)
            if not key.part:
                sleeps[key] = fields.get("sleeps", "0")
            fields.setdefault("sleeps", sleeps.get(Key(key.path, key.vms), "0"))
            add_figure(run, key, kind, fields, here, units)
        elif word == "skip":
            fields = fields_of(words[1:], here)
            if not fields.get("reason"):
                raise Failure(f"{here}: skipped without a reason")
            key = key_of(fields, here)
            if "queue" in fields:
                for thing in MEMORY_OF:
                    run.skips[(f"memory_{thing}_{fields['queue']}", None)] = fields["reason"]
            elif "what" not in fields:
                # Without a count of VMs it is for all of them.
                run.skips[(key.path, key.vms if "vms" in fields else None)] = fields["reason"]
        elif word == "count":
            fields = fields_of(words[1:], here)
            key = key_of(fields, here)
            what = {name: natural(fields, name, here) for name in fields
                    if name not in ("path", "vms", "part")}
            if key in counts:
                raise Failure(f"{here}: {key} once more")
            counts.add(key)
            for name, value in what.items():
                run.counts.setdefault(key, {}).setdefault(name, []).append(value)
        elif word == "memory":
            read_memory(memory, fields_of(words[1:], here), here)
        elif word not in ("slab", "vmm", "lock", "alloc"):
            raise Failure(f"{here}: '{line[:60]}' is none of the benchmark's lines")


    for path, what in memory.items():
        add_memory(run, kind, path, what, where)


def read_memory(memory, fields, where):
    """A line of what the kernel keeps of each VM, in bytes."""
    thing = fields.get("object")
    if thing not in MEMORY_OF:
        raise Failure(f"{where}: memory of an unknown object '{thing}'")
    what = memory.setdefault(f"memory_{thing}_{natural(fields, 'queue', where)}", {})
    if fields.get("what") in what:
        raise Failure(f"{where}: {thing}, {fields['what']} once more")
    # Something else may have been freed meanwhile.
    what[fields.get("what")] = max(0, natural(fields, "per_vm", where, r"-?\d+"))


def add_memory(run, kind, path, what, where):
    """What is accounted to the VMM's cgroup is exact; the rest is known by the page."""
    if "cgroup_slab" not in what:
        raise Failure(f"{where}: {path} without what the cgroup was charged")
    amount = str(what["cgroup_slab"] + what.get("cgroup_percpu", 0))
    key = Key(path)
    add_bytes(run, key, kind, amount, where)
    # Pages that were free already are taken first, so only the first pass says something.
    if path == "memory_all_4096" and "total" in what:
        add_bytes(run, Key("memory_pages_4096"), kind, str(what["total"]), where)
    for name in ("percpu", "vmalloc", "pagetables", "stacks"):
        run.counts.setdefault(key, {}).setdefault(name, []).append(what.get(name, 0))


def add_bytes(run, key, kind, amount, where):
    add_figure(run, key, kind, {"unit": "bytes", "n": "1", "min": amount, "median": amount, "max": amount,
                                "p90": amount, "sleeps": "0"}, where, ("bytes",))


def read_version(run, text, where):
    match = re.match(r"Linux version (\S+) \([^)]*\) \((.*?)(?:, GNU ld.*|, LLD.*)?\) #", text)
    if not match:
        raise Failure(f"{where}: no kernel's version: '{text[:60]}'")
    if run.version not in (None, match[1]):
        raise Failure(f"{where}: another kernel than at the boot before: {match[1]}")
    run.version, run.compiler = match[1], match[2]


def add_figure(run, key, kind, fields, where, units):
    unit = fields.get("unit", "")
    if unit not in units:
        raise Failure(f"{where}: {key} is in '{unit}', not in {' or '.join(units)}: "
                      "was the board started with --icount?")
    boot = {name: natural(fields, name, where) for name in ("n", "min", "median", "max", "p90")}
    if not (boot["n"] and boot["min"] <= boot["median"] <= boot["p90"] <= boot["max"]):
        raise Failure(f"{where}: {key} can't be: {boot}")
    boot["sleeps"] = natural(fields, "sleeps", where)
    boot["cpu"] = natural(fields, "cpu", where) if "cpu" in fields else None
    figure = run.figures.setdefault(key, Figure(unit, kind))
    if (figure.unit, figure.kind) != (unit, kind):
        raise Failure(f"{where}: {key} was in {figure.unit} of another boot before")
    figure.boots.append(boot)


def skipped(run, key):
    """Why there is no such figure, None: no reason was given."""
    return run.skips.get((key.path, key.vms), run.skips.get((key.path, None)))


def complaints(run, paths, asked, vms):
    """What is wrong with a run: figures that should be there in each boot and aren't.
    asked: names of paths; vms: how many VMs were to be alive."""
    wrong = []
    for key, figure in run.figures.items():
        if len(figure.boots) != run.boots[figure.kind]:
            wrong.append(f"{key}: measured in {len(figure.boots)} of {run.boots[figure.kind]} boots")
        if key.part not in paths.parts.get(key.path, ()) and (key.part or key.path not in paths.texts):
            wrong.append(f"{key}: base/bench/paths doesn't know it")
    for path in asked:
        counts = vms if paths.group_of[path] == "control" else vms[:1]
        for count in counts:
            key = Key(path, count)
            if key not in run.figures and skipped(run, key) is None:
                wrong.append(f"{key}: neither measured nor skipped")
    return wrong


# ---- locks, as several VMMs at once want them

class Locks:
    """What "cmdqv-bench vmms" has printed: the VMMs' work, and classes of locks."""

    HEAD = ("kernel", "compiler", "config")

    def __init__(self):
        self.head = {}
        self.vmms = {}		# number: operations
        self.classes = {}	# name: (acquisitions, contentions, where they waited)
        self.skipped = None

    def read(self, lines, where):
        for number, line in enumerate(lines, 1):
            here = f"{where}, line {number}"
            word = line.partition(" ")[0]
            head = re.fullmatch(r"(\w+) = (.*)", line.strip())
            if head and head[1] in self.HEAD:
                self.head[head[1]] = head[2]
            elif word in ("vmm", "lock", "skip"):
                try:
                    fields = fields_of(shlex.split(line)[1:], here)
                except ValueError as error:
                    raise Failure(f"{here}: {error}") from None
                self.add(word, fields, here)
        return self

    def add(self, word, fields, where):
        if word == "skip":
            self.skipped = fields.get("reason", "no reason given")
        elif word == "vmm":
            vmm = natural(fields, "nr", where)
            self.vmms[vmm] = self.vmms.get(vmm, 0) + natural(fields, "ops", where)
        else:
            name = fields.get("class")
            if not name:
                raise Failure(f"{where}: a lock of no class")
            # Several classes may have the same name.
            taken, waited, at = self.classes.get(name, (0, 0, ""))
            self.classes[name] = (taken + natural(fields, "acquisitions", where),
                                  waited + natural(fields, "contentions", where),
                                  " ".join(filter(None, (at, fields.get("at", "")))))

    def complaints(self):
        if self.skipped:
            return [f"locks: {self.skipped}"]
        if not self.vmms or not self.classes:
            return ["locks: nothing was measured"]
        return [f"locks: VMM {vmm} did nothing" for vmm, ops in self.vmms.items() if not ops]

    def write(self, file):
        lines = ["# SPDX-License-Identifier: GPL-2.0-or-later", "#",
                 "# Which locks VMMs that work at once wait for.", '# Written by "make bench LOCKS=1 SAVE=1".']
        lines += [f"{name} = {self.head[name]}" for name in self.HEAD]
        lines += [f"vmm nr={vmm} ops={ops}" for vmm, ops in sorted(self.vmms.items())]
        lines += [f'lock class="{name}" acquisitions={taken} contentions={waited} at="{at}"'
                  for name, (taken, waited, at) in sorted(self.classes.items())]
        with open(file + ".new", "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
        os.replace(file + ".new", file)


# ---- paths and goals

def table_lines(file):
    with open(file, encoding="utf-8") as text:
        for number, line in enumerate(text, 1):
            line = line.split("#")[0] if line.startswith("#") else line
            if line.strip():
                yield f"{os.path.basename(file)}, line {number}", line.strip()


class Paths:
    """The list of what is measured, in order."""

    def __init__(self, file=os.path.join(HERE, "paths")):
        self.texts = {}		# path: text
        self.parts = {}		# path: {part: text}
        self.group_of = {}
        for where, line in table_lines(file):
            words = line.split(None, 2)
            if len(words) != 3:
                raise Failure(f"{where}: not GROUP PATH TEXT")
            group, name, text = words
            path, _, part = name.partition(":")
            if part:
                if path not in self.texts:
                    raise Failure(f"{where}: a part of nothing: {name}")
                self.parts[path][part] = text
            else:
                if path in self.texts:
                    raise Failure(f"{where}: {path} once more")
                self.texts[path], self.parts[path], self.group_of[path] = text, {}, group

    def __iter__(self):
        return iter(self.texts)

    def choose(self, words):
        """Paths that words ask for: names of paths, patterns or groups; all if none."""
        chosen = set()
        for word in words:
            some = {path for path in self.texts
                    if fnmatch.fnmatchcase(path, word) or self.group_of[path] == word}
            if not some:
                groups = ", ".join(dict.fromkeys(self.group_of.values()))
                raise Failure(f"no path or group is called '{word}'; groups: {groups}; "
                              f"paths: {', '.join(self.texts)}")
            chosen |= some
        return [path for path in self.texts if not words or path in chosen]


class Goals:
    KINDS = ("count", "nothing", "reference", "stock", "vms")

    def __init__(self, file=os.path.join(HERE, "goals")):
        self.goals = []
        for where, line in table_lines(file):
            words = line.split()
            if len(words) != 3 or words[1] not in self.KINDS:
                raise Failure(f"{where}: not PATTERN KIND LIMIT")
            self.goals.append((words[0], words[1], float(words[2])))

    def limit(self, path, kind):
        """The first that the path matches; None: no such goal."""
        return next((limit for pattern, name, limit in self.goals
                     if name == kind and fnmatch.fnmatchcase(path, pattern)), None)


def ratio(figure, base):
    """figure to base; None if either is missing or nothing can be divided by it."""
    return figure / base if figure is not None and base else None


# ---- stored figures

class Stored:
    """Figures of an earlier run, a line each; the head says of which kernel."""

    HEAD = ("kernel", "compiler", "config")

    def __init__(self):
        self.head = {}
        self.figures = {}	# Key: (unit, median, spread)

    @classmethod
    def read(cls, file):
        stored = cls()
        for where, line in table_lines(file):
            match = re.fullmatch(r"(\w+) = (.*)", line)
            if match and match[1] in cls.HEAD:
                stored.head[match[1]] = match[2]
                continue
            words = line.split()
            if len(words) != 5 or not (words[1] + words[3] + words[4]).isdigit():
                raise Failure(f"{where}: not PATH VMS UNIT MEDIAN SPREAD")
            path, _, part = words[0].partition(":")
            key = Key(path, words[1], part)
            if key in stored.figures:
                raise Failure(f"{where}: {key} once more")
            stored.figures[key] = (words[2], int(words[3]), int(words[4]))
        lacking = [name for name in cls.HEAD if name not in stored.head]
        if lacking:
            raise Failure(f"{os.path.basename(file)}: its head does not say: {', '.join(lacking)}")
        return stored

    @classmethod
    def of(cls, run, asked):
        stored = cls()
        stored.head = {"kernel": run.version, "compiler": run.compiler, "config": run.config(asked)}
        stored.figures = {key: figure.value for key, figure in run.figures.items()}
        return stored

    def write(self, file, what, paths):
        order = list(paths)
        parts = {path: [""] + list(paths.parts[path]) for path in order}
        lines = ["# SPDX-License-Identifier: GPL-2.0-or-later", "#", f"# {what}",
                 '# Written by "make bench SAVE=1": PATH[:PART] VMS UNIT MEDIAN SPREAD']
        lines += [f"{name} = {self.head[name]}" for name in self.HEAD]
        for key in sorted(self.figures, key=lambda k: (order.index(k.path), k.vms,
                                                       parts[k.path].index(k.part))):
            unit, median, spread = self.figures[key]
            name = key.path + (":" + key.part if key.part else "")
            lines.append(f"{name} {key.vms} {unit} {median} {spread}")
        with open(file + ".new", "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
        os.replace(file + ".new", file)

    def median(self, key):
        return self.figures[key][1] if key in self.figures else None

    def differs(self, other):
        """How the kernel of these figures differs from another: "", or what to say."""
        return "; ".join(f"{name} {self.head[name]} there, {other.head[name]} here"
                         for name in ("compiler", "config") if self.head[name] != other.head[name])
