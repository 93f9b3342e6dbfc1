#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What base/series.sh needs to know of base/series: the steps of the patch series.

series.py plan STEPS HOOKS OWN SERIES OUT
    Reads the step files of the directory STEPS and writes what each step brings to
    the directory OUT: "OUT/steps", the names in order, and for each of them
    OUT/NAME.message and OUT/NAME.do ("hook PATCH", "file PATH", "apply PATCH",
    "revert PATCH", a line each). HOOKS is the directory of the hooks, OWN the list of
    the project's files for the kernel tree, SERIES that of the hooks. Ends with a list
    of what is wrong: each hook and each file is in exactly one step.

series.py text DIR
    What is wrong with the messages of the patches in DIR, a line each.

series.py reasons REASONS SAID...
    What checkpatch has said (each SAID a file with its output, --terse --show-types
    --showfile, and the name of the patch), without what the file REASONS has a
    reason for, and the reasons that nothing was said for.

series.py links OBJ ELSEWHERE DIR...
    What keeps the objects of the directories DIR of a kernel's object directory OBJ from
    being linked, a line each: symbols that are neither defined there nor in the list
    ELSEWHERE, and symbols that a module needs but nobody exports ("__ksymtab_NAME" in
    ELSEWHERE).

series.py needs OBJ DIR...
    Such symbols as a list like ELSEWHERE, for a state that is known to link.

A step file is named NNNN-name and looks like this; lines that begin with # in its
first and last part are comments.

    Subject: subsystem: Do something

    Why.
    ---
    hook 0123-name.patch
    file drivers/iommu/file.c
    file tools/testing/selftests/iommu/*.c

"message 0123-name.patch" in the place of subject and text takes both from that hook;
a Subject line before it replaces the hook's.

A file of drivers/ or include/ is named by its path alone, so that whoever adds one
has to think about where it belongs. Elsewhere patterns may stand: * and ? are of
one directory, ** is of any depth. A path goes before a pattern.

"apply tmp-NAME.patch" is a patch of base/series that only the steps until "revert
tmp-NAME.patch" need.
"""

import email
import email.policy
import os
import re
import subprocess
import sys

PATTERNS = ("tools/", "Documentation/")


class Wrong(Exception):
    pass


def lines(path):
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


def pattern(glob):
    out = ""
    for part in re.split(r"(\*\*/?|\*|\?)", glob):
        if part.startswith("**"):
            out += ".*"
        elif part == "*":
            out += "[^/]*"
        elif part == "?":
            out += "[^/]"
        else:
            out += re.escape(part)
    return re.compile(out + r"\Z")


def hook_message(path):
    """Subject and text of a hook: all that is before its patch."""
    text = []
    for line in lines(path):
        if line == "---" or line.startswith("--- a/") or line.startswith("--- /dev/null"):
            break
        text.append(line)
    if not text or not text[0].startswith("Subject: "):
        raise Wrong(f"{path} has no Subject")
    return text[0][len("Subject: "):], "\n".join(text[1:]).strip("\n")


def read_step(path, hooks):
    """Returns subject, text and what the step does: pairs of words."""
    name = os.path.basename(path)
    text = lines(path)
    if "---" not in text:
        raise Wrong(f"{name} has no line '---' between the message and what it brings")
    cut = text.index("---")
    subject, body = None, []
    for line in text[:cut]:
        if line.startswith("#"):
            continue
        if subject is None and line.startswith("Subject: "):
            subject = line[len("Subject: "):]
        elif line.startswith("message "):
            theirs, what = hook_message(os.path.join(hooks, line.split()[1]))
            subject = subject or theirs
            body.append(what)
        else:
            body.append(line)
    body = "\n".join(body).strip("\n")
    if not subject or not body:
        raise Wrong(f"{name} needs a Subject and a text")
    does = []
    for line in text[cut + 1:]:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in ("hook", "file", "apply", "revert") or len(words) != 2:
            raise Wrong(f"{name}: what is '{line}'?")
        does.append(words)
    if not does:
        raise Wrong(f"{name} brings nothing")
    return subject, body, does


