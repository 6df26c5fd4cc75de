"""Fetch a made-up asset in a process of its own, which the tests kill, starve and double.

Reads one JSON object from the command line and prints one: {"ok": folder} or {"error": message}.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from course_lib import assets
from course_lib.assets import Asset, AssetError, AssetFile

WATCHED = {
    *("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree"),
    "subprocess.Popen",
}


def asset_from(fields: dict[str, Any]) -> Asset:
    files = tuple(AssetFile(**file) for file in fields["files"])
    return Asset(**{**fields, "files": files})


def kill_at(number: int, cache: str) -> None:
    """Kill this process, as kill -9 does, before its number-th change of the cache."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in WATCHED:
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        if event != "subprocess.Popen" and not str(arguments[0]).startswith(cache):
            return
        seen += 1
        if seen == number:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    sys.addaudithook(hook)


def main(job: dict[str, Any]) -> None:
    asset = asset_from(job["asset"])
    assets.ASSETS[asset.name] = asset
    if job.get("believe_in_space"):  # as when the disk fills up after it was looked at
        assets.free_bytes = lambda folder: 10**15
    if job.get("largest_file"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"],) * 2)
    if job.get("kill_at"):
        kill_at(job["kill_at"], os.environ["COURSE_CACHE"])
    try:
        folder = assets.fetch([asset.name], from_folder=job.get("from_folder"))[asset.name]
    except AssetError as error:
        print(json.dumps({"error": str(error)}))
    else:
        print(json.dumps({"ok": str(folder)}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
