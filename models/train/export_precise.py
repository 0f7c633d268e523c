"""Writes the fine-tuned encoder as an ONNX graph with int8 weights, its vocabulary and its parity vectors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto as T
from onnx import helper, numpy_helper

import data as D
import encoder as E
import exported
import manifest
import wordpiece
from measure import Calibration, Mended

OPSET = 17
SIZE = E.WIDTH // E.ATTENTION_HEADS


class Graph:
    """Nodes and constants as they are made; `scheme` says how a large MatMul is done.

    float    as it is
    tensor   one scale for all activations of a run (DynamicQuantizeLinear): padding and neighbours change it
    row      one scale for each row of activations, by plain operators: a token's numbers depend on itself alone
    static   one scale for all texts, from `ranges` (what each linear layer is fed): likewise
    blocks   MatMulNBits of ONNX Runtime: 8-bit weights and activations with a scale for each block of a row: likewise
    """

    def __init__(self, scheme: str, ranges: dict | None, smooth: bool):
        self.scheme = scheme
        self.ranges = dict(ranges or {})
        self.smooth = smooth
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.quantized: dict[str, tuple] = {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name

    def node(self, kind: str, inputs: list[str], name: str | None = None, outputs: int = 1, domain: str = "", **attributes):
        name = name or f"{kind}_{len(self.nodes)}"
        names = [name] if outputs == 1 else [f"{name}_{number}" for number in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, name="n_" + name, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray) -> str:
        """`weight` as PyTorch holds it: [out, in]."""
        weight = np.ascontiguousarray(weight.T)
        if name in self.ranges and self.smooth and not name.endswith("outer"):
            # channels with large activations get smaller ones and larger weights: int8 holds both better then
            most = self.ranges[name]["channels"]
            factor = np.sqrt(np.maximum(most, 1e-3) / np.maximum(np.abs(weight).max(1), 1e-3)).astype(np.float32)
            factor /= np.exp(np.log(factor).mean())
            key = x + "_smooth"
            if key not in self.constants:
                self.constant(key, (1 / factor).astype(np.float32))
            x = self.node("Mul", [x, key])
            weight = weight * factor[:, None]
            self.ranges[name] = dict(self.ranges[name], low=self.ranges[name]["scaled_low"](factor), high=self.ranges[name]["scaled_high"](factor))
        if self.scheme == "float":
            product = self.node("MatMul", [x, self.constant(name + "_w", weight)])
            return self.node("Add", [product, self.constant(name + "_b", bias)])
        if self.scheme == "blocks":
            return self._blocks(x, name, weight, bias)
        scale = (np.abs(weight).max(0) / 127).astype(np.float32)
        table = self.constant(name + "_w", np.clip(np.rint(weight / scale), -127, 127).astype(np.int8))
        if self.scheme == "tensor":
            q, q_scale, zero = self.node("DynamicQuantizeLinear", [x], outputs=3)
            product = self.node("Cast", [self.node("MatMulInteger", [q, table, zero, self.constant("zero_i8", np.array(0, np.int8))])], to=T.FLOAT)
            product = self.node("Mul", [product, self.node("Mul", [q_scale, self.constant(name + "_s", scale)])])
        elif self.scheme == "static":
            low, high = min(0.0, self.ranges[name]["low"]), max(0.0, self.ranges[name]["high"])
            step = np.float32((high - low) / 255)
            zero = np.uint8(np.clip(np.rint(-low / step), 0, 255))
            names = [self.constant(name + "_step", np.array(step)), self.constant(name + "_zero", np.array(zero))]
            q = self.node("QuantizeLinear", [x, *names])
            product = self.node("Cast", [self.node("MatMulInteger", [q, table, names[1], self.constant("zero_i8", np.array(0, np.int8))])], to=T.FLOAT)
            product = self.node("Mul", [product, self.constant(name + "_s", (scale * step).astype(np.float32))])
        else:
            if x not in self.quantized:
                most = self.node("ReduceMax", [self.node("Abs", [x])], axes=[-1], keepdims=1)
                row = self.node("Mul", [self.node("Max", [most, self.constant("tiny", np.array(1e-6, np.float32))]), self.constant("by_127", np.array(1 / 127, np.float32))])
                level = self.node("Round", [self.node("Div", [x, row])])
                shifted = self.node("Add", [level, self.constant("shift", np.array(128, np.float32))])
                self.quantized[x] = (self.node("Cast", [shifted], to=T.UINT8), row)
            q, row = self.quantized[x]
            product = self.node("Cast", [self.node("MatMulInteger", [q, table, self.constant("zero_u8", np.array(128, np.uint8)), self.constant("zero_i8", np.array(0, np.int8))])], to=T.FLOAT)
            product = self.node("Mul", [self.node("Mul", [product, row]), self.constant(name + "_s", scale)])
        return self.node("Add", [product, self.constant(name + "_b", bias)])

    def _blocks(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray, size: int = 128) -> str:
        rows, columns = weight.shape
        blocks = weight.T.reshape(columns, rows // size, size)
        scale = np.maximum(np.abs(blocks).max(2), 1e-8) / 127
        levels = (np.rint(blocks / scale[:, :, None]) + 128).astype(np.uint8)
        inputs = [x, self.constant(name + "_w", levels), self.constant(name + "_s", scale.astype(np.float32).reshape(-1)), "", "", self.constant(name + "_b", bias)]
        return self.node("MatMulNBits", inputs, domain="com.microsoft", K=rows, N=columns, bits=8, block_size=size, accuracy_level=4)

    def norm(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray) -> str:
        return self.node("LayerNormalization", [x, self.constant(name + "_w", weight), self.constant(name + "_b", bias)], axis=-1, epsilon=E.EPSILON)


def build(weights: dict[str, np.ndarray], scheme: str, ranges: dict | None = None, smooth: bool = False, mended: Mended = Mended(), halve_after: int = 0) -> onnx.ModelProto:
    """input_ids, attention_mask [batch, length] of int64 → logits of each head and `vector`. `mended`: of the sentiment."""
    g = Graph(scheme, ranges, smooth)
    w = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
    c, n = g.constant, g.node
    axis = lambda *values: c("axes_" + "_".join(map(str, values)), np.array(values, np.int64))  # noqa: E731
    words = w["encoder.words.weight"]
    row_scale = np.maximum(np.abs(words).max(1), 1e-6) / 127
    table = c("words", np.rint(words / row_scale[:, None]).astype(np.int8))
    looked_up = n("Cast", [n("Gather", [table, "input_ids"])], to=T.FLOAT)
    scales = n("Unsqueeze", [n("Gather", [c("words_scale", row_scale.astype(np.float32)), "input_ids"]), axis(2)])
    length = n("Slice", [n("Shape", ["input_ids"]), axis(1), axis(2)])
    positions = n("Slice", [c("positions", w["encoder.positions.weight"]), axis(0), length])
    x = n("Add", [n("Mul", [looked_up, scales]), positions])
    x = g.norm(x, "embedding_norm", w["encoder.norm.weight"], w["encoder.norm.bias"])
    one, far = c("one", np.array(1, np.float32)), c("far", np.array(1e4, np.float32))
    unseen = lambda mask: n("Mul", [n("Sub", [mask, one]), far])  # noqa: E731

    def two_in_one(values: str) -> str:
        """[batch, length, width] → half the mean of each two neighbours; zero stands beside one that is left over.
        A pooling, since tract has no strides over a length that it does not know."""
        pooled = n("AveragePool", [n("Unsqueeze", [values, axis(1)])], kernel_shape=[2, 1], strides=[2, 1], pads=[0, 0, 1, 0], count_include_pad=1)
        return n("Squeeze", [pooled, axis(1)])

    mask = n("Cast", ["attention_mask"], to=T.FLOAT)
    bias2 = unseen(mask)
    bias = n("Unsqueeze", [bias2, axis(1, 2)])
    split = c("split_qkv", np.array([E.WIDTH] * 3, np.int64))
    apart, together = c("apart", np.array([0, 0, E.ATTENTION_HEADS, SIZE], np.int64)), c("together", np.array([0, 0, E.WIDTH], np.int64))
    for number in range(E.LAYERS):
        at = f"encoder.layers.{number}."
        qkv_w, qkv_b = w[at + "qkv.weight"].copy(), w[at + "qkv.bias"].copy()
        qkv_w[: E.WIDTH] *= SIZE**-0.5  # the queries carry the scale of the attention
        qkv_b[: E.WIDTH] *= SIZE**-0.5
        qkv = g.linear(x, at + "qkv", qkv_w, qkv_b)
        q, k, v = n("Split", [qkv, split], outputs=3, axis=2)
        q = n("Transpose", [n("Reshape", [q, apart])], perm=[0, 2, 1, 3])
        k = n("Transpose", [n("Reshape", [k, apart])], perm=[0, 2, 3, 1])
        v = n("Transpose", [n("Reshape", [v, apart])], perm=[0, 2, 1, 3])
        attention = n("Softmax", [n("Add", [n("MatMul", [q, k]), bias])], axis=-1)
        attended = n("Reshape", [n("Transpose", [n("MatMul", [attention, v])], perm=[0, 2, 1, 3]), together])
        attended = g.linear(attended, at + "attention_out", w[at + "attention_out.weight"], w[at + "attention_out.bias"])
        x = g.norm(n("Add", [x, attended]), at + "attention_norm", w[at + "attention_norm.weight"], w[at + "attention_norm.bias"])
        inner = g.linear(x, at + "inner", w[at + "inner.weight"], w[at + "inner.bias"])
        half = n("Mul", [inner, c("half", np.array(0.5, np.float32))])
        erf = n("Erf", [n("Div", [inner, c("root2", np.array(np.sqrt(2), np.float32))])])
        inner = n("Mul", [half, n("Add", [erf, "one"])])
        outer = g.linear(inner, at + "outer", w[at + "outer.weight"], w[at + "outer.bias"])
        x = g.norm(n("Add", [x, outer]), at + "norm", w[at + "norm.weight"], w[at + "norm.bias"])
        if number + 1 == halve_after:
            wide = n("Unsqueeze", [mask, axis(2)])
            share = two_in_one(wide)  # of the two that is there: none, a half or all
            x = n("Div", [two_in_one(n("Mul", [x, wide])), n("Max", [share, c("half", np.array(0.5, np.float32))])])
            mask = n("Squeeze", [n("Ceil", [share]), axis(2)])
            bias2 = unseen(mask)
            bias = n("Unsqueeze", [bias2, axis(1, 2)])
    scores = n("Add", [n("MatMul", [x, c("queries", w["queries"])]), n("Unsqueeze", [bias2, axis(2)])])
    looks = n("Transpose", [n("Softmax", [scores], axis=1)], perm=[0, 2, 1])
    seen = n("MatMul", [looks, x])  # [batch, questions, width]
    cls = n("Slice", [x, axis(0), axis(1), axis(1)])  # [batch, 1, width]
    count = E.ASPECT_COUNT + len(E.ANSWERS)
    # one product for what each question saw, one for [CLS]; the questions are the batch of the first
    per = np.zeros((count, E.WIDTH, 5), np.float32)
    per_cls = np.zeros((E.WIDTH, count, 5), np.float32)
    offset = np.zeros((count, 5), np.float32)
    for aspect in range(E.ASPECT_COUNT):
        per[aspect, :, :4], per_cls[:, aspect, :4] = w["aspect_w"][aspect][: E.WIDTH], w["aspect_w"][aspect][E.WIDTH :]
        offset[aspect, :4] = w["aspect_b"][aspect]
    for number, (name, width) in enumerate(E.ANSWERS.items(), E.ASPECT_COUNT):
        head = w[f"heads.{name}.weight"].T
        per[number, :, :width], per_cls[:, number, :width] = head[: E.WIDTH], head[E.WIDTH :]
        offset[number, :width] = w[f"heads.{name}.bias"]
        if name == "sentiment":
            offset[number, 0] += mended.offset
    by_question = n("Unsqueeze", [seen, axis(2)])  # [batch, questions, 1, width]
    first = n("Squeeze", [n("MatMul", [by_question, c("heads_w", per)]), axis(2)])
    flat = n("Squeeze", [cls, axis(1)])
    second = n("Reshape", [n("MatMul", [flat, c("heads_cls", per_cls.reshape(E.WIDTH, -1))]), c("as_questions", np.array([0, count, 5], np.int64))])
    logits = n("Add", [n("Add", [first, second]), c("heads_b", offset)])
    pick = lambda a, b, width, name: n("Reshape", [n("Slice", [logits, c(f"{name}_from", np.array([a, 0], np.int64)), c(f"{name}_to", np.array([b, width], np.int64)), axis(1, 2)]), c(f"{name}_shape", np.array([0, (b - a) * width], np.int64))], name=name)  # noqa: E731
    pick(0, E.ASPECT_COUNT, 4, "aspects")
    for number, (name, width) in enumerate(E.ANSWERS.items(), E.ASPECT_COUNT):
        pick(number, number + 1, width, name if name != "sentiment" else "sentiment_plain")
    below = n("Sub", ["sentiment_plain", n("ReduceMax", ["sentiment_plain"], axes=[-1], keepdims=1)])  # -d
    linear, square = (n("Mul", [value, c(f"curve_{number}", np.array(factor, np.float32))]) for number, (value, factor) in enumerate([(below, mended.curve[0]), (n("Mul", [below, below]), mended.curve[1])]))
    n("Sub", [linear, square], name="sentiment")
    n("LpNormalization", [flat], name="vector", axis=1, p=2)
    sizes = {"sentiment": 3, "aspects": 64, "severity": 4, "intent": 5, "valid": 2, "vector": E.WIDTH}
    graph = helper.make_graph(
        g.nodes,
        "qingting-precise",
        [helper.make_tensor_value_info(name, T.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(name, T.FLOAT, ["batch", size]) for name, size in sizes.items()],
        [numpy_helper.from_array(value, name) for name, value in g.constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)], ir_version=8, producer_name="qingting")
    onnx.checker.check_model(model)
    return model


def vocabulary(directory: Path) -> list[str]:
    return (directory / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")


def load(directory: Path, model: E.Model, pieces: list[str]) -> None:
    """Gives `model` the weights that `build` wrote (scheme `tensor`) into a graph for the same `pieces`: those of
    products in 8 bits, the heads with an offset of the sentiment in them."""
    if vocabulary(directory) != pieces:
        raise SystemExit(f"{directory}/vocab.txt is not the vocabulary of this work directory: its texts gave another one; give `correct` a directory of its own")
    graph = onnx.load(str(directory / "model.onnx")).graph
    c = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    state = {
        "encoder.words.weight": c["words"] * c["words_scale"][:, None], "encoder.positions.weight": c["positions"],
        "encoder.norm.weight": c["embedding_norm_w"], "encoder.norm.bias": c["embedding_norm_b"], "queries": c["queries"],
    }
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            name = node.input[1].removesuffix("_w")
            weight = c[name + "_w"] * c[name + "_s"]
            fed = makers[makers[node.input[0]].input[0]]
            if fed.op_type == "Mul" and fed.input[1].endswith("_smooth"):
                weight = weight * c[fed.input[1]][:, None]
            state[name + ".weight"], state[name + ".bias"] = weight.T.copy(), c[name + "_b"].copy()
            if name.endswith("qkv"):
                state[name + ".weight"][: E.WIDTH] *= SIZE**0.5
                state[name + ".bias"][: E.WIDTH] *= SIZE**0.5
    for number in range(E.LAYERS):
        for norm in ("attention_norm", "norm"):
            at = f"encoder.layers.{number}.{norm}"
            state[at + ".weight"], state[at + ".bias"] = c[at + "_w"], c[at + "_b"]
    by_question, by_cls, offset = c["heads_w"], c["heads_cls"].reshape(E.WIDTH, -1, 5).transpose(1, 0, 2), c["heads_b"]
    both = np.concatenate([by_question, by_cls], axis=1)  # [questions, 2 × width, answers]
    state["aspect_w"], state["aspect_b"] = both[: E.ASPECT_COUNT, :, :4], offset[: E.ASPECT_COUNT, :4]
    for number, (name, width) in enumerate(E.ANSWERS.items(), E.ASPECT_COUNT):
        state[f"heads.{name}.weight"], state[f"heads.{name}.bias"] = both[number, :, :width].T, offset[number, :width]
    missing = model.load_state_dict({name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()}, strict=False)
    assert all(name.startswith("auxiliary.") for name in missing.missing_keys) and not missing.unexpected_keys, missing


def input_ranges(model: E.Model, batches, share: float = 0.9999) -> dict[str, dict]:
    """What each linear layer is fed over `batches` of (ids, mask): its range without the last ten-thousandth, and by channel."""
    seen: dict[str, list[torch.Tensor]] = {}
    hooks = []
    current_mask = [None]
    for name, module in model.encoder.named_modules():
        if isinstance(module, torch.nn.Linear):

            def look(_, inputs, name="encoder." + name):
                states, mask = inputs[0].float(), current_mask[0]
                if states.shape[1] != mask.shape[1]:
                    _, mask = E.halved(mask[:, :, None].float(), mask)
                seen.setdefault(name, []).append(states[mask])

            hooks.append(module.register_forward_pre_hook(look))
    model.eval()
    with torch.no_grad():
        for ids, mask in batches:
            current_mask[0] = mask
            model(ids, mask, auxiliary=False)
    for hook in hooks:
        hook.remove()

    def quantile(values: np.ndarray, at: float):
        return lambda factor: float(np.quantile(values / factor, at))

    ranges = {}
    for name, parts in seen.items():
        values = torch.cat(parts).numpy()[:4000]
        ranges[name] = {
            "low": float(np.quantile(values, 1 - share)), "high": float(np.quantile(values, share)), "channels": np.abs(values).max(0),
            "scaled_low": quantile(values, 1 - share), "scaled_high": quantile(values, share),
        }
    return ranges


def write(out: Path, version: str, graph: bytes, vocabulary: list[str], head: int, tail: int, calibration: Calibration, valid_threshold: float, confidence: dict) -> None:
    """Everything of models/precise but its card and its notice."""
    out.mkdir(parents=True, exist_ok=True)
    pieces = ("\n".join(vocabulary) + "\n").encode("utf-8")
    (out / "vocab.txt").write_bytes(pieces)
    session = exported.session_of(graph)
    built, lines = wordpiece.tokenizer(vocabulary), []
    for text in manifest.VECTOR_TEXTS:
        row = wordpiece.encode(built, [D.fold(text)], head, tail)[0].astype(np.int64)
        found = dict(zip([output.name for output in session.get_outputs()], session.run(None, {"input_ids": row[None], "attention_mask": np.ones_like(row)[None]})))
        p = calibration.probabilities(found)
        line = {"text": text, "ids": row.tolist()}
        line |= {name: [round(float(value), 4) for value in p[name][0]] for name in ("sentiment", "severity", "intent", "valid")}
        line["named"] = [round(float(1 - value), 4) for value in p["aspects"][0, :, 0]]
        line["vector_start"] = [round(float(value), 4) for value in found["vector"][0, :8]]
        lines.append(json.dumps(line, ensure_ascii=False))
    (out / "vectors.json").write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    tokenizer = {
        "kind": "wordpiece", "vocabulary": "vocab.txt", "vocabulary_sha256": manifest.sha256(pieces), "lowercase": True,
        "head_tokens": head, "tail_tokens": tail, "ids": "input_ids", "mask": "attention_mask",
    }
    manifest.write(out, "precise", version, graph, tokenizer, calibration, confidence, valid_threshold, {"output": "vector", "dimension": E.WIDTH})
    print(f"{out}: model.onnx {len(graph):,} bytes, {len(vocabulary):,} pieces")