def plan(steps_dir, hooks_dir, own_list, series_list, out):
    own, series = lines(own_list), lines(series_list)
    names = sorted(n for n in os.listdir(steps_dir) if re.match(r"\d{4}-", n) and not n.endswith("~"))
    names = [n for n in names if n != "0000-cover-letter"]
    wrong = []
    steps = {}
    for name in names:
        try:
            steps[name] = read_step(os.path.join(steps_dir, name), hooks_dir)
        except (Wrong, OSError) as e:
            wrong.append(str(e))

    hook_in, file_in, globs, applied = {}, {}, [], {}
    for name, (_, _, does) in steps.items():
        for what, arg in does:
            if what == "hook":
                if arg not in series:
                    wrong.append(f"{name} names the hook {arg}, which base/hooks/series does not")
                hook_in.setdefault(arg, []).append(name)
            elif what == "file" and not re.search(r"[*?]", arg):
                if arg not in own:
                    wrong.append(f"{name} names {arg}, but the project has no such file")
                file_in.setdefault(arg, []).append(name)
            elif what == "file":
                if not arg.startswith(PATTERNS):
                    wrong.append(f"{name}: a pattern ({arg}) may only stand for files of {' and '.join(PATTERNS)}")
                globs.append((name, arg, pattern(arg)))
            elif what == "apply":
                applied[arg] = name
            elif what == "revert":
                if applied.pop(arg, None) is None:
                    wrong.append(f"{name} reverts {arg}, which no step before it has applied")
    for arg, name in applied.items():
        wrong.append(f"{name} applies {arg}, which no step after it reverts")

    used = set()
    for path in own:
        if path in file_in:
            continue
        hits = [(n, g) for n, g, p in globs if p.match(path)]
        used.update(hits)
        for n in dict.fromkeys(n for n, _ in hits):
            file_in.setdefault(path, []).append(n)
    for name, glob, _ in globs:
        if (name, glob) not in used:
            wrong.append(f"{name}: the pattern {glob} stands for no file")

    for hook in series:
        where = hook_in.get(hook, [])
        if not where:
            wrong.append(f"no step has the hook {hook}: name it in the file of base/series that it belongs to "
                         "('hook " + hook + "'), or add a file for a step of its own")
        elif len(where) > 1:
            wrong.append(f"more than one step has the hook {hook}: {', '.join(where)}")
    for path in own:
        where = file_in.get(path, [])
        if not where:
            wrong.append(f"no step has the file {path}: name it in the file of base/series that it belongs to "
                         "('file " + path + "'), or add a file for a step of its own")
        elif len(where) > 1:
            wrong.append(f"more than one step has the file {path}: {', '.join(where)}")
    if wrong:
        for line in wrong:
            print(line, file=sys.stderr)
        return 1

    by_step = {}
    for path, where in file_in.items():
        by_step.setdefault(where[0], []).append(path)
    with open(os.path.join(out, "steps"), "w", encoding="utf-8") as f:
        f.writelines(n + "\n" for n in names)
    for name, (subject, body, does) in steps.items():
        with open(os.path.join(out, name + ".message"), "w", encoding="utf-8") as f:
            f.write(f"{subject}\n\n{body}\n")
        with open(os.path.join(out, name + ".do"), "w", encoding="utf-8") as f:
            f.writelines(f"{what} {arg}\n" for what, arg in does if what != "file")
            f.writelines(f"file {path}\n" for path in sorted(by_step.get(name, [])))
    return 0


# Those that the files which the series changes have in git's log.
PREFIX = re.compile(r"(ACPI/IORT|Documentation: virt|iommu|iommu/arm-smmu-v3|iommu/io-pgtable-arm|"
                    r"iommu/tegra241-cmdqv|iommufd|iommufd/selftest|mm/gup|mm/hugetlb|mm/memfd|"
                    r"selftests/harness|selftests/iommu|tools/cmdqv): ")


def text_of(path):
    """What is wrong with the subject and the text of one patch."""
    with open(path, encoding="utf-8") as f:
        message = email.message_from_file(f, policy=email.policy.default)
    subject = re.sub(r"^\[[^]]*\] ", "", " ".join(message["Subject"].split()))
    body = message.get_content()
    letter = os.path.basename(path).startswith("0000-")
    if not letter:
        body = body.split("\n---\n")[0]
        if not PREFIX.match(subject):
            yield f"'{subject}' begins with no subsystem that is known here"
        elif not subject.startswith("mm/") and not PREFIX.sub("", subject)[0].isupper():
            yield f"'{subject}': a capital letter after the subsystem"
    if len(subject) > 75:
        yield f"the subject has {len(subject)} letters, more than 75: {subject}"
    if subject.endswith("."):
        yield "the subject ends with a full stop"
    text = [l for l in body.splitlines() if not l.startswith("Signed-off-by:")]
    if len(" ".join(text).split()) < 12:
        yield "there is no reason in the text"
    for line in text:
        if letter and re.search(r"\|| => |^ create mode| changed, ", line):
            continue
        if len(line) > 75:
            yield f"a line of {len(line)} columns, more than 75: {line}"
        if line != line.rstrip():
            yield f"blanks at the end: {line}"
        if not letter and re.search(r"\bhooks?\b|base/|DESIGN", line):
            yield f"who reads this knows no hooks: {line}"


