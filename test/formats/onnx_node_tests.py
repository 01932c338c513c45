"""Writes data/onnx-node-tests.bin.gz: the official node tests of ONNX (onnx 1.23.1) that take and give tensors and are small.

A record is a name, a model, its inputs and its expected outputs. Numbers are little-endian uint32; text and messages (ModelProto,
TensorProto) follow their length:  name, model, rtol and atol (float64), count of inputs, inputs, count of outputs, outputs.

    python3 test/formats/onnx_node_tests.py
"""

import gzip
import struct
from pathlib import Path

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases

LARGEST = 50_000  # bytes of a model with its inputs and outputs
TARGET = Path(__file__).parent / "data" / "onnx-node-tests.bin.gz"


def chunk(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def message(value, info) -> bytes:
    tensor = value if isinstance(value, TensorProto) else numpy_helper.from_array(np.asarray(value), info.name)
    return tensor.SerializeToString()


def main() -> None:
    cases = collect_testcases(None)
    records, others, large = [], 0, 0
    for case in sorted(cases, key=lambda case: case.name):
        inputs, outputs = case.data_sets[0]
        if not all(isinstance(x, (np.ndarray, np.generic, TensorProto)) for x in [*inputs, *outputs]):
            others += 1
            continue
        graph = case.model.graph
        sides = [[message(x, info) for x, info in zip(*side)] for side in [(inputs, graph.input), (outputs, graph.output)]]
        body = [chunk(case.name.encode()), chunk(case.model.SerializeToString()), struct.pack("<dd", case.rtol, case.atol)]
        for side in sides:
            body += [struct.pack("<I", len(side)), *map(chunk, side)]
        record = b"".join(body)
        if len(record) > LARGEST:
            large += 1
        else:
            records.append(record)
    TARGET.write_bytes(gzip.compress(b"".join(records), 9, mtime=0))
    print(f"{len(cases)} tests: {len(records)} written, {others} with sequences or the like, {large} larger than {LARGEST} bytes")
    print(f"{TARGET.stat().st_size} bytes")


main()
