#!/usr/bin/env python3
"""`cantwin encode|decode|dbc` as a user calls them: frames against hand-made ones and against cantools, exit codes,
located problems, buses, differences, the whole model. Lines: `ok`, `not ok`, `skip`; exit 1 on failure.
"""
import json
import os
import subprocess
import sys
import tempfile

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.join(os.environ.get("CANTWIN_BIN", os.path.join(SOURCE, "build", "test", "bin")), "cantwin")
DBC = """VERSION ""
NS_ :
BS_:
BU_: A B
BO_ 291 ENGINE: 8 A
 SG_ Speed : 7|16@0+ (0.25,0) [0|16383.75] "1/min" B
 SG_ Temp : 16|8@1- (1,-40) [-168|87] "degC" B
 SG_ Gear : 24|3@1+ (1,0) [0|7] "" B
 SG_ Sel M : 32|8@1+ (1,0) [0|255] "" B
 SG_ Low m1 : 40|8@1+ (1,0) [0|255] "" B
 SG_ High m2 : 40|16@1+ (1,0) [0|65535] "" B
BO_ 2566844926 BIG: 8 A
 SG_ Counter : 0|64@1+ (1,0) [0|0] "" B
BO_ 512 WIDE: 24 A
 SG_ Ratio : 0|32@1- (1,0) [0|0] "" B
 SG_ Vin : 39|136@0+ (1,0) [0|0] "" B
BO_ 523 LONG: 8 A
 SG_ Count : 0|64@1+ (3,1) [0|0] "" B
BO_ 524 BACK: 8 A
 SG_ Count : 0|64@1- (-3,-1) [0|0] "" B
VAL_ 291 Gear 0 "Neutral" 1 "First" ;
SIG_VALTYPE_ 512 Ratio : 1;
"""
failed = False


def report(good, name, detail=""):
    global failed
    failed = failed or not good
    print("%s dbc_cli %s%s" % ("ok" if good else "not ok", name, "" if good else ": " + str(detail)))


def run(*arguments, text=""):
    return subprocess.run([BIN, *arguments], input=text, capture_output=True, text=True, check=False)


def check_encode(path):
    rows = (
        (["ENGINE", "Speed=850.5", "Temp=-3", "Gear=First"], "123#0D4A250100000000"),
        (["ENGINE", "Speed:raw=3402", "Gear=7"], "123#0D4A000700000000"),
        (["ENGINE", "High=258"], "123#0000000002020100"),  # the multiplexer follows
        (["ENGINE", "Low=3", "Sel=1"], "123#0000000001030000"),
        (["--clamp", "ENGINE", "Speed=20000"], "123#FFFF000000000000"),
        (["BIG", "Counter=18446744073709551615"], "18FEF1FE#FFFFFFFFFFFFFFFF"),
        (["WIDE", "Ratio=1.5", "Vin=" + b"WVWZZZ1JZXW000001".hex()],
         "200##1" + ("0000C03F" + b"WVWZZZ1JZXW000001".hex() + "000000").upper()),
    )
    for arguments, want in rows:
        got = run("encode", "--dbc", path, *arguments)
        report(got.returncode == 0 and got.stdout == want + "\n", "encode " + " ".join(arguments), got)
    refused = (
        (["ENGINE", "Speed=16384"], 1, "0 to 16383.75"),
        (["--any-value", "ENGINE", "Speed=16384"], 1, "does not fit"),
        (["ENGINE", "Low=1", "High=2"], 1, "do not go together: they need different values of Sel"), (["ENGINE", "Gear=Fourth"], 1, "Gear=Fourth"),
        (["ENGINE", "Low=1", "Sel=2"], 1, "Low is not in the frame when Sel is 2"), (["ENGINE", "Spede=1"], 1, "Spede"), (["MOTOR"], 1, "MOTOR"),
        (["ENGINE", "Speed"], 2, "SIGNAL=VALUE"), (["ENGINE", "Temp:raw=1.5"], 1, "Temp:raw"),
    )
    for arguments, status, text in refused:
        got = run("encode", "--dbc", path, *arguments)
        one_line = got.stderr.count("\n") == 1 and text in got.stderr and got.stdout == ""
        report(got.returncode == status and one_line, "encode refuses " + " ".join(arguments), got)


