"""Training adapters: against a plain loop, interrupted and resumed, and with bad input."""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib import assets, lora
from course_lib.language_model import LocalModel
from course_lib.lora import Example, TrainingConfig, TrainingError, checkpoints, train
from course_lib.lora.batches import batch_of, count_steps, pack, packs, shared_beginning
from course_lib.lora.batches import summed_loss as packed_loss
from course_lib.lora.examples import Encoded, encode
from course_lib.lora.peft_adapters import new_adapter, trainable

COLOURS = ["red", "blue", "green", "black", "white", "a very dark and dusty violet"]
EXAMPLES = [
    Example(
        (
            {"role": "system", "content": "Name the colour."},
            {"role": "user", "content": f"Frame {number}" + "!" * (number % 3)},
        ),
        f'{{"colour": "{COLOURS[number % 6]}"}}',
    )
    for number in range(11)
]
VALIDATION = EXAMPLES[8:]
CONFIG = TrainingConfig(
    rank=2, alpha=4, learning_rate=0.02, warmup_steps=2, batch_size=3, max_steps=6,
    evaluate_every=2, patience=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    """A random model of four layers with the course's tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("models") / "tiny"
    shutil.copytree(
        assets.path("smollm2"), folder, ignore=lambda _, names: {n for n in names if "model." in n}
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152, hidden_size=16, intermediate_size=32, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        initializer_range=0.3, bos_token_id=1, eos_token_id=2, pad_token_id=None,
        tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tiny_folder):
    return LocalModel(tiny_folder, threads=1)


def weights_of(trained):
    return {
        name: weight.detach().clone()
        for name, weight in trained.model.named_parameters()
        if "lora_" in name
    }


def assert_same_weights(one, other, tolerance=0.0):
    one, other = weights_of(one), weights_of(other)
    assert one
    assert one.keys() == other.keys()
    for name, weight in one.items():
        assert float((weight - other[name]).abs().max()) <= tolerance, name


def logits(model, text="The colour of the frame"):
    return model.next_tokens(text).log_probabilities


def moved(model, config=CONFIG, seed=1):
    """The model with an adapter whose B is not zero."""
    adapted = new_adapter(model, config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in trainable(adapted.model).values():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.1)
    return adapted


# What a step computes


@pytest.fixture(scope="module")
def adapted(model):
    return moved(model)


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 99), min_size=1, max_size=9),
            st.lists(st.integers(0, 99), min_size=1, max_size=5),
        ),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.integers(0, 99), max_size=6),
    st.integers(1, 60),
)
def test_packs_give_the_loss_and_the_gradient_of_one_example_at_a_time(
    adapted, parts, beginning, limit
):
    examples = [
        Encoded((*beginning, *prompt, *answer), len(beginning) + len(prompt))
        for prompt, answer in parts
    ]
    weights = list(trainable(adapted.model).values())
    alone = 0.0
    for example in examples:
        ids = torch.tensor([example.ids])
        labels = torch.where(torch.arange(len(example.ids)) < example.prompt, -100, ids)
        alone = alone + adapted.model(input_ids=ids, labels=labels).loss * example.labels
    network = adapted.model.get_base_model()
    packed = sum(packed_loss(network, each) for each in packs(examples, limit))
    assert math.isclose(float(packed.detach()), float(alone.detach()), rel_tol=1e-5)
    gradients = [torch.autograd.grad(loss, weights) for loss in (packed, alone)]
    for ours, theirs in zip(*gradients, strict=True):
        size = max(1.0, float(theirs.abs().max()))
        assert torch.allclose(ours, theirs, rtol=0, atol=2e-4 * size)


@given(
    st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=12), min_size=1, max_size=9),
    st.integers(1, 40),
)
def test_packs_hold_every_label_once_and_no_padding(tokens, limit):
    examples = [Encoded(tuple(ids), len(ids) - 1 - index % 2) for index, ids in enumerate(tokens)]
    made = list(packs(examples, limit))
    labels = sorted(int(label) for each in made for label in each.labels)
    assert labels == sorted(label for each in examples for label in each.ids[each.prompt :])
    for each in made:
        assert len(each.tokens) == len(each.positions)
        assert len(each.tokens) <= limit or each.mask is None  # a long one stands alone
    assert sum(len(each.tokens) for each in made) <= sum(len(each.ids) - 1 for each in examples)


def test_a_beginning_in_common_is_computed_once(model):
    encoded = encode(model, EXAMPLES[:4], 99)
    shared = shared_beginning(encoded)
    assert shared > 10
    each = pack(encoded)
    assert len(each.tokens) == shared + sum(len(example.ids) - 1 - shared for example in encoded)


def test_only_the_answer_and_its_end_are_learned(model):
    for example, encoded in zip(EXAMPLES, encode(model, EXAMPLES, 99), strict=True):
        learned = model.tokenizer.decode(encoded.ids[encoded.prompt :])
        assert learned == f"{example.answer}<|im_end|>"
        assert list(encoded.ids[: encoded.prompt]) == model.prompt_tokens(list(example.messages))


def test_the_first_validation_loss_is_the_models_own_surprise(model):
    result = train(model, EXAMPLES[:3], VALIDATION, replace(CONFIG, max_steps=1), progress=False)
    surprise, tokens = 0.0, 0
    for example in VALIDATION:
        scored = model.log_probability(list(example.messages), f"{example.answer}<|im_end|>")
        surprise -= scored.total
        tokens += len(scored.tokens)
    assert result.validation_losses[0] == pytest.approx(surprise / tokens, rel=1e-5)


@pytest.mark.parametrize("clip_norm", [1000.0, 0.3])
def test_a_plain_loop_with_padding_ends_with_the_same_weights(model, clip_norm):
    """transformers' own loss and schedule, torch's optimiser, one padded batch a step."""
    from transformers import get_linear_schedule_with_warmup

    config = replace(CONFIG, warmup_steps=0, clip_norm=clip_norm, weight_decay=0.1)
    result = train(model, EXAMPLES, [], config, progress=False)
    network = new_adapter(model, config).model
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=config.learning_rate, weight_decay=0.1)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, 6)
    encoded, losses, norms = encode(model, EXAMPLES, 99), [], []
    for step in range(6):
        batch = [encoded[row] for row in batch_of(config, len(encoded), step)]
        longest = max(len(example.ids) for example in batch)
        ids = torch.tensor([[*e.ids, *[2] * (longest - len(e.ids))] for e in batch])
        labels = torch.tensor(
            [[*[-100] * e.prompt, *e.ids[e.prompt :], *[-100] * (longest - len(e.ids))]
             for e in batch]
        )  # fmt: skip
        mask = torch.tensor([[1] * len(e.ids) + [0] * (longest - len(e.ids)) for e in batch])
        optimizer.zero_grad()
        loss = network(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(weights, clip_norm)))
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    assert (max(norms) > clip_norm) == (clip_norm < 1)
    assert result.losses == pytest.approx(losses, rel=1e-4)
    for ours, theirs in zip(weights_of(result.model).values(), weights, strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=2e-4)


def test_the_learning_rate_rises_and_falls_in_a_line(model):
    seen = []
    config = replace(CONFIG, warmup_steps=3, max_steps=8)
    train(model, EXAMPLES[:3], [], config, on_step=lambda step: seen.append(step.learning_rate))
    wanted = [1 / 4, 2 / 4, 3 / 4, 1, 4 / 5, 3 / 5, 2 / 5, 1 / 5]
    assert seen == pytest.approx([0.02 * share for share in wanted])


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 3), st.integers(0, 3))
def test_every_epoch_has_every_example_once_in_its_own_order(examples, size, seed, epoch):
    config = TrainingConfig(batch_size=size, seed=seed)
    per_epoch = math.ceil(examples / size)
    orders = [
        np.concatenate(
            [batch_of(config, examples, turn * per_epoch + step) for step in range(per_epoch)]
        )
        for turn in (epoch, epoch + 1)
    ]
    for order in orders:
        assert sorted(order) == list(range(examples))
    if examples > 12:
        assert list(orders[0]) != list(orders[1])
    assert count_steps(replace(config, epochs=2.0), examples) == 2 * per_epoch


# What comes out


def test_training_learns_and_leaves_the_model_alone(model, tiny_folder, tmp_path):
    before, weights = logits(model), model.model.state_dict()
    copies = {name: weight.clone() for name, weight in weights.items()}
    seen = []
    config = replace(CONFIG, max_steps=40, evaluate_every=10)
    result = train(
        model, EXAMPLES, VALIDATION, config, folder=tmp_path, on_step=seen.append, progress=False
    )
    assert result.losses[-1] < 0.9 * result.losses[0]
    assert [step.loss for step in seen] == list(result.losses)
    assert {step.step: step.validation_loss for step in seen if step.validation_loss} == {
        step: loss for step, loss in result.validation_losses.items() if step
    }
    assert all(torch.equal(copies[name], weight) for name, weight in weights.items())
    assert np.array_equal(logits(model), before)
    assert not np.allclose(logits(result.model), before)
    assert result.parameters == sum(w.numel() for w in weights_of(result.model).values())
    assert not any(w.requires_grad for w in result.model.model.parameters())

    for loaded in (
        model.with_adapter(result.folder),
        LocalModel(tiny_folder, adapter=result.folder),
    ):
        assert np.array_equal(logits(loaded), logits(result.model))


def test_the_best_step_is_taken_not_the_last(model):
    wild = replace(CONFIG, learning_rate=3.0, max_steps=8, evaluate_every=1, warmup_steps=0)
    result = train(model, EXAMPLES, VALIDATION, wild, progress=False)
    losses = result.validation_losses
    assert result.best_step == min(losses, key=losses.__getitem__) < 8
    scored = [
        result.model.log_probability(list(e.messages), f"{e.answer}<|im_end|>") for e in VALIDATION
    ]
    mean = -sum(s.total for s in scored) / sum(len(s.tokens) for s in scored)
    assert mean == pytest.approx(losses[result.best_step], rel=1e-5)
    stopped = train(model, EXAMPLES, VALIDATION, replace(wild, patience=2), progress=False)
    worse = [step for step in losses if step > stopped.best_step]
    assert len(stopped.losses) == worse[1] < 8
    assert stopped.losses == result.losses[: worse[1]]


def test_the_same_arguments_give_the_same_adapter_and_another_seed_another(model):
    config = replace(CONFIG, dropout=0.2)
    state = torch.random.get_rng_state()
    one, same = (train(model, EXAMPLES, [], config, progress=False) for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)  # nobody else's numbers are touched
    assert_same_weights(one.model, same.model)
    other = train(model, EXAMPLES, [], replace(config, seed=1), progress=False)
    assert other.losses[0] != one.losses[0]
    undropped = train(model, EXAMPLES, [], CONFIG, progress=False)
    assert undropped.losses[-1] != one.losses[-1]


def test_every_step_drops_other_inputs(model, monkeypatch):
    from course_lib.lora import training

    real, drawn = training.summed_loss, []

    def drawing(network, each):
        drawn.append(float(torch.rand(1)))
        return real(network, each)

    monkeypatch.setattr(training, "summed_loss", drawing)
    train(model, EXAMPLES, [], replace(CONFIG, dropout=0.1), progress=False)
    assert len(set(drawn)) == len(drawn) == 6


def test_the_upper_layers_alone_can_be_trained(model):
    result = train(model, EXAMPLES, [], replace(CONFIG, layers=1), progress=False)
    assert result.parameters * 4 == train(model, EXAMPLES, [], CONFIG, progress=False).parameters
    assert all(".layers.3." in name for name in weights_of(result.model))


# Interrupted, killed, resumed


@pytest.mark.parametrize("at", [1, 2, 3, 5])
def test_an_interrupted_training_ends_as_one_that_was_not(model, tmp_path, at):
    config = replace(CONFIG, dropout=0.1)
    whole = train(model, EXAMPLES, VALIDATION, config, progress=False)

    def interrupt(step):
        if step.step == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            model, EXAMPLES, VALIDATION, config, folder=tmp_path, on_step=interrupt, progress=False
        )
    steps = []
    resumed = train(
        model, EXAMPLES, VALIDATION, config, folder=tmp_path, on_step=steps.append, progress=False
    )
    assert [step.step for step in steps] == list(range(at + 1, 7))
    assert_same_weights(resumed.model, whole.model)
    assert resumed.losses == whole.losses
    assert resumed.validation_losses == whole.validation_losses
    assert (resumed.best_step, resumed.tokens) == (whole.best_step, whole.tokens)

    again = train(model, EXAMPLES, VALIDATION, config, folder=tmp_path, on_step=steps.append)
    assert len(steps) == 6 - at  # it was over already
    assert_same_weights(again.model, whole.model)


@pytest.mark.parametrize("call", range(8))
def test_an_interruption_in_the_middle_of_a_step_or_a_validation_loses_nothing(
    model, tmp_path, monkeypatch, call
):
    from course_lib.lora import training

    config = replace(CONFIG, max_steps=4, evaluate_every=1)
    whole = train(model, EXAMPLES, VALIDATION, config, progress=False)
    real, calls = training.summed_loss, []

    def interrupted(network, each):
        calls.append(1)
        if len(calls) == call + 1:
            raise KeyboardInterrupt
        return real(network, each)

    monkeypatch.setattr(training, "summed_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(model, EXAMPLES, VALIDATION, config, folder=tmp_path, progress=False)
    resumed = train(model, EXAMPLES, VALIDATION, config, folder=tmp_path, progress=False)
    assert_same_weights(resumed.model, whole.model)
    assert resumed.validation_losses == whole.validation_losses
    assert (resumed.losses, resumed.tokens) == (whole.losses, whole.tokens)


CHILD = """
import sys
sys.path.insert(0, sys.argv[3])
from course_lib import lora
from course_lib.language_model import LocalModel
from course_lib.lora import training
from test_lora_training import CONFIG, EXAMPLES, VALIDATION
training.SAVE_EVERY = 0
lora.train(
    LocalModel(sys.argv[1], threads=1), EXAMPLES, VALIDATION, CONFIG, folder=sys.argv[2],
    on_step=lambda step: print(step.step, flush=True), progress=False,
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("during", [2, 4])
def test_a_killed_training_resumes_to_the_same_result(
    model, tiny_folder, tmp_path, during, pytestconfig
):
    whole = train(model, EXAMPLES, VALIDATION, CONFIG, progress=False)
    tests = str(pytestconfig.rootpath / "tests")
    command = [sys.executable, "-c", CHILD, str(tiny_folder), str(tmp_path), tests]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout:
            if int(line) == during:
                child.kill()  # SIGKILL: nothing can be tidied up
                break
        child.stdout.read()
    assert child.returncode == (-signal.SIGKILL if sys.platform != "win32" else 1)
    begun = checkpoints.load(tmp_path)[1]["step"]
    assert during - 1 <= begun <= 6
    resumed = train(model, EXAMPLES, VALIDATION, CONFIG, folder=tmp_path, progress=False)
    assert_same_weights(resumed.model, whole.model, 1e-6)
    assert resumed.losses == pytest.approx(whole.losses, abs=1e-6)


def test_a_half_written_checkpoint_is_as_if_it_were_not_there(model, tmp_path):
    once = replace(CONFIG, max_steps=2)
    train(model, EXAMPLES, [], once, folder=tmp_path, progress=False)
    whole = (tmp_path / checkpoints.FILE).read_bytes()
    half = tmp_path / (checkpoints.FILE + ".half")
    half.write_bytes(whole[:1000])
    steps = []
    train(model, EXAMPLES, [], once, folder=tmp_path, on_step=steps.append, progress=False)
    assert not steps
    assert not half.exists()


def test_a_failure_while_writing_leaves_the_old_checkpoint(model, tmp_path, monkeypatch):
    once = replace(CONFIG, max_steps=2)
    train(model, EXAMPLES, [], once, folder=tmp_path, progress=False)
    before = (tmp_path / checkpoints.FILE).read_bytes()

    def full(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(tmp_path, {}, {})
    assert (tmp_path / checkpoints.FILE).read_bytes() == before


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "foreign"])
def test_a_damaged_checkpoint_is_named(model, tmp_path, damage):
    from safetensors.torch import save

    once = replace(CONFIG, max_steps=1)
    train(model, EXAMPLES, [], once, folder=tmp_path, progress=False)
    file = tmp_path / checkpoints.FILE
    whole = file.read_bytes()
    foreign = save({"a": torch.zeros(2)})
    file.write_bytes(
        {"cut": whole[:-50], "noise": b"\xff" * 400, "empty": b"", "foreign": foreign}[damage]
    )
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors is no checkpoint .*delete it"):
        train(model, EXAMPLES, [], once, folder=tmp_path, progress=False)


def test_the_folder_of_another_training_is_refused_with_what_differs(model, tmp_path):
    once = replace(CONFIG, max_steps=1)
    train(model, EXAMPLES, [], once, folder=tmp_path, progress=False)
    for examples, config, differs in (
        (EXAMPLES, replace(once, rank=3), "rank is 2 there and 3 here"),
        (EXAMPLES, replace(once, layers=2), "layers is null there and 2 here"),
        (EXAMPLES[1:], once, r'examples is "11 of \w+" there and "10 of \w+" here'),
        (EXAMPLES[::-1], once, r'examples is "11 of \w+" there and "11 of \w+" here'),
    ):
        with pytest.raises(ValueError, match=f"another training: {differs}. Pass another folder"):
            train(model, examples, [], config, folder=tmp_path, progress=False)


# Bad input


def test_no_examples_an_empty_answer_and_a_long_example_are_refused(model):
    empty = Example(EXAMPLES[0].messages, " \n")
    long = Example(EXAMPLES[0].messages, "word " * 300)
    for examples, validation, message in (
        ([], [], "examples must hold at least one example, got none"),
        ([EXAMPLES[0], empty], [], r"examples\[1\]\.answer must be a text, got ' \\n'"),
        (EXAMPLES, [EXAMPLES[0], empty], r"validation\[1\]\.answer must be a text"),
        ([*EXAMPLES, long], [], r"examples\[11\] has 3\d\d tokens, more than max_length, 200"),
        (EXAMPLES, [long], r"validation\[0\] has 3\d\d tokens"),
    ):
        with pytest.raises(ValueError, match=message):
            train(model, examples, validation, replace(CONFIG, max_length=200), progress=False)
    assert lora.too_long(model, [EXAMPLES[0], long, EXAMPLES[1], long], 200) == [1, 3]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(model, tmp_path, monkeypatch):
    from course_lib.lora import training

    real, calls = training.summed_loss, []

    def broken(network, each):
        calls.append(1)
        return real(network, each) * (float("nan") if len(calls) > 4 else 1)

    monkeypatch.setattr(training, "summed_loss", broken)
    config = replace(CONFIG, evaluate_every=1)
    with pytest.raises(TrainingError, match=r"after 4 steps the loss is nan.*lower learning_rate"):
        train(model, EXAMPLES, [], config, folder=tmp_path, progress=False)
    tensors, state = checkpoints.load(tmp_path)
    assert state["step"] == 4
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rank": 0}, "rank must be a whole number of at least 1, got 0"),
        ({"rank": 2.5}, "rank must be a whole number"),
        ({"batch_size": True}, "batch_size must be a whole number of at least 1, got True"),
        ({"layers": 0}, "layers must be a whole number of at least 1, or None, got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0, got nan"),
        ({"learning_rate": float("inf")}, "learning_rate must be above 0, got inf"),
        ({"learning_rate": "0.1"}, "learning_rate must be above 0, got '0.1'"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, got 1.0"),
        ({"target_modules": "q_proj"}, "target_modules must be names .*got 'q_proj'"),
        ({"target_modules": ()}, "target_modules must be names"),
    ],
)
def test_a_wrong_configuration_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**wrong)


