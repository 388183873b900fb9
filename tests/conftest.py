"""Settings for all tests, before anything heavy is imported."""

import os

# Tiny matmuls gain nothing from threads and wait for each other where other processes run.
os.environ.setdefault("OMP_NUM_THREADS", "1")
