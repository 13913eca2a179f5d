#!/usr/bin/env python3
"""Mutation testing: changes one thing at a time in C sources and looks whether the tests notice.

usage: mutation.py [--sample N] [--seed S] [--least PERCENT]
  --sample N       so many mutants, drawn at random (all)
  --seed S         of the draw (1)
  --least PERCENT  of the mutants the tests must notice (90)
Works in a copy of the tree in a temporary folder. A mutant that does not compile does not count; one whose tests do not
end is noticed. Survivors are printed as FILE:LINE before -> after. Ends with `ok` or `not ok`.
example: tests/tools/mutation.py --sample 100
"""
import argparse
import pathlib
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FILES = ["update/verify.c", "update/root.c", "update/trust.c", "update/update_journal.c", "update/manifest.c"]
TESTS = ["update_attack_test", "update_edges_test", "update_trust_test", "update_apply_test"]
CPU_S = 60  # of a test, by far more than any needs

# What is looked for, and what it becomes.
OPERATORS = [(r" == ", " != "), (r" != ", " == "), (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
             (r" < ", " > "), (r" && ", " || "), (r" \|\| ", " && "), (r" \+ 1\b", ""), (r" - 1\b", ""), (r"\+\+", "--"),
             (r" \+ ", " - "), (r" - ", " + "), (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"(?<=\()!(?=\w)", ""),
             (r" = 0;", " = 1;"), (r"\bCT_OK\b(?= *;)", "CT_ERR_CORRUPT"), (r"\bCT_UPDATE_OK\b(?= *;)", "CT_UPDATE_SIG"),
             (r"(?<=return )CT_UPDATE_(?!OK)\w+", "CT_UPDATE_OK"), (r"^    [a-z]\w*(->|\.)\w+(\[.*\])? [+|^]?= .*;$", "    ;"),
             (r"^    \(?[\w)( ]*\b(memcpy|memset|put_\w+)\(.*\);$", "    ;")]


def mutants_of(path):
    found = []
    text = (SOURCE / path).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines()):
        bare = line.strip()
        if bare.startswith(("/*", "*", "#", "_Static_assert")) or not line.startswith("    "):
            continue
        code = line.split("/*")[0]
        for pattern, by in OPERATORS:
            for match in re.finditer(pattern, code):
                changed = line[:match.start()] + by + line[match.end():]
                if changed != line:
                    found.append((path, number, line, changed))
    return found


class Copy:
    """The tree, configured and built once."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        names = subprocess.run(["git", "ls-files", "-z"], cwd=SOURCE, capture_output=True, text=True, check=True).stdout.split("\0")
        for name in filter(None, names):
            target = self.root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, target)
        subprocess.run(["cmake", "--preset", "test"], cwd=self.root, check=True, stdout=subprocess.DEVNULL)
        if not self.build():
            raise RuntimeError("the tests do not build")

    def build(self):
        return subprocess.run(["cmake", "--build", "build/test", "--target", *TESTS], cwd=self.root, check=False,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def noticed(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))  # the clock says nothing on a busy machine
        for name in TESTS:
            done = subprocess.run([self.root / "build/test/tests" / name], check=False, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, preexec_fn=limit)
            if done.returncode != 0:
                return True
        return False

    def try_one(self, mutant):
        """True: noticed; False: survived; None: does not compile."""
        path, number, _, changed = mutant
        file = self.root / path
        whole = file.read_text(encoding="utf-8")
        lines = whole.splitlines()
        lines[number] = changed
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        result = self.noticed() if self.build() else None
        file.write_text(whole, encoding="utf-8")
        return result


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].splitlines()[0])
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=90.0)
    options = parser.parse_args()
    mutants = [mutant for path in FILES for mutant in mutants_of(path)]
    random.Random(options.seed).shuffle(mutants)
    mutants = mutants[:options.sample]
    noticed = survived = broken = 0
    with tempfile.TemporaryDirectory(prefix="cantwin-mutation-") as folder:
        copy = Copy(folder)
        if copy.noticed():
            print("not ok mutation: the tests fail without any change")
            return 1
        for index, mutant in enumerate(mutants):
            result = copy.try_one(mutant)
            noticed += result is True
            broken += result is None
            if result is False:
                survived += 1
                print(f"# survived {mutant[0]}:{mutant[1] + 1} {mutant[2].strip()}  ->  {mutant[3].strip()}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{index + 1} of {len(mutants)}", end="", file=sys.stderr)
    score = 100.0 * noticed / max(noticed + survived, 1)
    print(f"# mutation: {noticed + survived} mutants of {len(FILES)} files ({broken} more did not compile), {survived} survived")
    good = score >= options.least and noticed > 0
    print(f"{'ok' if good else 'not ok'} mutation: {score:.1f} % noticed, at least {options.least:g} % wanted")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
