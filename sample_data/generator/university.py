"""Who spends: the projects of Northfield University and how they tag their resources.

Names, titles, departments and dates are in `ledger/directory/`; a test keeps the two in sync. All of it is fictional.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Project:
    """A project as its tags show it.

    lab: the account, subscription or group with its resources.
    pi: the email address in its tags, which may be an alias of the one in the directory.
    fund: the accounting string in its tags; empty if it is only in the directory.
    untagged_in: sources where it has its own account, found by the directory's `match`, and no tags.
    """

    id: str
    lab: str
    pi: str
    fund: str = ""
    grant: str = ""
    untagged_in: tuple[str, ...] = ()

    def tags(self) -> dict[str, str]:
        """The tags that its resources should carry."""
        tags = {"pi_email": self.pi, "project_id": self.id, "fund_org": self.fund, "grant_number": self.grant}
        return {key: value for key, value in tags.items() if value}


_PROJECTS = (
    Project("genomics-sequencing", "okafor-lab", "ada.okafor@example.edu", "BIO-2024-001", "GR-20417"),
    Project("single-cell-atlas", "okafor-lab", "ada.okafor@example.edu", "BIO-2023-014", "GR-19882"),
    Project("microbiome-survey", "okafor-lab", "aokafor@example.edu", "BIO-2022-006"),
    Project("climate-model", "halvorsen-group", "soren.halvorsen@example.edu", "", "GR-18830"),
    Project("glacier-mass", "halvorsen-group", "soren.halvorsen@example.edu", "EAR-220-004"),
    Project("lattice-qcd", "zhao-group", "meiling.zhao@example.edu", "PHY-77A-010", "GR-20031"),
    Project("quantum-dots", "zhao-group", "meiling.zhao@example.edu", "PHY-81C-002"),
    Project("plasma-jets", "zhao-group", "meiling.zhao@example.edu", "PHY-64B-007", "GR-17345"),
    Project("catalysis-screening", "fernandez-lab", "lucia.fernandez@example.edu", "CHM-4410-003"),
    Project("drug-binding", "fernandez-lab", "lucia.fernandez@example.edu", "CHM-4472-001", "GR-20655"),
    Project("language-models", "wisniewski-lab", "tomasz.wisniewski@example.edu", "CS-LM24-001", "GR-20790"),
    Project("network-measurement", "wisniewski-lab", "tomasz.wisniewski@example.edu", "CS-NET-012"),
    Project("protein-folding", "raghunathan-lab", "priya.raghunathan@example.edu", "BME-310-005", "GR-20118"),
    Project("cardiac-imaging", "raghunathan-lab", "priya.raghunathan@example.edu", "BME-322-001"),
    Project("labor-markets", "asante-group", "kwabena.asante@example.edu", "ECON-15-008"),
    Project("trade-networks", "asante-group", "kwabena.asante@example.edu"),
    Project("endangered-speech", "beaumont-lab", "elise.beaumont@example.edu", "LIN-2024-002", "GR-19407"),
    Project("alloy-design", "tanemura-lab", "hiroshi.tanemura@example.edu", "MSE-909-004", "GR-20266"),
    Project("battery-interfaces", "tanemura-lab", "hiroshi.tanemura@example.edu", "MSE-911-001"),
    Project("epi-forecasting", "haddad-group", "Nadia.Haddad@example.edu", "PH-EPI-021", "GR-20502"),
    Project("health-records", "health-records", "nadia.haddad@example.edu", "PH-REC-003", untagged_in=("azure",)),
    Project("sky-survey", "sky-survey", "zoe.vanderberg@example.edu", "AST-3300-001", "GR-18112", ("aws",)),
    Project("exoplanet-transits", "vanderberg-group", "zoe.vanderberg@example.edu", "AST-3315-002"),
    Project("forest-carbon", "delgado-lab", "marcus.delgado@example.edu", "ECL-58-006", "GR-20349"),
    Project("coral-reef-survey", "delgado-lab", "marcus.delgado@example.edu", "ECL-52-001"),
    # What Research Computing runs for everyone is untagged: the default payer of the source pays for it.
    Project("rc-shared", "research-computing", "", "", untagged_in=("aws", "azure")),
)

PROJECTS = {project.id: project for project in _PROJECTS}
