#!/usr/bin/env python3
"""`cantwin dbc dump --dbc` against cantools: what the normal form loads to equals what the original loads to, for every
database that cantools reads; those that it rejects become readable; and `cantwin dbc diff` finds no difference between
an original and its normal form. Lines: `ok`, `not ok`, `skip`; exit 1 on failure.
"""
import glob
import logging
import os
import subprocess
import sys
import tempfile

SOURCE = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BIN = os.path.join(os.environ.get("CANTWIN_BIN", os.path.join(SOURCE, "build", "test", "bin")), "cantwin")
CORPUS = os.environ.get("CANTWIN_CORPUS", os.path.join(SOURCE, "..", "shared", "corpus"))
# What the writer adds or spells out otherwise: names and baud rate are compared themselves.
ADDED = {"SystemNodeLongSymbol", "SystemMessageLongSymbol", "SystemSignalLongSymbol", "SystemEnvVarLongSymbol", "Baudrate"}
# Where cantools reads an original otherwise than its author meant it, and so otherwise than its normal form.
OTHERWISE = {
    "dbc/opendbc/vw_pq.dbc": "'m' without a number, a multiplexer, is a plain signal to it",
    "probes/40_no_receiver.dbc": "signals without a receiver are lost to it",
    "probes/44_val_multiline_empty.dbc": "an empty VAL_ behind another is ignored by it",
}
OWN = """VERSION "1.0 \\"beta\\""
NS_ :
BS_: 500000
BU_: A 2nd Überwacher
VAL_TABLE_ OnOff 1 "On" 0 "Off" ;
BO_ 291 A_Message_Name_Of_More_Than_Thirty_Two_Characters: 8 2nd
 SG_ Speed : 7|16@0+ (.25,-1e-05) [0|18446744073709551615] "1/min" A,Überwacher
 SG_ 4WD : 16|8@1- (1,-40) [-168|87] "°C" A
 SG_ Sel M : 32|4@1+ (1,0) [0|255] "" Vector__XXX
 SG_ Sub m1M : 36|4@1+ (1,0) [0|255] "" Vector__XXX
 SG_ Leaf m2 : 40|8@1+ (1,0) [0|255] "" Vector__XXX
 SG_ A_Signal_Name_Of_More_Than_Thirty_Two_Characters m3 : 48|8@1+ (1,0) [0|255] "" Vector__XXX
 SG_ A_Signal_Name_Of_More_Than_Thirty_Two_Letters m4 : 48|8@1+ (1,0) [0|255] "" Vector__XXX
BO_ 500000 Extended: 8 Vector__XXX
 SG_ Big : 0|64@1+ (1,0) [0|0] "" Vector__XXX
BO_ 512 WIDE: 24 A
 SG_ Ratio : 0|64@1- (1,0) [0|0] "" A
BO_TX_BU_ 291 : 2nd,A;
EV_ Lamp: 0 [0|1] "" 0 1 DUMMY_NODE_VECTOR1 A;
CM_ "a
b \\"c\\" ; BO_ 1 X: 8 A";
CM_ BU_ A "node";
CM_ SG_ 291 4WD "comment ; of a signal";
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","a, \\"b\\"";
BA_DEF_ SG_ "Weight" FLOAT -1 1E3;
BA_DEF_ "Count" INT 0 1e+09;
BA_DEF_REL_ BU_SG_REL_ "Timeout" INT 0 100;
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_DEF_DEF_ "Weight" .5;
BA_DEF_DEF_ "Count" 3;
BA_DEF_DEF_REL_ "Timeout" 0;
BA_ "VFrameFormat" BO_ 500000 "ExtendedCAN";
BA_ "Weight" SG_ 291 Speed 0.1;
BA_ "Count" 7;
BA_REL_ "Timeout" BU_SG_REL_ A SG_ 291 4WD 20;
VAL_ 291 4WD -1 "n/a" 1 "on; \\"yes\\"" ;
VAL_ 500000 Big 18446744073709551615 "all" 0 "none" ;
SIG_GROUP_ 291 Both 1 : Speed 4WD;
SIG_VALTYPE_ 512 Ratio : 2;
SG_MUL_VAL_ 291 Sub Sel 1-1, 4-6;
SG_MUL_VAL_ 291 Leaf Sub 2-2;
SG_MUL_VAL_ 291 A_Signal_Name_Of_More_Than_Thirty_Two_Characters Sel 3-3;
SG_MUL_VAL_ 291 A_Signal_Name_Of_More_Than_Thirty_Two_Letters Sel 7-7;
"""
failed = False


def report(good, name, detail=""):
    global failed
    failed = failed or not good
    print("%s dbc_write %s%s" % ("ok" if good else "not ok", name, "" if good else ": " + str(detail)[:600]))


def run(*arguments):
    return subprocess.run([BIN, "dbc", *arguments], capture_output=True, check=False)


