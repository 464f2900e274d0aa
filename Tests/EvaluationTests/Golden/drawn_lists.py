"""Draws lists, histories and targets, and scores them with the metric lines of baselines.py, word for word.

python3 drawn_lists.py > drawn-lists.json    (needs numpy)
"""
import json, numpy as np

rng = np.random.default_rng(20260101)
V, users, truth, lists, seen = 260, range(40), {}, {}, {}
idx = {x: x for x in range(V)}
for u in users:
    seen[u] = sorted(int(x) for x in rng.choice(V, rng.integers(1, 60), replace=False))
    # Some of the target's items are new to the catalogue, and some users want nothing that is new to them.
    pool = seen[u] if u % 9 == 0 else list(range(V + 15))
    truth[u] = {int(x) for x in rng.choice(pool, min(len(pool), int(rng.integers(1, 30))), replace=False)}
    lists[u] = [int(x) for x in rng.permutation(V)[: rng.integers(0, 131)]]


def evaluate(novel):
    R = {k: [] for k in ("HR@10", "HR@20", "R@10", "R@20", "R@100", "N@10", "N@20")}
    for u in users:
        t = truth[u]
        if novel:
            t = {x for x in t if not (x in idx and x in seen[u])}
            if not t: continue
        L = [x for x in lists[u] if not (novel and x in seen[u])]
        L = L[:100]; hit = np.array([x in t for x in L], float); hit = np.pad(hit, (0, 100 - len(hit)))
        for k in (10, 20):
            R[f"HR@{k}"].append(hit[:k].any()); R[f"R@{k}"].append(hit[:k].sum() / len(t))
            disc = 1 / np.log2(np.arange(2, k + 2)); R[f"N@{k}"].append((hit[:k] * disc).sum() / disc[:min(k, len(t))].sum())
        R["R@100"].append(hit.sum() / len(t))
    names = {"R": "Recall", "N": "NDCG", "HR": "HR"}
    return {"users": len(R["R@10"]), "means": {names[k.split("@")[0]] + "@" + k.split("@")[1]: float(np.mean(v)) for k, v in R.items()}}


print(json.dumps({
    "cases": [{"list": lists[u], "truth": sorted(truth[u]), "seen": seen[u]} for u in users],
    "whole": evaluate(False), "novel": evaluate(True),
}, separators=(",", ":")))
