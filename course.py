"""Sets up the course and hands over to it: ``python course.py lab`` or ``python course.py test``.

Needs the standard library alone. Written without newer syntax on purpose: an older Python
must get as far as the message that says which Python is wanted.
"""

import sys

WANTED = (3, 11)
if sys.version_info < WANTED:
    sys.exit(
        "This course needs Python {}.{} or newer; this is Python {}.{}.\n"
        "Next step: install one from https://www.python.org/downloads/ and start again with it,\n"
        "for example: python3.11 course.py lab".format(*(WANTED + tuple(sys.version_info[:2])))
    )

import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import queue
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "course-stamp.json"
LOG = ROOT / ".venv-setup.log"
CONSTRAINTS = ROOT / "constraints.txt"
CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
# command -> extras of pyproject.toml; the tests of the site and of a class want what these need
EXTRAS = {"test": ["test", "site", "classroom"], "site": ["site"], "benchmarks": ["bench"]}
# What course_lib.cli knows, for a typing error must not cost a set-up; a test compares the two.
COMMANDS = ["lab", "test", "run", "serve", "progress", "doctor", "snippet"]
COMMANDS += ["fetch", "verify", "build", "benchmarks", "export", "site"]
USAGE = """usage: python course.py COMMAND [options]

  lab [options]      set up if needed, then open JupyterLab on notebook 00
                     (options go to JupyterLab: --no-browser --port 8899)
  test [--fast]      set up if needed, then run every test and every notebook
                     (other options go to pytest: -k similarity)
  run NN             execute one notebook without opening it
  serve              start the assistant as a web service
  doctor             check this machine and say what to do
  benchmarks         compare course_lib with the libraries you would use instead
  setup              set up only: packages and models

Every other command is passed on: python course.py help"""


class SetupError(Exception):
    """Set-up can't go on; the message says what happened and the next step."""