def decoded(data):
    """A file as its author meant it: UTF-8 where it is some, else what Vector's tools write."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def load(text):
    import cantools  # pylint: disable=import-outside-toplevel
    try:
        return cantools.database.load_string(text.replace("\r\n", "\n"), database_format="dbc", strict=False)
    except Exception:  # pylint: disable=broad-exception-caught
        return None  # cantools raises errors of many kinds for what it cannot read


def plain(value):
    """Numbers as floats, so that 1 equals 1.0 and what 64-bit floats cannot tell apart is one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    return str(value) if not hasattr(value, "as_integer_ratio") else float(value)


def attributes(specifics):
    items = specifics.attributes.items() if specifics and specifics.attributes else ()
    return {name: plain(item.value) for name, item in items if name not in ADDED}


def choices(mapping):
    return {int(key): str(text) for key, text in mapping.items()} if mapping else None


def signal_facts(signal, explicit):
    facts = {name: plain(getattr(signal, name)) for name in (
        "name", "start", "length", "byte_order", "is_signed", "is_float", "scale", "offset", "unit", "comment",
        "is_multiplexer", "raw_initial", "spn")}
    if signal.minimum or signal.maximum:  # 0 and 0 say: no range
        facts["range"] = (plain(signal.minimum), plain(signal.maximum))
    facts["receivers"] = [name for name in signal.receivers if name != "Vector__XXX"]
    facts["choices"] = choices(signal.choices)
    facts["attributes"] = attributes(signal.dbc)
    if explicit:
        facts["selected"] = (signal.multiplexer_signal, sorted(signal.multiplexer_ids or []))
    return facts


def message_facts(message, explicit):
    facts = {name: plain(getattr(message, name)) for name in (
        "frame_id", "is_extended_frame", "name", "length", "cycle_time", "send_type", "comment", "is_fd", "protocol")}
    facts["senders"] = sorted(set(message.senders) - {"Vector__XXX"})
    facts["attributes"] = attributes(message.dbc)
    facts["signals"] = sorted((signal_facts(signal, explicit) for signal in message.signals), key=str)
    facts["groups"] = sorted((group.name, group.repetitions, sorted(group.signal_names))
                             for group in message.signal_groups or ())
    return facts


def definition_facts(definitions):
    return {name: (item.kind, item.type_name, plain(item.default_value), plain(item.minimum or 0),
                   plain(item.maximum or 0), list(item.choices or ()))
            for name, item in (definitions or {}).items() if name not in ADDED}


def relation_facts(relations):
    def walk(tree):
        if hasattr(tree, "definition"):
            return plain(tree.value)
        return {str(key): walk(branch) for key, branch in tree.items()}
    return walk(relations.node_signal_relations), walk(relations.node_message_relations)


def facts_of(database, explicit):
    """`explicit`: per frame id and kind, whether the file itself says what selects what."""
    dbc = database.dbc
    variables = {name: tuple(plain(getattr(item, field)) for field in (
        "env_type", "minimum", "maximum", "unit", "initial_value", "env_id", "comment", "data_size")) +
        (int(item.access_type[len("DUMMY_NODE_VECTOR"):], 16) & 3, item.access_nodes)
        for name, item in dbc.environment_variables.items()}
    return {
        "version": database.version or "", "nodes": {node.name: (node.comment, attributes(node.dbc))
                                                     for node in database.nodes},
        "bus": [(bus.name or "", bus.baudrate, (bus.comment or "").replace("\n", "")) for bus in database.buses
                if bus.name or bus.baudrate or bus.comment],
        "attributes": attributes(dbc), "definitions": definition_facts(dbc.attribute_definitions),
        "relation definitions": definition_facts(dbc.relation_attribute_definitions),
        "relations": relation_facts(dbc.relation_attributes), "variables": variables,
        "tables": {name: choices(table) for name, table in dbc.value_tables.items()},
        "messages": [message_facts(message, explicit[index]) for index, message in enumerate(database.messages)]}


