"""What the tests of crop_masks share: a project with photographs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.common.paths import MASKS_ARCHIVE
from tests.making import Members, Project, put, zipped

Source = Callable[..., Path]
LEAVES_OUT = "`crop_masks.invalid_boxes: skip` (of look_at and classify: --invalid-boxes skip) leaves it out"
NO_ANNOTATIONS = (
    "holds no annotations that can be read (CSV, Pascal VOC, YOLO, COCO, VIA, LabelMe, CVAT, createML, Open "
    "Images, faces in class folders); it holds "
)


@pytest.fixture
def source(project: Project) -> Source:
    """source(members) makes and enters a project with these files in masks.zip, and with one worker."""

    def make(members: Members, changes: dict[str, Any] | None = None) -> Path:
        folder = project({"compute.workers": 1} | (changes or {}))
        put(folder / MASKS_ARCHIVE, zipped(members))
        return folder

    return make
