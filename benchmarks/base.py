"""The base that training starts from: how like its teacher it is, and what it costs in time, memory and megabytes.

    python benchmarks/base.py likeness --text FOLDER [--count 2000]
    python benchmarks/base.py speed
    python benchmarks/base.py start --model FOLDER [--question TEXT]
    python benchmarks/base.py size

`likeness` is judged by sentences that the base was not taught: those that its making holds out of the texts in FOLDER,
which has to be the folder that the base was made from. benchmarks/README.md says what the figures are.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import numpy as np
from numpy.typing import NDArray

from benchmarks.isolated import ROOT, environment, status
from benchmarks.peers import MiniLmNearest, NotApplicableError, prepare

Floats = NDArray[np.floating[Any]]

WARM_UP = 10
REPEATS = 5
_TOPICS = {
    "en": (
        "refund", "invoice", "password", "delivery", "subscription",
        "account", "warranty", "order", "voucher", "booking",
    ),
    "zh": ("退款", "发票", "密码", "快递", "会员", "账户", "保修", "订单", "优惠券", "预约"),
}  # fmt: skip
_FRAMES = {
    "en": (
        "{}?",
        "my {} please",
        "where is my {}",
        "how do i change the {}?",
        "can you tell me more about the {} of last week?",
        "I still have not heard anything about my {}, who can help me with it?",
        "is there a fee if i cancel the {} today, and how long will it take until everything is settled?",
        "Good morning, I bought two cups from you in March, one of them arrived broken, and now I wonder what I "
        "have to do about the {}.",
        "I have tried three times to reach you by telephone about the {}, and every time I was told to wait; could "
        "somebody please write to me before Friday and say what happens next?",
        "Hello! First of all thank you for the quick answer of yesterday. I did what you said, I logged out and in "
        "again and looked at the page once more, but the {} is still not the one that I asked for. What now?",
    ),
    "zh": (
        "{}？",
        "{}在哪里",
        "怎么修改{}",
        "我的{}为什么还没有到",
        "请问{}需要多长时间才能处理好？",
        "上个星期的{}出了问题，我应该联系哪个部门？",
        "如果我今天取消{}，会不会收手续费，钱大概几天能回来？",
        "你好，我三月份在你们店里买了两个杯子，其中一个到的时候已经碎了，{}应该怎么办理？",
        "我已经打了三次电话问{}的事情，每次都让我等，能不能在星期五之前给我一个明确的答复，告诉我下一步怎么做？",
        "您好，首先谢谢您昨天的回复。我按照您说的退出之后重新登录，又看了一遍页面，可是{}还是不对，跟我当初申请的不一样，请问我还能怎么办？",
    ),
}
_COLD = """
import atexit, sys
sys.path.insert(0, {root!r})
def tell():
    with open({out!r}, "w") as file:
        print("torch" if "torch" in sys.modules else "", file=file)
        file.write(open("/proc/self/status").read())