def unequal(before, after, path=""):
    """The first difference of two trees of facts; None when they are equal."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in list(before) + [key for key in after if key not in before]:
            if key not in before or key not in after:
                return "%s/%s: only in %s" % (path, key, "the original" if key in before else "the normal form")
            found = unequal(before[key], after[key], "%s/%s" % (path, key))
            if found:
                return found
        return None
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after)):
            found = unequal(*pair, "%s[%d]" % (path, index))
            if found:
                return found
        return None
    return None if before == after else "%s: %r is %r in the normal form" % (path, before, after)


def explicit_selectors(database):
    """cantools drops the multiplexing of messages with several M and no SG_MUL_VAL_; the normal form spells it out."""
    return [sum(signal.is_multiplexer for signal in message.signals) <= 1 or
            any(signal.multiplexer_signal for signal in message.signals) for message in database.messages]


def compare(original, normal):
    before, after = load(original), load(normal)
    if after is None:
        return before is not None, "the normal form is rejected by cantools"
    if before is None:
        return False, None
    explicit = explicit_selectors(before)
    if len(after.messages) != len(before.messages):
        return True, "%d messages, %d in the normal form" % (len(before.messages), len(after.messages))
    return True, unequal(facts_of(before, explicit), facts_of(after, explicit))


def check_file(path, name, folder):
    """Whether cantools reads the original, and whether it reads the normal form."""
    written = run("dump", "--dbc", path)
    normal = os.path.join(folder, "normal.dbc")
    with open(normal, "wb") as file:
        file.write(written.stdout)
    with open(path, "rb") as file:
        original = decoded(file.read())
    as_utf8 = b"written as UTF-8" in written.stderr
    left_out = b"are left out" in written.stderr
    text = written.stdout.decode("utf-8" if as_utf8 else "cp1252", errors="replace")
    reads_original, problem = compare(original, text)
    same = run("diff", path, normal)
    if same.returncode != 0 and not left_out:
        problem = problem or same.stdout.decode(errors="replace")
    if problem and name in OTHERWISE and same.returncode == 0:
        print("ok dbc_write %s: %s" % (name, OTHERWISE[name]))
        problem = None
    if problem or same.returncode not in (0, 1):
        report(False, name, problem or same)
    again = run("dump", "--dbc", normal)
    if again.stdout != written.stdout:
        report(False, name, "the normal form of the normal form differs from it")
    return reads_original, problem is None


def check_corpus(folder):
    files = sorted(path for path in glob.glob(os.path.join(CORPUS, "dbc", "**", "*"), recursive=True)
                   if path.lower().endswith(".dbc"))
    probes = sorted(glob.glob(os.path.join(CORPUS, "probes", "*.dbc")))
    if not files:
        if os.environ.get("CI") == "true":
            report(False, "corpus", "not found at " + CORPUS)
        else:
            print("skip dbc_write corpus: not found at " + CORPUS)
        return
    for kind, paths in (("files", files), ("probes", probes)):
        results = [check_file(path, os.path.relpath(path, CORPUS), folder) for path in paths]
        rejected = sum(1 for original, _ in results if not original)
        good = all(fine for _, fine in results)
        report(good, "%d corpus %s: normal form equals the original; of %d that cantools rejects it reads %d" % (
            len(paths), kind, rejected, sum(1 for original, fine in results if not original and fine)),
            "see the lines above")


def check_own(folder):
    path = os.path.join(folder, "own.dbc")
    with open(path, "w", encoding="utf-8") as file:
        file.write(OWN)
    reads_original, good = check_file(path, "own", folder)
    report(good and not reads_original, "a file that cantools rejects becomes readable", reads_original)
    database = load(run("dump", "--dbc", path).stdout.decode("cp1252"))
    message = database.messages[0]
    names = [signal.name for signal in message.signals]
    report(message.name == "A_Message_Name_Of_More_Than_Thirty_Two_Characters" and "4WD" in names and
           "A_Signal_Name_Of_More_Than_Thirty_Two_Letters" in names, "long and odd names are kept", names)
    report({node.name for node in database.nodes} == {"A", "2nd", "Überwacher"}, "names of nodes", database.nodes)
    by_name = {signal.name: signal for signal in message.signals}
    report(by_name["4WD"].unit == "°C" and by_name["4WD"].choices[1] == 'on; "yes"' and
           by_name["4WD"].comment == "comment ; of a signal", "texts in Windows-1252, escapes", by_name["4WD"])
    report(by_name["Sub"].multiplexer_ids == [1, 4, 5, 6] and by_name["Leaf"].multiplexer_signal == "Sub" and
           by_name["Leaf"].multiplexer_ids == [2], "nested multiplexers with ranges", by_name["Sub"].multiplexer_ids)
    report(float(by_name["Speed"].scale) == 0.25 and float(by_name["Speed"].offset) == -1e-05 and
           int(by_name["Speed"].maximum) == 2 ** 64 - 1, "numbers", by_name["Speed"])
    extended = database.messages[1]
    report(extended.is_extended_frame and extended.frame_id == 500000 and
           extended.signals[0].choices[2 ** 64 - 1] == "all", "29-bit id, 64-bit value table", extended)
    report(database.messages[2].signals[0].is_float and message.senders == ["2nd", "A"] and
           database.buses[0].baudrate == 500000 and database.buses[0].comment == 'a\nb "c" ; BO_ 1 X: 8 A',
           "floats, senders, baud rate, comment of several lines", database.buses)
    report(run("dump", "--dbc", "--encoding", "utf-8", path).stdout.decode("utf-8").count("°C") == 1, "UTF-8 on request")


def main():
    try:
        import cantools  # pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        print("skip dbc_write: the Python package cantools is not installed")
        return 0
    logging.disable(logging.WARNING)  # cantools says which of two equal ids it keeps
    with tempfile.TemporaryDirectory() as folder:
        check_own(folder)
        check_corpus(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
