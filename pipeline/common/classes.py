"""The splits and the classes of both data sets, in the order of labels, tables and plots."""

SPLITS = ("train", "test")
DIGIT_CLASSES = tuple("0123456789")
MASK_CLASSES = ("bad", "good", "none")  # the order of ImageFolder, of labels 0, 1, 2 and of every table
