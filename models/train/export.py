"""Writes model.onnx, features.bin and manifest.toml."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

import data as D
import features

# Invented. The stage's tests hold the Rust code to the rows and answers that these get here.
VECTOR_TEXTS = [
    "快递太慢了，等了整整10天！客服也不回消息。",
    "ＡＰＰ登錄失敗，驗證碼收不到，急！！",
    "酒店位置不错，早餐一般，前台小姐姐很热情～",
    "  好评\t\n 好评 　好评  ",
    "Battery只能撑3小时，充电又慢，发热严重 :( ",
    "不好不差",
    "好",
    "…… 😀👍 ……",
    "耳机左边没有声音，申请换货被拒绝，说是人为损坏，要投诉到底。" * 30,
]

HEADS = {"sentiment": 3, "aspects": 64, "severity": 4, "intent": 5, "valid": 2}


def quantized(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows as int8 and one scale for each dimension, so that sums over rows are exact integers."""
    scale = np.maximum(np.quantile(np.abs(weight), 0.9999, axis=0), 1e-6) / 127
    return np.clip(np.rint(weight / scale), -127, 127).astype(np.int8), scale.astype(np.float32)


def graph(table: np.ndarray, scale: np.ndarray, net) -> onnx.ModelProto:
    """rows int32 [batch, length], 0 = padding → logits of each head.

    The sum over a text is a product of its mask with its rows in integers: exact, so padding and batch change nothing.
    """
    n = {name: p.detach().numpy().astype(np.float32) for name, p in net.named_parameters()}
    width = sum(HEADS.values())
    constants = {
        "table": table,
        "scale": scale,
        "axis": np.array([1], np.int64),
        "zero": np.array(0, np.int32),
        "one": np.array(1, np.float32),
        "hidden_w": np.ascontiguousarray(n["hidden.weight"].T),
        "hidden_b": n["hidden.bias"],
        "out_w": np.ascontiguousarray(n["out.weight"][:width].T),
        "out_b": n["out.bias"][:width],
        "direct_w": np.ascontiguousarray(n["direct.weight"][:width].T),
        "sizes": np.array(list(HEADS.values()), np.int64),
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
        node("Split", ["logits", "sizes"], list(HEADS), axis=1),
    ]
    g = helper.make_graph(
        nodes,
        "qingting-fast",
        [helper.make_tensor_value_info("rows", T.INT32, ["batch", "length"])],
        [helper.make_tensor_value_info(name, T.FLOAT, ["batch", size]) for name, size in HEADS.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="qingting")
    onnx.checker.check_model(model)
    return model


def vectors(remap: np.ndarray, answer, tokenizer: dict) -> str:
    """One JSON object a text: its rows, sorted, and the probabilities of positive, negative, neutral."""
    lines = []
    for text in VECTOR_TEXTS:
        rows = remap[features.hashed_ngrams(D.fold(text), **tokenizer)]
        rows = np.unique(rows[rows > 0])
        p = [round(float(value), 4) for value in answer(rows)]
        lines.append(json.dumps({"text": text, "rows": rows.tolist(), "sentiment": p}, ensure_ascii=False))
    return "[\n" + ",\n".join(lines) + "\n]\n"


def write(out: Path, version: str, net, remap: np.ndarray, thresholds, temperatures: dict, tokenizer: dict, answer) -> None:
    out.mkdir(parents=True, exist_ok=True)
    table, scale = quantized(net.embedding.weight.detach().numpy())
    model = graph(table, scale, net).SerializeToString()
    rows = remap.astype("<u2").tobytes()
    (out / "model.onnx").write_bytes(model)
    (out / "features.bin").write_bytes(rows)
    (out / "vectors.json").write_text(vectors(remap, answer, tokenizer), encoding="utf-8")

    def strings(values) -> str:
        return "[" + ", ".join(f'"{value}"' for value in values) + "]"

    sha = lambda data: hashlib.sha256(data).hexdigest()  # noqa: E731
    lines = [
        "# The contract of this model; see src/classify/manifest.rs. Written by models/train/export.py.",
        'schema = "qingting.model/1"',
        'name = "fast"',
        f'version = "{version}"',
        'language = "zh"',
        'model = "model.onnx"',
        f'sha256 = "{sha(model)}"',
        "",
        "[tokenizer]",
        'kind = "hashed_ngrams"',
        'input = "rows"',
        *[f"{name} = {value}" for name, value in tokenizer.items()],
        'rows = "features.bin"',
        f'rows_sha256 = "{sha(rows)}"',
        "",
    ]
    for name, labels in (
        ("sentiment", D.SENTIMENTS),
        ("aspects", D.ASPECTS),
        ("severity", D.SEVERITIES),
        ("intent", D.INTENTS),
        ("valid", D.VALIDITIES),
    ):
        lines += [f"[heads.{name}]", f'output = "{name}"', f"labels = {strings(labels)}"]
        if name == "aspects":
            lines += [f"polarities = {strings(D.POLARITIES)}", f"thresholds = [{', '.join(f'{t:.2f}' for t in thresholds)}]"]
        if name == "valid":
            lines += ["threshold = 0.50"]
        lines += [f"temperature = {temperatures[name]:.2f}", ""]
    lines += ["[confidence]", "sentiment = 0.60", "intent = 0.50", ""]
    (out / "manifest.toml").write_text("\n".join(lines), encoding="utf-8")
    print(f"{out}: model.onnx {len(model):,} bytes, features.bin {len(rows):,} bytes")