def text(where):
    wrong = [f"{name}: {what}" for name in sorted(os.listdir(where)) if re.match(r"\d{4}-.*\.patch\Z", name)
             for what in text_of(os.path.join(where, name))]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def reasons(path, said):
    known = []
    for line in lines(path):
        if line.startswith("#") or not line.strip():
            continue
        m = re.match(r"([A-Z_]+) (.*?): (.+)", line)
        if not m:
            raise Wrong(f"{path}: what is '{line}'?")
        known.append([m[1], re.compile(m[2] + r"\Z"), line, 0])
    wrong = []
    for name in said:
        for line in lines(name):
            m = re.match(r"(.*?):\d+: [A-Z]+:([A-Z_]+): ", line)
            hits = [k for k in known if m and k[0] == m[2] and k[1].match(m[1])]
            for k in hits:
                k[3] += 1
            if not hits:
                wrong.append(f"{os.path.basename(name)}: {line}")
    wrong += [f"a reason for what is not said (any more): {k[2]}" for k in known if not k[3]]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def symbols(obj, paths):
    """Of object files: what they define, export and need."""
    defined, exported, needed = set(), set(), {}
    if not paths:
        return defined, exported, needed
    said = subprocess.run(["aarch64-linux-gnu-nm", "-A", *paths], cwd=obj, check=True, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    for line in said.splitlines():
        path, rest = line.split(":", 1)
        kind, name = rest.split()[-2:]
        if name.startswith("__export_symbol_"):
            exported.add(name[len("__export_symbol_"):])
        elif kind == "U":
            needed.setdefault(name, path)
        elif kind.isupper():
            defined.add(name)
    return defined, exported, needed


def missing(obj, dirs, elsewhere):
    """Yields (symbol, who needs it, whether it has to be exported)."""
    builtin, modules = [], []
    for where in dirs:
        archive = os.path.join(obj, where, "built-in.a")
        if os.path.exists(archive):
            said = subprocess.run(["aarch64-linux-gnu-ar", "t", os.path.join(where, "built-in.a")], cwd=obj,
                                  check=True, text=True, stdout=subprocess.PIPE).stdout
            builtin += said.split()
        for at, _, names in os.walk(os.path.join(obj, where)):
            for name in names:
                if name.endswith(".mod"):
                    modules.append(lines(os.path.join(at, name)))
    defined, exported, needed = symbols(obj, builtin)
    parts = [symbols(obj, [p for m in module for p in m.split()]) for module in modules]
    for other in parts:
        exported |= other[1]
    for name, who in sorted(needed.items()):
        if name not in defined and name not in elsewhere:
            yield name, who, False
    for have, _, needs in parts:
        for name, who in sorted(needs.items()):
            if name not in have and name not in exported and "__ksymtab_" + name not in elsewhere:
                yield name, who, True


def links(obj, elsewhere, *dirs):
    wrong = [f"{who} needs {name}, which is not {'exported' if module else 'there'}"
             for name, who, module in missing(obj, dirs, set(lines(elsewhere)))]
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


def needs(obj, *dirs):
    for name, _, module in missing(obj, dirs, set()):
        print("__ksymtab_" + name if module else name)
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 7 and sys.argv[1] == "plan":
        sys.exit(plan(*sys.argv[2:]))
    if len(sys.argv) == 3 and sys.argv[1] == "text":
        sys.exit(text(sys.argv[2]))
    if len(sys.argv) > 2 and sys.argv[1] == "reasons":
        sys.exit(reasons(sys.argv[2], sys.argv[3:]))
    if len(sys.argv) > 4 and sys.argv[1] == "links":
        sys.exit(links(*sys.argv[2:]))
    if len(sys.argv) > 3 and sys.argv[1] == "needs":
        sys.exit(needs(*sys.argv[2:]))
    sys.exit(__doc__)