atexit.register(tell)
sys.argv = ["attendant", *{arguments!r}]
from bot.cli.main import main
main()
"""  # the command as it is installed, and on its way out a look at itself


class FailedError(Exception):
    """A measurement cannot be made; says why."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two encoders of the same texts: correlations of all cosines between two of them, by value and by rank, and the
    share of texts that have the same nearest neighbour.
    """

    pearson: float
    spearman: float
    neighbours: float


@dataclass(frozen=True, slots=True)
class Start:
    """One start: seconds until the process had ended, its CPU seconds and its peak, and whether PyTorch was loaded."""

    wall: float
    cpu: float
    megabytes: float | None
    torch: bool


def main() -> int:
    """Do one command; 1 where it cannot be measured."""
    options = _parser().parse_args()
    try:
        for line in options.lines(options):
            print(line, flush=True)
    except (FailedError, OSError, ModuleNotFoundError, NotApplicableError) as error:
        print(f"base: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    like = commands.add_parser("likeness", help="cosines and neighbours beside the teacher's")
    like.add_argument("--text", type=Path, required=True, help="the folder with the texts that the base was made from")
    like.add_argument("--count", type=int, default=2000, help="held-out sentences to compare, all by default")
    like.set_defaults(lines=likeness_lines)
    speed = commands.add_parser("speed", help="CPU time to encode one question, beside the teacher's")
    speed.add_argument("--only", choices=ENCODERS, help="time this one in this very process, and print JSON")
    speed.set_defaults(lines=speed_lines)
    start = commands.add_parser("start", help="one answer, from nothing")
    start.add_argument("--model", type=Path, required=True, help="a trained model folder")
    start.add_argument("--question", default="how long does delivery take?")
    start.set_defaults(lines=start_lines)
    commands.add_parser("size", help="megabytes that the base adds to the wheel").set_defaults(lines=size_lines)
    return parser


def likeness_lines(options: argparse.Namespace) -> list[str]:
    """How like the teacher the base is on sentences that it was not taught."""
    import torch

    from benchmarks.pretrain import teacher
    from benchmarks.pretrain.corpus import Corpus
    from benchmarks.pretrain.lesson import held_out

    torch.set_num_threads(1)
    corpus = Corpus.read(options.text)
    kept = [corpus.english[row] for row in held_out(corpus.english)]
    texts = kept[: options.count]
    if len(texts) < 3:
        raise FailedError(f"{len(texts)} held-out sentences to compare are too few; --text or --count asks for more")
    encode = base_encoder()
    found = likeness(encode(texts), teacher.Teacher().embed(texts).astype(np.float32))
    lines = [
        f"{len(texts):,} of {len(kept):,} held-out English sentences",
        f"{'correlation of cosines with the teacher, Pearson':<52}{found.pearson:>8.3f}",
        f"{'the same by rank, Spearman':<52}{found.spearman:>8.3f}",
        f"{'nearest neighbour is that of the teacher':<52}{found.neighbours:>8.1%}",
    ]
    pairs = held_out_translations(corpus.translations, frozenset(kept))
    if len(pairs) > 1:
        english, chinese = (encode(side) for side in zip(*pairs, strict=True))
        share = float(((chinese @ english.T).argmax(axis=1) == np.arange(len(pairs))).mean())
        said = f"{'Chinese text whose nearest is its own translation':<52}{share:>8.1%}"
        lines.append(f"{said}   (of {len(pairs):,} held-out pairs)")
    return lines


def likeness(own: Floats, theirs: Floats) -> Likeness:
    """How alike two encoders are, from their unit vectors of the same texts, of shapes (N, V) and (N, W)."""
    cosines = own @ own.T, theirs @ theirs.T
    above = np.triu_indices(len(own), 1)
    one, other = (matrix[above].astype(np.float64) for matrix in cosines)
    for matrix in cosines:
        np.fill_diagonal(matrix, -np.inf)  # no text is its own neighbour
    nearest, wanted = (matrix.argmax(axis=1) for matrix in cosines)
    return Likeness(
        float(np.corrcoef(one, other)[0, 1]),
        float(np.corrcoef(ranks(one), ranks(other))[0, 1]),
        float((nearest == wanted).mean()),
    )


def ranks(values: Floats) -> Floats:
    """The rank of every value from 0 on; equal values share the mean of theirs. Shape: that of ``values``, (N,)."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    shared: Floats = (first + (counts - 1) / 2)[places]
    return shared


def held_out_translations(translations: Sequence[tuple[str, str]], kept: frozenset[str]) -> list[tuple[str, str]]:
    """The pairs whose English side is held out and whose Chinese side is not taught by another pair, each side once."""
    taught = {chinese for english, chinese in translations if english not in kept}
    pairs = [(english, chinese) for english, chinese in translations if english in kept and chinese not in taught]
    once = {chinese: english for english, chinese in dict(pairs).items()}
    return [(english, chinese) for chinese, english in once.items()]


def base_encoder() -> Callable[[Sequence[str]], Floats]:
    """The base as the engine uses it, in numpy: unit vectors of texts, shape (texts, V)."""
    from engine.base.base import BaseEncoder, shipped
    from engine.understand.slots import SlotFinder

    return BaseEncoder(shipped(), SlotFinder()).vectors


def teacher_encoder() -> Callable[[Sequence[str]], Floats]:
    """The teacher as its own library runs it: unit vectors of texts, shape (texts, 384).

    Raises:
        NotApplicableError: If it is not installed.
    """
    peer = MiniLmNearest()
    prepare(peer)
    return peer.encode


ENCODERS: dict[str, Callable[[], Callable[[Sequence[str]], Floats]]] = {
    "base": base_encoder,
    "teacher": teacher_encoder,
}


