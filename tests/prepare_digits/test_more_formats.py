"""Digits as public data sets and courses have them: each layout gives the samples of the arrays in it."""

import gzip
import io
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from pipeline.common.digits import Digits, load_classes, load_digits
from pipeline.common.paths import DIGITS, DIGITS_NOTES, RAW_DIGITS
from pipeline.common.storage import read_json
from pipeline.runtime.errors import InputError
from stages.fetch_digits import __main__ as fetch_digits
from stages.prepare_digits import __main__ as prepare_digits
from stages.prepare_digits.formats import read_digits
from stages.prepare_digits.notes import Notes
from tests.making import Members, Project, npz, put, zipped
from tests.prepare_digits.test_formats import IMAGES as WHOLE
from tests.prepare_digits.test_formats import LABELS, PARTS, idx, png

IMAGES = WHOLE.copy()
IMAGES[:, 9, 3:15] = 200  # not the same once rows and columns are exchanged
TURNED, FLAT = IMAGES.swapaxes(1, 2), IMAGES.reshape(-1, 784)
COLOURS = np.stack([IMAGES] * 3, axis=-1)
HEADER = ["label", *(f"pixel{number}" for number in range(784))]
UNSPLIT = {"": slice(0, 30)}


def read(folder: Path, members: Members, class_from: str = "auto") -> tuple[dict[str, Digits], Notes]:
    put(folder / "digits.zip", zipped(members))
    return read_digits(folder / "digits.zip", class_from)


def csv(
    labels: Sequence[object],
    images: np.ndarray = FLAT,
    header: Sequence[object] = HEADER,
    last: bool = False,
) -> bytes:
    """Pixels in CSV with the label first, or last."""
    rows = [
        [*image, label] if last else [label, *image]
        for image, label in zip(images.tolist(), labels, strict=True)
    ]
    return "".join(",".join(map(str, row)) + "\n" for row in ([header] if header else []) + rows).encode()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def mat(compress: bool = True, **arrays: object) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, arrays, do_compression=compress)
    return buffer.getvalue()


def by_split(name: str, content: Callable[[slice], bytes]) -> Members:
    return {name.format(split): content(rows) for split, rows in PARTS.items()}


def pairs(
    name: str, labels: str, images: np.ndarray, classes: np.ndarray, pack: Callable[[np.ndarray], bytes]
) -> Members:
    """A file of images and one of labels for each set."""
    kinds = {"images-idx3-ubyte": images, labels: classes}
    return {
        name.format(split, kind): pack(array[rows])
        for split, rows in PARTS.items()
        for kind, array in kinds.items()
    }


def packed_idx(array: np.ndarray) -> bytes:
    return gzip.compress(idx(array))


def idx_int(array: np.ndarray) -> bytes:
    return idx(array.astype(">i4")).replace(b"\x00\x00\x08", b"\x00\x00\x0c", 1)


QMNIST = np.column_stack([LABELS, *[np.arange(30) + 100] * 7])
QMNIST_FILES: Members = {
    f"QMNIST/raw/qmnist-{split}-{kind}.gz": gzip.compress(pack(array[rows]))
    for split, rows in PARTS.items()
    for kind, array, pack in (("images-idx3-ubyte", IMAGES, idx), ("labels-idx2-int", QMNIST, idx_int))
}

