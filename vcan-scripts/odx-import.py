#!/usr/bin/env python3
"""Makes cantwin's ECU description files (YAML, docs/diagnostics.md) from an ODX or PDX file, through odxtools.

usage: odx-import.py [--ecu NAME] [--out FOLDER] [--request-id ID --response-id ID] FILE
  FILE               .pdx, or a single .odx-d
  --ecu NAME         this ECU variant (or base variant) only; default: all ECU variants, or all base variants
  --out FOLDER       one NAME.yaml each; default: standard output
  --request-id ID    where the file has no CAN ids (hex)
example: vcan-scripts/odx-import.py --out ecus vehicle.pdx

Taken over: identifiers read by 22 and written by 2E, controls of 2F, routines of 31, trouble codes, CAN ids and DoIP
addresses. What has no place in a description (dynamic lengths inside a record, other codings) is left as hex, and said
on standard error.
"""
import argparse
import pathlib
import re
import sys

try:
    import odxtools
    from odxtools.parameters.codedconstparameter import CodedConstParameter
    from odxtools.parameters.valueparameter import ValueParameter
except ImportError as missing:
    sys.exit(f"{missing}: pip install odxtools")

NUMBERS = {"A_UINT32": "uint", "A_INT32": "int", "A_FLOAT32": "float", "A_FLOAT64": "float"}
TEXTS = ("A_ASCIISTRING", "A_UTF8STRING")


def say(text):
    print(f"odx-import: {text}", file=sys.stderr)


def plain(name):
    """snake_case of a short name."""
    return re.sub(r"_+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]", "_", name)).strip("_").lower()[:63]


