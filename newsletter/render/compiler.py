"""Compiling a campaign: templates, body, names and pictures are checked together, and made into a Composition."""

import dataclasses
import functools
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from newsletter.audience.models import Subscriber
from newsletter.campaigns.models import Campaign
from newsletter.errors import ChecksFailed, Place, Problem
from newsletter.files.project import SETTINGS_FILE, Project
from newsletter.files.toml import parse_toml
from newsletter.render import tree
from newsletter.render.attachments import attachments
from newsletter.render.body import parse_body
from newsletter.render.completeness import lost_parts, outside_of_blocks, unprinted
from newsletter.render.composition import TRIAL, Composition, Condition
from newsletter.render.declarations import Declaration, merge
from newsletter.render.deferral.branches import branches, variants
from newsletter.render.deferral.certificate import Certificate
from newsletter.render.deferral.merge import SlotMerge
from newsletter.render.deferral.readers import strangers
from newsletter.render.deferred_letter import NOBODY, DeferredLetter, everybody, nobody
from newsletter.render.environment import Names
from newsletter.render.fingerprint import content_hash, file_hashes, letter_hash
from newsletter.render.finish import Finish
from newsletter.render.images import image_reader, template_pictures
from newsletter.render.names import mentions
from newsletter.render.origin import Origin
from newsletter.render.picture import Album
from newsletter.render.pieces import BUILT_IN_PARTS, Plan, Planner
from newsletter.render.renderer import IsMember, Renderer
from newsletter.render.roots import STANDARD_FIELDS, Roots, brand_view, sender_view
from newsletter.render.script import Programs, Script, environment
from newsletter.render.templates import BESIDE, FOLDER, Family, Templates, TemplateSandbox, gather
from newsletter.render.text_part import FRAME, words
from newsletter.render.values import read_data
from newsletter.render.views import step_view
from newsletter.settings.model import Settings

SNIPPETS = "campaigns/_snippets"