def check_decode(path):
    log = ("(1436509052.249713) can0 123#0D4A250107030000\n(2.000000) can1 18FEF100#FFFFFFFFFFFFFFFF\n"
           "(3.000000) can0 200##10000C03F" + "41" * 17 + "000000\n(4.000000) can0 7FF#00\n")
    got = run("decode", "--dbc", path, "-", text=log)
    lines = [json.loads(line) for line in got.stdout.splitlines()]
    report(got.returncode == 0 and len(lines) == 3 and "frames 4, decoded 3, unknown 1, errors 0" in got.stderr,
           "decode counts", got)
    first = {"t": 1436509052.249713, "bus": "can0", "id": 291, "ext": False, "name": "ENGINE", "signals": {
        "Speed": {"raw": 3402, "value": 850.5, "unit": "1/min"}, "Temp": {"raw": 37, "value": -3, "unit": "degC"},
        "Gear": {"raw": 1, "value": 1, "unit": "", "text": "First"}, "Sel": {"raw": 7, "value": 7, "unit": ""}}}
    report(lines[0] == first, "decode values, texts, active branches only", lines[0])
    report(lines[1]["signals"]["Counter"]["raw"] == 2 ** 64 - 1 and "18446744073709551615" in got.stdout,
           "decode 64 bits exactly, by parameter group", lines[1])
    report(lines[2]["signals"] == {"Ratio": {"raw": 1.5, "bits": "3fc00000", "value": 1.5, "unit": ""},
                                   "Vin": {"raw": "41" * 17, "unit": ""}}, "decode float and bytes", lines[2])
    got = run("decode", "--bus", "can1=" + path, "--unknown", "-", text=log)
    names = [json.loads(line).get("name") for line in got.stdout.splitlines()]
    report(got.returncode == 0 and names == [None, "BIG", None, None], "decode by bus, unknown ones shown", got)
    got = run("decode", "--dbc", path, "-", text=log + "(5.000000) can0 12G#00\n")
    report(got.returncode == 1 and got.stdout.count("\n") == 3 and ":5:" in got.stderr, "decode damaged line", got)
    got = run("decode", "--dbc", path, "-", text="(0.000000) can0 123#0D4A250107030000\n")  # as relative logs begin
    report(json.loads(got.stdout).get("t") == 0, "decode a frame of time zero", got)
    for ident, data, value in ((0x20B, "FF" * 8, 3 * (2**64 - 1) + 1), (0x20C, "FF" * 7 + "7F", -3 * (2**63 - 1) - 1),
                               (0x20C, "00" * 7 + "80", 3 * 2**63 - 1), (0x20B, "00" * 8, 1)):
        got = run("decode", "--dbc", path, "-", text="(1.0) can0 %03X#%s\n" % (ident, data))
        back = run("encode", "--dbc", path, {0x20B: "LONG", 0x20C: "BACK"}[ident], "Count=%d" % value)
        report('"value":%d,' % value in got.stdout and back.stdout == "%03X#%s\n" % (ident, data),
               "decode and encode %d exactly" % value, (got, back))


def check_bench(path):
    """Of four frames one is unknown; the others bring Speed, Temp, Gear and Sel, Speed alone, and Counter."""
    log = ("(1.0) can0 123#0D4A250107030000\n(2.0) can1 18FEF100#FFFFFFFFFFFFFFFF\n(3.0) can0 7FF#00\n"
           "(4.0) can0 123#0D4A\n(5.0) can0 123#R\n")
    got = run("bench", "decode", "--dbc", path, "-", text=log)
    result = json.loads(got.stdout)
    live = result["live"]
    report((got.returncode, result["frames"], result["decoded"], result["signals"]) == (0, 4, 3, 6) and
           (live["frames"], live["signals"]) == (4, 6) and "scalar" in result["paths"], "bench counts", got)
    times = [row[key] for row in (result, live, *result["paths"].values()) for key in ("ns_per_frame", "ns_per_signal")]
    report(min(times) > 0, "bench gives times", times)
    report(run("bench", "decode", "--dbc", path, "-", text="").returncode == 1, "bench refuses a log without frames")


def check_files(path, folder):
    broken = os.path.join(folder, "broken.dbc")
    with open(broken, "w", encoding="utf-8") as file:
        file.write(DBC.replace("24|3@1+", "24|x@1+").replace("BO_ 512 WIDE:", "BO_ WIDE:"))
    got = run("dbc", "check", broken)
    lines = got.stdout.splitlines()
    report(got.returncode == 1 and lines[0].startswith(broken + ":8:16: error: ") and
           lines[1].startswith(broken + ":14:5: error: "), "check names every place", got)
    report(run("dbc", "check", path).returncode == 0, "check of a good file")
    got = run("decode", "--dbc", broken, "-", text="(1.000000) can0 123#0D4A250107030000\n")
    report(got.returncode == 0 and "Speed" in got.stdout and "broken.dbc:8:16: error" in got.stderr,
           "decode goes on without the broken signal", got)
    missing = os.path.join(folder, "missing.dbc")
    for arguments, status in ((["decode", "--dbc", missing, "-"], 3), (["decode", "--dbc", path, missing + ".log"], 3),
                              (["decode", "-"], 2), (["decode", "--nonsense"], 2), (["dbc", "check", missing], 3),
                              (["dbc"], 2), (["encode"], 2)):
        got = run(*arguments)
        report(got.returncode == status and got.stderr != "", "exit %d: %s" % (status, arguments[0]), got)
    model = json.loads(run("dbc", "dump", "--json", path).stdout)
    high = model["messages"][0]["signals"][5]
    report([m["name"] for m in model["messages"]] == ["ENGINE", "BIG", "WIDE", "LONG", "BACK"] and high["selector"] == "Sel" and
           high["selector_values"] == [[2, 2]] and model["messages"][2]["fd"], "dump", model)


