"""Everything below campaigns/ becomes a Catalogue: what loads, and what does not with its problems."""

from newsletter.campaigns.campaign_file import load_campaign
from newsletter.campaigns.find import find
from newsletter.campaigns.layers import Defaults
from newsletter.campaigns.models import Campaign, Catalogue, Sequence
from newsletter.campaigns.sequence_file import load_sequence
from newsletter.errors import Problem
from newsletter.files.project import Project
from newsletter.settings.model import Settings


def load_catalogue(project: Project, settings: Settings) -> Catalogue:
    """Read all campaigns and sequences. Reads only; raises nothing for a file's mistakes.

    A broken campaign breaks only itself, a broken step its sequence, a broken _defaults.toml what lies
    below it. An id with an error is neither among the campaigns nor the sequences; `problems` may hold
    warnings and hints of those that load.
    """
    found, defaults = find(project), Defaults(project)
    campaigns: dict[str, Campaign] = {}
    sequences: dict[str, Sequence] = {}
    problems: dict[str, tuple[Problem, ...]] = dict(found.problems)
    for name, file in found.campaigns.items():
        campaign, findings = load_campaign(project, settings, defaults, name=name, file=file)
        if campaign:
            campaigns[name] = campaign
        if findings:
            problems[name] = findings
    for name, folder in found.sequences.items():
        sequence, findings = load_sequence(project, settings, defaults, name=name, folder=folder)
        if sequence:
            sequences[name] = sequence
        if findings:
            problems[name] = findings
    return Catalogue(campaigns, sequences, problems)
