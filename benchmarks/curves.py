"""Synthetic fine-tuning: learning curves of LoRA trials, with what makes early stopping go wrong.

A task is drawn from a seed, then every configuration has its curve of target_loss over the share of
its own examples that it has trained, and a true score at its end:

    loss(share) = floor + (start - floor) / (1 + speed * epochs * share) ** power + heat * (1 - share)

- `floor` rises with the square of the distance from the task's best learning rate in decades, twice
  as fast above it, a little with ranks off the best one, and with epochs beyond where it overfits.
- `speed` rises with the learning rate and falls with the batch size: a trial whose rate is too high is
  ahead early and behind at the end, and small batches lead early. So curves cross.
- `heat` is what a learning rate costs that has not decayed yet: early values of good trials look worse
  than they are.
- Above some multiple of the best learning rate a trial diverges before its first rung.

Values at rungs carry noise of `RUNG_NOISE`; scores are answers to CASES cases, right with the true
score's chance. The constants are chosen, not fitted: they give first rungs that agree with the ends in
about two pairs of three (`agreement` says how often), which is on the hard side.
"""

import math
import random
from dataclasses import dataclass

from sweeper.space.trial_config import TrialConfig

RUNG_NOISE = 0.02
CASES = 100


@dataclass(frozen=True)
class Task:
    """One task, drawn from a seed."""

    seed: int
    best_rate: float
    best_rank: int
    speed: float
    power: float
    start: float
    floor: float
    overfits_after: float
    diverges_above: float

    @classmethod
    def drawn(cls, seed: int) -> "Task":
        chance = random.Random(f"task {seed}")
        return cls(
            seed=seed,
            best_rate=10 ** chance.uniform(-4.3, -3.2),
            best_rank=chance.choice([8, 16, 32, 64]),
            speed=chance.uniform(4, 20),
            power=chance.uniform(0.5, 1.5),
            start=chance.uniform(2, 4),
            floor=chance.uniform(0.1, 0.6),
            overfits_after=chance.uniform(1.0, 3.0),
            diverges_above=chance.uniform(4, 20),
        )

    def loss(self, config: TrialConfig, share: float) -> float:
        """Without noise. `share` is of the trial's own examples."""
        epochs = config.num_train_epochs or 1.0
        distance = math.log10(config.learning_rate / self.best_rate)
        floor = self.floor + (0.5 if distance > 0 else 0.25) * distance**2
        floor += 0.01 * abs(math.log2(config.lora_rank / self.best_rank))
        floor += 0.1 * max(0.0, epochs - self.overfits_after) * share
        speed = self.speed * 10 ** (0.5 * distance) * (8 / config.effective_batch_size) ** 0.3
        learned: float = (self.start - floor) / (1 + speed * epochs * share) ** self.power
        heat = 0.05 * 10 ** (0.5 * distance) * (1 - share)
        return floor + learned + heat

    def diverges(self, config: TrialConfig) -> bool:
        return config.learning_rate > self.best_rate * self.diverges_above

    def rung_value(self, number: int, config: TrialConfig, share: float) -> float:
        """What a worker would measure; the same whenever it is asked."""
        noise = random.Random(f"rung {self.seed} {number} {share:.6f}").gauss(0, RUNG_NOISE)
        return self.loss(config, share) + noise

    def true_score(self, config: TrialConfig) -> float:
        """The chance that a case is answered right by the finished trial."""
        return 1 / (1 + (self.loss(config, 1.0) / 0.9) ** 2)

    def measured_score(self, number: int, config: TrialConfig) -> float:
        """The share of CASES cases that it answers right."""
        chance, true = random.Random(f"score {self.seed} {number}"), self.true_score(config)
        return sum(chance.random() < true for _ in range(CASES)) / CASES


def agreement(task: Task, configs: list[TrialConfig], share: float) -> float:
    """How often two of `configs` stand at `share` in the order of their ends."""
    pairs = [(a, b) for i, a in enumerate(configs) for b in configs[:i]]
    same = [
        (task.loss(a, share) < task.loss(b, share)) == (task.loss(a, 1.0) < task.loss(b, 1.0))
        for a, b in pairs
    ]
    return sum(same) / len(same)
