from __future__ import annotations

import dataclasses
import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib import assets
from course_lib.assets import ASSETS, Asset, AssetError, AssetFile

WORKER = Path(__file__).with_name("assets_worker.py")
DATA = {
    "model.bin": hashlib.shake_256(b"model").digest(300_000),  # does not compress
    "deep/config.json": b'{"dim": 3}',
}
WHEEL = "toy_model-1.0-py3-none-any.whl"
CONVERTER = """
import os, sys, time
from pathlib import Path
source, destination = map(Path, sys.argv[1:])
with open(os.environ["CONVERSIONS"], "a") as log:
    log.write("one\\n")
print("PROGRESS 50 halfway", flush=True)
with (destination / "converted.bin").open("wb") as out:
    for file in sorted(p for p in source.rglob("*") if p.is_file()):
        out.write(file.read_bytes()[::-1])
        out.flush()
        time.sleep(float(os.environ.get("CONVERTER_SLEEPS", "0")))
if os.environ.get("CONVERTER_FAILS"):
    sys.exit("the converter does not like this")
os.chmod(destination / "converted.bin", 0o600)
"""


def wheel_bytes(data: dict[str, bytes] = DATA) -> bytes:
    info = "toy_model-1.0.dist-info"
    members = {f"toy_model/data/{name}": content for name, content in data.items()}
    members["toy_model/__init__.py"] = b"raise SystemExit('the code of a wheel was run')"
    members[f"{info}/METADATA"] = b"Metadata-Version: 2.1\nName: toy-model\nVersion: 1.0\n"
    members[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in members).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0)), content)
    return out.getvalue()


def toy(wheel: bytes, **changes: Any) -> Asset:
    files = tuple(
        AssetFile(f"toy_model/data/{name}", name, hashlib.sha256(data).hexdigest(), len(data))
        for name, data in DATA.items()
    )
    asset = Asset(
        name="toy",
        requirement="toy-model==1.0",
        wheel_sha256=hashlib.sha256(wheel).hexdigest(),
        wheel_bytes=len(wheel),
        licence="CC0-1.0",
        source_url="",
        files=files,
        disk_bytes=sum(map(len, DATA.values())),
    )
    return dataclasses.replace(asset, **changes)


