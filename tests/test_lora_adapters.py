"""Adapters on LocalModel: loaded, swapped, merged, served; and what was forgotten."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from course_lib import assets, language_model, lora
from course_lib.execute import kernel_environment
from course_lib.language_model import EndpointModel, LocalModel
from course_lib.lora import TrainingConfig
from course_lib.lora.live_plot import loss_figure
from course_lib.lora.peft_adapters import new_adapter, trainable
from course_lib.statistics import paired_bootstrap_interval

TEXT = "The colour of the frame"
QUESTIONS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [{"role": "user", "content": "Name three colours."}],
]


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    """A random model of two layers with the course's tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny"
    shutil.copytree(
        assets.path("smollm2"), folder, ignore=lambda _, names: {n for n in names if "model." in n}
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=128, initializer_range=0.5,
        bos_token_id=1, eos_token_id=2, pad_token_id=None, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tiny_folder):
    return LocalModel(tiny_folder, threads=1)


def adapted(model, seed=0, size=0.3, **settings):
    """The model with a random adapter that has an effect."""
    other = new_adapter(model, TrainingConfig(**settings))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in trainable(other.model).values():
            weight.add_(torch.randn(weight.shape, generator=generator) * size)
    other.model.eval()
    return other


def logits(model):
    return model.next_tokens(TEXT).log_probabilities[np.argsort(model.next_tokens(TEXT).ids)]


@pytest.fixture
def folders(tiny, tmp_path):
    """Two adapters, and the distributions that they give."""
    models = {
        name: adapted(tiny, seed, **settings)
        for name, seed, settings in (
            ("one", 1, {}),
            ("two", 2, {"rank": 2, "target_modules": ("k_proj", "down_proj"), "layers": 1}),
        )
    }
    return {
        name: (lora.save_adapter(model, tmp_path / name), logits(model))
        for name, model in models.items()
    }


def test_adapters_are_used_side_by_side_and_leave_the_model_as_it_was(tiny, folders):
    plain = logits(tiny)
    one, two = (tiny.with_adapter(folder) for folder, _ in folders.values())
    for _ in range(2):
        assert np.array_equal(logits(one), folders["one"][1])
        assert np.array_equal(logits(two), folders["two"][1])
        assert np.array_equal(logits(tiny), plain)
    assert not np.allclose(folders["one"][1], plain)
    assert not np.allclose(folders["two"][1], folders["one"][1])
    # the second takes the first one's place, it is not put on top of it
    assert np.array_equal(logits(one.with_adapter(folders["two"][0])), folders["two"][1])
    assert np.array_equal(logits(two.with_adapter(None)), plain)
    assert [model.name for model in (tiny, one, two)] == ["tiny", "tiny + one", "tiny + two"]
    assert (tiny.adapter, one.adapter) == (None, folders["one"][0])


def test_half_precision_takes_half_the_size_and_hardly_changes_the_model(tiny, folders, tmp_path):
    whole, expected = folders["one"]
    half = lora.save_adapter(tiny.with_adapter(whole), tmp_path / "half", half=True)
    sizes = [(folder / "adapter_model.safetensors").stat().st_size for folder in (whole, half)]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = tiny.with_adapter(half)
    assert {p.dtype for n, p in loaded.model.named_parameters() if "lora_" in n} == {torch.float32}
    assert not np.array_equal(logits(loaded), expected)
    assert np.abs(logits(loaded) - expected).max() < 0.02


def test_models_share_their_weights_in_memory(tiny, folders):
    own = {parameter.data_ptr() for parameter in tiny.model.parameters()}
    with_adapter = tiny.with_adapter(folders["one"][0]).model
    extra = [weight for weight in with_adapter.parameters() if weight.data_ptr() not in own]
    assert sum(weight.numel() for weight in extra) == sum(
        weight.numel() for name, weight in with_adapter.named_parameters() if "lora_" in name
    )


def test_load_and_the_constructor_take_an_adapter(tiny_folder, folders, monkeypatch):
    folder, wanted = folders["one"]
    assert np.array_equal(logits(LocalModel(tiny_folder, adapter=folder)), wanted)
    monkeypatch.setenv("COURSE_LLM", str(tiny_folder))
    model = language_model.load(adapter=str(folder))
    assert np.array_equal(logits(model), wanted)
    answers = model.chat_batch(QUESTIONS, max_tokens=5)
    assert [model.chat(question, max_tokens=5) for question in QUESTIONS] == answers


