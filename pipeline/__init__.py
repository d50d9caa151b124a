"""The packages that the stages share.

Importing this one first fixes the instructions and threads of NumPy, SciPy and PyTorch.
"""

from pipeline.common import numerics

numerics.pin()
