// What a letter looks like, measured in the page: every visible text with its colours, every box with its size.
() => {
  const rgb = (text) => {
    const [r, g, b, a] = text.match(/[\d.]+/g).map(Number);
    return [r, g, b, a === undefined ? 1 : a];
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 255, 255, 1];
  };
  const box = (element) => {
    const { x, y, width, height, bottom, right } = element.getBoundingClientRect();
    return { x, y: y + scrollY, width, height, bottom: bottom + scrollY, right };
  };
  const shown = (element) => element.checkVisibility({ checkOpacity: true }) && element.getClientRects().length > 0;
  const kind = (element) => {
    if (element.closest(".button")) return "button";
    if (element.closest("a")) return "link";
    return "text";
  };

  const texts = [];
  const split = []; // words that go on in the next line
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (!node.data.trim() || !shown(element)) continue;
    const style = getComputedStyle(element);
    const range = document.createRange();
    range.selectNodeContents(node);
    texts.push({
      text: node.data.replace(/[ \n\t]+/g, " ").trim(),
      kind: kind(element),
      size: parseFloat(style.fontSize),
      lineHeight: parseFloat(style.lineHeight) / parseFloat(style.fontSize),
      align: style.textAlign,
      transform: style.textTransform,
      shadow: style.textShadow,
      colour: rgb(style.color),
      ground: ground(element),
      small: element.closest(".small") !== null, // said to be small print by the template
      heading: element.closest("h1,h2,h3") !== null,
      bottom: range.getBoundingClientRect().bottom + scrollY,
    });
    for (const word of node.data.matchAll(/[\p{L}\p{N}]+/gu)) {
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const tops = [...range.getClientRects()].filter((rect) => rect.width > 0).map((rect) => Math.round(rect.top));
      if (new Set(tops).size > 1) split.push(word[0]);
    }
  }

  const all = [...document.body.querySelectorAll("*")].filter(shown);
  const px = (value) => Math.round(parseFloat(value) * 100) / 100;
  const spaces = new Set();
  const flourishes = new Set();
  for (const element of all) {
    const style = getComputedStyle(element);
    for (const side of ["Top", "Right", "Bottom", "Left"]) spaces.add(px(style[`padding${side}`]));
    if (/^(P|H\d|UL|OL|LI)$/.test(element.tagName) || element.matches(".field")) {
      spaces.add(px(style.marginTop));
      spaces.add(px(style.marginBottom));
    }
    if (style.boxShadow !== "none") flourishes.add("shadow");
    if (style.backgroundImage !== "none") flourishes.add("background image");
  }

  const flow = all.filter((e) => /^(P|LI|H\d|IMG)$/.test(e.tagName) || e.matches(".field, .button a"));
  const gaps = [...document.querySelectorAll("h1,h2,h3")].filter(shown).map((heading) => {
    const mine = box(heading);
    const beside = flow.filter((e) => {
      const other = box(e);
      return e !== heading && !e.contains(heading) && other.x < mine.right && other.right > mine.x;
    });
    const above = beside.map(box).filter((b) => b.bottom <= mine.y + 1).map((b) => mine.y - b.bottom);
    const below = beside.map(box).filter((b) => b.y >= mine.bottom - 1).map((b) => b.y - mine.bottom);
    return { heading: heading.textContent, level: heading.tagName, above: Math.min(...above), below: Math.min(...below) };
  });

  const seats = [...flow, ...document.querySelectorAll(".square")].map(box);
  const bands = [...document.querySelectorAll(".tint")].map(box).map((band) =>
    Math.min(...seats.filter((b) => b.y >= band.y + band.height - 1).map((b) => b.y - band.bottom)));

  const lines = [...document.querySelectorAll("p")].filter(shown).flatMap((p) => {
    const style = getComputedStyle(p);
    const count = Math.round(box(p).height / parseFloat(style.lineHeight));
    return count >= 3 && parseFloat(style.fontSize) >= 16 ? [p.textContent.length / (count - 0.5)] : [];
  });

  const unsubscribe = [...document.links].find((a) => a.href.includes("/u/"));
  const footer = unsubscribe.closest("div");
  const wrapper = document.querySelector("body > div[role]");
  return {
    texts,
    split,
    gaps,
    bands, // the space between a tinted ground and what comes next
    lines,
    spaces: [...spaces],
    flourishes: [...flourishes],
    width: document.documentElement.scrollWidth,
    levels: [...document.querySelectorAll("h1,h2,h3,h4,h5,h6")].map((h) => Number(h.tagName[1])),
    h1: document.querySelector("h1") && box(document.querySelector("h1")),
    content: Math.max(...flow.map((e) => box(e).right)) - Math.min(...flow.map((e) => box(e).x)),
    left: Math.min(...flow.map((e) => box(e).x)),
    buttons: [...document.querySelectorAll(".button a")].map((a) => ({ ...box(a), label: a.textContent.trim() })),
    pictures: [...document.images].map((image) => ({
      ...box(image),
      alt: image.getAttribute("alt"),
      natural: [image.naturalWidth, image.naturalHeight],
      square: image.closest(".square") !== null,
      scene: image.closest(".picture:not(.square)") !== null,
    })),
    cut: all // text that its box does not hold
      .filter((e) => e.innerText?.trim() && getComputedStyle(e).overflow !== "visible" &&
        (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1))
      .map((e) => e.outerHTML.slice(0, 200)),
    unnamed: all // links and pictures that say nothing to whom they are read out
      .filter((e) => (e.tagName === "A" && !e.innerText.trim() && !e.querySelector("img[alt]:not([alt=''])")) ||
        (e.tagName === "IMG" && !e.hasAttribute("alt")))
      .map((e) => e.outerHTML),
    footer: {
      text: footer.innerText,
      size: parseFloat(getComputedStyle(footer).fontSize),
      lines: [...footer.querySelectorAll("p")].reduce((sum, p) => {
        const room = parseFloat(getComputedStyle(p).paddingTop) + 2 * (p.querySelector("a") ? 8 : 0);
        return sum + Math.round((box(p).height - room) / parseFloat(getComputedStyle(p).lineHeight));
      }, 0),
      target: box(unsubscribe).height,
    },
    html: [document.documentElement.lang, document.documentElement.dir],
    wrapper: [wrapper.getAttribute("lang"), wrapper.getAttribute("dir")],
    layout: [...document.querySelectorAll("table")].filter((t) => t.getAttribute("role") !== "presentation").length,
  };
}
