"""The character-level GPT of examples/microgpt.py: the same scalar code on Values in Python and in C."""

import pytest

from race import Race, cases

# "micrograd-c" is the class of "pure Python", replaced as by `python -m micrograd_c --replace-value`.
GPT = Race(
    title="microgpt, training",
    lanes={
        "micrograd-c": ("GptStep", {"replaced": True}),
        "micrograd-c, optim": ("GptStep", {"use": "optim"}),
        "micrograd-c, dot": ("GptStep", {"use": "dot"}),
        "micrograd-c, programs": ("GptStep", {"use": "programs"}),
        "pure Python": ("GptStep", {}),
        "pure Python, collector off": ("GptStep", {}),
    },
    phases={"step": ()},
    rounds=11,
)


@pytest.mark.parametrize("race, engine, phase", cases(GPT))
def bench_gpt(record, race, engine, phase):
    record(race, engine, phase)
