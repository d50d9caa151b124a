"""The splits, and the classes of the digits, in the order of labels, tables and plots.

Those of the masks follow from the data: `list_classes` in pipeline/common/crops.py.
"""

SPLITS = ("train", "test")
DIGIT_CLASSES = tuple("0123456789")