# By layout the members of an archive, the rows of each set, and what is said of it.
TEN: dict[str, tuple[Members, dict[str, slice], str]] = {
    "Kaggle's Digit Recognizer": (
        {
            "train.csv": csv(LABELS),
            "test.csv": csv(FLAT[:5, 0], FLAT[:5, 1:], HEADER[1:]),
            "sample.csv": "ImageId,Label\n",
        },
        UNSPLIT,
        "test.csv has no labels, and was left alone; not read: sample.csv",
    ),
    "Fashion-MNIST": (
        by_split("fashion-mnist_{}.csv", lambda rows: csv(LABELS[rows], FLAT[rows])),
        PARTS,
        "",
    ),
    "CSV, packed": ({"a.csv.gz": gzip.compress(csv(LABELS))}, UNSPLIT, ""),
    "CSV without header": (
        by_split("mnist_{}.csv", lambda rows: csv(LABELS[rows], FLAT[rows], ())),
        PARTS,
        "mnist_test.csv: column 1 was taken for the label; mnist_train.csv: column 1 was taken for the label",
    ),
    "CSV, the label last": (
        {"a.csv": csv(LABELS, header=[*HEADER[1:], "class"], last=True)},
        UNSPLIT,
        "",
    ),
    "CSV with other columns": (
        {
            "a.csv": csv(
                [f"{n},{LABELS[n]},me" for n in range(30)], header=["id", "label", "writer", *HEADER[1:]]
            )
        },
        UNSPLIT,
        "a.csv: not read are the columns writer",
    ),
    "CSV of shares": ({"a.csv": csv(LABELS, FLAT / 255)}, UNSPLIT, ""),
    "CSV, line ends of Windows": (
        {"a.csv": b"\xef\xbb\xbf" + csv(LABELS).replace(b"\n", b"\r\n") + b"\r\n"},
        UNSPLIT,
        "",
    ),
    "images and labels": ({"a.npz": npz(images=IMAGES, labels=LABELS)}, UNSPLIT, ""),
    "X and y": (
        {"a.npz": npz(X=FLAT, y=LABELS)},
        UNSPLIT,
        "X was taken for the images, y for the labels",
    ),
    "data and target": (
        {"a.npz": npz(DATA=FLAT / 255, Target=LABELS.astype(str), target_names=LABELS)},
        UNSPLIT,
        "DATA was taken for the images, Target for the labels",
    ),
    "arrays without names": (
        {"a.npz": npz(arr_0=LABELS, arr_1=IMAGES)},
        UNSPLIT,
        "arr_1 was taken for the images, arr_0 for the labels",
    ),
    "one-hot": (
        {"a.npz": npz(images=IMAGES, labels=np.eye(10)[LABELS])},
        UNSPLIT,
        "labels is one-hot, and the class the number of the column that has the 1",
    ),
    "colours": ({"a.npz": npz(images=COLOURS, labels=LABELS)}, UNSPLIT, "colours were made grey"),
    "colours first": (
        {"a.npz": npz(images=np.moveaxis(COLOURS, 3, 1) / 255, labels=LABELS)},
        UNSPLIT,
        "colours were made grey",
    ),
    "Kuzushiji-49": (
        {
            f"k49-{split}-{kind}.npz": npz(arr_0=array[rows])
            for split, rows in PARTS.items()
            for kind, array in (("imgs", IMAGES), ("labels", LABELS))
        },
        PARTS,
        "",
    ),
    "two .npy files": (
        {"X.npy": npy(FLAT), "y.npy": npy(LABELS[:, None])},
        UNSPLIT,
        "X.npy was taken for the images, y.npy for the labels",
    ),
    "four .npy files": (
        by_split("x_{}.npy", lambda rows: npy(IMAGES[rows]))
        | by_split("y_{}.npy", lambda rows: npy(LABELS[rows])),
        PARTS,
        "",
    ),
    ".npy files in folders": (
        by_split("{}/images.npy", lambda rows: npy(IMAGES[rows]))
        | by_split("{}/labels.npy", lambda rows: npy(LABELS[rows])),
        PARTS,
        "",
    ),
    "scikit-learn's MNIST": (
        {
            "mnist-original.mat": mat(
                data=FLAT.T, label=LABELS[None].astype(float), order=np.array(["a", 1], object)
            )
        },
        UNSPLIT,
        "data was taken for the images, label for the labels",
    ),
    "SVHN": (
        by_split(
            "{}_32x32.mat",
            lambda rows: mat(
                X=np.moveaxis(COLOURS[rows], 0, 3), y=np.where(LABELS == 0, 10, LABELS)[rows, None]
            ),
        ),
        PARTS,
        "the label 10 of y was taken for 0, as in SVHN; X was taken for the images, y for the labels; "
        "colours were made grey",
    ),
    "EMNIST": (
        pairs("emnist-digits-{}-{}.gz", "labels-idx1-ubyte", TURNED, LABELS, packed_idx)
        | {"emnist-digits-mapping.txt": "".join(f"{n} {48 + n}\n" for n in range(10))},
        PARTS,
        "EMNIST's images are stored column by column, and were turned upright",
    ),
    "EMNIST in CSV": (
        by_split("emnist-digits-{}.csv", lambda rows: csv(LABELS[rows], TURNED.reshape(30, -1)[rows])),
        PARTS,
        "EMNIST's images are stored column by column, and were turned upright",
    ),
    "QMNIST": (
        QMNIST_FILES,
        PARTS,
        "of the 8 columns of QMNIST's labels the first is the class",
    ),
    "IDX and CSV": (
        pairs("{}-{}", "labels-idx1-ubyte", IMAGES, LABELS, idx)
        | by_split("fashion-mnist_{}.csv", lambda rows: csv(LABELS[rows], FLAT[rows])),
        PARTS,
        "not read: 2 .csv (fashion-mnist_test.csv, ...)",
    ),
}


