"""Every command of README.md, CONTRIBUTING.md and docs/ is typed in order, and does what is shown there.

A document has one reader, `you`, whose shell stays open from its first command to its last. What others do
is typed in a shell of `they`. Both have the quick profile, a bare git remote, and a DVC remote in a folder.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pytest
import yaml
from PIL import Image

from stages.fetch_digits.numerals import draw_digits
from stages.fetch_masks.photographs import draw_photograph, plan_photographs
from tests.conftest import ROOT, Workspace
from tests.making import picture_bytes, put
from tools import quick

DOCUMENTS = ["README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))]

SMALL_INSTALL = "downloads packages, and is said to be untested"
REAL_DATA = "needs the real data, every run of the report, and 100 minutes"
CLUSTER = "needs other machines; tests/runtime/test_compute.py starts both on this one"
NOT_TYPED = {  # command: why
    "python3 -m venv .venv && .venv/bin/pip install uv": SMALL_INSTALL,
    ".venv/bin/uv pip install --python .venv --torch-backend cpu --no-verify-hashes -r pyproject.toml "
    "-c requirements.txt": SMALL_INSTALL,
    "touch .venv/ready": SMALL_INSTALL,
    "dvc exp run -S data.digits=/data/tibetan-mnist.npz -S data.masks=/data/medical-masks.zip "
    "-S mlp.defaults.seeds=3 -S mlp.runs.custom.seeds=3 -S cnn.defaults.seeds=4 -S cnn.runs.custom.seeds=4 "
    "-S +mlp.runs.step_affine.epochs=120 -S cnn.runs.cv_larger.epochs=30": REAL_DATA,
    "python -m tools.compare": REAL_DATA,
    "python -m dask scheduler": CLUSTER,
    "python -m tools.dask_worker tcp://10.0.0.1:8786 --nworkers 8": CLUSTER,
    'make bench ARGS="--digits .../tibetan-mnist.npz --masks .../medical-masks.zip"': "takes an hour",
    "make verify": "runs every stage anew, as tests/test_same_bytes.py does",
}

# What a document leaves to its readers, or says has happened: command: what is typed before it, and by whom.
BACK = "git checkout --quiet . && git clean --quiet -fd metrics plots && dvc checkout --quiet"
RATE = "-S mlp.runs.custom.learning_rate"
MADE = (  # what `make repro` leaves, in a clone
    "cp -a <quick run> <its folder> && cd <its folder> && git branch --move main && "
    "git remote add origin <this repository> && git fetch --quiet && git branch --quiet -u origin/main"
)
ENVIRONMENT = "mkdir .venv && ln -s <environment>/{bin,lib,pyvenv.cfg} .venv && touch .venv/ready"
# All that README.md runs first is of the settings of the quick run: nothing is trained again.
CACHE = (
    "cp -r <quick run>/.dvc/cache ~/cache && .venv/bin/dvc config --global cache.dir ~/cache && "
    "echo '{}' > quick.yaml"
)
ENDED = (
    "while dvc queue status | grep --quiet --extended-regexp 'Queued|Running'; do sleep 1; done; "
    "! dvc queue status | grep Failed"
)
FEWER_RUNS = "sed -i '/^    cv_/d' params.yaml"  # where all CNNs are trained anew
MY_FOLDER = (
    f"{FEWER_RUNS} && "
    "cp -r /data/faces faces && sed -i 's#.stages/fetch_masks, #[faces, stages/fetch_masks, #' dvc.yaml && "
    "sed -i 's/  masks: synthetic /  masks: faces /; s/mask_weared_incorrect/incorrect/' params.yaml"
)
BEFORE = {
    "make quick": [("you", f"{ENVIRONMENT} && {CACHE}")],
    "dvc status": [("you", "sed -i 's/^      epochs: 30$/      epochs: 29/' params.yaml")],
    "dvc exp run -S 'mlp.runs.custom.hidden=[100,50]'": [("you", BACK)],
    "dvc exp run -S cnn.defaults.epochs=20": [("you", FEWER_RUNS)],
    "python -m tools.experiments": [
        ("you", f"dvc exp run --name spent-tale {RATE}=0.1 evaluate_mlp && {BACK}"),
        ("you", f"dvc exp run --name whist-coat {RATE}=0.01 evaluate_mlp && {BACK}"),
    ],
    "dvc exp run --queue -S 'mlp.runs.custom.learning_rate=0.01,0.1'": [("you", BACK)],
    "dvc queue start": [("you", f"dvc exp run --queue --name later {RATE}=0.05 evaluate_mlp")],
    "dvc queue status": [("you", ENDED)],
    "make .venv/ready && source .venv/bin/activate": [("they", ENVIRONMENT)],
    "dvc exp push origin spent-tale": [  # as it is of a commit that has no remote
        ("you", "dvc exp remove spent-tale"),
        ("you", f"dvc exp run --name spent-tale {RATE}=0.1 evaluate_mlp && {BACK}"),
    ],
    "git pull --no-rebase": [
        ("they", f"{BACK} && dvc exp run -S mlp.runs.best_small.epochs=9 evaluate_mlp"),
        ("they", "git commit -a -m Theirs && dvc push && git push"),
        ("you", "dvc exp run -S mlp.runs.custom.epochs=9 evaluate_mlp && git commit -a -m Mine"),
    ],
    "dvc add faces": [("you", MY_FOLDER)],
}
THEIRS = {
    "git clone <address of the repository> && cd <its folder>",
    "make .venv/ready && source .venv/bin/activate",
    "dvc pull && dvc repro",
    "dvc exp pull origin spent-tale && dvc exp apply spent-tale",
    "dvc push --run-cache",
}
FAILS = {"git pull --no-rebase"}  # as is shown there
TYPED_AS = {
    "dvc gc --workspace": "dvc gc --workspace --force",  # it asks, and in a terminal alone
    "dvc exp run -S cnn.defaults.epochs=20": "dvc exp run -S cnn.defaults.epochs=2",  # take less time
    "dvc exp run --queue -S 'mlp.runs.custom.learning_rate=0.01,0.1'": (
        "dvc exp run --queue -S 'mlp.runs.custom.learning_rate=0.01,0.1' evaluate_mlp"
    ),
    "dvc exp run -S cnn.runs.custom.folds=5": "dvc exp run -S cnn.runs.custom.folds=2",
    "dvc exp run -S crop_masks.side=48": "dvc exp run -S crop_masks.side=24",
}


class Command(NamedTuple):
    typed: str  # without its comment
    shown: list[str]  # the lines below it


@cache
def read_commands(document: str) -> list[Command]:
    """Those of the `console` blocks. One without any is the end of what the command before it prints."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found: list[Command] = []
    for block in re.finditer(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if not block[1].startswith("$ "):
            named = re.search(r"`([^`]+)`\s+ends with\s+$", text[: block.start()])
            assert named, f"{document}: no command, and none is named before\n{block[1]}"
            next(each for each in found if each.typed == named[1]).shown.extend(block[1].splitlines())
            continue
        for line in re.sub(r"\\\n\s*", "", block[1]).splitlines():
            if line.startswith("$ "):
                found.append(Command(re.sub(r"\s+#.*", "", line[2:]), []))
            else:
                found[-1].shown.append(line)
    assert len(found) == len(re.findall(r"^\s*\$ ", text, re.MULTILINE)), document
    assert set(re.findall(r"^```(\w+)", text, re.MULTILINE)) <= {"console", "yaml", "mermaid"}, document
    return found


def to_type(document: str) -> list[Command]:
    return [command for command in read_commands(document) if command.typed not in NOT_TYPED]


def words(line: str) -> set[str]:
    """The words of a line, without numbers and names with digits, which differ from run to run."""
    return {word for word in line.split() if re.search(r"[^\W\d_]", word) and not re.search(r"\d", word)}


class Shell:
    """A shell that stays open, so that its folder and environment carry over."""

    def __init__(self, folder: Path, home: Path) -> None:
        folder.mkdir()
        self.bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=quick.environment() | {"HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> tuple[int, str]:
        """The exit status of a command, and what it printed."""
        assert self.bash.stdin and self.bash.stdout
        self.bash.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\nended with %s\\n' $?\n")
        self.bash.stdin.flush()
        printed = ""
        for line in self.bash.stdout:
            if ended := re.fullmatch(r"ended with (\d+)\n", line):
                return int(ended[1]), printed
            printed += line
        raise AssertionError(f"{command}: the shell ended\n{printed}")


def put_faces(folder: Path) -> None:
    """Drawn photographs as README shows them: in YOLO's layout, with a validation set."""
    labels = {"bad": "without_mask", "good": "with_mask", "none": "incorrect"}
    put(folder / "data.yaml", yaml.safe_dump({"names": list(labels.values())}).encode())
    for index, plan in enumerate(plan_photographs(20, seed=1)):
        split = {"train": "train", "test": "valid"}[plan.split]
        jpeg, rows = draw_photograph(plan, 1, index)
        lines = []
        for _, width, height, label, *corners in rows:
            left, top, right, bottom = np.clip(corners, 0, [width, height] * 2) / ([width, height] * 2)
            box = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
            lines.append(f"{list(labels).index(label)} " + " ".join(f"{share:.6f}" for share in box))
        put(folder / split / "images" / plan.filename, jpeg)
        put(folder / split / "labels" / f"{Path(plan.filename).stem}.txt", "\n".join(lines).encode())


@pytest.fixture
def places(quick_run: Workspace, tmp_path: Path) -> dict[str, str]:
    """What stands in the documents for something of the reader's: what is typed."""
    images, _ = draw_digits(10, seed=1)
    for index, image in enumerate(images):
        put(tmp_path / f"data/numerals/{index}.png", picture_bytes(Image.fromarray(image)))
    put_faces(tmp_path / "data/faces")
    jpeg, [(*_, left, top, right, bottom), *_] = draw_photograph(plan_photographs(20, seed=1)[0], 1, 0)
    face = Image.open(BytesIO(jpeg)).crop((left, top, right, bottom))
    put(tmp_path / "data/face.jpg", picture_bytes(face, "JPEG"))
    remote = tmp_path / "report.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", quick_run.folder, remote], check=True)
    subprocess.run(["git", "branch", "--move", "main"], cwd=remote, check=True)
    return {
        "/data/faces": f"{tmp_path}/data/faces",
        " my-numerals/": f" {tmp_path}/data/numerals/",
        " face.jpg": f" {tmp_path}/data/face.jpg",
        " faces/": f" {tmp_path}/data/faces/",
        "<this repository>": str(remote),
        "<address of the repository>": str(remote),
        "<its folder>": "report",
        "<name>": "later",
        "/path/or/s3://bucket/report": f"{tmp_path}/storage",
        "<quick run>": str(quick_run.folder),
        "<environment>": sys.prefix,
    }


