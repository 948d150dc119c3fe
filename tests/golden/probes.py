"""One small letter for each feature of MJML: what the official compiler makes of it is the golden file beside.

`make golden` renews the golden files; a probe is one component with one attribute, or one way of putting them together.
"""

IMAGE = "https://example.org/a.png"
ICONS = 'icon-wrapped-url="https://example.org/w.png" icon-unwrapped-url="https://example.org/u.png"'
ARROWS = 'left-icon="https://example.org/l.png" right-icon="https://example.org/r.png"'
PARA = "<mj-text>Hej</mj-text>"


def body(content: str, head: str = "", attributes: str = "") -> str:
    head = f"<mj-head>{head}</mj-head>" if head else ""
    return f'<mjml lang="sv" dir="ltr">{head}<mj-body{" " * bool(attributes)}{attributes}>{content}</mj-body></mjml>'


def section(content: str, attributes: str = "") -> str:
    return f"<mj-section {attributes}>{content}</mj-section>"


def column(content: str, attributes: str = "") -> str:
    return body(section(f"<mj-column {attributes}>{content}</mj-column>"))


def each(name: str, cases: dict[str, str], make) -> dict[str, str]:
    return {f"{name}-{case}": make(attributes) for case, attributes in cases.items()}


PROBES = {
    "body": body(section(f"<mj-column>{PARA}</mj-column>")),
    "body-width": body(section(f"<mj-column>{PARA}</mj-column>"), attributes='width="480px"'),
    "body-background": body(section(f"<mj-column>{PARA}</mj-column>"), attributes='background-color="#eee"'),
    "body-css-class": body(section(f"<mj-column>{PARA}</mj-column>"), attributes='css-class="whole"'),
    "body-raw": body(f"<mj-raw><p>rått</p></mj-raw>{section(f'<mj-column>{PARA}</mj-column>')}<mj-raw><!-- x --></mj-raw>"),
    "body-empty": body(""),
    "head-title": body(PARA.join(("<mj-section><mj-column>", "</mj-column></mj-section>")), "<mj-title>Rubrik å &amp; ä</mj-title>"),
    "head-preview": body(section(f"<mj-column>{PARA}</mj-column>"), "<mj-preview>Förhandstext</mj-preview>"),
    "head-style": body(section(f"<mj-column>{PARA}</mj-column>"), "<mj-style>.a > b { color: red }</mj-style>"),
    "head-breakpoint": body(section(f"<mj-column>{PARA}</mj-column>"), '<mj-breakpoint width="320px"/>'),
    "head-font": body(section('<mj-column><mj-text font-family="Raleway, Arial">x</mj-text></mj-column>'),
                      '<mj-font name="Raleway" href="https://example.org/raleway.css"/>'),
    "head-font-unused": body(section(f"<mj-column>{PARA}</mj-column>"), '<mj-font name="Raleway" href="https://example.org/r.css"/>'),
    "head-attributes": body(section(f'<mj-column>{PARA}<mj-text color="red">y</mj-text></mj-column>'),
                            '<mj-attributes><mj-text color="#123" padding="0"/><mj-all font-family="Arial"/></mj-attributes>'),
    "head-class": body(section('<mj-column><mj-text mj-class="big red">x</mj-text></mj-column>'),
                       '<mj-attributes><mj-class name="big" font-size="20px"/><mj-class name="red" color="red"/></mj-attributes>'),
    "head-attributes-padding": body(section(f"<mj-column>{PARA}</mj-column>") + section(f"<mj-column>{PARA}</mj-column>", 'padding="0"'),
                                    '<mj-attributes><mj-section padding="0 40px 0 60px"/></mj-attributes>'),
    "head-class-padding": body(section(f"<mj-column>{PARA}</mj-column>", 'mj-class="narrow"'),
                               '<mj-attributes><mj-class name="narrow" padding="0 40px 0 60px"/></mj-attributes>'),
    "raw-in-head": body(section(f"<mj-column>{PARA}</mj-column>"), "<mj-raw><meta name='x' content='y'></mj-raw>"),
    "raw-file-start": body(section(f"<mj-column>{PARA}</mj-column>")).replace("<mj-body>", '<mj-raw position="file-start"><!-- start --></mj-raw><mj-body>'),
    "raw-in-column": column(f"{PARA}<mj-raw><tr><td>rått</td></tr></mj-raw>{PARA}"),
    "raw-in-section": body(section(f"<mj-column>{PARA}</mj-column><mj-raw><!-- x --></mj-raw><mj-column>{PARA}</mj-column>")),
    "section-empty": body(section("")),
    "wrapper": body(f'<mj-wrapper padding="10px" background-color="#abcdef">{section(f"<mj-column>{PARA}</mj-column>")}</mj-wrapper>'),
    "wrapper-two": body(f'<mj-wrapper>{section(f"<mj-column>{PARA}</mj-column>")}{section(f"<mj-column>{PARA}</mj-column>")}</mj-wrapper>'),
    "wrapper-full-width": body(f'<mj-wrapper full-width="full-width" background-color="#abc">{section(f"<mj-column>{PARA}</mj-column>")}</mj-wrapper>'),
    "wrapper-border": body(f'<mj-wrapper border="2px solid #000">{section(f"<mj-column>{PARA}</mj-column>")}</mj-wrapper>'),
    "wrapper-padding-four": body(f'<mj-wrapper padding="0 40px 0 60px">{section(f"<mj-column>{PARA}</mj-column>")}</mj-wrapper>'),
    "wrapper-gap": body(f'<mj-wrapper gap="20px">{section(f"<mj-column>{PARA}</mj-column>")}{section(f"<mj-column>{PARA}</mj-column>")}</mj-wrapper>'),
    "columns-two": body(section(f"<mj-column>{PARA}</mj-column><mj-column>{PARA}</mj-column>")),
    "columns-three": body(section(f"<mj-column>{PARA}</mj-column>" * 3)),
    "columns-px": body(section(f'<mj-column width="200px">{PARA}</mj-column><mj-column width="400px">{PARA}</mj-column>')),
    "columns-percent": body(section(f'<mj-column width="33.3%">{PARA}</mj-column><mj-column width="66.7%">{PARA}</mj-column>')),
    "columns-mixed": body(section(f'<mj-column width="25%">{PARA}</mj-column><mj-column>{PARA}</mj-column>')),
    "group": body(section(f"<mj-group><mj-column>{PARA}</mj-column><mj-column>{PARA}</mj-column></mj-group>")),
    "group-width": body(section(f'<mj-group width="400px"><mj-column width="25%">{PARA}</mj-column><mj-column width="75%">{PARA}</mj-column></mj-group><mj-column width="200px">{PARA}</mj-column>')),
    "group-background": body(section(f'<mj-group background-color="#eee" direction="rtl" vertical-align="middle"><mj-column>{PARA}</mj-column><mj-column>{PARA}</mj-column></mj-group>')),
    "text-html": column('<mj-text><h1>Rubrik</h1><p>å <a href="https://example.org/?a=1&amp;b=2">länk</a><br>1 &lt; 2</p></mj-text>'),
    "text-nbsp": column("<mj-text>28&nbsp;juni — ”citat” 👨‍👩‍👧</mj-text>"),
    "table": column('<mj-table><tr style="border-bottom:1px solid #ecedee"><th>År</th><td>2015</td></tr></mj-table>'),
    "button": column('<mj-button href="https://example.org/?a=1&amp;b=2">Läs mer</mj-button>'),
    "button-no-link": column("<mj-button>Läs mer</mj-button>"),
    "image": column(f'<mj-image src="{IMAGE}" alt="En bild på å" />'),
    "image-no-alt": column(f'<mj-image src="{IMAGE}" />'),
    "image-too-wide": column(f'<mj-image src="{IMAGE}" width="900px" alt="x" />'),
    "image-padding": column(f'<mj-image src="{IMAGE}" padding="10px 50px" alt="x" />'),
    "image-in-half": body(section(f'<mj-column><mj-image src="{IMAGE}" width="400px" alt="x"/></mj-column><mj-column>{PARA}</mj-column>')),
    "image-in-padded-column": column(f'<mj-image src="{IMAGE}" width="900px" alt="x" />', 'padding="0 30px 0 50px"'),
    "image-padding-four": column(f'<mj-image src="{IMAGE}" padding="10px 50px 10px 60px" alt="x" />'),
    "image-wide-padding-four": column(f'<mj-image src="{IMAGE}" width="580px" padding="10px 50px 10px 60px" alt="x" />'),
    "image-wide-border": column(f'<mj-image src="{IMAGE}" width="900px" border="10px solid #000" padding="0" alt="x" />'),
    "image-wide-side": column(f'<mj-image src="{IMAGE}" width="900px" padding="0 10px" padding-left="100px" alt="x" />'),
    "image-in-group": body(section(f'<mj-group><mj-column><mj-image src="{IMAGE}" width="400px" alt="x"/></mj-column><mj-column>{PARA}</mj-column></mj-group>')),
    "image-in-wrapper": body(f'<mj-wrapper padding="0 40px">{section(f"""<mj-column><mj-image src="{IMAGE}" width="600px" alt="x"/></mj-column>""")}</mj-wrapper>'),
    "image-in-border": column(f'<mj-image src="{IMAGE}" width="900px" alt="x" />', 'border="20px solid #000" inner-border="5px solid #111"'),
    "image-in-hero": body(f'<mj-hero height="300px" background-url="{IMAGE}" background-width="600px" background-height="300px"><mj-image src="{IMAGE}" width="900px" alt="x"/></mj-hero>'),
    "image-percent": column(f'<mj-image src="{IMAGE}" width="184px" alt="x" />', 'width="150px"'),
    "image-in-column-percent": body(section(f'<mj-column width="25%"><mj-image src="{IMAGE}" width="184px" padding="0" alt="x" /></mj-column><mj-column width="75%">{PARA}</mj-column>', 'padding="0 20px"')),
    "button-padding-four": column('<mj-button href="https://example.org/" inner-padding="1px 20px 3px 40px" padding="0 10px 0 30px">x</mj-button>'),
    "divider-padding-four": column('<mj-divider padding="0 10px 0 50px" />'),
    "divider-in-border": column("<mj-divider />", 'border="20px solid #000" padding="5px"'),
    "carousel-in-padding": column(f'<mj-carousel {ARROWS} padding="0 20px 0 40px"><mj-carousel-image src="{IMAGE}" alt="1"/></mj-carousel>', 'padding="0 30px 0 10px"'),
    "hero-padding-four": body(f'<mj-hero height="300px" padding="10px 40px 10px 60px" background-url="{IMAGE}" background-width="600px" background-height="300px">{PARA}</mj-hero>'),
    "hero-columns": body(f'<mj-hero height="300px" inner-padding="10px" inner-background-color="#eee" vertical-align="middle" background-url="{IMAGE}" background-width="600px" background-height="300px">{PARA}<mj-button href="https://example.org/">x</mj-button></mj-hero>'),
    "wrapper-padding-side": body(f'<mj-wrapper padding="10px 20px" padding-left="50px">{section(f"<mj-column>{PARA}</mj-column><mj-column>{PARA}</mj-column>")}</mj-wrapper>'),
    "column-padding-side": column(f'<mj-image src="{IMAGE}" width="900px" alt="x" />', 'padding="10px 20px" padding-left="50px"'),
    "column-in-percent-border": body(section(f'<mj-column width="40%" border="5px solid #000"><mj-image src="{IMAGE}" width="900px" alt="x" /></mj-column><mj-column width="60%">{PARA}</mj-column>')),
    "image-quote": column(f'<mj-image src="{IMAGE}" alt="Hon sa &quot;hej&quot; 👋 &amp; gick" />'),
    "divider": column("<mj-divider />"),
    "spacer": column('<mj-spacer height="50px" />'),
    "hero": body(f'<mj-hero mode="fixed-height" height="300px" background-url="{IMAGE}" background-width="600px" background-height="300px">{PARA}</mj-hero>'),
    "hero-fluid": body(f'<mj-hero mode="fluid-height" background-url="{IMAGE}" background-width="600px" background-height="300px">{PARA}</mj-hero>'),
    "hero-side-padding": body(f'<mj-hero mode="fixed-height" height="300px" padding="10px 40px" background-url="{IMAGE}" background-width="600px" background-height="300px">{PARA}</mj-hero>'),
    "social": column(f'<mj-social><mj-social-element name="facebook" src="{IMAGE}" href="https://example.org/">Följ</mj-social-element></mj-social>'),
    "social-vertical": column(f'<mj-social mode="vertical" icon-size="30px"><mj-social-element src="{IMAGE}" href="https://example.org/" alt="x">Följ</mj-social-element><mj-social-element src="{IMAGE}" href="https://example.org/2" background-color="#123">Mer</mj-social-element></mj-social>'),
    "social-two": column(f'<mj-social font-size="15px" align="left"><mj-social-element src="{IMAGE}" href="https://example.org/">A</mj-social-element><mj-social-element src="{IMAGE}" href="https://example.org/">B</mj-social-element></mj-social>'),
    "navbar": column('<mj-navbar><mj-navbar-link href="https://example.org/a">Ett</mj-navbar-link><mj-navbar-link href="https://example.org/b" color="#00f">Två</mj-navbar-link></mj-navbar>'),
    "navbar-base-url": column('<mj-navbar base-url="https://example.org" align="left"><mj-navbar-link href="/a">Ett</mj-navbar-link></mj-navbar>'),
    "navbar-hamburger": column('<mj-navbar hamburger="hamburger" ico-color="#123"><mj-navbar-link href="https://example.org/a">Ett</mj-navbar-link></mj-navbar>'),
    "accordion": column(f"<mj-accordion {ICONS}><mj-accordion-element><mj-accordion-title>Fråga</mj-accordion-title><mj-accordion-text>Svar <b>fet</b></mj-accordion-text></mj-accordion-element></mj-accordion>"),
    "accordion-two": column(f'<mj-accordion {ICONS} icon-position="left" border="none"><mj-accordion-element background-color="#eee"><mj-accordion-title color="#123">A</mj-accordion-title><mj-accordion-text color="#456">B</mj-accordion-text></mj-accordion-element><mj-accordion-element><mj-accordion-title>C</mj-accordion-title><mj-accordion-text>D</mj-accordion-text></mj-accordion-element></mj-accordion>'),
    "carousel": column(f'<mj-carousel {ARROWS}><mj-carousel-image src="{IMAGE}" alt="1"/><mj-carousel-image src="{IMAGE}" alt="2" href="https://example.org/"/></mj-carousel>'),
    "carousel-thumbnails": column(f'<mj-carousel {ARROWS} thumbnails="visible" tb-width="80px"><mj-carousel-image src="{IMAGE}" alt="1" thumbnails-src="{IMAGE}"/><mj-carousel-image src="{IMAGE}" alt="2"/></mj-carousel>'),
    **each("section", {
        "padding-one": 'padding="30px"', "padding-two": 'padding="10px 50px"', "padding-three": 'padding="0 50px 10px"',
        "padding-four": 'padding="0 100px 0 200px"', "padding-left": 'padding-left="80px"', "padding-sides": 'padding="0 20px" padding-right="60px"',
        "border": 'border="3px solid #f00"', "border-left": 'border-left="10px solid #000"', "border-radius": 'border-radius="12px"',
        "background-color": 'background-color="#ABC"', "background-url": f'background-url="{IMAGE}"',
        "background-all": f'background-url="{IMAGE}" background-color="#fff" background-size="cover" background-repeat="no-repeat" background-position="top left"',
        "background-full": f'full-width="full-width" background-url="{IMAGE}" background-size="100px 50px"',
        "full-width": 'full-width="full-width" background-color="#ddeeff"', "direction": 'direction="rtl"', "text-align": 'text-align="left"',
        "text-padding": 'text-padding="10px"', "css-class": 'css-class="one two"',
    }, lambda a: body(section(f"<mj-column>{PARA}</mj-column><mj-column>{PARA}</mj-column>", a))),
    **each("column", {
        "padding-two": 'padding="10px 20px"', "padding-four": 'padding="0 30px 0 50px"', "padding-left": 'padding-left="40px"',
        "border": 'border="3px solid #f00"', "border-radius": 'border-radius="8px" background-color="#eee"',
        "background-color": 'background-color="#eee"', "inner": 'inner-background-color="#fff" inner-border="1px solid #ccc" inner-border-radius="4px" padding="8px"',
        "vertical-align": 'vertical-align="middle"', "direction": 'direction="rtl"', "width": 'width="300px"', "css-class": 'css-class="one"',
    }, lambda a: column(PARA, a)),
    **each("text", {
        "align": 'align="center"', "color": 'color="#f00"', "font": 'font-family="Georgia, serif" font-size="20px" font-style="italic" font-weight="bold"',
        "line-height": 'line-height="1.5"', "letter-spacing": 'letter-spacing="1px"', "height": 'height="100px"', "decoration": 'text-decoration="underline"',
        "transform": 'text-transform="uppercase"', "padding": 'padding="1px 2px 3px 4px"', "container": 'container-background-color="#eee"', "css-class": 'css-class="copy ink"',
    }, lambda a: column(f"<mj-text {a}>Hej</mj-text>")),
    **each("button", {
        "align": 'align="left"', "color": 'background-color="#123" color="#fff"', "border": 'border="2px solid #000" border-radius="20px"', "width": 'width="200px"',
        "height": 'height="44px"', "inner-padding": 'inner-padding="12px 30px"', "font": 'font-family="Georgia" font-size="18px" font-weight="bold" line-height="1.2"',
        "rel": 'rel="noopener" target="_self" title="Hej"', "vertical-align": 'vertical-align="top"', "text": 'text-align="left" text-transform="uppercase" letter-spacing="1px" text-decoration="underline"',
        "padding": 'padding="0 0 20px 0"', "css-class": 'css-class="knapp"', "container": 'container-background-color="#eee"',
    }, lambda a: column(f'<mj-button href="https://example.org/" {a}>Läs</mj-button>')),
    **each("image", {
        "width": 'width="200px"', "height": 'height="100px"', "align": 'align="left"', "border": 'border="1px solid #000" border-radius="8px"',
        "href": 'href="https://example.org/" rel="x" target="_self" title="t"', "fluid": 'fluid-on-mobile="true" width="300px"', "srcset": 'srcset="https://example.org/b.png 2x" sizes="100vw"',
        "max-height": 'max-height="80px"', "name": 'name="n" usemap="#m"', "container": 'container-background-color="#eee"', "padding": 'padding="0"', "font-size": 'font-size="20px"',
    }, lambda a: column(f'<mj-image src="{IMAGE}" alt="x" {a} />')),
    **each("divider", {
        "border": 'border-color="#f00" border-style="dashed" border-width="2px"', "width": 'width="50%"', "width-px": 'width="200px"', "align": 'align="left" width="100px"',
        "padding": 'padding="0 10px"', "container": 'container-background-color="#eee"',
    }, lambda a: column(f"<mj-divider {a} />")),
    **each("table", {
        "font": 'font-family="Georgia" font-size="16px" line-height="20px" color="#123"', "width": 'width="300px"', "layout": 'table-layout="fixed"',
        "cell": 'cellpadding="5" cellspacing="2" border="1px solid #000"', "align": 'align="center"', "role": 'role="presentation"',
    }, lambda a: column(f"<mj-table {a}><tr><td>a</td></tr></mj-table>")),
}  # fmt: skip