class Place:
    """A cache of its own, a folder with the toy wheel, and ways to use them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache = folder / "cache"
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.conversions = folder / "conversions.txt"
        self.wheel = self.stick / WHEEL
        self.wheel.write_bytes(wheel_bytes())
        self.monkeypatch = monkeypatch
        modules = folder / "modules"
        modules.mkdir()
        (modules / "toy_converter.py").write_text(CONVERTER)
        paths = [str(modules), *filter(None, [os.environ.get("PYTHONPATH")])]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(self.stick))
        monkeypatch.setenv("COURSE_CACHE", str(self.cache))
        monkeypatch.setenv("COURSE_SYSTEM_CACHE", "")
        monkeypatch.setenv("CONVERSIONS", str(self.conversions))
        self.use(toy(self.wheel.read_bytes()))

    def use(self, asset: Asset) -> None:
        self.asset = asset
        self.monkeypatch.setitem(ASSETS, "toy", asset)

    def convert(self) -> None:
        self.use(dataclasses.replace(self.asset, convert="toy_converter"))

    def fetch(self, **options: Any) -> Path:
        return assets.fetch(["toy"], **options)["toy"]

    def refused(self, **options: Any) -> str:
        with pytest.raises(AssetError) as caught:
            self.fetch(**options)
        return self.checked(str(caught.value))

    def checked(self, message: str) -> str:
        """One message of two lines, and nothing left behind."""
        what, next_step = message.splitlines()
        assert what.startswith("toy: ")
        assert next_step.startswith("Next step: ")
        assert "Traceback" not in message
        self.assert_clean()
        return message

    def assert_clean(self) -> None:
        found = {p.name for p in self.cache.iterdir()} if self.cache.is_dir() else set()
        assert found <= {"toy.lock", self.asset.folder_name}
        if self.asset.folder_name in found:
            self.assert_right(self.cache / self.asset.folder_name)

    def assert_right(self, folder: Path) -> None:
        found = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        if self.asset.convert:
            both = [content[::-1] for _, content in sorted(DATA.items())]
            assert found == {"converted.bin", "manifest.json"}
            assert (folder / "converted.bin").read_bytes() == b"".join(both)
        else:
            assert found == {*DATA, "manifest.json"}
            for name, content in DATA.items():
                assert (folder / name).read_bytes() == content
        assert assets.verify("toy") == []

    def start(self, **job: Any) -> subprocess.Popen[str]:
        job["asset"] = dataclasses.asdict(self.asset)
        return subprocess.Popen(
            [sys.executable, str(WORKER), json.dumps(job, default=str)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def work(self, **job: Any) -> dict[str, str] | None:
        """What a worker process answers; None if it was killed."""
        process = self.start(**job)
        out, err = process.communicate(timeout=120)
        if process.returncode == 0:
            answer: dict[str, str] = json.loads(out)
            return answer
        assert process.returncode in (-9, 15), err
        return None


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 400 kB: less than the toy's wheel and its files together."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a small disk; the file-size limit is tested instead")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def wait_for(condition: Any) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


# --- the good way


def test_pip_brings_the_files_and_nothing_else(place: Place) -> None:
    assert assets.locate("toy") is None
    folder = assets.path("toy")
    assert folder == assets.locate("toy") == place.cache / place.asset.folder_name
    place.assert_clean()
    assert "toy_model" not in sys.modules
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["licence"] == "CC0-1.0"
    assert manifest["origin"]["wheel"] == "toy-model==1.0"
    assert manifest["files"]["model.bin"]["size"] == 300_000


def test_a_second_fetch_needs_no_pip_and_no_folder(place: Place, capfd: Any) -> None:
    place.fetch(progress=False)
    place.wheel.unlink()
    place.fetch()
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_on_stderr_unless_silenced(
    place: Place, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    place.convert()
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    _, err = place.start().communicate(timeout=60)  # tqdm reads the variable when it is imported
    for doing in ("downloading", "unpacking and verifying", "converting"):
        assert f"toy: {doing}: 100%" in err
    shutil.rmtree(place.cache)
    with monkeypatch.context() as patch:
        patch.setenv("TQDM_DISABLE", "1")
        _, err = place.start().communicate(timeout=60)
    assert err == ""
    shutil.rmtree(place.cache)
    place.fetch(progress=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("form", ["wheel", "wheel deeper", "the wheel itself", "files", "renamed"])
def test_from_folder_takes_wheel_or_files(
    place: Place, tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    source = tmp_path / "a share with spaces ü"
    source.mkdir()
    if form.startswith("wheel"):
        target = source / "deeper" if form == "wheel deeper" else source
        target.mkdir(exist_ok=True)
        shutil.copy(place.wheel, target)
    elif form == "the wheel itself":
        shutil.copy(place.wheel, source)
        source = source / WHEEL
    else:
        for name, content in DATA.items():
            file = source / (name if form == "files" else f"{len(content)}.copy")
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        decoy = source / "a decoy of the same size"
        decoy.write_bytes(bytes(len(DATA["model.bin"])))
    place.assert_right(place.fetch(from_folder=source))
    place.assert_clean()


def test_conversion_runs_once_and_its_result_is_readable_by_others(place: Place) -> None:
    place.convert()
    folder = place.fetch()
    place.assert_clean()
    assert place.fetch() == folder
    assert place.conversions.read_text() == "one\n"
    if os.name != "nt":
        assert (folder / "converted.bin").stat().st_mode & 0o777 == 0o644


def test_other_content_gets_another_folder(place: Place) -> None:
    first = place.fetch()
    other = dataclasses.replace(place.asset, recipe=2)
    place.use(other)
    assert assets.locate("toy") is None
    assert place.fetch() != first
    assert first.is_dir()


def test_system_cache_is_read_after_the_users_own(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = place.fetch()
    shared = tmp_path / "shared"
    shutil.copytree(place.cache, shared)
    monkeypatch.setenv(
        "COURSE_SYSTEM_CACHE", os.pathsep.join(["", str(tmp_path / "no"), str(shared)])
    )
    assert assets.locate("toy") == mine
    shutil.rmtree(mine)
    assert assets.path("toy") == shared / place.asset.folder_name
    assert not mine.exists()


def test_default_folders_are_the_operating_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_CACHE", raising=False)
    monkeypatch.delenv("COURSE_SYSTEM_CACHE", raising=False)
    assert "ml-for-ai-engineers" in assets.cache_folder().parts
    assert [("ml-for-ai-engineers" in folder.parts) for folder in assets.system_folders()] == [True]
    monkeypatch.setenv("COURSE_CACHE", "~/models")
    assert assets.cache_folder() == Path.home() / "models"


def test_unknown_name_is_refused() -> None:
    for function in (assets.locate, assets.path, assets.verify):
        with pytest.raises(ValueError, match=r"one of minilm, smollm2, got 'bert'"):
            function("bert")
    with pytest.raises(ValueError, match="got 'bert'"):
        assets.fetch(["minilm", "bert"])


# --- damage in the cache


def test_flipped_byte_is_found_by_verify_and_repaired(place: Place) -> None:
    folder = place.fetch()
    (folder / "model.bin").write_bytes(bytes(300_000))
    assert assets.locate("toy") == folder  # the size is right, and nobody read it all
    (problem,) = assets.verify("toy")
    assert "model.bin" in problem
    assert "fetch --repair toy" in problem
    assert place.fetch() == folder
    assert assets.verify("toy")
    place.assert_right(place.fetch(repair=True))
    place.assert_clean()


@pytest.mark.parametrize("damage", ["shorter", "file gone", "no manifest", "bad manifest", "empty"])
def test_incomplete_folder_is_replaced(place: Place, damage: str) -> None:
    folder = place.fetch()
    if damage == "shorter":
        (folder / "model.bin").write_bytes(b"half")
    elif damage == "file gone":
        (folder / "deep" / "config.json").unlink()
    elif damage == "no manifest":
        (folder / "manifest.json").unlink()
    elif damage == "bad manifest":
        (folder / "manifest.json").write_text('{"files": []}')
    else:
        shutil.rmtree(folder)
        folder.mkdir()
    assert assets.locate("toy") is None
    assert "fetch toy" in assets.verify("toy")[0]
    place.assert_right(place.fetch())
    place.assert_clean()


# --- what can be wrong with a wheel


def test_pip_gets_another_file_than_the_published_one(place: Place) -> None:
    place.use(dataclasses.replace(place.asset, wheel_sha256="0" * 64))
    message = place.refused()
    assert "SHA-256 differs" in message
    assert "it was not used" in message


def test_data_inside_is_another_than_the_published(place: Place) -> None:
    other = wheel_bytes({**DATA, "model.bin": bytes(300_000)})
    place.wheel.write_bytes(other)
    place.use(dataclasses.replace(place.asset, wheel_sha256=hashlib.sha256(other).hexdigest()))
    assert "SHA-256 of toy_model/data/model.bin differs" in place.refused()
    assert "SHA-256 of toy_model/data/model.bin differs" in place.refused(from_folder=place.stick)


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 1000, wheel_bytes()[:200_000]])
def test_wheel_that_is_no_zip_file(place: Place, content: bytes) -> None:
    place.wheel.write_bytes(content)
    assert f"{WHEEL} is damaged" in place.refused(from_folder=place.stick)


def test_wheel_without_the_file(place: Place) -> None:
    place.wheel.write_bytes(wheel_bytes({"model.bin": DATA["model.bin"]}))
    assert "deep/config.json" in place.refused(from_folder=place.stick)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_damage_to_a_wheel_is_harmless_or_refused(place: Place, data: st.DataObject) -> None:
    """Flipped bytes, preferably among the headers at both ends: right files or one message."""
    good = wheel_bytes()
    content = bytearray(good)
    near_an_end = st.integers(0, 200) | st.integers(len(good) - 800, len(good) - 1)
    places = st.lists(near_an_end | st.integers(0, len(good) - 1), min_size=1, max_size=4)
    for position in data.draw(places):
        content[position] ^= data.draw(st.integers(1, 255))
    place.wheel.write_bytes(content)
    shutil.rmtree(place.cache, ignore_errors=True)
    try:
        place.fetch(from_folder=place.stick, progress=False)
    except AssetError as error:
        place.checked(str(error))
    place.assert_clean()


# --- what can be wrong with a folder


def test_from_folder_that_is_not_there(place: Place, tmp_path: Path) -> None:
    assert "there is no folder" in place.refused(from_folder=tmp_path / "unplugged")


def test_from_folder_without_some_files(place: Place, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").write_bytes(DATA["deep/config.json"])
    (source / "model.bin").write_bytes(bytes(300_000))  # right name and size, wrong content
    message = place.refused(from_folder=source)
    assert "damaged there: model.bin." in message
    assert WHEEL in message


# --- pip and the network


@pytest.mark.parametrize("retries", ["0", "1"])
def test_no_network(place: Place, monkeypatch: pytest.MonkeyPatch, retries: str) -> None:
    with socket.socket() as listener:  # bound, not listening: connections are refused
        listener.bind(("127.0.0.1", 0))
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{listener.getsockname()[1]}/simple")
        monkeypatch.setenv("PIP_RETRIES", retries)
        message = place.refused()
    assert "cannot be reached" in message
    assert "--from FOLDER" in message


def test_index_without_the_wheel(place: Place) -> None:
    place.wheel.unlink()
    assert "has no toy-model==1.0" in place.refused()


def test_pip_refuses_for_a_reason_of_its_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_TIMEOUT", "not a number")
    assert "pip stopped: " in place.refused()


@pytest.fixture(scope="session")
def python_without_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("no pip")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts, python = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    (packages,) = folder.rglob("site-packages")
    for module in ("filelock", "platformdirs", "tqdm"):
        source = Path(__import__(module).__file__ or "").parent
        shutil.copytree(source, packages / module)
    (packages / "course_lib.pth").write_text(str(Path(assets.__file__).parents[2]))
    return folder / scripts / python


def test_pip_missing(
    place: Place, python_without_pip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(python_without_pip))
    answer = place.work()
    assert answer is not None
    message = place.checked(answer["error"])
    assert "pip is missing" in message
    assert "ensurepip" in message
    answer = place.work(from_folder=place.stick)
    assert answer is not None
    place.assert_right(Path(answer["ok"]))


# --- no room, no permission


@pytest.mark.parametrize("way", ["pip", "from folder", "converter"])
@pytest.mark.parametrize("seen", ["before", "midway"])
def test_disk_full(
    place: Place, small_disk: Path, monkeypatch: pytest.MonkeyPatch, way: str, seen: str
) -> None:
    place.cache = small_disk / "cache"
    monkeypatch.setenv("COURSE_CACHE", str(place.cache))
    if way == "converter":
        place.convert()
    source = None if way == "pip" else place.stick
    (small_disk / "other files").write_bytes(bytes(200_000))  # else the files alone would fit
    answer = place.work(from_folder=source, believe_in_space=seen == "midway")
    assert answer is not None
    message = place.checked(answer["error"])
    assert "not enough room" in message
    assert "0.6 MB are needed; 0.2 MB are free" in message
    assert "COURSE_CACHE" in message


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a file's size")
@pytest.mark.parametrize("way", ["pip", "from folder", "converter"])
def test_file_size_limit(place: Place, way: str) -> None:
    if way == "converter":
        place.convert()
    source = None if way == "pip" else place.stick
    limit = 300_005 if way == "converter" else 100_000  # the converter's one file is larger
    answer = place.work(from_folder=source, largest_file=limit)
    assert answer is not None
    assert "a quota or limit was reached" in place.checked(answer["error"])


def test_cache_cannot_be_made(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("not a folder")
    place.cache = tmp_path / "a file" / "cache"
    monkeypatch.setenv("COURSE_CACHE", str(place.cache))
    for source in (None, place.stick):
        message = place.refused(from_folder=source)
        assert "cannot be written" in message
        assert "set COURSE_CACHE" in message


def test_read_only_cache(place: Place, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def remount(mode: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{mode}", str(small_disk)], check=True)

    place.cache = small_disk / "cache"
    place.cache.mkdir()
    monkeypatch.setenv("COURSE_CACHE", str(place.cache))
    remount("ro")
    assert "cannot be written (Read-only" in place.refused()
    remount("rw,size=4m")
    folder = place.fetch()
    leftover = place.cache / "toy.tmp-12345678"
    leftover.mkdir()
    remount("ro")
    assert place.fetch() == folder  # what is complete serves, though it cannot be tidied
    assert place.fetch(repair=True) == folder
    remount("rw")
    assert place.fetch() == folder
    assert not leftover.exists()


def test_converter_fails(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.convert()
    monkeypatch.setenv("CONVERTER_FAILS", "1")
    message = place.refused()
    assert "the converter does not like this" in message
    monkeypatch.delenv("CONVERTER_FAILS")
    place.assert_right(place.fetch())


# --- kill -9


@pytest.mark.parametrize(
    "way", ["from folder", pytest.param("pip and converter", marks=pytest.mark.slow)]
)
def test_killed_before_any_change_of_the_cache(place: Place, way: str) -> None:
    """One run is killed before its first change, the next before its second, and so on."""
    if way == "pip and converter":
        place.convert()
    source = place.stick if way == "from folder" else None
    for number in range(1, 100):
        shutil.rmtree(place.cache, ignore_errors=True)
        answer = place.work(from_folder=source, kill_at=number)
        found = assets.locate("toy")
        if found:
            place.assert_right(found)
        if answer is not None:
            break
        place.assert_right(place.fetch(from_folder=place.stick, progress=False))
        place.assert_clean()
    assert number > 10
    assert answer == {"ok": str(place.cache / place.asset.folder_name)}
    place.assert_clean()


def killed_children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    return children


def test_killed_while_pip_downloads(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip must not go on alone; its half-finished download lies in the cache until the next run."""
    go_on = threading.Event()
    wheel = place.wheel.read_bytes()

    class HalfWheel(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
            content = wheel if self.path.endswith(".whl") else page
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if content is page else "application/zip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if content is wheel else content)
            self.wfile.flush()
            if content is wheel:
                go_on.wait()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HalfWheel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with monkeypatch.context() as patch:
            patch.delenv("PIP_NO_INDEX")
            patch.delenv("PIP_FIND_LINKS")
            patch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_address[1]}/simple")
            process = place.start()

        def half_is_there() -> bool:
            return any(p.suffix == ".whl" for p in place.cache.rglob("*"))

        wait_for(half_is_there)
        children = killed_children(process)
        assert children
        assert list(place.cache.glob("toy.tmp-*"))
        assert assets.locate("toy") is None
        place.assert_right(place.fetch())
        place.assert_clean()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
        place.assert_clean()
    finally:
        go_on.set()
        server.shutdown()
        server.server_close()