def test_what_the_model_does_not_have_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="layers must be between 1 and 4, or None, got 5"):
        train(model, EXAMPLES, [], replace(CONFIG, layers=5), progress=False)
    wrong = replace(CONFIG, target_modules=("q_proj", "query"))
    with pytest.raises(ValueError, match=r"among down_proj, .*v_proj, got query"):
        train(model, EXAMPLES, [], wrong, progress=False)
    with pytest.raises(ValueError, match="float32 model without adapter"):
        train(moved(model), EXAMPLES, [], CONFIG, progress=False)


# Configurations as files


def test_a_configuration_file_sets_what_it_names(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text('rank = 4\ntarget_modules = ["k_proj"]\nlearning_rate = 1e-4\n')
    wanted = TrainingConfig(rank=4, target_modules=("k_proj",), learning_rate=1e-4)
    assert lora.load_config(file) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rang = 4", "may name rank, .*seed; it names rang"),
        ("rank = ", "cannot be read"),
        ("rank = 0", "rank must be a whole number of at least 1, got 0"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_configuration_file_is_named(tmp_path, text, message):
    file = tmp_path / "config.toml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=rf"config '.*config\.toml'.*{message}"):
        lora.load_config(file)


# The command


@pytest.fixture
def command(tiny_folder, tmp_path, monkeypatch):
    from course_lib.lora import __main__ as command

    monkeypatch.setenv("COURSE_LLM", str(tiny_folder))
    monkeypatch.setattr(command, "examples", lambda name: (EXAMPLES, VALIDATION))
    config = tmp_path / "config.toml"
    config.write_text("rank = 2\nbatch_size = 3\nevaluate_every = 2\nmax_steps = 9\n")
    folder = tmp_path / "run"
    options = ["router", "--config", str(config), "--folder", str(folder), "--steps", "4"]
    return command, options, folder


def test_the_command_trains_and_tells_each_validation(command, capsys):
    command, options, folder = command
    assert command.main(options) == 0
    said = capsys.readouterr().out
    assert said.count("validation loss") == 3
    assert "step 2 of 4  training loss" in said
    assert (folder / "adapter" / "adapter_model.safetensors").is_file()
    settings = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "tiny"  # not where it lies on this computer


def test_the_command_says_how_to_go_on_after_an_interruption(command, capsys, monkeypatch):
    command, options, _ = command
    real = command.show

    def interrupt(step):
        real(step)
        if step.step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "show", interrupt)
    assert command.main(options) == 130
    assert "The same command goes on from there" in capsys.readouterr().out
    monkeypatch.setattr(command, "show", real)
    assert command.main(options) == 0
    assert "step 4 of 4" in (said := capsys.readouterr().out)
    assert "step 2 of 4" not in said
    assert command.main([*options[:-1], "5"]) == 1
    assert "max_steps is 4 there and 5 here" in capsys.readouterr().err


def test_the_commands_errors_are_one_line(command, capsys, tmp_path):
    command, options, _ = command
    assert command.main([*options, "--config", str(tmp_path / "none.toml")]) == 1
    assert command.main([*options, "--steps", "0"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2
    assert all(line.startswith("error: ") for line in errors)


@pytest.mark.parametrize("name", ["router", "grounded"])
def test_the_committed_configurations_can_be_read(name):
    from course_lib.lora.__main__ import CONFIGS

    assert lora.load_config(CONFIGS / f"{name}.toml").rank >= 1


@given(examples=st.integers(1, 40), together=st.integers(1, 5), batch_size=st.integers(1, 12))
def test_neighbours_are_drawn_together_and_each_example_once_an_epoch(
    examples, together, batch_size
):
    config = TrainingConfig(batch_size=batch_size, together=together, epochs=1)
    steps = count_steps(config, examples)
    drawn = [int(n) for step in range(steps) for n in batch_of(config, examples, step)]
    assert sorted(drawn) == list(range(examples))
    for first in range(0, examples, together):
        group = list(range(first, min(first + together, examples)))
        at = drawn.index(first)
        assert drawn[at : at + len(group)] == group
