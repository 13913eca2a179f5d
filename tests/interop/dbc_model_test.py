#!/usr/bin/env python3
"""The whole model of every corpus file, as `cantwin dbc dump --json` prints it, against cantools' view of the same text:
nodes, messages, senders, receivers, signals, multiplexing, value tables, comments, attributes with definitions and
defaults, environment variables, signal groups, cycle times. Files that cantools rejects are counted, not judged."""

import collections
import json
import os
import pathlib
import subprocess
import sys

try:
    import cantools
except ImportError as missing:
    print(f"skip dbc_model: {missing}")
    sys.exit(0)

BIN = pathlib.Path(os.environ["CANTWIN_BIN"]) / "cantwin"
CORPUS = pathlib.Path(os.environ.get("CANTWIN_CORPUS", "../shared/corpus"))
NOBODY = "Vector__XXX"

# Where the two views differ by intent. Each takes (what, ours, theirs, message or None) and says whether it applies.
ALLOWED = [
    ("cantools keeps the sign bit of 29-bit ids without bit 31 as standard ids",
     lambda what, ours, theirs: what == "ext"),
    ("without VFrameFormat lengths of 9 to 64 bytes mean CAN FD here",
     lambda what, ours, theirs: what == "fd" and ours and not theirs),
    ("a file with ProtocolType J1939, or only null source addresses, means parameter groups here",
     lambda what, ours, theirs: what == "j1939" and ours and not theirs),
    ("cantools names the multiplexer of SG_MUL_VAL_ by its short name",
     lambda what, ours, theirs: what == "selected by" and theirs is not None and len(theirs) == 32),
    ("cantools reads the mark 'm' without a number as no mark; here it is a multiplexer (vw_pq.dbc)",
     lambda what, ours, theirs: what == "selector" and ours and not theirs),
    ("defaults of network attributes: cantools reads the bit rate from an explicit value only",
     lambda what, ours, theirs: what == "baudrate" and theirs is None),
]


class Differences:
    def __init__(self):
        self.found = []
        self.allowed = collections.Counter()
        self.compared = 0

    def check(self, where, what, ours, theirs):
        self.compared += 1
        if ours == theirs:
            return
        for reason, applies in ALLOWED:
            if applies(what, ours, theirs):
                self.allowed[reason] += 1
                return
        self.found.append(f"{where}: {what}: {ours!r}, cantools {theirs!r}")


def text_of(path):
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def plain(text):
    """Line ends and escaped quotes as both sides mean them."""
    return None if text is None else text.replace("\r\n", "\n").replace("\r", "\n").replace('\\"', '"')


def their_value(attribute):
    definition = attribute.definition
    if definition.type_name == "ENUM":
        index = attribute.value
        in_range = isinstance(index, int) and 0 <= index < len(definition.choices)
        return plain(definition.choices[index]) if in_range else str(index)
    return plain(attribute.value) if definition.type_name == "STRING" else float(attribute.value)


def check_attributes(diff, where, ours, theirs):
    mine = ours.get("attributes", {})
    yours = {name: their_value(value) for name, value in (theirs or {}).items()}
    diff.check(where, "attributes", mine, yours)


def texts(ours):
    return {entry["raw"]: entry["text"] for entry in ours.get("texts", [])}


def choices(theirs):
    return {int(raw): plain(str(text)) for raw, text in (theirs or {}).items()}


def ids_of(ranges):
    return [value for first, last in ranges for value in range(first, last + 1)]


