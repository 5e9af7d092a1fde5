"""The player and a hybrid file in one page, which plays it from disk: browsers load no modules from files."""

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Final

from ns_ray.errors import FileError, HybridError

PAGE: Final = Path(__file__).resolve().parent
"""The folder of the page."""
LARGEST: Final = 256 << 20
"""Bytes of a hybrid file that a page may hold."""
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z0-9_]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|class|const) (\w+))", re.MULTILINE)
_SCRIPT = '<script type="module" src="player.js"></script>'
_LOADER = """<script>
(async () => {
  const held = (id) => document.getElementById(id).textContent;
  const script = (id) => URL.createObjectURL(new Blob([JSON.parse(held(id))], { type: "text/javascript" }));
  const blob = async (id) => (await fetch(`data:application/octet-stream;base64,${held(id)}`)).blob();
  const wasm = URL.createObjectURL(await blob("wasm"));
  const stream = await blob("stream");
  globalThis.playerFiles = { engine: script("engine"), thread: "", wasm, type: "classic", stream };
  const player = document.createElement("script");
  player.src = script("player");
  document.body.append(player);
})();
</script>"""


def exported(hybrid: Path) -> bytes:
    """A page, in HTML, that plays a hybrid file; it needs nothing else.

    Args:
        hybrid: the file.

    Raises:
        FileError: it cannot be read, or the player's WebAssembly was not built.
        HybridError: it is too large for a page.
    """
    page = (PAGE / "index.html").read_text()
    assert _SCRIPT in page
    try:
        size = hybrid.stat().st_size
        if size > LARGEST:
            raise HybridError(
                f"{hybrid} has {size >> 20} MiB, more than a page should hold ({LARGEST >> 20}); "
                "let a web server serve it beside ns_ray/player (docs/player.md)"
            )
        stream = b64encode(hybrid.read_bytes()).decode()
    except OSError as error:
        raise FileError(f"{hybrid} cannot be read ({error.strerror})") from error
    held = "".join(
        f'<script type="text/plain" id="{name}">{text}</script>\n'
        for name, text in (
            *((name, json.dumps(bundled(f"{name}.js")).replace("<", "\\u003c")) for name in ("engine", "player")),
            ("wasm", b64encode(wasm().read_bytes()).decode()),
            ("stream", stream),
        )
    )
    return page.replace(_SCRIPT, held + _LOADER).encode()


def wasm() -> Path:
    """The player's WebAssembly.

    Raises:
        FileError: it was not built.
    """
    path = PAGE / "player.wasm"
    if not path.is_file():
        raise FileError(
            f"{path} was not built: pip install ziglang, then install this package again with "
            "pip install --no-build-isolation (docs/player.md)"
        )
    return path


def bundled(name: str) -> str:
    """A module of the page with all that it imports, as one script that imports nothing.

    Each module becomes a function, which gives what it exports.
    """
    parts: list[str] = []
    done: set[str] = set()

    def add(module: str) -> None:
        done.add(module)
        text = (PAGE / module).read_text()
        for _, other in _IMPORT.findall(text):
            if other not in done:
                add(other)
        exports = ", ".join(name for _, name in _EXPORT.findall(text))
        body = _EXPORT.sub(r"\1", _IMPORT.sub(r'const \1 = modules["\2"];', text))
        parts.append(f'modules["{module}"] = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();\n')

    add(name)
    return "const modules = {};\n" + "".join(parts)