LINTED = """VERSION ""
BU_: A B Lonely
BO_ 291 ENGINE: 8 A
 SG_ Speed : 7|16@0+ (0.25,0) [0|16383.75] "1/min" B
 SG_ Torque : 16|8@1+ (0,0) [0|0] "Nm" Ghost
 SG_ Gear : 20|4@1+ (1,0) [0|15] "" B
 SG_ Odd : 24|x@1+ (1,0) [0|0] "" B
"""


def check_lint(folder):
    path = os.path.join(folder, "linted.dbc")
    with open(path, "w", encoding="utf-8") as file:
        file.write(LINTED)
    got = run("dbc", "check", path)
    places = [(line.split(": ")[0].rsplit(":", 2)[1:], line.split(": ")[1], line[-8:]) for line in got.stdout.splitlines()]
    wanted = [(["2", "10"], "warning", "[DBC111]"), (["5", "2"], "warning", "[DBC110]"),
              (["5", "2"], "warning", "[DBC120]"), (["6", "2"], "warning", "[DBC112]"), (["7", "15"], "error", "[DBC001]")]
    report(got.returncode == 1 and places == wanted and "1 files, 1 errors, 4 warnings" in got.stderr,
           "check prints parser's and linter's problems by place, with codes", got)
    rows = (
        (["--only", "signal-overlap"], 0, ["DBC112"]), (["--only", "DBC12x,DBC111"], 0, ["DBC111", "DBC120"]),
        (["--disable", "DBC1xx"], 1, ["DBC001"]), (["--disable", "syntax", "--error", "factor-zero"], 1,
                                                  ["DBC111", "DBC110", "DBC120", "DBC112"]),
        (["--only", "all", "--disable", "DBC1xx,DBC001", "--enable", "FACTOR_ZERO"], 0, ["DBC120"]),
    )
    for arguments, status, codes in rows:
        got = run("dbc", "check", "--json", *arguments, path)
        answer = json.loads(got.stdout)
        found = [problem["code"] for problem in answer["problems"]]
        report(got.returncode == status and found == codes and answer["files"] == 1,
               "check --json " + " ".join(arguments), got)
    problem = json.loads(run("dbc", "check", "--json", "--only", "DBC120", path).stdout)["problems"][0]
    report(problem["file"] == path and (problem["line"], problem["column"]) == (5, 2) and
           problem["severity"] == "warning" and problem["name"] == "FACTOR_ZERO" and "Torque" in problem["text"],
           "check --json fields", problem)
    got = run("dbc", "check", "--list")
    report(got.returncode == 0 and "DBC112 warning  SIGNAL_OVERLAP" in got.stdout, "check --list", got)
    for arguments in (["check", "--only", "DBC999", path], ["check"], ["dump", path, path], ["diff", path], ["list"],
                      ["dump", "--dbc", "--encoding", "latin9", path]):
        got = run("dbc", *arguments)
        report(got.returncode == 2 and got.stderr != "" and got.stdout == "", "usage: dbc " + arguments[0], got)
    for verb in ("check", "dump", "diff"):
        got = run("dbc", verb, "--help")
        report(got.returncode == 0 and "examples:" in got.stdout and "exit codes:" in got.stdout, verb + " --help", got)


def check_diff(path, folder):
    changed = os.path.join(folder, "changed.dbc")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(changed, "w", encoding="utf-8") as file:
        file.write(text.replace("(0.25,0)", "(0.5,0)").replace('0 "Neutral"', '0 "Park"').replace("BO_ 512", "BO_ 513"))
    got = run("dbc", "diff", path, changed)
    report(got.returncode == 1 and got.stdout.splitlines() == [
        '~ message 0x123 ENGINE signal Gear: text 0 "Neutral" -> "Park"',
        '~ message 0x123 ENGINE signal Speed: factor "0.25" -> "0.5"', "- message 0x200 WIDE", "+ message 0x201 WIDE"],
        "diff", got)
    got = run("dbc", "diff", "--json", path, changed)
    changes = json.loads(got.stdout)["changes"]
    report(got.returncode == 1 and changes[1] == {
        "kind": "changed", "object": "message 0x123 ENGINE signal Speed", "field": "factor", "before": "0.25",
        "after": "0.5"} and changes[2] == {"kind": "removed", "object": "message 0x200 WIDE"}, "diff --json", got)
    got = run("dbc", "diff", path, path)
    report(got.returncode == 0 and got.stdout == "", "diff of equal files", got)
    got = run("dbc", "diff", "--quiet", path, changed)
    report(got.returncode == 1 and got.stdout == "", "diff --quiet", got)
    got = run("dbc", "diff", path, os.path.join(folder, "missing.dbc"))
    report(got.returncode == 3 and "missing.dbc" in got.stderr, "diff with a missing file", got)