def test_an_endpoint_takes_no_adapter(folders, monkeypatch):
    monkeypatch.setenv("COURSE_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("COURSE_LLM_MODEL", "m")
    with pytest.raises(ValueError, match=r"adapter is for a model on this computer.*endpoint"):
        language_model.load(adapter=folders["one"][0])


def test_a_wrong_adapter_is_refused(tiny, tiny_folder, folders, tmp_path):
    with pytest.raises(ValueError, match=r"adapter must be a folder with adapter_config\.json"):
        tiny.with_adapter(tmp_path / "none")
    with pytest.raises(ValueError, match="adapter needs the model in float32"):
        LocalModel(tiny_folder, adapter=folders["one"][0], int8=True)
    folder = folders["one"][0]
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])
    with pytest.raises(ValueError, match="does not suit the model"):
        tiny.with_adapter(folder)
    weights.unlink()
    with pytest.raises(ValueError, match=r"a folder with adapter_model\.safetensors"):
        tiny.with_adapter(folder)


def test_an_adapter_with_more_layers_than_the_model_is_refused(tiny, folders):
    from safetensors.torch import load_file, save_file

    folder = folders["one"][0]
    weights = load_file(folder / "adapter_model.safetensors")
    deeper = {name.replace(".layers.1.", ".layers.2."): each + 1 for name, each in weights.items()}
    save_file(deeper | weights, folder / "adapter_model.safetensors")
    with pytest.raises(ValueError, match="it has 12 matrices, of which the model has room for 8"):
        tiny.with_adapter(folder)


@pytest.mark.slow
def test_an_adapter_of_another_model_is_refused(folders):
    with pytest.raises(ValueError, match=r"does not suit the model: .*size mismatch"):
        LocalModel(adapter=folders["one"][0])


def test_what_was_saved_names_no_folder_of_this_computer(tiny, folders):
    for folder, _ in folders.values():
        assert sorted(each.name for each in folder.iterdir()) == [
            "adapter_config.json", "adapter_model.safetensors",
        ]  # fmt: skip
        settings = json.loads((folder / "adapter_config.json").read_text())
        assert settings["base_model_name_or_path"] == "tiny"
        assert settings["target_modules"] == sorted(settings["target_modules"])
    with pytest.raises(ValueError, match="model must have an adapter, got tiny without one"):
        lora.save_adapter(tiny, folders["one"][0])


def test_peft_reads_what_was_saved(tiny_folder, folders):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder, wanted = folders["two"]
    plain = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32)
    ids = LocalModel(tiny_folder).tokenizer(TEXT, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        row = PeftModel.from_pretrained(plain, str(folder)).eval()(input_ids=ids).logits[0, -1]
    assert np.allclose(row.double().log_softmax(-1).numpy(), wanted, rtol=0, atol=1e-5)


# Merged


def test_a_merged_model_is_a_plain_folder_that_computes_the_same(tiny, folders, tmp_path):
    plain, (folder, wanted) = logits(tiny), folders["one"]
    with_adapter = tiny.with_adapter(folder)
    merged = lora.merge_and_save(with_adapter, tmp_path / "merged")
    assert not list(tmp_path.glob("*.half"))
    alone = LocalModel(merged)
    assert type(alone.model).__name__ == "LlamaForCausalLM"
    assert not [name for name in alone.model.state_dict() if "lora" in name]
    assert np.allclose(logits(alone), wanted, rtol=0, atol=1e-4)
    assert not np.allclose(logits(alone), plain, rtol=0, atol=1e-2)
    assert np.array_equal(logits(with_adapter), wanted)  # neither was changed by merging
    assert np.array_equal(logits(tiny), plain)
    with pytest.raises(ValueError, match="folder must be new or empty"):
        lora.merge_and_save(with_adapter, merged)
    with pytest.raises(ValueError, match="model must have an adapter"):
        lora.merge_and_save(tiny, tmp_path / "other")


@pytest.mark.slow
def test_a_real_server_serves_the_merged_model(tmp_path):
    model = adapted(LocalModel(), size=0.03)
    merged = lora.merge_and_save(model, tmp_path / "merged")
    expected = [model.chat(question, max_tokens=8).text for question in QUESTIONS]
    plain = model.with_adapter(None)
    assert expected != [plain.chat(question, max_tokens=8).text for question in QUESTIONS]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = "from transformers.cli.transformers import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-c", command, "serve", str(merged), "--host", "127.0.0.1",
         "--port", str(port), "--device", "cpu"],
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            assert server.poll() is None, "transformers serve has ended"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).read()
                break
            except OSError:
                time.sleep(0.2)
        served = EndpointModel(f"http://127.0.0.1:{port}/v1", str(merged))
        assert [served.chat(question, max_tokens=8).text for question in QUESTIONS] == expected
    finally:
        server.terminate()
        server.wait(30)


