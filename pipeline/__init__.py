"""What the stages share, in rooms that import one way; a first import pins the numerical libraries."""

from pipeline.common import numerics

numerics.pin()
