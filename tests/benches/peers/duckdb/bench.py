"""Lands a CSV file with DuckDB: read, sort by day, machine and time, write Parquet files by day with zstd."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import measured  # noqa: E402

started = time.perf_counter()
import duckdb  # noqa: E402

import_s = time.perf_counter() - started


def land(source: str, folder: str):
    pathlib.Path(folder).mkdir(parents=True)
    connection = duckdb.connect()
    # As much memory as the goal of ours.
    connection.execute("SET memory_limit = '1500MB'")
    connection.execute(f"SET temp_directory = '{folder}/scratch'")
    connection.execute("SET TimeZone = 'UTC'")
    # A file a day, one after the other: its partitioned writer does not keep the order.
    connection.execute(
        "CREATE TEMP TABLE rows AS SELECT *, CAST(at AS DATE) AS day FROM read_csv(?)", [source]
    )
    days = connection.execute("SELECT DISTINCT day FROM rows ORDER BY day").fetchall()
    for (day,) in days:
        place = pathlib.Path(folder) / f"date={day}"
        place.mkdir()
        connection.execute(
            f"COPY (SELECT * EXCLUDE (day) FROM rows WHERE day = DATE '{day}' ORDER BY machine, at) "
            f"TO '{place}/part-0.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )


measured.measure(import_s, lambda: land(sys.argv[1], sys.argv[2]))
