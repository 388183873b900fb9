"""target_loss of the real model equals its plain loss, one case at a time."""

import time
from pathlib import Path

import pytest

from sweeper.data.template import template_of
from sweeper.models.load import Base
from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.target_loss import expected_rows, target_loss
from sweeper.training.engine import Engine
from tests.scoring.plain_target_loss import plain_target_loss

CASES = Path("evaluation/quickstart_dev.jsonl")


def test_it_equals_one_case_at_a_time(fresh_smollm2: Base) -> None:
    cases = expected_rows(load_suite(CASES), template_of(fresh_smollm2.tokenizer))[:12]
    began = time.monotonic()
    expected = plain_target_loss(fresh_smollm2.model, cases)
    plain_seconds = time.monotonic() - began
    engine = Engine(fresh_smollm2.model)
    began = time.monotonic()
    found = target_loss(engine, {}, cases)
    packed_seconds = time.monotonic() - began
    print(f"{expected} plain in {plain_seconds:.1f} s, {found} packed in {packed_seconds:.1f} s")
    assert found == pytest.approx(expected, rel=1e-5)