@pytest.fixture
def shells(tmp_path: Path) -> Iterator[dict[str, Shell]]:
    put(tmp_path / "home/.gitconfig", b"[user]\nname = someone\nemail = someone@example.org\n")
    shells = {name: Shell(tmp_path / name, tmp_path / "home") for name in ("you", "they")}
    yield shells
    for shell in shells.values():
        shell.bash.communicate()
    for process in psutil.process_iter(["cwd"]):  # a worker of a queue waits for more, for a while
        if Path(process.info["cwd"] or "/").is_relative_to(tmp_path):
            process.kill()


def test_the_tables_name_commands_of_the_documents() -> None:
    commands = {command.typed for document in DOCUMENTS for command in read_commands(document)}
    for table in (NOT_TYPED, BEFORE, THEIRS, FAILS, TYPED_AS):
        assert not set(table) - commands


@pytest.mark.witness
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("document", [name for name in DOCUMENTS if to_type(name)])
def test_every_command_does_what_is_shown(
    document: str, places: dict[str, str], shells: dict[str, Shell]
) -> None:
    def fill(text: str) -> str:
        for name, place in places.items():
            text = text.replace(name, place)
        return text

    def type_in(who: str, text: str, fails: bool = False) -> str:
        status, printed = shells[who].type(fill(text))
        assert (status != 0) == fails, f"{document}, {who}: $ {text}\n{printed}"
        return printed

    commands = to_type(document)
    if not commands[0].typed.startswith("git clone"):
        type_in("you", MADE)
    for command in commands:
        for who, text in BEFORE.get(command.typed, []):
            type_in(who, text)
        who = "they" if command.typed in THEIRS else "you"
        text = TYPED_AS.get(command.typed, command.typed)
        printed = type_in(who, text, fails=command.typed in FAILS)
        lines = iter(printed.splitlines())
        for shown in filter(words, command.shown):
            assert any(words(fill(shown)) <= words(line) for line in lines), (
                f"{document}: $ {command.typed}\nno line, after those before, like\n{shown}\nin\n{printed}"
            )
