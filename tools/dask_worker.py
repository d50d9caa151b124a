"""Start Dask workers for `compute.backend: dask`: one thread each, numerical libraries pinned.

python -m tools.dask_worker tcp://10.0.0.1:8786 --nworkers 8      takes all options of `dask worker`

Dask's own command loads NumPy before the stages can choose its instructions.
"""

import sys

from distributed.cli.dask_worker import main

if __name__ == "__main__":
    main(["--nthreads", "1", *sys.argv[1:]])
