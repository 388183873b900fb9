"""Names of models are completed, and bad ones refused before any work."""

import pytest

from sweeper.errors import InputError
from sweeper.serving.model_name import parse_model_name


def test_a_name_gets_its_tag_and_its_candidate() -> None:
    assert str(parse_model_name("quickstart")) == "quickstart:latest"
    assert str(parse_model_name("me/bot:v2").candidate) == "me/bot:v2-sweeper-candidate"


def test_earlier_and_quantised_models_have_names_of_their_own() -> None:
    earlier = ["bot:latest-sweeper-rollback-1", "bot:latest-sweeper-rollback-2"]
    assert [str(name) for name in parse_model_name("bot").rollbacks] == earlier
    assert str(parse_model_name("bot").quantized("q8_0")) == "bot:q8_0"
    assert str(parse_model_name("bot:v2").quantized("q8_0")) == "bot:v2-q8_0"
    for own in ("bot:v1-sweeper-rollback-1", "bot:v1-sweeper-candidate"):
        with pytest.raises(InputError, match="promotion uses itself"):
            parse_model_name(own)


@pytest.mark.parametrize(
    "text", ["", "two words", "bot:", ":v1", "bot:v1:v2", "/bot", "a//b", "-bot", "x" * 81]
)
def test_what_ollama_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no name that Ollama takes"):
        parse_model_name(text)


def test_a_tag_leaves_room_for_the_candidates() -> None:
    assert len(parse_model_name("bot:" + "v" * 60).leaving.tag) <= 80
    with pytest.raises(InputError, match="too long"):
        parse_model_name("bot:" + "v" * 70)
