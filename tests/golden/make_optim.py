"""Writes optim.json: trajectories of PyTorch's optimisers, which test_optim.py compares with ours.

Needs torch==2.13.0; everything is in float64.
"""

import json
from pathlib import Path

START = [1.0, -2.0, 0.5, 3.0]
STEPS = 12
CASES = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "betas": [0.5, 0.9], "eps": 1e-6, "weight_decay": 0.3}),
]


def loss(p):
    a, b, c, d = p
    return (a * b - 1) ** 2 + (c * c + d).tanh() + 0.1 * (d - a) ** 2 + (b * 0.5).exp()


def trajectory(torch, name, options):
    p = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    optimizer = getattr(torch.optim, name)(p, **options)
    rows = []
    for step in range(STEPS):
        if step == STEPS // 2:  # a learning rate may be changed
            for group in optimizer.param_groups:
                group["lr"] *= 0.5
        optimizer.zero_grad()
        loss(p).backward()
        optimizer.step()
        rows.append([x.item() for x in p])
    return rows


def main():
    import torch

    cases = [{"name": n, "options": o, "rows": trajectory(torch, n, o)} for n, o in CASES]
    text = json.dumps({"torch": torch.__version__, "start": START, "cases": cases}, indent=1)
    Path(__file__).with_name("optim.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
