"""Makes small random models of every kind with XGBoost, and writes what XGBoost answers for them.

    scripts/oracle tests/oracle/xgboost_models.py FOLDER [MODELS] [FIRST]

Model number n is the same whatever else is made. tests/oracle_xgboost.rs reads the folder; a file is

    magic "SIRAXGB1", then u64: bytes of JSON, bytes of UBJSON, rows, beyond, features, outputs, trees,
    refused (1 if it must be), labelled (1 if the answer is a class, not a number an output)
    the JSON, the UBJSON; then as f64, row by row: values, margins, answers, leaves, contributions;
    values of the rows beyond single precision, and their margins

all little endian. Trees come in the order of an ensemble (an output in turn) and leaves by their position
among the leaves of their tree. FOLDER/whole holds the number of files and is written last.
"""

import json
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
import xgboost as xgb

warnings.filterwarnings("ignore")
xgb.set_config(verbosity=0)

nan, inf = np.nan, np.inf
SPECIAL = np.array([0.0, -0.0, nan, 1e-45, -1e-45, 7e-46, -7.1e-46, 1e-300, 1.1754943508222875e-38, 3e38, -3e38, 1.0, -1.0,
                    16777216.0, 16777217.0, 16777219.0])
# What single precision cannot hold becomes infinite, which the library takes in rows that it does not copy.
BEYOND = np.array([inf, -inf, 1e300, -1e300, 3.4028235677973366e38, -3.4028235677973366e38, 3.4028235677973362e38])
CATEGORIES = np.array([0.0, -0.0, -0.5, -1e-60, -1.0, -7.0, 0.99, 0.99999999999, 1.0, 31.0, 31.999999999999, 32.0, 33.7, 63.0,
                       64.0, 16777214.0, 16777215.0, 16777216.0, 2147483647.0, 1e30, nan, 99999.0])

OBJECTIVES = [
    "binary:logistic", "binary:logitraw", "binary:hinge", "multi:softprob", "multi:softmax", "reg:squarederror",
    "reg:squaredlogerror", "reg:logistic", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror", "reg:gamma",
    "reg:tweedie", "count:poisson", "rank:pairwise", "rank:ndcg", "rank:map", "survival:cox", "survival:aft", "custom",
    "custom_multi",
]
BOOSTERS = ["gbtree", "dart", "forest"]


