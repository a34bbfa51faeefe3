"""Makes small random models of every kind with LightGBM, and writes what LightGBM answers for them.

    scripts/oracle tests/oracle/lightgbm_models.py FOLDER [MODELS] [FIRST]

Model number n is the same whatever else is made. tests/oracle_lightgbm.rs reads the folder; a file is

    magic "SIRALGB1", then u64: bytes of text, rows, features, outputs, trees (0 if it must be refused)
    the text; then as f64, row by row: values, raw scores, answers, leaves, contributions

all little endian. FOLDER/whole holds the number of files and is written last.
"""

import re
import struct
import sys
from pathlib import Path

import lightgbm as lgb
import numpy as np

nan, inf = np.nan, np.inf
# What LightGBM takes for zero: the single-precision number nearest to 1e-35.
ZERO = float(np.float32(1e-35))
SPECIAL = np.array([
    0.0, -0.0, nan, inf, -inf, 5e-324, -5e-324, 2.2250738585072014e-308, 1e300, -1e300, 1.7976931348623157e308,
    ZERO, -ZERO, 1e-35, -1e-35, np.nextafter(ZERO, 1), np.nextafter(ZERO, 0), -np.nextafter(ZERO, 1), 1e-36, 1.0, -1.0,
])
CATEGORIES = np.array([
    0.0, -0.0, -0.5, -1.0, -7.0, 0.99, 1.0, 31.0, 32.0, 33.7, 63.0, 64.0, 2147483647.0, 2147483648.0, 4294967296.0,
    4294967297.0, 1e300, inf, -inf, nan, 1e-36, 99999.0,
])

OBJECTIVES = [
    "binary", "multiclass", "multiclassova", "cross_entropy", "cross_entropy_lambda", "regression", "regression_sqrt",
    "regression_l1", "regression_l1_sqrt", "huber", "fair", "fair_sqrt", "poisson", "quantile", "quantile_sqrt", "mape",
    "mape_sqrt", "gamma", "tweedie", "lambdarank", "rank_xendcg", "custom", "custom_multi",
]
BOOSTINGS = ["gbdt", "dart", "rf", "goss"]


