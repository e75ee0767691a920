#!/usr/bin/env python3
"""Trains the golden models with XGBoost and records what it predicts.

Run by `make golden` only; the tests read the files that are checked in. Needs the packages named in
versions.txt. Writes <name>.json (the model as XGBoost saves it) and <name>.csv (rows in float64, an
empty cell is missing; the margin and the prediction are XGBoost's float32 results) beside itself.
"""

import json
import pathlib
import platform

import numpy
import xgboost

HERE = pathlib.Path(__file__).resolve().parent
ROWS_TRAINED = 3000
ROWS_KEPT = 96

MODELS = {
    # Probabilities, several outputs of missing columns, the default base score.
    "logistic_missing": dict(
        columns=8, missing=0.3, rounds=24, target="click",
        parameters=dict(objective="binary:logistic", max_depth=4, eta=0.3)),
    # Rare positives, weights, leaf-wise growth: deep and uneven trees.
    "logistic_rare_leafwise": dict(
        columns=12, missing=0.1, rounds=14, target="rare",
        parameters=dict(objective="binary:logistic", base_score=0.02, tree_method="hist",
                        grow_policy="lossguide", max_depth=0, max_leaves=20, eta=0.2,
                        min_child_weight=0.05)),
    # No link, several trees per round, a base score away from zero, large values.
    "squared_error_forest": dict(
        columns=5, missing=0.2, rounds=8, target="amount",
        parameters=dict(objective="reg:squarederror", base_score=3.25, max_depth=4, eta=0.4,
                        num_parallel_tree=3, subsample=0.7)),
    # Stumps on 0/1 columns as one-hot coding makes them; shares as labels.
    "logistic_share_stumps": dict(
        columns=30, missing=0.5, rounds=40, target="share", binary=True,
        parameters=dict(objective="reg:logistic", base_score=0.3, max_depth=1, eta=0.5,
                        tree_method="exact")),
}


def make_rows(generator, spec):
    shape = (ROWS_TRAINED, spec["columns"])
    if spec.get("binary"):
        rows = generator.integers(0, 2, shape).astype(numpy.float64)
    else:
        scale = 10.0 ** generator.integers(-3, 4, spec["columns"])
        rows = generator.normal(size=shape) * scale
    rows[generator.random(shape) < spec["missing"]] = numpy.nan
    return rows


def make_labels(generator, spec, rows):
    known = numpy.nan_to_num(rows / numpy.nanstd(rows, axis=0))
    signal = known[:, 0] - 0.7 * known[:, 1] * known[:, 2] + 0.5 * numpy.isnan(rows[:, 3])
    share = 1 / (1 + numpy.exp(-signal))
    if spec["target"] == "click":
        return (generator.random(len(rows)) < share).astype(float)
    if spec["target"] == "rare":
        return (generator.random(len(rows)) < 0.05 * share).astype(float)
    if spec["target"] == "share":
        return share
    return 3 + 40 * signal + generator.normal(size=len(rows))


def thresholds(model):
    """(column, threshold) of every split."""
    for tree in model["learner"]["gradient_booster"]["model"]["trees"]:
        for left, column, value in zip(tree["left_children"], tree["split_indices"],
                                       tree["split_conditions"]):
            if left >= 0:
                yield column, value


def put_on_thresholds(generator, rows, model):
    """Half of the rows get values at a threshold, or a float64 hair beside one."""
    splits = list(thresholds(model))
    for row in rows[: len(rows) // 2]:
        for column, value in [splits[i] for i in generator.integers(0, len(splits), 6)]:
            at = float(numpy.float32(value))
            row[column] = [at, numpy.nextafter(at, numpy.inf), numpy.nextafter(at, -numpy.inf)][
                generator.integers(0, 3)]


def write_rows(path, rows, margins, predictions):
    def cell(value):
        return "" if numpy.isnan(value) else repr(float(value))

    names = [f"x{i}" for i in range(rows.shape[1])]
    lines = [",".join(names + ["margin", "prediction"])]
    for row, margin, prediction in zip(rows, margins, predictions):
        lines.append(",".join([cell(v) for v in row] + [cell(margin), cell(prediction)]))
    path.write_text("\n".join(lines) + "\n")


def make(name, number, spec):
    generator = numpy.random.default_rng(number)
    rows = make_rows(generator, spec)
    labels = make_labels(generator, spec, rows)
    weights = generator.uniform(0.2, 3.0, ROWS_TRAINED)
    data = xgboost.DMatrix(rows.astype(numpy.float32), labels, weight=weights)
    booster = xgboost.train(dict(spec["parameters"], nthread=1, seed=7), data, spec["rounds"])
    text = bytes(booster.save_raw("json"))
    kept = make_rows(generator, spec)[:ROWS_KEPT]
    put_on_thresholds(generator, kept, json.loads(text))
    asked = xgboost.DMatrix(kept.astype(numpy.float32))
    (HERE / f"{name}.json").write_bytes(text)
    write_rows(HERE / f"{name}.csv", kept, booster.predict(asked, output_margin=True),
               booster.predict(asked))


def main():
    for number, (name, spec) in enumerate(MODELS.items()):
        make(name, number, spec)
    (HERE / "versions.txt").write_text(
        f"python {platform.python_version()}\nnumpy {numpy.__version__}\n"
        f"xgboost {xgboost.__version__}\n")


if __name__ == "__main__":
    main()
