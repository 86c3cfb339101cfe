"""Chinese anywhere: the glyphs that a page uses, cut out of a free font and embedded in it."""

from __future__ import annotations

import base64
import html
import io
import logging
import re
from functools import lru_cache
from pathlib import Path

FAMILY = "Playbook Sans SC"
# From the CJK radicals on: everything that Latin fonts leave out. Punctuation of Chinese text is included.
_FIRST_CJK = 0x2E80
_EXTRA = "“”‘’—…·"
_DATA_URI = re.compile(r'src="data:[^"]+"')


def face_css(page: str) -> str:
    """Return an ``@font-face`` with just the Chinese glyphs of a page; empty if it has none.

    Parameters
    ----------
    page : str
        HTML of the page; pictures embedded in it are not looked into.

    Returns
    -------
    str
        CSS with the font (Noto Sans SC, OFL) as a data URI, some 0.2 kB a glyph.
    """
    text = html.unescape(_DATA_URI.sub("", page))
    glyphs = "".join(sorted({character for character in text if ord(character) >= _FIRST_CJK}))
    if not glyphs:
        return ""
    data = base64.b64encode(_subset(glyphs + _EXTRA)).decode("ascii")
    return f'@font-face{{font-family:"{FAMILY}";src:url(data:font/woff;base64,{data}) format("woff")}}'


@lru_cache(maxsize=8)
def _subset(glyphs: str) -> bytes:
    import pylopdf_fonts_zh_cn
    from fontTools import subset

    # fontTools remarks on tables that it drops; nobody reads that in a batch.
    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    options = subset.Options(flavor="woff", layout_features=[], hinting=False, desubroutinize=True, notdef_outline=True)
    options.drop_tables += ["GPOS", "GSUB", "BASE", "VORG", "vhea", "vmtx"]
    file = Path(pylopdf_fonts_zh_cn.__file__).parent / "NotoSansSC-Regular.otf"
    font = subset.load_font(str(file), options, lazy=True)
    cutter = subset.Subsetter(options)
    cutter.populate(text=glyphs)
    cutter.subset(font)
    buffer = io.BytesIO()
    subset.save_font(font, buffer, options)
    return buffer.getvalue()