class Maker:
    """One model from one number, and from how often LightGBM has refused to train it before."""

    def __init__(self, number, refusals=0):
        self.number = number
        self.rng = np.random.default_rng([20, number, refusals])
        self.objective = OBJECTIVES[number % len(OBJECTIVES)]
        self.boosting = BOOSTINGS[number // len(OBJECTIVES) % len(BOOSTINGS)]
        # Trees of hundreds of leaves, or paths that ask many features: dear, so there are a few of them.
        self.shape = {7: "large", 19: "long"}.get(number % 53)

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def chance(self, share):
        return self.rng.random() < share

    def numbers(self, count):
        """A column that is split by number."""
        rng = self.rng
        kind = self.pick("normal", "rounded", "sparse", "holes", "counts", "tiny", "huge", "infinite", "constant", "special")
        column = rng.normal(0, 2, count)
        if kind == "rounded":
            column = np.round(column, 1)
        elif kind == "sparse":
            column = np.where(rng.random(count) < 0.6, 0.0, column)
        elif kind == "counts":
            column = rng.poisson(3, count).astype(float)
        elif kind == "tiny":
            column = column * 10.0 ** rng.integers(-323, -30, count)
        elif kind == "huge":
            column = column * 10.0 ** rng.integers(290, 306, count)
        elif kind == "infinite":
            column = np.where(rng.random(count) < 0.2, self.pick(inf, -inf), column)
        elif kind == "constant":
            column = np.full(count, self.pick(0.0, 3.0, nan))
        elif kind == "special":
            column = rng.choice(SPECIAL, count)
        if kind == "holes" or self.chance(0.2):
            column = np.where(rng.random(count) < 0.3, nan, column)
        return column

    def categories(self, count):
        """A column that is split by set: from two levels to thousands, with gaps, negative ones and holes."""
        rng = self.rng
        levels = self.pick(2, 5, 20, 40, 300, 3000)
        column = np.minimum(rng.geometric(min(0.5, 3 / levels), count) - 1 if self.chance(0.3)
                            else rng.integers(0, levels, count), levels - 1).astype(float)
        if self.chance(0.1):
            column = column * 37
        if self.chance(0.15):
            column = np.where(rng.random(count) < 0.1, -1.0, column)
        if self.chance(0.2):
            column = np.where(rng.random(count) < 0.2, nan, column)
        return column

    def world(self):
        """Rows, which columns are categories, and a signal in them."""
        rng = self.rng
        count = self.pick(60, 200, 300, 500, 1500) if not self.chance(0.05) else 4000
        features = int(rng.integers(1, 13)) if not self.chance(0.05) else 60
        if self.shape == "large":
            X = np.column_stack([rng.normal(0, 2, 3000), self.categories(3000), rng.normal(0, 2, 3000)])
            return X, [1], np.sin(9 * X[:, 0]) + np.cos(7 * X[:, 2]) + rng.normal(0, 0.3, 3000)
        if self.shape == "long":
            # A feature that is rarely there is asked once a path and leaves nearly all rows to the next.
            X = np.where(rng.random((1000, 50)) < 0.03, 1.0, 0.0)
            return X, [], X @ rng.normal(0, 3, 50) + rng.normal(0, 0.1, 1000)
        categorical = [f for f in range(features) if rng.random() < 0.35]
        columns, signal = [], np.zeros(count)
        for feature in range(features):
            column = self.categories(count) if feature in categorical else self.numbers(count)
            columns.append(column)
            with np.errstate(all="ignore"):
                ranks = np.argsort(np.argsort(np.nan_to_num(column, nan=-0.5))) / count
                part = np.where(np.nan_to_num(column, posinf=9.0, neginf=8.0) * 2654435761.0 % 97 < 40, 1.0, -0.7) \
                    if feature in categorical else np.sin(6 * ranks * rng.normal(1, 0.5))
            signal += part * rng.normal(0, 1)
        return np.column_stack(columns), categorical, signal + rng.normal(0, 0.3, count)

    def parameters(self):
        rng = self.rng
        known = dict(
            verbose=-1, num_threads=1, deterministic=True, force_row_wise=True, seed=self.number + 1,
            num_leaves=self.pick(2, 3, 4, 8, 15, 31, 31, 63, 400), learning_rate=self.pick(0.03, 0.1, 0.3, 1.0),
            min_data_in_leaf=self.pick(1, 2, 5, 20), min_sum_hessian_in_leaf=self.pick(0.0, 1e-3),
            min_data_per_group=self.pick(1, 5, 50), cat_smooth=self.pick(0.1, 1.0, 10.0), cat_l2=self.pick(0.0, 1.0, 10.0),
            max_cat_threshold=self.pick(2, 32, 2000), max_cat_to_onehot=self.pick(1, 4, 64),
            max_bin=self.pick(2, 5, 63, 255, 255, 255, 5000), min_data_in_bin=self.pick(1, 3),
            use_missing=not self.chance(0.15), zero_as_missing=self.chance(0.2), lambda_l1=self.pick(0.0, 0.0, 0.5),
            lambda_l2=self.pick(0.0, 1.0), feature_fraction=self.pick(1.0, 0.6), max_depth=self.pick(-1, -1, 2, 9),
            extra_trees=self.chance(0.2), path_smooth=self.pick(0.0, 0.0, 1.0), boost_from_average=not self.chance(0.2),
            feature_pre_filter=False, linear_tree=False,
        )
        if self.boosting in ("gbdt", "dart", "rf"):
            known["boosting"] = self.boosting
        if self.boosting == "goss":
            known.update(data_sample_strategy="goss", learning_rate=0.5)
        if self.boosting == "rf":
            known.update(bagging_freq=1, bagging_fraction=0.6)
        if self.boosting == "dart":
            known.update(drop_rate=0.4, skip_drop=self.pick(0.0, 0.5), xgboost_dart_mode=self.chance(0.3))
        return known

    def target(self, signal):
        """The label and the parameters that go with the objective."""
        rng, name = self.rng, self.objective
        base, sqrt = name.removesuffix("_sqrt"), name.endswith("_sqrt")
        positive = np.round(np.exp(np.clip(signal, -4, 4) / 2), 4)
        if base in ("binary", "cross_entropy", "cross_entropy_lambda"):
            label = (signal > np.median(signal)).astype(float)
            if base != "binary":
                label = np.clip(label * 0.8 + rng.random(len(label)) * 0.2, 0, 1)
            own = dict(sigmoid=self.pick(1.0, 0.7, 2.5)) if base == "binary" else {}
        elif base in ("multiclass", "multiclassova", "custom_multi"):
            classes = int(rng.integers(2, 6)) if base != "multiclassova" else int(rng.integers(3, 6))
            label = np.argsort(np.argsort(signal)) * classes // len(signal) * 1.0
            own = dict(num_class=classes)
            if base == "multiclassova":
                own["sigmoid"] = self.pick(1.0, 1.7)
        elif base in ("poisson", "tweedie"):
            label, own = np.floor(positive * 2), {}
            if base == "tweedie":
                own = dict(tweedie_variance_power=self.pick(1.1, 1.5, 1.9))
        elif base in ("gamma", "mape"):
            label, own = positive + 0.1, {}
        elif base in ("lambdarank", "rank_xendcg"):
            label, own = np.digitize(signal, [-1, 0, 1]).astype(float), {}
        else:
            label = signal * self.pick(1.0, 1.0, 1e-6, 1e6)
            own = dict(alpha=self.pick(0.1, 0.5, 0.9)) if base in ("huber", "quantile") else {}
        if sqrt:
            own["reg_sqrt"] = True
        if base.startswith("custom"):
            classes = own.get("num_class", 1)

            def loss(score, data):
                wanted = data.get_label()
                if classes > 1:
                    wanted = (wanted[:, None] == np.arange(classes)).astype(float)
                return score.reshape(wanted.shape) - wanted, np.ones_like(wanted)

            own["objective"] = loss
        else:
            own["objective"] = base
        return label, own

    def train(self):
        X, categorical, signal = self.world()
        parameters = self.parameters()
        label, own = self.target(signal)
        parameters.update(own)
        if self.shape:
            parameters.update(num_leaves=500 if self.shape == "large" else 63, max_depth=-1, min_data_in_leaf=1, max_bin=255,
                              learning_rate=0.3, lambda_l1=0.0)
        elif len(X) > 1000 or len(X[0]) > 20 or own.get("num_class", 1) > 3:
            parameters["num_leaves"] = min(parameters["num_leaves"], 63)
        if self.boosting == "rf" and callable(parameters["objective"]):
            del parameters["boosting"]
        if self.number % 97 == 41:
            parameters.update(objective="regression", boosting="gbdt", linear_tree=True, extra_trees=False, lambda_l1=0.0)
            parameters.pop("num_class", None)
            parameters.pop("zero_as_missing")
        if self.chance(0.1) and not self.shape:
            parameters["monotone_constraints"] = [0 if f in categorical else self.pick(-1, 0, 1) for f in range(X.shape[1])]
        if self.chance(0.1):
            parameters["cegb_penalty_split"] = 1e-4
        names = [self.pick("größe", "a=b", "x.y", "Tree", "end") + str(f) for f in range(X.shape[1])] \
            if self.chance(0.2) else "auto"
        weight = np.round(self.rng.random(len(X)) + 0.5, 3) if self.chance(0.3) else None
        group = None
        if parameters["objective"] in ("lambdarank", "rank_xendcg"):
            sizes = np.full(len(X) // 10, 10)
            group = sizes
        whole = len(X) // 10 * 10
        dataset = dict(free_raw_data=False, params=parameters)
        data = lgb.Dataset(X[:whole], label[:whole], group=group, categorical_feature=categorical,
                           feature_name=names, weight=None if weight is None else weight[:whole], **dataset)
        rounds = self.pick(1, 2, 5, 10, 25) if not self.shape else 2
        callbacks, valid = [], []
        stop_early = self.boosting in ("gbdt", "goss") and not callable(parameters["objective"]) and self.chance(0.2)
        if stop_early:
            valid = [data.create_valid(X[:whole][::-1].copy(), label[:whole][::-1].copy(), group=group)]
            callbacks, rounds = [lgb.early_stopping(3, verbose=False)], 40
        booster = lgb.train(parameters, data, rounds, valid_sets=valid, callbacks=callbacks)
        first = 1 if booster.current_iteration() > 3 and self.chance(0.1) else 0
        last = booster.best_iteration if stop_early else self.pick(None, None, None, 2)
        return booster.model_to_string(num_iteration=last, start_iteration=first), X, categorical

    def edited(self, text):
        """What no training would write but LightGBM reads: any rule at any node, thresholds and leaves that are odd,
        counts that do not add up."""
        rng = self.rng
        rules = self.chance(0.7)
        thresholds, leaves, counts = self.chance(0.4), self.chance(0.3), self.chance(0.3)

        def tree(found):
            lines = dict(line.split("=", 1) for line in found[0].strip().split("\n"))
            if "decision_type" not in lines:
                return found[0]
            kinds = np.array(lines["decision_type"].split(), dtype=int)
            by_number = kinds % 2 == 0
            if rules:
                other = rng.choice([0, 2, 4, 6, 8, 10], len(kinds))
                kinds = np.where(by_number & (rng.random(len(kinds)) < 0.7), other, kinds)
            lines["decision_type"] = " ".join(map(str, kinds))
            if thresholds:
                words = lines["threshold"].split()
                odd = SPECIAL[~np.isnan(SPECIAL)]
                for at in np.flatnonzero(by_number & (rng.random(len(kinds)) < 0.4)):
                    words[at] = repr(float(rng.choice(odd)))
                lines["threshold"] = " ".join(words)
            if leaves:
                words = lines["leaf_value"].split()
                for at in np.flatnonzero(rng.random(len(words)) < 0.3):
                    words[at] = repr(float(rng.choice([0.0, -0.0, 5e-324, 1e-300, -1e5, 1 / 3, 4503599627370497.5])))
                lines["leaf_value"] = " ".join(words)
            if counts:
                for key in ("leaf_count", "internal_count"):
                    words = lines[key].split()
                    for at in np.flatnonzero(rng.random(len(words)) < 0.2):
                        if key == "leaf_count" or at > 0:
                            words[at] = str(rng.integers(0, 40))
                    lines[key] = " ".join(words)
            return "".join(f"{key}={value}\n" for key, value in lines.items()) + "\n\n"

        head, rest = text.split("\nTree=0\n", 1)
        trees, tail = rest.split("end of trees", 1)
        trees = re.sub(r"Tree=\d+\n(?:[^\n]+\n)*\n\n", tree, "Tree=0\n" + trees)
        return head + "\n" + trees + "end of trees" + tail

    def older(self, text):
        """The text as earlier versions of the library wrote it."""
        version = self.pick("v4", "v4", "v4", "v3", "v2")
        gone = {"v4": [], "v3": ["is_linear"], "v2": ["is_linear", "leaf_weight", "internal_weight"]}[version]
        text = text.replace("version=v4", f"version={version}", 1)
        for field in gone:
            text = re.sub(rf"\n{field}=[^\n]*", "", text)
        if self.chance(0.5):
            text = re.sub(r"\nparameters:.*?end of parameters\n", "", text, flags=re.S)
        head, rest = text.split("\nTree=0\n", 1)
        trees, tail = rest.split("end of trees", 1)
        trees = re.split(r"(?=^Tree=\d+\n)", "Tree=0\n" + trees, flags=re.M)
        sizes = " ".join(str(len(tree.encode())) for tree in trees if tree)
        head = re.sub(r"\ntree_sizes=[^\n]*", f"\ntree_sizes={sizes}", head)
        return head + "\n" + "".join(trees) + "end of trees" + tail

    def probes(self, text, X, categorical):
        """Rows of the training, with values put in that decide: thresholds and their neighbours, and what is odd."""
        rng, features = self.rng, X.shape[1]
        thresholds = np.array([float(word) for line in re.findall(r"\nthreshold=([^\n]*)", text) for word in line.split()]
                              or [0.0])
        count = self.pick(1, 5, 8, 30, 40, 64, 65, 130)
        rows = X[rng.integers(0, len(X), count)].copy()
        for feature in range(features):
            kind = rng.integers(0, 5, count)
            if feature in categorical:
                rows[:, feature] = np.where(kind == 0, rng.choice(CATEGORIES, count), rows[:, feature])
                rows[:, feature] = np.where(kind == 1, rng.integers(-2, 4000, count), rows[:, feature])
            else:
                near = rng.choice(thresholds, count)
                with np.errstate(over="ignore"):
                    above, below = np.nextafter(near, inf), np.nextafter(near, -inf)
                near = np.choose(rng.integers(0, 3, count), [near, above, below])
                rows[:, feature] = np.where(kind == 0, rng.choice(SPECIAL, count), rows[:, feature])
                rows[:, feature] = np.where(kind == 1, near, rows[:, feature])
        return rows

    def record(self, text, X, categorical):
        if self.chance(0.25):
            text = self.edited(text)
        text = self.older(text)
        rows = self.probes(text, X, categorical)
        refused = "\nleaf_const=" in text
        # What the text says, not what the training still holds in memory.
        booster = lgb.Booster(model_str=text)
        outputs, trees = booster.num_model_per_iteration(), 0 if refused else booster.num_trees()
        parts = [rows]
        if not refused:
            parts += [booster.predict(rows, raw_score=True), booster.predict(rows)]
            parts += [booster.predict(rows, pred_leaf=True), booster.predict(rows, pred_contrib=True)]
        body = text.encode()
        head = struct.pack("<8s5Q", b"SIRALGB1", len(body), len(rows), X.shape[1], outputs, trees)
        return head + body + b"".join(np.ascontiguousarray(part, dtype="<f8").tobytes() for part in parts)


def trained(number):
    """LightGBM stumbles over some of its own parameters; then others are drawn."""
    for refusals in range(20):
        maker = Maker(number, refusals)
        try:
            return maker, maker.train()
        except lgb.basic.LightGBMError as error:
            print(f"model {number}: {error}")
    raise RuntimeError(f"model {number} cannot be trained")


def main(folder, models=1840, first=0):
    folder, models, first = Path(folder), int(models), int(first)
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.case"), *folder.glob("whole")]:
        old.unlink()
    made = 0
    for number in range(first, first + models):
        maker, world = trained(number)
        name = f"{number:05}-{maker.objective}-{maker.boosting}.case"
        (folder / name).write_bytes(maker.record(*world))
        made += 1
    (folder / "whole").write_text(f"{made}\n")
    print(f"{made} models in {folder}")


main(*sys.argv[1:])