@pytest.mark.parametrize("layout", TEN)
def test_each_layout_has_the_same_samples(tmp_path: Path, layout: str) -> None:
    members, parts, said = TEN[layout]
    found, notes = read(tmp_path, members)
    assert found.keys() == parts.keys()
    for split, rows in parts.items():
        assert (found[split].images == IMAGES[rows]).all() and (found[split].labels == LABELS[rows]).all()
    assert notes.classes == tuple("0123456789") and "; ".join(notes.sentences()) == said


# Labels, or the members of an archive, and the names of the classes.
OTHERS: dict[str, tuple[Members, list[str]]] = {
    "numbers, in their order": (
        {"a.npz": npz(image=IMAGES, label=LABELS.astype(int) * 5 - 3)},
        [str(n * 5 - 3) for n in range(10)],
    ),
    "texts, sorted": (
        {"a.npz": npz(image=IMAGES, label=np.array(list("zYকéa"))[LABELS % 5])},
        ["Y", "a", "z", "é", "ক"],
    ),
    "texts in CSV": (
        {"a.csv": csv([f"character_{n % 2}_ka" for n in range(30)])},
        ["character_0_ka", "character_1_ka"],
    ),
    "letters of EMNIST": (
        pairs("emnist-letters-{}-{}", "labels-idx1-ubyte", TURNED, LABELS + 1, idx),
        [str(n + 1) for n in range(10)],
    ),
    "letters of EMNIST, with their names": (
        pairs("emnist-letters-{}-{}", "labels-idx1-ubyte", TURNED, LABELS + 1, idx)
        | {"emnist-letters-mapping.txt": "".join(f"{n} {64 + n} {96 + n}\n" for n in range(1, 27))},
        list("ABCDEFGHIJ"),
    ),
    "folders of letters": (
        {f"{'train' if n < 20 else 'test'}/{'ক' if n % 3 else 'kh'}/{n}.png": png(n) for n in range(30)},
        ["kh", "ক"],
    ),
    "folders of numbers": (
        {f"{n % 3 + 9:03}/{n}.png": png(n) for n in range(30)},
        ["9", "10", "11"],
    ),
    "names of two digits": (
        {f"{(7, 98, 99)[n % 3]:02}_{n}.png": png(n) for n in range(30)},
        ["7", "98", "99"],
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_classes_are_named_as_the_source_names_them(tmp_path: Path, case: str) -> None:
    members, classes = OTHERS[case]
    found, notes = read(tmp_path, members)
    assert list(notes.classes) == classes
    assert all(set(digits.labels) == set(range(len(classes))) for digits in found.values())


def test_labels_go_with_their_images(tmp_path: Path) -> None:
    found, notes = read(tmp_path, {f"{'cab'[n % 3]}/{n}.png": png(n) for n in range(30)})
    numbers = found[""].images[:, 14, 14] - 100
    assert [notes.classes[label] for label in found[""].labels] == ["cab"[n % 3] for n in numbers]


def test_a_set_of_some_numerals_is_said(tmp_path: Path) -> None:
    some = ~np.isin(LABELS, (4, 7))
    _, notes = read(tmp_path, {"a.npz": npz(image=IMAGES[some], label=LABELS[some])})
    assert notes.sentences() == ["classes are 0 1 2 3 5 6 8 9, 8 of the ten numerals"]


def test_a_hundred_classes_go_through_the_stages(project: Project, tmp_path: Path) -> None:
    """From one CSV file, under its own name, to the arrays with the names of their classes."""
    labels = np.arange(400) % 100 + 1
    pixels = np.zeros((400, 784), int)
    pixels[:, 300:340], pixels[:, 310], pixels[:, 311] = 200, np.arange(400) % 250, np.arange(400) // 250
    put(tmp_path / "my letters.csv", csv(labels, pixels, ()))
    project({"data.digits": str(tmp_path / "my letters.csv")})
    fetch_digits.main()
    assert read_json(RAW_DIGITS / "source.json")["file"] == "my letters.csv"
    prepare_digits.main()
    classes = [str(number) for number in range(1, 101)]
    assert load_classes(DIGITS) == read_json(DIGITS_NOTES)["classes"] == classes
    assert all(len(np.unique(digits.labels)) == 100 for digits in load_digits(DIGITS).values())


def test_folders_that_are_words_may_be_writers(tmp_path: Path) -> None:
    members: Members = {f"{'ab'[n // 15]}/{LABELS[n]}_{n}.png": png(n) for n in range(30)}
    with pytest.raises(InputError, match="names of 30 of 30 pictures, as of a/0_0.png; say which is right"):
        read(tmp_path, members)
    assert read(tmp_path, members, "name")[1].classes == tuple("0123456789")
    assert read(tmp_path, members, "folder")[1].classes == ("a", "b")
    numbered: Members = {f"{'ab'[n // 15]}/{n}.png": png(n) for n in range(30)}
    assert read(tmp_path, numbered)[1].classes == ("a", "b")


SEVERAL = {
    f"EMNIST/raw/emnist-{part}-test-images-idx3-ubyte": idx(IMAGES) for part in ("letters", "digits", "mnist")
}
DAMAGED = mat(compress=False, data=FLAT, label=LABELS)
EMNIST = pairs("emnist-digits-{}-{}", "labels-idx1-ubyte", TURNED, LABELS, idx)
BYTES = (30 * 784).to_bytes(4, "little")  # how many values data has there
BAD: dict[str, tuple[Members, str]] = {
    "CSV with a word": (
        {"a.csv": csv(LABELS).replace(b"103,103", b"103,oops", 1)},
        "a.csv line 5, column 235 (pixel233): 'oops' is not a number from 0 to 255",
    ),
    "CSV with a gap": (
        {"a.csv": csv(LABELS, header=()).replace(b"103,103", b"103,", 1)},
        "a.csv line 4, column 235: '' is not a number from 0 to 255",
    ),
    "CSV too bright": (
        {"a.csv": csv(LABELS).replace(b",103,", b",256,", 1)},
        "a.csv line 5, column 234 (pixel232): '256' is not a number from 0 to 255",
    ),
    "CSV without a label": (
        {"a.csv": csv(["" if n == 7 else n % 2 for n in range(30)])},
        "a.csv line 9, column 1 (label): no label",
    ),
    "CSV with a short line": (
        {"a.csv": csv(LABELS).replace(b"103,103,", b"103,", 1)},
        "a.csv line 5: 784 values, but line 1 has 785",
    ),
    "CSV, packed and cut": (
        {"a.csv.gz": gzip.compress(csv(LABELS))[:-9]},
        "a.csv.gz cannot be read: Compressed file ended",
    ),
    "CSV without rows": ({"a.csv": csv((), FLAT[:0])}, "a.csv has no line with pixels"),
    "CSV that is not UTF-8": (
        {"a.csv": csv(LABELS) + b"\xff"},
        "a.csv line 32: not UTF-8 text (invalid start byte); save it as UTF-8",
    ),
    "CSV without labels": (
        {"test.csv": csv(FLAT[:, 0], FLAT[:, 1:], HEADER[1:])},
        "digits.zip: there are images without labels; it has 784 columns",
    ),
    "several CSV files": (
        {"a.csv": csv(LABELS), "b.csv": csv(LABELS)},
        "holds a.csv, b.csv; give one .csv file, or train.csv and test.csv, with valid.csv or without",
    ),
    "CSV of boxes": (
        {"train.csv": "filename,label,xmin,ymin,xmax,ymax\na.png,good,1,2,3,4\n"},
        "must hold digits in one format",
    ),
    ".npy that is none": (
        {"images.npy": b"text", "labels.npy": npy(LABELS)},
        "images.npy cannot be read as an array: EOF: reading magic string",
    ),
    ".npy of objects": (
        {"images.npy": npy(np.array([[{}]])), "labels.npy": npy(LABELS)},
        "images.npy cannot be read as an array: Object arrays cannot be loaded when allow_pickle=False",
    ),
    ".npy without labels": ({"images.npy": npy(IMAGES)}, "there are images without labels"),
    "MATLAB 7.3": (
        {"a.mat": b"MATLAB 7.3 MAT-file".ljust(126) + b"IM" + b"\x89HDF"},
        "a.mat is no .mat file of MATLAB 5 to 7 (one of 7.3 is HDF5); save it with save('digits.mat', '-v7')",
    ),
    "MATLAB, structures": (
        {"a.mat": mat(dataset={"images": FLAT})},
        "a.mat holds no arrays of numbers named like data and label, or X and y; it holds dataset",
    ),
    "MATLAB, cut": ({"a.mat": DAMAGED[:-9]}, "a.mat cannot be read as a .mat file: it is cut, or an element"),
    "MATLAB, of an unknown type": (
        {"a.mat": DAMAGED.replace(b"\x02\0\0\0" + BYTES, b"\x63\0\0\0" + BYTES)},
        "a.mat cannot be read as a .mat file: data has values of the unknown type 99",
    ),
    "EMNIST, several": (
        SEVERAL,
        "holds 3 data sets of EMNIST: digits, letters, mnist; keep the files of one",
    ),
    "EMNIST, a mapping that lacks a label": (
        EMNIST | {"emnist-digits-mapping.txt": "0 48\n"},
        "emnist-digits-mapping.txt has no line for the label 1",
    ),
    "EMNIST, a mapping that is none": (
        EMNIST | {"emnist-digits-mapping.txt": "0 48\none\n"},
        "emnist-digits-mapping.txt line 2: not a label and a character's code",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_named(tmp_path: Path, case: str) -> None:
    members, message = BAD[case]
    with pytest.raises(InputError, match=re.escape(message)):
        read(tmp_path, members)


@pytest.mark.parametrize("compress", [True, False])
def test_a_damaged_mat_file_is_refused_or_read(tmp_path: Path, compress: bool) -> None:
    """Whatever is damaged; SciPy's reader can crash at such a file."""
    rng, refused = np.random.default_rng(0), 0
    whole = np.frombuffer(mat(compress, data=FLAT[:, ::16], label=LABELS), np.uint8)
    for _ in range(200):
        content = whole.copy()
        content[rng.integers(len(content) if compress else 250, size=3)] = rng.choice(
            [0, 1, 127, 128, 255], 3
        )
        try:
            read(tmp_path, {"a.mat": content.tobytes()})
        except InputError:
            refused += 1
    assert 20 < refused < 200


def test_packed_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("matlab_files", "pixel_csv"):
        monkeypatch.setattr(f"stages.prepare_digits.{module}.MEMBER_LIMIT", 2**16)
    zeros = zlib.compress(mat(compress=False, data=np.zeros((30, 784)))[128:])
    bomb = mat(compress=False)[:128] + (15).to_bytes(4, "little") + len(zeros).to_bytes(4, "little") + zeros
    with pytest.raises(InputError, match="cannot be read as a .mat file: it unpacks to more than 0 MiB"):
        read(tmp_path, {"a.mat": bomb})
    with pytest.raises(InputError, match="a.csv.gz has more than 0 MiB"):
        read(tmp_path, {"a.csv.gz": gzip.compress(csv(LABELS) * 9)})


def test_colours_become_grey_as_in_pictures(tmp_path: Path) -> None:
    """With the weights of red, green and blue that Pillow has."""
    colours = np.random.default_rng(0).integers(0, 256, (30, 28, 28, 3), np.uint8)
    found, _ = read(tmp_path, {"a.npz": npz(images=colours, labels=LABELS)})
    grey = [np.asarray(Image.fromarray(image).convert("L")) for image in colours]
    assert all(
        (image == other).all() or (255 - image == other).all()
        for image, other in zip(grey, found[""].images, strict=True)
    )
