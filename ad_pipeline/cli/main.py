"""The command line: `ad-pipeline make brief.yaml` and its sisters.

Exit codes: 0 done, 1 failed, 2 bad input, 3 done but degraded where the brief forbids it.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ad_pipeline.cli.exits import BAD_INPUT, FAILED, INTERRUPTED
from ad_pipeline.cli.warming import will_work
from ad_pipeline.errors import AdPipelineError, InputRejected
from ad_pipeline.messages import say, user_language
from ad_pipeline.stages.warming import begin_warming

Command = Callable[[argparse.Namespace], int]

STAGES = ("key_image", "motion_clip", "voice", "lipsync", "sfx", "music")


class _Parser(argparse.ArgumentParser):
    """Bad arguments end as every bad input does: one line, exit 2."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # Ended by `kill`, a run is cancelled as by Ctrl-C; a closed pipe (`| head`) ends us silently.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _parser().parse_args(arguments)
    if options.root:
        os.environ["AD_PIPELINE_ROOT"] = str(Path(options.root).expanduser().absolute())
    try:
        if will_work(options):
            begin_warming()
            gc.disable()  # until all is loaded: modules leave no garbage
        return _command(options.command)(options)
    except AdPipelineError as error:
        return _refused(error, as_json=options.json)
    except KeyboardInterrupt:
        print(say("stopped; what was finished is kept"), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def run() -> NoReturn:
    """The program: `main`, then out at once; an orderly end of all that Dagster loaded takes a second."""
    code = main()
    if code == INTERRUPTED:
        gc.collect()  # what the interruption's traceback held: without its end Python warns of leaked semaphores
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _refused(error: AdPipelineError, *, as_json: bool) -> int:
    code = BAD_INPUT if isinstance(error, InputRejected) else FAILED
    text = error.message.said_in(user_language())
    if as_json:
        print(json.dumps({"error": text, "field": getattr(error, "field", ""), "exit": code}, ensure_ascii=False))
    else:
        print(say("error: {text}", text=text), file=sys.stderr)
    return code


def _command(name: str) -> Command:
    """The command's function; its module is loaded only now, so that `--help` is quick."""
    module = {
        "make": "making", "rerun": "making", "takes": "looking", "pick": "looking", "show": "looking",
        "route": "looking", "doctor": "doctor", "ui": "ui", "gpu": "gpu",
        "edit": "editing", "clip": "editing",
        "storyboard": "writing", "rewrite": "writing", "variants": "writing",
    }[name]  # fmt: skip
    return getattr(importlib.import_module(f"ad_pipeline.cli.{module}"), name)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ad-pipeline", description=say("A brief becomes a finished advertising video."))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    make = _added(commands, "make", say("make an ad from a brief, or resume it"))
    make.add_argument("brief", metavar="BRIEF.yaml", nargs="?", help=say("not needed for a session that has one"))
    make.add_argument("--session", help=say("the ad's name and folder; the brief's file name when not given"))
    make.add_argument("--quality", choices=["draft", "standard", "premium"])
    make.add_argument("--engine", choices=["auto", "local", "cloud", "hybrid"])
    make.add_argument("--urgent", action="store_true", help=say("its GPU jobs go before those that wait"))
    rerun = _added(commands, "rerun", say("make a new take of one scene, and the final"))
    rerun.add_argument("session", metavar="SESSION")
    rerun.add_argument("--scene", metavar="scene_003")
    rerun.add_argument("--stage", action="append", choices=STAGES, help=say("make a new take of this stage"))
    rerun.add_argument("--prompt", help=say("another picture for this one take"))
    rerun.add_argument("--negative-prompt")
    rerun.add_argument("--narration", help=say("change what is said"))
    rerun.add_argument("--onscreen-text", help=say("change what is written"))
    rerun.add_argument("--seed", type=int, metavar="N")
    rerun.add_argument("--upgrade", action="store_true", help=say("try again what a weaker engine made"))
    rerun.add_argument("--urgent", action="store_true", help=say("its GPU jobs go before those that wait"))
    _add_editing(commands)
    _add_writing(commands)
    takes = _added(commands, "takes", say("list the takes of a session's artifacts"))
    takes.add_argument("session", metavar="SESSION")
    takes.add_argument("--scene", metavar="scene_003")
    pick = _added(commands, "pick", say("choose the take that the film uses, and cut the final again"))
    pick.add_argument("session", metavar="SESSION")
    pick.add_argument("scene", metavar="SCENE", help=say("scene_003, or - for what belongs to the whole ad"))
    pick.add_argument("artifact", metavar="ARTIFACT", help="key_image, motion_clip, voice, ...")
    pick.add_argument("take", metavar="v2")
    pick.add_argument("--format", help=say("only this format, e.g. 9:16"))
    show = _added(commands, "show", say("show a session: scenes, takes, checks, files"))
    show.add_argument("session", metavar="SESSION", nargs="?")
    route = _added(commands, "route", say("show which engine each stage takes, why, and what it costs"))
    route.add_argument("session", metavar="SESSION")
    doctor = _added(commands, "doctor", say("look whether this machine can make ads"))
    doctor.add_argument("--gpu", action="store_true", help=say("have each ComfyUI node make a short film as well"))
    gpu = _added(commands, "gpu", say("show the ComfyUI nodes; `gpu up` starts one on each GPU of this machine"))
    gpu.add_argument("action", nargs="?", choices=["up"], help=say("start ComfyUI on each CUDA device here"))
    gpu.add_argument("--comfy", metavar="DIR", help=say("ComfyUI's own folder; ./ComfyUI or ~/ComfyUI when not given"))
    gpu.add_argument("--python", metavar="PATH", help=say("the Python that ComfyUI runs with; this one when not given"))
    gpu.add_argument("--port", type=int, default=8188, metavar="N", help=say("the first port that is tried"))
    gpu.add_argument(
        "--comfy-args", default="", metavar="ARGS", help=say("more for each ComfyUI: --comfy-args='--lowvram --fast'")
    )
    ui = _added(commands, "ui", say("open the Dagster UI with its daemon and the media route, on this machine only"))
    ui.add_argument("--port", type=int, default=3000)
    ui.add_argument("--media-port", type=int, default=None)
    return parser


def _add_editing(commands: Any) -> None:
    edit = _added(commands, "edit", say("change a scene's picture by words, on a GPU node, and make the final again"))
    edit.add_argument("session", metavar="SESSION")
    edit.add_argument("words", metavar="WORDS", help=say('what to change, e.g. "brighter background"'))
    edit.add_argument("--scene", metavar="scene_002", required=True)
    edit.add_argument("--seed", type=int, metavar="N")
    edit.add_argument("--urgent", action="store_true", help=say("its GPU jobs go before those that wait"))
    clip = _added(commands, "clip", say("make one clip from words, or from a picture, without an ad"))
    clip.add_argument("prompt", metavar="PROMPT", help=say("what is seen; a picture of it is made first"))
    clip.add_argument("--image", metavar="FILE", help=say("move this picture instead"))
    clip.add_argument("--seconds", type=float, default=4.0, metavar="S")
    clip.add_argument(
        "--format", choices=["9:16", "1:1", "4:5", "16:9"], help=say("9:16, or what is nearest the image")
    )
    clip.add_argument("--motion", default="", metavar="WORDS", help=say('how it moves, e.g. "slow zoom-in"'))
    clip.add_argument("--engine", metavar="MODEL", help=say("who moves it, e.g. comfyui/wan2.1_i2v_14b"))
    clip.add_argument("--out", default="clip.mp4", metavar="FILE.mp4", help=say("where the clip goes: ./clip.mp4"))
    clip.add_argument("--force", action="store_true", help=say("overwrite what lies there"))
    clip.add_argument("--seed", type=int, default=7, metavar="N", help=say("another number gives another clip"))
    clip.add_argument("--urgent", action="store_true", help=say("its GPU jobs go before those that wait"))


def _add_writing(commands: Any) -> None:
    board = _added(commands, "storyboard", say("write the storyboard of a brief, and show what it will take"))
    board.add_argument("brief", metavar="BRIEF.yaml", nargs="?")
    board.add_argument(
        "--from", dest="source", choices=["file", "chat"], default="file", help=say("chat: tell the brief, be asked")
    )
    board.add_argument("--stream", action="store_true", help=say("show each scene the moment it is decided"))
    board.add_argument("--session", help=say("the ad's name and folder; the brief's file name when not given"))
    board.add_argument("--quality", choices=["draft", "standard", "premium"])
    board.add_argument("--engine", choices=["auto", "local", "cloud", "hybrid"])
    rewrite = _added(commands, "rewrite", say("change the words of one scene as you ask, and make the final again"))
    rewrite.add_argument("session", metavar="SESSION")
    rewrite.add_argument("words", metavar="WORDS", help=say('what to change, e.g. "warmer, mention ceramide"'))
    rewrite.add_argument("--scene", metavar="scene_002", required=True)
    rewrite.add_argument("--words-only", action="store_true", help=say("do not make the film yet"))
    variants = _added(commands, "variants", say("make other versions of an ad that share whatever stays the same"))
    variants.add_argument("session", metavar="SESSION")
    variants.add_argument("--n", type=int, default=3, metavar="N", help=say("how many"))
    variants.add_argument("--vary", choices=["hook", "cta", "tone"], default="hook", help=say("what differs"))
    variants.add_argument("--words-only", action="store_true", help=say("do not make the film yet"))


def _added(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument(
        "--root", metavar="DIR", help=say("where sessions lie; ./sessions or AD_PIPELINE_ROOT when not given")
    )
    command.add_argument("--json", action="store_true", help=say("answer in JSON"))
    return command


if __name__ == "__main__":
    run()
