#!/usr/bin/env python3
"""Runs libFuzzer targets: the regression inputs first, then new ones for some time. Prints `ok`, `not ok` lines.

usage: fuzz.py [--bin DIR] [--seconds S] [--long] [TARGET...]
  --bin DIR     where the targets are (default build/fuzz/tests); no TARGET: all of them
  --seconds S   how long each target runs: 5; with --long 3600 seconds of CPU time in all
  --long        keeps corpus and CPU time used in CANTWIN_STATE (default ~/.cache/cantwin)/fuzz/TARGET and goes on there,
                so that a stopped run resumes
Regression inputs are text: tests/fuzz/regress/TARGET/*.hex, bytes as hexadecimal, `#` starts a comment. A finding is
minimised and written in that form to STATE/fuzz/TARGET/findings/.
example: nice tests/tools/fuzz.py --long dbc_fuzz codec_fuzz
"""
import argparse
import hashlib
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
STATE = pathlib.Path(os.environ.get("CANTWIN_STATE") or pathlib.Path.home() / ".cache/cantwin") / "fuzz"
STEP_S = 60
SEED_BYTES = 60000  # larger real files only slow a run down
LIMITS = ["-rss_limit_mb=2048", "-timeout=60", "-print_final_stats=1"]


def from_hex(path):
    lines = (line.split("#")[0] for line in path.read_text().splitlines())
    return bytes.fromhex("".join(lines))


def unpack_regressions(name, folder):
    """The target's regression inputs as files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for path in sorted((SOURCE / "tests/fuzz/regress" / name).glob("*.hex")):
        files.append(folder / path.stem)
        files[-1].write_bytes(from_hex(path))
    return files


def real_inputs(name):
    """Files of the real corpus to start from, where it is there."""
    corpus = os.environ.get("CANTWIN_CORPUS", "")
    if name != "dbc_fuzz" or not os.path.isdir(corpus):
        return []
    return [path for path in sorted(pathlib.Path(corpus).rglob("*.dbc")) if path.stat().st_size <= SEED_BYTES]


def children_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_step(binary, seconds, corpus, artifacts):
    """One run of the target; returns (passed, output)."""
    argv = [str(binary), f"-max_total_time={seconds}", f"-artifact_prefix={artifacts}/", *LIMITS]
    words = SOURCE / "tests/fuzz" / f"{binary.name.removesuffix('_fuzz')}.dict"
    if words.exists():
        argv.append(f"-dict={words}")
    done = subprocess.run([*argv, str(corpus)], capture_output=True, text=True, errors="replace", check=False)
    return done.returncode == 0, done.stderr


def keep_finding(binary, artifact):
    """Minimises an input that breaks the target and writes it as hex; returns where."""
    small = artifact.with_suffix(".min")
    subprocess.run([str(binary), "-minimize_crash=1", "-max_total_time=60", f"-exact_artifact_path={small}", str(artifact)],
                   capture_output=True, check=False)
    data = (small if small.exists() else artifact).read_bytes()
    path = STATE / binary.name / "findings" / f"{artifact.name.split('-')[0]}-{hashlib.sha256(data).hexdigest()[:12]}.hex"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [data[i:i + 48].hex() for i in range(0, len(data), 48)]
    path.write_text("\n".join(rows) + "\n")
    return path


def report_broken(binary, artifacts, output):
    found = [keep_finding(binary, path) for path in sorted(artifacts.iterdir()) if path.suffix != ".min"]
    print(output[-6000:])
    print(f"not ok fuzz {binary.name}: {', '.join(map(str, found)) or 'see above'}; mend it and keep the input in "
          f"tests/fuzz/regress/{binary.name}/", flush=True)
    return False


def replay(binary, folder):
    files = unpack_regressions(binary.name, folder)
    if not files:
        return True
    done = subprocess.run([str(binary), *LIMITS, *map(str, files)], capture_output=True, text=True, errors="replace",
                          check=False)
    if done.returncode != 0:
        print(done.stderr[-6000:])
    print(f"{'ok' if done.returncode == 0 else 'not ok'} fuzz {binary.name}: {len(files)} regression inputs", flush=True)
    return done.returncode == 0


def short_run(binary, seconds):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if not replay(binary, folder / "corpus"):
            return False
        (folder / "artifacts").mkdir()
        good, output = run_step(binary, seconds, folder / "corpus", folder / "artifacts")
        if not good:
            return report_broken(binary, folder / "artifacts", output)
    print(f"ok fuzz {binary.name}: {seconds} s", flush=True)
    return True


def executions(output):
    row = [line for line in output.splitlines() if "stat::number_of_executed_units" in line]
    return int(row[-1].split()[-1]) if row else 0


def long_run(binary, seconds):
    home = STATE / binary.name
    corpus, artifacts, progress = home / "corpus", home / "artifacts", home / "progress.json"
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(exist_ok=True)
    if not replay(binary, corpus):
        return False
    done = json.loads(progress.read_text()) if progress.exists() else {"cpu_s": 0.0, "executions": 0}
    if not any(corpus.iterdir()):
        for path in real_inputs(binary.name):
            (corpus / hashlib.sha256(path.read_bytes()).hexdigest()[:20]).write_bytes(path.read_bytes())
    while done["cpu_s"] < seconds:
        before = children_cpu_s()
        good, output = run_step(binary, STEP_S, corpus, artifacts)
        done["cpu_s"] = round(done["cpu_s"] + children_cpu_s() - before, 1)
        done["executions"] += executions(output)
        progress.write_text(json.dumps(done) + "\n")
        if not good:
            report_broken(binary, artifacts, output)
            for path in artifacts.iterdir():
                path.unlink()
            return False
    print(f"ok fuzz {binary.name}: {done['cpu_s']:.0f} s of CPU time, {done['executions']} executions", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].splitlines()[0])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--bin", default=SOURCE / "build/fuzz/tests", type=pathlib.Path)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    binaries = [options.bin / name for name in options.targets] or sorted(options.bin.glob("*_fuzz"))
    run = long_run if options.long else short_run
    seconds = options.seconds or (3600 if options.long else 5)
    # One after the other, to the end: a finding in one target does not hide those of the next.
    return 0 if all([run(binary, seconds) for binary in binaries]) and binaries else 1


if __name__ == "__main__":
    sys.exit(main())
