"""What decides the memory of one training step."""

from dataclasses import dataclass, field
from typing import Literal

from sweeper.models.precision import Precision

Dtype = Literal["float32", "bfloat16", "float16"]
Quantization = Literal["none", "nf4"]
Optim = Literal["adamw_torch", "adamw_8bit", "paged_adamw_8bit"]
Layout = Literal["packed", "padded"]
Device = Literal["cuda", "cpu"]
Attention = Literal["auto", "sdpa", "eager"]
Upcast = Literal["none", "norms", "all"]
GradientsAfter = Literal["none", "zero", "kept"]
OutputsUntil = Literal["forward", "backward", "next_step"]


@dataclass(frozen=True, slots=True)
class BaseSettings:
    """How the frozen base is held. `device` decides rounding and attention kernels.

    attention auto is sdpa, but eager where the model caps its attention logits, which sdpa refuses.
    """

    dtype: Dtype = "bfloat16"
    quantization: Quantization = "none"
    device: Device = "cuda"
    attention: Attention = "auto"

    @classmethod
    def of(cls, precision: Precision) -> "BaseSettings":
        """As a worker will hold it."""
        return cls(precision.dtype, precision.quantization, precision.device_kind, precision.attention)


@dataclass(frozen=True, slots=True)
class EngineStep:
    """A step of sweeper's engine: `cohort` trials, each with `micro_batch_size` rows of `seq_length` tokens.

    The first `prompt_length` tokens of a row carry no label, so a row has seq_length - prompt_length
    labels; 1 is the worst case. The first `shared_prefix` tokens are the same in all rows, which the
    packed layout computes once.
    """

    base: BaseSettings = field(default_factory=BaseSettings)
    layout: Layout = "padded"
    micro_batch_size: int = 1
    seq_length: int = 1024
    lora_rank: int = 16
    target_modules: tuple[str, ...] = ("all-linear",)
    cohort: int = 1
    optim: Optim = "adamw_torch"
    gradient_checkpointing: bool = False
    prompt_length: int = 1
    shared_prefix: int = 0
    lora_dropout: float = 0.0

    @property
    def labelled_count(self) -> int:
        """Labels of all rows of all trials."""
        return self.cohort * self.micro_batch_size * (self.seq_length - self.prompt_length)


@dataclass(frozen=True, slots=True)
class TrainerStep:
    """A step as Hugging Face's Trainer takes it with PEFT, or without where `lora_rank` is None.

    All positions get logits and rows are padded to `seq_length`. The rest is what differs among the
    people who measured:

    - `padded`: the model makes or is given a mask, tokens by tokens;
    - `autocast`: bf16 over forward and loss;
    - `upcast`: 16-bit weights made fp32, all (prepare_model_for_kbit_training) or norms (TRL, after it);
    - `outputs_until`: how long the model's outputs live; Trainer drops them after forward;
    - `gradients_after`: what becomes of gradients after the step; kept is until the next one begins;
    - `copies_logits`: the loss copies the shifted logits, as transformers did up to 4.48;
    - `empties_cache`: the allocator's, before each step;
    - `first_seq_length`: how long the rows of the step before were, if not as long.
    """

    base: BaseSettings = field(default_factory=BaseSettings)
    micro_batch_size: int = 1
    seq_length: int = 1024
    lora_rank: int | None = 16
    target_modules: tuple[str, ...] = ("all-linear",)
    lora_dropout: float = 0.0
    use_dora: bool = False
    optim: Optim = "adamw_torch"
    gradient_checkpointing: bool = False
    reentrant: bool = False
    use_cache: bool = False
    padded: bool = False
    autocast: bool = False
    upcast: Upcast = "none"
    outputs_until: OutputsUntil = "forward"
    gradients_after: GradientsAfter = "none"
    clips: bool = True
    copies_logits: bool = False
    empties_cache: bool = False
    first_seq_length: int | None = None
    fused: bool = False


Step = EngineStep | TrainerStep
