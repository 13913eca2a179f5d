#!/usr/bin/env python3
"""Random expression trees, valued by Python itself and by the compiled expression, must agree to the last bit.

The text is written with as few parentheses as the language's precedence allows, so that grouping is what is tested.
The seed is printed; CANTWIN_SEED replays one."""

import math
import os
import random
import subprocess
import sys

LEVEL = {"or": 0, "and": 1, "not": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
         "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "neg": 6, "^": 7}
CALLS = {"floor": (1, math.floor), "ceil": (1, math.ceil), "round": (1, round), "abs": (1, abs),
         "sqrt": (1, math.sqrt), "min": (3, min), "max": (2, max), "if": (3, lambda c, a, b: a if c else b)}
BINARY = {"or": lambda a, b: a or b, "and": lambda a, b: a and b, "==": lambda a, b: a == b,
          "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
          ">=": lambda a, b: a >= b, "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
          "/": lambda a, b: a / b, "%": lambda a, b: a % b, "^": lambda a, b: a ** b}


def tree(rng, depth):
    kind = rng.random()
    if depth == 0 or kind < 0.15:
        return "x" if rng.random() < 0.3 else rng.choice([0.0, 1.0, 2.0, 0.5, 3.25, 40.0, 100.0, 1e-3])
    if kind < 0.3:
        name = rng.choice(list(CALLS))
        return (name, *[tree(rng, depth - 1) for _ in range(CALLS[name][0])])
    if kind < 0.4:
        return (rng.choice(["neg", "not"]), tree(rng, depth - 1))
    return (rng.choice(list(BINARY)), tree(rng, depth - 1), tree(rng, depth - 1))


def value(node, x):
    if node == "x":
        return x
    if isinstance(node, float):
        return node
    args = [value(child, x) for child in node[1:]]
    if node[0] == "neg":
        return -args[0]
    if node[0] == "not":
        return float(not args[0])
    result = float(CALLS[node[0]][1](*args) if node[0] in CALLS else BINARY[node[0]](*args))
    if not math.isfinite(result):
        raise OverflowError
    return result


def text(node, rng, level=0, chained=False):
    """`level`: the loosest operator allowed here without parentheses."""
    space = " " * rng.randrange(2)
    if node == "x":
        return "x"
    if isinstance(node, float):
        return repr(node)
    name = node[0]
    if name in CALLS:
        return name + "(" + ",".join(text(child, rng) for child in node[1:]) + ")"
    own = LEVEL[name]
    if name == "neg":
        out = "-" + space + text(node[1], rng, 6)
    elif name == "not":
        out = "not " + text(node[1], rng, 2)
    elif name == "^":
        out = text(node[1], rng, 8) + "^" + text(node[2], rng, 8)
    else:
        # What the language refuses to guess: the left side of % is a call, a number, x or parentheses.
        left = 8 if name == "%" else own
        out = text(node[1], rng, left) + " " + name + " " + text(node[2], rng, own + 1)
    return "(" + out + ")" if own < level else out


def main():
    seed = int(os.environ.get("CANTWIN_SEED", "20260"))
    print("# seed", seed)
    rng = random.Random(seed)
    lines, expected = [], []
    while len(lines) < 4000:
        node, x = tree(rng, 4), rng.choice([0.0, 1.0, -2.5, 7.0, 1e6])
        try:
            result = value(node, x)
        except (ArithmeticError, ValueError, TypeError):
            continue  # Python raises where IEEE 754 gives NaN or an infinity
        lines.append(f"{x!r}\t{text(node, rng)}\n")
        expected.append(result)
    run = subprocess.run([os.path.join(os.environ["CANTWIN_TEST_BIN"], "expr_eval")], input="".join(lines), capture_output=True, text=True, check=True)
    got = run.stdout.splitlines()
    refused = wrong = 0
    for line, want, have in zip(lines, expected, got, strict=True):
        if have.startswith("error"):
            refused += 1
            print("# refused", line.strip(), have)
        elif float(have) != want:
            wrong += 1
            print("# wrong", line.strip(), "expected", want, "got", have)
    good = wrong == 0 and refused == 0
    print("ok" if good else "not ok", f"expr_property: {len(lines)} expressions, {wrong} wrong, {refused} refused")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
