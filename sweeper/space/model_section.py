"""The `model` section of a space file: which base, and how it is held."""

from pydantic import Field

from sweeper.space.data_section import PathText
from sweeper.space.model_settings import Attention, BaseQuantization, DtypeName, ModelSettings
from sweeper.space.yaml_file import FileModel


class ModelSection(FileModel):
    base: PathText = Field(examples=["org/model"])
    quantization: BaseQuantization = Field(default="none", examples=["nf4"])
    dtype: DtypeName = Field(default="auto", examples=["bfloat16"])
    attention: Attention = Field(default="auto", examples=["sdpa"])

    @property
    def settings(self) -> ModelSettings:
        return ModelSettings(self.quantization, self.dtype, self.attention)
