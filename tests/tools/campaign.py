"""State of a long campaign: which of its cases are done, its seed, its figures. A short run keeps nothing.

Figures are printed as `# NAME CASE: ...`; those of the last long run stand in docs/testing.md.
"""
import json
import os
import time


class Campaign:
    def __init__(self, name, is_long):
        folder = os.environ.get("CANTWIN_STATE", os.path.expanduser("~/.cache/cantwin"))
        self.path = os.path.join(folder, f"campaign-{name}.json") if is_long else None
        self.name, self.case = name, ""
        self.state = {"seed": int(os.environ.get("CANTWIN_SEED", time.time_ns() % 2**32)), "done": [], "counts": {}, "figures": []}
        if self.path and os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                self.state = json.load(file)
        print(f"# {name}: seed {self.seed}", flush=True)

    @property
    def seed(self):
        return self.state["seed"]

    def is_done(self, case):
        return case in self.state["done"]

    def done(self, case):
        self.state["done"].append(case)
        self._save()

    def end(self, cases):
        """All cases done: the next long run begins anew."""
        if self.path and all(self.is_done(case) for case in cases):
            os.replace(self.path, self.path + ".last")

    def count(self, what):
        """How often `what` was done in all runs of this campaign."""
        return self.state["counts"].get(what, 0)

    def add(self, what, times=1):
        self.state["counts"][what] = self.count(what) + times
        self._save()

    def figure(self, text):
        print(f"# {self.name} {self.case}: {text}", flush=True)
        self.state["figures"].append([time.strftime("%Y-%m-%d"), self.case, text])
        self._save()

    def _save(self):
        if self.path:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(self.path + ".new", "w", encoding="utf-8") as file:
                json.dump(self.state, file, indent=1)
            os.replace(self.path + ".new", self.path)
