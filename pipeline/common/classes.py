"""The splits, and the classes of the report's digits, in the order of labels, tables and plots.

Those of other digits stand with them (`load_classes` in pipeline/common/digits.py), and those of the masks
follow from the data: `list_classes` in pipeline/common/crops.py.
"""

SPLITS = ("train", "test")
DIGIT_CLASSES = tuple("0123456789")
