#!/usr/bin/env python3
"""vcan-scripts/odx-import.py: an ODX document that odxtools reads and packs into a PDX becomes a description that
`cantwin diag` takes, and by which both decode a response alike."""

import json
import pathlib
import subprocess
import sys
import tempfile
import threading

from sim_rig import BIN, ROOT, Report

try:
    import can
    import isotp
    import odxtools
except ImportError as missing:
    print(f"skip odx_import: {missing}")
    sys.exit(0)

report = Report()
GROUP = "239.74.163.2"


def const(name, position, value, bits=8):
    return f"""<PARAM xsi:type="CODED-CONST"><SHORT-NAME>{name}</SHORT-NAME><BYTE-POSITION>{position}</BYTE-POSITION>
      <CODED-VALUE>{value}</CODED-VALUE><DIAG-CODED-TYPE BASE-DATA-TYPE="A_UINT32" xsi:type="STANDARD-LENGTH-TYPE">
      <BIT-LENGTH>{bits}</BIT-LENGTH></DIAG-CODED-TYPE></PARAM>"""


def value(name, position, dop, bit=None):
    bits = f"<BIT-POSITION>{bit}</BIT-POSITION>" if bit is not None else ""
    return f"""<PARAM xsi:type="VALUE"><SHORT-NAME>{name}</SHORT-NAME><BYTE-POSITION>{position}</BYTE-POSITION>{bits}
      <DOP-REF ID-REF="{dop}"/></PARAM>"""


def dop(name, kind, bits, method, unit=""):
    physical = {"A_UINT32": "A_UINT32", "A_ASCIISTRING": "A_UNICODE2STRING"}[kind]
    physical = "A_UNICODE2STRING" if "TEXTTABLE" in method else "A_FLOAT64" if "LINEAR" in method else physical
    encoding = ' BASE-TYPE-ENCODING="ISO-8859-1"' if kind == "A_ASCIISTRING" else ""
    return f"""<DATA-OBJECT-PROP ID="{name}"><SHORT-NAME>{name}</SHORT-NAME>{method}
      <DIAG-CODED-TYPE BASE-DATA-TYPE="{kind}"{encoding} xsi:type="STANDARD-LENGTH-TYPE"><BIT-LENGTH>{bits}</BIT-LENGTH>
      </DIAG-CODED-TYPE><PHYSICAL-TYPE BASE-DATA-TYPE="{physical}"/>{unit}</DATA-OBJECT-PROP>"""


def service(name, request, response):
    return f"""<DIAG-SERVICE ID="S.{name}"><SHORT-NAME>{name}</SHORT-NAME><REQUEST-REF ID-REF="RQ.{name}"/>
      <POS-RESPONSE-REFS><POS-RESPONSE-REF ID-REF="PR.{name}"/></POS-RESPONSE-REFS></DIAG-SERVICE>""", \
        f"""<REQUEST ID="RQ.{name}"><SHORT-NAME>RQ_{name}</SHORT-NAME><PARAMS>{request}</PARAMS></REQUEST>""", \
        f"""<POS-RESPONSE ID="PR.{name}"><SHORT-NAME>PR_{name}</SHORT-NAME><PARAMS>{response}</PARAMS></POS-RESPONSE>"""


IDENTICAL = "<COMPU-METHOD><CATEGORY>IDENTICAL</CATEGORY></COMPU-METHOD>"
LINEAR = """<COMPU-METHOD><CATEGORY>LINEAR</CATEGORY><COMPU-INTERNAL-TO-PHYS><COMPU-SCALES><COMPU-SCALE>
  <COMPU-RATIONAL-COEFFS><COMPU-NUMERATOR><V>-40</V><V>0.5</V></COMPU-NUMERATOR><COMPU-DENOMINATOR><V>1</V></COMPU-DENOMINATOR>
  </COMPU-RATIONAL-COEFFS></COMPU-SCALE></COMPU-SCALES></COMPU-INTERNAL-TO-PHYS></COMPU-METHOD>"""
TABLE = """<COMPU-METHOD><CATEGORY>TEXTTABLE</CATEGORY><COMPU-INTERNAL-TO-PHYS><COMPU-SCALES>
  <COMPU-SCALE><LOWER-LIMIT>0</LOWER-LIMIT><UPPER-LIMIT>0</UPPER-LIMIT><COMPU-CONST><VT>off</VT></COMPU-CONST></COMPU-SCALE>
  <COMPU-SCALE><LOWER-LIMIT>1</LOWER-LIMIT><UPPER-LIMIT>1</UPPER-LIMIT><COMPU-CONST><VT>on</VT></COMPU-CONST></COMPU-SCALE>
  </COMPU-SCALES></COMPU-INTERNAL-TO-PHYS></COMPU-METHOD>"""
RESPONSE = bytes.fromhex("62012378A4")