def constants(request):
    """Service id, sub-function and identifier of a request: its leading constant bytes."""
    data = bytearray()
    for parameter in sorted(request.parameters, key=lambda p: p.byte_position or 0):
        if not isinstance(parameter, CodedConstParameter) or (parameter.byte_position or 0) != len(data):
            break
        bits = parameter.get_static_bit_length() or 8
        data += int(parameter.coded_value).to_bytes(bits // 8, "big")
    return bytes(data)


def scale(field, method, where):
    """factor, offset or states of a field."""
    category = method.category.name
    if category == "LINEAR":
        segment = method.segment
        field["factor"] = segment.factor / segment.denominator
        field["offset"] = segment.offset / segment.denominator
    elif category == "TEXTTABLE":
        for entry in method.compu_internal_to_phys.compu_scales:
            low, high = entry.lower_limit, entry.upper_limit
            if low is not None and (high is None or high.value == low.value):
                field.setdefault("states", []).append({"value": int(low.value), "text": str(entry.compu_const.value)})
            else:
                say(f"{where}: a range of values with one text is left out")
    elif category != "IDENTICAL":
        say(f"{where}: values by {category} are shown raw")


def field_of(parameter, head):
    """One value of a record; None when it has no fixed place. `head` bytes stand before the record."""
    dop = getattr(parameter, "dop", None)
    coded = getattr(dop, "diag_coded_type", None)
    name = plain(parameter.short_name)
    if coded is None or parameter.byte_position is None:
        say(f"{parameter.short_name}: no simple value, left as hex")
        return None
    field = {"name": name, "type": "hex", "at": parameter.byte_position - head}
    bits = coded.get_static_bit_length()
    kind = coded.base_data_type.name
    if getattr(dop, "unit", None) is not None:
        field["unit"] = dop.unit.display_name
    if kind in TEXTS:
        field["type"] = "ascii"
    elif kind in NUMBERS and bits is not None and coded.is_highlow_byte_order:
        start = parameter.bit_position or 0
        field["type"], field["width"] = NUMBERS[kind], (start + bits + 7) // 8
        if start or bits % 8:
            field["bit"], field["bits"] = start, bits
        scale(field, dop.compu_method, parameter.short_name)
        return field
    elif kind in NUMBERS:
        say(f"{parameter.short_name}: little-endian or of no fixed length, left as hex")
    if bits is not None:
        field["width"] = bits // 8
    return field


def record_of(message, head):
    """Length (0: varies) and fields of the record behind `head` bytes."""
    if message is None:
        return 0, []
    bits = message.get_static_bit_length()
    values = [p for p in message.parameters if isinstance(p, ValueParameter)]
    fields = [field for field in (field_of(p, head) for p in values) if field]
    return (bits // 8 - head if bits else 0), fields


def describe(layer, request_id, response_id):
    ecu = {"name": plain(layer.short_name)}
    if layer.long_name:
        ecu["text"] = layer.long_name
    dids, routines, dtcs = {}, {}, {}
    for service in layer.services:
        head = constants(service.request) if service.request else b""
        response = next(iter(service.positive_responses), None)
        if len(head) >= 3 and head[0] in (0x22, 0x2E, 0x2F):
            did = dids.setdefault(head[1] << 8 | head[2], {"name": None, "length": 0, "fields": []})
            if head[0] == 0x22:
                did["name"] = plain(service.short_name)
                did["length"], did["fields"] = record_of(response, 3)
            did["write"] = did.get("write", False) or head[0] == 0x2E
            did["io"] = did.get("io", False) or head[0] == 0x2F
            did["read"] = did.get("read", False) or head[0] == 0x22
            did["name"] = did["name"] or plain(service.short_name)
        elif len(head) >= 4 and head[0] == 0x31:
            routines.setdefault(head[2] << 8 | head[3], plain(service.short_name))
    for dop in layer.diag_data_dictionary_spec.dtc_dops:
        for dtc in dop.dtcs:
            text = getattr(dtc.text, "text", dtc.text) if dtc.text is not None else None
            dtcs[dtc.trouble_code] = str(text or dtc.display_trouble_code or dtc.short_name)
    ecu["request_id"] = layer.get_can_receive_id() or request_id
    ecu["response_id"] = layer.get_can_send_id() or response_id
    ecu["address"] = layer.get_doip_logical_ecu_address() or 0
    return ecu, dids, routines, dtcs


def quote(text):
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def flow(pairs):
    return "{ " + ", ".join(f"{key}: {value}" for key, value in pairs) + " }"


def field_text(field):
    pairs = [(key, quote(field[key]) if key in ("name", "unit") else field[key])
             for key in ("name", "type", "at", "width", "bit", "bits", "unit") if field.get(key)]
    if field.get("factor", 1) != 1:
        pairs.append(("factor", repr(float(field["factor"]))))
    if field.get("offset", 0) != 0:
        pairs.append(("offset", repr(float(field["offset"]))))
    if field.get("states"):
        states = (flow([("value", state["value"]), ("text", quote(state["text"]))]) for state in field["states"])
        pairs.append(("states", "[" + ", ".join(states) + "]"))
    return "      - " + flow(pairs)


def lines_of(ecu, dids, routines, dtcs):
    yield f"name: {ecu['name']}"
    if "text" in ecu:
        yield f"text: {quote(ecu['text'])}"
    yield f"request_id: 0x{ecu['request_id']:X}"
    yield f"response_id: 0x{ecu['response_id']:X}"
    if max(ecu["request_id"], ecu["response_id"]) > 0x7FF:
        yield "extended: true"
    if ecu["address"]:
        yield f"address: 0x{ecu['address']:04X}"
    names = set()
    if dids:
        yield "dids:"
    for did, about in sorted(dids.items()):
        name = about["name"] if about["name"] not in names else f"{about['name'][:58]}_{did:04x}"
        names.add(name)
        yield f"  - id: 0x{did:04X}"
        yield f"    name: {quote(name)}"
        if about["length"]:
            yield f"    length: {about['length']}"
        for flag, value in (("write", about["write"]), ("io", about["io"]), ("no_read", not about["read"])):
            if value:
                yield f"    {flag}: true"
        if about["fields"]:
            yield "    fields:"
            yield from map(field_text, about["fields"])
    if routines:
        yield "routines:"
    for routine, name in sorted(routines.items()):
        yield "  - " + flow([("id", f"0x{routine:04X}"), ("name", quote(name))])
    if dtcs:
        yield "dtcs:"
    for code, text in sorted(dtcs.items()):
        yield "  - " + flow([("code", f"0x{code:06X}"), ("text", quote(text[:255]))])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--ecu")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--request-id", type=lambda text: int(text, 16))
    parser.add_argument("--response-id", type=lambda text: int(text, 16))
    arguments = parser.parse_args()
    database = odxtools.load_file(arguments.file)
    layers = list(database.ecus) or [layer for layer in database.diag_layers if layer.variant_type.name == "BASE_VARIANT"]
    if arguments.ecu:
        layers = [layer for layer in database.diag_layers if layer.short_name == arguments.ecu]
    if not layers:
        sys.exit(f"odx-import: {arguments.file}: no such ECU")
    for layer in layers:
        ecu, *rest = describe(layer, arguments.request_id, arguments.response_id)
        if ecu["request_id"] is None or ecu["response_id"] is None:
            sys.exit(f"odx-import: {layer.short_name}: the file has no CAN ids; give --request-id and --response-id")
        text = "\n".join(lines_of(ecu, *rest)) + "\n"
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            (arguments.out / f"{ecu['name']}.yaml").write_text(text)
        else:
            sys.stdout.write(text)


if __name__ == "__main__":
    main()
