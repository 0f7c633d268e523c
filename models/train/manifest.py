"""Writes manifest.toml, the contract between a model and the stage; see src/classify/manifest.rs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import data as D
from measure import Calibration

# Invented. The stage's tests hold the Rust code to the inputs and answers that these get here.
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


def sha256(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def _value(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return str(value)


def write(out: Path, name: str, version: str, graph: bytes, tokenizer: dict, calibration: Calibration, confidence: dict, valid_threshold: float, vector: dict | None = None) -> None:
    """The graph as model.onnx and the manifest that names it; the tokenizer's own files are the caller's."""
    (out / "model.onnx").write_bytes(graph)
    lines = [
        "# The contract of this model; see src/classify/manifest.rs. Written by models/train/manifest.py.",
        'schema = "qingting.model/1"',
        f'name = "{name}"',
        f'version = "{version}"',
        'language = "zh"',
        'model = "model.onnx"',
        f'sha256 = "{sha256(graph)}"',
        "",
        "[tokenizer]",
        *[f"{key} = {_value(value)}" for key, value in tokenizer.items()],
        "",
    ]
    if vector:
        lines += ["[vector]", *[f"{key} = {_value(value)}" for key, value in vector.items()], ""]
    for head, labels in (
        ("sentiment", D.SENTIMENTS), ("aspects", D.ASPECTS), ("severity", D.SEVERITIES), ("intent", D.INTENTS), ("valid", D.VALIDITIES),
    ):
        lines += [f"[heads.{head}]", f'output = "{head}"', f"labels = {_value(labels)}"]
        if head == "aspects":
            lines += [f"polarities = {_value(D.POLARITIES)}", f"thresholds = [{', '.join(f'{t:.2f}' for t in calibration.thresholds)}]"]
        if head == "valid":
            lines += [f"threshold = {valid_threshold:.2f}"]
        lines += [f"temperature = {calibration.temperatures[head]:.2f}", ""]
    lines += ["[confidence]", *[f"{key} = {value:.2f}" for key, value in confidence.items()], ""]
    (out / "manifest.toml").write_text("\n".join(lines), encoding="utf-8")
