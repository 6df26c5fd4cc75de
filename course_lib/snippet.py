"""`course snippet NAME`: a function or class of course_lib as one file that needs no course_lib.

The file holds what NAME uses and nothing more: the imports, the constants and the helpers, taken
as text from course_lib's source, so that comments and docstrings come along.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import course_lib
from course_lib.snippet_inline import Snippet
from course_lib.snippet_source import Library, Module, SnippetError

# What can be exported: every public name of a module, or single names of one of which the others
# read the course's own files or have no example; a test runs each exported file.
EXPORTABLE = (
    "embeddings",
    "similarity",
    "statistics",
    "sampling",
    "calibration",
    "tokenization",
    "static_embeddings",
    "significance",
    "retrieval_metrics",
    "generation_metrics",
    "chunking",
    "retrieval",
    "vector_stores.ExactStore",
    "vector_stores.FaissStore",
    "vector_stores.IVFStore",
    "batch_embedding.embed_corpus",
    "ingestion.headings_and_tables",
    "ingestion.load_text",
    "rag.Trace",
    "rag.answer",
    "rag.check_citations",
    "rag.fit_passages",
    "rag.format_passage",
    "rag.is_abstention",
    "language_model.EndpointModel",
    "language_model.LocalModel",
    "prompts.ConversationMemory",
    "prompts.compress",
    "prompts.generate_json",
    "prompts.pack_context",
    "prompts.parse_json",
    "prompts.select_examples",
    "lora.merge_and_save",
    "lora.perplexities",
    "lora.train",
    "tools.calculate",
    "tools.call",
    "tools.call_by_name",
    "tools.to_openai",
    "agents.PromptedPolicy",
    "agents.RoutedPolicy",
    "agents.call_schema",
    "agents.parse_call",
    "agents.run_agent",
    "guardrails.AllowList",
    "guardrails.CitationGuard",
    "guardrails.Delimiter",
    "guardrails.GroundedGuard",
    "guardrails.InstructionDetector",
    "guardrails.PersonalData",
    "guardrails.Redacted",
    "guardrails.Rule",
    "guardrails.SchemaGuard",
    "guardrails.apply_guards",
    "guardrails.datamark",
    "guardrails.readings",
    "guardrails.score_guards",
    "guardrails.visible",
    "orchestration.BatchingModel",
    "orchestration.LoadReport",
    "orchestration.arrivals",
    "orchestration.backoff",
    "orchestration.run_load",
    "orchestration.spans_of",
    "orchestration.with_cache",
    "orchestration.with_fallback",
    "orchestration.with_limit",
    "orchestration.with_retries",
    "orchestration.with_timeout",
    "gate.gate",
    "gate.least_questions",
    "gate.pass_rate",
    "gate.questions_needed",
    "plotting.bars_with_intervals",
    "plotting.histogram_by_group",
    "plotting.scatter_map",
    "plotting.use_course_style",
)

COURSE = "The machine learning an AI engineer needs"
LICENCE_FILE = course_lib.ROOT / "LICENSE"


def course_library() -> Library:
    """The source of course_lib itself."""
    return Library(Path(course_lib.__file__).parent, "course_lib")


def public_names(library: Library, modules: Sequence[str] = EXPORTABLE) -> list[str]:
    """Every "module.name" that can be exported, in the order of `modules`."""
    everything = library.public()
    return [full for entry in modules for full in everything if _is_of(full, entry)]


def _is_of(full: str, entry: str) -> bool:
    """Whether "module.name" is this entry of EXPORTABLE, or in it."""
    return entry in (full, full.split(".")[0])


def find(library: Library, name: str) -> tuple[Module, str]:
    """Find what a name such as "top_k" or "similarity.top_k" means.

    Raises:
        SnippetError: if it means nothing, with the nearest names, or several things, with all.
    """
    wanted = name.removeprefix(f"{library.package}.")
    everything = library.public()
    if wanted in everything:
        return everything[wanted]
    fitting = [full for full in everything if full.split(".")[1] == wanted]
    offered = public_names(library)
    exportable = [full for full in fitting if full in offered]
    if len(exportable or fitting) == 1:
        return everything[(exportable or fitting)[0]]
    if fitting:
        raise SnippetError(f"{name} is ambiguous: say {' or '.join(exportable or fitting)}")
    inside = [full for full in everything if full.split(".")[0] == wanted]
    if inside:
        raise SnippetError(f"{name} is a module: choose one of {', '.join(inside)}")
    # Suggest what a test exports; another name may not be able to stand alone.
    listed = offered or list(everything)
    short = {full.split(".")[1]: full for full in listed}
    near = [full for full in listed if wanted.split(".")[-1].lower() in full.lower()]
    near += difflib.get_close_matches(wanted, [*listed, *short], n=5, cutoff=0.6)
    choices = list(dict.fromkeys(short.get(one, one) for one in near))[:5]
    advice = f"did you mean {' or '.join(choices)}?" if choices else "see course snippet --list"
    raise SnippetError(f"{library.package} has no {name}: {advice}")


def export(name: str, library: Library | None = None) -> str:
    """Write a function or class of course_lib as the text of one standalone file.

    Args:
        name: "cosine_similarity", or "similarity.cosine_similarity".
        library: where to look; by default course_lib.

    Raises:
        SnippetError: if there is no such name, or it cannot stand alone.
    """
    library = library or course_library()
    module, public = find(library, name)
    try:
        code = Snippet(library, module, public).code()
    except SnippetError as error:
        raise SnippetError(f"{name} cannot stand in a file of its own: {error}") from None
    known = library.public().items()
    full = next(full for full, (where, what) in known if where is module and what == public)
    return f"{_header(module, public, code, full)}\n{code}"


def _header(module: Module, name: str, code: str, full: str) -> str:
    owner = next(unit for unit in module.defines[name])
    described = [str(docstring.value) for docstring in owner.docstrings]
    notebooks = re.findall(r"notebooks/\w+\.ipynb", " ".join([*described, module.text]))
    lines = [f'"""{name}, from the course "{COURSE}".', ""]
    lines.append(
        f"Source: {module.name.replace('.', '/')}.py, course-lib {course_lib.__version__}."
    )
    if notebooks:
        lines.append(f"Built in {notebooks[0]}.")
    needed = _third_party(code)
    lines.append(f"Needs {', '.join(needed) or 'Python alone'}.")
    lines.append(f"Exported by: course snippet {full}")
    lines += ['"""', "", "# SPDX-License-Identifier: MIT"]
    lines += [f"# {line}" for line in _copyright()]
    return "\n".join(lines) + "\n"