class Compiler:
    """One compilation. Problems are collected; what can still be checked after one is checked."""

    def __init__(
        self,
        project: Project,
        settings: Settings,
        campaign: Campaign,
        *,
        columns: Collection[str],
        segments: Collection[str],
    ) -> None:
        self.project = project
        self.settings = settings
        self.campaign = campaign
        self.columns = frozenset(columns) | frozenset(STANDARD_FIELDS)
        self.segments = segments
        self.problems: list[Problem] = []
        self.origins: dict[str, Origin] = {}
        self.templates = Templates(project, campaign.folder)
        self.album = Album(project, settings.assets_url)
        self.attached, problems = attachments(project, campaign)
        self.problems += problems
        self.html = environment(TemplateSandbox, campaign, self.templates, autoescape=True)
        self.text = environment(TemplateSandbox, campaign, self.templates, autoescape=False)

    def compose(self, is_member: IsMember) -> Composition:
        """The Composition. Raises ChecksFailed with all problems."""
        body = self._body()
        main, frame = self._frames()
        family = self._gather(self.html, main, self.campaign.place("template"))
        text_family = self._gather(self.text, frame, self.campaign.place("template"))
        if main not in family.trees:  # nothing to hold the body against
            raise ChecksFailed(*self.problems)
        blocks = self._blocks(body)
        for one in (family, text_family, *blocks.values()):
            self.problems += outside_of_blocks(one)
        declaration = self._declaration(family, text_family, blocks)
        reader = image_reader(self.album, self._folders(Place(self.campaign.file)))
        data = read_data(self.campaign, declaration.data, reader)
        # What a part of a template that can't be read declares or prints, nobody knows.
        whole = not any(one.problems for one in (family, text_family, *blocks.values()))
        self.problems += data.problems if whole else ()
        plan = self._plan(body, declaration, blocks)
        frames = {main: family} if frame == FRAME else {main: family, frame: text_family}
        if whole:
            self.problems += lost_parts(body, {self.templates.file_of(name): frames[name] for name in frames})
        sources = [*family.sources, *(source for block in blocks.values() for source in block.sources)]
        addresses, problems = template_pictures(sources, self.album, self.campaign.folder)
        self.problems += problems
        brand = self._brand([family, text_family, *blocks.values()])
        roots = Roots(self.campaign, self.settings, columns=self.columns, data=data.html, brand=brand)
        self._check_names(roots, (family, text_family), blocks)
        script = Script(self.project, self.campaign, self.templates, plan, body, main, frame, blocks, data)
        programs, compiled = script.programs(self.html, self.text, roots.everywhere)
        # What the body said in its own words.
        said = {problem.place for problem in self.problems if problem.is_error}
        self.problems += [problem for problem in compiled.problems if problem.place not in said]
        self.origins |= compiled.origins
        self._stop_on_errors()
        if programs is None:
            raise AssertionError("a source that does not compile is a problem")
        renderer = self._renderer(script, programs, brand, addresses, is_member)
        letter = DeferredLetter.of(script, renderer)
        # With all branches in one letter, MJML has seen what it would see in each.
        failed = self._try_out(renderer, both=bool(plan.choices) and isinstance(letter, ChecksFailed))
        if isinstance(letter, ChecksFailed):
            raise letter
        merge = letter.merge()
        if failed and not _fails(merge, NOBODY):  # what is only wrong in whole letters is wrong nevertheless
            raise ChecksFailed(*dict.fromkeys(failed))
        declared = dataclasses.replace(declaration, attributes=self.pictures.attributes)
        self.problems += unprinted(declared, [family], blocks)
        proving = letter.proving()
        proof = Certificate(merge, proving, self._strangers(), self.campaign.place("template"), letter.apart)
        named = {
            (one.place.file, one.place.line): str(Condition(one.segment, one.negated, one.place))
            for one in plan.choices
        }
        return dataclasses.replace(
            self._composition(renderer, merge, proof, body, plan),
            gaps=letter.gaps(),
            written=letter.manuscript(),
            branches=functools.partial(branches, proving),
            variants=functools.partial(variants, proving, named),
        )

    def _renderer(
        self,
        script: Script,
        programs: Programs,
        brand: Names,
        addresses: Mapping[str, str],
        is_member: IsMember,
    ) -> Renderer:
        html, text = script.forms(programs, self.html, self.text)
        renderer = Renderer(
            campaign=self.campaign,
            subject=programs.subject,
            preheader=programs.preheader,
            html=html,
            text=text,
            plan=script.plan,
            brand=brand,
            step=step_view(self.campaign),
            sender=sender_view(self.campaign, self.settings),
            words=Names("words", words(self.campaign.language)),
            columns=self.columns,
            is_member=is_member,
            origins=self.origins,
            finish=Finish(self.campaign, self.templates, addresses),
        )
        return dataclasses.replace(renderer, marking=functools.cache(lambda: script.marked(renderer)))

    def _stop_on_errors(self) -> None:
        if any(problem.is_error for problem in self.problems):
            raise ChecksFailed(*dict.fromkeys(self.problems))

    def _body(self) -> tree.Body:
        names = [PurePosixPath(file).stem for file in self.project.find(SNIPPETS, "*.md")]

        def snippet(name: str) -> tuple[str, str] | None:
            file = f"{SNIPPETS}/{name}.md"
            return (file, self.project.read_text(file)) if name in names else None

        body, problems = parse_body(
            self.campaign.body,
            file=self.campaign.file,
            first_line=self.campaign.body_line,
            language=self.campaign.language,
            snippet=snippet,
            snippets=names,
        )
        self.problems += problems
        return body

    def _frames(self) -> tuple[str, str]:
        """The names of the campaign's template and of the one that frames the text part."""
        name = self.campaign.template
        main = name if name.startswith(BESIDE) else f"{name}.mjml"
        text = main.removesuffix(".mjml") + ".txt"
        return main, text if self.templates.exists(text, self.campaign.place("template")) else FRAME

    def _gather(self, environment: TemplateSandbox, name: str, place: Place) -> Family:
        family = gather(environment, self.templates, name, place)
        self.problems += [problem for problem in family.problems if problem not in self.problems]
        self.origins |= {source.file: source.origin for source in family.sources}
        return family

    def _blocks(self, body: tree.Body) -> dict[str, Family]:
        """What draws the parts of this body, by the part's name: its template and its text template together."""
        there = {PurePosixPath(name).stem for name in self.templates.names("blocks")}
        families: dict[str, Family] = {}
        for name in sorted({*_used(body)} & (there | {*BUILT_IN_PARTS})):
            place = Place(self.campaign.file)
            family = self._gather(self.html, f"blocks/{name}.mjml", place)
            if f"blocks/{name}.mjml" not in family.trees:
                continue
            families[name] = family
            if self.templates.exists(f"blocks/{name}.txt"):
                text = self._gather(self.text, f"blocks/{name}.txt", place)
                family.sources += text.sources
                family.trees |= text.trees
        return families

    def _declaration(self, family: Family, text_family: Family, blocks: Mapping[str, Family]) -> Declaration:
        own, problems = merge(source.declaration for source in (*family.sources, *text_family.sources))
        drawn = [source.declaration for block in blocks.values() for source in block.sources]
        everything, more = merge([own, *(Declaration(data=declaration.data) for declaration in drawn)])
        self.problems += dict.fromkeys((*problems, *more))
        return dataclasses.replace(own, data=everything.data)

    def _plan(self, body: tree.Body, declaration: Declaration, blocks: Mapping[str, Family]) -> Plan:
        drawn = blocks["picture"].sources if "picture" in blocks else []
        self.pictures, problems = merge([declaration, *(source.declaration for source in drawn)])
        self.problems += [problem for problem in problems if problem not in self.problems]
        names = [PurePosixPath(file).stem for file in self.templates.names("blocks")]
        planner = Planner(
            template=self.campaign.template,
            declaration=declaration,
            blocks={name: family.sources[0].declaration for name, family in blocks.items()},
            block_names=[name for name in names if name not in BUILT_IN_PARTS],
            pictures=self.pictures,
            album=self.album,
            folders=self._folders,
            segments=self.segments,
            language=self.campaign.language,
        )
        plan = planner.plan(body)
        self.problems += plan.problems
        return plan

    def _folders(self, place: Place) -> tuple[str, ...]:
        """Where a picture may lie: beside the file that names it, beside the campaign, in templates/."""
        return tuple(dict.fromkeys((place.file.rpartition("/")[0], self.campaign.folder, FOLDER)))

    def _brand(self, families: Iterable[Family]) -> Names:
        logo = ""
        file = self.settings.brand.logo
        if file and any(mentions(family.trees.values(), "logo") for family in families):
            try:
                logo = self.album.take(file, (".", FOLDER), self._settings_place("brand", "logo")).src
            except ChecksFailed as failed:
                self.problems += failed.problems
        return brand_view(self.settings, logo)

    def _settings_place(self, *keys: str) -> Place:
        return parse_toml(self.project.read_text(SETTINGS_FILE), file=SETTINGS_FILE).value(*keys)

    def _check_names(self, roots: Roots, frames: tuple[Family, Family], blocks: Mapping[str, Family]) -> None:
        for family in frames:
            self.problems += roots.frame_problems(self.html, family)
        for name, family in blocks.items():
            self.problems += roots.part_problems(self.html, name, family, self.pictures.attributes)

    def _try_out(self, renderer: Renderer, *, both: bool) -> list[Problem]:
        """Render for a person without any fields: what MJML refuses, it refuses for everybody.

        both: once as a member of every segment, too
        What fails in Jinja may fail only for that empty person: it comes back, and the rehearsal asks the real ones.
        """
        failures: list[Problem] = []
        for member in (False, True) if both else (False,):
            alone = dataclasses.replace(renderer, is_member=everybody if member else nobody)
            try:
                self.problems += alone.findings(NOBODY, TRIAL)
            except ChecksFailed as failed:
                self.problems += [problem for problem in failed.problems if problem.code[0] in "TP"]
                failures += [problem for problem in failed.problems if problem.code[0] not in "TP"]
        self._stop_on_errors()
        return failures

    def _strangers(self) -> list[Subscriber]:
        hosts = sorted(self.campaign.utm.hosts) if self.campaign.utm else []
        return strangers(self.columns, self.settings.attributes, *hosts[:1])

    def _composition(
        self,
        renderer: Renderer,
        merge: SlotMerge,
        proof: Certificate,
        body: tree.Body,
        plan: Plan,
    ) -> Composition:
        drawn = {source.file for source in self.templates.read.values() if not source.built_in}
        drawn |= {picture.file for picture in self.album.used} | set(body.snippets)
        drawn |= {each.file for each in self.attached}
        hashes = file_hashes(self.project, {*drawn, *self.campaign.sources, self.campaign.file})
        shown = {file: hashes[file] for file in drawn}
        return Composition(
            campaign=self.campaign,
            sha256=content_hash(self.campaign, self.settings, shown),
            letter=letter_hash(self.campaign, self.settings, shown),
            merge=merge,
            join=merge.fill,
            size=merge.size,
            subject=merge.subject_of,
            shows=merge.shows,
            static_size=merge.static_size,
            static=merge.static,
            anchors=merge.anchors,
            whole=renderer,
            prove=proof.prove,
            source=renderer.mjml,
            sources=hashes,
            pictures=() if self.settings.assets_url else tuple(used.inline() for used in self.album.used),
            attachments=self.attached,
            hosted={used.name: used.data for used in self.album.used},
            findings=tuple(dict.fromkeys((*self.problems, *self.album.findings()))),
            conditions=tuple(
                dict.fromkeys(Condition(one.segment, one.negated, one.place) for one in plan.choices)
            ),
        )


def _fails(merge: SlotMerge, reader: Subscriber) -> bool:
    try:
        merge(reader, TRIAL)
    except ChecksFailed:
        return True
    return False


def _used(body: tree.Body) -> Iterator[str]:
    """The names of the parts that a body has; `text`, `picture`, `button`, or a block's."""

    def walk(items: Iterable[tree.Item]) -> Iterator[str]:
        for item in items:
            if isinstance(item, tree.Only):
                yield from walk(item.items)
            elif isinstance(item, tree.Block):
                yield item.name
                yield from walk(item.children)
            elif not isinstance(item, tree.Control):
                yield type(item).__name__.lower()

    for section in (body.intro, *body.sections, body.closing):
        yield from walk(section.items)