def check_signal(diff, where, ours, theirs):
    diff.check(where, "start_bit", ours["start_bit"], theirs.start)
    diff.check(where, "length", ours["length"], theirs.length)
    diff.check(where, "order", ours["byte_order"] == "motorola", theirs.byte_order == "big_endian")
    diff.check(where, "signed", ours["signed"], theirs.is_signed)
    diff.check(where, "float", ours["kind"] == "float", theirs.is_float)
    diff.check(where, "factor", ours["factor"], float(theirs.conversion.scale))
    diff.check(where, "offset", ours["offset"], float(theirs.conversion.offset))
    if theirs.minimum is not None or theirs.maximum is not None:
        diff.check(where, "range", (float(ours["min"]), float(ours["max"])), (float(theirs.minimum), float(theirs.maximum)))
    else:
        diff.check(where, "range", (ours["min"], ours["max"]), (0, 0))
    diff.check(where, "unit", ours["unit"], plain(theirs.unit or ""))
    diff.check(where, "comment", ours.get("comment"), plain(theirs.comment))
    diff.check(where, "texts", texts(ours), choices(theirs.choices))
    diff.check(where, "receivers", ours["receivers"], [node for node in theirs.receivers if node != NOBODY])
    diff.check(where, "selector", ours["multiplexer"], theirs.is_multiplexer)
    diff.check(where, "selected by", ours.get("selector"), theirs.multiplexer_signal)
    diff.check(where, "selected at", sorted(set(ids_of(ours.get("selector_values", [])))),
               sorted(set(theirs.multiplexer_ids or [])))
    check_attributes(diff, where, ours, theirs.dbc.attributes if theirs.dbc else None)


def check_message(diff, where, ours, theirs):
    diff.check(where, "ext", ours["ext"], theirs.is_extended_frame)
    diff.check(where, "length", ours["length"], theirs.length)
    senders = [node for node in [ours["sender"], *ours.get("more_senders", [])] if node]
    diff.check(where, "senders", senders, [node for node in theirs.senders if node and node != NOBODY])
    diff.check(where, "comment", ours.get("comment"), plain(theirs.comment))
    diff.check(where, "cycle_ms", ours["cycle_ms"], float(theirs.cycle_time or 0))
    diff.check(where, "fd", ours["fd"], theirs.is_fd)
    diff.check(where, "j1939", ours["j1939"], theirs.protocol == "j1939")
    groups = [(g["name"], g["repetitions"], g["signals"]) for g in ours.get("groups", [])]
    diff.check(where, "groups", groups,
               [(g.name, g.repetitions, g.signal_names) for g in theirs.signal_groups or []])
    check_attributes(diff, where, ours, theirs.dbc.attributes)
    mine = collections.defaultdict(list)
    for signal in ours["signals"]:
        mine[signal["name"]].append(signal)
    yours = {signal.name: signal for signal in theirs.signals}
    written = {name.removesuffix(f"#{entries[0]['start_bit']}") for name, entries in mine.items()}
    diff.check(where, "signals", sorted(written if len(written) < len(mine) else mine), sorted(yours))
    for name, signal in yours.items():
        if len(mine[name]) == 1:
            check_signal(diff, f"{where} {name}", mine[name][0], signal)


def check_messages(diff, where, ours, theirs):
    mine = collections.defaultdict(list)
    for message in ours["messages"]:
        mine[message["written_id"] & 0x7FFFFFFF, message["written_id"] >> 31].append(message)
    for message in theirs.messages:
        found = [m for m in mine[message.frame_id, int(message.is_extended_frame)] if m["name"] == message.name]
        diff.check(f"{where} {message.name}", "messages of this id and name", len(found), 1)
        if len(found) == 1:
            check_message(diff, f"{where} {message.name}", found[0], message)
    known = {(m["name"], m["written_id"] & 0x7FFFFFFF) for m in ours["messages"]}
    diff.check(where, "messages", len(known - {(m.name, m.frame_id) for m in theirs.messages}), 0)


def check_definitions(diff, where, ours, theirs):
    """cantools keeps one definition per name; where a file has the name in several scopes, the last."""
    scopes = {None: "network", "BU_": "node", "BO_": "message", "SG_": "signal", "EV_": "environment"}
    mine = {(d["scope"], d["name"]): d for d in ours["attribute_definitions"]}
    for name, definition in theirs.dbc.attribute_definitions.items():
        own = mine.get((scopes[definition.kind], name), {})
        at = f"{where} attribute {name}"
        diff.check(at, "type", own.get("type"), definition.type_name.lower())
        diff.check(at, "texts", own.get("texts", []), [plain(text) for text in definition.choices or []])
        default = definition.default_value
        if default is not None and definition.type_name not in ("STRING", "ENUM"):
            default = float(default)
        elif definition.type_name == "ENUM" and str(default).isdecimal() and default not in definition.choices:
            default = definition.choices[int(default)]
        diff.check(at, "default", own.get("default"), plain(default) if isinstance(default, str) else default)