class Maker:
    """One model from one number."""

    def __init__(self, number):
        self.number = number
        self.rng = np.random.default_rng([31, number])
        self.objective = OBJECTIVES[number % len(OBJECTIVES)]
        self.booster = BOOSTERS[number // len(OBJECTIVES) % len(BOOSTERS)]
        # What cannot be scored: a sum of columns, trees of several outputs, several targets.
        self.refused = {41: "gblinear", 67: "vector", 83: "targets"}.get(number % 89)

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def chance(self, share):
        return self.rng.random() < share

    def numbers(self, count):
        """A column that is split by number."""
        rng = self.rng
        kind = self.pick("normal", "rounded", "sparse", "holes", "counts", "tiny", "huge", "constant", "special", "near")
        column = rng.normal(0, 2, count)
        if kind == "rounded":
            column = np.round(column, 1)
        elif kind == "sparse":
            column = np.where(rng.random(count) < 0.6, 0.0, column)
        elif kind == "counts":
            column = rng.poisson(3, count).astype(float)
        elif kind == "tiny":
            column = column * 10.0 ** rng.integers(-46, -36, count)
        elif kind == "huge":
            column = column * 10.0 ** rng.integers(30, 36, count)
        elif kind == "constant":
            column = np.full(count, self.pick(0.0, 3.0, nan))
        elif kind == "special":
            column = rng.choice(SPECIAL, count)
        elif kind == "near":
            # Numbers that single precision does not tell apart.
            column = 1.0 + rng.integers(0, 40, count) * 2.0 ** -26
        if kind == "holes" or self.chance(0.2):
            column = np.where(rng.random(count) < 0.3, nan, column)
        return column

    def categories(self, count):
        levels = self.pick(2, 3, 5, 20, 40, 300)
        column = self.rng.integers(0, levels, count).astype(float)
        if self.chance(0.3):
            column = np.where(self.rng.random(count) < 0.2, nan, column)
        return column

    def world(self):
        """Rows, which columns are categories, and a signal in them."""
        rng = self.rng
        count = self.pick(30, 60, 100, 200, 400)
        features = int(rng.integers(1, 10))
        categorical = [f for f in range(features) if rng.random() < 0.35]
        columns, signal = [], np.zeros(count)
        for feature in range(features):
            column = self.categories(count) if feature in categorical else self.numbers(count)
            columns.append(column)
            ranks = np.argsort(np.argsort(np.nan_to_num(column, nan=-0.5))) / count
            part = np.where(np.nan_to_num(column) * 2654435761.0 % 97 < 40, 1.0, -0.7) if feature in categorical \
                else np.sin(6 * ranks * rng.normal(1, 0.5))
            signal += part * rng.normal(0, 1)
        return np.column_stack(columns), categorical, signal + rng.normal(0, 0.3, count)

    def parameters(self, categorical):
        methods = ("hist", "approx") if categorical else ("hist", "hist", "exact", "approx")
        known = dict(
            nthread=1, seed=self.number + 1, tree_method=self.pick(*methods), max_depth=self.pick(1, 2, 3, 4, 6, 9),
            learning_rate=self.pick(0.05, 0.3, 1.0), min_child_weight=self.pick(0.0, 0.1, 1.0, 5.0),
            gamma=self.pick(0.0, 0.0, 0.5, 2.0), reg_lambda=self.pick(0.0, 1.0), reg_alpha=self.pick(0.0, 0.0, 0.5),
            max_bin=self.pick(2, 5, 64, 256), max_cat_to_onehot=self.pick(1, 4, 64), max_cat_threshold=self.pick(2, 64),
            subsample=self.pick(1.0, 0.7), colsample_bytree=self.pick(1.0, 0.6), max_delta_step=self.pick(0.0, 0.0, 0.7),
        )
        if known["tree_method"] == "hist" and self.chance(0.3):
            known.update(grow_policy="lossguide", max_leaves=self.pick(2, 7, 31), max_depth=0)
        if self.booster == "dart":
            known.update(booster="dart", rate_drop=0.4, skip_drop=self.pick(0.0, 0.5), one_drop=self.pick(0, 1),
                         normalize_type=self.pick("tree", "forest"), sample_type=self.pick("uniform", "weighted"))
        if self.booster == "forest" or self.chance(0.1):
            known.update(num_parallel_tree=self.pick(2, 3, 5), subsample=0.6)
            if known["tree_method"] != "exact":
                known["colsample_bynode"] = 0.7
        return known

    def target(self, signal):
        """What the data needs for a label, the parameters that go with the objective, and a loss of our own."""
        rng, name = self.rng, self.objective
        positive = np.exp(np.clip(signal, -4, 4) / 2)
        own, data = dict(objective=name), {}
        base = None
        if name.startswith("binary"):
            label, base = (signal > np.median(signal)).astype(float), self.pick(0.5, 0.03, 0.7123, 0.999)
        elif name.startswith("multi") or name == "custom_multi":
            own["num_class"] = int(rng.integers(2, 6))
            label, base = np.argsort(np.argsort(signal)) * own["num_class"] // len(signal) * 1.0, self.pick(0.5, 0.1, 2.0)
        elif name == "reg:logistic":
            label, base = 1 / (1 + np.exp(-signal)), self.pick(0.5, 0.2)
        elif name.startswith("rank"):
            label = (signal > 0).astype(float) if name == "rank:map" else np.digitize(signal, [-1, 0, 1]).astype(float)
            data["group"] = np.full(len(signal) // 10, 10)
            base = self.pick(0.5, -1.3)
        elif name == "survival:cox":
            label, base = np.where(rng.random(len(signal)) < 0.3, -1, 1) * (positive + 0.01), self.pick(0.5, 1.7)
        elif name == "survival:aft":
            label, base = None, self.pick(0.5, 3.0)
            data["label_lower_bound"] = positive + 0.1
            data["label_upper_bound"] = np.where(rng.random(len(signal)) < 0.3, inf, positive + 0.1)
            own["aft_loss_distribution"] = self.pick("normal", "logistic", "extreme")
        elif name in ("count:poisson", "reg:tweedie"):
            label, base = np.floor(positive * 2), self.pick(0.5, 7.3)
        elif name == "reg:gamma":
            label, base = positive + 0.1, self.pick(0.5, 7.3)
        elif name == "reg:squaredlogerror":
            label, base = positive, self.pick(0.5, 1.1)
        else:
            label, base = signal * self.pick(1.0, 1.0, 1e-6, 1e6), self.pick(0.5, 0.0, -7.1, 1e6)
            if name == "reg:quantileerror":
                own["quantile_alpha"] = self.pick(0.1, 0.5, 0.9)
        loss = None
        if name.startswith("custom"):
            del own["objective"]
            classes = own.get("num_class", 1)

            def loss(score, matrix):
                wanted = matrix.get_label()
                if classes > 1:
                    wanted = (wanted[:, None] == np.arange(classes)).astype(float)
                return (score.reshape(wanted.shape) - wanted), np.full_like(wanted, 0.7)

        if self.chance(0.5):
            own["base_score"] = base
        if label is not None:
            data["label"] = label
        return data, own, loss

    def matrix(self, X, categorical, **more):
        types = ["c" if f in categorical else "q" for f in range(X.shape[1])]
        return xgb.DMatrix(X, feature_types=types, enable_categorical=True, nthread=1, **more)

    def train(self):
        X, categorical, signal = self.world()
        data, own, loss = self.target(signal)
        parameters = self.parameters(categorical) | own
        if self.refused:
            categorical = []
            parameters = dict(nthread=1, seed=self.number)
            data, loss = dict(label=signal if self.refused == "gblinear" else np.column_stack([signal, -signal])), None
            X = np.nan_to_num(X, posinf=0, neginf=0)
            if self.refused == "gblinear":
                parameters["booster"] = "gblinear"
            if self.refused == "vector":
                parameters.update(multi_strategy="multi_output_tree", tree_method="hist")
        if "group" in data:
            whole = len(X) // 10 * 10
            X, data["label"] = X[:whole], data["label"][:whole]
        elif self.chance(0.3):
            data["weight"] = np.round(self.rng.random(len(X)) + 0.5, 3)
        training = self.matrix(X, categorical, **data)
        if self.chance(0.3):
            training.feature_names = [f"feature {at}é" for at in range(X.shape[1])]
        booster = xgb.train(parameters, training, self.pick(1, 2, 3, 6, 12), obj=loss, verbose_eval=False)
        return booster, X, categorical, training.feature_names

    def edited(self, model):
        """What no training would write but XGBoost reads: any direction at any node, odd thresholds and leaves."""
        rng = self.rng
        booster = model["learner"]["gradient_booster"]
        thresholds, leaves, covers = self.chance(0.5), self.chance(0.3), self.chance(0.3)
        for tree in (booster.get("gbtree") or booster)["model"]["trees"]:
            for at, left in enumerate(tree["left_children"]):
                leaf = left == -1
                if not leaf and rng.random() < 0.4:
                    tree["default_left"][at] = int(rng.integers(0, 2))
                if not leaf and thresholds and tree["split_type"][at] == 0 and rng.random() < 0.3:
                    odd = float(np.float32(rng.choice(SPECIAL[~np.isnan(SPECIAL)])))
                    tree["split_conditions"][at] = odd
                if leaf and leaves and rng.random() < 0.3:
                    tree["split_conditions"][at] = float(np.float32(rng.choice([0.0, -0.0, 1e-45, 16777216.0, 1 / 3, -1e5])))
                if covers and at > 0 and rng.random() < 0.2:
                    tree["sum_hessian"][at] = float(np.float32(rng.random() * 40))
        return model

    def probes(self, model, X, categorical):
        """Rows of the training, with values put in that decide: thresholds and their neighbours, and what is odd."""
        rng = self.rng
        booster = model["learner"]["gradient_booster"]
        splits = [split for tree in (booster.get("gbtree") or booster)["model"]["trees"]
                  for split, left in zip(tree["split_conditions"], tree["left_children"]) if left != -1]
        splits = np.array(splits or [0.0], dtype=np.float32)
        count = self.pick(1, 5, 8, 30, 40, 64, 65, 130)
        rows = X[rng.integers(0, len(X), count)].copy()
        for feature in range(X.shape[1]):
            kind = rng.integers(0, 5, count)
            if feature in categorical:
                rows[:, feature] = np.where(kind == 0, rng.choice(CATEGORIES, count), rows[:, feature])
                rows[:, feature] = np.where(kind == 1, rng.integers(-2, 400, count), rows[:, feature])
                continue
            near = rng.choice(splits, count)
            other = np.where(rng.random(count) < 0.7, np.nextafter(near, np.float32(-inf)), np.nextafter(near, np.float32(inf)))
            near = near.astype(float)
            middle = (near + other) / 2
            near = np.choose(rng.integers(0, 6, count), [near, other.astype(float), middle, np.nextafter(middle, inf),
                                                         np.nextafter(middle, -inf), np.nextafter(near, -inf)])
            near[np.abs(near) > 3.4e38] = 0.0
            rows[:, feature] = np.where(kind == 0, rng.choice(SPECIAL, count), rows[:, feature])
            rows[:, feature] = np.where((kind == 1) | (kind == 2), near, rows[:, feature])
        return rows

    def record(self):
        booster, X, categorical, names = self.train()
        model = json.loads(booster.save_raw("json"))
        if not self.refused and self.chance(0.3):
            booster = xgb.Booster(model_file=bytearray(json.dumps(self.edited(model), ensure_ascii=False).encode()))
        text, binary = bytes(booster.save_raw("json")), bytes(booster.save_raw("ubj"))
        if not self.refused and self.chance(0.2):
            # Before 3.1 there was one base score for all outputs.
            score = model["learner"]["learner_model_param"]["base_score"].strip("[]").split(",")
            if len(set(score)) == 1:
                model["learner"]["learner_model_param"]["base_score"] = score[0]
                model["version"] = [2, 1, 4]
                text = json.dumps(model, ensure_ascii=False).encode()
                booster = xgb.Booster(model_file=bytearray(text))
                binary = bytes(booster.save_raw("ubj"))
        if self.refused:
            return self.packed(text, binary, X.shape[1])
        # What the file says, not what the training still holds in memory.
        booster = xgb.Booster(params=dict(nthread=1), model_file=bytearray(text))
        rows = self.probes(json.loads(text), X, categorical)
        matrix = self.matrix(rows, categorical, feature_names=names)
        inner = model["learner"]["gradient_booster"]
        inner = (inner.get("gbtree") or inner)["model"]
        outputs = max(1, int(model["learner"]["learner_model_param"]["num_class"]))
        order = in_rounds(inner["tree_info"], outputs)
        leaves = booster.predict(matrix, pred_leaf=True).reshape(len(rows), -1)
        leaves = np.column_stack([positions(inner["trees"][at])[leaves[:, at].astype(int)] for at in order])
        beyond = np.empty((0, X.shape[1]))
        if self.booster != "dart":
            beyond = rows[:20].copy()
            beyond[self.rng.random(beyond.shape) < 0.3] = inf
            beyond = np.where(beyond == inf, self.rng.choice(BEYOND, beyond.shape), beyond)
        margins_beyond = booster.inplace_predict(beyond, predict_type="margin", validate_features=False) if len(beyond) else beyond
        parts = [rows, booster.predict(matrix, output_margin=True), booster.predict(matrix), leaves,
                 booster.predict(matrix, pred_contribs=True), beyond, margins_beyond]
        # A loss of our own for several classes goes by this name too.
        labelled = model["learner"]["objective"]["name"] == "multi:softmax"
        return self.packed(text, binary, X.shape[1], outputs, len(order), labelled, len(rows), len(beyond), parts)

    def packed(self, text, binary, features, outputs=1, trees=0, labelled=False, rows=0, beyond=0, parts=()):
        head = struct.pack("<8s9Q", b"SIRAXGB1", len(text), len(binary), rows, beyond, features, outputs, trees,
                           bool(self.refused), labelled)
        return head + text + binary + b"".join(np.ascontiguousarray(part, dtype="<f8").tobytes() for part in parts)


def in_rounds(info, outputs):
    """Positions of the trees so that outputs take turns; the order within an output stays."""
    grown = [0] * outputs
    order = []
    for at, output in enumerate(info):
        order.append((grown[output] * outputs + output, at))
        grown[output] += 1
    return [at for _, at in sorted(order)]


def positions(tree):
    """By node: which leaf of the tree it is, pruned ones not counted."""
    reached, todo = set(), [0]
    while todo:
        at = todo.pop()
        reached.add(at)
        if tree["left_children"][at] != -1:
            todo += [tree["left_children"][at], tree["right_children"][at]]
    leaf = [at in reached and left == -1 for at, left in enumerate(tree["left_children"])]
    return np.cumsum(leaf) - 1


def main(folder, models="630", first="0"):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(int(first), int(first) + int(models)):
        (folder / f"{number:05}.case").write_bytes(Maker(number).record())
    (folder / "whole").write_text(models)


if __name__ == "__main__":
    main(*sys.argv[1:])