def document():
    did = const("SID", 0, 0x22) + const("DID", 1, 0x0123, 16)
    services = [
        service("ReadClimate", did, const("SID", 0, 0x62) + const("DID", 1, 0x0123, 16) +
                value("Temperature", 3, "DOP.temp") + value("Fan", 4, "DOP.fan", 2) + value("Level", 4, "DOP.level", 4)),
        service("ReadVin", const("SID", 0, 0x22) + const("DID", 1, 0xF190, 16), const("SID", 0, 0x62) +
                const("DID", 1, 0xF190, 16) + value("Vin", 3, "DOP.vin")),
        service("WriteClimate", const("SID", 0, 0x2E) + const("DID", 1, 0x0123, 16) + value("Temperature", 3, "DOP.temp"),
                const("SID", 0, 0x6E) + const("DID", 1, 0x0123, 16)),
        service("StartSelfTest", const("SID", 0, 0x31) + const("Kind", 1, 1) + const("Routine", 2, 0x0203, 16),
                const("SID", 0, 0x71) + const("Kind", 1, 1) + const("Routine", 2, 0x0203, 16)),
    ]
    comms, requests, responses = (list(column) for column in zip(*services))
    unit = '<UNIT-REF ID-REF="U.c"/>'
    dops = [dop("DOP.temp", "A_UINT32", 8, LINEAR, unit), dop("DOP.fan", "A_UINT32", 1, TABLE),
            dop("DOP.level", "A_UINT32", 4, IDENTICAL), dop("DOP.vin", "A_ASCIISTRING", 136, IDENTICAL)]
    dtcs = f"""<DTC-DOP ID="DOP.dtc"><SHORT-NAME>Codes</SHORT-NAME><DIAG-CODED-TYPE BASE-DATA-TYPE="A_UINT32"
      xsi:type="STANDARD-LENGTH-TYPE"><BIT-LENGTH>24</BIT-LENGTH></DIAG-CODED-TYPE><PHYSICAL-TYPE BASE-DATA-TYPE="A_UINT32"/>
      {IDENTICAL}<DTCS><DTC ID="DTC.1"><SHORT-NAME>Misfire</SHORT-NAME><TROUBLE-CODE>{0x030100}</TROUBLE-CODE>
      <DISPLAY-TROUBLE-CODE>P0301</DISPLAY-TROUBLE-CODE><TEXT>cylinder 1 misfire</TEXT></DTC></DTCS></DTC-DOP>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?><ODX MODEL-VERSION="2.2.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<DIAG-LAYER-CONTAINER ID="DLC.climate"><SHORT-NAME>climate_container</SHORT-NAME><BASE-VARIANTS>
<BASE-VARIANT ID="BV.climate"><SHORT-NAME>ClimateUnit</SHORT-NAME><DIAG-DATA-DICTIONARY-SPEC><DTC-DOPS>{dtcs}</DTC-DOPS>
<DATA-OBJECT-PROPS>{"".join(dops)}</DATA-OBJECT-PROPS><UNIT-SPEC><UNITS><UNIT ID="U.c"><SHORT-NAME>celsius</SHORT-NAME>
<DISPLAY-NAME>degC</DISPLAY-NAME></UNIT></UNITS></UNIT-SPEC></DIAG-DATA-DICTIONARY-SPEC>
<DIAG-COMMS>{"".join(comms)}</DIAG-COMMS><REQUESTS>{"".join(requests)}</REQUESTS>
<POS-RESPONSES>{"".join(responses)}</POS-RESPONSES></BASE-VARIANT></BASE-VARIANTS></DIAG-LAYER-CONTAINER></ODX>"""


def respond(stack, ended):
    while not ended.is_set():
        if stack.recv(block=True, timeout=0.1) is not None:
            stack.send(RESPONSE)


def read_by_description(folder):
    """`cantwin diag did read` of an ECU that answers RESPONSE."""
    with can.Bus(interface="udp_multicast", channel=GROUP, hop_limit=0, fd=False) as bus:
        stack = isotp.CanStack(bus=bus, address=isotp.Address(txid=0x7E8, rxid=0x7E0))
        stack.start()
        ended = threading.Event()
        thread = threading.Thread(target=respond, args=(stack, ended), daemon=True)
        thread.start()
        done = subprocess.run([BIN / "cantwin", "diag", "did", "read", "--bus", f"udp:{GROUP}", "--description", folder,
                               "--ecu", "climate_unit", "read_climate", "--json"], capture_output=True, text=True, timeout=30)
        ended.set()
        thread.join(5)
        stack.stop()
    return json.loads(done.stdout)[0]["values"] if done.returncode == 0 else done.stderr


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "climate.odx-d").write_text(document())
        database = odxtools.load_file(str(folder / "climate.odx-d"))
        odxtools.write_pdx_file(str(folder / "climate.pdx"), database)
        script = ROOT / "vcan-scripts/odx-import.py"
        run = [sys.executable, script, "--out", folder / "ecus", folder / "climate.pdx"]
        bare = subprocess.run(run, capture_output=True, text=True, timeout=60)
        report.check("odx_import_without_ids_says_what_to_do", [] if "--request-id" in bare.stderr else [bare.stderr])
        done = subprocess.run([*run, "--request-id", "7E0", "--response-id", "7E8"], capture_output=True, text=True, timeout=60)
        report.equal("odx_import_of_a_pdx", (done.returncode, done.stderr), (0, ""))
        if done.returncode != 0:
            sys.exit(1)
        text = (folder / "ecus/climate_unit.yaml").read_text()
        wanted = ["length: 2", "write: true", "factor: 0.5", "offset: -40", "unit: \"degC\"", "0x0203", "start_self_test",
                  "0x030100", "cylinder 1 misfire", "id: 0xF190", "length: 17"]
        report.check("odx_import_keeps_what_a_tester_needs", [f"{part} is missing" for part in wanted if part not in text])
        read = database.diag_layers["ClimateUnit"].services["ReadClimate"]
        theirs = read.positive_responses[0].decode(RESPONSE)
        report.equal("odx_import_decodes_as_odxtools_does", read_by_description(folder / "ecus"),
                     {"temperature": theirs["Temperature"], "fan": theirs["Fan"], "level": theirs["Level"]})
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
