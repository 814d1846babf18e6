"""The 51 checks of W6 with Great Expectations on a frame of pandas, read from Parquet."""

import logging
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import measured  # noqa: E402

os.environ["GX_ANALYTICS_ENABLED"] = "false"
started = time.perf_counter()
import great_expectations as gx  # noqa: E402
import pandas  # noqa: E402

import_s = time.perf_counter() - started
logging.disable(logging.WARNING)

FLOATS = [f"value_{column:02}" for column in range(20)]
OTHERS = ["ts", "id", "sensor", "state", "site", "count"]


def suite():
    known = gx.expectations
    named = [("not_null", name, known.ExpectColumnValuesToNotBeNull(column=name)) for name in OTHERS + FLOATS]
    for name in FLOATS:
        named.append(("range", name, known.ExpectColumnValuesToBeBetween(column=name, min_value=0, max_value=100)))
    in_set = known.ExpectColumnValuesToBeInSet(column="state", value_set=["ok", "idle", "fault"])
    pattern = known.ExpectColumnValuesToMatchRegex(column="sensor", regex=r"^sensor-[0-9]{4}$")
    mean = known.ExpectColumnMeanToBeBetween(column="value_00", min_value=45, max_value=55)
    named += [
        ("unique", "id", known.ExpectColumnValuesToBeUnique(column="id")),
        ("set", "state", in_set),
        ("regex", "sensor", pattern),
        ("mean", "value_00", mean),
        ("row_count", "", known.ExpectTableRowCountToBeBetween(min_value=1)),
    ]
    return named


def validate(source: str):
    table = pandas.read_parquet(source)
    context = gx.get_context(mode="ephemeral")
    # Its progress bars are for people.
    context.variables.progress_bars = gx.data_context.types.base.ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("telemetry")
    batch = asset.add_batch_definition_whole_dataframe("all")
    named = suite()
    expectations = gx.ExpectationSuite(name="w6", expectations=[each for _, _, each in named])
    definition = gx.ValidationDefinition(name="w6", data=batch, suite=expectations)
    context.suites.add(expectations)
    result = definition.run(batch_parameters={"dataframe": table})
    # Results come in an order of its own.
    found = {}
    for one in result.results:
        key = (one.expectation_config.type, one.expectation_config.kwargs.get("column", ""))
        found[key] = int(one.result.get("unexpected_count", 0 if one.success else 1))
    types = {
        "not_null": "expect_column_values_to_not_be_null",
        "range": "expect_column_values_to_be_between",
        "unique": "expect_column_values_to_be_unique",
        "set": "expect_column_values_to_be_in_set",
        "regex": "expect_column_values_to_match_regex",
        "mean": "expect_column_mean_to_be_between",
        "row_count": "expect_table_row_count_to_be_between",
    }
    return {"failing": [[check, column, found[types[check], column]] for check, column, _ in named]}


measured.measure(import_s, lambda: validate(sys.argv[1]))
