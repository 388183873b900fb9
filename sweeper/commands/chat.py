"""`sweep chat`: talk to the promoted model in Ollama, or to a trial beside its base."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from sweeper.commands.live_names import connect, live_name
from sweeper.commands.program import program
from sweeper.commands.sweeps import find_sweep, progress_of, space_of
from sweeper.commands.trial_asked import adapter_folder, trial_asked
from sweeper.errors import InputError
from sweeper.home import Home, SweepFolder
from sweeper.models.quiet import quiet_libraries
from sweeper.report.example import printable
from sweeper.space.base import resolve_base
from sweeper.space.space import Space

if TYPE_CHECKING:
    from sweeper.report.progress import TrialProgress

Turn = dict[str, str]
"""`role` and `content`."""
Speaker = Callable[[Sequence[Turn]], str]
"""Gives the answer to a chat whose last turn is the user's."""

MAX_NEW_TOKENS = 512
_FORGET = "/new"


def chat(home: Home, name: str, trial: int | None, ollama_name: str | None) -> None:
    """Reads lines from stdin until it ends. Raises InputError for a model or trial that is not there."""
    quiet_libraries()
    folder = find_sweep(home, name)
    space = space_of(folder)
    console = Console()
    if trial is None:
        speakers = _in_ollama(space, ollama_name, name)
    else:
        found = trial_asked(progress_of(folder), trial)
        console.print(f"Loading {space.base} and trial {trial}", highlight=False, markup=False)
        speakers = _base_and_trial(space, folder, found)
    hint = f"Each line is a turn; {_FORGET} begins anew, Ctrl-D ends."
    console.print(f"Talking to {' and '.join(speakers)}. {hint}", highlight=False, markup=False)
    talk(_lines(console), speakers, console)


def talk(lines: Iterable[str], speakers: Mapping[str, Speaker], console: Console) -> None:
    """Each speaker hears every line and its own answers, and none of the others'."""
    heard: dict[str, list[Turn]] = {name: [] for name in speakers}
    for line in lines:
        if line == _FORGET:
            heard = {name: [] for name in speakers}
            continue
        for name, speak in speakers.items():
            heard[name].append({"role": "user", "content": line})
            answer = speak(heard[name])
            heard[name].append({"role": "assistant", "content": answer})
            label = Text(f"{name}: ", style="bold") if len(speakers) > 1 else Text()
            console.print(label + Text(printable(answer.strip())))


def _lines(console: Console) -> Iterator[str]:
    """What the user types, without empty lines. A prompt is shown where somebody types it."""
    while True:
        if sys.stdin.isatty():
            console.print(">>> ", end="")
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _in_ollama(space: Space, ollama_name: str | None, sweep: str) -> dict[str, Speaker]:
    live = live_name(space.promote, ollama_name)
    client = connect(space.promote)
    if client.digest(str(live)) is None:
        raise InputError(
            str(live),
            f"Ollama at {client.url} has no such model",
            f"Run `{program()} promote {sweep}` first, or talk to a trial with --trial N",
        )
    return {str(live): lambda turns: client.chat(str(live), turns, {}).content}


def _base_and_trial(space: Space, folder: SweepFolder, trial: "TrialProgress") -> dict[str, Speaker]:
    """Greedy answers of both, by transformers; promote.system stands before each chat."""
    from peft import PeftModel

    from sweeper.data.template import custom_template, template_of
    from sweeper.models.load import load_base
    from sweeper.promote.greedy import GreedyModel
    from sweeper.scoring.generate import end_token_ids

    base = load_base(resolve_base(space.base, space.path.parent))
    template = template_of(base.tokenizer, custom_template(space.data))
    ends = end_token_ids(base.model, template)
    model = PeftModel.from_pretrained(base.model, adapter_folder(folder, trial)).eval()
    greedy = GreedyModel(model, base.tokenizer, ends, MAX_NEW_TOKENS)
    system = space.promote.system
    before = [] if system is None else [{"role": "system", "content": system}]

    def speak(turns: Sequence[Turn]) -> str:
        prompt = template.token_ids(template.render([*before, *turns]))
        return greedy.text(greedy.answer(prompt).token_ids)

    def speak_untrained(turns: Sequence[Turn]) -> str:
        with model.disable_adapter():
            return speak(turns)

    return {"base": speak_untrained, f"trial {trial.number}": speak}
