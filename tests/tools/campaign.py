"""State of a long campaign: which of its cases are done, its seed, its figures. A short run keeps nothing.

Figures are printed as `# NAME CASE: ...`; those of the last long run stand in docs/testing.md.
"""
import json
import os
import sys
import time

import stack


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


def run(name, is_long, cases):
    """A script's cases (those named on its command line, or all that are not done yet), then its exit."""
    chosen = sys.argv[1:]
    campaign = Campaign(name, is_long)
    results = []
    for function in cases:
        if (not chosen or function.__name__ in chosen) and not campaign.is_done(function.__name__):
            campaign.case = function.__name__
            passed = stack.case(f"{name}_{function.__name__}", function, campaign)
            results.append(passed)
            if passed:
                campaign.done(function.__name__)
    campaign.end([function.__name__ for function in cases])
    stack.finish(results)
