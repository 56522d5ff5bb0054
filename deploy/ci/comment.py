"""Puts a plan into a pull request as a comment, or brings the one that is there up to date.

    python comment.py github plan.md
    python comment.py gitlab plan.md

It knows the comment by its first line. Needs Python's own library only.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

SIZE = 65_000  # GitHub refuses a longer comment
WITHIN_S = 30


def github() -> tuple[str, str, dict[str, str]]:
    """Give where the comments are, where one is, and the headers that let us in."""
    repository = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}"}
    comments = f"{repository}/issues/{os.environ['PULL_REQUEST']}/comments"
    return comments, f"{repository}/issues/comments", headers


def gitlab() -> tuple[str, str, dict[str, str]]:
    """As above."""
    project = f"{os.environ['CI_API_V4_URL']}/projects/{os.environ['CI_PROJECT_ID']}"
    notes = f"{project}/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
    return notes, notes, {"PRIVATE-TOKEN": os.environ["PLAN_TOKEN"]}


HOSTS = {"github": (github, "PATCH"), "gitlab": (gitlab, "PUT")}


def main(host: str, file: str) -> None:
    """Find the comment, and write it."""
    place, change = HOSTS[host]
    comments, one, headers = place()
    text = Path(file).read_text(encoding="utf-8")[:SIZE]
    mark = text.partition("\n")[0]
    number = found(comments, headers, mark)
    if number is None:
        said("POST", comments, headers, {"body": text})
    else:
        said(change, f"{one}/{number}", headers, {"body": text})


def found(comments: str, headers: dict[str, str], mark: str) -> int | None:
    """Give the number of the comment that begins with this line, if there is one."""
    page = 1
    while told := said("GET", f"{comments}?per_page=100&page={page}", headers):
        for comment in told:
            if comment["body"].startswith(mark):
                return comment["id"]
        page += 1
    return None


def said(method: str, url: str, headers: dict[str, str], body: object = None) -> Any:
    """Give what the host answers; a refusal ends the script with its status."""
    data = json.dumps(body).encode() if body else None
    headers = {**headers, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=WITHIN_S) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
