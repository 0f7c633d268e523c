"""Writes the student as an ONNX graph over an int8 table, with the rows of its n-grams and its parity vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

import data as D
import exported
import features
import manifest
from fast import TOKENIZER, WIDTHS, Settings
from measure import Calibration, Mended


def quantized(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows as int8 and one scale for each dimension, so that sums over rows are exact integers."""
    scale = np.maximum(np.quantile(np.abs(weight), 0.9999, axis=0), 1e-6) / 127
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def build(net, mended: Mended = Mended()) -> onnx.ModelProto:
    """rows int32 [batch, length], 0 = padding → logits of each head.

    `mended`: of the sentiment, without a curve. The sum over a text is a product of its mask with its rows in integers:
    exact, so padding and batch change nothing.
    """
    n = {name: p.detach().numpy().astype(np.float32) for name, p in net.named_parameters()}
    table, scale = quantized(n["embedding.weight"])
    constants = {
        "table": table,
        "scale": scale,
        "axis": np.array([1], np.int64),
        "zero": np.array(0, np.int32),
        "one": np.array(1, np.float32),
        "hidden_w": np.ascontiguousarray(n["hidden.weight"].T),
        "hidden_b": n["hidden.bias"],
        "out_w": np.ascontiguousarray(n["out.weight"].T),
        "out_b": n["out.bias"] + mended.offset * (np.arange(len(n["out.bias"])) == 0).astype(np.float32),
        "direct_w": np.ascontiguousarray(n["direct.weight"].T),
        "sizes": np.array(list(WIDTHS.values()), np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Greater", ["rows", "zero"], ["present"]),
        node("Cast", ["present"], ["mask"], to=T.UINT8),
        node("Unsqueeze", ["mask", "axis"], ["mask3"]),
        node("Gather", ["table", "rows"], ["looked_up"]),
        node("MatMulInteger", ["mask3", "looked_up"], ["sum3"]),
        node("Squeeze", ["sum3", "axis"], ["sum_int"]),
        node("Cast", ["sum_int"], ["sum"], to=T.FLOAT),
        node("Cast", ["present"], ["present_float"], to=T.FLOAT),
        node("ReduceSum", ["present_float", "axis"], ["count"], keepdims=1),
        node("Max", ["count", "one"], ["count1"]),
        node("Sqrt", ["count1"], ["root"]),
        node("Mul", ["sum", "scale"], ["scaled"]),
        node("Div", ["scaled", "root"], ["x"]),
        node("MatMul", ["x", "hidden_w"], ["h0"]),
        node("Add", ["h0", "hidden_b"], ["h1"]),
        node("Relu", ["h1"], ["h"]),
        node("MatMul", ["h", "out_w"], ["o0"]),
        node("Add", ["o0", "out_b"], ["o1"]),
        node("MatMul", ["x", "direct_w"], ["d"]),
        node("Add", ["o1", "d"], ["logits"]),
        node("Split", ["logits", "sizes"], list(WIDTHS), axis=1),
    ]
    g = helper.make_graph(
        nodes,
        "qingting-fast",
        [helper.make_tensor_value_info("rows", T.INT32, ["batch", "length"])],
        [helper.make_tensor_value_info(name, T.FLOAT, ["batch", size]) for name, size in WIDTHS.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="qingting")
    onnx.checker.check_model(model)
    return model


def load(directory: Path) -> tuple[dict[str, np.ndarray], np.ndarray, Settings]:
    """What `build` was given, nearly (the rows come back in 8 bits, an offset of the sentiment stays in): weights, buckets → rows, settings."""
    n = {value.name: numpy_helper.to_array(value) for value in onnx.load(str(directory / "model.onnx")).graph.initializer}
    weights = {
        "embedding.weight": n["table"] * n["scale"], "hidden.weight": n["hidden_w"].T, "hidden.bias": n["hidden_b"],
        "out.weight": n["out_w"].T, "out.bias": n["out_b"], "direct.weight": n["direct_w"].T,
    }
    remap = np.frombuffer((directory / "features.bin").read_bytes(), "<u2").astype(np.int32)
    return weights, remap, Settings(dimension=n["table"].shape[1], hidden=len(n["hidden_b"]))


def write(out: Path, version: str, graph: bytes, remap: np.ndarray, calibration: Calibration, valid_threshold: float, confidence: dict) -> None:
    """Everything of models/fast but its card."""
    out.mkdir(parents=True, exist_ok=True)
    rows_file = remap.astype("<u2").tobytes()
    (out / "features.bin").write_bytes(rows_file)
    session = exported.session_of(graph)
    lines = []
    for text in manifest.VECTOR_TEXTS:
        rows = remap[features.hashed_ngrams(D.fold(text), **TOKENIZER)]
        rows = np.unique(rows[rows > 0])
        logits = dict(zip(WIDTHS, session.run(list(WIDTHS), {"rows": rows[None].astype(np.int32)})))
        p = calibration.probabilities(logits)["sentiment"][0]
        lines.append(json.dumps({"text": text, "rows": rows.tolist(), "sentiment": [round(float(value), 4) for value in p]}, ensure_ascii=False))
    (out / "vectors.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    tokenizer = {"kind": "hashed_ngrams", "input": "rows", **TOKENIZER, "rows": "features.bin", "rows_sha256": manifest.sha256(rows_file)}
    manifest.write(out, "fast", version, graph, tokenizer, calibration, confidence, valid_threshold)
    print(f"{out}: model.onnx {len(graph):,} bytes, features.bin {len(rows_file):,} bytes")
