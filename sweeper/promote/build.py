"""From an adapter to proven .gguf files, in the form that is asked for. Ollama is not touched here."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.data.template import template_of
from sweeper.models.load import Base
from sweeper.models.tokenizer import load_tokenizer
from sweeper.promote.adapter import read_adapter
from sweeper.promote.adapter_form import adapter_files
from sweeper.promote.converter import find_converter
from sweeper.promote.finished_gguf import reference_of_base
from sweeper.promote.form_files import FormInputs, MakeFiles
from sweeper.promote.gguf_vocabulary import adds_bos
from sweeper.promote.greedy import GreedyModel
from sweeper.promote.merged_form import merged_files
from sweeper.promote.ollama_prompt import PromptOption, prompt_options
from sweeper.promote.promotion import PromotionRequest
from sweeper.promote.prompts import Prompt, case_prompts, probe_prompts
from sweeper.promote.record import Record
from sweeper.promote.same_base import refuse_changed_base
from sweeper.serving.llama_quantize import Quantizer, find_quantizer
from sweeper.space.promote_settings import Form


@dataclass(frozen=True, slots=True)
class Built:
    """All that putting the model into Ollama needs. `bos` is the begin-of-text token's text.

    `merged` is what Ollama is held against: the merged model, or base and adapter under PEFT where
    `adapter_gguf` is a file of its own; `whose` names it. `cases` are the suite's prompts in order,
    `probes` others that Ollama must render as wanted.
    """

    gguf: Path
    merged: GreedyModel
    cases: tuple[Prompt, ...]
    probes: tuple[Prompt, ...]
    options: tuple[PromptOption, ...]
    bos: str | None
    context_length: int | None
    quantizer: Quantizer | None = None
    """llama.cpp's, for what Ollama does not quantise itself."""
    adapter_gguf: Path | None = None
    whose: str = "merged model's"


_FORMS: dict[Form, MakeFiles] = {"merged": merged_files, "adapter": adapter_files}


def build(request: PromotionRequest, record: Record) -> Built:
    """Makes the files of the form that is asked for, and proves them. Raises ProofError where what they
    hold is another model, and InputError, SweepError and UnavailableError as its steps do."""
    inputs = _inputs(request, record)
    made = _FORMS[request.settings.form](request, inputs, record)
    template = inputs.template
    return Built(
        made.gguf,
        made.reference,
        inputs.cases,
        tuple(probe_prompts(template, request.settings.system)),
        tuple(prompt_options(template, adds_bos(made.gguf))),
        template.tokenizer.bos_token,
        getattr(made.reference.model.config, "max_position_embeddings", None),
        find_quantizer(request.converter),
        made.adapter_gguf,
        made.whose,
    )


def _inputs(request: PromotionRequest, record: Record) -> FormInputs:
    reference, base_sha256 = reference_of_base(request.base), ""
    adapter = read_adapter(request.adapter)
    if request.lineage is not None:
        with record.step("compare base"):
            base_sha256 = refuse_changed_base(reference, request.lineage.base_sha256)
    with record.step("find converter"):
        converter = find_converter(request.converter)
    tokenizer = request.base.tokenizer if isinstance(request.base, Base) else load_tokenizer(reference)
    template = template_of(tokenizer, request.chat_template)
    cases = tuple(case_prompts(template, request.suite, request.settings.system))
    return FormInputs(adapter, converter, template, cases, base_sha256)
