"""Writes optim.json: trajectories of PyTorch's optimisers and schedules, which test_optim.py compares with ours.

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
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.9, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.02, "weight_decay": 0.1, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.8, "momentum": 0.5, "centered": True}),
]
# Parameters by their places, with options of their own; the norm of the gradient is clipped.
GROUPS = [
    (
        "SGD",
        {"lr": 0.05, "momentum": 0.9},
        [{"params": [0, 3], "lr": 0.01}, {"params": [1, 2], "momentum": 0.0}],
        1.0,
    ),
    ("AdamW", {"lr": 0.1}, [{"params": [2]}, {"params": [0, 1, 3], "weight_decay": 0.0, "betas": [0.5, 0.9]}], 1e9),
]
SCHEDULES = [
    [("StepLR", {"step_size": 3, "gamma": 0.5})],
    [("CosineAnnealingLR", {"T_max": 11, "eta_min": 0.01})],
    [("LinearLR", {"start_factor": 0.25, "total_iters": 4})],
    [("LinearLR", {"start_factor": 0.25, "total_iters": 4}), ("CosineAnnealingLR", {"T_max": 7})],
]
RATE = 0.3


def loss(p):
    a, b, c, d = p
    return (a * b - 1) ** 2 + (c * c + d).tanh() + 0.1 * (d - a) ** 2 + (b * 0.5).exp()


def grouped(p, groups):
    """Return groups with the parameters of these places; a list of an option is a tuple."""
    found = [{k: tuple(v) if isinstance(v, list) else v for k, v in group.items()} for group in groups]
    return [{**group, "params": [p[i] for i in group["params"]]} for group in found]


def trajectory(torch, name, options, groups=None, most=None):
    p = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in START]
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    optimizer = getattr(torch.optim, name)(grouped(p, groups) if groups else p, **options)
    rows = []
    for step in range(STEPS):
        if step == STEPS // 2:  # a learning rate may be changed
            for group in optimizer.param_groups:
                group["lr"] *= 0.5
        optimizer.zero_grad()
        loss(p).backward()
        norm = [torch.nn.utils.clip_grad_norm_(p, most).item()] if groups else []
        optimizer.step()
        rows.append([x.item() for x in p] + norm)
    return rows


def rates(torch, parts):
    """Return what a schedule has at each step; two in sequence, the second from where the first ends."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    schedules = [getattr(torch.optim.lr_scheduler, name)(optimizer, **options) for name, options in parts]
    if len(schedules) > 1:
        schedules = [torch.optim.lr_scheduler.SequentialLR(optimizer, schedules, [parts[0][1]["total_iters"]])]
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedules[0].step()
    return found


def main():
    import torch

    cases = [{"name": n, "options": o, "rows": trajectory(torch, n, o)} for n, o in CASES]
    groups = [
        {"name": n, "options": o, "groups": g, "most": m, "rows": trajectory(torch, n, o, g, m)}
        for n, o, g, m in GROUPS
    ]
    schedules = [rates(torch, parts) for parts in SCHEDULES]
    found = {"torch": torch.__version__, "start": START, "cases": cases, "groups": groups, "schedules": schedules}
    text = json.dumps(found, indent=1)
    Path(__file__).with_name("optim.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