def venv_python():
    """Path of the interpreter inside .venv on this operating system."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def fingerprint():
    """Hash of everything that decides what .venv must hold, and of where it stands."""
    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    digest.update(repr((sys.version_info[:2], platform.machine(), str(ROOT))).encode())
    return digest.hexdigest()


def read_stamp():
    """The extras that a finished set-up installed, or None where there is no finished one."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        if stamp["fingerprint"] == fingerprint() and venv_python().exists():
            return list(stamp["extras"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def write_stamp(extras):
    """Says that set-up is finished. Written last, in one rename."""
    half = STAMP.with_suffix(".tmp")
    half.write_text(
        json.dumps({"fingerprint": fingerprint(), "extras": sorted(extras)}), encoding="utf-8"
    )
    os.replace(half, STAMP)


@contextlib.contextmanager
def only_one():
    """Lets one set-up at a time work on .venv; the system frees the lock if we die."""
    with open(ROOT / ".venv-setup.lock", "a+") as handle:
        waiting = False
        while True:
            try:
                lock(handle)
                break
            except OSError:
                if not waiting:
                    print("Another set-up of this folder is running; waiting for it ...")
                waiting = True
                time.sleep(0.5)
        yield


def lock(handle):
    """Takes an exclusive lock on an open file, or raises OSError at once."""
    if os.name == "nt":
        import msvcrt

        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Progress:
    """One line that is redrawn on a terminal; a line now and then elsewhere."""

    def __init__(self, step, steps, title):
        self.head = f"[{step}/{steps}] {title}"
        self.live = sys.stdout.isatty()
        self.started = self.last = time.monotonic()
        print(self.head, end="" if self.live else " ...\n", flush=True)

    def show(self, done, total, what):
        """Draws a bar for ``done`` of ``total`` and says what is being worked on."""
        now = time.monotonic()
        if now - self.last < (0.1 if self.live else 15):
            return
        self.last = now
        share = min(1.0, done / total) if total else 0.0
        bar = "#" * int(20 * share) + "." * (20 - int(20 * share))
        text = f"{self.head} [{bar}] {share:4.0%} {what}"
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print("\r" + text[:width].ljust(width), end="", flush=True)
        else:
            print("      " + text, flush=True)

    def done(self, what="done"):
        """Closes the line with the time it took."""
        seconds = time.monotonic() - self.started
        text = f"{self.head}: {what} ({seconds:.0f} s)"
        if self.live:
            print("\r" + text.ljust(shutil.get_terminal_size().columns - 1), flush=True)
        else:
            print("      " + text, flush=True)


def expected_packages(extras):
    """How many packages the constraints list for these extras, to say how much is left."""
    count, section = 0, "base"
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        heading = re.match(r"# \[(\w+)\]", line)
        if heading:
            section = heading.group(1)
        elif "==" in line and section in ["base", *extras]:
            count += 1
    return count


def pip(arguments, progress, total):
    """Runs pip, follows what it says as a progress bar, and keeps everything in the log."""
    command = [str(venv_python()), "-m", "pip", "install", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar"]
    command += ["raw" if pip_knows_raw() else "off"]
    environment = dict(os.environ, PYTHONIOENCODING="utf-8", PYTHONUNBUFFERED="1")
    environment.pop("PIP_USER", None)  # a user-wide setting that a virtual environment refuses
    with open(LOG, "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command + arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=environment,
            cwd=str(ROOT),
        )
        lines = queue.Queue()
        reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout])
        reader.daemon = True
        reader.start()
        try:
            follow(process, lines, log, progress, total)
        except BaseException:
            process.kill()
            raise
        reader.join()
    if process.returncode:
        raise SetupError(explain_pip_failure())


def follow(process, lines, log, progress, total):
    """Turns pip's lines into progress until the process ends and its output is read."""
    seen, what = 0, "asking the package index"
    before = None
    while process.poll() is None or not lines.empty():
        try:
            line = lines.get(timeout=0.3)
        except queue.Empty:
            line = ""
        if line and not line.startswith("Progress "):
            log.write(line)
        found = re.match(r"(Collecting|Requirement already satisfied:|Obtaining) (\S+)", line)
        size = re.match(r"Progress (\d+) of (\d+)", line)
        if found:
            seen += 1
            what = "looking up " + found.group(2)
        elif re.match(r"\s*(Downloading|Using cached) ", line):
            what = line.strip()
        elif size and int(size.group(2)):
            done, whole = int(size.group(1)), int(size.group(2))
            mb = f"{done / 1e6:.0f} of {whole / 1e6:.0f} MB"
            name = re.sub(r" \(.*", "", what)
            progress.show(seen - 1 + done / whole, 2 * total, f"{name}: {mb}")
        elif line.startswith("Installing collected packages"):
            before, seen = installed_count(), line.count(",") + 1
        if before is not None:
            unpacked = installed_count() - before
            share = total + unpacked * total / seen
            progress.show(share, 2 * total, f"unpacking {unpacked}/{seen}")
        elif line and not size:
            progress.show(min(seen, total), 2 * total, what)


def installed_count():
    """How many packages lie in .venv, counted cheaply."""
    return len(packages("*"))


def packages(name):
    """The folders that say which versions of a package lie in .venv."""
    site = "Lib/site-packages" if os.name == "nt" else "lib/*/site-packages"
    return list(VENV.glob(f"{site}/{name}.dist-info"))


def pip_knows_raw():
    """Whether the pip inside .venv can print its progress in a form to read (24.1 and newer)."""
    versions = [tuple(map(int, re.findall(r"\d+", path.name)[:2])) for path in packages("pip-*")]
    return bool(versions) and max(versions) >= (24, 1)


def explain_pip_failure():
    """The end of pip's output and the most likely next step."""
    tail = LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
    text = "\n".join(tail)
    if "No space left" in text or "Errno 28" in text:
        step = "free some disk space (the course needs 4.5 GB) and run the same command again."
    elif re.search(r"(?i)connection|resolve|timed out|network|ProxyError", text):
        step = "check the network (or pip's proxy settings) and run the same command again."
    else:
        step = f"read the lines above (all of them are in {LOG.name}), then run the command again."
    return f"pip could not install the course's packages.\n\n{text}\n\nNext step: {step}"


def make_venv():
    """A new, empty virtual environment in .venv."""
    if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
        version = "{}.{}".format(*sys.version_info[:2])
        raise SetupError(
            "This Python has no working venv module, so no environment can be made.\n"
            f"Next step: on Debian or Ubuntu run  sudo apt install python{version}-venv ;\n"
            "elsewhere install Python from https://www.python.org/downloads/."
        )
    result = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if result.returncode:
        raise SetupError(
            f"The virtual environment {VENV} could not be made:\n{result.stdout.strip()}\n"
            "Next step: check that this folder can be written and has about 4.5 GB free."
        )


def torch_index():
    """Extra pip arguments that bring PyTorch's CPU build where pip would pick the CUDA one.

    On Linux the plain package needs several GB of CUDA libraries, which this course never uses.
    COURSE_TORCH_INDEX names another index; ``default`` leaves the choice to pip.
    """
    chosen = os.environ.get("COURSE_TORCH_INDEX")
    if chosen:
        return [] if chosen == "default" else ["--extra-index-url", chosen]
    if not sys.platform.startswith("linux"):
        return []
    command = [str(venv_python()), "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"]
    report = subprocess.run(
        [*command, "--report", "-", "-c", str(CONSTRAINTS), "torch"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    needs_cuda = re.search(r'"(nvidia|cuda)-[^"]*"', report.stdout)
    return ["--extra-index-url", CPU_TORCH_INDEX] if needs_cuda else []


def install(extras):
    """Makes .venv from nothing (or adds extras to a finished one) and stamps it."""
    finished = read_stamp()
    LOG.write_text("", encoding="utf-8")
    if finished is None:
        if VENV.exists():
            print("The environment in .venv is missing, unfinished or outdated: making it anew.")
            print("Packages that were downloaded before are not downloaded again.")
        step = Progress(1, 4, "Making a virtual environment in .venv")
        make_venv()
        step.done()
        step = Progress(2, 4, "Updating pip")
        pip(["--upgrade", "-c", str(CONSTRAINTS), "pip"], step, 1)
        step.done()
        step = Progress(3, 4, "Installing PyTorch (CPU)")
        pip(["-c", str(CONSTRAINTS), "torch", *torch_index()], step, 10)
        step.done()
    else:
        STAMP.unlink()  # from here on, unfinished until stamped again
        extras = sorted(set(extras) | set(finished))
    step = Progress(4, 4, "Installing the course's packages")
    target = str(ROOT) + ("[" + ",".join(extras) + "]" if extras else "")
    pip(["-c", str(CONSTRAINTS), "-e", target], step, expected_packages(extras))
    write_stamp(extras)
    step.done()


def ensure_setup(extras):
    """Sets up what is missing; takes milliseconds where everything is there."""
    finished = read_stamp()
    if finished is None or not set(extras) <= set(finished):
        with only_one():
            finished = read_stamp()  # somebody else may have finished while we waited
            if finished is None or not set(extras) <= set(finished):
                install(extras)


def main(arguments):
    """Sets up, then becomes the course's own command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if arguments[0] not in [*COMMANDS, "setup", "help"]:
        print(f"There is no command {arguments[0]!r}.\n\n{USAGE}", file=sys.stderr)
        return 2
    if arguments[0] == "doctor" and read_stamp() is None:
        # It examines and must not change anything, least of all delete what it should look at.
        print("FIX Environment  .venv is missing, unfinished or outdated: python course.py setup")
        return 1
    try:
        ensure_setup(EXTRAS.get(arguments[0], []))
    except SetupError as error:
        print(f"\n\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"\n\nSet-up stopped: {error}\nNext step: check that this folder can be written and the"
            " disk has 4.5 GB free, then run the same command again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(
            "\n\nSet-up was interrupted. Run the same command again:"
            " what was downloaded is not downloaded twice.",
            file=sys.stderr,
        )
        return 130
    if arguments[0] == "setup":
        arguments = ["fetch", *arguments[1:]]  # the models are the last step
    command = [str(venv_python()), "-m", "course_lib.cli", *arguments]
    if os.name == "nt":
        with contextlib.suppress(KeyboardInterrupt):
            return subprocess.call(command)
        return 130
    sys.stdout.flush()  # exec drops what is still in the buffer
    os.execv(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
