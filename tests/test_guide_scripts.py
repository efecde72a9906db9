"""The scripts of the guides, run: what they collect, what they leave behind if a command fails, and pull requests.

Commands of a site or a provider are stand-ins that write down how they were called, print what the guide's own example
has, and fail if asked to. `date` says that it is 3 February 2025.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import program
from needed import needs

sys.path.insert(0, str(Path(__file__).parent / "focus"))

from deliveries import aws_run, azure_run, put, rows

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLES = DOCS / "export_examples"
DATE = shutil.which("date")
TODAY = f'case "$*" in *-d*) exec {DATE} "$@" ;; *) exec {DATE} -d 2025-02-03 "$@" ;; esac'
LOGGED = 'printf "%s\\n" "${0##*/} $*" >> "$LOG"'


class Site:
    """A folder with stand-ins for commands, and what becomes of a script that is run there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tools = folder / "work", folder / "bin"
        self.folder.mkdir()
        self.log = folder / "log"
        self.log.touch()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "OPENCHARGEBACK_"))}
        self.env = {**kept, "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8", "LOG": str(self.log)}
        self.env["PATH"] = program.put_on_path(self.tools)
        self.has("date", TODAY)

    def has(self, command: str, does: str) -> None:
        """Put a stand-in on the path: a line of the log, then this."""
        put(self.tools / command, f"#!/bin/bash\n{LOGGED}\n{does}\n").chmod(0o755)

    def run(
        self, script: str, *arguments: str, folder: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as a file of its own would be."""
        return subprocess.run(
            ["bash", "-c", script, "script", *arguments],
            cwd=folder or self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def files(self) -> set[str]:
        """What lies in the folder and looks complete."""
        return {path.name for path in self.folder.iterdir() if not path.name.endswith(".part")}

    @property
    def calls(self) -> list[str]:
        """The stand-ins that were called, but for the date, each with its arguments."""
        return [line for line in self.log.read_text().splitlines() if not line.startswith("date ")]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def block(page: str, sign: str, language: str = "sh") -> str:
    """The block of a page that has a text in it."""
    text = (DOCS / page).read_text("utf-8")
    blocks = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    (found,) = [each for each in blocks if sign in each]
    return str(found)


def printing(path: Path) -> str:
    """What a stand-in does that prints a file, and fails in the middle of it if asked to."""
    return f'[ -z "$FAIL" ] || {{ head -c 100 "{path}"; exit 7; }}\ncat "{path}"'


HPC, QUMULO, OPENSTACK = (f"{name}-export-guide.md" for name in ("hpc-slurm-isilon", "qumulo-storage", "openstack"))
LISTED = "JobID,JobIDRaw,Cluster,User,Account,Partition,QOS,State,Submit,Start,End,ElapsedRaw,Suspended,AllocTRES"
CLOUD = "https://cloud.example.edu"
OPENSTACK_CLI = f'case "$*" in *token*) echo secret ;; *endpoint*) echo {CLOUD} ;; *) exit 9 ;; esac'
SUMMARY = (
    "-d begin=2025-01-01T00:00:00Z -d end=2025-02-01T00:00:00Z -d groupby=project_id -d groupby=type -d limit=10000"
)
PARTLY = '[ -z "$FAIL" ] || exit 7'


@dataclass(frozen=True)
class Collected:
    """A script that collects: its page and a text in it, what stands in for commands, a call of these, and the file."""

    page: str
    sign: str
    commands: dict[str, str]
    call: str
    file: str


COLLECTED = {
    "sacct": Collected(
        HPC,
        "sacct -a",
        {"sacct": f'[ "$TZ" = UTC ] || exit 9\n{printing(EXAMPLES / "hpc/sacct.txt")}'},
        f"sacct -a -X -D --noconvert -P -S 2025-01-01T00:00:00 -E 2025-02-01T00:00:00 -o {LISTED}",
        "sacct-2025-01.txt",
    ),
    "isi": Collected(
        HPC,
        "isi quota",
        {"ssh": printing(EXAMPLES / "hpc/isilon-2025-01-31.json")},
        "ssh isilon.example.edu isi quota quotas list --format json",
        "isilon-2025-02-03.json",
    ),
    "nova": Collected(
        OPENSTACK,
        "os-simple-tenant-usage",
        {"openstack": OPENSTACK_CLI, "curl": printing(EXAMPLES / "openstack/usage.json")},
        f"curl --fail --silent --show-error --retry 3 -H X-Auth-Token: secret {CLOUD}/os-simple-tenant-usage"
        "?start=2025-01-01T00:00:00&end=2025-02-01T00:00:00&detailed=1",
        "usage-2025-01.json",
    ),
    "openstack usage": Collected(
        OPENSTACK,
        "openstack usage list",
        {"openstack": f"echo Project; {PARTLY}"},
        "openstack usage list --start 2025-01-01 --end 2025-02-01 -f csv",
        "usage-2025-01.csv",
    ),
    "cloudkitty": Collected(
        OPENSTACK,
        "/v2/summary",
        {"openstack": OPENSTACK_CLI, "curl": printing(EXAMPLES / "openstack/summary.json")},
        f"curl --fail --silent --show-error --get -H X-Auth-Token: secret {CLOUD}/v2/summary {SUMMARY}",
        "summary-2025-01.json",
    ),
    "litellm": Collected(
        "tokens-export-guide.md",
        "psql",
        {"psql": f"echo request_id; {PARTLY}"},
        'psql -v ON_ERROR_STOP=1 litellm -c COPY (SELECT * FROM "LiteLLM_SpendLogs"',
        "litellm-2025-01.csv",
    ),
}


@needs("jq")
@pytest.mark.parametrize("name", COLLECTED)
def test_what_is_collected_is_whole_or_not_there(site: Site, name: str) -> None:
    case = COLLECTED[name]
    for command, does in case.commands.items():
        site.has(command, does)
    script = block(case.page, case.sign)
    if "jq" in script:
        # A command that prints nothing and still ends with 0.
        printed = put(site.folder.parent / "empty", "")
        for command in set(case.commands) - {"openstack"}:
            site.has(command, f"cat {printed}")
        assert site.run(script, "2025-01", ISILON_HOST="isilon.example.edu").returncode != 0
        assert site.files() == set()
        for command, does in case.commands.items():
            site.has(command, does)
    site.env |= {"ISILON_HOST": "isilon.example.edu", "LITELLM_DATABASE": "litellm"}
    failed = site.run(script, "2025-01", FAIL="yes")
    assert failed.returncode != 0
    assert site.files() == set()
    done = site.run(script, "2025-01", FAIL="")
    assert done.returncode == 0, done.stderr
    assert site.files() == {case.file}
    assert case.call in site.calls


@needs("jq")
@pytest.mark.parametrize("answer", ["", "[]", '{"quotas": [], "resume": null}', '{"quotas": [{}], "resume": "1-x"}'])
def test_an_answer_of_onefs_that_is_empty_or_not_whole_is_not_kept(site: Site, answer: str) -> None:
    site.has("ssh", f"printf '%s' '{answer}'")
    assert site.run(block(HPC, "isi quota"), ISILON_HOST="isilon.example.edu").returncode != 0
    assert site.files() == set()


@needs("jq")
@pytest.mark.parametrize("days", [31, 30])
def test_the_idle_cost_of_a_cluster_is_collected(site: Site, days: int) -> None:
    """OpenCost, GET /allocation: a list of days, each an object by namespace."""
    day = {"window": {"start": "2025-01-05T00:00:00Z"}, "cpuCost": 1.5, "ramCost": 0.5, "gpuCost": 0, "totalCost": 2}
    answer = {"code": 200, "data": [{"astro": day, "__idle__": day}] * days}
    site.has("kubectl", "exec sleep 60")
    site.has("curl", f"cat {put(site.folder.parent / 'answer.json', json.dumps(answer))}")
    done = site.run(block("kubernetes-export-guide.md", "port-forward"))
    if days < 31:
        assert done.returncode != 0
        assert "opencost.csv" not in site.files()
        return
    assert done.returncode == 0, done.stderr
    lines = (site.folder / "opencost.csv").read_text().splitlines()
    assert lines[0] == '"Date","Namespace","CPUCost","RAMCost","GPUCost","TotalCost"'
    assert lines[1:] == ['"2025-01-05","astro",1.5,0.5,0,2', '"2025-01-05","__idle__",1.5,0.5,0,2'] * 31


SECTIONS = (
    "What you need",
    "Collect.*",
    "The configs?|Config",
    "A worked example",
    "Edge cases",
    "Schedule|Every month by itself",
    "Troubleshooting|When something goes wrong",
    "Writing a converter of your own, with an assistant",
)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*-export-guide.md")), ids=lambda page: page.stem)
def test_a_guide_has_every_section(page: Path) -> None:
    headings = re.findall(r"^## (.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert [each for each in SECTIONS if not any(re.fullmatch(each, heading) for heading in headings)] == []
    assert re.fullmatch(SECTIONS[-1], headings[-1])


@pytest.mark.parametrize("page", sorted(DOCS.glob("*-export-guide.md")), ids=lambda page: page.stem)
def test_a_workflow_of_a_guide_may_do_what_it_does_and_no_more(page: Path) -> None:
    """Its own permissions, pinned actions, a pull request and nothing that merges."""
    workflow = block(page.name, "jobs:", "yaml")
    assert "\npermissions: {}\n" in workflow
    assert all(re.search(r"@[0-9a-f]{40} # v", line) for line in workflow.splitlines() if "uses:" in line)
    assert "gh pr create" in workflow or "tokens-month.sh" in workflow
    assert "gh pr merge" not in workflow


EXAMPLES_OF_CONFIGS = sorted(
    {
        line
        for page in [*DOCS.glob("*-export-guide.md"), DOCS / "IMPLEMENTATION-GUIDE-TEMPLATE.md"]
        for line in re.findall(
            r"^focus-billing convert \S+ --example-config > \S+$", page.read_text("utf-8"), re.MULTILINE
        )
    }
)


@pytest.mark.parametrize("command", EXAMPLES_OF_CONFIGS)
def test_a_config_to_begin_with_is_printed(site: Site, command: str) -> None:
    """Of the kinds that are built in; `gpu-farm` is the package that the template writes."""
    done = site.run(command)
    assert (done.returncode == 0) == ("gpu-farm" not in command), done.stderr
    (written,) = site.folder.iterdir()
    assert ("\nprovider: " in written.read_text()) == (done.returncode == 0)


# Pull requests


LEDGER = """organization: Northfield University
currency: USD
sources:
  NAME: {label: Northfield, credit_fund: RC-OPS-001, delivery: DELIVERY}
"""


def ledger(site: Site, source: str, delivery: str = "overwrite", **files: Path) -> Path:
    """A clone of a ledger with these files, and a bare repository that it is pushed to."""
    clone, bare = site.folder / "ledger", site.folder / "ledger.git"
    put(clone / "config.yaml", LEDGER.replace("NAME", source).replace("DELIVERY", delivery))
    (clone / "charges").mkdir()
    put(clone / "charges/.gitkeep", "")
    for name, path in files.items():
        put(clone / name.replace("__", "/").replace("_yaml", ".yaml"), path.read_bytes())
    identity = "-c user.name=Ada -c user.email=ada@example.edu"
    done = site.run(
        f"set -e; git init -qb main; git add -A; git {identity} commit -qm Ledger; "
        f"git init -q --bare -b main '{bare}'; git remote add origin '{bare}'; git push -q origin main",
        folder=clone,
    )
    assert done.returncode == 0, done.stderr
    return clone


def steps(page: str) -> list[str]:
    """The scripts of a guide's workflow, without the installation."""
    workflow = block(page, "jobs:", "yaml")
    return [
        re.sub(r"^ {10}", "", each, flags=re.MULTILINE) for each in re.findall(r"run: \|\n((?: {10}.*\n)+)", workflow)
    ]


def delivered(site: Site, cloud: str) -> Path:
    """What a provider delivers of January, below the folder that the guide copies."""
    folder = site.folder.parent / "delivered"
    if cloud == "aws":
        aws_run(folder, "2025-01", rows("2025-01", "10", "20"), run="20250214T030000Z-7c1e")
    elif cloud == "azure":
        azure_run(folder / "focus/monthly", "2025-01", rows("2025-01", "10", "20"), stamp="202502050000")
    elif cloud == "oci":
        put(folder / "FOCUS Reports/2025/01/31/0001.csv.gz", rows("2025-01", "10", "20"))
    else:
        put(folder / "part-000.csv.gz", rows("2025-01", "10", "20"))
    return folder


COPY = 'for each; do case "$each" in exports/*) mkdir -p "$each" && cp -R "{}/." "$each" ;; esac; done'


@pytest.mark.slow
@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp", "oci"])
def test_the_workflow_of_a_cloud_opens_a_pull_request(site: Site, cloud: str) -> None:
    page = f"{cloud}-export-guide.md"
    clone = ledger(site, cloud, "append" if cloud == "oci" else "overwrite")
    folder = delivered(site, cloud)
    for tool in ("aws", "az", "oci", "gcloud", "bq"):
        site.has(tool, COPY.format(folder))
    if cloud in ("gcp", "oci"):
        name = {"gcp": "export-gcp.sh", "oci": "collect-oci.sh"}[cloud]
        put(clone / name, block(page, name)).chmod(0o755)
    if cloud == "gcp":
        site.has(
            "gcloud",
            f'case "$*" in *" ls "*) echo gs://example-billing/focus/2025-01/ ;; *) {COPY.format(folder)} ;; esac',
        )
    opened(site, page, clone, f"{cloud}-2025-01", {f"charges/2025-01/{cloud}.csv.gz"})
    if cloud == "gcp":
        assert "gcloud storage rm --recursive --quiet gs://example-billing/focus/2025-01/" in site.calls
        assert any("TIMESTAMP '2025-02-01'" in call for call in site.log.read_text().splitlines())


USAGE = {
    "hpc": (
        HPC,
        "cluster-2025-01",
        {"hpc", "storage"},
        {"slurm_yaml": "hpc/slurm.yaml", "storage_yaml": "hpc/storage.yaml"},
    ),
    "qumulo": (QUMULO, "storage-2025-01", {"storage"}, {"storage_yaml": "qumulo/storage.yaml"}),
    "azure-local": ("azure-local-vm-export-guide.md", "vms-2025-01", {"vms"}, {"vm_yaml": "azure-local/vm.yaml"}),
    "openstack": (OPENSTACK, "cloud-2025-01", {"cloud"}, {"vm_yaml": "openstack/vm.yaml"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", USAGE)
def test_the_workflow_of_a_conversion_opens_a_pull_request(site: Site, name: str) -> None:
    page, branch, sources, configs = USAGE[name]
    files = {f"conversions__{key}": EXAMPLES / path for key, path in configs.items()}
    clone = ledger(site, "hpc", "overwrite", **files)
    exports = site.folder / "billing"
    for kind in ("slurm", "isilon", "qumulo", "vms", "openstack"):
        shutil.copytree(EXAMPLES / name, exports / kind)
    shutil.copy(EXAMPLES / "hpc/sacct.txt", exports / "slurm/sacct-2025-01.txt")
    shutil.copy(EXAMPLES / "openstack/usage.json", exports / "openstack/usage-2025-01.json")
    charges = {f"charges/2025-01/{source}.csv" for source in sources}
    usage = {f"usage/2025-01/{source}.parquet" for source in sources}
    opened(site, page, clone, branch, charges | usage)


@pytest.mark.slow
def test_the_workflow_of_a_shared_cluster_opens_a_pull_request(site: Site) -> None:
    """With use on every day of the month, as the script demands."""
    page, example = "kubernetes-export-guide.md", DOCS / "kubernetes_example"
    clone = ledger(site, "aws", conversions__shared_yaml=example / "shared.yaml")
    put(clone / "collect-opencost.sh", block(page, "aws s3 cp"))
    head, use, *_ = (example / "opencost.csv").read_text().splitlines()
    days = [use.replace("2025-01-10", f"2025-01-{day:02d}") for day in range(1, 32)]
    put(site.folder / "cloud/all.csv", "".join(f"{line}\n" for line in [head, *days]))
    shutil.copy(example / "nodes.csv", site.folder / "cloud/aws.csv")
    site.has("aws", f'for each; do :; done; cp "{site.folder}/cloud/${{each##*/}}" "$each"')
    (site.folder / "runner").mkdir()
    charges = {"charges/2025-01/aws.csv", "usage/2025-01/aws.parquet"}
    opened(site, page, clone, "kubernetes-2025-01", charges, RUNNER_TEMP=str(site.folder / "runner"))


def opened(site: Site, page: str, clone: Path, branch: str, files: set[str], **more: str) -> None:
    """Run the steps of a workflow; they must push these files on a branch, and open a pull request with it."""
    site.has("gh", "")
    variables = put(site.folder / "github-env", "")
    env = {"GITHUB_ENV": str(variables), "OCI_TENANCY": "ocid1.tenancy.oc1..a", **more}
    for script in steps(page):
        known = dict(line.split("=", 1) for line in variables.read_text().splitlines())
        done = site.run(script.replace("/srv/billing", str(site.folder / "billing")), folder=clone, **env, **known)
        assert done.returncode == 0, done.stdout + done.stderr
    changed = site.run(f"git diff --name-only main origin/{branch}", folder=clone).stdout.split()
    assert set(changed) == files
    (call,) = [call for call in site.calls if call.startswith("gh ")]
    assert call.startswith("gh pr create --title")


@pytest.mark.slow
@needs("jq")
def test_the_script_of_tokens_opens_a_pull_request(site: Site) -> None:
    page = "tokens-export-guide.md"
    text = (DOCS / page).read_text("utf-8")
    example = dict(re.findall(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    clone = ledger(site, "openai")
    put(clone / "openai.yaml", example["openai.yaml"])
    put(clone / "collect-openai.sh", block(page, "collect-openai.sh 2025-01")).chmod(0o755)
    put(site.folder / "answer.json", example["openai-2025-01.json"])
    site.has("curl", f"cat {site.folder}/answer.json")
    site.has("gh", "")
    done = site.run(block(page, "tokens-month.sh: "), folder=clone, OPENAI_ADMIN_KEY="k")
    assert done.returncode == 0, done.stdout + done.stderr
    changed = site.run("git diff --name-only main origin/tokens-2025-01", folder=clone).stdout.split()
    assert changed == ["charges/2025-01/openai.csv", "usage/2025-01/openai.parquet"]
    assert [call for call in site.calls if call.startswith("gh ")] == ["gh pr create --fill --head tokens-2025-01"]


# docs/OPERATIONS.md


@pytest.mark.slow
def test_a_ledger_is_restored_from_its_backup(site: Site) -> None:
    clone = ledger(site, "aws")
    put(clone / "charges/2025-01/aws.csv", rows("2025-01", "10"))
    identity = "-c user.name=Ada -c user.email=ada@example.edu"
    site.run(f"git add -A && git {identity} commit -qm Charges && git push -q origin main", folder=clone)
    backup, bare = site.folder / "backup", site.folder / "new.git"
    backup.mkdir()
    shown = {"/backup/": f"{backup}/", "git@forge.example.edu:rc/ledger.git": str(site.folder / "ledger.git")}
    made = block("OPERATIONS.md", "git clone --mirror")
    restored = block("OPERATIONS.md", "git remote set-url").replace("2025-02-01.bundle", "2025-02-03.bundle")
    other = site.folder.parent / "other"
    other.mkdir()
    for old, new in shown.items():
        made = made.replace(old, new)
        restored = restored.replace(old, str(bare) if new.endswith(".git") else new)
    for script in (f"set -e\n{made}", f"set -e\ngit init -q --bare -b main {bare}\n{restored}"):
        done = site.run(script, folder=other)
        assert done.returncode == 0, done.stdout + done.stderr
    heads = [site.run("git rev-parse main", folder=each).stdout for each in (clone, bare)]
    assert heads[0] == heads[1] != ""


@pytest.mark.slow
def test_an_upgrade_is_a_branch_with_a_plan(site: Site) -> None:
    """But for `init --upgrade`, which needs a program that is not installed from a folder."""
    clone = ledger(site, "aws")
    site.has("pip", "")
    script = block("OPERATIONS.md", "pip install --upgrade")
    assert "focus-billing init --upgrade .\n" in script
    script = script.replace("focus-billing init --upgrade .\n", "")
    done = site.run(f"set -e\n{script}", folder=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.calls == ["pip install --upgrade git+URL@v0.2.0"]
    assert site.run("git branch --show-current", folder=clone).stdout == "upgrade\n"


def test_closing_without_a_source_needs_its_reason() -> None:
    """The command is written in a sentence."""
    text = (DOCS / "OPERATIONS.md").read_text("utf-8")
    (command,) = re.findall(r"`focus-billing (periods close [^`]*)`", text)
    done = program.run(*command.replace('"…"', "x").split(), "--help")
    assert "--without" in done.stdout
    assert "--reason" in done.stdout