def test_killed_while_converting(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.convert()
    with monkeypatch.context() as patch:
        patch.setenv("CONVERTER_SLEEPS", "60")
        process = place.start(from_folder=place.stick)
    wait_for(lambda: list(place.cache.rglob("converted.bin")))
    children = killed_children(process)
    assert children
    place.assert_right(place.fetch(from_folder=place.stick))
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    place.assert_clean()


def test_interrupt_ends_the_converter_and_leaves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.convert()
    monkeypatch.setenv("CONVERTER_SLEEPS", "60")

    def interrupted(seconds: float) -> None:
        if list(place.cache.rglob("converted.bin")):
            raise KeyboardInterrupt
        time.sleep(seconds)

    fake_time = type("FakeTime", (), {"sleep": staticmethod(interrupted)})
    monkeypatch.setattr("course_lib.assets.process.time", fake_time)
    before = psutil.Process().children()
    with pytest.raises(KeyboardInterrupt):
        place.fetch(from_folder=place.stick)
    monkeypatch.undo()
    assert psutil.Process().children() == before
    assert [p.name for p in place.cache.iterdir()] == ["toy.lock"]


# --- several at once


def test_two_processes_do_the_work_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.convert()
    monkeypatch.setenv("CONVERTER_SLEEPS", "0.7")
    processes = [place.start(from_folder=place.stick) for _ in range(3)]
    results = [process.communicate(timeout=120) for process in processes]
    assert len({out for out, _ in results}) == 1
    assert json.loads(results[0][0]) == {"ok": str(place.cache / place.asset.folder_name)}
    assert sum("waiting for the process" in err for _, err in results) == 2
    assert place.conversions.read_text() == "one\n"
    place.assert_clean()


def test_two_threads_do_the_work_once(place: Place) -> None:
    place.convert()
    fetch = functools.partial(place.fetch, from_folder=place.stick, progress=False)
    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.conversions.read_text() == "one\n"
    place.assert_clean()


def test_who_waits_takes_over_from_a_killed_process(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.convert()
    with monkeypatch.context() as patch:
        patch.setenv("CONVERTER_SLEEPS", "60")
        first = place.start(from_folder=place.stick)
    wait_for(lambda: list(place.cache.rglob("converted.bin")))
    second = place.start(from_folder=place.stick)
    assert second.stderr is not None
    assert "waiting for the process" in second.stderr.readline()
    killed_children(first)
    out, _ = second.communicate(timeout=60)
    assert "ok" in json.loads(out)
    place.assert_clean()


# --- the real models


def test_catalogue_is_consistent() -> None:
    for name, asset in ASSETS.items():
        assert asset.name == name
        assert len({file.name for file in asset.files}) == len(asset.files)
        for checksum in (asset.wheel_sha256, *(file.sha256 for file in asset.files)):
            assert len(checksum) == 64
            assert set(checksum) <= set("0123456789abcdef")
        assert asset.licence == "Apache-2.0"


@pytest.mark.parametrize("name", ["minilm", "smollm2"])
def test_real_model_is_whole(name: str) -> None:
    folder = assets.path(name)
    assert assets.verify(name) == []
    on_disk = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    assert on_disk == pytest.approx(ASSETS[name].disk_bytes, rel=0.01)


LOAD = """
import sys
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer
import torch
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
if sys.argv[2] == "minilm":
    model = AutoModel.from_pretrained(sys.argv[1])
    texts = ["A man is eating food.", "A man eats something.", "The sky is blue."]
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"][:, :, None]
    vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1))
    near, far = (vectors[0] @ vectors[1:].T).tolist()
    assert near > 0.7 > 0.3 > far, (near, far)
else:
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
    assert model.dtype == torch.float32
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert tokenizer.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"]) == [1, 2]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert tokenizer.model_max_length == 8192
    assert tokenizer("Hello")["input_ids"] == tokenizer.convert_tokens_to_ids(["Hello"])
    # Digits stand alone, so a numbered list does not tear its blank line apart.
    numbered = tokenizer.tokenize("a\\n\\n12")
    assert numbered == ["a", "\u010a\u010a", "1", "2"], numbered
    for text in ["Caf\u00e9 \u4f60\u597d  x\\n", "12  34", "<|im_start|>"]:
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|im_start|>system\\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        "<|im_end|>\\n<|im_start|>user\\nWhat is the capital of France?<|im_end|>\\n"
        "<|im_start|>assistant\\n"
    ), text
    batch = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        out = model.generate(**batch, max_new_tokens=30, do_sample=False)
    answer = tokenizer.decode(out[0, batch["input_ids"].shape[1]:])
    assert "Paris" in answer and answer.endswith("<|im_end|>"), answer
"""


@pytest.mark.parametrize("name", ["minilm", "smollm2"])
def test_real_model_loads_offline_and_in_silence(name: str) -> None:
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TQDM_DISABLE": "1",
        "PYTHONUTF8": "1",
    }
    command = [sys.executable, "-c", LOAD, str(assets.path(name)), name]
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_of_ours_in_the_temporary_folder(place: Place, tmp_path: Path) -> None:
    """pip's own temporary files go to the cache, where they are found again."""
    before = set(Path(tempfile.gettempdir()).glob("pip-*"))
    place.fetch()
    assert set(Path(tempfile.gettempdir()).glob("pip-*")) <= before
