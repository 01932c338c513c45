"""Writes small Parquet files by pyarrow, as goldens for the reader: `python test/data/parquet.py`."""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

here = pathlib.Path(__file__).parent
table = pa.table(
    {
        "name": ["ash", "birch", None, "oak"],
        "height": pa.array([12.5, None, 3.25, 40.0]),
        "age": pa.array([10, 20, 30, 2**40], pa.int64()),
        "evergreen": [False, False, True, False],
    }
)
for codec in ["snappy", "gzip", "brotli", "none"]:
    pq.write_table(table, here / f"trees-{codec}.parquet", compression=codec, row_group_size=3)