def check_dump(folder):
    path = os.path.join(folder, "whole.dbc")
    with open(path, "w", encoding="utf-8") as file:
        file.write("""BS_: 500000
BU_: A B
VAL_TABLE_ OnOff 0 "Off" 1 "On" ;
BO_ 5 M: 8 A
 SG_ S : 0|8@1+ (1,0) [0|0] "" B
BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX
 SG_ Spare : 0|8@1+ (1,0) [0|0] "" Vector__XXX
BO_TX_BU_ 5 : A,B;
EV_ E: 1 [0|2] "V" 0.5 7 DUMMY_NODE_VECTOR1 B;
CM_ "all";
CM_ BU_ A "node";
BA_DEF_ SG_ "Kind" ENUM "x","y";
BA_DEF_ BO_ "SystemMessageLongSymbol" STRING ;
BA_DEF_REL_ BU_SG_REL_ "T" INT 0 9;
BA_DEF_DEF_ "Kind" "x";
BA_DEF_DEF_ "SystemMessageLongSymbol" "";
BA_DEF_DEF_REL_ "T" 0;
BA_ "Kind" SG_ 5 S 1;
BA_ "SystemMessageLongSymbol" BO_ 5 "The_Long_Name";
BA_REL_ "T" BU_SG_REL_ B SG_ 5 S 3;
SIG_GROUP_ 5 G 2 : S;
""")
    model = json.loads(run("dbc", "dump", path).stdout)
    message = model["messages"][0]
    report(model["baudrate"] == 500000 and model["comment"] == "all" and model["nodes"][0] ==
           {"name": "A", "comment": "node", "line": 2, "column": 6}, "dump: network and nodes", model)
    report(model["value_tables"][0]["texts"] == [{"raw": 0, "text": "Off"}, {"raw": 1, "text": "On"}] and
           [pseudo["signals"][0]["name"] for pseudo in model["pseudo_messages"]] == ["Spare"],
           "dump: value tables, unused signals", model)
    report(message["name"] == "The_Long_Name" and message["short_name"] == "M" and message["more_senders"] == ["B"] and
           message["groups"] == [{"name": "G", "repetitions": 2, "signals": ["S"]}] and message["line"] == 4,
           "dump: message", message)
    report(message["signals"][0]["attributes"] == {"Kind": "y"} and message["signals"][0]["receivers"] == ["B"],
           "dump: signal", message)
    kind = model["attribute_definitions"][0]
    report((kind["name"], kind["scope"], kind["type"], kind["texts"], kind["default"]) ==
           ("Kind", "signal", "enum", ["x", "y"], "x"), "dump: definitions with defaults", kind)
    relation = model["relations"][0]
    report(relation == {"attribute": "T", "value": 3, "node": "B", "message": "The_Long_Name", "signal": "S"},
           "dump: relations", relation)
    variable = model["environment"][0]
    report((variable["name"], variable["type"], variable["initial"], variable["access"], variable["nodes"]) ==
           ("E", "float", 0.5, "read", ["B"]), "dump: environment variables", variable)


def check_cantools(path):
    try:
        import cantools  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("skip dbc_cli cantools: the Python package is not installed")
        return
    database = cantools.database.load_file(path)
    wanted = {"Speed": 1234.25, "Temp": -40, "Gear": 1, "Sel": 2, "High": 40000}
    got = run("encode", "--dbc", path, "ENGINE", *["%s=%s" % item for item in wanted.items()])
    theirs = database.decode_message("ENGINE", bytes.fromhex(got.stdout.split("#")[1]), decode_choices=False)
    report(theirs == wanted, "cantools reads what encode wrote", (got, theirs))


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "car.dbc")
        with open(path, "w", encoding="utf-8") as file:
            file.write(DBC + 'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","StandardCAN_FD","J1939PG";\n'
                       'BA_DEF_DEF_ "VFrameFormat" "StandardCAN";\nBA_ "VFrameFormat" BO_ 2566844926 3;\n'
                       'BA_ "VFrameFormat" BO_ 512 2;\n')
        check_encode(path)
        check_decode(path)
        check_bench(path)
        check_files(path, folder)
        check_lint(folder)
        check_diff(path, folder)
        check_dump(folder)
        check_cantools(path)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
