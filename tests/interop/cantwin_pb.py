"""Python's view of proto/cantwin.proto, generated into a temporary folder: all a third party needs is that file."""

import importlib
import os
import subprocess
import sys
import tempfile


def load():
    """The generated module; RuntimeError says what is missing."""
    try:
        import google.protobuf  # noqa: F401
    except ImportError as error:
        raise RuntimeError("Python package protobuf is missing") from error
    source = os.environ.get("CANTWIN_SOURCE") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    folder = tempfile.TemporaryDirectory()
    try:
        subprocess.run(
            ["protoc", f"--proto_path={source}/proto", f"--python_out={folder.name}", "cantwin.proto"], check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError("protoc (package protobuf-compiler) is missing or failed") from error
    sys.path.insert(0, folder.name)
    module = importlib.import_module("cantwin_pb2")
    module.generated_folder = folder  # lives as long as the module
    return module