def _third_party(code: str) -> list[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return sorted(found - set(sys.stdlib_module_names))


def _copyright() -> list[str]:
    if not LICENCE_FILE.is_file():  # an installed copy without the repository around it
        return []
    text = LICENCE_FILE.read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.startswith("Copyright")]


def listing(library: Library) -> str:
    """Write every name that can be exported, each with the first line of its docstring."""
    names = public_names(library)
    width = max(len(name) for name in names)
    lines = []
    for name in names:
        module, public = find(library, name)
        node = module.defines[public][0].node
        assert isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        about = (ast.get_docstring(node) or "").split("\n")[0]
        lines.append(f"{name:<{width}}  {about}".rstrip())
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Run `course snippet`: print one name as a standalone file.

    Args:
        argv: the arguments after `course snippet`.

    Returns:
        0, or 1 with a message on stderr.
    """
    parser = argparse.ArgumentParser(
        prog="course snippet",
        description="Print a function or class of course_lib as one file that needs no course_lib.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("name", nargs="?", help="for example cosine_similarity, or similarity.mmr")
    what.add_argument("--list", action="store_true", help="show what can be exported")
    what.add_argument(
        "--index", type=Path, metavar="FILE", help="write the page of what can be exported"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write NAME to FILE")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    options = parser.parse_args(argv)
    if options.list:
        print(listing(course_library()))
        return 0
    if not (options.name or options.index):
        parser.print_usage(sys.stderr)
        print("course snippet: give a NAME, or --list", file=sys.stderr)
        return 1
    try:
        if options.index is not None:
            from course_lib.generated import write_page
            from course_lib.snippet_index import index

            write_page(index(), options.index, force=options.force)
            print(f"Wrote {options.index}")
            return 0
        text = export(options.name)
        if options.output is None:
            if isinstance(sys.stdout, io.TextIOWrapper):  # not so where a test or a notebook reads
                sys.stdout.reconfigure(encoding="utf-8")
            sys.stdout.write(text)
        else:
            with options.output.open(
                "w" if options.force else "x", encoding="utf-8", newline="\n"
            ) as f:
                f.write(text)
            print(f"Wrote {options.output}")
    except FileExistsError:
        there = options.index or options.output
        print(f"course snippet: {there} exists; --force overwrites it", file=sys.stderr)
        return 1
    except (SnippetError, ValueError, OSError) as error:
        print(f"course snippet: {error}", file=sys.stderr)
        return 1
    return 0
