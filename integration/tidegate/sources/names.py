"""How places are spelled: which source a path names, what may be shown of it, and which names a glob means."""

from __future__ import annotations

import re
from typing import get_args
from urllib.parse import quote, urlsplit, urlunsplit

from tidegate.config import DataSource
from tidegate.errors import Misuse, nearest

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCHEMES: dict[str, DataSource] = {
    "s3": "blob_storage", "az": "blob_storage", "abfss": "blob_storage", "http": "url", "https": "url",
}  # fmt: skip
# Azure's public cloud and its national ones. A path may name no other host: our credentials would be sent to it.
_BLOB_HOST = re.compile(
    r"([a-z0-9]{3,24})\.(?:blob|dfs)\.core\.(?:windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)", re.IGNORECASE
)
_WILD = re.compile(r"[*?\[]")


def source_of(path: str, told: DataSource | None) -> DataSource:
    """The source that a path belongs to.

    Args:
        path: as the user spelled it.
        told: the configuration's `data_source`.

    Raises:
        Misuse: there is no source for such a path, or not the one that was told.
    """
    if told == "local_path":
        return told
    found = _SCHEME.match(path)
    scheme = found[1].lower() if found else ""
    host, query = _host_and_query(path) if found else ("", "")
    if found and scheme not in _SCHEMES:
        hint = "Give the path alone." if scheme == "file" else nearest(scheme, _SCHEMES)
        raise Misuse(f"There is no source for {masked(path)}: {scheme}:// is not read.", hint)
    means: DataSource = _SCHEMES[scheme] if found else "local_path"
    # A link that is signed brings its own right to read, and needs no credentials of ours.
    if scheme == "https" and blob_account(host) and not query:
        means = "blob_storage"
    if told is None or told == means or (told == "url" and scheme == "https"):
        return told or means
    if told == "blob_storage" and query:
        raise Misuse(
            f"{masked(path)} carries a query.",
            "Credentials of blob storage never come from the path; a signed link is read by data_source url.",
        )
    raise Misuse(f"{masked(path)} is no path of data_source {told}.", f"Known are: {', '.join(get_args(DataSource))}.")


def _host_and_query(uri: str) -> tuple[str, str]:
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise Misuse(f"{masked(uri)} is no URL.", "Is a bracket missing?") from None
    return parts.hostname or "", parts.query


def blob_account(host: str) -> str | None:
    """The storage account that a host of Azure's is named after, or None for any other host."""
    found = _BLOB_HOST.fullmatch(host)
    return found[1].lower() if found else None


def masked(uri: str) -> str:
    """A URI as it may be shown: without user, password and fragment, and without the values in its query.

    Which of them are secret cannot be known from their names, so all are taken for it.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return f"{uri.split(':', 1)[0]}://***"
    user, _, host = parts.netloc.rpartition("@")
    # In abfss://container@account... it is no user.
    shown = user if parts.scheme == "abfss" and ":" not in user else "***"
    netloc = f"{shown}@{host}" if user else host
    query = "&".join(f"{part.partition('=')[0]}=***" if "=" in part else "***" for part in parts.query.split("&"))
    return plain(urlunsplit((parts.scheme, netloc, parts.path, query if parts.query else "", "")))


def plain(text: str) -> str:
    """Text with what cannot be seen, such as control and bidirectional characters, percent-encoded."""
    return "".join(c if c.isprintable() else quote(c, safe="", errors="surrogatepass") for c in text)


def is_glob(path: str) -> bool:
    """Whether a path may mean several names."""
    return _WILD.search(path) is not None


def fixed_part(glob: str) -> str:
    """The folder that all names lie in which a glob can mean, with its slash; empty where there is none."""
    found = _WILD.search(glob)
    folder, slash, _ = glob[: found.start() if found else None].rpartition("/")
    return folder + slash


def pattern(glob: str) -> re.Pattern[str]:
    """What a glob means: `*` and `?` within one part of a name, `**` any parts, `[a-c]` and `[!a-c]` one character.

    As in a shell, no wildcard stands for a dot at the beginning of a part.
    """
    folders, last = glob.split("/")[:-1], glob.split("/")[-1]
    anywhere = r"(?:(?!\.)[^/]+/)*"
    parts = [anywhere if part == "**" else _part(part) + "/" for part in folders]
    parts += [anywhere, _part("*")] if last == "**" else [_part(last)]
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:
        raise Misuse(f"{masked(glob)} is no glob: its brackets are wrong.", "Such as [a-c] or [!a-c].") from None


def _part(part: str) -> str:
    """One part of a glob as a regular expression."""
    out, at = [r"(?!\.)" if part[:1] in ("*", "?", "[") else ""], 0
    while at < len(part):
        end = part.find("]", at + (3 if part[at + 1 : at + 2] == "!" else 2)) if part[at] == "[" else -1
        if end > 0:
            inside = part[at + 1 : end]
            negated, inside = inside.startswith("!"), inside.removeprefix("!")
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside)
            out.append(f"(?!/)[{'^' if negated else ''}{inside}]")
            at = end
        elif part[at] == "*":
            out.append("[^/]*")
        else:
            out.append("[^/]" if part[at] == "?" else re.escape(part[at]))
        at += 1
    return "".join(out)


def ends_in(path: str) -> str:
    """The last part of a name: what a file is called."""
    return path.rstrip("/").rpartition("/")[2]
