"""Answers of the graphs as exported, in ONNX Runtime on one thread."""

from __future__ import annotations

import numpy as np
import onnxruntime

import fast


def session_of(graph: bytes):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def one_by_one(pieces: list[np.ndarray], graph: bytes):
    """Of a graph over pieces: texts → logits, each text in a run of its own as in the stage; remembered, since runs are slow."""
    session, known = session_of(graph), {}
    names = [output.name for output in session.get_outputs() if output.name != "vector"]

    def answer(index: np.ndarray) -> dict[str, np.ndarray]:
        for k in index:
            if k not in known:
                ids = pieces[k].astype(np.int64)[None]
                known[k] = session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return {name: np.concatenate([known[k][at] for k in index]) for at, name in enumerate(names)}

    return answer


def bag_answers(folded: list[str], graph: bytes, remap: np.ndarray):
    """Of a graph over n-grams."""
    session = session_of(graph)

    def answer(chosen: np.ndarray) -> dict[str, np.ndarray]:
        bags = fast.Bags.of([folded[k] for k in chosen]).mapped(remap)
        rows = [bags.row(k) if len(bags.row(k)) else np.zeros(1) for k in range(len(chosen))]
        runs = [session.run(list(fast.WIDTHS), {"rows": row.astype(np.int32)[None]}) for row in rows]
        return {name: np.concatenate([run[at] for run in runs]) for at, name in enumerate(fast.WIDTHS)}

    return answer