def check_environment(diff, where, ours, theirs):
    types = {"int": 0, "float": 1, "string": 2}
    mine = {variable["name"]: variable for variable in ours["environment"]}
    diff.check(where, "environment variables", sorted(mine), sorted(theirs.dbc.environment_variables))
    for name, variable in theirs.dbc.environment_variables.items():
        own = mine.get(name)
        if own is None:
            continue
        at = f"{where} {name}"
        diff.check(at, "range", (own["min"], own["max"]), (float(variable.minimum), float(variable.maximum)))
        diff.check(at, "initial", own["initial"], float(variable.initial_value))
        diff.check(at, "unit", own["unit"], variable.unit)
        diff.check(at, "id", own["id"], variable.env_id)
        diff.check(at, "comment", own.get("comment"), plain(variable.comment))
        diff.check(at, "nodes", own["nodes"], [node for node in variable.access_nodes if node != NOBODY])
        diff.check(at, "data", own.get("data_size"), variable.data_size)
        if own["type"] in types and "8000" not in variable.access_type:
            diff.check(at, "type", types[own["type"]], variable.env_type)
        if variable.dbc is not None:
            check_attributes(diff, at, own, variable.dbc.attributes)


def check_file(diff, path, theirs):
    run = subprocess.run([BIN, "dbc", "dump", "--json", path], capture_output=True, check=False)
    where = f"{path.parent.name}/{path.name}"
    diff.check(where, "exit code", run.returncode, 0)
    ours = json.loads(run.stdout)
    diff.check(where, "version", ours["version"], plain(theirs.version or ""))
    diff.check(where, "nodes", [(node["name"], node.get("comment")) for node in ours["nodes"]],
               [(node.name, plain(node.comment)) for node in theirs.nodes])
    for mine, yours in zip(ours["nodes"], theirs.nodes):
        check_attributes(diff, f"{where} {yours.name}", mine, yours.dbc.attributes)
    diff.check(where, "value tables", {table["name"]: texts(table) for table in ours["value_tables"]},
               {name: choices(table) for name, table in theirs.dbc.value_tables.items()})
    check_attributes(diff, where, ours, theirs.dbc.attributes)
    for bus in theirs.buses:
        comment = ours.get("comment")  # several ones have a line each here, and none there
        joined = comment.replace("\n", "") if comment else comment
        diff.check(where, "comment", joined, plain(bus.comment).replace("\n", "") if bus.comment else bus.comment)
        diff.check(where, "baudrate", ours["baudrate"], bus.baudrate)
    check_definitions(diff, where, ours, theirs)
    check_environment(diff, where, ours, theirs)
    check_messages(diff, where, ours, theirs)


def main():
    if not CORPUS.is_dir():
        print("skip dbc_model: no corpus")
        return 0
    diff = Differences()
    loaded = 0
    rejected = 0
    for path in sorted(CORPUS.glob("dbc/*/*.[dD][bB][cC]")):
        try:
            theirs = cantools.database.load_string(text_of(path), "dbc", strict=False, sort_signals=None)
        except Exception:  # whatever cantools raises, it is a file it does not read
            rejected += 1
            continue
        loaded += 1
        check_file(diff, path, theirs)
    for reason, count in diff.allowed.items():
        print(f"  allowed {count}: {reason}")
    for line in diff.found[:50]:
        print(f"not ok dbc_model: {line}")
    if not diff.found and loaded > 0:
        print(f"ok dbc_model: {loaded} files, {diff.compared} facts equal ({rejected} files that cantools rejects)")
    return 1 if diff.found or loaded == 0 else 0


sys.exit(main())