# What was forgotten

TEXTS = ["The shop opens at nine.", "A chain needs oil after the rain.", "Zebra, pump, seven."]


def test_perplexity_is_transformers_own(tiny):
    ids = [tiny.tokenizer(text, return_tensors="pt")["input_ids"] for text in TEXTS]
    begin = torch.tensor([[tiny.tokenizer.bos_token_id]])
    wanted = [float(tiny.model(torch.cat([begin, row], 1), labels=torch.cat([begin, row], 1))
                    .loss.detach().exp()) for row in ids]  # fmt: skip
    assert lora.perplexities(tiny, TEXTS) == pytest.approx(wanted, rel=1e-4)


def test_forgetting_compares_the_same_texts(tiny):
    after = adapted(tiny)
    forgetting = lora.measure_forgetting(tiny, after, TEXTS)
    old, new = (np.log(lora.perplexities(model, TEXTS)) for model in (tiny, after))
    assert forgetting.before == pytest.approx(np.exp(old.mean()))
    assert forgetting.after == pytest.approx(np.exp(new.mean()))
    assert forgetting.ratio.estimate == pytest.approx(forgetting.after / forgetting.before)
    change = paired_bootstrap_interval(new, old)
    assert (forgetting.ratio.low, forgetting.ratio.high) == pytest.approx(
        (np.exp(change.low), np.exp(change.high))
    )
    same = lora.measure_forgetting(tiny, tiny, TEXTS)
    assert (same.ratio.low, same.ratio.high) == (1.0, 1.0)
    with pytest.raises(ValueError, match="texts must hold at least two texts, got 1"):
        lora.measure_forgetting(tiny, after, TEXTS[:1])


# The live plot


def steps(count, every=2, total=6):
    return [
        lora.Step(n, total, 3.0 / n, 3.5 / n if n % every == 0 else None, 1e-3, float(n))
        for n in range(1, count + 1)
    ]


def test_the_figure_shows_every_loss():
    axes = loss_figure(steps(5)).axes[0]
    training, validation = axes.lines
    assert list(training.get_xdata()) == [1, 2, 3, 4, 5]
    assert list(training.get_ydata()) == [3.0 / n for n in range(1, 6)]
    assert list(validation.get_xdata()) == [2, 4]
    assert "5 of 6" in axes.get_title(loc="left")
    assert len(loss_figure(steps(1)).axes[0].lines) == 1  # no validation yet


def test_the_plot_changes_in_place(monkeypatch):
    shown, updates = [], []

    class Handle:
        def update(self, figure):
            updates.append(figure)

    def display(figure, display_id):
        shown.append(figure)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    show = lora.live_loss_plot(every=3600)
    for step in steps(6, every=4):
        show(step)
    assert len(shown) == 1
    assert [figure.axes[0].get_title(loc="left") for figure in updates] == [
        "After step 4 of 6", "After step 6 of 6",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="every must be 0 or more seconds, got -1"):
        lora.live_loss_plot(-1)


def test_a_notebook_shows_the_plot_as_a_picture():
    source = """from course_lib import lora
show = lora.live_loss_plot()
for n in (1, 2):
    show(lora.Step(n, 2, 3.0 / n, 1.0 / n, 1e-3, 1.0))"""
    cell = nbformat.v4.new_code_cell(source)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=120).execute(env=kernel_environment())
    (shown,) = [one for one in cell["outputs"] if one["output_type"] == "display_data"]
    assert "image/png" in shown["data"]
