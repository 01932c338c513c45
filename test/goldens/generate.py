"""Writes test/goldens/data/<name>.json from test/goldens/cases/<name>.py with PyTorch 2.13.

    pip install torch==2.13.0 numpy
    python3 test/goldens/generate.py [name ...]
"""

import importlib.util
import json
import pathlib
import sys

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here))
import golden  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
for path in sorted((here / "cases").glob("*.py")):
    if len(sys.argv) > 1 and path.stem not in sys.argv[1:]:
        continue
    golden.cases.clear()
    golden.rng = np.random.default_rng(sum(path.stem.encode()))
    torch.manual_seed(0)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    target = here / "data" / f"{path.stem}.json"
    lines = ",\n".join(json.dumps(c, separators=(",", ":"), allow_nan=False) for c in golden.cases)
    target.write_text(f"[\n{lines}\n]\n")
    print(f"{path.stem}: {len(golden.cases)} cases, {target.stat().st_size // 1024} KB")
