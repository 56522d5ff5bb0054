"""CI: the workflows are what the hosts accept, and the comment is one that is kept up to date."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from tests.deploy import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GITHUB, GITLAB, COMMENT = "ci/github-actions.yml", "ci/gitlab-ci.yml", "ci/comment.py"
COVERED = {GITHUB, GITLAB, COMMENT}
MARK = "<!-- migrator plan -->"


@pytest.mark.parametrize(
    ("name", "schema"), [(GITHUB, "vendor.github-workflows"), (GITLAB, "vendor.gitlab-ci")]
)
def test_the_host_accepts_every_key(name: str, schema: str) -> None:
    line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    line += ["--data-transform", "gitlab-ci"] if schema == "vendor.gitlab-ci" else []
    ended = subprocess.run(
        [*line, files.DEPLOY / name], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


class _Host(BaseHTTPRequestHandler):
    """Stands for the host: it keeps comments, thirty others among them, a page at a time."""

    comments: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        page = int(self.path.rpartition("page=")[2])
        self._answer(self.comments if page == 1 else [])

    def do_POST(self) -> None:
        self.comments.append({"id": 99, "body": self._body()})
        self._answer(self.comments[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        [comment] = [each for each in self.comments if each["id"] == number]
        comment["body"] = self._body()
        self._answer(comment)

    do_PUT = do_PATCH  # noqa: N815 - as http.server calls it

    def log_message(self, *_: object) -> None:
        self.asked.append(self.requestline)

    def _body(self) -> str:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return str(told["body"])

    def _answer(self, content: object) -> None:
        self.send_response(200 if "let us in" in str(self.headers) else 401)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


@contextmanager
def host() -> Iterator[str]:
    _Host.comments[:] = [{"id": n, "body": "Looks good."} for n in range(30)]
    _Host.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), _Host)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("name", "variables", "change"),
    [
        (
            "github",
            {
                "GITHUB_API_URL": "",
                "GITHUB_REPOSITORY": "example/shop",
                "GITHUB_TOKEN": "let us in",
                "PULL_REQUEST": "7",
            },
            "PATCH /repos/example/shop/issues/comments/99",
        ),
        (
            "gitlab",
            {
                "CI_API_V4_URL": "",
                "CI_PROJECT_ID": "5",
                "CI_MERGE_REQUEST_IID": "7",
                "PLAN_TOKEN": "let us in",
            },
            "PUT /projects/5/merge_requests/7/notes/99",
        ),
    ],
)
def test_a_second_plan_goes_into_the_comment_of_the_first(
    name: str, variables: dict[str, str], change: str, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.md"
    with host() as url:
        known = {key: value or url for key, value in variables.items()}
        for verdict in ("danger", "safe"):
            plan.write_text(f"{MARK}\n{verdict}")
            line = [sys.executable, str(files.DEPLOY / COMMENT), name, str(plan)]
            subprocess.run(line, env=known, check=True)
    assert [each["body"] for each in _Host.comments[30:]] == [f"{MARK}\nsafe"]
    assert any(each.startswith(change) for each in _Host.asked)


def test_a_token_that_is_refused_fails_the_job(tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text(MARK)
    known = {
        "GITHUB_REPOSITORY": "example/shop",
        "GITHUB_TOKEN": "expired",
        "PULL_REQUEST": "7",
    }
    with host() as url:
        line = [sys.executable, str(files.DEPLOY / COMMENT), "github", str(plan)]
        told = {**known, "GITHUB_API_URL": url}
        ended = subprocess.run(line, env=told, capture_output=True, text=True, check=False)
    assert ended.returncode != 0
    assert "401" in ended.stderr


@pytest.mark.parametrize("name", [GITHUB, GITLAB])
def test_the_marker_and_the_codes_are_those_of_the_command(name: str) -> None:
    text = files.text(name)
    for flag in ("--exit-code", "--markdown", "--html plan.html", "--from-base", "--since"):
        assert flag in text
    assert 'test "$CODE" = 0 ||' in text or 'test "$code" = 0 ||' in text
