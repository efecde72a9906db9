"""The web servers that docs/AUDIENCES.md sets up, run as written there: who signs in sees their folders, and no others.

A stand-in takes the place of the sign-in: it says who the user is by the header that oauth2-proxy would pass on.
"""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from needed import needs
from openchargeback.publish.audiences import build_audiences
from programs import find

DOCUMENT = Path(__file__).parents[2] / "docs/AUDIENCES.md"
ADA, BEN = "ada.okafor@example.edu", "Ben.Ruiz-with-a-Name-of-Many-Parts@departments.of.the.faculty.example.edu"
ROW = '2025-01-01,{cost},Compute,r-1,"{{""pi_email"": ""{pi}"", ""project_id"": ""{project}"", ""fund_org"": ""F-1""}}"'
ROWS = (12, ADA, "genomics"), (7, BEN, "optics"), (3, BEN, "genomics")
CHARGES = "\n".join(
    [
        "BillingPeriodStart,BilledCost,ServiceName,ResourceId,Tags",
        *(ROW.format(cost=cost, pi=pi, project=project) for cost, pi, project in ROWS),
    ]
)
CONFIG = """organization: Example University
journal: {credit_fund: RC-1}
email: {finance: finance@example.edu}
"""

# LuaHookCheckUserID runs where mod_auth_openidc would sign the person in.
SIGN_IN = """function sign_in(r)
    local person = r.headers_in["X-Forwarded-Email"]
    if not person then return 401 end
    r.user = person
    return apache2.OK
end
"""
APACHE = """ServerRoot {home}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {home}/apache.pid
ErrorLog {home}/error.log
DefaultRuntimeDir {home}
{modules}
LuaHookCheckUserID {home}/sign_in.lua sign_in early
<Directory />
    Require all denied
</Directory>
DirectoryIndex index.html
<VirtualHost 127.0.0.1:{port}>
{snippet}
</VirtualHost>
"""
MODULES = "mpm_event", "unixd", "authn_core", "authz_core", "authz_user", "alias", "autoindex", "dir", "lua"
NGINX = """daemon off;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
{snippet}
}}
"""

Ask = Callable[[str, str], int]
"""The status of the answer to a person (email address, or empty) who asks for a path."""


def snippet(language: str, folder: Path) -> str:
    """The configuration in the document, for this folder."""
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1].replace("/srv/billing/folders", str(folder))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("web")
    root = place / "ledger"
    for name, text in (("config.yaml", CONFIG), ("charges/2025-01/hpc.csv", CHARGES)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    build_audiences(root, place / "folders", None, pdfs=False)
    # Servers drop their privileges; pytest keeps its folders private.
    for each in (place, *place.parents[:2]):
        each.chmod(0o755)
    return place / "folders"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def nginx(folder: Path, home: Path, port: int) -> list[str]:
    text = snippet("nginx", folder).replace("127.0.0.1:8081", f"127.0.0.1:{port}")
    (home / "nginx.conf").write_text(NGINX.format(home=home, snippet=text), encoding="utf-8")
    return [find("nginx") or "", "-p", str(home), "-e", str(home / "error.log"), "-c", str(home / "nginx.conf")]


def apache(folder: Path, home: Path, port: int) -> list[str]:
    built_in = subprocess.run([find("apache2") or "", "-l"], check=True, capture_output=True, text=True).stdout
    place = next(each for each in map(Path, ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules")) if each.is_dir())
    wanted = [name for name in MODULES if f"mod_{name}.c" not in built_in]
    modules = "\n".join(f"LoadModule {name}_module {place}/mod_{name}.so" for name in wanted)
    (home / "sign_in.lua").write_text(SIGN_IN, encoding="utf-8")
    text = APACHE.format(home=home, port=port, modules=modules, snippet=snippet("apache", folder))
    (home / "apache.conf").write_text(text, encoding="utf-8")
    return [find("apache2") or "", "-D", "FOREGROUND", "-f", str(home / "apache.conf")]


@pytest.fixture(
    scope="module", params=[pytest.param(nginx, marks=needs("nginx")), pytest.param(apache, marks=needs("apache2"))]
)
def ask(request: pytest.FixtureRequest, folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A running server."""
    home, port = tmp_path_factory.mktemp("server"), free_port()
    home.chmod(0o755)
    command = request.param(folders, home, port)

    def status(person: str, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", path, headers={"X-Forwarded-Email": person} if person else {})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            for _ in range(200):
                assert server.poll() is None, server.stdout.read() if server.stdout else ""
                try:
                    status("", "/")
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            yield status
        finally:
            server.terminate()


def folder_of(folders: Path, start: str) -> str:
    (found,) = [each.name for each in folders.iterdir() if each.name.startswith(start)]
    return f"/{found}"


def test_a_pi_sees_their_own_folder_and_those_of_their_projects(ask: Ask, folders: Path) -> None:
    known = BEN.lower()
    for person, start in ((ADA, "pi-ada"), (known, "pi-ben"), (ADA, "project-genomics"), (known, "project-optics")):
        place = folder_of(folders, start)
        for path in (
            f"{place}/",
            f"{place}/index.html",
            f"{place}/assets/portal.css",
            f"{place}/data/2025-01/lines.csv",
        ):
            assert ask(person, path) == 200, path


def test_anyone_else_is_refused(ask: Ask, folders: Path) -> None:
    others = "pi-ben", "project-optics", "finance"
    for person in (ADA, "", "eve@example.edu", f"{ADA}.au", f"x{ADA}", "*", "default"):
        for start in others:
            for path in ("/", "/index.html", "/charges/2025-01/data.js", "/data/2025-01/lines.csv", "/nothing"):
                status = ask(person, folder_of(folders, start) + path)
                assert status == 403 or (not person and status == 401), (person, start, path)
    assert ask("finance@example.edu", "/finance/index.html") == 200


def test_no_way_of_writing_a_path_leads_around_the_rules(ask: Ask, folders: Path) -> None:
    own, other = folder_of(folders, "pi-ada"), folder_of(folders, "pi-ben")
    for path in (
        f"{own}/..{other}/index.html",
        f"{own}/%2e%2e{other}/index.html",
        f"/{other}/index.html",
        f"/.{other}/index.html",
        f"/public/..{other}/index.html",
        f"/public/%2e%2e{other}/index.html",
        f"/%70{other[2:]}/index.html",
        f"{other}%2findex.html",
    ):
        assert ask(ADA, path) in (400, 403, 404), path


def test_the_public_folder_is_for_everyone(ask: Ask) -> None:
    assert [ask(person, "/public/index.html") for person in ("", ADA)] == [200, 200]
    assert ask("", "/public/") == 200


@pytest.mark.parametrize("path", ["/audiences.json", "/manifest.json", "/access/nginx.conf", "/access/apache.conf"])
def test_what_says_who_sees_what_is_not_served(ask: Ask, path: str) -> None:
    assert [ask(person, path) for person in ("", ADA, "finance@example.edu")] == [404, 404, 404]
    assert ask(ADA, path.upper()) in (403, 404)


def test_there_is_no_list_of_folders(ask: Ask) -> None:
    assert ask(ADA, "/") in (403, 404)