def speed_lines(options: argparse.Namespace) -> list[str]:
    """CPU time of one question by itself, the base beside its teacher, each in a process of its own."""
    if options.only:
        return [json.dumps(timed(ENCODERS[options.only]()))]
    times = {name: _timed_apart(name) for name in ENCODERS}
    asked = questions()
    lines = [
        f"CPU milliseconds of one question by itself, {len(asked)} different ones, one thread",
        f"{'':<10}{'median':>10}{'p95':>10}{'English':>10}{'Chinese':>10}",
    ]
    for name, found in times.items():
        parts = [
            [one for one, (language, _) in zip(found, asked, strict=True) if language == wanted] for wanted in _FRAMES
        ]
        figures = [statistics.median(found), float(np.quantile(found, 0.95)), *map(statistics.median, parts)]
        lines.append(f"{name:<10}{''.join(f'{figure:>10.2f}' for figure in figures)}")
    ratio = statistics.median(times["teacher"]) / statistics.median(times["base"])
    return [*lines, f"the teacher takes {ratio:.1f} times as long"]


def _timed_apart(name: str) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.base", "speed", "--only", name]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(f"{name}: {done.stderr.strip().splitlines()[-1].removeprefix('base: ')}")
    times: list[float] = json.loads(done.stdout.splitlines()[-1])
    return times


def timed(encode: Callable[[Sequence[str]], Floats]) -> list[float]:
    """Milliseconds of CPU time for each of the questions, after a few others to warm up."""
    texts = [text for _, text in questions()]
    for text in texts[:: len(texts) // WARM_UP]:
        encode([f"{text} !"])
    times: list[float] = []
    for text in texts:
        began = time.process_time_ns()
        encode([text])
        times.append((time.process_time_ns() - began) / 1e6)
    return times


def questions() -> list[tuple[str, str]]:
    """Languages and 200 different questions, from one word to three sentences."""
    return [
        (language, frame.format(topic))
        for language, frames in _FRAMES.items()
        for frame in frames
        for topic in _TOPICS[language]
    ]


def start_lines(options: argparse.Namespace) -> list[str]:
    """One answer of the command line, from nothing to the end of the process, the median of several."""
    starts = [cold(["ask", "--model", str(options.model.resolve()), options.question]) for _ in range(REPEATS)]
    peaks = [one.megabytes for one in starts if one.megabytes is not None]
    loaded = "yes" if any(one.torch for one in starts) else "no"
    return [
        f"attendant ask {options.question!r}, median of {REPEATS}",
        f"{'wall-clock seconds':<24}{statistics.median(one.wall for one in starts):>8.2f}",
        f"{'CPU seconds':<24}{statistics.median(one.cpu for one in starts):>8.2f}",
        f"{'peak memory, MB':<24}{f'{statistics.median(peaks):.0f}' if peaks else '-':>8}",
        f"{'PyTorch loaded':<24}{loaded:>8}",
    ]


def cold(arguments: Sequence[str]) -> Start:
    """Run ``attendant`` with some arguments in a new process.

    Raises:
        FailedError: If it fails.
    """
    with tempfile.TemporaryDirectory(prefix="attendant-start-") as folder:
        out = Path(folder) / "told"
        code = _COLD.format(root=str(ROOT), out=str(out), arguments=list(arguments))
        began, began_cpu = time.perf_counter(), _children_cpu()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        wall, cpu = time.perf_counter() - began, _children_cpu() - began_cpu
        if done.returncode:
            raise FailedError(f"attendant {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
        return Start(wall, cpu, status("VmHWM", out), out.read_text("ascii").startswith("torch"))


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def size_lines(_: argparse.Namespace) -> list[str]:
    """Megabytes of the wheel, and of the files of the base in it."""
    with tempfile.TemporaryDirectory(prefix="attendant-wheel-") as folder:
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FailedError(f"the wheel cannot be built: {done.stderr.strip().splitlines()[-1]}")
        (path,) = Path(folder).glob("*.whl")
        return wheel_lines(path)


def wheel_lines(path: Path) -> list[str]:
    """Megabytes of a wheel, and of what is in ``engine/base/`` there, as they lie in it and unpacked."""
    with zipfile.ZipFile(path) as wheel:
        every = wheel.infolist()
    base = [one for one in every if one.filename.startswith("engine/base/")]
    rows = [
        (path.name, path.stat().st_size, sum(one.file_size for one in every)),
        *((one.filename, one.compress_size, one.file_size) for one in base),
        ("engine/base/ together", sum(one.compress_size for one in base), sum(one.file_size for one in base)),
    ]
    return [
        f"{'MB':<44}{'packed':>10}{'unpacked':>10}",
        *(f"{name:<44}{packed / 1e6:>10.3f}{unpacked / 1e6:>10.3f}" for name, packed, unpacked in rows),
    ]


if __name__ == "__main__":
    sys.exit(main())
