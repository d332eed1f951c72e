"""Downloads from a real HTTP server on the loopback address."""

import gzip
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from skhep_dnn.datasets import fetch_higgsml
from skhep_dnn.exceptions import DataFileError, DownloadError

NAME = "atlas-higgs-challenge-2014-v2.csv.gz"


class _Handler(BaseHTTPRequestHandler):
    """Sends `server.body`; breaks off after `server.sent` bytes if that is less."""

    def do_GET(self):
        self.server.requests.append(self.path)
        self.send_response(self.server.status)
        if self.server.announced is not None:
            self.send_header("Content-Length", str(self.server.announced))
        self.end_headers()
        self.wfile.write(self.server.body[: self.server.sent])

    def log_message(self, format, *args):
        """Keep quiet."""


@pytest.fixture
def server(small_file, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.requests, httpd.status = [], 200
    serve(httpd, small_file)
    thread = threading.Thread(
        target=httpd.serve_forever, kwargs={"poll_interval": 0.01}
    )
    thread.start()
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def serve(httpd, body, sent=None, *, announced=True):
    httpd.body, httpd.sent = body, sent
    httpd.announced = len(body) if announced else None


def fetch(httpd, folder, **options):
    url = f"http://127.0.0.1:{httpd.server_port}/files/{NAME}"
    options = {"progressbar": False} | options
    return fetch_higgsml("train", data_home=folder, url=url, **options)


def left_behind(folder):
    return [file.name for file in folder.rglob("*")] if folder.exists() else []


def test_good_download_is_kept_and_used_again(server, tmp_path):
    folder = tmp_path / "new" / "cache"
    first = fetch(server, folder)
    assert left_behind(folder) == [NAME]
    second = fetch(server, folder, download_if_missing=False)
    assert server.requests == [f"/files/{NAME}"]
    assert first.frame.equals(second.frame)
    assert len(first.data) == 200
    assert first.share == 1.0


def test_progress_bar_goes_to_standard_error(server, tmp_path, capsys):
    fetch(server, tmp_path, progressbar=True)
    captured = capsys.readouterr()
    assert "100%" in captured.err
    assert not captured.out


def test_interrupted_transfer_leaves_nothing_and_can_be_repeated(
    server, small_file, tmp_path
):
    serve(server, small_file, sent=len(small_file) // 2)
    with pytest.raises(DownloadError, match=r"must complete, got \d+ bytes and then"):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []
    serve(server, small_file)
    assert len(fetch(server, tmp_path).data) == 200


def test_short_body_of_unknown_length_is_refused(server, small_file, tmp_path):
    serve(server, small_file, sent=len(small_file) // 2, announced=False)
    with pytest.raises(DataFileError, match=r"cannot be read .*Nothing was kept"):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []


def test_flipped_bits_are_refused(server, small_file, tmp_path):
    middle = len(small_file) // 2
    damaged = bytes(b ^ 0xFF for b in small_file[middle : middle + 20])
    serve(server, small_file[:middle] + damaged + small_file[middle + 20 :])
    with pytest.raises(DataFileError, match="Nothing was kept"):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    "body", [b"<html>Please log in</html>", b"", gzip.compress(b"<html></html>")]
)
def test_a_page_instead_of_the_file_is_refused(server, tmp_path, body):
    serve(server, body)
    with pytest.raises(DataFileError, match="Nothing was kept"):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []


def test_refused_content_is_not_kept(server, small_events, tmp_path):
    shorter = small_events.iloc[:-1].to_csv(index=False)
    serve(server, gzip.compress(shorter.encode()))
    with pytest.raises(DataFileError, match="must have 20 events, got 19"):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []


def test_missing_page_names_the_status(server, tmp_path):
    server.status = 404
    with pytest.raises(DownloadError, match="404"):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []


def test_unreachable_server(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadError, match="pass its `path`"):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []


def test_interrupt_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("skhep_dnn.datasets._higgsml.read_higgsml", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(server, tmp_path)
    assert left_behind(tmp_path) == []


def test_damaged_cache_is_reported_with_its_path(server, small_file, tmp_path):
    fetch(server, tmp_path)
    (tmp_path / NAME).write_bytes(small_file[:-100])
    with pytest.raises(DataFileError, match=rf"{NAME}'. It was damaged .* delete it"):
        fetch(server, tmp_path)
    assert len(server.requests) == 1


def test_missing_file_without_permission_to_download(server, tmp_path):
    with pytest.raises(FileNotFoundError, match="download_if_missing=False"):
        fetch(server, tmp_path, download_if_missing=False)
    assert server.requests == []


def test_missing_pooch_names_the_extra(server, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match=r'pip install "skhep-dnn\[data\]"'):
        fetch(server, tmp_path)


def test_default_folder_is_the_cache_of_the_system(server, tmp_path, monkeypatch):
    import pooch  # noqa: PLC0415

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / project)
    fetch(server, None)
    assert left_behind(tmp_path / "skhep_dnn") == [NAME]


def test_a_folder_that_cannot_be_made(server, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    message = r"The folder of downloads must be one that can be made.*`data_home`.*XDG_"
    for folder in (blocked, blocked / "cache"):
        with pytest.raises(DownloadError, match=message):
            fetch(server, folder)
    assert server.requests == []
    assert blocked.read_text() == "in the way"


def test_a_cache_of_the_system_that_cannot_be_made(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.delenv("SKHEP_DNN_DATA", raising=False)
    monkeypatch.setattr(
        "skhep_dnn.datasets._higgsml.default_cache",
        lambda: tmp_path / "file" / "skhep_dnn",
    )
    with pytest.raises(DownloadError, match="can be made and written to"):
        fetch(server, None)
